//! A script's steps as data.

use crate::app::api::{ShutdownHow, SocketOption};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::Duration;
use crate::units::Endpoint;

/// What a step expects of its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Expect {
    /// Anything.
    #[default]
    Any,
    /// Success.
    Ok,
    /// This error.
    Err(Errno),
}

/// A socket option a script can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum OptionName {
    /// `SO_REUSEADDR`: 0 or 1.
    SoReuseaddr,
    /// `SO_LINGER`: seconds, `l_onoff` 1.
    SoLinger,
    /// `SO_KEEPALIVE`: 0 or 1.
    SoKeepalive,
    /// `TCP_KEEPIDLE`: seconds.
    TcpKeepidle,
    /// `TCP_KEEPINTVL`: seconds.
    TcpKeepintvl,
    /// `TCP_KEEPCNT`: count.
    TcpKeepcnt,
    /// `TCP_NODELAY`: 0 or 1.
    TcpNodelay,
    /// `TCP_QUICKACK`: 0 or 1.
    TcpQuickack,
    /// `TCP_USER_TIMEOUT`: milliseconds.
    TcpUserTimeout,
    /// `TCP_LINGER2`: seconds.
    TcpLinger2,
    /// `TCP_DEFER_ACCEPT`: seconds.
    TcpDeferAccept,
    /// `IP_BIND_ADDRESS_NO_PORT`: 0 or 1.
    IpBindAddressNoPort,
    /// `IP_LOCAL_PORT_RANGE`: high << 16 | low.
    IpLocalPortRange,
    /// `SO_RCVBUF`: bytes; the kernel doubles them.
    SoRcvbuf,
    /// `SO_SNDBUF`: bytes; the kernel doubles them.
    SoSndbuf,
}

impl OptionName {
    pub(super) fn with(self, value: u32) -> SocketOption {
        let on = value != 0;
        let secs = Duration::from_secs(u64::from(value));
        let low = u16::try_from(value & 0xffff).expect("masked to 16 bits");
        let high = u16::try_from(value >> 16).expect("shifted to 16 bits");
        match self {
            Self::SoReuseaddr => SocketOption::ReuseAddr(on),
            Self::SoLinger => SocketOption::Tcp(TcpSocketOption::Linger(Some(secs))),
            Self::SoKeepalive => SocketOption::Tcp(TcpSocketOption::KeepAlive(on)),
            Self::TcpKeepidle => SocketOption::Tcp(TcpSocketOption::KeepIdle(secs)),
            Self::TcpKeepintvl => SocketOption::Tcp(TcpSocketOption::KeepIntvl(secs)),
            Self::TcpKeepcnt => SocketOption::Tcp(TcpSocketOption::KeepCnt(u8::try_from(value).unwrap_or(u8::MAX))),
            Self::TcpNodelay => SocketOption::Tcp(TcpSocketOption::NoDelay(on)),
            Self::TcpQuickack => SocketOption::Tcp(TcpSocketOption::QuickAck(on)),
            Self::TcpUserTimeout => {
                SocketOption::Tcp(TcpSocketOption::UserTimeout(Duration::from_millis(u64::from(value))))
            }
            Self::TcpLinger2 => SocketOption::Tcp(TcpSocketOption::Linger2(Some(secs))),
            Self::TcpDeferAccept => SocketOption::DeferAccept(value),
            Self::IpBindAddressNoPort => SocketOption::BindAddressNoPort(on),
            Self::IpLocalPortRange => SocketOption::LocalPortRange(low, high),
            Self::SoRcvbuf => SocketOption::Tcp(TcpSocketOption::RcvBuf(value.saturating_mul(2))),
            Self::SoSndbuf => SocketOption::Tcp(TcpSocketOption::SndBuf(value.saturating_mul(2))),
        }
    }
}

/// A step of a script. Descriptors are variables by name; a new thread gets a
/// copy of them as they are when it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum ScriptOp {
    /// `fd = socket()`.
    Socket {
        /// Variable for the descriptor.
        fd: String,
        /// A UDP socket.
        udp: bool,
        /// `SOCK_NONBLOCK`.
        nonblock: bool,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `bind()`.
    Bind {
        /// Socket.
        fd: String,
        /// Address and port; port 0 for an automatic one.
        addr: Endpoint,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `listen()`.
    Listen {
        /// Socket.
        fd: String,
        /// Backlog.
        backlog: u32,
    },
    /// `into = accept()`.
    Accept {
        /// Listening socket.
        fd: String,
        /// Variable for the new descriptor.
        into: String,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `connect()`.
    Connect {
        /// Socket.
        fd: String,
        /// Address and port.
        addr: Endpoint,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `send()`: real bytes, or so many of no content.
    Send {
        /// Socket.
        fd: String,
        /// Number of bytes.
        bytes: u32,
        /// Real bytes; they go before `bytes`.
        data: Option<Vec<u8>>,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `recv()`.
    Recv {
        /// Socket.
        fd: String,
        /// Most bytes to take.
        max: u32,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `recv()` until the end of the stream, or an error.
    RecvUntilEof {
        /// Socket.
        fd: String,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `shutdown()`.
    Shutdown {
        /// Socket.
        fd: String,
        /// Which side.
        how: ShutdownHow,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `close()`.
    Close {
        /// Descriptor.
        fd: String,
    },
    /// Forgets the descriptor: it stays open, and its number is lost.
    Leak {
        /// Descriptor.
        fd: String,
    },
    /// `open()` of a file that is no socket.
    Open {
        /// Variable for the descriptor.
        fd: String,
        /// `ok`, or an errno.
        expect: Expect,
    },
    /// `nanosleep()`.
    Sleep(Duration),
    /// User-space work: CPU time without a system call.
    Compute(Duration),
    /// `poll()` of one descriptor.
    Poll {
        /// Descriptor.
        fd: String,
        /// `POLLOUT` instead of `POLLIN`.
        out: bool,
        /// Longest wait; none waits for ever.
        timeout: Option<Duration>,
    },
    /// `setsockopt()`.
    Setsockopt {
        /// Socket.
        fd: String,
        /// Which option.
        option: OptionName,
        /// Its value.
        value: u32,
    },
    /// The body, so many times.
    Loop {
        /// How often.
        times: u64,
        /// Steps.
        body: Vec<Self>,
    },
    /// The body, for ever.
    Forever {
        /// Steps.
        body: Vec<Self>,
    },
    /// A new thread that runs the body.
    Spawn {
        /// Steps.
        body: Vec<Self>,
    },
    /// `exit_group()`.
    Exit {
        /// Status.
        status: u32,
    },
}
