//! Runs a script against the bench, event by event.

mod code;
mod epoll;
mod packets;
mod shell;
mod syscalls;

use std::collections::BTreeMap;

use super::ast::{CallSpec, Event, EventKind, Script, Time};
use super::bench::Bench;
use super::calls::Expect;
use super::compare::Numbers;
use super::problem::{ProblemKind, ScriptProblem};
use super::verdict::{Failure, Run, Verdict};
use crate::kernel::HostConfig;
use crate::units::{Endpoint, Fd};

/// packetdrill's own tolerance beside the fixed one: an eighth of the time waited.
const TOLERANCE_OF_WAIT: u64 = 8;
/// How long the peer listens after the last event for segments nobody expects.
const AFTERMATH_NS: u64 = 1_000_000_000;
/// How long to wait for a segment or a call before saying that it does not come.
const PATIENCE_NS: u64 = 900 * 1_000_000_000;
/// Longest script: what is added to its times stays within the clock.
const TIME_MAX_NS: u64 = 3 * 365 * 86_400 * 1_000_000_000;
/// packetdrill gives a blocking call this long to end before the next one starts.
const IDLE_NS: u64 = 1_000_000_000;

/// How a run is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Microseconds anything may be off.
    pub(super) tolerance_usecs: u64,
    /// Nothing may be off at all, however long the wait was.
    pub(super) strict: bool,
    /// What differs from stack to stack without touching a connection's life is not compared.
    pub(super) lifecycle: bool,
}

/// Why a run stops.
pub(super) enum Stop {
    Fail(Failure),
    Problem(ScriptProblem),
}

pub(super) type Step<T = ()> = Result<T, Stop>;

/// When an event is due, in nanoseconds since the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    any: bool,
    start: u64,
    /// End of a range; equal to `start` for a moment.
    end: u64,
}

/// What a connection of the script came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    /// `socket()`.
    Fresh,
    /// `listen()`.
    Listening,
    /// `connect()`; the peer's initial number is not known yet.
    Connecting,
    /// `connect()`, answered.
    Connected,
    /// The peer's SYN.
    Passive,
}

#[derive(Clone, Debug)]
struct Connection {
    origin: Origin,
    numbers: Numbers,
    /// The script's descriptor.
    fd: Option<i64>,
}

/// What a script's descriptor refers to.
#[derive(Clone, Debug)]
enum Descriptor {
    Socket {
        fd: Fd,
        connection: usize,
    },
    /// An epoll set.
    Epoll(Vec<epoll::Watched>),
}

/// A blocking call in the second thread.
#[derive(Clone, Debug)]
struct Pending {
    line: u32,
    spec: CallSpec,
    expect: Expect,
    start: u64,
    end: u64,
}

pub(super) struct Runner<'a> {
    script: &'a Script,
    settings: Settings,
    bench: Bench,
    fds: BTreeMap<i64, Descriptor>,
    connections: Vec<Connection>,
    /// The connection that packets without ports belong to.
    under_test: Option<usize>,
    /// When the last event was due, and whether it was an inbound packet.
    last: Option<(u64, bool)>,
    /// It had an absolute time.
    last_absolute: bool,
    pending: Option<Pending>,
    assertions: Vec<code::Assertion>,
    next_port: u16,
    run: Run,
}

impl<'a> Runner<'a> {
    pub(super) fn new(script: &'a Script, settings: Settings, config: HostConfig, mtu: u16) -> Self {
        Self {
            script,
            settings,
            bench: Bench::new(config, mtu),
            fds: BTreeMap::new(),
            connections: Vec::new(),
            under_test: None,
            last: None,
            last_absolute: false,
            pending: None,
            assertions: Vec::new(),
            next_port: 40_001,
            run: Run::default(),
        }
    }

    /// Runs the whole script.
    pub(super) fn run(mut self) -> Verdict {
        match self.all() {
            Ok(()) => Verdict::Pass(self.run),
            Err(Stop::Fail(failure)) => Verdict::Fail(failure),
            Err(Stop::Problem(problem)) => Verdict::NotRun(problem),
        }
    }

