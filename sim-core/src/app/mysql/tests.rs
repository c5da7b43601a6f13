//! The server against the fake kernel: admission, time-outs, KILL, statements.
#![expect(clippy::wildcard_enum_match_arm, reason = "most calls are of no interest to a test")]

use super::protocol::{self, CLIENT_FLAGS, COM_QUERY, COM_QUIT, Login};
use super::response::{Outcome, ResponseReader};
use super::*;
use crate::app::api::{App, Call, CallName, Control, ControlError, SocketOption};
use crate::app::testkit::FakeKernel;
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, Ipv4Addr};
use crate::wire::Payload;

const LISTENER: u32 = 3;
const S: u64 = 1_000_000_000;

struct Rig {
    kernel: FakeKernel,
    server: MysqlServer,
    ports: u16,
}

impl Rig {
    fn with(config: ServerConfig) -> Self {
        let mut rig = Self { kernel: FakeKernel::new(), server: MysqlServer::new(config), ports: 40_000 };
        rig.kernel.run(&mut rig.server, 0);
        rig
    }
    fn new(version: &str, max_connections: u64) -> Self {
        let mut config = ServerConfig::new(version);
        config.vars.configure(Var::MaxConnections, max_connections);
        Self::with(config)
    }
    /// A client whose handshake is complete; returns the server's descriptor for it.
    fn connect_from(&mut self, addr: Ipv4Addr) -> u32 {
        self.ports += 1;
        let fd = (3..).find(|fd| !self.kernel.sockets.contains_key(&Fd(*fd))).unwrap();
        self.kernel.socket(LISTENER).backlog.push_back(Endpoint::new(addr, self.ports));
        self.run(self.kernel.now);
        fd
    }
    fn connect(&mut self) -> u32 {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }
    fn run(&mut self, until: u64) {
        self.kernel.run(&mut self.server, until);
    }
    fn send(&mut self, fd: u32, bytes: Payload) {
        self.kernel.socket(fd).inbox.push_back(bytes);
        self.run(self.kernel.now + 1_000_000);
    }
    fn log_in(&mut self, fd: u32, user: &str) {
        let plugin = Flavour::of(&self.version()).greeting_shape().plugin.to_owned();
        let login = Login { capabilities: CLIENT_FLAGS, user: user.to_owned(), db: None, plugin, auth_len: 20 };
        self.kernel.socket(fd).sent.clear();
        self.send(fd, protocol::login(1, &login, &[b'x'; 20]));
    }
    fn version(&self) -> String {
        self.server.shared.config.version.clone()
    }
    fn query(&mut self, fd: u32, sql: &str) -> Outcome {
        self.kernel.socket(fd).sent.clear();
        self.send(fd, protocol::command(COM_QUERY, sql));
        let mut reader = ResponseReader::default();
        reader.feed(&Payload::from_bytes(&self.kernel.socket(fd).sent));
        reader.outcome().expect("the server answered")
    }
    fn metric(&self, name: &str) -> u64 {
        self.server.metric(name).expect("a status variable")
    }
    fn control(&mut self, control: &Control) -> Result<(), ControlError> {
        let done = self.server.control(control, &mut self.kernel.cx.at(self.kernel.now));
        self.kernel.deliver_wakes();
        self.run(self.kernel.now);
        done
    }
    /// Calls a thread made since the log was last cleared.
    fn calls_on(&self, fd: u32) -> Vec<CallName> {
        let on = |call: &Call| match call {
            Call::Send { fd, .. } | Call::Recv { fd, .. } | Call::Shutdown { fd, .. } | Call::Close { fd } => Some(*fd),
            Call::SetSockOpt { fd, .. } | Call::GetPeerName { fd } => Some(*fd),
            Call::Poll { set, .. } => Some(set.entries()[0].fd),
            _ => None,
        };
        self.kernel.calls.iter().filter(|(_, c)| on(c) == Some(Fd(fd))).map(|(_, c)| c.name()).collect()
    }
}

