//! A whole mutation run in the time of a lunch.
//!
//! cargo-mutants says what can be changed; it builds the crate anew for each
//! change, which for two thousand of them takes a day. Here all changes are
//! compiled at once, each behind a switch, and every test is asked first which
//! switches it passes: a mutant is tried with those tests alone, the quickest
//! first.
//!
//! `cargo run --release --manifest-path tests/mutants/Cargo.toml` in the
//! project's folder; results stand in `target/mutants/all/results.jsonl`. With
//! `-- --only FILE` just the mutants named there are compiled and tried, with
//! every test that passes them however long it takes; results stand in
//! `target/mutants/only/results.jsonl`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests run side by side, by the real clock")]

mod build;
mod rewrite;
mod run;

use std::collections::BTreeSet;
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut mutants, limits, work) = match arguments.as_slice() {
        [] => (list()?, run::QUICK, "target/mutants/all"),
        ["--only", file] => (only(list()?, Path::new(file))?, run::THOROUGH, "target/mutants/only"),
        other => return Err(format!("`{}`: the only option is `--only FILE`", other.join(" ")).into()),
    };
    mutants.sort_by(|a, b| (&a.file, a.span.start, &a.name).cmp(&(&b.file, b.span.start, &b.name)));
    let work = Path::new(work);
    fs::create_dir_all(work)?;
    println!("{} mutants", mutants.len());
    let built = build::build(&mutants, &work.join("tree"))?;
    println!("{} compiled together, {} left out", mutants.len() - built.left_out.len(), built.left_out.len());
    run::run(&mutants, &built, work, &limits)
}

/// Those named in `file`, one a line. A name that no mutant has is an error: the code has moved on.
fn only(mutants: Vec<Mutant>, file: &Path) -> Result<Vec<Mutant>> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut names: BTreeSet<&str> = text.lines().filter(|l| !l.is_empty()).collect();
    let found = mutants.into_iter().filter(|m| names.remove(m.name.as_str())).collect();
    if names.is_empty() {
        return Ok(found);
    }
    let names: Vec<&str> = names.into_iter().collect();
    Err(format!("{}: no such mutants (see `cargo mutants --list`):\n{}", file.display(), names.join("\n")).into())
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
    Ok(serde_json::from_slice(&output.stdout)?)
}
