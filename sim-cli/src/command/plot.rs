//! `halfclose plot`: pictures of a run.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use halfclose::observe::charts::{Chart, charts};
use halfclose::plot::{Picture, PortMapPicture, port_map};
use halfclose::say;
use halfclose::text::Lang;
use halfclose::units::Port;
use serde_json::json;

use crate::args::Scenario;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::output;
use crate::pictures::{self, Watched};
use crate::source::Source;
use crate::terminal::{self, COMMAND, styled};

/// Help after the options of `plot`.
pub const PLOT_HELP: &str = "\
Pictures:
  sockets        sockets by state over time, each host
  ports          source ports in use by parity, with the knee
  connect-cost   candidates that each connect() inspects
  connect-rate   attempts to connect a second, by outcome
  descriptors    open descriptors against their limits
  server         sessions of the server, and whom it turns away
  sequence       one connection, packet by packet, with its changes of state
  portmap        the port range, and the way of one connect() through it
  states         the state graph, with how often each edge was taken

Examples:
  halfclose plot                                     the list, in your language
  halfclose plot two-hosts --chart ports -o ports.svg
  halfclose plot incident --chart sockets --lang zh > sockets.svg
  halfclose plot nofile -o pictures/                 all of them
  halfclose plot one-connection --chart sequence -o one.svg
  halfclose plot incident --chart sequence --port 32770 -o one.svg
  halfclose plot incident --chart portmap --at kill+20s -o ports.svg
  halfclose plot tiny --chart portmap --attempt 9 -o ninth.svg
  halfclose plot tiny --json | jq '.charts[].caption.en'

A file that ends in .png is drawn as PNG by a program built with `--features png`; the default build draws SVG only.";

/// Arguments of `plot`.
#[derive(Args, Debug)]
pub struct Plot {
    /// A scenario file, the name of a preset, or `-` for stdin; without one, what can be drawn
    #[arg(value_name = "FILE|PRESET", value_hint = ValueHint::FilePath)]
    pub source: Option<String>,

    /// Which picture; without it, all of them, into the folder of --output
    #[arg(long, value_name = "NAME", requires = "source")]
    pub chart: Option<String>,

    /// Where to write: a file, a folder for all pictures, `-` for stdout
    #[arg(long, short, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath, requires = "source")]
    pub output: Option<PathBuf>,

    /// Print the charts' data as one JSON object instead of drawing
    #[arg(long, requires = "source", conflicts_with = "output")]
    pub json: bool,

    /// Stop at this moment: 70s, kill+30s, exhausted; for portmap, the moment of the map
    #[arg(long, value_name = "T", requires = "source", allow_hyphen_values = true)]
    pub at: Option<String>,

    /// For sequence: the connection from this port of the client
    #[arg(long, value_name = "PORT", requires = "chart", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// For portmap: the range as this attempt to connect meets it, counted from 1
    #[arg(long, value_name = "N", requires = "chart", conflicts_with = "at")]
    pub attempt: Option<u64>,

    /// Use this seed instead of the file's
    #[arg(long, value_name = "N", requires = "source")]
    pub seed: Option<u64>,

    /// Change a value of the file; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = crate::args::parse_override, requires = "source")]
    pub overrides: Vec<crate::args::Override>,
}

/// Draws, lists, or prints the data.
pub fn plot(arguments: &Plot, lang: Lang) -> Result<Code, Failure> {
    let Some(name) = &arguments.source else {
        terminal::print(&list(lang))?;
        return Ok(Code::Ok);
    };
    let which = arguments.chart.as_deref().map(|name| named(name, lang)).transpose()?;
    let source = Source::find(name, lang)?;
    let scenario = Scenario { source: name.clone(), seed: arguments.seed, overrides: arguments.overrides.clone() };
    if arguments.json {
        let seen = pictures::watched(&source, &scenario, arguments.at.as_deref(), lang)?;
        terminal::print(&data(&seen, &source, which))?;
        return Ok(Code::Ok);
    }
    let Some(which) = which else {
        match &arguments.output {
            Some(folder) => all(folder, &source, &scenario, arguments.at.as_deref(), lang)?,
            None => terminal::print(&list(lang))?,
        }
        return Ok(Code::Ok);
    };
    let drawn = one(which, arguments, &source, &scenario, lang)?;
    let to_stdout = |path: &PathBuf| path == Path::new("-");
    match arguments.output.as_ref().filter(|path| !to_stdout(path)) {
        None => terminal::print(&drawn)?,
        Some(path) if path.is_dir() => write(&path.join(format!("{}.svg", which.name())), &drawn, lang)?,
        Some(path) => write(path, &drawn, lang)?,
    }
    Ok(Code::Ok)
}

