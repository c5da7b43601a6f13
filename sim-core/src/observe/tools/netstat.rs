//! `netstat -anop` (net-tools `netstat.c`; rows from `/proc/net/{tcp,tcp6,udp,udp6}`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::services;
use crate::observe::view::{HostView, NetFamily, SocketTimer, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::units::{Endpoint, Pid};

/// Clock ticks a second in `/proc`, whatever `CONFIG_HZ` is.
const USER_HZ: u64 = 100;
/// `PROGNAME_WIDTH` less the terminating zero.
const PROGRAM_CHARS: usize = 19;

/// TCP, then UDP sockets, with owner and timer (`netstat -anop`). The model has
/// no UNIX domain sockets, so their section is empty.
#[must_use]
pub fn netstat(host: &HostView) -> String {
    netstat_with(host, &NetstatOptions { programs: true, timers: true, numeric: true, ..NetstatOptions::all() })
}

/// Which sockets `netstat` lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Servers {
    /// `-a`.
    Too,
    /// `-l`.
    Only,
    /// Neither.
    Not,
}

impl Servers {
    const fn heading(self) -> &'static str {
        match self {
            Self::Too => "servers and established",
            Self::Only => "only servers",
            Self::Not => "w/o servers",
        }
    }
}

/// What `netstat` is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetstatOptions {
    /// `-a`, `-l` or neither.
    pub servers: Servers,
    /// `-t`, `-u`; the section of UNIX sockets follows only if neither was given.
    pub only: Option<(bool, bool)>,
    /// `-p`.
    pub programs: bool,
    /// `-o`.
    pub timers: bool,
    /// `-e`.
    pub extended: bool,
    /// `-n`.
    pub numeric: bool,
}

impl NetstatOptions {
    /// `netstat -a`.
    #[must_use]
    pub const fn all() -> Self {
        Self { servers: Servers::Too, only: None, programs: false, timers: false, extended: false, numeric: false }
    }
}

/// `netstat` with any of these options.
#[must_use]
pub fn netstat_with(host: &HostView, options: &NetstatOptions) -> String {
    let names: BTreeMap<Pid, String> = host
        .processes
        .iter()
        .map(|p| (p.pid, format!("{}/{}", p.pid, p.name).chars().take(PROGRAM_CHARS).collect()))
        .collect();
    let NetstatOptions { servers, only, programs, timers, extended, .. } = *options;
    let heading = servers.heading();
    let mut out = format!(
        "Active Internet connections ({heading})\n\
         Proto Recv-Q Send-Q Local Address           Foreign Address         State      {}{}{}\n",
        if extended { " User       Inode     " } else { "" },
        if programs { " PID/Program name    " } else { "" },
        if timers { " Timer" } else { "" },
    );
    let (tcp, udp) = only.unwrap_or((true, true));
    for (transport, wanted) in [(Transport::Tcp, tcp), (Transport::Udp, udp)] {
        for family in [NetFamily::V4, NetFamily::V6] {
            for listening in [true, false] {
                for socket in &host.sockets {
                    if wanted
                        && socket.transport == transport
                        && socket.family == family
                        && (socket.state == TcpState::Listen) == listening
                        && is_listed(socket, servers)
                    {
                        row(&mut out, socket, host, options, &names);
                    }
                }
            }
        }
    }
    if only.is_none() {
        let program = if programs { "PID/Program name     " } else { "" };
        out.push_str(&format!(
            "Active UNIX domain sockets ({heading})\n\
             Proto RefCnt Flags       Type       State         I-Node   {program}Path\n"
        ));
    }
    out
}

/// A server is a listening socket, or a UDP socket without a peer.
fn is_listed(socket: &SocketView, servers: Servers) -> bool {
    let server = matches!(socket.state, TcpState::Listen | TcpState::Closed);
    match servers {
        Servers::Too => true,
        Servers::Only => server,
        Servers::Not => !server,
    }
}

fn row(
    out: &mut String,
    socket: &SocketView,
    host: &HostView,
    options: &NetstatOptions,
    names: &BTreeMap<Pid, String>,
) {
    let protocol = match (socket.transport, socket.family) {
        (Transport::Tcp, NetFamily::V4) => "tcp",
        (Transport::Tcp, NetFamily::V6) => "tcp6",
        (Transport::Udp, NetFamily::V4) => "udp",
        (Transport::Udp, NetFamily::V6) => "udp6",
    };
    // netstat reads `/proc/net/tcp`, which has no backlog.
    let send_q = if socket.state == TcpState::Listen { 0 } else { socket.send_q };
    let _ = write!(
        out,
        "{protocol:<4}  {:>6} {send_q:>6} {:<23} {:<23} {:<11}",
        socket.recv_q,
        address(host, socket.family, socket.local, options.numeric),
        address(host, socket.family, socket.remote, options.numeric),
        state_name(socket.transport, socket.state),
    );
    if options.extended {
        let _ = write!(out, " {:<10} {:<10}", socket.uid, socket.ino);
    }
    if options.programs {
        let program = socket.owner.and_then(|owner| names.get(&owner.pid)).map_or("-", String::as_str);
        let _ = write!(out, " {program:<20}");
    }
    if options.timers {
        let _ = write!(out, " {}", timer_text(socket.timer, host.hz));
    }
    out.push('\n');
}

