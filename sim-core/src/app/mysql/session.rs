//! One session: a thread that greets, logs its client in and serves commands,
//! one system call at a time.
//!
//! A session that waits for its client is a few dozen bytes; what only a talking
//! client needs is allocated when it talks.

use super::protocol::{
    self, CLIENT_DEPRECATE_EOF, CLIENT_INTERACTIVE, COM_INIT_DB, COM_PING, COM_QUERY, COM_QUIT, Column, ColumnType,
    HEADER_LEN, ServerError,
};
use super::server::{Door, Flavour, Service, Shared};
use super::sql::{self, Select, Statement};
use super::status::PROCESSLIST_QUERY;
use super::vars::Var;
use crate::app::api::{AppContext, Call, CallResult, PollEvents, PollSet, Ret, ShutdownHow, SocketOption};
use crate::app::flow::{self, Flow};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, TaskId};
use crate::wire::Payload;

/// Most bytes the server reads at once (`net_buffer_length`).
const READ_MAX: u32 = 16_384;
/// CPU time of a statement that touches no table.
const TRIVIAL_CPU: Duration = Duration::from_micros(20);
/// A login packet longer than this is no login packet.
const LOGIN_MAX: u32 = 65_536;

/// The Command column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Connect,
    Sleep,
    Query,
    Quit,
}

impl Command {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Sleep => "Sleep",
            Self::Query => "Query",
            Self::Quit => "Quit",
        }
    }
}

/// What follows once everything is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    ReadLogin,
    AuthOk,
    NextCommand,
    /// The time-out's error is out: a pause, then the end.
    Pause,
    End,
}

/// Where the session's thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Free,
    Start,
    NoDelay,
    PeerName,
    KeepAlive,
    Send(Then),
    PollOut(Then),
    Header,
    PollHeader,
    Body,
    PollBody,
    LoginCpu,
    ServiceCpu,
    ServiceWait,
    KillShutdown,
    Pause,
    Linger,
    Shutdown,
    Close,
}

/// What only a session that talks needs.
#[derive(Clone, Debug, Default)]
struct Cold {
    buffer: Vec<u8>,
    out: Payload,
    info: Option<String>,
    reply: Option<Payload>,
    /// The session this one's `KILL` still has to reach.
    kill: Option<u32>,
}

/// One session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: u32,
    pub(super) fd: Fd,
    pub(super) peer: Endpoint,
    /// Start of the connection or of the last change of command.
    pub(super) since: Instant,
    cold: Option<Box<Cold>>,
    /// Bytes the packet being read still lacks.
    need: u32,
    task: TaskId,
    pub(super) user: u16,
    pub(super) db: Option<u16>,
    at: At,
    pub(super) command: Command,
    pub(super) door: Door,
    seq: u8,
    pub(super) peer_known: bool,
    pub(super) authenticated: bool,
    admin: bool,
    interactive: bool,
    deprecate_eof: bool,
    killed: bool,
    /// `KILL QUERY` struck the statement under way.
    interrupted: bool,
}

impl Session {
    pub(super) const fn new(fd: Fd, peer: Endpoint, door: Door, now: Instant) -> Self {
        Self {
            id: 0,
            fd,
            peer,
            since: now,
            cold: None,
            need: 0,
            task: TaskId(0),
            user: 0,
            db: None,
            at: At::Start,
            command: Command::Connect,
            door,
            seq: 0,
            peer_known: false,
            authenticated: false,
            admin: false,
            interactive: false,
            deprecate_eof: false,
            killed: false,
            interrupted: false,
        }
    }

    pub(super) const fn freed() -> Self {
        let mut session = Self::new(Fd(0), Endpoint::ANY, Door::Main, Instant::ZERO);
        session.at = At::Free;
        session
    }

    pub(super) fn is_free(&self) -> bool {
        self.at == At::Free
    }
    pub(super) const fn is_reading(&self) -> bool {
        matches!(self.at, At::Header | At::PollHeader | At::Body | At::PollBody)
    }
    pub(super) const fn is_writing(&self) -> bool {
        matches!(self.at, At::Send(_) | At::PollOut(_))
    }
    pub(super) fn info(&self) -> Option<&str> {
        self.cold.as_ref()?.info.as_deref()
    }

