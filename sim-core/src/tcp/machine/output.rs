//! Sending (Linux net/ipv4/tcp_output.c).

use core::hint::cold_path;

use super::{Run, ms32};
use crate::tcp::state::TcpState;
use crate::tcp::tcb::{Bits, Skb, SkbFlags, Tcb, join};
use crate::time::Instant;
use crate::trace::Mib;
use crate::wire::{Flags, Payload, SackBlock, Segment, SeqNum, TcpOptions, reset_for};

/// Answers `seg` with a reset, if it is not one itself.
#[cold]
#[inline(never)]
pub(super) fn send_reset(seg: &Segment, run: &mut Run<'_, '_>) {
    if let Some(reset) = reset_for(seg) {
        run.count(Mib::OutRsts);
        run.out.segments.push(reset);
    }
}

/// What to send again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Resend {
    /// The oldest segment, joined with small ones after it.
    Head,
    /// The newest one in flight.
    Tail,
}

impl Tcb {
    /// SND.UNA + SND.WND.
    pub(super) const fn wnd_end(&self) -> SeqNum {
        self.snd_una.add(self.snd_wnd)
    }

    /// `tcp_acceptable_seq`: the sequence number of a segment without data.
    fn acceptable_seq(&self) -> SeqNum {
        let beyond = self.snd_nxt.distance(self.wnd_end());
        if !self.wnd_end().before(self.snd_nxt) || beyond < 1 << self.rcv_wscale() {
            self.snd_nxt
        } else {
            self.wnd_end()
        }
    }

    #[inline]
    fn established_options(&mut self, run: &Run<'_, '_>) -> TcpOptions {
        let timestamp = self.is(Bits::TS_OK).then(|| (self.tsval(run.now()), self.ts_recent));
        let first_gap = self.cold.as_ref().and_then(|cold| {
            cold.ofo.first().map(|first| {
                let mut right = first.end();
                for next in &cold.ofo[1..] {
                    if next.seq == right {
                        right = next.end();
                    }
                }
                SackBlock { left: first.seq, right }
            })
        });
        let dsack = self.cold.as_mut().and_then(|cold| cold.dsack.take());
        let sack = if self.is(Bits::SACK_OK) { dsack.or(first_gap) } else { None };
        TcpOptions { timestamp, sack, ..TcpOptions::default() }
    }

    /// Our timestamp at `now`.
    pub(super) const fn tsval(&self, now: Instant) -> u32 {
        ms32(now).wrapping_add(self.ts_offset)
    }

    /// `tcp_syn_options`: what our SYN offers (also repeated on the SYN-ACK of
    /// a simultaneous open).
    fn syn_options(&self, run: &Run<'_, '_>) -> TcpOptions {
        let config = run.cx.config;
        TcpOptions {
            mss: Some(self.advmss),
            wscale: config.tcp_window_scaling.then_some(self.rcv_wscale()),
            sack_permitted: config.tcp_sack,
            timestamp: config.tcp_timestamps.then(|| (self.tsval(run.now()), self.ts_recent)),
            sack: None,
        }
    }

    /// Sends a SYN, or the SYN-ACK of a simultaneous open.
    pub(super) fn send_syn(&mut self, run: &mut Run<'_, '_>) {
        let reply = self.state() != TcpState::SynSent;
        let window = u16::try_from(self.rcv_wnd.min(65_535)).expect("capped");
        run.out.segments.push(Segment {
            seq: self.snd_una,
            ack: if reply { self.rcv_nxt } else { SeqNum(0) },
            flags: if reply { Flags::SYN.with(Flags::ACK) } else { Flags::SYN },
            window,
            options: self.syn_options(run),
            ..Segment::default()
        });
        self.ctl_sent = run.us();
        if reply {
            self.ack_sent(run);
        }
    }

    /// `__tcp_transmit_skb` after the handshake.
    fn transmit(&mut self, seq: SeqNum, flags: Flags, payload: Payload, run: &mut Run<'_, '_>) {
        let window = self.select_window(run);
        let options = self.established_options(run);
        let data = !payload.is_empty();
        run.out.segments.push(Segment {
            seq,
            ack: self.rcv_nxt,
            flags: flags.with(Flags::ACK),
            window,
            options,
            payload,
            ..Segment::default()
        });
        self.ack_sent(run);
        if data && run.ms().wrapping_sub(self.lrcvtime) < u32::from(self.ato) {
            // tcp_event_data_sent: a reply soon after data makes the session interactive.
            self.set(Bits::PINGPONG);
        }
    }

