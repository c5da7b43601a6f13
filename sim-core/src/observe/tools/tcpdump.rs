//! `tcpdump -n`: one line a packet, as tcpdump 4.99 prints our own captures
//! (`cargo xtask test --only captures` compares every line).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::app::dns::{self, DNS_PORT, QueryType, Rcode};
use crate::observe::calendar::Civil;
use crate::observe::span::{PacketSeen, SpanView};
use crate::units::{FourTuple, Port};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, Datagram, Flags, IcmpMessage, Segment, UnreachableCode};

/// Every packet of the span, or those from or to `port`.
#[must_use]
pub fn tcpdump(span: &SpanView, port: Option<Port>) -> String {
    let mut conversations = Conversations::default();
    let mut out = String::new();
    for seen in span.packets.iter().filter(|seen| crosses(seen, port)) {
        let _ = writeln!(out, "{} IP {}", clock(span.host.start_unix, seen), line(seen, &mut conversations));
    }
    out
}

/// True if the packet comes from or goes to the port, or none is asked for.
#[must_use]
pub(super) fn crosses(seen: &PacketSeen, port: Option<Port>) -> bool {
    let ends = seen.packet.tuple();
    port.is_none_or(|port| ends.is_some_and(|t| t.local.port() == port || t.remote.port() == port))
}

fn clock(start_unix: u64, seen: &PacketSeen) -> String {
    let time = Civil::from_unix(start_unix + seen.at.nanos() / 1_000_000_000);
    let micros = seen.at.nanos() % 1_000_000_000 / 1_000;
    format!("{:02}:{:02}:{:02}.{micros:06}", time.hour, time.minute, time.second)
}

fn line(seen: &PacketSeen, conversations: &mut Conversations) -> String {
    let packet = &seen.packet;
    let Some(ends) = packet.tuple() else {
        let Body::Icmp(message) = &packet.body else { return String::new() };
        return format!("{} > {}: {}", packet.src, packet.dst, icmp(message, packet.src));
    };
    let route =
        format!("{}.{} > {}.{}: ", ends.local.addr(), ends.local.port(), ends.remote.addr(), ends.remote.port());
    let body = match &packet.body {
        Body::Tcp { segment, .. } => tcp(segment, ends, conversations),
        Body::Udp(datagram) => udp(datagram),
        Body::Icmp(_) => String::new(),
    };
    route + &body
}

/// First sequence numbers of each conversation, lower end first
/// (`tcp_seq_hash` of print-tcp.c).
#[derive(Default)]
struct Conversations(BTreeMap<FourTuple, (u32, u32)>);

impl Conversations {
    /// Sequence and acknowledgment number as printed: relative to the first seen.
    fn relative(&mut self, segment: &Segment, ends: FourTuple) -> (u32, u32) {
        let (seq, ack) = (segment.seq.0, segment.ack.0);
        if !segment.flags.ack() {
            return (seq, ack);
        }
        let reversed = (ends.local.port(), ends.local.addr()) > (ends.remote.port(), ends.remote.addr());
        let key = if reversed { ends.mirrored() } else { ends };
        match self.0.get(&key) {
            Some(&(first, second)) if !segment.flags.syn() => {
                let (own, other) = if reversed { (second, first) } else { (first, second) };
                (seq.wrapping_sub(own), ack.wrapping_sub(other))
            }
            Some(_) | None => {
                let (own, other) = (seq, ack.wrapping_sub(1));
                self.0.insert(key, if reversed { (other, own) } else { (own, other) });
                (seq, ack)
            }
        }
    }
}

fn tcp(segment: &Segment, ends: FourTuple, conversations: &mut Conversations) -> String {
    let (seq, ack) = conversations.relative(segment, ends);
    let (flags, len) = (segment.flags, segment.payload.len());
    let mut out = format!("Flags [{}]", letters(flags));
    if len > 0 || flags.syn() || flags.fin() || flags.rst() {
        let _ = write!(out, ", seq {seq}");
        if len > 0 {
            let _ = write!(out, ":{}", seq.wrapping_add(len));
        }
    }
    if flags.ack() {
        let _ = write!(out, ", ack {ack}");
    }
    let _ = write!(out, ", win {}", segment.window);
    if flags.has(Flags::URG) {
        let _ = write!(out, ", urg {}", segment.urgent);
    }
    let options = options(segment, ends, conversations);
    if !options.is_empty() {
        let _ = write!(out, ", options [{}]", options.join(","));
    }
    let _ = write!(out, ", length {len}");
    out
}

/// In tcpdump's order: FIN, SYN, RST, PSH, ACK, URG.
fn letters(flags: Flags) -> String {
    let all = [
        (Flags::FIN, 'F'),
        (Flags::SYN, 'S'),
        (Flags::RST, 'R'),
        (Flags::PSH, 'P'),
        (Flags::ACK, '.'),
        (Flags::URG, 'U'),
    ];
    let set: String = all.into_iter().filter(|&(flag, _)| flags.has(flag)).map(|(_, letter)| letter).collect();
    if set.is_empty() { "none".to_owned() } else { set }
}

