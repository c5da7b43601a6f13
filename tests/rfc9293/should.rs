//! SHLD, MAY and REC.

use halfclose::app::SocketOption;
use halfclose::errno::Errno;
use halfclose::tcp::TcpSocketOption;
use halfclose::tcp::TcpState::{self, CloseWait, Established, FinWait1, FinWait2, SynReceived, TimeWait};
use halfclose::units::HostId;
use halfclose::wire::{Flags, Payload, Segment, UnreachableCode};
use halfclose_tests::lab::{ms, secs, wheel};
use halfclose_tests::peer::{Bench, peer};

use crate::must::shut_out;
use crate::support::{FIN_ACK, SYN_ACK, gaps_ms, opened_by, past_quick_acks, times_ms};

fn isn_to(bench: &mut Bench, port: u16) -> halfclose::wire::SeqNum {
    let fd = bench.lab.open(bench.app);
    bench.lab.nonblock(bench.app, fd);
    assert_eq!(bench.lab.connect(bench.app, fd, peer(port)), Err(Errno::InProgress));
    bench.sent()[0].seq
}

#[test]
fn shld_1_the_isn_is_a_keyed_function_of_the_tuple() {
    let isns = |seed: u64| -> Vec<u32> {
        let mut bench = Bench::seeded(seed, &[]);
        (90..96).map(|port| isn_to(&mut bench, port).0).collect()
    };
    let one = isns(1);
    assert_eq!(one, isns(1), "the same seed");
    assert!(one.iter().zip(isns(2)).all(|(a, b)| *a != b), "another secret");
    // Neighbouring tuples are no neighbours in number: the clock alone moves a few thousand.
    assert!(one.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1 << 16), "{one:?}");
}

#[test]
fn shld_2_a_reset_may_carry_data() {
    let mut bench = Bench::accepted(&[]);
    let reset = Segment { payload: Payload::opaque(20), ..bench.seg(Flags::RST) };
    assert_eq!(bench.arrive(reset), []);
    assert_eq!((bench.state(), bench.read()), (TcpState::Closed, Err(Errno::ConnReset)));
}

#[test]
fn shld_3_data_lost_by_a_close_is_told_by_a_reset() {
    let mut unread = Bench::accepted(&[]);
    let _ = unread.arrive(unread.data(10));
    unread.close();
    assert_eq!(unread.sent().last().map(|seg| seg.flags.rst()), Some(true));
    assert_eq!(unread.state(), TcpState::Closed);
    let mut late = Bench::accepted(&[]);
    late.lead_to(FinWait2, true);
    let reply = late.arrive(late.data(10));
    assert!(reply[0].flags.rst());
    assert_eq!(late.state(), TcpState::Closed);
}

/// A connection with timestamps in TIME-WAIT, and the peer's last timestamp.
fn stamped_time_wait() -> (Bench, u32) {
    let mut syn = Bench::syn();
    syn.options.timestamp = Some((1_000, 0));
    let mut bench = Bench::listening(&[]);
    let echo = bench.arrive(syn)[0].options.timestamp.expect("timestamps were offered").0;
    let stamp = |mut seg: Segment| {
        seg.options.timestamp = Some((1_000, echo));
        seg
    };
    let ack = stamp(bench.seg(Flags::ACK));
    assert_eq!(bench.arrive(ack), []);
    bench.fd = Some(bench.lab.accept(bench.app, bench.listener.expect("it listens")));
    bench.finish(true);
    let fin = stamp(bench.seg(FIN_ACK));
    let _ = bench.arrive(fin);
    assert_eq!(bench.state(), TimeWait);
    (bench, 1_000)
}

#[test]
fn shld_4_timestamps_shorten_time_wait() {
    for (newer, opened) in [(1, true), (0, false)] {
        let (mut bench, last) = stamped_time_wait();
        // Below the old range: only the timestamp can tell that it is new (RFC 6191).
        let mut syn = Segment { seq: bench.nxt.sub(10_000), ..Bench::syn() };
        syn.options.timestamp = Some((last + newer, 0));
        let reply = bench.arrive(syn);
        assert_eq!(reply[0].flags, if opened { SYN_ACK } else { Flags::ACK });
        assert_eq!(bench.state(), if opened { SynReceived } else { TimeWait });
    }
}

