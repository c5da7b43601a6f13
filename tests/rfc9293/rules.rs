//! What RFC 9293 says for each state and input (`rules.csv`, in our words),
//! held against the table of what the model does. A rule either holds, or says
//! what Linux does instead; a deviation that is none any more fails as well.

use std::collections::BTreeMap;

use halfclose::app::ShutdownHow;
use halfclose::tcp::graph::WAITS;
use halfclose::tcp::{
    TcpSocketOption,
    TcpState::{self, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck},
};
use halfclose::wire::{Flags, Segment};
use halfclose_tests::lab::ms;
use halfclose_tests::peer::Bench;
use halfclose_tests::tree::read;

use crate::support::FIN_ACK;
use crate::table::{PLACES, table};

/// What a row of the table sends, in the words of the rules: the first segment decides.
fn sends(sent: &str) -> &'static str {
    let first = sent.split(';').next().unwrap_or(sent).trim().trim_start_matches("later ");
    let word = match first.split_once(" times ") {
        Some((_, kind)) => kind,
        None => first,
    };
    match word.split([' ', ',']).next() {
        None | Some("") => "nothing",
        Some("S") => "SYN",
        Some("S.") => "SYN,ACK",
        Some("R" | "R.") => "RST",
        Some("F.") => "FIN",
        Some("P.") => "data",
        Some(".") => "ACK",
        Some(other) => panic!("`{other}` of `{sent}` has no word"),
    }
}

