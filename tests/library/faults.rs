//! Ten programs with one realistic fault each are found within a thousand cases by
//! the library's ready properties, the same for all; a correct one passes ten thousand.

use std::path::Path;

use halfclose::app::task::{Program, SimNet};
use halfclose::check::{
    Check, Counterexample, Failure, Plan, Plans, TimedFault, Topology, errors_are_told, fds_return_to_baseline,
    healthy_again_within, no_old_close_wait, ready,
};
use halfclose::scenario::{Run, Scenario};
use halfclose::text::Lang;
use halfclose::time::Duration;
use halfclose::trace::NoObserver;

use crate::clients::{self, Flaw, POOL};

fn check(flaw: Flaw) -> Check {
    Check::client_program(move || Program::new(move |net| clients::client(net, flaw))).properties(ready(POOL))
}

fn server(stops: bool) -> Check {
    Check::server(7_000, move |net| clients::server(net, stops))
        .plans(|plans| plans.nofile = 16..=32)
        // Twelve at a time, silent ones for 2 s each: eighty in the queue take 14 s.
        .property(no_old_close_wait(Duration::from_secs(20)))
        .property(fds_return_to_baseline(Duration::from_secs(20), 8))
        .property(errors_are_told(Duration::from_secs(20)))
        .property(healthy_again_within(Duration::from_secs(30)))
}

/// Finds the flaw by one of these properties and within so many events, prints the story, and leaves the scenario
/// in cargo's folder for test data under `name`.
fn found(name: &str, check: &Check, by: &[&str], within: u64) -> Counterexample {
    let failure = match check.try_run() {
        Ok(report) => panic!("nothing was found: {report:?}"),
        Err(failure) => failure,
    };
    let Failure::Violated(found) = failure else { panic!("{failure}") };
    println!("{}\n", found.story(Lang::En));
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml")), found.scenario()).unwrap();
    assert!(by.contains(&found.property.as_str()), "found by `{}`", found.property);
    println!("{name}: case {}, {} events", found.case, found.events);
    assert!(found.case < 1_000);
    // What finding it costs, on whatever machine; half as much again as it does now.
    assert!(found.events < within, "{} events", found.events);
    if found.scenario().contains("[[expect]]") {
        reproduces(found.scenario());
    }
    assert_eq!(Plan::from_scenario(found.scenario()).as_ref(), Some(&found.plan));
    // Shrinking leaves what matters.
    assert!(found.plan.faults.len() <= found.first.faults.len());
    *found
}

/// `halfclose run` on the scenario: the calls of the program as a script break the same expectation.
fn reproduces(text: &str) {
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    let seed = scenario.seed;
    let mut run = Run::new(scenario, seed).unwrap();
    run.run_to_end(&mut NoObserver).unwrap();
    let rows = run.verdicts();
    assert!(rows.iter().any(|row| !row.ok), "{rows:?}\n{text}");
}

const LEAKS: &[&str] = &["no old CLOSE_WAIT", "descriptors return to their baseline", "few source ports"];

#[test]
fn the_leak() {
    let found = found("leak", &check(Flaw::Leak).cases(1_000), LEAKS, 15_000);
    assert!(found.violation.why.contains("worker"), "it says which task: {}", found.violation.why);
}

#[test]
fn the_leak_on_handshake_timeout() {
    found("handshake-timeout", &check(Flaw::LeakOnHandshakeTimeout).cases(1_000), LEAKS, 50_000);
}

#[test]
fn the_leak_on_cancellation() {
    found("cancellation", &check(Flaw::LeakOnCancellation).cases(1_000), LEAKS, 12_000);
}

#[test]
fn the_storm() {
    found("storm", &check(Flaw::Storm).cases(1_000), &["no connect storm"], 25_000);
}

#[test]
fn synchronized_back_off() {
    found("synchronized", &check(Flaw::SynchronizedBackOff).cases(1_000), &["no connect storm"], 12_000);
}

#[test]
fn retry_on_eaddrnotavail() {
    found("eaddrnotavail", &check(Flaw::RetryOnAddrNotAvail).cases(1_000), &["no connect storm"], 110_000);
}

#[test]
fn the_wrong_clock() {
    found("wrong-clock", &check(Flaw::WrongClock).cases(1_000), LEAKS, 12_000);
}

