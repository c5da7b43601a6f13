//! What system calls return.

use super::*;
use crate::app::{PollEvents, PollSet, ShutdownHow, SocketOption};
use crate::errno::Errno;
use crate::tcp::TcpState;
use crate::trace::Mib;

const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

#[test]
fn nobody_listens() {
    let mut lab = Lab::new();
    let near = lab.program(0, 0, vec![tcp(), connect(FD, LOCAL, 80)]);
    let far = lab.program(0, 0, vec![tcp(), connect(FD, B, 80)]);
    lab.run(100);
    for program in [near, far] {
        assert_eq!(program.results(), [Ok(Ret::Fd(FD)), Err(Errno::ConnRefused)]);
    }
    let kernel = lab.world.kernel(HostId(0));
    assert_eq!(TcpState::ALL.map(|state| kernel.count(state)), [0; 11], "nothing is left in a table");
    assert_eq!((kernel.gauges().tcp_inuse, kernel.gauges().tcp_alloc), (0, 2), "both descriptors are still open");
}

#[test]
fn a_pending_connect_tells_how_far_it_is() {
    let mut lab = Lab::new();
    lab.program(1, 0, listener(B, 80, 5));
    let poll = Call::Poll { set: PollSet::one(FD, PollEvents::OUT), timeout: None };
    let connect = || connect(FD, B, 80);
    let client = lab.program(0, 1, vec![tcp_nonblock(), connect(), connect(), poll, connect(), connect()]);
    lab.run(100);
    let results = client.results();
    assert_eq!(results[1..3], [Err(Errno::InProgress), Err(Errno::Already)]);
    let Ok(Ret::Ready(set)) = &results[3] else { panic!("{results:?}") };
    assert_eq!(set.revents(FD), PollEvents::OUT);
    assert_eq!(results[4..], [Ok(Ret::Done), Err(Errno::IsConn)]);
}

#[test]
fn a_connect_may_time_out_while_its_attempt_goes_on() {
    let mut lab = Lab::new();
    lab.world.network_mut().partition(HostId(0), HostId(1), false);
    let limit = Call::SetSockOpt { fd: FD, option: SocketOption::SndTimeo(ms(50)) };
    let client = lab.program(0, 0, vec![tcp(), limit, connect(FD, B, 80)]);
    lab.run(100);
    assert_eq!(client.last(), Some(Err(Errno::InProgress)));
    assert_eq!(lab.world.kernel(HostId(0)).count(TcpState::SynSent), 1);
}

#[test]
fn binds_conflict_by_address_and_port() {
    let mut lab = Lab::new();
    let calls = [tcp(), bind(FD, LOCAL, 80), bind(FD, LOCAL, 81), tcp(), bind(FD2, Ipv4Addr::UNSPECIFIED, 80)];
    let program = lab.program(0, 0, then(calls.to_vec(), &[bind(FD2, B, 81), bind(FD2, A, 80), bind(Fd(9), A, 1)]));
    lab.run(10);
    assert_eq!(program.results()[1..3], [Ok(Ret::Done), Err(Errno::Inval)]);
    let rest = [Err(Errno::AddrInUse), Err(Errno::AddrNotAvail), Ok(Ret::Done), Err(Errno::BadF)];
    assert_eq!(program.results()[4..], rest);
}

#[test]
fn a_full_accept_queue_drops_the_next_syn() {
    let mut lab = Lab::new();
    let server = lab.program(1, 0, then(listener(B, 80, 0), &[sleep(500), accept(FD), accept(FD)]));
    for start in [1, 100] {
        lab.program(0, start, vec![tcp(), connect(FD, B, 80)]);
    }
    lab.run(400);
    let count = |lab: &Lab, host, state| lab.world.kernel(HostId(host)).count(state);
    assert_eq!(count(&lab, 1, TcpState::Established), 1, "one more than the backlog");
    assert_eq!(count(&lab, 0, TcpState::SynSent), 1);
    assert!(lab.world.kernel(HostId(1)).mib().get(Mib::ListenOverflows) >= 1);
    lab.run(3_000);
    assert_eq!(count(&lab, 1, TcpState::Established), 2, "the retransmitted SYN finds room");
    assert_eq!(server.results().len(), 6);
}

#[test]
fn names_of_both_ends() {
    let mut lab = Lab::new();
    let server = lab.program(1, 0, then(listener(B, 80, 5), &[accept(FD), Call::GetPeerName { fd: FD2 }]));
    let asks =
        [Call::GetPeerName { fd: FD }, connect(FD, B, 80), Call::GetPeerName { fd: FD }, Call::GetSockName { fd: FD }];
    let client = lab.program(0, 1, then(vec![tcp()], &asks));
    lab.run(100);
    assert_eq!(client.results()[1], Err(Errno::NotConn));
    assert_eq!(client.results()[3], Ok(Ret::Name(Endpoint::new(B, 80))));
    let Ok(Ret::Name(own)) = client.results()[4] else { panic!("{:?}", client.results()) };
    assert_eq!(own.addr(), A);
    assert_eq!(server.results()[3..], [Ok(Ret::Accepted(FD2, own)), Ok(Ret::Name(own))]);
}

