//! Jiffies and the timer wheel's rounding (Linux kernel/time/timer.c).
//!
//! A wheel timer is filed under the granularity of its level and fires when its
//! bucket comes up: late by up to one granule, never early. The levels start at
//! 63 · 8ⁿ⁻¹ jiffies and have granules of 8ⁿ jiffies, so at HZ 250 a 200 ms
//! timer is exact to 4 ms and a 60 s timer to 2.048 s.

use core::hint::cold_path;

use crate::time::{Duration, Instant};

/// `TCP_TIMEWAIT_LEN`: the length of TIME_WAIT.
pub const TIMEWAIT_LEN: Duration = Duration::from_secs(60);
/// `TCP_TIMEOUT_INIT`: the first wait for an answer to a SYN or SYN-ACK (RFC 6298 §2).
pub const TIMEOUT_INIT: Duration = Duration::from_secs(1);

/// `LVL_CLK_SHIFT`: each level is eight times coarser than the one below.
const LVL_CLK_SHIFT: u32 = 3;
/// `LVL_SIZE - 1`: the span, in its own granules, below which a level serves.
const LVL_SPAN: u64 = 63;
/// `LVL_DEPTH - 1` for HZ above 100.
const LVL_LAST: u32 = 8;
const NS_PER_S: u64 = 1_000_000_000;

/// A host's jiffies: its tick rate, where its ticks fall in virtual time, and
/// whether the wheel's rounding is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JiffyClock {
    /// `CONFIG_HZ`: 100, 250, 300 or 1000.
    hz: u32,
    /// Value of `jiffies` at virtual time 0 (hosts boot at different times).
    pub boot_jiffies: u64,
    /// False: timers fire exactly when asked (`timer_rounding = off`).
    pub rounding: bool,
    /// Where a tick is 15,625 · 2ⁿ ns, as at 250 and 1,000 Hz: n; else 0. Every timer
    /// asks, and division by a variable is slow.
    shift: u32,
}

