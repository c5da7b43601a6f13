//! Segments with arbitrary header fields, calls, timers and ICMP errors into
//! every state.

use halfclose::errno::Errno;
use halfclose::tcp::{Cause, TcpConfig, TcpInput, TcpSocketOption, TcpState, UserCall};
use halfclose::time::Duration;
use halfclose::wire::{Flags, Payload, SackBlock, Segment, SeqNum, TcpOptions};

use super::Bytes;
use crate::end::{Call, End, Fault, Output};

/// More than a window of the smallest segments and all retransmissions at once.
const SEGMENTS_A_STEP: usize = 4_096;
/// Timers of an end that nobody answers any more: retries, two stages of FIN_WAIT2.
const TIMERS_TO_THE_END: usize = 100;

fn config(bits: u8) -> TcpConfig {
    let on = |bit: u8| bits & (1 << bit) != 0;
    TcpConfig {
        tcp_syn_retries: 6,
        tcp_syn_linear_timeouts: 4,
        tcp_synack_retries: 5,
        tcp_retries1: 3,
        tcp_retries2: 15,
        tcp_orphan_retries: 0,
        tcp_fin_timeout: Duration::from_secs(if on(0) { 90 } else { 60 }),
        tcp_rto_min: Duration::from_millis(200),
        tcp_rto_max: Duration::from_secs(120),
        tcp_keepalive_time: Duration::from_secs(7_200),
        tcp_keepalive_intvl: Duration::from_secs(75),
        tcp_keepalive_probes: 9,
        tcp_invalid_ratelimit: Duration::from_millis(if on(1) { 0 } else { 500 }),
        tcp_timestamps: on(2),
        tcp_sack: on(3),
        tcp_window_scaling: on(4),
        tcp_rfc1337: on(5),
        tcp_abort_on_overflow: false,
        tcp_rmem_default: if on(6) { 4_096 } else { 131_072 },
        tcp_rmem_max: 6_291_456,
        tcp_wmem_default: 16_384,
        peer_tsval_hz: if on(7) { 1_200 } else { 1_024 },
        paws_drops_old_ack: true,
    }
}

/// The end under fire.
struct Target {
    end: End,
    config: TcpConfig,
    /// Edges of the graph it has taken.
    taken: Vec<(TcpState, TcpState, Cause)>,
}

/// Runs the program that `bytes` are: the first is the configuration, the
/// second the state to begin in, the rest what happens. Returns the edges
/// taken.
///
/// # Panics
/// If the machine does, takes a way that is no edge of the graph, answers
/// without measure, or leaves something behind.
#[must_use]
pub fn run(bytes: &[u8]) -> Vec<(TcpState, TcpState, Cause)> {
    let mut bytes = Bytes::new(bytes);
    let config = config(bytes.u8());
    let begin = TcpState::ALL[usize::from(bytes.below(11))];
    let iss = SeqNum(u32::MAX - u32::from(bytes.u8()));
    let end = if begin == TcpState::Listen { End::listening(true, iss, &config) } else { End::new(true, iss, &config) };
    let mut target = Target { end, config, taken: Vec::new() };
    target.reach(begin);
    for _ in 0..400 {
        if bytes.is_empty() {
            break;
        }
        target.happens(&mut bytes);
    }
    target.finish();
    target.taken
}

impl Target {
    /// What every step must leave behind.
    fn check(&mut self, output: &Output) {
        match output.fault {
            // The peer is no peer of ours: it sends any bytes and acknowledges anything.
            None | Some(Fault::Bytes | Fault::Invented | Fault::FalseAck) => {}
            Some(Fault::Edge(from, to, cause)) => panic!("{from} to {to} by {cause:?} is no edge"),
        }
        assert!(output.segments.len() <= SEGMENTS_A_STEP, "{} segments in one step", output.segments.len());
        for edge in &output.edges {
            if !self.taken.contains(edge) {
                self.taken.push(*edge);
            }
        }
        let Some(sock) = &self.end.sock else { return };
        assert!(!sock.snd_una().after(sock.snd_nxt()), "SND.UNA is beyond SND.NXT");
        assert!(sock.unread() <= sock.recv_q(), "more to read than queued");
        let unread: u32 = sock.unread_payloads().map(Payload::len).sum();
        // A FIN beyond the peer's FIN moves RCV.NXT, in Linux too, and FIONREAD counts it.
        let beyond = if sock.state() == TcpState::Established { 0 } else { 400 };
        let counted = sock.unread();
        assert!(
            self.end.app.closed || (unread..=unread + beyond).contains(&counted),
            "{unread} bytes held, {counted} counted"
        );
        // SYN and FIN come on top of the buffer.
        assert!(sock.send_q() <= sock.buffers().1 + 2, "Send-Q {} in {} bytes", sock.send_q(), sock.buffers().1);
    }

