//! What the clients of a scenario ask for: how many connections a second, and
//! how long each holds what it takes.

use crate::app::CallName;
use crate::app::backoff::BackOff;
use crate::app::pool::PoolConfig;
use crate::app::reconnect::{AfterConnect, CloseFirst, Disposal};
use crate::app::sysbench::{Connector, RECONNECT_CALLS};
use crate::kernel::cost::{CandidateCounts, CostProfile};
use crate::scenario::{
    ActionKind, HostIx, PoolSpec, ProcessIx, ProgramKind, ProgramSpec, ReconnectSpec, Run, Scenario, ServerName,
    SpreadSpec, SysbenchSpec,
};
use crate::time::Duration;
use crate::units::Ipv4Addr;

/// Where a client connects to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Destination {
    /// Its address.
    pub addr: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// The host that owns the address; `None` if no host does.
    pub host: Option<HostIx>,
    /// The MySQL server that listens there.
    pub server: Option<ProcessIx>,
}

/// How a client treats its connections.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Habit {
    /// Nobody closes them.
    Leak,
    /// It closes first, after holding each for so many seconds: TIME_WAIT is the client's.
    ClosesFirst(f64),
    /// It resets them after so many seconds: no TIME_WAIT anywhere.
    Resets(f64),
    /// The server closes first; then the client closes at once: TIME_WAIT is the server's.
    ServerClosesFirst,
    /// So many connections are opened and kept.
    Keeps(u32),
}

/// The time of one attempt, and how many run at once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cycle {
    /// Threads that each make one attempt after the other.
    pub threads: u32,
    /// CPUs of the host.
    pub cpus: u32,
    /// Seconds of waiting in an attempt that succeeds: pause and round trip.
    pub wait: f64,
    /// Seconds of CPU time in it, without the port search.
    pub work: f64,
    /// Seconds of waiting in an attempt that finds no port.
    pub failing_wait: f64,
    /// Seconds of CPU time in it, without the port search.
    pub failing_work: f64,
    /// Seconds of CPU time of a connect() without its search.
    pub connect: f64,
    /// Seconds of CPU time for a candidate that is taken.
    pub candidate: f64,
    /// How much longer CPU work takes because the hypervisor takes its share: `1 / (1 − steal)`.
    pub stretch: f64,
    /// Seconds one attempt takes by itself, without pauses and without a search.
    pub attempt: f64,
    /// Attempts a second are no more than this.
    pub pace: Option<f64>,
    /// Pairs of source and destination address that take turns: each has the port range for itself.
    /// Where `bind()` chooses the port, source addresses alone.
    pub pairs: u32,
    /// `bind()` chooses the port, and connect() searches none.
    pub bound: bool,
}

impl Cycle {
    /// Connections a second when each search passes `taken` ports that are in use.
    #[must_use]
    pub fn rate(&self, taken: f64) -> f64 {
        self.bounded(self.wait, self.work + self.candidate * taken)
    }

    /// Attempts a second when each search passes all `ports` in vain.
    #[must_use]
    pub fn failing_rate(&self, ports: f64) -> f64 {
        self.bounded(self.failing_wait, self.failing_work + self.candidate * ports)
    }

    /// CPUs busy with connect() calls that search all `ports` in vain.
    #[must_use]
    pub fn vain_cpus(&self, ports: f64) -> f64 {
        self.failing_rate(ports) * (self.connect + self.candidate * ports)
    }

    fn bounded(&self, wait: f64, work: f64) -> f64 {
        let threads = f64::from(self.threads) / (wait + work * self.stretch).max(1e-9);
        let cpus = f64::from(self.cpus) / (work * self.stretch).max(1e-9);
        threads.min(cpus).min(self.pace.unwrap_or(f64::INFINITY))
    }

    /// Seconds until `n` connections are open and kept, of `ports` for each pair
    /// of addresses: the first half of a range is free of searching, each port of
    /// the second costs a walk over the whole first half (`__inet_hash_connect`).
    #[must_use]
    pub fn seconds_to(&self, n: f64, ports: f64) -> f64 {
        let half = (ports / 2.0).ceil();
        let halves = half * f64::from(self.pairs);
        let second = (n - halves).max(0.0);
        n.min(halves) / self.rate(0.0) + second / self.rate(half)
    }

    /// Connections opened and kept in the first `seconds`: the inverse of [`Cycle::seconds_to`].
    #[must_use]
    pub fn made_within(&self, seconds: f64, ports: f64) -> f64 {
        let (half, pairs) = ((ports / 2.0).ceil(), f64::from(self.pairs));
        let first = (seconds * self.rate(0.0)).min(half * pairs);
        let left = seconds - half * pairs / self.rate(0.0);
        first + (left.max(0.0) * self.rate(half)).min((ports - half) * pairs)
    }
}

