//! A finished sweep, put in order for its pictures: variants instead of points,
//! a spread over the seeds instead of their values.

use super::plan::{Measure, Plan};
use super::threshold::{Found, Search};
use super::{Outcome, Setting, Unit};
use crate::observe::findings::{Said, said};
use crate::scenario::duration;

use super::words::SweepWord;

/// What came of one unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// The unit.
    pub unit: Unit,
    /// Its point, or what its bisection tried, in that order.
    pub outcomes: Vec<Outcome>,
    /// What the bisection found; `None` for a unit without one.
    pub found: Option<Found>,
}

/// From this many seeds on a band holds the middle four fifths; below, all.
const MANY_SEEDS: usize = 10;

/// A value under several seeds. Infinite is "did not come within the run".
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// Half of the seeds lie below.
    pub median: f64,
    /// Lower end: the least, or the tenth of ten seeds and more.
    pub low: f64,
    /// Upper end, likewise.
    pub high: f64,
}

impl Spread {
    /// No value at all.
    pub const NEVER: Self = Self { median: f64::INFINITY, low: f64::INFINITY, high: f64::INFINITY };

    /// Of values, in any order; without any, [`Spread::NEVER`].
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Self::NEVER };
        let (low, high) = if values.len() < MANY_SEEDS { (0, last) } else { (last / 10, last - last / 10) };
        // Of two in the middle the mean, unless one of them never came.
        let (a, b) = (values[last / 2], values[last.div_ceil(2)]);
        let median = if b.is_finite() { f64::midpoint(a, b) } else { b };
        Self { median, low: values[low], high: values[high] }
    }

    /// Half of the seeds have a value.
    #[must_use]
    pub const fn came(self) -> bool {
        self.median.is_finite()
    }
}

/// What is drawn: a measure, or the threshold that was looked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantity {
    /// Its name in the results; `threshold` for one.
    pub name: String,
    /// Its name and unit for people.
    pub label: Said,
    /// For each variant.
    pub spreads: Vec<Spread>,
}

/// A key and where its values stand on an axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// The key's path.
    pub key: String,
    /// Its name and unit for people.
    pub label: Said,
    /// Its values as the plan has them, in its order; where all are numbers, ascending.
    pub values: Vec<String>,
    /// The values as numbers; `None` if some are none: then they stand at equal distances.
    pub numbers: Option<Vec<f64>>,
}

/// A finished sweep by variants.
#[derive(Clone, PartialEq, Debug)]
pub struct Survey<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The variants in the plan's order.
    pub variants: Vec<Vec<Setting>>,
    /// What was measured or found.
    pub quantities: Vec<Quantity>,
    /// The keys with more than one value.
    pub axes: Vec<Axis>,
    /// The units as they were finished.
    pub finished: &'a [Finished],
}

impl<'a> Survey<'a> {
    /// Puts the finished units of a plan in order.
    #[must_use]
    pub fn new(plan: &'a Plan, finished: &'a [Finished]) -> Self {
        let mut variants: Vec<Vec<Setting>> = Vec::new();
        let mut groups: Vec<Vec<&Finished>> = Vec::new();
        for one in finished {
            // Units of a variant follow each other.
            match groups.last_mut() {
                Some(group) if variants.last() == Some(&one.unit.settings) => group.push(one),
                Some(_) | None => {
                    variants.push(one.unit.settings.clone());
                    groups.push(vec![one]);
                }
            }
        }
        let quantities = match &plan.threshold {
            Some(_) => vec![threshold(plan, &groups)],
            None => plan.measures.iter().enumerate().map(|(at, measure)| measured(measure, at, &groups)).collect(),
        };
        let axes = plan.vary.iter().map(|vary| Axis::new(&vary.key, vary.label.as_ref(), &vary.values));
        let axes = axes.filter(|axis| axis.values.len() > 1).collect();
        Self { plan, variants, quantities, axes, finished }
    }

