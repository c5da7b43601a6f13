//! The walk `__inet_hash_connect` makes, candidate by candidate, and the tests that
//! the arithmetic agrees with it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::search::{Blockers, Inspected, search};
use super::*;
use crate::errno::Errno;
use crate::kernel::bind_table::{BindOwner, BindTable, BucketState, PortPrivilege};
use crate::kernel::profile::PortSearchGeneration;
use crate::rng::{SimRng, Stream};
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, FourTuple, Ipv4Addr};

/// What the walk finds at a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Reserved,
    Bound,
    InUse,
    TimeWait,
    Reusable,
    NoBucket,
    Unique,
}

struct Walk {
    port: Option<u16>,
    skipped: u32,
    steals: bool,
    inspected: Inspected,
}

/// The kernel's loop.
fn walk(range: PortRange, step: u32, value: u32, found: impl Fn(u16) -> Found) -> Walk {
    let low = u32::from(range.low.0);
    let high = u32::from(range.high.0) + 1;
    let mut remaining = high - low;
    if step == 2 && remaining > 1 {
        remaining &= !1;
    }
    let mut offset = value % remaining;
    if step == 2 {
        offset &= !1;
    }
    let mut inspected = Inspected::default();
    loop {
        let mut port = low + offset;
        let mut i = 0;
        while i < remaining {
            if port >= high {
                port -= remaining;
            }
            let candidate = u16::try_from(port).unwrap();
            inspected.total += 1;
            let kind = found(candidate);
            match kind {
                Found::Reserved => inspected.reserved += 1,
                Found::Bound => inspected.bound += 1,
                Found::InUse => inspected.in_use += 1,
                Found::TimeWait => inspected.timewait += 1,
                Found::NoBucket => inspected.no_bucket += 1,
                Found::Reusable | Found::Unique => inspected.unique += 1,
            }
            if matches!(kind, Found::NoBucket | Found::Unique | Found::Reusable) {
                let steals = kind == Found::Reusable;
                return Walk { port: Some(candidate), skipped: i, steals, inspected };
            }
            i += step;
            port += step;
        }
        if step == 2 {
            offset += 1;
            if offset & 1 == 1 && remaining > 1 {
                continue;
            }
        }
        return Walk { port: None, skipped: 0, steals: false, inspected };
    }
}

const fn span(low: u16, high: u16) -> PortRange {
    PortRange { low: Port(low), high: Port(high) }
}

/// Every table over ranges of one to five ports, every start, both steps.
#[test]
fn tiny_ranges_exhaustively() {
    for (low, size) in (1..=5_u16).flat_map(|n| [(32_768, n), (40_001, n), (65_536 - u32::from(n), n)]) {
        let low = u16::try_from(low).unwrap();
        let range = span(low, low + (size - 1));
        for table in 0..4_u32.pow(u32::from(size)) {
            let kind = |p: u16| table >> (2 * u32::from(p - low)) & 3;
            let set = |k| {
                let mut set = PortSet::new();
                (0..size).filter(|i| kind(low + i) == k).for_each(|i| {
                    set.insert(Port(low + i));
                });
                set
            };
            let (used, bound, reserved, none) = (set(1), set(2), set(3), PortSet::new());
            let blockers = Blockers { used: &used, timewait: &none, bound: &bound, reserved: &reserved };
            for (step, start) in (1..=2).flat_map(|s| (0..=6).map(move |x| (s, x))) {
                let slow = walk(range, step, start, |p| match kind(p) {
                    1 => Found::InUse,
                    2 => Found::Bound,
                    3 => Found::Reserved,
                    _ => Found::NoBucket,
                });
                let fast = search(range, step, start, &blockers);
                let inspected = Inspected { no_bucket: u32::from(fast.port.is_some()), ..fast.inspected };
                assert_eq!(
                    (fast.port.map(|p| p.0), fast.skipped, inspected),
                    (slow.port, slow.skipped, slow.inspected),
                    "{range:?} step {step} start {start} table {table:b}"
                );
            }
        }
    }
}

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
const SERVER: Endpoint = Endpoint::new(Ipv4Addr::new(10, 0, 0, 2), 3306);
const ELSEWHERE: Endpoint = Endpoint::new(Ipv4Addr::new(10, 0, 0, 3), 80);
const USER: PortPrivilege = PortPrivilege { unprivileged_start: Port(0), cap_net_bind_service: false };

