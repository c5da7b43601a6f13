//! A program is a state machine that makes one system call at a time.
//!
//! The world calls [`App::resume`] with the result of a thread's last call and
//! gets the next one. The call costs CPU time by the host's cost profile, takes
//! effect atomically when that time is over, and may then block. Nothing else
//! is offered: a program cannot reach the queue, other hosts or observers, so
//! any program is safe to add.

use core::fmt;

use crate::errno::Errno;
use crate::rng::SimRng;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, Ipv4Addr, Pid, TaskId};
use crate::wire::Payload;

/// A program: all threads of one process.
///
/// A program stays on the thread that runs its world, so it need not be `Send`;
/// worlds for several threads are built one in each.
pub trait App {
    /// What thread `task` does next, given how it was resumed.
    ///
    /// The process starts as one thread, task 0, resumed with
    /// [`Resume::Started`] of token 0. Task numbers of ended threads are reused.
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call;

    /// A copy in the same state, for forking a world; `None` if it cannot be copied.
    fn fork(&self) -> Option<Box<dyn App>>;

    /// An order from the scenario's timeline (`kill session`, `set global`, …).
    ///
    /// Runs outside any thread; to act through system calls, store the order
    /// and wake a thread that waits in [`Call::FutexWait`].
    ///
    /// # Errors
    /// When the program does not know the order or cannot carry it out now.
    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        let _ = cx;
        Err(ControlError::Unknown(control.to_string()))
    }

    /// What the program shows of itself: status variables, process list.
    fn status(&self, now: Instant) -> AppStatus {
        let _ = now;
        AppStatus::default()
    }

    /// True if the program has timers that none of its system calls speaks of; the
    /// world then asks for them with [`App::next_timer`] before time passes.
    fn has_own_timers(&self) -> bool {
        false
    }

    /// When such a timer may be due, if by `limit`. Asked only while thread 0 waits in
    /// [`Call::Poll`]; at that moment the world calls [`App::tick`].
    fn next_timer(&mut self, now: Instant, limit: Instant) -> Option<Instant> {
        let _ = (now, limit);
        None
    }

    /// The moment given by [`App::next_timer`] has come. True if the program has
    /// calls to make: its `poll()` then ends as timed out.
    fn tick(&mut self, now: Instant) -> bool {
        let _ = now;
        false
    }

    /// Who opened a descriptor, where the program keeps account of it.
    fn opened_by(&self, fd: Fd) -> Option<String> {
        let _ = fd;
        None
    }

    /// The calls of thread 0 in order, each with when it was decided on and what it returned,
    /// where the program keeps account of them.
    fn made_calls(&self) -> Vec<(Instant, Call, Option<CallResult>)> {
        Vec::new()
    }

    /// Which part of the program made the call that was entered at `entered`,
    /// where it keeps account of it.
    fn acted_at(&self, entered: Instant) -> Option<String> {
        let _ = entered;
        None
    }

    /// The current value of one numeric metric of the program (a MySQL status
    /// variable such as `Threads_connected`, a counter of a client), cheap
    /// enough to be read after every event.
    fn metric(&self, name: &str) -> Option<u64> {
        let _ = name;
        None
    }
}

/// How a thread comes to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// A new thread: the token given to [`Call::Spawn`], 0 for the first.
    Started(u64),
    /// Its system call completed.
    Done(CallResult),
}

/// Result of a system call.
pub type CallResult = Result<Ret, Errno>;

/// Value of a successful system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ret {
    /// 0.
    Done,
    /// A new descriptor (`socket`, `open`).
    Fd(Fd),
    /// A number of bytes, or whatever number the call returns.
    Count(u32),
    /// `accept`: the new descriptor and the peer.
    Accepted(Fd, Endpoint),
    /// `recv`, `read`: the bytes; empty at end of stream.
    Data(Payload),
    /// `recvfrom` on UDP: the datagram and its sender.
    Datagram(Payload, Endpoint),
    /// `poll`: the set with `revents` filled in; all empty after a time-out.
    Ready(PollSet),
    /// `getsockname`, `getpeername`.
    Name(Endpoint),
    /// `clone`: the new thread.
    Task(TaskId),
    /// `getrlimit(RLIMIT_NOFILE)`.
    Limits(Limits),
}

/// RLIMIT_NOFILE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// Address family of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    /// `AF_INET`.
    Inet,
    /// `AF_INET6`, only as a dual-stack listener and what it accepts.
    Inet6,
}

/// Type of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SockType {
    /// `SOCK_STREAM` (TCP).
    Stream,
    /// `SOCK_DGRAM` (UDP).
    Dgram,
}

