//! The rows. An edge that no code of ours can take does not belong here
//! (`tests/rfc9293/edges.rs` drives each of them); what RFC 9293 draws and Linux
//! does otherwise is in [`ELSEWHERE`].

use super::{Elsewhere, Transition};
use crate::tcp::state::{Cause, TcpState};
use crate::text::Both;

/// A text that is the same in both languages: calls, flags, errnos.
const fn same(text: &'static str) -> Both {
    Both { en: text, zh: text }
}

const fn both(en: &'static str, zh: &'static str) -> Both {
    Both { en, zh }
}

const NOTHING: Both = same("");
const RST: Both = same("RST");
const SYN: Both = same("SYN");
const FIN: Both = same("FIN");
const SEND_ACK: Both = both("send ACK", "发送 ACK");
const SEND_FIN: Both = both("send FIN", "发送 FIN");
const SEND_RST: Both = both("send RST", "发送 RST");
const SEND_SYN_ACK: Both = both("send SYN,ACK", "发送 SYN,ACK");
const ACK_OF_FIN: Both = both("ACK of our FIN", "己方 FIN 的 ACK");
const CLOSE_WR: Both = same("close(), shutdown(SHUT_WR)");
const ABORT: Both = both("abort (ss -K)", "中止（ss -K）");
const ORPHANS: Both = both("tcp_max_orphans exceeded", "超过 tcp_max_orphans");
const GAVE_UP: Both = both("retransmission, keepalive or user time-out", "重传、保活或用户超时");
const UNREAD: Both =
    both("close() with unread data or SO_LINGER 0, abort", "有未读数据或 SO_LINGER 0 时 close()，或中止");
const UNREACHABLE: Both = both("ICMP unreachable", "ICMP 不可达");
const ITS_ERRNO: Both = both("its errno", "对应的 errno");
const RETRIES: Both = both("tcp_orphan_retries or tcp_retries2 used up", "tcp_orphan_retries 或 tcp_retries2 用尽");
const LINGER_0: Both = both("SO_LINGER 0, abort", "SO_LINGER 0，或中止");

const EVERY: &str = "";
const TW_REUSE: &str = "tcp_tw_reuse is 2 (loopback) by default since Linux 4.19, 0 before";

macro_rules! table {
    ($($from:ident $event:expr, $action:expr => $to:ident, $source:literal, $versions:expr, [$($cause:ident),+];)*) => {
        /// Every transition, by the state left.
        pub const TRANSITIONS: &[Transition] = &[$(Transition {
            from: TcpState::$from,
            event: $event,
            action: $action,
            to: TcpState::$to,
            source: $source,
            versions: $versions,
            causes: &[$(Cause::$cause),+],
        },)*];
    };
}

