//! MUST-40 to MUST-67: acknowledgments, user calls, ICMP, addresses.

use halfclose::app::SocketOption;
use halfclose::errno::Errno;
use halfclose::tcp::TcpState::{self, CloseWait, Established, SynReceived, SynSent};
use halfclose::units::{FourTuple, Ipv4Addr};
use halfclose::wire::{Flags, Packet, Segment, UnreachableCode};
use halfclose_tests::lab::{Lab, at, lo, ms, secs};
use halfclose_tests::peer::{Bench, HOST, PEER, PORT, peer};

use crate::support::{SYN_ACK, past_quick_acks};

/// Linux acknowledges the first segments at once (quick ACK), later ones within 40 to 200 ms.
#[test]
fn must_40_a_delayed_ack_comes_within_half_a_second() {
    let mut bench = Bench::accepted(&[]);
    let mut longest = 0;
    for _ in 0..40 {
        let start = bench.lab.now();
        let at_once = bench.arrive(bench.data(1));
        bench.lab.sleep(ms(190));
        let later = bench.sent_at();
        assert_eq!(at_once.len() + later.len(), 1, "one ACK, and in time");
        longest = later.first().map_or(longest, |(at, _)| longest.max(at.since(start).as_millis()));
    }
    assert!((40..=208).contains(&longest), "{longest} ms");
}

#[test]
fn must_41_a_passive_open_leaves_connections_alone() {
    let mut bench = Bench::accepted(&[]);
    let second = bench.lab.open(bench.app);
    assert_eq!(bench.lab.bind(bench.app, second, at(HOST, PORT)), Err(Errno::AddrInUse));
    // Its listener gone, another may have the port; the connection stays.
    let listener = bench.listener.take().expect("it listens");
    bench.lab.close(bench.app, listener);
    bench.listener = Some(bench.lab.listener(bench.app, at(HOST, PORT), 8));
    assert_eq!(bench.state(), Established);
    let _ = bench.arrive(bench.data(4));
    assert_eq!(bench.read(), Ok(4));
}

#[test]
fn must_42_listening_beside_a_connection_that_opens() {
    let mut bench = Bench::new(&[]);
    let port = bench.bound_dial();
    assert_eq!(bench.state(), SynSent);
    let listener = bench.lab.listener(bench.app, at(HOST, port), 8);
    let other = FourTuple { local: at(HOST, port), remote: peer(4_000) };
    assert_eq!(bench.arrive_on(other, Bench::syn())[0].flags, SYN_ACK);
    assert_eq!(bench.state(), SynSent);
    // And beside the half-open one that makes.
    let second = bench.lab.listener(bench.app, at([127, 0, 0, 1], port), 8);
    assert_ne!(listener, second);
    assert_eq!(bench.lab.state(other), Some(SynReceived));
}

#[test]
fn must_43_the_local_address_can_be_given() {
    let addrs = [Ipv4Addr::from(HOST), Ipv4Addr::new(10, 0, 0, 9)];
    let mut lab = Lab::with_addrs(1, &addrs, &[]);
    let app = lab.process();
    let _listener = lab.listener(app, at([10, 0, 0, 9], PORT), 8);
    let refused = lab.open(app);
    assert_eq!(lab.connect(app, refused, at(HOST, PORT)), Err(Errno::ConnRefused));
    let fd = lab.open(app);
    assert_eq!(lab.bind(app, fd, at(HOST, 0)), Ok(()));
    assert_eq!(lab.connect(app, fd, at([10, 0, 0, 9], PORT)), Ok(()));
    assert_eq!(lab.name(app, fd).addr(), Ipv4Addr::from(HOST));
    let nowhere = lab.open(app);
    assert_eq!(lab.bind(app, nowhere, at([192, 0, 2, 1], 0)), Err(Errno::AddrNotAvail));
}

#[test]
fn must_44_else_the_route_gives_it() {
    let bench = Bench::dialled(&[]);
    assert_eq!(bench.tuple.local.addr(), Ipv4Addr::from(HOST));
    let mut lab = Lab::loopback(&[]);
    let app = lab.process();
    let _listener = lab.listener(app, lo(PORT), 8);
    let fd = lab.connected(app, lo(PORT));
    assert_eq!(lab.name(app, fd).addr(), Ipv4Addr::LOCALHOST);
}

#[test]
fn must_45_the_connection_keeps_it() {
    let mut bench = Bench::connected(&[]);
    assert!(bench.write(5_000).is_ok());
    let _ = bench.arrive(bench.data(3));
    let _ = bench.wait(secs(3));
    bench.finish(false);
    let tuples: Vec<_> = bench.lab.recorder.packets.iter().filter_map(|(_, _, packet)| packet.tuple()).collect();
    assert!(tuples.len() > 5 && tuples.iter().all(|tuple| *tuple == bench.tuple), "{tuples:?}");
}

