//! A shell on a simulated host: one interpreter for terminal, tests and page.
//!
//! A [`Shell`] holds what a shell holds (host, directory, limits, a session of
//! the `mysql` client) and nothing of the world; [`Shell::execute`] reads and
//! changes a [`Run`]. Commands print what the real tools print. What they change
//! goes through the kernel and the programs as entries of the timeline do, so a
//! run with the same commands at the same moments is the same run.
//!
//! ```
//! use halfclose::observe::shell::{BuiltIn, Shell};
//! use halfclose::scenario::{Run, preset};
//! use halfclose::text::Lang;
//! use halfclose::trace::NoObserver;
//!
//! let scenario = preset::find("tiny").unwrap().scenario();
//! let mut run = Run::new(scenario, 1).unwrap();
//! let mut shell = Shell::new(&run, Lang::En);
//! let mut type_in = |line: &str| shell.execute(&mut run, line, &mut BuiltIn::new(Lang::En), &mut NoObserver).out;
//! type_in("until \"host.tcp.close_wait >= 4\"");
//! assert_eq!(type_in("ss -tan | grep -c CLOSE-WAIT"), "4\n");
//! assert_eq!(type_in("sysctl -n net.ipv4.ip_local_port_range"), "40000\t40015\n");
//! ```

mod filters;
mod line;
mod messages;
mod mysql;
mod proc;
mod ss;
mod system;
mod time;
mod watch;

#[cfg(test)]
mod tests;

pub use filters::{BuiltIn, Filters};
pub use messages::Says;

use std::collections::BTreeMap;

use self::line::{After, Command, Redirects, SyntaxError};
use super::finding_id::FindingId;
use super::rlimits::Rlimits;
use super::tools::{View, ViewOptions};
use super::view::HostView;
use crate::kernel::Kernel;
use crate::say;
use crate::scenario::{ProgramKind, Run};
use crate::sim::SimError;
use crate::text::{Lang, nearest};
use crate::time::Duration;
use crate::trace::{Counters, Observer};

/// What a command line came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Its standard output.
    pub out: String,
    /// Its standard error: the tools' own complaints, and hints in the reader's language.
    pub err: String,
    /// Exit status of its last command, `$?`.
    pub status: u8,
    /// `exit` was typed.
    pub leave: bool,
}

impl Answer {
    pub(crate) fn out(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    pub(crate) fn fails(status: u8, err: String) -> Self {
        Self { err, status, ..Self::default() }
    }

    fn add_error(&mut self, status: u8, said: &str) {
        self.status = status;
        self.err.push_str(said);
    }

    /// What came after it.
    fn join(&mut self, next: Self) {
        self.out.push_str(&next.out);
        self.err.push_str(&next.err);
        self.status = next.status;
        self.leave |= next.leave;
    }
}

/// The state of a shell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shell {
    /// Index of the scenario's host.
    host: usize,
    lang: Lang,
    cwd: String,
    /// `$?`.
    status: u8,
    /// Limits that `ulimit` set, by host.
    limits: BTreeMap<usize, Rlimits>,
    /// What `nstat` saw last, by host.
    counted: BTreeMap<usize, Counters>,
    /// The `mysql` client statements go through.
    session: Option<mysql::Session>,
    /// Lines are statements until `exit`.
    at_mysql: bool,
    /// A statement not yet ended by `;`.
    unfinished: String,
}

/// Every command, in the order of the help.
const COMMANDS: &[&str] = &[
    "ss",
    "netstat",
    "nstat",
    "cat",
    "ls",
    "ll",
    "cd",
    "pwd",
    "readlink",
    "sysctl",
    "ulimit",
    "prlimit",
    "sar",
    "perf",
    "strace",
    "tcpdump",
    "ps",
    "pidof",
    "pgrep",
    "kill",
    "pkill",
    "killall",
    "mysql",
    "mysqladmin",
    "show",
    "set",
    "select",
    "flush",
    "now",
    "advance",
    "until",
    "hosts",
    "host",
    "metrics",
    "findings",
    "explain",
    "uname",
    "hostname",
    "date",
    "uptime",
    "nproc",
    "whoami",
    "echo",
    "true",
    "false",
    "clear",
    "help",
    "exit",
    "quit",
];

/// How deep `$( … )` may be nested.
const MAX_SUBSTITUTIONS: u32 = 8;
/// What a statement takes, in a view without a session.
const STATEMENT_TIME: Duration = Duration::from_millis(1);

