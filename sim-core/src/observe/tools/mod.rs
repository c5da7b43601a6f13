//! Look-alikes of the tools the write-up used, one file a tool.
//!
//! Layouts were compared character for character with iproute2 6.1.0 (`ss`,
//! `nstat`), net-tools 2.10 (`netstat`), procps 4.0.2 (`sysctl`), coreutils 9.1
//! (`ls`) and the files of Linux 6.18.44 under `/proc`, in a network namespace;
//! with the MariaDB command-line client 10.11.19 (tables); and with the write-up's
//! own blocks, which are bash 4.2's for `ulimit`, sysstat's for `sar` and perf's;
//! `strace` with strace 6.1, `tcpdump` with tcpdump 4.99.
//!
//! Most views show a host at one instant, a [`HostView`]. Those that watch a while
//! (`sar`, `perf`, `strace`, `tcpdump`) take a [`SpanView`].

mod fd;
#[cfg(feature = "scenario")]
mod json;
mod limits;
mod mysql_table;
mod netstat;
mod nstat;
mod perf_top;
mod perf_trace;
mod proc_net;
mod processlist;
mod queue;
mod sar;
mod services;
mod sockstat;
mod ss;
mod ss_buffer;
mod ss_s;
mod strace;
mod sysctl;
mod tcpdump;
mod traced;
mod ulimit;
mod variables;

#[cfg(test)]
mod sample;

pub use fd::fd;
#[cfg(feature = "scenario")]
pub use json::SCHEMA_VERSION;
pub use limits::limits;
pub use mysql_table::MysqlStyle;
#[cfg(feature = "scenario")]
pub(super) use mysql_table::seconds;
pub use netstat::{NetstatOptions, Servers, netstat, netstat_with};
pub use nstat::nstat;
pub use perf_top::{FunctionShare, Where, functions, perf_top};
pub use perf_trace::{CallSum, ThreadSum, perf_trace, perf_trace_s, summary};
pub use proc_net::proc_net_tcp;
pub use processlist::{processlist, processlist_in};
pub use queue::queue;
pub use sar::{CpuShare, sar, shares};
pub use services::port_of;
pub use sockstat::sockstat;
pub use ss::{Side, SsFilter, SsOptions, States, ss, ss_with};
pub use ss_s::ss_s;
pub use strace::strace;
pub use sysctl::sysctl;
pub use tcpdump::tcpdump;
pub use ulimit::{ulimit_a, ulimit_n};
pub use variables::{names_and_values, one_value, status, variables};

use core::fmt;

use super::messages::Advice;
use super::span::{SpanView, Wanted};
use super::view::{HostView, ProcessView, SocketView, Transport, UnreadView};
use crate::tcp::TcpState;
use crate::text::Lang;
use crate::time::Duration;
use crate::units::{Fd, Pid, Port};

macro_rules! views {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $command:literal;)*) => {
        /// A view of a host: what `halfclose show` can print.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum View { $($(#[$doc])* $variant,)* }

        impl View {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// The command whose output it looks like.
            #[must_use]
            pub const fn command(self) -> &'static str { match self { $(Self::$variant => $command,)* } }
        }
    };
}

