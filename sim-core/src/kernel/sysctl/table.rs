//! The sysctls of one number: names, ranges, defaults, first versions.

use super::super::profile::{KernelProfile, KernelVersion};
use super::ram::TableSizes;

/// How a value is stored, checked and printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Any `int` (`proc_dointvec`).
    Int,
    /// An `int` in a range (`proc_dointvec_minmax`).
    IntIn(i32, i32),
    /// One byte, 0–255 (`proc_dou8vec_minmax`); any `int` before Linux 5.13.
    Byte,
    /// One byte in a narrower range; an `int` in it before Linux 5.13.
    ByteIn(i32, i32),
    /// Seconds kept in jiffies (`proc_dointvec_jiffies`): at most `INT_MAX / HZ`.
    Seconds,
    /// Milliseconds kept in jiffies, rounded up (`proc_dointvec_ms_jiffies`).
    Millis,
    /// Mode 0444.
    ReadOnly,
}

/// Where a default comes from.
#[derive(Clone, Copy)]
pub(super) enum Default {
    Fixed(i32),
    Profile(fn(&KernelProfile) -> i32),
    Ram(fn(&KernelProfile, &TableSizes) -> i32),
}

macro_rules! int_sysctls {
    ($($(#[doc = $doc:literal])* $variant:ident $getter:ident = $name:literal, $kind:expr, $default:expr, since $since:expr;)*) => {
        /// A sysctl of one number.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(super) enum IntSysctl { $($variant,)* }

        impl IntSysctl {
            pub(super) const COUNT: usize = [$(Self::$variant,)*].len();
            pub(super) const ALL: [Self; Self::COUNT] = [$(Self::$variant,)*];
            pub(super) const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            pub(super) const fn kind(self) -> Kind { match self { $(Self::$variant => $kind,)* } }
            pub(super) const fn default(self) -> Default { match self { $(Self::$variant => $default,)* } }
            /// Mainline release it appeared in; `(4, 2)` for "always there".
            pub(super) const fn since(self) -> (u16, u16) { match self { $(Self::$variant => $since,)* } }
            pub(super) const fn doc(self) -> &'static str { match self { $(Self::$variant => concat!($($doc, "\n",)*),)* } }
        }

        impl super::Sysctls {
            $($(#[doc = $doc])* #[must_use] pub const fn $getter(&self) -> i32 { self.ints[IntSysctl::$variant as usize] })*
        }
    };
}

const ALWAYS: (u16, u16) = (4, 2);

int_sysctls! {
    /// `net.core.somaxconn`: cap of listen()'s backlog; 4096 since Linux 5.4 (`sysctl_core_net_init`).
    Somaxconn somaxconn = "net.core.somaxconn", Kind::IntIn(0, i32::MAX),
        Default::Profile(KernelProfile::somaxconn_default), since ALWAYS;
    /// `net.ipv4.ip_autobind_reuse`: bind(0) may share ports when all are taken (`inet_csk_find_open_port`).
    IpAutobindReuse ip_autobind_reuse = "net.ipv4.ip_autobind_reuse", Kind::ByteIn(0, 1), Default::Fixed(0), since (5, 7);
    /// `net.ipv4.ip_unprivileged_port_start`: first port a bind() without privilege may take (ip-sysctl).
    IpUnprivilegedPortStart ip_unprivileged_port_start = "net.ipv4.ip_unprivileged_port_start",
        Kind::IntIn(0, 65_535), Default::Fixed(1024), since (4, 11);
    /// `net.ipv4.tcp_abort_on_overflow`: not 0: RST when the accept queue overflows (ip-sysctl).
    TcpAbortOnOverflow tcp_abort_on_overflow = "net.ipv4.tcp_abort_on_overflow", Kind::Byte, Default::Fixed(0), since ALWAYS;
    /// `net.ipv4.tcp_challenge_ack_limit`: challenge ACKs a second; `INT_MAX` is off (RFC 5961 §10).
    TcpChallengeAckLimit tcp_challenge_ack_limit = "net.ipv4.tcp_challenge_ack_limit", Kind::Int,
        Default::Profile(KernelProfile::tcp_challenge_ack_limit_default), since ALWAYS;
    /// `net.ipv4.tcp_child_ehash_entries`: buckets of a new namespace's own table; 0 shares the host's (ip-sysctl).
    TcpChildEhashEntries tcp_child_ehash_entries = "net.ipv4.tcp_child_ehash_entries",
        Kind::IntIn(0, 1 << 24), Default::Fixed(0), since (6, 1);
    /// `net.ipv4.tcp_ehash_entries`: buckets of the established table, read only (`proc_tcp_ehash_entries`).
    TcpEhashEntries tcp_ehash_entries = "net.ipv4.tcp_ehash_entries", Kind::ReadOnly,
        Default::Ram(|_, sizes| sizes.ehash_int()), since (6, 1);
    /// `net.ipv4.tcp_fin_timeout`: s an orphan stays in FIN_WAIT2; TIME_WAIT is always 60 s (`tcp_fin_time`).
    TcpFinTimeout tcp_fin_timeout = "net.ipv4.tcp_fin_timeout", Kind::Seconds, Default::Fixed(60), since ALWAYS;
    /// `net.ipv4.tcp_invalid_ratelimit`: ms between ACKs to out-of-window segments, 0 is off (`__tcp_oow_rate_limited`).
    TcpInvalidRatelimit tcp_invalid_ratelimit = "net.ipv4.tcp_invalid_ratelimit", Kind::Millis, Default::Fixed(500), since ALWAYS;
    /// `net.ipv4.tcp_keepalive_intvl`: s between keepalive probes (`keepalive_intvl_when`).
    TcpKeepaliveIntvl tcp_keepalive_intvl = "net.ipv4.tcp_keepalive_intvl", Kind::Seconds, Default::Fixed(75), since ALWAYS;
    /// `net.ipv4.tcp_keepalive_probes`: keepalive probes before giving up (`keepalive_probes`).
    TcpKeepaliveProbes tcp_keepalive_probes = "net.ipv4.tcp_keepalive_probes", Kind::Byte, Default::Fixed(9), since ALWAYS;
    /// `net.ipv4.tcp_keepalive_time`: s of silence before the first keepalive probe (`keepalive_time_when`).
    TcpKeepaliveTime tcp_keepalive_time = "net.ipv4.tcp_keepalive_time", Kind::Seconds, Default::Fixed(7200), since ALWAYS;
    /// `net.ipv4.tcp_max_orphans`: sockets without a file, host-wide; half the established buckets (`tcp_init`).
    TcpMaxOrphans tcp_max_orphans = "net.ipv4.tcp_max_orphans", Kind::Int,
        Default::Ram(|_, sizes| sizes.ehash_int() / 2), since ALWAYS;
    /// `net.ipv4.tcp_max_syn_backlog`: requests remembered without SYN cookies (`tcp_sk_init`).
    TcpMaxSynBacklog tcp_max_syn_backlog = "net.ipv4.tcp_max_syn_backlog", Kind::Int,
        Default::Ram(TableSizes::syn_backlog), since ALWAYS;
    /// `net.ipv4.tcp_max_tw_buckets`: timewait minisocks; half the established buckets (`tcp_sk_init`).
    TcpMaxTwBuckets tcp_max_tw_buckets = "net.ipv4.tcp_max_tw_buckets", Kind::Int,
        Default::Ram(|_, sizes| sizes.ehash_int() / 2), since ALWAYS;
    /// `net.ipv4.tcp_orphan_retries`: retransmissions of a closed socket; 0 means 8 (`tcp_orphan_retries`).
    TcpOrphanRetries tcp_orphan_retries = "net.ipv4.tcp_orphan_retries", Kind::Byte, Default::Fixed(0), since ALWAYS;
    /// `net.ipv4.tcp_retries1`: retransmissions before the route is doubted (RFC 1122 §4.2.3.5 R1).
    TcpRetries1 tcp_retries1 = "net.ipv4.tcp_retries1", Kind::ByteIn(0, 255), Default::Fixed(3), since ALWAYS;
    /// `net.ipv4.tcp_retries2`: retransmissions before the connection is given up (RFC 1122 §4.2.3.5 R2).
    TcpRetries2 tcp_retries2 = "net.ipv4.tcp_retries2", Kind::Byte, Default::Fixed(15), since ALWAYS;
    /// `net.ipv4.tcp_rfc1337`: not 0: a RST does not end TIME_WAIT (RFC 1337).
    TcpRfc1337 tcp_rfc1337 = "net.ipv4.tcp_rfc1337", Kind::Byte, Default::Fixed(0), since ALWAYS;
    /// `net.ipv4.tcp_rto_max_ms`: ms of the longest retransmission time-out (`tcp_rto_max`).
    TcpRtoMaxMs tcp_rto_max_ms = "net.ipv4.tcp_rto_max_ms", Kind::IntIn(1000, 120_000), Default::Fixed(120_000), since (6, 15);
    /// `net.ipv4.tcp_rto_min_us`: µs of the shortest retransmission time-out (`tcp_rto_min`).
    TcpRtoMinUs tcp_rto_min_us = "net.ipv4.tcp_rto_min_us", Kind::IntIn(1, i32::MAX), Default::Fixed(200_000), since (6, 11);
    /// `net.ipv4.tcp_sack`: not 0: selective acknowledgments (RFC 2018).
    TcpSack tcp_sack = "net.ipv4.tcp_sack", Kind::Byte, Default::Fixed(1), since ALWAYS;
    /// `net.ipv4.tcp_syn_linear_timeouts`: SYN time-outs before they double (`tcp_retransmit_timer`).
    TcpSynLinearTimeouts tcp_syn_linear_timeouts = "net.ipv4.tcp_syn_linear_timeouts", Kind::ByteIn(0, 127), Default::Fixed(4), since (6, 5);
    /// `net.ipv4.tcp_syn_retries`: SYN retransmissions before ETIMEDOUT (`tcp_write_timeout`).
    TcpSynRetries tcp_syn_retries = "net.ipv4.tcp_syn_retries", Kind::ByteIn(1, 127), Default::Fixed(6), since ALWAYS;
    /// `net.ipv4.tcp_synack_retries`: SYN-ACK retransmissions before the request is dropped (`reqsk_timer_handler`).
    TcpSynackRetries tcp_synack_retries = "net.ipv4.tcp_synack_retries", Kind::Byte, Default::Fixed(5), since ALWAYS;
    /// `net.ipv4.tcp_syncookies`: 0 never, 1 when the request queue is full, 2 always (`tcp_conn_request`).
    TcpSyncookies tcp_syncookies = "net.ipv4.tcp_syncookies", Kind::Byte, Default::Fixed(1), since ALWAYS;
    /// `net.ipv4.tcp_timestamps`: 0 off, 1 on with a random offset, 2 on without (RFC 7323).
    TcpTimestamps tcp_timestamps = "net.ipv4.tcp_timestamps", Kind::Byte, Default::Fixed(1), since ALWAYS;
    /// `net.ipv4.tcp_tw_reuse`: connect() may take a TIME_WAIT port: 0 never, 1 always, 2 on loopback (`tcp_twsk_unique`).
    TcpTwReuse tcp_tw_reuse = "net.ipv4.tcp_tw_reuse", Kind::ByteIn(0, 2),
        Default::Profile(KernelProfile::tcp_tw_reuse_default), since ALWAYS;
    /// `net.ipv4.tcp_tw_reuse_delay`: ms a TIME_WAIT port rests before reuse (ip-sysctl 6.14).
    TcpTwReuseDelay tcp_tw_reuse_delay = "net.ipv4.tcp_tw_reuse_delay", Kind::IntIn(1, 60_000), Default::Fixed(1000), since (6, 14);
    /// `net.ipv4.tcp_window_scaling`: not 0: window scale option (RFC 7323 §2).
    TcpWindowScaling tcp_window_scaling = "net.ipv4.tcp_window_scaling", Kind::Byte, Default::Fixed(1), since ALWAYS;
    /// `fs.nr_open`: ceiling of RLIMIT_NOFILE (`sysctl_nr_open`, fs/file.c).
    NrOpen nr_open_raw = "fs.nr_open", Kind::IntIn(64, 0x7fff_ffc0), Default::Fixed(1_048_576), since ALWAYS;
}

impl IntSysctl {
    /// True if the sysctl exists in this kernel.
    pub(super) fn exists(self, version: KernelVersion) -> bool {
        let (major, minor) = self.since();
        version.since(major, minor)
    }

    /// The kind with this kernel's limits.
    pub(super) fn kind_in(self, version: KernelVersion) -> Kind {
        let bytes = version.since(5, 13);
        match self.kind() {
            Kind::Byte if bytes => Kind::IntIn(0, 255),
            Kind::Byte => Kind::Int,
            // An enum with three values only since it has them.
            Kind::ByteIn(..) if matches!(self, Self::TcpTwReuse) && !version.since(4, 19) => Kind::Int,
            Kind::ByteIn(_, max) if matches!(self, Self::TcpRetries1) && !bytes => Kind::IntIn(i32::MIN, max),
            Kind::ByteIn(min, max) => Kind::IntIn(min, max),
            kind @ (Kind::Int | Kind::IntIn(..) | Kind::Seconds | Kind::Millis | Kind::ReadOnly) => kind,
        }
    }
}
