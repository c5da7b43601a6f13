//! Connections packet by packet, with the changes of state each packet made:
//! what a sequence diagram shows.

use std::collections::BTreeMap;

use super::messages::cause_text;
use crate::tcp::{Cause, TcpState};
use crate::time::Instant;
use crate::trace::{DropReason, Observer, Record, RecordKind, Sight};
use crate::units::{FourTuple, HostId, Port};
use crate::wire::segment::Flags;
use crate::wire::{Body, Packet};

/// How many connections are followed, the first of the run.
const MAX_FOLLOWED: usize = 256;
/// Steps kept from the beginning of a connection, and from its end.
const HEAD: usize = 40;
const TAIL: usize = 24;

/// One end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The end that called connect().
    Client,
    /// The end that listened.
    Server,
}

/// A step of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A segment.
    Segment {
        /// Who sent it.
        from: Side,
        /// When it arrived; `None` if it did not.
        arrived: Option<Instant>,
        /// Control bits.
        flags: Flags,
        /// Sequence number, counted from the sender's SYN.
        seq: u32,
        /// Acknowledgment number, counted from the receiver's SYN; 0 without ACK.
        ack: u32,
        /// Payload bytes.
        len: u32,
        /// What the payload is, if that is known: `MySQL greeting`.
        content: Option<&'static str>,
        /// The number in the payload that says more: an error's code.
        code: Option<u16>,
        /// Why it did not arrive, or was not taken.
        dropped: Option<DropReason>,
    },
    /// An end changed its state.
    State {
        /// Which end.
        side: Side,
        /// Left.
        from: TcpState,
        /// Entered.
        to: TcpState,
        /// Why.
        cause: Cause,
    },
}

/// A step with its time: of a segment, when it left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Happening,
}

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conversation {
    /// Client's end first.
    pub tuple: FourTuple,
    /// Where the client is.
    pub client: HostId,
    /// Where the server is, once it has been heard of.
    pub server: Option<HostId>,
    /// Its beginning.
    pub head: Vec<Event>,
    /// Steps left out after the beginning.
    pub left_out: u64,
    /// Its end, as far as it is not in the beginning.
    pub tail: Vec<Event>,
    /// State of the client's end now.
    pub client_state: TcpState,
    /// State of the server's end now.
    pub server_state: TcpState,
    isn: [Option<u32>; 2],
}

impl Conversation {
    fn new(tuple: FourTuple, client: HostId) -> Self {
        Self {
            tuple,
            client,
            server: None,
            head: Vec::new(),
            left_out: 0,
            tail: Vec::new(),
            client_state: TcpState::Closed,
            server_state: TcpState::Listen,
            isn: [None; 2],
        }
    }

    fn push(&mut self, at: Instant, what: Happening) {
        let event = Event { at, what };
        if self.head.len() < HEAD {
            self.head.push(event);
            return;
        }
        if self.tail.len() == TAIL {
            self.tail.remove(0);
            self.left_out += 1;
        }
        self.tail.push(event);
    }

    /// The latest steps first.
    fn recent(&mut self) -> impl Iterator<Item = &mut Event> {
        self.tail.iter_mut().rev().chain(self.head.iter_mut().rev())
    }

    /// Steps seen.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.head.len() as u64 + self.left_out + self.tail.len() as u64
    }

    /// True before its first step.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    fn sent(&mut self, at: Instant, from: Side, flags: Flags, (seq, ack): (u32, u32), len: u32) {
        let (own, other) = (from as usize, 1 - from as usize);
        if flags.syn() {
            self.isn[own] = Some(seq);
        }
        let seq = self.isn[own].map_or(seq, |isn| seq.wrapping_sub(isn));
        let ack = match flags.ack() {
            true => self.isn[other].map_or(ack, |isn| ack.wrapping_sub(isn)),
            false => 0,
        };
        let (content, code) = (None, None);
        self.push(at, Happening::Segment { from, arrived: None, flags, seq, ack, len, content, code, dropped: None });
    }

    /// The earliest recent segment of this sender, with this sequence number
    /// and length, that has neither arrived nor been dropped.
    fn received(&mut self, at: Instant, sender: Side, flags: Flags, seq: u32, len: u32) {
        let seq = self.isn[sender as usize].map_or(seq, |isn| seq.wrapping_sub(isn));
        let mut found = None;
        for event in self.recent() {
            if let Happening::Segment { from, arrived, flags: f, seq: s, len: l, dropped: None, .. } = &mut event.what
                && arrived.is_none()
                && (*from, *f, *s, *l) == (sender, flags, seq, len)
            {
                found = Some(arrived);
            }
        }
        if let Some(arrived) = found {
            *arrived = Some(at);
        }
    }

    fn dropped(&mut self, sender: Side, reason: DropReason) {
        let last = self.recent().find_map(|event| match &mut event.what {
            Happening::Segment { from, dropped, .. } if *from == sender => Some(dropped),
            Happening::Segment { .. } | Happening::State { .. } => None,
        });
        if let Some(dropped) = last {
            *dropped = Some(reason);
        }
    }
}

/// The first connections of a run.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Conversations {
    all: Vec<Conversation>,
    /// The one that has a four-tuple now, by the client's view of it.
    current: BTreeMap<FourTuple, usize>,
}

