//! The format of a scenario file, as serde reads it. The JSON Schema comes from
//! these types, and the reader checks every document against that schema first,
//! so the doc comments here are the reference of the format.
//!
//! Knobs of the kernel, of MySQL and of the clients keep their own names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub(super) struct $name(pub(super) String);
    )*};
}

texts! {
    /// A time span: a number and one of ns, us, ms, s, min, h: "10s", "250ms", "1.5s".
    DurationText;
    /// Bytes: a number and one of B, KiB, MiB, GiB: "8GiB".
    SizeText;
    /// A share between 0 and 1: "0.1%" or "1/1000".
    RatioText;
    /// Bits per second: "10Gbit/s".
    BandwidthText;
    /// A duration since the start ("30s") or a mark with an offset ("kill+3s", "exhausted", "end-1s").
    MomentText;
    /// An IPv4 address: "172.31.55.230".
    AddressText;
    /// An address or a host's name, and a port: "db:3306".
    EndpointText;
    /// A name made of letters, digits, `-` and `_`, beginning with a letter.
    NameText;
    /// A metric: "HOST.tcp.close_wait".
    MetricText;
}

/// A whole number, or an expression of whole numbers and metrics with + - * / and parentheses.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum NumberOrExpr {
    Number(i64),
    Expr(String),
}

/// A number or a text, as `sysctl -w` takes it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Setting {
    Number(i64),
    Flag(bool),
    Text(String),
}

impl Setting {
    /// As it would be typed after `sysctl -w NAME=`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => u8::from(*flag).to_string(),
            Self::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// A port, or an address with one.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum PortOrEndpoint {
    Port(i64),
    Endpoint(String),
}

/// A halfclose scenario: hosts, what runs on them, what is done to them, and what must come out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "halfclose scenario")]
pub(super) struct ScenarioFile {
    /// Version of this format: 1.
    #[schemars(required)]
    pub(super) format: Option<i64>,
    /// One line.
    pub(super) title: Option<String>,
    /// One line, in 中文.
    pub(super) title_zh: Option<String>,
    /// The question the scenario answers.
    pub(super) question: Option<String>,
    /// The question, in 中文.
    pub(super) question_zh: Option<String>,
    /// A preset this scenario stands on. Tables merge key by key, lists of named tables by name; other lists replace.
    #[expect(dead_code, reason = "resolved before the types are read; here for the schema")]
    pub(super) extends: Option<String>,
    /// Seed of every random stream; 1 if not given.
    pub(super) seed: Option<i64>,
    /// How long the run lasts.
    pub(super) end: Option<DurationText>,
    /// Limits after which the run stops with an error.
    pub(super) budget: Option<BudgetFile>,
    /// Hosts by name.
    #[serde(default)]
    pub(super) host: BTreeMap<String, HostFile>,
    /// Links between hosts. Hosts without one between them are joined by a default link.
    #[serde(default)]
    pub(super) link: Vec<LinkFile>,
    /// Processes.
    #[serde(default)]
    pub(super) process: Vec<ProcessFile>,
    /// Packet rules in force from the start; the first match decides.
    #[serde(default)]
    pub(super) rule: Vec<RuleFile>,
    /// What is done, and when.
    #[serde(default)]
    pub(super) timeline: Vec<TimelineFile>,
    /// Named moments: the state just after the first event that makes the condition true.
    #[serde(default)]
    pub(super) mark: Vec<MarkFile>,
    /// What must come out.
    #[serde(default)]
    pub(super) expect: Vec<ExpectFile>,
}

/// Limits after which the run stops with an error that names the knob.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetFile {
    /// Events in all.
    pub(super) events: Option<i64>,
    /// Events at one instant.
    pub(super) same_instant: Option<i64>,
    /// Sockets and minisocks on one host.
    pub(super) sockets: Option<i64>,
}

