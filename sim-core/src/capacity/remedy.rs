//! The known remedies: what each changes in a scenario, what to type for it on
//! real machines, and what it costs.

use super::advise::AdviceText;
use super::demand::{Demand, Habit};
use super::limits::{Server, whole};
use super::remedy_addresses::more_addresses;
use super::sweep::Setting;
use super::{Capacity, LimitId};
use crate::app::mysql::Flavour;
use crate::app::reconnect::Disposal;
use crate::app::sysbench::Connector;
use crate::scenario::{PoolSpec, ProgramKind, ProgramSpec, Run};
use crate::tcp::TcpState;
use crate::units::Port;

/// Which remedy. Names are stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RemedyId {
    /// Kill the client and start it afresh.
    RestartClient,
    /// Close the socket before reconnecting.
    CloseSocket,
    /// A connector that closes what it cannot use, and nothing else.
    UpgradeConnector,
    /// A wider `ip_local_port_range`.
    PortRange,
    /// `ip_local_reserved_ports` for the listeners in the range.
    ReservedPorts,
    /// One more source address.
    SourceAddresses,
    /// One more destination address.
    DestinationAddresses,
    /// `tcp_tw_reuse = 1`.
    TwReuse,
    /// A shorter `tcp_fin_timeout`.
    FinTimeout,
    /// Keep-alive probes after a minute.
    Keepalive,
    /// A higher `RLIMIT_NOFILE`.
    Nofile,
    /// A higher `fs.file-max`.
    FileMax,
    /// A higher `max_connections`.
    MaxConnections,
    /// The shortest `connect_timeout`.
    ConnectTimeout,
    /// `admin_address`.
    AdminPort,
    /// Longer `back_log` and `somaxconn`.
    BackLog,
    /// A second between attempts.
    BackOff,
    /// Fewer connections in each pool.
    PoolSize,
    /// No fewer idle connections kept than used at once.
    IdleLimit,
}

impl RemedyId {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RestartClient => "restart-client",
            Self::CloseSocket => "close-socket",
            Self::UpgradeConnector => "upgrade-connector",
            Self::PortRange => "port-range",
            Self::ReservedPorts => "reserved-ports",
            Self::SourceAddresses => "source-addresses",
            Self::DestinationAddresses => "destination-addresses",
            Self::TwReuse => "tw-reuse",
            Self::FinTimeout => "fin-timeout",
            Self::Keepalive => "keepalive",
            Self::Nofile => "nofile",
            Self::FileMax => "file-max",
            Self::MaxConnections => "max-connections",
            Self::ConnectTimeout => "connect-timeout",
            Self::AdminPort => "admin-port",
            Self::BackLog => "back-log",
            Self::BackOff => "back-off",
            Self::PoolSize => "pool-size",
            Self::IdleLimit => "idle-limit",
        }
    }

    /// It can be done at once, without a new version of a program.
    #[must_use]
    pub const fn tonight(self) -> bool {
        match self {
            Self::CloseSocket
            | Self::UpgradeConnector
            | Self::SourceAddresses
            | Self::DestinationAddresses
            | Self::BackOff
            | Self::PoolSize
            | Self::IdleLimit => false,
            Self::RestartClient
            | Self::PortRange
            | Self::ReservedPorts
            | Self::TwReuse
            | Self::FinTimeout
            | Self::Keepalive
            | Self::Nofile
            | Self::FileMax
            | Self::MaxConnections
            | Self::ConnectTimeout
            | Self::AdminPort
            | Self::BackLog => true,
        }
    }
}

/// How a remedy is tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trying {
    /// With these values from the start.
    Settings(Vec<Setting>),
    /// By killing the client after the wall and starting a fresh one.
    Restart,
    /// By letting an administrator log in through `admin_port` during the trouble.
    Admin(Vec<Setting>),
}

/// A remedy for a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// Which.
    pub id: RemedyId,
    /// How it is tried.
    pub trying: Trying,
    /// What to type or to write where, a line each.
    pub lines: Vec<String>,
    /// What it costs elsewhere.
    pub cost: AdviceText,
}

/// The remedies that a scenario's first client and its server have a knob for.
pub(super) fn remedies(run: &Run, capacity: &Capacity) -> Vec<Remedy> {
    let Some(demand) = capacity.demands.first() else { return Vec::new() };
    let catalogue = Catalogue { run, capacity, demand };
    let mut found = vec![catalogue.restart()];
    found.extend(catalogue.close_socket());
    found.extend(catalogue.upgrade_connector());
    found.extend(catalogue.back_off());
    found.extend(catalogue.pool());
    found.extend(catalogue.ports());
    found.extend(catalogue.descriptors());
    found.extend(catalogue.server());
    found
}

