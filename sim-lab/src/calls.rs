//! The calls of a program, made for real.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use halfclose::app::{
    Call, CallResult, Domain, FileKind, Limits, PollEvents, PollSet, Ret, ShutdownHow, SockType, SocketOption,
};
use halfclose::errno::Errno;
use halfclose::tcp::TcpSocketOption;
use halfclose::time::Duration;
use halfclose::units::{Endpoint, Fd};
use halfclose::wire::Payload;
use rustix::event::PollFlags;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketFlags, SocketType};
use rustix::process::{Resource, Rlimit};

use crate::clock;
use crate::fds::{FdTable, Kind, Parked};
use crate::sys;
use crate::worker::lock;

/// `O_RDWR`, and with `O_NONBLOCK`.
const O_RDWR: u32 = 0o2;
const O_NONBLOCK: u32 = 0o4000;

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) result: CallResult,
    /// `connect` of a TCP socket: source port, destination address and port.
    pub(crate) ports: Option<(u16, u32, u16)>,
    /// Descriptors were handed to helpers.
    pub(crate) parked: Option<Parked>,
}

impl From<CallResult> for Made {
    fn from(result: CallResult) -> Self {
        Self { result, ports: None, parked: None }
    }
}

/// Makes calls for a process.
#[derive(Debug)]
pub(crate) struct Calls {
    fds: Mutex<FdTable>,
}

fn sys(error: rustix::io::Errno) -> Errno {
    number(error.raw_os_error())
}
fn os(error: &io::Error) -> Errno {
    number(error.raw_os_error().unwrap_or(0))
}
fn number(raw: i32) -> Errno {
    Errno::ALL.iter().copied().find(|e| i32::from(e.number()) == raw).unwrap_or(Errno::Io)
}

fn flags(nonblock: bool) -> SocketFlags {
    if nonblock { SocketFlags::CLOEXEC | SocketFlags::NONBLOCK } else { SocketFlags::CLOEXEC }
}

fn endpoint(addr: &SocketAddrAny) -> Endpoint {
    match SocketAddr::try_from(addr.clone()) {
        Ok(SocketAddr::V4(v4)) => Endpoint::new(*v4.ip(), v4.port()),
        Ok(SocketAddr::V6(v6)) => Endpoint::new(v6.ip().to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED), v6.port()),
        Err(_) => Endpoint::ANY,
    }
}

fn std_duration(span: Duration) -> std::time::Duration {
    std::time::Duration::from_nanos(span.nanos())
}

impl Calls {
    pub(crate) fn new(table: FdTable) -> Self {
        Self { fds: Mutex::new(table) }
    }
    pub(crate) fn limit(&self, soft: u64) -> bool {
        lock(&self.fds).limit(soft)
    }
    pub(crate) fn open(&self) -> usize {
        lock(&self.fds).open()
    }

    fn get(&self, fd: Fd) -> Result<(Arc<OwnedFd>, Kind), Errno> {
        lock(&self.fds).get(fd)
    }

    /// Makes the call, waits as it waits.
    pub(crate) fn make(&self, call: Call) -> Made {
        if let Call::Socket { domain, ty, nonblock } = call {
            self.new_fd(|| {
                let family = match domain {
                    Domain::Inet => AddressFamily::INET,
                    Domain::Inet6 => AddressFamily::INET6,
                };
                let (ty, kind) = match ty {
                    SockType::Stream => (SocketType::STREAM, Kind::Tcp),
                    SockType::Dgram => (SocketType::DGRAM, Kind::Udp),
                };
                let fd = rustix::net::socket_with(family, ty, flags(nonblock), None).map_err(sys)?;
                Ok((fd, kind, None))
            })
        } else if let Call::Accept { fd, nonblock } = call {
            let listener = match self.get(fd) {
                Ok((listener, _)) => listener,
                Err(errno) => return Err(errno).into(),
            };
            self.new_fd(|| {
                let (fd, peer) = rustix::net::acceptfrom_with(&*listener, flags(nonblock)).map_err(sys)?;
                Ok((fd, Kind::Tcp, Some(peer.map_or(Endpoint::ANY, |p| endpoint(&p)))))
            })
        } else if let Call::Open { file } = call {
            self.new_fd(|| {
                let size = match file {
                    FileKind::EtcHosts(size) => size,
                    FileKind::Path(_) => 0,
                };
                let fd = std::fs::File::options().read(true).write(true).open("/dev/null").map_err(|e| os(&e))?;
                Ok((fd.into(), Kind::File { size, left: size }, None))
            })
        } else if let Call::Connect { fd, addr } = call {
            self.connect(fd, addr)
        } else {
            self.simple(call).into()
        }
    }

