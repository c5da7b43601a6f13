//! The world looked at now and then, in bounded memory.

use crate::scenario::{ProcessIx, Run};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, HostId, ProcIx};

/// Most points of a line.
pub const MAX_POINTS: usize = 1_000;
/// Distance of the first samples: whatever happens in a handshake is seen.
const FINEST: Duration = Duration::from_millis(1);
/// Most turns that keep a row of their own: what is left of [`MAX_POINTS`] is for the rest.
const MAX_TURNS: usize = 64;

/// A number that is sampled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Column {
    /// Sockets of a host in a state.
    State(usize, TcpState),
    /// Of a process.
    Process(ProcessIx, ProcessColumn),
}

/// What is sampled of a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ProcessColumn {
    /// Open descriptors.
    FdOpen,
    /// Soft RLIMIT_NOFILE.
    FdSoft,
    /// TCP connect() calls.
    Attempts,
    /// Of them, those that sent a SYN.
    Started,
    /// `EADDRNOTAVAIL`.
    NoPort,
    /// `EMFILE` and `ENFILE` of socket() and connect().
    NoFile,
    /// Ports in use towards its last destination on low's parity.
    PortsLow,
    /// On the other parity.
    PortsOther,
    /// Sessions of a MySQL server.
    Threads,
    /// Sessions that have not authenticated.
    Unauthenticated,
    /// `max_connections`.
    MaxConnections,
    /// Connections refused with ERR 1040.
    Refused,
}

impl ProcessColumn {
    const CLIENT: [Self; 8] = [
        Self::FdOpen,
        Self::FdSoft,
        Self::Attempts,
        Self::Started,
        Self::NoPort,
        Self::NoFile,
        Self::PortsLow,
        Self::PortsOther,
    ];
    const SERVER: [Self; 6] =
        [Self::FdOpen, Self::FdSoft, Self::Threads, Self::Unauthenticated, Self::MaxConnections, Self::Refused];
}

/// Samples of everything the charts need.
///
/// A row is kept only if it differs from the one before. When [`MAX_POINTS`]
/// are kept, the distance of samples doubles, and the last row of each interval
/// stays: so a quiet run is exact to the millisecond and a busy one as fine as fits.
/// Where the run takes a turn (an entry of its timeline, a mark) a row always stays,
/// so that what comes of it is never taken for what was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampler {
    columns: Vec<Column>,
    times: Vec<Instant>,
    /// Row by row.
    values: Vec<u64>,
    interval: Duration,
    /// When it looked last.
    seen: Option<Instant>,
    /// Times of rows that stay.
    turns: Vec<Instant>,
}

impl Sampler {
    /// Nothing sampled yet.
    #[must_use]
    pub fn new(run: &Run) -> Self {
        let scenario = run.scenario();
        let mut columns = Vec::new();
        for host in 0..scenario.hosts.len() {
            columns.extend(TcpState::ALL.map(|state| Column::State(host, state)));
        }
        for (process, spec) in scenario.processes.iter().enumerate() {
            let of: &[ProcessColumn] = match super::make::is_mysqld(spec) {
                true => &ProcessColumn::SERVER,
                false => &ProcessColumn::CLIENT,
            };
            columns.extend(of.iter().map(|&column| Column::Process(process, column)));
        }
        Self { columns, times: Vec::new(), values: Vec::new(), interval: FINEST, seen: None, turns: Vec::new() }
    }

    /// When to look again: not before the next event, because until then
    /// nothing changes.
    #[must_use]
    pub fn due(&self, run: &Run) -> Instant {
        let Some(seen) = self.seen else { return Instant::ZERO };
        let step = self.interval.nanos();
        // On the grid, so that intervals are the same whenever events come and turns are taken.
        let after = (seen.nanos() / step).saturating_add(1);
        let cells = after.max(run.world().next_at().nanos().div_ceil(step));
        Instant::from_nanos(cells.saturating_mul(step))
    }

    /// Looks at the world right where it took a turn.
    pub fn look_at_turn(&mut self, run: &Run) {
        let now = run.world().now();
        if self.turns.len() < MAX_TURNS && self.turns.last() != Some(&now) {
            self.turns.push(now);
        }
        self.look(run);
    }

