//! Runs a checked scenario: its timeline, its marks, its expectations.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::{self, BuildError, Built};
use super::expect::{CheckRow, Since};
use super::metric::Metric;
use super::read::{self, Places};
use super::spec::{ActionKind, ActionSpec, MarkRef, MarkSpec, Moment, RuleSpec, Scenario, Signal};
use crate::app::{Control, ControlError};
use crate::sim::{ForkError, Phase, SimError, Step, World};
use crate::time::{Duration, Instant};
use crate::trace::{NoObserver, Observer, RecordKind};
use crate::units::{HostId, ProcIx};

/// Status of a process that SIGKILL ended, as a shell reports it.
const KILLED: u32 = 128 + 9;

/// Something of the timeline that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which entry of the timeline.
    pub action: usize,
    /// When.
    pub at: Instant,
    /// Why.
    pub reason: String,
}

/// A scenario on its way.
#[derive(Debug)]
pub struct Run {
    /// Shared by all copies of a run, until one is given another entry of the timeline.
    scenario: Arc<Scenario>,
    seed: u64,
    built: Built,
    marks: BTreeMap<MarkRef, Instant>,
    /// [`MarkRef::Exhausted`] is among them.
    exhausted: bool,
    /// Timeline entries not yet given a time.
    waiting: Vec<usize>,
    refusals: Vec<Refusal>,
    rows: Vec<Option<CheckRow>>,
    /// Values at an expectation's `since` moment.
    before: Vec<Option<(Instant, BTreeMap<Metric, i64>)>>,
    /// There are expectations, and they are read as their moments pass.
    checking: bool,
    /// Marks of an earlier pass over the same scenario, for moments before a mark.
    foreseen: BTreeMap<MarkRef, Instant>,
    /// The scenario's own marks not reached yet.
    ahead: Vec<usize>,
    /// What [`Run::find_next_check`] said, until something it reads changes.
    next_check: Option<Option<Instant>>,
    /// See [`Run::heed`].
    interrupt: Option<&'static AtomicBool>,
}

impl Run {
    /// A world built from the scenario, at time 0.
    ///
    /// # Errors
    /// What a checked scenario can still ask for in vain: see [`BuildError`].
    pub fn new(scenario: Scenario, seed: u64) -> Result<Self, BuildError> {
        Self::of(Arc::new(scenario), seed)
    }

    fn of(scenario: Arc<Scenario>, seed: u64) -> Result<Self, BuildError> {
        let built = build::world(&scenario, seed)?;
        let expectations = scenario.expectations.len();
        let mut run = Self {
            waiting: (0..scenario.timeline.len()).collect(),
            scenario,
            seed,
            built,
            marks: BTreeMap::new(),
            exhausted: false,
            refusals: Vec::new(),
            rows: vec![None; expectations],
            before: vec![None; expectations],
            checking: expectations > 0,
            foreseen: BTreeMap::new(),
            ahead: Vec::new(),
            next_check: None,
            interrupt: None,
        };
        run.ahead = (0..run.scenario.marks.len()).collect();
        run.marks.insert(MarkRef::End, run.scenario.end);
        run.place_actions();
        Ok(run)
    }

    /// A copy of the whole run that goes on by itself. Memory is shared until written.
    ///
    /// # Errors
    /// When a program cannot be copied.
    pub fn try_fork(&mut self) -> Result<Self, ForkError> {
        let world = self.built.world.try_fork()?;
        Ok(Self {
            scenario: Arc::clone(&self.scenario),
            seed: self.seed,
            built: Built { world, hosts: self.built.hosts.clone(), processes: self.built.processes.clone() },
            marks: self.marks.clone(),
            exhausted: self.exhausted,
            waiting: self.waiting.clone(),
            refusals: self.refusals.clone(),
            rows: self.rows.clone(),
            before: self.before.clone(),
            checking: self.checking,
            foreseen: self.foreseen.clone(),
            ahead: self.ahead.clone(),
            next_check: self.next_check,
            interrupt: self.interrupt,
        })
    }

