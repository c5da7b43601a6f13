//! Request sockets (NEW_SYN_RECV) and SYN cookies: half-open connections of a
//! listener (Linux `struct tcp_request_sock`, `tcp_conn_request`, `tcp_check_req`).

use core::hint::cold_path;

use super::siphash::{SipKey, siphash_4u32};
use super::timewait::in_window;
use crate::tcp::machine::{initial_window, ms32, us32};
use crate::tcp::tcb::{ChildInit, Tcb};
use crate::tcp::timers::TIMEOUT_INIT;
use crate::tcp::{TcpConfig, TcpContext};
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::units::FourTuple;
use crate::wire::{Flags, Segment, SeqNum, TcpOptions, reset_for};

/// A half-open connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestSock {
    /// The connection.
    pub tuple: FourTuple,
    /// When [`RequestSock::on_timeout`] must be called.
    pub deadline: Instant,
    /// The handshake was completed by the peer but the accept queue was full
    /// (or TCP_DEFER_ACCEPT waits for data).
    pub acked: bool,
    /// SYN-ACK time-outs so far (`num_timeout`).
    pub num_timeout: u8,
    iss: SeqNum,
    irs: SeqNum,
    rcv_wnd: u32,
    ts_offset: u32,
    /// The peer's latest timestamp, if timestamps were agreed.
    ts_recent: Option<u32>,
    /// First and last timestamp sent with a SYN-ACK.
    snt_tsval: (u32, u32),
    synack_sent_us: u32,
    last_oow_ack: u32,
    advmss: u16,
    mss_clamp: u16,
    snd_wscale: u8,
    rcv_wscale: u8,
    wscale_ok: bool,
    sack_ok: bool,
    retransmitted: bool,
}

/// What to do about a segment that met a request socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReqVerdict {
    /// Nothing.
    Ignore,
    /// Send this: an ACK for what is out of window, or the SYN-ACK again.
    Reply(Segment),
    /// Free the request, and send the reset if there is one.
    Drop(Option<Segment>),
    /// An acknowledgment of something never sent: the listener answers it with
    /// this reset, the request stays.
    ListenerResets(Option<Segment>),
    /// The handshake is complete: make the socket ([`RequestSock::child`]) and
    /// feed it this segment; or, without room in the accept queue,
    /// [`RequestSock::overflow`].
    Complete,
}

/// What a request's timer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReqTimeout {
    /// Send the SYN-ACK again; `deadline` has moved.
    Resend(Segment),
    /// Only `deadline` has moved (TCP_DEFER_ACCEPT).
    Wait,
    /// Give up: free the request.
    Expired,
}

/// How full a listener's queues are when a request's timer fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestQueue {
    /// Requests in the SYN queue.
    pub len: u32,
    /// Those whose SYN-ACK has not been repeated.
    pub young: u32,
    /// The listener's backlog.
    pub backlog: u32,
    /// `rskq_defer_accept`: TCP_DEFER_ACCEPT in SYN-ACK time-outs; 0 is off.
    pub defer_accept: u8,
    /// TCP_SYNCNT of the listener, if set.
    pub syn_cnt: Option<u8>,
}

/// What the kernel knows when a SYN meets a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestSetup {
    /// The connection, local end first.
    pub tuple: FourTuple,
    /// Initial sequence number ([`super::timewait::TwVerdict::Reopen`]'s, a cookie, or a keyed hash).
    pub iss: SeqNum,
    /// Added to the millisecond clock in our timestamps.
    pub ts_offset: u32,
    /// MSS of the path: 65495 on loopback, 1460 on Ethernet.
    pub path_mss: u16,
}

