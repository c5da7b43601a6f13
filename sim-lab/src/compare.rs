//! Holds the real run against the simulated one, row by row, each with the rule
//! that decides.

use std::collections::{BTreeMap, BTreeSet};

use halfclose::app::CallName;
use halfclose::errno::Errno;
use halfclose::say;
use halfclose::scenario::{Expectation, HostSpec, ProgramKind, Scenario};
use halfclose::text::Lang;
use halfclose::time::Duration;
use serde::Serialize;

use crate::bounds;
use crate::observation::{HostSeen, Interval, Observation, Pick, ProcessSeen, Row, Sent};
use crate::say::Say;
use crate::wire::CallEvent;
use crate::worker::TOLD_CALLS;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// 中文.
    pub zh: String,
}

impl Text {
    /// In one language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

macro_rules! text {
    ($message:expr $(, $arg:expr)*) => {
        Text { en: say!(Lang::En, $message $(, $arg)*), zh: say!(Lang::Zh, $message $(, $arg)*) }
    };
}
pub(crate) use text;

/// What comparing two values came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The same.
    Equal,
    /// Within the tolerance that the rule states.
    Within,
    /// Neither.
    Differs,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Expectations of the scenario.
    Expectations,
    /// System calls.
    Calls,
    /// Source ports.
    Ports,
    /// Sockets at the end.
    States,
    /// How long a state lasted.
    Lifetimes,
    /// Segments.
    Packets,
    /// MIB counters.
    Mib,
    /// connect() latency.
    Latency,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What kind of thing it is about.
    pub group: Group,
    /// What.
    pub what: String,
    /// On the real kernel.
    pub real: String,
    /// In the model.
    pub simulated: String,
    /// How they compare.
    pub verdict: Verdict,
    /// What decides that.
    pub rule: Text,
}

/// What a machine under load adds to any span.
const BUSY: u64 = 300_000_000;
/// Calls and states shorter than this are no timers.
const TIMER_NS: u64 = 300_000_000;
/// Rows of one kind for one process or host, so that a table stays readable.
const MOST_ROWS: usize = 12;
/// Segments of a connection that are compared one by one.
const MOST_SEGMENTS: usize = 80;
/// Connections whose segments are compared.
const MOST_CONNECTIONS: usize = 6;
/// Calls that a program makes in order to wait or compute, not to learn something.
const PAUSES: [&str; 3] = ["clock_nanosleep", "(user)", "futex"];

/// Everything that can be compared.
#[must_use]
pub(crate) fn compare(scenario: &Scenario, hz: u32, real: &Observation, model: &Observation) -> Vec<Line> {
    let mut lines = Vec::new();
    let free = bounds::connections(scenario).is_none();
    let mut table = Table {
        lines: &mut lines,
        hz,
        free,
        odd: scenario.hosts.iter().any(has_odd_range),
        parity: !bounds::sets_port_range(scenario),
    };
    for (expectation, pair) in scenario.expectations.iter().zip(real.checks.iter().zip(&model.checks)) {
        table.expectation(expectation, pair.0.as_ref(), pair.1.as_ref());
    }
    for (spec, (real, model)) in scenario.processes.iter().zip(real.processes.iter().zip(&model.processes)) {
        table.process(&spec.name, spec.program.kind(), real, model);
    }
    for (spec, (real, model)) in scenario.hosts.iter().zip(real.hosts.iter().zip(&model.hosts)) {
        let names: Vec<&str> = scenario.processes.iter().map(|p| p.name.as_str()).collect();
        table.ports(&spec.name, real, model);
        table.sockets(&spec.name, &names, real, model);
        table.summary(&spec.name, real, model);
        if !(uses_ports_again(&real.picks) || uses_ports_again(&model.picks)) {
            table.lifetimes(&spec.name, &real.intervals, &model.intervals);
        }
        table.packets(&spec.name, &real.packets, &model.packets);
        table.mib(&spec.name, real, model);
    }
    for (spec, (real, model)) in scenario.processes.iter().zip(real.processes.iter().zip(&model.processes)) {
        table.latency(&spec.name, real, model);
    }
    lines.sort_by_key(|line| line.group);
    lines
}

