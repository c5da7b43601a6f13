//! Reads metrics from a running world.

use super::metric::{Metric, MetricKind, PortStep, ProcessMetric, ProcesslistMetric, SsMetric};
use super::spec::MarkSpec;
use crate::app::{AppStatus, CallName};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::kernel::fd::FdFile;
use crate::sim::{Phase, ProcStats, World};
use crate::tcp::TcpState;
use crate::units::{HostId, ProcIx, SocketId};

/// Steps that an undisturbed search takes (FACTS of the hardened generation):
/// everything else is `port_step[other]`.
const USUAL_STEPS: [i32; 8] = [2, 4, 6, 8, 10, 12, 14, 16];

/// Where a scenario's hosts and processes stand in its world.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// By index of the scenario's hosts.
    pub(super) hosts: &'a [HostId],
    /// By index of the scenario's processes.
    pub(super) processes: &'a [(HostId, ProcIx)],
}

/// True if a mark is reached.
#[inline(never)]
pub(super) fn holds(world: &World, places: Places<'_>, mark: &MarkSpec) -> bool {
    metric(world, places, &mark.metric).is_some_and(|actual| mark.op.holds(actual, mark.value))
}

/// Current value of a metric; `None` where the program does not have it.
#[inline]
pub(super) fn metric(world: &World, places: Places<'_>, metric: &Metric) -> Option<i64> {
    let host = places.hosts[metric.host];
    let kernel = world.kernel(host);
    match &metric.kind {
        MetricKind::Tcp(state) => Some(i64::from(kernel.count(*state))),
        MetricKind::TcpUnhashed => Some(i64::from(kernel.tcp_unhashed())),
        MetricKind::Ss(word) => Some(ss(kernel, *word)),
        MetricKind::Mib(mib) => whole(kernel.mib().get(*mib)),
        MetricKind::CpuBusy => whole(kernel.cpu_busy(world.now()).as_micros()),
        MetricKind::Process { process, kind } => {
            debug_assert!(places.processes[*process].0 == host, "names were resolved together");
            process_metric(world, places.processes[*process], kind)
        }
    }
}

#[inline(never)]
fn ss(kernel: &Kernel, word: SsMetric) -> i64 {
    let stats = kernel.sockstats();
    i64::from(match word {
        SsMetric::Total => stats.used,
        SsMetric::Tcp => stats.alloc + stats.tw,
        SsMetric::Estab => stats.curr_estab,
        SsMetric::Closed => stats.closed(),
        SsMetric::Orphaned => stats.orphan,
        SsMetric::Timewait => stats.tw,
        SsMetric::TcpTotal => stats.tcp_inuse + stats.tcp6_inuse,
        SsMetric::TcpIpv4 => stats.tcp_inuse,
        SsMetric::TcpIpv6 => stats.tcp6_inuse,
        SsMetric::UdpTotal => stats.udp_inuse + stats.udp6_inuse,
        SsMetric::RawTotal => stats.raw_inuse + stats.raw6_inuse,
        SsMetric::InetTotal => {
            stats.tcp_inuse + stats.tcp6_inuse + stats.udp_inuse + stats.udp6_inuse + stats.raw_inuse + stats.raw6_inuse
        }
    })
}