/// What `open` opens: enough to make a process's descriptors look right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// `/etc/hosts`, with its length in bytes.
    EtcHosts(u32),
    /// `/dev/null`, the terminal, a log: anything else by its path.
    Path(&'static str),
}

/// `shutdown`'s second argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum ShutdownHow {
    /// `SHUT_RD`.
    Read,
    /// `SHUT_WR`.
    Write,
    /// `SHUT_RDWR`.
    Both,
}

/// Socket options that exist in the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketOption {
    /// `SO_REUSEADDR`.
    ReuseAddr(bool),
    /// `SO_REUSEPORT`.
    ReusePort(bool),
    /// `SO_ERROR`: get only; the value is the errno number, and it is cleared.
    Error,
    /// `SO_RCVTIMEO`; zero means for ever.
    RcvTimeo(Duration),
    /// `SO_SNDTIMEO`; zero means for ever.
    SndTimeo(Duration),
    /// `IP_BIND_ADDRESS_NO_PORT`.
    BindAddressNoPort(bool),
    /// `IP_LOCAL_PORT_RANGE`: low and high, 0 for "from the sysctl".
    LocalPortRange(u16, u16),
    /// `IPV6_V6ONLY`.
    V6Only(bool),
    /// `IP_RECVERR` (set by glibc's resolver; the model only counts the call).
    RecvErr(bool),
    /// `TCP_DEFER_ACCEPT`, in seconds.
    DeferAccept(u32),
    /// An option of the TCP machine.
    Tcp(crate::tcp::TcpSocketOption),
}

/// `poll` event bits, with their Linux values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PollEvents(pub u16);

impl PollEvents {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Data, a connection or end of stream to take.
    pub const IN: Self = Self(0x001);
    /// Room to write, or connect finished.
    pub const OUT: Self = Self(0x004);
    /// Error pending.
    pub const ERR: Self = Self(0x008);
    /// Both directions shut.
    pub const HUP: Self = Self(0x010);
    /// Not an open descriptor.
    pub const NVAL: Self = Self(0x020);
    /// The peer shut its writing side.
    pub const RDHUP: Self = Self(0x2000);
    /// All bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// True if any bit of `other` is set.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// One entry of a poll set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollFd {
    /// The descriptor.
    pub fd: Fd,
    /// Bits asked for.
    pub events: PollEvents,
    /// Bits returned.
    pub revents: PollEvents,
}

/// The descriptors given to `poll`. One costs no allocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PollSet {
    /// A single descriptor.
    One(PollFd),
    /// Several.
    Many(Box<[PollFd]>),
}

