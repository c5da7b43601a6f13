//! MySQL and MariaDB variables, counters and errors of the connection path.

use super::{Entry, Kind, entry};

const VARIABLE: Kind = Kind::MysqlVariable;
const STATUS: Kind = Kind::MysqlStatus;
const ERROR: Kind = Kind::MysqlError;
const MANUAL: &str = "MySQL Reference Manual, Server System Variables";
const STATUS_MANUAL: &str = "MySQL Reference Manual, Server Status Variables";

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        VARIABLE,
        "max_connections",
        "How many sessions may exist. The server admits one more, meant for an administrator, and checks that only after authentication; so max_connections + 1 connections that never log in fill every place, and even root gets ERR 1040. Changing it works at once for new connections.",
        "允许存在的会话数。服务器会多接纳一个，本意留给管理员，但认证之后才检查；因此 max_connections + 1 个从不登录的连接就能占满所有名额，连 root 也得到 ERR 1040。修改后对新连接立即生效。",
    )
    .value("151", "sessions, 1–100000")
    .runs_out("places: ERR 1040 before the greeting", "名额：在问候之前返回 ERR 1040")
    .run("mysql -e \"show variables like '%max_connections%'\"\nmysql -e 'set global max_connections = 65535'\nhalfclose run max-connections")
    .source("MySQL Reference Manual, Too many connections; sql/conn_handler/connection_handler_manager.cc"),
    entry(
        VARIABLE,
        "mysqlx_max_connections",
        "Sessions of the X Protocol (port 33060). A separate pool: raising it does nothing for the classic protocol.",
        "X 协议（33060 端口）的会话数。这是独立的池：调大它对经典协议没有作用。",
    )
    .value("100", "sessions, 1–65535")
    .source("MySQL Reference Manual, X Plugin"),
    entry(
        VARIABLE,
        "connect_timeout",
        "How long the server waits for the client in each read of the handshake. A client that says nothing holds its place for this long; then MySQL 8.0.24 and later send ERR 1159 and close, older ones just close. It counts anew after each fragment the client sends.",
        "握手阶段服务器每次读取等待客户端的时间。一言不发的客户端会占住名额这么久；之后 8.0.24 及以后的版本发送 ERR 1159 再关闭，更早的版本直接关闭。客户端每发来一个片段就重新计时。",
    )
    .value("10", "s, 2–31536000")
    .runs_out("places: silent clients at R per second hold R · connect_timeout of them", "名额：每秒 R 个沉默的客户端占住 R · connect_timeout 个")
    .run("mysql -e 'set global connect_timeout = 60'\nhalfclose run longer-timeout")
    .source("MySQL Reference Manual, Server System Variables; sql/sql_connect.cc"),
    entry(
        VARIABLE,
        "wait_timeout",
        "How long a logged-in session may be idle before the server closes it. Interactive clients follow interactive_timeout. It plays no part before the login is complete.",
        "已登录会话空闲多久后被服务器关闭。交互式客户端使用 interactive_timeout。登录完成之前它不起作用。",
    )
    .value("28800", "s, 1–31536000")
    .source(MANUAL),
    entry(
        VARIABLE,
        "interactive_timeout",
        "wait_timeout for clients that declared themselves interactive at login.",
        "登录时声明为交互式的客户端所用的 wait_timeout。",
    )
    .value("28800", "s, 1–31536000")
    .source(MANUAL),
    entry(
        VARIABLE,
        "net_read_timeout",
        "How long the server waits for more data in the middle of a packet, once logged in.",
        "登录之后，服务器在一个数据包中途等待更多数据的时间。",
    )
    .value("30", "s")
    .source(MANUAL),
    entry(
        VARIABLE,
        "net_write_timeout",
        "How long the server waits for the client to take data, once logged in.",
        "登录之后，服务器等待客户端接收数据的时间。",
    )
    .value("60", "s")
    .source(MANUAL),
    entry(
        VARIABLE,
        "net_retry_count",
        "How often an interrupted read or write is tried again.",
        "被打断的读写重试的次数。",
    )
    .value("10", "attempts")
    .source(MANUAL),
    entry(
        VARIABLE,
        "back_log",
        "The backlog mysqld gives to listen(): how many connections may wait until the one accept thread takes them.",
        "mysqld 传给 listen() 的 backlog：在唯一的 accept 线程取走之前可以等待的连接数。",
    )
    .value("max_connections (8.0+); 50 + max_connections / 5, at most 900 (5.7)", "connections, ≤ 65535")
    .runs_out("the accept queue, together with net.core.somaxconn", "全连接队列，与 net.core.somaxconn 共同决定")
    .source("MySQL Reference Manual, Server System Variables; WL#9704"),
    entry(
        VARIABLE,
        "thread_cache_size",
        "Threads kept for the next connection instead of being ended. Each admitted connection, even a silent one, needs a thread.",
        "会话结束后保留给下一个连接的线程数。每个被接纳的连接，哪怕一言不发，都需要一个线程。",
    )
    .value("8 + max_connections / 100, at most 100", "threads")
    .source(MANUAL),
    entry(
        VARIABLE,
        "max_connect_errors",
        "Handshake failures in a row after which the server refuses a host with ERR 1129. Timeouts count. The count lives in the host cache; without it (skip_name_resolve, host_cache_size = 0, loopback) nobody is blocked.",
        "连续多少次握手失败之后，服务器用 ERR 1129 拒绝该主机。超时也算。计数保存在主机缓存里；没有缓存（skip_name_resolve、host_cache_size = 0、回环）就不会封锁任何人。",
    )
    .value("100", "errors")
    .runs_out("the server's patience with your host: ERR 1129", "服务器对你主机的耐心：ERR 1129")
    .run("mysql -e 'flush hosts'\nmysqladmin flush-hosts")
    .source("MySQL Reference Manual, DNS Lookups and the Host Cache"),
    entry(
        VARIABLE,
        "max_user_connections",
        "Sessions one account may have; 0 sets no limit.",
        "一个账户可以拥有的会话数；0 表示不限。",
    )
    .value("0", "sessions")
    .source(MANUAL),
    entry(
        VARIABLE,
        "host_cache_size",
        "Hosts the server remembers, with their handshake errors. 0 switches the cache, and with it the blocking of hosts, off.",
        "服务器记住的主机数及其握手错误。0 关闭缓存，也就不会封锁主机。",
    )
    .value("128 + max_connections up to 500, at most 2000", "hosts")
    .source(MANUAL),
    entry(
        VARIABLE,
        "skip_name_resolve",
        "The server does not ask DNS for the names of its clients, nor keep a host cache for them.",
        "服务器不向 DNS 查询客户端的名字，也不为它们维护主机缓存。",
    )
    .value("OFF", "boolean")
    .source(MANUAL),
    entry(
        VARIABLE,
        "table_open_cache",
        "Tables kept open by all threads; it enters the computation of open_files_limit.",
        "所有线程保持打开的表的数目；参与 open_files_limit 的计算。",
    )
    .value("4000 (2000 in 5.7)", "tables")
    .source(MANUAL),
    entry(
        VARIABLE,
        "open_files_limit",
        "Descriptors mysqld asks the system for: the largest of 10 + max_connections + 2 · table_open_cache, 5 · max_connections, and the requested value or 5000. If it gets fewer, max_connections is lowered at start.",
        "mysqld 向系统申请的描述符数：取 10 + max_connections + 2 · table_open_cache、5 · max_connections、以及设定值或 5000 中的最大者。得到的不够时，启动时会调低 max_connections。",
    )
    .value("≥ 5000", "descriptors")
    .runs_out("the server's descriptors: accept() fails with EMFILE and it sleeps one second", "服务器的描述符：accept() 返回 EMFILE，并睡眠一秒")
    .run("grep 'open files' /proc/$(pidof mysqld)/limits")
    .source(MANUAL),
    entry(
        VARIABLE,
        "admin_port",
        "A second listener for administrators (with admin_address), exempt from max_connections: the door that stays open while the classic port answers \"Too many connections\". MariaDB calls it extra_port.",
        "管理员专用的第二个监听端口（需设置 admin_address），不受 max_connections 限制：经典端口回答 “Too many connections” 时它仍可登录。MariaDB 中叫 extra_port。",
    )
    .alias(&["admin_address", "extra_port"])
    .value("33062", "port, since 8.0.14")
    .run("mysql -h 127.0.0.1 -P 33062 -u root -p")
    .source("MySQL Reference Manual, Administrative Connection Management"),
    entry(
        VARIABLE,
        "extra_max_connections",
        "Sessions MariaDB admits on extra_port besides max_connections.",
        "MariaDB 在 extra_port 上额外接纳的会话数。",
    )
    .value("1", "sessions")
    .source("MariaDB Knowledge Base, Thread Pool System Variables"),
    entry(
        VARIABLE,
        "default_authentication_plugin",
        "How new accounts log in. Its name is part of the greeting: both mysql_native_password and caching_sha2_password have 21 characters, so the greeting is 72 bytes plus the version string either way.",
        "新账户的登录方式。它的名字包含在问候里：mysql_native_password 与 caching_sha2_password 都是 21 个字符，所以问候总是 72 字节加上版本字符串。",
    )
    .alias(&["mysql_native_password", "caching_sha2_password"])
    .value("caching_sha2_password (8.0+); mysql_native_password (5.7, MariaDB)", "plugin")
    .source("MySQL Internals, Protocol::HandshakeV10"),
    entry(
        STATUS,
        "Threads_connected",
        "Sessions that exist now, those not yet authenticated included; the event scheduler is not among them.",
        "当前存在的会话数，包括尚未认证的；不包括事件调度器。",
    )
    .run("mysql -e \"show status like 'Threads_%'\"")
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Connections",
        "Thread ids handed out so far. A connection refused with ERR 1040 gets none, so the ids of the admitted ones stay dense.",
        "至今发出的线程号。被 ERR 1040 拒绝的连接没有线程号，所以被接纳者的号码是连续的。",
    )
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Max_used_connections",
        "Most sessions at once since the start. It may be max_connections + 1.",
        "启动以来同时存在的最大会话数。可能等于 max_connections + 1。",
    )
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Threads_created",
        "Threads started because the thread cache was empty.",
        "因线程缓存为空而新建的线程数。",
    )
    .alias(&["Threads_cached"])
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Connection_errors_max_connections",
        "Connections refused with ERR 1040. In this outage it grows by hundreds a second, while Aborted_connects (the time-outs) grows by fifteen.",
        "被 ERR 1040 拒绝的连接数。在这次故障中它每秒增长数百，而 Aborted_connects（超时）每秒只增长十五个。",
    )
    .run("mysql -e \"show status like 'Connection_errors%'\"")
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Connection_errors_accept",
        "Errors of accept(), for instance EMFILE. After each the server sleeps one second, during which nobody is admitted.",
        "accept() 出错的次数，例如 EMFILE。每次之后服务器睡眠一秒，期间不接纳任何人。",
    )
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Aborted_connects",
        "Logins that failed: wrong password, bad packet, connect_timeout. MySQL does not count refusals with ERR 1040 here; MariaDB does.",
        "失败的登录：密码错误、数据包错误、connect_timeout。MySQL 不把 ERR 1040 的拒绝计入这里，MariaDB 会计入。",
    )
    .source(STATUS_MANUAL),
    entry(
        STATUS,
        "Aborted_clients",
        "Sessions that ended after the login without saying goodbye: killed, timed out, or the client died.",
        "登录之后没有道别就结束的会话：被 KILL、超时，或客户端死掉。",
    )
    .source(STATUS_MANUAL),
    entry(
        ERROR,
        "1040",
        "\"Too many connections\": all max_connections + 1 places are taken. The packet comes instead of the greeting, has no SQLSTATE and 27 bytes (4 header, 1, 2 number, 20 text); with the FIN that follows, a client that never reads shows Recv-Q 28.",
        "“Too many connections”：max_connections + 1 个名额全部被占。这个包代替问候发出，没有 SQLSTATE，共 27 字节（4 字节头、1、2 字节错误号、20 字节文本）；加上随后的 FIN，从不读取的客户端 Recv-Q 为 28。",
    )
    .alias(&["ERR 1040", "ER_CON_COUNT_ERROR", "Too many connections"])
    .runs_out("max_connections + 1 places", "max_connections + 1 个名额")
    .run("mysql -e 'show processlist' | wc -l\nmysql -e \"show status like 'Connection_errors_max_connections'\"")
    .source("MySQL Error Message Reference; sql/conn_handler/connection_handler_manager.cc"),
    entry(
        ERROR,
        "1159",
        "\"Got timeout reading communication packets\": the client sent nothing for connect_timeout. MySQL sends this 54-byte packet since 8.0.24 and then closes; after a 77-byte greeting and with the FIN, a client that never reads shows Recv-Q 132. Older servers close without a word.",
        "“Got timeout reading communication packets”：客户端在 connect_timeout 内什么也没发。MySQL 自 8.0.24 起发送这个 54 字节的包然后关闭；加上 77 字节的问候和 FIN，从不读取的客户端 Recv-Q 为 132。更早的服务器一言不发就关闭。",
    )
    .alias(&["ERR 1159", "ER_NET_READ_INTERRUPTED"])
    .run("halfclose show netstat one-connection --at 15s")
    .source("MySQL Error Message Reference; WL#14425 (8.0.24)"),
    entry(
        ERROR,
        "1129",
        "\"Host … is blocked because of many connection errors\": max_connect_errors handshakes from this host failed in a row.",
        "“Host … is blocked because of many connection errors”：来自该主机的握手连续失败了 max_connect_errors 次。",
    )
    .alias(&["ERR 1129", "ER_HOST_IS_BLOCKED"])
    .run("mysqladmin flush-hosts")
    .source("MySQL Error Message Reference"),
    entry(
        ERROR,
        "1135",
        "\"Can't create a new thread\": the operating system refused one for an admitted connection.",
        "“Can't create a new thread”：操作系统拒绝为已接纳的连接创建线程。",
    )
    .alias(&["ERR 1135"])
    .runs_out("threads or memory of the server's host", "服务器主机的线程或内存")
    .source("MySQL Error Message Reference"),
    entry(
        ERROR,
        "4031",
        "The server closed an idle session after wait_timeout and says so before it closes, since 8.0.24. Older servers just close.",
        "会话空闲超过 wait_timeout，服务器关闭之前先说明原因（自 8.0.24 起）。更早的版本直接关闭。",
    )
    .alias(&["ERR 4031", "ER_CLIENT_INTERACTION_TIMEOUT"])
    .source("MySQL Error Message Reference; WL#14425"),
    entry(
        ERROR,
        "2013",
        "CR_SERVER_LOST, made by the client: the connection ended in the middle of a query. A KILL looks like this. The client library then has to close its handle and start a new one.",
        "CR_SERVER_LOST，由客户端产生：查询途中连接断开。KILL 就表现为它。之后客户端库应当关闭句柄，再建一个新的。",
    )
    .alias(&["CR_SERVER_LOST", "ERR 2013"])
    .source("MySQL Client Error Message Reference"),
    entry(
        ERROR,
        "2006",
        "CR_SERVER_GONE_ERROR, made by the client: it tried to use a connection the server had already closed.",
        "CR_SERVER_GONE_ERROR，由客户端产生：试图使用服务器早已关闭的连接。",
    )
    .alias(&["CR_SERVER_GONE_ERROR", "ERR 2006"])
    .source("MySQL Client Error Message Reference"),
];
