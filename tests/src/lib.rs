//! Helpers shared by the whole-system suites.

pub mod conformance;
pub mod end;
pub mod fuzz;
pub mod golden;
pub mod lab;
pub mod peer;
pub mod rust_source;
pub mod tree;
