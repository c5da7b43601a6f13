//! The bind table (Linux `bhash`): who owns a local port.
//!
//! A bucket is in one of two moods. Made by `connect()` it is shared by every
//! connection that chose the port, whatever the destination (`fastreuse` =
//! `fastreuseport` = -1 in Linux). Once a socket got the port by `bind()` or
//! `listen()`, connect-time searches pass it by until the bucket dies (before
//! Linux 6.18) or until no bound socket is left in it (from 6.18 on).
//!
//! Owners that cannot be told apart by a bind conflict are counted, not listed:
//! the 10 000 accepted sockets of a server are one entry. A timewait minisock
//! stays the owner its socket was, so it needs no call of its own.
//!
//! Not modelled: users (`SO_REUSEPORT` sockets count as the same user's) and
//! bound devices.

use std::collections::BTreeMap;

use super::ports::PortSet;
use crate::errno::Errno;
use crate::units::{Ipv4Addr, Port};

/// Address family of a local address. IPv6 exists only as far as dual-stack
/// listeners need it: the address is `::` or IPv4-mapped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum BindFamily {
    /// `AF_INET`.
    #[default]
    Inet,
    /// `AF_INET6`, accepting IPv4 too.
    Inet6,
    /// `AF_INET6` with `IPV6_V6ONLY`.
    Inet6Only,
}

/// What a bind conflict looks at in a socket that owns a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BindOwner {
    /// Local address; unspecified is the wildcard (`::` in the IPv6 families).
    pub addr: Ipv4Addr,
    /// Address family.
    pub family: BindFamily,
    /// `SO_REUSEADDR`.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// The socket is in LISTEN.
    pub listening: bool,
    /// It got the port by `bind()`, `listen()` or from a listener, not from the
    /// search in `connect()`.
    pub explicit: bool,
}

impl BindOwner {
    /// A socket whose port `connect()` chose.
    #[must_use]
    pub const fn connected(addr: Ipv4Addr) -> Self {
        Self { explicit: false, ..Self::bound(addr) }
    }

    /// A socket that was bound, without options.
    #[must_use]
    pub const fn bound(addr: Ipv4Addr) -> Self {
        Self { addr, family: BindFamily::Inet, reuse_addr: false, reuse_port: false, listening: false, explicit: true }
    }

    /// `inet_rcv_saddr_equal` with wildcards matching.
    const fn overlaps(self, other: Self) -> bool {
        match (self.is_only6(), other.is_only6()) {
            (true, true) => true,
            (true, false) => other.is_any6(),
            (false, true) => self.is_any6(),
            (false, false) => {
                self.addr.is_unspecified() || other.addr.is_unspecified() || self.addr.to_bits() == other.addr.to_bits()
            }
        }
    }

    const fn is_only6(self) -> bool {
        matches!(self.family, BindFamily::Inet6Only)
    }

    const fn is_any6(self) -> bool {
        self.addr.is_unspecified() && !matches!(self.family, BindFamily::Inet)
    }

    /// `inet_bind_conflict`: may not `self` share the port with `other`?
    const fn conflicts(self, other: Self, strictness: Strictness) -> bool {
        if !self.overlaps(other) {
            return false;
        }
        let both_reuse_port = self.reuse_port && other.reuse_port;
        let may_share_reuse_port = matches!(strictness, Strictness::Explicit) && both_reuse_port;
        if self.reuse_addr && other.reuse_addr && !other.listening {
            match strictness {
                Strictness::Explicit => false,
                Strictness::Automatic => true,
                Strictness::AutomaticRelaxed => both_reuse_port,
            }
        } else {
            !may_share_reuse_port
        }
    }
}

/// How much sharing a request for a port puts up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strictness {
    /// `bind()` to a port, or `listen()`: SO_REUSEADDR and SO_REUSEPORT count.
    Explicit,
    /// `bind(0)`: no overlap is good enough.
    Automatic,
    /// `bind(0)` in the second round of `net.ipv4.ip_autobind_reuse`.
    AutomaticRelaxed,
}

/// The mood of a port's bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BucketState {
    /// Nobody owns the port.
    Absent,
    /// Only `connect()` gave it out, to this many sockets and minisocks.
    ConnectOnly(u32),
    /// It was bound; this many sockets and minisocks own it.
    Bound(u32),
}

/// `net.ipv4.ip_unprivileged_port_start` against the caller's rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortPrivilege {
    /// First port everybody may bind.
    pub unprivileged_start: Port,
    /// The caller has `CAP_NET_BIND_SERVICE`.
    pub cap_net_bind_service: bool,
}

