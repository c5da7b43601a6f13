//! Every figure and output block of the write-up has a row in `figures.csv`,
//! and every row a test or a reason. The book shows them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use halfclose_tests::golden::golden;

/// Last line of the write-up.
const LAST_LINE: u32 = 513;

/// The lines of the write-up that contain a digit, as inclusive ranges.
const NUMBERED: &[(u32, u32)] = &[
    (4, 4),
    (12, 12),
    (14, 14),
    (16, 16),
    (18, 18),
    (20, 20),
    (24, 24),
    (26, 26),
    (28, 28),
    (34, 36),
    (38, 38),
    (41, 41),
    (43, 44),
    (50, 77),
    (80, 80),
    (85, 86),
    (88, 93),
    (103, 103),
    (106, 106),
    (108, 108),
    (115, 115),
    (118, 118),
    (121, 121),
    (128, 129),
    (131, 136),
    (138, 143),
    (145, 150),
    (152, 157),
    (159, 164),
    (167, 171),
    (179, 189),
    (193, 193),
    (205, 205),
    (209, 209),
    (214, 215),
    (218, 218),
    (223, 243),
    (249, 303),
    (307, 309),
    (313, 314),
    (316, 321),
    (325, 325),
    (327, 327),
    (330, 331),
    (334, 334),
    (336, 337),
    (341, 341),
    (343, 344),
    (346, 346),
    (348, 348),
    (351, 355),
    (368, 368),
    (372, 372),
    (376, 379),
    (382, 382),
    (385, 386),
    (388, 393),
    (396, 396),
    (400, 400),
    (405, 405),
    (410, 410),
    (416, 416),
    (422, 422),
    (427, 428),
    (430, 460),
    (462, 462),
    (464, 465),
    (467, 467),
    (479, 480),
    (482, 482),
    (484, 485),
    (491, 492),
    (494, 494),
    (497, 497),
    (499, 510),
];

/// Output blocks of tools, digits or not.
const BLOCKS: &[(u32, u32)] = &[
    (30, 38),
    (43, 80),
    (84, 93),
    (128, 171),
    (178, 190),
    (205, 244),
    (248, 303),
    (312, 321),
    (330, 331),
    (336, 337),
    (343, 359),
    (363, 380),
    (384, 396),
    (404, 410),
    (430, 460),
    (464, 465),
    (475, 494),
    (499, 510),
];

/// Parts of the write-up: first line, and what it is about.
const PARTS: &[(u32, &str)] = &[
    (1, "How it was set up"),
    (28, "Two process lists"),
    (82, "The first `ss -s`"),
    (95, "Who closes, and when"),
    (123, "Where the CPU time goes"),
    (195, "What the client calls"),
    (305, "28,231 connections"),
    (333, "32,765 connections"),
    (381, "59,974 sockets"),
    (424, "`Recv-Q` 28 and 132"),
    (466, "27 bytes, and 77"),
];

#[derive(Debug)]
struct Row {
    id: String,
    lines: (u32, u32),
    quantity: String,
    published: String,
    class: String,
    command: String,
    test: String,
    note: String,
}

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_path(crate_root().join("incident/figures.csv")).expect("figures.csv exists");
    let head = reader.headers().expect("has a header").iter().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(head.join(","), "id,lines,quantity,published,class,command,test,note");
    reader
        .records()
        .map(|record| {
            let record = record.expect("every line has eight fields");
            let field = |number: usize| record[number].to_string();
            let (from, to) = record[1].split_once('-').unwrap_or((&record[1], &record[1]));
            let line = |text: &str| text.parse().unwrap_or_else(|_| panic!("{}: lines `{}`", &record[0], &record[1]));
            assert!(!record[2].is_empty(), "{} names no quantity", &record[0]);
            Row {
                id: field(0),
                lines: (line(from), line(to)),
                quantity: field(2),
                published: field(3),
                class: field(4),
                command: field(5),
                test: field(6),
                note: field(7),
            }
        })
        .collect()
}

#[test]
fn ids_are_unique_and_lines_are_in_the_document() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.id.clone()), "{} twice", row.id);
        let (from, to) = row.lines;
        assert!(from <= to && to <= LAST_LINE, "{}: lines {from}-{to}", row.id);
        assert!(!row.published.is_empty(), "{} says not what was published", row.id);
    }
}

#[test]
fn every_numbered_line_and_every_output_block_is_covered() {
    let covered: BTreeSet<u32> = rows().iter().flat_map(|row| row.lines.0..=row.lines.1).collect();
    let wanted = NUMBERED.iter().chain(BLOCKS).flat_map(|&(from, to)| from..=to);
    // The prompt line of a block belongs to it even where it says nothing.
    let missing: Vec<u32> = wanted.filter(|line| !covered.contains(line)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "lines of the write-up without a row");
}

