//! Retransmission, loss probes, zero windows, keepalive.

use super::*;

// ---------------------------------------------------------------- retransmission

/// 100 bytes sent to nobody; times of the copies after the first, and of the end.
fn void(retries2: u8) -> (Vec<u64>, u64) {
    let mut pair = Pair::with(TcpConfig { tcp_retries2: retries2, ..config() });
    pair.open(0);
    pair.run(MS);
    pair.mute = [true; 2];
    let (start, from) = (pair.now, pair.wire.len());
    pair.send(0, 100);
    pair.run(Duration::from_secs(1_100));
    assert!(pair.counters[0].contains(&Mib::TCPAbortOnTimeout));
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::TimedOut))));
    let end = pair.fates[0].expect("it gave up").0;
    let times = pair.times_ms(0, from, start);
    (times[1..].to_vec(), end.since(start).as_millis())
}

#[test]
fn data_retransmission_x5_to_x7_and_x18() {
    // The first copy is a tail loss probe.
    let (times, end) = void(3);
    assert_times(&times, &[207, 415, 847, 1_679, 3_343], 35);
    assert!((6_600..=7_000).contains(&end), "{end}");
    let (_, end) = void(5);
    assert!((13_200..=13_700).contains(&end), "{end}");
    let (_, end) = void(8);
    assert!((106_000..=109_500).contains(&end), "{end}");
    let (times, end) = void(15);
    assert!((930_000..=945_000).contains(&end), "{end}");
    let last = times.len() - 1;
    assert!((119_900..=122_200).contains(&(times[last] - times[last - 1])), "{times:?}");
}

/// `close()` of an idle connection with nobody answering.
fn orphan(retries: u8) -> (Vec<u64>, u64) {
    let mut pair = Pair::with(TcpConfig { tcp_orphan_retries: retries, ..config() });
    pair.open(0);
    pair.run(MS);
    pair.mute = [true; 2];
    let (start, from) = (pair.now, pair.wire.len());
    pair.close(0);
    assert_eq!(pair.ends[0].state(), TcpState::FinWait1);
    pair.run(Duration::from_secs(200));
    let end = pair.fates[0].expect("it gave up").0;
    (pair.times_ms(0, from, start), end.since(start).as_millis())
}

#[test]
fn orphans_x11_to_x13() {
    let (times, end) = orphan(3);
    assert_times(&times, &[0, 208, 416, 832, 1_664, 3_328], 35);
    assert!((6_500..=6_900).contains(&end), "{end}");
    let (times, end) = orphan(1);
    assert_times(&times, &[0, 205, 413, 841], 35);
    assert!((1_600..=1_750).contains(&end), "{end}");
    let (_, end) = orphan(0);
    assert!((106_000..=109_500).contains(&end), "{end}");
}

#[test]
fn data_and_fin_are_retransmitted_as_one_segment() {
    // kernel-truth orphan_or3_data.
    let mut pair = Pair::connected();
    pair.mute = [true; 2];
    let (start, from) = (pair.now, pair.wire.len());
    pair.send(0, 50);
    pair.close(0);
    pair.run(Duration::from_millis(900));
    assert_eq!(pair.trace(from)[..4], ["0 P. 1 1 50", "0 F. 51 1 0", "0 F. 51 1 0", "0 FP. 1 1 50"]);
    let times = pair.times_ms(0, from, start);
    assert!((8..=16).contains(&times[2]), "a probe after a quarter of srtt and two jiffies: {times:?}");
    assert!((200..=230).contains(&times[3]), "{times:?}");
}

#[test]
fn recovery_after_silence_delivers_everything_once() {
    let mut pair = Pair::connected();
    pair.mute = [true, false];
    for _ in 0..5 {
        pair.send(0, 10_000);
    }
    pair.run(Duration::from_secs(1));
    pair.mute = [false; 2];
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.ends[1].recv_q(), 50_000);
    assert_eq!(pair.ends[0].send_q(), 0);
    assert!(pair.ends[0].next_deadline().is_none(), "nothing is left to do");
    assert!(pair.ends[0].cold.is_none() || pair.ends[0].backoff() > 0);
}

#[test]
fn tcp_user_timeout_ends_the_wait() {
    let mut pair = Pair::connected();
    pair.set(0, TcpSocketOption::UserTimeout(Duration::from_secs(3)));
    pair.mute = [true; 2];
    let start = pair.now;
    pair.send(0, 10);
    pair.run(Duration::from_secs(30));
    let (at, _) = pair.fates[0].expect("it gave up");
    assert!((3_000..=4_000).contains(&at.since(start).as_millis()), "{:?}", at.since(start));
}

