//! What-if: which limit binds first, second and third, from formulas, and
//! beside them from the simulation.
//!
//! A limit is so many of something (ports, descriptors, slots). A client takes
//! `R` of them a second and holds each for `H` seconds, or for ever. Little's
//! law does the rest: `R · H` are held in the long run, so the limit binds at
//! this load if that is more than there are, after `limit / R` seconds, and at
//! `limit / (R · H)` times this load otherwise. What is never given back binds
//! sooner or later whatever the limit.
//!
//! Floating point is for these formulas and what prints them; nothing of it
//! flows back into a simulation.
#![allow(clippy::float_arithmetic, reason = "closed formulas over rates and times")]

pub mod advise;
mod demand;
mod limits;
mod messages;
mod remedy;
mod remedy_addresses;
pub mod sweep;
mod tables;
mod walls;

pub use demand::{Cycle, Demand, Destination, Habit};
pub use messages::CapacityText;
pub use remedy::{Remedy, RemedyId, Trying};
pub use tables::{AdminPort, BackOffRow, CostRow, ReuseRow, SlotRow, TableFormulas, Tables};
pub use walls::{Compared, GapCause, Quantity, Variant, VariantError, Wall, Walls};

use crate::scenario::{HostIx, ProcessIx, Run, Scenario};
use crate::sim::SimError;
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;

/// Which limit. Names are stable: JSON readers match on them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LimitId {
    /// Source ports to one destination.
    Ports,
    /// Soft `RLIMIT_NOFILE`.
    NofileSoft,
    /// Hard `RLIMIT_NOFILE`.
    NofileHard,
    /// `fs.nr_open`.
    NrOpen,
    /// `fs.file-max`.
    FileMax,
    /// `max_connections` + 1.
    Slots,
    /// min(`back_log`, `net.core.somaxconn`) + 1.
    AcceptQueue,
    /// `kernel.threads-max` under one thread a connection.
    Threads,
    /// RAM under what sockets and lost buffers take.
    Memory,
    /// `net.ipv4.tcp_max_orphans`.
    Orphans,
    /// `net.ipv4.tcp_max_tw_buckets`.
    TwBuckets,
    /// CPU time of connect().
    ConnectCpu,
}

impl LimitId {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Ports,
        Self::NofileSoft,
        Self::NofileHard,
        Self::NrOpen,
        Self::FileMax,
        Self::Slots,
        Self::AcceptQueue,
        Self::Threads,
        Self::Memory,
        Self::Orphans,
        Self::TwBuckets,
        Self::ConnectCpu,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::NofileSoft => "nofile-soft",
            Self::NofileHard => "nofile-hard",
            Self::NrOpen => "nr-open",
            Self::FileMax => "file-max",
            Self::Slots => "slots",
            Self::AcceptQueue => "accept-queue",
            Self::Threads => "threads",
            Self::Memory => "memory",
            Self::Orphans => "orphans",
            Self::TwBuckets => "tw-buckets",
            Self::ConnectCpu => "connect-cpu",
        }
    }

    /// What a program or a counter says when it binds.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ports => "EADDRNOTAVAIL",
            Self::NofileSoft | Self::NofileHard | Self::NrOpen => "EMFILE",
            Self::FileMax => "ENFILE",
            Self::Slots => "ERR 1040",
            Self::AcceptQueue => "ListenOverflows",
            Self::Threads => "ERR 1135",
            Self::Memory => "OOM",
            Self::Orphans => "TCPAbortOnMemory",
            Self::TwBuckets => "TCPTimeWaitOverflow",
            Self::ConnectCpu => "%system",
        }
    }

    /// The number is an estimate, not a rule of the kernel or the server.
    #[must_use]
    pub const fn approximate(self) -> bool {
        match self {
            Self::AcceptQueue | Self::Threads | Self::Memory | Self::ConnectCpu => true,
            Self::Ports
            | Self::NofileSoft
            | Self::NofileHard
            | Self::NrOpen
            | Self::FileMax
            | Self::Slots
            | Self::Orphans
            | Self::TwBuckets => false,
        }
    }
}

/// What the clients take of a limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// So many at once, for good.
    Holds(f64),
    /// So many a second, each for so many seconds.
    Flow {
        /// A second.
        rate: f64,
        /// Seconds each is held.
        hold: f64,
    },
    /// So many a second at first, and none comes back.
    Grows {
        /// A second, at first.
        rate: f64,
    },
}

