//! `halfclose diff`: two runs held against each other.

use std::cmp::Reverse;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use halfclose::observe::Told;
use halfclose::observe::diff::{self, Diff as Compared, DiffError, FindingPair, MetricPair, Variant};
use halfclose::plot;
use halfclose::say;
use halfclose::text::{Lang, grouped};
use halfclose::time::Instant;
use serde_json::{Map, Value, json};

use crate::args::{Override, parse_override};
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::output;
use crate::progress::Progress;
use crate::source::Source;
use crate::terminal::{self, BAD, GOOD, STRONG, WARN, styled};

/// Help after the options of `diff`.
pub const DIFF_HELP: &str = "\
Examples:
  halfclose diff incident longer-timeout
  halfclose diff two-hosts --set process.mysqld.mysqld.connect_timeout=60
  halfclose diff two-hosts --set host.client.sysctl.net.ipv4.ip_local_port_range='1024 60999' --plot overlay
  halfclose diff tiny --other-seed 2 --json | jq '.parting, .findings'

--set changes the second run. Both run under the same seed, so that the first record that differs is the first
effect of the change. --plot draws each chart of both runs, one over the other.

Exit codes: 0 the runs are the same, record by record; 1 they differ; 2 usage, 3 invalid scenario, 4 a budget was exceeded.";

/// How many metrics are listed.
const LISTED: usize = 24;

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// The first scenario: a file, the name of a preset, or `-` for stdin
    #[arg(value_name = "FILE|PRESET", value_hint = ValueHint::FilePath)]
    pub first: String,

    /// The second; without it, the first again, with what --set and --other-seed change
    #[arg(value_name = "FILE|PRESET", value_hint = ValueHint::FilePath)]
    pub second: Option<String>,

    /// Change a value of the second; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,

    /// Use this seed for both instead of the first file's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Use this seed for the second
    #[arg(long, value_name = "N")]
    pub other_seed: Option<u64>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// List every number that differs
    #[arg(long, conflicts_with = "json")]
    pub all: bool,

    /// Draw the charts of both runs, one over the other, into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub plot: Option<PathBuf>,
}

/// Compares, and tells.
pub fn diff(arguments: &Diff, lang: Lang) -> Result<Code, Failure> {
    if arguments.second.is_none() && arguments.overrides.is_empty() && arguments.other_seed.is_none() {
        return Err(Failure::Usage(say!(lang, Say::DiffNothingToCompare)));
    }
    let source = Source::find(&arguments.first, lang)?;
    let other = arguments.second.as_deref().map(|name| Source::find(name, lang)).transpose()?;
    let first = engine::read(&source, &[], lang)?;
    let second = engine::read(other.as_ref().unwrap_or(&source), &arguments.overrides, lang)?;
    let seed = arguments.seed.unwrap_or(first.seed);
    let names = names(arguments, &source, other.as_ref());
    let [a, b] = names;
    let variants = [
        Variant { name: a, scenario: first, seed },
        Variant { name: b, scenario: second, seed: arguments.other_seed.unwrap_or(seed) },
    ];
    let mut progress = Progress::new(&source.name);
    let compared = diff::diff(&variants, &mut |done, all| progress.update(done, all));
    drop(progress);
    let compared = compared.map_err(|error| match error {
        DiffError::Build(error) => engine::unbuildable(&source, &error.to_string()),
        DiffError::Sim(error) => engine::stopped(&error, lang),
    })?;
    if let Some(folder) = &arguments.plot {
        std::fs::create_dir_all(folder).map_err(|error| Failure::File(folder.display().to_string(), error))?;
        for chart in &compared.charts {
            let path = folder.join(format!("{}.svg", chart.name.name()));
            output::write(&path, plot::chart(chart, lang).as_bytes())?;
        }
    }
    let text = if arguments.json { json(&compared, lang) } else { human(&compared, arguments.all, lang) };
    terminal::print(&text)?;
    Ok(if compared.is_same() { Code::Ok } else { Code::Differ })
}

/// What the two are called: by their files; the same file by what is changed.
fn names(arguments: &Diff, source: &Source, other: Option<&Source>) -> [String; 2] {
    let mut changes: Vec<String> =
        arguments.overrides.iter().map(|one| format!("{}={}", last_word(&one.key), one.value)).collect();
    changes.extend(arguments.other_seed.map(|seed| format!("seed {seed}")));
    let changes = changes.join(", ");
    let second = match other {
        Some(other) if changes.is_empty() => other.name.clone(),
        Some(other) => format!("{} {changes}", other.name),
        None => changes,
    };
    let first = source.name.clone();
    if first == second { [format!("{first} (1)"), format!("{second} (2)")] } else { [first, second] }
}

