//! The host under test: one kernel, its timers, and two threads that call it.
//!
//! No world and no network: the script is everything beyond the host's device,
//! system calls cost nothing, and time stands still while something happens.

use std::collections::BTreeMap;

use crate::app::api::{Call, CallResult, Limits};
use crate::kernel::established_table::EstablishedEntry;
use crate::kernel::{Caller, Effects, HostConfig, Kernel, KernelTimer, Outcome, ProcessConfig};
use crate::rng::{SimRng, Stream};
use crate::tcp::{Cause, Tcb};
use crate::time::{Duration, Instant};
use crate::units::{Fd, FourTuple, HostId, Ipv4Addr, ProcIx, SocketId, TaskId, TaskRef, TwId};
use crate::wire::{Body, Flags, Packet, Payload, Segment};

/// The host's address, as packetdrill sets up its device.
pub(super) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
/// The peer's address.
pub(super) const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The thread that makes the calls of a script, and the one that makes blocking ones.
pub(super) const THREADS: [TaskId; 2] = [TaskId(0), TaskId(1)];
/// When scripts start: an hour after boot, a quarter of a millisecond after a
/// tick (packetdrill waits for one, so that events do not straddle ticks).
const START: Instant = Instant::from_nanos(3_600 * 1_000_000_000 + 250_000);

/// A segment that left the host.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) tuple: FourTuple,
    pub(super) segment: Segment,
    /// The script has compared it.
    pub(super) seen: bool,
}

/// A blocked system call.
#[derive(Clone, Debug)]
struct Blocked {
    call: Call,
    deadline: Instant,
}

/// The host.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) kernel: Kernel,
    pub(super) now: Instant,
    pub(super) sent: Vec<Sent>,
    /// Packets vanish in the host's queueing discipline.
    pub(super) black_hole: bool,
    process: ProcIx,
    timers: BTreeMap<(Instant, u64), KernelTimer>,
    filed: u64,
    fx: Effects,
    blocked: [Option<Blocked>; 2],
    /// Results of calls that had blocked, and when they came.
    returned: [Option<(Instant, CallResult)>; 2],
    /// Kernel entries so far: nothing runs without bound.
    entries: u64,
}

/// Kernel entries a script may cause.
const ENTRIES_MAX: u64 = 2_000_000;

impl Bench {
    pub(super) fn new(config: HostConfig, mtu: u16) -> Self {
        let mut kernel = Kernel::new(HostId(0), config, SimRng::new(1, Stream::Host(0)));
        kernel.mtu = mtu;
        let process = kernel.spawn(&ProcessConfig {
            name: "packetdrill".to_owned(),
            pid: None,
            nofile: Limits { soft: 1_024, hard: 1_024 },
            cap_sys_admin: true,
            cap_sys_resource: true,
            extra_fds: 0,
        });
        let mut fx = Effects::default();
        fx.quiet = true;
        Self {
            kernel,
            now: START,
            sent: Vec::new(),
            black_hole: false,
            process,
            timers: BTreeMap::new(),
            filed: 0,
            fx,
            blocked: [None, None],
            returned: [None, None],
            entries: 0,
        }
    }

    /// Nanoseconds since the script began.
    pub(super) const fn elapsed(&self) -> u64 {
        self.now.since(START).nanos()
    }
    /// Nanoseconds from the script's beginning to `at`.
    pub(super) const fn since_start(at: Instant) -> u64 {
        at.since(START).nanos()
    }
    /// More happened than any script needs.
    pub(super) const fn exhausted(&self) -> bool {
        self.entries > ENTRIES_MAX
    }

    /// Makes a call. `None`: it blocks, and [`Self::take_return`] tells when it is over.
    pub(super) fn call(&mut self, thread: usize, mut call: Call) -> Option<CallResult> {
        let outcome = self.attempt(thread, &mut call, true);
        let result = match outcome {
            Outcome::Done(result) => Some(result),
            Outcome::Block { deadline } => {
                self.blocked[thread] = Some(Blocked { call, deadline: deadline.unwrap_or(Instant::MAX) });
                None
            }
        };
        self.drain();
        result.or_else(|| self.returned[thread].take().map(|(_, result)| result))
    }

