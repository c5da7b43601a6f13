//! Segments with arbitrary header fields into every state, between calls,
//! timers and ICMP errors. `cargo +nightly fuzz run segments`; the corpus
//! replays in `tests/fuzz`.
#![no_main]

use halfclose_tests::fuzz::segments;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _edges = segments::run(bytes);
});
