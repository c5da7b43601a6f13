//! Commands that print something known beforehand.

use clap::{CommandFactory, ValueEnum};
use halfclose::say;
use halfclose::text::{Lang, nearest};

use crate::args::Arguments;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::source::Source;
use crate::terminal::{COMMAND, print, styled};

/// What has a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// The lines of `run --trace`
    Trace,
}

/// `halfclose schema [FORMAT]`.
pub fn schema(format: SchemaOf) -> Result<Code, Failure> {
    print(&match format {
        SchemaOf::Scenario => engine::schema(),
        SchemaOf::Trace => halfclose::observe::trace_schema(),
    })?;
    Ok(Code::Ok)
}

/// `halfclose presets [PRESET]`.
pub fn presets(name: Option<&str>, lang: Lang) -> Result<Code, Failure> {
    match name {
        None => {
            let mut out = String::new();
            for (name, question) in engine::presets(lang) {
                let padding = " ".repeat(16_usize.saturating_sub(name.len()));
                out.push_str(&format!("{}{padding}{question}\n", styled(COMMAND, name)));
            }
            print(&out)?;
        }
        Some(name) => {
            let source = match engine::preset(name) {
                Some(text) => text.to_string(),
                None => String::from_utf8_lossy(&Source::find(name, lang)?.bytes).into_owned(),
            };
            print(&source)?;
        }
    }
    Ok(Code::Ok)
}

/// `halfclose completions SHELL`.
pub fn completions(shell: clap_complete::Shell) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "halfclose", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Code::Ok)
}

/// `halfclose man [COMMAND]`.
pub fn man(name: Option<&str>, lang: Lang) -> Result<Code, Failure> {
    let mut program = Arguments::command();
    program.build();
    let command = match name {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => {
                let title = format!("halfclose-{name}");
                command.clone().name(title)
            }
            None => return Err(Failure::Usage(no_command(&program, name, lang))),
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(Code::Ok)
}

fn no_command(program: &clap::Command, name: &str, lang: Lang) -> String {
    let names: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    let near = nearest(name, names.iter().copied()).map_or_else(|| names.join(", "), str::to_string);
    format!("{}\n{}", say!(lang, Say::UnknownWord, name), say!(lang, Say::DidYouMean, near))
}
