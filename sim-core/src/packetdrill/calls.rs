//! System calls: the script's words → the kernel's, and the results back.

use super::ast::{CallSpec, Expr};
use crate::app::api::{Call, CallResult, Domain, PollEvents, PollSet, Ret, ShutdownHow, SockType, SocketOption};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::time::Duration;
use crate::units::{Endpoint, Fd, Ipv4Addr};
use crate::wire::Payload;

/// Port that servers bind, and that clients connect to.
pub(super) const PORT: u16 = 8080;

/// What a call of a script comes to.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Plan {
    /// A call of the kernel.
    Kernel(Call, Expect),
    /// A call with `MSG_DONTWAIT` that the model has no flag for.
    WithoutWaiting(Fd, Call, Expect),
    /// Known without asking.
    Known(CallResult, Expect),
    /// A call the tool itself refuses: what it says.
    Refused(String),
    /// Not in the model: why.
    Unsupported(String),
}

/// What to compare besides the result.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expect {
    /// Nothing.
    Plain,
    /// The result is a new descriptor, known to the script by its own number.
    NewFd(FdUse),
    /// A value the call wrote: `None` is not compared.
    Value(Option<i64>),
    /// The answers of `poll`, in order.
    Poll(Vec<Option<u16>>),
    /// The first answer of `epoll_wait`.
    Epoll(EpollAnswer),
    /// The call has nowhere to put data: it fails if there is some.
    Nowhere,
}

/// What `epoll_wait` is to say.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct EpollAnswer {
    /// The script's number of the set.
    pub(super) set: i64,
    /// `maxevents`.
    pub(super) max: i64,
    /// Of each descriptor waited for: its place in the set, and the number given back.
    pub(super) data: Vec<(usize, i64)>,
    /// Events and number of the first, where the script says them.
    pub(super) first: Option<(u16, Option<i64>)>,
}

/// What a new descriptor is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FdUse {
    /// `socket()`.
    Socket,
    /// `accept()`.
    Accepted,
}

/// What a translation needs to know of the script's state.
pub(super) struct Surroundings<'a> {
    /// The script's descriptors that are open.
    pub(super) fd: &'a dyn Fn(i64) -> Option<Fd>,
    /// The host's and the peer's address.
    pub(super) local: Ipv4Addr,
    pub(super) remote: Ipv4Addr,
    /// Buffer sizes are not compared.
    pub(super) lenient: bool,
}

/// Translates a call.
pub(super) fn plan(spec: &CallSpec, around: &Surroundings<'_>) -> Plan {
    translate(spec, around).unwrap_or_else(|plan| *plan)
}

type Planned<T> = Result<T, Box<Plan>>;

fn refused<T>(reason: impl Into<String>) -> Planned<T> {
    Err(Box::new(Plan::Refused(reason.into())))
}
fn unsupported<T>(reason: impl Into<String>) -> Planned<T> {
    Err(Box::new(Plan::Unsupported(reason.into())))
}

