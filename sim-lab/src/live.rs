//! Metrics of a running experiment: from the processes' own calls, and from
//! what the kernel shows.

use std::collections::{BTreeMap, BTreeSet};

use halfclose::app::CallName;
use halfclose::errno::Errno;
use halfclose::scenario::{Metric, MetricKind, PortStep, ProcessMetric, ProcesslistMetric, Scenario, SsMetric};
use halfclose::tcp::TcpState;

use crate::diag::DiagRow;
use crate::procfs::SockStat;
use crate::wire::CallEvent;

/// Steps that an undisturbed search takes; every other is `port_step[other]`.
const USUAL_STEPS: [i32; 8] = [2, 4, 6, 8, 10, 12, 14, 16];

/// What a process's calls add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) attempts: i64,
    pub(crate) ok: i64,
    errors: BTreeMap<Errno, i64>,
    steps: BTreeMap<i32, i64>,
    last_port: Option<u16>,
    /// Source ports of open descriptors.
    ports: BTreeMap<u32, u16>,
    parity: [i64; 2],
}

impl Tally {
    /// Takes a call into account.
    pub(crate) fn add(&mut self, call: &CallEvent) {
        if call.is(CallName::Close) && call.errno().is_none() {
            if let Some(port) = self.ports.remove(&call.fd) {
                self.parity[usize::from(port & 1)] -= 1;
            }
            return;
        }
        let errno = call.errno().filter(|e| *e != Errno::InProgress);
        if let Some(errno) =
            errno.filter(|_| [CallName::Socket, CallName::Bind, CallName::Connect].iter().any(|&one| call.is(one)))
        {
            *self.errors.entry(errno).or_default() += 1;
        }
        if call.ports.is_none() {
            return;
        }
        self.attempts += 1;
        self.ok += i64::from(errno.is_none_or(is_answered));
        let Some((_, port)) = call.picked() else { return };
        if let Some(last) = self.last_port.replace(port.0) {
            *self.steps.entry(i32::from(port.0) - i32::from(last)).or_default() += 1;
        }
        self.parity[usize::from(port.0 & 1)] += 1;
        self.ports.insert(call.fd, port.0);
    }
}

/// An error that tells what became of a SYN, so that there was one.
const fn is_answered(errno: Errno) -> bool {
    matches!(errno, Errno::ConnRefused | Errno::TimedOut | Errno::ConnReset | Errno::HostUnreach)
}

/// What the kernel shows of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostState {
    pub(crate) rows: Vec<DiagRow>,
    pub(crate) sockstat: SockStat,
    pub(crate) mib: BTreeMap<String, u64>,
}

/// What the kernel shows of a process: descriptors, inodes of its sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessState {
    pub(crate) fds: Option<i64>,
    pub(crate) inodes: BTreeSet<u32>,
    /// Processes that hold descriptors for it.
    pub(crate) helpers: i64,
}

/// The experiment at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) hosts: Vec<HostState>,
    pub(crate) processes: Vec<ProcessState>,
    /// Answers of programs, by process and name.
    pub(crate) answers: BTreeMap<(usize, String), i64>,
    pub(crate) running: Vec<bool>,
}

/// What a metric needs to be read.
pub(crate) struct Reader<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) tallies: &'a [Tally],
    pub(crate) now: &'a Snapshot,
    /// The hosts before the first process started.
    pub(crate) before: &'a [HostState],
    /// Lowest port of each host's range.
    pub(crate) low: &'a [u16],
}

/// The program's own metrics that a metric needs to be asked for.
pub(crate) fn question(kind: &ProcessMetric) -> Option<String> {
    match kind {
        ProcessMetric::Status(name) => Some(name.clone()),
        ProcessMetric::Calls(name) => Some(format!("calls.{}", name.name())),
        ProcessMetric::Processlist(ProcesslistMetric::Rows) => Some("processlist.rows".to_owned()),
        ProcessMetric::Processlist(ProcesslistMetric::Unauthenticated) => {
            Some("processlist.unauthenticated".to_owned())
        }
        ProcessMetric::Running
        | ProcessMetric::CpuBusy
        | ProcessMetric::FdOpen
        | ProcessMetric::FdSockets
        | ProcessMetric::Tcp(_)
        | ProcessMetric::ConnectAttempts
        | ProcessMetric::ConnectOk
        | ProcessMetric::ConnectErrno(_)
        | ProcessMetric::Recvq(_)
        | ProcessMetric::PortStep(_)
        | ProcessMetric::PortParity(_) => None,
    }
}

