//! The settings of a connection pool, and those of pools people use.

use super::backoff::BackOff;
use crate::time::Duration;

/// What a pool does when it cannot open a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum OnConnectFailure {
    /// The caller gets the error.
    Error,
    /// Tries again after these waits until the acquire time-out.
    Retry(BackOff),
    /// As `Retry`, but only after ECONNREFUSED; other errors go to the caller (sqlx).
    RetryRefused(BackOff),
}

/// How a pool makes sure that an idle connection is alive before it hands it out. One that is not is
/// closed, and the caller gets another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TestOnAcquire {
    /// It does not.
    No,
    /// By a trivial statement, where the connection has been idle for longer than this.
    Statement(Duration),
    /// By a look at the socket (`MSG_PEEK`): the end of the stream, or an error, tells a dead one.
    Peek,
}

/// Which of its idle connections a pool hands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum IdleOrder {
    /// The one that came back last: the others grow old, and may be closed.
    Lifo,
    /// The one that has waited longest: all of them stay in use.
    Fifo,
    /// The one that the same thread gave back last, else the oldest connection.
    Own,
    /// Any.
    Random,
}

/// A pool's settings; 0 or `None` means "no limit".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolConfig {
    /// Most connections; 0 for no limit.
    pub max: u32,
    /// Connections kept even when idle.
    pub min: u32,
    /// Most idle connections; `None` for as many as `max`.
    pub max_idle: Option<u32>,
    /// Longest wait for a connection.
    pub acquire_timeout: Option<Duration>,
    /// Idle connections older than this are closed.
    pub idle_timeout: Option<Duration>,
    /// Connections older than this are closed when they come back.
    pub max_lifetime: Option<Duration>,
    /// How connections are tried before they are handed out.
    pub test: TestOnAcquire,
    /// Statements tried again on another connection when theirs turned out dead.
    pub bad_connection_retries: u32,
    /// Attempts after a failed one; `None` leaves it to the acquire time-out.
    pub connect_retries: Option<u32>,
    /// What a failed connection attempt leads to.
    pub on_failure: OnConnectFailure,
    /// Which idle connection is handed out.
    pub idle_order: IdleOrder,
    /// How often idle connections are looked at.
    pub housekeeping: Duration,
    /// Longest wait for a TCP connection and each step of the login.
    pub connect_timeout: Option<Duration>,
}

impl Default for PoolConfig {
    /// Ten connections, nothing else limited.
    fn default() -> Self {
        Self::BASE
    }
}

impl PoolConfig {
    const BASE: Self = Self {
        max: 10,
        min: 0,
        max_idle: None,
        acquire_timeout: None,
        idle_timeout: None,
        max_lifetime: None,
        test: TestOnAcquire::No,
        bad_connection_retries: 0,
        connect_retries: None,
        on_failure: OnConnectFailure::Error,
        idle_order: IdleOrder::Lifo,
        housekeeping: Duration::from_secs(30),
        connect_timeout: None,
    };

