//! Expectations: what must come out, and whether it did.

use super::expr::{EvalError, Expr};
use super::metric::Metric;
use super::spec::{Moment, OverSeeds};
use crate::time::Duration;

/// The bound a value is held against.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Bound {
    /// Exactly.
    Eq(Expr),
    /// At least, at most, or both.
    Range {
        /// Least value.
        min: Option<Expr>,
        /// Greatest value.
        max: Option<Expr>,
    },
}

/// One expectation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Expectation {
    /// Its name, by default the quantity as written.
    pub name: String,
    /// What is read.
    pub quantity: Expr,
    /// When.
    pub at: Moment,
    /// Growth since this moment instead of the value.
    pub since: Option<Moment>,
    /// Growth per this long.
    pub per: Option<Duration>,
    /// What it must be.
    pub bound: Bound,
    /// For which seeds.
    pub over_seeds: OverSeeds,
}

/// Reads a metric in some state of the world.
pub type ReadMetric<'a> = &'a dyn Fn(&Metric) -> Option<i64>;

/// The state an expectation's growth counts from.
#[derive(Clone, Copy)]
pub struct Since<'a> {
    /// Metrics then.
    pub read: ReadMetric<'a>,
    /// From then to the expectation's moment.
    pub elapsed: Duration,
}

impl core::fmt::Debug for Since<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Since").field("elapsed", &self.elapsed).finish_non_exhaustive()
    }
}

/// The outcome of one expectation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckRow {
    /// The expectation's name.
    pub name: String,
    /// Its moment.
    pub at: Moment,
    /// The moment from which growth was counted.
    pub since: Option<Moment>,
    /// What was expected, with numbers put in: `28231`, `>= 5`, `5..=8`.
    pub expected: String,
    /// What came out; `None` if it could not be read.
    pub actual: Option<i64>,
    /// It came out as expected.
    pub ok: bool,
    /// Why there is no verdict on numbers.
    pub error: Option<EvalError>,
}

impl Expectation {
    /// Holds the expectation against the world. `read` gives metrics at its
    /// moment; `since` those at its other moment, where it has one.
    #[must_use]
    pub fn check(&self, read: ReadMetric<'_>, since: Option<Since<'_>>) -> CheckRow {
        match self.try_check(read, since) {
            Ok(row) => row,
            Err(error) => {
                CheckRow { expected: String::new(), actual: None, ok: false, error: Some(error), ..self.never() }
            }
        }
    }

    /// Every metric it reads, with repeats.
    pub fn metrics(&self, out: &mut Vec<Metric>) {
        self.quantity.metrics(out);
        match &self.bound {
            Bound::Eq(expr) => expr.metrics(out),
            Bound::Range { min, max } => min.iter().chain(max).for_each(|e| e.metrics(out)),
        }
    }

    /// The row when the moment never came (a mark that did not happen).
    #[must_use]
    pub fn never(&self) -> CheckRow {
        CheckRow {
            name: self.name.clone(),
            at: self.at,
            since: self.since,
            expected: String::new(),
            actual: None,
            ok: false,
            error: None,
        }
    }

    fn try_check(&self, read: ReadMetric<'_>, since: Option<Since<'_>>) -> Result<CheckRow, EvalError> {
        let mut actual = self.quantity.eval(read)?;
        if let Some(since) = since {
            let before = self.quantity.eval(since.read)?;
            actual = actual.checked_sub(before).ok_or(EvalError::Overflow)?;
            if let Some(per) = self.per {
                if since.elapsed == Duration::ZERO {
                    return Err(EvalError::DivisionByZero);
                }
                let scaled = i128::from(actual) * i128::from(per.nanos()) / i128::from(since.elapsed.nanos());
                actual = i64::try_from(scaled).map_err(|_too_large| EvalError::Overflow)?;
            }
        }
        let (expected, ok) = match &self.bound {
            Bound::Eq(expr) => {
                let wanted = expr.eval(read)?;
                (wanted.to_string(), actual == wanted)
            }
            Bound::Range { min, max } => {
                let min = min.as_ref().map(|e| e.eval(read)).transpose()?;
                let max = max.as_ref().map(|e| e.eval(read)).transpose()?;
                let text = match (min, max) {
                    (Some(min), Some(max)) => format!("{min}..={max}"),
                    (Some(min), None) => format!(">= {min}"),
                    (None, Some(max)) => format!("<= {max}"),
                    (None, None) => String::new(),
                };
                (text, min.is_none_or(|m| actual >= m) && max.is_none_or(|m| actual <= m))
            }
        };
        Ok(CheckRow { expected, actual: Some(actual), ok, ..self.never() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::metric::Names;
    use crate::time::Instant;

    fn expectation(bound: Bound) -> Expectation {
        let names = Names { hosts: vec!["host".into()], processes: Vec::new() };
        Expectation {
            name: "n".into(),
            quantity: super::super::expr::parse("host.ss.timewait", &names).expect("a metric"),
            at: Moment::At(Instant::ZERO),
            since: None,
            per: None,
            bound,
            over_seeds: OverSeeds::Own,
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let range = |min, max| Bound::Range { min: Some(Expr::Number(min)), max: Some(Expr::Number(max)) };
        let row = expectation(range(5, 8)).check(&|_| Some(8), None);
        assert_eq!((row.expected.as_str(), row.actual, row.ok), ("5..=8", Some(8), true));
        assert!(!expectation(range(5, 8)).check(&|_| Some(9), None).ok);
        assert!(!expectation(Bound::Eq(Expr::Number(1))).check(&|_| None, None).ok);
        let at_least = Bound::Range { min: Some(Expr::Number(3)), max: None };
        assert_eq!(expectation(at_least).check(&|_| Some(3), None).expected, ">= 3");
    }

    #[test]
    fn rates_are_growth_over_time() {
        let mut expectation = expectation(Bound::Eq(Expr::Number(463)));
        expectation.per = Some(Duration::from_secs(1));
        let since = Since { read: &|_| Some(1_000), elapsed: Duration::from_secs(10) };
        let row = expectation.check(&|_| Some(5_639), Some(since));
        assert_eq!((row.actual, row.ok), (Some(463), true));
        let never = Since { read: &|_| Some(0), elapsed: Duration::ZERO };
        assert_eq!(expectation.check(&|_| Some(1), Some(never)).error, Some(EvalError::DivisionByZero));
    }
}