#[test]
fn flavours_follow_the_version() {
    let table = [
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", Flavour::MariaDb),
        ("5.7.44-log", Flavour::Mysql57),
        ("8.0.20", Flavour::Mysql80Early),
        ("8.0.23-14", Flavour::Mysql80Early),
        ("8.0.24", Flavour::Mysql80),
        ("8.3.0", Flavour::Mysql80),
        ("9.1.0", Flavour::Mysql80),
    ];
    for (version, flavour) in table {
        assert_eq!(Flavour::of(version), flavour, "{version}");
    }
}

#[test]
fn it_listens_on_both_families_with_back_log() {
    let rig = Rig::new("8.3.0", 151);
    let names = rig.kernel.names_of(0);
    let start = ["prlimit64", "clone", "socket", "setsockopt", "setsockopt", "bind", "listen"];
    assert_eq!(names[..7], start);
    assert!(rig.kernel.calls.iter().any(|(_, c)| *c == Call::Listen { fd: Fd(LISTENER), backlog: 151 }));
    let x = Call::Bind { fd: Fd(4), addr: Endpoint::new(Ipv4Addr::UNSPECIFIED, 33_060) };
    assert!(rig.kernel.calls.iter().any(|(_, c)| *c == x));
}

#[test]
fn given_addresses_are_ipv4_and_the_admin_port_has_no_limit() {
    let mut config = ServerConfig::new("8.3.0");
    config.bind_address = Some(Ipv4Addr::new(10, 0, 0, 1));
    config.admin_address = Some(Ipv4Addr::LOCALHOST);
    config.vars.configure(Var::MaxConnections, 1);
    let mut rig = Rig::with(config);
    let binds: Vec<String> = rig
        .kernel
        .calls
        .iter()
        .filter_map(|(_, c)| if let Call::Bind { addr, .. } = c { Some(addr.to_string()) } else { None })
        .collect();
    assert_eq!(binds, ["10.0.0.1:3306", "127.0.0.1:33062", "10.0.0.1:33060"]);
    let inet6 = |c: &Call| matches!(c, Call::Socket { domain: crate::app::Domain::Inet6, .. });
    assert!(!rig.kernel.calls.iter().any(|(_, c)| inet6(c)));
    rig.connect();
    rig.connect();
    rig.kernel.calls.clear();
    rig.connect();
    assert_eq!(rig.metric("Connection_errors_max_connections"), 1);
    // The second door: descriptor 4 listens on the administrative port.
    rig.kernel.socket(4).backlog.push_back(Endpoint::new(Ipv4Addr::LOCALHOST, 9));
    rig.run(rig.kernel.now);
    assert_eq!(rig.metric("Threads_connected"), 3);
}

#[test]
fn a_silent_client_gets_greeting_error_and_fin() {
    let mut config = ServerConfig::new("8.3.0");
    config.first_connection_id = 15;
    let mut rig = Rig::with(config);
    let fd = rig.connect();
    assert_eq!(rig.kernel.socket(fd).sent.len(), 77);
    let row = rig.server.status(Instant::from_nanos(3 * S)).processlist.pop().unwrap();
    assert_eq!((row.id, row.user.as_str(), row.command, row.time), (15, "unauthenticated user", "Connect", 3));
    assert_eq!((row.host.as_str(), row.state.as_deref()), ("127.0.0.1:40001", Some("Receiving from client")));
    rig.kernel.calls.clear();
    rig.run(10 * S);
    assert_eq!(rig.kernel.socket(fd).sent.len(), 77 + 54);
    assert_eq!(rig.calls_on(fd), [CallName::Send]);
    rig.run(10 * S + 900_000);
    assert_eq!(rig.calls_on(fd), [CallName::Send, CallName::Shutdown, CallName::Close]);
    assert_eq!((rig.metric("Aborted_connects"), rig.metric("Threads_connected")), (1, 0));
    assert_eq!((rig.metric("Connections"), rig.metric("Threads_cached")), (15, 1));
}

