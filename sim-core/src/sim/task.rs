//! Threads of simulated processes, as the world schedules them.

use std::collections::BTreeMap;

use crate::app::{App, Call, CallName};
use crate::errno::Errno;
use crate::kernel::cpu::CpuId;
use crate::rng::SimRng;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Port, TaskId};

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TaskState {
    /// The slot is free.
    Free,
    /// A new thread that has not run; its token is in the `clone` call kept for it.
    Starting,
    /// Its call is using CPU time; an [`Event::Run`](super::event::Event::Run) is queued.
    Running,
    /// Its call waits.
    Blocked,
    /// It was woken and will try its call again; an `Event::Run` is queued.
    Waking,
    /// Its sleep or time-out is over; the call completes at the queued `Event::Run`.
    TimedOut,
}

/// One thread.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) state: TaskState,
    /// The call in progress.
    pub(crate) call: Call,
    /// When the call was entered.
    pub(crate) entered: Instant,
    /// CPU time charged for the call.
    pub(crate) charged: Duration,
    /// End of the wait; [`Instant::MAX`] without one.
    pub(crate) deadline: Instant,
    /// When its live timer entry fires; [`Instant::MAX`] without one.
    pub(crate) timer_queued: Instant,
    /// A futex wake that came before the wait.
    pub(crate) woken_early: bool,
    /// The CPU it last ran on.
    pub(crate) cpu: Option<CpuId>,
}

impl Task {
    pub(crate) const fn new() -> Self {
        Self {
            state: TaskState::Free,
            call: Call::Getpid,
            entered: Instant::ZERO,
            charged: Duration::ZERO,
            deadline: Instant::MAX,
            timer_queued: Instant::MAX,
            woken_early: false,
            cpu: None,
        }
    }
}

/// One process at run time.
pub(crate) struct Proc {
    pub(crate) app: Box<dyn App>,
    pub(crate) rng: SimRng,
    pub(crate) tasks: Vec<Task>,
    pub(crate) free: Vec<TaskId>,
    pub(crate) phase: Phase,
    /// Threads whose next step was held back by SIGSTOP.
    pub(crate) held: Vec<TaskId>,
    pub(crate) stats: ProcStats,
}

/// A process's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not started yet.
    Waiting,
    /// Running.
    Running,
    /// Stopped by SIGSTOP.
    Stopped,
    /// Ended with this status (128 + signal when killed).
    Exited(u32),
}

/// What the world counts about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcStats {
    /// TCP `connect()` calls that began an attempt or failed to.
    pub tcp_connects: u64,
    /// Of them, the ones that found a port and sent a SYN.
    pub syn_sent: u64,
    /// CPU time of its calls and user code.
    pub cpu: Duration,
    /// Failed calls by call and errno (`EINPROGRESS` and `EAGAIN` included).
    pub errors: BTreeMap<(CallName, Errno), u64>,
    /// Calls made.
    pub calls: CallCounts,
    /// Source ports: distance from one automatic port to the next, by size of
    /// the step (negative where the search wrapped or was re-salted).
    pub port_steps: BTreeMap<i32, u64>,
    /// The last automatic source port.
    pub last_port: Option<Port>,
    /// Candidates inspected by all port searches.
    pub inspected: u64,
    /// The first search that inspected more than half of the range, and found a port.
    pub knee: Option<Shortage>,
    /// Port searches before it.
    pub early_searches: Searches,
    /// Successful ones from it on.
    pub late_searches: Searches,
    /// Those that found no port.
    pub vain_searches: Searches,
    /// First `EADDRNOTAVAIL` (or `EADDRINUSE` of a `bind()` that asked for any port), `EMFILE` and `ENFILE`.
    pub shortages: [Option<Shortage>; 3],
    /// Soft RLIMIT_NOFILE at the first `EMFILE`.
    pub emfile_soft: Option<u64>,
    /// Where the last TCP connect() went.
    pub destination: Option<Endpoint>,
    /// TCP connect() calls in the current second of virtual time: its number, and how many.
    pub this_second: (u64, u64),
    /// Most of them in one second.
    pub busiest_second: u64,
    /// When the last of them was made.
    pub last_connect: Instant,
}

