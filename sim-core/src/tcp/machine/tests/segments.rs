//! RFC 5961, PAWS, order of arrival; and every state against every flag.

use super::*;

// ---------------------------------------------------------------- RST

#[test]
fn resets_are_exact_or_challenged() {
    // KERNEL-NOTES 1: the right edge itself is challenged, beyond it silence.
    let wnd = Pair::connected().ends[0].rcv_wnd();
    for (offset, closed, answers) in
        [(0, true, 0), (1, false, 1), (wnd, false, 1), (wnd + 1, false, 0), (u32::MAX, false, 0)]
    {
        let mut pair = Pair::connected();
        let mut reset = pair.segment(0, Flags::RST);
        reset.seq = reset.seq.add(offset);
        let sent = pair.inject(0, &reset);
        assert_eq!(sent.len(), answers, "offset {offset}");
        assert_eq!(pair.ends[0].state() == TcpState::Closed, closed, "offset {offset}");
    }
}

#[test]
fn a_reset_one_below_counts_after_a_fin() {
    // KERNEL-NOTES 2.
    let mut pair = Pair::connected();
    pair.close(1);
    pair.run(Duration::from_millis(60));
    let mut reset = pair.segment(0, Flags::RST);
    reset.seq = reset.seq.sub(1);
    pair.inject(0, &reset);
    assert_eq!(pair.ends[0].state(), TcpState::Closed);
}

// ---------------------------------------------------------------- SYN, ACK

#[test]
fn a_syn_is_challenged_at_the_rate_limit() {
    let mut pair = Pair::connected();
    let syn = pair.segment(0, Flags::SYN);
    let answer = pair.inject(0, &syn);
    assert_eq!(answer.len(), 1);
    assert_eq!(answer[0].flags, Flags::ACK);
    assert!(pair.inject(0, &syn).is_empty());
    assert!(pair.counters[0].contains(&Mib::TCPACKSkippedChallenge));
    pair.run(Duration::from_millis(501));
    assert_eq!(pair.inject(0, &syn).len(), 1);
}

#[test]
fn acks_of_nothing_are_challenged() {
    // KERNEL-NOTES 15.
    let mut pair = Pair::connected();
    let mut ack = pair.segment(0, Flags::ACK);
    ack.ack = ack.ack.add(1);
    assert_eq!(pair.inject(0, &ack).len(), 1);
    pair.run(Duration::from_secs(1));
    ack = pair.segment(0, Flags::ACK);
    ack.ack = ack.ack.sub(100_000);
    assert_eq!(pair.inject(0, &ack).len(), 1);
    assert!(pair.counters[0].contains(&Mib::TCPChallengeACK));
}

#[test]
fn a_segment_without_flags_is_dropped() {
    let mut pair = Pair::connected();
    let nothing = Segment { payload: Payload::opaque(5), ..pair.segment(0, Flags::NONE) };
    assert!(pair.inject(0, &nothing).is_empty());
    assert_eq!(pair.ends[0].recv_q(), 0);
}

// ---------------------------------------------------------------- PAWS

#[test]
fn an_old_timestamp_is_acknowledged_and_dropped() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(1));
    pair.send(1, 5);
    pair.run(MS);
    let mut old = Segment { payload: Payload::opaque(5), ..pair.segment(0, Flags::ACK) };
    old.options.timestamp = old.options.timestamp.map(|(tsval, ecr)| (tsval - 500, ecr));
    assert_eq!(pair.inject(0, &old).len(), 1);
    assert_eq!(pair.ends[0].recv_q(), 5);
    assert!(pair.counters[0].contains(&Mib::PAWSEstab));
    // A reset is believed all the same.
    let reset = Segment { payload: Payload::EMPTY, flags: Flags::RST, ..old };
    pair.inject(0, &reset);
    assert_eq!(pair.ends[0].state(), TcpState::Closed);
}

// ---------------------------------------------------------------- order

