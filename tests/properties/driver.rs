//! Carries out a schedule, and holds the world against the books after every event.

use std::collections::{BTreeMap, BTreeSet};

use halfclose::app::{Call, CallResult, Domain, Ret, ShutdownHow, SockType, SocketOption};
use halfclose::errno::Errno;
use halfclose::kernel::Census;
use halfclose::net::LinkConfig;
use halfclose::sim::Step;
use halfclose::tcp::{TcpSocketOption, TcpState, graph};
use halfclose::time::Duration;
use halfclose::trace::{Mib, RecordKind};
use halfclose::units::{Endpoint, Fd, FourTuple, HostId, Ipv4Addr, Ratio};
use halfclose::wire::Payload;
use halfclose_tests::lab::{Lab, Proc, ms, secs};

use crate::ledger::Ledger;
use crate::plan::{Op, Plan};

const PORT: u16 = 3306;
const ADDRS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
/// FIN_WAIT1 with all its retries, then a minisock of 90 s and its quantum; a
/// link that loses a quarter of everything.
const GRACE_S: u64 = 900;
/// How long nothing new may arrive before a reader believes that nothing will:
/// many retransmissions at `tcp_rto_max`, where a back-off stays for want of an
/// RTT sample (Karn's rule).
const QUIET_S: u64 = 1_800;
/// Keepalive looks every two hours; entries of the queue that nobody needs any
/// more are gone by then.
const LAST_TIMER_S: u64 = 3 * 3_600;

type Key = (HostId, FourTuple);
pub(crate) type Verdict = Result<(), String>;

/// What the program at one end of a connection has done and seen.
#[derive(Clone, Copy, Default, Debug)]
struct Story {
    sent: u32,
    read: u32,
    /// It closed, or shut down its sending side.
    finished: bool,
    /// It stopped reading.
    deaf: bool,
    eof: bool,
    /// A call reported an error.
    told: bool,
}

/// An open descriptor of a connection.
#[derive(Clone, Copy, Debug)]
struct Handle {
    at: usize,
    fd: Fd,
    key: Key,
}

/// The world under test and everything known about it.
pub(crate) struct Driver {
    lab: Lab,
    programs: [Proc; 2],
    listeners: [Fd; 2],
    handles: Vec<Handle>,
    stories: BTreeMap<Key, Story>,
    /// Ends whose 4-tuple was used more than once.
    again: BTreeSet<Key>,
    ledger: Ledger,
    /// Records entered so far.
    entered: usize,
    /// Segments refused by PAWS so far.
    refused: [u64; 2],
    empty: [Census; 2],
}

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

/// The byte at a place of a stream.
fn byte(key: &Key, place: u32) -> u8 {
    let port = u32::from(key.1.local.port().0) + 3 * u32::from(key.1.remote.port().0);
    ((place + port).wrapping_mul(2_654_435_761) >> 24) as u8
}

fn option(which: u8) -> TcpSocketOption {
    match which {
        0 => TcpSocketOption::KeepAlive(true),
        1 => TcpSocketOption::KeepIdle(secs(2)),
        2 => TcpSocketOption::NoDelay(true),
        3 => TcpSocketOption::QuickAck(false),
        4 => TcpSocketOption::Linger2(None),
        5 => TcpSocketOption::UserTimeout(secs(5)),
        6 => TcpSocketOption::Linger2(Some(secs(3))),
        _ => TcpSocketOption::KeepCnt(2),
    }
}