/// True if a metric is known from the processes' calls alone, in their order.
pub(crate) const fn is_of_calls(metric: &Metric) -> bool {
    matches!(
        metric.kind,
        MetricKind::Process {
            kind: ProcessMetric::ConnectAttempts
                | ProcessMetric::ConnectOk
                | ProcessMetric::ConnectErrno(_)
                | ProcessMetric::PortStep(_)
                | ProcessMetric::PortParity(_),
            ..
        }
    )
}

impl Reader<'_> {
    /// The metric's value; `None` where the real machine does not show it.
    pub(crate) fn read(&self, metric: &Metric) -> Option<i64> {
        let host = self.now.hosts.get(metric.host);
        match &metric.kind {
            MetricKind::Tcp(state) => Some(count(&host?.rows, |row| row.state == *state)),
            MetricKind::TcpUnhashed => host.map(|_| self.unhashed(metric.host)),
            MetricKind::Ss(word) => self.ss(metric.host, *word),
            MetricKind::Mib(mib) => {
                let name = format!("{}{}", mib.group(), mib.name());
                let at = |state: &HostState| state.mib.get(&name).copied().unwrap_or(0);
                i64::try_from(at(host?).saturating_sub(at(&self.before[metric.host]))).ok()
            }
            // Not kept by namespace.
            MetricKind::CpuBusy => None,
            MetricKind::Process { process, kind } => self.process(metric.host, *process, kind),
        }
    }

    fn process(&self, host: usize, process: usize, kind: &ProcessMetric) -> Option<i64> {
        let tally = &self.tallies[process];
        let state = self.now.processes.get(process);
        let held = |is: &dyn Fn(&DiagRow) -> bool| {
            let inodes = &state?.inodes;
            Some(count(&self.now.hosts.get(host)?.rows, |row| inodes.contains(&row.inode) && is(row)))
        };
        match kind {
            ProcessMetric::Running => self.now.running.get(process).map(|running| i64::from(*running)),
            ProcessMetric::CpuBusy => None,
            ProcessMetric::FdOpen => state?.fds,
            ProcessMetric::FdSockets => i64::try_from(state?.inodes.len()).ok(),
            ProcessMetric::Tcp(TcpState::Closed) => Some(self.unhashed_of(host, process)),
            ProcessMetric::Tcp(wanted) => held(&|row| row.state == *wanted),
            ProcessMetric::ConnectAttempts => Some(tally.attempts),
            ProcessMetric::ConnectOk => Some(tally.ok),
            ProcessMetric::ConnectErrno(errno) => Some(tally.errors.get(errno).copied().unwrap_or(0)),
            ProcessMetric::Recvq(bytes) => {
                held(&|row| row.recv_q == *bytes && !matches!(row.state, TcpState::Listen | TcpState::Closed))
            }
            ProcessMetric::PortStep(PortStep::Exact(step)) => {
                Some(tally.steps.get(&i32::from(*step)).copied().unwrap_or(0))
            }
            ProcessMetric::PortStep(PortStep::Other) => {
                Some(tally.steps.iter().filter(|(step, _)| !USUAL_STEPS.contains(step)).map(|(_, n)| n).sum())
            }
            ProcessMetric::PortParity(parity) => {
                Some(tally.parity[usize::from((u16::from(*parity) ^ self.low[host]) & 1)])
            }
            ProcessMetric::Calls(_) | ProcessMetric::Processlist(_) | ProcessMetric::Status(_) => {
                self.now.answers.get(&(process, question(kind)?)).copied()
            }
        }
    }

    /// Sockets of a process in no table: in none of the kernel's lists.
    fn unhashed_of(&self, host: usize, process: usize) -> i64 {
        let Some(state) = self.now.processes.get(process) else { return 0 };
        let listed: BTreeSet<u32> = self.now.hosts[host].rows.iter().map(|row| row.inode).collect();
        i64::try_from(state.inodes.difference(&listed).count()).unwrap_or(i64::MAX)
    }

    /// TCP sockets in no table. `TCP: alloc` is not kept by namespace, but all
    /// sockets are, and those in the tables: the rest is these, the lab's own taken off.
    fn unhashed(&self, host: usize) -> i64 {
        let loose = |s: &SockStat| s.used - s.tcp_inuse - s.tcp6_inuse - s.udp_inuse - s.raw_inuse;
        let Some(state) = self.now.hosts.get(host) else { return 0 };
        loose(&state.sockstat) - loose(&self.before[host].sockstat) - self.helper_sockets(host)
    }

    /// Each helper is reached through a pair of sockets.
    fn helper_sockets(&self, host: usize) -> i64 {
        let on_host = self.scenario.processes.iter().zip(&self.now.processes).filter(|(p, _)| p.host == host);
        on_host.map(|(_, state)| 2 * state.helpers).sum()
    }

    /// The numbers of `ss -s`, the scenario's unrelated sockets added.
    fn ss(&self, host: usize, word: SsMetric) -> Option<i64> {
        let (state, before) = (self.now.hosts.get(host)?, &self.before[host]);
        let other = &self.scenario.hosts[host].unrelated;
        let growth = |of: fn(&SockStat) -> i64| of(&state.sockstat) - of(&before.sockstat);
        let inet = growth(|s| s.tcp_inuse) + i64::from(other.tcp_ipv4);
        let inet6 = growth(|s| s.tcp6_inuse) + i64::from(other.tcp_ipv6);
        let tw = growth(|s| s.tw);
        let loose = self.unhashed(host) + i64::from(other.tcp_unhashed);
        let udp = growth(|s| s.udp_inuse) + i64::from(other.udp_ipv4) + i64::from(other.udp_ipv6);
        let raw = growth(|s| s.raw_inuse) + i64::from(other.raw_ipv4) + i64::from(other.raw_ipv6);
        let all_other = other.tcp_ipv4
            + other.tcp_ipv6
            + other.tcp_unhashed
            + other.udp_ipv4
            + other.udp_ipv6
            + other.raw_ipv4
            + other.raw_ipv6
            + other.other;
        let estab =
            |state: &HostState| state.mib.get("TcpCurrEstab").copied().and_then(|n| i64::try_from(n).ok()).unwrap_or(0);
        Some(match word {
            SsMetric::Total => growth(|s| s.used) - self.helper_sockets(host) + i64::from(all_other),
            SsMetric::Tcp => inet + inet6 + loose + tw,
            SsMetric::Estab => estab(state) - estab(before) + i64::from(other.tcp_established),
            SsMetric::Closed => loose + tw,
            SsMetric::Orphaned => orphans(&state.rows),
            SsMetric::Timewait => tw,
            SsMetric::TcpTotal => inet + inet6,
            SsMetric::TcpIpv4 => inet,
            SsMetric::TcpIpv6 => inet6,
            SsMetric::UdpTotal => udp,
            SsMetric::RawTotal => raw,
            SsMetric::InetTotal => inet + inet6 + udp + raw,
        })
    }
}

