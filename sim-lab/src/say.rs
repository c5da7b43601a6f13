//! What the lab says, in both languages.

halfclose::messages! {
    /// A sentence of the lab.
    pub enum Say {
        Equal { en: "equal", zh: "相等" }
        Within { en: "within", zh: "容差内" }
        Differs { en: "DIFFERS", zh: "不一致" }
        ColumnWhat { en: "what", zh: "项目" }
        ColumnReal { en: "real", zh: "真实" }
        ColumnSimulated { en: "simulated", zh: "模拟" }
        ColumnVerdict { en: "verdict", zh: "结论" }
        ColumnRule { en: "rule", zh: "规则" }
        RuleEqual { en: "the same", zh: "完全相同" }
        RuleExpectation { en: "the same, or both are {0}, as the scenario asks", zh: "相同，或两者都满足场景的要求：{0}" }
        RuleRate {
            en: "within {0}: the scenario runs freely, and how much happens depends on the machine's speed",
            zh: "相差不超过 {0}：场景自由运行，发生多少取决于机器速度"
        }
        RuleShare {
            en: "both have it, within a factor of 4: the longer the leak takes, the more slots are given out",
            zh: "两边都有，且相差不超过 4 倍：泄漏持续越久，分出的名额越多"
        }
        RuleDelayed {
            en: "within {0}, one for each connection or 5: whether an answer comes in time to carry the ACK is for the scheduler to say",
            zh: "相差不超过 {0}（每个连接一个，或 5 个）：应答是否及时捎带 ACK 由调度器决定"
        }
        RuleSegmentsDelayed {
            en: "within {0}, the difference of DelayedACKs: each is one segment more, or one that came too late",
            zh: "相差不超过 {0}，即 DelayedACKs 之差：每个都多出一个报文段，或来得太迟"
        }
        RuleOdd {
            en: "within 6, one connection and its segments: of an odd number of ports one attempt cannot see the last, at either end by luck",
            zh: "相差不超过 6，即一个连接及其报文段：端口数为奇数时，一次尝试看不到最后一个端口，在哪一端全凭运气"
        }
        RuleTimer {
            en: "within {0}: two slots of the timer wheel for that span, and 300 ms for a busy machine",
            zh: "相差不超过 {0}：定时器轮在该时长上的两个槽位，外加繁忙机器的 300 毫秒"
        }
        RuleSteps {
            en: "the same steps 2, 4, … 16 and no other, {0} of each; χ² of the two samples below 24.3 (7 degrees, 0.1 %)",
            zh: "步长同为 2、4、…、16 且别无其他，各 {0} 个样本；两样本 χ² 低于 24.3（7 个自由度，0.1 %）"
        }
        RuleShape {
            en: "the same shape: medians of each half flat (within a factor of 3), the second half at least 5 times the first",
            zh: "形状相同：前后两半各自平坦（中位数相差不超过 3 倍），后半至少为前半的 5 倍"
        }
        RuleFlat { en: "the same shape: no step at half of the range", zh: "形状相同：在范围一半处没有台阶" }
        RuleSegments {
            en: "the same segments in the same order, each within {0} of its time",
            zh: "报文段及其顺序相同，每个时刻相差不超过 {0}"
        }
        RuleLifetime {
            en: "the same number, and the median within {0}: two slots of the timer wheel, and 300 ms for sampling and a busy machine",
            zh: "个数相同，且中位数相差不超过 {0}：定时器轮的两个槽位，外加采样与繁忙机器的 300 毫秒"
        }
        Header { en: "{0} on Linux {1}, real and simulated", zh: "{0}：Linux {1} 上的真实结果与模拟结果" }
        Summary { en: "{0} rows: {1} equal, {2} within tolerance, {3} differ", zh: "共 {0} 行：{1} 行相等，{2} 行在容差内，{3} 行不一致" }
        Notes { en: "Notes", zh: "说明" }
        Parked {
            en: "{0}: the machine's hard RLIMIT_NOFILE is {1}; {2} descriptors were parked in helper processes, and the limit of {3} was kept by the lab",
            zh: "{0}：本机 RLIMIT_NOFILE 硬限制为 {1}；{2} 个描述符寄存在辅助进程中，{3} 的限制由实验室维持"
        }
        NotMet { en: "the expectation does not hold on this kernel, on either side: {0}", zh: "在此内核上两边都不满足预期：{0}" }
        NoVerdict { en: "not compared, for the real machine does not show it: {0}", zh: "未作比较，因为真实机器不提供：{0}" }
        GroupExpectations { en: "Expectations of the scenario", zh: "场景的预期" }
        GroupCalls { en: "System calls", zh: "系统调用" }
        GroupPorts { en: "Source ports", zh: "源端口" }
        GroupStates { en: "Sockets at the end", zh: "结束时的套接字" }
        GroupLifetimes { en: "How long a state lasted", zh: "状态持续时间" }
        GroupMib { en: "MIB counters", zh: "MIB 计数器" }
        GroupPackets { en: "Segments", zh: "报文段" }
        GroupLatency { en: "connect() latency", zh: "connect() 耗时" }
    }
}
