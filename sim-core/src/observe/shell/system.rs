//! Commands about the kernel's settings, limits and processes.

use super::{Answer, Cx, Says};
use crate::app::Limits;
use crate::errno::Errno;
use crate::observe::calendar::Civil;
use crate::observe::rlimits::{Resource, UNLIMITED};
use crate::observe::tools::{NetstatOptions, Servers, netstat_with, nstat, sysctl, ulimit_a, ulimit_n};
use crate::observe::view::HostView;
use crate::say;
use crate::scenario::{ActionKind, Signal};
use crate::sim::SimError;
use crate::text::nearest;
use crate::time::Duration;
use crate::trace::{Counters, Mib};
use crate::units::{HostId, ProcIx};

/// `netstat …`.
pub(super) fn netstat(cx: &Cx<'_>, args: &[String]) -> Answer {
    let mut options = NetstatOptions { servers: Servers::Not, ..NetstatOptions::all() };
    let mut only = (false, false);
    for arg in args {
        let letters = match arg.as_str() {
            "--all" => "a",
            "--listening" => "l",
            "--numeric" => "n",
            "--programs" => "p",
            "--timers" => "o",
            "--extend" => "e",
            "--tcp" => "t",
            "--udp" => "u",
            "--wide" => "W",
            "--statistics" => "s",
            short if short.len() > 1 && short.starts_with('-') && !short.starts_with("--") => &short[1..],
            other => return Answer::fails(4, format!("netstat: unrecognized option '{other}'\n")),
        };
        for letter in letters.chars() {
            match letter {
                'a' => options.servers = Servers::Too,
                'l' => options.servers = Servers::Only,
                'n' => options.numeric = true,
                'p' => options.programs = true,
                'o' => options.timers = true,
                'e' => options.extended = true,
                't' => only.0 = true,
                'u' => only.1 = true,
                'W' | 'v' | '4' => {}
                's' | 'r' | 'i' | 'g' | 'M' | 'c' | 'w' | 'x' | '6' | 'C' | 'F' | 'Z' | 'U' | 'S' => {
                    return cx.option_not_simulated("netstat", &format!("-{letter}"));
                }
                other => return Answer::fails(4, format!("netstat: invalid option -- '{other}'\n")),
            }
        }
    }
    options.only = (only != (false, false)).then_some(only);
    Answer::out(netstat_with(&cx.view(), &options))
}

/// `nstat [-a] [-z] [-s] [-r] [PATTERN…]`: what was counted since the last call.
pub(super) fn nstat_command(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let (mut absolute, mut zeros, mut keep, mut reset) = (false, false, false, false);
    let mut patterns = Vec::new();
    for arg in args {
        let letters = match arg.as_str() {
            "--ignore" => "a",
            "--zeros" => "z",
            "--noupdate" => "s",
            "--reset" => "r",
            short if short.len() > 1 && short.starts_with('-') && !short.starts_with("--") => &short[1..],
            long if long.starts_with("--") => return cx.option_not_simulated("nstat", long),
            pattern => {
                patterns.push(pattern.to_owned());
                continue;
            }
        };
        for letter in letters.chars() {
            match letter {
                'a' => absolute = true,
                'z' => zeros = true,
                's' => keep = true,
                'r' => reset = true,
                'n' | 'j' | 'p' | 'd' | 't' | 'h' | 'V' => {
                    return cx.option_not_simulated("nstat", &format!("-{letter}"));
                }
                other => return Answer::fails(255, format!("nstat: invalid option -- '{other}'\n")),
            }
        }
    }
    let now = cx.view().counters;
    let host = cx.shell.host;
    let before = if reset || absolute { None } else { cx.shell.counted.get(&host) };
    let mut shown = Counters::default();
    for &mib in Mib::ALL {
        shown.add(mib, now.get(mib).saturating_sub(before.map_or(0, |before| before.get(mib))));
    }
    if !keep {
        cx.shell.counted.insert(host, now);
    }
    let wanted = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let named = patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, name));
        line.starts_with('#') || (named && (zeros || value != "0"))
    };
    let text = nstat(&shown);
    Answer::out(text.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect())
}

