//! Cuts a line as a shell does: lists, pipelines, words.

/// When a step of a list is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// `;`, or the first.
    Anything,
    /// `&&`.
    Success,
    /// `||`.
    Failure,
}

/// One pipeline of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step<'a> {
    pub(super) after: After,
    pub(super) text: &'a str,
    /// A semicolon ended it, as it ends SQL.
    pub(super) semicolon: bool,
}

/// A line that is no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SyntaxError {
    /// A quote is not closed.
    Quote(char),
    /// Nothing where a command belongs, or something a command cannot hold.
    Near(String),
    /// `&`, here documents, loops: not done here.
    Background,
}

/// What becomes of a command's two outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Redirects {
    /// `>/dev/null`.
    pub(super) drop_out: bool,
    /// `2>/dev/null`.
    pub(super) drop_err: bool,
    /// `2>&1`.
    pub(super) join: bool,
}

/// A simple command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    pub(super) redirects: Redirects,
    /// A file the output should go to.
    pub(super) file: Option<String>,
}

/// Follows quotes through a text.
#[derive(Clone, Copy, Default)]
struct Quotes {
    inside: Option<char>,
    escaped: bool,
}

impl Quotes {
    /// Takes the next character; true if it stands for itself (quoted or escaped).
    fn takes(&mut self, c: char) -> bool {
        if self.escaped {
            self.escaped = false;
            return true;
        }
        match self.inside {
            Some(quote) if c == quote => self.inside = None,
            Some('"') if c == '\\' => self.escaped = true,
            Some(_) => {}
            None if c == '\\' => {
                self.escaped = true;
                return true;
            }
            None if matches!(c, '\'' | '"') => {
                self.inside = Some(c);
                return true;
            }
            None => return false,
        }
        true
    }
}

/// The pipelines of a line, in order; comments are gone.
pub(super) fn steps(line: &str) -> Result<Vec<Step<'_>>, SyntaxError> {
    let mut out = Vec::new();
    let mut quotes = Quotes::default();
    let (mut from, mut after, mut skip) = (0, After::Anything, 0);
    let mut before = ' ';
    let mut push = |from: usize, to: usize, after, semicolon| {
        let text = line[from..to].trim();
        if !text.is_empty() {
            out.push(Step { after, text, semicolon });
            Ok(())
        } else if after == After::Anything {
            Ok(())
        } else {
            Err(SyntaxError::Near("newline".to_owned()))
        }
    };
    for (at, c) in line.char_indices() {
        if at < skip {
            continue;
        }
        let previous = core::mem::replace(&mut before, c);
        if quotes.takes(c) {
            continue;
        }
        let next = line[at + c.len_utf8()..].chars().next();
        match c {
            '#' if previous.is_whitespace() => {
                push(from, at, after, false)?;
                skip = line[at..].find('\n').map_or(line.len(), |end| at + end);
                (from, after) = (skip, After::Anything);
            }
            // A statement may be piped with its semicolon; the pipeline says whether it is one.
            ';' if is_pipe(&line[at + 1..]) && !line[from..at].trim().is_empty() => {}
            ';' | '\n' => {
                push(from, at, after, c == ';')?;
                (from, after) = (at + 1, After::Anything);
            }
            '&' | '|' if next == Some(c) => {
                if line[from..at].trim().is_empty() {
                    return Err(SyntaxError::Near(format!("{c}{c}")));
                }
                push(from, at, after, false)?;
                after = if c == '&' { After::Success } else { After::Failure };
                (from, skip) = (at + 2, at + 2);
            }
            '&' if previous != '>' && next != Some('>') => return Err(SyntaxError::Background),
            _other => {}
        }
    }
    if let Some(quote) = quotes.inside {
        return Err(SyntaxError::Quote(quote));
    }
    push(from, line.len(), after, false)?;
    Ok(out)
}

/// True if the next thing is `|`, and not `||`.
fn is_pipe(rest: &str) -> bool {
    rest.trim_start_matches([' ', '\t']).strip_prefix('|').is_some_and(|after| !after.starts_with('|'))
}

/// The commands of a pipeline.
pub(super) fn stages(text: &str) -> Result<Vec<&str>, SyntaxError> {
    let mut out = Vec::new();
    let mut quotes = Quotes::default();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        if !quotes.takes(c) && c == '|' {
            out.push(text[from..at].trim());
            from = at + 1;
        }
    }
    out.push(text[from..].trim());
    if out.len() > 1 && out.iter().any(|stage| stage.is_empty()) {
        return Err(SyntaxError::Near("|".to_owned()));
    }
    Ok(out)
}

/// The words of a command, quotes removed.
pub(super) fn command(text: &str) -> Result<Command, SyntaxError> {
    let mut out = Command::default();
    let mut word: Option<String> = None;
    let mut quotes = Quotes::default();
    let mut chars = text.chars().peekable();
    // What the next word is for: the file of a redirection of this descriptor.
    let mut redirect: Option<char> = None;
    loop {
        let next = chars.next();
        let inside = quotes.inside;
        let plain = next.is_some_and(|c| !quotes.takes(c));
        match next {
            Some(c) if !plain => {
                let quote = quotes.inside != inside || (inside != Some('\'') && c == '\\' && quotes.escaped);
                let word = word.get_or_insert_default();
                if !quote {
                    // In double quotes a backslash stays before what it does not protect.
                    word.push(c);
                } else if c == '\\' && inside == Some('"') && !matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) {
                    word.push(c);
                }
            }
            Some(c) if !c.is_whitespace() && !matches!(c, '>' | '<') => word.get_or_insert_default().push(c),
            Some('<') => return Err(SyntaxError::Near("<".to_owned())),
            Some(c) => {
                if c == '>' {
                    let descriptor = match word.as_deref() {
                        Some("2") => Some('2'),
                        Some("1" | "&") => word.as_deref().and_then(|text| text.chars().next()),
                        Some(_) | None => None,
                    };
                    if descriptor.is_some() {
                        word = None;
                    }
                    finish(&mut out, &mut word, &mut redirect);
                    if chars.peek() == Some(&'>') {
                        chars.next();
                    }
                    redirect = Some(descriptor.unwrap_or('1'));
                } else if word.is_some() {
                    finish(&mut out, &mut word, &mut redirect);
                }
            }
            None => {
                finish(&mut out, &mut word, &mut redirect);
                if redirect.is_some() {
                    return Err(SyntaxError::Near("newline".to_owned()));
                }
                return Ok(out);
            }
        }
    }
}

