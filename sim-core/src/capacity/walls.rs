//! The same from simulation: the walls a scenario runs into one after the
//! other, each lifted to see the next, and how far the formulas were off.

use super::demand::{Demand, Habit};
use super::limits::{Server, usable_ports};
use super::{Binds, Capacity, LimitId, advance_to_demand};
use crate::observe::{RunFacts, time_wait_quantum};
use crate::scenario::build::BuildError;
use crate::scenario::{
    ActionKind, ActionSpec, MarkRef, Metric, MetricKind, Moment, ProcessMetric, Run, Scenario, ScenarioError,
};
use crate::sim::SimError;
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;

/// A scenario's text with values changed: what a planner varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    text: Vec<u8>,
    overrides: Vec<(String, String)>,
}

/// Why a variant could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum VariantError {
    /// It is no valid scenario.
    #[error("{0}")]
    Scenario(#[from] ScenarioError),
    /// It cannot be built.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// It exceeded a budget.
    #[error("{0}")]
    Sim(#[from] SimError),
}

impl Variant {
    /// A scenario's bytes with overrides as `--set` takes them.
    #[must_use]
    pub const fn new(text: Vec<u8>, overrides: Vec<(String, String)>) -> Self {
        Self { text, overrides }
    }

    /// The same with more values changed; a later one wins.
    #[must_use]
    pub fn with(&self, more: &[(String, String)]) -> Self {
        let mut overrides = self.overrides.clone();
        overrides.extend_from_slice(more);
        Self { text: self.text.clone(), overrides }
    }

    /// The text as it is.
    #[must_use]
    pub fn unchanged(&self) -> Self {
        Self { text: self.text.clone(), overrides: Vec::new() }
    }

    /// The checked scenario.
    ///
    /// # Errors
    /// All problems of text and overrides.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let overrides: Vec<(&str, &str)> = self.overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Scenario::read(&self.text, &overrides)
    }

    /// What differs from the text.
    #[must_use]
    pub fn overrides(&self) -> &[(String, String)] {
        &self.overrides
    }
}

/// What a formula and the simulation both tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quantity {
    /// Connections open when the wall is met.
    Connections,
    /// Seconds from the start of the demand to the wall.
    Seconds,
    /// Seconds until the search goes over to the other half of the ports.
    SecondsToKnee,
    /// Seconds until the first ERR 1040.
    SecondsToRefusal,
    /// Most sessions at once that had not logged in.
    Unauthenticated,
    /// Share of connections refused with ERR 1040.
    RefusedShare,
    /// Connections a second once every port waits in TIME_WAIT.
    SustainedRate,
    /// CPUs busy with connect() calls that find no port.
    BusyCpus,
    /// Times this load at which the ports run out.
    Load,
}

impl Quantity {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Seconds => "seconds",
            Self::SecondsToKnee => "seconds_to_knee",
            Self::SecondsToRefusal => "seconds_to_refusal",
            Self::Unauthenticated => "unauthenticated",
            Self::RefusedShare => "refused_share",
            Self::SustainedRate => "sustained_rate",
            Self::BusyCpus => "busy_cpus",
            Self::Load => "load",
        }
    }
}

/// Why formula and simulation differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GapCause {
    /// They agree within one percent, or within one.
    Agree,
    /// With an odd number of ports each search leaves one end of the range out.
    OddRange,
    /// Within a half, a search also meets ports that are taken: after it wrapped
    /// round, and where each new salt (every 10 s) begins again. The formula counts none.
    TakenWithinHalf,
    /// Sleeps and round trips vary; the formula takes their means.
    Jitter,
    /// The timer wheel gives ports back in batches, and one waits for its turn.
    WheelBatches,
    /// The rate falls while the ports fill; the formula takes one rate for all.
    RateFalls,
    /// Slots come back `connect_timeout` after they were taken, all at once, not evenly.
    SlotsInBursts,
    /// The timeline takes CPU time away (`steal`) after the demand began; the formula has the start's.
    Stolen,
    /// Something the formulas do not know.
    Other,
}

