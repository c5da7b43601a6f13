//! The lab's processes are the program itself, started again with a word that
//! no user types.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// First argument of every stage.
pub(crate) const WORD: &str = "--lab-stage";
/// The namespaces' first process.
pub(crate) const ROOT: &str = "root";
/// Their init, which conducts the experiment.
pub(crate) const CONDUCTOR: &str = "conductor";
/// A process of the scenario.
pub(crate) const WORKER: &str = "worker";
/// A real server of the scenario.
pub(crate) const MARIADB: &str = "mariadb";
/// A holder of descriptors.
pub(crate) const PARK: &str = "park";

/// The running program.
pub(crate) fn program() -> io::Result<PathBuf> {
    // Found once: the file may be replaced while the lab runs, the link never names another.
    match std::fs::read_link("/proc/self/exe") {
        Ok(_) => Ok(PathBuf::from("/proc/self/exe")),
        Err(_) => std::env::current_exe(),
    }
}

/// The arguments of a stage.
pub(crate) fn arguments(stage: &str) -> [OsString; 2] {
    [WORD.into(), stage.into()]
}
