//! What a kernel version means for the model: every behaviour that differs by
//! version is one field here, with where it changed.
//!
//! A version "has" a change when it is at or past the mainline release that
//! merged it, or at or past a stable release of its own branch that took it.
//! Distribution kernels that keep an old number and carry backports
//! (`5.4.0-150-generic`) are judged by the number alone.

use core::fmt;

/// A kernel version: `5.10.213`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KernelVersion {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number, 0 for a mainline release.
    pub patch: u16,
}

impl KernelVersion {
    /// The oldest version the model speaks for: connect() searches by parity since 4.2.
    pub const OLDEST: Self = Self::new(4, 2, 0);

    /// A version from its numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// True if this version has a change merged in `mainline` and taken by the
    /// `stable` releases.
    #[must_use]
    pub fn has(self, mainline: Self, stable: &[Self]) -> bool {
        self >= mainline
            || stable.iter().any(|s| s.major == self.major && s.minor == self.minor && self.patch >= s.patch)
    }

    /// True from mainline `major.minor` on.
    #[must_use]
    pub fn since(self, major: u16, minor: u16) -> bool {
        self >= Self::new(major, minor, 0)
    }
}
impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a text is not a kernel release the model can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Nothing there.
    #[error("the kernel version is empty; write for instance `5.10.213`")]
    Empty,
    /// Not `MAJOR.MINOR[.PATCH][-suffix]`.
    #[error("`{text}` is not a kernel version; write for instance `5.10.213` or `6.1`")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// A number above 65535.
    #[error("`{text}` has a number too large for a kernel version")]
    NumberTooLarge {
        /// What was given.
        text: String,
    },
    /// Longer than `uname` can hold (`__NEW_UTS_LEN`, 64 bytes).
    #[error("a kernel release has at most 64 characters, this one has {len}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Before [`KernelVersion::OLDEST`].
    #[error("Linux {version} is older than {}, the first the model knows", KernelVersion::OLDEST)]
    TooOld {
        /// What was asked for.
        version: KernelVersion,
    },
    /// HZ is not one the kernel offers.
    #[error("HZ is 100, 250, 300 or 1000, not {hz}")]
    Hz {
        /// What was given.
        hz: u32,
    },
}

/// How connect() walks the ephemeral ports (net/ipv4/inet_hashtables.c,
/// `__inet_hash_connect`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortSearchGeneration {
    /// One hint shared by all destinations; consecutive connects step by 2.
    /// Linux 4.2 to 5.11, 5.10.118, 5.4.196, 4.19.248.
    GlobalHint,
    /// `table_perturb[256]`: a hint for each hash of the destination (RFC 6056
    /// algorithm 4), still steps of 2; where the first candidate is free, one
    /// search in 16 skips one port more (mainline c579bd1b4021). Linux 5.12 to
    /// 5.17, 5.10.119–124, 5.4.197–200.
    Table256,
    /// `table_perturb[65536]`, steps 2…16 at random, another salt every 10 s.
    /// Linux 5.18, 5.17.9, 5.15.41, 5.10.125, 5.4.201, 4.19.249.
    Hardened,
    /// The same, and sockets with `IP_LOCAL_PORT_RANGE` search in steps of one
    /// port without preferring a parity. Linux 6.8 (commit 207184853dbd).
    HardenedStepOne,
}

impl PortSearchGeneration {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::GlobalHint, Self::Table256, Self::Hardened, Self::HardenedStepOne];

    /// Distance between candidates of one pass. `socket_range`: the socket has
    /// an `IP_LOCAL_PORT_RANGE`.
    #[must_use]
    pub const fn step(self, socket_range: bool) -> u32 {
        match self {
            Self::HardenedStepOne if socket_range => 1,
            Self::GlobalHint | Self::Table256 | Self::Hardened | Self::HardenedStepOne => 2,
        }
    }
}

/// Where the challenge-ACK limit lives (`tcp_challenge_ack_limit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeAckScope {
    /// One counter for the whole host, before Linux 6.1.
    Host,
    /// One a network namespace, off by default, since Linux 6.1.
    Netns,
}

