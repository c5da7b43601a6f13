//! The verdict table of a folder of packet scripts: `cargo xtask conformance`.
//! With verdicts of the real kernel it writes the page of the book, too.
#![expect(clippy::print_stdout, reason = "a program that reports on its terminal")]
#![expect(clippy::print_stderr, reason = "errors go to stderr")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use halfclose_tests::conformance::{page, run_all, table};
use halfclose_tests::tree::root;

fn main() -> ExitCode {
    match conformance(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

fn conformance(words: &[String]) -> Result<(), String> {
    let (dir, rest) = words.split_first().ok_or("which folder?")?;
    let csv = match rest {
        [] => None,
        [option, file] if option == "--csv" => Some(PathBuf::from(file)),
        _ => return Err("usage: conformance DIR [--csv VERDICTS]".to_owned()),
    };
    let rows = run_all(Path::new(dir), csv.as_deref())?;
    for row in &rows {
        if let Some(miss) = row.miss() {
            println!("{}\n    {miss}", row.path);
        }
    }
    println!("\n{}", table(&rows));
    if csv.is_some() {
        let book = root().join("book/src/conformance.md");
        std::fs::write(&book, page(&rows)?).map_err(|error| format!("{}: {error}", book.display()))?;
        println!("written: {}", book.display());
    }
    Ok(())
}
