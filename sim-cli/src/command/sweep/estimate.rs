//! What a sweep has left to do, and how long that will take: measured, not guessed.

use std::collections::BTreeSet;
use std::time::Duration;

use halfclose::capacity::sweep::{Outcome, Plan, Point, Search, Unit};
use halfclose::say;
use halfclose::text::Lang;

use super::journal::Journal;
use super::point_failure;
use crate::command::span;
use crate::exit::Failure;
use crate::message::Planning as Say;
use crate::progress::Stopwatch;

/// The runs that are not known yet.
pub(super) struct Left<'a> {
    /// How many; at most so many where a bisection decides.
    pub(super) runs: u64,
    /// A bisection decides.
    at_most: bool,
    /// The first and the last of those that are needed whatever comes out.
    sure: Vec<Point<'a>>,
}

impl<'a> Left<'a> {
    pub(super) fn of(plan: &'a Plan, units: &'a [Unit], journal: &Journal) -> Self {
        let mut left = Self { runs: 0, at_most: plan.threshold.is_some(), sure: Vec::new() };
        // Units with the same values are one run.
        let mut counted = BTreeSet::new();
        for unit in units {
            match Search::new(plan, unit) {
                Some(search) => left.bisected(plan, search, journal),
                None => {
                    let point = Point::of(plan, unit, unit.seed.unwrap_or(plan.seeds[0]));
                    if journal.find(&point).is_none() && counted.insert(point.key()) {
                        left.runs += 1;
                        left.sure(point);
                    }
                }
            }
        }
        left
    }

    /// The search, as far as the known outcomes lead it.
    fn bisected(&mut self, plan: &Plan, mut search: Search<'a>, journal: &Journal) {
        while let Some(value) = search.next_value() {
            let points = search.points(value);
            let known: Vec<Outcome> = points.iter().filter_map(|point| journal.find(point)).collect();
            if known.len() < points.len() {
                let values = u64::from(search.most_left());
                self.runs += values * plan.seeds.len() as u64 - known.len() as u64;
                points.into_iter().filter(|point| journal.find(point).is_none()).for_each(|point| self.sure(point));
                return;
            }
            search.learn(value, &known);
        }
    }

    /// Only the first and the last are kept: the ends of a grid cost differently.
    fn sure(&mut self, point: Point<'a>) {
        self.sure.truncate(1);
        self.sure.push(point);
    }

    pub(super) fn text(&self, lang: Lang) -> String {
        let cores = rayon::current_num_threads();
        match self.at_most {
            true => say!(lang, Say::SweepLeftAtMost, self.runs, cores),
            false => say!(lang, Say::SweepLeft, self.runs, cores),
        }
    }

    /// Runs the first and the last at the same time, and takes the time of each.
    pub(super) fn time(&self, lang: Lang) -> Result<Timed, Failure> {
        let before = memory("VmRSS:");
        let run = |point: &Point<'_>| -> Result<(Outcome, Duration), Failure> {
            let watch = Stopwatch::start(None);
            let outcome = point.simulate().map_err(|error| point_failure(&error, lang))?;
            Ok((outcome, watch.elapsed()))
        };
        let runs = match self.sure.as_slice() {
            [] => Vec::new(),
            [one] => vec![run(one)?],
            [first, last, ..] => {
                let (first, last) = rayon::join(|| run(first), || run(last));
                vec![first?, last?]
            }
        };
        let each = memory("VmHWM:").zip(before).map(|(peak, before)| {
            (before, peak.saturating_sub(before) / u64::try_from(runs.len().max(1)).unwrap_or(1))
        });
        let left = self.runs - runs.len() as u64;
        Ok(Timed { runs, left, at_most: self.at_most, memory: each })
    }
}

/// One or two runs that were timed.
pub(super) struct Timed {
    pub(super) runs: Vec<(Outcome, Duration)>,
    /// Runs that are left after them.
    left: u64,
    at_most: bool,
    /// Bytes of the program before, and more for each run at once; `None` where the system does not tell.
    memory: Option<(u64, u64)>,
}

impl Timed {
    /// How long the rest will take on this machine; `None` if nothing is left.
    pub(super) fn rest(&self) -> Option<Duration> {
        if self.left == 0 || self.runs.is_empty() {
            return None;
        }
        let total: Duration = self.runs.iter().map(|(_, took)| *took).sum();
        let mean = total.as_secs_f64() / self.runs.len() as f64;
        // Fewer runs than cores take as long as one.
        let turns = (self.left as f64 / rayon::current_num_threads().max(1) as f64).max(1.0);
        Duration::try_from_secs_f64(mean * turns).ok()
    }

    pub(super) fn text(&self, dry: bool, lang: Lang) -> String {
        let mut out = match dry {
            true => say!(lang, Say::SweepTimedDry),
            false => say!(lang, Say::SweepTimed),
        };
        for (outcome, took) in &self.runs {
            let words = super::settings(&outcome.set);
            out.push_str(&format!(
                "\n  {}  {}",
                span(took.as_secs_f64()),
                say!(lang, Say::SweepRun, outcome.seed, words)
            ));
        }
        if let Some(rest) = self.rest() {
            let (rest, all) = (span(rest.as_secs_f64()), self.left + self.runs.len() as u64);
            out.push('\n');
            out.push_str(&match self.at_most {
                true => say!(lang, Say::SweepEstimateAtMost, rest, self.left, all),
                false => say!(lang, Say::SweepEstimate, rest, self.left, all),
            });
        }
        if let Some((own, each)) = self.memory {
            let at_once = u64::try_from(rayon::current_num_threads()).unwrap_or(1).min(self.left.max(1));
            out.push('\n');
            out.push_str(&say!(lang, Say::SweepMemory, (own + each * at_once).div_ceil(1 << 20), at_once));
        }
        out
    }
}

/// A line of Linux's `/proc/self/status`, in bytes.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
