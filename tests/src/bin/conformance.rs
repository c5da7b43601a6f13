//! The verdict table of a folder of packet scripts: `cargo xtask conformance`.
#![expect(clippy::print_stdout, reason = "a program that reports on its terminal")]
#![expect(clippy::print_stderr, reason = "errors go to stderr")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use halfclose_tests::conformance::{run_all, table};

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
    Ok(())
}
