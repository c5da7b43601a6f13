//! What checks say, in both languages.

crate::messages! {
    /// A sentence of a check.
    pub enum Words {
        // Faults.
        KillSession { en: "the server kills the client's oldest session", zh: "服务器杀掉客户端最老的会话" }
        KillAll { en: "the server kills every session of the client", zh: "服务器杀掉客户端的所有会话" }
        Restart { en: "the server dies and is started again {0} later", zh: "服务器进程死亡，{0} 后重新启动" }
        PowerLoss { en: "the server's host loses power and is up again {0} later", zh: "服务器主机断电，{0} 后恢复" }
        Pause { en: "the server hangs for {0}", zh: "服务器挂起 {0}" }
        Partition { en: "the network is cut for {0}", zh: "网络中断 {0}" }
        LossUp { en: "for {0} every packet to the server is lost", zh: "{0} 内发往服务器的报文全部丢失" }
        LossDown { en: "for {0} every packet from the server is lost", zh: "{0} 内服务器发出的报文全部丢失" }
        DnsStall { en: "the name server does not answer for {0}", zh: "域名服务器 {0} 内不应答" }
        Refuse { en: "for {0} new connections are refused", zh: "{0} 内新连接被拒绝" }
        BlackHole { en: "for {0} new connections are not answered", zh: "{0} 内新连接得不到应答" }
        KillClient { en: "the client is killed and started again {0} later", zh: "客户端进程被杀死，{0} 后重新启动" }
        FewPorts { en: "for {0} the client's host has {1} source ports", zh: "{0} 内客户端主机只有 {1} 个源端口" }
        FewFds { en: "for {0} the process may have {1} descriptors", zh: "{0} 内进程最多有 {1} 个描述符" }
        Burst { en: "for {0} many more clients connect at once", zh: "{0} 内有大量客户端同时连接" }

        // Why a property does not hold.
        OldCloseWait { en: "a connection has been in CLOSE_WAIT for {0}{1}", zh: "有连接停在 CLOSE_WAIT 已 {0}{1}" }
        Fds { en: "{0} descriptor{0: is|s are} open {1} after the last fault; before the first there were at most {2}{3}", zh: "最后一个故障过去 {1} 后仍打开着 {0} 个描述符；第一个故障之前最多 {2} 个{3}" }
        Ports { en: "{0} source ports are in use, more than {1}", zh: "占用了 {0} 个源端口，超过 {1} 个" }
        Storm { en: "{0} connect() calls within {1}, more than {2}", zh: "{1} 内调用了 {0} 次 connect()，超过 {2} 次" }
        NotTold { en: "{0} was returned {1} ago, and the caller has not been told", zh: "{1} 前返回过 {0}，调用者没有得到通知" }
        NotServed { en: "the last fault was over {0} ago, and in ten seconds {1} requests are served; it was {2} before the first", zh: "最后一个故障已过去 {0}，十秒内只有 {1} 个请求得到服务；第一个故障之前是 {2} 个" }
        Ended { en: "the program has ended, with status {0}", zh: "程序已经退出，状态 {0}" }
        DeadUse { en: "a request failed on a connection that had been dead for {0} when it was sent", zh: "请求发送在一条已经断开 {0} 的连接上，因此失败" }
        Slots { en: "{0} session{0:|s} of the server {0:has|have} not logged in, more than {1}", zh: "服务器上有 {0} 个会话尚未登录，超过 {1} 个" }
        By { en: "; {0}", zh: "；{0}" }

        // A counterexample's story.
        Title { en: "`{0}` does not hold (case {1}; {2} simpler cases tried)", zh: "`{0}` 不成立（第 {1} 个用例；尝试了 {2} 个更简单的用例）" }
        World { en: "seed {0}; {1} source ports, RLIMIT_NOFILE {2}, max_connections {3}, connect_timeout {4} s, wait_timeout {5} s, {6} us each way, {7}/1000 lost", zh: "种子 {0}；源端口 {1} 个，RLIMIT_NOFILE {2}，max_connections {3}，connect_timeout {4} 秒，wait_timeout {5} 秒，单程 {6} 微秒，丢包 {7}/1000" }
        Nothing { en: "no fault is needed", zh: "不需要任何故障" }
        Run { en: "run it:  halfclose run FILE      (FILE: the scenario below)", zh: "运行：  halfclose run FILE      （FILE：下面的场景）" }
        Web { en: "see it:  halfclose web '{0}'", zh: "查看：  halfclose web '{0}'" }
        WebLong { en: "see it:  halfclose web FILE      (the link is {0} characters long)", zh: "查看：  halfclose web FILE      （链接长 {0} 个字符）" }
        Again { en: "keep it: Check::regression_file(include_str!(FILE)) runs it first", zh: "保留：  Check::regression_file(include_str!(FILE)) 会先运行它" }

        // Two runs that differ.
        Differs { en: "two runs of the same case differ from event {0} on, at {1} s", zh: "同一个用例的两次运行从第 {0} 个事件起不同，时刻 {1} 秒" }
        First { en: "  undisturbed: {0}", zh: "  未受干扰：{0}" }
        Second { en: "  disturbed:   {0}", zh: "  受干扰：  {0}" }
        NoMore { en: "nothing more", zh: "没有后续" }
        Task { en: "  the task: {0}", zh: "  任务：{0}" }
        Why { en: "The program decides by something that is not part of the simulation: std::time::Instant or SystemTime, the order of a HashMap, an address, a thread, tokio::select! without `biased`.", zh: "程序依据了模拟之外的东西：std::time::Instant 或 SystemTime、HashMap 的顺序、内存地址、线程、没有 `biased` 的 tokio::select!。" }
    }
}
