//! The programs of a scenario, from their specs.

use super::build::BuildError;
use super::spec::{
    BindSpec, ConnectorFlavour, DnsSpec, HostSpec, IgnoreErrors, MysqlSpec, MysqldSpec, ProcessSpec, ProgramSpec,
    Scenario, ServerName, SysbenchSpec,
};
use crate::app::dns::{DnsConfig, DnsServer};
use crate::app::mysql::{Credentials, MysqlServer, ServerConfig, Service, Target, Var};
use crate::app::mysql_client::{MysqlClient, MysqlClientConfig};
use crate::app::sysbench::{self, Connector, Sysbench, SysbenchConfig};
use crate::app::{App, ResolverConfig};
use crate::time::Duration;
use crate::units::{Endpoint, Ipv4Addr, Port};

/// Seconds between 1970 and the start of a run: 2024-04-11 18:22:54 UTC.
const START_UNIX: u64 = 1_712_859_774;

/// The program of a process.
pub(super) fn program(scenario: &Scenario, process: &ProcessSpec) -> Result<Box<dyn App>, BuildError> {
    let host = &scenario.hosts[process.host];
    let refuse = |reason: &str| BuildError::Program { process: process.name.clone(), reason: reason.to_owned() };
    Ok(match &process.program {
        ProgramSpec::Mysqld(spec) => Box::new(MysqlServer::new(mysqld(spec).map_err(|reason| refuse(&reason))?)),
        ProgramSpec::Sysbench(spec) => {
            Box::new(Sysbench::new(sysbench_config(spec, host).map_err(|reason| refuse(&reason))?))
        }
        ProgramSpec::Mysql(spec) => Box::new(MysqlClient::new(&mysql(spec, host).map_err(|reason| refuse(&reason))?)),
        ProgramSpec::Dns(spec) => Box::new(DnsServer::new(dns(spec, host))),
        ProgramSpec::Reconnect(_) | ProgramSpec::Pool(_) | ProgramSpec::Script(_) => return Err(refuse("not yet")),
    })
}

fn mysqld(spec: &MysqldSpec) -> Result<ServerConfig, String> {
    let mut config = ServerConfig::new(&spec.version);
    let given: [(Var, Option<u64>); 20] = [
        (Var::MaxConnections, Some(spec.max_connections.into())),
        (Var::Port, Some(spec.port.into())),
        (Var::MaxUserConnections, Some(spec.max_user_connections.into())),
        (Var::MaxConnectErrors, Some(spec.max_connect_errors)),
        (Var::ConnectTimeout, Some(spec.connect_timeout.into())),
        (Var::WaitTimeout, Some(spec.wait_timeout.into())),
        (Var::InteractiveTimeout, Some(spec.interactive_timeout.into())),
        (Var::NetReadTimeout, Some(spec.net_read_timeout.into())),
        (Var::NetWriteTimeout, Some(spec.net_write_timeout.into())),
        (Var::NetRetryCount, Some(spec.net_retry_count.into())),
        (Var::BackLog, spec.back_log.map(u64::from)),
        (Var::ThreadCacheSize, spec.thread_cache_size.map(u64::from)),
        (Var::HostCacheSize, spec.host_cache_size.map(u64::from)),
        (Var::SkipNameResolve, spec.skip_name_resolve.then_some(1)),
        (Var::TableOpenCache, spec.table_open_cache.map(u64::from)),
        (Var::OpenFilesLimit, spec.open_files_limit.map(u64::from)),
        (Var::AdminPort, Some(spec.admin_port.into())),
        (Var::ExtraPort, Some(spec.extra_port.into())),
        (Var::MysqlxPort, spec.mysqlx_port.map(u64::from)),
        (Var::MysqlxMaxConnections, Some(spec.mysqlx_max_connections.into())),
    ];
    for (var, value) in given {
        if let Some(value) = value {
            config.vars.configure(var, value);
        }
    }
    config.vars.configure(Var::ExtraMaxConnections, spec.extra_max_connections.into());
    config.bind_address = match spec.bind_address {
        BindSpec::DualStack => None,
        BindSpec::V4(addr) => Some(addr),
    };
    config.admin_address = spec.admin_address;
    config.first_connection_id =
        u32::try_from(spec.next_connection_id).map_err(|_| "next_connection_id is above 4294967295".to_owned())?;
    match spec.event_scheduler {
        None => {}
        Some(false) => config.event_scheduler_id = None,
        Some(true) => config.event_scheduler_id = config.event_scheduler_id.or(Some(5)),
    }
    config.uptime_at_start = spec.uptime;
    config.start_unix = START_UNIX;
    config.service = Service::Cpu(spec.service_time);
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

fn sysbench_config(spec: &SysbenchSpec, host: &HostSpec) -> Result<SysbenchConfig, String> {
    let mut config = SysbenchConfig::new(target(&spec.mysql_host, spec.mysql_port, host)?);
    config.credentials =
        Credentials { user: spec.mysql_user.clone(), db: Some(spec.mysql_db.clone()), interactive: false };
    config.threads = spec.threads;
    config.ignore_errors = match &spec.mysql_ignore_errors {
        IgnoreErrors::None => sysbench::IgnoreErrors::List(Vec::new()),
        IgnoreErrors::All => sysbench::IgnoreErrors::All,
        IgnoreErrors::List(list) => sysbench::IgnoreErrors::List(list.clone()),
    };
    config.connector = match spec.connector {
        ConnectorFlavour::LeakFd => Connector::LeakFd,
        ConnectorFlavour::CloseAfterFailure => Connector::CloseAfterFailure,
        ConnectorFlavour::Crash => Connector::Crash,
        ConnectorFlavour::ReconnectOk => Connector::ReconnectOk,
    };
    config.report_interval = Duration::from_secs(spec.report_interval.into());
    config.time = (spec.time > 0).then(|| Duration::from_secs(spec.time.into()));
    Ok(config)
}

fn mysql(spec: &MysqlSpec, host: &HostSpec) -> Result<MysqlClientConfig, String> {
    let mut config = MysqlClientConfig::new(target(&spec.host, spec.port, host)?);
    config.credentials = Credentials { user: spec.user.clone(), db: spec.database.clone(), interactive: true };
    Ok(config)
}

fn dns(spec: &DnsSpec, host: &HostSpec) -> DnsConfig {
    let addr = host.addrs.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
    let mut config = DnsConfig::new(addr, spec.records.clone());
    config.listen = Endpoint { addr: Ipv4Addr::UNSPECIFIED, port: Port(spec.port) };
    config.delay = spec.delay;
    config.lose_replies.clone_from(&spec.lose_replies);
    config.stalls.clone_from(&spec.stalls);
    config.ttl = spec.ttl;
    config
}
