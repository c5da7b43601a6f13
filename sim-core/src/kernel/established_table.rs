//! The established table (Linux `ehash`): connections by four-tuple. Full
//! sockets, request sockets and timewait minisocks share it, as in Linux.
//!
//! Ours is sized by its content. The kernel's bucket numbers are kept beside it,
//! because `ss` prints rows in their order: [`EstablishedHash`].

use super::jhash::jhash_3words;
use super::siphash::mix64;
use crate::units::{Endpoint, FourTuple, Ipv4Addr, Port, ReqId, SocketId, TwId};

/// What a four-tuple belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EstablishedEntry {
    /// A socket, in any state but CLOSED and LISTEN.
    Full(SocketId),
    /// A request socket (NEW_SYN_RECV).
    Request(ReqId),
    /// A minisock in TIME_WAIT or FIN_WAIT2.
    TimeWait(TwId),
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EstablishedRow {
    /// The connection.
    pub tuple: FourTuple,
    /// What it belongs to.
    pub entry: EstablishedEntry,
    /// Number of the insertion: the larger, the nearer to its chain's head.
    pub inserted: u32,
}

/// A slot: 20 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    local: u32,
    remote: u32,
    /// Local port in the upper half.
    ports: u32,
    /// Two bits of kind (0: free) above 30 bits of id.
    packed: u32,
    inserted: u32,
}

const ID_BITS: u32 = 30;
const ID_MASK: u32 = (1 << ID_BITS) - 1;
const MIN_SLOTS: usize = 16;

impl Slot {
    fn new(tuple: &FourTuple, entry: EstablishedEntry, inserted: u32) -> Self {
        let (kind, id) = match entry {
            EstablishedEntry::Full(SocketId(id)) => (1, id),
            EstablishedEntry::Request(ReqId(id)) => (2, id),
            EstablishedEntry::TimeWait(TwId(id)) => (3, id),
        };
        assert!(id <= ID_MASK, "fewer than 2^30 sockets of a kind exist at once");
        let [local, remote, ports] = key(tuple);
        Self { local, remote, ports, packed: kind << ID_BITS | id, inserted }
    }

    const fn is_free(&self) -> bool {
        self.packed == 0
    }

    #[inline]
    const fn key(&self) -> [u32; 3] {
        [self.local, self.remote, self.ports]
    }

    fn entry(&self) -> EstablishedEntry {
        let id = self.packed & ID_MASK;
        match self.packed >> ID_BITS {
            1 => EstablishedEntry::Full(SocketId(id)),
            2 => EstablishedEntry::Request(ReqId(id)),
            3 => EstablishedEntry::TimeWait(TwId(id)),
            free => unreachable!("slot of kind {free} read as an entry"),
        }
    }

    fn row(&self) -> EstablishedRow {
        let port = |n: u32| Port((n & 0xffff) as u16);
        let end = |addr, port| Endpoint::on(Ipv4Addr::from_bits(addr), port);
        EstablishedRow {
            tuple: FourTuple {
                local: end(self.local, port(self.ports >> 16)),
                remote: end(self.remote, port(self.ports)),
            },
            entry: self.entry(),
            inserted: self.inserted,
        }
    }
}

#[inline]
fn key(tuple: &FourTuple) -> [u32; 3] {
    [
        tuple.local.addr_bits(),
        tuple.remote.addr_bits(),
        u32::from(tuple.local.port().0) << 16 | u32::from(tuple.remote.port().0),
    ]
}

/// Connections of one host by four-tuple: open addressing, linear probing,
/// backward shift on removal, load at most 2/3.
#[derive(Clone, Debug, Default)]
pub struct EstablishedTable {
    slots: Vec<Slot>,
    len: u32,
    inserted: u32,
}