views! {
    /// Totals by protocol.
    SsS = "ss-s", "ss -s";
    /// TCP sockets.
    Ss = "ss", "ss -tanpo";
    /// TCP and UDP sockets, the older tool.
    Netstat = "netstat", "netstat -anop";
    /// Sessions of the MySQL server.
    Processlist = "processlist", "SHOW PROCESSLIST;";
    /// Settings of the MySQL server.
    Variables = "variables", "SHOW GLOBAL VARIABLES LIKE …;";
    /// Counters of the MySQL server.
    Status = "status", "SHOW GLOBAL STATUS LIKE …;";
    /// Resource limits of a process.
    Limits = "limits", "cat /proc/PID/limits";
    /// Resource limits of the operator's shell.
    Ulimit = "ulimit", "ulimit -a";
    /// Kernel settings.
    Sysctl = "sysctl", "sysctl -a";
    /// Open descriptors of a process.
    Fd = "fd", "ls -l /proc/PID/fd";
    /// Socket counts of the kernel.
    Sockstat = "sockstat", "cat /proc/net/sockstat /proc/net/sockstat6";
    /// Network counters.
    Nstat = "nstat", "nstat -az";
    /// CPU time by CPU and second.
    Sar = "sar", "sar -P ALL 1 5";
    /// CPU time of a process by function.
    PerfTop = "perf-top", "perf top -p PID";
    /// Calls of a process, summed up for each thread.
    PerfTraceS = "perf-trace-s", "perf trace -s -p PID -- sleep 10";
    /// Calls of a process, with arguments by name.
    PerfTrace = "perf-trace", "perf trace -p PID";
    /// Calls of a process, as its own system calls would be written.
    Strace = "strace", "strace -f -tt -T -p PID";
    /// Packets of a host.
    Tcpdump = "tcpdump", "tcpdump -n -i any";
    /// Unread bytes of a socket.
    Queue = "queue", "(no tool: the bytes Recv-Q counts)";
}

/// The views that watch a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Watcher {
    Sar,
    PerfTop,
    PerfTraceS,
    PerfTrace,
    Strace,
    Tcpdump,
}

/// What a view that watches a while needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watching {
    /// What has to be recorded.
    pub wanted: Wanted,
    /// How long it watches if nobody says.
    pub length: Duration,
    /// How often it samples the CPUs; not at all on the way if zero.
    pub every: Duration,
}

impl View {
    /// The view of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|view| view.name() == name)
    }

    /// What it has to watch; `None` for a view of one instant.
    #[must_use]
    pub fn watching(self) -> Option<Watching> {
        const CALLS: Wanted = Wanted { calls: true, packets: false };
        const PACKETS: Wanted = Wanted { calls: false, packets: true };
        const NOTHING: Wanted = Wanted { calls: false, packets: false };
        let second = Duration::from_secs(1);
        let (wanted, length, every) = match self.watcher()? {
            Watcher::Sar => (NOTHING, Duration::from_secs(5), second),
            Watcher::PerfTop => (CALLS, second, Duration::ZERO),
            Watcher::PerfTraceS => (CALLS, Duration::from_secs(10), Duration::ZERO),
            Watcher::PerfTrace | Watcher::Strace => (CALLS, Duration::from_millis(100), Duration::ZERO),
            Watcher::Tcpdump => (PACKETS, second, Duration::ZERO),
        };
        Some(Watching { wanted, length, every })
    }

    /// The view as one that watches, if it is one.
    const fn watcher(self) -> Option<Watcher> {
        Some(match self {
            Self::Sar => Watcher::Sar,
            Self::PerfTop => Watcher::PerfTop,
            Self::PerfTraceS => Watcher::PerfTraceS,
            Self::PerfTrace => Watcher::PerfTrace,
            Self::Strace => Watcher::Strace,
            Self::Tcpdump => Watcher::Tcpdump,
            Self::SsS
            | Self::Ss
            | Self::Netstat
            | Self::Processlist
            | Self::Variables
            | Self::Status
            | Self::Limits
            | Self::Ulimit
            | Self::Sysctl
            | Self::Fd
            | Self::Sockstat
            | Self::Nstat
            | Self::Queue => return None,
        })
    }

    /// What in the view is a model of cost, a draw or made up, rather than
    /// mechanism; for stderr.
    #[must_use]
    pub const fn caveat(self) -> Option<Advice> {
        if let Some(watcher) = self.watcher() {
            return match watcher {
                Watcher::Sar => Some(Advice::CaveatSar),
                Watcher::PerfTop => Some(Advice::CaveatPerfTop),
                Watcher::PerfTraceS | Watcher::PerfTrace => Some(Advice::CaveatPerfTrace),
                Watcher::Strace => Some(Advice::CaveatStrace),
                Watcher::Tcpdump => None,
            };
        }
        if matches!(self, Self::Queue) {
            Some(Advice::CaveatQueue)
        } else if matches!(self, Self::Limits | Self::Ulimit) {
            Some(Advice::CaveatLimits)
        } else if matches!(self, Self::Sockstat) {
            Some(Advice::CaveatSockstat)
        } else {
            None
        }
    }

    /// Prints a view of one instant.
    ///
    /// # Errors
    /// [`ViewError`] when the host has nothing such a tool could look at, or the
    /// view watches a span of time.
    pub fn render(self, host: &HostView, options: &ViewOptions) -> Result<String, ViewError> {
        let like = options.like.as_deref();
        let server = || host.mysql().ok_or_else(|| ViewError::NoServer { host: host.name.clone() });
        Ok(match self {
            Self::SsS => ss_s(host),
            Self::Ss => ss(host),
            Self::Netstat => netstat(host),
            Self::Processlist => processlist(server()?, options.elapsed),
            Self::Variables => variables(server()?, like, options.elapsed),
            Self::Status => status(server()?, like, options.elapsed),
            Self::Limits => limits(&options.process(host)?.limits),
            Self::Ulimit => ulimit_a(&host.shell),
            Self::Sysctl => sysctl(host),
            Self::Fd => fd(host, options.process(host)?),
            Self::Sockstat => sockstat(&host.sockstat),
            Self::Nstat => nstat(&host.counters),
            Self::Queue => {
                let (socket, unread) = options.queue(host)?;
                queue(host, socket, unread)
            }
            Self::Sar | Self::PerfTop | Self::PerfTraceS | Self::PerfTrace | Self::Strace | Self::Tcpdump => {
                return Err(ViewError::NeedsSpan { view: self });
            }
        })
    }

    /// Prints a view of a span of time; one of an instant shows the span's end.
    ///
    /// # Errors
    /// [`ViewError`] when the host has nothing such a tool could look at.
    pub fn render_span(self, span: &SpanView, options: &ViewOptions) -> Result<String, ViewError> {
        let process = || options.process(&span.host);
        let Some(watcher) = self.watcher() else { return self.render(&span.host, options) };
        Ok(match watcher {
            Watcher::Sar => sar(span),
            Watcher::PerfTop => perf_top(span, process()?.pid),
            Watcher::PerfTraceS => perf_trace_s(span, process()?),
            Watcher::PerfTrace => perf_trace(span, process()?),
            Watcher::Strace => strace(span, process()?),
            Watcher::Tcpdump => tcpdump(span, options.port),
        })
    }
}

