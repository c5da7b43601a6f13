//! What handles and executor share: operations in progress, the system calls
//! they need, timers, and who opened which descriptor.
//!
//! Handles must be `Send`, because pools and protocol crates ask for it, so the
//! shared part is behind a mutex; one thread takes it in turn, nobody waits.

use core::panic::Location;
use core::task::{Poll, Waker};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::app::api::{AppContext, Call, CallResult, PollEvents, PollSet, Ret};
use crate::app::flow::Flow;
use crate::app::resolver::{ResolveError, Resolver, ResolverConfig};
use crate::errno::Errno;
use crate::rng::SimRng;
use crate::time::{Duration, Instant};
use crate::units::{Fd, Ipv4Addr, Pid};

/// Number of an operation, in the order in which they began.
pub(super) type OpId = u64;

/// A task as messages name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TaskInfo {
    pub(super) name: String,
    pub(super) spawned: &'static Location<'static>,
}

/// Who opened a descriptor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The task, as it was named when it was spawned.
    pub task: String,
    /// Where the task was spawned.
    pub spawned: &'static Location<'static>,
    /// Where the socket was asked for: the `connect()`, `bind()` or `accept()` in the client's code.
    pub opened: &'static Location<'static>,
    /// When.
    pub at: Instant,
}

impl core::fmt::Display for Origin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { task, spawned, opened, at } = self;
        write!(f, "opened at {at} s by task `{task}` ({}) at {}", place(spawned), place(opened))
    }
}

fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// A system call to be made.
#[derive(Debug)]
pub(super) struct Request {
    /// Who gets its result; `None` for a `close()` nobody waits for.
    pub(super) op: Option<OpId>,
    pub(super) task: Arc<TaskInfo>,
    pub(super) call: Call,
}

/// What an operation came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Call(CallResult),
    /// The descriptor is ready.
    Ready,
    Addr(Result<Ipv4Addr, ResolveError>),
}

#[derive(Debug)]
enum State {
    /// Its call is in the queue or being made.
    Calling,
    /// Waits for a descriptor, a lookup until the time given.
    Waiting(Fd, PollEvents, Option<Instant>),
    Done(Outcome),
}

#[derive(Debug)]
struct Op {
    state: State,
    waker: Option<Waker>,
    /// Nobody is interested any more.
    dropped: bool,
    lookup: Option<Box<Resolver>>,
    task: Arc<TaskInfo>,
}

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) nameserver: Option<Ipv4Addr>,
    pub(super) hosts: Vec<(String, Ipv4Addr)>,
}

#[derive(Debug)]
pub(super) struct Reactor {
    pub(super) now: Instant,
    pub(super) rng: SimRng,
    pub(super) names: Names,
    pub(super) queue: VecDeque<Request>,
    ops: BTreeMap<OpId, Op>,
    timers: BTreeMap<(Instant, OpId), Waker>,
    next: OpId,
    sockets: BTreeMap<Fd, Origin>,
    pub(super) counters: BTreeMap<String, u64>,
    /// The task being polled.
    pub(super) running: Arc<TaskInfo>,
    pid: Pid,
    cpus: u32,
}

/// A reactor shared by a program's handles.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Reactor>>);

