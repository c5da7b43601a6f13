//! Helpers shared by the whole-system suites.

pub mod rust_source;
pub mod tree;
