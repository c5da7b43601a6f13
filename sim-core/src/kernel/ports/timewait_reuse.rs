//! When `connect()` may take a TIME_WAIT minisock's four-tuple over
//! (`tcp_twsk_unique`).

use crate::time::{Duration, Instant};

/// The clock that the age of the last timestamp is measured with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TwAge {
    /// Whole seconds must differ: up to Linux 6.13.
    WholeSeconds,
    /// More than `net.ipv4.tcp_tw_reuse_delay` whole milliseconds: from 6.14 on.
    Delay(Duration),
}

/// The first instant at which a minisock whose last timestamp (or, by the second
/// rule, whose entry into TIME_WAIT) was at `stamp` may be taken over, on a host that
/// had been up for `boot_age` at the start of the run. The caller has checked
/// that `net.ipv4.tcp_tw_reuse` applies, that timestamps were seen and that the
/// substate is TIME_WAIT.
#[must_use]
pub fn tw_reusable_at(stamp: Instant, boot_age: Duration, rule: TwAge) -> Instant {
    let (tick, ticks) = match rule {
        TwAge::WholeSeconds => (1_000_000_000, 1),
        // `time_after`: strictly later than the delay.
        TwAge::Delay(delay) => (1_000_000, delay.as_millis().saturating_add(1)),
    };
    let uptime = stamp.nanos().saturating_add(boot_age.nanos());
    let due = (uptime / tick).saturating_add(ticks).saturating_mul(tick);
    Instant::from_nanos(due.saturating_sub(boot_age.nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
    fn at(n: u64) -> Instant {
        Instant::ZERO + ms(n)
    }

    #[test]
    fn whole_seconds_of_uptime_decide_before_6_14() {
        let due = |stamp, age| tw_reusable_at(at(stamp), ms(age), TwAge::WholeSeconds);
        assert_eq!(due(100, 0), at(1_000));
        assert_eq!(due(999, 0), at(1_000), "a millisecond can be enough");
        assert_eq!(due(1_000, 0), at(2_000));
        assert_eq!(due(100, 500), at(500));
    }

    /// kernel-truth T2: reusable after 1.000 to 1.025 s.
    #[test]
    fn the_delay_must_be_exceeded_since_6_14() {
        let rule = TwAge::Delay(ms(1_000));
        assert_eq!(tw_reusable_at(at(250), Duration::ZERO, rule), at(1_251));
    }
}