fn translate(spec: &CallSpec, around: &Surroundings<'_>) -> Planned<Plan> {
    let args = Args { spec, around };
    let plain = |call| Ok(Plan::Kernel(call, Expect::Plain));
    match spec.name.as_str() {
        "socket" => args.socket(),
        "bind" => plain(Call::Bind { fd: args.fd(0)?, addr: args.addr(1, Ipv4Addr::UNSPECIFIED)? }),
        "listen" => {
            let backlog = u32::try_from(args.int(1)?).unwrap_or(u32::MAX);
            plain(Call::Listen { fd: args.fd(0)?, backlog })
        }
        "accept" | "accept4" => {
            let nonblock = spec.args.len() > 3 && args.flags(3, &[("SOCK_NONBLOCK", 1), ("SOCK_CLOEXEC", 0)])? & 1 != 0;
            Ok(Plan::Kernel(Call::Accept { fd: args.fd(0)?, nonblock }, Expect::NewFd(FdUse::Accepted)))
        }
        "connect" => plain(Call::Connect { fd: args.fd(0)?, addr: args.addr(1, around.remote)? }),
        "write" => args.send(args.buffer(1, 2)?, 0),
        "writev" => args.send(args.vector(args.get(1)?)?, 0),
        "send" | "sendto" => args.send(args.buffer(1, 2)?, args.send_flags(3)?),
        "sendmsg" => args.send(args.message(1)?, args.send_flags(2)?),
        "read" => args.receive(args.buffer(1, 2)?, 0),
        "readv" => args.receive(args.vector(args.get(1)?)?, 0),
        "recv" | "recvfrom" => args.receive(args.buffer(1, 2)?, args.receive_flags(3)?),
        "recvmsg" => args.receive(args.message(1)?, args.receive_flags(2)?),
        "shutdown" => {
            let how = match args.name_or_int(1)?.as_str() {
                "SHUT_RD" | "0" => ShutdownHow::Read,
                "SHUT_WR" | "1" => ShutdownHow::Write,
                "SHUT_RDWR" | "2" => ShutdownHow::Both,
                other => return refused(format!("`{other}` is no side to shut down")),
            };
            plain(Call::Shutdown { fd: args.fd(0)?, how })
        }
        "close" => plain(Call::Close { fd: args.fd(0)? }),
        "fcntl" => args.fcntl(),
        "ioctl" => match args.name_or_int(1)?.as_str() {
            "SIOCINQ" | "FIONREAD" => {
                Ok(Plan::Kernel(Call::IoctlFionread { fd: args.fd(0)? }, Expect::Value(args.value(2)?)))
            }
            other => unsupported(format!("ioctl {other} is not in the model")),
        },
        "setsockopt" => args.setsockopt(),
        "getsockopt" => args.getsockopt(),
        "getsockname" => plain(Call::GetSockName { fd: args.fd(0)? }),
        "getpeername" => plain(Call::GetPeerName { fd: args.fd(0)? }),
        "poll" => args.poll(),
        other => unsupported(format!("the system call {other}() is not in the model")),
    }
}

/// Where data comes from or goes to.
#[derive(Clone, Copy)]
struct Buffer {
    len: i64,
    /// A null pointer.
    null: bool,
}

struct Args<'a> {
    spec: &'a CallSpec,
    around: &'a Surroundings<'a>,
}