/// What a view is asked for besides the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewOptions {
    /// The process to look at; otherwise [`HostView::default_process`].
    pub pid: Option<Pid>,
    /// Pattern of `LIKE`.
    pub like: Option<String>,
    /// How long the statement took on the server, for the footer of a table.
    pub elapsed: Duration,
    /// Only packets from or to this port; the socket with this local port.
    pub port: Option<Port>,
    /// The socket open as this descriptor.
    pub fd: Option<Fd>,
}

impl ViewOptions {
    fn process<'a>(&self, host: &'a HostView) -> Result<&'a ProcessView, ViewError> {
        match self.pid {
            Some(pid) => host.process(pid),
            None => host.default_process(),
        }
        .ok_or_else(|| ViewError::NoProcess { host: host.name.clone(), pid: self.pid })
    }

    /// The socket asked for by port or descriptor, with what it has not read; else
    /// the process's first, by descriptor, that has unread bytes.
    fn queue<'a>(&self, host: &'a HostView) -> Result<(&'a SocketView, &'a UnreadView), ViewError> {
        let unread = |socket: &SocketView| host.unread.iter().find(|queue| queue.ino == socket.ino);
        let tcp = host.sockets.iter().filter(|socket| socket.transport == Transport::Tcp && socket.ino != 0);
        let nothing = || ViewError::NothingUnread { host: host.name.clone() };
        if let Some(port) = self.port {
            let mut there = tcp.filter(|socket| socket.local.port() == port && socket.state != TcpState::Listen);
            let socket = there.next().ok_or_else(|| ViewError::NoSocket { host: host.name.clone() })?;
            return Ok((socket, unread(socket).ok_or_else(nothing)?));
        }
        let pid = self.process(host)?.pid;
        let mut own: Vec<(Fd, &SocketView)> =
            tcp.filter_map(|s| s.owner.filter(|owner| owner.pid == pid).map(|owner| (owner.fd, s))).collect();
        own.sort_by_key(|&(fd, _)| fd);
        if let Some(fd) = self.fd {
            let found = own.iter().find(|&&(own, _)| own == fd);
            let &(_, socket) = found.ok_or_else(|| ViewError::NoSocket { host: host.name.clone() })?;
            return Ok((socket, unread(socket).ok_or_else(nothing)?));
        }
        let mut queued =
            host.unread.iter().filter(|queue| !queue.runs.is_empty()).map(|queue| queue.ino).collect::<Vec<_>>();
        queued.sort_unstable();
        let first = own.iter().find(|(_, socket)| queued.binary_search(&socket.ino).is_ok());
        let &(_, socket) = first.ok_or_else(nothing)?;
        Ok((socket, unread(socket).ok_or_else(nothing)?))
    }
}

