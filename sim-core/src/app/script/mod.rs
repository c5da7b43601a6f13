//! A scripted process: a list of system calls with loops, threads and sleeps,
//! for experiments and for teaching.
//!
//! Every call is logged with its result, and a step may say what it expects.
//! The first thread waits for ever at the end of its script (its sockets stay
//! open); `exit` ends the process.

mod op;

use std::collections::VecDeque;

use crate::app::api::{
    App, AppContext, AppStatus, Call, CallResult, Control, ControlError, Domain, FileKind, PollEvents, PollSet, Resume,
    Ret, SockType,
};
use crate::errno::Errno;
use crate::time::Instant;
use crate::units::{Fd, TaskId};
use crate::wire::Payload;

pub use op::{Expect, OptionName, ScriptOp};

/// Entries the log keeps; later ones are only counted.
const LOG_MAX: usize = 10_000;

/// Most bytes one `recv()` of [`ScriptOp::RecvUntilEof`] takes.
const READ_MAX: u32 = 65_536;

/// Why a script cannot be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScriptError {
    /// A descriptor is used that no step before it opens.
    #[error("step {step} uses `{name}`, which no earlier step opens")]
    UnknownFd {
        /// Number of the step, from 1, in order of reading.
        step: usize,
        /// The variable.
        name: String,
    },
    /// A loop without a system call would never let time pass.
    #[error("the loop at step {step} makes no system call")]
    EmptyLoop {
        /// Number of the step, from 1.
        step: usize,
    },
}

/// An instruction of the flattened script.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Instr {
    /// A call: its step, and the variables it reads and writes.
    Call {
        op: ScriptOp,
        fd: usize,
        into: usize,
        step: u32,
    },
    /// Forgets a variable.
    Leak {
        fd: usize,
    },
    LoopBegin {
        times: Option<u64>,
        end: usize,
    },
    LoopEnd {
        begin: usize,
    },
    Spawn {
        entry: usize,
        after: usize,
        step: u32,
    },
    End,
}

#[derive(Default)]
struct Compiler {
    code: Vec<Instr>,
    vars: Vec<String>,
    steps: usize,
}

impl Compiler {
    fn var(&mut self, name: &str, opens: bool) -> Result<usize, ScriptError> {
        if let Some(at) = self.vars.iter().position(|v| v == name) {
            return Ok(at);
        }
        if !opens {
            return Err(ScriptError::UnknownFd { step: self.steps, name: name.to_owned() });
        }
        self.vars.push(name.to_owned());
        Ok(self.vars.len() - 1)
    }

    fn block(&mut self, ops: &[ScriptOp]) -> Result<(), ScriptError> {
        ops.iter().try_for_each(|op| self.op(op))
    }

    fn repeat(&mut self, times: Option<u64>, body: &[ScriptOp]) -> Result<(), ScriptError> {
        let (begin, step) = (self.code.len(), self.steps);
        self.code.push(Instr::LoopBegin { times, end: 0 });
        self.block(body)?;
        if !self.code[begin..].iter().any(|i| matches!(i, Instr::Call { .. } | Instr::Spawn { .. })) {
            return Err(ScriptError::EmptyLoop { step });
        }
        self.code.push(Instr::LoopEnd { begin });
        let end = self.code.len();
        self.code[begin] = Instr::LoopBegin { times, end };
        Ok(())
    }

    fn op(&mut self, op: &ScriptOp) -> Result<(), ScriptError> {
        self.steps += 1;
        let step = u32::try_from(self.steps).expect("a script is shorter than 4 billion steps");
        let (fd, into) = match op {
            ScriptOp::Loop { times, body } => return self.repeat(Some(*times), body),
            ScriptOp::Forever { body } => return self.repeat(None, body),
            ScriptOp::Spawn { body } => {
                let at = self.code.len();
                self.code.push(Instr::Spawn { entry: at + 1, after: 0, step });
                self.block(body)?;
                self.code.push(Instr::End);
                let after = self.code.len();
                self.code[at] = Instr::Spawn { entry: at + 1, after, step };
                return Ok(());
            }
            ScriptOp::Leak { fd } => {
                let fd = self.var(fd, false)?;
                self.code.push(Instr::Leak { fd });
                return Ok(());
            }
            ScriptOp::Socket { fd, .. } | ScriptOp::Open { fd, .. } => (0, self.var(fd, true)?),
            ScriptOp::Accept { fd, into, .. } => (self.var(fd, false)?, self.var(into, true)?),
            ScriptOp::Bind { fd, .. }
            | ScriptOp::Listen { fd, .. }
            | ScriptOp::Connect { fd, .. }
            | ScriptOp::Send { fd, .. }
            | ScriptOp::Recv { fd, .. }
            | ScriptOp::RecvUntilEof { fd, .. }
            | ScriptOp::Shutdown { fd, .. }
            | ScriptOp::Close { fd }
            | ScriptOp::Poll { fd, .. }
            | ScriptOp::Setsockopt { fd, .. } => (self.var(fd, false)?, 0),
            ScriptOp::Sleep(_) | ScriptOp::Compute(_) | ScriptOp::Exit { .. } => (0, 0),
        };
        self.code.push(Instr::Call { op: op.clone(), fd, into, step });
        Ok(())
    }
}

