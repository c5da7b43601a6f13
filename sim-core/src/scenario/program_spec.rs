//! The programs of a checked scenario, with all their knobs.

use crate::app::backoff::BackOff;
use crate::app::pool::{IdleOrder, OnConnectFailure};
use crate::app::reconnect::{AfterConnect, CloseFirst, Disposal};
use crate::app::script::ScriptOp;
use crate::app::sysbench::{Connector, IgnoreErrors};
use crate::time::{Duration, Instant};
use crate::units::Ipv4Addr;

/// What a process runs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
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
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum ServerName {
    /// An IP literal: no lookup.
    Addr(Ipv4Addr),
    /// A name: `/etc/hosts`, then the name server, at each connection.
    Name(String),
}

/// Addresses of a client besides its first destination, used in turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct SpreadSpec {
    /// Further destinations.
    pub more_targets: Vec<(ServerName, u16)>,
    /// `bind_address`; empty for the kernel's choice.
    pub sources: Vec<Ipv4Addr>,
    /// `IP_BIND_ADDRESS_NO_PORT`.
    pub bind_address_no_port: bool,
}

/// What a server listens on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum BindSpec {
    /// `*`: one dual-stack IPv6 socket.
    DualStack,
    /// `0.0.0.0` or one address: an IPv4 socket.
    V4(Ipv4Addr),
}

/// MySQL or MariaDB server.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct MysqldSpec {
    /// `version`: decides flavour and greeting.
    pub version: String,
    /// `bind_address`.
    pub bind_address: BindSpec,
    /// Numeric system variables that are given, under their own names; the
    /// others have the defaults of the server's version.
    #[cfg_attr(feature = "pack", serde(with = "super::pack::variables"))]
    pub vars: Vec<(&'static str, u64)>,
    /// `event_scheduler`; `None` for the version's default.
    pub event_scheduler: Option<bool>,
    /// `admin_address`.
    pub admin_address: Option<Ipv4Addr>,
    /// What a statement costs; `None` for the server program's default.
    pub service_time: Option<Duration>,
    /// That is waiting and not CPU time.
    pub service_waits: bool,
    /// How long the server has been up at the start.
    pub uptime: Duration,
    /// Id of the first session; `None` for the server program's default.
    pub next_connection_id: Option<u32>,
}

/// sysbench 1.0.20.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct SysbenchSpec {
    /// `--mysql-host`.
    pub mysql_host: ServerName,
    /// `--mysql-port`.
    pub mysql_port: u16,
    /// `--mysql-user`.
    pub mysql_user: String,
    /// `--mysql-db`.
    pub mysql_db: String,
    /// `--mysql-ignore-errors`.
    pub mysql_ignore_errors: IgnoreErrors,
    /// `--threads`.
    pub threads: u32,
    /// `--time`; `None` for no limit.
    pub time: Option<Duration>,
    /// `--report-interval`; zero for none.
    pub report_interval: Duration,
    /// `--tables`.
    pub tables: u32,
    /// `--table-size`.
    pub table_size: u32,
    /// `--range-size`.
    pub range_size: u32,
    /// Pause after each query.
    pub query_pause: Duration,
    /// Pause between two attempts to reconnect.
    pub reconnect_pause: Duration,
    /// The connector.
    pub connector: Connector,
    /// Further hosts of `--mysql-host`, and source addresses.
    pub spread: SpreadSpec,
}

/// The mysql command-line client.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct MysqlSpec {
    /// `--host`.
    pub host: ServerName,
    /// `--port`.
    pub port: u16,
    /// `--user`.
    pub user: String,
    /// `--database`.
    pub database: Option<String>,
    /// Connects when it starts, not only when told to.
    pub connect_at_start: bool,
    /// Statements run right after the connection.
    pub init: Vec<String>,
}

/// A reconnecting client.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct ReconnectSpec {
    /// Where to.
    pub target: (ServerName, u16),
    /// Further addresses.
    pub spread: SpreadSpec,
    /// Threads that each hold one connection at a time.
    pub threads: u32,
    /// What happens on a connection.
    pub after: AfterConnect,
    /// Who ends it.
    pub close_first: CloseFirst,
    /// How the client lets go of it.
    pub dispose: Disposal,
    /// Time between two connections of all threads together; `None` goes on at once.
    pub pace: Option<Duration>,
    /// Pauses after failures.
    pub back_off: BackOff,
    /// Failures in a row after which a thread gives up; `None` for never.
    pub give_up_after: Option<u32>,
    /// Longest attempt; `None` for the system's.
    pub connect_timeout: Option<Duration>,
    /// Connections each thread makes; `None` for no end.
    pub connections: Option<u64>,
}

/// Name of a pool whose defaults are known.
pub type PoolName = &'static str;

/// A program with a connection pool. `None` leaves a setting to the preset.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolSpec {
    /// Where to.
    pub target: (ServerName, u16),
    /// Further addresses.
    pub spread: SpreadSpec,
    /// Whose defaults: `hikari`, `go-sql`, `sqlx`, `bb8`, `deadpool`, `mysql2`, `mysql_async`,
    /// `sqlalchemy`, `php-fpm`, `proxysql`.
    #[cfg_attr(feature = "pack", serde(with = "super::pack::pool_preset"))]
    pub preset: Option<PoolName>,
    /// MySQL user.
    pub user: String,
    /// Default database.
    pub database: Option<String>,
    /// Most connections; 0 for no limit.
    pub max: Option<u32>,
    /// Connections kept even when idle.
    pub min: Option<u32>,
    /// Most idle connections.
    pub max_idle: Option<u32>,
    /// Longest wait of a caller.
    pub acquire_timeout: Option<Duration>,
    /// Idle limit.
    pub idle_timeout: Option<Duration>,
    /// Age limit.
    pub max_lifetime: Option<Duration>,
    /// Test before use.
    pub test_before_acquire: Option<bool>,
    /// Statements tried again on another connection.
    pub bad_connection_retries: Option<u32>,
    /// Attempts after a failed one.
    pub connect_retries: Option<u32>,
    /// What a failed attempt leads to.
    pub on_failure: Option<OnConnectFailure>,
    /// Which idle connection is handed out.
    pub idle_order: Option<IdleOrder>,
    /// How often idle connections are looked at.
    pub housekeeping: Option<Duration>,
    /// Threads that use it.
    pub workers: u32,
    /// What each request runs.
    pub statement: String,
    /// Pause of a thread between two requests.
    pub think: Duration,
    /// Requests each thread makes; `None` for no end.
    pub requests: Option<u64>,
    /// Longest wait for a connection and each step of its login.
    pub connect_timeout: Option<Duration>,
}

/// A name server.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
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

/// A scripted process: its steps; then it waits for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct ScriptSpec {
    /// What it does.
    pub run: Vec<ScriptOp>,
}
