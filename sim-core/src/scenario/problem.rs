//! What can be wrong with a scenario: an id, a place, a sentence in English
//! and 中文, and what to do about it. Carets are drawn by the program.

use core::fmt;

use super::node::{Place, Source};

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident : $ty:ty),* $(,)? })? = $id:literal,
        $en:literal, $zh:literal $(, hint $hint_en:literal, $hint_zh:literal)?;)*) => {
        /// The kinds of problem, with what their sentences name.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $variant $({ $(#[doc = concat!("`", stringify!($field), "` of the sentence.")] $field: $ty),* })?,)*
        }

        impl ProblemKind {
            /// Every id.
            pub const IDS: &'static [&'static str] = &[$($id,)*];
            /// A stable name for tests, JSON and links: `unknown-key`.
            #[must_use]
            pub const fn id(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $id,)* }
            }
            /// The sentence in English.
            #[must_use]
            #[allow(unused_variables, reason = "a few fields are words of one language")]
            pub fn en(&self) -> String {
                match self { $(Self::$variant $({ $($field),* })? => format!($en),)* }
            }
            /// The sentence in 中文.
            #[must_use]
            #[allow(unused_variables, reason = "a few fields are words of one language")]
            pub fn zh(&self) -> String {
                match self { $(Self::$variant $({ $($field),* })? => format!($zh),)* }
            }
            const fn hints(&self) -> Option<(&'static str, &'static str)> {
                match self { $(Self::$variant { .. } => problems!(@hint $($hint_en, $hint_zh)?),)* }
            }
        }
    };
    (@hint) => { None };
    (@hint $en:literal, $zh:literal) => { Some(($en, $zh)) };
}

