//! The workloads W(N) and C(N) as worlds: two hosts on Linux 6.18.44, 0.1 ms
//! apart, with the whole model on.

use halfclose::app::Limits;
use halfclose::app::bench::{Hold, HoldClient, HoldClientConfig, HoldServer, HoldServerConfig};
use halfclose::kernel::config::UnrelatedSockets;
use halfclose::kernel::{CostProfile, HostConfig, KernelProfile, ProcessConfig, Sysctls};
use halfclose::net::LinkConfig;
use halfclose::sim::{Budgets, World};
use halfclose::time::{Duration, Instant};
use halfclose::trace::NoObserver;
use halfclose::units::{Endpoint, HostId, Ipv4Addr, Port, ProcIx, Ratio};

/// Ports of `net.ipv4.ip_local_port_range` at its default.
const RANGE: u32 = 28_232;
/// Connections given to each source address where one is not enough.
const SHARE: u32 = 28_000;
const RAM: u64 = 64 << 30;
const SERVER: Endpoint = Endpoint::new(Ipv4Addr::new(10, 2, 0, 1), 3306);

/// Which workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// N connections one after another, held open by the client for ever.
    W,
    /// N short connections, 100 at a time.
    C,
}

/// A workload's world and where its programs are.
pub(crate) struct Workload {
    pub(crate) world: World,
    client: (HostId, ProcIx),
    kind: Kind,
    n: u32,
}

fn host(name: &str, addrs: Vec<Ipv4Addr>) -> HostConfig {
    let profile = KernelProfile::parse("6.18.44").expect("a supported version");
    let mut sysctls = Sysctls::new(&profile, RAM);
    for (name, value) in
        [("fs.nr_open", "4194304"), ("fs.file-max", "8000000"), ("net.ipv4.tcp_max_tw_buckets", "2000000")]
    {
        sysctls.set(name, value).expect("Linux takes this value");
    }
    HostConfig {
        name: name.to_owned(),
        addrs,
        profile,
        cpus: 4,
        ram_bytes: RAM,
        sysctls,
        cost: CostProfile::by_name("bench").expect("a profile of the model"),
        steal: Ratio::ZERO,
        timer_rounding: true,
        unrelated: UnrelatedSockets::default(),
        bound_ports: Vec::new(),
    }
}

fn process(name: &str) -> ProcessConfig {
    ProcessConfig {
        name: name.to_owned(),
        pid: None,
        nofile: Limits { soft: 4_000_000, hard: 4_000_000 },
        cap_sys_admin: false,
        cap_sys_resource: false,
        extra_fds: 0,
    }
}

/// More client addresses where one has not ports enough.
fn sources(n: u32) -> Vec<Ipv4Addr> {
    let count = if n > RANGE { n.div_ceil(SHARE) } else { 1 };
    (0..count).map(|i| Ipv4Addr::from_bits(Ipv4Addr::new(10, 1, 0, 1).to_bits() + i)).collect()
}

impl Workload {
    pub(crate) fn new(kind: Kind, n: u32) -> Self {
        let mut world = World::new(1, Budgets { events: u64::MAX, ..Budgets::default() });
        let addrs = sources(n);
        let sources = if addrs.len() > 1 {
            addrs.iter().map(|&addr| Endpoint::on(addr, Port::NONE)).collect()
        } else {
            Vec::new()
        };
        let client = world.add_host(host("client", addrs)).expect("fresh addresses");
        let db = world.add_host(host("db", vec![SERVER.addr()])).expect("a fresh address");
        let link = LinkConfig { latency: Duration::from_micros(100), ..LinkConfig::default() };
        world.network_mut().add_link(client, db, link).expect("the first link");
        let server = HoldServer::new(HoldServerConfig {
            listen: SERVER,
            backlog: 4096,
            greeting: 77,
            close_after: (kind == Kind::W).then_some(Duration::from_secs(10)),
            answer: 100,
        });
        world.add_process(db, &process("server"), Box::new(server), Instant::ZERO);
        let (threads, hold) = match kind {
            Kind::W => (1, Hold::Keep(Duration::from_micros(1_600))),
            Kind::C => (100, Hold::Exchange(100)),
        };
        let app = HoldClient::new(HoldClientConfig { targets: vec![SERVER], sources, connections: n, threads, hold });
        let start = Instant::ZERO + Duration::from_millis(10);
        let process = world.add_process(client, &process("client"), Box::new(app), start);
        Self { world, client: (client, process), kind, n }
    }

    /// Runs until every connection was established.
    pub(crate) fn open(&mut self) {
        let done = match self.kind {
            Kind::W => "connect.ok",
            Kind::C => "finished",
        };
        while self.world.app(self.client.0, self.client.1).metric(done) != Some(u64::from(self.n)) {
            assert!(self.world.next_at() < Instant::MAX, "the client opens all its connections");
            let until = self.world.next_at() + Duration::from_millis(50);
            self.world.run_until(until, &mut NoObserver).expect("within the budgets");
        }
    }

    /// Runs the whole workload, until 70 s after the last connection.
    pub(crate) fn run(&mut self) {
        self.open();
        let end = self.world.now() + Duration::from_secs(70);
        self.world.run_until(end, &mut NoObserver).expect("within the budgets");
    }
}