    fn segment(&mut self, segment: &Segment) {
        let output = self.end.arrives(segment, &self.config);
        self.check(&output);
    }

    fn call(&mut self, call: Call) {
        let output = self.end.call(call, &self.config);
        self.check(&output);
    }

    /// The connection as the peer sees it: its next number, and ours to acknowledge.
    fn numbers(&self) -> (SeqNum, SeqNum, u32) {
        if let Some(minisock) = &self.end.minisock {
            return (minisock.rcv_nxt(), minisock.snd_nxt(), 500);
        }
        if let Some(request) = &self.end.request {
            return (request.rcv_nxt(), request.iss().add(1), 500);
        }
        match &self.end.sock {
            Some(sock) => (sock.rcv_nxt(), sock.snd_nxt(), sock.rcv_wnd()),
            None => (SeqNum(77), SeqNum(0), 0),
        }
    }

    fn plain(&self, flags: Flags) -> Segment {
        let (seq, ack, _) = self.numbers();
        let options = TcpOptions { mss: flags.syn().then_some(1_460), ..TcpOptions::default() };
        Segment {
            seq,
            ack: if flags.ack() { ack } else { SeqNum(0) },
            flags,
            window: 8_192,
            options,
            ..Segment::default()
        }
    }

    fn peer(&mut self, flags: Flags) {
        let segment = self.plain(flags);
        self.segment(&segment);
    }

    /// Takes a fresh end into a state, by the shortest way.
    fn reach(&mut self, state: TcpState) {
        let (ack, fin) = (Flags::ACK, Flags::FIN.with(Flags::ACK));
        if matches!(state, TcpState::Closed | TcpState::Listen) {
            return;
        }
        self.call(Call::Connect);
        match state {
            TcpState::Closed | TcpState::Listen | TcpState::SynSent => return,
            TcpState::SynReceived => return self.peer(Flags::SYN),
            TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::TimeWait => self.peer(Flags::SYN.with(ack)),
        }
        if matches!(state, TcpState::CloseWait | TcpState::LastAck) {
            self.peer(fin);
        }
        if !matches!(state, TcpState::Established | TcpState::CloseWait) {
            self.call(Call::Shutdown);
        }
        match state {
            TcpState::FinWait2 => self.peer(ack),
            TcpState::TimeWait => self.peer(fin),
            TcpState::Closing => {
                let mut crossing = self.plain(fin);
                crossing.ack = crossing.ack.sub(1);
                self.segment(&crossing);
            }
            TcpState::Closed
            | TcpState::Listen
            | TcpState::SynSent
            | TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait1
            | TcpState::CloseWait
            | TcpState::LastAck => {}
        }
        assert_eq!(self.end.state(), state, "the shortest way leads there");
    }

    fn happens(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(16) {
            0..=9 => {
                let segment = self.arbitrary(bytes);
                self.segment(&segment);
            }
            10 | 11 => self.timer(),
            12 => {
                let call = bytes.pick(&[Call::Connect, Call::Shutdown, Call::Close, Call::Abort, Call::Recv]);
                self.allowed(call);
            }
            13 => self.feed(TcpInput::Call(UserCall::Send(Payload::opaque(u32::from(bytes.u16()))))),
            14 => self.raw(bytes),
            _icmp => {
                let (_, nxt, _) = self.numbers();
                let seq = nxt.sub(u32::from(bytes.u8()));
                let errno = bytes.pick(&[Errno::HostUnreach, Errno::ConnRefused, Errno::MsgSize, Errno::NetUnreach]);
                self.feed(TcpInput::IcmpError { errno, seq, hard: bytes.below(2) == 0 });
            }
        }
    }

    fn allowed(&mut self, call: Call) {
        let mut calls = Vec::new();
        self.end.calls(&mut calls);
        if calls.contains(&call) {
            self.call(call);
        }
    }

    /// Something for the full socket, if a program can still reach it.
    fn feed(&mut self, input: TcpInput<'_>) {
        if !self.end.app.closed && self.end.sock.is_some() {
            let output = self.end.feed(input, &self.config);
            self.check(&output);
        }
    }

