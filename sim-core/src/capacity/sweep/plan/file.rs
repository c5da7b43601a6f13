//! The format of a plan file, as serde reads it. Its schema comes from these
//! types, and every plan is checked against that schema first.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Mode;
use crate::observe::Said;

/// The schema, made once.
pub(super) fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(PlanFile).to_value())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    pub(super) format: i64,
    #[serde(default)]
    pub(super) title: String,
    pub(super) title_zh: Option<String>,
    pub(super) scenario: String,
    #[serde(default)]
    pub(super) set: BTreeMap<String, Json>,
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) seeds: Option<SeedsFile>,
    #[serde(default)]
    pub(super) vary: Vec<VaryFile>,
    #[serde(default)]
    pub(super) measure: Vec<MeasureFile>,
    pub(super) threshold: Option<ThresholdFile>,
    #[serde(default)]
    pub(super) budget: BudgetFile,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SeedsFile {
    List(Vec<u64>),
    Span(SpanFile),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanFile {
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VaryFile {
    pub(super) key: String,
    pub(super) values: Option<Vec<Json>>,
    pub(super) range: Option<RangeFile>,
    pub(super) random: Option<RangeFile>,
    pub(super) label: Option<Label>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scale {
    #[default]
    Linear,
    Log,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeFile {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) points: usize,
    #[serde(default)]
    pub(super) scale: Scale,
    #[serde(default)]
    pub(super) unit: String,
    /// Of the random draw.
    #[serde(default)]
    pub(super) seed: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MeasureFile {
    pub(super) name: String,
    pub(super) metric: Option<String>,
    pub(super) at: Option<String>,
    pub(super) since: Option<String>,
    pub(super) per: Option<String>,
    pub(super) time_of: Option<String>,
    pub(super) label: Option<Label>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ThresholdFile {
    pub(super) key: String,
    pub(super) from: i64,
    pub(super) to: i64,
    #[serde(default)]
    pub(super) unit: String,
    pub(super) measure: String,
    pub(super) at_most: i64,
    pub(super) find: Find,
    pub(super) label: Option<Label>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Find {
    Largest,
    Smallest,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetFile {
    pub(super) points: usize,
}

impl Default for BudgetFile {
    fn default() -> Self {
        Self { points: 100_000 }
    }
}

/// A label: one text for both languages, or `{ en = "…", zh = "…" }`.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(untagged)]
pub(super) enum Label {
    Same(String),
    Each(EachFile),
}

#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct EachFile {
    en: String,
    zh: String,
}

impl Label {
    pub(super) fn said(&self) -> Said {
        match self {
            Self::Same(text) => Said::same(text.clone()),
            Self::Each(EachFile { en, zh }) => Said { en: en.clone(), zh: zh.clone() },
        }
    }
}
