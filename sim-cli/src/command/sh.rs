//! `halfclose sh`: a terminal in front of the simulated shell.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use halfclose::observe::shell::{Answer, BuiltIn, Filters, Shell};
use halfclose::say;
use halfclose::scenario::Run;
use halfclose::text::Lang;
use halfclose::trace::NoObserver;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use super::run::request;
use crate::args::Sh;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::interrupt;
use crate::message::Say;
use crate::progress::Progress;
use crate::source::Source;
use crate::terminal;

/// `halfclose sh`.
pub fn sh(arguments: &Sh, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let given = arguments.commands.iter().cloned().map(Ok);
    let lines = if !arguments.commands.is_empty() || source.name == "<stdin>" {
        // Where stdin had the scenario it has no commands.
        Lines::Ready(Box::new(given))
    } else if io::stdin().is_terminal() {
        Lines::Typed(Box::new(editor()?))
    } else {
        Lines::Ready(Box::new(io::stdin().lines()))
    };
    // After the editor, which takes SIGINT for itself and hears it only while it reads.
    interrupt::listen();
    let mut progress = Progress::new(&source.name);
    let mut update = |now: u64, end: u64| progress.update(now, end);
    let request = request(&source, &arguments.scenario, lang, &mut update);
    let (mut run, mut shell) = engine::shell(request, arguments.at.as_deref(), arguments.host.as_deref())?;
    drop(progress);
    let at = arguments.at.as_deref().unwrap_or("0s");
    terminal::talk(&format!("{}\n", say!(lang, Say::ShellBegins, source.name, at, shell.host_name(&run))));
    let mut session = Session { run: &mut run, shell: &mut shell, filters: OwnTools { lang }, status: 0 };
    match lines {
        Lines::Ready(lines) => {
            for line in lines {
                let line = line.map_err(|error| Failure::File("<stdin>".to_owned(), error))?;
                if session.line(&line)? || session.status == Code::Interrupted.number() {
                    break;
                }
            }
        }
        Lines::Typed(editor) => session.interactive(*editor)?,
    }
    Ok(Code::Status(session.status))
}

/// Where the lines come from.
enum Lines<'a> {
    /// From `-c`, or piped.
    Ready(Box<dyn Iterator<Item = io::Result<String>> + 'a>),
    Typed(Box<Reader>),
}

type Reader = Editor<Words, MemHistory>;

/// A line editor with history and completion.
fn editor() -> Result<Reader, Failure> {
    let config = Config::builder().auto_add_history(true).completion_type(rustyline::CompletionType::List).build();
    Editor::with_history(config, MemHistory::new()).map_err(broken)
}

fn broken(error: ReadlineError) -> Failure {
    Failure::File("<terminal>".to_owned(), io::Error::other(error))
}

/// A shell at work in front of a reader.
struct Session<'a> {
    run: &'a mut Run,
    shell: &'a mut Shell,
    filters: OwnTools,
    status: u8,
}

impl Session<'_> {
    /// Does a line and prints what it says; true if it was `exit`.
    fn line(&mut self, line: &str) -> Result<bool, Failure> {
        let Answer { out, err, status, leave } = self.shell.execute(self.run, line, &mut self.filters, &mut NoObserver);
        // What the command said before Ctrl-C is printed; the next one cuts that short.
        interrupt::answered();
        self.status = status;
        match terminal::print(&out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                interrupt::answered();
                self.status = Code::Interrupted.number();
            }
            printed => printed?,
        }
        if !err.is_empty() {
            terminal::talk(&err);
        }
        Ok(leave)
    }

    /// Lines as they are typed, until `exit` or the end of the input.
    fn interactive(&mut self, mut editor: Reader) -> Result<(), Failure> {
        loop {
            editor.set_helper(Some(Words(self.known())));
            match editor.readline(&self.shell.prompt(self.run)) {
                Ok(line) => {
                    // One that came after the last command ended was not meant for this.
                    interrupt::answered();
                    if self.line(&line)? {
                        return Ok(());
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// What may follow the words that complete differently, by those words.
    fn known(&self) -> Vec<(&'static str, Vec<String>)> {
        let lines = ["", "until ", "metrics ", "host ", "sysctl ", "explain "];
        lines.into_iter().map(|line| (line.trim(), self.shell.complete(self.run, line))).collect()
    }
}

/// Completion from lists made before the line was begun.
struct Words(Vec<(&'static str, Vec<String>)>);

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..at];
        let start = line.rfind([' ', '"', '\'', '|', ';']).map_or(0, |at| at + 1);
        let command = line[..start].split_whitespace().next().unwrap_or("");
        let known = self.0.iter().find(|(name, _)| *name == command).map_or(&[][..], |(_, words)| words.as_slice());
        Ok((start, known.iter().filter(|word| word.starts_with(&line[start..])).cloned().collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

/// Filters by the reader's own tools, through `sh`; the built-in ones where there is none.
struct OwnTools {
    lang: Lang,
}

impl Filters for OwnTools {
    fn run(&mut self, stages: &[Vec<String>], input: &str) -> Answer {
        let pipeline: Vec<String> =
            stages.iter().map(|words| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")).collect();
        let pipeline = pipeline.join(" | ");
        let spawned = Command::new("sh")
            .args(["-c", &pipeline])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = spawned else { return BuiltIn::new(self.lang).run(stages, input) };
        let stdin = child.stdin.take();
        let finished = std::thread::scope(|scope| {
            // Written beside reading: each side may wait for the other.
            let writer = scope.spawn(move || {
                // head leaves before it has read everything: that is no error.
                if let Some(mut stdin) = stdin {
                    drop(stdin.write_all(input.as_bytes()));
                }
            });
            let out = child.wait_with_output();
            drop(writer.join());
            out
        });
        match finished {
            Ok(out) => Answer {
                out: String::from_utf8_lossy(&out.stdout).into_owned(),
                err: String::from_utf8_lossy(&out.stderr).into_owned(),
                status: out.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
                leave: false,
            },
            Err(error) => Answer {
                err: format!("{}\n", say!(self.lang, Say::ShellFilter, pipeline, error)),
                status: 126,
                ..Answer::default()
            },
        }
    }
}

/// A word as `sh` reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_the_machine() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut tools = OwnTools { lang: Lang::En };
        let input = "a 1\nb 2\nit's 3\n".repeat(100_000);
        let answer = tools.run(&[words("grep it's"), words("wc -l")], &input);
        assert_eq!((answer.out.trim(), answer.status), ("100000", 0));
        let answer = tools.run(&[words("head -n 1")], &input);
        assert_eq!((answer.out.as_str(), answer.status), ("a 1\n", 0));
        let answer = tools.run(&[words("grep nothing")], &input);
        assert_eq!((answer.out.as_str(), answer.status), ("", 1));
    }
}
