//! One case: a plan's world with the program under test, run to its end or to
//! the first property that does not hold.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::history::{History, SURFACED};
use super::plan::{Fault, Plan, TimedFault, Topology};
use super::property::Property;
use super::view::{Notes, View};
use crate::app::backoff::BackOff;
use crate::app::dns::{DnsConfig, DnsServer};
use crate::app::mysql::{MysqlServer, ServerConfig, Target as MysqlTarget};
use crate::app::reconnect::{AfterConnect, CloseFirst, ReconnectClient, ReconnectConfig};
use crate::app::task::Program;
use crate::app::{App, Control, Limits};
use crate::kernel::{HostConfig, KernelProfile, ProcessConfig, Sysctls};
use crate::net::{FlagMatch, Hook, HostMatch, LinkConfig, PortMatch, Protocol, RejectWith, Rule, RuleVerdict};
use crate::sim::{Budgets, Phase, SimError, World};
use crate::text::Lang;
use crate::time::{Duration, Instant};
use crate::trace::{Digest, DropReason, Observer};
use crate::units::{Endpoint, HostId, Ipv4Addr, ProcIx, Ratio};
use crate::wire::Flags;

/// Address of the client's host.
pub const CLIENT_ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Address of the server's host.
pub const SERVER_ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Address of the name server, where it has a host of its own ([`Topology::ThreeHosts`]).
pub const DNS_ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
/// Name of the server's host, as the name server knows it.
pub const SERVER_NAME: &str = "db.example";
/// Version of the kernels.
pub(super) const KERNEL: &str = "6.1.100";
/// Version of the server.
pub(super) const MYSQL: &str = "8.0.36";
/// How far back progress is remembered.
const LATELY: Duration = Duration::from_secs(10);
/// How often properties are asked.
const TICK: Duration = Duration::from_millis(500);
/// `net.ipv4.tcp_max_orphans` of a host with 8 GiB.
pub(super) const ORPHANS: u32 = 32_768;
/// Port of the MySQL server.
pub(super) const MYSQL_PORT: u16 = 3306;

/// Which side is the program under test.
#[derive(Clone)]
pub(super) enum Subject {
    /// A client of the MySQL server.
    Client(Rc<dyn Fn() -> Program>),
    /// A server on this port; the case brings the clients.
    Server(u16, Rc<dyn Fn() -> Program>),
}

impl Subject {
    pub(super) const fn listens(&self) -> bool {
        matches!(self, Self::Server(..))
    }
    fn make(&self, topology: Topology) -> Program {
        let (Self::Client(make) | Self::Server(_, make)) = self;
        make().nameserver(match topology {
            Topology::TwoHosts => SERVER_ADDR,
            Topology::ThreeHosts => DNS_ADDR,
        })
    }
    pub(super) const fn port(&self) -> u16 {
        match self {
            Self::Client(_) => MYSQL_PORT,
            Self::Server(port, _) => *port,
        }
    }
}

/// A property that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Index among the properties.
    pub(super) property: usize,
    /// When it was seen.
    pub at: Instant,
    /// What was wrong, in English.
    pub why: String,
    /// And in 中文.
    pub why_zh: String,
}

/// How a case went.
pub(super) struct Run {
    pub(super) violation: Option<Violation>,
    /// Which properties' guards were true at some moment.
    pub(super) guarded: Vec<bool>,
    pub(super) case: Case,
}

/// A case under way.
pub(super) struct Case {
    pub(super) world: World,
    pub(super) history: History,
    subject: Subject,
    pub(super) process: (HostId, ProcIx),
    server: (HostId, ProcIx),
    dns: (HostId, ProcIx),
    /// By the fault that started it: bursts may overlap.
    bursts: BTreeMap<usize, (HostId, ProcIx)>,
    hosts: [HostId; 2],
    notes: Notes,
    plan: Plan,
    over: Option<Instant>,
    /// Faults whose end started a server.
    pub(super) started: Vec<usize>,
    /// What sysctls were before each fault that changed one.
    pub(super) before: BTreeMap<usize, String>,
    /// Session ids killed by each fault, for the scenario file.
    pub(super) killed: BTreeMap<usize, Vec<u64>>,
}

