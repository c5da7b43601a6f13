//! The tables `[process.PROGRAM]` of a scenario file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::file::{AddressText, DurationText, EndpointText};

/// One address and port, or several that are used in turn.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum EndpointsText {
    One(EndpointText),
    Several(Vec<EndpointText>),
}

/// One address, or several that are used in turn.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum AddressesText {
    One(AddressText),
    Several(Vec<AddressText>),
}

/// MySQL or MariaDB server. Variables under their own names; times in whole seconds, as the server takes them.
/// A variable that is not given has the default of the server's version.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MysqldFile {
    /// What SELECT VERSION() prints; decides flavour, greeting and behaviour. "8.3.0" if not given.
    pub(super) version: Option<String>,
    /// Address it listens on: "*" (dual stack, the default), "0.0.0.0" or one address.
    pub(super) bind_address: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) max_connections: Option<i64>,
    pub(super) max_user_connections: Option<i64>,
    pub(super) max_connect_errors: Option<i64>,
    pub(super) connect_timeout: Option<i64>,
    pub(super) wait_timeout: Option<i64>,
    pub(super) interactive_timeout: Option<i64>,
    pub(super) net_read_timeout: Option<i64>,
    pub(super) net_write_timeout: Option<i64>,
    pub(super) net_retry_count: Option<i64>,
    /// -1 for the server's own rule.
    pub(super) back_log: Option<i64>,
    /// -1 for the server's own rule.
    pub(super) thread_cache_size: Option<i64>,
    /// -1 for the server's own rule, 0 switches the cache off.
    pub(super) host_cache_size: Option<i64>,
    pub(super) skip_name_resolve: Option<bool>,
    pub(super) table_open_cache: Option<i64>,
    pub(super) open_files_limit: Option<i64>,
    pub(super) event_scheduler: Option<bool>,
    /// Opens admin_port there (MySQL 8.0.14).
    pub(super) admin_address: Option<AddressText>,
    pub(super) admin_port: Option<i64>,
    /// MariaDB's second port; 0 for none.
    pub(super) extra_port: Option<i64>,
    pub(super) extra_max_connections: Option<i64>,
    pub(super) mysqlx_port: Option<i64>,
    pub(super) mysqlx_max_connections: Option<i64>,
    /// What a statement of a logged-in session costs.
    pub(super) service_time: Option<DurationText>,
    /// The service time is waiting (disks, locks) and not CPU time.
    pub(super) service_waits: Option<bool>,
    /// How long the server has been up when the scenario starts (the event scheduler's Time).
    pub(super) uptime: Option<DurationText>,
    /// Id of the first session of the scenario.
    pub(super) next_connection_id: Option<i64>,
}

/// What a connector does when a failed session reconnects over the same handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ConnectorWord {
    /// Connector/C 3.1.10 … 3.3.1: loses the new socket, one descriptor for each attempt.
    LeakFd,
    /// Connector/C 3.3.2 and later: closes it, and still never reconnects.
    CloseAfterFailure,
    /// libmariadb3 10.11: ends with SIGSEGV.
    Crash,
    /// libmysqlclient: reconnects.
    ReconnectOk,
}

/// sysbench 1.0.20; options under their own names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SysbenchFile {
    /// Server address or name, looked up at each connection. Of a list with commas each thread takes and keeps one.
    #[schemars(required)]
    pub(super) mysql_host: Option<String>,
    pub(super) mysql_port: Option<i64>,
    pub(super) mysql_user: Option<String>,
    /// Taken so that command lines can be copied; the model checks no passwords.
    #[expect(dead_code, reason = "read for the schema only")]
    pub(super) mysql_password: Option<String>,
    pub(super) mysql_db: Option<String>,
    /// "all", "none" or a list of error numbers: "1213,2013".
    pub(super) mysql_ignore_errors: Option<String>,
    /// Worker threads; 1 if not given.
    pub(super) threads: Option<i64>,
    /// Run time in seconds; 0 for no limit, the default.
    pub(super) time: Option<i64>,
    /// Seconds between reports; 0 for none.
    pub(super) report_interval: Option<i64>,
    pub(super) tables: Option<i64>,
    pub(super) table_size: Option<i64>,
    pub(super) range_size: Option<i64>,
    /// Pause after each query, for a lighter load than sysbench itself makes.
    pub(super) query_pause: Option<DurationText>,
    /// Pause between two attempts to reconnect; 1ms, as sysbench has it, if not given.
    pub(super) reconnect_pause: Option<DurationText>,
    /// The connector it is linked with; leak-fd if not given.
    pub(super) connector: Option<ConnectorWord>,
    /// Source addresses, used in turn; not in sysbench itself, but what a patched driver would do (MYSQL_OPT_BIND).
    #[serde(default)]
    #[schemars(with = "AddressesText")]
    pub(super) bind_address: Option<AddressesText>,
    /// Set before bind(), so that connect() chooses the port and each destination has all of them; false if not given.
    #[serde(rename = "IP_BIND_ADDRESS_NO_PORT")]
    pub(super) bind_address_no_port: Option<bool>,
}