impl Args<'_> {
    fn get(&self, at: usize) -> Planned<&Expr> {
        match self.spec.args.get(at) {
            Some(arg) => Ok(arg),
            None => refused(format!("{}() has no argument {}", self.spec.name, at + 1)),
        }
    }

    fn int(&self, at: usize) -> Planned<i64> {
        let arg = self.get(at)?;
        match arg.int() {
            Some(value) => Ok(value),
            None if arg.name() == Some("NULL") => Ok(0),
            None => refused(format!("argument {} is no number: {arg:?}", at + 1)),
        }
    }

    fn fd(&self, at: usize) -> Planned<Fd> {
        self.known_fd(self.int(at)?)
    }
    fn known_fd(&self, script: i64) -> Planned<Fd> {
        match (self.around.fd)(script) {
            Some(fd) => Ok(fd),
            None => refused(format!("no descriptor of the script is called {script}")),
        }
    }

    fn name_or_int(&self, at: usize) -> Planned<String> {
        let arg = self.get(at)?;
        match (arg.name(), arg.int()) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Some(value)) => Ok(value.to_string()),
            (None, None) => refused(format!("argument {} is no constant: {arg:?}", at + 1)),
        }
    }

    /// Flags joined by `|`: the bits given for those known.
    fn flags(&self, at: usize, known: &[(&str, u32)]) -> Planned<u32> {
        let bit = |part: &Expr| {
            if part.int() == Some(0) {
                return Ok(0);
            }
            match known.iter().find(|(word, _)| part.name() == Some(word)) {
                Some(&(_, bit)) => Ok(bit),
                None => unsupported(format!("the flag {part:?} of {}() is not in the model", self.spec.name)),
            }
        };
        self.get(at)?.parts().iter().try_fold(0, |bits, part| Ok(bits | bit(part)?))
    }

    fn addr(&self, at: usize, default: Ipv4Addr) -> Planned<Endpoint> {
        let arg = self.get(at)?;
        match arg.fields() {
            Some(fields) => sockaddr(fields, default, self.around),
            None if *arg == Expr::Any => Ok(Endpoint::new(default, PORT)),
            None if arg.name() == Some("NULL") => Err(Box::new(Plan::Known(Err(Errno::Fault), Expect::Plain))),
            None => refused(format!("argument {} is no address: {arg:?}", at + 1)),
        }
    }

    fn socket(&self) -> Planned<Plan> {
        let ty = self.flags(
            1,
            &[("SOCK_STREAM", 1), ("SOCK_DGRAM", 2), ("SOCK_RAW", 2), ("SOCK_NONBLOCK", 4), ("SOCK_CLOEXEC", 0)],
        )?;
        if ty & 2 != 0 {
            return unsupported("only TCP sockets are in this part of the model");
        }
        match self.name_or_int(2)?.as_str() {
            "IPPROTO_TCP" | "0" | "6" => {}
            other => return unsupported(format!("the protocol {other} is not in the model")),
        }
        // A script's IPv6 is the model's IPv4 with longer headers: see `Bench`.
        let call = Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: ty & 4 != 0 };
        Ok(Plan::Kernel(call, Expect::NewFd(FdUse::Socket)))
    }

    fn send_flags(&self, at: usize) -> Planned<u32> {
        self.flags(at, &[("MSG_DONTWAIT", 2), ("MSG_NOSIGNAL", 0)])
    }

    fn receive_flags(&self, at: usize) -> Planned<u32> {
        self.flags(at, &[("MSG_PEEK", 1), ("MSG_DONTWAIT", 2), ("MSG_NOSIGNAL", 0)])
    }

    /// Length of the buffer given as pointer and length.
    fn buffer(&self, pointer: usize, len: usize) -> Planned<Buffer> {
        Ok(Buffer { len: self.int(len)?, null: self.get(pointer)?.name() == Some("NULL") })
    }

    /// Length of an I/O vector, `[{..., 100}, {..., 200}]`.
    fn vector(&self, arg: &Expr) -> Planned<Buffer> {
        let Expr::List(entries) = arg else { return refused("an I/O vector is a list of {..., LENGTH}") };
        let mut whole = Buffer { len: 0, null: false };
        for entry in entries {
            let pair = match entry {
                Expr::List(pair) => pair.first().zip(pair.get(1)),
                Expr::Fields(fields) => {
                    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value);
                    field("iov_base").zip(field("iov_len"))
                }
                Expr::Any | Expr::Int(_) | Expr::Symbols(_) | Expr::Name(_) | Expr::Text(_) | Expr::Apply(..) => None,
            };
            let Some((base, Some(len))) = pair.map(|(base, len)| (base, len.int())) else {
                return refused("an I/O vector is a list of {..., LENGTH}");
            };
            whole.len = whole.len.saturating_add(len);
            whole.null |= base.name() == Some("NULL");
        }
        Ok(whole)
    }

    /// Length of a message, `{msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=0}`.
    fn message(&self, at: usize) -> Planned<Buffer> {
        let Some(fields) = self.get(at)?.fields() else { return refused("a message is {msg_iov(1)=[…], …}") };
        if fields.iter().any(|(name, _)| name == "msg_control") {
            return unsupported("control messages are not in the model");
        }
        match fields.iter().find(|(name, _)| name == "msg_iov") {
            Some((_, vector)) => self.vector(vector),
            None => refused("a message is {msg_iov(1)=[…], …}"),
        }
    }

    fn send(&self, buffer: Buffer, flags: u32) -> Planned<Plan> {
        let (fd, Buffer { len, null }) = (self.fd(0)?, buffer);
        let Ok(len) = u32::try_from(len) else { return refused(format!("{len} bytes cannot be sent")) };
        if null && len > 0 {
            return Ok(Plan::Known(Err(Errno::Fault), Expect::Plain));
        }
        let call = Call::Send { fd, data: Payload::opaque(len) };
        Ok(if flags & 2 != 0 {
            Plan::WithoutWaiting(fd, call, Expect::Plain)
        } else {
            Plan::Kernel(call, Expect::Plain)
        })
    }

    /// Without a place to put data nothing is taken: Linux copies first.
    fn receive(&self, buffer: Buffer, flags: u32) -> Planned<Plan> {
        let max = u32::try_from(buffer.len).unwrap_or(0);
        let peek = flags & 1 != 0 || buffer.null;
        let call = Call::Recv { fd: self.fd(0)?, max, peek, dontwait: flags & 2 != 0 };
        Ok(Plan::Kernel(call, if buffer.null { Expect::Nowhere } else { Expect::Plain }))
    }

    fn fcntl(&self) -> Planned<Plan> {
        let fd = self.fd(0)?;
        match self.name_or_int(1)?.as_str() {
            "F_GETFL" => Ok(Plan::Kernel(Call::GetFl { fd }, Expect::Plain)),
            "F_SETFL" => {
                // O_NONBLOCK is 04000; the access mode cannot be changed.
                let on = match self.get(2)?.int() {
                    Some(flags) => flags & 0o4000 != 0,
                    None => self.flags(2, &[("O_RDWR", 0), ("O_NONBLOCK", 1), ("O_NDELAY", 1)])? & 1 != 0,
                };
                Ok(Plan::Kernel(Call::SetNonblock { fd, on }, Expect::Plain))
            }
            other => unsupported(format!("fcntl {other} is not in the model")),
        }
    }

    /// The first number in a list, `None` for "whatever"; errno names are their numbers.
    fn value(&self, at: usize) -> Planned<Option<i64>> {
        let arg = self.get(at)?;
        if let Expr::List(items) = arg {
            return items.first().map_or(Ok(None), number);
        }
        if arg.fields().is_some() { Ok(None) } else { number(arg) }
    }

    fn setsockopt(&self) -> Planned<Plan> {
        let fd = self.fd(0)?;
        let name = self.name_or_int(2)?;
        if name == "SO_LINGER" {
            let linger = linger(self.get(3)?)?.map(Duration::from_secs);
            let option = SocketOption::Tcp(TcpSocketOption::Linger(linger));
            return Ok(Plan::Kernel(Call::SetSockOpt { fd, option }, Expect::Plain));
        }
        let Some(value) = self.value(3)? else { return refused(format!("{name} needs a value")) };
        match option(&name, value)? {
            Some(option) => Ok(Plan::Kernel(Call::SetSockOpt { fd, option }, Expect::Plain)),
            None => Ok(Plan::Known(Ok(Ret::Done), Expect::Plain)),
        }
    }

    fn getsockopt(&self) -> Planned<Plan> {
        let fd = self.fd(0)?;
        let name = self.name_or_int(2)?;
        if self.around.lenient && matches!(name.as_str(), "SO_RCVBUF" | "SO_SNDBUF") {
            return Ok(Plan::Known(Ok(Ret::Done), Expect::Plain));
        }
        if name == "SO_LINGER" {
            // The model gives -1 for "off".
            let asked = self.get(3)?;
            let value = if *asked == Expr::Any { None } else { Some(linger(asked)?.map_or(-1, u64::cast_signed)) };
            let option = SocketOption::Tcp(TcpSocketOption::Linger(None));
            return Ok(Plan::Kernel(Call::GetSockOpt { fd, option }, Expect::Value(value)));
        }
        let value = self.value(3)?;
        let option = match name.as_str() {
            "SO_ERROR" => SocketOption::Error,
            _ => match option(&name, 0)? {
                Some(option) => option,
                None => return unsupported(format!("the model does not keep {name}")),
            },
        };
        Ok(Plan::Kernel(Call::GetSockOpt { fd, option }, Expect::Value(value)))
    }

    /// `poll([{fd=3, events=POLLIN, revents=POLLIN}, …], nfds, timeout)`.
    fn poll(&self) -> Planned<Plan> {
        let Expr::List(entries) = self.get(0)? else {
            return refused("poll() takes a list of {fd=, events=, revents=}");
        };
        let (mut fds, mut answers) = (Vec::new(), Vec::new());
        for entry in entries {
            let Expr::Fields(fields) = entry else { return refused("poll() takes a list of {fd=, events=, revents=}") };
            let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let Some(Expr::Int(fd)) = field("fd") else { return refused("an entry of poll() has no fd") };
            fds.push((self.known_fd(*fd)?, PollEvents(field("events").map_or(Ok(0), |bits| poll_bits(bits, "POLL"))?)));
            answers.push(field("revents").map(|bits| poll_bits(bits, "POLL")).transpose()?);
        }
        let timeout = poll_timeout(self.int(2)?);
        let set = if let [(fd, events)] = fds[..] { PollSet::one(fd, events) } else { PollSet::many(&fds) };
        Ok(Plan::Kernel(Call::Poll { set, timeout }, Expect::Poll(answers)))
    }
}