fn plain_host(name: &str, addr: Ipv4Addr) -> HostConfig {
    let profile = KernelProfile::parse(KERNEL).expect("a kernel the model speaks for");
    HostConfig::new(name, addr, profile)
}

/// The sysctls of a host as they are at first.
pub(super) fn sysctls() -> Sysctls {
    plain_host("client", CLIENT_ADDR).sysctls
}

fn host(name: &str, addr: Ipv4Addr, ports: (u16, u16)) -> HostConfig {
    let mut config = plain_host(name, addr);
    let range = format!("{} {}", ports.0, ports.1);
    config.sysctls.set("net.ipv4.ip_local_port_range", &range).expect("plans hold port ranges in order");
    config
}

fn mysqld(plan: &Plan) -> MysqlServer {
    let mut config = ServerConfig::new(MYSQL);
    for (name, value) in [
        ("max_connections", plan.max_connections),
        ("connect_timeout", plan.connect_timeout),
        ("wait_timeout", plan.wait_timeout),
        // Faults break logins; a host blocked for that would be one more fault.
        ("host_cache_size", 0),
    ] {
        let spec = config.vars.find(name).expect("every version has these variables");
        config.vars.configure(spec.var, u64::from(value));
    }
    MysqlServer::new(config)
}

fn load(port: u16, threads: u32, hold: Duration, pace: Option<Duration>) -> ReconnectClient {
    let target = MysqlTarget::Addr(Endpoint::new(SERVER_ADDR, port));
    ReconnectClient::new(ReconnectConfig {
        threads,
        after: AfterConnect::Exchange(16),
        close_first: CloseFirst::Client(hold),
        pace,
        back_off: BackOff::Fixed(Duration::from_millis(500)),
        connect_timeout: Some(Duration::from_secs(3)),
        ..ReconnectConfig::new(target)
    })
}

impl Case {
    pub(super) fn new(plan: &Plan, subject: &Subject) -> Self {
        let mut world = World::new(plan.seed, Budgets { events: 20_000_000, ..Budgets::default() });
        let mut add = |config| world.add_host(config).expect("addresses differ");
        let client_host = add(host("client", CLIENT_ADDR, plan.ports));
        let server_host = add(host("db", SERVER_ADDR, (32_768, 60_999)));
        let link = LinkConfig {
            latency: Duration::from_micros(u64::from(plan.latency_us)),
            loss: Ratio { num: u32::from(plan.loss), den: 1_000 },
            ..LinkConfig::default()
        };
        world.network_mut().add_link(client_host, server_host, link.clone()).expect("two hosts, one link");
        let (dns_host, dns_addr) = match plan.topology {
            Topology::TwoHosts => (server_host, SERVER_ADDR),
            Topology::ThreeHosts => {
                let apart = world.add_host(plain_host("dns", DNS_ADDR)).expect("addresses differ");
                world.network_mut().add_link(client_host, apart, link).expect("three hosts, two links");
                (apart, DNS_ADDR)
            }
        };
        let names = vec![(SERVER_NAME.to_owned(), SERVER_ADDR)];
        let dns = DnsServer::new(DnsConfig::new(dns_addr, names));
        let mut spawn = |host: HostId, name: &str, nofile: u64, app: Box<dyn App>, start: Instant| {
            (host, world.add_process(host, &ProcessConfig::new(name, nofile), app, start))
        };
        let dns = spawn(dns_host, "dns", 1_024, Box::new(dns), Instant::ZERO);
        let nofile = u64::from(plan.nofile);
        let later = Instant::ZERO + Duration::from_millis(100);
        let (own, server) = if let Subject::Server(port, _) = subject {
            let own = spawn(server_host, "app", nofile, Box::new(subject.make(plan.topology)), Instant::ZERO);
            let load = load(*port, 2, Duration::ZERO, Some(Duration::from_secs(1)));
            spawn(client_host, "load", 1_024, Box::new(load), later);
            (own, own)
        } else {
            let server = spawn(server_host, "mysqld", 10_000, Box::new(mysqld(plan)), Instant::ZERO);
            (spawn(client_host, "app", nofile, Box::new(subject.make(plan.topology)), later), server)
        };
        let mut history = History::new(own.0);
        history.watch(world.kernel(own.0).processes()[own.1.index()].pid());
        let hosts = [client_host, server_host];
        let (subject, plan) = (subject.clone(), plan.clone());
        Self {
            world,
            history,
            subject,
            process: own,
            server,
            dns,
            bursts: BTreeMap::new(),
            hosts,
            notes: Notes::default(),
            plan,
            over: None,
            started: Vec::new(),
            before: BTreeMap::new(),
            killed: BTreeMap::new(),
        }
    }

