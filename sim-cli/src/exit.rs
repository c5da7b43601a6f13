//! Exit codes, and the ways a command can fail.

use std::io;
use std::process::ExitCode;

use halfclose::say;
use halfclose::text::Lang;

use crate::message::Say;
use crate::problem::Problem;
use crate::source::Source;
use crate::terminal;

/// What the exit code means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// 0: it ran, and every expectation held.
    Ok,
    /// 1: it ran, and an expectation failed.
    ExpectationFailed,
    /// 1: two runs differ.
    Differ,
    /// 2: the command line is wrong, or a file cannot be read or written.
    Usage,
    /// 3: the scenario is invalid.
    InvalidScenario,
    /// 4: the run exceeded a budget and was stopped.
    BudgetExceeded,
    /// 130: the reader interrupted it, 128 and SIGINT as a shell says it.
    Interrupted,
    /// The status of a command that ran in the simulated shell.
    Status(u8),
}

impl Code {
    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::ExpectationFailed | Self::Differ => 1,
            Self::Usage => 2,
            Self::InvalidScenario => 3,
            Self::BudgetExceeded => 4,
            Self::Interrupted => 130,
            Self::Status(status) => status,
        }
    }

    /// What `main` returns.
    pub fn exit(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}

/// Why a command ended without a result.
#[derive(Debug)]
pub enum Failure {
    /// Writing the output failed. A closed pipe is not an error: the reader had enough.
    Output(io::Error),
    /// A file could not be read or written: its name, and why.
    File(String, io::Error),
    /// The arguments make no sense together, or name something unknown; already in the reader's language.
    Usage(String),
    /// The scenario has problems.
    Invalid(Source, Vec<Problem>),
    /// A budget was exceeded; already in the reader's language.
    Budget(String),
    /// Ctrl-C; where the run stopped, already in the reader's language.
    Interrupted(Option<String>),
    /// A file asks for more than its own budget allows: where.
    OverBudget(Source, Vec<Problem>),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::Interrupted { Self::Interrupted(None) } else { Self::Output(error) }
    }
}

impl Failure {
    /// Tells the reader on stderr; the exit code that follows.
    pub fn report(&self, lang: Lang) -> Code {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return Code::Ok,
            Self::Output(error) => terminal::error(lang, &say!(lang, Say::CannotWrite, error)),
            Self::File(name, error) => terminal::error(lang, &say!(lang, Say::CannotRead, name, error)),
            Self::Usage(message) => terminal::error(lang, message),
            Self::Invalid(source, problems) => {
                terminal::talk(&crate::problem::render(source, problems));
                return Code::InvalidScenario;
            }
            Self::OverBudget(source, problems) => {
                terminal::talk(&crate::problem::render(source, problems));
                return Code::BudgetExceeded;
            }
            Self::Interrupted(stopped) => {
                let message = stopped.clone().unwrap_or_else(|| say!(lang, Say::Interrupted));
                terminal::talk(&format!("{message}\n"));
                return Code::Interrupted;
            }
            Self::Budget(message) => {
                terminal::error(lang, message);
                return Code::BudgetExceeded;
            }
        }
        Code::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_quiet_success() {
        let closed = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.report(Lang::En), Code::Ok);
    }
}
