//! The closed formulas, one function for each kind of limit.

use std::collections::BTreeSet;

use super::demand::{Cycle, Demand, Destination, Habit, seconds};
use super::{Binds, Formula, Limit, LimitId, Need};
use crate::app::CallName;
use crate::app::mysql::Flavour;
use crate::kernel::Kernel;
use crate::observe::Rlimits;
use crate::scenario::{HostIx, ProcessIx, ProgramSpec, Run};
use crate::time::{Duration, Instant};
use crate::units::Port;

/// TIME_WAIT, `TCP_TIMEWAIT_LEN` (include/net/tcp.h).
const TIME_WAIT: Duration = Duration::from_secs(60);
/// Descriptors every program starts with: 0, 1, 2.
const STDIO: u32 = 3;
/// Kernel memory of an idle TCP socket with little unread data: socket, file,
/// dentry and inode, and the truesize of one small segment.
pub(super) const SOCKET_BYTES: f64 = 4096.0;
/// Longest delay of an acknowledgment at the first FIN (`TCP_ATO_MIN`), seconds.
const DELAYED_ACK: f64 = 0.040;

/// All limits that the demands can reach.
pub(super) fn limits(run: &Run, demands: &[Demand]) -> Vec<Limit> {
    let mut found = Vec::new();
    for (host, destination) in groups(demands) {
        let group = Group::new(run, host, destination, demands);
        found.extend(group.ports());
        found.extend(group.file_max());
        found.extend(group.connect_cpu());
        found.extend(group.memory());
    }
    for demand in demands {
        found.extend(descriptors(run, demand));
    }
    for destination in destinations(demands) {
        let side = ServerSide::new(run, destination, demands);
        found.extend(side.accept_queue());
        found.extend(side.orphans());
        if let Some(server) = destination.server {
            found.push(side.slots(server));
            found.push(side.threads(server));
        }
    }
    found.extend(tw_buckets(run, demands));
    found
}

