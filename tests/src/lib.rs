//! Helpers shared by the whole-system suites.

pub mod lab;
pub mod peer;
pub mod rust_source;
pub mod tree;
