//! `sar`, `perf`, `strace`, `tcpdump`: commands that watch while time passes.

use super::{Answer, Cx, Says};
use crate::observe::span::SpanView;
use crate::observe::tools::{View, ViewOptions};
use crate::say;
use crate::sim::SimError;
use crate::time::Duration;
use crate::units::{Pid, Port};

/// What a command asks of its view.
#[derive(Default)]
struct Asked {
    options: ViewOptions,
    length: Option<Duration>,
    every: Option<Duration>,
    /// Lines wanted (`tcpdump -c`).
    lines: Option<usize>,
}

/// A view by its own name: for as long as such a tool usually runs.
pub(super) fn view(cx: &mut Cx<'_>, view: View, options: ViewOptions) -> Result<Answer, SimError> {
    run(cx, view, Asked { options, ..Asked::default() })
}

/// `sar [-P ALL] [-u] [INTERVAL [COUNT]]`.
pub(super) fn sar(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut numbers = Vec::new();
    for arg in args {
        match (arg.as_str(), arg.parse::<u64>()) {
            ("-P" | "ALL" | "-u", _) => {}
            (_, Ok(number)) if number > 0 => numbers.push(number),
            (option, _) => return Ok(cx.option_not_simulated("sar", option)),
        }
    }
    let every = Duration::from_secs(numbers.first().copied().unwrap_or(1));
    let count = numbers.get(1).copied().unwrap_or(5);
    run(cx, View::Sar, Asked { length: Some(every.saturating_mul(count)), every: Some(every), ..Asked::default() })
}

/// `perf top -p PID`, `perf trace [-s] -p PID [-- sleep N]`.
pub(super) fn perf(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut view = match args.first().map(String::as_str) {
        Some("top") => View::PerfTop,
        Some("trace") => View::PerfTrace,
        Some(other) => return Ok(cx.option_not_simulated("perf", other)),
        None => return Ok(cx.option_not_simulated("perf", "")),
    };
    let mut asked = Asked::default();
    let mut rest = args[1..].iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "-s" | "--summary" if view == View::PerfTrace => view = View::PerfTraceS,
            "-p" | "--pid" => asked.options.pid = rest.next().and_then(|pid| pid.parse().ok()).map(Pid),
            "--" | "sleep" => {}
            seconds if seconds.parse::<f64>().is_ok() => {
                asked.length = crate::scenario::duration(&format!("{seconds}s")).ok();
            }
            option => return Ok(cx.option_not_simulated("perf", option)),
        }
    }
    run(cx, view, asked)
}

/// `strace [-f] [-tt] [-T] -p PID`.
pub(super) fn strace(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut asked = Asked::default();
    let mut rest = args.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "-p" => asked.options.pid = rest.next().and_then(|pid| pid.parse().ok()).map(Pid),
            "-f" | "-tt" | "-T" | "-ttT" | "-fttT" => {}
            option => return Ok(cx.option_not_simulated("strace", option)),
        }
    }
    run(cx, View::Strace, asked)
}

/// `tcpdump [-n] [-i any] [-c COUNT] [port PORT]`.
pub(super) fn tcpdump(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut asked = Asked::default();
    let mut rest = args.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "-n" | "-nn" | "tcp" | "and" | "-l" => {}
            "-i" => drop(rest.next()),
            "-c" => asked.lines = rest.next().and_then(|count| count.parse().ok()),
            "port" => asked.options.port = rest.next().and_then(|port| port.parse().ok()).map(Port),
            option => return Ok(cx.option_not_simulated("tcpdump", option)),
        }
    }
    run(cx, View::Tcpdump, asked)
}

fn run(cx: &mut Cx<'_>, view: View, asked: Asked) -> Result<Answer, SimError> {
    let lang = cx.shell.lang;
    let complaint = |error: crate::observe::ViewError| Answer::fails(1, format!("halfclose: {}\n", error.text(lang)));
    let Some(watching) = view.watching() else {
        return Ok(view.render(&cx.view(), &asked.options).map_or_else(complaint, Answer::out));
    };
    let length = asked.length.unwrap_or(watching.length);
    let Some(to) = cx.run.world().now().checked_add(length) else {
        return Ok(Answer::fails(2, format!("{}\n", say!(lang, Says::AdvanceUsage))));
    };
    let host = cx.run.host(cx.shell.host);
    let every = asked.every.unwrap_or(watching.every);
    let seen = SpanView::watch(cx.run, host, to, every, watching.wanted, cx.observer)?;
    let answer = match view.render_span(&seen, &asked.options) {
        Ok(text) => Answer::out(match asked.lines {
            None => text,
            Some(lines) => text.lines().take(lines).map(|line| format!("{line}\n")).collect(),
        }),
        Err(error) => complaint(error),
    };
    let status = if cx.run.is_interrupted() { super::time::INTERRUPTED } else { answer.status };
    Ok(Answer { status, ..answer })
}
