//! Reading Rust text just well enough to see which modules it names.

/// `source` without comments, string contents and `#[cfg(test)]` modules.
/// Newlines stay, so that line numbers do.
#[must_use]
pub fn code_only(source: &str) -> String {
    cut_test_modules(&blank_comments_and_strings(source))
}

fn blank_comments_and_strings(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < text.len() {
        let end = match skip_at(&text, at) {
            Some(end) => end,
            None => {
                out.push(text[at]);
                at += 1;
                continue;
            }
        };
        out.extend(text[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// End of the comment or literal that starts at `at`, if one does.
fn skip_at(text: &[char], at: usize) -> Option<usize> {
    let next = text.get(at + 1).copied();
    match text[at] {
        '/' if next == Some('/') => Some(find(text, at, |rest| rest[0] == '\n').unwrap_or(text.len())),
        '/' if next == Some('*') => Some(end_of_block_comment(text, at)),
        '"' => Some(end_of_string(text, at)),
        'r' if matches!(next, Some('"' | '#')) && !continues_word(text, at) => end_of_raw_string(text, at),
        '\'' => end_of_char(text, at),
        _ => None,
    }
}

fn find(text: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> Option<usize> {
    (from..text.len()).find(|at| found(&text[*at..]))
}

fn continues_word(text: &[char], at: usize) -> bool {
    at > 0 && is_word(text[at - 1]) && text[at - 1] != 'b' && text[at - 1] != 'c'
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn end_of_block_comment(text: &[char], at: usize) -> usize {
    let mut depth = 0_u32;
    let mut at = at;
    while at < text.len() {
        if text[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn end_of_string(text: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn end_of_raw_string(text: &[char], at: usize) -> Option<usize> {
    let hashes = text[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let end = find(text, open + 1, |rest| rest.starts_with(&close));
    Some(end.map_or(text.len(), |end| end + close.len()))
}

/// `'a'`, `'\n'`; `None` for a lifetime.
fn end_of_char(text: &[char], at: usize) -> Option<usize> {
    if text.get(at + 1) == Some(&'\\') {
        return find(text, at + 3, |rest| rest[0] == '\'').map(|end| end + 1);
    }
    (text.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

/// Blanks `#[cfg(test)] mod … { … }`. Expects code without literals.
fn cut_test_modules(code: &str) -> String {
    let mut code = code.to_owned();
    let mut from = 0;
    while let Some(start) = code[from..].find("#[cfg(test)]").map(|at| at + from) {
        let after = start + "#[cfg(test)]".len();
        let item = code[after..].trim_start();
        let item = item.strip_prefix("pub").map_or(item, str::trim_start);
        let body = code[after..].find(['{', ';']).map(|at| at + after);
        from = after;
        if let (true, Some(body)) = (item.starts_with("mod "), body) {
            let end = if code[body..].starts_with('{') { end_of_block(&code, body) } else { body + 1 };
            let blank: String = code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            let length = blank.len();
            code.replace_range(start..end, &blank);
            from = start + length;
        }
    }
    code
}

fn end_of_block(code: &str, open: usize) -> usize {
    let mut depth = 0_u32;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// Every path that starts with `crate`, `super` or `self` in `code` (see
/// [`code_only`]), with its line, use-trees spread out: `use crate::{a, b::c};`
/// gives `crate a` and `crate b c`.
#[must_use]
pub fn local_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (line, word) = (tokens[at].0, tokens[at].1.as_str());
        let starts = matches!(word, "crate" | "super" | "self") && tokens.get(at + 1).is_some_and(|t| t.1 == "::");
        let inside = at > 0 && tokens[at - 1].1 == "::";
        if starts && !inside {
            let mut found = Vec::new();
            at = tree(&tokens, at, &[], &mut found);
            paths.extend(found.into_iter().map(|path| (line, path)));
        } else {
            at += 1;
        }
    }
    paths
}

type Token = (usize, String);

/// Words, `::` and single signs, with their lines.
fn tokens(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((number + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// Reads one use-tree or path at `at`; returns where it ends.
fn tree(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.1.as_str());
    let mut path = prefix.to_vec();
    let mut at = at;
    loop {
        if word(at) == "{" {
            at += 1;
            while !matches!(word(at), "}" | "") {
                let before = at;
                at = tree(tokens, at, &path, found);
                if word(at) == "," || at == before {
                    at += 1;
                }
            }
            return at + 1;
        }
        if word(at).starts_with(is_word) {
            path.push(word(at).to_owned());
            at += 1;
        } else if word(at) == "*" {
            at += 1;
        }
        if word(at) != "::" {
            break;
        }
        at += 1;
    }
    if word(at) == "as" {
        at += 2;
    }
    found.push(path);
    at
}

/// The names that `pub use child::{A, B}` lines of a module give to things of
/// its children: `A` and `child A`.
#[must_use]
pub fn re_exports(code: &str) -> Vec<(String, Vec<String>)> {
    let tokens = tokens(code);
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        let is_use = tokens[at].1 == "use" && at > 0 && matches!(tokens[at - 1].1.as_str(), "pub" | ")");
        if !is_use {
            continue;
        }
        let mut paths = Vec::new();
        tree(&tokens, at + 1, &[], &mut paths);
        for mut path in paths {
            if path.first().is_some_and(|first| first == "self") {
                path.remove(0);
            }
            let local = path.first().is_some_and(|first| first != "crate" && first != "super");
            if let (true, Some(name)) = (local && path.len() > 1, path.last()) {
                names.push((name.clone(), path));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        local_paths(&code_only(code)).into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect()
    }

    #[test]
    fn use_trees_are_spread_out() {
        assert_eq!(
            paths("use crate::{a, b::{C as D, e::*}};\nfn f() { super::g::<u8>(); }"),
            ["1 crate::a", "1 crate::b::C", "1 crate::b::e", "2 super::g"]
        );
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let code = "// crate::a\n/* crate::b /* */ */ const S: &str = \"crate::c\"; const R: &str = r#\"\"crate::d\"#;\n\
                    fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' } use crate::e::F;\n\
                    #[cfg(test)]\nmod tests { use crate::g; fn h() { { } } }\nuse crate::i;";
        assert_eq!(paths(code), ["3 crate::e::F", "6 crate::i"]);
    }

    #[test]
    fn re_exports_name_the_child() {
        let code =
            "pub use state::{Cause, TcpState};\nuse hidden::X;\npub use crate::other::Y;\npub use self::api::Call;";
        let names: Vec<String> =
            re_exports(code).into_iter().map(|(name, path)| format!("{name}={}", path.join("::"))).collect();
        assert_eq!(names, ["Cause=state::Cause", "TcpState=state::TcpState", "Call=api::Call"]);
    }
}