impl GapCause {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::OddRange => "odd-range",
            Self::TakenWithinHalf => "taken-within-half",
            Self::Jitter => "jitter",
            Self::WheelBatches => "wheel-batches",
            Self::RateFalls => "rate-falls",
            Self::SlotsInBursts => "slots-in-bursts",
            Self::Stolen => "stolen",
            Self::Other => "other",
        }
    }
}

/// One figure from both sides.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Compared {
    /// What is compared.
    pub quantity: Quantity,
    /// From the formula.
    pub formula: f64,
    /// From the simulation.
    pub simulated: f64,
    /// Why they differ.
    pub cause: GapCause,
}

/// One wall of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Wall {
    /// What was lifted to get here, in the order in which it was.
    pub lifted: Vec<(String, String)>,
    /// Which limit the formulas put first.
    pub expected: Option<LimitId>,
    /// What the simulation met: limit, connections, seconds since the demand began.
    pub met: Option<(LimitId, u64, f64)>,
    /// Ports in TIME_WAIT then, where they and no open connections hold the range; else 0.
    pub in_time_wait: u64,
    /// Figures from both sides.
    pub compared: Vec<Compared>,
    /// Seconds of demand that were simulated.
    pub simulated_seconds: f64,
}

/// The walls behind each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Walls(pub Vec<Wall>);

/// Simulated beyond a wall, to see what failing costs.
const BEYOND: Duration = Duration::from_secs(3);
/// No simulation of a wall runs longer than this.
const LONGEST: f64 = 3_600.0;

impl Walls {
    /// Simulates a scenario to its first wall, lifts it, and so on: at most `most` walls.
    ///
    /// # Errors
    /// If the scenario or a lifted variant cannot be simulated.
    pub fn of(variant: &Variant, seed: u64, most: usize) -> Result<Self, VariantError> {
        let mut walls: Vec<Wall> = Vec::new();
        let mut lifted: Vec<(String, String)> = Vec::new();
        while walls.len() < most {
            let (wall, lift) = wall(&variant.with(&lifted), seed, lifted.clone())?;
            let met = wall.met.is_some();
            walls.push(wall);
            match lift {
                Some(lift) if met => lifted.push(lift),
                Some(_) | None => break,
            }
        }
        Ok(Self(walls))
    }
}

type Lift = Option<(String, String)>;

fn wall(variant: &Variant, seed: u64, lifted: Vec<(String, String)>) -> Result<(Wall, Lift), VariantError> {
    let mut run = Run::new(variant.scenario()?, seed)?;
    advance_to_demand(&mut run)?;
    let capacity = Capacity::of(&run);
    let expected = client_wall(&capacity);
    // Long enough for the wall the formulas expect, whatever the file's own end is.
    let needed = expected.map_or(0.0, |(_, seconds)| (seconds * 1.5 + 30.0).min(LONGEST));
    let begins = run.world().now();
    let end = (begins + span(needed) + BEYOND).max(run.scenario().end);
    let mut scenario = variant.scenario()?;
    scenario.end = end;
    let mut run = Run::new(scenario, seed)?;
    let begins = advance_to_demand(&mut run)?;
    let reached = run.run_to_moment(
        Moment::Mark { mark: MarkRef::Exhausted, offset: Duration::ZERO, before: false },
        &mut NoObserver,
    )?;
    let simulated_to = if reached { run.world().now() + BEYOND } else { end };
    let steady = capacity.demands.first().filter(|demand| matches!(demand.habit, Habit::ClosesFirst(_)));
    let rate = match steady {
        Some(demand) => Some(sustained(&mut run, demand, end)?),
        None => {
            run.run_until(simulated_to, &mut NoObserver)?;
            None
        }
    };
    let facts = RunFacts::of(&run);
    let first = [
        (LimitId::Ports, facts.ports.exhausted),
        (LimitId::NofileSoft, facts.client.emfile),
        (LimitId::FileMax, facts.client.enfile),
    ]
    .into_iter()
    .filter_map(|(id, reached)| reached.map(|reached| (id, reached)))
    .min_by_key(|(_, reached)| reached.at);
    // A pool that gets no slot stands before a wall too; a client that leaks goes on to the next.
    let keeps = capacity.demands.iter().any(|demand| matches!(demand.habit, Habit::Keeps(_)));
    let refused = facts.server.first_refusal.filter(|_| keeps).map(|reached| (LimitId::Slots, reached));
    let met = first.or(refused).map(|(id, reached)| (id, reached.connections, since(reached.at, begins)));
    let compared = Comparison { run: &run, capacity: &capacity, facts: &facts, begins, met, rate }.all();
    let lift = met.and_then(|(id, ..)| lift(&run, &capacity, id));
    let wall = Wall {
        lifted,
        expected: expected.map(|(id, _)| id),
        met,
        in_time_wait: facts.in_time_wait(),
        compared,
        simulated_seconds: since(run.world().now(), begins),
    };
    Ok((wall, lift))
}

