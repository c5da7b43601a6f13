//! What the worker calls.

use halfclose::scenario::{ProgramKind, Run, Scenario};
use halfclose::text::Lang;
use halfclose::time::{Duration, Instant};
use halfclose::trace::{Observer, Record, RecordKind};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::act;
use super::tell;
use super::timeline::Timeline;
use super::views::{self, SocketQuery};
use super::watch::{Class, First, Kept};
use crate::wire::{ActionInfo, Done, Entry, HostInfo, Landmark, Loaded, Parting, ProcessInfo, Progress, SeriesInfo};

/// Steps of a connection that are told: from its beginning, and from its end.
const TOLD: usize = 60;
/// Records that are compared at once.
const COMPARED: usize = 200_000;

/// A scenario under observation: one course of events, or two that part.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lab {
    pub(super) lines: Vec<Timeline>,
    pub(super) lang: Lang,
    loaded_actions: usize,
    #[cfg(feature = "tools")]
    pub(super) shells: std::collections::BTreeMap<usize, halfclose::observe::shell::Shell>,
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("messages are plain data")
}

/// A time as the page has it: nanoseconds in a double.
pub(super) fn instant(ns: f64) -> Instant {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time is whole and not negative")]
    let ns = ns.max(0.0) as u64;
    Instant::from_nanos(ns)
}

#[wasm_bindgen]
impl Lab {
    /// Loads a packed scenario.
    ///
    /// # Errors
    /// If it cannot be unpacked or built.
    #[wasm_bindgen(constructor)]
    pub fn new(packed: &[u8], seed: Option<f64>, chinese: bool) -> Result<Self, String> {
        let scenario = Scenario::unpack(packed).map_err(|error| error.to_string())?;
        let seed = seed.map_or(scenario.seed, |seed| instant(seed).nanos());
        let loaded_actions = scenario.timeline.len();
        let lang = if chinese { Lang::Zh } else { Lang::En };
        Ok(Self {
            lines: vec![Timeline::new(scenario, seed)?],
            lang,
            loaded_actions,
            #[cfg(feature = "tools")]
            shells: Default::default(),
        })
    }

    /// The language of what is told from now on.
    pub fn speak(&mut self, chinese: bool) {
        self.lang = if chinese { Lang::Zh } else { Lang::En };
    }

    /// What is loaded.
    pub fn loaded(&self) -> String {
        let run = self.lines[0].run();
        let scenario = run.scenario();
        json(&Loaded {
            title: [scenario.title.clone(), scenario.title_zh.clone()],
            question: [scenario.question.clone(), scenario.question_zh.clone()],
            seed: run.seed(),
            end_ns: scenario.end.nanos(),
            hosts: scenario
                .hosts
                .iter()
                .map(|host| HostInfo {
                    name: host.name.clone(),
                    addrs: host.addrs.iter().map(ToString::to_string).collect(),
                    kernel: host.kernel.clone(),
                    cpus: host.cpus,
                })
                .collect(),
            processes: scenario
                .processes
                .iter()
                .map(|process| ProcessInfo {
                    name: process.name.clone(),
                    host: u32::try_from(process.host).unwrap_or(u32::MAX),
                    program: process.program.kind().word().to_owned(),
                })
                .collect(),
            actions: self.actions(0),
            marks: scenario.marks.iter().map(|mark| mark.name.clone()).collect(),
            series: self.lines[0]
                .columns()
                .iter()
                .map(|column| SeriesInfo { name: column.name.clone(), group: column.group.to_owned() })
                .collect(),
        })
    }

    fn actions(&self, line: usize) -> Vec<ActionInfo> {
        let actions = self.lines[line].run().scenario().timeline.iter().enumerate();
        actions.map(|(number, action)| act::info(action, number >= self.loaded_actions)).collect()
    }

    /// The timeline's entries, those added on the way included.
    pub fn timeline(&self, line: usize) -> String {
        json(&self.actions(line))
    }