    /// `tcp_event_ack_sent`.
    #[inline]
    fn ack_sent(&mut self, _run: &mut Run<'_, '_>) {
        if self.quick > 0 && self.is(Bits::ACK_SCHED) {
            self.quick -= 1;
            if self.quick == 0 {
                self.ato = super::data::ATO_MIN_MS;
            }
        }
        self.clear(Bits::ACK_ANY);
        self.delack_at = Instant::MAX;
    }

    /// `tcp_send_ack`.
    pub(super) fn send_ack(&mut self, run: &mut Run<'_, '_>) {
        self.transmit(self.acceptable_seq(), Flags::ACK, Payload::EMPTY, run);
    }

    /// `tcp_send_active_reset`.
    #[cold]
    #[inline(never)]
    pub(super) fn send_active_reset(&mut self, run: &mut Run<'_, '_>) {
        run.count(Mib::OutRsts);
        self.transmit(self.acceptable_seq(), Flags::RST, Payload::EMPTY, run);
    }

    /// `tcp_xmit_probe_skb`: an ACK one below SND.UNA, which must be answered.
    #[cold]
    #[inline(never)]
    fn send_probe(&mut self, run: &mut Run<'_, '_>) {
        self.transmit(self.snd_una.sub(1), Flags::ACK, Payload::EMPTY, run);
    }

    /// `tcp_send_fin`: the FIN rides on data still waiting, else goes alone.
    pub(super) fn send_fin(&mut self, run: &mut Run<'_, '_>) {
        let rides = self.cold.as_ref().is_some_and(|cold| cold.tx.len() > cold.sent);
        self.set(Bits::FIN_QUEUED);
        self.assign(Bits::FIN_MERGED, rides);
        self.write_seq = self.write_seq.add(1);
        self.push_pending(true, run);
    }

    /// `__tcp_push_pending_frames`.
    #[inline]
    pub(super) fn push_pending(&mut self, nagle_off: bool, run: &mut Run<'_, '_>) {
        if self.state() == TcpState::Closed || !self.has_unsent() {
            return;
        }
        self.write_xmit(nagle_off, false, run);
        // tcp_check_probe_timer: with nothing in flight nothing was sent.
        if self.packets_out() == 0 && self.xmit_at == Instant::MAX {
            cold_path();
            let base = self.probe0_base(run);
            self.arm_probe0(base, run);
        }
    }

    /// Segments in flight that are neither lost nor selectively acknowledged.
    fn in_flight(&self) -> u32 {
        let data = self.cold.as_ref().map_or(0, |cold| if cold.marked { cold.unmarked() } else { cold.sent });
        u32::try_from(data).unwrap_or(u32::MAX) + u32::from(self.ctl_out() && !self.is(Bits::CTL_LOST))
    }

    /// `tcp_nagle_test` with Minshall's rule: may the segment of `len` bytes go now?
    fn nagle_lets(&self, len: u32, mss: u32, last: bool, nagle_off: bool) -> bool {
        if !last || nagle_off || self.is(Bits::NODELAY) || len >= mss || self.is(Bits::FIN_MERGED) {
            return true;
        }
        let Some(cold) = &self.cold else { return true };
        let small_unacked = cold.snd_sml.after(self.snd_una) && !cold.snd_sml.after(self.snd_nxt);
        self.packets_out() == 0 || !small_unacked
    }

    /// `tcp_write_xmit`: sends what window, congestion window and Nagle allow;
    /// just one segment for a loss probe.
    pub(super) fn write_xmit(&mut self, nagle_off: bool, one: bool, run: &mut Run<'_, '_>) {
        let mss = self.snd_mss();
        let mut sent_any = false;
        // Whether tcp_event_new_data_sent would rearm the timer.
        let rearm = self.packets_out() == 0 || self.is(Bits::XMIT_TLP);
        while self.has_unsent() && (one || self.in_flight() < u32::from(self.cwnd)) {
            if one && sent_any {
                break;
            }
            let unsent =
                self.cold.as_ref().and_then(|cold| cold.tx.get(cold.sent).map(|skb| (skb.seq, skb.payload.len())));
            let Some((seq, len)) = unsent else {
                // Only the FIN is left.
                if self.snd_nxt.add(1).after(self.wnd_end()) {
                    break;
                }
                self.send_bare_fin(run);
                sent_any = true;
                break;
            };
            let cold = self.cold();
            let last = cold.tx.len() == cold.sent + 1;
            let merged = last && self.is(Bits::FIN_MERGED);
            let part = len.min(mss);
            let end = seq.add(part + u32::from(merged && part == len));
            if end.after(self.wnd_end()) || !self.nagle_lets(part, mss, last && part == len, nagle_off) {
                break;
            }
            if part < len {
                cold_path();
                let at = self.cold().sent;
                self.split(at, part);
            }
            self.send_next(run);
            sent_any = true;
        }
        if sent_any && self.is(Bits::XMIT_PROBE0) {
            cold_path();
            self.forget_probes();
        }
        if sent_any && (one || !self.schedule_loss_probe(false, run)) && rearm {
            self.rearm_rto(run);
        }
    }

