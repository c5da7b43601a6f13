//! sysbench 1.0 with the MySQL driver: workers that query, and on a lost
//! connection reconnect for ever, a millisecond apart.
//!
//! What a reconnection does to its socket depends on the connector the program
//! was linked with; MariaDB Connector/C 3.1.10–3.3.1 loses it.

use super::api::{App, AppContext, AppStatus, Call, CallName, CallResult, Control, ControlError, Resume, Ret};
use super::flow::{ErrnoCounts, Flow, Recovery};
use super::mysql::connection::{ConnectError, Connection, Depth, Event};
use super::mysql::response::Outcome;
use super::mysql::{Credentials, Target};
use super::resolver::ResolveError;
use super::spread::Spread;
use crate::time::{Duration, Instant};
use crate::units::{Fd, TaskId};

/// `usleep(1000)` between two attempts (sysbench `drv_mysql.c`).
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(1);
/// The other calls of one attempt to an IP literal through the leaking
/// connector, `connect` and the `poll` that waits for it apart.
pub const RECONNECT_CALLS: &[CallName] = &[
    CallName::Getpid,
    CallName::Socket,
    CallName::SetNonblock,
    CallName::GetSockOpt,
    CallName::SetNonblock,
    CallName::Mprotect,
];
/// Exit status after SIGSEGV.
const SIGSEGV_STATUS: u32 = 128 + 11;
/// Point selects in a transaction of `oltp_read_only`.
const POINT_SELECTS: u32 = 10;
/// Selects in a transaction: the points and one each of four ranges.
const SELECTS: u32 = POINT_SELECTS + 4;
/// Length of an intermediate report's line.
const REPORT_LEN: u32 = 121;

/// What the connector does when a closed handle is connected again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Connector {
    /// MariaDB Connector/C 3.1.10–3.3.1: connects, fails, loses the socket.
    LeakFd,
    /// 3.3.2 and later: connects, fails, closes the socket.
    CloseAfterFailure,
    /// Use after free (measured: Debian 12's build): the program dies at once.
    Crash,
    /// libmysqlclient: reconnects.
    ReconnectOk,
}

/// `--mysql-ignore-errors`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum IgnoreErrors {
    /// Every error is ignored.
    All,
    /// These error numbers are; sysbench's own default is 1213, 1020, 1205.
    List(Vec<u16>),
}

impl IgnoreErrors {
    /// Whether an error with this number is ignored.
    #[must_use]
    pub fn ignores(&self, code: u16) -> bool {
        match self {
            Self::All => true,
            Self::List(codes) => codes.contains(&code),
        }
    }
}

/// `CR_SERVER_LOST`: the connection ended during a query.
const CR_SERVER_LOST: u16 = 2013;

/// A run of sysbench as the scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysbenchConfig {
    /// `--mysql-host`, `--mysql-port`.
    pub target: Target,
    /// Further hosts of the list `--mysql-host`: each worker takes the next and keeps it, also when it
    /// reconnects (`mysql_drv_connect`, `mysql_drv_reconnect`). Source addresses change at each attempt; sysbench
    /// itself binds none.
    pub spread: Spread,
    /// `--mysql-user`, `--mysql-db`.
    pub credentials: Credentials,
    /// `--threads`.
    pub threads: u32,
    /// `--mysql-ignore-errors`: without 2013 in it, a lost connection ends the run.
    pub ignore_errors: IgnoreErrors,
    /// The connector it is linked with.
    pub connector: Connector,
    /// `--report-interval`; zero for none.
    pub report_interval: Duration,
    /// `--time`; `None` runs for ever.
    pub time: Option<Duration>,
    /// `--tables`.
    pub tables: u32,
    /// `--table-size`.
    pub table_size: u32,
    /// `--range-size`.
    pub range_size: u32,
    /// Pause after each query, for a lighter load than sysbench itself makes.
    pub query_pause: Duration,
    /// Pause between two attempts to reconnect: [`RECONNECT_PAUSE`] in sysbench
    /// itself; longer is what a patched loop would do.
    pub reconnect_pause: Duration,
}