fn groups(demands: &[Demand]) -> Vec<(HostIx, Destination)> {
    let mut found: Vec<_> = demands.iter().map(|demand| (demand.host, demand.destination)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// One destination for each server; a server may have several addresses.
fn destinations(demands: &[Demand]) -> Vec<Destination> {
    let all = |demand: &Demand| core::iter::once(demand.destination).chain(demand.more_destinations.clone());
    let mut found: Vec<_> = demands.iter().flat_map(all).collect();
    found.sort_unstable();
    let mut distinct: Vec<Destination> = Vec::new();
    for destination in found {
        if !distinct.iter().any(|known| same_server(known, &destination)) {
            distinct.push(destination);
        }
    }
    distinct
}

fn same_server(a: &Destination, b: &Destination) -> bool {
    match (a.host, b.host) {
        (Some(_), Some(_)) => (a.host, a.port, a.server) == (b.host, b.port, b.server),
        (None, _) | (_, None) => a == b,
    }
}

/// What a server says of itself.
pub(super) struct Server {
    /// `max_connections`.
    pub(super) max_connections: f64,
    /// `connect_timeout` in seconds.
    pub(super) connect_timeout: f64,
    /// `back_log`.
    pub(super) back_log: f64,
    /// It ends timed-out sessions with a reset, so their ports come back.
    pub(super) resets: bool,
    /// Sessions now.
    pub(super) sessions: f64,
}

impl Server {
    pub(super) fn of(run: &Run, server: ProcessIx) -> Self {
        let (host, process) = run.process(server);
        let status = run.world().app(host, process).status(run.world().now());
        let number = |list: &[(String, String)], name: &str| {
            list.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse::<f64>().ok())
        };
        let variable = |name| number(&status.variables, name).unwrap_or(0.0);
        let flavour = match &run.scenario().processes[server].program {
            ProgramSpec::Mysqld(spec) => Some(Flavour::of(&spec.version)),
            ProgramSpec::Sysbench(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Reconnect(_)
            | ProgramSpec::Pool(_)
            | ProgramSpec::Dns(_)
            | ProgramSpec::Script(_) => None,
        };
        Self {
            max_connections: variable("max_connections"),
            connect_timeout: variable("connect_timeout"),
            back_log: variable("back_log"),
            resets: flavour == Some(Flavour::MariaDb),
            sessions: run.world().app(host, process).metric("Threads_connected").map_or(0.0, whole),
        }
    }
}

/// The clients of one host that go to one destination.
struct Group<'a> {
    run: &'a Run,
    kernel: &'a Kernel,
    host: HostIx,
    destination: Destination,
    members: Vec<&'a Demand>,
}

impl<'a> Group<'a> {
    fn new(run: &'a Run, host: HostIx, destination: Destination, demands: &'a [Demand]) -> Self {
        let members = demands.iter().filter(|d| (d.host, d.destination) == (host, destination)).collect();
        Self { run, kernel: run.world().kernel(run.host(host)), host, destination, members }
    }

    /// The member that leaks, if one does; its cycle tells how fast things fill.
    fn leak(&self) -> Option<&'a Demand> {
        self.members.iter().copied().find(|demand| matches!(demand.habit, Habit::Leak))
    }

    fn limit(&self, id: LimitId, capacity: Formula, need: Need, demand: Option<Formula>) -> Limit {
        let binds = binds(capacity.value, need, self.leak().map(|leak| (leak.cycle, self.usable())));
        Limit { id, host: self.host, process: None, capacity, need, demand, binds }
    }

    /// Ports of one pair of addresses; the member that leaks, or the first, stands for all.
    fn usable(&self) -> f64 {
        self.leak().or(self.members.first().copied()).map_or(0.0, |demand| usable_ports(self.run, demand))
    }

    /// Ports held by the clients, each for as long as its connection and, where
    /// the client closed first, TIME_WAIT last.
    fn ports(&self) -> Option<Limit> {
        let range = self.kernel.sysctls().ip_local_port_range();
        let member = self.leak().or_else(|| self.members.iter().copied().max_by(|a, b| by_held(self.kernel, a, b)))?;
        let Cycle { pairs, bound, .. } = member.cycle;
        let owned = owned_ports(self.run, member);
        let one = format!("{} − {} + 1 − {owned}", range.high.0, range.low.0);
        let capacity = Formula {
            symbols: match (bound, pairs) {
                (false, 1) => "high − low + 1 − owned",
                (false, _) => "pairs of addresses · (high − low + 1 − owned)",
                (true, _) => "source addresses · (high − low + 1 − owned)",
            },
            numbers: if pairs == 1 && !bound { one } else { format!("{pairs} · ({one})") },
            value: usable_ports(self.run, member) * f64::from(pairs),
            source: match bound {
                false => "net.ipv4.ip_local_port_range; __inet_hash_connect",
                true => "bind() chooses the port, for one socket of its address: inet_csk_get_port",
            },
        };
        let (need, demand) = port_need(self.run, self.kernel, member);
        Some(self.limit(LimitId::Ports, capacity, need, Some(demand)))
    }

    /// Every socket is an open file, also at the server if it is on this host.
    fn file_max(&self) -> Option<Limit> {
        let exempt = |demand: &Demand| self.run.scenario().processes[demand.process].cap_sys_admin;
        if self.members.iter().all(|demand| exempt(demand)) {
            return None;
        }
        let file_max = self.kernel.sysctls().file_max();
        let open = self.kernel.files_open();
        // The server's sessions are open files too where both share a host.
        let server = self.destination.server.filter(|_| self.destination.host == Some(self.host));
        let sessions = server.map_or(0.0, |server| Server::of(self.run, server).max_connections + 1.0);
        let capacity = Formula {
            symbols: "file-max − open − sessions here",
            numbers: format!("{file_max} − {open} − {sessions}"),
            value: (whole(file_max) - whole(open) - sessions).max(0.0),
            source: "fs.file-max; alloc_empty_file",
        };
        let need = self.leak().map_or_else(
            || Need::Holds(self.members.iter().map(|demand| open_at_once(demand)).sum()),
            |leak| Need::Grows { rate: leak.cycle.rate(0.0) },
        );
        Some(self.limit(LimitId::FileMax, capacity, need, None))
    }

    /// CPUs that connect() burns when no port is left, against those there are for the client's threads.
    fn connect_cpu(&self) -> Option<Limit> {
        let member = self.members.iter().copied().max_by_key(|demand| demand.cycle.threads)?;
        let cycle = &member.cycle;
        if cycle.bound {
            return None;
        }
        let cores = f64::from(cycle.threads.min(cycle.cpus));
        let ports = self.usable();
        let burnt = cycle.vain_cpus(ports);
        let capacity = Formula {
            symbols: "min(threads, CPUs)",
            numbers: format!("min({}, {})", cycle.threads, cycle.cpus),
            value: cores,
            source: "one thread runs on one CPU",
        };
        let demand = Formula {
            symbols: "attempts/s · (t₀ + c · ports), no port free",
            numbers: format!(
                "{:.1} · ({:.0} µs + {:.0} ns · {ports:.0})",
                cycle.failing_rate(ports),
                cycle.connect * 1e6,
                cycle.candidate * 1e9
            ),
            value: burnt,
            source: "cost profile; __inet_check_established for each candidate",
        };
        let need = if burnt > 0.0 { Need::Holds(burnt) } else { Need::Nothing };
        let binds = binds(cores, need, None);
        Some(Limit {
            id: LimitId::ConnectCpu,
            host: self.host,
            process: None,
            capacity,
            need,
            demand: Some(demand),
            binds,
        })
    }

    fn memory(&self) -> Option<Limit> {
        let leak = self.leak()?;
        let ram = self.run.scenario().hosts[self.host].ram_bytes;
        let each = SOCKET_BYTES + whole(leak.memory_leak);
        let capacity = Formula {
            symbols: "RAM / (socket + lost buffer)",
            numbers: format!("{ram} / ({SOCKET_BYTES} + {})", leak.memory_leak),
            value: whole(ram) / each,
            source: "estimate: sock, file, inode, one segment; heap growth of ma_net_init",
        };
        Some(self.limit(LimitId::Memory, capacity, Need::Grows { rate: leak.cycle.rate(0.0) }, None))
    }
}

