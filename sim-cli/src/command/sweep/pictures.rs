//! Pictures of a finished sweep.

use halfclose::capacity::sweep::{Finished, Survey, figures};
use halfclose::plot::sweep_figure;
use halfclose::say;
use halfclose::text::Lang;

use super::results::{Done, Results};
use crate::args::Pictures;
use crate::command::plot;
use crate::exit::Failure;
use crate::message::Planning as Say;
use crate::terminal;

/// Draws what the plan's results show into the folder that was asked for.
pub(super) fn draw(wanted: &Pictures, results: &Results<'_>, lang: Lang) -> Result<(), Failure> {
    let Some(folder) = &wanted.plot else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| Failure::File(folder.display().to_string(), error))?;
    let units = results.plan.units();
    let finished: Vec<Finished> = (results.units.iter())
        .map(|done| Finished {
            unit: units[done.unit()].clone(),
            outcomes: done.outcomes().to_vec(),
            found: match done {
                Done::Point(_) => None,
                Done::Threshold { found, .. } => Some(*found),
            },
        })
        .collect();
    let figures = figures(&Survey::new(results.plan, &finished));
    if figures.is_empty() {
        terminal::talk(&format!("{}\n", say!(lang, Say::SweepNothingToDraw)));
    }
    let ending = if wanted.png { "png" } else { "svg" };
    for figure in &figures {
        let path = folder.join(format!("{}.{ending}", figure.name));
        plot::write(&path, &sweep_figure(figure, lang), lang)?;
    }
    Ok(())
}
