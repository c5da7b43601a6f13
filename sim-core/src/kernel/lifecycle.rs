//! Applies what the TCP machine decided: tables, timers, counters, waiters.

use core::hint::cold_path;

use super::connect::ANY_DEVICE;
use super::effects::{Effects, KernelTimer};
use super::established_table::EstablishedEntry;
use super::host::{Kernel, Minisock};
use super::packets::Ends;
use super::ports::{TwAge, tw_reusable_at};
use super::process::Process;
use super::socket::{Socket, SocketFlags};
use super::sysctl::TwReuse;
use super::timewait::TimeWaitSock;
use crate::errno::Errno;
use crate::tcp::{self, Actions, Cause, Fate, Reply, TcpInput, TcpState, UserCall};
use crate::time::{Duration, Instant};
use crate::trace::{Counters, Mib, RecordKind};
use crate::units::{FourTuple, Port, SocketId, TwId};
use crate::wire::{Packet, Segment};

impl Kernel {
    /// A user call on a socket's machine and everything that follows from it.
    /// Returns the machine's reply.
    pub(crate) fn tcp_call(
        &mut self,
        now: Instant,
        id: SocketId,
        call: UserCall,
        fx: &mut Effects,
    ) -> Result<Reply, Errno> {
        self.tcp_step(now, id, TcpInput::Call(call), fx);
        self.scratch.reply.take().unwrap_or(Ok(Reply::Done))
    }

    /// One step of a socket's machine and everything that follows from it.
    #[inline(never)]
    pub(crate) fn tcp_step(&mut self, now: Instant, id: SocketId, input: TcpInput<'_>, fx: &mut Effects) {
        let socket = self.sockets.get_mut(id.0).expect("the caller found this socket in a table");
        let context = tcp::TcpContext { now, clock: self.clock, config: &self.tcp_config };
        tcp::machine::step(&mut socket.tcb, input, &context, &mut self.scratch);
        if apply(&mut self.scratch, id, socket, &mut self.mib, &mut self.state_counts, &mut self.processes, fx) {
            self.end_socket(now, id, fx);
        }
    }

    /// A segment for a socket, if it is still the one that `ends` says it is for.
    #[inline]
    pub(super) fn tcp_heard(&mut self, now: Instant, tuple: FourTuple, segment: &Segment, fx: &mut Effects) -> bool {
        let Ends { from, to } = fx.heard;
        match self.sockets.get_mut(to.0) {
            Some(socket) if socket.tuple == tuple && socket.flags.is_hashed_tcp() => socket.peer = from,
            Some(_) | None => return false,
        }
        self.tcp_step(now, to, TcpInput::SegmentArrives(segment), fx);
        true
    }

    /// The machine gave the socket another fate than to live on.
    #[inline(never)]
    fn end_socket(&mut self, now: Instant, id: SocketId, fx: &mut Effects) {
        match core::mem::take(&mut self.scratch.fate) {
            Fate::Keep => {}
            Fate::Closed => {
                let socket = self.sockets.get_mut(id.0).expect("the caller just stepped it");
                socket.waiters.drain_into(&mut fx.wakes);
                self.unhash(id);
                self.free_if_unreferenced(id);
            }
            Fate::TimeWait(substate, timeout) => self.become_timewait(now, id, substate, timeout, fx),
        }
    }

    /// The machine is in CLOSED: out of the tables, port given back unless
    /// `bind()` chose it (`tcp_done` → `inet_put_port`).
    pub(crate) fn unhash(&mut self, id: SocketId) {
        let socket = self.sockets.get_mut(id.0).expect("caller holds the socket");
        let tuple = socket.tuple;
        let bound = socket.flags.has(SocketFlags::BOUND);
        if socket.flags.has(SocketFlags::HASHED) {
            if socket.listen().is_some() {
                self.listeners.remove(tuple.local.port(), id);
            } else {
                self.established.remove(&tuple);
                if !bound {
                    self.ports.note_released(ANY_DEVICE, &tuple);
                }
            }
            socket.set_hashed(false, &mut self.gauges, &mut self.processes);
        }
        let locked = socket.flags.has(SocketFlags::BINDPORT_LOCK);
        if (!locked || socket.owner.is_none())
            && let Some(owner) = socket.bucket.take()
        {
            socket.flags.set(SocketFlags::BOUND, false);
            self.bind.release(tuple.local.port(), owner);
        }
    }

