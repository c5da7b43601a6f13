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

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