// ---------------------------------------------------------------- windows

#[test]
fn zero_window_is_probed_and_reopened() {
    let mut pair = Pair::connected();
    let mut sent = 0;
    while let Ok(Reply::Count(n)) = pair.call(0, UserCall::Send(Payload::opaque(8_000))) {
        sent += n;
        pair.run(MS);
        if sent > 200_000 {
            break;
        }
    }
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.ends[0].snd_wnd(), 0);
    assert!(pair.counters[1].contains(&Mib::TCPToZeroWindowAdv));
    let from = pair.wire.len();
    let start = pair.now;
    pair.run(Duration::from_secs(1_000));
    let probes = pair.times_ms(0, from, start).len();
    assert!((8..=20).contains(&probes), "{probes} probes in 1000 s");
    assert_eq!(pair.ends[0].state(), TcpState::Established, "answered probes never end it");
    assert!(pair.counters[0].contains(&Mib::TCPWinProbe));
    let mut read = 0;
    for _ in 0..1_000 {
        match pair.recv(1, 20_000) {
            Ok(n) => read += n,
            Err(Errno::Again) => pair.run(Duration::from_millis(50)),
            Err(other) => panic!("{other}"),
        }
        if read == sent {
            break;
        }
    }
    assert_eq!(read, sent);
}

#[test]
fn nagle_holds_a_second_small_segment() {
    let mut pair = Pair::connected();
    pair.mute = [true; 2];
    let from = pair.wire.len();
    pair.send(0, 10);
    pair.send(0, 10);
    pair.send(0, 10);
    assert_eq!(pair.trace(from), ["0 P. 1 1 10"]);
    pair.set(0, TcpSocketOption::NoDelay(true));
    assert_eq!(pair.trace(from)[1..], ["0 P. 11 1 20"]);
}

#[test]
fn a_reply_carries_the_acknowledgment() {
    let mut pair = Pair::connected();
    // A request and a reply: the session is interactive from then on.
    pair.send(0, 10);
    pair.run(MS);
    pair.send(1, 10);
    pair.run(MS);
    let from = pair.wire.len();
    pair.send(0, 10);
    pair.run(MS);
    pair.send(1, 10);
    pair.run(MS);
    assert!(pair.trace(from).len() <= 3, "{:?}", pair.trace(from));
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.ends[0].send_q() + pair.ends[1].send_q(), 0);
}

// ---------------------------------------------------------------- keepalive

fn with_keepalive(pair: &mut Pair, side: usize, idle: u64) {
    pair.set(side, TcpSocketOption::KeepIdle(Duration::from_secs(idle)));
    pair.set(side, TcpSocketOption::KeepIntvl(Duration::from_secs(1)));
    pair.set(side, TcpSocketOption::KeepCnt(3));
    pair.set(side, TcpSocketOption::KeepAlive(true));
}

#[test]
fn keepalive_gives_up_x8() {
    let mut pair = Pair::connected();
    with_keepalive(&mut pair, 0, 3);
    pair.mute = [true; 2];
    let (start, from) = (pair.now, pair.wire.len());
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.trace(from), ["0 . 0 1 0", "0 . 0 1 0", "0 . 0 1 0", "0 R. 1 1 0"]);
    assert_times(&pair.times_ms(0, from, start), &[3_200, 4_230, 5_260, 6_290], 40);
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::TimedOut))));
}

#[test]
fn keepalive_of_a_live_peer_goes_on() {
    let mut pair = Pair::connected();
    with_keepalive(&mut pair, 0, 3);
    let from = pair.wire.len();
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.trace(from), ["0 . 0 1 0", "1 . 1 1 0"].repeat(3));
}

#[test]
fn keepalive_in_close_wait_x9_x10() {
    let mut pair = Pair::connected();
    with_keepalive(&mut pair, 0, 12);
    pair.send(1, 77);
    pair.run(MS);
    pair.call(1, UserCall::Shutdown { read: false, write: true }).expect("it is connected");
    pair.run(Duration::from_secs(20));
    // X9: the server, still there, answers.
    assert_eq!(pair.ends[0].state(), TcpState::CloseWait);
    // X10: it is gone; the probe draws a reset.
    pair.ends[1] = Tcb::new_closed(&config());
    pair.run(Duration::from_secs(20));
    assert_eq!(pair.ends[0].state(), TcpState::Closed);
    assert_eq!(pair.call(0, UserCall::TakeError), Ok(Reply::Error(Some(Errno::Pipe))));
    assert_eq!(pair.recv(0, 99), Ok(77));
}

