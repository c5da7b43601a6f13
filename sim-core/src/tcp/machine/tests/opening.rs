//! CLOSED, LISTEN, SYN-SENT, SYN-RECEIVED.

use super::*;

// ---------------------------------------------------------------- handshake

#[test]
fn the_handshake_looks_like_the_capture() {
    let mut pair = Pair::with(TcpConfig { tcp_rmem_max: 33_554_432, ..config() });
    pair.open(0);
    assert_eq!(pair.ends[0].send_q(), 1, "ss shows the SYN");
    pair.run(MS);
    assert_eq!(pair.trace(0), ["0 S 0 0 0", "1 S. 0 1 0", "0 . 1 1 0"]);
    // kernel-truth packets_fin60: win=65495, 65483, then 64 scaled by 10.
    let windows: Vec<u16> = pair.wire.iter().map(|sent| sent.segment.window).collect();
    assert_eq!(windows, [65_495, 65_483, 64]);
    let syn = pair.wire[0].segment.options;
    assert_eq!((syn.mss, syn.wscale, syn.sack_permitted), (Some(65_495), Some(10), true));
    assert_eq!(pair.wire[1].segment.options.mss, Some(65_495));
    assert_eq!(pair.wire[2].segment.options.mss, None);
    assert_eq!(pair.states(), [TcpState::Established; 2]);
    assert_eq!((pair.ends[0].recv_q(), pair.ends[0].send_q()), (0, 0));
    assert!(pair.ends[0].next_deadline().is_none() && pair.ends[0].cold.is_none());
}

#[test]
fn ethernet_windows() {
    let mut pair = Pair::new();
    pair.mss = 1_460;
    pair.open(0);
    pair.run(MS);
    let windows: Vec<u16> = pair.wire.iter().map(|sent| sent.segment.window).collect();
    assert_eq!(windows, [64_240, 65_160, 502]);
    assert_eq!(pair.ends[0].snd_mss(), 1_448);
    assert_eq!(pair.ends[0].buffers().1, 87_040);
}

#[test]
fn without_options_nothing_is_agreed() {
    let plain = TcpConfig { tcp_timestamps: false, tcp_sack: false, tcp_window_scaling: false, ..config() };
    let mut pair = Pair::with(plain);
    pair.open(0);
    pair.run(MS);
    assert!(!pair.ends[1].timestamps_ok() && !pair.ends[1].sack_ok() && !pair.ends[1].wscale_ok());
    assert_eq!(pair.wire[2].segment.options, crate::wire::TcpOptions::default());
}

#[test]
fn data_on_the_last_ack_of_the_handshake_is_taken() {
    let mut pair = Pair::new();
    pair.open(0);
    pair.run(Duration::from_micros(7));
    let syn_ack = pair.wire[1].segment.clone();
    assert!(syn_ack.flags.syn());
    pair.mute[0] = true;
    pair.run(MS);
    let mut ack = pair.wire[2].segment.clone();
    ack.payload = Payload::opaque(9);
    let sent = Sent { at: pair.now, side: 0, segment: ack };
    pair.deliver(&sent);
    assert_eq!(pair.ends[1].state(), TcpState::Established);
    assert_eq!(pair.ends[1].recv_q(), 9);
}

// ---------------------------------------------------------------- SYN-SENT

/// Times of the SYNs and of the end, in ms, with nobody answering.
fn blackhole(retries: u8, linear: u8) -> (Vec<u64>, u64) {
    let mut pair = Pair::with(TcpConfig { tcp_syn_retries: retries, tcp_syn_linear_timeouts: linear, ..config() });
    pair.mute = [true; 2];
    let start = pair.now;
    pair.open(0);
    pair.run(Duration::from_secs(200));
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::TimedOut))));
    let end = pair.fates[0].expect("it gave up").0;
    (pair.times_ms(0, 0, start), end.since(start).as_millis())
}

#[test]
fn syn_retransmission_x1_to_x4() {
    let (times, end) = blackhole(6, 0);
    assert_times(&times, &[0, 1_020, 3_040, 7_290, 15_500, 31_600, 64_600], 20);
    assert!((129_000..=131_500).contains(&end), "{end}");
    let (times, end) = blackhole(6, 4);
    assert_times(&times, &[0, 1_020, 2_040, 3_060, 4_080, 5_110, 7_120, 11_300, 19_400, 35_600, 68_600], 20);
    assert!((132_000..=135_500).contains(&end), "{end}");
    let (times, end) = blackhole(2, 0);
    assert_times(&times, &[0, 1_030, 3_040], 20);
    assert!((7_000..=7_400).contains(&end), "{end}");
    let (times, end) = blackhole(3, 0);
    assert_times(&times, &[0, 1_010, 3_030, 7_130], 25);
    assert!((15_000..=15_700).contains(&end), "{end}");
}

