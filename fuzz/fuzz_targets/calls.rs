//! Arbitrary system calls with arbitrary descriptors and values by two
//! processes of one host. `cargo +nightly fuzz run calls`; the corpus replays
//! in `tests/fuzz`.
#![no_main]

use halfclose_tests::fuzz::calls;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _succeeded = calls::run(bytes);
});
