//! What crosses the wire: sequence numbers, TCP segments, datagrams, ICMP.

pub mod icmp;
mod payload;
pub mod segment;
pub mod seq;
pub mod udp;

pub use icmp::{IcmpMessage, UnreachableCode};
pub use payload::Payload;
pub use segment::{Flags, SackBlock, Segment, TcpOptions, reset_for};
pub use seq::SeqNum;
pub use udp::Datagram;

use crate::units::{Endpoint, FourTuple, Ipv4Addr, Port};

/// An IPv4 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// What it carries.
    pub body: Body,
}

/// What an IPv4 packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment with its ports.
    Tcp {
        /// Source port.
        sport: Port,
        /// Destination port.
        dport: Port,
        /// The rest of the segment.
        segment: Segment,
    },
    /// A UDP datagram with its ports.
    Udp(Datagram),
    /// An ICMP error.
    Icmp(IcmpMessage),
}

impl Packet {
    /// A TCP packet sent by the local end of `tuple`.
    #[must_use]
    pub const fn tcp(tuple: FourTuple, segment: Segment) -> Self {
        Self {
            src: tuple.local.addr(),
            dst: tuple.remote.addr(),
            body: Body::Tcp { sport: tuple.local.port(), dport: tuple.remote.port(), segment },
        }
    }

    /// The connection or pair of sockets it belongs to, its sender's end first;
    /// `None` for ICMP.
    #[must_use]
    pub const fn tuple(&self) -> Option<FourTuple> {
        let (sport, dport) = match &self.body {
            Body::Tcp { sport, dport, .. } => (*sport, *dport),
            Body::Udp(datagram) => (datagram.sport, datagram.dport),
            Body::Icmp(_) => return None,
        };
        Some(FourTuple { local: Endpoint::on(self.src, sport), remote: Endpoint::on(self.dst, dport) })
    }

    /// Length on the wire in bytes from the IPv4 header on (no link header).
    #[must_use]
    pub fn wire_len(&self) -> u32 {
        20 + match &self.body {
            Body::Tcp { segment, .. } => 20 + segment.options.wire_len() + segment.payload.len(),
            Body::Udp(datagram) => 8 + datagram.payload.len(),
            // The error quotes the offending IP header and 8 bytes after it.
            Body::Icmp(_) => 8 + 28,
        }
    }
}

/// The 4-tuple as the receiver of a TCP packet sees it.
#[must_use]
pub const fn receiver_tuple(src: Ipv4Addr, sport: Port, dst: Ipv4Addr, dport: Port) -> FourTuple {
    FourTuple { local: Endpoint::on(dst, dport), remote: Endpoint::on(src, sport) }
}
