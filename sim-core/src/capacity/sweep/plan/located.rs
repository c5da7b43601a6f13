//! Where in the plan a point's problems were written.

use core::ops::Range;

use super::problem::{PlanProblem, PlanText};
use super::{Plan, PlanError};
use crate::capacity::VariantError;
use crate::capacity::sweep::point::{MeasureError, PointError, PointProblem, measured};
use crate::scenario::document::Step;
use crate::scenario::{Problem, ProblemKind, Source};

impl Plan {
    /// The problems of points that failed their check, each once, at the value,
    /// key or measure that causes it.
    ///
    /// # Errors
    /// All of them; nothing if none of the points failed.
    pub fn located(&self, failed: &[PointError]) -> Result<(), PlanError> {
        let mut problems: Vec<PlanProblem> = failed.iter().flat_map(|error| self.problems_of(error)).collect();
        if !problems.is_empty() {
            // Measures are read last: a bad value may have hidden bad ones.
            let plain = self.base.unchanged().scenario();
            let hidden = plain.iter().flat_map(|scenario| measured(self, scenario)).filter_map(Result::err);
            problems.extend(hidden.flat_map(|problem| self.of_measure(&problem)));
        }
        PlanError::none_of(problems)
    }

    fn of_measure(&self, problem: &MeasureError) -> Vec<PlanProblem> {
        let place = self.place(&[Step::Of("measure"), Step::At(problem.index), Step::Of(problem.field)]);
        problem.error.problems.iter().map(|problem| PlanProblem::of(problem, &place)).collect()
    }

    fn problems_of(&self, error: &PointError) -> Vec<PlanProblem> {
        match &error.error {
            PointProblem::Measure(problem) => self.of_measure(problem),
            PointProblem::Variant(VariantError::Scenario(found)) => {
                found.problems.iter().map(|problem| self.of_variant(error, problem)).collect()
            }
            PointProblem::Variant(VariantError::Build(found)) => vec![self.unbuildable(error, &found.to_string())],
            PointProblem::Variant(VariantError::Sim(found)) => vec![self.unbuildable(error, &found.to_string())],
        }
    }

    fn unbuildable(&self, error: &PointError, why: &str) -> PlanProblem {
        let words: Vec<String> = error.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let with = if words.is_empty() { self.scenario.clone() } else { words.join(" ") };
        let place = match error.settings.first() {
            Some((key, value)) => self.setting(key, value, false),
            None => self.place(&[Step::Of("scenario")]),
        };
        PlanProblem::new(&place, PlanText::Unbuildable, &[&with, &why])
    }

    /// A problem of a scenario with the plan's values in it.
    fn of_variant(&self, error: &PointError, problem: &Problem) -> PlanProblem {
        let Source::Override(index) = problem.place.source else {
            // The scenario itself, or what became of it; the values are no place for that.
            let place = self.place(&[Step::Of("scenario")]);
            let hint = [problem.hint_en(), problem.hint_zh()];
            let told = PlanProblem::of(problem, &place);
            let said = PlanProblem::new(&place, PlanText::BadScenario, &[&self.scenario, &told.en]);
            let [hint_en, hint_zh] = hint.map(|hint| hint.or_else(|| said.hint_en.clone()));
            let zh = PlanProblem::new(&place, PlanText::BadScenario, &[&self.scenario, &told.zh]).zh;
            return PlanProblem { zh, hint_en, hint_zh, ..said };
        };
        let all = self.base.overrides().iter().chain(&error.settings);
        let Some((key, value)) = usize::try_from(index).ok().and_then(|index| all.clone().nth(index)) else {
            return PlanProblem::of(problem, &self.place(&[Step::Of("scenario")]));
        };
        // A sysctl's name is looked up with its value.
        let of_key = problem.place.start < key.len() || matches!(problem.kind, ProblemKind::UnknownSysctl { .. });
        let place = self.setting(key, value, of_key);
        PlanProblem::of(problem, &place)
    }

    /// Where a key or a value of it stands: in `set`, in a `[[vary]]`, in the threshold.
    fn setting(&self, key: &str, value: &str, of_key: bool) -> Range<usize> {
        if let Some(index) = self.vary.iter().position(|vary| vary.key == key) {
            let own = [Step::Of("vary"), Step::At(index), Step::Of("key")];
            if of_key {
                return self.place(&own);
            }
            let nth = self.vary[index].values.iter().position(|known| known == value).unwrap_or(0);
            let at = |word| [Step::Of("vary"), Step::At(index), Step::Of(word), Step::At(nth)];
            let listed = self.document.place(&at("values"));
            let spaced = || ["range", "random"].iter().find_map(|word| self.document.place(&at(word)[..3]));
            return listed.or_else(spaced).unwrap_or_else(|| self.place(&own));
        }
        if self.threshold.as_ref().is_some_and(|threshold| threshold.key == key) {
            return self.place(&[Step::Of("threshold"), Step::Of(if of_key { "key" } else { "from" })]);
        }
        self.place(&[Step::Of("set"), if of_key { Step::Key(key) } else { Step::Of(key) }])
    }

    fn place(&self, path: &[Step<'_>]) -> Range<usize> {
        self.document.place(path).unwrap_or(0..0)
    }
}
