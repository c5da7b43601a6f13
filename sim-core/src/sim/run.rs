//! Threads run: calls are priced, take effect, block, complete.

use core::hint::cold_path;

use super::budget::{Overrun, SimError};
use super::calls::WorldCall;
use super::event::Event;
use super::seen;
use super::task::{Phase, Proc, Shortage, Task, TaskState};
use super::world::{Exhaustion, Host, World};
use crate::app::{AppContext, Call, CallName, CallResult, Resume, Ret};
use crate::errno::Errno;
use crate::kernel::cpu::CpuWork;
use crate::kernel::{Caller, Outcome};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::trace::{CallSeen, Observer, Record, RecordKind};
use crate::units::{Fd, HostId, Pid, Port, ProcIx, TaskId, TaskRef};

/// How a thread goes on.
enum Turn {
    /// It is new: its program makes the first call.
    Start(u64),
    /// Its wait ended by its deadline: the call has this result.
    Late(CallResult),
    /// Its call takes effect; `first` unless it had blocked before.
    Effect { first: bool },
}

impl Host {
    /// A thread's program makes its next call, which stays with the thread until
    /// it completes. Gives the end of its CPU time.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn next_call(&mut self, now: Instant, task: TaskRef, resume: Resume, wakes: &mut Vec<TaskId>) -> Instant {
        let Self { kernel, procs } = self;
        let Proc { app, rng, tasks, stats, .. } = &mut procs[task.process.index()];
        let slot = &mut tasks[task.task.index()];
        let (pid, cpus) = (kernel.processes()[task.process.index()].pid(), kernel.config().cpus);
        let call = app.resume(task.task, resume, &mut AppContext { now, pid, rng, wakes, cpus });
        let mut work = CpuWork::System;
        let cost = if let Call::Connect { fd, addr } = call {
            // In the state of the tables at the call's start.
            kernel.connect_cost(now, task.process, fd, addr)
        } else if let Call::Compute { duration } = call {
            work = CpuWork::User;
            duration
        } else if matches!(call, Call::ExitTask | Call::ExitProcess { .. }) {
            Duration::ZERO
        } else {
            Duration::from_nanos(u64::from(kernel.config().cost.call_ns(call.name())))
        };
        let (key, last) = (task_key(task), slot.cpu);
        let user = if work == CpuWork::User { 0 } else { kernel.config().cost.user_ns };
        let user = Duration::from_nanos(u64::from(user));
        stats.cpu += user + cost;
        let run = kernel.cpus.reserve_after(now, key, last, user, (work, cost));
        slot.cpu = Some(run.cpu);
        slot.entered = run.start;
        slot.charged = cost;
        slot.state = TaskState::Running;
        slot.call = call;
        run.end
    }
}

impl World {
    #[inline(never)]
    pub(super) fn start(&mut self, host: HostId, process: ProcIx, observer: &mut dyn Observer) -> Result<(), Overrun> {
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        if proc.phase != Phase::Waiting {
            return Ok(());
        }
        proc.phase = Phase::Running;
        let task = proc.new_task();
        self.proceed(host, TaskRef { process, task }, Turn::Start(0), observer)
    }

