//! The eleven states of RFC 9293.

use super::{Entry, Kind, entry};

const STATE: Kind = Kind::State;

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        STATE,
        "CLOSED",
        "No connection exists. The standard calls it fictional, since it describes the absence of a control block; Linux still has real sockets in it: those made by socket() and not yet connected, and those whose connection ended while the descriptor stays open. They sit in no hash table, so `ss` lists them only as the difference called \"closed\" in `ss -s`.",
        "没有连接。标准称它是虚构的状态，因为它表示控制块不存在；而 Linux 里确实有处于该状态的 socket：刚由 socket() 创建还没连接的，以及连接已结束但描述符仍未关闭的。它们不在任何哈希表里，只能从 `ss -s` 的 “closed” 差值中看到。",
    )
    .alias(&["CLOSE", "UNCONN"])
    .runs_out("one descriptor each while the socket is open; no port", "socket 未关闭期间各占一个描述符，不占端口")
    .source("RFC 9293 §3.3.2; Linux include/net/tcp_states.h TCP_CLOSE"),
    entry(
        STATE,
        "LISTEN",
        "Waiting for a connection request from any peer. On such a socket Recv-Q is the number of connections waiting for accept() and Send-Q the limit of that queue, min(backlog, net.core.somaxconn); one more than the limit fits.",
        "等待任意对端的连接请求。这种 socket 的 Recv-Q 是等待 accept() 的连接数，Send-Q 是该队列的上限 min(backlog, net.core.somaxconn)；实际可以多放一个。",
    )
    .runs_out("the accept queue: further SYNs are dropped and ListenOverflows rises", "全连接队列：之后的 SYN 被丢弃，ListenOverflows 增加")
    .run("ss -ltn\nnstat -az TcpExtListenOverflows")
    .source("RFC 9293 §3.3.2; Linux inet_csk_listen_start(), sk_acceptq_is_full()"),
    entry(
        STATE,
        "SYN-SENT",
        "connect() has chosen a port, sent a SYN and waits for the answer. The port is taken from this moment. Without an answer Linux repeats the SYN tcp_syn_retries times and gives up with ETIMEDOUT (127 s with the defaults before 6.5, 131 s since).",
        "connect() 已选定端口、发出 SYN，正等待应答；从这一刻起端口就被占用。没有应答时 Linux 按 tcp_syn_retries 重发，最后以 ETIMEDOUT 放弃（默认设置下 6.5 之前为 127 秒，之后为 131 秒）。",
    )
    .alias(&["SYN_SENT"])
    .runs_out("one source port each", "各占一个源端口")
    .run("ss -tan state syn-sent")
    .source("RFC 9293 §3.3.2; Linux tcp_v4_connect(), tcp_write_timeout()"),
    entry(
        STATE,
        "SYN-RECEIVED",
        "A SYN arrived and was answered; the final acknowledgment is missing. In Linux this is a small request socket (NEW_SYN_RECV), not a full one. With a full accept queue the final ACK is ignored, so the client believes it is connected while the server stays here and repeats its SYN-ACK tcp_synack_retries times.",
        "收到 SYN 并已应答，还缺最后的确认。在 Linux 中它是一个小的请求 socket（NEW_SYN_RECV），而不是完整 socket。全连接队列满时最后的 ACK 被忽略，于是客户端以为已连上，而服务端停在这里，并按 tcp_synack_retries 重发 SYN-ACK。",
    )
    .alias(&["SYN_RECV", "SYN_RECEIVED", "NEW_SYN_RECV", "SYN-RECV"])
    .runs_out("the SYN queue; SYN cookies take over if tcp_syncookies allows", "半连接队列；tcp_syncookies 允许时改用 SYN cookie")
    .run("ss -tan state syn-recv")
    .source("RFC 9293 §3.3.2; Linux tcp_conn_request(), tcp_check_req()"),
    entry(
        STATE,
        "ESTABLISHED",
        "Open in both directions. An idle established connection sends nothing at all: unless keepalive is on, nobody notices a peer that vanished. A connection the server has accepted and greeted, and the client never reads, stays here with the greeting in Recv-Q (77 bytes from a MySQL server whose version has five characters).",
        "双向打开。空闲的已建立连接不会发送任何报文：不开启 keepalive，就没有人知道对端已经消失。服务端已接受并发出问候、而客户端从不读取的连接会停在这里，问候留在 Recv-Q 中（版本号为五个字符的 MySQL 服务器是 77 字节）。",
    )
    .alias(&["ESTAB"])
    .run("ss -tan state established | wc -l")
    .source("RFC 9293 §3.3.2"),
    entry(
        STATE,
        "FIN-WAIT-1",
        "This side closed first and sent a FIN, which is not acknowledged yet. If the application has already closed the descriptor, the socket is an orphan: it counts as \"orphaned\" in `ss -s` and is given up after tcp_orphan_retries. A peer that delays its acknowledgment (up to 40 ms here) keeps it in this state.",
        "本端先关闭并发出 FIN，还没有得到确认。如果应用已经关闭描述符，它就是孤儿 socket：计入 `ss -s` 的 “orphaned”，重发次数由 tcp_orphan_retries 决定。对端延迟确认（这里最多 40 毫秒）时会停在这个状态。",
    )
    .alias(&["FIN_WAIT_1", "FIN_WAIT1", "FIN-WAIT1"])
    .runs_out("tcp_max_orphans, host-wide", "整机共用的 tcp_max_orphans")
    .run("ss -tan state fin-wait-1")
    .source("RFC 9293 §3.3.2; Linux tcp_close(), tcp_orphan_retries()"),
    entry(
        STATE,
        "FIN-WAIT-2",
        "This side's FIN is acknowledged; the peer has not closed yet. If the application still holds the socket (shutdown(SHUT_WR)) there is no time limit. If it closed the descriptor, Linux keeps a minisock for tcp_fin_timeout (60 s) and then forgets the connection: this is what a MySQL server keeps of each client that never closes, counted under \"timewait\" in `ss -s`.",
        "本端的 FIN 已被确认，而对端还没有关闭。如果应用还持有这个 socket（shutdown(SHUT_WR)），没有时限。如果描述符已关闭，Linux 只保留一个 minisock，经过 tcp_fin_timeout（60 秒）后忘掉连接：MySQL 服务端对每个从不关闭的客户端就留下这个，计入 `ss -s` 的 “timewait”。",
    )
    .alias(&["FIN_WAIT_2", "FIN_WAIT2", "FIN-WAIT2"])
    .runs_out("tcp_max_tw_buckets; no descriptor, no local port for others", "tcp_max_tw_buckets；不占描述符")
    .run("ss -tan state fin-wait-2\nsysctl net.ipv4.tcp_fin_timeout")
    .source("RFC 9293 §3.3.2; Linux tcp_time_wait(), tcp_fin_time()"),
    entry(
        STATE,
        "CLOSE-WAIT",
        "The peer has closed its side and this host acknowledged it; now it is the local application's turn to call close(), and nothing else can end the state: there is no timer, not even keepalive unless it was switched on. Sockets that pile up here are always a bug of the local program, which lost or forgot a descriptor. Recv-Q shows what it never read, plus 1 for the FIN.",
        "对端已关闭它那一侧，本机也已确认；接下来该由本地应用调用 close()，没有别的东西能结束这个状态：没有任何定时器，keepalive 也只有在打开时才起作用。大量堆积一定是本地程序的缺陷：它丢失或忘记了描述符。Recv-Q 是从未读取的字节数，加上 FIN 的 1。",
    )
    .alias(&["CLOSE_WAIT", "CLOSEWAIT"])
    .runs_out(
        "one descriptor, one source port and some kernel memory each, for ever",
        "每个都永久占用一个描述符、一个源端口和一些内核内存",
    )
    .run("ss -tanp state close-wait\nls -l /proc/PID/fd | grep -c socket\nhalfclose show ss one-connection --at 70s")
    .source("RFC 9293 §3.3.2 and §3.6; Linux tcp_fin()"),
    entry(
        STATE,
        "CLOSING",
        "Both sides sent a FIN at the same time, and ours is not acknowledged yet. Rare: it needs two FINs crossing on the wire. The acknowledgment moves it to TIME-WAIT.",
        "双方同时发出 FIN，本端的还没有被确认。很少见：两个 FIN 必须在网络上交错。收到确认后进入 TIME-WAIT。",
    )
    .source("RFC 9293 §3.3.2 and §3.6, figure 13"),
    entry(
        STATE,
        "LAST-ACK",
        "The peer closed first, then this side closed as well and sent its FIN, which is not acknowledged yet. The next segment ends the connection; there is no TIME-WAIT on this side. A peer that has already forgotten the connection answers with RST.",
        "对端先关闭，本端随后也关闭并发出 FIN，还没有被确认。收到下一个报文段连接就结束；这一侧没有 TIME-WAIT。如果对端已经忘记了连接，会回复 RST。",
    )
    .alias(&["LAST_ACK"])
    .runs_out("tcp_max_orphans, host-wide", "整机共用的 tcp_max_orphans")
    .run("ss -tan state last-ack")
    .source("RFC 9293 §3.3.2; Linux tcp_rcv_state_process()"),
    entry(
        STATE,
        "TIME-WAIT",
        "Both sides have closed; whoever sent the first FIN waits 60 s so that late segments of this connection cannot disturb a new one with the same addresses and ports. Linux keeps a minisock, without descriptor, but the source port stays taken towards this destination: 28,232 ports / 60 s allow about 470 short connections a second. tcp_fin_timeout does not shorten it.",
        "双方都已关闭；先发 FIN 的一方等待 60 秒，使这个连接迟到的报文段不会干扰使用相同地址与端口的新连接。Linux 只保留 minisock，不占描述符，但对同一目的地源端口仍被占用：28,232 个端口 / 60 秒，大约允许每秒 470 个短连接。tcp_fin_timeout 不会缩短它。",
    )
    .alias(&["TIME_WAIT", "TIMEWAIT", "TCP_TIMEWAIT_LEN"])
    .value("60", "s")
    .runs_out("source ports of the side that closes first; tcp_max_tw_buckets", "先关闭一方的源端口；tcp_max_tw_buckets")
    .run("ss -tan state time-wait | wc -l\nsysctl net.ipv4.tcp_tw_reuse\nhalfclose run time-wait")
    .source("RFC 9293 §3.3.2 and §3.6; Linux tcp_time_wait(), TCP_TIMEWAIT_LEN"),
];
