//! A read-only view of a running case, for properties.

use std::collections::VecDeque;

use super::history::History;
use crate::app::App;
use crate::kernel::Kernel;
use crate::sim::{Phase, World};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::units::{Fd, HostId, ProcIx};

/// What a case remembers from one question to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Most descriptors before the first fault.
    pub(super) baseline_fds: u32,
    /// Progress (see [`View::served`]) when the first fault began.
    pub(super) served_at_first: u64,
    /// And at the moments of the last ten seconds, the latest last.
    pub(super) served_lately: VecDeque<(Instant, u64)>,
    pub(super) served_before: u64,
    /// When each surfaced errno was last noted, and how many had been told.
    pub(super) told: [u64; super::history::SURFACED.len()],
    pub(super) told_lost: u64,
    pub(super) lost_told_at: Option<Instant>,
}

/// A case at a moment.
#[derive(Debug)]
pub struct View<'a> {
    pub(super) world: &'a World,
    pub(super) subject: (HostId, ProcIx),
    pub(super) server: (HostId, ProcIx),
    pub(super) history: &'a History,
    pub(super) notes: &'a Notes,
    pub(super) first_fault: Option<Instant>,
    /// When the last fault was over; `None` while one lasts or is yet to come.
    pub(super) over: Option<Instant>,
    pub(super) listens: bool,
}

impl View<'_> {
    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.world.now()
    }

    /// The whole world.
    #[must_use]
    pub const fn world(&self) -> &World {
        self.world
    }

    /// The kernel of the host on which the program under test runs.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        self.world.kernel(self.subject.0)
    }

    /// The program under test.
    #[must_use]
    pub fn program(&self) -> &dyn App {
        self.world.app(self.subject.0, self.subject.1)
    }

    /// False before it starts, and after it has ended.
    #[must_use]
    pub fn running(&self) -> bool {
        matches!(self.world.phase(self.subject.0, self.subject.1), Phase::Running)
    }

    /// A counter of the program: what it counted with [`SimNet::count`](crate::app::task::SimNet::count).
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.program().metric(name).unwrap_or(0)
    }

    /// Open descriptors of the program.
    #[must_use]
    pub fn fds(&self) -> u32 {
        self.kernel().processes()[self.subject.1.index()].fds().open_count()
    }

    /// Most descriptors it had before the first fault.
    #[must_use]
    pub const fn baseline_fds(&self) -> u32 {
        self.notes.baseline_fds
    }

    /// How long the connection that is longest in a state has been in it, on the program's host.
    #[must_use]
    pub fn oldest(&self, state: TcpState) -> Option<Duration> {
        self.history.oldest(state).map(|(_, since)| self.now().since(since))
    }

    /// Who opened that connection, and where, if the program is async code.
    #[must_use]
    pub fn oldest_opened_by(&self, state: TcpState) -> Option<String> {
        let (tuple, _) = self.history.oldest(state)?;
        let owner = self.kernel().socket_rows().into_iter().find(|row| row.tuple == tuple)?.owner?;
        (owner.0 == self.subject.1).then(|| self.program().opened_by(owner.1)).flatten()
    }

    /// Who opened the descriptor with the highest number.
    #[must_use]
    pub fn last_opened_by(&self) -> Option<String> {
        let fds = self.kernel().processes()[self.subject.1.index()].fds();
        let last: Fd = fds.iter().map(|(fd, _)| fd).last()?;
        self.program().opened_by(last)
    }

    /// Connections of the host in a state.
    #[must_use]
    pub fn sockets(&self, state: TcpState) -> usize {
        self.kernel().socket_rows().iter().filter(|row| !row.udp && row.state == state).count()
    }

    /// Source ports in use on the program's host, TIME_WAIT included.
    #[must_use]
    pub fn ports_used(&self) -> usize {
        self.history.ports()
    }

    /// `connect()` calls of the host so far.
    #[must_use]
    pub const fn connects(&self) -> u64 {
        self.history.connect_count
    }

    /// `connect()` calls in the time just past.
    #[must_use]
    pub fn connects_in_last(&self, span: Duration) -> usize {
        self.history.connects_since(self.now().saturating_sub(span))
    }

    /// Connections that came to be.
    #[must_use]
    pub const fn established(&self) -> u64 {
        self.history.established
    }

    /// Connections that the peer or the network ended.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.history.lost
    }

    /// Progress of the service: statements the server executed, or, where the program under test is the
    /// server, what it counted as `served`.
    #[must_use]
    pub fn served(&self) -> u64 {
        if self.listens {
            return self.counter("served");
        }
        let (host, process) = self.server;
        let dead = matches!(self.world.phase(host, process), Phase::Exited(_));
        let now = if dead { 0 } else { self.world.app(host, process).metric("Queries").unwrap_or(0) };
        self.notes.served_before + now
    }

    /// Progress in the last ten seconds.
    #[must_use]
    pub fn served_lately(&self) -> u64 {
        let then = self.notes.served_lately.front().map_or(0, |(_, served)| *served);
        self.served().saturating_sub(then)
    }

    /// Progress in ten seconds, on average, before the first fault.
    #[must_use]
    pub fn served_usually(&self) -> u64 {
        let span = self.first_fault.map_or(0, |first| first.since(Instant::ZERO).as_millis());
        (self.notes.served_at_first * 10_000).checked_div(span).unwrap_or(0)
    }

    /// Sessions of the server that have not logged in.
    #[must_use]
    pub fn unauthenticated(&self) -> usize {
        let (host, process) = self.server;
        let held = self.world.app(host, process).metric("processlist.unauthenticated").unwrap_or(0);
        usize::try_from(held).unwrap_or(usize::MAX)
    }

    /// How long ago the last fault was over; `None` while one lasts or is yet to come.
    #[must_use]
    pub fn since_faults(&self) -> Option<Duration> {
        self.over.map(|over| self.now().since(over))
    }
}
