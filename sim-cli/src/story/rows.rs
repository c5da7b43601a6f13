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

/// All of them, in the order of the outage, those of one scenario in the order
/// of their moments. Each fits one line of the table at 100 columns.
pub const ROWS: &[Row] = &[
    Row {
        figure: "processlist-rows-153",
        name: both("processlist: rows", "processlist 行数"),
        scenario: "incident",
        probes: &[shown(View::Processlist, "host", "kill+3s", extract::rows_in_set)],
        template: "{0}",
        why: both("max_connections + 1, and event_scheduler", "max_connections + 1，加 event_scheduler"),
    },
    Row {
        figure: "processlist-ports",
        name: both("processlist: port steps", "processlist 端口间隔"),
        scenario: "incident",
        probes: &[shown(View::Processlist, "host", "kill+3s", extract::port_steps)],
        template: "{0}",
        why: both("one parity, and a random skip of 0–7 in it", "只用一种奇偶，随机跳过 0–7 个"),
    },
    Row {
        figure: "ss1-timewait",
        name: both("ss -s: timewait", "ss -s：timewait"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::timewait)],
        template: "{0}",
        why: both("FIN-WAIT-2 of the server, 60 s each", "服务端的 FIN-WAIT-2，各 60 秒"),
    },
    Row {
        figure: "ss1-estab",
        name: both("ss -s: estab", "ss -s：estab"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::estab)],
        template: "{0}",
        why: both("both ends of 151 greeted, and 29 others", "151 个已问候连接的两端，加其他 29 个"),
    },
    Row {
        figure: "ss1-orphaned",
        name: both("ss -s: orphaned", "ss -s：orphaned"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::orphaned)],
        template: "{0}",
        why: both("FINs whose ACK is delayed: 5 to 8", "FIN 的确认被推迟：5 到 8 个"),
    },
    Row {
        figure: "ss1-closed",
        name: both("ss -s: closed", "ss -s：closed"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::closed)],
        template: "{0}",
        why: both("timewait, and 38 sockets in no table", "timewait，加不在任何表中的 38 个"),
    },
    Row {
        figure: "ss1-tcp",
        name: both("ss -s: TCP", "ss -s：TCP"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::tcp)],
        template: "{0}",
        why: both("18,436 in a table, and closed", "表中 18,436 个，加 closed"),
    },
    Row {
        figure: "ss1-total",
        name: both("ss -s: Total", "ss -s：Total"),
        scenario: "incident",
        probes: &[shown(View::SsS, "host", "tw", extract::total)],
        template: "{0}",
        why: both("without timewait, with other families", "不含 timewait，含其他协议族"),
    },
    Row {
        figure: "sar-busy-core",
        name: both("busy core, %system", "忙碌的核，%system"),
        scenario: "incident",
        probes: &[Probe {
            at: "end",
            of: Quantity::Expectation { name: "system share of one core, in millionths", extract: extract::percent },
        }],
        template: "{0}",
        why: both("connect() searches all ports in vain", "connect() 搜遍所有端口，一无所获"),
    },
    Row {
        figure: "connections-28231",
        name: both("connections, 32768–60999", "连接数，32768–60999"),
        scenario: "two-hosts",
        probes: &[metric("client.sysbench.tcp.close_wait", "exhausted+15s")],
        template: "{0}",
        why: both("28,232 ports, one of a listener", "28,232 个端口，一个属于监听者"),
    },
    Row {
        figure: "ss2-total",
        name: both("ss -s: Total, then", "此时 ss -s：Total"),
        scenario: "two-hosts",
        probes: &[shown(View::SsS, "client", "exhausted+15s", extract::total)],
        template: "{0}",
        why: both("1 of them inside the failing connect()", "其中 1 个在失败的 connect() 里"),
    },
    Row {
        figure: "connections-32765",
        name: both("connections, 1024–60999", "连接数，1024–60999"),
        scenario: "wide-range",
        probes: &[metric("client.sysbench.tcp.close_wait", "exhausted+15s")],
        template: "{0}",
        why: both("soft RLIMIT_NOFILE 32768 less 0, 1, 2", "RLIMIT_NOFILE 软限制 32768 减 0、1、2 号"),
    },
    Row {
        figure: "recvq-28-132",
        name: both("Recv-Q in CLOSE_WAIT", "CLOSE_WAIT 的 Recv-Q"),
        scenario: "nofile",
        probes: &[shown(View::Netstat, "client", "exhausted+15s", extract::recvq_of_close_wait)],
        template: "{0}",
        why: both("ERR 1040, FIN; or 77 + ERR 1159, FIN", "ERR 1040、FIN；或 77 + ERR 1159、FIN"),
    },
    Row {
        figure: "fd-sockets-59974",
        name: both("socket fds, nofile 65535", "socket 描述符，nofile 65535"),
        scenario: "nofile",
        probes: &[metric("client.sysbench.fd.sockets", "exhausted+15s")],
        template: "{0}",
        why: both("59,976 ports − 3 bound, + 1 as above", "59,976 个端口 − 3 个被绑定，+ 1 同上"),
    },
    Row {
        figure: "ss3-total",
        name: both("ss -s: Total, then", "此时 ss -s：Total"),
        scenario: "nofile",
        probes: &[shown(View::SsS, "client", "exhausted+15s", extract::total)],
        template: "{0}",
        why: both("59,973 connections, 311 others, + 1", "59,973 个连接，其他 311 个，+ 1"),
    },
    Row {
        figure: "recvq-77",
        name: both("Recv-Q in ESTAB", "ESTAB 的 Recv-Q"),
        scenario: "max-connections",
        probes: &[metric("client.sysbench.recvq[77]", "kill+13s")],
        template: "77 × {0}",
        why: both("the greeting alone: 72 + \"8.3.0\"", "只有问候：72 + \"8.3.0\""),
    },
    Row {
        figure: "recvq-79",
        name: both("Recv-Q of other people", "别人的 Recv-Q"),
        scenario: "old-server",
        probes: &[metric("client.sysbench.recvq[79]", "kill+15s")],
        template: "79 × {0}",
        why: both("72 + \"8.0.20\", FIN; no ERR 1159 yet", "72 + \"8.0.20\"、FIN；还没有 ERR 1159"),
    },
];
