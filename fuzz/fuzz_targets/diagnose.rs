//! Any bytes as saved output of tools: a diagnosis, never a panic. Begin with
//! `cargo +nightly fuzz run diagnose fuzz/corpus/diagnose sim-core/src/observe/golden`.
#![no_main]

use halfclose_tests::fuzz::diagnose;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _lines = diagnose::run(bytes);
});
