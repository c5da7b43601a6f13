//! Two runs held against each other: where they part, and what comes of it.
//!
//! Two variants of one scenario under one seed share every random draw, so the
//! first record that differs is the first effect of what was changed.

use std::collections::BTreeSet;

use super::charts::{Chart, Watch, charts, drive, overlay};
use super::findings::{Finding, findings};
use super::told::{RecordNames, Told};
use super::{FindingId, RunFacts};
use crate::scenario::build::BuildError;
use crate::scenario::{Run, Scenario};
use crate::sim::SimError;
use crate::time::{Duration, Instant};
use crate::trace::{NoObserver, Record, Recorder};

/// Into how many slices a stretch of time is cut to find where two runs part.
const SLICES: u64 = 256;
/// Records kept of the slice in which they do.
const MAX_RECORDS: usize = 1 << 20;
/// How many records before and after the difference are told.
const BEFORE: usize = 3;
const AFTER: usize = 4;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// What runs.
    pub scenario: Scenario,
    /// Under which seed.
    pub seed: u64,
}

/// Why two runs could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// One could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// One exceeded a budget.
    #[error(transparent)]
    Sim(#[from] SimError),
}

/// A number that both runs have, or one of them.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct MetricPair {
    /// Its name.
    pub name: String,
    /// In the first run.
    pub first: Option<i64>,
    /// In the second.
    pub second: Option<i64>,
}

impl MetricPair {
    /// The two differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.first != self.second
    }
}

/// A finding in either run, or in both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingPair {
    /// Which.
    pub id: FindingId,
    /// In the first run.
    pub first: Option<Finding>,
    /// In the second.
    pub second: Option<Finding>,
}

/// Where two runs part.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Parting {
    /// The earlier of the two first records that differ.
    pub at_ns: u64,
    /// The last records both have.
    pub before: Vec<Told>,
    /// What the first run does instead; empty if it has no more records.
    pub first: Vec<Told>,
    /// What the second does.
    pub second: Vec<Told>,
}

/// What two runs have in common, and what not.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Names of the runs.
    pub names: [String; 2],
    /// Their seeds.
    pub seeds: [u64; 2],
    /// Their digests.
    pub digests: [String; 2],
    /// Where they part; `None` if every record is the same.
    pub parting: Option<Parting>,
    /// Metrics at the end, those of either run, in order of their names' first appearance.
    pub metrics: Vec<MetricPair>,
    /// Findings of either run, in the order of a telling.
    pub findings: Vec<FindingPair>,
    /// Charts of both, one over the other.
    pub charts: Vec<Chart>,
}

impl Diff {
    /// Every record was the same.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.parting.is_none()
    }
}

/// Runs both variants to their ends and compares them.
///
/// # Errors
/// If one cannot be built, or exceeds a budget.
pub fn diff(variants: &[Variant; 2], progress: &mut dyn FnMut(u64, u64)) -> Result<Diff, DiffError> {
    let [mut first, mut second] = [started(&variants[0])?, started(&variants[1])?];
    let [mut watch_first, mut watch_second] = [Watch::new(&first), Watch::new(&second)];
    let end = first.scenario().end.max(second.scenario().end);
    let mut parted = None;
    let mut equal = Instant::ZERO;
    for (number, to) in (1..).zip(slices(Instant::ZERO, end)) {
        drive(&mut first, to.min(variants[0].scenario.end), &mut watch_first)?;
        drive(&mut second, to.min(variants[1].scenario.end), &mut watch_second)?;
        if parted.is_none() {
            if first.world().digest() == second.world().digest() {
                equal = to;
            } else {
                parted = Some((equal, to));
            }
        }
        progress(number, SLICES);
    }
    let parting = match parted {
        Some((from, to)) => Some(part(variants, from, to)?),
        None => None,
    };
    let names = [variants[0].name.as_str(), variants[1].name.as_str()];
    let same_seed = variants[0].seed == variants[1].seed;
    let theirs = charts(&watch_second, &second);
    let both = charts(&watch_first, &first).into_iter().filter_map(|ours| {
        let other = theirs.iter().find(|chart| chart.name == ours.name && chart.x.unit == ours.x.unit)?;
        Some(overlay(&ours, other, names, same_seed))
    });
    Ok(Diff {
        names: names.map(str::to_owned),
        seeds: [variants[0].seed, variants[1].seed],
        digests: [&first, &second].map(|run| run.world().digest().to_string()),
        parting,
        metrics: metrics(&first, &second),
        findings: pairs(findings(&RunFacts::of(&first)), findings(&RunFacts::of(&second))),
        charts: both.collect(),
    })
}

