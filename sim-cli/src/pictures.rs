//! Runs that are watched for their pictures.

use halfclose::observe::charts::{PortsSeen, Watch, drive};
use halfclose::observe::roles;
use halfclose::say;
use halfclose::scenario::Run;
use halfclose::text::{Lang, grouped};
use halfclose::time::{Duration, Instant};
use halfclose::trace::{NoObserver, Observer, Record, RecordKind};
use halfclose::units::{Endpoint, HostId};

use crate::args::Scenario;
use crate::engine::{moment, never, start, stopped};
use crate::exit::Failure;
use crate::message::Say;
use crate::progress::Progress;
use crate::source::Source;

/// Into how many pieces a run is cut to show its progress.
const PROGRESS_STEPS: u64 = 100;

/// A run and what was seen of it.
pub struct Watched {
    /// As it stands at the end.
    pub run: Run,
    /// What was seen.
    pub watch: Watch,
}

/// Runs a scenario to its end, or to `until`, and watches.
///
/// # Errors
/// As `engine::run`.
pub fn watched(source: &Source, scenario: &Scenario, until: Option<&str>, lang: Lang) -> Result<Watched, Failure> {
    let mut run = start(source, &scenario.overrides, scenario.seed, lang)?;
    // A scout finds the moment, so that the run itself can be looked at on the way.
    let end = match until {
        None => None,
        Some(text) => Some(time_of(source, scenario, text, lang)?),
    };
    run.foresee().map_err(|error| stopped(&error, lang))?;
    let mut watch = Watch::new(&run);
    let mut progress = Progress::new(&source.name);
    let end = end.unwrap_or(run.scenario().end);
    let step = Duration::from_nanos(end.nanos() / PROGRESS_STEPS + 1);
    while run.world().now() < end {
        let next = run.world().now().checked_add(step).map_or(end, |next| next.min(end));
        drive(&mut run, next, &mut watch).map_err(|error| stopped(&error, lang))?;
        progress.update(next.nanos(), end.nanos());
    }
    Ok(Watched { run, watch })
}

/// When a moment is.
fn time_of(source: &Source, scenario: &Scenario, text: &str, lang: Lang) -> Result<Instant, Failure> {
    let mut scout = start(source, &scenario.overrides, scenario.seed, lang)?;
    let moment = moment(scout.scenario(), text, lang)?;
    match scout.run_to_moment(moment, &mut NoObserver).map_err(|error| stopped(&error, lang))? {
        true => Ok(scout.world().now()),
        false => Err(never(&scout, text, lang)),
    }
}

/// The port range at a moment, and the host it is of.
///
/// # Errors
/// As `engine::run`; usage, if the moment never comes or nobody connects.
pub fn ports_at(source: &Source, scenario: &Scenario, at: &str, lang: Lang) -> Result<(Run, PortsSeen), Failure> {
    let mut run = start(source, &scenario.overrides, scenario.seed, lang)?;
    let when = moment(run.scenario(), at, lang)?;
    if !run.run_to_moment(when, &mut NoObserver).map_err(|error| stopped(&error, lang))? {
        return Err(never(&run, at, lang));
    }
    seen(run, lang)
}

/// The port range as attempt number `attempt` of the client meets it.
///
/// # Errors
/// As [`ports_at`]; usage, if there are fewer attempts.
pub fn ports_of(source: &Source, scenario: &Scenario, attempt: u64, lang: Lang) -> Result<(Run, PortsSeen), Failure> {
    // The first pass says who the client is and where it connects to, the second when, the third stops there.
    let first = watched(source, scenario, None, lang)?;
    let no_client = || Failure::Usage(say!(lang, Say::NoClient));
    let client = roles(&first.run).0.ok_or_else(no_client)?;
    let (host, process) = first.run.process(client);
    let stats = first.run.world().stats(host, process);
    let destination = stats.destination.ok_or_else(no_client)?;
    let total = first.watch.attempts.towards(host, destination).map_or(0, |searched| searched.total);
    if attempt == 0 || attempt > total {
        return Err(Failure::Usage(say!(lang, Say::AttemptNeverMade, grouped(total), attempt)));
    }
    let mut scout = start(source, &scenario.overrides, scenario.seed, lang)?;
    let mut count = Nth { host, destination, left: attempt, at: None };
    let end = scout.scenario().end;
    scout.run_until(end, &mut count).map_err(|error| stopped(&error, lang))?;
    let at = count.at.unwrap_or(end);
    let mut run = start(source, &scenario.overrides, scenario.seed, lang)?;
    run.run_until(at.saturating_sub(Duration::from_nanos(1)), &mut NoObserver)
        .map_err(|error| stopped(&error, lang))?;
    let map = run.world().kernel(host).port_map(at, destination).ok_or_else(no_client)?;
    Ok((run, PortsSeen { at, host, map }))
}

fn seen(run: Run, lang: Lang) -> Result<(Run, PortsSeen), Failure> {
    let seen = roles(&run).0.and_then(|client| PortsSeen::of(&run, client));
    match seen {
        Some(seen) => Ok((run, seen)),
        None => Err(Failure::Usage(say!(lang, Say::NoClient))),
    }
}

/// Finds when the n-th search of a host towards a destination is made.
struct Nth {
    host: HostId,
    destination: Endpoint,
    left: u64,
    at: Option<Instant>,
}

impl Observer for Nth {
    fn record(&mut self, record: &Record) {
        let RecordKind::PortPick { tuple, .. } = record.kind else { return };
        if record.host == self.host && tuple.remote == self.destination && self.at.is_none() {
            self.left -= 1;
            self.at = (self.left == 0).then_some(record.at);
        }
    }
}
