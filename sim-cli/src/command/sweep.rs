//! `halfclose sweep` and `halfclose merge`.

mod estimate;
mod journal;
mod pictures;
mod results;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use halfclose::capacity::VariantError;
use halfclose::capacity::sweep::{
    Outcome, Plan, PlanError, PlanProblem, Point, PointError, PointProblem, Search, Unit,
};
use halfclose::say;
use halfclose::text::Lang;
use rayon::prelude::*;

use self::estimate::Left;
use self::journal::{Journal, Shard};
use self::results::{Done, Results};
use super::span;
use crate::args::{Merge, Pictures, Sweep};
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Planning as Say;
use crate::problem::Problem;
use crate::progress::{PointProgress, Stopwatch};
use crate::source::Source;
use crate::terminal;

/// `halfclose sweep`.
pub fn sweep(arguments: &Sweep, lang: Lang) -> Result<Code, Failure> {
    let limit = arguments.max_time.as_deref().map(|text| time(text, lang)).transpose()?;
    let (plan, source) = read_plan(&arguments.plan, lang)?;
    let shard = Shard::of(arguments.shard.as_deref(), lang)?;
    let units = plan.shard(shard.index, shard.count);
    check(&plan, &source, &units, lang)?;
    terminal::talk(&announcement(&plan, &units, shard, lang));
    let open = if arguments.dry_run { Journal::peek } else { Journal::open };
    let mut journal = open(&arguments.output, &plan, shard, lang)?;
    let watch = Stopwatch::start(limit);
    estimate(arguments, &plan, &units, &mut journal, &watch, lang)?;
    if arguments.dry_run {
        return Ok(Code::Ok);
    }
    let done = run(&plan, &units, &journal, &Budget { watch, arguments }, lang)?;
    let results = Results { plan: &plan, shard, units: done };
    finish(&results, &arguments.output, arguments.csv.as_deref(), &arguments.pictures, lang)?;
    Ok(Code::Ok)
}

/// Says what is left to do and, of the first and the last of it, how long it
/// takes; those two are kept, unless the run is dry.
fn estimate(
    arguments: &Sweep,
    plan: &Plan,
    units: &[Unit],
    journal: &mut Journal,
    watch: &Stopwatch,
    lang: Lang,
) -> Result<(), Failure> {
    let say = |line: String| terminal::talk(&format!("{line}\n"));
    let left = Left::of(plan, units, journal);
    if units.is_empty() {
        return Ok(());
    }
    if left.runs == 0 {
        say(say!(lang, Say::SweepAllKnown, journal.known()));
        return Ok(());
    }
    if journal.known() > 0 {
        say(say!(lang, Say::Resuming, journal.known()));
    }
    say(left.text(lang));
    if let Some(most) = arguments.max_points.filter(|&most| left.runs > most) {
        return Err(Failure::Budget(say!(lang, Say::SweepTooManyRuns, left.runs, most)));
    }
    let timed = left.time(lang)?;
    if !arguments.dry_run {
        timed.runs.iter().try_for_each(|(outcome, _)| journal.keep(outcome.clone()))?;
    }
    say(timed.text(arguments.dry_run, lang));
    let (rest, limit) = (timed.rest(), watch.left());
    match (rest, limit, &arguments.max_time) {
        (Some(rest), Some(limit), Some(asked)) if rest > limit => {
            Err(Failure::Budget(say!(lang, Say::SweepTooLong, span(rest.as_secs_f64()), asked)))
        }
        _ => Ok(()),
    }
}

/// What the user is willing to wait for.
struct Budget<'a> {
    watch: Stopwatch,
    arguments: &'a Sweep,
}