#[test]
fn bytes_then_the_end_of_the_stream() {
    let mut lab = Lab::new();
    let serve = [accept(FD), recv(FD2), recv(FD2), send(FD2, "bye"), close(FD2)];
    let server = lab.program(1, 0, then(listener(B, 80, 5), &serve));
    let half = Call::Shutdown { fd: FD, how: ShutdownHow::Write };
    let calls = [tcp(), connect(FD, B, 80), send(FD, "hello"), half, send(FD, "x"), recv(FD), recv(FD)];
    let client = lab.program(0, 1, calls.to_vec());
    lab.run(500);
    let server = server.results();
    assert_eq!(server[4..6], [data("hello"), Ok(Ret::Data(Payload::EMPTY))]);
    assert_eq!(client.results()[4..], [Err(Errno::Pipe), data("bye"), Ok(Ret::Data(Payload::EMPTY))]);
    assert_eq!(lab.world.kernel(HostId(0)).count(TcpState::TimeWait), 1, "who closed first waits");
    assert_eq!(lab.world.kernel(HostId(1)).count(TcpState::TimeWait), 0);
}

#[test]
fn unread_data_turns_a_close_into_a_reset() {
    let mut lab = Lab::new();
    lab.program(1, 0, then(listener(B, 80, 5), &[accept(FD), sleep(100), close(FD2)]));
    let client = lab.program(0, 1, vec![tcp(), connect(FD, B, 80), send(FD, "unread"), recv(FD), recv(FD)]);
    lab.run(500);
    assert_eq!(client.results()[3..], [Err(Errno::ConnReset), Ok(Ret::Data(Payload::EMPTY))], "the error is told once");
    assert_eq!(lab.world.kernel(HostId(1)).mib().get(Mib::TCPAbortOnClose), 1);
}

#[test]
fn poll_bits_by_state() {
    let mut lab = Lab::new();
    let zero = Some(Duration::ZERO);
    let all = PollEvents::IN.with(PollEvents::OUT).with(PollEvents::RDHUP);
    let poll = |fd, timeout| Call::Poll { set: PollSet::one(fd, all), timeout };
    let calls = [tcp(), poll(FD, zero), bind(FD, A, 80), Call::Listen { fd: FD, backlog: 5 }, poll(FD, Some(ms(5)))];
    let server = lab.program(0, 0, then(calls.to_vec(), &[poll(Fd(50), zero), sleep(50), poll(FD, zero)]));
    lab.program(1, 1, vec![tcp(), connect(FD, A, 80)]);
    lab.run(200);
    let bits: Vec<_> = server
        .results()
        .into_iter()
        .filter_map(|result| if let Ok(Ret::Ready(set)) = result { Some(set.entries()[0].revents) } else { None })
        .collect();
    assert_eq!(bits, [PollEvents::OUT.with(PollEvents::HUP), PollEvents::NONE, PollEvents::NVAL, PollEvents::IN]);
}

#[test]
fn so_rcvtimeo_ends_a_wait() {
    let mut lab = Lab::new();
    let limit = Call::SetSockOpt { fd: FD, option: SocketOption::RcvTimeo(ms(50)) };
    let server = lab.program(0, 0, then(listener(A, 80, 5), &[limit, accept(FD)]));
    lab.run(49);
    assert_eq!(server.results().len(), 4, "it waits");
    lab.run(70);
    assert_eq!(server.last(), Some(Err(Errno::Again)));
}

#[test]
fn a_listener_that_is_shut_down_refuses() {
    let mut lab = Lab::new();
    let stop = [sleep(50), Call::Shutdown { fd: FD, how: ShutdownHow::Read }, accept(FD)];
    let server = lab.program(0, 0, then(listener(A, 80, 5), &stop));
    let early = lab.program(1, 1, vec![tcp(), connect(FD, A, 80), recv(FD)]);
    let late = lab.program(1, 100, vec![tcp(), connect(FD, A, 80)]);
    lab.run(300);
    assert_eq!(server.last(), Some(Err(Errno::Inval)));
    assert_eq!(early.results()[1..], [Ok(Ret::Done), Err(Errno::ConnReset)], "never accepted");
    assert_eq!(late.last(), Some(Err(Errno::ConnRefused)));
}

#[test]
fn datagrams_come_back_or_are_refused() {
    let mut lab = Lab::new();
    let text = |text: &str| Payload::from_bytes(text.as_bytes());
    let server = lab.program(1, 0, vec![udp(), bind(FD, B, 53), recv(FD)]);
    let sendto = Call::SendTo { fd: FD, addr: Endpoint::new(B, 53), data: text("query") };
    lab.program(0, 1, vec![udp(), sendto]);
    let refused = lab.program(0, 1, vec![udp(), connect(FD, B, 54), send(FD, "query"), recv(FD), send(FD, "again")]);
    lab.run(200);
    assert!(matches!(server.last(), Some(Ok(Ret::Datagram(got, from))) if got == text("query") && from.addr() == A));
    assert_eq!(refused.results()[3..], [Err(Errno::ConnRefused), Ok(Ret::Count(5))]);
    assert_eq!(lab.world.kernel(HostId(1)).mib().get(Mib::UdpNoPorts), 2);
    let counts = |host, name| lab.world.kernel(HostId(host)).mib().get(name);
    for (from, to) in [(0, 1), (1, 0)] {
        assert!(counts(from, Mib::IpOutRequests) > 0);
        assert_eq!(counts(from, Mib::IpOutRequests), counts(to, Mib::IpInReceives), "no packet was lost");
    }
}

#[test]
fn descriptors_run_out_at_the_soft_limit() {
    let mut lab = Lab::new();
    let program = lab.program(0, 0, vec![tcp(); 63]);
    lab.run(10);
    let results = program.results();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 61, "64 with stdin, stdout and stderr");
    assert_eq!(program.last(), Some(Err(Errno::MFile)));
    assert_eq!(lab.world.exhaustion().map(|gone| gone.errno), Some(Errno::MFile));
}
