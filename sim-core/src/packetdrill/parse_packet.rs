//! Packets: `< S. 0:0(0) ack 1 win 100 <mss 1460>`, `< icmp unreachable host_unreachable`.

use super::ast::{EventKind, IcmpSpec, OptionList, TcpOption, TcpSpec};
use super::parse::Parser;
use super::problem::ScriptProblem;
use crate::wire::Flags;

/// Most options in a list, so that a list cannot grow without bound.
const OPTIONS_MAX: usize = 40;

/// A packet, its direction already read.
pub(super) fn packet(parser: &mut Parser<'_>, inbound: bool) -> Result<EventKind, ScriptProblem> {
    parser.cursor.space()?;
    for other in ["udp", "icmpv6", "ipv4", "ipv6", "gre", "mpls", "sctp", "["] {
        if parser.cursor.starts(other) {
            return Err(parser.cursor.unsupported(format!("packets that begin with `{other}` are not in the model")));
        }
    }
    if parser.cursor.eat("icmp") {
        if !inbound {
            return Err(parser.cursor.unsupported("the model sends no ICMP messages to a script"));
        }
        return icmp(parser).map(EventKind::IcmpIn);
    }
    let spec = tcp(parser)?;
    if inbound && spec.win.is_none() {
        return Err(parser.cursor.invalid("an inbound packet needs `win N`"));
    }
    if inbound && spec.seq.is_none() {
        return Err(parser.cursor.invalid("an inbound packet needs its sequence number"));
    }
    if inbound && spec.options == OptionList::Any {
        return Err(parser.cursor.invalid("an inbound packet needs its options spelt out"));
    }
    Ok(if inbound { EventKind::TcpIn(spec) } else { EventKind::TcpOut(spec) })
}

fn tcp(parser: &mut Parser<'_>) -> Result<TcpSpec, ScriptProblem> {
    let ports = if parser.cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        let from = parser.cursor.number("a port")?;
        parser.cursor.need(">")?;
        let to = parser.cursor.number("a port")?;
        parser.cursor.space()?;
        Some((from, to))
    } else {
        None
    };
    let flags = flags(parser)?;
    let range = range(parser)?;
    parser.cursor.need("(")?;
    let len: u32 = parser.cursor.number("the length of the data")?;
    parser.cursor.need(")")?;
    if let Some((seq, end)) = range
        && seq.wrapping_add(len) != end
    {
        return Err(parser.cursor.invalid(format!("{seq}:{end} is not {len} bytes")));
    }
    let seq = range.map(|(seq, _)| seq);
    if len > 65_535 {
        return Err(parser.cursor.invalid(format!("{len} bytes do not fit a packet")));
    }
    let mut spec =
        TcpSpec { ports, flags, seq, len, ack: None, win: None, urg: None, options: OptionList::These(Vec::new()) };
    loop {
        parser.cursor.space()?;
        if parser.cursor.eat("ack") {
            spec.ack = Some(parser.cursor.number("an acknowledgment number")?);
        } else if parser.cursor.eat("win") {
            spec.win = Some(parser.cursor.number("a window (it is 16 bits wide)")?);
        } else if parser.cursor.eat("urg") {
            spec.urg = Some(parser.cursor.number("an urgent pointer")?);
        } else {
            break;
        }
    }
    if flags.ack() && spec.ack.is_none() {
        return Err(parser.cursor.invalid("the flag `.` needs `ack N`"));
    }
    if parser.cursor.eat("<") {
        spec.options = options(parser)?;
    }
    Ok(spec)
}

/// `1:11`, or `...` for whatever numbers.
fn range(parser: &mut Parser<'_>) -> Result<Option<(u32, u32)>, ScriptProblem> {
    parser.cursor.space()?;
    if parser.cursor.eat("...") {
        return Ok(None);
    }
    let seq: u32 = parser.cursor.number("a sequence number")?;
    parser.cursor.need(":")?;
    Ok(Some((seq, parser.cursor.number("the sequence number after the data")?)))
}

/// `S.`, `FP.`, `-` for none.
fn flags(parser: &mut Parser<'_>) -> Result<Flags, ScriptProblem> {
    let place = parser.cursor.invalid("");
    let letters = parser.cursor.take(|c| !c.is_whitespace() && !c.is_ascii_digit());
    if letters == "-" {
        return Ok(Flags::NONE);
    }
    let mut flags = Flags::NONE;
    for letter in letters.chars() {
        flags = flags.with(match letter {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' | 'W' | 'C' | 'A' => {
                return Err(parser.cursor.unsupported(format!("the ECN flag `{letter}` is not in the model")));
            }
            _ => return Err(ScriptProblem { reason: format!("`{letter}` is no TCP flag"), ..place }),
        });
    }
    if letters.is_empty() {
        return Err(parser.cursor.expected("TCP flags (`S`, `F.`, `-`)"));
    }
    Ok(flags)
}

fn options(parser: &mut Parser<'_>) -> Result<OptionList, ScriptProblem> {
    parser.cursor.space()?;
    if parser.cursor.eat("...") {
        parser.cursor.need(">")?;
        return Ok(OptionList::Any);
    }
    let mut list = Vec::new();
    if parser.cursor.eat(">") {
        return Ok(OptionList::These(list));
    }
    loop {
        if list.len() == OPTIONS_MAX {
            return Err(parser.cursor.invalid(format!("no header holds more than {OPTIONS_MAX} options")));
        }
        list.push(option(parser)?);
        parser.cursor.space()?;
        if parser.cursor.eat(">") {
            return Ok(OptionList::These(list));
        }
        if !parser.cursor.eat(",") {
            return Err(parser.cursor.expected("`,` or `>`"));
        }
    }
}

