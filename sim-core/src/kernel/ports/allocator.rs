//! The connect-time search of one host: hints, salt, and the ports in use by
//! destination.

use std::collections::{BTreeMap, VecDeque};

use super::search::{Blockers, Inspected, ProbedRun, probed, search};
use super::{PortSet, ReservedPorts, effective_range};
use crate::kernel::bind_table::BindTable;
use crate::kernel::config::PortRange;
use crate::kernel::profile::PortSearchGeneration;
use crate::kernel::siphash::{LastHash, SipKey, mix64, siphash_3u32, siphash_4u32};
use crate::rng::SimRng;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, FourTuple, Ipv4Addr, Port};

/// Seconds between fresh salts of the port offset (`EPHEMERAL_PORT_SHUFFLE_PERIOD`).
const SHUFFLE_PERIOD_S: u64 = 10;

static NO_PORTS: PortSet = PortSet::new();

/// Connections that compete for ports: same device, source and destination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct DestinationKey {
    device: u32,
    source: Ipv4Addr,
    destination: Endpoint,
}

impl DestinationKey {
    const fn of(device: u32, tuple: &FourTuple) -> Self {
        Self { device, source: tuple.local.addr(), destination: tuple.remote }
    }
}

#[derive(Clone, Debug, Default)]
struct Destination {
    /// Ports that are not to be had.
    used: PortSet,
    /// Those of `used` that minisocks hold.
    timewait: PortSet,
    /// Ports whose minisock a `connect()` may take over; not in `used`.
    reusable: PortSet,
    /// Those of `timewait` that will become reusable, and when.
    due: BTreeMap<Port, Instant>,
    /// Host-wide number of the last change here.
    changed: u64,
}

impl Destination {
    fn forget(&mut self, port: Port) {
        self.used.remove(port);
        if !self.timewait.is_empty() {
            self.timewait.remove(port);
            self.due.remove(&port);
        }
        if !self.reusable.is_empty() {
            self.reusable.remove(port);
        }
    }

    fn is_empty(&self) -> bool {
        self.used.is_empty() && self.reusable.is_empty()
    }
}

/// The destinations that hold ports. Connections come in runs towards the same one,
/// so the last one found is remembered.
#[derive(Clone, Debug, Default)]
struct Destinations {
    numbers: BTreeMap<DestinationKey, u32>,
    slots: Vec<Destination>,
    free: Vec<u32>,
    last: Option<(DestinationKey, u32)>,
}

impl Destinations {
    fn number(&self, key: &DestinationKey) -> Option<u32> {
        match &self.last {
            Some((last, number)) if last == key => Some(*number),
            Some(_) | None => self.look_up(key),
        }
    }

    #[inline(never)]
    fn look_up(&self, key: &DestinationKey) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    fn get(&self, key: &DestinationKey) -> Option<&Destination> {
        self.number(key).map(|n| &self.slots[n as usize])
    }

    fn at_mut(&mut self, number: u32) -> &mut Destination {
        &mut self.slots[number as usize]
    }

    fn ensure(&mut self, key: DestinationKey) -> u32 {
        let number = self.number(&key).unwrap_or_else(|| {
            let number = self.free.pop().unwrap_or_else(|| {
                self.slots.push(Destination::default());
                u32::try_from(self.slots.len() - 1).expect("fewer destinations than sockets")
            });
            self.numbers.insert(key, number);
            number
        });
        self.last = Some((key, number));
        number
    }

    fn remove(&mut self, key: &DestinationKey) {
        if let Some(number) = self.numbers.remove(key) {
            *self.at_mut(number) = Destination::default();
            self.free.push(number);
        }
        self.last = None;
    }
}

/// A `connect()` that needs a port.
#[derive(Clone, Copy, Debug)]
pub struct PortQuery<'a> {
    /// SO_BINDTODEVICE interface index, 0 for none.
    pub device: u32,
    /// Source address, chosen by the route or `bind()`.
    pub source: Ipv4Addr,
    /// Where to.
    pub destination: Endpoint,
    /// `net.ipv4.ip_local_port_range`.
    pub range: PortRange,
    /// IP_LOCAL_PORT_RANGE of the socket (Linux 6.3), if set.
    pub socket_range: Option<PortRange>,
    /// `net.ipv4.ip_local_reserved_ports`.
    pub reserved: &'a ReservedPorts,
    /// When the search is made.
    pub now: Instant,
}

