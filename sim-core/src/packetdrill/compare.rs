//! A segment the host sent against one the script expects, in the script's numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ast::{OptionList, TcpOption, TcpSpec};
use crate::units::FourTuple;
use crate::wire::{Segment, TcpOptions};

/// A connection as the script sees it: where its numbers begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// The host's end first.
    pub(super) tuple: Option<FourTuple>,
    /// Initial sequence numbers: of the host, as it chose and as the script writes it.
    pub(super) local_isn: u32,
    pub(super) script_local_isn: u32,
    /// They are known: the first SYN decides, a later one on the same ports changes nothing.
    pub(super) local_known: bool,
    /// The peer's.
    pub(super) remote_isn: u32,
    /// Timestamps of the host: the script's value → the real one.
    pub(super) ts_map: BTreeMap<u32, u32>,
    /// The first pair.
    pub(super) ts_first: Option<(u32, u32)>,
}

impl Numbers {
    /// What to subtract from a sequence number of the host: SYNs carry the
    /// script's own initial number, all others count from the SYN.
    pub(super) const fn local_offset(&self, syn: bool) -> u32 {
        if syn { self.local_isn.wrapping_sub(self.script_local_isn) } else { self.local_isn }
    }
    /// The same for the peer's.
    pub(super) const fn remote_offset(&self, syn: bool) -> u32 {
        if syn { 0 } else { self.remote_isn }
    }

    /// The segment as a script would write it.
    pub(super) fn describe(&self, segment: &Segment) -> TcpSpec {
        let syn = segment.flags.syn();
        let mut options = layout(&segment.options);
        for option in &mut options {
            match option {
                TcpOption::Timestamp(val, _) => {
                    if let Some((script, real)) = self.ts_first {
                        *val = script.wrapping_add(val.wrapping_sub(real));
                    }
                }
                TcpOption::Sack(blocks) => {
                    for (left, right) in blocks {
                        *left = left.wrapping_sub(self.remote_isn);
                        *right = right.wrapping_sub(self.remote_isn);
                    }
                }
                TcpOption::Eol
                | TcpOption::Nop
                | TcpOption::Mss(_)
                | TcpOption::Wscale(_)
                | TcpOption::SackOk
                | TcpOption::FastOpen(_) => {}
            }
        }
        TcpSpec {
            ports: None,
            flags: segment.flags,
            seq: Some(segment.seq.0.wrapping_sub(self.local_offset(syn))),
            len: segment.payload.len(),
            ack: segment.flags.ack().then(|| segment.ack.0.wrapping_sub(self.remote_offset(syn))),
            win: Some(segment.window),
            urg: (segment.urgent != 0).then_some(segment.urgent),
            options: OptionList::These(options),
        }
    }

    /// Remembers the timestamp of a segment under the script's value.
    pub(super) fn learn_timestamp(&mut self, expected: &TcpSpec, segment: &Segment) {
        let (Some((script, _)), Some((real, _))) = (timestamp(expected), segment.options.timestamp) else { return };
        self.ts_map.insert(script, real);
        self.ts_first.get_or_insert((script, real));
    }
}

/// The timestamps option of a specification.
pub(super) fn timestamp(spec: &TcpSpec) -> Option<(u32, u32)> {
    let OptionList::These(list) = &spec.options else { return None };
    list.iter().find_map(|option| if let TcpOption::Timestamp(val, ecr) = *option { Some((val, ecr)) } else { None })
}

/// How options are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Length of a tick of the timestamp clock in µs; 0: values are not compared.
    pub(super) ts_tick_usecs: u64,
    /// Tolerance in µs.
    pub(super) tolerance_usecs: u64,
}

/// The fields that differ: expected, then actual. Empty: none.
pub(super) fn differences(expected: &TcpSpec, actual: &TcpSpec, rules: Rules) -> Vec<&'static str> {
    let mut different = Vec::new();
    let mut check = |name, same: bool| {
        if !same {
            different.push(name);
        }
    };
    check("flags", expected.flags == actual.flags);
    check("sequence number", expected.seq.is_none() || expected.seq == actual.seq);
    check("length", expected.len == actual.len);
    check("acknowledgment number", expected.ack == actual.ack);
    check("window", expected.win.is_none() || expected.win == actual.win);
    check("urgent pointer", expected.urg.unwrap_or(0) == actual.urg.unwrap_or(0));
    check("options", same_options(&expected.options, &actual.options, rules));
    different
}

fn same_options(expected: &OptionList, actual: &OptionList, rules: Rules) -> bool {
    let (OptionList::These(expected), OptionList::These(actual)) = (expected, actual) else { return true };
    expected.len() == actual.len()
        && expected.iter().zip(actual).all(|pair| match pair {
            (TcpOption::Timestamp(want, want_ecr), TcpOption::Timestamp(got, got_ecr)) => {
                let off = u64::from(got.wrapping_sub(*want).min(want.wrapping_sub(*got)));
                want_ecr == got_ecr && off.saturating_mul(rules.ts_tick_usecs) <= rules.tolerance_usecs
            }
            (want, got) => want == got,
        })
}

