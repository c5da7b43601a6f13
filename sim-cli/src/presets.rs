//! The scenarios that come with the program, and the question each one asks.

use halfclose::text::Both;

/// Name and question of a preset.
pub struct Preset {
    /// As `run` takes it.
    pub name: &'static str,
    /// What it is about.
    pub question: Both,
}

const fn preset(name: &'static str, en: &'static str, zh: &'static str) -> Preset {
    Preset { name, question: Both { en, zh } }
}

/// All of them, in the order to try them.
pub const PRESETS: &[Preset] = &[
    preset(
        "tiny",
        "every wall of the outage within 30 s, small enough to draw",
        "30 秒内撞上故障中的每一堵墙，小到可以画出来",
    ),
    preset(
        "one-connection",
        "one silent client: greeting, 10 s, error 1159, and CLOSE-WAIT for ever",
        "一个沉默的客户端：问候、10 秒、错误 1159，然后永远 CLOSE-WAIT",
    ),
    preset(
        "incident",
        "day one: one host, one KILL, a client that leaks a socket every millisecond",
        "第一天：一台主机，一次 KILL，客户端每毫秒泄漏一个 socket",
    ),
    preset("two-hosts", "client and server apart: the source ports run out", "客户端与服务端分开：源端口用完"),
    preset("wide-range", "more ports: now the descriptors run out", "端口更多了：这次描述符用完"),
    preset("nofile", "more descriptors: the ports run out again", "描述符也更多了：又是端口用完"),
    preset("max-connections", "max_connections raised in the middle of the outage", "故障中途调大 max_connections"),
    preset("old-server", "a server before 8.0.24, which closes without a word", "8.0.24 之前的服务器，一言不发就关闭"),
    preset("longer-timeout", "connect_timeout = 60: does it help?", "connect_timeout = 60：有用吗？"),
    preset("restart-client", "the leaking process is killed", "杀死泄漏的进程"),
    preset("fixed-client", "the same outage with the leak fixed", "修复泄漏之后的同一场故障"),
    preset("mariadb", "a server that closes with RST", "用 RST 关闭连接的服务器"),
    preset("time-wait", "short connections: how many a second can last?", "短连接：每秒多少个才能持续？"),
    preset("file-max", "the whole system runs out of open files", "整个系统的打开文件数用完"),
];
