//! Arbitrary system calls with arbitrary descriptors and values, by two
//! processes of one host.

use halfclose::app::{Call, Domain, FileKind, Limits, PollEvents, PollSet, Ret, ShutdownHow, SockType, SocketOption};
use halfclose::kernel::Census;
use halfclose::tcp::{TcpSocketOption, TcpState, graph};
use halfclose::time::Duration;
use halfclose::trace::RecordKind;
use halfclose::units::{Endpoint, Fd, HostId, Ipv4Addr};
use halfclose::wire::Payload;

use super::Bytes;
use crate::lab::{Lab, Proc, ms, secs};

/// Orphans with all their retries, then the longest FIN_WAIT2.
const GRACE_S: u64 = 2_000;
const HOME: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Runs the program that `bytes` are. Returns the calls that succeeded.
///
/// # Panics
/// If the host does, its counts disagree, a change of state is no edge of the
/// graph, or something is left when both processes are gone.
#[must_use]
pub fn run(bytes: &[u8]) -> usize {
    let mut bytes = Bytes::new(bytes);
    let seed = u64::from(bytes.u8());
    let range = bytes.pick(&["40000 40007", "32768 60999"]);
    let settings = [
        ("net.ipv4.ip_local_port_range", range),
        ("net.ipv4.tcp_timestamps", bytes.pick(&["0", "1"])),
        ("net.ipv4.tcp_max_tw_buckets", bytes.pick(&["0", "3", "10000"])),
        ("net.ipv4.tcp_syncookies", bytes.pick(&["0", "1", "2"])),
        ("net.ipv4.tcp_abort_on_overflow", bytes.pick(&["0", "1"])),
    ];
    let mut lab = Lab::with_addrs(seed, &[HOME], &settings);
    let processes = [lab.process_on(HostId(0), 24), lab.process_on(HostId(0), 24)];
    let (mut busy, mut succeeded) = ([false; 2], 0);
    for _ in 0..300 {
        if bytes.is_empty() {
            break;
        }
        let at = usize::from(bytes.below(2));
        if busy[at] && lab.returned(processes[at]).is_none() {
            lab.sleep(ms(u64::from(bytes.u8())));
        } else {
            lab.begin(processes[at], call(&mut bytes));
            lab.sleep(Duration::from_micros(200));
        }
        let result = lab.returned(processes[at]);
        busy[at] = result.is_none();
        succeeded += usize::from(result.is_some_and(|(_, result)| !matches!(result, Err(_) | Ok(Ret::Data(_)))));
        if bytes.below(4) == 0 {
            lab.sleep(ms(u64::from(bytes.u16())));
        }
        check(&lab);
    }
    end(&mut lab, processes);
    succeeded
}

/// Both processes are killed; in the end nothing of them is left.
fn end(lab: &mut Lab, processes: [Proc; 2]) {
    for process in processes {
        lab.kill(process);
        check(lab);
    }
    lab.sleep(secs(GRACE_S));
    check(lab);
    assert_eq!(lab.kernel().census(), Census::default());
    for record in lab.records() {
        if let RecordKind::State { tuple, from, to, cause } = record.kind {
            assert!(graph::allows(from, to, cause), "{tuple}: {from} to {to} by {cause:?} is no edge");
        }
    }
}

fn check(lab: &Lab) {
    let (kernel, census) = (lab.kernel(), lab.kernel().census());
    assert_eq!(census.gauges, kernel.gauges());
    for state in TcpState::ALL {
        assert_eq!(census.states[state as usize], kernel.count(state), "{state}");
    }
}

fn fd(bytes: &mut Bytes<'_>) -> Fd {
    let n = bytes.u8();
    Fd(if n < 250 { u32::from(n % 16) } else { u32::MAX - u32::from(n) })
}

fn endpoint(bytes: &mut Bytes<'_>) -> Endpoint {
    let addr = bytes.pick(&[
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::UNSPECIFIED,
        HOME,
        Ipv4Addr::new(127, 9, 9, 9),
        Ipv4Addr::new(192, 0, 2, 1),
    ]);
    let port = match bytes.below(6) {
        0 => 0,
        1 => bytes.u16(),
        2 => 40_000 + u16::from(bytes.below(8)),
        _usual => 3_306,
    };
    Endpoint::new(addr, port)
}

fn payload(bytes: &mut Bytes<'_>) -> Payload {
    Payload::opaque(u32::from(bytes.pick(&[0, 1, 77, 1_460, 20_000, u16::MAX])))
}