/// A pattern of `nstat` and `ls`: `*` is any text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| glob(tail, &rest[at..]))
        }),
    }
}

/// `sysctl …`.
pub(super) fn sysctl_command(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let (mut all, mut write, mut values, mut names, mut quiet, mut ignore) = (false, false, false, false, false, false);
    let mut pattern = None;
    let mut asked = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all" => all = true,
            "--write" => write = true,
            "--values" => values = true,
            "--names" => names = true,
            "--quiet" => quiet = true,
            "--ignore" => ignore = true,
            "-r" | "--pattern" => pattern = args.next().cloned(),
            "-p" | "--load" | "--system" | "-f" | "-b" => return cx.option_not_simulated("sysctl", arg),
            letters if letters.len() > 1 && letters.starts_with('-') => {
                for letter in letters.chars().skip(1) {
                    match letter {
                        'a' | 'A' | 'X' => all = true,
                        'w' => write = true,
                        'n' => values = true,
                        'N' => names = true,
                        'q' => quiet = true,
                        'e' => ignore = true,
                        'o' | 'x' => {}
                        other => return Answer::fails(1, format!("sysctl: invalid option -- '{other}'\n")),
                    }
                }
            }
            _name => asked.push(arg.clone()),
        }
    }
    if !all && asked.is_empty() {
        return Answer::fails(1, "\nUsage:\n sysctl [options] [variable[=value] ...]\n".to_owned());
    }
    let line = |name: &str, value: &str| match (values, names) {
        (true, _) => format!("{value}\n"),
        (false, true) => format!("{name}\n"),
        (false, false) => format!("{name} = {value}\n"),
    };
    let mut answer = Answer::default();
    if all {
        let listing = sysctl(&cx.view());
        let matches = |name: &str| pattern.as_ref().is_none_or(|pattern| name.contains(pattern.as_str()));
        for (name, value) in listing.lines().filter_map(|line| line.split_once(" = ")) {
            if matches(name) {
                answer.out.push_str(&line(name, value));
            }
        }
        return answer;
    }
    let mut asked = asked.into_iter().peekable();
    while let Some(word) = asked.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
            // `sysctl -w name = value`, as people type it.
            None if asked.peek().is_some_and(|next| next == "=") => {
                asked.next();
                (word, asked.next())
            }
            None => (word, None),
        };
        let name = name.replace('/', ".");
        if value.is_none() && write {
            answer.add_error(1, "sysctl: command line(0): invalid syntax, continuing...\n");
            continue;
        }
        let mut settings = cx.view().sysctls;
        settings.push(("fs.file-nr".to_owned(), super::proc::file_nr(cx)));
        let Some((_, current)) = settings.iter().find(|(known, _)| *known == name) else {
            if !ignore {
                let path = name.replace('.', "/");
                answer.add_error(255, &format!("sysctl: cannot stat /proc/sys/{path}: No such file or directory\n"));
                let known = settings.iter().map(|(name, _)| name.as_str());
                if let Some(near) = nearest(&name, known) {
                    answer.err.push_str(&format!("{}\n", say!(cx.shell.lang, Says::DidYouMean, near)));
                }
            }
            continue;
        };
        let Some(value) = value else {
            answer.out.push_str(&line(&name, current));
            continue;
        };
        let host = cx.host_id();
        match cx.run.world_mut().kernel_mut(host).sysctl_write(&name, &value) {
            Ok(()) if !quiet => answer.out.push_str(&line(&name, &value)),
            Ok(()) => {}
            Err(error) => {
                let why = error.errno().text();
                answer.add_error(255, &format!("sysctl: setting key \"{name}\": {why}\nhalfclose: {error}\n"));
            }
        }
    }
    answer
}

