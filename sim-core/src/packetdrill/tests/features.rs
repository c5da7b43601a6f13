//! Each construct that suites of scripts use, in the spellings they use it in.

use super::{HANDSHAKE, options, run};
use crate::packetdrill::{Compare, Definitions, Options, Verdict};

/// The script after a handshake on descriptor 4.
fn connected(events: &str) -> Verdict {
    run(&format!("{HANDSHAKE}{events}"), &options(None))
}

#[track_caller]
fn passes(events: &str) {
    let verdict = connected(events);
    assert!(verdict.passed(), "{events}\n{verdict:?}");
}

/// It fails, and at this line of `events`.
#[track_caller]
fn fails(events: &str, line: u32) {
    let verdict = connected(events);
    let before = u32::try_from(HANDSHAKE.lines().count()).expect("few");
    assert_eq!(verdict.line(), Some(before + line), "{events}\n{verdict:?}");
    assert!(matches!(verdict, Verdict::Fail(_)), "{events}\n{verdict:?}");
}

#[test]
fn data_is_sent_by_every_call() {
    for call in [
        "write(4, ..., 1000) = 1000",
        "write(4, \"abc\", 1000) = 1000",
        "send(4, ..., 1000, 0) = 1000",
        "send(4, ..., 1000, MSG_NOSIGNAL | MSG_DONTWAIT) = 1000",
        "sendto(4, ..., 1000, 0, ..., ...) = 1000",
        "sendto(4, ..., 1000, MSG_DONTWAIT, NULL, 0) = 1000",
        "writev(4, [{..., 400}, {..., 600}], 2) = 1000",
        "writev(4, [{iov_base = ..., iov_len = 1000}], 1) = 1000",
        "sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 1}, {..., 999}], msg_flags=0}, 0) = 1000",
    ] {
        passes(&format!("+0 {call}\n+0 > P. 1:1001(1000) ack 1\n+.1 < . 1:1(0) ack 1001 win 1000\n"));
    }
    fails("+0 writev(4, [{..., 400}], 1) = 401\n", 1);
    for unsupported in ["sendmsg(4, {msg_iov(1)=[{..., 1}], msg_control=[]}, 0) = 1", "send(4, ..., 1, MSG_OOB) = 1"] {
        assert!(matches!(connected(&format!("+0 {unsupported}\n")), Verdict::NotRun(_)), "{unsupported}");
    }
}

#[test]
fn data_is_received_by_every_call() {
    for call in [
        "read(4, ..., 1000) = 10",
        "recv(4, ..., 1000, 0) = 10",
        "recv(4, ..., 1000, MSG_DONTWAIT) = 10",
        "recvfrom(4, ..., 1000, 0, ..., ...) = 10",
        "recvfrom(4, ..., 1000, MSG_DONTWAIT, NULL, NULL) = 10",
        "readv(4, [{..., 4}, {..., 996}], 2) = 10",
        "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}, 0) = 10",
    ] {
        passes(&format!(
            "+0 < P. 1:11(10) ack 1 win 1000\n+0 > . 1:1(0) ack 11\n+0 {call}\n+0 recv(4, ..., 1, MSG_DONTWAIT) = -1 EAGAIN\n"
        ));
    }
    let peeked = "recv(4, ..., 4, MSG_PEEK) = 4\n+0 recvmsg(4, {msg_iov(1)=[{..., 3}]}, MSG_PEEK) = 3";
    passes(&format!("+0 < P. 1:11(10) ack 1 win 1000\n+0 {peeked}\n+0 ioctl(4, SIOCINQ, [10]) = 0\n"));
    fails("+0 < P. 1:11(10) ack 1 win 1000\n+0 ioctl(4, FIONREAD, [11]) = 0\n", 2);
}

