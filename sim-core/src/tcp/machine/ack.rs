//! Acknowledgments (RFC 9293 §3.10.7.4 fifth check; `tcp_ack`).

use core::hint::cold_path;

use super::Run;
use super::output::Resend;
use crate::tcp::actions::SocketEvents;
use crate::tcp::state::TcpState;
use crate::tcp::tcb::seconds;
use crate::tcp::tcb::{Bits, Tcb};
use crate::trace::Mib;
use crate::wire::{Segment, SeqNum};

/// What `tcp_ack` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AckVerdict {
    /// New or duplicate, go on with the segment.
    Fine,
    /// Below SND.UNA but plausible: ignore the acknowledgment (RFC 5961 §5).
    Old,
    /// Below SND.UNA - MAX.SND.WND, or above SND.NXT.
    Bad,
}

impl Tcb {
    /// `tcp_paws_check`: may a segment with this timestamp be accepted?
    pub(super) fn paws_ok(&self, tsval: u32, slack: i32, run: &Run<'_, '_>) -> bool {
        /// `TCP_PAWS_WRAP`: an idle connection's `ts_recent` is void after 24 days.
        const PAWS_WRAP_S: u32 = 24 * 24 * 3_600;
        self.ts_recent.wrapping_sub(tsval).cast_signed() <= slack
            || self.ts_recent == 0
            || seconds(run.now()).wrapping_sub(self.ts_recent_stamp) >= PAWS_WRAP_S
    }

    /// `tcp_replace_ts_recent`.
    fn replace_ts_recent(&mut self, seg: &Segment, run: &Run<'_, '_>) {
        if self.is(Bits::TS_OK)
            && let Some((tsval, _)) = seg.options.timestamp
            && !seg.seq.after(self.rcv_wup)
            && self.paws_ok(tsval, 0, run)
        {
            self.ts_recent = tsval;
            self.ts_recent_stamp = seconds(run.now());
        }
    }

    /// The window of a segment in bytes; that of a SYN is never scaled (RFC 7323 §2.2).
    pub(super) const fn scaled_window(&self, seg: &Segment) -> u32 {
        if seg.flags.syn() { seg.window as u32 } else { (seg.window as u32) << self.snd_wscale() }
    }

    /// `tcp_may_update_window`.
    pub(super) const fn may_update_window(&self, ack: SeqNum, seq: SeqNum, window: u32) -> bool {
        ack.after(self.snd_una)
            || seq.after(self.snd_wl1)
            || (seq.0 == self.snd_wl1.0 && (window > self.snd_wnd || window == 0))
    }

    /// `tcp_ack`.
    pub(super) fn ack(&mut self, seg: &Segment, run: &mut Run<'_, '_>) -> AckVerdict {
        let (ack, una) = (seg.ack, self.snd_una);
        if ack.before(una) {
            cold_path();
            // RFC 5961 §5.2, with Linux's stricter bound of what was really acknowledged.
            let acked = if self.bytes_acked == u16::MAX { u32::MAX } else { u32::from(self.bytes_acked) };
            let plausible = self.max_window.min(acked);
            return if ack.before(una.sub(plausible)) { AckVerdict::Bad } else { AckVerdict::Old };
        }
        if ack.after(self.snd_nxt) {
            cold_path();
            return AckVerdict::Bad;
        }
        let advanced = ack.distance(una);
        let prior_packets = self.packets_out();
        self.replace_ts_recent(seg, run);
        let window = self.scaled_window(seg);
        let moved_window = self.may_update_window(ack, seg.seq, window);
        let dup = advanced == 0 && seg.seq_len() == 0 && !moved_window;
        if moved_window {
            self.snd_wl1 = seg.seq;
            self.snd_wnd = window;
            self.max_window = self.max_window.max(window);
        }
        self.snd_una = ack;
        self.bytes_acked = self.bytes_acked.saturating_add(u16::try_from(advanced).unwrap_or(u16::MAX));
        let now_ms = run.ms();
        if let Some(cold) = &mut self.cold {
            cold.soft_error = None;
            cold.probes_out = 0;
            cold.rcv_tstamp = now_ms;
            if advanced > 0 {
                cold.retransmits = 0;
            }
        }
        if prior_packets == 0 {
            self.ack_probe(run);
        } else {
            let freed = advanced > 0 && self.clean_rtx_queue(seg, una, run);
            self.loss_news(seg, dup, advanced, freed, run);
        }
        AckVerdict::Fine
    }

