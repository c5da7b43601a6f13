//! The network as async code sees it: a trait to write clients against, and
//! its simulated implementation.

use core::future::Future;
use core::net::SocketAddr;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use super::executor::{JoinHandle, Spawner};
use super::op;
use super::reactor::{OpId, Shared, io_error, span};
use super::stream::{Descriptor, SimTcpStream};
use crate::app::api::{Call, Domain, PollEvents, Ret, SockType, SocketOption};
use crate::app::flow;
use crate::errno::Errno;
use crate::time::Instant;
use crate::units::{Endpoint, Fd, Ipv4Addr, Port};

/// What a client needs of the world: connections and time.
///
/// A client written as `async fn run<N: Net>(net: N)` runs in production over an
/// implementation of ten lines for tokio or smol, and in tests over [`SimNet`].
pub trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects; a host name is looked up first.
    #[track_caller]
    fn connect(&self, target: impl Into<Target>) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits.
    fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send;

    /// Time since some moment in the past, the same one for each call.
    fn elapsed(&self) -> Duration;

    /// Runs a task of its own.
    #[track_caller]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// 64 random bits, for jitter.
    fn random(&self) -> u64;

    /// `future`, unless it takes longer than `span`: then it is dropped.
    fn timeout<F: Future + Send>(
        &self,
        span: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + Send {
        first_of(future, self.sleep(span))
    }
}

/// The future's output, unless the other ends first.
async fn first_of<F: Future>(future: F, limit: impl Future<Output = ()>) -> Result<F::Output, Elapsed> {
    let mut future = core::pin::pin!(future);
    let mut limit = core::pin::pin!(limit);
    core::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        limit.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}

/// A time-out was over first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("deadline has elapsed")]
pub struct Elapsed;

impl From<Elapsed> for io::Error {
    fn from(_: Elapsed) -> Self {
        Self::from(io::ErrorKind::TimedOut)
    }
}

/// Where to connect to or listen: an address, or a name to look up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An address.
    Addr(Endpoint),
    /// A host name and a port.
    Name(String, u16),
    /// A text that is neither: connecting fails with `InvalidInput`.
    Invalid(String),
}

impl From<Endpoint> for Target {
    fn from(addr: Endpoint) -> Self {
        Self::Addr(addr)
    }
}
impl From<(Ipv4Addr, u16)> for Target {
    fn from((addr, port): (Ipv4Addr, u16)) -> Self {
        Self::Addr(Endpoint::new(addr, port))
    }
}
impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(v4) => Self::from((*v4.ip(), v4.port())),
            SocketAddr::V6(v6) => Self::Invalid(v6.to_string()),
        }
    }
}
impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Self {
        host.parse().map_or_else(|_| Self::Name(host.to_owned(), port), |addr| Self::Addr(Endpoint::new(addr, port)))
    }
}
/// `host:port`.
impl From<&str> for Target {
    fn from(text: &str) -> Self {
        match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if !host.is_empty() && !host.contains(':') => Self::from((host, port)),
            Some(_) | None => Self::Invalid(text.to_owned()),
        }
    }
}
impl From<String> for Target {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// The network and the clock of one simulated process. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct SimNet {
    pub(super) shared: Shared,
    pub(super) spawner: Spawner,
}

impl SimNet {
    /// Connects; a host name is looked up first, through `/etc/hosts` and DNS.
    ///
    /// # Errors
    /// The errno of `socket()` (`EMFILE`) or of the connection (`EADDRNOTAVAIL`, `ECONNREFUSED`, …); without one when
    /// the name has no address.
    #[track_caller]
    pub fn connect<T: Into<Target>>(
        &self,
        target: T,
    ) -> impl Future<Output = io::Result<SimTcpStream>> + Send + use<T> {
        let (this, target, at) = (self.clone(), target.into(), Location::caller());
        async move {
            let addr = this.resolve(&target).await?;
            this.open(at).await?.connect_to(addr).await
        }
    }