#[test]
fn older_servers_close_without_a_word_and_mariadb_resets() {
    let mut rig = Rig::new("8.0.20", 151);
    let fd = rig.connect();
    rig.kernel.calls.clear();
    rig.run(10 * S);
    assert_eq!(rig.calls_on(fd), [CallName::Shutdown, CallName::Close]);
    let mut rig = Rig::new("5.5.5-10.11.19-MariaDB-0+deb12u1", 151);
    let fd = rig.connect();
    assert_eq!(rig.kernel.socket(fd).sent.len(), 104);
    rig.kernel.calls.clear();
    rig.run(10 * S);
    assert_eq!(rig.calls_on(fd), [CallName::SetSockOpt, CallName::Close]);
    let linger = SocketOption::Tcp(TcpSocketOption::Linger(Some(Duration::ZERO)));
    assert!(rig.kernel.calls.iter().any(|(_, c)| *c == Call::SetSockOpt { fd: Fd(fd), option: linger }));
}

#[test]
fn one_more_than_max_connections_is_admitted_and_the_next_refused() {
    let mut rig = Rig::new("8.3.0", 3);
    for _ in 0..4 {
        rig.connect();
    }
    assert_eq!(rig.metric("Threads_connected"), 4);
    assert_eq!((rig.metric("processlist.rows"), rig.metric("processlist.unauthenticated")), (5, 4));
    rig.kernel.calls.clear();
    let fd = rig.connect();
    assert_eq!(rig.calls_on(fd), [CallName::Send, CallName::Shutdown, CallName::Close]);
    let sent = |c: &Call| matches!(c, Call::Send { data, .. } if data.len() == 27);
    assert!(rig.kernel.calls.iter().any(|(t, c)| t.0 == 0 && sent(c)), "the listener thread refuses");
    assert_eq!((rig.metric("Connection_errors_max_connections"), rig.metric("Aborted_connects")), (1, 0));
    assert_eq!((rig.metric("Connections"), rig.metric("Max_used_connections")), (11, 4), "refusals take no id");
    rig.run(11 * S);
    assert_eq!(rig.metric("Threads_connected"), 0);
    rig.connect();
    assert_eq!(rig.metric("Threads_created"), 4, "a parked thread serves the next connection");
}

#[test]
fn every_partial_read_starts_connect_timeout_anew() {
    let mut rig = Rig::new("8.3.0", 151);
    let fd = rig.connect();
    rig.run(6 * S);
    rig.send(fd, Payload::from_bytes(b"\x20\0\0"));
    rig.run(15 * S);
    assert_eq!(rig.kernel.socket(fd).sent.len(), 77);
    rig.run(16 * S + 2_000_000);
    assert_eq!(rig.metric("Aborted_connects"), 1);
}

#[test]
fn a_login_and_the_statements_of_the_write_up() {
    let mut rig = Rig::new("8.3.0", 151);
    let fd = rig.connect();
    rig.log_in(fd, "root");
    assert_eq!(rig.kernel.socket(fd).sent, b"\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0");
    let row = rig.server.status(Instant::from_nanos(S)).processlist.pop().unwrap();
    assert_eq!((row.command, row.user.as_str(), row.state.as_deref()), ("Sleep", "root", Some("")));
    assert_eq!((rig.metric("processlist.rows"), rig.metric("processlist.unauthenticated")), (2, 0));
    assert_eq!(rig.query(fd, "show processlist"), Outcome::Rows(2));
    assert_eq!(rig.query(fd, "show variables like '%max_connections%'"), Outcome::Rows(2));
    assert_eq!(rig.query(fd, "set global max_connections=65535;"), Outcome::Ok);
    assert_eq!(rig.server.shared.vars.get(Var::MaxConnections), 65_535);
    assert_eq!(rig.query(fd, "SELECT c FROM sbtest5 WHERE id BETWEEN 7 AND 11"), Outcome::Rows(5));
    assert_eq!(rig.query(fd, "select @@connect_timeout"), Outcome::Rows(1));
    assert!(matches!(rig.query(fd, "kill 999"), Outcome::Err(1094, _)));
    assert!(matches!(rig.query(fd, "nonsense"), Outcome::Err(1064, _)));
    assert_eq!(rig.metric("Threads_running"), 0);
    rig.send(fd, protocol::command(COM_QUIT, ""));
    assert_eq!((rig.metric("Threads_connected"), rig.metric("Aborted_clients")), (0, 0));
    assert_eq!(rig.metric("processlist.rows"), 1);
}