/// A host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HostFile {
    /// Its addresses besides 127.0.0.0/8; the first is the default source.
    #[serde(default)]
    pub(super) addrs: Vec<AddressText>,
    /// Kernel version as `uname -r` begins; "6.18.44" if not given.
    pub(super) kernel: Option<String>,
    /// Number of CPUs; 4 if not given.
    pub(super) cpus: Option<i64>,
    /// RAM; decides table sizes and defaults; "8GiB" if not given.
    pub(super) ram: Option<SizeText>,
    /// CONFIG_HZ: 100, 250, 300 or 1000; 250 if not given.
    pub(super) hz: Option<i64>,
    /// Round kernel timers as the timer wheel does; true if not given.
    pub(super) timer_rounding: Option<bool>,
    /// CPU time per system call and port candidate.
    pub(super) cost_profile: Option<String>,
    /// Share of CPU time the hypervisor takes away.
    pub(super) steal: Option<RatioText>,
    /// Lines of /etc/hosts: name and address.
    #[serde(default)]
    pub(super) hosts: BTreeMap<String, AddressText>,
    /// Address of the name server in /etc/resolv.conf.
    pub(super) nameserver: Option<AddressText>,
    /// Ports held by bind() or listen() of programs that are not simulated.
    #[serde(default)]
    pub(super) bound_ports: Vec<PortOrEndpoint>,
    /// Settings at the start, under their own names.
    #[serde(default)]
    pub(super) sysctl: BTreeMap<String, Setting>,
    /// Sockets of programs that are not simulated, as numbers.
    pub(super) unrelated: Option<UnrelatedFile>,
}

/// Sockets of programs that are not simulated, as `ss -s` would count them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnrelatedFile {
    /// TCP over IPv4 in the hash tables (established and listening).
    pub(super) tcp_ipv4: Option<i64>,
    /// TCP over IPv6, likewise.
    pub(super) tcp_ipv6: Option<i64>,
    /// Of both, how many are ESTABLISHED.
    pub(super) tcp_established: Option<i64>,
    /// TCP sockets in no hash table.
    pub(super) tcp_unhashed: Option<i64>,
    /// UDP over IPv4.
    pub(super) udp_ipv4: Option<i64>,
    /// UDP over IPv6.
    pub(super) udp_ipv6: Option<i64>,
    /// RAW over IPv4.
    pub(super) raw_ipv4: Option<i64>,
    /// RAW over IPv6.
    pub(super) raw_ipv6: Option<i64>,
    /// Everything else in `sockets: used` (unix, netlink, packet, …).
    pub(super) other: Option<i64>,
}

/// A link between two hosts; every value holds for each direction.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkFile {
    /// The two hosts.
    #[schemars(required, length(equal = 2))]
    pub(super) between: Option<Vec<NameText>>,
    /// One-way delay.
    pub(super) latency: Option<DurationText>,
    /// Added to the delay, uniform between zero and this.
    pub(super) jitter: Option<DurationText>,
    /// Share of packets lost.
    pub(super) loss: Option<RatioText>,
    /// Share of packets delivered twice.
    pub(super) duplicate: Option<RatioText>,
    /// Share of packets that overtake the ones before them.
    pub(super) reorder: Option<RatioText>,
    /// Bits per second; unlimited if not given.
    pub(super) bandwidth: Option<BandwidthText>,
}

/// Words for `program`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProgramWord {
    Mysqld,
    Sysbench,
    Mysql,
    Reconnect,
    Pool,
    Dns,
    Script,
}

/// Words for `real`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RealWord {
    /// `mariadbd` as installed; for program = "mysqld".
    Mariadb,
}

/// A process.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessFile {
    /// Its name in metrics and in `ss -p`.
    #[schemars(required)]
    pub(super) name: Option<NameText>,
    /// Where it runs; the only host if there is one.
    pub(super) host: Option<NameText>,
    /// What it is. Its settings stand in the table of the same name.
    #[schemars(required)]
    pub(super) program: Option<ProgramWord>,
    /// Process id; the next free one if not given.
    pub(super) pid: Option<i64>,
    /// Soft and hard limit of open files: "32768:65536".
    #[serde(rename = "RLIMIT_NOFILE")]
    pub(super) rlimit_nofile: Option<String>,
    /// When it starts; 0s if not given.
    pub(super) start: Option<DurationText>,
    /// Not started by itself, only by `start process`.
    pub(super) stopped: Option<bool>,
    /// Exempt from fs.file-max.
    #[serde(rename = "CAP_SYS_ADMIN")]
    pub(super) cap_sys_admin: Option<bool>,
    /// May raise hard limits.
    #[serde(rename = "CAP_SYS_RESOURCE")]
    pub(super) cap_sys_resource: Option<bool>,
    /// Descriptors open at the start besides 0, 1 and 2.
    pub(super) extra_fds: Option<i64>,
    /// In the lab a real server runs instead of the stand-in; the model does not look at it.
    pub(super) real: Option<RealWord>,
    /// Settings of program = "mysqld".
    pub(super) mysqld: Option<super::program_file::MysqldFile>,
    /// Settings of program = "sysbench".
    pub(super) sysbench: Option<super::program_file::SysbenchFile>,
    /// Settings of program = "mysql".
    pub(super) mysql: Option<super::program_file::MysqlFile>,
    /// Settings of program = "reconnect".
    pub(super) reconnect: Option<super::program_file::ReconnectFile>,
    /// Settings of program = "pool".
    pub(super) pool: Option<super::program_file::PoolFile>,
    /// Settings of program = "dns".
    pub(super) dns: Option<super::program_file::DnsFile>,
    /// Settings of program = "script".
    pub(super) script: Option<super::program_file::ScriptFile>,
}