impl PollSet {
    /// A set of one descriptor.
    #[must_use]
    pub const fn one(fd: Fd, events: PollEvents) -> Self {
        Self::One(PollFd { fd, events, revents: PollEvents::NONE })
    }
    /// A set of several.
    #[must_use]
    pub fn many(fds: &[(Fd, PollEvents)]) -> Self {
        Self::Many(fds.iter().map(|&(fd, events)| PollFd { fd, events, revents: PollEvents::NONE }).collect())
    }
    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[PollFd] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
    /// The entries, to fill in `revents`.
    pub fn entries_mut(&mut self) -> &mut [PollFd] {
        match self {
            Self::One(one) => core::slice::from_mut(one),
            Self::Many(many) => many,
        }
    }
    /// Number of entries with `revents`, `poll`'s return value.
    #[must_use]
    pub fn ready(&self) -> usize {
        let answered = |entry: &PollFd| entry.revents != PollEvents::NONE;
        match self {
            Self::One(one) => usize::from(answered(one)),
            Self::Many(many) => many.iter().filter(|&entry| answered(entry)).count(),
        }
    }
    /// What was returned for `fd`.
    #[must_use]
    pub fn revents(&self, fd: Fd) -> PollEvents {
        self.entries().iter().find(|e| e.fd == fd).map_or(PollEvents::NONE, |e| e.revents)
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $variant:ident $({ $($(#[$fdoc:meta])* $field:ident : $ty:ty,)* })? = $name:literal;)*) => {
        /// A system call, or one of the few other things a thread can do.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Call { $($(#[$doc])* $variant $({ $($(#[$fdoc])* $field: $ty,)* })?,)* }

        /// A call without its arguments, as `strace` names it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
        #[repr(u8)]
        pub enum CallName { $(#[doc = concat!("`", $name, "`.")] $variant,)* }

        impl CallName {
            /// All names, by discriminant.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The system call's name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
        }
        impl Call {
            /// Which call it is.
            #[must_use]
            pub const fn name(&self) -> CallName { match self { $(Self::$variant { .. } => CallName::$variant,)* } }
        }
    };
}

calls! {
    /// `socket()`: lowest free descriptor, or `EMFILE`/`ENFILE`.
    Socket {
        /// Address family.
        domain: Domain,
        /// Type.
        ty: SockType,
        /// `SOCK_NONBLOCK`.
        nonblock: bool,
    } = "socket";
    /// `bind()`. Port 0 asks for an automatic one.
    Bind {
        /// Socket.
        fd: Fd,
        /// Where to.
        addr: Endpoint,
    } = "bind";
    /// `listen()`.
    Listen {
        /// Socket.
        fd: Fd,
        /// Backlog, capped by `net.core.somaxconn`.
        backlog: u32,
    } = "listen";
    /// `accept4()`. Blocks unless the socket is non-blocking.
    Accept {
        /// Listening socket.
        fd: Fd,
        /// `SOCK_NONBLOCK` for the new socket.
        nonblock: bool,
    } = "accept4";
    /// `connect()`. A non-blocking TCP socket gets `EINPROGRESS`.
    Connect {
        /// Socket.
        fd: Fd,
        /// Destination.
        addr: Endpoint,
    } = "connect";
    /// `sendto()` on a connected socket, `write()`.
    Send {
        /// Socket.
        fd: Fd,
        /// Bytes.
        data: Payload,
    } = "sendto";
    /// `recvfrom()` without an address buffer.
    Recv {
        /// Socket.
        fd: Fd,
        /// Most bytes to take.
        max: u32,
        /// `MSG_PEEK`.
        peek: bool,
        /// `MSG_DONTWAIT`.
        dontwait: bool,
    } = "recvfrom";
    /// `sendmmsg()`: several datagrams on a connected UDP socket.
    Sendmmsg {
        /// Socket.
        fd: Fd,
        /// Their payloads.
        datagrams: Vec<Payload>,
    } = "sendmmsg";
    /// `sendto()` with an address (UDP).
    SendTo {
        /// Socket.
        fd: Fd,
        /// Destination.
        addr: Endpoint,
        /// Bytes.
        data: Payload,
    } = "sendto";
    /// `shutdown()`.
    Shutdown {
        /// Socket.
        fd: Fd,
        /// Which side.
        how: ShutdownHow,
    } = "shutdown";
    /// `close()`.
    Close {
        /// Descriptor.
        fd: Fd,
    } = "close";
    /// `poll()`. Time-outs are hrtimers; `None` waits for ever.
    Poll {
        /// Descriptors.
        set: PollSet,
        /// How long to wait.
        timeout: Option<Duration>,
    } = "poll";
    /// `fcntl(F_SETFL)` with or without `O_NONBLOCK`.
    SetNonblock {
        /// Descriptor.
        fd: Fd,
        /// `O_NONBLOCK` set?
        on: bool,
    } = "fcntl";
    /// `fcntl(F_GETFL)`: [`Ret::Count`] of the flags (`O_RDWR` 2, `O_NONBLOCK` 2048).
    GetFl {
        /// Descriptor.
        fd: Fd,
    } = "fcntl";
    /// `setsockopt()`.
    SetSockOpt {
        /// Socket.
        fd: Fd,
        /// Option and value.
        option: SocketOption,
    } = "setsockopt";
    /// `getsockopt()`: [`Ret::Count`] of the value; the value given is ignored.
    GetSockOpt {
        /// Socket.
        fd: Fd,
        /// Which option.
        option: SocketOption,
    } = "getsockopt";
    /// `getsockname()`.
    GetSockName {
        /// Socket.
        fd: Fd,
    } = "getsockname";
    /// `getpeername()`.
    GetPeerName {
        /// Socket.
        fd: Fd,
    } = "getpeername";
    /// `ioctl(FIONREAD)`: [`Ret::Count`] of readable bytes.
    IoctlFionread {
        /// Socket.
        fd: Fd,
    } = "ioctl";
    /// `openat()`: lowest free descriptor, or `EMFILE`/`ENFILE`.
    Open {
        /// What.
        file: FileKind,
    } = "openat";
    /// `read()` on a file: [`Ret::Count`], 0 at its end.
    Read {
        /// Descriptor.
        fd: Fd,
        /// Most bytes to take.
        max: u32,
    } = "read";
    /// `write()` on a file or terminal.
    Write {
        /// Descriptor.
        fd: Fd,
        /// Bytes.
        len: u32,
    } = "write";
    /// `fstat()`.
    Fstat {
        /// Descriptor.
        fd: Fd,
    } = "fstat";
    /// `stat()`.
    Stat {
        /// Path.
        path: &'static str,
    } = "stat";
    /// `lseek()`.
    Lseek {
        /// Descriptor.
        fd: Fd,
    } = "lseek";
    /// `mprotect()`: a heap that grows.
    Mprotect = "mprotect";
    /// `getpid()`.
    Getpid = "getpid";
    /// `getrlimit(RLIMIT_NOFILE)`.
    GetRlimit = "prlimit64";
    /// `setrlimit(RLIMIT_NOFILE)`.
    SetRlimit {
        /// New limits.
        limits: Limits,
    } = "prlimit64";
    /// `clock_nanosleep()`: an hrtimer plus timer slack.
    Nanosleep {
        /// How long.
        duration: Duration,
    } = "clock_nanosleep";
    /// `clone()` of a thread; it starts with [`Resume::Started`] of the token.
    Spawn {
        /// Handed to the new thread.
        token: u64,
    } = "clone";
    /// Waits until [`AppContext::wake`] names this thread (`futex(FUTEX_WAIT)`);
    /// completes with [`Ret::Done`], or [`Errno::TimedOut`].
    FutexWait {
        /// Longest wait; `None` for ever.
        timeout: Option<Duration>,
    } = "futex";
    /// User-space work: CPU time without a system call.
    Compute {
        /// CPU time.
        duration: Duration,
    } = "(user)";
    /// Ends this thread. Does not return.
    ExitTask = "exit";
    /// Ends the process; every descriptor is closed. Does not return.
    ExitProcess {
        /// Status; 128 + signal number for a crash.
        status: u32,
    } = "exit_group";
}

/// What a program may ask of its surroundings while it decides on its next call.
#[derive(Debug)]
pub struct AppContext<'a> {
    /// Current time (`CLOCK_MONOTONIC` starts at 0 with the scenario).
    pub now: Instant,
    /// The process's id.
    pub pid: Pid,
    /// The process's random stream.
    pub rng: &'a mut SimRng,
    /// Threads of this process to wake from [`Call::FutexWait`]; the world
    /// empties it after the step.
    pub wakes: &'a mut Vec<TaskId>,
    /// Number of CPUs of the host.
    pub cpus: u32,
}

impl AppContext<'_> {
    /// Wakes a thread of the same process that waits in [`Call::FutexWait`].
    /// A wake for a thread not waiting is kept and satisfies its next wait at once.
    pub fn wake(&mut self, task: TaskId) {
        self.wakes.push(task);
    }
}

/// An order from the timeline to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// An SQL statement: executed by a MySQL client over its session, or by
    /// the server itself as if from its own console.
    Sql(String),
    /// `kill session`: MySQL `KILL` of the oldest session opened from this
    /// process name's host address, or of this id.
    KillSession(u64),
    /// Connect now (a client that waits for orders).
    Connect,
    /// Close every connection and stop (`SIGTERM`).
    Stop,
}
impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(text) => write!(f, "sql {text:?}"),
            Self::KillSession(id) => write!(f, "kill session {id}"),
            Self::Connect => f.write_str("connect"),
            Self::Stop => f.write_str("stop"),
        }
    }
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The program knows no such order.
    #[error("this program does not understand `{0}`")]
    Unknown(String),
    /// It knows the order but cannot carry it out.
    #[error("{0}")]
    Refused(String),
}

