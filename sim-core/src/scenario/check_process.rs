//! Checks of processes and of the programs they run.

use std::collections::BTreeSet;

use super::check::{At, Cx, MAX_TABLE};
use super::file::{DurationText, ProcessFile, ProgramWord, RealWord};
use super::metric::RESERVED;
use super::problem::ProblemKind;
use super::program_file::{
    AfterWord, BackoffWord, CloseFirstWord, ConnectorWord, DisposeWord, DnsFile, IdleOrderWord, MysqlFile, MysqldFile,
    OnFailureWord, PoolFile, PoolPresetWord, ReconnectFile, SysbenchFile,
};
use super::spec::{
    BindSpec, DnsSpec, HostIx, MysqlSpec, MysqldSpec, PoolSpec, ProcessSpec, ProgramKind, ProgramSpec, ReconnectSpec,
    SysbenchSpec,
};
use super::{check_ends, check_script, value};
use crate::app::Limits;
use crate::app::backoff::BackOff;
use crate::app::mysql::{Flavour, Vars};
use crate::app::pool::{IdleOrder, OnConnectFailure};
use crate::app::reconnect::{AfterConnect, CloseFirst, Disposal};
use crate::app::sysbench::{Connector, IgnoreErrors, RECONNECT_PAUSE};
use crate::time::{Duration, Instant};

/// The kernel's own RLIMIT_NOFILE (FACTS B.5).
const DEFAULT_NOFILE: Limits = Limits { soft: 1_024, hard: 4_096 };
/// Longest time-out MySQL takes, in seconds.
const YEAR: i64 = 31_536_000;
/// Most threads or connections of one client.
const MAX_CLIENTS: i64 = 1_000_000;

const fn kind_of(word: ProgramWord) -> ProgramKind {
    match word {
        ProgramWord::Mysqld => ProgramKind::Mysqld,
        ProgramWord::Sysbench => ProgramKind::Sysbench,
        ProgramWord::Mysql => ProgramKind::Mysql,
        ProgramWord::Reconnect => ProgramKind::Reconnect,
        ProgramWord::Pool => ProgramKind::Pool,
        ProgramWord::Dns => ProgramKind::Dns,
        ProgramWord::Script => ProgramKind::Script,
    }
}

/// Checks all processes. The names are known to `cx` before any program is
/// checked, and a process that fails its check keeps its place by being
/// reported: then there is no scenario.
pub(super) fn processes(cx: &mut Cx<'_>, at: &At<'_>, files: &[ProcessFile]) -> Vec<ProcessSpec> {
    let mut seen = BTreeSet::new();
    let mut placed = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let at = at.item(i);
        let host = cx.host_or_only(&at.key("host"), file.host.as_ref());
        let (Some(name), Some(program)) = (&file.name, file.program) else { continue };
        let name_at = at.key("name");
        if cx.name(&name_at, &name.0) && RESERVED.contains(&name.0.as_str()) {
            cx.report(&name_at, ProblemKind::ReservedName { name: name.0.clone() });
        }
        if !seen.insert(name.0.clone()) {
            cx.report(&name_at, ProblemKind::DuplicateName { name: value::cut(&name.0) });
            continue;
        }
        cx.names.processes.push((name.0.clone(), host.unwrap_or(0), kind_of(program)));
        placed.push((i, host.unwrap_or(0)));
    }
    let mut pids = BTreeSet::new();
    let mut specs = Vec::new();
    for (i, host) in placed {
        if let Some(spec) = process(cx, &at.item(i), &files[i], host) {
            if spec.pid.is_some_and(|pid| !pids.insert((host, pid))) {
                let name = files[i].pid.unwrap_or_default().to_string();
                cx.report(&at.item(i).key("pid"), ProblemKind::DuplicateName { name });
            }
            specs.push(spec);
        }
    }
    specs
}