/// One call of a script and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptLogEntry {
    /// When it completed.
    pub at: Instant,
    /// The thread.
    pub task: TaskId,
    /// The step, from 1, in order of reading.
    pub step: u32,
    /// The call's name.
    pub call: &'static str,
    /// Its value (a descriptor, a number of bytes, 0), or its error.
    pub result: Result<u64, Errno>,
}

#[derive(Clone, Debug)]
struct Thread {
    pc: usize,
    loops: Vec<u64>,
    vars: Vec<Option<Fd>>,
    /// The instruction whose call is under way, and that call's name.
    pending: Option<(usize, &'static str)>,
    main: bool,
}

/// A scripted process.
#[derive(Clone, Debug)]
pub struct ScriptApp {
    code: Vec<Instr>,
    threads: Vec<Option<Thread>>,
    /// Threads asked for and not yet started, in order.
    starting: VecDeque<(u64, Thread)>,
    tokens: u64,
    vars: usize,
    log: Vec<ScriptLogEntry>,
    /// Outcomes by call name and errno (`None` for success).
    counts: Vec<(&'static str, Option<Errno>, u64)>,
    mismatches: u64,
    stop: bool,
}

impl ScriptApp {
    /// A process that runs these steps.
    ///
    /// # Errors
    /// When a step cannot make sense.
    pub fn new(ops: &[ScriptOp]) -> Result<Self, ScriptError> {
        let mut compiler = Compiler::default();
        compiler.block(ops)?;
        compiler.code.push(Instr::End);
        Ok(Self {
            code: compiler.code,
            threads: Vec::new(),
            starting: VecDeque::new(),
            tokens: 0,
            vars: compiler.vars.len(),
            log: Vec::new(),
            counts: Vec::new(),
            mismatches: 0,
            stop: false,
        })
    }

    /// The calls made so far, up to a bound, with their results.
    #[must_use]
    pub fn log(&self) -> &[ScriptLogEntry] {
        &self.log
    }

    fn count(&mut self, call: &'static str, errno: Option<Errno>) {
        match self.counts.iter_mut().find(|(c, e, _)| *c == call && *e == errno) {
            Some((.., n)) => *n += 1,
            None => self.counts.push((call, errno, 1)),
        }
    }

    /// Takes note of a call's result.
    fn finish(&mut self, task: TaskId, result: &CallResult, now: Instant) {
        let thread = self.threads[task.index()].as_mut().expect("a running thread has its record");
        let Some((pc, call)) = thread.pending.take() else { return };
        if let (Instr::Call { op: ScriptOp::RecvUntilEof { .. }, .. }, Ok(Ret::Data(bytes))) = (&self.code[pc], result)
            && !bytes.is_empty()
        {
            // Not the end of the stream: the same step again.
            thread.pc = pc;
            return;
        }
        let outcome = result.as_ref().map_err(|e| *e).map(value_of);
        let (step, expect) = match &self.code[pc] {
            Instr::Call { op, into, step, .. } => {
                if let Ok(Ret::Fd(fd) | Ret::Accepted(fd, _)) = result {
                    thread.vars[*into] = Some(*fd);
                }
                (*step, expectation(op))
            }
            Instr::Spawn { step, .. } => (*step, Expect::Any),
            Instr::Leak { .. } | Instr::LoopBegin { .. } | Instr::LoopEnd { .. } | Instr::End => return,
        };
        let met = match expect {
            Expect::Any => true,
            Expect::Ok => outcome.is_ok(),
            Expect::Err(errno) => outcome == Err(errno),
        };
        self.mismatches += u64::from(!met);
        self.count(call, outcome.err());
        if self.log.len() < LOG_MAX {
            self.log.push(ScriptLogEntry { at: now, task, step, call, result: outcome });
        }
    }

