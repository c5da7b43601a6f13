//! One step this side of a boundary and one beyond it.

use super::*;
use crate::wire::{SackBlock, TcpOptions};

/// Without window scaling and timestamps: windows and segments are as long as they say.
fn plain() -> TcpConfig {
    TcpConfig { tcp_window_scaling: false, tcp_timestamps: false, ..config() }
}

/// Connected with segments of 1,000 bytes; nobody hears side 0 any more.
fn talking_to_nobody(config: TcpConfig) -> Pair {
    let mut pair = Pair::with(config);
    pair.mss = 1_000;
    pair.open(0);
    pair.run(MS);
    assert_eq!(pair.states(), [TcpState::Established; 2]);
    pair.mute = [true; 2];
    pair
}

/// An acknowledgment of nothing new, with this window.
fn ack_with(pair: &Pair, window: u16) -> Segment {
    Segment { ack: pair.ends[0].snd_una(), window, options: TcpOptions::default(), ..pair.segment(0, Flags::ACK) }
}

fn count(pair: &Pair, mib: Mib) -> usize {
    pair.counters[0].iter().filter(|&&counted| counted == mib).count()
}

// ---------------------------------------------------------------- acknowledgments

/// RFC 5961 §5.2, and no further back than what was acknowledged (Linux 6.7, `tcp_ack`).
#[test]
fn an_old_ack_reaches_back_as_far_as_was_acknowledged() {
    let mut pair = Pair::connected();
    pair.send(0, 100);
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.ends[0].send_q(), 0);
    let mut answers = |back: u32| {
        let ack = pair.segment(0, Flags::ACK);
        let answers = pair.inject(0, &Segment { ack: ack.ack.sub(back), ..ack }).len();
        pair.run(Duration::from_secs(1));
        answers
    };
    // The SYN and 100 bytes.
    assert_eq!([answers(101), answers(102)], [0, 1]);
}

/// `__tcp_oow_rate_limited`: `tcp_invalid_ratelimit` to the millisecond.
#[test]
fn after_half_a_second_a_challenge_is_due_again() {
    let mut pair = Pair::connected();
    let syn = pair.segment(0, Flags::SYN);
    assert_eq!(pair.inject(0, &syn).len(), 1);
    pair.run(Duration::from_millis(499));
    assert_eq!(pair.inject(0, &syn).len(), 0);
    pair.run(MS);
    assert_eq!(pair.inject(0, &syn).len(), 1);
}

/// Whether SRTT moves by an acknowledgment, 300 ms after 500 bytes were sent and after they were repeated, that
/// echoes a time so many milliseconds ago (0: none); and whether the process is told it may write.
fn sampled(config: TcpConfig, acked: u32, echo_age: u32) -> (bool, bool) {
    let mut pair = talking_to_nobody(config);
    pair.send(0, 500);
    pair.run(Duration::from_millis(300));
    assert!(pair.repeated[0] > 0);
    let before = pair.ends[0].srtt();
    let told = pair.told[0].len();
    let mut ack = pair.segment(0, Flags::ACK);
    ack.ack = pair.ends[0].snd_una().add(acked);
    let echo = if echo_age == 0 { 0 } else { super::super::ms32(pair.now).wrapping_sub(echo_age) };
    ack.options.timestamp = Some((super::super::ms32(pair.now), echo));
    pair.inject(0, &ack);
    assert_eq!(pair.ends[0].send_q(), 500 - acked);
    let writable = pair.told[0][told..].iter().any(|events| events.any(SocketEvents::WRITABLE));
    (pair.ends[0].srtt() != before, writable)
}

/// RFC 6298 §3 (Karn) and RFC 7323 §4: of what was sent twice only an echo tells the time, and only
/// where timestamps were agreed, one is there, and a whole segment is acknowledged.
#[test]
fn a_repeated_segment_is_timed_by_an_echo_alone() {
    assert_eq!(sampled(config(), 500, 50), (true, true));
    assert_eq!(sampled(config(), 500, 0), (false, true), "nothing is echoed");
    assert_eq!(sampled(plain(), 500, 50), (false, true), "timestamps were not agreed");
    // Part of a segment frees nothing: there is nothing to time and no more room to write.
    assert_eq!(sampled(config(), 200, 50), (false, false));
}

