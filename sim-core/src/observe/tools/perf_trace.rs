//! `perf trace -p PID`, with and without `-s` (tools/perf/builtin-trace.c).
//!
//! The perf of the write-up sees the entries of calls with a path, an address or
//! a timespec through a BPF program, and does not count them: it prints such a
//! call as `... [continued]: NAME()`, timed from the entry of the call before in
//! the same thread, and its summary adds up these times. So does this one, or no
//! line and no sum would compare.
#![expect(clippy::float_arithmetic, reason = "milliseconds and shares for people")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::traced::{Bare, bare, name, returned, returned_text, tid};
use crate::app::CallName;
use crate::observe::span::SpanView;
use crate::observe::view::{FdTarget, ProcessView};
use crate::time::{Duration, Instant};
use crate::trace::{CallArgs, CallSeen};
use crate::units::{Fd, Pid};

/// Column of the return value (`args_alignment`).
const RETURN_COLUMN: usize = 70;
/// Stack and heap addresses, which the model does not have: any would do.
const STACK: u64 = 0x7e67_8543_b000;
const HEAP: u64 = 0x7e67_790a_1f90;

/// Calls of one name in one thread.
#[derive(Clone, Debug, PartialEq)]
pub struct CallSum {
    /// The call's name.
    pub name: &'static str,
    /// How many completed.
    pub calls: u64,
    /// How many failed.
    pub errors: u64,
    /// Time in them, waiting included, in ms.
    pub total_ms: f64,
    /// Shortest, in ms.
    pub min_ms: f64,
    /// Mean, in ms.
    pub avg_ms: f64,
    /// Longest, in ms.
    pub max_ms: f64,
    /// Standard error of the mean, in per cent of it.
    pub stddev_percent: f64,
}

/// What one thread did.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadSum {
    /// Thread id.
    pub tid: u32,
    /// Entries and exits counted.
    pub events: u64,
    /// Its share of all events, in per cent.
    pub share_percent: f64,
    /// By call, longest total first.
    pub calls: Vec<CallSum>,
}

/// The summary of `-s` as numbers, threads by id. A thread that completes no
/// call in the span is not in it.
#[must_use]
pub fn summary(span: &SpanView, pid: Pid) -> Vec<ThreadSum> {
    let mut threads: BTreeMap<u32, (u64, BTreeMap<&'static str, Stats>)> = BTreeMap::new();
    for timed in timed(span, pid) {
        let (events, calls) = threads.entry(tid(timed.call)).or_default();
        *events += 1 + u64::from(timed.entry_counted);
        let stats = calls.entry(timed.name.name()).or_default();
        stats.add(timed.took, returned(timed.call).is_err());
    }
    let all: u64 = threads.values().map(|(events, _)| events).sum();
    let sums = threads.into_iter().map(|(tid, (events, calls))| {
        let mut calls: Vec<CallSum> = calls.into_iter().map(|(name, stats)| stats.sum(name)).collect();
        calls.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        ThreadSum { tid, events, share_percent: events as f64 * 100.0 / all.max(1) as f64, calls }
    });
    sums.collect()
}

/// The summary as `perf trace -s` prints it.
#[must_use]
pub fn perf_trace_s(span: &SpanView, process: &ProcessView) -> String {
    let mut out = String::from("\n Summary of events:\n\n");
    for thread in summary(span, process.pid) {
        let _ = write!(
            out,
            " {} ({}), {} events, {:.1}%\n\n\
             \x20  syscall            calls  errors  total       min       avg       max       stddev\n\
             \x20                                    (msec)    (msec)    (msec)    (msec)        (%)\n\
             \x20  --------------- --------  ------ -------- --------- --------- ---------     ------\n",
            process.name, thread.tid, thread.events, thread.share_percent
        );
        for sum in &thread.calls {
            let _ = writeln!(
                out,
                "   {:<15} {:>8} {:>6} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.2}%",
                sum.name, sum.calls, sum.errors, sum.total_ms, sum.min_ms, sum.avg_ms, sum.max_ms, sum.stddev_percent
            );
        }
        out.push_str("\n\n");
    }
    out
}

/// Every call of the process, as `perf trace` prints it: milliseconds since it
/// began, duration, thread, arguments by name.
#[must_use]
pub fn perf_trace(span: &SpanView, process: &ProcessView) -> String {
    let names: BTreeMap<Fd, String> = process.fds.iter().map(|fd| (fd.fd, target(&fd.target))).collect();
    let mut out = String::new();
    for timed in timed(span, process.pid) {
        let text = if timed.continued {
            format!(" ... [continued]: {}()", timed.name.name())
        } else {
            format!("{}({}", timed.name.name(), arguments(timed.call, timed.name, &names))
        };
        let pad = RETURN_COLUMN.saturating_sub(text.chars().count() + 1).max(1);
        let when = match timed.since {
            Some(since) => format!("{:>10.3} ({:>6.3} ms)", millis(since.since(span.from)), millis(timed.took)),
            None => format!("{:>10} ({:>9})", "?", ""),
        };
        let _ = writeln!(
            out,
            "{when}: {}/{} {text}){:pad$}= {}",
            process.name,
            tid(timed.call),
            "",
            returned_text(timed.call)
        );
    }
    out
}

/// A call with the times perf gives it.
struct Timed<'a> {
    call: &'a CallSeen,
    name: CallName,
    /// The entry it is timed from; one before the trace began was not seen.
    since: Option<Instant>,
    /// Zero without an entry, as perf counts it.
    took: Duration,
    /// Its entry is an event of its own.
    entry_counted: bool,
    continued: bool,
}

