//! The blocks of output in the documents are what the program prints.
//!
//! A block follows a line `<!-- output: halfclose ARGUMENTS -->`. `UPDATE_GOLDEN=1`
//! writes what the program prints now. `| grep "WORDS"` after the
//! arguments keeps the lines with these words; a second text in quotes is
//! what they are in 中文, for the book in that language.

use std::path::{Path, PathBuf};
use std::process::Command;

const START: &str = "<!-- output: halfclose";
const FENCE: &str = "\n```text\n";

/// The READMEs and the pages of the book, those below a folder too.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("sim-cli is a folder of the repository");
    let mut found = pages(root, false);
    found.extend(pages(&root.join("book").join("src"), true));
    found.sort();
    found
}

fn pages(folder: &Path, below: bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("a readable entry").path()) {
        if path.is_dir() {
            found.extend(if below { pages(&path, below) } else { Vec::new() });
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    found
}

/// What the program prints for `arguments`, in English unless they say otherwise.
fn printed(arguments: &str) -> String {
    let (arguments, words) = arguments.split_once(" | grep ").unwrap_or((arguments, ""));
    let word = words.split('"').nth(1).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_halfclose"))
        .args(arguments.split_whitespace())
        .env("LANG", "C")
        .env("LC_ALL", "C")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    // 1 is an answer too: two runs differ, an expectation failed.
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "halfclose {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("the program prints UTF-8");
    // Editors and reviewers do not see trailing blanks.
    text.lines().filter(|line| line.contains(word)).map(|line| format!("{}\n", line.trim_end())).collect()
}

/// `text` with each block replaced by what the program prints.
fn refreshed(text: &str) -> String {
    let mut parts = text.split(START);
    let mut fresh = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (arguments, rest) = part.split_once("-->").expect("the marker is closed");
        let (_, block) = rest.split_once(FENCE).expect("a ```text block follows the marker");
        let end = if block.starts_with("```") { 0 } else { block.find("\n```").expect("the block is closed") + 1 };
        fresh.push_str(&format!("{START}{arguments}-->{FENCE}{}{}", printed(arguments), &block[end..]));
    }
    fresh
}

#[test]
fn output_in_documents_is_the_programs() {
    let mut stale = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("a readable document");
        let fresh = refreshed(&text);
        if fresh == text {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, fresh).expect("a writable document");
        } else {
            stale.push(path.display().to_string());
        }
    }
    assert!(stale.is_empty(), "UPDATE_GOLDEN=1 brings these up to date: {stale:?}");
}

/// The page of commands shows the help of each.
#[test]
fn the_book_has_every_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("sim-cli is a folder of the repository");
    let page = std::fs::read_to_string(root.join("book/src/reference/cli.md")).expect("the page is there");
    let help = printed("--help");
    let commands = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
    let names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 20, "{names:?}");
    let missing = names.iter().filter(|name| **name != "help" && !page.contains(&format!("{START} help {name} -->")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "commands that book/src/reference/cli.md leaves out");
}
