//! A case driven step by step, for state-machine tests and experiments.

use core::fmt;

use super::case::{Case, Subject};
use super::plan::{Fault, Plan, TimedFault};
use super::view::View;
use crate::app::task::Program;
use crate::sim::SimError;
use crate::time::{Duration, Instant};
use std::rc::Rc;

/// A plan's world with a client under test, to which faults happen when the caller says so.
///
/// ```
/// use halfclose::app::task::{Program, SimNet};
/// use halfclose::check::{Fault, Live, Plan};
/// use halfclose::time::Duration;
///
/// let client = || Program::new(|net: SimNet| async move { net.sleep(core::time::Duration::MAX).await });
/// let mut live = Live::client(&Plan::default(), client);
/// live.strike(Fault::PauseServer, Duration::from_secs(5))?;
/// live.wait(Duration::from_secs(2))?;
/// assert_eq!(live.view().fds(), 3);
/// assert_eq!(live.view().since_faults(), None); // the fault lasts
/// # Ok::<(), halfclose::sim::SimError>(())
/// ```
pub struct Live {
    case: Case,
    /// Ends of faults to come.
    ends: Vec<(Instant, usize)>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("now", &self.case.world.now()).field("ends", &self.ends).finish()
    }
}

impl Live {
    /// The world of a plan, whose own faults are left out.
    pub fn client(plan: &Plan, make: impl Fn() -> Program + 'static) -> Self {
        let plan = Plan { faults: Vec::new(), ..plan.clone() };
        Self { case: Case::new(&plan, &Subject::Client(Rc::new(make))), ends: Vec::new() }
    }

    /// A fault begins now.
    ///
    /// # Errors
    /// When a budget of the world is exceeded.
    pub fn strike(&mut self, fault: Fault, lasts: Duration) -> Result<(), SimError> {
        let now = self.case.world.now();
        let fault = TimedFault { at: now.since(Instant::ZERO), lasts, fault };
        let ix = self.case.add_fault(fault);
        self.case.advance(now, Some((ix, true)), None)?;
        self.ends.push((Instant::ZERO + fault.end(), ix));
        self.ends.sort_unstable();
        self.wait(Duration::ZERO)
    }

    /// Lets time pass; faults end on the way.
    ///
    /// # Errors
    /// When a budget of the world is exceeded.
    pub fn wait(&mut self, span: Duration) -> Result<(), SimError> {
        let until = self.case.world.now() + span;
        loop {
            let end = self.ends.first().copied().filter(|(at, _)| *at <= until);
            let next = (self.case.world.now() + Duration::from_millis(500)).min(until);
            match end {
                Some((at, ix)) if at <= next => {
                    self.ends.remove(0);
                    self.case.advance(at, Some((ix, false)), None)?;
                }
                Some(_) | None => {
                    self.case.advance(next, None, None)?;
                    if next == until {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// What there is to see.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.case.view()
    }
}
