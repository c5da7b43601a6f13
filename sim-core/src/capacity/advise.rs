//! Which remedy cures, which merely moves the wall: each is simulated alone,
//! and where none is enough, in the smallest combinations that are.

use super::remedy::{Remedy, RemedyId, Trying, remedies};
use super::sweep::Setting;
use super::walls::{Variant, VariantError, client_wall};
use super::{Capacity, LimitId, advance_to_demand, demand_begins};
use crate::errno::Errno;
use crate::observe::RunFacts;
use crate::scenario::{
    ActionKind, ActionSpec, MarkRef, Metric, MetricKind, Moment, MysqlSpec, ProcessIx, ProcessMetric, ProcessSpec,
    ProgramKind, ProgramSpec, Run, Scenario, ServerName, Signal,
};
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;
use crate::units::Ipv4Addr;

crate::messages! {
    /// What the advice says.
    pub enum AdviceText {
        CostRestart {
            en: "everything the process was doing ends, with one RST for each socket with unread data; the next lost session starts the same again",
            zh: "进程正在做的一切都会中断，每个有未读数据的 socket 发出一个 RST；下一次会话丢失时一切重演"
        }
        CostRelease { en: "a new version of the client", zh: "需要发布新版本的客户端" }
        CostConnector {
            en: "a new library; it stops the leak, but the client still connects for ever and is never served",
            zh: "需要新版本的库；泄漏停止了，但客户端仍然不停地连接，永远得不到服务"
        }
        CostBackOff { en: "a new version of the client; it comes back later after a short outage", zh: "需要发布新版本的客户端；短暂故障之后恢复得更慢" }
        CostPool { en: "requests wait for a connection where the pool is smaller than the concurrency", zh: "连接池小于并发数时，请求要等待连接" }
        CostIdle { en: "the server keeps as many sessions open when idle", zh: "空闲时服务器也要保持这么多会话" }
        CostRange {
            en: "services that listen above 1023 must be in ip_local_reserved_ports, or they may not start",
            zh: "监听 1023 以上端口的服务必须写进 ip_local_reserved_ports，否则可能起不来"
        }
        CostReserved { en: "none; it protects listeners and gives no port back", zh: "没有代价；它只保护监听端口，不会多出端口" }
        CostReuse {
            en: "outgoing connections only, with timestamps on both ends; nothing for CLOSE_WAIT",
            zh: "只对外连有效，两端都要开启时间戳；对 CLOSE_WAIT 没有作用"
        }
        CostFinTimeout { en: "FIN_WAIT2 of orphans ends sooner; TIME_WAIT stays 60 s", zh: "孤儿连接的 FIN_WAIT2 更早结束；TIME_WAIT 仍是 60 秒" }
        CostKeepalive {
            en: "probes reach only sockets with SO_KEEPALIVE, and a live peer answers them",
            zh: "只探测设置了 SO_KEEPALIVE 的 socket，而活着的对端会应答"
        }
        CostSources {
            en: "one more address to route, to allow in firewalls and in MySQL accounts that name a host; without IP_BIND_ADDRESS_NO_PORT each port serves one destination only",
            zh: "多一个要路由的地址，防火墙和按主机授权的 MySQL 账号都要放行；不设 IP_BIND_ADDRESS_NO_PORT 时每个端口只能用于一个目的地"
        }
        CostDestinations {
            en: "one more address of the server, on which it must listen; every client must be told",
            zh: "服务器多一个地址，并且要在上面监听；每个客户端都要知道它"
        }
        CostDestinationsSysbench {
            en: "one more address of the server; a thread of sysbench keeps its host when it reconnects, so it helps only threads that are on another one",
            zh: "服务器多一个地址；sysbench 的线程重连时不换主机，所以只对落在另一个地址上的线程有用"
        }
        CostNofile { en: "memory: about 4 KiB for each socket", zh: "内存：每个 socket 约 4 KiB" }
        CostMaxConnections {
            en: "a thread and its memory on the server for each slot; open_files_limit must allow it",
            zh: "服务器上每个名额一个线程及其内存；open_files_limit 也要够大"
        }
        CostConnectTimeout { en: "clients behind slow links may not get through their login", zh: "链路慢的客户端可能来不及登录" }
        CostAdmin { en: "needs a restart of the server; one more port to guard", zh: "需要重启服务器；多一个要防护的端口" }
        CostBackLog { en: "needs a restart of the server; longer waits instead of drops", zh: "需要重启服务器；丢弃变成更久的等待" }

        RestartClient { en: "kill the client and start it again", zh: "杀掉客户端再启动" }
        CloseSocket { en: "close the socket before reconnecting", zh: "重连之前关闭 socket" }
        UpgradeConnector { en: "a connector that closes what it cannot use", zh: "换用会关闭无用 socket 的连接库" }
        PortRange { en: "a wider port range", zh: "更宽的端口范围" }
        ReservedPorts { en: "reserve the listeners' ports", zh: "保留监听端口" }
        SourceAddresses { en: "one more source address", zh: "多一个源地址" }
        DestinationAddresses { en: "one more destination address", zh: "多一个目的地址" }
        TwReuse { en: "tcp_tw_reuse = 1", zh: "tcp_tw_reuse = 1" }
        FinTimeout { en: "a shorter tcp_fin_timeout", zh: "更短的 tcp_fin_timeout" }
        Keepalive { en: "earlier keep-alive probes", zh: "更早发送 keep-alive 探测" }
        Nofile { en: "more descriptors", zh: "更多描述符" }
        FileMax { en: "a higher fs.file-max", zh: "更大的 fs.file-max" }
        MaxConnections { en: "a higher max_connections", zh: "更大的 max_connections" }
        ConnectTimeout { en: "the shortest connect_timeout", zh: "最短的 connect_timeout" }
        AdminPort { en: "an administrator's port", zh: "管理端口" }
        BackLog { en: "a longer accept queue", zh: "更长的全连接队列" }
        BackOff { en: "wait longer between attempts", zh: "两次尝试之间等更久" }
        PoolSize { en: "smaller pools", zh: "更小的连接池" }
        IdleLimit { en: "keep idle connections", zh: "保留空闲连接" }
    }
}