impl JiffyClock {
    /// A clock of `hz` ticks a second that had counted `boot_jiffies` at virtual time 0.
    #[must_use]
    pub const fn new(hz: u32, boot_jiffies: u64, rounding: bool) -> Self {
        let shift = match hz {
            250 => 8,
            1_000 => 6,
            _ => 0,
        };
        Self { hz, boot_jiffies, rounding, shift }
    }
    /// `jiffies` at `now`.
    #[must_use]
    #[inline]
    pub const fn jiffies(&self, now: Instant) -> u64 {
        self.boot_jiffies + self.ticks_in(now.nanos())
    }
    /// Whole ticks in `ns`.
    #[inline]
    const fn ticks_in(&self, ns: u64) -> u64 {
        if self.shift == 0 { self.odd_ticks_in(ns) } else { (ns >> self.shift) / 15_625 }
    }
    #[cold]
    #[inline(never)]
    const fn odd_ticks_in(&self, ns: u64) -> u64 {
        let (s, ns, hz) = (ns / NS_PER_S, ns % NS_PER_S, self.hz as u64);
        s * hz + ns * hz / NS_PER_S
    }
    /// Nanoseconds a tick, rounded down.
    #[must_use]
    pub const fn tick_ns(&self) -> u64 {
        NS_PER_S / self.hz as u64
    }
    /// A delay in whole jiffies, rounded up as `msecs_to_jiffies` does.
    #[must_use]
    #[inline]
    pub const fn to_jiffies(&self, delay: Duration) -> u64 {
        if self.shift == 0 {
            return self.odd_jiffies(delay);
        }
        (delay.nanos().saturating_add((15_625 << self.shift) - 1) / 15_625) >> self.shift
    }
    #[cold]
    #[inline(never)]
    const fn odd_jiffies(&self, delay: Duration) -> u64 {
        let (s, ns, hz) = (delay.nanos() / NS_PER_S, delay.nanos() % NS_PER_S, self.hz as u64);
        s * hz + (ns * hz).div_ceil(NS_PER_S)
    }
    /// A delay as the kernel can keep it: whole jiffies, rounded up. Unchanged
    /// without rounding.
    #[must_use]
    pub const fn quantized(&self, delay: Duration) -> Duration {
        if !self.rounding {
            return delay;
        }
        self.span(self.to_jiffies(delay))
    }
    /// `n` jiffies as a span of time.
    #[must_use]
    #[inline]
    pub const fn span(&self, n: u64) -> Duration {
        if self.shift == 0 { self.odd_span(n) } else { Duration::from_nanos((n * 15_625) << self.shift) }
    }
    #[cold]
    #[inline(never)]
    const fn odd_span(&self, n: u64) -> Duration {
        let hz = self.hz as u64;
        Duration::from_nanos((n / hz) * NS_PER_S + ((n % hz) * NS_PER_S).div_ceil(hz))
    }
    /// When a kernel timer asked at `now` to fire after `delay` really fires:
    /// jiffy granularity, then the wheel level's (kernel/time/timer.c
    /// `calc_wheel_index`), never early.
    #[must_use]
    #[inline]
    pub const fn expiry(&self, now: Instant, delay: Duration) -> Instant {
        if !self.rounding {
            cold_path();
            return Instant::from_nanos(now.nanos().saturating_add(delay.nanos()));
        }
        self.file(self.jiffies(now), self.to_jiffies(delay))
    }
    /// When a delayed-ACK timer asked at `now` fires. Measured, it is late by a
    /// further 0–1 jiffy (40–48 ms for 10 jiffies at HZ 250): the base it is
    /// queued on lags. Modelled by the parity of the jiffy.
    #[must_use]
    #[inline]
    pub const fn delack_expiry(&self, now: Instant, delay: Duration) -> Instant {
        if !self.rounding || delay.nanos() == 0 {
            return self.expiry(now, delay);
        }
        let jiffies = self.jiffies(now);
        self.file(jiffies, self.to_jiffies(delay) + (jiffies & 1))
    }

