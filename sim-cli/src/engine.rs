//! The one place where the program meets the simulator.
//!
//! Everything above works with these plain values; nothing else in this crate
//! drives the simulation.

use std::io::Write;

use halfclose::capacity::{Variant, VariantError};
use halfclose::kernel::KernelProfile;
use halfclose::observe::shell::Shell;
use halfclose::observe::{self, RunFacts, View};
use halfclose::packetdrill::{self, Compare, Definitions, Options, Verdict};
use halfclose::say;
use halfclose::scenario::{self, CheckRow, Moment, ProgramKind, Run, Scenario, ScenarioError, preset as presets};
use halfclose::sim::SimError;
use halfclose::tcp::TcpState;
use halfclose::tcp::graph::Visits;
use halfclose::text::{Lang, Msg};
use halfclose::time::{Duration, Instant};
use halfclose::trace::{NoObserver, Observer};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::{CompareArg, Override, Packetdrill};
use crate::capture::{self, PcapWriter, Watchers};
use crate::exit::Failure;
use crate::interrupt;
use crate::look;
use crate::message::Say;
use crate::problem::Problem;
use crate::source::Source;
use crate::trace::JsonLines;

/// Into how many pieces a run is cut to show its progress.
const PROGRESS_STEPS: u64 = 200;
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
    /// Where the capture of the first client's host goes.
    pub pcap: Option<&'a mut dyn Write>,
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
    /// The scenario's expectations, and each entry of its timeline that could not be carried out.
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
    pub id: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// What happened.
    pub what: String,
    /// Why, where that is another sentence.
    pub why: Option<String>,
    /// The numbers it rests on.
    pub evidence: Map<String, Value>,
    /// What to do.
    pub next: String,
    /// What doing it costs elsewhere.
    pub costs: Option<String>,
    /// What to type on a real host to see it.
    pub command: Option<String>,
}

/// Runs a scenario.
///
/// # Errors
/// [`Failure::Invalid`] with all problems of the file, [`Failure::Budget`] when it was stopped.
pub fn run(request: Request<'_>) -> Result<Outcome, Failure> {
    let Request { source, lang, probes, trace, pcap, progress, .. } = request;
    let mut going = start(source, request.overrides, request.seed, lang)?;
    let until = request.until.map(|text| moment(going.scenario(), text, lang)).transpose()?;
    let until = until.zip(request.until);
    let mut lines = trace.map(|out| JsonLines::new(out, &going));
    let config = capture::config(&going, first_client(&going), None, lang);
    let mut capture = pcap.map(|out| PcapWriter::new(config, out));
    let mut watchers = Watchers(Vec::new());
    if let Some(lines) = &mut lines {
        watchers.0.push(lines);
    }
    if let Some(capture) = &mut capture {
        watchers.0.push(capture);
    }
    let answers = match watchers.0.is_empty() {
        true => go(&mut going, until, probes, lang, progress, &mut NoObserver)?,
        false => go(&mut going, until, probes, lang, progress, &mut watchers)?,
    };
    lines.map_or(Ok(()), JsonLines::finish)?;
    capture.map_or(Ok(0), PcapWriter::finish)?;
    Ok(outcome(&going, source, answers, lang))
}

/// What a run's connections did, and where its sockets were at the end.
///
/// # Errors
/// As [`run`].
pub fn visits(request: Request<'_>) -> Result<Visits, Failure> {
    let mut going = start(request.source, request.overrides, request.seed, request.lang)?;
    let mut visits = Visits::default();
    go(&mut going, None, &[], request.lang, request.progress, &mut visits)?;
    for host in going.world().hosts() {
        visits.add_sockets(&TcpState::ALL.map(|state| host.count(state)));
    }
    Ok(visits)
}

/// Writes what a host sends and receives between two moments; returns the
/// number of packets.
///
/// # Errors
/// As [`run`]; [`Failure::Usage`] for an unknown host or mark.
pub fn export_pcapng(request: Request<'_>, wanted: &Wanted<'_>, out: &mut dyn Write) -> Result<u64, Failure> {
    let lang = request.lang;
    let mut run = start(request.source, request.overrides, request.seed, lang)?;
    let host = wanted.host.map_or_else(|| Ok(first_client(&run)), |name| host_of(&run, name, lang))?;
    let [from, to] = [wanted.from, wanted.to]
        .map(|text| text.map(|text| moment(run.scenario(), text, lang).map(|moment| (moment, text))).transpose());
    let (from, to) = (from?, to?);
    if let Some((moment, text)) = from
        && !run.run_to_moment(moment, &mut NoObserver).map_err(|error| stopped(&error, lang))?
    {
        return Err(never(&run, text, lang));
    }
    if let Some((moment, text)) = &to
        && let Some(end) = run.instant_of(moment)
    {
        not_before_now(&run, end, text, lang)?;
    }
    let mut capture = PcapWriter::new(capture::config(&run, host, wanted.port, lang), out);
    go(&mut run, to, &[], lang, request.progress, &mut capture)?;
    Ok(capture.finish()?)
}

