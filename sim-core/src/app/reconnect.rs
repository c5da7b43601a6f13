//! A client that connects again and again: by policy after a failure, at a pace
//! when all is well.

use super::api::{
    App, AppContext, AppStatus, Call, CallResult, Control, ControlError, Domain, PollEvents, PollSet, Resume, Ret,
    SockType, SocketOption,
};
use super::backoff::BackOff;
use super::flow::{self, ErrnoCounts, Flow, Recovery};
use super::mysql::Target;
use super::resolver::ResolveError;
use super::spread::{Aim, Binding, Spread};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::{Duration, Instant};
use crate::units::{Fd, TaskId};
use crate::wire::Payload;

/// What the client does once connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum AfterConnect {
    /// Nothing; not even read.
    Nothing,
    /// Reads once: the server's greeting.
    Read,
    /// Sends this many bytes.
    Send(u32),
    /// Sends a question of so many bytes and reads the answer.
    Exchange(u32),
}

/// Who ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum CloseFirst {
    /// The client, after holding it this long: TIME_WAIT is the client's.
    Client(Duration),
    /// The server; the client then closes too.
    Server,
    /// Nobody: it is held for ever.
    Never,
}

/// What the client does with a socket it is done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Disposal {
    /// `close()`.
    Close,
    /// `SO_LINGER {1, 0}` and `close()`: a reset.
    Reset,
    /// Forgets the descriptor.
    Leak,
}

/// A reconnecting client as the scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectConfig {
    /// Where to.
    pub target: Target,
    /// Further addresses, used in turn by all threads together.
    pub spread: Spread,
    /// Threads that each hold one connection at a time.
    pub threads: u32,
    /// What happens on a connection.
    pub after: AfterConnect,
    /// Who ends it.
    pub close_first: CloseFirst,
    /// How the client lets go of it.
    pub disposal: Disposal,
    /// Time between two connections of all threads together; `None` goes on at once.
    pub pace: Option<Duration>,
    /// Waits after failures.
    pub back_off: BackOff,
    /// Failures in a row after which a thread gives up.
    pub give_up_after: Option<u32>,
    /// Longest wait for a connection; `None` leaves it to the kernel.
    pub connect_timeout: Option<Duration>,
    /// Connections each thread makes; `None` for no end.
    pub connections: Option<u64>,
}

impl ReconnectConfig {
    /// One thread that connects, reads, waits for the server to close, and
    /// tries again a second after a failure.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            spread: Spread::default(),
            threads: 1,
            after: AfterConnect::Read,
            close_first: CloseFirst::Server,
            disposal: Disposal::Close,
            pace: None,
            back_off: BackOff::Fixed(Duration::from_secs(1)),
            give_up_after: None,
            connect_timeout: None,
            connections: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Spawn(u32),
    Pace,
    Resolve,
    Socket,
    Bind(Binding),
    Connect,
    PollConnect,
    SoError,
    Blocking,
    Send,
    Recv,
    Hold,
    WaitEof,
    Linger,
    Close,
    CloseFailed,
    BackOff,
    Ended,
}

#[derive(Clone, Debug)]
struct Thread {
    at: At,
    fd: Fd,
    aim: Aim,
    failures: u32,
    made: u64,
    /// Number of the next slot of this thread's schedule.
    slot: u64,
    ordinal: u32,
    task: TaskId,
    error: Option<Errno>,
}

#[derive(Clone, Debug, Default)]
struct Counters {
    connected: u64,
    errors: ErrnoCounts,
    peer_closed: u64,
    leaked: u64,
    gave_up: u64,
    late: u64,
    recovery: Recovery,
}

/// A reconnecting client.
#[derive(Clone, Debug)]
pub struct ReconnectClient {
    config: ReconnectConfig,
    threads: Vec<Thread>,
    /// Which of them a task is; tasks of ended threads may be used again.
    thread_of: Vec<u32>,
    /// Attempts begun by all threads.
    begun: usize,
    started_at: Instant,
    stop: bool,
    counters: Counters,
}

impl ReconnectClient {
    /// A client not yet started.
    #[must_use]
    pub fn new(config: ReconnectConfig) -> Self {
        let aim = Aim::at(&config.target);
        let thread = |ordinal| Thread {
            at: At::Pace,
            fd: Fd(0),
            aim: aim.clone(),
            failures: 0,
            made: 0,
            slot: 0,
            ordinal,
            task: TaskId(0),
            error: None,
        };
        let mut threads: Vec<Thread> = (0..config.threads.max(1)).map(thread).collect();
        threads[0].at = At::Spawn(1);
        Self {
            config,
            threads,
            thread_of: Vec::new(),
            begun: 0,
            started_at: Instant::ZERO,
            stop: false,
            counters: Counters::default(),
        }
    }

