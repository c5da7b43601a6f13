//! A call's arguments as a tracer prints them.

use super::run::call_fd;
use super::task::TaskState;
use super::world::World;
use crate::app::api::{FileKind, ShutdownHow, SockType};
use crate::app::{Call, CallResult, Domain, Ret, SocketOption};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::trace::{CallArgs, CallSeen};
use crate::units::{HostId, ProcIx, TaskId};
use crate::wire::Payload;

/// Levels and names of socket options, `asm-generic/socket.h`, `linux/in.h`, `linux/tcp.h`.
const SOL_SOCKET: u16 = 1;
const SOL_IP: u16 = 0;
const SOL_TCP: u16 = 6;
const SOL_IPV6: u16 = 41;

impl World {
    /// The calls that threads of a process have entered and not left, by thread:
    /// what a tracer finds them in when it attaches. Their result is `EINTR`, as
    /// it would be if they were left now.
    #[must_use]
    pub fn calls_in_progress(&self, host: HostId, process: ProcIx) -> Vec<CallSeen> {
        let entry = &self.hosts[host.index()];
        let pid = entry.kernel.processes()[process.index()].pid();
        let tasks = (0_u32..).zip(&entry.procs[process.index()].tasks);
        tasks
            .filter(|(_, task)| task.state != TaskState::Free && task.entered <= self.now)
            .map(|(index, task)| CallSeen {
                at: self.now,
                host,
                pid,
                task: TaskId(index),
                name: task.call.name() as u8,
                fd: call_fd(&task.call),
                entered: task.entered,
                result: Err(Errno::Intr),
                cpu: task.charged,
                on_cpu: task.cpu.map_or(0, |cpu| cpu.0),
                args: args(&task.call, &Err(Errno::Intr)),
            })
            .collect()
    }
}

/// The arguments of a completed call.
pub(super) fn args(call: &Call, result: &CallResult) -> CallArgs {
    match call {
        Call::Socket { domain, ty, nonblock } => {
            CallArgs::Socket { inet6: *domain == Domain::Inet6, dgram: *ty == SockType::Dgram, nonblock: *nonblock }
        }
        Call::Bind { addr, .. } | Call::Connect { addr, .. } => CallArgs::Addr(*addr),
        Call::GetSockName { .. } | Call::GetPeerName { .. } => match result {
            Ok(Ret::Name(addr)) => CallArgs::Addr(*addr),
            Ok(_) | Err(_) => CallArgs::None,
        },
        Call::Listen { backlog, .. } => CallArgs::Backlog(*backlog),
        Call::Accept { nonblock, .. } => {
            let peer = if let Ok(Ret::Accepted(_, peer)) = result { Some(*peer) } else { None };
            CallArgs::Accepted { peer, nonblock: *nonblock }
        }
        Call::Send { data, .. } => CallArgs::Sent { data: data.clone(), to: None },
        Call::SendTo { data, addr, .. } => CallArgs::Sent { data: data.clone(), to: Some(*addr) },
        Call::Sendmmsg { datagrams, .. } => CallArgs::SentMany(datagrams.clone()),
        Call::Recv { max, peek, dontwait, .. } => {
            let (data, from) = match result {
                Ok(Ret::Data(data)) => (data.clone(), None),
                Ok(Ret::Datagram(data, from)) => (data.clone(), Some(*from)),
                Ok(_) | Err(_) => (Payload::EMPTY, None),
            };
            CallArgs::Received { max: *max, peek: *peek, dontwait: *dontwait, data, from }
        }
        Call::Shutdown { how, .. } => CallArgs::How(match how {
            ShutdownHow::Read => 0,
            ShutdownHow::Write => 1,
            ShutdownHow::Both => 2,
        }),
        Call::Poll { set, timeout } => {
            let answered = if let Ok(Ret::Ready(ready)) = result { ready } else { set };
            let fds = answered.entries().iter().map(|entry| (entry.fd, entry.events.0, entry.revents.0));
            CallArgs::Poll { fds: fds.collect(), timeout_ms: timeout.map(|t| t.as_millis()) }
        }
        Call::SetNonblock { on, .. } => CallArgs::SetFlags { nonblock: *on },
        Call::GetFl { .. } => CallArgs::GetFlags,
        Call::SetSockOpt { option, .. } => socket_option(*option, None),
        Call::GetSockOpt { option, .. } => {
            let got = if let Ok(Ret::Count(value)) = result { Some(*value) } else { None };
            socket_option(*option, got)
        }
        Call::Open { file } => CallArgs::Path(match file {
            FileKind::EtcHosts(_) => "/etc/hosts",
            FileKind::Path(path) => path,
        }),
        Call::Stat { path } => CallArgs::Path(path),
        Call::Read { max, .. } => CallArgs::Count(*max),
        Call::Write { len, .. } => CallArgs::Count(*len),
        Call::Nanosleep { duration } => CallArgs::Sleep(*duration),
        Call::FutexWait { timeout } => CallArgs::Wait(*timeout),
        Call::Close { .. }
        | Call::IoctlFionread { .. }
        | Call::Fstat { .. }
        | Call::Lseek { .. }
        | Call::Mprotect
        | Call::Getpid
        | Call::GetRlimit
        | Call::SetRlimit { .. }
        | Call::Spawn { .. }
        | Call::Compute { .. }
        | Call::ExitTask
        | Call::ExitProcess { .. } => CallArgs::None,
    }
}

