//! What one host did between two moments: what `sar`, `perf`, `strace` and
//! `tcpdump` watch while they run.

use super::view::HostView;
use crate::kernel::cpu::CpuUsage;
use crate::time::{Duration, Instant};
use crate::trace::{CallSeen, Observer, Record, RecordKind, Sight};
use crate::units::{HostId, Ipv4Addr};
use crate::wire::Packet;

/// Most calls and most packets one span keeps; of a longer one it has the beginning.
pub const SPAN_LIMIT: usize = 2_000_000;

/// A host over a span of time. Plain data: it can be kept and shown after the
/// world has moved on.
#[derive(Clone, Debug)]
pub struct SpanView {
    /// The host at the end of the span.
    pub host: HostView,
    /// Begin.
    pub from: Instant,
    /// End.
    pub to: Instant,
    /// What each CPU had done since the start, at the begin and at each sample after it.
    pub cpu: Vec<CpuSample>,
    /// Calls completed in the span, in order.
    pub calls: Vec<TracedCall>,
    /// Packets that crossed the host's interfaces, in order.
    pub packets: Vec<PacketSeen>,
    /// Calls and packets beyond [`SPAN_LIMIT`].
    pub left_out: u64,
}

impl SpanView {
    /// The span as plain data: `recording` is what an observer saw between the
    /// first of `cpu` and now.
    #[must_use]
    pub fn new(host: HostView, from: Instant, cpu: Vec<CpuSample>, recording: Recording) -> Self {
        let Recording { calls, packets, left_out } = recording;
        Self { to: host.now, host, from, cpu, calls, packets, left_out }
    }
}

/// Busy time of every CPU at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuSample {
    /// When.
    pub at: Instant,
    /// By CPU number, since the start.
    pub usage: Vec<CpuUsage>,
}

/// A call, and the port search inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCall {
    /// The call.
    pub call: CallSeen,
    /// Port candidates a `connect()` inspected.
    pub inspected: u32,
}

/// A packet at an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSeen {
    /// When.
    pub at: Instant,
    /// Which way.
    pub sight: Sight,
    /// The packet.
    pub packet: Packet,
}

/// What was recorded of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Calls.
    pub calls: Vec<TracedCall>,
    /// Packets; those of a host to itself once, as on `lo`.
    pub packets: Vec<PacketSeen>,
    /// What did not fit.
    pub left_out: u64,
}

/// Which part of a host's doings an observer keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// System calls.
    pub calls: bool,
    /// Packets.
    pub packets: bool,
}

/// The observer that makes a [`Recording`].
#[derive(Debug)]
pub struct Watch {
    host: HostId,
    addrs: Vec<Ipv4Addr>,
    wanted: Wanted,
    inspected: u32,
    recording: Recording,
}

impl Watch {
    /// Watches a host with these addresses.
    #[must_use]
    pub fn new(host: HostId, addrs: &[Ipv4Addr], wanted: Wanted) -> Self {
        Self { host, addrs: addrs.to_vec(), wanted, inspected: 0, recording: Recording::default() }
    }

    /// What was seen since the last call of this.
    pub fn take(&mut self) -> Recording {
        core::mem::take(&mut self.recording)
    }

    fn is_local(&self, addr: Ipv4Addr) -> bool {
        addr.is_loopback() || self.addrs.contains(&addr)
    }
}

impl Observer for Watch {
    fn record(&mut self, record: &Record) {
        if record.host != self.host {
            return;
        }
        if let RecordKind::PortPick { inspected, .. } = record.kind {
            self.inspected = inspected;
        }
    }

    fn wants_records(&self) -> bool {
        self.wanted.calls
    }

    fn wants_calls(&self) -> bool {
        self.wanted.calls
    }

    fn call(&mut self, call: &CallSeen) {
        if call.host != self.host || !self.wanted.calls {
            return;
        }
        // The search is recorded right before the call that made it.
        let inspected = core::mem::take(&mut self.inspected);
        if self.recording.calls.len() < SPAN_LIMIT {
            self.recording.calls.push(TracedCall { call: call.clone(), inspected });
        } else {
            self.recording.left_out += 1;
        }
    }

