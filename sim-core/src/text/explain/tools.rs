//! Columns that tools print, and counters of the network stack.

use super::{Entry, Kind, entry};

const COLUMN: Kind = Kind::Column;
const COUNTER: Kind = Kind::Counter;
const SS_S: &str = "iproute2 misc/ss.c print_summary(); /proc/net/sockstat, /proc/net/snmp";
const NSTAT: &str = "Linux Documentation/networking/snmp_counter.rst";

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        COLUMN,
        "Recv-Q",
        "On a connection: bytes received and not yet read by the application, plus 1 once a FIN has arrived, because it takes a sequence number. On a LISTEN socket: connections waiting for accept().",
        "在连接上：已收到但应用还没有读取的字节数；FIN 到达后再加 1，因为它占一个序列号。在 LISTEN socket 上：等待 accept() 的连接数。",
    )
    .alias(&["RecvQ", "Recv Q"])
    .value("", "bytes (connections on LISTEN)")
    .run("ss -tan\nhalfclose show ss incident --at exhausted | awk '{print $2}' | sort | uniq -c")
    .source("ss(8); Linux tcp_diag_get_info(): rcv_nxt − copied_seq"),
    entry(
        COLUMN,
        "Send-Q",
        "On a connection: bytes written and not yet acknowledged, sent or not; a SYN or FIN counts 1. On a LISTEN socket: the limit of the accept queue.",
        "在连接上：已写入但尚未被确认的字节数，无论是否已发送；SYN 或 FIN 计 1。在 LISTEN socket 上：全连接队列的上限。",
    )
    .alias(&["SendQ", "Send Q"])
    .value("", "bytes (connections on LISTEN)")
    .run("ss -tan")
    .source("ss(8); Linux tcp_diag_get_info(): write_seq − snd_una"),
    entry(
        COLUMN,
        "Recv-Q 28",
        "A refused connection nobody read: ERR 1040 (27 bytes) plus 1 for the FIN.",
        "被拒绝且无人读取的连接：ERR 1040（27 字节）加 FIN 的 1。",
    )
    .alias(&["28"])
    .run("halfclose run incident --json")
    .source("MySQL Internals, Protocol::ERR_Packet"),
    entry(
        COLUMN,
        "Recv-Q 77",
        "A greeting nobody read, from a server whose version string has five characters such as 8.3.0: 72 + 5. The socket is still ESTABLISHED, so no FIN is counted.",
        "没有人读取的问候，服务器版本字符串为五个字符（如 8.3.0）：72 + 5。socket 仍是 ESTABLISHED，所以没有 FIN 的 1。",
    )
    .alias(&["77"])
    .run("halfclose show ss max-connections --at end")
    .source("MySQL Internals, Protocol::HandshakeV10"),
    entry(
        COLUMN,
        "Recv-Q 132",
        "A silent connection after connect_timeout: greeting 77 + ERR 1159 54 + 1 for the FIN. Needs MySQL 8.0.24 or later and a version string of five characters.",
        "沉默的连接在 connect_timeout 之后：问候 77 + ERR 1159 54 + FIN 的 1。需要 MySQL 8.0.24 或更高版本，且版本字符串为五个字符。",
    )
    .alias(&["132"])
    .run("halfclose show ss one-connection --at 15s")
    .source("MySQL Internals, Protocol::HandshakeV10 and ERR_Packet"),
    entry(
        COLUMN,
        "Recv-Q 79",
        "What others saw: a greeting of 78 (a version string of six characters such as 8.0.20 or 5.7.44) plus the FIN, from a server older than 8.0.24, which closes without ERR 1159. 86 is the same with thirteen characters (5.7.28-31-log).",
        "别人看到的值：78 字节的问候（版本字符串六个字符，如 8.0.20 或 5.7.44）加 FIN，来自早于 8.0.24、关闭前不发 ERR 1159 的服务器。86 也是同理，版本字符串为十三个字符（5.7.28-31-log）。",
    )
    .alias(&["79", "86"])
    .run("halfclose run old-server")
    .source("MySQL Internals, Protocol::HandshakeV10"),
    entry(
        COLUMN,
        "estab",
        "In `ss -s`: connections in ESTABLISHED, from the counter CurrEstab. Kernels from mid-2024 on (6.10, 5.10.220, …) also count CLOSE-WAIT. Both ends count when they are on one host: 331 was 2 · 151 of the outage and 29 others.",
        "`ss -s` 中：处于 ESTABLISHED 的连接数，来自计数器 CurrEstab。2024 年年中之后的内核（6.10、5.10.220 等）也计入 CLOSE-WAIT。两端在同一主机上时都计入：331 是故障中的 2 · 151 加其他 29 个。",
    )
    .alias(&["CurrEstab"])
    .value("", "sockets")
    .run("ss -s\nhalfclose show ss-s incident --at tw")
    .source("iproute2 misc/ss.c; Linux commit a46d0ea5c942"),
    entry(
        COLUMN,
        "closed",
        "In `ss -s`: TCP sockets that exist and are in no hash table, computed as allocated − (in use − timewait). Every timewait minisock is subtracted from \"in use\" although it was never counted there, so with 18,077 of them the figure is large without a single CLOSED socket. Allocated is host-wide, the rest per network namespace: in containers the number can be absurd.",
        "`ss -s` 中：存在但不在任何哈希表里的 TCP socket，计算方法是 已分配 −（使用中 − timewait）。timewait minisock 本来不在“使用中”里，却要被减去，所以有 18,077 个 minisock 时这个数很大，尽管没有一个 CLOSED 的 socket。已分配是整机的，其余按网络命名空间：容器里会出现荒谬的值。",
    )
    .value("", "sockets")
    .run("ss -s\ncat /proc/net/sockstat")
    .source(SS_S),
    entry(
        COLUMN,
        "orphaned",
        "In `ss -s`: sockets whose descriptor is closed while TCP still works on them: FIN-WAIT-1, CLOSING, LAST-ACK, long FIN-WAIT-2. Not timewait minisocks. 7 in the write-up were FINs waiting for a delayed acknowledgment.",
        "`ss -s` 中：描述符已关闭而 TCP 仍在处理的 socket：FIN-WAIT-1、CLOSING、LAST-ACK、长 FIN-WAIT-2。不含 timewait minisock。原文中的 7 个是等待延迟确认的 FIN。",
    )
    .alias(&["orphan", "orphans"])
    .value("", "sockets")
    .runs_out("tcp_max_orphans, host-wide", "整机共用的 tcp_max_orphans")
    .run("ss -s\nss -tan state fin-wait-1")
    .source(SS_S),
    entry(
        COLUMN,
        "timewait",
        "In `ss -s`: timewait minisocks, both true TIME-WAIT and FIN-WAIT-2 whose descriptor is closed. In this outage all 18,077 are the server's FIN-WAIT-2; no client port waits in TIME-WAIT.",
        "`ss -s` 中：timewait minisock，包括真正的 TIME-WAIT 和描述符已关闭的 FIN-WAIT-2。这次故障里的 18,077 个全是服务端的 FIN-WAIT-2；没有客户端端口处于 TIME-WAIT。",
    )
    .alias(&["tw", "minisock", "minisocks", "timewait minisock"])
    .value("", "minisocks")
    .runs_out("room for closed connections: tcp_max_tw_buckets", "保存已关闭连接的空间：tcp_max_tw_buckets")
    .run("ss -s\nss -tan state fin-wait-2 | wc -l")
    .source(SS_S),
    entry(
        COLUMN,
        "Total",
        "In `ss -s`: all sockets of every family (\"sockets: used\"), unix and netlink ones included. TCP below it is allocated + timewait, so it is larger than the row TCP of the table, which counts hashed sockets only.",
        "`ss -s` 中：所有地址族的 socket（“sockets: used”），包括 unix 与 netlink。下面的 TCP 是 已分配 + timewait，所以比表中只统计哈希表内 socket 的 TCP 行更大。",
    )
    .value("", "sockets")
    .run("ss -s\ncat /proc/net/sockstat")
    .source(SS_S),
    entry(
        COLUMN,
        "unauthenticated user",
        "A row of SHOW PROCESSLIST for a connection that has not logged in. Command is Connect, State \"Receiving from client\" (\"Reading from net\" before 5.7.8 and in MariaDB), Time the seconds since it connected. It holds one place of max_connections + 1 until connect_timeout.",
        "SHOW PROCESSLIST 中尚未登录的连接。Command 是 Connect，State 是 “Receiving from client”（5.7.8 之前和 MariaDB 是 “Reading from net”），Time 是连接以来的秒数。它占住 max_connections + 1 个名额之一，直到 connect_timeout。",
    )
    .alias(&["Receiving from client", "Reading from net"])
    .run("mysql -e 'show processlist'\nhalfclose show processlist incident --at kill+3s")
    .source("MySQL 8.0 sql/sql_show.cc thread_state_info()"),
    entry(
        COUNTER,
        "ListenOverflows",
        "Handshakes that found the accept queue full. ListenDrops counts them too, and every other reason to drop. Rising numbers mean the program accepts too slowly or its backlog is too small.",
        "遇到全连接队列已满的握手次数。ListenDrops 也计入它们，并包含其他丢弃原因。持续增长说明程序 accept 太慢，或 backlog 太小。",
    )
    .alias(&["ListenDrops", "TcpExtListenOverflows"])
    .run("nstat -az TcpExtListenOverflows TcpExtListenDrops\nss -ltn")
    .source(NSTAT),
    entry(
        COUNTER,
        "TCPTimeWaitOverflow",
        "Connections that should have entered TIME-WAIT and went straight to CLOSED because tcp_max_tw_buckets was reached.",
        "因达到 tcp_max_tw_buckets，本该进入 TIME-WAIT 却直接 CLOSED 的连接数。",
    )
    .source(NSTAT),
    entry(
        COUNTER,
        "TCPAbortOnClose",
        "Connections closed with unread data, which sends RST instead of FIN. When a leaking client is killed, each of its sockets counts here.",
        "关闭时还有未读数据的连接，这时发送 RST 而不是 FIN。泄漏的客户端被杀死时，它的每个 socket 都计在这里。",
    )
    .run("nstat -az TcpExtTCPAbortOnClose\nhalfclose run restart-client")
    .source(NSTAT),
    entry(
        COUNTER,
        "TWRecycled",
        "TIME-WAIT sockets whose port connect() took over (tcp_tw_reuse).",
        "端口被 connect() 接管的 TIME-WAIT 数（tcp_tw_reuse）。",
    )
    .source(NSTAT),
    entry(
        COUNTER,
        "TW",
        "TIME-WAIT minisocks made with a life of more than 4 s. It counts when they are made, not when they expire.",
        "创建时寿命超过 4 秒的 TIME-WAIT minisock 数。在创建时计数，而不是到期时。",
    )
    .alias(&["TcpExtTW"])
    .source("Linux inet_twsk_schedule(); measured on 6.18.44"),
    entry(
        COUNTER,
        "TWKilled",
        "TIME-WAIT minisocks made with a life of at most 4 s.",
        "创建时寿命不超过 4 秒的 TIME-WAIT minisock 数。",
    )
    .alias(&["TcpExtTWKilled"])
    .source("Linux inet_twsk_schedule(); measured on 6.18.44"),
    entry(
        COUNTER,
        "InErrs",
        "Segments received that were no good: a wrong checksum, or a SYN where none belongs.",
        "收到的不合格报文段：校验和错误，或在不该出现的地方收到 SYN。",
    )
    .alias(&["TcpInErrs"])
    .source("RFC 4022 tcpInErrs; measured on Linux 6.18.44"),
    entry(
        COUNTER,
        "OutSegs",
        "Segments sent, without those sent again (RetransSegs).",
        "发出的报文段数，不含重传（RetransSegs）。",
    )
    .alias(&["TcpOutSegs"])
    .source("RFC 4022 tcpOutSegs; Linux __tcp_transmit_skb()"),
    entry(
        COUNTER,
        "TCPSYNChallenge",
        "SYNs that arrived for an open connection and were answered with a challenge ACK (RFC 5961).",
        "对已打开的连接到达的 SYN，用 challenge ACK（RFC 5961）应答的次数。",
    )
    .source("Linux tcp_send_challenge_ack()"),
    entry(
        COUNTER,
        "TCPBacklogDrop",
        "Segments that arrived while a process held the socket and its backlog was full.",
        "进程正占用 socket、其 backlog 队列已满时到达的报文段。",
    )
    .source("Linux tcp_add_backlog()"),
    entry(
        COUNTER,
        "ActiveOpens",
        "connect() calls that found a source port and sent a SYN.",
        "找到源端口并发出 SYN 的 connect() 次数。",
    )
    .alias(&["TcpActiveOpens"])
    .source("RFC 4022 tcpActiveOpens; Linux tcp_connect()"),
    entry(
        COUNTER,
        "OutRsts",
        "Segments sent with a RST: refusals of closed ports, close() with unread data, the death of a process that had some.",
        "发出的带 RST 的报文段：拒绝未监听的端口、关闭时还有未读数据、持有这种 socket 的进程死亡。",
    )
    .alias(&["TcpOutRsts"])
    .source("RFC 4022 tcpOutRsts; Linux tcp_send_active_reset(), tcp_v4_send_reset()"),
    entry(
        COUNTER,
        "DelayedACKs",
        "Acknowledgments sent by the delayed-ACK timer, not at once.",
        "由延迟确认定时器发出、而不是立即发出的确认数。",
    )
    .alias(&["TcpExtDelayedACKs"])
    .source("Linux tcp_delack_timer_handler()"),
    entry(
        COUNTER,
        "TCPReqQFullDrop",
        "SYNs dropped because the listener had as many requests as it may and SYN cookies were off.",
        "监听方的半连接已达上限、又没有启用 SYN cookie，因而丢弃的 SYN 数。",
    )
    .source("Linux tcp_conn_request()"),
];
