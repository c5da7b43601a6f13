//! The pages of the book that the program's own tables make, in both languages;
//! and that the book's words are in the glossary.
//!
//! `UPDATE_GOLDEN=1` writes the pages anew.

mod format;
mod measured;
mod words;

use std::collections::BTreeSet;

use halfclose::text::Lang;
use halfclose::text::explain::{Found, explain};
use halfclose_tests::golden::golden;
use halfclose_tests::tree::{files, read, root};

/// Where the pages of a language lie that need no translation: they are made in both.
const fn folder(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "book/src",
        Lang::Zh => "book/zh",
    }
}

const MADE: &str = "<!-- Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test book`. -->";

#[test]
fn the_glossary_is_the_program_s() {
    for lang in Lang::ALL {
        golden(&format!("{}/glossary.md", folder(lang)), &words::glossary(lang));
        golden(&format!("{}/reference/questions.md", folder(lang)), &words::questions(lang));
        golden(&format!("{}/reference/settings.md", folder(lang)), &words::settings(lang));
    }
}

#[test]
fn what_is_measured_and_found_is_the_program_s() {
    for lang in Lang::ALL {
        golden(&format!("{}/reference/metrics.md", folder(lang)), &measured::metrics(lang));
        golden(&format!("{}/reference/findings.md", folder(lang)), &measured::findings(lang));
    }
}

/// Its sentences are the schema's, so its 中文 stands in the catalogue of translations.
#[test]
fn the_scenario_format_is_the_schema_s() {
    golden("book/src/reference/format.md", &format::page());
}

/// Names of the kernel that the book mentions and the glossary need not explain.
const OTHERS: &[&str] = &[
    // Groups of sysctls, not one.
    "net.ipv4",
    "net.core",
    // The table of defaults has them; nothing here runs out by them.
    "net.ipv4.tcp_ehash_entries",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_wmem",
];

#[test]
fn errnos_and_sysctls_of_the_book_are_in_the_glossary() {
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    for file in files("book/src", &[".md"]).into_iter().filter(|file| !file.ends_with("glossary.md")) {
        let text = read(&file);
        let is_part = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-');
        for word in text.split(is_part).map(|word| word.trim_matches(['.', '-'])) {
            let errno = word.len() > 4 && word.starts_with('E') && word.chars().all(|c| c.is_ascii_uppercase());
            let sysctl = word.starts_with("net.ipv4.")
                || word.starts_with("net.core.")
                || (word.starts_with("fs.") && word != "fs.h");
            let named = (errno && halfclose::errno::Errno::from_name(word).is_some()) || sysctl;
            if !named || OTHERS.contains(&word) {
                continue;
            }
            seen += 1;
            if !matches!(explain(word), Found::Entries(_)) {
                unknown.insert(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(seen > 100, "{seen}: the pages were not read");
    assert!(unknown.is_empty(), "`halfclose explain` does not know: {unknown:#?}");
}

#[test]
fn a_page_in_chinese_has_its_english_one() {
    let pages = files("book/zh", &[".md"]);
    assert!(pages.len() > 60, "{pages:?}");
    for page in pages {
        let inside = page.strip_prefix("book/zh").expect("it lies there");
        assert!(root().join("book/src").join(inside).is_file(), "{} replaces no page", page.display());
    }
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