/// The mysql command-line client, waiting for `sql` orders of the timeline.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MysqlFile {
    /// Server address or name.
    #[schemars(required)]
    pub(super) host: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) user: Option<String>,
    pub(super) database: Option<String>,
    /// Connects when it starts, not only when told to; true if not given.
    pub(super) connect_at_start: Option<bool>,
    /// Statements run right after the connection.
    #[serde(default)]
    pub(super) init: Vec<String>,
}

/// How the pause between two attempts grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackoffWord {
    /// Always `delay`.
    Fixed,
    /// `delay`, multiplied by `growth` each time, up to `cap`.
    Exponential,
    /// Uniform between zero and what exponential would wait.
    Jittered,
}

/// What a client does with a connection it is done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum DisposeWord {
    /// close(): FIN, or RST with unread data.
    Close,
    /// SO_LINGER 0 and close(): RST.
    Reset,
    /// Forgets the descriptor.
    Leak,
}

/// What a client does on a new connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AfterWord {
    /// Nothing; not even read.
    Nothing,
    /// Reads once: the server's greeting.
    Read,
    /// Sends `bytes`.
    Send,
    /// Sends `bytes` and reads the answer.
    Exchange,
}

/// Who ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CloseFirstWord {
    /// The client, after `hold`: TIME_WAIT is the client's.
    Client,
    /// The server; the client then closes too.
    Server,
    /// Nobody.
    Never,
}

/// A client that connects, holds the connection, and connects again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReconnectFile {
    /// Where to connect: address or name, and port. Several are used in turn.
    #[schemars(required)]
    pub(super) target: Option<EndpointsText>,
    /// Source addresses, bound before connect() in turn; the kernel's choice if not given.
    #[serde(default)]
    #[schemars(with = "AddressesText")]
    pub(super) bind_address: Option<AddressesText>,
    /// Set before bind(), so that connect() chooses the port and each destination has all of them; false if not given.
    #[serde(rename = "IP_BIND_ADDRESS_NO_PORT")]
    pub(super) bind_address_no_port: Option<bool>,
    /// Threads that each hold one connection at a time; 1 if not given.
    pub(super) threads: Option<i64>,
    /// What happens on a new connection; read if not given.
    pub(super) after: Option<AfterWord>,
    /// Bytes of `after = "send"` and `"exchange"`.
    pub(super) bytes: Option<i64>,
    /// Who ends it; server if not given.
    pub(super) close_first: Option<CloseFirstWord>,
    /// How long the client holds it, for `close_first = "client"`; 0s if not given.
    pub(super) hold: Option<DurationText>,
    /// What is done with a finished connection; close if not given.
    pub(super) dispose: Option<DisposeWord>,
    /// Time between two connections of all threads together; at once if not given.
    pub(super) pace: Option<DurationText>,
    /// How the pause after a failure grows; fixed if not given.
    pub(super) backoff: Option<BackoffWord>,
    /// First pause; "1s" if not given.
    pub(super) delay: Option<DurationText>,
    /// Factor from one pause to the next; 2 if not given.
    pub(super) growth: Option<i64>,
    /// Longest pause; "30s" if not given.
    pub(super) cap: Option<DurationText>,
    /// Failures in a row after which a thread gives up; 0 for never.
    pub(super) give_up_after: Option<i64>,
    /// Longest wait for one attempt; the system's if not given.
    pub(super) connect_timeout: Option<DurationText>,
    /// Connections each thread makes; no end if not given.
    pub(super) connections: Option<i64>,
}

/// What a failed connection attempt of a pool leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnFailureWord {
    /// The caller gets the error.
    Error,
    /// Tried again, with pauses, until the acquire time-out.
    Retry,
    /// The same, but only after ECONNREFUSED.
    RetryRefused,
}

/// Which idle connection a pool hands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum IdleOrderWord {
    /// The one that came back last.
    Lifo,
    /// The one that has waited longest.
    Fifo,
    /// The one that the same thread gave back last, else the oldest connection.
    Own,
    /// Any.
    Random,
}

