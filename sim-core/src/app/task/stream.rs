//! Connected sockets.

use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use super::op::{self, Op};
use super::reactor::{Outcome, Shared, io_error, span};
use crate::app::api::{Call, PollEvents, Ret, ShutdownHow, SocketOption};
use crate::errno::Errno;
use crate::tcp::TcpSocketOption;
use crate::units::{Endpoint, Fd};
use crate::wire::Payload;

/// Most bytes one `recv()` or `send()` carries.
const CHUNK: usize = 65_536;

/// An open descriptor; dropping it closes it.
#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) shared: Shared,
    pub(super) fd: Fd,
}

impl Descriptor {
    /// Takes charge of a new descriptor, opened at `at`.
    pub(super) fn new(shared: &Shared, fd: Fd, at: &'static Location<'static>) -> Self {
        shared.opened(fd, at);
        Self { shared: shared.clone(), fd }
    }

    /// A call that returns nothing.
    pub(super) async fn call(&self, call: Call) -> io::Result<()> {
        op::call(&self.shared, call).await.map(drop).map_err(io_error)
    }

    /// `setsockopt()`.
    pub(super) async fn set(&self, option: SocketOption) -> io::Result<()> {
        self.call(Call::SetSockOpt { fd: self.fd, option }).await
    }

    /// `getsockopt()`: the option's value as a number.
    pub(super) async fn get(&self, option: SocketOption) -> io::Result<u32> {
        let result = op::call(&self.shared, Call::GetSockOpt { fd: self.fd, option }).await;
        crate::app::flow::count(result).map_err(io_error)
    }

    /// `getsockname()`.
    pub(super) async fn name(&self) -> io::Result<Endpoint> {
        let result = op::call(&self.shared, Call::GetSockName { fd: self.fd }).await.map_err(io_error)?;
        let Ret::Name(name) = result else { unreachable!("getsockname returns a name, not {result:?}") };
        Ok(name)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.shared.close(self.fd);
    }
}

/// A TCP connection of a simulated process.
///
/// Dropping it is `close()`, as with `std`: a FIN, or a RST where bytes were
/// left unread. Forgetting it (`std::mem::forget`) leaks the descriptor, and
/// the peer's FIN then leaves it in CLOSE_WAIT for ever.
///
/// Reading and writing are through [`futures_io`]'s traits, and with the
/// feature `tokio` through tokio's. A read or write that is given up while its
/// system call is on its way has happened all the same: what was read is kept
/// for the next read, what was written is on the wire.
#[derive(Debug)]
pub struct SimTcpStream {
    descriptor: Descriptor,
    peer: Endpoint,
    reading: Option<Op>,
    /// Read, and not yet asked for.
    rest: Payload,
    writing: Option<(Op, Payload)>,
    closing: Option<Op>,
}

impl SimTcpStream {
    pub(super) const fn new(descriptor: Descriptor, peer: Endpoint) -> Self {
        Self { descriptor, peer, reading: None, rest: Payload::EMPTY, writing: None, closing: None }
    }

    /// The descriptor's number.
    #[must_use]
    pub const fn fd(&self) -> Fd {
        self.descriptor.fd
    }

    /// The other end.
    #[must_use]
    pub const fn peer_addr(&self) -> Endpoint {
        self.peer
    }