/// Metrics of two runs side by side, as both stand.
#[must_use]
pub fn metrics(first: &Run, second: &Run) -> Vec<MetricPair> {
    let (ours, theirs) = (first.metrics(), second.metrics());
    let mut seen = BTreeSet::new();
    let names = ours.iter().chain(&theirs).map(|(name, _)| name).filter(|name| seen.insert(name.as_str()));
    let value = |all: &[(String, i64)], name: &str| all.iter().find(|(one, _)| one == name).map(|&(_, value)| value);
    names
        .map(|name| MetricPair { name: name.clone(), first: value(&ours, name), second: value(&theirs, name) })
        .collect()
}

/// Findings of two runs side by side.
#[must_use]
pub fn pairs(first: Vec<Finding>, second: Vec<Finding>) -> Vec<FindingPair> {
    let of = |all: &[Finding], id| all.iter().find(|finding| finding.id == id).cloned();
    let pair = |&id: &FindingId| FindingPair { id, first: of(&first, id), second: of(&second, id) };
    FindingId::ALL.iter().map(pair).filter(|pair| pair.first.is_some() || pair.second.is_some()).collect()
}

/// The place of the first record that is not in both; `None` if there is none.
#[must_use]
pub fn first_difference(first: &[Record], second: &[Record]) -> Option<usize> {
    let common = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    (common < first.len().max(second.len())).then_some(common)
}

fn started(variant: &Variant) -> Result<Run, DiffError> {
    let mut run = Run::new(variant.scenario.clone(), variant.seed)?;
    run.foresee()?;
    Ok(run)
}

/// Even slices of a stretch of time, the last of which ends it.
fn slices(from: Instant, to: Instant) -> impl Iterator<Item = Instant> {
    let span = to.since(from).nanos();
    (1..=SLICES).map(move |n| {
        let part = u128::from(span) * u128::from(n) / u128::from(SLICES);
        from + Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
    })
}

/// Finds the record at which two runs part that are equal up to and including
/// `from` and differ by `to`: the slice of a second pass, the records of a third.
fn part(variants: &[Variant; 2], from: Instant, to: Instant) -> Result<Parting, DiffError> {
    let [mut first, mut second] = [started(&variants[0])?, started(&variants[1])?];
    let mut to = to;
    // At the very start nothing has happened yet, and time zero is no slice of its own.
    let until = |run: &mut Run, at: Instant| {
        let end = run.scenario().end;
        run.run_until(at.min(end), &mut NoObserver)
    };
    if from > Instant::ZERO {
        until(&mut first, from)?;
        until(&mut second, from)?;
    }
    for at in slices(from, to).collect::<Vec<_>>() {
        until(&mut first, at)?;
        until(&mut second, at)?;
        if first.world().digest() != second.world().digest() {
            to = at;
            break;
        }
    }
    // From the coarse slice on, so that what both do just before can be told.
    let [ours, theirs] = [recorded(&variants[0], from, to)?, recorded(&variants[1], from, to)?];
    let at = first_difference(&ours, &theirs).unwrap_or(ours.len().min(theirs.len()));
    let names = variants.each_ref().map(|variant| RecordNames::of(&variant.scenario));
    let told = |names: &RecordNames, records: &[Record], from: usize, count: usize| -> Vec<Told> {
        records.iter().skip(from).take(count).map(|record| names.tell(record)).collect()
    };
    let next = [&ours, &theirs].into_iter().filter_map(|records| records.get(at)).map(|record| record.at.nanos()).min();
    Ok(Parting {
        at_ns: next.unwrap_or_else(|| to.nanos()),
        before: told(&names[0], &ours, at.saturating_sub(BEFORE), at.min(BEFORE)),
        first: told(&names[0], &ours, at, AFTER),
        second: told(&names[1], &theirs, at, AFTER),
    })
}

/// The records of a variant after `from` up to `to` and a few more, system calls included.
fn recorded(variant: &Variant, from: Instant, to: Instant) -> Result<Vec<Record>, DiffError> {
    let mut run = started(variant)?;
    let end = variant.scenario.end;
    if from > Instant::ZERO {
        run.run_until(from.min(end), &mut NoObserver)?;
    }
    let mut recorder = Recorder::new(MAX_RECORDS, true);
    run.run_until(to.min(end), &mut recorder)?;
    // A few more, so that what comes instead can be told.
    let enough = recorder.records().len() + AFTER;
    while recorder.records().len() < enough && run.world().next_at() <= end {
        let next = run.world().next_at();
        run.run_until(next, &mut recorder)?;
    }
    Ok(recorder.records().to_vec())
}
