//! The scenario reader takes any bytes and answers with a scenario or with
//! problems that point into them. `cargo +nightly fuzz run scenario
//! fuzz/corpus/scenario scenarios` begins with the corpus and the shipped files.
#![no_main]

use halfclose::scenario::{Scenario, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = Scenario::read(bytes, &[]) {
        assert!(!error.problems.is_empty(), "an error names at least one problem");
        for problem in &error.problems {
            let span = problem.span();
            assert!(span.start <= span.end, "spans run forwards");
            assert!(problem.place.source != Source::File || span.end <= bytes.len(), "spans lie in the text");
            assert!(problem.id() != "structure", "what passes the schema has the types serde expects: {problem}");
            let _sentences = (problem.kind.en(), problem.kind.zh(), problem.hint_en(), problem.hint_zh());
        }
    }
});