struct Table<'a> {
    lines: &'a mut Vec<Line>,
    hz: u32,
    /// The scenario runs freely: how much happens is for the machine's speed to say.
    free: bool,
    /// A range of an odd number of ports: one attempt cannot see the last.
    odd: bool,
    /// Ports of one parity come first.
    parity: bool,
}

/// A port that was chosen again soon: a sample cannot tell its connections apart.
fn uses_ports_again(picks: &[Pick]) -> bool {
    let mut last: BTreeMap<(u16, (u32, u16)), u64> = BTreeMap::new();
    picks
        .iter()
        .filter(|p| p.port != 0)
        .any(|p| last.insert((p.port, p.to), p.at).is_some_and(|before| p.at - before < 5_000_000_000))
}

/// With low and high of the same parity, one port at an end is no candidate of an attempt (FACTS A.1).
fn has_odd_range(host: &HostSpec) -> bool {
    let range = host.sysctls.iter().find(|(name, _)| name == "net.ipv4.ip_local_port_range");
    let ends = range.and_then(|(_, range)| range.split_once(' '));
    let ends = ends.and_then(|(low, high)| Some((low.parse::<u16>().ok()?, high.parse::<u16>().ok()?)));
    ends.is_some_and(|(low, high)| high > low && (high - low).is_multiple_of(2))
}

