//! The comparison as a table, as JSON, as a page of the book.

use halfclose::say;
use halfclose::scenario::Scenario;
use halfclose::text::Lang;
use serde::Serialize;

use crate::Request;
use crate::compare::{Group, Line, Text, Verdict, compare, text};
use crate::machine::Machine;
use crate::observation::Observation;
use crate::say::Say;

/// Both runs, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// Its one-line title.
    pub title: Text,
    /// The question it answers.
    pub question: Text,
    /// Where it ran.
    pub machine: Machine,
    /// The rows.
    pub lines: Vec<Line>,
    /// What the reader must know.
    pub notes: Vec<Text>,
}

impl Report {
    pub(crate) fn new(
        request: &Request,
        scenario: &Scenario,
        machine: Machine,
        real: Observation,
        model: Observation,
    ) -> Self {
        let mut notes: Vec<Text> = Vec::new();
        for (spec, seen) in scenario.processes.iter().zip(&real.processes) {
            if seen.parked > 0 || machine.nofile.is_some_and(|hard| hard < spec.nofile.soft) {
                let hard = machine.nofile.unwrap_or(u64::MAX);
                notes.push(text!(Say::Parked, spec.name, hard, seen.parked, spec.nofile.soft));
            }
        }
        let unread = scenario.expectations.iter().zip(&real.checks);
        let unread: Vec<&str> = unread
            .filter(|(_, check)| check.as_ref().is_none_or(|check| check.actual.is_none()))
            .map(|(expectation, _)| expectation.name.as_str())
            .collect();
        if !unread.is_empty() {
            notes.push(text!(Say::NoVerdict, unread.join(", ")));
        }
        let pairs = scenario.expectations.iter().zip(real.checks.iter().zip(&model.checks));
        let failed = pairs.filter_map(|(expectation, pair)| match pair {
            (Some(r), Some(m)) if !r.ok && !m.ok && r.actual == m.actual => Some(expectation.name.as_str()),
            _ => None,
        });
        let failed: Vec<&str> = failed.collect();
        if !failed.is_empty() {
            notes.push(text!(Say::NotMet, failed.join(", ")));
        }
        let same = |note: &String| Text { en: note.clone(), zh: note.clone() };
        notes.extend(real.notes.iter().chain(&model.notes).map(same));
        notes.dedup();
        Self {
            scenario: request.name.clone(),
            title: Text { en: scenario.title.clone(), zh: scenario.title_zh.clone() },
            question: Text { en: scenario.question.clone(), zh: scenario.question_zh.clone() },
            lines: compare(scenario, machine.hz, &real, &model),
            machine,
            notes,
        }
    }

    /// How many rows have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }

    /// "real and simulated agree".
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.count(Verdict::Differs) == 0
    }

    /// The heading.
    #[must_use]
    pub fn header(&self, lang: Lang) -> String {
        say!(lang, Say::Header, self.title.in_lang(lang), self.machine.kernel)
    }

    /// The last line.
    #[must_use]
    pub fn summary(&self, lang: Lang) -> String {
        let [equal, within, differs] = [Verdict::Equal, Verdict::Within, Verdict::Differs].map(|v| self.count(v));
        say!(lang, Say::Summary, self.lines.len(), equal, within, differs)
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(lang: Lang) -> [String; 5] {
        [
            say!(lang, Say::ColumnWhat),
            say!(lang, Say::ColumnReal),
            say!(lang, Say::ColumnSimulated),
            say!(lang, Say::ColumnVerdict),
            say!(lang, Say::ColumnRule),
        ]
    }

    /// The heading of the notes.
    #[must_use]
    pub fn notes_heading(lang: Lang) -> String {
        say!(lang, Say::Notes)
    }
}

impl Verdict {
    /// The word of the table.
    #[must_use]
    pub fn word(self, lang: Lang) -> String {
        match self {
            Self::Equal => say!(lang, Say::Equal),
            Self::Within => say!(lang, Say::Within),
            Self::Differs => say!(lang, Say::Differs),
        }
    }
}

impl Group {
    /// The heading of its rows.
    #[must_use]
    pub fn heading(self, lang: Lang) -> String {
        match self {
            Self::Expectations => say!(lang, Say::GroupExpectations),
            Self::Calls => say!(lang, Say::GroupCalls),
            Self::Ports => say!(lang, Say::GroupPorts),
            Self::States => say!(lang, Say::GroupStates),
            Self::Lifetimes => say!(lang, Say::GroupLifetimes),
            Self::Packets => say!(lang, Say::GroupPackets),
            Self::Mib => say!(lang, Say::GroupMib),
            Self::Latency => say!(lang, Say::GroupLatency),
        }
    }
}