#[test]
fn out_of_order_segments_wait_and_are_reported() {
    let mut pair = Pair::connected();
    let start = pair.segment(0, Flags::ACK);
    let at =
        |offset: u32, len: u32| Segment { seq: start.seq.add(offset), payload: Payload::opaque(len), ..start.clone() };
    let gap = pair.inject(0, &at(10, 10));
    assert_eq!(pair.ends[0].recv_q(), 0);
    let sack = gap[0].options.sack.expect("the gap is reported");
    assert_eq!((sack.left, sack.right), (start.seq.add(10), start.seq.add(20)));
    pair.inject(0, &at(25, 5));
    pair.inject(0, &at(5, 10));
    let filled = pair.inject(0, &at(0, 7));
    assert_eq!(pair.ends[0].recv_q(), 20);
    assert_eq!(filled[0].ack, start.seq.add(20), "acknowledged at once");
    let fin = Segment { flags: Flags::FIN.with(Flags::ACK), ..at(20, 10) };
    pair.inject(0, &fin);
    assert_eq!(pair.ends[0].recv_q(), 31);
    assert_eq!(pair.ends[0].state(), TcpState::CloseWait);
}

#[test]
fn a_duplicate_is_acknowledged_with_dsack() {
    let mut pair = Pair::connected();
    let data = Segment { payload: Payload::opaque(10), ..pair.segment(0, Flags::ACK.with(Flags::PSH)) };
    pair.inject(0, &data);
    let again = pair.inject(0, &data);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].options.sack.map(|block| block.left), Some(data.seq));
    assert_eq!(pair.ends[0].recv_q(), 10);
}

#[test]
fn a_retransmitted_fin_is_acknowledged_again() {
    let mut pair = Pair::connected();
    let fin = pair.segment(0, Flags::FIN.with(Flags::ACK));
    pair.inject(0, &fin);
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.inject(0, &fin).len(), 1);
    assert_eq!(pair.ends[0].recv_q(), 1);
}

// ---------------------------------------------------------------- every state

/// Brings end 0 into each state that a control block can be in.
fn in_state(state: TcpState) -> Pair {
    let mut pair = Pair::new();
    match state {
        TcpState::Closed | TcpState::TimeWait => {}
        TcpState::Listen => pair.ends[0] = Tcb::new_listen(&config()),
        TcpState::SynSent | TcpState::SynReceived => {
            pair.mute = [true; 2];
            pair.open(0);
            if state == TcpState::SynReceived {
                let syn = Segment { seq: SeqNum(70_000), flags: Flags::SYN, window: 9_000, ..Segment::default() };
                pair.inject(0, &syn);
            }
        }
        TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => {
            pair = Pair::connected();
            let write = UserCall::Shutdown { read: false, write: true };
            if matches!(state, TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing) {
                pair.mute[0] = state != TcpState::FinWait2;
                pair.call(0, write.clone()).expect("it is connected");
                pair.run(Duration::from_millis(60));
            }
            if matches!(state, TcpState::CloseWait | TcpState::Closing | TcpState::LastAck) {
                pair.call(1, write.clone()).expect("it is connected");
                pair.run(Duration::from_millis(60));
            }
            if state == TcpState::LastAck {
                pair.mute[0] = true;
                pair.call(0, write).expect("it is connected");
            }
        }
    }
    if state != TcpState::TimeWait {
        assert_eq!(pair.ends[0].state(), state);
    }
    pair.mute = [true; 2];
    pair
}

#[test]
fn every_state_takes_every_flag_combination() {
    for state in TcpState::ALL {
        for flags in 0..64 {
            for offset in [0, 1, u32::MAX, 5_000, 0x8000_0000] {
                for len in [0, 1, 3_000] {
                    let mut pair = in_state_cached(state);
                    let mut seg = pair.segment(0, Flags(flags));
                    seg.seq = seg.seq.add(offset);
                    seg.payload = Payload::opaque(len);
                    // A transition that is not in the table fails in `apply`.
                    let answers = pair.inject(0, &seg);
                    assert!(answers.len() <= 2, "{state} {flags:06b}: {answers:?}");
                    assert!(!seg.flags.rst() || answers.iter().all(|seg| !seg.flags.rst()), "{state}: RST answers RST");
                    assert!(pair.ends[0].recv_q() <= 3_001 + 1);
                    pair.input(0, TcpInput::Timeout);
                }
            }
        }
    }
}