    /// A call that makes a descriptor.
    fn new_fd(&self, make: impl FnOnce() -> Result<(OwnedFd, Kind, Option<Endpoint>), Errno>) -> Made {
        let parked = match lock(&self.fds).prepare() {
            Ok(parked) => parked,
            Err(errno) => return Err(errno).into(),
        };
        let result = make().map(|(fd, kind, peer)| {
            let fd = lock(&self.fds).insert(fd, kind);
            peer.map_or(Ret::Fd(fd), |peer| Ret::Accepted(fd, peer))
        });
        Made { result, ports: None, parked }
    }

    fn connect(&self, fd: Fd, addr: Endpoint) -> Made {
        let (socket, kind) = match self.get(fd) {
            Ok(found) => found,
            Err(errno) => return Err(errno).into(),
        };
        let own_port = || rustix::net::getsockname(&*socket).map_or(0, |name| endpoint(&name).port().0);
        // Only where the kernel is asked to choose; a second connect() finds the port of the first.
        let chooses = kind == Kind::Tcp && own_port() == 0;
        let result = rustix::net::connect(&*socket, &SocketAddrV4::new(addr.addr(), addr.port().0)).map_err(sys);
        let ports = chooses.then(|| (own_port(), addr.addr().to_bits(), addr.port().0));
        Made { result: result.map(|()| Ret::Done), ports, parked: None }
    }

