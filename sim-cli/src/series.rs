//! `halfclose export csv`: metrics over time.

use std::io::{self, Write};

use halfclose::scenario::{Expr, Run};
use halfclose::text::Lang;
use halfclose::trace::NoObserver;

use crate::engine::{self, Request};
use crate::exit::Failure;
use crate::look;

/// What the series holds.
pub struct Columns<'a> {
    /// Metrics or expressions of metrics; all metrics if none is named.
    pub metrics: &'a [String],
    /// Moment of the first row.
    pub from: &'a str,
    /// Moment of the last.
    pub to: &'a str,
    /// Time between two rows.
    pub every: &'a str,
}

/// Writes a header line, then a row for each step; returns the number of rows.
/// A metric without a value at a moment leaves its cell empty.
///
/// # Errors
/// As [`engine::run`]; [`Failure::Usage`] for an unknown metric or mark.
pub fn export_csv(request: Request<'_>, wanted: &Columns<'_>, out: &mut dyn Write) -> Result<u64, Failure> {
    let lang = request.lang;
    let mut run = engine::start(request.source, request.overrides, request.seed, lang)?;
    let every = look::duration(&run, wanted.every, lang)?;
    let columns = columns(&run, wanted, lang)?;
    look::go_to(&mut run, wanted.from, lang)?;
    let end = look::instant(&run, wanted.to, lang)?;
    engine::not_before_now(&run, end, wanted.to, lang)?;
    let mut writer = csv::Writer::from_writer(out);
    let heading = std::iter::once("time_s").chain(columns.iter().map(|(name, _)| name.as_str()));
    writer.write_record(heading).map_err(io::Error::from)?;
    let from = run.world().now();
    let mut rows = 0;
    for at in std::iter::once(from).chain(look::later(from, end, every)) {
        run.run_until(at, &mut NoObserver).map_err(|error| engine::stopped(&error, lang))?;
        let value = |quantity| run.value(quantity).map_or_else(String::new, |value| value.to_string());
        let cells = columns.iter().map(|(_, quantity)| value(quantity));
        writer.write_record(std::iter::once(at.to_string()).chain(cells)).map_err(io::Error::from)?;
        (request.progress)(at.nanos(), end.nanos());
        rows += 1;
    }
    writer.flush()?;
    Ok(rows)
}

fn columns(run: &Run, wanted: &Columns<'_>, lang: Lang) -> Result<Vec<(String, Expr)>, Failure> {
    let names = match wanted.metrics {
        [] => run.metrics().into_iter().map(|(name, _)| name).collect(),
        named => named.to_vec(),
    };
    let quantity = |name: String| match run.scenario().quantity(&name) {
        Ok(quantity) => Ok((name, quantity)),
        Err(error) => Err(engine::asked(&error, lang)),
    };
    names.into_iter().map(quantity).collect()
}
