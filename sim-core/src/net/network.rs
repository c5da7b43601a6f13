//! The network as the world asks it: where does this packet go, and when.

use super::{
    Delivery, Hook, HostMatch, Link, LinkConfig, PartitionId, RejectWith, Route, Rule, RuleId, RuleSet, RuleVerdict,
    Topology,
};
use crate::rng::{SimRng, Stream};
use crate::time::{Duration, Instant};
use crate::trace::DropReason;
use crate::units::{FourTuple, HostId, Ipv4Addr, LinkId};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, IcmpMessage, Packet, reset_for};

/// What becomes of a packet that left a host.
#[derive(Clone, Debug, Default)]
pub struct Routed {
    /// Who gets it.
    pub to: Option<HostId>,
    /// When it arrives there, and its copy.
    pub arrivals: [Option<Instant>; 2],
    /// It does not arrive, and why; its sender's end first.
    pub dropped: Option<(FourTuple, DropReason)>,
    /// The answer of a reject rule, to the sender, and when it arrives.
    pub reply: Option<(Packet, Instant)>,
}

/// Topology, links and rules of a world.
#[derive(Clone, Debug)]
pub struct Network {
    topology: Topology,
    links: Vec<(Link, SimRng)>,
    rules: RuleSet,
    rules_rng: SimRng,
    seed: u64,
    /// What the timeline added, to be healed.
    added: Vec<Added>,
    /// Routes asked for lately, by the low bits of the destination.
    memo: [Option<(HostId, Ipv4Addr, Route)>; MEMO],
}

#[derive(Clone, Debug)]
struct Added {
    name: Option<String>,
    /// The hosts it lies between.
    hosts: Option<(HostId, HostId)>,
    handle: Handle,
}

/// Routes remembered: a world has few addresses that talk at a time.
const MEMO: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Handle {
    Rule(RuleId),
    Partition(PartitionId),
}