fn process(cx: &mut Cx<'_>, at: &At<'_>, file: &ProcessFile, host: HostIx) -> Option<ProcessSpec> {
    let kind = kind_of(file.program?);
    other_tables(cx, at, file, kind);
    let limits = file.rlimit_nofile.as_deref().and_then(|t| cx.take(&at.key("RLIMIT_NOFILE"), value::limits(t)));
    let start = cx.duration_or(&at.key("start"), file.start.as_ref(), Duration::ZERO);
    let table = at.key(kind.word());
    let program = match kind {
        ProgramKind::Mysqld => {
            ProgramSpec::Mysqld(Box::new(mysqld(cx, &table, &file.mysqld.clone().unwrap_or_default())))
        }
        ProgramKind::Sysbench => {
            let settings = needed(cx, at, kind, file.sysbench.as_ref())?;
            ProgramSpec::Sysbench(Box::new(sysbench(cx, &table, settings, host)?))
        }
        ProgramKind::Mysql => {
            let settings = needed(cx, at, kind, file.mysql.as_ref())?;
            ProgramSpec::Mysql(Box::new(mysql(cx, &table, settings, host)?))
        }
        ProgramKind::Reconnect => {
            let settings = needed(cx, at, kind, file.reconnect.as_ref())?;
            ProgramSpec::Reconnect(Box::new(reconnect(cx, &table, settings, host)?))
        }
        ProgramKind::Pool => {
            let settings = needed(cx, at, kind, file.pool.as_ref())?;
            ProgramSpec::Pool(Box::new(pool(cx, &table, settings, host)?))
        }
        ProgramKind::Dns => ProgramSpec::Dns(Box::new(dns(cx, &table, &file.dns.clone().unwrap_or_default()))),
        ProgramKind::Script => {
            let settings = needed(cx, at, kind, file.script.as_ref())?;
            ProgramSpec::Script(Box::new(check_script::script(cx, &table, settings)))
        }
    };
    Some(ProcessSpec {
        name: file.name.clone()?.0,
        host,
        pid: cx.int(&at.key("pid"), file.pid, 1, 4_194_304),
        nofile: limits.unwrap_or(DEFAULT_NOFILE),
        start: (!file.stopped.unwrap_or(false)).then_some(Instant::ZERO + start),
        cap_sys_admin: file.cap_sys_admin.unwrap_or(false),
        cap_sys_resource: file.cap_sys_resource.unwrap_or(false),
        extra_fds: cx.int(&at.key("extra_fds"), file.extra_fds, 0, 1_000_000).unwrap_or(0),
        real_mariadb: real_mariadb(cx, &at.key("real"), file.real, file.program),
        program,
    })
}

/// Only the MySQL server has a real counterpart.
fn real_mariadb(cx: &mut Cx<'_>, at: &At<'_>, real: Option<RealWord>, program: Option<ProgramWord>) -> bool {
    match real {
        None => false,
        Some(RealWord::Mariadb) => {
            if program != Some(ProgramWord::Mysqld) {
                cx.report(at, ProblemKind::OnlyForMysqld);
            }
            true
        }
    }
}

/// The table of settings a program cannot do without.
fn needed<'f, T>(cx: &mut Cx<'_>, at: &At<'_>, kind: ProgramKind, table: Option<&'f T>) -> Option<&'f T> {
    if table.is_none() {
        let key = kind.word().to_owned();
        cx.report(at, ProblemKind::Missing { key, table: "process".to_owned() });
    }
    table
}

/// Tables of programs the process does not run.
fn other_tables(cx: &mut Cx<'_>, at: &At<'_>, file: &ProcessFile, kind: ProgramKind) {
    let given = [
        (ProgramKind::Mysqld, file.mysqld.is_some()),
        (ProgramKind::Sysbench, file.sysbench.is_some()),
        (ProgramKind::Mysql, file.mysql.is_some()),
        (ProgramKind::Reconnect, file.reconnect.is_some()),
        (ProgramKind::Pool, file.pool.is_some()),
        (ProgramKind::Dns, file.dns.is_some()),
        (ProgramKind::Script, file.script.is_some()),
    ];
    for (other, _) in given.into_iter().filter(|&(other, given)| given && other != kind) {
        let table = other.word().to_owned();
        cx.report(&at.key(other.word()), ProblemKind::WrongProgramTable { table, program: kind.word().to_owned() });
    }
}