impl Table<'_> {
    fn row(&mut self, group: Group, what: String, real: String, simulated: String, verdict: Verdict, rule: Text) {
        self.lines.push(Line { group, what, real, simulated, verdict, rule });
    }

    /// A row whose two values must be the same.
    fn same(&mut self, group: Group, what: String, real: String, simulated: String) {
        let verdict = if real == simulated { Verdict::Equal } else { Verdict::Differs };
        self.row(group, what, real, simulated, verdict, text!(Say::RuleEqual));
    }

    /// A row of a number that depends on the machine's speed where the scenario runs freely.
    fn number(&mut self, group: Group, what: String, real: i64, simulated: i64) {
        if self.odd && real != simulated && real.abs_diff(simulated) <= 6 {
            let rule = text!(Say::RuleOdd);
            return self.row(group, what, real.to_string(), simulated.to_string(), Verdict::Within, rule);
        }
        if !self.free || real == simulated {
            return self.same(group, what, real.to_string(), simulated.to_string());
        }
        let tolerance = (real.max(simulated) / 4).max(10);
        let verdict =
            if real.abs_diff(simulated) <= tolerance.unsigned_abs() { Verdict::Within } else { Verdict::Differs };
        let rule = text!(Say::RuleRate, format!("25 % ({tolerance})"));
        self.row(group, what, real.to_string(), simulated.to_string(), verdict, rule);
    }

    fn tolerance(&self, span: u64) -> u64 {
        2 * wheel_slot(span, self.hz) + BUSY
    }

    fn expectation(
        &mut self,
        expectation: &Expectation,
        real: Option<&crate::observation::Checked>,
        model: Option<&crate::observation::Checked>,
    ) {
        let (Some(real), Some(model)) = (real, model) else { return };
        let Some(actual) = real.actual else { return };
        let simulated = model.actual.map_or_else(|| "–".to_owned(), |n| n.to_string());
        // What holds on neither side is the scenario's error; a note says so.
        let verdict = match (model.actual == Some(actual), real.ok && model.ok) {
            (true, _) => Verdict::Equal,
            (false, true) => Verdict::Within,
            (false, false) => Verdict::Differs,
        };
        let bound = if real.expected == model.expected {
            real.expected.clone()
        } else {
            format!("{} / {}", real.expected, model.expected)
        };
        let rule = text!(Say::RuleExpectation, bound);
        self.row(Group::Expectations, expectation.name.clone(), actual.to_string(), simulated, verdict, rule);
    }

    fn process(&mut self, name: &str, program: ProgramKind, real: &ProcessSeen, model: &ProcessSeen) {
        self.shortage(name, real, model);
        if program != ProgramKind::Script {
            return;
        }
        if real.counts.len() + model.counts.len() > 0 {
            self.counts(name, real, model);
        }
        self.timers(name, &real.calls, &model.calls);
        if real.exit != model.exit {
            let exit = |status: Option<u32>| status.map_or_else(|| "running".to_owned(), |s| s.to_string());
            self.same(Group::Calls, format!("{name} exit"), exit(real.exit), exit(model.exit));
        }
    }

    /// The first time something ran out: which error, and how far the process had come.
    fn shortage(&mut self, name: &str, real: &ProcessSeen, model: &ProcessSeen) {
        let first = |seen: &ProcessSeen| -> Option<String> {
            let out = |call: &CallEvent| call.errno().is_some_and(|e| Scenario::EXHAUSTION.contains(&e));
            let at = seen.calls.iter().position(out)?;
            let errno = seen.calls[at].errno()?;
            Some(format!("{} from {}", errno.name(), seen.calls[at].name()))
        };
        let (real, model) = (first(real), first(model));
        if real.is_some() || model.is_some() {
            let text = |found: Option<String>| found.unwrap_or_else(|| "–".to_owned());
            self.same(Group::Calls, format!("{name}: what runs out"), text(real), text(model));
        }
    }

    fn counts(&mut self, name: &str, real: &ProcessSeen, model: &ProcessSeen) {
        let of = |seen: &ProcessSeen| -> BTreeMap<(String, String), u64> {
            let wanted = seen.counts.iter().filter(|(call, ..)| !PAUSES.contains(&call.as_str()));
            wanted.map(|(call, outcome, n)| ((call.clone(), outcome.clone()), *n)).collect()
        };
        let (real, model) = (of(real), of(model));
        let keys: BTreeSet<_> = real.keys().chain(model.keys()).cloned().collect();
        for key in &keys {
            let (call, outcome) = key;
            let of = |map: &BTreeMap<(String, String), u64>| map.get(key).map_or(0, |&n| whole(n));
            let (real, model) = (of(&real), of(&model));
            self.number(Group::Calls, format!("{name} {call} {outcome}"), real, model);
        }
    }

    /// Calls that waited for a timer or a peer: what they came to, and how long they took.
    fn timers(&mut self, name: &str, real: &[CallEvent], model: &[CallEvent]) {
        let of_task = |calls: &[CallEvent], task| -> Vec<CallEvent> {
            // Later ones are told one by one in the model only.
            let told = calls.iter().take(TOLD_CALLS).filter(|c| c.task == task && !PAUSES.contains(&c.name()));
            told.copied().collect()
        };
        let tasks: BTreeSet<u32> = real.iter().map(|c| c.task).collect();
        let mut rows = 0;
        for task in tasks {
            let (real, model) = (of_task(real, task), of_task(model, task));
            for (n, (r, m)) in real.iter().zip(&model).enumerate() {
                let same = r.call == m.call && r.outcome() == m.outcome();
                let span = |call: &CallEvent| call.done.saturating_sub(call.entered);
                let timed = span(r).max(span(m)) >= TIMER_NS;
                if self.odd && !same {
                    // Which attempt is the first to fail is for the odd port to say.
                    break;
                }
                if rows >= MOST_ROWS || (same && !timed) {
                    if same { continue } else { break }
                }
                rows += 1;
                let what = format!("{name} call {} {}", n + 1, m.name());
                let tell = |call: &CallEvent| format!("{} {} {}", call.name(), call.outcome(), seconds(span(call)));
                let tolerance = self.tolerance(span(r).max(span(m)));
                let verdict =
                    if same && span(r).abs_diff(span(m)) <= tolerance { Verdict::Within } else { Verdict::Differs };
                self.row(Group::Calls, what, tell(r), tell(m), verdict, text!(Say::RuleTimer, seconds(tolerance)));
                if !same {
                    break;
                }
            }
        }
    }

    /// Order and steps of the source ports, for each destination.
    fn ports(&mut self, host: &str, real: &HostSeen, model: &HostSeen) {
        let targets: BTreeSet<(u32, u16)> = real.picks.iter().chain(&model.picks).map(|p| p.to).collect();
        for to in targets.into_iter().take(MOST_ROWS) {
            let of = |seen: &HostSeen| -> Vec<Pick> { seen.picks.iter().filter(|p| p.to == to).copied().collect() };
            let (real, model) = (of(real), of(model));
            let name = format!("{host} → {}:{}", std::net::Ipv4Addr::from(to.0), to.1);
            let before = |picks: &[Pick]| picks.iter().take_while(|p| p.port != 0).count();
            let failed = |picks: &[Pick]| before(picks) < picks.len();
            if failed(&real) || failed(&model) {
                let what = format!("{name}: ports until {}", Errno::AddrNotAvail.name());
                if failed(&real) && failed(&model) {
                    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
                    let free = std::mem::take(&mut self.free);
                    self.number(Group::Ports, what, number(before(&real)), number(before(&model)));
                    self.free = free;
                } else {
                    let tell = |picks: &[Pick]| {
                        if failed(picks) { before(picks).to_string() } else { format!("{}, none failed", picks.len()) }
                    };
                    self.same(Group::Ports, what, tell(&real), tell(&model));
                }
            }
            if self.parity {
                self.parity(&name, &real, &model);
            }
            self.steps(&name, &real, &model);
        }
    }

    fn parity(&mut self, name: &str, real: &[Pick], model: &[Pick]) {
        let switch = |picks: &[Pick]| {
            let first = picks.first().filter(|p| p.port != 0)?.port & 1;
            picks.iter().take_while(|p| p.port != 0).position(|p| p.port & 1 != first)
        };
        let (of_real, of_model) = (switch(real), switch(model));
        if of_real.is_some() || of_model.is_some() {
            let tell = |at: Option<usize>| at.map_or_else(|| "–".to_owned(), |n| (n + 1).to_string());
            let what = format!("{name}: first port of the other parity");
            match (of_real, of_model) {
                (Some(r), Some(m)) if self.odd && r.abs_diff(m) <= 1 && r != m => {
                    self.row(Group::Ports, what, tell(of_real), tell(of_model), Verdict::Within, text!(Say::RuleOdd));
                }
                _ => self.same(Group::Ports, what, tell(of_real), tell(of_model)),
            }
        }
    }

    /// Steps while a sixteenth of the range is taken: 9 ports a step on average, so the walk
    /// has not come round to ports that it took, which it would step over.
    fn steps(&mut self, name: &str, real: &[Pick], model: &[Pick]) {
        let steps = |picks: &[Pick]| -> Vec<i32> {
            let found = picks.iter().take_while(|p| p.port != 0).count();
            let early = picks.iter().take(found / 16);
            let ports: Vec<i32> = early.map(|p| i32::from(p.port)).collect();
            ports.windows(2).map(|w| w[1] - w[0]).collect()
        };
        let (real, model) = (steps(real), steps(model));
        if real.len().min(model.len()) < 200 {
            return;
        }
        let histogram = |steps: &[i32]| -> [f64; 8] {
            let mut counts = [0.0; 8];
            for &step in steps {
                if let Some(at) = usize::try_from(step / 2 - 1).ok().filter(|at| *at < 8 && step % 2 == 0) {
                    counts[at] += 1.0;
                }
            }
            counts
        };
        let (r, m) = (histogram(&real), histogram(&model));
        let (n_real, n_model) = (r.iter().sum::<f64>(), m.iter().sum::<f64>());
        let statistic: f64 = r
            .iter()
            .zip(&m)
            .filter(|(a, b)| **a + **b > 0.0)
            .map(|(a, b)| (a * (n_model / n_real).sqrt() - b * (n_real / n_model).sqrt()).powi(2) / (a + b))
            .sum();
        // A wrap and the 10 s re-draw are the only other steps at low occupancy.
        let strangers = |steps: &[i32]| steps.iter().filter(|s| !(2..=16).contains(*s) || *s % 2 != 0).count();
        let few = |steps: &[i32]| strangers(steps) <= 8;
        let verdict = if statistic < 24.3 && few(&real) && few(&model) { Verdict::Within } else { Verdict::Differs };
        let tell = |counts: &[f64; 8]| counts.iter().map(|n| format!("{n:.0}")).collect::<Vec<_>>().join(" ");
        let rule = text!(Say::RuleSteps, format!("{n_real:.0} / {n_model:.0}"));
        self.row(Group::Ports, format!("{name}: steps 2 4 … 16, χ² {statistic:.1}"), tell(&r), tell(&m), verdict, rule);
    }

    fn sockets(&mut self, host: &str, processes: &[&str], real: &HostSeen, model: &HostSeen) {
        let is_connection = |row: &&Row| row.state != "listen";
        let by = |seen: &HostSeen, key: &dyn Fn(&Row) -> String| -> BTreeMap<String, i64> {
            let mut counts = BTreeMap::new();
            for row in seen.sockets.iter().filter(is_connection) {
                *counts.entry(key(row)).or_default() += 1;
            }
            counts
        };
        let holder = |row: &Row| row.process.map_or("", |p| processes[p]);
        let state = |row: &Row| format!("{host} {}", row.state.to_uppercase());
        let queues = |row: &Row| {
            format!("{host} {} Recv-Q {} Send-Q {} {}", row.state.to_uppercase(), row.recv_q, row.send_q, holder(row))
        };
        let listen = |seen: &HostSeen| -> BTreeMap<String, i64> {
            let listeners = seen.sockets.iter().filter(|row| row.state == "listen" && row.process.is_some());
            let name = |row: &Row| format!("{host} LISTEN {} Recv-Q {} Send-Q {}", row.lport, row.recv_q, row.send_q);
            listeners.map(|row| (name(row), 1)).collect()
        };
        self.histogram(by(real, &state), by(model, &state));
        self.histogram(by(real, &queues), by(model, &queues));
        if !self.free {
            self.histogram(listen(real), listen(model));
        }
    }

    fn histogram(&mut self, real: BTreeMap<String, i64>, model: BTreeMap<String, i64>) {
        let keys: BTreeSet<&String> = real.keys().chain(model.keys()).collect();
        for key in keys.into_iter().take(2 * MOST_ROWS) {
            let of = |map: &BTreeMap<String, i64>| map.get(key).copied().unwrap_or(0);
            let (r, m) = (of(&real), of(&model));
            if self.free && key.contains("Recv-Q") && r != m {
                // How the sockets share the values is for the speed to say.
                let near = r.min(m) > 0 && r.max(m) <= 4 * r.min(m);
                let verdict = if near { Verdict::Within } else { Verdict::Differs };
                let what = key.trim_end().to_owned();
                self.row(Group::States, what, r.to_string(), m.to_string(), verdict, text!(Say::RuleShare));
            } else {
                self.number(Group::States, key.trim_end().to_owned(), r, m);
            }
        }
    }

    fn summary(&mut self, host: &str, real: &HostSeen, model: &HostSeen) {
        let closed = |s: &crate::observation::Summary| s.alloc - s.inuse + s.tw;
        let (r, m) = (&real.ss, &model.ss);
        for (what, real, model) in [
            ("TCP (alloc + tw)", r.alloc + r.tw, m.alloc + m.tw),
            ("closed (alloc − inuse + tw)", closed(r), closed(m)),
            ("estab", r.estab, m.estab),
            ("orphaned", r.orphaned, m.orphaned),
            ("timewait", r.tw, m.tw),
            ("Transport TCP (inuse)", r.inuse, m.inuse),
        ] {
            if real != 0 || model != 0 {
                self.number(Group::States, format!("{host} ss -s {what}"), real, model);
            }
        }
    }

    /// States that lasted long enough to be a timer's work.
    fn lifetimes(&mut self, host: &str, real: &[Interval], model: &[Interval]) {
        // Longest first.
        let all = |all: &[Interval], state: &str| -> Vec<u64> {
            let mut spans: Vec<u64> =
                all.iter().filter(|i| i.state == state).filter_map(|i| Some(i.to? - i.from)).collect();
            spans.sort_unstable_by(|a, b| b.cmp(a));
            spans
        };
        let states: BTreeSet<&String> = real.iter().chain(model).map(|i| &i.state).collect();
        for state in states {
            let (mut r, mut m) = (all(real, state), all(model, state));
            // One just below the bound belongs to its counterpart just above it.
            let lasting = |spans: &[u64]| spans.iter().filter(|s| **s >= TIMER_NS).count();
            let most = lasting(&r).max(lasting(&m));
            r.truncate(if self.free { lasting(&r) } else { most });
            m.truncate(if self.free { lasting(&m) } else { most });
            if r.is_empty() && m.is_empty() {
                continue;
            }
            let median = |spans: &[u64]| spans.get(spans.len() / 2).copied().unwrap_or(0);
            let tolerance = self.tolerance(median(&r).max(median(&m)));
            let same_count = self.free || r.len() == m.len();
            let close = median(&r).abs_diff(median(&m)) <= tolerance;
            let verdict = if same_count && close { Verdict::Within } else { Verdict::Differs };
            let tell = |spans: &[u64]| format!("{} × {}", spans.len(), seconds(median(spans)));
            let rule = text!(Say::RuleLifetime, seconds(tolerance));
            self.row(Group::Lifetimes, format!("{host} {}", state.to_uppercase()), tell(&r), tell(&m), verdict, rule);
        }
    }

    /// Segments that reached a host, connection by connection, in order of their first.
    fn packets(&mut self, host: &str, real: &[Sent], model: &[Sent]) {
        let (real, model) = (by_connection(real), by_connection(model));
        let reused = |all: &[Vec<Segment>]| all.iter().any(|segments| is_used_again(segments));
        if real.len().max(model.len()) > MOST_CONNECTIONS || reused(&real) || reused(&model) {
            return;
        }
        let none = Vec::new();
        for n in 0..real.len().max(model.len()) {
            let (r, m) = (real.get(n).unwrap_or(&none), model.get(n).unwrap_or(&none));
            if r.len().max(m.len()) > MOST_SEGMENTS {
                continue;
            }
            let tell = |segments: &[Segment]| segments.iter().map(Segment::tell).collect::<Vec<_>>().join(" ");
            let same = r.len() == m.len() && r.iter().zip(m).all(|(a, b)| a.what() == b.what());
            let span = r.iter().chain(m).map(|s| s.at).max().unwrap_or(0);
            let tolerance = self.tolerance(span);
            let close = r.iter().zip(m).all(|(a, b)| a.at.abs_diff(b.at) <= tolerance);
            let verdict = if same && close { Verdict::Within } else { Verdict::Differs };
            let rule = text!(Say::RuleSegments, seconds(tolerance));
            self.row(Group::Packets, format!("{host} ← connection {}", n + 1), tell(r), tell(m), verdict, rule);
        }
    }

    fn mib(&mut self, host: &str, real: &HostSeen, model: &HostSeen) {
        let known: BTreeSet<String> =
            halfclose::trace::Mib::ALL.iter().map(|m| format!("{}{}", m.group(), m.name())).collect();
        // An ACK that waited goes alone where it would have gone with data or a FIN.
        let delayed = "TcpExtDelayedACKs";
        let delayed = (counter(real, delayed) - counter(model, delayed)).abs();
        for name in known {
            // Other protocols share these; TCP's own counters say the same more exactly.
            if name.starts_with("Ip") || name.starts_with("Icmp") || name.starts_with("Udp") {
                continue;
            }
            let (r, m) = (counter(real, &name), counter(model, &name));
            let slack = match name.as_str() {
                "TcpExtDelayedACKs" => counter(real, "TcpPassiveOpens").max(5),
                "TcpInSegs" | "TcpOutSegs" | "TcpOutRsts" => delayed,
                _ => 0,
            };
            if (r, m) != (0, 0) && r != m && r.abs_diff(m) <= slack.unsigned_abs() {
                let rule = if name == "TcpExtDelayedACKs" {
                    text!(Say::RuleDelayed, slack)
                } else {
                    text!(Say::RuleSegmentsDelayed, slack)
                };
                self.row(Group::Mib, format!("{host} {name}"), r.to_string(), m.to_string(), Verdict::Within, rule);
            } else if (r, m) != (0, 0) {
                self.number(Group::Mib, format!("{host} {name}"), r, m);
            }
        }
    }

    /// connect() by occupancy: flat, one step where one parity is used up, flat.
    fn latency(&mut self, name: &str, real: &ProcessSeen, model: &ProcessSeen) {
        let spans = |seen: &ProcessSeen| -> Vec<u64> {
            let connects = seen.calls.iter().filter(|c| c.is(CallName::Connect));
            let found = connects.take_while(|c| c.errno() != Some(Errno::AddrNotAvail));
            found.map(|c| c.done.saturating_sub(c.entered)).collect()
        };
        let (real, model) = (spans(real), spans(model));
        if real.len().min(model.len()) < 4_000 {
            return;
        }
        let shape = |spans: &[u64]| -> Vec<u64> {
            spans
                .chunks(spans.len().div_ceil(8))
                .map(|chunk| {
                    let mut chunk = chunk.to_vec();
                    chunk.sort_unstable();
                    chunk[chunk.len() / 2]
                })
                .collect()
        };
        let (r, m) = (shape(&real), shape(&model));
        let flat = |part: &[u64]| {
            part.iter().max().copied().unwrap_or(0) <= 3 * part.iter().min().copied().unwrap_or(0).max(1)
        };
        let half = |part: &[u64]| {
            let mut part = part.to_vec();
            part.sort_unstable();
            part[part.len() / 2]
        };
        let stepped = |s: &[u64]| half(&s[4..]) >= 5 * half(&s[..4]) && flat(&s[..4]) && flat(&s[4..]);
        let tell = |s: &[u64]| s.iter().map(|ns| format!("{:.0}", *ns as f64 / 1000.0)).collect::<Vec<_>>().join(" ");
        let (of_real, of_model) = (stepped(&r), stepped(&m));
        let verdict = if of_real == of_model { Verdict::Within } else { Verdict::Differs };
        let rule = if of_model { text!(Say::RuleShape) } else { text!(Say::RuleFlat) };
        self.row(Group::Latency, format!("{name}: medians of eighths, µs"), tell(&r), tell(&m), verdict, rule);
    }
}

