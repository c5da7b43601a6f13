//! Descriptors that are not sockets, and what `fcntl` and `ioctl` say of all.

use crate::app::{CallResult, FileKind, Ret};
use crate::errno::Errno;
use crate::kernel::fd::{FdFlags, FdTable};
use crate::kernel::host::Kernel;
use crate::tcp::TcpState;
use crate::units::{Fd, ProcIx};

/// `O_RDWR`.
const O_RDWR: u32 = 0o2;
/// `O_NONBLOCK`.
const O_NONBLOCK: u32 = 0o4000;

impl Kernel {
    fn fds(&mut self, process: ProcIx) -> &mut FdTable {
        &mut self.processes[process.index()].fds
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_open(&mut self, process: ProcIx, file: FileKind) -> CallResult {
        self.acquire_file(process)?;
        let nr_open = self.config.sysctls.nr_open();
        let opened = self.fds(process).open_file(file, FdFlags::default(), nr_open);
        if opened.is_err() {
            self.files.release(1);
        }
        opened.map(Ret::Fd)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_read(&mut self, process: ProcIx, fd: Fd, max: u32) -> CallResult {
        Ok(Ret::Count(self.fds(process).file_mut(fd)?.read(max)))
    }

    pub(super) fn sys_write(&mut self, process: ProcIx, fd: Fd, len: u32) -> CallResult {
        self.fds(process).get(fd)?;
        Ok(Ret::Count(len))
    }

    pub(super) fn sys_fstat(&mut self, process: ProcIx, fd: Fd) -> CallResult {
        self.fds(process).get(fd)?;
        Ok(Ret::Done)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_lseek(&mut self, process: ProcIx, fd: Fd) -> CallResult {
        self.fds(process).file_mut(fd)?.seek(0);
        Ok(Ret::Count(0))
    }

    pub(super) fn sys_set_nonblock(&mut self, process: ProcIx, fd: Fd, on: bool) -> CallResult {
        self.fds(process).set_nonblock(fd, on)?;
        Ok(Ret::Done)
    }

    pub(super) fn sys_getfl(&mut self, process: ProcIx, fd: Fd) -> CallResult {
        let flags = self.fds(process).flags(fd)?;
        Ok(Ret::Count(O_RDWR | if flags.nonblock { O_NONBLOCK } else { 0 }))
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_fionread(&mut self, process: ProcIx, fd: Fd) -> CallResult {
        let id = self.fd_socket(process, fd)?;
        let socket = self.socket(id);
        if let Some(udp) = socket.udp() {
            return Ok(Ret::Count(udp.queue.front().map_or(0, |(data, _)| data.len())));
        }
        if socket.state() == TcpState::Listen {
            return Err(Errno::Inval);
        }
        Ok(Ret::Count(socket.tcb.unread()))
    }
}