impl RequestSock {
    /// A request from a SYN (`tcp_conn_request`, `tcp_openreq_init_rwin`).
    /// Nothing is sent yet: transmit [`RequestSock::syn_ack`].
    #[must_use]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn new(setup: RequestSetup, syn: &Segment, listener: &Tcb, cx: &TcpContext<'_>) -> Self {
        let config = cx.config;
        let ts_recent = syn.options.timestamp.filter(|_| config.tcp_timestamps).map(|(tsval, _)| tsval);
        let wscale_ok = syn.options.wscale.is_some() && config.tcp_window_scaling;
        let advmss = listener.user_mss().map_or(setup.path_mss, |user| user.min(setup.path_mss));
        let carried = if ts_recent.is_some() { advmss.saturating_sub(12) } else { advmss };
        let (rcv_wnd, rcv_wscale) = initial_window(config, listener.buffers().0, carried, wscale_ok);
        let tsval = ms32(cx.now).wrapping_add(setup.ts_offset);
        Self {
            tuple: setup.tuple,
            deadline: cx.clock.expiry(cx.now, TIMEOUT_INIT),
            acked: false,
            num_timeout: 0,
            iss: setup.iss,
            irs: syn.seq,
            rcv_wnd,
            ts_offset: setup.ts_offset,
            ts_recent,
            snt_tsval: (tsval, tsval),
            synack_sent_us: us32(cx.now),
            last_oow_ack: 0,
            advmss,
            // RFC 9293 §3.7.1: no option means 536.
            mss_clamp: syn.options.mss.unwrap_or(536).min(advmss).max(48),
            snd_wscale: syn.options.wscale.filter(|_| wscale_ok).map_or(0, |shift| shift.min(14)),
            rcv_wscale,
            wscale_ok,
            sack_ok: syn.options.sack_permitted && config.tcp_sack,
            retransmitted: false,
        }
    }

    /// Our initial sequence number.
    #[must_use]
    pub const fn iss(&self) -> SeqNum {
        self.iss
    }
    /// RCV.NXT: one past the peer's SYN.
    #[must_use]
    pub const fn rcv_nxt(&self) -> SeqNum {
        self.irs.add(1)
    }
    /// True until the SYN-ACK was repeated by the timer.
    #[must_use]
    pub const fn is_young(&self) -> bool {
        self.num_timeout == 0
    }

    /// `tcp_make_synack`.
    pub fn syn_ack(&mut self, cx: &TcpContext<'_>) -> Segment {
        let tsval = ms32(cx.now).wrapping_add(self.ts_offset);
        self.snt_tsval.1 = tsval;
        Segment {
            seq: self.iss,
            ack: self.rcv_nxt(),
            flags: Flags::SYN.with(Flags::ACK),
            window: u16::try_from(self.rcv_wnd.min(65_535)).expect("capped"),
            options: TcpOptions {
                mss: Some(self.advmss),
                wscale: self.wscale_ok.then_some(self.rcv_wscale),
                sack_permitted: self.sack_ok,
                timestamp: self.ts_recent.map(|ecr| (tsval, ecr)),
                sack: None,
            },
            ..Segment::default()
        }
    }

    /// `tcp_v4_reqsk_send_ack`.
    fn ack(&self, cx: &TcpContext<'_>) -> Segment {
        let tsval = ms32(cx.now).wrapping_add(self.ts_offset);
        Segment {
            seq: self.iss.add(1),
            ack: self.rcv_nxt(),
            flags: Flags::ACK,
            window: u16::try_from(self.rcv_wnd >> self.rcv_wscale).unwrap_or(u16::MAX),
            options: TcpOptions { timestamp: self.ts_recent.map(|ecr| (tsval, ecr)), ..TcpOptions::default() },
            ..Segment::default()
        }
    }

    /// `tcp_reqsk_timeout`: doubles with each time-out.
    fn timeout(&self, config: &TcpConfig) -> Duration {
        TIMEOUT_INIT.saturating_mul(1 << self.num_timeout.min(20)).min(config.tcp_rto_max)
    }

    /// `reqsk_timer_handler`: with a queue more than half full of mature
    /// requests the retries are cut, down to two.
    pub fn on_timeout(&mut self, queue: &RequestQueue, cx: &TcpContext<'_>, counters: &mut Vec<Mib>) -> ReqTimeout {
        let mut most = queue.syn_cnt.unwrap_or(cx.config.tcp_synack_retries);
        if queue.len * 2 > queue.backlog.max(8) {
            let mut young = queue.young * 2;
            while most > 2 && queue.len >= young {
                most -= 1;
                young = young.saturating_mul(2);
            }
        }
        // syn_ack_recalc
        let (mut expired, mut resend) = (self.num_timeout >= most, true);
        if queue.defer_accept > 0 {
            expired &= !self.acked || self.num_timeout >= queue.defer_accept;
            resend = !self.acked || self.num_timeout + 1 >= queue.defer_accept;
        }
        counters.push(Mib::TCPTimeouts);
        if expired {
            return ReqTimeout::Expired;
        }
        self.num_timeout = self.num_timeout.saturating_add(1);
        self.deadline = cx.clock.expiry(cx.now, self.timeout(cx.config));
        if !resend {
            return ReqTimeout::Wait;
        }
        self.retransmitted = true;
        counters.push(Mib::RetransSegs);
        counters.push(Mib::TCPSynRetrans);
        ReqTimeout::Resend(self.syn_ack(cx))
    }

    fn oow_limited(&mut self, seg: &Segment, cx: &TcpContext<'_>, counters: &mut Vec<Mib>) -> bool {
        if seg.seq_len() > 0 && !seg.flags.syn() {
            return false;
        }
        let now = ms32(cx.now);
        let elapsed = u64::from(now.wrapping_sub(self.last_oow_ack));
        if self.last_oow_ack != 0 && elapsed < cx.config.tcp_invalid_ratelimit.as_millis() {
            counters.push(Mib::TCPACKSkippedSynRecv);
            return true;
        }
        self.last_oow_ack = now.max(1);
        false
    }

    /// `tcp_paws_reject` against the SYN's timestamp, and the echo's plausibility.
    fn stamps_bad(&self, seg: &Segment) -> (bool, bool) {
        let (Some(recent), Some((tsval, ecr))) = (self.ts_recent, seg.options.timestamp) else {
            return (false, false);
        };
        let paws = recent != 0 && recent.wrapping_sub(tsval).cast_signed() > 0 && !seg.flags.rst();
        let (first, last) = self.snt_tsval;
        (paws, ecr != 0 && ecr.wrapping_sub(first) > last.wrapping_sub(first))
    }

    /// `tcp_check_req` (RFC 9293 §3.10.7.4 for SYN-RECEIVED, RFC 5961).
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn process(
        &mut self,
        seg: &Segment,
        defer_accept: u8,
        cx: &TcpContext<'_>,
        counters: &mut Vec<Mib>,
    ) -> ReqVerdict {
        let flags = seg.flags;
        let (paws_reject, echo_reject) = self.stamps_bad(seg);
        let control = flags.0 & (Flags::SYN.0 | Flags::ACK.0 | Flags::RST.0 | Flags::FIN.0);
        if seg.seq == self.irs && control == Flags::SYN.0 && !paws_reject {
            cold_path();
            // The SYN again: the SYN-ACK again, and its timer anew.
            if self.oow_limited(seg, cx, counters) {
                return ReqVerdict::Ignore;
            }
            self.retransmitted = true;
            counters.push(Mib::RetransSegs);
            counters.push(Mib::TCPSynRetrans);
            self.deadline = cx.clock.expiry(cx.now, self.timeout(cx.config));
            return ReqVerdict::Reply(self.syn_ack(cx));
        }
        let right = self.rcv_nxt().add(self.rcv_wnd);
        let inside = in_window(seg.seq, seg.end_seq(), self.rcv_nxt(), right);
        if flags.rst() && inside {
            cold_path();
            // RFC 5961 §3.2, before the ACK check: the exact number ends it, any other
            // in the window is challenged, whatever is acknowledged (6.18.44, measured).
            if seg.seq == self.rcv_nxt() {
                counters.push(Mib::AttemptFails);
                counters.push(Mib::EmbryonicRsts);
                return ReqVerdict::Drop(None);
            }
            counters.push(Mib::TCPChallengeACK);
            return ReqVerdict::Reply(self.ack(cx));
        }
        if flags.ack() && seg.ack != self.iss.add(1) {
            cold_path();
            let reset = reset_for(seg);
            if reset.is_some() {
                counters.push(Mib::OutRsts);
            }
            return ReqVerdict::ListenerResets(reset);
        }
        if paws_reject || echo_reject || !inside {
            cold_path();
            if paws_reject {
                counters.push(Mib::PAWSEstab);
            }
            if flags.rst() || self.oow_limited(seg, cx, counters) {
                return ReqVerdict::Ignore;
            }
            return ReqVerdict::Reply(self.ack(cx));
        }
        if let (Some(_), Some((tsval, _))) = (self.ts_recent, seg.options.timestamp)
            && !seg.seq.after(self.rcv_nxt())
        {
            self.ts_recent = Some(tsval);
        }
        // A SYN at IRS itself lies before the window and is trimmed off.
        if flags.syn() && seg.seq != self.irs {
            cold_path();
            counters.push(Mib::AttemptFails);
            counters.push(Mib::EmbryonicRsts);
            return ReqVerdict::Drop(self.embryonic_reset(seg, counters));
        }
        if !flags.ack() {
            return ReqVerdict::Ignore;
        }
        if self.num_timeout < defer_accept && seg.end_seq() == self.rcv_nxt() {
            cold_path();
            self.acked = true;
            counters.push(Mib::TCPDeferAcceptDrop);
            return ReqVerdict::Ignore;
        }
        ReqVerdict::Complete
    }

    fn embryonic_reset(&self, seg: &Segment, counters: &mut Vec<Mib>) -> Option<Segment> {
        let reset = reset_for(seg);
        if reset.is_some() {
            counters.push(Mib::OutRsts);
        }
        reset
    }

    /// The handshake's last ACK met a full accept queue (`listen_overflow`): the
    /// request is kept, or with `tcp_abort_on_overflow` reset.
    pub fn overflow(&mut self, seg: &Segment, cx: &TcpContext<'_>, counters: &mut Vec<Mib>) -> ReqVerdict {
        if cx.config.tcp_abort_on_overflow {
            counters.push(Mib::EmbryonicRsts);
            return ReqVerdict::Drop(self.embryonic_reset(seg, counters));
        }
        self.acked = true;
        ReqVerdict::Ignore
    }

    /// The socket of the completed handshake, in SYN-RECEIVED: feed it the
    /// segment that completed it and it is ESTABLISHED.
    #[must_use]
    pub fn child(&self, listener: &Tcb, cx: &TcpContext<'_>) -> Tcb {
        let init = ChildInit {
            iss: self.iss,
            irs: self.irs,
            advmss: self.advmss,
            mss_clamp: self.mss_clamp,
            rcv_wnd: self.rcv_wnd,
            rcv_wscale: self.rcv_wscale,
            snd_wscale: self.snd_wscale,
            wscale_ok: self.wscale_ok,
            sack_ok: self.sack_ok,
            ts_recent: self.ts_recent,
            ts_offset: self.ts_offset,
            synack_sent_us: (!self.retransmitted).then_some(self.synack_sent_us),
        };
        Tcb::from_request(&init, listener, cx)
    }
}

