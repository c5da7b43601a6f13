//! The few SVG elements the pictures are made of.

use core::fmt::Write as _;

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    /// Begins there.
    Start,
    /// Is centred there.
    Middle,
    /// Ends there.
    End,
}

/// An SVG document in the making; lengths are in user units (CSS pixels).
#[derive(Debug)]
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// A white page of this size with a title and a description.
    pub(super) fn new(width: i32, height: i32, title: &str, description: &str, style: &str) -> Self {
        let mut svg = Self { out: String::new() };
        svg.write(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"hc-title hc-desc\">\n"
        ));
        svg.write(format_args!("<title id=\"hc-title\">{}</title>\n", escape(title)));
        svg.write(format_args!("<desc id=\"hc-desc\">{}</desc>\n", escape(description)));
        svg.write(format_args!("<style>{style}</style>\n"));
        svg.write(format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"));
        svg
    }

    fn write(&mut self, text: core::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a string succeeds");
    }

    /// Markup of our own making, as it is.
    pub(super) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Begins a group with a text that tells what it is.
    pub(super) fn group(&mut self, title: &str) {
        self.write(format_args!("<g><title>{}</title>\n", escape(title)));
    }

    /// Ends the group.
    pub(super) fn end_group(&mut self) {
        self.raw("</g>\n");
    }

    /// A rectangle with rounded corners around a centre.
    pub(super) fn rect(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), class: &str) {
        let (left, top) = (x - width / 2, y - height / 2);
        self.write(format_args!(
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n"
        ));
    }

    /// A line through these points, with an arrow at its end if the class has one.
    pub(super) fn line(&mut self, points: &[(i32, i32)], class: &str, width_tenths: u32) {
        let mut path = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            path.push_str(&format!("{}{x} {y}", if number == 0 { "M" } else { " L" }));
        }
        self.write(format_args!(
            "<path class=\"{class}\" d=\"{path}\" stroke-width=\"{}.{}\"/>\n",
            width_tenths / 10,
            width_tenths % 10
        ));
    }

    /// One line of text.
    pub(super) fn text(&mut self, (x, y): (i32, i32), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.write(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// The finished document.
    pub(super) fn finish(mut self) -> String {
        self.raw("</svg>\n");
        self.out
    }
}

/// Text as XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10, 10, "a < b", "c & d", "");
        svg.text((1, 2), Anchor::End, "x", "<e>");
        let text = svg.finish();
        assert!(text.contains("a &lt; b") && text.contains("c &amp; d") && text.contains(">&lt;e&gt;</text>"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    }
}
