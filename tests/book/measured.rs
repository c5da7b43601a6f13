//! Metrics and findings: their names are the program's, the sentences are here.

use halfclose::observe::FindingId;
use halfclose::scenario::{ProcesslistMetric, ProgramKind, SsMetric, app_metrics};
use halfclose::tcp::TcpState;
use halfclose::text::{Both, Lang};
use halfclose::trace::Mib;

use super::MADE;

const PROGRAMS: [ProgramKind; 7] = [
    ProgramKind::Mysqld,
    ProgramKind::Sysbench,
    ProgramKind::Mysql,
    ProgramKind::Reconnect,
    ProgramKind::Pool,
    ProgramKind::Dns,
    ProgramKind::Script,
];

/// What of a metric's name is the same for all hosts and processes.
const OF_A_HOST: [(&str, Both); 4] = [
    (
        "HOST.tcp.STATE",
        Both {
            en: "TCP sockets and minisocks of the host's simulated processes in a state",
            zh: "主机上模拟进程的 TCP socket（含 minisock）处于某状态的个数",
        },
    ),
    (
        "HOST.tcp.unhashed",
        Both {
            en: "allocated sockets in no table: inside connect(), or before it",
            zh: "已分配但不在任何表中的 socket：正在 connect() 里，或还没有调用它",
        },
    ),
    (
        "HOST.mib.NAME",
        Both {
            en: "a counter of `nstat -az` since the host started",
            zh: "`nstat -az` 的一个计数器，自主机启动起累计",
        },
    ),
    (
        "HOST.cpu.busy_us",
        Both {
            en: "CPU time used on all CPUs since the start, in µs", zh: "开始以来所有 CPU 用掉的时间，单位微秒"
        },
    ),
];

const OF_A_PROCESS: [(&str, Both); 13] = [
    ("running", Both { en: "1 while it runs, then 0", zh: "运行时为 1，否则为 0" }),
    ("cpu.busy_us", Both { en: "CPU time used since the start, in µs", zh: "开始以来用掉的 CPU 时间，单位微秒" }),
    ("fd.open", Both { en: "descriptors", zh: "描述符个数" }),
    ("fd.sockets", Both { en: "descriptors that are sockets", zh: "其中是 socket 的描述符个数" }),
    ("tcp.STATE", Both { en: "its TCP sockets in a state", zh: "它的 TCP socket 处于某状态的个数" }),
    ("connect.attempts", Both { en: "TCP connect() calls", zh: "TCP connect() 调用次数" }),
    ("connect.ok", Both { en: "of them, those that found a port and sent a SYN", zh: "其中找到端口并发出 SYN 的次数" }),
    (
        "connect.ERRNO",
        Both {
            en: "calls of socket(), bind() and TCP connect() that failed with this errno",
            zh: "以该 errno 失败的 socket()、bind() 和 TCP connect() 次数",
        },
    ),
    ("calls.NAME", Both { en: "completed system calls of that name", zh: "该名称的系统调用完成次数" }),
    ("recvq[BYTES]", Both { en: "its TCP connections with that Recv-Q", zh: "Recv-Q 为该值的 TCP 连接数" }),
    (
        "port_step[N]",
        Both {
            en: "connections whose source port is N above the one before: 2, 4, … 16, or `other`",
            zh: "源端口比前一个连接大 N 的连接数：2、4、…、16，或 `other`",
        },
    ),
    (
        "port_parity[P]",
        Both {
            en: "sockets whose source port less the range's low end is even (0) or odd (1)",
            zh: "源端口减去范围下界为偶数（0）或奇数（1）的 socket 个数",
        },
    ),
    (
        "CALL.ok, CALL.ERRNO",
        Both {
            en: "calls of a script by outcome: `connect.EMFILE`",
            zh: "脚本的调用按结果计数，例如 `connect.EMFILE`",
        },
    ),
];

