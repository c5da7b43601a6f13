//! Sensitivities: each key by itself, and random samples.

use super::caption::{self, both};
use super::grid::tail;
use super::{
    Axis, Bar, Curve, Curves, Figure, Quantity, Said, Shape, Spread, Survey, SweepWord, Tornado, absent, bare_said,
    file_name, of, said, titled, together, told, with,
};
use crate::text::Lang;

/// Each key changed alone, against the scenario as it is.
pub(super) fn tornado(survey: &Survey<'_>, quantity: &Quantity) -> Figure {
    let base = survey.variants.iter().position(Vec::is_empty).map_or(Spread::NEVER, |at| quantity.spreads[at]);
    let as_it_is = said!(SweepWord::AsItIs);
    let bar = |axis: &Axis| {
        let mut ends: Vec<(Said, Spread)> =
            axis.values.iter().filter_map(|value| of_value(survey, quantity, axis, value)).collect();
        // A key whose values all lie on one side ends in the middle.
        ends.push((as_it_is.clone(), base));
        ends_of(axis, &ends)
    };
    let bars = sorted(survey.axes.iter().map(bar).collect(), base.median);
    let seeds = survey.plan.seeds.len();
    let middle = caption::value(base.median, &quantity.label, &absent(survey));
    let first = match seeds {
        0 | 1 => both!(SweepWord::BarsOne, middle),
        _ => both!(SweepWord::Bars, middle, Said::same(seeds.to_string())),
    };
    figure(survey, quantity, base.median, bars, first)
}

/// Each key of a grid, whatever the others are.
pub(super) fn main_effects(survey: &Survey<'_>, quantity: &Quantity) -> Figure {
    let everything: Vec<usize> = (0..survey.variants.len()).collect();
    let middle = together(quantity, &everything).map_or(f64::INFINITY, |spread| spread.median);
    let bar = |axis: &Axis| {
        let ends: Vec<(Said, Spread)> = (axis.values.iter())
            .filter_map(|value| of_value(survey, quantity, axis, value))
            // The spread over the other keys would hide the effect of this one.
            .map(|(value, spread)| (value, Spread::of(vec![spread.median])))
            .collect();
        ends_of(axis, &ends)
    };
    let bars = sorted(survey.axes.iter().map(bar).collect(), middle);
    let first = both!(SweepWord::BarsMain, caption::value(middle, &quantity.label, &absent(survey)));
    figure(survey, quantity, middle, bars, first)
}

fn of_value(survey: &Survey<'_>, quantity: &Quantity, axis: &Axis, value: &str) -> Option<(Said, Spread)> {
    Some((Said::same(value), together(quantity, &with(survey, &[(axis, value)]))?))
}

fn ends_of(axis: &Axis, ends: &[(Said, Spread)]) -> Bar {
    let order = |a: &&(Said, Spread), b: &&(Said, Spread)| a.1.median.total_cmp(&b.1.median);
    let none = || (Said::default(), Spread::NEVER);
    let low = ends.iter().min_by(order).cloned().unwrap_or_else(none);
    // Of equals the first: the key's own value rather than "as it is".
    let high = ends.iter().rev().max_by(order).cloned().unwrap_or_else(none);
    // Where nothing changes, the first and the last value say so together.
    let own = |at: Option<&String>| (Said::same(at.cloned().unwrap_or_default()), low.1);
    let ends =
        if low.1.median == high.1.median { [own(axis.values.first()), own(axis.values.last())] } else { [low, high] };
    Bar { key: bare_said(&axis.label), ends }
}

/// The longest first.
fn sorted(mut bars: Vec<Bar>, middle: f64) -> Vec<Bar> {
    let length = |bar: &Bar| {
        let [low, high] = bar.ends.each_ref().map(|(_, spread)| spread.median);
        if low == high { 0.0 } else { (high - low).max((high - middle).abs()).max((middle - low).abs()) }
    };
    bars.sort_by(|a, b| length(b).total_cmp(&length(a)));
    bars
}

fn figure(survey: &Survey<'_>, quantity: &Quantity, middle: f64, bars: Vec<Bar>, first: Said) -> Figure {
    let absent = absent(survey);
    let mut parts = vec![first];
    parts.extend(caption::bars(&bars, &quantity.label, &absent));
    Figure {
        name: file_name(&["tornado", &quantity.name]),
        title: both!(SweepWord::TornadoTitle, bare_said(&quantity.label)),
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Tornado(Tornado {
            label: quantity.label.clone(),
            middle,
            span: None,
            sides: [said!(SweepWord::Below), said!(SweepWord::Above)],
            absent,
            bars,
        }),
    }
}