/// A segment of a connection, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    /// Since the connection's first, in ns.
    at: u64,
    /// From the end that sent the first.
    forward: bool,
    flags: u8,
    len: u32,
}

impl Segment {
    const fn what(&self) -> (bool, u8, u32) {
        // PSH is the sender's remark on its own writes.
        (self.forward, self.flags & !8, self.len)
    }
    fn tell(&self) -> String {
        let flags = halfclose::wire::Flags(self.flags & !8);
        let arrow = if self.forward { "" } else { "<" };
        let len = if self.len == 0 { String::new() } else { format!(":{}", self.len) };
        format!("{arrow}{flags}{len}@{}", Duration::from_nanos(self.at).decimal(1_000_000_000, 2))
    }
}

/// A new connection between the same ports: which one gets them is for chance to say.
fn is_used_again(segments: &[Segment]) -> bool {
    let over = segments.iter().position(|s| s.flags & 0b101 != 0);
    over.is_some_and(|at| segments[at..].iter().any(|s| s.flags & 0b10 != 0))
}

/// Address and port.
type End = (u32, u16);

fn by_connection(all: &[Sent]) -> Vec<Vec<Segment>> {
    let mut order: Vec<(End, End, u64)> = Vec::new();
    let mut found: Vec<Vec<Segment>> = Vec::new();
    for sent in all {
        let at =
            order.iter().position(|(a, b, _)| (*a, *b) == (sent.from, sent.to) || (*a, *b) == (sent.to, sent.from));
        let at = at.unwrap_or_else(|| {
            order.push((sent.from, sent.to, sent.at));
            found.push(Vec::new());
            order.len() - 1
        });
        let (from, _, first) = order[at];
        let segment =
            Segment { at: sent.at.saturating_sub(first), forward: from == sent.from, flags: sent.flags, len: sent.len };
        found[at].push(segment);
    }
    found
}