impl RemedyId {
    /// Its name for people.
    #[must_use]
    pub const fn text(self) -> AdviceText {
        match self {
            Self::RestartClient => AdviceText::RestartClient,
            Self::CloseSocket => AdviceText::CloseSocket,
            Self::UpgradeConnector => AdviceText::UpgradeConnector,
            Self::PortRange => AdviceText::PortRange,
            Self::ReservedPorts => AdviceText::ReservedPorts,
            Self::SourceAddresses => AdviceText::SourceAddresses,
            Self::DestinationAddresses => AdviceText::DestinationAddresses,
            Self::TwReuse => AdviceText::TwReuse,
            Self::FinTimeout => AdviceText::FinTimeout,
            Self::Keepalive => AdviceText::Keepalive,
            Self::Nofile => AdviceText::Nofile,
            Self::FileMax => AdviceText::FileMax,
            Self::MaxConnections => AdviceText::MaxConnections,
            Self::ConnectTimeout => AdviceText::ConnectTimeout,
            Self::AdminPort => AdviceText::AdminPort,
            Self::BackLog => AdviceText::BackLog,
            Self::BackOff => AdviceText::BackOff,
            Self::PoolSize => AdviceText::PoolSize,
            Self::IdleLimit => AdviceText::IdleLimit,
        }
    }
}

/// What ran out first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// A call of the client failed so.
    Errno(Errno),
    /// The server refused with ERR 1040.
    Refused,
    /// An accept queue overflowed.
    AcceptOverflow,
}

impl Trouble {
    /// What is seen of it.
    #[must_use]
    pub fn sign(self) -> String {
        match self {
            Self::Errno(errno) => errno.to_string(),
            Self::Refused => "ERR 1040".to_owned(),
            Self::AcceptOverflow => "ListenOverflows".to_owned(),
        }
    }
}