fn by_held(kernel: &Kernel, a: &Demand, b: &Demand) -> core::cmp::Ordering {
    held_seconds(kernel, a).partial_cmp(&held_seconds(kernel, b)).unwrap_or(core::cmp::Ordering::Equal)
}

fn held_seconds(kernel: &Kernel, demand: &Demand) -> f64 {
    match demand.habit {
        Habit::Leak => f64::INFINITY,
        Habit::ClosesFirst(hold) => hold + time_wait_seconds(kernel, demand.destination),
        Habit::Resets(hold) => hold,
        Habit::ServerClosesFirst | Habit::Keeps(_) => 0.0,
    }
}

/// Ports of the range that one pair of the client's addresses may use.
pub(super) fn usable_ports(run: &Run, demand: &Demand) -> f64 {
    let range = run.world().kernel(run.host(demand.host)).sysctls().ip_local_port_range();
    f64::from(range.high.0) - f64::from(range.low.0) + 1.0 - f64::from(owned_ports(run, demand))
}

/// Ports of the range that others own, or that are reserved. Where `bind()` chooses the
/// client's ports, those of its own connections are what it fills the range with.
fn owned_ports(run: &Run, demand: &Demand) -> u32 {
    let kernel = run.world().kernel(run.host(demand.host));
    let owned = kernel.unusable_ports();
    if !demand.cycle.bound {
        return owned;
    }
    let range = kernel.sysctls().ip_local_port_range();
    let (_, process) = run.process(demand.process);
    let rows = kernel.socket_rows();
    let own = rows.iter().filter(|row| !row.udp && row.owner.is_some_and(|(owner, _)| owner == process));
    let ports: BTreeSet<Port> = own.map(|row| row.tuple.local.port()).collect();
    let own = ports.range(range.low..=range.high).count();
    owned.saturating_sub(u32::try_from(own).unwrap_or(u32::MAX))
}

/// Seconds a port of a client that closes first is away: 60 s and half a turn
/// of the timer wheel, or until TIME_WAIT may be reused.
pub(super) fn time_wait_seconds(kernel: &Kernel, destination: Destination) -> f64 {
    let reuse = kernel.sysctls().get("net.ipv4.tcp_tw_reuse").unwrap_or_default();
    let stamps = kernel.sysctls().get("net.ipv4.tcp_timestamps").is_none_or(|value| value != "0");
    let reused = stamps && (reuse == "1" || reuse == "2" && destination.addr.is_loopback());
    if reused { reuse_delay(kernel) } else { seconds(TIME_WAIT) + rounding(kernel) }
}

