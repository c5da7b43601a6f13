//! How long a client waits before it tries again.

use crate::rng::SimRng;
use crate::time::Duration;

/// A reconnection policy's waiting times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackOff {
    /// The same wait each time; zero tries again at once.
    Fixed(Duration),
    /// Doubles from `first` up to `cap`.
    Exponential {
        /// First wait.
        first: Duration,
        /// Longest wait.
        cap: Duration,
    },
    /// Full jitter: uniform between zero and the exponential wait.
    Jittered {
        /// Bound of the first wait.
        first: Duration,
        /// Bound of the longest wait.
        cap: Duration,
    },
}

impl BackOff {
    /// The wait after `failures` failures in a row (from 1).
    #[must_use]
    pub fn wait(self, failures: u32, rng: &mut SimRng) -> Duration {
        let doubled = |first: Duration, cap: Duration| {
            let factor = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
            first.saturating_mul(factor).min(cap)
        };
        match self {
            Self::Fixed(wait) => wait,
            Self::Exponential { first, cap } => doubled(first, cap),
            Self::Jittered { first, cap } => {
                let bound = doubled(first, cap);
                Duration::from_nanos(rng.between(0, bound.nanos()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn waits_double_to_the_cap_and_jitter_stays_below() {
        let mut rng = SimRng::new(1, Stream::App(0));
        let (first, cap) = (Duration::from_millis(10), Duration::from_millis(100));
        let ms = |policy: BackOff, n, rng: &mut SimRng| policy.wait(n, rng).as_millis();
        let exponential = BackOff::Exponential { first, cap };
        assert_eq!([1, 2, 3, 4, 5, 200].map(|n| ms(exponential, n, &mut rng)), [10, 20, 40, 80, 100, 100]);
        assert_eq!(ms(BackOff::Fixed(first), 9, &mut rng), 10);
        let jittered: Vec<_> = (1..200).map(|_| ms(BackOff::Jittered { first, cap }, 4, &mut rng)).collect();
        assert!(
            jittered.iter().all(|&w| w <= 80) && jittered.iter().any(|&w| w < 20) && jittered.iter().any(|&w| w > 60)
        );
    }
}
