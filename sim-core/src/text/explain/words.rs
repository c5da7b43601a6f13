//! Terms of this domain.

use super::{Entry, Kind, entry};

const TERM: Kind = Kind::Term;

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        TERM,
        "parity",
        "connect() first tries the ports with the parity of the range's first port (even for 32768) and takes the others only when all of those are used; bind(0) does the opposite, so that the two do not collide. So all source ports of a program are even until half the range is full; then each connect() scans the full half first and suddenly costs CPU.",
        "connect() 先尝试与范围首端口同奇偶的端口（32768 时是偶数），用完后才用另一半；bind(0) 正相反，以免两者冲突。所以在范围用掉一半之前，程序的源端口全是偶数；之后每次 connect() 都要先扫过已满的一半，CPU 消耗突然上升。",
    )
    .alias(&["parity rule", "even ports"])
    .runs_out("14,116 cheap ports of the default range; then CPU", "默认范围里 14,116 个廉价的端口；之后是 CPU")
    .run("halfclose show ss two-hosts --at 10s | awk '{print $4}'")
    .source("Linux __inet_hash_connect(), since 4.2 (commit 07f4c90062f8)"),
    entry(
        TERM,
        "ephemeral port",
        "A source port the kernel chooses for connect(). What must be unique is the whole four-tuple, so one port serves many destinations at once; the limit holds per (source address, destination address, destination port).",
        "内核为 connect() 选择的源端口。必须唯一的是整个四元组，因此一个端口可以同时用于许多目的地；上限针对每一组（源地址、目的地址、目的端口）。",
    )
    .alias(&["source port", "local port", "port exhaustion"])
    .runs_out("28,232 per destination with the default range", "默认范围下每个目的地 28,232 个")
    .run("sysctl net.ipv4.ip_local_port_range\nhalfclose run two-hosts")
    .source("Linux __inet_hash_connect(); RFC 6056"),
    entry(
        TERM,
        "28231",
        "The connections of the write-up: the range 32768–60999 has 28,232 ports, because both ends are included, and one of them was owned by a listening socket. The subtraction 60999 − 32768 = 28231 gives the same number by accident.",
        "原文的连接数：范围 32768–60999 含两端共 28,232 个端口，其中一个被监听 socket 占用。减法 60999 − 32768 = 28231 得到同样的数只是巧合。",
    )
    .alias(&["28232", "28230", "28,231", "28,232"])
    .run("halfclose run two-hosts\nhalfclose run two-hosts --set 'host.client.bound_ports=[]'")
    .source("measured on Linux 6.6.16 and 6.18.44: 28,232 in a clean namespace, 28,230 with two listeners"),
    entry(
        TERM,
        "32765",
        "Connections of one process with a soft RLIMIT_NOFILE of 32,768: descriptors 0, 1 and 2 are taken. The next socket() fails with EMFILE although the range 1024–60999 still has ports.",
        "RLIMIT_NOFILE 软限制为 32,768 的进程能建立的连接数：0、1、2 号描述符已被占用。再次 socket() 返回 EMFILE，尽管范围 1024–60999 还有端口。",
    )
    .alias(&["32,765"])
    .run("halfclose run wide-range")
    .source("Linux alloc_fd(); getrlimit(2)"),
    entry(
        TERM,
        "59974",
        "Socket descriptors of the third run: 59,973 connections and the one socket inside the failing connect(). The range 1024–60999 has 59,976 ports (not 60999 − 1024 = 59,975), three of them owned by bound sockets.",
        "第三次测试的 socket 描述符数：59,973 个连接，加上正在失败的 connect() 里的一个。范围 1024–60999 有 59,976 个端口（不是 60999 − 1024 = 59,975），其中三个被 bind 的 socket 占用。",
    )
    .alias(&["59975", "59976", "59973", "59,974"])
    .run("halfclose run nofile")
    .source("the write-up's own ss -s block: 60,009 − 36 unrelated = 59,973"),
    entry(
        TERM,
        "153",
        "Rows of SHOW PROCESSLIST during the outage: max_connections + 1 = 152 sessions (151 silent ones and the administrator's), and the event scheduler, which is not counted.",
        "故障期间 SHOW PROCESSLIST 的行数：max_connections + 1 = 152 个会话（151 个沉默的和管理员的 1 个），加上不计数的事件调度器。",
    )
    .run("halfclose show processlist incident --at kill+3s")
    .source("MySQL sql/conn_handler/connection_handler_manager.cc check_and_incr_conn_count()"),
    entry(
        TERM,
        "four-tuple",
        "Local address and port, remote address and port: the identity of a connection. Two sockets may share three of the four.",
        "本地地址与端口、远端地址与端口：连接的身份。两个 socket 可以有三项相同。",
    )
    .alias(&["4-tuple", "fourtuple"])
    .source("RFC 9293 §3.3.1"),
    entry(
        TERM,
        "ehash",
        "The hash table of connections by four-tuple. TIME-WAIT minisocks and half-open requests are in it too. The port search asks it once per candidate port (__inet_check_established, the hottest function of the outage). One bucket per 128 KiB of memory, rounded up to a power of two: 65,536 on 8 GiB.",
        "按四元组索引的连接哈希表。TIME-WAIT minisock 与半开请求也在里面。端口搜索对每个候选端口都要查询一次（__inet_check_established，故障中最热的函数）。每 128 KiB 内存一个桶，向上取 2 的幂：8 GiB 为 65,536。",
    )
    .alias(&["established table", "thash_entries", "__inet_check_established", "__inet_hash_connect"])
    .value("RAM / 128 KiB, at most 524288", "buckets")
    .run("dmesg | grep 'TCP established hash'")
    .source("Linux tcp_init(), inet_ehashfn()"),
    entry(
        TERM,
        "bhash",
        "The hash table of local ports in use. A port taken by bind() or listen() is closed to connect() for every destination; a port taken by connect() only may be shared.",
        "正在使用的本地端口的哈希表。由 bind() 或 listen() 占用的端口，connect() 对任何目的地都不能用；只由 connect() 占用的端口可以共享。",
    )
    .alias(&["bind table", "bind bucket"])
    .value("at most 65536", "buckets")
    .source("Linux inet_bind_bucket, __inet_hash_connect()"),
    entry(
        TERM,
        "re-salt",
        "Every 10 seconds the kernel starts its port search for a destination at a new random place (RFC 6056, hardened in 2022). In between, consecutive connects step by 2, 4, …, 16 while the range is empty.",
        "每 10 秒内核对同一目的地的端口搜索从新的随机位置开始（RFC 6056，2022 年加固）。其间范围空闲时，相邻两次 connect 的端口相差 2、4、…、16。",
    )
    .alias(&["perturb", "table_perturb", "port step"])
    .source("Linux commit 4c2c8f03a5ab (5.18, stable 5.10.125); measured on 6.18.44"),
    entry(
        TERM,
        "half-close",
        "One direction of a connection is closed, the other open: the closing side is in FIN-WAIT-2, the other in CLOSE-WAIT. Legal and sometimes useful; an outage when nobody ever closes the second half.",
        "连接的一个方向已关闭，另一个仍打开：先关的一方是 FIN-WAIT-2，另一方是 CLOSE-WAIT。这是合法的，有时有用；但如果另一半永远没有人关闭，就会出故障。",
    )
    .alias(&["halfclose", "half closed"])
    .run("halfclose run one-connection")
    .source("RFC 9293 §3.6"),
    entry(
        TERM,
        "delayed ACK",
        "Linux may hold an acknowledgment back for 40 to 200 ms, hoping to send it with data. A FIN whose acknowledgment is delayed keeps the closing socket in FIN-WAIT-1, an orphan, for that long.",
        "Linux 可以把确认推迟 40 到 200 毫秒，希望与数据一起发送。FIN 的确认被推迟时，正在关闭的 socket 会在 FIN-WAIT-1 停留这么久，成为孤儿。",
    )
    .alias(&["delack"])
    .value("40–200", "ms")
    .source("RFC 9293 §3.8.6.3; Linux TCP_DELACK_MIN, tcp_send_delayed_ack()"),
    entry(
        TERM,
        "leak",
        "A descriptor the program lost without closing it. Here: MariaDB Connector/C 3.1.10 to 3.3.1, when mysql_real_connect() is called on a handle that was closed and not initialised again, opens a socket and loses it on its error path; sysbench does that every millisecond. Fixed in 3.3.2.",
        "程序丢失而没有关闭的描述符。这里是：MariaDB Connector/C 3.1.10 至 3.3.1 在已关闭且未重新初始化的句柄上调用 mysql_real_connect() 时，会打开 socket 并在出错路径上丢失它；sysbench 每毫秒做一次。3.3.2 已修复。",
    )
    .alias(&["descriptor leak", "fd leak", "sysbench"])
    .runs_out("descriptors, source ports, places on the server", "描述符、源端口、服务器的名额")
    .run("ls -l /proc/PID/fd | grep -c socket\nhalfclose run fixed-client")
    .source("sysbench issue 527; mariadb-connector-c commits 73dfd1ee, c0fea17e"),
    entry(
        TERM,
        "RST",
        "A reset: the connection ends at once, without TIME-WAIT. Sent by close() with unread data, by SO_LINGER 0, by a process's death with unread data, and in answer to segments for a connection that does not exist.",
        "复位：连接立即结束，没有 TIME-WAIT。close() 时有未读数据、SO_LINGER 为 0、进程带着未读数据死亡，或收到不存在的连接的报文段，都会发送它。",
    )
    .alias(&["reset"])
    .run("nstat -az TcpOutRsts\nhalfclose run restart-client")
    .source("RFC 9293 §3.5.2; Linux __tcp_close(), tcp_v4_send_reset()"),
    entry(
        TERM,
        "challenge ACK",
        "The answer to a suspicious RST or SYN in the window: an acknowledgment instead of obedience, so that a stranger who guesses cannot end the connection.",
        "对窗口内可疑 RST 或 SYN 的回答：只发确认而不照做，使靠猜测的外人不能结束连接。",
    )
    .source("RFC 5961; Linux tcp_send_challenge_ack()"),
    entry(
        TERM,
        "RTO",
        "Retransmission timeout: how long TCP waits for an acknowledgment before it sends again, doubling each time. Linux starts at 1 s, then follows the measured round trip, never below 200 ms or above 120 s.",
        "重传超时：TCP 等待确认多久后重发，每次加倍。Linux 从 1 秒开始，之后随测得的往返时间变化，不低于 200 毫秒、不高于 120 秒。",
    )
    .value("1 (initial)", "s")
    .source("RFC 6298; Linux TCP_TIMEOUT_INIT, TCP_RTO_MIN, TCP_RTO_MAX"),
    entry(
        TERM,
        "HZ",
        "The kernel's timer tick. Long timers are rounded up to coarser steps of the timer wheel: at HZ 250 a 60 s timer fires up to 2.05 s late, at 1000 up to 4.1 s. TIME-WAIT therefore lasts 60 to 62 s.",
        "内核定时器的节拍。长定时器按时间轮的粗粒度向上取整：HZ 250 时 60 秒的定时器最多晚 2.05 秒，HZ 1000 时最多晚 4.1 秒。因此 TIME-WAIT 持续 60 到 62 秒。",
    )
    .alias(&["timer wheel", "jiffy", "jiffies", "CONFIG_HZ"])
    .value("250 (most distributions)", "ticks/s")
    .source("Linux kernel/time/timer.c; measured on 6.18.44"),
    entry(
        TERM,
        "back-off",
        "Waiting longer after each failure. sysbench retries after a fixed millisecond for ever, 600 times a second; pools wait 10 ms (HikariCP, sqlx) or 200 ms (bb8) and double. Jitter keeps many clients from coming back at the same moment.",
        "每次失败后等待更久。sysbench 固定等 1 毫秒、永不停止，每秒 600 次；连接池等 10 毫秒（HikariCP、sqlx）或 200 毫秒（bb8）并加倍。抖动可避免许多客户端同时回来。",
    )
    .alias(&["backoff", "retry", "reconnect", "jitter"])
    .run("halfclose run fixed-client")
    .source("sysbench 1.0.20 drv_mysql.c mysql_drv_reconnect(); the pools' own documentation"),
    entry(
        TERM,
        "mark",
        "A named moment of a scenario: the state right after the first event that makes its condition true. `kill` is the first KILL, `exhausted` the first EADDRNOTAVAIL or EMFILE, `end` the end. `kill+3s` is three seconds later.",
        "场景里有名字的时刻：首次使条件成立的事件之后的状态。`kill` 是第一次 KILL，`exhausted` 是第一次 EADDRNOTAVAIL 或 EMFILE，`end` 是结束。`kill+3s` 是其后三秒。",
    )
    .alias(&["moment", "exhausted", "kill"])
    .run("halfclose show ss-s incident --at tw")
    .source("scenario format, `[[mark]]`"),
];
