//! Processes: descriptors, limits, and what is left of them.

use super::config::ProcessConfig;
use super::fd::{FdFlags, FdTable};
use crate::app::FileKind;
use crate::units::{Fd, Pid, Port};

/// A process of the host.
#[derive(Clone, Debug)]
pub struct Process {
    pub(crate) pid: Pid,
    pub(crate) name: String,
    pub(crate) fds: FdTable,
    pub(crate) cap_sys_admin: bool,
    pub(crate) cap_sys_resource: bool,
    /// Not yet ended.
    pub(crate) alive: bool,
    /// Connections in the established table that its descriptors refer to, by
    /// parity of the local port.
    pub(crate) by_parity: [u32; 2],
    /// Connections it opened that reached ESTABLISHED.
    pub(crate) connected: u64,
}

impl Process {
    pub(crate) fn new(pid: Pid, config: &ProcessConfig) -> Self {
        let mut fds = FdTable::new(config.nofile, "/dev/pts/0");
        for _ in 0..config.extra_fds {
            // A descriptor beyond the limit is one the process could not have opened.
            if fds.open_file(FileKind::Path("/dev/null"), FdFlags::default(), u32::MAX).is_err() {
                break;
            }
        }
        Self {
            pid,
            name: config.name.clone(),
            fds,
            cap_sys_admin: config.cap_sys_admin,
            cap_sys_resource: config.cap_sys_resource,
            alive: true,
            by_parity: [0; 2],
            connected: 0,
        }
    }

    /// Process id.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }
    /// Name (`comm`).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Descriptors and RLIMIT_NOFILE.
    #[must_use]
    pub const fn fds(&self) -> &FdTable {
        &self.fds
    }
    /// Connections in the established table that its descriptors refer to, on
    /// even and on odd local ports.
    #[must_use]
    pub const fn connections_by_parity(&self) -> [u32; 2] {
        self.by_parity
    }
    /// Connections in the established table that its descriptors refer to.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.by_parity[0] as u64 + self.by_parity[1] as u64
    }
    /// Connections it opened that reached ESTABLISHED, closed ones included.
    #[must_use]
    pub const fn connected(&self) -> u64 {
        self.connected
    }
    /// False once it has exited.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.alive
    }

    /// A descriptor of the process came to refer to a connection in the
    /// established table, or ceased to.
    pub(crate) fn count_parity(&mut self, port: Port, on: bool) {
        let count = &mut self.by_parity[usize::from(port.0 & 1)];
        *count = if on { *count + 1 } else { *count - 1 };
    }

    /// `O_NONBLOCK` of a descriptor's file.
    pub(crate) fn nonblock(&self, fd: Fd) -> bool {
        self.fds.flags(fd).is_ok_and(|flags| flags.nonblock)
    }
}
