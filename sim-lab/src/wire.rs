//! What the lab's processes tell each other: one line of text each.

use std::fmt::Write as _;

use halfclose::app::CallName;
use halfclose::errno::Errno;
use halfclose::units::{Endpoint, Port};
use serde::{Deserialize, Serialize};

/// The scenario as every process of the lab reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The file.
    pub(crate) text: String,
    /// `--set` changes and those the running kernel asks for.
    pub(crate) overrides: Vec<(String, String)>,
    /// Seed of the programs' random streams.
    pub(crate) seed: u64,
}

/// A system call that a process made: what, when, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallEvent {
    /// Thread.
    pub(crate) task: u32,
    /// Index in [`CallName::ALL`].
    pub(crate) call: u8,
    /// First descriptor argument, or the one returned; 0 for none.
    pub(crate) fd: u32,
    /// When it was entered, in ns since the start.
    pub(crate) entered: u64,
    /// When it returned.
    pub(crate) done: u64,
    /// Its value, or minus its errno.
    pub(crate) result: i64,
    /// `connect` that asks for a source port: the port (0 for none), the destination.
    pub(crate) ports: Option<(u16, u32, u16)>,
}

impl CallEvent {
    /// The call's name.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        CallName::ALL.get(usize::from(self.call)).map_or("?", |name| name.name())
    }

    /// True for this call.
    #[must_use]
    pub(crate) fn is(&self, name: CallName) -> bool {
        CallName::ALL.get(usize::from(self.call)) == Some(&name)
    }

    /// The error, if it failed.
    #[must_use]
    pub(crate) fn errno(&self) -> Option<Errno> {
        errno(self.result)
    }

    /// `ok`, or the error's name.
    #[must_use]
    pub(crate) fn outcome(&self) -> &'static str {
        self.errno().map_or("ok", Errno::name)
    }

    /// A connect() that found a port: the destination, and the port.
    #[must_use]
    pub(crate) fn picked(&self) -> Option<(Endpoint, Port)> {
        let (port, addr, to) = self.ports?;
        (port != 0).then(|| (Endpoint::new(addr.into(), to), Port(port)))
    }
}

/// The errno a negative result stands for.
#[must_use]
pub(crate) fn errno(result: i64) -> Option<Errno> {
    let number = u16::try_from(-result).ok().filter(|n| *n > 0)?;
    Some(Errno::ALL.iter().copied().find(|e| e.number() == number).unwrap_or(Errno::Io))
}

/// What a process of the scenario tells the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its process id as /proc shows it, or a helper's that holds descriptors for it.
    Pid { pid: u32, helper: bool },
    /// A call.
    Call(CallEvent),
    /// An answer to `ask`.
    Answer { ask: u32, name: String, value: Option<u64> },
    /// The end of the answers.
    Answered { ask: u32 },
    /// How often a call came to this, at the end.
    Count { call: u8, result: i64, n: u64 },
    /// How many descriptors were handed to helpers so far.
    Parked(u32),
    /// It ended with this status.
    Exit(u32),
    /// Something the reader of the table must know.
    Note(String),
    /// Nothing more will come.
    End,
}

