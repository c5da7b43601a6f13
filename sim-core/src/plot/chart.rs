//! Charts, drawn with plotters: axes, ticks and lines are its work; where things
//! stand on the page, and every word, is ours.
#![allow(clippy::float_arithmetic, reason = "positions on paper are no part of the model")]

use core::convert::Infallible;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, Ranged, ValueFormatter};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea,
    IntoFont, IntoLogRange, LineSeries, RGBColor,
};

use super::canvas::Canvas;
use super::svg::{Anchor, Page, Svg, text_width, wrapped};
use crate::observe::charts::{Chart, ChartText, Line, Paint, Panel, Shape, XUnit};
use crate::text::{Lang, grouped};

pub(super) const WIDTH: i32 = 960;
/// Room for the labels of the y axis.
pub(super) const LEFT: i32 = 92;
pub(super) const RIGHT: i32 = 28;
/// Font size of everything but headings, and of the caption.
pub(super) const SIZE: i32 = 12;
pub(super) const CAPTION: i32 = 13;
/// Height of a line of legend, marks, caption.
pub(super) const ROW: i32 = 19;
const MARK_ROW: i32 = 15;
/// Height of a diagram, alone and with others.
const ALONE: i32 = 300;
const SHARED: i32 = 190;
/// Room for the labels of the x axis.
pub(super) const TICKS: i32 = 24;

pub(super) const STYLE: &str = "\
& text.hc-title{font-size:20px;font-weight:bold}& text.hc-sub{font-size:13px;fill:#444}\
& text.hc-panel{font-weight:bold;font-size:13px}& text.hc-tick,& text.hc-axis{fill:#444}\
& text.hc-mark{fill:#444;font-style:italic}& text.hc-caption{font-size:13px}";

/// Okabe and Ito's palette, yellow left out because it is not seen on white,
/// each colour with a dash of its own, but for three that are solid.
pub(super) const PALETTE: &[(Paint, (u8, u8, u8), &str)] = &[
    (Paint::Blue, (0x00, 0x72, 0xb2), ""),
    (Paint::Vermillion, (0xd5, 0x5e, 0x00), "0"),
    (Paint::Green, (0x00, 0x9e, 0x73), "10 4"),
    (Paint::Sky, (0x2f, 0x9f, 0xd8), "6 3"),
    (Paint::Orange, (0xc9, 0x82, 0x00), "9 3 2 3"),
    (Paint::Purple, (0xb0, 0x4f, 0x88), "2 3"),
    (Paint::Black, (0x11, 0x11, 0x11), ""),
    (Paint::Brown, (0x80, 0x60, 0x40), "9 3 2 3 2 3"),
    (Paint::Limit, (0x66, 0x66, 0x66), "4 4"),
];
pub(super) const DASHES: &[((u8, u8, u8), &str)] = &{
    let mut dashes = [((0, 0, 0), ""); PALETTE.len()];
    let mut at = 0;
    while at < dashes.len() {
        dashes[at] = (PALETTE[at].1, PALETTE[at].2);
        at += 1;
    }
    dashes
};

pub(super) fn look(paint: Paint) -> ((u8, u8, u8), &'static str) {
    PALETTE.iter().find(|(of, ..)| *of == paint).map_or(((0, 0, 0), ""), |&(_, color, dash)| (color, dash))
}

