//! Packets in flight.

use crate::wire::Packet;

/// Packets by slot; slots are reused last-in first-out.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketSlab {
    slots: Vec<Option<Packet>>,
    free: Vec<u32>,
}

impl PacketSlab {
    #[inline]
    pub(crate) fn insert(&mut self, packet: Packet) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(packet);
            return slot;
        }
        self.slots.push(Some(packet));
        u32::try_from(self.slots.len() - 1).expect("the packet budget is below 2^32")
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Packet {
        self.slots[slot as usize].as_ref().expect("a delivery event owns its packet")
    }

    #[inline]
    pub(crate) fn take(&mut self, slot: u32) -> Packet {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a delivery event owns its packet")
    }

    /// Packets in flight.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.slots.len() - self.free.len()).unwrap_or(u32::MAX)
    }
}
