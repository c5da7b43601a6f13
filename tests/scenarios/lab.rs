//! The experiments of `scenarios/lab/` in the model: what they expect of the
//! kernel, over several seeds. The real kernel answers in `halfclose lab`.

use halfclose::scenario::Scenario;
use halfclose_tests::tree::{files, read};

use crate::assert_holds;

#[test]
fn every_experiment_holds_in_the_model() {
    let experiments = files("scenarios/lab", &[".toml"]);
    assert!(experiments.len() > 50, "the experiments were not found");
    for file in experiments {
        let text = read(&file);
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let seeds = if text.contains("32768 60999") { 1..=1 } else { 1..=3 };
        for seed in seeds {
            assert_holds(&scenario, seed);
        }
    }
}
