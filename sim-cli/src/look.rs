//! `halfclose show`: views of a run, at a moment or over a span of time.

use std::iter;

use halfclose::app::mysql::{self, Flavour};
use halfclose::observe::{HostView, SpanView, View, ViewError, ViewOptions, Watching, span};
use halfclose::say;
use halfclose::scenario::{Moment, ProgramKind, Run};
use halfclose::sim::SimError;
use halfclose::text::{Lang, Msg};
use halfclose::time::{Duration, Instant};
use halfclose::trace::NoObserver;
use halfclose::units::{Fd, HostId, Port};

use crate::engine::{self, Request};
use crate::exit::Failure;
use crate::interrupt;
use crate::message::Say;
use crate::terminal;

/// What a statement took, for the footer of a table.
const STATEMENT_TIME: Duration = Duration::from_millis(1);

/// What `show` looks at.
pub struct Look<'a> {
    /// The view.
    pub view: View,
    /// The moment, or where a view that watches begins.
    pub at: &'a str,
    /// Instead of it: begin of a span.
    pub from: Option<&'a str>,
    /// End of a span.
    pub to: Option<&'a str>,
    /// Steps of a span.
    pub every: Option<&'a str>,
    /// The host; else the one such a view is usually taken on.
    pub host: Option<&'a str>,
    /// The process, by name or id; else the client.
    pub process: Option<&'a str>,
    /// Pattern of `LIKE` for variables and status.
    pub like: Option<&'a str>,
    /// Only this port; the socket with this local port.
    pub port: Option<u16>,
    /// The socket open as this descriptor.
    pub fd: Option<u32>,
    /// JSON instead of the tool's text.
    pub json: bool,
}

/// Prints the view through `print`, piece by piece as the run goes on.
///
/// # Errors
/// As [`engine::run`]; [`Failure::Usage`] for an unknown host, process or mark.
pub fn show(
    request: Request<'_>,
    look: &Look<'_>,
    print: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let lang = request.lang;
    let mut run = engine::start(request.source, request.overrides, request.seed, lang)?;
    let host = match look.host {
        Some(name) => engine::host_of(&run, name, lang)?,
        None => default_host(&run, look.view),
    };
    let host = run.host(host);
    let every = look.every.map(|text| duration(&run, text, lang)).transpose()?;
    let spanning = look.from.is_some() || look.to.is_some();
    let begin = if spanning { look.from.unwrap_or("0s") } else { look.at };
    let Some(watching) = look.view.watching() else {
        go_to(&mut run, begin, lang)?;
        let from = run.world().now();
        let mut end = from;
        if spanning {
            let to = look.to.unwrap_or("end");
            end = instant(&run, to, lang)?;
            engine::not_before_now(&run, end, to, lang)?;
        }
        for at in iter::once(from).chain(later(from, end, every.unwrap_or(Duration::from_secs(1)))) {
            run.run_until(at, &mut NoObserver).map_err(|error| engine::stopped(&error, lang))?;
            match view_now(&run, host, look, lang)? {
                Ok(text) => print(&headed(spanning && !look.json, at, &text))?,
                // Of a series the other steps may have something.
                Err(nothing @ (ViewError::NothingUnread { .. } | ViewError::NoSocket { .. })) if spanning => {
                    terminal::talk(&format!("# {at}: {}\n", nothing.text(lang)));
                }
                Err(error) => return Err(told(lang)(error)),
            }
        }
        return Ok(());
    };
    go_to(&mut run, begin, lang)?;
    let from = run.world().now();
    let end = look.to.map(|text| instant(&run, text, lang)).transpose()?;
    if let Some((text, end)) = look.to.zip(end) {
        engine::not_before_now(&run, end, text, lang)?;
    }
    let end = end.unwrap_or_else(|| from.checked_add(watching.length).unwrap_or(Instant::MAX));
    // sar is one table with a block for each step; the others are shown anew.
    let (sampled, step) = match (look.view, every) {
        (View::Sar, every) => (every.unwrap_or(watching.every), None),
        (_, step) => (watching.every, step),
    };
    let whole = step.is_none().then(|| end.max(from));
    for to in whole.into_iter().chain(step.into_iter().flat_map(|step| later(from, end, step))) {
        let began = run.world().now();
        let Watching { wanted, .. } = watching;
        let seen = SpanView::watch(&mut run, host, to, sampled, wanted, &mut NoObserver)
            .map_err(|error| engine::stopped(&error, lang))?;
        let options = options(&seen.host, look, lang)?;
        let text = if look.json {
            look.view.json_span(&seen, &options).map(|object| format!("{object}\n"))
        } else {
            look.view.render_span(&seen, &options)
        };
        // What was seen until Ctrl-C is shown, as the tool itself does.
        let interrupted = interrupt::answered();
        print(&headed(every.is_some() && look.view != View::Sar && !look.json, began, &text.map_err(told(lang))?))?;
        if interrupted {
            return Err(engine::stopped(&SimError::Interrupted { at: run.world().now() }, lang));
        }
    }
    Ok(())
}