fn mysqld(cx: &mut Cx<'_>, at: &At<'_>, file: &MysqldFile) -> MysqldSpec {
    let version = file.version.clone().unwrap_or_else(|| "8.3.0".to_owned());
    let _checked = cx.take(&at.key("version"), value::server_version(&version));
    let bind_address = match file.bind_address.as_deref() {
        None | Some("*" | "::") => BindSpec::DualStack,
        Some(text) => cx.addr(&at.key("bind_address"), Some(text)).map_or(BindSpec::DualStack, BindSpec::V4),
    };
    MysqldSpec {
        vars: server_variables(cx, at, file, &version),
        admin_address: cx.addr(&at.key("admin_address"), file.admin_address.as_ref().map(|a| a.0.as_str())),
        event_scheduler: file.event_scheduler,
        service_time: cx.duration(&at.key("service_time"), file.service_time.as_ref()),
        service_waits: file.service_waits.unwrap_or(false),
        uptime: cx.duration_or(&at.key("uptime"), file.uptime.as_ref(), Duration::ZERO),
        next_connection_id: cx.int(&at.key("next_connection_id"), file.next_connection_id, 1, u32::MAX.into()),
        bind_address,
        version,
    }
}

/// The variables that are given, with the ranges of the manual (FACTS F.2).
fn server_variables(cx: &mut Cx<'_>, at: &At<'_>, file: &MysqldFile, version: &str) -> Vec<(&'static str, u64)> {
    // -1 is how MySQL spells "by the server's own rule".
    let own_rule = |number: Option<i64>| number.filter(|&n| n != -1);
    let u32_max = i64::from(u32::MAX);
    let given: [(&'static str, Option<i64>, i64, i64); 18] = [
        ("max_connections", file.max_connections, 1, 100_000),
        ("max_user_connections", file.max_user_connections, 0, u32_max),
        ("max_connect_errors", file.max_connect_errors, 1, i64::MAX),
        ("connect_timeout", file.connect_timeout, 2, YEAR),
        ("wait_timeout", file.wait_timeout, 1, YEAR),
        ("interactive_timeout", file.interactive_timeout, 1, YEAR),
        ("net_read_timeout", file.net_read_timeout, 1, YEAR),
        ("net_write_timeout", file.net_write_timeout, 1, YEAR),
        ("net_retry_count", file.net_retry_count, 1, u32_max),
        ("back_log", own_rule(file.back_log), 1, 65_535),
        ("thread_cache_size", own_rule(file.thread_cache_size), 0, 16_384),
        ("host_cache_size", own_rule(file.host_cache_size), 0, 65_536),
        ("skip_name_resolve", file.skip_name_resolve.map(i64::from), 0, 1),
        ("table_open_cache", file.table_open_cache, 1, 524_288),
        ("open_files_limit", file.open_files_limit, 0, u32_max),
        ("extra_port", file.extra_port, 0, 65_535),
        ("extra_max_connections", file.extra_max_connections, 1, 100_000),
        ("mysqlx_max_connections", file.mysqlx_max_connections, 1, 65_535),
    ];
    let mut vars = Vec::new();
    for (name, number, min, max) in given {
        vars.extend(cx.int::<u64>(&at.key(name), number, min, max).map(|value| (name, value)));
    }
    for (name, number) in [("port", file.port), ("admin_port", file.admin_port), ("mysqlx_port", file.mysqlx_port)] {
        vars.extend(cx.port(&at.key(name), number).map(|port| (name, u64::from(port))));
    }
    let known = Vars::new(Flavour::of(version));
    for (name, _) in vars.iter().filter(|(name, _)| known.find(name).is_none()) {
        let kind = ProblemKind::NoSuchVariable { name: (*name).to_owned(), version: value::cut(version) };
        cx.report(&at.key(name), kind);
    }
    vars
}

fn sysbench(cx: &mut Cx<'_>, at: &At<'_>, file: &SysbenchFile, host: HostIx) -> Option<SysbenchSpec> {
    let mysql_ignore_errors = match file.mysql_ignore_errors.as_deref() {
        // sysbench 1.0.20's own default list.
        None => IgnoreErrors::List(vec![1213, 1020, 1205]),
        Some("all") => IgnoreErrors::All,
        Some("none" | "off" | "") => IgnoreErrors::List(Vec::new()),
        Some(list) => {
            let at = at.key("mysql-ignore-errors");
            let numbers: Result<Vec<u16>, _> = list.split(',').map(|n| n.trim().parse()).collect();
            let unknown =
                |_| ProblemKind::UnknownWord { word: value::cut(list), allowed: "all, none, 1213,2013".to_owned() };
            IgnoreErrors::List(cx.take(&at, numbers.map_err(unknown)).unwrap_or_default())
        }
    };
    let text = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let seconds = |n: Option<u32>| n.map(|s| Duration::from_secs(s.into()));
    let mysql_port = cx.port(&at.key("mysql-port"), file.mysql_port).unwrap_or(3_306);
    let hosts = check_ends::mysql_hosts(cx, &at.key("mysql-host"), file.mysql_host.as_deref(), mysql_port, host);
    let bind = (file.bind_address.as_ref(), file.bind_address_no_port);
    let (target, spread) = check_ends::ends(cx, at, "bind-address", hosts, bind, host)?;
    Some(SysbenchSpec {
        mysql_port,
        mysql_user: text(&file.mysql_user, "root"),
        mysql_db: text(&file.mysql_db, "test"),
        mysql_ignore_errors,
        threads: cx.int(&at.key("threads"), file.threads, 1, 10_000).unwrap_or(1),
        time: seconds(cx.int(&at.key("time"), file.time, 0, YEAR)).filter(|t| *t > Duration::ZERO),
        report_interval: seconds(cx.int(&at.key("report-interval"), file.report_interval, 0, YEAR))
            .unwrap_or(Duration::from_secs(1)),
        tables: cx.int(&at.key("tables"), file.tables, 1, 10_000).unwrap_or(16),
        table_size: cx.int(&at.key("table-size"), file.table_size, 1, 1_000_000_000).unwrap_or(10_000),
        range_size: cx.int(&at.key("range-size"), file.range_size, 1, 1_000_000).unwrap_or(5),
        query_pause: cx.duration_or(&at.key("query-pause"), file.query_pause.as_ref(), Duration::ZERO),
        reconnect_pause: cx.duration_or(&at.key("reconnect-pause"), file.reconnect_pause.as_ref(), RECONNECT_PAUSE),
        connector: match file.connector {
            Some(ConnectorWord::LeakFd) | None => Connector::LeakFd,
            Some(ConnectorWord::CloseAfterFailure) => Connector::CloseAfterFailure,
            Some(ConnectorWord::Crash) => Connector::Crash,
            Some(ConnectorWord::ReconnectOk) => Connector::ReconnectOk,
        },
        mysql_host: target.0,
        spread,
    })
}

fn mysql(cx: &mut Cx<'_>, at: &At<'_>, file: &MysqlFile, host: HostIx) -> Option<MysqlSpec> {
    Some(MysqlSpec {
        port: cx.port(&at.key("port"), file.port).unwrap_or(3_306),
        user: file.user.clone().unwrap_or_else(|| "root".to_owned()),
        database: file.database.clone(),
        connect_at_start: file.connect_at_start.unwrap_or(true),
        init: file.init.clone(),
        host: check_ends::server_name(cx, &at.key("host"), file.host.as_deref(), host)?,
    })
}

/// The keys `backoff`, `delay`, `growth` and `cap`, which come together.
struct PauseKeys<'f> {
    word: Option<BackoffWord>,
    delay: Option<&'f DurationText>,
    growth: Option<i64>,
    cap: Option<&'f DurationText>,
}

