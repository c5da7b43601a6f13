//! Small worlds: a program is a list of calls, and what they return is compared.

mod calls;
mod running;

use std::sync::{Arc, Mutex};

use super::{Budgets, World};
use crate::app::{App, AppContext, Call, CallResult, Domain, Limits, Resume, Ret, SockType};
use crate::kernel::{CostProfile, HostConfig, KernelProfile, ProcessConfig, Sysctls, UnrelatedSockets};
use crate::net::LinkConfig;
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;
use crate::units::{Endpoint, Fd, HostId, Ipv4Addr, ProcIx, Ratio, TaskId};
use crate::wire::Payload;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The first descriptor of a program of ours.
const FD: Fd = Fd(3);
/// The second one.
const FD2: Fd = Fd(4);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
fn at(n: u64) -> Instant {
    Instant::ZERO + ms(n)
}

/// Makes its calls one after the other, then waits for ever.
struct Calls {
    left: Vec<Call>,
    results: Arc<Mutex<Vec<CallResult>>>,
    /// Begins again instead of waiting.
    endless: bool,
    next: usize,
}

impl App for Calls {
    fn resume(&mut self, _task: TaskId, resume: Resume, _cx: &mut AppContext<'_>) -> Call {
        if let Resume::Done(result) = resume {
            self.results.lock().unwrap().push(result);
        }
        if self.endless {
            self.next %= self.left.len();
        }
        self.next += 1;
        self.left.get(self.next - 1).cloned().unwrap_or(Call::FutexWait { timeout: None })
    }
    fn fork(&self) -> Option<Box<dyn App>> {
        let results = Arc::new(Mutex::new(self.results.lock().unwrap().clone()));
        Some(Box::new(Self { left: self.left.clone(), results, endless: self.endless, next: self.next }))
    }
    fn metric(&self, _name: &str) -> Option<u64> {
        u64::try_from(self.results.lock().unwrap().len()).ok()
    }
}

/// A process of the test and what its calls returned.
#[derive(Clone)]
struct Program {
    host: HostId,
    process: ProcIx,
    results: Arc<Mutex<Vec<CallResult>>>,
}

impl Program {
    fn results(&self) -> Vec<CallResult> {
        self.results.lock().unwrap().clone()
    }
    fn last(&self) -> Option<CallResult> {
        self.results.lock().unwrap().last().cloned()
    }
}

/// One or two hosts, 10 ms apart.
struct Lab {
    world: World,
}

impl Lab {
    fn new() -> Self {
        Self::with(Budgets::default(), CostProfile::kernel_truth())
    }

    fn with(budgets: Budgets, cost: CostProfile) -> Self {
        let mut world = World::new(1, budgets);
        for (name, addr) in [("a", A), ("b", B)] {
            let profile = KernelProfile::parse("6.18.44").unwrap();
            let ram_bytes = 4 << 30;
            let sysctls = Sysctls::new(&profile, ram_bytes);
            let config = HostConfig {
                name: name.to_owned(),
                addrs: vec![addr],
                profile,
                cpus: 2,
                ram_bytes,
                sysctls,
                cost: cost.clone(),
                steal: Ratio::ZERO,
                timer_rounding: true,
                unrelated: UnrelatedSockets::default(),
                bound_ports: Vec::new(),
            };
            world.add_host(config).unwrap();
        }
        let link = LinkConfig { latency: ms(10), ..LinkConfig::default() };
        world.network_mut().add_link(HostId(0), HostId(1), link).unwrap();
        Self { world }
    }

    fn start(&mut self, host: u16, start_ms: u64, calls: Vec<Call>, endless: bool) -> Program {
        let results = Arc::new(Mutex::new(Vec::new()));
        let app = Calls { left: calls, results: Arc::clone(&results), endless, next: 0 };
        let config = ProcessConfig {
            name: "calls".to_owned(),
            pid: None,
            nofile: Limits { soft: 64, hard: 64 },
            cap_sys_admin: true,
            cap_sys_resource: false,
            extra_fds: 0,
        };
        let host = HostId(host);
        let process = self.world.add_process(host, &config, Box::new(app), at(start_ms));
        Program { host, process, results }
    }

    fn program(&mut self, host: u16, start_ms: u64, calls: Vec<Call>) -> Program {
        self.start(host, start_ms, calls, false)
    }

    fn run(&mut self, until_ms: u64) {
        self.world.run_until(at(until_ms), &mut NoObserver).expect("within the budgets");
    }
}

const fn tcp() -> Call {
    Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: false }
}
const fn tcp_nonblock() -> Call {
    Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: true }
}
const fn udp() -> Call {
    Call::Socket { domain: Domain::Inet, ty: SockType::Dgram, nonblock: false }
}
const fn bind(fd: Fd, addr: Ipv4Addr, port: u16) -> Call {
    Call::Bind { fd, addr: Endpoint::new(addr, port) }
}
const fn connect(fd: Fd, addr: Ipv4Addr, port: u16) -> Call {
    Call::Connect { fd, addr: Endpoint::new(addr, port) }
}
const fn accept(fd: Fd) -> Call {
    Call::Accept { fd, nonblock: false }
}
const fn recv(fd: Fd) -> Call {
    Call::Recv { fd, max: 4096, peek: false, dontwait: false }
}
fn send(fd: Fd, text: &str) -> Call {
    Call::Send { fd, data: Payload::from_bytes(text.as_bytes()) }
}
const fn close(fd: Fd) -> Call {
    Call::Close { fd }
}
fn sleep(n: u64) -> Call {
    Call::Nanosleep { duration: ms(n) }
}
fn data(text: &str) -> CallResult {
    Ok(Ret::Data(Payload::from_bytes(text.as_bytes())))
}
/// `socket`, `bind`, `listen`.
fn listener(addr: Ipv4Addr, port: u16, backlog: u32) -> Vec<Call> {
    vec![tcp(), bind(FD, addr, port), Call::Listen { fd: FD, backlog }]
}
fn then(mut calls: Vec<Call>, more: &[Call]) -> Vec<Call> {
    calls.extend_from_slice(more);
    calls
}