/// SYN cookies (net/ipv4/syncookies.c): the request is packed into the initial
/// sequence number, and its options into the low bits of the timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CookieJar {
    /// Secrets of this host: one for the base, one for the part with the minute.
    pub keys: [SipKey; 2],
}

/// The MSS values a cookie can say.
const COOKIE_MSS: [u16; 4] = [536, 1_300, 1_440, 1_460];
/// `TCP_SYNCOOKIE_PERIOD`.
const COOKIE_PERIOD_S: u64 = 60;
/// `MAX_SYNCOOKIE_AGE`, in periods.
const COOKIE_MAX_AGE: u32 = 2;
/// Bits of a timestamp that carry options: shift of the window (15: none), SACK.
const COOKIE_TS_BITS: u32 = 6;

impl CookieJar {
    /// `cookie_hash`: a keyed hash of a connection and a counter.
    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are modulo 2^32")]
    fn hash(&self, tuple: FourTuple, count: u32, part: usize) -> u32 {
        let ports = u32::from(tuple.remote.port().0) << 16 | u32::from(tuple.local.port().0);
        let words = [tuple.remote.addr().to_bits(), tuple.local.addr().to_bits(), ports, count];
        siphash_4u32(words, self.keys[part]) as u32
    }

    fn minute(now: Instant) -> u32 {
        u32::try_from(now.nanos() / (COOKIE_PERIOD_S * 1_000_000_000)).unwrap_or(u32::MAX)
    }