/// Every picture of a run into a folder, which is made if need be.
pub fn all(
    folder: &Path,
    source: &Source,
    scenario: &Scenario,
    until: Option<&str>,
    lang: Lang,
) -> Result<(), Failure> {
    let seen = pictures::watched(source, scenario, until, lang)?;
    fs::create_dir_all(folder).map_err(|error| Failure::File(folder.display().to_string(), error))?;
    for which in Picture::ALL {
        match which.draw(&seen.watch, &seen.run, None, lang) {
            Some(drawn) => write(&folder.join(format!("{}.svg", which.name())), &drawn, lang)?,
            None => terminal::talk(&format!("{}\n", say!(lang, Say::NothingToDraw, which.name()))),
        }
    }
    Ok(())
}

fn one(which: Picture, arguments: &Plot, source: &Source, scenario: &Scenario, lang: Lang) -> Result<String, Failure> {
    let at = arguments.at.as_deref();
    if which == Picture::PortMap && (at.is_some() || arguments.attempt.is_some()) {
        let (run, seen) = match (arguments.attempt, at) {
            (Some(attempt), _) => pictures::ports_of(source, scenario, attempt, lang)?,
            (None, at) => pictures::ports_at(source, scenario, at.unwrap_or("end"), lang)?,
        };
        let host = run.world().kernel(seen.host).name();
        let title = match lang {
            Lang::En => &run.scenario().title,
            Lang::Zh => &run.scenario().title_zh,
        };
        return Ok(port_map(&PortMapPicture { map: &seen.map, host, scenario: title, at: seen.at, lang }));
    }
    let seen = pictures::watched(source, scenario, at, lang)?;
    let port = arguments.port.map(Port);
    which.draw(&seen.watch, &seen.run, port, lang).ok_or_else(|| {
        Failure::Usage(match port {
            Some(port) => say!(lang, Say::NoConnectionOf, port, seen.watch.conversations.all().len()),
            None => say!(lang, Say::NothingToDraw, which.name()),
        })
    })
}

fn named(name: &str, lang: Lang) -> Result<Picture, Failure> {
    Picture::parse(name).map_err(|near| {
        let hint = match near {
            Some(near) => say!(lang, Say::DidYouMean, near),
            None => say!(lang, Say::ValidValues, Picture::ALL.map(Picture::name).join(", ")),
        };
        Failure::Usage(format!("{}\n{hint}", say!(lang, Say::NoSuchPicture, name)))
    })
}

fn list(lang: Lang) -> String {
    let line = |picture: Picture| {
        let padding = " ".repeat(16_usize.saturating_sub(picture.name().len()));
        format!("{}{padding}{}\n", styled(COMMAND, picture.name()), picture.title(lang))
    };
    Picture::ALL.into_iter().map(line).collect()
}

/// The charts' data: what the pictures are drawn from.
fn data(seen: &Watched, source: &Source, which: Option<Picture>) -> String {
    let wanted = |chart: &Chart| which.is_none_or(|which| which == Picture::Chart(chart.name));
    let found: Vec<Chart> = charts(&seen.watch, &seen.run).into_iter().filter(wanted).collect();
    let object = json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "scenario": source.name,
        "seed": seen.run.seed(),
        "digest": seen.run.world().digest().to_string(),
        "charts": found,
    });
    format!("{object}\n")
}

/// Writes a picture and says so.
pub fn write(path: &Path, svg: &str, lang: Lang) -> Result<(), Failure> {
    let png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let bytes = if png { raster(path, svg, lang)? } else { svg.as_bytes().to_vec() };
    output::write(path, &bytes)?;
    if io::stderr().is_terminal() {
        terminal::talk(&format!("{}\n", path.display()));
    }
    Ok(())
}

#[cfg(feature = "png")]
fn raster(_path: &Path, svg: &str, lang: Lang) -> Result<Vec<u8>, Failure> {
    crate::png::png(svg, lang)
}

#[cfg(not(feature = "png"))]
fn raster(path: &Path, _svg: &str, lang: Lang) -> Result<Vec<u8>, Failure> {
    Err(Failure::Usage(say!(lang, Say::NoPng, path.with_extension("svg").display(), path.display())))
}
