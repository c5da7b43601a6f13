//! Commands that need the simulator: `run`, `export`, `show`, `check`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use halfclose::say;
use halfclose::text::Lang;

use super::plot;
use crate::args::{Export, ExportFormat, Run, Scenario, Show};
use crate::engine::{self, Request, Wanted};
use crate::exit::{Code, Failure};
use crate::look::{self, Look};
use crate::message::Say;
use crate::output::Output;
use crate::problem;
use crate::progress::Progress;
use crate::report;
use crate::series::{self, Columns};
use crate::source::Source;
use crate::terminal;

/// `halfclose run`.
pub fn run(arguments: &Run, lang: Lang) -> Result<Code, Failure> {
    let trace_to_stdout = arguments.trace.as_deref() == Some(Path::new("-"));
    if trace_to_stdout && arguments.json {
        return Err(Failure::Usage(say!(lang, Say::TwoToStdout)));
    }
    let source = Source::find(&arguments.scenario.source, lang)?;
    let mut trace = arguments.trace.as_deref().map(Output::create).transpose()?;
    let mut pcap = arguments.pcap.as_deref().map(Output::create).transpose()?;
    let mut progress = Progress::new(&source.name);
    let mut update = |now: u64, end: u64| progress.update(now, end);
    let mut request = request(&source, &arguments.scenario, lang, &mut update);
    request.until = arguments.until.as_deref();
    request.trace = trace.as_mut().map(|writer| writer as &mut dyn Write);
    request.pcap = pcap.as_mut().map(|writer| writer as &mut dyn Write);
    let outcome = engine::run(request);
    drop(progress);
    // Of a run that exceeded its budget, or was interrupted, the way there is worth keeping.
    if matches!(outcome, Ok(_) | Err(Failure::Budget(_) | Failure::Interrupted(_))) {
        for written in [trace, pcap].into_iter().flatten() {
            written.finish()?;
        }
    }
    let outcome = outcome?;
    if let Some(folder) = &arguments.plot {
        plot::all(folder, &source, &arguments.scenario, arguments.until.as_deref(), lang)?;
    }
    let text = if arguments.json {
        report::json(&outcome)
    } else if arguments.quiet {
        report::quiet(&outcome, lang)
    } else {
        report::human(&outcome, lang)
    };
    if trace_to_stdout {
        terminal::talk(&text);
    } else {
        terminal::print(&text)?;
    }
    Ok(report::exit_code(&outcome))
}

pub(super) fn request<'a>(
    source: &'a Source,
    scenario: &'a Scenario,
    lang: Lang,
    progress: &'a mut dyn FnMut(u64, u64),
) -> Request<'a> {
    Request {
        source,
        overrides: &scenario.overrides,
        seed: scenario.seed,
        until: None,
        lang,
        probes: &[],
        trace: None,
        pcap: None,
        progress,
    }
}

/// `halfclose export`.
pub fn export(arguments: &Export, lang: Lang) -> Result<Code, Failure> {
    match arguments.format {
        ExportFormat::Pcapng => export_pcapng(arguments, lang),
        ExportFormat::Csv => export_csv(arguments, lang),
    }
}

fn export_pcapng(arguments: &Export, lang: Lang) -> Result<Code, Failure> {
    if arguments.output == Path::new("-") && io::stdout().is_terminal() {
        return Err(Failure::Usage(say!(lang, Say::BinaryToTerminal)));
    }
    let source = Source::find(&arguments.scenario.source, lang)?;
    let mut out = Output::create(&arguments.output)?;
    let mut progress = Progress::new(&source.name);
    let mut update = |now: u64, end: u64| progress.update(now, end);
    let request = request(&source, &arguments.scenario, lang, &mut update);
    let wanted = Wanted {
        host: arguments.host.as_deref(),
        port: arguments.port,
        from: arguments.from.as_deref(),
        to: arguments.to.as_deref(),
    };
    let packets = engine::export_pcapng(request, &wanted, &mut out)?;
    out.finish()?;
    drop(progress);
    terminal::talk(&format!("{}\n", say!(lang, Say::PacketsWritten, packets, arguments.output.display())));
    Ok(Code::Ok)
}

fn export_csv(arguments: &Export, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let mut out = Output::create(&arguments.output)?;
    let mut progress = Progress::new(&source.name);
    let mut update = |now: u64, end: u64| progress.update(now, end);
    let request = request(&source, &arguments.scenario, lang, &mut update);
    let wanted = Columns {
        metrics: &arguments.metric,
        from: arguments.from.as_deref().unwrap_or("0s"),
        to: arguments.to.as_deref().unwrap_or("end"),
        every: &arguments.every,
    };
    let rows = series::export_csv(request, &wanted, &mut out)?;
    out.finish()?;
    drop(progress);
    terminal::talk(&format!("{}\n", say!(lang, Say::RowsWritten, rows, arguments.output.display())));
    Ok(Code::Ok)
}

/// `halfclose show`.
pub fn show(arguments: &Show, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let mut silent = |_now: u64, _end: u64| {};
    let request = request(&source, &arguments.scenario, lang, &mut silent);
    let look = Look {
        view: arguments.view,
        at: &arguments.at,
        from: arguments.from.as_deref(),
        to: arguments.to.as_deref(),
        every: arguments.every.as_deref(),
        host: arguments.host.as_deref(),
        process: arguments.process.as_deref(),
        like: arguments.like.as_deref(),
        port: arguments.port,
        fd: arguments.fd,
        json: arguments.json,
    };
    let mut talked = false;
    look::show(request, &look, &mut |text| {
        if !core::mem::replace(&mut talked, true) {
            let when = arguments.from.as_deref().unwrap_or(&arguments.at);
            terminal::talk(&format!("{}\n", say!(lang, Say::Simulated, source.name, when)));
            if let Some(caveat) = arguments.view.caveat() {
                terminal::talk(&format!("{}\n", say!(lang, Say::Modelled, caveat.texts().text(lang))));
            }
        }
        Ok(terminal::print(text)?)
    })?;
    Ok(Code::Ok)
}

/// `halfclose check`.
pub fn check(files: &[String], lang: Lang) -> Result<Code, Failure> {
    let mut code = Code::Ok;
    for name in files {
        let source = Source::find(name, lang)?;
        let problems = engine::check(&source, &[], lang);
        if problems.is_empty() {
            terminal::print(&format!("{}\n", say!(lang, Say::FileOk, source.name)))?;
        } else {
            code = Code::InvalidScenario;
            terminal::talk(&problem::render(&source, &problems));
            terminal::talk(&format!("{}\n", say!(lang, Say::ProblemCount, source.name, problems.len())));
        }
    }
    Ok(code)
}