impl EstablishedTable {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), len: 0, inserted: 0 }
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True if there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the connection belongs to.
    #[must_use]
    #[inline]
    pub fn get(&self, tuple: &FourTuple) -> Option<EstablishedEntry> {
        self.find(&key(tuple)).map(|at| self.slots[at].entry())
    }

    /// Adds a connection at the head of its kernel chain; false (and no change)
    /// if the four-tuple is taken.
    pub fn insert(&mut self, tuple: &FourTuple, entry: EstablishedEntry) -> bool {
        if (self.len as usize + 1) * 3 > self.slots.len() * 2 {
            self.resize((self.slots.len() + self.slots.len() / 2).max(MIN_SLOTS));
        }
        let Err(free) = self.probe(&key(tuple)) else { return false };
        self.inserted = self.inserted.wrapping_add(1);
        self.slots[free] = Slot::new(tuple, entry, self.inserted);
        self.len += 1;
        true
    }

    /// Puts another entry in a connection's place, at the head of its chain: a
    /// child for its request socket, a minisock for its socket. Gives the old one.
    #[inline]
    pub fn replace(&mut self, tuple: &FourTuple, entry: EstablishedEntry) -> Option<EstablishedEntry> {
        let at = self.find(&key(tuple))?;
        let old = self.slots[at].entry();
        self.inserted = self.inserted.wrapping_add(1);
        self.slots[at] = Slot::new(tuple, entry, self.inserted);
        Some(old)
    }

    /// Removes a connection and gives what it belonged to.
    pub fn remove(&mut self, tuple: &FourTuple) -> Option<EstablishedEntry> {
        let at = self.find(&key(tuple))?;
        let entry = self.slots[at].entry();
        self.close_gap(at);
        self.len -= 1;
        if self.slots.len() > MIN_SLOTS && (self.len as usize) * 8 < self.slots.len() {
            self.resize((self.slots.len() / 4).max(MIN_SLOTS));
        }
        Some(entry)
    }

    /// All rows, in an order that depends on the table's history alone.
    pub fn iter(&self) -> impl Iterator<Item = EstablishedRow> + '_ {
        self.slots.iter().filter(|s| !s.is_free()).map(Slot::row)
    }

    /// All rows in the order `ss` meets them: by kernel bucket, newest first.
    #[must_use]
    pub fn rows_in_hash_order(&self, hash: &EstablishedHash) -> Vec<EstablishedRow> {
        let mut rows: Vec<_> = self.iter().map(|row| (hash.bucket(&row.tuple), row)).collect();
        rows.sort_unstable_by_key(|(bucket, row)| (*bucket, self.inserted.wrapping_sub(row.inserted)));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The slot where the probe for a key begins.
    #[inline]
    fn home(&self, [local, remote, ports]: [u32; 3]) -> usize {
        let hash = (u64::from(local) << 32 | u64::from(remote)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ (hash >> 32) ^ u64::from(ports)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((hash >> 32) * self.slots.len() as u64) >> 32) as usize
    }

    const fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    #[inline]
    fn find(&self, key: &[u32; 3]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(key).ok()
    }

    /// Where a key is, or else the free slot that ends the search for it.
    #[inline]
    fn probe(&self, key: &[u32; 3]) -> Result<usize, usize> {
        let mut at = self.home(*key);
        loop {
            let slot = &self.slots[at];
            if slot.is_free() {
                return Err(at);
            }
            if slot.ports == key[2] && slot.remote == key[1] && slot.local == key[0] {
                return Ok(at);
            }
            at = self.next(at);
        }
    }

    fn place(&mut self, slot: Slot) {
        let mut at = self.home(slot.key());
        while !self.slots[at].is_free() {
            at = self.next(at);
        }
        self.slots[at] = slot;
    }

    /// Moves later members of the run back over the gap, so that no probe stops short.
    fn close_gap(&mut self, mut gap: usize) {
        let slots = self.slots.len();
        let mut at = gap;
        loop {
            at = self.next(at);
            if self.slots[at].is_free() {
                break;
            }
            let home = self.home(self.slots[at].key());
            let probed = if at >= home { at - home } else { at + slots - home };
            let to_gap = if at >= gap { at - gap } else { at + slots - gap };
            if probed >= to_gap {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
        }
        self.slots[gap] = Slot::default();
    }

    fn resize(&mut self, slots: usize) {
        let old = core::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        for slot in old.into_iter().filter(|s| !s.is_free()) {
            self.place(slot);
        }
    }
}

/// How `inet_ehashfn` mixes the local port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalPortHash {
    /// Into the third word (up to Linux 6.14).
    Mixed,
    /// Added to the hash of port 0 (from 6.15 on): neighbouring ports, neighbouring buckets.
    Added,
}

/// The kernel's hash of connections: secret, bucket count, version of the function.
#[derive(Clone, Copy, Debug)]
pub struct EstablishedHash {
    secret: u32,
    mask: u32,
    port: LocalPortHash,
}

impl EstablishedHash {
    /// The hash of a host with this seed and this many buckets (a power of two).
    #[must_use]
    pub fn new(seed: u64, buckets: u32, port: LocalPortHash) -> Self {
        assert!(buckets.is_power_of_two(), "the kernel rounds its table up to a power of two");
        let secret = (mix64(seed ^ mix64(u64::from_be_bytes(*b"ehashsec"))) >> 32) as u32;
        Self { secret, mask: buckets - 1, port }
    }

    /// `inet_ehashfn` on a little-endian machine.
    #[must_use]
    pub const fn hash(&self, tuple: &FourTuple) -> u32 {
        let local = u32::from_le_bytes(tuple.local.addr().octets());
        let remote = u32::from_le_bytes(tuple.remote.addr().octets());
        let remote_port = tuple.remote.port().0.swap_bytes() as u32;
        let local_port = tuple.local.port().0 as u32;
        match self.port {
            LocalPortHash::Mixed => jhash_3words(local, remote, local_port << 16 | remote_port, self.secret),
            LocalPortHash::Added => jhash_3words(local, remote, remote_port, self.secret).wrapping_add(local_port),
        }
    }

