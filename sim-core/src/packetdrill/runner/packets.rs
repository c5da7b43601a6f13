//! Packets, both ways.

use super::{Connection, Origin, PATIENCE_NS, Runner, Step, When, fail, seconds};
use crate::packetdrill::ast::{IcmpSpec, OptionList, TcpOption, TcpSpec};
use crate::packetdrill::bench::{Bench, LOCAL};
use crate::packetdrill::calls::PORT;
use crate::packetdrill::compare::{Numbers, Rules, differences, render};
use crate::units::{Endpoint, FourTuple};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, IcmpMessage, Packet, Payload, SackBlock, Segment, SeqNum, TcpOptions, UnreachableCode};

impl Runner<'_> {
    /// The next segment of the connection is as expected, and comes when it should.
    pub(super) fn outbound(&mut self, line: u32, spec: &TcpSpec, when: When) -> Step {
        let wanted = format!("> {}", render(spec));
        let Some(connection) = self.connection_of(spec.ports.map(|(_, to)| to)) else {
            return fail(line, wanted, "there is no connection");
        };
        let numbers = &mut self.connections[connection].numbers;
        if spec.flags.syn() && !numbers.local_known {
            numbers.script_local_isn = spec.seq.unwrap_or(0);
        }
        let Some(at) = self.await_segment(connection, when)? else {
            return fail(line, wanted, format!("nothing was sent until {} s", seconds(self.bench.elapsed())));
        };
        let sent = &mut self.bench.sent[at];
        sent.seen = true;
        let (sent_at, segment) = (sent.at, sent.segment.clone());
        let numbers = &mut self.connections[connection].numbers;
        if segment.flags.syn() && !numbers.local_known {
            numbers.local_isn = segment.seq.0;
            numbers.local_known = true;
        }
        numbers.learn_timestamp(spec, &segment);
        let actual = numbers.describe(&segment);
        let rules = Rules {
            ts_tick_usecs: self.script.options.ts_tick_usecs,
            tolerance_usecs: if self.settings.strict { 0 } else { self.settings.tolerance_usecs },
        };
        let different = differences(spec, &actual, rules);
        if !different.is_empty() {
            let at = seconds(Bench::since_start(sent_at));
            return fail(line, wanted, format!("> {} at {at} s ({})", render(&actual), different.join(", ")));
        }
        self.check_time(line, when, Bench::since_start(sent_at), &wanted)
    }

    /// Place of the connection's next segment that no line has seen, waiting for it if need be.
    fn await_segment(&mut self, connection: usize, when: When) -> Step<Option<usize>> {
        let limit = Bench::instant(when.end.max(self.bench.elapsed()).saturating_add(PATIENCE_NS));
        loop {
            let tuple = self.connections[connection].numbers.tuple;
            let next = self.bench.sent.iter().position(|sent| !sent.seen && Some(sent.tuple) == tuple);
            if next.is_some() {
                return Ok(next);
            }
            if self.bench.next_at() > limit || self.bench.exhausted() {
                return Ok(None);
            }
            self.bench.step();
            self.second_thread()?;
        }
    }

    /// A segment from the peer.
    pub(super) fn inbound(&mut self, line: u32, spec: &TcpSpec) -> Step {
        let first = spec.seq.expect("the parser insists on it");
        let connection = self.connection_for_inbound(spec, first);
        let Connection { origin, numbers, .. } = &mut self.connections[connection];
        let flags = spec.flags;
        if *origin == Origin::Connecting && flags.syn() && flags.ack() {
            numbers.remote_isn = first;
            *origin = Origin::Connected;
        }
        let Some(tuple) = numbers.tuple else {
            return fail(line, format!("< {}", render(spec)), "the connection has no addresses yet");
        };
        let syn = flags.syn();
        let options = match wire_options(spec, numbers) {
            Ok(options) => options,
            Err(ecr) => {
                let reason = format!("no segment before carried a timestamp that the script calls {ecr}");
                return fail(line, format!("< {}", render(spec)), reason);
            }
        };
        let segment = Segment {
            seq: SeqNum(first.wrapping_add(numbers.remote_offset(syn))),
            ack: SeqNum(spec.ack.map_or(0, |ack| ack.wrapping_add(numbers.local_offset(syn)))),
            flags,
            window: spec.win.unwrap_or(0),
            urgent: spec.urg.unwrap_or(0),
            options,
            payload: Payload::opaque(spec.len),
        };
        self.bench.inject(&Packet::tcp(tuple.mirrored(), segment));
        Ok(())
    }

    /// The connection a packet with this port of the peer's belongs to, or the one under test.
    fn connection_of(&self, peer: Option<u16>) -> Option<usize> {
        let Some(peer) = peer else { return self.under_test };
        let of_peer = |connection: &Connection| connection.numbers.tuple.is_some_and(|t| t.remote.port().0 == peer);
        self.connections.iter().rposition(of_peer).or_else(|| self.under_test.filter(|_| peer == PORT))
    }

    /// A packet for a socket that is not connected makes a connection of its own.
    fn connection_for_inbound(&mut self, spec: &TcpSpec, first: u32) -> usize {
        if let Some((from, _)) = spec.ports
            && let Some(known) = self.connection_of(Some(from))
        {
            return known;
        }
        if spec.ports.is_none()
            && let Some(at) = self.under_test
            && !matches!(self.connections[at].origin, Origin::Fresh | Origin::Listening)
        {
            return at;
        }
        let (peer, local) = spec.ports.unwrap_or_else(|| {
            self.next_port += 1;
            (self.next_port, PORT)
        });
        let tuple = FourTuple { local: Endpoint::new(LOCAL, local), remote: self.remote(peer) };
        let numbers = Numbers { tuple: Some(tuple), remote_isn: first, ..Numbers::default() };
        self.connections.push(Connection { origin: Origin::Passive, numbers, fd: None });
        let at = self.connections.len() - 1;
        self.under_test = Some(at);
        at
    }

    /// An ICMP message about the connection under test.
    pub(super) fn icmp(&mut self, line: u32, spec: &IcmpSpec) -> Step {
        let Some(connection) = self.under_test else {
            return fail(line, "an ICMP message about a connection", "there is no connection");
        };
        let numbers = &self.connections[connection].numbers;
        let Some(tuple) = numbers.tuple else {
            return fail(line, "an ICMP message about a connection", "the connection has no addresses yet");
        };
        let last = self.bench.sent.iter().rev().find(|sent| sent.tuple == tuple);
        let seq = match spec.quoted_seq {
            Some(seq) => SeqNum(seq.wrapping_add(numbers.local_offset(false))),
            None => last.map_or(SeqNum(numbers.local_isn), |sent| sent.segment.seq),
        };
        let Some(code) = error_code(spec) else { return Ok(()) };
        let message = IcmpMessage { code, quoted: Quoted::Tcp { tuple, seq } };
        self.bench.inject(&Packet { src: tuple.remote.addr(), dst: tuple.local.addr(), body: Body::Icmp(message) });
        Ok(())
    }
}