/// The chart as an SVG document with its caption, 960 pixels wide.
#[must_use]
pub fn chart(chart: &Chart, lang: Lang) -> String {
    let height = if chart.panels.len() > 1 { SHARED } else { ALONE };
    let mut y = 66;
    let mut places = Vec::new();
    for panel in &chart.panels {
        let legend = legend(panel, lang);
        let rows = legend.iter().map(|one| one.row).max().unwrap_or(0) + 1;
        let marks = mark_rows(chart, lang);
        let top = y + rows * ROW + marks.height + 8;
        places.push(Place { y, legend, marks, top, height });
        y = top + height + TICKS + 14;
    }
    let axis_y = y + 4;
    let caption = wrapped(chart.caption.text(lang), CAPTION, WIDTH - 60);
    let caption_y = axis_y + 28;
    let total = caption_y + i32::try_from(caption.len()).unwrap_or(0) * ROW + 8;
    let mut svg = Svg::new(&Page {
        scope: &format!("hc-{}", chart.name.name()),
        size: (WIDTH, total),
        title: chart.title(lang),
        description: chart.caption.text(lang),
        style: STYLE,
        lang,
    });
    svg.text((30, 36), Anchor::Start, "hc-title", chart.title(lang));
    svg.text((30, 56), Anchor::Start, "hc-sub", chart.of.text(lang));
    for (panel, place) in chart.panels.iter().zip(&places) {
        draw_panel(&mut svg, chart, panel, place, total, lang);
    }
    let scale = XScale::of(chart);
    svg.text(((LEFT + WIDTH - RIGHT) / 2, axis_y), Anchor::Middle, "hc-axis", &scale.label(chart, lang));
    for (line, text) in (0..).zip(&caption) {
        svg.text((30, caption_y + 8 + line * ROW), Anchor::Start, "hc-caption", text);
    }
    svg.finish()
}

/// Where a panel stands.
struct Place {
    y: i32,
    legend: Vec<Entry>,
    marks: MarkRows,
    top: i32,
    height: i32,
}

/// An entry of a legend: where its swatch begins, and its text.
struct Entry {
    row: i32,
    x: i32,
    text: String,
    line: Option<usize>,
}

/// The panel's title and, after it, its lines; a new row where one is full.
fn legend(panel: &Panel, lang: Lang) -> Vec<Entry> {
    let title = panel.title.text(lang).to_owned();
    let mut x = LEFT + text_width(&title, CAPTION) + 30;
    let mut row = 0;
    let mut entries = vec![Entry { row, x: LEFT, text: title, line: None }];
    for (index, line) in panel.lines.iter().enumerate() {
        let text = line.name.text(lang).to_owned();
        let width = 38 + text_width(&text, SIZE);
        if x + width > WIDTH - RIGHT {
            row += 1;
            x = LEFT;
        }
        entries.push(Entry { row, x, text, line: Some(index) });
        x += width + 22;
    }
    entries
}

/// Names of the marks above a diagram, none over another.
struct MarkRows {
    labels: Vec<MarkLabel>,
    height: i32,
}

/// A mark's line, and the middle, row and text of its label.
struct MarkLabel {
    line: i32,
    x: i32,
    row: i32,
    text: String,
}

fn mark_rows(chart: &Chart, lang: Lang) -> MarkRows {
    let scale = XScale::of(chart);
    // Right end of each row so far.
    let mut rows: Vec<i32> = Vec::new();
    let mut labels = Vec::new();
    // What happens at once, as far as the picture can tell, has one line and one label.
    let mut places: Vec<(i32, String)> = Vec::new();
    for mark in &chart.marks {
        let (x, name) = (scale.pixel(mark.x), mark.name.text(lang));
        match places.last_mut() {
            Some((at, names)) if x - *at <= 3 => names.push_str(&format!(" · {name}")),
            Some(_) | None => places.push((x, name.to_owned())),
        }
    }
    for (x, text) in places {
        let width = text_width(&text, SIZE) + 8;
        let left = (x - width / 2).min(WIDTH - RIGHT - width).max(LEFT);
        let row = rows.iter().position(|&end| end <= left).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(0);
        }
        rows[row] = left + width;
        labels.push(MarkLabel { line: x, x: left + width / 2, row: i32::try_from(row).unwrap_or(0), text });
    }
    let height = i32::try_from(rows.len()).unwrap_or(0) * MARK_ROW + if rows.is_empty() { 0 } else { 4 };
    MarkRows { labels, height }
}

