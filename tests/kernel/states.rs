//! S1–S13: how connections end.

use halfclose::errno::Errno;
use halfclose::tcp::TcpState::{CloseWait, Closed, FinWait1, FinWait2, LastAck, TimeWait};
use halfclose::tcp::{TcpSocketOption, TcpState};
use halfclose::time::Duration;
use halfclose_tests::lab::{Connection, Lab, Proc, ms, secs};

struct Bench {
    lab: Lab,
    server: Proc,
    client: Proc,
    pair: Connection,
}

/// A connection over which the server sent 77 bytes.
fn greeted(seed: u64, sysctls: &[(&str, &str)]) -> Bench {
    let mut lab = Lab::seeded(seed, sysctls);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.send(server, pair.far, 77).expect("there is room");
    lab.sleep(ms(500));
    Bench { lab, server, client, pair }
}

/// The same after the server closed and its FIN was acknowledged.
fn half_closed(seed: u64, sysctls: &[(&str, &str)]) -> Bench {
    let mut bench = greeted(seed, sysctls);
    bench.lab.close(bench.server, bench.pair.far);
    bench.lab.sleep(ms(500));
    bench
}

impl Bench {
    fn states(&self) -> (Option<TcpState>, Option<TcpState>) {
        (self.lab.state(self.pair.tuple), self.lab.state(self.pair.server()))
    }
    /// From the server's FIN_WAIT2 to the end of it, in ms.
    fn fin_wait2(&mut self) -> u64 {
        let start = self.lab.entered(self.pair.server(), FinWait2);
        self.lab.sleep(secs(200));
        let (end, last) = self.lab.last_change(self.pair.server());
        assert_eq!(last, Closed);
        end.since(start).as_millis()
    }
    fn send(&mut self) -> Result<u32, Errno> {
        self.lab.send(self.client, self.pair.near, 10)
    }
    fn recv(&mut self) -> Result<u32, Errno> {
        self.lab.recv(self.client, self.pair.near, 4_096)
    }
    /// Number of segments with RST the client's end sent.
    fn resets(&self) -> usize {
        self.lab.sent_from(self.pair.tuple.local.port().0).iter().filter(|(_, flags, _)| flags.rst()).count()
    }
}

/// Measured 40.1 to 48.0 ms; the model keeps within 4 ms of that.
#[test]
fn s1_a_fin_nobody_reacts_to_is_acknowledged_after_the_delayed_ack_timer() {
    for seed in 0..60 {
        let bench = half_closed(seed, &[]);
        let fin = bench.lab.sent_from(3306).iter().find(|(_, flags, _)| flags.fin()).expect("it closed").0;
        let port = bench.pair.tuple.local.port().0;
        let ack = bench.lab.sent_from(port).iter().find(|(at, ..)| *at > fin).expect("it was acknowledged").0;
        let us = ack.since(fin).as_micros();
        assert!((36_000..=52_000).contains(&us), "seed {seed}: {us} us");
    }
}

#[test]
fn s2_the_server_is_in_fin_wait1_until_then() {
    let mut spans = Vec::new();
    for seed in 0..60 {
        let bench = half_closed(seed, &[]);
        let server = bench.pair.server();
        let span = bench.lab.entered(server, FinWait2).since(bench.lab.entered(server, FinWait1));
        spans.push(span.as_micros());
    }
    assert!(spans.iter().all(|us| (36_000..=52_000).contains(us)), "{spans:?}");
    assert!(spans.iter().max() > spans.iter().min().map(|us| us + 2_000).as_ref(), "not one constant: {spans:?}");
}

#[test]
fn s3_an_orphan_in_fin_wait2_is_a_minisock() {
    let bench = half_closed(3, &[]);
    assert_eq!(bench.states(), (Some(CloseWait), Some(FinWait2)));
    let stats = bench.lab.kernel().sockstats();
    assert_eq!((stats.tw, stats.orphan), (1, 0));
    // The listener and the client's socket are all that is hashed.
    assert_eq!((stats.tcp_inuse, stats.alloc), (2, 2));
}

/// Measured 61.8 to 62.3 s by samples half a second apart.
#[test]
fn s4_fin_timeout_60_is_rounded_up_by_the_timer_wheel() {
    for seed in 0..20 {
        let span = half_closed(seed, &[("net.ipv4.tcp_fin_timeout", "60")]).fin_wait2();
        assert!((60_000..=62_300).contains(&span), "seed {seed}: {span} ms");
    }
}

#[test]
fn s5_fin_timeout_10() {
    for seed in 0..20 {
        let span = half_closed(seed, &[("net.ipv4.tcp_fin_timeout", "10")]).fin_wait2();
        assert!((10_000..=10_500).contains(&span), "seed {seed}: {span} ms");
    }
}

#[test]
fn s6_fin_timeout_65_is_five_seconds_twice() {
    for seed in 0..10 {
        let mut bench = half_closed(seed, &[("net.ipv4.tcp_fin_timeout", "65")]);
        let stats = bench.lab.kernel().sockstats();
        assert_eq!((stats.tw, stats.orphan), (0, 1), "first as an orphan");
        bench.lab.sleep(secs(6));
        let stats = bench.lab.kernel().sockstats();
        assert_eq!((stats.tw, stats.orphan), (1, 0), "then as a minisock");
        let span = bench.fin_wait2();
        assert!((10_000..=10_600).contains(&span), "seed {seed}: {span} ms");
    }
}

