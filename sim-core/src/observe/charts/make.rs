//! Charts from what a watch saw.
#![allow(clippy::float_arithmetic, reason = "rates and positions on paper are no part of the model")]

use core::fmt;

use super::messages::ChartText;
use super::sampler::{Column, ProcessColumn};
use super::watch::Watch;
use super::{Chart, ChartName, Line, Mark, Paint, Panel, Shape, XAxis, XUnit, costs, servers};
use crate::observe::findings::{Said, said};
use crate::observe::gather::roles;
use crate::observe::{FindingId, RunFacts};
use crate::scenario::{MarkRef, ProcessIx, ProcessSpec, ProgramKind, Run};
use crate::tcp::TcpState;
use crate::text::{Both, Lang, Message, grouped};
use crate::time::{Duration, Instant};
use crate::units::Endpoint;

/// Into how many pieces time is cut for rates.
const RATE_PIECES: u64 = 300;
/// Shortest of them: below it a rate is noise.
const RATE_SHORTEST: Duration = Duration::from_millis(100);
/// And where there are fewer events than pieces.
const RATE_OF_FEW: Duration = Duration::from_secs(1);

/// All charts that have something to show.
#[must_use]
pub fn charts(watch: &Watch, run: &Run) -> Vec<Chart> {
    ChartName::ALL.iter().filter_map(|&name| chart(name, watch, run)).collect()
}

/// One chart; `None` if the run has nothing to show there, such as no server.
#[must_use]
pub fn chart(name: ChartName, watch: &Watch, run: &Run) -> Option<Chart> {
    let seen = Seen::of(watch, run);
    match name {
        ChartName::Sockets => sockets(&seen),
        ChartName::Ports => ports(&seen),
        ChartName::ConnectCost => costs::connect_cost(&seen),
        ChartName::ConnectRate => connect_rate(&seen),
        ChartName::Descriptors => descriptors(&seen),
        ChartName::Server => servers::server(&seen),
    }
}

/// True for a MySQL server.
pub(super) fn is_mysqld(spec: &ProcessSpec) -> bool {
    spec.program.kind() == ProgramKind::Mysqld
}

/// A run, what was seen of it, and who is who in it.
pub(super) struct Seen<'a> {
    pub(super) watch: &'a Watch,
    pub(super) run: &'a Run,
    pub(super) client: Option<ProcessIx>,
    pub(super) server: Option<ProcessIx>,
    pub(super) facts: RunFacts,
    /// Right end of the time axis.
    pub(super) until: Instant,
}

impl<'a> Seen<'a> {
    fn of(watch: &'a Watch, run: &'a Run) -> Self {
        let (client, server) = roles(run);
        let now = run.world().now();
        // What only repeats itself to the end is cut off, if it is long.
        let last = watch.sampler.last_change();
        let margin = Duration::from_nanos((last.nanos() / 8).max(500_000_000));
        let until = if last + margin + margin < now { last + margin } else { now };
        let until = until.max(Instant::from_nanos(1_000_000));
        Self { watch, run, client, server, facts: RunFacts::of(run), until }
    }

    pub(super) fn of_process(&self, process: ProcessIx, column: ProcessColumn) -> Vec<(Instant, u64)> {
        self.watch.sampler.column(Column::Process(process, column))
    }

    pub(super) fn name(&self, process: ProcessIx) -> &str {
        &self.run.scenario().processes[process].name
    }

    pub(super) fn host_name(&self, process: ProcessIx) -> &str {
        let scenario = self.run.scenario();
        &scenario.hosts[scenario.processes[process].host].name
    }

    /// Where the client connects to.
    pub(super) fn destination(&self, client: ProcessIx) -> Option<Endpoint> {
        let (host, process) = self.run.process(client);
        self.run.world().stats(host, process).destination
    }

    /// A chart over time.
    pub(super) fn over_time(&self, name: ChartName, panels: Vec<Panel>, caption: Vec<Said>) -> Chart {
        let mut caption = caption;
        let now = self.run.world().now();
        if self.until < now {
            caption.push(said!(ChartText::Quiet, clock(self.watch.sampler.last_change()), clock(now)));
        }
        Chart {
            name,
            of: self.title(),
            caption: joined(&caption),
            x: XAxis { unit: XUnit::TimeNs, from: 0, to: self.until.nanos() },
            panels,
            marks: self.marks(),
        }
    }

