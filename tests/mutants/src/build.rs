//! The copy of the project with all mutants in it, and its test programs.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::rewrite::{mark, rewrite};
use crate::{Mutant, Result};

/// Whose tests are asked.
const TARGETS: [&str; 10] =
    ["kernel", "determinism", "scenarios", "fuzz", "properties", "models", "packets", "rfc9293", "library", "digests"];

/// The switch every mutant stands behind.
const SWITCH: &str = r#"//! Which mutant is on.
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the environment asks for.
enum Mode { Off, On(u32), Reach(std::path::PathBuf) }
static MODE: OnceLock<Mode> = OnceLock::new();
static SEEN: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];

/// The mutant that is on, where those from `first` to `last` stand.
#[allow(missing_docs, clippy::all)]
pub fn at(first: u32, last: u32) -> u32 {
    let mode = MODE.get_or_init(|| match (std::env::var("MUTANT"), std::env::var("MUTANT_REACH")) {
        (Ok(n), _) => Mode::On(n.parse().unwrap()),
        (_, Ok(path)) => Mode::Reach(path.into()),
        _ => Mode::Off,
    });
    match mode {
        Mode::Off => 0,
        Mode::On(n) => *n,
        Mode::Reach(path) => {
            if !SEEN[first as usize].swap(true, Ordering::Relaxed) {
                let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
                for n in first..=last { file.write_all(format!("{n}\n").as_bytes()).unwrap(); }
            }
            0
        }
    }
}
"#;

/// What came of the build.
pub struct Built {
    /// The test programs.
    pub programs: Vec<PathBuf>,
    /// Mutants that are not in them, with the reason.
    pub left_out: BTreeMap<u32, String>,
    /// Where the tests run.
    pub folder: BTreeMap<PathBuf, PathBuf>,
}

/// Copies the project to `tree`, with the mutants (numbered from 1) in it, and
/// compiles its tests; what does not compile is left out.
pub fn build(mutants: &[Mutant], tree: &Path) -> Result<Built> {
    copy(tree)?;
    let lib = tree.join("sim-core/src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    fs::write(&lib, format!("{text}\n#[allow(missing_docs)]\npub mod mutant;\n"))?;
    fs::write(tree.join("sim-core/src/mutant.rs"), SWITCH)?;
    let mut left_out: BTreeMap<u32, String> = BTreeMap::new();
    let mut keep_const = BTreeSet::new();
    let mut files: BTreeMap<&str, Vec<(u32, &Mutant)>> = BTreeMap::new();
    for (mutant, number) in mutants.iter().zip(1..) {
        files.entry(&mutant.file).or_default().push((number, mutant));
    }
    for round in 1.. {
        let mut out_now = BTreeMap::new();
        for (file, all) in &files {
            let some: Vec<_> = all.iter().copied().filter(|(n, _)| !left_out.contains_key(n)).collect();
            let done = rewrite(&fs::read_to_string(file)?, &some, &keep_const)?;
            out_now.extend(done.left_out.iter().map(|(n, why)| (*n, (*why).to_owned())));
            write_changed(&tree.join(file), &done.text)?;
        }
        let errors = check(tree)?;
        println!("round {round}: {} errors", errors.len());
        if errors.is_empty() {
            left_out.extend(out_now);
            break;
        }
        let before = (left_out.len(), keep_const.len());
        for error in &errors {
            blame(error, tree, &mut left_out, &mut keep_const)?;
        }
        if before == (left_out.len(), keep_const.len()) {
            let texts: Vec<_> = errors.iter().filter_map(|e| e["rendered"].as_str()).collect();
            return Err(format!("errors of no mutant:\n{}", texts.join("\n")).into());
        }
    }
    let (programs, folder) = programs(tree)?;
    Ok(Built { programs, left_out, folder })
}

fn copy(tree: &Path) -> Result<()> {
    let output = Command::new("git").args(["ls-files", "-z"]).output()?;
    for name in output.stdout.split(|b| *b == 0).filter(|n| !n.is_empty()) {
        let name = std::str::from_utf8(name)?;
        let to = tree.join(name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        if let Ok(link) = fs::read_link(name) {
            if fs::read_link(&to).is_err() {
                std::os::unix::fs::symlink(link, &to)?;
            }
            continue;
        }
        if let Ok(bytes) = fs::read(name)
            && fs::read(&to).ok().as_deref() != Some(&bytes)
        {
            fs::write(&to, bytes)?;
        }
    }
    Ok(())
}

fn write_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text)?;
    }
    Ok(())
}