    fn raw(&mut self, bytes: &mut Bytes<'_>) {
        let time = Duration::from_millis(u64::from(bytes.u16()));
        // What setsockopt() lets through.
        let seconds = Duration::from_secs(u64::from(bytes.u16().clamp(1, 32_767)));
        let call = match bytes.below(16) {
            0 => UserCall::Receive { max: u32::from(bytes.u16()), peek: bytes.below(2) == 0 },
            1 => UserCall::Shutdown { read: bytes.below(2) == 0, write: bytes.below(2) == 0 },
            2 => UserCall::TakeError,
            3 if self.end.state() != TcpState::TimeWait => UserCall::Abort(Cause::Abort),
            which => UserCall::SetOption(match which {
                4 => TcpSocketOption::KeepAlive(bytes.below(2) == 0),
                5 => TcpSocketOption::KeepIdle(seconds),
                6 => TcpSocketOption::KeepIntvl(seconds),
                7 => TcpSocketOption::KeepCnt(bytes.u8().clamp(1, 127)),
                8 => TcpSocketOption::UserTimeout(time),
                9 => TcpSocketOption::NoDelay(bytes.below(2) == 0),
                10 => TcpSocketOption::QuickAck(bytes.below(2) == 0),
                11 => TcpSocketOption::Linger2((bytes.below(2) == 0).then_some(time)),
                12 => TcpSocketOption::SynCnt(bytes.u8().clamp(1, 127)),
                13 => TcpSocketOption::MaxSeg(bytes.u16().clamp(88, 32_767)),
                14 => TcpSocketOption::RcvBuf(u32::from(bytes.u16()).max(2_304)),
                _linger => TcpSocketOption::Linger((bytes.below(2) == 0).then_some(time)),
            }),
        };
        self.feed(TcpInput::Call(call));
    }

    fn timer(&mut self) {
        if self.end.deadline().is_some() {
            let output = self.end.timer(&self.config);
            self.check(&output);
        }
    }

    /// Near what would be right, or anywhere.
    fn number(bytes: &mut Bytes<'_>, right: SeqNum, window: u32) -> SeqNum {
        match bytes.below(8) {
            0 => right.add(u32::from(bytes.u8())),
            1 => right.sub(u32::from(bytes.u8())),
            2 => right.add(window).add(u32::from(bytes.u8())),
            3 => right.add(window).sub(u32::from(bytes.u8())),
            4 => right.add(u32::from(bytes.u16())),
            5 => SeqNum(bytes.u32()),
            6 => right.add(0x8000_0000).sub(u32::from(bytes.below(3))),
            _exact => right,
        }
    }

    fn arbitrary(&self, bytes: &mut Bytes<'_>) -> Segment {
        let (next, ours, window) = self.numbers();
        let flags = Flags(match bytes.below(4) {
            0 => bytes.u8(),
            1 => Flags::ACK.0,
            2 => bytes.pick(&[0x10, 0x11, 0x14, 0x04, 0x02, 0x12, 0x18, 0x19, 0x01, 0x00, 0x03, 0x13, 0x06]),
            _push => 0x18,
        });
        let seq = Self::number(bytes, next, window);
        let ack = Self::number(bytes, ours, 0);
        let length = bytes.pick(&[0, 0, 0, 1, 2, 100, 536, 1_448, 1_460, 9_000, 65_495]);
        let present = bytes.u8();
        let has = |bit: u8| present & (1 << bit) != 0;
        let ts_recent = self.end.sock.as_ref().map_or(0, |sock| sock.ts_recent().0);
        let options = TcpOptions {
            mss: has(0).then(|| bytes.u16()),
            wscale: has(1).then(|| bytes.u8()),
            sack_permitted: has(2),
            timestamp: has(3).then(|| (ts_recent.wrapping_add(u32::from(bytes.u8())).wrapping_sub(3), bytes.u32())),
            sack: has(4).then(|| {
                let left = ours.sub(u32::from(bytes.u16()));
                SackBlock { left, right: left.add(u32::from(bytes.u16())) }
            }),
        };
        let window = if has(5) { bytes.u16() } else { 8_192 };
        let urgent = if has(6) { bytes.u16() } else { 0 };
        Segment { seq, ack, flags, window, urgent, options, payload: Payload::opaque(length) }
    }

    /// The program closes and the peer falls silent: everything must end.
    fn finish(&mut self) {
        self.allowed(Call::Close);
        for _ in 0..TIMERS_TO_THE_END {
            if self.end.deadline().is_none() {
                break;
            }
            self.timer();
        }
        assert!(self.end.app.closed && self.end.is_gone(), "left behind in {}: {:?}", self.end.state(), self.end);
    }
}