#[test]
fn a_refused_connection() {
    let mut pair = Pair::new();
    pair.listener = None;
    pair.open(0);
    pair.run(MS);
    assert_eq!(pair.trace(0), ["0 S 0 0 0", "1 R. -70000 1 0".replace("-70000", "4294897296").as_str()]);
    assert_eq!(pair.states()[0], TcpState::Closed);
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::ConnRefused))));
    assert!(pair.counters[0].contains(&Mib::AttemptFails));
}

#[test]
fn a_bad_ack_draws_a_reset_and_the_syn_again_two_jiffies_later() {
    // KERNEL-NOTES 7.
    let mut pair = Pair::new();
    pair.mute = [true; 2];
    pair.open(0);
    let bad = Segment { seq: SeqNum(5), ack: SeqNum(1_000), flags: Flags::SYN.with(Flags::ACK), ..Segment::default() };
    let start = pair.now;
    let answer = pair.inject(0, &bad);
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0].flags, answer[0].seq), (Flags::RST, SeqNum(1_000)));
    pair.run(Duration::from_millis(20));
    let again = pair.wire.last().expect("something was sent");
    assert!(again.segment.flags.syn());
    assert!((8..=12).contains(&again.at.since(start).as_millis()));
}

#[test]
fn icmp_ends_an_attempt_if_it_quotes_our_syn() {
    for (seq, fatal) in [(999, false), (1_000, true), (1_001, true), (1_002, false)] {
        let mut pair = Pair::new();
        pair.mute = [true; 2];
        pair.open(0);
        pair.input(0, TcpInput::IcmpError { errno: Errno::HostUnreach, seq: SeqNum(seq), hard: true });
        assert_eq!(pair.states()[0] == TcpState::Closed, fatal, "quoted {seq}");
        assert_eq!(pair.ends[0].error().is_some(), fatal);
    }
}

#[test]
fn closing_a_connecting_socket_is_silent() {
    let mut pair = Pair::new();
    pair.mute = [true; 2];
    pair.open(0);
    pair.close(0);
    assert_eq!(pair.wire.len(), 1);
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::Closed));
}

// ---------------------------------------------------------------- simultaneous

#[test]
fn simultaneous_open() {
    let mut pair = Pair::new();
    pair.listener = None;
    pair.open(0);
    pair.open(1);
    pair.run(Duration::from_millis(300));
    assert_eq!(pair.states(), [TcpState::Established; 2]);
    assert_eq!(pair.transitions[0], pair.transitions[1]);
    assert!(pair.transitions[0].contains(&(TcpState::SynSent, TcpState::SynReceived)));
    pair.send(0, 5);
    pair.run(MS);
    assert_eq!(pair.recv(1, 99), Ok(5));
}

#[test]
fn self_connect_looks_like_the_capture() {
    // kernel-truth selfconnect (X16).
    let mut pair = Pair::new();
    pair.mirror = true;
    pair.open(0);
    pair.run(MS);
    assert_eq!(pair.ends[0].state(), TcpState::Established);
    let flags: Vec<String> = pair.wire.iter().map(|sent| sent.segment.flags.to_string()).collect();
    assert_eq!(flags, ["S", "S.", "."]);
    pair.send(0, 2);
    pair.run(Duration::from_millis(300));
    assert_eq!(pair.recv(0, 9), Ok(2));
    pair.close(0);
    pair.run(MS);
    assert_eq!(pair.fates[0].map(|fate| fate.1), Some(Fate::TimeWait(TcpState::TimeWait, Duration::from_secs(60))));
    let flags: Vec<String> = pair.wire[3..].iter().map(|sent| sent.segment.flags.to_string()).collect();
    assert_eq!(flags, ["P.", ".", "F.", "."]);
}

#[test]
fn a_reset_of_a_simultaneous_open_is_econnreset() {
    // KERNEL-NOTES 4.
    let mut pair = Pair::new();
    pair.mute = [true; 2];
    pair.open(0);
    let syn = Segment { seq: SeqNum(70_000), flags: Flags::SYN, window: 1_000, ..Segment::default() };
    assert_eq!(pair.inject(0, &syn)[0].flags, Flags::SYN.with(Flags::ACK));
    pair.inject(0, &Segment { seq: SeqNum(70_001), flags: Flags::RST, ..Segment::default() });
    assert_eq!(pair.ends[0].error(), Some(Errno::ConnReset));
}

