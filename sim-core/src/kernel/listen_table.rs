//! The listen table (Linux `lhash2`): which listener a SYN is for.
//!
//! Not modelled: bound devices, `SO_INCOMING_CPU`, BPF programs that choose.

use std::collections::BTreeMap;

use super::bind_table::BindFamily;
use super::established_table::EstablishedHash;
use super::jhash::jhash_1word;
use super::siphash::mix64;
use crate::units::{Endpoint, FourTuple, Ipv4Addr, Port, SocketId};

/// A socket in LISTEN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listener {
    /// The socket.
    pub socket: SocketId,
    /// Local address; unspecified is the wildcard (`::` in the IPv6 families).
    pub addr: Ipv4Addr,
    /// Local port.
    pub port: Port,
    /// Address family.
    pub family: BindFamily,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
}

impl Listener {
    /// `compute_score` for an IPv4 segment: `AF_INET` before a dual-stack socket.
    const fn score(&self) -> u8 {
        match self.family {
            BindFamily::Inet => 2,
            BindFamily::Inet6 => 1,
            BindFamily::Inet6Only => 0,
        }
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.addr == other.addr && self.family == other.family
    }
}

/// Listeners of one port.
#[derive(Clone, Debug, Default)]
struct PortListeners {
    /// In chain order, head first.
    chain: Vec<Listener>,
    /// `struct sock_reuseport`: sockets that share address and family. The order is
    /// what a hash selects from.
    groups: Vec<Vec<Listener>>,
}

impl PortListeners {
    fn best(&self, addr: Ipv4Addr) -> Option<&Listener> {
        let mut best: Option<&Listener> = None;
        for listener in self.chain.iter().filter(|l| l.addr == addr && l.score() > 0) {
            if best.is_none_or(|b| listener.score() > b.score()) {
                best = Some(listener);
            }
        }
        best
    }

    fn join_group(&mut self, listener: Listener) {
        match self.groups.iter_mut().find(|g| g[0].is_alike(&listener)) {
            Some(group) => group.push(listener),
            None => self.groups.push(vec![listener]),
        }
    }

    /// `reuseport_detach_sock`: the last member fills the gap.
    fn leave_group(&mut self, listener: &Listener) {
        for group in &mut self.groups {
            if let Some(at) = group.iter().position(|l| l.socket == listener.socket) {
                group.swap_remove(at);
            }
        }
        self.groups.retain(|group| !group.is_empty());
    }
}

/// The listeners of one host.
#[derive(Clone, Debug, Default)]
pub struct ListenTable {
    ports: BTreeMap<Port, PortListeners>,
    len: u32,
}

impl ListenTable {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { ports: BTreeMap::new(), len: 0 }
    }

    /// Number of listeners.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True if nobody listens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `inet_hash2`: adds a listener at the head of its chain; at the tail if it is
    /// an IPv6 socket with SO_REUSEPORT.
    pub fn insert(&mut self, listener: Listener) {
        let here = self.ports.entry(listener.port).or_default();
        match (listener.family, listener.reuse_port) {
            (BindFamily::Inet6 | BindFamily::Inet6Only, true) => here.chain.push(listener),
            (BindFamily::Inet6 | BindFamily::Inet6Only, false) | (BindFamily::Inet, _) => {
                here.chain.insert(0, listener);
            }
        }
        if listener.reuse_port {
            here.join_group(listener);
        }
        self.len += 1;
    }

    /// Removes a listener; false if it was not there.
    pub fn remove(&mut self, port: Port, socket: SocketId) -> bool {
        let Some(here) = self.ports.get_mut(&port) else { return false };
        let Some(at) = here.chain.iter().position(|l| l.socket == socket) else { return false };
        let listener = here.chain.remove(at);
        here.leave_group(&listener);
        if here.chain.is_empty() {
            self.ports.remove(&port);
        }
        self.len -= 1;
        true
    }

    /// `__inet_lookup_listener`: who gets a SYN from `remote` to `local`. The exact
    /// address comes before the wildcard; in a SO_REUSEPORT group the hash of the
    /// connection selects.
    #[must_use]
    pub fn lookup(&self, local: Endpoint, remote: Endpoint, hash: &EstablishedHash) -> Option<SocketId> {
        let here = self.ports.get(&local.port())?;
        let best = here.best(local.addr()).or_else(|| here.best(Ipv4Addr::UNSPECIFIED))?;
        let group = here.groups.iter().find(|g| best.reuse_port && g[0].is_alike(best));
        let Some(group) = group else { return Some(best.socket) };
        // `reciprocal_scale`.
        let hash = u64::from(hash.hash(&FourTuple { local, remote }));
        let scaled = (hash * group.len() as u64) >> 32;
        let at = usize::try_from(scaled).expect("below the group's size");
        Some(group[at].socket)
    }

    /// All listeners by port, each port's in chain order.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.ports.values().flat_map(|here| here.chain.iter())
    }

    /// All listeners in the order `ss -l` meets them.
    #[must_use]
    pub fn rows_in_hash_order(&self, hash: &ListenHash) -> Vec<Listener> {
        let mut rows: Vec<Listener> = self.iter().copied().collect();
        rows.sort_by_key(|listener| hash.bucket(listener));
        rows
    }
}