impl Driver {
    pub(crate) fn new(plan: &Plan) -> Self {
        let percent = |num| Ratio { num, den: 100 };
        let link = LinkConfig {
            latency: Duration::from_micros(plan.latency_us),
            loss: percent(plan.loss),
            duplicate: percent(plan.duplicate),
            reorder: percent(plan.reorder),
            reorder_delay: Duration::from_micros(plan.latency_us + 1_000),
            ..LinkConfig::default()
        };
        let mut lab = Lab::pair(plan.seed, link, &plan.settings);
        let programs = [0, 1].map(|n| lab.process_on(HostId(n), 1_024));
        let empty = [0, 1].map(|n| lab.world.kernel(HostId(n)).census());
        let listeners = programs.map(|program| {
            let fd = lab.listener(program, Endpoint::new(Ipv4Addr::UNSPECIFIED, PORT), 64);
            if plan.rcvbuf > 0 {
                lab.tcp_option(program, fd, TcpSocketOption::RcvBuf(plan.rcvbuf));
            }
            lab.nonblock(program, fd);
            fd
        });
        let mut driver = Self {
            lab,
            programs,
            listeners,
            handles: Vec::new(),
            stories: BTreeMap::new(),
            again: BTreeSet::new(),
            ledger: Ledger::default(),
            entered: 0,
            refused: [0; 2],
            empty,
        };
        driver.books();
        driver
    }

    /// The whole schedule and what follows it.
    pub(crate) fn run(&mut self, plan: &Plan) -> Verdict {
        for (op, pause) in &plan.steps {
            self.perform(op)?;
            self.wait(ms(*pause))?;
        }
        self.lab.world.network_mut().heal(None, None);
        self.read_all()?;
        self.nothing_was_lost_in_silence()?;
        self.close_all()
    }

    /// Enters new records in the books. What PAWS refused (timestamps are not
    /// recorded, so the host is believed that it did) does not count as received.
    fn books(&mut self) {
        let refused = [0, 1].map(|n| self.lab.world.kernel(HostId(n)).mib().get(Mib::PAWSEstab));
        for record in &self.lab.recorder.records()[self.entered..] {
            let host = record.host.index();
            if refused[host] == self.refused[host] || !matches!(record.kind, RecordKind::Receive { .. }) {
                self.ledger.enter(record);
            }
        }
        self.refused = refused;
        self.entered = self.lab.recorder.records().len();
    }

    /// One event, then the books.
    fn event(&mut self) -> Result<Step, String> {
        let before = self.entered;
        let horizon = self.lab.now();
        let step = self.lab.world.step(horizon, &mut self.lab.recorder).map_err(|error| error.to_string())?;
        self.books();
        for record in &self.lab.recorder.records()[before..] {
            if let RecordKind::State { from, to, cause, tuple } = record.kind {
                ensure!(graph::allows(from, to, cause), "{tuple}: {from} to {to} by {cause:?} is no edge");
            }
        }
        Ok(step)
    }

    /// Time passes, event by event.
    fn wait(&mut self, span: Duration) -> Verdict {
        let until = self.lab.now() + span;
        self.lab.world.schedule_action(until, 0);
        while !matches!(self.event()?, Step::Action(_)) {
            self.queues()?;
        }
        Ok(())
    }

    /// Makes a call that does not block.
    fn call(&mut self, at: usize, call: Call) -> Result<CallResult, String> {
        let program = self.programs[at];
        self.lab.begin(program, call);
        loop {
            if let Some((_, result)) = self.lab.returned(program) {
                return Ok(result);
            }
            ensure!(self.event()? != Step::Idle, "a call does not return");
        }
    }

    /// Every socket's queues are what the books say, and no connection is there twice.
    fn queues(&self) -> Verdict {
        for (n, kernel) in self.lab.world.hosts().enumerate() {
            let host = HostId(u16::try_from(n).expect("two hosts"));
            let mut tuples = BTreeSet::new();
            for row in kernel.socket_rows() {
                if row.state == TcpState::Listen {
                    continue;
                }
                ensure!(tuples.insert(row.tuple), "{} is there twice", row.tuple);
                let minisock = row.owner.is_none() && row.timer.is_some_and(|t| t.kind == MINISOCK);
                let expected = match self.ledger.get(host, row.tuple) {
                    Some(account) if !minisock && row.state != TcpState::SynReceived => {
                        (account.recv_q(), account.send_q())
                    }
                    Some(_) | None => (0, 0),
                };
                let found = (row.recv_q, row.send_q);
                ensure!(
                    found == expected,
                    "{} {} at {}: Recv-Q, Send-Q {found:?}, by the books {expected:?}: {:?}",
                    row.tuple,
                    row.state,
                    self.lab.now(),
                    self.ledger.get(host, row.tuple)
                );
            }
        }
        Ok(())
    }