    /// The names [`PoolConfig::preset`] knows.
    pub const PRESETS: &'static [&'static str] =
        &["hikari", "go-sql", "sqlx", "bb8", "deadpool", "mysql2", "mysql_async", "sqlalchemy", "php-fpm", "proxysql"];

    /// The defaults of a pool by name. `cpus` is the host's number of CPUs.
    ///
    /// | name | sources |
    /// |---|---|
    /// | `hikari` | HikariCP `HikariConfig`; `HikariPool`: a connection idle for more than 500 ms is tested (`aliveBypassWindowMs`), a failed one is opened again after 10 ms, doubling, up to 5 s; the login time-out is `connectionTimeout`; `ConcurrentBag`: a thread's own last, else the first of the list |
    /// | `go-sql` | Go `database/sql`: two idle ones, two retries after `driver.ErrBadConn`; go-sql-driver/mysql `conncheck.go`: a look at the socket before its first use; the last one back is the first out |
    /// | `sqlx` | sqlx-core `pool/options.rs`, `pool/inner.rs`: a ping before each use; ECONNREFUSED alone is tried again; a queue of idle ones |
    /// | `bb8` | bb8 `api.rs`, `inner.rs`; `QueueStrategy::Fifo` |
    /// | `deadpool` | deadpool `PoolConfig`; `QueueMode::Fifo` |
    /// | `mysql2` | node-mysql2 `pool_config.js`, `base/pool.js`: `idleTimeout` has no effect unless `maxIdle` is less than `connectionLimit`, which by default it is not; `base/pool_connection.js` removes a connection that ends, here at its next use; `connectTimeout` 10 s; a stack of idle ones |
    /// | `mysql_async` | mysql_async `opts`: no more idle ones than the lower bound; `conn/pool`: a look at the socket before each use; a stack of idle ones |
    /// | `sqlalchemy` | SQLAlchemy `pool/impl.py`, `QueuePool`: 5 kept, 10 more, 30 s; a queue unless `use_lifo`. That an error marks all idle connections for replacement is not modelled |
    /// | `php-fpm` | php-src `www.conf.in` (5 children); `mysqli_nonapi.c`: COM_CHANGE_USER before each reuse; `default_socket_timeout` 60 s; `accept()` wakes the child that has waited longest (Linux `inet_csk_wait_for_connect`) |
    /// | `proxysql` | ProxySQL `MySQL_Thread.cpp`: `connect_retries_on_failure` 10, a millisecond apart, `connect_timeout_server` 1 s, 10 s in all, a tenth kept idle, any of them taken (`get_random_MyConn`). Shunning is not modelled |
    #[must_use]
    pub fn preset(name: &str, cpus: u32) -> Option<Self> {
        let doubling = |first_ms, cap_ms| BackOff::Exponential {
            first: Duration::from_millis(first_ms),
            growth: 2,
            cap: Duration::from_millis(cap_ms),
        };
        let seconds = |n| Some(Duration::from_secs(n));
        let long_lived = Self {
            acquire_timeout: seconds(30),
            idle_timeout: seconds(600),
            max_lifetime: seconds(1_800),
            connect_timeout: seconds(30),
            ..Self::BASE
        };
        let each_time = TestOnAcquire::Statement(Duration::ZERO);
        Some(match name {
            "hikari" => Self {
                min: 10,
                test: TestOnAcquire::Statement(Duration::from_millis(500)),
                on_failure: OnConnectFailure::Retry(doubling(10, 5_000)),
                idle_order: IdleOrder::Own,
                ..long_lived
            },
            "go-sql" => {
                Self { max: 0, max_idle: Some(2), test: TestOnAcquire::Peek, bad_connection_retries: 2, ..Self::BASE }
            }
            "sqlx" => {
                let on_failure = OnConnectFailure::RetryRefused(doubling(10, 6_000));
                Self { test: each_time, on_failure, idle_order: IdleOrder::Fifo, ..long_lived }
            }
            "bb8" => {
                let on_failure = OnConnectFailure::Retry(doubling(400, 15_000));
                Self { test: each_time, on_failure, idle_order: IdleOrder::Fifo, ..long_lived }
            }
            "deadpool" => Self { max: 2 * cpus, idle_order: IdleOrder::Fifo, ..Self::BASE },
            "mysql2" => Self { test: TestOnAcquire::Peek, connect_timeout: seconds(10), ..Self::BASE },
            "mysql_async" => Self { max: 100, min: 10, max_idle: Some(10), test: TestOnAcquire::Peek, ..Self::BASE },
            "sqlalchemy" => Self {
                max: 15,
                max_idle: Some(5),
                acquire_timeout: seconds(30),
                idle_order: IdleOrder::Fifo,
                ..Self::BASE
            },
            "php-fpm" => Self {
                max: 5,
                test: each_time,
                connect_timeout: seconds(60),
                idle_order: IdleOrder::Fifo,
                ..Self::BASE
            },
            "proxysql" => Self {
                max: 1_000,
                max_idle: Some(100),
                acquire_timeout: seconds(10),
                connect_retries: Some(10),
                connect_timeout: seconds(1),
                on_failure: OnConnectFailure::Retry(BackOff::Fixed(Duration::from_millis(1))),
                idle_order: IdleOrder::Random,
                ..Self::BASE
            },
            _ => return None,
        })
    }
}