#[test]
fn must_46_no_open_to_broadcast_or_multicast() {
    let mut bench = Bench::new(&[]);
    for addr in [[255, 255, 255, 255], [224, 0, 0, 1], [239, 1, 2, 3]] {
        let fd = bench.lab.open(bench.app);
        assert_eq!(bench.lab.connect(bench.app, fd, at(addr, 90)), Err(Errno::NetUnreach));
        assert_eq!(bench.sent(), []);
    }
}

#[test]
fn must_47_soft_errors_can_be_learnt() {
    let mut bench = Bench::accepted(&[]);
    assert!(bench.write(10).is_ok());
    let sent = bench.sent();
    let _ = bench.icmp(UnreachableCode::Host, sent[0].seq);
    assert_eq!((bench.error(), bench.error()), (Some(Errno::HostUnreach), None));
    // Not asked for, it is what the time-out says in the end.
    let _ = bench.icmp(UnreachableCode::Host, sent[0].seq);
    let _ = bench.wait(secs(1_200));
    assert_eq!((bench.state(), bench.error()), (TcpState::Closed, Some(Errno::HostUnreach)));
}

#[test]
fn must_54_icmp_reaches_the_connection_it_quotes() {
    let mut bench = Bench::dialled(&[]);
    let first = bench.tuple;
    bench.dial();
    let sent = bench.sent();
    assert_ne!(first, bench.tuple);
    // A number outside what is unacknowledged is not ours.
    let _ = bench.icmp(UnreachableCode::Port, bench.iss.sub(1));
    let _ = bench.icmp(UnreachableCode::Port, bench.iss.add(2));
    assert_eq!((bench.state(), bench.lab.state(first)), (SynSent, Some(SynSent)));
    let _ = bench.icmp(UnreachableCode::Port, sent[1].seq);
    assert_eq!((bench.state(), bench.lab.state(first)), (TcpState::Closed, Some(SynSent)));
    assert_eq!(bench.error(), Some(Errno::ConnRefused));
}

#[test]
fn must_55_source_quench_is_discarded() {
    let mut dialling = Bench::dialled(&[]);
    let _ = dialling.sent();
    assert_eq!(dialling.icmp(UnreachableCode::SourceQuench, dialling.iss), []);
    assert_eq!((dialling.state(), dialling.error()), (SynSent, None));
    let mut open = Bench::accepted(&[]);
    assert!(open.write(10).is_ok());
    let sent = open.sent();
    assert_eq!(open.icmp(UnreachableCode::SourceQuench, sent[0].seq), []);
    assert_eq!((open.state(), open.error()), (Established, None));
}

#[test]
fn must_56_unreachable_0_1_5_do_not_abort() {
    for state in [Established, TcpState::FinWait1, CloseWait] {
        for code in [UnreachableCode::Net, UnreachableCode::Host, UnreachableCode::Other(5)] {
            let mut bench = Bench::accepted(&[]);
            bench.lead_to(state, false);
            if state != TcpState::FinWait1 {
                assert!(bench.write(10).is_ok());
                let _ = bench.sent();
            }
            let _ = bench.icmp(code, bench.host_nxt.sub(1));
            assert_eq!(bench.state(), state, "{code:?}");
        }
    }
}

#[test]
fn must_57_a_syn_to_broadcast_or_multicast_is_discarded() {
    for addr in [[255, 255, 255, 255], [224, 0, 0, 1]] {
        let mut bench = Bench::listening(&[]);
        bench.listener = Some(bench.lab.listener(bench.app, at([0, 0, 0, 0], PORT + 1), 8));
        let tuple = FourTuple { local: at(addr, PORT + 1), ..bench.tuple };
        assert_eq!(bench.inject(Packet::tcp(tuple.mirrored(), Bench::syn())), []);
        assert_eq!(bench.lab.kernel().count(SynReceived), 0);
    }
}

/// One delayed ACK covers what came before it.
#[test]
fn must_58_acks_are_aggregated() {
    let mut bench = Bench::accepted(&[]);
    past_quick_acks(&mut bench);
    for _ in 0..3 {
        let segment = bench.data(1);
        assert_eq!(bench.arrive(segment), []);
    }
    let acks = bench.wait(ms(300));
    assert_eq!(acks.len(), 1, "{acks:?}");
    assert_eq!(acks[0].ack, bench.nxt);
}

#[test]
fn must_59_queued_segments_are_processed_before_the_ack() {
    let mut bench = Bench::accepted(&[]);
    let hole = bench.data(100);
    for number in 1..=3 {
        let later = Segment { seq: hole.seq.add(number * 100), ..bench.data(100) };
        let reply = bench.arrive(later);
        assert!(reply.iter().all(|ack| ack.ack == hole.seq), "{reply:?}");
    }
    let filled = bench.arrive(hole.clone());
    assert_eq!(filled.len(), 1, "{filled:?}");
    assert_eq!(filled[0].ack, hole.seq.add(400));
    assert_eq!(bench.read(), Ok(400));
}