/// In the order in which Linux puts them on the wire, with its padding.
fn options(segment: &Segment, ends: FourTuple, conversations: &Conversations) -> Vec<String> {
    let set = &segment.options;
    let mut out = Vec::new();
    if let Some(mss) = set.mss {
        out.push(format!("mss {mss}"));
    }
    if let Some((value, echo)) = set.timestamp {
        if set.sack_permitted {
            out.push("sackOK".to_owned());
        } else {
            out.extend(["nop".to_owned(), "nop".to_owned()]);
        }
        out.push(format!("TS val {value} ecr {echo}"));
    } else if set.sack_permitted {
        out.extend(["nop".to_owned(), "nop".to_owned(), "sackOK".to_owned()]);
    }
    if let Some(shift) = set.wscale
        && segment.flags.syn()
    {
        out.push("nop".to_owned());
        out.push(format!("wscale {shift}"));
    }
    if let Some(block) = set.sack {
        // Relative to what the other end sends, as the acknowledgment is.
        let reversed = (ends.local.port(), ends.local.addr()) > (ends.remote.port(), ends.remote.addr());
        let key = if reversed { ends.mirrored() } else { ends };
        let base = conversations.0.get(&key).map_or(0, |&(first, second)| if reversed { first } else { second });
        out.extend(["nop".to_owned(), "nop".to_owned()]);
        let (left, right) = (block.left.0.wrapping_sub(base), block.right.0.wrapping_sub(base));
        out.push(format!("sack 1 {{{left}:{right}}}"));
    }
    out
}

fn udp(datagram: &Datagram) -> String {
    let len = datagram.payload.len();
    let bytes = datagram.payload.to_vec();
    if [datagram.sport.0, datagram.dport.0].contains(&DNS_PORT) {
        if let Some(question) = dns::parse_query(&bytes) {
            let kind = match question.qtype {
                Some(QueryType::A) => "A",
                Some(QueryType::Aaaa) => "AAAA",
                None => "?",
            };
            return format!("{}+ {kind}? {}. ({len})", question.id, question.name);
        }
        if let Some(answer) = dns::parse_answer(&bytes) {
            return dns_answer(&bytes, &answer, len);
        }
    }
    format!("UDP, length {len}")
}

/// Id, `NXDomain`, counts of answers, authorities and additions, the answer.
fn dns_answer(bytes: &[u8], answer: &dns::Answer, len: u32) -> String {
    let word = |at: usize| bytes.get(at..at + 2).map_or(0, |two| u16::from(two[0]) << 8 | u16::from(two[1]));
    let code = match answer.rcode {
        Rcode::NoError => "",
        Rcode::NxDomain => " NXDomain",
    };
    let aa = if word(2) & 0x0400 != 0 { "*" } else { "" };
    let no_recursion = if word(2) & 0x0080 == 0 { "-" } else { "" };
    let found = answer.addr.map_or_else(String::new, |addr| format!(" A {addr}"));
    format!("{}{code}{aa}{no_recursion} {}/{}/{}{found} ({len})", answer.id, word(6), word(8), word(10))
}

/// `ICMP 10.0.0.2 udp port 53 unreachable, length 36`: the header and what is quoted.
fn icmp(message: &IcmpMessage, from: crate::units::Ipv4Addr) -> String {
    let what = match (message.code, message.quoted) {
        (UnreachableCode::Port, Quoted::Tcp { tuple, .. }) => {
            format!("{} tcp port {} unreachable", tuple.remote.addr(), tuple.remote.port())
        }
        (UnreachableCode::Port, Quoted::Udp { dport, .. }) => format!("{from} udp port {dport} unreachable"),
        (UnreachableCode::Net, _) => format!("net {} unreachable", quoted_dst(message, from)),
        (UnreachableCode::Host, _) => format!("host {} unreachable", quoted_dst(message, from)),
        (UnreachableCode::Protocol, _) => format!("{} protocol 6 unreachable", quoted_dst(message, from)),
        (UnreachableCode::FragNeeded(mtu), _) => {
            format!("{} unreachable - need to frag (mtu {mtu})", quoted_dst(message, from))
        }
        (UnreachableCode::Prohibited, _) => {
            format!("host {} unreachable - admin prohibited filter", quoted_dst(message, from))
        }
        (UnreachableCode::Other(code), _) => format!("{} unreachable - #{code}", quoted_dst(message, from)),
        (UnreachableCode::SourceQuench, _) => "source quench".to_owned(),
        (UnreachableCode::TimeExceeded, _) => "time exceeded in-transit".to_owned(),
        (UnreachableCode::ParameterProblem, _) => "parameter problem - octet 0".to_owned(),
    };
    format!("ICMP {what}, length 36")
}

fn quoted_dst(message: &IcmpMessage, from: crate::units::Ipv4Addr) -> crate::units::Ipv4Addr {
    match message.quoted {
        Quoted::Tcp { tuple, .. } => tuple.remote.addr(),
        Quoted::Udp { .. } => from,
    }
}
