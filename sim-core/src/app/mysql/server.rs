//! The server process: start-up, the listener thread, admission, and the
//! console thread that carries out the scenario's orders.

use std::collections::{BTreeMap, VecDeque};

use super::protocol::{self, GreetingShape, ServerError};
use super::session::{self, Session};
use super::sql::{self, Statement};
use super::vars::{Var, Vars};
use crate::app::api::{
    App, AppContext, AppStatus, Call, CallResult, Control, ControlError, Domain, Limits, PollEvents, PollFd, PollSet,
    Resume, Ret, ShutdownHow, SockType, SocketOption,
};
use crate::app::flow::{self, Flow};
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, Ipv4Addr, TaskId};
use crate::wire::Payload;

/// Whose behaviour, as the version string tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Flavour {
    /// MySQL 5.7 and older.
    Mysql57,
    /// MySQL 8.0 before 8.0.24: says nothing when a time-out ends a session.
    Mysql80Early,
    /// MySQL 8.0.24 and later: says why (WL#14425).
    Mysql80,
    /// MariaDB: resets connections whose login timed out.
    MariaDb,
}

impl Flavour {
    /// The flavour a version string such as `8.0.36-28` belongs to.
    #[must_use]
    pub fn of(version: &str) -> Self {
        if version.as_bytes().windows(7).any(|part| part == b"MariaDB") {
            return Self::MariaDb;
        }
        let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|p| p.parse().unwrap_or(0_u32));
        let mut next = || parts.next().unwrap_or(0);
        match (next(), next(), next()) {
            (0..=7, _, _) => Self::Mysql57,
            (8, 0, 0..=23) => Self::Mysql80Early,
            _ => Self::Mysql80,
        }
    }

    /// What its greeting says; capability bytes as captured from real servers.
    #[must_use]
    pub const fn greeting_shape(self) -> GreetingShape {
        let (capabilities, charset, extended, plugin) = match self {
            Self::Mysql57 => (0xc1ff_ffff, 8, 0, "mysql_native_password"),
            Self::Mysql80Early => (0xc7ff_ffff, 0xff, 0, "caching_sha2_password"),
            Self::Mysql80 => (0xdfff_ffff, 0xff, 0, "caching_sha2_password"),
            Self::MariaDb => (0x81ff_f7fe, 8, 0x1d, "mysql_native_password"),
        };
        GreetingShape { capabilities, charset, extended, plugin }
    }

    /// The State column while a thread reads from its client.
    #[must_use]
    pub const fn reading_state(self) -> &'static str {
        match self {
            Self::Mysql57 | Self::Mysql80Early | Self::Mysql80 => "Receiving from client",
            Self::MariaDb => "Reading from net",
        }
    }

    /// The State column of the session that asks for the process list.
    #[must_use]
    pub const fn asking_state(self) -> &'static str {
        match self {
            Self::Mysql80Early | Self::Mysql80 => "init",
            Self::Mysql57 | Self::MariaDb => "starting",
        }
    }

    /// The State column while a thread writes to its client.
    #[must_use]
    pub const fn writing_state(self) -> &'static str {
        match self {
            Self::Mysql57 | Self::Mysql80Early | Self::Mysql80 => "Sending to client",
            Self::MariaDb => "Writing to net",
        }
    }
}

/// What a query waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// CPU time of the server's host.
    Cpu(Duration),
    /// Disks and locks: time, but no CPU.
    Wait(Duration),
}

/// A server as the scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Version string, as the greeting has it.
    pub version: String,
    /// System variables at start.
    pub vars: Vars,
    /// `bind_address`: `None` for `*`, one dual-stack socket.
    pub bind_address: Option<Ipv4Addr>,
    /// `admin_address`: opens `admin_port` there (MySQL 8.0.14).
    pub admin_address: Option<Ipv4Addr>,
    /// Id the first connection gets.
    pub first_connection_id: u32,
    /// Id of the event scheduler's row; `None` where it is off.
    pub event_scheduler_id: Option<u32>,
    /// How long the server had been up when the scenario begins.
    pub uptime_at_start: Duration,
    /// Seconds since 1970 at the scenario's beginning, for dates in status variables.
    pub start_unix: u64,
    /// What each statement costs.
    pub service: Service,
    /// CPU time of a login.
    pub login_cpu: Duration,
    /// From the time-out's error packet to the shutdown (measured: 0.9 ms).
    pub close_delay: Duration,
    /// Accounts with `CONNECTION_ADMIN`.
    pub admins: Vec<String>,
    /// Accounts that may log in; `None` for any.
    pub accounts: Option<Vec<String>>,
    /// Length of a row's text in `SELECT` answers (sysbench's column `c` has 119).
    pub row_bytes: u32,
}

