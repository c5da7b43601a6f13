//! A heat map: the number in each cell, and a colour that grows lighter with it.

use plotters::prelude::{ChartBuilder, Color, RGBColor, Rectangle};

use super::super::chart::{Drawn, SIZE, WIDTH};
use super::super::svg::{Anchor, Svg, text_width};
use super::{axis_name, hex, paper, share, tick_texts, ticks_below, whole};
use crate::capacity::sweep::{Heat, told};
use crate::text::Lang;

/// Viridis, at its quarters: it grows lighter evenly, in grey and for every eye.
const VIRIDIS: [(u8, u8, u8); 5] =
    [(0x44, 0x01, 0x54), (0x3b, 0x52, 0x8b), (0x21, 0x91, 0x8c), (0x5e, 0xc9, 0x62), (0xfd, 0xe7, 0x25)];
/// Room for the scale at the right.
const SCALE: i32 = 150;
const CELL: (i32, i32) = (180, 46);
/// From this ratio of greatest to least on, colours follow the logarithm.
const LOG: f64 = 30.0;

struct Colors {
    least: f64,
    most: f64,
    log: bool,
}

impl Colors {
    fn of(heat: &Heat) -> Option<Self> {
        let numbers = || heat.rows.iter().flatten().flatten().copied();
        let (least, most) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
        (least <= most).then_some(Self { least, most, log: least > 0.0 && most / least >= LOG })
    }

    fn share(&self, value: f64) -> f64 {
        if self.least >= self.most {
            0.5
        } else if self.log {
            (value / self.least).ln() / (self.most / self.least).ln()
        } else {
            (value - self.least) / (self.most - self.least)
        }
    }
}

fn color(share: f64) -> (u8, u8, u8) {
    let way = share.clamp(0.0, 1.0) * 4.0;
    let quarter = whole(way.floor()).clamp(0, 3);
    let part = way - f64::from(quarter);
    let at = usize::try_from(quarter).unwrap_or(0);
    let mix = |a: u8, b: u8| u8::try_from(whole(f64::from(a) + (f64::from(b) - f64::from(a)) * part)).unwrap_or(0);
    let ((r, g, b), (s, h, c)) = (VIRIDIS[at], VIRIDIS[at + 1]);
    (mix(r, s), mix(g, h), mix(b, c))
}

/// Black or white, whichever is seen better on a colour.
fn ink((r, g, b): (u8, u8, u8)) -> &'static str {
    // Rec. 709; the middle grey of eyes is at a good half of the code values here.
    let light = (f64::from(r) * 0.2126 + f64::from(g) * 0.7152 + f64::from(b) * 0.0722) / 255.0;
    if light > 0.5 { "#000" } else { "#fff" }
}

pub(super) fn draw(svg: &mut Svg, heat: &Heat, top: i32, lang: Lang) -> i32 {
    let (columns, rows) = (heat.axes.x.len(), heat.axes.y.len());
    let across = i32::try_from(columns).unwrap_or(i32::MAX).max(1);
    let up = i32::try_from(rows).unwrap_or(i32::MAX).max(1);
    let names = tick_texts(&heat.axes.y);
    let left = 60 + names.iter().map(|name| text_width(name, SIZE)).max().unwrap_or(0).min(300);
    let wide = ((WIDTH - SCALE - left) / across).clamp(1, CELL.0);
    let high = (1_200 / up).clamp(14, CELL.1);
    let (right, top) = (left + wide * across, top + 8);
    let bottom = top + high * up;
    let colors = Colors::of(heat);
    cells(svg, heat, colors.as_ref(), (left, top, right, bottom))
        .expect("a canvas takes everything, and nothing else draws on it");
    numbers(svg, heat, colors.as_ref(), (left, bottom), (wide, high));
    let middle = |row: i32| bottom - row * high - high / 2;
    for (row, name) in (0..).zip(&names) {
        svg.text((left - 8, middle(row) + 4), Anchor::End, "hc-tick", name);
    }
    svg.upright((22, (top + bottom) / 2), "hc-axis", heat.axes.y.label.text(lang));
    let places: Vec<f64> = (0..columns).map(|at| (share(at) + 0.5) / share(columns)).collect();
    let below = ticks_below(svg, (left, right, bottom), &tick_texts(&heat.axes.x), &places);
    let below = below + 14;
    svg.text((((left + right) / 2), below), Anchor::Middle, "hc-axis", heat.axes.x.label.text(lang));
    if let Some(colors) = &colors {
        scale(svg, heat, colors, (right + 34, top, bottom.max(top + 90)), lang);
    }
    below.max(top + 104)
}

