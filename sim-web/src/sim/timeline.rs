//! A scenario that can be looked at anywhere: checkpoints, and running on from them.

use halfclose::observe::Series;
use halfclose::scenario::{ActionKind, ActionSpec, Moment, Run, Scenario};
use halfclose::sim::SimError;
use halfclose::time::{Duration, Instant};
use halfclose::trace::{Observer, Record};

use super::series::{self, Column};
use super::watch::{Both, Index, Memory, Stepper};

/// Checkpoints at most: each holds the tables of its moment.
const CHECKPOINTS: usize = 20;
/// Events between two checkpoints at first; doubles whenever there are too many.
const FIRST_GAP: u64 = 4_000;
/// Into how many pieces the first pass is cut, which are also the samples of the series.
const PIECES: u64 = 500;
/// Samples kept: a timeline that is made longer has room for four times as many.
const SAMPLES: usize = 2_000;
/// Where a step finds nothing else at its nanosecond, it finds it within so many tries.
const MAX_TRIES: u32 = 10_000;

/// A moment from which the run can go on.
#[derive(Debug)]
struct Checkpoint {
    run: Run,
    memory: Memory,
}

impl Checkpoint {
    fn of(run: &mut Run, memory: &Memory) -> Result<Self, String> {
        Ok(Self { run: run.try_fork().map_err(|error| error.to_string())?, memory: memory.clone() })
    }

    const fn at(&self) -> Instant {
        self.run.world().now()
    }
}

/// One course of events.
#[derive(Debug)]
pub(super) struct Timeline {
    checkpoints: Vec<Checkpoint>,
    gap: u64,
    /// The first pass, which goes before the reader's eye.
    scout: Checkpoint,
    index: Index,
    series: Series,
    columns: Vec<Column>,
    /// What the reader looks at.
    live: Checkpoint,
    /// Moments at which a user changed the world: what goes on from an earlier
    /// checkpoint stops there and takes the one made then.
    barriers: Vec<Instant>,
    stopped: Option<SimError>,
}

impl Timeline {
    /// At time 0.
    pub(super) fn new(scenario: Scenario, seed: u64) -> Result<Self, String> {
        let mut run = Run::new(scenario, seed).map_err(|error| error.to_string())?;
        let columns = series::columns(run.scenario());
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let interval = Duration::from_nanos(run.scenario().end.nanos().div_ceil(PIECES).max(1));
        let memory = Memory::default();
        let (first, live) = (Checkpoint::of(&mut run, &memory)?, Checkpoint::of(&mut run, &memory)?);
        Ok(Self {
            checkpoints: vec![first],
            gap: FIRST_GAP,
            scout: Checkpoint { run, memory },
            index: Index::default(),
            series: Series::new(names, interval, SAMPLES),
            columns,
            live,
            barriers: Vec::new(),
            stopped: None,
        })
    }

