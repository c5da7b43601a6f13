//! Fills the facts for the findings from a run as it stands.
//!
//! There is one client and one server in them: of all processes the one that
//! holds most connections its peer has closed, else the one that connected most
//! often; and whom it connects to.

use super::facts::{ClientFacts, Growth, HostFacts, PortFacts, Reached, RunFacts, ServerFacts, StateCounts};
use super::snapshot::SHELL_NOFILE;
use crate::app::CallName;
use crate::app::backoff::BackOff;
use crate::kernel::cost::CandidateCounts;
use crate::kernel::{EntryView, Kernel};
use crate::scenario::{MarkRef, ProcessIx, ProcessSpec, ProgramKind, ProgramSpec, Run};
use crate::sim::{ProcStats, Searches, Shortage};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::units::{Endpoint, HostId, ProcIx, Ratio};

/// A process of the run.
#[derive(Clone, Copy)]
struct Who<'a> {
    host: HostId,
    process: ProcIx,
    spec: &'a ProcessSpec,
    kernel: &'a Kernel,
    stats: &'a ProcStats,
}

impl Who<'_> {
    fn metric(&self, run: &Run, name: &str) -> u64 {
        run.world().app(self.host, self.process).metric(name).unwrap_or(0)
    }
    fn reached(&self, which: usize) -> Option<Reached> {
        self.stats.shortages[which].map(reached)
    }
}

const fn reached(shortage: Shortage) -> Reached {
    Reached { at: shortage.at, connections: shortage.connections, time_wait: shortage.time_wait }
}

impl RunFacts {
    /// The facts of a run, up to now.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let everyone: Vec<Who<'_>> = everyone(run);
        let Some(client) = client(run, &everyone) else { return Self::default() };
        let destination = client.stats.destination.unwrap_or(Endpoint::ANY);
        let server = server(&everyone, client, destination);
        let client_side = side(client.kernel, |row| row.tuple.remote == destination);
        let server_side = server.map_or_else(StateCounts::default, |server| {
            let to_it = |row: &EntryView| row.tuple.local.port() == destination.port() && row.state != TcpState::Listen;
            side(server.kernel, to_it)
        });
        Self {
            client: client_facts(run, client),
            server: server.map_or_else(ServerFacts::default, |server| server_facts(run, server, client)),
            ports: port_facts(client, destination),
            host: host_facts(client.kernel),
            growth: growth(run, client),
            client_side,
            server_side,
        }
    }
}

/// The client and the server the facts are about, as processes of the scenario.
#[must_use]
pub fn roles(run: &Run) -> (Option<ProcessIx>, Option<ProcessIx>) {
    let everyone = everyone(run);
    let Some(client) = client(run, &everyone) else { return (None, None) };
    let server = server(&everyone, client, client.stats.destination.unwrap_or(Endpoint::ANY));
    let index = |who: &Who<'_>| everyone.iter().position(|one| (one.host, one.process) == (who.host, who.process));
    (index(&client), server.as_ref().and_then(index))
}

fn everyone(run: &Run) -> Vec<Who<'_>> {
    let specs = run.scenario().processes.iter().enumerate();
    specs
        .map(|(index, spec)| {
            let (host, process) = run.process(index);
            let (kernel, stats) = (run.world().kernel(host), run.world().stats(host, process));
            Who { host, process, spec, kernel, stats }
        })
        .collect()
}

/// The process to blame, or at least the busiest one; none if nothing ever connected.
fn client<'a>(run: &Run, everyone: &[Who<'a>]) -> Option<Who<'a>> {
    let piled = |who: &Who<'_>| {
        let rows = who.kernel.connection_rows().filter(|row| row.state == TcpState::CloseWait);
        rows.filter(|row| row.owner.is_some_and(|(process, _)| process == who.process)).count()
    };
    let connecting: Vec<Who<'_>> = everyone.iter().filter(|who| who.stats.tcp_connects > 0).copied().collect();
    if let [only] = connecting[..] {
        return Some(only);
    }
    let leaking = |who: &Who<'_>| (piled(who) as u64).max(who.metric(run, "fds.leaked"));
    connecting.into_iter().max_by_key(|who| (leaking(who), who.stats.tcp_connects))
}