const PAGE: usize = 256;

#[derive(Clone, Copy, Debug)]
enum Entry {
    Absent,
    /// Connect-only, all owners alike.
    Plain {
        owner: u32,
        count: u16,
    },
    /// Anything else: index into `buckets`.
    Listed(u32),
}

#[derive(Clone, Debug)]
struct Bucket {
    bound: bool,
    /// Kinds of owner and how many of each, in order of arrival.
    owners: Vec<(u32, u32)>,
}

/// The ports of one host and their owners.
#[derive(Clone, Debug)]
pub struct BindTable {
    pages: Vec<Option<Box<[Entry; PAGE]>>>,
    buckets: Vec<Bucket>,
    free_buckets: Vec<u32>,
    kinds: Vec<BindOwner>,
    kind_ids: BTreeMap<BindOwner, u32>,
    /// The kind last asked for: most calls are about the same one.
    last_kind: u32,
    bound: PortSet,
    bound_changes: u64,
    in_use: u32,
    release_resets: bool,
}

impl BindTable {
    /// An empty table. `release_resets`: releasing the last bound socket makes a
    /// bucket connect-only again (Linux 6.18) instead of never.
    #[must_use]
    pub fn new(release_resets: bool) -> Self {
        Self {
            pages: vec![None; 65_536 / PAGE],
            buckets: Vec::new(),
            free_buckets: Vec::new(),
            kinds: Vec::new(),
            kind_ids: BTreeMap::new(),
            last_kind: 0,
            bound: PortSet::new(),
            bound_changes: 0,
            in_use: 0,
            release_resets,
        }
    }

