//! `halfclose` alone: the outage, told once, with every published figure
//! beside the simulated one.

mod extract;
mod rows;
mod text;

use std::collections::BTreeMap;

use comfy_table::{Cell, ColumnConstraint, Table, Width};
use halfclose::say;
use halfclose::text::Lang;
use rayon::prelude::*;

use crate::engine::{self, Outcome, Probe, Quantity, Request};
use crate::exit::{Code, Failure};
use crate::figures::{Figure, figures};
use crate::source::Source;
use crate::terminal::{self, COMMAND, STRONG, styled};
use rows::{ROWS, Row};
use text::{NEXT, Tale};

/// A simulated answer for each row, in the order of [`ROWS`]; `None` where the moment never came.
type Answers = Vec<Vec<Option<String>>>;

/// Replays the scenarios behind the figures, all at once, and tells what happened.
pub fn tell(lang: Lang) -> Result<Code, Failure> {
    let scenarios = scenarios_of(ROWS);
    let outcomes: BTreeMap<&str, Outcome> = scenarios
        .into_par_iter()
        .map(|(name, probes)| Ok((name, replay(name, &probes, lang)?)))
        .collect::<Result<_, Failure>>()?;
    let answers = answers_of(ROWS, &outcomes);
    terminal::print(&render(&answers, &figures(), terminal::width(), lang))?;
    let held = outcomes.values().all(|outcome| crate::report::exit_code(outcome) == Code::Ok);
    Ok(if held { Code::Ok } else { Code::ExpectationFailed })
}

/// The scenarios the rows need, each with the probes of all its rows in order.
fn scenarios_of(rows: &[Row]) -> BTreeMap<&'static str, Vec<Probe>> {
    let mut scenarios: BTreeMap<&'static str, Vec<Probe>> = BTreeMap::new();
    for row in rows {
        scenarios.entry(row.scenario).or_default().extend_from_slice(row.probes);
    }
    scenarios
}

fn replay(name: &str, probes: &[Probe], lang: Lang) -> Result<Outcome, Failure> {
    let source = Source::find(name, lang)?;
    let mut silent = |_now: u64, _end: u64| {};
    engine::run(Request {
        source: &source,
        overrides: &[],
        seed: None,
        until: None,
        lang,
        probes,
        trace: None,
        pcap: None,
        progress: &mut silent,
    })
}

/// Hands each row the answers to its own probes.
fn answers_of(rows: &[Row], outcomes: &BTreeMap<&str, Outcome>) -> Answers {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter()
        .map(|row| {
            let from = *taken.get(row.scenario).unwrap_or(&0);
            let to = from + row.probes.len();
            taken.insert(row.scenario, to);
            let Some(outcome) = outcomes.get(row.scenario) else { return vec![None; row.probes.len()] };
            let given = (from..to).map(|number| outcome.answers.get(number).cloned().flatten());
            row.probes.iter().zip(given).map(|(probe, given)| answer_of(probe, given, outcome)).collect()
        })
        .collect()
}

/// The engine's answer, or the actual value of the expectation the probe names.
fn answer_of(probe: &Probe, given: Option<String>, outcome: &Outcome) -> Option<String> {
    match probe.of {
        Quantity::Metric(_) | Quantity::View { .. } => given,
        Quantity::Expectation { name, extract } => {
            let expectation = outcome.expectations.iter().find(|expectation| expectation.name == name)?;
            extract(&expectation.actual)
        }
    }
}

/// The screen.
fn render(answers: &Answers, figures: &[Figure], width: u16, lang: Lang) -> String {
    let mut out = format!("{}\n\n", styled(STRONG, say!(lang, Tale::Title)));
    for paragraph in [Tale::What.texts(), Tale::Why.texts()] {
        out.push_str(&terminal::fill(paragraph.text(lang), usize::from(width)));
        out.push('\n');
    }
    out.push_str(&format!("{}\n\n", table(answers, figures, width, lang).trim_fmt()));
    out.push_str(&format!("{}\n", styled(STRONG, say!(lang, Tale::Next))));
    let column = NEXT.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, what) in NEXT {
        let padding = " ".repeat(column - command.len());
        out.push_str(&format!("  {}{padding}  {}\n", styled(COMMAND, command), what.text(lang)));
    }
    out
}