/// `tcp_rtt_tsopt_us`: an echo is believed up to INT_MAX microseconds.
#[test]
fn an_echo_is_believed_for_35_minutes() {
    const MOST_MS: u32 = 2_147_483;
    assert!(sampled(config(), 500, MOST_MS - 1).0);
    assert!(!sampled(config(), 500, MOST_MS).0);
}

// ---------------------------------------------------------------- closed windows

/// `tcp_ack_probe`: the back-off of probes is over when the next segment fits, its FIN with it.
#[test]
fn probing_ends_when_the_next_segment_fits() {
    // Bytes queued; whether a FIN is; the window that opens; whether that ends it.
    let cases: [(&[u32], bool, u16, bool); 5] = [
        (&[500], true, 500, false),
        (&[500], true, 501, true),
        (&[500], false, 500, true),
        (&[1_000, 500], true, 999, false),
        (&[1_000, 500], true, 1_000, true),
    ];
    for (queued, fin, window, ends) in cases {
        let mut pair = talking_to_nobody(plain());
        let closed = ack_with(&pair, 0);
        pair.inject(0, &closed);
        for &len in queued {
            pair.send(0, len);
        }
        if fin {
            pair.close(0);
        }
        pair.run(Duration::from_millis(700));
        assert_eq!(pair.ends[0].backoff(), 2, "two probes");
        let open = ack_with(&pair, window);
        let sent = pair.inject(0, &open);
        assert_eq!(
            (sent.len(), pair.ends[0].backoff()),
            if ends { (1, 0) } else { (0, 2) },
            "{queued:?} {fin} {window}"
        );
        // TCP_USER_TIMEOUT counts from the first probe in vain (icsk_probes_tstamp).
        let since = pair.ends[0].cold.as_ref().and_then(|cold| cold.probes_tstamp);
        assert_eq!(since.is_none(), ends, "{queued:?} {fin} {window}");
    }
}

/// `icsk_backoff` doubles the time between probes alone: what is sent at last is repeated after one RTO.
#[test]
fn what_ends_probing_has_a_timer_of_its_own() {
    let mut pair = talking_to_nobody(plain());
    let closed = ack_with(&pair, 0);
    pair.inject(0, &closed);
    pair.send(0, 1_500);
    pair.run(Duration::from_millis(700));
    assert_eq!(pair.ends[0].backoff(), 2);
    let (open, from, start) = (ack_with(&pair, 1_000), pair.wire.len(), pair.now);
    pair.inject(0, &open);
    pair.run(Duration::from_millis(800));
    assert_eq!(pair.trace(from), ["0 . 1 1 1000"; 3]);
    assert_times(&pair.times_ms(0, from, start), &[0, 206, 414], 35);
}

/// `tcp_check_probe_timer`: more to send does not put a probe off.
#[test]
fn a_probe_is_not_put_off_by_writing() {
    let mut pair = talking_to_nobody(plain());
    let closed = ack_with(&pair, 0);
    pair.inject(0, &closed);
    let (start, from) = (pair.now, pair.wire.len());
    pair.send(0, 10);
    for _ in 0..3 {
        pair.run(Duration::from_millis(60));
        pair.send(0, 10);
    }
    pair.run(Duration::from_millis(60));
    assert_times(&pair.times_ms(0, from, start), &[204], 35);
}

/// `tcp_acceptable_seq`: beyond a shrunken window by less than its unit, 128 bytes, our own number stands.
#[test]
fn an_acknowledgment_stays_within_a_unit_of_the_window() {
    for (sent, number) in [(1_151, 1_151), (1_152, 1_024)] {
        let mut pair = Pair::connected();
        pair.mute = [true; 2];
        assert_eq!(pair.ends[0].wscale().1, 7);
        pair.send(0, sent);
        let una = pair.ends[0].snd_una();
        let shrinks = Segment { ack: una, window: 8, payload: Payload::opaque(5), ..pair.segment(0, Flags::ACK) };
        let answer = pair.inject(0, &shrinks);
        assert_eq!(answer[0].seq, una.add(number), "{sent}");
    }
}