impl Event {
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        let written = match self {
            Self::Pid { pid, helper } => write!(line, "i {pid} {}", u8::from(*helper)),
            Self::Call(call) => {
                let CallEvent { task, call, fd, entered, done, result, ports } = call;
                write!(line, "c {task} {call} {fd} {entered} {done} {result}").and_then(|()| match ports {
                    Some((port, addr, to)) => write!(line, " {port} {addr} {to}"),
                    None => Ok(()),
                })
            }
            Self::Answer { ask, name, value: Some(value) } => write!(line, "m {ask} {name} {value}"),
            Self::Answer { ask, name, value: None } => write!(line, "m {ask} {name}"),
            Self::Answered { ask } => write!(line, ". {ask}"),
            Self::Count { call, result, n } => write!(line, "n {call} {result} {n}"),
            Self::Parked(n) => write!(line, "p {n}"),
            Self::Exit(status) => write!(line, "x {status}"),
            Self::Note(text) => write!(line, "t {}", text.replace('\n', " ")),
            Self::End => write!(line, "e"),
        };
        written.expect("a String takes everything");
        line.push('\n');
        line
    }

    /// `None` for a line that is none of these.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "t" {
            return Some(Self::Note(rest.to_owned()));
        }
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        Some(match kind {
            "i" => Self::Pid { pid: next(&mut words)?, helper: next::<u8>(&mut words)? == 1 },
            "c" => {
                let (task, call, fd) = (next(&mut words)?, next(&mut words)?, next(&mut words)?);
                let (entered, done, result) = (next(&mut words)?, next(&mut words)?, next(&mut words)?);
                let ports = match next(&mut words) {
                    Some(port) => Some((port, next(&mut words)?, next(&mut words)?)),
                    None => None,
                };
                Self::Call(CallEvent { task, call, fd, entered, done, result, ports })
            }
            "m" => {
                let (ask, name) = (next(&mut words)?, words.next()?.to_owned());
                Self::Answer { ask, name, value: next(&mut words) }
            }
            "." => Self::Answered { ask: next(&mut words)? },
            "n" => Self::Count { call: next(&mut words)?, result: next(&mut words)?, n: next(&mut words)? },
            "p" => Self::Parked(next(&mut words)?),
            "x" => Self::Exit(next(&mut words)?),
            "e" => Self::End,
            _ => return None,
        })
    }
}

fn next<'a, T: std::str::FromStr>(words: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    words.next()?.parse().ok()
}

/// An order to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// An SQL statement for its session or console.
    Sql(String),
    /// `KILL` of a session.
    KillSession(u64),
    /// Connect.
    Connect,
    /// SIGTERM.
    Stop,
    /// `prlimit --nofile`.
    Prlimit(u64, u64),
    /// Values of the program's metrics.
    Ask(u32, Vec<String>),
    /// Report the counts; nothing more is wanted.
    Finish,
}

impl Order {
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Sql(text) => format!("sql {}\n", text.replace('\n', " ")),
            Self::KillSession(id) => format!("kill {id}\n"),
            Self::Connect => "connect\n".to_owned(),
            Self::Stop => "stop\n".to_owned(),
            Self::Prlimit(soft, hard) => format!("prlimit {soft} {hard}\n"),
            Self::Ask(ask, names) => format!("ask {ask} {}\n", names.join(" ")),
            Self::Finish => "finish\n".to_owned(),
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        Some(match kind {
            "sql" => Self::Sql(rest.to_owned()),
            "kill" => Self::KillSession(next(&mut words)?),
            "connect" => Self::Connect,
            "stop" => Self::Stop,
            "prlimit" => Self::Prlimit(next(&mut words)?, next(&mut words)?),
            "ask" => Self::Ask(next(&mut words)?, words.map(str::to_owned).collect()),
            "finish" => Self::Finish,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let call = CallEvent { task: 1, call: 4, fd: 7, entered: 5, done: 9, result: -99, ports: Some((0, 17, 3306)) };
        for event in [
            Event::Pid { pid: 7, helper: true },
            Event::Call(call),
            Event::Call(CallEvent { ports: None, result: 3, ..call }),
            Event::Answer { ask: 2, name: "Threads_connected".into(), value: Some(151) },
            Event::Answer { ask: 2, name: "nothing".into(), value: None },
            Event::Answered { ask: 2 },
            Event::Count { call: 0, result: -24, n: 12 },
            Event::Parked(8000),
            Event::Exit(139),
            Event::Note("two words".into()),
            Event::End,
        ] {
            assert_eq!(Event::parse(event.line().trim_end()), Some(event));
        }
        assert_eq!((call.errno(), call.outcome(), call.picked()), (Some(Errno::AddrNotAvail), "EADDRNOTAVAIL", None));
        assert_eq!(Event::parse("c 1 2"), None);
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        for order in [
            Order::Sql("kill 11".into()),
            Order::KillSession(11),
            Order::Connect,
            Order::Stop,
            Order::Prlimit(64, 4096),
            Order::Ask(1, vec!["a".into(), "b".into()]),
            Order::Finish,
        ] {
            assert_eq!(Order::parse(order.line().trim_end()), Some(order));
        }
    }
}
