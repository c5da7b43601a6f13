#![allow(
    clippy::all,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a leftover to be deleted"
)]
//! Runs a scenario file and prints its verdicts.
use halfclose::scenario::{Run, Scenario};
fn main() {
    let path = std::env::args().nth(1).expect("a scenario");
    let text = std::fs::read_to_string(&path).expect("readable");
    let scenario = match Scenario::parse(&text) {
        Ok(s) => s,
        Err(e) => {
            eprintln!("{e:?}");
            return;
        }
    };
    let seed: u64 = std::env::args().nth(2).map_or(scenario.seed, |s| s.parse().unwrap());
    let t = std::time::Instant::now();
    let mut run = Run::new(scenario, seed).expect("builds");
    let r = run.run_to_end(&mut halfclose::trace::NoObserver);
    println!(
        "{path}: {r:?} events {} now {:?} digest {} wall {:?}",
        run.world().events(),
        run.world().now(),
        run.world().digest(),
        t.elapsed()
    );
    for row in run.verdicts() {
        println!(
            "{} {:60} expected {:20} actual {:?} {:?}",
            if row.ok { "ok  " } else { "FAIL" },
            row.name,
            row.expected,
            row.actual,
            row.error
        );
    }
    println!("{:?}", run.refusals());
    if let Some(v) = std::env::args().nth(3) {
        for h in 0..run.scenario().hosts.len() {
            let view = halfclose::observe::HostView::of(run.world(), run.host(h));
            let v = halfclose::observe::View::parse(&v).unwrap();
            match v.render(&view, &halfclose::observe::ViewOptions::default()) {
                Ok(t) => println!("{t}"),
                Err(e) => println!("{e}"),
            }
        }
    }
}
