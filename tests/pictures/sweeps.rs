//! The pictures of the shipped plans: drawn from results that are computed here,
//! and golden in the book.

use halfclose::capacity::sweep::{Finished, Plan, Point, Search, Survey, Unit, figures};
use halfclose::plot::sweep_figure;
use halfclose::text::Lang;
use halfclose_tests::golden::golden;
use halfclose_tests::tree;

/// A unit simulated, or bisected.
fn finish(plan: &Plan, unit: Unit) -> Finished {
    let simulate = |point: &Point<'_>| point.simulate().expect("a shipped plan runs");
    let Some(mut search) = Search::new(plan, &unit) else {
        let outcome = simulate(&Point::of(plan, &unit, unit.seed.expect("it has no threshold")));
        return Finished { unit, outcomes: vec![outcome], found: None };
    };
    let mut outcomes = Vec::new();
    while let Some(value) = search.next_value() {
        let tried: Vec<_> = search.points(value).iter().map(simulate).collect();
        search.learn(value, &tried);
        outcomes.extend(tried);
    }
    let found = Some(search.found());
    Finished { unit: unit.clone(), outcomes, found }
}

/// Draws a plan of `scenarios/plans` in both languages; those named are the book's.
fn drawn(name: &str, in_the_book: &[&str]) {
    let folder = tree::root().join("scenarios/plans");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).expect("a shipped plan");
    let plan = Plan::parse(&text, &|file| std::fs::read(folder.join(file)).ok()).expect("a good plan");
    let finished: Vec<Finished> = plan.units().into_iter().map(|unit| finish(&plan, unit)).collect();
    let mut problems = Vec::new();
    let mut kept = 0;
    for figure in figures(&Survey::new(&plan, &finished)) {
        for (lang, suffix) in [(Lang::En, ""), (Lang::Zh, ".zh")] {
            let svg = sweep_figure(&figure, lang);
            let told = super::drawn::problems(&svg).into_iter();
            problems.extend(told.map(|problem| format!("{}/{lang}: {problem}", figure.name)));
            if in_the_book.contains(&figure.name.as_str()) {
                golden(&format!("book/src/pictures/sweep-{}{suffix}.svg", figure.name), &svg);
                kept += 1;
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(kept, 2 * in_the_book.len(), "{name} has each of its pictures");
}

#[test]
fn time_to_failure() {
    drawn("time-to-failure", &["heat-exhausted_ms"]);
}

#[test]
fn sensitivity() {
    drawn("sensitivity", &["tornado-exhausted_ms"]);
}

#[test]
fn largest_rate() {
    drawn("largest-rate", &["threshold"]);
}

#[test]
fn pool_size() {
    drawn("pool-size", &["curve-refused"]);
}