    /// The result of a call that had blocked, and when it returned.
    pub(super) const fn take_return(&mut self, thread: usize) -> Option<(Instant, CallResult)> {
        self.returned[thread].take()
    }
    /// A call of the thread is under way.
    pub(super) const fn is_blocked(&self, thread: usize) -> bool {
        self.blocked[thread].is_some()
    }

    /// A packet arrives now.
    pub(super) fn inject(&mut self, packet: &Packet) {
        self.enter();
        self.kernel.on_packet(self.now, packet, &mut self.fx);
        self.drain();
    }

    /// When the host next does something by itself; [`Instant::MAX`] for never.
    pub(super) fn next_at(&self) -> Instant {
        let timer = self.timers.keys().next().map_or(Instant::MAX, |&(at, _)| at);
        self.blocked.iter().flatten().fold(timer, |at, blocked| at.min(blocked.deadline))
    }

    /// Lets the earliest timer fire.
    pub(super) fn step(&mut self) {
        let at = self.next_at();
        if at == Instant::MAX {
            return;
        }
        self.now = self.now.max(at);
        self.enter();
        for thread in 0..THREADS.len() {
            if let Some(blocked) = self.blocked[thread].take_if(|blocked| blocked.deadline <= at) {
                let result = self.kernel.timed_out(self.task(thread), &blocked.call);
                self.returned[thread] = Some((self.now, result));
                return;
            }
        }
        if let Some((_, timer)) = self.timers.pop_first() {
            match timer {
                KernelTimer::Socket(id) => self.kernel.on_socket_timer(self.now, id, &mut self.fx),
                KernelTimer::TimeWait(id) => self.kernel.on_timewait_timer(self.now, id, &mut self.fx),
                KernelTimer::Request(id) => self.kernel.on_request_timer(self.now, id, &mut self.fx),
            }
        }
        self.drain();
    }

    /// Lets everything happen that is due before `at`, and moves the clock
    /// there: what the script does at an instant goes before timers of that instant.
    pub(super) fn run_to(&mut self, at: Instant) {
        while self.next_at() < at && !self.exhausted() {
            self.step();
        }
        self.now = self.now.max(at);
    }
    /// The instant so many nanoseconds after the beginning.
    pub(super) fn instant(nanos: u64) -> Instant {
        START + Duration::from_nanos(nanos)
    }

    const fn task(&self, thread: usize) -> TaskRef {
        TaskRef { process: self.process, task: THREADS[thread] }
    }

    fn attempt(&mut self, thread: usize, call: &mut Call, first: bool) -> Outcome {
        self.enter();
        let caller = Caller { now: self.now, task: self.task(thread), first };
        self.kernel.syscall(caller, call, &mut self.fx)
    }

    /// The kernel is entered now.
    const fn enter(&mut self) {
        self.entries += 1;
        self.fx.enter(self.now, HostId(0));
    }

    /// Serves what a kernel entry asks for, and the calls it wakes.
    fn drain(&mut self) {
        while !self.fx.is_empty() {
            self.fx.records.clear();
            for (at, timer) in self.fx.timers.drain(..) {
                self.filed += 1;
                self.timers.insert((at, self.filed), timer);
            }
            let slots = core::mem::take(&mut self.fx.packets);
            let packets = slots.into_iter().map(|slot| self.fx.flight.take(slot).packet).collect();
            self.transmit(packets);
            let wakes = core::mem::take(&mut self.fx.wakes);
            for task in wakes {
                let Some(thread) = THREADS.iter().position(|&known| known == task.task) else { continue };
                let Some(mut blocked) = self.blocked[thread].take() else { continue };
                match self.attempt(thread, &mut blocked.call, false) {
                    Outcome::Done(result) => self.returned[thread] = Some((self.now, result)),
                    Outcome::Block { deadline: _ } => self.blocked[thread] = Some(blocked),
                }
            }
        }
    }

