//! Rules that drop, reject or accept packets; partitions are rules too.
//!
//! Like a chain of iptables: rules are asked in order and the first whose
//! match holds decides; without a match a packet passes.

use crate::rng::SimRng;
use crate::trace::DropReason;
use crate::units::{HostId, Ipv4Addr, Port, Ratio};
use crate::wire::{Body, Flags, Packet, UnreachableCode};

/// Where on its way a packet meets the rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// Leaving the sender (its `OUTPUT` chain); a reject answers at once and locally.
    Output,
    /// Between the hosts (a firewall on the link); not asked for loopback packets.
    Network,
    /// Arriving at the receiver (its `INPUT` chain), after the link's delay.
    Input,
}

/// Which hosts an end of the packet may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostMatch {
    /// Any.
    Any,
    /// This host, whatever its address.
    Host(HostId),
    /// An address with the first `prefix` bits of `addr`, `a.b.c.d/prefix`.
    Addr {
        /// The address.
        addr: Ipv4Addr,
        /// Bits compared, 0–32.
        prefix: u8,
    },
}

impl HostMatch {
    fn holds(self, host: Option<HostId>, packet_addr: Ipv4Addr) -> bool {
        match self {
            Self::Any => true,
            Self::Host(wanted) => host == Some(wanted),
            Self::Addr { addr, prefix } => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
                (addr.to_bits() ^ packet_addr.to_bits()) & mask == 0
            }
        }
    }
}

/// Which ports match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortMatch {
    /// Any, and packets without ports.
    Any,
    /// This one.
    One(Port),
    /// `low..=high`.
    Range(Port, Port),
}

impl PortMatch {
    fn holds(self, port: Option<Port>) -> bool {
        match self {
            Self::Any => true,
            Self::One(wanted) => port == Some(wanted),
            Self::Range(low, high) => port.is_some_and(|port| (low..=high).contains(&port)),
        }
    }
}

/// Which protocol matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Any.
    Any,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

/// TCP control bits, as iptables' `--tcp-flags MASK SET`: of the bits in
/// `mask`, exactly those in `set` are on. Holds for TCP only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlagMatch {
    /// Bits looked at.
    pub mask: Flags,
    /// Of those, the ones that are on.
    pub set: Flags,
}

impl FlagMatch {
    /// A connection's first segment: SYN without ACK.
    pub const SYN: Self = Self { mask: Flags(Flags::SYN.0 | Flags::ACK.0), set: Flags::SYN };
    /// SYN with ACK.
    pub const SYN_ACK: Self =
        Self { mask: Flags(Flags::SYN.0 | Flags::ACK.0), set: Flags(Flags::SYN.0 | Flags::ACK.0) };
    /// Any segment with FIN.
    pub const FIN: Self = Self { mask: Flags::FIN, set: Flags::FIN };
    /// Any segment with RST.
    pub const RST: Self = Self { mask: Flags::RST, set: Flags::RST };

    const fn holds(self, flags: Flags) -> bool {
        flags.0 & self.mask.0 == self.set.0
    }
}

/// What a rejected packet's sender gets (iptables `REJECT --reject-with`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectWith {
    /// `tcp-reset`; TCP only, other packets are dropped.
    TcpReset,
    /// `icmp-net-unreachable`.
    IcmpNetUnreachable,
    /// `icmp-host-unreachable`.
    IcmpHostUnreachable,
    /// `icmp-proto-unreachable`.
    IcmpProtoUnreachable,
    /// `icmp-port-unreachable`, iptables' default.
    IcmpPortUnreachable,
    /// `icmp-admin-prohibited`.
    IcmpAdminProhibited,
}

impl RejectWith {
    /// The ICMP code to answer with; `None` for a RST.
    #[must_use]
    pub const fn icmp_code(self) -> Option<UnreachableCode> {
        match self {
            Self::TcpReset => None,
            Self::IcmpNetUnreachable => Some(UnreachableCode::Net),
            Self::IcmpHostUnreachable => Some(UnreachableCode::Host),
            Self::IcmpProtoUnreachable => Some(UnreachableCode::Protocol),
            Self::IcmpPortUnreachable => Some(UnreachableCode::Port),
            Self::IcmpAdminProhibited => Some(UnreachableCode::Prohibited),
        }
    }

