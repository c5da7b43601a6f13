//! The few SVG elements the pictures are made of.

use core::fmt::Write as _;

use crate::text::Lang;

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

/// The fonts of all pictures: what Chinese readers have is in the list.
pub(super) const FONTS: &str =
    "Helvetica,Arial,'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif";

/// What an SVG document is called and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    /// Class of the document and prefix of its ids: pictures share a page
    /// without touching each other.
    pub(super) scope: &'a str,
    /// Width and height in CSS pixels.
    pub(super) size: (i32, i32),
    /// Title.
    pub(super) title: &'a str,
    /// Description for those who cannot see it.
    pub(super) description: &'a str,
    /// Rules; `&` stands for the scope's selector.
    pub(super) style: &'a str,
    /// Language of title, description and words.
    pub(super) lang: Lang,
}

/// An SVG document in the making; lengths are in user units (CSS pixels).
#[derive(Debug)]
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// A white page with a title and a description.
    pub(super) fn new(page: &Page<'_>) -> Self {
        let Page { scope, size: (width, height), title, description, style, lang } = *page;
        let mut svg = Self { out: String::new() };
        svg.write(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{scope}\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" lang=\"{lang}\" role=\"img\" \
             aria-labelledby=\"{scope}-title {scope}-desc\">\n"
        ));
        svg.write(format_args!("<title id=\"{scope}-title\">{}</title>\n", escape(title)));
        svg.write(format_args!("<desc id=\"{scope}-desc\">{}</desc>\n", escape(description)));
        let style = style.replace('&', &format!(".{scope}"));
        svg.write(format_args!(
            "<style>.{scope} text{{font-family:{FONTS};font-size:12px;fill:#222}}{style}</style>\n"
        ));
        svg.write(format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"));
        svg
    }

    /// A part of a document, to go into one later.
    pub(super) const fn part() -> Self {
        Self { out: String::new() }
    }

    /// The part's markup.
    pub(super) fn into_part(self) -> String {
        self.out
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

    /// A text turned a quarter to the left around its middle.
    pub(super) fn upright(&mut self, (x, y): (i32, i32), class: &str, text: &str) {
        let text = escape(text);
        self.write(format_args!(
            "<text class=\"{class}\" transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"middle\">{text}</text>\n"
        ));
    }

    /// A path of our own making, with attributes.
    pub(super) fn path(&mut self, data: &str, attributes: &str) {
        self.write(format_args!("<path d=\"{data}\" {attributes}/>\n"));
    }

    /// The finished document.
    pub(super) fn finish(mut self) -> String {
        self.raw("</svg>\n");
        self.out
    }
}

/// How wide a text is at a font size, as an upper estimate: fonts differ, and
/// nothing may run into its neighbour in any of them.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    // Thousandths of the font size: DejaVu Sans, the widest of the usual ones.
    let width = |c: char| match c {
        'i' | 'j' | 'l' | '\'' | '|' | 'I' => 300,
        ' ' | '.' | ',' | ':' | ';' | '!' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 400,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 930,
        'A'..='Z' | '_' | '+' | '=' | '<' | '>' | '→' => 720,
        '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}' => 1_000,
        _other => 620,
    };
    text.chars().map(width).sum::<i32>() * size / 1_000
}

/// Breaks a text into lines no wider than this: at blanks, or between Chinese
/// characters.
pub(super) fn wrapped(text: &str, size: i32, width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if !line.is_empty() && text_width(line.trim_end(), size) + text_width(piece.trim_end(), size) > width {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        if line.is_empty() { line.push_str(piece.trim_start()) } else { line.push_str(piece) }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Where a line may break: after a blank, and around Chinese characters, but
/// not before their punctuation.
fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| matches!(c, '\u{2e80}'..='\u{9fff}');
    let closing = |c: char| matches!(c, '，' | '。' | '：' | '；' | '）' | '、' | '！' | '？');
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = previous.is_some_and(|p| {
            (p == ' ' && c != ' ') || ((wide(c) || wide(p) || closing(p)) && !closing(c) && c != ' ' && p != '（')
        });
        if breaks {
            pieces.push(&text[start..at]);
            start = at;
        }
        previous = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

/// Text as XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let page = Page {
            scope: "hc-x",
            size: (10, 10),
            title: "a < b",
            description: "c & d",
            style: "& .y{fill:none}",
            lang: Lang::En,
        };
        let mut svg = Svg::new(&page);
        svg.text((1, 2), Anchor::End, "x", "<e>");
        let text = svg.finish();
        assert!(text.contains("a &lt; b") && text.contains("c &amp; d") && text.contains(">&lt;e&gt;</text>"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n") && text.contains(".hc-x .y{fill:none}"));
    }

    #[test]
    fn lines_break_where_they_may() {
        assert_eq!(wrapped("one two three", 10, 60), ["one two", "three"]);
        let lines = wrapped("端口用完了，一个不剩。", 10, 50);
        assert!(lines.iter().all(|line| text_width(line, 10) <= 60), "{lines:?}");
        assert_eq!(lines.concat(), "端口用完了，一个不剩。");
        assert!(lines.iter().all(|line| !line.starts_with('，') && !line.starts_with('。')), "{lines:?}");
        assert_eq!(wrapped("", 10, 50), Vec::<String>::new());
    }
}
