//! What the quick scenarios and the incident promise of every seed holds at a
//! hundred of them. `scenarios/` runs all files over a few seeds.

use std::sync::atomic::{AtomicU64, Ordering};

use halfclose::scenario::{OverSeeds, Run, Scenario, preset};
use halfclose::trace::NoObserver;

/// Expectations of a scenario that a seed breaks, in words.
fn broken(scenario: &Scenario, seed: u64) -> Vec<String> {
    let mut run = Run::new(scenario.clone(), seed).expect("a preset builds");
    if let Err(error) = run.run_to_end(&mut NoObserver) {
        return vec![format!("seed {seed}: {error}")];
    }
    let rows = run.verdicts();
    rows.iter().filter(|row| !row.ok).map(|row| format!("seed {seed}: {row:?}")).collect()
}

fn load(name: &str) -> Scenario {
    preset::find(name).unwrap_or_else(|| panic!("no scenario is called {name}")).scenario()
}

/// Runs a hundred seeds, on as many threads as the machine has cores.
fn holds_over_seeds(name: &str) {
    const SEEDS: u64 = 100;
    let scenario = load(name);
    let promised = scenario.expectations.iter().filter(|e| e.over_seeds == OverSeeds::All).count();
    assert!(promised > 0, "{name} promises nothing of every seed");
    let next = AtomicU64::new(1);
    let work = || {
        let mut found = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > SEEDS {
                return found;
            }
            found.extend(broken(&scenario, seed));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let found: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run does not panic")).collect()
    });
    let shown = found.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{name}: {} broken promises, among them\n{shown}", found.len());
}

#[test]
fn hundred_seeds_tiny() {
    holds_over_seeds("tiny");
}

#[test]
fn hundred_seeds_one_connection() {
    holds_over_seeds("one-connection");
}

#[test]
fn hundred_seeds_fixed_client() {
    holds_over_seeds("fixed-client");
}

#[test]
fn hundred_seeds_two_hosts() {
    holds_over_seeds("two-hosts");
}

#[test]
fn hundred_seeds_incident() {
    holds_over_seeds("incident");
}
