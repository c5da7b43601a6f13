//! The results file while a sweep runs: a line is written as soon as its point
//! is finished, so a kill loses only what was under way.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use halfclose::capacity::sweep::{Found, Outcome, Plan, Point, Search};
use halfclose::say;
use halfclose::text::Lang;
use serde::{Deserialize, Serialize};

use super::results::Done;
use crate::exit::Failure;
use crate::message::Planning as Say;

/// Version of the lines. Raised when one changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Which part of the plan is run here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shard {
    /// From 0.
    pub(super) index: usize,
    /// How many parts there are.
    pub(super) count: usize,
}

impl Shard {
    /// Everything.
    pub(super) const WHOLE: Self = Self { index: 0, count: 1 };

    /// `2/8`, or `8` with the index from the environment of a Slurm array or a
    /// Kubernetes Indexed Job.
    pub(super) fn of(text: Option<&str>, lang: Lang) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::WHOLE) };
        let bad = || Failure::Usage(say!(lang, Say::BadShard, text));
        let (index, count) = match text.split_once('/') {
            Some((index, count)) => (index.parse().map_err(|_| bad())?, count.parse().map_err(|_| bad())?),
            None => (
                index_of_environment(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
                    .ok_or_else(bad)?,
                text.parse().map_err(|_| bad())?,
            ),
        };
        if index < count { Ok(Self { index, count }) } else { Err(bad()) }
    }
}

/// Slurm counts from SLURM_ARRAY_TASK_MIN in steps of SLURM_ARRAY_TASK_STEP, Kubernetes from 0 in ones.
fn index_of_environment(read: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let number = |name: &str| read(name)?.parse::<usize>().ok();
    let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
    let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
    let slurm = number("SLURM_ARRAY_TASK_ID").map(|id| id.saturating_sub(first) / step);
    slurm.or_else(|| number("JOB_COMPLETION_INDEX"))
}

/// The first line of a results file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    schema_version: u32,
    program: String,
    plan: String,
    title: String,
    scenario: String,
    units: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
}

impl Header {
    pub(super) fn new(plan: &Plan, shard: Shard) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            plan: plan.fingerprint(),
            title: plan.title.clone(),
            scenario: plan.scenario.clone(),
            units: plan.units().len(),
            shard: (shard.count > 1).then(|| format!("{}/{}", shard.index, shard.count)),
        }
    }

    /// The results under two headers may stand side by side.
    fn fits(&self, other: &Self) -> bool {
        (self.schema_version, &self.program, &self.plan, self.units)
            == (other.schema_version, &other.program, &other.plan, other.units)
    }
}

/// A line after the header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// A point.
    Point(Outcome),
    /// What a bisection found, behind its points.
    Threshold {
        /// The unit.
        unit: usize,
        /// Its values.
        #[serde(with = "halfclose::capacity::sweep::pairs")]
        set: Vec<(String, String)>,
        /// `null` if the condition holds nowhere or everywhere in the range.
        threshold: Option<i64>,
        /// `at`, `everywhere`, `nowhere`.
        found: String,
    },
}

/// The file of a running sweep, and what it knew at the start.
pub(super) struct Journal {
    known: BTreeMap<String, Outcome>,
    /// Points of this run by their key: who comes second waits for the first.
    begun: Mutex<BTreeMap<String, Arc<Mutex<Option<Outcome>>>>>,
    /// `None` for one that is only read.
    file: Option<Mutex<File>>,
}

