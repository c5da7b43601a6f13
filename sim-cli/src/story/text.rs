//! The words of the story.

use halfclose::text::Both;

halfclose::messages! {
    /// A sentence of the story.
    pub enum Tale {
        Title { en: "One KILL, and the client never gets back in", zh: "一次 KILL，客户端再也连不回来" }
        What {
            en: "What happened: an administrator kills one MySQL session. The client's library has already lost its handle, so every reconnect opens a socket, forgets it, fails, and tries again 1 ms later. The server greets the first 151 and gives each up after 10 s; all others it refuses with ERR 1040. It closes every connection. The client closes none.",
            zh: "发生了什么：管理员 KILL 了一个 MySQL 会话。客户端的库早已丢失句柄，于是每次重连都打开一个 socket、忘掉它、失败，1 毫秒后再试。服务器问候最先的 151 个，各等 10 秒后放弃；其余一律以 ERR 1040 拒绝。每个连接服务器都关闭了，客户端一个也没有关。"
        }
        Why {
            en: "Why it never ends: a socket whose peer has closed stays in CLOSE-WAIT until its own program closes it; no timer does. Each keeps a source port and a descriptor. When the last port is taken, connect() searches them all, finds none, and says EADDRNOTAVAIL, for ever: a busy core, an idle server.",
            zh: "为什么没有尽头：对端已关闭的 socket 停在 CLOSE-WAIT，直到自己的程序关闭它，没有任何定时器。每个都占着一个源端口和一个描述符。最后一个端口用完后，connect() 搜遍所有端口、一无所获、返回 EADDRNOTAVAIL，永无休止：一个忙碌的核，一台空闲的服务器。"
        }
        Figure { en: "figure", zh: "数字" }
        Published { en: "published", zh: "原文" }
        Simulated { en: "simulated", zh: "模拟" }
        Because { en: "why", zh: "为什么" }
        Next { en: "Try next", zh: "接下来可以试试" }
    }
}

const fn both(en: &'static str, zh: &'static str) -> Both {
    Both { en, zh }
}

/// What to try next.
pub const NEXT: &[(&str, Both)] = &[
    (
        "halfclose run tiny",
        both("the same with 16 ports and 12 descriptors", "同样的故障，只有 16 个端口、12 个描述符"),
    ),
    ("halfclose show ss-s incident --at kill+30s", both("what a tool prints at a moment", "某个工具在某一时刻的输出")),
    (
        "halfclose sh incident --at kill-1s",
        both("a shell there: ss, sysctl, kill 11, advance", "在那台主机上的 shell：ss、sysctl、kill 11、advance"),
    ),
    ("halfclose run fixed-client", both("what fixing the leak changes", "修复泄漏之后有什么不同")),
    ("halfclose run restart-client", both("what killing the process does", "杀死进程会怎样")),
    ("halfclose explain CLOSE_WAIT", both("a state, an errno, a sysctl, a variable", "状态、错误码、内核参数、变量")),
];
