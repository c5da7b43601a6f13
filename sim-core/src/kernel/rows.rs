//! Every socket of a host as a tool reads it, in the order of the hash tables.

use super::cpu::{CpuError, CpuId, CpuUsage};
use super::established_table::{EstablishedEntry, EstablishedRow};
use super::host::Kernel;
use super::listen_table::ListenHash;
use super::socket::Socket;
use crate::tcp::TcpState;
use crate::tcp::tcb::{TimerKind, TimerView};
use crate::time::{Duration, Instant};
use crate::units::{Fd, FourTuple, Port, ProcIx, Ratio, SocketId};
use crate::wire::Payload;

/// One row of a socket dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryView {
    /// Local and remote end.
    pub tuple: FourTuple,
    /// State; of a minisock its substate.
    pub state: TcpState,
    /// `AF_INET6` socket.
    pub inet6: bool,
    /// UDP instead of TCP.
    pub udp: bool,
    /// LISTEN: accept queue; else `rcv_nxt - copied_seq`.
    pub recv_q: u32,
    /// LISTEN: backlog; else `write_seq - snd_una`.
    pub send_q: u32,
    /// Armed timer that tools show.
    pub timer: Option<TimerView>,
    /// Process and descriptor.
    pub owner: Option<(ProcIx, Fd)>,
    /// Inode; 0 without a file.
    pub ino: u32,
}

impl Kernel {
    /// Uptime at an instant of the run.
    #[must_use]
    pub fn uptime(&self, now: Instant) -> Duration {
        self.boot_age() + now.since(Instant::ZERO)
    }

    /// Inode of a socket that a descriptor refers to; 0 if there is none.
    #[must_use]
    pub fn socket_inode(&self, id: SocketId) -> u32 {
        self.sockets.get(id.0).map_or(0, |socket| socket.ino)
    }

    /// State of a TCP socket that a descriptor refers to.
    #[must_use]
    pub fn socket_state(&self, id: SocketId) -> Option<TcpState> {
        self.sockets.get(id.0).filter(|socket| !socket.is_udp()).map(Socket::state)
    }

    /// Recv-Q of such a socket.
    #[must_use]
    pub fn recv_q(&self, id: SocketId) -> Option<u32> {
        self.sockets.get(id.0).filter(|socket| !socket.is_udp()).map(|socket| full_row(socket).recv_q)
    }

    /// Local port of such a socket.
    #[must_use]
    pub fn local_port(&self, id: SocketId) -> Option<Port> {
        self.sockets.get(id.0).map(Socket::local_port)
    }

    /// TCP sockets in no table: just made, inside `connect()`, or closed by the
    /// peer and still open as a descriptor.
    #[must_use]
    pub const fn tcp_unhashed(&self) -> u32 {
        self.gauges.tcp_alloc - self.gauges.tcp_inuse - self.gauges.tcp6_inuse
    }

    /// CPU time used on all CPUs, stolen time not counted.
    #[must_use]
    pub fn cpu_busy(&self, now: Instant) -> Duration {
        let usages = self.cpu_usage(now);
        usages.iter().fold(Duration::ZERO, |sum, usage| sum + usage.user + usage.system + usage.softirq)
    }

    /// Changes the share of busy CPU time that the hypervisor takes.
    ///
    /// # Errors
    /// If nothing were left.
    pub const fn set_steal(&mut self, share: Ratio) -> Result<(), CpuError> {
        self.cpus.set_steal(share)
    }

    /// What each CPU has done since the start.
    #[must_use]
    pub fn cpu_usage(&self, now: Instant) -> Vec<CpuUsage> {
        let ids = (0..self.cpus.count()).map(|cpu| CpuId(u16::try_from(cpu).expect("at most 4096 CPUs")));
        ids.map(|cpu| self.cpus.usage(cpu, now)).collect()
    }

    /// Inode, unread bytes and whether the FIN is there, of every TCP connection
    /// that a descriptor refers to and that has something to read.
    pub fn unread_queues(&self) -> impl Iterator<Item = (u32, Vec<Payload>, bool)> {
        let sockets = self.sockets.iter().map(|(_, socket)| socket);
        let open = sockets.filter(|socket| socket.listen().is_none() && !socket.is_udp() && socket.ino != 0);
        open.filter(|socket| socket.tcb.recv_q() > 0).map(|socket| {
            let tcb = &socket.tcb;
            (socket.ino, tcb.unread_payloads().cloned().collect(), tcb.recv_q() > tcb.unread())
        })
    }

    /// True if a process holds a listening socket.
    #[must_use]
    pub fn has_listener(&self, process: ProcIx) -> bool {
        self.sockets
            .iter()
            .any(|(_, socket)| socket.listen().is_some() && socket.owner.is_some_and(|o| o.process == process))
    }

    /// Ports of `ip_local_port_range` that connect() passes over whatever happens:
    /// owned by bound or listening sockets, or reserved.
    #[must_use]
    pub fn unusable_ports(&self) -> u32 {
        let range = self.sysctls().ip_local_port_range();
        let size = u32::from(range.high.0) + 1 - u32::from(range.low.0);
        size - self.usable_ports_by_parity().iter().sum::<u32>()
    }

    /// Ports of `ip_local_port_range` that connect() may take, on even and on odd numbers.
    #[must_use]
    pub fn usable_ports_by_parity(&self) -> [u32; 2] {
        let range = self.sysctls().ip_local_port_range();
        let (bound, reserved) = (self.bind.bound_ports(), self.sysctls().ip_local_reserved_ports());
        let mut usable = [0; 2];
        for port in (range.low.0..=range.high.0).map(Port).filter(|&p| !bound.contains(p) && !reserved.contains(p)) {
            usable[usize::from(port.0 & 1)] += 1;
        }
        usable
    }

