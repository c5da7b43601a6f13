//! The published figures of the story: where each comes out of the model, and why.

use halfclose::observe::View;
use halfclose::text::Both;

use super::extract;
use crate::engine::{Probe, Quantity};

/// One published figure.
pub struct Row {
    /// Its row in `figures.csv`.
    pub figure: &'static str,
    /// What it is the number of.
    pub name: Both,
    /// The scenario it comes out of.
    pub scenario: &'static str,
    /// What to ask the run for.
    pub probes: &'static [Probe],
    /// The answers in words: `{0}` is the first probe's.
    pub template: &'static str,
    /// Why it is this number.
    pub why: Both,
}

impl Row {
    /// The simulated figure as text.
    pub fn simulated(&self, answers: &[Option<String>]) -> String {
        let mut out = self.template.to_string();
        for (number, answer) in answers.iter().enumerate() {
            out = out.replace(&format!("{{{number}}}"), answer.as_deref().unwrap_or("–"));
        }
        out
    }
}

const fn metric(name: &'static str, at: &'static str) -> Probe {
    Probe { at, of: Quantity::Metric(name) }
}

const fn shown(view: View, host: &'static str, at: &'static str, extract: fn(&str) -> Option<String>) -> Probe {
    Probe { at, of: Quantity::View { view, host, extract } }
}

const fn both(en: &'static str, zh: &'static str) -> Both {
    Both { en, zh }
}

/// All of them, in the order of the outage.
pub const ROWS: &[Row] = &[
    Row {
        figure: "processlist-rows-153",
        name: both("rows in processlist", "processlist 行数"),
        scenario: "incident",
        probes: &[shown(View::Processlist, "host", "kill+3s", extract::rows_in_set)],
        template: "{0}",
        why: both(
            "max_connections + 1 are admitted, and event_scheduler",
            "接纳 max_connections + 1 个，再加 event_scheduler",
        ),
    },
    Row {
        figure: "processlist-ports",
        name: both("steps between their ports", "它们端口的间隔"),
        scenario: "incident",
        probes: &[shown(View::Processlist, "host", "kill+3s", extract::port_steps)],
        template: "{0}",
        why: both("connect() tries one parity and skips a random 0–7 of it", "connect() 先用同一奇偶，随机跳过 0–7 个"),
    },
    Row {
        figure: "ss1-timewait",
        name: both("ss -s: timewait", "ss -s：timewait"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::timewait)],
        template: "{0}",
        why: both("the server's FIN-WAIT-2 of each connection, for 60 s", "服务端每个连接的 FIN-WAIT-2，保留 60 秒"),
    },
    Row {
        figure: "ss1-estab",
        name: both("ss -s: estab", "ss -s：estab"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::estab)],
        template: "{0}",
        why: both("151 greeted connections, both ends, and 29 others", "151 个已问候连接的两端，加其他 29 个"),
    },
    Row {
        figure: "ss1-closed",
        name: both("ss -s: closed", "ss -s：closed"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::closed)],
        template: "{0}",
        why: both(
            "by its formula ss counts timewait in: 18077 + 38 unhashed",
            "按 ss 的算式 timewait 也算进来：18077 + 38 个未入表的",
        ),
    },
    Row {
        figure: "ss1-orphaned",
        name: both("ss -s: orphaned", "ss -s：orphaned"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::orphaned)],
        template: "{0}",
        why: both("FINs whose acknowledgment is delayed; 5 to 8", "确认被推迟的 FIN；5 到 8 个"),
    },
    Row {
        figure: "connections-28231",
        name: both("connections, 32768–60999", "连接数，32768–60999"),
        scenario: "two-hosts",
        probes: &[metric("client.sysbench.tcp.close_wait", "exhausted+15s")],
        template: "{0}",
        why: both(
            "28,232 ports, one of them a listener's: EADDRNOTAVAIL",
            "28,232 个端口，一个被监听占用：EADDRNOTAVAIL",
        ),
    },
    Row {
        figure: "connections-32765",
        name: both("connections, 1024–60999", "连接数，1024–60999"),
        scenario: "wide-range",
        probes: &[metric("client.sysbench.tcp.close_wait", "exhausted+15s")],
        template: "{0}",
        why: both("soft RLIMIT_NOFILE 32768, less 0, 1, 2: EMFILE", "RLIMIT_NOFILE 软限制 32768 减 0、1、2 号：EMFILE"),
    },
    Row {
        figure: "fd-sockets-59974",
        name: both("socket fds, nofile 65535", "socket 描述符，nofile 65535"),
        scenario: "nofile",
        probes: &[metric("client.sysbench.fd.sockets", "exhausted")],
        template: "{0}",
        why: both(
            "59,976 ports − 3 bound, + 1 inside the failing connect()",
            "59,976 个端口 − 3 个被 bind，+ 1 个在失败的 connect() 里",
        ),
    },
    Row {
        figure: "sar-busy-core",
        name: both("the busy core, % of it", "忙碌的那个核，占用 %"),
        scenario: "incident",
        probes: &[Probe {
            at: "end",
            of: Quantity::Expectation { name: "busy share of one core, in millionths", extract: extract::percent },
        }],
        template: "{0}",
        why: both(
            "each connect() searches 28,232 ports in vain; cost model",
            "每次 connect() 白白搜遍 28,232 个端口；成本模型",
        ),
    },
    Row {
        figure: "recvq-28-132",
        name: both("Recv-Q 28 and 132", "Recv-Q 28 与 132"),
        scenario: "nofile",
        probes: &[
            metric("client.sysbench.recvq[28]", "exhausted+15s"),
            metric("client.sysbench.recvq[132]", "exhausted+15s"),
        ],
        template: "28 × {0}, 132 × {1}",
        why: both(
            "28: ERR 1040 (27) + FIN. 132: greeting 77 + ERR 1159 (54) + FIN",
            "28：ERR 1040（27）+ FIN；132：问候 77 + ERR 1159（54）+ FIN",
        ),
    },
    Row {
        figure: "recvq-77",
        name: both("Recv-Q, ESTAB", "Recv-Q，ESTAB"),
        scenario: "max-connections",
        probes: &[metric("client.sysbench.recvq[77]", "kill+13s")],
        template: "77 × {0}",
        why: both(
            "the greeting: 72 bytes + version \"8.3.0\", and no FIN yet",
            "问候：72 字节 + 版本号 \"8.3.0\"，还没有 FIN",
        ),
    },
    Row {
        figure: "recvq-79",
        name: both("Recv-Q, other people", "别人的 Recv-Q"),
        scenario: "old-server",
        probes: &[metric("client.sysbench.recvq[79]", "kill+15s")],
        template: "79 × {0}",
        why: both(
            "greeting 72 + \"8.0.20\", FIN; no ERR 1159 before 8.0.24",
            "问候 72 + \"8.0.20\"，FIN；8.0.24 之前没有 ERR 1159",
        ),
    },
];