/// Full sockets that their program has closed. One that waits for accept() has no file either.
pub(crate) fn orphans(rows: &[DiagRow]) -> i64 {
    let closing = [TcpState::FinWait1, TcpState::FinWait2, TcpState::Closing, TcpState::LastAck];
    count(rows, |row| row.inode == 0 && !row.minisock && closing.contains(&row.state))
}

fn count(rows: &[DiagRow], is: impl Fn(&DiagRow) -> bool) -> i64 {
    i64::try_from(rows.iter().filter(|row| is(row)).count()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(fd: u32, port: u16, result: i64) -> CallEvent {
        let call = CallName::Connect as u8;
        CallEvent { task: 0, call, fd, entered: 0, done: 1, result, ports: Some((port, 0x7f00_0001, 3306)) }
    }

    #[test]
    fn connects_are_tallied_until_their_sockets_are_closed() {
        let mut tally = Tally::default();
        for call in [connect(3, 40_000, -115), connect(4, 40_010, -115), connect(5, 0, -99), connect(6, 40_001, 0)] {
            tally.add(&call);
        }
        assert_eq!((tally.attempts, tally.ok, tally.parity), (4, 3, [2, 1]));
        assert_eq!(tally.errors[&Errno::AddrNotAvail], 1);
        assert_eq!(tally.steps.keys().copied().collect::<Vec<_>>(), [-9, 10]);
        let close = CallEvent { call: CallName::Close as u8, ports: None, result: 0, ..connect(4, 0, 0) };
        tally.add(&close);
        assert_eq!(tally.parity, [1, 1]);
    }
}
