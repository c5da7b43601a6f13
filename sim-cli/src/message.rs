//! What the program itself says, in both languages. The story has its own
//! catalogue beside its data.

halfclose::messages! {
    /// A sentence of the program.
    pub enum Say {
        Error { en: "error", zh: "错误" }
        Interrupted { en: "interrupted", zh: "已中断" }
        CannotRead { en: "{0}: {1}", zh: "{0}：{1}" }
        CannotWrite { en: "cannot write the output: {0}", zh: "无法写出结果：{0}" }
        NoSuchSource { en: "`{0}` is neither a file nor a preset", zh: "`{0}` 既不是文件，也不是预设场景" }
        DidYouMean { en: "did you mean {0}?", zh: "是不是想写 {0}？" }
        SeePresets { en: "`halfclose presets` lists the presets", zh: "`halfclose presets` 列出所有预设场景" }
        TwoToStdout { en: "--json and --trace - both want stdout", zh: "--json 与 --trace - 都要占用标准输出" }
        NoSuchState { en: "`{0}` is not a state of TCP", zh: "`{0}` 不是 TCP 状态" }
        BinaryToTerminal { en: "a capture is binary: write it to a file, or pipe it into tshark -r -", zh: "抓包是二进制数据：请写入文件，或用管道交给 tshark -r -" }
        EndsBeforeItBegins { en: "--to {0} is at {1} s, before --from, {2} s", zh: "--to {0} 是 {1} 秒，早于 --from 的 {2} 秒" }
        PacketsWritten { en: "{0} packet{0:|s} written to {1}", zh: "已把 {0} 个报文写入 {1}" }
        RowsWritten { en: "{0} row{0:|s} written to {1}", zh: "已把 {0} 行写入 {1}" }
        UnknownWord { en: "nothing is known about `{0}`", zh: "没有关于 `{0}` 的说明" }
        SeeExplain { en: "`halfclose explain` lists the words", zh: "`halfclose explain` 列出所有词条" }
        FindingsByName { en: "finding", zh: "发现" }
        Questions { en: "Questions", zh: "常见问题" }
        ExplainUsage {
            en: "`halfclose explain WORD`, `halfclose explain q10`, or a question in your own words",
            zh: "`halfclose explain 词`、`halfclose explain q10`，或直接输入问题"
        }
        FileOk { en: "{0}: ok", zh: "{0}：没有问题" }
        ProblemCount { en: "{0}: {1} problem{1:|s}", zh: "{0}：{1} 个问题" }
        RunHeader {
            en: "{0}: seed {1}, {2} events, {3} s of virtual time",
            zh: "{0}：种子 {1}，{2} 个事件，虚拟时间 {3} 秒"
        }
        Digest { en: "digest {0}", zh: "摘要 {0}" }
        Expectations { en: "Expectations", zh: "预期" }
        ExpectationsHeld { en: "{0} of {1} hold", zh: "{1} 项中 {0} 项成立" }
        Expected { en: "expected {0}, got {1}", zh: "预期 {0}，实际 {1}" }
        Findings { en: "What happened", zh: "发生了什么" }
        NoFindings { en: "nothing ran out", zh: "没有任何资源耗尽" }
        TypeThis { en: "see", zh: "查看" }
        NotASpan { en: "`{0}` is no span of time, such as 1s or 100ms", zh: "`{0}` 不是一段时间，例如 1s 或 100ms" }
        Modelled { en: "# model, not mechanism: {0}", zh: "# 属于模型而非机制：{0}" }
        ShellBegins { en: "# simulated: {0} at {1}, host {2}; `help` lists the commands", zh: "# 模拟：{0}，时刻 {1}，主机 {2}；输入 `help` 查看命令" }
        ShellFilter { en: "cannot run {0}: {1}", zh: "无法运行 {0}：{1}" }
        Simulated { en: "# simulated: {0} at {1}", zh: "# 模拟：{0}，时刻 {1}" }
        CommandUnknown { en: "no command is called `{0}`", zh: "没有名为 `{0}` 的命令" }
        ArgumentUnknown { en: "no argument is called `{0}`", zh: "没有名为 `{0}` 的参数" }
        ArgumentMissing { en: "missing: {0}", zh: "缺少参数：{0}" }
        ArgumentConflict { en: "`{0}` cannot be used with `{1}`", zh: "`{0}` 不能与 `{1}` 同时使用" }
        ValueMissing { en: "`{0}` needs a value", zh: "`{0}` 需要一个值" }
        ValueInvalid { en: "`{0}` is not a value of {1}", zh: "`{0}` 不是 {1} 的有效值" }
        ValidValues { en: "possible: {0}", zh: "可选：{0}" }
        SeeHelp { en: "`halfclose --help` shows how it is used", zh: "用法见 `halfclose --help`" }
        TimelineEntry { en: "timeline entry {0}, at {1} s: {2}", zh: "时间线第 {0} 项，{1} 秒：{2}" }
        CarriedOut { en: "carried out", zh: "执行" }
        ScriptPass { en: "pass", zh: "通过" }
        ScriptFail { en: "fail", zh: "失败" }
        ScriptInvalid { en: "invalid", zh: "无效" }
        ScriptUnsupported { en: "unsupported", zh: "不支持" }
        ScriptExpected { en: "expected {0}", zh: "预期 {0}" }
        ScriptGot { en: "got      {0}", zh: "实际 {0}" }
        ScriptLeftOver { en: "left over: {0}", zh: "脚本之外的报文段：{0}" }
        ScriptNotStrict { en: "not with tolerance 0", zh: "容差为 0 时不通过" }
        ScriptsPassed { en: "{0} of {1} passed", zh: "{1} 个中 {0} 个通过" }
        CannotListen { en: "cannot listen on port {0}: {1}", zh: "无法监听端口 {0}：{1}" }
        NoSite {
            en: "no page is built into this program, and none is in target/site: `cargo xtask site` builds it, or give --site DIR",
            zh: "程序里没有内置页面，target/site 里也没有：用 `cargo xtask site` 构建，或给出 --site 目录"
        }
        NoSiteThere { en: "{0} has no index.html: `cargo xtask site` builds the page", zh: "{0} 里没有 index.html：用 `cargo xtask site` 构建页面" }
        AtOfLink { en: "--at goes with a scenario; a link has its own moment (t=…)", zh: "--at 用于场景；链接自带时刻（t=…）" }
        WebServes { en: "open it in a browser; Ctrl-C stops", zh: "请在浏览器中打开；按 Ctrl-C 停止" }
        LabNeedsLinux { en: "the lab needs Linux: it runs scenarios on the real kernel", zh: "实验室需要 Linux：它在真实内核上运行场景" }
        LabImpossible { en: "the lab cannot do this for real: {0}", zh: "实验室无法真实地做到：{0}" }
        LabBroken { en: "the experiment broke off: {0}", zh: "实验中断：{0}" }
        NothingToDraw { en: "{0}: this run has nothing to show there", zh: "{0}：这次运行没有可画的内容" }
        NoSuchPicture { en: "no picture is called `{0}`", zh: "没有名为 `{0}` 的图" }
        NoConnectionOf { en: "no connection was made from port {0} among the first {1}", zh: "前 {1} 个连接中没有使用端口 {0} 的" }
        AttemptNeverMade { en: "the run makes {0} attempt{0:|s} to connect; there is no attempt {1}", zh: "这次运行共有 {0} 次连接尝试，没有第 {1} 次" }
        NoClient { en: "no process of this scenario ever connects", zh: "这个场景中没有进程发起连接" }
        NoPng {
            en: "this build draws SVG only: build it with `--features png`, or convert: rsvg-convert {0} > {1}",
            zh: "这个版本只能画 SVG：请用 `--features png` 编译，或转换：rsvg-convert {0} > {1}"
        }
        CannotRasterise { en: "the picture cannot be drawn as PNG: {0}", zh: "无法把图画成 PNG：{0}" }
        DiffHeader { en: "{0}, seed {1}, against {2}, seed {3}", zh: "{0}（种子 {1}）与 {2}（种子 {3}）" }
        DiffSame { en: "both runs are the same, record by record: digest {0}", zh: "两次运行逐条记录相同：摘要 {0}" }
        DiffParts { en: "They part at {0} s", zh: "两者在 {0} 秒分开" }
        DiffCommon { en: "both, just before", zh: "此前两者相同" }
        DiffNoMore { en: "nothing more happens", zh: "再无事件" }
        DiffMetrics { en: "Numbers that differ at the end: {0} of {1}", zh: "结束时不同的数字：{1} 个中 {0} 个" }
        DiffMore { en: "{0} more: --all lists them", zh: "还有 {0} 个：--all 全部列出" }
        DiffFindings { en: "What was found", zh: "发现" }
        DiffOnly { en: "only in {0}", zh: "仅 {0}" }
        DiffChanged { en: "in both, with other numbers", zh: "两者都有，数字不同" }
        DiffUnchanged { en: "in both", zh: "两者都有" }
        DiffNothingToCompare {
            en: "name two scenarios, or change the one: --set KEY=VALUE, --other-seed N",
            zh: "请给出两个场景，或修改其中一个：--set KEY=VALUE、--other-seed N"
        }
        ReportWritten { en: "report written to {0}", zh: "报告已写入 {0}" }
        MomentNeverCame { en: "the moment never came", zh: "时刻没有到来" }
    }
}