/// How the pauses between attempts grow; `default` for what is not given.
fn back_off(cx: &mut Cx<'_>, at: &At<'_>, keys: &PauseKeys<'_>, default: (BackoffWord, Duration, Duration)) -> BackOff {
    let word = keys.word.unwrap_or(default.0);
    let first = cx.duration_or(&at.key("delay"), keys.delay, default.1);
    let cap = cx.duration_or(&at.key("cap"), keys.cap, default.2);
    let growth = cx.int(&at.key("growth"), keys.growth, 1, 1_000).unwrap_or(2);
    if word == BackoffWord::Fixed {
        for (key, given) in [("growth", keys.growth.is_some()), ("cap", keys.cap.is_some())] {
            if given {
                cx.report(&at.key(key), ProblemKind::ConflictingBounds { first: "backoff = \"fixed\"", second: key });
            }
        }
    }
    match word {
        BackoffWord::Fixed => BackOff::Fixed(first),
        BackoffWord::Exponential => BackOff::Exponential { first, growth, cap },
        BackoffWord::Jittered => BackOff::Jittered { first, growth, cap },
    }
}

fn reconnect(cx: &mut Cx<'_>, at: &At<'_>, file: &ReconnectFile, host: HostIx) -> Option<ReconnectSpec> {
    let pauses =
        PauseKeys { word: file.backoff, delay: file.delay.as_ref(), growth: file.growth, cap: file.cap.as_ref() };
    let usual = (BackoffWord::Fixed, Duration::from_secs(1), Duration::from_secs(30));
    let hold = cx.duration_or(&at.key("hold"), file.hold.as_ref(), Duration::ZERO);
    let bytes = cx.int(&at.key("bytes"), file.bytes, 0, 1 << 30).unwrap_or(1);
    let targets = check_ends::targets(cx, &at.key("target"), file.target.as_ref(), host);
    let bind = (file.bind_address.as_ref(), file.bind_address_no_port);
    let (target, spread) = check_ends::ends(cx, at, "bind_address", targets, bind, host)?;
    Some(ReconnectSpec {
        threads: cx.int(&at.key("threads"), file.threads, 1, MAX_CLIENTS).unwrap_or(1),
        after: match file.after {
            Some(AfterWord::Nothing) => AfterConnect::Nothing,
            Some(AfterWord::Read) | None => AfterConnect::Read,
            Some(AfterWord::Send) => AfterConnect::Send(bytes),
            Some(AfterWord::Exchange) => AfterConnect::Exchange(bytes),
        },
        close_first: match file.close_first {
            Some(CloseFirstWord::Client) => CloseFirst::Client(hold),
            Some(CloseFirstWord::Server) | None => CloseFirst::Server,
            Some(CloseFirstWord::Never) => CloseFirst::Never,
        },
        dispose: match file.dispose {
            Some(DisposeWord::Close) | None => Disposal::Close,
            Some(DisposeWord::Reset) => Disposal::Reset,
            Some(DisposeWord::Leak) => Disposal::Leak,
        },
        pace: cx.duration(&at.key("pace"), file.pace.as_ref()),
        back_off: back_off(cx, at, &pauses, usual),
        give_up_after: cx
            .int::<u32>(&at.key("give_up_after"), file.give_up_after, 0, u32::MAX.into())
            .filter(|&n| n > 0),
        connect_timeout: cx.duration(&at.key("connect_timeout"), file.connect_timeout.as_ref()),
        connections: cx.int(&at.key("connections"), file.connections, 1, i64::MAX),
        target,
        spread,
    })
}

