//! Data and FIN that arrive (RFC 9293 §3.10.7.4 seventh and eighth check;
//! `tcp_data_queue`), and when to acknowledge them.

use core::hint::cold_path;

use super::{Run, close};
use crate::tcp::actions::SocketEvents;
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, OfoSegment, Tcb};
use crate::time::Duration;
use crate::trace::Mib;
use crate::wire::{Flags, Payload, SackBlock, Segment, SeqNum};

/// `TCP_ATO_MIN` and `TCP_DELACK_MIN` in ms.
pub(super) const ATO_MIN_MS: u16 = 40;
/// `TCP_DELACK_MAX` in ms.
const DELACK_MAX_MS: u16 = 200;
/// `TCP_MAX_QUICKACKS`.
const MAX_QUICKACKS: u32 = 16;

impl Tcb {
    /// `tcp_incr_quickack`.
    fn incr_quickack(&mut self) {
        let per_window = self.rcv_wnd / (2 * u32::from(self.rcv_mss.max(1)));
        let quick = if per_window == 0 { 2 } else { per_window.min(MAX_QUICKACKS) };
        self.quick = self.quick.max(u8::try_from(quick).expect("at most 16"));
    }

    /// `tcp_enter_quickack_mode`.
    pub(super) fn enter_quickack(&mut self, _run: &Run<'_, '_>) {
        self.incr_quickack();
        self.clear(Bits::PINGPONG);
        self.ato = ATO_MIN_MS;
    }

    /// `tcp_initialize_rcv_mss`.
    pub(super) fn initialize_rcv_mss(&mut self) {
        let hint = u32::from(self.advmss).min(self.snd_mss()).min(self.rcv_wnd / 2).clamp(88, 536);
        self.rcv_mss = u16::try_from(hint).expect("at most 536");
    }

    /// `tcp_dsack_set`: reports bytes received twice (RFC 2883).
    #[cold]
    #[inline(never)]
    pub(super) fn note_dsack(&mut self, left: SeqNum, right: SeqNum, run: &mut Run<'_, '_>) {
        if self.is(Bits::SACK_OK) && left != right {
            run.count(Mib::TCPDSACKOldSent);
            self.cold().dsack = Some(SackBlock { left, right });
        }
    }

    /// `tcp_measure_rcv_mss`.
    fn measure_rcv_mss(&mut self, len: u32, flags: Flags) {
        let last = u32::from(core::mem::take(&mut self.last_seg_size));
        if len >= u32::from(self.rcv_mss) {
            self.rcv_mss = u16::try_from(len.min(u32::from(self.advmss))).expect("advmss is 16 bits");
            if flags.has(Flags::PSH) {
                self.set(Bits::ACK_PUSHED);
            }
            return;
        }
        let header = if self.is(Bits::TS_OK) { 32 } else { 20 };
        let total = len + header;
        let remnant = flags.has(Flags::PSH) || flags.fin();
        if total >= 536 + 20 || (total >= 88 + 20 && !remnant) {
            self.last_seg_size = u16::try_from(len).unwrap_or(u16::MAX);
            if len == last {
                self.rcv_mss = self.last_seg_size;
                return;
            }
        }
        if self.is(Bits::ACK_PUSHED) {
            self.set(Bits::ACK_PUSHED2);
        }
        self.set(Bits::ACK_PUSHED);
    }

    /// `tcp_event_data_recv`: the delayed-ACK engine hears of data.
    fn event_data_recv(&mut self, len: u32, flags: Flags, run: &Run<'_, '_>) {
        self.set(Bits::ACK_SCHED);
        self.measure_rcv_mss(len, flags);
        let now = run.ms();
        if self.ato == 0 {
            // The first data: acknowledge quickly for a while.
            self.incr_quickack();
            self.ato = ATO_MIN_MS;
        } else {
            let gap = u16::try_from(now.wrapping_sub(self.lrcvtime)).unwrap_or(u16::MAX);
            if gap <= ATO_MIN_MS / 2 {
                self.ato = self.ato / 2 + ATO_MIN_MS / 2;
            } else {
                let rto = u16::try_from(self.rto_now(run).as_millis()).unwrap_or(u16::MAX);
                if gap < self.ato {
                    self.ato = (self.ato / 2 + gap).min(rto);
                } else if gap > rto {
                    self.incr_quickack();
                }
            }
        }
        self.lrcvtime = now;
        if len >= 128 {
            self.grow_window();
        }
    }