/// `ulimit …`, of the operator's own shell.
pub(super) fn ulimit(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let (mut soft, mut hard, mut all, mut number) = (false, false, false, None);
    for arg in args {
        match arg.strip_prefix('-') {
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'S' => soft = true,
                        'H' => hard = true,
                        'a' => all = true,
                        'n' => {}
                        'c' | 'd' | 'e' | 'f' | 'i' | 'l' | 'm' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'x' => {
                            return cx.option_not_simulated("ulimit", &format!("-{letter}"));
                        }
                        other => return Answer::fails(2, format!("bash: ulimit: -{other}: invalid option\n")),
                    }
                }
            }
            None => number = Some(arg.as_str()),
        }
    }
    let mut limits = cx.view().shell;
    if all {
        return Answer::out(ulimit_a(&limits));
    }
    if args.is_empty() {
        return Answer::out("unlimited\n".to_owned());
    }
    let Some(text) = number else {
        return Answer::out(ulimit_n(&limits, hard && !soft));
    };
    let old = limits.get(Resource::NoFile);
    let new = match text {
        "unlimited" => Some(UNLIMITED),
        "hard" => Some(old.hard),
        "soft" => Some(old.soft),
        digits => digits.parse().ok(),
    };
    let Some(new) = new else {
        return Answer::fails(1, format!("bash: ulimit: {text}: invalid number\n"));
    };
    let (set_soft, set_hard) = if soft == hard { (true, true) } else { (soft, hard) };
    let next = Limits { soft: if set_soft { new } else { old.soft }, hard: if set_hard { new } else { old.hard } };
    let cannot =
        |why: Errno| Answer::fails(1, format!("bash: ulimit: open files: cannot modify limit: {}\n", why.text()));
    if next.soft > next.hard {
        return cannot(Errno::Inval);
    }
    if next.hard > u64::from(cx.kernel().sysctls().nr_open()) {
        return cannot(Errno::Perm);
    }
    limits.set(Resource::NoFile, next);
    cx.shell.limits.insert(cx.shell.host, limits);
    Answer::default()
}

/// `prlimit --pid PID [--nofile[=SOFT[:HARD]]]`.
pub(super) fn prlimit(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let mut pid = None;
    let mut nofile = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (name, value) = arg.split_once('=').map_or((arg.as_str(), None), |(name, value)| (name, Some(value)));
        match name {
            "--pid" | "-p" => pid = value.map(str::to_owned).or_else(|| args.next().cloned()),
            "--nofile" | "-n" => nofile = Some(value.map(str::to_owned)),
            short if short.starts_with("-p") && short.len() > 2 => pid = Some(short[2..].to_owned()),
            other => return cx.option_not_simulated("prlimit", other),
        }
    }
    let Some(text) = pid else {
        return Answer::fails(1, "prlimit: options --pid and COMMAND are mutually exclusive\n".to_owned());
    };
    let no_process = |what: &str| Answer::fails(1, format!("prlimit: failed to {what}: {}\n", Errno::Srch.text()));
    let Some(process) = cx.process_of(&text) else {
        return no_process(if nofile.is_some() {
            "get the NOFILE resource limit"
        } else {
            "get the AS resource limit"
        });
    };
    if let Some(Some(value)) = &nofile {
        let old = cx.kernel().processes()[process.index()].fds().limits();
        let Some(limits) = limits_of(value, old) else {
            return Answer::fails(1, "prlimit: failed to parse NOFILE limit\n".to_owned());
        };
        let host = cx.host_id();
        return match cx.run.world_mut().kernel_mut(host).prlimit(process, limits) {
            Ok(()) => Answer::default(),
            Err(errno) => {
                Answer::fails(1, format!("prlimit: failed to set the NOFILE resource limit: {}\n", errno.text()))
            }
        };
    }
    let view = cx.view();
    let pid = cx.kernel().processes()[process.index()].pid();
    let Some(seen) = view.process(pid) else { return no_process("get the AS resource limit") };
    let only = nofile.is_some();
    let rows = RESOURCES.iter().filter(|(_, _, resource, _)| !only || *resource == Resource::NoFile);
    let rows: Vec<[String; 5]> = rows
        .map(|(name, description, resource, unit)| {
            let pair = seen.limits.get(*resource);
            let value = |n: u64| if n == UNLIMITED { "unlimited".to_owned() } else { n.to_string() };
            [(*name).to_owned(), (*description).to_owned(), value(pair.soft), value(pair.hard), (*unit).to_owned()]
        })
        .collect();
    let width = |ix: usize, heading: &str| rows.iter().map(|row| row[ix].len()).max().unwrap_or(0).max(heading.len());
    let widths = [width(0, "RESOURCE"), width(1, "DESCRIPTION"), width(2, "SOFT"), width(3, "HARD")];
    let mut out = String::new();
    let heading = ["RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS"].map(str::to_owned);
    for [name, description, soft, hard, unit] in core::iter::once(&heading).chain(&rows) {
        out.push_str(&format!(
            "{name:<w0$} {description:<w1$} {soft:>w2$} {hard:>w3$} {unit}\n",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
        ));
    }
    Answer::out(out)
}

