//! Metrics: quantities of a running world under dotted names.
//!
//! Values are whole numbers: gauges (sockets in a state), counters since the
//! start (MIBs, successful connects) or counts of a distribution (`recvq[28]`:
//! sockets with 28 bytes in Recv-Q).

use core::fmt;

use super::problem::ProblemKind;
use super::spec::{HostIx, ProcessIx, ProgramKind};
use super::value::cut;
use crate::app::CallName;
use crate::errno::Errno;
use crate::tcp::TcpState;
use crate::text::nearest;
use crate::trace::Mib;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word in the metric's name.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
            fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.word() == word)
            }
        }
    };
}

words! {
    /// Numbers of `ss -s`, unrelated sockets included.
    SsMetric {
        /// `Total:` (sockets in use).
        Total = "total",
        /// `TCP:` (allocated plus timewait).
        Tcp = "tcp",
        /// `estab`.
        Estab = "estab",
        /// `closed`.
        Closed = "closed",
        /// `orphaned`.
        Orphaned = "orphaned",
        /// `timewait`, FIN_WAIT2 minisocks included.
        Timewait = "timewait",
        /// Transport row TCP, column Total.
        TcpTotal = "tcp_total",
        /// Transport row TCP, column IP.
        TcpIpv4 = "tcp_ipv4",
        /// Transport row TCP, column IPv6.
        TcpIpv6 = "tcp_ipv6",
        /// Transport row UDP, column Total.
        UdpTotal = "udp_total",
        /// Transport row RAW, column Total.
        RawTotal = "raw_total",
        /// Transport row INET, column Total.
        InetTotal = "inet_total",
    }
}

words! {
    /// What a server's process list shows.
    ProcesslistMetric {
        /// Rows of SHOW PROCESSLIST as the administrator sees it.
        Rows = "rows",
        /// Rows of `unauthenticated user`.
        Unauthenticated = "unauthenticated",
    }
}

/// What is measured.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum MetricKind {
    /// `HOST.tcp.STATE`: TCP sockets and minisocks of the host's simulated processes in a state.
    Tcp(TcpState),
    /// `HOST.tcp.unhashed`: allocated sockets in no table, inside connect() or before it.
    TcpUnhashed,
    /// `HOST.ss.WORD`.
    Ss(SsMetric),
    /// `HOST.mib.Name`.
    Mib(Mib),
    /// `HOST.cpu.busy_us`: CPU time used on all CPUs since the start, in µs.
    CpuBusy,
    /// A metric of one process.
    Process {
        /// Which.
        process: ProcessIx,
        /// What.
        kind: ProcessMetric,
    },
}

/// A step between the source ports of two consecutive connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum PortStep {
    /// Exactly this far, upwards.
    Exact(u16),
    /// None of 2, 4, …, 16: a wrap, a re-salt, a gap taken.
    Other,
}

/// What is measured of a process.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum ProcessMetric {
    /// `running`: 1 or 0.
    Running,
    /// `cpu.busy_us`: CPU time used since the start, in µs.
    CpuBusy,
    /// `fd.open`: descriptors.
    FdOpen,
    /// `fd.sockets`: descriptors that are sockets.
    FdSockets,
    /// `tcp.STATE`: its TCP sockets in a state.
    Tcp(TcpState),
    /// `connect.attempts`: TCP connect() calls.
    ConnectAttempts,
    /// `connect.ok`: of them, the ones that found a port and sent a SYN.
    ConnectOk,
    /// `connect.ERRNO`: calls of socket(), bind() and TCP connect() that failed so.
    ConnectErrno(Errno),
    /// `calls.NAME`: system calls of that name completed.
    Calls(CallName),
    /// `recvq[BYTES]`: its TCP connections with that Recv-Q.
    Recvq(u32),
    /// `port_step[N]`: connections whose source port is N above the one before.
    PortStep(PortStep),
    /// `port_parity[P]`: its TCP sockets whose source port minus the range's low end is even (0) or odd (1).
    PortParity(u8),
    /// `processlist.WORD` of a server.
    Processlist(ProcesslistMetric),
    /// A status variable of a server, or a counter of a client.
    Status(String),
}