table! {
    Closed same("connect()"), both("send SYN", "发送 SYN") => SynSent, "RFC 9293 3.10.1, tcp_v4_connect", EVERY, [ActiveOpen];
    Closed same("listen()"), NOTHING => Listen, "RFC 9293 3.10.1, inet_csk_listen_start", EVERY, [PassiveOpen];

    Listen SYN, SEND_SYN_ACK => SynReceived, "RFC 9293 3.10.7.2, tcp_conn_request", EVERY, [SynArrived];
    Listen both("ACK of a SYN cookie", "SYN cookie 的 ACK"), NOTHING => SynReceived, "cookie_v4_check", EVERY, [AckOfSyn];
    Listen same("close(), shutdown(SHUT_RD)"), NOTHING => Closed, "RFC 9293 3.10.4, tcp_close", EVERY, [Close, Shutdown];
    Listen ABORT, NOTHING => Closed, "RFC 9293 3.10.5, tcp_abort", EVERY, [Abort];

    SynSent both("SYN,ACK of our SYN", "己方 SYN 的 SYN,ACK"), SEND_ACK => Established, "RFC 9293 3.10.7.3", EVERY, [SynAckArrived];
    SynSent SYN, SEND_SYN_ACK => SynReceived, "RFC 9293 3.10.7.3, 3.5 figure 7", EVERY, [SynArrived];
    SynSent same("close(), shutdown()"), NOTHING => Closed, "RFC 9293 3.10.4, tcp_close", EVERY, [Close, Shutdown];
    SynSent both("RST with ACK of our SYN", "确认己方 SYN 的 RST"), same("ECONNREFUSED") => Closed, "RFC 9293 3.10.7.3, tcp_reset", EVERY, [RstArrived];
    SynSent both("tcp_syn_retries used up", "tcp_syn_retries 用尽"), same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, tcp_write_timeout", "tcp_syn_linear_timeouts more SYNs since Linux 6.5", [TimedOut];
    SynSent UNREACHABLE, ITS_ERRNO => Closed, "RFC 9293 3.9.2.2, tcp_v4_err", EVERY, [IcmpError];
    SynSent ABORT, NOTHING => Closed, "RFC 9293 3.10.5, tcp_abort", EVERY, [Abort];

    SynReceived both("ACK of our SYN", "己方 SYN 的 ACK"), NOTHING => Established, "RFC 9293 3.10.7.4", EVERY, [AckOfSyn];
    SynReceived both("close() after a crossed open", "交叉打开后 close()"), SEND_FIN => FinWait1, "RFC 9293 3.10.4, tcp_close_state", "shutdown() waits for ESTABLISHED since Linux 6.9", [Close];
    SynReceived RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_check_req", EVERY, [RstArrived];
    SynReceived both("tcp_synack_retries or tcp_syn_retries used up", "tcp_synack_retries 或 tcp_syn_retries 用尽"), same("ETIMEDOUT") => Closed, "reqsk_timer_handler, tcp_write_timeout", EVERY, [TimedOut];
    SynReceived UNREACHABLE, ITS_ERRNO => Closed, "RFC 9293 3.9.2.2, tcp_v4_err", EVERY, [IcmpError];
    SynReceived both("SYN in the window, tcp_abort_on_overflow, SO_LINGER 0", "窗口内的 SYN、tcp_abort_on_overflow、SO_LINGER 0"), SEND_RST => Closed, "tcp_check_req, RFC 9293 3.10.5", EVERY, [Abort];
    SynReceived both("close() of the listener", "监听套接字 close()"), NOTHING => Closed, "inet_csk_listen_stop", EVERY, [Close];

    Established CLOSE_WR, SEND_FIN => FinWait1, "RFC 9293 3.10.4, tcp_close_state", EVERY, [Close, Shutdown];
    Established FIN, SEND_ACK => CloseWait, "RFC 9293 3.10.7.4, tcp_fin", EVERY, [FinArrived];
    Established RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    Established UNREAD, SEND_RST => Closed, "tcp_close, RFC 2525 2.17", EVERY, [Abort];
    Established GAVE_UP, same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, 3.8.4, 3.10.8", EVERY, [TimedOut];

    FinWait1 ACK_OF_FIN, NOTHING => FinWait2, "RFC 9293 3.10.7.4", EVERY, [AckOfFin];
    FinWait1 FIN, SEND_ACK => Closing, "RFC 9293 3.10.7.4, tcp_fin", EVERY, [FinArrived];
    FinWait1 RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    FinWait1 both("data after close(), SO_LINGER 0, abort", "close() 后来的数据、SO_LINGER 0，或中止"), SEND_RST => Closed, "RFC 1122 4.2.2.13, tcp_rcv_state_process", EVERY, [Abort];
    FinWait1 ORPHANS, SEND_RST => Closed, "tcp_check_oom", EVERY, [Overflow];
    FinWait1 RETRIES, same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, tcp_write_timeout", EVERY, [TimedOut];

    FinWait2 FIN, SEND_ACK => TimeWait, "RFC 9293 3.10.7.4, tcp_fin", EVERY, [FinArrived];
    FinWait2 RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    FinWait2 both("data after close(), negative TCP_LINGER2, abort", "close() 后来的数据、TCP_LINGER2 为负，或中止"), SEND_RST => Closed, "RFC 1122 4.2.2.13, tcp_close", EVERY, [Abort];
    FinWait2 both("tcp_max_orphans or tcp_max_tw_buckets exceeded", "超过 tcp_max_orphans 或 tcp_max_tw_buckets"), NOTHING => Closed, "tcp_check_oom, inet_twsk_alloc", EVERY, [Overflow];
    FinWait2 both("tcp_fin_timeout over", "tcp_fin_timeout 到期"), NOTHING => Closed, "tcp_keepalive_timer, inet_twsk_kill", EVERY, [TimerExpired];
    FinWait2 both("keepalive gave up", "保活探测无应答"), both("send RST, ETIMEDOUT", "发送 RST，ETIMEDOUT") => Closed, "RFC 9293 3.8.4, tcp_keepalive_timer", EVERY, [TimedOut];
    FinWait2 both("connect() takes the port over", "connect() 接管端口"), NOTHING => Closed, "tcp_twsk_unique", "never since Linux 6.12 (stable trees of October 2024)", [ActiveOpen];

    CloseWait CLOSE_WR, SEND_FIN => LastAck, "RFC 9293 3.10.4, tcp_close_state", EVERY, [Close, Shutdown];
    CloseWait RST, same("EPIPE") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    CloseWait UNREAD, SEND_RST => Closed, "tcp_close, RFC 2525 2.17", EVERY, [Abort];
    CloseWait GAVE_UP, same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, 3.8.4, 3.10.8", EVERY, [TimedOut];

    Closing ACK_OF_FIN, NOTHING => TimeWait, "RFC 9293 3.10.7.4", EVERY, [AckOfFin];
    Closing RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    Closing LINGER_0, NOTHING => Closed, "RFC 9293 3.10.5, tcp_disconnect", EVERY, [Abort];
    Closing ORPHANS, NOTHING => Closed, "tcp_check_oom", EVERY, [Overflow];
    Closing RETRIES, same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, tcp_write_timeout", EVERY, [TimedOut];

    LastAck ACK_OF_FIN, NOTHING => Closed, "RFC 9293 3.10.7.4", EVERY, [AckOfFin];
    LastAck RST, same("ECONNRESET") => Closed, "RFC 9293 3.10.7.4, tcp_reset", EVERY, [RstArrived];
    LastAck LINGER_0, NOTHING => Closed, "RFC 9293 3.10.5, tcp_disconnect", EVERY, [Abort];
    LastAck ORPHANS, NOTHING => Closed, "tcp_check_oom", EVERY, [Overflow];
    LastAck RETRIES, same("ETIMEDOUT") => Closed, "RFC 9293 3.8.3, tcp_write_timeout", EVERY, [TimedOut];

    TimeWait both("60 s over", "60 秒到期"), NOTHING => Closed, "RFC 9293 3.10.8, TCP_TIMEWAIT_LEN", EVERY, [TimerExpired];
    TimeWait both("RST (tcp_rfc1337=0)", "RST（tcp_rfc1337=0）"), NOTHING => Closed, "tcp_timewait_state_process", EVERY, [RstArrived];
    TimeWait both("newer SYN to a listener", "发往监听端口的更新的 SYN"), both("the listener takes it", "由监听套接字接手") => Closed, "RFC 9293 3.6.1, TCP_TW_SYN", EVERY, [SynArrived];
    TimeWait both("connect() takes the port over", "connect() 接管端口"), NOTHING => Closed, "tcp_twsk_unique", TW_REUSE, [ActiveOpen];
    TimeWait both("tcp_max_tw_buckets reached", "达到 tcp_max_tw_buckets"), NOTHING => Closed, "inet_twsk_alloc", EVERY, [Overflow];
}