    /// The initial sequence number that stands for this SYN (`secure_tcp_syn_cookie`).
    #[must_use]
    pub fn iss(&self, tuple: FourTuple, syn: &Segment, path_mss: u16, now: Instant) -> SeqNum {
        let mss = syn.options.mss.unwrap_or(536).min(path_mss);
        let index = COOKIE_MSS.iter().rposition(|&known| known <= mss).unwrap_or(0);
        let index = u32::try_from(index).expect("below four");
        let count = Self::minute(now);
        let base = self.hash(tuple, 0, 0).wrapping_add(syn.seq.0).wrapping_add(count << 24);
        SeqNum(base.wrapping_add(self.hash(tuple, count, 1).wrapping_add(index) & 0x00ff_ffff))
    }

    /// The SYN-ACK of a SYN for which no request is kept (`cookie_init_timestamp`).
    #[must_use]
    pub fn syn_ack(&self, setup: RequestSetup, syn: &Segment, listener: &Tcb, cx: &TcpContext<'_>) -> Segment {
        let iss = self.iss(setup.tuple, syn, setup.path_mss, cx.now);
        let mut request = RequestSock::new(RequestSetup { iss, ..setup }, syn, listener, cx);
        if request.ts_recent.is_none() {
            // Without timestamps there is no room for options.
            request.wscale_ok = false;
            request.sack_ok = false;
        }
        let mut segment = request.syn_ack(cx);
        if let Some((tsval, _)) = &mut segment.options.timestamp {
            let shift = if request.wscale_ok { u32::from(request.snd_wscale) } else { 15 };
            let bits = shift | u32::from(request.sack_ok) << 4;
            let clock = ms32(cx.now);
            let mut stamp = (clock >> COOKIE_TS_BITS) << COOKIE_TS_BITS | bits;
            if stamp > clock {
                stamp = stamp.wrapping_sub(1 << COOKIE_TS_BITS);
            }
            *tsval = stamp.wrapping_add(setup.ts_offset);
        }
        segment
    }

