//! What the shell says of itself, besides what the real tools say.

crate::messages! {
    /// A sentence of the shell.
    pub enum Says {
        DidYouMean { en: "halfclose: did you mean `{0}`?", zh: "halfclose：是不是想写 `{0}`？" }
        SeeHelp { en: "halfclose: `help` lists what this shell knows", zh: "halfclose：`help` 列出这个 shell 认识的命令" }
        NotSimulated { en: "halfclose: `{0}` is not simulated{1}", zh: "halfclose：没有模拟 `{0}`{1}" }
        OptionNotSimulated { en: "halfclose: `{0}` of {1} is not simulated", zh: "halfclose：没有模拟 {1} 的 `{0}`" }
        NotModelled { en: "halfclose: {0} exists on a real host, but is not modelled here", zh: "halfclose：真实主机上有 {0}，但这里没有建模" }
        NoFiles { en: "halfclose: this shell writes no files; redirect the output of halfclose itself", zh: "halfclose：这个 shell 不写文件；请重定向 halfclose 自己的输出" }
        NoInput { en: "halfclose: `<` is not supported; name the file after the command", zh: "halfclose：不支持 `<`；请把文件写在命令后面" }
        NoBackground { en: "halfclose: nothing runs in the background here; time passes with `advance`", zh: "halfclose：这里没有后台任务；时间用 `advance` 推进" }
        NotAFilter { en: "halfclose: only filters may stand behind `|`: {0}", zh: "halfclose：`|` 后面只能是过滤命令：{0}" }
        NoServer { en: "halfclose: no MySQL server runs in this scenario", zh: "halfclose：这个场景里没有运行 MySQL 服务器" }
        NoAnswer { en: "halfclose: no answer within {0}", zh: "halfclose：{0} 内没有回应" }
        RowsNotSimulated { en: "halfclose: the contents of tables are not simulated; the answer had {0} row{0:|s}", zh: "halfclose：没有模拟表的内容；回答有 {0} 行" }
        AlreadyRunning { en: "; the scenario runs it already: `ps` shows it", zh: "；场景已经在运行它：用 `ps` 查看" }
        UseInstead { en: "; use `{0}`", zh: "；请用 `{0}`" }
        Now { en: "{0} since the start; the host's clock shows {1}", zh: "从开始算起 {0}；主机时钟为 {1}" }
        Advanced { en: "now {0}", zh: "现在 {0}" }
        Became { en: "{0} after {1}: {2} = {3}", zh: "{0}，经过 {1}：{2} = {3}" }
        Never { en: "halfclose: `{0}` did not become true until {1} ({2} = {3}); say how long to look: until \"{0}\" within 1h", zh: "halfclose：到 {1} 为止 `{0}` 一直不成立（{2} = {3}）；可以指定时长：until \"{0}\" within 1h" }
        UntilUsage { en: "usage: until \"METRIC OP NUMBER\" [within DURATION], OP one of > >= < <= == !=; `metrics` lists the metrics", zh: "用法：until \"指标 运算符 数值\" [within 时长]，运算符为 > >= < <= == !=；`metrics` 列出指标" }
        AdvanceUsage { en: "usage: advance DURATION (10s, 1.5ms, 2min), or advance MOMENT (kill+3s, exhausted, end)", zh: "用法：advance 时长（10s、1.5ms、2min），或 advance 时刻（kill+3s、exhausted、end）" }
        Past { en: "halfclose: {0} has passed already; time only goes forward here", zh: "halfclose：{0} 已经过去；这里时间只能向前" }
        NoHost { en: "halfclose: no host is called `{0}`; there are: {1}", zh: "halfclose：没有名为 `{0}` 的主机；有：{1}" }
        SessionOrProcess { en: "halfclose: {0} is neither a process of this host nor a session of the server", zh: "halfclose：{0} 既不是这台主机的进程，也不是服务器的会话" }
        NothingFound { en: "halfclose: there is nothing about `{0}`", zh: "halfclose：没有关于 `{0}` 的说明" }
        Depth { en: "halfclose: substitutions are nested too deep", zh: "halfclose：命令替换嵌套太深" }
        BuiltInOption { en: "halfclose: the built-in {0} does not know `{1}`", zh: "halfclose：内置的 {0} 不认识 `{1}`" }
        BuiltInFilter { en: "halfclose: `{0}` is not among the built-in filters: {1}", zh: "halfclose：内置过滤命令里没有 `{0}`；有：{1}" }
        Help {
            en: "Hosts are simulated; commands print what the real tools would.\n\n  sockets    ss [-tuanlpoesH46] [state S] [FILTER]   netstat [-anopletu]   nstat [-az] [NAME]\n  files      cat FILE   ls [-l] DIR   cd DIR   /proc/PID/{limits,fd,comm}  /proc/net/{tcp,sockstat}  /proc/sys/…\n  limits     sysctl [-a] [-w] NAME[=VALUE]   ulimit [-a] [-S|-H] [-n]   prlimit --pid PID [--nofile=S:H]\n  processes  ps   pidof NAME   pgrep NAME   kill [-9] PID   pkill NAME\n  watching   sar [-P ALL] [SECONDS [N]]   perf top|trace [-s] [-p PID] [-- sleep N]   strace -p PID   tcpdump [port P]\n  MySQL      SHOW …;  KILL n;  SET GLOBAL x = y;   or mysql -e \"…\", mysqladmin, or `mysql` for its prompt\n  time       now   advance 10s   advance kill+3s   until \"client.tcp.close_wait > 100\" [within 1h]\n  world      hosts   host NAME   metrics [PATTERN]   findings   explain WORD   exit\n\nPipe into {0}. {1}",
            zh: "主机是模拟的；命令输出与真实工具一致。\n\n  套接字  ss [-tuanlpoesH46] [state S] [过滤式]   netstat [-anopletu]   nstat [-az] [名称]\n  文件    cat 文件   ls [-l] 目录   cd 目录   /proc/PID/{limits,fd,comm}  /proc/net/{tcp,sockstat}  /proc/sys/…\n  限制    sysctl [-a] [-w] 名称[=值]   ulimit [-a] [-S|-H] [-n]   prlimit --pid PID [--nofile=软:硬]\n  进程    ps   pidof 名称   pgrep 名称   kill [-9] PID   pkill 名称\n  观察    sar [-P ALL] [秒 [次数]]   perf top|trace [-s] [-p PID] [-- sleep N]   strace -p PID   tcpdump [port P]\n  MySQL   SHOW …;  KILL n;  SET GLOBAL x = y;   或 mysql -e \"…\"、mysqladmin，或用 `mysql` 进入提示符\n  时间    now   advance 10s   advance kill+3s   until \"client.tcp.close_wait > 100\" [within 1h]\n  世界    hosts   host 名称   metrics [模式]   findings   explain 词   exit\n\n可以用管道接 {0}。{1}"
        }
        Views { en: "The views of `halfclose show` work by name: {0}.", zh: "`halfclose show` 的各个视图可直接用名字：{0}。" }
    }
}