    /// The instant the bucket of a timer comes up that was filed at `jiffies`
    /// to expire `delta` later.
    #[inline]
    const fn file(&self, jiffies: u64, delta: u64) -> Instant {
        // The first level whose span, 63 · 8ˡ, is above `delta`.
        let bits = u64::BITS - (delta / LVL_SPAN).leading_zeros();
        let above = bits.div_ceil(LVL_CLK_SHIFT);
        let level = if above < LVL_LAST { above } else { LVL_LAST };
        let shift = level * LVL_CLK_SHIFT;
        let bucket = ((jiffies + delta + (1 << shift)) >> shift) << shift;
        Instant::from_nanos(self.span(bucket - self.boot_jiffies).nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn clock(hz: u32, boot_jiffies: u64) -> JiffyClock {
        JiffyClock::new(hz, boot_jiffies, true)
    }

    /// The latest and the earliest firing, in ns after the delay asked for,
    /// over many phases of the wheel and of the tick.
    fn lateness(hz: u32, delay: Duration) -> (u64, u64) {
        let (mut least, mut most) = (u64::MAX, 0);
        for boot in (0..9_000_u64).step_by(37) {
            for phase in [0_u64, 1, 999_999, 1_700_000, 3_999_999] {
                let clock = clock(hz, boot);
                let now = Instant::from_nanos(phase + 5_000_000_000);
                let late = clock.expiry(now, delay).since(now).nanos() - delay.nanos();
                least = least.min(late);
                most = most.max(late);
            }
        }
        (least, most)
    }

    #[test]
    fn never_early_and_late_by_at_most_a_granule_and_a_tick() {
        for (hz, seconds, granule_ms) in [(250, 60, 2_048), (1_000, 60, 4_096), (100, 60, 5_120), (250, 1, 32)] {
            let (least, most) = lateness(hz, Duration::from_secs(seconds));
            assert!(least > 0, "a timer never fires early");
            let tick_ms = 1_000 / u64::from(hz);
            assert!(most <= (granule_ms + tick_ms) * 1_000_000, "HZ {hz}, {seconds} s: {most}");
            assert!(most > granule_ms * 900_000, "HZ {hz}, {seconds} s: {most}");
        }
    }

    #[test]
    fn hz_300_minisocks_have_a_1706_ms_granule() {
        let (_, most) = lateness(300, Duration::from_secs(60));
        assert!((1_600_000_000..=1_710_000_001).contains(&most), "{most}");
    }

    #[test]
    fn a_timer_armed_when_another_fires_keeps_its_grid() {
        // kernel-truth keepalive_drop: one-second probes are 1.024 s apart.
        let clock = clock(250, 123_456);
        let first = clock.expiry(Instant::ZERO, Duration::from_secs(3));
        let second = clock.expiry(first, Duration::from_secs(1));
        assert_eq!(second.since(first), Duration::from_millis(1_024));
    }

    /// The constants of the usual rates against the general formulas.
    #[test]
    fn whole_ticks_are_what_the_fractions_say() {
        for hz in [100, 250, 300, 1_000] {
            let clock = clock(hz, 0);
            let rate = u128::from(hz);
            for ns in (0..200_u64).map(|n| n * n * n * 7_654_321 + n).chain([NS_PER_S - 1, NS_PER_S, NS_PER_S + 1]) {
                let exact = u128::from(ns) * rate;
                assert_eq!(u128::from(clock.jiffies(Instant::from_nanos(ns))), exact / u128::from(NS_PER_S));
                let up = exact.div_ceil(u128::from(NS_PER_S));
                assert_eq!(u128::from(clock.to_jiffies(Duration::from_nanos(ns))), up);
                let span = (u128::from(ns % 1_000_000) * u128::from(NS_PER_S)).div_ceil(rate);
                assert_eq!(u128::from(clock.span(ns % 1_000_000).nanos()), span);
            }
        }
    }

    #[test]
    fn jiffies_do_not_drift_at_300_hz() {
        let clock = clock(300, 0);
        assert_eq!(clock.jiffies(Instant::from_nanos(3_600 * NS_PER_S)), 1_080_000);
        assert_eq!(clock.to_jiffies(Duration::from_millis(200)), 60);
        for n in [1, 2, 299, 301, 12_345] {
            assert_eq!(clock.jiffies(Instant::from_nanos(clock.span(n).nanos())), n);
        }
    }

    #[test]
    fn a_tick_is_a_part_of_a_second() {
        assert_eq!(
            [100, 250, 300, 1_000].map(|hz| clock(hz, 0).tick_ns()),
            [10_000_000, 4_000_000, 3_333_333, 1_000_000]
        );
    }

    #[test]
    fn without_rounding_a_timer_is_exact() {
        let exact = JiffyClock { rounding: false, ..clock(250, 7) };
        assert_eq!(exact.expiry(Instant::from_nanos(3), Duration::from_secs(1)), Instant::from_nanos(1_000_000_003));
    }

    #[test]
    fn delayed_acks_take_40_to_48_ms() {
        // kernel-truth S1.
        let clock = clock(250, 1_000_001);
        let mut seen = (u64::MAX, 0);
        for ns in (0..400_000_000).step_by(777_777) {
            let now = Instant::from_nanos(ns);
            let wait = clock.delack_expiry(now, Duration::from_millis(40)).since(now).nanos();
            seen = (seen.0.min(wait), seen.1.max(wait));
        }
        assert!(seen.0 > 40_000_000 && seen.0 < 41_000_000, "{seen:?}");
        assert!(seen.1 <= 48_000_000 && seen.1 > 47_000_000, "{seen:?}");
    }
}