    fn simple(&self, call: Call) -> CallResult {
        match call {
            Call::Bind { fd, addr } => {
                let (socket, _) = self.get(fd)?;
                let v6 = sockopt::socket_domain(&*socket).is_ok_and(|domain| domain == AddressFamily::INET6);
                let bound = if v6 {
                    let ip =
                        if addr.addr().is_unspecified() { Ipv6Addr::UNSPECIFIED } else { addr.addr().to_ipv6_mapped() };
                    rustix::net::bind(&*socket, &SocketAddrV6::new(ip, addr.port().0, 0, 0))
                } else {
                    rustix::net::bind(&*socket, &SocketAddrV4::new(addr.addr(), addr.port().0))
                };
                bound.map_err(sys)?;
                Ok(Ret::Done)
            }
            Call::Listen { fd, backlog } => {
                let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
                rustix::net::listen(&*self.get(fd)?.0, backlog).map_err(sys)?;
                Ok(Ret::Done)
            }
            Call::Send { fd, data } => {
                let sent = rustix::net::send(&*self.get(fd)?.0, &data.to_vec(), SendFlags::NOSIGNAL).map_err(sys)?;
                Ok(count(sent))
            }
            Call::Recv { fd, max, peek, dontwait } => self.receive(fd, max, peek, dontwait),
            Call::Sendmmsg { fd, datagrams } => {
                let (socket, _) = self.get(fd)?;
                let mut sent = 0;
                for datagram in datagrams {
                    match rustix::net::send(&*socket, &datagram.to_vec(), SendFlags::NOSIGNAL) {
                        Ok(_) => sent += 1,
                        Err(errno) if sent == 0 => return Err(sys(errno)),
                        Err(_) => break,
                    }
                }
                Ok(Ret::Count(sent))
            }
            Call::SendTo { fd, addr, data } => {
                let to = SocketAddrV4::new(addr.addr(), addr.port().0);
                let (socket, _) = self.get(fd)?;
                let sent = rustix::net::sendto(&*socket, &data.to_vec(), SendFlags::NOSIGNAL, &to).map_err(sys)?;
                Ok(count(sent))
            }
            Call::Shutdown { fd, how } => {
                let how = match how {
                    ShutdownHow::Read => Shutdown::Read,
                    ShutdownHow::Write => Shutdown::Write,
                    ShutdownHow::Both => Shutdown::Both,
                };
                rustix::net::shutdown(&*self.get(fd)?.0, how).map_err(sys)?;
                Ok(Ret::Done)
            }
            Call::Close { fd } => {
                // Bound first: the table is not locked while the kernel closes.
                let closed = lock(&self.fds).remove(fd)?;
                drop(closed);
                Ok(Ret::Done)
            }
            Call::Poll { set, timeout } => self.poll(set, timeout),
            Call::SetNonblock { fd, on } => {
                rustix::io::ioctl_fionbio(&*self.get(fd)?.0, on).map_err(sys)?;
                Ok(Ret::Done)
            }
            Call::GetFl { fd } => {
                let (socket, _) = self.get(fd)?;
                let flags = rustix::fs::fcntl_getfl(&*socket).map_err(sys)?;
                let nonblock = flags.contains(rustix::fs::OFlags::NONBLOCK);
                Ok(Ret::Count(O_RDWR | if nonblock { O_NONBLOCK } else { 0 }))
            }
            Call::SetSockOpt { fd, option } => {
                set_option(&self.get(fd)?.0, option).map_err(|error| os(&error))?;
                Ok(Ret::Done)
            }
            Call::GetSockOpt { fd, option } => self.get_option(fd, option),
            Call::GetSockName { fd } => {
                Ok(Ret::Name(endpoint(&rustix::net::getsockname(&*self.get(fd)?.0).map_err(sys)?)))
            }
            Call::GetPeerName { fd } => {
                let peer = rustix::net::getpeername(&*self.get(fd)?.0).map_err(sys)?;
                Ok(Ret::Name(peer.map_or(Endpoint::ANY, |peer| endpoint(&peer))))
            }
            Call::IoctlFionread { fd } => {
                let n = rustix::io::ioctl_fionread(&*self.get(fd)?.0).map_err(sys)?;
                Ok(Ret::Count(u32::try_from(n).unwrap_or(u32::MAX)))
            }
            Call::Read { fd, max } => lock(&self.fds).read_file(fd, max).map(Ret::Count),
            // 1 and 2 are the lab's own channels: what a program prints is not wanted there.
            Call::Write { fd, len } if fd.0 <= 2 => Ok(Ret::Count(len)),
            Call::Write { fd, len } => {
                let n = rustix::io::write(&*self.get(fd)?.0, &vec![b' '; len as usize]).map_err(sys)?;
                Ok(count(n))
            }
            Call::Fstat { fd } => self.get(fd).map(|_| Ret::Done),
            Call::Stat { path } => match std::fs::metadata(path) {
                Ok(_) => Ok(Ret::Done),
                Err(error) => Err(os(&error)),
            },
            Call::Lseek { fd } => lock(&self.fds).rewind(fd).map(|()| Ret::Count(0)),
            Call::Mprotect => Ok(Ret::Done),
            Call::Getpid => Ok(Ret::Count(std::process::id())),
            Call::GetRlimit => {
                let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
                Ok(Ret::Limits(Limits { soft: current.unwrap_or(u64::MAX), hard: maximum.unwrap_or(u64::MAX) }))
            }
            Call::SetRlimit { limits } => {
                if !self.limit(limits.soft) {
                    let limits = Rlimit { current: Some(limits.soft), maximum: Some(limits.hard) };
                    rustix::process::setrlimit(Resource::Nofile, limits).map_err(sys)?;
                }
                Ok(Ret::Done)
            }
            Call::Nanosleep { duration } => {
                // No signal handler interrupts it.
                let _slept = rustix::thread::nanosleep(&clock::timespec(duration));
                Ok(Ret::Done)
            }
            Call::Compute { duration } => {
                let end = clock::thread_cpu() + duration.nanos();
                while clock::thread_cpu() < end {
                    std::hint::spin_loop();
                }
                Ok(Ret::Done)
            }
            Call::Socket { .. }
            | Call::Accept { .. }
            | Call::Open { .. }
            | Call::Connect { .. }
            | Call::Spawn { .. }
            | Call::FutexWait { .. }
            | Call::ExitTask
            | Call::ExitProcess { .. } => unreachable!("made elsewhere"),
        }
    }

