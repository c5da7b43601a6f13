//! The book's tutorial: what it says its example prints is what it prints; and links, which the library and
//! the page each write and read, are the same bytes in both.

use halfclose::check::{Counterexample, Failure};
use halfclose::link;
use halfclose::text::Lang;
use halfclose::time::{Duration, Instant};
use halfclose_tests::golden::golden;
use halfclose_tests::tree;
use serde_json::{Value, json};

#[expect(dead_code, reason = "here its main is not the program's")]
#[path = "../../sim-core/examples/reconnect.rs"]
mod reconnect;

/// As the example has it, whose paths are those of the file that the compiler was given.
fn as_the_example(text: &str) -> String {
    text.replace("tests/library/../../", "")
}

fn found() -> Box<Counterexample> {
    match reconnect::check().try_run() {
        Err(Failure::Violated(found)) => found,
        other => panic!("{other:?}"),
    }
}

/// A link and what it says, for the page's tests.
fn row(preset: &str, text: Option<&str>, seed: Option<u64>, at: Option<u64>) -> Value {
    let moment = at.map(|ns| Instant::ZERO + Duration::from_nanos(ns));
    let written = match text {
        Some(text) => link::of_text(text, seed, moment),
        None => link::of_preset(preset, seed, moment),
    };
    json!({ "preset": preset, "text": text, "seed": seed, "at_ns": at, "link": written })
}

#[test]
fn the_book_prints_what_the_example_prints_and_the_page_opens_its_link() {
    let found = found();
    let story = as_the_example(&found.story(Lang::En));
    let page = tree::read("book/src/library.md");
    assert!(page.contains(&story), "book/src/library.md does not have:\n{story}");
    // Each character that one of the two might take for itself.
    let odd = "# ~!*'(),;:@&=+$/?%[]<>\\^`{|}\" é 端口\n";
    let at = found.violation.at.since(Instant::ZERO).nanos();
    let rows = [
        row("tiny", None, Some(7), Some(12_400_000_000)),
        row("two-hosts", None, None, None),
        row("", Some(odd), None, Some(1)),
        row("", Some(&"端".repeat(100)), Some(1), Some(3_000_000_000)),
        row("", Some(&"端口".repeat(51)), Some(1), Some(3_000_000_000)),
        // The last one: the page is opened at it.
        row("", Some(&as_the_example(found.scenario())), Some(found.plan.seed), Some(at)),
    ];
    golden("sim-web/web/tests/links.json", &format!("{}\n", serde_json::to_string_pretty(&rows).unwrap()));
}