fn call(bytes: &mut Bytes<'_>) -> Call {
    match bytes.below(28) {
        0..=3 => Call::Socket {
            domain: bytes.pick(&[Domain::Inet, Domain::Inet, Domain::Inet, Domain::Inet6]),
            ty: bytes.pick(&[SockType::Stream, SockType::Stream, SockType::Stream, SockType::Dgram]),
            nonblock: bytes.below(3) != 0,
        },
        4 | 5 => Call::Bind { fd: fd(bytes), addr: endpoint(bytes) },
        6 | 7 => Call::Listen { fd: fd(bytes), backlog: u32::from(bytes.below(4)) },
        8 | 9 => Call::Accept { fd: fd(bytes), nonblock: bytes.below(2) == 0 },
        10..=12 => Call::Connect { fd: fd(bytes), addr: endpoint(bytes) },
        13 | 14 => Call::Send { fd: fd(bytes), data: payload(bytes) },
        15 | 16 => Call::Recv {
            fd: fd(bytes),
            max: u32::from(bytes.u16()),
            peek: bytes.below(4) == 0,
            dontwait: bytes.below(2) == 0,
        },
        17 => Call::Shutdown {
            fd: fd(bytes),
            how: bytes.pick(&[ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both]),
        },
        18 | 19 => Call::Close { fd: fd(bytes) },
        20 => Call::SetSockOpt { fd: fd(bytes), option: option(bytes) },
        21 => Call::GetSockOpt { fd: fd(bytes), option: option(bytes) },
        22 => Call::SetNonblock { fd: fd(bytes), on: bytes.below(2) == 0 },
        23 => Call::SendTo { fd: fd(bytes), addr: endpoint(bytes), data: payload(bytes) },
        24 => poll(bytes),
        25 => names(bytes),
        26 => files(bytes),
        _more => Call::Sendmmsg { fd: fd(bytes), datagrams: vec![payload(bytes), payload(bytes)] },
    }
}

fn poll(bytes: &mut Bytes<'_>) -> Call {
    let all: Vec<_> = (0..bytes.below(4))
        .map(|_| (fd(bytes), bytes.pick(&[PollEvents::IN, PollEvents::OUT, PollEvents::NONE])))
        .collect();
    Call::Poll { set: PollSet::many(&all), timeout: Some(ms(u64::from(bytes.u8()))) }
}

fn names(bytes: &mut Bytes<'_>) -> Call {
    let which = bytes.below(4);
    let fd = fd(bytes);
    match which {
        0 => Call::GetSockName { fd },
        1 => Call::GetPeerName { fd },
        2 => Call::IoctlFionread { fd },
        _flags => Call::GetFl { fd },
    }
}

fn files(bytes: &mut Bytes<'_>) -> Call {
    match bytes.below(6) {
        0 => Call::Open { file: FileKind::Path("/dev/null") },
        1 => Call::Read { fd: fd(bytes), max: u32::from(bytes.u16()) },
        2 => Call::Fstat { fd: fd(bytes) },
        3 => Call::Lseek { fd: fd(bytes) },
        4 => Call::GetRlimit,
        _limit => {
            let soft = u64::from(bytes.below(24));
            Call::SetRlimit { limits: Limits { soft, hard: 24 } }
        }
    }
}

fn option(bytes: &mut Bytes<'_>) -> SocketOption {
    let on = bytes.below(2) == 0;
    let time = Duration::from_millis(u64::from(bytes.u16()));
    match bytes.below(24) {
        0 => SocketOption::ReuseAddr(on),
        1 => SocketOption::ReusePort(on),
        2 => SocketOption::Error,
        3 => SocketOption::RcvTimeo(time),
        4 => SocketOption::SndTimeo(time),
        5 => SocketOption::BindAddressNoPort(on),
        6 => SocketOption::LocalPortRange(bytes.u16(), bytes.u16()),
        7 => SocketOption::V6Only(on),
        8 => SocketOption::RecvErr(on),
        9 => SocketOption::DeferAccept(u32::from(bytes.u8())),
        10 | 11 => SocketOption::Tcp(TcpSocketOption::Linger(on.then_some(if bytes.below(2) == 0 {
            Duration::ZERO
        } else {
            time
        }))),
        12 => SocketOption::Tcp(TcpSocketOption::KeepAlive(on)),
        13 => SocketOption::Tcp(TcpSocketOption::KeepIdle(time)),
        14 => SocketOption::Tcp(TcpSocketOption::KeepIntvl(time)),
        15 => SocketOption::Tcp(TcpSocketOption::KeepCnt(bytes.u8())),
        16 => SocketOption::Tcp(TcpSocketOption::UserTimeout(time)),
        17 => SocketOption::Tcp(TcpSocketOption::NoDelay(on)),
        18 => SocketOption::Tcp(TcpSocketOption::QuickAck(on)),
        19 => SocketOption::Tcp(TcpSocketOption::Linger2(on.then_some(time))),
        20 => SocketOption::Tcp(TcpSocketOption::SynCnt(bytes.u8())),
        21 => SocketOption::Tcp(TcpSocketOption::MaxSeg(bytes.u16())),
        22 => SocketOption::Tcp(TcpSocketOption::RcvBuf(u32::from(bytes.u16()))),
        _send => SocketOption::Tcp(TcpSocketOption::SndBuf(u32::from(bytes.u16()))),
    }
}