    /// A fault that the plan did not have.
    pub(super) fn add_fault(&mut self, fault: TimedFault) -> usize {
        self.over = None;
        self.plan.faults.push(fault);
        self.plan.faults.len() - 1
    }

    /// The port that is connected to.
    pub(super) const fn port(&self) -> u16 {
        self.subject.port()
    }

    /// The program under test is the server.
    pub(super) const fn listens(&self) -> bool {
        self.subject.listens()
    }

    /// Fingerprint of the run so far.
    pub(super) const fn digest(&self) -> Digest {
        self.world.digest()
    }

    pub(super) fn view(&self) -> View<'_> {
        let first = self.plan.faults.first().map(|fault| Instant::ZERO + fault.at);
        View {
            world: &self.world,
            subject: self.process,
            server: self.server,
            history: &self.history,
            notes: &self.notes,
            first_fault: first,
            over: self.over,
            listens: self.subject.listens(),
        }
    }

    /// Moments at which something is done or asked, in order.
    pub(super) fn moments(plan: &Plan) -> Vec<(Instant, Option<(usize, bool)>)> {
        let mut list: Vec<(Instant, Option<(usize, bool)>)> = Vec::new();
        for (ix, fault) in plan.faults.iter().enumerate() {
            list.push((Instant::ZERO + fault.at, Some((ix, true))));
            list.push((Instant::ZERO + fault.end(), Some((ix, false))));
        }
        let mut at = Instant::ZERO;
        let end = Instant::ZERO + plan.end();
        while at < end {
            at = (at + TICK).min(end);
            list.push((at, None));
        }
        // Stable: a fault's end comes after its beginning.
        list.sort_by_key(|(at, what)| (*at, what.is_none()));
        list
    }

    pub(super) fn advance(
        &mut self,
        at: Instant,
        what: Option<(usize, bool)>,
        extra: Option<&mut dyn Observer>,
    ) -> Result<(), SimError> {
        match extra {
            None => self.world.run_until(at, &mut self.history)?,
            Some(extra) => self.world.run_until(at, &mut Both(&mut self.history, extra))?,
        };
        match what {
            Some((ix, true)) => self.begin(ix)?,
            Some((ix, false)) => self.end(ix),
            None => {}
        }
        self.note();
        Ok(())
    }

    fn begin(&mut self, ix: usize) -> Result<(), SimError> {
        if ix == 0 {
            self.notes.baseline_fds = self.notes.baseline_fds.max(self.view().fds());
            self.notes.served_at_first = self.view().served();
        }
        let [client, server] = self.hosts;
        let port = self.subject.port();
        let fault = self.plan.faults[ix];
        match fault.fault {
            Fault::KillSession | Fault::KillAll => self.kill_sessions(ix, fault.fault == Fault::KillAll),
            Fault::RestartServer => self.kill_server()?,
            Fault::PowerLoss => {
                // Orphans beyond the limit end at once, and the cut keeps their resets from arriving.
                self.world.network_mut().partition(client, server, false);
                self.orphans(0);
                self.kill_server()?;
            }
            Fault::PauseServer => self.world.stop_process(self.server.0, self.server.1),
            Fault::Partition => self.world.network_mut().partition(client, server, false),
            Fault::LossToServer => self.lose(ix, client, server),
            Fault::LossToClient => self.lose(ix, server, client),
            Fault::DnsStall => self.world.stop_process(self.dns.0, self.dns.1),
            Fault::Refuse => {
                let reject = RuleVerdict::Reject(RejectWith::TcpReset);
                self.rule(ix, Rule { dport: PortMatch::One(crate::units::Port(port)), ..syn(reject) });
            }
            Fault::BlackHole => {
                let drop = RuleVerdict::Drop(DropReason::Rule);
                self.rule(ix, Rule { dport: PortMatch::One(crate::units::Port(port)), ..syn(drop) });
            }
            Fault::KillClient => {
                let (host, process) = self.process;
                self.world.exit_process(host, process, 128 + 9, &mut self.history)?;
            }
            Fault::Sysctl(change) => {
                let own = self.process.0;
                let before = self.world.kernel(own).config().sysctls.get(change.name()).unwrap_or_default();
                self.before.insert(ix, before);
                self.sysctl(own, change.name(), &change.value().to_string());
            }
            Fault::FewPorts(n) => self.ports((self.plan.ports.0, self.plan.ports.0.saturating_add(n.max(1) - 1))),
            Fault::FewFds(n) => self.nofile(n),
            Fault::Burst(n) => {
                let load = load(port, u32::from(n), fault.lasts, Some(Duration::from_millis(5)));
                let now = self.world.now();
                let process = self.world.add_process(client, &ProcessConfig::new("burst", 4_096), Box::new(load), now);
                self.bursts.insert(ix, (client, process));
            }
        }
        Ok(())
    }

    fn end(&mut self, ix: usize) {
        let [client, server] = self.hosts;
        match self.plan.faults[ix].fault {
            Fault::KillSession | Fault::KillAll => {}
            Fault::RestartServer | Fault::PowerLoss => {
                if self.plan.faults[ix].fault == Fault::PowerLoss {
                    self.world.network_mut().heal(None, Some((client, server)));
                    self.orphans(ORPHANS);
                }
                // Two deaths at once end with one new server.
                if matches!(self.world.phase(self.server.0, self.server.1), Phase::Exited(_)) {
                    let (app, now) = (Box::new(mysqld(&self.plan)), self.world.now());
                    self.server.1 = self.world.add_process(server, &ProcessConfig::new("mysqld", 10_000), app, now);
                    self.started.push(ix);
                }
            }
            Fault::PauseServer => self.world.continue_process(self.server.0, self.server.1),
            Fault::Partition => drop(self.world.network_mut().heal(None, Some((client, server)))),
            Fault::LossToServer | Fault::LossToClient | Fault::Refuse | Fault::BlackHole => {
                self.world.network_mut().heal(Some(&format!("fault{ix}")), None);
            }
            Fault::DnsStall => self.world.continue_process(self.dns.0, self.dns.1),
            Fault::KillClient => {
                let (app, now) = (Box::new(self.subject.make(self.plan.topology)), self.world.now());
                let config = ProcessConfig::new("app", u64::from(self.plan.nofile));
                self.process.1 = self.world.add_process(self.process.0, &config, app, now);
                let pid = self.world.kernel(self.process.0).processes()[self.process.1.index()].pid();
                self.history.watch(pid);
            }
            Fault::Sysctl(change) => {
                if let Some(before) = self.before.get(&ix).cloned() {
                    self.sysctl(self.process.0, change.name(), &before);
                }
            }
            Fault::FewPorts(_) => self.ports(self.plan.ports),
            Fault::FewFds(_) => self.nofile(self.plan.nofile),
            Fault::Burst(_) => {
                if let Some((host, process)) = self.bursts.remove(&ix) {
                    // Within the budgets: closing adds no sockets to speak of.
                    let ended = self.world.exit_process(host, process, 0, &mut self.history);
                    debug_assert!(ended.is_ok(), "{ended:?}");
                }
            }
        }
        if self.plan.faults.iter().all(|fault| Instant::ZERO + fault.end() <= self.world.now()) {
            self.over = Some(self.world.now());
        }
    }

    fn kill_server(&mut self) -> Result<(), SimError> {
        let (host, process) = self.server;
        if !matches!(self.world.phase(host, process), Phase::Exited(_)) {
            self.notes.served_before += self.world.app(host, process).metric("Queries").unwrap_or(0);
        }
        self.world.exit_process(host, process, 128 + 9, &mut self.history)
    }

    fn kill_sessions(&mut self, ix: usize, all: bool) {
        let (host, process) = self.server;
        let rows = self.world.app(host, process).status(self.world.now()).processlist;
        let mut ids: Vec<u64> = rows.iter().filter(|row| row.user != "event_scheduler").map(|row| row.id).collect();
        ids.sort_unstable();
        if !all {
            ids.truncate(1);
        }
        ids.retain(|id| self.world.control(host, process, &Control::KillSession(*id)).is_ok());
        self.killed.insert(ix, ids);
    }

    fn lose(&mut self, ix: usize, from: HostId, to: HostId) {
        let (src, dst) = (HostMatch::Host(from), HostMatch::Host(to));
        self.rule(ix, Rule { src, dst, ..Rule::every(Hook::Input, RuleVerdict::Drop(DropReason::Rule)) });
    }

    fn rule(&mut self, ix: usize, rule: Rule) {
        self.world.network_mut().add_rule_first(Some(format!("fault{ix}")), rule);
    }

    fn orphans(&mut self, most: u32) {
        self.sysctl(self.hosts[1], "net.ipv4.tcp_max_orphans", &most.to_string());
    }

    fn ports(&mut self, (low, high): (u16, u16)) {
        self.sysctl(self.hosts[0], "net.ipv4.ip_local_port_range", &format!("{low} {high}"));
    }

    fn sysctl(&mut self, host: HostId, name: &str, value: &str) {
        let written = self.world.kernel_mut(host).sysctl_write(name, value);
        debug_assert!(written.is_ok(), "{name}: {written:?}");
    }

    fn nofile(&mut self, soft: u16) {
        let limits = Limits { soft: u64::from(soft), hard: 1_024.max(u64::from(soft)) };
        let set = self.world.kernel_mut(self.process.0).prlimit(self.process.1, limits);
        debug_assert!(set.is_ok(), "{set:?}");
    }

    /// Keeps what properties compare with.
    fn note(&mut self) {
        let before = self.plan.faults.first().is_none_or(|fault| self.world.now() < Instant::ZERO + fault.at);
        let view = self.view();
        let told = SURFACED.map(|errno| view.counter(&format!("error.{errno}")));
        let lost = ["error.EOF", "error.ECONNRESET", "error.EPIPE"].iter().map(|name| view.counter(name)).sum();
        let (fds, served, now) = (view.fds(), view.served(), view.now());
        let notes = &mut self.notes;
        if before {
            notes.baseline_fds = notes.baseline_fds.max(fds);
        }
        for ((known, told), failure) in notes.told.iter_mut().zip(told).zip(&mut self.history.failures) {
            // A program that was started anew counts from zero.
            if *known != told {
                (*known, *failure) = (told, None);
            }
        }
        notes.served_lately.push_back((now, served));
        while notes.served_lately.front().is_some_and(|(at, _)| now.since(*at) > LATELY) {
            notes.served_lately.pop_front();
        }
        if lost > notes.told_lost {
            notes.lost_told_at = Some(self.world.now());
        }
        notes.told_lost = lost;
    }
}

