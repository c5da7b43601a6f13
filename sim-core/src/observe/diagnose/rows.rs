//! Rows of `ss`, `netstat` and `/proc/net/tcp`, in the layouts of several versions.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::evidence::{Addr, End, Owner, Socket};
use super::read::owner;
use crate::observe::tools::port_of;
use crate::tcp::TcpState;

/// A TCP row of `ss` or `netstat`; `hidden` is the state where the row has none.
pub(super) fn socket(line: &str, hidden: Option<TcpState>) -> Option<((End, End), Socket)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let first = *words.first()?;
    match first {
        "tcp" | "tcp6" | "tcp4" | "tcp46" => match words.get(1)?.parse::<u64>() {
            Ok(_) => netstat(&words),
            // `ss` with Netid in front.
            Err(_) => ss(&words[1..], line, None),
        },
        _state if state(first).is_some() => ss(&words, line, None),
        number if number.parse::<u64>().is_ok() && words.get(1)?.parse::<u64>().is_ok() => {
            let mut row = ss_ends(&words, line)?;
            row.1.state = hidden;
            Some(row)
        }
        _other => None,
    }
}

fn ss(words: &[&str], line: &str, _hidden: Option<TcpState>) -> Option<((End, End), Socket)> {
    let state = state(words.first()?)?;
    let mut row = ss_ends(&words[1..], line)?;
    row.1.state = Some(state);
    Some(row)
}

/// Queues, two ends, and what else stands behind them.
fn ss_ends(words: &[&str], line: &str) -> Option<((End, End), Socket)> {
    let [recv_q, send_q, local, peer, ..] = words else { return None };
    let (local, peer) = (end(local)?, end(peer)?);
    let (recv_q, send_q) = (recv_q.parse().ok()?, send_q.parse().ok()?);
    Some(((local, peer), Socket { state: None, recv_q, send_q, from_ss: true, owner: users(line) }))
}

/// `users:(("sysbench",pid=26050,fd=257))`, before iproute2 4.0 `(("sysbench",26050,257))`.
fn users(line: &str) -> Option<Owner> {
    let (_, rest) = line.split_once("users:((\"")?;
    let (name, rest) = rest.split_once('"')?;
    let fields: Vec<&str> = rest.split(')').next()?.split(',').filter(|field| !field.is_empty()).collect();
    let number = |ix: usize, key: &str| fields.get(ix).map(|field| field.strip_prefix(key).unwrap_or(field));
    let pid = number(0, "pid=").and_then(|text| text.parse().ok());
    let fd = number(1, "fd=").and_then(|text| text.parse().ok());
    Some(owner(name, pid, fd))
}

fn netstat(words: &[&str]) -> Option<((End, End), Socket)> {
    let [protocol, recv_q, send_q, local, peer, rest @ ..] = words else { return None };
    let read = |text: &str| if matches!(*protocol, "tcp4" | "tcp46") { dotted(text) } else { end(text) };
    let (local, peer) = (read(local)?, read(peer)?);
    let (recv_q, send_q) = (recv_q.parse().ok()?, send_q.parse().ok()?);
    let state = state(rest.first()?)?;
    // `22109/sysbench`; `-` without the right to see it.
    let program = rest.iter().skip(1).find_map(|word| {
        let (pid, name) = word.split_once('/')?;
        Some(owner(name, Some(pid.parse().ok()?), None))
    });
    Some(((local, peer), Socket { state: Some(state), recv_q, send_q, from_ss: false, owner: program }))
}

/// `127.0.0.1.3306`, as BSD and macOS write it.
fn dotted(text: &str) -> Option<End> {
    let (addr, port) = text.rsplit_once('.')?;
    end(&format!("{addr}:{port}"))
}

/// A state by its name in `ss`, `netstat` or a book.
pub(super) fn state(name: &str) -> Option<TcpState> {
    Some(match name {
        "ESTAB" | "ESTABLISHED" => TcpState::Established,
        "SYN-SENT" | "SYN_SENT" => TcpState::SynSent,
        "SYN-RECV" | "SYN_RECV" | "SYN_RCVD" | "SYN_RECEIVED" => TcpState::SynReceived,
        "FIN-WAIT-1" | "FIN_WAIT1" | "FIN_WAIT_1" => TcpState::FinWait1,
        "FIN-WAIT-2" | "FIN_WAIT2" | "FIN_WAIT_2" => TcpState::FinWait2,
        "TIME-WAIT" | "TIME_WAIT" => TcpState::TimeWait,
        "CLOSE-WAIT" | "CLOSE_WAIT" => TcpState::CloseWait,
        "LAST-ACK" | "LAST_ACK" => TcpState::LastAck,
        "LISTEN" | "LISTENING" => TcpState::Listen,
        "CLOSING" => TcpState::Closing,
        "UNCONN" | "CLOSE" | "CLOSED" => TcpState::Closed,
        _other => return None,
    })
}

/// `127.0.0.1:3306`, `[::ffff:127.0.0.1]:3306`, `::ffff:127.0.0.1:3306`, `:::8080`,
/// `*:22`, `127.0.0.53%lo:53`, `localhost:mysql`.
pub(super) fn end(text: &str) -> Option<End> {
    let (addr, port) = text.rsplit_once(':')?;
    let port = match port {
        "*" => 0,
        name => name.parse().ok().or_else(|| port_of(name))?,
    };
    let addr = addr.strip_prefix('[').and_then(|addr| addr.strip_suffix(']')).unwrap_or(addr);
    let addr = addr.split('%').next().unwrap_or(addr);
    let addr = match addr {
        "*" | "" | "::" => Addr::ANY,
        number => match number.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) => Addr::Ip(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)),
            Ok(v4) => Addr::Ip(v4),
            Err(_)
                if number.len() < 256
                    && number.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) =>
            {
                Addr::Name(number.into())
            }
            Err(_) => return None,
        },
    };
    Some(End { addr, port })
}

