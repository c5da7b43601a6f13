//! What must hold, with what shows that it was put to the test.

use super::history::SURFACED;
use super::view::View;
use super::words::Words;
use crate::say;
use crate::tcp::TcpState;
use crate::text::Lang;
use crate::time::Duration;

type Holds = Box<dyn Fn(&View<'_>, Lang) -> Result<(), String>>;
type Guard = Box<dyn Fn(&View<'_>) -> bool>;

/// A statement about every moment of every case.
pub struct Property {
    /// Its name in messages.
    pub(super) name: String,
    pub(super) holds: Holds,
    pub(super) guard: Guard,
    /// As a scenario file would expect it: a metric and its largest value.
    pub(super) metric: Option<(&'static str, Bound)>,
}

/// What a violated property looks like among the metrics of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// The metric must be below what it was at the violation.
    Below,
    /// The metric must have grown since the last fault.
    Grows,
}

impl core::fmt::Debug for Property {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Property").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Property {
    /// Must hold at every moment: `Err` says why it does not.
    pub fn always(name: impl Into<String>, holds: impl Fn(&View<'_>) -> Result<(), String> + 'static) -> Self {
        Self { name: name.into(), holds: Box::new(move |view, _| holds(view)), guard: Box::new(|_| true), metric: None }
    }

    /// Must be true at some moment of some case: a guard against tests that test nothing.
    pub fn sometimes(name: impl Into<String>, seen: impl Fn(&View<'_>) -> bool + 'static) -> Self {
        Self { name: name.into(), holds: Box::new(|_, _| Ok(())), guard: Box::new(seen), metric: None }
    }

    /// The property counts as tested only if this was true at some moment of some case.
    #[must_use]
    pub fn provided(mut self, seen: impl Fn(&View<'_>) -> bool + 'static) -> Self {
        self.guard = Box::new(seen);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn ready(
        name: &str,
        metric: Option<(&'static str, Bound)>,
        guard: impl Fn(&View<'_>) -> bool + 'static,
        holds: impl Fn(&View<'_>, Lang) -> Result<(), String> + 'static,
    ) -> Self {
        Self { name: name.to_owned(), holds: Box::new(holds), guard: Box::new(guard), metric }
    }
}

/// A span that was measured: to the millisecond.
fn seconds(span: Duration) -> String {
    format!("{} s", span.decimal(1_000_000_000, 3))
}

fn by(who: Option<String>, lang: Lang) -> String {
    who.map_or_else(String::new, |who| say!(lang, Words::By, who))
}

/// No connection of the host stays in CLOSE_WAIT for `limit`. Tested when a peer closed first.
#[must_use]
pub fn no_old_close_wait(limit: Duration) -> Property {
    let metric = Some(("{host}.tcp.close_wait", Bound::Below));
    let guard = |view: &View<'_>| view.history.peer_closed > 0;
    Property::ready("no old CLOSE_WAIT", metric, guard, move |view, lang| {
        match view.oldest(TcpState::CloseWait).filter(|age| *age >= limit) {
            Some(age) => {
                let (age, who) = (seconds(age), by(view.oldest_opened_by(TcpState::CloseWait), lang));
                Err(say!(lang, Words::OldCloseWait, age, who))
            }
            None => Ok(()),
        }
    })
}

/// From `after` the last fault on, no more descriptors are open than before the
/// first one, and `slack`. Tested when a connection was lost.
#[must_use]
pub fn fds_return_to_baseline(after: Duration, slack: u32) -> Property {
    let metric = Some(("{subject}.fd.open", Bound::Below));
    Property::ready(
        "descriptors return to their baseline",
        metric,
        |view| view.lost() > 0,
        move |view, lang| {
            let (fds, baseline) = (view.fds(), view.baseline_fds());
            match view.since_faults().filter(|since| *since >= after) {
                Some(since) if baseline > 0 && fds > baseline + slack => {
                    let (since, who) = (seconds(since), by(view.last_opened_by(), lang));
                    Err(say!(lang, Words::Fds, fds, since, baseline, who))
                }
                Some(_) | None => Ok(()),
            }
        },
    )
}

/// At most `limit` source ports are in use, TIME_WAIT included: `k` times the pool's size.
#[must_use]
pub fn ports_at_most(limit: usize) -> Property {
    Property::ready(
        "few source ports",
        None,
        |view| view.connects() > 1,
        move |view, lang| {
            let used = view.ports_used();
            if used > limit { Err(say!(lang, Words::Ports, used, limit)) } else { Ok(()) }
        },
    )
}

/// From the first fault on, at most `limit` calls of `connect()` within `window`.
/// Tested when the client reconnected.
#[must_use]
pub fn connect_rate_at_most(limit: usize, window: Duration) -> Property {
    Property::ready(
        "no connect storm",
        None,
        |view| view.lost() > 0 && view.connects() > 1,
        move |view, lang| {
            let Some(first) = view.first_fault.filter(|first| *first <= view.now()) else { return Ok(()) };
            let (calls, _) = view.history.busiest(window, first);
            if calls > limit { Err(say!(lang, Words::Storm, calls, window, limit)) } else { Ok(()) }
        },
    )
}

/// Each EADDRNOTAVAIL, EMFILE and ECONNREFUSED is told to the caller
/// ([`SimNet::told`](crate::app::task::SimNet::told)) within `limit`. Tested when there was one.
#[must_use]
pub fn errors_are_told(limit: Duration) -> Property {
    let guard = |view: &View<'_>| view.history.failed.iter().any(|n| *n > 0);
    Property::ready("errors reach the caller", None, guard, move |view, lang| {
        for (errno, since) in SURFACED.iter().zip(view.history.failures) {
            let Some(age) = since.map(|since| view.now().since(since)) else { continue };
            if age >= limit && view.running() {
                let age = seconds(age);
                return Err(say!(lang, Words::NotTold, errno, age));
            }
        }
        Ok(())
    })
}

/// From `limit` after the last fault on, at least a quarter of what was served before the
/// first one is served again, counted over ten seconds. Tested when a fault broke a connection.
#[must_use]
pub fn healthy_again_within(limit: Duration) -> Property {
    let metric = Some(("{served}", Bound::Grows));
    Property::ready(
        "healthy again",
        metric,
        |view| view.lost() > 0,
        move |view, lang| {
            let Some(since) = view.since_faults().filter(|since| *since >= limit) else { return Ok(()) };
            let (lately, usually) = (view.served_lately(), view.served_usually());
            if lately > 0 && lately >= usually / 4 {
                return Ok(());
            }
            match view.world.phase(view.subject.0, view.subject.1) {
                crate::sim::Phase::Exited(status) => Err(say!(lang, Words::Ended, status)),
                crate::sim::Phase::Waiting | crate::sim::Phase::Running | crate::sim::Phase::Stopped => {
                    Err(say!(lang, Words::NotServed, seconds(since), lately, usually))
                }
            }
        },
    )
}

/// No request fails because it was sent over a connection that had been dead for
/// `grace`: whoever hands out connections looks first. Tested when a connection died.
#[must_use]
pub fn no_dead_handle(grace: Duration) -> Property {
    /// From a send on a dead connection to its failure being told.
    const NEAR: Duration = Duration::from_secs(1);
    Property::ready(
        "no dead connection is used",
        None,
        |view| view.history.peer_closed > 0,
        move |view, lang| {
            let (Some((at, age)), Some(told)) = (view.history.dead_use, view.notes.lost_told_at) else { return Ok(()) };
            if age >= grace && told >= at && told.since(at) <= NEAR {
                return Err(say!(lang, Words::DeadUse, seconds(age)));
            }
            Ok(())
        },
    )
}

/// At most `limit` sessions of the server wait for a login. Tested when one logged in.
#[must_use]
pub fn unauthenticated_at_most(limit: usize) -> Property {
    Property::ready(
        "few sessions without login",
        None,
        |view| view.served() > 0,
        move |view, lang| {
            let held = view.unauthenticated();
            if held > limit { Err(say!(lang, Words::Slots, held, limit)) } else { Ok(()) }
        },
    )
}

/// All of the above for a client whose pool has at most `pool` connections.
#[must_use]
pub fn ready(pool: u32) -> Vec<Property> {
    let pool_size = pool as usize;
    vec![
        no_old_close_wait(Duration::from_secs(20)),
        fds_return_to_baseline(Duration::from_secs(20), pool / 2 + 2),
        // Connections closed by the client itself stay a minute in TIME_WAIT.
        ports_at_most(16 * pool_size + 16),
        connect_rate_at_most(pool_size / 2 + 2, Duration::from_millis(20)),
        errors_are_told(Duration::from_secs(20)),
        healthy_again_within(Duration::from_secs(30)),
        no_dead_handle(Duration::from_secs(1)),
        unauthenticated_at_most(2 * pool_size + 2),
    ]
}