/// What one client asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// The client.
    pub process: ProcessIx,
    /// Its host.
    pub host: HostIx,
    /// Where to first.
    pub destination: Destination,
    /// Where else, in turn.
    pub more_destinations: Vec<Destination>,
    /// What becomes of a connection.
    pub habit: Habit,
    /// How fast they follow each other. For one that keeps its connections: while it opens them.
    pub cycle: Cycle,
    /// It sends nothing, so a MySQL server waits `connect_timeout` for its login.
    pub silent: bool,
    /// Bytes of user memory each attempt loses.
    pub memory_leak: u64,
    /// The wait after a failure; `None` for programs that return the error to their caller.
    pub back_off: Option<BackOff>,
    /// Its habit begins with the first `kill session`, not with the program.
    pub after_kill: bool,
}

impl Demand {
    /// The share of its connections that go where `there` says, of 1.
    #[must_use]
    pub fn share(&self, there: impl Fn(&Destination) -> bool) -> f64 {
        let all = || core::iter::once(&self.destination).chain(&self.more_destinations);
        let count = |n: usize| u32::try_from(n).map_or(f64::INFINITY, f64::from);
        count(all().filter(|to| there(to)).count()) / count(all().count())
    }
}

/// Size of the buffer `ma_net_init` allocates and the leaking connector loses
/// with each socket: the traced `mprotect` grows the heap by 8–16 KiB.
const CONNECTOR_BUFFER: u64 = 12 << 10;

/// The demands of a scenario, of every client whose behaviour a formula can
/// tell; scripted processes have none.
#[must_use]
pub(super) fn demands(run: &Run) -> Vec<Demand> {
    let scenario = run.scenario();
    let kills = scenario.timeline.iter().filter(|action| matches!(action.kind, ActionKind::KillSession { .. }));
    let killed = u32::try_from(kills.count()).unwrap_or(u32::MAX);
    (0..scenario.processes.len()).filter_map(|process| demand(run, scenario, process, killed)).collect()
}

fn demand(run: &Run, scenario: &Scenario, process: ProcessIx, killed: u32) -> Option<Demand> {
    let spec = &scenario.processes[process];
    let base = |target: &(ServerName, u16), spread| Base::new(run, scenario, spec.host, target, spread);
    match &spec.program {
        ProgramSpec::Sysbench(sysbench) => {
            let first = (sysbench.mysql_host.clone(), sysbench.mysql_port);
            base(&first, &sysbench.spread).map(|base| base.sysbench(process, sysbench, killed))
        }
        ProgramSpec::Reconnect(reconnect) => {
            base(&reconnect.target, &reconnect.spread).map(|base| base.reconnect(process, reconnect))
        }
        ProgramSpec::Pool(pool) => base(&pool.target, &pool.spread).map(|base| base.pool(process, pool)),
        ProgramSpec::Mysqld(_) | ProgramSpec::Mysql(_) | ProgramSpec::Dns(_) | ProgramSpec::Script(_) => None,
    }
}

/// What all clients of a host to a destination have in common.
struct Base<'a> {
    cost: &'a CostProfile,
    host: HostIx,
    cpus: u32,
    destination: Destination,
    more_destinations: Vec<Destination>,
    spread: &'a SpreadSpec,
    round_trip: f64,
    /// `1 / (1 − steal)`.
    stretch: f64,
    /// `connect_timeout` of the server in seconds: how long it waits for a silent client.
    patience: f64,
}

impl<'a> Base<'a> {
    fn new(
        run: &'a Run,
        scenario: &Scenario,
        host: HostIx,
        target: &(ServerName, u16),
        spread: &'a SpreadSpec,
    ) -> Option<Self> {
        let more = spread.more_targets.iter();
        let more_destinations = more.filter_map(|target| destination(scenario, host, target)).collect();
        let destination = destination(scenario, host, target)?;
        let config = run.world().kernel(run.host(host)).config();
        Some(Self {
            cost: &config.cost,
            host,
            cpus: config.cpus,
            round_trip: round_trip(scenario, host, destination.host, &config.cost),
            stretch: 1.0 / (1.0 - f64::from(config.steal.num) / f64::from(config.steal.den.max(1))).max(0.01),
            patience: destination.server.map_or(0.0, |server| super::limits::Server::of(run, server).connect_timeout),
            destination,
            more_destinations,
            spread,
        })
    }

    /// `bind()` chooses the port.
    const fn bound(&self) -> bool {
        !self.spread.sources.is_empty() && !self.spread.bind_address_no_port
    }
    /// Pairs of addresses in use, where so many threads choose destinations for themselves.
    fn pairs(&self, choosers: u32) -> u32 {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let sources = count(self.spread.sources.len()).max(1);
        let targets = count(1 + self.more_destinations.len()).min(choosers.max(1));
        if self.bound() { sources } else { sources.saturating_mul(targets) }
    }
    /// setsockopt() and bind() before connect().
    fn binding(&self) -> f64 {
        if self.spread.sources.is_empty() {
            return 0.0;
        }
        let option = if self.spread.bind_address_no_port { self.call(CallName::SetSockOpt) } else { 0.0 };
        option + self.call(CallName::Bind)
    }

