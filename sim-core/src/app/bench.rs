//! The least pair of programs for the workloads W(N) and C(N): a client that
//! opens connections one after another and holds them or finishes them, and a
//! server that greets and closes, all connections in one thread.

use std::collections::VecDeque;

use super::api::{
    App, AppContext, AppStatus, Call, CallResult, Domain, PollEvents, PollSet, Resume, Ret, SockType, SocketOption,
};
use super::flow::{self, ErrnoCounts};
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, TaskId};
use crate::wire::Payload;

/// What the client does with each connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// W(N): never reads, never closes; the next connection this long after.
    Keep(Duration),
    /// C(N): sends this many bytes, reads what comes, closes.
    Exchange(u32),
}

/// A workload's client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldClientConfig {
    /// Servers; connections take them in turn.
    pub targets: Vec<Endpoint>,
    /// Source addresses, bound with `IP_BIND_ADDRESS_NO_PORT`; each is used for an
    /// equal share of the connections. Empty: the kernel's choice.
    pub sources: Vec<Endpoint>,
    /// Connections in all.
    pub connections: u32,
    /// Threads, the number of connections in flight.
    pub threads: u32,
    /// What is done with them.
    pub hold: Hold,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Spawn(u32),
    Pause,
    Socket,
    Option(Fd),
    Bind(Fd),
    Connect(Fd),
    Greeting(Fd),
    Send(Fd),
    Answer(Fd),
    Close,
    Ended,
}

/// A workload's client.
#[derive(Clone, Debug)]
pub struct HoldClient {
    config: HoldClientConfig,
    threads: Vec<At>,
    begun: u32,
    connected: u64,
    finished: u64,
    errors: ErrnoCounts,
}

impl HoldClient {
    /// A client not yet started.
    #[must_use]
    pub fn new(config: HoldClientConfig) -> Self {
        let mut threads = vec![At::Pause; config.threads.max(1) as usize];
        threads[0] = At::Spawn(1);
        Self { config, threads, begun: 0, connected: 0, finished: 0, errors: ErrnoCounts::default() }
    }

    fn next(&mut self, ix: usize) -> Call {
        if self.begun == self.config.connections {
            self.threads[ix] = At::Ended;
            // The connections stay open: the process does not end.
            return Call::FutexWait { timeout: None };
        }
        self.begun += 1;
        self.threads[ix] = At::Socket;
        Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: false }
    }

    fn connect(&mut self, ix: usize, fd: Fd) -> Call {
        self.threads[ix] = At::Connect(fd);
        let target = (self.begun - 1) as usize % self.config.targets.len();
        Call::Connect { fd, addr: self.config.targets[target] }
    }

    fn opened(&mut self, ix: usize, fd: Fd) -> Call {
        if self.config.sources.is_empty() {
            return self.connect(ix, fd);
        }
        // Without it, bind() would choose a port that no other destination may share.
        self.threads[ix] = At::Option(fd);
        Call::SetSockOpt { fd, option: SocketOption::BindAddressNoPort(true) }
    }

    fn bind(&mut self, ix: usize, fd: Fd) -> Call {
        let share = self.config.connections.div_ceil(u32::try_from(self.config.sources.len()).unwrap_or(u32::MAX));
        let source = self.config.sources[((self.begun - 1) / share.max(1)) as usize];
        self.threads[ix] = At::Bind(fd);
        Call::Bind { fd, addr: source }
    }

    fn recv(&mut self, ix: usize, fd: Fd, at: At) -> Call {
        self.threads[ix] = at;
        Call::Recv { fd, max: 16_384, peek: false, dontwait: false }
    }

    fn close(&mut self, ix: usize, fd: Fd) -> Call {
        self.threads[ix] = At::Close;
        Call::Close { fd }
    }

    fn step(&mut self, ix: usize, result: CallResult) -> Call {
        match self.threads[ix] {
            At::Spawn(n) if n < self.config.threads => {
                self.threads[ix] = At::Spawn(n + 1);
                Call::Spawn { token: u64::from(n) }
            }
            At::Spawn(_) | At::Pause => self.next(ix),
            At::Socket => match flow::fd(result) {
                Ok(fd) => self.opened(ix, fd),
                Err(errno) => {
                    self.errors.add(errno);
                    self.next(ix)
                }
            },
            At::Option(fd) => self.bind(ix, fd),
            At::Bind(fd) => self.connect(ix, fd),
            At::Connect(fd) => match result {
                Ok(_) => {
                    self.connected += 1;
                    match self.config.hold {
                        Hold::Keep(pause) => {
                            self.threads[ix] = At::Pause;
                            Call::Nanosleep { duration: pause }
                        }
                        Hold::Exchange(_) => self.recv(ix, fd, At::Greeting(fd)),
                    }
                }
                Err(errno) => {
                    self.errors.add(errno);
                    self.close(ix, fd)
                }
            },
            At::Greeting(fd) => {
                self.threads[ix] = At::Send(fd);
                let len = match self.config.hold {
                    Hold::Exchange(len) => len,
                    Hold::Keep(_) => 0,
                };
                Call::Send { fd, data: Payload::opaque(len) }
            }
            At::Send(fd) => self.recv(ix, fd, At::Answer(fd)),
            At::Answer(fd) => {
                self.finished += 1;
                self.close(ix, fd)
            }
            At::Close => self.next(ix),
            At::Ended => Call::FutexWait { timeout: None },
        }
    }
}