/// Random samples along one of their keys.
pub(super) fn scatter(survey: &Survey<'_>, quantity: &Quantity, x: &Axis) -> Figure {
    let point = |variant: usize| Some((x.place(survey.value(variant, &x.key)?)?, quantity.spreads[variant]));
    let mut points: Vec<(usize, Spread)> = (0..survey.variants.len()).filter_map(point).collect();
    points.sort_by_key(|&(at, _)| at);
    let lines = vec![Curve { name: said!(SweepWord::Median), points }];
    let (label, absent) = (quantity.label.clone(), absent(survey));
    let curves = Curves { x: x.clone(), label, absent, joined: false, of: None, lines };
    let seeds = survey.plan.seeds.len();
    let first = caption::seeds(seeds, |n| said!(SweepWord::Samples, n), said!(SweepWord::SamplesOne));
    let mut parts = vec![first];
    parts.extend(caption::curves(&curves, seeds).into_iter().skip(1));
    Figure {
        name: file_name(&["scatter", &quantity.name, tail(&x.key)]),
        title: both!(SweepWord::ScatterTitle, titled(&quantity.label)),
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Curves(curves),
    }
}

/// Which keys the quantity follows in random samples; `None` if none is a number.
pub(super) fn ranks(survey: &Survey<'_>, quantity: &Quantity) -> Option<Figure> {
    let measured: Vec<f64> = quantity.spreads.iter().map(|spread| spread.median).collect();
    let bar = |axis: &Axis| {
        let numbers = axis.numbers.as_ref()?;
        let at = |variant: usize| Some(numbers[axis.place(survey.value(variant, &axis.key)?)?]);
        let values: Vec<f64> = (0..measured.len()).map(at).collect::<Option<_>>()?;
        let spread = Spread::of(vec![correlation(&ranked(&values), &ranked(&measured))?]);
        let ends = [(Said::same("0"), Spread::of(vec![0.0])), (Said::same(told(spread.median)), spread)];
        Some(Bar { key: bare_said(&axis.label), ends })
    };
    let mut bars: Vec<Bar> = survey.axes.iter().filter_map(bar).collect();
    bars.sort_by(|a, b| b.ends[1].1.median.abs().total_cmp(&a.ends[1].1.median.abs()));
    let strongest = bars.first()?;
    let mut parts =
        vec![said!(SweepWord::Ranks, measured.len()), both!(SweepWord::Strongest, strongest.key, strongest.ends[1].0)];
    let words: Vec<String> =
        survey.axes.iter().filter(|axis| axis.numbers.is_none()).map(|axis| bare_said(&axis.label).en).collect();
    if !words.is_empty() {
        parts.push(Said {
            en: crate::say!(Lang::En, SweepWord::NotRanked, words.join(", ")),
            zh: crate::say!(Lang::Zh, SweepWord::NotRanked, words.join("、")),
        });
    }
    Some(Figure {
        name: file_name(&["ranks", &quantity.name]),
        title: both!(SweepWord::RankTitle, bare_said(&quantity.label)),
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Tornado(Tornado {
            label: said!(SweepWord::RankAxis),
            middle: 0.0,
            span: Some((-1.0, 1.0)),
            sides: [said!(SweepWord::AsOther), said!(SweepWord::AsOne)],
            absent: absent(survey),
            bars,
        }),
    })
}

/// Ranks from 0; equals share the mean of theirs.
fn ranked(values: &[f64]) -> Vec<f64> {
    let below = |value: f64| count(values.iter().filter(|&&other| other < value).count());
    let equal = |value: f64| count(values.iter().filter(|&&other| other == value).count());
    values.iter().map(|&value| below(value) + (equal(value) - 1.0) / 2.0).collect()
}

/// Pearson's correlation; of ranks it is Spearman's. `None` where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |of: &[f64]| of.iter().sum::<f64>() / count(of.len());
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product =
        |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 { x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum() };
    let (aa, bb) = (product(a, mean_a, a, mean_a), product(b, mean_b, b, mean_b));
    (aa > 0.0 && bb > 0.0).then(|| product(a, mean_a, b, mean_b) / (aa * bb).sqrt())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
const fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_their_correlation() {
        assert_eq!(ranked(&[5.0, 1.0, 5.0, f64::INFINITY]), [1.5, 0.0, 1.5, 3.0]);
        let up = ranked(&[1.0, 10.0, 100.0]);
        assert_eq!(correlation(&up, &ranked(&[2.0, 3.0, 4.0])), Some(1.0));
        assert_eq!(correlation(&up, &ranked(&[4.0, 3.0, 2.0])), Some(-1.0));
        assert_eq!(correlation(&up, &[1.0, 1.0, 1.0]), None);
        assert!(caption::alike(100.0, 100.9) && !caption::alike(100.0, 102.0));
    }
}
