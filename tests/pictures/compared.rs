//! Two runs held against each other.

use halfclose::observe::FindingId;
use halfclose::observe::diff::{Diff, Variant, diff, first_difference};
use halfclose::plot;
use halfclose::scenario::{Scenario, preset};
use halfclose::text::Lang;
use halfclose::time::Instant;
use halfclose::trace::{Record, RecordKind};
use halfclose::units::HostId;
use halfclose_tests::golden::golden;

fn variant(name: &str, set: &[(&str, &str)], seed: u64) -> Variant {
    let text = preset::find("tiny").expect("a preset").text;
    Variant { name: name.into(), scenario: Scenario::parse_with(text, set).expect("valid"), seed }
}

fn compared(set: &[(&str, &str)], seed: u64) -> Diff {
    let variants = [variant("tiny", &[], 1), variant("changed", set, seed)];
    diff(&variants, &mut |_, _| {}).expect("within their budgets")
}

#[test]
fn a_run_is_the_same_as_itself() {
    let same = compared(&[], 1);
    assert!(same.is_same() && same.digests[0] == same.digests[1]);
    assert!(same.metrics.len() > 100 && same.metrics.iter().all(|pair| !pair.differs()));
    assert!(same.findings.iter().all(|pair| pair.first == pair.second));
}

/// The session that was opened at 5 s times out after 3 s instead of 10.
#[test]
fn a_shorter_timeout_parts_when_it_expires() {
    let changed = compared(&[("process.mysqld.mysqld.connect_timeout", "3")], 1);
    let parting = changed.parting.expect("a time-out is no small matter");
    assert_eq!(parting.at_ns / 1_000_000_000, 8, "the KILL is at 5 s");
    assert_eq!((parting.first.len(), parting.second.len()), (4, 4));
    assert_eq!(parting.before.len(), 3);
    assert!(parting.before.iter().all(|told| told.at_ns <= parting.at_ns));
    let second = &parting.second[0];
    assert!(second.what.en.contains("poll(") && second.why.en.starts_with("after 300"), "{second:?}");
    assert_ne!(parting.first[0], parting.second[0]);
    assert!(parting.second.iter().any(|told| told.what.zh.contains("发出")), "both languages are told");
    let timeout = changed.metrics.iter().find(|pair| pair.name == "host.mysqld.connect_timeout").expect("a metric");
    assert_eq!((timeout.first, timeout.second), (Some(10), Some(3)));
}

/// With descriptors enough, EMFILE is found no more.
#[test]
fn findings_appear_and_vanish() {
    let changed = compared(&[("process.sysbench.RLIMIT_NOFILE", "64:4096")], 1);
    let pair = changed.findings.iter().find(|pair| pair.id == FindingId::FdsExhausted).expect("it was found once");
    assert!(pair.first.is_some() && pair.second.is_none());
    let ports = changed.findings.iter().find(|pair| pair.id == FindingId::PortsExhausted).expect("in both");
    assert!(ports.first.is_some() && ports.second.is_some() && ports.first != ports.second, "it comes sooner");
    // One more descriptor is the first thing that differs: at the socket() that failed.
    let parting = changed.parting.expect("they differ");
    assert!(parting.first[0].what.en.contains("EMFILE"), "{:?}", parting.first[0]);
    let overlay = changed.charts.iter().find(|chart| chart.name.name() == "descriptors").expect("a chart");
    for (lang, suffix) in [(Lang::En, ""), (Lang::Zh, ".zh")] {
        let drawn = plot::chart(overlay, lang);
        golden(&format!("book/src/pictures/tiny-overlay-descriptors{suffix}.svg"), &drawn);
        assert!(super::drawn::problems(&drawn).is_empty(), "{:?}", super::drawn::problems(&drawn));
    }
}

#[test]
fn another_seed_is_another_run() {
    let changed = compared(&[], 2);
    assert!(!changed.is_same() && changed.seeds == [1, 2]);
    assert!(changed.charts.iter().all(|chart| chart.caption.en.contains("the seeds differ")));
}

#[test]
fn the_first_difference_of_records() {
    let record = |ns, index| Record { at: Instant::from_nanos(ns), host: HostId(0), kind: RecordKind::Mark { index } };
    let (a, b) = ([record(1, 0), record(2, 0)], [record(1, 0), record(2, 1)]);
    assert_eq!(first_difference(&a, &a), None);
    assert_eq!(first_difference(&a, &b), Some(1));
    assert_eq!(first_difference(&a, &a[..1]), Some(1));
    assert_eq!(first_difference(&[], &[]), None);
}
