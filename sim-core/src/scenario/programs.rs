//! The programs of a scenario, from their specs.

use super::build::BuildError;
use super::spec::{
    BindSpec, DnsSpec, HostSpec, MysqlSpec, MysqldSpec, PoolSpec, ProcessSpec, ProgramSpec, ReconnectSpec, Scenario,
    ServerName, SpreadSpec, SysbenchSpec,
};
use crate::app::dns::{DnsConfig, DnsServer};
use crate::app::mysql::{Credentials, MysqlServer, ServerConfig, Service, Target};
use crate::app::mysql_client::{MysqlClient, MysqlClientConfig};
use crate::app::pool::{PoolClient, PoolClientConfig, PoolConfig, TestOnAcquire};
use crate::app::reconnect::{ReconnectClient, ReconnectConfig};
use crate::app::script::ScriptApp;
use crate::app::sysbench::{Sysbench, SysbenchConfig};
use crate::app::{App, ResolverConfig, Spread};
use crate::time::{Duration, START_UNIX};
use crate::units::{Endpoint, Ipv4Addr, Port};

/// The program of a process, not yet started. [`build::world`](super::build::world)
/// gives it to a simulated host; whoever makes its calls for real may do so too.
///
/// # Errors
/// A setting that only the program can refuse.
pub fn program(scenario: &Scenario, process: &ProcessSpec) -> Result<Box<dyn App + Send>, BuildError> {
    let host = &scenario.hosts[process.host];
    let app: Result<Box<dyn App + Send>, String> = match &process.program {
        ProgramSpec::Mysqld(spec) => mysqld(spec).map(|config| Box::new(MysqlServer::new(config)) as _),
        ProgramSpec::Sysbench(spec) => sysbench(spec, host).map(|config| Box::new(Sysbench::new(config)) as _),
        ProgramSpec::Mysql(spec) => mysql(spec, host).map(|config| Box::new(MysqlClient::new(&config)) as _),
        ProgramSpec::Reconnect(spec) => reconnect(spec, host).map(|config| Box::new(ReconnectClient::new(config)) as _),
        ProgramSpec::Pool(spec) => pool(spec, host).map(|config| Box::new(PoolClient::new(config)) as _),
        ProgramSpec::Dns(spec) => Ok(Box::new(DnsServer::new(dns(spec, host))) as _),
        ProgramSpec::Script(spec) => {
            ScriptApp::new(&spec.run).map(|app| Box::new(app) as _).map_err(|error| error.to_string())
        }
    };
    app.map_err(|reason| BuildError::Program { process: process.name.clone(), reason })
}

fn mysqld(spec: &MysqldSpec) -> Result<ServerConfig, String> {
    let mut config = ServerConfig::new(&spec.version);
    for &(name, value) in &spec.vars {
        let Some(known) = config.vars.find(name) else {
            return Err(format!("`{}` has no variable `{name}`", spec.version));
        };
        config.vars.configure(known.var, value);
    }
    config.bind_address = match spec.bind_address {
        BindSpec::DualStack => None,
        BindSpec::V4(addr) => Some(addr),
    };
    config.admin_address = spec.admin_address;
    if let Some(id) = spec.next_connection_id {
        config.first_connection_id = id;
    }
    match spec.event_scheduler {
        None => {}
        Some(false) => config.event_scheduler_id = None,
        Some(true) => config.event_scheduler_id = config.event_scheduler_id.or(Some(5)),
    }
    config.uptime_at_start = spec.uptime;
    config.start_unix = START_UNIX;
    let (Service::Cpu(usual) | Service::Wait(usual)) = config.service;
    let time = spec.service_time.unwrap_or(usual);
    config.service = if spec.service_waits { Service::Wait(time) } else { Service::Cpu(time) };
    Ok(config)
}

fn target(server: &ServerName, port: u16, host: &HostSpec) -> Result<Target, String> {
    match server {
        ServerName::Addr(addr) => Ok(Target::Addr(Endpoint::new(*addr, port))),
        ServerName::Name(name) => {
            let nameserver = host.nameserver.unwrap_or(Ipv4Addr::LOCALHOST);
            let in_hosts = host.etc_hosts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            if in_hosts.is_none() && host.nameserver.is_none() {
                return Err(format!("host `{}` has no name server and no /etc/hosts line for `{name}`", host.name));
            }
            let mut resolver = ResolverConfig::new(nameserver);
            resolver.hosts_addr = in_hosts.map(|(_, addr)| *addr);
            Ok(Target::Name { name: name.clone(), port: Port(port), resolver })
        }
    }
}

