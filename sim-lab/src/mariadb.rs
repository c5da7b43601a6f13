//! A real MariaDB server where the scenario says so: `real = "mariadb"`.
//!
//! It keeps its data on a tmpfs of its own mount namespace and knows no accounts
//! (`--skip-grant-tables`), as the stand-in knows none.

use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use halfclose::app::mysql::ServerConfig;
use halfclose::scenario::{BindSpec, MysqldSpec, ProcessSpec, ProgramSpec, Scenario};
use rustix::mount::MountFlags;

use crate::conductor::Player;
use crate::host::Host;
use crate::wire::{Event, Task};
use crate::{clock, sys, worker};

/// Where the data lie; nobody else sees this mount.
const DATA: &str = "/tmp";
/// Default port of the server.
const PORT: u16 = 3306;
/// How long the server may take to start.
const PATIENCE: u64 = 90_000_000_000;

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// As its greeting says, without the prefix for old replicas.
    pub(crate) version: String,
    /// Id of the next session, and what the scenario calls it.
    next: (u64, u64),
}

impl Server {
    /// The real id of the session that the scenario calls `id`.
    pub(crate) fn session(&self, id: u64) -> u64 {
        (self.next.0 + id).saturating_sub(self.next.1)
    }
}

fn mysqld(spec: &ProcessSpec) -> io::Result<&MysqldSpec> {
    match &spec.program {
        ProgramSpec::Mysqld(mysqld) => Ok(mysqld),
        ProgramSpec::Sysbench(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Reconnect(_)
        | ProgramSpec::Pool(_)
        | ProgramSpec::Dns(_)
        | ProgramSpec::Script(_) => Err(io::Error::other("only a mysqld has a real counterpart")),
    }
}

/// Becomes the server.
///
/// # Errors
/// When it is not installed, or its data folder cannot be made.
pub(crate) fn main(process: usize) -> io::Result<()> {
    worker::die_with_parent()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    let overrides: Vec<(&str, &str)> = task.overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let scenario = Scenario::parse_with(&task.text, &overrides).map_err(|error| io::Error::other(error.to_string()))?;
    let spec = scenario.processes.get(process).ok_or(io::ErrorKind::InvalidInput)?;
    let settings = mysqld(spec)?;
    sys::unshare(rustix::thread::UnshareFlags::NEWNS)?;
    rustix::mount::mount("tmpfs", DATA, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, None)?;
    let data = format!("{DATA}/data");
    // A database is a folder; with no accounts the server needs nothing in `mysql`.
    for folder in ["mysql", "sbtest"] {
        std::fs::create_dir_all(format!("{data}/{folder}"))?;
    }
    let mut out = io::stdout().lock();
    out.write_all(Event::Pid { pid: worker::visible_pid()?, helper: false }.line().as_bytes())?;
    out.flush()?;
    drop(out);
    let mut command = Command::new("mariadbd");
    command.args(["--no-defaults", "--user=root", "--skip-grant-tables", "--skip-log-bin", "--skip-name-resolve"]);
    command.args([format!("--datadir={data}"), format!("--socket={DATA}/mariadb.sock"), format!("--port={PORT}")]);
    command.args(["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--performance-schema=OFF"]);
    if let BindSpec::V4(addr) = settings.bind_address {
        command.arg(format!("--bind-address={addr}"));
    }
    command.args(settings.vars.iter().map(|(name, value)| format!("--{name}={value}")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let error = command.exec();
    Err(io::Error::new(error.kind(), format!("mariadbd cannot be started ({error}): install mariadb-server-core")))
}

/// Starts the server of a process and waits until it greets.
///
/// # Errors
/// When it does not.
pub(crate) fn play(
    host: &Host,
    scenario: &Scenario,
    process: usize,
    start: impl FnOnce() -> io::Result<Player>,
) -> io::Result<(Player, Server)> {
    let spec = &scenario.processes[process];
    let settings = mysqld(spec)?;
    let mut player = start()?;
    let patience = clock::now() + PATIENCE;
    let addr = scenario.hosts[spec.host].addrs.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
    let (version, id) = loop {
        if let Ok(greeting) = host.namespace.run(move || greeting(addr)) {
            break greeting;
        }
        if player.is_over() {
            return Err(io::Error::other("mariadbd did not start: is mariadb-server-core installed?"));
        }
        if clock::now() > patience {
            return Err(io::Error::other("mariadbd did not answer in time"));
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let usual = ServerConfig::new(&settings.version).first_connection_id;
    let called = settings.next_connection_id.unwrap_or(usual);
    Ok((player, Server { version, next: (u64::from(id) + 1, u64::from(called)) }))
}

/// Version and session id of the greeting (protocol version 10).
fn greeting(addr: Ipv4Addr) -> io::Result<(String, u32)> {
    let mut stream = TcpStream::connect((addr, PORT))?;
    // Closed with a RST, it leaves no trace.
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut bytes = [0; 256];
    let n = stream.read(&mut bytes)?;
    parse(&bytes[..n]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(bytes: &[u8]) -> Option<(String, u32)> {
    let body = bytes.get(5..)?;
    let end = body.iter().position(|byte| *byte == 0)?;
    let version = String::from_utf8_lossy(&body[..end]).into_owned();
    let id = body.get(end + 1..)?.first_chunk().map(|id| u32::from_le_bytes(*id))?;
    Some((version.strip_prefix("5.5.5-").unwrap_or(&version).to_owned(), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read() {
        let bytes = [&[100, 0, 0, 0, 10][..], b"5.5.5-10.11.19-MariaDB-0\0", &[7, 1, 0, 0, 9]].concat();
        assert_eq!(parse(&bytes), Some(("10.11.19-MariaDB-0".to_owned(), 263)));
        assert_eq!(parse(&bytes[..20]), None);
    }

    #[test]
    fn sessions_keep_their_distance() {
        let server = Server { version: String::new(), next: (5, 11) };
        assert_eq!((server.session(11), server.session(13)), (5, 7));
    }
}
