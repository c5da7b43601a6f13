//! The trace of a run: the library's lines with a file behind them.

use std::io::{self, Write};

use halfclose::observe::TraceLines;
use halfclose::scenario::Run;
use halfclose::trace::{Observer, Record};
use serde::Serialize;

/// Writes records as they happen, after a first line about the run. The first
/// failure to write ends the writing, not the run; [`JsonLines::finish`] reports it.
pub struct JsonLines<'a> {
    out: &'a mut dyn Write,
    lines: TraceLines,
    failure: Option<io::Error>,
}

impl<'a> JsonLines<'a> {
    /// A trace of a run.
    pub fn new(out: &'a mut dyn Write, run: &Run) -> Self {
        Self::of(out, TraceLines::new(run.scenario(), run.seed()))
    }

    fn of(out: &'a mut dyn Write, lines: TraceLines) -> Self {
        let failure = put(out, lines.head()).err();
        Self { out, lines, failure }
    }

    /// Flushes.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn finish(self) -> io::Result<()> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.out.flush(),
        }
    }
}

impl Observer for JsonLines<'_> {
    fn record(&mut self, record: &Record) {
        if self.failure.is_some() {
            return;
        }
        self.failure = put(self.out, &self.lines.line(record)).err();
    }

    fn wants_syscalls(&self) -> bool {
        true
    }
}

fn put(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use halfclose::scenario::preset;
    use halfclose::time::Instant;
    use halfclose::trace::RecordKind;
    use halfclose::units::HostId;

    use super::*;

    fn record(kind: RecordKind) -> Record {
        Record { at: Instant::from_nanos(5), host: HostId(1), kind }
    }

    #[test]
    fn a_full_disk_is_reported_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut full = Full;
        let mut trace = JsonLines::of(&mut full, TraceLines::new(&preset::find("tiny").unwrap().scenario(), 1));
        trace.record(&record(RecordKind::Mark { index: 0 }));
        trace.record(&record(RecordKind::Mark { index: 1 }));
        assert_eq!(trace.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
