//! Every shipped scenario through its own expectations, over several seeds, and
//! the programs no shipped scenario uses.

mod diagnosed;
mod lab;
mod programs;
mod questions;
mod shipped;

use halfclose::scenario::{Run, Scenario};
use halfclose::trace::NoObserver;

/// A scenario run to its end: no budget exceeded, no order refused.
fn run(scenario: Scenario, seed: u64) -> Run {
    let mut run = Run::new(scenario, seed).expect("a checked scenario builds");
    run.run_to_end(&mut NoObserver).expect("within its budgets");
    assert_eq!(run.refusals(), [], "seed {seed}");
    run
}

/// Asserts that every expectation holds.
fn assert_holds(scenario: &Scenario, seed: u64) -> Run {
    let run = run(scenario.clone(), seed);
    let verdicts = run.verdicts();
    assert_eq!(verdicts.len(), scenario.expectations.len(), "each is meant for every seed");
    let failed: Vec<_> = verdicts.iter().filter(|row| !row.ok).collect();
    assert!(failed.is_empty(), "`{}`, seed {seed}: {failed:#?}", scenario.title);
    run
}

/// A metric at the end of a run.
fn metric(run: &Run, text: &str) -> i64 {
    let metric = run.scenario().metric(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    run.metric(&metric).unwrap_or_else(|| panic!("{text} has no value"))
}
