//! What `tcpdump` would have written on a host: a capture that Wireshark opens,
//! with a comment on each packet that changed a state, and why.

mod frame;
mod pcapng;

use super::messages::cause_text;
use crate::tcp::Cause;
use crate::text::Lang;
use crate::time::Instant;
use crate::trace::{Observer, Record, RecordKind, Sight};
use crate::units::{FourTuple, HostId, Ipv4Addr, Port};
use crate::wire::Packet;

pub use frame::bytes as frame_bytes;
use pcapng::Direction;

/// What is captured, and where.
#[derive(Clone, Debug)]
pub struct CaptureConfig {
    /// The host that listens on its own interfaces.
    pub host: HostId,
    /// Its name, which becomes the interface's.
    pub name: String,
    /// Its addresses: packets to itself are seen once, as on `lo`.
    pub addrs: Vec<Ipv4Addr>,
    /// Names of all hosts, by id, for the comments.
    pub hosts: Vec<String>,
    /// Seconds since 1970 at virtual time 0.
    pub start_unix: u64,
    /// Only packets from or to this port.
    pub port: Option<Port>,
    /// Language of the comments.
    pub lang: Lang,
}

/// A packet not written yet: what it caused is still being recorded.
#[derive(Debug)]
struct Open {
    at: Instant,
    direction: Direction,
    frame: Vec<u8>,
    /// Its sender's end first; `None` for ICMP.
    tuple: Option<FourTuple>,
    comments: Vec<String>,
}

/// An observer that makes a pcapng file; its owner takes the bytes as they come.
#[derive(Debug)]
pub struct Capture {
    config: CaptureConfig,
    /// Bytes not taken yet.
    out: Vec<u8>,
    open: Option<Open>,
    /// Changes that precede the packet they make leave, with the connection's own end first.
    ahead: Vec<(Instant, FourTuple, String)>,
    packets: u64,
}

impl Capture {
    /// Begins the file.
    #[must_use]
    pub fn new(config: CaptureConfig) -> Self {
        let out = pcapng::preamble(&config.name);
        Self { config, out, open: None, ahead: Vec::new(), packets: 0 }
    }

    /// The part of the file made since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// Closes the last packet, of which all comments are known now; returns how
    /// many there are.
    pub fn finish(&mut self) -> u64 {
        self.flush();
        self.packets
    }

    fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        let ns = self.config.start_unix.saturating_mul(1_000_000_000).saturating_add(open.at.nanos());
        pcapng::packet(&mut self.out, ns, open.direction, &open.frame, &open.comments);
    }

    fn is_local(&self, addr: Ipv4Addr) -> bool {
        addr.is_loopback() || self.config.addrs.contains(&addr)
    }

    fn wanted(&self, tuple: Option<FourTuple>) -> bool {
        let port = |wanted| tuple.is_some_and(|t| t.local.port() == wanted || t.remote.port() == wanted);
        self.config.port.is_none_or(port)
    }

    /// Adds a change of state to the packet that caused it, or keeps it for the
    /// packet it makes leave.
    fn changed(&mut self, record: &Record, tuple: FourTuple, by: Cause, text: String) {
        if arrives(by)
            && let Some(open) = &mut self.open
            && open.at == record.at
            && open.tuple == Some(tuple.mirrored())
        {
            open.comments.push(text);
        } else if record.host == self.config.host {
            self.ahead.push((record.at, tuple, text));
        }
    }
}

impl Observer for Capture {
    fn record(&mut self, record: &Record) {
        if record.host != self.config.host {
            return;
        }
        if let RecordKind::State { tuple, from, to, cause: by } = record.kind {
            let host = self.config.hosts.get(record.host.index()).map_or("", String::as_str);
            let text = format!("{host}: {from} → {to}: {}", cause_text(by).texts().format(self.config.lang, &[]));
            self.changed(record, tuple, by, text);
        }
    }

    fn wants_packets(&self) -> bool {
        true
    }

    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        if host != self.config.host || (sight == Sight::Sent && self.is_local(packet.dst)) {
            return;
        }
        self.flush();
        let tuple = packet.tuple();
        self.ahead.retain(|(when, ..)| *when == at);
        let mut comments = Vec::new();
        self.ahead.retain(|(_, whose, text)| {
            let its = Some(*whose) == tuple;
            if its {
                comments.push(text.clone());
            }
            !its
        });
        if !self.wanted(tuple) {
            return;
        }
        let ident = u16::try_from(self.packets % 0x1_0000).expect("a remainder below 2^16");
        self.packets += 1;
        let direction = match sight {
            Sight::Sent => Direction::Out,
            Sight::Received => Direction::In,
        };
        self.open = Some(Open { at, direction, frame: frame::bytes(packet, ident), tuple, comments });
    }
}

/// True if a segment's arrival is the cause.
const fn arrives(cause: Cause) -> bool {
    match cause {
        Cause::SynArrived
        | Cause::SynAckArrived
        | Cause::AckOfSyn
        | Cause::FinArrived
        | Cause::AckOfFin
        | Cause::FinAckArrived
        | Cause::RstArrived
        | Cause::IcmpError => true,
        Cause::ActiveOpen
        | Cause::PassiveOpen
        | Cause::Close
        | Cause::Shutdown
        | Cause::Abort
        | Cause::TimedOut
        | Cause::TimerExpired
        | Cause::Overflow => false,
    }
}