    /// `ehash_bucket`: the number of the connection's bucket.
    #[must_use]
    pub const fn bucket(&self, tuple: &FourTuple) -> u32 {
        self.hash(tuple) & self.mask
    }

    /// Number of buckets.
    #[must_use]
    pub const fn buckets(&self) -> u32 {
        self.mask + 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn tuple(lport: u16, rport: u16) -> FourTuple {
        FourTuple {
            local: Endpoint::new(Ipv4Addr::new(10, 0, 0, 1), lport),
            remote: Endpoint::new(Ipv4Addr::new(10, 0, 0, 2), rport),
        }
    }

    #[test]
    fn since_6_15_neighbouring_ports_have_neighbouring_buckets() {
        let new = EstablishedHash::new(1, 65_536, LocalPortHash::Added);
        let old = EstablishedHash::new(1, 65_536, LocalPortHash::Mixed);
        let step = |h: &EstablishedHash, p| {
            h.bucket(&tuple(p + 1, 3306)).wrapping_sub(h.bucket(&tuple(p, 3306))) % h.buckets()
        };
        assert!((40_000..40_100).all(|p| step(&new, p) == 1));
        assert!((40_000..40_100).filter(|&p| step(&old, p) == 1).count() < 5);
        assert_eq!(old.hash(&tuple(0, 1)), new.hash(&tuple(0, 1)));
    }

    #[test]
    fn a_chain_is_listed_newest_first() {
        let one_bucket = EstablishedHash::new(1, 1, LocalPortHash::Mixed);
        let mut table = EstablishedTable::new();
        for n in 0..5 {
            assert!(table.insert(&tuple(n, 80), EstablishedEntry::Full(SocketId(u32::from(n)))));
        }
        table.replace(&tuple(1, 80), EstablishedEntry::TimeWait(TwId(9)));
        let rows = table.rows_in_hash_order(&one_bucket);
        let ports: Vec<u16> = rows.iter().map(|r| r.tuple.local.port().0).collect();
        assert_eq!(ports, [1, 4, 3, 2, 0]);
        assert_eq!(rows[0].entry, EstablishedEntry::TimeWait(TwId(9)));
    }

    #[test]
    fn rows_come_by_bucket() {
        let hash = EstablishedHash::new(3, 64, LocalPortHash::Mixed);
        let mut table = EstablishedTable::new();
        for n in 0..500 {
            table.insert(&tuple(n, 80), EstablishedEntry::Full(SocketId(u32::from(n))));
        }
        let rows = table.rows_in_hash_order(&hash);
        assert_eq!(rows.len(), 500);
        assert!(rows.is_sorted_by_key(|r| hash.bucket(&r.tuple)));
    }

    #[test]
    fn memory_follows_content() {
        assert_eq!(size_of::<Slot>(), 20);
        let mut table = EstablishedTable::new();
        for n in 0..28_232 {
            table.insert(&tuple(n + 32_768, 3306), EstablishedEntry::Full(SocketId(u32::from(n))));
        }
        assert!(table.heap_bytes() <= 28_232 * 38, "{}", table.heap_bytes());
        for n in 0..28_232 {
            assert!(table.remove(&tuple(n + 32_768, 3306)).is_some());
        }
        assert!(table.is_empty() && table.heap_bytes() < 1_000, "{}", table.heap_bytes());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn behaves_as_a_map(ops in proptest::collection::vec((0_u8..4, 0_u16..40, 0_u16..3, 0_u32..1000), 1..400)) {
            let mut table = EstablishedTable::new();
            let mut model = BTreeMap::new();
            for (op, l, r, id) in ops {
                let t = tuple(l, r);
                let entry = match id % 3 {
                    0 => EstablishedEntry::Full(SocketId(id)),
                    1 => EstablishedEntry::Request(ReqId(id)),
                    _ => EstablishedEntry::TimeWait(TwId(id)),
                };
                match op {
                    0 | 1 => {
                        prop_assert_eq!(table.insert(&t, entry), !model.contains_key(&t));
                        model.entry(t).or_insert(entry);
                    }
                    2 => prop_assert_eq!(table.remove(&t), model.remove(&t)),
                    _ => {
                        let old = model.get(&t).copied();
                        if old.is_some() { model.insert(t, entry); }
                        prop_assert_eq!(table.replace(&t, entry), old);
                    }
                }
                prop_assert_eq!(table.len() as usize, model.len());
            }
            for l in 0..40 { for r in 0..3 {
                prop_assert_eq!(table.get(&tuple(l, r)), model.get(&tuple(l, r)).copied());
            }}
            let listed: BTreeMap<_, _> = table.iter().map(|row| (row.tuple, row.entry)).collect();
            prop_assert_eq!(listed, model);
        }
    }
}