fn cargo(tree: &Path, verb: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(tree).args(verb).args([
        "--message-format",
        "json",
        "-p",
        "halfclose",
        "-p",
        "halfclose-tests",
        "--lib",
    ]);
    for target in TARGETS {
        command.args(["--test", target]);
    }
    command.env("RUSTFLAGS", "--cap-lints allow").env("CARGO_TARGET_DIR", "../build");
    command
}

fn messages(output: &[u8]) -> Vec<Value> {
    output.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect()
}

fn check(tree: &Path) -> Result<Vec<Value>> {
    let output = cargo(tree, &["check", "--keep-going"]).stderr(std::process::Stdio::inherit()).output()?;
    let mut errors: Vec<Value> = messages(&output.stdout)
        .into_iter()
        .filter(|m| m["reason"] == "compiler-message" && m["message"]["level"] == "error")
        .map(|m| m["message"].clone())
        .filter(|m| m["spans"].as_array().is_some_and(|s| !s.is_empty()))
        .collect();
    errors.dedup();
    if errors.is_empty() && !output.status.success() {
        return Err("cargo check failed without a place".into());
    }
    Ok(errors)
}

/// Finds the mutant that an error stands in.
fn blame(error: &Value, tree: &Path, out: &mut BTreeMap<u32, String>, keep_const: &mut BTreeSet<String>) -> Result<()> {
    let message = error["message"].as_str().unwrap_or_default();
    if error["code"]["code"] == "E0015"
        && let Some(name) = message.split('`').nth(1)
    {
        let name = name.split("::<").next().unwrap_or(name);
        keep_const.insert(name.rsplit("::").next().unwrap_or(name).to_owned());
        return Ok(());
    }
    let mut spans: Vec<&Value> = error["spans"].as_array().into_iter().flatten().collect();
    spans.sort_by_key(|s| s["is_primary"] != true);
    for span in spans {
        let Some(file) = span["file_name"].as_str() else { continue };
        let text = fs::read_to_string(tree.join(file)).unwrap_or_default();
        let at = usize::try_from(span["byte_start"].as_u64().unwrap_or(0))?;
        if let Some(number) = around(&text, at) {
            out.insert(number, "does not compile".to_owned());
            return Ok(());
        }
    }
    Ok(())
}

/// The mutant whose text stands around a byte.
fn around(text: &str, at: usize) -> Option<u32> {
    let mut best = None;
    for (begin, _) in text.match_indices("/*m").filter(|(i, _)| *i <= at) {
        let digits: String = text[begin + 3..].chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse::<u32>() else { continue };
        if text[begin..].starts_with(&mark(number, true))
            && let Some(end) = text[begin..].find(&mark(number, false))
            && at <= begin + end + mark(number, false).len()
        {
            best = Some(number);
        }
    }
    best
}

fn programs(tree: &Path) -> Result<(Vec<PathBuf>, BTreeMap<PathBuf, PathBuf>)> {
    let output = cargo(tree, &["test", "--no-run"]).stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the tests do not build".into());
    }
    let (mut programs, mut folders) = (Vec::new(), BTreeMap::new());
    for message in messages(&output.stdout) {
        if let (Some(program), true) = (message["executable"].as_str(), message["profile"]["test"] == true) {
            let manifest = PathBuf::from(message["manifest_path"].as_str().unwrap_or_default());
            folders.insert(PathBuf::from(program), manifest.parent().map(Path::to_owned).unwrap_or_default());
            programs.push(PathBuf::from(program));
        }
    }
    Ok((programs, folders))
}