/// The end of a span, asked for as `text`, must not lie before where the run stands: its begin.
pub(crate) fn not_before_now(run: &Run, end: Instant, text: &str, lang: Lang) -> Result<(), Failure> {
    let begin = run.world().now();
    match end < begin {
        true => Err(Failure::Usage(say!(lang, Say::EndsBeforeItBegins, text, seconds(end), seconds(begin)))),
        false => Ok(()),
    }
}

/// What [`export_pcapng`] captures.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The host that captures; else the first client's.
    pub host: Option<&'a str>,
    /// Only this port.
    pub port: Option<u16>,
    /// The moment it begins; else the start.
    pub from: Option<&'a str>,
    /// The moment it ends; else the scenario's end.
    pub to: Option<&'a str>,
}

/// A run of the scenario at time 0, which heeds Ctrl-C.
pub(crate) fn start(source: &Source, overrides: &[Override], seed: Option<u64>, lang: Lang) -> Result<Run, Failure> {
    let scenario = read(source, overrides, lang)?;
    let seed = seed.unwrap_or(scenario.seed);
    let mut run = Run::new(scenario, seed).map_err(|error| unbuildable(source, &error.to_string()))?;
    run.heed(interrupt::flag());
    Ok(run)
}

/// The scenario with its changes, checked.
pub(crate) fn read(source: &Source, overrides: &[Override], lang: Lang) -> Result<Scenario, Failure> {
    let pairs: Vec<(&str, &str)> = overrides.iter().map(|one| (one.key.as_str(), one.value.as_str())).collect();
    Scenario::read(&source.bytes, &pairs)
        .map_err(|error| Failure::Invalid(source.clone(), problems(&error, overrides, lang)))
}

/// A checked scenario that asks for something that cannot be.
pub(crate) fn unbuildable(source: &Source, message: &str) -> Failure {
    let problem =
        Problem { id: "cannot-build".into(), message: message.to_owned(), span: None, hint: None, other: None };
    Failure::Invalid(source.clone(), vec![problem])
}

/// Answers the probes, which stand in the order of their moments, then runs to
/// the end: of the scenario, or `until`.
fn go(
    run: &mut Run,
    until: Option<(Moment, &str)>,
    probes: &[Probe],
    lang: Lang,
    progress: &mut dyn FnMut(u64, u64),
    observer: &mut dyn Observer,
) -> Result<Vec<Option<String>>, Failure> {
    let stopped = |error: SimError| stopped(&error, lang);
    run.foresee().map_err(stopped)?;
    let mut answers = Vec::new();
    for probe in probes {
        answers.push(answer(run, probe, lang, observer)?);
    }
    if let Some((moment, text)) = until {
        return match run.run_to_moment(moment, observer).map_err(stopped)? {
            true => Ok(answers),
            false => Err(never(run, text, lang)),
        };
    }
    let end = run.scenario().end;
    let step = Duration::from_nanos(end.nanos() / PROGRESS_STEPS + 1);
    while run.world().now() < end {
        let next = run.world().now().checked_add(step).map_or(end, |next| next.min(end));
        run.run_until(next, observer).map_err(stopped)?;
        progress(next.nanos(), end.nanos());
    }
    run.run_to_end(observer).map_err(stopped)?;
    Ok(answers)
}

fn answer(run: &mut Run, probe: &Probe, lang: Lang, observer: &mut dyn Observer) -> Result<Option<String>, Failure> {
    let moment = moment(run.scenario(), probe.at, lang)?;
    if matches!(probe.of, Quantity::Expectation { .. })
        || !run.run_to_moment(moment, observer).map_err(|error| stopped(&error, lang))?
    {
        return Ok(None);
    }
    Ok(match probe.of {
        Quantity::Metric(text) => {
            let quantity = run.scenario().quantity(text).map_err(|error| asked(&error, lang))?;
            run.value(&quantity).map(|value| value.to_string())
        }
        Quantity::View { view, host, extract } => extract(&look::now(run, view, host, lang)?),
        Quantity::Expectation { .. } => None,
    })
}

