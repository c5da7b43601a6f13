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
    .alias(&["source port", "local port", "port exhaustion", "临时端口", "源端口"])
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
    .alias(&["4-tuple", "fourtuple", "四元组"])
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
        "A named moment of a scenario: the state right after the first event that makes its condition true. `kill` is the first KILL, `exhausted` the first EADDRNOTAVAIL, EMFILE or ENFILE (or EADDRINUSE of a bind() that asks for any port), `end` the end. `kill+3s` is three seconds later.",
        "场景里有名字的时刻：首次使条件成立的事件之后的状态。`kill` 是第一次 KILL，`exhausted` 是第一次 EADDRNOTAVAIL、EMFILE 或 ENFILE（或不指定端口的 bind() 得到的 EADDRINUSE），`end` 是结束。`kill+3s` 是其后三秒。",
    )
    .alias(&["moment", "exhausted", "kill"])
    .run("halfclose show ss-s incident --at tw")
    .source("scenario format, `[[mark]]`"),
    entry(
        TERM,
        "SYN",
        "The first segment of a connection and the control bit it carries: it says with which sequence number its sender begins. It takes one sequence number itself.",
        "连接的第一个报文段，也指它携带的控制位：说明发送方从哪个序列号开始。它自己占一个序列号。",
    )
    .source("RFC 9293 §3.1, §3.5"),
    entry(
        TERM,
        "SYN-ACK",
        "The answer to a SYN: a segment that acknowledges it and carries a SYN of its own. The third segment acknowledges that; then both ends are ESTABLISHED.",
        "对 SYN 的应答：确认对方的 SYN，同时带上自己的 SYN。第三个报文段确认它，此后两端都是 ESTABLISHED。",
    )
    .alias(&["SYN,ACK", "handshake", "three-way handshake"])
    .source("RFC 9293 §3.5"),
    entry(
        TERM,
        "FIN",
        "The control bit that closes one half: its sender will send no more data. It takes one sequence number, which is why it counts 1 in Recv-Q. A connection has two of them, one from each end.",
        "关闭一个方向的控制位：发送方不会再发数据。它占一个序列号，所以在 Recv-Q 里计 1。一个连接有两个 FIN，两端各一个。",
    )
    .run("halfclose show tcpdump one-connection --from 11s --to 130s")
    .source("RFC 9293 §3.6"),
    entry(
        TERM,
        "ACK",
        "The acknowledgment of all bytes before a number, a field of every segment but the first. The kernel sends it by itself; no program is asked. So a peer that acknowledges a FIN has not closed.",
        "对某个序列号之前所有字节的确认，除首个报文段外每个报文段都带有。由内核自己发出，不需要程序参与。所以对端确认了 FIN，并不等于它已关闭。",
    )
    .alias(&["acknowledgment"])
    .source("RFC 9293 §3.4"),
    entry(
        TERM,
        "MSL",
        "Maximum segment lifetime: how long a segment may be under way. RFC 9293 takes 2 minutes; TIME-WAIT lasts two of them. Linux takes 60 s for both together.",
        "报文段最大生存时间：报文段在网络中最多存在多久。RFC 9293 取 2 分钟，TIME-WAIT 持续两个 MSL。Linux 把两个合起来取 60 秒。",
    )
    .alias(&["2MSL", "maximum segment lifetime"])
    .source("RFC 9293 §3.4.2; Linux TCP_TIMEWAIT_LEN"),
    entry(
        TERM,
        "MSS",
        "Maximum segment size: how many bytes of data a segment may hold, told by each end in its SYN. 1,460 on an Ethernet, 65,495 on Linux's loopback.",
        "最大报文段长度：一个报文段最多带多少字节数据，两端各自在 SYN 里说明。以太网上 1,460，Linux 回环上 65,495。",
    )
    .alias(&["maximum segment size"])
    .source("RFC 9293 §3.7.1"),
    entry(
        TERM,
        "ISN",
        "Initial sequence number: with which number an end begins to count its bytes. A keyed hash of the four-tuple and a clock, so that others cannot guess it.",
        "初始序列号：一端从哪个数开始给字节编号。由四元组的带密钥哈希加上时钟得到，使别人无法猜到。",
    )
    .alias(&["initial sequence number"])
    .source("RFC 9293 §3.4.1; RFC 6528; Linux secure_tcp_seq()"),
    entry(
        TERM,
        "request socket",
        "A connection of which a listener has seen the SYN and not yet the third segment. It is no socket: a small record in the established table, shown as SYN-RECV. How many there may be is the listener's backlog.",
        "监听方已收到 SYN、但还没收到第三个报文段的连接（半连接）。它不是 socket，而是 established 表里的一条小记录，显示为 SYN-RECV。数量上限由监听的 backlog 决定。",
    )
    .alias(&["half-open connection", "SYN queue", "request sock", "NEW_SYN_RECV minisock", "半连接", "半连接队列"])
    .run("ss -tan state syn-recv")
    .source("Linux tcp_conn_request(), inet_csk_reqsk_queue_hash_add()"),
    entry(
        TERM,
        "SYN cookie",
        "An answer to a SYN that keeps no state: the sequence number of the SYN-ACK holds, under a key, what would have been remembered. The third segment brings it back.",
        "不保存任何状态的 SYN 应答：本该记住的内容用密钥编进 SYN-ACK 的序列号里，由第三个报文段带回来。",
    )
    .alias(&["SYN cookies", "cookie"])
    .source("Linux cookie_v4_init_sequence(), cookie_v4_check()"),
    entry(
        TERM,
        "softirq",
        "The kernel's own time slice right after an interrupt, in which arrived packets are handled. It runs on the CPU that got the packet, between a program's instructions.",
        "内核在中断之后紧接着处理收到的数据包的时间段（软中断）。它在收到包的那个 CPU 上运行，插在程序的指令之间。",
    )
    .source("Linux kernel/softirq.c, NET_RX_SOFTIRQ"),
    entry(
        TERM,
        "MIB",
        "Management information base: the names and meanings of counters. Linux's are printed by nstat and lie in /proc/net/snmp and /proc/net/netstat.",
        "管理信息库：各个计数器的名称和含义。Linux 的由 nstat 打印，位于 /proc/net/snmp 和 /proc/net/netstat。",
    )
    .alias(&["nstat"])
    .run("nstat -az")
    .source("RFC 4022; Linux Documentation/networking/snmp_counter.rst"),
    entry(
        TERM,
        "NAT",
        "Network address translation: a router that puts its own address and port in place of a sender's. It keeps a table of connections of its own, which can run out before the host's ports do. Not modelled.",
        "网络地址转换：路由器用自己的地址和端口替换发送方的。它有自己的连接表，可能比主机的端口更早用完。本模拟器没有建模。",
    )
    .alias(&["conntrack"])
    .source("RFC 3022; RFC 5382"),
    entry(
        TERM,
        "digest",
        "The fingerprint of a run: every event with its instant, folded together. Equal digests mean that two runs were the same, event by event.",
        "一次运行的指纹：把每个事件连同发生的时刻折叠在一起。指纹相同，说明两次运行逐个事件都相同。",
    )
    .alias(&["fingerprint"])
    .run("halfclose run tiny")
    .source("the simulator's own; book, The same run every time"),
    entry(
        TERM,
        "seed",
        "The number from which all chance of a run is drawn: source ports, sequence numbers, jitter. The same scenario with the same seed is the same run.",
        "一次运行里所有随机量的来源：源端口、序列号、抖动。场景和种子都相同，就是同一次运行。",
    )
    .run("halfclose run tiny --seed 2")
    .source("the simulator's own; book, The same run every time"),
    entry(
        TERM,
        "connect()",
        "The system call that opens a connection: it chooses a source port if the socket has none, sends the SYN, and waits for the answer unless the socket is non-blocking (EINPROGRESS).",
        "打开连接的系统调用：socket 还没有端口时选择源端口，发出 SYN，然后等待应答；非阻塞 socket 则立即返回 EINPROGRESS。",
    )
    .runs_out("source ports to the destination: EADDRNOTAVAIL", "到该目的地的源端口：EADDRNOTAVAIL")
    .source("connect(2); Linux tcp_v4_connect()"),
    entry(
        TERM,
        "bind()",
        "The system call that gives a socket its local address and port. Port 0 lets the kernel choose one, which then belongs to this socket for all destinations.",
        "给 socket 指定本地地址和端口的系统调用。端口写 0 由内核选一个，这个端口对所有目的地都归该 socket 独占。",
    )
    .runs_out("ports over all destinations: EADDRINUSE", "所有目的地合计的端口：EADDRINUSE")
    .source("bind(2), ip(7); Linux inet_csk_get_port()"),
    entry(
        TERM,
        "listen()",
        "The system call that makes a socket accept connections; its second argument is the backlog.",
        "让 socket 开始接受连接的系统调用；第二个参数就是 backlog。",
    )
    .source("listen(2); Linux inet_listen()"),
    entry(
        TERM,
        "accept()",
        "The system call that takes the first finished connection out of a listener's queue and gives it a descriptor. A client is ESTABLISHED before anybody calls it.",
        "从监听 socket 的队列里取出第一个已完成的连接、并给它一个描述符的系统调用。在有人调用它之前，客户端就已经是 ESTABLISHED。",
    )
    .runs_out("descriptors: EMFILE", "描述符：EMFILE")
    .source("accept(2); Linux inet_csk_accept()"),
    entry(
        TERM,
        "socket()",
        "The system call that makes a socket and returns the lowest free descriptor for it. It has no port yet.",
        "创建 socket 并返回最小空闲描述符的系统调用。这时它还没有端口。",
    )
    .runs_out("descriptors: EMFILE; open files: ENFILE", "描述符：EMFILE；打开文件数：ENFILE")
    .source("socket(2); Linux alloc_fd(), alloc_empty_file()"),
    entry(
        TERM,
        "close()",
        "The system call that gives a descriptor back. When it was the last one of a connection, the kernel sends a FIN, or a RST if bytes are unread; only this ends CLOSE-WAIT.",
        "归还描述符的系统调用。如果它是连接的最后一个描述符，内核发送 FIN；还有未读字节则发送 RST。只有它能结束 CLOSE-WAIT。",
    )
    .source("close(2); Linux tcp_close()"),
    entry(
        TERM,
        "shutdown()",
        "The system call that closes one half of a connection and keeps the descriptor: SHUT_WR sends a FIN.",
        "关闭连接的一个方向、但保留描述符的系统调用：SHUT_WR 会发送 FIN。",
    )
    .source("shutdown(2); Linux tcp_shutdown()"),
    entry(
        TERM,
        "poll()",
        "The system call that waits until one of several descriptors is ready, or a time is over. A listener is readable when its queue is not empty, a socket in CLOSE-WAIT always is.",
        "等待若干描述符之一就绪、或等到超时的系统调用。监听 socket 的队列非空时可读；处于 CLOSE-WAIT 的 socket 总是可读。",
    )
    .alias(&["epoll", "select"])
    .source("poll(2); Linux tcp_poll()"),
    entry(
        TERM,
        "send()",
        "The system call that puts bytes into a socket's send buffer; the kernel sends them. In CLOSE-WAIT it still works: the other half is open.",
        "把字节放进 socket 发送缓冲区的系统调用，由内核发出。在 CLOSE-WAIT 里仍然可用：这一个方向还开着。",
    )
    .alias(&["write()"])
    .source("send(2); Linux tcp_sendmsg()"),
    entry(
        TERM,
        "recv()",
        "The system call that takes bytes out of a socket's receive buffer; 0 is the end of file, that is the FIN. What it has not taken is Recv-Q.",
        "从 socket 接收缓冲区取出字节的系统调用；返回 0 表示文件结束，也就是 FIN。还没取走的就是 Recv-Q。",
    )
    .alias(&["read()"])
    .source("recv(2); Linux tcp_recvmsg()"),
    entry(
        TERM,
        "getsockopt()",
        "The system call that reads an option of a socket, such as SO_ERROR after a non-blocking connect().",
        "读取 socket 选项的系统调用，例如在非阻塞 connect() 之后读 SO_ERROR。",
    )
    .source("getsockopt(2)"),
    entry(
        TERM,
        "setsockopt()",
        "The system call that sets an option of a socket, such as SO_KEEPALIVE.",
        "设置 socket 选项（例如 SO_KEEPALIVE）的系统调用。",
    )
    .source("setsockopt(2)"),
    entry(
        TERM,
        "clock_nanosleep()",
        "The system call behind sleep() and usleep(). It ends a little late: after 50 µs of timer slack and the way back to a CPU, so a sleep of 1 ms takes 1.07 ms.",
        "sleep() 和 usleep() 背后的系统调用。它总会晚一点结束：50 微秒的定时器松弛，再加上重新得到 CPU 的时间，所以睡 1 毫秒要 1.07 毫秒。",
    )
    .alias(&["nanosleep()", "timer slack"])
    .source("clock_nanosleep(2), prctl(2) PR_SET_TIMERSLACK"),
    entry(
        TERM,
        "getpid()",
        "The system call that returns the process's number. In a trace of the outage it marks the beginning of each attempt: the client library asks for it before it connects.",
        "返回进程号的系统调用。在故障的 strace 里它是每次尝试的开头：客户端库在连接之前会调用它。",
    )
    .source("getpid(2); the write-up's trace"),
    entry(
        TERM,
        "TCP_TW_SYN",
        "What the kernel decides when a SYN meets TIME-WAIT and may open the connection anew. TCP_TW_RST is the decision to answer with a reset.",
        "SYN 遇到 TIME-WAIT、并且可以重新打开连接时内核作出的判定。TCP_TW_RST 则是判定用 RST 应答。",
    )
    .alias(&["TCP_TW_RST"])
    .source("Linux tcp_timewait_state_process(), enum tcp_tw_status"),
    entry(
        TERM,
        "TCP_RESOURCE_PROBE_INTERVAL",
        "How soon Linux tries again what its own host's queue would not take: after 500 ms, without backing off. Not modelled.",
        "本机发送队列没有收下报文段时，Linux 多久后再试：500 毫秒，不加倍。本模拟器没有建模。",
    )
    .value("500", "ms")
    .source("Linux include/net/tcp.h, tcp_send_probe0()"),
    entry(
        TERM,
        "TCP_TIMEOUT_MIN",
        "The shortest time the kernel arms a TCP timer for: two jiffies, 8 ms at HZ 250.",
        "内核给 TCP 定时器设置的最短时间：两个 jiffy，HZ 250 时为 8 毫秒。",
    )
    .source("Linux include/net/tcp.h"),
];
