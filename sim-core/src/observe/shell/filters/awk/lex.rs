//! Cuts an awk program into tokens.

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// `/…/`.
    Pattern(String),
    Name(String),
    /// A name with `(` right behind it.
    Call(String),
    Op(&'static str),
    /// `;` or the end of a line.
    End,
}

/// Longer ones first.
const OPS: [&str; 38] = [
    "&&", "||", "==", "!=", "<=", ">=", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "!~", "{", "}", "(", ")", "[",
    "]", ",", "+", "-", "*", "/", "%", "^", "!", "~", "<", ">", "=", "?", ":", "$", "|", "&",
];

/// The tokens of a program.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out: Vec<Token> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        let Some(c) = rest.chars().next() else { return Ok(out) };
        if c == '\n' || c == ';' {
            out.push(Token::End);
            rest = &rest[1..];
        } else if c == '#' {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if c == '\\' && rest[1..].starts_with('\n') {
            rest = &rest[2..];
        } else if c == '"' {
            let (text, after) = quoted(&rest[1..], '"')?;
            out.push(Token::Text(unescaped(&text)));
            rest = after;
        } else if c == '/' && pattern_may_follow(out.last()) {
            let (text, after) = quoted(&rest[1..], '/')?;
            out.push(Token::Pattern(text.replace("\\/", "/")));
            rest = after;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            out.push(Token::Number(rest[..end].parse().map_err(|_not_a_number| unexpected(&rest[..end]))?));
            rest = &rest[end..];
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            rest = &rest[end..];
            out.push(if rest.starts_with('(') { Token::Call(name) } else { Token::Name(name) });
        } else {
            let op = OPS.iter().find(|op| rest.starts_with(**op)).ok_or_else(|| unexpected(rest))?;
            out.push(Token::Op(op));
            rest = &rest[op.len()..];
        }
    }
}

/// After a value a slash divides; elsewhere it opens a pattern.
fn pattern_may_follow(last: Option<&Token>) -> bool {
    match last {
        None | Some(Token::End | Token::Call(_)) => true,
        Some(Token::Op(op)) => !matches!(*op, ")" | "]" | "$" | "++" | "--"),
        Some(Token::Name(name)) => matches!(name.as_str(), "print" | "in" | "return"),
        Some(Token::Number(_) | Token::Text(_) | Token::Pattern(_)) => false,
    }
}

/// The text up to an unescaped `end`, escapes kept, and what follows.
fn quoted(text: &str, end: char) -> Result<(String, &str), String> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && c == end {
            return Ok((text[..at].to_owned(), &text[at + 1..]));
        }
        escaped = c == '\\' && !escaped;
    }
    Err(format!("syntax error: {end} is not closed"))
}

/// `\n`, `\t`, `\"`, `\\`.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(other @ ('"' | '\\' | '/'))) => out.push(other),
            ('\\', Some(other)) => out.extend(['\\', other]),
            (c, _) => out.push(c),
        }
    }
    out
}

/// The complaint about a token.
pub(super) fn unexpected(near: &str) -> String {
    format!("syntax error near `{}'", near.chars().take(20).collect::<String>())
}
