//! Property tests of clients and servers: random small worlds, faults at random
//! times, ready properties, and counterexamples one can read, run and look at.
//!
//! ```
//! use std::time::Duration;
//! use halfclose::app::task::SimNet;
//! use halfclose::check::{Check, ready};
//!
//! /// Connects and holds the connection; after a failure, or when it is over, waits and connects anew.
//! async fn client(net: SimNet) {
//!     loop {
//!         match net.connect("db.example:3306").await {
//!             Ok(stream) => hold(stream).await,
//!             Err(error) => net.told(&error),
//!         }
//!         net.sleep(Duration::from_millis(500 + net.random() % 1_000)).await;
//!     }
//! }
//!
//! async fn hold(mut stream: halfclose::app::task::SimTcpStream) {
//!     use futures_io::AsyncRead;
//!     use std::{future::poll_fn, pin::Pin};
//!     let mut bytes = [0; 64];
//!     while let Ok(1..) = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut bytes)).await {}
//! }
//!
//! let report = Check::client(client)
//!     .property(halfclose::check::no_old_close_wait(halfclose::time::Duration::from_secs(20)))
//!     .cases(20)
//!     .run(); // panics with the story of the smallest failing case
//! assert_eq!(report.cases, 20);
//! ```
//!
//! A case is a [`Plan`]: two hosts, `client` and `db`, a MySQL server (or clients, where
//! the program under test is the server), a name server that knows `db.example`, and
//! [`Fault`]s. The same plan gives the same run. [`Plans`] is a proptest strategy for
//! plans; what it finds shrinks faults first, then times, then sizes.

mod case;
mod counterexample;
mod history;
pub mod lint;
mod live;
mod plan;
mod property;
mod scenario_file;
mod strategy;
#[cfg(test)]
mod tests;
mod view;
mod words;

use core::future::Future;
use core::panic::Location;
use std::rc::Rc;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

pub use case::{CLIENT_ADDR, DNS_ADDR, SERVER_ADDR, SERVER_NAME, Violation};
pub use counterexample::Counterexample;
pub use history::History;
pub use live::Live;
pub use plan::{Fault, Plan, SysctlChange, TimedFault, Topology};
pub use property::{
    Property, connect_rate_at_most, errors_are_told, fds_return_to_baseline, healthy_again_within, no_dead_handle,
    no_old_close_wait, ports_at_most, ready, unauthenticated_at_most,
};
pub use strategy::{PlanTree, Plans};
pub use view::View;
pub use words::Words;

use crate::app::task::{ExitStatus, Program, SimNet};
use crate::sim::SimError;
use case::Subject;
use counterexample::Saved;

/// A check of one program: its cases and its properties.
pub struct Check {
    subject: Subject,
    plans: Plans,
    properties: Vec<Property>,
    cases: u32,
    seed: u64,
    regressions: Vec<Plan>,
    save: Option<(String, Save)>,
}

type Save = Box<dyn Fn(String, String) -> std::io::Result<()>>;

/// What a check that found nothing did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Cases run.
    pub cases: u32,
    /// Events of all worlds.
    pub events: u64,
    /// Each property, and in how many cases its guard was true.
    pub guards: Vec<(String, u32)>,
}

/// What a check found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A property does not hold.
    #[error("{0}")]
    Violated(Box<Counterexample>),
    /// A property was never put to the test: the guard was true in no case.
    #[error("in {cases} cases `{property}` was never put to the test: nothing that it speaks of happened")]
    Vacuous {
        /// Which.
        property: String,
        /// How many cases there were.
        cases: u32,
    },
    /// A world's budget was exceeded.
    #[error("case {case}: {error}\n{plan:#?}")]
    Budget {
        /// Number of the case, from 0.
        case: u32,
        /// Which budget.
        error: SimError,
        /// The case.
        plan: Box<Plan>,
    },
}