#[test]
fn kill_shuts_the_victim_s_socket_from_the_killer_s_thread() {
    let mut rig = Rig::new("8.3.0", 151);
    let (victim, admin) = (rig.connect(), rig.connect());
    rig.log_in(victim, "root");
    rig.log_in(admin, "root");
    rig.kernel.calls.clear();
    assert_eq!(rig.query(admin, "kill 8"), Outcome::Ok);
    let by = rig.kernel.calls.iter().find(|(_, c)| matches!(c, Call::Shutdown { fd, .. } if fd.0 == victim));
    let admin_thread = rig.kernel.calls.iter().find(|(_, c)| matches!(c, Call::Recv { fd, .. } if fd.0 == admin));
    assert_eq!(by.unwrap().0, admin_thread.unwrap().0);
    assert_eq!((rig.metric("Threads_connected"), rig.metric("Com_kill")), (1, 1));
    let rows = rig.server.status(Instant::ZERO).processlist;
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [5, 9]);
}

#[test]
fn kill_query_interrupts_the_statement_and_kill_ends_it() {
    for (kill, gone) in [("kill query 8", false), ("kill 8", true)] {
        let mut rig = Rig::new("8.3.0", 151);
        let (sleeper, admin) = (rig.connect(), rig.connect());
        rig.log_in(sleeper, "root");
        rig.log_in(admin, "root");
        rig.kernel.socket(sleeper).sent.clear();
        rig.send(sleeper, protocol::command(COM_QUERY, "select sleep(1000)"));
        let row = rig.server.status(Instant::from_nanos(2 * S)).processlist[1].clone();
        assert_eq!((row.command, row.time, row.info.as_deref()), ("Query", 2, Some("select sleep(1000)")));
        assert_eq!(rig.metric("Threads_running"), 1);
        rig.kernel.calls.clear();
        assert_eq!(rig.query(admin, kill), Outcome::Ok);
        assert_eq!(rig.metric("Threads_connected"), if gone { 1 } else { 2 });
        let shut = rig.calls_on(sleeper).iter().filter(|c| **c == CallName::Shutdown).count();
        assert_eq!(shut, usize::from(gone), "nobody shuts down what may be another's socket");
        if !gone {
            let text = rig.kernel.socket(sleeper).sent.clone();
            assert!(text.ends_with(b"#70100Query execution was interrupted"), "{}", text.escape_ascii());
        }
        assert_eq!(rig.metric("Threads_running"), 0);
    }
}

#[test]
fn kill_and_set_from_outside() {
    let mut rig = Rig::new("8.3.0", 151);
    let fd = rig.connect();
    rig.log_in(fd, "root");
    assert_eq!(rig.control(&Control::Sql("set global max_connections = 5".into())), Ok(()));
    assert_eq!(rig.server.shared.vars.get(Var::MaxConnections), 5);
    assert!(rig.control(&Control::KillSession(99)).is_err());
    assert!(rig.control(&Control::Sql("set global nothing = 5".into())).is_err());
    assert_eq!(rig.control(&Control::KillSession(8)), Ok(()));
    assert_eq!(rig.metric("Threads_connected"), 0);
    assert_eq!(rig.control(&Control::Stop), Ok(()));
    assert_eq!(rig.kernel.exited, Some(0));
}

#[test]
fn the_last_slot_is_for_administrators() {
    let mut rig = Rig::new("8.3.0", 1);
    let (_, second) = (rig.connect(), rig.connect());
    rig.kernel.calls.clear();
    rig.log_in(second, "app");
    assert_eq!(rig.calls_on(second)[2..], [CallName::Send, CallName::Shutdown, CallName::Close]);
    assert!(rig.kernel.calls.iter().any(|(_, c)| matches!(c, Call::Send { data, .. } if data.len() == 33)));
    let mut rig = Rig::new("8.3.0", 1);
    let (_, second) = (rig.connect(), rig.connect());
    rig.log_in(second, "root");
    assert_eq!(rig.query(second, "select 1"), Outcome::Rows(1));
}