fn table(answers: &Answers, figures: &[Figure], width: u16, lang: Lang) -> Table {
    let mut table = terminal::ruled_table(width);
    table.set_header(
        [Tale::Figure, Tale::Published, Tale::Simulated, Tale::Because].map(|head| head.texts().text(lang)),
    );
    for (row, answers) in ROWS.iter().zip(answers) {
        let published = figures.iter().find(|figure| figure.id == row.figure).map_or("", |figure| &figure.published);
        table.add_row([
            Cell::new(row.name.text(lang)),
            Cell::new(published),
            Cell::new(row.simulated(answers)),
            Cell::new(row.why.text(lang)),
        ]);
    }
    for (column, most) in [(0, 30), (1, 12), (2, 13)] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(most)));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Expectation;

    #[test]
    fn every_row_names_a_figure_of_the_table() {
        let figures = figures();
        for row in ROWS {
            assert!(figures.iter().any(|figure| figure.id == row.figure), "{}", row.figure);
        }
    }

    #[test]
    fn every_row_names_a_preset() {
        for row in ROWS {
            assert!(engine::preset(row.scenario).is_some(), "{}", row.scenario);
        }
    }

    /// Two rows of one scenario get their own answers, whatever stands between them.
    #[test]
    fn answers_find_their_rows() {
        let outcomes: BTreeMap<&str, Outcome> = scenarios_of(ROWS)
            .into_iter()
            .map(|(name, probes)| {
                let answers = (0..probes.len()).map(|number| Some(format!("{name}/{number}"))).collect();
                (name, Outcome { answers, ..Outcome::default() })
            })
            .collect();
        let answers = answers_of(ROWS, &outcomes);
        let mut all: Vec<String> = answers.iter().flatten().flatten().cloned().collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "an answer was given twice");
        for (row, answers) in ROWS.iter().zip(&answers) {
            assert_eq!(answers.len(), row.probes.len());
            assert!(answers.iter().flatten().all(|answer| answer.starts_with(row.scenario)));
            let asked = row.probes.iter().filter(|probe| !matches!(probe.of, Quantity::Expectation { .. })).count();
            assert_eq!(answers.iter().flatten().count(), asked, "{}", row.figure);
        }
    }

    #[test]
    fn an_expectation_s_value_is_an_answer() {
        let row = ROWS.iter().find(|row| row.figure == "sar-busy-core").unwrap();
        let busy = Expectation {
            name: "system share of one core, in millionths".into(),
            expected: "760000..800000".into(),
            actual: "782345".into(),
            ok: true,
        };
        let outcome = Outcome { expectations: vec![busy], ..Outcome::default() };
        assert_eq!(answer_of(&row.probes[0], None, &outcome).as_deref(), Some("78"));
    }

    fn screen(width: u16, lang: Lang) -> String {
        let answers = ROWS.iter().map(|row| vec![Some("28231".to_string()); row.probes.len()]).collect();
        anstream::adapter::strip_str(&render(&answers, &figures(), width, lang)).to_string()
    }

    #[test]
    fn the_story_fits_one_screen_of_100_columns() {
        for lang in Lang::ALL {
            let screen = screen(100, lang);
            assert!(screen.lines().count() <= 50, "{} lines\n{screen}", screen.lines().count());
            let columns = |line: &str| console::measure_text_width(line);
            assert!(screen.lines().all(|line| columns(line) <= 100), "{screen}");
            let table =
                screen.lines().skip_while(|line| !line.contains('─')).skip(1).take_while(|line| !line.is_empty());
            assert_eq!(table.count(), ROWS.len(), "a row takes more than a line\n{screen}");
        }
    }

    #[test]
    fn an_answer_that_never_came_shows_as_a_dash() {
        let answers = ROWS.iter().map(|row| vec![None; row.probes.len()]).collect();
        assert!(render(&answers, &figures(), 100, Lang::En).contains('–'));
    }
}