    pub(super) const fn run(&self) -> &Run {
        &self.live.run
    }
    pub(super) const fn memory(&self) -> &Memory {
        &self.live.memory
    }
    pub(super) const fn scout(&self) -> &Run {
        &self.scout.run
    }
    pub(super) const fn index(&self) -> &Index {
        &self.index
    }
    pub(super) const fn series(&self) -> &Series {
        &self.series
    }
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }
    pub(super) const fn stopped(&self) -> Option<&SimError> {
        self.stopped.as_ref()
    }
    pub(super) fn now(&self) -> Instant {
        self.live.at()
    }
    fn end(&self) -> Instant {
        self.live.run.scenario().end
    }

    /// Whether the first pass is over.
    pub(super) fn is_prepared(&self) -> bool {
        self.stopped.is_some() || self.scout.at() >= self.end()
    }

    /// One more piece of the first pass.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        if self.is_prepared() {
            return Ok(());
        }
        let until = self.series.next_at().max(self.scout.at() + Duration::from_nanos(1)).min(self.end());
        let mut both = Both(&mut self.scout.memory, &mut self.index);
        if let Err(stopped) = self.scout.run.run_until(until, &mut both) {
            self.stopped = Some(stopped);
        }
        let row: Vec<u64> = self.columns.iter().map(|column| column.read(&self.scout.run)).collect();
        self.series.push(self.scout.at(), &row);
        let since = self.checkpoints.last().map_or(0, |last| last.run.world().events());
        if self.scout.run.world().events() >= since + self.gap || self.is_prepared() {
            if self.checkpoints.len() == CHECKPOINTS {
                self.thin();
            }
            self.checkpoints.push(Checkpoint::of(&mut self.scout.run, &self.scout.memory)?);
            self.index.interval = self.checkpoints.len() - 1;
        }
        Ok(())
    }

    /// Every second checkpoint goes.
    fn thin(&mut self) {
        let mut number = 0;
        let barriers = &self.barriers;
        self.checkpoints.retain(|checkpoint| {
            number += 1;
            number % 2 == 1 || barriers.contains(&checkpoint.at())
        });
        self.index.halve();
        self.gap *= 2;
    }

    /// The last checkpoint not after a moment.
    fn before(&self, at: Instant) -> usize {
        self.checkpoints.partition_point(|checkpoint| checkpoint.at() <= at).saturating_sub(1)
    }

    /// A copy of a checkpoint.
    fn copy(&mut self, number: usize) -> Result<Checkpoint, String> {
        let Checkpoint { run, memory } = &mut self.checkpoints[number];
        Checkpoint::of(run, memory)
    }

    /// Looks at a moment: all its events have happened.
    pub(super) fn seek(&mut self, at: Instant) -> Result<(), String> {
        let near = self.before(at);
        if at < self.now() || self.checkpoints[near].at() > self.now() || self.barriers.contains(&self.now()) {
            self.live = self.copy(near)?;
        }
        let Checkpoint { run, memory } = &mut self.live;
        run.run_until(at.min(self.scout.at().max(run.scenario().end)), memory).map_err(|error| error.to_string())
    }

    /// Goes to the next moment at which something is recorded, or a state changes.
    pub(super) fn step_forward(&mut self, states_only: bool) -> Result<(), String> {
        let now = self.now();
        let barrier = self.barriers.iter().copied().find(|barrier| *barrier > now);
        let end = barrier.map_or_else(|| self.end(), |barrier| barrier.min(self.end()));
        let Checkpoint { run, memory } = &mut self.live;
        let mut stepper = Stepper { memory, states_only, last: None };
        while stepper.last.is_none() && run.world().now() < end {
            run.next_instant(end, &mut stepper).map_err(|error| error.to_string())?;
        }
        if barrier.is_some_and(|barrier| self.now() >= barrier) {
            return self.seek(end);
        }
        Ok(())
    }

    /// Goes to the last such moment before this one.
    pub(super) fn step_back(&mut self, states_only: bool) -> Result<(), String> {
        let now = self.now();
        let mut near = self.before(now.saturating_sub(Duration::from_nanos(1)));
        loop {
            let from = self.checkpoints[near].at();
            let mut copy = self.copy(near)?;
            let until = now.saturating_sub(Duration::from_nanos(1));
            let mut stepper = Stepper { memory: &mut copy.memory, states_only, last: None };
            if from < now {
                copy.run.run_until(until, &mut stepper).map_err(|error| error.to_string())?;
            }
            match (stepper.last, near) {
                (Some(at), _) => return self.seek(at),
                (None, 0) => return self.seek(Instant::ZERO),
                (None, _) => near -= 1,
            }
        }
    }

    /// Does something now: what the scenario would with one more entry in its
    /// timeline. Returns that entry's time. All that came later is forgotten.
    pub(super) fn inject(&mut self, kind: ActionKind) -> Result<Instant, String> {
        let at = self.quiet_moment()?;
        let action = ActionSpec { at: Moment::At(at), kind };
        // Whoever goes on from an earlier moment meets it too.
        let earlier = self.checkpoints.iter_mut().filter(|checkpoint| checkpoint.at() < at);
        earlier.for_each(|checkpoint| checkpoint.run.inject(action.clone()));
        let Checkpoint { run, memory } = &mut self.live;
        run.inject(action);
        run.run_until(at, memory).map_err(|error| error.to_string())?;
        self.restart_from_here()?;
        Ok(at)
    }

    /// Lets somebody use the run as it stands. What moves the clock happens on a
    /// copy, and the moment reached is told; what changes the world without
    /// moving it is kept, and all that came later forgotten.
    #[cfg(feature = "tools")]
    pub(super) fn with_run<T>(
        &mut self,
        action: impl FnOnce(&mut Run, &mut Memory) -> T,
    ) -> Result<(T, Outcome), String> {
        let now = self.now();
        let mut copy = Checkpoint::of(&mut self.live.run, &self.live.memory)?;
        let before = trace_of(&copy.run);
        let result = action(&mut copy.run, &mut copy.memory);
        if copy.at() > now {
            return Ok((result, Outcome::Moved(copy.at())));
        }
        if trace_of(&copy.run) == before {
            return Ok((result, Outcome::Same));
        }
        self.live = copy;
        self.restart_from_here()?;
        self.barriers.push(now);
        Ok((result, Outcome::Changed))
    }

    /// The next nanosecond at which nothing else happens, so that an entry of
    /// the timeline for it does the same whether it was known from the start or not.
    fn quiet_moment(&mut self) -> Result<Instant, String> {
        let Checkpoint { run, memory } = &mut self.live;
        for _ in 0..MAX_TRIES {
            let at = run.world().now() + Duration::from_nanos(1);
            if run.world().next_at() > at {
                return Ok(at);
            }
            run.run_until(at, memory).map_err(|error| error.to_string())?;
        }
        Err("no moment is quiet enough here".to_owned())
    }

    /// The first pass begins anew from the moment looked at.
    fn restart_from_here(&mut self) -> Result<(), String> {
        let now = self.now();
        self.checkpoints.retain(|checkpoint| checkpoint.at() < now);
        self.barriers.retain(|barrier| *barrier < now);
        let Checkpoint { run, memory } = &mut self.live;
        self.scout = Checkpoint::of(run, memory)?;
        if self.checkpoints.len() == CHECKPOINTS {
            self.thin();
        }
        self.checkpoints.push(Checkpoint::of(&mut self.scout.run, &self.scout.memory)?);
        self.index.cut(now, self.checkpoints.len() - 1);
        self.series = series::until(&self.series, now);
        self.stopped = None;
        Ok(())
    }

    /// The same course of events up to now, to go another way from here.
    pub(super) fn fork(&mut self) -> Result<Self, String> {
        let start = Checkpoint::of(&mut self.live.run, &self.live.memory)?;
        let mut checkpoints = Vec::new();
        let now = self.now();
        for number in 0..self.checkpoints.len() {
            if self.checkpoints[number].at() < now && (number == 0 || number % 4 == 0) {
                checkpoints.push(self.copy(number)?);
            }
        }
        let live = Checkpoint::of(&mut self.live.run, &self.live.memory)?;
        let mut index = self.index.clone();
        // Fewer checkpoints, so the bits mean other spans: all of the past is one.
        let past = checkpoints.len().saturating_sub(1);
        for bits in &mut index.intervals {
            *bits = if *bits == 0 { 0 } else { u64::MAX >> (63 - past) };
        }
        let mut fork = Self {
            checkpoints,
            gap: self.gap,
            scout: start,
            index,
            series: self.series.clone(),
            columns: self.columns.clone(),
            live,
            barriers: self.barriers.clone(),
            stopped: None,
        };
        fork.restart_from_here()?;
        Ok(fork)
    }

    /// The run at a moment, to go on apart from what is looked at.
    pub(super) fn copy_at(&mut self, at: Instant) -> Result<Run, String> {
        let mut copy = self.copy(self.before(at))?;
        copy.run.run_until(at, &mut copy.memory).map_err(|error| error.to_string())?;
        Ok(copy.run)
    }

    /// Runs again through all spans in which anything happened at a local port,
    /// up to now, and shows every record to `see`.
    pub(super) fn replay(&mut self, port: usize, see: &mut dyn FnMut(&Record)) -> Result<(), String> {
        struct See<'a>(&'a mut dyn FnMut(&Record));
        impl Observer for See<'_> {
            fn record(&mut self, record: &Record) {
                (self.0)(record);
            }
        }
        let (bits, now) = (self.index.intervals[port], self.now());
        for number in 0..self.checkpoints.len() {
            let from = self.checkpoints[number].at();
            if bits >> number & 1 == 0 || from >= now {
                continue;
            }
            let mut copy = self.copy(number)?;
            let until = self.checkpoints.get(number + 1).map_or(now, |next| next.at().min(now));
            copy.run.run_until(until, &mut See(see)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// What using a run did to it.
#[cfg(feature = "tools")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nothing.
    Same,
    /// The clock moved on.
    Moved(Instant),
    /// The world is another.
    Changed,
}

/// What differs where somebody interfered: records, what is due, settings, limits.
#[cfg(feature = "tools")]
fn trace_of(run: &Run) -> String {
    let world = run.world();
    let mut trace = format!("{} {} {}", world.digest(), world.events(), world.pending());
    for kernel in world.hosts() {
        for name in kernel.sysctls().names() {
            trace.push_str(&kernel.sysctls().get(name).unwrap_or_default());
        }
        for process in kernel.processes() {
            trace.push_str(&format!("{:?}{}", process.fds().limits(), process.is_alive()));
        }
    }
    for process in 0..run.scenario().processes.len() {
        let (host, ix) = run.process(process);
        trace.push_str(&format!("{:?}{:?}", world.phase(host, ix), world.app(host, ix).status(world.now()).variables));
    }
    trace
}

#[cfg(test)]
mod tests {
    use halfclose::scenario::preset;
    use halfclose::trace::NoObserver;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn prepared(name: &str, until: Instant) -> Timeline {
        let scenario = preset::find(name).unwrap().scenario();
        let mut timeline = Timeline::new(scenario, 1).unwrap();
        while !timeline.is_prepared() && timeline.scout().world().now() < until {
            timeline.prepare().unwrap();
        }
        timeline
    }

    fn digest(name: &str, until: Instant) -> String {
        let mut run = Run::new(preset::find(name).unwrap().scenario(), 1).unwrap();
        run.run_until(until, &mut NoObserver).unwrap();
        run.world().digest().to_string()
    }

    #[test]
    fn wherever_one_comes_from_a_moment_is_the_same() {
        let mut timeline = prepared("tiny", at(8_000));
        for ms in [6_000, 5_003, 7_500, 100, 5_010, 5_009] {
            timeline.seek(at(ms)).unwrap();
            assert_eq!(timeline.now(), at(ms));
            assert_eq!(timeline.run().world().digest().to_string(), digest("tiny", at(ms)), "at {ms} ms");
        }
    }

    #[test]
    fn states_of_connections_are_those_of_their_rows() {
        let mut timeline = prepared("tiny", at(29_500));
        for ms in [200, 5_003, 5_010, 29_000] {
            timeline.seek(at(ms)).unwrap();
            let kernel = timeline.run().world().hosts().next().unwrap();
            let rows: Vec<_> = kernel.connection_rows().map(|row| (row.tuple, row.state)).collect();
            assert!(!rows.is_empty());
            let mut states = Vec::new();
            kernel.each_state(|tuple, state| states.push((*tuple, state)));
            assert_eq!(states, rows, "at {ms} ms");
            let range = kernel.sysctls().ip_local_port_range();
            let own =
                rows.iter().map(|(tuple, _)| tuple.local.port()).filter(|port| (range.low..=range.high).contains(port));
            let own: std::collections::BTreeSet<_> = own.collect();
            assert_eq!(kernel.ports_owned() as usize, own.len(), "at {ms} ms");
        }
    }

    #[test]
    fn steps_forward_and_back_meet_the_same_moments() {
        let mut timeline = prepared("tiny", at(6_000));
        timeline.seek(at(4_999)).unwrap();
        let mut moments = Vec::new();
        for _ in 0..12 {
            timeline.step_forward(true).unwrap();
            moments.push(timeline.now());
        }
        assert!(moments.windows(2).all(|pair| pair[0] < pair[1]), "{moments:?}");
        for &moment in moments.iter().rev().skip(1) {
            timeline.step_back(true).unwrap();
            assert_eq!(timeline.now(), moment);
            assert_eq!(timeline.run().world().digest().to_string(), digest("tiny", moment));
        }
    }

    #[test]
    fn what_is_done_now_is_an_entry_of_the_timeline() {
        let mut timeline = prepared("tiny", at(3_000));
        timeline.seek(at(2_000)).unwrap();
        let kind = ActionKind::KillSession { server: 0, id: 11, by: None };
        let when = timeline.inject(kind.clone()).unwrap();
        while timeline.scout().world().now() < at(3_500) {
            timeline.prepare().unwrap();
        }
        timeline.seek(at(2_500)).unwrap();
        let mut scenario = preset::find("tiny").unwrap().scenario();
        scenario.timeline.push(ActionSpec { at: Moment::At(when), kind });
        let mut run = Run::new(scenario, 1).unwrap();
        run.run_until(at(2_500), &mut NoObserver).unwrap();
        assert_eq!(timeline.run().world().digest(), run.world().digest());
        assert!(timeline.run().mark(halfclose::scenario::MarkRef::Kill).is_some());
    }

    #[test]
    fn a_fork_leaves_the_other_alone() {
        let mut timeline = prepared("tiny", at(6_000));
        timeline.seek(at(4_000)).unwrap();
        let mut other = timeline.fork().unwrap();
        other.inject(ActionKind::KillSession { server: 0, id: 11, by: None }).unwrap();
        other.seek(at(4_500)).unwrap();
        timeline.seek(at(4_500)).unwrap();
        assert_eq!(timeline.run().world().digest().to_string(), digest("tiny", at(4_500)));
        assert_ne!(timeline.run().world().digest(), other.run().world().digest());
        other.seek(at(1_500)).unwrap();
        assert_eq!(other.run().world().digest().to_string(), digest("tiny", at(1_500)));
    }

    #[test]
    fn a_connection_is_found_again_by_its_port() {
        let mut timeline = prepared("tiny", at(20_000));
        timeline.seek(at(19_000)).unwrap();
        let mut states = Vec::new();
        timeline
            .replay(40_000, &mut |record| {
                if let halfclose::trace::RecordKind::State { tuple, to, .. } = record.kind
                    && tuple.local.port().0 == 40_000
                {
                    states.push(to);
                }
            })
            .unwrap();
        assert!(states.contains(&halfclose::tcp::TcpState::CloseWait), "{states:?}");
    }
}
