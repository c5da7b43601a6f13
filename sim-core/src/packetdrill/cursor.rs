//! Characters with their places, comments and `#ifdef` taken out.

use super::problem::{ProblemKind, ScriptProblem};

/// A text being read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    /// Names for which `#ifdef` keeps the text.
    defined: &'a [String],
    /// Open `#ifdef`s: the line of each.
    open: Vec<u32>,
    pub(super) branches: Vec<String>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str, defined: &'a [String]) -> Self {
        Self { text, at: 0, line: 1, column: 1, defined, open: Vec::new(), branches: Vec::new() }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
    pub(super) fn starts(&self, with: &str) -> bool {
        self.rest().starts_with(with)
    }
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }
    /// Takes `word` if it comes next.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.starts(word);
        if found {
            for _ in word.chars() {
                self.bump();
            }
        }
        found
    }
    /// Takes characters as long as `wanted` holds.
    pub(super) fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let from = self.at;
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        &self.text[from..self.at]
    }
    /// Takes text up to `end` and `end` itself.
    pub(super) fn take_until(&mut self, end: &str, what: &str) -> Result<&'a str, ScriptProblem> {
        let Some(len) = self.rest().find(end) else { return Err(self.invalid(format!("{what} has no `{end}`"))) };
        let taken = &self.rest()[..len];
        for _ in taken.chars() {
            self.bump();
        }
        self.eat(end);
        Ok(taken)
    }

    /// Passes white space, comments and what an `#ifdef` leaves out.
    pub(super) fn space(&mut self) -> Result<(), ScriptProblem> {
        loop {
            self.take(char::is_whitespace);
            if self.starts("//") {
                self.take(|c| c != '\n');
            } else if self.eat("/*") {
                self.take_until("*/", "the comment")?;
            } else if self.peek() == Some('#') {
                self.directive()?;
            } else {
                return Ok(());
            }
        }
    }

    fn directive(&mut self) -> Result<(), ScriptProblem> {
        let line = self.line;
        let text = self.take(|c| c != '\n');
        let mut words = text[1..].split_whitespace();
        match (words.next(), words.next()) {
            (Some("ifdef"), Some(name)) => {
                if !self.branches.iter().any(|known| known == name) {
                    self.branches.push(name.to_owned());
                }
                if self.defined.iter().any(|known| known == name) {
                    self.open.push(line);
                    return Ok(());
                }
                self.skip_branch(line)
            }
            (Some("endif"), None) => match self.open.pop() {
                Some(_) => Ok(()),
                None => Err(self.invalid("`#endif` without `#ifdef`")),
            },
            _ => Err(self.unsupported(format!("`{}`: only `#ifdef NAME` and `#endif` are known", text.trim_end()))),
        }
    }

    fn skip_branch(&mut self, line: u32) -> Result<(), ScriptProblem> {
        loop {
            self.bump();
            let text = self.take(|c| c != '\n').trim();
            if text == "#endif" {
                return Ok(());
            }
            if self.peek().is_none() {
                return Err(self.invalid(format!("`#ifdef` of line {line} has no `#endif`")));
            }
        }
    }

    /// At the end of the text: is everything closed?
    pub(super) fn finish(&self) -> Result<(), ScriptProblem> {
        match self.open.last() {
            Some(line) => Err(self.invalid(format!("`#ifdef` of line {line} has no `#endif`"))),
            None => Ok(()),
        }
    }

    pub(super) fn invalid(&self, reason: impl Into<String>) -> ScriptProblem {
        self.problem(ProblemKind::Invalid, reason.into())
    }
    pub(super) fn unsupported(&self, reason: impl Into<String>) -> ScriptProblem {
        self.problem(ProblemKind::Unsupported, reason.into())
    }
    /// "expected X, found Y".
    pub(super) fn expected(&self, what: &str) -> ScriptProblem {
        let found = match self.peek() {
            Some(c) if c.is_control() => format!("{c:?}"),
            Some(c) => format!("`{c}`"),
            None => "the end of the text".to_owned(),
        };
        self.invalid(format!("expected {what}, found {found}"))
    }
    const fn problem(&self, kind: ProblemKind, reason: String) -> ScriptProblem {
        ScriptProblem { line: self.line, column: self.column, kind, reason }
    }

    /// Takes `word` or complains.
    pub(super) fn need(&mut self, word: &str) -> Result<(), ScriptProblem> {
        self.space()?;
        if self.eat(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }
    /// An identifier; empty if none comes next.
    pub(super) fn word(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_')
    }
    /// An unsigned decimal number that fits.
    pub(super) fn number<T: core::str::FromStr>(&mut self, what: &str) -> Result<T, ScriptProblem> {
        self.space()?;
        let before = self.problem(ProblemKind::Invalid, String::new());
        let digits = self.take(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected(what));
        }
        digits.parse().map_err(|_| ScriptProblem { reason: format!("{digits} is too large for {what}"), ..before })
    }
}