impl SysbenchConfig {
    /// The write-up's command line.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            spread: Spread::default(),
            credentials: Credentials { user: "root".to_owned(), db: Some("test".to_owned()), interactive: false },
            threads: 1,
            ignore_errors: IgnoreErrors::All,
            connector: Connector::LeakFd,
            report_interval: Duration::from_secs(1),
            time: Some(Duration::from_secs(1_180)),
            tables: 16,
            table_size: 10_000,
            range_size: 5,
            query_pause: Duration::ZERO,
            reconnect_pause: RECONNECT_PAUSE,
        }
    }
}

/// Where a worker is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Its first connection, with login.
    FirstConnect,
    Query,
    QueryPause,
    /// Closing a lost connection.
    CloseLost,
    Reconnect,
    /// Closing what a failed reconnection left.
    CloseFailed,
    Pause,
    Quit,
    Ended,
}

#[derive(Clone, Debug)]
struct Worker {
    connection: Connection,
    at: At,
    /// Selects done of the current transaction.
    done: u32,
}

/// Where the threads that do not query are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Main {
    Spawn(u32),
    Join,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Report {
    Sleep,
    Write,
}

#[derive(Clone, Debug, Default)]
struct Counters {
    connected: u64,
    connect_errors: ErrnoCounts,
    resolve_errors: u64,
    login_errors: u64,
    leaked: u64,
    closed_after_failure: u64,
    reconnects: u64,
    lost: u64,
    queries: u64,
    transactions: u64,
    errors: u64,
    recovery: Recovery,
}

/// A sysbench process.
#[derive(Clone, Debug)]
pub struct Sysbench {
    config: SysbenchConfig,
    workers: Vec<Worker>,
    /// Which worker a thread is, by task number.
    worker_of: Vec<Option<u32>>,
    main: Main,
    report: Report,
    report_task: Option<TaskId>,
    reports: u64,
    started_at: Instant,
    ended: u32,
    /// Workers that have chosen their host.
    placed: usize,
    /// Attempts to connect that took a source address.
    sourced: usize,
    stop: bool,
    counters: Counters,
}

const TOKEN_REPORT: u64 = u64::MAX;

impl Sysbench {
    /// A run not yet started.
    #[must_use]
    pub fn new(config: SysbenchConfig) -> Self {
        let worker = Worker {
            connection: Connection::new(&config.target, config.credentials.clone()),
            at: At::FirstConnect,
            done: 0,
        };
        Self {
            workers: vec![worker; config.threads as usize],
            config,
            worker_of: Vec::new(),
            main: Main::Spawn(0),
            report: Report::Write,
            report_task: None,
            reports: 0,
            started_at: Instant::ZERO,
            ended: 0,
            placed: 0,
            sourced: 0,
            stop: false,
            counters: Counters::default(),
        }
    }

    /// The main thread: starts the others, then waits for them.
    fn main_thread(&mut self) -> Call {
        if self.stop {
            return Call::ExitProcess { status: 0 };
        }
        match self.main {
            Main::Spawn(0) => {
                self.main = Main::Spawn(1);
                Call::Spawn { token: TOKEN_REPORT }
            }
            Main::Spawn(n) if n <= self.config.threads => {
                self.main = if n == self.config.threads { Main::Join } else { Main::Spawn(n + 1) };
                Call::Spawn { token: u64::from(n - 1) }
            }
            Main::Spawn(_) | Main::Join if self.ended == self.config.threads => Call::ExitProcess { status: 0 },
            Main::Spawn(_) | Main::Join => Call::FutexWait { timeout: None },
        }
    }

    /// The reporting thread: sleeps to the next full interval, writes a line.
    fn report_thread(&mut self, now: Instant) -> Call {
        let interval = self.config.report_interval;
        if interval == Duration::ZERO {
            return Call::FutexWait { timeout: None };
        }
        match self.report {
            Report::Write => {
                self.report = Report::Sleep;
                let next = self.started_at + interval.saturating_mul(self.reports + 1);
                Call::Nanosleep { duration: next.since(now).max(Duration::from_nanos(1)) }
            }
            Report::Sleep => {
                (self.report, self.reports) = (Report::Write, self.reports + 1);
                Call::Write { fd: Fd(1), len: REPORT_LEN }
            }
        }
    }