/// Why a view cannot be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// The host runs no MySQL server.
    NoServer {
        /// Host asked for.
        host: String,
    },
    /// The host has no such process, or none at all.
    NoProcess {
        /// Host asked for.
        host: String,
        /// Process asked for.
        pid: Option<Pid>,
    },
    /// The host has no such TCP connection.
    NoSocket {
        /// Host asked for.
        host: String,
    },
    /// The socket asked for, or every one, has been read empty.
    NothingUnread {
        /// Host asked for.
        host: String,
    },
    /// The view watches a span of time and was asked of an instant.
    NeedsSpan {
        /// The view.
        view: View,
    },
}

impl ViewError {
    /// The error in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::NoServer { host } => crate::say!(lang, Advice::NoServer, host),
            Self::NoProcess { host, pid: Some(pid) } => crate::say!(lang, Advice::NoProcess, host, pid),
            Self::NoProcess { host, pid: None } => crate::say!(lang, Advice::NoProcesses, host),
            Self::NoSocket { host } => crate::say!(lang, Advice::NoSocket, host),
            Self::NothingUnread { host } => crate::say!(lang, Advice::NothingUnread, host),
            Self::NeedsSpan { view } => crate::say!(lang, Advice::NeedsSpan, view.name()),
        }
    }
}
impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}
impl core::error::Error for ViewError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_found_by_its_name_and_prints() {
        let mut host = sample::namespace(Duration::ZERO);
        host.processes[0].app = sample::first_server();
        for &view in View::ALL {
            assert_eq!(View::parse(view.name()), Some(view));
            if view == View::Queue {
                continue;
            }
            let text = match view.watching() {
                None => view.render(&host, &ViewOptions::default()).expect("the sample has everything"),
                Some(_) => {
                    assert_eq!(
                        view.render(&host, &ViewOptions::default()),
                        Err(ViewError::NeedsSpan { view }),
                        "{view:?}"
                    );
                    let mut span = sample::traced_cycle();
                    span.host.processes[0].pid = Pid(16_909);
                    view.render_span(&span, &ViewOptions::default()).expect("the sample has everything")
                }
            };
            assert!(text.ends_with('\n') || view == View::Tcpdump, "{view:?}");
        }
        assert_eq!(View::parse("lsof"), None);
    }

    #[test]
    fn a_view_of_nothing_is_an_error() {
        let host = sample::namespace(Duration::ZERO);
        let options = ViewOptions { pid: Some(Pid(4)), ..ViewOptions::default() };
        let error = View::Limits.render(&host, &options).unwrap_err();
        assert_eq!(error.to_string(), "host `host` has no process 4");
        let error = View::Processlist.render(&host, &ViewOptions::default()).unwrap_err();
        assert_eq!(error, ViewError::NoServer { host: "host".into() });
        let error = View::Queue.render(&host, &ViewOptions::default()).unwrap_err();
        assert_eq!(error, ViewError::NothingUnread { host: "host".into() });
        let options = ViewOptions { port: Some(Port(9)), ..ViewOptions::default() };
        let error = View::Queue.render(&host, &options).unwrap_err();
        assert_eq!(error, ViewError::NoSocket { host: "host".into() });
    }
}