    /// Frees a CLOSED socket that no descriptor refers to.
    pub(crate) fn free_if_unreferenced(&mut self, id: SocketId) {
        let socket = self.sockets.get(id.0).expect("caller holds the socket");
        if socket.owner.is_some() || socket.flags.has(SocketFlags::UNACCEPTED) {
            return;
        }
        if socket.flags.has(SocketFlags::ORPHAN) {
            self.gauges.orphans -= 1;
        }
        if socket.is_udp() {
            self.gauges.udp_inuse -= u32::from(!socket.local_port().eq(&Port::NONE));
        } else {
            self.gauges.tcp_alloc -= 1;
        }
        self.sockets.free(id.0);
    }

    /// Linux `tcp_time_wait`: the full socket gives its place in the tables to
    /// a minisock, unless there are `tcp_max_tw_buckets` of them already.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn become_timewait(&mut self, now: Instant, id: SocketId, substate: TcpState, timeout: Duration, fx: &mut Effects) {
        let socket = self.sockets.get_mut(id.0).expect("the caller just stepped it");
        let tuple = socket.tuple;
        socket.waiters.drain_into(&mut fx.wakes);
        if self.timewaits.len() >= self.config.sysctls.max_tw_buckets() {
            cold_path();
            self.mib.inc(Mib::TCPTimeWaitOverflow);
            // The machine has recorded the way into the substate.
            count_transition(&mut self.state_counts, substate, TcpState::Closed);
            fx.changed(tuple, substate, TcpState::Closed, Cause::Overflow);
            socket.tcb.retire();
            self.unhash(id);
            self.free_if_unreferenced(id);
            return;
        }
        let context = tcp::TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let sock = TimeWaitSock::new(tuple, &socket.tcb, substate, timeout, &context);
        if self.config.profile.timewait_counted_when_made {
            self.mib.inc(sock.counter());
        }
        let expires = sock.expires;
        let (inet6, bound) = (socket.is_inet6(), socket.flags.has(SocketFlags::BOUND));
        socket.set_hashed(false, &mut self.gauges, &mut self.processes);
        // The minisock takes the socket's place in the table and as owner of the port.
        let bucket = socket.bucket.take();
        socket.tcb.retire();
        let tw = TwId(self.timewaits.insert(Minisock { sock, bucket, inet6 }));
        self.established.replace(&tuple, EstablishedEntry::TimeWait(tw));
        if !bound {
            let reusable = self.reusable_at(now, tw);
            self.ports.note_timewait(ANY_DEVICE, &tuple, reusable);
        }
        fx.timers.push((expires, KernelTimer::TimeWait(tw)));
        self.free_if_unreferenced(id);
    }

    /// When a `connect()` may take the minisock over: `tcp_twsk_unique`.
    pub(crate) fn reusable_at(&self, now: Instant, tw: TwId) -> Option<Instant> {
        let minisock = self.timewaits.get(tw.0).expect("caller holds the minisock");
        let sock = &minisock.sock;
        let tuple = sock.tuple;
        let allowed = match self.config.sysctls.tw_reuse() {
            TwReuse::Never => false,
            TwReuse::Always => true,
            TwReuse::Loopback => tuple.local.addr().is_loopback() || tuple.remote.addr().is_loopback(),
        };
        (allowed && self.may_be_reused(sock)).then(|| tw_reusable_at(now, self.boot_age(), self.reuse_clock()))
    }

    /// Timestamps were seen, and the substate allows it in this kernel: all
    /// that an explicitly bound port asks for.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn may_be_reused(&self, sock: &TimeWaitSock) -> bool {
        sock.successor().is_some()
            && (sock.substate() == TcpState::TimeWait || !self.config.profile.fin_wait2_not_reusable)
    }

    fn reuse_clock(&self) -> TwAge {
        if self.config.profile.tw_reuse_delay {
            TwAge::Delay(Duration::from_millis(u64::from(self.config.sysctls.tcp_tw_reuse_delay().unsigned_abs())))
        } else {
            TwAge::WholeSeconds
        }
    }

    /// Removes a minisock from every table.
    pub(crate) fn timewait_kill(&mut self, id: TwId, cause: Cause, fx: &mut Effects) {
        let Some(Minisock { sock, bucket, .. }) = self.timewaits.remove(id.0) else { return };
        let (tuple, from) = (sock.tuple, sock.substate());
        self.established.remove(&tuple);
        match bucket {
            Some(owner) => {
                if !owner.explicit {
                    self.ports.note_released(ANY_DEVICE, &tuple);
                }
                self.bind.release(tuple.local.port(), owner);
            }
            None => self.ports.note_released(ANY_DEVICE, &tuple),
        }
        count_transition(&mut self.state_counts, from, TcpState::Closed);
        fx.changed(tuple, from, TcpState::Closed, cause);
    }

    /// `close()` of the last descriptor of a TCP socket.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn tcp_close(&mut self, now: Instant, id: SocketId, fx: &mut Effects) {
        let socket = self.sockets.get_mut(id.0).expect("caller holds the socket");
        let (owner, port) = (socket.owner.take(), socket.local_port());
        if let Some(owner) = owner
            && socket.flags.has(SocketFlags::HASHED)
        {
            self.processes[owner.process.index()].count_parity(port, false);
        }
        if socket.listen().is_some() {
            cold_path();
            self.listen_stop(now, id, Cause::Close, fx);
            return;
        }
        if socket.state() == TcpState::Closed {
            self.unhash(id);
            self.free_if_unreferenced(id);
            return;
        }
        // The machine answers with FIN, RST or nothing; only then is it known
        // whether the socket lives on as an orphan.
        let _ = self.tcp_call(now, id, UserCall::Close, fx);
        let Some(socket) = self.sockets.get_mut(id.0) else { return };
        if socket.state() == TcpState::Closed {
            self.unhash(id);
            self.free_if_unreferenced(id);
            return;
        }
        socket.flags.set(SocketFlags::ORPHAN, true);
        self.gauges.orphans += 1;
        if self.gauges.orphans > self.config.sysctls.max_orphans() {
            cold_path();
            // Linux tcp_check_oom: reset instead of keeping one orphan too many.
            self.mib.inc(Mib::TCPAbortOnMemory);
            let _ = self.tcp_call(now, id, UserCall::Abort(Cause::Overflow), fx);
        }
    }
}

