//! Round-trip times and the transmit timer (RFC 6298 as Linux does it).

use super::Run;
use crate::tcp::tcb::{Bits, Tcb};
use crate::tcp::timers::TIMEOUT_INIT;
use crate::time::{Duration, Instant};

/// `TCP_RTO_MIN`: the base of give-up times, whatever `tcp_rto_min_us` says.
pub(super) const RTO_MIN: Duration = Duration::from_millis(200);
/// `TCP_TIMEOUT_FALLBACK` in µs: RFC 6298 §5.7, after a lost SYN without timestamps.
const TIMEOUT_FALLBACK_US: u32 = 3_000_000;

impl Tcb {
    /// `tcp_rtt_estimator`: srtt and the smoothed mean deviation, in integers.
    #[inline]
    pub(super) fn rtt_sample(&mut self, rtt_us: u32, run: &Run<'_, '_>) {
        let rto_min = u32::try_from(run.cx.config.tcp_rto_min.as_micros()).unwrap_or(u32::MAX);
        self.backoff = 0;
        if self.srtt == 0 {
            self.srtt = rtt_us.saturating_mul(8).max(1);
            self.mdev = rtt_us.saturating_mul(2);
            self.rttvar = self.mdev.max(rto_min);
            self.mdev_max = self.rttvar;
            self.set_rtt_seq();
            return;
        }
        let mut m = i64::from(rtt_us) - i64::from(self.srtt >> 3);
        self.srtt = u32::try_from((i64::from(self.srtt) + m).max(1)).unwrap_or(u32::MAX);
        let shrinking = m < 0;
        m = m.abs() - i64::from(self.mdev >> 2);
        if shrinking && m > 0 {
            // Less eager to follow a sudden fall, which is often a lull.
            m >>= 3;
        }
        self.mdev = u32::try_from((i64::from(self.mdev) + m).max(0)).unwrap_or(u32::MAX);
        if self.mdev > self.mdev_max {
            self.mdev_max = self.mdev;
            self.rttvar = self.rttvar.max(self.mdev_max);
        }
        // Without a cold part everything sent before is acknowledged.
        let round_over = self.cold.as_ref().is_none_or(|cold| self.snd_una.after(cold.rtt_seq));
        if round_over {
            if self.mdev_max < self.rttvar {
                self.rttvar -= (self.rttvar - self.mdev_max) >> 2;
            }
            self.set_rtt_seq();
            self.mdev_max = rto_min;
        }
    }

    fn set_rtt_seq(&mut self) {
        let nxt = self.snd_nxt;
        if let Some(cold) = &mut self.cold {
            cold.rtt_seq = nxt;
        }
    }

    /// `tcp_init_metrics`: no sample by the time the connection opens means the
    /// SYN was lost.
    pub(super) const fn init_metrics(&mut self) {
        if self.srtt == 0 {
            self.rttvar = TIMEOUT_FALLBACK_US;
            self.mdev = TIMEOUT_FALLBACK_US;
            self.mdev_max = TIMEOUT_FALLBACK_US;
            self.backoff = 0;
        }
    }

    /// `icsk_rto`, in whole jiffies.
    #[inline]
    pub(super) fn rto_now(&self, run: &Run<'_, '_>) -> Duration {
        let base = run.cx.clock.quantized(self.rto_unbacked(run.cx.config));
        base.saturating_mul(1 << self.backoff.min(20)).min(run.cx.config.tcp_rto_max)
    }

    /// Arms the transmit timer as a plain retransmission timer.
    pub(super) fn arm_rto(&mut self, after: Duration, run: &Run<'_, '_>) {
        self.clear(Bits::XMIT_SPECIAL);
        self.xmit_at = run.cx.clock.expiry(run.now(), after.min(run.cx.config.tcp_rto_max));
    }

