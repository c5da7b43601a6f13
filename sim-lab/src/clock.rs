//! The clocks of the real machine, in nanoseconds.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_MONOTONIC`.
pub(crate) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// CPU time of this thread.
pub(crate) fn thread_cpu() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

/// Sleeps until a time of [`now`].
pub(crate) fn sleep_until(at: u64) {
    std::thread::sleep(Duration::from_nanos(at.saturating_sub(now())));
}

/// A span as the kernel takes it.
pub(crate) fn timespec(span: halfclose::time::Duration) -> Timespec {
    const SECOND: u64 = 1_000_000_000;
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Timespec { tv_sec: whole(span.nanos() / SECOND), tv_nsec: whole(span.nanos() % SECOND) }
}

fn nanos(time: Timespec) -> u64 {
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}
