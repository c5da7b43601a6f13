//! `halfclose sweep` and `halfclose merge`.

mod journal;
mod pictures;
mod results;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use halfclose::capacity::sweep::{Outcome, Plan, Point, PointError, Search, Unit};
use halfclose::say;
use halfclose::text::Lang;
use rayon::prelude::*;

use self::journal::{Journal, Shard};
use self::results::{Done, Results};
use crate::args::{Merge, Sweep};
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Planning as Say;
use crate::progress::PointProgress;
use crate::source::Source;
use crate::terminal;

/// `halfclose sweep`.
pub fn sweep(arguments: &Sweep, lang: Lang) -> Result<Code, Failure> {
    let plan = read_plan(&arguments.plan, lang)?;
    let shard = Shard::of(arguments.shard.as_deref(), lang)?;
    let units = plan.shard(shard.index, shard.count);
    check(&plan, &units, lang)?;
    terminal::talk(&announcement(&plan, &units, shard, lang));
    if arguments.dry_run {
        return Ok(Code::Ok);
    }
    let journal = Journal::open(&arguments.output, &plan, shard, lang)?;
    let known = journal.known();
    if known > 0 {
        terminal::talk(&format!("{}\n", say!(lang, Say::Resuming, known)));
    }
    let done = run(&plan, &units, &journal, lang)?;
    let results = Results { plan: &plan, shard, units: done };
    results.write(&arguments.output)?;
    if let Some(csv) = &arguments.csv {
        results.write_csv(csv)?;
    }
    terminal::talk(&format!("{}\n", say!(lang, Say::SweepWritten, results.units.len(), arguments.output.display())));
    pictures::draw(&arguments.pictures, &results, lang)?;
    Ok(Code::Ok)
}

/// `halfclose merge`.
pub fn merge(arguments: &Merge, lang: Lang) -> Result<Code, Failure> {
    let plan = read_plan(&arguments.plan, lang)?;
    let mut units: BTreeMap<usize, Done> = BTreeMap::new();
    for part in &arguments.parts {
        for done in journal::read_part(part, &plan, lang)? {
            let index = done.unit();
            match units.get(&index) {
                Some(other) if !other.same_as(&done) => {
                    return Err(Failure::Usage(say!(lang, Say::MergeDiffers, part.display(), index)));
                }
                Some(_) | None => {
                    units.insert(index, done);
                }
            }
        }
    }
    let wanted = plan.units().len();
    let missing: Vec<String> = (0..wanted).filter(|index| !units.contains_key(index)).map(|i| i.to_string()).collect();
    if !missing.is_empty() {
        let some = missing.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(say!(lang, Say::MergeIncomplete, missing.len(), wanted, some)));
    }
    let results = Results { plan: &plan, shard: Shard::WHOLE, units: units.into_values().collect() };
    results.write(&arguments.output)?;
    if let Some(csv) = &arguments.csv {
        results.write_csv(csv)?;
    }
    terminal::talk(&format!("{}\n", say!(lang, Say::SweepWritten, results.units.len(), arguments.output.display())));
    pictures::draw(&arguments.pictures, &results, lang)?;
    Ok(Code::Ok)
}

/// The plan of a file; scenarios it names are looked for beside it.
fn read_plan(path: &Path, lang: Lang) -> Result<Plan, Failure> {
    let source = Source::file(&path.display().to_string())?;
    let text = String::from_utf8_lossy(&source.bytes);
    let beside = path.parent().unwrap_or_else(|| Path::new(""));
    let file = |name: &str| std::fs::read(beside.join(name)).ok();
    Plan::parse(&text, &file).map_err(|error| Failure::Usage(format!("{}: {}", path.display(), error.text(lang))))
}

/// Each variant is checked before the first is run: a misspelt key shall not show after an hour.
fn check(plan: &Plan, units: &[Unit], lang: Lang) -> Result<(), Failure> {
    let seed = plan.seeds[0];
    let bad = |unit: &Unit| {
        let points = match Search::new(plan, unit) {
            Some(search) => search.next_value().map_or_else(Vec::new, |value| search.points(value)),
            None => vec![Point::of(plan, unit, unit.seed.unwrap_or(seed))],
        };
        points.iter().find_map(|point| point.check().err())
    };
    let first_bad = units.par_iter().find_map_first(bad);
    first_bad.map_or(Ok(()), |error| Err(point_failure(&error, lang)))
}

fn point_failure(error: &PointError, lang: Lang) -> Failure {
    let settings = settings(&error.settings);
    let told = engine::variant_text(&error.error, lang);
    Failure::Usage(format!("{}\n{told}", say!(lang, Say::PointFailed, settings, error.seed)))
}

fn settings(settings: &[(String, String)]) -> String {
    let words: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(" ") }
}

fn announcement(plan: &Plan, units: &[Unit], shard: Shard, lang: Lang) -> String {
    let all = plan.units().len();
    let mut out = format!("{}\n", say!(lang, Say::SweepPoints, units.len(), all, plan.scenario));
    if shard.count > 1 {
        out.push_str(&format!("{}\n", say!(lang, Say::SweepShard, shard.index, shard.count)));
    }
    if let Some(threshold) = &plan.threshold {
        let steps = 2 + u64::from((threshold.from.abs_diff(threshold.to)).max(1).ilog2());
        let runs = steps * plan.seeds.len() as u64;
        out.push_str(&format!("{}\n", say!(lang, Say::SweepThreshold, runs)));
    }
    out
}

/// Runs what is not known yet, on all cores. The first failure stops the rest;
/// what was finished stays in the journal.
fn run(plan: &Plan, units: &[Unit], journal: &Journal, lang: Lang) -> Result<Vec<Done>, Failure> {
    let progress = Mutex::new(PointProgress::new(units.len(), lang));
    let stop = AtomicBool::new(false);
    let results: Vec<Result<Option<Done>, Failure>> = units
        .par_iter()
        .map(|unit| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let done = finish(plan, unit, journal, lang);
            if done.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner).finished();
            done.map(Some)
        })
        .collect();
    drop(progress);
    let done: Vec<Option<Done>> = results.into_iter().collect::<Result<_, _>>()?;
    Ok(done.into_iter().flatten().collect())
}

fn finish(plan: &Plan, unit: &Unit, journal: &Journal, lang: Lang) -> Result<Done, Failure> {
    let simulate = |point: &Point<'_>| -> Result<Outcome, Failure> {
        if let Some(known) = journal.find(&point.key()) {
            return Ok(known);
        }
        let outcome = point.simulate().map_err(|error| point_failure(&error, lang))?;
        journal.append(&outcome)?;
        Ok(outcome)
    };
    let Some(mut search) = Search::new(plan, unit) else {
        let seed = unit.seed.unwrap_or(plan.seeds[0]);
        return simulate(&Point::of(plan, unit, seed)).map(Done::Point);
    };
    let mut outcomes = Vec::new();
    while let Some(value) = search.next_value() {
        let tried: Vec<Outcome> = search.points(value).iter().map(&simulate).collect::<Result<_, _>>()?;
        search.learn(value, &tried);
        outcomes.extend(tried);
    }
    Ok(Done::threshold(unit, search.found(), outcomes))
}