impl App for HoldClient {
    fn resume(&mut self, task: TaskId, resume: Resume, _cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(_) => Ok(Ret::Done),
            Resume::Done(result) => result,
        };
        self.step(task.index().min(self.threads.len() - 1), result)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let mut counters = vec![("connect.ok".to_owned(), self.connected), ("finished".to_owned(), self.finished)];
        counters.extend(self.errors.iter().map(|(e, n)| (format!("connect.{e}"), n)));
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "connect.ok" => Some(self.connected),
            "finished" => Some(self.finished),
            other => self.errors.metric("connect", other),
        }
    }
}

/// A workload's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldServerConfig {
    /// Where it listens.
    pub listen: Endpoint,
    /// Listen queue.
    pub backlog: u32,
    /// Bytes sent on accept.
    pub greeting: u32,
    /// W(N): each connection is closed this long after its accept. `None`, for
    /// C(N): after one answer to one question, when the client closes.
    pub close_after: Option<Duration>,
    /// Length of that answer.
    pub answer: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ServerAt {
    Start,
    Socket,
    Bind,
    Listen,
    Poll,
    Accept,
    Greet(Fd),
    Close,
    Spawned(Fd),
    Recv(Fd),
    Answer(Fd),
    Cached,
}

/// A workload's server: one thread with a queue of deadlines, or a thread per
/// connection where it has to answer.
#[derive(Clone, Debug)]
pub struct HoldServer {
    config: HoldServerConfig,
    fd: Fd,
    threads: Vec<ServerAt>,
    /// Open connections and when they are closed; equal spans expire in order.
    open: VecDeque<(Instant, Fd)>,
    /// Threads between two connections.
    idle: Vec<TaskId>,
    accepted: u64,
    closed: u64,
}

impl HoldServer {
    /// A server not yet started.
    #[must_use]
    pub fn new(config: HoldServerConfig) -> Self {
        let threads = vec![ServerAt::Start];
        Self { config, fd: Fd(0), threads, open: VecDeque::new(), idle: Vec::new(), accepted: 0, closed: 0 }
    }

    /// Closes what is due, else waits for a connection or the next deadline.
    fn next(&mut self, now: Instant) -> Call {
        if self.open.front().is_some_and(|(due, _)| *due <= now) {
            let (_, fd) = self.open.pop_front().expect("the queue has a front");
            self.threads[0] = ServerAt::Close;
            self.closed += 1;
            return Call::Close { fd };
        }
        self.threads[0] = ServerAt::Poll;
        let timeout = self.open.front().map(|(due, _)| due.since(now));
        Call::Poll { set: PollSet::one(self.fd, PollEvents::IN), timeout }
    }

