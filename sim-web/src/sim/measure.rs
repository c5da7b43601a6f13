//! Answers for lessons and cases: a scenario is run apart from what is looked
//! at, and its quantities and findings are read at moments.

use halfclose::observe::{RunFacts, findings};
use halfclose::scenario::{Bound, Expectation, Moment, OverSeeds, Run, Scenario};
use halfclose::text::Lang;
use halfclose::time::{Duration, Instant};
use halfclose::trace::NoObserver;
use wasm_bindgen::prelude::*;

use super::lab::{instant, json};
use crate::wire::Found;

/// Into how many pieces a run is cut: it ends with the first in which all has been read.
const PIECES: u64 = 200;

/// Runs a packed scenario as far as needed and reads quantities, as a JSON
/// list of pairs: the number, `null` where the moment never came or a metric
/// has no value; and the moment in nanoseconds, `null` if it never came.
/// One question a line: quantity, moment, and, where growth is asked for, the
/// moment it counts from and `s` if it is wanted per second; with tabs between.
///
/// # Errors
/// If a question cannot be read, the scenario not be built, or a budget is exceeded.
#[wasm_bindgen]
pub fn measure(packed: &[u8], seed: Option<f64>, questions: &str) -> Result<String, String> {
    let mut scenario = Scenario::unpack(packed).map_err(|error| error.to_string())?;
    let read = questions.lines().map(|line| question(&scenario, line));
    scenario.expectations = read.collect::<Result<_, _>>()?;
    let count = scenario.expectations.len();
    let mut run = start(scenario, seed)?;
    run.foresee().map_err(|error| error.text(Lang::En))?;
    let end = run.scenario().end;
    let piece = Duration::from_nanos(end.nanos().div_ceil(PIECES).max(1));
    let mut now = Instant::ZERO;
    while now < end && (run.verdicts().len() < count || moments(&run).contains(&None)) {
        now = (now + piece).min(end);
        run.run_until(now, &mut NoObserver).map_err(|error| error.text(Lang::En))?;
    }
    if run.verdicts().len() < count || now >= end {
        run.run_until(run.last_moment(), &mut NoObserver).map_err(|error| error.text(Lang::En))?;
    }
    let values = run.verdicts().into_iter().map(|row| row.actual);
    Ok(json(&values.zip(moments(&run)).collect::<Vec<(Option<i64>, Option<u64>)>>()))
}

/// When each question is asked, as far as that is known by now.
fn moments(run: &Run) -> Vec<Option<u64>> {
    let at = |moment: &Moment| match *moment {
        Moment::At(at) => Some(at),
        Moment::Mark { mark, offset, before: false } => run.mark(mark).map(|at| at + offset),
        Moment::Mark { mark, offset, before: true } => {
            run.mark(mark).map(|at| Instant::from_nanos(at.nanos().saturating_sub(offset.nanos())))
        }
    };
    run.scenario().expectations.iter().map(|question| at(&question.at).map(Instant::nanos)).collect()
}

/// Runs a packed scenario to a moment and tells what has happened by then,
/// cause before consequence, and when that is in nanoseconds.
///
/// # Errors
/// If the moment cannot be read or never comes, or as for [`measure`].
#[wasm_bindgen]
pub fn examine(packed: &[u8], seed: Option<f64>, at: &str) -> Result<String, String> {
    let scenario = Scenario::unpack(packed).map_err(|error| error.to_string())?;
    let moment = scenario.moment(at).map_err(|error| error.to_string())?;
    let mut run = start(scenario, seed)?;
    run.foresee().map_err(|error| error.text(Lang::En))?;
    if !run.run_to_moment(moment, &mut NoObserver).map_err(|error| error.text(Lang::En))? {
        return Err(format!("the moment `{at}` never comes"));
    }
    let texts = |said: &halfclose::observe::Said| Lang::ALL.map(|lang| said.text(lang).to_owned());
    let found = findings(&RunFacts::of(&run)).into_iter().map(|finding| Found {
        id: finding.id.name().to_owned(),
        severity: finding.severity.name().to_owned(),
        what: texts(&finding.what),
        why: finding.why.as_ref().map(texts),
        next: texts(&finding.next),
    });
    Ok(json(&(run.world().now().nanos(), found.collect::<Vec<_>>())))
}

fn start(scenario: Scenario, seed: Option<f64>) -> Result<Run, String> {
    let seed = seed.map_or(scenario.seed, |seed| instant(seed).nanos());
    Run::new(scenario, seed).map_err(|error| error.to_string())
}

fn question(scenario: &Scenario, line: &str) -> Result<Expectation, String> {
    let mut parts = line.split('\t');
    let mut next = || parts.next().unwrap_or("");
    let (quantity, at, since, per) = (next(), next(), next(), next());
    let moment = |text: &str| scenario.moment(text).map_err(|error| error.to_string());
    Ok(Expectation {
        name: quantity.to_owned(),
        quantity: scenario.quantity(quantity).map_err(|error| error.to_string())?,
        at: moment(at)?,
        since: if since.is_empty() { None } else { Some(moment(since)?) },
        per: (per == "s").then(|| Duration::from_secs(1)),
        bound: Bound::Range { min: None, max: None },
        over_seeds: OverSeeds::All,
    })
}

#[cfg(test)]
mod tests {
    use halfclose::scenario::preset;

    use super::*;

    #[test]
    fn quantities_are_read_at_their_moments_in_any_order() {
        let tiny = preset::find("tiny").unwrap().scenario().pack();
        let questions = "host.sysbench.tcp.close_wait\tend\n\
                         host.sysbench.fd.open\tkill+1s\n\
                         host.sysbench.connect.EMFILE\tkill+2s\tkill+1s\ts\n\
                         host.sysbench.tcp.close_wait + 1\tkill-1s\n\
                         16\t1s\n";
        let read = measure(&tiny, None, questions).unwrap();
        let read: Vec<(Option<i64>, Option<u64>)> = serde_json::from_str(&read).unwrap();
        let value = |number: usize| read[number].0;
        assert_eq!((value(0), value(1), value(3), value(4)), (Some(16), Some(12), Some(1), Some(16)));
        assert!(value(2).unwrap() > 100, "{read:?}");
        assert_eq!((read[0].1, read[1].1, read[3].1), (Some(30_000_000_000), Some(6_000_000_000), Some(4_000_000_000)));
        assert!(measure(&tiny, None, "host.sysbench.nothing\tend").is_err());
        assert!(measure(&tiny, None, "host.ss.total\tnever").is_err());
    }

    #[test]
    fn a_cause_comes_before_its_consequence() {
        let tiny = preset::find("tiny").unwrap().scenario().pack();
        let found = examine(&tiny, Some(3.0), "kill+20s").unwrap();
        let place = |id: &str| found.find(&format!("\"{id}\"")).unwrap_or_else(|| panic!("{id}: {found}"));
        assert!(place("close-wait") < place("ports-exhausted"));
        assert!(found.starts_with("[25"), "{found}");
    }
}
