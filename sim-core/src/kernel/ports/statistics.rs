//! The allocator against what a real kernel did: counts, parities, increments, and
//! whole sequences.

use std::collections::BTreeSet;

use super::measured::{RANGE_40000_40099, RANGE_40000_40100, SOCKET_RANGE_40020_40039};
use super::search::{Blockers, remaining, search};
use super::*;
use crate::kernel::bind_table::{BindOwner, BindTable, PortPrivilege};
use crate::kernel::profile::PortSearchGeneration;
use crate::rng::{SimRng, Stream};
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, FourTuple, Ipv4Addr};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SERVER: Endpoint = Endpoint::new(LOOPBACK, 3306);
const DEFAULT: PortRange = range(32_768, 60_999);
const USER: PortPrivilege = PortPrivilege { unprivileged_start: Port(1024), cap_net_bind_service: false };

const fn range(low: u16, high: u16) -> PortRange {
    PortRange { low: Port(low), high: Port(high) }
}

fn set<const N: usize>(ranges: [PortRange; N]) -> Arc<PortSet> {
    Arc::new(ranges.into_iter().collect())
}

struct Leaker {
    alloc: PortAllocator,
    bind: BindTable,
    reserved: ReservedPorts,
    rng: SimRng,
    range: PortRange,
    socket_range: Option<PortRange>,
    now: Instant,
}

impl Leaker {
    fn new(seed: u64, range: PortRange) -> Self {
        Self::of(PortSearchGeneration::HardenedStepOne, seed, range)
    }

    fn of(generation: PortSearchGeneration, seed: u64, range: PortRange) -> Self {
        Self {
            alloc: PortAllocator::new(seed, generation, 250, Duration::ZERO),
            bind: BindTable::new(true),
            reserved: ReservedPorts::new(),
            rng: SimRng::new(seed, Stream::Host(0)),
            range,
            socket_range: None,
            now: Instant::ZERO,
        }
    }

    fn listen(&mut self, addr: Ipv4Addr, port: u16) {
        let owner = BindOwner::bound(addr);
        self.bind.bind(Port(port), owner, USER).expect("the port is free");
        self.bind.listen(Port(port), owner).expect("the port is ours");
    }

    fn connect_from(&mut self, source: Ipv4Addr, destination: Endpoint) -> Option<u16> {
        let query = PortQuery {
            device: 0,
            source,
            destination,
            range: self.range,
            socket_range: self.socket_range,
            reserved: &self.reserved,
            now: self.now,
        };
        let plan = self.alloc.plan(&query, &self.bind);
        self.alloc.commit(&plan, &mut self.rng);
        let port = plan.port?;
        self.bind.connect_take(port, BindOwner::connected(source));
        let local = Endpoint::on(source, port);
        self.alloc.note_used(0, &FourTuple { local, remote: destination });
        Some(port.0)
    }

    fn plan(&mut self) -> SearchPlan {
        let query = ask(&self.reserved, self.range, self.now);
        self.alloc.plan(&query, &self.bind)
    }

    fn still_holds(&mut self, plan: &SearchPlan) -> bool {
        let query = ask(&self.reserved, self.range, self.now);
        self.alloc.is_current(plan, &query, &self.bind)
    }

    fn connect(&mut self) -> Option<u16> {
        self.connect_from(LOOPBACK, SERVER)
    }

    fn exhaust(&mut self) -> Vec<u16> {
        let ports: Vec<u16> = core::iter::from_fn(|| self.connect()).collect();
        assert_eq!(self.connect(), None, "and stays exhausted");
        ports
    }

    fn bind_any(&mut self, addr: Ipv4Addr, reuse_addr: bool) -> Option<u16> {
        let owner = BindOwner { reuse_addr, ..BindOwner::bound(addr) };
        let query = OpenPortQuery {
            owner,
            range: self.range,
            socket_range: None,
            reserved: &self.reserved,
            autobind_reuse: false,
        };
        let port = find_open_port(&query, &self.bind, &mut self.rng).port?;
        self.bind.take_bound(port, owner);
        Some(port.0)
    }
}

fn ask(reserved: &ReservedPorts, range: PortRange, now: Instant) -> PortQuery<'_> {
    let (source, destination) = (LOOPBACK, SERVER);
    PortQuery { device: 0, source, destination, range, socket_range: None, reserved, now }
}

fn steps(ports: &[u16], size: i32) -> Vec<i32> {
    ports.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).rem_euclid(size)).collect()
}

fn mean_hundredths(steps: &[i32]) -> i64 {
    steps.iter().map(|&s| i64::from(s)).sum::<i64>() * 100 / i64::try_from(steps.len()).unwrap()
}

