//! What a kernel entry asks of the world: the only way up.

use core::hint::cold_path;

use super::packets::{Ends, NOWHERE, PacketSlab};
use crate::tcp::{Cause, TcpState, graph};
use crate::time::Instant;
use crate::trace::{Digest, RecordKind};
use crate::units::{FourTuple, HostId, ReqId, SocketId, TaskRef, TwId};
use crate::wire::Packet;

/// A kernel timer to be put into the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KernelTimer {
    /// Earliest deadline of a full socket.
    Socket(SocketId),
    /// A minisock.
    TimeWait(TwId),
    /// A request socket.
    Request(ReqId),
}

/// Collected during one kernel entry, drained by the world in this order:
/// records, packets, timers, wakes.
///
/// A record goes into the digest where it is made; it is kept only for
/// observers and for the counts that the world keeps of processes.
#[derive(Debug)]
pub(crate) struct Effects {
    at: Instant,
    host: HostId,
    digest: Digest,
    /// The ends of the packet that is being received.
    pub(crate) heard: Ends,
    /// No observer wants records.
    pub(crate) quiet: bool,
    pub(crate) records: Vec<RecordKind>,
    /// Everything between its sender and its receiver.
    pub(crate) flight: PacketSlab,
    /// Slots of `flight` filled during this entry.
    pub(crate) packets: Vec<u32>,
    pub(crate) timers: Vec<(Instant, KernelTimer)>,
    /// Threads whose blocked call should be tried again.
    pub(crate) wakes: Vec<TaskRef>,
}

impl Default for Effects {
    fn default() -> Self {
        Self::new(Digest::default(), PacketSlab::default())
    }
}

impl Effects {
    pub(crate) const fn new(digest: Digest, flight: PacketSlab) -> Self {
        Self {
            at: Instant::ZERO,
            host: HostId(0),
            digest,
            heard: Ends::UNKNOWN,
            quiet: false,
            records: Vec::new(),
            flight,
            packets: Vec::new(),
            timers: Vec::new(),
            wakes: Vec::new(),
        }
    }

    /// What follows happens there and then.
    #[inline]
    pub(crate) const fn enter(&mut self, at: Instant, host: HostId) {
        self.at = at;
        self.host = host;
        self.heard = Ends::UNKNOWN;
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.packets.is_empty() && self.timers.is_empty() && self.wakes.is_empty()
    }

    /// Fingerprint of everything recorded so far.
    #[inline]
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// Something happened.
    #[inline(always)]
    pub(crate) fn record(&mut self, kind: RecordKind) {
        kind.digest(self.at, self.host, &mut self.digest);
        if !self.quiet || kind.is_counted() {
            cold_path();
            self.keep(kind);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, kind: RecordKind) {
        self.records.push(kind);
    }

    /// Records that a connection changed its state.
    #[inline(never)]
    pub(crate) fn changed(&mut self, tuple: FourTuple, from: TcpState, to: TcpState, cause: Cause) {
        debug_assert!(graph::allows(from, to, cause), "{from} to {to} by {cause:?} is not in the table");
        self.record(RecordKind::State { tuple, from, to, cause });
    }

    /// Folds in a record that is handed to observers by whoever made it.
    #[inline(always)]
    pub(crate) fn fold(&mut self, at: Instant, host: HostId, kind: &RecordKind) {
        kind.digest(at, host, &mut self.digest);
    }

    /// Ends of an answer that no full socket gives.
    #[inline]
    pub(crate) const fn answer(&self) -> Ends {
        Ends { from: NOWHERE, to: self.heard.from }
    }

    /// A packet leaves the host.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn send(&mut self, packet: Packet, ends: Ends) {
        let slot = self.flight.insert(packet, ends);
        self.packets.push(slot);
    }
}
