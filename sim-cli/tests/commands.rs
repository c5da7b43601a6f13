//! The program as a user meets it: every file of `tests/cmd` is a command and
//! what it prints; so are the console blocks of the book's pages.

#[test]
fn commands() {
    trycmd::TestCases::new()
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd")
        .case("../book/src/shell.md")
        .case("../book/src/diagnose.md")
        .case("../book/src/captures.md")
        .case("../book/src/scenarios.md")
        .case("../book/src/traces.md")
        .case("../book/src/workshop.md")
        .case("../book/src/incident/*.md")
        .case("../book/src/how/*.md");
}

/// A console block that is not run could say anything.
#[test]
fn every_page_with_console_blocks_is_run() {
    let here = include_str!("commands.rs");
    let book = std::path::Path::new("../book/src");
    let mut folders = vec![book.to_owned()];
    let mut left_out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let all = folder.join("*.md");
            let named = [&path, &all].iter().any(|case| here.contains(&format!(".case(\"{}\")", case.display())));
            if text.contains("```console") && !named {
                left_out.push(path);
            }
        }
    }
    assert!(left_out.is_empty(), "{left_out:?}");
}