/// The first limit that stops the client itself, and when.
pub(super) fn client_wall(capacity: &Capacity) -> Option<(LimitId, f64)> {
    capacity.limits.iter().find_map(|limit| match (limit.id, limit.binds) {
        (LimitId::Ports | LimitId::NofileSoft | LimitId::FileMax, Binds::After(seconds)) => Some((limit.id, seconds)),
        _ => None,
    })
}

/// Connections a second while every port waits: counted from 70 s on, when the first are free again.
fn sustained(run: &mut Run, demand: &Demand, end: Instant) -> Result<f64, SimError> {
    let metric = Metric {
        host: demand.host,
        kind: MetricKind::Process { process: demand.process, kind: ProcessMetric::ConnectOk },
    };
    let from = (run.world().now() + Duration::from_secs(10)).max(Instant::ZERO + Duration::from_secs(75));
    let from = from.max(end);
    run.run_until(from, &mut NoObserver)?;
    let before = run.metric(&metric).unwrap_or(0);
    // Two rounds of the ports, which come back in step with the wheel: TIME_WAIT in whole turns of it.
    let quantum = time_wait_quantum(run.world().kernel(run.host(demand.host)));
    let turns = Duration::from_secs(60).nanos() / quantum.nanos() + 1;
    let to = from + quantum.saturating_mul(2 * turns);
    run.run_until(to, &mut NoObserver)?;
    let made = u64::try_from(run.metric(&metric).unwrap_or(0) - before).unwrap_or(0);
    Ok(super::limits::whole(made) / since(to, from))
}

/// The override that moves a wall as far as it goes; `None` when it stands there already.
fn lift(run: &Run, capacity: &Capacity, limit: LimitId) -> Lift {
    let demand = capacity.demands.first()?;
    let scenario = run.scenario();
    let host = &scenario.hosts[demand.host].name;
    let kernel = run.world().kernel(run.host(demand.host));
    if limit == LimitId::Ports {
        let range = kernel.sysctls().ip_local_port_range();
        let widest = (range.low.0, range.high.0) == (1024, 65_535);
        return (!widest)
            .then(|| (format!("host.{host}.sysctl.net.ipv4.ip_local_port_range"), "1024 65535".to_owned()));
    }
    if limit == LimitId::NofileSoft {
        let nr_open = u64::from(kernel.sysctls().nr_open());
        let process = &scenario.processes[demand.process];
        let higher = process.nofile.soft < nr_open;
        return higher.then(|| (format!("process.{}.RLIMIT_NOFILE", process.name), format!("{nr_open}:{nr_open}")));
    }
    if limit == LimitId::Slots {
        let server = demand.destination.server?;
        let wanted = capacity.limit(LimitId::Slots)?.need.held().clamp(1.0, 100_000.0).ceil();
        let lower = Server::of(run, server).max_connections < wanted;
        let key = format!("process.{}.mysqld.max_connections", scenario.processes[server].name);
        return lower.then(|| (key, format!("{wanted:.0}")));
    }
    let more = kernel.sysctls().file_max().checked_mul(10)?;
    Some((format!("host.{host}.sysctl.fs.file-max"), more.to_string()))
}