macro_rules! elsewhere {
    ($($from:ident $event:expr => $to:ident, $source:literal, $instead:expr, [$($via:ident),*];)*) => {
        /// What RFC 9293 draws and Linux does otherwise: never an edge of ours.
        pub const ELSEWHERE: &[Elsewhere] = &[$(Elsewhere {
            from: TcpState::$from,
            event: $event,
            to: TcpState::$to,
            source: $source,
            instead: $instead,
            via: &[$(TcpState::$via),*],
        },)*];
    };
}

elsewhere! {
    Listen same("SEND, OPEN") => SynSent, "RFC 9293 3.10.1, 3.10.2", both("a listener cannot be turned into a client: EPIPE, EISCONN", "监听套接字不能变成客户端：EPIPE、EISCONN"), [];
    SynReceived RST => Listen, "RFC 9293 3.10.7.4", both("the request vanishes; its listener never left LISTEN", "请求消失；监听套接字从未离开 LISTEN"), [SynReceived, Closed];
    SynReceived FIN => CloseWait, "RFC 9293 3.10.7.4", both("its ACK opens the connection first", "其中的 ACK 先使连接建立"), [SynReceived, Established, CloseWait];
    FinWait1 both("FIN with ACK of ours", "带己方 FIN 确认的 FIN") => TimeWait, "RFC 9293 3.3.2 note 2", both("in two steps", "分两步"), [FinWait1, FinWait2, TimeWait];
    TimeWait SYN => SynReceived, "RFC 9293 3.10.7.4", both("the minisock goes; the listener answers the SYN", "minisock 消失；由监听套接字应答 SYN"), [TimeWait, Closed, Listen, SynReceived];
}
