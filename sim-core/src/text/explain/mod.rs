//! What `halfclose explain WORD` knows: states, errnos, sysctls, MySQL
//! variables, limits, tool columns, and the questions people ask.
//!
//! Every entry has one paragraph in English and 中文, and says where it comes
//! from. Kernel claims follow the versions named in `source`.

mod errnos;
mod limits;
mod mysql;
mod questions;
mod states;
mod sysctls;
mod tools;
mod words;

pub use questions::{QUESTIONS, Question};

use super::{Both, Lang, nearest_few};
use crate::errno::Errno;

/// What sort of thing a word is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A state of RFC 9293 §3.3.2.
    State,
    /// A Linux error number.
    Errno,
    /// A Linux sysctl.
    Sysctl,
    /// A per-process or system limit that is not a sysctl.
    Limit,
    /// A socket option.
    SocketOption,
    /// A MySQL system variable.
    MysqlVariable,
    /// A MySQL status variable.
    MysqlStatus,
    /// An error of the MySQL protocol.
    MysqlError,
    /// A column or field a tool prints.
    Column,
    /// A counter of the network stack.
    Counter,
    /// A term of this domain.
    Term,
}

impl Kind {
    /// All of them, in the order they are listed.
    pub const ALL: [Self; 11] = [
        Self::State,
        Self::Errno,
        Self::Sysctl,
        Self::Limit,
        Self::SocketOption,
        Self::MysqlVariable,
        Self::MysqlStatus,
        Self::MysqlError,
        Self::Column,
        Self::Counter,
        Self::Term,
    ];

    /// The name of the kind.
    #[must_use]
    pub const fn name(self) -> Both {
        match self {
            Self::State => Both { en: "TCP state", zh: "TCP 状态" },
            Self::Errno => Both { en: "Linux error", zh: "Linux 错误码" },
            Self::Sysctl => Both { en: "sysctl", zh: "内核参数" },
            Self::Limit => Both { en: "limit", zh: "资源限制" },
            Self::SocketOption => Both { en: "socket option", zh: "socket 选项" },
            Self::MysqlVariable => Both { en: "MySQL system variable", zh: "MySQL 系统变量" },
            Self::MysqlStatus => Both { en: "MySQL status variable", zh: "MySQL 状态变量" },
            Self::MysqlError => Both { en: "MySQL error", zh: "MySQL 错误" },
            Self::Column => Both { en: "column of a tool", zh: "工具输出的列" },
            Self::Counter => Both { en: "kernel counter", zh: "内核计数器" },
            Self::Term => Both { en: "term", zh: "术语" },
        }
    }
}

/// One explained word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name as its own world writes it.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What it is.
    pub kind: Kind,
    /// One paragraph.
    pub meaning: Both,
    /// Value when nobody set it; empty if it has none.
    pub default: &'static str,
    /// Unit of the value; empty if it has none.
    pub unit: &'static str,
    /// What runs out, or what goes wrong at its limit.
    pub runs_out: Option<Both>,
    /// Commands to type, one a line; empty if there is nothing to type.
    pub type_this: &'static str,
    /// Where this is written down: RFC section, kernel function and version, manual.
    pub source: &'static str,
}

/// Starts an [`Entry`]; both languages are compulsory.
const fn entry(kind: Kind, name: &'static str, en: &'static str, zh: &'static str) -> Entry {
    Entry {
        name,
        aliases: &[],
        kind,
        meaning: Both { en, zh },
        default: "",
        unit: "",
        runs_out: None,
        type_this: "",
        source: "",
    }
}

impl Entry {
    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
    const fn value(mut self, default: &'static str, unit: &'static str) -> Self {
        self.default = default;
        self.unit = unit;
        self
    }
    const fn runs_out(mut self, en: &'static str, zh: &'static str) -> Self {
        self.runs_out = Some(Both { en, zh });
        self
    }
    const fn run(mut self, commands: &'static str) -> Self {
        self.type_this = commands;
        self
    }
    const fn source(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// True if `folded` (see [`fold`]) is a spelling of this entry.
    fn is_called(&self, folded: &str) -> bool {
        fold(self.name) == folded
            || fold(short_name(self.name)) == folded
            || self.aliases.iter().any(|alias| fold(alias) == folded)
            || self.errno().is_some_and(|errno| errno.number().to_string() == folded)
    }

    /// The error number, if this is one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        if self.kind == Kind::Errno { Errno::from_name(self.name) } else { None }
    }