/// How a variant fared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trial {
    /// The first trouble, and seconds from the start of the demand to it.
    pub first: Option<(Trouble, f64)>,
    /// Connections the client had when it failed, or descriptors all clients have at the end.
    pub connections: u64,
    /// Ports in TIME_WAIT then, where they and no open connections hold the range; else 0.
    pub in_time_wait: u64,
    /// Failures of all clients in the last quarter of the time simulated.
    pub failures: u64,
    /// Descriptors the clients gained a second in the last quarter.
    pub growth: f64,
    /// Every client got work done in the last quarter.
    pub works: bool,
    /// An administrator who tried during the trouble got in.
    pub admin: Option<bool>,
    /// Seconds of demand that were simulated.
    pub simulated: f64,
}

impl Trial {
    /// Nothing fails, nothing grows, and work is done.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.failures == 0 && self.growth < 0.01 && self.works
    }
}

/// What a remedy does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Effect {
    /// The client works and nothing piles up.
    Cures,
    /// It does so until the next fault.
    Clears,
    /// Nothing leaks any more, but the client is not served either.
    StopsTheLeak,
    /// The wall comes at another time: seconds from the start of the demand;
    /// `None` for later than was simulated, with what is still growing.
    Moves(Option<f64>),
    /// An administrator gets in; the client's trouble is the same.
    LetsAdminIn,
    /// As before.
    Nothing,
}

/// A remedy, or several together, and what came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Tried {
    /// The remedies.
    pub remedies: Vec<Remedy>,
    /// How the variant fared.
    pub trial: Trial,
    /// What it does.
    pub effect: Effect,
    /// The wall that formulas expect where none came within what was simulated.
    pub projected: Option<Projected>,
}

/// A wall that formulas expect.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Projected {
    /// Which limit.
    pub limit: LimitId,
    /// What is seen of it.
    pub sign: &'static str,
    /// Seconds from the start of the demand to it.
    pub seconds: f64,
}

/// Advice for a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// The scenario as it is.
    pub baseline: Trial,
    /// Each remedy alone.
    pub alone: Vec<Tried>,
    /// The smallest combinations that cure, where no single one does.
    pub together: Vec<Tried>,
}

/// When advice sorts a remedy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum When {
    /// Do it now.
    Tonight,
    /// Do it with the next release.
    Tomorrow,
    /// It moves the wall or does nothing.
    DoesNotHelp,
}

impl Tried {
    /// When to do it.
    #[must_use]
    pub fn when(&self) -> When {
        let tonight = self.remedies.iter().all(|remedy| remedy.id.tonight());
        match self.effect {
            Effect::Cures | Effect::Clears | Effect::LetsAdminIn if tonight => When::Tonight,
            Effect::Cures | Effect::Clears | Effect::StopsTheLeak | Effect::LetsAdminIn => When::Tomorrow,
            Effect::Moves(_) | Effect::Nothing => When::DoesNotHelp,
        }
    }
}

/// A trial to be simulated; trials are independent of each other.
#[derive(Clone, Debug)]
pub struct Job {
    remedies: Vec<Remedy>,
    settings: Vec<Setting>,
    restart: bool,
    admin: bool,
}

impl Job {
    /// What is tried.
    #[must_use]
    pub fn remedies(&self) -> &[Remedy] {
        &self.remedies
    }
}

/// The plan of an advice: the baseline is known, the rest can run in parallel.
#[derive(Clone, Debug)]
pub struct Advisor {
    variant: Variant,
    seed: u64,
    baseline: Trial,
    horizon: Duration,
    remedies: Vec<Remedy>,
}

/// At least and at most so much demand is simulated.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(1_800);
/// So long after the first trouble the client is killed, and a fresh one starts a second later.
const REACTION: Duration = Duration::from_secs(10);

