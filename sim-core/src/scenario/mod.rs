//! Scenarios: TOML in, checked plain data out.
//!
//! ```text
//! bytes ─ node::read ─► tree ─ extends, --set ─► tree ─ schema::validate ─► tree
//!                                                       └─ serde ─► file types ─ check ─► Scenario
//! ```
//!
//! Every stage reports all the problems it finds, each with the bytes it is
//! about, and hands on what is left; so one reading lists everything. Nothing
//! here runs anything: building a world from a [`Scenario`] is another matter.

mod ask;
pub mod build;
mod check;
mod check_ends;
mod check_process;
mod check_script;
mod check_timeline;
#[cfg(feature = "capacity")]
pub(crate) mod document;
pub mod expect;
pub mod expr;
mod file;
pub mod metric;
mod node;
mod overrides;
#[cfg(feature = "pack")]
mod pack;
pub mod preset;
pub mod problem;
mod program_file;
mod program_spec;
mod programs;
mod read;
mod run;
mod schema;
pub mod spec;
mod sysctl_names;
mod value;

#[cfg(test)]
mod tests;

pub use expect::{Bound, CheckRow, Expectation, ReadMetric, Since};
pub use expr::{BinaryOp, EvalError, Expr};
pub use metric::{Metric, MetricKind, Names, PortStep, ProcessMetric, ProcesslistMetric, SsMetric, app_metrics};
pub use node::{MAX_BYTES, Place, Source};
#[cfg(feature = "pack")]
pub use pack::UnpackError;
pub use preset::Preset;
pub use problem::{Problem, ProblemKind, ScenarioError};
pub use programs::program;
pub use run::{Refusal, Run};
pub use schema::schema;
pub use spec::*;

use node::Node;

/// Longest chain of `extends`.
const MAX_EXTENDS: usize = 8;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// All problems of the text, by place.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::read(text.as_bytes(), &[])
    }

    /// Reads a scenario with `--set key=value` applied before it is checked.
    ///
    /// # Errors
    /// All problems of the text and the overrides.
    pub fn parse_with(text: &str, overrides: &[(&str, &str)]) -> Result<Self, ScenarioError> {
        Self::read(text.as_bytes(), overrides)
    }

    /// Reads bytes that may be anything at all.
    ///
    /// # Errors
    /// All problems of the bytes and the overrides.
    pub fn read(bytes: &[u8], overrides: &[(&str, &str)]) -> Result<Self, ScenarioError> {
        let mut problems = Vec::new();
        let Some(root) = node::read(bytes, Source::File, &mut problems) else {
            return Err(ScenarioError::new(problems));
        };
        let Some(mut root) = extend(root, &mut problems) else {
            // Whatever the base would have given is missing now, and not the author's fault.
            return Err(ScenarioError::new(problems));
        };
        for (index, (key, value)) in overrides.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            overrides::apply(&mut root, index, key, value, &mut problems);
        }
        schema::validate(&mut root, schema::Format::scenario(), &mut problems);
        let scenario = check::check(&root, &mut problems);
        match scenario {
            Some(scenario) if problems.is_empty() => Ok(scenario),
            Some(_) | None => Err(ScenarioError::new(problems)),
        }
    }

    /// Reads a moment as `--at` takes it: `30s`, `kill+3s`, `end`.
    ///
    /// # Errors
    /// If the text is no moment, or names a mark the scenario does not have.
    pub fn moment(&self, text: &str) -> Result<Moment, ScenarioError> {
        let mut marks: Vec<(String, MarkRef)> =
            BUILTIN_MARKS.iter().map(|&(name, mark)| (name.to_owned(), mark)).collect();
        marks.extend(self.marks.iter().enumerate().map(|(i, m)| (m.name.clone(), MarkRef::Own(i))));
        check_timeline::parse_moment(text, &marks).map_err(|(kind, near)| argument_error(text, "at", kind, near))
    }

    /// Reads a metric's name, as a series or a plot asks for it.
    ///
    /// # Errors
    /// If there is no such metric.
    pub fn metric(&self, text: &str) -> Result<Metric, ScenarioError> {
        self.names().metric(text).map_err(|(kind, near)| argument_error(text, "metric", kind, near))
    }
}

/// Reads a duration as scenarios write it: `10s`, `1min30s`.
///
/// # Errors
/// If the text is none.
pub fn duration(text: &str) -> Result<crate::time::Duration, ScenarioError> {
    value::duration(text).map_err(|kind| argument_error(text, "per", kind, None))
}

/// A problem of a word that is in no file: an argument, as if it were an override.
fn argument_error(text: &str, path: &str, kind: ProblemKind, near: Option<String>) -> ScenarioError {
    let place = Place::new(Source::Override(0), 0, text.len());
    ScenarioError::new(vec![Problem::new(kind, place, path.to_owned()).near(near)])
}

/// Resolves `extends`: the presets of the chain below, the file on top. `None`
/// if the chain is broken, with the reason among the problems.
fn extend(mut root: Node, problems: &mut Vec<Problem>) -> Option<Node> {
    node::flatten_sysctls(&mut root);
    let mut chain: Vec<&'static str> = Vec::new();
    let mut layers = vec![root];
    loop {
        let top = layers.last().expect("the file itself is a layer");
        let Some(base) = top.get("extends") else { break };
        let Some(name) = base.text() else {
            // The schema says what is wrong with a value of another type.
            schema::validate(&mut layers[0], schema::Format::scenario(), problems);
            return None;
        };
        let (place, name) = (base.place, name.trim_end_matches(".toml").to_owned());
        let report = |kind| Problem::new(kind, place, "extends".to_owned());
        let Some(preset) = preset::find(&name) else {
            let near = crate::text::nearest(&name, preset::ALL.iter().map(|p| p.name)).map(str::to_owned);
            problems.push(report(ProblemKind::UnknownPreset { name: value::cut(&name) }).near(near));
            return None;
        };
        if chain.contains(&preset.name) || chain.len() >= MAX_EXTENDS {
            let chain = format!("{} -> {}", chain.join(" -> "), preset.name);
            problems.push(report(ProblemKind::ExtendsLoop { chain }));
            return None;
        }
        chain.push(preset.name);
        let mut below = node::read(preset.text.as_bytes(), Source::Preset(preset.name), problems)?;
        node::flatten_sysctls(&mut below);
        layers.push(below);
    }
    let mut tree = layers.pop().expect("the file itself is a layer");
    while let Some(above) = layers.pop() {
        tree = node::overlay(tree, above);
    }
    Some(tree)
}
