//! `netstat -anop` (net-tools `netstat.c`; rows from `/proc/net/{tcp,tcp6,udp,udp6}`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::observe::view::{HostView, NetFamily, SocketTimer, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::units::{Endpoint, Pid};

/// Clock ticks a second in `/proc`, whatever `CONFIG_HZ` is.
const USER_HZ: u64 = 100;
/// `PROGNAME_WIDTH` less the terminating zero.
const PROGRAM_CHARS: usize = 19;

/// TCP, then UDP sockets, with owner and timer. The model has no UNIX domain
/// sockets, so their section is empty.
#[must_use]
pub fn netstat(host: &HostView) -> String {
    let names: BTreeMap<Pid, String> = host
        .processes
        .iter()
        .map(|p| (p.pid, format!("{}/{}", p.pid, p.name).chars().take(PROGRAM_CHARS).collect()))
        .collect();
    let mut out = String::from(
        "Active Internet connections (servers and established)\n\
         Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name     Timer\n",
    );
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [NetFamily::V4, NetFamily::V6] {
            for listening in [true, false] {
                for socket in &host.sockets {
                    if socket.transport == transport
                        && socket.family == family
                        && (socket.state == TcpState::Listen) == listening
                    {
                        row(&mut out, socket, host.hz, &names);
                    }
                }
            }
        }
    }
    out.push_str(
        "Active UNIX domain sockets (servers and established)\n\
         Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path\n",
    );
    out
}

fn row(out: &mut String, socket: &SocketView, hz: u32, names: &BTreeMap<Pid, String>) {
    let protocol = match (socket.transport, socket.family) {
        (Transport::Tcp, NetFamily::V4) => "tcp",
        (Transport::Tcp, NetFamily::V6) => "tcp6",
        (Transport::Udp, NetFamily::V4) => "udp",
        (Transport::Udp, NetFamily::V6) => "udp6",
    };
    // /proc/net/tcp has no backlog: only ss sees it, through sock_diag.
    let send_q = if socket.state == TcpState::Listen { 0 } else { socket.send_q };
    let program = socket.owner.and_then(|owner| names.get(&owner.pid)).map_or("-", String::as_str);
    let _ = writeln!(
        out,
        "{protocol:<4}  {:>6} {send_q:>6} {:<23} {:<23} {:<11} {program:<20} {}",
        socket.recv_q,
        address(socket.family, socket.local),
        address(socket.family, socket.remote),
        state_name(socket.transport, socket.state),
        timer_text(socket.timer, hz),
    );
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
fn address(family: NetFamily, end: Endpoint) -> String {
    let port = if end.port.0 == 0 { "*".to_owned() } else { end.port.to_string() };
    match family {
        NetFamily::V6 if end.addr.is_unspecified() => format!(":::{port}"),
        NetFamily::V4 | NetFamily::V6 => format!("{}:{port}", end.addr),
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
