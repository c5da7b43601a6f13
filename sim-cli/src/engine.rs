//! The one place where the program meets the simulator.
//!
//! Everything above works with these plain values; nothing else in this crate
//! names a type of the simulation.

use std::io::Write;

use halfclose::text::Lang;
use serde::Serialize;

use crate::args::{Override, View};
use crate::exit::Failure;
use crate::message::Say;
use crate::problem::Problem;
use crate::source::Source;

/// What to run.
pub struct Request<'a> {
    /// The scenario.
    pub source: &'a Source,
    /// `--set` changes, in order.
    pub overrides: &'a [Override],
    /// Instead of the file's seed.
    pub seed: Option<u64>,
    /// Instead of the file's end: a duration, or a mark with an offset.
    pub until: Option<&'a str>,
    /// Language of findings and errors.
    pub lang: Lang,
    /// Questions to answer on the way; a probe past the end runs on until its moment.
    pub probes: &'a [Probe],
    /// Where the trace goes, one JSON object a line.
    pub trace: Option<&'a mut dyn Write>,
    /// Called now and then with the virtual time reached and the time of the end, in ns.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// A question about a moment of a run.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The moment: `kill+3s`, `exhausted`, `end`.
    pub at: &'static str,
    /// The question.
    pub of: Quantity,
}

/// What a probe asks for.
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    /// A metric by its full name, or an expression of metrics.
    Metric(&'static str),
    /// The actual value of the scenario's own expectation of this name; the
    /// reader finds it in [`Outcome::expectations`], the answer is `None`.
    Expectation {
        /// Its name.
        name: &'static str,
        /// The figure in the value.
        extract: fn(&str) -> Option<String>,
    },
    /// A view of a host; `extract` takes the figure out of the printed text.
    View {
        /// The view.
        view: View,
        /// The host.
        host: &'static str,
        /// The figure in the text.
        extract: fn(&str) -> Option<String>,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed used.
    pub seed: u64,
    /// Digest of every record, in hexadecimal.
    pub digest: String,
    /// Events processed.
    pub events: u64,
    /// Virtual time reached, in ns.
    pub virtual_ns: u64,
    /// Metrics at the end, by name.
    pub metrics: Vec<(String, i64)>,
    /// The scenario's expectations.
    pub expectations: Vec<Expectation>,
    /// What ran out, and why.
    pub findings: Vec<Finding>,
    /// Answers to the probes, in their order; `None` if the moment never came or the metric does not exist.
    pub answers: Vec<Option<String>>,
}

/// One expectation of the scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Expectation {
    /// Its metric and moment.
    pub name: String,
    /// What was expected: `= 28231`, `5..8`.
    pub expected: String,
    /// What came out.
    pub actual: String,
    /// Whether it held.
    pub ok: bool,
}

/// Something worth telling.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable name, the same in both languages.
    pub id: String,
    /// What happened.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to type.
    pub next: Vec<String>,
}

/// Runs a scenario.
///
/// # Errors
/// [`Failure::Invalid`] with all problems of the file, [`Failure::Budget`] when it was stopped.
pub fn run(request: Request<'_>) -> Result<Outcome, Failure> {
    Err(not_connected(request.lang))
}

/// What `view` prints at a moment of the run.
///
/// # Errors
/// As [`run`]; [`Failure::Usage`] for an unknown host, process or mark.
pub fn view(
    request: Request<'_>,
    view: View,
    at: &str,
    host: Option<&str>,
    process: Option<&str>,
) -> Result<String, Failure> {
    let _ = (view, at, host, process);
    Err(not_connected(request.lang))
}

/// All problems of a scenario; none if it can run.
///
/// # Errors
/// Never for a bad scenario: that is a value.
pub fn check(source: &Source, lang: Lang) -> Result<Vec<Problem>, Failure> {
    let _ = source;
    Err(not_connected(lang))
}

/// The JSON Schema of scenario files.
///
/// # Errors
/// When this build has none.
pub fn schema(lang: Lang) -> Result<String, Failure> {
    Err(not_connected(lang))
}

/// The file of a preset.
pub fn preset(name: &str) -> Option<&'static str> {
    let _ = name;
    None
}

fn not_connected(lang: Lang) -> Failure {
    Failure::Usage(halfclose::say!(lang, Say::NotConnected))
}