impl Advisor {
    /// Simulates the scenario as it is and lists the remedies to try.
    ///
    /// # Errors
    /// If the scenario cannot be simulated.
    pub fn new(variant: &Variant, seed: u64) -> Result<Self, VariantError> {
        let mut run = Run::new(variant.scenario()?, seed)?;
        let begins = advance_to_demand(&mut run)?;
        let capacity = Capacity::of(&run);
        let remedies = remedies(&run, &capacity);
        let scenario = variant.scenario()?;
        let first = scenario.end.since(begins).max(SHORTEST);
        let mut baseline = trial(scenario, seed, first, false, false)?;
        // Four times as long as it took to fail, so that a wall that moved is met again.
        let wanted = baseline.first.map_or(first, |(_, seconds)| span(seconds * 4.0).max(SHORTEST)).min(LONGEST);
        if wanted > first {
            baseline = trial(variant.scenario()?, seed, wanted, false, false)?;
        }
        Ok(Self { variant: variant.clone(), seed, baseline, horizon: wanted.max(first), remedies })
    }

    /// How the scenario fares as it is.
    #[must_use]
    pub const fn baseline(&self) -> &Trial {
        &self.baseline
    }

    /// The trials of each remedy alone.
    #[must_use]
    pub fn alone(&self) -> Vec<Job> {
        self.remedies.iter().map(|remedy| job(vec![remedy.clone()])).collect()
    }

    /// The trials of `size` settings together, of those that alone did not cure.
    #[must_use]
    pub fn together(&self, alone: &[Tried], size: usize) -> Vec<Job> {
        let enough = alone.iter().any(|tried| matches!(tried.effect, Effect::Cures));
        let usable: Vec<&Remedy> = alone
            .iter()
            .filter(|tried| !matches!(tried.effect, Effect::Cures | Effect::Clears))
            .filter_map(|tried| tried.remedies.first())
            .filter(|remedy| matches!(remedy.trying, Trying::Settings(_)))
            .collect();
        if enough || self.baseline.healthy() {
            return Vec::new();
        }
        combinations(&usable, size).into_iter().map(job).collect()
    }

    /// Simulates one.
    ///
    /// # Errors
    /// If the variant cannot be simulated.
    pub fn simulate(&self, job: &Job) -> Result<Tried, VariantError> {
        let scenario = self.variant.with(&job.settings).scenario()?;
        let trial = trial(scenario.clone(), self.seed, self.horizon, job.restart, job.admin)?;
        let effect = self.effect(job, &trial);
        let projected = match effect {
            Effect::Moves(None) => projected(scenario, self.seed)?,
            Effect::Cures
            | Effect::Clears
            | Effect::StopsTheLeak
            | Effect::Moves(Some(_))
            | Effect::LetsAdminIn
            | Effect::Nothing => None,
        };
        Ok(Tried { remedies: job.remedies.clone(), trial, effect, projected })
    }

    fn effect(&self, job: &Job, trial: &Trial) -> Effect {
        if trial.healthy() && !self.baseline.healthy() {
            return if job.restart { Effect::Clears } else { Effect::Cures };
        }
        if job.admin && trial.admin == Some(true) {
            return Effect::LetsAdminIn;
        }
        if self.baseline.growth_or_wall() && trial.failures == 0 && trial.growth < 0.01 {
            return Effect::StopsTheLeak;
        }
        let at = |trial: &Trial| trial.first.map(|(_, seconds)| seconds);
        match (at(&self.baseline), at(trial)) {
            (Some(before), Some(after)) if (after - before).abs() > before * 0.02 => Effect::Moves(Some(after)),
            (Some(_), None) => Effect::Moves(None),
            (Some(_), Some(_)) | (None, _) => Effect::Nothing,
        }
    }
}

impl Trial {
    /// Something leaks, or leaked until it hit a wall.
    fn growth_or_wall(&self) -> bool {
        self.growth >= 0.01 || matches!(self.first, Some((Trouble::Errno(_), _)))
    }
}

/// The client's next wall by the formulas.
fn projected(scenario: Scenario, seed: u64) -> Result<Option<Projected>, VariantError> {
    let mut run = Run::new(scenario, seed)?;
    advance_to_demand(&mut run)?;
    let capacity = Capacity::of(&run);
    let wall = client_wall(&capacity);
    Ok(wall.map(|(limit, seconds)| Projected { limit, sign: capacity.sign(limit), seconds }))
}