    fn wants_packets(&self) -> bool {
        self.wanted.packets
    }

    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        if host != self.host || (sight == Sight::Sent && self.is_local(packet.dst)) {
            return;
        }
        if self.recording.packets.len() < SPAN_LIMIT {
            self.recording.packets.push(PacketSeen { at, sight, packet: packet.clone() });
        } else {
            self.recording.left_out += 1;
        }
    }
}

/// Instants at which a span is sampled: every `every` after `from`, and its end.
pub fn ticks(from: Instant, to: Instant, every: Duration) -> impl Iterator<Item = Instant> {
    let next = move |at: &Instant| at.checked_add(every).filter(|next| every > Duration::ZERO && *next < to);
    core::iter::successors(next(&from), next).chain([to])
}

#[cfg(feature = "scenario")]
mod of_a_run {
    use super::{Both, CpuSample, SpanView, Wanted, Watch, ticks};
    use crate::observe::view::HostView;
    use crate::scenario::Run;
    use crate::sim::SimError;
    use crate::time::{Duration, Instant};
    use crate::trace::Observer;
    use crate::units::HostId;

    impl SpanView {
        /// Lets the run go on to `to` and tells what `host` did; its CPUs are
        /// sampled every `every`, not at all on the way if that is zero. `also` watches too.
        /// Of a run that is interrupted it tells what was seen until then, as such a tool
        /// does at Ctrl-C: complete steps, or the beginning of the first.
        ///
        /// # Errors
        /// When a budget is exceeded.
        pub fn watch(
            run: &mut Run,
            host: HostId,
            to: Instant,
            every: Duration,
            wanted: Wanted,
            also: &mut dyn Observer,
        ) -> Result<Self, SimError> {
            let from = run.world().now();
            let watch = Watch::new(host, &run.world().kernel(host).config().addrs, wanted);
            let mut both = Both { watch, also };
            let sample = |run: &Run, at| CpuSample { at, usage: run.world().kernel(host).cpu_usage(at) };
            let mut cpu = vec![sample(run, from)];
            for at in ticks(from, to, every) {
                let seen = run.run_until(at, &mut both);
                if seen.is_ok() || cpu.len() == 1 {
                    cpu.push(sample(run, run.world().now()));
                }
                match seen {
                    Ok(()) => {}
                    Err(SimError::Interrupted { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(Self::new(HostView::of(run.world(), host), from, cpu, both.watch.take()))
        }
    }
}

/// A watch, and whoever watches anyway.
#[cfg(feature = "scenario")]
struct Both<'a> {
    watch: Watch,
    also: &'a mut dyn Observer,
}

#[cfg(feature = "scenario")]
impl Observer for Both<'_> {
    fn record(&mut self, record: &Record) {
        self.watch.record(record);
        if self.also.wants_records() {
            self.also.record(record);
        }
    }
    fn wants_records(&self) -> bool {
        self.watch.wants_records() || self.also.wants_records()
    }
    fn wants_syscalls(&self) -> bool {
        self.also.wants_syscalls()
    }
    fn wants_calls(&self) -> bool {
        self.watch.wants_calls() || self.also.wants_calls()
    }
    fn call(&mut self, call: &CallSeen) {
        self.watch.call(call);
        if self.also.wants_calls() {
            self.also.call(call);
        }
    }
    fn wants_packets(&self) -> bool {
        self.watch.wants_packets() || self.also.wants_packets()
    }
    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        if self.watch.wants_packets() {
            self.watch.packet(at, host, sight, packet);
        }
        if self.also.wants_packets() {
            self.also.packet(at, host, sight, packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_sampled_evenly_and_at_its_end() {
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        let every = Duration::from_secs(1);
        assert!(ticks(at(500), at(3_500), every).eq([at(1_500), at(2_500), at(3_500)]));
        assert!(ticks(at(0), at(1_500), every).eq([at(1_000), at(1_500)]));
        assert!(ticks(at(0), at(0), every).eq([at(0)]));
        assert!(ticks(at(0), at(9_000), Duration::ZERO).eq([at(9_000)]));
        assert_eq!(ticks(at(0), Instant::MAX, Duration::from_nanos(1)).next(), Some(Instant::from_nanos(1)));
    }
}