const fn pool_preset(word: PoolPresetWord) -> &'static str {
    match word {
        PoolPresetWord::Hikari => "hikari",
        PoolPresetWord::GoSql => "go-sql",
        PoolPresetWord::Sqlx => "sqlx",
        PoolPresetWord::Bb8 => "bb8",
        PoolPresetWord::Deadpool => "deadpool",
        PoolPresetWord::Mysql2 => "mysql2",
        PoolPresetWord::MysqlAsync => "mysql_async",
        PoolPresetWord::Sqlalchemy => "sqlalchemy",
        PoolPresetWord::PhpFpm => "php-fpm",
        PoolPresetWord::Proxysql => "proxysql",
    }
}

fn pool(cx: &mut Cx<'_>, at: &At<'_>, file: &PoolFile, host: HostIx) -> Option<PoolSpec> {
    let mut int = |key: &str, number: Option<i64>, min: i64| cx.int::<u32>(&at.key(key), number, min, MAX_CLIENTS);
    let (max, min) = (int("max", file.max, 0), int("min", file.min, 0));
    let max_idle = int("max_idle", file.max_idle, 0);
    let workers = int("workers", file.workers, 1).unwrap_or(1);
    let connect_retries = int("connect_retries", file.connect_retries, 0);
    let bad_connection_retries = int("bad_connection_retries", file.bad_connection_retries, 0);
    if let (Some(low), Some(high)) = (min, max_idle)
        && high < low
    {
        cx.report(&at.key("max_idle"), ProblemKind::InvertedRange { low: low.into(), high: high.into() });
    }
    let pauses =
        PauseKeys { word: file.backoff, delay: file.delay.as_ref(), growth: file.growth, cap: file.cap.as_ref() };
    let usual = (BackoffWord::Exponential, Duration::from_millis(10), Duration::from_secs(5));
    let pauses = back_off(cx, at, &pauses, usual);
    let targets = check_ends::targets(cx, &at.key("target"), file.target.as_ref(), host);
    let bind = (file.bind_address.as_ref(), file.bind_address_no_port);
    let (target, spread) = check_ends::ends(cx, at, "bind_address", targets, bind, host)?;
    Some(PoolSpec {
        preset: file.preset.map(pool_preset),
        user: file.user.clone().unwrap_or_else(|| "root".to_owned()),
        database: file.database.clone(),
        max,
        min,
        max_idle,
        acquire_timeout: cx.duration(&at.key("acquire_timeout"), file.acquire_timeout.as_ref()),
        idle_timeout: cx.duration(&at.key("idle_timeout"), file.idle_timeout.as_ref()),
        max_lifetime: cx.duration(&at.key("max_lifetime"), file.max_lifetime.as_ref()),
        test_before_acquire: file.test_before_acquire,
        bad_connection_retries,
        connect_retries,
        on_failure: file.on_failure.map(|word| match word {
            OnFailureWord::Error => OnConnectFailure::Error,
            OnFailureWord::Retry => OnConnectFailure::Retry(pauses),
            OnFailureWord::RetryRefused => OnConnectFailure::RetryRefused(pauses),
        }),
        idle_order: file.idle_order.map(|word| match word {
            IdleOrderWord::Lifo => IdleOrder::Lifo,
            IdleOrderWord::Fifo => IdleOrder::Fifo,
            IdleOrderWord::Own => IdleOrder::Own,
            IdleOrderWord::Random => IdleOrder::Random,
        }),
        housekeeping: cx.duration(&at.key("housekeeping"), file.housekeeping.as_ref()),
        workers,
        statement: file.statement.clone().unwrap_or_else(|| "select 1".to_owned()),
        think: cx.duration_or(&at.key("think"), file.think.as_ref(), Duration::from_millis(10)),
        requests: cx.int(&at.key("requests"), file.requests, 1, i64::MAX),
        connect_timeout: cx.duration(&at.key("connect_timeout"), file.connect_timeout.as_ref()),
        target,
        spread,
    })
}

