//! `--set key=value`: a dotted path into the document.

use crate::text::nearest;
use toml::de::DeValue;

use super::node::{Entry, Node, Place, Source, Value};
use super::problem::{Problem, ProblemKind};

/// Longest path, in segments; deeper than any field of the format.
const MAX_SEGMENTS: usize = 24;

/// Writes one override into the tree. Places point into `key=value`.
pub(super) fn apply(root: &mut Node, index: u32, key: &str, value: &str, problems: &mut Vec<Problem>) {
    let source = Source::Override(index);
    let key_place = Place::new(source, 0, key.len());
    let value_place = Place::new(source, key.len() + 1, key.len() + 1 + value.len());
    let Some(segments) = split(key) else {
        problems.push(Problem::new(ProblemKind::BadOverrideKey { key: key.to_owned() }, key_place, key.to_owned()));
        return;
    };
    let node = parse_value(value, value_place);
    if let Err((kind, near)) = write(root, &segments, node, key_place) {
        problems.push(Problem::new(kind, key_place, key.to_owned()).near(near));
    }
}

/// `a."b.c".d` into its segments; `None` if one is empty or a quote is open.
fn split(key: &str) -> Option<Vec<String>> {
    let mut segments = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    for c in key.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => segments.push(core::mem::take(&mut current)),
            _other => current.push(c),
        }
    }
    segments.push(current);
    let usable = !quoted && segments.len() <= MAX_SEGMENTS && segments.iter().all(|s| !s.trim().is_empty());
    usable.then(|| segments.into_iter().map(|s| s.trim().to_owned()).collect())
}

/// A TOML value where the text is one, else the text itself: `end=90s` and
/// `host.db.kernel=6.18` need no quotes.
fn parse_value(text: &str, place: Place) -> Node {
    let plain = || Node::new(place, Value::Str(text.to_owned()));
    match DeValue::parse(text.trim()) {
        Ok(value) => from_toml(value.into_inner(), place, 0).unwrap_or_else(plain),
        Err(_not_toml) => plain(),
    }
}

fn from_toml(value: DeValue<'_>, place: Place, ordinal: usize) -> Option<Node> {
    let value = match value {
        DeValue::String(text) => Value::Str(text.into_owned()),
        DeValue::Integer(number) => Value::Int(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| from_toml(item.into_inner(), place, i))
                .collect::<Option<Vec<Node>>>()?,
        ),
        DeValue::Table(map) => Value::Table(
            map.into_iter()
                .map(|(key, item)| {
                    let value = from_toml(item.into_inner(), place, 0)?;
                    Some(Entry { key: key.into_inner().into_owned(), key_place: place, value })
                })
                .collect::<Option<Vec<Entry>>>()?,
        ),
    };
    Some(Node { place, value, ordinal })
}

fn write(root: &mut Node, segments: &[String], value: Node, place: Place) -> Result<(), (ProblemKind, Option<String>)> {
    let mut node = root;
    for (depth, segment) in segments.iter().enumerate() {
        let last = depth + 1 == segments.len();
        // A sysctl's own name has dots.
        let in_sysctl = depth == 3 && segments[0] == "host" && segments[2] == "sysctl";
        let key = if in_sysctl { segments[depth..].join(".") } else { segment.clone() };
        match &mut node.value {
            Value::Table(entries) => {
                let at = entries.iter().position(|e| e.key == key).unwrap_or_else(|| {
                    entries.push(Entry { key, key_place: place, value: Node::empty_table(place) });
                    entries.len() - 1
                });
                node = &mut entries[at].value;
            }
            Value::Array(items) => {
                let at = items.iter().position(|item| item.name() == Some(segment));
                let at = at.or_else(|| segment.parse().ok().filter(|&i: &usize| i < items.len()));
                let Some(at) = at else {
                    let names: Vec<&str> = items.iter().filter_map(Node::name).collect();
                    let near = nearest(segment, names.iter().copied()).map(str::to_owned);
                    return Err((ProblemKind::NoSuchElement { name: segment.clone(), count: items.len() }, near));
                };
                node = &mut items[at];
            }
            Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {
                return Err((ProblemKind::OverrideThroughValue { key: segments[..depth].join(".") }, None));
            }
        }
        if last || in_sysctl {
            let ordinal = node.ordinal;
            *node = value;
            node.ordinal = ordinal;
            return Ok(());
        }
    }
    Ok(())
}
