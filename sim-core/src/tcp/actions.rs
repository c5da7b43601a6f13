//! What goes into the machine and what comes out of it.

use super::state::{Cause, TcpState};
use crate::errno::Errno;
use crate::time::Duration;
use crate::trace::Mib;
use crate::wire::{Payload, Segment, SeqNum};

/// An input in RFC 9293 §3.10's three families, and ICMP (§3.9.2.2).
#[derive(Clone, Debug)]
pub enum TcpInput<'a> {
    /// A user call.
    Call(UserCall),
    /// A segment arrives for this connection.
    SegmentArrives(&'a Segment),
    /// The earliest armed timer may be due; the machine looks which.
    Timeout,
    /// An ICMP error quotes one of our segments.
    IcmpError {
        /// The error Linux maps the message to.
        errno: Errno,
        /// The sequence number quoted.
        seq: SeqNum,
        /// True where Linux ends a connection attempt at once.
        hard: bool,
    },
}

/// A user call on a connection (RFC 9293 §3.10.1–3.10.8).
#[derive(Clone, Debug)]
pub enum UserCall {
    /// Active open: send SYN. The kernel has chosen the port, the initial
    /// sequence number and the timestamp offset and the path MSS.
    Open {
        /// Initial send sequence number.
        iss: SeqNum,
        /// Added to the millisecond clock in our timestamps.
        ts_offset: u32,
        /// MSS to announce.
        mss: u16,
    },
    /// Queue data and send what may be sent. Replies [`Reply::Count`] (bytes
    /// taken), `EAGAIN` when the send buffer is full, `EPIPE` after shutdown.
    Send(Payload),
    /// Take up to `max` bytes. Replies [`Reply::Data`] (empty at end of
    /// stream), `EAGAIN` when there is nothing yet, or the pending error once.
    Receive {
        /// Most bytes to take.
        max: u32,
        /// `MSG_PEEK`: leave them queued.
        peek: bool,
    },
    /// `shutdown()`.
    Shutdown {
        /// `SHUT_RD` or `SHUT_RDWR`.
        read: bool,
        /// `SHUT_WR` or `SHUT_RDWR`.
        write: bool,
    },
    /// Last reference closed (`close()` or process exit): the socket is an orphan.
    Close,
    /// Reset now, whatever is queued (`tcp_max_orphans`, `ss -K`).
    Abort(Cause),
    /// `getsockopt(SO_ERROR)`: replies [`Reply::Error`] and clears it.
    TakeError,
    /// Options that change the machine's behaviour.
    SetOption(TcpSocketOption),
}

/// Socket options the machine itself needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpSocketOption {
    /// `SO_LINGER`: `Some(0)` resets on close.
    Linger(Option<Duration>),
    /// `SO_KEEPALIVE`.
    KeepAlive(bool),
    /// `TCP_KEEPIDLE`.
    KeepIdle(Duration),
    /// `TCP_KEEPINTVL`.
    KeepIntvl(Duration),
    /// `TCP_KEEPCNT`.
    KeepCnt(u8),
    /// `TCP_USER_TIMEOUT`.
    UserTimeout(Duration),
    /// `TCP_NODELAY`.
    NoDelay(bool),
    /// `TCP_QUICKACK`.
    QuickAck(bool),
    /// `TCP_LINGER2`; `None` (a negative value) resets instead of FIN_WAIT2.
    Linger2(Option<Duration>),
    /// `TCP_SYNCNT`.
    SynCnt(u8),
    /// `TCP_MAXSEG`.
    MaxSeg(u16),
    /// `SO_RCVBUF`, in bytes as the kernel keeps it (twice what was asked).
    RcvBuf(u32),
    /// `SO_SNDBUF`, likewise.
    SndBuf(u32),
}

/// The value of a successful call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// Bytes taken.
    Count(u32),
    /// Bytes received; empty means end of stream.
    Data(Payload),
    /// The pending error, if any.
    Error(Option<Errno>),
}

/// What a step changed that a waiting process may care about: a set of flags.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SocketEvents(pub u8);

impl SocketEvents {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Data or end of stream can be read.
    pub const READABLE: Self = Self(1);
    /// Buffer space was freed.
    pub const WRITABLE: Self = Self(2);
    /// The connection was established.
    pub const CONNECTED: Self = Self(4);
    /// An error is pending.
    pub const ERROR: Self = Self(8);
    /// Both directions are closed.
    pub const HANGUP: Self = Self(16);
    /// All flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// True if any flag of `other` is set.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What becomes of the control block after the step.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Fate {
    /// It lives on.
    #[default]
    Keep,
    /// It is in CLOSED: unhash it; free it when no descriptor refers to it.
    Closed,
    /// Linux `tcp_time_wait`: replace it by a minisock of this substate
    /// ([`TcpState::FinWait2`] or [`TcpState::TimeWait`]) for this long.
    TimeWait(TcpState, Duration),
}

/// What one step asks of the kernel, to be applied in the order: transitions,
/// segments, counters, events, fate. The buffers are reused from step to step.
#[derive(Debug, Default)]
pub struct Actions {
    /// Segments to transmit, in order.
    pub segments: Vec<Segment>,
    /// How many of them carry only what was sent before. `OutSegs` does not count
    /// those (`__tcp_transmit_skb`; RFC 4022 excludes retransmitted octets).
    pub repeated: u32,
    /// State changes, in order.
    pub transitions: Vec<(TcpState, TcpState, Cause)>,
    /// MIB counters to increment.
    pub counters: Vec<Mib>,
    /// What to tell waiting processes.
    pub events: SocketEvents,
    /// Answer to a [`TcpInput::Call`].
    pub reply: Option<Result<Reply, Errno>>,
    /// What becomes of the control block.
    pub fate: Fate,
}

impl Actions {
    /// Empties all lists, keeping their memory.
    pub fn clear(&mut self) {
        self.segments.clear();
        self.repeated = 0;
        self.transitions.clear();
        self.counters.clear();
        self.events = SocketEvents::NONE;
        self.reply = None;
        self.fate = Fate::Keep;
    }
    /// Adds flags to the events.
    pub fn notify(&mut self, events: SocketEvents) {
        self.events = self.events.with(events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_event_of_a_set_is_enough() {
        let both = SocketEvents::READABLE.with(SocketEvents::ERROR);
        assert!(both.any(SocketEvents::ERROR) && both.any(both));
        assert!(!both.any(SocketEvents::WRITABLE) && !both.any(SocketEvents::NONE));
        assert_eq!(both.with(SocketEvents::ERROR), both);
    }

    #[test]
    fn cleared_actions_are_new_ones() {
        let mut out = Actions {
            segments: vec![Segment::default()],
            transitions: vec![(TcpState::Closed, TcpState::SynSent, Cause::ActiveOpen)],
            counters: vec![Mib::ActiveOpens],
            events: SocketEvents::ERROR,
            reply: Some(Ok(Reply::Done)),
            repeated: 1,
            fate: Fate::Closed,
        };
        out.clear();
        assert_eq!(format!("{out:?}"), format!("{:?}", Actions::default()));
    }
}
