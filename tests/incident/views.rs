//! The views that watch a while, against the write-up's own output: `sar`, `perf
//! top`, `perf trace`.

use std::collections::BTreeMap;

use halfclose::observe::tools::{self, CpuShare, ThreadSum};
use halfclose::observe::{SpanView, View, ViewOptions, span::Wanted};
use halfclose::scenario::{Run, preset};
use halfclose::time::{Duration, Instant};
use halfclose::trace::NoObserver;
use halfclose::units::Pid;

const LISTING: &str = include_str!("perf-trace.write-up.txt");
const SUMMARY: &str = include_str!("perf-trace-s.write-up.txt");

/// A run of a preset, at a moment.
fn at(name: &str, moment: &str) -> Run {
    let scenario = preset::find(name).unwrap_or_else(|| panic!("no scenario is called {name}")).scenario();
    let moment = scenario.moment(moment).expect("a moment");
    let mut run = Run::new(scenario, 1).expect("a preset builds");
    assert!(run.run_to_moment(moment, &mut NoObserver).expect("within its budgets"));
    run
}

fn watch(run: &mut Run, length: Duration, every: Duration, calls: bool) -> SpanView {
    let to = run.world().now() + length;
    let host = run.host(0);
    SpanView::watch(run, host, to, every, Wanted { calls, packets: false }, &mut NoObserver)
        .expect("within its budgets")
}

/// A line of `perf trace` without what no two runs share: times, thread, inodes,
/// addresses in memory, the process id; descriptors counted from the line's first.
fn comparable(line: &str, base: u32) -> String {
    let (_, call) = line.split_once("sysbench/").expect("the command");
    let (_, call) = call.split_once(' ').expect("the thread");
    let mut out = String::new();
    let mut rest = call;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[start..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |n| start + n);
        let (before, word) = (&rest[..start], &rest[start..end]);
        out.push_str(before);
        let number = word.parse::<u32>().ok();
        if word.starts_with("0x") {
            out.push_str("ADDRESS");
        } else if before.ends_with('[') {
            out.push_str("INODE");
        } else if before.ends_with("fd: ")
            || (call.contains("openat") || call.contains(" socket(") || call.starts_with("socket("))
                && before.ends_with("= ")
        {
            out.push_str(&format!("+{}", number.expect("a descriptor") - base));
        } else if call.starts_with("getpid") {
            out.push_str("PID");
        } else {
            out.push_str(word);
        }
        rest = &rest[end..];
    }
    out + rest
}

/// What stands before the return value is padded to a column, whatever its length.
fn unpadded(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_fd(line: &str) -> u32 {
    let (_, tail) = line.split_once("fd: ").expect("a descriptor");
    tail.split('<').next().and_then(|fd| fd.parse().ok()).expect("a number")
}

#[test]
fn a_cycle_is_the_write_ups_listing_line_by_line() {
    let mut run = at("traced", "trace");
    let seen = watch(&mut run, Duration::from_millis(20), Duration::ZERO, true);
    let process = seen.host.process(Pid(13_193)).expect("sysbench runs");
    let text = tools::perf_trace(&seen, process);
    let wanted: Vec<String> = LISTING.lines().map(|line| unpadded(&comparable(line, first_fd(LISTING)))).collect();
    // The listing begins with the getsockopt of an attempt.
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.contains("getsockopt(")).collect();
    let base = first_fd(lines[0]);
    let ours: Vec<String> = lines.iter().take(wanted.len()).map(|line| unpadded(&comparable(line, base))).collect();
    assert_eq!(ours, wanted);
    // Columns: the write-up's own lines, wherever address and numbers have its widths.
    let column = |line: &str| line.rfind(" = ").expect("a value");
    let published = LISTING.lines().find(|line| line.contains("fcntl") && !line.contains("arg")).expect("one");
    let mine = lines.iter().find(|line| line.contains("fcntl") && !line.contains("arg")).expect("one");
    assert_eq!(column(published), column(mine), "{published}\n{mine}");
}

#[derive(Debug, PartialEq)]
struct Published {
    calls: f64,
    errors: f64,
    avg: f64,
    max: f64,
}