/// Seconds until `twsk_unique` lets a TIME_WAIT port go: more than one second
/// of a whole-second clock is 1.5 s on average, `tcp_tw_reuse_delay` (6.14) is exact.
pub(super) fn reuse_delay(kernel: &Kernel) -> f64 {
    let delay = kernel.sysctls().get("net.ipv4.tcp_tw_reuse_delay").and_then(|value| value.parse::<f64>().ok());
    delay.map_or(1.5, |ms| ms / 1e3)
}

/// What the timer wheel adds to 60 s on average: half its granularity there.
pub(super) fn rounding(kernel: &Kernel) -> f64 {
    let clock = kernel.clock();
    let late = |start: u64| {
        let at = Instant::ZERO + clock.span(start);
        seconds(clock.expiry(at, TIME_WAIT).since(at)) - seconds(TIME_WAIT)
    };
    let turns: u32 = 4_096;
    (0..turns).map(|start| late(u64::from(start))).sum::<f64>() / f64::from(turns)
}

fn port_need(run: &Run, kernel: &Kernel, demand: &Demand) -> (Need, Formula) {
    let rate = demand.cycle.rate(0.0);
    match demand.habit {
        Habit::Leak => {
            let back = ports_back(run, demand);
            let numbers = format!("{rate:.0}/s − {back:.0}/s");
            let formula = Formula {
                symbols: "connections/s − sessions the server resets/s",
                numbers,
                value: (rate - back).max(0.0),
                source: "a socket that nobody closes keeps its port",
            };
            (Need::Grows { rate: (rate - back).max(0.0) }, formula)
        }
        Habit::ClosesFirst(hold) => {
            let away = time_wait_seconds(kernel, demand.destination);
            flow("connections/s · (held + TIME_WAIT)", rate, hold, away, "TCP_TIMEWAIT_LEN, timer wheel; tcp_tw_reuse")
        }
        Habit::Resets(hold) => flow("connections/s · held", rate, hold, 0.0, "a reset leaves no TIME_WAIT"),
        Habit::ServerClosesFirst => {
            let server = demand.destination.server.map(|server| Server::of(run, server));
            let wait = server.filter(|_| demand.silent).map_or(0.0, |server| server.connect_timeout);
            flow("connections/s · until the server closes", rate, wait, 0.0, "the end that closes first has TIME_WAIT")
        }
        Habit::Keeps(n) => {
            let formula = Formula {
                symbols: "connections kept",
                numbers: n.to_string(),
                value: f64::from(n),
                source: "one port each",
            };
            (Need::Holds(f64::from(n)), formula)
        }
    }
}

fn flow(symbols: &'static str, rate: f64, hold: f64, away: f64, source: &'static str) -> (Need, Formula) {
    let numbers =
        if away > 0.0 { format!("{rate:.0} · ({hold:.1} + {away:.2})") } else { format!("{rate:.0} · {hold:.1}") };
    (Need::Flow { rate, hold: hold + away }, Formula { symbols, numbers, value: rate * (hold + away), source })
}

/// Ports that a server gives back by resetting sessions it admitted, a second.
fn ports_back(run: &Run, demand: &Demand) -> f64 {
    let Some(server) = demand.destination.server.map(|server| Server::of(run, server)) else { return 0.0 };
    if !server.resets || !demand.silent {
        return 0.0;
    }
    let admitted = (server.max_connections + 1.0 - server.sessions).max(0.0) / server.connect_timeout.max(1.0);
    admitted.min(demand.cycle.rate(0.0))
}

/// Connections a client has open at once.
fn open_at_once(demand: &Demand) -> f64 {
    match demand.habit {
        Habit::Leak => f64::INFINITY,
        Habit::ClosesFirst(hold) | Habit::Resets(hold) => {
            (demand.cycle.rate(0.0) * hold).clamp(1.0, f64::from(demand.cycle.threads))
        }
        Habit::ServerClosesFirst => f64::from(demand.cycle.threads),
        Habit::Keeps(n) => f64::from(n),
    }
}

