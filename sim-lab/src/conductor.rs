//! Conducts an experiment: first process of its own pid namespace, so that the
//! kernel ends every other one when it ends, however it ends.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration as StdDuration;

use halfclose::errno::Errno;
use halfclose::kernel::{KernelProfile, Sysctls};
use halfclose::scenario::{
    ActionKind, FlagMatch, MarkRef, Metric, MetricKind, Moment, RuleSpec, Scenario, Signal, Since, SsMetric, Verdict,
};
use halfclose::time::Duration;
use rustix::process::{Pid, Signal as RealSignal};

use crate::diag::DiagRow;
use crate::host::{self, Host, Namespace};
use crate::live::{HostState, ProcessState, Reader, Snapshot, Tally, is_of_calls, question};
use crate::mariadb::{self, Server};
use crate::nft::{self, InputRule};
use crate::observation::{Checked, HostSeen, Observation, Pick, ProcessSeen, Row, Sampled, Sampler, Summary};
use crate::wire::{CallEvent, Event, Order, Task};
use crate::{bounds, clock, procfs, stage, worker};

/// From the setting up of the hosts to the scenario's start.
const LEAD: u64 = 1_000_000_000;
/// Before the start by this much the hosts are as the processes will find them.
const SETTLED: u64 = 400_000_000;
/// Sockets are sampled this often while they are few.
pub(crate) const SAMPLE_EVERY: u64 = 100_000_000;
/// With more of them than this, sampling would disturb what it looks at.
pub(crate) const SAMPLED_SOCKETS: usize = 2_000;
/// Calls told by one process that are kept.
const CALLS_KEPT: usize = 80_000;
/// How long a program may take to answer.
const PATIENCE: u64 = 3_000_000_000;

/// Runs the experiment that stdin describes and writes what was seen to stdout.
///
/// # Errors
/// What could not be set up.
pub(crate) fn main() -> io::Result<()> {
    worker::die_with_parent()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    let overrides: Vec<(&str, &str)> = task.overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let scenario = Scenario::parse_with(&task.text, &overrides)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    let seen = Conductor::prepare(scenario, &task)?.conduct()?;
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &seen)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A process of the scenario, as its conductor sees it.
pub(crate) struct Player {
    child: Child,
    orders: Option<ChildStdin>,
    /// Process ids as /proc shows them: its own, then its helpers'.
    pids: Vec<u32>,
    calls: Vec<CallEvent>,
    seen: ProcessSeen,
    ended: bool,
}

impl Player {
    /// Its process has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn state(&self) -> ProcessState {
        let mut state =
            ProcessState { helpers: i64::try_from(self.pids.len()).unwrap_or(1) - 1, ..ProcessState::default() };
        for (n, &pid) in self.pids.iter().enumerate() {
            let Ok((fds, inodes)) = procfs::descriptors(pid) else { continue };
            if n == 0 {
                state.fds = i64::try_from(fds).ok();
            }
            state.inodes.extend(inodes);
        }
        if state.helpers > 0 {
            // A helper has 0, 1, 2 and its end of a socket pair besides; what counts is the sockets.
            state.fds = i64::try_from(state.inodes.len() + 3).ok();
        }
        state
    }
}

/// A rule of the scenario as rules of its hosts.
struct Rules {
    /// The name `heal` knows it by.
    name: Option<String>,
    /// A partition: from, to.
    between: Option<(usize, usize)>,
    /// Host and rule.
    inputs: Vec<(usize, InputRule)>,
}

struct Conductor {
    scenario: Scenario,
    hosts: Vec<Host>,
    players: Vec<Player>,
    /// Real servers, by process.
    servers: BTreeMap<usize, Server>,
    events: Receiver<(usize, Event)>,
    zero: u64,
    before: Vec<HostState>,
    low: Vec<u16>,
    tallies: Vec<Tally>,
    samplers: Vec<Sampler>,
    sampling: bool,
    marks: BTreeMap<MarkRef, u64>,
    /// Timeline entries not yet done.
    waiting: Vec<usize>,
    /// Expectations not yet read, and earlier values of those that need them.
    unread: Vec<usize>,
    earlier: BTreeMap<usize, (u64, BTreeMap<Metric, i64>)>,
    /// Rules in force, in order.
    rules: Vec<Rules>,
    asked: u32,
    seen: Observation,
}