    /// The scenario's title.
    pub(super) fn title(&self) -> Said {
        let scenario = self.run.scenario();
        Said { en: scenario.title.clone(), zh: scenario.title_zh.clone() }
    }

    /// KILL, exhaustion and the scenario's own marks, as far as they came.
    fn marks(&self) -> Vec<Mark> {
        let scenario = self.run.scenario();
        let mut all = vec![(MarkRef::Kill, said!(ChartText::Kill)), (MarkRef::Exhausted, said!(ChartText::Exhausted))];
        let own = scenario.marks.iter().enumerate();
        all.extend(own.map(|(index, mark)| (MarkRef::Own(index), Said::same(mark.name.clone()))));
        let mut marks: Vec<Mark> = all
            .into_iter()
            .filter_map(|(mark, name)| Some(Mark { x: self.run.mark(mark)?.nanos(), name }))
            .filter(|mark| mark.x <= self.until.nanos())
            .collect();
        marks.sort_by_key(|mark| mark.x);
        marks
    }

    pub(super) fn mark_at(&self, chart: &mut Chart, at: Instant, name: Said) {
        if at <= self.until {
            chart.marks.push(Mark { x: at.nanos(), name });
            chart.marks.sort_by_key(|mark| mark.x);
        }
    }

    /// A sampled column as a line that ends at the right edge.
    pub(super) fn line(&self, key: &str, name: Said, paint: Paint, values: &[(Instant, u64)]) -> Line {
        let mut points: Vec<(u64, f64)> = Vec::new();
        for &(at, value) in values.iter().filter(|(at, _)| *at <= self.until) {
            let value = value as f64;
            if points.last().is_none_or(|&(_, last)| (last - value).abs() > 0.0) {
                points.push((at.nanos(), value));
            }
        }
        if let Some(&(x, y)) = points.last()
            && x < self.until.nanos()
        {
            points.push((self.until.nanos(), y));
        }
        Line { key: key.to_owned(), name, paint, shape: Shape::Steps, points }
    }

    /// Socket-seconds of a sampled column, in ns.
    fn area(&self, values: &[(Instant, u64)]) -> u128 {
        let ends = values.iter().skip(1).map(|&(at, _)| at).chain([self.run.world().now()]);
        values.iter().zip(ends).map(|(&(at, value), end)| u128::from(value) * u128::from(end.since(at).nanos())).sum()
    }

    /// Growth of a counter per second, over pieces of time that are even between
    /// two turns of the run; `first` is when it grew first, where that is known.
    pub(super) fn rate(
        &self,
        key: &str,
        name: Said,
        paint: Paint,
        values: &[(Instant, u64)],
        first: Option<Instant>,
    ) -> Line {
        // Of a few events a rate over less than a second is more than ever happened in one.
        let few = last(values) < RATE_PIECES && self.until >= Instant::ZERO + Duration::from_secs(20);
        let shortest = if few { RATE_OF_FEW } else { RATE_SHORTEST }.nanos();
        let end = self.until.nanos();
        let piece = (end / RATE_PIECES).max(shortest);
        let grown =
            Grown { values, within: self.watch.sampler.interval().nanos(), first: first.map_or(0, Instant::nanos) };
        let mut cuts: Vec<u64> = self.watch.sampler.turns().iter().copied().chain(first).map(Instant::nanos).collect();
        cuts.sort_unstable();
        let mut points = Vec::new();
        let mut from = 0;
        while from < end {
            let cut = cuts[cuts.partition_point(|&cut| cut <= from)..].first().map_or(end, |&cut| cut.min(end));
            // As many pieces as fit before the cut, the first of them now.
            let mut to = from + (cut - from) / ((cut - from) / piece).max(1);
            // What grew right before a turn would be a spike; what did not grow yet stays where it is.
            if to - from < shortest && grown.at(to) > grown.at(from) {
                to = (from + shortest).min(end);
            }
            let rate = rounded((grown.at(to) - grown.at(from)).max(0.0) * 1e9 / (to - from) as f64);
            if points.last().is_none_or(|&(_, last): &(u64, f64)| (last - rate).abs() > 0.0) {
                points.push((from, rate));
            }
            from = to;
        }
        if let Some(&(_, last)) = points.last() {
            points.push((end, last));
        }
        Line { key: key.to_owned(), name, paint, shape: Shape::Steps, points }
    }