/// Soft and hard `RLIMIT_NOFILE` and `fs.nr_open`: each the wall behind the one before.
fn descriptors(run: &Run, demand: &Demand) -> Vec<Limit> {
    let (host, process) = run.process(demand.process);
    let kernel = run.world().kernel(host);
    let soft_hard = kernel.processes()[process.index()].fds().limits();
    let nr_open = u64::from(kernel.sysctls().nr_open());
    let open = u64::from(STDIO + run.scenario().processes[demand.process].extra_fds);
    let limit = |id, symbols: &'static str, most: u64, source| {
        let capacity =
            Formula { symbols, numbers: format!("{most} − {open}"), value: whole(most.saturating_sub(open)), source };
        let need = match demand.habit {
            Habit::Leak => Need::Grows { rate: demand.cycle.rate(0.0) },
            Habit::ClosesFirst(_) | Habit::Resets(_) | Habit::ServerClosesFirst | Habit::Keeps(_) => {
                Need::Holds(open_at_once(demand))
            }
        };
        let filling = matches!(demand.habit, Habit::Leak).then(|| (demand.cycle, usable_ports(run, demand)));
        let binds = binds(capacity.value, need, filling);
        Limit { id, host: demand.host, process: Some(demand.process), capacity, need, demand: None, binds }
    };
    let mut found = vec![limit(LimitId::NofileSoft, "soft − open", soft_hard.soft, "RLIMIT_NOFILE; alloc_fd")];
    if soft_hard.hard > soft_hard.soft {
        found.push(limit(
            LimitId::NofileHard,
            "hard − open",
            soft_hard.hard,
            "RLIMIT_NOFILE; the soft limit may be raised so far",
        ));
    }
    if nr_open > soft_hard.hard {
        found.push(limit(
            LimitId::NrOpen,
            "nr_open − open",
            nr_open,
            "fs.nr_open; root may raise the hard limit so far",
        ));
    }
    found
}

/// What reaches one destination, of all clients.
struct ServerSide<'a> {
    run: &'a Run,
    destination: Destination,
    members: Vec<&'a Demand>,
    rate: f64,
}

impl<'a> ServerSide<'a> {
    fn new(run: &'a Run, destination: Destination, demands: &'a [Demand]) -> Self {
        let there = |demand: &&Demand| demand.share(|to| same_server(to, &destination)) > 0.0;
        let members: Vec<&Demand> = demands.iter().filter(there).collect();
        let arriving = |demand: &&&Demand| !matches!(demand.habit, Habit::Keeps(_));
        let share = |demand: &Demand| demand.share(|to| same_server(to, &destination));
        let rate =
            members.iter().filter(arriving).map(|demand| demand.cycle.rate(0.0) * share(demand)).sum::<f64>() + 0.0;
        Self { run, destination, members, rate }
    }

    /// The share of a client's connections that come to this server.
    fn share(&self, demand: &Demand) -> f64 {
        demand.share(|to| same_server(to, &self.destination))
    }

    fn kept(&self) -> f64 {
        let kept = |demand: &&Demand| match demand.habit {
            Habit::Keeps(n) => f64::from(n) * self.share(demand),
            Habit::Leak | Habit::ClosesFirst(_) | Habit::Resets(_) | Habit::ServerClosesFirst => 0.0,
        };
        self.members.iter().map(kept).sum()
    }

    /// `max_connections` + 1 sessions are admitted; a silent client holds one for
    /// `connect_timeout` (R · T), a pool one for each of its connections (N · P).
    fn slots(&self, server: ProcessIx) -> Limit {
        let values = Server::of(self.run, server);
        let kept = self.kept();
        // Sessions that are there already and are not the clients' own.
        let others =
            (values.sessions - if self.members.iter().any(|d| d.after_kill) { 1.0 } else { 0.0 } - kept).max(0.0);
        let capacity = Formula {
            symbols: "max_connections + 1 − others",
            numbers: format!("{} + 1 − {others}", values.max_connections),
            value: values.max_connections + 1.0 - others,
            source: "Connection_handler_manager::check_and_incr_conn_count",
        };
        let hold = self.members.iter().map(|demand| self.slot_hold(demand, &values)).fold(0.0, f64::max);
        let (need, demand) = if self.rate > 0.0 && hold > 0.0 {
            let numbers = format!("{:.0} · {hold:.1}", self.rate);
            let formula =
                Formula { symbols: "R · T", numbers, value: self.rate * hold, source: "connect_timeout, per read" };
            (Need::Flow { rate: self.rate, hold }, formula)
        } else {
            let formula =
                Formula { symbols: "N · P", numbers: self.pools(), value: kept, source: "one session a connection" };
            (if kept > 0.0 { Need::Holds(kept) } else { Need::Nothing }, formula)
        };
        let binds = binds(capacity.value, need, None);
        let host = self.run.scenario().processes[server].host;
        Limit { id: LimitId::Slots, host, process: Some(server), capacity, need, demand: Some(demand), binds }
    }