#[test]
fn must_60_nothing_is_held_back_for_ever() {
    let mut bench = Bench::accepted(&[]);
    let mut got = 0;
    for _ in 0..50 {
        // Nagle holds small writes back only until the ACK of what is out.
        assert_eq!(bench.write(7), Ok(7));
        let out = bench.wait(ms(20));
        got += out.iter().map(|seg| seg.payload.len()).sum::<u32>();
        let more = bench.arrive(bench.seg(Flags::ACK));
        got += more.iter().map(|seg| seg.payload.len()).sum::<u32>();
    }
    assert_eq!(got, 350);
}

#[test]
fn must_61_the_last_segment_of_a_write_carries_psh() {
    for bytes in [1, 1_460, 1_461, 4_000] {
        let mut bench = Bench::accepted(&[]);
        bench.set(halfclose::tcp::TcpSocketOption::NoDelay(true));
        assert_eq!(bench.write(bytes), Ok(bytes));
        let sent = bench.sent();
        let last = sent.last().expect("it was sent");
        assert!(last.flags.has(Flags::PSH), "{bytes}: {sent:?}");
    }
}

#[test]
fn must_63_a_syn_from_no_host_is_ignored() {
    for addr in [[255, 255, 255, 255], [224, 0, 0, 1], [0, 0, 0, 0]] {
        let mut bench = Bench::listening(&[]);
        let tuple = FourTuple { remote: at(addr, 4_000), ..bench.tuple };
        assert_eq!(bench.arrive_on(tuple, Bench::syn()), []);
        assert_eq!(bench.lab.kernel().count(SynReceived), 0);
    }
}

#[test]
fn must_65_the_mss_option_is_on_syns_only() {
    let mut passive = Bench::accepted(&[]);
    assert!(passive.write(5_000).is_ok());
    passive.lead_to(TcpState::Closing, false);
    let _ = passive.wait(secs(5));
    let mut active = Bench::connected(&[]);
    let _ = active.arrive(active.data(10));
    let _ = active.wait(secs(5));
    for bench in [&passive, &active] {
        let mut segments = 0;
        for (_, _, packet) in &bench.lab.recorder.packets {
            if let halfclose::wire::Body::Tcp { segment, .. } = &packet.body {
                assert_eq!(segment.options.mss.is_some(), segment.flags.syn(), "{segment:?}");
                segments += 1;
            }
        }
        assert!(segments >= 2);
    }
}

#[test]
fn must_66_reset_and_urgent_are_processed_before_a_closed_window() {
    let full = || {
        let mut bench = Bench::listening(&[]);
        bench.set_listener(halfclose::tcp::TcpSocketOption::RcvBuf(4_096));
        bench.handshake(&Bench::syn());
        let mut window = 500;
        for _ in 0..40 {
            let at_once = bench.arrive(bench.data(u32::from(window.min(500)))).pop();
            let ack = at_once.or_else(|| bench.wait(ms(300)).pop()).expect("data is acknowledged");
            window = ack.window;
            if window == 0 {
                return bench;
            }
        }
        panic!("the window never closes");
    };
    let mut reset = full();
    let _ = reset.arrive(Segment { seq: last_ack(&reset), ..reset.seg(Flags::RST) });
    assert_eq!((reset.state(), reset.error()), (TcpState::Closed, Some(Errno::ConnReset)));
    // An ACK counts too.
    let mut acked = full();
    assert!(acked.write(10).is_ok());
    let _ = acked.sent();
    let seq = last_ack(&acked);
    let _ = acked.arrive(Segment { seq, ..acked.seg(Flags::ACK) });
    assert_eq!(acked.lab.row(acked.tuple).map(|row| row.send_q), Some(0));
}

/// RCV.NXT, as the host has told it.
fn last_ack(bench: &Bench) -> halfclose::wire::SeqNum {
    let mut acks = bench.lab.recorder.packets.iter().rev().filter_map(|(_, _, packet)| match &packet.body {
        halfclose::wire::Body::Tcp { segment, .. } => Some(segment.ack),
        halfclose::wire::Body::Udp(_) | halfclose::wire::Body::Icmp(_) => None,
    });
    acks.next().expect("it has answered")
}

/// One MTU a link: 1500, and 65535 on loopback.
#[test]
fn must_67_the_advertised_mss_is_the_mtu_less_the_headers() {
    assert_eq!(Bench::dialled(&[]).sent()[0].options.mss, Some(1_500 - 40));
    let mut lab = Lab::loopback(&[]);
    let app = lab.process();
    let _listener = lab.listener(app, lo(PORT), 8);
    let _fd = lab.connected(app, lo(PORT));
    let halfclose::wire::Body::Tcp { segment, .. } = &lab.recorder.packets[0].2.body else { panic!("a SYN") };
    assert_eq!(segment.options.mss, Some(65_535 - 40));
}

/// Beside MUST-42: the option that allows it.
#[test]
fn must_42_both_need_so_reuseaddr() {
    let mut bench = Bench::dialled(&[]);
    let fd = bench.lab.open(bench.app);
    bench.lab.option(bench.app, fd, SocketOption::ReuseAddr(true));
    assert_eq!(bench.lab.bind(bench.app, fd, bench.tuple.local), Err(Errno::AddrInUse));
    assert_eq!(bench.tuple.remote.addr(), Ipv4Addr::from(PEER));
}