    /// Arms it as a zero-window probe timer.
    pub(super) fn arm_probe0(&mut self, after: Duration, run: &Run<'_, '_>) {
        self.clear(Bits::XMIT_SPECIAL);
        self.set(Bits::XMIT_PROBE0);
        let after = self.clamp_probe0(after, run);
        self.xmit_at = run.cx.clock.expiry(run.now(), after.min(run.cx.config.tcp_rto_max));
    }

    pub(super) const fn disarm_xmit(&mut self) {
        self.clear(Bits::XMIT_SPECIAL);
        self.xmit_at = Instant::MAX;
    }

    /// `tcp_probe0_base`.
    pub(super) fn probe0_base(&self, run: &Run<'_, '_>) -> Duration {
        self.rto_now(run).max(RTO_MIN)
    }

    /// `tcp_probe0_when`: the base doubled `backoff` times, at most to `tcp_rto_max`.
    pub(super) fn probe0_when(&self, run: &Run<'_, '_>) -> Duration {
        let base = run.cx.clock.quantized(self.rto_unbacked(run.cx.config)).max(RTO_MIN);
        base.saturating_mul(1 << self.backoff.min(20)).min(run.cx.config.tcp_rto_max)
    }

    /// `tcp_clamp_probe0_to_user_timeout`.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn clamp_probe0(&self, when: Duration, run: &Run<'_, '_>) -> Duration {
        let Some(cold) = &self.cold else { return when };
        let (limit, Some(since)) = (cold.user_timeout, cold.probes_tstamp) else { return when };
        if limit == Duration::ZERO {
            return when;
        }
        let elapsed = Duration::from_millis(u64::from(run.ms().wrapping_sub(since)));
        when.min((limit - elapsed).max(run.cx.clock.span(2)))
    }

    /// `tcp_rearm_rto`: from now, or from when the head was sent if a loss
    /// probe's timer is being replaced.
    #[inline]
    pub(super) fn rearm_rto(&mut self, run: &Run<'_, '_>) {
        if self.packets_out() == 0 {
            self.disarm_xmit();
            return;
        }
        let mut rto = self.rto_now(run);
        if self.is(Bits::XMIT_TLP) {
            rto = self.rto_left(run).max(Duration::from_micros(1));
            rto = run.cx.clock.quantized(rto);
        }
        self.arm_rto(rto, run);
    }

    /// `tcp_rto_delta_us`: what is left of the RTO of the oldest segment.
    #[inline]
    fn rto_left(&self, run: &Run<'_, '_>) -> Duration {
        // Nothing waits behind a SYN or FIN that is in flight alone.
        let head = self.cold.as_ref().and_then(|cold| cold.tx.front()).map_or(self.ctl_sent, |skb| skb.sent_us);
        self.rto_now(run) - Duration::from_micros(u64::from(run.us().wrapping_sub(head)))
    }

    /// `tcp_schedule_loss_probe`. False if no probe is due, and nothing armed.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn schedule_loss_probe(&mut self, advancing_rto: bool, run: &Run<'_, '_>) -> bool {
        let packets = self.packets_out();
        let disturbed = self.cold.as_ref().is_some_and(|cold| cold.high_seq.is_some());
        if packets == 0 || !self.is(Bits::SACK_OK) || disturbed || self.is(Bits::SYN_OUT) {
            return false;
        }
        let mut timeout = TIMEOUT_INIT;
        if self.srtt != 0 {
            let slack = if packets == 1 { run.cx.config.tcp_rto_min } else { run.cx.clock.span(2) };
            timeout = run.cx.clock.quantized(Duration::from_micros(u64::from(self.srtt >> 2)) + slack);
        }
        let left = if advancing_rto { self.rto_now(run) } else { self.rto_left(run) };
        if left > Duration::ZERO {
            timeout = timeout.min(run.cx.clock.quantized(left));
        }
        self.arm_rto(timeout, run);
        self.set(Bits::XMIT_TLP);
        true
    }
}
