//! `halfclose lab`: the real kernel and the model, side by side.

use comfy_table::{Cell, ContentArrangement, LineStyle, Table, TableStyle};
use halfclose::say;
use halfclose::text::Lang;
use halfclose_lab::{LabError, ModelError, Report, Request, Text, Verdict};

use crate::args::Lab;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::source::Source;
use crate::terminal::{self, BAD, GOOD, STRONG, styled};

/// Blanks between columns and nothing else: the rows are many.
const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Runs the scenario twice and prints both.
pub fn lab(arguments: &Lab, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.source, lang)?;
    let problems = engine::check(&source, &arguments.overrides, lang);
    if !problems.is_empty() {
        return Err(Failure::Invalid(source, problems));
    }
    let request = Request {
        name: source.name.clone(),
        text: String::from_utf8_lossy(&source.bytes).into_owned(),
        overrides: arguments.overrides.iter().map(|o| (o.key.clone(), o.value.clone())).collect(),
        seed: arguments.seed,
    };
    let report = halfclose_lab::run(&request).map_err(|error| failure(error, lang))?;
    let text = if arguments.json {
        format!("{}\n", serde_json::to_string(&report).map_err(|error| Failure::Usage(error.to_string()))?)
    } else if arguments.page {
        halfclose_lab::page(&report, &request.text)
    } else {
        human(&report, lang)
    };
    terminal::print(&text)?;
    Ok(if report.agrees() { Code::Ok } else { Code::ExpectationFailed })
}

fn failure(error: LabError, lang: Lang) -> Failure {
    match error {
        LabError::Missing(text) => Failure::Usage(text.in_lang(lang).to_owned()),
        LabError::Impossible(what) => Failure::Usage(say!(lang, Say::LabImpossible, what.join("; "))),
        LabError::Model(ModelError::Run(error)) => Failure::Budget(error.to_string()),
        error @ (LabError::Scenario(_) | LabError::Broken(_) | LabError::Model(_)) => {
            Failure::Usage(say!(lang, Say::LabBroken, error))
        }
    }
}

/// One table for each group of rows; the rules stand below, by number.
fn human(report: &Report, lang: Lang) -> String {
    let mut out = format!("{}\n", styled(STRONG, report.header(lang)));
    let mut rules: Vec<&Text> = Vec::new();
    let groups = report.lines.chunk_by(|a, b| a.group == b.group);
    for lines in groups {
        out.push_str(&format!("\n{}\n", styled(STRONG, lines[0].group.heading(lang))));
        let mut table = Table::new();
        table.load_style(PLAIN).set_content_arrangement(ContentArrangement::Dynamic).set_width(terminal::width());
        table.set_header(Report::columns(lang));
        for line in lines {
            let number = rules.iter().position(|rule| **rule == line.rule).unwrap_or_else(|| {
                rules.push(&line.rule);
                rules.len() - 1
            });
            let verdict = line.verdict.word(lang);
            let cells = [&line.what, &line.real, &line.simulated, &verdict, &format!("[{}]", number + 1)];
            table.add_row(cells.map(Cell::new));
        }
        out.push_str(&format!("{table}\n"));
    }
    out.push('\n');
    for (number, rule) in rules.iter().enumerate() {
        out.push_str(&terminal::fill(
            &format!("[{}] {}", number + 1, rule.in_lang(lang)),
            usize::from(terminal::width()),
        ));
    }
    if !report.notes.is_empty() {
        out.push_str(&format!("\n{}\n", styled(STRONG, Report::notes_heading(lang))));
        for note in &report.notes {
            out.push_str(&terminal::fill(&format!("· {}", note.in_lang(lang)), usize::from(terminal::width())));
        }
    }
    let style = if report.count(Verdict::Differs) == 0 { GOOD } else { BAD };
    out.push_str(&format!("\n{}\n", styled(style, report.summary(lang))));
    out
}
