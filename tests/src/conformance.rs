//! Packet scripts of other projects, run here and held against the verdicts of
//! a real kernel.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use halfclose::kernel::KernelProfile;
use halfclose::packetdrill::{Compare, Definitions, Options, Verdict, run};

/// Kernel whose verdicts are known.
pub const KERNEL: &str = "6.18";
/// Tolerance of scripts that name none: the widest that the real kernel's verdicts were made with.
pub const TOLERANCE_USECS: u64 = 30_000;

/// What the real kernel did with a script.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Which collection it is from.
    pub suite: String,
    /// Unchanged: `pass`, `fail`, `not run`.
    pub verbatim: String,
    /// Normalised, likewise.
    pub normalised: String,
    /// Line at which it parted from the script.
    pub line: Option<u32>,
}

/// A script and its verdicts.
#[derive(Clone, Debug)]
pub struct Row {
    /// Path below the folder.
    pub path: String,
    /// What the real kernel did, if that is known.
    pub known: Option<Known>,
    /// Compared as packetdrill does.
    pub exact: Verdict,
    /// Compared by lifecycle.
    pub lifecycle: Verdict,
    /// The better of both with tolerance 0 and exact timers.
    pub strict: bool,
}

impl Row {
    /// Collection the script is from.
    #[must_use]
    pub fn suite(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
    /// Passes in either way.
    #[must_use]
    pub const fn passes(&self) -> bool {
        self.exact.passed() || self.lifecycle.passed()
    }
    /// The verdict to be held against the kernel's failing line: a script that
    /// ran unchanged there is compared exactly.
    #[must_use]
    pub fn comparable(&self) -> &Verdict {
        match &self.known {
            Some(known) if known.verbatim == "not run" => &self.lifecycle,
            Some(_) | None => &self.exact,
        }
    }
    /// How it differs from the real kernel's, if it does.
    #[must_use]
    pub fn miss(&self) -> Option<String> {
        let known = self.known.as_ref()?;
        if matches!(self.exact, Verdict::NotRun(_)) {
            return Some(format!("not run: {}", describe(&self.exact)));
        }
        if known.verbatim == "pass" && !self.exact.passed() {
            return Some(format!("Linux passes it unchanged; here: {}", describe(&self.exact)));
        }
        if known.normalised == "pass" && !self.passes() {
            return Some(format!("Linux passes it normalised; here: {}", describe(&self.lifecycle)));
        }
        let fails = known.verbatim != "pass" && known.normalised != "pass" && known.verbatim != known.normalised
            || known.verbatim == "fail" && known.normalised != "pass"
            || known.line.is_some();
        if !fails {
            return None;
        }
        let ours = self.comparable();
        if let Some(line) = known.line {
            return (ours.line() != Some(line))
                .then(|| format!("Linux parts from it at line {line}; here: {}", describe(ours)));
        }
        (known.normalised == "fail" && self.passes()).then(|| "Linux never ends; passes here".to_owned())
    }
}

/// `pass`, or the line with what was expected and what happened.
#[must_use]
pub fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass(_) => "pass".to_owned(),
        Verdict::Fail(failure) => {
            format!("line {}: expected {}, got {}", failure.line, failure.expected, failure.actual)
        }
        Verdict::NotRun(problem) => problem.to_string(),
    }
}

/// Runs every script below `dir`.
///
/// # Errors
/// When a file cannot be read.
pub fn run_all(dir: &Path, csv: Option<&Path>) -> Result<Vec<Row>, String> {
    let known = csv.map(read_known).transpose()?.unwrap_or_default();
    let mut paths = Vec::new();
    scripts(dir, &mut paths)?;
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes);
            let path = path.strip_prefix(dir).expect("listed below it").to_string_lossy().replace('\\', "/");
            let exact = run(&text, &options(Compare::Exact, TOLERANCE_USECS));
            let lifecycle = run(&text, &options(Compare::Lifecycle, TOLERANCE_USECS));
            let strict = run(&text, &options(Compare::Exact, 0)).passed()
                || run(&text, &options(Compare::Lifecycle, 0)).passed();
            Ok(Row { known: known.get(&path).cloned(), path, exact, lifecycle, strict })
        })
        .collect()
}

fn options(compare: Compare, tolerance_usecs: u64) -> Options {
    let profile = KernelProfile::parse(KERNEL).expect("a release the model knows");
    let values = [("TFO_COOKIE", "0123456789abcdef"), ("CODE", "host_unreachable")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Options { profile, compare, tolerance_usecs: Some(tolerance_usecs), definitions: Definitions { values } }
}

fn scripts(dir: &Path, into: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", dir.display()))?.path();
        if path.is_dir() {
            scripts(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            into.push(path);
        }
    }
    Ok(())
}

fn read_known(csv: &Path) -> Result<BTreeMap<String, Known>, String> {
    let fault = |error: csv::Error| format!("{}: {error}", csv.display());
    let mut reader = csv::Reader::from_path(csv).map_err(fault)?;
    let headers = reader.headers().map_err(fault)?.clone();
    let mut rows = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        let get = |name: &str| {
            let at = headers.iter().position(|header| header == name);
            at.and_then(|at| record.get(at)).unwrap_or_default().to_owned()
        };
        let suite = get("suite");
        let known = Known {
            verbatim: get("kernel_6_18_verbatim"),
            normalised: get("kernel_6_18_normalised"),
            line: get("first_failing_line").parse().ok(),
            suite: suite.clone(),
        };
        rows.insert(format!("{suite}/{}", get("path")), known);
    }
    Ok(rows)
}

