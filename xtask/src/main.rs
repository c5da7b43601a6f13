//! What cargo cannot do alone: every check of the workspace behind one command,
//! with what each needs installed first, by consent.
//!
//! `cargo xtask test` is what a contributor runs and what continuous
//! integration runs; there is no second list of checks anywhere.
#![expect(clippy::print_stdout, reason = "a program that reports on its terminal")]
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

mod book;
mod capture;
mod checks;
mod evidence;
mod install;
mod process;
mod report;
mod site;
mod speed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use checks::{CHECKS, Check, Context};
use report::{Outcome, Report};

const USAGE: &str = "\
usage: cargo xtask test [--only rust|CHECK] [--yes]
       cargo xtask site [--yes]
       cargo xtask serve [--yes]
       cargo xtask book [--instructor | --update] [--yes]
       cargo xtask conformance DIR [--csv VERDICTS]
       cargo xtask evidence [NAME]
       cargo xtask speed

  --only rust   only what needs the Rust toolchain and nothing else
  --only CHECK  one check, by the name it has in the closing table
  --yes         install what is missing without asking

  site          build the page and the book into target/site, fit for any plain file host
  serve         the page from its sources, for work on it: says where it is

  book          build the book in both languages into target/book; --instructor with the answers to its
                exercises, into target/book-instructor; --update puts new paragraphs into the catalogue of
                translations, book/po/zh.po, and takes out what no page says any more

  conformance   run a folder of packet scripts and print their verdicts; with those of a real kernel
                (a CSV), write the page of the book
  evidence      run the experiments whose names contain NAME on this machine's kernel, and write their pages
  speed         measure how fast the simulator is on this machine, and write it down for the book

Exit status: 0 every check passed, 1 one failed or could not run, 2 usage.";

/// What the command line asks for.
#[derive(Default)]
struct Options {
    only: Option<String>,
    yes: bool,
}

impl Options {
    fn selects(&self, check: &Check) -> bool {
        match self.only.as_deref() {
            None => true,
            Some("rust") => check.rust_only,
            Some(name) => check.name == name,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"test", rest)) => match parse(rest) {
            Ok(options) => test(&options),
            Err(problem) => usage_error(&problem),
        },
        Some((&"site", rest)) => build(rest, checks::SITE_BUILD, site::site),
        Some((&"serve", rest)) => build(rest, checks::PAGE_BUILD, site::serve),
        Some((&"book", ["--update", rest @ ..] | [rest @ .., "--update"])) => build(rest, book::NEEDS, book::update),
        Some((&"book", ["--instructor", rest @ ..] | [rest @ .., "--instructor"])) => {
            build(rest, book::NEEDS, book::instructor)
        }
        Some((&"book", rest)) => build(rest, book::NEEDS, book::book),
        Some((&"conformance", rest)) => conformance(rest),
        Some((&"evidence", [])) => evidence::run(&Context::new(root()), None),
        Some((&"evidence", [wanted])) => evidence::run(&Context::new(root()), Some(wanted)),
        Some((&"evidence", _)) => usage_error("evidence takes one name, or none"),
        Some((&"speed", [])) => speed::run(&Context::new(root())),
        Some((&"speed", _)) => usage_error("speed takes no words"),
        Some((&("help" | "--help" | "-h"), _)) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Some((other, _)) => usage_error(&format!("no task is called {other:?}")),
        None => usage_error("which task?"),
    }
}

/// Builds something, after getting what that needs.
fn build(words: &[&str], needs: &[install::Need], task: fn(&Context) -> Outcome) -> ExitCode {
    let options = match parse(words) {
        Ok(options) if options.only.is_none() => options,
        Ok(_) => return usage_error("--only is for tests"),
        Err(problem) => return usage_error(&problem),
    };
    let context = Context::new(root());
    let missing = install::missing_of(&context, needs);
    if let Some((need, why)) = install::provide(&context, &missing, options.yes).first() {
        eprintln!("error: {need}: {why}");
        return ExitCode::FAILURE;
    }
    match task(&context) {
        Outcome::Passed(_) => ExitCode::SUCCESS,
        Outcome::Failed(lines) => {
            lines.iter().for_each(|line| eprintln!("error: {line}"));
            ExitCode::FAILURE
        }
        Outcome::NotRun(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The verdict table of packet scripts, by a program of the tests' crate: this
/// one stays free of the simulator, so that it builds in a moment.
fn conformance(words: &[&str]) -> ExitCode {
    let program = ["run", "--quiet", "--package", "halfclose-tests", "--bin", "conformance", "--"];
    match Context::new(root()).cargo().args(program).args(words).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage_error(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}

fn parse(words: &[&str]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (word, value) = word.split_once('=').map_or((*word, None), |(word, value)| (word, Some(value)));
        match word {
            "--yes" => options.yes = true,
            "--only" => {
                let name = value.or_else(|| words.next().copied()).unwrap_or_default();
                if name != "rust" && !CHECKS.iter().any(|check| check.name == name) {
                    let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
                    return Err(format!("--only takes rust or a check, not {name:?}: {}", names.join(", ")));
                }
                options.only = Some(name.to_owned());
            }
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    Ok(options)
}

fn test(options: &Options) -> ExitCode {
    let selected: Vec<&Check> = CHECKS.iter().filter(|check| options.selects(check)).collect();
    let context = Context::new(root());
    let names: Vec<&str> = selected.iter().map(|check| check.name).collect();
    println!("checks: {}", names.join(", "));

    let missing = install::missing(&context, &selected);
    let (unavailable, seconds) = process::timed(|| install::provide(&context, &missing, options.yes));

    let mut report = Report::default();
    if unavailable.len() < missing.len() {
        report.add("install", Outcome::Passed(Vec::new()), seconds);
    }
    for check in selected {
        println!("\n=== {}: {}", check.name, check.what);
        let absent = check.needs.iter().find_map(|need| unavailable.iter().find(|(other, _)| other == need));
        let (outcome, seconds) = match absent {
            Some((need, why)) => (Outcome::NotRun(format!("{need}: {why}")), 0.0),
            None => process::timed(|| (check.run)(&context)),
        };
        println!("=== {}: {} ({seconds:.1} s)", check.name, outcome.word());
        report.add(check.name, outcome, seconds);
    }
    let left_out: Vec<&str> = CHECKS.iter().filter(|check| !options.selects(check)).map(|check| check.name).collect();
    report.leave_out(&left_out);
    print!("\n{report}");
    if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The workspace: the folder above this crate.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is a folder of the workspace").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_strictly() {
        assert!(parse(&["--only", "rust", "--yes"]).is_ok_and(|o| o.only.as_deref() == Some("rust") && o.yes));
        assert!(parse(&["--only=wasm"]).is_ok_and(|o| o.only.as_deref() == Some("wasm") && !o.yes));
        assert!(parse(&["--only"]).is_err());
        assert!(parse(&["--only", "fast"]).is_err());
        assert!(parse(&["--fast"]).is_err());
    }

    #[test]
    fn checks_have_unique_names() {
        let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_rust_subset_needs_only_parts_of_the_toolchain() {
        for check in CHECKS.iter().filter(|check| check.rust_only) {
            assert!(check.needs.iter().all(|need| matches!(need, install::Need::Component(_))), "{}", check.name);
        }
    }
}
