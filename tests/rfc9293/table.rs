//! Every state against every class of input (RFC 9293 §3.10), as a golden
//! table: `table.csv`. A change of behaviour is a line that differs.

use std::collections::BTreeMap;

use halfclose::app::{Call, PollEvents, Ret, ShutdownHow};
use halfclose::errno::Errno;
use halfclose::plot::{StateGraph, state_graph};
use halfclose::scenario::{Run, preset};
use halfclose::tcp::TcpState::{
    self, CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
};
use halfclose::tcp::graph::Visits;
use halfclose::tcp::{TcpSocketOption, graph};
use halfclose::text::Lang;
use halfclose::time::Duration;
use halfclose::wire::{Flags, Payload, Segment, SeqNum, UnreachableCode};
use halfclose_tests::golden::golden;
use halfclose_tests::lab::{ms, secs};
use halfclose_tests::peer::{Bench, peer};

use crate::support::{FIN_ACK, SYN_ACK};

/// A state, and how it came about where that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    state: TcpState,
    /// The program has closed its descriptor; SYN-RECEIVED: after a crossed open.
    other: bool,
}

const fn place(name: &'static str, state: TcpState, other: bool) -> Place {
    Place { name, state, other }
}

pub(crate) const PLACES: &[Place] = &[
    place("CLOSED", Closed, false),
    place("LISTEN", Listen, false),
    place("SYN-SENT", SynSent, false),
    place("SYN-RECEIVED", SynReceived, false),
    place("SYN-RECEIVED crossed", SynReceived, true),
    place("ESTABLISHED", Established, false),
    place("FIN-WAIT-1", FinWait1, false),
    place("FIN-WAIT-1 orphan", FinWait1, true),
    place("FIN-WAIT-2", FinWait2, false),
    place("FIN-WAIT-2 orphan", FinWait2, true),
    place("CLOSE-WAIT", CloseWait, false),
    place("CLOSING", Closing, false),
    place("CLOSING orphan", Closing, true),
    place("LAST-ACK", LastAck, false),
    place("LAST-ACK orphan", LastAck, true),
    place("TIME-WAIT", TimeWait, false),
    place("TIME-WAIT orphan", TimeWait, true),
];

impl Place {
    /// A host in this state, with nothing under way.
    pub(crate) fn reach(self) -> Bench {
        let mut bench = match self.state {
            Closed => {
                let mut bench = Bench::new(&[]);
                bench.fd = Some(bench.lab.open(bench.app));
                bench
            }
            Listen => {
                let mut bench = Bench::listening(&[]);
                bench.fd = bench.listener;
                bench
            }
            SynSent => Bench::dialled(&[]),
            SynReceived if self.other => {
                let mut bench = Bench::dialled(&[]);
                let _ = bench.sent();
                let _ = bench.arrive(Bench::syn());
                bench
            }
            SynReceived => {
                let mut bench = Bench::listening(&[]);
                let _ = bench.arrive(Bench::syn());
                bench
            }
            Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait => {
                let mut bench = Bench::accepted(&[]);
                bench.lead_to(self.state, self.other);
                bench
            }
        };
        let _ = bench.sent();
        bench
    }

    /// The state as the golden table tells it.
    fn now(self, bench: &Bench) -> TcpState {
        match self.state {
            // The listener itself, where no connection came of the input.
            Listen => match bench.lab.state(bench.tuple) {
                Some(state) => state,
                None if bench.lab.kernel().count(Listen) == 1 => Listen,
                None => Closed,
            },
            Closed => {
                let listens = bench.lab.kernel().count(Listen) == 1;
                let dials = bench.lab.kernel().count(SynSent) == 1;
                if listens {
                    Listen
                } else if dials {
                    SynSent
                } else {
                    bench.state()
                }
            }
            SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait => {
                bench.state()
            }
        }
    }
}

