//! Minisocks: what is left of a connection in TIME_WAIT, or of an orphan's in
//! FIN_WAIT2 (Linux `struct tcp_timewait_sock`, net/ipv4/tcp_minisocks.c).

use crate::tcp::machine::ms32;
use crate::tcp::tcb::{Tcb, seconds};
use crate::tcp::timers::TIMEWAIT_LEN;
use crate::tcp::{TcpContext, TcpState};
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::units::FourTuple;
use crate::wire::{Flags, Segment, SeqNum, TcpOptions, reset_for};

/// A minisock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimeWaitSock {
    /// When it dies; [`TimeWaitSock::process`] may move it.
    pub expires: Instant,
    /// The connection.
    pub tuple: FourTuple,
    rcv_nxt: SeqNum,
    snd_nxt: SeqNum,
    rcv_wnd: u32,
    ts_offset: u32,
    ts_recent: u32,
    /// Second `ts_recent` was stored; 0: no timestamps.
    ts_recent_stamp: u32,
    /// When the minisock was made, in ms modulo 2³².
    entry_stamp: u32,
    /// When an out-of-window segment was last answered, in ms; 0 for never.
    last_oow_ack: u32,
    rcv_wscale: u8,
    fin_wait2: bool,
    /// Made, or last armed, for at most [`SHORT_WAIT`].
    short: bool,
}

/// Up to here a minisock counts as killed early (`4 * HZ` in `__inet_twsk_schedule`).
const SHORT_WAIT: Duration = Duration::from_secs(4);

/// What to do about a segment that met a minisock. `rearmed` says that
/// [`TimeWaitSock::expires`] has moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TwVerdict {
    /// Nothing to send.
    Ignore {
        /// `expires` has moved.
        rearmed: bool,
    },
    /// Send this acknowledgment.
    Ack {
        /// The acknowledgment.
        segment: Segment,
        /// `expires` has moved.
        rearmed: bool,
        /// A FIN turned FIN_WAIT2 into TIME_WAIT.
        entered_time_wait: bool,
    },
    /// The segment was a reset: free the minisock.
    Kill,
    /// Data for a closed receiver: send this reset and free the minisock.
    Reset(Segment),
    /// A newer SYN (`TCP_TW_SYN`): if a listener has the port, free the
    /// minisock and let the SYN open a new connection with this initial
    /// sequence number; else send the acknowledgment.
    Reopen {
        /// Initial sequence number of the new connection.
        iss: SeqNum,
        /// What to send where nobody listens.
        otherwise: Segment,
    },
}

/// What the new connection inherits from a minisock it replaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TwSuccessor {
    /// Initial sequence number, far above the old connection's.
    pub iss: SeqNum,
    /// For [`Tcb::inherit_timewait`].
    pub ts_recent: u32,
    /// For [`Tcb::inherit_timewait`].
    pub ts_recent_stamp: u32,
}

/// `tcp_in_window`: inside, or an empty segment at the right edge.
pub(crate) fn in_window(seq: SeqNum, end: SeqNum, from: SeqNum, to: SeqNum) -> bool {
    seq == from || (end.after(from) && seq.before(to)) || (seq == to && seq == end)
}