    /// Looks at the world as it stands.
    pub fn look(&mut self, run: &Run) {
        let now = run.world().now();
        if self.seen.is_some_and(|seen| seen > now) {
            return;
        }
        self.seen = Some(now);
        let width = self.columns.len();
        let row: Vec<u64> = self.columns.iter().map(|&column| read(run, column)).collect();
        if self.times.last() == Some(&now) {
            let at = self.values.len() - width;
            self.values[at..].copy_from_slice(&row);
            return;
        }
        let same = !self.times.is_empty() && self.values[self.values.len() - width..] == row[..];
        if same && self.turns.last() != Some(&now) {
            return;
        }
        while self.times.len() >= MAX_POINTS {
            self.thin();
        }
        self.times.push(now);
        self.values.extend_from_slice(&row);
    }

    /// Doubles the interval; the last row of each stays, and the first of all.
    fn thin(&mut self) {
        self.interval = self.interval.saturating_mul(2);
        let cell = |at: Instant| at.nanos() / self.interval.nanos();
        let width = self.columns.len();
        let mut kept = 0;
        for row in 0..self.times.len() {
            let last_of_cell = self.times.get(row + 1).is_none_or(|&next| cell(next) != cell(self.times[row]));
            if row == 0 || last_of_cell || self.turns.binary_search(&self.times[row]).is_ok() {
                self.times[kept] = self.times[row];
                self.values.copy_within(row * width..(row + 1) * width, kept * width);
                kept += 1;
            }
        }
        self.times.truncate(kept);
        self.values.truncate(kept * width);
    }

    /// Distance of samples now.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// When the run took a turn: an entry of its timeline, a mark.
    #[must_use]
    pub fn turns(&self) -> &[Instant] {
        &self.turns
    }

    /// When something changed last.
    #[must_use]
    pub fn last_change(&self) -> Instant {
        let rows: Vec<&[u64]> = self.values.chunks_exact(self.columns.len().max(1)).collect();
        let unlike = rows.windows(2).rposition(|pair| pair[0] != pair[1]).map_or(0, |before| before + 1);
        self.times.get(unlike).copied().unwrap_or(Instant::ZERO)
    }

    /// A column: its value from each of these times on. Empty if it is not sampled.
    #[must_use]
    pub fn column(&self, column: Column) -> Vec<(Instant, u64)> {
        let Some(at) = self.columns.iter().position(|&one| one == column) else { return Vec::new() };
        let width = self.columns.len();
        let rows = self.times.iter().zip(self.values.chunks_exact(width));
        rows.map(|(&time, row)| (time, row[at])).collect()
    }
}

fn read(run: &Run, column: Column) -> u64 {
    match column {
        Column::State(host, state) => run.world().kernel(run.host(host)).count(state).into(),
        Column::Process(process, column) => {
            let (host, process) = run.process(process);
            of_process(run, host, process, column)
        }
    }
}

fn of_process(run: &Run, host: HostId, process: ProcIx, column: ProcessColumn) -> u64 {
    use crate::app::CallName::{Connect, Socket};
    use crate::errno::Errno;
    let world = run.world();
    let kernel = world.kernel(host);
    let stats = world.stats(host, process);
    let fds = kernel.processes()[process.index()].fds();
    let failed =
        |errno: Errno| -> u64 { [Socket, Connect].iter().filter_map(|&call| stats.errors.get(&(call, errno))).sum() };
    let app = |name: &str| world.app(host, process).metric(name).unwrap_or(0);
    let ports = |other: bool| {
        let held = kernel.ports_towards(stats.destination.unwrap_or(Endpoint::ANY));
        let low = kernel.sysctls().ip_local_port_range().low.0 & 1;
        u64::from(held[usize::from(low ^ u16::from(other))])
    };
    match column {
        ProcessColumn::FdOpen => fds.open_count().into(),
        ProcessColumn::FdSoft => fds.limits().soft,
        ProcessColumn::Attempts => stats.tcp_connects,
        ProcessColumn::Started => stats.syn_sent,
        ProcessColumn::NoPort => failed(Errno::AddrNotAvail),
        ProcessColumn::NoFile => failed(Errno::MFile) + failed(Errno::NFile),
        ProcessColumn::PortsLow => ports(false),
        ProcessColumn::PortsOther => ports(true),
        ProcessColumn::Threads => app("Threads_connected"),
        ProcessColumn::Unauthenticated => app("processlist.unauthenticated"),
        ProcessColumn::MaxConnections => app("max_connections"),
        ProcessColumn::Refused => app("Connection_errors_max_connections"),
    }
}
