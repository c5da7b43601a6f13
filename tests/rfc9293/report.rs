//! The page of requirements in the book, and that no requirement is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use halfclose::tcp::graph;
use halfclose::text::Lang;
use halfclose_tests::tree::{files, read};

use crate::table::table;
use halfclose_tests::golden::golden;

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

#[test]
fn the_page_of_the_state_graph_is_current() {
    let mut page = String::from(
        "# The state graph\n\n<!-- Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test rfc9293`. -->\n\n\
         One table holds every change of state that a connection can go through: a control block, a request of a \
         listener, or the minisock that is left of a connection. In every test each change is held against it, and \
         one test takes each of its rows. The picture has the layout of Figure 5 of RFC 9293.\n\n\
         ![States of a TCP connection](state-graph.svg)\n\n\
         `halfclose graph` prints it, `halfclose graph two-hosts --format svg -o two-hosts.svg` with what a scenario \
         did:\n\n![The same with the counts of the scenario two-hosts](state-graph-two-hosts.svg)\n\n\
         ## What lasts for ever {#what-lasts-for-ever}\n\n`halfclose graph --forever` answers from the table:\n\n\
         <!-- output: halfclose graph --forever -->\n```text\n",
    );
    page.push_str(&graph::forever(Lang::En));
    page.push_str(
        "```\n\n`halfclose graph --path FROM TO` gives the shortest way between two states, and `halfclose graph \
         SCENARIO --never` the edges that a run never took.\n\n## Every edge\n\n\
         | state | event | action | next | source | versions |\n|---|---|---|---|---|---|\n",
    );
    for edge in graph::TRANSITIONS {
        let (event, action) = (edge.event.en, edge.action.en);
        writeln!(page, "| {} | {event} | {action} | {} | {} | {} |", edge.from, edge.to, edge.source, edge.versions)
            .expect("writing to a string succeeds");
    }
    page.push_str(
        "\nA fresh connection of a listener begins in SYN-RECEIVED; its listener stays in LISTEN.\n\n\
         ## What RFC 9293 draws and Linux does otherwise\n\n\
         | state | event | next in RFC 9293 | section | Linux |\n|---|---|---|---|---|\n",
    );
    for other in graph::ELSEWHERE {
        let via: Vec<&str> = other.via.iter().map(|state| state.rfc_name()).collect();
        let via = if via.is_empty() { String::new() } else { format!(" ({})", via.join(" → ")) };
        let (event, instead) = (other.event.en, other.instead.en);
        writeln!(page, "| {} | {event} | {} | {} | {instead}{via} |", other.from, other.to, other.source)
            .expect("writing to a string succeeds");
    }
    let (holds, deviations) = rules();
    writeln!(
        page,
        "\n## State by input\n\n`tests/rfc9293/table.csv` tells what a whole host does in each state with each of {} \
         inputs: next state, what is sent, what the program sees. `rules.csv` beside it says in {} rules what RFC \
         9293 asks for: {holds} hold, and {} name what Linux does instead:\n\n\
         | section | state | input | RFC 9293 | Linux |\n|---|---|---|---|---|",
        inputs(),
        holds + deviations.len(),
        deviations.len()
    )
    .expect("writing to a string succeeds");
    for line in deviations {
        page.push_str(&line);
    }
    page.push_str(
        "\nNo input stands for what a socket cannot do: a call to an unspecified remote end, data queued before the \
         handshake is over (`send()` waits for it), ICMP time exceeded and parameter problem (no host here sends them).\n",
    );
    golden("book/src/state-graph.md", &page);
}

/// How many inputs the table has.
fn inputs() -> usize {
    let names: BTreeSet<&str> = table().into_values().map(|(_, input, _)| input).collect();
    names.len()
}

/// How many rules hold, and the rows of those that do not.
fn rules() -> (usize, Vec<String>) {
    let text = read("tests/rfc9293/rules.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let (mut holds, mut deviations) = (0, Vec::new());
    for record in reader.records() {
        let record = record.expect("well-formed CSV");
        let [section, place, input, next, sends, linux] = [0, 1, 2, 3, 4, 5].map(|at| &record[at]);
        if linux.is_empty() {
            holds += 1;
        } else {
            let sends = if sends == "nothing" { String::new() } else { format!(", send {sends}") };
            deviations.push(format!("| {section} | {place} | {input} | {next}{sends} | {linux} |\n"));
        }
    }
    (holds, deviations)
}
