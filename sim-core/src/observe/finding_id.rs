//! Which rules there are: name, severity, and what each says, in one table.

use super::findings::Severity;
use crate::text::{Both, Lang};

macro_rules! ids {
    ($($variant:ident = $name:literal, $severity:ident { en: $en:literal, zh: $zh:literal })*) => {
        /// Which rule found it. Names are stable: JSON readers match on them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum FindingId { $(#[doc = $en] $variant,)* }

        impl FindingId {
            /// All of them, in the order of a telling.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity,)* } }
            /// When it is said.
            #[must_use]
            pub const fn when(self) -> Both { match self { $(Self::$variant => Both { en: $en, zh: $zh },)* } }
        }
    };
}

ids! {
    DescriptorLeak = "descriptor-leak", Error {
        en: "a process holds sockets whose descriptors it has lost",
        zh: "进程占着 socket，却已经丢了它们的描述符"
    }
    CloseWait = "close-wait", Error {
        en: "sockets are in CLOSE-WAIT: their peer closed, the application did not",
        zh: "socket 停在 CLOSE-WAIT：对端关闭了，应用没有"
    }
    ReconnectStorm = "reconnect-storm", Warning {
        en: "a client reconnects without backing off",
        zh: "客户端不退避地不断重连"
    }
    FirstLimit = "first-limit", Note {
        en: "a limit was reached: which came first, when, at how many connections",
        zh: "到达了某个限制：哪个最先、什么时候、当时有多少连接"
    }
    LimitOrder = "limit-order", Note {
        en: "the limits in the order in which they bound, or would have",
        zh: "各个限制生效（或本来会生效）的次序"
    }
    PortsExhausted = "ports-exhausted", Error {
        en: "no source port was left: connect() got EADDRNOTAVAIL, or bind() EADDRINUSE",
        zh: "没有源端口了：connect() 返回 EADDRNOTAVAIL，或 bind() 返回 EADDRINUSE"
    }
    FdsExhausted = "fds-exhausted", Error {
        en: "the process's soft RLIMIT_NOFILE was reached: EMFILE",
        zh: "到达进程的 RLIMIT_NOFILE 软限制：EMFILE"
    }
    FilesExhausted = "files-exhausted", Error {
        en: "fs.file-max was reached: ENFILE",
        zh: "到达 fs.file-max：ENFILE"
    }
    TooManyConnections = "too-many-connections", Warning {
        en: "the server refused connections with ERR 1040",
        zh: "服务器以 ERR 1040 拒绝连接"
    }
    UnauthenticatedSlots = "unauthenticated-slots", Note {
        en: "sessions that have not logged in held places of the server",
        zh: "尚未登录的会话占着服务器的名额"
    }
    ConnectTimeout = "connect-timeout", Note {
        en: "sessions were ended by `connect_timeout`",
        zh: "有会话被 `connect_timeout` 结束"
    }
    AcceptQueue = "accept-queue", Warning {
        en: "an accept queue was full",
        zh: "全连接队列满了"
    }
    HostBlocked = "host-blocked", Error {
        en: "the server blocked a host: ERR 1129",
        zh: "服务器屏蔽了一台主机：ERR 1129"
    }
    OtherParity = "other-parity", Note {
        en: "all ports of one parity were taken, and the search went over to the other",
        zh: "一种奇偶的端口用完，搜索转到另一种"
    }
    SearchCost = "search-cost", Warning {
        en: "failing connect() calls inspect the whole range, and what that costs",
        zh: "失败的 connect() 搜遍整个范围，以及由此付出的 CPU"
    }
    TimeWaitSide = "time-wait-side", Note {
        en: "minisocks exist: which side holds them, and why",
        zh: "存在 minisock：在哪一边，为什么"
    }
    TimeWaitLimit = "time-wait-limit", Warning {
        en: "TIME-WAIT holds the source ports",
        zh: "TIME-WAIT 占着源端口"
    }
    TimeWaitOverflow = "time-wait-overflow", Warning {
        en: "`tcp_max_tw_buckets` was reached",
        zh: "到达 `tcp_max_tw_buckets`"
    }
    OrphanLimit = "orphan-limit", Warning {
        en: "`tcp_max_orphans` was reached",
        zh: "到达 `tcp_max_orphans`"
    }
    Recovered = "recovered", Note {
        en: "service came back after it had failed",
        zh: "服务失败之后又恢复了"
    }
    NothingRanOut = "nothing-ran-out", Note {
        en: "none of the others applies",
        zh: "其他各条都不适用"
    }
}

crate::messages! {
    /// What is said of a finding as such.
    pub enum OfFindings {
        Heading { en: "{0} (finding: {1})", zh: "{0}（发现：{1}）" }
        When { en: "Said of a run when {0}.", zh: "一次运行出现这种情况时给出：{0}。" }
        Error { en: "error", zh: "错误" }
        Warning { en: "warning", zh: "警告" }
        Note { en: "note", zh: "说明" }
    }
}

impl FindingId {
    /// The finding of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name().eq_ignore_ascii_case(name.trim()))
    }

    /// What `halfclose explain NAME` says: a heading, then when it is said.
    #[must_use]
    pub fn explained(self, lang: Lang) -> String {
        let grade = self.severity().word().text(lang);
        let heading = crate::say!(lang, OfFindings::Heading, self.name(), grade);
        format!("{heading}\n{}\n", crate::say!(lang, OfFindings::When, self.when().text(lang)))
    }
}

impl Severity {
    /// How bad, in a word.
    #[must_use]
    pub const fn word(self) -> Both {
        match self {
            Self::Error => OfFindings::Error.texts(),
            Self::Warning => OfFindings::Warning.texts(),
            Self::Note => OfFindings::Note.texts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_found_by_name_and_explained() {
        for id in FindingId::ALL {
            assert_eq!(FindingId::parse(id.name()), Some(*id));
        }
        assert_eq!(
            FindingId::PortsExhausted.explained(Lang::En),
            "ports-exhausted (finding: error)\nSaid of a run when no source port was left: connect() got EADDRNOTAVAIL, or bind() EADDRINUSE.\n"
        );
        assert!(FindingId::parse("ports").is_none());
    }
}