    /// One more piece of the first pass; true when there is none left.
    ///
    /// # Errors
    /// If the world cannot be copied.
    pub fn prepare(&mut self, line: usize) -> Result<bool, String> {
        self.lines[line].prepare()?;
        Ok(self.lines[line].is_prepared())
    }

    /// How far the first pass is, and what it found.
    pub fn progress(&self, line: usize) -> String {
        let timeline = &self.lines[line];
        let run = timeline.scout();
        let sightings = timeline.index().sightings.iter().map(|sighting| {
            let (kind, name) = match sighting.what {
                First::Action(index) => ("action", act::text(run.scenario(), index as usize)),
                First::Mark(index) => {
                    let mark = run.scenario().marks.get(index as usize);
                    ("mark", mark.map_or_else(String::new, |mark| mark.name.clone()))
                }
                First::Errno(errno) => ("errno", errno.name().to_owned()),
            };
            Landmark { at_ns: sighting.at.nanos(), kind: kind.to_owned(), name }
        });
        // A handful, nearly in order: the library's sort would be ten times this code.
        let mut landmarks: Vec<Landmark> = Vec::new();
        for landmark in sightings.chain(first_refusals(run)) {
            let place = landmarks.partition_point(|other| other.at_ns <= landmark.at_ns);
            landmarks.insert(place, landmark);
        }
        json(&Progress {
            done_ns: run.world().now().nanos(),
            finished: timeline.is_prepared(),
            digest: run.world().digest().to_string(),
            events: run.world().events(),
            landmarks,
            pace: timeline.index().pace.iter().map(|(at, new)| (at.nanos(), *new)).collect(),
            stopped: timeline.stopped().map(|error| Lang::ALL.map(|lang| error.text(lang))),
        })
    }

    /// The samples so far, row by row: the time in ns, then the columns.
    pub fn series(&self, line: usize) -> Vec<f64> {
        #[expect(clippy::cast_precision_loss, reason = "times below 104 days and counts are exact")]
        let number = |number: u64| number as f64;
        let rows = self.lines[line].series().rows();
        rows.flat_map(|(at, row)| std::iter::once(number(at.nanos())).chain(row.iter().copied().map(number))).collect()
    }

