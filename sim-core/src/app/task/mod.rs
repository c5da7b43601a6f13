//! Programs written as async Rust: the adapter between a client's own code and
//! a simulated process.
//!
//! ```text
//! future ─poll─► Op in the reactor ─► Call ─► kernel        one system call at a time
//!        ◄─wake─        result     ◄─ CallResult ◄─
//! nothing to poll, nothing to call: poll() on all that is waited for, until the next timer
//! ```
//!
//! A program has one thread, like a single-threaded runtime: tasks are polled in
//! the order in which they were woken, each system call is made right after the
//! poll that asked for it, and its task goes on with the result before any other.
//! Time passes in system calls and waits only; code between two awaits costs none.
//!
//! When the first future ends the process exits, with status 0, or 1 after an `Err`.
//!
//! ```
//! use futures_io::{AsyncRead, AsyncWrite};
//! use halfclose::app::task::{Net, Program};
//!
//! /// Runs over any network: a real one in production, `SimNet` in tests.
//! async fn client<N: Net>(net: N) -> std::io::Result<()> {
//!     let stream = net.connect("db.example:3306").await?;
//!     net.sleep(core::time::Duration::from_secs(1)).await;
//!     drop(stream); // closes the descriptor; `forget` would leak it
//!     Ok(())
//! }
//!
//! let program = Program::new(client).host("db.example", [10, 0, 0, 2].into());
//! ```

#[cfg(feature = "tokio")]
mod clock;
mod executor;
mod net;
mod op;
mod reactor;
mod stream;
#[cfg(test)]
mod tests;

use core::cell::Cell;
use core::future::Future;
use core::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

pub use executor::{JoinHandle, spawn_local};
pub use net::{Elapsed, Net, SimNet, SimTcpListener, SimTcpSocket, Sleep, Target};
pub use reactor::Origin;
pub use stream::SimTcpStream;

use super::api::{App, AppContext, AppStatus, Call, CallResult, Resume, Ret};
use crate::rng::{SimRng, Stream};
use crate::time::{Duration, Instant};
use crate::units::{Fd, Ipv4Addr, Pid, TaskId};
use executor::{Executor, LocalFuture};
use reactor::{Names, OpId, Request, Shared, TaskInfo};

/// Polls in a row without a system call after which a program is taken to spin
/// and charged CPU time, so that the world's budgets end it.
const SPIN_POLLS: u32 = 1_000;
const SPIN_COST: Duration = Duration::from_millis(1);

/// What ends a program: its exit status. A closure whose body is an endless loop has no such type
/// (`!` is none); an `async fn` has.
pub trait ExitStatus {
    /// 0 for success.
    fn status(self) -> u32;
}
impl ExitStatus for () {
    fn status(self) -> u32 {
        0
    }
}
impl<T, E> ExitStatus for Result<T, E> {
    fn status(self) -> u32 {
        u32::from(self.is_err())
    }
}
impl ExitStatus for core::convert::Infallible {
    fn status(self) -> u32 {
        match self {}
    }
}

type Factory = Rc<dyn Fn(SimNet, ExitSlot) -> LocalFuture>;
type ExitSlot = Rc<Cell<Option<u32>>>;

/// A process whose program is async code.
///
/// A copy of a world with such a program is made by running the code again from
/// its beginning with the same results of its system calls: so the code must get
/// everything it decides by from [`SimNet`]. State that the closure shares with the
/// outside would be changed twice; use [`SimNet::count`] for what tests want to know.
pub struct Program {
    factory: Factory,
    names: Names,
    main: Arc<TaskInfo>,
    tokio: bool,
    state: Option<Box<Running>>,
    log: Vec<Entry>,
    /// The random stream it began with.
    seed: Option<SimRng>,
}

/// What a program was told, and what it did: enough to do it again.
#[derive(Clone, Debug)]
struct Entry {
    now: Instant,
    input: Input,
    /// The first task that was polled then: whose timer was due, or whose socket was ready.
    first: Option<Arc<TaskInfo>>,
    /// The call that followed, and the task that made it.
    call: Option<(Call, Arc<TaskInfo>)>,
    /// The call is the whole program's wait.
    waits: bool,
}

