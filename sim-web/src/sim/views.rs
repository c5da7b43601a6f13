//! What the page's views show of a run as it stands.

use halfclose::app::CallName;
use halfclose::errno::Errno;
use halfclose::kernel::cost::CandidateCounts;
use halfclose::kernel::fd::FdFile;
use halfclose::kernel::{EntryView, Kernel};
use halfclose::scenario::{ProgramKind, Run};
use halfclose::sim::Phase;
use halfclose::tcp::TcpState;
use halfclose::tcp::graph::{TRANSITIONS, Visits};
use halfclose::tcp::tcb::TimerKind;
use halfclose::units::{Endpoint, Port};

use crate::wire::{
    FdPage, FdRow, Frame, HostFrame, MysqlFrame, Probe, ProcessFrame, ProcessRow, Processlist, SocketPage, SocketRow,
    Unread,
};

/// Rows of a process list that are shown.
const MAX_ROWS: usize = 400;

/// A count as the page takes it.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(super) fn frame(run: &Run, visits: &Visits) -> Frame {
    let world = run.world();
    Frame {
        now_ns: world.now().nanos(),
        digest: world.digest().to_string(),
        hosts: (0..run.scenario().hosts.len()).map(|host| host_frame(run, host)).collect(),
        processes: (0..run.scenario().processes.len()).map(|process| process_frame(run, process)).collect(),
        visits: (0..TRANSITIONS.len()).map(|row| small(visits.of(row))).collect(),
    }
}

fn kernel(run: &Run, host: usize) -> &Kernel {
    run.world().kernel(run.host(host))
}

fn host_frame(run: &Run, host: usize) -> HostFrame {
    let kernel = kernel(run, host);
    let stats = kernel.sockstats();
    let range = kernel.sysctls().ip_local_port_range();
    HostFrame {
        states: TcpState::ALL.iter().map(|state| kernel.count(*state)).collect(),
        ss: vec![stats.used, stats.alloc + stats.tw, stats.curr_estab, stats.closed(), stats.orphan, stats.tw],
        range: [u32::from(range.low.0), u32::from(range.high.0)],
        ports_used: kernel.ports_owned(),
        files: [kernel.open_files(), kernel.sysctls().file_max()],
        cpu_us: kernel.cpu_busy(run.world().now()).as_micros(),
    }
}

fn process_frame(run: &Run, process: usize) -> ProcessFrame {
    let world = run.world();
    let (host, ix) = run.process(process);
    let kernel = world.kernel(host);
    let process_of = &kernel.processes()[ix.index()];
    let (fds, stats) = (process_of.fds(), world.stats(host, ix));
    let phase = world.phase(host, ix);
    let shown = |errno: &Errno| !matches!(errno, Errno::InProgress | Errno::Again | Errno::Already);
    let mut errors: Vec<(String, u64)> = Vec::new();
    for ((call, errno), &count) in &stats.errors {
        if matches!(call, CallName::Connect | CallName::Socket | CallName::Accept) && shown(errno) {
            match errors.iter_mut().find(|(name, _)| name == errno.name()) {
                Some((_, sum)) => *sum += count,
                None => errors.push((errno.name().to_owned(), count)),
            }
        }
    }
    let server = run.scenario().processes[process].program.kind() == ProgramKind::Mysqld;
    let app = world.app(host, ix);
    let number = |name: &str| app.metric(name).unwrap_or(0);
    ProcessFrame {
        alive: matches!(phase, Phase::Running | Phase::Stopped),
        stopped: phase == Phase::Stopped,
        fds: fds.open_count(),
        sockets: fds.socket_count(),
        nofile: [fds.limits().soft, fds.limits().hard],
        connected: process_of.connected(),
        errors,
        mysql: server.then(|| MysqlFrame {
            max_connections: small(number("max_connections")),
            connect_timeout: small(number("connect_timeout")),
            threads_connected: small(number("Threads_connected")),
            refused: number("Connection_errors_max_connections"),
            aborted: number("Aborted_connects"),
            connections: number("Connections"),
        }),
    }
}