    /// The same scenario with the same seed from its start, to find out what is still to come.
    #[must_use]
    pub fn scout(&self) -> Self {
        let scout = Self::of(Arc::clone(&self.scenario), self.seed).expect("the same scenario was built before");
        Self { interrupt: self.interrupt, ..scout }
    }

    /// From now on a true `flag` ends whatever lets time pass, after the event at
    /// hand, with [`SimError::Interrupted`]; once it is false again the run can go on.
    pub const fn heed(&mut self, flag: &'static AtomicBool) {
        self.interrupt = Some(flag);
    }

    /// The flag that is heeded is true.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        is_raised(self.interrupt)
    }

    fn go_on(&self) -> Result<(), SimError> {
        match self.is_interrupted() {
            true => Err(SimError::Interrupted { at: self.built.world.now() }),
            false => Ok(()),
        }
    }

    /// Adds an entry to the end of the timeline of a run that has begun: what a
    /// scenario with that entry does, if it is due in the future and nothing
    /// else is due at that very nanosecond. An entry already past is due now.
    pub fn inject(&mut self, action: ActionSpec) {
        self.waiting.push(self.scenario.timeline.len());
        Arc::make_mut(&mut self.scenario).timeline.push(action);
        self.place_actions();
    }

    /// Goes on to the next instant at which anything happens, and through all
    /// that happens there; no further than `until`.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn next_instant(&mut self, until: Instant, observer: &mut dyn Observer) -> Result<(), SimError> {
        let at = self.built.world.next_at().min(until);
        self.run_until(at, observer)
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }
    /// The seed of this run.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }
    /// The world as it stands.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.built.world
    }
    /// The world, to interfere with it.
    pub const fn world_mut(&mut self) -> &mut World {
        &mut self.built.world
    }
    /// A host of the scenario in the world.
    #[must_use]
    pub fn host(&self, host: usize) -> HostId {
        self.built.hosts[host]
    }
    /// A process of the scenario in the world.
    #[must_use]
    pub fn process(&self, process: usize) -> (HostId, ProcIx) {
        self.built.processes[process]
    }
    /// When a mark was reached.
    #[must_use]
    pub fn mark(&self, mark: MarkRef) -> Option<Instant> {
        self.marks.get(&mark).copied()
    }
    /// When an entry of the timeline is due, if that is known by now.
    #[must_use]
    pub fn action_at(&self, index: usize) -> Option<Instant> {
        self.scenario.timeline.get(index).and_then(|action| self.due(&action.at))
    }
    /// Timeline entries that could not be carried out.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Current value of a metric.
    #[must_use]
    pub fn metric(&self, metric: &Metric) -> Option<i64> {
        read::metric(&self.built.world, self.places(), metric)
    }

    fn places(&self) -> Places<'_> {
        Places { hosts: &self.built.hosts, processes: &self.built.processes }
    }

    /// Runs to the scenario's end, and on to the last moment an expectation asks
    /// for after it.
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn run_to_end(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.foresee()?;
        self.run_until(self.scenario.end, observer)?;
        self.run_until(self.last_moment(), observer)
    }

    /// When the last expectation is read, as far as that is known, but not
    /// before the scenario's end.
    #[must_use]
    pub fn last_moment(&self) -> Instant {
        let moments = self.scenario.expectations.iter().filter_map(|e| self.due(&e.at));
        moments.fold(self.scenario.end, Instant::max)
    }

    /// The verdicts, in the order of the scenario's expectations, of those that
    /// apply to this seed. A moment that never came is a failure; one that has not
    /// come yet, in a run stopped before the scenario's end, is no verdict at all.
    #[must_use]
    pub fn verdicts(&self) -> Vec<CheckRow> {
        let applies = |i: &usize| self.scenario.applies(&self.scenario.expectations[*i].over_seeds, self.seed);
        let early = self.built.world.now() < self.scenario.end;
        (0..self.rows.len())
            .filter(applies)
            .filter_map(|i| match &self.rows[i] {
                Some(row) => Some(row.clone()),
                None if early => None,
                None => Some(self.scenario.expectations[i].never()),
            })
            .collect()
    }

    /// Moments before a mark need the mark's time in advance: a first pass finds it.
    /// Does nothing once the run has begun.
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn foresee(&mut self) -> Result<(), SimError> {
        let backwards = |m: &Moment| matches!(m, Moment::Mark { mark, before: true, .. } if *mark != MarkRef::End);
        let moments = self.scenario.expectations.iter().flat_map(|e| [Some(e.at), e.since]).flatten();
        let needed = moments.chain(self.scenario.timeline.iter().map(|a| a.at)).any(|m| backwards(&m));
        if !needed || self.built.world.now() > Instant::ZERO {
            return Ok(());
        }
        let mut scout = self.scout();
        scout.checking = false;
        scout.run_until(scout.scenario.end, &mut NoObserver)?;
        self.foreseen = scout.marks;
        self.next_check = None;
        self.place_actions();
        Ok(())
    }

    /// Runs until a moment; `false` if its mark is not reached within
    /// `limit` (the scenario's end, or later).
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn run_to_moment(&mut self, moment: Moment, observer: &mut dyn Observer) -> Result<bool, SimError> {
        if let Moment::Mark { mark, before: true, .. } = moment
            && mark != MarkRef::End
        {
            let mut scout = self.scout();
            scout.checking = false;
            if !scout.run_to_mark(mark, &mut NoObserver)? {
                return Ok(false);
            }
            self.foreseen = scout.marks;
            self.next_check = None;
        }
        if let Moment::Mark { mark, before: false, .. } = moment
            && !self.run_to_mark(mark, observer)?
        {
            return Ok(false);
        }
        match self.due(&moment) {
            Some(at) if at > self.built.world.now() => self.run_until(at, observer).map(|()| true),
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    /// Runs until just after the event that reached the mark.
    fn run_to_mark(&mut self, mark: MarkRef, observer: &mut dyn Observer) -> Result<bool, SimError> {
        while !self.marks.contains_key(&mark) {
            if !self.run_to_turn(self.scenario.end, observer)? {
                return Ok(false);
            }
        }
        if mark == MarkRef::End {
            self.run_until(self.scenario.end, observer)?;
        }
        Ok(true)
    }

    /// Runs all events up to and including `until`.
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn run_until(&mut self, until: Instant, observer: &mut dyn Observer) -> Result<(), SimError> {
        while self.run_to_turn(until, observer)? {}
        Ok(())
    }

    /// Runs as [`Run::run_until`], but stops on the way, right after an entry of the
    /// timeline was carried out or a mark was reached; true if it did.
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn run_to_turn(&mut self, until: Instant, observer: &mut dyn Observer) -> Result<bool, SimError> {
        loop {
            self.go_on()?;
            let stop = self.next_check().map_or(until, |at| at.min(until));
            let step = self.run_to_news(stop, observer)?;
            if step != Step::Idle {
                self.follow(step, observer)?;
                return self.go_on().map(|()| true);
            }
            self.built.world.run_until(stop, observer)?;
            self.read_due_moments();
            if stop >= until {
                return Ok(false);
            }
        }
    }

    /// Runs until `holds`, asked after each event, or until `limit`; true if it
    /// holds then. The clock stops at the event that made it true.
    ///
    /// # Errors
    /// When a budget is exceeded; when interrupted ([`Run::heed`]).
    pub fn run_until_true(
        &mut self,
        holds: &dyn Fn(&Self) -> bool,
        limit: Instant,
        observer: &mut dyn Observer,
    ) -> Result<bool, SimError> {
        loop {
            if holds(self) {
                return Ok(true);
            }
            self.go_on()?;
            let stop = self.next_check().map_or(limit, |at| at.min(limit));
            if self.built.world.next_at() <= stop && self.built.world.next_at() < Instant::MAX {
                self.one_step(stop, observer)?;
                continue;
            }
            self.built.world.run_until(stop, observer)?;
            self.read_due_moments();
            if stop >= limit {
                return Ok(holds(self));
            }
        }
    }

    /// Does at once what an entry of the timeline would do; the inner result is
    /// the refusal of it.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn interfere(
        &mut self,
        kind: &ActionKind,
        observer: &mut dyn Observer,
    ) -> Result<Result<(), String>, SimError> {
        self.carry_out(kind, observer)
    }

    /// A session was killed by a client the scenario does not know.
    #[cfg(feature = "observe")]
    pub(crate) fn note_kill(&mut self) {
        if !self.marks.contains_key(&MarkRef::Kill) {
            self.reach(MarkRef::Kill, self.built.world.now());
        }
    }

    fn one_step(&mut self, horizon: Instant, observer: &mut dyn Observer) -> Result<(), SimError> {
        let step = self.built.world.step(horizon, observer)?;
        self.follow(step, observer)
    }

    /// What the scenario has to do after an event.
    fn follow(&mut self, step: Step, observer: &mut dyn Observer) -> Result<(), SimError> {
        if let Step::Action(index) = step {
            self.act(index as usize, observer)?;
        }
        self.look_for_marks(observer);
        Ok(())
    }

    /// Runs events up to and including `stop` until one reaches a mark or is an action, or somebody interrupts.
    fn run_to_news(&mut self, stop: Instant, observer: &mut dyn Observer) -> Result<Step, SimError> {
        let Built { world, hosts, processes } = &mut self.built;
        let places = Places { hosts, processes };
        let (marks, exhausted) = (&self.scenario.marks, self.exhausted);
        let interrupt = self.interrupt;
        let ahead: Vec<(HostId, &MarkSpec)> =
            self.ahead.iter().map(|&index| (places.hosts[marks[index].metric.host], &marks[index])).collect();
        // Somebody may have interfered on any host before the first event; each event after it changes its own host alone.
        let first = Cell::new(true);
        world.run_while(stop, observer, |world| {
            let everywhere = first.replace(false);
            let reached = |&(host, mark): &(HostId, &MarkSpec)| {
                (everywhere || host == world.latest_host()) && read::holds(world, places, mark)
            };
            (exhausted || world.exhaustion().is_none()) && !is_raised(interrupt) && !ahead.iter().any(reached)
        })
    }

    fn look_for_marks(&mut self, observer: &mut dyn Observer) {
        let now = self.built.world.now();
        if !self.exhausted
            && let Some(exhaustion) = self.built.world.exhaustion()
        {
            self.exhausted = true;
            self.reach(MarkRef::Exhausted, exhaustion.at.min(now));
        }
        let mut at = 0;
        while let Some(&index) = self.ahead.get(at) {
            let mark = &self.scenario.marks[index];
            if read::holds(&self.built.world, self.places(), mark) {
                self.ahead.remove(at);
                let record = u32::try_from(index).unwrap_or(u32::MAX);
                self.built.world.note_mark(RecordKind::Mark { index: record }, observer);
                self.reach(MarkRef::Own(index), now);
            } else {
                at += 1;
            }
        }
    }

    /// A mark is reached: what hangs on it gets its time, and moments without
    /// an offset are read in this very state.
    fn reach(&mut self, mark: MarkRef, at: Instant) {
        self.marks.insert(mark, at);
        self.next_check = None;
        self.place_actions();
        let now = self.built.world.now();
        let here = |moment: &Moment| matches!(moment, Moment::Mark { mark: m, offset, .. } if *m == mark && *offset == Duration::ZERO);
        self.read_moments(|_, moment| here(moment), now);
    }

    /// Schedules timeline entries whose time is known by now.
    fn place_actions(&mut self) {
        let waiting = core::mem::take(&mut self.waiting);
        for index in waiting {
            match self.due(&self.scenario.timeline[index].at) {
                Some(at) => {
                    let number = u32::try_from(index).expect("a scenario has fewer than 2^32 actions");
                    self.built.world.schedule_action(at, number);
                }
                None => self.waiting.push(index),
            }
        }
    }

    /// When a moment is, if that is known by now.
    #[must_use]
    pub fn instant_of(&self, moment: &Moment) -> Option<Instant> {
        self.due(moment)
    }

    fn due(&self, moment: &Moment) -> Option<Instant> {
        match *moment {
            Moment::At(at) => Some(at),
            Moment::Mark { mark, offset, before: false } => self.marks.get(&mark).map(|&at| at + offset),
            Moment::Mark { mark, offset, before: true } => {
                let at = self.foreseen.get(&mark).or_else(|| self.marks.get(&mark))?;
                Some(at.saturating_sub(offset))
            }
        }
    }

    /// The next instant at which an expectation is to be read.
    fn next_check(&mut self) -> Option<Instant> {
        if !self.checking {
            return None;
        }
        match self.next_check {
            Some(known) if known.is_none_or(|at| at >= self.built.world.now()) => known,
            Some(_) | None => {
                let found = self.find_next_check();
                self.next_check = Some(found);
                found
            }
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn find_next_check(&self) -> Option<Instant> {
        // One that is not for this seed is never read, so it would be due for ever.
        let expectations = self.scenario.expectations.iter().enumerate();
        let own = expectations.filter(|(_, e)| self.scenario.applies(&e.over_seeds, self.seed));
        let pending = own.flat_map(|(i, e)| {
            let at = self.rows[i].is_none().then(|| self.due(&e.at)).flatten();
            let since = e.since.filter(|_| self.before[i].is_none()).and_then(|m| self.due(&m));
            [at, since]
        });
        pending.flatten().filter(|&at| at >= self.built.world.now()).min()
    }

    fn read_due_moments(&mut self) {
        let now = self.built.world.now();
        self.read_moments(|run, moment| run.due(moment) == Some(now), now);
    }

    fn read_moments(&mut self, is_now: impl Fn(&Self, &Moment) -> bool, now: Instant) {
        if self.checking {
            self.read_expectations(&is_now, now);
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn read_expectations(&mut self, is_now: &dyn Fn(&Self, &Moment) -> bool, now: Instant) {
        self.next_check = None;
        let scenario = Arc::clone(&self.scenario);
        for (i, expectation) in scenario.expectations.iter().enumerate() {
            if !self.scenario.applies(&expectation.over_seeds, self.seed) {
                continue;
            }
            if self.before[i].is_none() && expectation.since.is_some_and(|m| is_now(self, &m)) {
                let mut metrics = Vec::new();
                expectation.quantity.metrics(&mut metrics);
                let values = metrics.into_iter().filter_map(|m| self.metric(&m).map(|v| (m, v))).collect();
                self.before[i] = Some((now, values));
            }
            if self.rows[i].is_none() && is_now(self, &expectation.at) {
                let earlier = self.before[i].as_ref();
                let read_before = |m: &Metric| earlier.and_then(|(_, values)| values.get(m).copied());
                let since = earlier.map(|(at, _)| Since { read: &read_before, elapsed: now.since(*at) });
                self.rows[i] = Some(expectation.check(&|m| self.metric(m), since));
            }
        }
    }

    fn act(&mut self, index: usize, observer: &mut dyn Observer) -> Result<(), SimError> {
        let kind = self.scenario.timeline[index].kind.clone();
        let at = self.built.world.now();
        if let Err(reason) = self.carry_out(&kind, observer)? {
            self.refusals.push(Refusal { action: index, at, reason });
        }
        Ok(())
    }

    /// The inner result is the refusal of this one action; the run goes on.
    fn carry_out(&mut self, kind: &ActionKind, observer: &mut dyn Observer) -> Result<Result<(), String>, SimError> {
        let done = |result: Result<(), ControlError>| Ok(result.map_err(|error| error.to_string()));
        match kind {
            ActionKind::KillSession { server, id, by } => {
                let now = self.built.world.now();
                let result = match by {
                    Some(client) => self.control(*client, &Control::Sql(format!("kill {id}"))),
                    None => self.control(*server, &Control::KillSession(*id)),
                };
                if result.is_ok() && !self.marks.contains_key(&MarkRef::Kill) {
                    self.reach(MarkRef::Kill, now);
                }
                done(result)
            }
            ActionKind::Sql { process, statement } => done(self.control(*process, &Control::Sql(statement.clone()))),
            ActionKind::Connect { process } => done(self.control(*process, &Control::Connect)),
            ActionKind::Sysctl { host, name, value } => {
                let host = self.built.hosts[*host];
                let result = self.built.world.kernel_mut(host).sysctl_write(name, value);
                Ok(result.map_err(|error| error.to_string()))
            }
            ActionKind::Steal { host, share } => {
                let host = self.built.hosts[*host];
                let set = self.built.world.kernel_mut(host).set_steal(*share);
                Ok(set.map_err(|error| error.to_string()))
            }
            ActionKind::Prlimit { process, nofile } => {
                let (host, process) = self.built.processes[*process];
                let result = self.built.world.kernel_mut(host).prlimit(process, *nofile);
                Ok(result.map_err(|errno| format!("prlimit: {} ({errno})", errno.text())))
            }
            ActionKind::Partition { from, to, one_way } => {
                let (from, to) = (self.built.hosts[*from], self.built.hosts[*to]);
                self.built.world.network_mut().partition(from, to, *one_way);
                Ok(Ok(()))
            }
            ActionKind::Heal { rule, between } => {
                let between = between.map(|(a, b)| (self.built.hosts[a], self.built.hosts[b]));
                self.built.world.network_mut().heal(rule.as_deref(), between);
                Ok(Ok(()))
            }
            ActionKind::Rule(rule) => {
                self.add_rule(rule);
                Ok(Ok(()))
            }
            ActionKind::Start { process } => Ok(self.start(*process)),
            ActionKind::Signal { process, signal } => self.signal(*process, *signal, observer),
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn add_rule(&mut self, rule: &RuleSpec) {
        let name = rule.name.clone();
        let rule = build::rule(rule, &self.built.hosts);
        self.built.world.network_mut().add_rule_first(name, rule);
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn start(&mut self, process: usize) -> Result<(), String> {
        let (host, ix) = self.built.processes[process];
        match self.built.world.phase(host, ix) {
            Phase::Waiting => {
                self.built.world.start_process(host, ix);
                Ok(())
            }
            Phase::Exited(_) => {
                build::start_again(&mut self.built, &self.scenario, process).map_err(|error| error.to_string())
            }
            Phase::Running | Phase::Stopped => Err("the process is running".to_owned()),
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn signal(
        &mut self,
        process: usize,
        signal: Signal,
        observer: &mut dyn Observer,
    ) -> Result<Result<(), String>, SimError> {
        let (host, ix) = self.built.processes[process];
        match signal {
            Signal::Kill => self.built.world.exit_process(host, ix, KILLED, observer)?,
            Signal::Stop => self.built.world.stop_process(host, ix),
            Signal::Cont => self.built.world.continue_process(host, ix),
            Signal::Term => {
                // A program that does not handle SIGTERM dies of it.
                if self.control(process, &Control::Stop).is_err() {
                    self.built.world.exit_process(host, ix, 128 + 15, observer)?;
                }
            }
        }
        Ok(Ok(()))
    }

    fn control(&mut self, process: usize, control: &Control) -> Result<(), ControlError> {
        let (host, process) = self.built.processes[process];
        self.built.world.control(host, process, control)
    }
}

/// In a browser nobody raises a flag while something runs: the page's module goes without the question.
fn is_raised(flag: Option<&'static AtomicBool>) -> bool {
    cfg!(not(target_os = "unknown")) && flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
}