impl Budget<'_> {
    /// An error once the time is up.
    fn check(&self, lang: Lang) -> Result<(), Failure> {
        match &self.arguments.max_time {
            Some(asked) if self.watch.is_over() => {
                Err(Failure::Budget(say!(lang, Say::SweepOutOfTime, asked, self.arguments.output.display())))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A time as people write it: `90s`, `10min`, `2h`.
fn time(text: &str, lang: Lang) -> Result<Duration, Failure> {
    let read = halfclose::scenario::duration(text).map_err(|_| Failure::Usage(say!(lang, Say::BadTime, text)))?;
    Ok(Duration::from_nanos(read.nanos()))
}

/// `halfclose merge`.
pub fn merge(arguments: &Merge, lang: Lang) -> Result<Code, Failure> {
    let (plan, _) = read_plan(&arguments.plan, lang)?;
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
    finish(&results, &arguments.output, arguments.csv.as_deref(), &arguments.pictures, lang)?;
    Ok(Code::Ok)
}

/// Writes the files of finished results.
fn finish(
    results: &Results<'_>,
    output: &Path,
    csv: Option<&Path>,
    drawn: &Pictures,
    lang: Lang,
) -> Result<(), Failure> {
    results.write(output)?;
    if let Some(csv) = csv {
        results.write_csv(csv)?;
    }
    terminal::talk(&format!("{}\n", say!(lang, Say::SweepWritten, results.units.len(), output.display())));
    pictures::draw(drawn, results, lang)
}

/// The plan of a file; scenarios it names are looked for beside it.
fn read_plan(path: &Path, lang: Lang) -> Result<(Plan, Source), Failure> {
    let source = Source::file(&path.display().to_string())?;
    let beside = path.parent().unwrap_or_else(|| Path::new(""));
    let file = |name: &str| std::fs::read(beside.join(name)).ok();
    match Plan::read(&source.bytes, &file) {
        Ok(plan) => Ok((plan, source)),
        Err(error) => Err(plan_failure(&error, source, lang)),
    }
}

/// Each variant is checked before the first is run: a misspelt key shall not show after an hour.
fn check(plan: &Plan, source: &Source, units: &[Unit], lang: Lang) -> Result<(), Failure> {
    let seed = plan.seeds[0];
    // Seeds differ in nothing that is checked.
    let mut variants: Vec<&Unit> = units.iter().collect();
    variants.dedup_by(|a, b| a.settings == b.settings);
    let bad = |unit: &&Unit| {
        let points = match Search::new(plan, unit) {
            Some(search) => search.next_value().map_or_else(Vec::new, |value| search.points(value)),
            None => vec![Point::of(plan, unit, unit.seed.unwrap_or(seed))],
        };
        points.iter().find_map(|point| point.check().err())
    };
    let failed: Vec<PointError> = variants.par_iter().filter_map(bad).collect();
    plan.located(&failed).map_err(|error| plan_failure(&error, source.clone(), lang))
}

/// The problems of a plan, with carets.
fn plan_failure(error: &PlanError, source: Source, lang: Lang) -> Failure {
    let problem = |problem: &PlanProblem| Problem {
        id: problem.id.to_owned(),
        message: problem.text(lang).to_owned(),
        span: Some(problem.span()),
        hint: problem.hint(lang).map(str::to_owned),
        other: None,
    };
    let problems = error.problems.iter().map(problem).collect();
    if error.over_budget() { Failure::OverBudget(source, problems) } else { Failure::Invalid(source, problems) }
}

fn point_failure(error: &PointError, lang: Lang) -> Failure {
    let at = say!(lang, Say::PointFailed, settings(&error.settings), error.seed);
    match &error.error {
        PointProblem::Variant(VariantError::Sim(error)) => Failure::Budget(format!("{at}\n{}", error.text(lang))),
        PointProblem::Variant(error) => Failure::Usage(format!("{at}\n{}", engine::variant_text(error, lang))),
        PointProblem::Measure(measure) => Failure::Usage(format!("{at}\n{}", engine::told(&measure.error, lang))),
    }
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
    if let Some(search) = units.first().and_then(|unit| Search::new(plan, unit)) {
        let runs = u64::from(search.most_left()) * plan.seeds.len() as u64;
        out.push_str(&format!("{}\n", say!(lang, Say::SweepThreshold, runs)));
    }
    out
}

/// Runs what is not known yet, on all cores. The first failure stops the rest;
/// what was finished stays in the journal.
fn run(plan: &Plan, units: &[Unit], journal: &Journal, budget: &Budget<'_>, lang: Lang) -> Result<Vec<Done>, Failure> {
    let progress = PointProgress::new(units.len());
    let stop = AtomicBool::new(false);
    let results: Vec<Result<Option<Done>, Failure>> = units
        .par_iter()
        .map(|unit| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let done = one(plan, unit, journal, budget, lang);
            if done.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            progress.finished();
            done.map(Some)
        })
        .collect();
    drop(progress);
    let done: Vec<Option<Done>> = results.into_iter().collect::<Result<_, _>>()?;
    Ok(done.into_iter().flatten().collect())
}

/// One unit: from the journal where it is known, else simulated and written down.
fn one(plan: &Plan, unit: &Unit, journal: &Journal, budget: &Budget<'_>, lang: Lang) -> Result<Done, Failure> {
    let simulate = |point: &Point<'_>| -> Result<Outcome, Failure> {
        journal.outcome(point, || {
            budget.check(lang)?;
            point.simulate().map_err(|error| point_failure(&error, lang))
        })
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
