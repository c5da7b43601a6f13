//! Hosts for the tests of the tools: the namespace in which the real tools
//! ran, and the machines of the write-up.

use crate::app::AppStatus;
use crate::app::CallName;
use crate::app::api::ProcesslistRow;
use crate::errno::Errno;
use crate::kernel::CostProfile;
use crate::observe::rlimits::Rlimits;
use crate::observe::span::{Recording, SpanView, TracedCall};
use crate::observe::view::{
    Access, FdTarget, FdView, HostView, NetFamily, ProcessView, SockStat, SocketOwner, SocketTimer, SocketView,
    Transport,
};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::time::{Duration, Instant};
use crate::trace::{CallArgs, CallSeen, Counters};
use crate::units::{Endpoint, Fd, HostId, Ipv4Addr, Pid, TaskId};
use crate::wire::Payload;

/// Text as a blog keeps it: no blanks at the ends of lines, no empty last line.
pub(super) fn published(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

fn local(port: u16) -> Endpoint {
    Endpoint::new(Ipv4Addr::LOCALHOST, port)
}

fn socket(state: TcpState, from: u16, to: u16, owner: Option<(u32, u32)>) -> SocketView {
    let open = owner.map(|(pid, fd)| SocketOwner { pid: Pid(pid), fd: Fd(fd) });
    SocketView {
        transport: Transport::Tcp,
        family: NetFamily::V4,
        state,
        recv_q: 0,
        send_q: 0,
        local: local(from),
        remote: if to == 0 { Endpoint::ANY } else { local(to) },
        timer: None,
        owner: open,
        uid: 0,
        ino: 0,
    }
}

fn timer(kind: TimerKind, millis: u64, probes: u8) -> Option<SocketTimer> {
    Some(SocketTimer { kind, remaining: Duration::from_millis(millis), retransmits: 0, probes })
}

fn host(sockets: Vec<SocketView>, process: ProcessView) -> HostView {
    HostView {
        name: "host".into(),
        release: "6.18.44".into(),
        now: Instant::from_nanos(300_000_000),
        hz: 250,
        // 2026-11-23 02:51:20
        start_unix: 1_795_402_280,
        uptime: Duration::from_secs(3600),
        cpus: 2,
        ram_bytes: 24 << 30,
        sockets,
        sockstat: SockStat::default(),
        curr_estab: 0,
        counters: Counters::default(),
        sysctls: [
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.core.somaxconn", "4096"),
            ("fs.file-max", "1000000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        processes: vec![process],
        shell: Rlimits::default(),
        cost: CostProfile::al2(),
        unread: Vec::new(),
    }
}

/// The namespace of the golden files `ss.iproute2-6.1.txt` and others, `later`
/// than the `ss` among them.
pub(super) fn namespace(later: Duration) -> HostView {
    const PID: u32 = 8233;
    let own = |fd| Some((PID, fd));
    let minus = |millis: u64| Duration::from_millis(millis).saturating_sub(later).as_millis();
    let estab = TcpState::Established;
    let syn = |port, fd| SocketView {
        send_q: 1,
        timer: timer(TimerKind::Retransmit, minus(688), 0),
        ..socket(TcpState::SynSent, port, 3306, own(fd))
    };
    let v6 = |socket| SocketView { family: NetFamily::V6, ..socket };
    let udp = |socket| SocketView { transport: Transport::Udp, ..socket };
    let waiting = timer(TimerKind::TimeWait, minus(59_688), 0);
    let listener = SocketView {
        local: Endpoint::new(Ipv4Addr::UNSPECIFIED, 3307),
        send_q: 128,
        ..socket(TcpState::Listen, 3307, 0, own(4))
    };
    let sockets = vec![
        SocketView { recv_q: 3, send_q: 2, ..socket(TcpState::Listen, 3306, 0, own(3)) },
        v6(listener),
        socket(estab, 3306, 42_204, None),
        socket(estab, 3306, 42_212, None),
        socket(estab, 3306, 42_200, None),
        SocketView { recv_q: 78, ..socket(TcpState::CloseWait, 42_190, 3306, own(7)) },
        v6(SocketView { timer: waiting, ..socket(TcpState::FinWait2, 3307, 45_664, None) }),
        socket(estab, 42_200, 3306, own(13)),
        socket(estab, 42_204, 3306, own(14)),
        socket(estab, 42_212, 3306, own(15)),
        syn(42_218, 16),
        syn(42_232, 17),
        SocketView { timer: timer(TimerKind::KeepAlive, minus(7_199_688), 0), ..socket(estab, 45_648, 3307, own(9)) },
        v6(socket(estab, 3307, 45_648, own(11))),
        SocketView { recv_q: 1, ..socket(TcpState::CloseWait, 45_664, 3307, own(12)) },
        SocketView { timer: waiting, ..socket(TcpState::TimeWait, 45_674, 3307, None) },
        socket(TcpState::FinWait2, 3306, 42_190, own(8)),
        udp(socket(TcpState::Closed, 53, 0, own(5))),
        udp(socket(estab, 58_397, 53, own(6))),
    ];
    let file = |fd, path: &str, access| FdView { fd: Fd(fd), target: FdTarget::File(path.into()), access };
    let mut fds = vec![
        FdView { fd: Fd(0), target: FdTarget::Pipe(31_459), access: Access::Read },
        file(1, "/dev/null", Access::Write),
        file(2, "/dev/null", Access::Write),
    ];
    let inodes = [31_471, 31_472, 31_473, 31_474, 31_475, 31_476, 31_477];
    let open = |fd, inode| FdView { fd: Fd(fd), target: FdTarget::Socket(inode), access: Access::ReadWrite };
    fds.extend((3..).zip(inodes).map(|(fd, inode)| open(fd, inode)));
    fds.push(file(10, "/dev/null", Access::Read));
    let inodes = [31_478, 31_479, 31_483, 31_484, 31_485, 31_486, 31_487];
    fds.extend((11..).zip(inodes).map(|(fd, inode)| open(fd, inode)));
    let process = ProcessView { pid: Pid(PID), name: "python3".into(), fds, ..ProcessView::default() };
    let sockstat = SockStat {
        used: 17,
        tcp_inuse: 13,
        tcp6_inuse: 2,
        tw: 2,
        alloc: 16,
        tcp_mem: 244,
        udp_inuse: 2,
        ..SockStat::default()
    };
    HostView { sockstat, curr_estab: 10, ..host(sockets, process) }
}

/// A receiver that does not read: the golden file `ss.zero-window.txt`.
pub(super) fn zero_window() -> HostView {
    let own = |fd| Some((15_609, fd));
    let sockets = vec![
        SocketView { send_q: 100, ..socket(TcpState::Listen, 3306, 0, own(3)) },
        SocketView { recv_q: 128_512, ..socket(TcpState::Established, 3306, 44_668, own(7)) },
        SocketView {
            send_q: 3_782_144,
            timer: timer(TimerKind::Persist, 196, 1),
            ..socket(TcpState::Established, 44_668, 3306, own(6))
        },
    ];
    host(sockets, ProcessView { pid: Pid(15_609), name: "averyverylongpr".into(), ..ProcessView::default() })
}

/// Rows `(source port, state, Recv-Q, fd)` of one leaking process, beside a
/// listener and a session whose peer has a five-digit port.
pub(super) fn client_of_the_write_up(rows: &[(u16, TcpState, u32, u32)], name: &str, pid: u32) -> HostView {
    let client = Ipv4Addr::new(172, 31, 55, 230);
    let mut sockets = vec![
        SocketView {
            local: Endpoint::new(Ipv4Addr::UNSPECIFIED, 22),
            send_q: 128,
            ..socket(TcpState::Listen, 22, 0, None)
        },
        SocketView {
            local: Endpoint::new(client, 22),
            remote: Endpoint::new(Ipv4Addr::new(172, 31, 8, 9), 51_000),
            ..socket(TcpState::Established, 22, 1, None)
        },
    ];
    sockets.extend(rows.iter().map(|&(port, state, recv_q, fd)| SocketView {
        recv_q,
        local: Endpoint::new(client, port),
        remote: Endpoint::new(Ipv4Addr::new(172, 31, 47, 174), 3306),
        ..socket(state, port, 3306, Some((pid, fd)))
    }));
    host(sockets, ProcessView { pid: Pid(pid), name: name.into(), client: true, ..ProcessView::default() })
}

/// The 49,908 sockets the real `ss` listed for the test of its buffer: five
/// listeners, 24,950 connections seen from both ends, and one over IPv6. Every
/// process id, descriptor and source port there had five digits.
pub(super) fn fifty_thousand() -> HostView {
    let own = |fd: u32| Some((32_248, fd));
    let mut sockets: Vec<_> =
        (0..5).map(|n| SocketView { send_q: 4000, ..socket(TcpState::Listen, 3306 + 2 * n, 0, own(10_000)) }).collect();
    for n in 0..24_950_u16 {
        let fd = 10_001 + u32::from(n % 4_990) * 2;
        let (server, client) = (3306 + 2 * (n / 4_990), 10_000 + n);
        sockets.push(socket(TcpState::Established, server, client, own(fd + 1)));
        sockets.push(socket(TcpState::Established, client, server, own(fd)));
    }
    sockets.push(socket(TcpState::Established, 60_234, 3330, own(10_001)));
    let v6 = |socket| SocketView { family: NetFamily::V6, ..socket };
    let any = Endpoint::new(Ipv4Addr::UNSPECIFIED, 3330);
    sockets.push(v6(SocketView { local: any, send_q: 128, ..socket(TcpState::Listen, 3330, 0, own(10_000)) }));
    sockets.push(v6(socket(TcpState::Established, 3330, 60_234, own(10_002))));
    host(sockets, ProcessView { pid: Pid(32_248), name: "python3".into(), ..ProcessView::default() })
}

fn row(id: u64, user: &str, host: &str, command: &'static str, time: u64, state: &str) -> ProcesslistRow {
    ProcesslistRow {
        id,
        user: user.into(),
        host: host.into(),
        db: None,
        command,
        time,
        state: Some(state.into()),
        info: None,
    }
}

fn admin(id: u64, host: &str) -> ProcesslistRow {
    ProcesslistRow { info: Some("show processlist".into()), ..row(id, "root", host, "Query", 0, "init") }
}

/// The server of the write-up before the KILL.
pub(super) fn first_server() -> AppStatus {
    let variables =
        [("max_connections", "151"), ("mysqlx_max_connections", "100"), ("port", "3306"), ("version", "8.3.0")];
    AppStatus {
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        status: vec![("Threads_connected".into(), "2".into())],
        processlist: vec![
            row(5, "event_scheduler", "localhost", "Daemon", 336, "Waiting on empty queue"),
            ProcesslistRow { db: Some("test".into()), ..row(11, "root", "127.0.0.1:40666", "Sleep", 0, "") },
            admin(12, "172.31.47.174:53264"),
        ],
        ..AppStatus::default()
    }
}

/// The server three seconds after it: the rows the write-up shows, then as many
/// as it says there were.
pub(super) fn server_in_the_storm(published: &str) -> AppStatus {
    let mut processlist = vec![
        row(5, "event_scheduler", "localhost", "Daemon", 435, "Waiting on empty queue"),
        admin(14, "172.31.47.174:56052"),
    ];
    let silent = |id: u64, host: &str| row(id, "unauthenticated user", host, "Connect", 3, "Receiving from client");
    for line in published.lines().filter(|line| line.contains("unauthenticated")) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let id = cells.next().and_then(|id| id.parse().ok()).expect("an id");
        processlist.push(silent(id, cells.nth(1).expect("a host")));
    }
    let next = processlist.last().map_or(15, |row| row.id) + 1;
    processlist.extend((next..=165).map(|id| silent(id, &format!("127.0.0.1:{}", 48_462 + 8 * (id - 40)))));
    AppStatus { processlist, ..first_server() }
}

/// The calls of a client that `strace` followed, with its times: the golden file
/// `strace.strace-6.1.txt`.
pub(super) fn traced_cycle() -> SpanView {
    let question = |id: u8, kind: u8| {
        let mut bytes = vec![0x12, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend(b"\x03reg\x07liarlee\x04site\0\0");
        bytes.extend([kind, 0, 1]);
        Payload::from_bytes(&bytes)
    };
    let (a, aaaa) = (question(0x34, 1), question(0x35, 0x1c));
    let name_server = local(5353);
    let poll = |events, timeout_ms| CallArgs::Poll { fds: vec![(Fd(3), events, events)], timeout_ms };
    let received = |data: &Payload, max| CallArgs::Received {
        max,
        peek: false,
        dontwait: false,
        data: data.clone(),
        from: Some(name_server),
    };
    let option = |level, name, value| CallArgs::Option { level, name, value };
    let socket = |dgram| CallArgs::Socket { inet6: false, dgram, nonblock: dgram };
    let calls = [
        (CallName::Getpid, Ok(16_909), CallArgs::None),
        (CallName::Open, Ok(3), CallArgs::Path("/etc/hosts")),
        (CallName::Lseek, Ok(0), CallArgs::None),
        (CallName::Read, Ok(0), CallArgs::Count(4_096)),
        (CallName::Close, Ok(0), CallArgs::None),
        (CallName::Socket, Ok(3), socket(true)),
        (CallName::SetSockOpt, Ok(0), option(0, 11, 1)),
        (CallName::Connect, Ok(0), CallArgs::Addr(name_server)),
        (CallName::Poll, Ok(1), poll(4, Some(0))),
        (CallName::Sendmmsg, Ok(2), CallArgs::SentMany(vec![a.clone(), aaaa.clone()])),
        (CallName::Poll, Ok(1), poll(1, Some(5_000))),
        (CallName::IoctlFionread, Ok(34), CallArgs::None),
        (CallName::Recv, Ok(34), received(&a, 2_048)),
        (CallName::Poll, Ok(1), poll(1, Some(4_999))),
        (CallName::IoctlFionread, Ok(34), CallArgs::None),
        (CallName::Recv, Ok(34), received(&aaaa, 65_536)),
        (CallName::Send, Ok(34), CallArgs::Sent { data: a, to: None }),
        (CallName::Close, Ok(0), CallArgs::None),
        (CallName::Socket, Ok(3), socket(false)),
        (CallName::SetNonblock, Ok(0), CallArgs::SetFlags { nonblock: true }),
        (CallName::Connect, Err(Errno::InProgress), CallArgs::Addr(local(3306))),
        (CallName::Poll, Ok(1), poll(4, None)),
        (CallName::GetSockOpt, Ok(0), option(1, 4, 0)),
    ];
    // 2026-11-26 20:38:05; the lines say the microseconds.
    let golden = include_str!("../golden/strace.strace-6.1.txt");
    let mut host = namespace(Duration::ZERO);
    (host.start_unix, host.now) = (1_795_725_485, Instant::ZERO + Duration::from_secs(1));
    let micros = |text: &str| Duration::from_micros(text.parse().expect("microseconds"));
    let calls = golden.lines().zip(calls).map(|(line, (name, result, args))| {
        let entered = Instant::ZERO + micros(&line[9..15]);
        let took = micros(&line[line.len() - 7..line.len() - 1]);
        let call = CallSeen {
            at: entered + took,
            host: HostId(0),
            pid: Pid(16_909),
            task: TaskId(0),
            name: name as u8,
            fd: Some(Fd(3)),
            entered,
            result,
            cpu: took,
            on_cpu: 0,
            args,
        };
        TracedCall { call, inspected: 0 }
    });
    let recording = Recording { calls: calls.collect(), ..Recording::default() };
    SpanView::new(host, Instant::ZERO, Vec::new(), recording)
}
