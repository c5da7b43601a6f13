//! Every errno the model can yield.

use super::{Entry, Kind, entry};

const ERRNO: Kind = Kind::Errno;
const MAN: &str = "errno(3) and the manual page of the call";

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        ERRNO,
        "EADDRNOTAVAIL",
        "From connect(): no source port is left for this source address, destination address and destination port. Every candidate of ip_local_port_range is reserved, owned by a bound or listening socket, or already used towards the same destination. Other destinations still work. From bind(): the address is not one of this host's.",
        "来自 connect()：对这一组源地址、目的地址和目的端口，已经没有可用的源端口。ip_local_port_range 内每个候选端口要么被保留，要么被 bind 或监听的 socket 占用，要么已用于同一目的地。连接其他目的地不受影响。来自 bind()：该地址不属于本机。",
    )
    .runs_out("source ports: 28,232 per destination with the default range, less the bound ones", "源端口：默认范围每个目的地 28,232 个，减去已被 bind 的")
    .run("sysctl net.ipv4.ip_local_port_range\nss -tan dst 172.31.47.174:3306 | wc -l\nhalfclose run two-hosts")
    .source("connect(2), bind(2); Linux __inet_hash_connect()"),
    entry(
        ERRNO,
        "EADDRINUSE",
        "From bind() or listen(): the port is owned by another socket, or, with port 0, no port of the range is free. From connect() on a socket with a chosen port the answer is EADDRNOTAVAIL instead: EADDRINUSE means a conflict between local sockets, EADDRNOTAVAIL means the pair of ends is used up.",
        "来自 bind() 或 listen()：端口已被别的 socket 占用；端口写 0 时，则是范围内没有空闲端口。已选定端口的 socket 上 connect() 失败返回的是 EADDRNOTAVAIL：EADDRINUSE 表示本机 socket 之间冲突，EADDRNOTAVAIL 表示两端组合已用完。",
    )
    .runs_out("ports, over all destinations together: bind() cannot share them", "端口，所有目的地合计：bind() 不能共享端口")
    .run("ss -tlnp 'sport = :3306'")
    .source("bind(2); Linux inet_csk_get_port()"),
    entry(
        ERRNO,
        "EMFILE",
        "The process has as many descriptors as its soft RLIMIT_NOFILE allows, so socket(), open() or accept() fails. accept() leaves the connection in its queue, so a server that polls again at once spins; mysqld sleeps one second. Three descriptors are usually 0, 1 and 2, which is why a limit of 32,768 holds 32,765 sockets.",
        "进程的描述符数已达到 RLIMIT_NOFILE 软限制，socket()、open() 或 accept() 失败。accept() 失败时连接留在队列里，立即再次 poll 的服务端会空转；mysqld 睡眠一秒。0、1、2 号通常已被占用，所以限制 32,768 只能容纳 32,765 个 socket。",
    )
    .runs_out("descriptors of this process", "本进程的描述符")
    .run("grep 'open files' /proc/PID/limits\nprlimit --pid PID --nofile=65535:65535\nhalfclose run wide-range")
    .source("getrlimit(2); Linux alloc_fd()"),
    entry(
        ERRNO,
        "ENFILE",
        "The whole system has fs.file-max open files. Processes with CAP_SYS_ADMIN are exempt. The kernel logs it once. Modern distributions raise the limit so far that nobody meets it; EMFILE, of one process, comes first.",
        "整个系统打开的文件数达到 fs.file-max。拥有 CAP_SYS_ADMIN 的进程不受限。内核会记一次日志。现代发行版把上限调得很高，一般先遇到的是单个进程的 EMFILE。",
    )
    .runs_out("open files of the host", "整机的打开文件数")
    .run("cat /proc/sys/fs/file-nr\nsysctl fs.file-max\nhalfclose run file-max")
    .source("open(2), socket(2); Linux alloc_empty_file()"),
    entry(
        ERRNO,
        "ECONNREFUSED",
        "The destination answered the SYN with RST: its host is up, and no socket listens on that port (or a firewall rejects with RST, or an ICMP port-unreachable arrived). It comes at once, unlike ETIMEDOUT.",
        "目的地用 RST 回应了 SYN：主机在线，但没有 socket 监听该端口（或防火墙用 RST 拒绝，或收到 ICMP 端口不可达）。它立即返回，不像 ETIMEDOUT 那样要等。",
    )
    .run("ss -ltn 'sport = :3306'")
    .source("connect(2); Linux tcp_reset(); RFC 9293 §3.10.7.3"),
    entry(
        ERRNO,
        "ECONNRESET",
        "An acceptable RST arrived on an open connection. The peer closed with unread data, set SO_LINGER to 0 (MariaDB does), died, or no longer knows the connection. Unread received data is lost; the port is free at once.",
        "已打开的连接收到有效的 RST。对端关闭时还有未读数据、把 SO_LINGER 设为 0（MariaDB 就是这样）、已经死掉，或者不再认识这个连接。尚未读取的数据会丢失；端口立即空闲。",
    )
    .run("nstat -az TcpEstabResets TcpOutRsts\nhalfclose run mariadb")
    .source("recv(2); Linux tcp_reset(); RFC 9293 §3.10.7.4"),
    entry(
        ERRNO,
        "ETIMEDOUT",
        "No answer in time. From connect(): tcp_syn_retries SYNs went unanswered (127 s with the defaults before 6.5, 131 s since). On an open connection: tcp_retries2 retransmissions (about 924 s), keepalive probes, or TCP_USER_TIMEOUT gave up.",
        "在规定时间内没有应答。来自 connect()：按 tcp_syn_retries 重发的 SYN 都没有回应（默认设置下 6.5 之前 127 秒，之后 131 秒）。在已打开的连接上：重传达到 tcp_retries2（约 924 秒）、keepalive 探测或 TCP_USER_TIMEOUT 放弃。",
    )
    .run("ss -tano\nsysctl net.ipv4.tcp_syn_retries net.ipv4.tcp_retries2")
    .source("connect(2), tcp(7); Linux tcp_write_timeout()"),
    entry(
        ERRNO,
        "EPIPE",
        "A write on a socket that can no longer send: this side shut its sending direction, or a reset arrived and its ECONNRESET was already reported. The process also gets SIGPIPE unless it asked for MSG_NOSIGNAL.",
        "向已不能发送的 socket 写入：本端已关闭发送方向，或者之前收到的复位已用 ECONNRESET 报告过。除非使用 MSG_NOSIGNAL，进程还会收到 SIGPIPE。",
    )
    .source("send(2), signal(7); Linux sk_stream_error()"),
    entry(
        ERRNO,
        "EINPROGRESS",
        "Not a failure: connect() on a non-blocking socket has sent the SYN. Wait with poll() for POLLOUT, then read SO_ERROR to learn how it ended. On loopback the connection is already established when the call returns, and still it says EINPROGRESS.",
        "不是失败：非阻塞 socket 上的 connect() 已发出 SYN。用 poll() 等 POLLOUT，再读 SO_ERROR 得知结果。在回环地址上，调用返回时连接其实已建立，但返回的仍是 EINPROGRESS。",
    )
    .source("connect(2); Linux __inet_stream_connect()"),
    entry(
        ERRNO,
        "EALREADY",
        "connect() was called again on a non-blocking socket whose first attempt is still under way. Wait with poll() instead.",
        "非阻塞 socket 上一次 connect() 还没有结束，又调用了 connect()。应改用 poll() 等待。",
    )
    .source("connect(2)"),
    entry(
        ERRNO,
        "EAGAIN",
        "A non-blocking call would have had to wait: no data, no connection to accept, no room to send; or SO_RCVTIMEO/SO_SNDTIMEO expired. The same number as EWOULDBLOCK.",
        "非阻塞调用本应等待：没有数据、没有可接受的连接，或没有发送空间；也可能是 SO_RCVTIMEO/SO_SNDTIMEO 到期。与 EWOULDBLOCK 是同一个数。",
    )
    .alias(&["EWOULDBLOCK"])
    .source("recv(2), accept(2), socket(7)"),
    entry(ERRNO, "EISCONN", "connect() on a socket that is already connected.", "对已经连接的 socket 再调用 connect()。")
        .source("connect(2)"),
    entry(
        ERRNO,
        "ENOTCONN",
        "The call needs a connection and the socket has none: recv(), shutdown() or getpeername() before connect(), or after the connection ended by reset.",
        "调用需要连接而 socket 没有：在 connect() 之前，或连接已被复位之后，调用 recv()、shutdown() 或 getpeername()。",
    )
    .source("shutdown(2), getpeername(2)"),
    entry(
        ERRNO,
        "ECONNABORTED",
        "The connection was given up before it could be used: the peer reset it while it waited in the accept queue. Linux normally hands such a socket to accept() and reports the reset on first use.",
        "连接在使用之前就被放弃：它在全连接队列里等待时被对端复位。Linux 通常仍把它交给 accept()，在首次使用时报告复位。",
    )
    .source("accept(2)"),
    entry(
        ERRNO,
        "ENETUNREACH",
        "No route leads to the destination network; the kernel says so before any packet leaves.",
        "没有到目的网络的路由；内核在发出任何报文之前就返回。",
    )
    .run("ip route get 172.31.47.174")
    .source("connect(2); Linux ip_route_connect()"),
    entry(
        ERRNO,
        "EHOSTUNREACH",
        "An ICMP host-unreachable arrived, or the neighbour did not answer ARP. During connect() Linux treats ICMP unreachables as hard errors only after it checked they belong to the SYN.",
        "收到 ICMP 主机不可达，或邻居没有回应 ARP。connect() 期间，Linux 确认该 ICMP 确实属于这个 SYN 之后才当作错误。",
    )
    .source("connect(2); Linux tcp_v4_err()"),
    entry(ERRNO, "ENETDOWN", "The network interface is down, so nothing can leave through it.", "网络接口处于关闭状态，什么都发不出去。")
        .source(MAN),
    entry(ERRNO, "EHOSTDOWN", "The destination host is known to be down.", "目的主机已知不在线。").source(MAN),
    entry(
        ERRNO,
        "EBADF",
        "The number is not an open descriptor: closed already, or never opened. After a double close() in a threaded program the number may meanwhile belong to somebody else, which is worse because no error is reported.",
        "这个号码不是打开的描述符：已关闭，或从未打开。多线程程序里重复 close() 时，号码可能已属于别的文件，那更糟，因为不会报错。",
    )
    .source("close(2)"),
    entry(
        ERRNO,
        "EINVAL",
        "An argument the call cannot accept: bind() on a bound socket, listen() on a connected one, or a sysctl value outside its range (the write to /proc/sys fails and the old value stays).",
        "参数不被接受：对已 bind 的 socket 再 bind()、对已连接的 socket 调用 listen()，或 sysctl 的值超出范围（写 /proc/sys 失败，旧值不变）。",
    )
    .source("bind(2), listen(2); Linux proc_dointvec_minmax()"),
    entry(
        ERRNO,
        "EPERM",
        "Not permitted for this process: raising a hard limit without CAP_SYS_RESOURCE or above fs.nr_open, or an outgoing packet dropped by the local firewall.",
        "本进程没有权限：没有 CAP_SYS_RESOURCE 却要提高硬限制，或要超过 fs.nr_open；也可能是发出的报文被本机防火墙丢弃。",
    )
    .source("setrlimit(2)"),
    entry(
        ERRNO,
        "EACCES",
        "Permission denied: binding a port below net.ipv4.ip_unprivileged_port_start (1024) without CAP_NET_BIND_SERVICE.",
        "权限不足：没有 CAP_NET_BIND_SERVICE 却要绑定低于 net.ipv4.ip_unprivileged_port_start（1024）的端口。",
    )
    .source("bind(2), ip(7)"),
    entry(
        ERRNO,
        "ENOMEM",
        "The kernel could not allocate memory for the call, for instance a bind bucket during the port search.",
        "内核无法为调用分配内存，例如端口搜索时的 bind bucket。",
    )
    .source("socket(2); Linux __inet_hash_connect()"),
    entry(
        ERRNO,
        "ENOBUFS",
        "Not enough buffer memory for the operation, typically for a packet that should be queued.",
        "缓冲区内存不足，通常是要排队的报文没有空间。",
    )
    .source("send(2)"),
    entry(
        ERRNO,
        "EINTR",
        "A signal handler ran while the call waited. Most calls can simply be repeated; close() must not be, because Linux has already freed the descriptor.",
        "调用等待期间执行了信号处理函数。大多数调用重试即可；close() 不能重试，因为 Linux 已经释放了描述符。",
    )
    .source("signal(7), close(2)"),
    entry(ERRNO, "ENOENT", "The file or directory does not exist.", "文件或目录不存在。").source("open(2)"),
    entry(ERRNO, "ESRCH", "No process or thread has this id.", "没有这个号码的进程或线程。").source("kill(2), prlimit(2)"),
    entry(ERRNO, "EIO", "A low-level input or output error happened.", "底层输入输出出错。").source(MAN),
    entry(ERRNO, "EEXIST", "What is to be added is there already; epoll_ctl() returns it for a descriptor that the set holds.", "要添加的对象已经存在；epoll_ctl() 在集合中已有该描述符时返回它。")
        .source("epoll_ctl(2)"),
    entry(ERRNO, "EFAULT", "A pointer given to the call does not point into the process's memory.", "传给调用的指针不在进程的地址空间内。")
        .source(MAN),
    entry(
        ERRNO,
        "EDOM",
        "A number outside the domain of the function; setsockopt() returns it for a time-out whose microseconds are not below a million.",
        "数值超出函数的定义域；setsockopt() 在超时的微秒数不小于一百万时返回它。",
    )
    .source("socket(7); Linux sock_set_timeout()"),
    entry(ERRNO, "ERANGE", "The result or the given number is outside the range that can be represented.", "结果或给定的数超出可表示的范围。")
        .source(MAN),
    entry(
        ERRNO,
        "ENONET",
        "An ICMP message said that the source host is isolated (code 8): connect() fails with it.",
        "ICMP 报文称源主机被隔离（代码 8）：connect() 因此失败。",
    )
    .source("Linux icmp_err_convert"),
    entry(
        ERRNO,
        "EPROTO",
        "An ICMP message said that a packet's header was wrong (parameter problem): connect() fails with it.",
        "ICMP 报文称数据包首部有误（参数问题）：connect() 因此失败。",
    )
    .source("Linux tcp_v4_err()"),
    entry(ERRNO, "ENOTSOCK", "The descriptor is open, and it is not a socket.", "描述符是打开的，但不是 socket。").source("connect(2)"),
    entry(
        ERRNO,
        "EDESTADDRREQ",
        "A datagram socket without a peer was asked to send without naming a destination.",
        "没有对端的数据报 socket 发送时没有给出目的地址。",
    )
    .source("send(2)"),
    entry(ERRNO, "EMSGSIZE", "The datagram is larger than the protocol or the path can carry at once.", "数据报超过协议或路径一次能承载的大小。")
        .source("send(2)"),
    entry(ERRNO, "EPROTOTYPE", "The protocol does not fit the type of socket that was asked for.", "协议与所要求的 socket 类型不符。")
        .source("socket(2)"),
    entry(ERRNO, "ENOPROTOOPT", "The protocol does not know this socket option.", "协议不认识这个 socket 选项。").source("setsockopt(2)"),
    entry(ERRNO, "EPROTONOSUPPORT", "The kernel does not support this protocol in this family.", "内核不支持该地址族中的这个协议。")
        .source("socket(2)"),
    entry(
        ERRNO,
        "EOPNOTSUPP",
        "The operation does not exist for this kind of socket: listen() or accept() on a UDP socket.",
        "这种 socket 没有该操作：例如在 UDP socket 上调用 listen() 或 accept()。",
    )
    .source("listen(2), accept(2)"),
    entry(
        ERRNO,
        "EAFNOSUPPORT",
        "The address family is not supported, or the address given does not belong to the socket's family.",
        "不支持该地址族，或给出的地址与 socket 的地址族不符。",
    )
    .source("socket(2), connect(2)"),
];
