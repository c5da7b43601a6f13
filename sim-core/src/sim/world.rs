//! The world: hosts, links and programs, and the one loop that runs them.

use core::hint::cold_path;

use super::budget::{Budgets, ForkError, Overrun, SimError};
use super::event::{Event, Packed};
use super::queue::Queue;
use super::task::{Phase, Proc, ProcStats};
use crate::app::{App, AppContext, Control, ControlError};
use crate::errno::Errno;
use crate::kernel::{Effects, Ends, HostConfig, Kernel, KernelTimer, ProcessConfig};
use crate::net::{Network, TopologyError};
use crate::rng::{SimRng, Stream};
use crate::time::{Duration, Instant};
use crate::trace::{Digest, Mib, Observer, Record, RecordKind, Sight};
use crate::units::{HostId, ProcIx, TaskId, TaskRef};

/// One host and what runs on it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) kernel: Kernel,
    pub(crate) procs: Vec<Proc>,
}

/// What one step of the loop was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing is left to do.
    Idle,
    /// An event was handled.
    Event,
    /// An entry scheduled with [`World::schedule_action`] is due: the caller acts.
    Action(u32),
}

/// The first call that failed because something had run out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhaustion {
    /// When.
    pub at: Instant,
    /// On which host.
    pub host: HostId,
    /// In which process.
    pub process: ProcIx,
    /// `EADDRNOTAVAIL`, `EMFILE` or `ENFILE`.
    pub errno: Errno,
}

