//! Bisections: what was tried, where the condition held, what was found.

use plotters::coord::ranged1d::Ranged;
use plotters::prelude::{Circle, Color, Cross, PathElement, RGBColor, Rectangle};

use super::super::chart::{Drawn, LEFT, RIGHT, WIDTH, look};
use super::super::svg::{Anchor, Svg};
use super::curves::{Drawing, Plane, plane};
use super::{INK, Sign, axis_name, legend, share, ticks_below, whole};
use crate::capacity::sweep::{SweepWord, Trials, told};
use crate::observe::charts::Paint;
use crate::text::Lang;

const HEIGHT: i32 = 320;
/// From this ratio of the range's ends on, the axis is logarithmic.
const LOG: f64 = 50.0;
/// Half the width of the bar at what was found, in pixels.
const MARK: f64 = 14.0;

struct Columns<'a> {
    trials: &'a Trials,
    places: Vec<f64>,
}

/// From 0 at the left to 1 at the right.
fn pixels(wide: f64) -> f64 {
    wide / f64::from(WIDTH - RIGHT - LEFT)
}

pub(super) fn draw(svg: &mut Svg, trials: &Trials, top: i32, lang: Lang) -> i32 {
    let say = |word: SweepWord| word.texts().text(lang).to_owned();
    let entries = [
        (Sign::Dot(look(Paint::Blue).0), say(SweepWord::Holds)),
        (Sign::Cross(look(Paint::Vermillion).0), say(SweepWord::Fails)),
        (Sign::Mark, say(SweepWord::FoundHere)),
    ];
    let top = legend(svg, top, LEFT, None, &entries) + 6;
    let bottom = top + HEIGHT;
    let (from, to) = trials.range;
    let log = from > 0.0 && to / from >= LOG;
    let range =
        if log { (from / 1.2, to * 1.2, true) } else { (from - (to - from) * 0.04, to + (to - from) * 0.04, false) };
    let count = trials.columns.len();
    let places: Vec<f64> = (0..count).map(|at| (share(at) + 0.5) / share(count)).collect();
    let columns = Columns { trials, places };
    plane(svg, (top, HEIGHT), range, &columns).expect("a canvas takes everything, and nothing else draws on it");
    // The number stands beside the bar.
    let height = |value: f64| {
        let way = if log {
            (value / range.0).ln() / (range.1 / range.0).ln()
        } else {
            (value - range.0) / (range.1 - range.0)
        };
        bottom - whole(way * f64::from(HEIGHT))
    };
    for (column, place) in trials.columns.iter().zip(&columns.places) {
        let x = LEFT + whole((place + pixels(MARK + 5.0)) * f64::from(WIDTH - RIGHT - LEFT));
        if let Some(found) = column.found {
            svg.text((x, height(found) + 4), Anchor::Start, "hc-panel", &told(found));
        }
    }
    svg.upright((20, (top + bottom) / 2), "hc-axis", &axis_name(trials.y.text(lang), log, lang));
    let names: Vec<String> = trials.columns.iter().map(|column| column.name.clone()).collect();
    let below = ticks_below(svg, (LEFT, WIDTH - RIGHT, bottom), &names, &columns.places) + 14;
    svg.text(((LEFT + WIDTH - RIGHT) / 2, below), Anchor::Middle, "hc-axis", trials.x.text(lang));
    below
}

impl Drawing for Columns<'_> {
    fn on<Y: Ranged<ValueType = f64>>(&self, plane: &mut Plane<'_, '_, Y>) -> Drawn {
        let paint = |paint: Paint| {
            let (r, g, b) = look(paint).0;
            RGBColor(r, g, b)
        };
        for (column, &x) in self.trials.columns.iter().zip(&self.places) {
            let half = pixels(MARK);
            if let Some((from, to)) = column.holds {
                plane.draw_series([Rectangle::new(
                    [(x - half, from), (x + half, to)],
                    paint(Paint::Blue).mix(0.14).filled(),
                )])?;
            }
            let tried = |holds: bool| {
                column.tries.iter().filter(move |tried| tried.holds == holds).map(move |tried| (x, tried.value))
            };
            plane.draw_series(tried(true).map(|at| Circle::new(at, 4, paint(Paint::Blue).filled())))?;
            plane.draw_series(tried(false).map(|at| Cross::new(at, 4, paint(Paint::Vermillion).stroke_width(2))))?;
            if let Some(found) = column.found {
                let bar = vec![(x - half, found), (x + half, found)];
                plane.draw_series([PathElement::new(bar, RGBColor(INK.0, INK.1, INK.2).stroke_width(3))])?;
            }
        }
        Ok(())
    }
}
