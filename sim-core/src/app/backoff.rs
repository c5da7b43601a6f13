//! How long a client waits before it tries again.

use crate::rng::SimRng;
use crate::time::Duration;

/// A reconnection policy's waiting times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum BackOff {
    /// The same wait each time; zero tries again at once.
    Fixed(Duration),
    /// Grows from `first` by a factor each time, up to `cap`.
    Exponential {
        /// First wait.
        first: Duration,
        /// Factor from one wait to the next; 2 doubles.
        growth: u32,
        /// Longest wait.
        cap: Duration,
    },
    /// Full jitter: uniform between zero and the exponential wait.
    Jittered {
        /// Bound of the first wait.
        first: Duration,
        /// Factor from one bound to the next.
        growth: u32,
        /// Bound of the longest wait.
        cap: Duration,
    },
}

impl BackOff {
    /// The wait after `failures` failures in a row (from 1).
    #[must_use]
    pub fn wait(self, failures: u32, rng: &mut SimRng) -> Duration {
        let grown = |first: Duration, growth: u32, cap: Duration| {
            let factor = u64::from(growth).saturating_pow(failures.saturating_sub(1));
            first.saturating_mul(factor).min(cap)
        };
        match self {
            Self::Fixed(wait) => wait,
            Self::Exponential { first, growth, cap } => grown(first, growth, cap),
            Self::Jittered { first, growth, cap } => {
                let bound = grown(first, growth, cap);
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
        let exponential = BackOff::Exponential { first, growth: 2, cap };
        assert_eq!([1, 2, 3, 4, 5, 200].map(|n| ms(exponential, n, &mut rng)), [10, 20, 40, 80, 100, 100]);
        let tripling = BackOff::Exponential { first, growth: 3, cap };
        assert_eq!([1, 2, 3, 4].map(|n| ms(tripling, n, &mut rng)), [10, 30, 90, 100]);
        assert_eq!(ms(BackOff::Fixed(first), 9, &mut rng), 10);
        let jittered: Vec<_> = (1..200).map(|_| ms(BackOff::Jittered { first, growth: 2, cap }, 4, &mut rng)).collect();
        assert!(
            jittered.iter().all(|&w| w <= 80) && jittered.iter().any(|&w| w < 20) && jittered.iter().any(|&w| w > 60)
        );
    }
}
