//! A checked scenario: plain data, everything resolved and in range.

use std::collections::BTreeMap;

use super::expect::Expectation;
use super::metric::Metric;
use crate::app::Limits;
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Ipv4Addr, Port, Ratio};

pub use super::program_spec::{
    BindSpec, DnsSpec, MysqlSpec, MysqldSpec, PoolName, PoolSpec, ProgramKind, ProgramSpec, ReconnectSpec, ScriptSpec,
    ServerName, SpreadSpec, SysbenchSpec,
};

/// Index into [`super::Scenario::hosts`].
pub type HostIx = usize;
/// Index into [`super::Scenario::processes`].
pub type ProcessIx = usize;
/// Index into [`super::Scenario::marks`].
pub type MarkIx = usize;

/// Limits after which the run stops with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct BudgetSpec {
    /// Events in all.
    pub events: u64,
    /// Events at one instant.
    pub same_instant: u64,
    /// Sockets and minisocks on one host.
    pub sockets: u64,
}

impl Default for BudgetSpec {
    fn default() -> Self {
        Self { events: 200_000_000, same_instant: 1_000_000, sockets: 1_000_000 }
    }
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct HostSpec {
    /// Its name.
    pub name: String,
    /// Its addresses besides 127.0.0.0/8; the first is the default source.
    pub addrs: Vec<Ipv4Addr>,
    /// Kernel version, as written.
    pub kernel: String,
    /// The version's three numbers.
    pub kernel_version: (u16, u16, u16),
    /// Number of CPUs.
    pub cpus: u32,
    /// RAM in bytes.
    pub ram_bytes: u64,
    /// `CONFIG_HZ`.
    pub hz: u32,
    /// Kernel timers are rounded by the wheel.
    pub timer_rounding: bool,
    /// Name of the cost profile: one of [`COST_PROFILES`].
    pub cost_profile: String,
    /// Share of CPU time the hypervisor takes.
    pub steal: Ratio,
    /// `/etc/hosts`: host names of the scenario first, then its own lines.
    pub etc_hosts: Vec<(String, Ipv4Addr)>,
    /// `/etc/resolv.conf`.
    pub nameserver: Option<Ipv4Addr>,
    /// Bound or listening sockets of programs that are not simulated.
    pub bound_ports: Vec<Endpoint>,
    /// `sysctl -w` before the start: name and value with single blanks, in order of names.
    pub sysctls: Vec<(String, String)>,
    /// Sockets of programs that are not simulated.
    pub unrelated: UnrelatedSpec,
}

/// Cost profiles a scenario may name: those of `kernel::CostProfile`.
pub const COST_PROFILES: &[&str] = &["al2-5.10-4vcpu", "kernel-truth-6.18", "arm64-6.6", "free", "bench"];

/// Sockets of programs that are not simulated, as `ss -s` would count them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct UnrelatedSpec {
    /// TCP over IPv4 in the hash tables.
    pub tcp_ipv4: u32,
    /// TCP over IPv6 in the hash tables.
    pub tcp_ipv6: u32,
    /// Of both, how many are ESTABLISHED.
    pub tcp_established: u32,
    /// TCP sockets in no table.
    pub tcp_unhashed: u32,
    /// UDP over IPv4.
    pub udp_ipv4: u32,
    /// UDP over IPv6.
    pub udp_ipv6: u32,
    /// RAW over IPv4.
    pub raw_ipv4: u32,
    /// RAW over IPv6.
    pub raw_ipv6: u32,
    /// Everything else of `sockets: used`.
    pub other: u32,
}

/// A link between two hosts; values hold for each direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct LinkSpec {
    /// One end.
    pub first: HostIx,
    /// The other.
    pub second: HostIx,
    /// One-way delay.
    pub latency: Duration,
    /// Added to it, uniform between zero and this.
    pub jitter: Duration,
    /// Share lost.
    pub loss: Ratio,
    /// Share delivered twice.
    pub duplicate: Ratio,
    /// Share that overtakes.
    pub reorder: Ratio,
    /// Bits per second; `None` for unlimited.
    pub bandwidth: Option<u64>,
}

/// A process.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct ProcessSpec {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub host: HostIx,
    /// Process id; `None` for the next free one.
    pub pid: Option<u32>,
    /// RLIMIT_NOFILE.
    pub nofile: Limits,
    /// When it starts; `None` if only `start process` starts it.
    pub start: Option<Instant>,
    /// Exempt from `fs.file-max`.
    pub cap_sys_admin: bool,
    /// May raise hard limits.
    pub cap_sys_resource: bool,
    /// Descriptors open at start besides 0, 1 and 2.
    pub extra_fds: u32,
    /// In the lab the machine's own `mariadbd` takes the stand-in's place.
    pub real_mariadb: bool,
    /// What it is.
    pub program: ProgramSpec,
}

