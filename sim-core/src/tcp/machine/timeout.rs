//! Timers (RFC 9293 §3.10.8; Linux net/ipv4/tcp_timer.c).

use super::output::Resend;
use super::rtt::RTO_MIN;
use super::{Run, close, done, ms32};
use crate::errno::Errno;
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, Linger2, Tcb};
use crate::tcp::timers::{TIMEOUT_INIT, TIMEWAIT_LEN};
use crate::time::{Duration, Instant};
use crate::trace::Mib;

/// Looks which timers are due and serves them, in the order they were set for.
pub(super) fn expired(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    let now = run.now();
    if tcb.delack_at <= now {
        delayed_ack(tcb, run);
    }
    if tcb.xmit_at <= now {
        transmit_timer(tcb, run);
    }
    if tcb.state() != TcpState::Closed && tcb.cold.as_ref().is_some_and(|cold| cold.keepalive_at <= now) {
        keepalive_timer(tcb, run);
    }
}

/// `tcp_delack_timer_handler`.
fn delayed_ack(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    tcb.delack_at = Instant::MAX;
    tcb.clear(Bits::ACK_TIMER);
    if !tcb.is(Bits::ACK_SCHED) {
        return;
    }
    if tcb.is(Bits::PINGPONG) {
        // Nothing was sent that could carry it: no longer interactive.
        tcb.clear(Bits::PINGPONG);
        tcb.ato = super::data::ATO_MIN_MS;
    } else {
        let rto = u16::try_from(tcb.rto_now(run).as_millis()).unwrap_or(u16::MAX);
        tcb.ato = tcb.ato.saturating_mul(2).min(rto);
    }
    tcb.send_ack(run);
    run.count(Mib::DelayedACKs);
}

/// `tcp_write_timer_handler`.
fn transmit_timer(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    let (tlp, probe0) = (tcb.is(Bits::XMIT_TLP), tcb.is(Bits::XMIT_PROBE0));
    tcb.disarm_xmit();
    if tlp {
        loss_probe(tcb, run);
    } else if probe0 {
        probe_timer(tcb, run);
    } else {
        retransmit_timer(tcb, run);
    }
}

/// `tcp_send_loss_probe` (RFC 8985 §7): new data if the window takes some, else
/// the last segment again.
#[cold]
#[inline(never)]
fn loss_probe(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    let new_data = tcb.has_unsent() && tcb.snd_nxt.before(tcb.wnd_end());
    let probed = if tcb.cold().tlp_high_seq.is_some() {
        // One probe at a time: what is left of the time-out counts from the oldest segment.
        false
    } else if new_data {
        let before = tcb.packets_out();
        tcb.write_xmit(true, true, run);
        tcb.packets_out() > before
    } else {
        tcb.resend(Resend::Tail, run)
    };
    if probed {
        let nxt = tcb.snd_nxt;
        let cold = tcb.cold();
        cold.tlp_high_seq = Some(nxt);
        cold.tlp_retrans = !new_data;
        tcb.clear(Bits::XMIT_SPECIAL);
    } else {
        tcb.set(Bits::XMIT_TLP);
    }
    tcb.rearm_rto(run);
}

/// `tcp_model_timeout`: the time `boundary` back-offs from `base` would take.
#[cfg_attr(target_family = "wasm", inline(never))]
pub(super) fn model_timeout(boundary: u8, base: Duration, rto_max: Duration) -> Duration {
    let ratio = (rto_max.nanos() / base.nanos().max(1)).max(1);
    let threshold = u8::try_from(ratio.ilog2()).expect("a logarithm of 64 bits");
    if boundary <= threshold {
        return base.saturating_mul((2 << boundary) - 1);
    }
    base.saturating_mul((2 << threshold) - 1) + rto_max.saturating_mul(u64::from(boundary - threshold))
}

