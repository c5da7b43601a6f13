//! `ss -tanpo` (iproute2 `misc/ss.c`; rows from `sock_diag`, IPv4 then IPv6).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ss_buffer::{Align, Column, Table};
use crate::observe::view::{HostView, NetFamily, SocketTimer, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::units::{Endpoint, Pid, Port};

/// All TCP sockets with owner and timer, widths as when written to a pipe.
#[must_use]
pub fn ss(host: &HostView) -> String {
    let names: BTreeMap<Pid, &str> = host.processes.iter().map(|p| (p.pid, p.name.as_str())).collect();
    let column = |heading, delimiter, align| Column { heading, delimiter, align };
    let mut table = Table::new([
        column("State", " ", Align::Left),
        column("Recv-Q", " ", Align::Left),
        column("Send-Q", " ", Align::Left),
        column("Local Address:", " ", Align::Right),
        column("Port", "", Align::Left),
        column("Peer Address:", " ", Align::Right),
        column("Port", "", Align::Left),
        column("Process", "", Align::Left),
    ]);
    // One dump per family; each walks the listening hash before the established one.
    for family in [NetFamily::V4, NetFamily::V6] {
        for listening in [true, false] {
            for socket in &host.sockets {
                if socket.transport == Transport::Tcp
                    && socket.family == family
                    && (socket.state == TcpState::Listen) == listening
                {
                    table.row(fields(socket, host.hz, &names));
                }
            }
        }
    }
    table.finish()
}

fn fields(socket: &SocketView, hz: u32, names: &BTreeMap<Pid, &str>) -> [String; 8] {
    let mut process = String::new();
    if let Some(owner) = socket.owner {
        let name = names.get(&owner.pid).copied().unwrap_or("");
        let _ = write!(process, " users:((\"{name}\",pid={},fd={}))", owner.pid, owner.fd);
    }
    if let Some(timer) = socket.timer {
        process.push_str(&timer_text(timer, hz));
    }
    [
        state_name(socket.state).to_owned(),
        format!("{:<6}", socket.recv_q),
        format!("{:<6}", socket.send_q),
        address(socket.family, socket.local),
        port(socket.local.port),
        address(socket.family, socket.remote),
        port(socket.remote.port),
        process,
    ]
}

const fn state_name(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "UNCONN",
        TcpState::Listen => "LISTEN",
        TcpState::SynSent => "SYN-SENT",
        TcpState::SynReceived => "SYN-RECV",
        TcpState::Established => "ESTAB",
        TcpState::FinWait1 => "FIN-WAIT-1",
        TcpState::FinWait2 => "FIN-WAIT-2",
        TcpState::CloseWait => "CLOSE-WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST-ACK",
        TcpState::TimeWait => "TIME-WAIT",
    }
}

fn address(family: NetFamily, end: Endpoint) -> String {
    match family {
        NetFamily::V4 => format!("{}:", end.addr),
        NetFamily::V6 if end.addr.is_unspecified() => "*:".to_owned(),
        NetFamily::V6 => format!("[::ffff:{}]:", end.addr),
    }
}

fn port(port: Port) -> String {
    if port == Port::NONE { "*".to_owned() } else { port.to_string() }
}

fn timer_text(timer: SocketTimer, hz: u32) -> String {
    let (name, count) = match timer.kind {
        TimerKind::Retransmit => ("on", timer.retransmits),
        TimerKind::KeepAlive => ("keepalive", timer.probes),
        TimerKind::TimeWait => ("timewait", 0),
        TimerKind::Persist => ("persist", timer.probes),
    };
    format!(" timer:({name},{},{count})", remaining(timer.jiffies(hz) * 1000 / u64::from(hz)))
}

