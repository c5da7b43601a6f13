//! The scenario format as tables, from its JSON Schema.

use std::collections::BTreeSet;

use halfclose::scenario::schema;
use serde_json::{Map, Value};

use super::{MADE, cell};

/// A table of the format and where it stands in a file.
struct Table<'a> {
    /// `[host.NAME]`, `[[process]]`.
    heading: String,
    schema: &'a Value,
}

pub(super) fn page() -> String {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let mut page = format!(
        "# The scenario format, field by field\n\n{MADE}\n\nThis is the JSON Schema that `halfclose schema` prints, as tables. \
         [Scenarios](../scenarios.md) is the introduction. A key in bold must be there. `[x]` is a table of TOML, `[[x]]` \
         an element of a list, and a word in capitals a name of your own.\n"
    );
    let mut waiting = vec![Table { heading: "(top level)".to_owned(), schema: &schema }];
    let mut done = BTreeSet::new();
    let mut words = Vec::new();
    while !waiting.is_empty() {
        let table = waiting.remove(0);
        let described = text(table.schema, "description");
        if table.heading == "(top level)" {
            page.push_str("\n## The top of the file\n");
        } else {
            page.push_str(&format!("\n## `{}`\n", table.heading));
        }
        if !described.is_empty() && table.heading != "(top level)" {
            page.push_str(&format!("\n{}\n", cell(described)));
        }
        for variant in variants(table.schema) {
            if let Some((key, value)) = tag(variant) {
                page.push_str(&format!("\n### `{key} = \"{value}\"`\n\n{}\n", cell(text(variant, "description"))));
            }
            page.push_str(&rows(variant));
            for (key, field) in properties(variant) {
                follow(&schema, &table.heading, key, field, &mut done, &mut waiting, &mut words);
            }
        }
    }
    page.push_str("\n## Values\n\n| value | what it is |\n|---|---|\n");
    words.sort();
    words.dedup();
    for name in words {
        let value = &schema["$defs"][&name];
        page.push_str(&format!("| {} | {} |\n", short(&name), cell(text(value, "description"))));
        for choice in value["oneOf"].as_array().into_iter().flatten() {
            let word =
                if choice["enum"].is_array() { kind(choice) } else { format!("`\"{}\"`", text(choice, "const")) };
            page.push_str(&format!("| {}: {word} | {} |\n", short(&name), cell(text(choice, "description"))));
        }
    }
    page
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The forms a table may have; a plain one has one.
fn variants(value: &Value) -> Vec<&Value> {
    match value["oneOf"].as_array() {
        Some(forms) => forms.iter().collect(),
        None => vec![value],
    }
}

/// The key whose word chooses a form: `do`, `op`.
fn tag(value: &Value) -> Option<(&str, &str)> {
    properties(value).find_map(|(key, field)| Some((key, field["const"].as_str()?)))
}

fn properties(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields: Option<&Map<String, Value>> = value["properties"].as_object();
    fields.into_iter().flatten().map(|(key, field)| (key.as_str(), field))
}

fn rows(value: &Value) -> String {
    let required: Vec<&str> = value["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields: Vec<(&str, &Value)> = properties(value).filter(|(_, field)| field["const"].is_null()).collect();
    if fields.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n| key | value | what it is |\n|---|---|---|\n");
    for (key, field) in fields {
        let shown = if required.contains(&key) { format!("**`{key}`**") } else { format!("`{key}`") };
        out.push_str(&format!("| {shown} | {} | {} |\n", kind(field), cell(text(field, "description"))));
    }
    out
}

/// What a value may be, in a word or two.
fn kind(field: &Value) -> String {
    if let Some(name) = text(field, "$ref").strip_prefix("#/$defs/") {
        return if name.ends_with("File") { "table".to_owned() } else { short(name) };
    }
    if let Some(choices) = field["enum"].as_array() {
        let words: Vec<String> = choices.iter().filter_map(Value::as_str).map(|word| format!("`\"{word}\"`")).collect();
        return words.join(", ");
    }
    if let Some(choices) = field["anyOf"].as_array() {
        let kinds: Vec<String> = choices.iter().map(kind).filter(|kind| !kind.is_empty()).collect();
        return kinds.join(" or ");
    }
    let types = match &field["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let words = types.iter().map(|kind| match *kind {
        "integer" => "number".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => match self::kind(&field["items"]) {
            inner if inner.is_empty() => "list".to_owned(),
            inner => format!("list of {inner}"),
        },
        "object" => "table".to_owned(),
        "null" => String::new(),
        other => other.to_owned(),
    });
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" or ")
}

/// `DurationText` → *duration*.
fn short(name: &str) -> String {
    let name = ["Text", "Word"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(letter.to_ascii_lowercase());
    }
    format!("*{out}*")
}

/// Puts the tables and words that `field` leads to behind the others, each once.
fn follow<'a>(
    schema: &'a Value,
    above: &str,
    key: &str,
    field: &'a Value,
    done: &mut BTreeSet<String>,
    waiting: &mut Vec<Table<'a>>,
    words: &mut Vec<String>,
) {
    let inside = above.trim_matches(['[', ']']);
    let path = if above == "(top level)" { key.to_owned() } else { format!("{inside}.{key}") };
    let mut places: Vec<(String, &Value)> = vec![(format!("[{path}]"), field)];
    while let Some((heading, value)) = places.pop() {
        if let Some(name) = text(value, "$ref").strip_prefix("#/$defs/") {
            let target = &schema["$defs"][name];
            if name.ends_with("File") {
                if done.insert(name.to_owned()) {
                    waiting.push(Table { heading: heading.clone(), schema: target });
                }
            } else {
                words.push(name.to_owned());
            }
        }
        for choice in value["anyOf"].as_array().into_iter().flatten() {
            places.push((heading.clone(), choice));
        }
        if value["items"].is_object() {
            places.push((format!("[[{path}]]"), &value["items"]));
        }
        if value["additionalProperties"].is_object() {
            places.push((format!("[{path}.NAME]"), &value["additionalProperties"]));
        }
    }
}
