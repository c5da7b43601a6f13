//! `setsockopt`, `getsockopt`, `getsockname`, `getpeername`.

use super::Caller;
use crate::app::{CallResult, Ret, SocketOption};
use crate::errno::Errno;
use crate::kernel::config::PortRange;
use crate::kernel::effects::Effects;
use crate::kernel::host::Kernel;
use crate::kernel::socket::SocketFlags;
use crate::tcp::{TcpSocketOption, TcpState, UserCall};
use crate::time::Duration;
use crate::units::{Fd, Port, ProcIx};

impl Kernel {
    pub(super) fn sys_setsockopt(
        &mut self,
        caller: Caller,
        fd: Fd,
        option: SocketOption,
        fx: &mut Effects,
    ) -> CallResult {
        let id = self.fd_socket(caller.task.process, fd)?;
        let some = |t: Duration| (t != Duration::ZERO).then_some(t);
        let has_range = self.config.profile.local_port_range_option;
        let socket = self.socket_mut(id);
        match option {
            SocketOption::ReuseAddr(on) => socket.flags.set(SocketFlags::REUSEADDR, on),
            SocketOption::ReusePort(on) => socket.flags.set(SocketFlags::REUSEPORT, on),
            SocketOption::BindAddressNoPort(on) => socket.flags.set(SocketFlags::BIND_NO_PORT, on),
            SocketOption::V6Only(on) => socket.flags.set(SocketFlags::V6ONLY, on),
            SocketOption::RecvErr(_) => {}
            SocketOption::Error => return Err(Errno::NoProtoOpt),
            SocketOption::RcvTimeo(t) => socket.rare_mut().rcvtimeo = some(t),
            SocketOption::SndTimeo(t) => socket.rare_mut().sndtimeo = some(t),
            SocketOption::DeferAccept(seconds) => socket.rare_mut().defer_accept = seconds,
            SocketOption::LocalPortRange(low, high) => {
                if !has_range {
                    return Err(Errno::NoProtoOpt);
                }
                if low != 0 && high != 0 && low > high {
                    return Err(Errno::Inval);
                }
                let range = PortRange { low: Port(low), high: Port(high) };
                socket.rare_mut().local_port_range = (low != 0 || high != 0).then_some(range);
            }
            SocketOption::Tcp(tcp) => {
                if socket.is_udp() {
                    return Err(Errno::NoProtoOpt);
                }
                if !in_range(tcp) {
                    return Err(Errno::Inval);
                }
                self.tcp_call(caller.now, id, UserCall::SetOption(tcp), fx)?;
            }
        }
        Ok(Ret::Done)
    }

    pub(super) fn sys_getsockopt(
        &mut self,
        caller: Caller,
        fd: Fd,
        option: SocketOption,
        fx: &mut Effects,
    ) -> CallResult {
        let id = self.fd_socket(caller.task.process, fd)?;
        let flag = |on: bool| Ok(Ret::Count(u32::from(on)));
        let socket = self.socket(id);
        match option {
            SocketOption::Error => {
                let error = self.take_error(caller.now, id, fx);
                Ok(Ret::Count(error.map_or(0, |errno| u32::from(errno.number()))))
            }
            SocketOption::ReuseAddr(_) => flag(socket.flags.has(SocketFlags::REUSEADDR)),
            SocketOption::ReusePort(_) => flag(socket.flags.has(SocketFlags::REUSEPORT)),
            SocketOption::BindAddressNoPort(_) => flag(socket.flags.has(SocketFlags::BIND_NO_PORT)),
            SocketOption::V6Only(_) => flag(socket.flags.has(SocketFlags::V6ONLY)),
            SocketOption::RecvErr(_) => flag(false),
            SocketOption::RcvTimeo(_) => millis(socket.rare.as_ref().and_then(|r| r.rcvtimeo)),
            SocketOption::SndTimeo(_) => millis(socket.rare.as_ref().and_then(|r| r.sndtimeo)),
            SocketOption::DeferAccept(_) => Ok(Ret::Count(socket.rare.as_ref().map_or(0, |r| r.defer_accept))),
            SocketOption::LocalPortRange(..) => {
                let range = socket.rare.as_ref().and_then(|r| r.local_port_range);
                Ok(Ret::Count(range.map_or(0, |r| u32::from(r.high.0) << 16 | u32::from(r.low.0))))
            }
            SocketOption::Tcp(option) => Ok(Ret::Count(socket.tcb.option(option, &self.tcp_config))),
        }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_getsockname(&self, process: ProcIx, fd: Fd) -> CallResult {
        Ok(Ret::Name(self.socket(self.fd_socket(process, fd)?).tuple.local))
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn sys_getpeername(&self, process: ProcIx, fd: Fd) -> CallResult {
        let socket = self.socket(self.fd_socket(process, fd)?);
        let connected = match socket.state() {
            TcpState::Closed | TcpState::Listen | TcpState::SynSent => {
                socket.is_udp() && socket.tuple.remote.port() != Port::NONE
            }
            TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::TimeWait => true,
        };
        if connected { Ok(Ret::Name(socket.tuple.remote)) } else { Err(Errno::NotConn) }
    }
}

/// Whether Linux takes the value (`do_tcp_setsockopt`, `tcp_sock_set_keepidle_locked`).
fn in_range(option: TcpSocketOption) -> bool {
    /// `MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL`.
    const MAX_KEEP_S: u64 = 32_767;
    /// `MAX_TCP_KEEPCNT`, `MAX_TCP_SYNCNT`.
    const MAX_COUNT: u8 = 127;
    /// `TCP_MIN_MSS`, `MAX_TCP_WINDOW`.
    const MSS: core::ops::RangeInclusive<u16> = 88..=32_767;
    match option {
        TcpSocketOption::KeepIdle(time) | TcpSocketOption::KeepIntvl(time) => {
            (1..=MAX_KEEP_S).contains(&time.as_secs())
        }
        TcpSocketOption::KeepCnt(count) | TcpSocketOption::SynCnt(count) => (1..=MAX_COUNT).contains(&count),
        // 0 takes the limit away.
        TcpSocketOption::MaxSeg(mss) => mss == 0 || MSS.contains(&mss),
        TcpSocketOption::Linger(_)
        | TcpSocketOption::KeepAlive(_)
        | TcpSocketOption::UserTimeout(_)
        | TcpSocketOption::NoDelay(_)
        | TcpSocketOption::QuickAck(_)
        | TcpSocketOption::Linger2(_)
        | TcpSocketOption::RcvBuf(_)
        | TcpSocketOption::SndBuf(_) => true,
    }
}

/// A time-out option's value in milliseconds, 0 for none.
fn millis(timeout: Option<Duration>) -> CallResult {
    Ok(Ret::Count(timeout.map_or(0, |t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX))))
}
