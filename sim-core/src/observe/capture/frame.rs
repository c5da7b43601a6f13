//! The bytes of a packet from the IPv4 header on, as a network card would see
//! them: options in Linux's order, checksums right.

use crate::units::{Ipv4Addr, Port};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, Datagram, Flags, IcmpMessage, Packet, Payload, Segment, TcpOptions, UnreachableCode};

/// `IPDEFTTL`: `net.ipv4.ip_default_ttl`.
const TTL: u8 = 64;
const DONT_FRAGMENT: u16 = 0x4000;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The packet's bytes. `ident` is its IPv4 identification. Bytes of which only
/// the number is known are zeros.
#[must_use]
pub fn bytes(packet: &Packet, ident: u16) -> Vec<u8> {
    let (protocol, body) = match &packet.body {
        Body::Tcp { sport, dport, segment } => (TCP, tcp(packet, *sport, *dport, segment)),
        Body::Udp(datagram) => (UDP, udp(packet, datagram)),
        Body::Icmp(message) => (ICMP, icmp(packet, *message)),
    };
    let mut frame = ip_header(packet.src, packet.dst, protocol, body.len(), ident);
    frame.extend(body);
    frame
}

/// `ip_build_and_send_pkt`: no options, not to be fragmented.
fn ip_header(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, body: usize, ident: u16) -> Vec<u8> {
    let len = u16::try_from(20 + body).expect("a segment fits into an IPv4 packet");
    let mut header = vec![0x45, 0];
    put16(&mut header, len);
    put16(&mut header, ident);
    put16(&mut header, DONT_FRAGMENT);
    header.extend([TTL, protocol, 0, 0]);
    put32(&mut header, src.to_bits());
    put32(&mut header, dst.to_bits());
    set_checksum(&mut header, 10, 0);
    header
}

fn tcp(packet: &Packet, sport: Port, dport: Port, segment: &Segment) -> Vec<u8> {
    let options = options(&segment.options, segment.flags.has(Flags::SYN));
    let words = u8::try_from(5 + options.len() / 4).expect("options take at most 40 bytes");
    let mut out = Vec::with_capacity(20 + options.len() + segment.payload.len() as usize);
    put16(&mut out, sport.0);
    put16(&mut out, dport.0);
    put32(&mut out, segment.seq.0);
    put32(&mut out, segment.ack.0);
    out.extend([words << 4, segment.flags.0]);
    put16(&mut out, segment.window);
    out.extend([0, 0]);
    put16(&mut out, segment.urgent);
    out.extend(options);
    put_payload(&mut out, &segment.payload);
    let pseudo = pseudo_header(packet, TCP, out.len());
    set_checksum(&mut out, 16, pseudo);
    out
}

/// `tcp_options_write`: each group padded to four bytes.
fn options(options: &TcpOptions, syn: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(mss) = options.mss {
        out.extend([2, 4]);
        put16(&mut out, mss);
    }
    if let Some((val, ecr)) = options.timestamp {
        out.extend(if options.sack_permitted { [4, 2, 8, 10] } else { [1, 1, 8, 10] });
        put32(&mut out, val);
        put32(&mut out, ecr);
    } else if options.sack_permitted {
        out.extend([1, 1, 4, 2]);
    }
    if let Some(shift) = options.wscale
        && syn
    {
        out.extend([1, 3, 3, shift]);
    }
    if let Some(block) = options.sack {
        out.extend([1, 1, 5, 10]);
        put32(&mut out, block.left.0);
        put32(&mut out, block.right.0);
    }
    out
}

fn udp(packet: &Packet, datagram: &Datagram) -> Vec<u8> {
    let mut out = Vec::new();
    put16(&mut out, datagram.sport.0);
    put16(&mut out, datagram.dport.0);
    let len = 8 + datagram.payload.len();
    put16(&mut out, u16::try_from(len).expect("a datagram fits into an IPv4 packet"));
    out.extend([0, 0]);
    put_payload(&mut out, &datagram.payload);
    let pseudo = pseudo_header(packet, UDP, out.len());
    set_checksum(&mut out, 6, pseudo);
    if out[6..8] == [0, 0] {
        // RFC 768: zero would mean that there is no checksum.
        out[6..8].copy_from_slice(&[0xff, 0xff]);
    }
    out
}

/// Destination unreachable (or source quench): type, code, and header and first eight bytes of what
/// could not be delivered.
fn icmp(packet: &Packet, message: IcmpMessage) -> Vec<u8> {
    let (kind, code, mtu) = match message.code {
        UnreachableCode::Net => (3, 0, 0),
        UnreachableCode::Host => (3, 1, 0),
        UnreachableCode::Protocol => (3, 2, 0),
        UnreachableCode::Port => (3, 3, 0),
        UnreachableCode::FragNeeded(mtu) => (3, 4, mtu),
        UnreachableCode::Prohibited => (3, 13, 0),
        UnreachableCode::Other(code) => (3, code, 0),
        UnreachableCode::SourceQuench => (4, 0, 0),
        UnreachableCode::TimeExceeded => (11, 0, 0),
        UnreachableCode::ParameterProblem => (12, 0, 0),
    };
    let mut out = vec![kind, code, 0, 0, 0, 0];
    put16(&mut out, mtu);
    let mut quoted = Vec::new();
    let (src, dst, protocol) = match message.quoted {
        Quoted::Tcp { tuple, seq } => {
            put16(&mut quoted, tuple.local.port().0);
            put16(&mut quoted, tuple.remote.port().0);
            put32(&mut quoted, seq.0);
            (tuple.local.addr(), tuple.remote.addr(), TCP)
        }
        Quoted::Udp { sport, dport } => {
            put16(&mut quoted, sport.0);
            put16(&mut quoted, dport.0);
            put16(&mut quoted, 8);
            put16(&mut quoted, 0);
            (packet.dst, packet.src, UDP)
        }
    };
    // The length of what was sent is not known any more: that of the headers is given.
    let transport = if protocol == TCP { 20 } else { 8 };
    out.extend(ip_header(src, dst, protocol, transport, 0));
    out.extend(quoted);
    set_checksum(&mut out, 2, 0);
    out
}