/// A rule for the first packet of a connection.
fn syn(verdict: RuleVerdict) -> Rule {
    let only_syn = FlagMatch { mask: Flags::SYN.with(Flags::ACK), set: Flags::SYN };
    Rule { protocol: Protocol::Tcp, flags: Some(only_syn), ..Rule::every(Hook::Input, verdict) }
}

struct Both<'a>(&'a mut History, &'a mut dyn Observer);

impl Observer for Both<'_> {
    fn record(&mut self, record: &crate::trace::Record) {
        self.0.record(record);
        self.1.record(record);
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// Runs a case.
///
/// # Errors
/// When a budget of the world is exceeded.
pub(super) fn run(plan: &Plan, subject: &Subject, properties: &[Property]) -> Result<Run, SimError> {
    let mut case = Case::new(plan, subject);
    let mut guarded = vec![false; properties.len()];
    for (at, what) in Case::moments(plan) {
        case.advance(at, what, None)?;
        let view = case.view();
        for (ix, property) in properties.iter().enumerate() {
            guarded[ix] = guarded[ix] || (property.guard)(&view);
            if let Err(why) = (property.holds)(&view, Lang::En) {
                let why_zh = (property.holds)(&view, Lang::Zh).err().unwrap_or_default();
                let violation = Violation { property: ix, at: view.now(), why, why_zh };
                return Ok(Run { violation: Some(violation), guarded, case });
            }
        }
    }
    Ok(Run { violation: None, guarded, case })
}