/// Pools whose defaults are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(super) enum PoolPresetWord {
    #[serde(rename = "hikari")]
    Hikari,
    #[serde(rename = "go-sql")]
    GoSql,
    #[serde(rename = "sqlx")]
    Sqlx,
    #[serde(rename = "bb8")]
    Bb8,
    #[serde(rename = "deadpool")]
    Deadpool,
    #[serde(rename = "mysql2")]
    Mysql2,
    #[serde(rename = "mysql_async")]
    MysqlAsync,
    /// SQLAlchemy's `QueuePool`.
    #[serde(rename = "sqlalchemy")]
    Sqlalchemy,
    /// Persistent mysqli connections of PHP-FPM's workers.
    #[serde(rename = "php-fpm")]
    PhpFpm,
    /// ProxySQL's connections to a backend.
    #[serde(rename = "proxysql")]
    Proxysql,
}

/// A program with a connection pool.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolFile {
    /// Where to connect: address or name, and port. Several are used in turn by new connections.
    #[schemars(required)]
    pub(super) target: Option<EndpointsText>,
    /// Source addresses, bound before connect() in turn; the kernel's choice if not given.
    #[serde(default)]
    #[schemars(with = "AddressesText")]
    pub(super) bind_address: Option<AddressesText>,
    /// Set before bind(), so that connect() chooses the port and each destination has all of them; false if not given.
    #[serde(rename = "IP_BIND_ADDRESS_NO_PORT")]
    pub(super) bind_address_no_port: Option<bool>,
    /// Whose defaults hold for what is not given.
    pub(super) preset: Option<PoolPresetWord>,
    pub(super) user: Option<String>,
    pub(super) database: Option<String>,
    /// Most connections; 0 for no limit.
    pub(super) max: Option<i64>,
    /// Connections kept even when idle.
    pub(super) min: Option<i64>,
    /// Most idle connections.
    pub(super) max_idle: Option<i64>,
    /// How long a caller waits for a connection.
    pub(super) acquire_timeout: Option<DurationText>,
    /// Idle connections older than this are closed.
    pub(super) idle_timeout: Option<DurationText>,
    /// Connections older than this are closed when they come back.
    pub(super) max_lifetime: Option<DurationText>,
    /// Try a connection before it is handed out.
    pub(super) test_before_acquire: Option<bool>,
    /// Statements tried again on another connection when theirs turned out dead.
    pub(super) bad_connection_retries: Option<i64>,
    /// Attempts to connect after a failed one; no limit but the acquire time-out if not given.
    pub(super) connect_retries: Option<i64>,
    /// What a failed connection attempt leads to.
    pub(super) on_failure: Option<OnFailureWord>,
    /// How the pause of `retry` grows; exponential if not given.
    pub(super) backoff: Option<BackoffWord>,
    /// First pause; "10ms" if not given.
    pub(super) delay: Option<DurationText>,
    /// Factor from one pause to the next; 2 if not given.
    pub(super) growth: Option<i64>,
    /// Longest pause; "5s" if not given.
    pub(super) cap: Option<DurationText>,
    /// Which idle connection is handed out; lifo without a preset.
    pub(super) idle_order: Option<IdleOrderWord>,
    /// How often idle connections are looked at.
    pub(super) housekeeping: Option<DurationText>,
    /// Threads that use the pool; 1 if not given.
    pub(super) workers: Option<i64>,
    /// What each request runs; "select 1" if not given.
    pub(super) statement: Option<String>,
    /// Pause of a thread between two requests; "10ms" if not given.
    pub(super) think: Option<DurationText>,
    /// Requests each thread makes; no end if not given.
    pub(super) requests: Option<i64>,
    /// Longest wait for a connection and each step of its login.
    pub(super) connect_timeout: Option<DurationText>,
}

/// A name server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsFile {
    /// Port; 53 if not given.
    pub(super) port: Option<i64>,
    /// Names it knows.
    #[serde(default)]
    pub(super) records: BTreeMap<String, AddressText>,
    /// From a question's arrival to its answer; "150us" if not given.
    pub(super) delay: Option<DurationText>,
    /// Time to live in answers, in seconds; 60 if not given.
    pub(super) ttl: Option<i64>,
    /// Ordinal numbers (from 1) of answers that are never sent.
    #[serde(default)]
    pub(super) lose_replies: Vec<i64>,
    /// Spans of time, [from, to], in which questions are read and not answered.
    #[serde(default)]
    pub(super) stalls: Vec<Vec<DurationText>>,
}

