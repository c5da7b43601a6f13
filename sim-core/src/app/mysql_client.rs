//! The `mysql` command line client: one session, held open, and the statements
//! it is told to run.

use std::collections::VecDeque;

use super::api::{App, AppContext, AppStatus, Call, CallResult, Control, ControlError, Resume, Ret};
use super::flow::{ErrnoCounts, Flow};
use super::mysql::connection::{ConnectError, Connection, Depth, Event};
use super::mysql::response::Outcome;
use super::mysql::{Credentials, Target};
use super::resolver::ResolveError;
use crate::time::Instant;
use crate::units::TaskId;

/// An administrator's client as the scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MysqlClientConfig {
    /// Where to.
    pub target: Target,
    /// As whom.
    pub credentials: Credentials,
    /// Connects when it starts, not only when told to.
    pub connect_at_start: bool,
    /// Statements run right after the connection.
    pub init: Vec<String>,
}

impl MysqlClientConfig {
    /// `mysql -uroot -h…`, connected at once.
    #[must_use]
    pub fn new(target: Target) -> Self {
        let credentials = Credentials { user: "root".to_owned(), db: None, interactive: true };
        Self { target, credentials, connect_at_start: true, init: Vec::new() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Waits at the prompt.
    Prompt,
    Connect,
    Query,
    CloseLost,
    Quit,
}

/// The `mysql` program.
#[derive(Clone, Debug)]
pub struct MysqlClient {
    connection: Connection,
    /// Where to, as error messages name it.
    server: String,
    at: At,
    logged_in: bool,
    want_connection: bool,
    stop: bool,
    /// The statement being run was tried on a dead connection once already.
    retried: bool,
    todo: VecDeque<String>,
    last: Option<Outcome>,
    connected: u64,
    queries: u64,
    errors: u64,
    connect_errors: ErrnoCounts,
}

impl MysqlClient {
    /// A client not yet started.
    #[must_use]
    pub fn new(config: &MysqlClientConfig) -> Self {
        Self {
            connection: Connection::new(&config.target, config.credentials.clone()),
            server: match &config.target {
                Target::Addr(end) => end.addr().to_string(),
                Target::Name { name, .. } => name.clone(),
            },
            at: At::Prompt,
            logged_in: false,
            want_connection: config.connect_at_start,
            stop: false,
            retried: false,
            todo: config.init.iter().cloned().collect(),
            last: None,
            connected: 0,
            queries: 0,
            errors: 0,
            connect_errors: ErrnoCounts::default(),
        }
    }

    /// The answer to the last statement.
    #[must_use]
    pub fn last_outcome(&self) -> Option<&Outcome> {
        self.last.as_ref()
    }

    /// The connection id of the session held, if there is one.
    #[must_use]
    pub fn session_id(&self) -> Option<u64> {
        self.logged_in.then(|| u64::from(self.connection.thread_id))
    }

    fn next(&mut self) -> Call {
        if self.stop {
            if self.logged_in {
                self.at = At::Quit;
                return self.connection.quit();
            }
            return Call::ExitProcess { status: 0 };
        }
        if !self.logged_in && self.want_connection {
            (self.at, self.want_connection) = (At::Connect, false);
            return self.connection.connect(Depth::Login);
        }
        if self.logged_in
            && let Some(sql) = self.todo.front()
        {
            self.at = At::Query;
            return self.connection.query(sql);
        }
        self.at = At::Prompt;
        Call::FutexWait { timeout: None }
    }

    fn event(&mut self, event: Event) -> Call {
        match event {
            Event::LoggedIn => {
                self.logged_in = true;
                self.connected += 1;
            }
            Event::Failed(error) => {
                self.logged_in = false;
                self.errors += 1;
                if let ConnectError::Tcp(errno) | ConnectError::Resolve(ResolveError::Again(errno)) = error {
                    self.connect_errors.add(errno);
                }
                self.last = Some(self.refusal(error));
                // A statement that waited for this connection fails with it.
                self.todo.clear();
                self.retried = false;
            }
            Event::Answer(outcome) => {
                self.queries += 1;
                self.errors += u64::from(matches!(outcome, Outcome::Err(..)));
                self.last = Some(outcome);
                (self.retried, _) = (false, self.todo.pop_front());
            }
            Event::Lost => {
                // ERROR 2006: "Trying to reconnect...", once.
                self.logged_in = false;
                self.errors += 1;
                self.want_connection = !self.retried;
                if self.retried {
                    self.todo.pop_front();
                }
                self.retried = !self.retried;
                self.at = At::CloseLost;
                return self.connection.close();
            }
            Event::Connected | Event::Closed => {
                self.logged_in = false;
                if self.at == At::Quit {
                    return Call::ExitProcess { status: 0 };
                }
            }
        }
        self.next()
    }

    /// A failed connection in the client library's words (`errmsg.c`). An error the
    /// server sends before its greeting is passed on by number alone.
    fn refusal(&self, error: ConnectError) -> Outcome {
        let server = &self.server;
        let (code, text) = match error {
            ConnectError::Tcp(errno) => {
                (2003, format!("Can't connect to MySQL server on '{server}' ({})", errno.number()))
            }
            ConnectError::Resolve(ResolveError::Again(_)) => {
                (2005, format!("Unknown MySQL server host '{server}' (-3)"))
            }
            ConnectError::Resolve(ResolveError::NoName) => (2005, format!("Unknown MySQL server host '{server}' (-2)")),
            ConnectError::Lost => (
                2013,
                "Lost connection to MySQL server at 'reading initial communication packet', system error: 0".to_owned(),
            ),
            ConnectError::Refused(1040) => (1040, "Too many connections".to_owned()),
            ConnectError::Refused(1129) => {
                let what = "is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'";
                (1129, format!("Host {what}"))
            }
            ConnectError::Refused(code) => (code, "the server refused the connection".to_owned()),
        };
        Outcome::Err(code, text)
    }

    fn run(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        if self.at == At::Prompt {
            return self.next();
        }
        match self.connection.resume(result, cx) {
            Flow::Do(call) => call,
            Flow::End(event) => self.event(event),
        }
    }
}

impl App for MysqlClient {
    fn resume(&mut self, _task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(_) => Ok(Ret::Done),
            Resume::Done(result) => result,
        };
        self.run(result, cx)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    /// `Sql` connects first if there is no session.
    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Sql(text) => {
                self.todo.push_back(text.clone());
                self.want_connection |= !self.logged_in;
            }
            Control::KillSession(id) => {
                self.todo.push_back(format!("kill {id}"));
                self.want_connection |= !self.logged_in;
            }
            Control::Connect => self.want_connection = true,
            Control::Stop => self.stop = true,
        }
        cx.wake(TaskId(0));
        Ok(())
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let names = ["session_id", "connect.ok", "queries", "errors"];
        let mut counters: Vec<(String, u64)> =
            names.iter().filter_map(|n| Some(((*n).to_owned(), self.metric(n)?))).collect();
        counters.extend(self.connect_errors.iter().map(|(e, n)| (format!("connect.{e}"), n)));
        let last_error = match &self.last {
            Some(Outcome::Err(code, text)) => Some((*code, text.clone())),
            Some(Outcome::Ok | Outcome::Rows(_)) | None => None,
        };
        AppStatus { counters, last_error, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "session_id" => Some(self.session_id().unwrap_or(0)),
            "connect.ok" => Some(self.connected),
            "queries" => Some(self.queries),
            "errors" => Some(self.errors),
            // Statements not answered yet.
            "pending" => Some(self.todo.len() as u64),
            other => self.connect_errors.metric("connect", other),
        }
    }
}
