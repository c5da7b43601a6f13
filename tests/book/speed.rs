//! Times measured on a machine: recorded in `book/measured/`, made into the tables that pages include.
//!
//! `cargo xtask speed` writes `speed.toml`. `peers.toml` holds what was measured of other programs.

use halfclose_tests::golden::golden;
use halfclose_tests::tree::{files, read};
use toml::{Table, Value};

use super::figures::shown;

fn record(name: &str) -> Table {
    read(format!("book/measured/{name}")).parse().unwrap_or_else(|problem| panic!("{name}: {problem}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is a text: {value:?}"))
}

fn number(value: &Value, key: &str) -> f64 {
    let number = value[key].as_float().or_else(|| value[key].as_integer().map(|whole| whole as f64));
    number.unwrap_or_else(|| panic!("`{key}` is a number: {value:?}"))
}

fn rows<'a>(table: &'a Table, key: &str) -> &'a [Value] {
    table[key].as_array().unwrap_or_else(|| panic!("`{key}` is a list"))
}

/// Three digits that count: `0.137`, `4.9`, `433`.
fn short(value: f64) -> String {
    let decimals = match value {
        _ if value < 0.1 => 3,
        _ if value < 1.0 => 2,
        _ if value < 100.0 => 1,
        _ => 0,
    };
    shown(value, decimals)
}

/// `28,232`.
fn count(value: f64) -> String {
    shown(value, 0)
}

#[test]
fn the_tables_of_speed_are_what_was_measured() {
    let speed = record("speed.toml");
    let mut out = String::from("Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test book`.\n");
    let mut part = |name: &str, body: &str| {
        out.push_str(&format!("ANCHOR: {name}\n{}\nANCHOR_END: {name}\n", body.trim_end()));
    };
    let mut times = String::from(
        "| what | runs | CPU time, middle [ms] | least [ms] | for each connection [µs] | events for each |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut memory = String::from("| workload | bytes for an open pair, both ends |\n|---|---:|\n");
    let cpu = |run: &Value| {
        let (middle, least) = (number(run, "cpu_us"), number(run, "least_cpu_us"));
        format!("{} | {} | {}", number(run, "runs"), count(middle / 1e3), count(least / 1e3))
    };
    for run in rows(&speed, "workload") {
        let (n, least) = (number(run, "n"), number(run, "least_cpu_us"));
        let name = format!("`{}({})`", text(run, "kind"), count(n));
        let each = number(run, "events") / n;
        times.push_str(&format!("| {name} | {} | {} | {each:.1} |\n", cpu(run), short(least / n)));
        if text(run, "kind") == "W" {
            memory.push_str(&format!("| {name} | {} |\n", count(number(run, "bytes"))));
        }
    }
    for run in rows(&speed, "command") {
        times.push_str(&format!("| `{}` | {} | | |\n", text(run, "line"), cpu(run)));
    }
    part("times", &times);
    part("memory", &memory);
    // In the type of code: it is copied, not translated.
    for key in ["date", "commit", "cpu", "kernel", "rustc", "load"] {
        part(key, &format!("`{}`", text(&Value::Table(speed.clone()), key)));
    }
    part("cores", &count(number(&Value::Table(speed.clone()), "cores")));
    part("instructions", &count(number(&speed["instructions"], "each")));
    part("peers", &peers(&speed));
    golden("book/src/measured.txt", &out);
}

/// Every program's seconds beside ours.
fn peers(speed: &Table) -> String {
    let peers = record("peers.toml");
    let sizes: Vec<f64> = rows(&peers, "sizes").iter().map(|size| size.as_integer().expect("a size") as f64).collect();
    let columns: Vec<(&str, f64)> = ["W", "C"].iter().flat_map(|kind| sizes.iter().map(move |&n| (*kind, n))).collect();
    let mut table = String::from("| program |");
    columns.iter().for_each(|(kind, n)| table.push_str(&format!(" `{kind}({})` |", count(*n))));
    table.push_str(&format!("\n|---|{}\n", "---:|".repeat(columns.len())));
    let cell = |found: Option<&Value>, seconds: fn(&Value) -> f64| match found {
        None => " – |".to_owned(),
        Some(run) => {
            let once = if number(run, "runs") < 2.0 { "¹" } else { "" };
            let shared = if run.get("shared").is_some() { " ²" } else { "" };
            format!(" {}{once}{shared} |", short(seconds(run)))
        }
    };
    for program in rows(&peers, "program") {
        table.push_str(&format!("| {} |", text(program, "name")));
        let runs = program["runs"].as_array().expect("a list of runs");
        for (kind, n) in &columns {
            let found = runs.iter().find(|run| text(run, "workload") == *kind && number(run, "n") == *n);
            table.push_str(&cell(found, |run| number(run, "seconds")));
        }
        table.push('\n');
    }
    table.push_str("| halfclose ³ |");
    for (kind, n) in &columns {
        let found = rows(speed, "workload").iter().find(|run| text(run, "kind") == *kind && number(run, "n") == *n);
        table.push_str(&cell(found, |run| number(run, "least_cpu_us") / 1e6));
    }
    table.push('\n');
    table
}

/// The page's sentences name the versions that the record has.
#[test]
fn versions_are_those_that_were_measured() {
    let page = read("book/src/peers.md");
    for program in rows(&record("peers.toml"), "program") {
        let version = text(program, "version").split('+').next().unwrap_or_default();
        assert!(page.contains(version), "{} {version} is not in the page", text(program, "name"));
    }
}

/// What a page includes of the tables is there: mdBook takes a missing anchor for an empty one.
#[test]
fn each_use_of_a_table_is_one() {
    let made = read("book/src/measured.txt");
    for file in files("book/src", &[".md"]) {
        for part in read(&file).split("measured.txt:").skip(1) {
            let name = part.split("}}").next().unwrap_or_default();
            assert!(made.contains(&format!("ANCHOR: {name}\n")), "{}: nothing is called {name}", file.display());
        }
    }
}

#[test]
fn figures_are_short() {
    assert_eq!([short(0.137), short(4.94), short(433.07), short(0.0186)], ["0.14", "4.9", "433", "0.019"]);
    assert_eq!([count(28_232.0), count(151.4), count(1e6)], ["28,232", "151", "1,000,000"]);
}
