//! The pages of the book that the program's own tables make, in both languages;
//! and that the book's words are in the glossary ([`terms`]).
//!
//! `UPDATE_GOLDEN=1` writes the pages anew.

mod figures;
mod format;
mod measured;
mod numbers;
mod speed;
mod terms;
mod traces;
mod words;

use halfclose::text::Lang;
use halfclose_tests::golden::golden;
use halfclose_tests::tree::{files, root};

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
