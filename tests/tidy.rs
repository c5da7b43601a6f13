//! What neither rustc nor clippy can see: the order of the core's modules, and
//! that documents and scenarios keep step with the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use halfclose_tests::rust_source::{code_only, local_paths, re_exports};
use halfclose_tests::tree::{files, read, root, slashed, top_folders};

/// The core's modules, bottom to top: each may use itself and what stands
/// before it.
///
/// Two modules stand apart from their parents. `tcp::state` is below `trace`,
/// which records changes of state. `app::api` is below `kernel`: it is the
/// vocabulary of system calls, which the kernel answers and programs make, and
/// holds no program.
const ORDER: &[&str] = &[
    "time",
    "link",
    "units",
    "rng",
    "errno",
    "text",
    "wire",
    "tcp::state",
    "trace",
    "tcp",
    "app::api",
    "kernel",
    "net",
    "app",
    "sim",
    "scenario",
    "packetdrill",
    "observe",
    "capacity",
    "check",
    "plot",
];

/// Longest file of ours; a longer one is several topics.
const MAX_LINES: usize = 800;

/// Panics with all problems at once.
fn expect_none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}\n  {}", problems.join("\n  "));
}

/// The core's sources: module path (`kernel`, `ports`) and code.
fn core_modules() -> Vec<(PathBuf, Vec<String>, String)> {
    let mut modules = Vec::new();
    for file in files("sim-core/src", &[".rs"]) {
        let inside = slashed(file.strip_prefix("sim-core/src").expect("listed below it"));
        let path = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let is_test = segments.iter().any(|segment| segment == "tests");
        if path != "lib" && !is_test {
            let code = code_only(&read(&file));
            modules.push((file, segments, code));
        }
    }
    modules
}

/// Place in [`ORDER`] of the most specific entry that `path` lies in.
fn rank(path: &[String]) -> Option<usize> {
    let inside = |entry: &str| {
        let parts: Vec<&str> = entry.split("::").collect();
        path.len() >= parts.len() && parts.iter().zip(path).all(|(part, segment)| part == segment)
    };
    (0..ORDER.len()).filter(|at| inside(ORDER[*at])).max_by_key(|at| ORDER[*at].len())
}

/// `crate::a::b`, `super::b`, `self::b` as a path from the crate's root.
fn absolute(path: &[String], of: &[String]) -> Vec<String> {
    let mut at = of.to_vec();
    let mut rest = path;
    while let Some((first, more)) = rest.split_first() {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            _ => break,
        }
        rest = more;
    }
    at.extend_from_slice(rest);
    at
}

/// Follows `pub use child::Name` of the module that `path` names first.
fn follow(path: Vec<String>, exports: &BTreeMap<Vec<String>, Vec<String>>) -> Vec<String> {
    for length in 1..=path.len() {
        if let Some(target) = exports.get(&path[..length]) {
            let mut there = target.clone();
            there.extend_from_slice(&path[length..]);
            return there;
        }
    }
    path
}

/// The kernel speaks the vocabulary of `app::api` but knows no program.
fn names_a_program(path: &[String]) -> bool {
    let [first, second, third, ..] = path else { return false };
    first == "app" && second == "api" && matches!(third.as_str(), "App" | "AppContext" | "AppStatus" | "Control")
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let modules = core_modules();
    let mut exports = BTreeMap::new();
    for (_, module, code) in &modules {
        for (name, path) in re_exports(code) {
            let full = |tail: &[String]| [module.as_slice(), tail].concat();
            exports.insert(full(&[name]), full(&path));
        }
    }
    let mut problems = Vec::new();
    for (file, module, code) in &modules {
        let Some(own) = rank(module) else {
            problems.push(format!("{}: no place in ORDER; say where it stands", file.display()));
            continue;
        };
        for (line, path) in local_paths(code) {
            let target = follow(absolute(&path, module), &exports);
            if module[0] == "kernel" && names_a_program(&target) {
                problems.push(format!("{}:{line}: kernel names {}", file.display(), target.join("::")));
            }
            // No rank: a macro or a name of the crate's root.
            if let Some(used) = rank(&target).filter(|used| *used > own) {
                let (user, used) = (ORDER[own], ORDER[used]);
                problems.push(format!("{}:{line}: {user} uses {used} ({})", file.display(), path.join("::")));
            }
        }
    }
    assert!(modules.len() > 20, "the core's sources were not found");
    expect_none(&problems, "a module may use only modules below it (ARCHITECTURE.md, \"The core, bottom to top\")");
}

#[test]
fn the_core_touches_nothing_outside_itself() {
    const ABSENT: &[&str] =
        &["std::fs", "std::net", "std::env", "std::thread", "std::time", "std::process", "std::os", "Rc<RefCell"];
    let mut problems = Vec::new();
    for (file, _, code) in core_modules() {
        for (number, line) in code.lines().enumerate() {
            problems.extend(
                ABSENT
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{}:{}: {word}", file.display(), number + 1)),
            );
        }
    }
    expect_none(&problems, "sim-core has no IO, clock, thread, environment or shared mutable state");
}

#[test]
fn no_file_is_too_long() {
    let long = files("", &[".rs", ".ts", ".mjs"]).into_iter().filter_map(|file| {
        let lines = read(&file).lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines", file.display()))
    });
    expect_none(&long.collect::<Vec<_>>(), "a file of more than 800 lines is several topics");
}

