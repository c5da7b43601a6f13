//! A plan file, read and checked.

use core::fmt;

use serde::Deserialize;

use crate::capacity::Variant;
use crate::observe::Said;
use crate::rng::{SimRng, Stream};
use crate::scenario::preset;
use crate::text::{Lang, nearest};
use crate::trace::Digest;

/// How the keys are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(default, deserialize_with = "label")]
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
}

crate::messages! {
    /// What can be wrong with a plan.
    pub enum PlanText {
        Syntax { en: "{0}", zh: "{0}" }
        Format { en: "`format = {0}` is unknown: this program reads format 1", zh: "不认识 `format = {0}`：本程序只读格式 1" }
        NoScenario {
            en: "`scenario` is missing: a preset's name or a file beside the plan",
            zh: "缺少 `scenario`：写预设名，或计划文件旁边的场景文件"
        }
        UnknownScenario { en: "`{0}` is neither a preset nor a readable file", zh: "`{0}` 既不是预设，也不是可读的文件" }
        DidYouMean { en: "`{0}` is neither a preset nor a readable file; did you mean {1}?", zh: "`{0}` 既不是预设，也不是可读的文件；是不是想写 {1}？" }
        NoMeasure { en: "nothing is measured: add a [[measure]]", zh: "没有要测量的量：请加一个 [[measure]]" }
        MeasureKind {
            en: "measure `{0}` wants either `metric` or `time_of`",
            zh: "测量项 `{0}` 需要 `metric` 或 `time_of` 之一"
        }
        DoubleName { en: "two measures are called `{0}`", zh: "有两个测量项都叫 `{0}`" }
        NoValues { en: "`{0}` has no values: give values, range or random", zh: "`{0}` 没有取值：请给出 values、range 或 random" }
        SeveralValues { en: "`{0}` has more than one of values, range and random", zh: "`{0}` 同时给了 values、range、random 中的多个" }
        BadRange { en: "`{0}`: from {1} to {2} in {3} points is no range", zh: "`{0}`：从 {1} 到 {2} 取 {3} 个点，这不是一个范围" }
        LogFromZero { en: "`{0}`: a log scale begins above 0", zh: "`{0}`：对数刻度必须从大于 0 开始" }
        NoSeeds { en: "the list of seeds is empty", zh: "种子列表是空的" }
        TooMany { en: "{0} points are more than budget.points = {1}", zh: "共 {0} 个点，超过 budget.points = {1}" }
        UnknownMeasure { en: "threshold: no measure is called `{0}`", zh: "threshold：没有叫 `{0}` 的测量项" }
        ThresholdRange { en: "threshold: from {0} to {1} is no range", zh: "threshold：从 {0} 到 {1} 不是一个范围" }
        ThresholdKind { en: "threshold: `find` is \"largest\" or \"smallest\", not `{0}`", zh: "threshold：`find` 只能是 \"largest\" 或 \"smallest\"，而不是 `{0}`" }
    }
}

/// Why a plan cannot be read, in both languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanError {
    /// English.
    pub en: String,
    /// 中文.
    pub zh: String,
}

