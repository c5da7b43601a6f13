//! `cargo xtask speed`: measures how fast the simulator is on this machine and writes
//! `book/measured/speed.toml`, from which the book's page is made.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::checks::Context;
use crate::process::{output_of, timed};

/// Workloads of the example `workload`: kind, connections, runs.
const WORKLOADS: &[(&str, u32, usize)] = &[
    ("W", 1_000, 9),
    ("W", 10_000, 9),
    ("W", 28_232, 9),
    ("W", 1_000_000, 3),
    ("C", 1_000, 9),
    ("C", 10_000, 9),
    ("C", 28_232, 9),
];
/// Command lines of the program: name in the file, arguments, runs.
const COMMANDS: &[(&str, &[&str], usize)] =
    &[("two-hosts", &["run", "two-hosts", "--until", "exhausted+70s", "--quiet"], 9), ("story", &[], 5)];
/// Sizes of W between which instructions are counted.
const COUNTED: (u32, u32) = (4_000, 8_000);

/// Measures and writes.
pub(crate) fn run(context: &Context) -> ExitCode {
    match measured(context).and_then(|text| fs::write(context.root.join("book/measured/speed.toml"), text)) {
        Ok(()) => {
            println!(
                "book/measured/speed.toml is written; UPDATE_GOLDEN=1 cargo test -p halfclose-tests --test book makes the page"
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measured(context: &Context) -> io::Result<String> {
    let root = context.root.as_path();
    // Together, so that both share one build of the model.
    let what = ["--package", "halfclose-cli", "--bin", "halfclose", "--package", "halfclose", "--example", "workload"];
    let features = ["--features", "halfclose/scenario"];
    let built = context.cargo().args(["build", "--release"]).args(what).args(features).status()?;
    if !built.success() {
        return Err(io::Error::other("it does not build"));
    }
    let release = context.target.join("release");
    let (workload, program) = (release.join("examples/workload"), release.join("halfclose"));
    let mut out = machine(root)?;
    for &(kind, n, times) in WORKLOADS {
        let runs: Vec<Run> = (0..times).map(|_| Run::of_workload(&workload, kind, n)).collect::<io::Result<_>>()?;
        let first = &runs[0];
        let wall: Vec<u64> = runs.iter().map(|run| run.wall_us).collect();
        let cpu: Vec<u64> = runs.iter().map(|run| run.cpu_us).collect();
        println!("{kind}({n}): {wall:?} us, CPU {cpu:?} us");
        let _ = writeln!(
            out,
            "\n[[workload]]\nkind = \"{kind}\"\nn = {n}\nruns = {times}\nwall_us = {}\ncpu_us = {}\nleast_cpu_us = {}\nevents = {}\n\
             bytes = {}",
            median(wall),
            median(cpu.clone()),
            cpu.iter().min().copied().unwrap_or_default(),
            first.events,
            first.bytes
        );
    }
    for &(name, arguments, times) in COMMANDS {
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let before = children_us()?;
            let (status, seconds) =
                timed(|| Command::new(&program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status());
            status?;
            wall.push(u64::try_from(std::time::Duration::from_secs_f64(seconds).as_micros()).unwrap_or(u64::MAX));
            cpu.push(children_us()? - before);
        }
        println!("{name}: {wall:?} us, CPU {cpu:?} us");
        let _ = writeln!(
            out,
            "\n[[command]]\nname = \"{name}\"\nline = \"{}\"\nruns = {times}\nwall_us = {}\ncpu_us = {}\nleast_cpu_us = {}",
            format!("halfclose {}", arguments.join(" ").replace("--quiet", "")).trim(),
            median(wall),
            median(cpu.clone()),
            cpu.iter().min().copied().unwrap_or_default()
        );
    }
    if let (Some(few), Some(many)) = (instructions(&workload, COUNTED.0), instructions(&workload, COUNTED.1)) {
        let each = (many - few) / u64::from(COUNTED.1 - COUNTED.0);
        let _ = writeln!(out, "\n[instructions]\nfrom = {}\nto = {}\neach = {each}", COUNTED.0, COUNTED.1);
    } else {
        return Err(io::Error::other("valgrind is not installed (Debian: valgrind): it counts the instructions"));
    }
    Ok(out)
}

/// What was measured on, when, and which commit.
fn machine(root: &Path) -> io::Result<String> {
    let said = |command: &mut Command| output_of(command).map(|text| text.trim().to_owned()).unwrap_or_default();
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "# Written by `cargo xtask speed`: medians. `load` is the load average just before: what else the machine did.\n\
         date = \"{}\"\ncommit = \"{}\"\ncpu = \"{}\"\ncores = {}\nkernel = \"{}\"\nrustc = \"{}\"\nload = \"{}\"\n",
        said(Command::new("date").args(["-u", "+%F"])),
        said(Command::new("git").current_dir(root).args(["rev-parse", "--short", "HEAD"])),
        cpu.trim_start_matches([':', ' ', '\t']),
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        said(Command::new("rustc").arg("--version")),
        load.split_whitespace().next().unwrap_or_default(),
    ))
}

/// One run of the example.
struct Run {
    wall_us: u64,
    cpu_us: u64,
    events: u64,
    bytes: u64,
}

impl Run {
    fn of_workload(program: &Path, kind: &str, n: u32) -> io::Result<Self> {
        let told = output_of(Command::new(program).args([kind, &n.to_string()]));
        let told = told.ok_or_else(|| io::Error::other(format!("{kind}({n}) does not run")))?;
        let figure = |name: &str| {
            let last = told.lines().last().unwrap_or_default();
            let mut words = last.split_whitespace().skip_while(|word| *word != name);
            let value = words.nth(1).and_then(|value| value.parse().ok());
            value.ok_or_else(|| io::Error::other(format!("{kind}({n}) says nothing of {name}")))
        };
        Ok(Self {
            wall_us: figure("wall_us")?,
            cpu_us: figure("cpu_us")?,
            events: figure("events")?,
            bytes: figure("bytes")?,
        })
    }
}

/// CPU time of all children that have ended, in µs: fields 16 and 17 of proc(5) `stat`, in ticks of 10 ms.
fn children_us() -> io::Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok());
    Ok(ticks.sum::<u64>() * 10_000)
}

/// Instructions of W(n) by callgrind.
fn instructions(program: &Path, n: u32) -> Option<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(["W", &n.to_string()]);
    let output = command.output().ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = told.lines().find(|line| line.contains("Collected"))?;
    line.split_whitespace().last()?.parse().ok()
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}