/// Linux copies before it takes data off the queue: none is lost (`tcp_recvmsg_locked`).
#[test]
fn a_null_pointer_is_a_bad_address() {
    passes("+0 write(4, NULL, 10) = -1 EFAULT (Bad address)\n+0 write(4, NULL, 0) = 0\n");
    passes("+0 writev(4, [{NULL, 10}], 1) = -1 EFAULT\n");
    passes("+0 < P. 1:11(10) ack 1 win 1000\n+0 read(4, NULL, 10) = -1 EFAULT\n+0 read(4, ..., 100) = 10\n");
    passes("+0 < F. 1:1(0) ack 1 win 1000\n+0 read(4, NULL, 10) = 0\n");
    passes(
        "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5\n+0 connect(5, NULL, 16) = -1 EFAULT\n+0 bind(5, NULL, 16) = -1 EFAULT\n",
    );
}

#[test]
fn addresses_are_read_in_every_spelling() {
    for address in [
        "{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr(\"192.0.2.1\")}, 16",
        "{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"192.0.2.1\")}, ...",
        "..., ...",
    ] {
        let script = format!(
            "0 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)\n\
             +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 fcntl(3, F_GETFL) = 0x802 (flags O_RDWR|O_NONBLOCK)\n\
             +0 connect(3, {address}) = -1 EINPROGRESS (Operation now in progress)\n+0 > S 0:0(0) <...>\n\
             +.1 < S. 0:0(0) ack 1 win 5000 <mss 1000>\n+0 > . 1:1(0) ack 1\n+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n\
             +0 getpeername(3, ..., [16]) = 0\n+0 fcntl(3, F_SETFL, 2) = 0\n+0 fcntl(3, F_GETFL) = 2\n"
        );
        let verdict = run(&script, &options(None));
        assert!(verdict.passed(), "{address}: {verdict:?}");
    }
}

#[test]
fn options_are_set_and_read_back() {
    for (option, value, back) in [
        ("SOL_SOCKET, SO_REUSEADDR", "[1]", "[1]"),
        ("SOL_SOCKET, SO_KEEPALIVE", "[1]", "[1]"),
        ("SOL_SOCKET, SO_LINGER", "{onoff=1, linger=0}", "{onoff=1, linger=0}"),
        ("SOL_SOCKET, SO_LINGER", "{l_onoff=1, l_linger=7}", "{onoff=1, linger=7}"),
        ("SOL_SOCKET, SO_LINGER", "{onoff=0, linger=0}", "{onoff=0, linger=0}"),
        ("SOL_TCP, TCP_LINGER2", "[5]", "[5]"),
        ("SOL_TCP, TCP_LINGER2", "[-1]", "[-1]"),
        ("SOL_TCP, TCP_USER_TIMEOUT", "[3000]", "3000"),
        ("IPPROTO_TCP, TCP_KEEPIDLE", "[7]", "[7]"),
        ("IPPROTO_TCP, TCP_KEEPINTVL", "[8]", "[8]"),
        ("IPPROTO_TCP, TCP_KEEPCNT", "[9]", "[9]"),
        ("IPPROTO_TCP, TCP_NODELAY", "[1]", "[1]"),
        ("IPPROTO_TCP, TCP_SYNCNT", "[4]", "[4]"),
        ("SOL_SOCKET, SO_SNDBUF", "[20000]", "[40000]"),
    ] {
        passes(&format!("+0 setsockopt(4, {option}, {value}, 4) = 0\n+0 getsockopt(4, {option}, {back}, [4]) = 0\n"));
    }
    fails(
        "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0\n+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=6}, [8]) = 0\n",
        2,
    );
    fails("+0 getsockopt(4, SOL_TCP, TCP_LINGER2, [59], [4]) = 0\n", 1);
    // Fast Open is not in the model: asking for it changes nothing.
    passes("+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0\n");
    passes("+0 setsockopt(4, SOL_TCP, TCP_KEEPCNT, [0], 4) = -1 EINVAL (Invalid argument)\n");
    // FreeBSD's: packetdrill on Linux does not know the word.
    fails("+0 setsockopt(4, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0\n", 1);
}

