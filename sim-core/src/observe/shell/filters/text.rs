//! `wc`, `sort`, `uniq`, `head`, `tail`, `cut`, `tr` (coreutils, `LC_ALL=C`).

use core::cmp::Ordering;

use super::{Filtered, Wrong, options};

/// `wc [-l] [-w] [-c] [-m]`.
pub(super) fn wc(args: &[String], input: &str) -> Filtered {
    let (found, words) = options(args, "");
    if let Some(file) = words.first() {
        return Err(Wrong::Option((*file).to_owned()));
    }
    let counts = [
        ('l', input.bytes().filter(|byte| *byte == b'\n').count()),
        ('w', input.split_ascii_whitespace().count()),
        ('m', input.chars().count()),
        ('c', input.len()),
    ];
    let mut wanted = Vec::new();
    for (name, _) in &found {
        wanted.push(match name.as_str() {
            "l" | "lines" => 'l',
            "w" | "words" => 'w',
            "m" | "chars" => 'm',
            "c" | "bytes" => 'c',
            other => return Err(Wrong::Option(format!("-{other}"))),
        });
    }
    if wanted.is_empty() {
        wanted = vec!['l', 'w', 'c'];
    }
    let numbers: Vec<usize> = counts.iter().filter(|(letter, _)| wanted.contains(letter)).map(|(_, n)| *n).collect();
    // From a pipe, several numbers stand in columns of seven.
    let text = match numbers.as_slice() {
        [one] => one.to_string(),
        many => many.iter().map(|n| format!("{n:>7}")).collect::<Vec<_>>().join(" "),
    };
    Ok(format!("{text}\n").into())
}

/// One `-k`: from a field to a field, numbers or text, downwards.
struct Key {
    from: usize,
    to: usize,
    numeric: bool,
    reverse: bool,
}

/// `sort [-n] [-r] [-u] [-k F[,G][nr]] [-t C]`.
pub(super) fn sort(args: &[String], input: &str) -> Filtered {
    let (found, words) = options(args, "kt");
    if let Some(file) = words.first() {
        return Err(Wrong::Option((*file).to_owned()));
    }
    let (mut numeric, mut reverse, mut unique, mut separator) = (false, false, false, None);
    let mut keys = Vec::new();
    for (name, value) in &found {
        match name.as_str() {
            "n" | "numeric-sort" => numeric = true,
            "r" | "reverse" => reverse = true,
            "u" | "unique" => unique = true,
            "b" | "s" => {}
            "t" => separator = value.chars().next(),
            "k" => keys.push(key(value).ok_or_else(|| Wrong::Option(format!("-k {value}")))?),
            other => return Err(Wrong::Option(format!("-{other}"))),
        }
    }
    for key in &mut keys {
        key.numeric |= numeric;
    }
    let compare = |a: &&str, b: &&str| -> Ordering {
        for key in &keys {
            let (a, b) = (field(a, key, separator), field(b, key, separator));
            let order = if key.numeric { number(a).total_cmp(&number(b)) } else { a.cmp(b) };
            let order = if key.reverse != reverse { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        if keys.is_empty() && numeric {
            let order = number(a).total_cmp(&number(b));
            let order = if reverse { order.reverse() } else { order };
            if order != Ordering::Equal || unique {
                return order;
            }
        }
        if unique && !keys.is_empty() {
            return Ordering::Equal;
        }
        let order = a.cmp(b);
        if reverse { order.reverse() } else { order }
    };
    let mut lines: Vec<&str> = input.lines().collect();
    lines.sort_by(compare);
    if unique {
        lines.dedup_by(|a, b| compare(&&**a, &&**b) == Ordering::Equal);
    }
    Ok(joined(&lines).into())
}

/// `2`, `2,2`, `2n`, `1,1nr`; offsets inside a field are not known.
fn key(text: &str) -> Option<Key> {
    let flags_at = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    let (fields, flags) = text.split_at(flags_at);
    let (from, to) = fields.split_once(',').unwrap_or((fields, ""));
    if !flags.chars().all(|c| matches!(c, 'n' | 'r' | 'b')) {
        return None;
    }
    let (from, to) = (from.parse().ok()?, if to.is_empty() { usize::MAX } else { to.parse().ok()? });
    (from > 0).then_some(Key { from, to, numeric: flags.contains('n'), reverse: flags.contains('r') })
}

/// The part of a line a key covers. Without `-t` a field begins with the blanks before it.
fn field<'a>(line: &'a str, key: &Key, separator: Option<char>) -> &'a str {
    let mut starts = Vec::new();
    match separator {
        Some(separator) => {
            starts.push(0);
            starts.extend(line.match_indices(separator).map(|(at, text)| at + text.len()));
        }
        None => {
            let mut inside = false;
            for (at, c) in line.char_indices() {
                let blank = matches!(c, ' ' | '\t');
                if at == 0 || (blank && inside) {
                    starts.push(at);
                }
                inside = !blank;
            }
        }
    }
    let Some(&begin) = starts.get(key.from - 1) else { return "" };
    let gap = separator.map_or(0, char::len_utf8);
    let end = starts.get(key.to).map_or(line.len(), |next| next - gap);
    &line[begin..end.max(begin)]
}

