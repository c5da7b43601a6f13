//! The figures of the book's sentences: measured by plans, computed, and included by the pages.
//!
//! A plan of `book/figures/` is an ordinary one of `halfclose sweep`. `prose.toml`
//! says what is computed from its measures; `book/src/figures.txt` holds the
//! results between anchors, for `{{#include figures.txt:NAME}}`.

use std::collections::BTreeMap;
use std::path::Path;

use halfclose::capacity::sweep::{Plan, Point};
use halfclose::text::grouped;
use halfclose_tests::golden::golden;
use halfclose_tests::tree::{files, read};

const PLANS: &str = "book/figures";
const PROSE: &str = "prose.toml";
/// What is not measured but written down: see [`super::numbers`].
const CONSTANTS: &str = "constants.toml";

#[test]
fn the_figures_of_the_prose_are_the_program_s() {
    let known = measured();
    let table: toml::Table = read(Path::new(PLANS).join(PROSE)).parse().expect("prose.toml is TOML");
    let mut out = String::from("Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test book`.\n");
    for (name, figure) in &table {
        let expression = figure["is"].as_str().unwrap_or_else(|| panic!("{name}: `is` is a text"));
        let decimals = figure.get("decimals").and_then(toml::Value::as_integer).unwrap_or(0);
        let value = Expression::new(expression, &known).value();
        let decimals = usize::try_from(decimals).expect("a few decimals");
        out.push_str(&format!("ANCHOR: {name}\n{}\nANCHOR_END: {name}\n", shown(value, decimals)));
    }
    golden("book/src/figures.txt", &out);
}

/// A figure that no page shows is dead; one that a page asks for must be there.
#[test]
fn each_figure_is_used_and_each_use_is_a_figure() {
    let table: toml::Table = read(Path::new(PLANS).join(PROSE)).parse().expect("prose.toml is TOML");
    let mut used: BTreeMap<String, usize> = table.keys().map(|name| (name.clone(), 0)).collect();
    for file in files("book/src", &[".md"]) {
        for part in read(&file).split("figures.txt:").skip(1) {
            let name = part.split("}}").next().unwrap_or_default();
            *used.get_mut(name).unwrap_or_else(|| panic!("{}: no figure is called {name}", file.display())) += 1;
        }
    }
    let idle: Vec<&String> = used.iter().filter(|(_, uses)| **uses == 0).map(|(name, _)| name).collect();
    assert!(idle.is_empty(), "no page shows {idle:?}");
}

/// What the plans measure, as PLAN.MEASURE, and the rules of RFC 9293 with those that Linux breaks.
fn measured() -> BTreeMap<String, f64> {
    let mut known = BTreeMap::new();
    for file in files(PLANS, &[".toml"]).into_iter().filter(|file| !file.ends_with(PROSE) && !file.ends_with(CONSTANTS))
    {
        let plan =
            Plan::parse(&read(&file), &|_| None).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
        let units = plan.units();
        assert_eq!(units.len(), 1, "{}: a plan of one run", file.display());
        let seed = units[0].seed.expect("no threshold is looked for");
        let outcome = Point::of(&plan, &units[0], seed).simulate().unwrap_or_else(|problem| panic!("{problem}"));
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        for (name, value) in outcome.measures {
            let value = value.unwrap_or_else(|| panic!("{}: {name} was never measured", file.display()));
            known.insert(format!("{stem}.{name}"), value as f64);
        }
    }
    let rules = read("tests/rfc9293/rules.csv");
    let last_cells = rules.lines().skip(1).map(|rule| !rule.ends_with(','));
    known.insert("rfc9293.rules".to_owned(), last_cells.clone().count() as f64);
    known.insert("rfc9293.linux".to_owned(), last_cells.filter(|&deviates| deviates).count() as f64);
    known
}

/// `28,231`, `1.29`.
pub(super) fn shown(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let whole = grouped(whole.parse().unwrap_or_else(|_| panic!("{value} is no figure for a page")));
    rest.map_or_else(|| whole.clone(), |rest| format!("{whole}.{rest}"))
}

/// Sums and products of numbers and names.
struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
    known: &'a BTreeMap<String, f64>,
}

impl<'a> Expression<'a> {
    fn new(text: &'a str, known: &'a BTreeMap<String, f64>) -> Self {
        let words = text.split_inclusive(['(', ')']).flat_map(|part| {
            let (head, tail) = part.split_at(part.len() - usize::from(part.ends_with(['(', ')'])));
            head.split_whitespace().chain((!tail.is_empty()).then_some(tail))
        });
        Self { words: words.collect(), at: 0, known }
    }

    fn value(mut self) -> f64 {
        let value = self.sum();
        assert_eq!(self.at, self.words.len(), "{:?}: what is {:?}?", self.words, self.words.get(self.at));
        value
    }

    fn next_is(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.next_is("+") {
                value += self.product();
            } else if self.next_is("-") {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.single();
        loop {
            if self.next_is("*") {
                value *= self.single();
            } else if self.next_is("/") {
                value /= self.single();
            } else {
                return value;
            }
        }
    }

    fn single(&mut self) -> f64 {
        if self.next_is("(") {
            let value = self.sum();
            assert!(self.next_is(")"), "{:?}: a bracket is open", self.words);
            return value;
        }
        let word = self.words.get(self.at).copied().unwrap_or_else(|| panic!("{:?}: it ends early", self.words));
        self.at += 1;
        word.parse().ok().or_else(|| self.known.get(word).copied()).unwrap_or_else(|| panic!("nothing measures {word}"))
    }
}

#[test]
fn expressions_and_figures() {
    let known = BTreeMap::from([("a.b_c".to_owned(), 28_231.0), ("d-6.18.e".to_owned(), 4.0)]);
    let value = |text| Expression::new(text, &known).value();
    assert_eq!(value("a.b_c + 1"), 28_232.0);
    assert_eq!(value("2 * (a.b_c - 28229) / d-6.18.e"), 1.0);
    assert_eq!(shown(28_231.0, 0), "28,231");
    assert_eq!(shown(1_000_000.0, 0), "1,000,000");
    assert_eq!(shown(1.2874, 2), "1.29");
    assert_eq!(shown(151.0, 0), "151");
}