    /// Listens, with `SO_REUSEADDR` and a backlog of 1024 as tokio does.
    ///
    /// # Errors
    /// The errno of `socket()`, `bind()` or `listen()`.
    #[track_caller]
    pub fn listen<T: Into<Target>>(
        &self,
        target: T,
    ) -> impl Future<Output = io::Result<SimTcpListener>> + Send + use<T> {
        let (this, target, at) = (self.clone(), target.into(), Location::caller());
        async move {
            let addr = this.resolve(&target).await?;
            let socket = this.open(at).await?;
            socket.set_option(SocketOption::ReuseAddr(true)).await?;
            socket.bind(addr).await?;
            socket.listen(1_024).await
        }
    }

    /// A socket that is not connected, to set options or bind first.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE`.
    #[track_caller]
    pub fn socket(&self) -> impl Future<Output = io::Result<SimTcpSocket>> + Send + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move { this.open(at).await }
    }

    async fn open(&self, at: &'static Location<'static>) -> io::Result<SimTcpSocket> {
        let call = Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: true };
        let fd = flow::fd(op::call(&self.shared, call).await).map_err(io_error)?;
        Ok(SimTcpSocket { descriptor: Descriptor::new(&self.shared, fd, at) })
    }

    async fn resolve(&self, target: &Target) -> io::Result<Endpoint> {
        match target {
            Target::Addr(addr) => Ok(*addr),
            Target::Name(name, port) => Ok(Endpoint::on(op::lookup(&self.shared, name).await?, Port(*port))),
            Target::Invalid(text) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{text}` is neither an IPv4 address nor a host name with a port"),
            )),
        }
    }

    /// Looks a name up.
    ///
    /// # Errors
    /// When it has no address.
    pub async fn lookup(&self, name: &str) -> io::Result<Ipv4Addr> {
        op::lookup(&self.shared, name).await
    }

    /// Waits.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let mut reactor = self.shared.lock();
        let until = reactor.now + span(duration);
        let id = reactor.number();
        drop(reactor);
        Sleep { shared: self.shared.clone(), until, id }
    }

    /// `future`, unless it takes longer than `span` of virtual time: then it is dropped.
    ///
    /// # Errors
    /// [`Elapsed`], which an [`io::Error`] can be made from: `TimedOut`.
    pub fn timeout<F: Future>(
        &self,
        span: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        first_of(future, self.sleep(span))
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.lock().now
    }

    /// Runs a task; its name in messages is the place of this call.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let at = Location::caller();
        self.spawner.spawn(format!("{}:{}", at.file(), at.line()), at, task)
    }

    /// Runs a task under a name.
    #[track_caller]
    pub fn spawn_named<T: Send + 'static>(
        &self,
        name: impl Into<String>,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.spawner.spawn(name.into(), Location::caller(), task)
    }

    /// 64 bits of the process's random stream.
    #[must_use]
    pub fn random(&self) -> u64 {
        self.shared.lock().rng.next_u64()
    }

    /// Counts something: [`App::metric`](crate::app::App::metric) and properties read it by its name.
    pub fn count(&self, name: &str) {
        self.add(name, 1);
    }

    /// Adds to a counter.
    pub fn add(&self, name: &str, n: u64) {
        *self.shared.lock().counters.entry(name.to_owned()).or_default() += n;
    }

    /// Says that the caller of the client was told of this error: counts
    /// `error.ERRNO`, or `error.other` where there is no errno.
    pub fn told(&self, error: &io::Error) {
        let errno = error
            .raw_os_error()
            .and_then(|raw| Errno::ALL.iter().copied().find(|errno| i32::from(errno.number()) == raw));
        self.count(&match errno {
            Some(errno) => format!("error.{errno}"),
            None if error.kind() == io::ErrorKind::UnexpectedEof => "error.EOF".to_owned(),
            None if error.kind() == io::ErrorKind::TimedOut => "error.timeout".to_owned(),
            None => "error.other".to_owned(),
        });
    }
}

impl Net for SimNet {
    type Stream = SimTcpStream;

    #[track_caller]
    fn connect(&self, target: impl Into<Target>) -> impl Future<Output = io::Result<SimTcpStream>> + Send {
        Self::connect(self, target.into())
    }
    fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send {
        Self::sleep(self, span)
    }
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now().nanos())
    }
    #[track_caller]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(Self::spawn(self, task));
    }
    fn random(&self) -> u64 {
        Self::random(self)
    }
}

/// A socket before `connect()` or `listen()`.
#[derive(Debug)]
pub struct SimTcpSocket {
    descriptor: Descriptor,
}

impl SimTcpSocket {
    /// The descriptor's number.
    #[must_use]
    pub const fn fd(&self) -> Fd {
        self.descriptor.fd
    }

    /// `setsockopt()`.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.descriptor.set(option).await
    }

    /// `bind()`.
    ///
    /// # Errors
    /// The call's errno: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`.
    pub async fn bind(&self, addr: Endpoint) -> io::Result<()> {
        self.descriptor.call(Call::Bind { fd: self.fd(), addr }).await
    }

    /// `connect()`.
    ///
    /// # Errors
    /// The errno of the call, or of the connection attempt.
    pub async fn connect(self, addr: Endpoint) -> io::Result<SimTcpStream> {
        self.connect_to(addr).await
    }

    async fn connect_to(self, addr: Endpoint) -> io::Result<SimTcpStream> {
        let (shared, fd) = (self.descriptor.shared.clone(), self.fd());
        match op::call(&shared, Call::Connect { fd, addr }).await {
            Ok(_) => {}
            Err(Errno::InProgress) => {
                op::ready(&shared, fd, PollEvents::OUT).await;
                let error = op::call(&shared, Call::GetSockOpt { fd, option: SocketOption::Error }).await;
                flow::so_error(error).map_err(io_error)?;
            }
            Err(errno) => return Err(io_error(errno)),
        }
        Ok(SimTcpStream::new(self.descriptor, addr))
    }

    /// `listen()`.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn listen(self, backlog: u32) -> io::Result<SimTcpListener> {
        self.descriptor.call(Call::Listen { fd: self.fd(), backlog }).await?;
        Ok(SimTcpListener { descriptor: self.descriptor })
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct SimTcpListener {
    descriptor: Descriptor,
}

impl SimTcpListener {
    /// The next connection.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: the connection stays in the accept queue.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(SimTcpStream, Endpoint)>> + Send + use<'_> {
        let at = Location::caller();
        async move {
            let (shared, fd) = (&self.descriptor.shared, self.descriptor.fd);
            loop {
                match op::call(shared, Call::Accept { fd, nonblock: true }).await {
                    Ok(Ret::Accepted(new, peer)) => {
                        return Ok((SimTcpStream::new(Descriptor::new(shared, new, at), peer), peer));
                    }
                    Err(Errno::Again) => op::ready(shared, fd, PollEvents::IN).await,
                    Err(errno) => return Err(io_error(errno)),
                    Ok(other) => unreachable!("accept returns a descriptor, not {other:?}"),
                }
            }
        }
    }

    /// `getsockname()`.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn local_addr(&self) -> io::Result<Endpoint> {
        self.descriptor.name().await
    }

    /// The descriptor's number.
    #[must_use]
    pub const fn fd(&self) -> Fd {
        self.descriptor.fd
    }
}

/// Waits until a moment of virtual time.
#[derive(Debug)]
pub struct Sleep {
    shared: Shared,
    until: Instant,
    id: OpId,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.lock().now >= self.until {
            return Poll::Ready(());
        }
        self.shared.set_timer(self.until, self.id, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.shared.clear_timer(self.until, self.id);
    }
}
