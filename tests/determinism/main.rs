//! The same scenario and seed give the same run: whoever watches, wherever it
//! is stopped, and in every copy of the world.

mod monkey;
mod properties;

use halfclose::scenario::{Run, Scenario, build, preset};
use halfclose::sim::{Step, World};
use halfclose::time::{Duration, Instant};
use halfclose::trace::{Digest, NoObserver, Observer, Record, Recorder};

/// Scenarios with different mechanisms, cut short to stay quick.
const SAMPLE: &[(&str, u64)] =
    &[("tiny", 30), ("one-connection", 100), ("fixed-client", 60), ("mariadb", 20), ("incident", 25)];

fn load(name: &str) -> Scenario {
    preset::find(name).expect("a shipped scenario").scenario()
}

fn seconds(n: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(n)
}

fn digest(name: &str, seed: u64, until: u64, observer: &mut dyn Observer) -> (Digest, u64) {
    let mut run = Run::new(load(name), seed).expect("a preset builds");
    run.run_until(seconds(until), observer).expect("within its budgets");
    (run.world().digest(), run.world().events())
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    for &(name, until) in SAMPLE {
        let first = digest(name, 7, until, &mut NoObserver);
        assert_eq!(first, digest(name, 7, until, &mut NoObserver), "{name}");
        assert_ne!(first.0, digest(name, 8, until, &mut NoObserver).0, "{name}");
    }
}

/// Watches everything and forgets it.
struct Nosy(u64);

impl Observer for Nosy {
    fn record(&mut self, _record: &Record) {
        self.0 += 1;
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

#[test]
fn watching_changes_nothing() {
    for &(name, until) in SAMPLE {
        let alone = digest(name, 7, until, &mut NoObserver);
        let mut nosy = Nosy(0);
        assert_eq!(alone, digest(name, 7, until, &mut nosy), "{name}");
        assert!(nosy.0 > 0);
        for (limit, syscalls) in [(10, true), (100_000, false), (100_000, true)] {
            let mut recorder = Recorder::new(limit, syscalls);
            assert_eq!(alone, digest(name, 7, until, &mut recorder), "{name}");
        }
    }
}

#[test]
fn stopping_on_the_way_changes_nothing() {
    for &(name, until) in SAMPLE {
        let (at_once, _) = digest(name, 7, until, &mut NoObserver);
        // Steps that meet ticks, events and nothing in particular.
        for step in [1_000_000_007, 250_000_000, 33_333_333] {
            let mut run = Run::new(load(name), 7).expect("a preset builds");
            let mut at = Instant::ZERO;
            while at < seconds(until) {
                at = (at + Duration::from_nanos(step)).min(seconds(until));
                run.run_until(at, &mut NoObserver).expect("within its budgets");
                assert_eq!(run.world().now(), at);
            }
            // The number of queue entries may differ: a program yields where the run stops.
            assert_eq!(at_once, run.world().digest(), "{name} in steps of {step} ns");
        }
    }
}

/// Past the actions of the timeline, which are the caller's business.
fn run_world(world: &mut World, until: Instant) {
    while world.run_until(until, &mut NoObserver).expect("within its budgets") != Step::Idle {}
}

#[test]
fn a_copy_of_the_world_goes_the_same_way() {
    for &(name, until) in SAMPLE {
        let until = until.min(20);
        let mut world = build::world(&load(name), 7).expect("a preset builds").world;
        let mut copies = Vec::new();
        for part in 1..=4 {
            run_world(&mut world, seconds(until * part / 5));
            copies.push(world.try_fork().expect("every shipped program can be copied"));
        }
        // The copies run first: what they do must not reach the original.
        let ends: Vec<_> = copies
            .iter_mut()
            .map(|copy| {
                run_world(copy, seconds(until));
                copy.digest()
            })
            .collect();
        run_world(&mut world, seconds(until));
        assert!(ends.iter().all(|end| *end == world.digest()), "{name}: {ends:?}");
    }
}