    /// The full name of a process's metric.
    pub(super) fn key(&self, process: ProcessIx, metric: &str) -> String {
        format!("{}.{}.{metric}", self.host_name(process), self.name(process))
    }
}

/// Three digits after the point: more are noise, and longer in JSON.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// A counter between its samples: what a sample adds came evenly in the
/// interval before it, so that pieces of time and samples need not meet; but
/// not before the sample before it, nor before it `first` grew.
struct Grown<'a> {
    values: &'a [(Instant, u64)],
    /// Distance of samples in ns.
    within: u64,
    /// When it grew first, in ns.
    first: u64,
}

impl Grown<'_> {
    /// Just before this moment: what happens in it comes after.
    fn at(&self, at: u64) -> f64 {
        let next = self.values.partition_point(|(time, _)| time.nanos() < at);
        let (earliest, before) =
            next.checked_sub(1).map_or((0, 0), |last| (self.values[last].0.nanos(), self.values[last].1));
        let Some(&(time, value)) = self.values.get(next) else { return before as f64 };
        let begins = time.nanos().saturating_sub(self.within).max(earliest).max(self.first);
        if at <= begins {
            return before as f64;
        }
        let share = (at - begins) as f64 / (time.nanos() - begins) as f64;
        before as f64 + value.saturating_sub(before) as f64 * share
    }
}

/// A moment for people: `5.001 s`, `66.2 s`.
pub(super) fn clock(at: Instant) -> String {
    let span = at.since(Instant::ZERO);
    let digits = if span < Duration::from_secs(10) { 3 } else { 1 };
    format!("{} s", span.decimal(1_000_000_000, digits))
}

/// Sentences as one text.
pub(super) fn joined(sentences: &[Said]) -> Said {
    let en: Vec<&str> = sentences.iter().map(|said| said.en.as_str()).collect();
    Said { en: en.join(" "), zh: sentences.iter().map(|said| said.zh.as_str()).collect() }
}

/// The greatest value, and when it was reached first.
pub(super) fn peak(values: &[(Instant, u64)]) -> (Instant, u64) {
    values.iter().fold((Instant::ZERO, 0), |best, &(at, value)| if value > best.1 { (at, value) } else { best })
}

fn last(values: &[(Instant, u64)]) -> u64 {
    values.last().map_or(0, |&(_, value)| value)
}

/// Fixed, so that a state looks the same in every chart.
const fn paint_of(state: TcpState) -> Paint {
    match state {
        TcpState::Established => Paint::Blue,
        TcpState::CloseWait => Paint::Vermillion,
        TcpState::TimeWait => Paint::Green,
        TcpState::FinWait2 => Paint::Sky,
        TcpState::SynSent | TcpState::LastAck => Paint::Orange,
        TcpState::SynReceived | TcpState::Closing => Paint::Purple,
        TcpState::FinWait1 => Paint::Brown,
        TcpState::Closed | TcpState::Listen => Paint::Black,
    }
}

fn sockets(seen: &Seen<'_>) -> Option<Chart> {
    let mut panels = Vec::new();
    let mut caption = Vec::new();
    for (index, host) in seen.run.scenario().hosts.iter().enumerate() {
        let mut lines = Vec::new();
        let mut peaks = Vec::new();
        for state in TcpState::ALL {
            let values = seen.watch.sampler.column(Column::State(index, state));
            let (at, most) = peak(&values);
            if most > 0 && !matches!(state, TcpState::Closed | TcpState::Listen) {
                let key = format!("{}.tcp.{}", host.name, state.metric_name());
                lines.push(seen.line(&key, Said::same(state.rfc_name()), paint_of(state), &values));
                peaks.push((most, seen.area(&values), at, state, last(&values)));
            }
        }
        // Of equal peaks the one that lasts.
        peaks.sort_by_key(|&(most, area, ..)| core::cmp::Reverse((most, area)));
        for (most, _, at, state, end) in peaks.into_iter().take(2) {
            caption.push(if most == end {
                said!(ChartText::Stays, host.name, state, grouped(most), clock(at))
            } else {
                said!(ChartText::Peaks, host.name, state, grouped(most), clock(at), grouped(end))
            });
        }
        if !lines.is_empty() {
            let title = said!(ChartText::Host, host.name);
            panels.push(Panel { title, y: said!(ChartText::YSockets), log: false, lines });
        }
    }
    (!panels.is_empty()).then(|| seen.over_time(ChartName::Sockets, panels, caption))
}