impl ServerConfig {
    /// A server of this version with its defaults.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            vars: Vars::new(Flavour::of(version)),
            bind_address: None,
            admin_address: None,
            first_connection_id: 8,
            event_scheduler_id: match Flavour::of(version) {
                Flavour::Mysql80Early | Flavour::Mysql80 => Some(5),
                Flavour::Mysql57 | Flavour::MariaDb => None,
            },
            uptime_at_start: Duration::ZERO,
            start_unix: 0,
            service: Service::Cpu(Duration::from_micros(60)),
            login_cpu: Duration::from_micros(100),
            close_delay: Duration::from_micros(900),
            admins: vec!["root".to_owned()],
            accounts: None,
            row_bytes: 119,
        }
    }
}

/// Counters behind `SHOW GLOBAL STATUS`.
#[derive(Clone, Debug, Default)]
pub(super) struct Stats {
    pub(super) aborted_clients: u64,
    pub(super) aborted_connects: u64,
    pub(super) aborted_connects_preauth: u64,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) com_kill: u64,
    pub(super) connection_errors_accept: u64,
    pub(super) connection_errors_internal: u64,
    pub(super) connection_errors_max_connections: u64,
    pub(super) connection_errors_peer_address: u64,
    pub(super) connection_errors_select: u64,
    pub(super) max_used_connections: u64,
    pub(super) max_used_at: Instant,
    pub(super) queries: u64,
    pub(super) threads_created: u64,
    pub(super) threads_running: u64,
    /// Not status variables: what a run's findings rest on.
    pub(super) unauthenticated_peak: u64,
    pub(super) handshake_timeouts: u64,
    /// ERR 1129.
    pub(super) blocked: u64,
    /// When the first ERR 1040 was sent, and how many sessions there were.
    pub(super) first_refusal: Option<(Instant, u64)>,
}

/// Which port a connection came in by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    Main,
    /// `admin_port`: not limited.
    Admin,
    /// MariaDB's `extra_port`: its own limit.
    Extra,
    /// X Protocol: accepted and closed, the model does not speak it.
    Mysqlx,
}

/// All that threads share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) flavour: Flavour,
    pub(super) shape: GreetingShape,
    pub(super) vars: Vars,
    pub(super) stats: Stats,
    pub(super) sessions: Vec<Session>,
    free: Vec<u32>,
    pub(super) names: Vec<String>,
    /// Sessions admitted and not yet closed, by all doors but the extra one.
    pub(super) connection_count: u64,
    pub(super) extra_count: u64,
    /// Sessions with a row in the process list, and those of them logged in.
    pub(super) listed: u64,
    pub(super) logged_in: u64,
    pub(super) next_id: u32,
    /// Handshake errors in a row, by client address (the host cache).
    pub(super) host_errors: BTreeMap<Ipv4Addr, u64>,
    /// Parked threads.
    pub(super) cached: VecDeque<TaskId>,
    /// Answers to `SELECT` by shape, shared by all sessions.
    pub(super) answers: Vec<(u32, bool, Payload)>,
}

impl Shared {
    /// The number of a name in the table of names.
    pub(super) fn intern(&mut self, name: &str) -> u16 {
        let at = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u16::try_from(at).expect("a scenario has fewer than 65536 user and schema names")
    }

    /// A session by its connection id.
    pub(super) fn find(&self, id: u64) -> Option<u32> {
        let at = self.sessions.iter().position(|s| !s.is_free() && s.id != 0 && u64::from(s.id) == id)?;
        u32::try_from(at).ok()
    }

    fn admit(&mut self, session: Session, now: Instant) -> u32 {
        match session.door {
            Door::Extra => self.extra_count += 1,
            Door::Main | Door::Admin | Door::Mysqlx => self.connection_count += 1,
        }
        let used = self.connection_count + self.extra_count;
        if used > self.stats.max_used_connections {
            (self.stats.max_used_connections, self.stats.max_used_at) = (used, now);
        }
        if let Some(slot) = self.free.pop() {
            self.sessions[slot as usize] = session;
            return slot;
        }
        self.sessions.push(session);
        u32::try_from(self.sessions.len() - 1).expect("sessions are limited by descriptors")
    }

