//! The tables `[process.PROGRAM]` of a scenario file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::file::{AddressText, DurationText, EndpointText};

/// MySQL or MariaDB server. Variables under their own names; times in whole seconds, as the server takes them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MysqldFile {
    /// What SELECT VERSION() prints; decides flavour, greeting and behaviour. "8.3.0" if not given.
    pub(super) version: Option<String>,
    /// Address it listens on: "*" (dual stack), "0.0.0.0" or one address.
    pub(super) bind_address: Option<String>,
    /// TCP port; 3306 if not given.
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
    pub(super) admin_address: Option<AddressText>,
    pub(super) admin_port: Option<i64>,
    /// MariaDB's second port; 0 for none.
    pub(super) extra_port: Option<i64>,
    pub(super) extra_max_connections: Option<i64>,
    /// Port of the X Protocol, 0 for none.
    pub(super) mysqlx_port: Option<i64>,
    pub(super) mysqlx_max_connections: Option<i64>,
    /// How long a query of a logged-in session takes.
    pub(super) service_time: Option<DurationText>,
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
    /// Server address or name; a name is looked up at each connection.
    #[schemars(required)]
    pub(super) mysql_host: Option<String>,
    pub(super) mysql_port: Option<i64>,
    pub(super) mysql_user: Option<String>,
    pub(super) mysql_password: Option<String>,
    pub(super) mysql_db: Option<String>,
    /// "all", "none" or a list of error numbers: "1213,2013".
    pub(super) mysql_ignore_errors: Option<String>,
    /// Worker threads; 1 if not given.
    pub(super) threads: Option<i64>,
    /// Run time in seconds; 0 for no limit.
    pub(super) time: Option<i64>,
    /// Seconds between reports; 0 for none.
    pub(super) report_interval: Option<i64>,
    /// Transactions per second over all threads; 0 for as fast as possible.
    pub(super) rate: Option<i64>,
    /// The connector it is linked with.
    pub(super) connector: Option<ConnectorWord>,
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
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    /// Address it binds to before it connects.
    pub(super) bind_address: Option<AddressText>,
    /// Reconnect once after a lost session.
    pub(super) reconnect: Option<bool>,
    /// Seconds; 0 for the system's.
    pub(super) connect_timeout: Option<i64>,
}

/// How the pause between two attempts grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackoffWord {
    /// Always `delay`.
    Fixed,
    /// `delay`, times `factor` each time, up to `cap`.
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

/// A client that connects, holds the connection, and connects again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReconnectFile {
    /// Where to connect.
    #[schemars(required)]
    pub(super) target: Option<EndpointText>,
    /// Address it binds to first, with an automatic port.
    pub(super) source: Option<AddressText>,
    /// Connections it keeps at a time; 1 if not given.
    pub(super) connections: Option<i64>,
    /// How long a connection is held after it is up; until the peer ends it if not given.
    pub(super) hold: Option<DurationText>,
    /// What is done with a finished connection; close if not given.
    pub(super) dispose: Option<DisposeWord>,
    /// How the pause grows; fixed if not given.
    pub(super) backoff: Option<BackoffWord>,
    /// First pause; "1s" if not given.
    pub(super) delay: Option<DurationText>,
    /// Growth; 2 if not given.
    pub(super) factor: Option<i64>,
    /// Longest pause; "30s" if not given.
    pub(super) cap: Option<DurationText>,
    /// Attempts before it gives up; 0 for never.
    pub(super) give_up: Option<i64>,
    /// Longest wait for one attempt; the system's if not given.
    pub(super) connect_timeout: Option<DurationText>,
}