const fn state_name(transport: Transport, state: TcpState) -> &'static str {
    match (transport, state) {
        (Transport::Udp, TcpState::Closed) => "",
        (Transport::Tcp, TcpState::Closed) => "CLOSE",
        (_, TcpState::Listen) => "LISTEN",
        (_, TcpState::SynSent) => "SYN_SENT",
        (_, TcpState::SynReceived) => "SYN_RECV",
        (_, TcpState::Established) => "ESTABLISHED",
        (_, TcpState::FinWait1) => "FIN_WAIT1",
        (_, TcpState::FinWait2) => "FIN_WAIT2",
        (_, TcpState::CloseWait) => "CLOSE_WAIT",
        (_, TcpState::Closing) => "CLOSING",
        (_, TcpState::LastAck) => "LAST_ACK",
        (_, TcpState::TimeWait) => "TIME_WAIT",
    }
}

/// IPv4-mapped addresses are printed as IPv4; a port 0 as `*`.
fn address(host: &HostView, family: NetFamily, end: Endpoint, numeric: bool) -> String {
    let name = if numeric { None } else { services::name_of(host, end.port()) };
    let port = match name {
        _ if end.port().0 == 0 => "*".to_owned(),
        Some(name) => name.to_owned(),
        None => end.port().to_string(),
    };
    match family {
        NetFamily::V6 if end.addr().is_unspecified() && numeric => format!(":::{port}"),
        NetFamily::V6 if end.addr().is_unspecified() => format!("[::]:{port}"),
        NetFamily::V4 if end.addr().is_loopback() && !numeric => format!("localhost:{port}"),
        NetFamily::V4 | NetFamily::V6 => format!("{}:{port}", end.addr()),
    }
}

fn timer_text(timer: Option<SocketTimer>, hz: u32) -> String {
    let Some(timer) = timer else {
        return "off (0.00/0/0)".to_owned();
    };
    let name = match timer.kind {
        TimerKind::Retransmit => "on",
        TimerKind::KeepAlive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "probe",
    };
    let ticks = timer.jiffies(hz) * USER_HZ / u64::from(hz);
    format!("{name} ({}.{:02}/{}/{})", ticks / USER_HZ, ticks % USER_HZ, timer.retransmits, timer.probes)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;

    /// The sample is the namespace the real tool ran in, 36 ms after `ss`.
    #[test]
    fn the_real_tool_in_a_namespace() {
        let golden = include_str!("../golden/netstat.net-tools-2.10.txt");
        assert_eq!(netstat(&sample::namespace(Duration::from_millis(36))), golden);
    }

    #[test]
    fn the_write_ups_thirty_rows() {
        let published = include_str!("../golden/netstat.close-wait.txt");
        let rows: Vec<_> = published
            .lines()
            .zip(3..)
            .map(|(line, fd)| {
                let words: Vec<_> = line.split_whitespace().collect();
                let port = words[3].rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
                (port, TcpState::CloseWait, words[1].parse().expect("Recv-Q"), fd)
            })
            .collect();
        assert_eq!(rows.len(), 30);
        let text = netstat(&sample::client_of_the_write_up(&rows, "sysbench", 22_109));
        let ours: String =
            text.lines().filter(|line| line.contains("3306")).take(30).map(|l| format!("{l}\n")).collect();
        assert_eq!(ours, published);
    }

    #[test]
    fn long_program_names_are_cut() {
        let mut host = sample::namespace(Duration::ZERO);
        host.processes[0].name = "a-really-long-program".into();
        assert!(netstat(&host).contains("8233/a-really-long- "), "{}", netstat(&host));
    }

    #[test]
    fn a_probing_socket() {
        let text = netstat(&sample::zero_window());
        let row = "tcp        0 3782144 127.0.0.1:44668         127.0.0.1:3306          ESTABLISHED 15609/averyverylong  probe (0.19/0/1)";
        assert!(text.lines().any(|line| line == row), "{text}");
    }
}
