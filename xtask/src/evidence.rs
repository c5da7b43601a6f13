//! `cargo xtask evidence`: the pages of `book/src/evidence/` and `book/zh/evidence/`, from
//! experiments on this machine's kernel. A page is replaced only by a run in which both sides
//! agree; what differs is printed and keeps its old page.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use crate::checks::Context;

/// Experiments at once: they mostly wait.
const AT_ONCE: usize = 6;
/// Experiments that need the machine for themselves: tens of thousands of sockets.
const ALONE: [&str; 2] = ["port-range-28232", "two-hosts"];

/// Runs the experiments whose names contain `wanted`, all without it, and writes their pages.
pub(crate) fn run(context: &Context, wanted: Option<&str>) -> ExitCode {
    match write(context, wanted) {
        Ok(differing) if differing.is_empty() => ExitCode::SUCCESS,
        Ok(differing) => {
            println!("real and simulated differ: {}", differing.join(", "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(context: &Context, wanted: Option<&str>) -> io::Result<Vec<String>> {
    let root = context.root.as_path();
    let program = context.built("halfclose").map_err(|_told| io::Error::other("halfclose does not build"))?;
    let mut names: Vec<String> = fs::read_dir(root.join("scenarios/lab"))?
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.push("two-hosts".to_owned());
    names.sort();
    let selected: Vec<String> = names.iter().filter(|n| wanted.is_none_or(|w| n.contains(w))).cloned().collect();
    let (alone, mut together): (Vec<String>, Vec<String>) =
        selected.into_iter().partition(|name| ALONE.contains(&name.as_str()));
    // Taken from the back: the longest first.
    together.sort_by_key(|name| length_ms(root, name));
    let waiting = Mutex::new(together);
    let differing = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("no thread panics").pop();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(name) = next() {
                    try_page(root, &program, &name, &differing);
                }
            });
        }
    });
    alone.iter().for_each(|name| try_page(root, &program, name, &differing));
    list(root, &names)?;
    in_chinese(context)?;
    Ok(differing.into_inner().expect("no thread panics"))
}

/// The same pages in 中文, by the test that holds them to the English ones.
fn in_chinese(context: &Context) -> io::Result<()> {
    let test = ["test", "--quiet", "--package", "halfclose-lab", "--test", "pages"];
    let made = context.cargo().args(test).env("UPDATE_GOLDEN", "1").status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("book/zh/evidence could not be written")) }
}

/// `end` of a scenario in ms; 0 where it cannot be read.
fn length_ms(root: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(root.join(format!("scenarios/lab/{name}.toml"))).unwrap_or_default();
    let end = text.lines().find_map(|line| line.strip_prefix("end = \"")).unwrap_or_default().trim_end_matches('"');
    match end.strip_suffix("ms") {
        Some(ms) => ms.parse().unwrap_or(0),
        None => end.trim_end_matches('s').parse::<u64>().unwrap_or(0) * 1000,
    }
}

fn folder(root: &Path) -> PathBuf {
    root.join("book/src/evidence")
}

fn try_page(root: &Path, program: &Path, name: &str, differing: &Mutex<Vec<String>>) {
    let agreed = page(root, program, name).unwrap_or_else(|error| {
        eprintln!("{name}: {error}");
        false
    });
    println!("{name}: {}", if agreed { "agrees" } else { "DIFFERS" });
    if !agreed {
        differing.lock().expect("no thread panics").push(name.to_owned());
    }
}

/// True if both sides agree; the page is written then.
fn page(root: &Path, program: &Path, name: &str) -> io::Result<bool> {
    let mut command = Command::new(program);
    command.current_dir(root).args(["lab", "--page", "--lang", "en"]);
    if name == "two-hosts" {
        // The leak takes as long as the machine needs for it.
        command.args(["two-hosts", "--set", "end=420s"]);
    } else {
        command.arg(format!("scenarios/lab/{name}.toml"));
    }
    let output = command.output()?;
    if !output.stderr.is_empty() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().filter(|line| line.contains("DIFFERS")).for_each(|line| println!("  {line}"));
        return Ok(false);
    }
    fs::create_dir_all(folder(root))?;
    fs::write(folder(root).join(format!("{name}.md")), output.stdout)?;
    Ok(true)
}

/// The index, and the chapter's lines in SUMMARY.md.
fn list(root: &Path, names: &[String]) -> io::Result<()> {
    let mut rows = String::new();
    let mut chapter = String::from("- [The evidence](evidence/README.md)\n");
    for name in names {
        let Ok(text) = fs::read_to_string(folder(root).join(format!("{name}.md"))) else { continue };
        let title = text.lines().next().unwrap_or(name).trim_start_matches("# ").to_owned();
        let question = text.lines().nth(2).unwrap_or_default();
        let sums = text.split(". ").find_map(|part| part.trim().split_once(" rows: ")).map(|(rows, rest)| {
            let rest = rest.split('.').next().unwrap_or(rest);
            format!("{rows} rows: {rest}")
        });
        rows.push_str(&format!("| [{name}]({name}.md) | {question} | {} |\n", sums.unwrap_or_default()));
        chapter.push_str(&format!("  - [{title}](evidence/{name}.md)\n"));
    }
    let index = format!(
        "# The evidence\n\nEach page is one claim about Linux: a scenario, run on the real kernel and in the model by\n\
         [`halfclose lab`](../lab.md), with both columns and the rule that decides each row. `cargo xtask evidence` makes the\n\
         pages anew on the machine it runs on, and keeps those whose experiment differs as they were.\n\n\
         | experiment | question | outcome |\n|---|---|---|\n{rows}"
    );
    fs::create_dir_all(folder(root))?;
    fs::write(folder(root).join("README.md"), index)?;
    let summary = root.join("book/src/SUMMARY.md");
    let text = fs::read_to_string(&summary)?;
    let mut out = String::new();
    for line in text.lines().filter(|line| !line.contains("](evidence/")) {
        out.push_str(line);
        out.push('\n');
        if line.contains("](lab.md)") {
            out.push_str(&chapter);
        }
    }
    fs::write(summary, out)
}