thread_local! {
    static TEMPLATES: Vec<Tcb> = TcpState::ALL.iter().map(|&state| in_state(state).ends[0].clone()).collect();
}

/// A pair whose end 0 is a copy of the template for `state`.
fn in_state_cached(state: TcpState) -> Pair {
    let mut pair = Pair::new();
    pair.now = Instant::from_nanos(6_000_000_000);
    pair.mute = [true; 2];
    pair.ends[0] = TEMPLATES.with(|all| all[state as usize].clone());
    pair
}

#[test]
fn every_state_takes_every_call() {
    let calls = [
        UserCall::Open { iss: SeqNum(7), ts_offset: 0, mss: 1_460 },
        UserCall::Send(Payload::opaque(10)),
        UserCall::Receive { max: 10, peek: true },
        UserCall::Receive { max: 10, peek: false },
        UserCall::Shutdown { read: true, write: false },
        UserCall::Shutdown { read: false, write: true },
        UserCall::Shutdown { read: true, write: true },
        UserCall::Close,
        UserCall::Abort(crate::tcp::Cause::Abort),
        UserCall::TakeError,
        UserCall::SetOption(TcpSocketOption::KeepAlive(true)),
    ];
    for state in TcpState::ALL {
        for first in &calls {
            for second in &calls {
                let mut pair = in_state_cached(state);
                let _ = pair.call(0, first.clone());
                let _ = pair.call(0, second.clone());
                pair.run(Duration::from_secs(2));
                if pair.ends[0].is_orphan() && pair.ends[0].state() == TcpState::Closed {
                    assert!(pair.fates[0].is_some(), "{state} {first:?} {second:?}");
                }
            }
        }
    }
}

// ---------------------------------------------------------------- packet scripts

#[test]
fn a_fin_on_repeated_data_is_acknowledged_without_dsack() {
    // tcp_close_no_rst: tcp_fin forgets what was to be reported.
    let mut pair = Pair::connected();
    let data = Segment { payload: Payload::opaque(1_000), ..pair.segment(0, Flags::ACK) };
    pair.inject(0, &data);
    assert_eq!(pair.recv(0, 1_000), Ok(1_000));
    pair.inject(0, &Segment { flags: Flags::ACK.with(Flags::FIN), ..data.clone() });
    let start = pair.now;
    pair.run(Duration::from_millis(60));
    let ack = pair.wire.last().expect("the FIN is acknowledged");
    assert_eq!(ack.segment.ack, data.seq.add(1_001));
    assert_eq!(ack.segment.options.sack, None);
    assert!((40..=48).contains(&ack.at.since(start).as_millis()));
    pair.close(0);
    assert!(pair.wire.last().is_some_and(|sent| sent.segment.flags.fin()));
}

#[test]
fn a_fin_overtaken_by_the_ack_of_ours() {
    // tcp_disorder_fin_in_FIN_WAIT.
    let mut pair = in_state(TcpState::FinWait1);
    let ack = pair.segment(0, Flags::ACK);
    let fin = Segment { ack: ack.ack.sub(1), ..pair.segment(0, Flags::ACK.with(Flags::FIN)) };
    pair.inject(0, &Segment { seq: ack.seq.add(1), ..ack });
    assert_eq!(pair.ends[0].state(), TcpState::FinWait2);
    let answer = pair.inject(0, &fin);
    assert_eq!(answer.len(), 1);
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::TimeWait, Duration::from_secs(60))));
}

