//! The search of `bind(0)` and of `listen()` without a port
//! (`inet_csk_find_open_port`).

use super::{Inspected, ReservedPorts, effective_range};
use crate::kernel::bind_table::{BindOwner, BindTable, Strictness};
use crate::kernel::config::PortRange;
use crate::rng::SimRng;
use crate::units::Port;

/// A socket that asks for any port.
#[derive(Clone, Copy, Debug)]
pub struct OpenPortQuery<'a> {
    /// What it would own the port as.
    pub owner: BindOwner,
    /// `net.ipv4.ip_local_port_range`.
    pub range: PortRange,
    /// IP_LOCAL_PORT_RANGE of the socket (Linux 6.3), if set.
    pub socket_range: Option<PortRange>,
    /// `net.ipv4.ip_local_reserved_ports`.
    pub reserved: &'a ReservedPorts,
    /// `net.ipv4.ip_autobind_reuse` (Linux 5.7).
    pub autobind_reuse: bool,
}

/// What the search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenPortSearch {
    /// The port; `None` is EADDRINUSE. Own it with [`BindTable::take_bound`].
    pub port: Option<Port>,
    /// The candidates looked at; those in conflict count as `bound`.
    pub inspected: Inspected,
}

/// Finds a port nobody objects to: from a random place, the parity that `connect()`
/// does not prefer first; with SO_REUSEADDR the lower half of the range first, and
/// with `ip_autobind_reuse` once more, sharing allowed.
pub fn find_open_port(query: &OpenPortQuery<'_>, bind: &BindTable, rng: &mut SimRng) -> OpenPortSearch {
    let range = effective_range(query.range, query.socket_range);
    let (low, end) = (u32::from(range.low.0), u32::from(range.high.0) + 1);
    let middle = low + ((end - low) >> 2 << 1);
    let halves: &[(u32, u32)] =
        if query.owner.reuse_addr && end - low >= 4 { &[(low, middle), (middle, end)] } else { &[(low, end)] };
    let rounds: &[Strictness] = if query.autobind_reuse {
        &[Strictness::Automatic, Strictness::AutomaticRelaxed]
    } else {
        &[Strictness::Automatic]
    };
    let mut inspected = Inspected::default();
    for &strictness in rounds {
        for &(low, end) in halves {
            let mut scan = HalfScan { query, bind, strictness, low, end, inspected: &mut inspected };
            if let Some(port) = scan.run(rng) {
                let shared = u32::from(bind.has_bucket(port));
                inspected.unique = shared;
                inspected.no_bucket = 1 - shared;
                return OpenPortSearch { port: Some(port), inspected };
            }
        }
    }
    OpenPortSearch { port: None, inspected }
}

struct HalfScan<'a> {
    query: &'a OpenPortQuery<'a>,
    bind: &'a BindTable,
    strictness: Strictness,
    low: u32,
    end: u32,
    inspected: &'a mut Inspected,
}