/// A kernel release and everything that follows from its version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a change of its own in the kernel's history")]
pub struct KernelProfile {
    /// The version.
    pub version: KernelVersion,
    /// `uname -r`, as given: `5.10.213-201.855.amzn2.x86_64`.
    pub release: String,
    /// `CONFIG_HZ`, 250 unless set.
    pub hz: u32,
    /// How connect() searches for a source port.
    pub port_search: PortSearchGeneration,
    /// The socket option `IP_LOCAL_PORT_RANGE` exists (Linux 6.3).
    pub local_port_range_option: bool,
    /// Bound sockets are also hashed by address and port (Linux 6.1).
    pub bhash2: bool,
    /// The established hash adds the local port after hashing, so neighbouring
    /// ports sit in neighbouring buckets (Linux 6.15, commit d4438ce68bf1).
    pub ehash_adds_port_after: bool,
    /// Timewait minisocks in the substate FIN_WAIT2 are never reused by
    /// connect() (Linux 6.12; stable trees of October 2024).
    pub fin_wait2_not_reusable: bool,
    /// `tcp_tw_reuse_delay` exists and is compared in milliseconds (Linux
    /// 6.14); before, timestamps are compared in whole seconds.
    pub tw_reuse_delay: bool,
    /// `CurrEstab` counts CLOSE_WAIT too (Linux 6.10, commit a46d0ea5c942;
    /// 5.10.220, 5.15.162, 6.1.95, 6.6.35, 6.9.6).
    pub curr_estab_counts_close_wait: bool,
    /// `tcp_syn_linear_timeouts` exists (Linux 6.5).
    pub syn_linear_timeouts: bool,
    /// Where challenge ACKs are limited.
    pub challenge_ack_scope: ChallengeAckScope,
    /// How often a peer's timestamp clock is taken to tick in a second, for how late
    /// a duplicate ACK may come: 1200 since Linux 6.7 (`tcp_tsval_replay`), 1024 before.
    pub peer_tsval_hz: u16,
    /// `TW` and `TWKilled` count a minisock when it is made; before Linux 5.18 when
    /// its timer expires (`__inet_twsk_schedule`, `tw_timer_handler`).
    pub timewait_counted_when_made: bool,
    /// A bare ACK below RCV.NXT that fails PAWS is dropped without an answer
    /// (`tcp_disordered_ack_check`, Linux 6.14, commit 124c4c32e9f3).
    pub paws_drops_old_ack: bool,
}

impl KernelProfile {
    /// The profile of a release: `5.10.213`, `6.1`, `5.10.213-201.855.amzn2.x86_64`.
    /// Two numbers mean the mainline release, `6.1` is 6.1.0.
    ///
    /// # Errors
    /// If the text is no kernel release or is older than [`KernelVersion::OLDEST`].
    pub fn parse(release: &str) -> Result<Self, ProfileError> {
        let version = parse_version(release)?;
        if version < KernelVersion::OLDEST {
            return Err(ProfileError::TooOld { version });
        }
        let two_numbers = release.split('.').count() == 2 && release.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let release = if two_numbers { version.to_string() } else { release.to_owned() };
        Ok(Self::of(version, release))
    }

    /// The same kernel built with another `CONFIG_HZ`.
    ///
    /// # Errors
    /// If the kernel offers no such tick rate.
    pub fn with_hz(self, hz: u32) -> Result<Self, ProfileError> {
        match hz {
            100 | 250 | 300 | 1000 => Ok(Self { hz, ..self }),
            hz => Err(ProfileError::Hz { hz }),
        }
    }

    fn of(version: KernelVersion, release: String) -> Self {
        Self {
            version,
            release,
            hz: 250,
            port_search: port_search(version),
            local_port_range_option: version.since(6, 3),
            bhash2: version.since(6, 1),
            ehash_adds_port_after: version.since(6, 15),
            fin_wait2_not_reusable: version.has(KernelVersion::new(6, 12, 0), FIN_WAIT2_STABLE),
            tw_reuse_delay: version.since(6, 14),
            curr_estab_counts_close_wait: version.has(KernelVersion::new(6, 10, 0), CURR_ESTAB_STABLE),
            syn_linear_timeouts: version.since(6, 5),
            challenge_ack_scope: if version.since(6, 1) { ChallengeAckScope::Netns } else { ChallengeAckScope::Host },
            peer_tsval_hz: if version.since(6, 7) { 1_200 } else { 1_024 },
            timewait_counted_when_made: version.since(5, 18),
            paws_drops_old_ack: version.since(6, 14),
        }
    }

    /// Default of `net.core.somaxconn`: 4096 since Linux 5.4, 128 before.
    #[must_use]
    pub fn somaxconn_default(&self) -> i32 {
        if self.version.since(5, 4) { 4096 } else { 128 }
    }

    /// Default of `net.ipv4.tcp_tw_reuse`: 2 (loopback only) since Linux 4.19, 0 before.
    #[must_use]
    pub fn tcp_tw_reuse_default(&self) -> i32 {
        if self.version.since(4, 19) { 2 } else { 0 }
    }

    /// Default of `net.ipv4.tcp_challenge_ack_limit` a second: `INT_MAX` since
    /// Linux 6.1, 1000 since 4.7, 100 before.
    #[must_use]
    pub fn tcp_challenge_ack_limit_default(&self) -> i32 {
        match self.challenge_ack_scope {
            ChallengeAckScope::Netns => i32::MAX,
            ChallengeAckScope::Host if self.version.since(4, 7) => 1000,
            ChallengeAckScope::Host => 100,
        }
    }

