//! What `strace` and `perf trace` print of calls: names of flags, descriptors,
//! return values.

use crate::app::CallName;
use crate::errno::Errno;
use crate::trace::CallSeen;
use crate::units::{Endpoint, Pid};

/// Its name; calls the world makes up for itself have none.
pub(super) fn name(call: &CallSeen) -> Option<CallName> {
    let name = CallName::ALL.get(usize::from(call.name)).copied()?;
    (name != CallName::Compute).then_some(name)
}

/// A call all of whose arguments are the same each time, or that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bare {
    /// No arguments.
    Nothing,
    /// A descriptor.
    Fd,
    /// `fstat`.
    Fstat,
    /// `lseek` to the start.
    Lseek,
    /// `ioctl(FIONREAD)`.
    Fionread,
    /// `mprotect` of a heap that grows.
    Mprotect,
    /// `prlimit64`: does it set?
    Rlimit(bool),
    /// `clone` of a thread.
    Thread,
}

/// What kind of bare call it is; calls with arguments of their own count by their descriptor.
pub(super) const fn bare(name: CallName) -> Bare {
    match name {
        CallName::Fstat => Bare::Fstat,
        CallName::Lseek => Bare::Lseek,
        CallName::IoctlFionread => Bare::Fionread,
        CallName::Mprotect => Bare::Mprotect,
        CallName::GetRlimit => Bare::Rlimit(false),
        CallName::SetRlimit => Bare::Rlimit(true),
        CallName::Spawn => Bare::Thread,
        CallName::Getpid | CallName::ExitTask | CallName::ExitProcess | CallName::Compute => Bare::Nothing,
        CallName::Socket
        | CallName::Bind
        | CallName::Listen
        | CallName::Accept
        | CallName::Connect
        | CallName::Send
        | CallName::Recv
        | CallName::Sendmmsg
        | CallName::SendTo
        | CallName::Shutdown
        | CallName::Close
        | CallName::Poll
        | CallName::SetNonblock
        | CallName::GetFl
        | CallName::SetSockOpt
        | CallName::GetSockOpt
        | CallName::GetSockName
        | CallName::GetPeerName
        | CallName::Open
        | CallName::Read
        | CallName::Write
        | CallName::Stat
        | CallName::Nanosleep
        | CallName::FutexWait => Bare::Fd,
    }
}

/// Thread id as seen from outside: the first thread has the process's.
pub(super) fn tid(call: &CallSeen) -> u32 {
    tid_of(call.pid, call.task.0)
}

pub(super) const fn tid_of(pid: Pid, task: u32) -> u32 {
    pid.0 + task
}

/// What the call returns in its register: some of the model's results are what
/// Linux puts behind a pointer.
pub(super) fn returned(call: &CallSeen) -> Result<u32, Errno> {
    let behind_a_pointer = matches!(name(call), Some(CallName::GetSockOpt | CallName::IoctlFionread));
    if behind_a_pointer { call.result.map(|_| 0) } else { call.result }
}

/// `= 0`, `= -1 EAGAIN (Resource temporarily unavailable)`.
pub(super) fn returned_text(call: &CallSeen) -> String {
    match returned(call) {
        Ok(value) => value.to_string(),
        Err(errno) => format!("-1 {} ({})", errno.name(), errno.text()),
    }
}

/// `{sa_family=AF_INET, sin_port=htons(3306), sin_addr=inet_addr("127.0.0.1")}`.
pub(super) fn sockaddr(end: Endpoint) -> String {
    format!("{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}", end.port(), end.addr())
}

/// Bits of `poll`, low to high, as `strace` names them.
pub(super) fn poll_bits(bits: u16) -> String {
    let names = [
        (0x001, "POLLIN"),
        (0x002, "POLLPRI"),
        (0x004, "POLLOUT"),
        (0x008, "POLLERR"),
        (0x010, "POLLHUP"),
        (0x020, "POLLNVAL"),
        (0x2000, "POLLRDHUP"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name).collect();
    if set.is_empty() { "0".to_owned() } else { set.join("|") }
}
