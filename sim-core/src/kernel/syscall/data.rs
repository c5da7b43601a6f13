//! Bytes: `send`, `recv`, and their UDP kin.

use core::hint::cold_path;

use super::{Caller, Outcome};
use crate::app::{CallResult, Ret};
use crate::errno::Errno;
use crate::kernel::effects::Effects;
use crate::kernel::host::Kernel;
use crate::tcp::{Reply, TcpState, UserCall};
use crate::time::Instant;
use crate::units::{Endpoint, Fd, ProcIx, SocketId};
use crate::wire::Payload;

impl Kernel {
    pub(super) fn sys_send(&mut self, caller: Caller, fd: Fd, data: &Payload, fx: &mut Effects) -> Outcome {
        let id = match self.fd_socket(caller.task.process, fd) {
            Ok(id) => id,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        let socket = self.socket_mut(id);
        if socket.is_udp() {
            return self.udp_send(id, None, data.clone(), fx).map(Ret::Count).into();
        }
        if matches!(socket.state(), TcpState::Closed | TcpState::Listen) {
            cold_path();
            let error = self.take_error(caller.now, id, fx);
            return Outcome::Done(Err(error.unwrap_or(Errno::Pipe)));
        }
        // A blocking send that had to wait goes on where it stopped.
        let before = socket.rare.as_mut().map_or(0, |rare| core::mem::take(&mut rare.send_progress));
        let whole = data.len();
        let blocking = !self.processes[caller.task.process.index()].nonblock(fd);
        let rest = data.slice(before, whole - before);
        let reply = self.tcp_call(caller.now, id, UserCall::Send(rest), fx);
        match reply {
            Ok(Reply::Count(sent)) if before + sent < whole && blocking => {
                self.socket_mut(id).rare_mut().send_progress = before + sent;
                self.block_to_send(caller, id)
            }
            Ok(Reply::Count(sent)) => Outcome::Done(Ok(Ret::Count(before + sent))),
            Ok(Reply::Done | Reply::Data(_) | Reply::Error(_)) => Outcome::Done(Ok(Ret::Count(whole))),
            Err(Errno::Again) if blocking => {
                if before > 0 {
                    self.socket_mut(id).rare_mut().send_progress = before;
                }
                self.block_to_send(caller, id)
            }
            Err(_) if before > 0 => Outcome::Done(Ok(Ret::Count(before))),
            Err(errno) => Outcome::Done(Err(errno)),
        }
    }

    fn block_to_send(&mut self, caller: Caller, id: SocketId) -> Outcome {
        let socket = self.socket_mut(id);
        let timeout = socket.rare.as_ref().and_then(|rare| rare.sndtimeo);
        caller.block_on(socket, timeout)
    }

    pub(super) fn sys_recv(
        &mut self,
        caller: Caller,
        fd: Fd,
        max: u32,
        peek: bool,
        dontwait: bool,
        fx: &mut Effects,
    ) -> Outcome {
        let id = match self.fd_socket(caller.task.process, fd) {
            Ok(id) => id,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        let blocking = !dontwait && !self.processes[caller.task.process.index()].nonblock(fd);
        let result = if self.socket(id).is_udp() {
            self.udp_recv(id, peek)
        } else if self.socket(id).listen().is_some() {
            return Outcome::Done(Err(Errno::NotConn));
        } else {
            self.tcp_call(caller.now, id, UserCall::Receive { max, peek }, fx).map(|reply| match reply {
                Reply::Data(data) => Ret::Data(data),
                Reply::Done | Reply::Count(_) | Reply::Error(_) => Ret::Data(Payload::EMPTY),
            })
        };
        match result {
            Err(Errno::Again) if blocking => {
                let socket = self.socket_mut(id);
                let timeout = socket.rare.as_ref().and_then(|rare| rare.rcvtimeo);
                caller.block_on(socket, timeout)
            }
            other => Outcome::Done(other),
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_sendmmsg(
        &mut self,
        process: ProcIx,
        fd: Fd,
        datagrams: &[Payload],
        fx: &mut Effects,
    ) -> CallResult {
        let id = self.fd_socket(process, fd)?;
        if !self.socket(id).is_udp() {
            return Err(Errno::OpNotSupp);
        }
        let mut sent = 0;
        for datagram in datagrams {
            match self.udp_send(id, None, datagram.clone(), fx) {
                Ok(_) => sent += 1,
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(Ret::Count(sent))
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_sendto(
        &mut self,
        process: ProcIx,
        fd: Fd,
        addr: Endpoint,
        data: Payload,
        fx: &mut Effects,
    ) -> CallResult {
        let id = self.fd_socket(process, fd)?;
        if !self.socket(id).is_udp() {
            return Err(Errno::IsConn);
        }
        self.udp_send(id, Some(addr), data, fx).map(Ret::Count)
    }

    /// `getsockopt(SO_ERROR)`: the pending error, once.
    pub(crate) fn take_error(&mut self, now: Instant, id: SocketId, fx: &mut Effects) -> Option<Errno> {
        if let Some(udp) = self.socket_mut(id).udp_mut() {
            return udp.error.take();
        }
        match self.tcp_call(now, id, UserCall::TakeError, fx) {
            Ok(Reply::Error(error)) => error,
            Ok(Reply::Done | Reply::Count(_) | Reply::Data(_)) | Err(_) => None,
        }
    }
}
