//! Pictures: their data is what the model counted, and they can be read.

mod compared;
mod data;
mod drawn;
mod page;
mod sweeps;

use halfclose::observe::charts::{Watch, drive};
use halfclose::scenario::{Run, preset};

/// A preset run to its end, watched.
fn watched(name: &str) -> (Run, Watch) {
    let scenario = preset::find(name).expect("a preset").scenario();
    let seed = scenario.seed;
    let end = scenario.end;
    let mut run = Run::new(scenario, seed).expect("it builds");
    let mut watch = Watch::new(&run);
    drive(&mut run, end, &mut watch).expect("within its budgets");
    (run, watch)
}
