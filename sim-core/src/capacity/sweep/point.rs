//! One simulated point.

use serde::{Deserialize, Serialize};

use super::plan::{Measure, Plan, fingerprint};
use super::{Setting, Unit};
use crate::capacity::VariantError;
use crate::scenario::{Bound, Expectation, MarkRef, Moment, OverSeeds, Run, Scenario, ScenarioError, duration};
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;

/// What is known about one point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The unit it belongs to.
    pub unit: usize,
    /// Fingerprint of what it depends on: plan, settings, seed.
    pub key: String,
    /// Its values.
    #[serde(with = "super::pairs")]
    pub set: Vec<Setting>,
    /// Its seed.
    pub seed: u64,
    /// The measures in the plan's order; `None` where a moment never came.
    #[serde(with = "super::pairs")]
    pub measures: Vec<(String, Option<i64>)>,
    /// The run's digest.
    pub digest: String,
    /// Events simulated.
    pub events: u64,
    /// Virtual time reached, in ns.
    pub virtual_ns: u64,
}

/// A variant under a seed, ready to be simulated.
#[derive(Clone, Debug)]
pub struct Point<'a> {
    plan: &'a Plan,
    unit: usize,
    settings: Vec<Setting>,
    seed: u64,
}

/// Why a point has no outcome.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct PointError {
    /// Its values.
    pub settings: Vec<Setting>,
    /// Its seed.
    pub seed: u64,
    /// What is wrong with it.
    pub error: PointProblem,
}

/// What is wrong with a point.
#[derive(Debug, thiserror::Error)]
pub enum PointProblem {
    /// Its values, or the scenario they are put into.
    #[error("{0}")]
    Variant(VariantError),
    /// A measure.
    #[error("{0}")]
    Measure(MeasureError),
}

/// What is wrong with a measure.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct MeasureError {
    /// Which, as the plan lists them.
    pub index: usize,
    /// Its field: `metric`, `at`, `since`, `per`, `time_of`.
    pub field: &'static str,
    /// What is wrong with it.
    pub error: ScenarioError,
}

impl<E: Into<VariantError>> From<E> for PointProblem {
    fn from(error: E) -> Self {
        Self::Variant(error.into())
    }
}

impl<'a> Point<'a> {
    /// The point of a unit that has a seed of its own.
    #[must_use]
    pub fn of(plan: &'a Plan, unit: &Unit, seed: u64) -> Self {
        Self { plan, unit: unit.index, settings: unit.settings.clone(), seed }
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// The unit it belongs to.
    #[must_use]
    pub const fn unit(&self) -> usize {
        self.unit
    }

    /// Fingerprint of what the outcome depends on.
    #[must_use]
    pub fn key(&self) -> String {
        fingerprint(format!("{} {:?} {}", self.plan.fingerprint(), self.settings, self.seed).as_bytes())
    }

    /// The scenario with its measures, checked but not run.
    ///
    /// # Errors
    /// If values or measures are no good.
    pub fn check(&self) -> Result<Scenario, PointError> {
        self.prepare().map(|(scenario, _)| scenario).map_err(|error| self.failed(error))
    }

    /// Simulates it.
    ///
    /// # Errors
    /// If values or measures are no good, or a budget is exceeded.
    pub fn simulate(&self) -> Result<Outcome, PointError> {
        self.try_simulate().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: PointProblem) -> PointError {
        PointError { settings: self.settings.clone(), seed: self.seed, error }
    }

    /// The scenario whose expectations are the measures, and the marks to be timed.
    fn prepare(&self) -> Result<(Scenario, Vec<Option<MarkRef>>), PointProblem> {
        let mut scenario = self.plan.base.with(&self.settings).scenario()?;
        scenario.expectations.clear();
        let mut marks = Vec::new();
        for read in measured(self.plan, &scenario) {
            let (expectation, mark) = read.map_err(PointProblem::Measure)?;
            scenario.expectations.extend(expectation);
            marks.push(mark);
        }
        Ok((scenario, marks))
    }

    fn try_simulate(&self) -> Result<Outcome, PointProblem> {
        let (scenario, marks) = self.prepare()?;
        let mut run = Run::new(scenario, self.seed)?;
        run.run_to_end(&mut NoObserver)?;
        let mut read = run.verdicts().into_iter();
        let measures = self.plan.measures.iter().zip(marks).map(|(measure, mark)| {
            let value = match mark {
                Some(mark) => run.mark(mark).and_then(|at| i64::try_from(at.since(Instant::ZERO).as_millis()).ok()),
                None => read.next().and_then(|row| row.actual),
            };
            (measure.name.clone(), value)
        });
        Ok(Outcome {
            unit: self.unit,
            key: self.key(),
            set: self.settings.clone(),
            seed: self.seed,
            measures: measures.collect(),
            digest: run.world().digest().to_string(),
            events: run.world().events(),
            virtual_ns: run.world().now().nanos(),
        })
    }
}

/// How a measure is read: an expectation, or the mark that is timed.
type Reading = (Option<Expectation>, Option<MarkRef>);

/// How each of the plan's measures is read.
pub(super) fn measured(plan: &Plan, scenario: &Scenario) -> Vec<Result<Reading, MeasureError>> {
    let read = |(index, measure): (usize, &Measure)| {
        let read = match &measure.time_of {
            Some(name) => mark(scenario, name).map(|mark| (None, Some(mark))).map_err(|error| ("time_of", error)),
            None => expectation(scenario, measure).map(|expectation| (Some(expectation), None)),
        };
        read.map_err(|(field, error)| MeasureError { index, field, error })
    };
    plan.measures.iter().enumerate().map(read).collect()
}

/// A measure as an expectation that always holds: one way to read a moment.
/// What fails is told with its field.
fn expectation(scenario: &Scenario, measure: &Measure) -> Result<Expectation, (&'static str, ScenarioError)> {
    let moment = |field, text: &Option<String>| {
        text.as_deref().map(|text| scenario.moment(text)).transpose().map_err(|error| (field, error))
    };
    let end = Moment::Mark { mark: MarkRef::End, offset: Duration::ZERO, before: false };
    Ok(Expectation {
        name: measure.name.clone(),
        quantity: (scenario.quantity(measure.metric.as_deref().unwrap_or_default()))
            .map_err(|error| ("metric", error))?,
        at: moment("at", &measure.at)?.unwrap_or(end),
        since: moment("since", &measure.since)?,
        per: measure.per.as_deref().map(duration).transpose().map_err(|error| ("per", error))?,
        bound: Bound::Range { min: None, max: None },
        over_seeds: OverSeeds::All,
    })
}

fn mark(scenario: &Scenario, name: &str) -> Result<MarkRef, ScenarioError> {
    match scenario.moment(name)? {
        Moment::Mark { mark, .. } => Ok(mark),
        Moment::At(_) => Ok(MarkRef::End),
    }
}
