//! A client's connection as MariaDB Connector/C makes and uses it, call by
//! call: resolve, non-blocking connect, log in, query.

use super::protocol::{self, CLIENT_CONNECT_WITH_DB, CLIENT_FLAGS, CLIENT_INTERACTIVE, COM_QUERY, COM_QUIT, Login};
use super::response::{self, LoginReply, Outcome, PacketReader, ResponseReader};
use crate::app::api::{AppContext, Call, CallResult, Domain, PollEvents, PollSet, ShutdownHow, SockType, SocketOption};
use crate::app::flow::{self, Flow};
use crate::app::resolver::{ResolveError, ResolverConfig};
use crate::app::spread::{Aim, Binding, Source};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::Duration;
use crate::units::{Endpoint, Fd, Port};
use crate::wire::Payload;

/// Most bytes a client reads at once.
const READ_MAX: u32 = 16_384;

/// Where a client connects to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An address: no name is looked up.
    Addr(Endpoint),
    /// A host name, looked up at every connection attempt.
    Name {
        /// The name.
        name: String,
        /// The server's port.
        port: Port,
        /// How names are looked up.
        resolver: ResolverConfig,
    },
}

/// What a client logs in with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Default database.
    pub db: Option<String>,
    /// Sets `CLIENT_INTERACTIVE`: `interactive_timeout` instead of `wait_timeout`.
    pub interactive: bool,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ConnectError {
    /// The name has no address: error 2005.
    Resolve(ResolveError),
    /// `socket` or `connect` failed, or did not end in time: errors 2001, 2003.
    Tcp(Errno),
    /// The connection ended during the login: error 2013.
    Lost,
    /// The server refused: its error.
    Refused(u16),
}

/// What a connection reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// TCP is up, and no login was asked for.
    Connected,
    /// Logged in.
    LoggedIn,
    /// No connection; no descriptor is left open.
    Failed(ConnectError),
    /// A command's answer.
    Answer(Outcome),
    /// The connection is gone (errors 2006 and 2013); the descriptor is still open.
    Lost,
    /// The descriptor is closed.
    Closed,
}

/// How far [`Connection::connect`] goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    /// Until TCP is up and the socket blocks again.
    Tcp,
    /// Until logged in.
    Login,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Idle,
    Getpid,
    Resolve,
    Socket,
    Bind(Binding),
    Nonblock,
    Connect,
    PollConnect,
    SoError,
    Blocking,
    Mprotect,
    NoDelay,
    KeepAlive,
    Greeting,
    Login,
    LoginReply,
    Query,
    Answer,
    Quit,
    Shutdown,
    CloseFailed,
    CloseDone,
}

/// One connection of a client, and its use.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    aim: Aim,
    credentials: Credentials,
    /// Longest wait for the connection and for each read of the login.
    pub(crate) connect_timeout: Option<Duration>,
    /// The connector loses a buffer at each attempt, so the heap grows.
    pub(crate) leaks_memory: bool,
    /// The server's id for this connection, from its greeting.
    pub(crate) thread_id: u32,
    depth: Depth,
    at: At,
    fd: Option<Fd>,
    polled: bool,
    packets: PacketReader,
    answers: ResponseReader,
    error: Option<ConnectError>,
}

impl Connection {
    pub(crate) fn new(target: &Target, credentials: Credentials) -> Self {
        Self {
            aim: Aim::at(target),
            credentials,
            connect_timeout: None,
            leaks_memory: false,
            thread_id: 0,
            depth: Depth::Login,
            at: At::Idle,
            fd: None,
            polled: false,
            packets: PacketReader::default(),
            answers: ResponseReader::default(),
            error: None,
        }
    }

    /// Connections go there from now on.
    pub(crate) fn turn_to(&mut self, target: &Target) {
        self.aim.turn_to(target);
    }

    /// The next connection comes from this address (`MYSQL_OPT_BIND`).
    pub(crate) const fn come_from(&mut self, source: Option<Source>) {
        self.aim.come_from(source);
    }

    fn fd(&self) -> Fd {
        self.fd.expect("a descriptor is open in this step")
    }

    /// Whether a descriptor is open (and not forgotten).
    pub(crate) const fn is_open(&self) -> bool {
        self.fd.is_some()
    }

    /// Loses the descriptor without closing it, as the faulty connector does.
    pub(crate) fn forget(&mut self) {
        self.fd = None;
        self.at = At::Idle;
    }

    /// Begins a connection: the connector first asks for its process id, for
    /// the `_pid` connection attribute.
    pub(crate) fn connect(&mut self, depth: Depth) -> Call {
        (self.depth, self.at, self.fd, self.error) = (depth, At::Getpid, None, None);
        self.packets.clear();
        self.answers.clear();
        Call::Getpid
    }