    /// Number of ports with a bucket.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.in_use
    }

    /// True if no port has a bucket.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    /// Ports that connect-time searches pass by.
    #[must_use]
    pub const fn bound_ports(&self) -> &PortSet {
        &self.bound
    }

    /// Changes whenever [`Self::bound_ports`] does.
    #[must_use]
    pub const fn bound_changes(&self) -> u64 {
        self.bound_changes
    }

    /// True if somebody owns the port.
    #[must_use]
    pub fn has_bucket(&self, port: Port) -> bool {
        !matches!(self.entry(port), Entry::Absent)
    }

    /// The mood of the port's bucket.
    #[must_use]
    pub fn state(&self, port: Port) -> BucketState {
        match self.entry(port) {
            Entry::Absent => BucketState::Absent,
            Entry::Plain { count, .. } => BucketState::ConnectOnly(u32::from(count)),
            Entry::Listed(index) => {
                let bucket = self.bucket(index);
                let owners = bucket.owners.iter().map(|&(_, n)| n).sum();
                if bucket.bound { BucketState::Bound(owners) } else { BucketState::ConnectOnly(owners) }
            }
        }
    }

    /// `connect()` found this port: the socket joins its connect-only bucket.
    pub fn connect_take(&mut self, port: Port, owner: BindOwner) {
        debug_assert!(!self.bound.contains(port), "the search passes bound ports by");
        debug_assert!(!owner.explicit, "a port found by the search is not bound");
        self.add(port, owner);
    }

    /// `__inet_inherit_port`: the child of a listener joins its port's bucket.
    pub fn inherit(&mut self, port: Port, child: BindOwner) {
        debug_assert!(child.explicit, "a child counts as bound");
        self.add(port, child);
        self.mark_bound(port);
    }

    /// `bind()` to a given port (`inet_csk_get_port`): `EACCES` below the
    /// unprivileged start, `EADDRINUSE` on a conflict.
    pub fn bind(&mut self, port: Port, owner: BindOwner, privilege: PortPrivilege) -> Result<(), Errno> {
        debug_assert!(port != Port::NONE, "bind(0) is a search: `ports::find_open_port`");
        if port < privilege.unprivileged_start && !privilege.cap_net_bind_service {
            return Err(Errno::Acces);
        }
        if self.conflicts(port, owner, Strictness::Explicit) {
            return Err(Errno::AddrInUse);
        }
        self.take_bound(port, owner);
        Ok(())
    }

    /// The socket becomes a bound owner of a port that was already checked, as
    /// after [`super::ports::find_open_port`].
    pub fn take_bound(&mut self, port: Port, owner: BindOwner) {
        debug_assert!(owner.explicit, "a bound owner says so, also when it is released");
        self.add(port, owner);
        self.mark_bound(port);
    }

    /// `listen()` on a socket that owns `port` as `owner`: the port is asked for
    /// once more, now as a listener. Gives what it owns the port as from now on.
    pub fn listen(&mut self, port: Port, owner: BindOwner) -> Result<BindOwner, Errno> {
        let listener = BindOwner { listening: true, explicit: true, ..owner };
        if self.conflicts_besides(port, listener, Strictness::Explicit, Some(owner)) {
            return Err(Errno::AddrInUse);
        }
        self.replace(port, owner, listener);
        Ok(listener)
    }

    /// An owner changes what it is: `connect()` of a bound socket fixes its
    /// address, `setsockopt` its options.
    pub fn replace(&mut self, port: Port, old: BindOwner, new: BindOwner) {
        if old == new {
            return;
        }
        self.add(port, new);
        self.release(port, old);
        if new.explicit {
            self.mark_bound(port);
        }
    }

    /// A socket or minisock lets go of the port (`inet_put_port`,
    /// `inet_twsk_bind_unhash`).
    pub fn release(&mut self, port: Port, owner: BindOwner) {
        let kind = self.known_kind(&owner).expect("an owner was added before its release");
        match self.entry(port) {
            Entry::Absent => panic!("port {port} is released by an owner it does not have"),
            Entry::Plain { owner: only, count } => {
                assert!(only == kind, "port {port} is released by an owner it does not have");
                let next = if count == 1 {
                    self.in_use -= 1;
                    Entry::Absent
                } else {
                    Entry::Plain { owner: only, count: count - 1 }
                };
                self.set_entry(port, next);
            }
            Entry::Listed(index) => self.release_listed(port, index, kind),
        }
    }

    /// True if `owner` may not have the port as things stand.
    #[must_use]
    pub fn conflicts(&self, port: Port, owner: BindOwner, strictness: Strictness) -> bool {
        self.conflicts_besides(port, owner, strictness, None)
    }

    /// As [`Self::conflicts`], where one owner alike `except` is the asker itself.
    fn conflicts_besides(
        &self,
        port: Port,
        owner: BindOwner,
        strictness: Strictness,
        except: Option<BindOwner>,
    ) -> bool {
        let hit = |kind: u32, count: u32| {
            let other = self.kind(kind);
            let count = count - u32::from(except == Some(other));
            count > 0 && owner.conflicts(other, strictness)
        };
        match self.entry(port) {
            Entry::Absent => false,
            Entry::Plain { owner: kind, count } => hit(kind, u32::from(count)),
            Entry::Listed(index) => self.bucket(index).owners.iter().any(|&(k, n)| hit(k, n)),
        }
    }

    fn entry(&self, port: Port) -> Entry {
        match &self.pages[port.index() / PAGE] {
            Some(page) => page[port.index() % PAGE],
            None => Entry::Absent,
        }
    }

    fn set_entry(&mut self, port: Port, entry: Entry) {
        let page = &mut self.pages[port.index() / PAGE];
        page.get_or_insert_with(new_page)[port.index() % PAGE] = entry;
    }

    fn bucket(&self, index: u32) -> &Bucket {
        &self.buckets[index as usize]
    }

    fn kind(&self, id: u32) -> BindOwner {
        self.kinds[id as usize]
    }

    fn known_kind(&mut self, owner: &BindOwner) -> Option<u32> {
        if self.kinds.get(self.last_kind as usize) == Some(owner) {
            return Some(self.last_kind);
        }
        self.other_kind(owner)
    }

    #[inline(never)]
    fn other_kind(&mut self, owner: &BindOwner) -> Option<u32> {
        self.last_kind = *self.kind_ids.get(owner)?;
        Some(self.last_kind)
    }

    fn kind_id(&mut self, owner: BindOwner) -> u32 {
        self.known_kind(&owner).unwrap_or_else(|| {
            let id = u32::try_from(self.kinds.len()).expect("fewer kinds of owner than sockets");
            self.kinds.push(owner);
            self.kind_ids.insert(owner, id);
            id
        })
    }

    fn add(&mut self, port: Port, owner: BindOwner) {
        let kind = self.kind_id(owner);
        match self.entry(port) {
            Entry::Absent => {
                self.in_use += 1;
                self.set_entry(port, Entry::Plain { owner: kind, count: 1 });
            }
            Entry::Plain { owner: only, count } if only == kind && count < u16::MAX => {
                self.set_entry(port, Entry::Plain { owner: only, count: count + 1 });
            }
            Entry::Plain { .. } | Entry::Listed(_) => {
                let index = self.listed(port);
                let owners = &mut self.buckets[index as usize].owners;
                match owners.iter_mut().find(|(k, _)| *k == kind) {
                    Some((_, count)) => *count += 1,
                    None => owners.push((kind, 1)),
                }
            }
        }
    }

    /// The bucket of a port that has owners, spelt out.
    fn listed(&mut self, port: Port) -> u32 {
        let owners = match self.entry(port) {
            Entry::Listed(index) => return index,
            Entry::Plain { owner, count } => vec![(owner, u32::from(count))],
            Entry::Absent => Vec::new(),
        };
        let bucket = Bucket { bound: false, owners };
        let index = match self.free_buckets.pop() {
            Some(index) => {
                self.buckets[index as usize] = bucket;
                index
            }
            None => {
                self.buckets.push(bucket);
                u32::try_from(self.buckets.len() - 1).expect("at most one bucket a port")
            }
        };
        self.set_entry(port, Entry::Listed(index));
        index
    }

    fn mark_bound(&mut self, port: Port) {
        let index = self.listed(port);
        self.buckets[index as usize].bound = true;
        if self.bound.insert(port) {
            self.bound_changes += 1;
        }
    }

    fn release_listed(&mut self, port: Port, index: u32, kind: u32) {
        let kinds = &self.kinds;
        let bucket = &mut self.buckets[index as usize];
        let at = bucket.owners.iter().position(|&(k, _)| k == kind);
        let at = at.unwrap_or_else(|| panic!("port {port} is released by a stranger"));
        bucket.owners[at].1 -= 1;
        if bucket.owners[at].1 == 0 {
            bucket.owners.remove(at);
        }
        let empty = bucket.owners.is_empty();
        let keeps_bound =
            !empty && (!self.release_resets || bucket.owners.iter().any(|&(k, _)| kinds[k as usize].explicit));
        if bucket.bound && !keeps_bound {
            bucket.bound = false;
            self.bound.remove(port);
            self.bound_changes += 1;
        }
        if empty {
            self.set_entry(port, Entry::Absent);
            self.free_buckets.push(index);
            self.in_use -= 1;
        }
    }
}

