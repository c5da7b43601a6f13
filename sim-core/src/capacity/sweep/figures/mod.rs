//! What a sweep's pictures are made of, as plain data: which pictures a plan
//! has, what stands in them, and what to see there.

mod caption;
mod grid;
mod single;
mod trials;

use super::plan::Mode;
use super::survey::{Axis, Quantity, Spread, Survey, Try};
use super::words::SweepWord;
use crate::observe::findings::{Said, said};
use crate::text::grouped;

/// A picture of a sweep.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// Its name, fit for a file: `heat-exhausted_ms`.
    pub name: String,
    /// Its title.
    pub title: Said,
    /// The plan's title.
    pub of: Said,
    /// What to see, with the sweep's numbers.
    pub caption: Said,
    /// What is drawn.
    pub shape: Shape,
}

/// What is drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// A number for each pair of two keys' values.
    Heat(Heat),
    /// A number along one key, a line for each value of another.
    Curves(Curves),
    /// How far each key moves a number.
    Tornado(Tornado),
    /// What a bisection tried, and what it found.
    Trials(Trials),
}

/// Two axes and a cell for each pair.
#[derive(Clone, PartialEq, Debug)]
pub struct Heat {
    /// Both axes.
    pub axes: Axes,
    /// What the numbers are, with their unit.
    pub label: Said,
    /// What a cell without a number means.
    pub absent: Said,
    /// Rows of y, the first below; in each, x from left to right.
    pub rows: Vec<Vec<Cell>>,
}

/// The axes of a heat map.
#[derive(Clone, PartialEq, Debug)]
pub struct Axes {
    /// From left to right.
    pub x: Axis,
    /// From below.
    pub y: Axis,
}

/// A cell: its number, or `None` where no unit is or none came.
pub type Cell = Option<f64>;

/// Lines, or points, over one key.
#[derive(Clone, PartialEq, Debug)]
pub struct Curves {
    /// The key.
    pub x: Axis,
    /// What y counts, with its unit.
    pub label: Said,
    /// What a point without a number means.
    pub absent: Said,
    /// The points of a line belong together.
    pub joined: bool,
    /// Whose values tell the lines apart, where there is more than one key.
    pub of: Option<Said>,
    /// The lines.
    pub lines: Vec<Curve>,
}

/// One line.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// The other key's value.
    pub name: Said,
    /// Places on the x axis, and what is there.
    pub points: Vec<(usize, Spread)>,
}

/// Bars around a middle, the longest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Tornado {
    /// What the axis counts, with its unit.
    pub label: Said,
    /// Where the bars begin; infinite if it never came.
    pub middle: f64,
    /// Ends of the axis, where they are the same for every picture of the kind.
    pub span: Option<(f64, f64)>,
    /// What is to the left and to the right of it.
    pub sides: [Said; 2],
    /// What an end without a number means.
    pub absent: Said,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// How far one key moves the number.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    /// The key.
    pub key: Said,
    /// The values with the least and the greatest number, and these.
    pub ends: [(Said, Spread); 2],
}

/// Bisections side by side.
#[derive(Clone, PartialEq, Debug)]
pub struct Trials {
    /// What tells the columns apart.
    pub x: Said,
    /// The key that was bisected, with its unit.
    pub y: Said,
    /// The range that was searched.
    pub range: (f64, f64),
    /// The columns.
    pub columns: Vec<Trial>,
}

/// One bisection.
#[derive(Clone, PartialEq, Debug)]
pub struct Trial {
    /// The variant.
    pub name: String,
    /// What was tried, in this order.
    pub tries: Vec<Try>,
    /// What was found; `None` outside the range.
    pub found: Option<f64>,
    /// Where the condition holds; `None` if nowhere.
    pub holds: Option<(f64, f64)>,
}

