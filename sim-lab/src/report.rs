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

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
