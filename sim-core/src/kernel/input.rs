//! Packets and timers come in: `tcp_v4_rcv`, `udp_rcv`, `icmp_rcv`.

use core::hint::cold_path;

use super::connect::ANY_DEVICE;
use super::effects::{Effects, KernelTimer};
use super::established_table::EstablishedEntry;
use super::host::Kernel;
use super::lifecycle::{count_transition, transmit};
use super::packets::Ends;
use super::timewait::TwVerdict;
use crate::tcp::{Cause, TcpInput, TcpState};
use crate::time::Instant;
use crate::trace::{Mib, RecordKind};
use crate::units::{FourTuple, Ipv4Addr, SocketId, TwId};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, IcmpMessage, Packet, Segment, UnreachableCode, receiver_tuple, reset_for};

/// An address of many hosts: multicast (224/4) or the limited broadcast.
#[inline]
const fn is_shared(addr: Ipv4Addr) -> bool {
    let bits = addr.to_bits();
    bits >> 28 == 0xe || bits == u32::MAX
}

impl Kernel {
    /// A packet addressed to this host.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_packet(&mut self, now: Instant, packet: &Packet, fx: &mut Effects) {
        self.mib.inc(Mib::IpInReceives);
        let &Packet { src, dst, ref body } = packet;
        // ip_route_input_slow: a martian source (RFC 1122 §3.2.1.3).
        if is_shared(src) || src.is_unspecified() {
            cold_path();
            return;
        }
        self.mib.inc(Mib::IpInDelivers);
        match body {
            Body::Tcp { sport, dport, segment } => {
                let tuple = receiver_tuple(src, *sport, dst, *dport);
                self.mib.inc(Mib::InSegs);
                fx.record(RecordKind::Receive {
                    tuple,
                    seq: segment.seq,
                    ack: segment.ack,
                    flags: segment.flags,
                    len: segment.payload.len(),
                });
                // tcp_v4_rcv: only what is addressed to this host (pkt_type PACKET_HOST).
                if is_shared(dst) {
                    cold_path();
                    return;
                }
                self.on_segment(now, tuple, segment, fx);
            }
            Body::Udp(datagram) => self.on_datagram(src, dst, datagram.clone(), fx),
            Body::Icmp(message) => self.on_icmp(now, src, *message, fx),
        }
    }

    /// Looks the segment's connection up: established table first, then listeners.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_segment(&mut self, now: Instant, tuple: FourTuple, segment: &Segment, fx: &mut Effects) {
        if self.tcp_heard(now, tuple, segment, fx) {
            return;
        }
        match self.established.get(&tuple) {
            Some(EstablishedEntry::Full(id)) => {
                self.socket_mut(id).peer = fx.heard.from;
                // A socket input has no reply.
                self.tcp_step(now, id, TcpInput::SegmentArrives(segment), fx);
            }
            Some(EstablishedEntry::TimeWait(id)) => self.on_timewait_segment(now, id, tuple, segment, fx),
            Some(EstablishedEntry::Request(id)) => self.on_request_segment(now, id, tuple, segment, fx),
            None => self.on_unknown_segment(now, tuple, segment, fx),
        }
    }

    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn on_unknown_segment(&mut self, now: Instant, tuple: FourTuple, segment: &Segment, fx: &mut Effects) {
        match self.listeners.lookup(tuple.local, tuple.remote, &self.ehash) {
            Some(listener) => self.on_listen_segment(now, listener, tuple, segment, fx),
            None => self.refuse(tuple, segment, fx),
        }
    }

    /// RFC 9293 §3.10.7.1 (state CLOSED): everything but a RST is answered with a RST
    /// (`tcp_v4_send_reset`).
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(&mut self, tuple: FourTuple, segment: &Segment, fx: &mut Effects) {
        if let Some(reset) = reset_for(segment) {
            self.mib.inc(Mib::OutRsts);
            transmit(&mut self.mib, tuple, reset, fx.answer(), fx);
        }
    }

    #[cold]
    #[inline(never)]
    fn on_timewait_segment(&mut self, now: Instant, id: TwId, tuple: FourTuple, segment: &Segment, fx: &mut Effects) {
        let context = crate::tcp::TcpContext { now, clock: self.clock, config: &self.tcp_config };
        let minisock = self.timewaits.get_mut(id.0).expect("the table refers to a live minisock");
        let verdict = minisock.sock.process(segment, &context, &mut self.scratch.counters);
        let expires = minisock.sock.expires;
        self.mib.take(&mut self.scratch.counters);
        match verdict {
            TwVerdict::Ignore { rearmed } => self.rearm_timewait(id, expires, rearmed, fx),
            TwVerdict::Ack { segment, rearmed, entered_time_wait } => {
                if entered_time_wait {
                    self.timewait_entered(now, id, tuple, fx);
                }
                self.rearm_timewait(id, expires, rearmed, fx);
                transmit(&mut self.mib, tuple, segment, fx.answer(), fx);
            }
            TwVerdict::Kill => self.timewait_kill(id, Cause::RstArrived, fx),
            TwVerdict::Reset(reset) => {
                self.timewait_kill(id, Cause::Abort, fx);
                transmit(&mut self.mib, tuple, reset, fx.answer(), fx);
            }
            TwVerdict::Reopen { iss, otherwise } => {
                match self.listeners.lookup(tuple.local, tuple.remote, &self.ehash) {
                    Some(listener) => {
                        self.timewait_kill(id, Cause::SynArrived, fx);
                        // The listener drops SYN+FIN (tcp_rcv_state_process): then nothing is left (measured on 6.18.44).
                        if !segment.flags.fin() {
                            self.on_syn(now, listener, tuple, segment, Some(iss), fx);
                        }
                    }
                    None => transmit(&mut self.mib, tuple, otherwise, fx.answer(), fx),
                }
            }
        }
    }

    fn rearm_timewait(&mut self, id: TwId, expires: Instant, rearmed: bool, fx: &mut Effects) {
        if rearmed {
            fx.timers.push((expires, KernelTimer::TimeWait(id)));
        }
    }

    /// A FIN turned a minisock's FIN_WAIT2 into TIME_WAIT.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn timewait_entered(&mut self, now: Instant, id: TwId, tuple: FourTuple, fx: &mut Effects) {
        let (from, to) = (TcpState::FinWait2, TcpState::TimeWait);
        count_transition(&mut self.state_counts, from, to);
        fx.changed(tuple, from, to, Cause::FinArrived);
        let bucket = self.timewaits.get(id.0).expect("it just answered").bucket;
        if bucket.is_none_or(|owner| !owner.explicit) {
            let reusable = self.reusable_at(now, id);
            self.ports.note_timewait(ANY_DEVICE, &tuple, reusable);
        }
    }

    #[cold]
    #[inline(never)]
    fn on_icmp(&mut self, now: Instant, src: Ipv4Addr, message: IcmpMessage, fx: &mut Effects) {
        // tcp_v4_err: ignored (RFC 6633).
        if message.code == UnreachableCode::SourceQuench {
            return;
        }
        self.mib.inc(Mib::IcmpInDestUnreachs);
        match message.quoted {
            Quoted::Tcp { tuple, seq } => {
                if let Some(EstablishedEntry::Full(id)) = self.established.get(&tuple) {
                    let mut hard = !matches!(message.code, UnreachableCode::FragNeeded(_));
                    if hard && self.is_local(src) && self.socket(id).tcb.is_first_syn_out() {
                        // On a loopback the error comes back while connect() still holds the
                        // socket: tcp_v4_err keeps it as a soft one, and the next SYN asks again.
                        self.mib.inc(Mib::LockDroppedIcmps);
                        hard = false;
                    }
                    let input = TcpInput::IcmpError { errno: message.code.errno(), seq, hard };
                    self.tcp_step(now, id, input, fx);
                }
            }
            Quoted::Udp { sport, dport } => self.udp_error(sport, dport, message.code.errno(), fx),
        }
    }

    /// A timer of the host is due.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_socket_timer(&mut self, now: Instant, id: SocketId, fx: &mut Effects) {
        let Some(socket) = self.sockets.get_mut(id.0) else { return };
        if socket.timer_queued > now {
            // The slot was reused, or an earlier entry already served.
            return;
        }
        socket.timer_queued = Instant::MAX;
        match socket.tcb.next_deadline() {
            None => {}
            Some(at) if at > now => {
                socket.timer_queued = at;
                fx.timers.push((at, KernelTimer::Socket(id)));
            }
            Some(_) => {
                self.tcp_step(now, id, TcpInput::Timeout, fx);
            }
        }
    }

    /// A minisock's timer is due (unless it was re-armed since).
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn on_timewait_timer(&mut self, now: Instant, id: TwId, fx: &mut Effects) {
        if self.timewaits.get(id.0).is_some_and(|tw| tw.sock.expires <= now) {
            self.count_expired_timewait(id);
            self.timewait_kill(id, Cause::TimerExpired, fx);
        }
    }

    /// Before Linux 5.18 the timer counts, later the making of the minisock does.
    fn count_expired_timewait(&mut self, id: TwId) {
        if !self.config.profile.timewait_counted_when_made
            && let Some(minisock) = self.timewaits.get(id.0)
        {
            self.mib.inc(minisock.sock.counter());
        }
    }

    /// An ICMP port-unreachable for a datagram nobody wanted.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn unreachable(&mut self, to: Ipv4Addr, from: Ipv4Addr, quoted: Quoted, fx: &mut Effects) {
        self.mib.inc(Mib::IcmpOutDestUnreachs);
        let body = Body::Icmp(IcmpMessage { code: UnreachableCode::Port, quoted });
        fx.send(Packet { src: from, dst: to, body }, Ends::UNKNOWN);
    }
}