#[test]
fn every_row_has_what_its_class_needs() {
    for row in rows() {
        let (test, reason, command) = (!row.test.is_empty(), !row.note.is_empty(), !row.command.is_empty());
        match row.class.as_str() {
            "reproduced" => assert!(test && command, "{}: reproduced by which command, checked by which test?", row.id),
            "scenario input" => assert!(test || reason, "{}: where is the input?", row.id),
            "explained" => assert!(reason, "{}: explained how?", row.id),
            "wrong" => assert!(reason && command, "{}: wrong, and why?", row.id),
            "later" => assert!(row.note.contains("issue "), "{}: which issue brings it?", row.id),
            other => panic!("{}: unknown class `{other}`", row.id),
        }
        assert!(command || !row.command.contains("halfclose") || row.command.starts_with("halfclose "), "{}", row.id);
    }
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_named_test_exists() {
    let root = crate_root().parent().expect("the crate lies in the workspace");
    let mut files = Vec::new();
    for folder in ["tests", "sim-core/src", "sim-cli/src"] {
        sources(&root.join(folder), &mut files);
    }
    let code: String = files.iter().map(|file| fs::read_to_string(file).expect("readable source")).collect();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows().into_iter().filter(|row| !row.test.is_empty()) {
        let exists = match row.test.strip_prefix("scenario:") {
            // The scenario's own expectations are the test, and `scenarios/` runs them.
            Some(name) => {
                let promises = fs::read_to_string(root.join(format!("scenarios/{name}.toml")))
                    .is_ok_and(|text| text.contains("[[expect]]"));
                promises && code.contains(&format!("= \"{name}\" over "))
            }
            None => code.contains(&format!("fn {}(", row.test)),
        };
        if !exists {
            missing.entry(row.test).or_default().push(row.id);
        }
    }
    assert_eq!(missing, BTreeMap::new(), "tests that figures.csv names and nobody wrote");
}

/// Text as a cell of a Markdown table; two hyphens would become a dash.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<").replace("--", "\\-\\-")
}

fn table(rows: &[&Row]) -> String {
    let mut out = String::from("| line | figure | published | here |\n|---|---|---|---|\n");
    for row in rows {
        let (from, to) = row.lines;
        let lines = if from == to { from.to_string() } else { format!("{from}–{to}") };
        let note = if row.note.is_empty() { String::new() } else { format!(": {}", cell(&row.note)) };
        let command =
            if row.command.is_empty() { String::new() } else { format!("<br>`{}`", row.command.replace('|', "\\|")) };
        let (quantity, published) = (cell(&row.quantity), cell(&row.published));
        out.push_str(&format!("| {lines} | {quantity} | {published} | **{}**{note}{command} |\n", row.class));
    }
    out
}

/// The page of the book that lists every row.
fn page() -> String {
    let rows = rows();
    let count = |class: &str| rows.iter().filter(|row| row.class == class).count();
    let mut out = format!(
        "# Every published figure\n\n\
         <!-- Made by `UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test figures`. -->\n\n\
         What became of each figure and each block of output of the write-up? This page is made from \
         `tests/incident/figures.csv`, which names for each row the test that checks it; a test counts that no line with a \
         digit was left out. Line numbers are those of the write-up's source.\n\n\
         | here | rows | it means |\n|---|---|---|\n\
         | reproduced | {} | the simulator prints it, and a test holds it there |\n\
         | scenario input | {} | it was set by somebody, so a scenario sets it |\n\
         | explained | {} | it depends on the moment or on chance, or is no figure; the reason is given |\n\
         | wrong | {} | the write-up errs, and it is said how |\n",
        count("reproduced"),
        count("scenario input"),
        count("explained"),
        count("wrong"),
    );
    for (at, (from, title)) in PARTS.iter().enumerate() {
        let until = PARTS.get(at + 1).map_or(LAST_LINE + 1, |part| part.0);
        let part: Vec<&Row> = rows.iter().filter(|row| (*from..until).contains(&row.lines.0)).collect();
        out.push_str(&format!("\n## {title}\n\n{}", table(&part)));
    }
    out
}

#[test]
fn the_book_shows_every_row() {
    let page = page();
    let shown = page.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |")).count();
    // A head for each table, and the table of four classes.
    assert_eq!(shown, rows().len() + PARTS.len() + 5);
    golden("book/src/incident/figures.md", &page);
}