/// The tables of the write-up by thread id.
fn published() -> BTreeMap<u32, BTreeMap<String, Published>> {
    let mut tables: BTreeMap<u32, BTreeMap<String, Published>> = BTreeMap::new();
    let mut tid = 0;
    for line in SUMMARY.lines() {
        if let Some((_, tail)) = line.split_once("sysbench (") {
            tid = tail.split(')').next().and_then(|tid| tid.parse().ok()).expect("a thread");
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [name, calls, errors, _total, _min, avg, max, _stddev] = words[..]
            && let Ok(calls) = calls.parse()
        {
            let number = |text: &str| text.parse().expect("a number");
            let row = Published { calls, errors: number(errors), avg: number(avg), max: number(max) };
            tables.entry(tid).or_default().insert(name.to_owned(), row);
        }
    }
    tables
}

#[test]
fn the_summary_is_the_write_ups_within_two_per_cent() {
    let mut run = at("traced", "trace");
    let seen = watch(&mut run, Duration::from_secs(10), Duration::ZERO, true);
    let threads: Vec<ThreadSum> = tools::summary(&seen, Pid(13_193));
    let tables = published();
    assert_eq!(threads.iter().map(|t| t.tid).collect::<Vec<_>>(), tables.keys().copied().collect::<Vec<_>>());
    let reporter = &threads[0];
    assert_eq!((reporter.events, reporter.calls.len()), (30, 2), "{reporter:?}");
    assert!(reporter.calls.iter().all(|sum| sum.calls == 10 && sum.errors == 0), "{reporter:?}");
    let worker = &tables[&13_195];
    for sum in &threads[1].calls {
        let published = &worker[sum.name];
        // The tracer lost a few events of each kind; sendto counts the second half only.
        let off = if sum.name == "sendto" { 0.06 } else { 0.04 };
        assert!((sum.calls as f64 / published.calls - 1.0).abs() < off, "{sum:?} {published:?}");
        if sum.name != "connect" {
            assert_eq!(sum.errors, 0, "{sum:?}");
        }
    }
    let of = |name: &str| threads[1].calls.iter().find(|sum| sum.name == name).expect("a call of the table");
    assert_eq!((of("sendmmsg").calls, of("stat").calls), (1_685, 1_685));
    assert_eq!(of("connect").errors * 2, of("connect").calls, "each TCP connect() is in progress");
    assert!((of("poll").max_ms - worker["poll"].max).abs() < 0.1, "{:?}", of("poll"));
    assert!(
        (of("clock_nanosleep").avg_ms - worker["clock_nanosleep"].avg).abs() < 0.012,
        "{:?}",
        of("clock_nanosleep")
    );
    // mmap and madvise, one each in the write-up, are the heap's and not in the model.
    let missing: Vec<&String> = worker.keys().filter(|name| threads[1].calls.iter().all(|s| s.name != *name)).collect();
    assert_eq!(missing, ["madvise", "mmap"]);
    // The leak: opened less closed is one for each attempt.
    let leaked = of("socket").calls + of("openat").calls - of("close").calls;
    assert!(leaked.abs_diff(of("clock_nanosleep").calls) <= 1, "{leaked}");
    let text = tools::perf_trace_s(&seen, seen.host.process(Pid(13_193)).expect("sysbench runs"));
    let shape = |text: &str| -> Vec<String> {
        let rows = text.lines().skip_while(|line| !line.contains("Summary")).take(10);
        rows.map(|line| line.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()).collect()
    };
    let (ours, theirs) = (shape(&text), shape(SUMMARY));
    for (ours, theirs) in ours.iter().zip(&theirs).take(7) {
        assert_eq!(ours, theirs);
    }
    for row in [7, 8] {
        assert_eq!(ours[row].len(), theirs[row].len(), "{}\n{}", ours[row], theirs[row]);
    }
}

#[test]
fn exhausted_one_core_of_four_is_busy_and_the_write_ups_functions_lead() {
    // Half a second after the KILL the search is short: other functions lead.
    let mut run = at("incident", "kill+500ms");
    let seen = watch(&mut run, Duration::from_secs(1), Duration::ZERO, true);
    let process = seen.host.processes.iter().find(|process| process.name == "sysbench").expect("it runs").pid;
    let before = tools::functions(&seen, process);
    assert_ne!(before[0].symbol, "__inet_check_established", "{:?}", &before[..3]);
    let rank = before.iter().position(|share| share.symbol == "__inet_check_established").unwrap_or(usize::MAX);
    assert!(rank > 5, "{rank}");

    let exhausted = run.scenario().moment("exhausted+20s").expect("a moment");
    assert!(run.run_to_moment(exhausted, &mut NoObserver).expect("within its budgets"));
    let seen = watch(&mut run, Duration::from_secs(5), Duration::from_secs(1), true);
    let names: Vec<&str> = tools::functions(&seen, process).iter().take(5).map(|share| share.symbol).collect();
    let led =
        ["__inet_check_established", "__inet_hash_connect", "_raw_spin_lock", "_raw_spin_lock_bh", "inet_ehashfn"];
    assert_eq!(names, led);
    let shares: Vec<Vec<CpuShare>> = seen.cpu.windows(2).map(|pair| tools::shares(&pair[0], &pair[1])).collect();
    for second in &shares {
        let all = &second[0];
        assert!((19.0..21.5).contains(&all.system) && (3.0..4.0).contains(&all.steal), "{all:?}");
        assert!((all.user + all.system + all.steal + all.idle - 100.0).abs() < 0.01, "{all:?}");
    }
    // The task moves: no CPU has it all the time.
    let mut average = tools::shares(&seen.cpu[0], &seen.cpu[seen.cpu.len() - 1]);
    average.remove(0);
    assert!(average.iter().filter(|share| share.system > 5.0).count() >= 2, "{average:?}");
}

#[test]
fn a_queue_shows_what_mysqld_said() {
    let run = at("tiny", "kill+3s");
    let host = halfclose::observe::HostView::of(run.world(), run.host(0));
    let text = View::Queue.render(&host, &ViewOptions::default()).expect("something is unread");
    assert!(text.contains(" CLOSE-WAIT users:((\"sysbench\"") || text.contains(" ESTABLISHED users:"), "{text}");
    let refused = host.sockets.iter().find(|socket| socket.recv_q == 28).expect("a refused connection");
    let options = ViewOptions { port: Some(refused.local.port()), ..ViewOptions::default() };
    let text = View::Queue.render(&host, &options).expect("it is unread");
    assert!(text.contains("|.......Too many |") && text.ends_with("0000001b  FIN\n"), "{text}");
}

/// Every view has JSON with the version, of an instant or of a span, over every kind of host.
#[test]
fn every_view_is_json_too() {
    let mut run = at("tiny", "kill");
    let from = run.world().now();
    let host = run.host(0);
    let wanted = Wanted { calls: true, packets: true };
    let seen = SpanView::watch(
        &mut run,
        host,
        from + Duration::from_millis(500),
        Duration::from_millis(100),
        wanted,
        &mut NoObserver,
    )
    .expect("within its budgets");
    for &view in View::ALL {
        let object = view.json_span(&seen, &ViewOptions::default()).expect("the host has everything");
        assert_eq!(object["schema_version"], tools::SCHEMA_VERSION, "{view:?}");
        assert_eq!((object["view"].as_str(), object["host"].as_str()), (Some(view.name()), Some("host")));
        assert!(object.as_object().is_some_and(|object| object.len() > 5), "{object}");
    }
    let from_zero = seen.packets.iter().all(|seen| seen.at > Instant::ZERO);
    assert!(from_zero && !seen.calls.is_empty() && !seen.packets.is_empty());
}

#[test]
fn a_tracer_sees_every_thread_and_no_entry_from_before_it_came() {
    let mut run = at("traced", "trace");
    let seen = watch(&mut run, Duration::from_millis(20), Duration::ZERO, true);
    let process = seen.host.process(Pid(13_193)).expect("sysbench runs");
    let strace = tools::strace(&seen, process);
    let lines: Vec<&str> = strace.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("[pid 1319")), "three threads:\n{strace}");
    let waiting = ["restart_syscall(<... resuming interrupted read ...>", "FUTEX_WAIT_PRIVATE, 0, NULL", "resumed>"];
    assert!(waiting.iter().all(|text| strace.contains(text)), "{strace}");
    let open = lines.iter().filter(|line| line.ends_with("<unfinished ...>")).count();
    let resumed = lines.iter().filter(|line| line.contains(" resumed>")).count();
    let detached = lines.iter().filter(|line| line.ends_with("<detached ...>")).count();
    assert!(detached <= 1 && open + detached >= resumed + 2, "two threads sleep all the while:\n{strace}");

    // perf prints no time for a call whose entry it did not see.
    let perf = tools::perf_trace(&seen, process);
    let first = perf.lines().next().expect("a line");
    assert!(first.starts_with("         ? (         ): sysbench/13195  ... [continued]: "), "{first}");
    assert_eq!(perf.lines().filter(|line| line.contains(" ? ")).count(), 1);
}

#[test]
fn functions_are_listed_by_the_share_that_is_shown() {
    for (name, moment) in [("incident", "kill+5s"), ("incident", "exhausted+20s"), ("traced", "trace+1s")] {
        let mut run = at(name, moment);
        let seen = watch(&mut run, Duration::from_secs(1), Duration::ZERO, true);
        let text = tools::perf_top(&seen, seen.host.default_process().expect("a client").pid);
        let share = |line: &str| line.split_once('%').and_then(|(share, _)| share.trim().parse::<f64>().ok());
        let shares: Vec<f64> = text.lines().map(|line| share(line).expect("a share")).collect();
        assert!(shares.len() > 5 && shares.windows(2).all(|pair| pair[0] >= pair[1]), "{name} {moment}:\n{text}");
    }
}
