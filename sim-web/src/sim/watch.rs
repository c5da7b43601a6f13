//! What is remembered of a run while it goes: the latest records, counts of
//! edges, and, on the first pass, where everything is.

use std::collections::{BTreeMap, VecDeque};

use halfclose::errno::Errno;
use halfclose::tcp::graph::Visits;
use halfclose::time::Instant;
use halfclose::trace::{Observer, Record, RecordKind};
use halfclose::units::Port;

/// Records of each class that are kept.
const KEPT: usize = 120;
/// Checkpoints at most; bits of [`Index::intervals`].
pub(super) const INTERVALS: usize = 64;

/// Classes of records, each remembered apart, so that packets do not push out
/// changes of state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// A change of state.
    State,
    /// A segment.
    Segment,
    /// A system call that failed, or a port search.
    Call,
    /// A drop, an exit, an action, a mark.
    Other,
}

/// The class of a record; `None` for what is not told: calls that succeed or
/// that only say "not yet".
pub(super) const fn class(record: &Record) -> Option<Class> {
    match record.kind {
        RecordKind::State { .. } => Some(Class::State),
        RecordKind::Transmit { .. } | RecordKind::Receive { .. } => Some(Class::Segment),
        RecordKind::PortPick { .. } => Some(Class::Call),
        RecordKind::Syscall { result, .. } => match result {
            Ok(_) | Err(Errno::InProgress | Errno::Again) => None,
            Err(_) => Some(Class::Call),
        },
        RecordKind::Drop { .. } | RecordKind::Exit { .. } | RecordKind::Action { .. } | RecordKind::Mark { .. } => {
            Some(Class::Other)
        }
    }
}

/// A record that is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Its place among all that were seen.
    pub(super) seq: u64,
    pub(super) record: Record,
    /// How many like it came one after another; it is the last of them.
    pub(super) times: u32,
}

/// How many of the latest are looked through for one that is alike: a call that
/// fails for ever is two or three records again and again.
const ALIKE_WITHIN: usize = 3;

/// Failures that repeat each other.
fn alike(one: &Record, other: &Record) -> bool {
    match (one.kind, other.kind) {
        (
            RecordKind::Syscall { pid, name, result: Err(errno), .. },
            RecordKind::Syscall { pid: other_pid, name: other_name, result: Err(other_errno), .. },
        ) => (one.host, pid, name, errno) == (other.host, other_pid, other_name, other_errno),
        (RecordKind::PortPick { tuple, .. }, RecordKind::PortPick { tuple: other_tuple, .. }) => {
            tuple.local.port() == Port::NONE && tuple == other_tuple
        }
        _ => false,
    }
}

/// What goes with a run wherever it is copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    latest: [VecDeque<Kept>; 4],
    seen: u64,
    pub(super) visits: Visits,
}

impl Memory {
    /// The latest records of the classes asked for, in their order.
    pub(super) fn latest(&self, classes: &[Class]) -> Vec<Kept> {
        // Each class is in order already.
        let mut queues: Vec<_> = classes.iter().map(|class| self.latest[*class as usize].iter().peekable()).collect();
        let mut all = Vec::new();
        loop {
            let next = queues.iter_mut().filter_map(|queue| Some((queue.peek()?.seq, queue)));
            let Some((_, queue)) = next.min_by_key(|(seq, _)| *seq) else { return all };
            all.extend(queue.next());
        }
    }
}

impl Observer for Memory {
    fn record(&mut self, record: &Record) {
        let Some(class) = class(record) else { return };
        if let RecordKind::State { from, to, cause, .. } = record.kind {
            self.visits.count(from, to, cause);
        }
        let kept = &mut self.latest[class as usize];
        let mut times = 1;
        if class == Class::Call
            && let Some(at) =
                (kept.len().saturating_sub(ALIKE_WITHIN)..kept.len()).find(|&at| alike(&kept[at].record, record))
        {
            times += kept.remove(at).map_or(0, |before| before.times);
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Kept { seq: self.seen, record: *record, times });
        self.seen += 1;
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// A first occurrence.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) at: Instant,
    pub(super) what: First,
}

/// What occurred for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum First {
    /// An entry of the timeline.
    Action(u32),
    /// A mark.
    Mark(u32),
    /// A shortage.
    Errno(Errno),
}

