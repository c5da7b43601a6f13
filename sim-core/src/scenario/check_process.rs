//! Checks of processes and of the programs they run.

use std::collections::BTreeSet;

use super::check::{At, Cx, MAX_TABLE};
use super::file::{ProcessFile, ProgramWord};
use super::metric::RESERVED;
use super::problem::ProblemKind;
use super::program_file::{
    BackoffWord, ConnectorWord, DisposeWord, DnsFile, MysqlFile, MysqldFile, PoolFile, ReconnectFile, SysbenchFile,
};
use super::spec::{
    BackoffSpec, BindSpec, ConnectorFlavour, DisposeSpec, DnsSpec, HostIx, IgnoreErrors, MysqlSpec, MysqldSpec,
    PoolSpec, ProcessSpec, ProgramKind, ProgramSpec, ReconnectSpec, ServerName, SysbenchSpec,
};
use super::{check_script, value};
use crate::app::Limits;
use crate::text::nearest;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Ipv4Addr};

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
            ProgramSpec::Reconnect(Box::new(reconnect(cx, &table, settings)?))
        }
        ProgramKind::Pool => {
            let settings = needed(cx, at, kind, file.pool.as_ref())?;
            ProgramSpec::Pool(Box::new(pool(cx, &table, settings)?))
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
        program,
    })
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
    // -1 is how MySQL spells "by the server's own rule".
    let own_rule = |number: Option<i64>| number.filter(|&n| n != -1);
    let mut int = |key: &str, number: Option<i64>, min: i64, max: i64| cx.int::<u32>(&at.key(key), number, min, max);
    MysqldSpec {
        max_connections: int("max_connections", file.max_connections, 1, 100_000).unwrap_or(151),
        max_user_connections: int("max_user_connections", file.max_user_connections, 0, u32::MAX.into()).unwrap_or(0),
        connect_timeout: int("connect_timeout", file.connect_timeout, 2, YEAR).unwrap_or(10),
        wait_timeout: int("wait_timeout", file.wait_timeout, 1, YEAR).unwrap_or(28_800),
        interactive_timeout: int("interactive_timeout", file.interactive_timeout, 1, YEAR).unwrap_or(28_800),
        net_read_timeout: int("net_read_timeout", file.net_read_timeout, 1, YEAR).unwrap_or(30),
        net_write_timeout: int("net_write_timeout", file.net_write_timeout, 1, YEAR).unwrap_or(60),
        net_retry_count: int("net_retry_count", file.net_retry_count, 1, u32::MAX.into()).unwrap_or(10),
        back_log: int("back_log", own_rule(file.back_log), 1, 65_535),
        thread_cache_size: int("thread_cache_size", own_rule(file.thread_cache_size), 0, 16_384),
        host_cache_size: int("host_cache_size", own_rule(file.host_cache_size), 0, 65_536),
        table_open_cache: int("table_open_cache", file.table_open_cache, 1, 524_288),
        open_files_limit: int("open_files_limit", file.open_files_limit, 0, u32::MAX.into()),
        extra_max_connections: int("extra_max_connections", file.extra_max_connections, 1, 100_000).unwrap_or(1),
        mysqlx_max_connections: int("mysqlx_max_connections", file.mysqlx_max_connections, 1, 65_535).unwrap_or(100),
        max_connect_errors: cx.int(&at.key("max_connect_errors"), file.max_connect_errors, 1, i64::MAX).unwrap_or(100),
        extra_port: cx.int(&at.key("extra_port"), file.extra_port, 0, 65_535).unwrap_or(0),
        mysqlx_port: cx.int(&at.key("mysqlx_port"), file.mysqlx_port, 0, 65_535),
        port: cx.port(&at.key("port"), file.port).unwrap_or(3_306),
        admin_port: cx.port(&at.key("admin_port"), file.admin_port).unwrap_or(33_062),
        admin_address: cx.addr(&at.key("admin_address"), file.admin_address.as_ref().map(|a| a.0.as_str())),
        skip_name_resolve: file.skip_name_resolve.unwrap_or(false),
        event_scheduler: file.event_scheduler,
        service_time: cx.duration_or(&at.key("service_time"), file.service_time.as_ref(), Duration::from_millis(1)),
        uptime: cx.duration_or(&at.key("uptime"), file.uptime.as_ref(), Duration::ZERO),
        next_connection_id: cx
            .int(&at.key("next_connection_id"), file.next_connection_id, 1, i64::from(u32::MAX))
            .unwrap_or(8),
        bind_address,
        version,
    }
}