pub(crate) fn outcome(run: &Run, source: &Source, answers: Vec<Option<String>>, lang: Lang) -> Outcome {
    let world = run.world();
    let mut expectations: Vec<Expectation> = run.verdicts().iter().map(|row| expectation(row, lang)).collect();
    expectations.extend(run.refusals().iter().map(|refusal| Expectation {
        name: say!(
            lang,
            Say::TimelineEntry,
            refusal.action + 1,
            seconds(refusal.at),
            run.scenario().timeline[refusal.action].kind
        ),
        expected: say!(lang, Say::CarriedOut),
        actual: refusal.reason.clone(),
        ok: false,
    }));
    Outcome {
        scenario: source.name.clone(),
        seed: run.seed(),
        digest: world.digest().to_string(),
        events: world.events(),
        virtual_ns: world.now().nanos(),
        metrics: run.metrics(),
        expectations,
        findings: observe::findings(&RunFacts::of(run)).into_iter().map(|one| finding(one, lang)).collect(),
        answers,
    }
}

fn expectation(row: &CheckRow, lang: Lang) -> Expectation {
    let actual = match (&row.actual, &row.error) {
        (Some(actual), _) => actual.to_string(),
        (None, Some(error)) => error.to_string(),
        (None, None) => say!(lang, Say::MomentNeverCame),
    };
    Expectation { name: row.name.clone(), expected: row.expected.clone(), actual, ok: row.ok }
}

pub(crate) fn finding(found: observe::Finding, lang: Lang) -> Finding {
    let costs = found.costs_line(lang);
    Finding {
        id: found.id.name(),
        severity: found.severity.name(),
        what: found.what.text(lang).to_owned(),
        why: found.why.map(|why| why.text(lang).to_owned()),
        evidence: found.evidence.into_iter().map(|(name, value)| (name.to_owned(), number_or_text(value))).collect(),
        next: found.next.text(lang).to_owned(),
        costs,
        command: found.command,
    }
}

fn number_or_text(value: String) -> Value {
    value.parse::<u64>().map_or(Value::String(value), Value::from)
}

/// A run at a moment (else at its start), and a shell on one of its hosts.
///
/// # Errors
/// As [`run`]; [`Failure::Usage`] for an unknown host or mark.
pub fn shell(request: Request<'_>, at: Option<&str>, host: Option<&str>) -> Result<(Run, Shell), Failure> {
    let lang = request.lang;
    let mut run = start(request.source, request.overrides, request.seed, lang)?;
    run.foresee().map_err(|error| stopped(&error, lang))?;
    if let Some(text) = at {
        run_to(&mut run, text, lang)?;
    }
    let mut shell = Shell::new(&run, lang);
    if let Some(name) = host {
        host_of(&run, name, lang)?;
        shell.go_to(&run, name);
    }
    Ok((run, shell))
}

/// Runs to a moment as the user wrote it.
pub(crate) fn run_to(run: &mut Run, text: &str, lang: Lang) -> Result<(), Failure> {
    let moment = moment(run.scenario(), text, lang)?;
    if run.run_to_moment(moment, &mut NoObserver).map_err(|error| stopped(&error, lang))? {
        return Ok(());
    }
    Err(never(run, text, lang))
}

/// The first host on which something else than a server runs.
fn first_client(run: &Run) -> usize {
    first_host(run, false)
}

pub(crate) fn first_host(run: &Run, of_server: bool) -> usize {
    let looked_for = |kind| match of_server {
        true => kind == ProgramKind::Mysqld,
        false => !matches!(kind, ProgramKind::Mysqld | ProgramKind::Dns),
    };
    let processes = &run.scenario().processes;
    processes.iter().find(|process| looked_for(process.program.kind())).map_or(0, |process| process.host)
}

pub(crate) fn host_of(run: &Run, name: &str, lang: Lang) -> Result<usize, Failure> {
    let hosts = &run.scenario().hosts;
    hosts.iter().position(|host| host.name == name).ok_or_else(|| {
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        let hint = say!(lang, Msg::OneOf, names.join(", "));
        Failure::Usage(format!("{}\n{hint}", say!(lang, Msg::UnknownHost, name)))
    })
}

pub(crate) fn moment(scenario: &Scenario, text: &str, lang: Lang) -> Result<Moment, Failure> {
    scenario.moment(text).map_err(|error| asked(&error, lang))
}

pub(crate) fn never(run: &Run, text: &str, lang: Lang) -> Failure {
    Failure::Usage(say!(lang, Msg::MarkNeverReached, text, seconds(run.scenario().end)))
}

pub(crate) fn seconds(at: Instant) -> String {
    at.since(Instant::ZERO).decimal(1_000_000_000, 3)
}

/// A moment or a metric that cannot be understood.
pub(crate) fn asked(error: &ScenarioError, lang: Lang) -> Failure {
    Failure::Usage(told(error, lang))
}