/// What a view of an instant prints now on a host, for the figures of the story.
pub fn now(run: &Run, view: View, host: &str, lang: Lang) -> Result<String, Failure> {
    let host = run.host(engine::host_of(run, host, lang)?);
    let look = Look {
        view,
        at: "",
        from: None,
        to: None,
        every: None,
        host: None,
        process: None,
        like: None,
        port: None,
        fd: None,
        json: false,
    };
    view_now(run, host, &look, lang)?.map_err(told(lang))
}

/// A view of an instant, or why there is nothing to see.
fn view_now(run: &Run, host: HostId, look: &Look<'_>, lang: Lang) -> Result<Result<String, ViewError>, Failure> {
    let mut seen = HostView::of(run.world(), host);
    if look.view == View::Processlist {
        ask_as_administrator(run, &mut seen);
    }
    let options = options(&seen, look, lang)?;
    Ok(if look.json {
        look.view.json(&seen, &options).map(|object| format!("{object}\n"))
    } else {
        look.view.render(&seen, &options)
    })
}

fn told(lang: Lang) -> impl Fn(ViewError) -> Failure {
    move |error| Failure::Usage(error.text(lang))
}

/// Each piece of a series under the moment it shows.
fn headed(on: bool, at: Instant, text: &str) -> String {
    if on { format!("# {at}\n{text}\n") } else { text.to_owned() }
}

/// The steps of a span after its begin; none if it is over already.
pub fn later(from: Instant, end: Instant, every: Duration) -> impl Iterator<Item = Instant> {
    (end > from).then(|| span::ticks(from, end, every)).into_iter().flatten()
}

fn options(seen: &HostView, look: &Look<'_>, lang: Lang) -> Result<ViewOptions, Failure> {
    let pid = match look.process {
        None => None,
        Some(name) => {
            let called =
                |process: &&halfclose::observe::ProcessView| process.name == name || process.pid.0.to_string() == name;
            match seen.processes.iter().find(called) {
                Some(process) => Some(process.pid),
                None => return Err(Failure::Usage(say!(lang, Msg::UnknownProcess, name, seen.name))),
            }
        }
    };
    Ok(ViewOptions {
        pid,
        like: look.like.map(str::to_owned),
        elapsed: STATEMENT_TIME,
        port: look.port.map(Port),
        fd: look.fd.map(Fd),
    })
}

pub fn go_to(run: &mut Run, text: &str, lang: Lang) -> Result<(), Failure> {
    let moment = engine::moment(run.scenario(), text, lang)?;
    match run.run_to_moment(moment, &mut NoObserver).map_err(|error| engine::stopped(&error, lang))? {
        true => Ok(()),
        false => Err(engine::never(run, text, lang)),
    }
}

/// When a moment will be: of a mark not reached yet, a second run says.
pub fn instant(run: &Run, text: &str, lang: Lang) -> Result<Instant, Failure> {
    let moment = engine::moment(run.scenario(), text, lang)?;
    if let Some(at) = run.instant_of(&moment) {
        return Ok(at);
    }
    let mut scout = run.scout();
    go_to(&mut scout, text, lang)?;
    Ok(scout.world().now())
}

pub fn duration(run: &Run, text: &str, lang: Lang) -> Result<Duration, Failure> {
    match engine::moment(run.scenario(), text, lang)? {
        Moment::At(at) if at > Instant::ZERO => Ok(at.since(Instant::ZERO)),
        Moment::At(_) | Moment::Mark { .. } => Err(Failure::Usage(say!(lang, Say::NotASpan, text))),
    }
}

/// The process list as the administrator's session shows it: with its own row
/// busy asking. Without such a session nobody asks.
fn ask_as_administrator(run: &Run, seen: &mut HostView) {
    let world = run.world();
    let clients = run.scenario().processes.iter().enumerate();
    let sessions = clients.filter(|(_, spec)| spec.program.kind() == ProgramKind::Mysql).filter_map(|(index, _)| {
        let (host, process) = run.process(index);
        world.app(host, process).metric("session_id").filter(|&id| id > 0)
    });
    let Some(session) = sessions.max() else { return };
    for process in &mut seen.processes {
        let version = process.app.variables.iter().find(|(name, _)| name == "version");
        let Some(flavour) = version.map(|(_, version)| Flavour::of(version)) else { continue };
        mysql::as_asked_by(&mut process.app.processlist, session, flavour);
    }
}

/// Where a view is looked at if nobody says: the server's host for what a
/// server shows, else the first client's.
fn default_host(run: &Run, view: View) -> usize {
    let of_server = matches!(view, View::Processlist | View::Variables | View::Status);
    engine::first_host(run, of_server)
}
