//! `poll()` and what `tcp_poll` answers.

use super::{Caller, Outcome};
use crate::app::{PollEvents, PollSet, Ret};
use crate::kernel::fd::FdFile;
use crate::kernel::host::Kernel;
use crate::tcp::TcpState;
use crate::time::Instant;
use crate::units::{Fd, ProcIx, SocketId};

impl Kernel {
    pub(super) fn sys_poll(
        &mut self,
        caller: Caller,
        set: &mut PollSet,
        no_wait: bool,
        deadline: Option<Instant>,
    ) -> Outcome {
        let process = caller.task.process;
        let mut ready = false;
        for entry in set.entries_mut() {
            let bits = self.poll_bits(process, entry.fd);
            let wanted = entry.events.with(PollEvents::ERR).with(PollEvents::HUP).with(PollEvents::NVAL);
            entry.revents = PollEvents(bits.0 & wanted.0);
            ready |= entry.revents != PollEvents::NONE;
        }
        if ready || no_wait {
            return Outcome::Done(Ok(Ret::Ready(set.clone())));
        }
        for entry in set.entries() {
            if let Ok(id) = self.fd_socket(process, entry.fd) {
                self.socket_mut(id).waiters.add(caller.task);
            }
        }
        Outcome::Block { deadline }
    }

    fn poll_bits(&self, process: ProcIx, fd: Fd) -> PollEvents {
        match self.processes[process.index()].fds.get(fd) {
            Err(_) => PollEvents::NVAL,
            Ok(FdFile::Socket(id)) => self.socket_poll_bits(id),
            Ok(FdFile::File(_)) => PollEvents::IN.with(PollEvents::OUT),
        }
    }

    /// Linux `tcp_poll` and `udp_poll`.
    fn socket_poll_bits(&self, id: SocketId) -> PollEvents {
        let socket = self.socket(id);
        let mut bits = PollEvents::NONE;
        let mut add = |on: bool, bit: PollEvents| {
            if on {
                bits = bits.with(bit);
            }
        };
        if let Some(udp) = socket.udp() {
            add(true, PollEvents::OUT);
            add(!udp.queue.is_empty(), PollEvents::IN);
            add(udp.error.is_some(), PollEvents::ERR);
            return bits;
        }
        if let Some(listen) = socket.listen() {
            add(!listen.accept_queue.is_empty(), PollEvents::IN);
            return bits;
        }
        let tcb = &socket.tcb;
        let error = tcb.error().is_some();
        match tcb.state() {
            TcpState::Closed => {
                // Never connected, or all over.
                add(true, PollEvents::OUT.with(PollEvents::HUP));
                add(tcb.readable(), PollEvents::IN.with(PollEvents::RDHUP));
            }
            TcpState::SynSent | TcpState::Listen => {}
            TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::TimeWait => {
                add(tcb.readable(), PollEvents::IN);
                add(tcb.eof(), PollEvents::IN.with(PollEvents::RDHUP));
                add(tcb.writable(), PollEvents::OUT);
                add(tcb.rcv_shutdown() && tcb.send_shutdown(), PollEvents::HUP);
            }
        }
        add(error, PollEvents::ERR);
        bits
    }
}