/// What the first pass over a scenario learns.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// By local port: between which checkpoints anything happened there.
    pub(super) intervals: Vec<u64>,
    /// The bit of now.
    pub(super) interval: usize,
    pub(super) sightings: Vec<Sighting>,
    /// How much has been new by when, in thousandths.
    pub(super) pace: Vec<(Instant, u32)>,
    novelty: BTreeMap<(u8, u8), u32>,
    new: u32,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            intervals: vec![0; 1 << 16],
            interval: 0,
            sightings: Vec::new(),
            pace: vec![(Instant::ZERO, 0)],
            novelty: BTreeMap::new(),
            new: 0,
        }
    }
}

impl Index {
    /// Two neighbouring intervals become one.
    pub(super) fn halve(&mut self) {
        for bits in &mut self.intervals {
            if *bits != 0 {
                *bits = (0..INTERVALS / 2).fold(0, |half, at| half | u64::from(*bits >> (2 * at) & 3 != 0) << at);
            }
        }
        self.interval /= 2;
    }

    /// Forgets what comes after a moment in an interval.
    pub(super) fn cut(&mut self, at: Instant, interval: usize) {
        let keep = u64::MAX >> (63 - interval.min(63));
        self.intervals.iter_mut().for_each(|bits| *bits &= keep);
        self.interval = interval;
        self.sightings.retain(|sighting| sighting.at <= at);
        self.pace.retain(|(moment, _)| *moment <= at);
        self.new = self.pace.last().map_or(0, |(_, new)| *new);
    }

    fn sight(&mut self, at: Instant, what: First) {
        if !self.sightings.iter().any(|known| known.what == what) {
            self.sightings.push(Sighting { at, what });
        }
    }

    /// What is seen for the first time counts whole, what is seen often hardly.
    fn tell(&mut self, at: Instant, kind: (u8, u8)) {
        let times = self.novelty.entry(kind).or_default();
        self.new = self.new.saturating_add(8_000 / (8 + *times));
        *times = times.saturating_add(1);
        let (last, told) = self.pace.last().copied().unwrap_or_default();
        if self.new >= told + 250 {
            if last == at {
                self.pace.pop();
            }
            self.pace.push((at, self.new));
        }
    }

    fn touch(&mut self, port: Port) {
        self.intervals[port.index()] |= 1 << self.interval.min(INTERVALS - 1);
    }
}

impl Observer for Index {
    fn record(&mut self, record: &Record) {
        let at = record.at;
        match record.kind {
            RecordKind::State { tuple, from, to, .. } => {
                self.touch(tuple.local.port());
                self.tell(at, (from as u8, to as u8));
            }
            RecordKind::Transmit { tuple, .. }
            | RecordKind::Receive { tuple, .. }
            | RecordKind::Drop { tuple, .. }
            | RecordKind::PortPick { tuple, .. } => self.touch(tuple.local.port()),
            RecordKind::Syscall { result: Err(errno), .. } => {
                if matches!(errno, Errno::AddrNotAvail | Errno::MFile | Errno::NFile) {
                    self.sight(at, First::Errno(errno));
                }
                if !matches!(errno, Errno::InProgress | Errno::Again) {
                    let number = u8::try_from(errno.number() & 0xff).unwrap_or(u8::MAX);
                    // No state has this number: it stands for a failed call.
                    self.tell(at, (u8::MAX, number));
                }
            }
            RecordKind::Action { index } => self.sight(at, First::Action(index)),
            RecordKind::Mark { index } => self.sight(at, First::Mark(index)),
            RecordKind::Syscall { .. } | RecordKind::Exit { .. } => {}
        }
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// Two observers of one run.
pub(super) struct Both<'a>(pub(super) &'a mut Memory, pub(super) &'a mut Index);

impl Observer for Both<'_> {
    fn record(&mut self, record: &Record) {
        self.0.record(record);
        self.1.record(record);
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// Goes with a run and notes when something of a kind was last recorded.
pub(super) struct Stepper<'a> {
    pub(super) memory: &'a mut Memory,
    /// Only changes of state count.
    pub(super) states_only: bool,
    pub(super) last: Option<Instant>,
}

impl Observer for Stepper<'_> {
    fn record(&mut self, record: &Record) {
        if let Some(class) = class(record)
            && (!self.states_only || class == Class::State)
        {
            self.last = Some(record.at);
        }
        self.memory.record(record);
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}
