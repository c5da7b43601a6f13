//! What a kernel entry asks of the world: the only way up.

use crate::tcp::{Cause, TcpState, graph};
use crate::time::Instant;
use crate::trace::RecordKind;
use crate::units::{FourTuple, ReqId, SocketId, TaskRef, TwId};
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
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) records: Vec<RecordKind>,
    pub(crate) packets: Vec<Packet>,
    pub(crate) timers: Vec<(Instant, KernelTimer)>,
    /// Threads whose blocked call should be tried again.
    pub(crate) wakes: Vec<TaskRef>,
}

impl Effects {
    /// Records that a connection changed its state outside the machine: as a
    /// request or minisock, or because its tables say so.
    pub(crate) fn changed(&mut self, tuple: FourTuple, from: TcpState, to: TcpState, cause: Cause) {
        debug_assert!(graph::allows(from, to, cause), "{from} to {to} by {cause:?} is not in the table");
        self.records.push(RecordKind::State { tuple, from, to, cause });
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.packets.is_empty() && self.timers.is_empty() && self.wakes.is_empty()
    }
}
