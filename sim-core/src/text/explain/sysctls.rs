//! The sysctls the model honours, with Linux's defaults.

use super::{Entry, Kind, entry};

const SYSCTL: Kind = Kind::Sysctl;
const IP_SYSCTL: &str = "Linux Documentation/networking/ip-sysctl.rst";

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        SYSCTL,
        "net.ipv4.ip_local_port_range",
        "First and last source port that connect() and bind(0) choose from, both included, so the default range has 60999 - 32768 + 1 = 28,232 ports. The limit is per source address, destination address and destination port. Each value is 1 to 65535; the write fails with EINVAL when the first is above the last or below ip_unprivileged_port_start.",
        "connect() 与 bind(0) 选择源端口的首尾，两端都包含，所以默认范围有 60999 - 32768 + 1 = 28,232 个端口。这个上限针对每一组源地址、目的地址和目的端口。取值 1 到 65535；首值大于末值或小于 ip_unprivileged_port_start 时写入返回 EINVAL。",
    )
    .value("32768 60999", "port")
    .runs_out("source ports: connect() fails with EADDRNOTAVAIL", "源端口：connect() 返回 EADDRNOTAVAIL")
    .run("sysctl -w net.ipv4.ip_local_port_range='1024 60999'\nhalfclose run two-hosts --set host.client.sysctl.net.ipv4.ip_local_port_range='1024 60999'")
    .source("Linux Documentation/networking/ip-sysctl.rst; inet_get_local_port_range()"),
    entry(
        SYSCTL,
        "net.ipv4.ip_local_reserved_ports",
        "Ports that connect() and bind(0) never choose by themselves; explicit bind() may still take them. Use it to keep a service's port out of the range. Each reserved port inside the range lowers the capacity by one.",
        "connect() 与 bind(0) 不会自动选择的端口；显式 bind() 仍可使用。用来把服务端口排除在范围之外。范围内每保留一个端口，容量少一。",
    )
    .value("(none)", "list of ports and ranges")
    .run("sysctl -w net.ipv4.ip_local_reserved_ports=3306,33060")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.ip_unprivileged_port_start",
        "Ports below this one need CAP_NET_BIND_SERVICE to bind. It is also the lowest value ip_local_port_range may start at.",
        "低于它的端口需要 CAP_NET_BIND_SERVICE 才能 bind。它也是 ip_local_port_range 首值的下限。",
    )
    .value("1024", "port")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 4.11"),
    entry(
        SYSCTL,
        "net.ipv4.ip_autobind_reuse",
        "With 1, bind(0) on a SO_REUSEADDR socket may share a port of another such socket once all are taken.",
        "为 1 时，端口全部用完后，带 SO_REUSEADDR 的 bind(0) 可以与另一个这样的 socket 共享端口。",
    )
    .value("0", "boolean")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 5.7"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_fin_timeout",
        "How long Linux remembers a connection in FIN-WAIT-2 after the application closed it. It does not change TIME-WAIT, which is a constant 60 s, and does not apply while the application still holds the socket.",
        "应用关闭后，Linux 对处于 FIN-WAIT-2 的连接保留多久。它不改变 TIME-WAIT（固定 60 秒），应用仍持有 socket 时也不起作用。",
    )
    .value("60", "s")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_fin_time()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_tw_reuse",
        "Whether connect() may take over the port of a TIME-WAIT socket of the same four-tuple that has been quiet for more than a second: 0 never, 1 always, 2 only over loopback. Both ends need timestamps. It helps outgoing connections only, and turns the limit of capacity / 60 s into about capacity / 1 s. It does not help against CLOSE-WAIT.",
        "connect() 是否可以接管同一四元组、静默超过一秒的 TIME-WAIT 的端口：0 从不，1 总是，2 仅限回环。两端都要启用 timestamps。它只对外发连接有用，把上限从 容量/60 秒 变成约 容量/1 秒。对 CLOSE-WAIT 没有作用。",
    )
    .value("2 (0 before 4.19)", "0, 1, 2")
    .run("sysctl -w net.ipv4.tcp_tw_reuse=1\nhalfclose run time-wait --set host.client.sysctl.net.ipv4.tcp_tw_reuse=1")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_twsk_unique()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_tw_reuse_delay",
        "How long a TIME-WAIT socket must have been quiet before tcp_tw_reuse may take its port.",
        "TIME-WAIT 静默多久之后，tcp_tw_reuse 才可以取用它的端口。",
    )
    .value("1000", "ms")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 6.14"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_tw_recycle",
        "Gone since 4.12. It dropped connections from clients behind the same NAT, because their timestamps do not increase together. Use tcp_tw_reuse, longer-lived connections, or more addresses.",
        "自 4.12 起已删除。同一 NAT 后的客户端时间戳不会一起增长，它会误丢这些连接。应改用 tcp_tw_reuse、长连接或更多地址。",
    )
    .value("(removed in 4.12)", "boolean")
    .source("Linux commit 4396e46187ca"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_max_tw_buckets",
        "Most timewait minisocks the host keeps, TIME-WAIT and FIN-WAIT-2 together. Above it the socket goes straight to CLOSED, TCPTimeWaitOverflow rises and the kernel logs. Lowering it to save ports breaks the protection TIME-WAIT gives.",
        "主机最多保留的 timewait minisock 数，TIME-WAIT 与 FIN-WAIT-2 合计。超过时 socket 直接进入 CLOSED，TCPTimeWaitOverflow 增加，内核记日志。为省端口而调低它，会破坏 TIME-WAIT 的保护。",
    )
    .value("ehash buckets / 2 (32768 on 8 GiB)", "sockets")
    .runs_out("room for closed connections; ports are freed early", "保存已关闭连接的空间；端口会过早释放")
    .source("Linux Documentation/networking/ip-sysctl.rst; inet_twsk_alloc()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_max_orphans",
        "Most sockets without a descriptor (FIN-WAIT-1, CLOSING, LAST-ACK, long FIN-WAIT-2) on the whole host. Above it a closing connection is reset and the kernel logs \"too many orphaned sockets\".",
        "整机没有描述符的 socket（FIN-WAIT-1、CLOSING、LAST-ACK、长 FIN-WAIT-2）的上限。超过时正在关闭的连接被复位，内核记录 “too many orphaned sockets”。",
    )
    .value("ehash buckets / 2 (32768 on 8 GiB)", "sockets")
    .runs_out("patience for closing connections: they are reset", "对正在关闭的连接的容忍：它们被复位")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_check_oom()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_max_syn_backlog",
        "Half-open connections the host remembers from peers that have not proved themselves; matters when tcp_syncookies is 0, because the last quarter is kept for known peers.",
        "主机为尚未证明自己的对端保留的半开连接数；主要在 tcp_syncookies 为 0 时有意义，因为最后四分之一留给已知的对端。",
    )
    .value("max(128, ehash buckets / 128)", "requests")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_conn_request()"),
    entry(
        SYSCTL,
        "net.core.somaxconn",
        "Upper bound of the backlog a program gives to listen(). The accept queue holds min(backlog, somaxconn) + 1 connections. The value is read at listen(): raising it later needs a new listen().",
        "程序传给 listen() 的 backlog 的上限。全连接队列可容纳 min(backlog, somaxconn) + 1 个连接。该值在 listen() 时读取：之后调大需要重新 listen()。",
    )
    .value("4096 (128 before 5.4)", "connections")
    .runs_out("the accept queue: SYNs are dropped, ListenOverflows rises", "全连接队列：SYN 被丢弃，ListenOverflows 增加")
    .run("ss -ltn\nnstat -az TcpExtListenOverflows TcpExtListenDrops")
    .source("Linux Documentation/admin-guide/sysctl/net.rst; listen(2)"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_syncookies",
        "What to do when the SYN queue is full: 0 drop the SYN, 1 answer with a cookie and keep no state, 2 always cookies. It does not help a full accept queue.",
        "半连接队列满时怎么办：0 丢弃 SYN，1 用 cookie 应答且不保存状态，2 总用 cookie。对全连接队列满没有帮助。",
    )
    .value("1", "0, 1, 2")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_abort_on_overflow",
        "With 1, a connection that finds the accept queue full is reset, so the client learns at once. With 0 the final ACK is ignored and the client retries, which rides out short bursts.",
        "为 1 时，遇到全连接队列已满的连接会被复位，客户端立刻知道；为 0 时忽略最后的 ACK，客户端会重试，可以渡过短暂的突发。",
    )
    .value("0", "boolean")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_check_req()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_syn_retries",
        "How often connect() repeats its SYN. 6 means waiting 1, 2, 4, 8, 16, 32 s between SYNs and giving up after 127 s; since 6.5 the first ones are a second apart (tcp_syn_linear_timeouts) and it gives up after 131 s.",
        "connect() 重发 SYN 的次数。6 表示间隔 1、2、4、8、16、32 秒，127 秒后放弃；自 6.5 起前几次间隔一秒（tcp_syn_linear_timeouts），131 秒后放弃。",
    )
    .value("6", "retransmissions, 1–127")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_syn_linear_timeouts",
        "How many SYN retransmissions come a second apart before the interval begins to double.",
        "SYN 重发间隔开始翻倍之前，有多少次按一秒间隔重发。",
    )
    .value("4", "retransmissions, 0–127")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 6.5"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_synack_retries",
        "How often a server repeats its SYN-ACK: with 5 the last goes out after 31 s and the request is dropped after 63 s.",
        "服务端重发 SYN-ACK 的次数：5 次时最后一次在 31 秒，63 秒后丢弃该请求。",
    )
    .value("5", "retransmissions")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_retries1",
        "After this many retransmissions of one segment Linux asks the routing layer for another way. The connection goes on.",
        "同一报文段重传这么多次后，Linux 请路由层另找路径；连接继续保持。",
    )
    .value("3", "retransmissions")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_retries2",
        "How long unacknowledged data is repeated before an open connection ends with ETIMEDOUT: 15 stands for about 924.6 s, the sum of the doubling timeouts from 200 ms, and the connection ends at the first timeout past it.",
        "未被确认的数据重传多久之后，已打开的连接以 ETIMEDOUT 结束：15 代表约 924.6 秒，即从 200 毫秒翻倍的超时之和，在其后的第一个超时结束。",
    )
    .value("15", "retransmissions")
    .source("Linux Documentation/networking/ip-sysctl.rst; RFC 1122 §4.2.3.5"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_orphan_retries",
        "How often a FIN is repeated for a socket the application has already closed. 0 is treated as 8, about 100 s.",
        "应用已关闭的 socket 的 FIN 重传次数。0 按 8 处理，约 100 秒。",
    )
    .value("0 (means 8)", "retransmissions")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_orphan_retries()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_rto_min_us",
        "Shortest retransmission timeout. 200 ms in all kernels; settable since 6.11.",
        "最短的重传超时。各版本都是 200 毫秒；自 6.11 起可设置。",
    )
    .value("200000", "µs")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 6.11"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_rto_max_ms",
        "Longest retransmission timeout. 120 s in all kernels; settable since 6.15.",
        "最长的重传超时。各版本都是 120 秒；自 6.15 起可设置。",
    )
    .value("120000", "ms, 1000–120000")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 6.15"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_keepalive_time",
        "How long a connection with SO_KEEPALIVE must be idle before the first probe. Without SO_KEEPALIVE no probe is ever sent, whatever this says.",
        "设置了 SO_KEEPALIVE 的连接空闲多久后发出第一个探测。没有 SO_KEEPALIVE，无论它是多少都不会探测。",
    )
    .value("7200", "s")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp(7)"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_keepalive_intvl",
        "Time between unanswered keepalive probes.",
        "没有得到回应时，keepalive 探测之间的间隔。",
    )
    .value("75", "s")
    .source("tcp(7)"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_keepalive_probes",
        "How many unanswered keepalive probes end a connection. TCP_USER_TIMEOUT replaces this count.",
        "多少个没有回应的 keepalive 探测会结束连接。TCP_USER_TIMEOUT 会取代这个计数。",
    )
    .value("9", "probes")
    .source("tcp(7)"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_invalid_ratelimit",
        "Least time between two acknowledgments Linux sends for unacceptable segments of one connection, so that two confused ends cannot chatter for ever.",
        "对同一连接的不可接受报文段，两次确认之间的最短间隔，避免两端陷入无休止的应答。",
    )
    .value("500", "ms, 0 = off")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_challenge_ack_limit",
        "Most challenge ACKs (RFC 5961) a second in a network namespace.",
        "每个网络命名空间每秒最多发出的 challenge ACK（RFC 5961）。",
    )
    .value("INT_MAX", "1/s")
    .source("Linux Documentation/networking/ip-sysctl.rst; per namespace since 6.1"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_timestamps",
        "Whether segments carry RFC 7323 timestamps. Reusing TIME-WAIT ports needs them.",
        "报文段是否携带 RFC 7323 时间戳。复用 TIME-WAIT 端口需要它。",
    )
    .value("1", "0, 1, 2")
    .source(IP_SYSCTL),
    entry(
        SYSCTL,
        "net.ipv4.tcp_rfc1337",
        "With 1, a RST does not end TIME-WAIT early. With 0 it does.",
        "为 1 时 RST 不会提前结束 TIME-WAIT；为 0 时会。",
    )
    .value("0", "boolean")
    .source("Linux Documentation/networking/ip-sysctl.rst; RFC 1337"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_child_ehash_entries",
        "Buckets of the established table a new network namespace gets for itself; 0 shares the host's.",
        "新建网络命名空间自己的 established 表的桶数；0 表示与主机共用。",
    )
    .value("0", "buckets")
    .source("Linux Documentation/networking/ip-sysctl.rst; since 6.1"),
    entry(
        SYSCTL,
        "fs.file-max",
        "Open files of the whole system. Reaching it gives ENFILE to everybody without CAP_SYS_ADMIN. The kernel's own default is about 10 % of memory counted in KiB; systemd raises it to the largest number.",
        "整个系统可打开的文件数。达到后，没有 CAP_SYS_ADMIN 的进程得到 ENFILE。内核默认约为内存（以 KiB 计）的 10 %；systemd 把它调到最大值。",
    )
    .value("≈ RAM / 10 KiB, or 9223372036854775807 with systemd", "files")
    .runs_out("open files of the host: ENFILE", "整机的打开文件数：ENFILE")
    .run("cat /proc/sys/fs/file-nr\nsysctl fs.file-max\nhalfclose run file-max")
    .source("Linux Documentation/admin-guide/sysctl/fs.rst; files_maxfiles_init()"),
    entry(
        SYSCTL,
        "fs.nr_open",
        "Ceiling of RLIMIT_NOFILE for every process: raising the hard limit above it fails with EPERM.",
        "每个进程 RLIMIT_NOFILE 的天花板：硬限制超过它会返回 EPERM。",
    )
    .value("1048576", "descriptors")
    .run("sysctl fs.nr_open")
    .source("Linux Documentation/admin-guide/sysctl/fs.rst"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_ehash_entries",
        "Buckets of the established table that this network namespace uses. It is read only: the kernel computes it from the memory at boot (`thash_entries=` overrides it), and other defaults follow from it, such as half of it for tcp_max_tw_buckets and tcp_max_orphans. A negative number means that the table is shared with the host's first namespace.",
        "本网络命名空间所用 established 哈希表的桶数。只读：内核在启动时按内存大小算出（可用 `thash_entries=` 指定），其他默认值由它推出，例如 tcp_max_tw_buckets 与 tcp_max_orphans 取它的一半。负数表示与主机的初始命名空间共用一张表。",
    )
    .value("RAM / 128 KiB, at most 524288", "buckets")
    .run("sysctl net.ipv4.tcp_ehash_entries")
    .source("Linux Documentation/networking/ip-sysctl.rst; proc_tcp_ehash_entries(), since 6.1"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_rmem",
        "Least, default and greatest bytes of a TCP socket's receive buffer; the kernel moves between the last two by itself. It decides the first window a connection offers. 28 or 132 unread bytes are far below it, so nothing in this outage waits for buffer space.",
        "TCP socket 接收缓冲区的最小、默认与最大字节数；内核在后两者之间自动调整。它决定连接最初通告的窗口。28 或 132 个未读字节远小于它，所以这次故障里没有什么在等待缓冲区。",
    )
    .value("4096 131072 6291456 (33554432 at most since 6.16, on 4 GiB and more)", "bytes")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_init()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_wmem",
        "Least, default and greatest bytes of a TCP socket's send buffer. Data that the peer does not acknowledge stays in it and shows as Send-Q; when it is full, send() blocks or fails with EAGAIN.",
        "TCP socket 发送缓冲区的最小、默认与最大字节数。对端尚未确认的数据留在这里，显示为 Send-Q；满了之后 send() 阻塞，或返回 EAGAIN。",
    )
    .value("4096 16384 4194304 (on 4 GiB and more)", "bytes")
    .source("Linux Documentation/networking/ip-sysctl.rst; tcp_init()"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_sack",
        "Whether selective acknowledgments (RFC 2018) are offered at the handshake: a receiver can then say which bytes behind a gap it has. It matters where packets are lost.",
        "握手时是否提供选择确认（RFC 2018）：接收方可以说明缺口之后已收到哪些字节。只有丢包时才有关系。",
    )
    .value("1", "boolean")
    .source("Linux Documentation/networking/ip-sysctl.rst; RFC 2018"),
    entry(
        SYSCTL,
        "net.ipv4.tcp_window_scaling",
        "Whether the window scale option (RFC 7323) is offered at the handshake. Without it a window is at most 65,535 bytes. It plays no part in how long a connection lives.",
        "握手时是否提供窗口扩大选项（RFC 7323）。没有它，窗口最多 65,535 字节。它与连接存活多久无关。",
    )
    .value("1", "boolean")
    .source("Linux Documentation/networking/ip-sysctl.rst; RFC 7323 §2"),
];