/// `process.mysqld.mysqld.connect_timeout` is told as `connect_timeout`; a
/// sysctl by its own name.
fn last_word(key: &str) -> &str {
    key.split_once(".sysctl.").map_or_else(|| key.rsplit('.').next().unwrap_or(key), |(_, sysctl)| sysctl)
}

fn human(compared: &Compared, all: bool, lang: Lang) -> String {
    let [a, b] = &compared.names;
    let [seed_a, seed_b] = compared.seeds;
    let mut out = format!("{}\n", styled(STRONG, say!(lang, Say::DiffHeader, a, seed_a, b, seed_b)));
    let Some(parting) = &compared.parting else {
        out.push_str(&format!("{}\n", say!(lang, Say::DiffSame, compared.digests[0])));
        return out;
    };
    let at = seconds_exact(parting.at_ns);
    out.push_str(&format!("\n{}\n", styled(STRONG, say!(lang, Say::DiffParts, at))));
    let mut told = |name: &str, records: &[Told]| {
        out.push_str(&format!("  {name}:\n"));
        if records.is_empty() {
            out.push_str(&format!("    {}\n", say!(lang, Say::DiffNoMore)));
        }
        for one in records {
            out.push_str(&format!("    {}\n", line(one, lang)));
        }
    };
    if !parting.before.is_empty() {
        told(&say!(lang, Say::DiffCommon), &parting.before);
    }
    told(a, &parting.first);
    told(b, &parting.second);
    out.push_str(&metrics(compared, all, lang));
    out.push_str(&findings(compared, lang));
    out
}

fn seconds_exact(ns: u64) -> String {
    Instant::from_nanos(ns).to_string()
}

/// `5.000046 client: … — why`.
fn line(told: &Told, lang: Lang) -> String {
    let why = told.why.text(lang);
    let why = if why.is_empty() { String::new() } else { format!(" — {why}") };
    format!("{} {}: {}{why}", seconds_exact(told.at_ns), told.host, told.what.text(lang))
}

fn metrics(compared: &Compared, all: bool, lang: Lang) -> String {
    let mut differing: Vec<&MetricPair> = compared.metrics.iter().filter(|pair| pair.differs()).collect();
    let total = compared.metrics.len();
    let heading = say!(lang, Say::DiffMetrics, differing.len(), total);
    let mut out = format!("\n{}\n", styled(STRONG, heading));
    let count = differing.len();
    if !all && count > LISTED {
        // What changed most, told in the order of the metrics.
        let mut by_size: Vec<&MetricPair> = differing.clone();
        by_size.sort_by_key(|pair| Reverse(weight(pair)));
        by_size.truncate(LISTED);
        differing.retain(|pair| by_size.contains(pair));
    }
    let text = |value: Option<i64>| value.map_or("–".to_owned(), signed);
    let rows: Vec<[String; 3]> =
        differing.iter().map(|pair| [pair.name.clone(), text(pair.first), text(pair.second)]).collect();
    let heads = [String::new(), compared.names[0].clone(), compared.names[1].clone()];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].as_str()).chain([heads[column].as_str()]);
        cells.map(console::measure_text_width).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    for row in core::iter::once(&heads).chain(&rows) {
        let pad = |column: usize| " ".repeat(widths[column] - console::measure_text_width(&row[column]));
        out.push_str(&format!("  {}{}  {}{}  {}{}\n", row[0], pad(0), pad(1), row[1], pad(2), row[2]));
    }
    if differing.len() < count {
        out.push_str(&format!("  {}\n", say!(lang, Say::DiffMore, count - differing.len())));
    }
    out
}

fn signed(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs()))
}

/// How telling a difference is: what was nothing and is something, then by factor.
fn weight(pair: &MetricPair) -> (bool, u64) {
    let (a, b) = (pair.first.unwrap_or(0).unsigned_abs(), pair.second.unwrap_or(0).unsigned_abs());
    let (less, more) = (a.min(b), a.max(b));
    (less == 0 && more > 10, (more.saturating_mul(1_000)) / (less + 1))
}

