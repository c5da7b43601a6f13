//! Finished sweeps as files.

use std::path::Path;

use halfclose::capacity::sweep::{Found, Outcome, Plan, Unit};

use super::journal::{Header, Line, Shard, text, word};
use crate::exit::Failure;
use crate::output;

/// A finished unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Done {
    /// One variant under one seed.
    Point(Outcome),
    /// One variant, bisected.
    Threshold {
        /// What was tried, in the order of the search.
        outcomes: Vec<Outcome>,
        /// What was found.
        line: Line,
        /// The unit.
        unit: usize,
        /// The same, for the pictures.
        found: Found,
    },
}

impl Done {
    pub(super) fn threshold(unit: &Unit, found: Found, outcomes: Vec<Outcome>) -> Self {
        let threshold = match found {
            Found::At(value) => Some(value),
            Found::Everywhere | Found::Nowhere => None,
        };
        let line =
            Line::Threshold { unit: unit.index, set: unit.settings.clone(), threshold, found: word(found).to_owned() };
        Self::Threshold { outcomes, line, unit: unit.index, found }
    }

    /// Its place in the plan.
    pub(super) const fn unit(&self) -> usize {
        match self {
            Self::Point(outcome) => outcome.unit,
            Self::Threshold { unit, .. } => *unit,
        }
    }

    /// Two computations of one unit that came out alike, digests included.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self == other
    }

    pub(super) fn outcomes(&self) -> &[Outcome] {
        match self {
            Self::Point(outcome) => core::slice::from_ref(outcome),
            Self::Threshold { outcomes, .. } => outcomes,
        }
    }
}

/// All finished units of a plan or a part of it, in its order.
pub(super) struct Results<'a> {
    pub(super) plan: &'a Plan,
    pub(super) shard: Shard,
    pub(super) units: Vec<Done>,
}

impl Results<'_> {
    /// Replaces the journal by the ordered results, in one step.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut out = text(&Header::new(self.plan, self.shard));
        for done in &self.units {
            for outcome in done.outcomes() {
                out.push_str(&text(&Line::Point(outcome.clone())));
            }
            if let Done::Threshold { line, .. } = done {
                out.push_str(&text(line));
            }
        }
        output::write(path, out.as_bytes())
    }

    /// A row a point: unit, seed, each key, each measure, digest.
    pub(super) fn write_csv(&self, path: &Path) -> Result<(), Failure> {
        let cannot = |error: csv::Error| Failure::File(path.display().to_string(), std::io::Error::other(error));
        let keys = self.keys();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let measures = self.plan.measures.iter().map(|measure| measure.name.as_str());
        let head = ["unit", "seed"].into_iter().chain(keys.iter().copied()).chain(measures).chain(["digest"]);
        writer.write_record(head).map_err(cannot)?;
        for outcome in self.units.iter().flat_map(Done::outcomes) {
            let mut row = vec![outcome.unit.to_string(), outcome.seed.to_string()];
            row.extend(keys.iter().map(|key| {
                let set = outcome.set.iter().rfind(|(known, _)| known == key);
                set.map_or_else(String::new, |(_, value)| value.clone())
            }));
            row.extend(outcome.measures.iter().map(|(_, value)| value.map_or_else(String::new, |v| v.to_string())));
            row.push(outcome.digest.clone());
            writer.write_record(&row).map_err(cannot)?;
        }
        let bytes = writer.into_inner().map_err(|error| cannot(error.into_error().into()))?;
        output::write(path, &bytes)
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        let varied = self.plan.vary.iter().map(|vary| vary.key.as_str());
        for key in varied.chain(self.plan.threshold.iter().map(|threshold| threshold.key.as_str())) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}