/// `{onoff=1, linger=5}`: the seconds when on.
fn linger(expr: &Expr) -> Planned<Option<u64>> {
    let field = |names: [&str; 2]| {
        let (_, value) = expr.fields()?.iter().find(|(name, _)| names.contains(&name.as_str()))?;
        value.int().and_then(|value| u64::try_from(value).ok())
    };
    match (field(["onoff", "l_onoff"]), field(["linger", "l_linger"])) {
        (Some(onoff), Some(linger)) => Ok((onoff != 0).then(|| linger.min(65_535))),
        _ => refused("SO_LINGER takes {onoff=…, linger=…}"),
    }
}

/// `poll`'s milliseconds, an `int`; negative waits for ever.
pub(super) fn poll_timeout(ms: i64) -> Option<Duration> {
    u64::try_from(ms).ok().map(|ms| Duration::from_millis(ms.min(0x7fff_ffff)))
}

/// `POLLIN | POLLOUT`, `EPOLLIN`.
pub(super) fn poll_bits(expr: &Expr, prefix: &str) -> Result<u16, Box<Plan>> {
    let bit = |part: &Expr| {
        if let Some(value) = part.int() {
            return u16::try_from(value).or_else(|_| refused(format!("{value} is no event")));
        }
        let Some(name) = part.name() else { return refused(format!("{part:?} is no event")) };
        match name.strip_prefix(prefix) {
            Some("IN") => Ok(0x001),
            Some("PRI") => Ok(0x002),
            Some("OUT") => Ok(0x004),
            Some("ERR") => Ok(0x008),
            Some("HUP") => Ok(0x010),
            Some("NVAL") => Ok(0x020),
            Some("RDNORM") => Ok(0x040),
            Some("WRNORM") => Ok(0x100),
            Some("RDHUP") => Ok(0x2000),
            _ => unsupported(format!("the event {name} is not in the model")),
        }
    };
    expr.parts().iter().try_fold(0, |bits, part| Ok(bits | bit(part)?))
}