#[derive(Clone, Debug)]
enum Input {
    Started,
    Done(CallResult),
    Tick,
    Probe(Instant),
}

enum InFlight {
    Nothing,
    Call(Option<OpId>),
    Wait,
}

struct Running {
    executor: Executor,
    shared: Shared,
    exit: ExitSlot,
    in_flight: InFlight,
    pid: Pid,
    cpus: u32,
    #[cfg(feature = "tokio")]
    clock: Option<clock::Clock>,
}

impl Program {
    /// A program from an async function, called when the process starts.
    #[track_caller]
    pub fn new<F, T>(main: impl Fn(SimNet) -> F + 'static) -> Self
    where
        F: Future<Output = T> + 'static,
        T: ExitStatus,
    {
        let factory: Factory = Rc::new(move |net, exit| {
            let future = main(net);
            Box::pin(async move { exit.set(Some(future.await.status())) })
        });
        Self {
            factory,
            names: Names::default(),
            main: Arc::new(TaskInfo { name: "main".to_owned(), spawned: Location::caller() }),
            tokio: false,
            state: None,
            log: Vec::new(),
            seed: None,
        }
    }

    /// Says where the first task comes from, where that is not the caller of [`Program::new`].
    #[must_use]
    pub fn spawned_at(mut self, at: &'static Location<'static>) -> Self {
        self.main = Arc::new(TaskInfo { name: self.main.name.clone(), spawned: at });
        self
    }

    /// A line of `/etc/hosts`.
    #[must_use]
    pub fn host(mut self, name: &str, addr: Ipv4Addr) -> Self {
        self.names.hosts.push((name.to_owned(), addr));
        self
    }

    /// The name server of `/etc/resolv.conf`; 127.0.0.1 if none is given.
    #[must_use]
    pub const fn nameserver(mut self, addr: Ipv4Addr) -> Self {
        self.names.nameserver = Some(addr);
        self
    }

    /// Runs the program inside a tokio runtime of one thread whose clock is paused
    /// and moved by the simulation: `tokio::time`, `tokio::spawn` and what builds on
    /// them work. Spawned tasks of tokio are named `tokio` in messages.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub const fn tokio(mut self) -> Self {
        self.tokio = true;
        self
    }

    /// Descriptors of sockets that were opened and not closed, with who opened each.
    #[must_use]
    pub fn open_sockets(&self) -> Vec<(Fd, Origin)> {
        let Some(state) = &self.state else { return Vec::new() };
        state.shared.lock().sockets().iter().map(|(fd, origin)| (*fd, origin.clone())).collect()
    }

    /// The system calls made so far: when each was decided on, which, and by what task.
    pub fn calls(&self) -> impl Iterator<Item = (Instant, &Call, &str)> {
        self.log
            .iter()
            .filter_map(|entry| entry.call.as_ref().map(|(call, task)| (entry.now, call, task.name.as_str())))
    }

    /// Results of system calls in the order of [`Program::calls`]; the last call may have none yet.
    pub fn results(&self) -> impl Iterator<Item = &CallResult> {
        self.log.iter().filter_map(|entry| match &entry.input {
            Input::Done(result) => Some(result),
            Input::Started | Input::Tick | Input::Probe(_) => None,
        })
    }

    fn begin(&mut self, cx: &AppContext<'_>, rng: SimRng) {
        // What is done between our tasks is, in a runtime of tokio's, done by one of its own.
        let nobody = if self.tokio {
            Arc::new(TaskInfo { name: "a task that tokio runs".to_owned(), spawned: self.main.spawned })
        } else {
            Arc::clone(&self.main)
        };
        let shared = Shared::new(self.names.clone(), rng.clone(), cx, nobody);
        self.seed = Some(rng);
        let mut executor = Executor::new(shared.clone());
        let exit = ExitSlot::default();
        let net = SimNet { shared: shared.clone(), spawner: executor.spawner() };
        let (factory, slot) = (Rc::clone(&self.factory), Rc::clone(&exit));
        // The closure runs inside the first poll: it may already use what tasks may use.
        executor.start(Box::pin(async move { factory(net, slot).await }), Arc::clone(&self.main));
        self.state = Some(Box::new(Running {
            executor,
            shared,
            exit,
            in_flight: InFlight::Nothing,
            pid: cx.pid,
            cpus: cx.cpus,
            #[cfg(feature = "tokio")]
            clock: self.tokio.then(|| clock::Clock::new(cx.now)),
        }));
    }

