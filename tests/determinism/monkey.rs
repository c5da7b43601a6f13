//! A program that makes random calls, and random worlds of them.

use std::collections::VecDeque;

use halfclose::app::{App, AppContext, Call, Domain, Limits, Resume, Ret, ShutdownHow, SockType, SocketOption};
use halfclose::kernel::{CostProfile, HostConfig, KernelProfile, ProcessConfig, Sysctls, UnrelatedSockets};
use halfclose::net::LinkConfig;
use halfclose::sim::{Budgets, World};
use halfclose::tcp::TcpSocketOption;
use halfclose::time::{Duration, Instant};
use halfclose::units::{Endpoint, Fd, HostId, Ipv4Addr, ProcIx, Ratio, TaskId};
use halfclose::wire::Payload;
use proptest::prelude::*;

/// Something to do; sockets are named by a number modulo those open.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// To the first host's port or the second's, over 127.0.0.1 or the link.
    Connect(u8),
    BindConnect(u8),
    Accept,
    Send(u8, u32),
    Recv(u8, u32),
    Shutdown(u8),
    Close(u8),
    Reset(u8),
    KeepAlive(u8),
    Sleep(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Op::Connect),
        1 => (0..4_u8).prop_map(Op::BindConnect),
        4 => Just(Op::Accept),
        3 => (any::<u8>(), 1..9_000_u32).prop_map(|(fd, n)| Op::Send(fd, n)),
        3 => (any::<u8>(), 1..9_000_u32).prop_map(|(fd, n)| Op::Recv(fd, n)),
        1 => any::<u8>().prop_map(Op::Shutdown),
        3 => any::<u8>().prop_map(Op::Close),
        1 => any::<u8>().prop_map(Op::Reset),
        1 => any::<u8>().prop_map(Op::KeepAlive),
        4 => (0..4_000_u64).prop_map(Op::Sleep),
    ]
}

/// Plays its list once; its sockets stay open until it is killed.
#[derive(Clone, Debug)]
struct Monkey {
    ops: VecDeque<Op>,
    calls: VecDeque<Call>,
    /// The next descriptor opened is connected to this, after a `bind()` to port 0.
    then: Option<(Endpoint, bool)>,
    listener: Option<Fd>,
    fds: Vec<Fd>,
    started: bool,
}

const PORT: u16 = 3306;
const ADDRS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

impl Monkey {
    fn pick(&self, n: u8) -> Option<Fd> {
        (!self.fds.is_empty()).then(|| self.fds[usize::from(n) % self.fds.len()])
    }

    fn opened(&mut self, fd: Fd) {
        if !self.started {
            self.started = true;
            self.listener = Some(fd);
            self.calls.push_back(Call::SetSockOpt { fd, option: SocketOption::ReuseAddr(true) });
            self.calls.push_back(Call::Bind { fd, addr: Endpoint::new(Ipv4Addr::UNSPECIFIED, PORT) });
            self.calls.push_back(Call::Listen { fd, backlog: 1 });
            return;
        }
        self.fds.push(fd);
        if let Some((addr, bind)) = self.then.take() {
            if bind {
                self.calls.push_back(Call::Bind { fd, addr: Endpoint::ANY });
            }
            self.calls.push_back(Call::Connect { fd, addr });
        }
    }

    fn expand(&mut self, op: &Op) {
        let socket = Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: true };
        match *op {
            Op::Connect(to) | Op::BindConnect(to) => {
                let addr = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2), ADDRS[0], ADDRS[1]][usize::from(to % 4)];
                self.then = Some((Endpoint::new(addr, PORT), matches!(op, Op::BindConnect(_))));
                self.calls.push_back(socket);
            }
            Op::Accept => {
                if let Some(fd) = self.listener {
                    self.calls.push_back(Call::Accept { fd, nonblock: true });
                }
            }
            Op::Send(n, bytes) => {
                if let Some(fd) = self.pick(n) {
                    self.calls.push_back(Call::Send { fd, data: Payload::opaque(bytes) });
                }
            }
            Op::Recv(n, max) => {
                if let Some(fd) = self.pick(n) {
                    self.calls.push_back(Call::Recv { fd, max, peek: false, dontwait: true });
                }
            }
            Op::Shutdown(n) => {
                if let Some(fd) = self.pick(n) {
                    self.calls.push_back(Call::Shutdown { fd, how: ShutdownHow::Write });
                }
            }
            Op::Close(n) | Op::Reset(n) => {
                if let Some(fd) = self.pick(n) {
                    self.fds.retain(|open| *open != fd);
                    if matches!(op, Op::Reset(_)) {
                        let linger = TcpSocketOption::Linger(Some(Duration::ZERO));
                        self.calls.push_back(Call::SetSockOpt { fd, option: SocketOption::Tcp(linger) });
                    }
                    self.calls.push_back(Call::Close { fd });
                }
            }
            Op::KeepAlive(n) => {
                if let Some(fd) = self.pick(n) {
                    for option in [
                        TcpSocketOption::KeepAlive(true),
                        TcpSocketOption::KeepIdle(Duration::from_secs(2)),
                        TcpSocketOption::KeepIntvl(Duration::from_secs(1)),
                        TcpSocketOption::KeepCnt(2),
                    ] {
                        self.calls.push_back(Call::SetSockOpt { fd, option: SocketOption::Tcp(option) });
                    }
                }
            }
            Op::Sleep(ms) => self.calls.push_back(Call::Nanosleep { duration: Duration::from_millis(ms) }),
        }
    }
}

