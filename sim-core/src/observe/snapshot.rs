//! Takes a [`HostView`] from a running world.

use super::rlimits::Rlimits;
use super::view::{
    Access, FdTarget, FdView, HostView, NetFamily, ProcessView, SockStat, SocketOwner, SocketTimer, SocketView,
    Transport, UnreadView,
};
use crate::app::Limits;
use crate::kernel::{EntryView, Kernel};
use crate::sim::World;
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::time::{Instant, START_UNIX};
use crate::units::{Endpoint, Fd, HostId, Port, ProcIx};

/// RLIMIT_NOFILE of the operator's shell in the write-up.
pub(super) const SHELL_NOFILE: Limits = Limits { soft: 65_535, hard: 65_535 };
/// RAM the kernel keeps for itself and the `memmap`, in 1/16 of the machine's.
const RESERVED_SIXTEENTH: u64 = 16;

impl HostView {
    /// The host as its tools would see it now.
    #[must_use]
    pub fn of(world: &World, host: HostId) -> Self {
        let kernel = world.kernel(host);
        let now = world.now();
        let config = kernel.config();
        let pending = Rlimits::pending_for(config.ram_bytes - config.ram_bytes / RESERVED_SIXTEENTH);
        let processes = (0_u32..)
            .zip(kernel.processes())
            .filter(|(_, process)| process.is_alive())
            .map(|(ix, _)| process_view(world, host, ProcIx(ix), pending))
            .collect();
        Self {
            name: config.name.clone(),
            release: config.profile.release.clone(),
            now,
            hz: config.profile.hz,
            start_unix: START_UNIX,
            uptime: kernel.uptime(now),
            cpus: config.cpus,
            ram_bytes: config.ram_bytes,
            sockets: kernel.socket_rows().into_iter().map(|row| socket_view(kernel, now, row)).collect(),
            sockstat: sockstat(kernel),
            curr_estab: u64::from(kernel.sockstats().curr_estab),
            counters: kernel.mib().clone(),
            sysctls: kernel
                .sysctls()
                .names()
                .filter_map(|name| kernel.sysctls().get(name).map(|value| (name.to_owned(), value)))
                .collect(),
            processes,
            shell: Rlimits::root_shell(pending, SHELL_NOFILE),
            cost: config.cost.clone(),
            unread: kernel.unread_queues().map(|(ino, runs, fin)| UnreadView { ino, runs, fin }).collect(),
        }
    }
}

fn process_view(world: &World, host: HostId, ix: ProcIx, pending: u64) -> ProcessView {
    let kernel = world.kernel(host);
    let process = &kernel.processes()[ix.index()];
    let app = world.app(host, ix).status(world.now());
    let target = |file| match file {
        crate::kernel::fd::FdFile::Socket(id) => FdTarget::Socket(kernel.socket_inode(id)),
        crate::kernel::fd::FdFile::File(index) => {
            FdTarget::File(process.fds().file(index).map_or("", |file| file.path()).to_owned())
        }
    };
    ProcessView {
        pid: process.pid(),
        name: process.name().chars().take(15).collect(),
        client: !kernel.has_listener(ix),
        limits: Rlimits::container(pending, process.fds().limits()),
        fds: process
            .fds()
            .iter()
            .map(|(fd, file)| FdView { fd, target: target(file), access: access(file, fd) })
            .collect(),
        calls: world.calls_in_progress(host, ix),
        app,
    }
}

/// The terminal of a container is open for both ways; what a program opens here, for reading.
const fn access(file: crate::kernel::fd::FdFile, fd: Fd) -> Access {
    match file {
        crate::kernel::fd::FdFile::File(_) if fd.0 > 2 => Access::Read,
        crate::kernel::fd::FdFile::File(_) | crate::kernel::fd::FdFile::Socket(_) => Access::ReadWrite,
    }
}

fn socket_view(kernel: &Kernel, now: Instant, row: EntryView) -> SocketView {
    let EntryView { tuple, state, inet6, udp, recv_q, send_q, timer, owner, ino } = row;
    let listening = state == TcpState::Listen;
    SocketView {
        transport: if udp { Transport::Udp } else { Transport::Tcp },
        family: if inet6 { NetFamily::V6 } else { NetFamily::V4 },
        state,
        recv_q,
        send_q,
        local: tuple.local,
        remote: if listening || tuple.remote.port() == Port::NONE { Endpoint::ANY } else { tuple.remote },
        timer: timer.map(|timer| SocketTimer {
            kind: timer.kind,
            remaining: timer.expires.since(now),
            retransmits: timer.retries,
            probes: if matches!(timer.kind, TimerKind::Persist | TimerKind::KeepAlive) { timer.retries } else { 0 },
        }),
        owner: owner.map(|(process, fd)| SocketOwner { pid: kernel.processes()[process.index()].pid(), fd }),
        uid: 0,
        ino,
    }
}

fn sockstat(kernel: &Kernel) -> SockStat {
    let stats = kernel.sockstats();
    SockStat {
        used: stats.used.into(),
        tcp_inuse: stats.tcp_inuse.into(),
        tcp6_inuse: stats.tcp6_inuse.into(),
        orphan: stats.orphan.into(),
        tw: stats.tw.into(),
        alloc: stats.alloc.into(),
        udp_inuse: stats.udp_inuse.into(),
        udp6_inuse: stats.udp6_inuse.into(),
        raw_inuse: stats.raw_inuse.into(),
        raw6_inuse: stats.raw6_inuse.into(),
        ..SockStat::default()
    }
}
