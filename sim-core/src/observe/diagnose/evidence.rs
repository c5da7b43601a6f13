//! What texts of tools said, in numbers.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;

use crate::tcp::TcpState;

/// Everything understood of the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Blocks of `ss -s`, in their order.
    pub summaries: Vec<Summary>,
    /// TCP sockets, each once, whatever tool listed it how often.
    pub sockets: BTreeMap<(End, End), Socket>,
    /// Rows whose state was in no column: `ss state …` hides it.
    pub stateless: u64,
    /// Rows of `SHOW PROCESSLIST`.
    pub sessions: Vec<Session>,
    /// "n rows in set" below a process list.
    pub session_count: Option<u64>,
    /// `SHOW VARIABLES`.
    pub variables: BTreeMap<String, String>,
    /// `SHOW STATUS`.
    pub status: BTreeMap<String, String>,
    /// `/proc/net/sockstat`: `TCP: alloc` becomes `TCP.alloc`.
    pub sockstat: BTreeMap<String, u64>,
    /// `nstat` and `netstat -s`, by the kernel's names.
    pub counters: BTreeMap<String, u64>,
    /// `sysctl`.
    pub sysctls: BTreeMap<String, String>,
    /// Soft and hard `Max open files` of `/proc/PID/limits`; `u64::MAX` is unlimited.
    pub limits: Vec<(u64, u64)>,
    /// `open files` of `ulimit -a`, or `ulimit -n`: of a shell, not of the process.
    pub ulimit: Option<u64>,
    /// Links to sockets under `/proc/PID/fd`, listed or counted.
    pub fd_sockets: Option<u64>,
    /// Connections to an address and port that somebody counted with `wc -l`.
    pub counted: BTreeMap<End, u64>,
    /// `perf trace -s`: what the threads of a program called, by its name.
    pub traced: BTreeMap<String, Traced>,
    /// `perf top`: share of CPU time by function, in 1/100 %.
    pub hot: BTreeMap<String, u64>,
    /// Errors of programs: errno name or MySQL error number, and how often.
    pub errors: BTreeMap<&'static str, u64>,
    /// Lines that said something, by what they are.
    pub read: BTreeMap<Kind, u64>,
    /// Lines that said nothing.
    pub skipped: u64,
    /// The text was longer than what is read of it.
    pub cut: bool,
}

/// Calls of a program that make and end descriptors, failed ones left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// `socket`.
    pub socket: u64,
    /// `open` and `openat`.
    pub openat: u64,
    /// `accept` and `accept4`.
    pub accept: u64,
    /// `close`.
    pub close: u64,
}

impl Traced {
    /// Opened, less closed.
    #[must_use]
    pub const fn kept(&self) -> u64 {
        (self.socket + self.openat + self.accept).saturating_sub(self.close)
    }
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// `ss -s`.
    SsSummary,
    /// A row of `ss`.
    Ss,
    /// A row of `netstat`.
    Netstat,
    /// A row of `/proc/net/tcp`.
    ProcNetTcp,
    /// A row of `SHOW PROCESSLIST`.
    Processlist,
    /// A row of `SHOW VARIABLES` or `SHOW STATUS`.
    Variables,
    /// `/proc/net/sockstat`.
    Sockstat,
    /// `nstat`, `netstat -s`.
    Counters,
    /// `sysctl`.
    Sysctl,
    /// `/proc/PID/limits`, `prlimit`.
    Limits,
    /// `ulimit`.
    Ulimit,
    /// `ls -l /proc/PID/fd`.
    Fd,
    /// `perf trace -s`.
    PerfTrace,
    /// `perf top`.
    PerfTop,
    /// A number that a pipeline counted.
    Count,
    /// An error message.
    Error,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::SsSummary,
        Self::Ss,
        Self::Netstat,
        Self::ProcNetTcp,
        Self::Processlist,
        Self::Variables,
        Self::Sockstat,
        Self::Counters,
        Self::Sysctl,
        Self::Limits,
        Self::Ulimit,
        Self::Fd,
        Self::PerfTrace,
        Self::PerfTop,
        Self::Count,
        Self::Error,
    ];

    /// The tool, as one types it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SsSummary => "ss -s",
            Self::Ss => "ss",
            Self::Netstat => "netstat",
            Self::ProcNetTcp => "/proc/net/tcp",
            Self::Processlist => "SHOW PROCESSLIST",
            Self::Variables => "SHOW VARIABLES",
            Self::Sockstat => "/proc/net/sockstat",
            Self::Counters => "nstat",
            Self::Sysctl => "sysctl",
            Self::Limits => "/proc/PID/limits",
            Self::Ulimit => "ulimit",
            Self::Fd => "ls -l /proc/PID/fd",
            Self::PerfTrace => "perf trace -s",
            Self::PerfTop => "perf top",
            Self::Count => "wc -l",
            Self::Error => "error message",
        }
    }
}

/// Address and port of one end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct End {
    /// The address.
    pub addr: Addr,
    /// The port; 0 for `*`.
    pub port: u16,
}

impl core::fmt::Display for End {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.addr {
            Addr::Ip(IpAddr::V6(addr)) => write!(f, "[{addr}]:{}", self.port),
            Addr::Ip(IpAddr::V4(addr)) => write!(f, "{addr}:{}", self.port),
            Addr::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// An address, or a name where the tool resolved it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Addr {
    /// A number; IPv4-mapped ones are IPv4.
    Ip(IpAddr),
    /// A name.
    Name(Box<str>),
}

impl Addr {
    /// `0.0.0.0`, `::` and `*`.
    pub const ANY: Self = Self::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
}

/// One TCP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// State; `None` where no column told.
    pub state: Option<TcpState>,
    /// Receive queue.
    pub recv_q: u64,
    /// Send queue; the backlog of a listening socket in `ss`.
    pub send_q: u64,
    /// `ss` listed it, so the queues of a listening socket mean its accept queue.
    pub from_ss: bool,
    /// Who holds it.
    pub owner: Option<Owner>,
}

/// The process that holds a socket.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: Option<u32>,
    /// The descriptor.
    pub fd: Option<u64>,
}

/// `ss -s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// `Total:`.
    pub total: u64,
    /// `TCP:`, with minisocks.
    pub tcp: u64,
    /// `estab`.
    pub estab: u64,
    /// `closed`.
    pub closed: u64,
    /// `orphaned`.
    pub orphaned: u64,
    /// `timewait`.
    pub timewait: u64,
    /// `TCP` of the table: sockets in use over IPv4.
    pub ipv4: Option<u64>,
    /// And over IPv6.
    pub ipv6: Option<u64>,
}

/// A row of the process list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// `User`.
    pub user: String,
    /// `Host` without the port.
    pub host: String,
    /// `Command`.
    pub command: String,
    /// `Time`, s.
    pub time: u64,
}

impl Session {
    /// It has connected and not logged in.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.user == "unauthenticated user"
    }
}
