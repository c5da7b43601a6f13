//! A process of the scenario as a real process: the same program, its calls
//! made for real.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use halfclose::app::{App, AppContext, Call, CallName, CallResult, Control, Resume, Ret};
use halfclose::errno::Errno;
use halfclose::rng::{SimRng, Stream};
use halfclose::scenario::{ProgramKind, Scenario};
use halfclose::time::{Duration, Instant};
use halfclose::units::{Pid, TaskId};
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::calls::Calls;
use crate::clock;
use crate::fds::FdTable;
use crate::wire::{CallEvent, Event, Order, Task, errno};

/// Stack of a thread: what a program needs is on the heap.
const STACK: usize = 128 << 10;
/// Calls of a script that are told one by one; later ones are only counted.
pub(crate) const TOLD_CALLS: usize = 20_000;
/// How long told lines may wait, unless something ran out.
const FLUSH_EVERY: StdDuration = StdDuration::from_millis(20);

/// What the conductor says on the command line of a worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Index of the process in the scenario.
    pub(crate) process: usize,
    /// Time 0 of the scenario, of [`clock::now`].
    pub(crate) zero: u64,
}

/// Runs the process until it ends or the conductor has heard enough.
///
/// # Errors
/// When the conductor says nothing sensible.
pub(crate) fn main(place: Place) -> io::Result<()> {
    die_with_parent()?;
    let mut orders = io::stdin().lock().lines();
    let task = orders.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let task: Task = serde_json::from_str(&task)?;
    drop(orders);
    let shared = Arc::new(Shared::new(&task, place)?);
    shared.tell(&Event::Pid { pid: visible_pid()?, helper: false });
    shared.flush();
    spawn("orders", {
        let shared = Arc::clone(&shared);
        move || shared.obey()
    })?;
    spawn("flush", {
        let shared = Arc::clone(&shared);
        move || {
            loop {
                std::thread::sleep(FLUSH_EVERY);
                shared.flush();
            }
        }
    })?;
    match shared.start {
        Some(at) => clock::sleep_until(place.zero + at),
        // Until `start process` of the timeline, which is SIGCONT here.
        None => rustix::process::kill_process(rustix::process::getpid(), Signal::STOP)?,
    }
    let main = lock(&shared.tasks).add();
    shared.thread(main, 0);
    // Its last thread ended without exit_group(): the process is over as well.
    loop {
        if lock(&shared.tasks).running() == 0 {
            shared.exit(0);
        }
        std::thread::sleep(FLUSH_EVERY);
    }
}

/// The kernel kills this process when its parent ends, however that ends.
///
/// # Errors
/// What the kernel says.
pub(crate) fn die_with_parent() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// All descriptors the machine allows; as many as there were, where it does not.
pub(crate) fn raise_soft_limit() {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    let _as_before = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// This process's id as /proc shows it, which may be another namespace's.
///
/// # Errors
/// Without /proc.
pub(crate) fn visible_pid() -> io::Result<u32> {
    let link = std::fs::read_link("/proc/self")?;
    link.to_string_lossy().parse().map_err(|_not_a_number| io::ErrorKind::InvalidData.into())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(body).map(drop)
}

/// A poisoned lock means that a thread panicked, and then the process aborts or
/// tells; what it held is still the best there is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Brain {
    app: Box<dyn App + Send>,
    rng: SimRng,
}

/// A thread's place to wait for [`AppContext::wake`].
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

#[derive(Debug, Default)]
struct Tasks(Vec<Option<Arc<Bell>>>);

impl Tasks {
    /// A new thread's number: the lowest that is free.
    fn add(&mut self) -> TaskId {
        let at = self.0.iter().position(Option::is_none).unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        self.0[at] = Some(Arc::default());
        TaskId(u32::try_from(at).expect("fewer than 2^32 threads"))
    }
    fn running(&self) -> usize {
        self.0.iter().flatten().count()
    }
    fn bell(&self, task: TaskId) -> Option<Arc<Bell>> {
        self.0.get(task.index())?.clone()
    }
}

struct Told {
    out: io::BufWriter<io::Stdout>,
    counts: BTreeMap<(u8, i64), u64>,
    calls: u64,
}

/// What the threads of the process share.
pub(crate) struct Shared {
    brain: Mutex<Brain>,
    tasks: Mutex<Tasks>,
    calls: Calls,
    told: Mutex<Told>,
    zero: u64,
    start: Option<u64>,
    pid: Pid,
    cpus: u32,
    every_call: bool,
}