/// All pictures a finished sweep has.
#[must_use]
pub fn figures(survey: &Survey<'_>) -> Vec<Figure> {
    let mut found = Vec::new();
    found.extend(trials::trials(survey));
    for quantity in &survey.quantities {
        let axes = &survey.axes;
        match (survey.plan.mode, axes.as_slice()) {
            (_, []) => {}
            (Mode::OneAtATime, _) => {
                found.push(single::tornado(survey, quantity));
                found.extend(axes.iter().filter(|axis| axis.len() > 2).map(|x| grid::alone(survey, quantity, x)));
            }
            (Mode::Zip, _) => {
                found.extend(axes.iter().map(|x| single::scatter(survey, quantity, x)));
                found.extend(single::ranks(survey, quantity));
            }
            // The bisections show it.
            (Mode::Grid, [_]) if survey.plan.threshold.is_some() && !found.is_empty() => {}
            (Mode::Grid, [x]) => found.push(grid::curve(survey, quantity, x)),
            (Mode::Grid, [first, second]) => {
                found.push(grid::heat(survey, quantity, first, second));
                found.push(grid::curves(survey, quantity, first, second));
            }
            (Mode::Grid, several) => {
                for (at, x) in several.iter().enumerate() {
                    found.extend(several[at + 1..].iter().map(|y| grid::heat(survey, quantity, x, y)));
                }
                found.push(single::main_effects(survey, quantity));
            }
        }
    }
    found
}

/// A name of letters that every file system takes.
fn file_name(parts: &[&str]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let joined = parts.join("-");
    joined.chars().map(plain).collect::<String>().trim_matches('-').to_owned()
}

/// The plan's title in both languages.
fn of(survey: &Survey<'_>) -> Said {
    Said { en: survey.plan.title.clone(), zh: survey.plan.title_zh.clone() }
}

fn absent(survey: &Survey<'_>) -> Said {
    if survey.plan.threshold.is_some() { said!(SweepWord::Outside) } else { said!(SweepWord::Never) }
}

/// The middle of several variants: their own spread for one, that of their medians for more.
fn together(quantity: &Quantity, variants: &[usize]) -> Option<Spread> {
    match variants {
        [] => None,
        [one] => Some(quantity.spreads[*one]),
        several => Some(Spread::of(several.iter().map(|&at| quantity.spreads[at].median).collect())),
    }
}

/// The variants with these values.
fn with(survey: &Survey<'_>, values: &[(&Axis, &str)]) -> Vec<usize> {
    let fits = |&variant: &usize| values.iter().all(|(axis, value)| survey.value(variant, &axis.key) == Some(value));
    (0..survey.variants.len()).filter(fits).collect()
}

/// A number as people read it: three digits that matter, whole where it is large.
#[must_use]
pub fn told(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size >= 100.0 || (value - value.round()).abs() < 1e-9 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "measures are i64")]
        let whole = grouped(size.round() as u64);
        return if value < 0.0 && size >= 0.5 { format!("−{whole}") } else { whole };
    }
    let text = match size {
        10.0.. => format!("{size:.1}"),
        1.0..10.0 => format!("{size:.2}"),
        _ => format!("{size:.3}"),
    };
    format!("{}{text}", if value < 0.0 { "−" } else { "" })
}

/// A number with the unit that stands in brackets behind its label.
fn with_unit(value: f64, label: &str) -> String {
    match split(label) {
        (_, Some(unit)) if value.is_finite() => format!("{} {unit}", told(value)),
        (_, Some(_) | None) => told(value),
    }
}

/// A label and the unit that ends it: `time [s]`, but not `recvq[77] at end`.
fn split(label: &str) -> (&str, Option<&str>) {
    let parts = label.strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
    parts.map_or((label, None), |(name, unit)| (name, Some(unit)))
}

/// A label without its unit.
fn bare(label: &str) -> &str {
    split(label).0
}

/// A label as it begins a title: with a capital letter.
fn titled(label: &Said) -> Said {
    let Said { en, zh } = bare_said(label);
    let mut letters = en.chars();
    // Names of metrics and settings stay as they are.
    let en = match letters.next() {
        Some(first) if !en.split(' ').next().is_some_and(|word| word.contains(['.', '_'])) => {
            format!("{}{}", first.to_uppercase(), letters.as_str())
        }
        Some(_) | None => en,
    };
    Said { en, zh }
}

fn bare_said(label: &Said) -> Said {
    Said { en: bare(&label.en).to_owned(), zh: bare(&label.zh).to_owned() }
}

#[cfg(test)]
mod tests;