/// All figures of one wall from both sides.
struct Comparison<'a> {
    run: &'a Run,
    capacity: &'a Capacity,
    facts: &'a RunFacts,
    begins: Instant,
    met: Option<(LimitId, u64, f64)>,
    rate: Option<f64>,
}

impl Comparison<'_> {
    fn all(&self) -> Vec<Compared> {
        let mut rows = Vec::new();
        let Some(demand) = self.capacity.demands.first() else { return rows };
        let leaks = matches!(demand.habit, Habit::Leak);
        rows.extend(self.wall(demand));
        if leaks {
            rows.extend(self.knee(demand));
            rows.extend(self.slots());
        }
        if let (Some(simulated), Some(limit)) = (self.rate, self.capacity.limit(LimitId::Ports))
            && let (super::Need::Flow { hold, .. }, Binds::After(_)) = (limit.need, limit.binds)
        {
            // A port is away for 60 s, up to a turn of the wheel, and up to another until its batch is used up.
            let turn = super::demand::seconds(time_wait_quantum(self.kernel(demand)));
            let formula = limit.capacity.value / hold;
            rows.push(row(Quantity::SustainedRate, formula, simulated, GapCause::WheelBatches, 1.5 * turn / 60.0));
        }
        if let (Some(share), Some((LimitId::Ports, ..)), true) = (self.facts.ports.cpu_when_exhausted, self.met, leaks)
        {
            let formula = demand.cycle.vain_cpus(usable_ports(self.run, demand));
            let simulated = f64::from(share.num) / f64::from(share.den);
            let steals = |action: &ActionSpec| matches!(action.kind, ActionKind::Steal { .. });
            let (cause, most) = match self.run.scenario().timeline.iter().any(steals) {
                true => (GapCause::Stolen, 0.25),
                false => (GapCause::Jitter, 0.05),
            };
            rows.push(row(Quantity::BusyCpus, formula, simulated, cause, most));
        }
        rows
    }

    fn kernel(&self, demand: &Demand) -> &crate::kernel::Kernel {
        self.run.world().kernel(self.run.host(demand.host))
    }

    fn wall(&self, demand: &Demand) -> Vec<Compared> {
        let Some((id, connections, seconds)) = self.met else { return Vec::new() };
        let Some(limit) = self.capacity.limit(id) else { return Vec::new() };
        let expected = match limit.binds {
            Binds::After(expected) => expected,
            // A port waits for up to a whole turn of the wheel; the formula takes half of one.
            Binds::AtLoad(times) => return vec![row(Quantity::Load, times, 1.0, GapCause::WheelBatches, 0.05)],
            Binds::Never => return Vec::new(),
        };
        let mut rows = Vec::new();
        let ports = usable_ports(self.run, demand);
        let odd = id == LimitId::Ports && ports % 2.0 > 0.0;
        let simulated = super::limits::whole(connections);
        if matches!(demand.habit, Habit::Leak) {
            let cause = if odd { GapCause::OddRange } else { GapCause::Other };
            let left_out = if odd { f64::from(demand.cycle.pairs) } else { 0.0 };
            rows.push(row_within(Quantity::Connections, limit.capacity.value, simulated, cause, left_out + 0.5));
        }
        let slower = seconds >= expected;
        let searches = id == LimitId::Ports || simulated > ports / 4.0;
        let cause = if slower && searches { GapCause::TakenWithinHalf } else { GapCause::Jitter };
        let most = expected * 0.05 + self.meetings(demand) + 0.05;
        rows.push(row_within(Quantity::Seconds, expected, seconds, cause, most));
        rows
    }

    /// Seconds spent on taken ports within a half: filling it in random places
    /// meets about `h · ln h` of them in all (the coupon collector's sum), twice
    /// that where runs of taken ports have grown together, and once more a run
    /// for each new salt.
    fn meetings(&self, demand: &Demand) -> f64 {
        let half = (usable_ports(self.run, demand) / 2.0).max(1.0);
        2.0 * demand.cycle.candidate * half * (half.ln() + 0.58) * 3.0 * f64::from(demand.cycle.pairs)
    }

    fn knee(&self, demand: &Demand) -> Option<Compared> {
        let knee = self.facts.ports.other_parity?;
        let half = (usable_ports(self.run, demand) / 2.0).ceil();
        let formula = demand.cycle.seconds_to(half * f64::from(demand.cycle.pairs), half * 2.0);
        let simulated = since(knee.at, self.begins);
        let most = formula * 0.05 + self.meetings(demand) + 0.05;
        Some(row_within(Quantity::SecondsToKnee, formula, simulated, GapCause::TakenWithinHalf, most))
    }

    fn slots(&self) -> Vec<Compared> {
        let mut rows = Vec::new();
        let Some(limit) = self.capacity.limit(LimitId::Slots) else { return rows };
        let super::Need::Flow { rate, hold } = limit.need else { return rows };
        let slots = limit.capacity.value;
        if let (Some(refusal), Binds::After(seconds)) = (self.facts.server.first_refusal, limit.binds) {
            rows.push(row_within(
                Quantity::SecondsToRefusal,
                seconds,
                since(refusal.at, self.begins),
                GapCause::Jitter,
                seconds * 0.05 + 0.02,
            ));
        }
        let peak = super::limits::whole(self.facts.server.unauthenticated_peak);
        // No more than the client can open.
        let walls = [LimitId::Ports, LimitId::NofileSoft, LimitId::FileMax];
        let open = walls.iter().filter_map(|&id| self.capacity.limit(id)).map(|limit| limit.capacity.value);
        let held = open.fold(slots.min(rate * hold), f64::min);
        rows.push(row_within(Quantity::Unauthenticated, held, peak, GapCause::RateFalls, held * 0.1 + 1.5));
        let elapsed = self.met.map_or(0.0, |(_, _, seconds)| seconds);
        let refused = super::limits::whole(self.facts.server.refused);
        let made = self.met.map_or(0.0, |(_, connections, _)| super::limits::whole(connections));
        if refused > 0.0 && elapsed > 0.0 && made > 0.0 && limit.binds.order().0 == 0 {
            // R is the mean rate of this very run; T passes a whole number of times and a bit.
            let mean = made / elapsed;
            let formula = (1.0 - slots / (mean * hold.min(elapsed))).max(0.0);
            let bursts = slots / made;
            rows.push(row_within(
                Quantity::RefusedShare,
                formula,
                refused / made,
                GapCause::SlotsInBursts,
                bursts + 0.01,
            ));
        }
        rows
    }
}

fn row(quantity: Quantity, formula: f64, simulated: f64, cause: GapCause, relative: f64) -> Compared {
    row_within(quantity, formula, simulated, cause, formula.abs() * relative)
}

/// The cause if the gap is no larger than it can be, else [`GapCause::Other`].
fn row_within(quantity: Quantity, formula: f64, simulated: f64, cause: GapCause, most: f64) -> Compared {
    let gap = (formula - simulated).abs();
    let counts = matches!(quantity, Quantity::Connections | Quantity::Unauthenticated);
    let agree = if counts { gap < 0.5 } else { gap <= formula.abs() * 0.01 };
    let cause = match (agree, gap <= most) {
        (true, _) => GapCause::Agree,
        (false, true) => cause,
        (false, false) => GapCause::Other,
    };
    Compared { quantity, formula, simulated, cause }
}

fn since(at: Instant, begins: Instant) -> f64 {
    super::demand::seconds(at.since(begins))
}

fn span(seconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most LONGEST seconds")]
    let millis = (seconds.clamp(0.0, LONGEST) * 1e3) as u64;
    Duration::from_millis(millis)
}