impl App for Monkey {
    fn resume(&mut self, _task: TaskId, resume: Resume, _cx: &mut AppContext<'_>) -> Call {
        match resume {
            Resume::Started(_) => {
                return Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: true };
            }
            Resume::Done(Ok(Ret::Fd(fd))) => self.opened(fd),
            Resume::Done(Ok(Ret::Accepted(fd, _))) => self.fds.push(fd),
            Resume::Done(_) => {}
        }
        loop {
            if let Some(call) = self.calls.pop_front() {
                return call;
            }
            match self.ops.pop_front() {
                Some(op) => self.expand(&op),
                None => return Call::FutexWait { timeout: None },
            }
        }
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }
}

/// A random world: two hosts, a bad link, programs, and what befalls them.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    seed: u64,
    kernels: [usize; 2],
    settings: Vec<(&'static str, &'static str)>,
    latency_ms: u64,
    loss: u32,
    duplicate: u32,
    reorder: u32,
    rounding: bool,
    scripts: Vec<(u8, Vec<Op>)>,
    /// From, to (milliseconds), one way only.
    pub(crate) partition: (u64, u64, bool),
    /// A process killed early, and when.
    pub(crate) kill: (u8, u64),
}

const KERNELS: [&str; 4] = ["4.18.0", "5.10.213", "6.1.100", "6.18.44"];

fn settings() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let one = |name: &'static str, values: &'static [&'static str]| {
        proptest::sample::select(values).prop_map(move |value| (name, value))
    };
    (
        one("net.ipv4.tcp_fin_timeout", &["1", "60", "65", "90"]),
        one("net.ipv4.tcp_max_tw_buckets", &["0", "2", "10000"]),
        one("net.ipv4.tcp_tw_reuse", &["0", "1"]),
        one("net.ipv4.tcp_timestamps", &["0", "1"]),
        one("net.ipv4.tcp_syncookies", &["0", "1", "2"]),
        one("net.ipv4.tcp_abort_on_overflow", &["0", "1"]),
        one("net.ipv4.tcp_max_orphans", &["1", "10000"]),
        one("net.ipv4.ip_local_port_range", &["40000 40005", "32768 60999"]),
        one("fs.file-max", &["24", "100000"]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i)| vec![a, b, c, d, e, f, g, h, i])
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let link = (0..60_u64, 0..25_u32, 0..15_u32, 0..15_u32);
    let scripts = proptest::collection::vec((0..2_u8, proptest::collection::vec(op(), 5..40)), 2..5);
    let fate = ((0..40_000_u64, 0..20_000_u64, any::<bool>()), (any::<u8>(), 0..40_000_u64));
    (any::<u64>(), [0..4_usize, 0..4_usize], settings(), link, any::<bool>(), scripts, fate).prop_map(
        |(seed, kernels, settings, (latency_ms, loss, duplicate, reorder), rounding, scripts, (cut, kill))| Plan {
            seed,
            kernels,
            settings,
            latency_ms,
            loss,
            duplicate,
            reorder,
            rounding,
            scripts,
            partition: (cut.0, cut.0 + cut.1, cut.2),
            kill,
        },
    )
}

impl Plan {
    /// The world and its processes.
    pub(crate) fn build(&self) -> (World, Vec<(HostId, ProcIx)>) {
        let mut world = World::new(self.seed, Budgets::default());
        let hosts = [0, 1].map(|n| world.add_host(self.host(n)).expect("the addresses are free"));
        let percent = |num| Ratio { num, den: 100 };
        let link = LinkConfig {
            latency: Duration::from_millis(self.latency_ms),
            loss: percent(self.loss),
            duplicate: percent(self.duplicate),
            reorder: percent(self.reorder),
            reorder_delay: Duration::from_millis(self.latency_ms + 1),
            ..LinkConfig::default()
        };
        world.network_mut().add_link(hosts[0], hosts[1], link).expect("not linked yet");
        let mut processes = Vec::new();
        for (host, ops) in &self.scripts {
            let host = hosts[usize::from(*host)];
            let monkey = Monkey {
                ops: ops.iter().cloned().collect(),
                calls: VecDeque::new(),
                then: None,
                listener: None,
                fds: Vec::new(),
                started: false,
            };
            let config = ProcessConfig {
                name: "monkey".to_owned(),
                pid: None,
                nofile: Limits { soft: 16, hard: 16 },
                cap_sys_admin: false,
                cap_sys_resource: false,
                extra_fds: 0,
            };
            processes.push((host, world.add_process(host, &config, Box::new(monkey), Instant::ZERO)));
        }
        (world, processes)
    }

    fn host(&self, n: usize) -> HostConfig {
        let profile = KernelProfile::parse(KERNELS[self.kernels[n]]).expect("a release the model knows");
        let mut sysctls = Sysctls::new(&profile, 8 << 30);
        for (name, value) in &self.settings {
            sysctls.set(name, value).expect("every kernel of the list takes it");
        }
        HostConfig {
            name: format!("host{n}"),
            addrs: vec![ADDRS[n]],
            profile,
            cpus: 2,
            ram_bytes: 8 << 30,
            sysctls,
            cost: CostProfile::kernel_truth(),
            steal: Ratio::ZERO,
            timer_rounding: self.rounding,
            unrelated: UnrelatedSockets::default(),
            bound_ports: Vec::new(),
        }
    }
}