    /// Rebuilds the request from the ACK of a cookie (`cookie_v4_check`); `None`
    /// if the ACK does not carry a valid, recent one. Feed the ACK to the child.
    #[must_use]
    pub fn check(
        &self,
        setup: RequestSetup,
        ack: &Segment,
        listener: &Tcb,
        cx: &TcpContext<'_>,
    ) -> Option<RequestSock> {
        let (irs, iss) = (ack.seq.sub(1), ack.ack.sub(1));
        let now = Self::minute(cx.now);
        let rest = iss.0.wrapping_sub(self.hash(setup.tuple, 0, 0)).wrapping_sub(irs.0);
        let age = now.wrapping_sub(rest >> 24) & 0xff;
        if age >= COOKIE_MAX_AGE {
            return None;
        }
        let count = now.wrapping_sub(age);
        let index = rest.wrapping_sub(self.hash(setup.tuple, count, 1)) & 0x00ff_ffff;
        let mss = *COOKIE_MSS.get(index as usize)?;
        let mut options = TcpOptions { mss: Some(mss), ..TcpOptions::default() };
        if let Some((tsval, ecr)) = ack.options.timestamp {
            let bits = ecr.wrapping_sub(setup.ts_offset) & ((1 << COOKIE_TS_BITS) - 1);
            options.timestamp = Some((tsval, 0));
            options.sack_permitted = bits & 0x10 != 0;
            let shift = u8::try_from(bits & 0x0f).expect("four bits");
            options.wscale = (shift != 15).then_some(shift);
        }
        let syn = Segment { seq: irs, flags: Flags::SYN, options, ..Segment::default() };
        let mut request = RequestSock::new(RequestSetup { iss, ..setup }, &syn, listener, cx);
        // When the SYN-ACK left is not known.
        request.retransmitted = true;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::machine::step;
    use crate::tcp::machine::tests::{CLOCK, config, tuple};
    use crate::tcp::{Actions, TcpInput, TcpState};
    use crate::wire::Payload;

    const IRS: u32 = 5_000;
    const ISS: u32 = 9_000;

    fn setup() -> RequestSetup {
        RequestSetup { tuple: tuple(), iss: SeqNum(ISS), ts_offset: 77, path_mss: 1_460 }
    }

    fn syn() -> Segment {
        let options = TcpOptions {
            mss: Some(1_400),
            wscale: Some(7),
            sack_permitted: true,
            timestamp: Some((500, 0)),
            sack: None,
        };
        Segment { seq: SeqNum(IRS), flags: Flags::SYN, window: 64_000, options, ..Segment::default() }
    }

    fn cx(config: &TcpConfig, ms: u64) -> TcpContext<'_> {
        TcpContext { now: Instant::from_nanos(ms * 1_000_000), clock: CLOCK, config }
    }