impl Conductor {
    fn prepare(scenario: Scenario, task: &Task) -> io::Result<Self> {
        let packets = bounds::is_small(&scenario);
        let namespaces: Vec<Namespace> = scenario.hosts.iter().map(|_| Namespace::new()).collect::<io::Result<_>>()?;
        host::wire(&namespaces, &scenario.hosts)?;
        let mut seen = Observation::default();
        let mut hosts = Vec::new();
        for (namespace, spec) in namespaces.into_iter().zip(&scenario.hosts) {
            let (host, notes) = host::furnish(namespace, spec, packets)?;
            seen.notes.extend(notes);
            hosts.push(host);
        }
        let (tell, events) = channel();
        let mut servers = BTreeMap::new();
        let mut players = BTreeMap::new();
        for (index, spec) in scenario.processes.iter().enumerate().filter(|(_, p)| p.real_mariadb) {
            let words = [stage::MARIADB.to_owned(), index.to_string()];
            let (player, server) = mariadb::play(&hosts[spec.host], &scenario, index, || {
                play(&hosts[spec.host], index, &words, task, tell.clone())
            })?;
            seen.versions.push((spec.name.clone(), server.version.clone()));
            servers.insert(index, server);
            players.insert(index, player);
        }
        let zero = clock::now() + LEAD;
        for (index, spec) in scenario.processes.iter().enumerate().filter(|(_, p)| !p.real_mariadb) {
            let words = [stage::WORKER.to_owned(), index.to_string(), zero.to_string()];
            players.insert(index, play(&hosts[spec.host], index, &words, task, tell.clone())?);
        }
        let players: Vec<Player> = players.into_values().collect();
        let count = scenario.expectations.len();
        seen.checks = vec![None; count];
        let mut conductor = Self {
            tallies: vec![Tally::default(); players.len()],
            samplers: vec![Sampler::default(); hosts.len()],
            sampling: true,
            marks: BTreeMap::from([(MarkRef::End, scenario.end.nanos())]),
            waiting: (0..scenario.timeline.len()).collect(),
            unread: (0..count).collect(),
            earlier: BTreeMap::new(),
            rules: Vec::new(),
            asked: 0,
            low: Vec::new(),
            before: Vec::new(),
            scenario,
            hosts,
            players,
            servers,
            events,
            zero,
            seen,
        };
        conductor.look_at_settings()?;
        for rule in conductor.scenario.rules.clone() {
            conductor.add_rule(&rule);
        }
        conductor.write_rules()?;
        Ok(conductor)
    }