fn job(remedies: Vec<Remedy>) -> Job {
    let settings = |remedy: &Remedy| match &remedy.trying {
        Trying::Settings(settings) | Trying::Admin(settings) => settings.clone(),
        Trying::Restart => Vec::new(),
    };
    Job {
        settings: remedies.iter().flat_map(settings).collect(),
        restart: remedies.iter().any(|remedy| remedy.trying == Trying::Restart),
        admin: remedies.iter().any(|remedy| matches!(remedy.trying, Trying::Admin(_))),
        remedies,
    }
}

/// All ways to take `size` of the remedies, in their order.
fn combinations(of: &[&Remedy], size: usize) -> Vec<Vec<Remedy>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (index, &first) in of.iter().enumerate() {
        for mut rest in combinations(&of[index + 1..], size - 1) {
            rest.insert(0, first.clone());
            found.push(rest);
        }
    }
    found
}

/// Simulates a scenario for `horizon` of its demand and looks how it fares.
fn trial(
    mut scenario: Scenario,
    seed: u64,
    horizon: Duration,
    restart: bool,
    admin: bool,
) -> Result<Trial, VariantError> {
    let demands = super::demand::demands(&Run::new(scenario.clone(), seed)?);
    let begins = demand_begins(&scenario, &demands);
    scenario.end = begins + horizon;
    let client = demands.first().map_or(0, |demand| demand.process);
    // All clients are judged: what serves one may starve another.
    let mut judged: Vec<ProcessIx> = demands.iter().map(|demand| demand.process).collect();
    if judged.is_empty() {
        judged.push(client);
    }
    let fresh = restart.then(|| restarted(&mut scenario, client));
    let rescue = admin
        .then(|| administrator(&mut scenario, demands.first().and_then(|demand| demand.destination.server), begins));
    let mut run = Run::new(scenario, seed)?;
    let three_quarters = begins + Duration::from_nanos(horizon.nanos() / 4 * 3);
    run.run_until(three_quarters, &mut NoObserver)?;
    if let Some(fresh) = fresh {
        judged[0] = fresh;
    }
    let read = |run: &Run| judged.iter().map(|&process| Reading::of(run, process)).collect::<Vec<_>>();
    let before = read(&run);
    run.run_until(begins + horizon, &mut NoObserver)?;
    let after = read(&run);
    let works = before.iter().zip(&after).all(|(before, after)| after.work > before.work);
    let (before, after) = (Reading::sum(&before), Reading::sum(&after));
    let quarter = super::demand::seconds(horizon) / 4.0;
    let facts = RunFacts::of(&run);
    let first = first_trouble(&facts, begins);
    let connections = facts
        .ports
        .exhausted
        .or(facts.client.emfile)
        .or(facts.client.enfile)
        .map_or(after.open, |reached| reached.connections);
    Ok(Trial {
        first,
        connections,
        in_time_wait: facts.in_time_wait(),
        failures: after.failures - before.failures,
        growth: (super::limits::whole(after.open) - super::limits::whole(before.open)) / quarter,
        works,
        admin: rescue.map(|process| {
            run.metric(&metric(&run, process, ProcessMetric::Status("session_id".to_owned()))).is_some_and(|id| id > 0)
        }),
        simulated: super::demand::seconds(horizon),
    })
}

/// What a client has failed, opened and done so far.
struct Reading {
    failures: u64,
    open: u64,
    work: u64,
}

impl Reading {
    /// Of all clients together.
    fn sum(all: &[Self]) -> Self {
        let total = |of: fn(&Self) -> u64| all.iter().map(of).sum();
        Self { failures: total(|one| one.failures), open: total(|one| one.open), work: total(|one| one.work) }
    }