/// A quantity of a host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Metric {
    /// The host.
    pub host: HostIx,
    /// What is measured.
    pub kind: MetricKind,
}

/// Words that follow a host's name and so cannot name a process.
pub(super) const RESERVED: &[&str] = &["tcp", "ss", "mib", "cpu"];

/// Status variables of a server that are metrics, and the system variables that limit its clients.
pub const MYSQLD_STATUS: &[&str] = &[
    "Aborted_clients",
    "Aborted_connects",
    "Aborted_connects_preauth",
    "Bytes_received",
    "Bytes_sent",
    "Com_kill",
    "Connection_errors_accept",
    "Connection_errors_internal",
    "Connection_errors_max_connections",
    "Connection_errors_peer_address",
    "Connection_errors_select",
    "Connection_errors_tcpwrap",
    "Connections",
    "Max_used_connections",
    "Queries",
    "Questions",
    "Threads_cached",
    "Threads_connected",
    "Threads_created",
    "Threads_running",
    "connect_timeout",
    "interactive_timeout",
    "max_connections",
    "max_user_connections",
    "open_files_limit",
    "wait_timeout",
];

/// Names of `App::metric` for each program, besides `CALL.ok` and `CALL.ERRNO`
/// of a script.
#[must_use]
pub const fn app_metrics(program: ProgramKind) -> &'static [&'static str] {
    match program {
        ProgramKind::Mysqld => MYSQLD_STATUS,
        ProgramKind::Sysbench => &[
            "reconnects",
            "fds.leaked",
            "closed_after_failure",
            "connections.lost",
            "connections.open",
            "login_errors",
            "resolve_errors",
            "queries",
            "transactions",
            "errors",
        ],
        ProgramKind::Mysql => &["session_id", "queries", "errors"],
        ProgramKind::Reconnect => &["peer_closed", "fds.leaked", "gave_up", "late"],
        ProgramKind::Pool => &[
            "pool.open",
            "pool.idle",
            "pool.waiting",
            "login_errors",
            "requests",
            "errors",
            "timeouts",
            "closed_idle",
            "closed_old",
            "connections.lost",
        ],
        ProgramKind::Dns => &["queries", "replies", "lost"],
        ProgramKind::Script => &["mismatches"],
    }
}

/// Names a metric may use, and what runs under them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Hosts by index.
    pub hosts: Vec<String>,
    /// Processes by index: name, host, program.
    pub processes: Vec<(String, HostIx, ProgramKind)>,
}

/// Why a text is no metric, and what was perhaps meant.
pub(super) type MetricError = (ProblemKind, Option<String>);

impl Names {
    /// Reads a metric's name.
    pub(super) fn metric(&self, text: &str) -> Result<Metric, MetricError> {
        let mut parts = text.trim().split('.');
        let incomplete = || (ProblemKind::IncompleteMetric { text: cut(text) }, None);
        let host_name = parts.next().unwrap_or("");
        let host = self.hosts.iter().position(|h| h == host_name).ok_or_else(|| {
            let near = nearest(host_name, self.hosts.iter().map(String::as_str)).map(str::to_owned);
            (ProblemKind::UnknownHost { name: cut(host_name) }, near)
        })?;
        let rest: Vec<&str> = parts.collect();
        let reader = Reader { text, incomplete: &incomplete };
        let kind = match rest.as_slice() {
            [] | [_] => return Err(incomplete()),
            ["tcp", "unhashed"] => MetricKind::TcpUnhashed,
            ["tcp", state] => MetricKind::Tcp(reader.state(state)?),
            ["ss", word] => {
                MetricKind::Ss(reader.word(word, SsMetric::from_word(word), SsMetric::ALL.iter().map(|w| w.word()))?)
            }
            ["mib", name] => MetricKind::Mib(reader.mib(name)?),
            ["cpu", "busy_us"] => MetricKind::CpuBusy,
            ["cpu", word] => return Err(reader.unknown(word, ["busy_us"])),
            [group, ..] if RESERVED.contains(group) => return Err(reader.unknown(rest[2], [])),
            [process, metric @ ..] => {
                let (process, program) = self.process_on(host, process)?;
                MetricKind::Process { process, kind: reader.process_metric(metric, program)? }
            }
        };
        Ok(Metric { host, kind })
    }