/// Does what `actions` say of a socket that was just stepped, and empties them
/// but for the reply and a fate other than to live on: true if there is one.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn apply(
    actions: &mut Actions,
    id: SocketId,
    socket: &mut Socket,
    mib: &mut Counters,
    state_counts: &mut [u32; 11],
    processes: &mut [Process],
    fx: &mut Effects,
) -> bool {
    let tuple = socket.tuple;
    if !actions.transitions.is_empty() {
        for &(from, to, cause) in &actions.transitions {
            count_transition(state_counts, from, to);
            if let (TcpState::SynSent, TcpState::Established, Some(owner)) = (from, to, socket.owner) {
                processes[owner.process.index()].connected += 1;
            }
            fx.changed(tuple, from, to, cause);
        }
        actions.transitions.clear();
    }
    if !actions.segments.is_empty() {
        let ends = Ends { from: id, to: socket.peer };
        let repeated = u64::from(core::mem::take(&mut actions.repeated));
        mib.add(Mib::OutSegs, actions.segments.len() as u64 - repeated);
        for segment in actions.segments.drain(..) {
            send(tuple, segment, ends, fx);
        }
    }
    if !actions.counters.is_empty() {
        mib.take(&mut actions.counters);
    }
    let events = core::mem::take(&mut actions.events);
    if actions.fate != Fate::Keep {
        return true;
    }
    let deadline = socket.tcb.deadline();
    if deadline < socket.timer_queued {
        socket.timer_queued = deadline;
        fx.timers.push((deadline, KernelTimer::Socket(id)));
    }
    if events != tcp::SocketEvents::NONE {
        socket.waiters.drain_into(&mut fx.wakes);
    }
    false
}

/// A socket changed state: keeps the counts by state.
#[inline]
pub(crate) fn count_transition(counts: &mut [u32; 11], from: TcpState, to: TcpState) {
    if from != TcpState::Closed {
        counts[from as usize] -= 1;
    }
    if to != TcpState::Closed {
        counts[to as usize] += 1;
    }
}

/// Hands a segment to the network and counts it.
pub(crate) fn transmit(mib: &mut Counters, tuple: FourTuple, segment: Segment, ends: Ends, fx: &mut Effects) {
    mib.inc(Mib::OutSegs);
    send(tuple, segment, ends, fx);
}

#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn send(tuple: FourTuple, segment: Segment, ends: Ends, fx: &mut Effects) {
    fx.record(RecordKind::Transmit {
        tuple,
        seq: segment.seq,
        ack: segment.ack,
        flags: segment.flags,
        len: segment.payload.len(),
    });
    fx.send(Packet::tcp(tuple, segment), ends);
}