// ---------------------------------------------------------------- exact time

#[test]
fn a_fin_behind_a_zero_window_is_probed() {
    // tcp_fin_wait1_zero_window as 6.18.44 runs it: the fourth probe comes 1.6 s
    // after the zero-window ACK (KERNEL-NOTES 22).
    let mut pair = Pair::new();
    pair.clock.rounding = false;
    pair.open(0);
    pair.run(MS);
    pair.mute = [true; 2];
    pair.send(1, 5);
    let closed = Segment { window: 0, ..pair.segment(1, Flags::ACK) };
    pair.inject(1, &closed);
    let (start, from) = (pair.now, pair.wire.len());
    pair.close(1);
    pair.run(Duration::from_millis(2_400));
    assert_eq!(pair.trace(from), ["1 . 5 1 0"; 3]);
    assert_times(&pair.times_ms(1, from, start), &[200, 600, 1_400], 1);
    let (again, from) = (pair.now, pair.wire.len());
    let closed = Segment { window: 0, ..pair.segment(1, Flags::ACK) };
    pair.inject(1, &closed);
    pair.run(Duration::from_secs(2));
    assert_times(&pair.times_ms(1, from, again), &[1_600], 1);
    // The window opens: the FIN goes out.
    let open = pair.segment(1, Flags::ACK);
    let answer = pair.inject(1, &open);
    assert_eq!(answer.last().map(|seg| seg.flags), Some(Flags::FIN.with(Flags::ACK)));
}

#[test]
fn without_rounding_retransmission_is_exact() {
    let mut pair = Pair::new();
    pair.clock.rounding = false;
    pair.mute = [true; 2];
    let start = pair.now;
    pair.open(0);
    pair.run(Duration::from_secs(12));
    let times: Vec<u64> = pair.wire.iter().map(|sent| sent.at.since(start).nanos()).collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 5, 7, 11].map(|s| s * 1_000_000_000));
}

#[test]
fn a_window_shrunk_to_nothing_under_data_in_flight() {
    // tcp_rtx_probe0_timed_out: retransmissions become probes; two silent minutes end it.
    let mut pair = Pair::connected();
    pair.mute = [true; 2];
    pair.send(0, 100);
    let mut closed = Segment { window: 0, ..pair.segment(0, Flags::ACK) };
    closed.ack = pair.ends[0].snd_una();
    pair.inject(0, &closed);
    assert_eq!(pair.ends[0].snd_wnd(), 0);
    let start = pair.now;
    pair.run(Duration::from_secs(100));
    assert_eq!((pair.ends[0].state(), pair.ends[0].retransmits()), (TcpState::Established, 0));
    // A peer that goes on saying "no room" keeps it alive.
    pair.inject(0, &closed);
    pair.run(Duration::from_secs(200));
    assert_eq!(pair.ends[0].state(), TcpState::Established);
    pair.run(Duration::from_secs(600));
    let (at, _) = pair.fates[0].expect("it gave up");
    assert!(at.since(start) > Duration::from_secs(340), "{:?}", at.since(start));
}

// ---------------------------------------------------------------- tcp_retries2 as a time

/// `tcp_model_timeout`; ip-sysctl says 924.6 s for the default of 15.
#[test]
fn retries_are_a_time() {
    let model = |boundary, rto_max| {
        let (base, most) = (Duration::from_millis(200), Duration::from_secs(rto_max));
        super::super::timeout::model_timeout(boundary, base, most).as_millis()
    };
    assert_eq!([0, 3, 8, 9, 10, 15].map(|n| model(n, 120)), [200, 3_000, 102_200, 204_600, 324_600, 924_600]);
    assert_eq!([2, 3, 5].map(|n| model(n, 1)), [1_400, 2_400, 4_400]);
}

#[test]
fn a_new_socket_has_the_buffers_of_its_host() {
    let config = TcpConfig { tcp_rmem_default: 50_000, tcp_wmem_default: 20_000, ..config() };
    assert_eq!(Tcb::new_closed(&config).buffers(), (50_000, 20_000));
    assert_eq!(Tcb::new_listen(&config).buffers(), (50_000, 20_000));
}