#[test]
fn linger_zero_resets_and_linger2_limits_fin_wait_2() {
    passes(
        "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n+0 close(4) = 0\n+0 > R. 1:1(0) ack 1\n",
    );
    passes(
        "+0 setsockopt(4, SOL_TCP, TCP_LINGER2, [3], 4) = 0\n+0 close(4) = 0\n+0 > F. 1:1(0) ack 1\n\
         +.1 < . 1:1(0) ack 2 win 1000\n+2 `ss -n state FIN-WAIT-2 | grep 192.168.0.1:8080`\n\
         +3 < . 1:1(0) ack 2 win 1000\n+0 > R 2:2(0)\n",
    );
}

#[test]
fn poll_and_epoll_wait_for_events() {
    passes("+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1\n");
    passes(
        "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLRDHUP, fd=4}) = 0\n\
         +0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 0\n+0 < F. 1:1(0) ack 1 win 1000\n\
         +0 epoll_wait(5, {events=EPOLLIN|EPOLLRDHUP, fd=4}, 1, 0) = 1\n+0 epoll_wait(5, ..., 1, 0) = 1\n",
    );
    // It blocks, and the data that ends the wait is an event of the script.
    passes(
        "+0 epoll_create1(0) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, u32=77}) = 0\n\
         +0...0.3 epoll_wait(5, [{events=EPOLLIN, u32=77}], 10, -1) = 1\n+.3 < P. 1:11(10) ack 1 win 1000\n+0 > . 1:1(0) ack 11\n",
    );
    passes(
        "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n\
         +0...0.5 epoll_wait(5, ..., 1, 500) = 0\n+1 < R. 1:1(0) ack 1 win 0\n\
         +0 epoll_wait(5, {events=EPOLLIN|EPOLLERR|EPOLLHUP, fd=4}, 1, 0) = 1\n",
    );
    fails(
        "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLOUT, fd=4}) = 0\n\
         +0 epoll_wait(5, {events=EPOLLIN|EPOLLOUT, fd=4}, 1, 0) = 1\n",
        3,
    );
    fails("+0 epoll_wait(4, ..., 1, 0) = 0\n", 1);
}

/// `ep_poll_callback`, `ep_send_events` (fs/eventpoll.c, 6.18).
#[test]
fn epoll_reports_an_edge_once_and_one_shot_until_it_is_armed_again() {
    passes(
        "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0\n\
         +0 < P. 1:11(10) ack 1 win 1000\n+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n\
         +0 epoll_wait(5, ..., 1, 0) = 0\n+0 < P. 11:21(10) ack 1 win 1000\n\
         +0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n+0 epoll_wait(5, ..., 1, 0) = 0\n",
    );
    passes(
        "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLONESHOT, fd=4}) = 0\n\
         +0 epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1\n+0 epoll_wait(5, ..., 1, 0) = 0\n\
         +0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLOUT, fd=4}) = 0\n+0 epoll_wait(5, ..., 1, 0) = 1\n\
         +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = -1 EEXIST (File exists)\n\
         +0 epoll_ctl(5, EPOLL_CTL_DEL, 4, ...) = 0\n+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, ...) = -1 ENOENT\n\
         +0 epoll_wait(5, ..., 1, 0) = 0\n+0 close(5) = 0\n",
    );
}

const CONNECTING: &str = "\
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) <...>
";

