//! Pictures of sweeps: heat maps, curves with the spread of the seeds, bars of
//! sensitivities, bisections. What they show is made in `capacity::sweep`.
#![allow(clippy::float_arithmetic, reason = "positions on paper are no part of the model")]

mod bars;
mod curves;
mod heat;
mod trials;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea};

use super::canvas::Canvas;
use super::chart::{CAPTION, DASHES, ROW, SIZE, STYLE, WIDTH, x_label};
use super::svg::{Anchor, Page, Svg, text_width, wrapped};
use crate::capacity::sweep::{Axis, Figure, Shape};
use crate::text::Lang;

/// Where the drawing begins, below title and plan.
const TOP: i32 = 68;
/// Taller than any picture: plotters wants to know a size beforehand.
const PAPER: i32 = 10_000;

/// The picture as an SVG document with its caption, 960 pixels wide.
#[must_use]
pub fn sweep_figure(figure: &Figure, lang: Lang) -> String {
    let mut part = Svg::part();
    let bottom = match &figure.shape {
        Shape::Heat(heat) => heat::draw(&mut part, heat, TOP, lang),
        Shape::Curves(curves) => curves::draw(&mut part, curves, TOP, lang),
        Shape::Tornado(tornado) => bars::draw(&mut part, tornado, TOP, lang),
        Shape::Trials(trials) => trials::draw(&mut part, trials, TOP, lang),
    };
    let caption = wrapped(figure.caption.text(lang), CAPTION, WIDTH - 60);
    let caption_y = bottom + 26;
    let mut svg = Svg::new(&Page {
        scope: &format!("hc-{}", figure.name),
        size: (WIDTH, caption_y + i32::try_from(caption.len()).unwrap_or(0) * ROW + 2),
        title: figure.title.text(lang),
        description: figure.caption.text(lang),
        style: &format!("{STYLE}& text.hc-on-dark{{fill:#fff}}"),
        lang,
    });
    svg.text((30, 36), Anchor::Start, "hc-title", figure.title.text(lang));
    svg.text((30, 56), Anchor::Start, "hc-sub", figure.of.text(lang));
    svg.raw(&part.into_part());
    for (line, text) in (0..).zip(&caption) {
        svg.text((30, caption_y + line * ROW), Anchor::Start, "hc-caption", text);
    }
    svg.finish()
}

/// Everything, for plotters to take a piece of.
fn paper(svg: &mut Svg) -> DrawingArea<Canvas<'_>, Shift> {
    Canvas { svg, size: (WIDTH.unsigned_abs(), PAPER.unsigned_abs()), dashes: DASHES }.into_drawing_area()
}