    fn call(&self, name: CallName) -> f64 {
        ns(self.cost.call_ns(name).into())
    }
    fn calls(&self, names: &[CallName]) -> f64 {
        names.iter().map(|&name| self.call(name)).sum()
    }
    /// connect() without a search, and the way back from its wait.
    fn connect(&self) -> f64 {
        ns(self.cost.tcp_connect_ns(&CandidateCounts::default()))
    }
    fn wakeup(&self) -> f64 {
        ns(self.cost.wakeup_ns.into())
    }
    /// What a sleep takes beyond what was asked for, on average.
    fn lateness(&self) -> f64 {
        let cost = self.cost;
        ns(u64::from(cost.timer_slack_ns) + u64::from(cost.timer_wake_ns) + u64::from(cost.timer_wake_jitter_ns) / 2)
    }
    fn sleep(&self, asked: Duration) -> f64 {
        if asked == Duration::ZERO { 0.0 } else { seconds(asked) + self.lateness() + self.call(CallName::Nanosleep) }
    }

    fn cycle(&self, threads: u32, pause: f64, work: f64, failing: (f64, f64), pace: Option<Duration>) -> Cycle {
        let (work, bound) = (work + self.binding(), self.bound());
        // It fails at bind(), before connect().
        let vain = self.binding() + if bound { 0.0 } else { self.connect() };
        Cycle {
            threads: threads.max(1),
            cpus: self.cpus,
            wait: pause + self.round_trip + self.wakeup(),
            work: work + self.connect(),
            failing_wait: failing.0,
            failing_work: failing.1 + vain,
            stretch: self.stretch,
            connect: self.connect(),
            candidate: if bound { 0.0 } else { ns(self.cost.candidate_ns.taken.into()) },
            attempt: self.round_trip + self.wakeup() + work + self.connect(),
            pace: pace.filter(|&pace| pace > Duration::ZERO).map(|pace| 1.0 / seconds(pace)),
            pairs: self.pairs(u32::MAX),
            bound,
        }
    }

    fn sysbench(&self, process: ProcessIx, spec: &SysbenchSpec, killed: u32) -> Demand {
        let pause = self.sleep(spec.reconnect_pause);
        let work = self.calls(RECONNECT_CALLS);
        let failing = self.calls(&[CallName::Getpid, CallName::Socket, CallName::SetNonblock, CallName::Close]);
        let habit = match spec.connector {
            Connector::LeakFd if killed > 0 => Habit::Leak,
            Connector::CloseAfterFailure if killed > 0 => Habit::ClosesFirst(0.0),
            Connector::LeakFd | Connector::CloseAfterFailure | Connector::Crash | Connector::ReconnectOk => {
                Habit::Keeps(spec.threads)
            }
        };
        let leaks = matches!(habit, Habit::Leak);
        // One session is lost with each KILL, and one thread reconnects for ever.
        let threads = if matches!(habit, Habit::Keeps(_)) { spec.threads } else { killed.min(spec.threads) };
        Demand {
            process,
            host: self.host,
            destination: self.destination,
            more_destinations: self.more_destinations.clone(),
            habit,
            // A thread keeps its host when it reconnects.
            cycle: Cycle { pairs: self.pairs(threads), ..self.cycle(threads, pause, work, (pause, failing), None) },
            silent: !matches!(habit, Habit::Keeps(_)),
            memory_leak: if leaks { CONNECTOR_BUFFER } else { 0 },
            back_off: Some(BackOff::Fixed(spec.reconnect_pause)),
            after_kill: killed > 0,
        }
    }

