//! A full socket: `struct sock` with what hangs on it.

use core::hint::cold_path;
use std::collections::VecDeque;

use super::bind_table::BindOwner;
use super::config::PortRange;
use super::packets::NOWHERE;
use crate::app::Domain;
use crate::errno::Errno;
use crate::tcp::{Tcb, TcpState};
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, FourTuple, Port, ProcIx, SocketId, TaskRef};
use crate::wire::Payload;

/// A descriptor that refers to a socket: owner of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) process: ProcIx,
    pub(crate) fd: Fd,
}

/// A TCP or UDP socket.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    /// Control block; unused (CLOSED) for UDP.
    pub(crate) tcb: Tcb,
    /// Local and remote end; zeros where not chosen.
    pub(crate) tuple: FourTuple,
    /// The file, or `None`: an orphan, or a child waiting to be accepted.
    pub(crate) owner: Option<Owner>,
    /// Threads blocked on it.
    pub(crate) waiters: Waiters,
    /// When its live queue entry fires; [`Instant::MAX`] without one.
    pub(crate) timer_queued: Instant,
    /// What few sockets have.
    pub(crate) rare: Option<Box<Rare>>,
    /// Inode number of its file.
    pub(crate) ino: u32,
    /// The other end's socket in its host's arena, as heard last; not to be believed unchecked.
    pub(crate) peer: SocketId,
    pub(crate) flags: SocketFlags,
    /// What the bind table knows it as, while it owns a port.
    pub(crate) bucket: Option<BindOwner>,
}

/// Parts that most sockets do not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    /// State of a listening socket.
    pub(crate) listen: Option<ListenState>,
    /// State of a UDP socket.
    pub(crate) udp: Option<UdpState>,
    /// `SO_RCVTIMEO`.
    pub(crate) rcvtimeo: Option<Duration>,
    /// `SO_SNDTIMEO`.
    pub(crate) sndtimeo: Option<Duration>,
    /// `IP_LOCAL_PORT_RANGE`.
    pub(crate) local_port_range: Option<PortRange>,
    /// Bytes of a blocking `send` already queued when it had to wait.
    pub(crate) send_progress: u32,
    /// `TCP_DEFER_ACCEPT`, seconds.
    pub(crate) defer_accept: u32,
}

/// Small facts of a socket, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SocketFlags(u16);

impl SocketFlags {
    /// `SOCK_DGRAM`.
    pub(crate) const DGRAM: u16 = 1 << 0;
    /// `AF_INET6`.
    pub(crate) const INET6: u16 = 1 << 1;
    /// `SO_REUSEADDR`.
    pub(crate) const REUSEADDR: u16 = 1 << 2;
    /// `SO_REUSEPORT`.
    pub(crate) const REUSEPORT: u16 = 1 << 3;
    /// `IP_BIND_ADDRESS_NO_PORT`.
    pub(crate) const BIND_NO_PORT: u16 = 1 << 4;
    /// Port chosen by `bind()` (`SOCK_BINDPORT_LOCK`): kept over a failed connect.
    pub(crate) const BINDPORT_LOCK: u16 = 1 << 5;
    /// Address chosen by `bind()` (`SOCK_BINDADDR_LOCK`).
    pub(crate) const BINDADDR_LOCK: u16 = 1 << 6;
    /// In the established table or the listener table.
    pub(crate) const HASHED: u16 = 1 << 7;
    /// Closed by its process, still alive: counted in `orphan`.
    pub(crate) const ORPHAN: u16 = 1 << 9;
    /// In a listener's accept queue.
    pub(crate) const UNACCEPTED: u16 = 1 << 10;
    /// `IPV6_V6ONLY`.
    pub(crate) const V6ONLY: u16 = 1 << 11;
    /// Its port came from `bind()`, `listen()` or a listener, not from the search in `connect()`.
    pub(crate) const BOUND: u16 = 1 << 12;
    /// `SS_CONNECTING`: a `connect()` has begun whose outcome no call has returned yet.
    pub(crate) const CONNECTING: u16 = 1 << 13;
    /// `SS_CONNECTED`: `connect()` or `accept()` returned it as connected; that lasts beyond the connection.
    pub(crate) const CONNECTED: u16 = 1 << 14;

    /// In the established table, or a listener.
    pub(crate) const fn is_hashed_tcp(self) -> bool {
        self.0 & (Self::HASHED | Self::DGRAM) == Self::HASHED
    }
    pub(crate) const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
    pub(crate) fn set(&mut self, bit: u16, on: bool) {
        if on {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
    }
}

/// Queues of a listening socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListenState {
    /// `sk_max_ack_backlog`: min(backlog, somaxconn).
    pub(crate) backlog: u32,
    /// Established children not yet accepted.
    pub(crate) accept_queue: VecDeque<SocketId>,
    /// Requests in SYN_RECV (`reqsk_queue_len`).
    pub(crate) requests: u32,
    /// Requests that never had their SYN-ACK retransmitted.
    pub(crate) young: u32,
    /// When a SYN cookie was last sent: ACKs without a request are only
    /// believed for a while after that (`tcp_synq_no_recent_overflow`).
    pub(crate) last_cookie: Option<Instant>,
}