    /// Looks at a moment.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn seek(&mut self, line: usize, ns: f64) -> Result<(), String> {
        self.lines[line].seek(instant(ns))
    }

    /// Goes to the next or the previous moment at which something is recorded,
    /// or a state changes.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn step(&mut self, line: usize, back: bool, states_only: bool) -> Result<(), String> {
        if back { self.lines[line].step_back(states_only) } else { self.lines[line].step_forward(states_only) }
    }

    /// The world in short.
    pub fn frame(&self, line: usize) -> String {
        json(&views::frame(self.lines[line].run(), &self.lines[line].memory().visits))
    }

    /// One byte for each local port of a host: 0, or 1 + its state. `far`: for
    /// each port at the other end of its connections.
    pub fn ports(&self, line: usize, host: usize, far: bool) -> Vec<u8> {
        views::ports(self.lines[line].run(), host, far)
    }

    /// What the next connect() on a host would do; `null` if none is known.
    pub fn probe(&self, line: usize, host: usize) -> String {
        json(&views::probe(self.lines[line].run(), host))
    }

    /// A part of a host's sockets.
    #[expect(clippy::too_many_arguments, reason = "JavaScript passes no struct without building one")]
    pub fn sockets(
        &self,
        line: usize,
        host: usize,
        filter: &str,
        sort: &str,
        descending: bool,
        offset: usize,
        count: usize,
    ) -> String {
        let query = SocketQuery { host, filter, sort, descending, offset, count };
        json(&views::sockets(self.lines[line].run(), &query))
    }

    /// What a socket has received and its program not read.
    pub fn unread(&self, line: usize, host: usize, local: &str, remote: &str) -> String {
        json(&views::unread(self.lines[line].run(), host, local, remote))
    }

    /// A part of a process's descriptors.
    pub fn descriptors(&self, line: usize, process: usize, offset: usize, count: usize) -> String {
        json(&views::descriptors(self.lines[line].run(), process, offset, count))
    }

    /// A server's process list.
    pub fn processlist(&self, line: usize, process: usize) -> String {
        json(&views::processlist(self.lines[line].run(), process))
    }

    /// The latest records; `classes`: some of `state`, `segment`, `call`, `other`.
    pub fn log(&self, line: usize, classes: &str, count: usize) -> String {
        let wanted: Vec<Class> = classes.split(' ').filter_map(class).collect();
        let timeline = &self.lines[line];
        let latest = timeline.memory().latest(&wanted);
        let skip = latest.len().saturating_sub(count);
        let tell = |kept: &Kept| Entry {
            times: kept.times,
            ..tell::entry(timeline.run().scenario(), kept.seq, &kept.record, self.lang)
        };
        json(&latest.iter().skip(skip).map(tell).collect::<Vec<Entry>>())
    }

    /// All that happened between a host's port and another end, up to now: the
    /// beginning and the end of it.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn follow(&mut self, line: usize, port: usize, peer: &str) -> Result<String, String> {
        let (lang, timeline) = (self.lang, &mut self.lines[line]);
        let scenario = timeline.run().scenario().clone();
        let (mut head, mut tail, mut seq) = (Vec::new(), std::collections::VecDeque::new(), 0_u64);
        timeline.replay(port, &mut |record| {
            if !concerns(record, port, peer) {
                return;
            }
            seq += 1;
            if head.len() < TOLD {
                head.push(tell::entry(&scenario, seq, record, lang));
            } else {
                if tail.len() == TOLD {
                    tail.pop_front();
                }
                tail.push_back((seq, *record));
            }
        })?;
        head.extend(tail.iter().map(|(seq, record)| tell::entry(&scenario, *seq, record, lang)));
        Ok(json(&head))
    }

    /// The oldest client session of a server: `[process, id]`, or nothing.
    pub fn session(&self, line: usize) -> Option<Vec<f64>> {
        #[expect(clippy::cast_precision_loss, reason = "ids of sessions are small")]
        views::session(self.lines[line].run()).map(|(process, id)| vec![process as f64, id as f64])
    }

    /// Does something now; see the module `act` for the words.
    ///
    /// # Errors
    /// If the words mean nothing in this scenario.
    pub fn act(&mut self, line: usize, what: &str, first: &str, second: &str, third: &str) -> Result<String, String> {
        self.act_on(line, what, [first, second, third])
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn act_on(&mut self, line: usize, what: &str, words: [&str; 3]) -> Result<String, String> {
        #[cfg(feature = "tools")]
        if what == "shell" {
            return self.typed_before(line, words[0], words[1]);
        }
        let timeline = &mut self.lines[line];
        let kind = act::action(timeline.run().scenario(), what, words)?;
        let toml = act::toml(timeline.run().scenario(), &kind);
        let at = timeline.inject(kind)?;
        Ok(json(&Done { at_ns: at.nanos(), toml: act::entry(at, &toml) }))
    }

    /// What could not be carried out of the timeline so far, in the world's own words.
    pub fn refusals(&self, line: usize) -> Vec<String> {
        self.lines[line].run().refusals().iter().map(|refusal| refusal.reason.clone()).collect()
    }

    /// Makes a second course of events that is the same up to now.
    ///
    /// # Errors
    /// If the world cannot be copied.
    pub fn fork(&mut self) -> Result<(), String> {
        let other = self.lines[0].fork()?;
        self.lines.truncate(1);
        self.lines.push(other);
        Ok(())
    }

    /// Takes another scenario as the second course of events, from its start.
    ///
    /// # Errors
    /// If it cannot be unpacked or built.
    pub fn set_beside(&mut self, packed: &[u8]) -> Result<(), String> {
        let scenario = Scenario::unpack(packed).map_err(|error| error.to_string())?;
        let seed = self.lines[0].run().seed();
        self.lines.truncate(1);
        self.lines.push(Timeline::new(scenario, seed)?);
        Ok(())
    }

    /// Leaves only one of the two.
    pub fn keep(&mut self, line: usize) {
        let kept = self.lines.swap_remove(line.min(self.lines.len() - 1));
        self.lines = vec![kept];
    }

    /// Where the two courses of events part, entries of the timeline not counted.
    ///
    /// # Errors
    /// When a budget is exceeded, or there is only one.
    pub fn parting(&mut self, from_ns: f64) -> Result<String, String> {
        parting(&mut self.lines, instant(from_ns), self.lang).map(|parting| json(&parting))
    }
}