impl Network {
    /// Without hosts.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            topology: Topology::new(),
            links: Vec::new(),
            rules: RuleSet::new(),
            rules_rng: SimRng::new(seed, Stream::Link(u16::MAX)),
            seed,
            added: Vec::new(),
            memo: [None; MEMO],
        }
    }

    /// Adds a host, in the order of host ids.
    ///
    /// # Errors
    /// If one of its addresses is taken or no host address.
    pub fn add_host(&mut self, addrs: &[Ipv4Addr]) -> Result<HostId, super::TopologyError> {
        self.memo = [None; MEMO];
        self.topology.add_host(addrs)
    }

    /// Joins two hosts.
    ///
    /// # Errors
    /// If they are linked already.
    ///
    /// # Panics
    /// If the link's settings are out of range: check them with [`Link::new`] first.
    pub fn add_link(&mut self, a: HostId, b: HostId, config: LinkConfig) -> Result<LinkId, super::TopologyError> {
        self.memo = [None; MEMO];
        let id = self.topology.add_link(a, b)?;
        let link = Link::new(config).expect("a checked link has settings in range");
        self.links.push((link, SimRng::new(self.seed, Stream::Link(id.0))));
        Ok(id)
    }

    /// Hosts, addresses and links.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// A link's settings and counts.
    #[must_use]
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.index()).map(|(link, _)| link)
    }

    /// Adds a rule after the others.
    pub fn add_rule(&mut self, rule: Rule) -> RuleId {
        self.rules.add(rule)
    }

    /// Adds a rule of the timeline in front of the others.
    pub fn add_rule_first(&mut self, name: Option<String>, rule: Rule) {
        let id = self.rules.add_first(rule);
        self.added.push(Added { name, hosts: None, handle: Handle::Rule(id) });
    }

    /// Cuts the way from `a` to `b`, and back unless `one_way`.
    pub fn partition(&mut self, a: HostId, b: HostId, one_way: bool) {
        let id = self.rules.partition(HostMatch::Host(a), HostMatch::Host(b), !one_way);
        self.added.push(Added { name: None, hosts: Some((a, b)), handle: Handle::Partition(id) });
    }

    /// Takes back what the timeline added: the rule of this name, what lies
    /// between these hosts, or everything. Returns how much that was.
    pub fn heal(&mut self, name: Option<&str>, between: Option<(HostId, HostId)>) -> usize {
        let before = self.added.len();
        let rules = &mut self.rules;
        self.added.retain(|added| {
            let wanted = name.is_none_or(|name| added.name.as_deref() == Some(name))
                && between.is_none_or(|(a, b)| added.hosts.is_some_and(|hosts| hosts == (a, b) || hosts == (b, a)));
            if wanted {
                match added.handle {
                    Handle::Rule(id) => rules.remove(id),
                    Handle::Partition(id) => rules.heal(id),
                };
            }
            !wanted
        });
        before - self.added.len()
    }

    /// What [`Network::route`] says about a packet that meets no rule and a link
    /// that treats all alike; `None` when it has to be asked.
    #[inline]
    pub(crate) fn route_plainly(&mut self, now: Instant, from: HostId, dst: Ipv4Addr) -> Option<(HostId, Instant)> {
        if !self.rules.is_empty() {
            return None;
        }
        match self.remembered(from, dst)? {
            Route::Loopback => Some((from, now)),
            Route::Link { link, direction, to } => {
                let (link, _) = &mut self.links[link.index()];
                link.pass(direction, now).map(|at| (to, at))
            }
        }
    }

    #[inline]
    fn remembered(&mut self, from: HostId, dst: Ipv4Addr) -> Option<Route> {
        let place = (dst.to_bits() as usize ^ from.index()) % MEMO;
        match self.memo[place] {
            Some((its_from, its_dst, route)) if its_from == from && its_dst == dst => Some(route),
            Some(_) | None => self.look_up(place, from, dst),
        }
    }

    #[cold]
    fn look_up(&mut self, place: usize, from: HostId, dst: Ipv4Addr) -> Option<Route> {
        let route = self.topology.route(from, dst)?;
        self.memo[place] = Some((from, dst, route));
        Some(route)
    }

    /// Sends a packet on its way at `now`.
    pub fn route(&mut self, now: Instant, from: HostId, packet: &Packet) -> Routed {
        let Some(route) = self.remembered(from, packet.dst) else {
            return Routed { dropped: dropped(packet, DropReason::NoRoute), ..Routed::default() };
        };
        let (to, latency) = match route {
            Route::Loopback => (from, Duration::ZERO),
            Route::Link { link, to, .. } => (to, self.links[link.index()].0.config().latency),
        };
        if !self.rules.is_empty() {
            let hooks: &[Hook] = match route {
                Route::Loopback => &[Hook::Output, Hook::Input],
                Route::Link { .. } => &[Hook::Output, Hook::Network, Hook::Input],
            };
            for &hook in hooks {
                match self.rules.verdict(hook, packet, Some(from), Some(to), &mut self.rules_rng) {
                    RuleVerdict::Accept => {}
                    RuleVerdict::Drop(reason) => {
                        return Routed { dropped: dropped(packet, reason), ..Routed::default() };
                    }
                    RuleVerdict::Reject(with) => {
                        let there = if hook == Hook::Output { Duration::ZERO } else { latency + latency };
                        return Routed {
                            dropped: dropped(packet, DropReason::Reject),
                            reply: rejection(packet, with).map(|reply| (reply, now + there)),
                            ..Routed::default()
                        };
                    }
                }
            }
        }
        match route {
            Route::Loopback => Routed { to: Some(to), arrivals: [Some(now), None], ..Routed::default() },
            Route::Link { link, direction, .. } => {
                let (link, rng) = &mut self.links[link.index()];
                match link.transmit(direction, now, packet.wire_len(), rng) {
                    Delivery::Once(at) => Routed { to: Some(to), arrivals: [Some(at), None], ..Routed::default() },
                    Delivery::Twice(at, copy) => {
                        Routed { to: Some(to), arrivals: [Some(at), Some(copy)], ..Routed::default() }
                    }
                    Delivery::Dropped(why) => Routed { dropped: dropped(packet, why.reason()), ..Routed::default() },
                }
            }
        }
    }
}