    /// `getsockname()`: this end.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn local_addr(&self) -> io::Result<Endpoint> {
        self.descriptor.name().await
    }

    /// `shutdown()`: half-close with [`ShutdownHow::Write`].
    ///
    /// # Errors
    /// The call's errno: `ENOTCONN` when the connection is gone.
    pub async fn shutdown_side(&self, how: ShutdownHow) -> io::Result<()> {
        self.descriptor.call(Call::Shutdown { fd: self.fd(), how }).await
    }

    /// `TCP_NODELAY`.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.set_option(SocketOption::Tcp(TcpSocketOption::NoDelay(on))).await
    }

    /// `SO_LINGER`; zero makes closing a reset.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn set_linger(&self, linger: Option<core::time::Duration>) -> io::Result<()> {
        self.set_option(SocketOption::Tcp(TcpSocketOption::Linger(linger.map(span)))).await
    }

    /// `setsockopt()`.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.descriptor.set(option).await
    }

    /// `getsockopt()`: the value as a number; the one in `option` is ignored.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn option(&self, option: SocketOption) -> io::Result<u32> {
        self.descriptor.get(option).await
    }

    /// `SO_ERROR`: the pending error, which is thereby cleared.
    ///
    /// # Errors
    /// The call's errno.
    pub async fn take_error(&self) -> io::Result<Option<io::Error>> {
        let number = self.option(SocketOption::Error).await?;
        Ok((number != 0).then(|| io::Error::from_raw_os_error(i32::try_from(number).unwrap_or(i32::MAX))))
    }

    /// `recv(MSG_PEEK | MSG_DONTWAIT)`: bytes that could be read now; `Some(0)`
    /// at the end of the stream, `None` when there is nothing to read.
    ///
    /// # Errors
    /// The pending error of a connection that was lost.
    pub async fn peek_now(&self) -> io::Result<Option<usize>> {
        if !self.rest.is_empty() {
            return Ok(Some(self.rest.len() as usize));
        }
        let call = Call::Recv { fd: self.fd(), max: 65_536, peek: true, dontwait: true };
        match crate::app::flow::data(op::call(&self.descriptor.shared, call).await) {
            Ok(data) => Ok(Some(data.len() as usize)),
            Err(Errno::Again) => Ok(None),
            Err(errno) => Err(io_error(errno)),
        }
    }

    /// Leaves the descriptor open and forgets it, as `into_raw_fd()` without its other half does.
    pub fn leak(self) -> Fd {
        let fd = self.fd();
        core::mem::forget(self);
        fd
    }

    fn shared(&self) -> Shared {
        self.descriptor.shared.clone()
    }

    /// Bytes that may be handed on, at most `want`; empty at the end of the stream.
    fn poll_recv(&mut self, cx: &Context<'_>, want: usize) -> Poll<io::Result<Payload>> {
        let fd = self.fd();
        let max = u32::try_from(want.min(CHUNK)).unwrap_or(u32::MAX);
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(self.rest.take_front(max)));
        }
        loop {
            let shared = self.shared();
            let recv = || Op::call(&shared, Call::Recv { fd, max, peek: false, dontwait: true });
            let op = self.reading.get_or_insert_with(recv);
            let outcome = core::task::ready!(op.poll_outcome(cx));
            self.reading = match outcome {
                Outcome::Call(Ok(Ret::Data(data))) => {
                    self.reading = None;
                    self.rest = data;
                    return Poll::Ready(Ok(self.rest.take_front(max)));
                }
                Outcome::Call(Err(Errno::Again)) => {
                    Some(Op::ready(&shared, fd, PollEvents::IN.with(PollEvents::RDHUP)))
                }
                Outcome::Call(Err(errno)) => {
                    self.reading = None;
                    return Poll::Ready(Err(io_error(errno)));
                }
                Outcome::Ready => None,
                Outcome::Call(Ok(other)) => unreachable!("recv returns bytes, not {other:?}"),
                Outcome::Addr(_) => unreachable!("nothing was looked up"),
            };
        }
    }

    fn poll_send(&mut self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let fd = self.fd();
        loop {
            let shared = self.shared();
            let send = || {
                let data = Payload::from_bytes(&bytes[..bytes.len().min(CHUNK)]);
                (Op::call(&shared, Call::Send { fd, data: data.clone() }), data)
            };
            let (op, data) = self.writing.get_or_insert_with(send);
            let outcome = core::task::ready!(op.poll_outcome(cx));
            let data = core::mem::take(data);
            self.writing = match outcome {
                Outcome::Call(Ok(Ret::Count(sent))) => {
                    self.writing = None;
                    let whole = data.bytes().unwrap_or_default();
                    let sent = sent as usize;
                    if bytes.starts_with(&whole[..sent]) {
                        return Poll::Ready(Ok(sent));
                    }
                    // That was a write somebody gave up; this one is yet to be made.
                    continue;
                }
                Outcome::Call(Err(Errno::Again)) => Some((Op::ready(&shared, fd, PollEvents::OUT), data)),
                Outcome::Call(Err(errno)) => {
                    self.writing = None;
                    return Poll::Ready(Err(io_error(errno)));
                }
                Outcome::Ready => None,
                Outcome::Call(Ok(other)) => unreachable!("send returns a count, not {other:?}"),
                Outcome::Addr(_) => unreachable!("nothing was looked up"),
            };
        }
    }

    fn poll_shutdown_write(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let (shared, fd) = (self.shared(), self.fd());
        let op = self.closing.get_or_insert_with(|| Op::call(&shared, Call::Shutdown { fd, how: ShutdownHow::Write }));
        let result = core::task::ready!(op.poll_result(cx));
        self.closing = None;
        Poll::Ready(result.map(drop).map_err(io_error))
    }

    pub(super) fn poll_read_into(&mut self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let data = core::task::ready!(self.poll_recv(cx, buf.len()))?;
        let len = data.len() as usize;
        match data.bytes() {
            Some(bytes) => buf[..len].copy_from_slice(bytes),
            // Bytes whose sender did not care what they are.
            None => buf[..len].fill(0),
        }
        Poll::Ready(Ok(len))
    }
}

impl AsyncRead for SimTcpStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_into(cx, buf)
    }
}

impl AsyncWrite for SimTcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buf)
    }
    /// There is no buffer of ours: what was written is the kernel's.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    /// `shutdown(SHUT_WR)`; the descriptor is closed when the stream is dropped.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown_write(cx)
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for SimTcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let data = core::task::ready!(self.poll_recv(cx, buf.remaining()))?;
        match data.bytes() {
            Some(bytes) => buf.put_slice(bytes),
            None => buf.put_slice(&data.to_vec()),
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncWrite for SimTcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown_write(cx)
    }
}