/// P1, P16, P17, P18 of facts.csv; mean increments 13.83 and 16.00 measured (the
/// wide range's odd half: 27 to 30, so only the first half is a sharp test).
#[test]
fn the_default_range() {
    let mut host = Leaker::new(1, DEFAULT);
    let ports = host.exhaust();
    assert_eq!(ports.len(), 28_232);
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 28_232);
    assert!(ports[..14_116].iter().all(|p| p % 2 == 0), "low's parity first");
    assert!(ports[14_116..].iter().all(|p| p % 2 == 1));

    let steps = steps(&ports, 28_232);
    let mut histogram = [0_u32; 9];
    for &step in &steps[..1411] {
        assert!(step % 2 == 0 && (2..=16).contains(&step), "{step}");
        histogram[usize::try_from(step / 2).unwrap()] += 1;
    }
    assert!(histogram[1..].iter().all(|n| (130..225).contains(n)), "uniform: {histogram:?}");
    let even_half = mean_hundredths(&steps[..14_115]);
    assert!((1_340..1_430).contains(&even_half), "measured 13.83, 13.86: {even_half}");
    let two = steps[..14_115].iter().filter(|&&s| s == 2).count();
    assert!((1_850..2_100).contains(&two), "measured 1986, 1872: {two}");
}

/// P2, P3, P4: bound ports inside the range are lost, those outside are not.
#[test]
fn listeners_cost_a_port_each() {
    let mut host = Leaker::new(2, DEFAULT);
    host.listen(Ipv4Addr::UNSPECIFIED, 33_060);
    host.listen(Ipv4Addr::UNSPECIFIED, 3306);
    assert_eq!(host.exhaust().len(), 28_231);
    let wide = range(1024, 60_999);
    assert_eq!(Leaker::new(3, wide).exhaust().len(), 59_976);
    let mut host = Leaker::new(4, wide);
    host.listen(Ipv4Addr::UNSPECIFIED, 3306);
    host.listen(Ipv4Addr::UNSPECIFIED, 33_060);
    assert_eq!(host.exhaust().len(), 59_974);
}

/// P5, P9, P10.
#[test]
fn a_hundred_ports() {
    let hundred = range(40_000, 40_099);
    assert_eq!(Leaker::new(1, hundred).exhaust().len(), 100);
    let mut host = Leaker::new(1, hundred);
    host.reserved.replace(set([range(40_010, 40_019), range(40_055, 40_055), range(50_000, 50_009)]));
    assert_eq!(host.exhaust().len(), 89);
    let mut host = Leaker::new(1, hundred);
    host.listen(Ipv4Addr::new(127, 0, 0, 9), 40_060);
    let ports = host.exhaust();
    assert_eq!(ports.len(), 99);
    assert!(!ports.contains(&40_060), "a listener blocks its port on every address");
}

/// P6, P7, P8: one end port of an odd-sized range depends on luck.
#[test]
fn odd_sizes() {
    for (high, size) in [(40_002, 3), (40_010, 11), (40_100, 101)] {
        let counts: Vec<usize> = (0..200).map(|s| Leaker::new(s, range(40_000, high)).exhaust().len()).collect();
        let full = counts.iter().filter(|&&n| n == size).count();
        assert!(counts.iter().all(|&n| n == size || n == size - 1));
        if size == 3 {
            assert_eq!(full, 0);
        } else {
            assert!((150..195).contains(&full), "measured 35 of 40: {full} of 200");
        }
    }
}

/// P11, P12: other destinations and other sources reuse the same ports.
#[test]
fn capacity_is_per_source_and_destination() {
    let mut host = Leaker::new(5, range(40_000, 40_099));
    assert_eq!(host.exhaust().len(), 100);
    for (source, destination) in [
        (LOOPBACK, Endpoint::new(LOOPBACK, 3307)),
        (LOOPBACK, Endpoint::new(Ipv4Addr::new(127, 0, 0, 2), 3306)),
        (Ipv4Addr::new(127, 0, 0, 2), SERVER),
    ] {
        let more = (0..101).filter(|_| host.connect_from(source, destination).is_some()).count();
        assert_eq!(more, 100);
    }
}