    /// Every socket of simulated programs: listeners, then the
    /// established table in the kernel's bucket order, then UDP.
    #[must_use]
    pub fn socket_rows(&self) -> Vec<EntryView> {
        let hash =
            ListenHash::new(self.secrets.ehash, self.config.ram_bytes, !self.config.profile.version.since(5, 19));
        let mut rows: Vec<EntryView> = self
            .listeners
            .rows_in_hash_order(&hash)
            .iter()
            .map(|listener| full_row(self.socket(listener.socket)))
            .collect();
        rows.extend(self.established.rows_in_hash_order(&self.ehash).into_iter().map(|row| self.connection_row(row)));
        rows.extend(self.sockets.iter().filter(|(_, s)| s.is_udp() && s.local_port() != Port::NONE).map(
            |(_, socket)| {
                let queued = socket.udp().map_or(0, |udp| udp.queue.iter().map(|(data, _)| data.len()).sum());
                EntryView { udp: true, recv_q: queued, send_q: 0, timer: None, ..full_row(socket) }
            },
        ));
        rows
    }

    /// TCP listeners and connections in no particular order: cheaper than
    /// [`Kernel::socket_rows`] by the price of sorting.
    pub fn connection_rows(&self) -> impl Iterator<Item = EntryView> + '_ {
        let listeners = self.listeners.iter().map(|listener| full_row(self.socket(listener.socket)));
        listeners.chain(self.established.iter().map(|row| self.connection_row(row)))
    }

    /// Ports of `net.ipv4.ip_local_port_range` that somebody owns.
    #[must_use]
    pub fn ports_owned(&self) -> u32 {
        let range = self.config().sysctls.ip_local_port_range();
        (range.low.0..=range.high.0).map(|port| u32::from(self.bind.has_bucket(Port(port)))).sum()
    }

    /// Tells the states alone of [`Kernel::connection_rows`], for pictures drawn many times a second.
    pub fn each_state(&self, mut see: impl FnMut(&FourTuple, TcpState)) {
        for listener in self.listeners.iter() {
            see(&self.socket(listener.socket).tuple, TcpState::Listen);
        }
        for row in self.established.iter() {
            let state = match row.entry {
                EstablishedEntry::Full(id) => self.socket(id).state(),
                EstablishedEntry::TimeWait(id) => {
                    self.timewaits.get(id.0).map_or(TcpState::TimeWait, |minisock| minisock.sock.substate())
                }
                EstablishedEntry::Request(_) => TcpState::SynReceived,
            };
            see(&row.tuple, state);
        }
    }

    /// The row of a socket that a descriptor refers to.
    #[must_use]
    pub fn socket_row(&self, id: SocketId) -> Option<EntryView> {
        self.sockets.get(id.0).map(full_row)
    }

    /// The bytes of a connection that its program has not read; `None` if there
    /// is no such socket.
    #[must_use]
    pub fn unread(&self, tuple: FourTuple) -> Option<Vec<u8>> {
        let row = self.established.iter().find(|row| row.tuple == tuple)?;
        let EstablishedEntry::Full(id) = row.entry else { return None };
        let mut unread = Vec::new();
        for payload in self.socket(id).tcb.unread_payloads() {
            match payload.bytes() {
                Some(bytes) => unread.extend_from_slice(bytes),
                None => unread.resize(unread.len() + payload.len() as usize, 0),
            }
        }
        Some(unread)
    }

    fn connection_row(&self, row: EstablishedRow) -> EntryView {
        match row.entry {
            EstablishedEntry::Full(id) => full_row(self.socket(id)),
            EstablishedEntry::TimeWait(id) => {
                let minisock = self.timewaits.get(id.0).expect("the table refers to a live minisock");
                EntryView {
                    tuple: row.tuple,
                    state: minisock.sock.substate(),
                    inet6: minisock.inet6,
                    udp: false,
                    recv_q: 0,
                    send_q: 0,
                    timer: Some(TimerView { kind: TimerKind::TimeWait, expires: minisock.sock.expires, retries: 0 }),
                    owner: None,
                    ino: 0,
                }
            }
            EstablishedEntry::Request(id) => {
                let request = self.requests.get(id.0).expect("the table refers to a live request");
                EntryView {
                    tuple: row.tuple,
                    state: TcpState::SynReceived,
                    inet6: self.socket(request.listener).is_inet6(),
                    udp: false,
                    recv_q: 0,
                    send_q: 0,
                    timer: Some(TimerView {
                        kind: TimerKind::Retransmit,
                        expires: request.sock.deadline,
                        retries: request.sock.num_timeout,
                    }),
                    owner: None,
                    ino: 0,
                }
            }
        }
    }
}

fn full_row(socket: &Socket) -> EntryView {
    let (recv_q, send_q) = match socket.listen() {
        Some(listen) => (u32::try_from(listen.accept_queue.len()).unwrap_or(u32::MAX), listen.backlog),
        None => (socket.tcb.recv_q(), socket.tcb.send_q()),
    };
    EntryView {
        tuple: socket.tuple,
        state: socket.state(),
        inet6: socket.is_inet6(),
        udp: socket.is_udp(),
        recv_q,
        send_q,
        timer: socket.tcb.timer_view(),
        owner: socket.owner.map(|owner| (owner.process, owner.fd)),
        ino: socket.ino,
    }
}
