//! Questions people ask about running out of connections, with short answers.

use crate::text::{Both, Lang};

/// A question with its answer and the entries behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// 1-based number: `halfclose explain q10`.
    pub number: u32,
    /// The question.
    pub text: Both,
    /// Its answer.
    pub answer: Both,
    /// Names of the entries that say more.
    pub see: &'static [&'static str],
}

impl Question {
    /// The question and its answer as the terminal shows them, without colours.
    #[must_use]
    pub fn render(&self, lang: Lang) -> String {
        let see = Both { en: "see", zh: "另见" };
        let colon = super::COLON.text(lang);
        format!(
            "q{}{colon}{}\n\n{}\n\n{}{colon}{}\n",
            self.number,
            self.text.text(lang),
            self.answer.text(lang),
            see.text(lang),
            self.see.join(", ")
        )
    }
}

/// `q10`, `question-10` (folded spelling).
pub(super) fn by_number(folded: &str) -> Option<&'static Question> {
    let digits = folded.strip_prefix("question").or_else(|| folded.strip_prefix('q'))?.trim_start_matches('-');
    let number: u32 = digits.parse().ok()?;
    QUESTIONS.iter().find(|question| question.number == number)
}

/// The question that shares most words with `text`: at least three and half of them.
pub(super) fn by_words(text: &str) -> Option<&'static Question> {
    let asked = words(text);
    let shared = |question: &Question| -> usize {
        Lang::ALL
            .iter()
            .map(|&lang| {
                let known = words(question.text.text(lang));
                asked.iter().filter(|word| known.contains(word)).count()
            })
            .max()
            .unwrap_or(0)
    };
    let mut best: Option<(usize, &'static Question)> = None;
    for question in QUESTIONS {
        let score = shared(question);
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, question));
        }
    }
    best.filter(|&(score, _)| score >= 3 && 2 * score >= asked.len()).map(|(_, question)| question)
}

/// Lower-case words; every Chinese character is a word of its own.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if !word.is_empty() {
            out.push(core::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            out.push(c.to_string());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out.sort();
    out.dedup();
    out
}

macro_rules! questions {
    ($($number:literal { en: $en:literal, zh: $zh:literal, answer_en: $aen:literal, answer_zh: $azh:literal, see: [$($see:literal),* $(,)?] })*) => {
        /// All of them, by number.
        pub const QUESTIONS: &[Question] = &[$(Question {
            number: $number,
            text: Both { en: $en, zh: $zh },
            answer: Both { en: $aen, zh: $azh },
            see: &[$($see),*],
        },)*];
    };
}

