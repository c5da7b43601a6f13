//! The page on traces against the JSON Schema of their lines, and both against
//! the lines of several runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use halfclose::observe::{TraceLines, trace_schema};
use halfclose::scenario::{Run, Scenario};
use halfclose::trace::{Observer, Record};
use halfclose_tests::tree::read;
use serde_json::{Map, Value};

/// Scenarios of the lab that together make most kinds of lines.
const OF_THE_LAB: [&str; 4] = ["accept-queue-abort", "data-retries-3", "emfile-client", "refused"];

/// And what they lack: a mark, a process that ends, a lossy link, an address of nobody.
const REST: &str = r#"
format = 1
title = "Rest"
end = "3s"
[host.client]
addrs = ["10.0.0.1"]
[host.db]
addrs = ["10.0.0.2"]
[[link]]
between = ["client", "db"]
latency = "1ms"
loss = "100%"
[[mark]]
name = "tried"
when = { metric = "client.nowhere.connect.attempts", op = ">=", value = 1 }
[[process]]
name = "nowhere"
host = "client"
program = "script"
[process.script]
run = [{ op = "socket", fd = "s" }, { op = "connect", fd = "s", addr = "10.0.0.9:81" }]
[[process]]
name = "closed"
host = "client"
program = "script"
[process.script]
run = [{ op = "socket", fd = "s" }, { op = "connect", fd = "s", addr = "10.0.0.2:81" }]
[[timeline]]
at = "2s"
do = "kill process"
process = "nowhere"
"#;

/// Every line of the runs, first lines included.
fn lines() -> Vec<Value> {
    let mut texts: Vec<String> = OF_THE_LAB.iter().map(|name| read(format!("scenarios/lab/{name}.toml"))).collect();
    texts.push(REST.to_owned());
    let mut all = Vec::new();
    for text in texts {
        let scenario = Scenario::read(text.as_bytes(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
        let lines = TraceLines::new(&scenario, 1);
        all.push(serde_json::to_value(lines.head()).expect("a line is JSON"));
        let mut run = Run::new(scenario, 1).expect("it was checked");
        let mut seen = Seen { lines, all: &mut all };
        run.run_to_end(&mut seen).expect("within its budgets");
    }
    all
}

struct Seen<'a> {
    lines: TraceLines,
    all: &'a mut Vec<Value>,
}

impl Observer for Seen<'_> {
    fn record(&mut self, record: &Record) {
        self.all.push(serde_json::to_value(self.lines.line(record)).expect("a line is JSON"));
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// An object's fields by name: their schemas, and which must be there.
struct Shape<'a> {
    fields: BTreeMap<&'a str, &'a Value>,
    required: BTreeSet<&'a str>,
}

/// The shapes of lines, by kind.
fn shapes(schema: &Value) -> BTreeMap<String, Shape<'_>> {
    let head = &schema["$defs"]["TraceHead"];
    let record = &schema["$defs"]["TraceRecord"];
    let mut shapes = BTreeMap::from([("trace".to_owned(), shape(&[head]))]);
    for form in record["oneOf"].as_array().expect("the schema has it") {
        let kind = form["properties"]["kind"]["const"].as_str().expect("the schema has it");
        shapes.insert(kind.to_owned(), shape(&[record, form]));
    }
    shapes
}

fn shape<'a>(objects: &[&'a Value]) -> Shape<'a> {
    let properties = |object: &&'a Value| object["properties"].as_object().expect("the schema has it").iter();
    let required = |object: &&'a Value| object["required"].as_array().expect("the schema has it").iter();
    Shape {
        fields: objects.iter().flat_map(properties).map(|(name, field)| (name.as_str(), field)).collect(),
        required: objects.iter().flat_map(required).map(|name| name.as_str().expect("the schema has it")).collect(),
    }
}

