//! A connection pool in front of a MySQL server, with the defaults of pools
//! people use.
//!
//! Worker threads take a connection, run a statement, give it back. A worker
//! that needs a new connection opens it itself, also where the original has a
//! background thread for that; a housekeeping thread retires idle and old ones.

use std::collections::VecDeque;

use super::api::{App, AppContext, AppStatus, Call, CallResult, Control, ControlError, Resume, Ret};
use super::flow::{ErrnoCounts, Flow, Recovery};
use super::mysql::connection::{ConnectError, Connection, Depth, Event};
use super::mysql::{Credentials, Target};
pub use super::pool_config::{IdleOrder, OnConnectFailure, PoolConfig, TestOnAcquire};
use super::resolver::ResolveError;
use super::spread::Spread;
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::TaskId;

/// A program that uses a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolClientConfig {
    /// Where to.
    pub target: Target,
    /// Further addresses, which new connections use in turn.
    pub spread: Spread,
    /// As whom.
    pub credentials: Credentials,
    /// The pool's settings.
    pub pool: PoolConfig,
    /// Threads that use it.
    pub workers: u32,
    /// The statement each request runs.
    pub statement: String,
    /// Pause of a thread between two requests.
    pub think: Duration,
    /// Requests each thread makes; `None` for no end.
    pub requests: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Spawn(u32),
    Think,
    /// Waits for a connection to come back.
    Wait,
    Connect(usize),
    BackOff,
    Peek(usize),
    Test(usize),
    Query(usize),
    /// Closing a dead or surplus connection; what follows is in `after_close`.
    Close(usize),
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AfterClose {
    /// Try the request again.
    Acquire,
    /// The request is over.
    Done,
}

#[derive(Clone, Debug)]
struct Worker {
    at: At,
    after_close: AfterClose,
    deadline: Option<Instant>,
    failures: u32,
    retries: u32,
    made: u64,
    /// A connection handed over while waiting.
    given: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SlotState {
    Free,
    Busy,
    Idle,
}

#[derive(Clone, Debug)]
struct Slot {
    connection: Connection,
    state: SlotState,
    born: Instant,
    idle_since: Instant,
    /// The worker that used it last.
    user: usize,
}

#[derive(Clone, Debug, Default)]
struct Counters {
    connected: u64,
    connect_errors: ErrnoCounts,
    login_errors: u64,
    requests: u64,
    timeouts: u64,
    errors: u64,
    closed_idle: u64,
    closed_old: u64,
    lost: u64,
    recovery: Recovery,
}

/// A program's workers, their pool, and its housekeeper.
#[derive(Clone, Debug)]
pub struct PoolClient {
    config: PoolClientConfig,
    workers: Vec<Worker>,
    slots: Vec<Slot>,
    idle: Vec<usize>,
    waiters: VecDeque<usize>,
    keeper: Option<usize>,
    keeper_task: Option<TaskId>,
    /// Connections begun.
    begun: usize,
    stop: bool,
    counters: Counters,
}

const TOKEN_KEEPER: u64 = u64::MAX;

impl PoolClient {
    /// A client not yet started.
    #[must_use]
    pub fn new(config: PoolClientConfig) -> Self {
        let worker = Worker {
            at: At::Think,
            after_close: AfterClose::Done,
            deadline: None,
            failures: 0,
            retries: 0,
            made: 0,
            given: None,
        };
        let mut workers = vec![worker; config.workers.max(1) as usize];
        workers[0].at = At::Spawn(1);
        Self {
            config,
            workers,
            slots: Vec::new(),
            idle: Vec::new(),
            waiters: VecDeque::new(),
            keeper: None,
            keeper_task: None,
            begun: 0,
            stop: false,
            counters: Counters::default(),
        }
    }

    fn open_count(&self) -> usize {
        self.slots.iter().filter(|s| s.state != SlotState::Free).count()
    }

    fn may_open(&self) -> bool {
        self.config.pool.max == 0 || self.open_count() < self.config.pool.max as usize
    }

