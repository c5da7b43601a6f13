//! ESTABLISHED onwards: the ways to end.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

// ---------------------------------------------------------------- the incident

#[test]
fn recv_q_counts_bytes_and_fin() {
    // facts R1–R6.
    for (sends, fin, expected) in [
        (&[77][..], false, 77),
        (&[77], true, 78),
        (&[27], true, 28),
        (&[77, 54], true, 132),
        (&[78], true, 79),
        (&[], true, 1),
    ] {
        let mut pair = Pair::connected();
        for &len in sends {
            pair.send(1, len);
            pair.run(MS);
        }
        if fin {
            pair.close(1);
            pair.run(Duration::from_millis(60));
        }
        assert_eq!(pair.ends[0].recv_q(), expected, "{sends:?}");
        assert_eq!(pair.ends[0].unread(), sends.iter().sum::<u32>());
        assert_eq!(pair.ends[0].eof(), fin && sends.is_empty());
        if fin {
            assert_eq!(pair.ends[0].state(), TcpState::CloseWait);
            assert!(pair.ends[0].cold.is_none() && pair.ends[0].next_deadline().is_none());
        }
    }
}

#[test]
fn a_leaked_connection_looks_like_the_capture() {
    let mut pair = Pair::connected();
    let from = pair.wire.len();
    pair.send(1, 77);
    pair.run(Duration::from_secs(10));
    let fin_at = pair.now;
    pair.close(1);
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.trace(from), ["1 P. 1 1 77", "0 . 1 78 0", "1 F. 78 1 0", "0 . 1 79 0"]);
    // S1: the ACK of the FIN is 40–48 ms late, the data's is immediate.
    let ack = &pair.wire[from + 3];
    assert!((40_000..=48_100).contains(&ack.at.since(fin_at).as_micros()), "{:?}", ack.at.since(fin_at));
    assert!(pair.wire[from + 1].at.since(pair.wire[from].at) < MS);
    // S3: the server's FIN_WAIT2 is a minisock for 60 s.
    assert_eq!(pair.fates[1].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::FinWait2, MINUTE)));
    pair.run(Duration::from_secs(1_000));
    assert_eq!(pair.ends[0].state(), TcpState::CloseWait, "for ever");
}

#[test]
fn closing_with_unread_data_resets_and_eof_does_not() {
    // S9, S11.
    let mut pair = Pair::connected();
    pair.send(1, 77);
    pair.close(1);
    pair.run(Duration::from_millis(60));
    let from = pair.wire.len();
    pair.close(0);
    assert_eq!(pair.trace(from), ["0 R. 1 79 0"]);
    assert!(pair.counters[0].contains(&Mib::TCPAbortOnClose));
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::Closed));

    let mut pair = Pair::connected();
    pair.send(1, 77);
    pair.run(MS);
    assert_eq!(pair.recv(0, 77), Ok(77));
    pair.close(1);
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.ends[0].recv_q(), 1);
    pair.close(0);
    assert_eq!(pair.ends[0].state(), TcpState::LastAck);
    assert!(pair.wire.last().is_some_and(|sent| sent.segment.flags.fin()));
}

#[test]
fn reading_to_the_end_then_closing_is_polite() {
    // S10.
    let mut pair = Pair::connected();
    pair.send(1, 77);
    pair.call(1, UserCall::Shutdown { read: false, write: true }).expect("it is connected");
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.states(), [TcpState::CloseWait, TcpState::FinWait2]);
    assert_eq!(pair.recv(0, 4), Ok(4));
    assert_eq!(pair.recv(0, 99), Ok(73));
    assert_eq!((pair.recv(0, 99), pair.recv(0, 99)), (Ok(0), Ok(0)));
    assert_eq!(pair.ends[0].recv_q(), 0);
    pair.close(0);
    pair.run(MS);
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::Closed));
    assert_eq!(pair.fates[1].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::TimeWait, MINUTE)));
    // The descriptor is still open: it sees a closed socket.
    assert_eq!(pair.ends[1].state(), TcpState::Closed);
    assert_eq!(pair.recv(1, 9), Ok(0));
    assert_eq!(pair.call(1, UserCall::Send(Payload::opaque(1))), Err(Errno::Pipe));
}

#[test]
fn fin_wait_2_of_an_orphan_is_split_above_a_minute() {
    // S6, S7.
    for (seconds, orphan, rest) in [(10, 0, 10), (65, 5, 5), (90, 30, 30)] {
        let mut pair = Pair::with(TcpConfig { tcp_fin_timeout: Duration::from_secs(seconds), ..config() });
        pair.open(0);
        pair.run(MS);
        pair.close(1);
        pair.run(Duration::from_millis(60));
        let start = pair.now;
        pair.run(MINUTE);
        let (at, fate) = pair.fates[1].expect("it ends as a minisock");
        assert_eq!(fate, Fate::TimeWait(TcpState::FinWait2, Duration::from_secs(rest)));
        let waited = at.since(start).as_millis();
        assert!(waited <= orphan * 1_000 + 1_100 && waited + 60 >= orphan * 1_000, "{seconds}: {waited}");
    }
}