pub(crate) fn told(error: &ScenarioError, lang: Lang) -> String {
    let told = error.problems.iter().map(|one| {
        let problem = problem(one, &[], lang);
        problem.hint.map_or(problem.message.clone(), |hint| format!("{}\n{hint}", problem.message))
    });
    told.collect::<Vec<_>>().join("\n")
}

pub(crate) fn stopped(error: &SimError, lang: Lang) -> Failure {
    let told = error.text(lang);
    if matches!(error, SimError::Interrupted { .. }) { Failure::Interrupted(Some(told)) } else { Failure::Budget(told) }
}

fn problems(error: &ScenarioError, overrides: &[Override], lang: Lang) -> Vec<Problem> {
    error.problems.iter().map(|one| problem(one, overrides, lang)).collect()
}

fn problem(problem: &scenario::Problem, overrides: &[Override], lang: Lang) -> Problem {
    let (message, hint) = match lang {
        Lang::En => (problem.kind.en(), problem.hint_en()),
        Lang::Zh => (problem.kind.zh(), problem.hint_zh()),
    };
    let other = match problem.place.source {
        scenario::Source::File => None,
        scenario::Source::Preset(name) => Some((name.to_owned(), preset(name).unwrap_or_default().to_owned())),
        scenario::Source::Override(index) => {
            let given = usize::try_from(index).ok().and_then(|index| overrides.get(index));
            given.map(|given| ("--set".to_owned(), format!("{}={}", given.key, given.value)))
        }
    };
    Problem { id: problem.id().to_owned(), message, span: Some(problem.span()), hint, other }
}

/// A source with its `--set` changes, to be varied further.
pub fn variant(source: &Source, overrides: &[Override]) -> Variant {
    let overrides = overrides.iter().map(|change| (change.key.clone(), change.value.clone())).collect();
    Variant::new(source.bytes.clone(), overrides)
}

/// Why a variant of the source could not be simulated, for the reader.
pub fn variant_failure(source: &Source, overrides: &[Override], error: VariantError, lang: Lang) -> Failure {
    match error {
        VariantError::Scenario(error) => Failure::Invalid(source.clone(), problems(&error, overrides, lang)),
        VariantError::Build(error) => unbuildable(source, &error.to_string()),
        VariantError::Sim(error) => stopped(&error, lang),
    }
}

/// The same as text alone, for one variant of many.
pub fn variant_text(error: &VariantError, lang: Lang) -> String {
    match error {
        VariantError::Scenario(error) => told(error, lang),
        VariantError::Build(error) => error.to_string(),
        VariantError::Sim(error) => error.text(lang),
    }
}

/// All problems of a scenario; none if it can run.
pub fn check(source: &Source, overrides: &[Override], lang: Lang) -> Vec<Problem> {
    let pairs: Vec<(&str, &str)> = overrides.iter().map(|one| (one.key.as_str(), one.value.as_str())).collect();
    match Scenario::read(&source.bytes, &pairs) {
        Ok(_scenario) => Vec::new(),
        Err(error) => problems(&error, overrides, lang),
    }
}

/// The JSON Schema of scenario files.
pub fn schema() -> String {
    scenario::schema()
}

/// The file of a preset.
pub fn preset(name: &str) -> Option<&'static str> {
    presets::find(name).map(|preset| preset.text)
}

/// Name and question of every preset, in the order they are best met.
pub fn presets(lang: Lang) -> impl Iterator<Item = (&'static str, String)> {
    presets::ALL.iter().map(move |preset| {
        let scenario = preset.scenario();
        let question = match lang {
            Lang::En => scenario.question,
            Lang::Zh => scenario.question_zh,
        };
        (preset.name, question)
    })
}

/// Names of all presets.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    presets::ALL.iter().map(|preset| preset.name)
}

/// What packet scripts are run with.
pub fn script_options(arguments: &Packetdrill, lang: Lang) -> Result<Options, Failure> {
    let bad =
        |error| Failure::Usage(format!("{}: {error}", say!(lang, Say::ValueInvalid, arguments.kernel, "--kernel")));
    Ok(Options {
        profile: KernelProfile::parse(&arguments.kernel).map_err(bad)?,
        compare: match arguments.compare {
            CompareArg::Exact => Compare::Exact,
            CompareArg::Lifecycle => Compare::Lifecycle,
        },
        tolerance_usecs: arguments.tolerance,
        definitions: Definitions { values: arguments.definitions.clone() },
    })
}

/// Runs a packet script.
pub fn run_script(text: &str, options: &Options) -> Verdict {
    packetdrill::run(text, options)
}