halfclose::messages! {
    /// What the planning commands say: capacity, sweep, advise.
    pub enum Planning {
        CapacityTitle { en: "{0}: which limit binds first, second, third", zh: "{0}：哪个限制最先起作用，哪个第二，哪个第三" }
        NoDemand {
            en: "No client here whose demand a formula can tell: sysbench, reconnect and pool have one, scripts do not. `halfclose run` simulates them.",
            zh: "这里没有能用公式描述需求的客户端：sysbench、reconnect 和 pool 有，script 没有。可用 `halfclose run` 模拟。"
        }
        RankedBy {
            en: "From formulas, in the order in which they bind; ≈ marks estimates.",
            zh: "由公式得出，按起作用的先后排列；≈ 表示估计值。"
        }
        HeadRank { en: "#", zh: "序" }
        HeadLimit { en: "limit", zh: "限制" }
        HeadThereAre { en: "there are", zh: "共有" }
        HeadTaken { en: "the clients take", zh: "客户端占用" }
        HeadBinds { en: "it binds", zh: "何时起作用" }
        HeadSign { en: "sign", zh: "表现" }
        Derivations { en: "The formulas, with the numbers put in", zh: "公式，代入数字" }
        ReuseTable {
            en: "Connections a second through TIME_WAIT, by who closes first and by tcp_tw_reuse",
            zh: "经过 TIME_WAIT 的每秒连接数：看谁先关闭，以及 tcp_tw_reuse"
        }
        HeadClosesFirst { en: "closes first", zh: "先关闭的一方" }
        HeadReuse { en: "tcp_tw_reuse", zh: "tcp_tw_reuse" }
        HeadAway { en: "a port is away", zh: "端口不可用的时间" }
        HeadRate { en: "connections/s", zh: "每秒连接数" }
        NoLimitFromPorts { en: "not limited by ports", zh: "不受端口限制" }
        TheClient { en: "client", zh: "客户端" }
        TheServer { en: "server", zh: "服务器" }
        CostTable { en: "CPU time of one connect(), by ports taken (cost model)", zh: "一次 connect() 的 CPU 时间，按端口占用比例（成本模型）" }
        HeadTakenPercent { en: "taken", zh: "已占用" }
        HeadCandidates { en: "candidates", zh: "检查的候选数" }
        HeadCost { en: "connect()", zh: "connect()" }
        HeadPerCore { en: "fill one core at", zh: "占满一个核的每秒次数" }
        SlotTable {
            en: "Slots held by clients that do not log in: R · T, and the share refused, 1 − max_connections / (R · T)",
            zh: "不登录的客户端占用的名额：R · T；被拒绝的比例：1 − max_connections / (R · T)"
        }
        HeadHeld { en: "slots wanted", zh: "想占的名额" }
        HeadRefused { en: "refused (ERR 1040)", zh: "被拒绝（ERR 1040）" }
        BackOffTable { en: "Attempts of {0} client(s) on a dead server, by back-off", zh: "服务器失效后 {0} 个客户端的尝试次数，按退避策略" }
        HeadPolicy { en: "wait between attempts", zh: "两次尝试的间隔" }
        HeadFirstSecond { en: "first second", zh: "第一秒" }
        HeadFirstMinute { en: "first minute", zh: "第一分钟" }
        HeadSteady { en: "then, a second", zh: "此后每秒" }
        ThisScenario { en: "this scenario", zh: "本场景" }
        FromSimulation { en: "The same from simulation (seed {0})", zh: "同样的问题，由模拟得出（种子 {0}）" }
        WallMet { en: "wall {0}: {1} after {3}, with {2} connection{2:|s} open", zh: "第 {0} 堵墙：{3} 之后出现 {1}，当时打开着 {2} 个连接" }
        WallMetInTimeWait {
            en: "wall {0}: {1} after {3}, with {2} connection{2:|s} open and {4} ports in TIME_WAIT",
            zh: "第 {0} 堵墙：{3} 之后出现 {1}，当时打开着 {2} 个连接，{4} 个端口在 TIME_WAIT"
        }
        AdminOpen {
            en: "Sessions at admin_port, {0}, are counted against none of this: an administrator gets in.",
            zh: "管理端口 {0} 上的会话不计入以上名额：管理员总能登录。"
        }
        AdminClosed {
            en: "No admin_port is open (admin_address is not set): past max_connections + 1 an administrator is refused too.",
            zh: "没有打开管理端口（没有设置 admin_address）：超过 max_connections + 1 之后，管理员也会被拒绝。"
        }
        AdminUnknown {
            en: "This server has no admin_port (MySQL has one since 8.0.14): past max_connections + 1 an administrator is refused too.",
            zh: "这个服务器没有管理端口（MySQL 从 8.0.14 起才有）：超过 max_connections + 1 之后，管理员也会被拒绝。"
        }
        NoWall { en: "wall {0}: none within {1}", zh: "第 {0} 堵墙：{1} 之内没有碰到" }
        HeadQuantity { en: "quantity", zh: "量" }
        HeadFormula { en: "formula", zh: "公式" }
        HeadSimulated { en: "simulated", zh: "模拟" }
        HeadGap { en: "why they differ", zh: "差别的原因" }
        AdviceTitle { en: "{0}: what cures it, what only moves the wall (seed {1})", zh: "{0}：什么能治好，什么只是把墙往后移（种子 {1}）" }
        AsItIs { en: "As it is: {0} after {1}, with {2} connections open.", zh: "现状：{1} 之后出现 {0}，当时打开着 {2} 个连接。" }
        AsItIsInTimeWait {
            en: "As it is: {0} after {1}, with {2} connection{2:|s} open and {3} ports in TIME_WAIT.",
            zh: "现状：{1} 之后出现 {0}，当时打开着 {2} 个连接，{3} 个端口在 TIME_WAIT。"
        }
        NoTrouble { en: "Nothing runs out within {0}: no remedy is needed.", zh: "{0} 之内没有任何东西用完：不需要补救。" }
        NoErrorYet { en: "No error within {0}, but it is not well: {1} descriptors are open.", zh: "{0} 之内没有出错，但情况不正常：打开着 {1} 个描述符。" }
        Tonight { en: "Tonight", zh: "今晚" }
        Tomorrow { en: "Tomorrow", zh: "明天" }
        DoesNotHelp { en: "Does not help", zh: "没有用" }
        NothingKnown { en: "nothing known", zh: "没有已知的办法" }
        Cost { en: "costs: {0}", zh: "代价：{0}" }
        EffectCures { en: "the client works, nothing fails and nothing piles up", zh: "客户端正常工作，没有失败，也没有积压" }
        EffectClears { en: "ports and descriptors are free at once; it comes back with the next fault", zh: "端口和描述符立刻释放；下一次故障又会重来" }
        EffectStops { en: "nothing piles up any more, but the client is not served", zh: "不再积压，但客户端仍得不到服务" }
        EffectAdmin { en: "an administrator gets in; the client's trouble stays", zh: "管理员能登录；客户端的问题依旧" }
        EffectNothing { en: "as before", zh: "与之前一样" }
        EffectSame { en: "does not move the wall: {0} after {1}", zh: "墙没有移动：{1} 后出现 {0}" }
        EffectMoves { en: "moves the wall: {0} after {1} instead of {2}, with {3} connection{3:|s}", zh: "只是移动了墙：{1} 后出现 {0}（原来 {2}），当时 {3} 个连接" }
        EffectLater { en: "moves the wall beyond {0}; still {1} descriptors more a second", zh: "把墙移到 {0} 之后；描述符仍以每秒 {1} 个的速度增加" }
        EffectProjected {
            en: "moves the wall beyond {0}; descriptors still grow by {1} a second, and by the formula {2} comes after {3}",
            zh: "把墙移到 {0} 之后；描述符仍以每秒 {1} 个的速度增加，按公式 {3} 后出现 {2}"
        }
        VerdictNone { en: "Nothing tried here cures it.", zh: "这里试过的办法都治不好。" }
        VerdictTogether { en: "No single remedy cures it; the combinations above do.", zh: "单独一项都治不好；上面的组合可以。" }
        VerdictOnly { en: "Only this cures it: {0}. Every other knob moves the wall or does nothing.", zh: "只有这一项能治好：{0}。其他开关要么只是移动墙，要么没有作用。" }
        VerdictSeveral { en: "Each of these cures it: {0}.", zh: "以下任何一项都能治好：{0}。" }
        SweepPoints { en: "{0} of {1} units of {2}", zh: "{2}：共 {1} 个单元，本次 {0} 个" }
        SweepShard { en: "shard {0} of {1} (from 0)", zh: "分片 {0}/{1}（从 0 数起）" }
        SweepThreshold { en: "each is bisected in at most {0} runs", zh: "每个单元用二分法，最多运行 {0} 次" }
        SweepAllKnown { en: "nothing to run: all {0} points are known", zh: "没有要运行的：{0} 个点的结果都已经有了" }
        SweepLeft { en: "{0} runs to do, {1} at once", zh: "要运行 {0} 次，同时 {1} 个" }
        SweepLeftAtMost { en: "at most {0} runs to do, {1} at once", zh: "最多要运行 {0} 次，同时 {1} 个" }
        SweepTimed { en: "timed:", zh: "测得：" }
        SweepTimedDry { en: "timed and thrown away:", zh: "测得（结果不保留）：" }
        SweepRun { en: "seed {0}, {1}", zh: "种子 {0}，{1}" }
        SweepEstimate { en: "estimate: {0} for the rest ({1} of {2} runs)", zh: "估计：其余还需要 {0}（{2} 次运行中的 {1} 次）" }
        SweepEstimateAtMost { en: "estimate: at most {0} for the rest (at most {1} of {2} runs)", zh: "估计：其余最多需要 {0}（{2} 次运行中最多 {1} 次）" }
        SweepMemory { en: "memory: about {0} MiB ({1} at once)", zh: "内存：约 {0} MiB（同时 {1} 个）" }
        SweepTooManyRuns {
            en: "{0} runs are more than --max-points {1}: nothing was run",
            zh: "{0} 次运行超过 --max-points {1}：没有运行"
        }
        SweepTooLong {
            en: "the estimate of {0} is more than --max-time {1}: nothing more was run",
            zh: "估计需要 {0}，超过 --max-time {1}：没有继续运行"
        }
        SweepOutOfTime {
            en: "stopped at --max-time {0}: what was finished is in {1}; the same command goes on there",
            zh: "到了 --max-time {0}，已停止：完成的结果在 {1} 里；再运行同一条命令会接着做"
        }
        SweepBusy { en: "{0} is being written by another sweep", zh: "另一个 sweep 正在写 {0}" }
        SweepNotResults {
            en: "{0} is there and holds no results of a sweep: choose another output, or remove it",
            zh: "{0} 已存在，但不是 sweep 的结果：请换一个输出文件，或删除它"
        }
        SweepWritten { en: "{0} units written to {1}", zh: "已把 {0} 个单元写入 {1}" }
        SweepNothingToDraw {
            en: "nothing to draw: no key of the plan has more than one value",
            zh: "没有可画的：计划里没有任何键有一个以上的取值"
        }
        Resuming { en: "going on: {0} points are known from before", zh: "继续：已有 {0} 个点的结果" }
        PointFailed { en: "point {0}, seed {1}:", zh: "点 {0}，种子 {1}：" }
        BadTime { en: "`{0}` is no time: write \"90s\", \"10min\", \"2h\"", zh: "`{0}` 不是时间：写 \"90s\"、\"10min\"、\"2h\"" }
        BadShard {
            en: "`{0}` is no shard: write I/N with I from 0 to N - 1, or N alone where SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX is set",
            zh: "`{0}` 不是分片：写 I/N，I 从 0 到 N - 1；在设置了 SLURM_ARRAY_TASK_ID 或 JOB_COMPLETION_INDEX 的环境里可只写 N"
        }
        BadLine { en: "{0}, line {1}: {2}", zh: "{0} 第 {1} 行：{2}" }
        OtherPlan {
            en: "{0} holds results of another plan or another version of the program: choose another output, or remove it",
            zh: "{0} 是另一个计划或另一版本程序的结果：请换一个输出文件，或删除它"
        }
        MergeDiffers {
            en: "{0}: unit {1} was computed twice and came out differently: the parts are not of the same program",
            zh: "{0}：单元 {1} 计算了两次，结果不同：这些部分不是同一个程序算出来的"
        }
        MergeIncomplete { en: "{0} of {1} units are missing: {2}", zh: "{1} 个单元中缺少 {0} 个：{2}" }
    }
}
