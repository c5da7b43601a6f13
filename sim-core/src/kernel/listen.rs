//! The listening side: `tcp_conn_request`, `tcp_check_req`, the two queues.

use core::hint::cold_path;

use super::effects::{Effects, KernelTimer};
use super::established_table::EstablishedEntry;
use super::host::Kernel;
use super::host::Request;
use super::lifecycle::{count_transition, transmit};
use super::request_sock::{ReqTimeout, ReqVerdict, RequestQueue, RequestSetup, RequestSock};
use super::socket::{ListenState, Socket, SocketFlags};
use crate::app::Domain;
use crate::tcp::{Cause, Tcb, TcpContext, TcpInput, TcpState, UserCall};
use crate::time::{Duration, Instant};
use crate::trace::{DropReason, Mib, RecordKind};
use crate::units::{FourTuple, ReqId, SocketId};
use crate::wire::{Segment, SeqNum};

/// How long after the last cookie an ACK without a request may still carry one
/// (`TCP_SYNCOOKIE_VALID`, 2 minutes).
const COOKIE_VALID: Duration = Duration::from_secs(120);

impl Kernel {
    /// A segment for a listener that belongs to no connection or request.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_listen_segment(
        &mut self,
        now: Instant,
        listener: SocketId,
        tuple: FourTuple,
        segment: &Segment,
        fx: &mut Effects,
    ) {
        let flags = segment.flags;
        // RFC 9293 §3.10.7.2, first check.
        if flags.rst() {
            return;
        }
        // Second check. An ACK may bring back a SYN cookie.
        if flags.ack() {
            if !flags.syn() && self.on_cookie(now, listener, tuple, segment, fx) {
                return;
            }
            self.refuse(tuple, segment, fx);
            return;
        }
        // Third check. Linux tcp_rcv_state_process drops SYN+FIN.
        if flags.syn() && !flags.fin() {
            self.on_syn(now, listener, tuple, segment, None, fx);
        }
    }

    /// Linux `tcp_conn_request`. `iss`: chosen by a TIME_WAIT minisock that
    /// this SYN reopened; such a SYN is never dropped for a full request queue.
    #[inline]
    pub(crate) fn on_syn(
        &mut self,
        now: Instant,
        listener: SocketId,
        tuple: FourTuple,
        segment: &Segment,
        iss: Option<SeqNum>,
        fx: &mut Effects,
    ) {
        let sysctls = &self.config.sysctls;
        let cookies = sysctls.tcp_syncookies();
        let max_syn_backlog = sysctls.tcp_max_syn_backlog().unsigned_abs();
        let parent = self.sockets.get(listener.0).expect("the listen table refers to a live socket");
        let listen = parent.listen().expect("a listener has queues");
        let queued = listen.requests;
        let (request_queue_full, accept_queue_full) = (queued > listen.backlog, listen.is_full());
        let mut want_cookie = cookies == 2;
        if (want_cookie || request_queue_full) && iss.is_none() {
            cold_path();
            if cookies == 0 {
                self.mib.inc(Mib::TCPReqQFullDrop);
                self.drop_syn(tuple, DropReason::RequestQueueFull, fx);
                return;
            }
            self.mib.inc(Mib::TCPReqQFullDoCookies);
            want_cookie = true;
        }
        if accept_queue_full {
            cold_path();
            self.mib.inc(Mib::ListenOverflows);
            self.drop_syn(tuple, DropReason::AcceptQueueFull, fx);
            return;
        }
        if cookies == 0 && iss.is_none() && max_syn_backlog.saturating_sub(queued) < max_syn_backlog / 4 {
            cold_path();
            // Linux keeps the last quarter for peers proven by TIME_WAIT metrics, which are not modelled.
            self.drop_syn(tuple, DropReason::RequestQueueFull, fx);
            return;
        }
        let iss = iss.unwrap_or_else(|| self.initial_sequence(now, tuple));
        let setup = self.request_setup(tuple, iss);
        let context = TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let parent = self.sockets.get_mut(listener.0).expect("the listen table refers to a live socket");
        if want_cookie {
            cold_path();
            let reply = self.secrets.cookie.syn_ack(setup, segment, &parent.tcb, &context);
            self.mib.inc(Mib::SyncookiesSent);
            if let Some(listen) = parent.listen_mut() {
                listen.last_cookie = Some(now);
            }
            transmit(&mut self.mib, tuple, reply, fx.answer(), fx);
            return;
        }
        let mut sock = RequestSock::new(setup, segment, &parent.tcb, &context);
        if let Some(listen) = parent.listen_mut() {
            listen.requests += 1;
            listen.young += 1;
        }
        let (deadline, syn_ack) = (sock.deadline, sock.syn_ack(&context));
        let id = ReqId(self.requests.insert(Request { sock, listener }));
        self.established.insert(&tuple, EstablishedEntry::Request(id));
        count_transition(&mut self.state_counts, TcpState::Closed, TcpState::SynReceived);
        fx.changed(tuple, TcpState::Listen, TcpState::SynReceived, Cause::SynArrived);
        fx.timers.push((deadline, KernelTimer::Request(id)));
        transmit(&mut self.mib, tuple, syn_ack, fx.answer(), fx);
    }

    fn request_setup(&mut self, tuple: FourTuple, iss: SeqNum) -> RequestSetup {
        RequestSetup {
            tuple,
            iss,
            ts_offset: self.timestamp_offset(tuple),
            path_mss: self.route_mss(tuple.remote.addr()),
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_syn(&mut self, tuple: FourTuple, reason: DropReason, fx: &mut Effects) {
        self.mib.inc(Mib::ListenDrops);
        fx.record(RecordKind::Drop { tuple: tuple.mirrored(), reason });
    }

    /// A segment for a half-open request: Linux `tcp_check_req`.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_request_segment(
        &mut self,
        now: Instant,
        id: ReqId,
        tuple: FourTuple,
        segment: &Segment,
        fx: &mut Effects,
    ) {
        let context = TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let request = self.requests.get_mut(id.0).expect("the table refers to a live request");
        let listener = request.listener;
        let parent = self.sockets.get_mut(listener.0).expect("a request's listener lives");
        let defer = parent.rare.as_ref().map_or(0, |rare| retransmits_in(rare.defer_accept));
        let (young, deadline) = (request.sock.is_young(), request.sock.deadline);
        let counters = &mut self.scratch.counters;
        let mut verdict = request.sock.process(segment, defer, &context, counters);
        if verdict == ReqVerdict::Complete && parent.listen().is_some_and(ListenState::is_full) {
            cold_path();
            counters.extend([Mib::ListenOverflows, Mib::ListenDrops]);
            verdict = request.sock.overflow(segment, &context, counters);
            fx.record(RecordKind::Drop { tuple: tuple.mirrored(), reason: DropReason::AcceptQueueFull });
        }
        self.mib.take(&mut self.scratch.counters);
        if request.sock.deadline != deadline {
            cold_path();
            fx.timers.push((request.sock.deadline, KernelTimer::Request(id)));
        }
        if young
            && !request.sock.is_young()
            && let Some(listen) = parent.listen_mut()
        {
            cold_path();
            listen.young -= 1;
        }
        match verdict {
            ReqVerdict::Ignore => {}
            ReqVerdict::Reply(reply) => {
                cold_path();
                transmit(&mut self.mib, tuple, reply, fx.answer(), fx);
            }
            ReqVerdict::ListenerResets(reset) => {
                cold_path();
                if let Some(reset) = reset {
                    transmit(&mut self.mib, tuple, reset, fx.answer(), fx);
                }
            }
            ReqVerdict::Drop(reset) => {
                cold_path();
                let cause = if segment.flags.rst() { Cause::RstArrived } else { Cause::Abort };
                self.drop_request(id, cause, fx);
                if let Some(reset) = reset {
                    transmit(&mut self.mib, tuple, reset, fx.answer(), fx);
                }
            }
            ReqVerdict::Complete => {
                let tcb = request.sock.child(&parent.tcb, &context);
                self.forget_request(id);
                self.add_child(now, listener, tuple, tcb, segment, fx);
            }
        }
    }

    /// Puts an accepted child in place of its request and lets it process the
    /// ACK that completed the handshake (with the data it may carry).
    #[inline]
    fn add_child(
        &mut self,
        now: Instant,
        listener: SocketId,
        tuple: FourTuple,
        tcb: Tcb,
        segment: &Segment,
        fx: &mut Effects,
    ) {
        let parent = self.socket(listener);
        let domain = if parent.is_inet6() { Domain::Inet6 } else { Domain::Inet };
        let mut child = Socket::new(tcb, domain, false, 0);
        child.tuple = tuple;
        child.peer = fx.heard.from;
        child.flags.set(SocketFlags::UNACCEPTED, true);
        child.flags.set(SocketFlags::BOUND, true);
        for bit in [SocketFlags::REUSEADDR, SocketFlags::REUSEPORT, SocketFlags::V6ONLY] {
            child.flags.set(bit, parent.flags.has(bit));
        }
        // __inet_inherit_port: the child shares the listener's bucket.
        let owner = child.bind_owner();
        child.bucket = Some(owner);
        child.set_hashed(true, &mut self.gauges, &mut self.processes);
        let id = SocketId(self.sockets.insert(child));
        self.gauges.tcp_alloc += 1;
        self.bind.inherit(tuple.local.port(), owner);
        // A child made from a cookie replaces no request.
        if self.established.replace(&tuple, EstablishedEntry::Full(id)).is_none() {
            self.established.insert(&tuple, EstablishedEntry::Full(id));
        }
        self.tcp_step(now, id, TcpInput::SegmentArrives(segment), fx);
        let Some(child) = self.sockets.get_mut(id.0) else { return };
        if child.state() == TcpState::Closed {
            cold_path();
            child.flags.set(SocketFlags::UNACCEPTED, false);
            self.free_if_unreferenced(id);
            return;
        }
        let parent = self.socket_mut(listener);
        parent.waiters.drain_into(&mut fx.wakes);
        parent.listen_mut().expect("a listener has queues").accept_queue.push_back(id);
    }

    /// An ACK that matches nothing: the answer to a SYN cookie?
    #[cold]
    #[inline(never)]
    fn on_cookie(
        &mut self,
        now: Instant,
        listener: SocketId,
        tuple: FourTuple,
        segment: &Segment,
        fx: &mut Effects,
    ) -> bool {
        if self.config.sysctls.tcp_syncookies() == 0 {
            return false;
        }
        let recent = self
            .socket(listener)
            .listen()
            .and_then(|listen| listen.last_cookie)
            .is_some_and(|sent| now.since(sent) <= COOKIE_VALID);
        if !recent {
            return false;
        }
        let setup = self.request_setup(tuple, segment.ack.sub(1));
        let context = TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let parent = &self.socket(listener).tcb;
        let child =
            self.secrets.cookie.check(setup, segment, parent, &context).map(|request| request.child(parent, &context));
        let Some(tcb) = child else {
            self.mib.inc(Mib::SyncookiesFailed);
            return false;
        };
        self.mib.inc(Mib::SyncookiesRecv);
        if self.socket(listener).listen().is_some_and(ListenState::is_full) {
            self.mib.inc(Mib::ListenOverflows);
            self.mib.inc(Mib::ListenDrops);
            fx.record(RecordKind::Drop { tuple: tuple.mirrored(), reason: DropReason::AcceptQueueFull });
            return true;
        }
        count_transition(&mut self.state_counts, TcpState::Closed, TcpState::SynReceived);
        fx.changed(tuple, TcpState::Listen, TcpState::SynReceived, Cause::AckOfSyn);
        self.add_child(now, listener, tuple, tcb, segment, fx);
        true
    }

    /// Takes a request out of its listener's count and the arena.
    #[inline]
    fn forget_request(&mut self, id: ReqId) {
        let request = self.requests.remove(id.0).expect("caller holds the request");
        if let Some(listen) = self.sockets.get_mut(request.listener.0).and_then(Socket::listen_mut) {
            listen.requests -= 1;
            listen.young -= u32::from(request.sock.is_young());
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_request(&mut self, id: ReqId, cause: Cause, fx: &mut Effects) {
        let tuple = self.requests.get(id.0).expect("caller holds the request").sock.tuple;
        self.established.remove(&tuple);
        self.forget_request(id);
        count_transition(&mut self.state_counts, TcpState::SynReceived, TcpState::Closed);
        fx.changed(tuple, TcpState::SynReceived, TcpState::Closed, cause);
    }

    /// Linux `reqsk_timer_handler`: retransmit the SYN-ACK or give up.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_request_timer(&mut self, now: Instant, id: ReqId, fx: &mut Effects) {
        let Some(request) = self.requests.get_mut(id.0) else { return };
        if request.sock.deadline > now {
            return;
        }
        let young = request.sock.is_young();
        let parent = self.sockets.get_mut(request.listener.0).expect("a request's listener lives");
        let listen = parent.listen().expect("a listener has queues");
        let queue = RequestQueue {
            len: listen.requests,
            young: listen.young,
            backlog: listen.backlog,
            defer_accept: parent.rare.as_ref().map_or(0, |rare| retransmits_in(rare.defer_accept)),
            syn_cnt: parent.tcb.syn_cnt(),
        };
        let context = TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let verdict = request.sock.on_timeout(&queue, &context, &mut self.scratch.counters);
        let (tuple, deadline, old) = (request.sock.tuple, request.sock.deadline, !request.sock.is_young());
        self.mib.take(&mut self.scratch.counters);
        if young
            && old
            && let Some(listen) = parent.listen_mut()
        {
            listen.young -= 1;
        }
        match verdict {
            ReqTimeout::Expired => self.drop_request(id, Cause::TimedOut, fx),
            ReqTimeout::Wait => fx.timers.push((deadline, KernelTimer::Request(id))),
            ReqTimeout::Resend(reply) => {
                fx.timers.push((deadline, KernelTimer::Request(id)));
                transmit(&mut self.mib, tuple, reply, fx.answer(), fx);
            }
        }
    }

    /// Linux `inet_csk_listen_stop`: requests vanish, children never accepted are reset.
    pub(crate) fn listen_stop(&mut self, now: Instant, id: SocketId, cause: Cause, fx: &mut Effects) {
        let listen = self.socket_mut(id).rare_mut().listen.take().expect("a listener has queues");
        let tuple = self.socket(id).tuple;
        self.listeners.remove(tuple.local.port(), id);
        let socket = self.sockets.get_mut(id.0).expect("caller holds the socket");
        socket.set_hashed(false, &mut self.gauges, &mut self.processes);
        let requests: Vec<(u32, FourTuple)> =
            self.requests.iter().filter(|(_, r)| r.listener == id).map(|(slot, r)| (slot, r.sock.tuple)).collect();
        for (request, peer) in requests {
            self.established.remove(&peer);
            self.requests.remove(request);
            count_transition(&mut self.state_counts, TcpState::SynReceived, TcpState::Closed);
            fx.changed(peer, TcpState::SynReceived, TcpState::Closed, Cause::Close);
        }
        for child in listen.accept_queue {
            self.socket_mut(child).flags.set(SocketFlags::UNACCEPTED, false);
            if self.socket(child).state() == TcpState::Closed {
                self.free_if_unreferenced(child);
                continue;
            }
            let _ = self.tcp_call(now, child, UserCall::Abort(Cause::Abort), fx);
        }
        let from = self.socket(id).state();
        count_transition(&mut self.state_counts, from, TcpState::Closed);
        fx.changed(tuple, from, TcpState::Closed, cause);
        self.socket_mut(id).tcb.retire();
        self.unhash(id);
        let socket = self.socket_mut(id);
        socket.waiters.drain_into(&mut fx.wakes);
        self.free_if_unreferenced(id);
    }
}

/// `secs_to_retrans`: TCP_DEFER_ACCEPT's seconds as a number of SYN-ACK time-outs.
fn retransmits_in(seconds: u32) -> u8 {
    let (mut count, mut period, mut timeout) = (0, 0_u32, 1_u32);
    while seconds > period && count < u8::MAX {
        count += 1;
        period = period.saturating_add(timeout);
        timeout = (timeout * 2).min(120);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defer_accept_seconds_become_time_outs() {
        let counts = [0, 1, 2, 3, 4, 7, 8].map(retransmits_in);
        assert_eq!(counts, [0, 1, 2, 2, 3, 3, 4]);
    }
}