fn findings(compared: &Compared, lang: Lang) -> String {
    let [a, b] = &compared.names;
    let mut out = format!("\n{}\n", styled(STRONG, say!(lang, Say::DiffFindings)));
    let mut group = |heading: String, mark: String, wanted: &dyn Fn(&FindingPair) -> Vec<String>| {
        let told: Vec<String> = compared.findings.iter().flat_map(wanted).collect();
        if told.is_empty() {
            return;
        }
        out.push_str(&format!("  {heading}:\n"));
        for text in told {
            let width = usize::from(terminal::width()) - 6;
            for (number, line) in terminal::fill(&text, width).lines().enumerate() {
                out.push_str(&format!("    {} {line}\n", if number == 0 { mark.as_str() } else { " " }));
            }
        }
    };
    let what = |finding: &halfclose::observe::Finding| finding.what.text(lang).to_owned();
    group(say!(lang, Say::DiffOnly, a), styled(BAD, "-"), &|pair| match (&pair.first, &pair.second) {
        (Some(first), None) => vec![what(first)],
        (_, _) => Vec::new(),
    });
    group(say!(lang, Say::DiffOnly, b), styled(GOOD, "+"), &|pair| match (&pair.first, &pair.second) {
        (None, Some(second)) => vec![what(second)],
        (_, _) => Vec::new(),
    });
    group(say!(lang, Say::DiffChanged), styled(WARN, "~"), &|pair| match (&pair.first, &pair.second) {
        (Some(first), Some(second)) if first.what != second.what => {
            vec![format!("{} → {}", what(first), what(second))]
        }
        (Some(first), Some(second)) if first.evidence != second.evidence => {
            vec![format!("{} ({})", what(first), changes(first, second))]
        }
        (_, _) => Vec::new(),
    });
    group(say!(lang, Say::DiffUnchanged), "·".to_owned(), &|pair| match (&pair.first, &pair.second) {
        (Some(first), Some(second)) if first.what == second.what && first.evidence == second.evidence => {
            vec![what(first)]
        }
        (_, _) => Vec::new(),
    });
    out
}

/// The evidence that changed: `at: 115.6s → 419.2s`.
fn changes(first: &halfclose::observe::Finding, second: &halfclose::observe::Finding) -> String {
    let changed = first.evidence.iter().filter_map(|(name, value)| {
        let other = second.evidence.iter().find(|(one, _)| one == name).map_or("–", |(_, other)| other.as_str());
        (other != value).then(|| format!("{name}: {value} → {other}"))
    });
    changed.collect::<Vec<_>>().join(", ")
}

fn json(compared: &Compared, lang: Lang) -> String {
    let side =
        |at: usize| json!({ "name": compared.names[at], "seed": compared.seeds[at], "digest": compared.digests[at] });
    let metrics: Map<String, Value> =
        compared.metrics.iter().map(|pair| (pair.name.clone(), json!([pair.first, pair.second]))).collect();
    let findings: Vec<Value> = compared
        .findings
        .iter()
        .map(|pair| {
            let told = |finding: &Option<halfclose::observe::Finding>| {
                finding.clone().map(|finding| serde_json::to_value(engine::finding(finding, lang)).unwrap_or_default())
            };
            json!({ "id": pair.id.name(), "first": told(&pair.first), "second": told(&pair.second) })
        })
        .collect();
    let differing = compared.metrics.iter().filter(|pair| pair.differs()).count();
    let object = json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "same": compared.is_same(),
        "first": side(0),
        "second": side(1),
        "parting": compared.parting,
        "differing": differing,
        "metrics": metrics,
        "findings": findings,
        "charts": compared.charts,
    });
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_named_by_what_differs() {
        let source = Source { name: "tiny".into(), bytes: Vec::new() };
        let set = |text: &str| parse_override(text).unwrap();
        let mut arguments = Diff {
            first: "tiny".into(),
            second: None,
            overrides: vec![
                set("process.mysqld.mysqld.connect_timeout=60"),
                set("host.h.sysctl.net.ipv4.tcp_tw_reuse=1"),
            ],
            seed: None,
            other_seed: None,
            json: false,
            all: false,
            plot: None,
        };
        assert_eq!(names(&arguments, &source, None), ["tiny", "connect_timeout=60, net.ipv4.tcp_tw_reuse=1"]);
        arguments.overrides.clear();
        arguments.other_seed = Some(2);
        assert_eq!(names(&arguments, &source, None), ["tiny", "seed 2"]);
        assert_eq!(names(&arguments, &source, Some(&source)), ["tiny", "tiny seed 2"]);
    }

    #[test]
    fn what_appears_weighs_most() {
        let pair = |first, second| MetricPair { name: "x".into(), first: Some(first), second: Some(second) };
        assert!(weight(&pair(0, 100)) > weight(&pair(100, 28_231)));
        assert!(weight(&pair(100, 28_231)) > weight(&pair(1_000, 1_001)));
    }
}