/// RFC 2018, `tcp_packets_in_flight`: what was reported received has left the network.
#[test]
fn what_was_reported_makes_room_for_as_much() {
    let mut pair = talking_to_nobody(plain());
    let (una, from) = (pair.ends[0].snd_una(), pair.wire.len());
    for _ in 0..20 {
        pair.send(0, 1_000);
    }
    assert_eq!(pair.wire.len() - from, 10, "the first congestion window");
    let report = SackBlock { left: una.add(5_000), right: una.add(8_000) };
    let mut ack = ack_with(&pair, 65_535);
    ack.options.sack = Some(report);
    assert_eq!(pair.inject(0, &ack).len(), 3);
}

/// `tcp_collapse_retrans`: of segments sent again as one, PSH of any is PSH of all.
#[test]
fn joined_segments_push_if_one_of_them_did() {
    let mut pair = talking_to_nobody(TcpConfig { tcp_sack: false, ..plain() });
    let from = pair.wire.len();
    pair.send(0, 1_500);
    let part = Segment { ack: pair.ends[0].snd_una().add(600), ..ack_with(&pair, 65_535) };
    pair.inject(0, &part);
    pair.run(Duration::from_millis(250));
    assert_eq!(pair.trace(from), ["0 . 1 1 1000", "0 P. 1001 1 500", "0 P. 601 1 900"]);
}

/// `tcp_packets_in_flight`: a FIN taken for lost makes room as lost data does.
#[test]
fn a_lost_fin_is_not_in_flight() {
    let mut pair = talking_to_nobody(TcpConfig { tcp_sack: false, ..plain() });
    let from = pair.wire.len();
    pair.send(0, 2_000);
    pair.close(0);
    pair.run(Duration::from_millis(250));
    assert_eq!(pair.trace(from), ["0 . 1 1 1000", "0 P. 1001 1 1000", "0 F. 2001 1 0", "0 . 1 1 1000"]);
    // Slow start: two may go, and both do.
    let part = Segment { ack: pair.ends[0].snd_una().add(1_000), ..ack_with(&pair, 65_535) };
    let sent: Vec<Flags> = pair.inject(0, &part).iter().map(|seg| seg.flags).collect();
    assert_eq!(sent, [Flags::ACK.with(Flags::PSH), Flags::ACK.with(Flags::FIN)]);
}

// ---------------------------------------------------------------- order

/// `tcp_data_queue_ofo`: of a segment that overlaps what waits, the rest is kept.
#[test]
fn overlapping_segments_wait_in_part() {
    // Where the second one lies; how much can be read when the gap, 0 to 10, is filled.
    for (at, len, readable) in [(15, 10, 25), (12, 5, 20), (10, 10, 20), (10, 15, 25), (5, 30, 35)] {
        let mut pair = Pair::connected();
        let start = pair.segment(0, Flags::ACK);
        for (offset, len) in [(10, 10), (at, len), (0, 10)] {
            let part = Segment { seq: start.seq.add(offset), payload: Payload::opaque(len), ..start.clone() };
            pair.inject(0, &part);
        }
        assert_eq!(pair.ends[0].recv_q(), readable, "{at} {len}");
    }
}

/// `tcp_sequence` since Linux 6.17: a segment may overhang the window only if nothing waits to be read.
#[test]
fn only_an_empty_queue_takes_what_overhangs_the_window() {
    for (unread, taken) in [(0, true), (1, false)] {
        let mut pair = Pair::connected();
        if unread > 0 {
            let byte = Segment { payload: Payload::opaque(unread), ..pair.segment(0, Flags::ACK) };
            pair.inject(0, &byte);
        }
        let long = pair.ends[0].rcv_wnd() + 1;
        let seg = Segment { payload: Payload::opaque(long), ..pair.segment(0, Flags::ACK) };
        pair.inject(0, &seg);
        assert_eq!(pair.ends[0].recv_q(), if taken { long } else { unread });
    }
}