#[test]
fn a_dead_connection_handed_out() {
    found("dead-handed-out", &check(Flaw::DeadHandedOut).cases(1_000), &["no dead connection is used"], 90_000);
}

#[test]
fn no_timeout_on_the_greeting() {
    found("greeting", &check(Flaw::NoGreetingTimeout).cases(1_000), &["healthy again"], 900_000);
}

#[test]
fn a_listener_that_stops_at_emfile() {
    found("emfile", &server(true).cases(1_000), &["healthy again", "no old CLOSE_WAIT"], 10_000);
}

/// The seeds are fixed, so these are the same ten thousand cases each time. In four parts, for four cores.
fn passes(part: u64) {
    let report = check(Flaw::None).seed(100 + part).cases(2_500).run();
    println!("{} events; {:?}", report.events, report.guards);
    assert_eq!(report.cases, 2_500);
    // 2,470 events a case: what a case costs, on whatever machine.
    assert!((5_000_000..7_000_000).contains(&report.events), "{}", report.events);
    assert!(report.guards.iter().all(|(_, cases)| *cases > 100), "{:?}", report.guards);
}

#[test]
fn the_correct_client_passes_part_one() {
    passes(1);
}

#[test]
fn the_correct_client_passes_part_two() {
    passes(2);
}

#[test]
fn the_correct_client_passes_part_three() {
    passes(3);
}

#[test]
fn the_correct_client_passes_part_four() {
    passes(4);
}

#[test]
fn the_correct_server_passes() {
    let report = server(false).cases(1_000).run();
    assert!(report.guards.iter().all(|(_, cases)| *cases > 50), "{:?}", report.guards);
}

/// What a check found is kept as a scenario file and runs before all else.
#[test]
fn a_kept_case_is_found_at_once_and_the_correct_client_passes_it() {
    let kept = include_str!("regressions/handshake-timeout.toml");
    let found = found(
        "handshake-timeout-kept",
        &check(Flaw::LeakOnHandshakeTimeout).regression_file(kept).cases(0),
        LEAKS,
        5_000,
    );
    assert_eq!((found.case, Some(&found.first)), (0, Plan::from_scenario(kept).as_ref()));
    reproduces(kept);
    let report = check(Flaw::None).regression_file(kept).cases(0).run();
    assert_eq!(report.cases, 1);
}

/// Never closes anything.
async fn careless(net: SimNet) {
    let mut held = Vec::new();
    loop {
        match net.connect("db.example:3306").await {
            Ok(stream) => held.push(stream),
            Err(error) => net.told(&error),
        }
        net.sleep(std::time::Duration::from_secs(2)).await;
    }
}

/// Whatever befalls a client, its scenario breaks the same expectation.
#[test]
fn each_fault_has_its_scenario() {
    let check = Check::client(careless).property(no_old_close_wait(Duration::from_secs(20)));
    let kinds = Plans::default().kinds;
    assert_eq!(kinds.len(), 15, "all but `Burst`, which is for servers");
    for (fault, topology) in kinds.into_iter().zip([Topology::TwoHosts, Topology::ThreeHosts].into_iter().cycle()) {
        let (at, lasts) = (Duration::from_secs(5), Duration::from_secs(4));
        let plan = Plan { topology, faults: vec![TimedFault { at, lasts, fault }], ..Plan::default() };
        let Err(Failure::Violated(found)) = check.run_plan(&plan) else { panic!("nothing is closed, {fault:?}") };
        reproduces(found.scenario());
        assert_eq!(Plan::from_scenario(found.scenario()), Some(plan));
    }
}

#[test]
fn a_property_that_is_never_tested_is_reported() {
    let never = check(Flaw::None).plans(|plans| plans.faults = 0..=0).cases(3);
    let Err(Failure::Vacuous { property, cases }) = never.try_run() else { panic!("nothing can be lost here") };
    assert_eq!((property.as_str(), cases), ("no old CLOSE_WAIT", 3));
    // A guard can also be all there is to a property.
    let never = check(Flaw::None).property(halfclose::check::Property::sometimes("restarted", |_| false)).cases(3);
    assert!(never.try_run().is_err());
}
