//! A plan file, read and checked.

mod file;
mod located;
mod problem;
mod values;

use core::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use self::file::{Find, Label, MeasureFile, PlanFile, SeedsFile, ThresholdFile, VaryFile};
pub use self::problem::{PlanError, PlanProblem, PlanText};
use super::Setting;
use crate::capacity::Variant;
use crate::observe::Said;
use crate::scenario::document::{Document, Step};
use crate::scenario::preset;
use crate::text::nearest;
use crate::trace::Digest;

/// How the keys are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every value of each with every value of the others.
    #[default]
    Grid,
    /// The first values together, the second together, and so on: for random samples.
    Zip,
    /// The scenario as it is, then each value of each key alone: for sensitivities.
    OneAtATime,
}

/// A key and the values it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vary {
    /// Path of the key, as `--set` takes it.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Its name and unit in pictures, where the plan gives one.
    pub label: Option<Said>,
}

/// What is measured of each point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measure {
    /// Its name in the results.
    pub name: String,
    /// A metric or an expression of several.
    pub metric: Option<String>,
    /// When it is read; at the end if not given.
    pub at: Option<String>,
    /// Its growth since this moment.
    pub since: Option<String>,
    /// That growth per so long.
    pub per: Option<String>,
    /// Instead of a metric: the milliseconds at which a mark was reached.
    pub time_of: Option<String>,
    /// Its name and unit in pictures, where the plan gives one.
    pub label: Option<Said>,
}

/// A bisection for the largest or smallest value with which a condition holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// Path of the key.
    pub key: String,
    /// Least value tried.
    pub from: i64,
    /// Greatest value tried.
    pub to: i64,
    /// Written behind the number: `us`.
    pub unit: String,
    /// Name of a measure.
    pub measure: String,
    /// The condition holds if the measure is no more than this.
    pub at_most: i64,
    /// Look for the largest value with which it holds; else the smallest.
    pub largest: bool,
    /// The key's name and unit in pictures, where the plan gives one.
    pub label: Option<Said>,
}

/// Seeds of each variant.
pub type Seeds = Vec<u64>;

/// A checked plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// One line.
    pub title: String,
    /// The same in 中文; as `title` where the plan has none.
    pub title_zh: String,
    /// The scenario every point starts from.
    pub base: Variant,
    /// How the scenario is named in the results.
    pub scenario: String,
    /// The keys.
    pub vary: Vec<Vary>,
    /// How they are combined.
    pub mode: Mode,
    /// The seeds.
    pub seeds: Seeds,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// What is bisected.
    pub threshold: Option<Threshold>,
    /// Where all of it was written.
    document: Document,
}

impl Plan {
    /// Reads a plan. `file` gives the bytes of a scenario file named in it.
    ///
    /// # Errors
    /// All that is wrong with the plan itself, by place. Whether its values suit
    /// the scenario is for [`Point::check`](super::Point::check) and [`Plan::located`] to say.
    pub fn read(bytes: &[u8], file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PlanError> {
        if bytes.trim_ascii().is_empty() {
            return Err(PlanError { problems: vec![PlanProblem::new(&(0..bytes.len()), PlanText::Empty, &[])] });
        }
        let read = Document::read::<PlanFile>(bytes, "plan", file::schema());
        let structural = read.problems.iter().map(|problem| PlanProblem::of(problem, &problem.span()));
        let mut reader = Reader { problems: structural.collect(), end: bytes.trim_ascii_end().len() };
        let plan = read.content.and_then(|(document, content)| reader.plan(document, content, file));
        PlanError::none_of(reader.problems)?;
        Ok(plan.expect("a plan without problems is one"))
    }

    /// The same of a text.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(text: &str, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PlanError> {
        Self::read(text.as_bytes(), file)
    }

    /// Fingerprint of everything the results depend on: plans with equal ones
    /// give equal results.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Words in pictures change no result.
        let unnamed = Self {
            vary: self.vary.iter().map(|vary| Vary { label: None, ..vary.clone() }).collect(),
            measures: self.measures.iter().map(|measure| Measure { label: None, ..measure.clone() }).collect(),
            threshold: self.threshold.as_ref().map(|threshold| Threshold { label: None, ..threshold.clone() }),
            ..self.clone()
        };
        let Self { base, vary, mode, seeds, measures, threshold, .. } = &unnamed;
        fingerprint(format!("{base:?} {vary:?} {mode:?} {seeds:?} {measures:?} {threshold:?}").as_bytes())
    }
}

