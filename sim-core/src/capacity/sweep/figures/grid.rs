//! Heat maps and curves of a grid.

use super::caption::{self, both};
use super::{
    Axes, Axis, Curve, Curves, Figure, Heat, Quantity, Said, Shape, Spread, Survey, SweepWord, absent, bare_said,
    file_name, of, said, titled, together, with,
};

/// More lines cannot be told apart.
const LINES: usize = 7;

/// A number for each pair of two keys' values. The longer axis lies.
pub(super) fn heat(survey: &Survey<'_>, quantity: &Quantity, first: &Axis, second: &Axis) -> Figure {
    let (x, y) = if second.len() > first.len() { (second, first) } else { (first, second) };
    let mut single = true;
    let mut cell = |across: &str, up: &str| {
        let variants = with(survey, &[(x, across), (y, up)]);
        single &= variants.len() < 2;
        together(quantity, &variants).filter(|spread| spread.came()).map(|spread| spread.median)
    };
    let rows = y.values.iter().map(|up| x.values.iter().map(|across| cell(across, up)).collect()).collect();
    let heat =
        Heat { axes: Axes { x: x.clone(), y: y.clone() }, label: quantity.label.clone(), absent: absent(survey), rows };
    let searched = survey.plan.threshold.is_some();
    let mut parts = Vec::new();
    if !searched {
        let seeds = survey.plan.seeds.len();
        parts.push(caption::seeds(seeds, |n| said!(SweepWord::CellMedian, n), said!(SweepWord::OneSeed)));
    }
    if !single {
        parts.push(said!(SweepWord::OverOthers));
    }
    parts.extend(caption::heat(&heat, searched));
    let pair = if single { String::new() } else { format!("{}-{}", tail(&x.key), tail(&y.key)) };
    Figure {
        name: file_name(&["heat", &quantity.name, &pair]),
        title: both!(SweepWord::HeatTitle, titled(&quantity.label)),
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Heat(heat),
    }
}

/// The last word of a key's path.
pub(super) fn tail(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A number along the only key.
pub(super) fn curve(survey: &Survey<'_>, quantity: &Quantity, x: &Axis) -> Figure {
    figure(survey, quantity, x, only(survey, quantity, x), &quantity.name)
}

/// A number along a key that was changed alone.
pub(super) fn alone(survey: &Survey<'_>, quantity: &Quantity, x: &Axis) -> Figure {
    figure(survey, quantity, x, only(survey, quantity, x), &format!("{}-{}", quantity.name, tail(&x.key)))
}

/// A number along one key, a line for each value of the other. Numbers lie
/// rather than names, many values rather than few.
pub(super) fn curves(survey: &Survey<'_>, quantity: &Quantity, first: &Axis, second: &Axis) -> Figure {
    let rank = |axis: &Axis| (axis.numbers.is_some(), axis.len());
    let (x, other) = if rank(second) > rank(first) { (second, first) } else { (first, second) };
    let all = other.len();
    // Some of many, evenly chosen, both ends among them.
    let shown: Vec<usize> =
        if all <= LINES { (0..all).collect() } else { (0..LINES).map(|n| n * (all - 1) / (LINES - 1)).collect() };
    let line = |at: usize| {
        let value = &other.values[at];
        Curve { name: Said::same(value.clone()), points: points(survey, quantity, x, &[(other, value)]) }
    };
    let lines: Vec<Curve> = shown.iter().map(|&at| line(at)).collect();
    let some = (lines.len() < all).then(|| said!(SweepWord::SomeLines, lines.len(), all));
    figure(survey, quantity, x, Lines { lines, of: Some(bare_said(&other.label)), some }, &quantity.name)
}

/// The lines of a picture, whose values they are, and whether some are left out.
struct Lines {
    lines: Vec<Curve>,
    of: Option<Said>,
    some: Option<Said>,
}

fn only(survey: &Survey<'_>, quantity: &Quantity, x: &Axis) -> Lines {
    let lines = vec![Curve { name: said!(SweepWord::Median), points: points(survey, quantity, x, &[]) }];
    Lines { lines, of: None, some: None }
}

fn points(survey: &Survey<'_>, quantity: &Quantity, x: &Axis, fixed: &[(&Axis, &str)]) -> Vec<(usize, Spread)> {
    let at = |(place, value): (usize, &String)| {
        let mut wanted = fixed.to_vec();
        wanted.push((x, value));
        Some((place, together(quantity, &with(survey, &wanted))?))
    };
    x.values.iter().enumerate().filter_map(at).collect()
}

fn figure(survey: &Survey<'_>, quantity: &Quantity, x: &Axis, lines: Lines, name: &str) -> Figure {
    let Lines { lines, of: whose, some } = lines;
    let title = match &whose {
        Some(_) => both!(SweepWord::CurvesTitle, titled(&quantity.label)),
        None => both!(SweepWord::CurveTitle, titled(&quantity.label)),
    };
    let label = quantity.label.clone();
    let curves = Curves { x: x.clone(), label, absent: absent(survey), joined: true, of: whose, lines };
    let seeds = if survey.plan.threshold.is_some() { 1 } else { survey.plan.seeds.len() };
    let mut parts = Vec::new();
    if survey.plan.threshold.is_none() {
        parts.push(match seeds {
            0 | 1 => said!(SweepWord::OneSeedCurve),
            2..=9 => said!(SweepWord::BandAll, seeds),
            _ => said!(SweepWord::BandMost, seeds),
        });
    }
    parts.extend(some);
    parts.extend(caption::curves(&curves, seeds));
    Figure {
        name: file_name(&["curve", name]),
        title,
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Curves(curves),
    }
}