    /// Packets leave the host, data as one large packet where Linux leaves the
    /// cutting to the device (TSO): that is what a capture on the device shows.
    fn transmit(&mut self, packets: Vec<Packet>) {
        if self.black_hole {
            return;
        }
        let first = self.sent.len();
        let mut joined = Vec::new();
        for packet in packets {
            let Some(tuple) = packet.tuple() else { continue };
            let Body::Tcp { segment, .. } = packet.body else { continue };
            let room = self.burst(tuple);
            // What is sent again was cut to single segments before (tcp_retransmit_skb).
            let again = self.sent.iter().any(|sent| sent.tuple == tuple && sent.segment.end_seq().after(segment.seq));
            if let Some(last) = self.sent[first..].last_mut()
                && !again
                && last.tuple == tuple
                && joins(&last.segment, &segment, room)
            {
                let whole = last.segment.payload.len() + segment.payload.len();
                last.segment.payload = Payload::opaque(whole);
                last.segment.flags = last.segment.flags.with(segment.flags);
                joined.push(self.sent.len() - 1);
                continue;
            }
            self.sent.push(Sent { at: self.now, tuple, segment, seen: false });
        }
        // __tcp_transmit_skb: a packet of several segments is always pushed.
        for at in joined {
            let flags = &mut self.sent[at].segment.flags;
            *flags = flags.with(Flags::PSH);
        }
    }

    /// `tcp_tso_autosize`: bytes of one packet given to the device, about a
    /// millisecond's worth at the pacing rate, at least two segments.
    fn burst(&self, tuple: FourTuple) -> u32 {
        const GSO_MAX: u64 = 65_536 - 320;
        let Some(tcb) = self.tcb_of(tuple) else { return 0 };
        let Some(srtt) = tcb.srtt() else { return u32::try_from(GSO_MAX).expect("it fits") };
        let rtt = srtt.as_micros().max(1);
        // Twice the window a round trip, and a thousandth of a second of it.
        let paced = 2 * u64::from(tcb.cwnd()) * u64::from(tcb.snd_mss()) * 1_000_000 / rtt / 1_024;
        // tcp_tso_rtt_log 9: near peers get larger packets.
        let near = if rtt >> 9 < 32 { GSO_MAX >> (rtt >> 9) } else { 0 };
        let bytes = (paced + near).min(GSO_MAX);
        u32::try_from(bytes).expect("at most GSO_MAX").max(2 * tcb.snd_mss())
    }

    /// Ends every TIME_WAIT.
    pub(super) fn drop_time_wait(&mut self) {
        self.enter();
        let all: Vec<u32> = self.kernel.timewaits.iter().map(|(slot, _)| slot).collect();
        for slot in all {
            self.kernel.timewait_kill(TwId(slot), Cause::Abort, &mut self.fx);
        }
        self.drain();
    }

    /// The connection's control block, while it has a full socket.
    pub(super) fn tcb_of(&self, tuple: FourTuple) -> Option<&Tcb> {
        match self.kernel.established.get(&tuple)? {
            EstablishedEntry::Full(id) => Some(&self.kernel.socket(id).tcb),
            EstablishedEntry::Request(_) | EstablishedEntry::TimeWait(_) => None,
        }
    }
    /// The socket a descriptor refers to.
    pub(super) fn socket(&self, fd: Fd) -> Option<SocketId> {
        self.kernel.fd_socket(self.process, fd).ok()
    }
}

/// True if `next` is sent in the same packet as `last`.
fn joins(last: &Segment, next: &Segment, room: u32) -> bool {
    let data = |segment: &Segment| !segment.payload.is_empty() && !segment.flags.syn() && !segment.flags.rst();
    data(last)
        && data(next)
        && last.end_seq() == next.seq
        && last.ack == next.ack
        && !last.flags.has(Flags::FIN)
        && !last.flags.has(Flags::PSH)
        && last.payload.len() + next.payload.len() <= room
}