/// A connection pool.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolFile {
    /// Where to connect.
    #[schemars(required)]
    pub(super) target: Option<EndpointText>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Most connections.
    pub(super) max: Option<i64>,
    /// Idle connections kept.
    pub(super) min_idle: Option<i64>,
    /// Idle connections above this are closed at once.
    pub(super) max_idle: Option<i64>,
    /// How long a caller waits for a connection.
    pub(super) acquire_timeout: Option<DurationText>,
    /// An idle connection older than this is closed.
    pub(super) idle_timeout: Option<DurationText>,
    /// A connection older than this is closed.
    pub(super) max_lifetime: Option<DurationText>,
    /// Test a connection before it is handed out.
    pub(super) test_before_acquire: Option<bool>,
    /// Callers at a time.
    pub(super) workers: Option<i64>,
    /// How long a caller works with its connection.
    pub(super) work: Option<DurationText>,
    /// Pause of a caller between two uses.
    pub(super) think: Option<DurationText>,
    /// Pause after a failed connection attempt.
    pub(super) retry_delay: Option<DurationText>,
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
    /// What it does, in order.
    #[schemars(required)]
    pub(super) run: Option<Vec<OpFile>>,
    /// What follows an error no operation expects: go on, or end the process. "continue" if not given.
    pub(super) on_error: Option<OnErrorWord>,
}

/// Words for `on_error`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnErrorWord {
    Continue,
    Exit,
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
pub(super) enum OptionWord {
    #[serde(rename = "SO_REUSEADDR")]
    ReuseAddr,
    #[serde(rename = "SO_REUSEPORT")]
    ReusePort,
    /// Seconds; -1 switches it off.
    #[serde(rename = "SO_LINGER")]
    Linger,
    #[serde(rename = "SO_KEEPALIVE")]
    KeepAlive,
    #[serde(rename = "IP_BIND_ADDRESS_NO_PORT")]
    BindAddressNoPort,
    /// Milliseconds.
    #[serde(rename = "TCP_USER_TIMEOUT")]
    UserTimeout,
    /// Seconds.
    #[serde(rename = "TCP_LINGER2")]
    Linger2,
    /// Seconds.
    #[serde(rename = "TCP_DEFER_ACCEPT")]
    DeferAccept,
    #[serde(rename = "TCP_NODELAY")]
    NoDelay,
}

/// One operation of a script.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OpFile {
    /// socket(AF_INET); the descriptor is kept under a name.
    Socket {
        #[serde(rename = "as")]
        #[schemars(required)]
        name: Option<String>,
        nonblock: Option<bool>,
    },
    /// bind(); port 0 asks for an automatic one.
    Bind {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        to: Option<EndpointText>,
    },
    /// listen().
    Listen {
        #[schemars(required)]
        fd: Option<String>,
        backlog: Option<i64>,
    },
    /// accept(); the new descriptor is kept under a name.
    Accept {
        #[schemars(required)]
        fd: Option<String>,
        #[serde(rename = "as")]
        #[schemars(required)]
        name: Option<String>,
    },
    /// connect().
    Connect {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        to: Option<EndpointText>,
    },
    /// send() of a text or of so many bytes.
    Send {
        #[schemars(required)]
        fd: Option<String>,
        text: Option<String>,
        bytes: Option<i64>,
    },
    /// recv() once, of at most so many bytes.
    Recv {
        #[schemars(required)]
        fd: Option<String>,
        max: Option<i64>,
    },
    /// recv() until end of stream or an error.
    RecvUntilEof {
        #[schemars(required)]
        fd: Option<String>,
    },
    /// shutdown().
    Shutdown {
        #[schemars(required)]
        fd: Option<String>,
        #[schemars(required)]
        how: Option<HowWord>,
    },
    /// close().
    Close {
        #[schemars(required)]
        fd: Option<String>,
    },
    /// Forgets the name and leaves the descriptor open.
    Leak {
        #[schemars(required)]
        fd: Option<String>,
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
    /// nanosleep().
    Sleep {
        #[serde(rename = "for")]
        #[schemars(required)]
        duration: Option<DurationText>,
    },
    /// CPU time in user space.
    Compute {
        #[serde(rename = "for")]
        #[schemars(required)]
        duration: Option<DurationText>,
    },
    /// open() of a file; the descriptor is kept under a name.
    Open {
        #[serde(rename = "as")]
        #[schemars(required)]
        name: Option<String>,
    },
    /// Repeats operations; without `times`, for ever.
    Repeat {
        times: Option<i64>,
        #[schemars(required)]
        run: Option<Vec<Self>>,
    },
    /// Runs operations in a thread of their own.
    Spawn {
        #[schemars(required)]
        run: Option<Vec<Self>>,
    },
    /// Ends the process.
    Exit { status: Option<i64> },
}