/// The x axis in a unit that gives readable numbers.
struct XScale {
    from: f64,
    to: f64,
    /// What one of its units is in data.
    unit: f64,
    unit_name: &'static str,
}

impl XScale {
    fn of(chart: &Chart) -> Self {
        let span = chart.x.to - chart.x.from;
        let (unit, unit_name) = match chart.x.unit {
            XUnit::Attempt => (1.0, ""),
            XUnit::TimeNs if span < 2_000_000_000 => (1e6, "ms"),
            XUnit::TimeNs if span < 600_000_000_000 => (1e9, "s"),
            XUnit::TimeNs if span < 10_800_000_000_000 => (60e9, "min"),
            XUnit::TimeNs => (3_600e9, "h"),
        };
        Self { from: number(chart.x.from) / unit, to: number(chart.x.to) / unit, unit, unit_name }
    }

    fn value(&self, x: u64) -> f64 {
        number(x) / self.unit
    }

    /// Where plotters puts a value, to a pixel.
    #[expect(clippy::cast_possible_truncation, reason = "a pixel of a page 960 wide")]
    fn pixel(&self, x: u64) -> i32 {
        let share = (self.value(x) - self.from) / (self.to - self.from);
        LEFT + (share * f64::from(WIDTH - RIGHT - LEFT)) as i32
    }

    fn label(&self, chart: &Chart, lang: Lang) -> String {
        match chart.x.unit {
            XUnit::Attempt => ChartText::XAttempt.texts().text(lang).to_owned(),
            XUnit::TimeNs => format!("{} [{}]", ChartText::XTime.texts().text(lang), self.unit_name),
        }
    }
}

const fn number(n: u64) -> f64 {
    n as f64
}

pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

fn draw_panel(svg: &mut Svg, chart: &Chart, panel: &Panel, place: &Place, total: i32, lang: Lang) {
    for entry in &place.legend {
        let y = place.y + entry.row * ROW + 14;
        match entry.line.map(|index| &panel.lines[index]) {
            None => svg.text((entry.x, y), Anchor::Start, "hc-panel", &entry.text),
            Some(line) => {
                swatch(svg, (entry.x, y - 4), line);
                svg.text((entry.x + 36, y), Anchor::Start, "hc-key", &entry.text);
            }
        }
    }
    let (top, bottom) = (place.top, place.top + place.height);
    for MarkLabel { line, x, row, text } in &place.marks.labels {
        let above = top - 3 - row * MARK_ROW;
        svg.path(&format!("M{line} {above}V{bottom}"), "fill=\"none\" stroke=\"#777\" stroke-dasharray=\"1 3\"");
        svg.text((*x, top - 6 - row * MARK_ROW), Anchor::Middle, "hc-mark", text);
    }
    let scale = XScale::of(chart);
    svg.upright((20, (top + bottom) / 2), "hc-axis", panel.y.text(lang));
    let size = (WIDTH.unsigned_abs(), total.unsigned_abs());
    let root = Canvas { svg, size, dashes: DASHES }.into_drawing_area();
    let area = root.shrink((0, top), (WIDTH - RIGHT, place.height + TICKS));
    let drawn = if panel.log { draw_log(&area, panel, &scale) } else { draw_linear(&area, panel, &scale) };
    drawn.expect("a canvas takes everything, and nothing else draws on it");
}

fn swatch(svg: &mut Svg, (x, y): (i32, i32), line: &Line) {
    let ((r, g, b), dash) = look(line.paint);
    let color = format!("#{r:02x}{g:02x}{b:02x}");
    match line.shape {
        Shape::Points => {
            svg.path(&format!("M{} {y}m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", x + 15), &format!("fill=\"{color}\""));
        }
        Shape::Steps | Shape::Joined => {
            let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
            let data = format!("M{x} {y}h30");
            svg.path(&data, &format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"{dash}"));
        }
    }
}

