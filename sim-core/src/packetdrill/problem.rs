//! Where and why a text is no script, or no script for this simulator.

use core::fmt;

/// A place in the text and a reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ScriptProblem {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Not a script at all, or one that asks for something the model lacks.
    pub kind: ProblemKind,
    /// What is wrong, and what was expected instead.
    pub reason: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// The text does not follow the language.
    Invalid,
    /// The construct exists in packetdrill but not here.
    Unsupported,
}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProblemKind::Invalid => "invalid",
            ProblemKind::Unsupported => "unsupported",
        };
        write!(f, "{}:{}: {kind}: {}", self.line, self.column, self.reason)
    }
}