    fn request() -> RequestSock {
        let config = config();
        RequestSock::new(setup(), &syn(), &Tcb::new_listen(&config), &cx(&config, 10_000))
    }

    fn verdict(request: &mut RequestSock, ms: u64, segment: &Segment) -> ReqVerdict {
        let config = config();
        request.process(segment, 0, &cx(&config, ms), &mut Vec::new())
    }

    fn seg(seq: u32, ack: u32, flags: Flags) -> Segment {
        let options = TcpOptions { timestamp: Some((501, 0)), ..TcpOptions::default() };
        Segment { seq: SeqNum(seq), ack: SeqNum(ack), flags, window: 500, options, ..Segment::default() }
    }

    #[test]
    fn the_syn_ack_agrees_to_what_was_offered() {
        let config = config();
        let segment = request().syn_ack(&cx(&config, 10_000));
        assert_eq!((segment.seq, segment.ack), (SeqNum(ISS), SeqNum(IRS + 1)));
        assert_eq!(segment.window, 65_160);
        let o = segment.options;
        assert_eq!((o.mss, o.wscale, o.sack_permitted, o.timestamp), (Some(1_460), Some(7), true, Some((10_077, 500))));
        let plain = Segment { options: TcpOptions::default(), ..syn() };
        let mut request = RequestSock::new(setup(), &plain, &Tcb::new_listen(&config), &cx(&config, 0));
        let o = request.syn_ack(&cx(&config, 0)).options;
        assert_eq!((o.wscale, o.sack_permitted, o.timestamp), (None, false, None));
        assert_eq!(request.mss_clamp, 536);
    }

    #[test]
    fn the_last_ack_makes_an_established_child_with_its_data() {
        let config = config();
        let mut request = request();
        let mut ack = seg(IRS + 1, ISS + 1, Flags::ACK.with(Flags::PSH));
        ack.payload = Payload::from_bytes(b"hello");
        assert_eq!(verdict(&mut request, 10_001, &ack), ReqVerdict::Complete);
        let cx = cx(&config, 10_001);
        let mut child = request.child(&Tcb::new_listen(&config), &cx);
        assert_eq!(child.state(), TcpState::SynReceived);
        let mut out = Actions::default();
        step(&mut child, TcpInput::SegmentArrives(&ack), &cx, &mut out);
        assert_eq!((child.state(), child.recv_q()), (TcpState::Established, 5));
        assert_eq!(child.snd_wnd(), 500 << 7);
        assert_eq!(child.srtt(), Some(Duration::from_millis(1)));
        assert_eq!(child.snd_mss(), 1_388);
        assert_eq!(out.segments.len(), 1, "data on a fresh connection is acknowledged at once");
    }

    #[test]
    fn syn_acks_go_out_at_1_3_7_15_31_s_and_end_at_63() {
        let config = config();
        let mut request = request();
        let queue = RequestQueue { len: 1, young: 1, backlog: 128, defer_accept: 0, syn_cnt: None };
        let start = Instant::from_nanos(10_000_000_000);
        let mut times = Vec::new();
        loop {
            let now = request.deadline;
            times.push(now.since(start).as_millis());
            let cx = TcpContext { now, clock: CLOCK, config: &config };
            match request.on_timeout(&queue, &cx, &mut Vec::new()) {
                ReqTimeout::Resend(segment) => assert_eq!(segment.seq, SeqNum(ISS)),
                ReqTimeout::Wait => panic!("no TCP_DEFER_ACCEPT"),
                ReqTimeout::Expired => break,
            }
        }
        assert_eq!(times.len(), 6);
        for (ms, s) in times.into_iter().zip([1, 3, 7, 15, 31, 63]) {
            assert!((s * 1_000..s * 1_000 + s * 60).contains(&ms), "{ms} for {s} s");
        }
    }

