//! The JSON Schema of the format, and the structural check against it.
//!
//! Only what schemars writes for our own types is understood; every problem is
//! reported and its value dropped, so that the rest can still be checked.

use crate::text::nearest;
use std::sync::OnceLock;

use serde_json::Value as Json;

use super::file::ScenarioFile;
use super::node::{Entry, Node, Source, Value};
use super::problem::{Problem, ProblemKind};
use super::value::cut;

/// The schema, made once.
pub(super) fn schema_json() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(ScenarioFile).to_value())
}

/// The JSON Schema (draft 2020-12) of a scenario file, pretty-printed.
#[must_use]
pub fn schema() -> String {
    format!("{:#}\n", schema_json())
}

/// A format of documents.
#[derive(Clone, Copy)]
pub(super) struct Format {
    /// Its schema.
    pub(super) schema: &'static Json,
    /// What sentences call the outermost table.
    pub(super) name: &'static str,
}

impl Format {
    /// That of scenarios.
    pub(super) fn scenario() -> Self {
        Self { schema: schema_json(), name: "scenario" }
    }
}

/// Checks `root` against a format, dropping what does not fit.
pub(super) fn validate(root: &mut Node, format: Format, problems: &mut Vec<Problem>) {
    let mut checker = Checker { format, problems };
    let _keep = checker.check(root, format.schema, &Path { parent: None, step: Step::Root });
}

/// A place in the document on the way down.
struct Path<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    fn text(&self) -> String {
        let own = match self.step {
            Step::Root => return String::new(),
            Step::Key(key) => key.to_owned(),
            Step::Index(index) => index.to_string(),
        };
        match self.parent.map(Path::text) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}.{own}"),
            Some(_) | None => own,
        }
    }

    /// What to call the table in a sentence.
    fn table_name(&self, format: Format) -> String {
        let text = self.text();
        if text.is_empty() { format.name.to_owned() } else { text }
    }
}

struct Checker<'p> {
    format: Format,
    problems: &'p mut Vec<Problem>,
}