    fn receive(&self, fd: Fd, max: u32, peek: bool, dontwait: bool) -> CallResult {
        let (socket, kind) = self.get(fd)?;
        let mut flags = RecvFlags::empty();
        flags.set(RecvFlags::PEEK, peek);
        flags.set(RecvFlags::DONTWAIT, dontwait);
        let mut buffer = vec![0; max as usize];
        let (n, _, from) = rustix::net::recvfrom(&*socket, &mut buffer[..], flags).map_err(sys)?;
        let data = Payload::from_bytes(&buffer[..n]);
        Ok(match kind {
            Kind::Tcp | Kind::File { .. } => Ret::Data(data),
            Kind::Udp => Ret::Datagram(data, from.map_or(Endpoint::ANY, |from| endpoint(&from))),
        })
    }

    fn poll(&self, mut set: PollSet, timeout: Option<Duration>) -> CallResult {
        let mut held = Vec::with_capacity(set.entries().len());
        for entry in set.entries_mut() {
            entry.revents = PollEvents::NONE;
            match self.get(entry.fd) {
                Ok((fd, _)) => held.push(Some(fd)),
                Err(_) => {
                    entry.revents = PollEvents::NVAL;
                    held.push(None);
                }
            }
        }
        let invalid = held.iter().any(Option::is_none);
        let mut polled: Vec<_> = held
            .iter()
            .zip(set.entries())
            .filter_map(|(fd, entry)| {
                let events = PollFlags::from_bits_retain(entry.events.0);
                fd.as_ref().map(|fd| rustix::event::PollFd::new(&**fd, events))
            })
            .collect();
        let timeout = if invalid { Some(Duration::ZERO) } else { timeout }.map(clock::timespec);
        rustix::event::poll(&mut polled, timeout.as_ref()).map_err(sys)?;
        let results: Vec<u16> = polled.iter().map(|p| p.revents().bits()).collect();
        let mut results = results.into_iter();
        for (entry, fd) in set.entries_mut().iter_mut().zip(&held) {
            if fd.is_some() {
                entry.revents = PollEvents(results.next().unwrap_or(0));
            }
        }
        Ok(Ret::Ready(set))
    }

    fn get_option(&self, fd: Fd, option: SocketOption) -> CallResult {
        let (socket, _) = self.get(fd)?;
        match option {
            SocketOption::Error => {
                let pending = sockopt::socket_error(&*socket).map_err(sys)?;
                let number = pending.err().map_or(0, |errno| errno.raw_os_error());
                Ok(Ret::Count(u32::try_from(number).unwrap_or(0)))
            }
            SocketOption::ReuseAddr(_)
            | SocketOption::ReusePort(_)
            | SocketOption::RcvTimeo(_)
            | SocketOption::SndTimeo(_)
            | SocketOption::BindAddressNoPort(_)
            | SocketOption::LocalPortRange(..)
            | SocketOption::V6Only(_)
            | SocketOption::RecvErr(_)
            | SocketOption::DeferAccept(_)
            | SocketOption::Tcp(_) => Err(Errno::NoProtoOpt),
        }
    }
}