fn spread(spec: &SpreadSpec, host: &HostSpec) -> Result<Spread, String> {
    let more_targets: Result<Vec<Target>, String> =
        spec.more_targets.iter().map(|(server, port)| target(server, *port, host)).collect();
    Ok(Spread {
        more_targets: more_targets?,
        sources: spec.sources.clone(),
        bind_address_no_port: spec.bind_address_no_port,
    })
}

fn sysbench(spec: &SysbenchSpec, host: &HostSpec) -> Result<SysbenchConfig, String> {
    Ok(SysbenchConfig {
        target: target(&spec.mysql_host, spec.mysql_port, host)?,
        spread: spread(&spec.spread, host)?,
        credentials: Credentials { user: spec.mysql_user.clone(), db: Some(spec.mysql_db.clone()), interactive: false },
        threads: spec.threads,
        ignore_errors: spec.mysql_ignore_errors.clone(),
        connector: spec.connector,
        report_interval: spec.report_interval,
        time: spec.time,
        tables: spec.tables,
        table_size: spec.table_size,
        range_size: spec.range_size,
        query_pause: spec.query_pause,
        reconnect_pause: spec.reconnect_pause,
    })
}

#[cfg_attr(target_family = "wasm", inline(never))]
fn mysql(spec: &MysqlSpec, host: &HostSpec) -> Result<MysqlClientConfig, String> {
    Ok(MysqlClientConfig {
        target: target(&spec.host, spec.port, host)?,
        credentials: Credentials { user: spec.user.clone(), db: spec.database.clone(), interactive: true },
        connect_at_start: spec.connect_at_start,
        init: spec.init.clone(),
    })
}

#[cfg_attr(target_family = "wasm", inline(never))]
fn reconnect(spec: &ReconnectSpec, host: &HostSpec) -> Result<ReconnectConfig, String> {
    let (server, port) = &spec.target;
    Ok(ReconnectConfig {
        target: target(server, *port, host)?,
        spread: spread(&spec.spread, host)?,
        threads: spec.threads,
        after: spec.after,
        close_first: spec.close_first,
        disposal: spec.dispose,
        pace: spec.pace,
        back_off: spec.back_off,
        give_up_after: spec.give_up_after,
        connect_timeout: spec.connect_timeout,
        connections: spec.connections,
    })
}

#[cfg_attr(target_family = "wasm", inline(never))]
fn pool(spec: &PoolSpec, host: &HostSpec) -> Result<PoolClientConfig, String> {
    let (server, port) = &spec.target;
    let base = match spec.preset {
        None => PoolConfig::default(),
        Some(name) => PoolConfig::preset(name, host.cpus).ok_or_else(|| format!("no pool is called `{name}`"))?,
    };
    Ok(PoolClientConfig {
        target: target(server, *port, host)?,
        spread: spread(&spec.spread, host)?,
        credentials: Credentials { user: spec.user.clone(), db: spec.database.clone(), interactive: false },
        pool: PoolConfig {
            max: spec.max.unwrap_or(base.max),
            min: spec.min.unwrap_or(base.min),
            max_idle: spec.max_idle.or(base.max_idle),
            acquire_timeout: spec.acquire_timeout.or(base.acquire_timeout),
            idle_timeout: spec.idle_timeout.or(base.idle_timeout),
            max_lifetime: spec.max_lifetime.or(base.max_lifetime),
            test: match spec.test_before_acquire {
                None => base.test,
                Some(true) => TestOnAcquire::Statement(Duration::ZERO),
                Some(false) => TestOnAcquire::No,
            },
            bad_connection_retries: spec.bad_connection_retries.unwrap_or(base.bad_connection_retries),
            connect_retries: spec.connect_retries.or(base.connect_retries),
            on_failure: spec.on_failure.unwrap_or(base.on_failure),
            idle_order: spec.idle_order.unwrap_or(base.idle_order),
            housekeeping: spec.housekeeping.unwrap_or(base.housekeeping),
            connect_timeout: spec.connect_timeout.or(base.connect_timeout),
        },
        workers: spec.workers,
        statement: spec.statement.clone(),
        think: spec.think,
        requests: spec.requests,
    })
}

#[cfg_attr(target_family = "wasm", inline(never))]
fn dns(spec: &DnsSpec, host: &HostSpec) -> DnsConfig {
    let addr = host.addrs.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
    let mut config = DnsConfig::new(addr, spec.records.clone());
    config.listen = Endpoint::on(Ipv4Addr::UNSPECIFIED, Port(spec.port));
    config.delay = spec.delay;
    config.lose_replies.clone_from(&spec.lose_replies);
    config.stalls.clone_from(&spec.stalls);
    config.ttl = spec.ttl;
    config
}