/// The coloured cells, and those without a number crossed out.
fn cells(
    svg: &mut Svg,
    heat: &Heat,
    colors: Option<&Colors>,
    (left, top, right, bottom): (i32, i32, i32, i32),
) -> Drawn {
    let root = paper(svg);
    let area = root.shrink((left, top), (right - left, bottom - top));
    let (columns, rows) = (heat.axes.x.len(), heat.axes.y.len());
    let mut context = ChartBuilder::on(&area).build_cartesian_2d(0.0..share(columns), 0.0..share(rows))?;
    for (y, row) in heat.rows.iter().enumerate() {
        for (x, cell) in row.iter().enumerate() {
            let corners = [(share(x), share(y)), (share(x + 1), share(y + 1))];
            if let (Some(value), Some(colors)) = (cell, colors) {
                let (r, g, b) = color(colors.share(*value));
                context.draw_series([Rectangle::new(corners, RGBColor(r, g, b).filled())])?;
            } else {
                context.draw_series([Rectangle::new(corners, RGBColor(0xee, 0xee, 0xee).filled())])?;
            }
            context.draw_series([Rectangle::new(corners, RGBColor(0xff, 0xff, 0xff).stroke_width(1))])?;
        }
    }
    Ok(())
}

fn numbers(svg: &mut Svg, heat: &Heat, colors: Option<&Colors>, (left, bottom): (i32, i32), (wide, high): (i32, i32)) {
    let texts: Vec<Vec<String>> = heat
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.map_or_else(|| "–".to_owned(), told)).collect())
        .collect();
    let widest = texts.iter().flatten().map(|text| text_width(text, SIZE)).max().unwrap_or(0);
    // Colours alone where numbers have no room.
    if widest + 4 > wide || high < 16 {
        return;
    }
    for (y, (row, texts)) in (0..).zip(heat.rows.iter().zip(&texts)) {
        for (x, (cell, text)) in (0..).zip(row.iter().zip(texts)) {
            let ink = match (cell, colors) {
                (Some(value), Some(colors)) => ink(color(colors.share(*value))),
                (Some(_) | None, _) => "#444",
            };
            let at = (left + x * wide + wide / 2, bottom - y * high - high / 2 + 4);
            let class = if ink == "#fff" { "hc-on-dark" } else { "hc-on-light" };
            svg.text(at, Anchor::Middle, class, text);
        }
    }
}

/// The colours from the least below to the greatest above.
fn scale(svg: &mut Svg, heat: &Heat, colors: &Colors, (x, top, bottom): (i32, i32, i32), lang: Lang) {
    const STEPS: i32 = 24;
    let at = |step: i32| bottom - (bottom - top) * step / STEPS;
    for step in 0..STEPS {
        let fill = hex(color(f64::from(step) / f64::from(STEPS - 1)));
        svg.path(&format!("M{x} {}h18V{}h-18z", at(step), at(step + 1)), &format!("fill=\"{fill}\""));
    }
    svg.text((x + 26, top + 10), Anchor::Start, "hc-tick", &told(colors.most));
    svg.text((x + 26, bottom), Anchor::Start, "hc-tick", &told(colors.least));
    let label = axis_name(heat.label.text(lang), colors.log, lang);
    svg.upright((x + 88, (top + bottom) / 2), "hc-axis", &label);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_lighter_and_are_written_on_legibly() {
        let light = |(r, g, b): (u8, u8, u8)| f64::from(r) * 0.2126 + f64::from(g) * 0.7152 + f64::from(b) * 0.0722;
        let colors: Vec<(u8, u8, u8)> = (0..=20).map(|step| color(f64::from(step) / 20.0)).collect();
        assert!(colors.windows(2).all(|pair| light(pair[0]) < light(pair[1])), "{colors:?}");
        assert_eq!((colors[0], colors[20]), (VIRIDIS[0], VIRIDIS[4]));
        assert_eq!((ink(colors[0]), ink(colors[20])), ("#fff", "#000"));
    }
}