impl ListenState {
    /// `sk_acceptq_is_full`.
    pub(crate) fn is_full(&self) -> bool {
        u32::try_from(self.accept_queue.len()).unwrap_or(u32::MAX) > self.backlog
    }
}

/// State of a UDP socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct UdpState {
    pub(crate) queue: VecDeque<(Payload, Endpoint)>,
    pub(crate) error: Option<Errno>,
}

/// Threads waiting on a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waiters {
    #[default]
    None,
    One(TaskRef),
    #[expect(
        clippy::box_collection,
        reason = "one word in every socket instead of three; few sockets have many waiters"
    )]
    Many(Box<Vec<TaskRef>>),
}

impl Waiters {
    #[inline]
    pub(crate) fn add(&mut self, task: TaskRef) {
        match self {
            Self::None => *self = Self::One(task),
            Self::One(first) if *first == task => {}
            Self::One(_) | Self::Many(_) => self.add_another(task),
        }
    }
    #[cold]
    fn add_another(&mut self, task: TaskRef) {
        match self {
            Self::None => {}
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, task])),
            Self::Many(all) => {
                if !all.contains(&task) {
                    all.push(task);
                }
            }
        }
    }
    #[inline]
    pub(crate) fn remove(&mut self, task: TaskRef) {
        match self {
            Self::None => {}
            Self::One(first) => {
                if *first == task {
                    *self = Self::None;
                }
            }
            Self::Many(all) => all.retain(|t| *t != task),
        }
    }
    /// Moves all waiters to `wakes`.
    #[inline]
    pub(crate) fn drain_into(&mut self, wakes: &mut Vec<TaskRef>) {
        match core::mem::take(self) {
            Self::None => {}
            Self::One(task) => wakes.push(task),
            Self::Many(all) => {
                cold_path();
                wakes.extend(all.iter());
            }
        }
    }
}

impl Socket {
    pub(crate) fn new(tcb: Tcb, domain: Domain, dgram: bool, ino: u32) -> Self {
        let mut flags = SocketFlags::default();
        flags.set(SocketFlags::DGRAM, dgram);
        flags.set(SocketFlags::INET6, domain == Domain::Inet6);
        Self {
            tcb,
            tuple: FourTuple { local: Endpoint::ANY, remote: Endpoint::ANY },
            owner: None,
            waiters: Waiters::None,
            timer_queued: Instant::MAX,
            rare: dgram.then(|| Box::new(Rare { udp: Some(UdpState::default()), ..Rare::default() })),
            ino,
            peer: NOWHERE,
            flags,
            bucket: None,
        }
    }

    pub(crate) const fn is_udp(&self) -> bool {
        self.flags.has(SocketFlags::DGRAM)
    }
    pub(crate) const fn is_inet6(&self) -> bool {
        self.flags.has(SocketFlags::INET6)
    }
    pub(crate) fn state(&self) -> TcpState {
        self.tcb.state()
    }
    /// `inet_num`: none once the port was given back, although `getsockname()`
    /// (`inet_sport`) goes on naming it.
    pub(crate) const fn local_port(&self) -> Port {
        if self.is_udp() || self.bucket.is_some() { self.tuple.local.port() } else { Port::NONE }
    }
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
    pub(crate) fn listen(&self) -> Option<&ListenState> {
        self.rare.as_ref()?.listen.as_ref()
    }
    pub(crate) fn listen_mut(&mut self) -> Option<&mut ListenState> {
        self.rare.as_mut()?.listen.as_mut()
    }
    pub(crate) fn udp(&self) -> Option<&UdpState> {
        self.rare.as_ref()?.udp.as_ref()
    }
    pub(crate) fn udp_mut(&mut self) -> Option<&mut UdpState> {
        self.rare.as_mut()?.udp.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::TaskId;

    #[test]
    fn waiters_are_kept_once_and_drained_in_order() {
        let task = |n| TaskRef { process: ProcIx(0), task: TaskId(n) };
        let mut waiters = Waiters::default();
        for n in [1, 2, 2, 3] {
            waiters.add(task(n));
        }
        waiters.remove(task(2));
        let mut wakes = Vec::new();
        waiters.drain_into(&mut wakes);
        assert_eq!(wakes, [task(1), task(3)]);
        assert_eq!(waiters, Waiters::None);
    }
}
