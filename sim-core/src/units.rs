//! Numbers with a meaning: ports, addresses, identifiers, ratios.

use core::fmt;
pub use core::net::Ipv4Addr;

/// A TCP or UDP port number in host byte order. 0 means "not chosen".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Port(pub u16);

impl Port {
    /// "No port": an unbound socket, `bind(0)`.
    pub const NONE: Self = Self(0);
    /// The port as a table index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One end of a connection: an IPv4 address and a port, in one word, which is
/// compared, hashed and copied as such.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "pack", serde(from = "(Ipv4Addr, Port)", into = "(Ipv4Addr, Port)"))]
pub struct Endpoint {
    /// The address above 16 bits of port.
    bits: u64,
}

impl Endpoint {
    /// `0.0.0.0:0`.
    pub const ANY: Self = Self { bits: 0 };
    /// An endpoint from its parts.
    #[must_use]
    pub const fn new(addr: Ipv4Addr, port: u16) -> Self {
        Self { bits: (addr.to_bits() as u64) << 16 | port as u64 }
    }
    /// An endpoint from its parts.
    #[must_use]
    pub const fn on(addr: Ipv4Addr, port: Port) -> Self {
        Self::new(addr, port.0)
    }
    /// IPv4 address; `0.0.0.0` is the wildcard.
    #[must_use]
    pub const fn addr(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.addr_bits())
    }
    /// Port; [`Port::NONE`] is the wildcard.
    #[must_use]
    pub const fn port(self) -> Port {
        Port((self.bits & 0xffff) as u16)
    }
    /// The same address with another port.
    #[must_use]
    pub const fn with_port(self, port: Port) -> Self {
        Self { bits: self.bits & !0xffff | port.0 as u64 }
    }
    /// Address and port as one number.
    pub(crate) const fn bits(self) -> u64 {
        self.bits
    }
    /// The address as a number.
    #[expect(clippy::cast_possible_truncation, reason = "48 bits are in use")]
    pub(crate) const fn addr_bits(self) -> u32 {
        (self.bits >> 16) as u32
    }
}
impl From<(Ipv4Addr, Port)> for Endpoint {
    fn from((addr, port): (Ipv4Addr, Port)) -> Self {
        Self::on(addr, port)
    }
}
impl From<Endpoint> for (Ipv4Addr, Port) {
    fn from(end: Endpoint) -> Self {
        (end.addr(), end.port())
    }
}
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.addr(), self.port())
    }
}
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection's identity as one host sees it: its own end first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FourTuple {
    /// The end on this host.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
}

impl FourTuple {
    /// The same connection seen from the other end.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }
}
impl fmt::Display for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.local, self.remote)
    }
}

/// A probability or share as an exact fraction: loss `1/1000`, steal `14/100`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub struct Ratio {
    /// Numerator.
    pub num: u32,
    /// Denominator, never 0.
    pub den: u32,
}
impl Ratio {
    /// Never.
    pub const ZERO: Self = Self { num: 0, den: 1 };
    /// Always.
    pub const ONE: Self = Self { num: 1, den: 1 };
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $int);
        impl $name {
            /// The id as an arena index.
            #[must_use]
            pub const fn index(self) -> usize { self.0 as usize }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
    )*};
}

ids! {
    /// A simulated host: index into the world's hosts.
    HostId(u16);
    /// A process id on its host, as `ps` prints it.
    Pid(u32);
    /// A process on its host: index into the host's process table, in order of creation.
    ProcIx(u32);
    /// A thread of a process: index into the process's threads.
    TaskId(u32);
    /// A file descriptor number.
    Fd(u32);
    /// A socket: slot in its host's socket arena.
    SocketId(u32);
    /// A TIME_WAIT (or FIN_WAIT2) minisock: slot in its host's arena.
    TwId(u32);
    /// A request socket (NEW_SYN_RECV): slot in its host's arena.
    ReqId(u32);
    /// A link between two hosts: index into the topology's links.
    LinkId(u16);
}

/// A thread of a process on a known host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskRef {
    /// The process.
    pub process: ProcIx,
    /// The thread in it.
    pub task: TaskId,
}
