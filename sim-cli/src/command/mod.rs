//! What each command does.

mod advise;
mod capacity;
mod diagnose;
pub mod diff;
mod explain;
mod graph;
#[cfg(target_os = "linux")]
mod lab;
mod packetdrill;
pub mod plot;
pub mod print;
pub mod report;
mod run;
mod sh;
mod sweep;
mod web;

use halfclose::text::Lang;

use crate::args::{Arguments, Command};
use crate::exit::{Code, Failure};
use crate::interrupt;
use crate::story;

/// Does what the arguments ask for.
///
/// # Errors
/// What stopped it; the caller tells the reader.
pub fn dispatch(arguments: Arguments, lang: Lang) -> Result<Code, Failure> {
    if arguments.command.as_ref().is_none_or(heeds_interrupts) {
        interrupt::listen();
    }
    match arguments.command {
        None => story::tell(lang),
        Some(Command::Run(run)) => run::run(&run, lang),
        Some(Command::Show(show)) => run::show(&show, lang),
        Some(Command::Sh(arguments)) => sh::sh(&arguments, lang),
        Some(Command::Diagnose(arguments)) => diagnose::diagnose(&arguments, lang),
        Some(Command::Export(export)) => run::export(&export, lang),
        Some(Command::Check { files }) => run::check(&files, lang),
        Some(Command::Schema { format }) => print::schema(format),
        Some(Command::Presets { name }) => print::presets(name.as_deref(), lang),
        Some(Command::Explain { words }) => explain::explain(&words.join(" "), lang),
        Some(Command::Graph(arguments)) => graph::graph(&arguments, lang),
        Some(Command::Capacity(arguments)) => capacity::capacity(&arguments, lang),
        Some(Command::Advise(arguments)) => advise::advise(&arguments, lang),
        Some(Command::Sweep(arguments)) => sweep::sweep(&arguments, lang),
        Some(Command::Merge(arguments)) => sweep::merge(&arguments, lang),
        Some(Command::Plot(arguments)) => plot::plot(&arguments, lang),
        Some(Command::Report(arguments)) => report::report(&arguments, lang),
        Some(Command::Diff(arguments)) => diff::diff(&arguments, lang),
        Some(Command::Packetdrill(arguments)) => packetdrill::packetdrill(&arguments, lang),
        Some(Command::Web(arguments)) => web::web(&arguments, lang),
        #[cfg(target_os = "linux")]
        Some(Command::Lab(arguments)) => lab::lab(&arguments, lang),
        #[cfg(not(target_os = "linux"))]
        Some(Command::Lab(_)) => Err(Failure::Usage(halfclose::say!(lang, crate::message::Say::LabNeedsLinux))),
        Some(Command::Completions { shell }) => print::completions(shell),
        Some(Command::Man { command }) => print::man(command.as_deref(), lang),
    }
}

/// Ctrl-C brings these to an orderly end; all others it ends by the signal.
fn heeds_interrupts(command: &Command) -> bool {
    match command {
        Command::Run(_)
        | Command::Show(_)
        | Command::Export(_)
        | Command::Plot(_)
        | Command::Report(_)
        | Command::Graph(_) => true,
        // It listens itself, after its line editor.
        Command::Sh(_) => false,
        Command::Diff(_)
        | Command::Diagnose(_)
        | Command::Check { .. }
        | Command::Schema { .. }
        | Command::Presets { .. }
        | Command::Explain { .. }
        | Command::Capacity(_)
        | Command::Advise(_)
        | Command::Sweep(_)
        | Command::Merge(_)
        | Command::Packetdrill(_)
        | Command::Web(_)
        | Command::Lab(_)
        | Command::Completions { .. }
        | Command::Man { .. } => false,
    }
}

/// A time span in the unit that suits it.
fn span(seconds: f64) -> String {
    match seconds {
        s if s >= 7200.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 600.0 => format!("{:.1} min", s / 60.0),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s if s > 0.0 => format!("{:.1} µs", s * 1e6),
        _ => "0 s".to_owned(),
    }
}