impl Need {
    /// How many are held in the long run; infinite for what never comes back.
    #[must_use]
    pub fn held(self) -> f64 {
        match self {
            Self::Nothing => 0.0,
            Self::Holds(n) => n,
            Self::Flow { rate, hold } => rate * hold,
            Self::Grows { .. } => f64::INFINITY,
        }
    }
}

/// When a limit binds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Binds {
    /// So many seconds after the demand begins.
    After(f64),
    /// Not now, but at so many times this load.
    AtLoad(f64),
    /// Nothing here takes any of it.
    Never,
}

impl Binds {
    /// Sorts what binds first to the front.
    fn order(self) -> (u8, f64) {
        match self {
            Self::After(seconds) => (0, seconds),
            Self::AtLoad(times) => (1, times),
            Self::Never => (2, 0.0),
        }
    }
}

/// A formula three times: in symbols, with the numbers put in, and its value.
#[derive(Clone, PartialEq, Debug)]
pub struct Formula {
    /// `high − low + 1 − owned`.
    pub symbols: &'static str,
    /// `60999 − 32768 + 1 − 1`.
    pub numbers: String,
    /// What it comes to.
    pub value: f64,
    /// Where the rule stands: kernel function, manual page, variable.
    pub source: &'static str,
}

/// One limit of the scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Limit {
    /// Which.
    pub id: LimitId,
    /// On which host.
    pub host: HostIx,
    /// Of which process, if it is a process's own.
    pub process: Option<ProcessIx>,
    /// How many there are for the clients.
    pub capacity: Formula,
    /// What the clients take.
    pub need: Need,
    /// The formula of what they take: its value is [`Need::held`], or a rate a second for what grows.
    pub demand: Option<Formula>,
    /// When it binds.
    pub binds: Binds,
}

/// The limits of a scenario, the first to bind in front.
#[derive(Clone, PartialEq, Debug)]
pub struct Capacity {
    /// What each client asks for.
    pub demands: Vec<Demand>,
    /// The limits in the order in which they bind.
    pub limits: Vec<Limit>,
    /// The same rules at other settings.
    pub tables: Tables,
}

impl Capacity {
    /// The formulas, with the limits of the run as it stands: advance it with
    /// [`advance_to_demand`] first, so that servers have bound their ports.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let demands = demand::demands(run);
        let mut limits = limits::limits(run, &demands);
        limits.sort_by(|a, b| a.binds.order().partial_cmp(&b.binds.order()).unwrap_or(core::cmp::Ordering::Equal));
        let tables = Tables::new(run, &demands);
        Self { demands, limits, tables }
    }

    /// What a program or a counter says when a limit binds; of the ports, what the first client is told.
    #[must_use]
    pub fn sign(&self, id: LimitId) -> &'static str {
        let bound = self.demands.first().is_some_and(|demand| demand.cycle.bound);
        if id == LimitId::Ports && bound { "EADDRINUSE" } else { id.sign() }
    }

    /// The first of a kind.
    #[must_use]
    pub fn limit(&self, id: LimitId) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.id == id)
    }
}

/// When the clients' demand begins: at the first `kill session` of a scenario
/// that has one, else when the first client starts.
#[must_use]
pub fn demand_begins(scenario: &Scenario, demands: &[Demand]) -> Instant {
    let kill = scenario.timeline.iter().find_map(|action| match (&action.kind, action.at) {
        (crate::scenario::ActionKind::KillSession { .. }, crate::scenario::Moment::At(at)) => Some(at),
        _ => None,
    });
    let start = |demand: &Demand| scenario.processes[demand.process].start.unwrap_or(Instant::ZERO);
    let killed = demands.iter().any(|demand| demand.after_kill);
    kill.filter(|_| killed).or_else(|| demands.iter().map(start).min()).unwrap_or(Instant::ZERO)
}

/// Runs to just before the clients' demand begins.
///
/// # Errors
/// When a budget is exceeded.
pub fn advance_to_demand(run: &mut Run) -> Result<Instant, SimError> {
    let begins = demand_begins(run.scenario(), &demand::demands(run));
    let before = begins.saturating_sub(Duration::from_nanos(1));
    if before > run.world().now() {
        run.run_until(before, &mut NoObserver)?;
    }
    Ok(begins)
}