#[test]
fn idle_sessions_end_after_wait_timeout() {
    for (version, bytes) in [("8.3.0", 149), ("8.0.20", 0), ("5.7.44", 0)] {
        let mut config = ServerConfig::new(version);
        config.vars.configure(Var::WaitTimeout, 20);
        let mut rig = Rig::with(config);
        let fd = rig.connect();
        rig.log_in(fd, "app");
        rig.kernel.socket(fd).sent.clear();
        rig.kernel.calls.clear();
        rig.run(21 * S);
        let sent: u32 =
            rig.kernel.calls.iter().map(|(_, c)| if let Call::Send { data, .. } = c { data.len() } else { 0 }).sum();
        assert_eq!((sent, rig.metric("Aborted_clients")), (bytes, 1), "{version}");
    }
}

#[test]
fn a_host_with_too_many_errors_is_blocked_until_flush() {
    let mut config = ServerConfig::new("8.3.0");
    config.vars.configure(Var::MaxConnectErrors, 2);
    let mut rig = Rig::with(config);
    let remote = Ipv4Addr::new(172, 31, 55, 230);
    for i in 1..=2 {
        rig.connect_from(remote);
        rig.run(i * 11 * S);
    }
    rig.kernel.calls.clear();
    rig.connect_from(remote);
    assert!(rig.kernel.calls.iter().any(|(_, c)| matches!(c, Call::Send { data, .. } if data.len() == 111)));
    let local = rig.connect();
    assert_eq!(rig.kernel.socket(local).sent.len(), 77, "loopback is never blocked");
    assert_eq!(rig.control(&Control::Sql("flush hosts".into())), Ok(()));
    let fd = rig.connect_from(remote);
    assert_eq!(rig.kernel.socket(fd).sent.len(), 77);
}

#[test]
fn out_of_descriptors_the_listener_sleeps_a_second() {
    let mut rig = Rig::new("8.3.0", 151);
    rig.kernel.nofile = 5;
    rig.kernel.socket(LISTENER).backlog.push_back(Endpoint::new(Ipv4Addr::LOCALHOST, 1));
    rig.kernel.calls.clear();
    // The fake kernel drops what it cannot accept; one error is one sleep.
    rig.run(rig.kernel.now);
    let sleep = Call::Nanosleep { duration: Duration::from_secs(1) };
    assert!(rig.kernel.calls.iter().any(|(t, c)| t.0 == 0 && *c == sleep));
    assert_eq!(rig.metric("Connection_errors_accept"), 1);
    assert_eq!(Errno::MFile.number(), 24);
}

#[test]
fn garbage_is_a_bad_handshake() {
    let mut rig = Rig::new("8.3.0", 151);
    let fd = rig.connect();
    rig.kernel.calls.clear();
    rig.send(fd, Payload::from_bytes(b"\x05\0\0\x01hello"));
    let refused = |c: &Call| matches!(c, Call::Send { data, .. } if data.to_vec().ends_with(b"#08S01Bad handshake"));
    assert!(rig.kernel.calls.iter().any(|(_, c)| refused(c)));
    assert_eq!(rig.metric("Aborted_connects"), 1);
}

#[test]
fn the_asker_s_row_is_shown_as_the_write_up_has_it() {
    let mut rig = Rig::new("8.3.0", 151);
    let fd = rig.connect();
    rig.log_in(fd, "root");
    let mut rows = rig.server.status(Instant::ZERO).processlist;
    as_asked_by(&mut rows, 8, Flavour::Mysql80);
    let row = rows.last().unwrap();
    assert_eq!((row.command, row.state.as_deref()), ("Query", Some("init")));
    assert_eq!(row.info.as_deref(), Some(PROCESSLIST_QUERY));
}

#[test]
fn a_waiting_session_is_small() {
    assert!(size_of::<session::Session>() <= 72, "{}", size_of::<session::Session>());
}