    fn start(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        let now = cx.now;
        match self.threads[0] {
            ServerAt::Start => {
                self.threads[0] = ServerAt::Socket;
                Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: false }
            }
            ServerAt::Socket => match flow::fd(result) {
                Ok(fd) => {
                    (self.fd, self.threads[0]) = (fd, ServerAt::Bind);
                    Call::Bind { fd, addr: self.config.listen }
                }
                Err(_) => Call::ExitProcess { status: 1 },
            },
            ServerAt::Bind if result.is_err() => Call::ExitProcess { status: 1 },
            ServerAt::Bind => {
                self.threads[0] = ServerAt::Listen;
                Call::Listen { fd: self.fd, backlog: self.config.backlog }
            }
            ServerAt::Poll if matches!(&result, Ok(Ret::Ready(set)) if set.ready() > 0) => {
                self.threads[0] = ServerAt::Accept;
                Call::Accept { fd: self.fd, nonblock: false }
            }
            ServerAt::Accept => match flow::accepted(result) {
                Ok((fd, _)) => {
                    self.accepted += 1;
                    self.threads[0] = ServerAt::Greet(fd);
                    Call::Send { fd, data: Payload::opaque(self.config.greeting) }
                }
                // Out of descriptors: the queue keeps the connection, so look again later.
                Err(_) => {
                    self.threads[0] = ServerAt::Listen;
                    Call::Nanosleep { duration: Duration::from_millis(100) }
                }
            },
            ServerAt::Greet(fd) => self.hand_over(fd, cx),
            ServerAt::Listen
            | ServerAt::Poll
            | ServerAt::Close
            | ServerAt::Spawned(_)
            | ServerAt::Recv(_)
            | ServerAt::Answer(_)
            | ServerAt::Cached => self.next(now),
        }
    }

    fn hand_over(&mut self, fd: Fd, cx: &mut AppContext<'_>) -> Call {
        if let Some(span) = self.config.close_after {
            self.open.push_back((cx.now + span, fd));
            return self.next(cx.now);
        }
        if let Some(task) = self.idle.pop() {
            self.threads[task.index()] = ServerAt::Spawned(fd);
            cx.wake(task);
            return self.next(cx.now);
        }
        self.threads[0] = ServerAt::Spawned(fd);
        Call::Spawn { token: u64::from(fd.0) }
    }

    /// C(N): a thread serves its connection to the end.
    fn serve(&mut self, ix: usize, result: CallResult) -> Call {
        let recv = |fd| Call::Recv { fd, max: 16_384, peek: false, dontwait: false };
        match self.threads[ix] {
            ServerAt::Recv(fd) => match flow::data(result) {
                Ok(bytes) if !bytes.is_empty() => {
                    self.threads[ix] = ServerAt::Answer(fd);
                    Call::Send { fd, data: Payload::opaque(self.config.answer) }
                }
                Ok(_) | Err(_) => {
                    self.closed += 1;
                    self.threads[ix] = ServerAt::Close;
                    Call::Close { fd }
                }
            },
            ServerAt::Spawned(fd) | ServerAt::Answer(fd) | ServerAt::Greet(fd) => {
                self.threads[ix] = ServerAt::Recv(fd);
                recv(fd)
            }
            ServerAt::Start
            | ServerAt::Socket
            | ServerAt::Bind
            | ServerAt::Listen
            | ServerAt::Poll
            | ServerAt::Accept
            | ServerAt::Close
            | ServerAt::Cached => {
                if self.threads[ix] == ServerAt::Close {
                    self.threads[ix] = ServerAt::Cached;
                    self.idle.push(TaskId(u32::try_from(ix).expect("thread numbers are 32 bits")));
                }
                Call::FutexWait { timeout: None }
            }
        }
    }
}

impl App for HoldServer {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let ix = task.index();
        if ix >= self.threads.len() {
            self.threads.resize(ix + 1, ServerAt::Cached);
        }
        let result = match resume {
            Resume::Started(token) if ix > 0 => {
                self.threads[ix] = ServerAt::Spawned(Fd(u32::try_from(token).expect("the token is a descriptor")));
                Ok(Ret::Done)
            }
            Resume::Started(_) => Ok(Ret::Done),
            Resume::Done(result) => result,
        };
        if ix == 0 { self.start(result, cx) } else { self.serve(ix, result) }
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let counters = vec![("accepted".to_owned(), self.accepted), ("closed".to_owned(), self.closed)];
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "accepted" => Some(self.accepted),
            "closed" => Some(self.closed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testkit::FakeKernel;
    use crate::units::Ipv4Addr;

    #[test]
    fn the_server_closes_each_connection_on_its_own_deadline() {
        let config = HoldServerConfig {
            listen: Endpoint::new(Ipv4Addr::UNSPECIFIED, 80),
            backlog: 128,
            greeting: 77,
            close_after: Some(Duration::from_secs(10)),
            answer: 0,
        };
        let (mut kernel, mut app) = (FakeKernel::new(), HoldServer::new(config));
        for second in 0..3 {
            kernel.run(&mut app, second * 1_000_000_000);
            kernel.socket(3).backlog.push_back(Endpoint::new(Ipv4Addr::LOCALHOST, 1));
        }
        kernel.run(&mut app, 9_999_999_999);
        assert_eq!((app.metric("accepted"), app.metric("closed")), (Some(3), Some(0)));
        kernel.run(&mut app, 11_000_000_000);
        assert_eq!(app.metric("closed"), Some(2));
        assert_eq!(kernel.names_of(0).iter().filter(|n| **n == "clone").count(), 0);
    }

    #[test]
    fn the_client_holds_or_finishes() {
        let mut config = HoldClientConfig {
            targets: vec![Endpoint::new(Ipv4Addr::LOCALHOST, 80)],
            sources: Vec::new(),
            connections: 5,
            threads: 1,
            hold: Hold::Keep(Duration::from_micros(1_600)),
        };
        let (mut kernel, mut app) = (FakeKernel::new(), HoldClient::new(config.clone()));
        kernel.connects.extend((0..5).map(|_| Ok(Ret::Done)));
        kernel.run(&mut app, 1_000_000_000);
        assert_eq!((app.metric("connect.ok"), kernel.sockets.len()), (Some(5), 5));
        config.hold = Hold::Exchange(100);
        let (mut kernel, mut app) = (FakeKernel::new(), HoldClient::new(config));
        kernel.connects.extend((0..5).map(|_| Ok(Ret::Done)));
        for round in 0..10 {
            kernel.run(&mut app, round);
            kernel.socket(3).inbox.push_back(Payload::opaque(77));
        }
        kernel.run(&mut app, 10);
        assert_eq!(app.metric("finished"), Some(5));
    }
}
