//! The shipped ways to spread a sweep with GNU parallel and Ray, run as they are
//! written in the book. They need the two installed, so they run only when named:
//! `cargo test -p halfclose-cli --test cluster`. `UPDATE_GOLDEN=1` keeps what they
//! print in the book. `PYTHON` names a Python that has Ray, if `python3` has not.
#![cfg(unix)]

#[path = "machines.rs"]
mod machines;

use std::fs;
use std::path::Path;

use machines::{book, folder, run, same_bytes};

/// What was run, what it printed, and that the bytes are those of one run: kept
/// in the book. Times, memory and versions are of the machine.
fn kept(folder: &Path, file: &str, line: &str, printed: &str, results: &str) {
    let mut shown = format!("$ {line}\n{printed}");
    let compared = run(folder, "sh", &["-c", &format!("cmp {results} whole.jsonl && echo the same bytes")], &[]);
    shown.push_str(&format!("$ cmp {results} whole.jsonl && echo the same bytes\n"));
    shown.push_str(&String::from_utf8_lossy(&compared.stdout));
    same_bytes(folder, results);
    let path = book(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &shown).expect("the book can be written");
    }
    let of_the_machine = |line: &&str| {
        let words = ["  ", "estimate:", "memory:", "Ray ", "to do"];
        !words.iter().any(|word| line.starts_with(word) || line.contains("runs to do"))
    };
    let lines = |text: &str| text.lines().filter(of_the_machine).map(str::to_owned).collect::<Vec<_>>();
    let golden = fs::read_to_string(&path).expect("the book has it");
    assert_eq!(lines(&golden), lines(&shown), "UPDATE_GOLDEN=1 brings book/src/sweep/{file} up to date");
}

#[test]
fn gnu_parallel_gives_the_bytes_of_one_run() {
    let at = folder("parallel");
    let script = book("gnu-parallel.sh").display().to_string();
    // GNU parallel prints each job's output when it ends: one at a time keeps the order.
    let output = run(&at, "bash", &[&script, "plan.toml", "parallel.jsonl", "4"], &[("PARALLEL", "--keep-order")]);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let named = printed.lines().map(|line| match line.rsplit_once('/') {
        // The folder is a temporary one.
        Some((_, part)) if part.starts_with("part-") => {
            format!("{}{part}\n", line.split_once(" to ").map_or("", |(said, _)| said).to_owned() + " to ")
        }
        Some(_) | None => format!("{line}\n"),
    });
    let printed: String = named.collect();
    kept(&at, "gnu-parallel.txt", "bash gnu-parallel.sh plan.toml parallel.jsonl 4", &printed, "parallel.jsonl");
}

/// A local cluster of Ray: its workers are processes of their own.
#[test]
fn ray_gives_the_bytes_of_one_run() {
    let at = folder("ray");
    let python =
        std::env::var_os("PYTHON").map_or_else(|| "python3".to_owned(), |name| name.to_string_lossy().into_owned());
    let script = book("ray_sweep.py").display().to_string();
    let output = run(&at, &python, &[&script, "plan.toml", "ray.jsonl", "4", "2"], &[]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let written = err.lines().find(|line| line.contains("units written")).expect("the merge says so");
    let workers = out.split("parts by ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok());
    assert!(workers.is_some_and(|workers: u32| workers >= 2), "several processes: {out}");
    kept(&at, "ray.txt", "python3 ray_sweep.py plan.toml ray.jsonl 4 2", &format!("{out}{written}\n"), "ray.jsonl");
}