/// The number a text begins with, after blanks.
fn number(text: &str) -> f64 {
    let text = text.trim_start_matches([' ', '\t']);
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(text.len(), |at| at + sign);
    text[..digits].parse().unwrap_or(0.0)
}

/// `uniq [-c] [-d] [-u] [-i]`.
pub(super) fn uniq(args: &[String], input: &str) -> Filtered {
    let (found, words) = options(args, "");
    if let Some(file) = words.first() {
        return Err(Wrong::Option((*file).to_owned()));
    }
    let (mut count, mut repeated, mut single, mut fold) = (false, false, false, false);
    for (name, _) in &found {
        match name.as_str() {
            "c" | "count" => count = true,
            "d" | "repeated" => repeated = true,
            "u" | "unique" => single = true,
            "i" | "ignore-case" => fold = true,
            other => return Err(Wrong::Option(format!("-{other}"))),
        }
    }
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in input.lines() {
        match groups.last_mut() {
            Some((times, last)) if *last == line || (fold && last.eq_ignore_ascii_case(line)) => *times += 1,
            Some(_) | None => groups.push((1, line)),
        }
    }
    groups.retain(|(times, _)| (!repeated || *times > 1) && (!single || *times == 1));
    let line = |(times, line): &(usize, &str)| if count { format!("{times:>7} {line}\n") } else { format!("{line}\n") };
    Ok(groups.iter().map(line).collect::<String>().into())
}

/// `-5`, `-n 5`, `-n -5`, `-n +5`, `-c 5`: the letter, the sign, the number.
fn amount(args: &[String]) -> Result<(char, Option<char>, usize), Wrong> {
    let mut args = args.iter().map(String::as_str);
    let mut found = ('n', None, 10);
    while let Some(arg) = args.next() {
        let (letter, text) = match arg.strip_prefix('-') {
            Some("n" | "-lines") => ('n', args.next().unwrap_or("")),
            Some("c" | "-bytes") => ('c', args.next().unwrap_or("")),
            Some("q" | "v") => continue,
            Some(rest) if rest.starts_with('n') => ('n', &rest[1..]),
            Some(rest) if rest.starts_with('c') => ('c', &rest[1..]),
            Some(rest) if rest.starts_with("-lines=") => ('n', &rest["-lines=".len()..]),
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => ('n', rest),
            Some(_) => return Err(Wrong::Option(arg.to_owned())),
            None if arg.starts_with('+') => ('n', arg),
            None => return Err(Wrong::Option(arg.to_owned())),
        };
        let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'));
        let number = text.trim_start_matches(['+', '-']).parse();
        let number = number.map_err(|_not_a_number| Wrong::Says(format!("invalid number of lines: '{text}'")))?;
        found = (letter, sign, number);
    }
    Ok(found)
}

/// `head [-n N]`.
pub(super) fn head(args: &[String], input: &str) -> Filtered {
    let (letter, sign, n) = amount(args)?;
    if letter == 'c' {
        return Ok(bytes(input, 0, n.min(input.len())).into());
    }
    let lines: Vec<&str> = input.split_inclusive('\n').collect();
    let kept = if sign == Some('-') { lines.len().saturating_sub(n) } else { n.min(lines.len()) };
    Ok(lines[..kept].concat().into())
}

/// `tail [-n N]`, `tail -n +N`.
pub(super) fn tail(args: &[String], input: &str) -> Filtered {
    let (letter, sign, n) = amount(args)?;
    if letter == 'c' {
        return Ok(bytes(input, input.len().saturating_sub(n), input.len()).into());
    }
    let lines: Vec<&str> = input.split_inclusive('\n').collect();
    let from = if sign == Some('+') { n.max(1) - 1 } else { lines.len().saturating_sub(n) };
    Ok(lines[from.min(lines.len())..].concat().into())
}

fn bytes(input: &str, from: usize, to: usize) -> String {
    String::from_utf8_lossy(&input.as_bytes()[from..to]).into_owned()
}

