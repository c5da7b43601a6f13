//! The `halfclose` program.
fn main() {}
