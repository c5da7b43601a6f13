//! `halfclose report`: one page about a run.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use halfclose::observe::charts::drive;
use halfclose::plot::{Report as Page, report as draw};
use halfclose::say;
use halfclose::text::Lang;

use crate::args::Scenario;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::output;
use crate::pictures::{Watched, watched};
use crate::source::Source;
use crate::terminal;

/// Help after the options of `report`.
pub const REPORT_HELP: &str = "\
The page needs no network and no script: story, findings with their evidence and what to do, pictures, numbers at
the moments of note, verdicts, the scenario with its changes, seed and digest. It prints on paper, follows the
reader's light or dark theme, and fits a phone.

Examples:
  halfclose report incident -o incident.html
  halfclose report my.toml --seed 7 --set process.mysqld.mysqld.connect_timeout=60 --lang zh -o report.html

Exit codes: 0 ok, 1 an expectation failed (the page is written all the same), 2 usage, 3 invalid scenario, 4 a budget was
exceeded.";

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct Report {
    #[command(flatten)]
    pub scenario: Scenario,

    /// Where to write; `-` is stdout
    #[arg(long, short, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

/// Runs, and writes the page.
pub fn report(arguments: &Report, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let Watched { mut run, mut watch } = watched(&source, &arguments.scenario, None, lang)?;
    // Expectations may look past the end.
    let last = run.last_moment();
    drive(&mut run, last, &mut watch).map_err(|error| engine::stopped(&error, lang))?;
    let changes: Vec<(String, String)> =
        arguments.scenario.overrides.iter().map(|one| (one.key.clone(), one.value.clone())).collect();
    let page = draw(&Page {
        run: &run,
        watch: &watch,
        name: &source.name,
        text: &String::from_utf8_lossy(&source.bytes),
        changes: &changes,
        version: env!("CARGO_PKG_VERSION"),
        lang,
    });
    if arguments.output == Path::new("-") {
        terminal::print(&page)?;
    } else {
        output::write(&arguments.output, page.as_bytes())?;
        terminal::talk(&format!("{}\n", say!(lang, Say::ReportWritten, arguments.output.display())));
    }
    let held = run.verdicts().iter().all(|row| row.ok) && run.refusals().is_empty();
    Ok(if held { Code::Ok } else { Code::ExpectationFailed })
}
