//! What became of a script.

use super::problem::{ProblemKind, ScriptProblem};

/// A script's result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything happened as the script says.
    Pass(Run),
    /// Something did not.
    Fail(Failure),
    /// The script asks for something the model lacks, or is no script. Never a pass.
    NotRun(ScriptProblem),
}

/// A run in which everything was as expected.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Events that were checked.
    pub events: u32,
    /// Segments the host sent that no line of the script expects, up to one second after its last event.
    pub left_over: Vec<String>,
    /// The branch of `#ifdef` that was taken, if the script has any.
    pub branch: Option<String>,
    /// Largest distance of anything from its moment, in microseconds.
    pub worst_lateness_usecs: u64,
}

/// The first thing that was not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Line, from 1.
    pub line: u32,
    /// What the script says.
    pub expected: String,
    /// What happened.
    pub actual: String,
}

impl Verdict {
    /// `pass`, `fail`, `unsupported` or `invalid`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::NotRun(problem) => match problem.kind {
                ProblemKind::Invalid => "invalid",
                ProblemKind::Unsupported => "unsupported",
            },
        }
    }
    /// The line that decided, if one did.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        match self {
            Self::Pass(_) => None,
            Self::Fail(failure) => Some(failure.line),
            Self::NotRun(problem) => Some(problem.line),
        }
    }
    /// True for a pass.
    #[must_use]
    pub const fn passed(&self) -> bool {
        matches!(self, Self::Pass(_))
    }
}