    /// Waits for the thread's next slot, if there is a pace, then connects.
    fn next(&mut self, ix: usize, now: Instant) -> Call {
        let thread = &mut self.threads[ix];
        if self.stop || self.config.connections.is_some_and(|n| thread.made >= n) {
            thread.at = At::Ended;
            return Call::ExitTask;
        }
        let Some(pace) = self.config.pace else { return self.attempt(ix) };
        let period = pace.saturating_mul(u64::from(self.config.threads.max(1)));
        let first = self.started_at + pace.saturating_mul(u64::from(thread.ordinal));
        let mut due = first + period.saturating_mul(thread.slot);
        if due < now && period > Duration::ZERO {
            // Missed slots are not made up for in a burst.
            let missed = now.since(due).nanos().div_ceil(period.nanos());
            self.counters.late += missed;
            thread.slot += missed;
            due = first + period.saturating_mul(thread.slot);
        }
        thread.slot += 1;
        if due <= now {
            return self.attempt(ix);
        }
        thread.at = At::Pace;
        Call::Nanosleep { duration: due.since(now) }
    }

    fn attempt(&mut self, ix: usize) -> Call {
        let thread = &mut self.threads[ix];
        if !self.config.spread.is_single() {
            let (target, source) = self.config.spread.nth(&self.config.target, self.begun);
            thread.aim.turn_to(target);
            thread.aim.come_from(source);
            self.begun += 1;
        }
        if let Some(call) = thread.aim.lookup(false) {
            thread.at = At::Resolve;
            return call;
        }
        self.open(ix)
    }