    fn cold(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    fn set_command(&mut self, command: Command, now: Instant) {
        (self.command, self.since) = (command, now);
    }

    /// Begins to write; what follows is decided by `then`.
    fn send(&mut self, data: Payload, then: Then) -> Call {
        self.at = At::Send(then);
        self.cold().out = data.clone();
        Call::Send { fd: self.fd, data }
    }

    fn read_packet(&mut self) -> Call {
        (self.at, self.need) = (At::Header, HEADER_LEN);
        if let Some(cold) = &mut self.cold {
            cold.buffer.clear();
        }
        self.recv()
    }

    fn recv(&self) -> Call {
        Call::Recv { fd: self.fd, max: self.need.min(READ_MAX), peek: false, dontwait: true }
    }

    /// Ends the connection politely: shutdown, then close.
    fn end(&mut self) -> Call {
        self.at = At::Shutdown;
        Call::Shutdown { fd: self.fd, how: ShutdownHow::Both }
    }
}

/// Marks a session as killed; [`shutdown_of`] then says what to shut down.
pub(super) fn mark_killed(shared: &mut Shared, slot: u32, cx: &mut AppContext<'_>) -> u32 {
    let session = &mut shared.sessions[slot as usize];
    session.killed = true;
    if session.at == At::ServiceWait {
        cx.wake(session.task);
    }
    session.id
}

/// The shutdown that ends a killed session's wait for its client; `None` if it
/// ended by itself meanwhile and its descriptor may be another's.
pub(super) fn shutdown_of(shared: &Shared, id: u32) -> Option<Call> {
    let session = &shared.sessions[shared.find(u64::from(id))? as usize];
    let open = !matches!(session.at, At::Shutdown | At::Linger | At::Close | At::Free);
    open.then_some(Call::Shutdown { fd: session.fd, how: ShutdownHow::Both })
}

/// `SET GLOBAL`; returns the number of warnings.
pub(super) fn set_global(shared: &mut Shared, name: &str, value: &str) -> Result<u16, ServerError> {
    let warnings = shared.vars.set_global(name, value).map_err(|e| e.to_server_error())?;
    if name.eq_ignore_ascii_case("host_cache_size") {
        // Changing the size empties the cache.
        shared.host_errors.clear();
    }
    Ok(warnings)
}

/// Runs a session's thread until its next system call, or its end.
pub(super) fn step(
    shared: &mut Shared,
    slot: u32,
    task: TaskId,
    result: CallResult,
    cx: &mut AppContext<'_>,
) -> Flow<()> {
    let mut thread = Thread { shared, slot: slot as usize };
    match thread.session().at {
        At::Start => Flow::Do(thread.start(task)),
        At::NoDelay => {
            thread.session().at = At::PeerName;
            Flow::Do(Call::GetPeerName { fd: thread.session().fd })
        }
        At::PeerName => Flow::Do(thread.peer(result)),
        At::KeepAlive => Flow::Do(thread.greet(cx)),
        At::Send(then) => Flow::Do(thread.sent(then, result, cx)),
        At::PollOut(then) => Flow::Do(thread.writable(then, result)),
        At::Header | At::Body => Flow::Do(thread.received(result, cx)),
        At::PollHeader | At::PollBody => Flow::Do(thread.polled(result)),
        At::LoginCpu => Flow::Do(thread.authenticate(cx)),
        At::ServiceCpu | At::ServiceWait => Flow::Do(thread.served()),
        At::KillShutdown => Flow::Do(thread.reply()),
        At::Pause => Flow::Do(thread.session().end()),
        At::Linger | At::Shutdown => {
            let session = thread.session();
            session.at = At::Close;
            Flow::Do(Call::Close { fd: session.fd })
        }
        At::Close | At::Free => Flow::End(()),
    }
}

/// A session being run.
struct Thread<'a> {
    shared: &'a mut Shared,
    slot: usize,
}

