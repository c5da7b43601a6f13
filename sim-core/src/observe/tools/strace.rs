//! `strace -f -tt -T -p PID` (strace 6.1, compared line by line with the real
//! one on a client that makes the calls of the outage).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::traced::{Bare, bare, name, poll_bits, returned, returned_text, sockaddr, tid};
use crate::app::CallName;
use crate::errno::Errno;
use crate::observe::calendar::Civil;
use crate::observe::span::SpanView;
use crate::observe::view::ProcessView;
use crate::time::{Duration, Instant};
use crate::trace::{CallArgs, CallSeen};
use crate::wire::Payload;

/// Bytes of a buffer that are shown (`-s 32`).
const STRING_LIMIT: usize = 32;
/// Column of the return value (`-a 40`).
const RETURN_COLUMN: usize = 40;

/// What the tool prints of a process that it follows from the begin of the span
/// to its end. A call that another thread interrupts is split into
/// `<unfinished ...>` and `resumed`. A call the thread is in when the tool
/// attaches, if it waits, is entered anew then; a wait with an end goes on by
/// `restart_syscall`, whose former name strace 6.1 does not know and calls read.
#[must_use]
pub fn strace(span: &SpanView, process: &ProcessView) -> String {
    let lines = lines(span, process);
    let threads: BTreeSet<u32> = lines.iter().map(|line| tid(line.call)).collect();
    let events = events(&lines);
    let mut out = String::new();
    let mut at = 0;
    while let Some(&(when, ends, index)) = events.get(at) {
        let seen = &lines[index];
        let text = Text::of(seen);
        let mut line = String::new();
        if threads.len() > 1 {
            let _ = write!(line, "[pid {:>5}] ", tid(seen.call));
        }
        let _ = write!(line, "{} ", clock(span, when));
        let whole = !ends && events.get(at + 1).is_some_and(|next| next.2 == index);
        if !ends && !whole {
            let last = at + 1 == events.len();
            let _ = writeln!(out, "{line}{} {}", text.entry, if last { "<detached ...>" } else { "<unfinished ...>" });
            at += 1;
            continue;
        }
        if whole {
            let _ = write!(line, "{}{})", text.entry, text.exit);
            at += 1;
        } else {
            let _ = write!(line, "<... {} resumed>{})", text.name, text.exit);
        }
        let pad = RETURN_COLUMN.saturating_sub(line.chars().count()).max(1);
        let took = seen.call.at.since(seen.entered).as_micros();
        let (seconds, micros) = (took / 1_000_000, took % 1_000_000);
        let _ = writeln!(out, "{line}{:pad$}= {}{} <{seconds}.{micros:06}>", "", returned_text(seen.call), text.tail);
        at += 1;
    }
    out
}

/// A call as the tool sees it.
struct Seen<'a> {
    call: &'a CallSeen,
    /// Its entry, or when the tool attached.
    entered: Instant,
    /// It was under way when the tool attached.
    attached: bool,
    /// It came to its end.
    ended: bool,
}

/// The calls of the span, then those the threads are in at its end.
fn lines<'a>(span: &'a SpanView, process: &'a ProcessView) -> Vec<Seen<'a>> {
    let of_process = |call: &&CallSeen| call.pid == process.pid && name(call).is_some();
    let ended = span.calls.iter().map(|traced| &traced.call).filter(of_process).map(|call| (call, true));
    let under_way = process.calls.iter().filter(of_process).map(|call| (call, false));
    ended
        .chain(under_way)
        .map(|(call, ended)| Seen {
            call,
            entered: call.entered.max(span.from),
            attached: call.entered < span.from,
            ended,
        })
        .filter(|seen| !seen.attached || waits(seen.call, span.from))
        .collect()
}

/// True if attaching interrupts the call: it waits. One that is on a CPU then
/// comes to its end before the thread stops, unseen.
fn waits(call: &CallSeen, at: Instant) -> bool {
    let may_wait = match call.args {
        CallArgs::Sleep(_) | CallArgs::Poll { .. } | CallArgs::Wait(_) => true,
        CallArgs::Accepted { .. } | CallArgs::Received { .. } | CallArgs::Sent { .. } => true,
        CallArgs::Addr(_) => !matches!(call.result, Err(Errno::InProgress | Errno::AddrNotAvail)),
        CallArgs::None
        | CallArgs::Socket { .. }
        | CallArgs::Backlog(_)
        | CallArgs::SentMany(_)
        | CallArgs::How(_)
        | CallArgs::SetFlags { .. }
        | CallArgs::GetFlags
        | CallArgs::Option { .. }
        | CallArgs::Path(_)
        | CallArgs::Count(_) => false,
    };
    may_wait && call.entered + call.cpu <= at
}

