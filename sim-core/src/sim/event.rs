//! What the queue holds: sixteen bytes an event.

use crate::units::{HostId, ProcIx, ReqId, SocketId, TaskId, TwId};

/// Something that will happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A packet reaches a host: its slot among the packets in flight.
    Deliver { host: HostId, packet: u32 },
    /// A thread's system call takes effect, or a woken thread runs.
    Run { host: HostId, process: ProcIx, task: TaskId },
    /// A thread's sleep or time-out may be over.
    TaskTimer { host: HostId, process: ProcIx, task: TaskId },
    /// A timer that a program keeps to itself may be due.
    OwnTimer { host: HostId, process: ProcIx },
    /// A full socket's earliest timer may be due.
    SocketTimer { host: HostId, socket: SocketId },
    /// A minisock's timer may be due.
    TimeWaitTimer { host: HostId, tw: TwId },
    /// A request socket's SYN-ACK timer may be due.
    RequestTimer { host: HostId, request: ReqId },
    /// A timeline action: its index.
    Action { index: u32 },
    /// A process starts.
    Start { host: HostId, process: ProcIx },
}

impl Event {
    /// Whose state it changes, of the hosts; none for an action, which may do anything.
    #[inline]
    pub(crate) const fn host(&self) -> Option<HostId> {
        match *self {
            Self::Deliver { host, .. }
            | Self::Run { host, .. }
            | Self::TaskTimer { host, .. }
            | Self::OwnTimer { host, .. }
            | Self::SocketTimer { host, .. }
            | Self::TimeWaitTimer { host, .. }
            | Self::RequestTimer { host, .. }
            | Self::Start { host, .. } => Some(host),
            Self::Action { .. } => None,
        }
    }
}