/// A server's name or address, as a client on `host` resolves it.
fn server_name(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&str>, host: HostIx) -> Option<ServerName> {
    let text = text?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return cx.addr(at, Some(text)).map(ServerName::Addr);
    }
    if text == "localhost" {
        return Some(ServerName::Addr(Ipv4Addr::LOCALHOST));
    }
    let in_hosts_file = cx.etc_hosts[host].iter().any(|(name, _)| name == text);
    if !in_hosts_file && !cx.has_nameserver[host] {
        let near = nearest(text, cx.etc_hosts[host].iter().map(|(name, _)| name.as_str())).map(str::to_owned);
        cx.report_near(at, ProblemKind::UnknownHost { name: value::cut(text) }, near);
        return None;
    }
    Some(ServerName::Name(text.to_owned()))
}

fn sysbench(cx: &mut Cx<'_>, at: &At<'_>, file: &SysbenchFile, host: HostIx) -> Option<SysbenchSpec> {
    let mysql_ignore_errors = match file.mysql_ignore_errors.as_deref() {
        // sysbench 1.0.20's own default list.
        None => IgnoreErrors::List(vec![1213, 1020, 1205]),
        Some("all") => IgnoreErrors::All,
        Some("none" | "off" | "") => IgnoreErrors::None,
        Some(list) => {
            let at = at.key("mysql-ignore-errors");
            let numbers: Result<Vec<u16>, _> = list.split(',').map(|n| n.trim().parse()).collect();
            let unknown =
                |_| ProblemKind::UnknownWord { word: value::cut(list), allowed: "all, none, 1213,2013".to_owned() };
            IgnoreErrors::List(cx.take(&at, numbers.map_err(unknown)).unwrap_or_default())
        }
    };
    let text = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    Some(SysbenchSpec {
        mysql_port: cx.port(&at.key("mysql-port"), file.mysql_port).unwrap_or(3_306),
        mysql_user: text(&file.mysql_user, "root"),
        mysql_password: text(&file.mysql_password, "123"),
        mysql_db: text(&file.mysql_db, "test"),
        mysql_ignore_errors,
        threads: cx.int(&at.key("threads"), file.threads, 1, 10_000).unwrap_or(1),
        time: cx.int(&at.key("time"), file.time, 0, YEAR).unwrap_or(0),
        report_interval: cx.int(&at.key("report-interval"), file.report_interval, 0, YEAR).unwrap_or(1),
        rate: cx.int(&at.key("rate"), file.rate, 0, 1_000_000).unwrap_or(0),
        connector: match file.connector {
            Some(ConnectorWord::LeakFd) | None => ConnectorFlavour::LeakFd,
            Some(ConnectorWord::CloseAfterFailure) => ConnectorFlavour::CloseAfterFailure,
            Some(ConnectorWord::Crash) => ConnectorFlavour::Crash,
            Some(ConnectorWord::ReconnectOk) => ConnectorFlavour::ReconnectOk,
        },
        mysql_host: server_name(cx, &at.key("mysql-host"), file.mysql_host.as_deref(), host)?,
    })
}

fn mysql(cx: &mut Cx<'_>, at: &At<'_>, file: &MysqlFile, host: HostIx) -> Option<MysqlSpec> {
    Some(MysqlSpec {
        port: cx.port(&at.key("port"), file.port).unwrap_or(3_306),
        user: file.user.clone().unwrap_or_else(|| "root".to_owned()),
        password: file.password.clone().unwrap_or_else(|| "123".to_owned()),
        database: file.database.clone(),
        bind_address: cx.addr(&at.key("bind-address"), file.bind_address.as_ref().map(|a| a.0.as_str())),
        reconnect: file.reconnect.unwrap_or(true),
        connect_timeout: cx.int(&at.key("connect-timeout"), file.connect_timeout, 0, YEAR).unwrap_or(0),
        host: server_name(cx, &at.key("host"), file.host.as_deref(), host)?,
    })
}

