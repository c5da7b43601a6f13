//! Scripts of other projects, read where they lie and never copied: the result
//! committed as a page of the book is the least that is accepted.
#![expect(clippy::print_stderr, reason = "a suite that is not there is said to be skipped")]

use std::path::PathBuf;

use halfclose_tests::conformance::{Row, page, run_all, totals};
use halfclose_tests::tree::{read, root};

/// The folder with scripts and verdicts, if it is there.
fn given() -> Option<(PathBuf, PathBuf)> {
    // Beside the repository, or beside the folder of its worktrees.
    let beside = root().ancestors().skip(1).map(|above| above.join("shared/conformance")).find(|dir| dir.is_dir())?;
    let (scripts, verdicts) = (beside.join("scripts"), beside.join("scripts-given.csv"));
    (scripts.is_dir() && verdicts.is_file()).then_some((scripts, verdicts))
}

/// Runs them, or says that they are not there.
fn rows() -> Option<Vec<Row>> {
    let Some((scripts, verdicts)) = given() else {
        eprintln!("skipped: optional, the scripts of other projects are not beside the repository");
        return None;
    };
    Some(run_all(&scripts, Some(&verdicts)).expect("the scripts can be read"))
}

#[test]
fn the_given_scripts_do_as_well_as_ever() {
    let Some(rows) = rows() else { return };
    let totals = totals(&rows);
    assert_eq!(totals.scripts, 189);
    assert_eq!(totals.not_run, 0, "every script parses and runs");
    assert!(totals.kernel_exact.1 >= 15, "of Linux's exact passes: {:?}", totals.kernel_exact);
    assert!(totals.kernel_either.1 >= 111, "of Linux's passes: {:?}", totals.kernel_either);
    assert!(totals.kernel_lines.1 >= 70, "of Linux's failing lines: {:?}", totals.kernel_lines);
}

#[test]
fn the_page_of_the_book_is_current() {
    let Some(rows) = rows() else { return };
    let text = page(&rows).unwrap_or_else(|problem| panic!("{problem}"));
    let hint =
        "run `cargo xtask conformance ../shared/conformance/scripts --csv ../shared/conformance/scripts-given.csv`";
    assert!(text == read("book/src/conformance.md"), "book/src/conformance.md is stale: {hint}");
}