    fn all(&mut self) -> Step {
        let script = self.script;
        if let Some(init) = &script.init {
            self.shell(init)?;
        }
        for event in &script.events {
            self.event(event)?;
            self.run.events += 1;
        }
        self.await_idle(script.events.last().map_or(1, |event| event.line))?;
        if let Some(cleanup) = &script.cleanup {
            self.shell(cleanup)?;
        }
        self.check_assertions()?;
        self.collect_left_over();
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Step {
        let inbound = matches!(event.kind, EventKind::TcpIn(_) | EventKind::IcmpIn(_));
        let base = match self.last {
            // Inbound packets in a row keep their distances.
            Some((at, true)) if inbound => at,
            _ => self.bench.elapsed(),
        };
        let when = self.when(event, base)?;
        match &event.kind {
            EventKind::TcpOut(spec) => self.outbound(event.line, spec, when)?,
            EventKind::TcpIn(spec) => {
                self.wait(event.line, when, "inbound packet")?;
                self.inbound(event.line, spec)?;
            }
            EventKind::IcmpIn(spec) => {
                self.wait(event.line, when, "inbound packet")?;
                self.icmp(event.line, spec)?;
            }
            EventKind::Call(spec) => {
                self.wait(event.line, when, "system call")?;
                let end = spec.end.map(|end| self.end_of_call(event.time, base, end));
                self.syscall(event.line, spec, end)?;
            }
            EventKind::Shell(command) => {
                self.wait(event.line, when, "command")?;
                self.shell(command)?;
            }
            EventKind::Code(text) => {
                self.wait(event.line, when, "assertion")?;
                self.collect(event.line, text)?;
            }
        }
        self.second_thread()?;
        if self.bench.exhausted() {
            return fail(event.line, "an end of the script", "the host is busier than any script needs");
        }
        self.last = Some((when.start, inbound));
        self.last_absolute = matches!(event.time, Time::Absolute(_) | Time::AbsoluteRange(..));
        Ok(())
    }

    fn when(&self, event: &Event, base: u64) -> Step<When> {
        let nanos = |micros: u64| micros.saturating_mul(1_000);
        let moment = |start| When { any: false, start, end: start };
        let when = match event.time {
            Time::Absolute(at) => moment(nanos(at)),
            Time::Relative(by) => moment(base.saturating_add(nanos(by))),
            Time::Any => When { any: true, start: base, end: base },
            Time::AbsoluteRange(from, to) => When { any: false, start: nanos(from), end: nanos(to) },
            Time::RelativeRange(from, to) => {
                When { any: false, start: base.saturating_add(nanos(from)), end: base.saturating_add(nanos(to)) }
            }
        };
        if when.end > TIME_MAX_NS {
            return problem(event.line, ProblemKind::Invalid, "a script lasts three years at most");
        }
        let absolute = matches!(event.time, Time::Absolute(_) | Time::AbsoluteRange(..));
        if absolute && self.last_absolute && self.last.is_some_and(|(last, _)| when.start < last) {
            return problem(event.line, ProblemKind::Invalid, "the time is before that of the event before it");
        }
        Ok(when)
    }

    fn end_of_call(&self, time: Time, base: u64, end: u64) -> u64 {
        let end = end.saturating_mul(1_000);
        let end = if matches!(time, Time::Relative(_)) { base.saturating_add(end) } else { end };
        end.min(TIME_MAX_NS)
    }

    /// Lets the host run until the event is due.
    fn wait(&mut self, line: u32, when: When, what: &str) -> Step {
        let due = Bench::instant(when.start);
        while self.bench.next_at() < due && !self.bench.exhausted() {
            self.bench.step();
            self.second_thread()?;
        }
        self.bench.run_to(due);
        if self.run.events > 0 { self.check_time(line, when, self.bench.elapsed(), what) } else { Ok(()) }
    }

    /// Nanoseconds that something due at `start` may be off.
    fn tolerance(&self, start: u64) -> u64 {
        if self.settings.strict {
            return 0;
        }
        let waited = self.last.map_or(0, |(last, _)| start.saturating_sub(last));
        self.settings.tolerance_usecs.saturating_mul(1_000).max(waited / TOLERANCE_OF_WAIT)
    }

    fn check_time(&mut self, line: u32, when: When, actual: u64, what: &str) -> Step {
        if when.any {
            return Ok(());
        }
        let off = when.start.saturating_sub(actual).max(actual.saturating_sub(when.end));
        let tolerance = self.tolerance(when.start);
        self.run.worst_lateness_usecs = self.run.worst_lateness_usecs.max(off / 1_000);
        if off <= tolerance {
            return Ok(());
        }
        let expected = if when.start == when.end {
            format!("{what} at {} s (tolerance {} s)", seconds(when.start), seconds(tolerance))
        } else {
            format!(
                "{what} from {} to {} s (tolerance {} s)",
                seconds(when.start),
                seconds(when.end),
                seconds(tolerance)
            )
        };
        fail(line, expected, format!("at {} s", seconds(actual)))
    }

    /// Has the blocking call of the second thread returned, as it should?
    fn second_thread(&mut self) -> Step {
        let Some((at, result)) = self.bench.take_return(1) else { return Ok(()) };
        let Some(pending) = self.pending.take() else { return Ok(()) };
        self.finished(pending, Bench::since_start(at), result)
    }

    fn finished(&mut self, pending: Pending, at: u64, result: crate::app::api::CallResult) -> Step {
        self.check_result(pending.line, &pending.spec, &pending.expect, result)?;
        let waited = pending.end.saturating_sub(pending.start);
        let tolerance = if self.settings.strict {
            0
        } else {
            self.settings.tolerance_usecs.saturating_mul(1_000).max(waited / TOLERANCE_OF_WAIT)
        };
        let off = pending.end.abs_diff(at);
        self.run.worst_lateness_usecs = self.run.worst_lateness_usecs.max(off / 1_000);
        if off <= tolerance {
            return Ok(());
        }
        let expected = format!("{}() returns at {} s", pending.spec.name, seconds(pending.end));
        fail(pending.line, expected, format!("at {} s", seconds(at)))
    }

    /// Waits for a blocking call under way, as packetdrill does before the next one and at the end.
    fn await_idle(&mut self, line: u32) -> Step {
        let limit = Bench::instant(self.bench.elapsed() + IDLE_NS);
        while self.pending.is_some() && self.bench.next_at() <= limit && !self.bench.exhausted() {
            self.bench.step();
            self.second_thread()?;
        }
        match &self.pending {
            Some(pending) => {
                let blocked = format!("{}() of line {} is still blocked", pending.spec.name, pending.line);
                fail(line, "no blocking call under way", blocked)
            }
            None => Ok(()),
        }
    }

    fn collect_left_over(&mut self) {
        let end = Bench::instant(self.bench.elapsed() + AFTERMATH_NS);
        self.bench.run_to(end);
        let start_port = |connection: &Connection| connection.numbers.tuple;
        for sent in self.bench.sent.iter().filter(|sent| !sent.seen) {
            let of = self.connections.iter().find(|connection| start_port(connection) == Some(sent.tuple));
            let numbers = of.map_or_else(Numbers::default, |connection| connection.numbers.clone());
            let spec = numbers.describe(&sent.segment);
            let at = seconds(Bench::since_start(sent.at));
            self.run.left_over.push(format!("{at} > {}", super::compare::render(&spec)));
        }
    }

    fn remote(&self, port: u16) -> Endpoint {
        Endpoint::new(super::bench::REMOTE, port)
    }
}

/// `3.25` from nanoseconds.
pub(super) fn seconds(nanos: u64) -> String {
    format!("{}.{:06}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000)
}

fn fail<T>(line: u32, expected: impl Into<String>, actual: impl Into<String>) -> Step<T> {
    Err(Stop::Fail(Failure { line, expected: expected.into(), actual: actual.into() }))
}

fn problem<T>(line: u32, kind: ProblemKind, reason: impl Into<String>) -> Step<T> {
    Err(Stop::Problem(ScriptProblem { line, column: 1, kind, reason: reason.into() }))
}
