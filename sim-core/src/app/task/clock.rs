//! tokio's clock, stopped, and moved by the simulation.
//!
//! tokio does not tell when its next timer is due. So it is asked: a runtime
//! whose clock is paused jumps to its earliest timer as soon as it has nothing
//! to run. A timer of ours ends each such jump at the moment of the world's next
//! event at the latest, and hooks of the runtime stop it before any task runs.

use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::{Builder, Runtime};
use tokio::time as tokio_time;

use super::executor::Executor;
use crate::time::{Duration, Instant};

/// Timers of tokio are due at whole milliseconds since the runtime began.
const TICK_NS: u64 = 1_000_000;

/// What the runtime's hooks do.
#[derive(Debug, Default)]
struct Hooks {
    /// Wakes the main future before the runtime waits: everything has run.
    on_park: AtomicBool,
    /// Wakes it right after the clock jumped.
    on_unpark: AtomicBool,
    idle: AtomicBool,
    main: Mutex<Option<Waker>>,
}

impl Hooks {
    fn fire(&self, wanted: &AtomicBool) {
        if wanted.load(Ordering::Relaxed) {
            self.idle.store(true, Ordering::Relaxed);
            let main = self.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            if let Some(main) = main {
                main.wake();
            }
        }
    }

    fn arm(&self, on_park: bool) {
        self.idle.store(false, Ordering::Relaxed);
        self.on_park.store(on_park, Ordering::Relaxed);
        self.on_unpark.store(!on_park, Ordering::Relaxed);
    }
}

pub(super) struct Clock {
    runtime: Runtime,
    hooks: Arc<Hooks>,
    /// Virtual time when the runtime was made, and tokio's name for it.
    start: Instant,
    tokio_start: tokio_time::Instant,
    /// Virtual time that tokio's clock shows.
    at: Instant,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        let hooks = Arc::new(Hooks::default());
        let (park, unpark) = (Arc::clone(&hooks), Arc::clone(&hooks));
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(move || park.fire(&park.on_park))
            .on_thread_unpark(move || unpark.fire(&unpark.on_unpark))
            .build()
            .expect("a runtime without IO needs nothing of the system");
        let tokio_start = runtime.block_on(async { tokio_time::Instant::now() });
        Self { runtime, hooks, start: now, tokio_start, at: now }
    }

    /// Moves the clock to `now` and runs tasks, ours and tokio's, until all wait.
    pub(super) fn run(&mut self, now: Instant, executor: &mut Executor) {
        let gap = core::time::Duration::from_nanos(now.since(self.at).nanos());
        self.at = now;
        let hooks = &self.hooks;
        hooks.arm(true);
        let ready = Arc::clone(&executor.ready);
        self.runtime.block_on(async {
            if !gap.is_zero() {
                tokio_time::advance(gap).await;
            }
            poll_fn(|cx| {
                *hooks.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(cx.waker().clone());
                ready.set_main(Some(cx.waker().clone()));
                let mut ran = false;
                while executor.poll_one() {
                    ran = true;
                }
                if ran {
                    hooks.idle.store(false, Ordering::Relaxed);
                    return Poll::Pending;
                }
                if hooks.idle.swap(false, Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
        ready.set_main(None);
        *hooks.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    /// Moves the clock on to its next timer if that is due by `limit`: when. No task runs.
    pub(super) fn next_timer(&mut self, limit: Instant) -> Option<Instant> {
        let ticks = limit.since(self.start).nanos() / TICK_NS;
        let end = self.start + Duration::from_nanos(ticks.saturating_mul(TICK_NS));
        if end <= self.at || limit == Instant::MAX && ticks == 0 {
            return None;
        }
        // Far enough for any test, and near enough for tokio's timer wheel (two years).
        let far = self.at + Duration::from_secs(30 * 24 * 3_600);
        let end = end.min(far);
        let deadline = self.tokio_start + core::time::Duration::from_nanos(end.since(self.start).nanos());
        let hooks = &self.hooks;
        hooks.arm(false);
        self.runtime.block_on(async {
            let mut sleep = core::pin::pin!(tokio_time::sleep_until(deadline));
            let mut jumped = false;
            poll_fn(|cx| {
                *hooks.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(cx.waker().clone());
                if core::mem::replace(&mut jumped, true) {
                    return Poll::Ready(());
                }
                sleep.as_mut().poll(cx).map(drop)
            })
            .await;
        });
        *hooks.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        let _entered = self.runtime.enter();
        let passed = tokio_time::Instant::now().duration_since(self.tokio_start);
        let at = self.start + Duration::from_nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX));
        self.at = at;
        // At the far end nothing was due; the world asks again.
        Some(at)
    }
}