    /// A queued [`Event::Run`] is due.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn run_task(&mut self, host: HostId, task: TaskRef, observer: &mut dyn Observer) -> Result<(), Overrun> {
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[task.process.index()];
        match proc.phase {
            Phase::Running => {}
            Phase::Stopped => {
                cold_path();
                proc.held.push(task.task);
                return Ok(());
            }
            Phase::Waiting | Phase::Exited(_) => return Ok(()),
        }
        let Some(slot) = proc.tasks.get_mut(task.task.index()) else { return Ok(()) };
        let turn = match slot.state {
            TaskState::Running => Turn::Effect { first: true },
            TaskState::Waking => Turn::Effect { first: false },
            TaskState::TimedOut => Turn::Late(entry.kernel.timed_out(task, &slot.call)),
            TaskState::Starting => {
                cold_path();
                let Call::Spawn { token } = slot.call else { unreachable!("a new thread keeps the call that made it") };
                Turn::Start(token)
            }
            TaskState::Free | TaskState::Blocked => return Ok(()),
        };
        self.proceed(host, task, turn, observer)
    }

    /// Runs a thread: its program is resumed and its calls executed inline for
    /// as long as nothing else is due before they complete.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn proceed(
        &mut self,
        host: HostId,
        task: TaskRef,
        mut turn: Turn,
        observer: &mut dyn Observer,
    ) -> Result<(), Overrun> {
        loop {
            // A result stays where it was written until the program takes it.
            let outcome;
            match turn {
                Turn::Start(token) => {
                    cold_path();
                    let entry = &mut self.hosts[host.index()];
                    let end = entry.next_call(self.now, task, Resume::Started(token), &mut self.futex_wakes);
                    self.wake_named(host, task.process);
                    if !self.runs_on(host, task, end)? {
                        return Ok(());
                    }
                    turn = Turn::Effect { first: true };
                    continue;
                }
                Turn::Late(result) => outcome = Outcome::Done(result),
                Turn::Effect { first } => {
                    let now = self.now;
                    let Host { kernel, procs } = &mut self.hosts[host.index()];
                    let slot = &mut procs[task.process.index()].tasks[task.task.index()];
                    if let Some(own) = WorldCall::of(&slot.call) {
                        match self.own_call(host, task, own, first, observer)? {
                            Some(value) => outcome = Outcome::Done(Ok(value)),
                            None => return Ok(()),
                        }
                    } else {
                        self.fx.enter(now, host);
                        outcome = kernel.syscall(Caller { now, task, first }, &mut slot.call, &mut self.fx);
                        if let Outcome::Block { deadline } = outcome {
                            if first {
                                self.block(host, task, deadline);
                            } else {
                                slot.state = TaskState::Blocked;
                            }
                            return self.drain(host, Some(task.process), observer);
                        }
                        self.drain(host, Some(task.process), observer)?;
                    }
                }
            }
            let end = self.complete(host, task, outcome, observer);
            if !self.runs_on(host, task, end)? {
                return Ok(());
            }
            turn = Turn::Effect { first: true };
        }
    }

    /// True if nothing else is due before the thread's call completes at `end`: it is that
    /// time now. Else the thread waits in the queue.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn runs_on(&mut self, host: HostId, task: TaskRef, end: Instant) -> Result<bool, Overrun> {
        // Nobody runs ahead where a program may have a timer that is not in the queue.
        if end >= self.queue.next_at() || end > self.horizon || !self.own_timers.is_empty() {
            self.queue.push(self.now, end, Event::Run { host, process: task.process, task: task.task });
            return Ok(false);
        }
        self.advance(end)?;
        Ok(true)
    }

    /// The completed call is recorded after its effects, like a trace at the
    /// exit of the call; then the program makes its next one. Gives the end of
    /// its CPU time.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn complete(&mut self, host: HostId, task: TaskRef, outcome: Outcome, observer: &mut dyn Observer) -> Instant {
        let now = self.now;
        let entry = &mut self.hosts[host.index()];
        if let Outcome::Done(result) = &outcome {
            let Host { kernel, procs } = entry;
            let process = &kernel.processes()[task.process.index()];
            let Proc { tasks, stats, .. } = &mut procs[task.process.index()];
            let slot = &mut tasks[task.task.index()];
            let name = slot.call.name();
            stats.calls.inc(name);
            if let Err(errno) = *result {
                let time_wait = u64::from(kernel.count(TcpState::TimeWait));
                let met = Shortage { at: now, call: name, connections: process.connections(), time_wait };
                let any_port = matches!(slot.call, Call::Bind { addr, .. } if addr.port() == Port::NONE);
                if stats.failed(errno, any_port, met) {
                    if errno == Errno::MFile {
                        stats.emfile_soft.get_or_insert(process.fds().limits().soft);
                    }
                    self.exhaustion.get_or_insert(Exhaustion { at: now, host, process: task.process, errno });
                }
            }
            let kind = RecordKind::Syscall {
                pid: process.pid(),
                task: task.task,
                name: name as u8,
                fd: call_fd(&slot.call).unwrap_or_else(|| new_fd(result)),
                entered: slot.entered,
                result: summary(result),
            };
            self.fx.fold(now, host, &kind);
            if self.syscalls_wanted {
                cold_path();
                observer.record(&Record { at: now, host, kind });
            }
            if self.calls_wanted {
                cold_path();
                show_call(now, host, process.pid(), task.task, slot, result, observer);
            }
        }
        let Outcome::Done(result) = outcome else { unreachable!("who blocks has returned") };
        let end = entry.next_call(now, task, Resume::Done(result), &mut self.futex_wakes);
        self.wake_named(host, task.process);
        end
    }

    /// Wakes the threads that the program named, if it did.
    #[inline]
    fn wake_named(&mut self, host: HostId, process: ProcIx) {
        if !self.futex_wakes.is_empty() {
            self.futex_wake(host, process);
        }
    }

    /// A call that is none of the kernel's business. `None`: it waits, or its thread is no more.
    fn own_call(
        &mut self,
        host: HostId,
        task: TaskRef,
        own: WorldCall,
        first: bool,
        observer: &mut dyn Observer,
    ) -> Result<Option<Ret>, Overrun> {
        let now = self.now;
        let value = match own {
            WorldCall::Sleep(span) => {
                let deadline = now + span + self.hosts[host.index()].kernel.sleep_lateness();
                self.block(host, task, Some(deadline));
                return Ok(None);
            }
            WorldCall::FutexWait(timeout) => {
                let woken = core::mem::take(&mut self.task_mut(host, task).woken_early);
                if first && !woken {
                    self.block(host, task, timeout.map(|t| now + t));
                    return Ok(None);
                }
                Ret::Done
            }
            WorldCall::Spawn(token) => Ret::Task(self.spawn_task(host, task.process, token)),
            WorldCall::Compute => Ret::Done,
            WorldCall::ExitTask => {
                self.hosts[host.index()].procs[task.process.index()].free_task(task.task);
                return Ok(None);
            }
            WorldCall::ExitProcess(status) => {
                self.end_process(host, task.process, status, observer)?;
                return Ok(None);
            }
        };
        Ok(Some(value))
    }

    /// The thread waits with its call.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn block(&mut self, host: HostId, task: TaskRef, deadline: Option<Instant>) {
        let now = self.now;
        let slot = self.task_mut(host, task);
        slot.state = TaskState::Blocked;
        slot.deadline = deadline.unwrap_or(Instant::MAX);
        if slot.deadline < slot.timer_queued {
            slot.timer_queued = slot.deadline;
            let at = slot.deadline;
            self.queue.push(now, at, Event::TaskTimer { host, process: task.process, task: task.task });
        }
    }

    /// Asks programs with timers of their own for what is due before the next
    /// event and by `limit`: nothing else happens in the world until then.
    #[inline]
    pub(super) fn ask_own_timers(&mut self, limit: Instant) {
        if !self.own_timers.is_empty() {
            self.ask_each(limit);
        }
    }

    #[cold]
    #[inline(never)]
    fn ask_each(&mut self, limit: Instant) {
        for ix in 0..self.own_timers.len() {
            let (host, process) = self.own_timers[ix];
            let limit = limit.min(self.queue.next_at());
            let proc = &mut self.hosts[host.index()].procs[process.index()];
            let waits = proc.tasks.first().is_some_and(|t| t.state == TaskState::Blocked);
            if proc.phase == Phase::Running
                && waits
                && let Some(at) = proc.app.next_timer(self.now, limit)
            {
                self.queue.push(self.now, at.max(self.now), Event::OwnTimer { host, process });
            }
        }
    }

    /// A program's own timer may be due: its wait ends if it has something to do.
    #[inline(never)]
    pub(super) fn own_timer(&mut self, at: Instant, host: HostId, process: ProcIx) {
        let latency = self.wake_latency(host);
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        let Some(slot) = proc.tasks.first_mut() else { return };
        if proc.phase == Phase::Running && slot.state == TaskState::Blocked && proc.app.tick(at) {
            slot.state = TaskState::TimedOut;
            self.queue.push(at, at + latency, Event::Run { host, process, task: TaskId(0) });
        }
    }

    /// The live timer entry of a thread fired.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn task_timer(&mut self, at: Instant, host: HostId, task: TaskRef) {
        let latency = self.wake_latency(host);
        let proc = &mut self.hosts[host.index()].procs[task.process.index()];
        let Some(slot) = proc.tasks.get_mut(task.task.index()) else { return };
        if slot.timer_queued != at {
            return;
        }
        slot.timer_queued = Instant::MAX;
        if slot.state != TaskState::Blocked || slot.deadline == Instant::MAX {
            return;
        }
        if slot.deadline > at {
            slot.timer_queued = slot.deadline;
            let due = slot.deadline;
            self.queue.push(at, due, Event::TaskTimer { host, process: task.process, task: task.task });
            return;
        }
        slot.state = TaskState::TimedOut;
        // A sleep's lateness already holds the way back to the CPU.
        let due = if matches!(slot.call, Call::Nanosleep { .. }) { at } else { at + latency };
        self.queue.push(at, due, Event::Run { host, process: task.process, task: task.task });
    }

    /// Something a blocked thread waits for happened.
    #[inline]
    pub(super) fn wake(&mut self, host: HostId, task: TaskRef) {
        let latency = self.wake_latency(host);
        let now = self.now;
        let proc = &mut self.hosts[host.index()].procs[task.process.index()];
        let Some(slot) = proc.tasks.get_mut(task.task.index()) else { return };
        if slot.state == TaskState::Blocked {
            slot.state = TaskState::Waking;
            self.queue.push(now, now + latency, Event::Run { host, process: task.process, task: task.task });
        }
    }

    /// Wakes the threads a program named.
    pub(super) fn futex_wake(&mut self, host: HostId, process: ProcIx) {
        let mut wakes = core::mem::take(&mut self.futex_wakes);
        for task in wakes.drain(..) {
            let task = TaskRef { process, task };
            let slot = self.task_mut(host, task);
            let waits = matches!(slot.call, Call::FutexWait { .. });
            if waits && slot.state == TaskState::Blocked {
                self.wake(host, task);
            } else if slot.state != TaskState::Free {
                slot.woken_early = true;
            }
        }
        self.futex_wakes = wakes;
    }

    #[inline(never)]
    fn spawn_task(&mut self, host: HostId, process: ProcIx, token: u64) -> TaskId {
        let latency = self.hosts[host.index()].kernel.config().cost.thread_start_ns;
        let latency = Duration::from_nanos(u64::from(latency));
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        let task = proc.new_task();
        let slot = &mut proc.tasks[task.index()];
        slot.state = TaskState::Starting;
        slot.woken_early = false;
        slot.call = Call::Spawn { token };
        self.queue.push(self.now, self.now + latency, Event::Run { host, process, task });
        task
    }

    /// Keeps per-process statistics from what a kernel entry recorded.
    pub(super) fn note(&mut self, host: HostId, caller: Option<ProcIx>, kind: &RecordKind) {
        match *kind {
            RecordKind::PortPick { tuple, inspected } => {
                let Some(process) = caller else { return };
                let entry = &mut self.hosts[host.index()];
                let range = entry.kernel.sysctls().ip_local_port_range();
                let half = u32::from(range.high.0.abs_diff(range.low.0)).div_ceil(2);
                let connections = entry.kernel.processes()[process.index()].connections();
                let time_wait = u64::from(entry.kernel.count(TcpState::TimeWait));
                let met = Shortage { at: self.now, call: CallName::Connect, connections, time_wait };
                let stats = &mut entry.procs[process.index()].stats;
                stats.destination = Some(tuple.remote);
                stats.searched(met, inspected, half, tuple.local.port());
            }
            RecordKind::State { tuple, from: TcpState::Closed, to: TcpState::SynSent, .. } => {
                let Some(process) = caller else { return };
                let stats = &mut self.hosts[host.index()].procs[process.index()].stats;
                stats.destination = Some(tuple.remote);
                stats.opened(self.now);
            }
            RecordKind::State { .. }
            | RecordKind::Transmit { .. }
            | RecordKind::Receive { .. }
            | RecordKind::Drop { .. }
            | RecordKind::Syscall { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => {}
        }
    }

    /// Ends a process as `exit_group` or a signal does.
    ///
    /// # Errors
    /// When a budget is exceeded by what closing its descriptors causes.
    pub fn exit_process(
        &mut self,
        host: HostId,
        process: ProcIx,
        status: u32,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        self.end_process(host, process, status, observer).map_err(|over| self.explain(over))
    }

    fn end_process(
        &mut self,
        host: HostId,
        process: ProcIx,
        status: u32,
        observer: &mut dyn Observer,
    ) -> Result<(), Overrun> {
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[process.index()];
        if matches!(proc.phase, Phase::Exited(_)) {
            return Ok(());
        }
        proc.phase = Phase::Exited(status);
        proc.tasks.clear();
        proc.free.clear();
        let pid = entry.kernel.processes()[process.index()].pid();
        self.fx.enter(self.now, host);
        entry.kernel.exit(self.now, process, &mut self.fx);
        self.fx.wakes.retain(|task| task.process != process);
        self.fx.record(RecordKind::Exit { pid, status });
        self.drain(host, None, observer)
    }

    /// SIGSTOP: threads finish no further call until [`World::continue_process`].
    pub fn stop_process(&mut self, host: HostId, process: ProcIx) {
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        if proc.phase == Phase::Running {
            proc.phase = Phase::Stopped;
        }
    }

    /// SIGCONT.
    pub fn continue_process(&mut self, host: HostId, process: ProcIx) {
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        if proc.phase == Phase::Stopped {
            proc.phase = Phase::Running;
            for task in core::mem::take(&mut proc.held) {
                self.queue.push(self.now, self.now, Event::Run { host, process, task });
            }
        }
    }

    fn task_mut(&mut self, host: HostId, task: TaskRef) -> &mut Task {
        &mut self.hosts[host.index()].procs[task.process.index()].tasks[task.task.index()]
    }
}

