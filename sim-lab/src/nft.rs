//! Packet rules of a namespace, through nf_tables: one table, one input chain,
//! written anew whenever the scenario's rules change.

use std::io;
use std::net::Ipv4Addr;

use halfclose::scenario::{FlagMatch, RejectWith, Verdict};
use rustix::net::netlink;

use crate::netlink::{ACK, APPEND, CREATE, Message, Netlink, REQUEST};

const SUBSYSTEM: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEWTABLE: u16 = SUBSYSTEM;
const DELTABLE: u16 = SUBSYSTEM | 2;
const NEWCHAIN: u16 = SUBSYSTEM | 3;
const NEWRULE: u16 = SUBSYSTEM | 6;
const TABLE: &str = "halfclose";
const CHAIN: &str = "input";
const NFPROTO_IPV4: u8 = 2;
/// `NFT_PAYLOAD_NETWORK_HEADER`.
const NETWORK: u32 = 1;
/// `NFT_PAYLOAD_TRANSPORT_HEADER`.
const TRANSPORT: u32 = 2;
/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;
/// `NFT_REG_1`.
const REG: u32 = 1;

/// A rule of one namespace: what arrives and matches meets the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputRule {
    /// Sender's address.
    pub(crate) from: Option<Ipv4Addr>,
    /// Source port.
    pub(crate) sport: Option<u16>,
    /// Destination port.
    pub(crate) dport: Option<u16>,
    /// Control bits that must be set.
    pub(crate) flags: FlagMatch,
    /// What happens.
    pub(crate) verdict: Verdict,
}

/// Puts these rules, and no others, in force in the calling thread's namespace.
///
/// # Errors
/// What the kernel says; `EOPNOTSUPP` or `EAFNOSUPPORT` without nf_tables.
pub(crate) fn apply(rules: &[InputRule]) -> io::Result<()> {
    let mut socket = Netlink::open(Some(netlink::NETFILTER))?;
    let genmsg = |resource: u16| [&[NFPROTO_IPV4, 0][..], &resource.to_be_bytes()].concat();
    let batch = |kind| Message::new(kind, REQUEST, &[&[0, 0][..], &10_u16.to_be_bytes()].concat());
    // Created so that it can be deleted, and then for good: whatever was there is gone.
    let table = |kind, flags| Message::new(kind, REQUEST | flags, &genmsg(0)).text(1, TABLE);
    let mut messages = vec![batch(BATCH_BEGIN), table(NEWTABLE, CREATE), table(DELTABLE, 0), table(NEWTABLE, CREATE)];
    messages.push(
        Message::new(NEWCHAIN, REQUEST | CREATE, &genmsg(0))
            .text(1, TABLE)
            .text(3, CHAIN)
            .nest(4, |m| {
                // NF_INET_LOCAL_IN, priority 0.
                m.attr(1, &1_u32.to_be_bytes()).attr(2, &0_u32.to_be_bytes())
            })
            .text(7, "filter"),
    );
    for rule in rules {
        messages.push(message(rule, &genmsg(0)));
    }
    // The last message of the batch is acknowledged; an earlier error comes first.
    let last = messages.pop().expect("the chain at least");
    messages.extend([last.flagged(ACK), batch(BATCH_END)]);
    socket.batch(messages)
}

fn message(rule: &InputRule, genmsg: &[u8]) -> Message {
    let header = Message::new(NEWRULE, REQUEST | CREATE | APPEND, genmsg).text(1, TABLE).text(2, CHAIN);
    header.nest(4, |mut list| {
        if let Some(from) = rule.from {
            list = compare(list, NETWORK, 12, &from.octets());
        }
        let FlagMatch { syn, ack, fin, rst, psh } = rule.flags;
        let bits = [(fin, 1_u8), (syn, 2), (rst, 4), (psh, 8), (ack, 16)];
        let wanted = bits.iter().filter(|(on, _)| *on).fold(0, |sum, (_, bit)| sum | bit);
        if wanted != 0 || rule.sport.is_some() || rule.dport.is_some() {
            list = compare(list, NETWORK, 9, &[6]);
        }
        if let Some(port) = rule.sport {
            list = compare(list, TRANSPORT, 0, &port.to_be_bytes());
        }
        if let Some(port) = rule.dport {
            list = compare(list, TRANSPORT, 2, &port.to_be_bytes());
        }
        if wanted != 0 {
            list = load(list, TRANSPORT, 13, 1);
            list = mask(list, wanted);
            list = equal(list, &[wanted]);
        }
        verdict(list, rule.verdict)
    })
}

fn expression(list: Message, name: &str, fill: impl FnOnce(Message) -> Message) -> Message {
    list.nest(1, |m| m.text(1, name).nest(2, fill))
}

fn load(list: Message, base: u32, offset: u32, len: u32) -> Message {
    expression(list, "payload", |m| {
        m.attr(1, &REG.to_be_bytes())
            .attr(2, &base.to_be_bytes())
            .attr(3, &offset.to_be_bytes())
            .attr(4, &len.to_be_bytes())
    })
}

fn equal(list: Message, value: &[u8]) -> Message {
    expression(list, "cmp", |m| {
        m.attr(1, &REG.to_be_bytes()).attr(2, &0_u32.to_be_bytes()).nest(3, |m| m.attr(1, value))
    })
}

fn compare(list: Message, base: u32, offset: u32, value: &[u8]) -> Message {
    let len = u32::try_from(value.len()).expect("a header field is short");
    equal(load(list, base, offset, len), value)
}

/// `reg = reg & bits`.
fn mask(list: Message, bits: u8) -> Message {
    expression(list, "bitwise", |m| {
        m.attr(1, &REG.to_be_bytes())
            .attr(2, &REG.to_be_bytes())
            .attr(3, &1_u32.to_be_bytes())
            .nest(4, |m| m.attr(1, &[bits]))
            .nest(5, |m| m.attr(1, &[0]))
    })
}

fn verdict(list: Message, verdict: Verdict) -> Message {
    // NF_DROP 0, NF_ACCEPT 1.
    let immediate = |list, code: u32| {
        expression(list, "immediate", |m| {
            m.attr(1, &VERDICT.to_be_bytes()).nest(2, |m| m.nest(2, |m| m.attr(1, &code.to_be_bytes())))
        })
    };
    // NFT_REJECT_ICMP_UNREACH 0 with an ICMP code, NFT_REJECT_TCP_RST 1.
    let reject =
        |list, kind: u32, code: u8| expression(list, "reject", |m| m.attr(1, &kind.to_be_bytes()).attr(2, &[code]));
    match verdict {
        Verdict::Accept => immediate(list, 1),
        Verdict::Drop => immediate(list, 0),
        Verdict::Reject(RejectWith::TcpReset) => reject(list, 1, 0),
        Verdict::Reject(RejectWith::NetUnreachable) => reject(list, 0, 0),
        Verdict::Reject(RejectWith::HostUnreachable) => reject(list, 0, 1),
        Verdict::Reject(RejectWith::PortUnreachable) => reject(list, 0, 3),
        Verdict::Reject(RejectWith::AdminProhibited) => reject(list, 0, 13),
    }
}