    /// A new request, unless the thread has made all of its.
    fn request(&mut self, w: usize, cx: &mut AppContext<'_>) -> Call {
        let worker = &mut self.workers[w];
        if self.stop || self.config.requests.is_some_and(|n| worker.made >= n) {
            worker.at = At::Ended;
            return Call::FutexWait { timeout: None };
        }
        worker.deadline = self.config.pool.acquire_timeout.map(|t| cx.now + t);
        (worker.failures, worker.retries) = (0, 0);
        self.acquire(w, cx)
    }

    /// Takes an idle connection, opens one, or waits.
    fn acquire(&mut self, w: usize, cx: &mut AppContext<'_>) -> Call {
        if let Some(slot) = self.workers[w].given.take().or_else(|| self.take_idle(w, cx)) {
            (self.slots[slot].state, self.slots[slot].user) = (SlotState::Busy, w);
            let idle = cx.now.since(self.slots[slot].idle_since);
            return match self.config.pool.test {
                TestOnAcquire::Peek => {
                    self.workers[w].at = At::Peek(slot);
                    self.slots[slot].connection.peek()
                }
                TestOnAcquire::Statement(longer) if longer == Duration::ZERO || idle > longer => {
                    self.workers[w].at = At::Test(slot);
                    self.slots[slot].connection.query("select 1")
                }
                TestOnAcquire::Statement(_) | TestOnAcquire::No => self.query(w, slot),
            };
        }
        if self.may_open() {
            let slot = self.new_slot(w, cx.now);
            self.workers[w].at = At::Connect(slot);
            return self.slots[slot].connection.connect(Depth::Login);
        }
        self.waiters.push_back(w);
        self.workers[w].at = At::Wait;
        Call::FutexWait { timeout: self.workers[w].deadline.map(|d| d.since(cx.now)) }
    }

    /// The idle connection that is handed out next. Those in `idle` came back in its order.
    fn take_idle(&mut self, w: usize, cx: &mut AppContext<'_>) -> Option<usize> {
        let last = self.idle.len().checked_sub(1)?;
        let at = match self.config.pool.idle_order {
            IdleOrder::Lifo => last,
            IdleOrder::Fifo => 0,
            IdleOrder::Own => {
                let own = self.idle.iter().rposition(|&slot| self.slots[slot].user == w);
                let oldest = || (0..=last).min_by_key(|&at| (self.slots[self.idle[at]].born, self.idle[at]));
                own.or_else(oldest)?
            }
            IdleOrder::Random => cx.rng.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize,
        };
        Some(self.idle.remove(at))
    }

    fn new_slot(&mut self, w: usize, now: Instant) -> usize {
        let (target, source) = self.config.spread.nth(&self.config.target, self.begun);
        self.begun += 1;
        let mut connection = Connection::new(target, self.config.credentials.clone());
        connection.come_from(source);
        connection.connect_timeout = self.config.pool.connect_timeout;
        let slot = Slot { connection, state: SlotState::Busy, born: now, idle_since: now, user: w };
        if let Some(at) = self.slots.iter().position(|s| s.state == SlotState::Free) {
            self.slots[at] = slot;
            return at;
        }
        self.slots.push(slot);
        self.slots.len() - 1
    }

    fn query(&mut self, w: usize, slot: usize) -> Call {
        self.workers[w].at = At::Query(slot);
        self.slots[slot].connection.query(&self.config.statement)
    }

    /// A connection is free again, or there is room for a new one: the
    /// longest waiting worker goes on.
    fn wake_one(&mut self, slot: Option<usize>, cx: &mut AppContext<'_>) -> bool {
        let Some(w) = self.waiters.pop_front() else { return false };
        self.workers[w].given = slot;
        cx.wake(Self::task_of(w));
        true
    }

    fn task_of(w: usize) -> TaskId {
        TaskId(u32::try_from(w).expect("worker numbers are 32 bits"))
    }

