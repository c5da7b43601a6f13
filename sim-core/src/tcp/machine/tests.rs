//! Two machines, a wire between them, and what Linux was measured to do.

mod closing;
mod edges;
mod lossy;
mod opening;
mod segments;
mod timers;
mod transcript;

use super::step;
use crate::errno::Errno;
use crate::kernel::request_sock::{ReqVerdict, RequestSetup, RequestSock};
use crate::tcp::timers::JiffyClock;
use crate::tcp::{
    Actions, Fate, Reply, SocketEvents, Tcb, TcpConfig, TcpContext, TcpInput, TcpSocketOption, TcpState, UserCall,
    graph,
};
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::units::{Endpoint, FourTuple, Ipv4Addr};
use crate::wire::{Flags, Payload, Segment, SeqNum};

pub(crate) fn config() -> TcpConfig {
    TcpConfig {
        tcp_syn_retries: 6,
        tcp_syn_linear_timeouts: 4,
        tcp_synack_retries: 5,
        tcp_retries1: 3,
        tcp_retries2: 15,
        tcp_orphan_retries: 0,
        tcp_fin_timeout: Duration::from_secs(60),
        tcp_rto_min: Duration::from_millis(200),
        tcp_rto_max: Duration::from_secs(120),
        tcp_keepalive_time: Duration::from_secs(7_200),
        tcp_keepalive_intvl: Duration::from_secs(75),
        tcp_keepalive_probes: 9,
        tcp_invalid_ratelimit: Duration::from_millis(500),
        tcp_timestamps: true,
        tcp_sack: true,
        tcp_window_scaling: true,
        tcp_rfc1337: false,
        tcp_abort_on_overflow: false,
        tcp_rmem_default: 131_072,
        tcp_rmem_max: 6_291_456,
        tcp_wmem_default: 16_384,
        peer_tsval_hz: 1_200,
        paws_drops_old_ack: true,
    }
}

pub(crate) const CLOCK: JiffyClock = JiffyClock::new(250, 4_294_892_296, true);
const MS: Duration = Duration::from_millis(1);
/// One way on loopback, as in the captures.
const LATENCY: Duration = Duration::from_micros(5);

pub(crate) fn tuple() -> FourTuple {
    let end = |port| Endpoint::new(Ipv4Addr::LOCALHOST, port);
    FourTuple { local: end(3306), remote: end(40_000) }
}

/// A segment on the wire, as captures show it.
#[derive(Clone, Debug)]
struct Sent {
    at: Instant,
    side: usize,
    segment: Segment,
}

/// Two connections' ends and the wire between them. Side 0 connects.
struct Pair {
    now: Instant,
    config: [TcpConfig; 2],
    clock: JiffyClock,
    mss: u16,
    ends: [Tcb; 2],
    listener: Option<Tcb>,
    request: Option<RequestSock>,
    flying: Vec<Sent>,
    /// Everything sent so far.
    wire: Vec<Sent>,
    /// Drops what this end sends.
    mute: [bool; 2],
    fates: [Option<(Instant, Fate)>; 2],
    counters: [Vec<Mib>; 2],
    transitions: [Vec<(TcpState, TcpState)>; 2],
    /// What each was to tell its process, and how often it repeated itself.
    told: [Vec<SocketEvents>; 2],
    repeated: [u32; 2],
    /// A self-connected socket: everything comes back to end 0.
    mirror: bool,
}

