//! What the capacity report says, in both languages.

use super::{GapCause, LimitId, Quantity};

crate::messages! {
    /// A sentence or a heading of the capacity report.
    pub enum CapacityText {
        // Limits.
        Ports { en: "source ports to {0}", zh: "到 {0} 的源端口" }
        NofileSoft { en: "descriptors of {0}, soft limit", zh: "{0} 的描述符，软限制" }
        NofileHard { en: "descriptors of {0}, hard limit", zh: "{0} 的描述符，硬限制" }
        NrOpen { en: "descriptors of {0}, fs.nr_open", zh: "{0} 的描述符，fs.nr_open" }
        FileMax { en: "open files of {0}", zh: "{0} 的打开文件数" }
        Slots { en: "session slots of {0}", zh: "{0} 的会话名额" }
        AcceptQueue { en: "accept queue of {0}", zh: "{0} 的全连接队列" }
        Threads { en: "threads of {0}", zh: "{0} 的线程" }
        Memory { en: "memory of {0}", zh: "{0} 的内存" }
        Orphans { en: "orphans of {0}", zh: "{0} 的孤儿连接" }
        TwBuckets { en: "TIME_WAIT entries of {0}", zh: "{0} 的 TIME_WAIT 条目" }
        ConnectCpu { en: "CPUs for connect() on {0}", zh: "{0} 上 connect() 可用的 CPU" }

        // When it binds.
        After { en: "after {0}", zh: "{0} 之后" }
        AtLoad { en: "at {0} × this load", zh: "现在负载的 {0} 倍" }
        Never { en: "never", zh: "不会" }

        // What is needed.
        NeedGrows { en: "{0}/s, none comes back", zh: "每秒 {0}，一个也不归还" }
        NeedFlow { en: "{0}/s × {1} = {2}", zh: "每秒 {0} × {1} = {2}" }
        NeedHolds { en: "{0}", zh: "{0}" }
        NeedNothing { en: "none", zh: "无" }

        // Quantities of the comparison.
        Connections { en: "connections at the wall", zh: "撞墙时的连接数" }
        Seconds { en: "seconds to the wall", zh: "到撞墙的秒数" }
        SecondsToKnee { en: "seconds to the other half of the ports", zh: "到改用另一半端口的秒数" }
        SecondsToRefusal { en: "seconds to the first ERR 1040", zh: "到第一个 ERR 1040 的秒数" }
        Unauthenticated { en: "most unauthenticated sessions", zh: "未认证会话最多时" }
        RefusedShare { en: "share refused with ERR 1040", zh: "被 ERR 1040 拒绝的比例" }
        SustainedRate { en: "connections/s through TIME_WAIT", zh: "经过 TIME_WAIT 的每秒连接数" }
        Load { en: "times this load at which it binds", zh: "达到现在负载的几倍时起作用" }
        BusyCpus { en: "CPUs busy with vain connect() calls", zh: "被徒劳的 connect() 占用的 CPU" }

        // Why they differ.
        Agree { en: "agree", zh: "一致" }
        OddRange {
            en: "an odd number of ports: each search leaves out one end of the range",
            zh: "端口数为奇数：每次搜索都会漏掉范围的一端"
        }
        TakenWithinHalf {
            en: "within a half the search meets taken ports too, after wrapping round and at each new salt; the formula counts none",
            zh: "在同一半内，绕回之后和每次换盐之后，搜索也会碰到已占用的端口；公式没有计入"
        }
        Jitter { en: "sleeps and round trips vary; the formula takes their means", zh: "睡眠和往返时间有波动；公式取平均值" }
        WheelBatches {
            en: "the timer wheel gives ports back in batches, and a port waits for its turn after its batch",
            zh: "定时器轮成批释放端口，端口在释放后还要排队等轮到它"
        }
        RateFalls { en: "the rate falls while the ports fill", zh: "端口被占满的过程中速率下降" }
        SlotsInBursts {
            en: "slots are taken all at once and come back all at once, not evenly",
            zh: "名额是一下子占满、又一下子归还的，并不均匀"
        }
        Stolen {
            en: "the timeline takes CPU time away after the demand began; the formula has the start's",
            zh: "需求开始之后，时间线又拿走了 CPU 时间；公式用的是开始时的值"
        }
        Other { en: "not explained by the formulas", zh: "公式无法解释" }
    }
}

impl LimitId {
    /// Its name for people, with one argument: a destination, a process or a host.
    #[must_use]
    pub const fn text(self) -> CapacityText {
        match self {
            Self::Ports => CapacityText::Ports,
            Self::NofileSoft => CapacityText::NofileSoft,
            Self::NofileHard => CapacityText::NofileHard,
            Self::NrOpen => CapacityText::NrOpen,
            Self::FileMax => CapacityText::FileMax,
            Self::Slots => CapacityText::Slots,
            Self::AcceptQueue => CapacityText::AcceptQueue,
            Self::Threads => CapacityText::Threads,
            Self::Memory => CapacityText::Memory,
            Self::Orphans => CapacityText::Orphans,
            Self::TwBuckets => CapacityText::TwBuckets,
            Self::ConnectCpu => CapacityText::ConnectCpu,
        }
    }
}

impl Quantity {
    /// Its name for people.
    #[must_use]
    pub const fn text(self) -> CapacityText {
        match self {
            Self::Connections => CapacityText::Connections,
            Self::Seconds => CapacityText::Seconds,
            Self::SecondsToKnee => CapacityText::SecondsToKnee,
            Self::SecondsToRefusal => CapacityText::SecondsToRefusal,
            Self::Unauthenticated => CapacityText::Unauthenticated,
            Self::RefusedShare => CapacityText::RefusedShare,
            Self::SustainedRate => CapacityText::SustainedRate,
            Self::BusyCpus => CapacityText::BusyCpus,
            Self::Load => CapacityText::Load,
        }
    }
}

impl GapCause {
    /// The reason for people.
    #[must_use]
    pub const fn text(self) -> CapacityText {
        match self {
            Self::Agree => CapacityText::Agree,
            Self::OddRange => CapacityText::OddRange,
            Self::TakenWithinHalf => CapacityText::TakenWithinHalf,
            Self::Jitter => CapacityText::Jitter,
            Self::WheelBatches => CapacityText::WheelBatches,
            Self::RateFalls => CapacityText::RateFalls,
            Self::SlotsInBursts => CapacityText::SlotsInBursts,
            Self::Stolen => CapacityText::Stolen,
            Self::Other => CapacityText::Other,
        }
    }
}
