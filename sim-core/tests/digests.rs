//! Every preset at its own seed, run to its end: the same digest on every
//! machine, 32 bits or 64. `UPDATE_GOLDEN=1 cargo test -p halfclose --test
//! digests` writes the file anew after a change of the model.
#![cfg(feature = "scenario")]

use halfclose::scenario::{Run, preset};
use halfclose::trace::NoObserver;

const GOLDEN: &str = include_str!("digests.txt");

#[test]
fn presets_keep_their_digests() {
    let mut digests = String::new();
    for preset in preset::ALL {
        let scenario = preset.scenario();
        let seed = scenario.seed;
        let mut run = Run::new(scenario, seed).expect("a preset builds");
        let end = run.scenario().end;
        run.run_until(end, &mut NoObserver).expect("a preset keeps within its budgets");
        digests += &format!("{} {}\n", preset.name, run.world().digest());
    }
    if update() {
        write(&digests);
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&digests), lines(GOLDEN), "the model changed; if that was meant: UPDATE_GOLDEN=1");
}

#[expect(clippy::disallowed_methods, reason = "only decides whether to compare or to write")]
fn update() -> bool {
    cfg!(not(target_family = "wasm")) && std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

fn write(text: &str) {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/digests.txt"), text).expect("the folder is writable");
}
