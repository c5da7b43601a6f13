//! What bisections tried and found.

use super::caption::{self, both};
use super::{Figure, Said, Shape, Survey, SweepWord, Trial, Trials, bare_said, file_name, of, said, with_unit};
use crate::capacity::sweep::survey::{Finished, short, signed};
use crate::capacity::sweep::{Found, Setting};

/// More columns cannot be read.
const COLUMNS: usize = 12;
/// More thresholds than this are read from the picture.
const TOLD: usize = 6;

/// The bisections of a plan that has a threshold and not too many variants.
pub(super) fn trials(survey: &Survey<'_>) -> Option<Figure> {
    let threshold = survey.plan.threshold.as_ref()?;
    if survey.finished.is_empty() || survey.finished.len() > COLUMNS {
        return None;
    }
    let range = (signed(threshold.from), signed(threshold.to));
    let column = |one: &Finished| {
        let found = match one.found {
            Some(Found::At(value)) => Some(signed(value)),
            Some(Found::Everywhere | Found::Nowhere) | None => None,
        };
        let holds = match (one.found, found) {
            (Some(Found::Everywhere), _) => Some(range),
            (_, Some(value)) if threshold.largest => Some((range.0, value)),
            (_, Some(value)) => Some((value, range.1)),
            (_, None) => None,
        };
        Trial { name: name(&one.unit.settings), tries: survey.tries(one), found, holds }
    };
    let label = &survey.quantities.first()?.label;
    let x = match survey.axes.as_slice() {
        [] => said!(SweepWord::Variant),
        axes => Said {
            en: axes.iter().map(|axis| axis.label.en.clone()).collect::<Vec<_>>().join(" · "),
            zh: axes.iter().map(|axis| axis.label.zh.clone()).collect::<Vec<_>>().join(" · "),
        },
    };
    let columns: Vec<Trial> = survey.finished.iter().map(column).collect();
    let extreme = if threshold.largest { said!(SweepWord::Largest) } else { said!(SweepWord::Smallest) };
    let measure = survey.plan.measures.iter().find(|measure| measure.name == threshold.measure);
    let measure =
        measure.and_then(|measure| measure.label.as_ref()).map_or_else(|| Said::same(&threshold.measure), bare_said);
    let (bound, seeds) = (Said::same(threshold.at_most.to_string()), Said::same(survey.plan.seeds.len().to_string()));
    let mut parts = vec![both!(SweepWord::Condition, measure, bound, seeds, extreme, bare_said(label))];
    if columns.len() <= TOLD {
        parts.extend(survey.finished.iter().zip(&columns).map(|(one, column)| told(one.found, column, label)));
    }
    let runs: usize = survey.finished.iter().map(|one| one.outcomes.len()).sum();
    let every = (threshold.from.abs_diff(threshold.to) + 1)
        .saturating_mul(u64::try_from(columns.len() * survey.plan.seeds.len()).unwrap_or(u64::MAX));
    parts.push(said!(SweepWord::Runs, runs, crate::text::grouped(every)));
    Some(Figure {
        name: file_name(&["threshold"]),
        title: said!(SweepWord::TrialsTitle),
        of: of(survey),
        caption: caption::joined(&parts),
        shape: Shape::Trials(Trials { x, y: label.clone(), range, columns }),
    })
}

fn told(found: Option<Found>, column: &Trial, label: &Said) -> Said {
    match found {
        Some(Found::At(value)) => {
            let value = signed(value);
            let value = Said { en: with_unit(value, &label.en), zh: with_unit(value, &label.zh) };
            both!(SweepWord::FoundAt, Said::same(&column.name), value)
        }
        Some(Found::Everywhere) => said!(SweepWord::FoundEverywhere, column.name),
        Some(Found::Nowhere) | None => said!(SweepWord::FoundNowhere, column.name),
    }
}

/// A variant's values; with several keys each with its name.
fn name(settings: &[Setting]) -> String {
    match settings {
        [] => "–".to_owned(),
        [(_, value)] => value.clone(),
        several => several.iter().map(|(key, value)| format!("{} {value}", short(key))).collect::<Vec<_>>().join(" · "),
    }
}