    /// Sends a statement.
    pub(crate) fn query(&mut self, statement: &str) -> Call {
        self.at = At::Query;
        Call::Send { fd: self.fd(), data: protocol::command(COM_QUERY, statement) }
    }

    /// Looks whether there is anything to read, and takes nothing: EAGAIN where there is not.
    pub(crate) fn peek(&self) -> Call {
        Call::Recv { fd: self.fd(), max: 1, peek: true, dontwait: true }
    }

    /// Says goodbye (`COM_QUIT`) and closes.
    pub(crate) fn quit(&mut self) -> Call {
        self.at = At::Quit;
        Call::Send { fd: self.fd(), data: protocol::command(COM_QUIT, "") }
    }

    /// Closes without a word, because the connection is lost.
    pub(crate) fn close(&mut self) -> Call {
        self.at = At::CloseDone;
        Call::Close { fd: self.fd() }
    }

    /// What to do after a call's result.
    pub(crate) fn resume(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Flow<Event> {
        match self.at {
            At::Idle => Flow::End(Event::Closed),
            At::Getpid => match self.aim.lookup(self.leaks_memory) {
                Some(call) => {
                    self.at = At::Resolve;
                    Flow::Do(call)
                }
                None => Flow::Do(self.open()),
            },
            At::Resolve => match self.aim.looked_up(result, cx) {
                Flow::Do(call) => Flow::Do(call),
                Flow::End(Ok(())) => Flow::Do(self.open()),
                Flow::End(Err(error)) => Flow::End(Event::Failed(ConnectError::Resolve(error))),
            },
            At::Socket
            | At::Bind(_)
            | At::Nonblock
            | At::Connect
            | At::PollConnect
            | At::SoError
            | At::Blocking
            | At::Mprotect => self.tcp(result),
            At::NoDelay => {
                self.at = At::KeepAlive;
                let option = SocketOption::Tcp(TcpSocketOption::KeepAlive(true));
                Flow::Do(Call::SetSockOpt { fd: self.fd(), option })
            }
            At::KeepAlive => Flow::Do(self.read(At::Greeting)),
            At::Login if result.is_err() => Flow::Do(self.fail(ConnectError::Lost)),
            At::Login => Flow::Do(self.read(At::LoginReply)),
            At::Query if result.is_err() => Flow::End(Event::Lost),
            At::Query => Flow::Do(self.read(At::Answer)),
            At::Greeting | At::LoginReply | At::Answer => self.received(result),
            At::Quit => {
                self.at = At::Shutdown;
                Flow::Do(Call::Shutdown { fd: self.fd(), how: ShutdownHow::Both })
            }
            At::Shutdown => Flow::Do(self.close()),
            At::CloseFailed => {
                self.forget();
                let error = self.error.take().expect("a failed connection has a reason");
                Flow::End(Event::Failed(error))
            }
            At::CloseDone => {
                self.forget();
                Flow::End(Event::Closed)
            }
        }
    }

    fn open(&mut self) -> Call {
        self.at = At::Socket;
        Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: false }
    }

    /// Binds a new socket to its source address, if it is to have one; then it is made non-blocking.
    fn bind(&mut self, fd: Fd, done: Option<Binding>) -> Call {
        let (at, call) = match self.aim.binding(fd, done) {
            Some((step, call)) => (At::Bind(step), call),
            None => (At::Nonblock, Call::SetNonblock { fd, on: true }),
        };
        self.at = at;
        call
    }

    fn fail(&mut self, error: ConnectError) -> Call {
        (self.error, self.at) = (Some(error), At::CloseFailed);
        Call::Close { fd: self.fd() }
    }