/// `tcp_disordered_ack`: a duplicate that fails PAWS is no attack if its clock is at most an RTO of 1,200 Hz behind.
#[test]
fn an_overtaken_acknowledgment_is_harmless_for_one_rto() {
    let answers = |seq_back: u32, ack_back: u32, behind: u32| {
        let mut pair = Pair::connected();
        pair.run(Duration::from_secs(2));
        let ack = pair.segment(0, Flags::ACK);
        pair.inject(0, &ack);
        let mut old = Segment { seq: ack.seq.sub(seq_back), ack: ack.ack.sub(ack_back), ..ack };
        old.options.timestamp = old.options.timestamp.map(|(tsval, ecr)| (tsval - behind, ecr));
        let sent = pair.inject(0, &old).len();
        assert_eq!(count(&pair, Mib::PAWSEstab), sent);
        sent
    };
    // RTO 200 ms and the rest of a jiffy: 204.
    let replay = 204 * 1_200 / 1_000;
    assert_eq!([answers(0, 0, replay), answers(0, 0, replay + 1), answers(0, 1, replay)], [0, 1, 1]);
    assert_eq!(answers(1, 0, replay), 0, "below RCV.NXT it is dropped in silence");
}

/// `tcp_rcv_established` counts a SYN as an error, `tcp_rcv_state_process` does not.
#[test]
fn a_syn_is_an_error_of_an_established_connection() {
    for (fin, errors) in [(false, 1), (true, 0)] {
        let mut pair = Pair::connected();
        if fin {
            pair.close(1);
            pair.run(Duration::from_millis(60));
            assert_eq!(pair.ends[0].state(), TcpState::CloseWait);
        }
        let syn = pair.segment(0, Flags::SYN);
        pair.inject(0, &syn);
        assert_eq!((count(&pair, Mib::TCPSYNChallenge), count(&pair, Mib::InErrs)), (1, errors));
    }
}

/// The SYN-ACK that answers a crossing SYN goes from where our SYN went: no `OutSegs` (`__tcp_transmit_skb`).
#[test]
fn the_answer_to_a_crossing_syn_is_a_repetition() {
    let mut pair = Pair::new();
    pair.mute = [true; 2];
    pair.open(0);
    assert_eq!(pair.repeated[0], 0);
    let syn = Segment { seq: SeqNum(70_000), flags: Flags::SYN, window: 9_000, ..Segment::default() };
    assert_eq!(pair.inject(0, &syn)[0].flags, Flags::SYN.with(Flags::ACK));
    assert_eq!(pair.repeated[0], 1);
}

// ---------------------------------------------------------------- calls

/// A read of nothing acknowledges nothing (`sock_read_iter`), though more than a full segment waits for it.
#[test]
fn a_read_of_nothing_sends_nothing() {
    let mut pair = Pair::connected();
    pair.set(0, TcpSocketOption::QuickAck(false));
    let data = Segment { payload: Payload::opaque(10), ..pair.segment(0, Flags::ACK) };
    assert_eq!(pair.inject(0, &data).len(), 0, "the acknowledgment waits");
    pair.ends[0].rcv_mss = 5;
    let from = pair.wire.len();
    assert_eq!((pair.recv(0, 0), pair.wire.len() - from), (Ok(0), 0));
    assert_eq!((pair.recv(0, 1), pair.wire.len() - from), (Ok(1), 1));
}

/// `tcp_connect_init`: what became of the attempt before is forgotten.
#[test]
fn a_new_attempt_forgets_the_error_of_the_last() {
    let mut pair = Pair::new();
    pair.mute = [true, false];
    pair.open(0);
    assert_eq!(pair.call(0, UserCall::Shutdown { read: false, write: true }), Ok(Reply::Done));
    assert_eq!(pair.ends[0].state(), TcpState::Closed);
    pair.mute = [false; 2];
    pair.open(0);
    pair.run(MS);
    assert_eq!(pair.ends[0].state(), TcpState::Established);
    pair.send(0, 3);
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(None)));
}

