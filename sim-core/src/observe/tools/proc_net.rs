//! `/proc/net/tcp` and `/proc/net/tcp6` (`net/ipv4/tcp_ipv4.c`, `get_tcp4_sock` and its siblings).

use std::fmt::Write as _;

use crate::observe::view::{HostView, NetFamily, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::units::Endpoint;

/// Clock ticks a second in `/proc`, whatever `CONFIG_HZ` is.
const USER_HZ: u64 = 100;

/// The file of one family, up to the inode. What follows it in the kernel's
/// file (reference count, address of the socket, RTO, window) is internal to
/// the kernel and left out.
#[must_use]
pub fn proc_net_tcp(host: &HostView, family: NetFamily) -> String {
    let width = match family {
        NetFamily::V4 => 8,
        NetFamily::V6 => 32,
    };
    let mut out = match family {
        NetFamily::V4 => format!(
            "{:<149}\n",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
        ),
        NetFamily::V6 => "  sl  local_address                         remote_address                        st \
                          tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
            .to_owned(),
    };
    let mut number = 0;
    for listening in [true, false] {
        for socket in &host.sockets {
            if socket.transport == Transport::Tcp
                && socket.family == family
                && (socket.state == TcpState::Listen) == listening
            {
                let line = row(number, socket, host.hz, width);
                let _ = match family {
                    NetFamily::V4 => writeln!(out, "{line:<149}"),
                    NetFamily::V6 => writeln!(out, "{line}"),
                };
                number += 1;
            }
        }
    }
    out
}

fn row(number: u32, socket: &SocketView, hz: u32, width: usize) -> String {
    let (kind, when, retransmits) = socket.timer.map_or((0, 0, 0), |timer| {
        let kind = match timer.kind {
            TimerKind::Retransmit => 1,
            TimerKind::KeepAlive => 2,
            TimerKind::TimeWait => 3,
            TimerKind::Persist => 4,
        };
        (kind, timer.jiffies(hz) * USER_HZ / u64::from(hz), timer.retransmits)
    });
    let send_q = if socket.state == TcpState::Listen { 0 } else { socket.send_q };
    format!(
        "{number:>4}: {} {} {:02X} {send_q:08X}:{:08X} {kind:02X}:{when:08X} {retransmits:08X} {:>5} {:>8} {}",
        end(socket.local, width),
        end(socket.remote, width),
        number_of(socket.state),
        socket.recv_q,
        socket.uid,
        0,
        socket.ino,
    )
}

/// Address in the machine's byte order (little-endian), port in the network's.
fn end(end: Endpoint, width: usize) -> String {
    let v4 = u32::from_le_bytes(end.addr().octets());
    match width {
        8 => format!("{v4:08X}:{:04X}", end.port().0),
        _wide if end.addr().is_unspecified() => format!("{:032X}:{:04X}", 0, end.port().0),
        _wide => format!("0000000000000000FFFF0000{v4:08X}:{:04X}", end.port().0),
    }
}

/// `include/net/tcp_states.h`.
const fn number_of(state: TcpState) -> u8 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;

    /// Rows of Linux 6.18.44, cut after the inode.
    #[test]
    fn rows_of_the_real_file() {
        let text = proc_net_tcp(&sample::namespace(Duration::ZERO), NetFamily::V4);
        let heading = text.lines().next().expect("a heading");
        assert_eq!((heading.len(), heading.trim_end().ends_with("timeout inode")), (149, true));
        let listen = "   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 0";
        let leak = "0100007F:A4CE 0100007F:0CEA 08 00000000:0000004E 00:00000000 00000000     0        0 0";
        assert_eq!(text.lines().nth(1).map(str::trim_end), Some(listen));
        assert!(text.lines().any(|line| line.trim_end().ends_with(leak)), "{text}");
        assert!(text.lines().all(|line| line.len() == 149));
        let v6 = proc_net_tcp(&sample::namespace(Duration::ZERO), NetFamily::V6);
        assert!(
            v6.contains(" 00000000000000000000000000000000:0CEB 00000000000000000000000000000000:0000 0A "),
            "{v6}"
        );
        assert!(v6.contains(" 0000000000000000FFFF00000100007F:0CEB 0000000000000000FFFF00000100007F:"), "{v6}");
    }
}
