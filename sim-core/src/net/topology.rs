//! Hosts, their addresses and the links between them.
//!
//! Two hosts talk over the link that joins them directly; there are no
//! routers. A host's own addresses and 127.0.0.0/8 are its loopback, which has
//! no delay and loses nothing.

use petgraph::algo::has_path_connecting;
use petgraph::graph::{NodeIndex, UnGraph};
use std::collections::BTreeMap;

use super::link::Direction;
use crate::units::{HostId, Ipv4Addr, LinkId};

/// Where a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// To the sender itself.
    Loopback,
    /// Over a link.
    Link {
        /// The link.
        link: LinkId,
        /// Which way along it.
        direction: Direction,
        /// Who gets it.
        to: HostId,
    },
}

/// Why a topology cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// Two hosts with one address.
    #[error("address {addr} belongs to host {owner} already")]
    DuplicateAddress {
        /// The address.
        addr: Ipv4Addr,
        /// Who has it.
        owner: HostId,
    },
    /// Not an address a host can have.
    #[error("{0} is no address of a host: it is unspecified, loopback, multicast or broadcast")]
    NotUnicast(Ipv4Addr),
    /// More hosts or links than ids.
    #[error("at most 65535 hosts and 65535 links")]
    TooMany,
    /// A link to a host that is not there.
    #[error("there is no host {0}")]
    UnknownHost(HostId),
    /// A link from a host to itself.
    #[error("host {0} needs no link to itself: it has a loopback")]
    SelfLink(HostId),
    /// A second link between the same hosts.
    #[error("hosts {a} and {b} are linked already")]
    DuplicateLink {
        /// One host.
        a: HostId,
        /// The other.
        b: HostId,
    },
}

/// Hosts as nodes, links as edges.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    graph: UnGraph<HostNode, LinkId>,
    owners: BTreeMap<Ipv4Addr, HostId>,
    links: u16,
}

#[derive(Clone, Debug, Default)]
struct HostNode {
    addrs: Vec<Ipv4Addr>,
    /// Number of links: the search for an edge starts at the end with fewer.
    degree: u32,
}

impl Topology {
    /// Without hosts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host with its addresses besides 127.0.0.0/8; ids count from 0.
    ///
    /// # Errors
    /// If an address is taken or no unicast address; nothing is added then.
    pub fn add_host(&mut self, addrs: &[Ipv4Addr]) -> Result<HostId, TopologyError> {
        let id = u16::try_from(self.graph.node_count()).ok().filter(|&n| n < u16::MAX);
        let id = HostId(id.ok_or(TopologyError::TooMany)?);
        for (index, &addr) in addrs.iter().enumerate() {
            if addr.is_unspecified() || addr.is_loopback() || addr.is_multicast() || addr.is_broadcast() {
                return Err(TopologyError::NotUnicast(addr));
            }
            if let Some(&owner) = self.owners.get(&addr) {
                return Err(TopologyError::DuplicateAddress { addr, owner });
            }
            if addrs[..index].contains(&addr) {
                return Err(TopologyError::DuplicateAddress { addr, owner: id });
            }
        }
        self.owners.extend(addrs.iter().map(|&addr| (addr, id)));
        self.graph.add_node(HostNode { addrs: addrs.to_vec(), degree: 0 });
        Ok(id)
    }

    /// Joins two hosts; ids count from 0, `a` to `b` is [`Direction::Forward`].
    ///
    /// # Errors
    /// If a host is unknown, both are the same, or they are linked already.
    pub fn add_link(&mut self, a: HostId, b: HostId) -> Result<LinkId, TopologyError> {
        for host in [a, b] {
            if host.index() >= self.graph.node_count() {
                return Err(TopologyError::UnknownHost(host));
            }
        }
        if a == b {
            return Err(TopologyError::SelfLink(a));
        }
        if self.graph.find_edge(node(a), node(b)).is_some() {
            return Err(TopologyError::DuplicateLink { a, b });
        }
        let id = LinkId(self.links);
        self.links = self.links.checked_add(1).ok_or(TopologyError::TooMany)?;
        self.graph.add_edge(node(a), node(b), id);
        for host in [a, b] {
            self.graph[node(host)].degree += 1;
        }
        Ok(id)
    }

    /// Number of hosts.
    #[must_use]
    pub fn host_count(&self) -> usize {
        self.graph.node_count()
    }

    /// Number of links.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.graph.edge_count()
    }

    /// The host with this address.
    #[must_use]
    pub fn owner(&self, addr: Ipv4Addr) -> Option<HostId> {
        self.owners.get(&addr).copied()
    }

    /// Where `from` sends a packet for `dst`; `None` if no link leads to its
    /// owner or nobody owns it.
    #[must_use]
    pub fn route(&self, from: HostId, dst: Ipv4Addr) -> Option<Route> {
        if dst.is_loopback() || dst.is_unspecified() {
            return Some(Route::Loopback);
        }
        let to = self.owner(dst)?;
        if to == from {
            return Some(Route::Loopback);
        }
        let (near, far) = (self.graph.node_weight(node(from))?, self.graph.node_weight(node(to))?);
        // On an undirected graph either end finds the edge; the hub of a star has many.
        let edge = if near.degree <= far.degree {
            self.graph.find_edge(node(from), node(to))?
        } else {
            self.graph.find_edge(node(to), node(from))?
        };
        let (first, _) = self.graph.edge_endpoints(edge).expect("an edge found has ends");
        let direction = if first == node(from) { Direction::Forward } else { Direction::Backward };
        Some(Route::Link { link: self.graph[edge], direction, to })
    }

    /// A host's addresses besides 127.0.0.0/8.
    #[must_use]
    pub fn addrs(&self, host: HostId) -> &[Ipv4Addr] {
        self.graph.node_weight(node(host)).map_or(&[], |host| &host.addrs)
    }

    /// The hosts at a link's ends, the [`Direction::Forward`] sender first.
    #[must_use]
    pub fn ends(&self, link: LinkId) -> Option<(HostId, HostId)> {
        // Edges are only ever added, so an edge's index is its link's number.
        let edge = self.graph.edge_indices().nth(link.index())?;
        let (a, b) = self.graph.edge_endpoints(edge)?;
        Some((host_of(a), host_of(b)))
    }

    /// The hosts linked to `host`, ascending.
    #[must_use]
    pub fn neighbours(&self, host: HostId) -> Vec<HostId> {
        let mut hosts: Vec<_> = self.graph.neighbors(node(host)).map(host_of).collect();
        hosts.sort_unstable();
        hosts
    }

    /// True if a chain of links joins two hosts. Only a direct link carries
    /// packets, so "joined but no route" is worth a hint in an error message.
    #[must_use]
    pub fn joined(&self, a: HostId, b: HostId) -> bool {
        a.index() < self.host_count()
            && b.index() < self.host_count()
            && has_path_connecting(&self.graph, node(a), node(b), None)
    }
}