const fn parity(odd: bool) -> Both {
    if odd { ChartText::Odd.texts() } else { ChartText::Even.texts() }
}

/// A message whose last argument is a word of each language.
fn worded(message: ChartText, args: &[String], last: Both) -> Said {
    let told = |lang| {
        let last = last.text(lang);
        let all: Vec<&dyn fmt::Display> =
            args.iter().map(|arg| arg as &dyn fmt::Display).chain([&last as &dyn fmt::Display]).collect();
        message.format(lang, &all)
    };
    Said { en: told(Lang::En), zh: told(Lang::Zh) }
}

fn ports(seen: &Seen<'_>) -> Option<Chart> {
    let client = seen.client?;
    let destination = seen.destination(client)?;
    let facts = &seen.facts.ports;
    let same = seen.of_process(client, ProcessColumn::PortsLow);
    let other = seen.of_process(client, ProcessColumn::PortsOther);
    let odd = facts.low.0 & 1 == 1;
    let same_name = worded(ChartText::Same, &[facts.low.to_string()], parity(odd));
    let other_name = worded(ChartText::Other, &[], parity(!odd));
    let (host, process) = (seen.host_name(client), seen.name(client));
    let mut lines = vec![
        seen.line(&format!("{host}.{process}.ports.same"), same_name, Paint::Blue, &same),
        seen.line(&format!("{host}.{process}.ports.other"), other_name, Paint::Vermillion, &other),
    ];
    let (host_id, _) = seen.run.process(client);
    let usable = seen.run.world().kernel(host_id).usable_ports_by_parity();
    let (low, high) = (usable[usize::from(odd)], usable[usize::from(!odd)]);
    let most = |values: &[(Instant, u64)]| peak(values).1;
    // A limit far above everything would flatten the lines.
    if most(&same) * 3 > u64::from(low) {
        let limit = |value: u32| vec![(Instant::ZERO, u64::from(value))];
        // A port owned by somebody is no line of its own.
        if low.abs_diff(high) * 50 <= low.max(high) {
            lines.push(seen.line("usable", said!(ChartText::Usable), Paint::Limit, &limit(low.max(high))));
        } else {
            let name = |odd: bool| worded(ChartText::UsableSame, &[], parity(odd));
            lines.push(seen.line("usable.same", name(odd), Paint::Limit, &limit(low)));
            lines.push(seen.line("usable.other", name(!odd), Paint::Limit, &limit(high)));
        }
    }
    let mut caption = Vec::new();
    if facts.other_parity.is_some() || facts.exhausted.is_some() {
        caption.push(said!(ChartText::PortsBefore, grouped(low.into()), facts.low));
    }
    let both: Vec<(Instant, u64)> = same.iter().zip(&other).map(|(a, b)| (a.0, a.1 + b.1)).collect();
    if let Some(knee) = facts.other_parity {
        caption.push(said!(ChartText::PortsKnee, clock(knee.at), grouped(low.into())));
    }
    if let Some(gone) = facts.exhausted {
        caption.push(said!(ChartText::PortsGone, clock(gone.at)));
    }
    let all = grouped(u64::from(low) + u64::from(high));
    caption.push(said!(ChartText::PortsEnd, grouped(last(&both)), all, grouped(most(&both))));
    let title = said!(ChartText::Towards, process, host, destination);
    let panel = Panel { title, y: said!(ChartText::YPorts), log: false, lines };
    let mut chart = seen.over_time(ChartName::Ports, vec![panel], caption);
    if let Some(knee) = facts.other_parity {
        seen.mark_at(&mut chart, knee.at, said!(ChartText::Knee));
    }
    Some(chart)
}

