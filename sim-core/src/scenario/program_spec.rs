//! The programs of a checked scenario, with all their knobs.

use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Ipv4Addr};

/// What a process runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProgramSpec {
    /// MySQL or MariaDB server.
    Mysqld(Box<MysqldSpec>),
    /// sysbench.
    Sysbench(Box<SysbenchSpec>),
    /// The mysql command-line client.
    Mysql(Box<MysqlSpec>),
    /// A reconnecting client.
    Reconnect(Box<ReconnectSpec>),
    /// A connection pool.
    Pool(Box<PoolSpec>),
    /// A name server.
    Dns(Box<DnsSpec>),
    /// A list of system calls.
    Script(Box<ScriptSpec>),
}

/// The programs without their settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramKind {
    /// `mysqld`.
    Mysqld,
    /// `sysbench`.
    Sysbench,
    /// `mysql`.
    Mysql,
    /// `reconnect`.
    Reconnect,
    /// `pool`.
    Pool,
    /// `dns`.
    Dns,
    /// `script`.
    Script,
}

impl ProgramKind {
    /// The word of `program = "…"`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mysqld => "mysqld",
            Self::Sysbench => "sysbench",
            Self::Mysql => "mysql",
            Self::Reconnect => "reconnect",
            Self::Pool => "pool",
            Self::Dns => "dns",
            Self::Script => "script",
        }
    }
}

impl ProgramSpec {
    /// Which program.
    #[must_use]
    pub const fn kind(&self) -> ProgramKind {
        match self {
            Self::Mysqld(_) => ProgramKind::Mysqld,
            Self::Sysbench(_) => ProgramKind::Sysbench,
            Self::Mysql(_) => ProgramKind::Mysql,
            Self::Reconnect(_) => ProgramKind::Reconnect,
            Self::Pool(_) => ProgramKind::Pool,
            Self::Dns(_) => ProgramKind::Dns,
            Self::Script(_) => ProgramKind::Script,
        }
    }
}

/// A server as a client's option names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerName {
    /// An IP literal: no lookup.
    Addr(Ipv4Addr),
    /// A name: `/etc/hosts`, then the name server, at each connection.
    Name(String),
}

/// What a server listens on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BindSpec {
    /// `*`: one dual-stack IPv6 socket.
    DualStack,
    /// `0.0.0.0` or one address: an IPv4 socket.
    V4(Ipv4Addr),
}

/// MySQL or MariaDB server; variables under their own names, seconds where the server has seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MysqldSpec {
    /// `version`: decides flavour and greeting.
    pub version: String,
    /// `bind_address`.
    pub bind_address: BindSpec,
    /// `port`.
    pub port: u16,
    /// `max_connections`.
    pub max_connections: u32,
    /// `max_user_connections`; 0 is off.
    pub max_user_connections: u32,
    /// `max_connect_errors`.
    pub max_connect_errors: u64,
    /// `connect_timeout` in seconds.
    pub connect_timeout: u32,
    /// `wait_timeout` in seconds.
    pub wait_timeout: u32,
    /// `interactive_timeout` in seconds.
    pub interactive_timeout: u32,
    /// `net_read_timeout` in seconds.
    pub net_read_timeout: u32,
    /// `net_write_timeout` in seconds.
    pub net_write_timeout: u32,
    /// `net_retry_count`.
    pub net_retry_count: u32,
    /// `back_log`; `None` for the server's own rule.
    pub back_log: Option<u32>,
    /// `thread_cache_size`; `None` for the server's own rule.
    pub thread_cache_size: Option<u32>,
    /// `host_cache_size`; `None` for the server's own rule.
    pub host_cache_size: Option<u32>,
    /// `skip_name_resolve`.
    pub skip_name_resolve: bool,
    /// `table_open_cache`; `None` for the version's default.
    pub table_open_cache: Option<u32>,
    /// `open_files_limit` asked for; `None` for the server's own rule.
    pub open_files_limit: Option<u32>,
    /// `event_scheduler`; `None` for the version's default.
    pub event_scheduler: Option<bool>,
    /// `admin_address`.
    pub admin_address: Option<Ipv4Addr>,
    /// `admin_port`.
    pub admin_port: u16,
    /// MariaDB `extra_port`; 0 for none.
    pub extra_port: u16,
    /// MariaDB `extra_max_connections`.
    pub extra_max_connections: u32,
    /// `mysqlx_port`; 0 for none, `None` for the version's default.
    pub mysqlx_port: Option<u16>,
    /// `mysqlx_max_connections`.
    pub mysqlx_max_connections: u32,
    /// How long a query takes.
    pub service_time: Duration,
    /// How long the server has been up at the start.
    pub uptime: Duration,
    /// Id of the first session.
    pub next_connection_id: u64,
}