impl HalfScan<'_> {
    fn run(&mut self, rng: &mut SimRng) -> Option<Port> {
        let size = self.end - self.low;
        let remaining = if size > 1 { size & !1 } else { size };
        let odd = rng.below(remaining) | 1;
        self.pass(odd, remaining).or_else(|| self.pass(odd - 1, remaining))
    }

    fn pass(&mut self, offset: u32, remaining: u32) -> Option<Port> {
        let mut port = self.low + offset;
        for _ in 0..remaining.div_ceil(2) {
            if port >= self.end {
                port -= remaining;
            }
            let candidate = Port(u16::try_from(port).expect("candidates lie in the range"));
            self.inspected.total += 1;
            if self.query.reserved.contains(candidate) {
                self.inspected.reserved += 1;
            } else if self.bind.conflicts(candidate, self.query.owner, self.strictness) {
                self.inspected.bound += 1;
            } else {
                return Some(candidate);
            }
            port += 2;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::rng::Stream;
    use crate::units::Ipv4Addr;

    fn query(reserved: &ReservedPorts, size: u16, reuse_addr: bool) -> OpenPortQuery<'_> {
        let owner = BindOwner { reuse_addr, ..BindOwner::bound(Ipv4Addr::LOCALHOST) };
        let range = PortRange { low: Port(40_000), high: Port(40_000 + size - 1) };
        OpenPortQuery { owner, range, socket_range: None, reserved, autobind_reuse: false }
    }

    /// The ports found in an empty table over many seeds.
    fn found(size: u16, reuse_addr: bool) -> BTreeSet<u16> {
        let (reserved, bind) = (ReservedPorts::new(), BindTable::new(true));
        let find =
            |seed| find_open_port(&query(&reserved, size, reuse_addr), &bind, &mut SimRng::new(seed, Stream::Host(0)));
        (0..200).filter_map(|seed| find(seed).port).map(|port| port.0 - 40_000).collect()
    }

    /// `remaining &= ~1U` where more than one port is left: of an odd number the last is never taken, and the
    /// parity that `connect()` leaves comes first. Below four ports there is no half (`attempt_half`).
    #[test]
    fn small_ranges_are_searched_as_the_kernel_does() {
        assert_eq!(found(1, false), [0].into());
        assert_eq!(found(2, false), [1].into());
        assert_eq!(found(3, false), [1].into());
        assert_eq!(found(5, false), [1, 3].into());
        for size in 1..4 {
            assert_eq!(found(size, true), found(size, false), "{size}");
        }
        assert_eq!(found(8, true), [1, 3].into(), "SO_REUSEADDR: the lower half");
        assert_eq!(found(9, true), [1, 3].into());
    }

    #[test]
    fn the_other_parity_follows_and_candidates_are_counted() {
        let mut reserved = ReservedPorts::new();
        reserved.replace(Arc::new(
            [40_001, 40_003, 40_005].map(|port| PortRange { low: Port(port), high: Port(port) }).into_iter().collect(),
        ));
        let mut bind = BindTable::new(true);
        for port in [40_000, 40_004, 40_007] {
            bind.take_bound(Port(port), BindOwner::bound(Ipv4Addr::LOCALHOST));
        }
        for seed in 0..50 {
            let mut rng = SimRng::new(seed, Stream::Host(0));
            let search = find_open_port(&query(&reserved, 8, false), &bind, &mut rng);
            assert!(matches!(search.port, Some(Port(40_002 | 40_006))), "{search:?}");
            assert_eq!((search.inspected.reserved, search.inspected.no_bucket, search.inspected.unique), (3, 1, 0));
            assert!((1..=3).contains(&search.inspected.bound), "{search:?}");
            let counted = search.inspected.reserved + search.inspected.bound + 1;
            assert_eq!(search.inspected.total, counted, "{search:?}");
        }
        bind.take_bound(Port(40_002), BindOwner::bound(Ipv4Addr::LOCALHOST));
        bind.take_bound(Port(40_006), BindOwner::bound(Ipv4Addr::LOCALHOST));
        let full = find_open_port(&query(&reserved, 8, false), &bind, &mut SimRng::new(1, Stream::Host(0)));
        assert_eq!((full.port, full.inspected.total), (None, 8));
    }

    /// `offset--`: the parity that `connect()` prefers is searched from one below the draw.
    #[test]
    fn the_second_pass_begins_one_below_the_first() {
        let mut reserved = ReservedPorts::new();
        let odd = (40_001..40_100).step_by(2).map(|port| PortRange { low: Port(port), high: Port(port) });
        reserved.replace(Arc::new(odd.collect()));
        for seed in 0..20 {
            let rng = || SimRng::new(seed, Stream::Host(0));
            let draw = u16::try_from(rng().below(100) | 1).unwrap();
            let search = find_open_port(&query(&reserved, 100, false), &BindTable::new(true), &mut rng());
            assert_eq!(search.port, Some(Port(40_000 + draw - 1)));
        }
    }

    /// Another address's port can be shared: it has a bucket already.
    #[test]
    fn a_port_of_another_address_has_a_bucket() {
        let (reserved, mut bind) = (ReservedPorts::new(), BindTable::new(true));
        for port in 40_000..40_008 {
            bind.take_bound(Port(port), BindOwner::bound(Ipv4Addr::new(10, 0, 0, 1)));
        }
        let search = find_open_port(&query(&reserved, 8, false), &bind, &mut SimRng::new(1, Stream::Host(0)));
        assert_eq!((search.inspected.no_bucket, search.inspected.unique, search.inspected.total), (0, 1, 1));
    }
}
