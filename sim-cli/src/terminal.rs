//! Where output goes: colours, width, language.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use halfclose::say;
use halfclose::text::Lang;

use crate::interrupt;
use crate::message::Say;

/// When to colour the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes this the choice of the whole program.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Bold.
pub const STRONG: anstyle::Style = anstyle::Style::new().bold();
/// For what held.
pub const GOOD: anstyle::Style = anstyle::AnsiColor::Green.on_default();
/// For what failed or ran out.
pub const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
/// For what will cost something.
pub const WARN: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();
/// For what can be typed.
pub const COMMAND: anstyle::Style = anstyle::AnsiColor::Cyan.on_default();

/// `text` in `style`; the stream strips the escapes where they are not wanted.
pub fn styled(style: anstyle::Style, text: impl core::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Bytes that are written before anybody asks whether the reader has had enough.
const PIECE: usize = 1 << 16;

/// Writes data to stdout.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] where Ctrl-C cuts it short, at the end of a line.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        if interrupt::is_asked() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let end = rest.iter().skip(PIECE).position(|&byte| byte == b'\n').map_or(rest.len(), |at| PIECE + at + 1);
        out.write_all(&rest[..end])?;
        rest = &rest[end..];
    }
    out.flush()
}

/// Says something on stderr; a closed stderr is ignored.
pub fn talk(text: &str) {
    let mut err = anstream::stderr().lock();
    let _closed = err.write_all(text.as_bytes());
}

/// Reports an error on stderr.
pub fn error(lang: Lang, message: &str) {
    talk(&format!("{}: {message}\n", styled(BAD, say!(lang, Say::Error))));
}

/// Columns of the terminal, 100 where there is none.
pub fn width() -> u16 {
    console::Term::stdout().size_checked().map_or(100, |(_rows, columns)| columns).clamp(60, 120)
}

/// Nothing but a line under the header.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table of at most `width` columns with nothing but a line under its header.
pub fn ruled_table(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(RULED);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

/// Breaks a paragraph into lines of at most `width` columns; a Chinese
/// character takes two and needs no space before a break.
pub fn fill(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for piece in text.split_inclusive(|c: char| c == ' ' || !c.is_ascii()) {
        let columns: usize = piece.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        let visible = columns - usize::from(piece.ends_with(' '));
        if used + visible > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            used = 0;
        }
        out.push_str(piece);
        used += columns;
    }
    out.push('\n');
    out
}

/// The language the environment asks for: the first of LC_ALL, LC_MESSAGES and
/// LANG that is not empty decides, as for every program.
pub fn lang_of_environment() -> Lang {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find_map(|value| Lang::from_env_value(&value.to_string_lossy()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_break_at_spaces_or_between_chinese_characters() {
        assert_eq!(fill("one two three", 7), "one two\nthree\n");
        assert_eq!(fill("端口用完了", 4), "端口\n用完\n了\n");
    }
}
