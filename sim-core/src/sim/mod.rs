//! The one loop, the one queue, budgets.

pub mod budget;
mod calls;
mod event;
mod queue;
mod run;
mod seen;
mod task;
#[cfg(test)]
mod tests;
mod world;

pub use budget::{Budgets, ForkError, SimError};
pub use task::{CallCounts, Phase, ProcStats, Searches, Shortage};
pub use world::{Exhaustion, Step, World};