/// The first ERR 1040 of each server.
fn first_refusals(run: &Run) -> Vec<Landmark> {
    let servers = run.scenario().processes.iter().enumerate();
    let servers = servers.filter(|(_, spec)| spec.program.kind() == ProgramKind::Mysqld);
    let at = servers.filter_map(|(process, _)| {
        let (host, ix) = run.process(process);
        run.world().app(host, ix).metric("first_refusal.at_ns")
    });
    at.map(|at_ns| Landmark { at_ns, kind: "errno".to_owned(), name: "ERR 1040".to_owned() }).collect()
}

fn class(name: &str) -> Option<Class> {
    match name {
        "state" => Some(Class::State),
        "segment" => Some(Class::Segment),
        "call" => Some(Class::Call),
        "other" => Some(Class::Other),
        _unknown => None,
    }
}

/// Whether a record speaks of a connection between a port and an end, on either side.
fn concerns(record: &Record, port: usize, peer: &str) -> bool {
    match record.kind {
        RecordKind::State { tuple, .. }
        | RecordKind::Transmit { tuple, .. }
        | RecordKind::Receive { tuple, .. }
        | RecordKind::Drop { tuple, .. }
        | RecordKind::PortPick { tuple, .. } => {
            let ends = [tuple, tuple.mirrored()];
            ends.iter()
                .any(|ends| ends.local.port().index() == port && (peer.is_empty() || ends.remote.to_string() == peer))
        }
        RecordKind::Syscall { .. } | RecordKind::Exit { .. } | RecordKind::Action { .. } | RecordKind::Mark { .. } => {
            false
        }
    }
}

/// Keeps what two courses of events can differ in.
#[derive(Default)]
struct Compared(Vec<Record>);

impl Observer for Compared {
    fn record(&mut self, record: &Record) {
        let own = matches!(record.kind, RecordKind::Action { .. });
        if !own && self.0.len() < COMPARED {
            self.0.push(*record);
        }
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

fn parting(lines: &mut [Timeline], from: Instant, lang: Lang) -> Result<Parting, String> {
    let [first, second] = lines else { return Err("there is only one course of events".to_owned()) };
    let mut runs = [first.copy_at(from)?, second.copy_at(from)?];
    let end = runs[0].scenario().end.max(runs[1].scenario().end);
    let (mut now, mut span) = (from, Duration::from_millis(1));
    while now < end {
        let until = (now + span).min(end);
        let mut seen = [Compared::default(), Compared::default()];
        for (run, seen) in runs.iter_mut().zip(&mut seen) {
            run.run_until(until, seen).map_err(|error| error.to_string())?;
        }
        let [a, b] = &seen;
        let same = a.0.iter().zip(&b.0).take_while(|(a, b)| a == b).count();
        if same < a.0.len().max(b.0.len()) {
            let told = |number: usize| {
                let record = seen[number].0.get(same);
                record.map(|record| tell::entry(runs[number].scenario(), same as u64, record, lang))
            };
            let at = [a, b].iter().filter_map(|seen| seen.0.get(same)).map(|record| record.at).min();
            return Ok(Parting { same_until_ns: at.unwrap_or(until).nanos(), first: [told(0), told(1)] });
        }
        (now, span) = (until, span + span);
        if a.0.len() < COMPARED / 8 {
            continue;
        }
        span = Duration::from_millis(50);
    }
    Ok(Parting { same_until_ns: end.nanos(), first: [None, None] })
}