#[test]
fn shld_5_the_syn_has_the_mss_option() {
    assert_eq!(Bench::dialled(&[]).sent()[0].options.mss, Some(1_460));
}

#[test]
fn shld_7_small_writes_wait_for_the_ack() {
    let mut bench = Bench::accepted(&[]);
    assert_eq!((bench.write(5), bench.sent().len()), (Ok(5), 1));
    assert_eq!((bench.write(5), bench.write(5), bench.sent().len()), (Ok(5), Ok(5), 0));
    let reply = bench.arrive(bench.seg(Flags::ACK));
    assert_eq!(reply.iter().map(|seg| seg.payload.len()).collect::<Vec<_>>(), [10]);
}

#[test]
fn shld_10_r1_is_three_retransmissions() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.lab.world.kernel(HostId(0)).sysctls().get("net.ipv4.tcp_retries1").as_deref(), Some("3"));
}

#[test]
fn shld_11_r2_is_more_than_100_seconds() {
    let mut bench = Bench::accepted(&[]);
    assert!(bench.write(10).is_ok());
    let start = bench.lab.now();
    let _ = bench.wait(secs(1_500));
    let end = bench.lab.last_change(bench.tuple).0.since(start).as_millis();
    // 15 back-offs from 200 ms are 924.6 s; it is noticed at the time-out after that.
    assert!((924_600..1_100_000).contains(&end), "{end}");
}

#[test]
fn shld_12_a_probe_has_no_data() {
    let mut bench = Bench::accepted(&[]);
    bench.set(TcpSocketOption::KeepIdle(secs(10)));
    bench.set(TcpSocketOption::KeepAlive(true));
    let probes = bench.wait(secs(12));
    assert_eq!(probes.len(), 1);
    assert_eq!((probes[0].seq, probes[0].payload.len()), (bench.host_nxt.sub(1), 0));
}

#[test]
fn shld_14_the_receiver_does_not_shrink_its_window() {
    let mut bench = Bench::listening(&[]);
    bench.set_listener(TcpSocketOption::RcvBuf(8_192));
    bench.handshake(&Bench::syn());
    for round in 0..60 {
        let _ = bench.arrive(bench.data(200));
        if round % 7 == 0 {
            let _ = bench.read();
        }
        let _ = bench.wait(ms(50));
    }
    let acks = bench.lab.recorder.packets.iter().filter_map(|(_, _, packet)| match &packet.body {
        halfclose::wire::Body::Tcp { segment, .. } if !segment.flags.syn() => {
            Some(segment.ack.add(u32::from(segment.window)))
        }
        halfclose::wire::Body::Tcp { .. } | halfclose::wire::Body::Udp(_) | halfclose::wire::Body::Icmp(_) => None,
    });
    let edges: Vec<_> = acks.collect();
    assert!(edges.len() > 10);
    assert!(edges.windows(2).all(|pair| !pair[1].before(pair[0])), "{edges:?}");
}

/// In flight: segments of 1460; the window then shrinks to 1000 past the first.
fn shrunk() -> (Bench, Vec<Segment>) {
    let mut bench = Bench::accepted(&[]);
    assert_eq!(bench.write(20_000), Ok(20_000));
    let sent = bench.sent();
    let ack = sent[0].end_seq();
    let reply = bench.arrive(Segment { ack, window: 1_000, ..bench.seg(Flags::ACK) });
    assert!(reply.iter().all(|seg| seg.payload.is_empty()), "{reply:?}");
    (bench, sent)
}

#[test]
fn shld_15_nothing_new_past_a_shrunken_window() {
    let (mut bench, sent) = shrunk();
    let highest = sent.last().expect("it was sent").end_seq();
    for segment in bench.wait(secs(20)) {
        assert!(!segment.end_seq().after(highest), "{segment:?}");
    }
}

#[test]
fn shld_16_what_is_inside_is_sent_again() {
    let (mut bench, sent) = shrunk();
    let again = bench.wait(secs(3));
    let first = again.iter().find(|seg| seg.seq == sent[0].end_seq()).expect("SND.UNA is sent again");
    assert!(first.payload.len() <= 1_460);
}

