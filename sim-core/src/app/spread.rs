//! Where a client's connections come from and go to: one pair of addresses, or
//! several that are used in turn.

use super::api::{AppContext, Call, CallResult, SocketOption};
use super::flow::Flow;
use super::mysql::Target;
use super::resolver::{ResolveError, Resolver};
use crate::units::{Endpoint, Fd, Ipv4Addr, Port};

/// More addresses than one. Each pair of a source and a destination address has the
/// whole port range for itself (`__inet_hash_connect`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spread {
    /// Destinations besides the first; all of them are used in turn.
    pub more_targets: Vec<Target>,
    /// Source addresses, bound before each `connect()` in turn; empty leaves the source to the kernel.
    pub sources: Vec<Ipv4Addr>,
    /// `IP_BIND_ADDRESS_NO_PORT` is set before that `bind()`: `connect()` chooses the port. Else `bind()`
    /// does, and a port it chose serves one socket of that source address, whatever its destination.
    pub bind_address_no_port: bool,
}

/// A source address of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    addr: Ipv4Addr,
    no_port: bool,
}

impl Spread {
    /// One pair of addresses, the kernel's.
    pub(crate) fn is_single(&self) -> bool {
        self.more_targets.is_empty() && self.sources.is_empty()
    }

    /// Destination and source of the `n`-th attempt: destinations change first, then
    /// sources, so that every pair comes up.
    pub(crate) fn nth<'a>(&'a self, first: &'a Target, n: usize) -> (&'a Target, Option<Source>) {
        (self.target(first, n), self.source(n / (1 + self.more_targets.len())))
    }

    /// The `n`-th destination.
    pub(crate) fn target<'a>(&'a self, first: &'a Target, n: usize) -> &'a Target {
        match n % (1 + self.more_targets.len()) {
            0 => first,
            other => &self.more_targets[other - 1],
        }
    }

    /// The `n`-th source.
    pub(crate) fn source(&self, n: usize) -> Option<Source> {
        let addr = self.sources.get(n.checked_rem(self.sources.len())?)?;
        Some(Source { addr: *addr, no_port: self.bind_address_no_port })
    }
}

/// The call between `socket()` and `connect()` that a source address needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Binding {
    /// `setsockopt(IP_BIND_ADDRESS_NO_PORT)`.
    Option,
    /// `bind(address, 0)`.
    Bind,
}

/// Where one connection goes, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    /// Its address is of the last lookup where the destination has a name.
    end: Endpoint,
    source: Option<Source>,
    /// What the process has learnt about its name server stays with it.
    resolver: Option<Box<Resolver>>,
    by_name: bool,
}

impl Aim {
    pub(crate) fn at(target: &Target) -> Self {
        let mut aim =
            Self { end: Endpoint::new(Ipv4Addr::UNSPECIFIED, 0), source: None, resolver: None, by_name: false };
        aim.turn_to(target);
        aim
    }

    /// The next connection goes here.
    pub(crate) fn turn_to(&mut self, target: &Target) {
        match target {
            Target::Addr(end) => (self.end, self.by_name) = (*end, false),
            Target::Name { name, port, resolver } => {
                self.end = Endpoint::on(Ipv4Addr::UNSPECIFIED, *port);
                self.by_name = true;
                match &mut self.resolver {
                    Some(known) => known.look_for(resolver, name),
                    None => self.resolver = Some(Box::new(Resolver::new(resolver.clone(), name))),
                }
            }
        }
    }

    /// The next connection comes from here.
    pub(crate) const fn come_from(&mut self, source: Option<Source>) {
        self.source = source;
    }

    /// The destination has a name, which is looked up at each attempt.
    pub(crate) const fn by_name(&self) -> bool {
        self.by_name
    }

    /// The first call of the lookup; `None` for an address. `grow`: the heap grows in it.
    pub(crate) fn lookup(&mut self, grow: bool) -> Option<Call> {
        let resolver = self.resolver.as_mut().filter(|_| self.by_name)?;
        Some(resolver.start(grow))
    }

    /// What to do after the result of a lookup's call.
    pub(crate) fn looked_up(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Flow<Result<(), ResolveError>> {
        let resolver = self.resolver.as_mut().expect("a name is being resolved");
        match resolver.resume(result, cx) {
            Flow::Do(call) => Flow::Do(call),
            Flow::End(found) => Flow::End(found.map(|addr| self.end = Endpoint::on(addr, self.end.port()))),
        }
    }

    /// The call that a source address needs on a new socket, after the one made already.
    pub(crate) fn binding(&self, fd: Fd, done: Option<Binding>) -> Option<(Binding, Call)> {
        let source = self.source?;
        match done {
            None if source.no_port => {
                let option = SocketOption::BindAddressNoPort(true);
                Some((Binding::Option, Call::SetSockOpt { fd, option }))
            }
            None | Some(Binding::Option) => {
                let addr = Endpoint::on(source.addr, Port::NONE);
                Some((Binding::Bind, Call::Bind { fd, addr }))
            }
            Some(Binding::Bind) => None,
        }
    }

    pub(crate) const fn connect(&self, fd: Fd) -> Call {
        Call::Connect { fd, addr: self.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_addresses_comes_up_in_turn() {
        let end = |last| Target::Addr(Endpoint::new(Ipv4Addr::new(192, 0, 2, last), 3_306));
        let from = |last| Ipv4Addr::new(198, 51, 100, last);
        let spread =
            Spread { more_targets: vec![end(2)], sources: vec![from(1), from(2), from(3)], bind_address_no_port: true };
        let first = end(1);
        let pairs: Vec<_> = (0..6).map(|n| spread.nth(&first, n)).collect();
        let source = |last| Some(Source { addr: from(last), no_port: true });
        assert_eq!(pairs[..3], [(&end(1), source(1)), (&end(2), source(1)), (&end(1), source(2))]);
        assert_eq!((spread.nth(&first, 6), spread.nth(&first, 11)), (pairs[0], pairs[5]));
        assert_eq!(Spread::default().nth(&first, 7), (&first, None));
        assert!(Spread::default().is_single() && !spread.is_single());
    }

    #[test]
    fn a_source_is_bound_with_and_without_the_option() {
        let fd = Fd(3);
        let calls = |no_port| {
            let mut aim = Aim::at(&Target::Addr(Endpoint::new(Ipv4Addr::LOCALHOST, 80)));
            aim.come_from(Some(Source { addr: Ipv4Addr::LOCALHOST, no_port }));
            let (mut done, mut names) = (None, Vec::new());
            while let Some((step, call)) = aim.binding(fd, done) {
                (done, _) = (Some(step), names.push(call.name().name()));
            }
            names
        };
        assert_eq!((calls(true), calls(false)), (vec!["setsockopt", "bind"], vec!["bind"]));
    }
}
