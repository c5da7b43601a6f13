//! What can be wrong with a plan: an id, a place, a sentence, and what to do
//! about it. Carets are drawn by the program.

use core::fmt;
use core::ops::Range;

use crate::observe::Said;
use crate::scenario;
use crate::text::Lang;

macro_rules! plan_texts {
    ($($(#[$doc:meta])* $name:ident = $id:literal { en: $en:literal, zh: $zh:literal $(, hint: ($hint_en:literal, $hint_zh:literal))? })*) => {
        crate::messages! {
            /// What can be wrong with a plan.
            pub enum PlanText { $($(#[$doc])* $name { en: $en, zh: $zh })* }
        }
        impl PlanText {
            /// A stable name for tests and readers.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
            /// What to write instead, where it does not depend on what was written.
            fn hint(self) -> Option<Said> {
                match self { $(Self::$name => plan_texts!(@hint $($hint_en, $hint_zh)?),)* }
            }
        }
    };
    (@hint) => { None };
    (@hint $en:literal, $zh:literal) => { Some(Said { en: $en.to_owned(), zh: $zh.to_owned() }) };
}

plan_texts! {
    Empty = "empty" {
        en: "the plan is empty", zh: "计划是空的",
        hint: ("begin with `format = 1` and `scenario = \"two-hosts\"`", "以 `format = 1` 和 `scenario = \"two-hosts\"` 开头")
    }
    Format = "unsupported-format" {
        en: "`format = {0}` is unknown: this program reads format 1", zh: "不认识 `format = {0}`：本程序只读格式 1",
        hint: ("write `format = 1`", "写 `format = 1`")
    }
    UnknownScenario = "unknown-scenario" {
        en: "`{0}` is neither a preset nor a file beside the plan", zh: "`{0}` 既不是预设，也不是计划文件旁边的文件",
        hint: ("`halfclose presets` lists the presets", "`halfclose presets` 列出预设")
    }
    BadScenario = "bad-scenario" { en: "`{0}` itself is no good: {1}", zh: "`{0}` 本身有问题：{1}", hint: ("see `halfclose check`", "用 `halfclose check` 查看") }
    NoMeasure = "no-measure" {
        en: "nothing is measured", zh: "没有要测量的量",
        hint: ("add a [[measure]] with `name`, and `metric` or `time_of`", "请加一个 [[measure]]，写 `name`，以及 `metric` 或 `time_of`")
    }
    MeasureKind = "measure-kind" {
        en: "measure `{0}` wants either `metric` or `time_of`", zh: "测量项 `{0}` 需要 `metric` 或 `time_of` 之一",
        hint: ("a metric is read at a moment; `time_of` is when a mark was reached", "metric 在某个时刻读取；`time_of` 是到达某个标记的时间")
    }
    DoubleName = "duplicate-name" { en: "two measures are called `{0}`", zh: "有两个测量项都叫 `{0}`", hint: ("give one of them another name", "请给其中一个换个名字") }
    DoubleKey = "duplicate-key" { en: "`{0}` is varied twice", zh: "`{0}` 被改变了两次", hint: ("put all its values into one list", "请把它的所有取值写在一个列表里") }
    NoValues = "no-values" {
        en: "`{0}` has no values", zh: "`{0}` 没有取值",
        hint: ("give `values`, `range` or `random`", "请给出 `values`、`range` 或 `random`")
    }
    SeveralValues = "several-values" {
        en: "`{0}` has more than one of values, range and random", zh: "`{0}` 同时给了 values、range、random 中的多个",
        hint: ("keep one; two [[vary]] of a key cannot be", "只保留一个")
    }
    BadRange = "bad-range" {
        en: "from {0} to {1} in {2} points is no range", zh: "从 {0} 到 {1} 取 {2} 个点，这不是一个范围",
        hint: ("`from` is not above `to`, and there are 1 to 1000000 points", "`from` 不大于 `to`，点数为 1 到 1000000")
    }
    LogFromZero = "log-from-zero" {
        en: "a log scale begins above 0", zh: "对数刻度必须从大于 0 开始",
        hint: ("begin at 1, or write `scale = \"linear\"`", "从 1 开始，或写 `scale = \"linear\"`")
    }
    Uneven = "uneven-zip" {
        en: "`{0}` has {1} values and `{2}` has {3}: `zip` takes the n-th of each together", zh: "`{0}` 有 {1} 个取值，`{2}` 有 {3} 个：`zip` 把各键的第 n 个值放在一起",
        hint: ("give each key as many values", "每个键的取值要一样多")
    }
    NoSeeds = "no-seeds" {
        en: "there is no seed", zh: "没有种子",
        hint: ("write a list, `[1, 2, 3]`, or `{ from = 1, to = 100 }`", "写一个列表 `[1, 2, 3]`，或 `{ from = 1, to = 100 }`")
    }
    TooMany = "too-many-points" {
        en: "{0} points are more than budget.points = {1}", zh: "共 {0} 个点，超过 budget.points = {1}",
        hint: ("raise [budget] points, or take fewer values or seeds", "调大 [budget] points，或减少取值、种子")
    }
    UnknownMeasure = "unknown-measure" { en: "no measure is called `{0}`", zh: "没有叫 `{0}` 的测量项", hint: ("name one of the [[measure]]", "写某个 [[measure]] 的 name") }
    ThresholdRange = "bad-range" {
        en: "from {0} to {1} is no range", zh: "从 {0} 到 {1} 不是一个范围",
        hint: ("`from` is below `to`", "`from` 小于 `to`")
    }
    Unbuildable = "unbuildable" { en: "with {0} the scenario cannot be built: {1}", zh: "取 {0} 时场景无法建立：{1}" }
}

/// One problem of a plan.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PlanProblem {
    /// Where, in bytes of the plan.
    pub place: (usize, usize),
    /// Stable name, such as `unknown-key`.
    pub id: &'static str,
    /// What is wrong.
    pub en: String,
    /// The same in 中文.
    pub zh: String,
    /// What to write instead, in English.
    pub hint_en: Option<String>,
    /// The same in 中文.
    pub hint_zh: Option<String>,
}

impl PlanProblem {
    pub(super) fn new(place: &Range<usize>, text: PlanText, arguments: &[&dyn fmt::Display]) -> Self {
        let say = |lang| crate::text::Message::format(text, lang, arguments);
        let hint = text.hint();
        Self {
            place: (place.start, place.end),
            id: text.id(),
            en: say(Lang::En),
            zh: say(Lang::Zh),
            hint_en: hint.clone().map(|hint| hint.en),
            hint_zh: hint.map(|hint| hint.zh),
        }
    }

    /// A nearer hint than the text's own.
    pub(super) fn near(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => Self {
                hint_en: Some(format!("did you mean `{near}`?")),
                hint_zh: Some(format!("是否想写 `{near}`？")),
                ..self
            },
            None => self,
        }
    }

    /// A problem as scenarios have them, at a place of the plan.
    pub(super) fn of(problem: &scenario::Problem, place: &Range<usize>) -> Self {
        Self {
            place: (place.start, place.end),
            id: problem.id(),
            en: problem.kind.en(),
            zh: problem.kind.zh(),
            hint_en: problem.hint_en(),
            hint_zh: problem.hint_zh(),
        }
    }

    /// The bytes it is about.
    #[must_use]
    pub const fn span(&self) -> Range<usize> {
        self.place.0..self.place.1
    }

    /// What is wrong, in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }

    /// What to write instead, in one language.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> Option<&str> {
        match lang {
            Lang::En => self.hint_en.as_deref(),
            Lang::Zh => self.hint_zh.as_deref(),
        }
    }
}

/// All problems of a plan, in the order of their places. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanError {
    /// The problems.
    pub problems: Vec<PlanProblem>,
}

impl PlanError {
    /// Sorted, each once; `Ok` if there is none.
    pub(super) fn none_of(mut problems: Vec<PlanProblem>) -> Result<(), Self> {
        problems.sort();
        problems.dedup();
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    /// Nothing is wrong but that there are more points than the plan's own budget.
    #[must_use]
    pub fn over_budget(&self) -> bool {
        self.problems.iter().all(|problem| problem.id == PlanText::TooMany.id())
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.problems.iter().map(|problem| problem.en.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}
impl core::error::Error for PlanError {}