/// P13, P15, P18: bind(0) takes the other parity first, and ports of its own.
#[test]
fn automatic_binds() {
    let mut host = Leaker::new(6, range(40_000, 40_099));
    let ports: Vec<u16> = core::iter::from_fn(|| host.bind_any(Ipv4Addr::UNSPECIFIED, false)).collect();
    assert_eq!(ports.len(), 100);
    assert!(ports[..50].iter().all(|p| p % 2 == 1) && ports[50..].iter().all(|p| p % 2 == 0));
    assert_eq!(host.connect(), None);

    let mut host = Leaker::new(7, range(40_000, 40_099));
    let ports: Vec<u16> = core::iter::from_fn(|| host.bind_any(Ipv4Addr::UNSPECIFIED, true)).collect();
    assert_eq!(ports.len(), 100);
    assert!(ports[..25].iter().all(|p| p % 2 == 1 && *p < 40_050));
    assert!(ports[..50].iter().all(|p| *p < 40_050), "the lower half first");
}

/// e1_ports/extras: connect() and bind(0) share the range, not the ports.
#[test]
fn binds_and_connects_share_the_range() {
    let mut host = Leaker::new(8, range(40_000, 40_099));
    (0..30).for_each(|_| assert!(host.bind_any(LOOPBACK, false).is_some()));
    assert_eq!(host.exhaust().len(), 70);
    let mut host = Leaker::new(9, range(40_000, 40_099));
    (0..30).for_each(|_| assert!(host.connect().is_some()));
    let bound = core::iter::from_fn(|| host.bind_any(LOOPBACK, false)).count();
    assert_eq!(bound, 70);
    let other = core::iter::from_fn(|| host.bind_any(Ipv4Addr::new(127, 0, 0, 3), false)).count();
    assert_eq!(other, 100, "another address has all ports");
}

/// P19, P20, P21.
#[test]
fn the_socket_option_searches_every_port() {
    let mut host = Leaker::new(10, range(40_000, 40_099));
    host.socket_range = Some(range(40_020, 40_039));
    let ports = host.exhaust();
    assert_eq!(ports.len(), 20);
    assert!(ports[..10].iter().any(|p| p % 2 == 1), "no parity rule");
    let mut host = Leaker::new(11, range(40_000, 40_099));
    host.socket_range = Some(range(50_000, 50_019));
    let ports = host.exhaust();
    assert_eq!(ports.len(), 100);
    assert!(ports[..20].iter().any(|p| p % 2 == 1), "ignored, but still in steps of one");
    host = Leaker::of(PortSearchGeneration::Hardened, 11, range(40_000, 40_099));
    host.socket_range = Some(range(40_090, 40_150));
    let ports = host.exhaust();
    assert_eq!(ports.len(), 10);
    assert!(ports[..5].iter().all(|p| p % 2 == 0), "before 6.8 the parity rule stays");
}

/// P22, P23: the sequence goes on while the salt lasts, then jumps for all at once.
#[test]
fn salt_changes_every_ten_seconds() {
    let mut host = Leaker::new(12, DEFAULT);
    let other = Endpoint::new(LOOPBACK, 3307);
    let mut jumps = [Vec::new(), Vec::new()];
    let mut last = [host.connect(), host.connect_from(LOOPBACK, other)];
    for tick in 1..5_000_u64 {
        host.now = Instant::ZERO + Duration::from_millis(tick * 10);
        for (i, destination) in [SERVER, other].into_iter().enumerate() {
            let port = host.connect_from(LOOPBACK, destination);
            let step = i32::from(port.unwrap()) - i32::from(last[i].unwrap());
            // While nearly nothing is taken, a step beyond 40 is a jump (or the wrap).
            if !(2..=60).contains(&step.rem_euclid(28_232)) {
                jumps[i].push(tick);
            }
            last[i] = port;
        }
    }
    for list in &jumps {
        assert_eq!(list.len(), 5, "{jumps:?}");
        assert!(list.windows(2).all(|w| w[1] - w[0] == 1000), "{jumps:?}");
    }
    assert_eq!(jumps[0], jumps[1], "every destination at the same instant");
}

/// Up to 5.11 consecutive connects are two ports apart, whatever the destination.
#[test]
fn the_global_hint_steps_by_two() {
    let mut host = Leaker::of(PortSearchGeneration::GlobalHint, 1, DEFAULT);
    let ports: Vec<u16> = (0..200).map(|_| host.connect().unwrap()).collect();
    assert!(steps(&ports, 28_232).iter().all(|&s| s == 2));
    let before = host.connect_from(LOOPBACK, Endpoint::new(LOOPBACK, 80)).unwrap();
    host.connect().unwrap();
    let after = host.connect_from(LOOPBACK, Endpoint::new(LOOPBACK, 80)).unwrap();
    assert_eq!(steps(&[before, after], 28_232), [4], "one hint for all destinations");
}