    fn slot_hold(&self, demand: &Demand, server: &Server) -> f64 {
        match demand.habit {
            Habit::Keeps(_) => 0.0,
            Habit::Leak | Habit::ServerClosesFirst if demand.silent => server.connect_timeout,
            Habit::ClosesFirst(hold) | Habit::Resets(hold) => hold.min(server.connect_timeout),
            Habit::Leak | Habit::ServerClosesFirst => 0.0,
        }
    }

    fn pools(&self) -> String {
        let sizes: Vec<String> = self
            .members
            .iter()
            .filter_map(|demand| match demand.habit {
                Habit::Keeps(n) => Some((f64::from(n) * self.share(demand)).to_string()),
                Habit::Leak | Habit::ClosesFirst(_) | Habit::Resets(_) | Habit::ServerClosesFirst => None,
            })
            .collect();
        if sizes.is_empty() { "0".to_owned() } else { sizes.join(" + ") }
    }

    /// Threads that may connect at the same instant, and what arrives while one connection is accepted.
    fn accept_queue(&self) -> Option<Limit> {
        let host = self.destination.host?;
        let kernel = self.run.world().kernel(self.run.host(host));
        let somaxconn: f64 = kernel.sysctls().get("net.core.somaxconn")?.parse().ok()?;
        let server = self.destination.server.map(|server| Server::of(self.run, server))?;
        let cost = &kernel.config().cost;
        let service = [CallName::Poll, CallName::Accept, CallName::Spawn]
            .iter()
            .map(|&name| f64::from(cost.call_ns(name)))
            .sum::<f64>()
            / 1e9;
        let threads: f64 = self.members.iter().map(|demand| f64::from(demand.cycle.threads)).sum();
        let need = threads.max(self.rate * service);
        let capacity = Formula {
            symbols: "min(back_log, somaxconn) + 1",
            numbers: format!("min({}, {somaxconn}) + 1", server.back_log),
            value: server.back_log.min(somaxconn) + 1.0,
            source: "listen(2); sk_acceptq_is_full",
        };
        let demand = Formula {
            symbols: "max(threads at once, R · t(accept))",
            numbers: format!("max({threads}, {:.0} · {:.0} µs)", self.rate, service * 1e6),
            value: need,
            source: "one accept a turn of mysqld's loop",
        };
        let need = Need::Holds(need);
        let binds = binds(capacity.value, need, None);
        Some(Limit {
            id: LimitId::AcceptQueue,
            host,
            process: self.destination.server,
            capacity,
            need,
            demand: Some(demand),
            binds,
        })
    }

    fn threads(&self, server: ProcessIx) -> Limit {
        let host = self.run.scenario().processes[server].host;
        let ram = self.run.scenario().hosts[host].ram_bytes;
        let most = whole(2 * Rlimits::pending_for(ram));
        let slots = self.slots(server);
        let held = slots.need.held().min(slots.capacity.value);
        let capacity = Formula {
            symbols: "RAM / (8 · 16 KiB)",
            numbers: format!("{ram} / 131072"),
            value: most,
            source: "kernel.threads-max; kernel/fork.c set_max_threads",
        };
        let demand = Formula {
            symbols: "sessions = min(demand, max_connections + 1)",
            numbers: format!("min({:.0}, {:.0})", slots.need.held(), slots.capacity.value),
            value: held,
            source: "one thread a session",
        };
        let need = if held > 0.0 { Need::Holds(held) } else { Need::Nothing };
        let binds = binds(most, need, None);
        Limit { id: LimitId::Threads, host, process: Some(server), capacity, need, demand: Some(demand), binds }
    }

