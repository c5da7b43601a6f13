//! What unit tests of programs need in place of a kernel.
#![expect(clippy::wildcard_enum_match_arm, reason = "a fake kernel answers most calls alike")]

use super::api::{
    App, AppContext, Call, CallName, CallResult, HostsEntry, Limits, PollEvents, Resume, Ret, SockType, SocketOption,
};
use super::dns;
use crate::errno::Errno;
use crate::rng::{SimRng, Stream};
use crate::time::Instant;
use crate::units::{Endpoint, Fd, Ipv4Addr, Pid, TaskId};
use crate::wire::Payload;
use std::collections::{BTreeMap, VecDeque};

/// Owns what an [`AppContext`] borrows.
pub(crate) struct FakeCx {
    rng: SimRng,
    pub(crate) wakes: Vec<TaskId>,
}

impl FakeCx {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: SimRng::new(seed, Stream::App(0)), wakes: Vec::new() }
    }

    /// A context at this many nanoseconds.
    pub(crate) fn at(&mut self, nanos: u64) -> AppContext<'_> {
        AppContext {
            now: Instant::from_nanos(nanos),
            pid: Pid(47),
            rng: &mut self.rng,
            wakes: &mut self.wakes,
            cpus: 4,
        }
    }
}

/// A socket of the fake kernel: what can be read and what was written.
#[derive(Default, Debug)]
pub(crate) struct FakeSocket {
    pub(crate) inbox: VecDeque<Payload>,
    pub(crate) eof: bool,
    pub(crate) sent: Vec<u8>,
    pub(crate) peer: Option<Endpoint>,
    pub(crate) backlog: VecDeque<Endpoint>,
    pub(crate) closed: bool,
    /// Tells a socket from an earlier one of the same number.
    pub(crate) serial: u32,
    udp: bool,
}

/// Answers one program's calls from scripted sockets; time only moves by sleeps
/// and expired polls.
pub(crate) struct FakeKernel {
    pub(crate) cx: FakeCx,
    pub(crate) now: u64,
    pub(crate) sockets: BTreeMap<Fd, FakeSocket>,
    /// `connect` results still to come; then `EINPROGRESS` for ever.
    pub(crate) connects: VecDeque<CallResult>,
    /// Soft limit of descriptors.
    pub(crate) nofile: u32,
    /// Every call made: thread, name, descriptor.
    pub(crate) log: Vec<(TaskId, CallName)>,
    /// Calls with arguments, for closer looks.
    pub(crate) calls: Vec<(TaskId, Call)>,
    /// Threads that wait, with the time they give up.
    waiting: BTreeMap<TaskId, (Call, u64)>,
    ready: VecDeque<(TaskId, Resume)>,
    pending_wakes: Vec<TaskId>,
    tasks: u32,
    serial: u32,
    pub(crate) exited: Option<u32>,
    /// What its name server knows; it answers at once.
    pub(crate) names: Vec<HostsEntry>,
}

const NEVER: u64 = u64::MAX;

impl FakeKernel {
    pub(crate) fn new() -> Self {
        Self {
            cx: FakeCx::new(1),
            now: 0,
            sockets: BTreeMap::new(),
            connects: VecDeque::new(),
            nofile: 32_768,
            log: Vec::new(),
            calls: Vec::new(),
            waiting: BTreeMap::new(),
            ready: VecDeque::from([(TaskId(0), Resume::Started(0))]),
            pending_wakes: Vec::new(),
            tasks: 1,
            serial: 0,
            exited: None,
            names: Vec::new(),
        }
    }

    pub(crate) fn socket(&mut self, fd: u32) -> &mut FakeSocket {
        self.sockets.entry(Fd(fd)).or_default()
    }

    /// Wakes threads named outside a step, for example by a control order.
    pub(crate) fn deliver_wakes(&mut self) {
        let wakes = std::mem::take(&mut self.cx.wakes);
        for task in wakes {
            if matches!(self.waiting.get(&task), Some((Call::FutexWait { .. }, _))) {
                self.waiting.remove(&task);
                self.ready.push_back((task, Resume::Done(Ok(Ret::Done))));
            } else {
                self.pending_wakes.push(task);
            }
        }
    }