#[test]
fn nothing_is_left_unfinished() {
    // In two halves, so that this file passes its own test.
    let words = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("todo", "!("), ("unimplemented", "!("), ("#[ign", "ore")];
    let words = words.map(|(start, end)| format!("{start}{end}"));
    let mut problems = Vec::new();
    for file in files("", &[".rs", ".ts", ".mjs", ".toml"]) {
        for (number, line) in read(&file).lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            problems.extend(found.map(|word| format!("{}:{}: {word}", file.display(), number + 1)));
        }
    }
    expect_none(&problems, "finish it, or take it out and open an issue");
}

#[test]
fn no_machine_paths() {
    let checkout = slashed(root());
    let mut words = vec!["/home/".to_owned(), "/Users/".to_owned(), "C:\\Users".to_owned()];
    // A checkout such as /src would be found in every relative path.
    if checkout.matches('/').count() > 1 {
        words.push(checkout);
    }
    let mut problems = Vec::new();
    for file in files("", &[".rs", ".ts", ".mjs", ".toml", ".md", ".csv", ".txt", ".sh"]) {
        if file == Path::new("tests/tidy.rs") {
            continue;
        }
        for (number, line) in read(&file).lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            problems.extend(found.map(|word| format!("{}:{}: {word}", file.display(), number + 1)));
        }
    }
    expect_none(&problems, "paths of one machine say nothing on another");
}

#[test]
fn every_member_shares_the_lints() {
    let mut problems = Vec::new();
    for file in files("", &["Cargo.toml"]) {
        let text = read(&file);
        let member = file != Path::new("Cargo.toml") && !text.contains("[workspace]");
        if member && !text.contains("[lints]\nworkspace = true") {
            problems.push(file.display().to_string());
        }
    }
    expect_none(&problems, "each member has `[lints] workspace = true`");
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let outside = files("", &[".rs"]).into_iter().filter(|file| slashed(file) != "sim-lab/src/sys.rs");
    let unsafe_ones: Vec<String> = outside
        .filter(|file| code_only(&read(file)).split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe"))
        .map(|file| file.display().to_string())
        .collect();
    expect_none(&unsafe_ones, "system calls without a safe wrapper stand in sim-lab/src/sys.rs");
}

#[test]
fn every_scenario_asks_a_question_and_expects_an_answer() {
    let mut scenarios = files("scenarios", &[".toml"]);
    // A plan asks its question too, and its answer is a table.
    scenarios.retain(|file| !file.starts_with("scenarios/plans"));
    assert!(!scenarios.is_empty(), "no scenario was found");
    let mut problems = Vec::new();
    for file in scenarios {
        let text = read(&file);
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        if !header.iter().any(|line| line.contains('?') || line.contains('？')) {
            problems.push(format!("{}: the comment at its top asks no question", file.display()));
        }
        if !text.lines().any(|line| line.trim() == "[[expect]]") {
            problems.push(format!("{}: it has no [[expect]]", file.display()));
        }
    }
    expect_none(&problems, "a scenario is a question with numbers as its answer");
}

#[test]
fn the_architecture_names_every_folder_and_module() {
    let text = read("ARCHITECTURE.md");
    let folders = top_folders().into_iter().map(|name| format!("`{name}/`"));
    let modules = core_modules().into_iter().map(|(_, module, _)| format!("`{}`", module[0]));
    let mut missing: Vec<String> = folders.chain(modules).filter(|name| !text.contains(name.as_str())).collect();
    missing.dedup();
    expect_none(&missing, "ARCHITECTURE.md names each top-level folder and each module of the core");
}

#[test]
fn the_changelog_says_what_is_unreleased() {
    let text = read("CHANGELOG.md");
    let section = text.split("\n## ").nth(1).unwrap_or_default();
    assert!(section.starts_with("[Unreleased]"), "the first section of CHANGELOG.md is [Unreleased]");
}

#[test]
fn both_readmes_give_the_same_commands() {
    let commands = |file: &str| -> Vec<String> {
        let text = read(file);
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("cargo "));
        // What follows a # is prose in the reader's language.
        lines.map(|line| line.split('#').next().unwrap_or(line).trim().to_owned()).collect()
    };
    let english = commands("README.md");
    assert!(english.iter().any(|line| line == "cargo run --release"), "the first command");
    assert!(english.iter().any(|line| line == "cargo xtask test"), "the second command");
    assert_eq!(english, commands("README.zh.md"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for file in files("", &[".md"]) {
        let text = read(&file);
        // A page of the book in 中文 takes the place of the English one.
        let place = file.strip_prefix("book/zh").map_or_else(|_| file.clone(), |page| Path::new("book/src").join(page));
        let folder = root().join(place.parent().expect("a file has a folder"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or(target);
            if !path.is_empty() && !path.contains(':') && !folder.join(path).exists() {
                problems.push(format!("{}: {target}", file.display()));
            }
        }
    }
    expect_none(&problems, "each relative link leads to a file");
}

#[test]
fn the_book_lists_every_page() {
    let summary = read("book/src/SUMMARY.md");
    let pages = files("book/src", &[".md"]).into_iter();
    let missing = pages
        .map(|file| slashed(file.strip_prefix("book/src").expect("listed below it")))
        .filter(|page| page != "SUMMARY.md" && !summary.contains(&format!("({page})")));
    expect_none(&missing.collect::<Vec<_>>(), "book/src/SUMMARY.md lists each page");
}
