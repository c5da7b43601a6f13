//! Threads run: calls are priced, take effect, block, complete.

use super::budget::SimError;
use super::calls::WorldCall;
use super::event::Event;
use super::task::{Phase, ProcStats, Shortage, Task, TaskState};
use super::world::{Exhaustion, World};
use crate::app::{AppContext, Call, CallResult, Resume, Ret};
use crate::errno::Errno;
use crate::kernel::cpu::CpuWork;
use crate::kernel::{Caller, Outcome};
use crate::tcp::{Cause, TcpState};
use crate::time::{Duration, Instant};
use crate::trace::{Observer, RecordKind};
use crate::units::{Fd, HostId, ProcIx, TaskId, TaskRef};

/// What a thread does after a call was looked at.
enum Next {
    /// Resume the program with this.
    Resume(Resume),
    /// Nothing until something happens.
    Wait,
}

impl World {
    pub(super) fn start(&mut self, host: HostId, process: ProcIx, observer: &mut dyn Observer) -> Result<(), SimError> {
        let proc = &mut self.hosts[host.index()].procs[process.index()];
        if proc.phase != Phase::Waiting {
            return Ok(());
        }
        proc.phase = Phase::Running;
        let task = proc.new_task();
        self.proceed(host, TaskRef { process, task }, Resume::Started(0), observer)
    }

    /// A queued [`Event::Run`] is due.
    pub(super) fn run_task(
        &mut self,
        host: HostId,
        task: TaskRef,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let proc = &mut self.hosts[host.index()].procs[task.process.index()];
        match proc.phase {
            Phase::Running => {}
            Phase::Stopped => {
                proc.held.push(task.task);
                return Ok(());
            }
            Phase::Waiting | Phase::Exited(_) => return Ok(()),
        }
        let Some(state) = proc.tasks.get(task.task.index()).map(|slot| slot.state) else { return Ok(()) };
        let next = match state {
            TaskState::Starting => {
                let Call::Spawn { token } = self.task(host, task).call else {
                    unreachable!("a new thread keeps the call that made it")
                };
                Next::Resume(Resume::Started(token))
            }
            TaskState::Running | TaskState::Waking => {
                let call = core::mem::replace(&mut self.task_mut(host, task).call, Call::Getpid);
                self.effect(host, task, call, state == TaskState::Running, observer)?
            }
            TaskState::TimedOut => {
                let call = core::mem::replace(&mut self.task_mut(host, task).call, Call::Getpid);
                let result = self.hosts[host.index()].kernel.timed_out(task, &call);
                self.complete(host, task, &call, result, observer)
            }
            TaskState::Free | TaskState::Blocked => Next::Wait,
        };
        match next {
            Next::Resume(resume) => self.proceed(host, task, resume, observer),
            Next::Wait => Ok(()),
        }
    }

    /// Resumes a program and executes its calls inline for as long as nothing
    /// else is due before they complete.
    fn proceed(
        &mut self,
        host: HostId,
        task: TaskRef,
        mut resume: Resume,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        loop {
            let call = self.resume_app(host, task, resume);
            let finished = matches!(call, Call::ExitTask | Call::ExitProcess { .. });
            let now = self.now;
            let cost = if finished { Duration::ZERO } else { self.price(host, task, &call) };
            let entry = &mut self.hosts[host.index()];
            let work = if matches!(call, Call::Compute { .. }) { CpuWork::User } else { CpuWork::System };
            let proc = &mut entry.procs[task.process.index()];
            proc.stats.cpu += cost;
            let slot = &mut proc.tasks[task.task.index()];
            let run = entry.kernel.cpus.reserve(now, task_key(task), slot.cpu, work, cost);
            slot.cpu = Some(run.cpu);
            slot.entered = now;
            slot.state = TaskState::Running;
            if run.end >= self.queue.next_at() || run.end > self.horizon {
                slot.call = call;
                self.queue.push(now, run.end, Event::Run { host, process: task.process, task: task.task });
                return Ok(());
            }
            self.advance(run.end)?;
            match self.effect(host, task, call, true, observer)? {
                Next::Resume(next) => resume = next,
                Next::Wait => return Ok(()),
            }
        }
    }