impl Check {
    /// Checks a client: an async function, started on the host `client`. The server
    /// is a MySQL server at `db.example:3306`.
    #[track_caller]
    pub fn client<F, T>(main: impl Fn(SimNet) -> F + 'static) -> Self
    where
        F: Future<Output = T> + 'static,
        T: ExitStatus + 'static,
    {
        let (main, at) = (Rc::new(main), Location::caller());
        Self::client_program(move || {
            let main = Rc::clone(&main);
            Program::new(move |net| main(net)).spawned_at(at)
        })
    }

    /// Checks a client made anew for each case, to set its `/etc/hosts` or run it inside tokio.
    pub fn client_program(make: impl Fn() -> Program + 'static) -> Self {
        Self::of(Subject::Client(Rc::new(make)), Plans::default())
    }

    /// Checks a server that listens on this port of the host `db`. Clients send 16 bytes a second and
    /// wait for an answer; the server counts each as `served` ([`SimNet::count`]).
    #[track_caller]
    pub fn server<F, T>(port: u16, main: impl Fn(SimNet) -> F + 'static) -> Self
    where
        F: Future<Output = T> + 'static,
        T: ExitStatus + 'static,
    {
        let (main, at) = (Rc::new(main), Location::caller());
        let make = move || {
            let main = Rc::clone(&main);
            Program::new(move |net| main(net)).spawned_at(at)
        };
        let kinds = vec![Fault::Burst(40), Fault::Partition, Fault::LossToClient, Fault::FewFds(8), Fault::Refuse];
        Self::of(Subject::Server(port, Rc::new(make)), Plans { kinds, ..Plans::default() })
    }

    fn of(subject: Subject, plans: Plans) -> Self {
        Self { subject, plans, properties: Vec::new(), cases: 256, seed: 1, regressions: Vec::new(), save: None }
    }

    /// How many cases.
    #[must_use]
    pub const fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Seed of the cases; the same seed gives the same ones.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What cases may be: changes the strategy.
    #[must_use]
    pub fn plans(mut self, change: impl FnOnce(&mut Plans)) -> Self {
        change(&mut self.plans);
        self
    }

    /// One more property.
    #[must_use]
    pub fn property(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    /// More properties: [`ready`] has the usual ones.
    #[must_use]
    pub fn properties(mut self, properties: impl IntoIterator<Item = Property>) -> Self {
        self.properties.extend(properties);
        self
    }

    /// A case found before: it is run first.
    #[must_use]
    pub fn regression(mut self, plan: Plan) -> Self {
        self.regressions.push(plan);
        self
    }

    /// A scenario file of a case found before: it is run first.
    ///
    /// # Panics
    /// If the file was not written by a [`Counterexample`].
    #[must_use]
    pub fn regression_file(self, text: &str) -> Self {
        let plan = Plan::from_scenario(text).expect("a scenario file that a counterexample wrote, with its plan");
        self.regression(plan)
    }

    /// [`Check::run`] writes the scenario of what it finds into this file instead of into its message:
    /// `.save("found.toml", std::fs::write)`. A test's working directory is its package's. The library
    /// itself writes nothing; `write` gets the file's name and the scenario's text.
    #[must_use]
    pub fn save(
        mut self,
        file: impl Into<String>,
        write: impl Fn(String, String) -> std::io::Result<()> + 'static,
    ) -> Self {
        self.save = Some((file.into(), Box::new(write)));
        self
    }

    /// Runs all cases.
    ///
    /// # Panics
    /// With the story of the simplest failing case and what to do with it, or with the name of a property
    /// that was never put to the test.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "it panics; what it reports is for who wants to read it")]
    pub fn run(&self) -> Report {
        match self.try_run() {
            Ok(report) => report,
            Err(Failure::Violated(mut found)) => {
                if let Some((file, write)) = &self.save {
                    found.saved = match write(file.clone(), found.scenario().to_owned()) {
                        Ok(()) => Saved::In(file.clone()),
                        Err(error) => Saved::Failed(file.clone(), error.to_string()),
                    };
                }
                panic!("{found}")
            }
            Err(failure @ (Failure::Vacuous { .. } | Failure::Budget { .. })) => panic!("{failure}"),
        }
    }

    /// Runs one case.
    ///
    /// # Errors
    /// When a property does not hold, unshrunk; or when a budget is exceeded.
    pub fn run_plan(&self, plan: &Plan) -> Result<(), Failure> {
        let run = self.run_one(0, plan)?;
        match run.violation {
            Some(violation) => Err(self.found((0, run.case.world.events()), plan, plan.clone(), violation, 0)),
            None => Ok(()),
        }
    }

    /// Runs all cases.
    ///
    /// # Errors
    /// What was found first.
    pub fn try_run(&self) -> Result<Report, Failure> {
        let config = Config { rng_seed: RngSeed::Fixed(self.seed), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let mut report = Report { cases: 0, events: 0, guards: Vec::new() };
        let mut guards = vec![0; self.properties.len()];
        let regressions = u32::try_from(self.regressions.len()).unwrap_or(u32::MAX);
        for case in 0..regressions + self.cases {
            let plan = match self.regressions.get(case as usize) {
                Some(plan) => plan.clone(),
                None => self.plans.new_tree(&mut runner).expect("the strategy rejects nothing").current(),
            };
            let run = self.run_one(case, &plan)?;
            report.cases += 1;
            report.events += run.case.world.events();
            guards.iter_mut().zip(&run.guarded).for_each(|(sum, on)| *sum += u32::from(*on));
            if let Some(violation) = run.violation {
                return Err(self.shrink((case, report.events), &plan, violation));
            }
        }
        if let Some(at) = guards.iter().position(|n| *n == 0).filter(|_| self.cases > 0) {
            return Err(Failure::Vacuous { property: self.properties[at].name.clone(), cases: report.cases });
        }
        let names = self.properties.iter().map(|property| property.name.clone());
        report.guards = names.zip(guards).collect();
        Ok(report)
    }

    fn run_one(&self, case: u32, plan: &Plan) -> Result<case::Run, Failure> {
        case::run(plan, &self.subject, &self.properties).map_err(|error| Failure::Budget {
            case,
            error,
            plan: Box::new(plan.clone()),
        })
    }

    /// `found`: number of the case, and events so far.
    fn shrink(&self, found: (u32, u64), plan: &Plan, violation: Violation) -> Failure {
        // Only the same property counts: another one would be another finding.
        let broken = |plan: &Plan| {
            let run = case::run(plan, &self.subject, &self.properties).ok()?;
            run.violation.filter(|found| found.property == violation.property)
        };
        let (best, tried) = strategy::shrink(plan.clone(), |plan| broken(plan).is_some());
        let last = broken(&best).unwrap_or(violation);
        self.found(found, plan, best, last, tried)
    }

    fn found(&self, (case, events): (u32, u64), first: &Plan, plan: Plan, violation: Violation, tried: u32) -> Failure {
        let property = &self.properties[violation.property];
        let mut found = Counterexample::of(&self.subject, property, case, first.clone(), plan, violation, tried);
        found.events = events;
        Failure::Violated(Box::new(found))
    }
}