questions! {
    1 {
        en: "How many connections can one client address open to one server port?",
        zh: "一个客户端地址对一个服务器端口最多能建立多少个连接？",
        answer_en: "The size of ip_local_port_range, less reserved ports, less ports owned by bound or listening sockets: 28,232 with the defaults.",
        answer_zh: "ip_local_port_range 的大小，减去保留端口，再减去被 bind 或监听的端口：默认 28,232。",
        see: ["net.ipv4.ip_local_port_range", "EADDRNOTAVAIL", "28231"]
    }
    2 {
        en: "Why 28231 (or 28230) connections and not 28232?",
        zh: "为什么是 28231（或 28230）个连接而不是 28232？",
        answer_en: "One (or two) of the range's ports belonged to a listening or bound socket; connect() never takes such a port, on any address. The range includes both its ends, so it has 28,232.",
        answer_zh: "范围内有一个（或两个）端口属于监听或 bind 的 socket；无论绑在哪个地址，connect() 都不会选用。范围包含两端，所以共 28,232 个。",
        see: ["28231", "bhash"]
    }
    3 {
        en: "Does widening the port range to 1024–65535 help, and by how much?",
        zh: "把端口范围扩大到 1024–65535 有用吗？能多多少？",
        answer_en: "It gives 64,512 ports less those already bound. Then the soft RLIMIT_NOFILE binds first, unless it is raised as well; and a leak only takes longer.",
        answer_zh: "共 64,512 个端口，减去已被 bind 的。此后先碰到的是 RLIMIT_NOFILE 软限制，除非也调大；而泄漏只是拖得更久。",
        see: ["net.ipv4.ip_local_port_range", "RLIMIT_NOFILE"]
    }
    4 {
        en: "Which limit hits first: ports, nofile, nr_open, file-max or max_connections?",
        zh: "最先碰到哪个限制：端口、nofile、nr_open、file-max 还是 max_connections？",
        answer_en: "The smallest of them, and its errno tells: EADDRNOTAVAIL is ports, EMFILE the soft nofile, ENFILE file-max, ERR 1040 max_connections.",
        answer_zh: "最小的那个，错误码会告诉你：EADDRNOTAVAIL 是端口，EMFILE 是 nofile 软限制，ENFILE 是 file-max，ERR 1040 是 max_connections。",
        see: ["EADDRNOTAVAIL", "EMFILE", "ENFILE", "1040"]
    }
    5 {
        en: "At what rate of short connections do I run out of ports?",
        zh: "短连接达到什么速率会用完端口？",
        answer_en: "Capacity / 60 s when the client closes first: 28,232 / 60 ≈ 470 a second, and ≈ 463 with timer rounding at HZ 250.",
        answer_zh: "客户端先关闭时是 容量 / 60 秒：28,232 / 60 ≈ 每秒 470 个；算上 HZ 250 的定时器取整约 463 个。",
        see: ["TIME-WAIT", "net.ipv4.tcp_tw_reuse", "HZ"]
    }
    6 {
        en: "Who gets the TIME-WAIT, client or server?",
        zh: "TIME-WAIT 在客户端还是服务端？",
        answer_en: "Whoever sends the first FIN. In this outage the server does, and it only reaches FIN-WAIT-2 because the client never answers with its own.",
        answer_zh: "先发 FIN 的一方。这次故障里是服务端，而且只到 FIN-WAIT-2，因为客户端从不发出自己的 FIN。",
        see: ["TIME-WAIT", "FIN-WAIT-2"]
    }
    7 {
        en: "Does tcp_fin_timeout shorten TIME-WAIT?",
        zh: "tcp_fin_timeout 能缩短 TIME-WAIT 吗？",
        answer_en: "No. TIME-WAIT is a constant 60 s; tcp_fin_timeout is for FIN-WAIT-2 after the application closed.",
        answer_zh: "不能。TIME-WAIT 固定 60 秒；tcp_fin_timeout 管的是应用关闭之后的 FIN-WAIT-2。",
        see: ["net.ipv4.tcp_fin_timeout", "TIME-WAIT", "FIN-WAIT-2"]
    }
    8 {
        en: "Is tcp_tw_reuse=1 safe and useful, and from what age?",
        zh: "tcp_tw_reuse=1 安全且有用吗？多久之后可复用？",
        answer_en: "For outgoing connections, yes: with timestamps on, a TIME-WAIT quiet for more than a second may be taken over, so the sustainable rate rises from capacity / 60 s to about capacity / 1 s.",
        answer_zh: "对外发连接是的：启用 timestamps 时，静默超过一秒的 TIME-WAIT 可以被接管，可持续的速率从 容量/60 秒 提高到约 容量/1 秒。",
        see: ["net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_timestamps"]
    }
    9 {
        en: "Why is tcp_tw_recycle gone?",
        zh: "为什么 tcp_tw_recycle 没有了？",
        answer_en: "It dropped connections of clients behind one NAT, whose timestamps do not grow together. Removed in 4.12.",
        answer_zh: "它会丢弃同一 NAT 后客户端的连接，因为它们的时间戳不会一起增长。4.12 删除。",
        see: ["net.ipv4.tcp_tw_recycle"]
    }
    10 {
        en: "How long does CLOSE-WAIT last?",
        zh: "CLOSE-WAIT 会持续多久？",
        answer_en: "For ever, until the process closes the socket or dies. There is no timeout to configure.",
        answer_zh: "永远，直到进程关闭 socket 或退出。没有可以配置的超时。",
        see: ["CLOSE-WAIT"]
    }
    11 {
        en: "How do I get rid of thousands of CLOSE-WAIT without a restart?",
        zh: "不重启怎样清除成千上万的 CLOSE-WAIT？",
        answer_en: "Close the descriptors in the process (a debugger calling close()) or destroy the sockets with `ss -K` where the kernel has it. Keepalive helps only where the program had switched it on; leaked sockets never got that far. Then fix the program.",
        answer_zh: "在进程里关闭描述符（用调试器调用 close()），或在内核支持时用 `ss -K` 销毁 socket。keepalive 只有在程序事先打开时才有用；泄漏的 socket 没走到那一步。然后修复程序。",
        see: ["CLOSE-WAIT", "SO_KEEPALIVE", "leak"]
    }
    12 {
        en: "Do CLOSE-WAIT sockets cost ports, descriptors, memory?",
        zh: "CLOSE-WAIT 占用端口、描述符、内存吗？",
        answer_en: "One port, one descriptor and about 2 to 3 KiB of kernel memory each, plus what was received and never read.",
        answer_zh: "每个占一个端口、一个描述符和约 2 到 3 KiB 内核内存，另加已收到而从未读取的数据。",
        see: ["CLOSE-WAIT", "Recv-Q"]
    }
    13 {
        en: "Why is Recv-Q 1, 28, 79, 86 or 132 on an idle CLOSE-WAIT socket?",
        zh: "空闲的 CLOSE-WAIT 为什么 Recv-Q 是 1、28、79、86 或 132？",
        answer_en: "Unread bytes plus 1 for the FIN: nothing; ERR 1040 (27); greeting 78 or 85 from an older server; greeting 77 and ERR 1159 (54).",
        answer_zh: "未读字节加 FIN 的 1：什么都没有；ERR 1040（27）；旧服务器的问候 78 或 85；问候 77 与 ERR 1159（54）。",
        see: ["Recv-Q", "Recv-Q 28", "Recv-Q 79", "Recv-Q 132"]
    }
    14 {
        en: "What do Recv-Q and Send-Q mean on a LISTEN socket?",
        zh: "LISTEN socket 上的 Recv-Q 和 Send-Q 是什么意思？",
        answer_en: "Connections waiting for accept(), and the most that may wait: min(backlog, somaxconn).",
        answer_zh: "等待 accept() 的连接数，以及最多可以等待的数目：min(backlog, somaxconn)。",
        see: ["Recv-Q", "Send-Q", "backlog"]
    }
    15 {
        en: "Why does ss -s show huge closed or timewait but few estab?",
        zh: "为什么 ss -s 的 closed 或 timewait 很大，estab 却很少？",
        answer_en: "timewait counts FIN-WAIT-2 minisocks too; closed is computed by subtracting them, so it grows with them; estab leaves CLOSE-WAIT out on kernels before mid-2024.",
        answer_zh: "timewait 也包括 FIN-WAIT-2 的 minisock；closed 的算式要减去它们，所以随之变大；2024 年年中以前的内核 estab 不含 CLOSE-WAIT。",
        see: ["closed", "timewait", "estab"]
    }
    16 {
        en: "Why does connect() suddenly take milliseconds and burn system CPU?",
        zh: "为什么 connect() 突然要几毫秒并消耗大量系统 CPU？",
        answer_en: "Half the range is full: each call first scans 14,116 used ports. Exhausted, it scans all 28,232 and fails.",
        answer_zh: "范围已用掉一半：每次调用先扫过 14,116 个已用端口。用完之后，扫完 28,232 个再失败。",
        see: ["parity", "ehash", "EADDRNOTAVAIL"]
    }
    17 {
        en: "Why do all my source ports have the same parity?",
        zh: "为什么我的源端口奇偶都相同？",
        answer_en: "connect() takes the parity of the range's first port until those are used up; bind(0) takes the other.",
        answer_zh: "connect() 先用与范围首端口同奇偶的端口，用完才用另一半；bind(0) 则相反。",
        see: ["parity"]
    }
    18 {
        en: "EADDRNOTAVAIL or EADDRINUSE: which means what?",
        zh: "EADDRNOTAVAIL 与 EADDRINUSE 各是什么意思？",
        answer_en: "EADDRNOTAVAIL from connect(): no port left towards this destination. EADDRINUSE from bind(): the port, or with 0 every port, is owned by a local socket.",
        answer_zh: "connect() 的 EADDRNOTAVAIL：到这个目的地没有端口了。bind() 的 EADDRINUSE：该端口（为 0 时是所有端口）已被本机 socket 占用。",
        see: ["EADDRNOTAVAIL", "EADDRINUSE"]
    }
    19 {
        en: "How does capacity scale with several destinations or source addresses?",
        zh: "多个目的地或多个源地址时容量如何变化？",
        answer_en: "It multiplies by the number of distinct (source address, destination address, destination port); bind() without IP_BIND_ADDRESS_NO_PORT gives that away.",
        answer_zh: "乘以不同的（源地址、目的地址、目的端口）的组数；不用 IP_BIND_ADDRESS_NO_PORT 而先 bind() 会失去这一点。",
        see: ["ephemeral port", "four-tuple", "IP_BIND_ADDRESS_NO_PORT"]
    }
    20 {
        en: "Too many connections: what must max_connections be for N application servers with pools of P?",
        zh: "Too many connections：N 台应用服务器、连接池大小 P，max_connections 要设多少？",
        answer_en: "N · P plus administrators and bursts; check that open_files_limit and the server's RLIMIT_NOFILE allow it.",
        answer_zh: "N · P 加上管理员与突发；同时检查 open_files_limit 和服务器的 RLIMIT_NOFILE 是否够用。",
        see: ["max_connections", "open_files_limit", "1040"]
    }
    21 {
        en: "Why can't root log in during the storm?",
        zh: "为什么风暴期间 root 也登录不了？",
        answer_en: "The extra place is given before authentication, to whoever comes first. Use admin_port (MariaDB: extra_port).",
        answer_zh: "多出来的一个名额在认证之前就给了先来的人。请用 admin_port（MariaDB：extra_port）。",
        see: ["max_connections", "admin_port"]
    }
    22 {
        en: "Why do I see unauthenticated user rows, and for how long?",
        zh: "为什么会看到 unauthenticated user 行？会持续多久？",
        answer_en: "Clients that connect and say nothing, or slowly: until connect_timeout, which starts again with each fragment they send.",
        answer_zh: "连上之后不说话或说得很慢的客户端：直到 connect_timeout，而它们每发来一个片段就重新计时。",
        see: ["unauthenticated user", "connect_timeout"]
    }
    23 {
        en: "How many unauthenticated places does a leak of R connections a second hold?",
        zh: "每秒 R 个连接的泄漏会占住多少个未认证名额？",
        answer_en: "The smaller of max_connections + 1 and R · connect_timeout; the rest is refused: 1 − max_connections / (R · connect_timeout).",
        answer_zh: "max_connections + 1 与 R · connect_timeout 中较小的；其余被拒绝：1 − max_connections / (R · connect_timeout)。",
        see: ["connect_timeout", "max_connections", "Recv-Q 132"]
    }
    24 {
        en: "Lower connect_timeout or raise max_connections: which helps?",
        zh: "调低 connect_timeout 还是调高 max_connections 更有用？",
        answer_en: "Places needed are R · connect_timeout: 600 a second and 10 s would need 6,000 places and as many threads. Lowering the timeout costs nothing but slow clients; fixing the client helps.",
        answer_zh: "需要的名额是 R · connect_timeout：每秒 600 个、10 秒就要 6,000 个名额和同样多的线程。调低超时只影响慢客户端；真正有用的是修复客户端。",
        see: ["connect_timeout", "max_connections"]
    }
    25 {
        en: "Why was my host blocked with error 1129?",
        zh: "为什么我的主机被 1129 封锁？",
        answer_en: "max_connect_errors (100) handshakes from it failed in a row, time-outs included, and the server keeps a host cache. FLUSH HOSTS frees it.",
        answer_zh: "来自它的握手连续失败了 max_connect_errors（100）次，超时也算，而服务器启用了主机缓存。FLUSH HOSTS 可解除。",
        see: ["1129", "max_connect_errors", "host_cache_size"]
    }
    26 {
        en: "What happens when the accept queue overflows, and how long do clients wait?",
        zh: "全连接队列溢出时会怎样？客户端要等多久？",
        answer_en: "min(backlog, somaxconn) + 1 connections fit; further SYNs are dropped, and clients try again after 1, 3, 7 s (since 6.5: 1, 2, 3, 4 s).",
        answer_zh: "可容纳 min(backlog, somaxconn) + 1 个连接；之后的 SYN 被丢弃，客户端在 1、3、7 秒（6.5 起为 1、2、3、4 秒）后重试。",
        see: ["backlog", "net.core.somaxconn", "ListenOverflows"]
    }
    27 {
        en: "ListenOverflows is rising: which knob?",
        zh: "ListenOverflows 在增长：该调哪个参数？",
        answer_en: "The program's backlog and net.core.somaxconn, both; or accept faster. mysqld takes one connection per wake-up and sleeps a second after EMFILE.",
        answer_zh: "程序的 backlog 和 net.core.somaxconn，两个都要；或者更快地 accept。mysqld 每次唤醒取一个连接，遇到 EMFILE 睡一秒。",
        see: ["ListenOverflows", "backlog", "back_log"]
    }
    28 {
        en: "Which pool settings avoid TIME-WAIT churn?",
        zh: "连接池怎样设置才能避免大量 TIME-WAIT？",
        answer_en: "Keep as many idle connections as you use at once. Go's database/sql keeps 2 by default and closes the rest after each use.",
        answer_zh: "保留的空闲连接数不小于并发数。Go 的 database/sql 默认只留 2 个，其余用完就关。",
        see: ["TIME-WAIT", "back-off"]
    }
    29 {
        en: "What retry or back-off keeps a dead server from being stormed?",
        zh: "怎样的重试与退避不会冲垮已死的服务器？",
        answer_en: "Doubling with a cap and jitter. 1 ms fixed (sysbench) is 600 attempts a second; 10 ms doubling (HikariCP, sqlx) or 200 ms doubling (bb8) is a handful.",
        answer_zh: "加倍、有上限、带抖动。固定 1 毫秒（sysbench）是每秒 600 次；10 毫秒加倍（HikariCP、sqlx）或 200 毫秒加倍（bb8）只有几次。",
        see: ["back-off", "leak"]
    }
    30 {
        en: "When the leaking process is killed, what happens on the wire?",
        zh: "杀死泄漏的进程时，网络上会发生什么？",
        answer_en: "One RST for each socket with unread data; the server's FIN-WAIT-2 minisocks vanish; ports and descriptors are free at once.",
        answer_zh: "每个有未读数据的 socket 发一个 RST；服务端的 FIN-WAIT-2 minisock 消失；端口与描述符立即释放。",
        see: ["RST", "TCPAbortOnClose", "CLOSE-WAIT"]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Found, explain};
    use super::*;

    #[test]
    fn numbered_without_gaps_and_backed_by_entries() {
        for (question, number) in QUESTIONS.iter().zip(1..) {
            assert_eq!(question.number, number);
            assert!(!question.see.is_empty());
            for name in question.see {
                assert!(matches!(explain(name), Found::Entries(_)), "q{number} points to {name}");
            }
        }
        assert_eq!(QUESTIONS.len(), 30);
    }

    #[test]
    fn found_by_number_and_by_words() {
        let number = |text: &str| match explain(text) {
            Found::Question(question) => question.number,
            other @ (Found::Entries(_) | Found::Nothing(_)) => panic!("{text}: {other:?}"),
        };
        assert_eq!(number("q10"), 10);
        assert_eq!(number("Q7"), 7);
        assert_eq!(number("how long does CLOSE_WAIT last"), 10);
        assert_eq!(number("CLOSE-WAIT 会持续多久"), 10);
        assert_eq!(number("why does connect() suddenly take milliseconds?"), 16);
        for question in QUESTIONS {
            for lang in Lang::ALL {
                assert_eq!(number(question.text.text(lang)), question.number, "{}", question.text.text(lang));
            }
        }
    }

    #[test]
    fn both_languages() {
        for question in QUESTIONS {
            assert!(!question.text.zh.is_ascii() && !question.answer.zh.is_ascii(), "q{}", question.number);
        }
    }
}
