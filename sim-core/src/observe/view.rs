//! A host at one instant, as its tools would read it from the kernel.
//!
//! Plain data without references into the world, so a view can be kept,
//! compared and printed after the world has moved on.

use super::rlimits::Rlimits;
use crate::app::AppStatus;
use crate::kernel::CostProfile;
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::time::{Duration, Instant};
use crate::trace::{CallSeen, Counters};
use crate::units::{Endpoint, Fd, Pid};
use crate::wire::Payload;

/// A host at one instant.
#[derive(Clone, Debug)]
pub struct HostView {
    /// Its name in the scenario.
    pub name: String,
    /// Kernel release as `uname -r` prints it.
    pub release: String,
    /// The instant.
    pub now: Instant,
    /// `CONFIG_HZ`, jiffies per second: remaining times are shown in whole jiffies.
    pub hz: u32,
    /// Unix time of [`Instant::ZERO`] in seconds, for tools that print a date.
    pub start_unix: u64,
    /// Time since boot.
    pub uptime: Duration,
    /// Number of CPUs.
    pub cpus: u32,
    /// RAM in bytes.
    pub ram_bytes: u64,
    /// Sockets in the order of the kernel's tables: listening sockets, then the
    /// established table; UDP sockets anywhere.
    pub sockets: Vec<SocketView>,
    /// Counts of `/proc/net/sockstat` and `sockstat6`.
    pub sockstat: SockStat,
    /// `Tcp: CurrEstab` of `/proc/net/snmp`. Since Linux 6.10 (5.10.220, …) it includes CLOSE_WAIT.
    pub curr_estab: u64,
    /// MIB counters of the network namespace.
    pub counters: Counters,
    /// Name and value of every sysctl, values as `/proc/sys` holds them (tabs between numbers).
    pub sysctls: Vec<(String, String)>,
    /// Processes.
    pub processes: Vec<ProcessView>,
    /// Limits of the operator's own shell: what `ulimit` shows.
    pub shell: Rlimits,
    /// What its CPUs take for each operation: a model, unlike all else here.
    pub cost: CostProfile,
    /// Unread bytes, by inode; of sockets that have none, and no FIN, nothing.
    pub unread: Vec<UnreadView>,
}

/// What waits in a socket's receive queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadView {
    /// The socket's inode.
    pub ino: u32,
    /// Runs of bytes received and not read, oldest first.
    pub runs: Vec<Payload>,
    /// The peer's FIN is behind them and counts as one in Recv-Q.
    pub fin: bool,
}

impl UnreadView {
    /// The bytes; zeros where the sender gave only a length.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.runs.iter().flat_map(Payload::to_vec).collect()
    }
}

impl HostView {
    /// The process of this id.
    #[must_use]
    pub fn process(&self, pid: Pid) -> Option<&ProcessView> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    /// The process a tool with a PID argument looks at when none is named: the
    /// first client, else the first process.
    #[must_use]
    pub fn default_process(&self) -> Option<&ProcessView> {
        self.processes.iter().find(|process| process.client).or_else(|| self.processes.first())
    }

    /// What the first MySQL server of the host shows of itself.
    #[must_use]
    pub fn mysql(&self) -> Option<&AppStatus> {
        self.processes.iter().map(|process| &process.app).find(|app| !app.variables.is_empty())
    }

    /// Sockets in `state`; minisocks count in the substate they are shown with.
    #[must_use]
    pub fn count(&self, state: TcpState) -> usize {
        self.sockets.iter().filter(|socket| socket.transport == Transport::Tcp && socket.state == state).count()
    }
}

/// TCP or UDP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    /// `tcp`.
    Tcp,
    /// `udp`.
    Udp,
}

/// Address family of a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NetFamily {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`, dual-stack: its addresses are IPv4-mapped, its wildcard is `::`.
    V6,
}

/// One socket, minisock or request socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketView {
    /// Protocol.
    pub transport: Transport,
    /// Family of the socket, which is not that of the packets for a dual-stack listener's children.
    pub family: NetFamily,
    /// State; a minisock shows its substate, a request socket SYN_RECV, an
    /// unconnected UDP socket CLOSED, a connected one ESTABLISHED.
    pub state: TcpState,
    /// LISTEN: accept-queue length. Others: `rcv_nxt - copied_seq`, where a received FIN counts 1.
    pub recv_q: u32,
    /// LISTEN: backlog. Others: `write_seq - snd_una`.
    pub send_q: u32,
    /// This end.
    pub local: Endpoint,
    /// The other end, [`Endpoint::ANY`] when there is none.
    pub remote: Endpoint,
    /// The armed timer tools show (`idiag_timer`), if any; never the delayed-ACK timer.
    pub timer: Option<SocketTimer>,
    /// The process that holds it; `None` for minisocks, requests, orphans and
    /// connections still in an accept queue.
    pub owner: Option<SocketOwner>,
    /// Owner's user id.
    pub uid: u32,
    /// Inode number; 0 without a file.
    pub ino: u32,
}

