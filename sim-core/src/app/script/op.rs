//! A script's steps as data, and how a scenario writes them.

use crate::app::api::SocketOption;
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::Duration;
use crate::units::Endpoint;

#[cfg(feature = "scenario")]
mod read {
    //! How a script's values are written in a scenario.

    use super::{Duration, Endpoint, Errno};
    use serde::de::{Deserialize, Deserializer, Error};

    pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        super::parse_duration(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration like `250ms`")))
    }
    pub(super) fn opt_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        duration(from).map(Some)
    }
    pub(super) fn endpoint<'de, D: Deserializer<'de>>(from: D) -> Result<Endpoint, D::Error> {
        let text = String::deserialize(from)?;
        let parsed: Result<core::net::SocketAddrV4, _> = text.parse();
        let addr = parsed.map_err(|_| D::Error::custom(format!("`{text}` is not an address like `127.0.0.1:3306`")))?;
        Ok(Endpoint::new(*addr.ip(), addr.port()))
    }
    pub(super) fn expect<'de, D: Deserializer<'de>>(from: D) -> Result<super::Expect, D::Error> {
        let text = String::deserialize(from)?;
        if text == "ok" {
            return Ok(super::Expect::Ok);
        }
        let errno = Errno::from_name(&text).map(super::Expect::Err);
        errno.ok_or_else(|| D::Error::custom(format!("`{text}` is neither `ok` nor an errno like `ECONNREFUSED`")))
    }
}

/// Reads `10s`, `250ms`, `3us`, `7ns`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit).map(Duration::from_nanos)
}

/// What a step expects of its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expect {
    /// Anything.
    #[default]
    Any,
    /// Success.
    Ok,
    /// This error.
    Err(Errno),
}

/// `shutdown`'s direction, as a script writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "scenario", derive(serde::Deserialize, schemars::JsonSchema))]
#[cfg_attr(feature = "scenario", serde(rename_all = "lowercase"))]
pub enum Direction {
    /// `SHUT_RD`.
    Rd,
    /// `SHUT_WR`.
    Wr,
    /// `SHUT_RDWR`.
    Rdwr,
}

/// A socket option a script can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "scenario", derive(serde::Deserialize, schemars::JsonSchema))]
#[cfg_attr(feature = "scenario", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
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
#[cfg_attr(feature = "scenario", derive(serde::Deserialize, schemars::JsonSchema))]
#[cfg_attr(feature = "scenario", serde(tag = "op", rename_all = "snake_case", deny_unknown_fields))]
pub enum ScriptOp {
    /// `fd = socket()`.
    Socket {
        /// Variable for the descriptor.
        fd: String,
        /// A UDP socket.
        #[cfg_attr(feature = "scenario", serde(default))]
        udp: bool,
        /// `SOCK_NONBLOCK`.
        #[cfg_attr(feature = "scenario", serde(default))]
        nonblock: bool,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `bind()`.
    Bind {
        /// Socket.
        fd: String,
        /// Address and port; port 0 for an automatic one.
        #[cfg_attr(feature = "scenario", serde(deserialize_with = "read::endpoint"), schemars(with = "String"))]
        addr: Endpoint,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
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
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `connect()`.
    Connect {
        /// Socket.
        fd: String,
        /// Address and port.
        #[cfg_attr(feature = "scenario", serde(deserialize_with = "read::endpoint"), schemars(with = "String"))]
        addr: Endpoint,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `send()`: a text, or so many bytes of no content.
    Send {
        /// Socket.
        fd: String,
        /// Number of bytes.
        #[cfg_attr(feature = "scenario", serde(default))]
        bytes: u32,
        /// Text; goes before `bytes`.
        #[cfg_attr(feature = "scenario", serde(default))]
        text: Option<String>,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `recv()`.
    Recv {
        /// Socket.
        fd: String,
        /// Most bytes to take.
        max: u32,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `shutdown()`.
    Shutdown {
        /// Socket.
        fd: String,
        /// Which side.
        how: Direction,
        /// `ok`, or an errno.
        #[cfg_attr(feature = "scenario", serde(default, deserialize_with = "read::expect"), schemars(with = "String"))]
        expect: Expect,
    },
    /// `close()`.
    Close {
        /// Descriptor.
        fd: String,
    },
    /// `nanosleep()`.
    Sleep {
        /// How long, like `250ms`.
        #[cfg_attr(
            feature = "scenario",
            serde(rename = "for", deserialize_with = "read::duration"),
            schemars(with = "String")
        )]
        span: Duration,
    },
    /// `poll()` of one descriptor.
    Poll {
        /// Descriptor.
        fd: String,
        /// `POLLOUT` instead of `POLLIN`.
        #[cfg_attr(feature = "scenario", serde(default))]
        out: bool,
        /// Longest wait; none waits for ever.
        #[cfg_attr(
            feature = "scenario",
            serde(default, deserialize_with = "read::opt_duration"),
            schemars(with = "Option<String>")
        )]
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
        #[cfg_attr(feature = "scenario", serde(default))]
        status: u32,
    },
}