/// `icmp_err_convert` (net/ipv4/icmp.c) and `tcp_v4_err`: an error about the SYN ends the attempt.
#[test]
fn every_icmp_word_is_understood() {
    for (message, error) in [
        ("unreachable net_unreachable", "ENETUNREACH"),
        ("unreachable host_unreachable", "EHOSTUNREACH"),
        ("unreachable protocol_unreachable", "ENOPROTOOPT"),
        ("unreachable port_unreachable", "ECONNREFUSED"),
        ("unreachable source_route_failed", "EOPNOTSUPP"),
        ("unreachable net_unknown", "ENETUNREACH"),
        ("unreachable host_unknown", "EHOSTDOWN"),
        ("unreachable source_host_isolated", "ENONET"),
        ("unreachable net_prohibited", "ENETUNREACH"),
        ("unreachable host_prohibited", "EHOSTUNREACH"),
        ("unreachable net_unreachable_for_tos", "ENETUNREACH"),
        ("unreachable host_unreachable_for_tos", "EHOSTUNREACH"),
        ("unreachable packet_filtered", "EHOSTUNREACH"),
        ("unreachable precedence_violation", "EHOSTUNREACH"),
        ("unreachable precedence_cutoff", "EHOSTUNREACH"),
        ("unreachable code_1", "EHOSTUNREACH"),
        ("unreachable CODE", "EHOSTUNREACH"),
        ("type_3 code_3", "ECONNREFUSED"),
        ("unreachable host_unreachable [0:0(0)]", "EHOSTUNREACH"),
        ("time_exceeded ttl_exceeded_in_transit", "EHOSTUNREACH"),
        ("time_exceeded frag_reass_exceeded", "EHOSTUNREACH"),
        ("parameter_problem", "EPROTO"),
        ("echo_reply", "0"),
        ("echo_request", "0"),
        ("source_quench", "0"),
        ("redirect code_1", "0"),
        ("timestamp_request", "0"),
        ("timestamp_reply", "0"),
        ("information_request", "0"),
        ("information_reply", "0"),
        ("address_mask_request", "0"),
        ("address_mask_reply", "0"),
        ("type_40 code_7", "0"),
        ("unreachable code_16", "0"),
        // About a segment that was never sent.
        ("unreachable host_unreachable [7:7(0)]", "0"),
    ] {
        let text =
            format!("{CONNECTING}+.01 < icmp {message}\n+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [{error}], [4]) = 0\n");
        let definitions = Definitions { values: vec![("CODE".to_owned(), "host_unreachable".to_owned())] };
        let verdict = run(&text, &Options { definitions, ..options(None) });
        assert!(verdict.passed(), "{message}: {verdict:?}");
    }
    let unnamed = format!("{CONNECTING}+.01 < icmp unreachable CODE\n");
    assert!(matches!(run(&unnamed, &options(None)), Verdict::NotRun(_)), "CODE needs a definition");
}

#[test]
fn sysctls_are_set_in_every_spelling() {
    for command in [
        "../common/set_sysctls.py /proc/sys/net/ipv4/tcp_synack_retries=1",
        "sysctl -q net.ipv4.tcp_synack_retries=1",
        "sysctl -w net.ipv4.tcp_synack_retries=1 > /dev/null",
        "./defaults.sh\n ./set_sysctls.py /proc/sys/net/ipv4/tcp_synack_retries=1 /proc/sys/net/ipv4/tcp_timestamps=0",
        "../../common/defaults.sh; sysctl -q net.ipv4.tcp_synack_retries=1; sysctl -q net.ipv4.tcp_min_tso_segs=4",
    ] {
        let text = format!(
            "`{command}`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n\
             +0 < S 0:0(0) win 1000\n+0 > S. 0:0(0) ack 1 <...>\n+1~+1.1 > S. 0:0(0) ack 1 <...>\n\
             +10 `ss -n state SYN-RECV | wc -l | grep -q '^0$'`\n`/tmp/sysctl_restore_${{PPID}}.sh`\n"
        );
        let verdict = run(&text, &options(None));
        assert!(verdict.passed(), "{command}: {verdict:?}");
    }
    for setting in ["tcp_invalid_ratelimit=0", "tcp_syncookies=0", "tcp_rto_max_ms=1000"] {
        let verdict =
            run(&format!("`sysctl -q net.ipv4.{setting}`\n0 socket(..., SOCK_STREAM, 0) = 3\n"), &options(None));
        assert!(verdict.passed(), "{setting}: {verdict:?}");
    }
    // A knob that no Linux of the model has: the command fails there too.
    let verdict =
        run("`sysctl -q net.ipv4.tcp_purge_receive_queue=1`\n0 socket(..., SOCK_STREAM, 0) = 3\n", &options(None));
    assert_eq!(verdict.line(), Some(1), "{verdict:?}");
}

