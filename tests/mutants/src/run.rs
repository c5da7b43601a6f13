//! Every test alone, to learn what it passes; then every mutant with those tests.
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::build::Built;
use crate::{Mutant, Result};

/// How much is asked.
pub struct Limits {
    /// Tests that take longer alone are not asked.
    longest: Duration,
    /// Tests are asked in groups of so many seconds, quickest first, ...
    groups: &'static [f64],
    /// ... all mutants of so many groups first, then those still alive of the rest.
    first: usize,
}

/// For thousands of mutants.
pub const QUICK: Limits = Limits { longest: Duration::from_secs(12), groups: &[0.1, 1.0, 6.0, 60.0], first: 3 };
/// For those that are left: all tests.
pub const THOROUGH: Limits =
    Limits { longest: Duration::from_secs(600), groups: &[0.1, 1.0, 6.0, 60.0, f64::INFINITY], first: 3 };
/// A group of tests ends when it has taken this much more CPU time than it usually takes, three times over.
const PATIENCE: f64 = 4.0;
/// And after this long in any case: one that waits takes no CPU time.
const WAITS: Duration = Duration::from_secs(300);
/// How the kernel ends what has used up its CPU time.
const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;
/// Memory of a test, in KiB: a mutant may allocate without end.
const MEMORY_KIB: u32 = 4 << 20;

#[derive(Serialize, Deserialize, Clone)]
struct Test {
    program: PathBuf,
    name: String,
    seconds: f64,
    reached: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Verdict<'a> {
    number: u32,
    mutant: &'a str,
    outcome: &'a str,
    by: String,
    tests: usize,
}

enum Ended {
    Passed,
    Failed(String),
    TimedOut,
}

/// Tries all mutants and writes `results.jsonl` to `work`.
pub fn run(mutants: &[Mutant], built: &Built, work: &Path, limits: &Limits) -> Result<()> {
    let tests = survey(built, work, limits.longest)?;
    println!("{} tests, {:.0} s together", tests.len(), tests.iter().map(|t| t.seconds).sum::<f64>());
    let (first, rest) = limits.groups.split_at(limits.first);
    for (groups, last) in [(first, "open"), (rest, "missed")] {
        pass(mutants, built, work, &tests, groups, last)?;
    }
    Ok(())
}

/// Tries all mutants that are still open with these groups of tests.
fn pass(mutants: &[Mutant], built: &Built, work: &Path, tests: &[Test], groups: &[f64], last: &str) -> Result<()> {
    let results = work.join("results.jsonl");
    let text = fs::read_to_string(&results).unwrap_or_default();
    let mut known = BTreeMap::new();
    known.extend(
        text.lines().filter_map(|l| serde_json::from_str::<Verdict<'_>>(l).ok()).map(|v| (v.number, v.outcome)),
    );
    let done = |number: u32| known.get(&number).is_some_and(|outcome| last == "open" || *outcome != "open");
    let out = Mutex::new(fs::OpenOptions::new().create(true).append(true).open(&results)?);
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = mutants.get(i) else { break };
                    let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
                    if done(number) {
                        continue;
                    }
                    let verdict = verdict(number, mutant, built, tests, groups, last);
                    if let (Ok(mut line), Ok(mut out)) = (serde_json::to_string(&verdict), out.lock()) {
                        line.push('\n');
                        out.write_all(line.as_bytes()).unwrap_or_else(|e| eprintln!("results.jsonl: {e}"));
                    }
                }
            });
        }
    });
    Ok(())
}

fn verdict<'a>(
    number: u32,
    mutant: &'a Mutant,
    built: &Built,
    tests: &[Test],
    groups: &[f64],
    last: &'a str,
) -> Verdict<'a> {
    let mine: Vec<&Test> = tests.iter().filter(|t| t.reached.contains(&number)).collect();
    let (outcome, by) = match built.left_out.get(&number) {
        Some(why) => ("left out", why.clone()),
        None if mine.is_empty() => ("reached by no test", String::new()),
        None => outcome(number, built, &mine, groups, last),
    };
    Verdict { number, mutant: &mutant.name, outcome, by, tests: mine.len() }
}