    fn perform(&mut self, op: &Op) -> Verdict {
        match *op {
            Op::Dial(at) => self.dial(at),
            Op::Accept(at) => self.accept(at),
            Op::Send(n, bytes) => self.with(n, |driver, handle| driver.send(handle, u32::from(bytes))),
            Op::Recv(n, max) => self.with(n, |driver, handle| driver.recv(handle, u32::from(max), false)),
            Op::Peek(n) => self.with(n, |driver, handle| driver.recv(handle, 10, true)),
            Op::Shutdown(n, how) => self.with(n, |driver, handle| driver.shutdown(handle, how)),
            Op::Close(n) => self.with(n, Self::close),
            Op::Reset(n) => self.with(n, |driver, handle| {
                let linger = SocketOption::Tcp(TcpSocketOption::Linger(Some(Duration::ZERO)));
                let _ = driver.call(handle.at, Call::SetSockOpt { fd: handle.fd, option: linger })?;
                driver.close(handle)
            }),
            Op::Option(n, which) => self.with(n, |driver, handle| {
                let option = SocketOption::Tcp(option(which));
                driver.call(handle.at, Call::SetSockOpt { fd: handle.fd, option }).map(drop)
            }),
            Op::Partition(one_way) => {
                self.lab.world.network_mut().partition(HostId(0), HostId(1), one_way);
                Ok(())
            }
            Op::Heal => {
                self.lab.world.network_mut().heal(None, None);
                Ok(())
            }
        }
    }

    fn with(&mut self, n: u8, action: impl FnOnce(&mut Self, Handle) -> Verdict) -> Verdict {
        if self.handles.is_empty() {
            return Ok(());
        }
        let handle = self.handles[usize::from(n) % self.handles.len()];
        action(self, handle)
    }