impl Shell {
    /// A shell on the host where things are usually looked at: the first that
    /// runs something else than a server.
    #[must_use]
    pub fn new(run: &Run, lang: Lang) -> Self {
        let processes = &run.scenario().processes;
        let client = processes.iter().find(|process| process.program.kind() != ProgramKind::Mysqld);
        Self {
            host: client.map_or(0, |process| process.host),
            lang,
            cwd: "/".to_owned(),
            status: 0,
            limits: BTreeMap::new(),
            counted: BTreeMap::new(),
            session: None,
            at_mysql: false,
            unfinished: String::new(),
        }
    }

    /// Goes to a host of the scenario; false if it has no such host.
    pub fn go_to(&mut self, run: &Run, name: &str) -> bool {
        let found = run.scenario().hosts.iter().position(|host| host.name == name);
        self.host = found.unwrap_or(self.host);
        found.is_some()
    }

    /// Name of the current host.
    #[must_use]
    pub fn host_name<'a>(&self, run: &'a Run) -> &'a str {
        &run.scenario().hosts[self.host].name
    }

    /// What stands before the next line: `[root@client ~]# `, `MySQL [(none)]> `.
    #[must_use]
    pub fn prompt(&self, run: &Run) -> String {
        if !self.unfinished.is_empty() {
            return "    -> ".to_owned();
        }
        if self.at_mysql {
            let database = self.session.as_ref().and_then(|session| session.database.as_deref());
            return format!("MySQL [{}]> ", database.unwrap_or("(none)"));
        }
        let dir = match self.cwd.as_str() {
            "/" => "~",
            path => path.rsplit('/').next().unwrap_or(path),
        };
        format!("[root@{} {dir}]# ", self.host_name(run))
    }

    /// Words that may stand at the end of a line half typed, for completion.
    #[must_use]
    pub fn complete(&self, run: &Run, line: &str) -> Vec<String> {
        let start = line.rfind([' ', '"', '\'', '|', ';']).map_or(0, |at| at + 1);
        let (before, word) = line.split_at(start);
        let mut words: Vec<String> = match before.split_whitespace().next() {
            None => COMMANDS.iter().map(|name| (*name).to_owned()).collect(),
            Some("until" | "metrics") => run.metrics().into_iter().map(|(name, _)| name).collect(),
            Some("host") => run.scenario().hosts.iter().map(|host| host.name.clone()).collect(),
            Some("sysctl") => run.world().kernel(run.host(self.host)).sysctls().names().map(str::to_owned).collect(),
            Some("explain") => {
                let findings = FindingId::ALL.iter().map(|id| id.name());
                crate::text::explain::names().chain(findings).map(str::to_owned).collect()
            }
            Some(_) => Vec::new(),
        };
        words.retain(|known| known.starts_with(word));
        words.sort();
        words.dedup();
        words
    }

    /// Does what a line says. Filters after `|` are run by `filters`. What lets time
    /// pass ends with status 130 where the run is interrupted ([`Run::heed`]).
    pub fn execute(
        &mut self,
        run: &mut Run,
        line: &str,
        filters: &mut dyn Filters,
        observer: &mut dyn Observer,
    ) -> Answer {
        let lang = self.lang;
        let mut cx = Cx { shell: self, run, observer, piped: false, depth: 0 };
        let answer = match cx.line(line, filters) {
            Ok(answer) => answer,
            Err(SimError::Interrupted { .. }) => time::interrupted_at(&cx),
            Err(over) => Answer::fails(4, format!("{}\n", over.text(lang))),
        };
        self.status = answer.status;
        answer
    }
}

/// A command at work.
struct Cx<'a> {
    shell: &'a mut Shell,
    run: &'a mut Run,
    observer: &'a mut dyn Observer,
    /// The output goes into a pipe.
    piped: bool,
    /// How many substitutions are around it.
    depth: u32,
}

