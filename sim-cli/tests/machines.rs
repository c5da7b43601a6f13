//! The shipped ways to spread a sweep over processes and machines, run as they
//! are written in the book: the parts put together are the bytes of one run.
//!
//! Those of GNU parallel and Ray need the two installed, so they run only when
//! asked for: `cargo test -p halfclose-cli --test machines -- --ignored`.
//! `UPDATE_GOLDEN=1` keeps what they print in the book. `PYTHON` names a Python
//! that has Ray, if `python3` has not.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLAN: &str = "format = 1\ntitle = \"Tiny\"\nscenario = \"tiny\"\nseeds = { from = 1, to = 6 }\n\
    set = { end = \"7s\", \"process.sysbench.sysbench.query-pause\" = \"20ms\" }\n\
    [[vary]]\nkey = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 3]\n\
    [[measure]]\nname = \"exhausted_ms\"\ntime_of = \"exhausted\"\n";

fn book(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/sweep").join(file)
}

/// A folder with the plan, and the results of one whole run of it.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("machines-{name}"));
    let _not_there = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is ours");
    fs::write(folder.join("plan.toml"), PLAN).expect("the target folder is ours");
    run(&folder, "halfclose", &["sweep", "plan.toml", "-o", "whole.jsonl"], &[]);
    folder
}

/// Runs a program with `halfclose` on its path; it must succeed.
fn run(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_halfclose")).parent().expect("a file is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", bin.display(), path.to_string_lossy());
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).envs(environment.iter().copied()).env("PATH", path).env("LC_ALL", "C");
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output
}

fn same_bytes(folder: &Path, results: &str) {
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    assert!(!read(results).is_empty() && read(results) == read("whole.jsonl"), "{results}");
}

fn merge(folder: &Path, parts: usize) {
    let files: Vec<String> = (0..parts).map(|index| format!("part-{index}.jsonl")).collect();
    let mut arguments = vec!["merge", "plan.toml"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(["-o", "merged.jsonl"]);
    run(folder, "halfclose", &arguments, &[]);
    same_bytes(folder, "merged.jsonl");
}

/// The script as Slurm would run it in each task of `--array=0-3`; `srun` alone is ours.
#[test]
fn a_slurm_array_gives_the_bytes_of_one_run() {
    let at = folder("slurm");
    let srun = at.join("srun");
    fs::write(&srun, "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions(&srun, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = book("slurm.sbatch").display().to_string();
    let bin = Path::new(env!("CARGO_BIN_EXE_halfclose")).parent().unwrap().display().to_string();
    let with_srun = format!("PATH={}:{bin}:$PATH exec bash {script}", at.display());
    for task in ["0", "1", "2", "3"] {
        let array = [
            ("PLAN", "plan.toml"),
            ("SLURM_ARRAY_TASK_ID", task),
            ("SLURM_ARRAY_TASK_MIN", "0"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        run(&at, "bash", &["-c", &with_srun], &array);
    }
    merge(&at, 4);
}

/// The command of the Indexed Job, once for each completion.
#[test]
fn a_kubernetes_indexed_job_gives_the_bytes_of_one_run() {
    let at = folder("kubernetes");
    let job = fs::read_to_string(book("kubernetes.yaml")).unwrap();
    let field =
        |name: &str| job.lines().find_map(|line| line.trim().strip_prefix(name)).expect("it is in the job").trim();
    let completions: usize = field("completions:").parse().unwrap();
    assert_eq!(field("completionMode:"), "Indexed");
    let command = field("command: [sh, -c, '").strip_suffix("']").expect("one command");
    assert!(command.contains(&format!("--shard {completions} ")), "as many parts as completions: {command}");
    let here = at.display().to_string();
    let command = command.replace("/plan/", &format!("{here}/")).replace("/results/", &format!("{here}/"));
    for index in 0..completions {
        run(&at, "sh", &["-c", &command], &[("JOB_COMPLETION_INDEX", &index.to_string())]);
    }
    merge(&at, completions);
}

/// What was run, what it printed, and that the bytes are those of one run: kept
/// in the book. Times, memory and versions are of the machine.
fn kept(folder: &Path, file: &str, line: &str, printed: &str, results: &str) {
    let mut shown = format!("$ {line}\n{printed}");
    let compared = run(folder, "sh", &["-c", &format!("cmp {results} whole.jsonl && echo the same bytes")], &[]);
    shown.push_str(&format!("$ cmp {results} whole.jsonl && echo the same bytes\n"));
    shown.push_str(&String::from_utf8_lossy(&compared.stdout));
    same_bytes(folder, results);
    let path = book(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &shown).expect("the book can be written");
    }
    let of_the_machine = |line: &&str| {
        let words = ["  ", "estimate:", "memory:", "Ray ", "to do"];
        !words.iter().any(|word| line.starts_with(word) || line.contains("runs to do"))
    };
    let lines = |text: &str| text.lines().filter(of_the_machine).map(str::to_owned).collect::<Vec<_>>();
    let golden = fs::read_to_string(&path).expect("the book has it");
    assert_eq!(lines(&golden), lines(&shown), "UPDATE_GOLDEN=1 brings book/src/sweep/{file} up to date");
}

#[test]
#[ignore = "needs GNU parallel"]
fn gnu_parallel_gives_the_bytes_of_one_run() {
    let at = folder("parallel");
    let script = book("gnu-parallel.sh").display().to_string();
    // GNU parallel prints each job's output when it ends: one at a time keeps the order.
    let output = run(&at, "bash", &[&script, "plan.toml", "parallel.jsonl", "4"], &[("PARALLEL", "--keep-order")]);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let named = printed.lines().map(|line| match line.rsplit_once('/') {
        // The folder is a temporary one.
        Some((_, part)) if part.starts_with("part-") => {
            format!("{}{part}\n", line.split_once(" to ").map_or("", |(said, _)| said).to_owned() + " to ")
        }
        Some(_) | None => format!("{line}\n"),
    });
    let printed: String = named.collect();
    kept(&at, "gnu-parallel.txt", "bash gnu-parallel.sh plan.toml parallel.jsonl 4", &printed, "parallel.jsonl");
}

/// A local cluster of Ray: its workers are processes of their own.
#[test]
#[ignore = "needs Ray: pip install ray"]
fn ray_gives_the_bytes_of_one_run() {
    let at = folder("ray");
    let python =
        std::env::var_os("PYTHON").map_or_else(|| "python3".to_owned(), |name| name.to_string_lossy().into_owned());
    let script = book("ray_sweep.py").display().to_string();
    let output = run(&at, &python, &[&script, "plan.toml", "ray.jsonl", "4", "2"], &[]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let written = err.lines().find(|line| line.contains("units written")).expect("the merge says so");
    let workers = out.split("parts by ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok());
    assert!(workers.is_some_and(|workers: u32| workers >= 2), "several processes: {out}");
    kept(&at, "ray.txt", "python3 ray_sweep.py plan.toml ray.jsonl 4 2", &format!("{out}{written}\n"), "ray.jsonl");
}