    fn process_on(&self, host: HostIx, name: &str) -> Result<(ProcessIx, ProgramKind), MetricError> {
        let found = self.processes.iter().position(|p| p.0 == name && p.1 == host);
        if let Some(index) = found {
            return Ok((index, self.processes[index].2));
        }
        let here = self.processes.iter().filter(|p| p.1 == host).map(|p| p.0.as_str());
        let near = nearest(name, here.chain(RESERVED.iter().copied())).map(str::to_owned);
        Err((ProblemKind::UnknownProcess { name: cut(name) }, near))
    }

    /// The name of a metric, as `Names::metric` reads it.
    #[must_use]
    pub fn display(&self, metric: &Metric) -> String {
        let host = &self.hosts[metric.host];
        match &metric.kind {
            MetricKind::Tcp(state) => format!("{host}.tcp.{}", state.metric_name()),
            MetricKind::TcpUnhashed => format!("{host}.tcp.unhashed"),
            MetricKind::Ss(word) => format!("{host}.ss.{}", word.word()),
            MetricKind::Mib(mib) => format!("{host}.mib.{}", mib_name(*mib)),
            MetricKind::CpuBusy => format!("{host}.cpu.busy_us"),
            MetricKind::Process { process, kind } => format!("{host}.{}.{kind}", self.processes[*process].0),
        }
    }
}

impl fmt::Display for ProcessMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::CpuBusy => f.write_str("cpu.busy_us"),
            Self::FdOpen => f.write_str("fd.open"),
            Self::FdSockets => f.write_str("fd.sockets"),
            Self::Tcp(state) => write!(f, "tcp.{}", state.metric_name()),
            Self::ConnectAttempts => f.write_str("connect.attempts"),
            Self::ConnectOk => f.write_str("connect.ok"),
            Self::ConnectErrno(errno) => write!(f, "connect.{errno}"),
            Self::Calls(name) => write!(f, "calls.{}", name.name()),
            Self::Recvq(bytes) => write!(f, "recvq[{bytes}]"),
            Self::PortStep(PortStep::Exact(step)) => write!(f, "port_step[{step}]"),
            Self::PortStep(PortStep::Other) => f.write_str("port_step[other]"),
            Self::PortParity(parity) => write!(f, "port_parity[{parity}]"),
            Self::Processlist(word) => write!(f, "processlist.{}", word.word()),
            Self::Status(name) => f.write_str(name),
        }
    }
}

/// `ActiveOpens`; the names of IP, ICMP and UDP carry their group, as `nstat` prints them.
fn mib_name(mib: Mib) -> String {
    match mib.group() {
        "Tcp" | "TcpExt" => mib.name().to_owned(),
        group => format!("{group}{}", mib.name()),
    }
}

/// A system call's name, which a script counts by outcome.
fn is_call(name: &str) -> bool {
    CallName::ALL.iter().any(|call| call.name() == name)
}

struct Reader<'a> {
    text: &'a str,
    incomplete: &'a dyn Fn() -> MetricError,
}