impl Checker<'_> {
    fn report(&mut self, kind: ProblemKind, node: &Node, path: &Path<'_>) {
        self.problems.push(Problem::new(kind, node.place, path.text()));
    }

    fn resolve(&self, mut schema: &'static Json) -> &'static Json {
        while let Some(name) = schema.get("$ref").and_then(Json::as_str) {
            let Some(target) = name.strip_prefix("#/$defs/").and_then(|n| self.format.schema.get("$defs")?.get(n))
            else {
                break;
            };
            schema = target;
        }
        schema
    }

    /// True if the value can stay.
    fn check(&mut self, node: &mut Node, schema: &'static Json, path: &Path<'_>) -> bool {
        let schema = self.resolve(schema);
        if schema.as_bool() == Some(true) {
            return true;
        }
        if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
            return self.any_of(node, schema, branches, path);
        }
        if let Some(branches) = schema.get("oneOf").and_then(Json::as_array) {
            return self.one_of(node, branches, path);
        }
        let types = self.types(schema);
        coerce(node, &types);
        if !types.is_empty() && !types.contains(&type_of(node)) {
            self.wrong_type(node, &types, path);
            return false;
        }
        if let Some(words) = schema.get("enum").and_then(Json::as_array) {
            let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
            return self.word(node, &words, path);
        }
        match &node.value {
            Value::Table(_) => self.table(node, schema, path),
            Value::Array(_) => self.array(node, schema, path),
            Value::Int(number) => {
                let number = *number;
                self.limits(number, node, schema, path)
            }
            Value::Str(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => true,
        }
    }

    /// The JSON types a schema admits, without `null`: TOML has none.
    fn types(&self, schema: &'static Json) -> Vec<&'static str> {
        let schema = self.resolve(schema);
        let mut types = Vec::new();
        match schema.get("type") {
            Some(Json::String(one)) => types.push(one.as_str()),
            Some(Json::Array(several)) => types.extend(several.iter().filter_map(Json::as_str)),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => {}
        }
        for branch in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
            types.extend(self.types(branch));
        }
        types.retain(|t| *t != "null");
        types.dedup();
        types
    }

    fn wrong_type(&mut self, node: &Node, types: &[&str], path: &Path<'_>) {
        let expected: Vec<(&str, &str)> = types.iter().map(|t| type_phrase(t)).collect();
        let list = |pick: fn(&(&'static str, &'static str)) -> &'static str, or: &str| {
            expected.iter().map(pick).collect::<Vec<_>>().join(or)
        };
        let (found_en, found_zh) = found_phrase(node);
        let (expected_en, expected_zh) = (list(|e| e.0, " or "), list(|e| e.1, "或"));
        self.report(ProblemKind::WrongType { expected_en, expected_zh, found_en, found_zh }, node, path);
    }

    fn any_of(&mut self, node: &mut Node, schema: &'static Json, branches: &'static [Json], path: &Path<'_>) -> bool {
        let types = self.types(schema);
        coerce(node, &types);
        let found = type_of(node);
        match branches.iter().find(|branch| self.types(branch).contains(&found)) {
            Some(branch) => self.check(node, branch, path),
            None => {
                self.wrong_type(node, &types, path);
                false
            }
        }
    }

    /// Words with a description each, or tables told apart by one key.
    fn one_of(&mut self, node: &mut Node, branches: &'static [Json], path: &Path<'_>) -> bool {
        let tag = branches.iter().find_map(|branch| {
            let properties = branch.get("properties")?.as_object()?;
            properties.iter().find(|(_, property)| property.get("const").is_some()).map(|(key, _)| key.as_str())
        });
        let Some(tag) = tag else {
            let words: Vec<&str> = branches
                .iter()
                .flat_map(|branch| {
                    let one = branch.get("const").into_iter();
                    one.chain(branch.get("enum").and_then(Json::as_array).into_iter().flatten())
                })
                .filter_map(Json::as_str)
                .collect();
            return self.word(node, &words, path);
        };
        if !matches!(node.value, Value::Table(_)) {
            self.wrong_type(node, &["object"], path);
            return false;
        }
        let constant = |branch: &'static Json| branch.get("properties")?.get(tag)?.get("const")?.as_str();
        let words: Vec<&str> = branches.iter().filter_map(constant).collect();
        let Some(entry) = node.entries().iter().find(|e| e.key == tag) else {
            self.report(ProblemKind::Missing { key: tag.to_owned(), table: path.table_name(self.format) }, node, path);
            return false;
        };
        let Some(word) = entry.value.text().map(str::to_owned) else {
            let value = entry.value.clone();
            self.wrong_type(&value, &["string"], &path.key(tag));
            return false;
        };
        match branches.iter().find(|branch| constant(branch) == Some(word.as_str())) {
            Some(branch) => self.table(node, branch, path),
            None => {
                let value = entry.value.clone();
                self.word(&value, &words, &path.key(tag))
            }
        }
    }

    fn word(&mut self, node: &Node, words: &[&'static str], path: &Path<'_>) -> bool {
        let Some(word) = node.text() else {
            self.wrong_type(node, &["string"], path);
            return false;
        };
        if words.contains(&word) {
            return true;
        }
        let kind = ProblemKind::UnknownWord { word: cut(word), allowed: words.join(", ") };
        let near = nearest(word, words.iter().copied()).map(str::to_owned);
        self.problems.push(Problem::new(kind, node.place, path.text()).near(near));
        false
    }

    fn limits(&mut self, number: i64, node: &Node, schema: &'static Json, path: &Path<'_>) -> bool {
        let bound = |key: &str, default: i64| schema.get(key).and_then(Json::as_i64).unwrap_or(default);
        let (min, max) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
        if (min..=max).contains(&number) {
            return true;
        }
        self.report(ProblemKind::OutOfRange { number: number.to_string(), min, max }, node, path);
        false
    }

    fn table(&mut self, node: &mut Node, schema: &'static Json, path: &Path<'_>) -> bool {
        let place = node.place;
        let Value::Table(entries) = &mut node.value else {
            return false;
        };
        let known = schema.get("properties").and_then(Json::as_object);
        let additional = schema.get("additionalProperties");
        let mut kept = Vec::with_capacity(entries.len());
        for mut entry in core::mem::take(entries) {
            let property = known.and_then(|p| p.get(&entry.key)).or(additional.filter(|a| **a != Json::Bool(false)));
            let keep = match property {
                Some(property) => {
                    let Entry { key, value, .. } = &mut entry;
                    // A value of the key itself, so that a table's place names its header.
                    self.check(value, property, &path.key(key))
                }
                None => {
                    let keys = known.into_iter().flat_map(|p| p.keys()).map(String::as_str);
                    let near = nearest(&entry.key, keys).map(str::to_owned);
                    let kind = ProblemKind::UnknownKey { key: cut(&entry.key), table: path.table_name(self.format) };
                    let at = path.key(&entry.key).text();
                    self.problems.push(Problem::new(kind, entry.key_place, at).near(near));
                    false
                }
            };
            if keep {
                kept.push(entry);
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for key in required {
            let present = kept.iter().any(|e| e.key == key);
            let dropped = self.problems.iter().any(|p| p.path == path.key(key).text());
            if !present && !dropped {
                let kind = ProblemKind::Missing { key: key.to_owned(), table: path.table_name(self.format) };
                self.problems.push(Problem::new(kind, place, path.text()));
            }
        }
        node.value = Value::Table(kept);
        true
    }

    fn array(&mut self, node: &mut Node, schema: &'static Json, path: &Path<'_>) -> bool {
        let Value::Array(items) = &mut node.value else {
            return false;
        };
        let Some(item_schema) = schema.get("items") else {
            return true;
        };
        let count = items.len();
        let bound = |key: &str| schema.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
        let (min, max) = (bound("minItems").unwrap_or(0), bound("maxItems").unwrap_or(usize::MAX));
        let mut kept = Vec::with_capacity(count);
        for mut item in core::mem::take(items) {
            let name = item.name().map(str::to_owned);
            let step = name.as_deref().map_or(Step::Index(item.ordinal), Step::Key);
            let at = Path { parent: Some(path), step };
            if self.check(&mut item, item_schema, &at) {
                kept.push(item);
            }
        }
        node.value = Value::Array(kept);
        if count < min || count > max {
            let kind = ProblemKind::WrongType {
                expected_en: format!("a list of {min} elements"),
                expected_zh: format!("{min} 个元素的列表"),
                found_en: "another number of elements",
                found_zh: "元素个数不同",
            };
            self.report(kind, node, path);
            return false;
        }
        true
    }
}

/// `--set` values are typed bare: a number stands for a text where a text is asked for.
fn coerce(node: &mut Node, types: &[&str]) {
    if !matches!(node.place.source, Source::Override(_)) || !types.contains(&"string") || types.contains(&type_of(node))
    {
        return;
    }
    match node.value {
        Value::Int(number) => node.value = Value::Str(number.to_string()),
        Value::Bool(flag) => node.value = Value::Str(flag.to_string()),
        Value::Str(_) | Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {}
    }
}

const fn type_of(node: &Node) -> &'static str {
    match node.value {
        Value::Str(_) => "string",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Datetime(_) => "date",
        Value::Array(_) => "array",
        Value::Table(_) => "object",
    }
}

const fn found_phrase(node: &Node) -> (&'static str, &'static str) {
    match node.value {
        Value::Str(_) => ("a text", "文本"),
        Value::Int(_) => ("an integer", "整数"),
        Value::Float(_) => ("a number with a fraction", "小数"),
        Value::Bool(_) => ("true or false", "布尔值"),
        Value::Datetime(_) => ("a date", "日期"),
        Value::Array(_) => ("a list", "列表"),
        Value::Table(_) => ("a table", "表"),
    }
}

fn type_phrase(json_type: &str) -> (&'static str, &'static str) {
    match json_type {
        "string" => ("a text in quotes", "带引号的文本"),
        "integer" => ("an integer", "整数"),
        "boolean" => ("true or false", "布尔值"),
        "array" => ("a list", "列表"),
        "object" => ("a table", "表"),
        _other => ("another value", "其他值"),
    }
}