    /// `tcp_data_queue`.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn data_queue(&mut self, seg: &Segment, run: &mut Run<'_, '_>) {
        let (seq, end) = (seg.seq, seg.end_seq());
        if seq == end {
            return;
        }
        let window = self.rcv_wnd();
        if seq == self.rcv_nxt {
            if window == 0 && !seg.payload.is_empty() {
                cold_path();
                run.count(Mib::TCPZeroWindowDrop);
                self.out_of_window(run);
            } else {
                self.accept(seg, run);
            }
        } else if !end.after(self.rcv_nxt) {
            cold_path();
            // A retransmission: acknowledge at once.
            run.count(Mib::DelayedACKLost);
            self.note_dsack(seq, end, run);
            self.out_of_window(run);
        } else if !seq.before(self.rcv_nxt.add(window)) {
            cold_path();
            self.out_of_window(run);
        } else if seq.before(self.rcv_nxt) {
            cold_path();
            self.note_dsack(seq, self.rcv_nxt, run);
            if window == 0 {
                self.out_of_window(run);
            } else {
                self.accept(seg, run);
            }
        } else {
            self.queue_out_of_order(seg, run);
        }
    }

    #[cold]
    #[inline(never)]
    fn out_of_window(&mut self, run: &Run<'_, '_>) {
        self.enter_quickack(run);
        self.set(Bits::ACK_SCHED);
    }

    /// Takes in the part of `seg` from RCV.NXT on, then what waited behind it.
    #[inline]
    fn accept(&mut self, seg: &Segment, run: &mut Run<'_, '_>) {
        // A SYN in the sequence space (the SYN-ACK of a simultaneous open) has been dealt with.
        let data_seq = seg.seq.add(u32::from(seg.flags.syn()));
        let skip = if self.rcv_nxt.after(data_seq) { self.rcv_nxt.distance(data_seq) } else { 0 };
        self.receive(seg.payload.slice(skip, u32::MAX), seg.flags, run);
        if seg.flags.fin() {
            self.fin(run);
        } else if self.cold.as_ref().is_some_and(|cold| !cold.ofo.is_empty()) {
            cold_path();
            self.drain_out_of_order(run);
        }
    }

    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn receive(&mut self, payload: Payload, flags: Flags, run: &mut Run<'_, '_>) {
        let len = payload.len();
        if len == 0 {
            return;
        }
        self.rcv_nxt = self.rcv_nxt.add(len);
        self.rx.push(payload);
        self.event_data_recv(len, flags, run);
        run.notify(SocketEvents::READABLE);
    }

    /// `tcp_ofo_queue`.
    #[cold]
    #[inline(never)]
    fn drain_out_of_order(&mut self, run: &mut Run<'_, '_>) {
        loop {
            let nxt = self.rcv_nxt;
            let cold = self.cold();
            let Some(first) = cold.ofo.first() else { break };
            if first.seq.after(nxt) {
                break;
            }
            let segment = cold.ofo.remove(0);
            let skip = nxt.distance(segment.seq);
            let payload = segment.payload.slice(skip, u32::MAX);
            self.rcv_nxt = nxt.add(payload.len());
            self.rx.push(payload);
            if segment.fin {
                self.fin(run);
                break;
            }
        }
        if self.cold.as_ref().is_none_or(|cold| cold.ofo.is_empty()) {
            // RFC 5681 §4.2: acknowledge at once when a gap is filled.
            self.set(Bits::ACK_NOW);
        }
    }

    /// `tcp_data_queue_ofo`: keeps a segment for later; what overlaps is trimmed.
    #[cold]
    #[inline(never)]
    fn queue_out_of_order(&mut self, seg: &Segment, run: &mut Run<'_, '_>) {
        run.count(Mib::TCPOFOQueue);
        self.set(Bits::ACK_SCHED);
        let cold = self.cold();
        let mut new = OfoSegment { seq: seg.seq, payload: seg.payload.clone(), fin: seg.flags.fin() };
        let at = cold.ofo.partition_point(|other| other.seq.before(new.seq));
        if let Some(before) = at.checked_sub(1).map(|i| &cold.ofo[i])
            && before.end().after(new.seq)
        {
            if !new.end().after(before.end()) {
                self.enter_quickack(run);
                return;
            }
            let skip = before.end().distance(new.seq);
            new = OfoSegment { seq: before.end(), payload: new.payload.slice(skip, u32::MAX), fin: new.fin };
        }
        while let Some(after) = cold.ofo.get(at)
            && !after.end().after(new.end())
        {
            cold.ofo.remove(at);
        }
        if let Some(after) = cold.ofo.get(at)
            && new.end().after(after.seq)
        {
            let keep = after.seq.distance(new.seq);
            new.payload = new.payload.slice(0, keep);
            new.fin = false;
        }
        if new.seq != new.end() {
            cold.ofo.insert(at, new);
        }
        self.enter_quickack(run);
    }

    /// `tcp_fin` (RFC 9293 §3.10.7.4 eighth check).
    #[inline]
    fn fin(&mut self, run: &mut Run<'_, '_>) {
        self.rcv_nxt = self.rcv_nxt.add(1);
        self.set(Bits::ACK_SCHED.with(Bits::RCV_SHUTDOWN).with(Bits::FIN_RCVD));
        match self.state() {
            TcpState::Established => {
                self.enter(TcpState::CloseWait, Cause::FinArrived, run.out);
                // The application answers by closing: let the ACK wait for that.
                self.set(Bits::PINGPONG);
            }
            // A retransmitted FIN.
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck => {}
            TcpState::FinWait1 => {
                self.send_ack(run);
                self.enter(TcpState::Closing, Cause::FinArrived, run.out);
            }
            TcpState::FinWait2 => {
                self.send_ack(run);
                close::time_wait(self, TcpState::TimeWait, Duration::ZERO, Cause::FinArrived, run);
            }
            // No FIN gets here in these states: the ACK of our SYN comes first.
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived | TcpState::TimeWait => {}
        }
        // Nothing can come after it; what was to be reported is void (tcp_sack_reset).
        if let Some(cold) = &mut self.cold {
            cold.ofo.clear();
            cold.dsack = None;
        }
        run.notify(SocketEvents::READABLE);
        if self.is(Bits::SEND_SHUTDOWN) {
            run.notify(SocketEvents::HANGUP);
        }
    }

    /// `tcp_data_snd_check`, then `tcp_ack_snd_check`.
    #[inline]
    pub(super) fn answer(&mut self, run: &mut Run<'_, '_>) {
        if self.state() == TcpState::Closed {
            return;
        }
        self.push_pending(false, run);
        if !self.is(Bits::ACK_SCHED.with(Bits::ACK_NOW)) {
            return;
        }
        let beyond_mss = self.rcv_nxt.distance(self.rcv_wup) > u32::from(self.rcv_mss);
        // Or less than SO_RCVLOWAT unread, which is 1: then cleanup_rbuf has acknowledged.
        let window_advances = beyond_mss && self.window_wanted() >= self.rcv_wnd;
        let quick = self.quick > 0 && !self.is(Bits::PINGPONG);
        let gap = self.cold.as_ref().is_some_and(|cold| !cold.ofo.is_empty());
        if window_advances || quick || self.is(Bits::ACK_NOW) || gap {
            self.send_ack(run);
        } else {
            self.send_delayed_ack(run);
        }
    }

    /// `tcp_send_delayed_ack`.
    fn send_delayed_ack(&mut self, run: &mut Run<'_, '_>) {
        let mut ato = self.ato;
        if ato > ATO_MIN_MS {
            let quick_reader = self.is(Bits::PINGPONG.with(Bits::ACK_PUSHED));
            let mut most = if quick_reader { DELACK_MAX_MS } else { 500 };
            if self.srtt != 0 {
                let rtt = u16::try_from(self.srtt.div_ceil(8_000)).unwrap_or(u16::MAX);
                most = most.min(rtt.max(ATO_MIN_MS));
            }
            ato = ato.min(most);
        }
        let ato = Duration::from_millis(u64::from(ato.min(DELACK_MAX_MS)));
        let at = run.cx.clock.delack_expiry(run.now(), ato);
        if self.is(Bits::ACK_TIMER) {
            if self.delack_at <= run.now() + Duration::from_nanos(ato.nanos() / 4) {
                self.send_ack(run);
                return;
            }
            self.delack_at = self.delack_at.min(at);
        } else {
            self.delack_at = at;
        }
        self.set(Bits::ACK_SCHED.with(Bits::ACK_TIMER));
    }

    /// Schedules an ACK for the latest permissible moment (`tcp_rcv_synsent`
    /// with `TCP_DELACK_MAX`).
    pub(super) fn delay_first_ack(&mut self, run: &Run<'_, '_>) {
        self.set(Bits::ACK_SCHED.with(Bits::ACK_TIMER));
        self.enter_quickack(run);
        let most = Duration::from_millis(u64::from(DELACK_MAX_MS));
        self.delack_at = run.cx.clock.expiry(run.now(), most);
    }

    /// `tcp_cleanup_rbuf`: after a read of some bytes, acknowledge if the window or the peer wants it.
    pub(super) fn cleanup_rbuf(&mut self, run: &mut Run<'_, '_>) {
        let mut now = false;
        if self.is(Bits::ACK_SCHED) {
            let interactive = self.is(Bits::PINGPONG);
            let emptied = self.unread() == 0;
            now = self.rcv_nxt.distance(self.rcv_wup) > u32::from(self.rcv_mss)
                || (emptied && (self.is(Bits::ACK_PUSHED2) || (self.is(Bits::ACK_PUSHED) && !interactive)));
        }
        if !now && !self.is(Bits::RCV_SHUTDOWN) {
            let window = self.rcv_wnd();
            if 2 * window <= self.window_clamp() {
                let wanted = self.window_wanted();
                now = wanted != 0 && wanted >= 2 * window;
            }
        }
        if now {
            self.send_ack(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PSH: Flags = Flags(Flags::ACK.0 | Flags::PSH.0);
    const FIN: Flags = Flags(Flags::ACK.0 | Flags::FIN.0);

    /// RCV.MSS after segments of these lengths; it was 1,000 before.
    fn measured(lens: &[u32], flags: Flags, timestamps: bool) -> u16 {
        let mut tcb = Tcb::default();
        tcb.rcv_mss = 1_000;
        tcb.advmss = 1_460;

        tcb.assign(Bits::TS_OK, timestamps);
        for &len in lens {
            tcb.measure_rcv_mss(len, flags);
        }
        tcb.rcv_mss
    }

    /// `tcp_measure_rcv_mss`: two of one length are full ones if they are of 536 bytes, or of 88 without PSH and FIN
    /// (headers with timestamps count 12 more).
    #[test]
    fn two_segments_of_one_length_are_full_ones() {
        for (len, flags, timestamps, counts) in [
            (600, Flags::ACK, false, true),
            (536, PSH, false, true),
            (535, PSH, false, false),
            (88, Flags::ACK, false, true),
            (87, Flags::ACK, false, false),
            (88, PSH, false, false),
            (88, FIN, false, false),
            (524, PSH, true, true),
            (523, PSH, true, false),
            (76, Flags::ACK, true, true),
            (75, Flags::ACK, true, false),
        ] {
            let found = measured(&[len, len], flags, timestamps);
            assert_eq!(u32::from(found) == len, counts, "{len} {flags} {timestamps}: {found}");
            assert_eq!(measured(&[len], flags, timestamps), 1_000, "one is none");
        }
        assert_eq!(measured(&[600, 601], Flags::ACK, false), 1_000);
        assert_eq!(measured(&[600, 601, 601], Flags::ACK, false), 601);
        // What is larger counts at once, up to the MSS announced.
        assert_eq!((measured(&[1_200], PSH, false), measured(&[2_000], PSH, false)), (1_200, 1_460));
    }

    #[test]
    fn the_first_estimate_is_half_the_window_at_most() {
        let hint = |advmss, mss_clamp, rcv_wnd| {
            let mut tcb = Tcb::default();
            tcb.advmss = advmss;
            tcb.mss_clamp = mss_clamp;
            tcb.rcv_wnd = rcv_wnd;

            tcb.initialize_rcv_mss();
            tcb.rcv_mss
        };
        assert_eq!([hint(1_460, 1_460, 64_240), hint(300, 1_460, 64_240), hint(1_460, 300, 64_240)], [536, 300, 300]);
        assert_eq!([hint(1_460, 1_460, 901), hint(1_460, 1_460, 100)], [450, 88]);
    }

    /// `tcp_incr_quickack`: as many as the window holds pairs of segments, two at least, sixteen at most.
    #[test]
    fn quick_acks_are_as_many_as_the_window_takes() {
        let quick = |rcv_wnd, already| {
            let mut tcb = Tcb::default();
            tcb.rcv_wnd = rcv_wnd;
            tcb.rcv_mss = 536;
            tcb.quick = already;

            tcb.incr_quickack();
            tcb.quick
        };
        assert_eq!([quick(64_240, 0), quick(5_000, 0), quick(1_071, 0), quick(1_072, 0)], [16, 4, 2, 1]);
        assert_eq!(quick(5_000, 9), 9);
    }
}
