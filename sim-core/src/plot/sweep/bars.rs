//! A tornado: a bar for each key, the longest above.

use plotters::prelude::{ChartBuilder, Color, IntoFont, PathElement, RGBColor, Rectangle};

use super::super::chart::{AXIS, Drawn, GRID, RIGHT, SIZE, TICKS, WIDTH, look, x_label};
use super::super::svg::{Anchor, Svg, wrapped};
use super::{INK, Sign, legend, paper};
use crate::capacity::sweep::{Bar, SweepWord, Tornado, told};
use crate::observe::charts::Paint;
use crate::text::Lang;

/// Where the words beside the bars end and the bars begin.
const WORDS: i32 = 390;
const LINE: i32 = 16;

/// A key's words and where its bar lies.
struct Row {
    name: Vec<String>,
    ends: Vec<String>,
    top: i32,
    height: i32,
}

pub(super) fn draw(svg: &mut Svg, tornado: &Tornado, top: i32, lang: Lang) -> i32 {
    let [less, more] = tornado.sides.each_ref().map(|side| side.text(lang).to_owned());
    let mut entries = vec![(Sign::Band(look(Paint::Blue).0), less), (Sign::Band(look(Paint::Vermillion).0), more)];
    if tornado.bars.iter().flat_map(|bar| &bar.ends).any(|(_, spread)| spread.low < spread.high) {
        entries.push((Sign::Whisker, crate::say!(lang, SweepWord::SeedSpread)));
    }
    let top = legend(svg, top, 30, None, &entries) + 8;
    let mut bottom = top;
    let row = |bar: &Bar| {
        let name = wrapped(bar.key.text(lang), SIZE, WORDS - 50);
        let ends = wrapped(&ends(tornado, bar, lang), SIZE, WORDS - 50);
        let height = i32::try_from(name.len() + ends.len()).unwrap_or(2) * LINE + 14;
        let row = Row { name, ends, top: bottom, height };
        bottom += height;
        row
    };
    let rows: Vec<Row> = tornado.bars.iter().map(row).collect();
    for row in &rows {
        let lines = row.name.iter().map(|line| ("hc-panel", line)).chain(row.ends.iter().map(|line| ("hc-tick", line)));
        for (at, (class, line)) in (0..).zip(lines) {
            svg.text((30, row.top + 18 + at * LINE), Anchor::Start, class, line);
        }
    }
    bars(svg, tornado, &rows, (top, bottom)).expect("a canvas takes everything, and nothing else draws on it");
    let below = bottom + TICKS + 14;
    svg.text(((WORDS + WIDTH - RIGHT) / 2, below), Anchor::Middle, "hc-axis", tornado.label.text(lang));
    below
}

/// The values at both ends, with what comes of them.
fn ends(tornado: &Tornado, bar: &Bar, lang: Lang) -> String {
    let number = |value: f64| if value.is_finite() { told(value) } else { tornado.absent.text(lang).to_owned() };
    let end = |at: usize| {
        let (name, spread) = &bar.ends[at];
        (name.text(lang).to_owned(), number(spread.median))
    };
    let ((low, a), (high, b)) = (end(0), end(1));
    // Correlations have no values at their ends.
    if tornado.middle == 0.0 && low == "0" {
        return b;
    }
    if a == b { format!("{low} … {high}: {a}") } else { format!("{low}: {a} … {high}: {b}") }
}

/// Ends of the axis: those it always has, else everything finite and a little room.
fn range(tornado: &Tornado) -> (f64, f64) {
    if let Some(span) = tornado.span {
        return span;
    }
    let spreads =
        tornado.bars.iter().flat_map(|bar| &bar.ends).flat_map(|(_, spread)| [spread.low, spread.median, spread.high]);
    let finite: Vec<f64> = spreads.chain([tornado.middle]).filter(|value| value.is_finite()).collect();
    let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let most = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if least > most {
        return (0.0, 1.0);
    }
    let room = ((most - least) * 0.06).max(most.abs() * 1e-3).max(1e-9);
    (if least >= 0.0 { (least - room).max(0.0) } else { least - room }, most + room)
}

fn bars(svg: &mut Svg, tornado: &Tornado, rows: &[Row], (top, bottom): (i32, i32)) -> Drawn {
    let (from, to) = range(tornado);
    let root = paper(svg);
    let area = root.shrink((WORDS, top), (WIDTH - RIGHT - WORDS, bottom - top + TICKS));
    let mut builder = ChartBuilder::on(&area);
    builder.x_label_area_size(TICKS);
    // y are pixels from above.
    let height = f64::from(bottom - top);
    let mut context = builder.build_cartesian_2d(from..to, height..0.0)?;
    context
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(6)
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .label_style(("sans-serif", SIZE).into_font())
        .x_label_formatter(&|x| if *x < 0.0 { format!("−{}", x_label(-x)) } else { x_label(*x) })
        .draw()?;
    let side = |value: f64| look(if value < tornado.middle { Paint::Blue } else { Paint::Vermillion }).0;
    let middle = tornado.middle.min(to);
    for (bar, row) in tornado.bars.iter().zip(rows) {
        let center = f64::from(row.top - top + row.height / 2);
        for (_, spread) in &bar.ends {
            let (r, g, b) = side(spread.median);
            let corners = [(middle, center - 10.0), (spread.median.min(to), center + 10.0)];
            if spread.median.min(to) != middle {
                context.draw_series([Rectangle::new(corners, RGBColor(r, g, b).filled())])?;
            }
        }
        let ink = RGBColor(INK.0, INK.1, INK.2);
        for (_, spread) in bar.ends.iter().filter(|(_, spread)| spread.low < spread.high) {
            let (low, high) = (spread.low, spread.high.min(to));
            let line = |from: (f64, f64), to: (f64, f64)| PathElement::new(vec![from, to], ink);
            context.draw_series([
                line((low, center), (high, center)),
                line((low, center - 4.0), (low, center + 4.0)),
                line((high, center - 4.0), (high, center + 4.0)),
            ])?;
        }
    }
    let line = vec![(middle, 0.0), (middle, height)];
    context.draw_series([PathElement::new(line, RGBColor(INK.0, INK.1, INK.2).stroke_width(2))])?;
    Ok(())
}