impl PortQuery<'_> {
    const fn key(&self) -> DestinationKey {
        DestinationKey { device: self.device, source: self.source, destination: self.destination }
    }
}

/// Everything a plan depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Basis {
    key: DestinationKey,
    range: PortRange,
    step: u32,
    start: u32,
    reserved_version: u32,
    bound_changes: u64,
    destination_changed: u64,
}

/// What a search would do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SearchPlan {
    /// The port it takes; `None` is EADDRNOTAVAIL.
    pub port: Option<Port>,
    /// The four-tuple is a TIME_WAIT minisock's, to be taken over (TWRecycled).
    pub steals: bool,
    /// The candidates looked at.
    pub inspected: Inspected,
    skipped: u32,
    cell: u32,
    basis: Basis,
    /// The host's count of changes when it was made.
    seen: u64,
    /// The salt of the offsets is another from then on.
    salted_until: Instant,
}

impl SearchPlan {
    /// The candidates the search looks at, in its order, as runs of even steps.
    /// Together they are [`Inspected::total`] long.
    #[must_use]
    pub fn probed(&self) -> Vec<ProbedRun> {
        probed(self.basis.range, self.basis.step, self.basis.start, self.inspected.total)
    }
}

/// What holds a port towards a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortHolder {
    /// A socket.
    Socket,
    /// A minisock.
    TimeWait,
    /// A minisock whose place a `connect()` may take.
    Reusable,
}

/// The port search of one host.
#[derive(Clone, Debug)]
pub struct PortAllocator {
    generation: PortSearchGeneration,
    hz: u32,
    boot_age: Duration,
    net_secret: SipKey,
    last_offset: LastHash,
    /// The last plan that found no port: with the same basis it is made again.
    vain: Option<SearchPlan>,
    perturb_seed: u64,
    /// Hints that differ from their random initial value: `table_perturb`, or the
    /// one global hint.
    moved: BTreeMap<u32, u32>,
    destinations: Destinations,
    /// When minisocks become reusable, in order; entries may be stale.
    due: VecDeque<(Instant, u32, Port)>,
    /// Changes of destinations and of hints.
    changes: u64,
    salt: Salt,
}

/// The salt of the offsets at one time; older kernels have none.
#[derive(Clone, Copy, Debug)]
struct Salt {
    epoch: u32,
    since: Instant,
    until: Instant,
}

impl PortAllocator {
    /// The search of a host with this seed, `CONFIG_HZ`, and time since boot at the
    /// start of the run.
    #[must_use]
    pub fn new(seed: u64, generation: PortSearchGeneration, hz: u32, boot_age: Duration) -> Self {
        let salted = match generation {
            PortSearchGeneration::GlobalHint | PortSearchGeneration::Table256 => false,
            PortSearchGeneration::Hardened | PortSearchGeneration::HardenedStepOne => true,
        };
        Self {
            generation,
            hz: hz.max(1),
            boot_age,
            net_secret: SipKey::from_seed(seed, u64::from_be_bytes(*b"net_secr")),
            last_offset: LastHash::default(),
            vain: None,
            perturb_seed: mix64(seed ^ mix64(u64::from_be_bytes(*b"perturb_"))),
            moved: BTreeMap::new(),
            destinations: Destinations::default(),
            due: VecDeque::new(),
            changes: 0,
            salt: Salt { epoch: 0, since: Instant::ZERO, until: if salted { Instant::ZERO } else { Instant::MAX } },
        }
    }