    /// The name as a heading: an errno with its number and `strerror` text.
    #[must_use]
    pub fn title(&self) -> String {
        match self.errno() {
            Some(errno) => format!("{} ({}, {})", self.name, errno.number(), errno.text()),
            None => self.name.to_string(),
        }
    }
}

/// The last part of a sysctl: `tcp_tw_reuse` of `net.ipv4.tcp_tw_reuse`.
fn short_name(name: &str) -> &str {
    match name.strip_prefix("net.").or_else(|| name.strip_prefix("fs.")) {
        Some(rest) => rest.rsplit('.').next().unwrap_or(rest),
        None => name,
    }
}

/// Case, `-`, `_`, `/`, `.` and spaces do not matter, nor does a trailing question mark.
fn fold(word: &str) -> String {
    word.trim()
        .trim_end_matches(['?', '？'])
        .chars()
        .map(|c| match c {
            '_' | '/' | '.' | ' ' | '\t' => '-',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// Every entry, by kind in the order of [`Kind::ALL`].
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    const TABLES: [&[Entry]; 7] = [
        states::ENTRIES,
        errnos::ENTRIES,
        sysctls::ENTRIES,
        limits::ENTRIES,
        mysql::ENTRIES,
        tools::ENTRIES,
        words::ENTRIES,
    ];
    TABLES.into_iter().flatten()
}

/// What a word turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Entries of that name: usually one; `closed` is a state and a column of `ss -s`.
    Entries(Vec<&'static Entry>),
    /// A question people ask, by its number or most of its words.
    Question(&'static Question),
    /// Nothing, and the known words nearest to it (perhaps none).
    Nothing(Vec<&'static str>),
}

/// Looks a word up: a name or other spelling of an entry (`close_wait`,
/// `tcp_tw_reuse`, `99`), `q1` … `q30`, or a question in one's own words.
#[must_use]
pub fn explain(word: &str) -> Found {
    let folded = fold(word);
    let called: Vec<&'static Entry> = entries().filter(|entry| entry.is_called(&folded)).collect();
    if !called.is_empty() {
        return Found::Entries(called);
    }
    if let Some(question) = questions::by_number(&folded).or_else(|| questions::by_words(word)) {
        return Found::Question(question);
    }
    Found::Nothing(nearest_few(word.trim(), names(), 3))
}

/// Every name and other spelling, for suggestions and completion.
pub fn names() -> impl Iterator<Item = &'static str> {
    entries().flat_map(|entry| {
        core::iter::once(entry.name)
            .chain((short_name(entry.name) != entry.name).then(|| short_name(entry.name)))
            .chain(entry.aliases.iter().copied())
    })
}

impl Entry {
    /// The entry as the terminal shows it, without colours: name, kind, paragraph,
    /// then one labelled line for each further fact.
    #[must_use]
    pub fn render(&self, lang: Lang) -> String {
        let label = |both: Both| both.text(lang);
        let mut out = format!("{} — {}\n\n{}\n", self.title(), label(self.kind.name()), self.meaning.text(lang));
        let colon = COLON.text(lang);
        let mut line = |name: Both, value: &str| {
            if !value.is_empty() {
                out.push_str(&format!("\n{}{colon}{value}", label(name)));
            }
        };
        line(DEFAULT, self.default);
        line(UNIT, self.unit);
        line(RUNS_OUT, self.runs_out.map_or("", |both| both.text(lang)));
        line(SOURCE, self.source);
        line(ALSO, &self.aliases.join(", "));
        if !self.type_this.is_empty() {
            out.push_str(&format!("\n{}{}\n", label(TYPE_THIS), colon.trim_end()));
            for command in self.type_this.lines() {
                out.push_str(&format!("    {command}\n"));
            }
        } else {
            out.push('\n');
        }
        out
    }
}

/// What stands between a label and its value.
pub(super) const COLON: Both = Both { en: ": ", zh: "：" };
const DEFAULT: Both = Both { en: "default", zh: "默认值" };
const UNIT: Both = Both { en: "unit", zh: "单位" };
const RUNS_OUT: Both = Both { en: "what runs out", zh: "会耗尽什么" };
const SOURCE: Both = Both { en: "source", zh: "出处" };
const ALSO: Both = Both { en: "also written", zh: "又写作" };
const TYPE_THIS: Both = Both { en: "what to type", zh: "可以输入" };

#[cfg(test)]
mod tests {
    use super::*;

    fn found(word: &str) -> &'static str {
        match explain(word) {
            Found::Entries(entries) => entries[0].name,
            Found::Question(question) => question.text.en,
            Found::Nothing(near) => panic!("{word}: nothing, near {near:?}"),
        }
    }

    #[test]
    fn spellings() {
        assert_eq!(found("CLOSE_WAIT"), "CLOSE-WAIT");
        assert_eq!(found("close-wait"), "CLOSE-WAIT");
        assert_eq!(found("eaddrnotavail"), "EADDRNOTAVAIL");
        assert_eq!(found("99"), "EADDRNOTAVAIL");
        assert_eq!(found("tcp_tw_reuse"), "net.ipv4.tcp_tw_reuse");
        assert_eq!(found("net/ipv4/tcp_tw_reuse"), "net.ipv4.tcp_tw_reuse");
        assert_eq!(found("recv-q"), "Recv-Q");
        assert_eq!(found("1040"), "1040");
        let Found::Entries(both) = explain("closed") else { panic!("not found") };
        assert_eq!(both.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [Kind::State, Kind::Column]);
    }

    #[test]
    fn a_misspelt_word_gets_a_suggestion() {
        let Found::Nothing(near) = explain("EADDRNOTAVIAL") else { panic!("found") };
        assert_eq!(near.first(), Some(&"EADDRNOTAVAIL"));
        assert_eq!(explain("xylophone-quartet"), Found::Nothing(vec![]));
    }

    #[test]
    fn every_errno_has_an_entry() {
        for errno in Errno::ALL {
            assert_eq!(found(errno.name()), errno.name());
            assert_eq!(found(&errno.number().to_string()), errno.name(), "by number");
        }
    }

    #[test]
    fn no_spelling_means_two_things_of_a_kind() {
        let mut seen = std::collections::BTreeMap::new();
        for entry in entries() {
            for name in core::iter::once(&entry.name).chain(entry.aliases) {
                if let Some(before) = seen.insert((fold(name), entry.kind), entry.name) {
                    assert_eq!(before, entry.name, "{name} names two of a kind");
                }
            }
        }
    }

    #[test]
    fn entries_are_whole() {
        for entry in entries() {
            assert!(!entry.source.is_empty(), "{} has no source", entry.name);
            assert!(entry.meaning.en.len() > 30, "{} is barely explained", entry.name);
            assert!(!entry.meaning.zh.is_ascii(), "{} has no 中文", entry.name);
            assert!(entry.meaning.en.ends_with('.'), "{}", entry.name);
            assert!(entry.meaning.zh.ends_with('。'), "{}", entry.name);
            if let Some(both) = entry.runs_out {
                assert!(!both.zh.is_ascii() && !both.en.is_empty(), "{}", entry.name);
            }
            let needs_default = match entry.kind {
                Kind::Sysctl | Kind::MysqlVariable => true,
                Kind::State
                | Kind::Errno
                | Kind::Limit
                | Kind::SocketOption
                | Kind::MysqlStatus
                | Kind::MysqlError
                | Kind::Column
                | Kind::Counter
                | Kind::Term => false,
            };
            assert!(!needs_default || !entry.default.is_empty(), "{} has no default", entry.name);
        }
    }

    #[test]
    fn rendering_has_labels_in_its_language() {
        let Found::Entries(entries) = explain("net.ipv4.ip_local_port_range") else { panic!("not found") };
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        let en = entry.render(Lang::En);
        assert!(en.contains("default: 32768 60999"), "{en}");
        assert!(entry.render(Lang::Zh).contains("默认值：32768 60999"));
    }
}
