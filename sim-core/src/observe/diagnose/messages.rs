//! What a diagnosis says.

crate::messages! {
    /// A sentence of a diagnosis.
    pub enum Judged {
        // Who failed to close.
        CloseWait {
            en: "{0} did not close: {1} of its sockets to {2} {1:is|are} in CLOSE-WAIT. {2} has closed them long ago; only {0} can end them, no timer does",
            zh: "没有关闭的是 {0}：它到 {2} 的 {1} 个 socket 处于 CLOSE-WAIT。{2} 早已关闭；只有 {0} 能结束它们，没有任何定时器"
        }
        CloseWaitServer {
            en: "{0}, the serving side, did not close: {1} of its sockets on port {2} are in CLOSE-WAIT, closed by their clients",
            zh: "没有关闭的是服务端 {0}：端口 {2} 上有 {1} 个 socket 处于 CLOSE-WAIT，客户端已经关闭"
        }
        SomeClient { en: "the client of {0} on this host", zh: "本机上 {0} 的客户端" }
        SomeServer { en: "the server on {0}", zh: "{0} 上的服务端" }
        Unread {
            en: "{0} connects and does not read: {1} established sockets to {2} hold the same {3} unread bytes. It has lost them, or is stuck; when {2} gives up they become CLOSE-WAIT",
            zh: "{0} 建立连接却不读取：到 {2} 的 {1} 个已建立的 socket 都有同样的 {3} 字节未读。它弄丢了这些 socket，或者卡住了；{2} 放弃之后它们会变成 CLOSE-WAIT"
        }
        PeerDidNotClose {
            en: "this host closed first and waits: {0} socket{0:|s} in FIN-WAIT-2 towards {1}. The other ends have not been closed: look for CLOSE-WAIT there",
            zh: "本机先关闭并在等待：到 {1} 有 {0} 个 FIN-WAIT-2。对端还没有关闭：去那里找 CLOSE-WAIT"
        }
        SilentClients {
            en: "{0} of {1} sessions are unauthenticated: clients at {2} connect and say nothing; each holds a slot for connect_timeout",
            zh: "{1} 个会话中有 {0} 个未认证：{2} 的客户端连上之后什么也不说；每个占住一个名额 connect_timeout 之久"
        }
        TraceLeak {
            en: "{0} did not close: it opened {1} descriptors while it was traced and closed {2}, so {3} stayed open",
            zh: "没有关闭的是 {0}：跟踪期间它打开了 {1} 个描述符，关闭了 {2} 个，留下 {3} 个"
        }
        PortSearch {
            en: "{0} % of the CPU time is connect() looking for a source port: the ports to one destination, or one parity of them, are used up",
            zh: "{0} % 的 CPU 时间是 connect() 在找源端口：到某个目的地的端口（或其中一半）已经用完"
        }
        PileWithoutNames {
            en: "{0} TCP sockets are in use and not established: more than listeners explain. A pile that lasts is CLOSE-WAIT; this summary does not say whose",
            zh: "有 {0} 个 TCP socket 在用却不是 established：不是监听 socket 能解释的。长期存在的堆积只会是 CLOSE-WAIT；这个汇总看不出是谁的"
        }
        TimeWaitClient {
            en: "this host closes first towards {1}: {0} socket{0:|s} in TIME-WAIT {0:holds its source port|hold their source ports} for 60 s each, about {2} connections a second",
            zh: "本机到 {1} 的连接由本机先关闭：{0} 个 TIME-WAIT 各占源端口 60 秒，约每秒 {2} 个连接"
        }
        TimeWaitServer {
            en: "{0} socket{0:|s} on port {1} {0:is|are} in TIME-WAIT: this side closes first; they cost memory, not ports",
            zh: "端口 {1} 上有 {0} 个 TIME-WAIT：本侧先关闭；它们占内存，不占端口"
        }
        Minisocks {
            en: "{0} minisocks (TIME-WAIT, and FIN-WAIT-2 of closed sockets) stand here: this host closed first",
            zh: "这里有 {0} 个 minisock（TIME-WAIT，以及已关闭 socket 的 FIN-WAIT-2）：是本机先关闭的"
        }
        AcceptQueue {
            en: "the accept queue of port {0} is full: {1} of {2} (Recv-Q above Send-Q): the server does not accept fast enough",
            zh: "端口 {0} 的全连接队列已满：{1}/{2}（Recv-Q 超过 Send-Q）：服务端 accept 不够快"
        }
        AcceptOverflows {
            en: "an accept queue overflowed {0} time{0:|s} since boot (ListenOverflows)",
            zh: "开机以来全连接队列溢出 {0} 次（ListenOverflows）"
        }
        Errors { en: "the text has {1} × {0}: {2}", zh: "文本中出现 {1} 次 {0}：{2}" }
        MeansPorts { en: "source ports ran out", zh: "源端口用完" }
        MeansFds { en: "the process ran out of descriptors", zh: "进程的描述符用完" }
        MeansFiles { en: "the host ran out of open files", zh: "主机的打开文件数用完" }
        MeansSlots { en: "the server has no slot left", zh: "服务器没有名额了" }
        MeansBlocked { en: "the server blocks this client", zh: "服务器封锁了这个客户端" }
        UnreadMeans { en: "Recv-Q {0} is {1} unread byte{1:|s} and the FIN: {2}", zh: "Recv-Q {0} 是 {1} 个未读字节加 FIN：{2}" }
        Err1040 { en: "MySQL's \"Too many connections\" (ERR 1040)", zh: "MySQL 的 “Too many connections”（ERR 1040）" }
        Err1159 { en: "a greeting and ERR 1159: the server waited for the login in vain", zh: "问候与 ERR 1159：服务器白等了登录" }
        NothingSent { en: "nothing was sent before the close", zh: "关闭前什么也没发" }
        JustUnread { en: "what the peer sent before it closed", zh: "对端关闭前发来的数据" }
        NothingWrong { en: "nothing here runs out or piles up", zh: "这里没有资源用完，也没有堆积" }
        Foreign { en: "no line of this text is output of a tool that is known here", zh: "这段文本里没有一行是已知工具的输出" }

        // Limits.
        Binds { en: "{0} bind first: {1} of {2} are used, {3} left", zh: "最先碰到的是{0}：已用 {1}，共 {2}，还剩 {3}" }
        Reached { en: "{0} are used up: {1} of {2}", zh: "{0}已用完：{1}/{2}" }
        PortsTo { en: "source ports to {0}", zh: "到 {0} 的源端口" }
        PortsToOne { en: "source ports to one destination", zh: "到同一个目的地的源端口" }
        Descriptors { en: "descriptors of {0}", zh: "{0} 的描述符" }
        TheProcess { en: "the process", zh: "该进程" }
        Slots { en: "slots of the MySQL server", zh: "MySQL 服务器的名额" }
        Queue { en: "places in the accept queue of port {0}", zh: "端口 {0} 全连接队列的位置" }
        TimeWaits { en: "TIME-WAIT buckets", zh: "TIME-WAIT 上限" }
        Files { en: "open files of the host", zh: "主机的打开文件" }

        // What was taken for granted.
        AssumedRange { en: "the port range is the default, 32768–60999 (--sysctl gives the real one)", zh: "端口范围按默认的 32768–60999 计算（用 --sysctl 提供真实值）" }
        AssumedWider {
            en: "the port range is {0}–{1}: wider than the default, for ports outside it are in use (--sysctl gives the real one)",
            zh: "端口范围按 {0}–{1} 计算：比默认更宽，因为有范围之外的端口在使用（用 --sysctl 提供真实值）"
        }
        AssumedByCount {
            en: "the port range is {0}–{1}: {2} connections are more than the default range has ports (--sysctl gives the real one)",
            zh: "端口范围按 {0}–{1} 计算：{2} 个连接超过了默认范围的端口数（用 --sysctl 提供真实值）"
        }
        AssumedRound {
            en: "{0} connections and descriptors 0, 1 and 2 make {1}, a usual soft limit: that is no accident",
            zh: "{0} 个连接加上描述符 0、1、2 正好是 {1}，一个常见的软限制：这不会是巧合"
        }
        AssumedSlots { en: "max_connections is the default, 151, and one more", zh: "max_connections 按默认的 151 再加一个计算" }
        AssumedShell { en: "the limit is that of a shell (`ulimit`), not of the process: look at /proc/PID/limits", zh: "这个限制是 shell 的（`ulimit`），不是进程的：请看 /proc/PID/limits" }
        AssumedProcess { en: "the limits given belong to {0}", zh: "给出的限制属于 {0}" }
        AssumedOneDestination { en: "nearly all of the {0} IPv4 sockets go to one destination", zh: "{0} 个 IPv4 socket 几乎都去往同一个目的地" }

        // What it could not know.
        NoOwner { en: "which process it is: no owner in the rows (run the tool as root, with -p)", zh: "是哪个进程：各行没有持有者（用 root 加 -p 运行）" }
        NoLimit { en: "how close the descriptors are: no /proc/PID/limits", zh: "描述符离上限多远：没有 /proc/PID/limits" }
        NoRate { en: "how fast it grows: one look has no rate; look twice", zh: "增长多快：看一次没有速率，请隔一会儿再看一次" }
        NoRows { en: "which process and which destination: a summary has no rows", zh: "是哪个进程、哪个目的地：汇总里没有明细" }
        NoOtherSide { en: "what the other side sees: nothing from {0}", zh: "对端看到什么：没有来自 {0} 的输出" }
        HiddenState { en: "the state of {0} rows: `ss state …` leaves the column out; paste the command with them", zh: "{0} 行的状态：`ss state …` 会省略这一列；请连命令一起粘贴" }
        Cut { en: "what stood after the part that was read: the text is too long", zh: "读取部分之后的内容：文本太长" }

        // What to do.
        FixClose { en: "make {0} close the socket on every error path; until then restart it: its exit frees ports and descriptors at once", zh: "让 {0} 在每条出错路径上关闭 socket；修好之前只能重启它：退出会立刻释放端口和描述符" }
        RaiseOnlyDelays { en: "raising a limit only delays it while sockets leak", zh: "只要还在泄漏，调大任何限制都只是推迟" }
        RaisePorts { en: "widen the range or add addresses; costs: services on ports in it may fail to bind, and descriptors bind next", zh: "放宽范围或增加地址；代价：范围内端口上的服务可能 bind 失败，随后碰到描述符限制" }
        ReuseTimeWait { en: "keep connections open (a pool), or net.ipv4.tcp_tw_reuse=1; costs: needs timestamps, outgoing connections only", zh: "保持连接（连接池），或 net.ipv4.tcp_tw_reuse=1；代价：需要 timestamps，仅对外连有效" }
        RaiseFds { en: "raise the soft limit of the process; costs: kernel memory for each, and the ports bind next", zh: "提高该进程的软限制；代价：每个都占内核内存，随后碰到端口限制" }
        RaiseSlots { en: "stop the silent clients or lower connect_timeout; raising max_connections costs a thread and memory for each", zh: "停掉沉默的客户端，或降低 connect_timeout；调大 max_connections 每个要一个线程和内存" }
        RaiseQueue { en: "raise backlog and somaxconn together and find out why accept() is slow; costs: clients wait longer before they notice", zh: "同时调大 backlog 和 somaxconn，并查明 accept() 为什么慢；代价：客户端更晚才发现问题" }
        SeeDestinations { en: "see which destination has most connections", zh: "查看哪个目的地的连接最多" }
        SeeOwner { en: "see who holds them", zh: "查看谁持有它们" }
        SeePeer { en: "look at the other side, {0}", zh: "查看对端 {0}" }
        SeeRange { en: "see the real range", zh: "查看真实的端口范围" }
        SeeLimits { en: "see the limit of the process itself", zh: "查看进程自己的限制" }
        SeeRows { en: "see the sockets themselves", zh: "查看 socket 明细" }
        SeeVariables { en: "see the server's settings", zh: "查看服务器设置" }

        // Headings.
        HeadRead { en: "read", zh: "读到" }
        HeadFindings { en: "what it shows", zh: "结论" }
        HeadLimits { en: "how close the limits are", zh: "离各个限制多远" }
        HeadAssumed { en: "taken for granted", zh: "假设" }
        HeadUnknown { en: "not to be known from this", zh: "由此无法得知" }
        HeadNext { en: "next", zh: "下一步" }
        Lines { en: "{0} line{0:|s} of {1}", zh: "{1} {0} 行" }
        Skipped { en: "{0} other line{0:|s}", zh: "其他 {0} 行" }
    }
}
