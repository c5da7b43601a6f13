//! The sockets of a namespace, from `sock_diag(7)`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use halfclose::tcp::TcpState;
use halfclose::units::{Endpoint, FourTuple, Port};
use rustix::net::netlink;

use crate::netlink::{DUMP, Message, Netlink, REQUEST};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const IPPROTO_TCP: u8 = 6;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// `idiag_timer` of a timewait minisock.
const TIMER_TIMEWAIT: u8 = 3;
/// `TCP_NEW_SYN_RECV`: a request socket.
const NEW_SYN_RECV: u8 = 12;

/// A socket as the kernel shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiagRow {
    /// Local and remote end.
    pub(crate) tuple: FourTuple,
    /// State; of a minisock its substate.
    pub(crate) state: TcpState,
    /// A timewait minisock.
    pub(crate) minisock: bool,
    /// A request socket.
    pub(crate) request: bool,
    /// LISTEN: accept queue; else bytes to read, the FIN counted.
    pub(crate) recv_q: u32,
    /// LISTEN: backlog; else bytes not acknowledged.
    pub(crate) send_q: u32,
    /// 0 without a file.
    pub(crate) inode: u32,
}

/// Linux's number of a state.
fn state(number: u8) -> Option<TcpState> {
    Some(match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        3 | NEW_SYN_RECV => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        7 => TcpState::Closed,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => return None,
    })
}

/// Reads sockets of one namespace.
#[derive(Debug)]
pub(crate) struct Diag(Netlink);

impl Diag {
    /// Opens it in the calling thread's namespace.
    ///
    /// # Errors
    /// When the kernel has no sock_diag.
    pub(crate) fn open() -> io::Result<Self> {
        Netlink::open(Some(netlink::SOCK_DIAG)).map(Self)
    }

    /// Every TCP socket, IPv4 and IPv6.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn sockets(&mut self) -> io::Result<Vec<DiagRow>> {
        let mut rows = Vec::new();
        for family in [AF_INET, AF_INET6] {
            let mut request = vec![family, IPPROTO_TCP, 0, 0];
            // All states; a socket id of zeros asks for every socket.
            request.extend_from_slice(&0xffff_ffff_u32.to_ne_bytes());
            request.extend_from_slice(&[0; 48]);
            let message = Message::new(SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, &request);
            self.0.dump(message, |body| rows.extend(row(body)))?;
        }
        Ok(rows)
    }
}

/// `inet_diag_msg`.
fn row(body: &[u8]) -> Option<DiagRow> {
    let bytes: &[u8; 72] = body.first_chunk()?;
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let addr = |at: usize| -> Ipv4Addr {
        if bytes[0] == AF_INET {
            return Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        }
        let mut octets = [0; 16];
        octets.copy_from_slice(&bytes[at..at + 16]);
        Ipv6Addr::from(octets).to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED)
    };
    let end = |port_at, addr_at| Endpoint::on(addr(addr_at), Port(port(port_at)));
    Some(DiagRow {
        tuple: FourTuple { local: end(4, 8), remote: end(6, 24) },
        state: state(bytes[1])?,
        minisock: bytes[2] == TIMER_TIMEWAIT && matches!(bytes[1], 5 | 6),
        request: matches!(bytes[1], 3 | NEW_SYN_RECV) && word(68) == 0,
        recv_q: word(56),
        send_q: word(60),
        inode: word(68),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_read_as_ipv4() {
        let mut bytes = [0_u8; 72];
        (bytes[0], bytes[1]) = (AF_INET6, 8);
        bytes[4..8].copy_from_slice(&[0x0c, 0xea, 0x80, 0x00]);
        bytes[18..24].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        bytes[56..60].copy_from_slice(&28_u32.to_ne_bytes());
        bytes[68..72].copy_from_slice(&77_u32.to_ne_bytes());
        let row = row(&bytes).unwrap();
        assert_eq!((row.state, row.recv_q, row.inode), (TcpState::CloseWait, 28, 77));
        assert_eq!(row.tuple.local, Endpoint::new(Ipv4Addr::new(10, 0, 0, 1), 3306));
        assert_eq!(row.tuple.remote.port(), Port(32768));
        assert!(super::row(&bytes[..71]).is_none());
    }
}