    /// What follows from an input: the next call, unless there is nothing to do.
    fn input(&mut self, input: Input, cx: &AppContext<'_>, seed: Option<SimRng>) -> Option<Call> {
        if let Some(rng) = seed {
            self.begin(cx, rng);
        }
        let state = self.state.as_mut().expect("a program is started first");
        state.shared.lock().now = cx.now;
        let call = match &input {
            Input::Started => Some(state.next()),
            Input::Done(result) => {
                state.take(result.clone());
                Some(state.next())
            }
            Input::Tick => {
                state.tick();
                None
            }
            Input::Probe(limit) => {
                state.probe(*limit);
                None
            }
        };
        let first = state.executor.first.take();
        let waits = call.is_some() && matches!(state.in_flight, InFlight::Wait);
        self.log.push(Entry { now: cx.now, input, first, call: call.clone(), waits });
        call.map(|(call, _)| call)
    }

    /// The program again, in the same state, by doing all of it again. `None` if it does something else this time.
    fn again(&self) -> Option<Self> {
        let mut copy = Self {
            factory: Rc::clone(&self.factory),
            names: self.names.clone(),
            main: Arc::clone(&self.main),
            tokio: self.tokio,
            state: None,
            log: Vec::with_capacity(self.log.len()),
            seed: None,
        };
        let Some(original) = &self.state else { return Some(copy) };
        let mut seed = self.seed.clone();
        let mut unused = seed.clone()?;
        for entry in &self.log {
            let mut wakes = Vec::new();
            let (pid, cpus) = (original.pid, original.cpus);
            let cx = AppContext { now: entry.now, pid, rng: &mut unused, wakes: &mut wakes, cpus };
            let call = copy.input(entry.input.clone(), &cx, seed.take());
            if call.as_ref() != entry.call.as_ref().map(|(call, _)| call) {
                return None;
            }
        }
        Some(copy)
    }
}

impl Running {
    /// Hands a call's result to who waits for it.
    fn take(&mut self, result: CallResult) {
        // Whoever made the call goes on with its result before anybody else.
        self.executor.ready.set_first(true);
        match core::mem::replace(&mut self.in_flight, InFlight::Nothing) {
            InFlight::Call(Some(op)) => self.shared.complete(op, result),
            InFlight::Call(None) | InFlight::Nothing => {}
            InFlight::Wait => {
                self.executor.ready.set_first(false);
                match result {
                    Ok(Ret::Ready(set)) => self.shared.awake(Some(&set)),
                    Ok(_) | Err(_) => self.shared.awake(None),
                }
            }
        }
        self.executor.ready.set_first(false);
    }

    /// The next call and the task it is made for.
    fn next(&mut self) -> (Call, Arc<TaskInfo>) {
        let mut polls = 0;
        loop {
            if let Some(Request { op, task, call }) = self.request() {
                self.in_flight = InFlight::Call(op);
                return (call, task);
            }
            self.shared.awake(None);
            if !self.run() {
                break;
            }
            polls += 1;
            if polls >= SPIN_POLLS {
                self.in_flight = InFlight::Call(None);
                return (Call::Compute { duration: SPIN_COST }, self.running());
            }
        }
        if let Some(Request { op, task, call }) = self.request() {
            self.in_flight = InFlight::Call(op);
            return (call, task);
        }
        if let Some(status) = self.exit.get() {
            self.in_flight = InFlight::Nothing;
            return (Call::ExitProcess { status }, self.running());
        }
        self.in_flight = InFlight::Wait;
        (self.shared.wait(), self.running())
    }