    /// Default of `net.ipv4.tcp_max_syn_backlog` is the number of established
    /// buckets over this: 128 since Linux 5.5, 256 before (`tcp_sk_init`).
    #[must_use]
    pub fn syn_backlog_divisor(&self) -> u32 {
        if self.version.since(5, 5) { 128 } else { 256 }
    }
}

/// First releases of the stable branches with the perturb table of 256 cells
/// (mainline 5.12, commit 190cc82489f4).
const TABLE_STABLE: &[KernelVersion] = &[KernelVersion::new(5, 10, 119), KernelVersion::new(5, 4, 197)];

/// First releases with the hardened search (mainline 5.18, commit
/// 4c2c8f03a5ab and its series). 5.10.125 and 4.19.249 are read in the patches;
/// 5.17.9, 5.15.41 (the mainline fix's own weeks), 5.4.201, 4.14.285 and
/// 4.9.320 (the day of 5.10.125) are inferred from the release dates.
const HARDENED_STABLE: &[KernelVersion] = &[
    KernelVersion::new(5, 17, 9),
    KernelVersion::new(5, 15, 41),
    KernelVersion::new(5, 10, 125),
    KernelVersion::new(5, 4, 201),
    KernelVersion::new(4, 19, 249),
    KernelVersion::new(4, 14, 285),
    KernelVersion::new(4, 9, 320),
];

/// Stable trees of June and July 2024; all but 5.10.220, 6.1, 6.6 and 6.9 inferred.
const CURR_ESTAB_STABLE: &[KernelVersion] = &[
    KernelVersion::new(6, 9, 6),
    KernelVersion::new(6, 6, 35),
    KernelVersion::new(6, 1, 95),
    KernelVersion::new(5, 15, 162),
    KernelVersion::new(5, 10, 220),
];

/// Stable trees of October 2024, by their dates.
const FIN_WAIT2_STABLE: &[KernelVersion] = &[
    KernelVersion::new(6, 11, 3),
    KernelVersion::new(6, 10, 14),
    KernelVersion::new(6, 6, 55),
    KernelVersion::new(6, 1, 113),
    KernelVersion::new(5, 15, 168),
    KernelVersion::new(5, 10, 227),
];

fn port_search(version: KernelVersion) -> PortSearchGeneration {
    if version.since(6, 8) {
        PortSearchGeneration::HardenedStepOne
    } else if version.has(KernelVersion::new(5, 18, 0), HARDENED_STABLE) {
        PortSearchGeneration::Hardened
    } else if version.has(KernelVersion::new(5, 12, 0), TABLE_STABLE) {
        PortSearchGeneration::Table256
    } else {
        PortSearchGeneration::GlobalHint
    }
}