    /// `tcp_fragment`: `len` bytes, and the rest behind them; PSH stays with the end.
    #[cold]
    #[inline(never)]
    fn split(&mut self, at: usize, len: u32) {
        let cold = self.cold();
        let skb = &mut cold.tx[at];
        let rest = skb.payload.slice(len, u32::MAX);
        let tail = Skb { seq: skb.seq.add(len), payload: rest, ..skb.clone() };
        skb.payload = skb.payload.slice(0, len);
        skb.flags.psh = false;
        cold.tx.insert(at + 1, tail);
    }

    /// Sends the first unsent segment as it is. The caller sees to the timer.
    fn send_next(&mut self, run: &mut Run<'_, '_>) {
        let (now_us, mss, merged_fin) = (run.us(), self.snd_mss(), self.is(Bits::FIN_MERGED));
        let cold = self.cold();
        let last = cold.tx.len() == cold.sent + 1;
        let skb = &mut cold.tx[cold.sent];
        skb.sent_us = now_us;
        let fin = last && merged_fin;
        let (seq, end, payload) = (skb.seq, skb.end().add(u32::from(fin)), skb.payload.clone());
        let flags = data_flags(skb.flags, fin);
        if payload.len() < mss {
            cold.snd_sml = end;
        }
        cold.sent += 1;
        self.snd_nxt = end;
        self.transmit(seq, flags, payload, run);
    }

    fn send_bare_fin(&mut self, run: &mut Run<'_, '_>) {
        let seq = self.snd_nxt;
        self.ctl_sent = run.us();
        self.clear(Bits::CTL_RETRANS.with(Bits::CTL_LOST));
        self.snd_nxt = seq.add(1);
        self.transmit(seq, Flags::FIN, Payload::EMPTY, run);
    }

    /// `tcp_retransmit_skb` / `__tcp_retransmit_skb`. False if nothing is in flight, or
    /// the receiver has shrunk its window below it.
    pub(super) fn resend(&mut self, which: Resend, run: &mut Run<'_, '_>) -> bool {
        if self.is(Bits::SYN_OUT) {
            run.count_repeat();
            run.count(Mib::TCPSynRetrans);
            self.set(Bits::CTL_RETRANS);
            self.clear(Bits::CTL_LOST);
            self.send_syn(run);
            return true;
        }
        let bare_fin = self.bare_fin_out();
        let index = self.cold.as_ref().and_then(|cold| match which {
            Resend::Head => cold.tx.iter().take(cold.sent).position(|skb| skb.flags.lost),
            Resend::Tail if bare_fin => None,
            Resend::Tail => cold.sent.checked_sub(1),
        });
        let Some(index) = index else {
            if !bare_fin {
                return false;
            }
            run.count_repeat();
            self.set(Bits::CTL_RETRANS);
            self.clear(Bits::CTL_LOST);
            self.ctl_sent = run.us();
            self.transmit(self.snd_nxt.sub(1), Flags::FIN, Payload::EMPTY, run);
            return true;
        };
        self.resend_data(index, which, run)
    }

