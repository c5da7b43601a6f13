//! Packets in flight.

use crate::units::SocketId;
use crate::wire::Packet;

/// Where a packet's ends lie in their hosts' tables, as far as the sender
/// knows. A receiver checks it before it believes it, so it saves a look-up and
/// decides nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    /// The sender's socket, if a full one sent it.
    pub(crate) from: SocketId,
    /// The receiver's socket, if its sender has heard from it.
    pub(crate) to: SocketId,
}

/// No socket's id.
pub(crate) const NOWHERE: SocketId = SocketId(u32::MAX);

impl Ends {
    pub(crate) const UNKNOWN: Self = Self { from: NOWHERE, to: NOWHERE };
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flying {
    pub(crate) packet: Packet,
    pub(crate) ends: Ends,
}

/// Packets by slot; slots are reused last-in first-out.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketSlab {
    slots: Vec<Option<Flying>>,
    free: Vec<u32>,
}

impl PacketSlab {
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn insert(&mut self, packet: Packet, ends: Ends) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        // A free slot is empty: nothing is dropped.
        core::mem::forget(self.slots[slot as usize].replace(Flying { packet, ends }));
        slot
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.slots.push(None);
        u32::try_from(self.slots.len() - 1).expect("the packet budget is below 2^32")
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Packet {
        &self.slots[slot as usize].as_ref().expect("a delivery event owns its packet").packet
    }

    #[inline]
    pub(crate) fn take(&mut self, slot: u32) -> Flying {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a delivery event owns its packet")
    }

    /// Packets in flight.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.slots.len() - self.free.len()).unwrap_or(u32::MAX)
    }
}
