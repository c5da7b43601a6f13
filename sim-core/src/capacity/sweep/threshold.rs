//! Bisection: the largest (or smallest) value with which a condition holds
//! under every seed.

use super::plan::{Plan, Threshold};
use super::point::{Outcome, Point};
use super::{Setting, Unit};

/// A search under way: it asks for points and learns from their outcomes. What
/// it asks next depends on nothing else, so an interrupted one goes on where
/// the known outcomes end.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    plan: &'a Plan,
    threshold: &'a Threshold,
    unit: &'a Unit,
    /// Holds here, as far as known; `None` before an end of the range was tried.
    holds: Option<i64>,
    /// Does not hold here.
    fails: Option<i64>,
    over: bool,
}

/// The result of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// The condition holds up to (from) this value, not beyond.
    At(i64),
    /// It holds in the whole range.
    Everywhere,
    /// It holds nowhere in the range.
    Nowhere,
}

impl<'a> Search<'a> {
    /// A search in a unit of a plan that has a threshold; `None` if it has none.
    #[must_use]
    pub fn new(plan: &'a Plan, unit: &'a Unit) -> Option<Self> {
        let threshold = plan.threshold.as_ref()?;
        Some(Self { plan, threshold, unit, holds: None, fails: None, over: false })
    }

    /// The value to try next; `None` when the search is over.
    #[must_use]
    pub fn next_value(&self) -> Option<i64> {
        let (easy, hard) = self.ends();
        match (self.holds, self.fails) {
            _ if self.over => None,
            (None, _) => Some(easy),
            (Some(_), None) => Some(hard),
            (Some(holds), Some(fails)) if holds.abs_diff(fails) <= 1 => None,
            (Some(holds), Some(fails)) => Some(holds + (fails - holds) / 2),
        }
    }

    /// The points of a value: one for each seed.
    #[must_use]
    pub fn points(&self, value: i64) -> Vec<Point<'a>> {
        let setting: Setting = (self.threshold.key.clone(), format!("{value}{}", self.threshold.unit));
        self.plan.seeds.iter().map(|&seed| Point::of(self.plan, self.unit, seed).with(setting.clone())).collect()
    }

    /// Values that are tried at most from here on.
    #[must_use]
    pub fn most_left(&self) -> u32 {
        let between = |a: i64, b: i64| u64::BITS - (a.abs_diff(b).max(1) - 1).leading_zeros();
        let (easy, hard) = self.ends();
        match (self.holds, self.fails) {
            _ if self.over => 0,
            (None, _) => 2 + between(easy, hard),
            (Some(_), None) => 1 + between(easy, hard),
            (Some(holds), Some(fails)) => between(holds, fails),
        }
    }

    /// Learns what came out at a value.
    pub fn learn(&mut self, value: i64, outcomes: &[Outcome]) {
        match self.holds(outcomes) {
            true => self.holds = Some(value),
            false => self.fails = Some(value),
        }
        // Where the easy end fails or the hard end holds there is nothing between.
        let (easy, hard) = self.ends();
        self.over = self.fails == Some(easy) || self.holds == Some(hard);
    }

    /// The condition holds in all of these.
    #[must_use]
    pub fn holds(&self, outcomes: &[Outcome]) -> bool {
        let read = |outcome: &Outcome| {
            outcome.measures.iter().find(|(name, _)| *name == self.threshold.measure).and_then(|(_, value)| *value)
        };
        // A moment that never came is a condition that was not met.
        outcomes.iter().all(|outcome| read(outcome).is_some_and(|value| value <= self.threshold.at_most))
    }

    /// What was found, once [`Search::next_value`] is `None`.
    #[must_use]
    pub fn found(&self) -> Found {
        match (self.holds, self.fails) {
            (Some(holds), Some(_)) => Found::At(holds),
            (Some(_), None) => Found::Everywhere,
            (None, _) => Found::Nowhere,
        }
    }

    /// The end at which the condition should hold, and the other.
    const fn ends(&self) -> (i64, i64) {
        let Threshold { from, to, largest, .. } = *self.threshold;
        if largest { (from, to) } else { (to, from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(find: &str) -> Plan {
        let text = format!(
            "format = 1\nscenario = \"tiny\"\n[[measure]]\nname = \"m\"\nmetric = \"host.sysbench.fd.open\"\n\
             [threshold]\nkey = \"k\"\nfrom = 1\nto = 100\nmeasure = \"m\"\nat_most = 0\nfind = \"{find}\"\n"
        );
        Plan::parse(&text, &|_| None).unwrap()
    }

    /// A world in which the condition holds where `holds` says.
    fn search(find: &str, holds: impl Fn(i64) -> bool) -> (Found, u32) {
        let plan = plan(find);
        let unit = &plan.units()[0];
        let mut search = Search::new(&plan, unit).unwrap();
        let mut tried = 0;
        let mut left = search.most_left();
        while let Some(value) = search.next_value() {
            tried += 1;
            assert!((1..=left).contains(&search.most_left()), "{value}: {} of {left}", search.most_left());
            left = search.most_left() - 1;
            assert!((1..=100).contains(&value) && tried < 20, "{value}");
            let measures = vec![("m".to_owned(), Some(i64::from(!holds(value))))];
            let (key, digest) = (String::new(), String::new());
            let outcome = Outcome { unit: 0, key, set: vec![], seed: 1, measures, digest, events: 0, virtual_ns: 0 };
            search.learn(value, &[outcome]);
        }
        (search.found(), tried)
    }

    #[test]
    fn every_threshold_is_found_from_either_side() {
        for limit in 1..100 {
            assert_eq!(search("largest", |v| v <= limit).0, Found::At(limit));
            assert_eq!(search("smallest", |v| v > limit).0, Found::At(limit + 1));
        }
        assert_eq!(search("largest", |_| true), (Found::Everywhere, 2));
        assert_eq!(search("largest", |_| false), (Found::Nowhere, 1));
        assert_eq!(search("smallest", |_| false), (Found::Nowhere, 1));
    }
}
