//! A whole mutation run in the time of a lunch.
//!
//! cargo-mutants says what can be changed; it builds the crate anew for each
//! change, which for two thousand of them takes a day. Here all changes are
//! compiled at once, each behind a switch, and every test is asked first which
//! switches it passes: a mutant is tried with those tests alone, the quickest
//! first.
//!
//! `cargo run --release --manifest-path tests/mutants/Cargo.toml` in the
//! project's folder; results stand in `target/mutants/results.jsonl`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests run side by side, by the real clock")]

mod build;
mod rewrite;
mod run;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What is changed, as globs of cargo-mutants.
const FILES: [&str; 3] = ["sim-core/src/tcp/**", "sim-core/src/kernel/ports/**", "sim-core/src/kernel/timewait.rs"];

/// One change of one place, as `cargo mutants --list --json` gives it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Mutant {
    /// Where and what, for people.
    pub name: String,
    /// Its file, from the project's folder.
    pub file: String,
    /// `BinaryOperator`, `FnValue`, `MatchArmGuard`, `StructField`, `UnaryOperator`.
    pub genre: String,
    /// What stands there instead.
    pub replacement: String,
    /// What is replaced.
    pub span: Span,
}

/// A part of a file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Span {
    /// First character.
    pub start: Place,
    /// Behind the last one.
    pub end: Place,
}

/// Line and column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let work = Path::new("target/mutants");
    fs::create_dir_all(work)?;
    let mutants = list()?;
    println!("{} mutants", mutants.len());
    let tree = work.join("tree");
    let built = build::build(&mutants, &tree)?;
    println!("{} compiled together, {} left out", mutants.len() - built.left_out.len(), built.left_out.len());
    run::run(&mutants, &built, work)
}

fn list() -> Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--list", "--json", "-p", "halfclose"]);
    for file in FILES {
        command.args(["-f", file]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("cargo mutants --list: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut mutants: Vec<Mutant> = serde_json::from_slice(&output.stdout)?;
    mutants.sort_by(|a, b| (&a.file, a.span.start, &a.name).cmp(&(&b.file, b.span.start, &b.name)));
    Ok(mutants)
}