#[cold]
fn new_page() -> Box<[Entry; PAGE]> {
    Box::new([Entry::Absent; PAGE])
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
    const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    const P: Port = Port(40_000);
    const USER: PortPrivilege = PortPrivilege { unprivileged_start: Port(1024), cap_net_bind_service: false };

    fn reuse(addr: Ipv4Addr) -> BindOwner {
        BindOwner { reuse_addr: true, ..BindOwner::bound(addr) }
    }
    fn reuseport(addr: Ipv4Addr) -> BindOwner {
        BindOwner { reuse_port: true, ..BindOwner::bound(addr) }
    }

    #[test]
    fn connections_share_a_bucket_and_the_last_one_frees_it() {
        let mut t = BindTable::new(false);
        let sock = BindOwner::connected(A);
        t.connect_take(P, sock);
        t.connect_take(P, sock);
        t.connect_take(P, BindOwner::connected(B));
        assert_eq!(t.state(P), BucketState::ConnectOnly(3));
        assert!(t.bound_ports().is_empty());
        t.release(P, sock);
        t.release(P, BindOwner::connected(B));
        t.release(P, sock);
        assert_eq!(t.state(P), BucketState::Absent);
        assert!(t.is_empty());
    }

    /// kernel-truth e1_ports/extras: a port taken by connect() cannot be bound, with
    /// or without SO_REUSEADDR on the binder alone.
    #[test]
    fn a_connected_port_cannot_be_bound() {
        let mut t = BindTable::new(false);
        t.connect_take(P, BindOwner::connected(A));
        assert_eq!(t.bind(P, BindOwner::bound(A), USER), Err(Errno::AddrInUse));
        assert_eq!(t.bind(P, reuse(A), USER), Err(Errno::AddrInUse));
        assert_eq!(t.bind(P, BindOwner::bound(ANY), USER), Err(Errno::AddrInUse));
        assert_eq!(t.bind(P, BindOwner::bound(B), USER), Ok(()), "another address is free");
        assert_eq!(t.state(P), BucketState::Bound(2));
    }

    #[test]
    fn low_ports_need_a_capability() {
        let mut t = BindTable::new(false);
        let root = PortPrivilege { cap_net_bind_service: true, ..USER };
        assert_eq!(t.bind(Port(80), BindOwner::bound(ANY), USER), Err(Errno::Acces));
        assert_eq!(t.bind(Port(80), BindOwner::bound(ANY), root), Ok(()));
        assert_eq!(t.bind(Port(1024), BindOwner::bound(ANY), USER), Ok(()));
    }

    /// kernel-truth e1_ports/extras: restart of a server while TIME_WAIT minisocks
    /// of its connections remain.
    #[test]
    fn a_restarted_server_needs_reuseaddr_while_minisocks_remain() {
        let mut t = BindTable::new(false);
        let port = Port(3306);
        t.bind(port, reuse(ANY), USER).unwrap();
        let listener = t.listen(port, reuse(ANY)).unwrap();
        let child = reuse(A);
        t.inherit(port, child);
        t.release(port, listener);
        assert_eq!(t.state(port), BucketState::Bound(1), "the minisock keeps the bucket");
        assert_eq!(t.bind(port, BindOwner::bound(ANY), USER), Err(Errno::AddrInUse));
        t.bind(port, reuse(ANY), USER).unwrap();
        assert!(t.listen(port, reuse(ANY)).is_ok());
        t.release(port, child);
    }

    #[test]
    fn reuseaddr_does_not_share_with_a_listener() {
        let mut t = BindTable::new(false);
        t.bind(P, reuse(A), USER).unwrap();
        t.bind(P, reuse(A), USER).unwrap();
        let first = t.listen(P, reuse(A)).unwrap();
        assert_eq!(t.listen(P, reuse(A)), Err(Errno::AddrInUse));
        assert_eq!(t.bind(P, reuse(A), USER), Err(Errno::AddrInUse));
        t.release(P, first);
        assert!(t.listen(P, reuse(A)).is_ok());
    }

    #[test]
    fn reuseport_groups_listen_together() {
        let mut t = BindTable::new(false);
        for _ in 0..3 {
            t.bind(P, reuseport(ANY), USER).unwrap();
            t.listen(P, reuseport(ANY)).unwrap();
        }
        assert_eq!(t.bind(P, BindOwner::bound(ANY), USER), Err(Errno::AddrInUse));
        assert_eq!(t.state(P), BucketState::Bound(3));
    }

    #[test]
    fn families_overlap_as_in_inet_rcv_saddr_equal() {
        let dual = BindOwner { family: BindFamily::Inet6, ..BindOwner::bound(ANY) };
        let only = BindOwner { family: BindFamily::Inet6Only, ..BindOwner::bound(ANY) };
        assert!(dual.overlaps(BindOwner::bound(A)) && BindOwner::bound(A).overlaps(dual));
        assert!(!only.overlaps(BindOwner::bound(ANY)) && !BindOwner::bound(ANY).overlaps(only));
        assert!(only.overlaps(dual) && only.overlaps(only));
        assert!(!BindOwner::bound(A).overlaps(BindOwner::bound(B)));
    }

    #[test]
    fn only_a_relaxed_automatic_bind_shares() {
        let (a, b) = (reuse(A), reuse(A));
        assert!(a.conflicts(b, Strictness::Automatic));
        assert!(!a.conflicts(b, Strictness::AutomaticRelaxed));
        assert!(!a.conflicts(b, Strictness::Explicit));
        assert!(reuseport(A).conflicts(reuseport(A), Strictness::AutomaticRelaxed));
        assert!(!reuseport(A).conflicts(reuseport(A), Strictness::Explicit));
    }

    #[test]
    fn a_bucket_stays_bound_until_6_18() {
        for (resets, after) in [(false, BucketState::Bound(1)), (true, BucketState::ConnectOnly(1))] {
            let mut t = BindTable::new(resets);
            t.connect_take(P, BindOwner::connected(A));
            t.bind(P, BindOwner::bound(B), USER).unwrap();
            let before = t.bound_changes();
            t.release(P, BindOwner::bound(B));
            assert_eq!(t.state(P), after);
            assert_eq!(t.bound_ports().contains(P), !resets);
            assert_eq!(t.bound_changes() != before, resets);
        }
    }

    #[test]
    fn an_owner_that_fixes_its_address_stays_an_owner() {
        let mut t = BindTable::new(true);
        t.bind(P, BindOwner::bound(ANY), USER).unwrap();
        let changes = t.bound_changes();
        t.replace(P, BindOwner::bound(ANY), BindOwner::bound(A));
        assert_eq!(t.state(P), BucketState::Bound(1));
        assert_eq!(t.bound_changes(), changes);
        assert_eq!(t.bind(P, BindOwner::bound(B), USER), Ok(()));
    }
}