    /// Gives a healthy connection back; `Some` call if it is closed instead.
    fn give_back(&mut self, w: usize, slot: usize, cx: &mut AppContext<'_>) -> Option<Call> {
        let pool = self.config.pool;
        let old = pool.max_lifetime.is_some_and(|life| cx.now.since(self.slots[slot].born) >= life);
        self.slots[slot].idle_since = cx.now;
        if !old && self.wake_one(Some(slot), cx) {
            return None;
        }
        let limit = pool.max_idle.unwrap_or(if pool.max == 0 { u32::MAX } else { pool.max }).max(pool.min);
        if old || self.idle.len() >= limit as usize {
            if old {
                self.counters.closed_old += 1
            } else {
                self.counters.closed_idle += 1
            }
            (self.workers[w].at, self.workers[w].after_close) = (At::Close(slot), AfterClose::Done);
            return Some(self.slots[slot].connection.quit());
        }
        self.slots[slot].state = SlotState::Idle;
        self.idle.push(slot);
        None
    }

    /// The request is over: think, then the next.
    fn done(&mut self, w: usize, cx: &mut AppContext<'_>) -> Call {
        self.workers[w].made += 1;
        if self.config.think == Duration::ZERO {
            return self.request(w, cx);
        }
        self.workers[w].at = At::Think;
        Call::Nanosleep { duration: self.config.think }
    }

    fn free(&mut self, slot: usize, cx: &mut AppContext<'_>) {
        self.slots[slot].state = SlotState::Free;
        self.wake_one(None, cx);
    }

    fn connect_failed(&mut self, w: usize, slot: usize, error: &ConnectError, cx: &mut AppContext<'_>) -> Call {
        let errno = match error {
            ConnectError::Tcp(errno) | ConnectError::Resolve(ResolveError::Again(errno)) => Some(*errno),
            ConnectError::Resolve(ResolveError::NoName) | ConnectError::Lost | ConnectError::Refused(_) => None,
        };
        self.counters.recovery.failed();
        match errno {
            Some(errno) => self.counters.connect_errors.add(errno),
            None => self.counters.login_errors += 1,
        }
        let retry = match self.config.pool.on_failure {
            OnConnectFailure::Error => None,
            OnConnectFailure::Retry(policy) => Some(policy),
            OnConnectFailure::RetryRefused(policy) => (errno == Some(Errno::ConnRefused)).then_some(policy),
        };
        self.free(slot, cx);
        let worker = &mut self.workers[w];
        worker.failures += 1;
        if let Some(policy) = retry {
            let wait = policy.wait(worker.failures, cx.rng);
            let more = self.config.pool.connect_retries.is_none_or(|most| worker.failures <= most);
            if more && worker.deadline.is_none_or(|d| cx.now + wait < d) {
                worker.at = At::BackOff;
                return Call::Nanosleep { duration: wait };
            }
            self.counters.timeouts += 1;
        }
        self.counters.errors += 1;
        self.done(w, cx)
    }

    fn event(&mut self, w: usize, slot: usize, event: &Event, cx: &mut AppContext<'_>) -> Call {
        match event {
            Event::LoggedIn | Event::Connected => {
                self.counters.connected += 1;
                self.counters.recovery.served(cx.now);
                self.query(w, slot)
            }
            Event::Failed(error) => self.connect_failed(w, slot, error, cx),
            Event::Answer(_) if self.workers[w].at == At::Test(slot) => self.query(w, slot),
            Event::Answer(_) => {
                self.counters.requests += 1;
                match self.give_back(w, slot, cx) {
                    Some(call) => call,
                    None => self.done(w, cx),
                }
            }
            Event::Lost => {
                self.counters.lost += 1;
                self.counters.recovery.failed();
                let tested = matches!(self.workers[w].at, At::Test(_) | At::Peek(_));
                let retry = tested || self.workers[w].retries < self.config.pool.bad_connection_retries;
                if !tested {
                    self.workers[w].retries += 1;
                }
                if !retry {
                    self.counters.errors += 1;
                }
                self.workers[w].after_close = if retry { AfterClose::Acquire } else { AfterClose::Done };
                self.workers[w].at = At::Close(slot);
                self.slots[slot].connection.close()
            }
            Event::Closed => {
                self.free(slot, cx);
                match self.workers[w].after_close {
                    AfterClose::Acquire => self.acquire(w, cx),
                    AfterClose::Done => self.done(w, cx),
                }
            }
        }
    }