    /// Gives a closed session's slot back.
    pub(super) fn release(&mut self, slot: u32) {
        match self.sessions[slot as usize].door {
            Door::Extra => self.extra_count -= 1,
            Door::Main | Door::Admin | Door::Mysqlx => self.connection_count -= 1,
        }
        let session = &self.sessions[slot as usize];
        self.listed -= u64::from(session.id != 0);
        self.logged_in -= u64::from(session.authenticated);
        self.sessions[slot as usize] = Session::freed();
        self.free.push(slot);
    }

    /// ERR 1040 is about to be sent.
    pub(super) fn count_refusal(&mut self, now: Instant) {
        self.stats.connection_errors_max_connections += 1;
        self.stats.first_refusal.get_or_insert((now, self.listed));
    }

    /// Whether there is no slot left, before authentication.
    fn is_full(&self, door: Door) -> bool {
        match door {
            Door::Main => self.connection_count > self.vars.get(Var::MaxConnections),
            Door::Extra => self.extra_count > self.vars.get(Var::ExtraMaxConnections),
            Door::Admin | Door::Mysqlx => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Listening {
    door: Door,
    addr: Endpoint,
    fd: Fd,
}

/// Where the listener thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Rlimit,
    SetRlimit,
    RlimitAgain,
    SpawnConsole,
    SpawnMysqlx,
    Socket(usize),
    ReuseAddr(usize),
    V6Only(usize),
    Bind(usize),
    Listen(usize),
    Poll,
    Accept,
    Spawn(u32),
    /// Writing, shutting down or closing a connection that gets no thread.
    Refuse(Fd),
    RefuseShutdown(Fd),
    RefuseClose,
    Sleep,
}

/// What the console thread still has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    /// Ends the killed session of this id.
    Shutdown(u32),
    Stop,
}

/// What a thread is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// Ended, or not yet started.
    None,
    Listener,
    Console,
    Mysqlx,
    Session(u32),
    /// In the thread cache.
    Cached,
}

const TOKEN_CONSOLE: u64 = u64::MAX;
const TOKEN_MYSQLX: u64 = u64::MAX - 1;

/// A MySQL or MariaDB server.
#[derive(Clone, Debug)]
pub struct MysqlServer {
    pub(super) shared: Shared,
    at: At,
    listening: Vec<Listening>,
    accepting: Door,
    roles: Vec<Role>,
    console: Option<TaskId>,
    orders: VecDeque<Order>,
    /// What every connection gets that is one too many.
    too_many: Payload,
}

