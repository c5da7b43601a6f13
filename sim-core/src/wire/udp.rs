//! UDP datagrams.

use super::Payload;
use crate::units::Port;

/// A UDP datagram with its ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Source port.
    pub sport: Port,
    /// Destination port.
    pub dport: Port,
    /// Data.
    pub payload: Payload,
}