    /// Runs a thread to its next call.
    fn next(&mut self, task: TaskId) -> Call {
        loop {
            let thread = self.threads[task.index()].as_mut().expect("a running thread has its record");
            let pc = thread.pc;
            match &self.code[pc] {
                Instr::Leak { fd } => (thread.vars[*fd], thread.pc) = (None, pc + 1),
                Instr::LoopBegin { times: Some(0), end } => thread.pc = *end,
                Instr::LoopBegin { times, .. } => {
                    thread.loops.push(times.unwrap_or(u64::MAX));
                    thread.pc += 1;
                }
                Instr::LoopEnd { begin } => {
                    let left = thread.loops.last_mut().expect("a loop's end is inside the loop");
                    if *left != u64::MAX {
                        *left -= 1;
                    }
                    if *left == 0 {
                        thread.loops.pop();
                        thread.pc += 1;
                    } else {
                        thread.pc = begin + 1;
                    }
                }
                Instr::Spawn { entry, after, .. } => {
                    let new =
                        Thread { pc: *entry, loops: Vec::new(), vars: thread.vars.clone(), pending: None, main: false };
                    (thread.pc, thread.pending) = (*after, Some((pc, "clone")));
                    self.tokens += 1;
                    self.starting.push_back((self.tokens, new));
                    return Call::Spawn { token: self.tokens };
                }
                Instr::End if thread.main => return Call::FutexWait { timeout: None },
                Instr::End => {
                    self.threads[task.index()] = None;
                    return Call::ExitTask;
                }
                Instr::Call { op, fd, .. } => {
                    // A variable never set is a descriptor never opened: EBADF.
                    let fd = thread.vars.get(*fd).copied().flatten().unwrap_or(Fd(u32::MAX));
                    let call = call_of(op, fd);
                    (thread.pc, thread.pending) = (pc + 1, Some((pc, call.name().name())));
                    return call;
                }
            }
        }
    }