    /// `tcp_ack_probe`: a window that lets the next segment go ends probing, one
    /// that does not restarts it (KERNEL-NOTES 22).
    fn ack_probe(&mut self, run: &mut Run<'_, '_>) {
        if !self.has_unsent() {
            return;
        }
        // Nothing is in flight, so all that is queued is unsent.
        let merged = self.is(Bits::FIN_MERGED);
        let next_len = self.cold.as_ref().and_then(|cold| {
            let fin = u32::from(merged && cold.tx.len() == 1);
            cold.tx.front().map(|skb| skb.payload.len() + fin)
        });
        let next_end = self.snd_nxt.add(next_len.unwrap_or(1));
        if next_end.after(self.wnd_end()) {
            let when = self.probe0_when(run);
            self.arm_probe0(when, run);
        } else {
            self.backoff = 0;
            if let Some(cold) = &mut self.cold {
                cold.probes_tstamp = None;
            }
            if self.is(Bits::XMIT_PROBE0) {
                self.disarm_xmit();
            }
        }
    }

    /// `tcp_clean_rtx_queue`: drops what is acknowledged, takes the RTT sample.
    /// True if anything was: part of a segment is nothing.
    fn clean_rtx_queue(&mut self, seg: &Segment, prior_una: SeqNum, run: &mut Run<'_, '_>) -> bool {
        let (una, now_us) = (self.snd_una, run.us());
        let mut sent_at = None;
        let mut retransmitted = false;
        let mut freed: u16 = 0;
        // Our SYN, or a FIN in a segment of its own.
        let syn = self.is(Bits::SYN_OUT);
        let bare_fin = self.is(Bits::FIN_QUEUED)
            && !self.is(Bits::FIN_MERGED)
            && una == self.write_seq
            && self.snd_nxt == self.write_seq
            && prior_una != una;
        let cold_sent = self.cold.as_ref().map_or(0, |cold| cold.sent);
        if cold_sent > 0 {
            let merged = self.is(Bits::FIN_MERGED);
            let cold = self.cold();
            while cold.sent > 0 {
                let only = cold.tx.len() == 1;
                let Some(front) = cold.tx.front_mut() else { break };
                let end = front.end().add(u32::from(merged && only));
                if end.after(una) {
                    break;
                }
                retransmitted |= front.flags.retrans;
                sent_at = sent_at.or(Some(front.sent_us));
                freed += 1;
                cold.tx.pop_front();
                cold.sent -= 1;
            }
        }
        if syn || bare_fin {
            retransmitted |= self.is(Bits::CTL_RETRANS);
            sent_at = sent_at.or(Some(self.ctl_sent));
            freed += u16::from(bare_fin);
            self.clear(Bits::SYN_OUT.with(Bits::CTL_RETRANS).with(Bits::CTL_LOST));
        }
        if let Some(cold) = &mut self.cold {
            cold.total_rto = 0;
            cold.retrans_stamp = None;
            cold.dup_acks = 0;
            cold.marked &= cold.sent > 0;
        }
        self.cwnd = self.cwnd.saturating_add(freed);
        // tcp_ack_update_rtt: Karn's rule, except that an echoed timestamp is unambiguous;
        // without FLAG_ACKED there is nothing to time.
        let echoed = seg.options.timestamp.filter(|&(_, ecr)| ecr != 0 && self.is(Bits::TS_OK));
        if let (Some(sent), false) = (sent_at, retransmitted) {
            self.rtt_sample(now_us.wrapping_sub(sent), run);
        } else if let (Some((_, ecr)), true) = (echoed, syn || freed > 0) {
            cold_path();
            // tcp_rtt_tsopt_us: what does not fit into microseconds is no time.
            let ms = self.tsval(run.now()).wrapping_sub(ecr);
            if ms < i32::MAX as u32 / 1_000 {
                self.rtt_sample(ms.max(1) * 1_000, run);
            }
        }
        if freed > 0 && !syn {
            run.notify(SocketEvents::WRITABLE);
        }
        syn || freed > 0
    }