fn node(host: HostId) -> NodeIndex<u32> {
    NodeIndex::new(host.index())
}

fn host_of(node: NodeIndex<u32>) -> HostId {
    HostId(u16::try_from(node.index()).expect("host ids are 16 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Ipv4Addr = Ipv4Addr::new(172, 31, 55, 230);
    const SECOND: Ipv4Addr = Ipv4Addr::new(172, 31, 55, 231);
    const DB: Ipv4Addr = Ipv4Addr::new(172, 31, 47, 174);
    const DNS: Ipv4Addr = Ipv4Addr::new(172, 31, 0, 2);

    fn three() -> (Topology, [HostId; 3]) {
        let mut topology = Topology::new();
        let client = topology.add_host(&[CLIENT, SECOND]).unwrap();
        let db = topology.add_host(&[DB]).unwrap();
        let dns = topology.add_host(&[DNS]).unwrap();
        topology.add_link(client, db).unwrap();
        topology.add_link(dns, client).unwrap();
        (topology, [client, db, dns])
    }

    #[test]
    fn direct_links_carry_both_ways() {
        let (topology, [client, db, dns]) = three();
        let link = |link, direction, to| Some(Route::Link { link: LinkId(link), direction, to });
        assert_eq!(topology.route(client, DB), link(0, Direction::Forward, db));
        assert_eq!(topology.route(db, CLIENT), link(0, Direction::Backward, client));
        assert_eq!(topology.route(db, SECOND), link(0, Direction::Backward, client));
        assert_eq!(topology.route(client, DNS), link(1, Direction::Backward, dns));
        assert_eq!(topology.ends(LinkId(1)), Some((dns, client)));
        assert_eq!(topology.ends(LinkId(2)), None);
        assert_eq!(topology.neighbours(client), [db, dns]);
    }

    #[test]
    fn without_a_direct_link_there_is_no_route() {
        let (mut topology, [_, db, dns]) = three();
        assert_eq!(topology.route(db, DNS), None);
        assert!(topology.joined(db, dns));
        let island = topology.add_host(&[]).unwrap();
        assert!(!topology.joined(db, island) && !topology.joined(db, HostId(99)));
        assert_eq!(topology.route(db, Ipv4Addr::new(8, 8, 8, 8)), None);
        assert_eq!(topology.route(HostId(99), DB), None);
    }

    #[test]
    fn own_and_loopback_addresses_stay_at_home() {
        let (topology, [client, _, _]) = three();
        for dst in [CLIENT, SECOND, Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 9, 9, 9), Ipv4Addr::UNSPECIFIED] {
            assert_eq!(topology.route(client, dst), Some(Route::Loopback), "{dst}");
        }
    }

    #[test]
    fn a_star_is_searched_from_its_rays() {
        let mut topology = Topology::new();
        let hub = topology.add_host(&[DB]).unwrap();
        let ray = |n: u16| Ipv4Addr::from(0x0a00_0000 + u32::from(n));
        for n in 1..=1000 {
            let host = topology.add_host(&[ray(n)]).unwrap();
            topology.add_link(host, hub).unwrap();
        }
        let route = topology.route(hub, ray(500));
        assert_eq!(route, Some(Route::Link { link: LinkId(499), direction: Direction::Backward, to: HostId(500) }));
        assert_eq!((topology.host_count(), topology.link_count()), (1001, 1000));
    }

    #[test]
    fn wrong_topologies_are_refused_and_change_nothing() {
        let (mut topology, [client, db, _]) = three();
        assert_eq!(
            topology.add_host(&[Ipv4Addr::new(10, 0, 0, 1), DB]),
            Err(TopologyError::DuplicateAddress { addr: DB, owner: db })
        );
        assert_eq!(topology.owner(Ipv4Addr::new(10, 0, 0, 1)), None);
        let twice = Ipv4Addr::new(10, 0, 0, 2);
        assert!(matches!(topology.add_host(&[twice, twice]), Err(TopologyError::DuplicateAddress { .. })));
        for addr in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
            assert_eq!(topology.add_host(&[addr]), Err(TopologyError::NotUnicast(addr)));
        }
        assert_eq!(topology.host_count(), 3);
        assert_eq!(topology.add_link(client, client), Err(TopologyError::SelfLink(client)));
        assert_eq!(topology.add_link(db, client), Err(TopologyError::DuplicateLink { a: db, b: client }));
        assert_eq!(topology.add_link(db, HostId(9)), Err(TopologyError::UnknownHost(HostId(9))));
        assert_eq!(topology.link_count(), 2);
    }
}