/// Figures of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Scripts.
    pub scripts: usize,
    /// Not run: unsupported or invalid.
    pub not_run: usize,
    /// Passing as packetdrill compares.
    pub exact: usize,
    /// Passing in either way.
    pub either: usize,
    /// Passing in either way with tolerance 0.
    pub strict: usize,
    /// Passing with segments left over.
    pub left_over: usize,
    /// Unchanged passes of the real kernel, and how many of them pass exactly here.
    pub kernel_exact: (usize, usize),
    /// Passes of the real kernel in either way, and how many of them pass here.
    pub kernel_either: (usize, usize),
    /// Failures of the real kernel at a known line, and how many fail at the same line here.
    pub kernel_lines: (usize, usize),
}

/// Adds up.
#[must_use]
pub fn totals<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Totals {
    let mut totals = Totals::default();
    for row in rows {
        totals.scripts += 1;
        totals.not_run += usize::from(matches!(row.exact, Verdict::NotRun(_)));
        totals.exact += usize::from(row.exact.passed());
        totals.either += usize::from(row.passes());
        totals.strict += usize::from(row.strict);
        let left = [&row.exact, &row.lifecycle].into_iter().find_map(|verdict| match verdict {
            Verdict::Pass(run) => Some(!run.left_over.is_empty()),
            Verdict::Fail(_) | Verdict::NotRun(_) => None,
        });
        totals.left_over += usize::from(left == Some(true));
        let Some(known) = &row.known else { continue };
        let held = |pair: &mut (usize, usize), counts: bool, holds: bool| {
            pair.0 += usize::from(counts);
            pair.1 += usize::from(counts && holds);
        };
        held(&mut totals.kernel_exact, known.verbatim == "pass", row.exact.passed());
        let passes = known.verbatim == "pass" || known.normalised == "pass";
        held(&mut totals.kernel_either, passes, row.passes());
        held(&mut totals.kernel_lines, known.line.is_some(), row.comparable().line() == known.line);
    }
    totals
}

/// The verdict table.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut suites: Vec<&str> = rows.iter().map(Row::suite).collect();
    suites.dedup();
    let mut text = String::from(
        "| suite | scripts | not run | pass exact | pass either way | with tolerance 0 | segments left over | Linux: exact | either way | same failing line |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut line = |name: &str, t: Totals| {
        let of = |(all, held): (usize, usize)| if all == 0 { "–".to_owned() } else { format!("{held}/{all}") };
        writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            t.scripts,
            t.not_run,
            t.exact,
            t.either,
            t.strict,
            t.left_over,
            of(t.kernel_exact),
            of(t.kernel_either),
            of(t.kernel_lines)
        )
        .expect("a string takes everything");
    };
    for suite in &suites {
        line(suite, totals(rows.iter().filter(|row| row.suite() == *suite)));
    }
    line("all", totals(rows));
    text
}

/// The causes of misses that are known: path and sentence.
fn causes() -> Result<BTreeMap<String, String>, String> {
    let path = crate::tree::root().join("tests/packets/causes.csv");
    let fault = |error: csv::Error| format!("{}: {error}", path.display());
    let mut reader = csv::Reader::from_path(&path).map_err(fault)?;
    let mut causes = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        if let (Some(path), Some(cause)) = (record.get(0), record.get(1)) {
            causes.insert(path.to_owned(), cause.to_owned());
        }
    }
    Ok(causes)
}

/// The page of the book.
///
/// # Errors
/// When a miss has no cause in `tests/packets/causes.csv`, or a cause no miss.
pub fn page(rows: &[Row]) -> Result<String, String> {
    let mut causes = causes()?;
    let mut misses = String::new();
    let mut problems = Vec::new();
    for row in rows {
        let Some(miss) = row.miss() else { continue };
        match causes.remove(&row.path) {
            Some(cause) => writeln!(misses, "- `{}`. {miss}. Cause: {cause}.", row.path).expect("a string"),
            None => problems.push(format!("{}: {miss}: no cause in tests/packets/causes.csv", row.path)),
        }
    }
    problems.extend(causes.keys().map(|path| format!("{path}: has a cause in tests/packets/causes.csv and no miss")));
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    if misses.is_empty() {
        misses.push_str("None.\n");
    }
    let misses = misses.replace('<', "&lt;");
    Ok(format!("{PREFACE}\n{}\n{EXPLANATION}\n## Where the verdicts differ\n\n{misses}", table(rows)))
}

const PREFACE: &str = "\
# Packet scripts of other projects

<!-- Written by `cargo xtask conformance`; the sentences stand in tests/src/conformance.rs. -->

`halfclose packetdrill` runs scripts in the language of packetdrill. The scripts counted here were written by people who never saw
this project: for Linux, gVisor and FreeBSD. They stay where they are, under their own licences, and are read at run time.

Their verdicts are held against those of a real Linux 6.18.44, which ran the same scripts. FreeBSD's expect windows, options and
buffer sizes that are not Linux's; for them both kernels, the real and the simulated one, are judged by lifecycle: flags, sequence
numbers, lengths, errnos and times. Scripts that name no tolerance get 30 ms, as they did there.
";

const EXPLANATION: &str = "\
- *not run*: unsupported or invalid; never counted as passed.
- *pass exact*: every field the script gives, as packetdrill compares. *Either way*: exactly or by lifecycle.
- *with tolerance 0*: passes too when nothing may be off by a microsecond and kernel timers are not rounded to the timer wheel.
- *segments left over*: passes, and within a second after its last event the host sent a segment that no line expects. packetdrill
  does not look.
- *Linux: exact*: of the scripts that the real kernel passes unchanged, those that pass exactly here. *Either way*: of those it
  passes unchanged or normalised, those that pass here. *Same failing line*: of those at which it parts from the script at a
  known line, those that fail here at the same line. Being too permissive would be as wrong as being too strict.
";