    fn open(&mut self, ix: usize) -> Call {
        self.threads[ix].at = At::Socket;
        Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: self.config.connect_timeout.is_some() }
    }

    /// Binds a new socket to its source address, if it is to have one, then connects.
    fn bind(&mut self, ix: usize, done: Option<Binding>) -> Call {
        let thread = &mut self.threads[ix];
        let (at, call) = match thread.aim.binding(thread.fd, done) {
            Some((step, call)) => (At::Bind(step), call),
            None => (At::Connect, thread.aim.connect(thread.fd)),
        };
        thread.at = at;
        call
    }

    fn failed(&mut self, ix: usize, errno: Errno, cx: &mut AppContext<'_>) -> Call {
        self.counters.errors.add(errno);
        self.counters.recovery.failed();
        let thread = &mut self.threads[ix];
        thread.failures += 1;
        if self.config.give_up_after.is_some_and(|n| thread.failures >= n) {
            self.counters.gave_up += 1;
            thread.at = At::Ended;
            return Call::ExitTask;
        }
        let wait = self.config.back_off.wait(thread.failures, cx.rng);
        if wait == Duration::ZERO {
            return self.next(ix, cx.now);
        }
        self.threads[ix].at = At::BackOff;
        Call::Nanosleep { duration: wait }
    }

    fn close_failed(&mut self, ix: usize, errno: Errno) -> Call {
        let thread = &mut self.threads[ix];
        (thread.at, thread.error) = (At::CloseFailed, Some(errno));
        Call::Close { fd: thread.fd }
    }

    fn connecting(&mut self, ix: usize, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        let fd = self.threads[ix].fd;
        match self.threads[ix].at {
            At::Connect => match result {
                Ok(_) => self.connected(ix, cx.now),
                Err(Errno::InProgress) => {
                    self.threads[ix].at = At::PollConnect;
                    Call::Poll { set: PollSet::one(fd, PollEvents::OUT), timeout: self.config.connect_timeout }
                }
                Err(errno) => self.close_failed(ix, errno),
            },
            At::PollConnect if flow::ready(result.clone()) == Ok(0) => self.close_failed(ix, Errno::TimedOut),
            At::PollConnect => {
                self.threads[ix].at = At::SoError;
                Call::GetSockOpt { fd, option: SocketOption::Error }
            }
            At::SoError => match flow::so_error(result) {
                Ok(()) => {
                    self.threads[ix].at = At::Blocking;
                    Call::SetNonblock { fd, on: false }
                }
                Err(errno) => self.close_failed(ix, errno),
            },
            At::Spawn(_)
            | At::Pace
            | At::Resolve
            | At::Socket
            | At::Bind(_)
            | At::Blocking
            | At::Send
            | At::Recv
            | At::Hold
            | At::WaitEof
            | At::Linger
            | At::Close
            | At::CloseFailed
            | At::BackOff
            | At::Ended => self.connected(ix, cx.now),
        }
    }

    fn connected(&mut self, ix: usize, now: Instant) -> Call {
        self.counters.connected += 1;
        self.counters.recovery.served(now);
        let thread = &mut self.threads[ix];
        (thread.failures, thread.made) = (0, thread.made + 1);
        match self.config.after {
            AfterConnect::Nothing => self.hold(ix, now),
            AfterConnect::Read => self.recv(ix, At::Recv),
            AfterConnect::Send(len) | AfterConnect::Exchange(len) => {
                thread.at = At::Send;
                Call::Send { fd: thread.fd, data: Payload::opaque(len) }
            }
        }
    }

    fn recv(&mut self, ix: usize, at: At) -> Call {
        let thread = &mut self.threads[ix];
        thread.at = at;
        Call::Recv { fd: thread.fd, max: 16_384, peek: false, dontwait: false }
    }

    fn hold(&mut self, ix: usize, now: Instant) -> Call {
        if self.config.disposal == Disposal::Leak {
            self.counters.leaked += 1;
            return self.next(ix, now);
        }
        match self.config.close_first {
            CloseFirst::Client(Duration::ZERO) => self.dispose(ix),
            CloseFirst::Client(span) => {
                self.threads[ix].at = At::Hold;
                Call::Nanosleep { duration: span }
            }
            CloseFirst::Server => self.recv(ix, At::WaitEof),
            CloseFirst::Never => {
                self.threads[ix].at = At::Hold;
                Call::FutexWait { timeout: None }
            }
        }
    }

    fn dispose(&mut self, ix: usize) -> Call {
        let thread = &mut self.threads[ix];
        if self.config.disposal == Disposal::Reset && thread.at != At::Linger {
            thread.at = At::Linger;
            let option = SocketOption::Tcp(TcpSocketOption::Linger(Some(Duration::ZERO)));
            return Call::SetSockOpt { fd: thread.fd, option };
        }
        thread.at = At::Close;
        Call::Close { fd: thread.fd }
    }

    fn read(&mut self, ix: usize, result: CallResult, now: Instant) -> Call {
        match (self.threads[ix].at, flow::data(result)) {
            (At::WaitEof, Ok(bytes)) if !bytes.is_empty() => self.recv(ix, At::WaitEof),
            (_, Ok(bytes)) if !bytes.is_empty() => self.hold(ix, now),
            (_, Ok(_) | Err(_)) => {
                self.counters.peer_closed += 1;
                self.counters.recovery.failed();
                self.dispose(ix)
            }
        }
    }

    fn thread(&mut self, ix: usize, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match self.threads[ix].at {
            At::Spawn(n) if n < self.config.threads => {
                self.threads[ix].at = At::Spawn(n + 1);
                Call::Spawn { token: u64::from(n) }
            }
            At::Spawn(_) | At::Close | At::BackOff => self.next(ix, cx.now),
            At::Pace => self.attempt(ix),
            At::Resolve => self.resolving(ix, result, cx),
            At::Socket => match flow::fd(result) {
                Ok(fd) => {
                    self.threads[ix].fd = fd;
                    self.bind(ix, None)
                }
                Err(errno) => self.failed(ix, errno, cx),
            },
            At::Bind(done) => match result {
                Ok(_) => self.bind(ix, Some(done)),
                Err(errno) => self.close_failed(ix, errno),
            },
            At::Connect | At::PollConnect | At::SoError | At::Blocking => self.connecting(ix, result, cx),
            At::Send if result.is_err() => {
                self.counters.peer_closed += 1;
                self.counters.recovery.failed();
                self.dispose(ix)
            }
            At::Send => match self.config.after {
                AfterConnect::Exchange(_) => self.recv(ix, At::Recv),
                AfterConnect::Nothing | AfterConnect::Read | AfterConnect::Send(_) => self.hold(ix, cx.now),
            },
            At::Recv | At::WaitEof => self.read(ix, result, cx.now),
            At::Hold | At::Linger => self.dispose(ix),
            At::CloseFailed => {
                let errno = self.threads[ix].error.take().expect("a failed connection has a reason");
                self.failed(ix, errno, cx)
            }
            At::Ended => Call::ExitTask,
        }
    }

    fn resolving(&mut self, ix: usize, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match self.threads[ix].aim.looked_up(result, cx) {
            Flow::Do(call) => call,
            Flow::End(Ok(())) => self.open(ix),
            Flow::End(Err(ResolveError::Again(errno))) => self.failed(ix, errno, cx),
            Flow::End(Err(ResolveError::NoName)) => self.failed(ix, Errno::NoEnt, cx),
        }
    }

    fn started(&mut self, task: TaskId, token: u64) -> usize {
        let ordinal = u32::try_from(token).expect("tokens are thread ordinals");
        if self.thread_of.len() <= task.index() {
            self.thread_of.resize(task.index() + 1, 0);
        }
        self.thread_of[task.index()] = ordinal;
        self.threads[ordinal as usize].task = task;
        ordinal as usize
    }
}