impl TimeWaitSock {
    /// The minisock of a connection that asked for one
    /// ([`crate::tcp::Fate::TimeWait`]), alive for `wait` as the timer wheel has it.
    #[must_use]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn new(tuple: FourTuple, tcb: &Tcb, substate: TcpState, wait: Duration, cx: &TcpContext<'_>) -> Self {
        let (ts_recent, ts_recent_stamp) = if tcb.timestamps_ok() { tcb.ts_recent() } else { (0, 0) };
        Self {
            expires: cx.clock.expiry(cx.now, wait),
            tuple,
            rcv_nxt: tcb.rcv_nxt(),
            snd_nxt: tcb.snd_nxt(),
            rcv_wnd: tcb.rcv_wnd(),
            ts_offset: tcb.ts_offset(),
            ts_recent,
            ts_recent_stamp,
            entry_stamp: ms32(cx.now),
            last_oow_ack: 0,
            rcv_wscale: tcb.wscale().1,
            fin_wait2: substate == TcpState::FinWait2,
            short: wait <= SHORT_WAIT,
        }
    }

    /// The counter it belongs to: `TWKilled` if it was made for at most four
    /// seconds, else `TW` (`__inet_twsk_schedule`).
    #[must_use]
    pub const fn counter(&self) -> Mib {
        if self.short { Mib::TWKilled } else { Mib::TW }
    }

    /// [`TcpState::FinWait2`] or [`TcpState::TimeWait`].
    #[must_use]
    pub const fn substate(&self) -> TcpState {
        if self.fin_wait2 { TcpState::FinWait2 } else { TcpState::TimeWait }
    }

    /// RCV.NXT of the dead connection.
    #[must_use]
    pub const fn rcv_nxt(&self) -> SeqNum {
        self.rcv_nxt
    }

    /// SND.NXT of the dead connection.
    #[must_use]
    pub const fn snd_nxt(&self) -> SeqNum {
        self.snd_nxt
    }

    /// The initial sequence number that is safe for a successor.
    const fn next_iss(&self) -> SeqNum {
        let iss = self.snd_nxt.add(65_535 + 2);
        if iss.0 == 0 { SeqNum(1) } else { iss }
    }

    /// `tcp_v4_timewait_ack`.
    fn ack(&self, cx: &TcpContext<'_>) -> Segment {
        let timestamp =
            (self.ts_recent_stamp != 0).then(|| (ms32(cx.now).wrapping_add(self.ts_offset), self.ts_recent));
        Segment {
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: u16::try_from(self.rcv_wnd >> self.rcv_wscale).unwrap_or(u16::MAX),
            options: TcpOptions { timestamp, ..TcpOptions::default() },
            ..Segment::default()
        }
    }

    fn rearm(&mut self, cx: &TcpContext<'_>) {
        self.expires = cx.clock.expiry(cx.now, TIMEWAIT_LEN);
    }

    fn store_ts(&mut self, seg: &Segment, cx: &TcpContext<'_>) {
        if self.ts_recent_stamp != 0
            && let Some((tsval, _)) = seg.options.timestamp
        {
            self.ts_recent = tsval;
            self.ts_recent_stamp = seconds(cx.now);
        }
    }

    /// `tcp_paws_reject`.
    fn paws_reject(&self, seg: &Segment, cx: &TcpContext<'_>) -> bool {
        /// `TCP_PAWS_MSL`: a reset is believed again after a minute.
        const PAWS_MSL_S: u32 = 60;
        let Some((tsval, _)) = seg.options.timestamp.filter(|_| self.ts_recent_stamp != 0) else { return false };
        let age = seconds(cx.now).wrapping_sub(self.ts_recent_stamp);
        let old = self.ts_recent.wrapping_sub(tsval).cast_signed() > 0;
        old && self.ts_recent != 0 && !(seg.flags.rst() && age >= PAWS_MSL_S)
    }

    /// `tcp_timewait_check_oow_rate_limit`.
    fn answer(&mut self, seg: &Segment, mib: Mib, rearmed: bool, cx: &TcpContext<'_>, out: &mut Vec<Mib>) -> TwVerdict {
        if seg.seq_len() == 0 || seg.flags.syn() {
            let now = ms32(cx.now);
            let elapsed = u64::from(now.wrapping_sub(self.last_oow_ack));
            if self.last_oow_ack != 0 && elapsed < cx.config.tcp_invalid_ratelimit.as_millis() {
                out.push(mib);
                return TwVerdict::Ignore { rearmed };
            }
            self.last_oow_ack = now.max(1);
        }
        TwVerdict::Ack { segment: self.ack(cx), rearmed, entered_time_wait: false }
    }

    /// `tcp_timewait_state_process` (RFC 9293 §3.10.7.4, RFC 1337, RFC 6191).
    pub fn process(&mut self, seg: &Segment, cx: &TcpContext<'_>, counters: &mut Vec<Mib>) -> TwVerdict {
        let paws_reject = self.paws_reject(seg, cx);
        if self.fin_wait2 {
            self.process_fin_wait2(seg, paws_reject, cx, counters)
        } else {
            self.process_time_wait(seg, paws_reject, cx, counters)
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn process_fin_wait2(
        &mut self,
        seg: &Segment,
        paws_reject: bool,
        cx: &TcpContext<'_>,
        counters: &mut Vec<Mib>,
    ) -> TwVerdict {
        let (seq, end) = (seg.seq, seg.end_seq());
        if paws_reject || !in_window(seq, end, self.rcv_nxt, self.rcv_nxt.add(self.rcv_wnd)) {
            return self.answer(seg, Mib::TCPACKSkippedFinWait2, false, cx, counters);
        }
        if seg.flags.rst() {
            return TwVerdict::Kill;
        }
        if seg.flags.syn() && !seq.before(self.rcv_nxt) {
            return reset_or_kill(seg, counters);
        }
        if !seg.flags.ack() || !end.after(self.rcv_nxt) || end == seq {
            return TwVerdict::Ignore { rearmed: false };
        }
        // Only the FIN itself is welcome: data after close() draws a reset.
        if !seg.flags.fin() || end != self.rcv_nxt.add(1) {
            return reset_or_kill(seg, counters);
        }
        (self.fin_wait2, self.short) = (false, false);
        self.rcv_nxt = end;
        self.store_ts(seg, cx);
        self.rearm(cx);
        TwVerdict::Ack { segment: self.ack(cx), rearmed: true, entered_time_wait: true }
    }

    fn process_time_wait(
        &mut self,
        seg: &Segment,
        paws_reject: bool,
        cx: &TcpContext<'_>,
        counters: &mut Vec<Mib>,
    ) -> TwVerdict {
        let flags = seg.flags;
        if !paws_reject && seg.seq == self.rcv_nxt && (seg.seq_len() == 0 || flags.rst()) {
            let mut rearmed = false;
            if flags.rst() {
                // TIME-WAIT assassination (RFC 1337), allowed unless tcp_rfc1337=1 (KERNEL-NOTES 12).
                if !cx.config.tcp_rfc1337 {
                    return TwVerdict::Kill;
                }
            } else {
                self.rearm(cx);
                rearmed = true;
            }
            self.store_ts(seg, cx);
            return TwVerdict::Ignore { rearmed };
        }
        let newer_ts = seg.options.timestamp.is_some_and(|(tsval, _)| {
            self.ts_recent_stamp != 0 && self.ts_recent.wrapping_sub(tsval).cast_signed() < 0
        });
        if flags.syn() && !flags.rst() && !flags.ack() && !paws_reject && (seg.seq.after(self.rcv_nxt) || newer_ts) {
            return TwVerdict::Reopen { iss: self.next_iss(), otherwise: self.ack(cx) };
        }
        if paws_reject {
            counters.push(Mib::PAWSEstab);
        }
        if flags.rst() {
            return TwVerdict::Ignore { rearmed: false };
        }
        let rearmed = paws_reject || flags.ack();
        if rearmed {
            self.rearm(cx);
        }
        self.answer(seg, Mib::TCPACKSkippedTimeWait, rearmed, cx, counters)
    }

    /// What a connection that takes the tuple over begins with
    /// (`tcp_twsk_unique`); `None` if no timestamps were seen, which forbids it.
    #[must_use]
    pub fn successor(&self) -> Option<TwSuccessor> {
        (self.ts_recent_stamp != 0).then(|| TwSuccessor {
            iss: self.next_iss(),
            ts_recent: self.ts_recent,
            ts_recent_stamp: self.ts_recent_stamp,
        })
    }
}

/// The reset of `TCP_TW_RST`; the minisock goes in any case.
fn reset_or_kill(seg: &Segment, counters: &mut Vec<Mib>) -> TwVerdict {
    match reset_for(seg) {
        Some(reset) => {
            counters.push(Mib::OutRsts);
            TwVerdict::Reset(reset)
        }
        None => TwVerdict::Kill,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::machine::tests::{CLOCK, config, tuple};
    use crate::tcp::tcb::ChildInit;
    use crate::wire::Payload;

    const IRS: u32 = 5_000;
    const ISS: u32 = 9_000;

    fn cx(config: &crate::tcp::TcpConfig, seconds: u64) -> TcpContext<'_> {
        TcpContext { now: Instant::from_nanos(seconds * 1_000_000_000), clock: CLOCK, config }
    }

    fn minisock(substate: TcpState, timestamps: bool) -> TimeWaitSock {
        let config = config();
        let init = ChildInit {
            iss: SeqNum(ISS - 1),
            irs: SeqNum(IRS - 1),
            advmss: 1_460,
            mss_clamp: 1_460,
            rcv_wnd: 65_535,
            rcv_wscale: 0,
            snd_wscale: 0,
            wscale_ok: false,
            sack_ok: false,
            ts_recent: timestamps.then_some(1_000),
            ts_offset: 0,
            synack_sent_us: None,
        };
        let cx = cx(&config, 100);
        let tcb = Tcb::from_request(&init, &Tcb::new_listen(&config), &cx);
        TimeWaitSock::new(tuple(), &tcb, substate, TIMEWAIT_LEN, &cx)
    }

    fn seg(seq: u32, flags: Flags, len: u32) -> Segment {
        let ack = if flags.ack() { SeqNum(ISS) } else { SeqNum(0) };
        Segment { seq: SeqNum(seq), ack, flags, payload: Payload::opaque(len), ..Segment::default() }
    }

    fn verdict(tw: &mut TimeWaitSock, seconds: u64, segment: &Segment) -> TwVerdict {
        let config = config();
        tw.process(segment, &cx(&config, seconds), &mut Vec::new())
    }

    const ACK: Flags = Flags::ACK;
    const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
    const SYN_FIN: Flags = Flags(Flags::SYN.0 | Flags::FIN.0);
    const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);

    #[test]
    fn it_is_small() {
        assert!(size_of::<TimeWaitSock>() <= 64, "{}", size_of::<TimeWaitSock>());
    }

    // ------------------------------------------------------------ FIN_WAIT2

    #[test]
    fn fin_wait_2_waits_for_the_fin_alone() {
        let mut tw = minisock(TcpState::FinWait2, false);
        assert_eq!((tw.rcv_nxt(), tw.snd_nxt()), (SeqNum(IRS), SeqNum(ISS)));
        assert_eq!(verdict(&mut tw, 101, &seg(IRS, ACK, 0)), TwVerdict::Ignore { rearmed: false });
        assert_eq!(verdict(&mut tw, 101, &seg(IRS, Flags::FIN, 0)), TwVerdict::Ignore { rearmed: false });
        let born = tw.expires;
        let TwVerdict::Ack { segment, rearmed: true, entered_time_wait: true } =
            verdict(&mut tw, 130, &seg(IRS, FIN_ACK, 0))
        else {
            panic!("the FIN is acknowledged");
        };
        assert_eq!((segment.ack, segment.seq, segment.flags), (SeqNum(IRS + 1), SeqNum(ISS), ACK));
        assert_eq!(tw.substate(), TcpState::TimeWait);
        assert!(tw.expires > born);
    }

    #[test]
    fn fin_wait_2_resets_data() {
        let mut tw = minisock(TcpState::FinWait2, false);
        assert!(
            matches!(verdict(&mut tw, 101, &seg(IRS, ACK, 5)), TwVerdict::Reset(reset) if reset.seq == SeqNum(ISS))
        );
        assert!(matches!(verdict(&mut tw, 101, &seg(IRS, FIN_ACK, 5)), TwVerdict::Reset(_)));
        assert_eq!(verdict(&mut tw, 101, &seg(IRS + 10, Flags::RST, 0)), TwVerdict::Kill);
    }

    #[test]
    fn fin_wait_2_answers_what_is_out_of_window_at_the_rate_limit() {
        let mut tw = minisock(TcpState::FinWait2, false);
        assert!(matches!(verdict(&mut tw, 101, &seg(IRS - 10, ACK, 0)), TwVerdict::Ack { rearmed: false, .. }));
        assert_eq!(verdict(&mut tw, 101, &seg(IRS - 10, ACK, 0)), TwVerdict::Ignore { rearmed: false });
        assert!(matches!(verdict(&mut tw, 102, &seg(IRS - 10, ACK, 0)), TwVerdict::Ack { .. }));
    }

    // ------------------------------------------------------------ TIME_WAIT

    #[test]
    fn an_exact_reset_ends_time_wait_unless_rfc_1337() {
        // KERNEL-NOTES 12.
        let mut tw = minisock(TcpState::TimeWait, false);
        assert_eq!(verdict(&mut tw, 101, &seg(IRS, Flags::RST, 0)), TwVerdict::Kill);
        assert_eq!(verdict(&mut tw, 101, &seg(IRS + 1, Flags::RST, 0)), TwVerdict::Ignore { rearmed: false });
        let careful = crate::tcp::TcpConfig { tcp_rfc1337: true, ..config() };
        let kept = tw.process(&seg(IRS, Flags::RST, 0), &cx(&careful, 101), &mut Vec::new());
        assert_eq!(kept, TwVerdict::Ignore { rearmed: false });
    }

    #[test]
    fn a_fin_without_ack_is_acknowledged_at_once() {
        // KERNEL-NOTES 13.
        let mut tw = minisock(TcpState::TimeWait, false);
        for _ in 0..3 {
            assert!(matches!(
                verdict(&mut tw, 101, &seg(IRS - 1, Flags::FIN, 0)),
                TwVerdict::Ack { rearmed: false, .. }
            ));
        }
        assert!(matches!(verdict(&mut tw, 101, &seg(IRS - 1, FIN_ACK, 0)), TwVerdict::Ack { rearmed: true, .. }));
    }

    #[test]
    fn only_a_newer_syn_reopens() {
        // KERNEL-NOTES 14.
        let reopens = |seq, flags| {
            let mut tw = minisock(TcpState::TimeWait, false);
            matches!(verdict(&mut tw, 101, &seg(seq, flags, 0)), TwVerdict::Reopen { iss, .. } if iss == SeqNum(ISS + 65_537))
        };
        assert!(reopens(IRS + 1, Flags::SYN));
        assert!(reopens(IRS + 1, SYN_FIN));
        assert!(!reopens(IRS, Flags::SYN));
        assert!(!reopens(IRS - 1, Flags::SYN));
        assert!(!reopens(IRS + 1, SYN_ACK));
        // With a newer timestamp the sequence number does not matter (RFC 6191).
        let mut tw = minisock(TcpState::TimeWait, true);
        let mut syn = seg(IRS - 500, Flags::SYN, 0);
        syn.options.timestamp = Some((1_001, 0));
        assert!(matches!(verdict(&mut tw, 101, &syn), TwVerdict::Reopen { .. }));
        syn.options.timestamp = Some((999, 0));
        assert!(matches!(verdict(&mut tw, 101, &syn), TwVerdict::Ack { rearmed: true, .. }));
    }

    #[test]
    fn an_exact_ack_starts_the_minute_anew() {
        let mut tw = minisock(TcpState::TimeWait, false);
        assert_eq!(verdict(&mut tw, 101, &seg(IRS, ACK, 0)), TwVerdict::Ignore { rearmed: true });
        assert!(matches!(verdict(&mut tw, 101, &seg(IRS, ACK, 1)), TwVerdict::Ack { rearmed: true, .. }));
    }

    // ------------------------------------------------------------ both

    #[test]
    fn an_empty_segment_may_stand_at_the_right_edge() {
        let inside = |seq, end| in_window(SeqNum(seq), SeqNum(end), SeqNum(10), SeqNum(20));
        assert!(inside(10, 10) && inside(9, 11) && inside(19, 21) && inside(20, 20));
        assert!(!inside(20, 21) && !inside(21, 21) && !inside(9, 9) && !inside(5, 10));
    }

    #[test]
    fn timestamps_are_kept_and_answered() {
        let mut tw = minisock(TcpState::FinWait2, true);
        let mut fin = seg(IRS, FIN_ACK, 0);
        fin.options.timestamp = Some((1_005, 0));
        let TwVerdict::Ack { segment, .. } = verdict(&mut tw, 101, &fin) else { panic!("the FIN is acknowledged") };
        assert_eq!(segment.options.timestamp, Some((101_000, 1_005)));
        assert_eq!(tw.successor().map(|next| (next.ts_recent, next.ts_recent_stamp)), Some((1_005, 102)));
    }

    #[test]
    fn the_rate_limit_ends_after_just_its_time() {
        let (config, out_of_window) = (config(), seg(IRS - 10, ACK, 0));
        let mut tw = minisock(TcpState::FinWait2, false);
        let mut at = |ms: u64| {
            let cx = TcpContext { now: Instant::from_nanos(ms * 1_000_000), ..cx(&config, 0) };
            matches!(tw.process(&out_of_window, &cx, &mut Vec::new()), TwVerdict::Ack { .. })
        };
        assert_eq!([101_000, 101_499, 101_500].map(&mut at), [true, false, true]);
    }

    // ------------------------------------------------------------ reuse

    /// T3: without timestamps a tuple in TIME_WAIT is never taken over.
    #[test]
    fn only_timestamps_allow_a_successor() {
        let reuse = minisock(TcpState::TimeWait, true).successor().expect("timestamps were seen");
        assert_eq!(reuse.iss, minisock(TcpState::TimeWait, true).snd_nxt().add(65_537));
        assert_eq!(minisock(TcpState::TimeWait, false).successor(), None);
    }

    /// In FIN_WAIT2 an empty segment at the right edge is none of its business.
    #[test]
    fn fin_wait_2_ignores_an_empty_segment_at_the_right_edge() {
        let mut tw = minisock(TcpState::FinWait2, false);
        assert_eq!(verdict(&mut tw, 101, &seg(IRS + 65_535, ACK, 0)), TwVerdict::Ignore { rearmed: false });
    }

    /// `TCP_PAWS_MSL`: an old timestamp protects from a reset for a minute.
    #[test]
    fn a_reset_with_an_old_timestamp_is_believed_after_a_minute() {
        let mut reset = seg(IRS, Flags::RST, 0);
        reset.options.timestamp = Some((999, 0));
        let mut tw = minisock(TcpState::TimeWait, true);
        assert_eq!(verdict(&mut tw, 159, &reset), TwVerdict::Ignore { rearmed: false });
        assert_eq!(verdict(&mut tw, 160, &reset), TwVerdict::Kill);
        // An ACK with it is refused however old.
        let mut ack = seg(IRS, ACK, 0);
        ack.options.timestamp = Some((999, 0));
        assert!(matches!(verdict(&mut tw, 300, &ack), TwVerdict::Ack { .. }));
    }

    /// What is no SYN opens nothing, wherever it stands.
    #[test]
    fn only_a_syn_reopens() {
        for flags in [Flags::FIN, Flags::NONE, Flags::PSH] {
            let mut tw = minisock(TcpState::TimeWait, false);
            let found = verdict(&mut tw, 101, &seg(IRS + 1, flags, 1));
            assert!(!matches!(found, TwVerdict::Reopen { .. }), "{flags}: {found:?}");
        }
    }

    #[test]
    fn the_window_is_scaled_as_the_connection_was() {
        let tw = TimeWaitSock { rcv_wnd: 640_000, rcv_wscale: 4, ..minisock(TcpState::TimeWait, false) };
        let config = config();
        assert_eq!(tw.ack(&cx(&config, 101)).window, 40_000);
    }
}
