//! Every figure of the measurements has a test of its name, or a reason.

use std::collections::BTreeMap;

use halfclose_tests::tree::{files, read};

/// The figures, by letter and how many there are of each.
const FIGURES: &[(&str, u32)] =
    &[("p", 23), ("l", 5), ("f", 3), ("s", 13), ("r", 6), ("m", 11), ("b", 8), ("t", 8), ("x", 18)];

/// Figures without a test here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("l1", "a median on a busy machine; the cost profile kernel-truth-6.18 is made of it"),
    ("l2", "a median on a busy machine; the cost profile kernel-truth-6.18 is made of it"),
    ("l3", "a median on a busy machine; the cost profile kernel-truth-6.18 is made of it"),
    ("l4", "a cost, not a behaviour; the cost profile kernel-truth-6.18 is made of it"),
    ("l5", "shares of a CPU profile; the cost profile kernel-truth-6.18 is made of them"),
    ("m1", "a MariaDB server: the scenario `mariadb`"),
    ("m2", "a MariaDB server: the scenario `mariadb`"),
    ("m3", "a MariaDB server: the scenario `mariadb`"),
    ("m4", "a MariaDB server: the scenario `mariadb`"),
    ("m5", "a MariaDB server: the scenario `mariadb`"),
    ("m6", "a MySQL server and a leaking client: the scenarios `two-hosts` and `incident`"),
    ("m7", "a MySQL server and a leaking client: the scenarios `two-hosts` and `incident`"),
    ("m8", "a rate on a busy machine: the scenarios `two-hosts` and `incident`"),
    ("m9", "a crash in Debian's build of sysbench, which the connector `crashes` stands for"),
    ("m10", "a MariaDB server: the scenario `mariadb`"),
    ("m11", "a MySQL server and a leaking client: the scenario `wide-range` with another limit"),
];

#[test]
fn every_figure_has_a_test_or_a_reason() {
    let mut tests: BTreeMap<String, u32> = BTreeMap::new();
    for file in files("tests/kernel", &[".rs"]) {
        for line in read(&file).lines() {
            if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split(['(', '_']).next()) {
                *tests.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    let mut problems = Vec::new();
    for (letter, count) in FIGURES {
        for number in 1..=*count {
            let id = format!("{letter}{number}");
            let reason = ELSEWHERE.iter().any(|(of, _)| *of == id);
            match (tests.contains_key(&id), reason) {
                (false, false) => problems.push(format!("{id}: neither a test nor a reason")),
                (true, true) => problems.push(format!("{id}: a test and a reason not to have one")),
                (true, false) | (false, true) => {}
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
