//! A bar on the terminal's stderr for runs that take a while.
#![expect(clippy::disallowed_types, reason = "how long the reader has waited is wall-clock time; it reaches no result")]

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs shorter than this show no bar.
const PATIENCE: Duration = Duration::from_millis(700);

/// The bar, hidden until the reader's patience is over; never drawn where
/// stderr is not a terminal.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    shown: bool,
}

impl Progress {
    /// A bar for `scenario`.
    pub fn new(scenario: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        bar.set_prefix(scenario.to_string());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:40} {percent:>3} % {msg}") {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now(), shown: false }
    }

    /// Virtual time `now_ns` of `end_ns` is reached.
    pub fn update(&mut self, now_ns: u64, end_ns: u64) {
        if !self.shown {
            if self.started.elapsed() < PATIENCE {
                return;
            }
            self.shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_length(end_ns);
        self.bar.set_position(now_ns);
        self.bar.set_message(format!("{} s", now_ns / 1_000_000_000));
    }
}

/// A bar for many runs, with how many are finished and how long the rest will take.
pub struct PointProgress {
    bar: ProgressBar,
}

impl PointProgress {
    /// A bar for `total` runs.
    pub fn new(total: usize) -> Self {
        let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} (ETA {eta})") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// One more run is finished.
    pub fn finished(&self) {
        self.bar.inc(1);
    }
}

/// The reader's patience in wall-clock time: how long something took, and whether it is over.
#[derive(Clone, Copy)]
pub struct Stopwatch {
    started: Instant,
    limit: Option<Duration>,
}

impl Stopwatch {
    /// Starts now; over after `limit`, if one is given.
    pub fn start(limit: Option<Duration>) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The limit has passed.
    pub fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.elapsed() >= limit)
    }

    /// What remains of the limit.
    pub fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.elapsed()))
    }
}

impl Drop for PointProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