fn connect_rate(seen: &Seen<'_>) -> Option<Chart> {
    let client = seen.client?;
    let (host, process) = seen.run.process(client);
    let stats = seen.run.world().stats(host, process);
    let [no_port, no_file, no_file_at_all] = stats.shortages.map(|shortage| shortage.map(|shortage| shortage.at));
    let no_file = no_file.into_iter().chain(no_file_at_all).min();
    let columns = [
        (ProcessColumn::Started, "connect.ok", ChartText::Found, Paint::Blue, None),
        (ProcessColumn::NoPort, "connect.EADDRNOTAVAIL", ChartText::NoPort, Paint::Vermillion, no_port),
        (ProcessColumn::NoFile, "connect.EMFILE", ChartText::NoFile, Paint::Orange, no_file),
    ];
    let mut lines = Vec::new();
    for (column, metric, name, paint, first) in columns {
        let values = seen.of_process(client, column);
        if column == ProcessColumn::Started || last(&values) > 0 {
            let texts = name.texts();
            let name = Said { en: texts.en.to_owned(), zh: texts.zh.to_owned() };
            lines.push(seen.rate(&seen.key(client, metric), name, paint, &values, first));
        }
    }
    let (attempts, ok) = (grouped(stats.tcp_connects), grouped(stats.syn_sent));
    let mut caption = vec![match stats.tcp_connects {
        1 => said!(ChartText::RateOfOne),
        _more => said!(ChartText::RateOf, grouped(stats.busiest_second), attempts, ok),
    }];
    let total = |column| last(&seen.of_process(client, column));
    let (no_port, no_file) = (total(ProcessColumn::NoPort), total(ProcessColumn::NoFile));
    if no_port > 0 {
        caption.push(said!(ChartText::RateNoPort, grouped(no_port)));
    }
    if no_file > 0 {
        caption.push(said!(ChartText::RateNoFile, grouped(no_file)));
    }
    let storm = crate::observe::findings(&seen.facts).iter().any(|found| found.id == FindingId::ReconnectStorm);
    if let Some(wait) = seen.facts.client.fixed_retry.filter(|_| storm) {
        caption.push(said!(ChartText::RateFixed, wait));
    }
    let title = said!(ChartText::ProcessOn, seen.name(client), seen.host_name(client));
    let panel = Panel { title, y: said!(ChartText::YRate), log: false, lines };
    Some(seen.over_time(ChartName::ConnectRate, vec![panel], caption))
}

fn descriptors(seen: &Seen<'_>) -> Option<Chart> {
    let mut panels = Vec::new();
    let mut caption = Vec::new();
    for process in [seen.client, seen.server].into_iter().flatten() {
        let open = seen.of_process(process, ProcessColumn::FdOpen);
        let soft = seen.of_process(process, ProcessColumn::FdSoft);
        let (name, host) = (seen.name(process), seen.host_name(process));
        let (at, most) = peak(&open);
        let limit = last(&soft).max(1);
        let mut lines =
            vec![seen.line(&seen.key(process, "fd.open"), said!(ChartText::OpenOf, name), Paint::Blue, &open)];
        caption.push(said!(
            ChartText::FdOf,
            name,
            grouped(most),
            if (1..limit.div_ceil(100)).contains(&most) { "<1".to_owned() } else { (most * 100 / limit).to_string() },
            grouped(limit),
            grouped(last(&open))
        ));
        // The limit that held when the most were open.
        let then = soft.iter().take_while(|(when, _)| *when <= at).last().map_or(limit, |&(_, value)| value);
        if let Some(full) = open.iter().zip(&soft).find(|(open, soft)| open.1 >= soft.1) {
            // The failing call knows it to the nanosecond.
            let at =
                seen.facts.client.emfile.filter(|_| Some(process) == seen.client).map_or(full.0.0, |emfile| emfile.at);
            caption.push(said!(ChartText::FdFull, name, grouped(full.1.1), clock(at)));
        }
        if most * 4 > then {
            lines.push(seen.line(&seen.key(process, "fd.soft"), said!(ChartText::SoftOf, name), Paint::Limit, &soft));
        } else {
            caption.push(said!(ChartText::FdAbove, name));
        }
        let title = said!(ChartText::ProcessOn, name, host);
        panels.push(Panel { title, y: said!(ChartText::YDescriptors), log: false, lines });
    }
    (!panels.is_empty()).then(|| seen.over_time(ChartName::Descriptors, panels, caption))
}