impl Journal {
    /// Opens a results file; one of the same plan is continued, any other refused.
    /// Two sweeps cannot write one file: the second is refused too.
    pub(super) fn open(path: &Path, plan: &Plan, shard: Shard, lang: Lang) -> Result<Self, Failure> {
        let cannot = |error| Failure::File(path.display().to_string(), error);
        let mut options = OpenOptions::new();
        let mut file = options.create(true).read(true).write(true).truncate(false).open(path).map_err(cannot)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Failure::Usage(say!(lang, Say::SweepBusy, path.display()))),
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let mut old = Vec::new();
        file.read_to_end(&mut old).map_err(cannot)?;
        let header = Header::new(plan, shard);
        let (known, whole) = known(path, &old, &header, lang)?;
        file.set_len(whole as u64).map_err(cannot)?;
        file.seek(SeekFrom::End(0)).map_err(cannot)?;
        if whole == 0 {
            file.write_all(text(&header).as_bytes()).map_err(cannot)?;
        }
        Ok(Self { known, begun: Mutex::default(), file: Some(Mutex::new(file)) })
    }

    /// What a results file knows, for a sweep that writes nothing.
    pub(super) fn peek(path: &Path, plan: &Plan, shard: Shard, lang: Lang) -> Result<Self, Failure> {
        let old = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| Failure::File(path.display().to_string(), error))?,
        };
        let (known, _) = known(path, &old, &Header::new(plan, shard), lang)?;
        Ok(Self { known, begun: Mutex::default(), file: None })
    }

    /// How many points are known.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// A point that was finished before, perhaps as one of another unit with the same values.
    pub(super) fn find(&self, point: &Point<'_>) -> Option<Outcome> {
        let known = (!self.known.is_empty()).then(|| self.known.get(&point.key())).flatten();
        known.map(|known| Outcome { unit: point.unit(), ..known.clone() })
    }

    /// A point's outcome: known, or computed once and written down, also where another unit with the same values
    /// asks for it meanwhile.
    pub(super) fn outcome(
        &self,
        point: &Point<'_>,
        compute: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<Outcome, Failure> {
        if let Some(known) = self.find(point) {
            return Ok(known);
        }
        let slot = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(begun.entry(point.key()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match &*slot {
            Some(first) => Outcome { unit: point.unit(), ..first.clone() },
            None => compute()?,
        };
        self.append(&outcome)?;
        slot.get_or_insert_with(|| outcome.clone());
        Ok(outcome)
    }

    /// Writes a finished point down that others will ask for.
    pub(super) fn keep(&mut self, outcome: Outcome) -> Result<(), Failure> {
        self.append(&outcome)?;
        self.known.insert(outcome.key.clone(), outcome);
        Ok(())
    }

    /// Writes a finished point down: one write, so that lines of several threads do not mix.
    pub(super) fn append(&self, outcome: &Outcome) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let line = text(&Line::Point(outcome.clone()));
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(Failure::Output)
    }
}

/// The points of a results file, and the length of its whole lines: a kill may
/// have cut the last one, also inside a character.
fn known(path: &Path, old: &[u8], header: &Header, lang: Lang) -> Result<(BTreeMap<String, Outcome>, usize), Failure> {
    let whole = old.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let foreign = || Failure::Usage(say!(lang, Say::SweepNotResults, path.display()));
    if whole == 0 {
        // Nothing, or the beginning of our first line: anything else is not ours to overwrite.
        return if text(header).as_bytes().starts_with(old) { Ok((BTreeMap::new(), 0)) } else { Err(foreign()) };
    }
    let lines = lines(path, core::str::from_utf8(&old[..whole]).map_err(|_| foreign())?, header, lang)?;
    let points = lines.into_iter().filter_map(|line| match line {
        Line::Point(outcome) => Some((outcome.key.clone(), outcome)),
        Line::Threshold { .. } => None,
    });
    Ok((points.collect(), whole))
}

/// A value as one line of JSON.
pub(super) fn text(value: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string(value).expect("plain data has no maps with other keys than text"))
}

/// The finished units of a part.
pub(super) fn read_part(path: &Path, plan: &Plan, lang: Lang) -> Result<Vec<Done>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::File(path.display().to_string(), error))?;
    let header = Header::new(plan, Shard::WHOLE);
    let mut units: BTreeMap<usize, Vec<Outcome>> = BTreeMap::new();
    for line in lines(path, &text, &header, lang)? {
        if let Line::Point(outcome) = line {
            units.entry(outcome.unit).or_default().push(outcome);
        }
    }
    let finished = plan.units().into_iter().filter_map(|unit| {
        let outcomes = units.remove(&unit.index)?;
        let Some(mut search) = Search::new(plan, &unit) else { return outcomes.into_iter().next().map(Done::Point) };
        // The same questions, answered from the file: an unfinished search is no result.
        let mut used = Vec::new();
        while let Some(value) = search.next_value() {
            let keys: Vec<String> = search.points(value).iter().map(Point::key).collect();
            let tried: Option<Vec<Outcome>> =
                keys.iter().map(|key| outcomes.iter().find(|outcome| outcome.key == *key).cloned()).collect();
            let tried = tried?;
            search.learn(value, &tried);
            used.extend(tried);
        }
        Some(Done::threshold(&unit, search.found(), used))
    });
    Ok(finished.collect())
}

