//! The words of the charts.

crate::messages! {
    /// Titles, axes, lines and captions.
    pub enum ChartText {
        Sockets { en: "Sockets by state", zh: "各状态的套接字数" }
        Ports { en: "Source ports in use, by parity", zh: "已用源端口，按奇偶" }
        ConnectCost { en: "What each connect() inspects", zh: "每次 connect() 查看的候选端口" }
        ConnectRate { en: "Attempts to connect", zh: "连接尝试的频率" }
        Descriptors { en: "Open descriptors against their limits", zh: "已打开的描述符与上限" }
        Server { en: "Sessions of the server, and whom it turns away", zh: "服务器的会话与被拒绝的连接" }

        YSockets { en: "sockets", zh: "套接字数" }
        YPorts { en: "ports", zh: "端口数" }
        YCandidates { en: "candidates", zh: "候选端口数" }
        YRate { en: "per second", zh: "每秒次数" }
        YDescriptors { en: "descriptors", zh: "描述符数" }
        YSessions { en: "sessions", zh: "会话数" }

        XTime { en: "virtual time", zh: "虚拟时间" }
        XAttempt { en: "attempt to connect, by number", zh: "第几次连接尝试" }

        Host { en: "on {0}", zh: "主机 {0}" }
        Towards { en: "{0} on {1}, towards {2}", zh: "{1} 上的 {0}，目的地 {2}" }
        ProcessOn { en: "{0} on {1}", zh: "{1} 上的 {0}" }
        RefusedBy { en: "turned away by {0}", zh: "被 {0} 拒绝的连接" }

        Same { en: "parity of {0} ({1})", zh: "与 {0} 同奇偶（{1}）" }
        Other { en: "other parity ({0})", zh: "另一半（{0}）" }
        Even { en: "even", zh: "偶数" }
        Odd { en: "odd", zh: "奇数" }
        Usable { en: "usable of each parity", zh: "每种奇偶可用的端口" }
        UsableSame { en: "usable, {0}", zh: "可用（{0}）" }
        Mean { en: "mean of the attempts taken together", zh: "一组尝试的平均值" }
        Most { en: "most by one attempt", zh: "单次尝试的最大值" }
        Found { en: "found a port, SYN sent", zh: "找到端口并发出 SYN" }
        NoPort { en: "EADDRNOTAVAIL", zh: "EADDRNOTAVAIL" }
        NoFile { en: "EMFILE or ENFILE", zh: "EMFILE 或 ENFILE" }
        OpenOf { en: "open in {0}", zh: "{0} 已打开" }
        SoftOf { en: "soft RLIMIT_NOFILE of {0}", zh: "{0} 的软限制 RLIMIT_NOFILE" }
        Connected { en: "Threads_connected", zh: "Threads_connected" }
        Silent { en: "not authenticated", zh: "未认证" }
        Slots { en: "max_connections + 1", zh: "max_connections + 1" }
        Refused { en: "ERR 1040 per second", zh: "每秒 ERR 1040 次数" }

        Kill { en: "KILL", zh: "KILL" }
        Exhausted { en: "exhausted", zh: "耗尽" }
        Knee { en: "other parity", zh: "换到另一半" }
        FirstVain { en: "no port", zh: "无端口" }

        NoSockets { en: "No connection was ever made.", zh: "没有建立过连接。" }
        Stays { en: "{0}: {1} reaches {2} at {3} and stays there to the end.", zh: "{0}：{1} 在 {3} 达到 {2}，直到结束。" }
        Peaks { en: "{0}: {1} peaks at {2} at {3} and is {4} at the end.", zh: "{0}：{1} 在 {3} 达到峰值 {2}，结束时为 {4}。" }
        Quiet { en: "From {0} to the end at {1} nothing changes.", zh: "从 {0} 到结束（{1}）再无变化。" }
        PortsBefore {
            en: "connect() takes the {0} ports of {1}'s parity first.",
            zh: "connect() 先用与 {1} 同奇偶的 {0} 个端口。"
        }
        PortsKnee {
            en: "The knee is at {0}, when those {1} are taken: from there on a search first walks the half that is full.",
            zh: "拐点在 {0}，这 {1} 个用完之时：此后的搜索都先走完已满的那一半。"
        }
        PortsGone { en: "At {0} none is left: EADDRNOTAVAIL.", zh: "{0} 时一个不剩：EADDRNOTAVAIL。" }
        PortsEnd { en: "At the end {0} of {1} are in use; the most was {2}.", zh: "结束时 {1} 个中用了 {0} 个，最多时为 {2} 个。" }
        CostOf {
            en: "{0} attempt{0:|s}; one candidate costs {1} ns of CPU time in the cost model {2}.",
            zh: "共 {0} 次尝试；按成本模型 {2}，每个候选端口占用 CPU {1} ns。"
        }
        CostEnds { en: "The picture ends at attempt {0}.", zh: "图只画到第 {0} 次尝试。" }
        CostEased {
            en: "Before the knee a search inspects {0} on average, after it {1}: at times a full half has to be walked first.",
            zh: "拐点之前一次搜索平均查看 {0} 个，之后 {1} 个：有时要先走完已满的一半。"
        }
        CostFree { en: "{0} attempt{0:|s}.", zh: "共 {0} 次尝试。" }
        CostKnee {
            en: "Before the knee a search inspects {0} on average, after it {1}: a full half has to be walked first.",
            zh: "拐点之前一次搜索平均查看 {0} 个，之后 {1} 个：要先走完已满的一半。"
        }
        CostVain {
            en: "Attempt {0} is the first that inspects all {1} in vain; {2} do so in all.",
            zh: "第 {0} 次尝试首次查遍 {1} 个仍无所获；共有 {2} 次如此。"
        }
        CostMean { en: "A search inspects {0} on average.", zh: "一次搜索平均查看 {0} 个。" }
        RateOf {
            en: "At most {0} call{0:|s} of connect() in one second; of {1} in all {2} found a port.",
            zh: "一秒内最多 {0} 次 connect()；共 {1} 次，其中 {2} 次找到端口。"
        }
        RateOfOne { en: "One call of connect().", zh: "只有一次 connect()。" }
        RateNoPort { en: "{0} failed with EADDRNOTAVAIL.", zh: "{0} 次因 EADDRNOTAVAIL 失败。" }
        RateNoFile { en: "{0} call{0:|s} failed for want of a descriptor.", zh: "{0} 次调用因没有描述符而失败。" }
        RateFixed {
            en: "The client waits {0} after each failure, whatever happens: one failure becomes a storm.",
            zh: "客户端每次失败后固定等 {0}：一次失败变成一场风暴。"
        }
        FdOf {
            en: "{0} has at most {1} open, {2}% of its soft limit {3}, and {4} at the end.",
            zh: "{0} 最多打开 {1} 个，占软限制 {3} 的 {2}%，结束时 {4} 个。"
        }
        FdFull { en: "{0} reaches its soft limit {1} at {2}: EMFILE.", zh: "{0} 在 {2} 达到软限制 {1}：EMFILE。" }
        FdAbove { en: "The limit of {0} lies above the picture.", zh: "{0} 的上限在图外。" }
        ServerFull {
            en: "At {0} all {1} places are taken.",
            zh: "{0} 时 {1} 个名额全部占满。"
        }
        ServerSilent {
            en: "At most {0} session{0:|s} at once {0:has|have} not authenticated.",
            zh: "同时最多有 {0} 个会话尚未认证。"
        }
        ServerChanged { en: "max_connections becomes {0} at {1}.", zh: "{1} 时 max_connections 变为 {0}。" }
        ServerFree { en: "At most {0} of {1} places are taken.", zh: "最多占用 {1} 个名额中的 {0} 个。" }
        ServerRefused { en: "{0} connection{0: is|s are} turned away with ERR 1040.", zh: "{0} 个连接被 ERR 1040 拒绝。" }
        OverlayCaption {
            en: "Solid colours are {0}, dashes are {1}; the seed is the same.",
            zh: "实线为 {0}，虚线为 {1}；种子相同。"
        }
        OverlayCaptionSeeds {
            en: "Solid colours are {0}, dashes are {1}; the seeds differ.",
            zh: "实线为 {0}，虚线为 {1}；种子不同。"
        }
    }
}