/// `   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000001 …`.
pub(super) fn proc_net_tcp(line: &str) -> Option<((End, End), Socket)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [number, local, peer, state, queues, ..] = words.as_slice() else { return None };
    number.strip_suffix(':')?.parse::<u64>().ok()?;
    let state = match u8::from_str_radix(state, 16).ok()? {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        3 | 12 => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        7 => TcpState::Closed,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _other => return None,
    };
    let (send_q, recv_q) = queues.split_once(':')?;
    let queue = |text: &str| u64::from_str_radix(text, 16).ok();
    let (recv_q, send_q) = (queue(recv_q)?, queue(send_q)?);
    let socket = Socket { state: Some(state), recv_q, send_q, from_ss: false, owner: None };
    Some(((hexadecimal(local)?, hexadecimal(peer)?), socket))
}

/// An address in little-endian words, a port as it reads.
fn hexadecimal(text: &str) -> Option<End> {
    let (addr, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let addr = match addr.len() {
        8 => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(addr, 16).ok()?.swap_bytes())),
        32 if addr.is_ascii() => {
            let mut bytes = [0; 16];
            for (ix, word) in bytes.chunks_mut(4).enumerate() {
                let number = u32::from_str_radix(&addr[ix * 8..ix * 8 + 8], 16).ok()?;
                word.copy_from_slice(&number.to_le_bytes());
            }
            let v6 = Ipv6Addr::from(bytes);
            v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
        }
        _other => return None,
    };
    let any = addr.is_unspecified();
    Some(End { addr: if any { Addr::ANY } else { Addr::Ip(addr) }, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Who = Option<(String, Option<u32>, Option<u64>)>;

    fn parsed(line: &str) -> (String, String, Option<TcpState>, u64, Who) {
        let ((local, peer), socket) = socket(line, None).unwrap_or_else(|| panic!("{line}"));
        let owner = socket.owner.map(|owner| (owner.name, owner.pid, owner.fd));
        (local.to_string(), peer.to_string(), socket.state, socket.recv_q, owner)
    }

    #[test]
    fn layouts_of_several_versions() {
        let row =
            |owner| ("127.0.0.1:57620".to_owned(), "127.0.0.1:3306".to_owned(), Some(TcpState::CloseWait), 28, owner);
        let who = |fd| Some(("python3".to_owned(), Some(28_094), fd));
        for (line, owner) in [
            (
                "CLOSE-WAIT 28     0               127.0.0.1:57620          127.0.0.1:3306  users:((\"python3\",pid=28094,fd=6))",
                who(Some(6)),
            ),
            (
                "CLOSE-WAIT 28     0      127.0.0.1:57620              127.0.0.1:3306                users:((\"python3\",28094,6))",
                who(Some(6)),
            ),
            ("tcp   CLOSE-WAIT 28     0               127.0.0.1:57620          127.0.0.1:3306        ", None),
            ("CLOSE-WAIT 28     0      ::ffff:127.0.0.1:57620              ::ffff:127.0.0.1:3306 ", None),
            ("CLOSE-WAIT 28     0      [::ffff:127.0.0.1]:57620   [::ffff:127.0.0.1]:mysql ino:1 sk:2", None),
            (
                "tcp       28      0 127.0.0.1:57620         127.0.0.1:3306          CLOSE_WAIT  28094/python3       off (0.00/0/0)",
                who(None),
            ),
            (
                "tcp6      28      0 127.0.0.1:57620         127.0.0.1:3306          CLOSE_WAIT  0          30601      28094/python3",
                who(None),
            ),
            ("tcp4      28      0  127.0.0.1.57620        127.0.0.1.3306         CLOSE_WAIT", None),
        ] {
            assert_eq!(parsed(line), row(owner), "{line}");
        }
    }

    #[test]
    fn a_hidden_state_is_the_commands() {
        let line = "28     0          127.0.0.1:57620    127.0.0.1:3306       ";
        assert_eq!(socket(line, None).unwrap().1.state, None);
        assert_eq!(socket(line, Some(TcpState::CloseWait)).unwrap().1.state, Some(TcpState::CloseWait));
    }

    #[test]
    fn rows_of_the_kernels_file() {
        let line = "   6: 0100007F:E114 0100007F:0CEA 08 00000000:0000001C 00:00000000 00000000     0        0 30599 1 0 20 4 28 10 -1";
        let ((local, peer), socket) = proc_net_tcp(line).unwrap();
        assert_eq!((local.to_string().as_str(), peer.to_string().as_str()), ("127.0.0.1:57620", "127.0.0.1:3306"));
        assert_eq!((socket.state, socket.recv_q), (Some(TcpState::CloseWait), 28));
        let line = "1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:8CA8 01 00000000:00000000 00:00000000";
        assert_eq!(proc_net_tcp(line).unwrap().0.0.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn other_lines_are_no_rows() {
        for line in
            ["", "tcp", "28 0", "ESTAB 1 2 3 4", "udp 0 0 127.0.0.1:53 0.0.0.0:*", "1 2 3:4 5", "中文 28 0 a:1 b:2"]
        {
            assert!(socket(line, None).is_none(), "{line}");
        }
    }
}
