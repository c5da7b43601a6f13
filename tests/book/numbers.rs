//! No figure is typed: a number in the book's sentences is printed by the program on the same page, computed
//! ([`super::figures`]), or stands in `book/figures/constants.toml` with where it is from.

use std::collections::BTreeSet;

use halfclose_tests::tree::{files, read, root};
use toml::{Table, Value};

const CONSTANTS: &str = "book/figures/constants.toml";
/// The list of pages, and the record of one run of mutants, which is named at its head.
const ELSEWHERE: &[&str] = &["SUMMARY.md", "mutants.md"];
/// Words that make a figure of a number of one or two digits.
const UNITS: &[&str] = &[
    "ns",
    "µs",
    "ms",
    "s",
    "min",
    "h",
    "%",
    "B",
    "kB",
    "MB",
    "GB",
    "KiB",
    "MiB",
    "GiB",
    "byte",
    "bytes",
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "port",
    "ports",
    "connection",
    "connections",
    "socket",
    "sockets",
    "descriptor",
    "descriptors",
    "attempt",
    "attempts",
    "session",
    "sessions",
    "place",
    "places",
    "thread",
    "threads",
    "packet",
    "packets",
    "segment",
    "segments",
    "candidate",
    "candidates",
    "call",
    "calls",
    "client",
    "clients",
    "CPUs",
    "times",
];
/// Words after which a number is a name.
const NAMES: &[&str] = &["RFC", "ERR", "MUST", "SHLD", "MAY", "WL#", "§"];

/// The pages that people write; others are made and compared as a whole.
fn written() -> Vec<(String, String)> {
    let pages = files("book/src", &[".md"]).into_iter().filter_map(|file| {
        let inside = file.strip_prefix("book/src").ok()?.to_str()?.replace('\\', "/");
        let text = read(&file);
        let made = text.contains("<!-- Made by") || text.contains("<!-- Written by") || inside.starts_with("evidence/");
        (!made && !ELSEWHERE.contains(&inside.as_str())).then_some((inside, text))
    });
    pages.collect()
}

/// What the program prints on a page, and the rest of it without code, links and tags.
fn parts(page: &str) -> (String, String) {
    let (mut printed, mut told) = (String::new(), String::new());
    let mut expected = false;
    for (at, part) in page.split("\n```").enumerate() {
        if at % 2 == 1 {
            if expected || part.starts_with("console") {
                printed.push_str(part);
                printed.push('\n');
            }
        } else {
            expected = part.trim_end().ends_with("-->") && part.contains("<!-- output: halfclose");
            told.push_str(part);
            told.push('\n');
        }
    }
    for (from, to) in [("`", "`"), ("](", ")"), ("{{", "}}"), ("{#", "}"), ("<", ">")] {
        told = without(&told, from, to);
    }
    (printed, told)
}

/// `text` without what stands between two marks on a line or over it.
fn without(text: &str, from: &str, to: &str) -> String {
    let mut parts = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        parts.push_str(before);
        parts.push(' ');
        rest = after.split_once(to).map_or("", |(_, after)| after);
    }
    parts + rest
}

/// Numbers of three digits and more, or with one point; and smaller ones with their unit: `60 s`, `16 ports`. Not small
/// counts of whatever else, not versions like 5.10.213, not names.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()).map(|offset| at + offset) {
        let tail = &text[start..];
        let end = tail.find(|c: char| !(c.is_ascii_digit() || c == ',' || c == '.')).unwrap_or(tail.len());
        at = start + end;
        let before = text[..start].trim_end_matches([' ', '\n', '-']);
        let number = tail[..end].trim_matches([',', '.']).replace(',', "");
        let points = number.matches('.').count();
        let glued = text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        let year = number.len() == 4 && number.starts_with("20");
        let named = NAMES.iter().any(|name| before.ends_with(name));
        if glued || named || year || points > 1 || number.is_empty() {
            continue;
        }
        if points == 1 || number.len() > 2 {
            found.insert(number);
        } else if let Some(unit) = unit(&tail[end..]) {
            found.insert(format!("{number} {unit}"));
        }
    }
    found
}

/// The unit that `text` begins with, after a blank or a hyphen.
fn unit(text: &str) -> Option<&'static str> {
    let text = text.strip_prefix([' ', '\n', '-', '\u{a0}']).unwrap_or(text);
    let end = text.find(|c: char| !c.is_alphabetic() && c != '%').unwrap_or(text.len());
    UNITS.iter().find(|unit| **unit == &text[..end]).copied()
}

#[test]
fn every_number_of_the_prose_has_a_source() {
    let table: Table = read(CONSTANTS).parse().expect("constants.toml is TOML");
    let mut problems = Vec::new();
    let mut pages = 0;
    for (page, text) in written() {
        let (printed, told) = parts(&text);
        let printed = numbers(&printed);
        let known = table.get(&page).and_then(Value::as_table);
        let listed: BTreeSet<&str> = known
            .into_iter()
            .flat_map(|sources| sources.values())
            .flat_map(|list| list.as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let typed: BTreeSet<String> = numbers(&told).difference(&printed).cloned().collect();
        pages += 1;
        problems.extend(typed.iter().filter(|number| !listed.contains(number.as_str())).map(|number| {
            format!(
                "{page}: where is {number} from? The program prints it, prose.toml computes it, or {CONSTANTS} says"
            )
        }));
    }
    assert!(pages > 30, "{pages}: the pages were not read");
    let gone: Vec<&String> = table.keys().filter(|page| !root().join("book/src").join(page).is_file()).collect();
    assert!(gone.is_empty(), "{CONSTANTS}: no page is called {gone:?}");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn a_typed_figure_is_seen() {
    let page = "At 1,234 of `5678` ([x](9999.md)) a run of RFC 9293 in 2024 on 5.10.213 took 0.25 s, 7 times, in 12-port steps of 3 things for 5 ms.\n\n```console\n$ x\n4321 5ms\n```\n\n4321.";
    let (printed, told) = parts(page);
    let typed: Vec<String> = numbers(&told).difference(&numbers(&printed)).cloned().collect();
    assert_eq!(typed, ["0.25", "12 port", "1234", "7 times"]);
}

/// The tables of the workshop have the minutes of the course's plans.
#[test]
fn the_workshop_takes_what_the_course_says() {
    let course: Table = read("sim-web/course/workshop.toml").parse().expect("workshop.toml is TOML");
    let plans = course["plan"].as_array().expect("plans");
    let planned = plans.iter().map(|plan| {
        let entries = plan["entry"].as_array().expect("entries").iter();
        entries.map(|entry| entry["minutes"].as_integer().expect("minutes")).collect::<Vec<_>>()
    });
    let page = read("book/src/workshop.md");
    let tables = page.split("| begins | takes |").skip(1).map(|table| {
        let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
        let mut begins = 0;
        rows.map(|row| {
            let minutes = |cell: &str| cell.trim().trim_end_matches(" min").trim_end_matches(":00").parse::<i64>();
            let cells: Vec<&str> = row.split('|').collect();
            assert_eq!(minutes(cells[1]), Ok(begins), "{row}");
            let takes = minutes(cells[2]).unwrap_or_else(|_| panic!("{row}"));
            begins += takes;
            takes
        })
        .collect::<Vec<_>>()
    });
    assert_eq!(tables.collect::<Vec<_>>(), planned.collect::<Vec<_>>());
}