    fn worker(&mut self, w: usize, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match self.workers[w].at {
            At::Spawn(n) if n < self.config.workers => {
                self.workers[w].at = At::Spawn(n + 1);
                Call::Spawn { token: u64::from(n) }
            }
            At::Spawn(n) if n == self.config.workers.max(1) => {
                self.workers[w].at = At::Spawn(n + 1);
                Call::Spawn { token: TOKEN_KEEPER }
            }
            At::Spawn(_) | At::Think => self.request(w, cx),
            At::BackOff => self.acquire(w, cx),
            At::Wait => {
                if result.is_err() && self.workers[w].given.is_none() {
                    self.waiters.retain(|x| *x != w);
                    self.counters.timeouts += 1;
                    self.counters.errors += 1;
                    return self.done(w, cx);
                }
                self.acquire(w, cx)
            }
            // Nothing to read, and no end: alive.
            At::Peek(slot) if matches!(result, Err(Errno::Again)) => self.query(w, slot),
            At::Peek(slot) => self.event(w, slot, &Event::Lost, cx),
            At::Connect(slot) | At::Test(slot) | At::Query(slot) | At::Close(slot) => {
                match self.slots[slot].connection.resume(result, cx) {
                    Flow::Do(call) => call,
                    Flow::End(event) => self.event(w, slot, &event, cx),
                }
            }
            At::Ended => Call::FutexWait { timeout: None },
        }
    }

    /// Closes idle connections that are too many, too old or idle too long.
    fn housekeeper(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        if let Some(slot) = self.keeper {
            match self.slots[slot].connection.resume(result, cx) {
                Flow::Do(call) => return call,
                Flow::End(_) => {
                    self.keeper = None;
                    self.free(slot, cx);
                }
            }
        }
        let pool = self.config.pool;
        let spare = self.open_count() > pool.min as usize;
        let due = self.idle.iter().position(|&slot| {
            let slot = &self.slots[slot];
            let too_idle = spare && pool.idle_timeout.is_some_and(|t| cx.now.since(slot.idle_since) >= t);
            too_idle || pool.max_lifetime.is_some_and(|t| cx.now.since(slot.born) >= t)
        });
        let Some(at) = due else { return Call::Nanosleep { duration: pool.housekeeping } };
        let slot = self.idle.remove(at);
        self.slots[slot].state = SlotState::Busy;
        self.counters.closed_idle += 1;
        self.keeper = Some(slot);
        self.slots[slot].connection.quit()
    }
}

impl App for PoolClient {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(token) => {
                if token == TOKEN_KEEPER {
                    self.keeper_task = Some(task);
                }
                Ok(Ret::Done)
            }
            Resume::Done(result) => result,
        };
        if self.keeper_task == Some(task) {
            return self.housekeeper(result, cx);
        }
        self.worker(task.index(), result, cx)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    /// `Stop`: threads end after their present request; connections stay open.
    fn control(&mut self, control: &Control, _cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Stop => {
                self.stop = true;
                Ok(())
            }
            Control::Sql(_) | Control::KillSession(_) | Control::Connect => {
                Err(ControlError::Unknown(control.to_string()))
            }
        }
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let names = [
            "pool.open",
            "pool.idle",
            "pool.waiting",
            "connect.ok",
            "requests",
            "errors",
            "timeouts",
            "connections.lost",
            "closed_idle",
            "closed_old",
            "login_errors",
        ];
        let mut counters: Vec<(String, u64)> =
            names.iter().filter_map(|n| Some(((*n).to_owned(), self.metric(n)?))).collect();
        counters.extend(self.counters.connect_errors.iter().map(|(e, n)| (format!("connect.{e}"), n)));
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let c = &self.counters;
        match name {
            "pool.open" => Some(self.open_count() as u64),
            "pool.idle" => Some(self.idle.len() as u64),
            "pool.waiting" => Some(self.waiters.len() as u64),
            "connect.ok" => Some(c.connected),
            "connect.failed" => Some(c.connect_errors.total()),
            "login_errors" => Some(c.login_errors),
            "requests" => Some(c.requests),
            "errors" => Some(c.errors),
            "timeouts" => Some(c.timeouts),
            "closed_idle" => Some(c.closed_idle),
            "closed_old" => Some(c.closed_old),
            "connections.lost" => Some(c.lost),
            "recovered.at_ns" => c.recovery.at_ns(),
            other => c.connect_errors.metric("connect", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::mysql::{Flavour, protocol};
    use crate::app::testkit::FakeKernel;
    use crate::units::{Endpoint, Fd, Ipv4Addr};
    use crate::wire::Payload;

    fn config(preset: &str, workers: u32, requests: u64) -> PoolClientConfig {
        PoolClientConfig {
            target: Target::Addr(Endpoint::new(Ipv4Addr::LOCALHOST, 3_306)),
            spread: Spread::default(),
            credentials: Credentials { user: "app".to_owned(), db: None, interactive: false },
            pool: PoolConfig::preset(preset, 4).unwrap(),
            workers,
            statement: "select 1".to_owned(),
            think: Duration::ZERO,
            requests: Some(requests),
        }
    }

    /// Plays the server: greets, accepts every login, answers every statement.
    fn serve(kernel: &mut FakeKernel, app: &mut PoolClient, rounds: u64) {
        let shape = Flavour::of("5.7.44").greeting_shape();
        for _ in 0..rounds {
            let now = kernel.now;
            kernel.run(app, now);
            let fds: Vec<Fd> = kernel.sockets.keys().copied().collect();
            for fd in fds {
                let socket = kernel.socket(fd.0);
                let sent = core::mem::take(&mut socket.sent);
                if socket.peer.is_none() {
                    socket.peer = Some(Endpoint::ANY);
                    socket.inbox.push_back(protocol::greeting("5.7.44", 1, &[b'x'; 20], &shape));
                } else if sent.get(4) == Some(&protocol::COM_QUERY) {
                    socket.inbox.push_back(protocol::ok(1, 0, 0));
                } else if sent.get(3) == Some(&1) {
                    socket.inbox.push_back(Payload::from_bytes(&protocol::ok(2, 0, 0).to_vec()));
                }
            }
        }
    }

    #[test]
    fn a_pool_opens_no_more_than_its_limit_and_reuses() {
        let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config("hikari", 25, 4)));
        serve(&mut kernel, &mut app, 40);
        assert_eq!((app.metric("requests"), app.metric("connect.ok")), (Some(100), Some(10)));
        assert_eq!((app.metric("errors"), app.metric("pool.idle")), (Some(0), Some(10)));
    }