/// A word is complete.
fn finish(out: &mut Command, word: &mut Option<String>, redirect: &mut Option<char>) {
    let Some(word) = word.take() else { return };
    match (redirect.take(), word.as_str()) {
        (None, _) => out.words.push(word),
        (Some('2'), "&1") => out.redirects.join = true,
        (Some('2'), "/dev/null") => out.redirects.drop_err = true,
        (Some('1'), "/dev/null") => out.redirects.drop_out = true,
        (Some('&'), "/dev/null") => (out.redirects.drop_out, out.redirects.drop_err) = (true, true),
        (Some(_), _) => out.file = Some(word),
    }
}

/// The first `$(…)` or `` `…` `` outside single quotes: where it stands, and what is in it.
pub(super) fn substitution(text: &str) -> Option<(core::ops::Range<usize>, &str)> {
    let mut single = false;
    let mut double = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if core::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' if !single => escaped = true,
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '`' if !single => {
                let len = text[at + 1..].find('`')?;
                return Some((at..at + len + 2, &text[at + 1..=at + len]));
            }
            '$' if !single && text[at + 1..].starts_with('(') => {
                let mut depth = 0;
                let end = text[at + 1..].char_indices().find_map(|(offset, c)| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    (depth == 0).then_some(at + 1 + offset)
                })?;
                return Some((at..end + 1, &text[at + 2..end]));
            }
            _other => {}
        }
    }
    None
}

/// A text whose words a shell reads back as they are.
pub(super) fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,%+@".contains(c) || c.is_whitespace() || !c.is_ascii();
    let mut out = String::new();
    for c in text.trim_end().chars() {
        match c {
            '\n' => out.push(' '),
            c if plain(c) => out.push(c),
            c => out.extend(['\\', c]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        command(text).expect("a command").words
    }

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(words(r#"ss  -tan '( dport = :3306 )'"#), ["ss", "-tan", "( dport = :3306 )"]);
        assert_eq!(words(r#"mysql -e "show processlist""#), ["mysql", "-e", "show processlist"]);
        assert_eq!(words(r#"awk '{print "a\n"$1}' """#), ["awk", "{print \"a\\n\"$1}", ""]);
        assert_eq!(words(r#"grep "a\|b" \( c\ d"#), ["grep", "a\\|b", "(", "c d"]);
        assert_eq!(words(r#"echo "say \"no\"""#), ["echo", "say \"no\""]);
        assert_eq!(steps("echo 'a"), Err(SyntaxError::Quote('\'')));
    }

    #[test]
    fn lists_pipelines_and_comments() {
        let all = steps("ss -s; now && until 'a; b' || kill 3;  # nothing").unwrap();
        let texts: Vec<_> = all.iter().map(|step| (step.text, step.after, step.semicolon)).collect();
        assert_eq!(
            texts,
            [
                ("ss -s", After::Anything, true),
                ("now", After::Anything, false),
                ("until 'a; b'", After::Success, false),
                ("kill 3", After::Failure, true)
            ]
        );
        assert_eq!(stages("ss -tna  | grep '|' | wc -l").unwrap(), ["ss -tna", "grep '|'", "wc -l"]);
        assert_eq!(stages("ss |").unwrap_err(), SyntaxError::Near("|".into()));
        assert_eq!(steps("&& now").unwrap_err(), SyntaxError::Near("&&".into()));
        assert_eq!(steps("ss &").unwrap_err(), SyntaxError::Background);
        assert_eq!(steps("now &&").unwrap_err(), SyntaxError::Near("newline".into()));
    }

    #[test]
    fn redirections() {
        let one = command("ss -s 2>/dev/null").unwrap();
        assert!(one.redirects.drop_err && one.words == ["ss", "-s"]);
        let one = command("cat /x 2>&1 > /dev/null").unwrap();
        assert!(one.redirects.join && one.redirects.drop_out);
        assert_eq!(command("ss > f.txt").unwrap().file.as_deref(), Some("f.txt"));
        assert_eq!(command("ss >").unwrap_err(), SyntaxError::Near("newline".into()));
        assert!(command("ss &>/dev/null").unwrap().redirects.drop_err);
    }

    #[test]
    fn substitutions() {
        let text = "perf top -p `pgrep sysbench`";
        let (range, inner) = substitution(text).unwrap();
        assert_eq!((&text[range], inner), ("`pgrep sysbench`", "pgrep sysbench"));
        let text = "ls \"/proc/$(pidof $(echo a))/fd\"";
        assert_eq!(substitution(text).unwrap().1, "pidof $(echo a)");
        assert_eq!(substitution("awk '{print $(1)}' a"), None);
        assert_eq!(substitution("echo `a"), None);
        assert_eq!(escaped("1\n2;\n"), "1 2\\;");
    }
}