#[test]
fn the_first_table_skips_a_port_now_and_then() {
    let mut host = Leaker::of(PortSearchGeneration::Table256, 1, DEFAULT);
    let ports: Vec<u16> = (0..1601).map(|_| host.connect().unwrap()).collect();
    let steps = steps(&ports, 28_232);
    assert!(steps.iter().all(|&s| s == 2 || s == 4));
    let skips = steps.iter().filter(|&&s| s == 4).count();
    assert!((60..145).contains(&skips), "one in 16 of 1600: {skips}");
}

/// The measured sequences, connect by connect: some hint explains each port.
#[test]
fn a_real_kernels_sequences_are_explained() {
    explain(&RANGE_40000_40099, range(40_000, 40_099), 2);
    explain(&RANGE_40000_40100, range(40_000, 40_100), 2);
    explain(&SOCKET_RANGE_40020_40039, range(40_020, 40_039), 1);
}

fn explain(ports: &[u16], range: PortRange, step: u32) {
    let size = remaining(range, step);
    let none = PortSet::new();
    let mut used = PortSet::new();
    let mut hints: BTreeSet<u32> = (0..size).collect();
    for (n, &port) in ports.iter().enumerate() {
        let blockers = Blockers { used: &used, timewait: &none, bound: &none, reserved: &none };
        let mut next = BTreeSet::new();
        for &hint in &hints {
            let found = search(range, step, hint, &blockers);
            if found.port == Some(Port(port)) {
                next.extend((0..8).map(|r| (hint + found.skipped.max(r * step) + step) % size));
            }
        }
        assert!(!next.is_empty(), "connect {n}: port {port} is not explained");
        hints = next;
        used.insert(Port(port));
    }
}

/// T2 (and T1): with reuse a range of 100 ports gives 100 connections a second.
#[test]
fn minisocks_are_taken_over_after_their_delay() {
    let mut host = Leaker::new(13, range(40_000, 40_099));
    let owner = BindOwner::connected(LOOPBACK);
    let mut made = 0;
    let mut stolen = 0;
    for ms in 0..10_000 {
        host.now = Instant::ZERO + Duration::from_millis(ms);
        let plan = host.plan();
        host.alloc.commit(&plan, &mut host.rng);
        let Some(port) = plan.port else {
            assert_eq!(plan.inspected.timewait, 100);
            continue;
        };
        if plan.steals {
            stolen += 1;
            host.bind.release(port, owner);
        }
        host.bind.connect_take(port, owner);
        let tuple = FourTuple { local: Endpoint::on(LOOPBACK, port), remote: SERVER };
        host.alloc.note_used(0, &tuple);
        let due = tw_reusable_at(host.now, Duration::ZERO, TwAge::Delay(Duration::from_secs(1)));
        host.alloc.note_timewait(0, &tuple, Some(due));
        made += 1;
    }
    assert!((990..=1000).contains(&made), "{made}");
    assert_eq!(stolen, made - 100);
}

/// The index of 28,232 connections to one destination.
#[test]
fn the_index_is_small() {
    let mut host = Leaker::new(14, DEFAULT);
    host.exhaust();
    assert_eq!(host.alloc.held(0, LOOPBACK, SERVER), 28_232);
    assert!(host.alloc.heap_bytes() < 6_000, "{}", host.alloc.heap_bytes());
}

type Change = fn(&mut Leaker);

/// A plan made when a call starts is checked when its CPU time is spent.
#[test]
fn plans_notice_what_they_depend_on() {
    let elsewhere = |h: &mut Leaker| {
        assert!(h.connect_from(LOOPBACK, Endpoint::new(LOOPBACK, 80)).is_some());
    };
    let changes: [(&str, Change, bool); 6] = [
        ("nothing", |_| {}, true),
        ("half a second, the salt lasting", |h| h.now += Duration::from_millis(500), true),
        // Planned again to no avail, but noticed at the price of one comparison.
        ("a connection elsewhere", elsewhere, false),
        ("a connection to the same destination", |h| assert!(h.connect().is_some()), false),
        ("a port bound in the range", |h| h.listen(LOOPBACK, 40_001), false),
        ("other reserved ports", |h| h.reserved.replace(set([])), false),
    ];
    for (what, change, current) in changes {
        let mut host = Leaker::new(15, DEFAULT);
        assert!(host.connect().is_some());
        let plan = host.plan();
        change(&mut host);
        assert_eq!(host.still_holds(&plan), current, "{what}");
        host.now += Duration::from_secs(10);
        assert!(!host.still_holds(&plan), "fresh salt");
    }
}