/// Something became scarce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// When.
    pub at: Instant,
    /// The call that met it.
    pub call: CallName,
    /// Connections the process had then.
    pub connections: u64,
    /// TIME_WAIT minisocks of its host then, which hold ports as connections do.
    pub time_wait: u64,
}

/// Port searches, and what they inspected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searches {
    /// How many.
    pub count: u64,
    /// Candidates in all.
    pub inspected: u64,
}

impl Searches {
    const fn add(&mut self, inspected: u32) {
        self.count += 1;
        self.inspected += inspected as u64;
    }
}

impl ProcStats {
    /// Index of an errno in [`ProcStats::shortages`]; `None` for all others.
    #[must_use]
    pub fn shortage_of(errno: Errno) -> Option<usize> {
        [Errno::AddrNotAvail, Errno::MFile, Errno::NFile].iter().position(|&one| one == errno)
    }

    /// Counts a failed call. True if something had run out: `any_port` calls asked for whatever port is
    /// left, and are told EADDRINUSE when none is.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&mut self, errno: Errno, any_port: bool, met: Shortage) -> bool {
        *self.errors.entry((met.call, errno)).or_default() += 1;
        let no_port = any_port && errno == Errno::AddrInUse;
        let Some(which) = Self::shortage_of(if no_port { Errno::AddrNotAvail } else { errno }) else { return false };
        self.shortages[which].get_or_insert(met);
        true
    }

    /// Notes the first SYN of a connect(), whose port was searched or bound before.
    pub(crate) fn opened(&mut self, now: Instant) {
        self.attempted(now);
        self.syn_sent += 1;
    }

    fn attempted(&mut self, now: Instant) {
        self.tcp_connects += 1;
        self.last_connect = now;
        let second = now.nanos() / 1_000_000_000;
        if self.this_second.0 != second {
            self.this_second = (second, 0);
        }
        self.this_second.1 += 1;
        self.busiest_second = self.busiest_second.max(self.this_second.1);
    }

    /// Notes a search for a source port; `half` is half of the range, `found` the port.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn searched(&mut self, met: Shortage, inspected: u32, half: u32, found: Port) {
        self.inspected += u64::from(inspected);
        if found == Port::NONE {
            self.attempted(met.at);
            self.vain_searches.add(inspected);
            return;
        }
        if inspected >= half && half > 0 && self.knee.is_none() {
            self.knee = Some(met);
        }
        if self.knee.is_some() { &mut self.late_searches } else { &mut self.early_searches }.add(inspected);
        if let Some(last) = self.last_port {
            let step = i32::from(found.0) - i32::from(last.0);
            *self.port_steps.entry(step).or_default() += 1;
        }
        self.last_port = Some(found);
    }
}

impl Proc {
    pub(crate) fn fork(&self) -> Option<Self> {
        Some(Self {
            app: self.app.fork()?,
            rng: self.rng.clone(),
            tasks: self.tasks.clone(),
            free: self.free.clone(),
            phase: self.phase,
            held: self.held.clone(),
            stats: self.stats.clone(),
        })
    }

    /// A thread has ended.
    #[inline(never)]
    pub(crate) fn free_task(&mut self, task: TaskId) {
        self.tasks[task.index()].state = TaskState::Free;
        self.free.push(task);
    }

    /// A slot for a new thread.
    #[inline(never)]
    pub(crate) fn new_task(&mut self) -> TaskId {
        if let Some(task) = self.free.pop() {
            return task;
        }
        self.tasks.push(Task::new());
        TaskId(u32::try_from(self.tasks.len() - 1).expect("fewer than 2^32 threads"))
    }
}

impl core::fmt::Debug for Proc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Proc").field("phase", &self.phase).field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

/// Calls made, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallCounts([u64; CallName::ALL.len()]);

impl Default for CallCounts {
    fn default() -> Self {
        Self([0; CallName::ALL.len()])
    }
}

impl CallCounts {
    /// Calls of this name completed.
    #[must_use]
    pub const fn get(&self, name: CallName) -> u64 {
        self.0[name as usize]
    }
    pub(crate) fn inc(&mut self, name: CallName) {
        self.0[name as usize] += 1;
    }
}
