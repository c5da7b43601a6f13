//! Results of calls that were measured beside the rows of `facts.csv`.

use halfclose::app::{Call, Domain, PollEvents, PollSet, Ret, SockType, SocketOption};
use halfclose::errno::Errno;
use halfclose::tcp::TcpSocketOption;
use halfclose::time::Duration;
use halfclose::wire::Payload;
use halfclose_tests::lab::{Lab, lo, ms};

/// Measured on Linux 6.18.44: `SO_SNDTIMEO` of 300 ms and 50 MB to a peer that
/// does not read give the bytes taken, 300 ms later, not EAGAIN; only a call
/// that could place nothing fails.
#[test]
fn a_send_whose_time_is_over_returns_what_was_taken() {
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.option(client, pair.near, SocketOption::SndTimeo(ms(300)));
    let begun = lab.now();
    let sent = lab.send(client, pair.near, 50_000_000).expect("part of it fits");
    assert!(sent > 0 && sent < 50_000_000, "{sent}");
    assert!(lab.now().since(begun) >= ms(300));
    assert_eq!(lab.send(client, pair.near, 50_000_000), Err(Errno::Again));
}

/// Measured on Linux 6.18.44: `datagram_poll` answers POLLERR alone when a
/// datagram met a closed port.
#[test]
fn a_refused_datagram_makes_poll_say_err_and_not_in() {
    let mut lab = Lab::loopback(&[]);
    let client = lab.process();
    let udp = Call::Socket { domain: Domain::Inet, ty: SockType::Dgram, nonblock: false };
    let Ok(Ret::Fd(fd)) = lab.call(client, udp) else { panic!("a descriptor is free") };
    lab.connect(client, fd, lo(9)).expect("a datagram socket connects at once");
    lab.call(client, Call::Send { fd, data: Payload::opaque(1) }).expect("the error comes later");
    lab.sleep(ms(50));
    let poll = Call::Poll { set: PollSet::one(fd, PollEvents::IN), timeout: Some(ms(0)) };
    let Ok(Ret::Ready(set)) = lab.call(client, poll) else { panic!("poll answers") };
    assert_eq!(set.entries()[0].revents, PollEvents::ERR);
}

/// Measured on Linux 6.18.44: the ends of each option's range, and beyond.
#[test]
fn options_out_of_range_are_refused() {
    let keep_idle = |s| TcpSocketOption::KeepIdle(Duration::from_secs(s));
    let keep_intvl = |s| TcpSocketOption::KeepIntvl(Duration::from_secs(s));
    let taken = [
        [keep_idle(1), keep_idle(32_767)],
        [keep_intvl(1), keep_intvl(32_767)],
        [TcpSocketOption::KeepCnt(1), TcpSocketOption::KeepCnt(127)],
        [TcpSocketOption::SynCnt(1), TcpSocketOption::SynCnt(127)],
        [TcpSocketOption::MaxSeg(88), TcpSocketOption::MaxSeg(32_767)],
    ];
    let refused = [
        [keep_idle(0), keep_idle(32_768)],
        [keep_intvl(0), keep_intvl(32_768)],
        [TcpSocketOption::KeepCnt(0), TcpSocketOption::KeepCnt(128)],
        [TcpSocketOption::SynCnt(0), TcpSocketOption::SynCnt(128)],
        [TcpSocketOption::MaxSeg(87), TcpSocketOption::MaxSeg(32_768)],
    ];
    let mut lab = Lab::loopback(&[]);
    let process = lab.process();
    let fd = lab.open(process);
    let mut set = |option| lab.call(process, Call::SetSockOpt { fd, option: SocketOption::Tcp(option) });
    for option in taken.into_iter().flatten() {
        assert_eq!(set(option), Ok(Ret::Done), "{option:?}");
    }
    for option in refused.into_iter().flatten() {
        assert_eq!(set(option), Err(Errno::Inval), "{option:?}");
    }
    assert_eq!(set(TcpSocketOption::MaxSeg(0)), Ok(Ret::Done), "no limit");
}