/// Entries and exits in the order of time: (when, is it the exit, which call).
fn events(lines: &[Seen<'_>]) -> Vec<(Instant, bool, usize)> {
    let mut events = Vec::with_capacity(lines.len() * 2);
    for (index, line) in lines.iter().enumerate() {
        events.push((line.entered, false, index));
        if line.ended {
            events.push((line.call.at, true, index));
        }
    }
    // A thread's exit comes before its next entry at the same instant.
    events.sort_by_key(|&(when, ends, index)| (when, index, ends));
    events
}

fn clock(span: &SpanView, at: Instant) -> String {
    let time = Civil::from_unix(span.host.start_unix + at.nanos() / 1_000_000_000);
    let micros = at.nanos() % 1_000_000_000 / 1_000;
    format!("{:02}:{:02}:{:02}.{micros:06}", time.hour, time.minute, time.second)
}

/// The parts of a line: what is known at entry, what at exit, what follows the value.
struct Text {
    name: &'static str,
    entry: String,
    exit: String,
    tail: String,
}

impl Text {
    fn of(seen: &Seen<'_>) -> Self {
        let call = seen.call;
        let call_name = name(call).expect("calls without a name are left out");
        let restarts = matches!(call.args, CallArgs::Sleep(_) | CallArgs::Poll { .. } | CallArgs::Wait(Some(_)));
        if seen.attached && restarts {
            let entry = "restart_syscall(<... resuming interrupted read ...>".to_owned();
            return Self { name: "restart_syscall", entry, exit: String::new(), tail: String::new() };
        }
        let fd = call.fd.map_or(0, |fd| fd.0);
        let (entry, exit, tail) = parts(call, call_name, fd);
        let shown = call_name.name();
        Self { name: shown, entry: format!("{shown}({entry}"), exit, tail }
    }
}

/// Arguments at entry and at exit, and what stands behind the return value.
fn parts(call: &CallSeen, name: CallName, fd: u32) -> (String, String, String) {
    let failed = returned(call).is_err();
    let (mut exit, mut tail) = (String::new(), String::new());
    let entry = match &call.args {
        CallArgs::Socket { inet6, dgram, nonblock } => {
            let family = if *inet6 { "AF_INET6" } else { "AF_INET" };
            let flags = if *nonblock { "|SOCK_CLOEXEC|SOCK_NONBLOCK" } else { "" };
            let (ty, protocol) = if *dgram { ("SOCK_DGRAM", "IPPROTO_IP") } else { ("SOCK_STREAM", "IPPROTO_TCP") };
            format!("{family}, {ty}{flags}, {protocol}")
        }
        CallArgs::Addr(end) if matches!(name, CallName::GetSockName | CallName::GetPeerName) => {
            exit = format!("{}, [16]", sockaddr(*end));
            format!("{fd}, ")
        }
        CallArgs::Addr(end) => format!("{fd}, {}, 16", sockaddr(*end)),
        CallArgs::Backlog(backlog) => format!("{fd}, {backlog}"),
        CallArgs::Accepted { peer, nonblock } => {
            let flags = if *nonblock { "SOCK_CLOEXEC|SOCK_NONBLOCK" } else { "SOCK_CLOEXEC" };
            let peer = peer.map_or_else(|| "NULL, NULL".to_owned(), |end| format!("{}, [128 => 16]", sockaddr(end)));
            exit = format!("{peer}, {flags}");
            format!("{fd}, ")
        }
        CallArgs::Sent { data, to } => {
            let to = to.map_or_else(|| "NULL, 0".to_owned(), |end| format!("{}, 16", sockaddr(end)));
            format!("{fd}, {}, {}, MSG_NOSIGNAL, {to}", quoted(data), data.len())
        }
        CallArgs::SentMany(datagrams) => {
            let one = |data: &Payload| {
                format!(
                    "{{msg_hdr={{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base={}, iov_len={}}}], msg_iovlen=1, \
                     msg_controllen=0, msg_flags=0}}, msg_len={}}}",
                    quoted(data),
                    data.len(),
                    data.len()
                )
            };
            let all: Vec<String> = datagrams.iter().map(one).collect();
            exit = format!("[{}], {}, MSG_NOSIGNAL", all.join(", "), datagrams.len());
            format!("{fd}, ")
        }
        CallArgs::Received { max, peek, dontwait, data, from } => {
            let flags = match (peek, dontwait) {
                (false, false) => "0",
                (false, true) => "MSG_DONTWAIT",
                (true, false) => "MSG_PEEK",
                (true, true) => "MSG_PEEK|MSG_DONTWAIT",
            };
            let buffer = if failed { "0x7e67790a1f90".to_owned() } else { quoted(data) };
            let from = from.map_or_else(|| "NULL, NULL".to_owned(), |end| format!("{}, [28 => 16]", sockaddr(end)));
            exit = format!("{buffer}, {max}, {flags}, {from}");
            format!("{fd}, ")
        }
        CallArgs::How(how) => {
            let how = match how {
                0 => "SHUT_RD",
                1 => "SHUT_WR",
                _ => "SHUT_RDWR",
            };
            format!("{fd}, {how}")
        }
        CallArgs::Poll { fds, timeout_ms } => {
            let asked: Vec<String> =
                fds.iter().map(|(fd, events, _)| format!("{{fd={fd}, events={}}}", poll_bits(*events))).collect();
            let ready: Vec<String> = fds
                .iter()
                .filter(|(_, _, revents)| *revents != 0)
                .map(|(fd, _, revents)| format!("{{fd={fd}, revents={}}}", poll_bits(*revents)))
                .collect();
            tail = if ready.is_empty() { " (Timeout)".to_owned() } else { format!(" ([{}])", ready.join(", ")) };
            let timeout = timeout_ms.map_or_else(|| "-1".to_owned(), |ms| ms.to_string());
            format!("[{}], {}, {timeout}", asked.join(", "), fds.len())
        }
        CallArgs::SetFlags { nonblock } => {
            format!("{fd}, F_SETFL, O_RDONLY{}", if *nonblock { "|O_NONBLOCK" } else { "" })
        }
        CallArgs::GetFlags => {
            if let Ok(flags) = call.result {
                tail = format!(" (flags O_RDWR{})", if flags & 0o4000 != 0 { "|O_NONBLOCK" } else { "" });
            }
            format!("{fd}, F_GETFL")
        }
        CallArgs::Option { level, name: option, value } => {
            let (level, option) = option_names(*level, *option);
            if name == CallName::GetSockOpt {
                exit = format!("[{value}], [4]");
                format!("{fd}, {level}, {option}, ")
            } else {
                format!("{fd}, {level}, {option}, [{value}], 4")
            }
        }
        CallArgs::Path(path) if name == CallName::Stat => {
            exit = "{st_mode=S_IFREG|0644, ...}".to_owned();
            format!("\"{path}\", ")
        }
        CallArgs::Path(path) => format!("AT_FDCWD, \"{path}\", O_RDONLY|O_CLOEXEC"),
        CallArgs::Count(count) if name == CallName::Read => {
            exit = format!("\"\"{}, {count}", if call.result == Ok(0) { "" } else { "..." });
            format!("{fd}, ")
        }
        CallArgs::Count(count) => format!("{fd}, \"\"..., {count}"),
        CallArgs::Sleep(span) => {
            exit = "NULL".to_owned();
            format!("CLOCK_REALTIME, 0, {}, ", timespec(*span))
        }
        CallArgs::Wait(timeout) => {
            let timeout = timeout.map_or_else(|| "NULL".to_owned(), timespec);
            format!("0x7e678543e910, FUTEX_WAIT_PRIVATE, 0, {timeout}")
        }
        CallArgs::None => match bare(name) {
            Bare::Nothing => String::new(),
            Bare::Fd => fd.to_string(),
            Bare::Fstat => {
                exit = "{st_mode=S_IFREG|0644, ...}".to_owned();
                format!("{fd}, ")
            }
            Bare::Lseek => format!("{fd}, 0, SEEK_SET"),
            Bare::Fionread => {
                exit = call.result.map_or_else(|_| "0x7e678543b8dc".to_owned(), |bytes| format!("[{bytes}]"));
                format!("{fd}, FIONREAD, ")
            }
            Bare::Mprotect => "0x7e67790aa000, 16384, PROT_READ|PROT_WRITE".to_owned(),
            Bare::Rlimit(false) => "0, RLIMIT_NOFILE, NULL, ...".to_owned(),
            Bare::Rlimit(true) => "0, RLIMIT_NOFILE, ..., NULL".to_owned(),
            Bare::Thread => {
                "child_stack=..., flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD".to_owned()
            }
        },
    };
    (entry, exit, tail)
}

fn timespec(span: Duration) -> String {
    let ns = span.nanos();
    format!("{{tv_sec={}, tv_nsec={}}}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// Level and option as their C names.
fn option_names(level: u16, option: u16) -> (&'static str, String) {
    let (level, known): (&str, &[(u16, &str)]) = match level {
        0 => ("SOL_IP", &[(11, "IP_RECVERR"), (24, "IP_BIND_ADDRESS_NO_PORT"), (51, "IP_LOCAL_PORT_RANGE")]),
        1 => (
            "SOL_SOCKET",
            &[
                (2, "SO_REUSEADDR"),
                (4, "SO_ERROR"),
                (7, "SO_SNDBUF"),
                (8, "SO_RCVBUF"),
                (9, "SO_KEEPALIVE"),
                (13, "SO_LINGER"),
                (15, "SO_REUSEPORT"),
                (20, "SO_RCVTIMEO_OLD"),
                (21, "SO_SNDTIMEO_OLD"),
            ],
        ),
        6 => (
            "SOL_TCP",
            &[
                (1, "TCP_NODELAY"),
                (2, "TCP_MAXSEG"),
                (4, "TCP_KEEPIDLE"),
                (5, "TCP_KEEPINTVL"),
                (6, "TCP_KEEPCNT"),
                (7, "TCP_SYNCNT"),
                (8, "TCP_LINGER2"),
                (9, "TCP_DEFER_ACCEPT"),
                (12, "TCP_QUICKACK"),
                (18, "TCP_USER_TIMEOUT"),
            ],
        ),
        _ => ("SOL_IPV6", &[(26, "IPV6_V6ONLY")]),
    };
    let name = known.iter().find(|(number, _)| *number == option).map(|(_, name)| (*name).to_owned());
    (level, name.unwrap_or_else(|| format!("{option:#x}")))
}

/// The first 32 bytes as a C string; octal escapes as short as what follows allows.
fn quoted(data: &Payload) -> String {
    let bytes = data.to_vec();
    let shown = &bytes[..bytes.len().min(STRING_LIMIT)];
    let mut out = String::from("\"");
    for (at, &byte) in shown.iter().enumerate() {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x0b => out.push_str("\\v"),
            0x0c => out.push_str("\\f"),
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                let digit_follows = shown.get(at + 1).is_some_and(u8::is_ascii_digit);
                let _ = if digit_follows { write!(out, "\\{byte:03o}") } else { write!(out, "\\{byte:o}") };
            }
        }
    }
    out.push('"');
    if bytes.len() > STRING_LIMIT {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::units::Pid;

    /// Lines of strace 6.1 itself: one cycle of a client that makes these calls.
    #[test]
    fn lines_of_the_real_tool() {
        let golden = include_str!("../golden/strace.strace-6.1.txt");
        let process = ProcessView { pid: Pid(16_909), ..ProcessView::default() };
        let ours = strace(&sample::traced_cycle(), &process);
        assert_eq!(ours, golden);
    }

    #[test]
    fn escapes_are_as_short_as_they_can_be() {
        let of = |bytes: &[u8]| quoted(&Payload::from_bytes(bytes));
        assert_eq!(of(b"\x124\x01\0\x001\"\n"), "\"\\0224\\1\\0\\0001\\\"\\n\"");
        assert_eq!(of(&[b'a'; 33]), format!("\"{}\"...", "a".repeat(32)));
    }
}
