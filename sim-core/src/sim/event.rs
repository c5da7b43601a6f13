//! What happens, and the form in which the queue holds it.

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

/// An event in two words: they travel in registers, whatever the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Packed {
    /// The kind, then the host in 16 bits, then the first number in 32.
    head: u64,
    /// The second number.
    tail: u32,
}

impl Packed {
    #[inline(always)]
    const fn new(kind: u8, host: HostId, first: u32, tail: u32) -> Self {
        Self { head: kind as u64 | (host.0 as u64) << 16 | (first as u64) << 32, tail }
    }

    /// The event it was made of.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the parts of a word")]
    pub(crate) fn event(self) -> Event {
        let (kind, host) = (self.head as u8, HostId((self.head >> 16) as u16));
        let (first, second) = ((self.head >> 32) as u32, self.tail);
        match kind {
            0 => Event::Deliver { host, packet: first },
            1 => Event::Run { host, process: ProcIx(first), task: TaskId(second) },
            2 => Event::TaskTimer { host, process: ProcIx(first), task: TaskId(second) },
            3 => Event::OwnTimer { host, process: ProcIx(first) },
            4 => Event::SocketTimer { host, socket: SocketId(first) },
            5 => Event::TimeWaitTimer { host, tw: TwId(first) },
            6 => Event::RequestTimer { host, request: ReqId(first) },
            7 => Event::Action { index: first },
            8 => Event::Start { host, process: ProcIx(first) },
            other => unreachable!("no event is of kind {other}"),
        }
    }
}

impl From<Event> for Packed {
    #[inline(always)]
    fn from(event: Event) -> Self {
        match event {
            Event::Deliver { host, packet } => Self::new(0, host, packet, 0),
            Event::Run { host, process, task } => Self::new(1, host, process.0, task.0),
            Event::TaskTimer { host, process, task } => Self::new(2, host, process.0, task.0),
            Event::OwnTimer { host, process } => Self::new(3, host, process.0, 0),
            Event::SocketTimer { host, socket } => Self::new(4, host, socket.0, 0),
            Event::TimeWaitTimer { host, tw } => Self::new(5, host, tw.0, 0),
            Event::RequestTimer { host, request } => Self::new(6, host, request.0, 0),
            Event::Action { index } => Self::new(7, HostId(0), index, 0),
            Event::Start { host, process } => Self::new(8, host, process.0, 0),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_as_it_was() {
        let (host, process, task) = (HostId(u16::MAX), ProcIx(u32::MAX - 1), TaskId(u32::MAX - 2));
        let (socket, tw, request) = (SocketId(u32::MAX - 3), TwId(u32::MAX - 4), ReqId(u32::MAX - 5));
        for event in [
            Event::Deliver { host, packet: u32::MAX },
            Event::Run { host, process, task },
            Event::TaskTimer { host, process, task },
            Event::OwnTimer { host, process },
            Event::SocketTimer { host, socket },
            Event::TimeWaitTimer { host, tw },
            Event::RequestTimer { host, request },
            Event::Action { index: u32::MAX },
            Event::Start { host, process },
        ] {
            assert_eq!(Packed::from(event).event(), event);
        }
    }
}
