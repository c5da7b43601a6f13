//! TCP segments (RFC 9293 §3.1) without their ports.

use core::fmt;

use super::{Payload, SeqNum};

/// The control bits of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No control bit.
    pub const NONE: Self = Self(0);
    /// No more data from sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push function.
    pub const PSH: Self = Self(0x08);
    /// Acknowledgment field is significant.
    pub const ACK: Self = Self(0x10);
    /// Urgent pointer field is significant.
    pub const URG: Self = Self(0x20);

    /// All bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// True if every bit of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// SYN set.
    #[must_use]
    pub const fn syn(self) -> bool {
        self.has(Self::SYN)
    }
    /// ACK set.
    #[must_use]
    pub const fn ack(self) -> bool {
        self.has(Self::ACK)
    }
    /// FIN set.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.has(Self::FIN)
    }
    /// RST set.
    #[must_use]
    pub const fn rst(self) -> bool {
        self.has(Self::RST)
    }
}
/// As tcpdump prints them: `S.`, `P.`, `F.`, `R`, `.`, `none`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        for (bit, letter) in
            [(Self::SYN, "S"), (Self::FIN, "F"), (Self::RST, "R"), (Self::PSH, "P"), (Self::URG, "U"), (Self::ACK, ".")]
        {
            if self.has(bit) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A selectively acknowledged range, `[left, right)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SackBlock {
    /// First sequence number received.
    pub left: SeqNum,
    /// One past the last.
    pub right: SeqNum,
}

/// The options that matter to a connection's lifecycle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TcpOptions {
    /// Maximum segment size (SYN only).
    pub mss: Option<u16>,
    /// Window scale shift (SYN only).
    pub wscale: Option<u8>,
    /// SACK permitted (SYN only).
    pub sack_permitted: bool,
    /// Timestamp value and echo reply (RFC 7323).
    pub timestamp: Option<(u32, u32)>,
    /// The first SACK block, if any.
    pub sack: Option<SackBlock>,
}

impl TcpOptions {
    /// Bytes they take in the header, padded to a multiple of 4 as Linux lays them out.
    #[must_use]
    pub const fn wire_len(&self) -> u32 {
        let mut len = 0;
        if self.mss.is_some() {
            len += 4;
        }
        if self.timestamp.is_some() {
            len += 12;
        } else if self.sack_permitted {
            len += 4;
        }
        if self.wscale.is_some() {
            len += 4;
        }
        if self.sack.is_some() {
            len += 12;
        }
        len
    }
}

/// A TCP segment without its ports.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Segment {
    /// SEG.SEQ.
    pub seq: SeqNum,
    /// SEG.ACK; 0 without the ACK bit.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// SEG.WND as in the header, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options.
    pub options: TcpOptions,
    /// Data.
    pub payload: Payload,
}

impl Segment {
    /// SEG.LEN: octets occupied in sequence space, counting SYN and FIN.
    #[must_use]
    pub const fn seq_len(&self) -> u32 {
        self.payload.len() + self.flags.syn() as u32 + self.flags.fin() as u32
    }
    /// The sequence number just after this segment.
    #[must_use]
    pub const fn end_seq(&self) -> SeqNum {
        self.seq.add(self.seq_len())
    }
}

/// The reset that answers a segment with no connection to go to: RFC 9293
/// §3.10.7.1 (`tcp_v4_send_reset`); `None` for a reset, which is never answered.
#[must_use]
pub fn reset_for(segment: &Segment) -> Option<Segment> {
    if segment.flags.rst() {
        return None;
    }
    Some(if segment.flags.ack() {
        Segment { seq: segment.ack, flags: Flags::RST, ..Segment::default() }
    } else {
        Segment { ack: segment.end_seq(), flags: Flags::RST.with(Flags::ACK), ..Segment::default() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_and_fin_take_sequence_space() {
        let segment = Segment {
            flags: Flags::SYN.with(Flags::FIN),
            payload: Payload::opaque(10),
            seq: SeqNum(u32::MAX),
            ..Segment::default()
        };
        assert_eq!(segment.seq_len(), 12);
        assert_eq!(segment.end_seq(), SeqNum(11));
    }

    #[test]
    fn resets_take_their_numbers_from_the_segment() {
        let syn = Segment { flags: Flags::SYN, seq: SeqNum(7), ..Segment::default() };
        let reset = reset_for(&syn).expect("a SYN is answered");
        assert_eq!((reset.seq, reset.ack, reset.flags), (SeqNum(0), SeqNum(8), Flags::RST.with(Flags::ACK)));
        let ack = Segment { flags: Flags::ACK, seq: SeqNum(7), ack: SeqNum(9), ..Segment::default() };
        let reset = reset_for(&ack).expect("an ACK is answered");
        assert_eq!((reset.seq, reset.flags), (SeqNum(9), Flags::RST));
        assert_eq!(reset_for(&reset), None);
    }

    #[test]
    fn linux_syn_options_take_20_bytes() {
        let syn =
            TcpOptions { mss: Some(1460), wscale: Some(7), sack_permitted: true, timestamp: Some((1, 0)), sack: None };
        assert_eq!(syn.wire_len(), 20);
    }
}