    #[test]
    fn go_keeps_two_idle_and_closes_the_rest() {
        let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config("go-sql", 8, 1)));
        serve(&mut kernel, &mut app, 10);
        assert_eq!((app.metric("requests"), app.metric("connect.ok")), (Some(8), Some(8)));
        assert_eq!((app.metric("pool.open"), app.metric("closed_idle")), (Some(2), Some(6)));
    }

    #[test]
    fn sqlalchemy_keeps_five_and_closes_what_overflowed() {
        let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config("sqlalchemy", 20, 1)));
        serve(&mut kernel, &mut app, 20);
        assert_eq!((app.metric("requests"), app.metric("connect.ok")), (Some(20), Some(15)));
        assert_eq!((app.metric("pool.open"), app.metric("closed_idle")), (Some(5), Some(10)));
    }

    #[test]
    fn a_connection_that_died_idle_is_replaced_or_reported() {
        let second_request = |preset: &str| {
            let mut config = config(preset, 1, 2);
            config.think = Duration::from_secs(5);
            let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config));
            serve(&mut kernel, &mut app, 10);
            assert_eq!(app.metric("requests"), Some(1), "{preset}");
            kernel.socket(3).eof = true;
            kernel.run(&mut app, 5_000_000_000);
            serve(&mut kernel, &mut app, 10);
            assert_eq!(app.metric("connections.lost"), Some(1), "{preset}");
            (app.metric("requests").unwrap(), app.metric("errors").unwrap())
        };
        for tested in ["hikari", "go-sql", "sqlx", "bb8", "mysql2", "mysql_async", "php-fpm"] {
            assert_eq!(second_request(tested), (2, 0), "{tested} tries before it hands out");
        }
        for blind in ["deadpool", "sqlalchemy", "proxysql"] {
            assert_eq!(second_request(blind), (1, 1), "{blind}: the caller gets the error");
        }
        assert!(PoolConfig::PRESETS.iter().all(|p| PoolConfig::preset(p, 4).is_some()));
    }

    /// One worker takes in turn what eight had opened.
    #[test]
    fn idle_connections_come_out_in_the_order_of_the_pool() {
        let taken = |order| {
            let mut config = config("mysql2", 4, 1);
            config.pool.idle_order = order;
            let mut pool = PoolClient::new(config);
            let mut cx = crate::app::testkit::FakeCx::new(1);
            for slot in 0..4 {
                assert_eq!(pool.new_slot(slot % 2, Instant::from_nanos(slot as u64)), slot);
            }
            pool.idle = vec![2, 0, 3, 1];
            let all: Vec<usize> = (0..4).map(|_| pool.take_idle(0, &mut cx.at(9)).unwrap()).collect();
            assert_eq!(pool.take_idle(0, &mut cx.at(9)), None);
            all
        };
        assert_eq!(taken(IdleOrder::Lifo), [1, 3, 0, 2]);
        assert_eq!(taken(IdleOrder::Fifo), [2, 0, 3, 1]);
        // Its own, the last first; then the oldest.
        assert_eq!(taken(IdleOrder::Own), [0, 2, 1, 3]);
        let mut any = taken(IdleOrder::Random);
        any.sort_unstable();
        assert_eq!(any, [0, 1, 2, 3]);
    }

    #[test]
    fn idle_connections_retire_after_their_time() {
        let after_idle = |preset| {
            let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config(preset, 4, 1)));
            serve(&mut kernel, &mut app, 10);
            assert_eq!(app.metric("pool.idle"), Some(4), "{preset}");
            kernel.run(&mut app, 631_000_000_000);
            (app.metric("pool.open").unwrap(), app.metric("closed_idle").unwrap())
        };
        assert_eq!(after_idle("sqlx"), (0, 4));
        assert_eq!(after_idle("hikari"), (4, 0), "not below minimumIdle");
        assert_eq!(after_idle("mysql2"), (4, 0), "idleTimeout has no effect by default");
    }

    /// HikariCP's aliveBypassWindowMs.
    #[test]
    fn a_statement_tests_only_who_was_idle_for_long() {
        let statements = |think_ms| {
            let mut config = config("hikari", 1, 3);
            config.think = Duration::from_millis(think_ms);
            let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config));
            let mut sent = 0;
            for round in 0..60 {
                let now = round * 100_000_000;
                kernel.run(&mut app, now);
                sent += kernel.sockets.values().filter(|s| s.sent.get(4) == Some(&protocol::COM_QUERY)).count();
                serve(&mut kernel, &mut app, 1);
            }
            (app.metric("requests").unwrap(), sent)
        };
        assert_eq!((statements(400), statements(600)), ((3, 3), (3, 5)));
    }

    #[test]
    fn failures_are_retried_or_reported_as_the_pool_does() {
        let refused = |preset| {
            let (mut kernel, mut app) = (FakeKernel::new(), PoolClient::new(config(preset, 1, 1)));
            kernel.connects.extend((0..100).map(|_| Err(Errno::ConnRefused)));
            kernel.run(&mut app, 40_000_000_000);
            (
                app.metric("connect.ECONNREFUSED").unwrap(),
                app.metric("errors").unwrap(),
                app.metric("timeouts").unwrap(),
            )
        };
        assert_eq!(refused("mysql2"), (1, 1, 0));
        // 10 + 20 + … + 2560 + 5000 … ms fit into 30 s: 14 attempts.
        assert_eq!(refused("hikari"), (14, 1, 1));
        assert_eq!(refused("sqlx").1, 1);
        assert_eq!(refused("sqlalchemy"), (1, 1, 0));
        // The first attempt and ten retries.
        assert_eq!(refused("proxysql"), (11, 1, 1));
        assert!(PoolConfig::preset("c3p0", 4).is_none());
        assert_eq!(PoolConfig::preset("deadpool", 4).unwrap().max, 8);
    }
}
