//! Hosts, their addresses and the links between them.
//!
//! Two hosts talk over the link that joins them directly; there are no
//! routers. A host's own addresses and 127.0.0.0/8 are its loopback, which has
//! no delay and loses nothing.

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

/// Hosts and what joins them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    hosts: Vec<HostNode>,
    owners: BTreeMap<Ipv4Addr, HostId>,
    /// The ends of each link, the [`Direction::Forward`] sender first.
    links: Vec<(HostId, HostId)>,
}

#[derive(Clone, Debug, Default)]
struct HostNode {
    addrs: Vec<Ipv4Addr>,
    /// Who is at the other end of each link, in the order in which they were added.
    links: Vec<(HostId, LinkId)>,
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
        let id = u16::try_from(self.hosts.len()).ok().filter(|&n| n < u16::MAX);
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
        self.hosts.push(HostNode { addrs: addrs.to_vec(), links: Vec::new() });
        Ok(id)
    }

    /// Joins two hosts; ids count from 0, `a` to `b` is [`Direction::Forward`].
    ///
    /// # Errors
    /// If a host is unknown, both are the same, or they are linked already.
    pub fn add_link(&mut self, a: HostId, b: HostId) -> Result<LinkId, TopologyError> {
        for host in [a, b] {
            if host.index() >= self.hosts.len() {
                return Err(TopologyError::UnknownHost(host));
            }
        }
        if a == b {
            return Err(TopologyError::SelfLink(a));
        }
        if self.between(a, b).is_some() {
            return Err(TopologyError::DuplicateLink { a, b });
        }
        let id = u16::try_from(self.links.len()).ok().filter(|&n| n < u16::MAX);
        let id = LinkId(id.ok_or(TopologyError::TooMany)?);
        self.links.push((a, b));
        self.hosts[a.index()].links.push((b, id));
        self.hosts[b.index()].links.push((a, id));
        Ok(id)
    }

    /// Number of hosts.
    #[must_use]
    pub const fn host_count(&self) -> usize {
        self.hosts.len()
    }

    /// Number of links.
    #[must_use]
    pub const fn link_count(&self) -> usize {
        self.links.len()
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
        let link = self.between(from, to)?;
        let direction = if self.links[link.index()].0 == from { Direction::Forward } else { Direction::Backward };
        Some(Route::Link { link, direction, to })
    }

    /// The link that joins two hosts. Either end knows it; the hub of a star has many.
    fn between(&self, a: HostId, b: HostId) -> Option<LinkId> {
        let (near, far) = (self.hosts.get(a.index())?, self.hosts.get(b.index())?);
        let (links, other) = if near.links.len() <= far.links.len() { (&near.links, b) } else { (&far.links, a) };
        links.iter().find(|(end, _)| *end == other).map(|(_, link)| *link)
    }

    /// A host's addresses besides 127.0.0.0/8.
    #[must_use]
    pub fn addrs(&self, host: HostId) -> &[Ipv4Addr] {
        self.hosts.get(host.index()).map_or(&[], |host| &host.addrs)
    }

    /// The hosts at a link's ends, the [`Direction::Forward`] sender first.
    #[must_use]
    pub fn ends(&self, link: LinkId) -> Option<(HostId, HostId)> {
        self.links.get(link.index()).copied()
    }

    /// The hosts linked to `host`, ascending.
    #[must_use]
    pub fn neighbours(&self, host: HostId) -> Vec<HostId> {
        let links = self.hosts.get(host.index()).map_or(&[][..], |host| &host.links);
        let mut hosts: Vec<_> = links.iter().map(|(end, _)| *end).collect();
        hosts.sort_unstable();
        hosts
    }
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
        let (mut topology, [_, db, _]) = three();
        assert_eq!(topology.route(db, DNS), None);
        topology.add_host(&[]).unwrap();
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