    fn resume_app(&mut self, host: HostId, task: TaskRef, resume: Resume) -> Call {
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[task.process.index()];
        let mut cx = AppContext {
            now: self.now,
            pid: entry.kernel.processes()[task.process.index()].pid(),
            rng: &mut proc.rng,
            wakes: &mut self.futex_wakes,
            cpus: entry.kernel.config().cpus,
        };
        let call = proc.app.resume(task.task, resume, &mut cx);
        self.futex_wake(host, task.process);
        call
    }

    /// CPU time of a call, in the state of the tables at its start.
    fn price(&mut self, host: HostId, task: TaskRef, call: &Call) -> Duration {
        let kernel = &mut self.hosts[host.index()].kernel;
        if let Call::Connect { fd, addr } = call {
            kernel.connect_cost(self.now, task.process, *fd, *addr)
        } else {
            Duration::from_nanos(kernel.config().cost.cost_of(call))
        }
    }

    /// The call takes effect now.
    fn effect(
        &mut self,
        host: HostId,
        task: TaskRef,
        mut call: Call,
        first: bool,
        observer: &mut dyn Observer,
    ) -> Result<Next, SimError> {
        let now = self.now;
        if let Some(own) = WorldCall::of(&call) {
            return self.own_call(host, task, own, call, first, observer);
        }
        let caller = Caller { now, task, first };
        let outcome = self.hosts[host.index()].kernel.syscall(caller, &mut call, &mut self.fx);
        // The result is recorded after its effects, like a trace at the exit of the call.
        match outcome {
            Outcome::Done(result) => {
                self.drain(host, Some(task.process), observer)?;
                Ok(self.complete(host, task, &call, result, observer))
            }
            Outcome::Block { deadline } => {
                if first {
                    self.block(host, task, call, deadline);
                } else {
                    let slot = self.task_mut(host, task);
                    slot.call = call;
                    slot.state = TaskState::Blocked;
                }
                self.drain(host, Some(task.process), observer)?;
                Ok(Next::Wait)
            }
        }
    }

    /// A call that is none of the kernel's business.
    fn own_call(
        &mut self,
        host: HostId,
        task: TaskRef,
        own: WorldCall,
        call: Call,
        first: bool,
        observer: &mut dyn Observer,
    ) -> Result<Next, SimError> {
        let now = self.now;
        let result = match own {
            WorldCall::Sleep(span) => {
                let deadline = now + span + self.hosts[host.index()].kernel.sleep_lateness();
                self.block(host, task, call, Some(deadline));
                return Ok(Next::Wait);
            }
            WorldCall::FutexWait(timeout) => {
                let woken = core::mem::take(&mut self.task_mut(host, task).woken_early);
                if first && !woken {
                    self.block(host, task, call, timeout.map(|t| now + t));
                    return Ok(Next::Wait);
                }
                Ret::Done
            }
            WorldCall::Spawn(token) => Ret::Task(self.spawn_task(host, task.process, token)),
            WorldCall::Compute => Ret::Done,
            WorldCall::ExitTask => {
                let proc = &mut self.hosts[host.index()].procs[task.process.index()];
                proc.tasks[task.task.index()].state = TaskState::Free;
                proc.free.push(task.task);
                return Ok(Next::Wait);
            }
            WorldCall::ExitProcess(status) => {
                self.exit_process(host, task.process, status, observer)?;
                return Ok(Next::Wait);
            }
        };
        Ok(self.complete(host, task, &call, Ok(result), observer))
    }