impl App for ReconnectClient {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(token) => {
                let ix = self.started(task, token);
                if ix > 0 {
                    return self.next(ix, cx.now);
                }
                self.started_at = cx.now;
                Ok(Ret::Done)
            }
            Resume::Done(result) => result,
        };
        self.thread(self.thread_of[task.index()] as usize, result, cx)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    /// `Stop`: threads end when they are done with their connection.
    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Stop => {
                self.stop = true;
                for thread in self.threads.iter().filter(|t| t.at == At::Hold) {
                    cx.wake(thread.task);
                }
                Ok(())
            }
            Control::Sql(_) | Control::KillSession(_) | Control::Connect => {
                Err(ControlError::Unknown(control.to_string()))
            }
        }
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let names = ["connect.ok", "connect.failed", "peer_closed", "fds.leaked", "gave_up", "late"];
        let mut counters: Vec<(String, u64)> =
            names.iter().filter_map(|n| Some(((*n).to_owned(), self.metric(n)?))).collect();
        counters.extend(self.counters.errors.iter().map(|(e, n)| (format!("connect.{e}"), n)));
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let c = &self.counters;
        match name {
            "connect.ok" => Some(c.connected),
            "connect.failed" => Some(c.errors.total()),
            "peer_closed" => Some(c.peer_closed),
            "fds.leaked" => Some(c.leaked),
            "gave_up" => Some(c.gave_up),
            "late" => Some(c.late),
            "recovered.at_ns" => c.recovery.at_ns(),
            other => c.errors.metric("connect", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testkit::FakeKernel;
    use crate::units::{Endpoint, Ipv4Addr};

    const MS: u64 = 1_000_000;

    fn config() -> ReconnectConfig {
        ReconnectConfig::new(Target::Addr(Endpoint::new(Ipv4Addr::LOCALHOST, 80)))
    }

    #[test]
    fn short_connections_keep_an_absolute_pace() {
        let mut config = config();
        config.pace = Some(Duration::from_millis(2));
        config.after = AfterConnect::Nothing;
        config.close_first = CloseFirst::Client(Duration::ZERO);
        let (mut kernel, mut app) = (FakeKernel::new(), ReconnectClient::new(config));
        kernel.connects.extend((0..1000).map(|_| Ok(Ret::Done)));
        kernel.run(&mut app, 1_000 * MS - 1);
        assert_eq!((app.metric("connect.ok"), app.metric("late")), (Some(500), Some(0)));
        assert_eq!(kernel.names_of(0)[..5], ["socket", "connect", "close", "clock_nanosleep", "socket"]);
    }

    #[test]
    fn failures_back_off_and_are_given_up() {
        let mut config = config();
        config.back_off =
            BackOff::Exponential { first: Duration::from_millis(10), growth: 2, cap: Duration::from_secs(1) };
        config.give_up_after = Some(4);
        let (mut kernel, mut app) = (FakeKernel::new(), ReconnectClient::new(config));
        kernel.connects.extend((0..10).map(|_| Err(Errno::ConnRefused)));
        kernel.run(&mut app, 69 * MS);
        assert_eq!(app.metric("connect.ECONNREFUSED"), Some(3));
        kernel.run(&mut app, 70 * MS);
        assert_eq!((app.metric("connect.ECONNREFUSED"), app.metric("gave_up")), (Some(4), Some(1)));
        assert!(kernel.sockets.is_empty());
    }

    #[test]
    fn the_server_s_close_is_answered_or_leaked() {
        for (disposal, open) in [(Disposal::Close, 0), (Disposal::Leak, 3)] {
            let mut config = config();
            (config.disposal, config.connections) = (disposal, Some(3));
            let (mut kernel, mut app) = (FakeKernel::new(), ReconnectClient::new(config));
            kernel.connects.extend((0..3).map(|_| Ok(Ret::Done)));
            for round in (0..3).map(|n| n * 1_000) {
                kernel.run(&mut app, round);
                let fd = kernel.sockets.keys().copied().max().unwrap();
                kernel.socket(fd.0).inbox.push_back(Payload::opaque(77));
                kernel.run(&mut app, round);
                if disposal == Disposal::Close {
                    kernel.socket(fd.0).eof = true;
                }
            }
            kernel.run(&mut app, MS);
            assert_eq!((kernel.sockets.len(), app.metric("connect.ok")), (open, Some(3)));
            assert_eq!(app.metric("fds.leaked"), Some(open as u64));
        }
    }
}