    /// A server that closes first has an orphan until its FIN is acknowledged.
    fn orphans(&self) -> Option<Limit> {
        let host = self.destination.host?;
        let kernel = self.run.world().kernel(self.run.host(host));
        let rate: f64 = self
            .members
            .iter()
            .filter(|demand| server_closes_first(demand))
            .map(|demand| demand.cycle.rate(0.0) * self.share(demand))
            .sum::<f64>()
            + 0.0;
        let most = f64::from(kernel.sysctls().max_orphans());
        let capacity = Formula {
            symbols: "tcp_max_orphans",
            numbers: format!("{most}"),
            value: most,
            source: "net.ipv4.tcp_max_orphans; tcp_check_oom",
        };
        let demand = Formula {
            symbols: "closes/s · delayed ACK of the FIN",
            numbers: format!("{rate:.0} · {DELAYED_ACK}"),
            value: rate * DELAYED_ACK,
            source: "TCP_ATO_MIN",
        };
        let need = if rate > 0.0 { Need::Flow { rate, hold: DELAYED_ACK } } else { Need::Nothing };
        let binds = binds(most, need, None);
        Some(Limit { id: LimitId::Orphans, host, process: None, capacity, need, demand: Some(demand), binds })
    }
}

fn server_closes_first(demand: &Demand) -> bool {
    match demand.habit {
        Habit::Leak | Habit::ServerClosesFirst => true,
        // Refused at once, it finds the server's FIN before it closes.
        Habit::ClosesFirst(_) | Habit::Resets(_) | Habit::Keeps(_) => false,
    }
}

/// Minisocks of FIN_WAIT2 and TIME_WAIT, on each host where one end closes first.
fn tw_buckets(run: &Run, demands: &[Demand]) -> Vec<Limit> {
    let mut found = Vec::new();
    for host in 0..run.scenario().hosts.len() {
        let kernel = run.world().kernel(run.host(host));
        let closing: f64 = demands
            .iter()
            .map(|demand| {
                let share = match demand.habit {
                    Habit::ClosesFirst(_) => f64::from(u8::from(demand.host == host)),
                    Habit::Leak | Habit::ServerClosesFirst => demand.share(|to| to.host == Some(host)),
                    Habit::Resets(_) | Habit::Keeps(_) => 0.0,
                };
                demand.cycle.rate(0.0) * share
            })
            .sum::<f64>();
        if closing <= 0.0 {
            continue;
        }
        let most = f64::from(kernel.sysctls().max_tw_buckets());
        let hold = seconds(TIME_WAIT) + rounding(kernel);
        let capacity = Formula {
            symbols: "tcp_max_tw_buckets",
            numbers: format!("{most}"),
            value: most,
            source: "net.ipv4.tcp_max_tw_buckets; inet_twsk_alloc",
        };
        // A leak slows down while it fills the ports: what it closes in the first minute is the most.
        let leak = demands.iter().find(|d| matches!(d.habit, Habit::Leak) && d.share(|to| to.host == Some(host)) > 0.0);
        let filling = leak.map(|leak| (leak.cycle, usable_ports(run, leak)));
        let held = filling.map_or(closing * hold, |(cycle, ports)| cycle.made_within(hold, ports).min(closing * hold));
        let demand = Formula {
            symbols: "closes in 60 s (FIN_WAIT2 or TIME_WAIT)",
            numbers: format!("{closing:.0}/s at first, {hold:.2} s"),
            value: held,
            source: "tcp_fin_timeout; TCP_TIMEWAIT_LEN",
        };
        let need = Need::Flow { rate: held / hold, hold };
        let binds = binds(most, need, None);
        found.push(Limit { id: LimitId::TwBuckets, host, process: None, capacity, need, demand: Some(demand), binds });
    }
    found
}

/// Little's law. `filling` gives the time course of a leak, which slows down
/// when its port search has to pass half the range.
fn binds(capacity: f64, need: Need, filling: Option<(Cycle, f64)>) -> Binds {
    match need {
        Need::Nothing => Binds::Never,
        Need::Holds(n) if n > capacity => Binds::After(0.0),
        Need::Holds(n) => Binds::AtLoad(capacity / n),
        Need::Flow { rate, hold } if rate * hold > capacity => Binds::After(capacity / rate),
        Need::Flow { rate, hold } if rate * hold > 0.0 => Binds::AtLoad(capacity / (rate * hold)),
        Need::Flow { .. } => Binds::Never,
        Need::Grows { rate } if rate <= 0.0 => Binds::Never,
        Need::Grows { rate } => match filling {
            // Some of what is taken comes back: longer by that share.
            Some((cycle, ports)) => Binds::After(cycle.seconds_to(capacity, ports) * cycle.rate(0.0) / rate),
            None => Binds::After(capacity / rate),
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn whole(n: u64) -> f64 {
    n as f64
}