/// `retransmits_timed_out`: has it been longer than `boundary` back-offs (or the
/// user time-out) since the first retransmission?
#[cfg_attr(target_family = "wasm", inline(never))]
fn timed_out(tcb: &Tcb, boundary: u8, user_timeout: Duration, run: &Run<'_, '_>) -> bool {
    let Some(since) = tcb.cold.as_ref().and_then(|cold| cold.retrans_stamp) else { return false };
    if tcb.retransmits() == 0 {
        return false;
    }
    let opening = matches!(tcb.state(), TcpState::SynSent | TcpState::SynReceived);
    let base = if opening { TIMEOUT_INIT } else { RTO_MIN };
    let limit = if user_timeout == Duration::ZERO {
        model_timeout(boundary, base, run.cx.config.tcp_rto_max)
    } else {
        user_timeout
    };
    u64::from(run.ms().wrapping_sub(since)) >= limit.as_millis()
}

/// `tcp_orphan_retries`.
fn orphan_retries(alive: bool, tcb: &Tcb, run: &Run<'_, '_>) -> u8 {
    let retries = run.cx.config.tcp_orphan_retries;
    let unreachable = tcb.cold.as_ref().is_some_and(|cold| cold.soft_error.is_some());
    if unreachable && !alive {
        return 0;
    }
    if retries == 0 && alive { 8 } else { retries }
}

/// `tcp_write_timeout`: true if it is time to give up.
fn give_up(tcb: &Tcb, run: &Run<'_, '_>) -> bool {
    let config = run.cx.config;
    let (user_timeout, syn_cnt) =
        tcb.cold.as_ref().map_or((Duration::ZERO, None), |cold| (cold.user_timeout, cold.syn_cnt));
    let until;
    match tcb.state() {
        TcpState::SynSent | TcpState::SynReceived => {
            until = syn_cnt.unwrap_or(config.tcp_syn_retries);
            let linear = if tcb.state() == TcpState::SynSent { config.tcp_syn_linear_timeouts } else { 0 };
            if tcb.retransmits() >= until.saturating_add(linear) {
                return true;
            }
        }
        TcpState::Closed
        | TcpState::Listen
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::TimeWait => {
            until = if tcb.is_orphan() {
                let alive = tcb.rto_now(run) < config.tcp_rto_max;
                orphan_retries(alive, tcb, run)
            } else {
                config.tcp_retries2
            };
        }
    }
    timed_out(tcb, until, user_timeout, run)
}

/// `tcp_write_err`.
fn write_err(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    let soft = tcb.cold.as_ref().and_then(|cold| cold.soft_error);
    run.count(Mib::TCPAbortOnTimeout);
    done(tcb, Cause::TimedOut, Some(soft.unwrap_or(Errno::TimedOut)), run);
}

/// `tcp_retransmit_timer`.
#[cold]
#[inline(never)]
fn retransmit_timer(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    if tcb.packets_out() == 0 {
        return;
    }
    let opening = tcb.is(Bits::SYN_OUT);
    if tcb.snd_wnd == 0 && !tcb.is_orphan() && !opening {
        // The receiver shrank its window: probes, which do not count as failures
        // (tcp_rtx_probe0_timed_out allows two minutes of silence).
        if shrunk_window_timed_out(tcb, run) {
            write_err(tcb, run);
            return;
        }
        enter_loss(tcb);
        let now = run.ms();
        let cold = tcb.cold();
        cold.retrans_stamp = cold.retrans_stamp.or(Some(now));
        tcb.resend(Resend::Head, run);
    } else {
        run.count(Mib::TCPTimeouts);
        if give_up(tcb, run) {
            write_err(tcb, run);
            return;
        }
        enter_loss(tcb);
        // A connect counts from its first SYN (tcp_connect sets retrans_stamp).
        let since = if opening { tcb.ctl_sent_ms(run) } else { run.ms() };
        let cold = tcb.cold();
        cold.retransmits = cold.retransmits.saturating_add(1);
        cold.total_rto = cold.total_rto.saturating_add(1);
        cold.retrans_stamp = cold.retrans_stamp.or(Some(since));
        tcb.resend(Resend::Head, run);
    }
    let total_rto = tcb.cold.as_ref().map_or(0, |cold| cold.total_rto);
    if tcb.state() != TcpState::SynSent || total_rto > run.cx.config.tcp_syn_linear_timeouts {
        tcb.backoff = tcb.backoff.saturating_add(1);
    }
    let rto = clamp_to_user_timeout(tcb, tcb.rto_now(run), run);
    tcb.arm_rto(rto, run);
}