    /// Runs until every thread waits past `until` nanoseconds.
    pub(crate) fn run(&mut self, app: &mut dyn App, until: u64) {
        let mut steps = 0;
        while self.exited.is_none() {
            steps += 1;
            assert!(steps < 2_000_000, "the program spins: {:?}", self.log.last());
            if let Some((task, resume)) = self.ready.pop_front() {
                let call = app.resume(task, resume, &mut self.cx.at(self.now));
                self.deliver_wakes();
                self.log.push((task, call.name()));
                self.calls.push((task, call.clone()));
                self.handle(task, call);
                continue;
            }
            self.retry_waiting();
            if !self.ready.is_empty() {
                continue;
            }
            let Some((&task, &(_, due))) = self.waiting.iter().min_by_key(|(t, (_, due))| (*due, t.0)) else { break };
            if due > until {
                self.now = self.now.max(until);
                break;
            }
            self.now = self.now.max(due);
            let (call, _) = self.waiting.remove(&task).expect("it waits");
            let result = match call {
                Call::Poll { set, .. } => Ok(Ret::Ready(set)),
                Call::FutexWait { .. } => Err(Errno::TimedOut),
                _ => Ok(Ret::Done),
            };
            self.ready.push_back((task, Resume::Done(result)));
        }
    }

    fn retry_waiting(&mut self) {
        let tasks: Vec<TaskId> = self.waiting.keys().copied().collect();
        for task in tasks {
            let (call, _) = self.waiting[&task].clone();
            if let Some(result) = self.try_ready(&call) {
                self.waiting.remove(&task);
                self.ready.push_back((task, Resume::Done(result)));
            }
        }
    }

    /// The result of a blocking call if it can be had now.
    fn try_ready(&mut self, call: &Call) -> Option<CallResult> {
        match call {
            Call::Poll { set, .. } => {
                let mut set = set.clone();
                for entry in set.entries_mut() {
                    let socket = self.sockets.entry(entry.fd).or_default();
                    let readable = !socket.inbox.is_empty() || socket.eof || !socket.backlog.is_empty();
                    let bits = if readable { PollEvents::IN.0 } else { 0 } | PollEvents::OUT.0;
                    entry.revents = PollEvents(bits & entry.events.0);
                }
                (set.ready() > 0).then_some(Ok(Ret::Ready(set)))
            }
            Call::Recv { fd, max, .. } => {
                let socket = self.sockets.entry(*fd).or_default();
                if let Some(front) = socket.inbox.front_mut() {
                    let bytes = front.take_front(*max);
                    if front.is_empty() {
                        socket.inbox.pop_front();
                    }
                    return Some(Ok(Ret::Data(bytes)));
                }
                socket.eof.then_some(Ok(Ret::Data(Payload::EMPTY)))
            }
            Call::Accept { fd, .. } => {
                let peer = self.sockets.entry(*fd).or_default().backlog.pop_front()?;
                Some(self.open().map(|fd| {
                    self.socket(fd.0).peer = Some(peer);
                    Ret::Accepted(fd, peer)
                }))
            }
            _ => None,
        }
    }

    fn open(&mut self) -> CallResult2 {
        let fd = (3..).map(Fd).find(|fd| !self.sockets.contains_key(fd)).expect("numbers do not run out");
        if fd.0 >= self.nofile {
            return Err(Errno::MFile);
        }
        self.serial += 1;
        self.sockets.insert(fd, FakeSocket { serial: self.serial, ..FakeSocket::default() });
        Ok(fd)
    }

    fn wait(&mut self, task: TaskId, call: Call, due: u64) {
        self.waiting.insert(task, (call, due));
    }

