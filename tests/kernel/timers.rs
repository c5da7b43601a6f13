//! X1–X18: retransmission, keepalive, orphans; opening and closing at the same time.

use halfclose::app::SocketOption;
use halfclose::errno::Errno;
use halfclose::net::FlagMatch;
use halfclose::tcp::TcpState::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, SynReceived, SynSent, TimeWait,
};
use halfclose::tcp::{TcpSocketOption, TcpState};
use halfclose::units::{Fd, FourTuple};
use halfclose::wire::Flags;
use halfclose_tests::lab::{Lab, Proc, assert_schedule, lo, ms, secs};

/// Times of the SYNs into a black hole, and of the error, in ms from the first.
fn syns(retries: &str, linear: &str, nominal: &[u64], measured: &[u64]) {
    for seed in 0..10 {
        let settings = [("net.ipv4.tcp_syn_retries", retries), ("net.ipv4.tcp_syn_linear_timeouts", linear)];
        let mut lab = Lab::seeded(seed, &settings);
        let client = lab.process();
        lab.drop_to(3306);
        let fd = lab.dial(client, lo(3306));
        let local = lo(lab.port(client, fd));
        lab.sleep(secs(200));
        assert_eq!(lab.so_error(client, fd), Some(Errno::TimedOut));
        let sent = lab.sent_from(local.port().0);
        assert!(sent.iter().all(|(_, flags, _)| *flags == Flags::SYN));
        let mut times: Vec<u64> = sent.iter().map(|(at, ..)| at.since(sent[0].0).as_millis()).collect();
        let tuple = FourTuple { local, remote: lo(3306) };
        times.push(lab.entered(tuple, Closed).since(sent[0].0).as_millis());
        assert_schedule(&format!("SYN, seed {seed}"), &times, nominal, measured);
    }
}

#[test]
fn x1_six_syn_retries() {
    syns(
        "6",
        "0",
        &[0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000],
        &[0, 1_020, 3_040, 7_290, 15_500, 31_600, 64_600, 130_300],
    );
}

#[test]
fn x2_four_linear_timeouts_first() {
    syns(
        "6",
        "4",
        &[0, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000],
        &[0, 1_020, 2_040, 3_060, 4_080, 5_110, 7_120, 11_300, 19_400, 35_600, 68_600, 134_100],
    );
}

#[test]
fn x3_two_syn_retries() {
    syns("2", "0", &[0, 1_000, 2_000, 4_000], &[0, 1_030, 3_040, 7_140]);
}

#[test]
fn x4_three_syn_retries() {
    syns("3", "0", &[0, 1_000, 2_000, 4_000, 8_000], &[0, 1_010, 3_030, 7_130, 15_300]);
}

/// A connection whose client sends 100 bytes that never arrive.
struct Void {
    lab: Lab,
    client: Proc,
    near: Fd,
    tuple: FourTuple,
}

fn void(seed: u64, retries2: &str) -> Void {
    let mut lab = Lab::seeded(seed, &[("net.ipv4.tcp_retries2", retries2)]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.send(client, pair.near, 4).expect("there is room");
    lab.sleep(ms(100));
    lab.drop_to(3306);
    lab.send(client, pair.near, 100).expect("there is room");
    Void { lab, client, near: pair.near, tuple: pair.tuple }
}

/// Times of the copies of the 100 bytes and of the error, in ms from the first copy.
fn data_times(void: &mut Void) -> Vec<u64> {
    void.lab.sleep(secs(1_100));
    assert_eq!(void.lab.so_error(void.client, void.near), Some(Errno::TimedOut));
    let sent = void.lab.sent_from(void.tuple.local.port().0);
    let copies: Vec<_> = sent.iter().filter(|(_, _, len)| *len == 100).map(|(at, ..)| *at).collect();
    let end = void.lab.entered(void.tuple, Closed);
    copies.iter().chain([&end]).map(|at| at.since(copies[0]).as_millis()).collect()
}

#[test]
fn x5_data_retransmission_with_three_retries() {
    for seed in 0..10 {
        let mut void = void(seed, "3");
        let times = data_times(&mut void);
        // A tail loss probe first; then the RTO of 200 ms and what the clock adds.
        assert_schedule(
            &format!("data, seed {seed}"),
            &times,
            &[0, 200, 200, 400, 800, 1_600, 3_200],
            &[0, 210, 420, 850, 1_680, 3_340, 6_800],
        );
        assert_eq!(void.lab.send(void.client, void.near, 1), Err(Errno::Pipe));
        assert_eq!(void.lab.recv(void.client, void.near, 10), Ok(0));
    }
}

/// End of a connection whose data is lost, in ms: measured, and how much the
/// timer wheel's phase may move it.
fn gives_up(retries2: &str, measured: u64, slack: u64) {
    for seed in 0..10 {
        let mut void = void(seed, retries2);
        let end = *data_times(&mut void).last().expect("it ended");
        assert!(end.abs_diff(measured) <= slack, "seed {seed}: {end} ms, measured {measured} ms");
    }
}

#[test]
fn x6_data_retransmission_with_five_retries() {
    gives_up("5", 13_400, 300);
}

#[test]
fn x7_data_retransmission_with_eight_retries() {
    gives_up("8", 107_600, 2_500);
}

#[test]
fn x18_data_retransmission_with_fifteen_retries() {
    for seed in 0..5 {
        let mut void = void(seed, "15");
        let times = data_times(&mut void);
        let end = *times.last().expect("it ended");
        // Seven timers of 120 s, each up to 2.05 s late.
        assert!(end.abs_diff(938_800) <= 15_000, "seed {seed}: {end} ms");
        let long: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap >= 119_000).collect();
        assert_eq!(long.len(), 6, "steps of 120 s: {times:?}");
        assert!(long.iter().all(|gap| (120_000..=122_200).contains(gap)), "{long:?}");
    }
}

