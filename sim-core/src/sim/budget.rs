//! Limits that turn a run-away scenario into an error that says what to do.

use crate::say;
use crate::text::{Lang, Msg};
use crate::time::Instant;
use crate::units::HostId;

/// Upper bounds of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budgets {
    /// Events in all (`budget.events`).
    pub events: u64,
    /// Events without the clock moving on (`budget.same_instant`).
    pub same_instant: u64,
    /// Sockets, minisocks and requests at once on one host (`budget.sockets`).
    pub sockets: u32,
    /// Packets in flight at once (`budget.packets`).
    pub packets: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { events: 200_000_000, same_instant: 1_000_000, sockets: 4_000_000, packets: 4_000_000 }
    }
}

/// Which budget a step exceeded: two words that the loop hands up; only there
/// does it become a [`SimError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overrun {
    Events(Instant),
    SameInstant(Instant),
    Packets,
    Sockets(HostId),
}

/// Why a run cannot go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// [`Budgets::events`] is used up.
    #[error("more than {limit} events by {at}s: raise budget.events, or end the run earlier")]
    Events {
        /// The budget.
        limit: u64,
        /// Virtual time reached.
        at: Instant,
    },
    /// [`Budgets::same_instant`] is used up.
    #[error(
        "more than {limit} events at {at}s without time passing: a program loops without a costly call or a sleep; \
         give its host a cost profile other than `free`, or raise budget.same_instant"
    )]
    SameInstant {
        /// The budget.
        limit: u64,
        /// Virtual time at which the clock stands.
        at: Instant,
    },
    /// [`Budgets::sockets`] is used up.
    #[error("more than {limit} sockets on host {host} at {at}s: raise budget.sockets")]
    Sockets {
        /// The budget.
        limit: u32,
        /// The host.
        host: String,
        /// Virtual time reached.
        at: Instant,
    },
    /// [`Budgets::packets`] is used up.
    #[error("more than {limit} packets in flight at {at}s: raise budget.packets")]
    Packets {
        /// The budget.
        limit: u32,
        /// Virtual time reached.
        at: Instant,
    },
    /// Whoever runs it wants it to stop (Ctrl-C); it can go on from here.
    #[error("interrupted at {at}s")]
    Interrupted {
        /// Virtual time reached.
        at: Instant,
    },
}

impl SimError {
    /// What happened and which knob to turn, in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let (what, knob) = match self {
            Self::Events { limit, at } => (say!(lang, Msg::BudgetEvents, limit, clock(*at)), "events"),
            Self::SameInstant { limit, at } => (say!(lang, Msg::BudgetSameInstant, limit, clock(*at)), "same_instant"),
            Self::Sockets { limit, host, at } => (say!(lang, Msg::BudgetSockets, limit, clock(*at), host), "sockets"),
            Self::Packets { limit, at } => return say!(lang, Msg::BudgetPackets, limit, clock(*at)),
            Self::Interrupted { at } => return say!(lang, Msg::Interrupted, clock(*at)),
        };
        format!("{what}\n{}", say!(lang, Msg::BudgetHint, knob))
    }
}

fn clock(at: Instant) -> String {
    format!("{} s", at.since(Instant::ZERO).decimal(1_000_000_000, 3))
}

/// Why a world cannot be copied.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// A program's [`App::fork`](crate::app::App::fork) said no.
    #[error("the program of process {process} on host {host} cannot be copied")]
    Program {
        /// Host name.
        host: String,
        /// Process name.
        process: String,
    },
}