/// Words for a rule's `do`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VerdictWord {
    /// Let it pass.
    Accept,
    /// Lose it silently.
    Drop,
    /// Answer with an ICMP error, or a RST for `reject_with = "tcp-reset"`.
    Reject,
}

/// Words for `reject_with`, as iptables spells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(super) enum RejectWord {
    #[serde(rename = "tcp-reset")]
    TcpReset,
    #[serde(rename = "icmp-port-unreachable")]
    PortUnreachable,
    #[serde(rename = "icmp-host-unreachable")]
    HostUnreachable,
    #[serde(rename = "icmp-net-unreachable")]
    NetUnreachable,
    #[serde(rename = "icmp-admin-prohibited")]
    AdminProhibited,
}

/// A packet rule. Only what is given must match.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// A name, for `heal`.
    pub(super) name: Option<NameText>,
    /// accept, drop or reject.
    #[serde(rename = "do")]
    #[schemars(required)]
    pub(super) verdict: Option<VerdictWord>,
    /// How to reject.
    pub(super) reject_with: Option<RejectWord>,
    /// The sending host.
    pub(super) from: Option<NameText>,
    /// The receiving host.
    pub(super) to: Option<NameText>,
    /// Source port.
    pub(super) sport: Option<i64>,
    /// Destination port.
    pub(super) dport: Option<i64>,
    /// TCP control bits that must be set: "SYN", "SYN,ACK", "FIN", "RST".
    pub(super) tcp_flags: Option<String>,
    /// Share of matching packets the rule takes.
    pub(super) probability: Option<RatioText>,
    /// How many packets the rule takes before it expires.
    pub(super) count: Option<i64>,
}

/// One thing that is done.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "do", deny_unknown_fields)]
pub(super) enum TimelineFile {
    /// KILL of one MySQL session, typed in a client if `by` names one.
    #[serde(rename = "kill session")]
    KillSession {
        #[schemars(required)]
        at: Option<MomentText>,
        /// The server; the only one if not given.
        process: Option<NameText>,
        /// Connection id.
        #[schemars(required)]
        id: Option<i64>,
        /// The mysql client that sends it; the server's own console if not given.
        by: Option<NameText>,
    },
    /// SET GLOBAL of one variable.
    #[serde(rename = "set global")]
    SetGlobal {
        #[schemars(required)]
        at: Option<MomentText>,
        /// The server; the only one if not given.
        process: Option<NameText>,
        /// System variable.
        #[schemars(required)]
        variable: Option<String>,
        /// Its new value.
        #[schemars(required)]
        value: Option<Setting>,
        /// The mysql client that sends it; the server's own console if not given.
        by: Option<NameText>,
    },
    /// A statement, in a mysql client or on the server's own console.
    #[serde(rename = "sql")]
    Sql {
        #[schemars(required)]
        at: Option<MomentText>,
        /// A mysql client or a server; the only server if not given.
        process: Option<NameText>,
        #[schemars(required)]
        statement: Option<String>,
    },
    /// `sysctl -w` on a host.
    #[serde(rename = "sysctl -w")]
    Sysctl {
        #[schemars(required)]
        at: Option<MomentText>,
        /// The only host if there is one.
        host: Option<NameText>,
        /// The sysctl.
        #[schemars(required)]
        name: Option<String>,
        #[schemars(required)]
        value: Option<Setting>,
    },
    /// `prlimit --nofile` of a running process.
    #[serde(rename = "prlimit")]
    Prlimit {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
        #[serde(rename = "RLIMIT_NOFILE")]
        #[schemars(required)]
        rlimit_nofile: Option<String>,
    },
    /// No packet passes between two hosts, or only none in one direction.
    #[serde(rename = "partition")]
    Partition {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        from: Option<NameText>,
        #[schemars(required)]
        to: Option<NameText>,
        /// Only packets in the direction from → to are lost.
        one_way: Option<bool>,
    },
    /// Ends a partition, or removes rules.
    #[serde(rename = "heal")]
    Heal {
        #[schemars(required)]
        at: Option<MomentText>,
        /// A named rule to remove; all partitions and timeline rules if neither this nor from/to is given.
        rule: Option<NameText>,
        from: Option<NameText>,
        to: Option<NameText>,
    },
    /// From now on the hypervisor takes this share of the host's busy CPU time.
    #[serde(rename = "steal")]
    Steal {
        #[schemars(required)]
        at: Option<MomentText>,
        /// The only host if there is one.
        host: Option<NameText>,
        /// "15.1%", "0".
        #[schemars(required)]
        share: Option<RatioText>,
    },
    /// Adds a rule that drops packets.
    #[serde(rename = "drop")]
    Drop {
        #[schemars(required)]
        at: Option<MomentText>,
        name: Option<NameText>,
        from: Option<NameText>,
        to: Option<NameText>,
        sport: Option<i64>,
        dport: Option<i64>,
        tcp_flags: Option<String>,
        probability: Option<RatioText>,
        count: Option<i64>,
    },
    /// Adds a rule that rejects packets.
    #[serde(rename = "reject")]
    Reject {
        #[schemars(required)]
        at: Option<MomentText>,
        name: Option<NameText>,
        reject_with: Option<RejectWord>,
        from: Option<NameText>,
        to: Option<NameText>,
        sport: Option<i64>,
        dport: Option<i64>,
        tcp_flags: Option<String>,
        probability: Option<RatioText>,
        count: Option<i64>,
    },
    /// SIGTERM: the program closes what it has and ends.
    #[serde(rename = "stop process")]
    StopProcess {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
    },
    /// A signal; KILL if not given.
    #[serde(rename = "kill process")]
    KillProcess {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
        /// KILL, TERM, STOP or CONT.
        signal: Option<String>,
    },
    /// Starts a process that is not running.
    #[serde(rename = "start process")]
    StartProcess {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
    },
    /// SIGSTOP: the process runs no more, its sockets stay.
    #[serde(rename = "pause process")]
    PauseProcess {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
    },
    /// SIGCONT.
    #[serde(rename = "resume process")]
    ResumeProcess {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
    },
    /// Tells a client that waits for orders to connect.
    #[serde(rename = "connect")]
    Connect {
        #[schemars(required)]
        at: Option<MomentText>,
        #[schemars(required)]
        process: Option<NameText>,
    },
}

