//! The reader of scripts: what it takes, and what it says of the rest.

mod features;

use proptest::prelude::*;

use super::ast::{EventKind, Expr, OptionList, TcpOption, Time};
use super::*;

fn read(text: &str) -> Result<Script, ScriptProblem> {
    parse(text, &Definitions::default())
}

fn options(tolerance_usecs: Option<u64>) -> Options {
    let profile = KernelProfile::parse("6.18").expect("a release the model knows");
    Options { profile, compare: Compare::Exact, tolerance_usecs, definitions: Definitions::default() }
}

#[test]
fn every_construct_is_read() {
    let text = "\
--tolerance_usecs=75000
--ip_version=ipv4-mapped-ipv6
`./defaults.sh
 ./more.sh`
 0 socket(..., SOCK_STREAM | SOCK_NONBLOCK,
          IPPROTO_TCP) = 3 // a comment
+.5...0.7 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+ 0.1~+.2 > SF 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0,eol>
* > . 1:1(0) ack 1 <...>
/* over
   lines */ 1. < F. 1:11(10) ack 4294967295 win 7 urg 3 <sack 1:2 3:4>
+0 < icmp unreachable frag_needed mtu 1234 [1:1(0)]
+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0 %{ assert tcpi_state == 1 }%
+0 > S. ...(0) ack 5
+0 < 40001 > 8080 S 0:0(0) win 0
`cleanup`";
    let script = read(text).expect("every construct of the language");
    assert_eq!(script.options.tolerance_usecs, Some(75_000));
    assert_eq!(script.init.expect("there is one").text, "./defaults.sh\n ./more.sh");
    assert_eq!(script.cleanup.expect("there is one").line, 17);
    let times: Vec<Time> = script.events.iter().map(|event| event.time).collect();
    assert_eq!(
        times[..5],
        [
            Time::Absolute(0),
            Time::Relative(500_000),
            Time::RelativeRange(100_000, 200_000),
            Time::Any,
            Time::Absolute(1_000_000)
        ]
    );
    let lines: Vec<u32> = script.events.iter().map(|event| event.line).collect();
    assert_eq!(lines, [5, 7, 8, 9, 11, 12, 13, 14, 15, 16]);
    let EventKind::Call(connect) = &script.events[1].kind else { panic!("not a call") };
    assert_eq!((connect.end, connect.errno.as_deref()), (Some(700_000), Some("EINPROGRESS")));
    assert_eq!(connect.args[1], Expr::Any);
    let EventKind::TcpIn(fin) = &script.events[4].kind else { panic!("not inbound") };
    assert_eq!((fin.seq, fin.len, fin.ack, fin.urg), (Some(1), 10, Some(u32::MAX), Some(3)));
    assert_eq!(fin.options, OptionList::These(vec![TcpOption::Sack(vec![(1, 2), (3, 4)])]));
    let EventKind::IcmpIn(icmp) = &script.events[5].kind else { panic!("not ICMP") };
    assert_eq!((icmp.icmp_type, icmp.code, icmp.mtu, icmp.quoted_seq), (3, 4, 1_234, Some(1)));
    let EventKind::TcpIn(other) = &script.events[9].kind else { panic!("not inbound") };
    assert_eq!(other.ports, Some((40_001, 8_080)));
}