    fn start(&mut self, task: TaskId, token: u64) {
        let thread = match self.starting.iter().position(|(t, _)| *t == token) {
            Some(at) => self.starting.remove(at).expect("the position was just found").1,
            None => Thread { pc: 0, loops: Vec::new(), vars: vec![None; self.vars], pending: None, main: true },
        };
        if self.threads.len() <= task.index() {
            self.threads.resize(task.index() + 1, None);
        }
        self.threads[task.index()] = Some(thread);
    }
}

/// A call's value as a number.
fn value_of(ret: &Ret) -> u64 {
    match ret {
        Ret::Fd(fd) | Ret::Accepted(fd, _) => u64::from(fd.0),
        Ret::Count(n) => u64::from(*n),
        Ret::Data(bytes) | Ret::Datagram(bytes, _) => u64::from(bytes.len()),
        Ret::Ready(set) => set.ready() as u64,
        Ret::Done | Ret::Name(_) | Ret::Task(_) | Ret::Limits(_) => 0,
    }
}

const fn expectation(op: &ScriptOp) -> Expect {
    match op {
        ScriptOp::Socket { expect, .. }
        | ScriptOp::Bind { expect, .. }
        | ScriptOp::Accept { expect, .. }
        | ScriptOp::Connect { expect, .. }
        | ScriptOp::Send { expect, .. }
        | ScriptOp::Recv { expect, .. }
        | ScriptOp::RecvUntilEof { expect, .. }
        | ScriptOp::Open { expect, .. }
        | ScriptOp::Shutdown { expect, .. } => *expect,
        ScriptOp::Listen { .. }
        | ScriptOp::Close { .. }
        | ScriptOp::Leak { .. }
        | ScriptOp::Sleep(_)
        | ScriptOp::Compute(_)
        | ScriptOp::Poll { .. }
        | ScriptOp::Setsockopt { .. }
        | ScriptOp::Loop { .. }
        | ScriptOp::Forever { .. }
        | ScriptOp::Spawn { .. }
        | ScriptOp::Exit { .. } => Expect::Any,
    }
}

/// The system call of a step.
fn call_of(op: &ScriptOp, fd: Fd) -> Call {
    match op {
        ScriptOp::Socket { udp, nonblock, .. } => {
            let ty = if *udp { SockType::Dgram } else { SockType::Stream };
            Call::Socket { domain: Domain::Inet, ty, nonblock: *nonblock }
        }
        ScriptOp::Bind { addr, .. } => Call::Bind { fd, addr: *addr },
        ScriptOp::Listen { backlog, .. } => Call::Listen { fd, backlog: *backlog },
        ScriptOp::Accept { .. } => Call::Accept { fd, nonblock: false },
        ScriptOp::Connect { addr, .. } => Call::Connect { fd, addr: *addr },
        ScriptOp::Send { bytes, data, .. } => {
            let data = match data {
                None => Payload::opaque(*bytes),
                Some(data) => {
                    let mut all = data.clone();
                    all.resize(all.len() + *bytes as usize, 0);
                    Payload::from_bytes(&all)
                }
            };
            Call::Send { fd, data }
        }
        ScriptOp::Recv { max, .. } => Call::Recv { fd, max: *max, peek: false, dontwait: false },
        ScriptOp::RecvUntilEof { .. } => Call::Recv { fd, max: READ_MAX, peek: false, dontwait: false },
        ScriptOp::Open { .. } => Call::Open { file: FileKind::Path("/dev/null") },
        ScriptOp::Shutdown { how, .. } => Call::Shutdown { fd, how: *how },
        ScriptOp::Close { .. } => Call::Close { fd },
        ScriptOp::Sleep(span) => Call::Nanosleep { duration: *span },
        ScriptOp::Compute(span) => Call::Compute { duration: *span },
        ScriptOp::Poll { out, timeout, .. } => {
            let events = if *out { PollEvents::OUT } else { PollEvents::IN };
            Call::Poll { set: PollSet::one(fd, events), timeout: *timeout }
        }
        ScriptOp::Setsockopt { option, value, .. } => Call::SetSockOpt { fd, option: option.with(*value) },
        ScriptOp::Exit { status } => Call::ExitProcess { status: *status },
        ScriptOp::Leak { .. } | ScriptOp::Loop { .. } | ScriptOp::Forever { .. } | ScriptOp::Spawn { .. } => {
            unreachable!("steps without a call are compiled to instructions of their own")
        }
    }
}

impl App for ScriptApp {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        match resume {
            Resume::Started(token) => self.start(task, token),
            Resume::Done(result) => self.finish(task, &result, cx.now),
        }
        if self.stop {
            return Call::ExitProcess { status: 0 };
        }
        self.next(task)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    /// `Stop`: the process ends at its next step.
    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Stop => {
                self.stop = true;
                cx.wake(TaskId(0));
                Ok(())
            }
            Control::Sql(_) | Control::KillSession(_) | Control::Connect => {
                Err(ControlError::Unknown(control.to_string()))
            }
        }
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let name = |call: &str, errno: Option<Errno>| match errno {
            None => format!("{call}.ok"),
            Some(errno) => format!("{call}.{errno}"),
        };
        let mut counters: Vec<(String, u64)> = self.counts.iter().map(|(c, e, n)| (name(c, *e), *n)).collect();
        counters.sort();
        counters.push(("mismatches".to_owned(), self.mismatches));
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        if name == "mismatches" {
            return Some(self.mismatches);
        }
        let (call, outcome) = name.split_once('.')?;
        let errno = if outcome == "ok" { None } else { Some(Errno::from_name(outcome)?) };
        let known = crate::app::CallName::ALL.iter().any(|c| c.name() == call);
        let found = self.counts.iter().find(|(c, e, _)| *c == call && *e == errno);
        known.then(|| found.map_or(0, |(.., n)| *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testkit::FakeKernel;
    use crate::time::Duration;
    use crate::units::{Endpoint, Ipv4Addr};

    fn socket(fd: &str) -> ScriptOp {
        ScriptOp::Socket { fd: fd.into(), udp: false, nonblock: false, expect: Expect::Ok }
    }
    fn close(fd: &str) -> ScriptOp {
        ScriptOp::Close { fd: fd.into() }
    }
    const SERVER: Endpoint = Endpoint::new(Ipv4Addr::LOCALHOST, 80);

    #[test]
    fn loops_nest_and_calls_are_logged() {
        let connect = ScriptOp::Connect { fd: "s".into(), addr: SERVER, expect: Expect::Err(Errno::ConnRefused) };
        let inner = ScriptOp::Loop { times: 2, body: vec![socket("s"), connect, close("s")] };
        let sleep = ScriptOp::Sleep(Duration::from_millis(5));
        let script = [ScriptOp::Loop { times: 3, body: vec![inner, sleep] }, ScriptOp::Exit { status: 7 }];
        let (mut kernel, mut app) = (FakeKernel::new(), ScriptApp::new(&script).unwrap());
        kernel.connects.extend((0..5).map(|_| Err(Errno::ConnRefused)));
        kernel.run(&mut app, 1_000_000_000);
        assert_eq!((kernel.exited, kernel.now), (Some(7), 15_000_000));
        assert_eq!((app.metric("socket.ok"), app.metric("connect.ECONNREFUSED")), (Some(6), Some(5)));
        assert_eq!(app.metric("mismatches"), Some(1), "the sixth connect got EINPROGRESS");
        assert_eq!((app.metric("accept4.ok"), app.metric("nonsense.ok")), (Some(0), None));
        let first = app.log()[1];
        assert_eq!((first.step, first.call, first.result), (4, "connect", Err(Errno::ConnRefused)));
    }

    #[test]
    fn threads_have_their_own_variables() {
        let accept = ScriptOp::Accept { fd: "l".into(), into: "c".into(), expect: Expect::Any };
        let serve = vec![
            ScriptOp::Send { fd: "c".into(), bytes: 2, data: Some(b"hi".to_vec()), expect: Expect::Ok },
            ScriptOp::Sleep(Duration::from_secs(1)),
            close("c"),
        ];
        let script = [socket("l"), ScriptOp::Forever { body: vec![accept, ScriptOp::Spawn { body: serve }] }];
        let (mut kernel, mut app) = (FakeKernel::new(), ScriptApp::new(&script).unwrap());
        kernel.run(&mut app, 0);
        kernel.socket(3).backlog.extend([SERVER, SERVER]);
        kernel.run(&mut app, 500_000_000);
        assert_eq!(kernel.socket(4).sent, b"hi\0\0");
        assert_eq!(kernel.sockets.len(), 3);
        kernel.run(&mut app, 2_000_000_000);
        assert_eq!((kernel.sockets.len(), app.metric("close.ok")), (1, Some(2)));
    }

    #[test]
    fn the_first_thread_waits_at_the_end_and_keeps_its_sockets() {
        let (mut kernel, mut app) = (FakeKernel::new(), ScriptApp::new(&[socket("s")]).unwrap());
        kernel.run(&mut app, 1_000_000_000);
        assert_eq!((kernel.exited, kernel.sockets.len()), (None, 1));
    }

    #[test]
    fn senseless_scripts_are_refused() {
        assert_eq!(ScriptApp::new(&[close("x")]).unwrap_err(), ScriptError::UnknownFd { step: 1, name: "x".into() });
        let empty = ScriptOp::Forever { body: vec![ScriptOp::Loop { times: 3, body: vec![] }] };
        assert_eq!(ScriptApp::new(&[empty]).unwrap_err(), ScriptError::EmptyLoop { step: 2 });
    }

    #[test]
    fn a_step_reads_to_the_end_and_a_leaked_descriptor_stays_open() {
        let script = [
            socket("s"),
            ScriptOp::RecvUntilEof { fd: "s".into(), expect: Expect::Ok },
            ScriptOp::Open { fd: "f".into(), expect: Expect::Ok },
            ScriptOp::Compute(Duration::from_millis(2)),
            ScriptOp::Leak { fd: "s".into() },
            close("s"),
        ];
        let (mut kernel, mut app) = (FakeKernel::new(), ScriptApp::new(&script).unwrap());
        kernel.run(&mut app, 0);
        let socket = kernel.socket(3);
        socket.inbox.extend([Payload::opaque(10), Payload::opaque(20)]);
        kernel.run(&mut app, 1_000_000);
        assert_eq!(app.metric("recvfrom.ok"), Some(0), "the stream has not ended");
        kernel.socket(3).eof = true;
        kernel.run(&mut app, 9_000_000);
        assert_eq!((app.metric("recvfrom.ok"), app.metric("openat.ok")), (Some(1), Some(1)));
        assert_eq!((app.metric("close.EBADF"), kernel.sockets.len()), (Some(1), 2), "socket and file are open");
        assert_eq!(app.metric("mismatches"), Some(0));
    }
}