pub(super) fn metrics(lang: Lang) -> String {
    let [title, intro, metric, meaning, host, ss, process, list, own, counters] = match lang {
        Lang::En => [
            "Metrics",
            "A metric is a whole number of a running world: a gauge, or a counter since the start. Expectations, marks, sweeps and\n\
             `halfclose export csv` take them, and expressions of several: `host.ss.timewait + host.ss.orphaned`.\n\
             `HOST` and `PROCESS` are names of the scenario, `STATE` is one of the words below.",
            "metric",
            "what it counts",
            "Of a host",
            "Numbers of `ss -s`, sockets that have nothing to do with the scenario included: `HOST.ss.WORD`",
            "Of a process: `HOST.PROCESS.…`",
            "Of a server",
            "What programs count themselves: `HOST.PROCESS.NAME`",
            "Counters of the network stack: `HOST.mib.NAME`",
        ],
        Lang::Zh => [
            "度量",
            "度量是运行中世界的一个整数：要么是当前值，要么是自开始起的计数。期望、标记、扫描和 `halfclose export csv`\n\
             都用它，也可以写成几个度量的表达式：`host.ss.timewait + host.ss.orphaned`。`HOST` 和 `PROCESS` 是场景里的名称，\n\
             `STATE` 是下面的词之一。",
            "度量",
            "计什么",
            "主机的度量",
            "`ss -s` 的数字，包括与场景无关的 socket：`HOST.ss.WORD`",
            "进程的度量：`HOST.PROCESS.…`",
            "服务器的度量",
            "程序自己的计数：`HOST.PROCESS.NAME`",
            "网络栈的计数器：`HOST.mib.NAME`",
        ],
    };
    let head = format!("| {metric} | {meaning} |\n|---|---|\n");
    let mut page = format!("# {title}\n\n{MADE}\n\n{intro}\n\n");
    let states: Vec<String> = TcpState::ALL.iter().map(|state| format!("`{}`", state.metric_name())).collect();
    page.push_str(&format!("`STATE`: {}\n\n## {host}\n\n{head}", states.join(", ")));
    for (name, text) in OF_A_HOST {
        page.push_str(&format!("| `{name}` | {} |\n", text.text(lang)));
    }
    page.push_str(&format!("\n## {ss}\n\n{head}"));
    for word in SsMetric::ALL {
        page.push_str(&format!("| `{}` | {} |\n", word.word(), summary(*word).text(lang)));
    }
    page.push_str(&format!("\n## {process}\n\n{head}"));
    for (name, text) in OF_A_PROCESS {
        page.push_str(&format!("| `{name}` | {} |\n", text.text(lang)));
    }
    page.push_str(&format!("\n## {list}\n\n{head}"));
    for word in ProcesslistMetric::ALL {
        page.push_str(&format!("| `HOST.PROCESS.processlist.{}` | {} |\n", word.word(), rows(*word).text(lang)));
    }
    page.push_str(&format!("\n## {own}\n\n"));
    for program in PROGRAMS {
        let names: Vec<String> = app_metrics(program).iter().map(|name| format!("`{name}`")).collect();
        page.push_str(&format!("- **{}**: {}\n", program.word(), names.join(", ")));
    }
    page.push_str(&format!("\n## {counters}\n\n"));
    for group in ["Ip", "Icmp", "Tcp", "Udp", "TcpExt"] {
        let names: Vec<String> = Mib::ALL
            .iter()
            .filter(|mib| mib.group() == group)
            .map(|mib| {
                if matches!(group, "Tcp" | "TcpExt") {
                    format!("`{}`", mib.name())
                } else {
                    format!("`{group}{}`", mib.name())
                }
            })
            .collect();
        page.push_str(&format!("- **{group}**: {}\n", names.join(", ")));
    }
    page
}

const fn summary(word: SsMetric) -> Both {
    match word {
        SsMetric::Total => Both { en: "`Total:`, sockets in use", zh: "`Total:`，使用中的 socket" },
        SsMetric::Tcp => Both { en: "`TCP:`, allocated and timewait", zh: "`TCP:`，已分配的加 timewait" },
        SsMetric::Estab => Both { en: "`estab`", zh: "`estab`" },
        SsMetric::Closed => Both { en: "`closed`", zh: "`closed`" },
        SsMetric::Orphaned => Both { en: "`orphaned`", zh: "`orphaned`" },
        SsMetric::Timewait => Both {
            en: "`timewait`, minisocks in FIN-WAIT-2 included",
            zh: "`timewait`，包括 FIN-WAIT-2 的 minisock",
        },
        SsMetric::TcpTotal => Both { en: "row TCP, column Total", zh: "TCP 行，Total 列" },
        SsMetric::TcpIpv4 => Both { en: "row TCP, column IP", zh: "TCP 行，IP 列" },
        SsMetric::TcpIpv6 => Both { en: "row TCP, column IPv6", zh: "TCP 行，IPv6 列" },
        SsMetric::UdpTotal => Both { en: "row UDP, column Total", zh: "UDP 行，Total 列" },
        SsMetric::RawTotal => Both { en: "row RAW, column Total", zh: "RAW 行，Total 列" },
        SsMetric::InetTotal => Both { en: "row INET, column Total", zh: "INET 行，Total 列" },
    }
}

const fn rows(word: ProcesslistMetric) -> Both {
    match word {
        ProcesslistMetric::Rows => Both {
            en: "rows of SHOW PROCESSLIST as the administrator sees it",
            zh: "管理员看到的 SHOW PROCESSLIST 行数",
        },
        ProcesslistMetric::Unauthenticated => {
            Both { en: "rows of `unauthenticated user`", zh: "`unauthenticated user` 的行数" }
        }
    }
}

pub(super) fn findings(lang: Lang) -> String {
    let (title, intro, heads) = match lang {
        Lang::En => (
            "Findings",
            "What `halfclose run` says about a run, in the order in which it says it. `--json` names each by its `id`, which does not\n\
             change. A finding comes with its numbers, what to do, what that costs and what to type; none rests on anything but the run.",
            ["id", "severity", "said when"],
        ),
        Lang::Zh => (
            "发现",
            "`halfclose run` 对一次运行所说的话，按说的顺序排列。`--json` 用 `id` 指明每一条，`id` 不会改变。每条发现都带有自己的\n\
             数字、该做什么、代价是什么、该输入什么；除这次运行之外不依赖任何东西。",
            ["id", "级别", "什么时候说"],
        ),
    };
    let mut page = format!("# {title}\n\n{MADE}\n\n{intro}\n\n| {} |\n|---|---|---|\n", heads.join(" | "));
    for id in FindingId::ALL {
        page.push_str(&format!(
            "| `{}` | {} | {} |\n",
            id.name(),
            id.severity().word().text(lang),
            id.when().text(lang)
        ));
    }
    page
}
