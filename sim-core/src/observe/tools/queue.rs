//! The unread bytes of a socket, as `hexdump -C` shows a file: what Recv-Q counts.
//!
//! No tool of Linux shows them; a debugger or `MSG_PEEK` inside the process would.

use std::fmt::Write as _;

use crate::observe::view::{HostView, SocketView, UnreadView};

/// Bytes on a line of `hexdump -C`.
const WIDTH: usize = 16;

/// Address, state and owner on one line, then the bytes; a FIN behind them is
/// named, since it counts as one in Recv-Q and is no byte.
#[must_use]
pub fn queue(host: &HostView, socket: &SocketView, unread: &UnreadView) -> String {
    let mut out = format!("{} {} {}", socket.local, socket.remote, socket.state.rfc_name());
    if let Some(owner) = socket.owner {
        let name = host.process(owner.pid).map_or("", |process| process.name.as_str());
        let _ = write!(out, " users:((\"{name}\",pid={},fd={}))", owner.pid, owner.fd);
    }
    let unread_bytes = unread.bytes();
    let bytes = unread_bytes.len();
    let fin = if unread.fin { " + FIN" } else { "" };
    let _ = writeln!(out, "\nRecv-Q {} = {bytes} bytes{fin}", socket.recv_q);
    for (row, line) in unread_bytes.chunks(WIDTH).enumerate() {
        let mut hex = String::new();
        for (at, byte) in line.iter().enumerate() {
            let _ = write!(hex, "{}{byte:02x} ", if at == WIDTH / 2 { " " } else { "" });
        }
        let text: String =
            line.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '.' }).collect();
        let _ = writeln!(out, "{:08x}  {hex:<49} |{text}|", row * WIDTH);
    }
    let _ = writeln!(out, "{bytes:08x}{}", if unread.fin { "  FIN" } else { "" });
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::tcp::TcpState;
    use crate::wire::Payload;

    fn shown(bytes: &[u8], fin: bool) -> String {
        let recv_q = u32::try_from(bytes.len()).expect("short") + u32::from(fin);
        let host = sample::client_of_the_write_up(&[(44_820, TcpState::CloseWait, recv_q, 257)], "sysbench", 26_050);
        let socket = host.sockets.last().expect("the leaked one");
        queue(&host, socket, &UnreadView { ino: 0, runs: vec![Payload::from_bytes(bytes)], fin })
    }

    /// `hexdump -C` of util-linux 2.38 on the 27 bytes, under our own heading.
    #[test]
    fn too_many_connections() {
        let mut refusal = vec![0x17, 0, 0, 0, 0xff, 0x10, 0x04];
        refusal.extend(b"Too many connections");
        assert_eq!(shown(&refusal, true), include_str!("../golden/queue.refusal.txt"));
    }

    #[test]
    fn nothing_but_a_fin() {
        let text = shown(&[], true);
        assert!(text.ends_with("\nRecv-Q 1 = 0 bytes + FIN\n00000000  FIN\n"), "{text}");
    }
}