    fn time_is_up(&self, now: Instant) -> bool {
        self.config.time.is_some_and(|t| now.since(self.started_at) >= t)
    }

    fn worker(&mut self, ix: usize, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match self.workers[ix].at {
            At::FirstConnect | At::Query | At::CloseLost | At::Reconnect | At::CloseFailed | At::Quit => {
                match self.workers[ix].connection.resume(result, cx) {
                    Flow::Do(call) => call,
                    Flow::End(event) => self.event(ix, event, cx),
                }
            }
            At::QueryPause => self.next_query(ix, cx),
            At::Pause => self.reconnect(ix),
            At::Ended => Call::ExitTask,
        }
    }

    fn event(&mut self, ix: usize, event: Event, cx: &mut AppContext<'_>) -> Call {
        match event {
            Event::LoggedIn => {
                self.counters.connected += 1;
                if self.workers[ix].at == At::Reconnect {
                    self.counters.reconnects += 1;
                }
                self.counters.recovery.served(cx.now);
                self.next_query(ix, cx)
            }
            Event::Connected => self.half_connected(ix),
            Event::Failed(error) => self.connect_failed(ix, &error),
            Event::Answer(outcome) => self.answered(ix, &outcome, cx),
            Event::Lost => {
                self.counters.lost += 1;
                self.counters.recovery.failed();
                if !self.config.ignore_errors.ignores(CR_SERVER_LOST) {
                    // FATAL: mysql_drv_query() returned error 2013.
                    return Call::ExitProcess { status: 1 };
                }
                self.workers[ix].at = At::CloseLost;
                self.workers[ix].connection.close()
            }
            Event::Closed => match self.workers[ix].at {
                At::CloseLost if self.config.connector == Connector::Crash => {
                    Call::ExitProcess { status: SIGSEGV_STATUS }
                }
                At::CloseLost => self.reconnect(ix),
                At::Quit => self.end_worker(ix, cx),
                At::CloseFailed
                | At::FirstConnect
                | At::Query
                | At::QueryPause
                | At::Reconnect
                | At::Pause
                | At::Ended => self.pause(ix),
            },
        }
    }

    /// `mysql_real_connect` on the closed handle.
    fn reconnect(&mut self, ix: usize) -> Call {
        let worker = &mut self.workers[ix];
        worker.at = At::Reconnect;
        let depth = match self.config.connector {
            Connector::LeakFd => {
                worker.connection.leaks_memory = true;
                Depth::Tcp
            }
            Connector::CloseAfterFailure => Depth::Tcp,
            Connector::Crash | Connector::ReconnectOk => Depth::Login,
        };
        self.connect(ix, depth)
    }

    /// An attempt from the next source address, if there are any.
    fn connect(&mut self, ix: usize, depth: Depth) -> Call {
        let connection = &mut self.workers[ix].connection;
        if !self.config.spread.sources.is_empty() {
            connection.come_from(self.config.spread.source(self.sourced));
            self.sourced += 1;
        }
        connection.connect(depth)
    }

    /// A worker's first connection, to the next host of the list.
    fn first_connect(&mut self, ix: usize) -> Call {
        if !self.config.spread.more_targets.is_empty() {
            let target = self.config.spread.target(&self.config.target, self.placed);
            self.workers[ix].connection.turn_to(target);
            self.placed += 1;
        }
        self.connect(ix, Depth::Login)
    }

    /// TCP is up and the connector fails: `ma_net_init` finds no extension.
    fn half_connected(&mut self, ix: usize) -> Call {
        self.counters.connected += 1;
        self.counters.reconnects += 1;
        let worker = &mut self.workers[ix];
        if self.config.connector == Connector::LeakFd {
            self.counters.leaked += 1;
            worker.connection.forget();
            return self.pause(ix);
        }
        self.counters.closed_after_failure += 1;
        worker.at = At::CloseFailed;
        worker.connection.close()
    }

