//! Helpers shared by the whole-system suites.

pub mod conformance;
pub mod lab;
pub mod rust_source;
pub mod tree;