/// The state of each local port of a host, or of the other ends of its
/// connections: 0 for none, else 1 + the state; a port of several sockets shows
/// the one nearest to the end of [`ORDER`].
pub(super) fn ports(run: &Run, host: usize, far: bool) -> Vec<u8> {
    let kernel = kernel(run, host);
    let mut ports = vec![0; 1 << 16];
    kernel.each_state(|tuple, state| {
        if state == TcpState::Listen && far {
            return;
        }
        let port = if far { tuple.remote.port() } else { tuple.local.port() };
        let code = 1 + state as u8;
        let slot = &mut ports[port.index()];
        if rank(code) > rank(*slot) {
            *slot = code;
        }
    });
    ports
}

/// What the next connect() of a host's client would do, without its doing it;
/// `None` while no client of the host has connected anywhere.
pub(super) fn probe(run: &Run, host: usize) -> Option<Probe> {
    let world = run.world();
    let kernel = kernel(run, host);
    let clients = (0..run.scenario().processes.len()).map(|process| run.process(process));
    let clients = clients.filter(|(id, _)| *id == run.host(host)).map(|(id, ix)| world.stats(id, ix));
    let busiest = clients.max_by_key(|stats| stats.tcp_connects)?;
    let destination = busiest.destination?;
    let map = kernel.port_map(world.now(), destination)?;
    let seen = map.inspected;
    let counts = CandidateCounts {
        reserved: seen.reserved,
        bound: seen.bound,
        taken: seen.in_use + seen.timewait,
        chosen: seen.unique,
    };
    Some(Probe {
        low: u32::from(map.low.0),
        destination: destination.to_string(),
        runs: map.probed.iter().map(|run| [u32::from(run.first.0), run.count, run.step]).collect(),
        inspected: seen.total,
        kinds: [seen.reserved, seen.bound, seen.in_use, seen.timewait],
        taken: map.taken.map(|port| u32::from(port.0)),
        cost_ns: kernel.config().cost.tcp_connect_ns(&counts),
    })
}

/// A listener hides behind nothing, a connection behind a listener.
const fn rank(code: u8) -> u8 {
    if code == 1 + TcpState::Listen as u8 { 200 } else { code }
}

/// Which sockets, in which order, and which part of them.
pub(super) struct SocketQuery<'a> {
    pub(super) host: usize,
    /// Words that must all occur: in a state's name, an end, a program's name.
    pub(super) filter: &'a str,
    /// `state`, `recv_q`, `send_q`, `local`, `remote`, `owner` or `timer`.
    pub(super) sort: &'a str,
    pub(super) descending: bool,
    pub(super) offset: usize,
    pub(super) count: usize,
}

pub(super) fn sockets(run: &Run, query: &SocketQuery<'_>) -> SocketPage {
    let kernel = kernel(run, query.host);
    let words: Vec<String> = query.filter.split_whitespace().map(str::to_ascii_lowercase).collect();
    let mut total = 0;
    let mut found: Vec<EntryView> = kernel
        .connection_rows()
        .inspect(|_| total += 1)
        .filter(|row| words.is_empty() || words.iter().all(|word| has(kernel, row, word)))
        .collect();
    let matching = found.len();
    let key = |row: &EntryView| -> u64 {
        let end = |end: Endpoint| u64::from(end.port().0) << 32 | u64::from(end.addr().to_bits());
        match query.sort {
            "recv_q" => row.recv_q.into(),
            "send_q" => row.send_q.into(),
            "remote" => end(row.tuple.remote),
            "state" => row.state as u64,
            "owner" => row.owner.map_or(u64::MAX, |(process, fd)| u64::from(process.0) << 32 | u64::from(fd.0)),
            "timer" => row.timer.map_or(u64::MAX, |timer| timer.expires.nanos()),
            _local => end(row.tuple.local),
        }
    };
    found.sort_by_cached_key(|row| (if query.descending { !key(row) } else { key(row) }, row.tuple));
    let rows = found.iter().skip(query.offset).take(query.count).map(|row| socket_row(run, kernel, row)).collect();
    SocketPage { total, matching: small(matching as u64), rows }
}