fn counter(seen: &HostSeen, name: &str) -> i64 {
    seen.mib.get(name).map_or(0, |&n| whole(n))
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// "1.23 s".
pub(crate) fn seconds(ns: u64) -> String {
    format!("{} s", Duration::from_nanos(ns).decimal(1_000_000_000, 3))
}

/// Width of the timer wheel's slots for a span (`LVL_GRAN` of kernel/time/timer.c):
/// one jiffy below 64 jiffies, and eight times more for each level.
#[must_use]
pub(crate) fn wheel_slot(span: u64, hz: u32) -> u64 {
    let jiffy = 1_000_000_000 / u64::from(hz);
    let mut slot = 1;
    while span / jiffy >= 63 * slot && slot < 1 << 21 {
        slot *= 8;
    }
    slot * jiffy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_the_wheel() {
        let ms = |n: u64| n * 1_000_000;
        assert_eq!(wheel_slot(ms(100), 250), ms(4));
        assert_eq!(wheel_slot(ms(1_000), 250), ms(32));
        assert_eq!(wheel_slot(ms(10_000), 250), ms(256));
        assert_eq!(wheel_slot(ms(60_000), 250), ms(2_048));
    }

    #[test]
    fn a_difference_is_seen_and_a_tolerance_kept() {
        let mut lines = Vec::new();
        let mut table = Table { lines: &mut lines, hz: 250, free: false, odd: false, parity: true };
        table.number(Group::Mib, "a".into(), 3, 3);
        table.number(Group::Mib, "b".into(), 3, 4);
        table.free = true;
        table.number(Group::Mib, "c".into(), 100, 120);
        table.number(Group::Mib, "d".into(), 100, 200);
        let interval = |to| Interval { state: "fin_wait2".into(), from: 0, to: Some(to) };
        table.lifetimes("db", &[interval(61_000_000_000)], &[interval(60_200_000_000)]);
        table.lifetimes("db", &[interval(70_000_000_000)], &[interval(60_200_000_000)]);
        let verdicts: Vec<Verdict> = lines.iter().map(|l| l.verdict).collect();
        use Verdict::{Differs, Equal, Within};
        assert_eq!(verdicts, [Equal, Differs, Within, Differs, Within, Differs]);
    }

    #[test]
    fn parity_and_segments_are_compared_in_order() {
        let pick = |port| Pick { at: 0, port, to: (1, 80) };
        let host = |ports: &[u16]| HostSeen { picks: ports.iter().copied().map(pick).collect(), ..HostSeen::default() };
        let mut lines = Vec::new();
        let mut table = Table { lines: &mut lines, hz: 250, free: false, odd: false, parity: true };
        table.ports("h", &host(&[2, 4, 3, 5, 0]), &host(&[4, 2, 5, 3, 0]));
        table.ports("h", &host(&[2, 3, 0]), &host(&[2, 4, 0]));
        let sent = |at, flags| Sent { at, from: (1, 1), to: (2, 2), flags, len: 0 };
        table.packets("h", &[sent(5, 2), sent(1_000_000_000, 2)], &[sent(9, 2), sent(1_010_000_000, 2)]);
        table.packets("h", &[sent(5, 2)], &[sent(5, 4)]);
        let verdicts: Vec<Verdict> = lines.iter().map(|l| l.verdict).collect();
        use Verdict::{Differs, Equal, Within};
        assert_eq!(verdicts, [Equal, Equal, Equal, Differs, Within, Differs]);
    }
}
