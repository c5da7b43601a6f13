//! Netlink messages: building, sending, reading. All numbers are in host byte
//! order unless a caller says otherwise.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

/// `NLM_F_REQUEST`.
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`.
pub(crate) const ACK: u16 = 0x4;
/// `NLM_F_DUMP`.
pub(crate) const DUMP: u16 = 0x300;
/// `NLM_F_CREATE`.
pub(crate) const CREATE: u16 = 0x400;
/// `NLM_F_EXCL`.
pub(crate) const EXCL: u16 = 0x200;
/// `NLM_F_REPLACE`.
pub(crate) const REPLACE: u16 = 0x100;
/// `NLM_F_APPEND`.
pub(crate) const APPEND: u16 = 0x800;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLA_F_NESTED: u16 = 0x8000;
const HEADER: usize = 16;

/// A message being built.
#[derive(Clone, Debug)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A message of a type, with flags; the family's own header goes first.
    pub(crate) fn new(kind: u16, flags: u16, header: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(header);
        let mut message = Self(bytes);
        message.pad();
        message
    }

    fn pad(&mut self) {
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
    }

    /// Adds an attribute.
    pub(crate) fn attr(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(value.len() + 4).expect("an attribute is short");
        self.0.extend_from_slice(&len.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.pad();
        self
    }

    /// Adds a string attribute with its final zero.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        self.attr(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// Adds an attribute that holds what `fill` adds.
    pub(crate) fn nest(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        self = fill(self);
        let len = u16::try_from(self.0.len() - at).expect("an attribute is short");
        self.0[at..at + 2].copy_from_slice(&len.to_ne_bytes());
        self.0[at + 2..at + 4].copy_from_slice(&(kind | NLA_F_NESTED).to_ne_bytes());
        self
    }

    /// Adds raw bytes (a header inside an attribute).
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.pad();
        self
    }

    /// With more flags.
    pub(crate) fn flagged(mut self, more: u16) -> Self {
        let flags = u16::from_ne_bytes([self.0[6], self.0[7]]) | more;
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self
    }

    fn sealed(mut self, sequence: u32) -> Vec<u8> {
        let len = u32::try_from(self.0.len()).expect("a message is short");
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

/// A netlink socket in the network namespace of the thread that made it.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens one; `None` is `NETLINK_ROUTE`.
    ///
    /// # Errors
    /// When the kernel has no such family.
    pub(crate) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        // A dump of many sockets must not be cut short by a small buffer.
        let _best_effort = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20);
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    fn send(&mut self, messages: Vec<Message>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for message in messages {
            self.sequence += 1;
            bytes.extend(message.sealed(self.sequence));
        }
        rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(())
    }

    /// Sends a request and waits for its acknowledgment.
    ///
    /// # Errors
    /// The kernel's error.
    pub(crate) fn request(&mut self, message: Message) -> io::Result<()> {
        self.send(vec![message])?;
        self.acknowledged()
    }

    /// Sends messages that take effect together, of which one asks for an acknowledgment.
    ///
    /// # Errors
    /// The kernel's error.
    pub(crate) fn batch(&mut self, messages: Vec<Message>) -> io::Result<()> {
        self.send(messages)?;
        self.acknowledged()
    }

    fn acknowledged(&self) -> io::Result<()> {
        let mut buffer = vec![0; 32 << 10];
        loop {
            let (n, _) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
            for (kind, body) in parts(&buffer[..n]) {
                if kind == NLMSG_ERROR {
                    return status(body);
                }
            }
        }
    }

    /// Sends a dump request and hands each answer's body to `each`.
    ///
    /// # Errors
    /// The kernel's error.
    pub(crate) fn dump(&mut self, message: Message, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(vec![message])?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let (n, _) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
            for (kind, body) in parts(&buffer[..n]) {
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return status(body),
                    _ => each(body),
                }
            }
        }
    }
}

fn status(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|code| i32::from_ne_bytes(*code)) {
        Some(0) | None => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
    }
}

/// The messages in a datagram: type and body.
fn parts(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= HEADER {
        let len = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        if len < HEADER || len > bytes.len() {
            break;
        }
        found.push((kind, &bytes[HEADER..len]));
        bytes = &bytes[len.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let message = Message::new(16, REQUEST, &[1, 2, 3, 4]).text(3, "lo").nest(18, |m| m.attr(1, &[9]));
        let bytes = message.sealed(7);
        assert_eq!(bytes.len(), 16 + 4 + 8 + 4 + 8);
        assert_eq!(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), 40);
        assert_eq!(&bytes[20..28], [&7_u16.to_ne_bytes()[..], &3_u16.to_ne_bytes(), b"lo\0\0"].concat());
        assert_eq!(u16::from_ne_bytes([bytes[30], bytes[31]]), 18 | NLA_F_NESTED);
    }

    #[test]
    fn a_cut_datagram_gives_its_whole_messages() {
        let one = Message::new(20, 0, &[5; 8]).sealed(1);
        let two = [one.clone(), one[..10].to_vec()].concat();
        assert_eq!(parts(&two), [(20, &[5_u8; 8][..])]);
    }
}