/// The digest of some bytes.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let mut digest = Digest::default();
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest.pair(u64::from_le_bytes(word), chunk.len() as u64);
    }
    digest.to_string()
}

/// Collects what is wrong on the way from the file to the plan.
struct Reader {
    problems: Vec<PlanProblem>,
    /// Where the text ends: the place of what is missing.
    end: usize,
}

impl Reader {
    fn report(
        &mut self,
        document: &Document,
        path: &[Step<'_>],
        text: PlanText,
        arguments: &[&dyn core::fmt::Display],
    ) {
        self.problems.push(PlanProblem::new(&self.place(document, path), text, arguments));
    }

    fn place(&self, document: &Document, path: &[Step<'_>]) -> Range<usize> {
        document.place(path).unwrap_or(self.end.saturating_sub(1)..self.end)
    }

    fn plan(&mut self, document: Document, read: PlanFile, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Plan> {
        if read.format != 1 {
            self.report(&document, &[Step::Of("format")], PlanText::Format, &[&read.format]);
        }
        let bytes = self.scenario(&document, &read.scenario, file);
        let set: Vec<Setting> = read.set.iter().map(|(key, value)| (key.clone(), values::plain(value))).collect();
        let vary: Vec<Vary> =
            read.vary.iter().enumerate().map(|(index, vary)| self.vary(&document, index, vary)).collect();
        self.keys(&document, &vary, read.mode);
        let seeds = self.seeds(&document, read.seeds);
        let measures = self.measures(&document, &read.measure);
        let threshold = read.threshold.map(|threshold| self.threshold(&document, threshold, &measures, &vary));
        let plan = Plan {
            title_zh: read.title_zh.unwrap_or_else(|| read.title.clone()),
            title: read.title,
            base: Variant::new(bytes?, set),
            scenario: read.scenario,
            vary,
            mode: read.mode,
            seeds,
            measures,
            threshold,
            document,
        };
        let points = plan.points();
        if points > read.budget.points {
            let at = [Step::Of("budget"), Step::Of("points")];
            let or_else = [Step::Of("vary"), Step::At(0), Step::Of("key")];
            let at = if plan.document.place(&at).is_some() { &at[..] } else { &or_else[..] };
            self.report(&plan.document, at, PlanText::TooMany, &[&points, &read.budget.points]);
        }
        Some(plan)
    }

    fn scenario(&mut self, document: &Document, name: &str, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let preset = || preset::find(name.trim_end_matches(".toml")).map(|preset| preset.text.as_bytes().to_vec());
        let found = file(name).or_else(preset);
        if found.is_none() {
            let near = nearest(name, preset::ALL.iter().map(|preset| preset.name));
            let place = self.place(document, &[Step::Of("scenario")]);
            self.problems.push(PlanProblem::new(&place, PlanText::UnknownScenario, &[&name]).near(near));
        }
        found
    }

    fn vary(&mut self, document: &Document, index: usize, file: &VaryFile) -> Vary {
        let key = file.key.clone();
        let at = |word| [Step::Of("vary"), Step::At(index), word];
        let given = [file.values.is_some(), file.range.is_some(), file.random.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            self.report(document, &at(Step::Of("key")), PlanText::SeveralValues, &[&key]);
        }
        for (word, range) in [("range", &file.range), ("random", &file.random)] {
            if let Some(range) = range
                && let Some(text) = values::wrong(range)
            {
                let arguments: [&dyn core::fmt::Display; 3] = [&range.from, &range.to, &range.points];
                self.report(document, &at(Step::Of(word)), text, &arguments);
                return Vary { key, values: vec![String::new()], label: None };
            }
        }
        let values: Vec<String> = match (&file.values, &file.range, &file.random) {
            (Some(values), _, _) => values.iter().map(values::plain).collect(),
            (None, Some(range), _) => values::spaced(range),
            (None, None, Some(range)) => values::drawn(&key, range),
            (None, None, None) => Vec::new(),
        };
        if values.is_empty() {
            self.report(document, &at(Step::Of("key")), PlanText::NoValues, &[&key]);
        }
        Vary { key, values, label: file.label.as_ref().map(Label::said) }
    }

    /// Each key once; in a zip, as many values of each.
    fn keys(&mut self, document: &Document, vary: &[Vary], mode: Mode) {
        for (index, one) in vary.iter().enumerate() {
            let at = [Step::Of("vary"), Step::At(index), Step::Of("key")];
            if vary[..index].iter().any(|other| other.key == one.key) {
                self.report(document, &at, PlanText::DoubleKey, &[&one.key]);
            }
            let first = &vary[0];
            if mode == Mode::Zip && one.values.len() != first.values.len() && !one.values.is_empty() {
                let (here, there) = (one.values.len(), first.values.len());
                self.report(document, &at, PlanText::Uneven, &[&one.key, &here, &first.key, &there]);
            }
        }
    }

    fn seeds(&mut self, document: &Document, file: Option<SeedsFile>) -> Seeds {
        let seeds: Seeds = match file {
            None => vec![1],
            Some(SeedsFile::List(list)) => list,
            Some(SeedsFile::Span(span)) => (span.from..=span.to.min(span.from.saturating_add(100_000))).collect(),
        };
        if seeds.is_empty() {
            self.report(document, &[Step::Of("seeds")], PlanText::NoSeeds, &[]);
        }
        seeds
    }

    fn measures(&mut self, document: &Document, read: &[MeasureFile]) -> Vec<Measure> {
        // One that was left out for its own problem is told already.
        let told = document.place(&[Step::Key("measure")]).is_some() && !self.problems.is_empty();
        if read.is_empty() && !told {
            self.report(document, &[Step::Of("measure")], PlanText::NoMeasure, &[]);
        }
        for (index, measure) in read.iter().enumerate() {
            let at = [Step::Of("measure"), Step::At(index), Step::Of("name")];
            if measure.metric.is_some() == measure.time_of.is_some() {
                self.report(document, &at, PlanText::MeasureKind, &[&measure.name]);
            }
            if read[..index].iter().any(|other| other.name == measure.name) {
                self.report(document, &at, PlanText::DoubleName, &[&measure.name]);
            }
        }
        let measure = |file: &MeasureFile| Measure {
            name: file.name.clone(),
            metric: file.metric.clone(),
            at: file.at.clone(),
            since: file.since.clone(),
            per: file.per.clone(),
            time_of: file.time_of.clone(),
            label: file.label.as_ref().map(Label::said),
        };
        read.iter().map(measure).collect()
    }

    fn threshold(
        &mut self,
        document: &Document,
        file: ThresholdFile,
        measures: &[Measure],
        vary: &[Vary],
    ) -> Threshold {
        let at = |word| [Step::Of("threshold"), Step::Of(word)];
        if file.from >= file.to {
            self.report(document, &at("from"), PlanText::ThresholdRange, &[&file.from, &file.to]);
        }
        if !measures.iter().any(|measure| measure.name == file.measure) {
            let near = nearest(&file.measure, measures.iter().map(|measure| measure.name.as_str()));
            let place = self.place(document, &at("measure"));
            self.problems.push(PlanProblem::new(&place, PlanText::UnknownMeasure, &[&file.measure]).near(near));
        }
        if vary.iter().any(|vary| vary.key == file.key) {
            self.report(document, &at("key"), PlanText::DoubleKey, &[&file.key]);
        }
        let label = file.label.as_ref().map(Label::said);
        let ThresholdFile { key, from, to, unit, measure, at_most, find, label: _ } = file;
        Threshold { key, from, to, unit, measure, at_most, largest: find == Find::Largest, label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::sweep::{Point, PointError};

    const PLAN: &str = "format = 1\nscenario = \"tiny\"\nseeds = [1, 2]\n\
        [[vary]]\nkey = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 3, 4]\n\
        [[vary]]\nkey = \"end\"\nrange = { from = 10, to = 1000, points = 3, scale = \"log\", unit = \"s\" }\n\
        [[measure]]\nname = \"fds\"\nmetric = \"host.sysbench.fd.open\"\nat = \"kill+1s\"\n";

    fn parse(text: &str) -> Result<Plan, PlanError> {
        Plan::parse(text, &|_| None)
    }

    #[test]
    fn a_grid_has_all_combinations_in_order() {
        let plan = parse(PLAN).unwrap();
        assert_eq!(plan.vary[1].values, ["10s", "100s", "1000s"]);
        let units = plan.units();
        assert_eq!(units.len(), 3 * 3 * 2);
        assert_eq!(units[3].seed, Some(2));
        assert_eq!(units[3].settings[1].1, "100s");
        let thirds: usize = (0..3).map(|i| plan.shard(i, 3).len()).sum();
        assert_eq!(thirds, units.len());
    }

    #[test]
    fn one_at_a_time_begins_with_the_scenario_itself() {
        let plan = parse(&PLAN.replace("seeds", "mode = \"one-at-a-time\"\nseeds")).unwrap();
        let units = plan.units();
        assert_eq!(units.len(), (1 + 3 + 3) * 2);
        assert!(units[0].settings.is_empty());
        assert!(units[2..].iter().all(|unit| unit.settings.len() == 1));
    }

    #[test]
    fn random_values_are_the_same_each_time() {
        let text = PLAN.replace("range = {", "random = { seed = 7,");
        let values = parse(&text).unwrap().vary[1].values.clone();
        assert_eq!(values, parse(&text).unwrap().vary[1].values);
        assert_ne!(values, parse(&text.replace("seed = 7", "seed = 8")).unwrap().vary[1].values);
    }

    /// Id and place of each problem, the place as text.
    fn wrong(text: &str) -> Vec<(&'static str, String)> {
        let problems = parse(text).unwrap_err().problems;
        problems.iter().map(|problem| (problem.id, text[problem.span()].to_owned())).collect()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let one = |text: &str| match &wrong(text)[..] {
            [(id, place)] => (*id, place.clone()),
            several => panic!("{several:?}"),
        };
        let with = |old: &str, new: &str| {
            assert!(PLAN.contains(old), "{old}");
            PLAN.replacen(old, new, 1)
        };
        for (text, id, place) in [
            (with("\"tiny\"", "\"tinny\""), "unknown-scenario", "\"tinny\""),
            (with("format = 1", "format = 2"), "unsupported-format", "2"),
            (with("scenario", "senario"), "missing-key", ""),
            (with("seeds = [1, 2]", "seeds = []"), "no-seeds", "[]"),
            (with("seeds = [1, 2]", "seeds = { from = 2, to = 1 }"), "no-seeds", "{ from = 2, to = 1 }"),
            (with("seeds = [1, 2]", "seeds = [1, -2]"), "out-of-range", "-2"),
            (with("seeds", "sedes"), "unknown-key", "sedes"),
            (with("values = [2, 3, 4]", "values = []"), "no-values", "\"process.mysqld.mysqld.max_connections\""),
            (with("range = {", "values = [1]\nrange = {"), "several-values", "\"end\""),
            (
                with("\"end\"", "\"process.mysqld.mysqld.max_connections\""),
                "duplicate-key",
                "\"process.mysqld.mysqld.max_connections\"",
            ),
            (with("points = 3", "points = \"3\""), "wrong-type", "\"3\""),
            (with("\"log\"", "\"logarithmic\""), "unknown-word", "\"logarithmic\""),
            (with("seeds", "mode = \"zipp\"\nseeds"), "unknown-word", "\"zipp\""),
            (with("metric = ", "time_of = \"exhausted\"\nmetric = "), "measure-kind", "\"fds\""),
            (with("name = \"fds\"\n", ""), "missing-key", "[[measure]]"),
            (format!("{PLAN}[budget]\npoints = 5\n"), "too-many-points", "5"),
        ] {
            let found = wrong(&text);
            let expected = found.iter().find(|(known, _)| *known == id);
            assert!(expected.is_some_and(|(_, at)| at.starts_with(place)), "{id} at {place}: {found:?}");
        }
        assert_eq!(one(&with("points = 3", "points = 0")).0, "bad-range");
        assert_eq!(
            one(&with("from = 10", "from = 0")),
            ("log-from-zero", {
                let at = PLAN.find("{ from").unwrap();
                PLAN[at..=at + PLAN[at..].find('}').unwrap()].replace("from = 10", "from = 0")
            })
        );
        let zip = with("seeds = [1, 2]", "mode = \"zip\"").replace("2, 3, 4", "2, 3");
        assert_eq!(one(&zip), ("uneven-zip", "\"end\"".to_owned()));
        assert_eq!(one("format = 1\nscenario = \"tiny\"\n").0, "no-measure");
        assert_eq!(one(" \n").0, "empty");
        let near = |text: &str| parse(text).unwrap_err().problems[0].hint_en.clone().unwrap_or_default();
        assert_eq!(near(&with("\"tiny\"", "\"tinny\"")), "did you mean `tiny`?");
        assert!(parse(&format!("{PLAN}[budget]\npoints = 5\n")).unwrap_err().over_budget());
    }

    /// All at once, in the order of the text.
    #[test]
    fn several_problems_are_told_together() {
        let text = "format = 1\nscenario = \"tinny\"\nseeds = []\nsed = 3\n[[vary]]\nkey = \"end\"\n\
            [threshold]\nkey = \"seed\"\nfrom = 3\nto = 3\nmeasure = \"mm\"\nat_most = 0\nfind = \"smalest\"\n";
        let ids: Vec<&str> = wrong(text).iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, ["unknown-key", "unknown-word"], "what is left has no threshold any more");
        let text = text.replace("sed = 3\n", "").replace("smalest", "smallest");
        let ids: Vec<&str> = wrong(&text).iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, ["unknown-scenario", "no-seeds", "no-values", "bad-range", "unknown-measure", "no-measure"]);
    }

    /// A value, a key and a measure that do not suit the scenario are told where they stand.
    #[test]
    fn what_does_not_suit_the_scenario_is_told_where_it_stands() {
        let text = PLAN
            .replace("values = [2, 3, 4]", "values = [2, \"many\", 4]")
            .replace("key = \"end\"", "key = \"edn\"")
            .replace("kill+1s", "kil+1s")
            .replace("seeds", "set = { \"host.host.sysctl.net.core.somaxcon\" = 5 }\nseeds");
        let plan = parse(&text).unwrap();
        let units = plan.units();
        let failed: Vec<PointError> = units.iter().filter_map(|unit| Point::of(&plan, unit, 1).check().err()).collect();
        let problems = plan.located(&failed).unwrap_err().problems;
        let told: Vec<(&str, &str, Option<&str>)> =
            problems.iter().map(|one| (one.id, &text[one.span()], one.hint_en.as_deref())).collect();
        let mut ids = told.iter().map(|(_, place, _)| *place).collect::<Vec<_>>();
        ids.dedup();
        let places = ["\"host.host.sysctl.net.core.somaxcon\"", "\"many\"", "\"edn\"", "\"kil+1s\""];
        assert_eq!(ids, places, "{told:?}");
        // With these mended the measure can be read.
        let text = text.replace("somaxcon\"", "somaxconn\"").replace("\"many\"", "3").replace("\"edn\"", "\"end\"");
        let plan = parse(&text).unwrap();
        let failed = Point::of(&plan, &plan.units()[0], 1).check().unwrap_err();
        let problems = plan.located(&[failed]).unwrap_err().problems;
        let told: Vec<(&str, &str)> = problems.iter().map(|one| (one.id, &text[one.span()])).collect();
        assert_eq!(told, [("unknown-mark", "\"kil+1s\"")]);
    }

    #[test]
    fn the_fingerprint_knows_every_part() {
        let one = parse(PLAN).unwrap().fingerprint();
        assert_eq!(one, parse(PLAN).unwrap().fingerprint());
        for other in
            [PLAN.replace("[1, 2]", "[1, 3]"), PLAN.replace("kill+1s", "kill+2s"), PLAN.replace("2, 3, 4", "2, 3")]
        {
            assert_ne!(one, parse(&other).unwrap().fingerprint());
        }
    }
}