/// `119min`, `9min5sec`, `59sec`, `1.200ms` (sic), `200ms`, and nothing for 0.
fn remaining(ms: u64) -> String {
    let (minutes, seconds, millis) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    let mut text = String::new();
    if minutes > 0 {
        let _ = write!(text, "{minutes}min");
    }
    if seconds > 0 && minutes <= 9 {
        let fraction = millis > 0 && minutes == 0 && seconds <= 9;
        let _ = write!(text, "{seconds}{}", if fraction { "." } else { "sec" });
    }
    if millis > 0 && minutes == 0 && seconds <= 9 {
        let _ = write!(text, "{millis:03}ms");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;
    use crate::units::Ipv4Addr;

    #[test]
    fn the_real_tool_in_a_namespace() {
        let golden = include_str!("../golden/ss.iproute2-6.1.txt");
        assert_eq!(ss(&sample::namespace(Duration::ZERO)), golden);
    }

    #[test]
    fn wide_queues_and_persist_timer_of_the_real_tool() {
        assert_eq!(ss(&sample::zero_window()), include_str!("../golden/ss.zero-window.txt"));
    }

    #[test]
    fn the_last_row_is_not_measured() {
        let mut host = sample::zero_window();
        host.sockets.truncate(1);
        let text = ss(&host);
        let heading = text.lines().next().expect("headings");
        assert!(heading.ends_with("Process"), "{heading:?}");
        host.sockets.clear();
        assert_eq!(ss(&host), "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n");
    }

    #[test]
    fn a_row_of_the_close_wait_grep() {
        let host = sample::client_of_the_write_up(&[(44_820, TcpState::CloseWait, 28, 257)], "sysbench", 26_050);
        let row =
            "CLOSE-WAIT 28     0      172.31.55.230:44820 172.31.47.174:3306  users:((\"sysbench\",pid=26050,fd=257))";
        assert!(ss(&host).lines().any(|line| line.trim_end() == row), "{}", ss(&host));
    }

    #[test]
    fn the_rows_of_the_raised_max_connections() {
        let published = include_str!("../golden/ss.estab.txt");
        let mut rows: Vec<_> = published
            .lines()
            .map(|line| {
                let port = line.split([':', ' ']).find_map(|word| word.parse::<u16>().ok().filter(|&n| n > 1024));
                let fd = line.rsplit("fd=").next().and_then(|tail| tail.trim_end_matches(')').parse().ok());
                (port.expect("a port"), TcpState::Established, 77, fd.expect("a descriptor"))
            })
            .collect();
        // Those older than connect_timeout, which the write-up leaves out, set the width of State.
        rows.push((1_026, TcpState::CloseWait, 132, 4));
        let text = ss(&sample::client_of_the_write_up(&rows, "sysbench", 3277));
        let ours: String =
            text.lines().filter(|line| line.contains(" 77 ")).map(|l| format!("{}\n", l.trim_end())).collect();
        assert_eq!(ours, published);
    }

    #[test]
    fn the_pipeline_that_counts_connections() {
        let rows: Vec<_> = (0..28_231_u16).map(|n| (32_768 + n, TcpState::CloseWait, 28, u32::from(n) + 3)).collect();
        let text = ss(&sample::client_of_the_write_up(&rows, "sysbench", 26_050));
        assert_eq!(text.lines().filter(|line| line.contains("172.31.47.174:3306")).count(), 28_231);
    }

    /// iproute2 6.1.0 printed 39,569 lines in the narrow widths and 10,340 in the
    /// wide ones that a last IPv6 socket asks for.
    #[test]
    fn widths_change_where_the_real_tools_buffer_is_full() {
        let host = sample::fifty_thousand();
        let text = ss(&host);
        let first = text.lines().next().map_or(0, str::len);
        let narrow = text.lines().take_while(|line| line.len() == first).count();
        assert_eq!((first, narrow, text.lines().count()), (98, 39_569, 49_909));
        assert!(text.lines().skip(narrow).all(|line| line.len() == 109));
    }

    #[test]
    fn remaining_times() {
        let all = [0, 200, 1_200, 9_004, 59_996, 119_000, 9 * 60_000 + 5_000, 7_199_652].map(remaining);
        assert_eq!(all, ["", "200ms", "1.200ms", "9.004ms", "59sec", "1min59sec", "9min5sec", "119min"]);
    }

    #[test]
    fn dual_stack_addresses() {
        assert_eq!(address(NetFamily::V6, Endpoint::new(Ipv4Addr::LOCALHOST, 1)), "[::ffff:127.0.0.1]:");
        assert_eq!(address(NetFamily::V6, Endpoint::ANY), "*:");
    }
}