/// The window the host last offered, and the first number it has out.
struct Numbers {
    rcv_nxt: SeqNum,
    window: u32,
    snd_una: SeqNum,
    snd_nxt: SeqNum,
}

impl Numbers {
    fn of(place: Place, bench: &Bench) -> Self {
        let window = bench.lab.recorder.packets.iter().rev().find_map(|(_, _, packet)| match &packet.body {
            halfclose::wire::Body::Tcp { segment, .. } => Some(u32::from(segment.window)),
            halfclose::wire::Body::Udp(_) | halfclose::wire::Body::Icmp(_) => None,
        });
        // SYN or FIN of ours not acknowledged.
        let out = matches!(place.state, SynSent | SynReceived | FinWait1 | Closing | LastAck);
        Self {
            rcv_nxt: bench.nxt,
            window: window.unwrap_or(0),
            snd_una: bench.host_nxt.sub(u32::from(out)),
            snd_nxt: bench.host_nxt,
        }
    }

    /// A number as a difference to those of the connection.
    fn tell(&self, number: SeqNum, sent: bool) -> String {
        let (base, name) = if sent { (self.snd_nxt, "SND.NXT") } else { (self.rcv_nxt, "RCV.NXT") };
        let (up, down) = (number.distance(base), base.distance(number));
        match (up, down) {
            (0, _) => name.to_owned(),
            (up, _) if up < 200_000 => format!("{name}+{up}"),
            (_, down) if down < 200_000 => format!("{name}-{down}"),
            (_, _) if number == SeqNum(0) => "0".to_owned(),
            (_, _) => "new".to_owned(),
        }
    }

    fn segment(&self, segment: &Segment) -> String {
        let seq = self.tell(segment.seq, true);
        let ack = if segment.flags.ack() { format!(" ack {}", self.tell(segment.ack, false)) } else { String::new() };
        let data = if segment.payload.is_empty() { String::new() } else { format!(" {} B", segment.payload.len()) };
        format!("{} seq {seq}{ack}{data}", segment.flags)
    }
}