#[test]
fn a_branch_is_read_when_its_name_is_defined() {
    let text = "#ifdef STANDARD\n0 close(3) = 0\n#endif\n#ifdef FreeBSD\n0 close(4) = 0\n0 close(5) = 0\n#endif\n";
    let with = |name: &str| {
        let definitions = Definitions { values: vec![(name.to_owned(), String::new())] };
        let script = parse(text, &definitions).expect("a good script");
        assert_eq!(script.branches, ["STANDARD", "FreeBSD"]);
        script.events.iter().map(|event| event.line).collect::<Vec<_>>()
    };
    assert_eq!(with("STANDARD"), [2]);
    assert_eq!(with("FreeBSD"), [5, 6]);
    assert_eq!(with("Linux"), [0; 0]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, place, reason) in [
        ("0 socket(", (1, 10), "expected an argument, found the end of the text"),
        ("0 socket(...) 3", (1, 15), "expected `=`, found `3`"),
        ("\n 0 < X 0:0(0) win 1", (2, 6), "`X` is no TCP flag"),
        ("0 < S 0:1(0) win 1", (1, 13), "0:1 is not 0 bytes"),
        ("0 < S 0:0(0)", (1, 13), "an inbound packet needs `win N`"),
        ("0 < S 0:0(0) win 65536", (1, 18), "65536 is too large for a window (it is 16 bits wide)"),
        ("0 > . 0:0(0)", (1, 13), "the flag `.` needs `ack N`"),
        ("0~1 close(3) = 0", (1, 17), "only an outbound packet may come at any time or within a range"),
        ("0...1 > S 0:0(0)", (1, 17), "only a system call lasts from one time `...` to another"),
        ("1...0 close(3) = 0", (1, 6), "the call ends before it begins"),
        ("close(3) = 0", (1, 1), "expected a time (`0.1`, `+0.1`, `*`), found `c`"),
        ("0 close(3) = 5 EBADF", (1, 21), "only a result of -1 has an errno"),
        ("0 %{ assert 1", (1, 5), "the assertion has no `}%`"),
        ("/* for ever", (1, 3), "the comment has no `*/`"),
        ("#ifdef A\n0 close(3) = 0", (2, 15), "`#ifdef` of line 1 has no `#endif`"),
        ("#endif", (1, 7), "`#endif` without `#ifdef`"),
        ("`a`\n`b`\n0 close(3) = 0", (3, 1), "the command of line 2 has no time, so it must be last"),
        ("--mtu=1", (1, 3), "--mtu takes 68 to 65535, not `1`"),
        ("99999999999999 close(3) = 0", (1, 1), "the time is too large"),
    ] {
        let problem = read(text).expect_err(text);
        assert_eq!((problem.line, problem.column), place, "{text}: {problem}");
        assert_eq!((problem.kind, problem.reason.as_str()), (ProblemKind::Invalid, reason), "{text}");
    }
}

#[test]
fn what_the_model_lacks_is_unsupported() {
    for text in [
        "0 > E. 0:0(0) ack 1",
        "0 < udp (10)",
        "0 < S 0:0(0) win 1 <md5 abc>",
        "--frobnicate",
        "#if 0",
        "0 > icmp unreachable",
    ] {
        assert_eq!(read(text).expect_err(text).kind, ProblemKind::Unsupported, "{text}");
    }
    for text in [
        "0 splice(1, 2) = 0",
        "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3",
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 ioctl(3, SIOCOUTQ, [0]) = 0",
        "0 `nstat -n`",
    ] {
        let verdict = run(text, &options(None));
        assert!(matches!(&verdict, Verdict::NotRun(p) if p.kind == ProblemKind::Unsupported), "{text}: {verdict:?}");
    }
}

#[test]
fn a_call_that_packetdrill_refuses_fails_at_its_line() {
    for text in [
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 read(4, ..., 1) = 0",
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [1], 4) = 0",
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = -1 EBADF",
    ] {
        let verdict = run(text, &options(None));
        assert!(matches!(&verdict, Verdict::Fail(failure) if failure.line == 2), "{text}: {verdict:?}");
    }
}

const HANDSHAKE: &str = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 1000 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 1000
+0 accept(3, ..., ...) = 4
";

#[test]
fn times_are_compared_to_the_tolerance() {
    let script = |end: &str| {
        format!("{HANDSHAKE}+0...{end} read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 1000\n+0 > . 1:1(0) ack 11\n")
    };
    assert!(run(&script("0.100"), &options(None)).passed());
    assert!(run(&script("0.100"), &options(Some(0))).passed(), "nothing here is late in virtual time");
    assert!(run(&script("0.110"), &options(None)).passed(), "an eighth of the time waited is tolerated");
    assert!(!run(&script("0.110"), &options(Some(0))).passed());
    assert_eq!(run(&script("0.120"), &options(None)).line(), Some(8));
}

#[test]
fn a_call_that_never_returns_is_a_failure() {
    let verdict = run(&format!("{HANDSHAKE}+0 read(4, ..., 10) = 10\n"), &options(None));
    assert_eq!(verdict.line(), Some(8), "{verdict:?}");
    let verdict = run(&format!("{HANDSHAKE}+0...0.1 read(4, ..., 10) = 10\n"), &options(None));
    assert_eq!(verdict.line(), Some(8), "{verdict:?}");
}

