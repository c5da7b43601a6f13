//! ICMP errors, as far as they end or hurry a connection (RFC 792, RFC 1122 §4.2.3.9).

use super::SeqNum;
use crate::errno::Errno;
use crate::units::{FourTuple, Port};

/// What an ICMP error says: the code of a destination-unreachable message, or
/// the one other type that RFC 9293 has rules for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnreachableCode {
    /// Code 0.
    Net,
    /// Code 1.
    Host,
    /// Code 2.
    Protocol,
    /// Code 3.
    Port,
    /// Code 4, with the next hop's MTU.
    FragNeeded(u16),
    /// Code 13, communication administratively prohibited.
    Prohibited,
    /// Any other code.
    Other(u8),
    /// Type 4, source quench: obsolete, and nobody acts on it (RFC 6633).
    SourceQuench,
    /// Not destination-unreachable but type 11, time exceeded.
    TimeExceeded,
    /// Type 12, parameter problem.
    ParameterProblem,
}

impl UnreachableCode {
    /// The error Linux gives a connecting socket (`icmp_err_convert`, net/ipv4/icmp.c).
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Net | Self::Other(0 | 6 | 9 | 11) => Errno::NetUnreach,
            Self::Other(5) => Errno::OpNotSupp,
            Self::Other(7) => Errno::HostDown,
            Self::Other(8) => Errno::NoNet,
            Self::ParameterProblem => Errno::Proto,
            // Whoever receives a source quench ignores it before asking.
            Self::SourceQuench => Errno::HostUnreach,
            Self::Host | Self::Prohibited | Self::TimeExceeded | Self::Other(_) => Errno::HostUnreach,
            Self::Protocol => Errno::NoProtoOpt,
            Self::Port => Errno::ConnRefused,
            Self::FragNeeded(_) => Errno::MsgSize,
        }
    }
}

/// The transport header an ICMP error quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quoted {
    /// A TCP segment, as its sender's tuple.
    Tcp {
        /// The connection as the sender of the offending packet sees it.
        tuple: FourTuple,
        /// Its sequence number.
        seq: SeqNum,
    },
    /// A datagram.
    Udp {
        /// The offending packet's source port.
        sport: Port,
        /// Its destination port.
        dport: Port,
    },
}

/// An ICMP destination-unreachable message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpMessage {
    /// Why it could not be delivered.
    pub code: UnreachableCode,
    /// The start of the packet that could not be delivered.
    pub quoted: Quoted,
}
