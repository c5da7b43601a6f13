//! A deterministic discrete-event simulator of TCP connections as a Linux host
//! really handles them, and of what they run out of.
//!
//! Tests of clients begin at `check` (feature `proptest`) and [`app::task`]; a world of one's own at
//! [`sim::World`]; a scenario file at `scenario`. The README lists the features.
#![deny(clippy::float_arithmetic)]

/// The README's example compiles.
#[cfg(all(doctest, feature = "proptest"))]
#[doc = include_str!("../README.md")]
mod readme {}

pub mod app;
#[cfg(feature = "capacity")]
pub mod capacity;
#[cfg(feature = "proptest")]
pub mod check;
pub mod errno;
pub mod kernel;
#[cfg(feature = "link")]
pub mod link;
pub mod net;
#[cfg(feature = "observe")]
pub mod observe;
#[cfg(feature = "packetdrill")]
pub mod packetdrill;
#[cfg(feature = "plot")]
pub mod plot;
pub mod rng;
#[cfg(feature = "scenario")]
pub mod scenario;
pub mod sim;
pub mod tcp;
pub mod text;
pub mod time;
pub mod trace;
pub mod units;
pub mod wire;