#[test]
fn segments_nobody_expects_are_left_over() {
    let text = format!("{HANDSHAKE}+0 write(4, ..., 10) = 10\n");
    let Verdict::Pass(run) = run(&text, &options(None)) else { panic!("it passes") };
    assert!(run.left_over.len() >= 2, "the data and its repetitions: {:?}", run.left_over);
    assert!(run.left_over[0].contains("P. 1:11(10) ack 1"), "{:?}", run.left_over);
}

#[test]
fn assertions_are_judged_with_the_values_of_their_moment() {
    let good = format!(
        "{HANDSHAKE}+0 %{{ assert tcpi_state == 1; assert tcpi_snd_mss == 536 or tcpi_snd_mss > 0 }}%\n+0 close(4) = 0\n"
    );
    assert!(run(&good, &options(None)).passed());
    let bad = format!("{HANDSHAKE}+0 %{{ assert tcpi_state == 8 }}%\n+0 close(4) = 0\n");
    assert_eq!(run(&bad, &options(None)).line(), Some(8));
}

/// Pieces that make garbage look like a script.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "0 ",
        "+0 ",
        "+.1",
        "...",
        "0.2 ",
        "*",
        "~",
        "< ",
        "> ",
        "S",
        ".",
        "F.",
        "-",
        " 0:0(0)",
        " 1:11(10)",
        " ack 1",
        " win 5",
        "<mss 1460>",
        "<...>",
        "<sack 1:2",
        "TS val 1 ecr 2",
        ",",
        "nop",
        "socket(",
        "..., SOCK_STREAM, IPPROTO_TCP",
        ") = 3",
        "listen(3, 1) = 0",
        "bind(3, ..., ...) = 0",
        "read(4, ..., 99) = -1 EAGAIN",
        "accept(3, ..., ...) = 4",
        "close(4) = 0",
        "close(3) = 0",
        "write(4, ..., 70000) = 70000",
        "\n",
        " ",
        "`ss`",
        "`",
        "%{ assert ",
        "}%",
        "#ifdef X\n",
        "#endif\n",
        "//",
        "/*",
        "*/",
        "[",
        "]",
        "{",
        "}",
        "|",
        "\"",
        "\\",
        "é",
        "4294967295",
        "99999999999999999999",
        "icmp unreachable ",
        "code_1",
        "poll([{fd=3, events=POLLIN}], 1, 1000) = 0",
        "epoll_wait(",
        "connect(3, ..., ...) = 0",
        "shutdown(4, SHUT_RDWR) = 0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics(text in pieces()) {
        let _ = run(&text, &options(None)).word();
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,200}") {
        let _ = run(&text, &options(Some(0))).word();
    }

    /// Scripts whose lines are good, in any order.
    #[test]
    fn lines_in_any_order_never_panic(lines in prop::collection::vec(prop::sample::select(vec![
        "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
        "+0 bind(3, ..., ...) = 0",
        "+0 listen(3, 1) = 0",
        "+0 connect(3, ..., ...) = -1 EINPROGRESS",
        "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
        "+0 < S 0:0(0) win 1000 <mss 1000,TS val 5 ecr 0>",
        "+0 < S. 0:0(0) ack 1 win 1000 <mss 0>",
        "+0 > S. 0:0(0) ack 1 <...>",
        "+0 > S 0:0(0) <...>",
        "+.1 < . 1:1(0) ack 1 win 0",
        "+.1 < F. 1:65536(65535) ack 1 win 0",
        "+.1 < SFRP. 7:7(0) ack 4294967295 win 1",
        "+.1 < icmp unreachable host_unreachable [0:0(0)]",
        "+0 accept(3, ..., ...) = 4",
        "+0 write(4, ..., 100000) = 100000",
        "+0...10 read(4, ..., 1) = 1",
        "+0 close(4) = 0",
        "+0 close(3) = 0",
        "+0 `tcpdrop -s TIME_WAIT`",
        "* > . ...(0) ack 1 <...>",
        "+0 %{ assert tcpi_rto > 0 }%",
        "+94000000 close(3) = 0",
        "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=9223372036854775807}, 8) = 0",
        "+0 poll([{fd=3, events=POLLIN}], 1, 9223372036854775807) = 0",
    ]), 0..25)) {
        let _ = run(&lines.join("\n"), &options(None)).word();
    }
}
