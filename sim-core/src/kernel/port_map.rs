//! The range of local ports as it stands towards one destination, and the way
//! the next `connect()` takes through it.

use super::connect::ANY_DEVICE;
use super::host::Kernel;
use super::ports::{Inspected, PortHolder, PortQuery, ProbedRun};
use crate::time::Instant;
use crate::units::{Endpoint, Port};

/// Why a port is not free, or that it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortUse {
    /// Nobody has it towards this destination.
    Free,
    /// A connection to this destination has it.
    InUse,
    /// A minisock has it.
    TimeWait,
    /// A minisock has it whose place a `connect()` may take (`tcp_tw_reuse`).
    Reusable,
    /// A socket owns it by `bind()` or `listen()`.
    Bound,
    /// `net.ipv4.ip_local_reserved_ports`.
    Reserved,
}

impl PortUse {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Free, Self::InUse, Self::TimeWait, Self::Reusable, Self::Bound, Self::Reserved];
}

/// The range towards a destination, and what the next `connect()` does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortMap {
    /// First port of `net.ipv4.ip_local_port_range`.
    pub low: Port,
    /// Where to.
    pub destination: Endpoint,
    /// One for each port from `low` on.
    pub uses: Vec<PortUse>,
    /// The candidates the search would inspect now, in its order.
    pub probed: Vec<ProbedRun>,
    /// How many of which kind.
    pub inspected: Inspected,
    /// The port it would take; `None` is `EADDRNOTAVAIL`.
    pub taken: Option<Port>,
}

impl Kernel {
    /// Ports held towards a destination on even and on odd numbers.
    #[must_use]
    pub fn ports_towards(&self, destination: Endpoint) -> [u32; 2] {
        self.ports.held_by_parity(destination)
    }

    /// The range as a `connect()` from the usual source address would meet it
    /// now; `None` if the host has no address to connect from.
    #[must_use]
    pub fn port_map(&self, now: Instant, destination: Endpoint) -> Option<PortMap> {
        let source = self.source_for(destination.addr())?;
        let range = self.sysctls().ip_local_port_range();
        let query = PortQuery {
            device: ANY_DEVICE,
            source,
            destination,
            range,
            socket_range: None,
            reserved: &self.reserved,
            now,
        };
        // Planning moves minisocks on whose time has come: on a copy, so that looking changes nothing.
        let mut ports = self.ports.clone();
        let plan = ports.plan(&query, &self.bind);
        let use_of = |port: Port| {
            if self.reserved.contains(port) {
                return PortUse::Reserved;
            }
            if self.bind.bound_ports().contains(port) {
                return PortUse::Bound;
            }
            match ports.holder(ANY_DEVICE, source, destination, port) {
                None => PortUse::Free,
                Some(PortHolder::Socket) => PortUse::InUse,
                Some(PortHolder::TimeWait) => PortUse::TimeWait,
                Some(PortHolder::Reusable) => PortUse::Reusable,
            }
        };
        Some(PortMap {
            low: range.low,
            destination,
            uses: (range.low.0..=range.high.0).map(|port| use_of(Port(port))).collect(),
            probed: plan.probed(),
            inspected: plan.inspected,
            taken: plan.port,
        })
    }
}
