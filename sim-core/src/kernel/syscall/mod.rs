//! System calls: each takes effect atomically when its CPU time is over.

mod data;
mod files;
mod open;
mod options;
mod poll;

use super::effects::Effects;
use super::host::Kernel;
use super::socket::Socket;
use crate::app::{Call, CallResult, Ret};
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Fd, ProcIx, SocketId, TaskRef};

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It completed.
    Done(CallResult),
    /// It waits; the kernel wakes the thread when trying again may help, or
    /// the deadline passes.
    Block {
        /// Latest end of the wait.
        deadline: Option<Instant>,
    },
}

impl From<CallResult> for Outcome {
    fn from(result: CallResult) -> Self {
        Self::Done(result)
    }
}

/// Who calls, and whether this is the first attempt or one after a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) now: Instant,
    pub(crate) task: TaskRef,
    /// False when the call had blocked and is tried again.
    pub(crate) first: bool,
}

impl Caller {
    /// Registers the caller on a socket and blocks.
    pub(crate) fn block_on(self, socket: &mut Socket, timeout: Option<Duration>) -> Outcome {
        socket.waiters.add(self.task);
        Outcome::Block { deadline: if self.first { timeout.map(|t| self.now + t) } else { None } }
    }
}

impl Kernel {
    /// Executes a call. Calls that are not the kernel's business (sleeping,
    /// threads, exit) are the world's and never get here.
    pub(crate) fn syscall(&mut self, caller: Caller, call: &mut Call, fx: &mut Effects) -> Outcome {
        let process = caller.task.process;
        match call {
            Call::Socket { domain, ty, nonblock } => self.sys_socket(process, *domain, *ty, *nonblock).into(),
            Call::Bind { fd, addr } => self.sys_bind(process, *fd, *addr).into(),
            Call::Listen { fd, backlog } => self.sys_listen(caller, *fd, *backlog, fx).into(),
            Call::Accept { fd, nonblock } => self.sys_accept(caller, *fd, *nonblock),
            Call::Connect { fd, addr } => self.sys_connect(caller, *fd, *addr, fx),
            Call::Send { fd, data } => self.sys_send(caller, *fd, data, fx),
            Call::Recv { fd, max, peek, dontwait } => self.sys_recv(caller, *fd, *max, *peek, *dontwait, fx),
            Call::Sendmmsg { fd, datagrams } => self.sys_sendmmsg(process, *fd, datagrams, fx).into(),
            Call::SendTo { fd, addr, data } => self.sys_sendto(process, *fd, *addr, data.clone(), fx).into(),
            Call::Shutdown { fd, how } => self.sys_shutdown(caller, *fd, *how, fx).into(),
            Call::Close { fd } => self.close_fd(caller.now, process, *fd, fx).map(|()| Ret::Done).into(),
            Call::Poll { set, timeout } => {
                let cost = &self.config.cost;
                let deadline = timeout.map(|t| caller.now + t + cost.poll_slack(t));
                let deadline = if caller.first { deadline } else { None };
                self.sys_poll(caller, set, timeout.is_some_and(|t| t.nanos() == 0), deadline)
            }
            Call::SetNonblock { fd, on } => self.sys_set_nonblock(process, *fd, *on).into(),
            Call::GetFl { fd } => self.sys_getfl(process, *fd).into(),
            Call::SetSockOpt { fd, option } => self.sys_setsockopt(caller, *fd, *option, fx).into(),
            Call::GetSockOpt { fd, option } => self.sys_getsockopt(caller, *fd, *option, fx).into(),
            Call::GetSockName { fd } => self.sys_getsockname(process, *fd).into(),
            Call::GetPeerName { fd } => self.sys_getpeername(process, *fd).into(),
            Call::IoctlFionread { fd } => self.sys_fionread(process, *fd).into(),
            Call::Open { file } => self.sys_open(process, *file).into(),
            Call::Read { fd, max } => self.sys_read(process, *fd, *max).into(),
            Call::Write { fd, len } => self.sys_write(process, *fd, *len).into(),
            Call::Fstat { fd } => self.sys_fstat(process, *fd).into(),
            Call::Lseek { fd } => self.sys_lseek(process, *fd).into(),
            Call::Stat { path: _ } | Call::Mprotect => Outcome::Done(Ok(Ret::Done)),
            Call::Getpid => Outcome::Done(Ok(Ret::Count(self.processes[process.index()].pid.0))),
            Call::GetRlimit => Outcome::Done(Ok(Ret::Limits(self.processes[process.index()].fds.limits()))),
            Call::SetRlimit { limits } => {
                let nr_open = self.config.sysctls.nr_open();
                let process = &mut self.processes[process.index()];
                let privileged = process.cap_sys_resource;
                process.fds.set_limits(*limits, nr_open, privileged).map(|()| Ret::Done).into()
            }
            Call::Nanosleep { .. }
            | Call::Spawn { .. }
            | Call::FutexWait { .. }
            | Call::Compute { .. }
            | Call::ExitTask
            | Call::ExitProcess { .. } => unreachable!("the world handles {:?} itself", call.name()),
        }
    }

    /// What a blocked call returns when its deadline passes.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn timed_out(&mut self, task: TaskRef, call: &Call) -> CallResult {
        self.stop_waiting(task, call);
        if let Call::Poll { set, .. } = call {
            Ok(Ret::Ready(set.clone()))
        } else if let Call::Nanosleep { .. } = call {
            Ok(Ret::Done)
        } else if let Call::Connect { .. } = call {
            // SO_SNDTIMEO on connect: the attempt goes on without the caller.
            Err(Errno::InProgress)
        } else if let Call::FutexWait { .. } = call {
            Err(Errno::TimedOut)
        } else if let Call::Send { fd, .. } = call {
            // tcp_sendmsg_locked: what was taken before the time-out counts.
            let id = self.fd_socket(task.process, *fd);
            let rare = id.ok().and_then(|id| self.socket_mut(id).rare.as_mut());
            match rare.map_or(0, |rare| core::mem::take(&mut rare.send_progress)) {
                0 => Err(Errno::Again),
                sent => Ok(Ret::Count(sent)),
            }
        } else {
            assert!(matches!(call, Call::Accept { .. } | Call::Recv { .. }), "{:?} does not block", call.name());
            Err(Errno::Again)
        }
    }

    /// Takes a thread off the wait lists its call put it on.
    #[inline]
    pub(crate) fn stop_waiting(&mut self, task: TaskRef, call: &Call) {
        let drop_waiter = |kernel: &mut Self, fd: Fd| {
            if let Ok(id) = kernel.fd_socket(task.process, fd) {
                kernel.socket_mut(id).waiters.remove(task);
            }
        };
        if let Call::Poll { set, .. } = call {
            for entry in set.entries() {
                drop_waiter(self, entry.fd);
            }
        } else if let Call::Connect { fd, .. }
        | Call::Accept { fd, .. }
        | Call::Recv { fd, .. }
        | Call::Send { fd, .. } = call
        {
            drop_waiter(self, *fd);
        }
    }

    pub(crate) fn fd_socket(&self, process: ProcIx, fd: Fd) -> Result<SocketId, Errno> {
        self.processes[process.index()].fds.socket(fd)
    }
}