    /// What a search would do now. Changes nothing a later search could notice.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn plan(&mut self, query: &PortQuery<'_>, bind: &BindTable) -> SearchPlan {
        self.ripen(query.now);
        let (cell, basis) = self.basis(query, bind);
        if let Some(vain) = self.vain
            && (vain.cell, vain.basis) == (cell, basis)
        {
            return SearchPlan { seen: self.changes, salted_until: self.salt.until, ..vain };
        }
        let destination = self.destinations.get(&basis.key);
        let blockers = Blockers {
            used: destination.map_or(&NO_PORTS, |d| &d.used),
            timewait: destination.map_or(&NO_PORTS, |d| &d.timewait),
            bound: bind.bound_ports(),
            reserved: query.reserved.ports(),
        };
        let found = search(basis.range, basis.step, basis.start, &blockers);
        let mut inspected = found.inspected;
        let mut steals = false;
        if let Some(port) = found.port {
            let shared = u32::from(bind.has_bucket(port));
            inspected.unique = shared;
            inspected.no_bucket = 1 - shared;
            steals = destination.is_some_and(|d| d.reusable.contains(port));
        }
        let plan = SearchPlan {
            port: found.port,
            steals,
            inspected,
            skipped: found.skipped,
            cell,
            basis,
            seen: self.changes,
            salted_until: self.salt.until,
        };
        if plan.port.is_none() {
            self.vain = Some(plan);
        }
        plan
    }

    /// True only if planning again would give the same plan: nothing of the host that a plan
    /// depends on has changed.
    #[inline]
    pub fn is_current(&mut self, plan: &SearchPlan, query: &PortQuery<'_>, bind: &BindTable) -> bool {
        self.ripen(query.now);
        let basis = &plan.basis;
        plan.seen == self.changes
            && query.now < plan.salted_until
            && basis.bound_changes == bind.bound_changes()
            && basis.reserved_version == query.reserved.version
            && basis.key == query.key()
            && basis.range == effective_range(query.range, query.socket_range)
            && basis.step == self.generation.step(query.socket_range.is_some())
            && plan.port.is_none_or(|p| bind.has_bucket(p) == (plan.inspected.unique == 1))
    }

    /// The search succeeded: moves the hint on. A plan without port moves nothing
    /// and draws nothing.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn commit(&mut self, plan: &SearchPlan, rng: &mut SimRng) {
        if plan.port.is_none() {
            return;
        }
        let step = plan.basis.step;
        let skipped = match self.generation {
            PortSearchGeneration::GlobalHint => plan.skipped,
            PortSearchGeneration::Table256 => {
                if plan.skipped == 0 && rng.below(16) == 0 {
                    2
                } else {
                    plan.skipped
                }
            }
            PortSearchGeneration::Hardened | PortSearchGeneration::HardenedStepOne => {
                plan.skipped.max(rng.below(8) * step)
            }
        };
        let initial = self.initial_hint(plan.cell);
        let hint = self.moved.entry(plan.cell).or_insert(initial);
        *hint = hint.wrapping_add(skipped + step);
        self.changes += 1;
    }

    /// A socket whose port `connect()` chose entered the established table; also
    /// when it took a minisock's place. Sockets on bound ports need no note: the
    /// search passes their ports by anyway.
    #[inline]
    pub fn note_used(&mut self, device: u32, tuple: &FourTuple) {
        let number = self.touch(device, tuple);
        let destination = self.destinations.at_mut(number);
        destination.forget(tuple.local.port());
        destination.used.insert(tuple.local.port());
    }

    /// Such a socket became a minisock, or its minisock's timestamp was refreshed.
    /// `reusable_at`: when a `connect()` may take it over ([`super::tw_reusable_at`]); `None`
    /// for never (`tcp_tw_reuse` does not apply, no timestamps, substate FIN_WAIT2).
    pub fn note_timewait(&mut self, device: u32, tuple: &FourTuple, reusable_at: Option<Instant>) {
        let port = tuple.local.port();
        let number = self.touch(device, tuple);
        let destination = self.destinations.at_mut(number);
        destination.forget(port);
        destination.used.insert(port);
        destination.timewait.insert(port);
        if let Some(at) = reusable_at {
            destination.due.insert(port, at);
            let place = self.due.iter().rposition(|&(t, ..)| t <= at).map_or(0, |i| i + 1);
            self.due.insert(place, (at, number, port));
        }
    }

    /// The socket or minisock left the established table.
    pub fn note_released(&mut self, device: u32, tuple: &FourTuple) {
        let number = self.touch(device, tuple);
        let destination = self.destinations.at_mut(number);
        destination.forget(tuple.local.port());
        if destination.is_empty() {
            self.destinations.remove(&DestinationKey::of(device, tuple));
        }
    }

    /// Number of ports held towards a destination, reusable ones included.
    #[must_use]
    pub fn held(&self, device: u32, source: Ipv4Addr, destination: Endpoint) -> u32 {
        let key = DestinationKey { device, source, destination };
        self.destinations.get(&key).map_or(0, |d| d.used.len() + d.reusable.len())
    }

    /// Ports held towards a destination from any address, on even and on odd
    /// numbers; minisocks that may be taken over included.
    #[must_use]
    pub fn held_by_parity(&self, destination: Endpoint) -> [u32; 2] {
        let mut held = [0; 2];
        for (_, &number) in self.destinations.numbers.iter().filter(|(key, _)| key.destination == destination) {
            let ports = &self.destinations.slots[number as usize];
            for set in [&ports.used, &ports.reusable] {
                let [even, odd] = set.count_by_parity();
                held[0] += even;
                held[1] += odd;
            }
        }
        held
    }

    /// What holds a port towards a destination: its socket, a minisock, or a
    /// minisock that a `connect()` may take over.
    #[must_use]
    pub fn holder(&self, device: u32, source: Ipv4Addr, destination: Endpoint, port: Port) -> Option<PortHolder> {
        let ports = self.destinations.get(&DestinationKey { device, source, destination })?;
        if ports.reusable.contains(port) {
            Some(PortHolder::Reusable)
        } else if ports.timewait.contains(port) {
            Some(PortHolder::TimeWait)
        } else {
            ports.used.contains(port).then_some(PortHolder::Socket)
        }
    }

    /// The generation this host follows.
    #[must_use]
    pub const fn generation(&self) -> PortSearchGeneration {
        self.generation
    }

    /// Bytes on the heap, the maps' own nodes not counted.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let sets = self
            .destinations
            .slots
            .iter()
            .map(|d| d.used.heap_bytes() + d.timewait.heap_bytes() + d.reusable.heap_bytes());
        sets.sum::<usize>()
            + self.destinations.slots.capacity() * size_of::<Destination>()
            + self.due.capacity() * size_of::<(Instant, u32, Port)>()
    }

    /// Notes a change of the destination and gives its number.
    #[inline]
    fn touch(&mut self, device: u32, tuple: &FourTuple) -> u32 {
        self.changes += 1;
        let number = self.destinations.ensure(DestinationKey::of(device, tuple));
        self.destinations.at_mut(number).changed = self.changes;
        number
    }

    /// Minisocks whose time has come become reusable.
    #[inline]
    fn ripen(&mut self, now: Instant) {
        while let Some(&(at, number, port)) = self.due.front() {
            if at > now {
                break;
            }
            self.due.pop_front();
            let destination = self.destinations.at_mut(number);
            // Stale if the minisock went, or was refreshed, in the meantime. (The number
            // may be another destination's by now: then a match is its own due time.)
            if destination.due.get(&port) != Some(&at) {
                continue;
            }
            destination.forget(port);
            destination.reusable.insert(port);
            self.changes += 1;
            destination.changed = self.changes;
        }
    }

    fn basis(&mut self, query: &PortQuery<'_>, bind: &BindTable) -> (u32, Basis) {
        let key = query.key();
        let (cell, start) = self.start(query);
        let basis = Basis {
            key,
            range: effective_range(query.range, query.socket_range),
            step: self.generation.step(query.socket_range.is_some()),
            start,
            reserved_version: query.reserved.version,
            bound_changes: bind.bound_changes(),
            destination_changed: self.destinations.get(&key).map_or(0, |d| d.changed),
        };
        (cell, basis)
    }

    /// Index of the hint and the value that, modulo the range, the search starts at.
    #[expect(clippy::cast_possible_truncation, reason = "the kernel's variables are 32 bits wide")]
    pub(super) fn start(&mut self, query: &PortQuery<'_>) -> (u32, u32) {
        let source = u32::from_le_bytes(query.source.octets());
        let destination = u32::from_le_bytes(query.destination.addr().octets());
        let port = u32::from(query.destination.port().0.swap_bytes());
        let (three, secret) = ([source, destination, port], self.net_secret);
        let four = [source, destination, port, 0];
        match self.generation {
            PortSearchGeneration::GlobalHint => {
                let offset = self.last_offset.of(four, || siphash_3u32(three, secret)) as u32;
                (0, self.hint(0).wrapping_add(offset))
            }
            PortSearchGeneration::Table256 => {
                let offset = self.last_offset.of(four, || siphash_3u32(three, secret)) as u32;
                // `hash_32(offset, 8)`.
                let cell = offset.wrapping_mul(0x61c8_8647) >> 24;
                (cell, self.hint(cell).wrapping_add(offset))
            }
            PortSearchGeneration::Hardened | PortSearchGeneration::HardenedStepOne => {
                let salted = [source, destination, port, self.salt_at(query.now)];
                let offset = self.last_offset.of(salted, || siphash_4u32(salted, secret));
                let cell = (offset & 0xffff) as u32;
                (cell, self.hint(cell).wrapping_add((offset >> 32) as u32))
            }
        }
    }

    fn hint(&self, cell: u32) -> u32 {
        self.moved.get(&cell).copied().unwrap_or_else(|| self.initial_hint(cell))
    }

    /// `table_perturb` is filled with random numbers at the first use.
    const fn initial_hint(&self, cell: u32) -> u32 {
        match self.generation {
            PortSearchGeneration::GlobalHint => 0,
            PortSearchGeneration::Table256 | PortSearchGeneration::Hardened | PortSearchGeneration::HardenedStepOne => {
                (mix64(self.perturb_seed.wrapping_add(cell as u64)) >> 32) as u32
            }
        }
    }

    /// The salt at `now`: the last one, as long as it lasts.
    fn salt_at(&mut self, now: Instant) -> u32 {
        if now < self.salt.since || now >= self.salt.until {
            self.salt = self.salt_of(now);
        }
        self.salt.epoch
    }

    /// `jiffies / (10 * HZ)`; jiffies start 300 s before they wrap at 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "siphash_4u32 takes the low 32 bits")]
    fn salt_of(&self, now: Instant) -> Salt {
        let (hz, boot) = (u64::from(self.hz), self.boot_age.nanos());
        let period = SHUFFLE_PERIOD_S * hz;
        let first = (1 << 32) - (300 * hz) % (1 << 32);
        let uptime = now.nanos().saturating_add(boot);
        let ticks = (uptime / 1_000_000_000) * hz + (uptime % 1_000_000_000) * hz / 1_000_000_000;
        let epoch = first.wrapping_add(ticks) / period;
        // The first nanosecond that belongs to a count of jiffies, since the run began.
        let begin = |jiffies: u64| {
            let ticks = jiffies.saturating_sub(first);
            let uptime = (ticks / hz) * 1_000_000_000 + ((ticks % hz) * 1_000_000_000).div_ceil(hz);
            Instant::from_nanos(uptime.saturating_sub(boot))
        };
        Salt { epoch: epoch as u32, since: begin(epoch * period), until: begin((epoch + 1) * period) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocator() -> PortAllocator {
        PortAllocator::new(1, PortSearchGeneration::Hardened, 250, Duration::ZERO)
    }

    /// Jiffies start at 2³² − 75,000: 204 ticks, 0.816 s, are left of the first ten seconds.
    #[test]
    fn the_salt_changes_every_ten_seconds_of_jiffies() {
        let mut ports = allocator();
        let mut at = |ms| ports.salt_at(Instant::ZERO + Duration::from_millis(ms));
        assert_eq!([at(0), at(815)], [1_717_956; 2]);
        assert_eq!([at(816), at(5_500), at(10_815)], [1_717_957; 3]);
        assert_eq!(at(10_816), 1_717_958);
        assert_eq!(at(5), 1_717_956, "a copy of the world may ask for the past");
    }

    /// Whatever the tick and the time since boot: the salt lasts from its first nanosecond to its last.
    #[test]
    fn a_salt_knows_how_long_it_lasts() {
        for (hz, boot_ms) in [(100, 0), (250, 7_003), (300, 123_457), (1_000, 999_999)] {
            let age = Duration::from_millis(boot_ms);
            let ports = PortAllocator::new(1, PortSearchGeneration::Hardened, hz, age);
            for ms in [0, 1, 9_999, 16_666, 123_456] {
                let now = Instant::ZERO + Duration::from_millis(ms);
                let Salt { epoch, since, until } = ports.salt_of(now);
                assert!(since <= now && now < until, "{hz} Hz, {ms} ms");
                let at = |nanos| ports.salt_of(Instant::from_nanos(nanos)).epoch;
                assert_eq!([at(since.nanos()), at(until.nanos() - 1), at(until.nanos())], [epoch, epoch, epoch + 1]);
                assert!(since == Instant::ZERO || at(since.nanos() - 1) == epoch - 1);
            }
        }
    }

    #[test]
    fn a_destination_without_ports_is_forgotten() {
        let mut ports = allocator();
        let end = |n, port| Endpoint::new(Ipv4Addr::new(10, 0, 0, n), port);
        let tuple = FourTuple { local: end(1, 40_000), remote: end(2, 3306) };
        ports.note_used(0, &tuple);
        assert_eq!(ports.held(0, tuple.local.addr(), tuple.remote), 1);
        ports.note_released(0, &tuple);
        assert!(ports.destinations.numbers.is_empty());
        assert_eq!(ports.destinations.free, [0], "its place is used again");
    }

    #[test]
    fn who_holds_a_port_and_on_which_parity() {
        let mut ports = allocator();
        let to = end(2, 3306);
        let tuple = |from, port| FourTuple { local: end(from, port), remote: to };
        for (from, port) in [(1, 40_000), (1, 40_001), (1, 40_003), (3, 40_005), (3, 40_002)] {
            ports.note_used(0, &tuple(from, port));
        }
        ports.note_used(0, &FourTuple { local: end(1, 40_007), remote: end(2, 80) });
        assert_eq!(ports.held_by_parity(to), [2, 3], "from any address, and to no other port");
        assert_eq!(ports.holder(0, end(1, 0).addr(), to, Port(40_001)), Some(PortHolder::Socket));
        assert_eq!(ports.holder(0, end(1, 0).addr(), to, Port(40_005)), None, "another address holds it");
        assert_eq!(ports.holder(0, end(9, 0).addr(), to, Port(40_001)), None);
        ports.note_timewait(0, &tuple(1, 40_001), Some(Instant::ZERO + Duration::from_secs(1)));
        assert_eq!(ports.holder(0, end(1, 0).addr(), to, Port(40_001)), Some(PortHolder::TimeWait));
        ports.ripen(Instant::ZERO + Duration::from_secs(1));
        assert_eq!(ports.holder(0, end(1, 0).addr(), to, Port(40_001)), Some(PortHolder::Reusable));
        assert_eq!(ports.held_by_parity(to), [2, 3], "one that may be taken over is held");
    }

    #[test]
    fn memory_is_the_sets_and_the_two_lists() {
        let mut ports = allocator();
        assert_eq!(ports.heap_bytes(), 0);
        for port in 40_000..40_200 {
            let tuple = FourTuple { local: end(1, port), remote: end(2, 3306) };
            ports.note_used(0, &tuple);
            ports.note_timewait(0, &tuple, Some(Instant::ZERO + Duration::from_secs(u64::from(port % 2))));
        }
        ports.ripen(Instant::ZERO);
        let one = &ports.destinations.slots[0];
        let sets: usize = [&one.used, &one.timewait, &one.reusable].map(PortSet::heap_bytes).iter().sum();
        let lists = ports.destinations.slots.capacity() * size_of::<Destination>()
            + ports.due.capacity() * size_of::<(Instant, u32, Port)>();
        assert_eq!(ports.heap_bytes(), sets + lists);
        assert!([&one.used, &one.timewait, &one.reusable].iter().all(|set| set.heap_bytes() > 0));
    }

    const fn end(n: u8, port: u16) -> Endpoint {
        Endpoint::new(Ipv4Addr::new(10, 0, 0, n), port)
    }

    fn ask(reserved: &ReservedPorts, destination: Endpoint) -> PortQuery<'_> {
        let range = PortRange { low: Port(40_000), high: Port(40_099) };
        let source = end(1, 0).addr();
        PortQuery { device: 0, source, destination, range, socket_range: None, reserved, now: Instant::ZERO }
    }

    /// `__inet_hash_connect`: one hint (4.x), a table of 256 by `hash_32` (5.12), of 65,536 by the low half of
    /// `secure_ipv4_port_ephemeral`, whose high half is the offset (5.18).
    #[test]
    fn a_destination_has_its_cell_and_offset() {
        let reserved = ReservedPorts::new();
        for (generation, cells, distinct) in [
            (PortSearchGeneration::GlobalHint, 1, 1),
            (PortSearchGeneration::Table256, 256, 150),
            (PortSearchGeneration::HardenedStepOne, 65_536, 290),
        ] {
            let mut ports = PortAllocator::new(1, generation, 250, Duration::ZERO);
            let starts: Vec<(u32, u32)> =
                (0..300_u16).map(|n| ports.start(&ask(&reserved, end(2, 1_000 + n)))).collect();
            let mut used: Vec<u32> = starts.iter().map(|&(cell, _)| cell).collect();
            used.sort_unstable();
            used.dedup();
            assert!(used.iter().all(|&cell| cell < cells) && used.len() >= distinct, "{generation:?}: {}", used.len());
            // Without the hint the offsets of all destinations differ, and use all 32 bits.
            let mut offsets: Vec<u32> =
                starts.iter().map(|&(cell, start)| start.wrapping_sub(ports.hint(cell))).collect();
            offsets.sort_unstable();
            offsets.dedup();
            assert_eq!(offsets.len(), 300, "{generation:?}");
            assert!(offsets.iter().any(|offset| offset >> 31 == 1) && offsets.iter().any(|offset| offset & 1 == 1));
        }
    }

    /// `table_perturb` begins random, the one hint at 0.
    #[test]
    fn hints_begin_random_where_there_is_a_table() {
        assert_eq!(PortAllocator::new(1, PortSearchGeneration::GlobalHint, 250, Duration::ZERO).hint(0), 0);
        let ports = allocator();
        let mut hints: Vec<u32> = (0..100).map(|cell| ports.hint(cell)).collect();
        hints.sort_unstable();
        hints.dedup();
        assert!(hints.len() > 95 && hints.iter().any(|hint| hint >> 31 == 1), "{hints:?}");
    }

    /// A plan holds until its destination changes, by a call or by time.
    #[test]
    fn a_plan_is_stale_after_a_change() {
        let (reserved, bind, mut ports) = (ReservedPorts::new(), BindTable::new(true), allocator());
        let to = end(2, 3306);
        let query = ask(&reserved, to);
        let tuple = |port| FourTuple { local: end(1, port), remote: to };
        // So that the destination is known before and the count of changes is above 1.
        ports.note_used(0, &tuple(40_001));
        ports.note_used(0, &tuple(40_003));
        let plan = ports.plan(&query, &bind);
        assert!(ports.is_current(&plan, &query, &bind));
        // It ends with the port it takes.
        assert_eq!(plan.probed().iter().map(|run| run.count).sum::<u32>(), plan.inspected.total);
        assert_eq!(plan.probed().last().map(ProbedRun::last), plan.port);
        ports.note_used(0, &tuple(plan.port.expect("free ports").0));
        assert!(!ports.is_current(&plan, &query, &bind), "its port is taken");
        // A minisock becomes reusable just when it is due.
        let due = Instant::ZERO + Duration::from_millis(500);
        ports.note_timewait(0, &tuple(40_001), Some(due));
        let plan = ports.plan(&query, &bind);
        let later = |now| PortQuery { now, ..query };
        let before = Instant::ZERO + Duration::from_nanos(499_999_999);
        assert!(ports.is_current(&plan, &later(before), &bind));
        let held = ports.held(0, query.source, to);
        assert!(!ports.is_current(&plan, &later(due), &bind));
        assert_eq!(ports.held(0, query.source, to), held, "reusable ports are held");
    }
}