fn dns(cx: &mut Cx<'_>, at: &At<'_>, file: &DnsFile) -> DnsSpec {
    let records_at = at.key("records");
    let mut records = Vec::new();
    if cx.at_most(&records_at, "records", file.records.len(), MAX_TABLE) {
        for (name, addr) in &file.records {
            records.extend(cx.addr(&records_at.key(name), Some(&addr.0)).map(|a| (name.clone(), a)));
        }
    }
    let mut lose_replies = Vec::new();
    for (i, &number) in file.lose_replies.iter().enumerate() {
        lose_replies.extend(cx.int::<u64>(&at.key("lose_replies").item(i), Some(number), 1, i64::MAX));
    }
    let mut stalls = Vec::new();
    for (i, span) in file.stalls.iter().enumerate() {
        let at = at.key("stalls").item(i);
        let [from, to] = span.as_slice() else {
            let text = format!("{} durations", span.len());
            cx.report(&at, ProblemKind::BadDuration { text });
            continue;
        };
        let (from, to) = (cx.duration(&at.item(0), Some(from)), cx.duration(&at.item(1), Some(to)));
        let (Some(from), Some(to)) = (from, to) else { continue };
        if to < from {
            let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            cx.report(&at, ProblemKind::InvertedRange { low: ms(from), high: ms(to) });
        }
        stalls.push((Instant::ZERO + from, Instant::ZERO + to));
    }
    DnsSpec {
        port: cx.port(&at.key("port"), file.port).unwrap_or(53),
        delay: cx.duration_or(&at.key("delay"), file.delay.as_ref(), Duration::from_micros(150)),
        ttl: cx.int(&at.key("ttl"), file.ttl, 0, i64::from(i32::MAX)).unwrap_or(60),
        records,
        lose_replies,
        stalls,
    }
}
