//! What the program itself says, in both languages. The story has its own
//! catalogue beside its data.

halfclose::messages! {
    /// A sentence of the program.
    pub enum Say {
        Error { en: "error", zh: "错误" }
        CannotRead { en: "{0}: {1}", zh: "{0}：{1}" }
        CannotWrite { en: "cannot write the output: {0}", zh: "无法写出结果：{0}" }
        NoSuchSource { en: "`{0}` is neither a file nor a preset", zh: "`{0}` 既不是文件，也不是预设场景" }
        DidYouMean { en: "did you mean {0}?", zh: "是不是想写 {0}？" }
        SeePresets { en: "`halfclose presets` lists the presets", zh: "`halfclose presets` 列出所有预设场景" }
        TwoToStdout { en: "--json and --trace - both want stdout", zh: "--json 与 --trace - 都要占用标准输出" }
        NoSuchState { en: "`{0}` is not a state of TCP", zh: "`{0}` 不是 TCP 状态" }
        BinaryToTerminal { en: "a capture is binary: write it to a file, or pipe it into tshark -r -", zh: "抓包是二进制数据：请写入文件，或用管道交给 tshark -r -" }
        PacketsWritten { en: "{0} packets written to {1}", zh: "已把 {0} 个报文写入 {1}" }
        UnknownWord { en: "nothing is known about `{0}`", zh: "没有关于 `{0}` 的说明" }
        SeeExplain { en: "`halfclose explain` lists the words", zh: "`halfclose explain` 列出所有词条" }
        Questions { en: "Questions", zh: "常见问题" }
        ExplainUsage {
            en: "`halfclose explain WORD`, `halfclose explain q10`, or a question in your own words",
            zh: "`halfclose explain 词`、`halfclose explain q10`，或直接输入问题"
        }
        FileOk { en: "{0}: ok", zh: "{0}：没有问题" }
        ProblemCount { en: "{0}: {1} problem(s)", zh: "{0}：{1} 个问题" }
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
        NothingToDraw { en: "{0}: this run has nothing to show there", zh: "{0}：这次运行没有可画的内容" }
        NoSuchPicture { en: "no picture is called `{0}`", zh: "没有名为 `{0}` 的图" }
        NoConnectionOf { en: "no connection was made from port {0} among the first {1}", zh: "前 {1} 个连接中没有使用端口 {0} 的" }
        AttemptNeverMade { en: "the run makes {0} attempts to connect; there is no attempt {1}", zh: "这次运行共有 {0} 次连接尝试，没有第 {1} 次" }
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