/// A page of the book: the scenario, the kernel, both columns.
#[must_use]
pub fn page(report: &Report, scenario_text: &str) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut out = format!("# {}\n\n", report.title.en);
    let machine = &report.machine;
    out.push_str(&format!(
        "{}\n\nMeasured on Linux {} (CONFIG_HZ={}, {} CPUs) by `halfclose lab {} --page`, and simulated for the same\n\
         kernel and settings. {}\n",
        report.question.en,
        machine.kernel,
        machine.hz,
        machine.cpus,
        report.scenario,
        capital(&report.summary(Lang::En)) + "."
    ));
    let mut group = None;
    for line in &report.lines {
        if group != Some(line.group) {
            group = Some(line.group);
            out.push_str(&format!("\n## {}\n\n", line.group.heading(Lang::En)));
            out.push_str("| what | real | simulated | verdict | rule |\n|---|---|---|---|---|\n");
        }
        let cells = [&line.what, &line.real, &line.simulated, &line.verdict.word(Lang::En), &line.rule.en];
        out.push_str(&format!("| {} |\n", cells.map(|text| cell(text)).join(" | ")));
    }
    if !report.notes.is_empty() {
        out.push_str("\n## Notes\n\n");
        report.notes.iter().for_each(|note| out.push_str(&format!("- {}\n", note.en)));
    }
    out.push_str(&format!("\n## The scenario\n\n```toml\n{}\n```\n", scenario_text.trim_end()));
    out
}

/// A page of [`page`] in 中文. What was measured is data and stays; every sentence is one of [`Say`], so that an
/// old page can be told in both languages although the experiment is not run again.
///
/// # Errors
/// The line that no message makes.
pub fn page_in_zh(page: &str) -> Result<String, String> {
    let (told, scenario) =
        page.split_once("\n## The scenario\n").ok_or_else(|| "the page shows no scenario".to_owned())?;
    let header = |key: &str| {
        let start = format!("{key} = \"");
        let line = scenario.lines().find_map(|line| line.strip_prefix(start.as_str())?.strip_suffix('"'));
        line.map(|text| text.replace("\\\"", "\"")).ok_or_else(|| format!("the scenario has no {key}"))
    };
    let mut out = format!("# {}\n\n{}\n\n", header("title_zh")?, header("question_zh")?);
    let mut lines = told.lines().skip(4);
    let mut measured = String::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        measured.push_str(if measured.is_empty() { "" } else { " " });
        measured.push_str(line);
    }
    out.push_str(&format!("{}\n\n", measured_in_zh(&measured).ok_or(measured)?));
    let columns = Report::columns(Lang::Zh).join(" | ");
    for line in lines {
        let zh = if line == "| what | real | simulated | verdict | rule |" {
            Some(format!("| {columns} |"))
        } else if line.is_empty() || line.starts_with("|---") {
            Some(line.to_owned())
        } else if let Some(heading) = line.strip_prefix("## ") {
            in_zh(heading).map(|heading| format!("## {heading}"))
        } else if let Some(note) = line.strip_prefix("- ") {
            // What the machine itself had to say has one language.
            Some(format!("- {}", in_zh(note).unwrap_or_else(|| note.to_owned())))
        } else {
            row_in_zh(line)
        };
        out.push_str(&zh.ok_or_else(|| line.to_owned())?);
        out.push('\n');
    }
    Ok(format!("{out}\n## 场景\n{scenario}"))
}

/// The sentence that says where the page was measured.
fn measured_in_zh(text: &str) -> Option<String> {
    let (kernel, rest) = text.strip_prefix("Measured on Linux ")?.split_once(" (CONFIG_HZ=")?;
    let (hz, rest) = rest.split_once(", ")?;
    let (cpus, rest) = rest.split_once(" CPUs) by `halfclose lab ")?;
    let (scenario, rest) = rest.split_once(" --page`, and simulated for the same kernel and settings. ")?;
    let summary = in_zh(rest.strip_suffix('.')?)?;
    Some(format!(
        "由 `halfclose lab {scenario} --page` 在 Linux {kernel}（CONFIG_HZ={hz}，{cpus} 个 CPU）上测得，\
         并按同样的内核和设置模拟。{summary}。"
    ))
}

/// Verdict and rule, the last two cells, in 中文.
fn row_in_zh(line: &str) -> Option<String> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [what @ .., verdict, rule] = cells.as_slice() else { return None };
    Some(format!("| {} | {} | {} |", what.join(" | "), in_zh(verdict)?, in_zh(rule)?))
}

/// A sentence of [`Say`] in 中文, its arguments kept.
fn in_zh(text: &str) -> Option<String> {
    Say::ALL.iter().find_map(|message| {
        let both = message.texts();
        let arguments = arguments(both.en, text)?;
        let arguments: Vec<&dyn std::fmt::Display> =
            arguments.iter().map(|text| text as &dyn std::fmt::Display).collect();
        Some(both.format(Lang::Zh, &arguments))
    })
}

/// What stands for `{0}`, `{1}`, … of a message in `text`; they are named in order.
fn arguments<'a>(message: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = message.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        let at = if last { rest.strip_suffix(part)?.len() } else { rest.find(part)? };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