fn timed(span: &SpanView, pid: Pid) -> impl Iterator<Item = Timed<'_>> {
    let mut entries: BTreeMap<u32, Instant> = BTreeMap::new();
    span.calls.iter().map(|traced| &traced.call).filter(move |call| call.pid == pid).filter_map(move |call| {
        let name = name(call)?;
        let hidden = entered_through_bpf(name);
        let seen = call.entered >= span.from;
        let thread = tid(call);
        if seen && !hidden {
            entries.insert(thread, call.entered);
        }
        let since = entries.get(&thread).copied();
        let took = since.map_or(Duration::ZERO, |since| call.at.since(since));
        Some(Timed { call, name, since, took, entry_counted: seen && !hidden, continued: hidden || !seen })
    })
}

/// Calls whose entry perf's `augmented_raw_syscalls` program takes over: those
/// with a path, a socket address or a timespec to copy.
const fn entered_through_bpf(name: CallName) -> bool {
    matches!(
        name,
        CallName::Nanosleep
            | CallName::Open
            | CallName::Stat
            | CallName::Connect
            | CallName::Send
            | CallName::SendTo
            | CallName::Recv
    )
}

fn millis(span: Duration) -> f64 {
    span.nanos() as f64 / 1e6
}

/// Running statistics of perf's `util/stat.c` (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    n: u64,
    errors: u64,
    total: f64,
    mean: f64,
    m2: f64,
    min: Option<f64>,
    max: f64,
}

impl Stats {
    fn add(&mut self, took: Duration, failed: bool) {
        let value = millis(took);
        self.n += 1;
        self.errors += u64::from(failed);
        self.total += value;
        let delta = value - self.mean;
        self.mean += delta / self.n as f64;
        self.m2 += delta * (value - self.mean);
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = self.max.max(value);
    }

    fn sum(self, name: &'static str) -> CallSum {
        let error_of_mean = if self.n < 2 { 0.0 } else { (self.m2 / (self.n - 1) as f64 / self.n as f64).sqrt() };
        CallSum {
            name,
            calls: self.n,
            errors: self.errors,
            total_ms: self.total,
            min_ms: self.min.unwrap_or(0.0),
            avg_ms: self.mean,
            max_ms: self.max,
            stddev_percent: if self.mean > 0.0 { 100.0 * error_of_mean / self.mean } else { 0.0 },
        }
    }
}

fn target(target: &FdTarget) -> String {
    match target {
        FdTarget::Socket(inode) => format!("socket:[{inode}]"),
        FdTarget::Pipe(inode) => format!("pipe:[{inode}]"),
        FdTarget::File(path) => path.clone(),
        FdTarget::Anon(name) => format!("anon_inode:[{name}]"),
    }
}