    /// `tcp_retrans_try_collapse`: what fits into one segment and the window goes as one.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn collapse(&mut self, index: usize) {
        let (mss, wnd_end) = (self.snd_mss(), self.wnd_end());
        let fits_fin = self.bare_fin_out() && !self.snd_nxt.after(wnd_end);
        let cold = self.cold();
        if cold.tx[index].payload.len() >= mss {
            return;
        }
        while index + 1 < cold.sent {
            let next = &cold.tx[index + 1];
            let too_long = cold.tx[index].payload.len() + next.payload.len() > mss;
            if too_long || next.flags.sacked || next.end().after(wnd_end) {
                break;
            }
            let next = cold.tx.remove(index + 1).expect("index + 1 is below the number sent");
            cold.sent -= 1;
            let head = &mut cold.tx[index];
            head.payload = join(&head.payload, &next.payload);
            head.flags.psh |= next.flags.psh;
        }
        if fits_fin && index + 1 == cold.sent {
            self.set(Bits::FIN_MERGED);
        }
    }

    /// `__tcp_retransmit_skb`: only what is still unacknowledged, and what the window
    /// takes; beyond it just the head, as a probe.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn resend_data(&mut self, index: usize, which: Resend, run: &mut Run<'_, '_>) -> bool {
        let (now_us, una, wnd_end) = (run.us(), self.snd_una, self.wnd_end());
        let skb = &mut self.cold().tx[index];
        if skb.seq.before(una) {
            // tcp_trim_head
            skb.payload = skb.payload.slice(una.distance(skb.seq), u32::MAX);
            skb.seq = una;
        }
        let (seq, end) = (skb.seq, skb.end());
        if !seq.before(wnd_end) {
            if seq != una {
                return false;
            }
        } else if end.after(wnd_end) {
            self.split(index, wnd_end.distance(seq));
            self.cold().sent += 1;
        }
        if which == Resend::Head {
            self.collapse(index);
        }
        let merged_fin = self.is(Bits::FIN_MERGED);
        let cold = self.cold();
        let fin = merged_fin && index + 1 == cold.tx.len();
        let skb = &mut cold.tx[index];
        skb.sent_us = now_us;
        skb.flags = SkbFlags { retrans: true, lost: false, ..skb.flags };
        let (payload, flags) = (skb.payload.clone(), data_flags(skb.flags, fin));
        run.count_repeat();
        self.transmit(seq, flags, payload, run);
        true
    }

    /// Sends lost segments again as far as the congestion window allows
    /// (`tcp_xmit_retransmit_queue`).
    pub(super) fn resend_lost(&mut self, run: &mut Run<'_, '_>) {
        while self.in_flight() < u32::from(self.cwnd) {
            let lost_data =
                self.cold.as_ref().is_some_and(|cold| cold.tx.iter().take(cold.sent).any(|skb| skb.flags.lost));
            if !(lost_data || (self.is(Bits::CTL_LOST) && self.bare_fin_out())) {
                break;
            }
            // Only the FIN is lost: the head of what is in flight is not meant.
            if !self.resend(if lost_data { Resend::Head } else { Resend::Tail }, run) {
                break;
            }
        }
    }

    /// `tcp_write_wakeup`: what the window still takes of the next segment, or a probe.
    pub(super) fn write_wakeup(&mut self, mib: Mib, run: &mut Run<'_, '_>) {
        let (room, mss) = (self.wnd_end().distance(self.snd_nxt), self.snd_mss());
        let open = self.snd_nxt.before(self.wnd_end());
        let unsent = self.cold.as_ref().is_some_and(|cold| cold.tx.len() > cold.sent);
        if !(open && unsent) {
            run.count(mib);
            self.send_probe(run);
            return;
        }
        // What fits whole went when the window opened. A FIN that does not is left behind alone.
        let at = self.cold().sent;
        self.cold().tx[at].flags.psh = true;
        self.split(at, room.min(mss));
        self.cold().tx[at].flags.psh = true;
        self.send_next(run);
        self.forget_probes();
        self.rearm_rto(run);
    }

    /// `icsk_backoff` of probes is none of `icsk_rto`.
    const fn forget_probes(&mut self) {
        self.backoff = 0;
    }

    /// Queues data behind what already waits (`tcp_sendmsg_locked`): a segment
    /// not sent yet is filled up first.
    pub(super) fn queue_data(&mut self, mut payload: Payload) {
        let mss = self.snd_mss();
        let mut seq = self.write_seq;
        self.write_seq = seq.add(payload.len());
        let cold = self.cold();
        if cold.tx.len() > cold.sent
            && let Some(tail) = cold.tx.back_mut()
        {
            let part = payload.take_front(mss.saturating_sub(tail.payload.len()));
            tail.payload = join(&tail.payload, &part);
            seq = seq.add(part.len());
            tail.flags.psh = payload.is_empty();
        }
        if !payload.is_empty() {
            cold.tx.push_back(Skb { seq, sent_us: 0, payload, flags: SkbFlags { psh: true, ..SkbFlags::default() } });
        }
    }
}

const fn data_flags(marks: SkbFlags, fin: bool) -> Flags {
    let mut flags = Flags::ACK;
    if marks.psh {
        flags = flags.with(Flags::PSH);
    }
    if fin {
        flags = flags.with(Flags::FIN);
    }
    flags
}