    /// The one of this iptables name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "tcp-reset" => Some(Self::TcpReset),
            "icmp-net-unreachable" => Some(Self::IcmpNetUnreachable),
            "icmp-host-unreachable" => Some(Self::IcmpHostUnreachable),
            "icmp-proto-unreachable" => Some(Self::IcmpProtoUnreachable),
            "icmp-port-unreachable" => Some(Self::IcmpPortUnreachable),
            "icmp-admin-prohibited" => Some(Self::IcmpAdminProhibited),
            _ => None,
        }
    }
}

/// What happens to a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleVerdict {
    /// It goes on.
    Accept,
    /// It vanishes, for this reason.
    Drop(DropReason),
    /// It vanishes and its sender is told. The world sends the answer: from
    /// the packet's destination address, unless it was rejected on output.
    Reject(RejectWith),
}

/// A match and a verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Where it is asked.
    pub hook: Hook,
    /// Sender.
    pub src: HostMatch,
    /// Receiver.
    pub dst: HostMatch,
    /// Protocol.
    pub protocol: Protocol,
    /// Source port.
    pub sport: PortMatch,
    /// Destination port.
    pub dport: PortMatch,
    /// TCP control bits.
    pub flags: Option<FlagMatch>,
    /// Share of matching packets the rule applies to.
    pub probability: Ratio,
    /// Let this many matching packets pass first.
    pub skip: u32,
    /// Then apply to this many only; `None` for all.
    pub limit: Option<u32>,
    /// What to do.
    pub verdict: RuleVerdict,
}

impl Rule {
    /// A rule for every packet at `hook`; narrow it with struct update syntax.
    #[must_use]
    pub const fn every(hook: Hook, verdict: RuleVerdict) -> Self {
        Self {
            hook,
            src: HostMatch::Any,
            dst: HostMatch::Any,
            protocol: Protocol::Any,
            sport: PortMatch::Any,
            dport: PortMatch::Any,
            flags: None,
            probability: Ratio::ONE,
            skip: 0,
            limit: None,
            verdict,
        }
    }

    fn holds(&self, hook: Hook, packet: &Packet, src: Option<HostId>, dst: Option<HostId>) -> bool {
        if self.hook != hook || !self.src.holds(src, packet.src) || !self.dst.holds(dst, packet.dst) {
            return false;
        }
        let (protocol, sport, dport, flags) = match &packet.body {
            Body::Tcp { sport, dport, segment } => (Protocol::Tcp, Some(*sport), Some(*dport), Some(segment.flags)),
            Body::Udp(datagram) => (Protocol::Udp, Some(datagram.sport), Some(datagram.dport), None),
            Body::Icmp(_) => (Protocol::Icmp, None, None, None),
        };
        (self.protocol == Protocol::Any || self.protocol == protocol)
            && self.sport.holds(sport)
            && self.dport.holds(dport)
            && self.flags.is_none_or(|wanted| flags.is_some_and(|flags| wanted.holds(flags)))
    }
}

/// A rule in a [`RuleSet`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(u32);

/// A partition in a [`RuleSet`], to heal it by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionId(u32);

#[derive(Clone, Debug)]
struct Active {
    number: u32,
    rule: Rule,
    matched: u64,
    applied: u32,
}

/// The rules in force, in order; partitions stand before the others.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    partitions: Vec<Active>,
    rules: Vec<Active>,
    next: u32,
}