impl Cx<'_> {
    /// The host as its tools see it, with the limits of this shell.
    fn view(&self) -> HostView {
        let mut view = HostView::of(self.run.world(), self.run.host(self.shell.host));
        if let Some(limits) = self.shell.limits.get(&self.shell.host) {
            view.shell = limits.clone();
        }
        view
    }

    fn kernel(&self) -> &Kernel {
        self.run.world().kernel(self.run.host(self.shell.host))
    }

    fn option_not_simulated(&self, command: &str, option: &str) -> Answer {
        Answer::fails(2, format!("{}\n", say!(self.shell.lang, Says::OptionNotSimulated, option, command)))
    }

    fn line(&mut self, line: &str, filters: &mut dyn Filters) -> Result<Answer, SimError> {
        let bare = super::prompt::without_prompt(line);
        if self.shell.at_mysql || !self.shell.unfinished.is_empty() {
            return self.statement_line(bare, filters);
        }
        self.list(bare, filters)
    }

    /// A line at the prompt of the `mysql` client.
    fn statement_line(&mut self, line: &str, _filters: &mut dyn Filters) -> Result<Answer, SimError> {
        if matches!(line.trim().trim_end_matches(';'), "exit" | "quit" | "\\q") {
            self.shell.unfinished.clear();
            return mysql::leave(self);
        }
        let text = format!("{}{line}", self.shell.unfinished);
        let ended = text.trim_end();
        if ended.is_empty() {
            return Ok(Answer::default());
        }
        let at_once = ended.to_ascii_lowercase().starts_with("use ");
        if !(ended.ends_with([';']) || ended.ends_with("\\G") || ended.ends_with("\\g") || at_once) {
            self.shell.unfinished = format!("{ended} ");
            return Ok(Answer::default());
        }
        self.shell.unfinished.clear();
        let mut answer = Answer::default();
        for statement in text.split_inclusive(';').filter(|part| !part.trim().trim_end_matches(';').is_empty()) {
            answer.join(mysql::typed(self, statement)?);
        }
        Ok(answer)
    }

    /// Commands joined by `;`, `&&`, `||`.
    fn list(&mut self, text: &str, filters: &mut dyn Filters) -> Result<Answer, SimError> {
        let steps = match line::steps(text) {
            Ok(steps) => steps,
            Err(error) => return Ok(self.syntax(&error)),
        };
        let mut answer = Answer { status: self.shell.status, ..Answer::default() };
        for step in steps {
            let due = match step.after {
                After::Anything => true,
                After::Success => answer.status == 0,
                After::Failure => answer.status != 0,
            };
            if answer.leave || !due {
                continue;
            }
            if self.run.is_interrupted() {
                answer.status = time::INTERRUPTED;
                break;
            }
            let part = match self.pipeline(step.text, step.semicolon, filters) {
                // What the steps before it printed stays.
                Err(SimError::Interrupted { .. }) => time::interrupted_at(self),
                part => part?,
            };
            answer.join(part);
            self.shell.status = answer.status;
        }
        Ok(answer)
    }

    fn syntax(&self, error: &SyntaxError) -> Answer {
        let lang = self.shell.lang;
        let said = match error {
            SyntaxError::Quote(quote) => format!("bash: unexpected EOF while looking for matching `{quote}'\n"),
            SyntaxError::Near(near) if near == "<" => format!("{}\n", say!(lang, Says::NoInput)),
            SyntaxError::Near(near) => format!("bash: syntax error near unexpected token `{near}'\n"),
            SyntaxError::Background => format!("{}\n", say!(lang, Says::NoBackground)),
        };
        Answer::fails(2, said)
    }

    /// One command and the filters behind it.
    fn pipeline(&mut self, text: &str, semicolon: bool, filters: &mut dyn Filters) -> Result<Answer, SimError> {
        let mut expanded = text.to_owned();
        while let Some((range, inner)) = line::substitution(&expanded) {
            if self.depth >= MAX_SUBSTITUTIONS {
                return Ok(Answer::fails(2, format!("{}\n", say!(self.shell.lang, Says::Depth))));
            }
            let inner = inner.to_owned();
            let (piped, depth) = (self.piped, self.depth);
            (self.piped, self.depth) = (true, depth + 1);
            let answer = self.list(&inner, filters)?;
            (self.piped, self.depth) = (piped, depth);
            let value = line::escaped(&answer.out);
            if value.contains("$(") || value.contains('`') {
                // What a command printed is never run.
                return Ok(self.syntax(&SyntaxError::Near("$(".to_owned())));
            }
            expanded.replace_range(range, &value);
        }
        let stages = match line::stages(&expanded) {
            Ok(stages) => stages,
            Err(error) => return Ok(self.syntax(&error)),
        };
        let (&first, rest) = stages.split_first().expect("a pipeline has a first command");
        // `show processlist; | grep x`: a statement keeps its semicolon. Of a command it would end the line.
        let statement = first.trim_end().strip_suffix(';').filter(|_| !rest.is_empty());
        if statement.is_some_and(|text| !mysql::ends_in_semicolon(text)) {
            return Ok(self.syntax(&SyntaxError::Near("|".to_owned())));
        }
        let semicolon = semicolon || statement.is_some();
        let first = statement.unwrap_or(first);
        let mut behind = Vec::new();
        let mut last = Command::default();
        for stage in rest {
            match line::command(stage) {
                Ok(command) => {
                    behind.push(command.words.clone());
                    last = command;
                }
                Err(error) => return Ok(self.syntax(&error)),
            }
        }
        for words in &behind {
            let name = words.first().map_or("", String::as_str);
            if !filters::NAMES.contains(&name) {
                let said = say!(self.shell.lang, Says::NotAFilter, filters::NAMES.join(" "));
                return Ok(Answer::fails(127, format!("{said}\n")));
            }
        }
        let piped = self.piped;
        self.piped |= !behind.is_empty();
        let begun = self.first(first, semicolon, &mut behind);
        self.piped = piped;
        let mut answer = begun?;
        if !behind.is_empty() {
            let filtered = filters.run(&behind, &answer.out);
            answer = Answer { err: answer.err + &filtered.err, leave: answer.leave, ..filtered };
            if last.file.is_some() {
                answer = Answer::fails(1, format!("{}\n", say!(self.shell.lang, Says::NoFiles)));
            }
            redirect(&mut answer, last.redirects);
        }
        Ok(answer)
    }

    /// The command at the head of a pipeline. A filter there reads a file of the
    /// host: it then goes in front of those `behind`.
    fn first(&mut self, text: &str, semicolon: bool, behind: &mut Vec<Vec<String>>) -> Result<Answer, SimError> {
        if mysql::is_statement(text) {
            return mysql::typed(self, text);
        }
        let Command { words, redirects, file } = match line::command(text) {
            Ok(command) => command,
            Err(error) => return Ok(self.syntax(&error)),
        };
        if file.is_some() {
            return Ok(Answer::fails(1, format!("{}\n", say!(self.shell.lang, Says::NoFiles))));
        }
        let Some((name, args)) = words.split_first() else { return Ok(Answer::default()) };
        let mut answer = match name.as_str() {
            "kill" if self.is_session(args, semicolon) => mysql::typed(self, text)?,
            filter if filter != "cat" && filters::NAMES.contains(&filter) => self.filter(&words, behind),
            _command => self.command(name, args)?,
        };
        redirect(&mut answer, redirects);
        Ok(answer)
    }

    /// `kill 11` is SQL if a semicolon follows, or if 11 is a session and no process.
    fn is_session(&self, args: &[String], semicolon: bool) -> bool {
        match args {
            [id] => {
                let number = id.parse::<u64>().is_ok();
                number && (semicolon || (self.process_of(id).is_none() && mysql::has_session(self, id)))
            }
            [word, id] => {
                let word = word.to_ascii_lowercase();
                matches!(word.as_str(), "query" | "connection") && id.parse::<u64>().is_ok()
            }
            _other => false,
        }
    }

    /// `grep 'open files' /proc/4021/limits`: the file becomes the filter's input.
    fn filter(&self, words: &[String], behind: &mut Vec<Vec<String>>) -> Answer {
        let name = words[0].as_str();
        let mut kept = words.to_vec();
        // A program or pattern stands before the files.
        let needed = if matches!(name, "grep" | "egrep" | "fgrep" | "awk" | "gawk" | "mawk" | "sed") { 2 } else { 1 };
        let plain = words.iter().filter(|word| !word.starts_with('-')).count();
        let Some(path) = words.last().filter(|word| !word.starts_with('-') && plain > needed) else {
            return Answer::fails(2, format!("{}\n", say!(self.shell.lang, Says::NoInput)));
        };
        match proc::read(self, name, path) {
            Ok(text) => {
                kept.pop();
                behind.insert(0, kept);
                Answer::out(text)
            }
            Err(failed) => failed,
        }
    }

    fn command(&mut self, name: &str, args: &[String]) -> Result<Answer, SimError> {
        let line = |text: &str| Answer::out(format!("{text}\n"));
        Ok(match name {
            "ss" => ss::ss(self, args),
            "netstat" => system::netstat(self, args),
            "nstat" => system::nstat_command(self, args),
            "cat" => proc::cat(self, args),
            "ls" => proc::ls(self, args, false),
            "ll" => proc::ls(self, args, true),
            "cd" => proc::cd(self, args),
            "pwd" => line(&self.shell.cwd),
            "readlink" => proc::readlink(self, args),
            "sysctl" => system::sysctl_command(self, args),
            "ulimit" => system::ulimit(self, args),
            "prlimit" => system::prlimit(self, args),
            "ps" => system::ps(self, args),
            "pidof" | "pgrep" => system::pidof(self, name, args),
            "kill" => system::kill(self, args)?,
            "pkill" | "killall" => system::kill_by_name(self, name, args)?,
            "mysql" | "mariadb" => mysql::mysql_command(self, args)?,
            "mysqladmin" => mysql::mysqladmin(self, args)?,
            "sar" => watch::sar(self, args)?,
            "perf" => watch::perf(self, args)?,
            "strace" => watch::strace(self, args)?,
            "tcpdump" => watch::tcpdump(self, args)?,
            "now" => time::now(self),
            "advance" | "sleep" => time::advance(self, &spans(name, args))?,
            "until" => time::until(self, args)?,
            "hosts" => time::hosts(self),
            "host" => time::host(self, args),
            "metrics" => time::metrics(self, args),
            "findings" => time::findings_now(self),
            "explain" | "man" => time::explain_word(self, args),
            "uname" => system::uname(self, args),
            "hostname" => line(&self.view().name),
            "date" => line(&system::date(&self.view())),
            "uptime" => Answer::out(system::uptime(&self.view())),
            "nproc" => line(&self.view().cpus.to_string()),
            "whoami" => line("root"),
            "echo" => line(&args.join(" ").replace("$?", &self.shell.status.to_string())),
            "true" | ":" | "clear" | "sudo" if args.is_empty() => Answer::default(),
            "sudo" => self.command(&args[0], &args[1..])?,
            "false" => Answer { status: 1, ..Answer::default() },
            "help" => Answer::out(self.help()),
            "exit" | "quit" | "logout" => {
                let status = args.first().and_then(|text| text.parse().ok()).unwrap_or(self.shell.status);
                Answer { status, leave: true, ..Answer::default() }
            }
            other => match View::parse(other) {
                Some(view) => self.show(view, args)?,
                None => self.unknown(other),
            },
        })
    }

    /// A view of `halfclose show`.
    fn show(&mut self, view: View, args: &[String]) -> Result<Answer, SimError> {
        let options = ViewOptions {
            pid: args.first().and_then(|pid| pid.parse().ok()).map(crate::units::Pid),
            like: args.first().filter(|text| text.parse::<u32>().is_err()).cloned(),
            elapsed: STATEMENT_TIME,
            ..ViewOptions::default()
        };
        watch::view(self, view, options)
    }

    fn help(&self) -> String {
        let views: Vec<&str> = View::ALL.iter().map(|view| view.name()).collect();
        let lang = self.shell.lang;
        let views = say!(lang, Says::Views, views.join(" "));
        format!("{}\n", say!(lang, Says::Help, filters::NAMES.join(" "), views))
    }

    /// What is no command here: perhaps a slip, perhaps a tool that has no place in the model.
    fn unknown(&self, name: &str) -> Answer {
        let lang = self.shell.lang;
        let instead = match name {
            "docker" | "sysbench" | "mysqld" | "systemctl" | "service" => Some(say!(lang, Says::AlreadyRunning)),
            "lsof" | "fuser" => Some(say!(lang, Says::UseInstead, "ss -tanp, ls -l /proc/PID/fd")),
            "top" | "htop" | "vmstat" | "mpstat" => Some(say!(lang, Says::UseInstead, "ps, metrics cpu")),
            "watch" => Some(say!(lang, Says::UseInstead, "until, advance")),
            "vi" | "vim" | "nano" | "less" | "iptables" | "nft" | "tc" | "gdb" | "bash" | "sh" | "python3" | "curl"
            | "ping" | "nc" | "ip" | "ifconfig" | "journalctl" | "dmesg" | "tee" | "xargs" | "find" | "for"
            | "while" | "if" | "export" => Some(String::new()),
            _other => None,
        };
        let mut err = format!("bash: {name}: command not found\n");
        let near = COMMANDS.iter().copied().chain(View::ALL.iter().map(|view| view.name()));
        match (instead, nearest(name, near)) {
            (Some(instead), _) => err.push_str(&say!(lang, Says::NotSimulated, name, instead)),
            (None, Some(near)) => err.push_str(&say!(lang, Says::DidYouMean, near)),
            (None, None) => err.push_str(&say!(lang, Says::SeeHelp)),
        }
        err.push('\n');
        Answer::fails(127, err)
    }
}

/// `sleep 5` is `advance 5s`.
fn spans(name: &str, args: &[String]) -> Vec<String> {
    let with_unit = |text: &String| match text.parse::<f64>() {
        Ok(_) if name == "sleep" => format!("{text}s"),
        Ok(_) | Err(_) => text.clone(),
    };
    args.iter().map(with_unit).collect()
}

fn redirect(answer: &mut Answer, redirects: Redirects) {
    if redirects.join {
        answer.out.push_str(&core::mem::take(&mut answer.err));
    }
    if redirects.drop_err {
        answer.err.clear();
    }
    if redirects.drop_out {
        answer.out.clear();
    }
}
