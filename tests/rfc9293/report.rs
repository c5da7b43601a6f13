//! The page of requirements in the book, and that no requirement is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use halfclose_tests::tree::{files, read};

use crate::support::golden;

/// A row of `requirements.csv`.
struct Requirement {
    id: String,
    section: String,
    words: String,
    note: String,
}

fn requirements() -> Vec<Requirement> {
    let text = read("tests/rfc9293/requirements.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.expect("well-formed CSV");
        let [id, section, words, note] = [0, 1, 2, 3].map(|at| row[at].to_owned());
        Requirement { id, section, words, note }
    });
    rows.collect()
}

/// `MUST-12` as tests begin: `must_12_`.
fn prefix(id: &str) -> String {
    format!("{}_", id.to_lowercase().replace('-', "_"))
}

/// Names of the tests of this suite, in the order of the files.
fn tests() -> Vec<String> {
    let mut names = Vec::new();
    for file in files("tests/rfc9293", &[".rs"]) {
        let text = read(&file);
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let name = (line == "#[test]").then(|| lines.peek().and_then(|next| next.strip_prefix("fn "))).flatten();
            names.extend(name.and_then(|rest| rest.split('(').next()).map(str::to_owned));
        }
    }
    names
}

/// Requirements that `limitations.md` says are outside, with its reason.
fn outside() -> BTreeMap<String, String> {
    let text = read("book/src/limitations.md");
    let section = text.split("## Requirements of RFC 9293 outside the model").nth(1).expect("the section is there");
    let mut reasons = BTreeMap::new();
    for line in section.lines().take_while(|line| !line.starts_with("## ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, ids, reason, _] = cells.as_slice() else { continue };
        for id in ids.split(", ").filter(|id| id.contains('-') && !id.starts_with("---")) {
            assert_eq!(reasons.insert(id.to_owned(), (*reason).to_owned()), None, "{id} is there twice");
        }
    }
    reasons
}

#[test]
fn every_requirement_has_a_test_or_a_reason() {
    let (tests, outside) = (tests(), outside());
    let mut problems = Vec::new();
    let ids: BTreeSet<String> = requirements().into_iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), 69 + 31 + 18 + 1, "RFC 9293 numbers so many");
    for id in &ids {
        let tested = tests.iter().any(|test| test.starts_with(&prefix(id)));
        match (tested, outside.contains_key(id)) {
            (false, false) => problems.push(format!("{id}: neither a test nor a reason in limitations.md")),
            (true, true) => problems.push(format!("{id}: a test, and a reason not to have one")),
            (true, false) | (false, true) => {}
        }
    }
    problems.extend(outside.keys().filter(|id| !ids.contains(*id)).map(|id| format!("{id}: no such requirement")));
    let numbered = tests.iter().filter(|test| {
        ["must_", "shld_", "may_", "rec_"].iter().any(|kind| {
            test.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
        })
    });
    for test in numbered {
        if !ids.iter().any(|id| test.starts_with(&prefix(id))) {
            problems.push(format!("{test}: no such requirement"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_page_of_requirements_is_current() {
    let (rows, tests, outside) = (requirements(), tests(), outside());
    let inside = rows.len() - outside.len();
    let mut page = format!(
        "# RFC 9293, requirement by requirement\n\n<!-- Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test \
         rfc9293`. -->\n\nRFC 9293 numbers {} requirements. {inside} have a test named after them in `tests/rfc9293/`, \
         which every run of `cargo xtask test` holds; {} are outside the model, for the reasons in [What is not \
         modelled](limitations.md#requirements-of-rfc-9293-outside-the-model).\n\nA note that begins with *Linux* is a \
         deviation of Linux's, which the model shares: the test holds what Linux does.\n\n",
        rows.len(),
        outside.len()
    );
    page.push_str("| requirement | section | in our words | test | result |\n|---|---|---|---|---|\n");
    for row in &rows {
        let of = prefix(&row.id);
        let names: Vec<String> =
            tests.iter().filter(|test| test.starts_with(&of)).map(|test| format!("`{test}`")).collect();
        let result = match (names.is_empty(), row.note.is_empty()) {
            (true, _) => "outside".to_owned(),
            (false, true) => "holds".to_owned(),
            (false, false) => format!("holds. {}", row.note),
        };
        let tests = if names.is_empty() { "–".to_owned() } else { names.join("<br>") };
        writeln!(page, "| {} | {} | {} | {tests} | {result} |", row.id, row.section, row.words)
            .expect("writing to a string succeeds");
    }
    golden("book/src/rfc9293.md", &page);
}
