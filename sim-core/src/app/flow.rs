//! Programs in parts: a part hands out system calls until it has an outcome.

use super::api::{Call, CallResult, Ret};
use crate::errno::Errno;
use crate::time::Instant;
use crate::units::{Endpoint, Fd};
use crate::wire::Payload;

/// What a part of a program wants next.
#[derive(Debug)]
pub(crate) enum Flow<T> {
    /// Make this call and resume the part with its result.
    Do(Call),
    /// The part is over.
    End(T),
}

/// The descriptor of a successful `socket` or `open`.
pub(crate) fn fd(result: CallResult) -> Result<Fd, Errno> {
    let Ret::Fd(fd) = result? else { unreachable!("socket and open return a descriptor") };
    Ok(fd)
}

/// The descriptor and peer of a successful `accept`.
pub(crate) fn accepted(result: CallResult) -> Result<(Fd, Endpoint), Errno> {
    let Ret::Accepted(fd, peer) = result? else { unreachable!("accept returns a descriptor and a peer") };
    Ok((fd, peer))
}

/// The bytes of a successful `recv`, empty at end of stream; a datagram's too.
pub(crate) fn data(result: CallResult) -> Result<Payload, Errno> {
    match result? {
        Ret::Data(bytes) | Ret::Datagram(bytes, _) => Ok(bytes),
        Ret::Done
        | Ret::Fd(_)
        | Ret::Count(_)
        | Ret::Accepted(..)
        | Ret::Ready(_)
        | Ret::Name(_)
        | Ret::Task(_)
        | Ret::Limits(_) => unreachable!("recv returns bytes"),
    }
}

/// How many descriptors `poll` found ready; 0 after a time-out.
pub(crate) fn ready(result: CallResult) -> Result<usize, Errno> {
    let Ret::Ready(set) = result? else { unreachable!("poll returns its set") };
    Ok(set.ready())
}

/// The number a call returned; 0 for a call that returns nothing else.
pub(crate) fn count(result: CallResult) -> Result<u32, Errno> {
    let Ret::Count(n) = result? else { return Ok(0) };
    Ok(n)
}

/// The error a `getsockopt(SO_ERROR)` reported, or its own failure.
pub(crate) fn so_error(result: CallResult) -> Result<(), Errno> {
    let number = count(result)?;
    if number == 0 {
        return Ok(());
    }
    Err(Errno::ALL.iter().copied().find(|e| u32::from(e.number()) == number).unwrap_or(Errno::Io))
}

/// Outcomes of a call counted by errno, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrnoCounts(Vec<(Errno, u64)>);

impl ErrnoCounts {
    /// Counts one failure.
    pub(crate) fn add(&mut self, errno: Errno) {
        match self.0.iter_mut().find(|(e, _)| *e == errno) {
            Some((_, n)) => *n += 1,
            None => self.0.push((errno, 1)),
        }
    }
    /// How often this errno was seen.
    pub(crate) fn get(&self, errno: Errno) -> u64 {
        self.0.iter().find(|(e, _)| *e == errno).map_or(0, |(_, n)| *n)
    }
    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, n)| n).sum()
    }
    /// Each errno seen, with its count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Errno, u64)> + '_ {
        self.0.iter().copied()
    }
    /// The value of `PREFIX.ERRNO` among these counts; `None` if `name` is no such name.
    pub(crate) fn metric(&self, prefix: &str, name: &str) -> Option<u64> {
        let errno = name.strip_prefix(prefix)?.strip_prefix('.')?;
        Errno::from_name(errno).map(|e| self.get(e))
    }
}

/// Whether a client whose connection failed was served again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    failing: bool,
    at: Option<Instant>,
}

impl Recovery {
    /// An attempt failed, or a connection was lost.
    pub(crate) const fn failed(&mut self) {
        self.failing = true;
    }

    /// The client is served.
    pub(crate) const fn served(&mut self, now: Instant) {
        if self.failing && self.at.is_none() {
            self.at = Some(now);
        }
        self.failing = false;
    }

    /// When it was first served after a failure, in nanoseconds of virtual time:
    /// the metric `recovered.at_ns`.
    pub(crate) fn at_ns(&self) -> Option<u64> {
        self.at.map(Instant::nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_by_name() {
        let mut counts = ErrnoCounts::default();
        counts.add(Errno::AddrNotAvail);
        counts.add(Errno::AddrNotAvail);
        assert_eq!(counts.metric("connect", "connect.EADDRNOTAVAIL"), Some(2));
        assert_eq!(counts.metric("connect", "connect.EMFILE"), Some(0));
        assert_eq!(counts.metric("connect", "connect.nonsense"), None);
        assert_eq!(counts.metric("connect", "accept.EMFILE"), None);
    }

    #[test]
    fn so_error_maps_numbers_back() {
        assert_eq!(so_error(Ok(Ret::Count(0))), Ok(()));
        assert_eq!(so_error(Ok(Ret::Count(111))), Err(Errno::ConnRefused));
        assert_eq!(so_error(Err(Errno::BadF)), Err(Errno::BadF));
    }
}