/// `cut -d C -f LIST`, `cut -c LIST`.
pub(super) fn cut(args: &[String], input: &str) -> Filtered {
    let (found, words) = options(args, "dfcb");
    if let Some(file) = words.first() {
        return Err(Wrong::Option((*file).to_owned()));
    }
    let (mut delimiter, mut fields, mut chars, mut only) = ('\t', None, None, false);
    for (name, value) in &found {
        match name.as_str() {
            "d" | "delimiter" => delimiter = value.chars().next().unwrap_or('\t'),
            "f" | "fields" => fields = Some(list(value)?),
            "c" | "b" => chars = Some(list(value)?),
            "s" => only = true,
            other => return Err(Wrong::Option(format!("-{other}"))),
        }
    }
    let chosen = |list: &[(usize, usize)], n: usize| list.iter().any(|(from, to)| (*from..=*to).contains(&n));
    let mut out = String::new();
    for line in input.lines() {
        match (&fields, &chars) {
            (Some(list), _) if line.contains(delimiter) => {
                let parts = line.split(delimiter).zip(1..).filter(|(_, n)| chosen(list, *n)).map(|(part, _)| part);
                out.push_str(&parts.collect::<Vec<_>>().join(&delimiter.to_string()));
            }
            (Some(_), _) if only => continue,
            (Some(_), _) => out.push_str(line),
            (None, Some(list)) => out.extend(line.chars().zip(1..).filter(|(_, n)| chosen(list, *n)).map(|(c, _)| c)),
            (None, None) => {
                return Err(Wrong::Says("you must specify a list of bytes, characters, or fields".to_owned()));
            }
        }
        out.push('\n');
    }
    Ok(out.into())
}

/// `1,3-5,7-`.
fn list(text: &str) -> Result<Vec<(usize, usize)>, Wrong> {
    let bad = || Wrong::Says(format!("invalid field value '{text}'"));
    let number =
        |text: &str, default: usize| if text.is_empty() { Ok(default) } else { text.parse().map_err(|_| bad()) };
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => Ok((number(from, 1)?, number(to, usize::MAX)?)),
        None => number(part, 0).map(|n| (n, n)),
    };
    let found: Vec<(usize, usize)> = text.split(',').map(range).collect::<Result<_, Wrong>>()?;
    if found.iter().any(|(from, _)| *from == 0) { Err(bad()) } else { Ok(found) }
}

/// `tr [-d] [-s] SET1 [SET2]`, sets of characters and ranges.
pub(super) fn tr(args: &[String], input: &str) -> Filtered {
    let (found, words) = options(args, "");
    let (mut delete, mut squeeze) = (false, false);
    for (name, _) in &found {
        match name.as_str() {
            "d" | "delete" => delete = true,
            "s" | "squeeze-repeats" => squeeze = true,
            other => return Err(Wrong::Option(format!("-{other}"))),
        }
    }
    let first = set(words.first().copied().unwrap_or(""));
    let second = words.get(1).map(|word| set(word));
    if first.is_empty() || (second.is_none() && !delete && !squeeze) {
        return Err(Wrong::Says("missing operand".to_owned()));
    }
    let squeezed = second.as_ref().unwrap_or(&first);
    let mut out = String::new();
    let mut last = None;
    for c in input.chars() {
        let at = first.iter().position(|known| *known == c);
        let c = match (at, &second) {
            (Some(_), _) if delete => continue,
            (Some(at), Some(second)) => second.get(at).or(second.last()).copied().unwrap_or(c),
            (Some(_), None) | (None, _) => c,
        };
        if squeeze && last == Some(c) && squeezed.contains(&c) {
            continue;
        }
        last = Some(c);
        out.push(c);
    }
    Ok(out.into())
}

fn set(text: &str) -> Vec<char> {
    let class: Option<fn(&char) -> bool> = match text {
        "[:upper:]" => Some(char::is_ascii_uppercase),
        "[:lower:]" => Some(char::is_ascii_lowercase),
        "[:digit:]" => Some(char::is_ascii_digit),
        "[:space:]" => Some(char::is_ascii_whitespace),
        _other => None,
    };
    if let Some(class) = class {
        return ('\0'..='\x7f').filter(class).collect();
    }
    let mut chars = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let c = match (c, rest.peek()) {
            ('\\', Some('n')) => {
                rest.next();
                '\n'
            }
            ('\\', Some('t')) => {
                rest.next();
                '\t'
            }
            ('\\', Some('\\')) => {
                rest.next();
                '\\'
            }
            _other => c,
        };
        if c == '-'
            && let (Some(&from), Some(&to)) = (chars.last(), rest.peek())
        {
            rest.next();
            chars.extend((from..=to).skip(1));
        } else {
            chars.push(c);
        }
    }
    chars
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
