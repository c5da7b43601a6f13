//! TCP segments that arrive in a namespace, with the time at which they do.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType};

use crate::clock;
use crate::observation::Sent;
use crate::worker::lock;

/// `ETH_P_IP`: what comes in, and only that; what a host sends is seen where it arrives.
const ETH_P_IP: u16 = 0x0800;
/// Segments kept; an experiment with more is not compared packet by packet.
pub(crate) const LIMIT: usize = 20_000;

/// A capture under way.
#[derive(Clone, Debug)]
pub(crate) struct Capture(Arc<Mutex<Vec<Sent>>>);

impl Capture {
    /// Begins in the calling thread's namespace.
    ///
    /// # Errors
    /// Without packet sockets.
    pub(crate) fn start() -> io::Result<Self> {
        let protocol = std::num::NonZeroU32::new(u32::from(ETH_P_IP.to_be())).map(Protocol::from_raw);
        let socket =
            rustix::net::socket_with(AddressFamily::PACKET, SocketType::DGRAM, SocketFlags::CLOEXEC, protocol)?;
        let _best_effort = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        std::thread::Builder::new().name("capture".to_owned()).spawn(move || read(&socket, &into))?;
        Ok(Self(seen))
    }

    /// What was seen since `zero`, with times from there.
    pub(crate) fn seen(&self, zero: u64) -> Vec<Sent> {
        let all = lock(&self.0);
        let since = |sent: &Sent| Some(Sent { at: sent.at.checked_sub(zero)?, ..sent.clone() });
        all.iter().filter_map(since).collect()
    }
}

fn read(socket: &OwnedFd, into: &Mutex<Vec<Sent>>) {
    let mut buffer = [0; 128];
    loop {
        // TRUNC: the headers are enough, whatever the packet's length.
        let Ok((n, _)) = rustix::net::recv(socket, &mut buffer[..], RecvFlags::TRUNC) else { return };
        let at = clock::now();
        let mut seen = lock(into);
        if seen.len() < LIMIT {
            seen.extend(segment(&buffer[..n.min(buffer.len())], at));
        }
    }
}

/// An IPv4 packet that is a TCP segment.
fn segment(packet: &[u8], at: u64) -> Option<Sent> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let addr = |at: usize| Some(u32::from(word(at)?) << 16 | u32::from(word(at + 2)?));
    let header = usize::from(packet.first()? & 0xf) * 4;
    if packet.get(9) != Some(&6) {
        return None;
    }
    let data = usize::from(packet.get(header + 12)? >> 4) * 4;
    let len = usize::from(word(2)?).checked_sub(header + data)?;
    Some(Sent {
        at,
        from: (addr(12)?, word(header)?),
        to: (addr(16)?, word(header + 2)?),
        flags: packet.get(header + 13)? & 0x3f,
        len: u32::try_from(len).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_read() {
        let mut packet = [0_u8; 60];
        packet[0] = 0x45;
        packet[3] = 60;
        packet[9] = 6;
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        packet[20..24].copy_from_slice(&[0x80, 0, 0x0c, 0xea]);
        (packet[32], packet[33]) = (0xa0, 0xc2);
        let sent = segment(&packet, 5).unwrap();
        assert_eq!((sent.from, sent.to), ((0x0a00_0001, 32768), (0x0a00_0002, 3306)));
        assert_eq!((sent.flags, sent.len, sent.at), (2, 0, 5));
        assert!(segment(&packet[..30], 5).is_none());
    }
}