fn greatest(panel: &Panel) -> f64 {
    panel.lines.iter().map(Line::peak).fold(0.0, f64::max)
}

fn draw_linear(area: &Area<'_>, panel: &Panel, scale: &XScale) -> Drawn {
    let most = greatest(panel);
    let top = if most > 0.0 { most * 1.06 } else { 1.0 };
    let mut context = builder(area).build_cartesian_2d(scale.from..scale.to, 0.0..top)?;
    // No fractions of a socket.
    let labels = if top < 5.0 { most_labels(top) } else { 6 };
    mesh(&mut context, labels, &|y| y_label(*y, most))?;
    draw_lines(&mut context, panel, scale, 0.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number below 5")]
fn most_labels(top: f64) -> usize {
    top as usize + 1
}

fn draw_log(area: &Area<'_>, panel: &Panel, scale: &XScale) -> Drawn {
    let top = (greatest(panel) * 1.5).max(10.0);
    let range = (0.8..top).log_scale().base(10.0);
    let mut context = builder(area).build_cartesian_2d(scale.from..scale.to, range)?;
    mesh(&mut context, 6, &|y| y_label(*y, top))?;
    draw_lines(&mut context, panel, scale, 1.0)
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, Canvas<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.y_label_area_size(LEFT).x_label_area_size(TICKS);
    builder
}

pub(super) const GRID: RGBColor = RGBColor(0xe2, 0xe2, 0xe2);
pub(super) const AXIS: RGBColor = RGBColor(0x44, 0x44, 0x45);

fn mesh<X, Y>(
    context: &mut ChartContext<'_, Canvas<'_>, Cartesian2d<X, Y>>,
    y_labels: usize,
    y_label: &dyn Fn(&f64) -> String,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    usize: KeyPointHint,
{
    context
        .configure_mesh()
        .x_labels(10)
        .y_labels(y_labels)
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .label_style(("sans-serif", SIZE).into_font())
        .x_label_formatter(&|x| x_label(*x))
        .y_label_formatter(y_label)
        .draw()
}

fn draw_lines<X, Y>(
    context: &mut ChartContext<'_, Canvas<'_>, Cartesian2d<X, Y>>,
    panel: &Panel,
    scale: &XScale,
    least: f64,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    // Limits first, so that what meets them lies on top; then what is solid, so
    // that a dashed line on the same way lets it be seen.
    let mut order: Vec<&Line> = panel.lines.iter().collect();
    order.sort_by_key(|line| (line.paint != Paint::Limit, !matches!(look(line.paint).1, "" | "0")));
    for line in order {
        let ((r, g, b), _) = look(line.paint);
        let color = RGBColor(r, g, b);
        let points = line.points.iter().map(|&(x, y)| (scale.value(x).min(scale.to), y.max(least)));
        match line.shape {
            Shape::Joined => {
                context.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            }
            Shape::Points => {
                context.draw_series(points.map(|at| Circle::new(at, 3, color.filled())))?;
            }
            Shape::Steps => {
                let mut steps = Vec::new();
                for (x, y) in points {
                    if let Some(&(_, before)) = steps.last() {
                        steps.push((x, before));
                    }
                    steps.push((x, y));
                }
                context.draw_series(LineSeries::new(steps, color.stroke_width(2)))?;
            }
        }
    }
    Ok(())
}

/// Whole numbers grouped, others with the digits they have.
pub(super) fn x_label(x: f64) -> String {
    if (x - x.round()).abs() < 1e-6 { whole(x) } else { trimmed(format!("{x:.3}")) }
}

pub(super) fn y_label(y: f64, most: f64) -> String {
    if (y - y.round()).abs() < 1e-6 {
        whole(y)
    } else if most < 5.0 {
        trimmed(format!("{y:.2}"))
    } else {
        String::new()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "labels are counts and times")]
fn whole(value: f64) -> String {
    grouped(value.round().max(0.0) as u64)
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