/// `100`, `100:200`, `100:`, `:200`, `unlimited`.
fn limits_of(text: &str, old: Limits) -> Option<Limits> {
    let number = |text: &str, default: u64| match text {
        "" => Some(default),
        "unlimited" => Some(UNLIMITED),
        digits => digits.parse().ok(),
    };
    match text.split_once(':') {
        Some((soft, hard)) => Some(Limits { soft: number(soft, old.soft)?, hard: number(hard, old.hard)? }),
        None => number(text, old.soft).map(|both| Limits { soft: both, hard: both }),
    }
}

/// Names, descriptions and units of util-linux 2.38, in its order.
const RESOURCES: [(&str, &str, Resource, &str); 16] = [
    ("AS", "address space limit", Resource::AddressSpace, "bytes"),
    ("CORE", "max core file size", Resource::Core, "bytes"),
    ("CPU", "CPU time", Resource::Cpu, "seconds"),
    ("DATA", "max data size", Resource::Data, "bytes"),
    ("FSIZE", "max file size", Resource::FileSize, "bytes"),
    ("LOCKS", "max number of file locks held", Resource::Locks, "locks"),
    ("MEMLOCK", "max locked-in-memory address space", Resource::MemLock, "bytes"),
    ("MSGQUEUE", "max bytes in POSIX mqueues", Resource::MsgQueue, "bytes"),
    ("NICE", "max nice prio allowed to raise", Resource::Nice, ""),
    ("NOFILE", "max number of open files", Resource::NoFile, "files"),
    ("NPROC", "max number of processes", Resource::Processes, "processes"),
    ("RSS", "max resident set size", Resource::Rss, "bytes"),
    ("RTPRIO", "max real-time priority", Resource::RealTimePriority, ""),
    ("RTTIME", "timeout for real-time tasks", Resource::RealTimeTimeout, "microsecs"),
    ("SIGPENDING", "max number of pending signals", Resource::SigPending, "signals"),
    ("STACK", "max stack size", Resource::Stack, "bytes"),
];

/// `kill [-SIGNAL] PID…`.
pub(super) fn kill(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut signal = Signal::Term;
    let mut pids = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let name = match arg.strip_prefix('-') {
            Some("s" | "n") => args.next().map_or("", String::as_str),
            Some(name) if !name.is_empty() => name,
            Some(_) | None => {
                pids.push(arg);
                continue;
            }
        };
        match signal_of(name) {
            Some(found) => signal = found,
            None => return Ok(Answer::fails(1, format!("bash: kill: {name}: invalid signal specification\n"))),
        }
    }
    if pids.is_empty() {
        let usage = "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n";
        return Ok(Answer::fails(2, usage.to_owned()));
    }
    let mut answer = Answer::default();
    for text in pids {
        if text.parse::<u32>().is_err() {
            answer.add_error(1, &format!("bash: kill: {text}: arguments must be process or job IDs\n"));
            continue;
        }
        match cx.process_of(text) {
            Some(process) => send(cx, process, signal)?,
            None => answer.add_error(1, &format!("bash: kill: ({text}) - No such process\n")),
        }
    }
    Ok(answer)
}