/// The kernel's hash of listeners, for the order of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListenHash {
    /// `listening_hash`: 32 buckets by port (up to Linux 5.18).
    ByPort {
        /// `net_hash_mix`.
        mix: u32,
    },
    /// `lhash2`: by address and port (from 5.19 on).
    ByAddressAndPort {
        /// `net_hash_mix`.
        mix: u32,
        /// Number of buckets less one.
        mask: u32,
    },
}

impl ListenHash {
    /// The hash of a host with this seed and RAM; `lhash2` has one bucket per 2 MiB,
    /// rounded up to a power of two, at most 65 536.
    #[must_use]
    pub fn new(seed: u64, ram_bytes: u64, by_port: bool) -> Self {
        let mix = (mix64(seed ^ mix64(u64::from_be_bytes(*b"hash_mix"))) >> 32) as u32;
        if by_port {
            return Self::ByPort { mix };
        }
        let buckets = ram_bytes.div_ceil(2 << 20).clamp(1, 65_536).next_power_of_two();
        let mask = u32::try_from(buckets - 1).expect("clamped to 65 536");
        Self::ByAddressAndPort { mix, mask }
    }

    /// `inet_lhashfn` or `ipv4_portaddr_hash`: the listener's bucket.
    #[must_use]
    pub const fn bucket(&self, listener: &Listener) -> u32 {
        let port = listener.port.0 as u32;
        match *self {
            Self::ByPort { mix } => port.wrapping_add(mix) & 31,
            Self::ByAddressAndPort { mix, mask } => {
                let addr = u32::from_le_bytes(listener.addr.octets());
                (jhash_1word(addr, mix) ^ port) & mask
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::established_table::LocalPortHash;
    use super::*;

    const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    const ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn listener(socket: u32, addr: Ipv4Addr, family: BindFamily) -> Listener {
        Listener { socket: SocketId(socket), addr, port: Port(3306), family, reuse_port: false }
    }

    fn find(table: &ListenTable, addr: Ipv4Addr, from_port: u16) -> Option<u32> {
        let hash = EstablishedHash::new(1, 1024, LocalPortHash::Added);
        let remote = Endpoint::new(Ipv4Addr::new(10, 0, 0, 1), from_port);
        table.lookup(Endpoint::new(addr, 3306), remote, &hash).map(|s| s.0)
    }

    #[test]
    fn the_exact_address_comes_before_the_wildcard() {
        let mut table = ListenTable::new();
        table.insert(listener(1, ANY, BindFamily::Inet));
        table.insert(listener(2, ADDR, BindFamily::Inet));
        assert_eq!(find(&table, ADDR, 40_000), Some(2));
        assert_eq!(find(&table, Ipv4Addr::LOCALHOST, 40_000), Some(1));
        assert!(table.remove(Port(3306), SocketId(2)));
        assert!(!table.remove(Port(3306), SocketId(2)));
        assert_eq!(find(&table, ADDR, 40_000), Some(1));
        assert!(table.remove(Port(3306), SocketId(1)));
        assert!(table.is_empty());
        assert_eq!(find(&table, ADDR, 40_000), None);
    }

    #[test]
    fn dual_stack_listeners_accept_ipv4_unless_v6only() {
        let mut table = ListenTable::new();
        table.insert(listener(1, ANY, BindFamily::Inet6Only));
        assert_eq!(find(&table, ADDR, 1), None);
        table.insert(listener(2, ANY, BindFamily::Inet6));
        assert_eq!(find(&table, ADDR, 1), Some(2));
        table.insert(listener(3, ANY, BindFamily::Inet));
        table.insert(listener(4, ANY, BindFamily::Inet6));
        assert_eq!(find(&table, ADDR, 1), Some(3), "AF_INET scores higher");
    }

    #[test]
    fn a_reuseport_group_shares_by_hash() {
        let mut table = ListenTable::new();
        for n in 0..4 {
            table.insert(Listener { reuse_port: true, ..listener(n, ANY, BindFamily::Inet) });
        }
        let mut share = [0_u32; 4];
        for port in 32_768..40_768 {
            let got = find(&table, ADDR, port);
            assert_eq!(got, find(&table, ADDR, port), "a connection keeps its listener");
            share[got.unwrap() as usize] += 1;
        }
        assert!(share.iter().all(|n| (1_850..2_150).contains(n)), "{share:?}");
        table.remove(Port(3306), SocketId(1));
        assert!((32_768..33_768).all(|p| find(&table, ADDR, p) != Some(1)));
    }

    #[test]
    fn rows_come_by_bucket() {
        let mut table = ListenTable::new();
        for (n, port) in [(1, 22), (2, 3306), (3, 33_060), (4, 54)] {
            table.insert(Listener { port: Port(port), ..listener(n, ANY, BindFamily::Inet) });
        }
        for by_port in [true, false] {
            let hash = ListenHash::new(7, 8 << 30, by_port);
            let rows = table.rows_in_hash_order(&hash);
            assert_eq!(rows.len(), 4);
            assert!(rows.is_sorted_by_key(|l| hash.bucket(l)));
        }
        let hash = ListenHash::ByPort { mix: 0 };
        let ports: Vec<u16> = table.rows_in_hash_order(&hash).iter().map(|l| l.port.0).collect();
        assert_eq!(ports, [33_060, 3306, 22, 54], "buckets 4, 10, 22, 22");
    }
}