    fn reconnect(&self, process: ProcessIx, spec: &ReconnectSpec) -> Demand {
        let habit = match (spec.dispose, spec.close_first) {
            (_, CloseFirst::Never) => Habit::Keeps(spec.threads),
            (Disposal::Leak, CloseFirst::Client(_) | CloseFirst::Server) => Habit::Leak,
            (Disposal::Close, CloseFirst::Client(hold)) => Habit::ClosesFirst(seconds(hold)),
            (Disposal::Reset, CloseFirst::Client(hold)) => Habit::Resets(seconds(hold)),
            (Disposal::Close | Disposal::Reset, CloseFirst::Server) => Habit::ServerClosesFirst,
        };
        // A thread that waits for its peer's close makes no new connection meanwhile.
        let held = match spec.close_first {
            CloseFirst::Client(hold) => self.sleep(hold),
            CloseFirst::Server => self.patience,
            CloseFirst::Never => 0.0,
        };
        let back_off = match spec.back_off {
            BackOff::Fixed(wait) => wait,
            BackOff::Exponential { cap, .. } | BackOff::Jittered { cap, .. } => cap,
        };
        let failing = self.calls(&[CallName::Socket, CallName::Close]);
        let work = self.calls(&[CallName::Socket])
            + if matches!(habit, Habit::Leak) { 0.0 } else { self.call(CallName::Close) };
        Demand {
            process,
            host: self.host,
            destination: self.destination,
            more_destinations: self.more_destinations.clone(),
            habit,
            cycle: self.cycle(spec.threads, held, work, (self.sleep(back_off), failing), spec.pace),
            silent: matches!(spec.after, AfterConnect::Nothing | AfterConnect::Read),
            memory_leak: 0,
            back_off: Some(spec.back_off),
            after_kill: false,
        }
    }

    fn pool(&self, process: ProcessIx, spec: &PoolSpec) -> Demand {
        let preset = spec.preset.and_then(|name| PoolConfig::preset(name, self.cpus)).unwrap_or_default();
        let max = spec.max.unwrap_or(preset.max);
        let most = if max == 0 { spec.workers } else { max };
        let kept = most.min(spec.workers).max(spec.min.unwrap_or(preset.min).min(most));
        let work = self.calls(&[CallName::Socket, CallName::SetNonblock, CallName::GetSockOpt, CallName::SetNonblock]);
        let think = self.sleep(spec.think);
        Demand {
            process,
            host: self.host,
            destination: self.destination,
            more_destinations: self.more_destinations.clone(),
            habit: Habit::Keeps(kept),
            cycle: self.cycle(kept, think, work, (think, work), None),
            silent: false,
            memory_leak: 0,
            back_off: None,
            after_kill: false,
        }
    }
}

/// Who listens where a client connects to; `None` if the name has no address.
fn destination(scenario: &Scenario, host: HostIx, target: &(ServerName, u16)) -> Option<Destination> {
    let (name, port) = target;
    let addr = match name {
        ServerName::Addr(addr) => *addr,
        ServerName::Name(name) => lookup(scenario, host, name)?,
    };
    let owner = if addr.is_loopback() {
        Some(host)
    } else {
        scenario.hosts.iter().position(|candidate| candidate.addrs.contains(&addr))
    };
    let listens = |process: &crate::scenario::ProcessSpec| {
        Some(process.host) == owner && process.program.kind() == ProgramKind::Mysqld
    };
    let server = scenario.processes.iter().position(listens).filter(|&server| mysql_port(scenario, server) == *port);
    Some(Destination { addr, port: *port, host: owner, server })
}

fn mysql_port(scenario: &Scenario, server: ProcessIx) -> u16 {
    let ProgramSpec::Mysqld(spec) = &scenario.processes[server].program else { return 0 };
    let given = spec.vars.iter().find(|(name, _)| *name == "port").map(|(_, value)| *value);
    given.and_then(|port| u16::try_from(port).ok()).unwrap_or(3306)
}

/// `/etc/hosts` first, then whichever name server knows it.
fn lookup(scenario: &Scenario, host: HostIx, name: &str) -> Option<Ipv4Addr> {
    let known = scenario.hosts[host].etc_hosts.iter().find(|(known, _)| known == name).map(|(_, addr)| *addr);
    let served = || {
        scenario.processes.iter().find_map(|process| match &process.program {
            ProgramSpec::Dns(dns) => dns.records.iter().find(|(known, _)| known == name).map(|(_, addr)| *addr),
            ProgramSpec::Mysqld(_)
            | ProgramSpec::Sysbench(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Reconnect(_)
            | ProgramSpec::Pool(_)
            | ProgramSpec::Script(_) => None,
        })
    };
    known.or_else(served)
}

/// Twice the one-way delay; on loopback only what the receiving sides cost.
fn round_trip(scenario: &Scenario, from: HostIx, to: Option<HostIx>, cost: &CostProfile) -> f64 {
    let Some(to) = to.filter(|&to| to != from) else { return 2.0 * ns(cost.softirq_packet_ns.into()) };
    let link = scenario.links.iter().find(|l| (l.first, l.second) == (from, to) || (l.second, l.first) == (from, to));
    let link = link.copied().unwrap_or_else(|| crate::scenario::LinkSpec::default_between(from, to));
    2.0 * (seconds(link.latency) + seconds(link.jitter) / 2.0)
}

/// A duration in seconds.
pub(super) fn seconds(duration: Duration) -> f64 {
    ns(duration.nanos())
}

#[expect(clippy::cast_precision_loss, reason = "52 bits of nanoseconds are 52 days")]
fn ns(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
