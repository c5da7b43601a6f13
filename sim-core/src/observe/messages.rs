//! What the findings and the views say besides the messages of the core.

use crate::tcp::Cause;

crate::messages! {
    /// What to do next, and the facts only findings state.
    pub enum Advice {
        // Facts.
        FirstLimit {
            en: "the first limit to bind was {0}, {1} after the start, at {2} connection{2:|s}",
            zh: "最先碰到的限制是 {0}：开始后 {1}，当时有 {2} 个连接"
        }
        FirstLimitInTimeWait {
            en: "the first limit to bind was {0}, {1} after the start, at {2} connections and {3} sockets in TIME-WAIT",
            zh: "最先碰到的限制是 {0}：开始后 {1}，当时有 {2} 个连接和 {3} 个 TIME-WAIT 的 socket"
        }
        NextLimit { en: "{0} came {1} later", zh: "{1} 之后轮到 {0}" }
        ServerClosesFirst {
            en: "{0} closed first, so the waiting minisocks stand on its side: {1} in FIN-WAIT-2 or TIME-WAIT, each gone after a minute; the other ends stay as long as {2} keeps them open",
            zh: "{0} 先关闭，等待用的 minisock 都在它那一侧：{1} 个 FIN-WAIT-2 或 TIME-WAIT，各自一分钟左右消失；而另一端一直存在，直到 {2} 关闭它们"
        }
        ClientClosesFirst {
            en: "{0} closes first, so TIME-WAIT stands on its side and holds its source ports for a minute each",
            zh: "{0} 先关闭，TIME-WAIT 在它那一侧，每个占住源端口约一分钟"
        }
        SlowerSearch {
            en: "connect() costs {0} before and {1} after (CPU time of the cost model)",
            zh: "connect() 的 CPU 开销（成本模型）由 {0} 变为 {1}"
        }
        PeerOfTimeout {
            en: "{0} session{0:|s} waited connect_timeout = {1} in vain and {0:was|were} closed by the server",
            zh: "{0} 个会话白等了 connect_timeout = {1}，被服务器关闭"
        }

        HeldByTimeWait {
            en: "the range {0}–{1} has {2} ports, {3} of them{3: is| are} reserved, or owned by bound or listening sockets; each of the others waits a minute in TIME-WAIT before its next use",
            zh: "范围 {0}–{1} 共 {2} 个端口，其中 {3} 个被保留，或被 bind 或监听的 socket 占用；其余每个用过之后要在 TIME-WAIT 里等一分钟"
        }

        OpenedNotClosed {
            en: "its system calls say so: socket {0} + openat {1} - close {2} = {3} descriptor{3:|s} opened and not closed",
            zh: "系统调用计数就能看出：socket {0} + openat {1} - close {2} = {3} 个描述符打开后没有关闭"
        }

        // Advice.
        FixTheCause {
            en: "lifting one limit only brings on the next: fix what takes connections and never gives them back",
            zh: "放宽一个限制只会碰到下一个：要修的是只拿连接、从不归还的那一方"
        }
        LookAtEach { en: "see the finding of that limit for what to change", zh: "该改什么，见那个限制自己的条目" }
        CloseOnFailure {
            en: "close the socket on every error path before reconnecting; until then restart {0}: its exit frees ports and descriptors at once",
            zh: "重连之前，每条出错路径都要关闭 socket；修好之前只能重启 {0}：进程退出会立刻释放端口和描述符"
        }
        WhoHoldsThem {
            en: "find the owner; keepalive and timeouts do not help, only its close() does",
            zh: "找出持有者；keepalive 和各种超时都没有用，只有它自己 close() 才行"
        }
        WiderRangeOnlyDelays {
            en: "a wider ip_local_port_range or a second address only delays it while sockets leak; the next limit is RLIMIT_NOFILE = {0}",
            zh: "只要还在泄漏，放宽 ip_local_port_range 或增加地址都只能推迟；下一个限制是 RLIMIT_NOFILE = {0}"
        }
        RaiseSoftNofile {
            en: "the soft limit binds, not the {0} of `ulimit -n` in your shell: look at the process, raise it up to the hard limit {1}",
            zh: "起作用的是软限制，不是你的 shell 里 `ulimit -n` 的 {0}：要看进程自己的限制，最多可提高到硬限制 {1}"
        }
        RaiseFileMax {
            en: "raise fs.file-max, or find who holds the files; root is exempt and may not notice",
            zh: "调大 fs.file-max，或找出谁占着文件；root 不受限制，可能察觉不到"
        }
        RaisingMaxConnections {
            en: "raising max_connections moves the wall: {0} connections/s × connect_timeout {1} hold {2} slots; lower connect_timeout or stop the client; admin_port still lets you in",
            zh: "调大 max_connections 只是把墙往后移：每秒 {0} 个连接 × connect_timeout {1} 要占 {2} 个名额；应降低 connect_timeout 或停掉客户端；admin_port 仍可登录"
        }
        ParityIsNormal {
            en: "this is the kernel's parity rule, not a fault: connect() takes ports of low's parity first and leaves the others to bind(0)",
            zh: "这是内核的奇偶规则，不是故障：connect() 先用与下限同奇偶的端口，另一半留给 bind(0)"
        }
        BackOff {
            en: "wait longer after each failure, with a cap and jitter; a fixed {0} turns one failure into a storm",
            zh: "每次失败后等待更久，设上限并加随机抖动；固定的 {0} 会把一次失败变成风暴"
        }
        ReuseTimeWait {
            en: "keep connections open (a pool), or set tcp_tw_reuse = 1 for outgoing ones; tcp_fin_timeout does not shorten TIME-WAIT",
            zh: "保持连接（用连接池），或对外连设置 tcp_tw_reuse = 1；tcp_fin_timeout 不会缩短 TIME-WAIT"
        }
        LongerQueue {
            en: "raise both the listen() backlog (MySQL back_log) and net.core.somaxconn: the smaller one counts",
            zh: "listen() 的 backlog（MySQL 的 back_log）和 net.core.somaxconn 都要调大：较小的那个生效"
        }
        FlushHosts {
            en: "mysqladmin flush-hosts unblocks it; fix what breaks the handshakes first",
            zh: "mysqladmin flush-hosts 可以解除封锁；先修好让握手失败的原因"
        }
        TooFewBuckets {
            en: "the sockets skip TIME-WAIT and old segments may hit their successors: raise it if memory allows",
            zh: "这些 socket 跳过了 TIME-WAIT，旧报文可能落到后来的连接上：内存允许就调大"
        }
        TooManyOrphans {
            en: "closed sockets still have data or FINs to deliver: find out why their peers do not answer",
            zh: "已关闭的 socket 还有数据或 FIN 没送达：查明对端为什么不回应"
        }
        UnauthenticatedSlots {
            en: "up to {0} of {1} places on {2} were held at once by sessions that had not logged in; a place is given before authentication, to root as to anybody",
            zh: "{2} 的 {1} 个名额中，最多同时有 {0} 个被尚未登录的会话占住；名额在认证之前就给出，root 也一样"
        }
        LowerConnectTimeout {
            en: "{0} connections/s × connect_timeout {1} want {2} places: lower connect_timeout, or stop who does not log in; admin_port has places of its own",
            zh: "每秒 {0} 个连接 × connect_timeout {1} 需要 {2} 个名额：降低 connect_timeout，或停掉不登录的客户端；admin_port 有自己的名额"
        }
        LimitOrder { en: "the limits in the order in which they bind: {0}", zh: "各个限制依次为：{0}" }
        LimitBound { en: "{0} at {1}", zh: "{0} 在 {1}" }
        LimitWould { en: "{0} would at about {1} ({2} connection{2:|s})", zh: "{0} 大约在 {1}（{2} 个连接）" }
        SamePace {
            en: "the later ones at the pace of the first {0} connection{0:|s}, {1} a second on average, had nothing bound before",
            zh: "后面的按最初 {0} 个连接的速度推算（平均每秒 {1} 个），假设前面的限制都没有起作用"
        }

        // What advice costs elsewhere.
        Costs { en: "costs: {0}", zh: "代价：{0}" }
        CostOfRestart { en: "each socket with unread bytes is reset, and what {0} was doing is lost", zh: "有未读数据的 socket 都会被复位，{0} 正在做的事也会丢失" }
        CostOfBackOff { en: "a server that is back is noticed later, by at most the cap", zh: "服务恢复后会更晚发现，最多晚一个上限" }
        CostOfRange {
            en: "services that bind ports inside a wider range may find them taken, and each connect() in vain searches it all",
            zh: "在更宽范围内 bind 端口的服务可能发现端口被占；每次徒劳的 connect() 也要搜完整个范围"
        }
        CostOfReuse {
            en: "it needs timestamps on both ends, helps outgoing connections only, and a pool holds server slots while idle",
            zh: "需要两端都启用 timestamps，只对外连有效；连接池空闲时也占着服务器名额"
        }
        CostOfDescriptors { en: "kernel memory for each open file, and the next limit is the ports or fs.file-max", zh: "每个打开的文件都占内核内存；接下来碰到的是端口或 fs.file-max" }
        CostOfSlots { en: "each slot is a thread and a descriptor on the server, with its buffers", zh: "每个名额在服务器上是一个线程和一个描述符，另加缓冲区" }
        CostOfTimeout { en: "slow but honest clients are cut off at the login", zh: "慢但正常的客户端会在登录时被断开" }
        CostOfQueue { en: "clients wait longer before they notice a server that does not accept; it counts from the next listen()", zh: "服务端不 accept 时客户端更晚才发现；从下一次 listen() 起生效" }
        CostOfFlush { en: "the counts of all other hosts are forgotten too", zh: "其他主机的计数也会清零" }
        CostOfBuckets { en: "168 bytes and a hash entry for each", zh: "每个 168 字节和一个哈希表项" }
        NothingToDo { en: "nothing to do", zh: "无需处理" }

        // Views.
        NoServer { en: "host `{0}` runs no MySQL server", zh: "主机 `{0}` 上没有 MySQL 服务器" }
        NoProcess { en: "host `{0}` has no process {1}", zh: "主机 `{0}` 上没有进程 {1}" }
        NoSocket { en: "host `{0}` has no such TCP connection", zh: "主机 `{0}` 上没有这样的 TCP 连接" }
        NothingUnread { en: "nothing unread there on host `{0}`", zh: "主机 `{0}` 上那里没有未读数据" }
        NeedsSpan { en: "`{0}` watches a span of time, not an instant", zh: "`{0}` 观察的是一段时间，不是一个时刻" }
        CaveatSar {
            en: "CPU time is that of the cost model; on which CPU a thread is woken is drawn; %steal is the scenario's; only simulated programs are in it",
            zh: "CPU 时间来自成本模型；线程在哪个 CPU 上唤醒是抽取的；%steal 由场景给定；只包含被模拟的程序"
        }
        CaveatPerfTop {
            en: "a model of cost: each call's price divided among functions by name, a port search by measured shares, all else by judgement",
            zh: "成本模型：每次调用的开销按函数名分摊，端口搜索按实测比例，其余凭判断"
        }
        CaveatPerfTrace {
            en: "durations are prices of the cost model and real waits; what is behind a descriptor is what it is at the end; addresses in memory are made up",
            zh: "时长为成本模型的开销加真实的等待；描述符后面是结束时它所指的对象；内存地址是编造的"
        }
        CaveatStrace {
            en: "durations are prices of the cost model and real waits; contents of files and addresses in memory are made up",
            zh: "时长为成本模型的开销加真实的等待；文件内容和内存地址是编造的"
        }
        CaveatQueue {
            en: "no tool of Linux shows this; zeros stand for bytes of which only the number is simulated",
            zh: "Linux 没有工具显示这些；只模拟了数量的字节以零表示"
        }
        CaveatLimits {
            en: "open files is simulated; the other limits are those of the distribution",
            zh: "open files 是模拟的；其余限制是该发行版的默认值"
        }
        CaveatSockstat {
            en: "pages of memory (mem) and UDP-Lite are not simulated and stay 0",
            zh: "内存页数（mem）与 UDP-Lite 没有模拟，始终为 0"
        }
        NoProcesses { en: "host `{0}` runs no process", zh: "主机 `{0}` 上没有任何进程" }

        // Limits by name.
        LimitPorts { en: "source ports (EADDRNOTAVAIL)", zh: "源端口（EADDRNOTAVAIL）" }
        LimitNofile { en: "RLIMIT_NOFILE (EMFILE)", zh: "RLIMIT_NOFILE（EMFILE）" }
        LimitNofileHard { en: "the hard RLIMIT_NOFILE (EMFILE)", zh: "RLIMIT_NOFILE 硬限制（EMFILE）" }
        LimitFileMax { en: "fs.file-max (ENFILE)", zh: "fs.file-max（ENFILE）" }
        LimitMaxConnections { en: "max_connections (ERR 1040)", zh: "max_connections（ERR 1040）" }
    }
}