impl Thread<'_> {
    fn session(&mut self) -> &mut Session {
        &mut self.shared.sessions[self.slot]
    }

    /// A new thread takes its id first.
    fn start(&mut self, task: TaskId) -> Call {
        let id = self.shared.next_id;
        self.shared.next_id = id.wrapping_add(1);
        self.shared.listed += 1;
        let silent = self.shared.listed - self.shared.logged_in;
        self.shared.stats.unauthenticated_peak = self.shared.stats.unauthenticated_peak.max(silent);
        let session = self.session();
        (session.id, session.task, session.at) = (id, task, At::NoDelay);
        let option = SocketOption::Tcp(TcpSocketOption::NoDelay(true));
        Call::SetSockOpt { fd: session.fd, option }
    }

    /// `check_connection`: who is it, and is that host blocked?
    fn peer(&mut self, result: CallResult) -> Call {
        if let Ok(Ret::Name(peer)) = result {
            self.session().peer = peer;
        } else if result.is_err() {
            // Gone already: ENOTCONN.
            self.shared.stats.connection_errors_peer_address += 1;
            self.shared.stats.aborted_connects += 1;
            return self.session().end();
        }
        let session = self.session();
        session.peer_known = true;
        let addr = session.peer.addr();
        let errors = self.shared.host_errors.get(&addr).copied().unwrap_or(0);
        if errors >= self.shared.vars.get(Var::MaxConnectErrors) && self.shared.host_cache_is_on() {
            self.shared.stats.aborted_connects += 1;
            self.shared.stats.blocked += 1;
            return self.send(protocol::err(0, &ServerError::host_blocked(addr), false), Then::End);
        }
        let session = self.session();
        session.at = At::KeepAlive;
        let option = SocketOption::Tcp(TcpSocketOption::KeepAlive(true));
        Call::SetSockOpt { fd: session.fd, option }
    }

    fn greet(&mut self, cx: &mut AppContext<'_>) -> Call {
        let salt = protocol::salt(cx.rng);
        let id = self.session().id;
        let greeting = protocol::greeting(&self.shared.config.version, id, &salt, &self.shared.shape);
        self.shared.stats.bytes_sent += u64::from(greeting.len());
        // A greeting always fits a new connection's send buffer: nothing is kept of it.
        let session = self.session();
        session.at = At::Send(Then::ReadLogin);
        Call::Send { fd: session.fd, data: greeting }
    }

    fn send(&mut self, data: Payload, then: Then) -> Call {
        self.shared.stats.bytes_sent += u64::from(data.len());
        self.session().send(data, then)
    }

    fn sent(&mut self, then: Then, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match flow::count(result) {
            Ok(n) => {
                if let Some(cold) = &mut self.session().cold {
                    cold.out.take_front(n);
                    if !cold.out.is_empty() {
                        let data = cold.out.clone();
                        return Call::Send { fd: self.session().fd, data };
                    }
                }
                self.after(then, cx)
            }
            Err(Errno::Again) => {
                let timeout = self.write_timeout();
                let session = self.session();
                session.at = At::PollOut(then);
                Call::Poll { set: PollSet::one(session.fd, PollEvents::OUT), timeout: Some(timeout) }
            }
            Err(_) => self.broken(),
        }
    }

    fn writable(&mut self, then: Then, result: CallResult) -> Call {
        if flow::ready(result).unwrap_or(0) == 0 {
            return self.broken();
        }
        let session = self.session();
        let data = session.cold().out.clone();
        session.at = At::Send(then);
        Call::Send { fd: session.fd, data }
    }

    fn after(&mut self, then: Then, cx: &mut AppContext<'_>) -> Call {
        match then {
            Then::ReadLogin => self.session().read_packet(),
            Then::AuthOk => {
                let seq = self.session().seq;
                self.session().set_command(Command::Sleep, cx.now);
                self.send(protocol::ok(seq, 0, 0), Then::NextCommand)
            }
            Then::NextCommand => {
                self.stop_running();
                let session = self.session();
                session.set_command(Command::Sleep, cx.now);
                session.cold = None;
                if session.killed { self.broken() } else { session.read_packet() }
            }
            Then::Pause => {
                let pause = self.shared.config.close_delay;
                self.session().at = At::Pause;
                Call::FutexWait { timeout: Some(pause) }
            }
            Then::End => self.session().end(),
        }
    }

    fn seconds(&self, var: Var) -> Duration {
        Duration::from_secs(self.shared.vars.get(var))
    }

    /// The time a single read may take in the session's state.
    fn read_timeout(&mut self) -> Duration {
        let session = self.session();
        let var = match (session.authenticated, session.at, session.interactive) {
            (false, _, _) => Var::ConnectTimeout,
            (true, At::Header | At::PollHeader, true) => Var::InteractiveTimeout,
            (true, At::Header | At::PollHeader, false) => Var::WaitTimeout,
            (true, _, _) => Var::NetReadTimeout,
        };
        self.seconds(var)
    }

    fn write_timeout(&mut self) -> Duration {
        let var = if self.session().authenticated { Var::NetWriteTimeout } else { Var::ConnectTimeout };
        self.seconds(var)
    }

    fn received(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Call {
        match flow::data(result) {
            Ok(bytes) if bytes.is_empty() => self.broken(),
            Ok(bytes) => self.take(&bytes, cx),
            Err(Errno::Again) => {
                let timeout = self.read_timeout();
                let session = self.session();
                session.at = if session.at == At::Header { At::PollHeader } else { At::PollBody };
                Call::Poll { set: PollSet::one(session.fd, PollEvents::IN), timeout: Some(timeout) }
            }
            Err(_) => self.broken(),
        }
    }

    fn polled(&mut self, result: CallResult) -> Call {
        if flow::ready(result) == Ok(0) {
            return self.timed_out();
        }
        let session = self.session();
        session.at = if session.at == At::PollHeader { At::Header } else { At::Body };
        session.recv()
    }

    /// Bytes of a header or a body came, perhaps not all of them.
    fn take(&mut self, bytes: &Payload, cx: &mut AppContext<'_>) -> Call {
        self.shared.stats.bytes_received += u64::from(bytes.len());
        let session = self.session();
        session.need = session.need.saturating_sub(bytes.len());
        let cold = session.cold();
        match bytes.bytes() {
            Some(real) => cold.buffer.extend_from_slice(real),
            None => cold.buffer.resize(cold.buffer.len() + bytes.len() as usize, 0),
        }
        if session.need > 0 {
            return session.recv();
        }
        if session.at == At::Header {
            let header = core::mem::take(&mut session.cold().buffer);
            let len = u32::from_le_bytes([header[0], header[1], header[2], 0]);
            (session.seq, session.need) = (header[3].wrapping_add(1), len);
            if len > 0 && (session.authenticated || len <= LOGIN_MAX) {
                session.at = At::Body;
                return session.recv();
            }
        }
        let body = core::mem::take(&mut self.session().cold().buffer);
        if self.session().authenticated { self.command(&body, cx) } else { self.log_in(&body, cx) }
    }

    /// The connection is gone, or this session was killed.
    fn broken(&mut self) -> Call {
        if self.session().authenticated {
            self.shared.stats.aborted_clients += 1;
        } else {
            self.login_failed();
        }
        self.stop_running();
        self.session().end()
    }

    fn stop_running(&mut self) {
        if self.session().command == Command::Query {
            self.shared.stats.threads_running -= 1;
            self.session().command = Command::Sleep;
        }
    }

    /// A login that came to nothing counts, here and in the host cache.
    fn login_failed(&mut self) {
        self.shared.stats.aborted_connects += 1;
        if self.shared.flavour == Flavour::MariaDb {
            self.shared.stats.aborted_connects_preauth += 1;
        }
        let addr = self.session().peer.addr();
        if self.shared.host_cache_is_on() && !addr.is_loopback() {
            *self.shared.host_errors.entry(addr).or_insert(0) += 1;
        }
    }

    /// A read took too long.
    fn timed_out(&mut self) -> Call {
        let flavour = self.shared.flavour;
        let authenticated = self.session().authenticated;
        if authenticated {
            self.shared.stats.aborted_clients += 1;
        } else {
            self.shared.stats.handshake_timeouts += 1;
            self.login_failed();
        }
        match flavour {
            Flavour::Mysql80 if authenticated => {
                self.send(protocol::err(0, &ServerError::idle_timeout(), true), Then::End)
            }
            Flavour::Mysql80 => self.send(protocol::err(1, &ServerError::read_timeout(), true), Then::Pause),
            Flavour::MariaDb if !authenticated => {
                let session = self.session();
                session.at = At::Linger;
                let option = SocketOption::Tcp(TcpSocketOption::Linger(Some(Duration::ZERO)));
                Call::SetSockOpt { fd: session.fd, option }
            }
            Flavour::Mysql57 | Flavour::Mysql80Early | Flavour::MariaDb => self.session().end(),
        }
    }

    /// The client's login packet is complete.
    fn log_in(&mut self, body: &[u8], cx: &mut AppContext<'_>) -> Call {
        let Some(login) = protocol::parse_login(body) else {
            self.login_failed();
            let seq = self.session().seq;
            return self.send(protocol::err(seq, &ServerError::bad_handshake(), true), Then::End);
        };
        let user = self.shared.intern(&login.user);
        let db = login.db.as_deref().map(|db| self.shared.intern(db));
        let admin = self.shared.config.admins.contains(&login.user);
        let session = self.session();
        (session.user, session.db, session.admin) = (user, db, admin);
        session.interactive = login.capabilities & CLIENT_INTERACTIVE != 0;
        session.deprecate_eof = login.capabilities & CLIENT_DEPRECATE_EOF != 0;
        session.at = At::LoginCpu;
        let cpu = self.shared.config.login_cpu;
        if cpu == Duration::ZERO {
            return self.authenticate(cx);
        }
        Call::Compute { duration: cpu }
    }

    fn authenticate(&mut self, cx: &mut AppContext<'_>) -> Call {
        let (user, seq, admin) = (self.session().user, self.session().seq, self.session().admin);
        let peer = self.session().peer.addr();
        let name = self.shared.names[usize::from(user)].clone();
        let known = self.shared.config.accounts.as_ref().is_none_or(|a| a.contains(&name));
        let over = self.shared.connection_count > self.shared.vars.get(Var::MaxConnections);
        let refusal = if !known {
            Some(ServerError::access_denied(&name, &peer.to_string()))
        } else if over && !admin && self.session().door == Door::Main {
            // `valid_connection_count`: the last slot is for administrators.
            self.shared.count_refusal(cx.now);
            Some(ServerError::too_many_connections())
        } else {
            self.over_user_limit(user, &name)
        };
        if let Some(error) = refusal {
            self.shared.stats.aborted_connects += 1;
            return self.send(protocol::err(seq, &error, true), Then::End);
        }
        self.shared.host_errors.remove(&peer);
        self.session().authenticated = true;
        self.shared.logged_in += 1;
        match self.shared.flavour {
            Flavour::Mysql80Early | Flavour::Mysql80 => {
                self.session().seq = seq.wrapping_add(1);
                let more = [protocol::AUTH_MORE_BYTE, protocol::FAST_AUTH_SUCCESS];
                self.send(Payload::from_bytes(&protocol::packet(seq, &more)), Then::AuthOk)
            }
            Flavour::Mysql57 | Flavour::MariaDb => self.after(Then::AuthOk, cx),
        }
    }

    /// `max_user_connections`.
    fn over_user_limit(&mut self, user: u16, name: &str) -> Option<ServerError> {
        let limit = self.shared.vars.get(Var::MaxUserConnections);
        if limit == 0 {
            return None;
        }
        let held = self.shared.sessions.iter().filter(|s| !s.is_free() && s.authenticated && s.user == user).count();
        (held as u64 >= limit).then(|| {
            ServerError::new(
                1203,
                "42000",
                format!("User {name} already has more than 'max_user_connections' active connections"),
            )
        })
    }

    fn command(&mut self, body: &[u8], cx: &mut AppContext<'_>) -> Call {
        self.shared.stats.queries += 1;
        let (code, argument) = body.split_first().map_or((0, &[][..]), |(c, a)| (*c, a));
        match code {
            COM_QUIT => {
                self.session().set_command(Command::Quit, cx.now);
                self.session().end()
            }
            COM_QUERY => self.query(&String::from_utf8_lossy(argument), cx),
            COM_INIT_DB => {
                let db = self.shared.intern(&String::from_utf8_lossy(argument));
                self.session().db = Some(db);
                self.send(protocol::ok(1, 0, 0), Then::NextCommand)
            }
            COM_PING => self.send(protocol::ok(1, 0, 0), Then::NextCommand),
            _ => self.send(protocol::err(1, &ServerError::unknown_command(), true), Then::NextCommand),
        }
    }

    fn query(&mut self, text: &str, cx: &mut AppContext<'_>) -> Call {
        let session = self.session();
        session.set_command(Command::Query, cx.now);
        session.cold().info = Some(text.to_owned());
        self.shared.stats.threads_running += 1;
        let statement = sql::parse(text);
        let service = match &statement {
            Statement::Select(_) | Statement::Write(_) => self.shared.config.service,
            Statement::SelectSleep(span) => Service::Wait(*span),
            Statement::SetGlobal(..)
            | Statement::SetSession
            | Statement::ShowVariables(_)
            | Statement::ShowStatus(_)
            | Statement::ShowProcesslist
            | Statement::ShowNothing
            | Statement::Kill(_)
            | Statement::KillQuery(_)
            | Statement::FlushHosts
            | Statement::SelectVariable(_)
            | Statement::Done
            | Statement::Syntax(_) => Service::Cpu(TRIVIAL_CPU),
        };
        let reply = self.execute(statement, cx);
        let session = self.session();
        session.cold().reply = Some(reply);
        match service {
            Service::Cpu(duration) => {
                session.at = At::ServiceCpu;
                Call::Compute { duration }
            }
            Service::Wait(span) => {
                session.at = At::ServiceWait;
                Call::FutexWait { timeout: Some(span) }
            }
        }
    }

    /// The statement has run; a `KILL` still has to reach its victim.
    fn served(&mut self) -> Call {
        if self.session().killed {
            return self.broken();
        }
        if core::mem::take(&mut self.session().interrupted) {
            let error = ServerError::new(1317, "70100", "Query execution was interrupted");
            self.session().cold().reply = Some(protocol::err(1, &error, true));
        }
        let victim = self.session().cold().kill.take();
        if let Some(call) = victim.and_then(|id| shutdown_of(self.shared, id)) {
            self.session().at = At::KillShutdown;
            return call;
        }
        self.reply()
    }

    fn reply(&mut self) -> Call {
        let reply = self.session().cold().reply.take().expect("a statement that was served has its answer");
        self.send(reply, Then::NextCommand)
    }

    /// Carries a statement out and builds its answer.
    fn execute(&mut self, statement: Statement, cx: &mut AppContext<'_>) -> Payload {
        let eof = self.session().deprecate_eof;
        let ok = |affected, warnings| protocol::ok(1, affected, warnings);
        let failed = |error: &ServerError| protocol::err(1, error, true);
        match statement {
            Statement::SetGlobal(name, value) if self.session().admin => match set_global(self.shared, &name, &value) {
                Ok(warnings) => ok(0, warnings),
                Err(error) => failed(&error),
            },
            Statement::SetGlobal(..) => failed(&ServerError::new(
                1227,
                "42000",
                "Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN privilege(s) for this operation",
            )),
            Statement::Kill(id) => match self.kill(id, cx) {
                Ok(()) => ok(0, 0),
                Err(error) => failed(&error),
            },
            Statement::ShowProcesslist => self.processlist(cx.now),
            Statement::ShowVariables(pattern) => {
                pairs("Variable_name", &self.shared.variable_list(), pattern.as_deref(), eof)
            }
            Statement::ShowStatus(pattern) => {
                pairs("Variable_name", &self.shared.status_list(cx.now), pattern.as_deref(), eof)
            }
            Statement::ShowNothing => protocol::result_set(&[Column::text("Level")], &[], 0, eof),
            Statement::SelectVariable(name) => match self.shared.variable(&name) {
                Some(value) => protocol::result_set(&[Column::text(&name)], &[vec![Some(value)]], 0, eof),
                None => failed(&super::vars::SetError::Unknown(name).to_server_error()),
            },
            Statement::SelectSleep(_) => {
                protocol::result_set(&[Column::text("sleep")], &[vec![Some("0".to_owned())]], 0, eof)
            }
            Statement::Select(select) => self.select(&select),
            Statement::FlushHosts => {
                self.shared.host_errors.clear();
                ok(0, 0)
            }
            Statement::Write(rows) => ok(rows, 0),
            Statement::KillQuery(id) => match self.kill_query(id, cx) {
                Ok(()) => ok(0, 0),
                Err(error) => failed(&error),
            },
            Statement::SetSession | Statement::Done => ok(0, 0),
            Statement::Syntax(near) => failed(&ServerError::syntax(&near)),
        }
    }

    /// The session a `KILL` means, if this one may kill it.
    fn victim(&mut self, id: u64) -> Result<u32, ServerError> {
        self.shared.stats.com_kill += 1;
        let victim = self.shared.find(id).ok_or_else(|| ServerError::unknown_thread(id))?;
        let (user, admin) = (self.session().user, self.session().admin);
        let target = &self.shared.sessions[victim as usize];
        let own = target.authenticated && target.user == user;
        if !(admin || own) {
            return Err(ServerError::new(1095, "HY000", format!("You are not owner of thread {id}")));
        }
        Ok(victim)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn kill(&mut self, id: u64, cx: &mut AppContext<'_>) -> Result<(), ServerError> {
        let victim = self.victim(id)?;
        let id = mark_killed(self.shared, victim, cx);
        self.session().cold().kill = Some(id);
        Ok(())
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn kill_query(&mut self, id: u64, cx: &mut AppContext<'_>) -> Result<(), ServerError> {
        let victim = self.victim(id)? as usize;
        let target = &mut self.shared.sessions[victim];
        target.interrupted = matches!(target.at, At::ServiceCpu | At::ServiceWait);
        if target.at == At::ServiceWait {
            cx.wake(target.task);
        }
        Ok(())
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn processlist(&mut self, now: Instant) -> Payload {
        let (own, eof) = (u64::from(self.session().id), self.session().deprecate_eof);
        let mut rows = self.shared.processlist(now);
        super::status::as_asked_by(&mut rows, own, self.shared.flavour);
        let columns = ["Id", "User", "Host", "db", "Command", "Time", "State", "Info"].map(Column::text);
        let text = |s: &str| Some(s.to_owned());
        let rows: Vec<Vec<Option<String>>> = rows
            .into_iter()
            .map(|r| {
                let (id, time) = (r.id.to_string(), r.time.to_string());
                vec![Some(id), Some(r.user), Some(r.host), r.db, text(r.command), Some(time), r.state, r.info]
            })
            .collect();
        debug_assert!(rows.iter().any(|r| r[7].as_deref() == Some(PROCESSLIST_QUERY)), "the asker is listed");
        protocol::result_set(&columns, &rows, 1, eof)
    }

    /// A `SELECT`'s rows; equal answers share their bytes.
    fn select(&mut self, select: &Select) -> Payload {
        let eof = self.session().deprecate_eof;
        let plain = !eof && select.column == "c" && select.table.len() == "sbtest1".len();
        if plain && let Some((.., bytes)) = self.shared.answers.iter().find(|a| a.0 == select.rows && a.1 == plain) {
            return bytes.clone();
        }
        let (ty, value) = if select.aggregate {
            (ColumnType::NewDecimal, "24066".to_owned())
        } else if select.table.is_empty() {
            (ColumnType::Longlong, select.column.clone())
        } else {
            (ColumnType::String, "5".repeat(self.shared.config.row_bytes as usize))
        };
        let computed = select.aggregate || select.table.is_empty();
        let column = Column {
            schema: if computed { "" } else { "test" },
            table: if computed { String::new() } else { select.table.clone() },
            name: select.column.clone(),
            ty,
            len: u32::try_from(value.len()).unwrap_or(u32::MAX).saturating_mul(4),
        };
        let rows = vec![vec![Some(value)]; select.rows as usize];
        let bytes = protocol::result_set(&[column], &rows, 0, eof);
        if plain {
            self.shared.answers.push((select.rows, plain, bytes.clone()));
        }
        bytes
    }
}

/// Name and value rows, filtered by a `LIKE` pattern.
fn pairs(name: &str, list: &[(String, String)], pattern: Option<&str>, deprecate_eof: bool) -> Payload {
    let columns = [Column::text(name), Column::text("Value")];
    let rows: Vec<Vec<Option<String>>> = list
        .iter()
        .filter(|(n, _)| pattern.is_none_or(|p| sql::like(p, n)))
        .map(|(n, v)| vec![Some(n.clone()), Some(v.clone())])
        .collect();
    protocol::result_set(&columns, &rows, 0, deprecate_eof)
}