/// A named moment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkFile {
    /// Its name.
    #[schemars(required)]
    pub(super) name: Option<NameText>,
    /// The condition.
    #[schemars(required)]
    pub(super) when: Option<WhenFile>,
}

/// Words for a condition's `op`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(super) enum OpWord {
    #[serde(rename = "==")]
    Eq,
    #[serde(rename = "!=")]
    Ne,
    #[serde(rename = "<")]
    Lt,
    #[serde(rename = "<=")]
    Le,
    #[serde(rename = ">")]
    Gt,
    #[serde(rename = ">=")]
    Ge,
}

/// A condition on one metric.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenFile {
    #[schemars(required)]
    pub(super) metric: Option<MetricText>,
    #[schemars(required)]
    pub(super) op: Option<OpWord>,
    #[schemars(required)]
    pub(super) value: Option<i64>,
}

/// A tolerance around a value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToleranceFile {
    #[schemars(required)]
    pub(super) value: Option<NumberOrExpr>,
    #[schemars(required)]
    pub(super) tolerance: Option<NumberOrExpr>,
}

/// `within = [low, high]` or `within = { value, tolerance }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum WithinFile {
    Range(Vec<NumberOrExpr>),
    Tolerance(ToleranceFile),
}

/// Words for `over_seeds`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeedsWord {
    /// Every seed that is tried.
    All,
}

/// Seeds an expectation holds for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SeedsFile {
    Word(SeedsWord),
    List(Vec<i64>),
}

/// What must come out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectFile {
    /// A name for the result's row; the metric if not given.
    pub(super) name: Option<String>,
    /// The quantity: a metric, or an expression of several.
    #[schemars(required)]
    pub(super) metric: Option<MetricText>,
    /// When it is read; at the end if not given.
    pub(super) at: Option<MomentText>,
    /// Its growth since this moment, instead of its value.
    pub(super) since: Option<MomentText>,
    /// The growth divided by the time, per this long; needs `since`.
    pub(super) per: Option<DurationText>,
    /// Exactly this.
    pub(super) eq: Option<NumberOrExpr>,
    /// At least this.
    pub(super) min: Option<NumberOrExpr>,
    /// At most this.
    pub(super) max: Option<NumberOrExpr>,
    /// Between two values, both included; or a value give or take a tolerance.
    pub(super) within: Option<WithinFile>,
    /// For which seeds it holds: "all", or a list; the scenario's own seed if not given.
    pub(super) over_seeds: Option<SeedsFile>,
}