    /// The variant's value of a key; `None` where it is the scenario's own.
    #[must_use]
    pub fn value(&self, variant: usize, key: &str) -> Option<&str> {
        self.variants[variant].iter().rfind(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

impl Axis {
    /// The axis of a key's values.
    pub(super) fn new(key: &str, label: Option<&Said>, values: &[String]) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        for value in values {
            if !distinct.contains(value) {
                distinct.push(value.clone());
            }
        }
        let (numbers, unit) = numbers(&distinct);
        let numbers = numbers.map(|numbers| {
            let mut order: Vec<usize> = (0..numbers.len()).collect();
            order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
            distinct = order.iter().map(|&at| distinct[at].clone()).collect();
            order.iter().map(|&at| numbers[at]).collect()
        });
        let named =
            || Said::same(format!("{}{}", short(key), unit.map_or_else(String::new, |unit| format!(" [{unit}]"))));
        Self { key: key.to_owned(), label: label.cloned().unwrap_or_else(named), values: distinct, numbers }
    }

    /// Where a value stands in [`Axis::values`].
    #[must_use]
    pub fn place(&self, value: &str) -> Option<usize> {
        self.values.iter().position(|known| known == value)
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// True without values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// A key without the words around it: what a person calls it, and whose it is.
#[must_use]
pub fn short(key: &str) -> String {
    if let Some((host, sysctl)) = key.strip_prefix("host.").and_then(|rest| rest.split_once(".sysctl.")) {
        return format!("{sysctl} ({host})");
    }
    let owned = key.strip_prefix("process.").or_else(|| key.strip_prefix("host."));
    let Some((owner, rest)) = owned.and_then(|rest| rest.split_once('.')) else { return key.to_owned() };
    let knob = rest.split_once('.').map_or(rest, |(_program, knob)| knob);
    format!("{knob} ({owner})")
}

/// The values as numbers, and their unit where they are durations.
fn numbers(values: &[String]) -> (Option<Vec<f64>>, Option<&'static str>) {
    let plain: Option<Vec<f64>> =
        values.iter().map(|value| value.parse().ok().filter(|n: &f64| n.is_finite())).collect();
    if plain.is_some() {
        return (plain, None);
    }
    let nanos: Option<Vec<u64>> =
        values.iter().map(|value| duration(value).ok().map(crate::time::Duration::nanos)).collect();
    let Some(nanos) = nanos else { return (None, None) };
    let (unit, name) = match nanos.iter().copied().max().unwrap_or(0) {
        ..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        1_000_000_000.. => (1e9, "s"),
    };
    (Some(nanos.into_iter().map(|ns| float(ns) / unit).collect()), Some(name))
}

#[expect(clippy::cast_precision_loss, reason = "positions on paper")]
const fn float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "positions on paper")]
pub(super) const fn signed(n: i64) -> f64 {
    n as f64
}

/// A measure of all variants. What has a time and never came counts as later
/// than all that came; a metric at a moment that never came is no value.
fn measured(measure: &Measure, at: usize, groups: &[Vec<&Finished>]) -> Quantity {
    let read = |one: &&Finished| one.outcomes.first().and_then(|outcome| outcome.measures.get(at)?.1);
    let values = |group: &Vec<&Finished>| -> Vec<f64> {
        let all = group.iter().map(read);
        match measure.time_of {
            Some(_) => all.map(|value| value.map_or(f64::INFINITY, signed)).collect(),
            None => all.flatten().map(signed).collect(),
        }
    };
    let mut all: Vec<Vec<f64>> = groups.iter().map(values).collect();
    let mut label = label(measure);
    if measure.time_of.is_some() && measure.label.is_none() {
        let most = all.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let (unit, name) = if most < 2_000.0 { (1.0, "ms") } else { (1_000.0, "s") };
        all.iter_mut().flatten().for_each(|value| *value /= unit);
        label = Said { en: format!("{} [{name}]", label.en), zh: format!("{} [{name}]", label.zh) };
    }
    Quantity { name: measure.name.clone(), label, spreads: all.into_iter().map(Spread::of).collect() }
}

/// What a measure is, in words.
fn label(measure: &Measure) -> Said {
    if let Some(label) = &measure.label {
        return label.clone();
    }
    if let Some(mark) = &measure.time_of {
        return said!(SweepWord::TimeOf, mark);
    }
    let metric = measure.metric.as_deref().unwrap_or_default();
    let at = measure.at.as_deref().unwrap_or("end");
    match (&measure.since, &measure.per) {
        (None, _) => said!(SweepWord::MetricAt, metric, at),
        (Some(since), None) => said!(SweepWord::MetricGrowth, metric, since, at),
        (Some(since), Some(per)) => said!(SweepWord::MetricRate, metric, since, at, per),
    }
}

/// The threshold of each variant; infinite where it lies outside the range.
fn threshold(plan: &Plan, groups: &[Vec<&Finished>]) -> Quantity {
    let found = |group: &Vec<&Finished>| match group.first().and_then(|one| one.found) {
        Some(Found::At(value)) => Spread::of(vec![signed(value)]),
        Some(Found::Everywhere | Found::Nowhere) | None => Spread::NEVER,
    };
    let label = plan.threshold.as_ref().map_or_else(Said::default, |threshold| {
        let unit = if threshold.unit.is_empty() { String::new() } else { format!(" [{}]", threshold.unit) };
        match &threshold.label {
            Some(label) => label.clone(),
            None => Said::same(format!("{}{unit}", short(&threshold.key))),
        }
    });
    Quantity { name: "threshold".to_owned(), label, spreads: groups.iter().map(found).collect() }
}

/// One value of a bisection, and whether the condition held there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Try {
    /// The value of the threshold's key.
    pub value: f64,
    /// The condition held under every seed.
    pub holds: bool,
}

impl Survey<'_> {
    /// What the bisection of a unit tried, in its order.
    #[must_use]
    pub fn tries(&self, one: &Finished) -> Vec<Try> {
        let Some(mut search) = Search::new(self.plan, &one.unit) else { return Vec::new() };
        let mut tries = Vec::new();
        let mut left = one.outcomes.as_slice();
        while let Some(value) = search.next_value() {
            let (now, rest) = left.split_at(self.plan.seeds.len().min(left.len()));
            if now.is_empty() {
                break;
            }
            left = rest;
            tries.push(Try { value: signed(value), holds: search.holds(now) });
            search.learn(value, now);
        }
        tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_median_and_ends() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(spread(&[4.0, 1.0]), Spread { median: 2.5, low: 1.0, high: 4.0 });
        assert_eq!(spread(&[]), Spread::NEVER);
        // One of three never came: the median did, the upper end did not.
        let some = spread(&[5.0, f64::INFINITY, 7.0]);
        assert!(some.came() && some.median == 7.0 && some.low == 5.0 && some.high.is_infinite());
        assert!(!spread(&[5.0, f64::INFINITY]).came());
        let eleven: Vec<f64> = (0..11).map(f64::from).collect();
        assert_eq!(spread(&eleven), Spread { median: 5.0, low: 1.0, high: 9.0 });
    }