    fn of(run: &Run, process: ProcessIx) -> Self {
        let read =
            |kind| run.metric(&metric(run, process, kind)).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        let errnos =
            [Errno::AddrNotAvail, Errno::AddrInUse, Errno::MFile, Errno::NFile, Errno::TimedOut, Errno::ConnRefused];
        let failed: u64 = errnos.map(|errno| read(ProcessMetric::ConnectErrno(errno))).iter().sum();
        let status = |name: &str| read(ProcessMetric::Status(name.to_owned()));
        let (work, errors) = match run.scenario().processes[process].program.kind() {
            ProgramKind::Sysbench => (status("queries"), 0),
            ProgramKind::Pool => (status("requests"), status("login_errors") + status("timeouts")),
            ProgramKind::Mysqld
            | ProgramKind::Mysql
            | ProgramKind::Reconnect
            | ProgramKind::Dns
            | ProgramKind::Script => (read(ProcessMetric::ConnectOk), 0),
        };
        Self { failures: failed + errors, open: read(ProcessMetric::FdOpen), work }
    }
}

fn metric(run: &Run, process: ProcessIx, kind: ProcessMetric) -> Metric {
    Metric { host: run.scenario().processes[process].host, kind: MetricKind::Process { process, kind } }
}

fn first_trouble(facts: &RunFacts, begins: Instant) -> Option<(Trouble, f64)> {
    let no_port = if facts.ports.exhausted_in_bind { Errno::AddrInUse } else { Errno::AddrNotAvail };
    let client = [
        (Trouble::Errno(no_port), facts.ports.exhausted),
        (Trouble::Errno(Errno::MFile), facts.client.emfile),
        (Trouble::Errno(Errno::NFile), facts.client.enfile),
    ];
    let seconds = |at: Instant| super::demand::seconds(at.since(begins));
    let walls =
        client.into_iter().filter_map(|(trouble, reached)| reached.map(|reached| (trouble, seconds(reached.at))));
    let first = walls.min_by(|a, b| a.1.total_cmp(&b.1));
    let refused = facts.server.first_refusal.map(|reached| (Trouble::Refused, seconds(reached.at)));
    let dropped = (facts.server.accept_overflows > 0).then_some((Trouble::AcceptOverflow, 0.0));
    first.or(refused).or(dropped)
}

/// Kills the client some time after its wall and starts a copy of it.
fn restarted(scenario: &mut Scenario, client: ProcessIx) -> ProcessIx {
    let after = |more: Duration| Moment::Mark { mark: MarkRef::Exhausted, offset: REACTION + more, before: false };
    let copy = scenario.processes.len();
    let original = scenario.processes[client].clone();
    scenario.processes.push(ProcessSpec {
        name: format!("{}-restarted", original.name),
        pid: None,
        start: None,
        ..original
    });
    scenario.timeline.push(ActionSpec {
        at: after(Duration::ZERO),
        kind: ActionKind::Signal { process: client, signal: Signal::Kill },
    });
    scenario.timeline.push(ActionSpec { at: after(Duration::from_secs(1)), kind: ActionKind::Start { process: copy } });
    copy
}

/// Adds a mysql client that logs in through `admin_port` five seconds into the trouble.
fn administrator(scenario: &mut Scenario, server: Option<ProcessIx>, begins: Instant) -> ProcessIx {
    let server = server.unwrap_or(0);
    let host = scenario.processes[server].host;
    let port = match &scenario.processes[server].program {
        ProgramSpec::Mysqld(spec) => spec.vars.iter().find(|(name, _)| *name == "admin_port").map(|(_, value)| *value),
        ProgramSpec::Sysbench(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Reconnect(_)
        | ProgramSpec::Pool(_)
        | ProgramSpec::Dns(_)
        | ProgramSpec::Script(_) => None,
    };
    let program = ProgramSpec::Mysql(Box::new(MysqlSpec {
        host: ServerName::Addr(Ipv4Addr::LOCALHOST),
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(33_062),
        user: "root".to_owned(),
        database: None,
        connect_at_start: true,
        init: Vec::new(),
    }));
    let template = scenario.processes[server].clone();
    scenario.processes.push(ProcessSpec {
        name: "rescue".to_owned(),
        host,
        pid: None,
        start: Some(begins + Duration::from_secs(5)),
        program,
        ..template
    });
    scenario.processes.len() - 1
}

fn span(seconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let millis = (seconds.clamp(0.0, 1e6) * 1e3) as u64;
    Duration::from_millis(millis)
}