/// The process that listens where the client connects to.
fn server<'a>(everyone: &[Who<'a>], client: Who<'a>, destination: Endpoint) -> Option<Who<'a>> {
    let near = |who: &Who<'_>| {
        if destination.addr().is_loopback() { who.host == client.host } else { who.kernel.is_local(destination.addr()) }
    };
    let listens = |who: &Who<'_>| {
        let at = |row: &EntryView| row.state == TcpState::Listen && row.tuple.local.port() == destination.port();
        who.kernel.connection_rows().any(|row| at(&row) && row.owner.is_some_and(|(p, _)| p == who.process))
    };
    everyone.iter().copied().find(|who| near(who) && listens(who))
}

fn side(kernel: &Kernel, counts: impl Fn(&EntryView) -> bool) -> StateCounts {
    let mut side = StateCounts::default();
    for row in kernel.connection_rows().filter(|row| counts(row)) {
        side.add(row.state, 1);
    }
    side
}

fn client_facts(run: &Run, client: Who<'_>) -> ClientFacts {
    let process = &client.kernel.processes()[client.process.index()];
    let leaked = client.metric(run, "fds.leaked");
    let first_of_files = [1, 2].into_iter().filter_map(|which| client.stats.shortages[which]).min_by_key(|s| s.at);
    ClientFacts {
        name: client.spec.name.clone(),
        nofile: Some(process.fds().limits()),
        shell_nofile: Some(SHELL_NOFILE.soft),
        // A process that has ended has nothing open any more.
        opened_sockets: completed(client, CallName::Socket),
        opened_files: completed(client, CallName::Open),
        closed: completed(client, CallName::Close),
        abandoned: if process.is_alive() { leaked } else { 0 },
        released: if process.is_alive() { 0 } else { leaked },
        attempts_per_second: client.stats.busiest_second,
        fixed_retry: fixed_retry(client),
        recovered: run.world().app(client.host, client.process).metric("recovered.at_ns").map(Instant::from_nanos),
        emfile: client.reached(1),
        enfile: client.reached(2),
        emfile_soft: client.stats.emfile_soft,
        open_files: process.fds().open_count().into(),
        failing_call: first_of_files.map(|s| s.call.name().to_owned()).unwrap_or_default(),
    }
}

/// From the KILL to the first limit of the client's own host, else to now.
fn growth(run: &Run, client: Who<'_>) -> Option<Growth> {
    let since = run.mark(MarkRef::Kill).unwrap_or(Instant::ZERO);
    let first = client.stats.shortages.iter().flatten().min_by_key(|shortage| shortage.at);
    let (until, connections) = match first {
        Some(shortage) => (shortage.at, shortage.connections),
        None => {
            let process = &client.kernel.processes()[client.process.index()];
            (run.world().now(), process.connections())
        }
    };
    let grew = connections > 0 && until > since;
    grew.then(|| Growth { since, span: until.since(since), connections })
}

/// Calls of this kind that succeeded.
fn completed(who: Who<'_>, name: CallName) -> u64 {
    let failed = who.stats.errors.iter().filter(|((call, _), _)| *call == name).map(|(_, n)| n).sum();
    who.stats.calls.get(name).saturating_sub(failed)
}

