//! B1–B8: queues of a listener.

use halfclose::errno::Errno;
use halfclose::net::{FlagMatch, Hook, PortMatch, Protocol, Rule, RuleVerdict};
use halfclose::tcp::TcpState::{Established, SynReceived, SynSent};
use halfclose::trace::{DropReason, Mib};
use halfclose::units::{Fd, FourTuple, Port};
use halfclose::wire::Flags;
use halfclose_tests::lab::{Lab, Proc, assert_schedule, lo, ms, secs};

/// A listener that never accepts, and this many clients 50 ms apart.
fn crowd(sysctls: &[(&str, &str)], backlog: u32, clients: usize) -> (Lab, Proc, Vec<Fd>) {
    let mut lab = Lab::loopback(sysctls);
    let (server, client) = (lab.process(), lab.process());
    lab.listener(server, lo(3306), backlog);
    let fds = (0..clients)
        .map(|_| {
            let fd = lab.dial(client, lo(3306));
            lab.sleep(ms(50));
            fd
        })
        .collect();
    (lab, client, fds)
}

/// Clients ESTABLISHED, and Recv-Q and Send-Q of the listener.
fn full(lab: &Lab) -> (usize, u32, u32) {
    let listen = lab.listen_row(3306);
    (lab.count_rows(Established, 3306, false), listen.recv_q, listen.send_q)
}

#[test]
fn b1_backlog_5_holds_6() {
    let (lab, ..) = crowd(&[], 5, 9);
    assert_eq!(full(&lab), (6, 6, 5));
    assert_eq!(lab.count_rows(SynSent, 3306, false), 3);
}

#[test]
fn b2_backlog_0_holds_1() {
    let (lab, ..) = crowd(&[], 0, 4);
    assert_eq!(full(&lab), (1, 1, 0));
}

#[test]
fn b3_somaxconn_caps_the_backlog() {
    let (lab, ..) = crowd(&[("net.core.somaxconn", "3")], 128, 8);
    assert_eq!(full(&lab), (4, 4, 3));
}

#[test]
fn b4_a_syn_to_a_full_queue_is_dropped_silently() {
    for abort in ["0", "1"] {
        let settings = [
            ("net.ipv4.tcp_abort_on_overflow", abort),
            ("net.ipv4.tcp_syn_retries", "2"),
            ("net.ipv4.tcp_syn_linear_timeouts", "0"),
        ];
        let (mut lab, client, fds) = crowd(&settings, 5, 9);
        assert_eq!((lab.mib(Mib::ListenOverflows), lab.mib(Mib::ListenDrops)), (3, 3));
        assert_eq!((lab.mib(Mib::OutRsts), lab.so_error(client, fds[8])), (0, None));
        // Each retransmission counts again, and then the client gives up.
        lab.sleep(secs(12));
        assert_eq!((lab.mib(Mib::ListenOverflows), lab.mib(Mib::ListenDrops)), (9, 9));
        assert_eq!((lab.mib(Mib::OutRsts), lab.so_error(client, fds[8])), (0, Some(Errno::TimedOut)));
    }
}

/// Four connections wait; then the client's handshake ACKs are lost, so that
/// the rest stay requests. What the lab looks like just before the rule goes.
fn half_open(sysctls: &[(&str, &str)], clients: usize) -> (Lab, Proc, Vec<Fd>) {
    let mut settings = vec![("net.ipv4.tcp_synack_retries", "2")];
    settings.extend_from_slice(sysctls);
    let mut lab = Lab::loopback(&settings);
    let (server, client) = (lab.process(), lab.process());
    lab.listener(server, lo(3306), 5);
    let mut fds: Vec<Fd> = (0..4).map(|_| lab.connected(client, lo(3306))).collect();
    lab.drop_rule(Rule {
        protocol: Protocol::Tcp,
        dport: PortMatch::One(Port(3306)),
        flags: Some(FlagMatch { mask: Flags::SYN.with(Flags::ACK), set: Flags::ACK }),
        ..Rule::every(Hook::Input, RuleVerdict::Drop(DropReason::Rule))
    });
    fds.extend((4..clients).map(|_| lab.dial(client, lo(3306))));
    lab.sleep(ms(400));
    (lab, client, fds)
}

fn server_rows(lab: &Lab) -> (usize, usize) {
    (lab.count_rows(Established, 3306, true), lab.count_rows(SynReceived, 3306, true))
}