fn process_metric(world: &World, (host, ix): (HostId, ProcIx), kind: &ProcessMetric) -> Option<i64> {
    let kernel = world.kernel(host);
    let process = &kernel.processes()[ix.index()];
    let stats = world.stats(host, ix);
    match kind {
        ProcessMetric::Running => Some(i64::from(matches!(world.phase(host, ix), Phase::Running | Phase::Stopped))),
        ProcessMetric::CpuBusy => whole(stats.cpu.as_micros()),
        ProcessMetric::FdOpen => Some(i64::from(process.fds().open_count())),
        ProcessMetric::FdSockets => Some(i64::from(process.fds().socket_count())),
        ProcessMetric::Tcp(state) => Some(sockets_by_state(kernel, ix)[*state as usize]),
        ProcessMetric::ConnectAttempts => whole(stats.tcp_connects),
        ProcessMetric::ConnectOk => whole(stats.syn_sent),
        ProcessMetric::ConnectErrno(errno) => failed_connects(stats, *errno),
        ProcessMetric::Calls(name) => calls(stats, *name),
        ProcessMetric::Recvq(bytes) => {
            count(kernel, ix, |kernel, id| connected(kernel, id) && kernel.recv_q(id) == Some(*bytes))
        }
        ProcessMetric::PortStep(step) => port_steps(stats, *step),
        ProcessMetric::PortParity(parity) => {
            let low = kernel.sysctls().ip_local_port_range().low.0 & 1;
            let counts = process.connections_by_parity();
            Some(i64::from(counts[usize::from((u16::from(*parity) ^ low) & 1)]))
        }
        ProcessMetric::Processlist(word) => processlist(&world.app(host, ix).status(world.now()), *word),
        ProcessMetric::Status(name) => world.app(host, ix).metric(name).and_then(whole),
    }
}

#[inline(never)]
fn failed_connects(stats: &ProcStats, errno: Errno) -> Option<i64> {
    let calls = [CallName::Socket, CallName::Bind, CallName::Connect];
    whole(calls.iter().map(|&call| stats.errors.get(&(call, errno)).copied().unwrap_or(0)).sum())
}

#[inline(never)]
fn port_steps(stats: &ProcStats, step: PortStep) -> Option<i64> {
    whole(match step {
        PortStep::Exact(step) => stats.port_steps.get(&i32::from(step)).copied().unwrap_or(0),
        PortStep::Other => {
            stats.port_steps.iter().filter(|(step, _)| !USUAL_STEPS.contains(step)).map(|(_, n)| n).sum()
        }
    })
}

#[inline(never)]
fn calls(stats: &ProcStats, name: CallName) -> Option<i64> {
    // Several calls of the model are one call of Linux: fcntl, sendto.
    let same = CallName::ALL.iter().filter(|call| call.name() == name.name());
    whole(same.map(|&call| stats.calls.get(call)).sum())
}

#[inline(never)]
fn processlist(status: &AppStatus, word: ProcesslistMetric) -> Option<i64> {
    whole(match word {
        ProcesslistMetric::Rows => status.processlist.len() as u64,
        ProcesslistMetric::Unauthenticated => {
            status.processlist.iter().filter(|row| row.user == "unauthenticated user").count() as u64
        }
    })
}

/// TCP sockets of a process's descriptors, by state.
pub(super) fn sockets_by_state(kernel: &Kernel, process: ProcIx) -> [i64; TcpState::ALL.len()] {
    let mut counts = [0; TcpState::ALL.len()];
    for (_, file) in kernel.processes()[process.index()].fds().iter() {
        if let FdFile::Socket(id) = file
            && let Some(state) = kernel.socket_state(id)
        {
            counts[state as usize] += 1;
        }
    }
    counts
}

/// Sockets of a process's descriptors that satisfy `is`.
#[inline(never)]
fn count(kernel: &Kernel, process: ProcIx, is: impl Fn(&Kernel, SocketId) -> bool) -> Option<i64> {
    let sockets = kernel.processes()[process.index()].fds().iter().filter_map(|(_, file)| match file {
        FdFile::Socket(id) => Some(id),
        FdFile::File(_) => None,
    });
    whole(sockets.filter(|&id| is(kernel, id)).count() as u64)
}

/// A TCP socket that is, or was, a connection.
fn connected(kernel: &Kernel, id: SocketId) -> bool {
    kernel.socket_state(id).is_some_and(|state| !matches!(state, TcpState::Closed | TcpState::Listen))
}

fn whole(n: u64) -> Option<i64> {
    i64::try_from(n).ok()
}
