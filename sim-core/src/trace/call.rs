//! A completed system call with its arguments, for those who print them.

use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, HostId, Pid, TaskId};
use crate::wire::Payload;

/// A completed system call as a tracer sees it: the record, its arguments and
/// what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSeen {
    /// When it completed.
    pub at: Instant,
    /// Where.
    pub host: HostId,
    /// Process.
    pub pid: Pid,
    /// Thread.
    pub task: TaskId,
    /// Linux system-call name's index in [`crate::app::CallName`].
    pub name: u8,
    /// First descriptor argument, or the one returned; `None` for calls without.
    pub fd: Option<Fd>,
    /// When it was entered.
    pub entered: Instant,
    /// Value or error.
    pub result: Result<u32, Errno>,
    /// CPU time it was charged, stolen time not counted; waiting is not in it.
    pub cpu: Duration,
    /// CPU it ran on when it was entered.
    pub on_cpu: u16,
    /// What else the call was given or gave back.
    pub args: CallArgs,
}

/// Arguments and results of a call besides descriptor and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallArgs {
    /// None that a tracer prints.
    None,
    /// `socket`: family, type, `SOCK_NONBLOCK`.
    Socket {
        /// `AF_INET6` instead of `AF_INET`.
        inet6: bool,
        /// `SOCK_DGRAM` instead of `SOCK_STREAM`.
        dgram: bool,
        /// `SOCK_NONBLOCK` (with `SOCK_CLOEXEC`, as libraries set them).
        nonblock: bool,
    },
    /// `bind`, `connect`, `getsockname`, `getpeername`: an address.
    Addr(Endpoint),
    /// `listen`.
    Backlog(u32),
    /// `accept4`: the peer, if there was one.
    Accepted {
        /// Its address.
        peer: Option<Endpoint>,
        /// `SOCK_NONBLOCK`.
        nonblock: bool,
    },
    /// `sendto`: bytes, and an address if one was given.
    Sent {
        /// Bytes.
        data: Payload,
        /// Destination of a socket that is not connected.
        to: Option<Endpoint>,
    },
    /// `sendmmsg`: the datagrams.
    SentMany(Vec<Payload>),
    /// `recvfrom`.
    Received {
        /// Size of the buffer.
        max: u32,
        /// `MSG_PEEK`.
        peek: bool,
        /// `MSG_DONTWAIT`.
        dontwait: bool,
        /// What came, and for UDP from whom.
        data: Payload,
        /// Sender of a datagram.
        from: Option<Endpoint>,
    },
    /// `shutdown`: 0 `SHUT_RD`, 1 `SHUT_WR`, 2 `SHUT_RDWR`.
    How(u8),
    /// `poll`.
    Poll {
        /// Descriptor, bits asked for and bits returned, of each entry.
        fds: Vec<(Fd, u16, u16)>,
        /// Whole milliseconds; `None` for ever.
        timeout_ms: Option<u64>,
    },
    /// `fcntl(F_SETFL)`: `O_NONBLOCK` or not.
    SetFlags {
        /// `O_NONBLOCK`.
        nonblock: bool,
    },
    /// `fcntl(F_GETFL)`.
    GetFlags,
    /// `setsockopt`, `getsockopt`.
    Option {
        /// `level`, with its Linux number.
        level: u16,
        /// `optname`, with its Linux number.
        name: u16,
        /// The value set or got.
        value: u32,
    },
    /// `openat`, `stat`: a path.
    Path(&'static str),
    /// `read`, `write`: the count asked for.
    Count(u32),
    /// `clock_nanosleep`.
    Sleep(Duration),
    /// `futex(FUTEX_WAIT)`: the time-out, if any.
    Wait(Option<Duration>),
}