/// `pkill [-SIGNAL] NAME`, `killall [-SIGNAL] NAME`.
pub(super) fn kill_by_name(cx: &mut Cx<'_>, command: &str, args: &[String]) -> Result<Answer, SimError> {
    let mut signal = Signal::Term;
    let mut name = "";
    for arg in args {
        match arg.strip_prefix('-') {
            None => name = arg,
            Some("f" | "x") => {}
            Some(text) => match signal_of(text) {
                Some(found) => signal = found,
                None => return Ok(Answer::fails(1, format!("{command}: {text}: unknown signal\n"))),
            },
        }
    }
    let found = named(cx, name, command == "killall");
    if found.is_empty() {
        let said = if command == "killall" { format!("{name}: no process found\n") } else { String::new() };
        return Ok(Answer::fails(1, said));
    }
    for process in found {
        send(cx, process, signal)?;
    }
    Ok(Answer::default())
}

fn signal_of(name: &str) -> Option<Signal> {
    Some(match name.trim_start_matches("SIG") {
        "9" | "KILL" => Signal::Kill,
        "15" | "TERM" => Signal::Term,
        "19" | "STOP" => Signal::Stop,
        "18" | "CONT" => Signal::Cont,
        _other => return None,
    })
}

/// As the timeline does it, where the scenario knows the process.
fn send(cx: &mut Cx<'_>, process: ProcIx, signal: Signal) -> Result<(), SimError> {
    let host = cx.host_id();
    let processes = cx.run.scenario().processes.len();
    let known = (0..processes).find(|&index| cx.run.process(index) == (host, process));
    match known {
        Some(process) => {
            let refused = cx.run.interfere(&ActionKind::Signal { process, signal }, cx.observer)?;
            debug_assert!(refused.is_ok(), "signals are never refused");
            Ok(())
        }
        None => cx.run.world_mut().exit_process(host, process, 128 + 15, cx.observer),
    }
}

/// Living processes by name, oldest first.
fn named(cx: &Cx<'_>, name: &str, whole: bool) -> Vec<ProcIx> {
    let kernel = cx.kernel();
    let fits = |known: &str| if whole { known == name } else { !name.is_empty() && known.contains(name) };
    (0_u32..)
        .zip(kernel.processes())
        .filter(|(_, process)| process.is_alive() && fits(process.name()))
        .map(|(ix, _)| ProcIx(ix))
        .collect()
}

/// `pidof NAME`: the newest first, on one line. `pgrep [-f] NAME`: the oldest first, one a line.
pub(super) fn pidof(cx: &Cx<'_>, command: &str, args: &[String]) -> Answer {
    let name = args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str);
    let list = args.iter().any(|arg| arg == "-l" || arg == "-a");
    let found = named(cx, name, command == "pidof");
    if found.is_empty() {
        return Answer::fails(1, String::new());
    }
    let processes = cx.kernel().processes();
    let pid = |ix: &ProcIx| processes[ix.index()].pid().to_string();
    if command == "pidof" {
        let pids: Vec<_> = found.iter().rev().map(pid).collect();
        return Answer::out(format!("{}\n", pids.join(" ")));
    }
    let line = |ix: &ProcIx| match list {
        true => format!("{} {}\n", pid(ix), processes[ix.index()].name()),
        false => format!("{}\n", pid(ix)),
    };
    Answer::out(found.iter().map(line).collect())
}

/// `ps`, in its three usual forms: the columns of procps; what the model does not have is `-`.
pub(super) fn ps(cx: &Cx<'_>, args: &[String]) -> Answer {
    let host = cx.host_id();
    let kernel = cx.kernel();
    let joined: String = args.join(" ");
    let only: Option<Vec<&str>> = args
        .iter()
        .position(|arg| arg == "-p" || arg == "--pid")
        .and_then(|at| args.get(at + 1))
        .map(|pids| pids.split([',', ' ']).collect());
    let mut out = String::new();
    let full = joined.contains("-ef") || joined.contains("-f");
    let aux = joined.contains("aux");
    out.push_str(match (full, aux) {
        (_, true) => "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n",
        (true, false) => "UID        PID  PPID  C STIME TTY          TIME CMD\n",
        (false, false) => "  PID TTY          TIME CMD\n",
    });
    let mut any = false;
    for (ix, process) in (0_u32..).zip(kernel.processes()).filter(|(_, process)| process.is_alive()) {
        let pid = process.pid().to_string();
        if only.as_ref().is_some_and(|only| !only.contains(&pid.as_str())) {
            continue;
        }
        any = true;
        let seconds = cx.run.world().stats(host, ProcIx(ix)).cpu.nanos() / 1_000_000_000;
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let stopped = cx.run.world().phase(host, ProcIx(ix)) == crate::sim::Phase::Stopped;
        let name = process.name();
        out.push_str(&match (full, aux) {
            (_, true) => {
                let (stat, minutes) = (if stopped { "Tl" } else { "Sl" }, seconds / 60);
                let seconds = seconds % 60;
                format!("root     {pid:>5}    -    -      -     - ?        {stat:<4} -     {minutes:>3}:{seconds:02} {name}\n")
            }
            (true, false) => format!("root     {pid:>5}     1  - -     ?        {clock} {name}\n"),
            (false, false) => format!("{pid:>5} ?        {clock} {name}\n"),
        });
    }
    Answer { out, status: u8::from(!any), ..Answer::default() }
}