fn put16(out: &mut Vec<u8>, n: u16) {
    out.extend(n.to_be_bytes());
}

fn put32(out: &mut Vec<u8>, n: u32) {
    out.extend(n.to_be_bytes());
}

fn put_payload(out: &mut Vec<u8>, payload: &Payload) {
    match payload.bytes() {
        Some(bytes) => out.extend_from_slice(bytes),
        None => out.resize(out.len() + payload.len() as usize, 0),
    }
}

/// Sum of the pseudo-header of RFC 9293 §3.1 and RFC 768.
fn pseudo_header(packet: &Packet, protocol: u8, len: usize) -> u32 {
    let (src, dst) = (packet.src.to_bits(), packet.dst.to_bits());
    let len = u32::try_from(len).expect("a segment is shorter than 64 KiB");
    (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + u32::from(protocol) + len
}

/// Writes the Internet checksum (RFC 1071) of `bytes` at `at`, where zeros stand.
fn set_checksum(bytes: &mut [u8], at: usize, start: u32) {
    let sum = fold(start, bytes);
    bytes[at..at + 2].copy_from_slice(&(!sum).to_be_bytes());
}

/// Ones' complement sum of 16-bit words, an odd last byte padded with zero.
pub(super) fn fold(start: u32, bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
    let mut sum = bytes.chunks(2).fold(start, |sum, pair| sum + word(pair));
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).expect("the carries were folded in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Endpoint, FourTuple};
    use crate::wire::{SackBlock, SeqNum};

    const TUPLE: FourTuple = FourTuple {
        local: Endpoint::new(Ipv4Addr::new(172, 31, 55, 230), 51_402),
        remote: Endpoint::new(Ipv4Addr::new(172, 31, 47, 174), 3306),
    };

    fn segment(options: TcpOptions, payload: Payload) -> Segment {
        let flags = if options.mss.is_some() { Flags::SYN } else { Flags::ACK };
        Segment { seq: SeqNum(7), ack: SeqNum(9), flags, window: 64_240, options, payload, ..Segment::default() }
    }

    /// A receiver's check: the sum over everything, checksum included, is all ones.
    fn is_valid(frame: &[u8]) -> bool {
        let (header, body) = frame.split_at(20);
        let len = u32::try_from(body.len()).expect("short");
        let words = |from: usize| u32::from(header[from]) << 8 | u32::from(header[from + 1]);
        let pseudo = words(12) + words(14) + words(16) + words(18) + u32::from(header[9]) + len;
        fold(0, header) == 0xffff && fold(if header[9] == ICMP { 0 } else { pseudo }, body) == 0xffff
    }

    #[test]
    fn a_syn_is_laid_out_as_linux_does() {
        let offered =
            TcpOptions { mss: Some(1460), wscale: Some(7), sack_permitted: true, timestamp: Some((5, 0)), sack: None };
        let frame = bytes(&Packet::tcp(TUPLE, segment(offered, Payload::EMPTY)), 1);
        assert_eq!(frame.len(), 60);
        assert_eq!(frame[..4], [0x45, 0, 0, 60]);
        let tcp_options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 5, 0, 0, 0, 0, 1, 3, 3, 7];
        assert_eq!(frame[40..], tcp_options);
        assert!(is_valid(&frame));
    }

    #[test]
    fn checksums_hold_for_odd_lengths_and_unknown_bytes() {
        let sack = Some(SackBlock { left: SeqNum(1), right: SeqNum(2) });
        for payload in [Payload::from_bytes(b"odd"), Payload::opaque(1448), Payload::EMPTY] {
            let options = TcpOptions { timestamp: Some((1, 2)), sack, ..TcpOptions::default() };
            let segment = segment(options, payload);
            let len = 40 + options.wire_len() + segment.payload.len();
            let frame = bytes(&Packet::tcp(TUPLE, segment), 9);
            assert!(is_valid(&frame));
            assert_eq!(u32::try_from(frame.len()), Ok(len), "as long as the link was told");
        }
    }

    #[test]
    fn datagrams_and_errors_are_valid() {
        let datagram = Datagram { sport: Port(5353), dport: Port(53), payload: Payload::from_bytes(b"query") };
        let sent = Packet { src: TUPLE.local.addr(), dst: TUPLE.remote.addr(), body: Body::Udp(datagram) };
        assert!(is_valid(&bytes(&sent, 0)));
        let quotes = [Quoted::Udp { sport: Port(5353), dport: Port(53) }, Quoted::Tcp { tuple: TUPLE, seq: SeqNum(7) }];
        for quoted in quotes {
            let message = IcmpMessage { code: UnreachableCode::FragNeeded(1400), quoted };
            let error = Packet { src: TUPLE.remote.addr(), dst: TUPLE.local.addr(), body: Body::Icmp(message) };
            let frame = bytes(&error, 0);
            assert!(is_valid(&frame));
            assert_eq!(u32::try_from(frame.len()), Ok(error.wire_len()));
        }
    }
}