    /// What the acknowledgment says about losses, and the transmit timer.
    fn loss_news(&mut self, seg: &Segment, dup: bool, advanced: u32, freed: bool, run: &mut Run<'_, '_>) {
        let una = self.snd_una;
        let mut recovering = false;
        if let Some(cold) = &mut self.cold {
            if let Some(high) = cold.tlp_high_seq.filter(|&high| !una.before(high)) {
                cold_path();
                // tcp_process_tlp_ack: an acknowledgment of just the probe does not tell whether
                // the original was lost. What follows does: more acknowledged, a duplicate, or
                // the probe reported as one.
                let twice = seg.options.sack.is_some_and(|block| block.right == high);
                let lost = cold.tlp_retrans && una.after(high) && !twice;
                if !cold.tlp_retrans || twice || dup || lost {
                    cold.tlp_high_seq = None;
                }
                if lost {
                    self.cwnd = (self.cwnd / 2).max(2);
                }
            }
            if cold.high_seq.is_some_and(|high| !una.before(high)) {
                cold_path();
                cold.high_seq = None;
            }
            recovering = cold.high_seq.is_some();
            if let Some(block) = seg.options.sack {
                cold_path();
                cold.marked = true;
                for skb in cold.tx.iter_mut().take(cold.sent) {
                    skb.flags.sacked |= !skb.seq.before(block.left) && !skb.end().after(block.right);
                }
            }
            if dup && cold.sent > 0 {
                cold_path();
                cold.dup_acks = cold.dup_acks.saturating_add(1);
            }
        }
        // FLAG_SET_XMIT_TIMER: the timer of a segment acknowledged in part runs on.
        if freed && !self.schedule_loss_probe(true, run) {
            self.rearm_rto(run);
        }
        let fast = self.cold.as_ref().is_some_and(|cold| cold.dup_acks == 3) && !recovering;
        if fast {
            cold_path();
            self.fast_retransmit(run);
        } else if recovering && advanced > 0 {
            cold_path();
            self.partly_acknowledged(run);
        }
    }

    /// RFC 5681 §3.2 in its simplest form: the head is lost.
    #[cold]
    #[inline(never)]
    fn fast_retransmit(&mut self, run: &mut Run<'_, '_>) {
        let (nxt, flight) = (self.snd_nxt, self.packets_out());
        let cold = self.cold();
        cold.high_seq = Some(nxt);
        cold.marked = true;
        if let Some(head) = cold.tx.front_mut() {
            head.flags.lost = true;
        }
        self.cwnd = u16::try_from(flight / 2).unwrap_or(u16::MAX).max(2);
        self.resend(Resend::Head, run);
        self.clear(Bits::XMIT_SPECIAL);
        self.rearm_rto(run);
    }

    /// RFC 6582: a partial acknowledgment points at the next loss; with SACK it does so
    /// only if something behind was received (RFC 6675).
    #[cold]
    #[inline(never)]
    fn partly_acknowledged(&mut self, run: &mut Run<'_, '_>) {
        let sack = self.is(Bits::SACK_OK);
        if let Some(cold) = &mut self.cold
            && (!sack || cold.tx.iter().take(cold.sent).any(|skb| skb.flags.sacked))
            && !cold.tx.iter().take(cold.sent).any(|skb| skb.flags.lost)
            && let Some(head) = cold.tx.front_mut()
            && !head.flags.retrans
        {
            head.flags.lost = true;
            cold.marked = true;
        }
        self.resend_lost(run);
    }

    /// `__tcp_oow_rate_limited`: true if an answer must wait (`tcp_invalid_ratelimit`).
    fn oow_limited(&mut self, skipped: Mib, run: &mut Run<'_, '_>) -> bool {
        let now = run.ms();
        let cold = self.cold();
        if cold.last_oow_ack != 0 {
            let elapsed = now.wrapping_sub(cold.last_oow_ack);
            if u64::from(elapsed) < run.cx.config.tcp_invalid_ratelimit.as_millis() {
                run.count(skipped);
                return true;
            }
        }
        cold.last_oow_ack = now.max(1);
        false
    }

    /// `tcp_send_challenge_ack` (RFC 5961 §7).
    pub(super) fn challenge_ack(&mut self, run: &mut Run<'_, '_>) {
        if !self.oow_limited(Mib::TCPACKSkippedChallenge, run) {
            run.count(Mib::TCPChallengeACK);
            self.send_ack(run);
        }
    }

    /// Answers an unacceptable segment (`tcp_oow_rate_limited`, `tcp_send_dupack`):
    /// pure ACKs and SYNs at the rate limit, data always.
    pub(super) fn answer_unacceptable(&mut self, seg: &Segment, skipped: Mib, run: &mut Run<'_, '_>) {
        let may_loop = seg.seq_len() == 0 || seg.flags.syn();
        if may_loop && self.oow_limited(skipped, run) {
            return;
        }
        if seg.seq_len() > 0 && seg.seq.before(self.rcv_nxt) {
            run.count(Mib::DelayedACKLost);
            self.enter_quickack(run);
            let end = if seg.end_seq().after(self.rcv_nxt) { self.rcv_nxt } else { seg.end_seq() };
            self.note_dsack(seg.seq, end, run);
        }
        self.send_ack(run);
    }

    /// True in states where a FIN of ours may still be unacknowledged.
    pub(super) fn our_fin_acked(&self) -> bool {
        debug_assert!(self.state() != TcpState::Listen);
        self.snd_una == self.write_seq
    }
}