    #[test]
    fn axes_know_numbers_and_durations() {
        let axis = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            Axis::new("process.sysbench.sysbench.reconnect-pause", None, &values)
        };
        let pauses = axis(&["2ms", "500us", "2ms"]);
        assert_eq!(
            (pauses.numbers, pauses.label.en.as_str()),
            (Some(vec![0.5, 2.0]), "reconnect-pause (sysbench) [ms]")
        );
        assert_eq!(pauses.values, ["500us", "2ms"]);
        assert_eq!(axis(&["10", "9"]).numbers, Some(vec![9.0, 10.0]));
        assert_eq!(axis(&["1024:65536", "512:65536"]).values, ["1024:65536", "512:65536"], "in the plan's order");
        assert_eq!(axis(&["1024:65536"]).numbers, None);
    }

    #[test]
    fn keys_have_short_names() {
        assert_eq!(short("host.client.sysctl.net.ipv4.ip_local_port_range"), "net.ipv4.ip_local_port_range (client)");
        assert_eq!(short("process.sysbench.RLIMIT_NOFILE"), "RLIMIT_NOFILE (sysbench)");
        assert_eq!(short("process.mysqld.mysqld.max_connections"), "max_connections (mysqld)");
        assert_eq!(short("end"), "end");
    }
}