#[test]
fn shld_17_no_time_out_for_data_beyond_the_edge() {
    let mut bench = Bench::accepted(&[]);
    assert!(bench.write(10).is_ok());
    let _ = bench.sent();
    // The window closes behind what is in flight; every resend is answered with the old ACK.
    let una = bench.host_nxt.sub(10);
    for _ in 0..1_000 {
        for _ in bench.wait(secs(2)) {
            let _ = bench.arrive(Segment { ack: una, window: 0, ..bench.seg(Flags::ACK) });
        }
    }
    assert_eq!((bench.state(), bench.error()), (Established, None));
}

#[test]
fn shld_18_acks_are_delayed() {
    let mut bench = Bench::accepted(&[]);
    past_quick_acks(&mut bench);
    assert_eq!(bench.arrive(bench.data(1)), []);
    assert_eq!(bench.wait(ms(300)).len(), 1);
}

#[test]
fn shld_19_every_second_full_segment_is_acknowledged() {
    let mut bench = Bench::accepted(&[]);
    past_quick_acks(&mut bench);
    let mut acks = 0;
    for _ in 0..20 {
        acks += bench.arrive(bench.data(1_460)).len();
        // Where nobody reads, Linux waits for the window to open (__tcp_ack_snd_check).
        assert!(bench.read().is_ok());
        acks += bench.sent().len();
    }
    assert!(acks >= 10, "{acks} ACKs at once for 20 segments");
}

#[test]
fn shld_25_unreachable_0_1_5_is_told() {
    for (code, errno) in [(UnreachableCode::Net, Errno::NetUnreach), (UnreachableCode::Host, Errno::HostUnreach)] {
        let mut bench = Bench::accepted(&[]);
        assert!(bench.write(10).is_ok());
        let sent = bench.sent();
        let _ = bench.icmp(code, sent[0].seq);
        assert_eq!((bench.error(), bench.state()), (Some(errno), Established));
    }
}

/// Linux aborts for these only while the connection opens (RFC 5461, RFC 5927).
#[test]
fn shld_26_unreachable_2_to_4_abort_an_attempt() {
    for (code, errno) in [(UnreachableCode::Protocol, Errno::NoProtoOpt), (UnreachableCode::Port, Errno::ConnRefused)] {
        let mut dialling = Bench::dialled(&[]);
        let _ = dialling.sent();
        let _ = dialling.icmp(code, dialling.iss);
        assert_eq!((dialling.state(), dialling.error()), (TcpState::Closed, Some(errno)));
        let mut open = Bench::accepted(&[]);
        assert!(open.write(10).is_ok());
        let sent = open.sent();
        let _ = open.icmp(code, sent[0].seq);
        assert_eq!(open.state(), Established, "the known deviation");
    }
}

#[test]
fn shld_29_the_first_window_probe_after_one_rto() {
    let mut bench = shut_out();
    let times = times_ms(&mut bench, secs(1));
    // The handshake took no time: the RTO is tcp_rto_min.
    assert!((200..=200 + wheel(ms(200)).as_millis()).contains(&times[0]), "{times:?}");
}

#[test]
fn shld_30_probes_back_off() {
    let mut bench = shut_out();
    let gaps = gaps_ms(&times_ms(&mut bench, secs(400)));
    let doubles = |pair: &[u64]| pair[1] * 100 >= pair[0] * 180 && pair[1] * 100 <= pair[0] * 220;
    assert!(gaps.len() >= 7 && gaps.windows(2).take(6).all(doubles), "{gaps:?}");
    // Up to tcp_rto_max.
    let _ = bench.wait(secs(300));
    let gaps = gaps_ms(&times_ms(&mut bench, secs(700)));
    assert!(gaps.iter().all(|gap| (120_000..=123_000).contains(gap)), "{gaps:?}");
}

#[test]
fn shld_31_what_is_out_of_order_is_kept() {
    let mut bench = Bench::accepted(&[]);
    let hole = bench.data(10);
    let fin = Segment { seq: hole.seq.add(20), ..bench.seg(FIN_ACK) };
    let ahead = Segment { seq: hole.seq.add(10), ..bench.data(10) };
    let _ = bench.arrive(fin);
    let _ = bench.arrive(ahead);
    assert_eq!((bench.state(), bench.read()), (Established, Err(Errno::Again)));
    let _ = bench.arrive(hole);
    assert_eq!(bench.state(), CloseWait);
    assert_eq!((bench.read(), bench.read()), (Ok(20), Ok(0)));
}