    fn connect_failed(&mut self, ix: usize, error: &ConnectError) -> Call {
        self.counters.recovery.failed();
        match error {
            ConnectError::Tcp(errno) => self.counters.connect_errors.add(*errno),
            ConnectError::Resolve(ResolveError::Again(errno)) => {
                self.counters.resolve_errors += 1;
                self.counters.connect_errors.add(*errno);
            }
            ConnectError::Resolve(ResolveError::NoName) => self.counters.resolve_errors += 1,
            ConnectError::Lost | ConnectError::Refused(_) => {
                self.counters.connected += 1;
                self.counters.login_errors += 1;
            }
        }
        if self.workers[ix].at == At::FirstConnect {
            // FATAL: unable to connect to MySQL server.
            return Call::ExitProcess { status: 1 };
        }
        self.counters.reconnects += 1;
        self.pause(ix)
    }

    fn pause(&mut self, ix: usize) -> Call {
        self.workers[ix].at = At::Pause;
        Call::Nanosleep { duration: self.config.reconnect_pause }
    }

    fn answered(&mut self, ix: usize, outcome: &Outcome, cx: &mut AppContext<'_>) -> Call {
        self.counters.queries += 1;
        if let Outcome::Err(code, _) = outcome {
            self.counters.errors += 1;
            if !self.config.ignore_errors.ignores(*code) {
                return Call::ExitProcess { status: 1 };
            }
        }
        let worker = &mut self.workers[ix];
        worker.done += 1;
        if worker.done == SELECTS {
            worker.done = 0;
            self.counters.transactions += 1;
        }
        if self.config.query_pause > Duration::ZERO {
            self.workers[ix].at = At::QueryPause;
            return Call::Nanosleep { duration: self.config.query_pause };
        }
        self.next_query(ix, cx)
    }

    fn next_query(&mut self, ix: usize, cx: &mut AppContext<'_>) -> Call {
        if self.time_is_up(cx.now) {
            self.workers[ix].at = At::Quit;
            return self.workers[ix].connection.quit();
        }
        let table = 1 + cx.rng.below(self.config.tables.max(1));
        let id = 1 + cx.rng.below(self.config.table_size.max(1));
        let done = self.workers[ix].done;
        let text = if done < POINT_SELECTS {
            format!("SELECT c FROM sbtest{table} WHERE id={id}")
        } else {
            let (list, order) = match done - POINT_SELECTS {
                0 => ("c", ""),
                1 => ("SUM(k)", ""),
                2 => ("c", " ORDER BY c"),
                _ => ("DISTINCT c", " ORDER BY c"),
            };
            let last = id.saturating_add(self.config.range_size.saturating_sub(1));
            format!("SELECT {list} FROM sbtest{table} WHERE id BETWEEN {id} AND {last}{order}")
        };
        let worker = &mut self.workers[ix];
        worker.at = At::Query;
        worker.connection.query(&text)
    }

    fn end_worker(&mut self, ix: usize, cx: &mut AppContext<'_>) -> Call {
        self.workers[ix].at = At::Ended;
        self.ended += 1;
        if self.ended == self.config.threads {
            cx.wake(TaskId(0));
        }
        Call::ExitTask
    }

    fn started(&mut self, task: TaskId, token: u64, cx: &AppContext<'_>) -> Option<usize> {
        if task == TaskId(0) {
            self.started_at = cx.now;
            return None;
        }
        if token == TOKEN_REPORT {
            self.report_task = Some(task);
            return None;
        }
        if self.worker_of.len() <= task.index() {
            self.worker_of.resize(task.index() + 1, None);
        }
        self.worker_of[task.index()] = u32::try_from(token).ok();
        usize::try_from(token).ok()
    }
}