fn has(kernel: &Kernel, row: &EntryView, word: &str) -> bool {
    if let Ok(port) = word.parse::<u16>() {
        return row.tuple.local.port().0 == port || row.tuple.remote.port().0 == port;
    }
    if let Some(bytes) = word.strip_prefix("recv-q=").and_then(|bytes| bytes.parse::<u32>().ok()) {
        return row.recv_q == bytes;
    }
    let state = row.state.rfc_name().to_ascii_lowercase();
    state.starts_with(word)
        || state.replace('-', "_").starts_with(word)
        || row.owner.is_some_and(|(process, _)| kernel.processes()[process.index()].name().starts_with(word))
        || row.tuple.local.to_string().contains(word)
        || row.tuple.remote.to_string().contains(word)
}

fn end(end: Endpoint) -> String {
    if end.port() == Port::NONE { "*".to_owned() } else { end.to_string() }
}

fn socket_row(run: &Run, kernel: &Kernel, row: &EntryView) -> SocketRow {
    SocketRow {
        state: row.state as u32,
        recv_q: row.recv_q,
        send_q: row.send_q,
        local: end(row.tuple.local),
        remote: end(row.tuple.remote),
        owner: row.owner.map(|(process, fd)| (kernel.processes()[process.index()].name().to_owned(), fd.0)),
        timer: row.timer.map(|timer| {
            let kind = match timer.kind {
                TimerKind::Retransmit => "on",
                TimerKind::KeepAlive => "keepalive",
                TimerKind::TimeWait => "timewait",
                TimerKind::Persist => "persist",
            };
            (kind.to_owned(), timer.expires.since(run.world().now()).nanos())
        }),
    }
}

/// The connection between these two ends, in this host's view.
fn connection(kernel: &Kernel, local: &str, remote: &str) -> Option<EntryView> {
    kernel.connection_rows().find(|row| end(row.tuple.local) == local && end(row.tuple.remote) == remote)
}

pub(super) fn unread(run: &Run, host: usize, local: &str, remote: &str) -> Unread {
    let kernel = kernel(run, host);
    let Some(row) = connection(kernel, local, remote) else { return Unread::default() };
    let bytes = kernel.unread(row.tuple).unwrap_or_default();
    let fin = row.state != TcpState::Listen && row.recv_q as usize == bytes.len() + 1;
    Unread { bytes, fin, found: true }
}

pub(super) fn descriptors(run: &Run, process: usize, offset: usize, count: usize) -> FdPage {
    let (host, ix) = run.process(process);
    let kernel = run.world().kernel(host);
    let table = kernel.processes()[ix.index()].fds();
    let rows = table.iter().skip(offset).take(count).map(|(fd, file)| match file {
        FdFile::Socket(id) => {
            let row = kernel.socket_row(id);
            FdRow {
                fd: fd.0,
                what: row.map_or_else(String::new, |row| {
                    let ends = [row.tuple.local, row.tuple.remote].map(end);
                    format!("{} → {}", ends[0], ends[1])
                }),
                state: row.filter(|row| !row.udp).map(|row| row.state as u32),
            }
        }
        FdFile::File(index) => {
            FdRow { fd: fd.0, what: table.file(index).map_or("", |file| file.path()).to_owned(), state: None }
        }
    });
    FdPage { total: table.open_count(), rows: rows.collect() }
}

pub(super) fn processlist(run: &Run, process: usize) -> Processlist {
    let (host, ix) = run.process(process);
    let rows = run.world().app(host, ix).status(run.world().now()).processlist;
    Processlist {
        total: small(rows.len() as u64),
        rows: rows
            .into_iter()
            .take(MAX_ROWS)
            .map(|row| ProcessRow {
                id: row.id,
                user: row.user,
                host: row.host,
                command: row.command.to_owned(),
                time: row.time,
                state: row.state.unwrap_or_default(),
                info: row.info.unwrap_or_default(),
            })
            .collect(),
    }
}

/// The oldest session of a client: index of its server, and its id.
pub(super) fn session(run: &Run) -> Option<(usize, u64)> {
    let servers = run.scenario().processes.iter().enumerate();
    servers.filter(|(_, spec)| spec.program.kind() == ProgramKind::Mysqld).find_map(|(process, _)| {
        let rows = processlist(run, process).rows;
        let client = |row: &&ProcessRow| !matches!(row.user.as_str(), "event_scheduler" | "unauthenticated user");
        rows.iter().find(client).map(|row| (process, row.id))
    })
}
