//! `grep` with the patterns people type: basic and extended regular expressions.

use regex_lite::{Regex, RegexBuilder};

use super::{Done, Filtered, Wrong, options};

/// How a pattern is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    Basic,
    Extended,
    Fixed,
}

/// `grep [-vciEFwxnoqmAB] PATTERN`.
pub(super) fn grep(name: &str, args: &[String], input: &str) -> Filtered {
    let mut dialect = match name {
        "egrep" => Dialect::Extended,
        "fgrep" => Dialect::Fixed,
        _grep => Dialect::Basic,
    };
    let (found, mut words) = options(args, "emABC");
    let (mut invert, mut count, mut fold, mut word, mut whole) = (false, false, false, false, false);
    let (mut numbers, mut only, mut quiet, mut most) = (false, false, false, usize::MAX);
    let (mut before, mut after) = (0, 0);
    let mut patterns = Vec::new();
    for (option, value) in &found {
        let number = || value.parse().map_err(|_not_a_number| Wrong::Says(format!("invalid argument '{value}'")));
        match option.as_str() {
            "v" | "invert-match" => invert = true,
            "c" | "count" => count = true,
            "i" | "y" | "ignore-case" => fold = true,
            "w" | "word-regexp" => word = true,
            "x" | "line-regexp" => whole = true,
            "n" | "line-number" => numbers = true,
            "o" | "only-matching" => only = true,
            "q" | "quiet" | "silent" => quiet = true,
            "E" | "extended-regexp" => dialect = Dialect::Extended,
            "G" | "basic-regexp" => dialect = Dialect::Basic,
            "F" | "fixed-strings" => dialect = Dialect::Fixed,
            "e" | "regexp" => patterns.push(*value),
            "m" | "max-count" => most = number()?,
            "A" | "after-context" => after = number()?,
            "B" | "before-context" => before = number()?,
            "C" | "context" => (before, after) = (number()?, number()?),
            "a" | "color" | "colour" | "line-buffered" | "s" | "h" => {}
            other => return Err(Wrong::Option(format!("-{other}"))),
        }
    }
    if patterns.is_empty() {
        if words.is_empty() {
            return Err(Wrong::Says("no pattern".to_owned()));
        }
        patterns.extend(words.remove(0).split('\n'));
    }
    if let Some(file) = words.first() {
        return Err(Wrong::Option((*file).to_owned()));
    }
    let expressions: Vec<Regex> =
        patterns.iter().map(|pattern| compile(pattern, dialect, word, whole, fold)).collect::<Result<_, _>>()?;
    let lines: Vec<&str> = input.lines().collect();
    let mut hits = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if hits.len() < most && expressions.iter().any(|expression| expression.is_match(line)) != invert {
            hits.push(at);
        }
    }
    let status = u8::from(hits.is_empty());
    let mut out = String::new();
    if quiet {
        return Ok(Done { out, status });
    }
    if count {
        return Ok(Done { out: format!("{}\n", hits.len()), status });
    }
    if only {
        for at in hits.iter().filter(|_| !invert) {
            for found in expressions.iter().flat_map(|expression| expression.find_iter(lines[*at])) {
                if !found.is_empty() {
                    let prefix = if numbers { format!("{}:", at + 1) } else { String::new() };
                    out.push_str(&format!("{prefix}{}\n", found.as_str()));
                }
            }
        }
        return Ok(Done { out, status });
    }
    let mut next = 0;
    for at in &hits {
        let from = at.saturating_sub(before).max(next);
        if from > next && next > 0 && before + after > 0 {
            out.push_str("--\n");
        }
        let to = (at + after + 1).min(lines.len());
        for (n, line) in lines.iter().enumerate().take(to.max(next)).skip(from) {
            let mark = if hits.binary_search(&n).is_ok() { ':' } else { '-' };
            let prefix = if numbers { format!("{}{mark}", n + 1) } else { String::new() };
            out.push_str(&format!("{prefix}{line}\n"));
        }
        next = to.max(next);
    }
    Ok(Done { out, status })
}

/// A pattern as an expression of `regex-lite`.
fn compile(pattern: &str, dialect: Dialect, word: bool, whole: bool, fold: bool) -> Result<Regex, Wrong> {
    let inner = match dialect {
        Dialect::Fixed => regex_lite::escape(pattern),
        Dialect::Basic => basic(pattern),
        Dialect::Extended => extended(pattern),
    };
    let wrapped = match (word, whole) {
        (_, true) => format!("^(?:{inner})$"),
        (true, false) => format!(r"(?:^|\b)(?:{inner})(?:\b|$)"),
        (false, false) => inner,
    };
    expression(&wrapped, fold).map_err(|said| Wrong::Says(format!("{said}: {pattern}")))
}

/// Compiles an extended expression already translated.
pub(super) fn expression(text: &str, fold: bool) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).case_insensitive(fold).size_limit(1 << 20).nest_limit(50).build();
    built.map_err(|error| error.to_string())
}

/// What POSIX reads literally and `regex-lite` does not, in brackets: `[`, `&`, `~`, `-`.
fn bracket(chars: &mut core::iter::Peekable<core::str::Chars<'_>>, out: &mut String) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return;
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | ']' | '\\' | '&' | '~' => out.extend(['\\', c]),
            other => out.push(other),
        }
        first = false;
    }
}

/// An extended expression: all but brackets is the same; a brace that begins no
/// repetition stands for itself.
pub(super) fn extended(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' => bracket(&mut chars, &mut out),
            '\\' => match chars.next() {
                Some('<' | '>') => out.push_str(r"\b"),
                Some(next) if next.is_ascii_alphanumeric() && !"bBwWsSdD".contains(next) => out.push(next),
                Some(next) => out.extend(['\\', next]),
                None => out.push_str(r"\\"),
            },
            '{' if !chars.peek().is_some_and(char::is_ascii_digit) => out.push_str(r"\{"),
            other => out.push(other),
        }
    }
    out
}

/// A basic expression: `\( \) \{ \} \| \+ \?` are the operators, the bare
/// characters stand for themselves, and so does `*` at the start.
fn basic(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut start = true;
    while let Some(c) = chars.next() {
        let began = core::mem::take(&mut start);
        match c {
            '[' => bracket(&mut chars, &mut out),
            '\\' => match chars.next() {
                Some(next @ ('(' | '|')) => {
                    out.push(next);
                    start = true;
                }
                Some(next @ (')' | '{' | '}' | '+' | '?')) => out.push(next),
                Some('<' | '>') => out.push_str(r"\b"),
                Some(next) if next.is_ascii_alphanumeric() && !"bBwWsS".contains(next) => out.push(next),
                Some(next) => out.extend(['\\', next]),
                None => out.push_str(r"\\"),
            },
            '*' if began => out.push_str(r"\*"),
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => out.extend(['\\', c]),
            '^' if !began => out.push_str(r"\^"),
            '^' => {
                out.push('^');
                start = true;
            }
            '$' if chars.peek().is_some()
                && !matches!(chars.clone().collect::<String>().as_str(), rest if rest.starts_with("\\)") || rest.starts_with("\\|")) =>
            {
                out.push_str(r"\$");
            }
            other => out.push(other),
        }
    }
    out
}