#[test]
fn b5_a_handshake_ack_to_a_full_queue_is_dropped_and_the_synack_repeated() {
    let (mut lab, client, fds) = half_open(&[], 9);
    assert_eq!((full(&lab).0, server_rows(&lab)), (9, (4, 5)));
    let last = FourTuple { local: lo(3306), remote: lo(lab.port(client, fds[8])) };
    let first_synack = lab.sent_from(3306).len();
    assert_eq!(first_synack, 9, "one SYN-ACK each");
    lab.undrop();
    lab.sleep(secs(1));
    // Two of the repeated SYN-ACKs find room, three do not.
    assert_eq!((full(&lab), server_rows(&lab)), ((9, 6, 5), (6, 3)));
    let counters = [Mib::ListenOverflows, Mib::ListenDrops, Mib::TCPTimeouts, Mib::RetransSegs, Mib::TCPSynRetrans];
    assert_eq!(counters.map(|mib| lab.mib(mib)), [3, 3, 5, 5, 5]);
    lab.sleep(secs(2));
    assert_eq!(counters.map(|mib| lab.mib(mib)), [6, 6, 8, 8, 8]);
    lab.sleep(ms(4_500));
    assert_eq!((full(&lab), server_rows(&lab)), ((9, 6, 5), (6, 0)), "clients know nothing of it");
    assert_eq!(counters.map(|mib| lab.mib(mib)), [6, 6, 11, 8, 8]);
    let start = lab.entered(last, SynReceived);
    let synacks: Vec<u64> = lab
        .records()
        .iter()
        .filter_map(|record| {
            let halfclose::trace::RecordKind::Transmit { tuple, flags, .. } = record.kind else { return None };
            (tuple == last && flags.syn()).then(|| record.at.since(start).as_millis())
        })
        .collect();
    assert_schedule("SYN-ACK", &synacks, &[0, 1_000, 2_000], &[0, 1_020, 3_050]);
}

#[test]
fn b6_with_abort_on_overflow_it_is_answered_with_a_reset() {
    let (mut lab, client, fds) = half_open(&[("net.ipv4.tcp_abort_on_overflow", "1")], 9);
    lab.undrop();
    lab.sleep(secs(1));
    let errors = |lab: &mut Lab| fds.iter().filter(|fd| lab.so_error(client, **fd) == Some(Errno::ConnReset)).count();
    assert_eq!(errors(&mut lab), 3);
    assert_eq!((full(&lab), server_rows(&lab)), ((6, 6, 5), (6, 0)));
    assert_eq!([Mib::ListenOverflows, Mib::ListenDrops, Mib::OutRsts].map(|mib| lab.mib(mib)), [3, 3, 3]);
}

#[test]
fn b7_without_cookies_requests_are_bounded() {
    let (lab, ..) = half_open(&[("net.ipv4.tcp_syncookies", "0")], 14);
    assert_eq!(server_rows(&lab), (4, 6));
    assert_eq!((lab.count_rows(Established, 3306, false), lab.count_rows(SynSent, 3306, false)), (10, 4));
    assert_eq!((lab.mib(Mib::TCPReqQFullDrop), lab.mib(Mib::ListenDrops)), (4, 4));
}

#[test]
fn b8_with_cookies_the_client_is_established_and_the_server_knows_nothing() {
    let (mut lab, ..) = half_open(&[("net.ipv4.tcp_syncookies", "1")], 14);
    assert_eq!((full(&lab).0, server_rows(&lab)), (14, (4, 6)));
    assert_eq!((lab.mib(Mib::TCPReqQFullDoCookies), lab.mib(Mib::SyncookiesSent)), (4, 4));
    lab.undrop();
    lab.sleep(secs(8));
    assert_eq!((full(&lab), server_rows(&lab)), ((14, 6, 5), (6, 0)));
}

/// Beside the list: a connection made from a cookie is a connection.
#[test]
fn b_a_cookie_becomes_a_connection() {
    let mut lab = Lab::loopback(&[("net.ipv4.tcp_syncookies", "2")]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    assert_eq!((lab.mib(Mib::SyncookiesSent), lab.mib(Mib::SyncookiesRecv)), (1, 1));
    assert_eq!((lab.state(pair.tuple), lab.state(pair.server())), (Some(Established), Some(Established)));
    assert_eq!(lab.send(server, pair.far, 77), Ok(77));
    lab.sleep(ms(1));
    assert_eq!(lab.recv(client, pair.near, 100), Ok(77));
    assert_eq!(lab.mib(Mib::OutRsts), 0);
}