    fn handle(&mut self, task: TaskId, call: Call) {
        let after = |now: u64, span: Option<crate::time::Duration>| span.map_or(NEVER, |d| now + d.nanos());
        let result = match &call {
            Call::Socket { ty, .. } => self.open().map(|fd| {
                self.socket(fd.0).udp = *ty == SockType::Dgram;
                Ret::Fd(fd)
            }),
            Call::Open { .. } => self.open().map(Ret::Fd),
            Call::Connect { fd, .. } if self.socket(fd.0).udp => Ok(Ret::Done),
            Call::Connect { .. } => self.connects.pop_front().unwrap_or(Err(Errno::InProgress)),
            Call::Poll { timeout, .. } => match self.try_ready(&call) {
                Some(result) => result,
                None => return self.wait(task, call.clone(), after(self.now, *timeout)),
            },
            Call::Recv { dontwait, .. } => match self.try_ready(&call) {
                Some(result) => result,
                None if *dontwait => Err(Errno::Again),
                None => return self.wait(task, call, NEVER),
            },
            Call::Accept { .. } => match self.try_ready(&call) {
                Some(result) => result,
                None => return self.wait(task, call, NEVER),
            },
            Call::Send { fd, data } | Call::SendTo { fd, data, .. } => {
                let socket = self.socket(fd.0);
                socket.sent.extend(data.to_vec());
                Ok(Ret::Count(data.len()))
            }
            Call::Sendmmsg { fd, datagrams } => {
                let socket = self.socket(fd.0);
                datagrams.iter().for_each(|d| socket.sent.extend(d.to_vec()));
                self.answer_names(*fd, datagrams);
                Ok(Ret::Count(u32::try_from(datagrams.len()).unwrap()))
            }
            Call::Close { fd } => match self.sockets.remove(fd) {
                Some(_) => Ok(Ret::Done),
                None => Err(Errno::BadF),
            },
            Call::Shutdown { fd, .. } => {
                let socket = self.socket(fd.0);
                (socket.eof, socket.closed) = (true, true);
                Ok(Ret::Done)
            }
            Call::GetSockOpt { option: SocketOption::Error, .. } => Ok(Ret::Count(0)),
            Call::IoctlFionread { .. } | Call::Fstat { .. } | Call::Lseek { .. } => Ok(Ret::Count(0)),
            Call::Read { .. } | Call::Write { .. } => Ok(Ret::Count(0)),
            Call::GetPeerName { fd } => {
                let peer = self.socket(fd.0).peer;
                Ok(Ret::Name(peer.unwrap_or(Endpoint::new(Ipv4Addr::LOCALHOST, 1))))
            }
            Call::GetRlimit => {
                let soft = u64::from(self.nofile);
                Ok(Ret::Limits(Limits { soft, hard: soft * 2 }))
            }
            Call::Nanosleep { duration } | Call::Compute { duration } => {
                let due = self.now + duration.nanos();
                return self.wait(task, call, due);
            }
            Call::FutexWait { timeout } => {
                if let Some(at) = self.pending_wakes.iter().position(|t| *t == task) {
                    self.pending_wakes.remove(at);
                    Ok(Ret::Done)
                } else {
                    let due = after(self.now, *timeout);
                    return self.wait(task, call, due);
                }
            }
            Call::Spawn { token } => {
                let new = TaskId(self.tasks);
                self.tasks += 1;
                self.ready.push_back((new, Resume::Started(*token)));
                Ok(Ret::Task(new))
            }
            Call::ExitTask => return,
            Call::ExitProcess { status } => {
                self.exited = Some(*status);
                return;
            }
            _ => Ok(Ret::Done),
        };
        self.ready.push_back((task, Resume::Done(result)));
    }

    fn answer_names(&mut self, fd: Fd, questions: &[Payload]) {
        for question in questions {
            let bytes = question.to_vec();
            if let Some(parsed) = dns::parse_query(&bytes) {
                let reply = dns::answer(&bytes, &parsed, &self.names, &dns::Soa::default(), 60);
                self.socket(fd.0).inbox.push_back(Payload::from_bytes(&reply));
            }
        }
    }

    /// Names of the calls one thread made.
    pub(crate) fn names_of(&self, task: u32) -> Vec<&'static str> {
        self.log.iter().filter(|(t, _)| t.0 == task).map(|(_, n)| n.name()).collect()
    }
}

type CallResult2 = Result<Fd, Errno>;