/// A connection with keepalive on the client's end.
fn kept_alive(idle: u64, sysctls: &[(&str, &str)]) -> (Lab, Proc, Proc, halfclose_tests::lab::Connection) {
    let mut lab = Lab::seeded(8, sysctls);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    for option in [
        TcpSocketOption::KeepAlive(true),
        TcpSocketOption::KeepIdle(secs(idle)),
        TcpSocketOption::KeepIntvl(secs(1)),
        TcpSocketOption::KeepCnt(3),
    ] {
        lab.tcp_option(client, pair.near, option);
    }
    (lab, server, client, pair)
}

#[test]
fn x8_keepalive_without_an_answer() {
    let (mut lab, _, client, pair) = kept_alive(3, &[]);
    lab.drop_to(3306);
    let start = lab.now();
    lab.sleep(secs(12));
    assert_eq!(lab.so_error(client, pair.near), Some(Errno::TimedOut));
    let sent = lab.sent_from(pair.tuple.local.port().0);
    let after: Vec<_> = sent.iter().filter(|(at, ..)| *at > start).collect();
    assert_eq!(after.iter().map(|(_, flags, _)| flags.rst()).collect::<Vec<_>>(), [false, false, false, true]);
    let times: Vec<u64> = after.iter().map(|(at, ..)| at.since(start).as_millis()).collect();
    assert_schedule("probe", &times, &[3_000, 1_000, 1_000, 1_000], &[3_217, 4_240, 5_265, 6_289]);
    assert_eq!(lab.recv(client, pair.near, 10), Ok(0));
}

#[test]
fn x9_keepalive_in_close_wait_is_answered_by_a_minisock() {
    let (mut lab, server, client, pair) = kept_alive(5, &[("net.ipv4.tcp_fin_timeout", "10")]);
    lab.send(server, pair.far, 77).expect("there is room");
    lab.close(server, pair.far);
    lab.sleep(secs(7));
    let probes = lab.sent_from(pair.tuple.local.port().0);
    let answers = lab.sent_from(3306);
    assert!(answers.last().expect("it answers").0 > lab.entered(pair.server(), FinWait2), "{probes:?} {answers:?}");
    assert_eq!((lab.state(pair.tuple), lab.state(pair.server())), (Some(CloseWait), Some(FinWait2)));
    assert_eq!(lab.so_error(client, pair.near), None);
}

#[test]
fn x10_keepalive_in_close_wait_finds_the_server_gone() {
    let (mut lab, server, client, pair) = kept_alive(12, &[("net.ipv4.tcp_fin_timeout", "5")]);
    lab.send(server, pair.far, 77).expect("there is room");
    lab.close(server, pair.far);
    lab.sleep(secs(11));
    assert_eq!((lab.state(pair.tuple), lab.state(pair.server())), (Some(CloseWait), None));
    lab.sleep(secs(2));
    assert_eq!(lab.state(pair.tuple), None);
    assert_eq!(lab.so_error(client, pair.near), Some(Errno::Pipe));
    assert_eq!(lab.recv(client, pair.near, 100), Ok(77));
    assert_eq!(lab.recv(client, pair.near, 100), Ok(0));
}

/// How long an orphan lives whose FIN nobody acknowledges, in ms.
fn orphan(retries: &str, after_peer: bool, measured: u64, slack: u64) {
    for seed in 0..10 {
        let mut lab = Lab::seeded(seed, &[("net.ipv4.tcp_orphan_retries", retries)]);
        let (server, client) = (lab.process(), lab.process());
        let pair = lab.connection(server, client, 3306);
        if after_peer {
            lab.close(server, pair.far);
            lab.sleep(ms(200));
        }
        lab.drop_to(3306);
        let start = lab.now();
        lab.close(client, pair.near);
        assert_eq!(lab.kernel().gauges().orphans, 1);
        lab.sleep(secs(130));
        let (end, last) = lab.last_change(pair.tuple);
        assert_eq!((last, lab.state(pair.tuple)), (Closed, None));
        let span = end.since(start).as_millis();
        assert!(span.abs_diff(measured) <= slack, "seed {seed}: {span} ms, measured {measured} ms");
    }
}

#[test]
fn x11_orphan_retries_0_means_8() {
    orphan("0", false, 107_500, 2_600);
}