/// A number, an errno's symbol, or "whatever".
fn number(expr: &Expr) -> Planned<Option<i64>> {
    if *expr == Expr::Any {
        return Ok(None);
    }
    if let Some(value) = expr.int() {
        return Ok(Some(value));
    }
    match expr.name().map(|name| (name, errno(name))) {
        Some((_, Some(errno))) => Ok(Some(i64::from(errno.number()))),
        Some((name, None)) => refused(format!("unknown symbol `{name}`")),
        None => refused(format!("{expr:?} is no value")),
    }
}

/// An errno's symbol; `EWOULDBLOCK` is Linux's `EAGAIN`.
pub(super) fn errno(name: &str) -> Option<Errno> {
    Errno::from_name(if name == "EWOULDBLOCK" { "EAGAIN" } else { name })
}

/// The option; `None` for one that changes nothing the model has.
fn option(name: &str, value: i64) -> Planned<Option<SocketOption>> {
    let number = u32::try_from(value).unwrap_or(0);
    let seconds = Duration::from_secs(u64::from(number));
    let byte = u8::try_from(value).unwrap_or(u8::MAX);
    // Linux doubles what is asked, within bounds (sock_setsockopt).
    let doubled = |least: u32| number.min(212_992).saturating_mul(2).max(least);
    let tcp = |option| Ok(Some(SocketOption::Tcp(option)));
    match name {
        "SO_REUSEADDR" => Ok(Some(SocketOption::ReuseAddr(value != 0))),
        "SO_REUSEPORT" => Ok(Some(SocketOption::ReusePort(value != 0))),
        "SO_KEEPALIVE" => tcp(TcpSocketOption::KeepAlive(value != 0)),
        "SO_RCVBUF" => tcp(TcpSocketOption::RcvBuf(doubled(2_304))),
        "SO_SNDBUF" => tcp(TcpSocketOption::SndBuf(doubled(4_608))),
        "TCP_KEEPIDLE" => tcp(TcpSocketOption::KeepIdle(seconds)),
        "TCP_KEEPINTVL" => tcp(TcpSocketOption::KeepIntvl(seconds)),
        "TCP_KEEPCNT" => tcp(TcpSocketOption::KeepCnt(byte)),
        "TCP_USER_TIMEOUT" => tcp(TcpSocketOption::UserTimeout(Duration::from_millis(u64::from(number)))),
        "TCP_NODELAY" => tcp(TcpSocketOption::NoDelay(value != 0)),
        "TCP_QUICKACK" => tcp(TcpSocketOption::QuickAck(value != 0)),
        "TCP_LINGER2" => tcp(TcpSocketOption::Linger2((value >= 0).then_some(seconds))),
        "TCP_SYNCNT" => tcp(TcpSocketOption::SynCnt(byte)),
        "TCP_MAXSEG" => tcp(TcpSocketOption::MaxSeg(u16::try_from(value).unwrap_or(u16::MAX))),
        "TCP_DEFER_ACCEPT" => Ok(Some(SocketOption::DeferAccept(number))),
        // Not set: as if the script had not asked.
        "TCP_FASTOPEN" | "TCP_FASTOPEN_CONNECT" => Ok(None),
        "TCP_KEEPINIT" | "TCP_NOOPT" | "TCP_NOPUSH" | "SO_NOSIGPIPE" => {
            refused(format!("unknown symbol `{name}`: it is FreeBSD's"))
        }
        _ => unsupported(format!("the socket option {name} is not in the model")),
    }
}

fn sockaddr(fields: &[(String, Expr)], default: Ipv4Addr, around: &Surroundings<'_>) -> Planned<Endpoint> {
    let mut addr = Endpoint::new(default, PORT);
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("sin_port" | "sin6_port", Expr::Apply(f, args)) if f == "htons" => {
                let Some(Expr::Int(port)) = args.first() else { return refused("htons() takes a port") };
                let Ok(port) = u16::try_from(*port) else { return refused(format!("{port} is no port")) };
                addr = addr.with_port(crate::units::Port(port));
            }
            ("sin_addr" | "sin6_addr", Expr::Apply(_, args)) => {
                let Some(Expr::Text(text)) = args.first() else { return refused("an address is a text") };
                let host = match text.parse() {
                    Ok(addr) => addr,
                    // A name of the script's own network.
                    Err(_) if text.contains(':') => {
                        if default.is_unspecified() {
                            around.local
                        } else {
                            around.remote
                        }
                    }
                    Err(_) => return refused(format!("`{text}` is no address")),
                };
                addr = Endpoint::on(host, addr.port());
            }
            _ => {}
        }
    }
    Ok(addr)
}