#[test]
fn may_1_a_half_duplex_close() {
    for state in [FinWait1, FinWait2] {
        let mut bench = Bench::accepted(&[]);
        bench.lead_to(state, true);
        let reply = bench.arrive(bench.data(1));
        assert!(reply[0].flags.rst(), "{state}");
    }
}

#[test]
fn may_2_a_higher_isn_reopens_time_wait() {
    for (above, opened) in [(1, true), (0, false)] {
        let mut bench = Bench::accepted(&[]);
        bench.lead_to(TimeWait, true);
        let old = bench.host_nxt;
        let reply = bench.arrive(Segment { seq: bench.nxt.add(above), ..Bench::syn() });
        assert_eq!(reply[0].flags, if opened { SYN_ACK } else { Flags::ACK });
        if opened {
            assert!(reply[0].seq.after(old), "its own number is above the old ones");
        }
    }
}

#[test]
fn may_3_mss_is_always_sent() {
    for mss in [Some(536), Some(1_460), None] {
        let mut syn = Bench::syn();
        syn.options.mss = mss;
        let mut bench = Bench::listening(&[]);
        assert_eq!(bench.arrive(syn)[0].options.mss, Some(1_460));
    }
}

#[test]
fn may_5_keep_alives_exist() {
    let mut bench = Bench::accepted(&[]);
    bench.set(TcpSocketOption::KeepIdle(secs(5)));
    assert_eq!(bench.wait(secs(20)), []);
    bench.set(TcpSocketOption::KeepAlive(true));
    assert!(!bench.wait(secs(20)).is_empty());
}

#[test]
fn may_8_a_window_may_stay_closed_for_ever() {
    let mut bench = Bench::listening(&[]);
    bench.set_listener(TcpSocketOption::RcvBuf(4_096));
    bench.handshake(&Bench::syn());
    for _ in 0..40 {
        let _ = bench.arrive(bench.data(500));
    }
    // The peer probes for a week, the application never reads.
    for _ in 0..7 * 24 {
        let _ = bench.wait(secs(3_600));
        let probe = Segment { seq: bench.nxt.sub(1), ..bench.seg(Flags::ACK) };
        let reply = bench.arrive(probe);
        assert!(reply.iter().all(|seg| !seg.flags.rst()));
    }
    assert_eq!(bench.state(), Established);
}

#[test]
fn may_12_acks_outside_the_range_draw_a_challenge() {
    let mut bench = Bench::accepted(&[]);
    for ack in [bench.host_nxt.add(1), bench.host_nxt.sub(100_000)] {
        let _ = bench.wait(secs(1));
        let reply = bench.arrive(Segment { ack, ..bench.data(5) });
        assert_eq!(reply.len(), 1, "{reply:?}");
        assert_eq!((reply[0].flags, reply[0].ack), (Flags::ACK, Bench::syn().seq.add(1)));
        bench.nxt = Bench::syn().seq.add(1);
        assert_eq!(bench.read(), Err(Errno::Again), "its data is dropped");
    }
}

#[test]
fn may_13_out_of_order_is_acknowledged_at_once() {
    let mut bench = Bench::accepted(&[]);
    past_quick_acks(&mut bench);
    let nxt = bench.nxt;
    let reply = bench.arrive(Segment { seq: nxt.add(50), ..bench.data(10) });
    assert_eq!(reply.iter().map(|ack| ack.ack).collect::<Vec<_>>(), [nxt]);
}

#[test]
fn rec_1_windows_are_kept_in_32_bits() {
    let mut syn = Bench::syn();
    syn.options.wscale = Some(14);
    let mut bench = opened_by(&syn, &[]);
    bench.lab.option(bench.app, bench.end(), SocketOption::Tcp(TcpSocketOption::SndBuf(4 << 20)));
    let _ = bench.arrive(bench.seg(Flags::ACK));
    // More than 16 bits of data in flight at once.
    let (mut most, mut una) = (0, bench.host_nxt);
    assert!(bench.write(1 << 20).is_ok());
    for _ in 0..200 {
        let _ = bench.wait(ms(1));
        most = most.max(bench.host_nxt.distance(una));
        una = una.add(bench.host_nxt.distance(una).min(2 * 1_460));
        let _ = bench.arrive(Segment { ack: una, ..bench.seg(Flags::ACK) });
    }
    assert!(most > 1 << 16, "{most} bytes in flight");
}