/// Arguments by name. perf reads what a descriptor refers to when it prints, a
/// moment later: what stands behind a number is what has it at the end of the span.
fn arguments(call: &CallSeen, name: CallName, names: &BTreeMap<Fd, String>) -> String {
    let fd = |fd: Fd| names.get(&fd).map_or_else(|| format!("fd: {fd}"), |name| format!("fd: {fd}<{name}>"));
    let own = call.fd.map(fd).unwrap_or_default();
    let stack = |offset: u64| format!("{:#x}", STACK + offset);
    match &call.args {
        CallArgs::Socket { inet6, dgram, nonblock } => {
            let family = if *inet6 { "INET6" } else { "INET" };
            let (ty, protocol) = if *dgram { ("DGRAM", "") } else { ("STREAM", ", protocol: TCP") };
            let flags = if *nonblock { "|CLOEXEC|NONBLOCK" } else { "" };
            format!("family: {family}, type: {ty}{flags}{protocol}")
        }
        CallArgs::Addr(_) if name == CallName::Bind => {
            format!("{own}, umyaddr: {}, addrlen: 16", stack(0x840))
        }
        CallArgs::Addr(_) => format!("{own}, usockaddr: {}, usockaddr_len: {}", stack(0x840), stack(0x83c)),
        CallArgs::Backlog(backlog) => format!("{own}, backlog: {backlog}"),
        CallArgs::Accepted { nonblock, .. } => {
            let flags = if *nonblock { "CLOEXEC|NONBLOCK" } else { "CLOEXEC" };
            format!("{own}, upeer_sockaddr: {}, upeer_addrlen: {}, flags: {flags}", stack(0x8b0), stack(0x8ac))
        }
        CallArgs::SentMany(datagrams) => {
            format!("{own}, mmsg: {}, vlen: {}, flags: NOSIGNAL", stack(0x940), datagrams.len())
        }
        CallArgs::How(how) => format!("{own}, how: {how}"),
        CallArgs::Poll { fds, timeout_ms } => {
            let ufds = if timeout_ms.is_none() { stack(0x23b0) } else { stack(0x918) };
            // -1 as an unsigned number; 0 is not printed.
            let timeout = match timeout_ms {
                None => format!(", timeout_msecs: {}", u32::MAX),
                Some(0) => String::new(),
                Some(ms) => format!(", timeout_msecs: {ms}"),
            };
            format!("ufds: {ufds}, nfds: {}{timeout}", fds.len())
        }
        CallArgs::SetFlags { nonblock } => {
            format!("{own}, cmd: SETFL{}", if *nonblock { ", arg: RDONLY|NONBLOCK" } else { "" })
        }
        CallArgs::GetFlags => format!("{own}, cmd: GETFL"),
        CallArgs::Option { level, name: option, .. } => {
            let level = match level {
                0 => "IP".to_owned(),
                6 => "TCP".to_owned(),
                41 => "IPV6".to_owned(),
                other => other.to_string(),
            };
            if name == CallName::GetSockOpt {
                let (optval, optlen) = (stack(0x2400), stack(0x2404));
                format!("{own}, level: {level}, optname: {option}, optval: {optval}, optlen: {optlen}")
            } else {
                format!("{own}, level: {level}, optname: {option}, optval: {}, optlen: 4", stack(0x794))
            }
        }
        CallArgs::Count(count) => format!("{own}, buf: {HEAP:#x}, count: {count}"),
        CallArgs::Wait(_) => format!("uaddr: {}, op: WAIT|PRIVATE_FLAG", stack(0x3910)),
        // Their entries are not seen.
        CallArgs::Sent { .. } | CallArgs::Received { .. } | CallArgs::Path(_) | CallArgs::Sleep(_) => String::new(),
        CallArgs::None => match bare(name) {
            Bare::Nothing => String::new(),
            Bare::Fd => own,
            Bare::Fstat => format!("{own}, statbuf: {}", stack(0x1950)),
            Bare::Lseek => format!("{own}, whence: SET"),
            Bare::Fionread => format!("{own}, cmd: FIONREAD, arg: {}", stack(0x8dc)),
            Bare::Mprotect => format!("start: {:#x}, len: 16384, prot: READ|WRITE", HEAP & !0xfff),
            Bare::Rlimit(_) => "resource: NOFILE".to_owned(),
            Bare::Thread => "clone_flags: VM|FS|FILES|SIGHAND|THREAD".to_owned(),
        },
    }
}