/// Options in the order and with the padding of Linux `tcp_options_write`.
pub(super) fn layout(options: &TcpOptions) -> Vec<TcpOption> {
    let mut list = Vec::new();
    list.extend(options.mss.map(TcpOption::Mss));
    match (options.timestamp, options.sack_permitted) {
        (Some((val, ecr)), true) => list.extend([TcpOption::SackOk, TcpOption::Timestamp(val, ecr)]),
        (Some((val, ecr)), false) => {
            list.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Timestamp(val, ecr)]);
        }
        (None, true) => list.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::SackOk]),
        (None, false) => {}
    }
    if let Some(shift) = options.wscale {
        list.extend([TcpOption::Nop, TcpOption::Wscale(shift)]);
    }
    if let Some(block) = options.sack {
        list.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Sack(vec![(block.left.0, block.right.0)])]);
    }
    list
}

/// As a script writes it.
pub(super) fn render(spec: &TcpSpec) -> String {
    let flags = if spec.flags.0 == 0 { "-".to_owned() } else { spec.flags.to_string() };
    let range = match spec.seq {
        Some(seq) => format!("{seq}:{}", seq.wrapping_add(spec.len)),
        None => "...".to_owned(),
    };
    let mut text = format!("{flags} {range}({})", spec.len);
    let mut add = |name: &str, value: Option<u32>| {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value}");
        }
    };
    add("ack", spec.ack);
    add("win", spec.win.map(u32::from));
    add("urg", spec.urg.map(u32::from));
    match &spec.options {
        OptionList::Any => text.push_str(" <...>"),
        OptionList::These(list) if list.is_empty() => {}
        OptionList::These(list) => {
            let options: Vec<String> = list.iter().map(render_option).collect();
            let _ = write!(text, " <{}>", options.join(","));
        }
    }
    text
}

fn render_option(option: &TcpOption) -> String {
    match option {
        TcpOption::Eol => "eol".to_owned(),
        TcpOption::Nop => "nop".to_owned(),
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::Wscale(shift) => format!("wscale {shift}"),
        TcpOption::SackOk => "sackOK".to_owned(),
        TcpOption::Timestamp(val, ecr) => format!("TS val {val} ecr {ecr}"),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<String> = blocks.iter().map(|(left, right)| format!("{left}:{right}")).collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::FastOpen(cookie) => format!("FO {cookie}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::ast::EventKind;
    use crate::packetdrill::{Definitions, parse};

    fn out(text: &str) -> TcpSpec {
        let script = parse(&format!("0 > {text}"), &Definitions::default()).expect("a good script");
        let EventKind::TcpOut(spec) = &script.events[0].kind else { panic!("{text}") };
        spec.clone()
    }

    const RULES: Rules = Rules { ts_tick_usecs: 1_000, tolerance_usecs: 4_000 };

    #[test]
    fn a_specification_reads_as_it_was_written() {
        for text in [
            "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>",
            "FP. 1:11(10) ack 5 <...>",
            "- 1:1(0)",
            "S. ...(0) ack 65537",
            ". 1:1(0) ack 1 urg 7 <nop,nop,sack 5:6 9:12>",
        ] {
            assert_eq!(render(&out(text)), text);
        }
    }

    #[test]
    fn each_field_is_compared() {
        let want = out("P. 1:11(10) ack 5 win 100 <nop,nop,TS val 100 ecr 7>");
        assert_eq!(differences(&want, &want, RULES), [""; 0]);
        for (other, field) in [
            (". 1:11(10) ack 5 win 100 <nop,nop,TS val 100 ecr 7>", "flags"),
            ("P. 2:12(10) ack 5 win 100 <nop,nop,TS val 100 ecr 7>", "sequence number"),
            ("P. 1:12(11) ack 5 win 100 <nop,nop,TS val 100 ecr 7>", "length"),
            ("P. 1:11(10) ack 6 win 100 <nop,nop,TS val 100 ecr 7>", "acknowledgment number"),
            ("P. 1:11(10) ack 5 win 101 <nop,nop,TS val 100 ecr 7>", "window"),
            ("P. 1:11(10) ack 5 win 100 urg 1 <nop,nop,TS val 100 ecr 7>", "urgent pointer"),
            ("P. 1:11(10) ack 5 win 100 <nop,nop,TS val 105 ecr 7>", "options"),
            ("P. 1:11(10) ack 5 win 100 <nop,nop,TS val 100 ecr 8>", "options"),
            ("P. 1:11(10) ack 5 win 100", "options"),
        ] {
            assert_eq!(differences(&want, &out(other), RULES), [field], "{other}");
        }
        let near = out("P. 1:11(10) ack 5 win 100 <nop,nop,TS val 104 ecr 7>");
        assert_eq!(differences(&want, &near, RULES), [""; 0]);
        assert_eq!(differences(&out("P. 1:11(10) ack 5 <...>"), &near, RULES), [""; 0]);
    }
}