/// A process made of system calls.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptFile {
    /// What it does, in order. At the end it waits for ever, its sockets open.
    #[schemars(required)]
    pub(super) run: Option<Vec<OpFile>>,
}

/// Words for `shutdown`'s `how`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(super) enum HowWord {
    #[serde(rename = "SHUT_RD")]
    Read,
    #[serde(rename = "SHUT_WR")]
    Write,
    #[serde(rename = "SHUT_RDWR")]
    Both,
}

/// Words for `setsockopt`'s `option`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum OptionWord {
    SoReuseaddr,
    /// Seconds.
    SoLinger,
    SoKeepalive,
    /// Seconds.
    TcpKeepidle,
    /// Seconds.
    TcpKeepintvl,
    TcpKeepcnt,
    TcpNodelay,
    TcpQuickack,
    /// Milliseconds.
    TcpUserTimeout,
    /// Seconds.
    #[serde(rename = "TCP_LINGER2")]
    TcpLinger2,
    /// Seconds.
    TcpDeferAccept,
    IpBindAddressNoPort,
    /// High port * 65536 + low port.
    IpLocalPortRange,
    /// Bytes.
    SoRcvbuf,
    /// Bytes.
    SoSndbuf,
}

/// One step of a script. Descriptors go by names; a new thread gets a copy of
/// them. `expect` is "ok" or an errno: a step that ends otherwise is counted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OpFile {
    /// fd = socket().
    Socket {
        #[schemars(required)]
        fd: Option<String>,
        /// A UDP socket.
        udp: Option<bool>,
        nonblock: Option<bool>,
        expect: Option<String>,
    },
    /// bind(); port 0 asks for an automatic one.
    Bind {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        addr: Option<EndpointText>,
        expect: Option<String>,
    },
    /// listen().
    Listen {
        #[schemars(required)]
        fd: Option<String>,
        backlog: Option<i64>,
    },
    /// into = accept(fd).
    Accept {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        into: Option<String>,
        expect: Option<String>,
    },
    /// connect().
    Connect {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        addr: Option<EndpointText>,
        expect: Option<String>,
    },
    /// send() of a text, of bytes in hexadecimal, or of so many bytes.
    Send {
        #[schemars(required)]
        fd: Option<String>,
        text: Option<String>,
        /// Bytes as pairs of hexadecimal digits.
        hex: Option<String>,
        bytes: Option<i64>,
        expect: Option<String>,
    },
    /// recv(), once.
    Recv {
        #[schemars(required)]
        fd: Option<String>,
        /// Most bytes to take; 65536 if not given.
        max: Option<i64>,
        expect: Option<String>,
    },
    /// recv() until the end of the stream or an error.
    RecvUntilEof {
        #[schemars(required)]
        fd: Option<String>,
        expect: Option<String>,
    },
    /// shutdown().
    Shutdown {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        how: Option<HowWord>,
        expect: Option<String>,
    },
    /// close().
    Close {
        #[schemars(required)]
        fd: Option<String>,
    },
    /// Forgets a descriptor: it stays open, and its number is lost.
    Leak {
        #[schemars(required)]
        fd: Option<String>,
    },
    /// fd = open() of a file that is no socket.
    Open {
        #[schemars(required)]
        fd: Option<String>,
        expect: Option<String>,
    },
    /// nanosleep().
    Sleep {
        #[serde(rename = "for")]
        #[schemars(required)]
        span: Option<DurationText>,
    },
    /// CPU time spent outside the kernel.
    Compute {
        #[serde(rename = "for")]
        #[schemars(required)]
        span: Option<DurationText>,
    },
    /// poll() of one descriptor.
    Poll {
        #[schemars(required)]
        fd: Option<String>,
        /// POLLOUT instead of POLLIN.
        out: Option<bool>,
        /// Longest wait; for ever if not given.
        timeout: Option<DurationText>,
    },
    /// setsockopt().
    Setsockopt {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        option: Option<OptionWord>,
        #[schemars(required)]
        value: Option<i64>,
    },
    /// The body, so many times.
    Loop {
        #[schemars(required)]
        times: Option<i64>,
        #[schemars(required)]
        body: Option<Vec<Self>>,
    },
    /// The body, for ever.
    Forever {
        #[schemars(required)]
        body: Option<Vec<Self>>,
    },
    /// A new thread that runs the body.
    Spawn {
        #[schemars(required)]
        body: Option<Vec<Self>>,
    },
    /// Ends the process.
    Exit { status: Option<i64> },
}
