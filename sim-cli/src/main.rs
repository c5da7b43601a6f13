//! The `halfclose` program: arguments, files, terminal, exit codes.
//!
//! Everything simulated happens in the library; this crate asks for it through
//! [`engine`], and prints. Data goes to stdout, talk to stderr.
#![expect(unreachable_pub, reason = "a program has no outside; pub marks what a module offers to the others")]

mod args;
mod capture;
mod command;
mod engine;
mod exit;
mod figures;
mod interrupt;
mod look;
mod message;
mod output;
mod pictures;
#[cfg(feature = "png")]
mod png;
mod problem;
mod progress;
mod report;
mod series;
mod source;
mod story;
mod terminal;
mod trace;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // The lab's processes are this program, started again.
    #[cfg(target_os = "linux")]
    if let Some(code) = halfclose_lab::stage_main() {
        return code;
    }
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error, args::lang_before_parsing()).exit(),
    };
    let lang = arguments.lang();
    arguments.color.apply();
    match command::dispatch(arguments, lang) {
        Ok(code) => code.exit(),
        Err(failure) => failure.report(lang).exit(),
    }
}
