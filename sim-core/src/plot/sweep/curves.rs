//! Lines of medians with the band of the seeds, or points of random samples.

use plotters::coord::ranged1d::{KeyPointHint, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, Color, IntoFont, IntoLogRange, LineSeries, PathElement, Polygon,
    RGBColor, TriangleMarker,
};

use super::super::canvas::Canvas;
use super::super::chart::{AXIS, Drawn, GRID, LEFT, PALETTE, RIGHT, SIZE, WIDTH, y_label};
use super::super::svg::{Anchor, Svg};
use super::{Sign, axis_name, is_log, legend, paper, places, tick_texts, ticks_below, y_range};
use crate::capacity::sweep::{Curve, Curves, Spread, SweepWord};
use crate::text::Lang;

const HEIGHT: i32 = 320;

/// A diagram whose x runs from 0 to 1: where things stand is decided here.
pub(super) type Plane<'a, 'b, Y> = ChartContext<'a, Canvas<'b>, Cartesian2d<RangedCoordf64, Y>>;

/// What is drawn on a plane, whatever its y axis is.
pub(super) trait Drawing {
    fn on<Y: Ranged<ValueType = f64>>(&self, plane: &mut Plane<'_, '_, Y>) -> Drawn;
}

/// A y axis with its grid, and the drawing over it, in a box of the page.
pub(super) fn plane(
    svg: &mut Svg,
    (top, height): (i32, i32),
    (from, to, log): (f64, f64, bool),
    drawing: &impl Drawing,
) -> Drawn {
    let root = paper(svg);
    let area = root.shrink((0, top), (WIDTH - RIGHT, height));
    let mut builder = ChartBuilder::on(&area);
    builder.y_label_area_size(LEFT);
    if log {
        let mut plane = builder.build_cartesian_2d(0.0..1.0, (from..to).log_scale())?;
        mesh(&mut plane, to)?;
        drawing.on(&mut plane)
    } else {
        let mut plane = builder.build_cartesian_2d(0.0..1.0, from..to)?;
        mesh(&mut plane, to)?;
        drawing.on(&mut plane)
    }
}

fn mesh<Y>(plane: &mut Plane<'_, '_, Y>, most: f64) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    usize: KeyPointHint,
{
    plane
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_labels(7)
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .label_style(("sans-serif", SIZE).into_font())
        .y_label_formatter(&|y| y_label(*y, most))
        .draw()
}

/// A curves' lines with the places of its x axis.
struct Lines<'a> {
    curves: &'a Curves,
    places: Vec<f64>,
    range: (f64, f64),
}

pub(super) fn draw(svg: &mut Svg, curves: &Curves, top: i32, lang: Lang) -> i32 {
    let spreads = || curves.lines.iter().flat_map(|line| &line.points).map(|(_, spread)| *spread);
    let most = spreads().map(|spread| spread.median).filter(|value| value.is_finite()).fold(0.0, f64::max);
    // What is thinner than a line is not seen.
    let spread = spreads().any(|spread| spread.came() && spread.high - spread.low > most * 0.006);
    let never = spreads().any(|spread| !spread.came());
    let many = curves.of.is_some();
    let mut entries: Vec<(Sign, String)> = Vec::new();
    for (line, (_, color, dash)) in curves.lines.iter().zip(PALETTE) {
        let sign = if curves.joined { Sign::Line(*color, dash) } else { Sign::Dot(*color) };
        entries.push((sign, line.name.text(lang).to_owned()));
    }
    if spread {
        let sign = if curves.joined && !many { Sign::Band((0xc4, 0xdd, 0xee)) } else { Sign::Whisker };
        let band = Sign::Band((0xdd, 0xdd, 0xdd));
        let sign = if curves.joined && many { band } else { sign };
        entries.push((sign, crate::say!(lang, SweepWord::SeedSpread)));
    }
    if never {
        entries.push((Sign::Triangle((0x66, 0x66, 0x66)), curves.absent.text(lang).to_owned()));
    }
    let title = curves.of.as_ref().map(|of| of.text(lang));
    let top = legend(svg, top, LEFT, title, &entries) + 6;
    let values = spreads().flat_map(|spread| [spread.low, spread.median, spread.high]);
    let (from, to, log) = y_range(values);
    let lines = Lines { curves, places: places(&curves.x), range: (from, to) };
    plane(svg, (top, HEIGHT), (from, to, log), &lines)
        .expect("a canvas takes everything, and nothing else draws on it");
    let bottom = top + HEIGHT;
    svg.upright((20, (top + bottom) / 2), "hc-axis", &axis_name(curves.label.text(lang), log, lang));
    let below = ticks_below(svg, (LEFT, WIDTH - RIGHT, bottom), &tick_texts(&curves.x), &lines.places) + 14;
    let name = axis_name(curves.x.label.text(lang), is_log(&curves.x), lang);
    svg.text(((LEFT + WIDTH - RIGHT) / 2, below), Anchor::Middle, "hc-axis", &name);
    below
}

