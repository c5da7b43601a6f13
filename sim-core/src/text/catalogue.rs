//! The messages of the core: questions a run cannot answer, budgets, findings.
//! Problems of a scenario file have their own, beside the checks that find them.
//!
//! Arguments are already text (a port, a duration, a path such as
//! `host.client.sysctl`). Findings say what happened, why, and what to do next.

crate::messages! {
    /// A message of the core.
    pub enum Msg {
        // Questions a run cannot answer.
        UnknownMetric { en: "no metric is called `{0}`", zh: "没有名为 `{0}` 的指标" }
        UnknownHost { en: "no host is called `{0}`", zh: "没有名为 `{0}` 的主机" }
        UnknownProcess { en: "no process is called `{0}` on host `{1}`", zh: "主机 `{1}` 上没有名为 `{0}` 的进程" }
        UnknownMark { en: "no mark is called `{0}`", zh: "没有名为 `{0}` 的标记" }
        DidYouMean { en: "did you mean `{0}`?", zh: "是不是想写 `{0}`？" }
        NotATime { en: "`{0}` is neither a time since the start nor a mark", zh: "`{0}` 既不是从开始算起的时间，也不是标记" }
        TimeHint { en: "write \"3s\", or a mark with an offset: \"kill+3s\", \"exhausted-1s\", \"end\"", zh: "写成 \"3s\"，或标记加偏移：\"kill+3s\"、\"exhausted-1s\"、\"end\"" }
        MarkNeverReached { en: "the moment `{0}` never came: the scenario ended at {1} s", zh: "时刻 `{0}` 没有到来：场景在 {1} 秒结束" }
        OneOf { en: "one of: {0}", zh: "可选：{0}" }

        // Budgets.
        BudgetEvents { en: "stopped after {0} events, at {1}", zh: "处理 {0} 个事件后停止，虚拟时间 {1}" }
        BudgetSameInstant { en: "{0} events happened at the same instant, {1}: something repeats without time passing", zh: "同一时刻 {1} 发生了 {0} 个事件：有东西在时间不前进的情况下反复发生" }
        BudgetSockets { en: "more than {0} sockets exist on host `{2}`, at {1}", zh: "主机 `{2}` 上的 socket 超过 {0} 个，虚拟时间 {1}" }
        BudgetPackets { en: "more than {0} packets are in flight, at {1}: a link is slower than what is sent over it", zh: "在途报文超过 {0} 个，虚拟时间 {1}：链路比发送的速度慢" }
        Interrupted { en: "interrupted at {0} of virtual time", zh: "已中断，虚拟时间 {0}" }
        BudgetHint { en: "raise it in the file, `budget.{0}`, or with --set budget.{0}=N", zh: "在文件里调大 `budget.{0}`，或用 --set budget.{0}=N" }

        // Findings: what happened, why.
        PortsExhausted {
            en: "{0} ran out of source ports towards {1}: {2} connection{2:|s}, then {3} at every {4}()",
            zh: "{0} 到 {1} 的源端口用完：建立 {2} 个连接之后，每次 {4}() 都返回 {3}"
        }
        PortsInTimeWait {
            en: "{0} ran out of source ports towards {1}: of the {2} it may use, {3} were in TIME-WAIT and {4} in open connections; {6}() returns {5} until one comes back",
            zh: "{0} 到 {1} 的源端口用完：可用的 {2} 个里，{3} 个在 TIME-WAIT，{4} 个是打开的连接；有端口回来之前 {6}() 返回 {5}"
        }
        PortsExhaustedWhy {
            en: "the range {0}–{1} has {2} ports, {3} of them{3: is| are} reserved, or owned by bound or listening sockets; a leaked socket keeps its port for ever",
            zh: "范围 {0}–{1} 共 {2} 个端口，其中 {3} 个被保留，或被 bind 或监听的 socket 占用；泄漏的 socket 会一直占着端口"
        }
        FdsExhausted {
            en: "{0} reached its soft RLIMIT_NOFILE of {1}: {2} fails with EMFILE",
            zh: "{0} 达到 RLIMIT_NOFILE 软限制 {1}：{2} 返回 EMFILE"
        }
        FilesExhausted {
            en: "host {0} reached fs.file-max = {1}: {2} fails with ENFILE",
            zh: "主机 {0} 达到 fs.file-max = {1}：{2} 返回 ENFILE"
        }
        DescriptorLeak {
            en: "{0} holds {1} socket{1:|s} it will never use again: it lost the descriptor on its error path and never called close()",
            zh: "{0} 持有 {1} 个再也不会使用的 socket：出错路径丢失了描述符，从未调用 close()"
        }
        CloseWaitPile {
            en: "{0} socket{0: is|s are} in CLOSE-WAIT on {1}: the peer closed, the application did not, and no timer ever ends this state",
            zh: "{1} 上有 {0} 个 CLOSE-WAIT：对端已关闭而本地应用没有关闭，这个状态没有任何超时"
        }
        TooManyConnections {
            en: "{0} refused {1} connection{1:|s} with ERR 1040: {2} of max_connections + 1 = {3} slots were held by sessions that never authenticated",
            zh: "{0} 以 ERR 1040 拒绝了 {1} 个连接：max_connections + 1 = {3} 个名额中有 {2} 个被从未认证的会话占住"
        }
        ConnectTimeoutHolds {
            en: "each silent session holds its slot for connect_timeout = {0}",
            zh: "每个沉默的会话占住名额 connect_timeout = {0}"
        }
        SearchBurnsCpu {
            en: "{0} spends {1} % of one CPU in connect(): every call inspects {2} candidate ports and finds none (cost model {3})",
            zh: "{0} 把一个 CPU 的 {1} % 花在 connect() 里：每次调用检查 {2} 个候选端口，一个也没找到（成本模型 {3}）"
        }
        OtherParity {
            en: "after {0} connection{0:|s} all ports of one parity were taken; from then on each connect() first scans {1} used ports",
            zh: "建立 {0} 个连接后，同奇偶的端口全部用完；此后每次 connect() 都要先扫过 {1} 个已用端口"
        }
        OtherParityInTimeWait {
            en: "with {0} ports in TIME-WAIT and {1} in open connections, all of one parity were taken; from then on each connect() first scans {2} used ports",
            zh: "{0} 个端口在 TIME-WAIT、{1} 个是打开的连接时，同奇偶的端口全部用完；此后每次 connect() 都要先扫过 {2} 个已用端口"
        }
        TimeWaitLimit {
            en: "{0} TIME-WAIT socket{0: holds|s hold} the ports: {1} connections/s is the most this range can sustain",
            zh: "{0} 个 TIME-WAIT 占着端口：这个范围最多支撑每秒 {1} 个连接"
        }
        TimeWaitOverflow {
            en: "tcp_max_tw_buckets = {0} was reached {1} time{1:|s}: those sockets went straight to CLOSED",
            zh: "tcp_max_tw_buckets = {0} 被达到 {1} 次：这些 socket 直接进入 CLOSED"
        }
        OrphanLimit {
            en: "tcp_max_orphans = {0} was reached: {1} connection{1: was|s were} reset",
            zh: "达到 tcp_max_orphans = {0}：{1} 个连接被复位"
        }
        AcceptQueueOverflow {
            en: "the accept queue of {0} overflowed {1} time{1:|s}: it holds min(backlog, somaxconn) + 1 = {2}",
            zh: "{0} 的全连接队列溢出 {1} 次：容量是 min(backlog, somaxconn) + 1 = {2}"
        }
        HostBlocked {
            en: "{0} blocked {1} with ERR 1129 after max_connect_errors = {2} failed handshakes in a row",
            zh: "{0} 在连续 max_connect_errors = {2} 次握手失败后，用 ERR 1129 封锁了 {1}"
        }
        ReconnectStorm {
            en: "{0} reconnects {1} time{1:|s} a second, {2} after each failure, without ever backing off",
            zh: "{0} 每秒重连 {1} 次，每次失败后只等 {2}，从不退避"
        }
        Recovered { en: "{0} recovered at {1}: {2}", zh: "{0} 在 {1} 恢复：{2}" }
        NothingRanOut { en: "nothing ran out", zh: "没有任何资源耗尽" }
        TypeThis { en: "what to type", zh: "可以输入" }
    }
}