/// What TCP makes of a message; `None` for those that never reach it (`icmp_rcv`,
/// `tcp_v4_err`: source quench and redirects are ignored, the rest is no error).
const fn error_code(spec: &IcmpSpec) -> Option<UnreachableCode> {
    match (spec.icmp_type, spec.code) {
        (3, 0) => Some(UnreachableCode::Net),
        (3, 1) => Some(UnreachableCode::Host),
        (3, 2) => Some(UnreachableCode::Protocol),
        (3, 3) => Some(UnreachableCode::Port),
        (3, 4) => Some(UnreachableCode::FragNeeded(spec.mtu)),
        (3, 13) => Some(UnreachableCode::Prohibited),
        // NR_ICMP_UNREACH: no code above 15 is handed on.
        (3, code @ 0..=15) => Some(UnreachableCode::Other(code)),
        (11, _) => Some(UnreachableCode::TimeExceeded),
        (12, _) => Some(UnreachableCode::ParameterProblem),
        _ => None,
    }
}

/// The options of a segment to inject; the error is an echo reply of a timestamp never seen.
fn wire_options(spec: &TcpSpec, numbers: &Numbers) -> Result<TcpOptions, u32> {
    let mut options = TcpOptions::default();
    let OptionList::These(list) = &spec.options else { return Ok(options) };
    for option in list {
        match option {
            TcpOption::Eol | TcpOption::Nop | TcpOption::FastOpen(_) => {}
            TcpOption::Mss(mss) => options.mss = Some(*mss),
            TcpOption::Wscale(shift) => options.wscale = Some(*shift),
            TcpOption::SackOk => options.sack_permitted = true,
            TcpOption::Timestamp(val, ecr) => {
                let real = if spec.flags.ack() { *numbers.ts_map.get(ecr).ok_or(*ecr)? } else { *ecr };
                options.timestamp = Some((*val, real));
            }
            TcpOption::Sack(blocks) => {
                let offset = numbers.local_offset(spec.flags.syn());
                options.sack = blocks.first().map(|&(left, right)| SackBlock {
                    left: SeqNum(left.wrapping_add(offset)),
                    right: SeqNum(right.wrapping_add(offset)),
                });
            }
        }
    }
    Ok(options)
}