fn option(parser: &mut Parser<'_>) -> Result<TcpOption, ScriptProblem> {
    parser.cursor.space()?;
    let place = parser.cursor.unsupported("");
    let name = parser.cursor.word();
    Ok(match name {
        "eol" => TcpOption::Eol,
        "nop" => TcpOption::Nop,
        "mss" => TcpOption::Mss(parser.cursor.number("an MSS")?),
        "wscale" => TcpOption::Wscale(parser.cursor.number("a window shift")?),
        "sackOK" => TcpOption::SackOk,
        "TS" => {
            parser.cursor.need("val")?;
            let val = parser.cursor.number("a timestamp")?;
            parser.cursor.need("ecr")?;
            TcpOption::Timestamp(val, parser.cursor.number("a timestamp")?)
        }
        "sack" => TcpOption::Sack(sack(parser)?),
        "FO" | "FOEXP" => {
            parser.cursor.space()?;
            let cookie = parser.cursor.word();
            TcpOption::FastOpen(parser.definitions.get(cookie).unwrap_or(cookie).to_owned())
        }
        _ => return Err(ScriptProblem { reason: format!("the TCP option `{name}` is not in the model"), ..place }),
    })
}

fn sack(parser: &mut Parser<'_>) -> Result<Vec<(u32, u32)>, ScriptProblem> {
    let mut blocks = Vec::new();
    loop {
        parser.cursor.space()?;
        if !parser.cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
            break;
        }
        let left = parser.cursor.number("a sequence number")?;
        parser.cursor.need(":")?;
        blocks.push((left, parser.cursor.number("a sequence number")?));
        if blocks.len() > 4 {
            return Err(parser.cursor.invalid("a segment holds at most 4 SACK blocks"));
        }
    }
    if blocks.is_empty() {
        return Err(parser.cursor.expected("a SACK block"));
    }
    Ok(blocks)
}

/// ICMP types by name.
const TYPES: &[(&str, u8)] = &[
    ("echo_reply", 0),
    ("unreachable", 3),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
    ("timestamp_request", 13),
    ("timestamp_reply", 14),
    ("information_request", 15),
    ("information_reply", 16),
    ("address_mask_request", 17),
    ("address_mask_reply", 18),
];

/// ICMP codes by name: of destination unreachable (3) and time exceeded (11).
const CODES: &[(&str, u8, u8)] = &[
    ("net_unreachable", 3, 0),
    ("host_unreachable", 3, 1),
    ("protocol_unreachable", 3, 2),
    ("port_unreachable", 3, 3),
    ("frag_needed", 3, 4),
    ("source_route_failed", 3, 5),
    ("net_unknown", 3, 6),
    ("host_unknown", 3, 7),
    ("source_host_isolated", 3, 8),
    ("net_prohibited", 3, 9),
    ("host_prohibited", 3, 10),
    ("net_unreachable_for_tos", 3, 11),
    ("host_unreachable_for_tos", 3, 12),
    ("packet_filtered", 3, 13),
    ("precedence_violation", 3, 14),
    ("precedence_cutoff", 3, 15),
    ("ttl_exceeded_in_transit", 11, 0),
    ("frag_reass_exceeded", 11, 1),
];

fn icmp(parser: &mut Parser<'_>) -> Result<IcmpSpec, ScriptProblem> {
    parser.cursor.space()?;
    let place = parser.cursor.invalid("");
    let name = parser.cursor.word();
    let by_number = |prefix: &str, name: &str| name.strip_prefix(prefix).and_then(|n| n.parse::<u8>().ok());
    let icmp_type = TYPES
        .iter()
        .find_map(|&(known, number)| (known == name).then_some(number))
        .or_else(|| by_number("type_", name))
        .ok_or_else(|| ScriptProblem { reason: format!("`{name}` is no ICMP type"), ..place })?;
    let mut spec = IcmpSpec { icmp_type, code: 0, mtu: 0, quoted_seq: None };
    parser.cursor.space()?;
    let place = parser.cursor.invalid("");
    let name = if parser.cursor.starts("mtu ") { "" } else { parser.cursor.word() };
    if !name.is_empty() {
        let name = parser.definitions.get(name).unwrap_or(name);
        spec.code = CODES
            .iter()
            .find_map(|&(known, of, code)| (known == name && of == icmp_type).then_some(code))
            .or_else(|| by_number("code_", name))
            .or_else(|| name.parse().ok())
            .ok_or_else(|| ScriptProblem { reason: format!("`{name}` is no code of this ICMP type (-D?)"), ..place })?;
    }
    parser.cursor.space()?;
    if parser.cursor.eat("mtu") {
        spec.mtu = parser.cursor.number("an MTU")?;
    }
    parser.cursor.space()?;
    if parser.cursor.eat("[") {
        let seq: u32 = parser.cursor.number("a sequence number")?;
        parser.cursor.need(":")?;
        let end: u32 = parser.cursor.number("a sequence number")?;
        parser.cursor.need("(")?;
        let len: u32 = parser.cursor.number("a length")?;
        parser.cursor.need(")")?;
        parser.cursor.need("]")?;
        if seq.wrapping_add(len) != end {
            return Err(parser.cursor.invalid(format!("{seq}:{end} is not {len} bytes")));
        }
        spec.quoted_seq = Some(seq);
    }
    Ok(spec)
}
