//! Local ports: the search in `connect()` and the one in `bind(0)`.
//!
//! `__inet_hash_connect` walks up to 28 232 candidates; [`PortAllocator::plan`]
//! says which port the walk takes and how many candidates of which kind it passes,
//! without walking: the ports in use towards one destination are a [`PortSet`]
//! whose words the search skips 64 candidates at a time. The walk itself stays as
//! the oracle of the tests.
//!
//! What a caller does for a `connect()` without a port:
//! 1. [`PortAllocator::plan`] when the call starts: its [`Inspected`] is the cost;
//! 2. when the time is spent, [`PortAllocator::is_current`] or plan again;
//! 3. `None`: EADDRNOTAVAIL, nothing moves. Else [`PortAllocator::commit`], release
//!    the minisock if [`SearchPlan::steals`], [`super::bind_table::BindTable::connect_take`],
//!    the established table, and [`PortAllocator::note_used`].

mod allocator;
#[cfg(test)]
mod measured;
mod open_port;
#[cfg(test)]
mod oracle;
mod search;
mod set;
#[cfg(test)]
mod statistics;
mod timewait_reuse;

pub use allocator::{PortAllocator, PortHolder, PortQuery, SearchPlan};
pub use open_port::{OpenPortQuery, OpenPortSearch, find_open_port};
pub use search::{Inspected, ProbedRun};
pub use set::PortSet;
pub use timewait_reuse::{TwAge, tw_reusable_at};

use std::sync::Arc;

use super::config::PortRange;
use crate::units::Port;

/// `net.ipv4.ip_local_reserved_ports`, with a version so that plans notice a change.
#[derive(Clone, Debug, Default)]
pub struct ReservedPorts {
    ports: Arc<PortSet>,
    version: u32,
}

impl ReservedPorts {
    /// No port is reserved.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves exactly these ports from now on.
    pub fn replace(&mut self, ports: Arc<PortSet>) {
        self.ports = ports;
        self.version = self.version.wrapping_add(1);
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// True if the port is reserved (`inet_is_local_reserved_port`).
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        self.ports.contains(port)
    }
}

/// `inet_sk_get_local_port_range`: each end of IP_LOCAL_PORT_RANGE counts if it
/// lies in the host's range; 0 means "not set".
#[must_use]
pub fn effective_range(host: PortRange, socket: Option<PortRange>) -> PortRange {
    let inside = |p: Port| host.low <= p && p <= host.high;
    let mut range = host;
    if let Some(socket) = socket {
        if inside(socket.low) {
            range.low = socket.low;
        }
        if inside(socket.high) {
            range.high = socket.high;
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(low: u16, high: u16) -> PortRange {
        PortRange { low: Port(low), high: Port(high) }
    }

    /// kernel-truth P19, P20, P21 and lpr_partial.
    #[test]
    fn the_socket_range_is_clamped_end_by_end() {
        let host = range(40_000, 40_099);
        for (socket, want) in [
            (range(40_020, 40_039), range(40_020, 40_039)),
            (range(50_000, 50_019), host),
            (range(40_090, 40_150), range(40_090, 40_099)),
            (range(39_990, 40_010), range(40_000, 40_010)),
            (range(40_100, 40_200), host),
            (range(0, 40_010), range(40_000, 40_010)),
        ] {
            assert_eq!(effective_range(host, Some(socket)), want);
        }
        assert_eq!(effective_range(host, None), host);
    }

    fn set(ranges: [PortRange; 2]) -> Arc<PortSet> {
        Arc::new(ranges.into_iter().collect())
    }

    #[test]
    fn reserving_replaces_and_is_noticed() {
        let mut reserved = ReservedPorts::new();
        reserved.replace(set([range(8080, 8082), range(9148, 9148)]));
        let before = reserved.version;
        assert_eq!(reserved.ports().len(), 4);
        reserved.replace(set([range(65_535, 65_535), range(1, 1)]));
        assert!(reserved.contains(Port(65_535)) && !reserved.contains(Port(8080)));
        assert_ne!(reserved.version, before);
    }
}