    /// From `socket` until the connection is up and blocking again.
    fn tcp(&mut self, result: CallResult) -> Flow<Event> {
        if self.at == At::Socket {
            return match flow::fd(result) {
                Ok(fd) => {
                    self.fd = Some(fd);
                    Flow::Do(self.bind(fd, None))
                }
                Err(errno) => Flow::End(Event::Failed(ConnectError::Tcp(errno))),
            };
        }
        let fd = self.fd();
        Flow::Do(match (self.at, result) {
            (At::Bind(_), Err(errno)) => self.fail(ConnectError::Tcp(errno)),
            (At::Bind(done), Ok(_)) => self.bind(fd, Some(done)),
            (At::Nonblock, _) => {
                self.at = At::Connect;
                self.aim.connect(fd)
            }
            (At::Connect, Err(Errno::InProgress)) => {
                self.at = At::PollConnect;
                Call::Poll { set: PollSet::one(fd, PollEvents::OUT), timeout: self.connect_timeout }
            }
            (At::Connect, Err(errno)) => self.fail(ConnectError::Tcp(errno)),
            (At::PollConnect, Ok(ready)) if flow::ready(Ok(ready.clone())) == Ok(0) => {
                self.fail(ConnectError::Tcp(Errno::TimedOut))
            }
            (At::PollConnect, _) => {
                self.at = At::SoError;
                Call::GetSockOpt { fd, option: SocketOption::Error }
            }
            (At::SoError, result) => match flow::so_error(result) {
                Ok(()) => {
                    self.at = At::Blocking;
                    Call::SetNonblock { fd, on: false }
                }
                Err(errno) => self.fail(ConnectError::Tcp(errno)),
            },
            // A name's lookup has already grown the heap for this attempt.
            (At::Blocking, _) if self.leaks_memory && self.depth == Depth::Tcp && !self.aim.by_name() => {
                self.at = At::Mprotect;
                Call::Mprotect
            }
            // Connected at once, though that is rare for a non-blocking socket.
            (At::Connect, Ok(_)) => {
                self.at = At::Blocking;
                Call::SetNonblock { fd, on: false }
            }
            (_, _) if self.depth == Depth::Tcp => return Flow::End(Event::Connected),
            (_, _) => {
                self.at = At::NoDelay;
                Call::SetSockOpt { fd, option: SocketOption::Tcp(TcpSocketOption::NoDelay(true)) }
            }
        })
    }

    /// Reads: first without waiting, then after `poll`.
    fn read(&mut self, at: At) -> Call {
        (self.at, self.polled) = (at, false);
        self.recv()
    }

    fn recv(&self) -> Call {
        Call::Recv { fd: self.fd(), max: READ_MAX, peek: false, dontwait: true }
    }

    fn received(&mut self, result: CallResult) -> Flow<Event> {
        if self.polled {
            self.polled = false;
            return match flow::ready(result) {
                Ok(0) => self.lost(),
                Ok(_) | Err(_) => Flow::Do(self.recv()),
            };
        }
        match flow::data(result) {
            Ok(bytes) if bytes.is_empty() => self.lost(),
            Ok(bytes) => self.take(&bytes),
            Err(Errno::Again) => {
                self.polled = true;
                let timeout = if self.at == At::Answer { None } else { self.connect_timeout };
                Flow::Do(Call::Poll { set: PollSet::one(self.fd(), PollEvents::IN), timeout })
            }
            Err(_) => self.lost(),
        }
    }

    fn lost(&mut self) -> Flow<Event> {
        if self.at == At::Answer {
            return Flow::End(Event::Lost);
        }
        Flow::Do(self.fail(ConnectError::Lost))
    }

    fn take(&mut self, bytes: &Payload) -> Flow<Event> {
        if self.at == At::Answer {
            self.answers.feed(bytes);
            return match self.answers.outcome() {
                Some(outcome) => Flow::End(Event::Answer(outcome)),
                None => Flow::Do(self.recv()),
            };
        }
        self.packets.feed(bytes);
        while let Some((seq, body)) = self.packets.next_packet() {
            if self.at == At::Greeting {
                let Some(greeting) = protocol::parse_greeting(body) else {
                    let code = match response::parse_login_reply(body) {
                        LoginReply::Err(code, _) => code,
                        LoginReply::Ok | LoginReply::More | LoginReply::Switch => 2012,
                    };
                    return Flow::Do(self.fail(ConnectError::Refused(code)));
                };
                return Flow::Do(self.log_in(seq.wrapping_add(1), &greeting));
            }
            match response::parse_login_reply(body) {
                LoginReply::Ok => return Flow::End(Event::LoggedIn),
                LoginReply::More => {}
                LoginReply::Switch => return Flow::Do(self.fail(ConnectError::Refused(2059))),
                LoginReply::Err(code, _) => return Flow::Do(self.fail(ConnectError::Refused(code))),
            }
        }
        Flow::Do(self.recv())
    }

    fn log_in(&mut self, seq: u8, greeting: &protocol::Greeting) -> Call {
        (self.at, self.thread_id) = (At::Login, greeting.thread_id);
        let mut capabilities = CLIENT_FLAGS;
        if self.credentials.db.is_some() {
            capabilities |= CLIENT_CONNECT_WITH_DB;
        }
        if self.credentials.interactive {
            capabilities |= CLIENT_INTERACTIVE;
        }
        let login = Login {
            capabilities,
            user: self.credentials.user.clone(),
            db: self.credentials.db.clone(),
            plugin: greeting.plugin.clone(),
            auth_len: if greeting.plugin == "caching_sha2_password" { 32 } else { 20 },
        };
        Call::Send { fd: self.fd(), data: protocol::login(seq, &login, &greeting.salt) }
    }
}