/// How a rejected packet is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum RejectWith {
    /// `tcp-reset`.
    TcpReset,
    /// `icmp-port-unreachable`, iptables' default.
    PortUnreachable,
    /// `icmp-host-unreachable`.
    HostUnreachable,
    /// `icmp-net-unreachable`.
    NetUnreachable,
    /// `icmp-admin-prohibited`.
    AdminProhibited,
}

/// What a rule does with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// Let it pass.
    Accept,
    /// Lose it.
    Drop,
    /// Answer it.
    Reject(RejectWith),
}

/// TCP control bits a rule asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a control bit of RFC 9293 §3.1")]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct FlagMatch {
    /// SYN set.
    pub syn: bool,
    /// ACK set.
    pub ack: bool,
    /// FIN set.
    pub fin: bool,
    /// RST set.
    pub rst: bool,
    /// PSH set.
    pub psh: bool,
}

/// A packet rule: only what is given must match.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct RuleSpec {
    /// Its name, for `heal`.
    pub name: Option<String>,
    /// What happens to a match.
    pub verdict: Verdict,
    /// Sending host.
    pub from: Option<HostIx>,
    /// Receiving host.
    pub to: Option<HostIx>,
    /// Source port.
    pub sport: Option<Port>,
    /// Destination port.
    pub dport: Option<Port>,
    /// Control bits that must be set.
    pub flags: FlagMatch,
    /// Share of matches it takes.
    pub probability: Ratio,
    /// How many it takes before it expires.
    pub count: Option<u32>,
}

/// A moment: since the start, or relative to a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Moment {
    /// Since the start.
    At(Instant),
    /// A mark and an offset.
    Mark {
        /// Which.
        mark: MarkRef,
        /// Distance from it.
        offset: Duration,
        /// The distance is backwards.
        before: bool,
    },
}

/// A mark, the scenario's own or a built-in one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum MarkRef {
    /// The first `kill session` of the timeline.
    Kill,
    /// The first EADDRNOTAVAIL, EMFILE or ENFILE of any process.
    Exhausted,
    /// The scenario's end.
    End,
    /// One of [`super::Scenario::marks`].
    Own(MarkIx),
}

/// Names of the built-in marks.
pub const BUILTIN_MARKS: &[(&str, MarkRef)] =
    &[("kill", MarkRef::Kill), ("exhausted", MarkRef::Exhausted), ("end", MarkRef::End)];

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum CompareOp {
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
}

impl CompareOp {
    /// True if `left OP right`.
    #[must_use]
    pub const fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
        }
    }
}

/// A named moment: just after the first event that makes it true.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct MarkSpec {
    /// Its name.
    pub name: String,
    /// The metric watched.
    pub metric: Metric,
    /// How it is compared.
    pub op: CompareOp,
    /// With what.
    pub value: i64,
}

/// A signal the timeline sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Signal {
    /// SIGKILL, 9.
    Kill,
    /// SIGTERM, 15.
    Term,
    /// SIGSTOP, 19.
    Stop,
    /// SIGCONT, 18.
    Cont,
}

impl Signal {
    /// The name `kill` takes: `KILL`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

/// Something that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct ActionSpec {
    /// When.
    pub at: Moment,
    /// What.
    pub kind: ActionKind,
}

/// What the timeline can do.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum ActionKind {
    /// MySQL `KILL id`.
    KillSession {
        /// The server.
        server: ProcessIx,
        /// Connection id.
        id: u64,
        /// The client that types it; `None` for the server's own console.
        by: Option<ProcessIx>,
    },
    /// An SQL statement (`SET GLOBAL` included).
    Sql {
        /// A mysql client, or a server's own console.
        process: ProcessIx,
        /// The statement.
        statement: String,
    },
    /// `sysctl -w`.
    Sysctl {
        /// Host.
        host: HostIx,
        /// Name.
        name: String,
        /// Value with single blanks.
        value: String,
    },
    /// The hypervisor takes another share of the host's busy CPU time.
    Steal {
        /// Host.
        host: HostIx,
        /// Below 1.
        share: Ratio,
    },
    /// `prlimit --nofile`.
    Prlimit {
        /// Process.
        process: ProcessIx,
        /// New limits.
        nofile: Limits,
    },
    /// No packet passes any more.
    Partition {
        /// Sending host.
        from: HostIx,
        /// Receiving host.
        to: HostIx,
        /// Only in that direction.
        one_way: bool,
    },
    /// Ends partitions and removes rules.
    Heal {
        /// The named rule; `None` for all of what the timeline added.
        rule: Option<String>,
        /// Only between these hosts.
        between: Option<(HostIx, HostIx)>,
    },
    /// Adds a packet rule in front of the others.
    Rule(RuleSpec),
    /// A signal.
    Signal {
        /// Process.
        process: ProcessIx,
        /// Which.
        signal: Signal,
    },
    /// Starts a process that is not running.
    Start {
        /// Process.
        process: ProcessIx,
    },
    /// Tells a waiting client to connect.
    Connect {
        /// Process.
        process: ProcessIx,
    },
}