fn reconnect(cx: &mut Cx<'_>, at: &At<'_>, file: &ReconnectFile) -> Option<ReconnectSpec> {
    let delay = cx.duration_or(&at.key("delay"), file.delay.as_ref(), Duration::from_secs(1));
    let cap = cx.duration_or(&at.key("cap"), file.cap.as_ref(), Duration::from_secs(30));
    let factor = cx.int(&at.key("factor"), file.factor, 1, 1_000).unwrap_or(2);
    Some(ReconnectSpec {
        source: cx.addr(&at.key("source"), file.source.as_ref().map(|a| a.0.as_str())),
        connections: cx.int(&at.key("connections"), file.connections, 1, MAX_CLIENTS).unwrap_or(1),
        hold: cx.duration(&at.key("hold"), file.hold.as_ref()),
        dispose: match file.dispose {
            Some(DisposeWord::Close) | None => DisposeSpec::Close,
            Some(DisposeWord::Reset) => DisposeSpec::Reset,
            Some(DisposeWord::Leak) => DisposeSpec::Leak,
        },
        backoff: match file.backoff {
            Some(BackoffWord::Fixed) | None => BackoffSpec::Fixed { delay },
            Some(BackoffWord::Exponential) => BackoffSpec::Exponential { delay, factor, cap },
            Some(BackoffWord::Jittered) => BackoffSpec::Jittered { delay, factor, cap },
        },
        give_up: cx.int::<u32>(&at.key("give_up"), file.give_up, 0, u32::MAX.into()).filter(|&n| n > 0),
        connect_timeout: cx.duration(&at.key("connect_timeout"), file.connect_timeout.as_ref()),
        target: cx.endpoint(&at.key("target"), &file.target.as_ref()?.0, false)?,
    })
}

fn pool(cx: &mut Cx<'_>, at: &At<'_>, file: &PoolFile) -> Option<PoolSpec> {
    let mut int = |key: &str, number: Option<i64>, min: i64| cx.int::<u32>(&at.key(key), number, min, MAX_CLIENTS);
    let max = int("max", file.max, 1).unwrap_or(10);
    let min_idle = int("min_idle", file.min_idle, 0).unwrap_or(0);
    let max_idle = int("max_idle", file.max_idle, 0).unwrap_or(max);
    let workers = int("workers", file.workers, 1).unwrap_or(1);
    if max_idle < min_idle {
        let kind = ProblemKind::InvertedRange { low: min_idle.into(), high: max_idle.into() };
        cx.report(&at.key("max_idle"), kind);
    }
    let target: Option<Endpoint> = cx.endpoint(&at.key("target"), &file.target.as_ref()?.0, false);
    Some(PoolSpec {
        user: file.user.clone().unwrap_or_else(|| "root".to_owned()),
        password: file.password.clone().unwrap_or_else(|| "123".to_owned()),
        max,
        min_idle,
        max_idle,
        acquire_timeout: cx.duration(&at.key("acquire_timeout"), file.acquire_timeout.as_ref()),
        idle_timeout: cx.duration(&at.key("idle_timeout"), file.idle_timeout.as_ref()),
        max_lifetime: cx.duration(&at.key("max_lifetime"), file.max_lifetime.as_ref()),
        test_before_acquire: file.test_before_acquire.unwrap_or(false),
        workers,
        work: cx.duration_or(&at.key("work"), file.work.as_ref(), Duration::from_millis(5)),
        think: cx.duration_or(&at.key("think"), file.think.as_ref(), Duration::from_millis(10)),
        retry_delay: cx.duration_or(&at.key("retry_delay"), file.retry_delay.as_ref(), Duration::from_millis(10)),
        target: target?,
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
