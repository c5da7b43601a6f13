//! The lab: a scenario on the real Linux kernel, and the same one in the model.
//!
//! Each host becomes a network namespace, each process a real process that runs
//! the very program the model runs ([`halfclose::app::App`]) and makes its calls
//! for real. What the kernel shows is compared with what the model shows.
//!
//! ```text
//! halfclose lab ─► root: user, pid, net namespaces ─► conductor (init of its pid namespace)
//!                                                       ├─ a thread in each host's net namespace
//!                                                       └─ worker: a process of the scenario ─► park: holds descriptors
//! ```
//!
//! Namespaces have no names: they end with their processes, and every process
//! ends with the conductor, which ends with whoever started it. Linux only.
#![cfg(target_os = "linux")]

mod bounds;
mod calls;
mod capture;
mod clock;
mod compare;
mod conductor;
mod diag;
mod fds;
mod host;
mod link;
mod live;
mod machine;
mod mariadb;
mod netlink;
mod nft;
mod observation;
mod park;
mod procfs;
mod report;
mod rights;
mod say;
mod simulate;
mod stage;
mod sys;
mod wire;
mod worker;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use halfclose::scenario::{Scenario, ScenarioError};

pub use compare::{Group, Line, Text, Verdict};
pub use machine::Machine;
pub use report::{Report, page, page_in_zh};
pub use simulate::ModelError;

use observation::Observation;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Request {
    /// The scenario's name, for headings.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Changes to it, as `--set` makes them.
    pub overrides: Vec<(String, String)>,
    /// Instead of the file's seed.
    pub seed: Option<u64>,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenario has problems.
    #[error("{0}")]
    Scenario(ScenarioError),
    /// The scenario asks for something that the lab cannot do for real.
    #[error("{}", .0.join("; "))]
    Impossible(Vec<String>),
    /// A right, or a part of the kernel, is missing.
    #[error("{}", .0.en)]
    Missing(Text),
    /// The experiment broke off.
    #[error("{0}")]
    Broken(String),
    /// The model has no answer.
    #[error("{0}")]
    Model(#[from] ModelError),
}

/// Runs a scenario on the real kernel, then in the model, and compares both.
///
/// # Errors
/// See [`LabError`].
pub fn run(request: &Request) -> Result<Report, LabError> {
    let scenario = read(&request.text, &request.overrides)?;
    let obstacles = bounds::obstacles(&scenario);
    if !obstacles.is_empty() {
        return Err(LabError::Impossible(obstacles));
    }
    let broken = |error: std::io::Error| LabError::Broken(error.to_string());
    let machine = Machine::this().map_err(broken)?;
    let mut overrides = request.overrides.clone();
    overrides.extend(machine.overrides(&scenario));
    let seed = request.seed.unwrap_or(scenario.seed);
    let task = wire::Task { text: request.text.clone(), overrides: overrides.clone(), seed };
    let real = experiment(&task)?;
    overrides.extend(settings(&real));
    let scenario = read(&request.text, &overrides)?;
    let model = simulate::observe(&scenario, seed)?;
    Ok(Report::new(request, &scenario, machine, real, model))
}

fn read(text: &str, overrides: &[(String, String)]) -> Result<Scenario, LabError> {
    let overrides: Vec<(&str, &str)> = overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    Scenario::parse_with(text, &overrides).map_err(LabError::Scenario)
}

/// The real hosts' settings, so that the simulated ones have the same.
fn settings(real: &Observation) -> Vec<(String, String)> {
    // Read only: it follows from the machine's memory.
    let settable = real.settings.iter().filter(|(_, name, _)| name != "net.ipv4.tcp_ehash_entries");
    let settings = settable.map(|(host, name, value)| (format!("host.{host}.sysctl.{name}"), format!("{value:?}")));
    // The greeting's length depends on the version.
    let versions = real.versions.iter();
    let versions =
        versions.map(|(process, version)| (format!("process.{process}.mysqld.version"), format!("{version:?}")));
    settings.chain(versions).collect()
}

/// The real half.
fn experiment(task: &wire::Task) -> Result<Observation, LabError> {
    let broken = |error: std::io::Error| LabError::Broken(error.to_string());
    let mut command = Command::new(stage::program().map_err(broken)?);
    command.args(stage::arguments(stage::ROOT)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(broken)?;
    let mut input = child.stdin.take().expect("stdin is piped");
    let text = serde_json::to_string(task).map_err(|error| LabError::Broken(error.to_string()))?;
    // A stage that failed at once does not read; what it says on stderr counts.
    let _closed = input.write_all(text.as_bytes()).and_then(|()| input.write_all(b"\n"));
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).map_err(broken)?;
    drop(input);
    let output = child.wait_with_output().map_err(broken)?;
    match serde_json::from_str(&line) {
        Ok(seen) => Ok(seen),
        Err(_) => Err(rights::explain(&String::from_utf8_lossy(&output.stderr))),
    }
}

/// What the program does when it was started as a stage of the lab; `None` if it was not.
#[must_use]
pub fn stage_main() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(stage::WORD) {
        return None;
    }
    let stage = words.next().unwrap_or_default();
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
    let result = match stage.as_str() {
        stage::ROOT => rights::main(),
        stage::CONDUCTOR => conductor::main(),
        stage::WORKER => match (number(), number()) {
            (Some(process), Some(zero)) => {
                let process = usize::try_from(process).unwrap_or(usize::MAX);
                worker::main(worker::Place { process, zero })
            }
            _ => Err(std::io::ErrorKind::InvalidInput.into()),
        },
        stage::MARIADB => match number() {
            Some(process) => mariadb::main(usize::try_from(process).unwrap_or(usize::MAX)),
            None => Err(std::io::ErrorKind::InvalidInput.into()),
        },
        stage::PARK => park::main(),
        _ => Err(std::io::ErrorKind::InvalidInput.into()),
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "{stage}: {error}");
            ExitCode::FAILURE
        }
    })
}
