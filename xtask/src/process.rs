//! Running other programs, with their output passed through as it comes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
#[expect(clippy::disallowed_types, reason = "how long a check takes is told in real seconds")]
use std::time::Instant;

use crate::report::Outcome;

/// Runs a command line, shown first; the outcome is its exit status.
pub(crate) fn run(command: &mut Command) -> Outcome {
    announce(command);
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed(Vec::new()),
        Ok(_) => Outcome::Failed(Vec::new()),
        Err(problem) => Outcome::NotRun(format!("cannot start {}: {problem}", program(command))),
    }
}

/// Like [`run`], and keeps the lines that sum up a test run.
pub(crate) fn run_tests(command: &mut Command) -> Outcome {
    announce(command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(problem) => return Outcome::NotRun(format!("cannot start {}: {problem}", program(command))),
    };
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let (mut lines, more) = std::thread::scope(|scope| {
        let out = scope.spawn(|| pass_through(stdout, io::stdout()));
        let err = pass_through(stderr, io::stderr());
        (out.join().expect("copying output does not panic"), err)
    });
    lines.extend(more);
    match child.wait() {
        Ok(status) if status.success() => Outcome::Passed(lines),
        Ok(_) | Err(_) => Outcome::Failed(lines),
    }
}

/// What a command prints on stdout, if it can be started and succeeds.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `work` and says how long it took, in seconds.
#[expect(clippy::disallowed_types, reason = "how long a check takes is told in real seconds")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

fn announce(command: &Command) {
    let mut line = format!("$ {}", program(command));
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    println!("{line}");
}

/// The program's name without the folders it lies in.
fn program(command: &Command) -> String {
    let path = std::path::Path::new(command.get_program());
    path.file_stem().unwrap_or(command.get_program()).to_string_lossy().into_owned()
}

/// Copies line by line, returning the lines that sum up. A reader that has gone
/// away (`| head`) does not stop the check.
fn pass_through(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut kept = Vec::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let line_kept = text.trim().to_owned();
        if sums_up(&text) && !kept.contains(&line_kept) {
            kept.push(line_kept);
        }
        line.clear();
    }
    kept
}

/// nextest's summary and its failed tests; libtest's last line where any test
/// ran (not the indented one that nextest repeats of a failed test).
fn sums_up(line: &str) -> bool {
    let libtest = line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed; 0 ignored");
    let nextest = line.trim_start();
    libtest || ["Summary [", "FAIL [", "TIMEOUT [", "SIGABRT ["].iter().any(|start| nextest.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_kept_and_the_rest_passes_through() {
        let from = "    PASS [ 0.1s] a::b\n   Summary [   0.123s] 12 tests run: 12 passed, 0 skipped\n\
                    test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n\
                    test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n\
                    \x20   test result: FAILED. 0 passed; 1 failed; 0 ignored\nno newline";
        let mut to = Vec::new();
        let kept = pass_through(from.as_bytes(), &mut to);
        assert_eq!(to, from.as_bytes());
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(kept[0].starts_with("Summary"));
    }

    #[test]
    fn a_program_that_does_not_exist_is_not_run() {
        let outcome = run(&mut Command::new("no-such-program-anywhere"));
        assert!(matches!(outcome, Outcome::NotRun(_)), "{outcome:?}");
    }
}