impl RuleSet {
    /// Without rules: every packet passes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True if every packet passes and nothing needs to be asked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.partitions.is_empty() && self.rules.is_empty()
    }

    /// Adds a rule after the others.
    pub fn add(&mut self, rule: Rule) -> RuleId {
        let number = self.number();
        self.rules.push(Active { number, rule, matched: 0, applied: 0 });
        RuleId(number)
    }

    /// Adds a rule before the others.
    pub fn add_first(&mut self, rule: Rule) -> RuleId {
        let number = self.number();
        self.rules.insert(0, Active { number, rule, matched: 0, applied: 0 });
        RuleId(number)
    }

    /// Takes a rule away; false if it was gone.
    pub fn remove(&mut self, id: RuleId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.number != id.0);
        self.rules.len() < before
    }

    /// How many packets a rule has been applied to; `None` if it is gone.
    #[must_use]
    pub fn applied(&self, id: RuleId) -> Option<u32> {
        self.rules.iter().find(|active| active.number == id.0).map(|active| active.applied)
    }

    /// Cuts the way from `a` to `b`, and back too if `both_ways`. Packets
    /// already on the link still arrive, loopback is not touched.
    pub fn partition(&mut self, a: HostMatch, b: HostMatch, both_ways: bool) -> PartitionId {
        let number = self.number();
        let mut cut = |src, dst| {
            let rule = Rule { src, dst, ..Rule::every(Hook::Network, RuleVerdict::Drop(DropReason::Partition)) };
            self.partitions.push(Active { number, rule, matched: 0, applied: 0 });
        };
        cut(a, b);
        if both_ways {
            cut(b, a);
        }
        PartitionId(number)
    }

    /// Heals a partition; false if it was healed before.
    pub fn heal(&mut self, id: PartitionId) -> bool {
        let before = self.partitions.len();
        self.partitions.retain(|active| active.number != id.0);
        self.partitions.len() < before
    }

    /// What happens to a packet at `hook`; `src` and `dst` are the hosts that
    /// own its addresses. Draws from `rng` only for a matching rule with a
    /// probability below 1.
    pub fn verdict(
        &mut self,
        hook: Hook,
        packet: &Packet,
        src: Option<HostId>,
        dst: Option<HostId>,
        rng: &mut SimRng,
    ) -> RuleVerdict {
        for active in self.partitions.iter_mut().chain(&mut self.rules) {
            if active.rule.holds(hook, packet, src, dst) && active.applies(rng) {
                return match (active.rule.verdict, &packet.body) {
                    // No RST answers what is not TCP, and no ICMP error answers an ICMP error (RFC 1122 §3.2.2).
                    (RuleVerdict::Reject(RejectWith::TcpReset), Body::Udp(_) | Body::Icmp(_))
                    | (RuleVerdict::Reject(_), Body::Icmp(_)) => RuleVerdict::Drop(DropReason::Rule),
                    (verdict, Body::Tcp { .. } | Body::Udp(_) | Body::Icmp(_)) => verdict,
                };
            }
        }
        RuleVerdict::Accept
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

impl Active {
    /// Counts a match against probability, skip and limit.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn applies(&mut self, rng: &mut SimRng) -> bool {
        let certain = self.rule.probability.num >= self.rule.probability.den;
        if self.rule.limit.is_some_and(|limit| self.applied >= limit) || !certain && !rng.chance(self.rule.probability)
        {
            return false;
        }
        self.matched += 1;
        if self.matched <= u64::from(self.rule.skip) {
            return false;
        }
        self.applied = self.applied.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use crate::units::{Endpoint, FourTuple};
    use crate::wire::icmp::Quoted;
    use crate::wire::{Datagram, IcmpMessage, Payload, Segment};

    const CLIENT: Ipv4Addr = Ipv4Addr::new(172, 31, 55, 230);
    const DB: Ipv4Addr = Ipv4Addr::new(172, 31, 47, 174);
    const DROP: RuleVerdict = RuleVerdict::Drop(DropReason::Rule);
    const CUT: RuleVerdict = RuleVerdict::Drop(DropReason::Partition);

    fn tcp(flags: Flags) -> Packet {
        let tuple = FourTuple { local: Endpoint::new(CLIENT, 40_000), remote: Endpoint::new(DB, 3306) };
        Packet::tcp(tuple, Segment { flags, ..Segment::default() })
    }
    fn udp() -> Packet {
        let datagram = Datagram { sport: Port(5353), dport: Port(53), payload: Payload::EMPTY };
        Packet { src: CLIENT, dst: DB, body: Body::Udp(datagram) }
    }
    fn icmp() -> Packet {
        let quoted = Quoted::Udp { sport: Port(53), dport: Port(5353) };
        Packet { src: CLIENT, dst: DB, body: Body::Icmp(IcmpMessage { code: UnreachableCode::Port, quoted }) }
    }
    /// The packet from host 0 to host 1, or back.
    fn ask(rules: &mut RuleSet, packet: &Packet, back: bool) -> RuleVerdict {
        let mut rng = SimRng::new(3, Stream::Host(0));
        let (a, b) = if back { (1, 0) } else { (0, 1) };
        rules.verdict(Hook::Network, packet, Some(HostId(a)), Some(HostId(b)), &mut rng)
    }
    fn drops(rule: Rule, packet: &Packet) -> bool {
        let mut rules = RuleSet::new();
        rules.add(rule);
        ask(&mut rules, packet, false) == DROP
    }
    fn every() -> Rule {
        Rule::every(Hook::Network, DROP)
    }

    #[test]
    fn without_a_match_packets_pass() {
        let mut rules = RuleSet::new();
        assert!(rules.is_empty());
        assert_eq!(ask(&mut rules, &udp(), false), RuleVerdict::Accept);
        rules.add(Rule { protocol: Protocol::Tcp, ..every() });
        assert_eq!(ask(&mut rules, &udp(), false), RuleVerdict::Accept);
        assert_eq!(ask(&mut rules, &tcp(Flags::ACK), false), DROP);
    }

    #[test]
    fn the_first_match_decides() {
        let mut rules = RuleSet::new();
        rules.add(Rule { dport: PortMatch::One(Port(3306)), verdict: RuleVerdict::Accept, ..every() });
        let drop_all = rules.add(every());
        assert_eq!(ask(&mut rules, &tcp(Flags::SYN), false), RuleVerdict::Accept);
        assert_eq!(ask(&mut rules, &udp(), false), DROP);
        assert!(rules.remove(drop_all) && !rules.remove(drop_all));
        assert_eq!(ask(&mut rules, &udp(), false), RuleVerdict::Accept);
    }

    #[test]
    fn each_field_narrows_the_match() {
        let syn = tcp(Flags::SYN);
        let addr = |addr, prefix| HostMatch::Addr { addr, prefix };
        for (rule, holds) in [
            (Rule { hook: Hook::Input, ..every() }, false),
            (Rule { src: HostMatch::Host(HostId(0)), ..every() }, true),
            (Rule { src: HostMatch::Host(HostId(1)), ..every() }, false),
            (Rule { dst: addr(DB, 32), ..every() }, true),
            (Rule { dst: addr(CLIENT, 32), ..every() }, false),
            (Rule { dst: addr(CLIENT, 16), ..every() }, true),
            (Rule { dst: addr(Ipv4Addr::new(9, 9, 9, 9), 0), ..every() }, true),
            (Rule { dst: addr(DB, 200), ..every() }, true),
            (Rule { sport: PortMatch::Range(Port(32_768), Port(60_999)), ..every() }, true),
            (Rule { sport: PortMatch::Range(Port(1), Port(39_999)), ..every() }, false),
            (Rule { dport: PortMatch::One(Port(33_060)), ..every() }, false),
            (Rule { protocol: Protocol::Udp, ..every() }, false),
            (Rule { flags: Some(FlagMatch::SYN), ..every() }, true),
            (Rule { flags: Some(FlagMatch::SYN_ACK), ..every() }, false),
            (Rule { probability: Ratio::ZERO, ..every() }, false),
        ] {
            assert_eq!(drops(rule, &syn), holds, "{rule:?}");
        }
        assert!(drops(Rule { flags: Some(FlagMatch::FIN), ..every() }, &tcp(Flags::FIN.with(Flags::ACK))));
        assert!(!drops(Rule { flags: Some(FlagMatch::SYN), ..every() }, &tcp(Flags::SYN.with(Flags::ACK))));
        assert!(!drops(Rule { flags: Some(FlagMatch::RST), ..every() }, &udp()));
        assert!(!drops(Rule { dport: PortMatch::One(Port(53)), ..every() }, &icmp()));
    }

    #[test]
    fn skip_and_limit_pick_packets_by_number() {
        let mut rules = RuleSet::new();
        let id = rules.add(Rule { skip: 1, limit: Some(2), flags: Some(FlagMatch::SYN), ..every() });
        let verdicts: Vec<_> = (0..5)
            .map(|_| {
                ask(&mut rules, &tcp(Flags::ACK), false);
                ask(&mut rules, &tcp(Flags::SYN), false) == DROP
            })
            .collect();
        assert_eq!(verdicts, [false, true, true, false, false]);
        assert_eq!(rules.applied(id), Some(2));
    }

    #[test]
    fn probability_applies_to_its_share() {
        let mut rules = RuleSet::new();
        let id = rules.add(Rule { probability: Ratio { num: 1, den: 4 }, ..every() });
        let mut rng = SimRng::new(3, Stream::Host(0));
        let packet = udp();
        for _ in 0..10_000 {
            rules.verdict(Hook::Network, &packet, None, None, &mut rng);
        }
        let applied = rules.applied(id).unwrap();
        assert!((2_300..2_700).contains(&applied), "{applied}");
    }

    #[test]
    fn partitions_cut_one_way_or_both_until_healed() {
        let (a, b) = (HostMatch::Host(HostId(0)), HostMatch::Host(HostId(1)));
        let mut rules = RuleSet::new();
        rules.add(Rule { verdict: RuleVerdict::Accept, ..every() });
        let one_way = rules.partition(a, b, false);
        assert_eq!((ask(&mut rules, &udp(), false), ask(&mut rules, &udp(), true)), (CUT, RuleVerdict::Accept));
        let both = rules.partition(b, a, true);
        assert_eq!((ask(&mut rules, &udp(), false), ask(&mut rules, &udp(), true)), (CUT, CUT));
        assert!(rules.heal(one_way) && !rules.heal(one_way));
        assert_eq!((ask(&mut rules, &udp(), false), ask(&mut rules, &udp(), true)), (CUT, CUT));
        assert!(rules.heal(both));
        assert_eq!(
            (ask(&mut rules, &udp(), false), ask(&mut rules, &udp(), true)),
            (RuleVerdict::Accept, RuleVerdict::Accept)
        );
    }

    #[test]
    fn rejects_answer_only_what_may_be_answered() {
        let reject = |with, packet: &Packet| {
            let mut rules = RuleSet::new();
            rules.add(Rule { verdict: RuleVerdict::Reject(with), ..every() });
            ask(&mut rules, packet, false)
        };
        let (rst, port) = (RejectWith::TcpReset, RejectWith::IcmpPortUnreachable);
        assert_eq!(reject(rst, &tcp(Flags::SYN)), RuleVerdict::Reject(rst));
        assert_eq!(reject(rst, &udp()), DROP);
        assert_eq!(reject(port, &udp()), RuleVerdict::Reject(port));
        assert_eq!(reject(port, &icmp()), DROP);
    }

    #[test]
    fn reject_names_are_iptables() {
        for (name, code) in [
            ("tcp-reset", None),
            ("icmp-net-unreachable", Some(UnreachableCode::Net)),
            ("icmp-host-unreachable", Some(UnreachableCode::Host)),
            ("icmp-proto-unreachable", Some(UnreachableCode::Protocol)),
            ("icmp-port-unreachable", Some(UnreachableCode::Port)),
            ("icmp-admin-prohibited", Some(UnreachableCode::Prohibited)),
        ] {
            assert_eq!(RejectWith::from_name(name).unwrap().icmp_code(), code);
        }
        assert_eq!(RejectWith::from_name("icmp-whatever"), None);
    }
}