/// What a connector does when it reconnects over a closed handle (FACTS D.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectorFlavour {
    /// Loses the new socket.
    LeakFd,
    /// Closes it and fails.
    CloseAfterFailure,
    /// Ends with SIGSEGV.
    Crash,
    /// Reconnects.
    ReconnectOk,
}

/// `--mysql-ignore-errors`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IgnoreErrors {
    /// The first error ends the run.
    None,
    /// `all`.
    All,
    /// These error numbers.
    List(Vec<u16>),
}

/// sysbench 1.0.20.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SysbenchSpec {
    /// `--mysql-host`.
    pub mysql_host: ServerName,
    /// `--mysql-port`.
    pub mysql_port: u16,
    /// `--mysql-user`.
    pub mysql_user: String,
    /// `--mysql-password`.
    pub mysql_password: String,
    /// `--mysql-db`.
    pub mysql_db: String,
    /// `--mysql-ignore-errors`.
    pub mysql_ignore_errors: IgnoreErrors,
    /// `--threads`.
    pub threads: u32,
    /// `--time` in seconds; 0 for no limit.
    pub time: u32,
    /// `--report-interval` in seconds; 0 for none.
    pub report_interval: u32,
    /// `--rate` in transactions per second; 0 for as fast as possible.
    pub rate: u32,
    /// The connector.
    pub connector: ConnectorFlavour,
}

/// The mysql command-line client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MysqlSpec {
    /// `--host`.
    pub host: ServerName,
    /// `--port`.
    pub port: u16,
    /// `--user`.
    pub user: String,
    /// `--password`.
    pub password: String,
    /// `--database`.
    pub database: Option<String>,
    /// `--bind-address`.
    pub bind_address: Option<Ipv4Addr>,
    /// `--reconnect`.
    pub reconnect: bool,
    /// `--connect-timeout` in seconds; 0 for the system's.
    pub connect_timeout: u32,
}

/// How the pause between attempts grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackoffSpec {
    /// Always the same.
    Fixed {
        /// The pause.
        delay: Duration,
    },
    /// Grows by a factor up to a cap.
    Exponential {
        /// First pause.
        delay: Duration,
        /// Growth.
        factor: u32,
        /// Longest pause.
        cap: Duration,
    },
    /// Uniform between zero and what exponential would wait.
    Jittered {
        /// First pause.
        delay: Duration,
        /// Growth.
        factor: u32,
        /// Longest pause.
        cap: Duration,
    },
}

/// What is done with a finished connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisposeSpec {
    /// `close()`.
    Close,
    /// SO_LINGER 0, then `close()`.
    Reset,
    /// Nothing.
    Leak,
}

/// A reconnecting client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReconnectSpec {
    /// Where to.
    pub target: Endpoint,
    /// Bound to first, with an automatic port.
    pub source: Option<Ipv4Addr>,
    /// Connections at a time.
    pub connections: u32,
    /// How long one is held; `None` until the peer ends it.
    pub hold: Option<Duration>,
    /// Then.
    pub dispose: DisposeSpec,
    /// Pauses.
    pub backoff: BackoffSpec,
    /// Attempts before it gives up; `None` for never.
    pub give_up: Option<u32>,
    /// Longest attempt; `None` for the system's.
    pub connect_timeout: Option<Duration>,
}

/// A connection pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolSpec {
    /// Where to.
    pub target: Endpoint,
    /// MySQL user.
    pub user: String,
    /// MySQL password.
    pub password: String,
    /// Most connections.
    pub max: u32,
    /// Idle connections kept.
    pub min_idle: u32,
    /// Idle connections above this are closed at once.
    pub max_idle: u32,
    /// Longest wait of a caller; `None` for ever.
    pub acquire_timeout: Option<Duration>,
    /// Idle limit; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// Age limit; `None` for ever.
    pub max_lifetime: Option<Duration>,
    /// Test before use.
    pub test_before_acquire: bool,
    /// Callers.
    pub workers: u32,
    /// How long a caller works.
    pub work: Duration,
    /// Its pause.
    pub think: Duration,
    /// Pause after a failed attempt.
    pub retry_delay: Duration,
}