/// Measured 62.5 s: two timers of 30 s, each up to 2.05 s late.
#[test]
fn s7_fin_timeout_90_is_thirty_seconds_twice() {
    for seed in 0..10 {
        let mut bench = half_closed(seed, &[("net.ipv4.tcp_fin_timeout", "90")]);
        let span = bench.fin_wait2();
        assert!((60_000..=64_200).contains(&span), "seed {seed}: {span} ms");
    }
}

#[test]
fn s8_close_wait_has_no_timer() {
    let mut bench = half_closed(8, &[]);
    bench.lab.sleep(secs(150));
    let row = bench.lab.row(bench.pair.tuple).expect("the client leaks");
    assert_eq!((row.state, row.recv_q, row.timer), (CloseWait, 78, None));
    // Nor after an hour: nothing in the kernel will ever end it.
    bench.lab.sleep(secs(3_600));
    assert_eq!(bench.states(), (Some(CloseWait), None));
}

#[test]
fn s9_close_with_unread_data_resets() {
    for closed_by_server in [false, true] {
        let mut bench = if closed_by_server { half_closed(9, &[]) } else { greeted(9, &[]) };
        bench.lab.close(bench.client, bench.pair.near);
        bench.lab.sleep(ms(1));
        assert_eq!(bench.resets(), 1);
        assert_eq!(bench.states(), (None, None));
        assert_eq!(bench.lab.kernel().timewait_len(), 0);
    }
}

#[test]
fn s10_close_after_reading_everything_sends_a_fin() {
    let mut bench = half_closed(10, &[]);
    assert_eq!((bench.recv(), bench.recv()), (Ok(77), Ok(0)));
    bench.lab.sleep(secs(20));
    bench.lab.close(bench.client, bench.pair.near);
    bench.lab.sleep(ms(1));
    assert_eq!(bench.resets(), 0);
    assert_eq!(bench.states(), (None, Some(TimeWait)));
    assert!(bench.lab.states(bench.pair.tuple).ends_with(&[CloseWait, LastAck, Closed]));
    // 60 s more, from the client's FIN.
    let start = bench.lab.now();
    bench.lab.sleep(secs(100));
    let (end, last) = bench.lab.last_change(bench.pair.server());
    assert_eq!(last, Closed);
    assert!((60_000..=62_100).contains(&end.since(start).as_millis()), "{end}");
}

#[test]
fn s11_a_killed_process_sends_a_fin_if_only_the_fin_is_unread() {
    for (read, resets) in [(true, 0), (false, 1)] {
        let mut bench = greeted(11, &[]);
        if read {
            assert_eq!(bench.recv(), Ok(77));
        }
        bench.lab.close(bench.server, bench.pair.far);
        bench.lab.sleep(ms(500));
        assert_eq!(bench.lab.row(bench.pair.tuple).map(|row| row.recv_q), Some(if read { 1 } else { 78 }));
        bench.lab.kill(bench.client);
        bench.lab.sleep(ms(1));
        assert_eq!(bench.resets(), resets);
        assert_eq!(bench.states(), (None, if read { Some(TimeWait) } else { None }));
    }
}

#[test]
fn s12_writing_to_a_peer_that_closed() {
    for (late, server) in [(secs(5), Some(FinWait2)), (secs(70), None)] {
        let mut bench = half_closed(12, &[]);
        bench.lab.sleep(late);
        assert_eq!(bench.states(), (Some(CloseWait), server));
        assert_eq!(bench.send(), Ok(10), "the first write succeeds");
        bench.lab.sleep(ms(50));
        assert_eq!(bench.states(), (None, None), "its answer is a reset");
        assert_eq!(bench.send(), Err(Errno::Pipe));
        assert_eq!((bench.recv(), bench.recv()), (Ok(77), Ok(0)), "what had arrived can be read");
        assert_eq!(bench.send(), Err(Errno::Pipe));
    }
}

#[test]
fn s13_a_reset_with_unread_data_on_an_established_connection() {
    let mut bench = greeted(13, &[]);
    bench.lab.tcp_option(bench.server, bench.pair.far, TcpSocketOption::Linger(Some(Duration::ZERO)));
    bench.lab.close(bench.server, bench.pair.far);
    bench.lab.sleep(ms(300));
    assert_eq!(bench.recv(), Ok(77));
    assert_eq!(bench.recv(), Err(Errno::ConnReset));
    assert_eq!(bench.recv(), Ok(0));
    assert_eq!(bench.send(), Err(Errno::Pipe));
    assert_eq!(bench.states(), (None, None));
    let peer = halfclose::app::Call::GetPeerName { fd: bench.pair.near };
    assert_eq!(bench.lab.call(bench.client, peer), Err(Errno::NotConn));
    assert_eq!(bench.lab.name(bench.client, bench.pair.near), bench.pair.tuple.local, "the name stays");
}

/// Beside the list: a socket with its descriptor still open is not an orphan.
#[test]
fn s_shutdown_keeps_the_socket() {
    let mut bench = half_closed(14, &[]);
    assert_eq!(bench.lab.shutdown(bench.client, bench.pair.near), Ok(()));
    bench.lab.sleep(ms(1));
    assert_eq!(bench.states(), (None, Some(TimeWait)));
    assert_eq!((bench.recv(), bench.recv()), (Ok(77), Ok(0)));
    let stats = bench.lab.kernel().sockstats();
    assert_eq!((stats.tw, stats.orphan, stats.tcp_inuse, stats.alloc), (1, 0, 1, 2));
}