    /// What the hosts' settings are, as far as the model knows them too.
    fn look_at_settings(&mut self) -> io::Result<()> {
        for (host, spec) in self.hosts.iter().zip(&self.scenario.hosts) {
            let profile = KernelProfile::parse(&spec.kernel).map_err(io::Error::other)?;
            let names: Vec<String> = Sysctls::new(&profile, spec.ram_bytes).names().map(str::to_owned).collect();
            let values = host.namespace.run(move || {
                let read = |name: String| procfs::sysctl(&name).ok().map(|value| (name, value));
                Ok(names.into_iter().filter(|n| n.starts_with("net.")).filter_map(read).collect::<Vec<_>>())
            })?;
            let range = values.iter().find(|(name, _)| name == "net.ipv4.ip_local_port_range");
            let low = range.and_then(|(_, value)| value.split(' ').next()?.parse().ok());
            self.low.push(low.unwrap_or(32_768));
            self.seen.settings.extend(values.into_iter().map(|(name, value)| (spec.name.clone(), name, value)));
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        clock::now().saturating_sub(self.zero)
    }

    fn host_state(&mut self, host: usize) -> io::Result<HostState> {
        let host = &mut self.hosts[host];
        Ok(HostState { rows: host.diag.sockets()?, sockstat: host.counters.sockstat()?, mib: host.counters.mib()? })
    }

    /// The whole experiment.
    fn conduct(mut self) -> io::Result<Observation> {
        // The kernel frees the sockets of the setting up a little later.
        clock::sleep_until(self.zero.saturating_sub(SETTLED));
        self.before = (0..self.hosts.len()).map(|h| self.host_state(h)).collect::<io::Result<_>>()?;
        // What the processes have said of themselves so far.
        while let Ok((process, event)) = self.events.try_recv() {
            self.hear(process, event)?;
        }
        self.leave_servers_out();
        if self.now() > 0 {
            self.seen.notes.push(format!("the processes started {} ms late", self.now() / 1_000_000));
        }
        let mut next_sample = 0;
        loop {
            let now = self.now();
            let end = self.last_moment();
            if now >= end {
                break;
            }
            if clock::now() >= self.zero && now >= next_sample {
                self.sample(now)?;
                let late = self.now().saturating_sub(next_sample) / SAMPLE_EVERY;
                next_sample += (late + 1) * SAMPLE_EVERY;
                continue;
            }
            self.do_what_is_due()?;
            let mut wake = end.min(next_sample);
            wake = wake.min(self.next_due().unwrap_or(u64::MAX));
            let pause = (self.zero + wake).saturating_sub(clock::now());
            match self.events.recv_timeout(StdDuration::from_nanos(pause)) {
                Ok((process, event)) => self.hear(process, event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => clock::sleep_until(self.zero + wake),
            }
        }
        self.do_what_is_due()?;
        self.finish()
    }

    /// A real server was there before the start, and belongs to the scenario all the same.
    fn leave_servers_out(&mut self) {
        for &server in self.servers.keys() {
            let inodes = self.players[server].state().inodes;
            let before = &mut self.before[self.scenario.processes[server].host];
            let listed = before.rows.len();
            before.rows.retain(|row| !inodes.contains(&row.inode));
            let of_server = i64::try_from(listed - before.rows.len()).unwrap_or(0);
            before.sockstat.tcp_inuse -= of_server;
            before.sockstat.used -= of_server;
        }
    }

    /// The scenario's end, or later, if an expectation is read after it.
    fn last_moment(&self) -> u64 {
        let moments = self.unread.iter().filter_map(|&i| self.due(&self.scenario.expectations[i].at));
        moments.fold(self.scenario.end.nanos(), u64::max).min(bounds::LONGEST.nanos())
    }

    /// When a moment is, if that is known.
    fn due(&self, moment: &Moment) -> Option<u64> {
        match *moment {
            Moment::At(at) => Some(at.nanos()),
            Moment::Mark { mark, offset, before: false } => self.marks.get(&mark).map(|at| at + offset.nanos()),
            Moment::Mark { mark: MarkRef::End, offset, before: true } => {
                Some(self.scenario.end.nanos().saturating_sub(offset.nanos()))
            }
            // Real time has no second pass: a moment before a mark cannot be foreseen.
            Moment::Mark { before: true, .. } => None,
        }
    }

    fn next_due(&self) -> Option<u64> {
        let actions = self.waiting.iter().filter_map(|&i| self.due(&self.scenario.timeline[i].at));
        let reads = self.unread.iter().flat_map(|&i| {
            let expectation = &self.scenario.expectations[i];
            let since = expectation.since.filter(|_| !self.earlier.contains_key(&i));
            [self.due(&expectation.at), since.and_then(|m| self.due(&m))]
        });
        actions.chain(reads.flatten()).min()
    }

    fn do_what_is_due(&mut self) -> io::Result<()> {
        let now = self.now();
        let due = |this: &Self, moment: &Moment| this.due(moment).is_some_and(|at| at <= now);
        let (ready, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|&i| due(self, &self.scenario.timeline[i].at));
        self.waiting = waiting;
        let ready: Vec<usize> = ready;
        for index in ready {
            let kind = self.scenario.timeline[index].kind.clone();
            if let Err(error) = self.act(&kind) {
                self.seen.notes.push(format!("{kind}: {error}"));
            }
        }
        let since: Vec<usize> = (0..self.scenario.expectations.len())
            .filter(|i| !self.earlier.contains_key(i))
            .filter(|&i| self.scenario.expectations[i].since.is_some_and(|m| due(self, &m)))
            .collect();
        let read: Vec<usize> =
            self.unread.iter().copied().filter(|&i| due(self, &self.scenario.expectations[i].at)).collect();
        if since.is_empty() && read.is_empty() {
            return Ok(());
        }
        let snapshot = self.snapshot_for(since.iter().chain(&read).copied())?;
        self.read_expectations(&since, &read, &snapshot);
        Ok(())
    }

    fn read_expectations(&mut self, since: &[usize], read: &[usize], snapshot: &Snapshot) {
        let now = self.now();
        for &i in since {
            let values = self.values(i, snapshot);
            self.earlier.insert(i, (now, values));
        }
        for &i in read {
            let values = self.values(i, snapshot);
            let earlier = self.earlier.get(&i);
            let before = |m: &Metric| earlier.and_then(|(_, values)| values.get(m).copied());
            let since = earlier.map(|(at, _)| Since { read: &before, elapsed: Duration::from_nanos(now - at) });
            let row = self.scenario.expectations[i].check(&|m| values.get(m).copied(), since);
            self.seen.checks[i] = Some(Checked { expected: row.expected, actual: row.actual, ok: row.ok });
            self.unread.retain(|&other| other != i);
        }
    }

    /// The metrics an expectation reads.
    fn values(&self, expectation: usize, snapshot: &Snapshot) -> BTreeMap<Metric, i64> {
        let mut metrics = Vec::new();
        self.scenario.expectations[expectation].metrics(&mut metrics);
        let reader = self.reader(snapshot);
        metrics.into_iter().filter_map(|m| reader.read(&m).map(|value| (m, value))).collect()
    }

    fn reader<'a>(&'a self, now: &'a Snapshot) -> Reader<'a> {
        Reader { scenario: &self.scenario, tallies: &self.tallies, now, before: &self.before, low: &self.low }
    }

    /// What these expectations need to be read.
    fn snapshot_for(&mut self, expectations: impl Iterator<Item = usize>) -> io::Result<Snapshot> {
        let mut metrics = Vec::new();
        for i in expectations {
            self.scenario.expectations[i].metrics(&mut metrics);
        }
        if metrics.iter().all(is_of_calls) {
            return Ok(Snapshot::default());
        }
        let mut questions: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for metric in &metrics {
            if let MetricKind::Process { process, kind } = &metric.kind
                && let Some(name) = question(kind)
            {
                questions.entry(*process).or_default().push(name);
            }
        }
        self.snapshot(questions)
    }

    fn snapshot(&mut self, questions: BTreeMap<usize, Vec<String>>) -> io::Result<Snapshot> {
        // Descriptors are read before and after the tables: what was there both times was there in between.
        let first: Vec<ProcessState> = self.players.iter().map(Player::state).collect();
        let hosts = (0..self.hosts.len()).map(|h| self.host_state(h)).collect::<io::Result<_>>()?;
        let mut now = Snapshot { hosts, ..Snapshot::default() };
        for (player, first) in self.players.iter().zip(first) {
            let mut state = player.state();
            state.inodes.retain(|inode| first.inodes.contains(inode));
            now.processes.push(state);
            now.running.push(!player.ended && !player.pids.is_empty());
        }
        for (process, names) in questions {
            for (name, value) in self.ask(process, names)? {
                now.answers.insert((process, name), value);
            }
        }
        Ok(now)
    }

    /// Asks a program for metrics of its own.
    fn ask(&mut self, process: usize, names: Vec<String>) -> io::Result<Vec<(String, i64)>> {
        self.asked += 1;
        let asked = self.asked;
        self.order(process, &Order::Ask(asked, names));
        let mut answers = Vec::new();
        let patience = clock::now() + PATIENCE;
        while clock::now() < patience {
            match self.events.recv_timeout(StdDuration::from_millis(20)) {
                Ok((from, Event::Answer { ask, name, value })) if from == process && ask == asked => {
                    answers.extend(value.and_then(|v| i64::try_from(v).ok()).map(|v| (name, v)));
                }
                Ok((from, Event::Answered { ask })) if from == process && ask == asked => break,
                Ok((from, event)) => self.hear(from, event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(answers)
    }

    fn order(&mut self, process: usize, order: &Order) {
        if let Some(orders) = &mut self.players[process].orders {
            let _it_has_ended = orders.write_all(order.line().as_bytes()).and_then(|()| orders.flush());
        }
    }

    fn hear(&mut self, process: usize, event: Event) -> io::Result<()> {
        let player = &mut self.players[process];
        match event {
            Event::Pid { pid, helper: true } => player.pids.push(pid),
            Event::Pid { pid, helper: false } => player.pids.insert(0, pid),
            Event::Call(call) => {
                self.tallies[process].add(&call);
                if player.calls.len() < CALLS_KEPT {
                    player.calls.push(call);
                }
                if call.errno().is_some_and(|e| Scenario::EXHAUSTION.contains(&e))
                    && !self.marks.contains_key(&MarkRef::Exhausted)
                {
                    self.reach(MarkRef::Exhausted, call.done)?;
                }
                self.look_for_marks(call.done, None)?;
            }
            Event::Count { call, result, n } => {
                let sample = CallEvent { task: 0, call, fd: 0, entered: 0, done: 0, result, ports: None };
                player.seen.counts.push((sample.name().to_owned(), sample.outcome().to_owned(), n));
            }
            Event::Parked(total) => player.seen.parked = total,
            Event::Exit(status) => player.seen.exit = Some(status),
            Event::Note(text) => {
                let name = &self.scenario.processes[process].name;
                self.seen.notes.push(format!("{name}: {text}"));
            }
            Event::End => player.ended = true,
            // Too late to be of use.
            Event::Answer { .. } | Event::Answered { .. } => {}
        }
        Ok(())
    }

    /// Marks of the scenario that became true. Those of calls are looked for after
    /// each call, others at each sample.
    fn look_for_marks(&mut self, at: u64, snapshot: Option<&Snapshot>) -> io::Result<()> {
        let nothing = Snapshot::default();
        let reached: Vec<usize> = (0..self.scenario.marks.len())
            .filter(|&i| !self.marks.contains_key(&MarkRef::Own(i)))
            .filter(|&i| {
                let mark = &self.scenario.marks[i];
                if snapshot.is_none() && !is_of_calls(&mark.metric) {
                    return false;
                }
                let value = self.reader(snapshot.unwrap_or(&nothing)).read(&mark.metric);
                value.is_some_and(|value| mark.op.holds(value, mark.value))
            })
            .collect();
        reached.into_iter().try_for_each(|i| self.reach(MarkRef::Own(i), at))
    }

    fn reach(&mut self, mark: MarkRef, at: u64) -> io::Result<()> {
        self.marks.insert(mark, at);
        let here = |moment: &Moment| matches!(moment, Moment::Mark { mark: m, offset, .. } if *m == mark && *offset == Duration::ZERO);
        let at_mark: Vec<usize> =
            self.unread.iter().copied().filter(|&i| here(&self.scenario.expectations[i].at)).collect();
        let since: Vec<usize> = (0..self.scenario.expectations.len())
            .filter(|i| !self.earlier.contains_key(i))
            .filter(|&i| self.scenario.expectations[i].since.is_some_and(|m| here(&m)))
            .collect();
        if at_mark.is_empty() && since.is_empty() {
            return Ok(());
        }
        let snapshot = self.snapshot_for(at_mark.iter().chain(&since).copied())?;
        self.read_expectations(&since, &at_mark, &snapshot);
        Ok(())
    }

    fn sample(&mut self, at: u64) -> io::Result<()> {
        if !self.sampling {
            return self.watch_size();
        }
        let mut sockets = 0;
        for host in 0..self.hosts.len() {
            let rows = self.hosts[host].diag.sockets()?;
            sockets += rows.len();
            let at = self.now();
            self.samplers[host].sample(at, connections(&rows));
        }
        let needs_state = |m: &Metric| !is_of_calls(m);
        if self
            .scenario
            .marks
            .iter()
            .enumerate()
            .any(|(i, m)| needs_state(&m.metric) && !self.marks.contains_key(&MarkRef::Own(i)))
        {
            let snapshot = self.snapshot(BTreeMap::new())?;
            self.look_for_marks(at, Some(&snapshot))?;
        }
        if sockets > SAMPLED_SOCKETS {
            self.sampling = false;
            self.samplers = vec![Sampler::default(); self.hosts.len()];
        }
        Ok(())
    }

    /// Ends an experiment that grows beyond its bound.
    fn watch_size(&mut self) -> io::Result<()> {
        let most = bounds::most_sockets(&self.scenario);
        for host in &mut self.hosts {
            let stats = host.counters.sockstat()?;
            let sockets = usize::try_from(stats.tcp_inuse + stats.tcp6_inuse + stats.tw).unwrap_or(0);
            if sockets > most {
                return Err(io::Error::other(format!(
                    "more than {most} sockets: raise budget.sockets, or end earlier"
                )));
            }
        }
        Ok(())
    }

    fn act(&mut self, kind: &ActionKind) -> io::Result<()> {
        match kind {
            ActionKind::KillSession { server, id, by } => {
                let id = &self.servers.get(server).map_or(*id, |real| real.session(*id));
                match by {
                    Some(client) => self.order(*client, &Order::Sql(format!("kill {id}"))),
                    None => self.order(*server, &Order::KillSession(*id)),
                }
                if !self.marks.contains_key(&MarkRef::Kill) {
                    let now = self.now();
                    self.reach(MarkRef::Kill, now)?;
                }
                Ok(())
            }
            ActionKind::Sql { process, statement } => {
                self.order(*process, &Order::Sql(statement.clone()));
                Ok(())
            }
            ActionKind::Connect { process } => {
                self.order(*process, &Order::Connect);
                Ok(())
            }
            ActionKind::Sysctl { host, name, value } if name.starts_with("net.") => {
                let (name, value) = (name.clone(), value.clone());
                self.hosts[*host].namespace.run(move || procfs::set_sysctl(&name, &value))
            }
            ActionKind::Sysctl { .. } => Err(io::Error::other("belongs to the whole machine and was left alone")),
            ActionKind::Steal { .. } => Err(io::Error::other("only a hypervisor takes CPU time away")),
            ActionKind::Prlimit { process, nofile } => {
                self.order(*process, &Order::Prlimit(nofile.soft, nofile.hard));
                Ok(())
            }
            ActionKind::Partition { from, to, one_way } => {
                self.drop_between(*from, *to);
                if !one_way {
                    self.drop_between(*to, *from);
                }
                self.write_rules()
            }
            ActionKind::Heal { rule, between } => {
                let healed = |name: &Option<String>, pair: &Option<(usize, usize)>| match (rule, between) {
                    (Some(rule), _) => name.as_ref() == Some(rule),
                    (None, Some((a, b))) => matches!(pair, Some(p) if *p == (*a, *b) || *p == (*b, *a)),
                    (None, None) => true,
                };
                self.rules.retain(|rule| !healed(&rule.name, &rule.between));
                self.write_rules()
            }
            ActionKind::Rule(rule) => {
                self.add_rule(rule);
                // The timeline's rules go before the others.
                let added = self.rules.pop();
                self.rules.splice(0..0, added);
                self.write_rules()
            }
            ActionKind::Start { process } => self.signal(*process, RealSignal::CONT),
            ActionKind::Signal { process, signal } => match signal {
                Signal::Kill => self.signal(*process, RealSignal::KILL),
                Signal::Stop => self.signal(*process, RealSignal::STOP),
                Signal::Cont => self.signal(*process, RealSignal::CONT),
                Signal::Term => {
                    self.order(*process, &Order::Stop);
                    Ok(())
                }
            },
        }
    }

    fn signal(&self, process: usize, signal: RealSignal) -> io::Result<()> {
        let pid = Pid::from_child(&self.players[process].child);
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    fn drop_between(&mut self, from: usize, to: usize) {
        let rule = RuleSpec {
            name: None,
            verdict: Verdict::Drop,
            from: Some(from),
            to: Some(to),
            sport: None,
            dport: None,
            flags: FlagMatch::default(),
            probability: halfclose::units::Ratio::ONE,
            count: None,
        };
        self.add_rule(&rule);
        if let Some(rules) = self.rules.last_mut() {
            rules.between = Some((from, to));
        }
    }

    /// A rule of the scenario is asked where the packet arrives.
    fn add_rule(&mut self, rule: &RuleSpec) {
        let mut all = Vec::new();
        for host in 0..self.hosts.len() {
            if rule.to.is_some_and(|to| to != host) {
                continue;
            }
            let sources: Vec<Option<std::net::Ipv4Addr>> = match rule.from {
                Some(from) if from != host => self.scenario.hosts[from].addrs.iter().copied().map(Some).collect(),
                Some(_) | None => vec![None],
            };
            all.extend(sources.into_iter().map(|from| {
                let (sport, dport) = (rule.sport.map(|p| p.0), rule.dport.map(|p| p.0));
                (host, InputRule { from, sport, dport, flags: rule.flags, verdict: rule.verdict })
            }));
        }
        self.rules.push(Rules { name: rule.name.clone(), between: None, inputs: all });
    }

    fn write_rules(&self) -> io::Result<()> {
        for (index, host) in self.hosts.iter().enumerate() {
            let of_host = self.rules.iter().flat_map(|rules| &rules.inputs).filter(|(h, _)| *h == index);
            let rules: Vec<InputRule> = of_host.map(|(_, rule)| *rule).collect();
            // A namespace that never had a rule needs no table.
            if !self.rules.is_empty() || !self.scenario.timeline.is_empty() {
                host.namespace.run(move || nft::apply(&rules))?;
            }
        }
        Ok(())
    }

    /// Looks at everything once more, and lets the processes say what they counted.
    fn finish(mut self) -> io::Result<Observation> {
        let last = self.snapshot(BTreeMap::new())?;
        for process in 0..self.players.len() {
            self.order(process, &Order::Finish);
        }
        let patience = clock::now() + PATIENCE;
        // A real server has no last words.
        for &server in self.servers.keys() {
            self.players[server].ended = true;
        }
        while self.players.iter().any(|p| !p.ended) && clock::now() < patience {
            if let Ok((process, event)) = self.events.recv_timeout(StdDuration::from_millis(50)) {
                self.hear(process, event)?;
            }
        }
        let hosts: Vec<HostSeen> = (0..self.hosts.len()).map(|h| self.host_seen(h, &last)).collect();
        self.seen.hosts = hosts;
        for (player, state) in self.players.iter_mut().zip(&last.processes) {
            player.seen.calls = std::mem::take(&mut player.calls);
            player.seen.fds = state.fds;
            player.seen.counts.sort();
            self.seen.processes.push(std::mem::take(&mut player.seen));
        }
        Ok(self.seen)
    }

    fn host_seen(&mut self, host: usize, last: &Snapshot) -> HostSeen {
        let reader = self.reader(last);
        let ss = |word| reader.read(&Metric { host, kind: MetricKind::Ss(word) }).unwrap_or(0);
        let inuse = ss(SsMetric::TcpTotal);
        let summary = Summary {
            alloc: ss(SsMetric::Tcp) - ss(SsMetric::Timewait),
            inuse,
            tw: ss(SsMetric::Timewait),
            orphaned: ss(SsMetric::Orphaned),
            estab: ss(SsMetric::Estab),
        };
        let (state, before) = (&last.hosts[host], &self.before[host]);
        let grown = state.mib.iter().filter_map(|(name, value)| {
            let growth = value.saturating_sub(before.mib.get(name).copied().unwrap_or(0));
            (growth > 0).then(|| (name.clone(), growth))
        });
        let owner = |inode: u32| {
            let holds = |p: &ProcessState| inode != 0 && p.inodes.contains(&inode);
            last.processes.iter().position(holds)
        };
        let sockets = state
            .rows
            .iter()
            .filter(|row| !before.rows.iter().any(|b| b.tuple == row.tuple && b.inode == row.inode))
            .map(|row| Row {
                lport: row.tuple.local.port().0,
                rport: row.tuple.remote.port().0,
                state: row.state.metric_name().to_owned(),
                recv_q: row.recv_q,
                send_q: row.send_q,
                process: owner(row.inode),
            })
            .collect();
        let mut picks: Vec<Pick> = self
            .players
            .iter()
            .zip(&self.scenario.processes)
            .filter(|(_, spec)| spec.host == host)
            .flat_map(|(player, _)| &player.calls)
            .filter_map(|call| {
                let (port, addr, to) = call.ports?;
                let failed = call.errno() == Some(Errno::AddrNotAvail);
                (port != 0 || failed).then_some(Pick { at: call.done, port, to: (addr, to) })
            })
            .collect();
        picks.sort_by_key(|pick| pick.at);
        HostSeen {
            picks,
            sockets,
            mib: grown.collect(),
            ss: summary,
            packets: self.hosts[host].capture.as_ref().map(|c| c.seen(self.zero)).unwrap_or_default(),
            intervals: std::mem::take(&mut self.samplers[host]).finish(),
        }
    }
}

/// The rows that are connections.
fn connections(rows: &[DiagRow]) -> Vec<Sampled> {
    let is_connection = |row: &&DiagRow| row.tuple.remote.port().0 != 0;
    rows.iter()
        .filter(is_connection)
        .map(|row| {
            let (local, remote) = (row.tuple.local, row.tuple.remote);
            ((local.addr().to_bits(), local.port().0, remote.addr().to_bits(), remote.port().0), row.state)
        })
        .collect()
}

/// Starts a process of the scenario in its host's namespace.
fn play(host: &Host, index: usize, words: &[String], task: &Task, tell: Sender<(usize, Event)>) -> io::Result<Player> {
    let program = stage::program()?;
    let words = words.to_vec();
    let mut child = host.namespace.run(move || {
        let mut command = Command::new(program);
        command.arg(stage::WORD).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.spawn()
    })?;
    let mut orders = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    serde_json::to_writer(&mut orders, task)?;
    orders.write_all(b"\n")?;
    let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    std::thread::Builder::new().name("events".to_owned()).spawn(move || {
        let events = BufReader::new(out).lines().map_while(Result::ok).filter_map(|line| Event::parse(&line));
        let told = events.map(|event| (index, event)).try_for_each(|event| tell.send(event));
        // A killed process says no last word.
        let _nobody_listens = told.and_then(|()| tell.send((index, Event::End)));
    })?;
    Ok(Player {
        child,
        orders: Some(orders),
        pids: Vec::new(),
        calls: Vec::new(),
        seen: ProcessSeen::default(),
        ended: false,
    })
}