/// A name server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DnsSpec {
    /// UDP port.
    pub port: u16,
    /// Names it knows.
    pub records: Vec<(String, Ipv4Addr)>,
    /// From a question's arrival to its answer.
    pub delay: Duration,
    /// Time to live in answers, in seconds.
    pub ttl: u32,
    /// Ordinal numbers (from 1) of answers that are never sent.
    pub lose_replies: Vec<u64>,
    /// Spans of time in which questions are read and not answered.
    pub stalls: Vec<(Instant, Instant)>,
}

/// A scripted process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptSpec {
    /// What it does.
    pub run: Vec<ScriptOp>,
    /// An error ends the process.
    pub exit_on_error: bool,
    /// Number of descriptor names in [`ScriptOp`]s.
    pub handles: u32,
}

/// A socket option of a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionSpec {
    /// `SO_REUSEADDR`.
    ReuseAddr(bool),
    /// `SO_REUSEPORT`.
    ReusePort(bool),
    /// `SO_LINGER` in seconds; `None` is off.
    Linger(Option<u32>),
    /// `SO_KEEPALIVE`.
    KeepAlive(bool),
    /// `IP_BIND_ADDRESS_NO_PORT`.
    BindAddressNoPort(bool),
    /// `TCP_USER_TIMEOUT`.
    UserTimeout(Duration),
    /// `TCP_LINGER2` in seconds, negative for "at once".
    Linger2(i32),
    /// `TCP_DEFER_ACCEPT` in seconds.
    DeferAccept(u32),
    /// `TCP_NODELAY`.
    NoDelay(bool),
}

/// One operation. Descriptors go by handles `0..handles`, which threads share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScriptOp {
    /// `socket()` into a handle.
    Socket {
        /// Handle.
        handle: u32,
        /// `SOCK_NONBLOCK`.
        nonblock: bool,
    },
    /// `bind()`.
    Bind {
        /// Handle.
        handle: u32,
        /// Where to; port 0 is automatic.
        to: Endpoint,
    },
    /// `listen()`.
    Listen {
        /// Handle.
        handle: u32,
        /// Backlog.
        backlog: u32,
    },
    /// `accept()` into a handle.
    Accept {
        /// Listening handle.
        handle: u32,
        /// New handle.
        into: u32,
    },
    /// `connect()`.
    Connect {
        /// Handle.
        handle: u32,
        /// Destination.
        to: Endpoint,
    },
    /// `send()`.
    Send {
        /// Handle.
        handle: u32,
        /// Bytes, literal or so many blanks.
        bytes: SendBytes,
    },
    /// `recv()` once.
    Recv {
        /// Handle.
        handle: u32,
        /// Most bytes.
        max: u32,
    },
    /// `recv()` until end of stream or an error.
    RecvUntilEof {
        /// Handle.
        handle: u32,
    },
    /// `shutdown()`.
    Shutdown {
        /// Handle.
        handle: u32,
        /// Which side.
        how: crate::app::ShutdownHow,
    },
    /// `close()`.
    Close {
        /// Handle.
        handle: u32,
    },
    /// Forgets the handle, the descriptor stays open.
    Leak {
        /// Handle.
        handle: u32,
    },
    /// `setsockopt()`.
    SetSockOpt {
        /// Handle.
        handle: u32,
        /// Option.
        option: OptionSpec,
    },
    /// `clock_nanosleep()`.
    Sleep(Duration),
    /// CPU time in user space.
    Compute(Duration),
    /// `open()` into a handle.
    Open {
        /// Handle.
        handle: u32,
    },
    /// Repeats.
    Repeat {
        /// How often; `None` for ever.
        times: Option<u64>,
        /// What.
        run: Vec<Self>,
    },
    /// A thread of its own.
    Spawn {
        /// What it runs.
        run: Vec<Self>,
    },
    /// Ends the process.
    Exit {
        /// Status.
        status: u8,
    },
}

/// What `send` sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendBytes {
    /// These bytes.
    Text(Vec<u8>),
    /// So many, whatever they are.
    Count(u32),
}