problems! {
    /// More bytes than are read.
    TooLarge { bytes: usize, limit: usize } = "too-large",
        "the scenario has {bytes} bytes, more than the {limit} that are read",
        "场景文件有 {bytes} 字节，超过可读取的上限 {limit} 字节",
        hint "a scenario is a few kilobytes of TOML; is this the right file?", "场景通常只有几 KB 的 TOML；文件是否选错了？";
    /// Bytes that are not UTF-8.
    NotUtf8 { byte: u8 } = "not-utf8",
        "byte {byte:#04x} is not UTF-8", "字节 {byte:#04x} 不是合法的 UTF-8",
        hint "save the file as UTF-8", "请将文件另存为 UTF-8";
    /// Nothing in it.
    Empty = "empty", "the scenario is empty", "场景是空的",
        hint "begin with `format = 1`; `halfclose presets` lists examples", "以 `format = 1` 开头；`halfclose presets` 可列出示例";
    /// Not TOML.
    Syntax { message: String } = "syntax", "not TOML: {message}", "不是合法的 TOML：{message}";
    /// An integer beyond 64 bits.
    IntegerTooLarge { text: String } = "integer-too-large",
        "{text} does not fit into 64 bits", "{text} 超出 64 位整数";
    /// A value of another type.
    WrongType { expected_en: String, expected_zh: String, found_en: &'static str, found_zh: &'static str } = "wrong-type",
        "expected {expected_en}, found {found_en}", "应为{expected_zh}，实际为{found_zh}";
    /// A key the format does not have.
    UnknownKey { key: String, table: String } = "unknown-key",
        "`{key}` is not a key of [{table}]", "[{table}] 没有键 `{key}`";
    /// A word outside its list.
    UnknownWord { word: String, allowed: String } = "unknown-word",
        "`{word}` is not one of {allowed}", "`{word}` 不在 {allowed} 之中";
    /// A key that must be there.
    Missing { key: String, table: String } = "missing-key",
        "[{table}] needs `{key}`", "[{table}] 缺少 `{key}`";
    /// A number outside its limits.
    OutOfRange { number: String, min: i64, max: i64 } = "out-of-range",
        "{number} is outside {min}..={max}", "{number} 不在 {min}..={max} 范围内";
    /// Not a duration.
    BadDuration { text: String } = "bad-duration",
        "`{text}` is not a duration", "`{text}` 不是时间长度",
        hint "write a number and a unit: \"10s\", \"250ms\", \"1.5s\", \"17us\", \"2min\"", "写数字加单位：\"10s\"、\"250ms\"、\"1.5s\"、\"17us\"、\"2min\"";
    /// A duration past 584 years.
    DurationOverflow { text: String } = "duration-overflow",
        "`{text}` is longer than 64 bits of nanoseconds (584 years)", "`{text}` 超出 64 位纳秒（584 年）";
    /// A scenario longer than is run.
    TooLong { limit: String } = "too-long",
        "the scenario would last longer than {limit}", "场景时长超过 {limit}";
    /// Not a size.
    BadSize { text: String } = "bad-size", "`{text}` is not a size in bytes", "`{text}` 不是字节大小",
        hint "write a number and a unit: \"8GiB\", \"512MiB\", \"64KiB\"", "写数字加单位：\"8GiB\"、\"512MiB\"、\"64KiB\"";
    /// Not a share.
    BadRatio { text: String } = "bad-ratio", "`{text}` is not a share between 0 and 1", "`{text}` 不是 0 到 1 之间的比例",
        hint "write \"0.1%\" or \"1/1000\"", "写 \"0.1%\" 或 \"1/1000\"";
    /// Not a bit rate.
    BadBandwidth { text: String } = "bad-bandwidth", "`{text}` is not a bandwidth", "`{text}` 不是带宽",
        hint "write \"10Gbit/s\", \"100Mbit/s\" or \"64kbit/s\"", "写 \"10Gbit/s\"、\"100Mbit/s\" 或 \"64kbit/s\"";
    /// Not an IPv4 address.
    BadAddress { text: String } = "bad-address", "`{text}` is not an IPv4 address", "`{text}` 不是 IPv4 地址";
    /// An address of the wrong sort.
    UnusableAddress { text: String } = "unusable-address",
        "{text} cannot be a host's own address", "{text} 不能作为主机自己的地址",
        hint "127.0.0.0/8 exists on every host by itself; give a unicast address", "每台主机自带 127.0.0.0/8；请写一个单播地址";
    /// A source address that the host does not have.
    NotOwnAddress { text: String, host: String } = "not-own-address",
        "{text} is no address of host `{host}`; bind() answers EADDRNOTAVAIL",
        "{text} 不是主机 `{host}` 的地址；bind() 会返回 EADDRNOTAVAIL",
        hint "add it to the host's `addrs`; on a real machine: `ip addr add`", "把它加进该主机的 `addrs`；真实机器上用 `ip addr add`";
    /// A loopback source for another host.
    LoopbackSource { text: String, target: String } = "loopback-source",
        "{text} reaches only its own host, not {target}; connect() answers EINVAL",
        "{text} 只能到达本机，到不了 {target}；connect() 会返回 EINVAL",
        hint "bind an address of the host's `addrs`", "请绑定该主机 `addrs` 里的地址";
    /// A key that means nothing without another.
    NothingWithout { key: &'static str, needs: &'static str } = "nothing-without",
        "`{key}` does nothing without `{needs}`", "没有 `{needs}` 时 `{key}` 不起作用";
    /// Two hosts with one address.
    DuplicateAddress { text: String, host: String } = "duplicate-address",
        "{text} already belongs to host `{host}`", "{text} 已属于主机 `{host}`";
    /// Not an address with a port.
    BadEndpoint { text: String } = "bad-endpoint",
        "`{text}` is not an address or host with a port", "`{text}` 不是“地址或主机名:端口”",
        hint "write \"127.0.0.1:3306\" or \"db:3306\"", "写 \"127.0.0.1:3306\" 或 \"db:3306\"";
    /// Port 0 where one must be chosen.
    PortZero = "port-zero", "port 0 means \"none\" and cannot be used here", "端口 0 表示“没有端口”，不能用在这里",
        hint "write a port in 1..=65535", "请写 1..=65535 之间的端口";
    /// Not two ports.
    BadPortRange { text: String } = "bad-port-range", "`{text}` is not a port range", "`{text}` 不是端口范围",
        hint "write the two ports as sysctl prints them: \"32768 60999\"", "像 sysctl 那样写两个端口：\"32768 60999\"";
    /// High before low.
    InvertedRange { low: i64, high: i64 } = "inverted-range",
        "the range ends at {high}, before it begins at {low}", "范围的终点 {high} 小于起点 {low}";
    /// Low end below `ip_unprivileged_port_start`.
    PrivilegedRange { low: u64, start: u64 } = "privileged-range",
        "the range begins at {low}, below ip_unprivileged_port_start ({start}); Linux answers EINVAL",
        "范围从 {low} 开始，低于 ip_unprivileged_port_start（{start}）；Linux 会返回 EINVAL";
    /// Not a kernel version.
    BadKernel { text: String } = "bad-kernel", "`{text}` is not a kernel version", "`{text}` 不是内核版本",
        hint "write it as `uname -r` begins: \"5.10.213\", \"6.18.44\"", "写成 `uname -r` 开头的样子：\"5.10.213\"、\"6.18.44\"";
    /// A kernel before the models begin.
    KernelTooOld { text: String } = "kernel-too-old", "kernel {text} is older than 4.2, where the model begins",
        "内核 {text} 早于模型支持的最早版本 4.2";
    /// Not a server version.
    BadServerVersion { text: String } = "bad-server-version",
        "`{text}` is not a MySQL or MariaDB version", "`{text}` 不是 MySQL 或 MariaDB 的版本",
        hint "write what SELECT VERSION() prints: \"8.3.0\", \"5.7.44-log\", \"10.11.19-MariaDB\"", "写 SELECT VERSION() 的输出：\"8.3.0\"、\"5.7.44-log\"、\"10.11.19-MariaDB\"";
    /// Not RLIMIT_NOFILE.
    BadLimit { text: String } = "bad-limit", "`{text}` is not a soft and a hard limit", "`{text}` 不是软限制和硬限制",
        hint "write \"32768:65536\"", "写 \"32768:65536\"";
    /// Soft above hard.
    SoftAboveHard { soft: u64, hard: u64 } = "soft-above-hard",
        "the soft limit {soft} is above the hard limit {hard}; setrlimit answers EINVAL",
        "软限制 {soft} 大于硬限制 {hard}；setrlimit 会返回 EINVAL";
    /// A name with other characters.
    BadName { name: String } = "bad-name", "`{name}` cannot be a name", "`{name}` 不能作为名称",
        hint "use letters, digits, `-` and `_`, beginning with a letter; metrics are made of names and dots", "使用字母、数字、`-` 和 `_`，以字母开头；指标由名称和点组成";
    /// A name the metrics use already.
    ReservedName { name: String } = "reserved-name",
        "`{name}` is a word of the metrics and cannot name a process", "`{name}` 是指标用词，不能作进程名";
    /// `real` on another program.
    OnlyForMysqld = "only-for-mysqld",
        "only program = \"mysqld\" has a real server to take its place", "只有 program = \"mysqld\" 有真实的服务器可以代替";
    /// One name twice.
    DuplicateName { name: String } = "duplicate-name", "`{name}` is already defined", "`{name}` 已定义过";
    /// No such host.
    UnknownHost { name: String } = "unknown-host", "no host is called `{name}`", "没有名为 `{name}` 的主机";
    /// No such process.
    UnknownProcess { name: String } = "unknown-process", "no process is called `{name}`", "没有名为 `{name}` 的进程";
    /// No such mark.
    UnknownMark { name: String } = "unknown-mark", "no mark is called `{name}`", "没有名为 `{name}` 的时刻标记";
    /// Not a time.
    BadMoment { text: String } = "bad-moment", "`{text}` is not a moment", "`{text}` 不是时刻",
        hint "write a duration since the start (\"30s\") or a mark with an offset (\"kill+3s\")", "写从开始算起的时长（\"30s\"）或标记加偏移（\"kill+3s\"）";
    /// A moment that waits for itself.
    MarkLoop { name: String } = "mark-loop", "mark `{name}` cannot be used here: it is known only afterwards",
        "这里不能使用标记 `{name}`：它在之后才能确定",
        hint "a timeline action can wait for a mark plus a duration, not minus one, and not for `end`", "时间线动作可以等待标记之后的时间，不能等待之前的时间，也不能用 `end`";
    /// Not a metric.
    UnknownMetric { text: String, part: String } = "unknown-metric",
        "`{text}` is not a metric: `{part}` is unknown", "`{text}` 不是指标：`{part}` 未知";
    /// A metric cut short.
    IncompleteMetric { text: String } = "incomplete-metric",
        "`{text}` is not a whole metric", "`{text}` 不是完整的指标",
        hint "for example HOST.tcp.close_wait, HOST.ss.timewait, HOST.PROCESS.fd.open", "例如 HOST.tcp.close_wait、HOST.ss.timewait、HOST.PROCESS.fd.open";
    /// Not an expression.
    BadExpression { text: String, why: String } = "bad-expression",
        "`{text}` is not an expression: {why}", "`{text}` 不是表达式：{why}",
        hint "integers, metrics, + - * / and parentheses", "整数、指标、+ - * / 与括号";
    /// No bound at all.
    NoBound = "no-bound", "the expectation says nothing about the value", "期望没有说明数值",
        hint "give eq, min, max or within", "请给出 eq、min、max 或 within";
    /// Two bounds that exclude each other.
    ConflictingBounds { first: &'static str, second: &'static str } = "conflicting-bounds",
        "`{first}` and `{second}` cannot both be given", "`{first}` 与 `{second}` 不能同时给出";
    /// `per` without a start.
    PerWithoutSince = "per-without-since", "`per` needs `since`: a rate is taken between two moments",
        "`per` 需要 `since`：速率是两个时刻之间的平均";
    /// Too many of a thing.
    TooMany { what: &'static str, count: usize, limit: usize } = "too-many",
        "{count} {what}, more than {limit}", "{what} 有 {count} 个，超过上限 {limit}";
    /// No hosts.
    NoHost = "no-host", "the scenario has no host", "场景没有主机",
        hint "add a table [host.NAME], or `extends = \"two-hosts\"`", "添加表 [host.NAME]，或 `extends = \"two-hosts\"`";
    /// No such preset.
    UnknownPreset { name: String } = "unknown-preset", "there is no preset `{name}`", "没有预设 `{name}`",
        hint "`halfclose presets` lists them", "`halfclose presets` 可列出全部预设";
    /// `extends` in a circle, or too deep.
    ExtendsLoop { chain: String } = "extends-loop", "`extends` leads in a circle: {chain}", "`extends` 形成循环：{chain}";
    /// A format this version does not read.
    UnsupportedFormat { found: i64 } = "unsupported-format",
        "format {found} is not read by this version, which reads format 1", "此版本读取格式 1，不支持格式 {found}";
    /// A variable of another server.
    NoSuchVariable { name: String, version: String } = "no-such-variable",
        "server `{version}` has no variable `{name}`", "服务器 `{version}` 没有变量 `{name}`";
    /// A table of another program.
    WrongProgramTable { table: String, program: String } = "wrong-program-table",
        "[process.{table}] does not belong to a process with program = \"{program}\"",
        "[process.{table}] 不属于 program = \"{program}\" 的进程";
    /// An order its target does not take.
    WrongTarget { action: &'static str, program: String } = "wrong-target",
        "`{action}` is not for a process with program = \"{program}\"",
        "`{action}` 不适用于 program = \"{program}\" 的进程";
    /// A process that must be named.
    NoTarget { action: &'static str, program: &'static str } = "no-target",
        "`{action}` needs a process: there is not exactly one with program = \"{program}\"",
        "`{action}` 需要指定进程：program = \"{program}\" 的进程不是恰好一个",
        hint "add process = \"NAME\"", "请添加 process = \"名称\"";
    /// Not a sysctl of the model.
    UnknownSysctl { name: String } = "unknown-sysctl", "`{name}` is not a sysctl of the model", "模型中没有 sysctl `{name}`";
    /// A value no sysctl has.
    BadSysctlValue { name: String, value: String } = "bad-sysctl-value",
        "`{value}` is not a value of {name}", "`{value}` 不是 {name} 的合法取值";
    /// Not a cost profile.
    UnknownCostProfile { name: String } = "unknown-cost-profile", "there is no cost profile `{name}`", "没有名为 `{name}` 的成本配置";
    /// SET GLOBAL of something else.
    UnknownVariable { name: String } = "unknown-variable", "`{name}` is not a server variable of the model", "模型中没有服务器变量 `{name}`";
    /// No link between hosts.
    LinkToSelf { name: String } = "link-to-self", "the link joins `{name}` to itself", "链路两端都是 `{name}`",
        hint "traffic of a host to itself goes over its own loopback", "主机到自身的流量走它自己的 loopback";
    /// A second link.
    DuplicateLink { first: String, second: String } = "duplicate-link",
        "`{first}` and `{second}` are already linked", "`{first}` 与 `{second}` 之间已有链路";
    /// A script operation on nothing.
    UnknownHandle { name: String } = "unknown-handle",
        "no earlier operation opens a descriptor called `{name}`", "之前没有操作打开名为 `{name}` 的描述符";
    /// A loop that never lets time pass.
    IdleLoop = "idle-loop", "the loop makes no system call, so time would stand still",
        "循环里没有系统调用，时间将停住", hint "add a step, for instance { op = \"sleep\", for = \"1ms\" }",
        "请加入一步，例如 { op = \"sleep\", for = \"1ms\" }";
    /// A signal the model does not send.
    UnknownSignal { name: String } = "unknown-signal", "`{name}` is not KILL, TERM, STOP or CONT", "`{name}` 不是 KILL、TERM、STOP 或 CONT";
    /// An override with an unusable key.
    BadOverrideKey { key: String } = "bad-override-key", "`{key}` is not a path into the scenario", "`{key}` 不是场景中的路径",
        hint "write keys joined by dots: host.client.sysctl.net.ipv4.ip_local_port_range", "用点连接各级键：host.client.sysctl.net.ipv4.ip_local_port_range";
    /// An override through a number or text.
    OverrideThroughValue { key: String } = "override-through-value",
        "`{key}` is a value, nothing lies below it", "`{key}` 是一个值，下面没有内容";
    /// An override of a list element that is not there.
    NoSuchElement { name: String, count: usize } = "no-such-element",
        "no element of the list is called `{name}` ({count} elements)", "列表中没有 `{name}`（共 {count} 个元素）";
    /// Something the simulated system itself refuses.
    Refused { what: String, why: String } = "refused", "`{what}` is refused: {why}", "`{what}` 被拒绝：{why}";
    /// The structure passed but serde disagreed: a fault of the reader.
    Structure { message: String } = "structure", "{message}", "结构错误：{message}";
}

/// One problem of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Where.
    pub place: Place,
    /// The field, dotted: `process.sysbench.threads`; empty for the whole text.
    pub path: String,
    /// The existing name nearest to the one written.
    pub near: Option<String>,
}

impl Problem {
    pub(super) const fn new(kind: ProblemKind, place: Place, path: String) -> Self {
        Self { kind, place, path, near: None }
    }

    pub(super) fn near(mut self, near: Option<String>) -> Self {
        self.near = near;
        self
    }

    /// The kind's stable name.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.kind.id()
    }

    /// The bytes it is about, in the text of [`Problem::place`]'s source.
    #[must_use]
    pub const fn span(&self) -> core::ops::Range<usize> {
        self.place.span()
    }

    /// What to do, in English.
    #[must_use]
    pub fn hint_en(&self) -> Option<String> {
        match (&self.near, self.kind.hints()) {
            (Some(near), _) => Some(format!("did you mean `{near}`?")),
            (None, Some((en, _))) => Some(en.to_owned()),
            (None, None) => None,
        }
    }

    /// What to do, in 中文.
    #[must_use]
    pub fn hint_zh(&self) -> Option<String> {
        match (&self.near, self.kind.hints()) {
            (Some(near), _) => Some(format!("是否想写 `{near}`？")),
            (None, Some((_, zh))) => Some(zh.to_owned()),
            (None, None) => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.kind.en())?;
        match self.hint_en() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// All problems of a scenario, in the order of their places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct ScenarioError {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl ScenarioError {
    /// Problems sorted by source and place.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        assert!(!problems.is_empty(), "a scenario error has at least one problem");
        let rank = |source| match source {
            Source::File => 0,
            Source::Override(_) => 1,
            Source::Preset(_) => 2,
        };
        problems.sort_by(|a, b| {
            (rank(a.place.source), a.place.source, a.place.start).cmp(&(
                rank(b.place.source),
                b.place.source,
                b.place.start,
            ))
        });
        problems.dedup();
        Self { problems }
    }

    fn summary(&self) -> String {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids = ProblemKind::IDS.to_vec();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn both_languages_name_the_same_things() {
        let kind = ProblemKind::UnknownKey { key: "sede".into(), table: "the scenario".into() };
        assert!(kind.en().contains("sede") && kind.zh().contains("sede"));
        let place = Place::new(Source::File, 0, 4);
        let problem = Problem::new(kind, place, "sede".into()).near(Some("seed".into()));
        assert_eq!(problem.hint_en().as_deref(), Some("did you mean `seed`?"));
        assert!(problem.hint_zh().is_some_and(|hint| hint.contains("seed")));
    }
}