/// The descriptor a socket is open as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketOwner {
    /// Process.
    pub pid: Pid,
    /// Descriptor in it.
    pub fd: Fd,
}

/// A running timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketTimer {
    /// Which.
    pub kind: TimerKind,
    /// Until it fires.
    pub remaining: Duration,
    /// `icsk_retransmits`.
    pub retransmits: u8,
    /// `icsk_probes_out`: zero-window and keepalive probes.
    pub probes: u8,
}

impl SocketTimer {
    /// Whole jiffies left: expiry and clock are both counted in jiffies, the
    /// clock rounded down, so the difference rounds up.
    #[must_use]
    pub fn jiffies(self, hz: u32) -> u64 {
        let product = u128::from(self.remaining.nanos()) * u128::from(hz);
        u64::try_from(product.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

/// Counts of `/proc/net/sockstat` and `/proc/net/sockstat6`.
///
/// `inuse` is the sockets in the hash tables of the namespace, listeners
/// included, minisocks not; `alloc` and `orphan` are host-wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockStat {
    /// `sockets: used`, every protocol family.
    pub used: u64,
    /// `TCP: inuse`.
    pub tcp_inuse: u64,
    /// `TCP6: inuse`.
    pub tcp6_inuse: u64,
    /// `TCP: orphan`.
    pub orphan: u64,
    /// `TCP: tw`: minisocks of both substates.
    pub tw: u64,
    /// `TCP: alloc`: TCP sockets that exist, hashed or not.
    pub alloc: u64,
    /// `TCP: mem`, pages.
    pub tcp_mem: u64,
    /// `UDP: inuse`.
    pub udp_inuse: u64,
    /// `UDP: mem`, pages.
    pub udp_mem: u64,
    /// `UDP6: inuse`.
    pub udp6_inuse: u64,
    /// `RAW: inuse`.
    pub raw_inuse: u64,
    /// `RAW6: inuse`.
    pub raw6_inuse: u64,
    /// `FRAG: inuse`: reassembly queues.
    pub frag_inuse: u64,
    /// `FRAG6: inuse`.
    pub frag6_inuse: u64,
}

impl SockStat {
    /// Every TCP socket and minisock: the number after `TCP:` in `ss -s`.
    #[must_use]
    pub const fn tcp_total(&self) -> u64 {
        self.alloc + self.tw
    }
    /// `closed` of `ss -s`: sockets in no table, plus (sic) the minisocks,
    /// which `inuse` leaves out and the total holds.
    #[must_use]
    pub const fn closed(&self) -> u64 {
        self.tcp_total().saturating_sub(self.tcp_inuse + self.tcp6_inuse)
    }
}

/// A process.
#[derive(Clone, Debug, Default)]
pub struct ProcessView {
    /// Process id.
    pub pid: Pid,
    /// Command name, at most 15 characters (`TASK_COMM_LEN`).
    pub name: String,
    /// It connects rather than listens: what tools look at by default.
    pub client: bool,
    /// Resource limits.
    pub limits: Rlimits,
    /// Open descriptors in ascending order.
    pub fds: Vec<FdView>,
    /// The calls its threads are in, by thread; one on a CPU between two calls has none.
    pub calls: Vec<CallSeen>,
    /// What the program shows of itself.
    pub app: AppStatus,
}

/// An open descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdView {
    /// Number.
    pub fd: Fd,
    /// What it refers to.
    pub target: FdTarget,
    /// How it was opened.
    pub access: Access,
}

/// What a descriptor refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FdTarget {
    /// A socket, by inode.
    Socket(u32),
    /// A pipe, by inode.
    Pipe(u32),
    /// A file, by path.
    File(String),
    /// An anonymous inode: `eventpoll`, `eventfd`.
    Anon(&'static str),
}

/// How a descriptor was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_time_is_whole_jiffies_rounded_up() {
        let timer = |ns| SocketTimer {
            kind: TimerKind::TimeWait,
            remaining: Duration::from_nanos(ns),
            retransmits: 0,
            probes: 0,
        };
        assert_eq!(timer(60_000_000_000).jiffies(250), 15_000);
        assert_eq!(timer(59_996_000_001).jiffies(250), 15_000);
        assert_eq!(timer(0).jiffies(250), 0);
    }

    #[test]
    fn closed_of_the_first_published_block() {
        let stat = SockStat { alloc: 18_474, tw: 18_077, tcp_inuse: 18_271, tcp6_inuse: 165, ..SockStat::default() };
        assert_eq!((stat.tcp_total(), stat.closed()), (36_551, 18_115));
    }
}