/// How a pool's size is written where its program is known.
fn size_line(spec: &PoolSpec, size: usize) -> String {
    match spec.preset.unwrap_or_default() {
        "hikari" => format!("maximumPoolSize = {size}"),
        "go-sql" => format!("db.SetMaxOpenConns({size})"),
        "sqlx" => format!("MySqlPoolOptions::new().max_connections({size})"),
        "bb8" => format!("bb8::Pool::builder().max_size({size})"),
        "deadpool" => format!("Pool::builder(manager).max_size({size})"),
        "mysql2" => format!("createPool({{ connectionLimit: {size} }})"),
        "mysql_async" => format!("PoolConstraints::new(0, {size})"),
        "sqlalchemy" => format!("create_engine(pool_size={size}, max_overflow=0)"),
        "php-fpm" => format!("pm.max_children = {size}"),
        "proxysql" => format!("UPDATE mysql_servers SET max_connections = {size}; LOAD MYSQL SERVERS TO RUNTIME;"),
        _ => format!("pool.max = {size}"),
    }
}

/// The same for the idle connections it keeps.
fn idle_line(spec: &PoolSpec, idle: u32) -> String {
    match spec.preset.unwrap_or_default() {
        "hikari" => format!("minimumIdle = {idle}"),
        "go-sql" => format!("db.SetMaxIdleConns({idle})"),
        "mysql2" => format!("createPool({{ maxIdle: {idle} }})"),
        "sqlalchemy" => format!("create_engine(pool_size={idle})"),
        _ => format!("pool.max_idle = {idle}"),
    }
}

struct Catalogue<'a> {
    run: &'a Run,
    capacity: &'a Capacity,
    demand: &'a Demand,
}