    fn request(&self) -> Option<Request> {
        // What follows the end of `main` is not done any more: the process exits.
        let ended = self.exit.get().is_some();
        let mut reactor = self.shared.lock();
        if ended {
            reactor.queue.clear();
        }
        reactor.queue.pop_front()
    }

    fn running(&self) -> Arc<TaskInfo> {
        Arc::clone(&self.shared.lock().running)
    }

    /// Polls a task, or all that are ready where tokio decides; false when none was.
    fn run(&mut self) -> bool {
        #[cfg(feature = "tokio")]
        if let Some(clock) = &mut self.clock {
            let now = self.shared.lock().now;
            clock.run(now, &mut self.executor);
            return false;
        }
        self.executor.poll_one()
    }

    /// Timers of tokio are due; true if something is to be done now.
    fn tick(&mut self) -> bool {
        let _ = self.run();
        !self.shared.lock().queue.is_empty() || self.exit.get().is_some()
    }

    #[cfg(feature = "tokio")]
    fn probe(&mut self, limit: Instant) -> Option<Instant> {
        self.clock.as_mut()?.next_timer(limit)
    }

    #[cfg(not(feature = "tokio"))]
    #[expect(clippy::unused_self, clippy::missing_const_for_fn, reason = "the same signature with and without tokio")]
    fn probe(&mut self, _limit: Instant) -> Option<Instant> {
        None
    }
}

impl App for Program {
    fn resume(&mut self, _task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let (input, seed) = match resume {
            Resume::Started(_) => (Input::Started, Some(SimRng::new(cx.rng.next_u64(), Stream::App(0)))),
            Resume::Done(result) => (Input::Done(result), None),
        };
        self.input(input, cx, seed).expect("a call follows the result of the last one")
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        self.again().map(|copy| Box::new(copy) as _)
    }

    fn has_own_timers(&self) -> bool {
        self.tokio
    }

    fn next_timer(&mut self, now: Instant, limit: Instant) -> Option<Instant> {
        let state = self.state.as_mut()?;
        let at = state.probe(limit)?;
        self.log.push(Entry { now, input: Input::Probe(limit), first: None, call: None, waits: false });
        Some(at)
    }

    fn tick(&mut self, now: Instant) -> bool {
        let Some(state) = self.state.as_mut() else { return false };
        state.shared.lock().now = now;
        let busy = state.tick();
        let first = state.executor.first.take();
        self.log.push(Entry { now, input: Input::Tick, first, call: None, waits: false });
        busy
    }

    fn opened_by(&self, fd: Fd) -> Option<String> {
        let state = self.state.as_ref()?;
        state.shared.lock().sockets().get(&fd).map(ToString::to_string)
    }

    fn made_calls(&self) -> Vec<(Instant, Call, Option<CallResult>)> {
        let results = self.results().cloned().map(Some).chain(core::iter::repeat(None));
        self.calls().zip(results).map(|((at, call, _), result)| (at, call.clone(), result)).collect()
    }

    fn acted_at(&self, entered: Instant) -> Option<String> {
        let at = self.log.partition_point(|entry| entry.now < entered);
        let mut entries = self.log[at..].iter();
        let entry = entries.find(|entry| entry.now == entered)?;
        let (_, task) = entry.call.as_ref()?;
        if !entry.waits {
            return Some(task.name.clone());
        }
        // The wait is everybody's; its end belongs to who goes on then.
        for later in entries {
            if let Some(first) = &later.first {
                return Some(first.name.clone());
            }
            if later.call.is_some() {
                break;
            }
        }
        Some(task.name.clone())
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let Some(state) = &self.state else { return AppStatus::default() };
        let counters = state.shared.lock().counters.iter().map(|(name, n)| (name.clone(), *n)).collect();
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let state = self.state.as_ref()?;
        Some(state.shared.lock().counters.get(name).copied().unwrap_or(0))
    }
}