    #[test]
    fn a_crowded_queue_gives_up_sooner() {
        let config = config();
        let mut request = request();
        let queue = RequestQueue { len: 100, young: 0, backlog: 128, defer_accept: 0, syn_cnt: None };
        let cx = cx(&config, 20_000);
        let results: Vec<_> = (0..3).map(|_| request.on_timeout(&queue, &cx, &mut Vec::new())).collect();
        assert!(matches!(results[1], ReqTimeout::Resend(_)) && results[2] == ReqTimeout::Expired);
    }

    #[test]
    fn resets_are_exact_or_challenged() {
        // KERNEL-NOTES 5.
        assert_eq!(verdict(&mut request(), 10_001, &seg(IRS + 1, 0, Flags::RST)), ReqVerdict::Drop(None));
        assert!(
            matches!(verdict(&mut request(), 10_001, &seg(IRS + 2, 0, Flags::RST)), ReqVerdict::Reply(ack) if ack.flags == Flags::ACK)
        );
        assert_eq!(verdict(&mut request(), 10_001, &seg(IRS, 0, Flags::RST)), ReqVerdict::Ignore);
        // A wrong acknowledgment on it changes nothing.
        let rst_ack = Flags::RST.with(Flags::ACK);
        assert!(matches!(verdict(&mut request(), 10_001, &seg(IRS + 2, 7, rst_ack)), ReqVerdict::Reply(_)));
        assert_eq!(verdict(&mut request(), 10_001, &seg(IRS + 1, 7, rst_ack)), ReqVerdict::Drop(None));
    }

    #[test]
    fn what_does_not_complete_the_handshake() {
        // The SYN again draws the SYN-ACK again.
        assert!(matches!(verdict(&mut request(), 10_500, &syn()), ReqVerdict::Reply(again) if again.flags.syn()));
        // A wrong acknowledgment draws a reset.
        let wrong = verdict(&mut request(), 10_001, &seg(IRS + 1, ISS + 2, Flags::ACK));
        assert!(matches!(wrong, ReqVerdict::ListenerResets(Some(reset)) if reset.seq == SeqNum(ISS + 2)));
        // A SYN in the window ends it.
        let other = verdict(&mut request(), 10_001, &seg(IRS + 9, 0, Flags::SYN));
        assert!(matches!(other, ReqVerdict::Drop(Some(reset)) if reset.flags.rst()));
        // Neither ACK nor RST nor SYN: dropped.
        assert_eq!(verdict(&mut request(), 10_001, &seg(IRS + 1, 0, Flags::FIN)), ReqVerdict::Ignore);
    }

    #[test]
    fn a_full_accept_queue_keeps_or_resets() {
        let config = config();
        let ack = seg(IRS + 1, ISS + 1, Flags::ACK);
        let mut kept = request();
        assert_eq!(kept.overflow(&ack, &cx(&config, 1), &mut Vec::new()), ReqVerdict::Ignore);
        assert!(kept.acked);
        let abort = TcpConfig { tcp_abort_on_overflow: true, ..config };
        let dropped = request().overflow(&ack, &cx(&abort, 1), &mut Vec::new());
        assert!(matches!(dropped, ReqVerdict::Drop(Some(_))));
    }

    #[test]
    fn cookies_survive_a_minute_and_no_more() {
        let config = config();
        let jar = CookieJar { keys: [SipKey::new(1, 2), SipKey::new(3, 4)] };
        let listener = Tcb::new_listen(&config);
        let syn_ack = jar.syn_ack(setup(), &syn(), &listener, &cx(&config, 10_000));
        let (tsval, _) = syn_ack.options.timestamp.expect("timestamps were offered");
        let mut ack = seg(IRS + 1, 0, Flags::ACK);
        ack.ack = syn_ack.seq.add(1);
        ack.options.timestamp = Some((501, tsval));
        let request = jar.check(setup(), &ack, &listener, &cx(&config, 70_000)).expect("a minute old");
        assert_eq!((request.iss(), request.rcv_nxt()), (syn_ack.seq, SeqNum(IRS + 1)));
        assert_eq!((request.snd_wscale, request.sack_ok, request.mss_clamp), (7, true, 1_300));
        assert!(jar.check(setup(), &ack, &listener, &cx(&config, 130_000)).is_none());
        ack.ack = ack.ack.add(1 << 24);
        assert!(jar.check(setup(), &ack, &listener, &cx(&config, 10_000)).is_none());
    }
}