/// The SYN left 0.7 ms after a millisecond of the timestamp clock began: the
/// SYN-ACK that echoes it must not look older than it when the SYN was repeated.
#[test]
fn a_late_syn_ack_may_echo_the_first_syn() {
    let mut pair = Pair::new();
    pair.mute[1] = true;
    pair.open(0);
    pair.run(Duration::from_millis(1_100));
    let late = pair.wire.iter().find(|sent| sent.side == 1).expect("an answer").segment.clone();
    assert!(pair.counters[0].contains(&Mib::TCPSynRetrans));
    pair.inject(0, &late);
    assert_eq!(pair.states()[0], TcpState::Established);
}

// ---------------------------------------------------------------- options of a SYN-ACK

/// The answer to a SYN, with this echoed: (state after it, flags of what is sent).
fn after_syn_ack(config: TcpConfig, ecr: impl Fn(u32) -> u32) -> (TcpState, Vec<Flags>) {
    let mut pair = Pair::with(config);
    pair.open(0);
    let mut answer = pair.segment(0, Flags::SYN.with(Flags::ACK));
    answer.seq = SeqNum(70_000);
    let now = super::super::ms32(pair.now);
    answer.options.timestamp = Some((1, ecr(now)));
    answer.options.wscale = Some(7);
    let sent = pair.inject(0, &answer);
    (pair.ends[0].state(), sent.iter().map(|segment| segment.flags).collect())
}

/// RFC 7323 §5.8, `tcp_rcv_synsent_state_process`: what is echoed is neither older than the first SYN nor of the future.
#[test]
fn a_syn_ack_echoes_a_syn() {
    let open = (TcpState::Established, vec![Flags::ACK]);
    let refused = (TcpState::SynSent, vec![Flags::RST]);
    assert_eq!(after_syn_ack(config(), |now| now), open);
    assert_eq!(after_syn_ack(config(), |_| 0), open);
    assert_eq!(after_syn_ack(config(), |now| now + 1), refused);
    assert_eq!(after_syn_ack(config(), |now| now - 1), refused);
    assert_eq!(after_syn_ack(TcpConfig { tcp_timestamps: false, ..config() }, |now| now + 1), open);
}

/// RFC 7323 §2.2: a shift that was not offered is not taken.
#[test]
fn a_shift_is_agreed_by_both() {
    for (tcp_window_scaling, shift) in [(true, 7), (false, 0)] {
        let mut pair = Pair::with(TcpConfig { tcp_window_scaling, ..config() });
        pair.open(0);
        let mut answer = pair.segment(0, Flags::SYN.with(Flags::ACK));
        answer.seq = SeqNum(70_000);
        answer.options.timestamp = None;
        answer.options.wscale = Some(7);
        pair.inject(0, &answer);
        assert_eq!((pair.ends[0].wscale().0, pair.ends[0].wscale_ok()), (shift, tcp_window_scaling));
    }
}

/// A connection that took over a minisock knows its timestamp (`tcp_twsk_unique`): its SYN echoes it, and an older SYN
/// that crosses is refused by PAWS.
#[test]
fn a_successor_knows_the_last_timestamp() {
    for (tsval, state) in [(999, TcpState::SynSent), (1_000, TcpState::SynReceived), (1_001, TcpState::SynReceived)] {
        let mut pair = Pair::new();
        pair.ends[0].inherit_timewait(1_000, 5);
        pair.open(0);
        assert_eq!(pair.wire[0].segment.options.timestamp.map(|(_, ecr)| ecr), Some(1_000));
        let mut syn = pair.segment(0, Flags::SYN);
        syn.seq = SeqNum(70_000);
        syn.options.timestamp = Some((tsval, 0));
        pair.inject(0, &syn);
        assert_eq!(pair.ends[0].state(), state, "{tsval}");
    }
    // One that knows none takes any.
    let mut pair = Pair::new();
    pair.open(0);
    let mut syn = pair.segment(0, Flags::SYN);
    syn.seq = SeqNum(70_000);
    syn.options.timestamp = Some((1, 0));
    pair.inject(0, &syn);
    assert_eq!(pair.ends[0].state(), TcpState::SynReceived);
}