/// A deterministic world: the same seed and the same calls give the same run.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Instant,
    pub(crate) seed: u64,
    pub(crate) queue: Queue<Packed>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) network: Network,
    pub(crate) budgets: Budgets,
    pub(crate) events: u64,
    at_this_instant: u64,
    /// Programs do not run inline past this instant.
    pub(crate) horizon: Instant,
    programs: u32,
    pub(crate) exhaustion: Option<Exhaustion>,
    /// Where the latest event happened.
    latest_host: HostId,
    /// What the last kernel entry asked for, drained after it; and what outlives
    /// it: the digest and the packets in flight.
    pub(crate) fx: Effects,
    /// The observer of this run wants system calls.
    pub(super) syscalls_wanted: bool,
    /// The observer of this run wants them with their arguments.
    pub(super) calls_wanted: bool,
    /// The observer of this run wants packets.
    packets_wanted: bool,
    pub(crate) futex_wakes: Vec<TaskId>,
    /// Processes whose programs have timers of their own.
    pub(super) own_timers: Vec<(HostId, ProcIx)>,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64, budgets: Budgets) -> Self {
        Self {
            now: Instant::ZERO,
            seed,
            queue: Queue::new(),
            hosts: Vec::new(),
            network: Network::new(seed),
            budgets,
            events: 0,
            at_this_instant: 0,
            horizon: Instant::MAX,
            programs: 0,
            exhaustion: None,
            latest_host: HostId(0),
            fx: Effects::default(),
            syscalls_wanted: false,
            calls_wanted: false,
            packets_wanted: false,
            futex_wakes: Vec::new(),
            own_timers: Vec::new(),
        }
    }

    /// Adds a host.
    ///
    /// # Errors
    /// If one of its addresses is taken or no host address.
    pub fn add_host(&mut self, config: HostConfig) -> Result<HostId, TopologyError> {
        let id = self.network.add_host(&config.addrs)?;
        let rng = SimRng::new(self.seed, Stream::Host(id.0));
        self.hosts.push(Host { kernel: Kernel::new(id, config, rng), procs: Vec::new() });
        Ok(id)
    }

    /// Links, rules and partitions.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Adds a process whose program starts at `start`.
    pub fn add_process(&mut self, host: HostId, config: &ProcessConfig, app: Box<dyn App>, start: Instant) -> ProcIx {
        let rng = SimRng::new(self.seed, Stream::App(self.programs));
        self.programs += 1;
        let entry = &mut self.hosts[host.index()];
        let process = entry.kernel.spawn(config);
        if app.has_own_timers() {
            self.own_timers.push((host, process));
        }
        entry.procs.push(Proc {
            app,
            rng,
            tasks: Vec::new(),
            free: Vec::new(),
            phase: Phase::Waiting,
            held: Vec::new(),
            stats: ProcStats::default(),
        });
        if start < Instant::MAX {
            self.queue.push(self.now, start.max(self.now), Event::Start { host, process });
        }
        process
    }

    /// Starts a process that was added with start [`Instant::MAX`]. False if it ran already.
    pub fn start_process(&mut self, host: HostId, process: ProcIx) -> bool {
        let waiting = self.hosts[host.index()].procs[process.index()].phase == Phase::Waiting;
        if waiting {
            self.queue.push(self.now, self.now, Event::Start { host, process });
        }
        waiting
    }

    /// Makes [`World::step`] return [`Step::Action`] at `at`.
    pub fn schedule_action(&mut self, at: Instant, index: u32) {
        self.queue.push(self.now, at.max(self.now), Event::Action { index });
    }

    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }
    /// Events handled so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
    /// Events waiting.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.queue.len()
    }
    /// When the next event is due; [`Instant::MAX`] if there is none.
    #[must_use]
    pub const fn next_at(&self) -> Instant {
        self.queue.next_at()
    }
    /// The one host whose state the latest event changed, if that was no action.
    #[must_use]
    pub const fn latest_host(&self) -> HostId {
        self.latest_host
    }
    /// Fingerprint of everything so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.fx.digest()
    }
    /// Number of hosts.
    #[must_use]
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Kernel> {
        self.hosts.iter().map(|host| &host.kernel)
    }
    /// A host's kernel.
    #[must_use]
    pub fn kernel(&self, host: HostId) -> &Kernel {
        &self.hosts[host.index()].kernel
    }
    /// A host's kernel, to write sysctls and limits between events.
    #[must_use]
    pub fn kernel_mut(&mut self, host: HostId) -> &mut Kernel {
        &mut self.hosts[host.index()].kernel
    }
    /// A process's program.
    #[must_use]
    pub fn app(&self, host: HostId, process: ProcIx) -> &dyn App {
        self.hosts[host.index()].procs[process.index()].app.as_ref()
    }
    /// What a process did so far.
    #[must_use]
    pub fn stats(&self, host: HostId, process: ProcIx) -> &ProcStats {
        &self.hosts[host.index()].procs[process.index()].stats
    }
    /// Whether a process waits, runs or has ended.
    #[must_use]
    pub fn phase(&self, host: HostId, process: ProcIx) -> Phase {
        self.hosts[host.index()].procs[process.index()].phase
    }
    /// The first call that failed because something had run out.
    #[must_use]
    pub const fn exhaustion(&self) -> Option<Exhaustion> {
        self.exhaustion
    }

    /// Runs all events up to and including `until`; the clock then stands at
    /// `until`. Returns early at an action that is due.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn run_until(&mut self, until: Instant, observer: &mut dyn Observer) -> Result<Step, SimError> {
        let step = self.run_while(until, observer, |_| true)?;
        if step == Step::Idle {
            self.now = self.now.max(until);
        }
        Ok(step)
    }

    /// Runs events up to and including `until` for as long as `goes_on`, asked after
    /// each; the clock stands at the last of them. [`Step::Idle`]: none is left by `until`;
    /// [`Step::Event`]: it does not go on; [`Step::Action`]: one is due.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn run_while(
        &mut self,
        until: Instant,
        observer: &mut dyn Observer,
        goes_on: impl Fn(&Self) -> bool,
    ) -> Result<Step, SimError> {
        self.watched_by(observer);
        loop {
            self.ask_own_timers(until);
            if self.queue.next_at() > until || self.queue.next_at() == Instant::MAX {
                return Ok(Step::Idle);
            }
            match self.next_event(until, observer).map_err(|over| self.explain(over))? {
                Step::Action(index) => return Ok(Step::Action(index)),
                Step::Event | Step::Idle if goes_on(self) => {}
                Step::Event | Step::Idle => return Ok(Step::Event),
            }
        }
    }

    /// Handles the next event, whenever it is. What a program does in
    /// consequence without waiting is done at once, but not past `horizon`; the
    /// run is the same whatever the horizon.
    ///
    /// # Errors
    /// When a budget is exceeded.
    pub fn step(&mut self, horizon: Instant, observer: &mut dyn Observer) -> Result<Step, SimError> {
        self.watched_by(observer);
        self.ask_own_timers(horizon);
        self.next_event(horizon, observer).map_err(|over| self.explain(over))
    }

    /// Which budget was exceeded, in full.
    #[cold]
    pub(super) fn explain(&self, over: Overrun) -> SimError {
        let Budgets { events, same_instant, sockets, packets } = self.budgets;
        match over {
            Overrun::Events(at) => SimError::Events { limit: events, at },
            Overrun::SameInstant(at) => SimError::SameInstant { limit: same_instant, at },
            Overrun::Packets => SimError::Packets { limit: packets, at: self.now },
            Overrun::Sockets(host) => {
                let host = self.hosts[host.index()].kernel.name().to_owned();
                SimError::Sockets { limit: sockets, host, at: self.now }
            }
        }
    }

    /// Asks once what this observer wants, not at every record.
    fn watched_by(&mut self, observer: &dyn Observer) {
        self.fx.quiet = !observer.wants_records();
        self.syscalls_wanted = observer.wants_syscalls();
        self.calls_wanted = observer.wants_calls();
        self.packets_wanted = observer.wants_packets();
    }

    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn next_event(&mut self, horizon: Instant, observer: &mut dyn Observer) -> Result<Step, Overrun> {
        let Some((at, event)) = self.queue.pop() else { return Ok(Step::Idle) };
        let event = event.event();
        self.horizon = horizon.max(at);
        self.tick(at)?;
        if let Some(host) = event.host() {
            self.latest_host = host;
        }
        match event {
            Event::Deliver { host, packet } => {
                self.fx.enter(at, host);
                let flying = self.fx.flight.take(packet);
                self.fx.heard = flying.ends;
                if self.packets_wanted {
                    cold_path();
                    cold_path();
                    observer.packet(at, host, Sight::Received, &flying.packet);
                }
                self.hosts[host.index()].kernel.on_packet(at, &flying.packet, &mut self.fx);
                self.drain(host, None, observer)?;
            }
            Event::Run { host, process, task } => self.run_task(host, TaskRef { process, task }, observer)?,
            Event::TaskTimer { host, process, task } => self.task_timer(at, host, TaskRef { process, task }),
            Event::OwnTimer { host, process } => self.own_timer(at, host, process),
            Event::SocketTimer { host, socket } => {
                self.fx.enter(at, host);
                self.hosts[host.index()].kernel.on_socket_timer(at, socket, &mut self.fx);
                self.drain(host, None, observer)?;
            }
            Event::TimeWaitTimer { host, tw } => {
                self.fx.enter(at, host);
                self.hosts[host.index()].kernel.on_timewait_timer(at, tw, &mut self.fx);
                self.drain(host, None, observer)?;
            }
            Event::RequestTimer { host, request } => {
                self.fx.enter(at, host);
                self.hosts[host.index()].kernel.on_request_timer(at, request, &mut self.fx);
                self.drain(host, None, observer)?;
            }
            Event::Action { index } => {
                self.emit(HostId(0), RecordKind::Action { index }, observer);
                return Ok(Step::Action(index));
            }
            Event::Start { host, process } => self.start(host, process, observer)?,
        }
        Ok(Step::Event)
    }

    /// Counts an event against the budgets and moves the clock.
    #[inline]
    fn tick(&mut self, at: Instant) -> Result<(), Overrun> {
        self.events += 1;
        if self.events > self.budgets.events {
            cold_path();
            return Err(Overrun::Events(at));
        }
        self.advance(at)
    }

    /// Moves the clock, or counts that it stands still: an event or a call
    /// executed inline.
    #[inline]
    pub(super) fn advance(&mut self, at: Instant) -> Result<(), Overrun> {
        if at == self.now {
            self.at_this_instant += 1;
            if self.at_this_instant > self.budgets.same_instant {
                cold_path();
                return Err(Overrun::SameInstant(at));
            }
        } else {
            self.at_this_instant = 0;
        }
        self.now = at;
        Ok(())
    }

    /// Puts one kernel entry's effects into the queue and the network.
    /// `caller`: the process in whose system call they arose.
    #[inline(always)]
    pub(super) fn drain(
        &mut self,
        host: HostId,
        caller: Option<ProcIx>,
        observer: &mut dyn Observer,
    ) -> Result<(), Overrun> {
        if self.fx.is_empty() { Ok(()) } else { self.drain_some(host, caller, observer) }
    }

    /// By index: what is drained here is not added to by what draining does.
    #[inline(never)]
    fn drain_some(&mut self, host: HostId, caller: Option<ProcIx>, observer: &mut dyn Observer) -> Result<(), Overrun> {
        if !self.fx.records.is_empty() {
            self.drain_records(host, caller, observer);
        }
        if !self.fx.packets.is_empty() {
            self.hosts[host.index()].kernel.mib.add(Mib::IpOutRequests, self.fx.packets.len() as u64);
            for ix in 0..self.fx.packets.len() {
                self.send(host, self.fx.packets[ix], observer)?;
            }
            self.fx.packets.clear();
        }
        if !self.fx.timers.is_empty() {
            for &(at, timer) in &self.fx.timers {
                let event = match timer {
                    KernelTimer::Socket(socket) => Event::SocketTimer { host, socket },
                    KernelTimer::TimeWait(tw) => Event::TimeWaitTimer { host, tw },
                    KernelTimer::Request(request) => Event::RequestTimer { host, request },
                };
                self.queue.push(self.now, at, event);
            }
            self.fx.timers.clear();
        }
        if !self.fx.wakes.is_empty() {
            for ix in 0..self.fx.wakes.len() {
                self.wake(host, self.fx.wakes[ix]);
            }
            self.fx.wakes.clear();
        }
        if self.hosts[host.index()].kernel.socket_total() > self.budgets.sockets {
            cold_path();
            return Err(Overrun::Sockets(host));
        }
        Ok(())
    }

    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn drain_records(&mut self, host: HostId, caller: Option<ProcIx>, observer: &mut dyn Observer) {
        let records = core::mem::take(&mut self.fx.records);
        for kind in &records {
            if kind.is_counted() {
                self.note(host, caller, kind);
            }
            if !self.fx.quiet {
                cold_path();
                observer.record(&Record { at: self.now, host, kind: *kind });
            }
        }
        self.fx.records = records;
        self.fx.records.clear();
    }

    /// Records what no kernel entry did.
    pub(crate) fn emit(&mut self, host: HostId, kind: RecordKind, observer: &mut dyn Observer) {
        self.fx.fold(self.now, host, &kind);
        if !self.fx.quiet {
            observer.record(&Record { at: self.now, host, kind });
        }
    }

    /// Records that a mark of the scenario was reached.
    #[cfg(feature = "scenario")]
    pub(crate) fn note_mark(&mut self, kind: RecordKind, observer: &mut dyn Observer) {
        self.watched_by(observer);
        self.emit(HostId(0), kind, observer);
    }

    /// Hands a packet to the network: delivery, loss, or an answer from a rule.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn send(&mut self, from: HostId, slot: u32, observer: &mut dyn Observer) -> Result<(), Overrun> {
        let packet = self.fx.flight.get(slot);
        if self.packets_wanted {
            observer.packet(self.now, from, Sight::Sent, packet);
        }
        if let Some((to, at)) = self.network.route_plainly(self.now, from, packet.dst) {
            return self.fly(to, at, slot);
        }
        self.send_with_care(from, slot, observer)
    }

    /// [`World::send`] where rules and the link have a say.
    #[cold]
    #[inline(never)]
    fn send_with_care(&mut self, from: HostId, slot: u32, observer: &mut dyn Observer) -> Result<(), Overrun> {
        let packet = self.fx.flight.get(slot);
        let routed = self.network.route(self.now, from, packet);
        let copy = routed.arrivals[1].map(|second| (second, packet.clone()));
        if let Some((tuple, reason)) = routed.dropped {
            self.emit(from, RecordKind::Drop { tuple, reason }, observer);
        }
        if let Some((reply, at)) = routed.reply {
            let reply = self.fx.flight.insert(reply, Ends::UNKNOWN);
            self.fly(from, at, reply)?;
        }
        let (Some(to), Some(first)) = (routed.to, routed.arrivals[0]) else {
            drop(self.fx.flight.take(slot));
            return Ok(());
        };
        if let Some((second, copy)) = copy {
            let copy = self.fx.flight.insert(copy, Ends::UNKNOWN);
            self.fly(to, second, copy)?;
        }
        self.fly(to, first, slot)
    }

    /// Lets a packet arrive at a host now, as if a wire had brought it from
    /// anywhere: what no host of the world would send can be tried with it.
    ///
    /// # Errors
    /// When too many packets are under way.
    pub fn inject(&mut self, to: HostId, packet: crate::wire::Packet) -> Result<(), SimError> {
        let slot = self.fx.flight.insert(packet, Ends::UNKNOWN);
        self.fly(to, self.now, slot).map_err(|over| self.explain(over))
    }

    #[inline]
    fn fly(&mut self, to: HostId, at: Instant, slot: u32) -> Result<(), Overrun> {
        if self.fx.flight.len() > self.budgets.packets {
            cold_path();
            return Err(Overrun::Packets);
        }
        self.queue.push(self.now, at, Event::Deliver { host: to, packet: slot });
        Ok(())
    }

    /// Gives an order to a program.
    ///
    /// # Errors
    /// What the program says, or that it does not run.
    pub fn control(&mut self, host: HostId, process: ProcIx, control: &Control) -> Result<(), ControlError> {
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[process.index()];
        if proc.phase != Phase::Running {
            return Err(ControlError::Refused("the process does not run".to_owned()));
        }
        let mut cx = AppContext {
            now: self.now,
            pid: entry.kernel.processes()[process.index()].pid(),
            rng: &mut proc.rng,
            wakes: &mut self.futex_wakes,
            cpus: entry.kernel.config().cpus,
        };
        let result = proc.app.control(control, &mut cx);
        self.futex_wake(host, process);
        result
    }

    /// A copy of the whole world that runs on by itself. Memory is shared until written.
    ///
    /// # Errors
    /// When a program cannot be copied.
    pub fn try_fork(&mut self) -> Result<Self, ForkError> {
        let mut hosts = Vec::with_capacity(self.hosts.len());
        for host in &mut self.hosts {
            let mut procs = Vec::with_capacity(host.procs.len());
            for (ix, proc) in host.procs.iter().enumerate() {
                procs.push(proc.fork().ok_or_else(|| ForkError::Program {
                    host: host.kernel.name().to_owned(),
                    process: host.kernel.processes()[ix].name().to_owned(),
                })?);
            }
            hosts.push(Host { kernel: host.kernel.fork(), procs });
        }
        Ok(Self {
            now: self.now,
            seed: self.seed,
            queue: self.queue.clone(),
            hosts,
            network: self.network.clone(),
            budgets: self.budgets,
            events: self.events,
            at_this_instant: self.at_this_instant,
            horizon: Instant::MAX,
            programs: self.programs,
            exhaustion: self.exhaustion,
            latest_host: self.latest_host,
            syscalls_wanted: false,
            calls_wanted: false,
            packets_wanted: false,
            fx: Effects::new(self.fx.digest(), self.fx.flight.clone()),
            futex_wakes: Vec::new(),
            own_timers: self.own_timers.clone(),
        })
    }

    /// How long a woken thread takes to run.
    pub(crate) fn wake_latency(&self, host: HostId) -> Duration {
        Duration::from_nanos(u64::from(self.hosts[host.index()].kernel.config().cost.wakeup_ns))
    }
}