/// The pause of programs that never back off. One with a pace of its own makes
/// as many attempts when all is well: it retries only if most of them fail.
fn fixed_retry(client: Who<'_>) -> Option<Duration> {
    let mib = client.kernel.mib();
    let mostly_in_vain = mib.get(Mib::AttemptFails) * 2 >= mib.get(Mib::ActiveOpens);
    match &client.spec.program {
        ProgramSpec::Sysbench(spec) => Some(spec.reconnect_pause),
        ProgramSpec::Reconnect(spec) if spec.pace.is_some() && !mostly_in_vain => None,
        ProgramSpec::Reconnect(spec) => match spec.back_off {
            BackOff::Fixed(delay) => Some(delay),
            BackOff::Exponential { .. } | BackOff::Jittered { .. } => None,
        },
        ProgramSpec::Mysqld(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Pool(_)
        | ProgramSpec::Dns(_)
        | ProgramSpec::Script(_) => None,
    }
}

fn server_facts(run: &Run, server: Who<'_>, client: Who<'_>) -> ServerFacts {
    let status = run.world().app(server.host, server.process).status(run.world().now());
    let variable = |name: &str| -> u64 {
        let found = status.variables.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    };
    let mysql = server.spec.program.kind() == ProgramKind::Mysqld;
    let app = run.world().app(server.host, server.process);
    let refusal = app.metric("first_refusal.at_ns").zip(app.metric("first_refusal.sessions"));
    let owned = |row: &EntryView| {
        row.state == TcpState::Listen && row.owner.is_some_and(|(process, _)| process == server.process)
    };
    let backlog = server.kernel.socket_rows().iter().filter(|row| owned(row)).map(|row| row.send_q).max();
    let blocked = mysql && server.metric(run, "blocked") > 0;
    ServerFacts {
        name: server.spec.name.clone(),
        max_connections: variable("max_connections"),
        connect_timeout: Duration::from_secs(variable("connect_timeout")),
        first_refusal: refusal.map(|(at, connections)| Reached {
            at: Instant::from_nanos(at),
            connections,
            time_wait: 0,
        }),
        refused: server.metric(run, "Connection_errors_max_connections"),
        unauthenticated_peak: server.metric(run, "unauthenticated_peak"),
        timed_out: server.metric(run, "handshake_timeouts"),
        accept_overflows: server.kernel.mib().get(Mib::ListenOverflows),
        accept_capacity: backlog.map_or(0, |backlog| u64::from(backlog) + 1),
        blocked: blocked.then(|| (client.kernel.name().to_owned(), variable("max_connect_errors"))),
    }
}

fn port_facts(client: Who<'_>, destination: Endpoint) -> PortFacts {
    let Who { kernel, stats, .. } = client;
    let range = kernel.sysctls().ip_local_port_range();
    let exhausted = client.reached(0);
    let vain = stats.vain_searches;
    // Up to the last attempt: the process may have ended long ago.
    let since = exhausted.map_or(Duration::ZERO, |first| stats.last_connect.since(first.at));
    // Where the search is free, or over at once, it burns nothing.
    let burnt = cost(kernel, vain).as_micros();
    let share = |burnt: u64| {
        let (num, den) = (u32::try_from(burnt).ok()?, u32::try_from(since.as_micros()).ok()?);
        (num > 0 && den > 0).then_some(Ratio { num: num.min(den), den })
    };
    PortFacts {
        destination: destination.to_string(),
        low: range.low,
        high: range.high,
        unusable: u64::from(kernel.unusable_ports()),
        exhausted,
        exhausted_in_bind: client.stats.shortages[0].is_some_and(|shortage| shortage.call == CallName::Bind),
        other_parity: stats.knee.map(reached),
        cost_before: mean(kernel, stats.early_searches),
        cost_after: mean(kernel, stats.late_searches),
        candidates_when_exhausted: vain.inspected.checked_div(vain.count).unwrap_or(0),
        cpu_when_exhausted: share(burnt),
        cost_profile: kernel.config().cost.name.to_owned(),
        time_wait_quantum: time_wait_quantum(kernel),
    }
}

/// CPU time of these searches and the connect() calls around them; a candidate
/// counts as one that is in use, as nearly all are.
fn cost(kernel: &Kernel, searches: Searches) -> Duration {
    let price = &kernel.config().cost;
    let base = price.tcp_connect_ns(&CandidateCounts::default());
    let taken = CandidateCounts { taken: 1, ..CandidateCounts::default() };
    Duration::from_nanos(base * searches.count + price.search_ns(&taken) * searches.inspected)
}

fn mean(kernel: &Kernel, searches: Searches) -> Duration {
    Duration::from_nanos(cost(kernel, searches).nanos().checked_div(searches.count).unwrap_or(0))
}

/// How far apart the wheel's buckets for a 60-s timer are.
#[must_use]
pub fn time_wait_quantum(kernel: &Kernel) -> Duration {
    let (clock, minute) = (kernel.clock(), Duration::from_secs(60));
    let first = clock.expiry(Instant::ZERO, minute);
    // The first expiry past the one of time zero: asked for one jiffy later each time.
    let mut at = Instant::ZERO;
    let mut next = first;
    while next <= first {
        at += clock.span(1);
        next = clock.expiry(at, minute);
    }
    next.since(first)
}

fn host_facts(kernel: &Kernel) -> HostFacts {
    HostFacts {
        name: kernel.name().to_owned(),
        file_max: kernel.sysctls().file_max(),
        open_files: kernel.open_files(),
        tcp_max_tw_buckets: u64::from(kernel.sysctls().max_tw_buckets()),
        time_wait_overflows: kernel.mib().get(Mib::TCPTimeWaitOverflow),
        tcp_max_orphans: u64::from(kernel.sysctls().max_orphans()),
        orphans_reset: kernel.mib().get(Mib::TCPAbortOnMemory),
    }
}
