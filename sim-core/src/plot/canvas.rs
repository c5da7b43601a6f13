//! Where plotters draws: an SVG document of ours.
//!
//! Its own SVG backend asks the browser how wide a text is, which fails in a
//! worker, differs between browsers, and has neither dashes nor titles. Here a
//! width is estimated, so one chart has the same bytes everywhere.

use core::convert::Infallible;

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::svg::{Anchor, Svg, text_width};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A drawing backend that adds to an SVG document.
pub(super) struct Canvas<'a> {
    pub(super) svg: &'a mut Svg,
    pub(super) size: (u32, u32),
    /// Dash patterns by colour: plotters knows none.
    pub(super) dashes: &'a [((u8, u8, u8), &'static str)],
}

impl Canvas<'_> {
    fn stroke<S: BackendStyle>(&self, style: &S) -> String {
        let BackendColor { rgb, alpha } = style.color();
        let dash = self.dashes.iter().find(|(color, _)| *color == rgb).map_or("", |(_, dash)| dash);
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}{dash}",
            hex(rgb),
            style.stroke_width(),
            opacity("stroke", alpha)
        )
    }
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn opacity(what: &str, alpha: f64) -> String {
    if alpha < 1.0 { format!(" {what}-opacity=\"{alpha:.2}\"") } else { String::new() }
}

fn filled(color: BackendColor) -> String {
    format!("fill=\"{}\"{}", hex(color.rgb), opacity("fill", color.alpha))
}

/// A path as short as it goes: no point twice, no point on a straight way.
fn path_data(points: impl Iterator<Item = BackendCoord>) -> String {
    let mut kept: Vec<BackendCoord> = Vec::new();
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., a, b] = kept[..] {
            let upright = a.0 == b.0 && b.0 == point.0 && (b.1 - a.1).signum() == (point.1 - b.1).signum();
            let level = a.1 == b.1 && b.1 == point.1 && (b.0 - a.0).signum() == (point.0 - b.0).signum();
            if upright || level {
                kept.pop();
            }
        }
        kept.push(point);
    }
    let mut data = String::new();
    let mut before: Option<BackendCoord> = None;
    for (x, y) in kept {
        match before {
            None => data.push_str(&format!("M{x} {y}")),
            Some((_, last)) if last == y => data.push_str(&format!("H{x}")),
            Some((last, _)) if last == x => data.push_str(&format!("V{y}")),
            Some(_) => data.push_str(&format!("L{x} {y}")),
        }
        before = Some((x, y));
    }
    data
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }
    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }
    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.svg.path(&format!("M{x} {y}h1v1h-1z"), &filled(color));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let attributes = self.stroke(style);
        self.svg.path(&path_data(path.into_iter()), &attributes);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let attributes = if fill { filled(style.color()) } else { self.stroke(style) };
        self.svg.path(&format!("M{left} {top}H{right}V{bottom}H{left}z"), &attributes);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let attributes = if fill { filled(style.color()) } else { self.stroke(style) };
        let (r, across) = (radius, 2 * radius);
        self.svg.path(&format!("M{x} {y}m-{r} 0a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z"), &attributes);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vert: I, style: &S) -> Drawn {
        let data = path_data(vert.into_iter());
        self.svg.path(&format!("{data}z"), &filled(style.color()));
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, (x, y): BackendCoord) -> Drawn {
        let size = points(style.size());
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        // A letter is three quarters of the size high.
        let y = match style.anchor().v_pos {
            VPos::Top => y + size * 3 / 4,
            VPos::Center => y + size * 3 / 8,
            VPos::Bottom => y,
        };
        self.svg.text((x, y), anchor, "hc-tick", text);
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = points(style.size());
        Ok((text_width(text, size).unsigned_abs(), size.unsigned_abs()))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "font sizes are small")]
const fn points(size: f64) -> i32 {
    size as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_short() {
        let steps = [(0, 9), (4, 9), (4, 9), (8, 9), (8, 5), (8, 1), (9, 0)];
        assert_eq!(path_data(steps.into_iter()), "M0 9H8V1L9 0");
        assert_eq!(path_data([(0, 5), (0, 1), (0, 9)].into_iter()), "M0 5V1V9", "back and forth is no straight way");
    }
}