impl Reader<'_> {
    fn unknown<'c>(&self, part: &str, candidates: impl IntoIterator<Item = &'c str>) -> MetricError {
        let near = nearest(part, candidates).map(str::to_owned);
        (ProblemKind::UnknownMetric { text: cut(self.text), part: cut(part) }, near)
    }

    fn word<'c, T>(
        &self,
        word: &str,
        found: Option<T>,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Result<T, MetricError> {
        found.ok_or_else(|| self.unknown(word, candidates))
    }

    fn state(&self, word: &str) -> Result<TcpState, MetricError> {
        let found = TcpState::ALL.into_iter().find(|s| s.metric_name() == word);
        self.word(word, found, TcpState::ALL.iter().map(|s| s.metric_name()).chain(["unhashed"]))
    }

    fn mib(&self, name: &str) -> Result<Mib, MetricError> {
        let full = |mib: Mib| format!("{}{}", mib.group(), mib.name());
        let found = Mib::ALL.iter().copied().find(|&mib| mib_name(mib) == name || full(mib) == name);
        let names: Vec<String> = Mib::ALL.iter().map(|&mib| mib_name(mib)).collect();
        self.word(name, found, names.iter().map(String::as_str))
    }

    fn process_metric(&self, parts: &[&str], program: ProgramKind) -> Result<ProcessMetric, MetricError> {
        let status = app_metrics(program);
        let whole = parts.join(".");
        if status.contains(&whole.as_str()) {
            return Ok(ProcessMetric::Status(whole));
        }
        let metric = match *parts {
            [] => return Err((self.incomplete)()),
            ["running"] => ProcessMetric::Running,
            ["cpu", "busy_us"] => ProcessMetric::CpuBusy,
            ["fd", "open"] => ProcessMetric::FdOpen,
            ["fd", "sockets"] => ProcessMetric::FdSockets,
            ["fd", word] => return Err(self.unknown(word, ["open", "sockets"])),
            ["tcp", state] => ProcessMetric::Tcp(self.state(state)?),
            ["connect", "ok"] => ProcessMetric::ConnectOk,
            ["connect", "attempts"] => ProcessMetric::ConnectAttempts,
            ["connect", word] => {
                let names = Errno::ALL.iter().map(|e| e.name()).chain(["ok", "attempts"]);
                ProcessMetric::ConnectErrno(self.word(word, Errno::from_name(word), names)?)
            }
            ["calls", name] => {
                let found = CallName::ALL.iter().copied().find(|call| call.name() == name);
                ProcessMetric::Calls(self.word(name, found, CallName::ALL.iter().map(|call| call.name()))?)
            }
            ["processlist", word] if matches!(program, ProgramKind::Mysqld) => {
                let words = ProcesslistMetric::ALL.iter().map(|w| w.word());
                ProcessMetric::Processlist(self.word(word, ProcesslistMetric::from_word(word), words)?)
            }
            ["fd" | "connect" | "processlist" | "tcp" | "cpu" | "calls"] => return Err((self.incomplete)()),
            [word] => self.distribution(word, status)?,
            [call, outcome] if matches!(program, ProgramKind::Script) && is_call(call) => {
                let known = outcome == "ok" || Errno::from_name(outcome).is_some();
                let names = Errno::ALL.iter().map(|e| e.name()).chain(["ok"]);
                self.word(outcome, known.then_some(()), names)?;
                ProcessMetric::Status(whole)
            }
            [_, ..] => {
                let groups = ["fd", "connect", "tcp", "cpu", "calls", "processlist"];
                return Err(self.unknown(&whole, groups.into_iter().chain(status.iter().copied())));
            }
        };
        Ok(metric)
    }

    /// `recvq[28]`, `port_step[2]`, `port_parity[0]`.
    fn distribution(&self, word: &str, status: &[&'static str]) -> Result<ProcessMetric, MetricError> {
        let names = ["recvq", "port_step", "port_parity", "fd", "connect", "tcp", "cpu", "running"];
        let Some((name, index)) = word.strip_suffix(']').and_then(|w| w.split_once('[')) else {
            if names[..3].contains(&word) {
                return Err((self.incomplete)());
            }
            return Err(self.unknown(word, names.into_iter().chain(status.iter().copied())));
        };
        let number = index.parse::<u32>().ok();
        match (name, number) {
            ("recvq", Some(bytes)) => Ok(ProcessMetric::Recvq(bytes)),
            ("port_step", None) if index == "other" => Ok(ProcessMetric::PortStep(PortStep::Other)),
            ("port_step", Some(step)) => match u16::try_from(step) {
                Ok(step) => Ok(ProcessMetric::PortStep(PortStep::Exact(step))),
                Err(_too_far) => Err(self.unknown(index, [])),
            },
            ("port_parity", Some(0)) => Ok(ProcessMetric::PortParity(0)),
            ("port_parity", Some(1)) => Ok(ProcessMetric::PortParity(1)),
            ("recvq" | "port_step" | "port_parity", _) => Err(self.unknown(index, ["other"])),
            (_, _) => Err(self.unknown(name, names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            hosts: vec!["client".into(), "db".into()],
            processes: vec![
                ("sysbench".into(), 0, ProgramKind::Sysbench),
                ("mysqld".into(), 1, ProgramKind::Mysqld),
                ("churn".into(), 0, ProgramKind::Script),
            ],
        }
    }

    #[test]
    fn every_form_reads_back_as_it_prints() {
        let names = names();
        for text in [
            "client.tcp.close_wait",
            "client.tcp.unhashed",
            "client.ss.timewait",
            "db.ss.tcp_ipv6",
            "client.mib.TCPTimeouts",
            "client.mib.ActiveOpens",
            "client.mib.UdpInDatagrams",
            "client.cpu.busy_us",
            "client.sysbench.fd.sockets",
            "client.sysbench.cpu.busy_us",
            "client.sysbench.tcp.close_wait",
            "client.sysbench.connect.ok",
            "client.sysbench.connect.EADDRNOTAVAIL",
            "client.sysbench.calls.sendmmsg",
            "client.sysbench.recvq[28]",
            "client.sysbench.port_step[2]",
            "client.sysbench.port_step[other]",
            "client.sysbench.port_parity[1]",
            "client.sysbench.reconnects",
            "client.sysbench.fds.leaked",
            "client.churn.accept4.EMFILE",
            "client.churn.mismatches",
            "db.mysqld.Threads_connected",
            "db.mysqld.processlist.rows",
            "db.mysqld.running",
        ] {
            let metric = names.metric(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(names.display(&metric), text);
        }
    }

    #[test]
    fn slips_get_the_nearest_name() {
        let names = names();
        for (text, id, near) in [
            ("clinet.tcp.close_wait", "unknown-host", Some("client")),
            ("client.tcp.closewait", "unknown-metric", Some("close_wait")),
            ("client.ss.time_wait", "unknown-metric", Some("timewait")),
            ("client.mib.ListenOverflow", "unknown-metric", Some("ListenOverflows")),
            ("client.sysbnch.fd.open", "unknown-process", Some("sysbench")),
            ("client.mysqld.Connections", "unknown-process", None),
            ("client.sysbench.connect.EADRNOTAVAIL", "unknown-metric", Some("EADDRNOTAVAIL")),
            ("client.sysbench.calls.sendmsg", "unknown-metric", Some("sendmmsg")),
            ("client.sysbench.recvq", "incomplete-metric", None),
            ("client.sysbench.recvq[x]", "unknown-metric", None),
            ("client.sysbench.port_parity[2]", "unknown-metric", None),
            ("db.mysqld.threads_conected", "unknown-metric", Some("Threads_connected")),
            ("client", "incomplete-metric", None),
            ("", "unknown-host", None),
            ("client..", "unknown-process", None),
        ] {
            let (kind, hint) = names.metric(text).expect_err(text);
            assert_eq!((kind.id(), hint.as_deref()), (id, near), "{text}");
        }
    }
}