    fn block(&mut self, host: HostId, task: TaskRef, call: Call, deadline: Option<Instant>) {
        let now = self.now;
        let slot = self.task_mut(host, task);
        slot.call = call;
        slot.state = TaskState::Blocked;
        slot.deadline = deadline.unwrap_or(Instant::MAX);
        if slot.deadline < slot.timer_queued {
            slot.timer_queued = slot.deadline;
            let at = slot.deadline;
            self.queue.push(now, at, Event::TaskTimer { host, process: task.process, task: task.task });
        }
    }

    /// The live timer entry of a thread fired.
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
        if self.futex_wakes.is_empty() {
            return;
        }
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

    /// Records a completed call and counts it.
    fn complete(
        &mut self,
        host: HostId,
        task: TaskRef,
        call: &Call,
        result: CallResult,
        observer: &mut dyn Observer,
    ) -> Next {
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[task.process.index()];
        let slot = &proc.tasks[task.task.index()];
        let name = call.name();
        let fd = call_fd(call).unwrap_or(match &result {
            Ok(Ret::Fd(fd) | Ret::Accepted(fd, _)) => *fd,
            Ok(_) | Err(_) => Fd(u32::MAX),
        });
        let entered = slot.entered;
        proc.stats.calls.inc(name);
        if let Err(errno) = result {
            *proc.stats.errors.entry((name, errno)).or_default() += 1;
            if let Some(which) = ProcStats::shortage_of(errno) {
                let connections = entry.kernel.processes()[task.process.index()].connections();
                let shortage = Shortage { at: self.now, call: name, connections };
                proc.stats.shortages[which].get_or_insert(shortage);
                let first = Exhaustion { at: self.now, host, process: task.process, errno };
                self.exhaustion.get_or_insert(first);
            }
        }
        let pid = entry.kernel.processes()[task.process.index()].pid();
        let kind =
            RecordKind::Syscall { pid, task: task.task, name: name as u8, fd, entered, result: summary(&result) };
        kind.digest(self.now, host, &mut self.digest);
        if observer.wants_syscalls() {
            observer.record(&crate::trace::Record { at: self.now, host, kind });
        }
        Next::Resume(Resume::Done(result))
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
                let stats = &mut entry.procs[process.index()].stats;
                stats.destination = Some(tuple.remote);
                stats.searched(self.now, inspected, half, tuple.local.port, connections);
            }
            RecordKind::State {
                tuple,
                from: TcpState::SynSent,
                to: TcpState::Established,
                cause: Cause::SynAckArrived,
            } => {
                let entry = &mut self.hosts[host.index()];
                if let Some(process) = entry.kernel.owner_of(tuple) {
                    entry.procs[process.index()].stats.connected += 1;
                }
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
        let entry = &mut self.hosts[host.index()];
        let proc = &mut entry.procs[process.index()];
        if matches!(proc.phase, Phase::Exited(_)) {
            return Ok(());
        }
        proc.phase = Phase::Exited(status);
        proc.tasks.clear();
        proc.free.clear();
        let pid = entry.kernel.processes()[process.index()].pid();
        let mut fx = core::mem::take(&mut self.fx);
        entry.kernel.exit(self.now, process, &mut fx);
        fx.wakes.retain(|task| task.process != process);
        fx.records.push(RecordKind::Exit { pid, status });
        self.fx = fx;
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

    fn task(&self, host: HostId, task: TaskRef) -> &Task {
        &self.hosts[host.index()].procs[task.process.index()].tasks[task.task.index()]
    }
    fn task_mut(&mut self, host: HostId, task: TaskRef) -> &mut Task {
        &mut self.hosts[host.index()].procs[task.process.index()].tasks[task.task.index()]
    }
}

/// A number that tells a host's threads apart.
fn task_key(task: TaskRef) -> u64 {
    u64::from(task.process.0) << 32 | u64::from(task.task.0)
}

/// The descriptor a call is about.
const fn call_fd(call: &Call) -> Option<Fd> {
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