impl Shared {
    fn new(task: &Task, place: Place) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let overrides: Vec<(&str, &str)> = task.overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let scenario = Scenario::parse_with(&task.text, &overrides).map_err(|error| invalid(error.to_string()))?;
        let spec = scenario.processes.get(place.process).ok_or_else(|| invalid("no such process".to_owned()))?;
        drop_capabilities(spec.cap_sys_admin, spec.cap_sys_resource)?;
        let app = halfclose::scenario::program(&scenario, spec).map_err(|error| invalid(error.to_string()))?;
        let number = u32::try_from(place.process).expect("a scenario has few processes");
        let mut table = limit(spec.nofile.soft)?;
        for _ in 0..spec.extra_fds {
            table.insert(std::fs::File::open("/dev/null")?.into(), crate::fds::Kind::File { size: 0, left: 0 });
        }
        Ok(Self {
            brain: Mutex::new(Brain { app, rng: SimRng::new(task.seed, Stream::App(number)) }),
            tasks: Mutex::default(),
            calls: Calls::new(table),
            told: Mutex::new(Told { out: io::BufWriter::new(io::stdout()), counts: BTreeMap::new(), calls: 0 }),
            zero: place.zero,
            start: spec.start.map(Instant::nanos),
            pid: Pid(std::process::id()),
            cpus: scenario.hosts[spec.host].cpus,
            every_call: spec.program.kind() == ProgramKind::Script,
        })
    }

    /// Nanoseconds since the scenario's start.
    pub(crate) fn now(&self) -> u64 {
        clock::now().saturating_sub(self.zero)
    }

    pub(crate) fn tell(&self, event: &Event) {
        let _nobody_listens = lock(&self.told).out.write_all(event.line().as_bytes());
    }

    fn flush(&self) {
        let _nobody_listens = lock(&self.told).out.flush();
    }

    /// Starts a thread of the program.
    fn launch(self: &Arc<Self>, task: TaskId, token: u64) {
        let shared = Arc::clone(self);
        let started = spawn("task", move || shared.thread(task, token));
        if let Err(error) = started {
            self.tell(&Event::Note(format!("no thread could be started: {error}")));
            lock(&self.tasks).0[task.index()] = None;
        }
    }

    /// A thread from its start to its end.
    fn thread(self: &Arc<Self>, task: TaskId, token: u64) {
        let mut resume = Resume::Started(token);
        let mut born = None;
        loop {
            let call = self.step(task, resume);
            // A new thread starts when its maker has its number.
            if let Some((child, token)) = born.take() {
                self.launch(child, token);
            }
            let (name, fd) = (call.name(), descriptor(&call));
            let entered = self.now();
            let result = match call {
                Call::ExitTask => {
                    lock(&self.tasks).0[task.index()] = None;
                    return;
                }
                Call::ExitProcess { status } => self.exit(status),
                Call::Spawn { token } => {
                    let child = lock(&self.tasks).add();
                    born = Some((child, token));
                    Ok(Ret::Task(child))
                }
                Call::FutexWait { timeout } => self.wait(task, timeout),
                call @ (Call::Socket { .. }
                | Call::Bind { .. }
                | Call::Listen { .. }
                | Call::Accept { .. }
                | Call::Connect { .. }
                | Call::Send { .. }
                | Call::Recv { .. }
                | Call::Sendmmsg { .. }
                | Call::SendTo { .. }
                | Call::Shutdown { .. }
                | Call::Close { .. }
                | Call::Poll { .. }
                | Call::SetNonblock { .. }
                | Call::GetFl { .. }
                | Call::SetSockOpt { .. }
                | Call::GetSockOpt { .. }
                | Call::GetSockName { .. }
                | Call::GetPeerName { .. }
                | Call::IoctlFionread { .. }
                | Call::Open { .. }
                | Call::Read { .. }
                | Call::Write { .. }
                | Call::Fstat { .. }
                | Call::Stat { .. }
                | Call::Lseek { .. }
                | Call::Mprotect
                | Call::Getpid
                | Call::GetRlimit
                | Call::SetRlimit { .. }
                | Call::Nanosleep { .. }
                | Call::Compute { .. }) => {
                    let made = self.calls.make(call);
                    let done = self.now();
                    let fd = match made.result {
                        Ok(Ret::Fd(fd) | Ret::Accepted(fd, _)) => fd.0,
                        Ok(_) | Err(_) => fd,
                    };
                    self.note((task, name, fd), (entered, done), &made.result, made.ports);
                    if let Some(parked) = made.parked {
                        parked.helpers.iter().for_each(|&pid| self.tell(&Event::Pid { pid, helper: true }));
                        self.tell(&Event::Parked(parked.total));
                    }
                    made.result
                }
            };
            resume = Resume::Done(result);
        }
    }

    fn step(&self, task: TaskId, resume: Resume) -> Call {
        self.with_app(|app, cx| app.resume(task, resume, cx))
    }

    fn with_app<T>(&self, use_it: impl FnOnce(&mut dyn App, &mut AppContext<'_>) -> T) -> T {
        let mut wakes = Vec::new();
        let result = {
            let Brain { app, rng } = &mut *lock(&self.brain);
            let now = Instant::from_nanos(self.now());
            let mut cx = AppContext { now, pid: self.pid, rng, wakes: &mut wakes, cpus: self.cpus };
            use_it(app.as_mut(), &mut cx)
        };
        for task in wakes {
            let bell = lock(&self.tasks).bell(task);
            if let Some(bell) = bell {
                *lock(&bell.rung) = true;
                bell.heard.notify_one();
            }
        }
        result
    }

    fn wait(&self, task: TaskId, timeout: Option<Duration>) -> CallResult {
        self.flush();
        let bell = lock(&self.tasks).bell(task).expect("a running thread has its bell");
        let end = timeout.map(|span| clock::now().saturating_add(span.nanos()));
        let mut rung = lock(&bell.rung);
        while !*rung {
            let left = end.map(|end| end.saturating_sub(clock::now()));
            rung = match left {
                Some(0) => return Err(Errno::TimedOut),
                Some(left) => {
                    let waited = bell.heard.wait_timeout(rung, StdDuration::from_nanos(left));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => bell.heard.wait(rung).unwrap_or_else(PoisonError::into_inner),
            };
        }
        *rung = false;
        Ok(Ret::Done)
    }

    /// Counts a call; tells it where it matters one by one.
    fn note(
        &self,
        (task, name, fd): (TaskId, CallName, u32),
        (entered, done): (u64, u64),
        result: &CallResult,
        ports: Option<(u16, u32, u16)>,
    ) {
        let result = match result {
            Ok(ret) => value(ret),
            Err(errno) => -i64::from(errno.number()),
        };
        let call = name as u8;
        let mut told = lock(&self.told);
        let key = (call, result.min(0));
        *told.counts.entry(key).or_default() += 1;
        told.calls += 1;
        let failed = errno(result).filter(|e| !matches!(e, Errno::Again | Errno::InProgress));
        let matters = ports.is_some() || failed.is_some() || name == CallName::Close;
        if !(matters || self.every_call && usize::try_from(told.calls).is_ok_and(|n| n <= TOLD_CALLS)) {
            return;
        }
        let event = Event::Call(CallEvent { task: task.0, call, fd, entered, done, result, ports });
        let _nobody_listens = told.out.write_all(event.line().as_bytes());
        let first = told.counts.get(&key) == Some(&1);
        if first && failed.is_some_and(|e| Scenario::EXHAUSTION.contains(&e)) {
            let _nobody_listens = told.out.flush();
        }
    }

    /// Obeys until the conductor has heard enough.
    fn obey(&self) {
        for line in io::stdin().lock().lines() {
            let Some(order) = line.ok().as_deref().and_then(Order::parse) else { continue };
            match order {
                Order::Sql(text) => self.control(&Control::Sql(text)),
                Order::KillSession(id) => self.control(&Control::KillSession(id)),
                Order::Connect => self.control(&Control::Connect),
                Order::Stop => {
                    // A program that does not handle SIGTERM dies of it.
                    if self.with_app(|app, cx| app.control(&Control::Stop, cx)).is_err() {
                        self.exit(128 + 15);
                    }
                }
                Order::Prlimit(soft, hard) => self.prlimit(soft, hard),
                Order::Ask(ask, names) => self.answer(ask, &names),
                Order::Finish => self.finish(),
            }
            self.flush();
        }
        // The conductor is gone.
        self.exit(0);
    }

    fn control(&self, control: &Control) {
        if let Err(error) = self.with_app(|app, cx| app.control(control, cx)) {
            self.tell(&Event::Note(format!("{control}: {error}")));
        }
    }

    fn prlimit(&self, soft: u64, hard: u64) {
        if self.calls.limit(soft) {
            return;
        }
        let limits = Rlimit { current: Some(soft), maximum: Some(hard.min(hard_limit())) };
        if let Err(error) = rustix::process::setrlimit(Resource::Nofile, limits) {
            self.tell(&Event::Note(format!("prlimit: {error}")));
        }
    }

    fn answer(&self, ask: u32, names: &[String]) {
        for name in names {
            let value = match name.as_str() {
                "fd.open" => u64::try_from(self.calls.open()).ok(),
                "processlist.rows" => {
                    Some(lock(&self.brain).app.status(Instant::from_nanos(self.now())).processlist.len() as u64)
                }
                "processlist.unauthenticated" => {
                    let rows = lock(&self.brain).app.status(Instant::from_nanos(self.now())).processlist;
                    Some(rows.iter().filter(|row| row.user == "unauthenticated user").count() as u64)
                }
                name => match name.strip_prefix("calls.") {
                    Some(call) => Some(self.made(call)),
                    None => lock(&self.brain).app.metric(name),
                },
            };
            self.tell(&Event::Answer { ask, name: name.clone(), value });
        }
        self.tell(&Event::Answered { ask });
    }

    /// How often a call was made.
    fn made(&self, call: &str) -> u64 {
        let told = lock(&self.told);
        let of_call = |(index, _): &(u8, i64)| CallName::ALL.get(usize::from(*index)).is_some_and(|n| n.name() == call);
        told.counts.iter().filter(|(key, _)| of_call(key)).map(|(_, n)| n).sum()
    }

    fn finish(&self) {
        let counts: Vec<_> = lock(&self.told).counts.iter().map(|(k, n)| (*k, *n)).collect();
        for ((call, result), n) in counts {
            self.tell(&Event::Count { call, result, n });
        }
        self.tell(&Event::End);
    }

    /// Ends the process as `exit_group()` does; the counts are told first.
    fn exit(&self, status: u32) -> ! {
        self.tell(&Event::Exit(status));
        self.finish();
        self.flush();
        std::process::exit(i32::try_from(status & 0xff).expect("one byte"));
    }
}

/// The process has the capabilities the scenario gives it and no other: it may
/// not bind a port below `ip_unprivileged_port_start`, whoever runs the lab.
fn drop_capabilities(admin: bool, resource: bool) -> io::Result<()> {
    let held = rustix::thread::capabilities(None)?;
    let mut wanted = CapabilitySet::empty();
    wanted.set(CapabilitySet::SYS_ADMIN, admin);
    wanted.set(CapabilitySet::SYS_RESOURCE, resource);
    let left = held.permitted & wanted;
    let sets = CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

fn hard_limit() -> u64 {
    rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Sets RLIMIT_NOFILE, or keeps it in a table where the machine allows fewer.
fn limit(soft: u64) -> io::Result<FdTable> {
    let hard = hard_limit();
    if soft > hard {
        raise_soft_limit();
        return Ok(FdTable::parking(soft, usize::try_from(hard).unwrap_or(usize::MAX)));
    }
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: Some(hard) })?;
    Ok(FdTable::direct())
}

/// The descriptor a call is about; 0 for none.
fn descriptor(call: &Call) -> u32 {
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
        | Call::Lseek { fd } => fd.0,
        Call::Poll { set, .. } => set.entries().first().map_or(0, |entry| entry.fd.0),
        Call::Socket { .. }
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
        | Call::ExitProcess { .. } => 0,
    }
}

/// A call's value as a number.
pub(crate) fn value(ret: &Ret) -> i64 {
    match ret {
        Ret::Fd(fd) | Ret::Accepted(fd, _) => i64::from(fd.0),
        Ret::Count(n) => i64::from(*n),
        Ret::Data(bytes) | Ret::Datagram(bytes, _) => i64::from(bytes.len()),
        Ret::Ready(set) => i64::try_from(set.ready()).unwrap_or(i64::MAX),
        Ret::Done | Ret::Name(_) | Ret::Task(_) | Ret::Limits(_) => 0,
    }
}