crate::messages! {
    /// Why a connection changed its state.
    pub enum CauseText {
        ActiveOpen { en: "connect()", zh: "connect()" }
        PassiveOpen { en: "listen()", zh: "listen()" }
        SynArrived { en: "SYN arrived", zh: "收到 SYN" }
        SynAckArrived { en: "SYN,ACK arrived", zh: "收到 SYN,ACK" }
        AckOfSyn { en: "our SYN was acknowledged", zh: "我方的 SYN 得到确认" }
        Close { en: "close()", zh: "close()" }
        Shutdown { en: "shutdown(SHUT_WR)", zh: "shutdown(SHUT_WR)" }
        FinArrived { en: "FIN arrived", zh: "收到对端的 FIN" }
        AckOfFin { en: "our FIN was acknowledged", zh: "我方的 FIN 得到确认" }
        FinAckArrived { en: "FIN arrived with the acknowledgment of ours", zh: "收到对端的 FIN，同时确认了我方的 FIN" }
        RstArrived { en: "RST arrived", zh: "收到 RST" }
        Abort { en: "reset by this end", zh: "由本端复位" }
        TimedOut { en: "no answer in time", zh: "没有按时收到回应" }
        IcmpError { en: "ICMP error", zh: "收到 ICMP 错误" }
        TimerExpired { en: "timer expired", zh: "定时器到期" }
        Overflow { en: "limit reached", zh: "达到上限" }
    }
}

/// The cause in words.
#[must_use]
pub const fn cause_text(cause: Cause) -> CauseText {
    match cause {
        Cause::ActiveOpen => CauseText::ActiveOpen,
        Cause::PassiveOpen => CauseText::PassiveOpen,
        Cause::SynArrived => CauseText::SynArrived,
        Cause::SynAckArrived => CauseText::SynAckArrived,
        Cause::AckOfSyn => CauseText::AckOfSyn,
        Cause::Close => CauseText::Close,
        Cause::Shutdown => CauseText::Shutdown,
        Cause::FinArrived => CauseText::FinArrived,
        Cause::AckOfFin => CauseText::AckOfFin,
        Cause::FinAckArrived => CauseText::FinAckArrived,
        Cause::RstArrived => CauseText::RstArrived,
        Cause::Abort => CauseText::Abort,
        Cause::TimedOut => CauseText::TimedOut,
        Cause::IcmpError => CauseText::IcmpError,
        Cause::TimerExpired => CauseText::TimerExpired,
        Cause::Overflow => CauseText::Overflow,
    }
}
