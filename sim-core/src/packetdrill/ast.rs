//! A script as data, with the lines it came from.

use crate::wire::Flags;

/// A script: options, an optional command before it, events, an optional
/// command after it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// Settings before the first event.
    pub options: ScriptOptions,
    /// The command without a time before the first event.
    pub init: Option<Command>,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// The command without a time after the last event.
    pub cleanup: Option<Command>,
    /// Names that `#ifdef` asked for.
    pub branches: Vec<String>,
}

/// The `--name=value` lines of a script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScriptOptions {
    /// `--tolerance_usecs`, in microseconds.
    pub tolerance_usecs: Option<u64>,
    /// `--ip_version`.
    pub ip_version: IpVersion,
    /// `--mtu`: the MTU of the script's device, in bytes.
    pub mtu: Option<u16>,
    /// `--tcp_ts_tick_usecs`: length of a tick of the timestamp clock; 0 leaves timestamps unchecked.
    pub ts_tick_usecs: u64,
}

/// `--ip_version`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IpVersion {
    /// `ipv4`.
    #[default]
    Ipv4,
    /// `ipv6`: the same TCP with 20 bytes less in a packet.
    Ipv6,
    /// `ipv4-mapped-ipv6`: IPv6 sockets, IPv4 packets.
    Mapped,
}

/// One event and the line it starts on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Line, from 1.
    pub line: u32,
    /// When.
    pub time: Time,
    /// What.
    pub kind: EventKind,
}

/// When an event happens, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// `0.5`: since the start of the script.
    Absolute(u64),
    /// `+0.5`: since the event before.
    Relative(u64),
    /// `*`: at any time.
    Any,
    /// `0.5~0.7`.
    AbsoluteRange(u64, u64),
    /// `+0.5~+0.7`.
    RelativeRange(u64, u64),
}

/// What an event is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// `<`: a segment from the peer.
    TcpIn(TcpSpec),
    /// `>`: the next segment the host sends.
    TcpOut(TcpSpec),
    /// `< icmp`: an ICMP message from the network.
    IcmpIn(IcmpSpec),
    /// A system call.
    Call(CallSpec),
    /// Back-quoted text: a shell command.
    Shell(Command),
    /// `%{ }%`: assertions.
    Code(String),
}

/// A shell command, never executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Line, from 1.
    pub line: u32,
    /// Its text.
    pub text: String,
}

/// A TCP segment as a script writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpSpec {
    /// Source and destination port, where the script names them.
    pub ports: Option<(u16, u16)>,
    /// Control bits.
    pub flags: Flags,
    /// First sequence number, relative; `None` for `...`, whatever it is.
    pub seq: Option<u32>,
    /// Bytes of data.
    pub len: u32,
    /// `ack N`.
    pub ack: Option<u32>,
    /// `win N`, as in the header.
    pub win: Option<u16>,
    /// `urg N`.
    pub urg: Option<u16>,
    /// Options.
    pub options: OptionList,
}

/// A list of TCP options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OptionList {
    /// `<...>`: whatever they are.
    Any,
    /// These, in this order; none when empty.
    These(Vec<TcpOption>),
}

/// A TCP option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpOption {
    /// End of list.
    Eol,
    /// No operation.
    Nop,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale.
    Wscale(u8),
    /// SACK permitted.
    SackOk,
    /// Timestamps: value and echo reply.
    Timestamp(u32, u32),
    /// SACK blocks.
    Sack(Vec<(u32, u32)>),
    /// Fast Open (RFC 7413 or experimental), with its cookie's text: not understood by the model.
    FastOpen(String),
}

/// An ICMP message from the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpSpec {
    /// Type.
    pub icmp_type: u8,
    /// Code.
    pub code: u8,
    /// `mtu N` of "fragmentation needed".
    pub mtu: u16,
    /// First sequence number of the quoted segment; `None`: of the last one sent.
    pub quoted_seq: Option<u32>,
}

/// A system call with what it must return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallSpec {
    /// Name.
    pub name: String,
    /// Arguments.
    pub args: Vec<Expr>,
    /// Result; [`Expr::Any`] for "whatever".
    pub result: Expr,
    /// The errno's symbol after a result of -1.
    pub errno: Option<String>,
    /// When a blocking call returns, in microseconds, by the same rule as its start.
    pub end: Option<u64>,
}

/// An argument or a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    /// `...`.
    Any,
    /// A number.
    Int(i64),
    /// `A | B` or a single symbol, flags and constants.
    Symbols(Vec<Self>),
    /// A symbol.
    Name(String),
    /// Text in quotes.
    Text(String),
    /// `[a, b]`.
    List(Vec<Self>),
    /// `{name=value, …}`.
    Fields(Vec<(String, Self)>),
    /// `htons(8080)`.
    Apply(String, Vec<Self>),
}

impl Expr {
    /// The number, if it is one.
    #[must_use]
    pub const fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }
    /// The symbol, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }
    /// What `|` joins: the symbols, or the thing itself.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        if let Self::Symbols(parts) = self { parts } else { core::slice::from_ref(self) }
    }
    /// The fields of a structure, if it is one.
    #[must_use]
    pub fn fields(&self) -> Option<&[(String, Self)]> {
        if let Self::Fields(fields) = self { Some(fields) } else { None }
    }
}
