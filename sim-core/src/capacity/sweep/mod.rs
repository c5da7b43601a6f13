//! Sweeps: many variants of one scenario, each under several seeds.
//!
//! A [`Plan`] lists [`Unit`]s in a fixed order. A unit is pure: what it gives
//! depends on the plan alone, so units may run anywhere, in any order, twice,
//! and be put together afterwards. A unit is one variant under one seed; with a
//! threshold to be found it is one variant, bisected under all seeds at once.

mod figures;
pub mod pairs;
mod plan;
mod point;
mod survey;
mod threshold;
mod words;

pub use figures::{Axes, Bar, Cell, Curve, Curves, Figure, Heat, Shape, Tornado, Trial, Trials, figures, told};
pub use plan::{Measure, Mode, Plan, PlanError, PlanProblem, PlanText, Seeds, Threshold, Vary};
pub use point::{MeasureError, Outcome, Point, PointError, PointProblem};
pub use survey::{Axis, Finished, Quantity, Spread, Survey, Try, short};
pub use threshold::{Found, Search};
pub use words::SweepWord;

/// A value of a key, as `--set` takes it.
pub type Setting = (String, String);

/// What is simulated in one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// Its place in the plan's order, from 0.
    pub index: usize,
    /// The values that make this variant.
    pub settings: Vec<Setting>,
    /// The seed; `None` for a threshold, which is found for all seeds together.
    pub seed: Option<u64>,
}

impl Plan {
    /// All units, in the plan's order: variants as the keys are listed, the last
    /// fastest; for each, the seeds.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let seeds: Vec<Option<u64>> = match self.threshold {
            Some(_) => vec![None],
            None => self.seeds.iter().map(|&seed| Some(seed)).collect(),
        };
        let each =
            self.variants().into_iter().flat_map(|settings| seeds.iter().map(move |&seed| (settings.clone(), seed)));
        each.enumerate().map(|(index, (settings, seed))| Unit { index, settings, seed }).collect()
    }

    /// How many units there are, without making them.
    #[must_use]
    pub fn points(&self) -> usize {
        let lengths = self.vary.iter().map(|vary| vary.values.len());
        let variants = match self.mode {
            Mode::Grid => lengths.fold(1, usize::saturating_mul),
            Mode::Zip => lengths.min().unwrap_or(0),
            Mode::OneAtATime => lengths.fold(1, usize::saturating_add),
        };
        variants.saturating_mul(if self.threshold.is_some() { 1 } else { self.seeds.len() })
    }

    /// The variants: all combinations, or the base and each value alone.
    fn variants(&self) -> Vec<Vec<Setting>> {
        let set = |vary: &Vary, value: &str| (vary.key.clone(), value.to_owned());
        match self.mode {
            Mode::Grid => self.vary.iter().fold(vec![Vec::new()], |variants, vary| {
                let grown = variants.iter().flat_map(|variant| {
                    vary.values.iter().map(move |value| {
                        let mut variant = variant.clone();
                        variant.push(set(vary, value));
                        variant
                    })
                });
                grown.collect()
            }),
            // The n-th value of every key together, for random samples.
            Mode::Zip => {
                let longest = self.vary.iter().map(|vary| vary.values.len()).min().unwrap_or(0);
                (0..longest).map(|n| self.vary.iter().map(|vary| set(vary, &vary.values[n])).collect()).collect()
            }
            Mode::OneAtATime => {
                let alone =
                    self.vary.iter().flat_map(|vary| vary.values.iter().map(move |value| vec![set(vary, value)]));
                core::iter::once(Vec::new()).chain(alone).collect()
            }
        }
    }

    /// The units of one of `shards` machines: every `shards`-th, so that slow
    /// corners of a grid are shared out.
    #[must_use]
    pub fn shard(&self, index: usize, shards: usize) -> Vec<Unit> {
        self.units().into_iter().filter(|unit| unit.index % shards.max(1) == index).collect()
    }
}