#[test]
fn each_rule_holds_or_says_what_linux_does() {
    let rows: BTreeMap<(&str, &str), _> =
        table().into_values().map(|(place, input, row)| ((place, input), row)).collect();
    let text = read("tests/rfc9293/rules.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let (mut problems, mut holds, mut deviations) = (Vec::new(), 0, 0);
    for record in reader.records() {
        let record = record.expect("well-formed CSV");
        let [section, place, input, next, wanted, linux] = [0, 1, 2, 3, 4, 5].map(|at| &record[at]);
        let Some(row) = rows.get(&(place, input)) else {
            problems.push(format!("{section}: the table has no {place}, {input}"));
            continue;
        };
        let state = row.next.split(" after ").next().unwrap_or(&row.next);
        let did = sends(&row.sent);
        match (state == next && did == wanted, linux.is_empty()) {
            (true, true) => holds += 1,
            (false, false) => deviations += 1,
            (false, true) => {
                problems.push(format!("{section}: {place}, {input}: {next} and {wanted}, but {state} and {did}"));
            }
            (true, false) => problems.push(format!("{section}: {place}, {input} is no deviation: {linux}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(holds > 200 && deviations > 20, "{holds} rules hold, {deviations} deviations");
}

/// What the graph says can last for ever does, and every timer it names ends
/// what it is said to end.
#[test]
fn what_lasts_for_ever_was_waited_for() {
    let rows: BTreeMap<(&str, &str), _> =
        table().into_values().map(|(place, input, row)| ((place, input), row)).collect();
    let mut seen = 0;
    for wait in WAITS {
        let orphan = wait.when.en.contains("orphan");
        let keepalive = wait.when.en.contains("SO_KEEPALIVE") && !wait.when.en.contains("no SO_KEEPALIVE");
        let input = match (keepalive, wait.when.en.contains("unacknowledged")) {
            (true, _) => "a day of silence, keep-alive",
            (false, true) => "a day of silence, unacknowledged data",
            (false, false) => "a day of silence",
        };
        let crossed = wait.when.en.contains("crossed");
        let suffix = if orphan {
            " orphan"
        } else if crossed {
            " crossed"
        } else {
            ""
        };
        if wait.when.en.contains("window") {
            // must_37: a window closed for hours by a peer that answers.
            assert_eq!(wait.timer, None);
            continue;
        }
        let place = format!("{}{suffix}", wait.state);
        let row = rows.get(&(place.as_str(), input)).unwrap_or_else(|| panic!("no row {place}, {input}"));
        assert_eq!(row.next.contains(" after "), wait.timer.is_some(), "{place}, {input}: {}", row.next);
        assert_eq!(row.next == wait.state.rfc_name(), wait.timer.is_none(), "{place}, {input}: {}", row.next);
        seen += 1;
    }
    assert_eq!(seen, WAITS.len() - 1);
}

#[test]
fn every_state_has_rules() {
    let text = read("tests/rfc9293/rules.csv");
    for place in PLACES.iter().filter(|place| !place.name.starts_with("TIME-WAIT ")) {
        assert!(text.contains(&format!(",{},", place.name)), "{}", place.name);
    }
}

/// RCV.WND = 0: no data is acceptable, but ACK and RST are (§3.4, §3.10.7.4 first).
#[test]
fn control_is_acceptable_before_a_closed_window() {
    for state in [Established, FinWait1, FinWait2, CloseWait, Closing, LastAck] {
        for reset in [true, false] {
            let mut bench = full(state);
            let segment = if reset { bench.seg(Flags::RST) } else { bench.seg(Flags::ACK) };
            let _ = bench.arrive(segment);
            let next = match (reset, state) {
                (true, _) | (false, LastAck) => TcpState::Closed,
                (false, FinWait1) => FinWait2,
                (false, Closing) => TcpState::TimeWait,
                (false, other) => other,
            };
            assert_eq!(bench.state(), next, "{state}, reset {reset}");
        }
    }
}

/// A closed window is probed after close() too, while data and FIN wait (§3.8.6.1, §3.10.8).
#[test]
fn a_closed_window_is_probed_while_closing() {
    for state in [FinWait1, Closing, LastAck] {
        let mut bench = Bench::accepted(&[]);
        if state == LastAck {
            bench.lead_to(CloseWait, false);
        }
        let _ = bench.arrive(Segment { window: 0, ..bench.seg(Flags::ACK) });
        assert_eq!(bench.write(10), Ok(10));
        assert_eq!(bench.shutdown(ShutdownHow::Write), Ok(()));
        if state == Closing {
            let _ = bench.arrive(Segment { window: 0, ..bench.seg(FIN_ACK) });
        }
        assert_eq!((bench.state(), bench.wait(ms(1))), (state, vec![]));
        let probes = bench.wait(ms(5_000));
        assert!(probes.len() >= 2 && probes.iter().all(|probe| probe.payload.is_empty()), "{state}: {probes:?}");
        assert_eq!(bench.state(), state);
        // Opened, it lets both go.
        let opened = bench.arrive(bench.seg(Flags::ACK));
        assert!(opened.iter().any(|seg| seg.payload.len() == 10 && seg.flags.fin()), "{state}: {opened:?}");
    }
}

/// A host whose receive buffer is full, in this state.
fn full(state: TcpState) -> Bench {
    let mut bench = Bench::listening(&[]);
    bench.set_listener(TcpSocketOption::RcvBuf(4_096));
    bench.handshake(&Bench::syn());
    let mut window = 500;
    while window > 0 {
        let at_once = bench.arrive(bench.data(window.min(500))).pop();
        window = u32::from(at_once.or_else(|| bench.wait(ms(300)).pop()).expect("data is acknowledged").window);
    }
    if matches!(state, CloseWait | LastAck) {
        let _ = bench.arrive(bench.seg(FIN_ACK));
        let _ = bench.wait(ms(300));
    }
    if !matches!(state, Established | CloseWait) {
        assert_eq!(bench.shutdown(ShutdownHow::Write), Ok(()));
        let _ = bench.sent();
    }
    if state == FinWait2 {
        let _ = bench.arrive(bench.seg(Flags::ACK));
    }
    if state == Closing {
        let _ = bench.arrive(Segment { ack: bench.host_nxt.sub(1), ..bench.seg(FIN_ACK) });
    }
    let _ = bench.sent();
    assert_eq!(bench.state(), state);
    bench
}
