//! The document tree: TOML values that remember where they were written.
//!
//! A scenario may stand on a preset and be changed by `--set`; so every value
//! carries its source besides its bytes, and a problem can point at either.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, ProblemKind};

/// Longest scenario that is read, in bytes. The shipped ones are below 10 KiB.
pub const MAX_BYTES: usize = 1 << 20;

/// Which text a place is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// The scenario given to the reader.
    File,
    /// An embedded preset, by its name without `.toml`.
    Preset(&'static str),
    /// The `--set` with this index, as `key=value`.
    Override(u32),
}

/// A stretch of bytes in one of the sources.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The text.
    pub source: Source,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Place {
    pub(super) const fn new(source: Source, start: usize, end: usize) -> Self {
        Self { source, start, end }
    }
    /// The bytes as a range.
    #[must_use]
    pub const fn span(&self) -> core::ops::Range<usize> {
        self.start..self.end
    }
}

/// A key of a table and what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Node,
}

/// A TOML value. Floats and dates stay text: no scenario field is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Str(String),
    Int(i64),
    Float(String),
    Bool(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Index in the array it was written in, kept when a neighbour is dropped.
    pub(super) ordinal: usize,
}

impl Node {
    pub(super) const fn new(place: Place, value: Value) -> Self {
        Self { place, value, ordinal: 0 }
    }

    pub(super) const fn empty_table(place: Place) -> Self {
        Self::new(place, Value::Table(Vec::new()))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        if let Value::Table(entries) = &mut self.value { entries } else { &mut [] }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Value::Array(items) = &self.value { items } else { &[] }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Str(text) = &self.value { Some(text) } else { None }
    }

    /// The `name` of a table that has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.get("name").and_then(Self::text)
    }

    /// The same value for serde.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Str(text) | Value::Float(text) | Value::Datetime(text) => text.as_str().into(),
            Value::Int(number) => (*number).into(),
            Value::Bool(flag) => (*flag).into(),
            Value::Array(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => {
                serde_json::Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
        }
    }
}

/// Reads bytes into a tree; `None` when nothing is left to check.
pub(super) fn read(bytes: &[u8], source: Source, problems: &mut Vec<Problem>) -> Option<Node> {
    let whole = Place::new(source, 0, bytes.len().min(MAX_BYTES));
    if bytes.len() > MAX_BYTES {
        let kind = ProblemKind::TooLarge { bytes: bytes.len(), limit: MAX_BYTES };
        problems.push(Problem::new(kind, Place::new(source, 0, 0), String::new()));
        return None;
    }
    let text = match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let place = Place::new(source, at, (at + 1).min(bytes.len()));
            problems.push(Problem::new(ProblemKind::NotUtf8 { byte: bytes[at] }, place, String::new()));
            return None;
        }
    };
    if text.trim().is_empty() {
        problems.push(Problem::new(ProblemKind::Empty, whole, String::new()));
        return None;
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let syntax_ok = errors.is_empty();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let place = Place::new(source, span.start, span.end);
        problems.push(Problem::new(ProblemKind::Syntax { message: error.message().to_owned() }, place, String::new()));
    }
    // What the parser guessed after an error would only yield misleading follow-ups.
    syntax_ok.then(|| table(document.into_inner(), whole, source, problems))
}

fn table(map: DeTable<'_>, place: Place, source: Source, problems: &mut Vec<Problem>) -> Node {
    let mut entries: Vec<Entry> = map
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            Entry {
                key: key.into_inner().into_owned(),
                key_place: Place::new(source, span.start, span.end),
                value: value_node(value, source, problems),
            }
        })
        .collect();
    // The parser's map is sorted by name; problems are listed as written.
    entries.sort_by_key(|e| e.key_place.start);
    Node::new(place, Value::Table(entries))
}

fn value_node(value: Spanned<DeValue<'_>>, source: Source, problems: &mut Vec<Problem>) -> Node {
    let span = value.span();
    let place = Place::new(source, span.start, span.end);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Str(Cow::into_owned(text)),
        DeValue::Integer(number) => {
            if let Ok(value) = i64::from_str_radix(number.as_str(), number.radix()) {
                Value::Int(value)
            } else {
                let kind = ProblemKind::IntegerTooLarge { text: number.to_string() };
                problems.push(Problem::new(kind, place, String::new()));
                Value::Int(0)
            }
        }
        DeValue::Float(number) => Value::Float(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Datetime(date) => Value::Datetime(date.to_string()),
        DeValue::Array(items) => {
            let items = items.into_iter().enumerate().map(|(ordinal, item)| {
                let mut node = value_node(item, source, problems);
                node.ordinal = ordinal;
                node
            });
            Value::Array(items.collect())
        }
        DeValue::Table(map) => return table(map, place, source, problems),
    };
    Node::new(place, value)
}

/// Joins the dotted keys under each `host.NAME.sysctl`, so that
/// `net.ipv4.tcp_tw_reuse = 0` and `"net.ipv4.tcp_tw_reuse" = 0` are the same.
pub(super) fn flatten_sysctls(root: &mut Node) {
    let hosts = root.entries_mut().iter_mut().find(|e| e.key == "host");
    for host in hosts.map_or(&mut [][..], |e| e.value.entries_mut()) {
        for entry in host.value.entries_mut().iter_mut().filter(|e| e.key == "sysctl") {
            if let Value::Table(old) = &mut entry.value.value {
                let mut flat = Vec::new();
                flatten("", core::mem::take(old), &mut flat);
                *old = flat;
            }
        }
    }
}

fn flatten(prefix: &str, entries: Vec<Entry>, out: &mut Vec<Entry>) {
    for mut entry in entries {
        if !prefix.is_empty() {
            entry.key = format!("{prefix}.{}", entry.key);
        }
        if let Value::Table(inner) = entry.value.value {
            flatten(&entry.key, inner, out);
        } else {
            out.push(entry);
        }
    }
}

/// Lays `top` over `base`: tables merge key by key, arrays of named tables
/// merge by name, everything else of `top` replaces what `base` has.
pub(super) fn overlay(base: Node, top: Node) -> Node {
    let place = top.place;
    match (base.value, top.value) {
        (Value::Table(mut below), Value::Table(above)) => {
            // Keys of one table are unique: only the base's own need a search.
            let own = below.len();
            for entry in above {
                if let Some(slot) = below[..own].iter_mut().find(|e| e.key == entry.key) {
                    let old = core::mem::replace(&mut slot.value, Node::empty_table(place));
                    slot.value = overlay(old, entry.value);
                    slot.key_place = entry.key_place;
                } else {
                    below.push(entry);
                }
            }
            Node::new(place, Value::Table(below))
        }
        (Value::Array(mut below), Value::Array(above)) if named(&below) && named(&above) => {
            let own = below.len();
            for item in above {
                if let Some(slot) = below[..own].iter_mut().find(|old| old.name() == item.name()) {
                    let old = core::mem::replace(slot, Node::empty_table(place));
                    let ordinal = old.ordinal;
                    *slot = overlay(old, item);
                    slot.ordinal = ordinal;
                } else {
                    below.push(item);
                }
            }
            for (ordinal, item) in below.iter_mut().enumerate() {
                item.ordinal = ordinal;
            }
            Node::new(place, Value::Array(below))
        }
        (_, value) => Node { place, value, ordinal: top.ordinal },
    }
}

fn named(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.name().is_some())
}