impl App for Sysbench {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(token) => match self.started(task, token, cx) {
                Some(ix) => return self.first_connect(ix),
                None => Ok(Ret::Done),
            },
            Resume::Done(result) => result,
        };
        if task == TaskId(0) {
            return self.main_thread();
        }
        if self.report_task == Some(task) {
            return self.report_thread(cx.now);
        }
        let worker = self.worker_of.get(task.index()).copied().flatten();
        let ix = worker.expect("every other thread is a worker") as usize;
        self.worker(ix, result, cx)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Stop => {
                self.stop = true;
                cx.wake(TaskId(0));
                Ok(())
            }
            Control::Sql(_) | Control::KillSession(_) | Control::Connect => {
                Err(ControlError::Unknown(control.to_string()))
            }
        }
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let names = [
            "connect.ok",
            "reconnects",
            "fds.leaked",
            "closed_after_failure",
            "connections.lost",
            "login_errors",
            "resolve_errors",
            "queries",
            "transactions",
            "errors",
        ];
        let mut counters: Vec<(String, u64)> =
            names.iter().filter_map(|n| Some(((*n).to_owned(), self.metric(n)?))).collect();
        counters.extend(self.counters.connect_errors.iter().map(|(e, n)| (format!("connect.{e}"), n)));
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let c = &self.counters;
        match name {
            "connect.ok" => Some(c.connected),
            "connect.failed" => Some(c.connect_errors.total()),
            "reconnects" => Some(c.reconnects),
            "fds.leaked" => Some(c.leaked),
            "closed_after_failure" => Some(c.closed_after_failure),
            "connections.lost" => Some(c.lost),
            "connections.open" => Some(self.workers.iter().filter(|w| w.connection.is_open()).count() as u64),
            "login_errors" => Some(c.login_errors),
            "resolve_errors" => Some(c.resolve_errors),
            "queries" => Some(c.queries),
            "transactions" => Some(c.transactions),
            "errors" => Some(c.errors),
            "recovered.at_ns" => c.recovery.at_ns(),
            other => c.connect_errors.metric("connect", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::mysql::{Flavour, protocol};
    use crate::app::resolver::ResolverConfig;
    use crate::app::testkit::FakeKernel;
    use crate::errno::Errno;
    use crate::units::{Endpoint, Ipv4Addr, Port};
    use crate::wire::Payload;

    const SERVER: Endpoint = Endpoint::new(Ipv4Addr::LOCALHOST, 3_306);
    const MS: u64 = 1_000_000;

    fn config(connector: Connector) -> SysbenchConfig {
        let mut config = SysbenchConfig::new(Target::Addr(SERVER));
        config.connector = connector;
        config
    }

    /// Runs until the first query is out, then lets the server close.
    fn killed(config: SysbenchConfig) -> (FakeKernel, Sysbench) {
        let mut kernel = FakeKernel::new();
        kernel.names = vec![("reg.liarlee.site".to_owned(), SERVER.addr())];
        let mut app = Sysbench::new(config);
        let shape = Flavour::of("8.3.0").greeting_shape();
        kernel.run(&mut app, 0);
        kernel.socket(3).inbox.push_back(protocol::greeting("8.3.0", 11, &[b'x'; 20], &shape));
        kernel.run(&mut app, 0);
        let mut replies = protocol::packet(2, &[1, 3]);
        replies.extend(protocol::ok(3, 0, 0).to_vec());
        kernel.socket(3).inbox.push_back(Payload::from_bytes(&replies));
        kernel.run(&mut app, 0);
        assert_eq!(app.metric("connect.ok"), Some(1));
        assert!(kernel.socket(3).sent.windows(17).any(|w| w == b"SELECT c FROM sbt"));
        kernel.socket(3).eof = true;
        kernel.log.clear();
        (kernel, app)
    }

    #[test]
    fn a_leaking_cycle_is_the_trace_of_the_write_up_without_a_name() {
        let (mut kernel, mut app) = killed(config(Connector::LeakFd));
        kernel.run(&mut app, 10 * MS);
        let names = kernel.names_of(2);
        assert_eq!(names[..2], ["recvfrom", "close"]);
        let cycle =
            ["getpid", "socket", "fcntl", "connect", "poll", "getsockopt", "fcntl", "mprotect", "clock_nanosleep"];
        assert_eq!(names[2..2 + 2 * cycle.len()], [cycle, cycle].concat());
        assert_eq!(app.metric("fds.leaked"), app.metric("reconnects"));
        assert_eq!(kernel.sockets.len() as u64, app.metric("fds.leaked").unwrap());
        assert_eq!(app.metric("fds.leaked"), Some(11));
    }

    #[test]
    fn a_leaking_cycle_with_a_name_is_the_trace_of_the_write_up() {
        let mut by_name = config(Connector::LeakFd);
        by_name.target = Target::Name {
            name: "reg.liarlee.site".to_owned(),
            port: Port(3_306),
            resolver: ResolverConfig::new(Ipv4Addr::LOCALHOST),
        };
        let (mut kernel, mut app) = killed(by_name);
        kernel.run(&mut app, 10 * MS);
        let cycle = [
            "getpid",
            "stat",
            "openat",
            "fstat",
            "lseek",
            "read",
            "read",
            "close",
            "socket",
            "setsockopt",
            "connect",
            "poll",
            "sendmmsg",
            "poll",
            "ioctl",
            "recvfrom",
            "poll",
            "ioctl",
            "mprotect",
            "recvfrom",
            "close",
            "socket",
            "fcntl",
            "connect",
            "poll",
            "getsockopt",
            "fcntl",
            "clock_nanosleep",
        ];
        let names = kernel.names_of(2);
        assert_eq!(names[..2], ["recvfrom", "close"]);
        assert_eq!(names[2..2 + 2 * cycle.len()], [cycle, cycle].concat());
        assert_eq!(app.metric("fds.leaked"), Some(kernel.sockets.len() as u64));
    }

    #[test]
    fn a_refused_port_closes_the_socket_and_the_loop_goes_on() {
        let (mut kernel, mut app) = killed(config(Connector::LeakFd));
        kernel.connects.extend([Err(Errno::AddrNotAvail), Err(Errno::AddrNotAvail)]);
        kernel.run(&mut app, 2 * MS);
        let names = kernel.names_of(2);
        assert_eq!(names[2..8], ["getpid", "socket", "fcntl", "connect", "close", "clock_nanosleep"]);
        assert_eq!(app.metric("connect.EADDRNOTAVAIL"), Some(2));
        assert_eq!(app.metric("fds.leaked"), Some(1));
    }

    #[test]
    fn without_descriptors_it_tries_for_ever() {
        let (mut kernel, mut app) = killed(config(Connector::LeakFd));
        kernel.nofile = 6;
        kernel.run(&mut app, 10 * MS);
        assert_eq!(app.metric("fds.leaked"), Some(3));
        assert_eq!(app.metric("connect.EMFILE"), Some(8));
        let names = kernel.names_of(2);
        assert_eq!(names[names.len() - 3..], ["getpid", "socket", "clock_nanosleep"]);
    }

    #[test]
    fn other_connectors() {
        let (mut kernel, mut app) = killed(config(Connector::CloseAfterFailure));
        kernel.run(&mut app, 3 * MS);
        assert_eq!((app.metric("fds.leaked"), app.metric("closed_after_failure")), (Some(0), Some(4)));
        assert_eq!(kernel.sockets.len(), 0);
        let (mut kernel, mut app) = killed(config(Connector::Crash));
        kernel.run(&mut app, 3 * MS);
        assert_eq!(kernel.exited, Some(139));
        let (mut kernel, mut app) = killed(config(Connector::ReconnectOk));
        kernel.run(&mut app, 3 * MS);
        assert_eq!(kernel.names_of(2).last(), Some(&"poll"), "waits for the greeting");
        let mut strict = config(Connector::LeakFd);
        strict.ignore_errors = IgnoreErrors::List(vec![1213, 1020, 1205]);
        let (mut kernel, mut app) = killed(strict);
        kernel.run(&mut app, 3 * MS);
        assert_eq!(kernel.exited, Some(1));
    }

    #[test]
    fn the_reporting_thread_keeps_to_full_seconds() {
        let (mut kernel, mut app) = killed(config(Connector::LeakFd));
        kernel.run(&mut app, 3_500 * MS);
        let names: Vec<_> = kernel.names_of(1);
        assert_eq!(names.iter().filter(|n| **n == "write").count(), 3);
    }
}