/// A number that tells a host's threads apart.
fn task_key(task: TaskRef) -> u64 {
    u64::from(task.process.0) << 32 | u64::from(task.task.0)
}

/// A completed call with its arguments, for who wants them.
#[cold]
#[inline(never)]
fn show_call(
    at: Instant,
    host: HostId,
    pid: Pid,
    task: TaskId,
    slot: &Task,
    result: &CallResult,
    observer: &mut dyn Observer,
) {
    let fd = call_fd(&slot.call).unwrap_or_else(|| new_fd(result));
    observer.call(&CallSeen {
        at,
        host,
        pid,
        task,
        name: slot.call.name() as u8,
        fd: (fd != Fd(u32::MAX)).then_some(fd),
        entered: slot.entered,
        result: summary(result),
        cpu: slot.charged,
        on_cpu: slot.cpu.map_or(0, |cpu| cpu.0),
        args: seen::args(&slot.call, result),
    });
}

/// The descriptor a call is about.
pub(super) const fn call_fd(call: &Call) -> Option<Fd> {
    match call {
        Call::Bind { fd, .. }
        | Call::Listen { fd, .. }
        | Call::Accept { fd, .. }
        | Call::Connect { fd, .. }
        | Call::Send { fd, .. }
        | Call::Recv { fd, .. }
        | Call::Sendmmsg { fd, .. }
        | Call::SendTo { fd, .. }
        | Call::Shutdown { fd, .. }
        | Call::Close { fd }
        | Call::SetNonblock { fd, .. }
        | Call::GetFl { fd }
        | Call::SetSockOpt { fd, .. }
        | Call::GetSockOpt { fd, .. }
        | Call::GetSockName { fd }
        | Call::GetPeerName { fd }
        | Call::IoctlFionread { fd }
        | Call::Read { fd, .. }
        | Call::Write { fd, .. }
        | Call::Fstat { fd }
        | Call::Lseek { fd } => Some(*fd),
        Call::Socket { .. }
        | Call::Poll { .. }
        | Call::Open { .. }
        | Call::Stat { .. }
        | Call::Mprotect
        | Call::Getpid
        | Call::GetRlimit
        | Call::SetRlimit { .. }
        | Call::Nanosleep { .. }
        | Call::Spawn { .. }
        | Call::FutexWait { .. }
        | Call::Compute { .. }
        | Call::ExitTask
        | Call::ExitProcess { .. } => None,
    }
}

/// The descriptor a call returned.
const fn new_fd(result: &CallResult) -> Fd {
    match result {
        Ok(Ret::Fd(fd) | Ret::Accepted(fd, _)) => *fd,
        Ok(
            Ret::Done
            | Ret::Count(_)
            | Ret::Data(_)
            | Ret::Datagram(..)
            | Ret::Ready(_)
            | Ret::Name(_)
            | Ret::Task(_)
            | Ret::Limits(_),
        )
        | Err(_) => Fd(u32::MAX),
    }
}

/// A result as one number.
fn summary(result: &CallResult) -> Result<u32, Errno> {
    match result {
        Ok(Ret::Done | Ret::Limits(_) | Ret::Name(_)) => Ok(0),
        Ok(Ret::Fd(fd) | Ret::Accepted(fd, _)) => Ok(fd.0),
        Ok(Ret::Count(n)) => Ok(*n),
        Ok(Ret::Data(data) | Ret::Datagram(data, _)) => Ok(data.len()),
        Ok(Ret::Ready(set)) => Ok(u32::try_from(set.ready()).unwrap_or(u32::MAX)),
        Ok(Ret::Task(task)) => Ok(task.0),
        Err(errno) => Err(*errno),
    }
}