/// The names of what a value may be: `oneOf` of constants, or `enum`.
fn choices<'a>(schema: &'a Value, field: &'a Value) -> Vec<&'a str> {
    let field = match field["$ref"].as_str() {
        Some(name) => &schema["$defs"][name.trim_start_matches("#/$defs/")],
        None => field,
    };
    let of_one = field["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["const"].as_str());
    let of_enum = field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    of_one.chain(of_enum).chain(field["const"].as_str()).collect()
}

/// The type of a field; one of a list of words has none of its own.
fn kind_of(field: &Value) -> &str {
    let first = field["type"].as_array().and_then(|several| several.first());
    first.unwrap_or(&field["type"]).as_str().unwrap_or("string")
}

#[test]
fn every_line_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(&trace_schema()).expect("the schema is JSON");
    let shapes = shapes(&schema);
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut reasons = BTreeSet::new();
    for line in lines() {
        let object: &Map<String, Value> = line.as_object().expect("a line is an object");
        let kind = object["kind"].as_str().expect("a kind is a word");
        let shape = shapes.get(kind).unwrap_or_else(|| panic!("no kind {kind} in the schema: {line}"));
        assert!(shape.required.iter().all(|name| object.contains_key(*name)), "{line}");
        for (name, value) in object {
            let field =
                shape.fields.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the schema: {line}"));
            let right = match kind_of(field) {
                "integer" => value.is_u64(),
                "array" => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
                "string" => value.is_string(),
                other => panic!("{name}: {other}"),
            };
            let choices = choices(&schema, field);
            assert!(
                right && (choices.is_empty() || choices.contains(&value.as_str().expect("the schema has it"))),
                "{name}: {line}"
            );
        }
        if kind == "syscall" {
            assert_ne!(object.contains_key("value"), object.contains_key("errno"), "{line}");
        }
        if kind == "drop" {
            // Only two hosts, each with an address that ends like its place.
            let local = if line["host"] == "db" { "10.0.0.2:" } else { "10.0.0.1:" };
            assert!(
                line["host"] == "host" || line["local"].as_str().expect("an end is a text").starts_with(local),
                "{line}"
            );
            reasons.insert(object["reason"].as_str().expect("a reason is a word").to_owned());
        }
        seen.entry(kind.to_owned()).or_default().extend(object.keys().cloned());
    }
    for (kind, shape) in &shapes {
        let made = seen.get(kind).unwrap_or_else(|| panic!("no run made a line of kind {kind}"));
        assert!(shape.fields.keys().all(|name| made.contains(*name)), "{kind}: only {made:?} were seen");
    }
    let known = choices(&schema, shapes["drop"].fields["reason"]);
    assert_eq!(reasons.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from_iter(known));
}

#[test]
fn the_page_describes_every_field_of_the_schema() {
    let schema: Value = serde_json::from_str(&trace_schema()).expect("the schema is JSON");
    let shapes = shapes(&schema);
    let page = read(Path::new("book/src/traces.md"));
    let tables: Vec<Vec<[&str; 3]>> = tables(&page);
    let [head, kinds, fields] = tables.as_slice() else { panic!("{} tables of three columns", tables.len()) };

    let types = |rows: &[[&str; 3]]| -> BTreeMap<String, String> {
        rows.iter()
            .flat_map(|[names, kind, _]| quoted(names).map(|name| (name.to_owned(), (*kind).to_owned())))
            .collect()
    };
    let of = |shape: &Shape<'_>| -> BTreeMap<String, String> {
        shape.fields.iter().map(|(name, field)| ((*name).to_owned(), kind_of(field).to_owned())).collect()
    };
    assert_eq!(types(head), of(&shapes["trace"]));

    let common = ["at_ns", "host", "kind", "text", "cause"];
    let mut all = BTreeMap::new();
    let mut described = BTreeSet::from(["trace".to_owned()]);
    for [kind, _, names] in kinds {
        let kind = quoted(kind).next().expect("a kind has a name");
        let shape = shapes.get(kind).unwrap_or_else(|| panic!("the page invents {kind}"));
        let told: BTreeSet<&str> = quoted(names).chain(common).collect();
        assert_eq!(told, shape.fields.keys().copied().collect(), "{kind}");
        all.extend(of(shape));
        described.insert(kind.to_owned());
    }
    assert_eq!(described, shapes.keys().cloned().collect());
    assert_eq!(types(fields), all);
    let reasons = fields.iter().find(|[names, ..]| *names == "`reason`").expect("it has a row")[2];
    let told: BTreeSet<&str> = quoted(reasons).filter(|word| *word != "host").collect();
    assert_eq!(told, BTreeSet::from_iter(choices(&schema, shapes["drop"].fields["reason"])));
}

/// Tables of three columns, without their heads.
fn tables(page: &str) -> Vec<Vec<[&str; 3]>> {
    let mut tables = Vec::new();
    for block in page.split("\n\n").filter(|block| block.starts_with("| ")) {
        let rows = block.lines().skip(2).map(|line| {
            let cells: Vec<&str> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('|')).collect();
            <[&str; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"))
        });
        tables.push(rows.collect());
    }
    tables
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