/// Where a segment's sequence number lies, what it acknowledges, its bits and bytes.
type Shape = (&'static str, Flags, i64, Acks, u32);

#[derive(Clone, Copy)]
enum Acks {
    /// Nothing.
    No,
    /// SND.NXT.
    All,
    /// SND.UNA: not our SYN or FIN.
    Una,
    /// So far above SND.NXT.
    Above(u32),
    /// So far below SND.UNA.
    Below(u32),
}

/// Beyond the window, as a distance from RCV.NXT.
const BEYOND: i64 = 1 << 20;
/// The right edge of the window.
const EDGE: i64 = 1 << 21;

const NONE: Flags = Flags::NONE;
const SYN_FIN: Flags = Flags(Flags::SYN.0 | Flags::FIN.0);
const RST_ACK: Flags = Flags(Flags::RST.0 | Flags::ACK.0);
const PSH_ACK: Flags = Flags(Flags::PSH.0 | Flags::ACK.0);
const URG_ACK: Flags = Flags(Flags::URG.0 | Flags::ACK.0);

const SEGMENTS: &[Shape] = &[
    ("RST exact", Flags::RST, 0, Acks::No, 0),
    ("RST in window", Flags::RST, 10, Acks::No, 0),
    ("RST at right edge", Flags::RST, EDGE, Acks::No, 0),
    ("RST below", Flags::RST, -2, Acks::No, 0),
    ("RST one below", Flags::RST, -1, Acks::No, 0),
    ("RST beyond", Flags::RST, BEYOND, Acks::No, 0),
    ("RST with ACK", RST_ACK, 0, Acks::All, 0),
    ("RST with bad ACK", RST_ACK, 0, Acks::Above(1), 0),
    ("SYN in window", Flags::SYN, 10, Acks::No, 0),
    ("SYN again", Flags::SYN, -1, Acks::No, 0),
    ("SYN below", Flags::SYN, -1_000, Acks::No, 0),
    ("SYN above", Flags::SYN, BEYOND, Acks::No, 0),
    ("SYN with data", Flags::SYN, 0, Acks::No, 7),
    ("SYN with FIN", SYN_FIN, 1, Acks::No, 0),
    ("SYN,ACK", SYN_ACK, 0, Acks::All, 0),
    ("SYN,ACK again", SYN_ACK, -1, Acks::All, 0),
    ("SYN,ACK with bad ACK", SYN_ACK, 0, Acks::Above(1), 0),
    ("ACK of everything", Flags::ACK, 0, Acks::All, 0),
    ("ACK of nothing new", Flags::ACK, 0, Acks::Una, 0),
    ("ACK too old", Flags::ACK, 0, Acks::Below(100_000), 0),
    ("ACK of the future", Flags::ACK, 0, Acks::Above(1), 0),
    ("ACK below window", Flags::ACK, -1, Acks::All, 0),
    ("no flags", NONE, 0, Acks::No, 0),
    ("data without ACK", NONE, 0, Acks::No, 7),
    ("data", PSH_ACK, 0, Acks::All, 7),
    ("data and ACK of nothing new", PSH_ACK, 0, Acks::Una, 7),
    ("data ahead", PSH_ACK, 100, Acks::All, 7),
    ("data old", PSH_ACK, -7, Acks::All, 7),
    ("data beyond", PSH_ACK, BEYOND, Acks::All, 7),
    ("urgent data", URG_ACK, 0, Acks::All, 7),
    ("FIN", FIN_ACK, 0, Acks::All, 0),
    ("FIN and ACK of nothing new", FIN_ACK, 0, Acks::Una, 0),
    ("FIN with data", FIN_ACK, 0, Acks::All, 7),
    ("FIN ahead", FIN_ACK, 100, Acks::All, 0),
    ("FIN again", FIN_ACK, -1, Acks::All, 0),
    ("FIN without ACK", Flags::FIN, 0, Acks::No, 0),
];

const ICMP: &[(&str, UnreachableCode, i64)] = &[
    ("ICMP net unreachable", UnreachableCode::Net, 0),
    ("ICMP host unreachable", UnreachableCode::Host, 0),
    ("ICMP protocol unreachable", UnreachableCode::Protocol, 0),
    ("ICMP port unreachable", UnreachableCode::Port, 0),
    ("ICMP source route failed", UnreachableCode::Other(5), 0),
    ("ICMP source quench", UnreachableCode::SourceQuench, 0),
    ("ICMP port unreachable, other number", UnreachableCode::Port, -1),
];

const CALLS: &[&str] =
    &["OPEN", "OPEN passive", "SEND", "RECEIVE", "CLOSE", "ABORT", "STATUS", "shutdown(SHUT_RD)", "shutdown(SHUT_WR)"];

const TIMES: &[&str] =
    &["a day of silence", "a day of silence, keep-alive", "a day of silence, unacknowledged data", "window closed"];

/// A row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) next: String,
    pub(crate) sent: String,
    pub(crate) user: String,
}

/// The whole table, by place and input.
pub(crate) fn table() -> BTreeMap<(usize, usize), (&'static str, &'static str, Row)> {
    let mut rows = BTreeMap::new();
    for (at, &place) in PLACES.iter().enumerate() {
        let mut number = 0;
        let mut add = |input: &'static str, row: Option<Row>| {
            number += 1;
            if let Some(row) = row {
                rows.insert((at, number), (place.name, input, row));
            }
        };
        SEGMENTS.iter().for_each(|shape| add(shape.0, Some(segment(place, shape))));
        ICMP.iter().for_each(|&(name, code, off)| add(name, Some(icmp(place, code, off))));
        CALLS.iter().for_each(|&name| add(name, call(place, name)));
        TIMES.iter().for_each(|&name| add(name, time(place, name)));
    }
    rows
}

