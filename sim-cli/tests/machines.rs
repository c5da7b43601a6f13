//! The shipped files for a Slurm array and a Kubernetes Indexed Job, run as they
//! are written in the book: the parts put together are the bytes of one run.
//! Those for GNU parallel and Ray are run by `cluster.rs`.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLAN: &str = "format = 1\ntitle = \"Tiny\"\nscenario = \"tiny\"\nseeds = { from = 1, to = 6 }\n\
    set = { end = \"7s\", \"process.sysbench.sysbench.query-pause\" = \"20ms\" }\n\
    [[vary]]\nkey = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 3]\n\
    [[measure]]\nname = \"exhausted_ms\"\ntime_of = \"exhausted\"\n";

pub(crate) fn book(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/sweep").join(file)
}

/// A folder with the plan, and the results of one whole run of it.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("machines-{name}"));
    let _not_there = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is ours");
    fs::write(folder.join("plan.toml"), PLAN).expect("the target folder is ours");
    run(&folder, "halfclose", &["sweep", "plan.toml", "-o", "whole.jsonl"], &[]);
    folder
}

/// Runs a program with `halfclose` on its path; it must succeed.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
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

pub(crate) fn same_bytes(folder: &Path, results: &str) {
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
