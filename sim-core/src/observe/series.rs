//! Metrics over time, in bounded memory.

use crate::time::{Duration, Instant};

/// Samples of a fixed set of metrics at even intervals.
///
/// When `limit` rows are full, every second one goes and the interval doubles,
/// so a series of any length keeps between half of `limit` and `limit` rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    names: Vec<String>,
    times: Vec<Instant>,
    /// Row by row, as many numbers as names.
    values: Vec<u64>,
    interval: Duration,
    next: Instant,
    limit: usize,
}

impl Series {
    /// An empty series of these metrics; the first sample is due at once.
    ///
    /// # Panics
    /// If `interval` is zero or `limit` below 2: nothing could be thinned out.
    #[must_use]
    pub fn new(names: Vec<String>, interval: Duration, limit: usize) -> Self {
        assert!(interval > Duration::ZERO, "samples need an interval");
        assert!(limit >= 2, "a series keeps at least two samples");
        Self { names, times: Vec::new(), values: Vec::new(), interval, next: Instant::ZERO, limit }
    }

    /// When the next sample is due.
    #[must_use]
    pub const fn next_at(&self) -> Instant {
        self.next
    }

    /// Metric names, in the order of a row.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds a sample taken at `at`; one that is not due yet is left out.
    ///
    /// # Panics
    /// If the row has another length than the names.
    pub fn push(&mut self, at: Instant, row: &[u64]) {
        assert_eq!(row.len(), self.names.len(), "one value for each metric");
        if at < self.next {
            return;
        }
        if self.times.len() == self.limit {
            self.thin();
            if at < self.next {
                return;
            }
        }
        self.times.push(at);
        self.values.extend_from_slice(row);
        self.next = at + self.interval;
    }

    fn thin(&mut self) {
        let width = self.names.len();
        let kept = self.times.len().div_ceil(2);
        for row in 0..kept {
            self.times[row] = self.times[2 * row];
            self.values.copy_within(2 * row * width..(2 * row + 1) * width, row * width);
        }
        self.times.truncate(kept);
        self.values.truncate(kept * width);
        self.interval = self.interval.saturating_mul(2);
        let last = self.times.last().copied().unwrap_or(Instant::ZERO);
        self.next = last + self.interval;
    }

    /// Samples in order of time.
    pub fn rows(&self) -> impl Iterator<Item = (Instant, &[u64])> {
        let width = self.names.len();
        self.times.iter().enumerate().map(move |(ix, &at)| (at, &self.values[ix * width..(ix + 1) * width]))
    }

    /// RFC 4180 text without carriage returns: `time_s` and the metrics.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::from("time_s");
        for name in &self.names {
            out.push(',');
            if name.contains([',', '"', '\n']) {
                out.push_str(&format!("\"{}\"", name.replace('"', "\"\"")));
            } else {
                out.push_str(name);
            }
        }
        out.push('\n');
        for (at, row) in self.rows() {
            out.push_str(&at.to_string());
            for value in row {
                out.push_str(&format!(",{value}"));
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(n: u64, limit: usize) -> Series {
        let mut series = Series::new(vec!["a".into(), "recvq[28,\"x\"]".into()], Duration::from_secs(1), limit);
        for second in 0..n {
            series.push(Instant::ZERO + Duration::from_secs(second), &[second, second * 2]);
        }
        series
    }

    #[test]
    fn csv_quotes_names() {
        assert_eq!(sampled(2, 8).csv(), "time_s,a,\"recvq[28,\"\"x\"\"]\"\n0.000000,0,0\n1.000000,1,2\n");
    }

    #[test]
    fn a_full_series_keeps_every_second_sample() {
        for limit in [2, 15, 16] {
            let series = sampled(1_000, limit);
            let rows: Vec<_> = series.rows().collect();
            assert!((limit / 2..=limit).contains(&rows.len()), "{} of {limit}", rows.len());
            let steps: Vec<_> = rows.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
            assert!(steps.windows(2).all(|pair| pair[0] == pair[1]), "{rows:?}");
            assert!(rows.iter().all(|(at, row)| row[0] * 1_000_000_000 == at.nanos() && row[1] == row[0] * 2));
        }
    }

    #[test]
    fn early_samples_are_left_out() {
        let mut series = sampled(2, 8);
        series.push(Instant::ZERO + Duration::from_millis(1_500), &[9, 9]);
        assert_eq!(series.rows().count(), 2);
        assert_eq!(series.next_at(), Instant::ZERO + Duration::from_secs(2));
    }
}