/// What these tests, all of which pass the mutant, say to it, and which of them.
fn outcome<'a>(number: u32, built: &Built, mine: &[&Test], groups: &[f64], last: &'a str) -> (&'a str, String) {
    let mut rest = mine;
    for &seconds in groups {
        let mut spent = 0.0;
        let n = rest
            .iter()
            .take_while(|t| {
                spent += t.seconds;
                spent <= seconds
            })
            .count();
        let (group, later) = rest.split_at(n);
        rest = later;
        let mut by_program: BTreeMap<&Path, Vec<&Test>> = BTreeMap::new();
        for test in group {
            by_program.entry(&test.program).or_default().push(test);
        }
        for (program, group) in by_program {
            let usual: f64 = group.iter().map(|t| t.seconds).sum();
            let names: Vec<&str> = group.iter().map(|t| t.name.as_str()).collect();
            match ask(built, program, &names, ("MUTANT", &number.to_string()), PATIENCE + usual * 3.0) {
                Ok(Ended::Passed) => {}
                Ok(Ended::Failed(by)) => return ("caught", by),
                Ok(Ended::TimedOut) => return ("timed out", names.join(" ")),
                Err(e) => return ("not run", e.to_string()),
            }
        }
    }
    (if rest.is_empty() { "missed" } else { last }, String::new())
}

/// Every test once, alone: how long it takes and which mutants it passes. Sorted by time.
fn survey(built: &Built, work: &Path, longest: Duration) -> Result<Vec<Test>> {
    let kept = work.join("tests.json");
    if let Ok(text) = fs::read_to_string(&kept) {
        return Ok(serde_json::from_str(&text)?);
    }
    let mut all = Vec::new();
    for program in &built.programs {
        let output = Command::new(program).args(["--list", "--format", "terse"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        all.extend(text.lines().filter_map(|l| l.strip_suffix(": test")).map(|n| (program.clone(), n.to_owned())));
    }
    let next = AtomicUsize::new(0);
    let tests = Mutex::new(Vec::new());
    let reach = work.canonicalize()?;
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (next, tests, all, reach) = (&next, &tests, &all, &reach);
            scope.spawn(move || {
                while let Some((program, name)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let file = reach.join(format!("reach-{worker}"));
                    let _ = fs::remove_file(&file);
                    let began = Instant::now();
                    let ended =
                        ask(built, program, &[name], ("MUTANT_REACH", &file.to_string_lossy()), longest.as_secs_f64());
                    let seconds = began.elapsed().as_secs_f64();
                    let text = fs::read_to_string(&file).unwrap_or_default();
                    let reached: Vec<u32> = text.lines().filter_map(|l| l.parse().ok()).collect();
                    match ended {
                        Ok(Ended::Passed) if reached.is_empty() => {}
                        Ok(Ended::Passed) => {
                            if let Ok(mut tests) = tests.lock() {
                                tests.push(Test { program: program.clone(), name: name.clone(), seconds, reached });
                            }
                        }
                        Ok(Ended::Failed(_)) => println!("fails without a mutant: {name}"),
                        Ok(Ended::TimedOut) => println!("longer than {} s: {name}", longest.as_secs()),
                        Err(e) => println!("{name}: {e}"),
                    }
                }
            });
        }
    });
    let mut tests = tests.into_inner()?;
    tests.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    fs::write(&kept, serde_json::to_string(&tests)?)?;
    Ok(tests)
}

fn ask(built: &Built, program: &Path, names: &[&str], env: (&str, &str), cpu_seconds: f64) -> Result<Ended> {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--as={}", u64::from(MEMORY_KIB) * 1024))
        .arg(format!("--cpu={:.0}", cpu_seconds.ceil()))
        .arg(program.canonicalize()?)
        .args(["--exact", "--test-threads", "1"])
        .args(names)
        .env(env.0, env.1)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(folder) = built.folder.get(program) {
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
    }
    let mut child = command.spawn()?;
    let mut stdout = child.stdout.take().ok_or("no stdout")?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stdout, &mut text);
        text
    });
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > WAITS {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::TimedOut);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let text = String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned();
    if status.success() {
        return Ok(Ended::Passed);
    }
    if matches!(status.signal(), Some(SIGXCPU | SIGKILL)) {
        return Ok(Ended::TimedOut);
    }
    let failed = text
        .lines()
        .filter(|l| l.starts_with("test ") && l.ends_with("FAILED"))
        .filter_map(|l| l.split(' ').nth(1))
        .next();
    Ok(Ended::Failed(failed.map_or_else(|| format!("{status}"), str::to_owned)))
}
