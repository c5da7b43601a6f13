//! Model checking: two ends made of the real machine, and everything that can
//! happen between them within a budget.
//!
//! The counts of `counts.csv` are golden: another behaviour gives other counts.
//! Where the change is meant, the failure's message is the new row.
#![expect(clippy::print_stdout, reason = "the counts are a result in themselves")]

mod figure5;
mod pair;

use std::collections::BTreeSet;
use std::sync::Arc;

use halfclose::tcp::{TcpConfig, TcpState, graph};
use halfclose::time::Duration;
use halfclose::wire::SeqNum;
use stateright::{Checker, Model};

use crate::figure5::Figure5;
use crate::pair::{Budget, Pair, Seen, config};
use halfclose_tests::end::Call;

const ALL: &[Call] = &[Call::Shutdown, Call::Close, Call::Abort];
/// Numbers that wrap with the first byte of the one end and the SYN of the other.
const WRAPPING: [SeqNum; 2] = [SeqNum(u32::MAX - 1), SeqNum(u32::MAX)];
const GOLDEN: &str = include_str!("counts.csv");
const PAGE: &str = include_str!("../../book/src/model-checking.md");

/// A client and a listener, every call at any moment, order kept.
fn pair(losses: u8, copies: u8, timers: u8, sends: [u8; 2]) -> Pair {
    Pair {
        config: config(),
        passive: true,
        open: false,
        reorder: false,
        budget: Budget { losses, copies, timers, sends },
        calls: ALL,
        iss: WRAPPING,
        without_reset: false,
        seen: Arc::default(),
    }
}

/// Explores all of `model`: unique states, states generated, depth, pairs of
/// states, edges of the graph taken, pairs at rest.
fn counts(model: Pair) -> ([usize; 6], Arc<Seen>) {
    let seen = Arc::clone(&model.seen);
    let checker = model.checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    let len = [
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        seen.pairs.lock().expect("not poisoned").len(),
        seen.edges.lock().expect("not poisoned").len(),
        seen.rests.lock().expect("not poisoned").len(),
    ];
    (len, seen)
}

/// Explores a model and holds its counts against the golden row.
fn explore(name: &str, model: Pair) -> Arc<Seen> {
    let (counts, seen) = counts(model);
    let row = counts.iter().fold(name.to_owned(), |row, count| format!("{row},{count}"));
    println!("{row}");
    assert!(GOLDEN.lines().any(|line| line == row), "counts.csv has another row for this model: {row}");
    seen
}

#[test]
fn a_client_and_a_listener_with_loss_duplicates_and_timeouts() {
    explore("client and listener", pair(1, 1, 2, [0, 0]));
}

#[test]
fn a_client_and_a_listener_with_reordering() {
    explore("client and listener; reordering", Pair { reorder: true, ..pair(0, 1, 1, [0, 0]) });
}

#[test]
fn a_simultaneous_open_with_loss_and_timeouts() {
    explore("simultaneous open", Pair { passive: false, ..pair(1, 0, 2, [0, 0]) });
}

#[test]
fn a_simultaneous_open_with_duplicates() {
    explore("simultaneous open; duplicates", Pair { passive: false, ..pair(0, 1, 1, [0, 0]) });
}

#[test]
fn data_both_ways_with_loss_and_timeouts() {
    explore("data both ways", Pair { open: true, ..pair(1, 0, 1, [1, 1]) });
}

#[test]
fn data_one_way_with_loss() {
    explore("two bytes; loss", Pair { open: true, ..pair(1, 0, 1, [2, 0]) });
}

#[test]
fn data_one_way_with_loss_and_reordering() {
    explore("one byte; loss and reordering", Pair { open: true, reorder: true, ..pair(1, 0, 0, [1, 0]) });
}

#[test]
fn retries_are_used_up() {
    let seen = explore("retries", Pair { open: true, calls: &[Call::Close], ..pair(1, 0, 4, [1, 0]) });
    let gave_up = |row: &usize| graph::TRANSITIONS[*row].event.en.contains("time-out");
    assert!(seen.edges.lock().expect("not poisoned").iter().any(gave_up));
}

#[test]
fn orphans_wait_longer_than_a_minute() {
    let long = TcpConfig { tcp_fin_timeout: Duration::from_secs(90), ..config() };
    explore("tcp_fin_timeout of 90 s", Pair { open: true, config: long, ..pair(1, 0, 3, [0, 0]) });
}

/// The circle has no smallest number: where it is entered changes nothing.
#[test]
fn sequence_numbers_may_wrap_anywhere() {
    let model = |a, b| Pair { open: true, iss: [SeqNum(a), SeqNum(b)], ..pair(1, 0, 0, [1, 1]) };
    let (wrapping, _) = counts(model(WRAPPING[0].0, WRAPPING[1].0));
    for (a, b) in [(1_000, 70_000), (0x7fff_fffe, 0x7fff_ffff), (u32::MAX, 0x8000_0000), (u32::MAX - 3, 5)] {
        let (here, _) = counts(model(a, b));
        assert_eq!(here, wrapping, "{a} and {b}");
    }
}

/// Why a pair of ours is not reachable in Figure 5.
const EXCEPTIONS: &[([TcpState; 2], &str)] = &[(
    [TcpState::Established, TcpState::Closed],
    "a half-open request is no socket of its own: close() of the listener lets it vanish, where Figure 5 sends a FIN \
     (Linux inet_csk_listen_stop); the client learns of it by the reset of what it sends next",
)];

/// Every pair of states that two ends reach without loss and resets is one
/// that RFC 9293 Figure 5 reaches.
#[test]
fn pairs_are_those_of_figure_5() {
    let reached = |passive| {
        let calls = &[Call::Shutdown, Call::Close];
        let model = Pair { passive, calls, without_reset: true, ..pair(0, 0, 0, [1, 1]) };
        let seen = Arc::clone(&model.seen);
        drop(model.checker().threads(1).spawn_bfs().join());
        Arc::into_inner(seen).expect("the checker is gone").pairs.into_inner().expect("not poisoned")
    };
    let ours: BTreeSet<_> = reached(true).union(&reached(false)).copied().collect();
    let spec = Figure5::default().checker().threads(1).spawn_bfs().join();
    let theirs = spec.model().pairs.lock().expect("not poisoned").clone();
    let said = format!("Figure 5 reaches {} pairs, ours {}, ", theirs.len(), ours.len());
    println!("{said}{} states of the figure", spec.unique_state_count());
    assert!(PAGE.replace('\n', " ").contains(&said), "the page does not say: {said}");
    let beyond: Vec<_> = ours.difference(&theirs).copied().collect();
    let excepted: Vec<_> = EXCEPTIONS.iter().map(|(pair, _)| *pair).collect();
    assert_eq!(beyond, excepted);
}

#[test]
fn the_book_shows_these_counts() {
    for line in GOLDEN.lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let row = format!("| {} |", cells.join(" | "));
        assert!(PAGE.contains(&row), "the page lacks: {row}");
    }
}