impl Pair {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: TcpConfig) -> Self {
        Self {
            now: Instant::from_nanos(5_000_700_000),
            ends: [Tcb::new_closed(&config), Tcb::new_closed(&config)],
            listener: Some(Tcb::new_listen(&config)),
            config: [config.clone(), config],
            clock: CLOCK,
            mss: 65_495,
            request: None,
            flying: Vec::new(),
            wire: Vec::new(),
            mute: [false; 2],
            fates: [None, None],
            counters: [Vec::new(), Vec::new()],
            transitions: [Vec::new(), Vec::new()],
            told: [Vec::new(), Vec::new()],
            repeated: [0; 2],
            mirror: false,
        }
    }

    /// Two ends connected, a moment later.
    fn connected() -> Self {
        let mut pair = Self::new();
        pair.open(0);
        pair.run(MS);
        assert_eq!(pair.states(), [TcpState::Established; 2]);
        pair
    }

    fn states(&self) -> [TcpState; 2] {
        [self.ends[0].state(), self.ends[1].state()]
    }

    fn apply(&mut self, side: usize, out: Actions) -> Option<Result<Reply, Errno>> {
        for &(from, to, cause) in &out.transitions {
            assert!(graph::allows(from, to, cause), "{from} to {to} by {cause:?}");
            self.transitions[side].push((from, to));
        }
        self.counters[side].extend(&out.counters);
        self.told[side].push(out.events);
        self.repeated[side] += out.repeated;
        if out.fate != Fate::Keep {
            self.fates[side] = Some((self.now, out.fate));
        }
        for segment in out.segments {
            let sent = Sent { at: self.now, side, segment };
            self.wire.push(sent.clone());
            if !self.mute[side] {
                self.flying.push(sent);
            }
        }
        out.reply
    }

    fn input(&mut self, side: usize, input: TcpInput<'_>) -> Option<Result<Reply, Errno>> {
        let mut out = Actions::default();
        let cx = TcpContext { now: self.now, clock: self.clock, config: &self.config[side] };
        step(&mut self.ends[side], input, &cx, &mut out);
        self.apply(side, out)
    }

    fn call(&mut self, side: usize, call: UserCall) -> Result<Reply, Errno> {
        self.input(side, TcpInput::Call(call)).expect("every call is answered")
    }

    fn open(&mut self, side: usize) {
        let iss = SeqNum([1_000, 70_000][side]);
        let open = UserCall::Open { iss, ts_offset: 0, mss: self.mss };
        assert_eq!(self.call(side, open), Ok(Reply::Done));
    }

    fn set(&mut self, side: usize, option: TcpSocketOption) {
        assert_eq!(self.call(side, UserCall::SetOption(option)), Ok(Reply::Done));
    }

    fn send(&mut self, side: usize, len: u32) {
        assert_eq!(self.call(side, UserCall::Send(Payload::opaque(len))), Ok(Reply::Count(len)));
    }

    /// Bytes read: 0 is end of stream.
    fn recv(&mut self, side: usize, max: u32) -> Result<u32, Errno> {
        match self.call(side, UserCall::Receive { max, peek: false })? {
            Reply::Data(data) => Ok(data.len()),
            Reply::Done | Reply::Count(_) | Reply::Error(_) => panic!("no answer to a read"),
        }
    }

    fn close(&mut self, side: usize) {
        assert_eq!(self.call(side, UserCall::Close), Ok(Reply::Done));
    }

    fn deliver(&mut self, sent: &Sent) {
        let to = if self.mirror { 0 } else { 1 - sent.side };
        if to == 1 && self.listener.is_some() {
            self.deliver_to_listener(&sent.segment);
        } else {
            self.input(to, TcpInput::SegmentArrives(&sent.segment));
        }
    }

    fn deliver_to_listener(&mut self, seg: &Segment) {
        let config = self.config[1].clone();
        let cx = TcpContext { now: self.now, clock: self.clock, config: &config };
        let listener = self.listener.as_ref().expect("checked by the caller");
        let mut out = Actions::default();
        match &mut self.request {
            None if seg.flags.syn() => {
                let setup = RequestSetup { tuple: tuple(), iss: SeqNum(70_000), ts_offset: 0, path_mss: self.mss };
                let mut request = RequestSock::new(setup, seg, listener, &cx);
                out.segments.push(request.syn_ack(&cx));
                self.request = Some(request);
            }
            None => {}
            Some(request) => match request.process(seg, 0, &cx, &mut out.counters) {
                ReqVerdict::Complete => {
                    self.ends[1] = request.child(listener, &cx);
                    self.request = None;
                    self.listener = None;
                    step(&mut self.ends[1], TcpInput::SegmentArrives(seg), &cx, &mut out);
                }
                ReqVerdict::Reply(segment) => out.segments.push(segment),
                ReqVerdict::Ignore => {}
                ReqVerdict::Drop(reset) | ReqVerdict::ListenerResets(reset) => out.segments.extend(reset),
            },
        }
        self.apply(1, out);
    }

    /// Lets `span` pass.
    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        for _ in 0..10_000 {
            let arrival = self.flying.first().map(|sent| sent.at + LATENCY);
            let timer = self.ends.iter().filter_map(Tcb::next_deadline).min();
            let Some(at) = arrival.into_iter().chain(timer).min().filter(|&at| at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(at);
            if arrival == Some(at) {
                let sent = self.flying.remove(0);
                self.deliver(&sent);
            } else {
                for side in 0..2 {
                    if self.ends[side].next_deadline().is_some_and(|due| due <= self.now) {
                        self.input(side, TcpInput::Timeout);
                    }
                }
            }
        }
        panic!("the two ends never come to rest");
    }

    /// Feeds side 1 a segment as if from the wire.
    fn inject(&mut self, side: usize, segment: &Segment) -> Vec<Segment> {
        let before = self.wire.len();
        let flying = core::mem::take(&mut self.flying);
        self.input(side, TcpInput::SegmentArrives(segment));
        self.flying = flying;
        self.wire[before..].iter().map(|sent| sent.segment.clone()).collect()
    }

    /// A segment the peer of `side` could send now.
    fn segment(&self, side: usize, flags: Flags) -> Segment {
        let (tcb, peer) = (&self.ends[side], &self.ends[1 - side]);
        Segment {
            seq: tcb.rcv_nxt(),
            ack: if flags.ack() { tcb.snd_nxt() } else { SeqNum(0) },
            flags,
            window: 512,
            options: crate::wire::TcpOptions {
                timestamp: Some((super::ms32(self.now).wrapping_add(peer.ts_offset()), 0)),
                ..crate::wire::TcpOptions::default()
            },
            ..Segment::default()
        }
    }

    /// What went over the wire since `from` as `side flags seq ack len`, relative to both ISNs.
    fn trace(&self, from: usize) -> Vec<String> {
        let base = [1_000, 70_000];
        self.wire[from..]
            .iter()
            .map(|sent| {
                let seg = &sent.segment;
                let ack = if seg.flags.ack() { seg.ack.0.wrapping_sub(base[1 - sent.side]) } else { 0 };
                let seq = seg.seq.0.wrapping_sub(base[sent.side]);
                format!("{} {} {seq} {ack} {}", sent.side, seg.flags, seg.payload.len())
            })
            .collect()
    }

    /// Seconds after `start` at which `side` sent something, to the millisecond.
    fn times_ms(&self, side: usize, from: usize, start: Instant) -> Vec<u64> {
        let sent = self.wire[from..].iter().filter(|sent| sent.side == side);
        sent.map(|sent| sent.at.since(start).as_millis()).collect()
    }
}

/// Each measured time, within what tick and wheel phase can make of it.
fn assert_times(found: &[u64], measured_ms: &[u64], slack_permille: u64) {
    assert_eq!(found.len(), measured_ms.len(), "{found:?} against {measured_ms:?}");
    for (&ours, &theirs) in found.iter().zip(measured_ms) {
        let slack = 8 + theirs * slack_permille / 1_000;
        assert!(ours.abs_diff(theirs) <= slack, "{found:?} against {measured_ms:?}");
    }
}