/// Four segments lie unacknowledged: a duplicate acknowledgment carries no data and
/// moves nothing, and the third of them sends the head again (RFC 5681 §3.2).
#[test]
fn the_third_duplicate_sends_the_head_again() {
    let mut pair = Pair::connected();
    pair.mute = [true, true];
    pair.set(0, TcpSocketOption::NoDelay(true));
    let una = pair.ends[0].snd_nxt();
    for _ in 0..4 {
        pair.send(0, 100);
    }
    let duplicate = Segment { ack: una, ..pair.segment(0, Flags::ACK) };
    // The first only tells the window; data, or another window, makes it no duplicate.
    pair.inject(0, &duplicate);
    let mut next = duplicate.seq;
    for _ in 0..3 {
        let data = Segment { seq: next, payload: Payload::opaque(10), ..duplicate.clone() };
        next = data.end_seq();
        let sent = pair.inject(0, &data);
        assert!(sent.iter().all(|seg| seg.payload.is_empty()), "segments with data are no duplicates: {sent:?}");
    }
    let duplicate = Segment { seq: next, ..duplicate };
    let resent: Vec<Vec<SeqNum>> = (0..4)
        .map(|_| {
            let sent = pair.inject(0, &duplicate);
            sent.iter().filter(|seg| !seg.payload.is_empty()).map(|seg| seg.seq).collect()
        })
        .collect();
    let all: Vec<SeqNum> = resent.iter().flatten().copied().collect();
    assert_eq!(all.first(), Some(&una), "the head: {resent:?}");
    assert!(resent[0].is_empty(), "one is not enough: {resent:?}");
}

/// RFC 9293 §3.10.7.4: SND.WND is taken from the newest segment, by SND.WL1 and
/// SND.WL2; what was overtaken on the way does not bring an older one back.
#[test]
fn an_overtaken_segment_does_not_move_the_window() {
    let mut pair = Pair::connected();
    pair.mute = [true, true];
    let first = pair.segment(0, Flags::ACK);
    let newer = Segment { seq: first.seq.add(10), payload: Payload::opaque(10), window: 100, ..first.clone() };
    pair.inject(0, &newer);
    let wide = pair.ends[0].scaled_window(&newer);
    assert_eq!(pair.ends[0].snd_wnd, wide);
    let older = Segment { payload: Payload::opaque(10), window: 9, ..first };
    pair.inject(0, &older);
    assert_eq!(pair.ends[0].snd_wnd, wide, "the older one says nothing new");
}

// ---------------------------------------------------------------- LISTEN, counters, ICMP

/// RFC 9293 §3.10.7.2: a listener's own answers; its SYNs are the kernel's.
#[test]
fn a_listener_resets_acks_alone() {
    let config = config();
    let answers = |flags| {
        let cx = TcpContext { now: Instant::from_nanos(5_000_000_000), clock: CLOCK, config: &config };
        let mut out = Actions::default();
        let segment = Segment { seq: SeqNum(5), ack: SeqNum(77), flags, ..Segment::default() };
        step(&mut Tcb::new_listen(&config), TcpInput::SegmentArrives(&segment), &cx, &mut out);
        out.segments.iter().map(|sent| (sent.flags, sent.seq)).collect::<Vec<_>>()
    };
    assert_eq!(answers(Flags::ACK), [(Flags::RST, SeqNum(77))]);
    for flags in [Flags::RST, Flags::RST.with(Flags::ACK), Flags::SYN, Flags::FIN, Flags::NONE] {
        assert_eq!(answers(flags), [], "{flags}");
    }
}

/// RFC 2012: AttemptFails are those that never opened.
#[test]
fn only_attempts_fail_as_attempts() {
    let mut open = Pair::connected();
    let reset = open.segment(0, Flags::RST);
    open.inject(0, &reset);
    assert!(open.counters[0].contains(&Mib::EstabResets) && !open.counters[0].contains(&Mib::AttemptFails));
    let mut opening = Pair::new();
    opening.open(0);
    let mut refused = opening.segment(0, Flags::RST.with(Flags::ACK));
    refused.ack = SeqNum(1_001);
    opening.inject(0, &refused);
    assert!(opening.counters[0].contains(&Mib::AttemptFails));
    let mut given_up = Pair::new();
    given_up.open(0);
    given_up.close(0);
    assert!(!given_up.counters[0].contains(&Mib::AttemptFails), "close() is no failure");
}