fn segment(place: Place, &(_, flags, off, acks, len): &Shape) -> Row {
    let mut bench = place.reach();
    let numbers = Numbers::of(place, &bench);
    let seq = match off {
        BEYOND => numbers.rcv_nxt.add(numbers.window.max(1) + 100_000),
        EDGE => numbers.rcv_nxt.add(numbers.window),
        off => SeqNum(numbers.rcv_nxt.0.wrapping_add_signed(i32::try_from(off).expect("small"))),
    };
    let ack = match acks {
        Acks::No => SeqNum(0),
        Acks::All => numbers.snd_nxt,
        Acks::Una => numbers.snd_una,
        Acks::Above(n) => numbers.snd_nxt.add(n),
        Acks::Below(n) => numbers.snd_una.sub(n),
    };
    let mut segment = Segment { seq, ack, flags, payload: Payload::opaque(len), ..bench.seg(NONE) };
    if flags.syn() {
        segment.options.mss = Some(1_460);
    }
    let sent = bench.arrive(segment);
    finish(place, &mut bench, &numbers, &sent)
}

fn icmp(place: Place, code: UnreachableCode, off: i64) -> Row {
    let mut bench = place.reach();
    let numbers = Numbers::of(place, &bench);
    let seq = if off == 0 { numbers.snd_una } else { numbers.snd_una.sub(1) };
    let sent = bench.icmp(code, seq);
    finish(place, &mut bench, &numbers, &sent)
}

/// The row after an event that is no call.
fn finish(place: Place, bench: &mut Bench, numbers: &Numbers, at_once: &[Segment]) -> Row {
    // What is delayed counts too, but not what silence brings.
    let mut told: Vec<String> = at_once.iter().map(|segment| numbers.segment(segment)).collect();
    let next = place.now(bench).to_string();
    let later = bench.wait(ms(100));
    told.extend(later.iter().map(|segment| format!("later {}", numbers.segment(segment))));
    Row { next, sent: told.join("; "), user: user(bench) }
}

/// What the program would notice.
fn user(bench: &mut Bench) -> String {
    let Some(fd) = bench.fd else { return String::new() };
    let ready = events(bench.poll(fd));
    let read = result(bench.read());
    format!("{ready} read {read}")
}