impl Shared {
    pub(super) fn new(names: Names, rng: SimRng, cx: &AppContext<'_>, main: Arc<TaskInfo>) -> Self {
        Self(Arc::new(Mutex::new(Reactor {
            now: cx.now,
            rng,
            names,
            queue: VecDeque::new(),
            ops: BTreeMap::new(),
            timers: BTreeMap::new(),
            next: 0,
            sockets: BTreeMap::new(),
            counters: BTreeMap::new(),
            running: main,
            pid: cx.pid,
            cpus: cx.cpus,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Reactor> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Begins a system call.
    pub(super) fn call(&self, call: Call) -> OpId {
        self.lock().begin(Some(call), None, State::Calling)
    }

    /// Begins to wait for a descriptor.
    pub(super) fn ready(&self, fd: Fd, events: PollEvents) -> OpId {
        self.lock().begin(None, None, State::Waiting(fd, events, None))
    }

    /// Begins to look up a name.
    pub(super) fn lookup(&self, config: ResolverConfig, name: &str) -> OpId {
        let mut resolver = Box::new(Resolver::new(config, name));
        let call = resolver.start(false);
        self.lock().begin(Some(call), Some(resolver), State::Calling)
    }

    /// Makes a call whose result nobody waits for.
    pub(super) fn cast(&self, call: Call) {
        let mut reactor = self.lock();
        let task = Arc::clone(&reactor.running);
        reactor.queue.push_back(Request { op: None, task, call });
    }

    /// The outcome of an operation, once.
    pub(super) fn poll(&self, id: OpId, waker: &Waker) -> Poll<Outcome> {
        let mut reactor = self.lock();
        let op = reactor.ops.get_mut(&id).expect("an operation is polled until it is done");
        if matches!(op.state, State::Done(_)) {
            let Some(Op { state: State::Done(outcome), waker, .. }) = reactor.ops.remove(&id) else {
                unreachable!("just seen")
            };
            drop(reactor);
            drop(waker);
            return Poll::Ready(outcome);
        }
        // Never under the lock: the last reference to a task may go with its waker.
        let old = op.waker.replace(waker.clone());
        drop(reactor);
        drop(old);
        Poll::Pending
    }

    /// Nobody waits for the operation any more. A call not yet made is not made;
    /// a descriptor that still comes is closed.
    pub(super) fn abandon(&self, id: OpId) {
        let mut reactor = self.lock();
        let Some(op) = reactor.ops.get_mut(&id) else { return };
        let waker = op.waker.take();
        op.dropped = true;
        // A lookup runs to its end like `getaddrinfo()` on its thread.
        let forget = op.lookup.is_none() && !matches!(op.state, State::Calling);
        if op.lookup.is_none() && matches!(op.state, State::Calling) {
            if let Some(at) = reactor.queue.iter().position(|request| request.op == Some(id)) {
                reactor.queue.remove(at);
                reactor.ops.remove(&id);
            }
        } else if forget && let Some(Op { state: State::Done(outcome), .. }) = reactor.ops.remove(&id) {
            reactor.discard(&outcome);
        }
        drop(reactor);
        drop(waker);
    }

    pub(super) fn set_timer(&self, at: Instant, id: OpId, waker: Waker) {
        let old = self.lock().timers.insert((at, id), waker);
        drop(old);
    }

    pub(super) fn clear_timer(&self, at: Instant, id: OpId) {
        let old = self.lock().timers.remove(&(at, id));
        drop(old);
    }

    pub(super) fn opened(&self, fd: Fd, at: &'static Location<'static>) {
        let mut reactor = self.lock();
        let TaskInfo { name, spawned } = (*reactor.running).clone();
        let origin = Origin { task: name, spawned, opened: at, at: reactor.now };
        reactor.sockets.insert(fd, origin);
    }

    /// Closes a descriptor as dropping a `std` socket does.
    pub(super) fn close(&self, fd: Fd) {
        self.lock().sockets.remove(&fd);
        self.cast(Call::Close { fd });
    }

    /// What a system call came to.
    pub(super) fn complete(&self, id: OpId, result: CallResult) {
        let mut reactor = self.lock();
        let waker = reactor.complete(id, result);
        drop(reactor);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What `poll()` found, and the timers that are due by now.
    pub(super) fn awake(&self, set: Option<&PollSet>) {
        let mut reactor = self.lock();
        let wakers = reactor.awake(set);
        drop(reactor);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The call that waits for all that is waited for.
    pub(super) fn wait(&self) -> Call {
        self.lock().wait()
    }
}

impl Reactor {
    pub(super) const fn number(&mut self) -> OpId {
        self.next += 1;
        self.next
    }

    pub(super) const fn sockets(&self) -> &BTreeMap<Fd, Origin> {
        &self.sockets
    }

    fn begin(&mut self, call: Option<Call>, lookup: Option<Box<Resolver>>, state: State) -> OpId {
        let id = self.number();
        let task = Arc::clone(&self.running);
        if let Some(call) = call {
            self.queue.push_back(Request { op: Some(id), task: Arc::clone(&task), call });
        }
        self.ops.insert(id, Op { state, waker: None, dropped: false, lookup, task });
        id
    }

    fn complete(&mut self, id: OpId, result: CallResult) -> Option<Waker> {
        let op = self.ops.get_mut(&id).expect("the operation of a call is kept until its result is there");
        if op.lookup.is_some() {
            return self.step_lookup(id, result);
        }
        self.finish(id, Outcome::Call(result))
    }

    fn finish(&mut self, id: OpId, outcome: Outcome) -> Option<Waker> {
        let op = self.ops.get_mut(&id).expect("only an operation in progress ends");
        if op.dropped {
            self.ops.remove(&id);
            self.discard(&outcome);
            return None;
        }
        op.state = State::Done(outcome);
        op.waker.take()
    }

    /// Closes what an outcome opened and nobody wants.
    fn discard(&mut self, outcome: &Outcome) {
        if let Outcome::Call(Ok(Ret::Fd(fd) | Ret::Accepted(fd, _))) = outcome {
            let task = Arc::clone(&self.running);
            self.queue.push_back(Request { op: None, task, call: Call::Close { fd: *fd } });
        }
    }

    fn step_lookup(&mut self, id: OpId, result: CallResult) -> Option<Waker> {
        let op = self.ops.get_mut(&id).expect("the lookup is in progress");
        let resolver = op.lookup.as_mut().expect("a lookup has a resolver");
        let mut wakes = Vec::new();
        let mut cx =
            AppContext { now: self.now, pid: self.pid, rng: &mut self.rng, wakes: &mut wakes, cpus: self.cpus };
        match resolver.resume(result, &mut cx) {
            // The resolver would block its thread; here its descriptor is waited for with all others.
            Flow::Do(Call::Poll { set, timeout }) => {
                let entry = set.entries()[0];
                op.state = State::Waiting(entry.fd, entry.events, timeout.map(|t| self.now + t));
                None
            }
            Flow::Do(call) => {
                op.state = State::Calling;
                let task = Arc::clone(&op.task);
                self.queue.push_back(Request { op: Some(id), task, call });
                None
            }
            Flow::End(addr) => self.finish(id, Outcome::Addr(addr)),
        }
    }

    fn awake(&mut self, set: Option<&PollSet>) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let mut over = Vec::new();
        for (&id, op) in &self.ops {
            let State::Waiting(fd, events, deadline) = op.state else { continue };
            let wanted = events.with(PollEvents::ERR).with(PollEvents::HUP).with(PollEvents::NVAL);
            let found = set.map_or(PollEvents::NONE, |set| set.revents(fd));
            if found.any(wanted) {
                over.push((id, fd, PollEvents(found.0 & wanted.0)));
            } else if deadline.is_some_and(|at| at <= self.now) {
                over.push((id, fd, PollEvents::NONE));
            }
        }
        for (id, fd, revents) in over {
            let waker = if self.ops[&id].lookup.is_some() {
                let mut set = PollSet::one(fd, revents);
                set.entries_mut()[0].revents = revents;
                self.step_lookup(id, Ok(Ret::Ready(set)))
            } else {
                self.finish(id, Outcome::Ready)
            };
            wakers.extend(waker);
        }
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            wakers.push(entry.remove());
        }
        wakers
    }

    fn wait(&self) -> Call {
        let mut fds: BTreeMap<Fd, PollEvents> = BTreeMap::new();
        let mut until = self.timers.keys().next().map(|(at, _)| *at);
        for op in self.ops.values() {
            if let State::Waiting(fd, events, deadline) = op.state {
                let entry = fds.entry(fd).or_default();
                *entry = entry.with(events);
                until = [until, deadline].into_iter().flatten().min();
            }
        }
        let list: Vec<_> = fds.into_iter().collect();
        let set = match list.as_slice() {
            [(fd, events)] => PollSet::one(*fd, *events),
            several => PollSet::many(several),
        };
        Call::Poll { set, timeout: until.map(|at| at.since(self.now)) }
    }
}

/// An errno as `std` would report it: the number is Linux's. Its `kind()` is right
/// where the program is built for Linux; other targets read numbers their own way.
pub(super) fn io_error(errno: Errno) -> std::io::Error {
    std::io::Error::from_raw_os_error(i32::from(errno.number()))
}

/// A span of `core` as one of ours; saturates.
pub(super) fn span(duration: core::time::Duration) -> Duration {
    Duration::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