// ---------------------------------------------------------------- timers

/// `tcp_fin_time`: an orphan waits three and a half RTO in FIN-WAIT-2 if that is longer.
#[test]
fn fin_wait_2_lasts_three_and_a_half_rto() {
    let waited = |timeout_ms| {
        let mut pair = Pair::with(TcpConfig { tcp_fin_timeout: Duration::from_millis(timeout_ms), ..config() });
        pair.open(0);
        pair.run(MS);
        pair.close(0);
        pair.run(Duration::from_millis(60));
        let Some((_, Fate::TimeWait(TcpState::FinWait2, wait))) = pair.fates[0] else { panic!("no minisock") };
        (wait, pair.ends[0].rto(&config()))
    };
    assert_eq!(waited(1_000).0, Duration::from_secs(1));
    let (wait, rto) = waited(100);
    let rto = CLOCK.quantized(rto);
    assert!(rto > Duration::from_millis(200));
    assert_eq!(wait.as_micros(), rto.as_micros() * 4 - rto.as_micros() / 2);
}

/// Milliseconds after which an orphan gives up, whose peer is silent and perhaps unreachable.
fn orphan_lasts(config: TcpConfig, unreachable: bool) -> u64 {
    let mut pair = Pair::with(config);
    pair.open(0);
    pair.run(MS);
    pair.mute = [true; 2];
    let start = pair.now;
    pair.close(0);
    if unreachable {
        let seq = pair.ends[0].snd_una();
        pair.input(0, TcpInput::IcmpError { errno: Errno::HostUnreach, seq, hard: false });
    }
    pair.run(Duration::from_secs(200));
    pair.fates[0].expect("it gave up").0.since(start).as_millis()
}

/// `tcp_orphan_retries`: while the RTO is below its maximum a peer counts as alive, and an ICMP error as passing; at the
/// maximum nothing is tried any more, unless the host says how often, and not even then if an ICMP error came.
#[test]
fn an_orphan_gives_up_when_the_rto_is_at_its_maximum() {
    let config = |retries, rto_max| TcpConfig {
        tcp_orphan_retries: retries,
        tcp_rto_max: Duration::from_millis(rto_max),
        ..config()
    };
    // 200 ms times 2⁴ - 1: three retries.
    assert!((6_500..=6_900).contains(&orphan_lasts(config(3, 120_000), true)));
    assert!((6_500..=6_900).contains(&orphan_lasts(config(3, 120_000), false)));
    // At 200, 400 and 800 ms the RTO doubles; then it is a second, and that is the end.
    assert!((2_400..=2_800).contains(&orphan_lasts(config(0, 1_000), false)));
    // Nine retries take 204 ms times 7 and seven seconds.
    assert!((8_000..=9_700).contains(&orphan_lasts(config(9, 1_000), false)));
    assert!((2_400..=2_800).contains(&orphan_lasts(config(9, 1_000), true)));
}

/// `tcp_keepalive_timer`: a connection with something to send is alive without it.
#[test]
fn keepalive_keeps_still_while_something_is_on_its_way() {
    for closed in [false, true] {
        let mut pair = talking_to_nobody(plain());
        pair.set(0, TcpSocketOption::KeepIdle(Duration::from_secs(3)));
        pair.set(0, TcpSocketOption::KeepAlive(true));
        pair.run(Duration::from_millis(2_900));
        if closed {
            let closed = ack_with(&pair, 0);
            pair.inject(0, &closed);
        }
        pair.send(0, 100);
        pair.run(Duration::from_secs(8));
        assert_eq!(count(&pair, Mib::TCPKeepAlive), 0, "{closed}");
        assert!(count(&pair, if closed { Mib::TCPWinProbe } else { Mib::TCPTimeouts }) >= 4);
    }
}
