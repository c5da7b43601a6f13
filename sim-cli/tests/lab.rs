//! The quick experiments of `scenarios/lab/` on the real kernel: what `halfclose
//! lab` shows there and in the model must agree. (`tests/kernel/` holds the model
//! against figures measured once; this suite measures anew.)
//!
//! It needs root, or unprivileged user namespaces. Without them it fails and says
//! what is missing. Experiments are run several at once, for they mostly wait; one
//! that differs is run again alone, since a real clock may have been late once: a
//! wrong model is wrong twice. `cargo xtask test` runs it as the check `lab`, apart
//! from the other tests (`test = false`): it wants the machine for itself.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// Seconds an experiment may last to belong to this suite.
const QUICK_S: u64 = 12;
/// Experiments at once.
const AT_ONCE: usize = 8;

fn scenarios() -> Vec<(PathBuf, u64)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/lab");
    let files = std::fs::read_dir(folder).expect("the experiments").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<(PathBuf, u64)> = files.map(|file| (file.clone(), length_ms(&file))).collect();
    // The longest first, so that none is left alone at the end.
    found.sort_by_key(|(file, ms)| (std::cmp::Reverse(*ms), file.clone()));
    found
}

/// `end` of a scenario.
fn length_ms(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).expect("a scenario");
    let end = text.lines().find_map(|line| line.strip_prefix("end = \"")).expect("a scenario has an end");
    let end = end.trim_end_matches('"');
    match end.strip_suffix("ms") {
        Some(ms) => ms.parse().expect("a number"),
        None => end.trim_end_matches('s').parse::<u64>().expect("a number") * 1000,
    }
}

fn lab(file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfclose"));
    command.arg("lab").arg(file).args(["--lang", "en", "--color", "never"]).output().expect("the program starts")
}

fn told(file: &Path, output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let differing: Vec<&str> = out.lines().filter(|line| line.contains("DIFFERS")).collect();
    format!("{}\n{}\n{}", file.display(), differing.join("\n"), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_real_kernel_and_the_model_agree() {
    let quick: Vec<PathBuf> =
        scenarios().into_iter().filter(|(_, ms)| *ms <= QUICK_S * 1000).map(|(file, _)| file).collect();
    assert!(quick.len() > 40, "the experiments were not found");
    // One first: if a right is missing, it is missing for all.
    let first = lab(&quick[0]);
    assert_ne!(first.status.code(), Some(2), "{}", told(&quick[0], &first));
    let waiting = Mutex::new(quick);
    let doubtful = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = {
                    let mut waiting = waiting.lock().unwrap();
                    (!waiting.is_empty()).then(|| waiting.remove(0))
                } {
                    if !lab(&file).status.success() {
                        doubtful.lock().unwrap().push(file);
                    }
                }
            });
        }
    });
    let wrong: Vec<String> = doubtful
        .into_inner()
        .unwrap()
        .into_iter()
        .map(|file| (lab(&file), file))
        .filter(|(output, _)| !output.status.success())
        .map(|(output, file)| told(&file, &output))
        .collect();
    assert!(wrong.is_empty(), "real and simulated differ:\n{}", wrong.join("\n"));
}

/// Nothing of an experiment outlives whoever started it, however that ends.
#[test]
fn nothing_is_left_behind() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/lab");
    // Inherited by every process of this experiment, and by none of another.
    let mark = format!("HALFCLOSE_LAB_TEST=left-behind-{}", std::process::id());
    let (name, value) = mark.split_once('=').expect("as written");
    let stages = || {
        let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        // A zombie has no environment.
        let environments = processes.filter_map(|p| std::fs::read(p.path().join("environ")).ok());
        environments.filter(|environment| String::from_utf8_lossy(environment).contains(&mark)).count()
    };
    let until = |wanted: &dyn Fn(usize) -> bool| {
        (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            wanted(stages())
        })
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_halfclose"))
        .env(name, value)
        .arg("lab")
        .arg(folder.join("fin-wait-2.toml"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    // The program, root, conductor, server and client.
    assert!(until(&|now| now == 5), "the experiment did not start");
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
    assert!(until(&|now| now == 0), "{} processes are left", stages());
}
