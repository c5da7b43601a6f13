//! Random numbers: one ChaCha8 stream per host, link and application, never
//! per socket, so that adding a socket does not shift another's numbers.
//!
//! Distributions are ours, in integers, so that no library update and no
//! platform changes a run.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::units::Ratio;

/// Who draws: the stream number of an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// A host's kernel.
    Host(u16),
    /// A link.
    Link(u16),
    /// A process's program: its number among all processes of the world.
    App(u32),
}

impl Stream {
    const fn number(self) -> u64 {
        match self {
            Self::Host(n) => 1 << 32 | n as u64,
            Self::Link(n) => 2 << 32 | n as u64,
            Self::App(n) => 3 << 32 | n as u64,
        }
    }
}

/// A deterministic random stream.
#[derive(Clone, Debug)]
pub struct SimRng(ChaCha8Rng);

impl SimRng {
    /// The stream of one entity under the scenario's seed.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream.number());
        Self(rng)
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..ceil` by multiplication with rejection, as
    /// `get_random_u32_below` (Linux 6.2) does. `ceil` 0 gives 0.
    pub fn below(&mut self, ceil: u32) -> u32 {
        if ceil <= 1 {
            return 0;
        }
        let reject = ceil.wrapping_neg() % ceil;
        loop {
            let wide = u64::from(self.next_u32()) * u64::from(ceil);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is what is compared")]
            let low = wide as u32;
            if low >= reject {
                return (wide >> 32) as u32;
            }
        }
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1);
        if span == 0 {
            return self.next_u64();
        }
        let wide = u128::from(self.next_u64()) * u128::from(span);
        low + u64::try_from(wide >> 64).expect("the high half of a 128-bit product fits 64 bits")
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: Ratio) -> bool {
        p.num > 0 && self.below(p.den) < p.num
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_independent_and_reproducible() {
        let draw = |s| {
            let mut rng = SimRng::new(7, s);
            [rng.next_u32(), rng.below(10), rng.below(1000)]
        };
        assert_eq!(draw(Stream::Host(0)), draw(Stream::Host(0)));
        assert_ne!(draw(Stream::Host(0)), draw(Stream::Host(1)));
        assert_ne!(draw(Stream::Host(0)), draw(Stream::App(0)));
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut rng = SimRng::new(1, Stream::Host(0));
        let mut seen = [0_u32; 8];
        for _ in 0..80_000 {
            seen[rng.below(8) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
    }
}