/// `tcp_rtx_probe0_timed_out`: silence since both the last ACK and the first retransmission.
fn shrunk_window_timed_out(tcb: &Tcb, run: &Run<'_, '_>) -> bool {
    let Some(cold) = &tcb.cold else { return false };
    let Some(since) = cold.retrans_stamp else { return false };
    let most = run.cx.config.tcp_rto_max.saturating_mul(2).as_millis();
    let now = run.ms();
    u64::from(now.wrapping_sub(cold.rcv_tstamp)) > most && u64::from(now.wrapping_sub(since)) > most
}

/// `tcp_clamp_rto_to_user_timeout`.
fn clamp_to_user_timeout(tcb: &Tcb, rto: Duration, run: &Run<'_, '_>) -> Duration {
    let Some(cold) = &tcb.cold else { return rto };
    let (limit, Some(since)) = (cold.user_timeout, cold.retrans_stamp) else { return rto };
    if limit == Duration::ZERO {
        return rto;
    }
    let left = limit - Duration::from_millis(u64::from(run.ms().wrapping_sub(since)));
    if left == Duration::ZERO { run.cx.clock.span(1) } else { rto.min(left) }
}

/// `tcp_enter_loss`: everything in flight is taken for lost, one segment may go. A
/// receiver that reported the head and did not acknowledge it has dropped it again:
/// what it reported is void (`tcp_timeout_mark_lost`, RFC 2018 §8).
fn enter_loss(tcb: &mut Tcb) {
    let nxt = tcb.snd_nxt;
    if tcb.ctl_out() {
        tcb.set(Bits::CTL_LOST);
    }
    let cold = tcb.cold();
    cold.marked = true;
    let reneged = cold.tx.front().is_some_and(|head| head.flags.sacked);
    for skb in cold.tx.iter_mut().take(cold.sent) {
        skb.flags.sacked &= !reneged;
        skb.flags.lost = !skb.flags.sacked;
    }
    cold.high_seq = Some(nxt);
    cold.tlp_high_seq = None;
    cold.dup_acks = 0;
    if cold.sent > 0 {
        tcb.cwnd = 1;
    }
}

/// `tcp_probe_timer`.
#[cold]
#[inline(never)]
fn probe_timer(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    debug_assert!(tcb.packets_out() == 0 && tcb.has_unsent(), "what is sent or acknowledged takes this timer away");
    let (now, orphan, config) = (run.ms(), tcb.is_orphan(), run.cx.config);
    let user_timeout = tcb.cold().user_timeout;
    let since = *tcb.cold().probes_tstamp.get_or_insert(now);
    let mut over = user_timeout != Duration::ZERO
        && since != now
        && u64::from(now.wrapping_sub(since)) >= user_timeout.as_millis();
    let mut most = config.tcp_retries2;
    if orphan {
        let alive = tcb.probe0_when(run) < config.tcp_rto_max;
        most = orphan_retries(alive, tcb, run);
        over |= !alive && tcb.backoff >= most;
    }
    if over || tcb.probes_out() >= most {
        write_err(tcb, run);
        return;
    }
    // tcp_send_probe0
    tcb.write_wakeup(Mib::TCPWinProbe, run);
    if tcb.packets_out() > 0 || !tcb.has_unsent() {
        tcb.backoff = 0;
        let cold = tcb.cold();
        cold.probes_out = 0;
        cold.probes_tstamp = None;
        return;
    }
    let cold = tcb.cold();
    cold.probes_out = cold.probes_out.saturating_add(1);
    if tcb.backoff < config.tcp_retries2 {
        tcb.backoff += 1;
    }
    let when = tcb.probe0_when(run);
    tcb.arm_probe0(when, run);
}

impl Tcb {
    /// `tcp_reset_keepalive_timer`.
    pub(super) fn arm_keepalive(&mut self, after: Duration, run: &Run<'_, '_>) {
        self.cold().keepalive_at = run.cx.clock.expiry(run.now(), after);
    }

    /// When our SYN or bare FIN was last sent, in the milliseconds of timestamps:
    /// a difference of rounded times could be one off, and the echo look too old.
    pub(super) fn ctl_sent_ms(&self, run: &Run<'_, '_>) -> u32 {
        let age_us = run.us().wrapping_sub(self.ctl_sent);
        ms32(Instant::from_nanos((run.now().nanos() / 1_000 - u64::from(age_us)) * 1_000))
    }

