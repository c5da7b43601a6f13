//! What an observer remembers of a run, for properties to ask.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::app::CallName;
use crate::errno::Errno;
use crate::tcp::{Cause, TcpState};
use crate::time::{Duration, Instant};
use crate::trace::{Observer, Record, RecordKind};
use crate::units::{FourTuple, HostId, Pid};

/// Errnos that a caller must hear of.
pub(super) const SURFACED: [Errno; 3] = [Errno::AddrNotAvail, Errno::MFile, Errno::ConnRefused];

/// What happened on the host of the program under test.
#[derive(Clone, Debug)]
pub struct History {
    host: HostId,
    pids: Vec<Pid>,
    states: BTreeMap<FourTuple, (TcpState, Instant)>,
    opened: BTreeSet<FourTuple>,
    /// When `connect()` was called, the last thousand.
    connects: VecDeque<Instant>,
    pub(super) connect_count: u64,
    /// Connections that the peer was first to close, or that ended by a reset or a time-out.
    pub(super) lost: u64,
    pub(super) peer_closed: u64,
    pub(super) established: u64,
    /// First and last time each of [`SURFACED`] was returned since the last question.
    pub(super) failures: [Option<Instant>; SURFACED.len()],
    pub(super) failed: [u64; SURFACED.len()],
    /// The last time bytes were sent over a connection that had been dead for so long.
    pub(super) dead_use: Option<(Instant, Duration)>,
}

impl History {
    pub(super) const fn new(host: HostId) -> Self {
        Self {
            host,
            pids: Vec::new(),
            states: BTreeMap::new(),
            opened: BTreeSet::new(),
            connects: VecDeque::new(),
            connect_count: 0,
            lost: 0,
            peer_closed: 0,
            established: 0,
            failures: [None; SURFACED.len()],
            failed: [0; SURFACED.len()],
            dead_use: None,
        }
    }

    /// The program under test runs as this process (too).
    pub(super) fn watch(&mut self, pid: Pid) {
        self.pids.push(pid);
    }

    /// Since when the connection that is longest in a state has been in it.
    pub(super) fn oldest(&self, state: TcpState) -> Option<(FourTuple, Instant)> {
        let here = self.states.iter().filter(|(_, (now, _))| *now == state);
        here.map(|(tuple, (_, since))| (*tuple, *since)).min_by_key(|(_, since)| *since)
    }

    /// Local ports of connections this host opened.
    pub(super) fn ports(&self) -> usize {
        let mut ports: Vec<_> =
            self.states.keys().filter(|t| self.opened.contains(t)).map(|t| t.local.port()).collect();
        ports.dedup();
        ports.len()
    }

    /// `connect()` calls after `since`.
    pub(super) fn connects_since(&self, since: Instant) -> usize {
        self.connects.iter().rev().take_while(|at| **at > since).count()
    }

    /// Most `connect()` calls in a window of this length, among those after `since`.
    pub(super) fn busiest(&self, window: Duration, since: Instant) -> (usize, Instant) {
        let list: Vec<Instant> = self.connects.iter().copied().filter(|at| *at >= since).collect();
        let mut best = (0, since);
        let mut first = 0;
        for (last, at) in list.iter().enumerate() {
            while at.since(list[first]) >= window {
                first += 1;
            }
            if last + 1 - first > best.0 {
                best = (last + 1 - first, *at);
            }
        }
        best
    }

    fn state(&mut self, at: Instant, tuple: FourTuple, from: TcpState, to: TcpState, cause: Cause) {
        if to == TcpState::Closed {
            self.states.remove(&tuple);
            self.opened.remove(&tuple);
        } else {
            self.states.insert(tuple, (to, at));
            if to == TcpState::SynSent {
                self.opened.insert(tuple);
            }
        }
        self.established += u64::from(to == TcpState::Established);
        let ended = matches!(cause, Cause::RstArrived | Cause::TimedOut | Cause::IcmpError);
        self.peer_closed += u64::from(to == TcpState::CloseWait);
        self.lost += u64::from(to == TcpState::CloseWait || (from == TcpState::Established && ended));
    }
}

impl Observer for History {
    fn record(&mut self, record: &Record) {
        if record.host != self.host {
            return;
        }
        let at = record.at;
        match record.kind {
            RecordKind::State { tuple, from, to, cause } => self.state(at, tuple, from, to, cause),
            RecordKind::PortPick { .. } => {
                self.connect_count += 1;
                self.connects.push_back(at);
                if self.connects.len() > 4_000 {
                    self.connects.pop_front();
                }
            }
            RecordKind::Transmit { tuple, len, .. } if len > 0 => {
                if let Some((TcpState::CloseWait, since)) = self.states.get(&tuple) {
                    self.dead_use = Some((at, at.since(*since)));
                }
            }
            RecordKind::Syscall { pid, name, result, .. } if self.pids.contains(&pid) => {
                let errno = match result {
                    Err(errno) => Some(errno),
                    // A connection attempt's end is told by SO_ERROR.
                    Ok(value) if name == CallName::GetSockOpt as u8 && value > 0 => {
                        SURFACED.into_iter().find(|errno| u32::from(errno.number()) == value)
                    }
                    Ok(_) => None,
                };
                if let Some(which) = errno.and_then(|errno| SURFACED.iter().position(|one| *one == errno)) {
                    self.failures[which].get_or_insert(at);
                    self.failed[which] += 1;
                }
            }
            RecordKind::Transmit { .. }
            | RecordKind::Syscall { .. }
            | RecordKind::Receive { .. }
            | RecordKind::Drop { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => {}
        }
    }

    fn wants_syscalls(&self) -> bool {
        true
    }
}