#[test]
fn x12_orphan_retries_1() {
    orphan("1", false, 1_700, 100);
}

#[test]
fn x13_orphan_retries_3() {
    orphan("3", false, 6_700, 300);
    orphan("3", true, 6_700, 300);
}

const FIN: FlagMatch = FlagMatch { mask: Flags::FIN, set: Flags::FIN };

#[test]
fn x14_simultaneous_close() {
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.drop_flags(FIN);
    lab.close(client, pair.near);
    lab.close(server, pair.far);
    lab.sleep(ms(150));
    assert_eq!((lab.state(pair.tuple), lab.state(pair.server())), (Some(FinWait1), Some(FinWait1)));
    lab.undrop();
    lab.sleep(secs(2));
    for tuple in [pair.tuple, pair.server()] {
        assert_eq!(lab.state(tuple), Some(TimeWait));
        assert!(lab.states(tuple).ends_with(&[FinWait1, Closing, TimeWait]), "{:?}", lab.states(tuple));
    }
    assert_eq!(lab.kernel().count(TimeWait), 2);
    lab.sleep(secs(65));
    for tuple in [pair.tuple, pair.server()] {
        let (end, last) = lab.last_change(tuple);
        assert_eq!(last, Closed);
        assert!((60_000..=62_100).contains(&end.since(lab.entered(tuple, TimeWait)).as_millis()));
    }
}

#[test]
fn x15_simultaneous_open() {
    let mut lab = Lab::loopback(&[]);
    let process = lab.process();
    lab.drop_flags(FlagMatch::SYN);
    let mut ends = Vec::new();
    for (me, peer) in [(5_001, 5_002), (5_002, 5_001)] {
        let fd = lab.open(process);
        lab.option(process, fd, SocketOption::ReuseAddr(true));
        lab.bind(process, fd, lo(me)).expect("the port is free");
        lab.nonblock(process, fd);
        assert_eq!(lab.connect(process, fd, lo(peer)), Err(Errno::InProgress));
        ends.push((fd, FourTuple { local: lo(me), remote: lo(peer) }));
        lab.sleep(ms(300));
    }
    assert!(ends.iter().all(|(_, tuple)| lab.state(*tuple) == Some(SynSent)));
    lab.sleep(ms(300));
    lab.undrop();
    lab.sleep(secs(4));
    assert!(ends.iter().all(|(_, tuple)| lab.state(*tuple) == Some(Established)));
    let crossed = ends.iter().filter(|(_, tuple)| lab.states(*tuple).contains(&SynReceived)).count();
    assert_eq!(crossed, 1, "the other end's SYN arrived while its own was under way");
    assert_eq!(lab.send(process, ends[0].0, 5), Ok(5));
    lab.sleep(ms(1));
    assert_eq!(lab.recv(process, ends[1].0, 10), Ok(5));
}

fn only_states(lab: &Lab) -> Vec<TcpState> {
    lab.kernel().socket_rows().iter().map(|row| row.state).collect()
}

#[test]
fn x16_self_connect() {
    let mut lab = Lab::seeded(16, &[("net.ipv4.ip_local_port_range", "40000 40009")]);
    let process = lab.process();
    let fd = lab.open(process);
    lab.bind(process, fd, lo(5_001)).expect("the port is free");
    assert_eq!(lab.connect(process, fd, lo(5_001)), Ok(()));
    assert_eq!(only_states(&lab), [Established]);
    assert_eq!(lab.send(process, fd, 2), Ok(2));
    lab.sleep(ms(1));
    assert_eq!(lab.recv(process, fd, 10), Ok(2));
    lab.close(process, fd);
    lab.sleep(ms(1));
    assert_eq!(only_states(&lab), [TimeWait], "one, not two");
    // A destination inside the range: sooner or later it is the source port too.
    let mut tries = 0;
    let own = loop {
        tries += 1;
        let fd = lab.open(process);
        match lab.connect(process, fd, lo(40_004)) {
            Ok(()) => break fd,
            Err(errno) => assert_eq!(errno, Errno::ConnRefused),
        }
        lab.close(process, fd);
        assert!(tries < 2_000);
    };
    assert_eq!(lab.name(process, own), lo(40_004));
    lab.close(process, own);
    lab.sleep(ms(1));
    assert_eq!(only_states(&lab), [TimeWait, TimeWait]);
}

#[test]
fn x17_fin_wait2_with_an_open_descriptor_has_no_timeout() {
    let mut lab = Lab::loopback(&[("net.ipv4.tcp_fin_timeout", "3")]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.shutdown(client, pair.near).expect("it is connected");
    lab.sleep(secs(15));
    assert_eq!((lab.state(pair.tuple), lab.state(pair.server())), (Some(FinWait2), Some(CloseWait)));
    // Nor later; but once the descriptor is closed the orphan's 3 s begin.
    lab.sleep(secs(600));
    assert_eq!(lab.state(pair.tuple), Some(FinWait2));
    lab.close(client, pair.near);
    lab.sleep(secs(4));
    assert_eq!(lab.state(pair.tuple), None);
}