/// `MAJOR.MINOR[.PATCH[.MORE]]`, then nothing or a suffix that starts with one of `-+_~`.
fn parse_version(text: &str) -> Result<KernelVersion, ProfileError> {
    let malformed = || ProfileError::Malformed { text: text.chars().take(80).collect() };
    if text.is_empty() {
        return Err(ProfileError::Empty);
    }
    if text.len() > 64 {
        return Err(ProfileError::TooLong { len: text.len() });
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, suffix) = text.split_at(end);
    let suffix_is_one = suffix.is_empty() || suffix.starts_with(['-', '+', '_', '~']);
    if !suffix_is_one || !suffix.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(malformed());
    }
    let mut parsed = [0_u16; 3];
    let mut count = 0;
    for part in numbers.split('.') {
        if part.is_empty() {
            return Err(malformed());
        }
        if let Some(slot) = parsed.get_mut(count) {
            *slot = part.parse().map_err(|_| ProfileError::NumberTooLarge { text: text.to_owned() })?;
        }
        count += 1;
    }
    if count < 2 {
        return Err(malformed());
    }
    let [major, minor, patch] = parsed;
    Ok(KernelVersion { major, minor, patch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortSearchGeneration::{GlobalHint, Hardened, HardenedStepOne, Table256};

    fn profile(release: &str) -> KernelProfile {
        KernelProfile::parse(release).unwrap()
    }

    #[test]
    fn releases_keep_their_text() {
        let al2 = profile("5.10.213-201.855.amzn2.x86_64");
        assert_eq!(al2.version, KernelVersion::new(5, 10, 213));
        assert_eq!(al2.release, "5.10.213-201.855.amzn2.x86_64");
        assert_eq!(profile("6.1").release, "6.1.0");
        assert_eq!(profile("6.18.44").version, KernelVersion::new(6, 18, 44));
        assert_eq!(profile("5.4.0.100").version, KernelVersion::new(5, 4, 0));
        assert_eq!(profile("5.4.0.100").release, "5.4.0.100");
        assert_eq!(profile("6.10-rc3").version, KernelVersion::new(6, 10, 0));
        assert_eq!(profile("6.1.0+").release, "6.1.0+");
    }

    #[test]
    fn bad_releases_are_refused_with_the_reason() {
        assert_eq!(KernelProfile::parse(""), Err(ProfileError::Empty));
        for text in ["6", "6.", ".6.1", "6..1", "6.1.", "6.1.y", "v6.1", "six", "6.1 ", "6.1-\u{e9}", "-6.1", "6.1/2"] {
            assert!(matches!(KernelProfile::parse(text), Err(ProfileError::Malformed { .. })), "{text}");
        }
        assert!(matches!(KernelProfile::parse("6.70000"), Err(ProfileError::NumberTooLarge { .. })));
        assert!(matches!(KernelProfile::parse("99999999999999999999.1"), Err(ProfileError::NumberTooLarge { .. })));
        assert_eq!(KernelProfile::parse(&"6.1-".repeat(17)), Err(ProfileError::TooLong { len: 68 }));
        assert!(matches!(KernelProfile::parse("2.6.32"), Err(ProfileError::TooOld { .. })));
        assert!(matches!(KernelProfile::parse("4.1.52"), Err(ProfileError::TooOld { .. })));
    }

    #[test]
    fn port_search_generations_by_version() {
        for (release, generation) in [
            ("4.2", GlobalHint),
            ("4.19.248", GlobalHint),
            ("4.19.249", Hardened),
            ("5.3.18", GlobalHint),
            ("5.4.196", GlobalHint),
            ("5.4.197", Table256),
            ("5.4.201", Hardened),
            ("5.10.118", GlobalHint),
            ("5.10.119", Table256),
            ("5.10.124", Table256),
            ("5.10.125", Hardened),
            ("5.10.213-201.855.amzn2.x86_64", Hardened),
            ("5.11.22", GlobalHint),
            ("5.12", Table256),
            ("5.15.40", Table256),
            ("5.15.41", Hardened),
            ("5.17", Table256),
            ("5.17.9", Hardened),
            ("5.18", Hardened),
            ("6.7.12", Hardened),
            ("6.8", HardenedStepOne),
            ("6.18.44", HardenedStepOne),
            ("7.2", HardenedStepOne),
        ] {
            assert_eq!(profile(release).port_search, generation, "{release}");
        }
        assert!(PortSearchGeneration::ALL.is_sorted());
    }

    /// The first release with each change and the last one without it.
    #[test]
    fn changes_begin_where_they_were_merged() {
        type Change = fn(&KernelProfile) -> bool;
        let cases: &[(&str, &str, Change)] = &[
            ("6.2.16", "6.3", |p| p.local_port_range_option),
            ("6.7.12", "6.8", |p| p.port_search.step(true) == 1),
            ("6.0.19", "6.1", |p| p.bhash2),
            ("6.14.11", "6.15", |p| p.ehash_adds_port_after),
            ("6.13.12", "6.14", |p| p.tw_reuse_delay),
            ("6.4.16", "6.5", |p| p.syn_linear_timeouts),
            ("5.10.219", "5.10.220", |p| p.curr_estab_counts_close_wait),
            ("6.1.94", "6.1.95", |p| p.curr_estab_counts_close_wait),
            ("6.6.34", "6.6.35", |p| p.curr_estab_counts_close_wait),
            ("6.8.12", "6.10", |p| p.curr_estab_counts_close_wait),
            ("6.11.2", "6.11.3", |p| p.fin_wait2_not_reusable),
            ("6.6.54", "6.12", |p| p.fin_wait2_not_reusable),
            ("6.0.19", "6.1", |p| p.challenge_ack_scope == ChallengeAckScope::Netns),
            ("5.3.18", "5.4", |p| p.somaxconn_default() == 4096),
            ("4.18.20", "4.19", |p| p.tcp_tw_reuse_default() == 2),
            ("4.6.7", "4.7", |p| p.tcp_challenge_ack_limit_default() == 1000),
            ("5.4.300", "5.5", |p| p.syn_backlog_divisor() == 128),
        ];
        for (index, &(without, with, change)) in cases.iter().enumerate() {
            assert!(!change(&profile(without)), "case {index}: {without} has it");
            assert!(change(&profile(with)), "case {index}: {with} lacks it");
        }
        // The incident's kernel and the measured one.
        assert!(!profile("5.10.213").curr_estab_counts_close_wait);
        assert!(profile("6.18.44").curr_estab_counts_close_wait);
    }

    #[test]
    fn tick_rates_are_the_kernels() {
        assert_eq!(profile("6.1").hz, 250);
        assert_eq!(profile("6.1").with_hz(1000).unwrap().hz, 1000);
        assert_eq!(profile("6.1").with_hz(60), Err(ProfileError::Hz { hz: 60 }));
    }
}