impl MysqlServer {
    /// A server not yet started.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        let flavour = Flavour::of(&config.version);
        let shared = Shared {
            flavour,
            shape: flavour.greeting_shape(),
            vars: config.vars.clone(),
            stats: Stats::default(),
            sessions: Vec::new(),
            free: Vec::new(),
            names: Vec::new(),
            connection_count: 0,
            extra_count: 0,
            listed: 0,
            logged_in: 0,
            next_id: config.first_connection_id,
            host_errors: BTreeMap::new(),
            cached: VecDeque::new(),
            answers: Vec::new(),
            config,
        };
        Self {
            shared,
            at: At::Rlimit,
            listening: Vec::new(),
            accepting: Door::Main,
            roles: vec![Role::Listener],
            console: None,
            orders: VecDeque::new(),
            too_many: protocol::err(0, &ServerError::too_many_connections(), false),
        }
    }

    fn role(&self, task: TaskId) -> Role {
        self.roles.get(task.index()).copied().unwrap_or(Role::None)
    }

    fn set_role(&mut self, task: TaskId, role: Role) {
        if self.roles.len() <= task.index() {
            self.roles.resize(task.index() + 1, Role::None);
        }
        self.roles[task.index()] = role;
    }

    fn doors(&self) -> Vec<Listening> {
        let bind = self.shared.config.bind_address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let any = |door, port: u64| {
            let addr = Endpoint::new(bind, u16::try_from(port).unwrap_or(0));
            Listening { door, addr, fd: Fd(0) }
        };
        let vars = &self.shared.vars;
        let mut doors = vec![any(Door::Main, vars.get(Var::Port))];
        match self.shared.flavour {
            Flavour::MariaDb if vars.get(Var::ExtraPort) != 0 => {
                doors.push(any(Door::Extra, vars.get(Var::ExtraPort)));
            }
            Flavour::Mysql80Early | Flavour::Mysql80 => {
                if let Some(addr) = self.shared.config.admin_address {
                    let mut door = any(Door::Admin, vars.get(Var::AdminPort));
                    door.addr = Endpoint::on(addr, door.addr.port());
                    doors.push(door);
                }
                doors.push(any(Door::Mysqlx, vars.get(Var::MysqlxPort)));
            }
            Flavour::MariaDb | Flavour::Mysql57 => {}
        }
        doors
    }

    /// Start-up and then the listener's loop.
    fn listener(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match self.at {
            At::Rlimit | At::SetRlimit | At::RlimitAgain => self.files(result),
            At::SpawnConsole
            | At::SpawnMysqlx
            | At::Socket(_)
            | At::ReuseAddr(_)
            | At::V6Only(_)
            | At::Bind(_)
            | At::Listen(_) => self.open(result),
            At::Poll => match result {
                Ok(Ret::Ready(set)) => self.accept(&set),
                Ok(_) | Err(_) => {
                    self.shared.stats.connection_errors_select += 1;
                    self.poll()
                }
            },
            At::Accept => match flow::accepted(result) {
                Ok((fd, peer)) => self.admit(fd, peer, cx),
                Err(errno) => self.accept_failed(errno),
            },
            At::Spawn(slot) => match result {
                Ok(_) => {
                    self.shared.stats.threads_created += 1;
                    self.poll()
                }
                Err(errno) => self.spawn_failed(slot, errno),
            },
            At::Refuse(fd) => {
                self.at = At::RefuseShutdown(fd);
                Call::Shutdown { fd, how: ShutdownHow::Both }
            }
            At::RefuseShutdown(fd) => {
                self.at = At::RefuseClose;
                Call::Close { fd }
            }
            At::RefuseClose | At::Sleep => self.poll(),
        }
    }

    /// `open_files_limit`: asks the kernel for what the variables need.
    fn files(&mut self, result: CallResult) -> Call {
        let wanted = self.shared.vars.wanted_files();
        if self.at == At::SetRlimit {
            self.at = At::RlimitAgain;
            return Call::GetRlimit;
        }
        if let Ok(Ret::Limits(limits)) = result {
            if limits.soft < wanted && self.at == At::Rlimit {
                self.at = At::SetRlimit;
                return Call::SetRlimit { limits: Limits { soft: wanted, hard: wanted } };
            }
            self.shared.vars.grant_files(limits.soft.min(u64::from(u32::MAX)));
        } else if self.at == At::Rlimit {
            return Call::GetRlimit;
        }
        self.at = At::SpawnConsole;
        Call::Spawn { token: TOKEN_CONSOLE }
    }

    /// Opens the listening sockets, one after another.
    fn open(&mut self, result: CallResult) -> Call {
        match self.at {
            At::SpawnConsole => {
                self.listening = self.doors();
                self.socket(0)
            }
            At::Socket(ix) => match flow::fd(result) {
                Ok(fd) => {
                    self.listening[ix].fd = fd;
                    self.at = At::ReuseAddr(ix);
                    Call::SetSockOpt { fd, option: SocketOption::ReuseAddr(true) }
                }
                Err(_) => Call::ExitProcess { status: 1 },
            },
            At::ReuseAddr(ix) if self.is_dual_stack(ix) => {
                self.at = At::V6Only(ix);
                Call::SetSockOpt { fd: self.listening[ix].fd, option: SocketOption::V6Only(false) }
            }
            At::ReuseAddr(ix) | At::V6Only(ix) => {
                self.at = At::Bind(ix);
                Call::Bind { fd: self.listening[ix].fd, addr: self.listening[ix].addr }
            }
            // "Can't start server: Bind on TCP/IP port": mysqld gives up.
            At::Bind(_) if result.is_err() => Call::ExitProcess { status: 1 },
            At::Bind(ix) => {
                self.at = At::Listen(ix);
                let backlog = u32::try_from(self.shared.vars.get(Var::BackLog)).unwrap_or(u32::MAX);
                Call::Listen { fd: self.listening[ix].fd, backlog }
            }
            At::Listen(ix) if ix + 1 < self.listening.len() => self.socket(ix + 1),
            At::Listen(_) if self.listening.iter().any(|l| l.door == Door::Mysqlx) => {
                self.at = At::SpawnMysqlx;
                Call::Spawn { token: TOKEN_MYSQLX }
            }
            At::Listen(_)
            | At::SpawnMysqlx
            | At::Rlimit
            | At::SetRlimit
            | At::RlimitAgain
            | At::Poll
            | At::Accept
            | At::Spawn(_)
            | At::Refuse(_)
            | At::RefuseShutdown(_)
            | At::RefuseClose
            | At::Sleep => self.poll(),
        }
    }

    fn socket(&mut self, ix: usize) -> Call {
        self.at = At::Socket(ix);
        let domain = if self.is_dual_stack(ix) { Domain::Inet6 } else { Domain::Inet };
        Call::Socket { domain, ty: SockType::Stream, nonblock: false }
    }

    /// `bind_address = *` listens on `[::]`; given addresses are IPv4 here.
    fn is_dual_stack(&self, ix: usize) -> bool {
        self.listening[ix].door != Door::Admin && self.shared.config.bind_address.is_none()
    }

    fn poll(&mut self) -> Call {
        self.at = At::Poll;
        let mut fds = self.listening.iter().filter(|l| l.door != Door::Mysqlx).map(|l| PollFd {
            fd: l.fd,
            events: PollEvents::IN,
            revents: PollEvents::NONE,
        });
        let first = fds.next().expect("the main port always listens");
        let mut set = PollSet::One(first);
        let rest: Vec<PollFd> = fds.collect();
        if !rest.is_empty() {
            set = PollSet::Many(core::iter::once(first).chain(rest).collect());
        }
        Call::Poll { set, timeout: None }
    }

    /// One connection per wake-up (`listen_for_connection_event`).
    fn accept(&mut self, set: &PollSet) -> Call {
        let ready = set.entries().iter().find(|e| e.revents != PollEvents::NONE);
        let Some(listening) = ready.and_then(|e| self.listening.iter().find(|l| l.fd == e.fd)) else {
            return self.poll();
        };
        (self.accepting, self.at) = (listening.door, At::Accept);
        Call::Accept { fd: listening.fd, nonblock: true }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn accept_failed(&mut self, errno: Errno) -> Call {
        if errno == Errno::Again || errno == Errno::Intr {
            return self.poll();
        }
        self.shared.stats.connection_errors_accept += 1;
        if errno == Errno::MFile || errno == Errno::NFile {
            self.at = At::Sleep;
            return Call::Nanosleep { duration: Duration::from_secs(1) };
        }
        self.poll()
    }

    /// `process_new_connection`: refuse, or find a thread.
    fn admit(&mut self, fd: Fd, peer: Endpoint, cx: &mut AppContext<'_>) -> Call {
        if self.shared.is_full(self.accepting) {
            self.shared.count_refusal(cx.now);
            if self.shared.flavour == Flavour::MariaDb {
                self.shared.stats.aborted_connects += 1;
            }
            let packet = self.too_many.clone();
            return self.refuse(fd, packet);
        }
        let slot = self.shared.admit(Session::new(fd, peer, self.accepting, cx.now), cx.now);
        if let Some(task) = self.shared.cached.pop_front() {
            self.set_role(task, Role::Session(slot));
            cx.wake(task);
            return self.poll();
        }
        self.at = At::Spawn(slot);
        Call::Spawn { token: u64::from(slot) }
    }

    fn refuse(&mut self, fd: Fd, data: Payload) -> Call {
        self.at = At::Refuse(fd);
        self.shared.stats.bytes_sent += u64::from(data.len());
        Call::Send { fd, data }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn spawn_failed(&mut self, slot: u32, errno: Errno) -> Call {
        let fd = self.shared.sessions[slot as usize].fd;
        self.shared.release(slot);
        self.shared.stats.connection_errors_internal += 1;
        self.shared.stats.aborted_connects += 1;
        self.refuse(fd, protocol::err(0, &ServerError::cant_create_thread(errno.number()), false))
    }

    /// A session thread: runs its session, then waits in the cache for the next.
    fn session(&mut self, task: TaskId, slot: u32, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match session::step(&mut self.shared, slot, task, result, cx) {
            Flow::Do(call) => call,
            Flow::End(()) => {
                self.shared.release(slot);
                if (self.shared.cached.len() as u64) < self.shared.vars.get(Var::ThreadCacheSize) {
                    self.shared.cached.push_back(task);
                    self.set_role(task, Role::Cached);
                    return Call::FutexWait { timeout: None };
                }
                self.set_role(task, Role::None);
                Call::ExitTask
            }
        }
    }

    fn console(&mut self) -> Call {
        while let Some(order) = self.orders.pop_front() {
            match order {
                Order::Shutdown(id) => {
                    if let Some(call) = session::shutdown_of(&self.shared, id) {
                        return call;
                    }
                }
                Order::Stop => return Call::ExitProcess { status: 0 },
            }
        }
        Call::FutexWait { timeout: None }
    }

    /// X Protocol's acceptor: takes connections and closes them.
    fn mysqlx(&self, result: CallResult) -> Call {
        match result {
            Ok(Ret::Accepted(fd, _)) => Call::Close { fd },
            Err(errno) if errno == Errno::MFile || errno == Errno::NFile => {
                Call::Nanosleep { duration: Duration::from_secs(1) }
            }
            Ok(_) | Err(_) => {
                let door = self.listening.iter().find(|l| l.door == Door::Mysqlx);
                let door = door.expect("the acceptor runs only where there is an X port");
                Call::Accept { fd: door.fd, nonblock: true }
            }
        }
    }

    fn started(&mut self, task: TaskId, token: u64) {
        let role = match token {
            _ if task == TaskId(0) => Role::Listener,
            TOKEN_CONSOLE => {
                self.console = Some(task);
                Role::Console
            }
            TOKEN_MYSQLX => Role::Mysqlx,
            slot => Role::Session(u32::try_from(slot).expect("other tokens are session slots")),
        };
        self.set_role(task, role);
    }

    fn order(&mut self, order: Order, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        let console = self.console.ok_or_else(|| ControlError::Refused("the server has not started yet".to_owned()))?;
        self.orders.push_back(order);
        cx.wake(console);
        Ok(())
    }

    fn kill(&mut self, id: u64, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        let unknown = || ControlError::Refused(format!("ERROR 1094 (HY000): Unknown thread id: {id}"));
        let slot = if id == 0 { self.shared.oldest_client() } else { self.shared.find(id) }.ok_or_else(unknown)?;
        self.shared.stats.com_kill += 1;
        let id = session::mark_killed(&mut self.shared, slot, cx);
        self.order(Order::Shutdown(id), cx)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn console_sql(&mut self, text: &str, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        let refused = |e: &ServerError| ControlError::Refused(format!("ERROR {} ({}): {}", e.code, e.sqlstate, e.text));
        match sql::parse(text) {
            Statement::SetGlobal(name, value) => {
                let done = session::set_global(&mut self.shared, &name, &value);
                done.map(|_| ()).map_err(|e| refused(&e))
            }
            Statement::Kill(id) => self.kill(id, cx),
            Statement::FlushHosts => {
                self.shared.host_errors.clear();
                Ok(())
            }
            Statement::Syntax(near) => Err(refused(&ServerError::syntax(&near))),
            Statement::SetSession
            | Statement::ShowVariables(_)
            | Statement::ShowStatus(_)
            | Statement::ShowProcesslist
            | Statement::ShowNothing
            | Statement::KillQuery(_)
            | Statement::SelectVariable(_)
            | Statement::SelectSleep(_)
            | Statement::Select(_)
            | Statement::Write(_)
            | Statement::Done => Ok(()),
        }
    }
}

impl App for MysqlServer {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(token) => {
                self.started(task, token);
                Ok(Ret::Done)
            }
            Resume::Done(result) => result,
        };
        match self.role(task) {
            Role::Listener => self.listener(result, cx),
            Role::Console => self.console(),
            Role::Mysqlx => self.mysqlx(result),
            Role::Session(slot) => self.session(task, slot, result, cx),
            // Not woken for a session: wait on.
            Role::Cached => Call::FutexWait { timeout: None },
            Role::None => Call::ExitTask,
        }
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Sql(text) => self.console_sql(text, cx),
            Control::KillSession(id) => self.kill(*id, cx),
            Control::Stop => self.order(Order::Stop, cx),
            Control::Connect => Err(ControlError::Unknown(control.to_string())),
        }
    }

    fn status(&self, now: Instant) -> AppStatus {
        self.shared.app_status(now)
    }

    fn metric(&self, name: &str) -> Option<u64> {
        self.shared.metric(name)
    }
}
