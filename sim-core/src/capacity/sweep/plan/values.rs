//! The values of a key: listed, spaced or drawn.

use serde_json::Value as Json;

use super::file::{RangeFile, Scale};
use super::problem::PlanText;
use crate::rng::{SimRng, Stream};

/// A value as `--set` takes it: text without quotes.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(flag) => flag.to_string(),
        Json::Null => String::new(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(quoted).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key:?} = {}", quoted(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A value inside another: there, text keeps its quotes.
fn quoted(value: &Json) -> String {
    match value {
        Json::String(text) => format!("{text:?}"),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => plain(value),
    }
}

/// What is wrong with a range, if something is.
pub(super) fn wrong(range: &RangeFile) -> Option<PlanText> {
    if range.from > range.to || range.points == 0 || range.points > 1_000_000 {
        return Some(PlanText::BadRange);
    }
    (range.scale == Scale::Log && range.from <= 0).then_some(PlanText::LogFromZero)
}

/// Whole numbers at equal distances or ratios, both ends included; on a log
/// scale neighbours that round to the same number become one.
pub(super) fn spaced(range: &RangeFile) -> Vec<String> {
    let (from, to) = (whole(range.from), whole(range.to));
    let last = range.points.saturating_sub(1);
    let at = |n: usize| {
        let share = if last == 0 {
            0.0
        } else {
            f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / f64::from(u32::try_from(last).unwrap_or(u32::MAX))
        };
        match range.scale {
            Scale::Linear => from + (to - from) * share,
            Scale::Log => from * (to / from).powf(share),
        }
    };
    let mut values: Vec<String> = (0..range.points).map(|n| written(at(n), &range.unit)).collect();
    values.dedup();
    values
}

/// Whole numbers drawn between the ends, by a stream of the range's own seed.
pub(super) fn drawn(key: &str, range: &RangeFile) -> Vec<String> {
    let salt = key.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let mut rng = SimRng::new(range.seed, Stream::App(salt));
    let (from, to) = (whole(range.from), whole(range.to));
    let draw = |rng: &mut SimRng| match range.scale {
        Scale::Linear => {
            let span = u64::try_from(range.to.saturating_sub(range.from)).unwrap_or(0);
            format!("{}{}", range.from + i64::try_from(rng.between(0, span)).unwrap_or(0), range.unit)
        }
        Scale::Log => {
            let share = f64::from(rng.next_u32()) / f64::from(u32::MAX);
            written(from * (to / from).powf(share), &range.unit)
        }
    };
    (0..range.points).map(|_| draw(&mut rng)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "between two i64 that were put in")]
fn written(value: f64, unit: &str) -> String {
    format!("{}{unit}", value.round() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "knobs are far below 2^52")]
const fn whole(n: i64) -> f64 {
    n as f64
}
