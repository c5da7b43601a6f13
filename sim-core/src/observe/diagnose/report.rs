//! A diagnosis as text.

use super::messages::Judged;
use super::{Diagnosis, Kind};
use crate::say;
use crate::text::{Lang, grouped as count};

impl Diagnosis {
    /// The diagnosis as one reads it in a terminal.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let mut out = String::new();
        let heading = |out: &mut String, message: Judged| {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&format!("{}\n", message.texts().text(lang)));
        };
        heading(&mut out, Judged::HeadFindings);
        for point in &self.points {
            out.push_str(&format!("  {:<8} {}\n", point.severity.name(), point.what.text(lang)));
        }
        if !self.limits.is_empty() {
            heading(&mut out, Judged::HeadLimits);
            for limit in &self.limits {
                let share = limit.used.saturating_mul(100).checked_div(limit.capacity).unwrap_or(100);
                let mark = if limit.assumed { " (?)" } else { "" };
                out.push_str(&format!(
                    "  {:>7} / {:<7} {share:>3} %  {}{mark}\n",
                    count(limit.used),
                    count(limit.capacity),
                    limit.what.text(lang),
                ));
            }
        }
        for (message, list) in [(Judged::HeadAssumed, &self.assumed), (Judged::HeadUnknown, &self.unknown)] {
            if !list.is_empty() {
                heading(&mut out, message);
                for said in list {
                    out.push_str(&format!("  - {}\n", said.text(lang)));
                }
            }
        }
        if !self.next.is_empty() {
            heading(&mut out, Judged::HeadNext);
            for step in &self.next {
                out.push_str(&format!("  - {}\n", step.what.text(lang)));
                if let Some(command) = &step.command {
                    out.push_str(&format!("      {command}\n"));
                }
            }
        }
        heading(&mut out, Judged::HeadRead);
        out.push_str(&format!("  {}\n", self.what_was_read(lang)));
        out
    }

    /// "30 lines of netstat, 4 other lines".
    fn what_was_read(&self, lang: Lang) -> String {
        let mut parts: Vec<String> = Kind::ALL
            .iter()
            .filter_map(|kind| Some((kind, self.evidence.read.get(kind)?)))
            .map(|(kind, lines)| say!(lang, Judged::Lines, count(*lines), kind.name()))
            .collect();
        if self.evidence.skipped > 0 || parts.is_empty() {
            parts.push(say!(lang, Judged::Skipped, count(self.evidence.skipped)));
        }
        parts.join(if lang == Lang::Zh { "，" } else { ", " })
    }
}
