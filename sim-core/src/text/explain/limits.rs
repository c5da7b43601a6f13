//! Limits that are not sysctls, and the socket options that matter here.

use super::{Entry, Kind, entry};

const LIMIT: Kind = Kind::Limit;
const OPTION: Kind = Kind::SocketOption;

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        LIMIT,
        "RLIMIT_NOFILE",
        "One more than the highest descriptor number a process may have. The soft limit is the one that counts; the process may raise it up to the hard limit itself. The shell's limit is not the container's: read the process's own in /proc/PID/limits. `ulimit -n` prints the soft limit.",
        "进程可用的最大描述符号加一。起作用的是软限制；进程自己可以把它提高到硬限制。shell 的限制不等于容器里的限制：要看 /proc/PID/limits 里这个进程自己的值。`ulimit -n` 打印的是软限制。",
    )
    .alias(&["nofile", "ulimit", "ulimit -n", "open files", "Max open files"])
    .value("1024 soft, 4096 hard (kernel); 1024:524288 (systemd)", "descriptors")
    .runs_out("descriptors: socket(), open(), accept() fail with EMFILE", "描述符：socket()、open()、accept() 返回 EMFILE")
    .run("grep 'open files' /proc/PID/limits\nulimit -Sn; ulimit -Hn\nprlimit --pid PID --nofile=65535:65535\nhalfclose show limits wide-range --at exhausted")
    .source("getrlimit(2); Linux INR_OPEN_CUR, INR_OPEN_MAX"),
    entry(
        LIMIT,
        "RLIMIT_SIGPENDING",
        "Signals that may be queued for a user (\"pending signals\" in `ulimit -a`). It plays no part in this outage, but its default is half of the system's thread limit, so it tells how much memory the machine has: 30446 means an 8 GiB machine.",
        "可为一个用户排队的信号数（`ulimit -a` 里的 “pending signals”）。它与这次故障无关，但默认值是系统线程上限的一半，因而透露了内存大小：30446 说明是 8 GiB 的机器。",
    )
    .alias(&["pending signals", "Max pending signals"])
    .value("threads-max / 2", "signals")
    .source("getrlimit(2); Linux set_max_threads()"),
    entry(
        LIMIT,
        "backlog",
        "The second argument of listen(): how many established connections may wait for accept(). The kernel takes min(backlog, net.core.somaxconn), and one more fits because it tests for \"greater\".",
        "listen() 的第二个参数：可以等待 accept() 的已建立连接数。内核取 min(backlog, net.core.somaxconn)，由于判断用的是“大于”，实际可以多放一个。",
    )
    .alias(&["accept queue", "listen backlog", "全连接队列"])
    .value("given by the program", "connections")
    .runs_out("the accept queue: SYNs are dropped, ListenOverflows rises", "全连接队列：SYN 被丢弃，ListenOverflows 增加")
    .run("ss -ltn")
    .source("listen(2); Linux sk_acceptq_is_full()"),
    entry(
        OPTION,
        "IP_LOCAL_PORT_RANGE",
        "Narrows the source ports of one socket, inside the sysctl's range. Since 6.8 such a socket searches all ports in one pass, without the parity rule.",
        "只对一个 socket 缩小源端口范围，不超出 sysctl 的范围。自 6.8 起，这样的 socket 一遍搜索所有端口，不再遵守奇偶规则。",
    )
    .value("0 (use the sysctl)", "high << 16 | low")
    .source("ip(7); Linux since 6.3, parity-free since 6.8 (commit 207184853dbd)"),
    entry(
        OPTION,
        "IP_BIND_ADDRESS_NO_PORT",
        "Lets a program bind a source address and leave the port to connect(), so that ports are shared between destinations. Without it bind() with port 0 takes a port of its own, and the whole range serves only 28,232 sockets over all destinations.",
        "让程序只绑定源地址，把端口留给 connect() 选择，于是不同目的地可以共用端口。没有它，端口为 0 的 bind() 会独占一个端口，整个范围在所有目的地合计只有 28,232 个 socket。",
    )
    .value("0", "boolean")
    .runs_out("without it: ports over all destinations, EADDRINUSE", "不使用时：所有目的地合计的端口，EADDRINUSE")
    .source("ip(7); Linux since 4.2"),
    entry(
        OPTION,
        "SO_LINGER",
        "With 0 seconds close() sends RST instead of FIN and forgets the connection: no FIN-WAIT, no TIME-WAIT, unsent data is lost. MariaDB closes this way, so its refused clients are reset rather than left in CLOSE-WAIT.",
        "设为 0 秒时，close() 不发 FIN 而发 RST 并忘掉连接：没有 FIN-WAIT，没有 TIME-WAIT，未发送的数据丢失。MariaDB 就这样关闭，因此被它断开的客户端是被复位，而不是停在 CLOSE-WAIT。",
    )
    .run("halfclose run mariadb")
    .source("socket(7); Linux __tcp_close()"),
    entry(
        OPTION,
        "SO_KEEPALIVE",
        "Makes an idle connection send probes after tcp_keepalive_time, two hours by default. Off unless the program sets it. It finds peers that vanished or forgot the connection, and so would end a CLOSE-WAIT whose peer is gone; the leaked sockets of this outage never got as far as setting it.",
        "让空闲连接在 tcp_keepalive_time（默认两小时）之后发送探测。程序不设置就是关闭的。它能发现已消失或已忘记连接的对端，因此也能结束对端已不在的 CLOSE-WAIT；而这次故障中泄漏的 socket 根本没走到设置它的那一步。",
    )
    .alias(&["keepalive"])
    .value("0", "boolean")
    .run("ss -tano | grep keepalive")
    .source("socket(7), tcp(7); RFC 9293 §3.8.4"),
    entry(
        OPTION,
        "SO_REUSEADDR",
        "Lets bind() take a port whose old connections are in TIME-WAIT. Two sockets may not both listen. It has no effect on the ports connect() chooses.",
        "允许 bind() 使用旧连接仍在 TIME-WAIT 的端口。两个 socket 不能同时监听。它不影响 connect() 选择端口。",
    )
    .value("0", "boolean")
    .source("socket(7), ip(7); Linux inet_csk_bind_conflict()"),
    entry(
        OPTION,
        "TCP_USER_TIMEOUT",
        "How long sent data may stay unacknowledged before the connection ends with ETIMEDOUT. 0 leaves it to tcp_retries2.",
        "已发送的数据最多多久没有确认，连接就以 ETIMEDOUT 结束。0 表示由 tcp_retries2 决定。",
    )
    .value("0", "ms")
    .source("tcp(7); RFC 5482"),
    entry(
        LIMIT,
        "CAP_SYS_ADMIN",
        "The capability that exempts a process from fs.file-max: it never gets ENFILE. Containers started with --privileged have it.",
        "使进程不受 fs.file-max 约束的能力（capability）：它不会得到 ENFILE。用 --privileged 启动的容器拥有它。",
    )
    .source("capabilities(7); Linux alloc_empty_file()"),
    entry(
        LIMIT,
        "CAP_SYS_RESOURCE",
        "The capability to raise a hard limit such as that of RLIMIT_NOFILE, up to fs.nr_open. Without it a process may only lower its hard limit.",
        "把硬限制（例如 RLIMIT_NOFILE 的硬限制）调高的能力（capability），最高到 fs.nr_open。没有它，进程只能调低自己的硬限制。",
    )
    .source("capabilities(7), getrlimit(2)"),
    entry(
        OPTION,
        "SO_ERROR",
        "What became of a non-blocking connect(): getsockopt() returns the pending error and clears it, 0 if there is none. Programs read it when poll() says that the socket is writable.",
        "非阻塞 connect() 的结果：getsockopt() 返回待处理的错误并清除它，没有错误则为 0。poll() 说 socket 可写之后，程序读取它。",
    )
    .source("socket(7), connect(2)"),
    entry(
        OPTION,
        "SO_REUSEPORT",
        "Lets several sockets of one user listen on the same port; the kernel spreads connections over them. Each has an accept queue of its own. Not modelled.",
        "允许同一用户的多个 socket 监听同一端口，内核把连接分给它们。每个 socket 有自己的全连接队列。本模拟器没有建模。",
    )
    .value("0", "boolean")
    .source("socket(7); Linux since 3.9"),
    entry(
        OPTION,
        "TCP_DEFER_ACCEPT",
        "A listener that is woken only when data have arrived, not at the end of the handshake. Not modelled.",
        "监听方要等到数据到达才被唤醒，而不是握手一完成就被唤醒。本模拟器没有建模。",
    )
    .value("0", "s")
    .source("tcp(7)"),
    entry(
        OPTION,
        "TCP_CORK",
        "Holds small segments back until the cork is taken out or 200 ms have passed; MSG_MORE does it for one call. Not modelled.",
        "把小报文段攒着不发，直到取消该选项或过了 200 毫秒；MSG_MORE 对单次调用起同样作用。本模拟器没有建模。",
    )
    .alias(&["MSG_MORE"])
    .value("0", "boolean")
    .source("tcp(7), send(2)"),
    entry(
        OPTION,
        "TCP_KEEPIDLE",
        "tcp_keepalive_time for one socket, with TCP_KEEPINTVL for tcp_keepalive_intvl and TCP_KEEPCNT for tcp_keepalive_probes. They act only on sockets with SO_KEEPALIVE.",
        "单个 socket 的 tcp_keepalive_time；TCP_KEEPINTVL 与 TCP_KEEPCNT 对应 tcp_keepalive_intvl 与 tcp_keepalive_probes。只对设置了 SO_KEEPALIVE 的 socket 起作用。",
    )
    .alias(&["TCP_KEEPINTVL", "TCP_KEEPCNT"])
    .value("the sysctl's", "s")
    .source("tcp(7)"),
    entry(
        OPTION,
        "MSG_OOB",
        "Sends or receives urgent data, a byte marked by the urgent pointer. Here it arrives as ordinary data.",
        "发送或接收紧急数据，即由紧急指针标记的一个字节。在本模拟器里它按普通数据到达。",
    )
    .source("send(2), recv(2); RFC 9293 §3.8.5"),
    entry(
        OPTION,
        "MSG_DONTWAIT",
        "Makes one recv() or send() return EAGAIN instead of waiting.",
        "让单次 recv() 或 send() 不等待，直接返回 EAGAIN。",
    )
    .source("recv(2), send(2)"),
    entry(
        OPTION,
        "TCP_LINGER2",
        "tcp_fin_timeout for one socket; a negative value resets a connection that would have entered FIN-WAIT-2 without a descriptor.",
        "单个 socket 的 tcp_fin_timeout；取负值时，本该在没有描述符的情况下进入 FIN-WAIT-2 的连接会被复位。",
    )
    .value("the sysctl's", "s")
    .source("tcp(7); Linux tcp_rcv_state_process()"),
];