impl Conversations {
    /// In order of their beginning.
    #[must_use]
    pub fn all(&self) -> &[Conversation] {
        &self.all
    }

    /// The one a diagram shows: the last from this client port if one is
    /// given; else the first whose client never closed although its peer did,
    /// else the first.
    #[must_use]
    pub fn chosen(&self, port: Option<Port>) -> Option<&Conversation> {
        if let Some(port) = port {
            return self.all.iter().rev().find(|one| one.tuple.local.port() == port);
        }
        let left = |one: &&Conversation| one.client_state == TcpState::CloseWait;
        self.all.iter().find(left).or_else(|| self.all.first())
    }

    /// The conversation a record speaks of, and which end's view its tuple is.
    fn of(&mut self, tuple: FourTuple) -> Option<(&mut Conversation, Side)> {
        let (at, side) = match (self.current.get(&tuple), self.current.get(&tuple.mirrored())) {
            (Some(&at), _) => (at, Side::Client),
            (None, Some(&at)) => (at, Side::Server),
            (None, None) => return None,
        };
        Some((&mut self.all[at], side))
    }

    fn changed(&mut self, at: Instant, host: HostId, tuple: FourTuple, [from, to]: [TcpState; 2], cause: Cause) {
        if (from, to) == (TcpState::Closed, TcpState::SynSent) {
            self.current.remove(&tuple);
            if self.all.len() < MAX_FOLLOWED {
                self.current.insert(tuple, self.all.len());
                self.all.push(Conversation::new(tuple, host));
            }
        }
        let Some((one, side)) = self.of(tuple) else { return };
        match side {
            Side::Client => one.client_state = to,
            Side::Server => {
                one.server = Some(host);
                one.server_state = to;
            }
        }
        one.push(at, Happening::State { side, from, to, cause });
    }
}

impl Observer for Conversations {
    fn record(&mut self, record: &Record) {
        let at = record.at;
        match record.kind {
            RecordKind::State { tuple, from, to, cause } => self.changed(at, record.host, tuple, [from, to], cause),
            RecordKind::Transmit { tuple, seq, ack, flags, len } => {
                if let Some((one, side)) = self.of(tuple) {
                    if side == Side::Server {
                        one.server = Some(record.host);
                    }
                    one.sent(at, side, flags, (seq.0, ack.0), len);
                }
            }
            RecordKind::Receive { tuple, seq, flags, len, ack: _ } => {
                if let Some((one, side)) = self.of(tuple) {
                    let sender = if side == Side::Client { Side::Server } else { Side::Client };
                    one.received(at, sender, flags, seq.0, len);
                }
            }
            RecordKind::Drop { tuple, reason } => {
                if let Some((one, side)) = self.of(tuple) {
                    one.dropped(side, reason);
                }
            }
            RecordKind::PortPick { .. }
            | RecordKind::Syscall { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => {}
        }
    }

    fn wants_packets(&self) -> bool {
        // Only what a segment carries is of interest, and only of those followed.
        self.all.len() < MAX_FOLLOWED || !self.current.is_empty()
    }

    fn packet(&mut self, _at: Instant, _host: HostId, sight: Sight, packet: &Packet) {
        let (Sight::Sent, Body::Tcp { segment, .. }, Some(tuple)) = (sight, &packet.body, packet.tuple()) else {
            return;
        };
        if segment.payload.is_empty() {
            return;
        }
        let Some((one, side)) = self.of(tuple) else { return };
        let Some(known) = segment.payload.bytes().and_then(|bytes| mysql(side, bytes)) else { return };
        let last = one.recent().find_map(|event| match &mut event.what {
            Happening::Segment { from, content, code, len, .. } if *from == side && *len > 0 => Some((content, code)),
            Happening::Segment { .. } | Happening::State { .. } => None,
        });
        if let Some((content, code)) = last {
            (*content, *code) = (Some(known.0), known.1);
        }
    }
}

/// What a MySQL packet is that begins so; the server's side alone can be told
/// from its first bytes: `0a` begins the greeting, `ff` an error with its code.
fn mysql(side: Side, first: &[u8]) -> Option<(&'static str, Option<u16>)> {
    let &[_, _, 0, sequence, kind, ref rest @ ..] = first else { return None };
    match (side, kind, sequence) {
        (Side::Server, 0x0a, 0) => Some(("MySQL greeting", None)),
        (Side::Server, 0xff, _) => match *rest {
            [low, high, ..] => Some(("ERR", Some(u16::from_le_bytes([low, high])))),
            _ => None,
        },
        (Side::Client, 0x03, 0) => Some(("COM_QUERY", None)),
        (Side::Client, 0x01, 0) => Some(("COM_QUIT", None)),
        (Side::Client | Side::Server, _, _) => None,
    }
}

/// The cause of a change in one line, as diagrams and differences tell it.
#[must_use]
pub fn change_text(from: TcpState, to: TcpState, cause: Cause) -> super::findings::Said {
    let both = cause_text(cause).texts();
    super::findings::Said { en: format!("{from} → {to}: {}", both.en), zh: format!("{from} → {to}：{}", both.zh) }
}