/// What a program shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppStatus {
    /// `SHOW GLOBAL STATUS`: name and value, in the order the server prints.
    pub status: Vec<(String, String)>,
    /// `SHOW GLOBAL VARIABLES`.
    pub variables: Vec<(String, String)>,
    /// `SHOW PROCESSLIST`.
    pub processlist: Vec<ProcesslistRow>,
    /// The flavour's processlist has a Progress column (MariaDB).
    pub progress_column: bool,
    /// Counters of a client: name and value.
    pub counters: Vec<(String, u64)>,
    /// What went wrong for a client last, as its program prints it: error number
    /// (of the server, or of the client library from 2000 on) and text.
    pub last_error: Option<(u16, String)>,
}

/// One row of `SHOW PROCESSLIST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcesslistRow {
    /// `Id`.
    pub id: u64,
    /// `User`.
    pub user: String,
    /// `Host`.
    pub host: String,
    /// `db`; `None` prints NULL.
    pub db: Option<String>,
    /// `Command`.
    pub command: &'static str,
    /// `Time`, whole seconds.
    pub time: u64,
    /// `State`; `None` prints NULL.
    pub state: Option<String>,
    /// `Info`; `None` prints NULL.
    pub info: Option<String>,
}

/// A name server or hosts-file answer the scenario gives: name and address.
pub type HostsEntry = (String, Ipv4Addr);