impl Lines<'_> {
    /// Points that came, in pieces that belong together.
    fn pieces<'l>(&self, line: &'l Curve) -> Vec<&'l [(usize, Spread)]> {
        line.points.split(|(_, spread)| !spread.came()).filter(|piece| !piece.is_empty()).collect()
    }

    /// A line that others cover is wider than they, so that all are seen.
    fn width(&self, line: usize) -> u32 {
        let lines = &self.curves.lines;
        let height = self.range.1 - self.range.0;
        let met = |(a, b): (&(usize, Spread), &(usize, Spread))| {
            a.0 == b.0 && (a.1.median - b.1.median).abs() < height * 0.01
        };
        let covers =
            |other: &&Curve| lines[line].points.iter().filter(|a| other.points.iter().any(|b| met((a, b)))).count() > 1;
        2 + 3 * u32::try_from(lines[line + 1..].iter().filter(covers).count()).unwrap_or(0).min(2)
    }

    fn band(&self, piece: &[(usize, Spread)]) -> Vec<(f64, f64)> {
        let above = piece.iter().map(|(at, spread)| (self.places[*at], spread.high.min(self.range.1)));
        let below = piece.iter().rev().map(|(at, spread)| (self.places[*at], spread.low));
        above.chain(below).collect()
    }
}

impl Drawing for Lines<'_> {
    fn on<Y: Ranged<ValueType = f64>>(&self, plane: &mut Plane<'_, '_, Y>) -> Drawn {
        let lines = || self.curves.lines.iter().zip(PALETTE);
        let color = |(r, g, b): (u8, u8, u8)| RGBColor(r, g, b);
        if self.curves.joined {
            for (line, (_, rgb, _)) in lines() {
                for piece in self.pieces(line).into_iter().filter(|piece| piece.iter().any(|(_, s)| s.low < s.high)) {
                    plane.draw_series([Polygon::new(self.band(piece), color(*rgb).mix(0.22).filled())])?;
                }
            }
        }
        for (at, (line, (_, rgb, _))) in lines().enumerate() {
            for piece in self.pieces(line) {
                let medians = || piece.iter().map(|(at, spread)| (self.places[*at], spread.median));
                if self.curves.joined {
                    plane.draw_series(LineSeries::new(medians(), color(*rgb).stroke_width(self.width(at))))?;
                } else {
                    let whisker = |(at, spread): &(usize, Spread)| {
                        let x = self.places[*at];
                        PathElement::new(
                            vec![(x, spread.low), (x, spread.high.min(self.range.1))],
                            RGBColor(0x44, 0x44, 0x44),
                        )
                    };
                    plane.draw_series(piece.iter().filter(|(_, spread)| spread.low < spread.high).map(whisker))?;
                }
                let radius = 2 + self.width(at) / 2;
                plane.draw_series(medians().map(|place| Circle::new(place, radius, color(*rgb).filled())))?;
            }
            let never = line.points.iter().filter(|(_, spread)| !spread.came());
            let edge =
                never.map(|(at, _)| TriangleMarker::new((self.places[*at], self.range.1), 6, color(*rgb).filled()));
            plane.draw_series(edge)?;
        }
        Ok(())
    }
}