impl PlanError {
    /// In one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}
impl core::error::Error for PlanError {}

macro_rules! problem {
    ($message:expr $(, $arg:expr)* $(,)?) => {
        PlanError { en: crate::say!(Lang::En, $message $(, $arg)*), zh: crate::say!(Lang::Zh, $message $(, $arg)*) }
    };
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    format: i64,
    #[serde(default)]
    title: String,
    title_zh: Option<String>,
    scenario: Option<String>,
    #[serde(default)]
    set: std::collections::BTreeMap<String, toml::Value>,
    #[serde(default)]
    mode: Mode,
    seeds: Option<SeedsFile>,
    #[serde(default)]
    vary: Vec<VaryFile>,
    #[serde(default)]
    measure: Vec<Measure>,
    threshold: Option<ThresholdFile>,
    #[serde(default)]
    budget: BudgetFile,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SeedsFile {
    List(Vec<u64>),
    Span { from: u64, to: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VaryFile {
    key: String,
    values: Option<Vec<toml::Value>>,
    range: Option<RangeFile>,
    random: Option<RangeFile>,
    #[serde(default, deserialize_with = "label")]
    label: Option<Said>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Log,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeFile {
    from: i64,
    to: i64,
    points: usize,
    #[serde(default)]
    scale: Scale,
    #[serde(default)]
    unit: String,
    /// Of the random draw.
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdFile {
    key: String,
    from: i64,
    to: i64,
    #[serde(default)]
    unit: String,
    measure: String,
    at_most: i64,
    find: String,
    #[serde(default, deserialize_with = "label")]
    label: Option<Said>,
}

/// A label: one text for both languages, or `{ en = "…", zh = "…" }`.
fn label<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Said>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Label {
        Same(String),
        Each(Said),
    }
    Ok(Option::<Label>::deserialize(deserializer)?.map(|label| match label {
        Label::Same(text) => Said::same(text),
        Label::Each(said) => said,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetFile {
    points: usize,
}

impl Default for BudgetFile {
    fn default() -> Self {
        Self { points: 100_000 }
    }
}

impl Plan {
    /// Reads a plan. `file` gives the bytes of a scenario file named in it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place where the text is no TOML.
    pub fn parse(text: &str, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PlanError> {
        let read: PlanFile =
            toml::from_str(text).map_err(|error| problem!(PlanText::Syntax, error.to_string().trim_end()))?;
        if read.format != 1 {
            return Err(problem!(PlanText::Format, read.format));
        }
        let scenario = read.scenario.ok_or_else(|| problem!(PlanText::NoScenario))?;
        let bytes = preset::find(scenario.trim_end_matches(".toml")).map(|preset| preset.text.as_bytes().to_vec());
        let bytes = file(&scenario).or(bytes).ok_or_else(|| no_scenario(&scenario))?;
        let set = read.set.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
        let plan = Self {
            title_zh: read.title_zh.unwrap_or_else(|| read.title.clone()),
            title: read.title,
            base: Variant::new(bytes, set),
            scenario,
            vary: read.vary.iter().map(vary).collect::<Result<_, _>>()?,
            mode: read.mode,
            seeds: seeds(read.seeds)?,
            measures: measures(read.measure)?,
            threshold: None,
        };
        let plan = Self { threshold: read.threshold.map(|file| threshold(file, &plan.measures)).transpose()?, ..plan };
        let points = plan.units().len();
        if points > read.budget.points {
            return Err(problem!(PlanText::TooMany, points, read.budget.points));
        }
        Ok(plan)
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

fn no_scenario(name: &str) -> PlanError {
    match nearest(name, preset::ALL.iter().map(|preset| preset.name)) {
        Some(near) => problem!(PlanText::DidYouMean, name, near),
        None => problem!(PlanText::UnknownScenario, name),
    }
}

/// A TOML value as `--set` takes it: text without quotes.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(moment) => moment.to_string(),
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(quoted).collect();
            format!("[{}]", items.join(", "))
        }
        toml::Value::Table(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key:?} = {}", quoted(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A value inside another: there, text keeps its quotes.
fn quoted(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => format!("{text:?}"),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => plain(value),
    }
}

fn seeds(file: Option<SeedsFile>) -> Result<Seeds, PlanError> {
    let seeds: Seeds = match file {
        None => vec![1],
        Some(SeedsFile::List(list)) => list,
        Some(SeedsFile::Span { from, to }) => (from..=to.min(from.saturating_add(100_000))).collect(),
    };
    if seeds.is_empty() { Err(problem!(PlanText::NoSeeds)) } else { Ok(seeds) }
}

fn measures(read: Vec<Measure>) -> Result<Vec<Measure>, PlanError> {
    if read.is_empty() {
        return Err(problem!(PlanText::NoMeasure));
    }
    for (index, measure) in read.iter().enumerate() {
        if measure.metric.is_some() == measure.time_of.is_some() {
            return Err(problem!(PlanText::MeasureKind, measure.name));
        }
        if read[..index].iter().any(|other| other.name == measure.name) {
            return Err(problem!(PlanText::DoubleName, measure.name));
        }
    }
    Ok(read)
}

fn vary(file: &VaryFile) -> Result<Vary, PlanError> {
    let key = file.key.clone();
    let values = match (&file.values, &file.range, &file.random) {
        (Some(values), None, None) if !values.is_empty() => values.iter().map(plain).collect(),
        (None, Some(range), None) => spaced(&key, range)?,
        (None, None, Some(range)) => drawn(&key, range)?,
        (Some(_) | None, None, None) => return Err(problem!(PlanText::NoValues, key)),
        _ => return Err(problem!(PlanText::SeveralValues, key)),
    };
    Ok(Vary { key, values, label: file.label.clone() })
}

fn checked(key: &str, range: &RangeFile) -> Result<(), PlanError> {
    if range.from > range.to || range.points == 0 || range.points > 1_000_000 {
        return Err(problem!(PlanText::BadRange, key, range.from, range.to, range.points));
    }
    if range.scale == Scale::Log && range.from <= 0 {
        return Err(problem!(PlanText::LogFromZero, key));
    }
    Ok(())
}

/// Whole numbers at equal distances or ratios, both ends included; on a log
/// scale neighbours that round to the same number become one.
fn spaced(key: &str, range: &RangeFile) -> Result<Vec<String>, PlanError> {
    checked(key, range)?;
    let (from, to) = (whole(range.from), whole(range.to));
    let last = range.points.saturating_sub(1);
    let at = |n: usize| {
        let share = if last == 0 {
            0.0
        } else {
            f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / f64::from(u32::try_from(last).unwrap_or(u32::MAX))
        };
        match range.scale {
            Scale::Linear => from + (to - from) * share,
            Scale::Log => from * (to / from).powf(share),
        }
    };
    let mut values: Vec<String> = (0..range.points).map(|n| written(at(n), &range.unit)).collect();
    values.dedup();
    Ok(values)
}

/// Whole numbers drawn between the ends, by a stream of the range's own seed.
fn drawn(key: &str, range: &RangeFile) -> Result<Vec<String>, PlanError> {
    checked(key, range)?;
    let salt = key.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let mut rng = SimRng::new(range.seed, Stream::App(salt));
    let (from, to) = (whole(range.from), whole(range.to));
    let draw = |rng: &mut SimRng| match range.scale {
        Scale::Linear => {
            let span = u64::try_from(range.to - range.from).unwrap_or(0);
            format!("{}{}", range.from + i64::try_from(rng.between(0, span)).unwrap_or(0), range.unit)
        }
        Scale::Log => {
            let share = f64::from(rng.next_u32()) / f64::from(u32::MAX);
            written(from * (to / from).powf(share), &range.unit)
        }
    };
    Ok((0..range.points).map(|_| draw(&mut rng)).collect())
}

fn threshold(file: ThresholdFile, measures: &[Measure]) -> Result<Threshold, PlanError> {
    if file.from >= file.to {
        return Err(problem!(PlanText::ThresholdRange, file.from, file.to));
    }
    if !measures.iter().any(|measure| measure.name == file.measure) {
        return Err(problem!(PlanText::UnknownMeasure, file.measure));
    }
    let largest = match file.find.as_str() {
        "largest" => true,
        "smallest" => false,
        _other => return Err(problem!(PlanText::ThresholdKind, file.find)),
    };
    let ThresholdFile { key, from, to, unit, measure, at_most, find: _, label } = file;
    Ok(Threshold { key, from, to, unit, measure, at_most, largest, label })
}

#[expect(clippy::cast_possible_truncation, reason = "between two i64 that were put in")]
fn written(value: f64, unit: &str) -> String {
    format!("{}{unit}", value.round() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "knobs are far below 2^52")]
const fn whole(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert!(wrong("format = 1\nscenario = \"tinny\"").en.contains("did you mean tiny?"));
        assert!(wrong("format = 2").en.contains("format = 2"));
        assert!(wrong("format = 1\nscenario = \"tiny\"").zh.contains("[[measure]]"));
        assert!(wrong("format = 1\nsenario = \"tiny\"").en.contains("senario"));
        assert!(wrong(&PLAN.replace("points = 3", "points = 0")).en.contains("no range"));
        assert!(wrong(&PLAN.replace("from = 10", "from = 0")).en.contains("log scale"));
        assert!(wrong(&PLAN.replace("seeds = [1, 2]", "seeds = []")).en.contains("seeds"));
        assert!(wrong(&format!("{PLAN}[budget]\npoints = 5\n")).en.contains("18 points"));
        assert!(wrong(&PLAN.replace("metric = ", "time_of = \"exhausted\"\nmetric = ")).en.contains("either"));
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