/// `tcp_v4_err`: on an open connection an error about something in flight is remembered; that a packet is too large is none.
#[test]
fn soft_errors_are_about_what_is_in_flight() {
    let remembered = |errno, offset: u32| {
        let mut pair = Pair::connected();
        pair.mute = [true; 2];
        pair.send(0, 10);
        let seq = pair.ends[0].snd_una().add(offset);
        pair.input(0, TcpInput::IcmpError { errno, seq, hard: true });
        assert_eq!(pair.ends[0].state(), TcpState::Established);
        pair.ends[0].cold.as_ref().and_then(|cold| cold.soft_error)
    };
    let unreachable = Errno::HostUnreach;
    assert_eq!(
        [0, 10, 11, u32::MAX].map(|at| remembered(unreachable, at)),
        [Some(unreachable), Some(unreachable), None, None]
    );
    assert_eq!(remembered(Errno::MsgSize, 0), None);
}

/// `tcp_abort`, `tcp_out_of_resources`: only the latter counts as memory.
#[test]
fn too_many_orphans_are_a_matter_of_memory() {
    use crate::tcp::Cause;
    for (cause, counts) in [(Cause::Overflow, true), (Cause::Abort, false)] {
        let mut pair = Pair::connected();
        pair.mute = [true; 2];
        pair.close(0);
        assert_eq!(pair.ends[0].state(), TcpState::FinWait1);
        pair.call(0, UserCall::Abort(cause)).ok();
        assert_eq!(pair.counters[0].contains(&Mib::TCPAbortOnMemory), counts, "{cause:?}");
    }
}

/// A full buffer takes nothing more, but an empty write always; an empty queue gives nothing.
#[test]
fn full_and_empty_buffers_are_eagain() {
    let mut pair = Pair::connected();
    pair.mute = [true; 2];
    let write = |pair: &mut Pair, len| pair.call(0, UserCall::Send(Payload::opaque(len)));
    let Ok(Reply::Count(taken)) = write(&mut pair, u32::MAX / 4) else { panic!("it takes what fits") };
    assert!(taken > 0 && taken < u32::MAX / 4);
    assert_eq!(write(&mut pair, 1), Err(Errno::Again));
    assert_eq!(write(&mut pair, 0), Ok(Reply::Count(0)));
    assert_eq!(pair.recv(0, 10), Err(Errno::Again));
    assert_eq!(pair.recv(0, 0), Ok(0));
}

/// `tcp_paws_check`: an echo that was never set, or is 24 days old, rejects nothing.
#[test]
fn an_old_timestamp_is_believed_when_ours_says_nothing() {
    const WRAP_S: u32 = 24 * 86_400;
    let taken = |recent: u32, age_s: u32, tsval: u32| {
        let mut pair = Pair::connected();
        pair.now += Duration::from_secs(u64::from(WRAP_S) + 1_000);
        let now_s = crate::tcp::tcb::seconds(pair.now);
        (pair.ends[0].ts_recent, pair.ends[0].ts_recent_stamp) = (recent, now_s - age_s);
        let mut seg = pair.segment(0, Flags::ACK);
        seg.options.timestamp = Some((tsval, 0));
        seg.payload = Payload::opaque(7);
        pair.inject(0, &seg);
        pair.ends[0].recv_q() == 7
    };
    assert!(taken(5_000, 0, 5_000) && taken(5_000, 0, 5_001));
    assert!(!taken(5_000, 0, 4_000), "older than what came last");
    assert!(taken(0, 0, 0x9000_0000), "nothing came yet");
    assert!(taken(5_000, WRAP_S, 4_000) && !taken(5_000, WRAP_S - 1, 4_000));
}