    /// Arms the keepalive timer of a socket that has `SO_KEEPALIVE`.
    pub(super) fn start_keepalive(&mut self, run: &Run<'_, '_>) {
        if self.is(Bits::KEEPOPEN) {
            let now = run.ms();
            self.cold().rcv_tstamp = now;
            let idle = keep_idle(self, run);
            self.arm_keepalive(idle, run);
        }
    }
}

fn keep_idle(tcb: &Tcb, run: &Run<'_, '_>) -> Duration {
    let own = tcb.cold.as_ref().and_then(|cold| cold.keep_idle);
    own.unwrap_or(run.cx.config.tcp_keepalive_time)
}

/// `tcp_keepalive_timer`.
#[cold]
#[inline(never)]
fn keepalive_timer(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    tcb.cold().keepalive_at = Instant::MAX;
    if tcb.state() == TcpState::FinWait2 && tcb.is_orphan() {
        orphan_timer(tcb, run);
        return;
    }
    if !tcb.is(Bits::KEEPOPEN) || tcb.state() == TcpState::SynSent {
        return;
    }
    let idle = keep_idle(tcb, run);
    if tcb.packets_out() > 0 || tcb.has_unsent() {
        // It is alive without keepalive.
        tcb.arm_keepalive(idle, run);
        return;
    }
    let (now, lrcvtime, config) = (run.ms(), tcb.lrcvtime, run.cx.config);
    let cold = tcb.cold();
    let quiet = now.wrapping_sub(cold.rcv_tstamp).min(now.wrapping_sub(lrcvtime));
    let quiet = Duration::from_millis(u64::from(quiet));
    if quiet < idle {
        tcb.arm_keepalive(idle - quiet, run);
        return;
    }
    let limit = cold.user_timeout;
    let probes = cold.keep_cnt.unwrap_or(config.tcp_keepalive_probes);
    let interval = cold.keep_intvl.unwrap_or(config.tcp_keepalive_intvl);
    let over = if limit == Duration::ZERO { cold.probes_out >= probes } else { quiet >= limit && cold.probes_out > 0 };
    if over {
        tcb.send_active_reset(run);
        write_err(tcb, run);
        return;
    }
    tcb.write_wakeup(Mib::TCPKeepAlive, run);
    let cold = tcb.cold();
    cold.probes_out = cold.probes_out.saturating_add(1);
    tcb.arm_keepalive(interval, run);
}

/// An orphan that has waited in FIN_WAIT2 for what exceeds a minute: the rest,
/// as long again, it spends as a minisock (facts S6, S7).
#[cfg_attr(target_family = "wasm", inline(never))]
fn orphan_timer(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    let resets = tcb.cold.as_ref().is_some_and(|cold| cold.linger2 == Linger2::Reset);
    let rest = close::fin_time(tcb, run) - TIMEWAIT_LEN;
    if !resets && rest > Duration::ZERO {
        close::time_wait(tcb, TcpState::FinWait2, rest, Cause::TimerExpired, run);
    } else {
        tcb.send_active_reset(run);
        done(tcb, Cause::TimerExpired, None, run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::machine::tests::{CLOCK, config};
    use crate::tcp::{Actions, TcpContext};

    /// `tcp_rtx_probe0_timed_out`: more than twice `tcp_rto_max` of silence, since the last
    /// acknowledgment and since the first repetition.
    #[test]
    fn a_shrunken_window_is_suffered_for_four_minutes() {
        let over = |acked_ms: u32, repeated_ms: Option<u32>| {
            let (config, now) = (config(), Instant::from_nanos(1_000_000_000_000));
            let cx = TcpContext { now, clock: CLOCK, config: &config };
            let mut tcb = Tcb::default();
            tcb.cold().rcv_tstamp = ms32(now) - acked_ms;
            tcb.cold().retrans_stamp = repeated_ms.map(|ago| ms32(now) - ago);
            shrunk_window_timed_out(&tcb, &Run { cx: &cx, out: &mut Actions::default() })
        };
        assert!(over(240_001, Some(240_001)));
        assert!(!over(240_000, Some(240_001)) && !over(240_001, Some(240_000)) && !over(240_001, None));
    }
}