    fn dial(&mut self, at: usize) -> Verdict {
        let socket = Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: true };
        let Ok(Ret::Fd(fd)) = self.call(at, socket)? else { return Err("socket() failed".to_owned()) };
        let remote = Endpoint::new(ADDRS[1 - at], PORT);
        let result = self.call(at, Call::Connect { fd, addr: remote })?;
        ensure!(result == Err(Errno::InProgress), "connect() returned {result:?}");
        let Ok(Ret::Name(local)) = self.call(at, Call::GetSockName { fd })? else {
            return Err("getsockname() failed".to_owned());
        };
        self.opened(at, fd, FourTuple { local, remote })
    }

    fn accept(&mut self, at: usize) -> Verdict {
        match self.call(at, Call::Accept { fd: self.listeners[at], nonblock: true })? {
            Ok(Ret::Accepted(fd, remote)) => {
                let local = Endpoint::new(ADDRS[at], PORT);
                self.opened(at, fd, FourTuple { local, remote })
            }
            Err(Errno::Again) => Ok(()),
            other => Err(format!("accept() returned {other:?}")),
        }
    }

    fn opened(&mut self, at: usize, fd: Fd, tuple: FourTuple) -> Verdict {
        let key = (self.programs[at].host, tuple);
        let peer = (self.programs[1 - at].host, tuple.mirrored());
        // Who has sent what is kept by 4-tuple: one that comes again is not judged by it.
        if self.stories.remove(&key).is_some() {
            self.again.extend([key, peer]);
            for old in self.handles.clone().into_iter().filter(|old| [key, peer].contains(&old.key)) {
                self.stories.entry(old.key).or_default();
                self.close(old)?;
            }
        }
        self.handles.push(Handle { at, fd, key });
        self.stories.insert(key, Story::default());
        Ok(())
    }

    fn story(&mut self, handle: Handle) -> &mut Story {
        self.stories.get_mut(&handle.key).expect("every handle has one")
    }

    fn send(&mut self, handle: Handle, bytes: u32) -> Verdict {
        let from = self.story(handle).sent;
        let data: Vec<u8> = (from..from + bytes).map(|place| byte(&handle.key, place)).collect();
        match self.call(handle.at, Call::Send { fd: handle.fd, data: Payload::from_bytes(&data) })? {
            Ok(Ret::Count(n)) => {
                self.story(handle).sent += n;
                if let Some(account) = self.ledger.get_mut(handle.key.0, handle.key.1) {
                    account.sent(n);
                }
            }
            Ok(other) => return Err(format!("send() returned {other:?}")),
            Err(Errno::Again) => {}
            Err(_) => self.story(handle).told = true,
        }
        self.queues()
    }

    fn recv(&mut self, handle: Handle, max: u32, peek: bool) -> Verdict {
        match self.call(handle.at, Call::Recv { fd: handle.fd, max, peek, dontwait: true })? {
            Ok(Ret::Data(data)) => self.received(handle, &data, peek)?,
            Ok(other) => return Err(format!("recv() returned {other:?}")),
            Err(Errno::Again | Errno::NotConn) => {}
            Err(_) => self.story(handle).told = true,
        }
        self.queues()
    }

    fn received(&mut self, handle: Handle, data: &Payload, peek: bool) -> Verdict {
        let peer = (self.programs[1 - handle.at].host, handle.key.1.mirrored());
        let sender = self.stories.get(&peer).copied();
        let known = !self.again.contains(&handle.key);
        let story = self.story(handle);
        let from = story.read;
        let right = !known || data.to_vec().iter().zip(from..).all(|(&found, place)| found == byte(&peer, place));
        ensure!(right, "{:?}: wrong bytes from place {from} on", handle.key);
        if !peek {
            story.read += data.len();
        }
        let (read, silent) = (story.read, story.told || story.deaf);
        if data.is_empty() && !peek {
            story.eof = true;
        }
        // End of stream means that all was delivered.
        if data.is_empty() && !silent && known {
            let Some(sender) = sender else {
                return Err(format!("{:?}: end of stream from nobody", handle.key));
            };
            ensure!(sender.finished && sender.sent == read, "{:?}: end after {read} of {sender:?}", handle.key);
        }
        if !peek && let Some(account) = self.ledger.get_mut(handle.key.0, handle.key.1) {
            account.took(data.len());
        }
        Ok(())
    }

    fn shutdown(&mut self, handle: Handle, how: u8) -> Verdict {
        let (how, read, write) = match how {
            0 => (ShutdownHow::Read, true, false),
            1 => (ShutdownHow::Write, false, true),
            _ => (ShutdownHow::Both, true, true),
        };
        let result = self.call(handle.at, Call::Shutdown { fd: handle.fd, how })?;
        let story = self.story(handle);
        story.deaf |= read;
        story.finished |= write;
        story.told |= result.is_err();
        self.queues()
    }

    fn close(&mut self, handle: Handle) -> Verdict {
        self.handles.retain(|open| (open.at, open.fd) != (handle.at, handle.fd));
        let result = self.call(handle.at, Call::Close { fd: handle.fd })?;
        ensure!(result == Ok(Ret::Done), "close() returned {result:?}");
        self.story(handle).finished = true;
        self.queues()
    }

    /// Everybody reads until nothing more comes.
    fn read_all(&mut self) -> Verdict {
        for _ in 0..2 {
            self.accept(0)?;
            self.accept(1)?;
        }
        let mut quiet = 0;
        while quiet < QUIET_S {
            quiet += 5;
            for handle in self.handles.clone() {
                let before = self.story(handle).read;
                self.recv(handle, 60_000, false)?;
                if self.story(handle).read > before {
                    quiet = 0;
                }
            }
            self.wait(secs(5))?;
        }
        Ok(())
    }

    /// Of two ends that are both open and were told of no error, each has what
    /// the other sent. An end whose connection failed is told.
    fn nothing_was_lost_in_silence(&mut self) -> Verdict {
        for handle in self.handles.clone() {
            let (host, tuple) = handle.key;
            let peer = (self.programs[1 - handle.at].host, tuple.mirrored());
            let call = Call::GetSockOpt { fd: handle.fd, option: SocketOption::Error };
            let pending = !matches!(self.call(handle.at, call)?, Ok(Ret::Count(0)));
            self.story(handle).told |= pending;
            let story = *self.story(handle);
            if self.again.contains(&handle.key) {
                continue;
            }
            if let Some(cause) = self.ledger.failed.get(&handle.key) {
                ensure!(story.told || story.eof, "{tuple} at {host:?} ended by {cause:?} and nobody was told");
                continue;
            }
            let whole = !story.deaf && !story.told && !self.ledger.failed.contains_key(&peer);
            if whole && let Some(sender) = self.stories.get(&peer) {
                ensure!(
                    story.read == sender.sent,
                    "{tuple} at {host:?} has {} of {sender:?}: {:?}",
                    story.read,
                    self.lab.row(tuple.mirrored())
                );
            }
        }
        Ok(())
    }

    /// Everything is closed, and of everything nothing is left.
    fn close_all(&mut self) -> Verdict {
        for handle in self.handles.clone() {
            self.close(handle)?;
        }
        for at in 0..2 {
            let result = self.call(at, Call::Close { fd: self.listeners[at] })?;
            ensure!(result == Ok(Ret::Done), "close() returned {result:?}");
        }
        self.wait(secs(GRACE_S))?;
        self.counters()?;
        for n in 0..2 {
            let left = self.lab.world.kernel(self.programs[n].host).census();
            ensure!(left == self.empty[n], "left on host {n}: {left:?}");
        }
        self.wait(secs(LAST_TIMER_S))?;
        let step = self.event()?;
        ensure!(step == Step::Idle, "something of the sockets is still in the queue");
        Ok(())
    }

    /// The counters are what was recorded.
    fn counters(&self) -> Verdict {
        let records = self.lab.recorder.records();
        for (n, kernel) in self.lab.world.hosts().enumerate() {
            let host = HostId(u16::try_from(n).expect("two hosts"));
            let count = |is: &dyn Fn(&RecordKind) -> bool| {
                records.iter().filter(|record| record.host == host && is(&record.kind)).count() as u64
            };
            let change = |from: &[TcpState], to: TcpState| {
                count(&|kind| matches!(kind, RecordKind::State { from: f, to: t, .. } if from.contains(f) && *t == to))
            };
            let open = [TcpState::Established, TcpState::CloseWait];
            let expected = [
                (Mib::InSegs, count(&|kind| matches!(kind, RecordKind::Receive { .. }))),
                (Mib::OutRsts, count(&|kind| matches!(kind, RecordKind::Transmit { flags, .. } if flags.rst()))),
                (Mib::ActiveOpens, change(&[TcpState::Closed], TcpState::SynSent)),
                (Mib::PassiveOpens, change(&[TcpState::SynReceived], TcpState::Established)),
                (Mib::EstabResets, change(&open, TcpState::Closed)),
            ];
            for (mib, expected) in expected {
                let found = kernel.mib().get(mib);
                ensure!(found == expected, "{mib:?} of host {n} is {found}, by the records {expected}");
            }
            // What was sent before is no OutSegs, but in RetransSegs, or the SYN-ACK of a simultaneous open.
            let sent = count(&|kind| matches!(kind, RecordKind::Transmit { .. }));
            let repeats = kernel.mib().get(Mib::RetransSegs) + change(&[TcpState::SynSent], TcpState::SynReceived);
            let counted = kernel.mib().get(Mib::OutSegs);
            ensure!(counted <= sent && sent <= counted + repeats, "OutSegs of host {n} is {counted} of {sent} sent");
            ensure!(kernel.curr_estab() == 0, "CurrEstab of host {n} is {}", kernel.curr_estab());
        }
        Ok(())
    }
}

const MINISOCK: halfclose::tcp::tcb::TimerKind = halfclose::tcp::tcb::TimerKind::TimeWait;