#[test]
fn a_half_closed_socket_with_a_descriptor_waits_for_ever() {
    // X17.
    let mut pair = Pair::with(TcpConfig { tcp_fin_timeout: Duration::from_secs(3), ..config() });
    pair.open(0);
    pair.run(MS);
    pair.call(1, UserCall::Shutdown { read: false, write: true }).expect("it is connected");
    pair.run(MINUTE);
    assert_eq!(pair.states(), [TcpState::CloseWait, TcpState::FinWait2]);
    pair.send(0, 10);
    pair.run(MS);
    assert_eq!(pair.recv(1, 99), Ok(10));
}

// ---------------------------------------------------------------- simultaneous close

#[test]
fn simultaneous_close_looks_like_the_capture() {
    let mut pair = Pair::connected();
    let from = pair.wire.len();
    pair.close(0);
    pair.close(1);
    pair.run(MS);
    let mut trace = pair.trace(from);
    trace.sort();
    // KERNEL-NOTES 6: the crossing FIN is answered by a pure ACK past our own.
    assert_eq!(trace, ["0 . 2 2 0", "0 F. 1 1 0", "1 . 2 2 0", "1 F. 1 1 0"]);
    for side in 0..2 {
        assert!(pair.transitions[side].contains(&(TcpState::FinWait1, TcpState::Closing)));
        assert_eq!(pair.fates[side].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::TimeWait, MINUTE)));
    }
}

#[test]
fn fin_with_the_ack_of_ours_passes_fin_wait_2() {
    let mut pair = Pair::connected();
    pair.close(0);
    pair.mute = [true; 2];
    let fin_ack = pair.segment(0, Flags::FIN.with(Flags::ACK));
    let answer = pair.inject(0, &fin_ack);
    assert_eq!(answer.len(), 1);
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::TimeWait, MINUTE)));
}

// ---------------------------------------------------------------- resets

#[test]
fn a_reset_leaves_what_was_received_readable() {
    // S13, and KERNEL-NOTES 3.
    let mut pair = Pair::connected();
    pair.send(1, 77);
    pair.run(MS);
    pair.set(1, TcpSocketOption::Linger(Some(Duration::ZERO)));
    pair.close(1);
    pair.run(MS);
    assert_eq!(pair.recv(0, 99), Ok(77));
    assert_eq!(pair.recv(0, 99), Err(Errno::ConnReset));
    assert_eq!(pair.recv(0, 99), Ok(0));
    assert_eq!(pair.call(0, UserCall::Send(Payload::opaque(1))), Err(Errno::Pipe));
    assert!(pair.counters[0].contains(&Mib::EstabResets));

    let mut pair = Pair::connected();
    pair.close(1);
    pair.run(Duration::from_millis(60));
    let reset = pair.segment(0, Flags::RST);
    pair.inject(0, &reset);
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::Pipe))));
}

#[test]
fn data_after_close_draws_a_reset() {
    // S12 with the FIN not yet acknowledged, RFC 1122 §4.2.2.13.
    let mut pair = Pair::connected();
    pair.mute = [true; 2];
    pair.close(1);
    let data = Segment { payload: Payload::opaque(9), ..pair.segment(1, Flags::ACK.with(Flags::PSH)) };
    let answer = pair.inject(1, &data);
    assert_eq!(answer.last().map(|seg| seg.flags), Some(Flags::RST));
    assert_eq!(pair.ends[1].state(), TcpState::Closed);
}

#[test]
fn shutdown_read_gives_eof_only_while_nothing_is_there() {
    // KERNEL-NOTES 20.
    let mut pair = Pair::connected();
    pair.call(0, UserCall::Shutdown { read: true, write: false }).expect("it is connected");
    assert_eq!(pair.recv(0, 9), Ok(0));
    pair.send(1, 5);
    pair.run(MS);
    assert_eq!((pair.recv(0, 9), pair.recv(0, 9)), (Ok(5), Ok(0)));
    assert_eq!(pair.ends[1].send_q(), 0, "it is acknowledged all the same");
}

#[test]
fn linger2_below_zero_resets_in_fin_wait_2() {
    let mut pair = Pair::connected();
    pair.set(1, TcpSocketOption::Linger2(None));
    pair.call(1, UserCall::Shutdown { read: false, write: true }).expect("it is connected");
    pair.run(Duration::from_millis(60));
    pair.close(1);
    assert!(pair.wire.last().is_some_and(|sent| sent.segment.flags.rst()));
    assert!(pair.counters[1].contains(&Mib::TCPAbortOnLinger));
}

/// `tcp_close` looks for data in the queue, not at numbers: a FIN beyond the
/// peer's first moves RCV.NXT (`tcp_data_queue`) and is nothing unread.
#[test]
fn a_second_fin_is_no_unread_data() {
    let mut pair = Pair::connected();
    pair.close(0);
    pair.run(Duration::from_millis(50));
    assert_eq!(pair.recv(1, 9), Ok(0));
    let mut again = pair.segment(1, Flags::FIN.with(Flags::ACK));
    again.seq = again.seq.sub(9);
    again.payload = Payload::opaque(9);
    pair.inject(1, &again);
    assert_eq!((pair.states()[1], pair.ends[1].recv_q()), (TcpState::CloseWait, 1));
    pair.close(1);
    assert_eq!(pair.states()[1], TcpState::LastAck);
}