fn lines(path: &Path, text: &str, header: &Header, lang: Lang) -> Result<Vec<Line>, Failure> {
    let mut rows = text.lines().enumerate();
    let bad = |number: usize, error: &serde_json::Error| {
        Failure::Usage(say!(lang, Say::BadLine, path.display(), number + 1, error))
    };
    let first = rows.next().map(|(_, line)| line).unwrap_or_default();
    let foreign = |_| Failure::Usage(say!(lang, Say::SweepNotResults, path.display()));
    let found: Header = serde_json::from_str(first).map_err(foreign)?;
    if !found.fits(header) {
        return Err(Failure::Usage(say!(lang, Say::OtherPlan, path.display())));
    }
    rows.map(|(number, line)| serde_json::from_str(line).map_err(|error| bad(number, &error))).collect()
}

/// The word of a finding.
pub(super) const fn word(found: Found) -> &'static str {
    match found {
        Found::At(_) => "at",
        Found::Everywhere => "everywhere",
        Found::Nowhere => "nowhere",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_comes_from_slurm_or_kubernetes() {
        let from = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            index_of_environment(move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
        };
        assert_eq!(from(&[("SLURM_ARRAY_TASK_ID", "3")]), Some(3));
        assert_eq!(from(&[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_MIN", "1")]), Some(2));
        let steps = [("SLURM_ARRAY_TASK_ID", "9"), ("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_STEP", "4")];
        assert_eq!(from(&steps), Some(2));
        assert_eq!(from(&[("JOB_COMPLETION_INDEX", "5")]), Some(5));
        assert_eq!(from(&[]), None);
    }

    /// Four threads want the same values, each for another unit.
    #[test]
    fn units_with_the_same_values_are_computed_once() {
        let text = "format = 1\ntitle = \"t\"\nscenario = \"tiny\"\nseeds = [1]\n[[vary]]\n\
                    key = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 2, 2, 2]\n\
                    [[measure]]\nname = \"m\"\nmetric = \"host.tcp.close_wait\"\n";
        let tiny = halfclose::scenario::preset::find("tiny").expect("a preset").text;
        let plan = Plan::read(text.as_bytes(), &|_| Some(tiny.as_bytes().to_vec())).expect("a plan");
        let path = std::env::temp_dir().join(format!("halfclose-journal-{}", std::process::id()));
        let journal = Journal::open(&path, &plan, Shard::WHOLE, Lang::En).unwrap_or_else(|_| panic!("a new file"));
        let computed = std::sync::atomic::AtomicUsize::new(0);
        let units = plan.units();
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let one = |unit| {
                let point = Point::of(&plan, unit, 1);
                let simulate = || {
                    computed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    point.simulate().map_err(|error| Failure::Usage(error.to_string()))
                };
                journal.outcome(&point, simulate).unwrap_or_else(|_| panic!("tiny runs"))
            };
            let started: Vec<_> = units.iter().map(|unit| scope.spawn(move || one(unit))).collect();
            started.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        std::fs::remove_file(&path).expect("it was written");
        assert_eq!(computed.into_inner(), 1);
        assert_eq!(outcomes.iter().map(|outcome| outcome.unit).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(outcomes.iter().all(|outcome| outcome.digest == outcomes[0].digest));
    }

    #[test]
    fn a_shard_lies_below_its_count() {
        let shard = |text| Shard::of(Some(text), Lang::En);
        assert_eq!(shard("2/8").unwrap(), Shard { index: 2, count: 8 });
        for text in ["8/8", "1/0", "a/2", "-1/2", "", "1/2/3"] {
            assert!(shard(text).is_err(), "{text}");
        }
    }
}