impl Catalogue<'_> {
    fn host(&self) -> &str {
        &self.run.scenario().hosts[self.demand.host].name
    }
    fn process(&self) -> &str {
        &self.run.scenario().processes[self.demand.process].name
    }
    fn program(&self) -> &ProgramSpec {
        &self.run.scenario().processes[self.demand.process].program
    }
    fn kernel(&self) -> &crate::kernel::Kernel {
        self.run.world().kernel(self.run.host(self.demand.host))
    }

    fn sysctl(&self, id: RemedyId, name: &str, value: &str, cost: AdviceText) -> Remedy {
        Remedy {
            id,
            trying: Trying::Settings(vec![(format!("host.{}.sysctl.{name}", self.host()), value.to_owned())]),
            lines: vec![format!("sysctl -w {name}=\"{value}\"")],
            cost,
        }
    }

    /// A setting of the client's own program.
    fn own(&self, id: RemedyId, key: &str, value: &str, lines: Vec<String>, cost: AdviceText) -> Remedy {
        let word = self.program().kind().word();
        let path = format!("process.{}.{word}.{key}", self.process());
        Remedy { id, trying: Trying::Settings(vec![(path, value.to_owned())]), lines, cost }
    }

    fn restart(&self) -> Remedy {
        let (host, process) = self.run.process(self.demand.process);
        let pid = self.run.world().kernel(host).processes()[process.index()].pid();
        let lines = vec![format!("kill -9 {pid}"), format!("systemctl restart {}", self.process())];
        Remedy { id: RemedyId::RestartClient, trying: Trying::Restart, lines, cost: AdviceText::CostRestart }
    }

    fn close_socket(&self) -> Option<Remedy> {
        let (key, value) = match self.program() {
            ProgramSpec::Sysbench(spec) if spec.connector != Connector::ReconnectOk => ("connector", "reconnect-ok"),
            ProgramSpec::Reconnect(spec) if spec.dispose == Disposal::Leak => ("dispose", "close"),
            ProgramSpec::Sysbench(_)
            | ProgramSpec::Reconnect(_)
            | ProgramSpec::Mysqld(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Pool(_)
            | ProgramSpec::Dns(_)
            | ProgramSpec::Script(_) => return None,
        };
        let lines = match self.program().kind() {
            ProgramKind::Sysbench => vec![
                "mysql_close(con); mysql_init(con); mysql_real_connect(con, …)".to_owned(),
                "LD_LIBRARY_PATH=…/libmysqlclient sysbench …".to_owned(),
            ],
            ProgramKind::Reconnect
            | ProgramKind::Mysqld
            | ProgramKind::Mysql
            | ProgramKind::Pool
            | ProgramKind::Dns
            | ProgramKind::Script => vec!["close(fd) on every path that gives a connection up".to_owned()],
        };
        Some(self.own(RemedyId::CloseSocket, key, value, lines, AdviceText::CostRelease))
    }

    fn upgrade_connector(&self) -> Option<Remedy> {
        match self.program() {
            ProgramSpec::Sysbench(spec) if spec.connector == Connector::LeakFd => Some(self.own(
                RemedyId::UpgradeConnector,
                "connector",
                "close-after-failure",
                vec!["mariadb-connector-c >= 3.3.2".to_owned()],
                AdviceText::CostConnector,
            )),
            ProgramSpec::Sysbench(_)
            | ProgramSpec::Reconnect(_)
            | ProgramSpec::Mysqld(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Pool(_)
            | ProgramSpec::Dns(_)
            | ProgramSpec::Script(_) => None,
        }
    }

    fn back_off(&self) -> Option<Remedy> {
        let line = |text: &str| vec![text.to_owned()];
        match self.program().kind() {
            ProgramKind::Sysbench => Some(self.own(
                RemedyId::BackOff,
                "reconnect-pause",
                "1s",
                line("drv_mysql.c: usleep(1000000)"),
                AdviceText::CostBackOff,
            )),
            ProgramKind::Reconnect => {
                let mut remedy = self.own(
                    RemedyId::BackOff,
                    "backoff",
                    "jittered",
                    line("wait = random(0, min(cap, 100 ms · 2^n)), cap = 30 s"),
                    AdviceText::CostBackOff,
                );
                if let Trying::Settings(settings) = &mut remedy.trying {
                    let path = format!("process.{}.reconnect", self.process());
                    settings.push((format!("{path}.delay"), "100ms".to_owned()));
                    settings.push((format!("{path}.cap"), "30s".to_owned()));
                }
                Some(remedy)
            }
            ProgramKind::Pool | ProgramKind::Mysqld | ProgramKind::Mysql | ProgramKind::Dns | ProgramKind::Script => {
                None
            }
        }
    }

    /// Pools: N · P within the server's slots, and no churn of idle connections.
    fn pool(&self) -> Vec<Remedy> {
        let ProgramSpec::Pool(spec) = self.program() else { return Vec::new() };
        let pools =
            self.capacity.demands.iter().filter(|demand| matches!(demand.habit, Habit::Keeps(_))).count().max(1);
        let slots = self.capacity.limit(LimitId::Slots).map_or(10.0, |limit| limit.capacity.value - 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "slots are below 100,001")]
        let share = ((slots.max(1.0) as usize) / pools).max(1);
        let workers = spec.workers.to_string();
        let mut size =
            self.own(RemedyId::PoolSize, "max", &share.to_string(), vec![size_line(spec, share)], AdviceText::CostPool);
        // Every pool of the scenario gets the same share.
        if let Trying::Settings(settings) = &mut size.trying {
            *settings = self
                .capacity
                .demands
                .iter()
                .map(|demand| &self.run.scenario().processes[demand.process])
                .filter(|process| process.program.kind() == ProgramKind::Pool)
                .map(|process| (format!("process.{}.pool.max", process.name), share.to_string()))
                .collect();
        }
        let idle = self.own(
            RemedyId::IdleLimit,
            "max_idle",
            &workers,
            vec![idle_line(spec, spec.workers)],
            AdviceText::CostIdle,
        );
        vec![size, idle]
    }

    fn ports(&self) -> Vec<Remedy> {
        let range = self.kernel().sysctls().ip_local_port_range();
        let mut found = Vec::new();
        if (range.low.0, range.high.0) != (1024, 65_535) {
            found.push(self.sysctl(
                RemedyId::PortRange,
                "net.ipv4.ip_local_port_range",
                "1024 65535",
                AdviceText::CostRange,
            ));
        }
        let bound = self.run.scenario().hosts[self.demand.host].bound_ports.iter().map(|endpoint| endpoint.port());
        let rows = self.kernel().socket_rows();
        let listening = rows.iter().filter(|row| row.state == TcpState::Listen).map(|row| row.tuple.local.port());
        let mut owned: Vec<Port> =
            bound.chain(listening).filter(|port| (range.low..=range.high).contains(port)).collect();
        owned.sort_unstable();
        owned.dedup();
        if !owned.is_empty() {
            let owned: Vec<String> = owned.iter().map(|port| port.0.to_string()).collect();
            found.push(self.sysctl(
                RemedyId::ReservedPorts,
                "net.ipv4.ip_local_reserved_ports",
                &owned.join(","),
                AdviceText::CostReserved,
            ));
        }
        if self.kernel().sysctls().get("net.ipv4.tcp_tw_reuse").is_some_and(|value| value != "1") {
            found.push(self.sysctl(RemedyId::TwReuse, "net.ipv4.tcp_tw_reuse", "1", AdviceText::CostReuse));
        }
        found.push(self.sysctl(RemedyId::FinTimeout, "net.ipv4.tcp_fin_timeout", "10", AdviceText::CostFinTimeout));
        found.push(self.sysctl(RemedyId::Keepalive, "net.ipv4.tcp_keepalive_time", "60", AdviceText::CostKeepalive));
        found.extend(more_addresses(self.run, self.demand));
        found
    }

    fn descriptors(&self) -> Vec<Remedy> {
        let (host, process) = self.run.process(self.demand.process);
        let limits = self.run.world().kernel(host).processes()[process.index()].fds().limits();
        let nr_open = u64::from(self.kernel().sysctls().nr_open());
        let mut found = Vec::new();
        if limits.soft < nr_open {
            let value = format!("{nr_open}:{nr_open}");
            let pid = self.run.world().kernel(host).processes()[process.index()].pid();
            found.push(Remedy {
                id: RemedyId::Nofile,
                trying: Trying::Settings(vec![(format!("process.{}.RLIMIT_NOFILE", self.process()), value.clone())]),
                lines: vec![format!("prlimit --pid {pid} --nofile={value}"), format!("LimitNOFILE={nr_open}")],
                cost: AdviceText::CostNofile,
            });
        }
        let file_max = self.kernel().sysctls().file_max();
        if whole(file_max) < whole(limits.soft) {
            let more = file_max.saturating_mul(10).to_string();
            found.push(self.sysctl(RemedyId::FileMax, "fs.file-max", &more, AdviceText::CostNofile));
        }
        found
    }

    fn server(&self) -> Vec<Remedy> {
        let Some(server) = self.demand.destination.server else { return Vec::new() };
        let values = Server::of(self.run, server);
        let name = &self.run.scenario().processes[server].name;
        let variable = |id, variable: &str, value: u64, cost| Remedy {
            id,
            trying: Trying::Settings(vec![(format!("process.{name}.mysqld.{variable}"), value.to_string())]),
            lines: vec![format!("SET GLOBAL {variable} = {value};"), format!("[mysqld] {variable} = {value}")],
            cost,
        };
        let wanted = self.capacity.limit(LimitId::Slots).map_or(0.0, |limit| limit.need.held()).min(90_000.0);
        // What the formula asks for and a tenth more, in hundreds.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 100,000")]
        let slots = ((wanted * 1.1).max(values.max_connections * 2.0) / 100.0).ceil() as u64 * 100;
        let mut found = vec![
            variable(RemedyId::MaxConnections, "max_connections", slots.min(100_000), AdviceText::CostMaxConnections),
            variable(RemedyId::ConnectTimeout, "connect_timeout", 2, AdviceText::CostConnectTimeout),
        ];
        let mut backlog = variable(RemedyId::BackLog, "back_log", 4_096, AdviceText::CostBackLog);
        if let (Trying::Settings(settings), Some(host)) = (&mut backlog.trying, self.demand.destination.host) {
            let host = &self.run.scenario().hosts[host].name;
            settings.push((format!("host.{host}.sysctl.net.core.somaxconn"), "4096".to_owned()));
            backlog.lines = vec!["[mysqld] back_log = 4096".to_owned(), "sysctl -w net.core.somaxconn=4096".to_owned()];
        }
        found.push(backlog);
        found.extend(self.admin_port(server));
        found
    }

    /// MySQL 8.0.14 and later have it; where it is open already there is nothing to try.
    fn admin_port(&self, server: usize) -> Option<Remedy> {
        let process = &self.run.scenario().processes[server];
        let ProgramSpec::Mysqld(spec) = &process.program else { return None };
        let known = match Flavour::of(&spec.version) {
            Flavour::Mysql80Early | Flavour::Mysql80 => true,
            Flavour::Mysql57 | Flavour::MariaDb => false,
        };
        if !known || spec.admin_address.is_some() {
            return None;
        }
        let settings = vec![(format!("process.{}.mysqld.admin_address", process.name), "127.0.0.1".to_owned())];
        let lines = vec!["[mysqld] admin_address = 127.0.0.1".to_owned(), "mysql -h127.0.0.1 -P33062".to_owned()];
        Some(Remedy { id: RemedyId::AdminPort, trying: Trying::Admin(settings), lines, cost: AdviceText::CostAdmin })
    }
}