/// The end points of a packet, sender first, where it has ports.
fn dropped(packet: &Packet, reason: DropReason) -> Option<(FourTuple, DropReason)> {
    packet.tuple().map(|tuple| (tuple, reason))
}

/// The answer of a reject rule (`nf_send_reset`, `icmp_send`).
#[cfg_attr(target_family = "wasm", inline(never))]
fn rejection(packet: &Packet, with: RejectWith) -> Option<Packet> {
    let tuple = packet.tuple()?;
    match (with.icmp_code(), &packet.body) {
        (None, Body::Tcp { segment, .. }) => reset_for(segment).map(|reset| Packet::tcp(tuple.mirrored(), reset)),
        (None, Body::Udp(_) | Body::Icmp(_)) | (Some(_), Body::Icmp(_)) => None,
        (Some(code), Body::Tcp { segment, .. }) => {
            let quoted = Quoted::Tcp { tuple, seq: segment.seq };
            Some(Packet { src: packet.dst, dst: packet.src, body: Body::Icmp(IcmpMessage { code, quoted }) })
        }
        (Some(code), Body::Udp(datagram)) => {
            let quoted = Quoted::Udp { sport: datagram.sport, dport: datagram.dport };
            Some(Packet { src: packet.dst, dst: packet.src, body: Body::Icmp(IcmpMessage { code, quoted }) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Endpoint;
    use crate::wire::{Flags, Segment};

    fn pair() -> (Network, HostId, HostId, Packet) {
        let mut network = Network::new(1);
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let client = network.add_host(&[a]).expect("a fresh address");
        let db = network.add_host(&[b]).expect("a fresh address");
        let config = LinkConfig { latency: Duration::from_micros(85), ..LinkConfig::default() };
        network.add_link(client, db, config).expect("the first link");
        let tuple = FourTuple { local: Endpoint::new(a, 40_000), remote: Endpoint::new(b, 3306) };
        let syn = Packet::tcp(tuple, Segment { flags: Flags::SYN, ..Segment::default() });
        (network, client, db, syn)
    }

    #[test]
    fn a_link_delays_and_loopback_does_not() {
        let (mut network, client, db, syn) = pair();
        let there = network.route(Instant::ZERO, client, &syn);
        assert_eq!((there.to, there.arrivals[0]), (Some(db), Some(Instant::from_nanos(85_000))));
        let own = Packet { dst: syn.src, ..syn };
        assert_eq!(network.route(Instant::ZERO, client, &own).arrivals[0], Some(Instant::ZERO));
    }

    #[test]
    fn a_partition_heals() {
        let (mut network, client, db, syn) = pair();
        network.partition(client, db, true);
        let cut = network.route(Instant::ZERO, client, &syn);
        assert_eq!(cut.dropped.map(|(_, reason)| reason), Some(DropReason::Partition));
        assert_eq!(network.heal(None, Some((db, client))), 1);
        assert!(network.route(Instant::ZERO, client, &syn).to.is_some());
    }

    #[test]
    fn a_reject_answers_after_the_way_there_and_back() {
        let (mut network, client, _, syn) = pair();
        let rule = Rule::every(Hook::Input, RuleVerdict::Reject(RejectWith::TcpReset));
        network.add_rule_first(Some("no".to_owned()), rule);
        let (reply, at) = network.route(Instant::ZERO, client, &syn).reply.expect("rejected");
        assert_eq!((reply.dst, at), (syn.src, Instant::from_nanos(170_000)));
        assert_eq!(network.heal(Some("no"), None), 1);
    }

    #[test]
    fn nobody_has_the_address() {
        let (mut network, client, _, syn) = pair();
        let lost = Packet { dst: Ipv4Addr::new(10, 9, 9, 9), ..syn };
        let routed = network.route(Instant::ZERO, client, &lost);
        assert_eq!(routed.dropped.map(|(_, reason)| reason), Some(DropReason::NoRoute));
    }
}
