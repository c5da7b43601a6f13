//! What each check came to, as the closing tables show it.

use std::fmt;

/// How a check ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It ran and found nothing. The lines are worth repeating at the end.
    Passed(Vec<String>),
    /// It ran and found something; likewise.
    Failed(Vec<String>),
    /// It could not run, and why.
    NotRun(String),
}

impl Outcome {
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "ok",
            Self::Failed(_) => "FAILED",
            Self::NotRun(_) => "not run",
        }
    }
}

/// All checks of a run, in order.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Outcome, f64)>,
    left_out: String,
}

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome, seconds: f64) {
        self.rows.push((name, outcome, seconds));
    }

    /// Names the checks that were not asked for.
    pub(crate) fn leave_out(&mut self, names: &[&str]) {
        self.left_out = names.join(", ");
    }

    pub(crate) fn all_passed(&self) -> bool {
        self.rows.iter().all(|(_, outcome, _)| matches!(outcome, Outcome::Passed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome, _) in &self.rows {
            if let Outcome::Passed(lines) | Outcome::Failed(lines) = outcome {
                for line in lines {
                    writeln!(f, "{name}: {line}")?;
                }
            }
        }
        writeln!(f, "\n{:<12}  {:<8}  {:>7}", "check", "result", "seconds")?;
        for (name, outcome, seconds) in &self.rows {
            writeln!(f, "{name:<12}  {:<8}  {seconds:>7.1}", outcome.word())?;
        }
        let total: f64 = self.rows.iter().map(|(_, _, seconds)| seconds).sum();
        writeln!(f, "{:<12}  {:<8}  {total:>7.1}", "total", if self.all_passed() { "ok" } else { "FAILED" })?;
        if self.rows.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::NotRun(_))) {
            writeln!(f, "\nnot run       why")?;
            for (name, outcome, _) in &self.rows {
                if let Outcome::NotRun(why) = outcome {
                    writeln!(f, "{name:<12}  {why}")?;
                }
            }
        }
        if !self.left_out.is_empty() {
            writeln!(f, "\nonly a part was asked for; left out: {}", self.left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_run_is_listed_and_spoils_the_run() {
        let mut report = Report::default();
        report.add("tests", Outcome::Passed(vec!["12 tests run".to_owned()]), 1.0);
        assert!(report.all_passed());
        report.add("book", Outcome::NotRun("mdbook: offline".to_owned()), 0.0);
        assert!(!report.all_passed());
        let shown = report.to_string();
        assert!(shown.contains("tests: 12 tests run"), "{shown}");
        assert!(shown.contains("not run       why\nbook          mdbook: offline"), "{shown}");
    }

    #[test]
    fn a_failure_spoils_the_run() {
        let mut report = Report::default();
        report.add("clippy", Outcome::Failed(Vec::new()), 1.0);
        assert!(!report.all_passed());
        assert!(report.to_string().contains("clippy        FAILED        1.0"));
    }
}