/// As the file writes it, without the names of hosts and processes.
impl core::fmt::Display for ActionKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::KillSession { id, .. } => write!(f, "kill session {id}"),
            Self::Sql { statement, .. } => write!(f, "sql {statement}"),
            Self::Sysctl { name, value, .. } => write!(f, "sysctl -w {name}=\"{value}\""),
            Self::Steal { share, .. } => write!(f, "steal {}/{}", share.num, share.den),
            Self::Prlimit { nofile, .. } => write!(f, "prlimit --nofile={}:{}", nofile.soft, nofile.hard),
            Self::Partition { one_way: true, .. } => f.write_str("partition, one way"),
            Self::Partition { one_way: false, .. } => f.write_str("partition"),
            Self::Heal { .. } => f.write_str("heal"),
            Self::Rule(_) => f.write_str("add rule"),
            Self::Signal { signal, .. } => write!(f, "kill -{}", signal.name()),
            Self::Start { .. } => f.write_str("start process"),
            Self::Connect { .. } => f.write_str("connect"),
        }
    }
}

/// For which seeds an expectation holds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum OverSeeds {
    /// The scenario's own.
    Own,
    /// Every one.
    All,
    /// These.
    List(Vec<u64>),
}

/// A checked scenario.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Scenario {
    /// One line.
    pub title: String,
    /// One line in 中文, the English one if none is given.
    pub title_zh: String,
    /// The question it answers.
    pub question: String,
    /// The question in 中文, the English one if none is given.
    pub question_zh: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// How long it lasts.
    pub end: Instant,
    /// Budgets.
    pub budget: BudgetSpec,
    /// Hosts in order of their names.
    pub hosts: Vec<HostSpec>,
    /// Links as given; pairs without one get [`LinkSpec::default_between`].
    pub links: Vec<LinkSpec>,
    /// Processes as listed.
    pub processes: Vec<ProcessSpec>,
    /// Rules in force from the start, in order.
    pub rules: Vec<RuleSpec>,
    /// Actions as listed.
    pub timeline: Vec<ActionSpec>,
    /// Marks as listed.
    pub marks: Vec<MarkSpec>,
    /// Expectations as listed.
    pub expectations: Vec<Expectation>,
    /// Where each field stands, for problems found later.
    #[cfg_attr(feature = "pack", serde(skip))]
    pub places: BTreeMap<String, super::node::Place>,
}

impl LinkSpec {
    /// The link of a pair for which the scenario gives none: 85 µs each way,
    /// which with the syscalls makes the write-up's 0.17 ms connect wait.
    #[must_use]
    pub const fn default_between(first: HostIx, second: HostIx) -> Self {
        Self {
            first,
            second,
            latency: Duration::from_micros(85),
            jitter: Duration::ZERO,
            loss: Ratio::ZERO,
            duplicate: Ratio::ZERO,
            reorder: Ratio::ZERO,
            bandwidth: None,
        }
    }
}

impl Scenario {
    /// True if an expectation with these seeds is to be checked in a run with `seed`.
    #[must_use]
    pub fn applies(&self, seeds: &OverSeeds, seed: u64) -> bool {
        match seeds {
            OverSeeds::Own => seed == self.seed,
            OverSeeds::All => true,
            OverSeeds::List(list) => list.contains(&seed),
        }
    }

    /// A problem found after the check, while the world is built: at the field
    /// `path` (`process.NAME.…`, `host.NAME.sysctl.NAME`) or the table around it.
    #[must_use]
    pub fn problem(&self, path: &str, kind: super::ProblemKind) -> super::Problem {
        let mut prefix = path;
        let place = loop {
            if let Some(place) = self.places.get(prefix) {
                break *place;
            }
            match prefix.rsplit_once('.') {
                Some((shorter, _)) => prefix = shorter,
                None => break super::node::Place::new(super::Source::File, 0, 0),
            }
        };
        super::Problem::new(kind, place, path.to_owned())
    }

    /// Hosts, processes and programs under their names, to print metrics.
    #[must_use]
    pub fn names(&self) -> super::Names {
        super::Names {
            hosts: self.hosts.iter().map(|h| h.name.clone()).collect(),
            processes: self.processes.iter().map(|p| (p.name.clone(), p.host, p.program.kind())).collect(),
        }
    }

    /// Every metric the scenario reads: in marks and expectations, without repeats.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let mut found: Vec<Metric> = self.marks.iter().map(|m| m.metric.clone()).collect();
        for expectation in &self.expectations {
            expectation.metrics(&mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    /// The name of a mark.
    #[must_use]
    pub fn mark_name(&self, mark: MarkRef) -> &str {
        match mark {
            MarkRef::Kill => "kill",
            MarkRef::Exhausted => "exhausted",
            MarkRef::End => "end",
            MarkRef::Own(index) => &self.marks[index].name,
        }
    }

    /// The errnos that set the `exhausted` mark.
    pub const EXHAUSTION: [Errno; 3] = [Errno::AddrNotAvail, Errno::MFile, Errno::NFile];
}