#[test]
fn a_longest_timeout_of_a_second_shows_on_the_wire() {
    let text = format!(
        "`sysctl -q net.ipv4.tcp_rto_max_ms=1000`\n{HANDSHAKE}+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n\
         * > P. 1:11(10) ack 1\n* > P. 1:11(10) ack 1\n* > P. 1:11(10) ack 1\n* > P. 1:11(10) ack 1\n\
         +1~+1.1 > P. 1:11(10) ack 1\n+1~+1.1 > P. 1:11(10) ack 1\n+1~+1.1 > P. 1:11(10) ack 1\n"
    );
    let verdict = run(&text, &options(None));
    assert!(verdict.passed(), "{verdict:?}");
}

#[test]
fn assertions_know_the_fields_of_tcp_info() {
    passes(
        "+0 %{\nassert tcpi_state == TCP_ESTABLISHED, tcpi_state\nassert tcpi_snd_mss == 500 and tcpi_advmss == 1460, \\\n tcpi_snd_mss\n\
         assert tcpi_snd_wscale == 0; assert (tcpi_options & TCPI_OPT_WSCALE) == 0\nassert tcpi_options & TCPI_OPT_SYN_DATA == 0 or True\n\
         assert tcpi_backoff == 0 and tcpi_probes == 0 and tcpi_rto >= 200000 # a comment\n}%\n",
    );
    let typing_error = connected("+0 %{ assert tcpi_state = 1 }%\n");
    assert!(matches!(typing_error, Verdict::Fail(_)), "{typing_error:?}");
}

#[test]
fn comments_quotes_and_line_breaks_stand_anywhere() {
    let text = "\
// A test.
/* Over
 * lines. */
--tolerance_usecs=\"75000\" // quoted
--ip_version=ipv4
--mss=1460
--remote_ip=192.0.2.1
`sysctl -q \\
   net.ipv4.tcp_timestamps=0`

0.000 socket( ... , SOCK_STREAM ,
   IPPROTO_TCP ) = 3 // here
+0.000   bind(3, ..., ...)   = 0
+0   listen(3, 1)=0
+0   <   S   0:0(0)   win 65535 < mss 1460 , sackOK , nop , wscale 6 > /* and here */
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 10>
+ .1 < FP. 1:11(10) ack 1
   win 100
+0 > . 1:1(0) ack 12
+0 accept(3, ..., ...) = 4
#ifdef FreeBSD
+0 close(99) = 0
#endif
#ifdef STANDARD
+0 read(4, ..., 100) = 10
#endif
+0 close(4) = 0
+0 > F. 1:1(0) ack 12
`true`
";
    let verdict = run(text, &options(None));
    assert!(verdict.passed(), "{verdict:?}");
    // Windows line ends, and no line end at the end.
    let verdict = run(text.replace('\n', "\r\n").trim_end(), &options(None));
    assert!(verdict.passed(), "{verdict:?}");
}

#[test]
fn states_of_other_systems_names_are_counted() {
    let lifecycle = Options { compare: Compare::Lifecycle, ..options(None) };
    let text = format!(
        "{HANDSHAKE}+0 `sockstat -4 -P tcp -s | grep packetdrill | grep -c ESTABLISHED | grep 1`\n+0 close(4) = 0\n\
         +0 > F. 1:1(0) ack 1\n+.1 < F. 1:1(0) ack 2 win 1000\n+0 > . 2:2(0) ack 2\n\
         +0 `sockstat -4 -P tcp -s | grep -c TIME_WAIT | grep 1`\n+0 `tcpdrop -s TIME_WAIT`\n\
         +0 `sysctl -w net.inet.tcp.insecure_rst=1`\n"
    );
    assert!(run(&text, &lifecycle).passed());
    let wrong = text.replace("TIME_WAIT | grep 1", "TIME_WAIT | grep 2");
    assert_eq!(run(&wrong, &lifecycle).line(), Some(13));
}
