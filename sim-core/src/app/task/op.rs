//! Operations as futures.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use super::reactor::{OpId, Outcome, Shared, io_error};
use crate::app::api::{Call, CallResult, PollEvents};
use crate::app::resolver::{ResolveError, ResolverConfig};
use crate::errno::Errno;
use crate::units::{Fd, Ipv4Addr};

/// An operation that is given up when it is dropped.
#[derive(Debug)]
pub(super) struct Op {
    shared: Shared,
    id: OpId,
    done: bool,
}

impl Op {
    const fn new(shared: Shared, id: OpId) -> Self {
        Self { shared, id, done: false }
    }

    pub(super) fn call(shared: &Shared, call: Call) -> Self {
        Self::new(shared.clone(), shared.call(call))
    }

    pub(super) fn ready(shared: &Shared, fd: Fd, events: PollEvents) -> Self {
        Self::new(shared.clone(), shared.ready(fd, events))
    }

    fn lookup(shared: &Shared, config: ResolverConfig, name: &str) -> Self {
        Self::new(shared.clone(), shared.lookup(config, name))
    }

    pub(super) fn poll_outcome(&mut self, cx: &Context<'_>) -> Poll<Outcome> {
        let outcome = self.shared.poll(self.id, cx.waker());
        self.done = outcome.is_ready();
        outcome
    }

    /// The result of a system call.
    pub(super) fn poll_result(&mut self, cx: &Context<'_>) -> Poll<CallResult> {
        self.poll_outcome(cx).map(|outcome| match outcome {
            Outcome::Call(result) => result,
            Outcome::Ready | Outcome::Addr(_) => unreachable!("the operation is a system call"),
        })
    }
}

impl Future for Op {
    type Output = Outcome;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_outcome(cx)
    }
}

impl Drop for Op {
    fn drop(&mut self) {
        if !self.done {
            self.shared.abandon(self.id);
        }
    }
}

/// Makes a system call.
pub(super) async fn call(shared: &Shared, call: Call) -> CallResult {
    match Op::call(shared, call).await {
        Outcome::Call(result) => result,
        Outcome::Ready | Outcome::Addr(_) => unreachable!("the operation is a system call"),
    }
}

/// Waits for a descriptor.
pub(super) async fn ready(shared: &Shared, fd: Fd, events: PollEvents) {
    Op::ready(shared, fd, events).await;
}

/// Looks up a name, `/etc/hosts` first, as `std` does.
pub(super) async fn lookup(shared: &Shared, name: &str) -> io::Result<Ipv4Addr> {
    let config = {
        let reactor = shared.lock();
        let names = &reactor.names;
        let in_hosts = names.hosts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut config = ResolverConfig::new(names.nameserver.unwrap_or(Ipv4Addr::LOCALHOST));
        config.hosts_addr = in_hosts.map(|(_, addr)| *addr);
        config
    };
    match Op::lookup(shared, config, name).await {
        Outcome::Addr(Ok(addr)) => Ok(addr),
        Outcome::Addr(Err(ResolveError::NoName)) => Err(unresolved("Name or service not known")),
        // EAI_SYSTEM: nss_dns reports NETDB_INTERNAL when it got no socket, and `std` then reads errno.
        Outcome::Addr(Err(ResolveError::Again(errno @ (Errno::MFile | Errno::NFile)))) => Err(io_error(errno)),
        Outcome::Addr(Err(ResolveError::Again(_))) => Err(unresolved("Temporary failure in name resolution")),
        Outcome::Call(_) | Outcome::Ready => unreachable!("the operation is a lookup"),
    }
}

/// `std` words `getaddrinfo()`'s failures like this; there is no errno.
fn unresolved(why: &str) -> io::Error {
    io::Error::other(format!("failed to lookup address information: {why}"))
}