/// Level, name and value; `got` instead of the value given.
fn socket_option(option: SocketOption, got: Option<u32>) -> CallArgs {
    let seconds = |t: crate::time::Duration| u32::try_from(t.as_secs()).unwrap_or(u32::MAX);
    let (level, name, given) = match option {
        SocketOption::ReuseAddr(on) => (SOL_SOCKET, 2, u32::from(on)),
        SocketOption::ReusePort(on) => (SOL_SOCKET, 15, u32::from(on)),
        SocketOption::Error => (SOL_SOCKET, 4, 0),
        SocketOption::RcvTimeo(t) => (SOL_SOCKET, 20, seconds(t)),
        SocketOption::SndTimeo(t) => (SOL_SOCKET, 21, seconds(t)),
        SocketOption::BindAddressNoPort(on) => (SOL_IP, 24, u32::from(on)),
        SocketOption::LocalPortRange(low, high) => (SOL_IP, 51, u32::from(high) << 16 | u32::from(low)),
        SocketOption::V6Only(on) => (SOL_IPV6, 26, u32::from(on)),
        SocketOption::RecvErr(on) => (SOL_IP, 11, u32::from(on)),
        SocketOption::DeferAccept(seconds) => (SOL_TCP, 9, seconds),
        SocketOption::Tcp(tcp) => match tcp {
            TcpSocketOption::Linger(t) => (SOL_SOCKET, 13, t.map_or(0, seconds)),
            TcpSocketOption::KeepAlive(on) => (SOL_SOCKET, 9, u32::from(on)),
            TcpSocketOption::RcvBuf(bytes) => (SOL_SOCKET, 8, bytes),
            TcpSocketOption::SndBuf(bytes) => (SOL_SOCKET, 7, bytes),
            TcpSocketOption::KeepIdle(t) => (SOL_TCP, 4, seconds(t)),
            TcpSocketOption::KeepIntvl(t) => (SOL_TCP, 5, seconds(t)),
            TcpSocketOption::KeepCnt(n) => (SOL_TCP, 6, u32::from(n)),
            TcpSocketOption::UserTimeout(t) => (SOL_TCP, 18, u32::try_from(t.as_millis()).unwrap_or(u32::MAX)),
            TcpSocketOption::NoDelay(on) => (SOL_TCP, 1, u32::from(on)),
            TcpSocketOption::QuickAck(on) => (SOL_TCP, 12, u32::from(on)),
            TcpSocketOption::Linger2(t) => (SOL_TCP, 8, t.map_or(u32::MAX, seconds)),
            TcpSocketOption::SynCnt(n) => (SOL_TCP, 7, u32::from(n)),
            TcpSocketOption::MaxSeg(mss) => (SOL_TCP, 2, u32::from(mss)),
        },
    };
    CallArgs::Option { level, name, value: got.unwrap_or(given) }
}