fn tuple(port: u16, remote: Endpoint) -> FourTuple {
    FourTuple { local: Endpoint::new(SOURCE, port), remote }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    /// connect() to SERVER this many times.
    Connect(u8),
    /// A connection to ELSEWHERE on this port of the range, or its end.
    Elsewhere(u16),
    /// The n-th connection ends.
    Close(u16),
    /// The n-th connection becomes a minisock, reusable after this many ms.
    TimeWait(u16, Option<u16>),
    /// bind() to this port of the range on another address, or its release.
    Bind(u16),
    /// Time passes, in ms.
    Sleep(u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..60_u8).prop_map(Op::Connect),
        1 => any::<u16>().prop_map(Op::Elsewhere),
        2 => any::<u16>().prop_map(Op::Close),
        4 => (any::<u16>(), proptest::option::of(0..3000_u16)).prop_map(|(n, d)| Op::TimeWait(n, d)),
        1 => any::<u16>().prop_map(Op::Bind),
        2 => (0..3000_u16).prop_map(Op::Sleep),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Holder {
    Socket,
    MiniSock(Option<Instant>),
}

/// The real tables beside a naive model of the same host.
struct Host {
    alloc: PortAllocator,
    bind: BindTable,
    reserved: ReservedPorts,
    range: PortRange,
    socket_range: Option<PortRange>,
    now: Instant,
    rng: SimRng,
    holders: BTreeMap<u16, Holder>,
    elsewhere: BTreeSet<u16>,
    bound: BTreeSet<u16>,
    /// What the next start value must be while the salt lasts.
    next_start: Option<(u32, u32)>,
}

impl Host {
    fn new(
        seed: u64,
        generation: PortSearchGeneration,
        range: PortRange,
        socket_range: Option<PortRange>,
        reserved: &[u16],
    ) -> Self {
        let mut ports = ReservedPorts::new();
        let ranges = reserved.iter().map(|&p| PortRange { low: Port(p), high: Port(p) });
        ports.replace(Arc::new(ranges.collect()));
        Self {
            alloc: PortAllocator::new(seed, generation, 250, Duration::from_secs(seed % 1000)),
            bind: BindTable::new(seed % 2 == 1),
            reserved: ports,
            range,
            socket_range,
            now: Instant::ZERO,
            rng: SimRng::new(seed, Stream::Host(0)),
            holders: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            bound: BTreeSet::new(),
            next_start: None,
        }
    }

    fn found(&self, port: u16) -> Found {
        if self.reserved.contains(Port(port)) {
            return Found::Reserved;
        }
        match (self.bind.state(Port(port)), self.holders.get(&port)) {
            (BucketState::Bound(_), _) => Found::Bound,
            (BucketState::Absent, _) => Found::NoBucket,
            (BucketState::ConnectOnly(_), None) => Found::Unique,
            (BucketState::ConnectOnly(_), Some(Holder::Socket)) => Found::InUse,
            (BucketState::ConnectOnly(_), Some(Holder::MiniSock(at))) => {
                if at.is_some_and(|at| at <= self.now) {
                    Found::Reusable
                } else {
                    Found::TimeWait
                }
            }
        }
    }

    fn connect(&mut self) {
        let owner = BindOwner::connected(SOURCE);
        let query = PortQuery {
            device: 0,
            source: SOURCE,
            destination: SERVER,
            range: self.range,
            socket_range: self.socket_range,
            reserved: &self.reserved,
            now: self.now,
        };
        let (cell, start) = self.alloc.start(&query);
        if let Some((old_cell, expected)) = self.next_start
            && old_cell == cell
        {
            assert_eq!(start, expected, "the hint moved as the kernel moves it");
        }
        let generation = self.alloc.generation();
        let step1 = generation == PortSearchGeneration::HardenedStepOne;
        let step = if step1 && self.socket_range.is_some() { 1 } else { 2 };
        let range = effective_range(self.range, self.socket_range);
        let slow = walk(range, step, start, |p| self.found(p));
        let plan = self.alloc.plan(&query, &self.bind);
        assert_eq!(plan.port.map(|p| p.0), slow.port);
        assert_eq!((plan.inspected, plan.steals), (slow.inspected, slow.steals));
        assert!(self.alloc.is_current(&plan, &query, &self.bind));

        let mut dice = self.rng.clone();
        self.alloc.commit(&plan, &mut self.rng);
        let Some(port) = slow.port else {
            assert_eq!(self.alloc.start(&query), (cell, start), "a failure moves nothing");
            assert_eq!(dice.next_u64(), self.rng.next_u64(), "and draws nothing");
            return;
        };
        let mut i = slow.skipped;
        match generation {
            PortSearchGeneration::GlobalHint => {}
            PortSearchGeneration::Table256 => {
                if i == 0 && dice.below(16) == 0 {
                    i = 2;
                }
            }
            PortSearchGeneration::Hardened | PortSearchGeneration::HardenedStepOne => {
                i = i.max(step * dice.below(8));
            }
        }
        self.next_start = Some((cell, start.wrapping_add(i + step)));
        if slow.steals {
            self.bind.release(Port(port), owner);
        }
        self.bind.connect_take(Port(port), owner);
        self.alloc.note_used(0, &tuple(port, SERVER));
        assert!(!self.alloc.is_current(&plan, &query, &self.bind), "the port is gone");
        self.holders.insert(port, Holder::Socket);
    }

    fn nth_holder(&self, n: u16) -> Option<u16> {
        self.holders.keys().nth(usize::from(n) % self.holders.len().max(1)).copied()
    }

    fn apply(&mut self, op: Op) {
        let owner = BindOwner::connected(SOURCE);
        let size = u32::from(self.range.high.0 - self.range.low.0) + 1;
        let at = |n: u16| self.range.low.0 + u16::try_from(u32::from(n) % size).unwrap();
        match op {
            Op::Connect(n) => (0..n).for_each(|_| self.connect()),
            Op::Elsewhere(n) => {
                let port = at(n);
                if self.elsewhere.remove(&port) {
                    self.bind.release(Port(port), owner);
                    self.alloc.note_released(0, &tuple(port, ELSEWHERE));
                } else if !matches!(self.bind.state(Port(port)), BucketState::Bound(_)) {
                    self.elsewhere.insert(port);
                    self.bind.connect_take(Port(port), owner);
                    self.alloc.note_used(0, &tuple(port, ELSEWHERE));
                }
            }
            Op::Close(n) => {
                let Some(port) = self.nth_holder(n) else { return };
                self.holders.remove(&port);
                self.bind.release(Port(port), owner);
                self.alloc.note_released(0, &tuple(port, SERVER));
            }
            Op::TimeWait(n, delay) => {
                let Some(port) = self.nth_holder(n) else { return };
                let due = delay.map(|ms| self.now + Duration::from_millis(u64::from(ms)));
                self.holders.insert(port, Holder::MiniSock(due));
                self.alloc.note_timewait(0, &tuple(port, SERVER), due);
            }
            Op::Bind(n) => {
                let (port, owner) = (at(n), BindOwner::bound(OTHER));
                if self.bound.remove(&port) {
                    self.bind.release(Port(port), owner);
                } else if self.bind.bind(Port(port), owner, USER).is_ok() {
                    self.bound.insert(port);
                }
            }
            Op::Sleep(ms) => self.now += Duration::from_millis(u64::from(ms)),
        }
    }
}

fn ranges() -> impl Strategy<Value = PortRange> {
    prop_oneof![(1_u16..65_000, 0_u16..4), (1_u16..65_000, 0_u16..200), (1024_u16..50_000, 0_u16..15_000),]
        .prop_map(|(low, more)| span(low, low.saturating_add(more)))
}

fn generations() -> impl Strategy<Value = PortSearchGeneration> {
    (0..4_usize).prop_map(|i| PortSearchGeneration::ALL[i])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the tables' history, plan and commit do what the walk does.
    #[test]
    fn plans_equal_the_walk(
        seed in any::<u64>(),
        generation in generations(),
        range in ranges(),
        socket in proptest::option::of((0_u16..300, 0_u16..300)),
        reserved in proptest::collection::vec(0_u16..300, 0..40),
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        let socket = socket.map(|(a, b)| {
            let low = range.low.0.saturating_add(a);
            span(low, low.saturating_add(b))
        });
        let reserved: Vec<u16> = reserved.iter().map(|&d| range.low.0.saturating_add(d)).collect();
        let mut host = Host::new(seed, generation, range, socket, &reserved);
        for op in ops {
            host.apply(op);
        }
    }

    /// One search over dense random tables of any size.
    #[test]
    fn dense_tables_equal_the_walk(
        range in ranges(),
        start in any::<u32>(),
        step in 1_u32..=2,
        [used, minis, bound, reserved] in proptest::array::uniform4(0_u32..=100),
        salt in any::<u64>(),
        holes in proptest::collection::vec(any::<u16>(), 0..4),
    ) {
        let percent = |p: u16, which: u64| {
            let mixed = crate::kernel::siphash::mix64(salt ^ which << 32 ^ u64::from(p));
            u32::try_from(mixed % 100).unwrap()
        };
        let kind = |p: u16| {
            if holes.contains(&p) { Found::NoBucket }
            else if percent(p, 1) < reserved / 4 { Found::Reserved }
            else if percent(p, 2) < bound / 3 { Found::Bound }
            else if percent(p, 3) < minis / 2 { Found::TimeWait }
            else if percent(p, 4) < used || used > 60 { Found::InUse }
            else { Found::NoBucket }
        };
        let mut sets = [const { PortSet::new() }; 4];
        for p in range.low.0..=range.high.0 {
            match kind(p) {
                Found::Reserved => { sets[3].insert(Port(p)); }
                Found::Bound => { sets[2].insert(Port(p)); }
                Found::TimeWait => { sets[1].insert(Port(p)); sets[0].insert(Port(p)); }
                Found::InUse => { sets[0].insert(Port(p)); }
                Found::Reusable | Found::NoBucket | Found::Unique => {}
            }
        }
        // A port can be several things at once; the first test decides.
        for p in holes.iter().map(|h| h.wrapping_mul(31)) {
            if sets[3].contains(Port(p)) { sets[2].insert(Port(p)); sets[0].insert(Port(p)); }
            if sets[2].contains(Port(p)) { sets[0].insert(Port(p)); sets[1].insert(Port(p)); }
        }
        let [used, timewait, bound, reserved] = &sets;
        let fast = search(range, step, start, &Blockers { used, timewait, bound, reserved });
        let slow = walk(range, step, start, kind);
        let inspected = Inspected { no_bucket: slow.inspected.no_bucket, ..fast.inspected };
        prop_assert_eq!(fast.port.map(|p| p.0), slow.port);
        prop_assert_eq!((fast.skipped, inspected), (slow.skipped, slow.inspected));
    }

    /// bind(0) never gives a port in conflict, misses none, and counts what it passes.
    #[test]
    fn open_ports_are_found_while_there_are_any(
        seed in any::<u64>(),
        low in 1024_u16..60_000,
        size in 1_u16..60,
        reuse_addr in any::<bool>(),
        autobind_reuse in any::<bool>(),
    ) {
        let range = span(low, low + size - 1);
        let mut rng = SimRng::new(seed, Stream::Host(1));
        let mut bind = BindTable::new(false);
        let reserved = ReservedPorts::new();
        let owner = BindOwner { reuse_addr, ..BindOwner::bound(SOURCE) };
        let query =
            OpenPortQuery { owner, range, socket_range: None, reserved: &reserved, autobind_reuse };
        let mut given = BTreeSet::new();
        loop {
            let found = find_open_port(&query, &bind, &mut rng);
            let Some(port) = found.port else {
                prop_assert_eq!(found.inspected.bound, found.inspected.total);
                break;
            };
            let shares = !given.insert(port);
            prop_assert!(!shares || (reuse_addr && autobind_reuse));
            if shares { break; }
            prop_assert_eq!(found.inspected.bound + 1, found.inspected.total);
            prop_assert_eq!(found.inspected.no_bucket, 1);
            bind.take_bound(port, owner);
        }
        // An odd-sized stretch leaves one port to luck, as in connect().
        let halves = if reuse_addr && size >= 4 { 2 } else { 1 };
        prop_assert!(given.len() + halves >= usize::from(size), "{} of {}", given.len(), size);
        let all_even = size % 2 == 0 && (halves == 1 || size % 4 == 0);
        prop_assert!(!all_even || given.len() == usize::from(size));
        let refused = bind.bind(range.low, BindOwner::bound(SOURCE), USER);
        prop_assert!(!given.contains(&range.low) || refused == Err(Errno::AddrInUse));
    }
}