/// A sign of a legend.
#[derive(Clone, Copy)]
enum Sign {
    Line((u8, u8, u8), &'static str),
    Band((u8, u8, u8)),
    Dot((u8, u8, u8)),
    Cross((u8, u8, u8)),
    Triangle((u8, u8, u8)),
    Whisker,
    Mark,
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A row of signs with their words, a new one where it is full. Gives its lower edge.
fn legend(svg: &mut Svg, top: i32, left: i32, title: Option<&str>, entries: &[(Sign, String)]) -> i32 {
    let mut at = (left, top + 14);
    if let Some(title) = title {
        svg.text(at, Anchor::Start, "hc-panel", title);
        at.0 += text_width(title, CAPTION) + 26;
    }
    for (sign, text) in entries {
        let width = 38 + text_width(text, SIZE);
        if at.0 + width > WIDTH - 28 && at.0 > left {
            at = (left, at.1 + ROW);
        }
        draw_sign(svg, *sign, (at.0, at.1 - 4));
        svg.text((at.0 + 36, at.1), Anchor::Start, "hc-key", text);
        at.0 += width + 22;
    }
    at.1 + 6
}

fn draw_sign(svg: &mut Svg, sign: Sign, (x, y): (i32, i32)) {
    let stroke = |color, width: u32| format!("fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"", hex(color));
    match sign {
        Sign::Line(color, dash) => {
            let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
            svg.path(&format!("M{x} {y}h30"), &format!("{}{dash}", stroke(color, 2)));
        }
        Sign::Band(color) => {
            svg.path(&format!("M{x} {}h30v12h-30z", y - 6), &format!("fill=\"{}\"", hex(color)));
        }
        Sign::Dot(color) => {
            let data = format!("M{} {y}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x + 15);
            svg.path(&data, &format!("fill=\"{}\"", hex(color)));
        }
        Sign::Cross(color) => svg.path(&format!("M{} {}l8 8m0 -8l-8 8", x + 11, y - 4), &stroke(color, 2)),
        Sign::Triangle(color) => {
            svg.path(&format!("M{} {}l5 9h-10z", x + 15, y - 5), &format!("fill=\"{}\"", hex(color)));
        }
        Sign::Whisker => {
            svg.path(&format!("M{} {}v8M{} {y}h22M{} {}v8", x + 4, y - 4, x + 4, x + 26, y - 4), &stroke(INK, 1))
        }
        Sign::Mark => svg.path(&format!("M{} {y}h24", x + 3), &stroke(INK, 3)),
    }
}

/// Black without the dashes of a line that is black.
const INK: (u8, u8, u8) = (0x12, 0x12, 0x12);

/// From this ratio of greatest to least on, values stand on a logarithmic axis.
const LOG_X: f64 = 20.0;

/// Where an axis' values stand, from 0 at the left to 1 at the right: numbers to
/// scale, others at equal distances.
fn places(axis: &Axis) -> Vec<f64> {
    let even = |n: usize| (0..n).map(|at| (share(at) + 0.5) / share(n)).collect();
    let Some(numbers) = &axis.numbers else { return even(axis.len()) };
    let (Some(&least), Some(&most)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    if least >= most {
        return even(axis.len());
    }
    let log = is_log(axis);
    let scaled = |value: f64| {
        let way = if log { (value / least).ln() / (most / least).ln() } else { (value - least) / (most - least) };
        0.04 + 0.92 * way
    };
    numbers.iter().map(|&value| scaled(value)).collect()
}

fn is_log(axis: &Axis) -> bool {
    let ends = axis.numbers.as_ref().and_then(|numbers| Some((*numbers.first()?, *numbers.last()?)));
    ends.is_some_and(|(least, most)| least > 0.0 && most / least >= LOG_X)
}

#[expect(clippy::cast_precision_loss, reason = "values of an axis are few")]
const fn share(n: usize) -> f64 {
    n as f64
}

/// What stands at an axis' ticks.
fn tick_texts(axis: &Axis) -> Vec<String> {
    match &axis.numbers {
        Some(numbers) => numbers.iter().map(|&number| x_label(number)).collect(),
        None => axis.values.clone(),
    }
}

/// The ticks and words below a diagram. Words stand upright where they are too
/// wide, and some are left out where numbers are too near. Gives the lower edge.
fn ticks_below(svg: &mut Svg, (left, right, y): (i32, i32, i32), texts: &[String], places: &[f64]) -> i32 {
    let pixel = |place: f64| left + whole(place * f64::from(right - left));
    let gap = places.windows(2).map(|pair| pair[1] - pair[0]).fold(1.0, f64::min);
    let room = whole(gap * f64::from(right - left)) - 8;
    let widest = texts.iter().map(|text| text_width(text, SIZE)).max().unwrap_or(0);
    // Names that stand at equal distances are all told, numbers as far as they fit.
    let names = texts.iter().any(|text| text.starts_with(|c: char| !c.is_ascii_digit()) || text.contains([' ', ':']));
    if names && widest > room {
        for (text, &place) in texts.iter().zip(places) {
            svg.upright((pixel(place) + 4, y + 8 + widest / 2), "hc-tick", text);
        }
        return y + 12 + widest;
    }
    let mut end = i32::MIN;
    for (text, &place) in texts.iter().zip(places) {
        let (x, width) = (pixel(place), text_width(text, SIZE));
        svg.path(&format!("M{x} {y}v4"), "fill=\"none\" stroke=\"#444\"");
        if x - width / 2 > end + 6 {
            svg.text((x, y + 18), Anchor::Middle, "hc-tick", text);
            end = x + width / 2;
        }
    }
    y + 22
}

#[expect(clippy::cast_possible_truncation, reason = "a pixel of a page")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

/// An axis' name, and that it is logarithmic.
fn axis_name(label: &str, log: bool, lang: Lang) -> String {
    let word = crate::say!(lang, crate::capacity::sweep::SweepWord::LogScale);
    match (log, lang) {
        (false, _) => label.to_owned(),
        (true, Lang::En) => format!("{label}, {word}"),
        (true, Lang::Zh) => format!("{label}，{word}"),
    }
}

/// The ends of a y axis for values: from 0, unless they lie close together far from it.
fn y_range(values: impl Iterator<Item = f64>) -> (f64, f64, bool) {
    let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let most = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if finite.is_empty() {
        return (0.0, 1.0, false);
    }
    if least > 0.0 && most / least >= 100.0 {
        return (least / 1.5, most * 1.5, true);
    }
    let room = (most - least) * 0.08;
    let from = if least >= 0.0 && least < 0.8 * most { 0.0 } else { least - room };
    let to = if most > from { most + room.max((most - from) * 0.08) } else { from + 1.0 };
    (from, to, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_begin_at_nothing_unless_that_hides_all() {
        assert_eq!(y_range([50.0, 100.0].into_iter()), (0.0, 108.0, false));
        let (from, to, log) = y_range([95.0, 100.0, f64::INFINITY].into_iter());
        assert!(from > 90.0 && to < 101.0 && !log);
        assert!(y_range([1.0, 500.0].into_iter()).2);
        assert_eq!(y_range([].into_iter()), (0.0, 1.0, false));
        assert_eq!(y_range([0.0, 0.0].into_iter()), (0.0, 1.0, false));
    }
}