fn count(n: usize) -> Ret {
    Ret::Count(u32::try_from(n).unwrap_or(u32::MAX))
}

fn set_option(fd: &OwnedFd, option: SocketOption) -> io::Result<()> {
    let int = |level, name, value: u32| sys::setsockopt_int(fd, level, name, i32::try_from(value).unwrap_or(i32::MAX));
    let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    let limit = |span: Duration| (span != Duration::ZERO).then(|| std_duration(span));
    match option {
        SocketOption::ReuseAddr(on) => sockopt::set_socket_reuseaddr(fd, on)?,
        SocketOption::ReusePort(on) => sockopt::set_socket_reuseport(fd, on)?,
        SocketOption::RcvTimeo(span) => sockopt::set_socket_timeout(fd, Timeout::Recv, limit(span))?,
        SocketOption::SndTimeo(span) => sockopt::set_socket_timeout(fd, Timeout::Send, limit(span))?,
        SocketOption::V6Only(on) => sockopt::set_ipv6_v6only(fd, on)?,
        SocketOption::BindAddressNoPort(on) => {
            int(libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, u32::from(on))?;
        }
        SocketOption::LocalPortRange(low, high) => {
            // IP_LOCAL_PORT_RANGE, linux/in.h since 6.3.
            let value = u32::from(high) << 16 | u32::from(low);
            sys::setsockopt_int(fd, libc::IPPROTO_IP, 51, i32::from_ne_bytes(value.to_ne_bytes()))?;
        }
        SocketOption::RecvErr(on) => int(libc::IPPROTO_IP, libc::IP_RECVERR, u32::from(on))?,
        SocketOption::DeferAccept(secs) => int(libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, secs)?,
        SocketOption::Error => return Err(io::Error::from_raw_os_error(libc::ENOPROTOOPT)),
        SocketOption::Tcp(option) => match option {
            TcpSocketOption::Linger(span) => sockopt::set_socket_linger(fd, span.map(std_duration))?,
            TcpSocketOption::KeepAlive(on) => sockopt::set_socket_keepalive(fd, on)?,
            TcpSocketOption::KeepIdle(span) => sockopt::set_tcp_keepidle(fd, std_duration(span))?,
            TcpSocketOption::KeepIntvl(span) => sockopt::set_tcp_keepintvl(fd, std_duration(span))?,
            TcpSocketOption::KeepCnt(n) => sockopt::set_tcp_keepcnt(fd, n.into())?,
            TcpSocketOption::UserTimeout(span) => {
                sockopt::set_tcp_user_timeout(fd, u32::try_from(span.as_millis()).unwrap_or(u32::MAX))?;
            }
            TcpSocketOption::NoDelay(on) => sockopt::set_tcp_nodelay(fd, on)?,
            TcpSocketOption::QuickAck(on) => sockopt::set_tcp_quickack(fd, on)?,
            TcpSocketOption::Linger2(Some(span)) => int(libc::IPPROTO_TCP, libc::TCP_LINGER2, seconds(span))?,
            TcpSocketOption::Linger2(None) => sys::setsockopt_int(fd, libc::IPPROTO_TCP, libc::TCP_LINGER2, -1)?,
            TcpSocketOption::SynCnt(n) => int(libc::IPPROTO_TCP, libc::TCP_SYNCNT, n.into())?,
            TcpSocketOption::MaxSeg(n) => int(libc::IPPROTO_TCP, libc::TCP_MAXSEG, n.into())?,
            // Our numbers are the kernel's, twice what a program asks for.
            TcpSocketOption::RcvBuf(bytes) => sockopt::set_socket_recv_buffer_size(fd, bytes as usize / 2)?,
            TcpSocketOption::SndBuf(bytes) => sockopt::set_socket_send_buffer_size(fd, bytes as usize / 2)?,
        },
    }
    Ok(())
}