/// `uname [-a|-r|-n|-s|-m]`.
pub(super) fn uname(cx: &Cx<'_>, args: &[String]) -> Answer {
    let view = cx.view();
    let mut parts = Vec::new();
    let letters: String = args.iter().map(|arg| arg.trim_start_matches('-')).collect();
    let has = |letter| letters.contains(letter) || letters.contains('a');
    if letters.is_empty() || has('s') {
        parts.push("Linux".to_owned());
    }
    if has('n') {
        parts.push(view.name.clone());
    }
    if has('r') {
        parts.push(view.release.clone());
    }
    if has('v') {
        parts.push("#1 SMP".to_owned());
    }
    if has('m') {
        parts.push("x86_64".to_owned());
    }
    if letters.contains('a') {
        parts.push("x86_64 x86_64 GNU/Linux".to_owned());
    }
    Answer::out(format!("{}\n", parts.join(" ")))
}

/// `date`.
pub(super) fn date(view: &HostView) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let unix = view.start_unix + view.now.nanos() / 1_000_000_000;
    let civil = Civil::from_unix(unix);
    let day = usize::try_from(unix / 86_400 % 7).unwrap_or(0);
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02} UTC {}",
        DAYS[day],
        civil.month_name(),
        civil.day,
        civil.hour,
        civil.minute,
        unix % 60,
        civil.year
    )
}

/// `uptime`, without the load, which is not modelled.
pub(super) fn uptime(view: &HostView) -> String {
    let seconds = view.uptime.saturating_sub(Duration::ZERO).nanos() / 1_000_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = date(view);
    let clock = clock.split_whitespace().nth(3).unwrap_or("");
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        n => format!("{n} days, "),
    };
    format!(" {clock} up {days}{hours:>2}:{minutes:02}\n")
}

impl Cx<'_> {
    /// The living process with this id on the current host.
    pub(super) fn process_of(&self, text: &str) -> Option<ProcIx> {
        let pid: u32 = text.parse().ok()?;
        let processes = (0_u32..).zip(self.kernel().processes());
        processes.into_iter().find(|(_, p)| p.is_alive() && p.pid().0 == pid).map(|(ix, _)| ProcIx(ix))
    }

    /// The current host in the world.
    pub(super) fn host_id(&self) -> HostId {
        self.run.host(self.shell.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_names() {
        assert!(glob("TcpExtListen*", "TcpExtListenOverflows"));
        assert!(glob("*Overflows", "TcpExtListenOverflows"));
        assert!(!glob("TcpExt", "TcpExtTW"));
    }

    #[test]
    fn limits_as_prlimit_reads_them() {
        let old = Limits { soft: 1, hard: 2 };
        assert_eq!(limits_of("100:200", old), Some(Limits { soft: 100, hard: 200 }));
        assert_eq!(limits_of("7:", old), Some(Limits { soft: 7, hard: 2 }));
        assert_eq!(limits_of("9", old), Some(Limits { soft: 9, hard: 9 }));
        assert_eq!(limits_of(":unlimited", old), Some(Limits { soft: 1, hard: UNLIMITED }));
        assert_eq!(limits_of("many", old), None);
    }
}