fn events(events: PollEvents) -> String {
    let names = [
        (PollEvents::IN, "IN"),
        (PollEvents::OUT, "OUT"),
        (PollEvents::ERR, "ERR"),
        (PollEvents::HUP, "HUP"),
        (PollEvents::RDHUP, "RDHUP"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| events.any(*bit)).map(|(_, name)| *name).collect();
    if set.is_empty() { "-".to_owned() } else { set.join("|") }
}

fn result<T: std::fmt::Display>(result: Result<T, Errno>) -> String {
    result.map_or_else(|errno| errno.name().to_owned(), |value| value.to_string())
}

fn call(place: Place, name: &str) -> Option<Row> {
    let mut bench = place.reach();
    let fd = bench.fd?;
    let numbers = Numbers::of(place, &bench);
    bench.lab.nonblock(bench.app, fd);
    let done = |result: Result<(), Errno>| result.map_or_else(|errno| errno.name().to_owned(), |()| "0".to_owned());
    let user = match name {
        "OPEN" => done(bench.lab.connect(bench.app, fd, peer(90))),
        "OPEN passive" => done(bench.lab.call(bench.app, Call::Listen { fd, backlog: 8 }).map(drop)),
        "SEND" => result(bench.write(10)),
        "RECEIVE" => result(bench.read()),
        "CLOSE" => {
            bench.close();
            "0".to_owned()
        }
        "ABORT" => {
            bench.abort();
            "0".to_owned()
        }
        "STATUS" => {
            let error = bench.error().map_or("0", Errno::name);
            let peer = match bench.lab.call(bench.app, Call::GetPeerName { fd }) {
                Ok(Ret::Name(_)) => "a name",
                Ok(other) => panic!("getpeername() returned {other:?}"),
                Err(errno) => errno.name(),
            };
            format!("SO_ERROR {error}, getpeername {peer}")
        }
        "shutdown(SHUT_RD)" => done(bench.shutdown(ShutdownHow::Read)),
        "shutdown(SHUT_WR)" => done(bench.shutdown(ShutdownHow::Write)),
        other => panic!("{other} is no call"),
    };
    let sent: Vec<String> = bench.sent().iter().map(|segment| numbers.segment(segment)).collect();
    Some(Row { next: place.now(&bench).to_string(), sent: sent.join("; "), user })
}

fn time(place: Place, name: &str) -> Option<Row> {
    let mut bench = place.reach();
    let span = if name == "window closed" { secs(20) } else { secs(86_400) };
    match name {
        "a day of silence" => {}
        "a day of silence, keep-alive" => {
            bench.fd?;
            bench.set(TcpSocketOption::KeepAlive(true));
        }
        "a day of silence, unacknowledged data" | "window closed" => {
            if !matches!(place.state, Established | CloseWait) {
                return None;
            }
            if name == "window closed" {
                let _ = bench.arrive(Segment { window: 0, ..bench.seg(Flags::ACK) });
            }
            assert_eq!(bench.write(10), Ok(10));
        }
        other => panic!("{other} is no time-out"),
    }
    let start = bench.lab.now();
    bench.lab.sleep(span);
    let mut kinds: Vec<(String, u32)> = Vec::new();
    for segment in bench.sent() {
        let data = if segment.payload.is_empty() { "" } else { " with data" };
        let kind = format!("{}{data}", segment.flags);
        match kinds.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let sent: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} times {kind}")).collect();
    let next = place.now(&bench);
    let after = match bench.lab.records().iter().rev().find(|record| is_end(record)) {
        Some(record) if record.at > start && next == Closed => format!(" after {}", rounded(record.at.since(start))),
        Some(_) | None => String::new(),
    };
    Some(Row { next: format!("{next}{after}"), sent: sent.join(", "), user: user(&mut bench) })
}

fn is_end(record: &halfclose::trace::Record) -> bool {
    matches!(record.kind, halfclose::trace::RecordKind::State { to: Closed, .. })
}

fn rounded(span: Duration) -> String {
    let tenths = (span.as_millis() + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

#[test]
fn the_table_of_states_and_inputs() {
    let mut text = String::from("state,input,next,sent,user\n");
    for (place, input, row) in table().values() {
        let quoted = |cell: &str| if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() };
        let cells = [*place, *input, &row.next, &row.sent, &row.user].map(quoted);
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    golden("tests/rfc9293/table.csv", &text);
}

#[test]
fn the_graph_as_dot() {
    golden("tests/rfc9293/graph.dot", &graph::dot(None, Lang::En));
}

#[test]
fn the_pictures_of_the_book() {
    let scenario = preset::find("two-hosts").expect("a preset").scenario();
    let seed = scenario.seed;
    let mut run = Run::new(scenario, seed).expect("presets can be built");
    let mut visits = Visits::default();
    run.run_to_end(&mut visits).expect("no budget is exceeded");
    for host in run.world().hosts() {
        visits.add_sockets(&TcpState::ALL.map(|state| host.count(state)));
    }
    assert_eq!(visits.outside(), [], "not in the table");
    for (lang, ending) in [(Lang::En, "svg"), (Lang::Zh, "zh.svg")] {
        let plain = StateGraph { visits: None, scenario: "", lang };
        golden(&format!("book/src/state-graph.{ending}"), &state_graph(&plain));
        let counted = StateGraph { visits: Some(&visits), scenario: "two-hosts", lang };
        golden(&format!("book/src/state-graph-two-hosts.{ending}"), &state_graph(&counted));
    }
}
