//! The glossary, the questions, and the settings with their defaults: from the
//! table behind `halfclose explain`.

use halfclose::kernel::profile::KernelProfile;
use halfclose::kernel::sysctl::Sysctls;
use halfclose::text::explain::{Entry, Kind, QUESTIONS, entries};
use halfclose::text::{Both, Lang};

use super::{MADE, cell};

/// Every word, by kind.
pub(super) fn glossary(lang: Lang) -> String {
    let (title, intro) = match lang {
        Lang::En => (
            "Glossary",
            "Every word that `halfclose explain` knows. Names are those of RFC 9293, of Linux and of MySQL.\n\
             *Comes from* names the section, the kernel function or the manual.",
        ),
        Lang::Zh => (
            "术语表",
            "`halfclose explain` 认识的每一个词。名称沿用 RFC 9293、Linux 和 MySQL 自己的写法。\n\
             “出处”给出章节、内核函数或手册。",
        ),
    };
    let mut page = format!("# {title}\n\n{MADE}\n\n{intro}\n");
    for kind in Kind::ALL {
        page.push_str(&format!("\n## {}\n", kind.name().text(lang)));
        for entry in entries().filter(|entry| entry.kind == kind) {
            page.push_str(&term(entry, lang));
        }
    }
    page
}

/// A word, with what is known of it.
fn term(entry: &Entry, lang: Lang) -> String {
    let mut out =
        format!("\n### {} {{#{}}}\n\n{}\n", entry.title(), anchor(entry.name), prose(entry.meaning.text(lang)));
    let mut facts: Vec<String> = Vec::new();
    let mut fact = |label: Both, text: &str| {
        if !text.is_empty() {
            facts.push(format!("- *{}*: {text}", label.text(lang)));
        }
    };
    let spelt: Vec<String> = entry.aliases.iter().map(|alias| format!("`{alias}`")).collect();
    fact(Both { en: "also written", zh: "又写作" }, &spelt.join(", "));
    let value =
        if entry.unit.is_empty() { entry.default.to_owned() } else { format!("{} {}", entry.default, entry.unit) };
    fact(Both { en: "default", zh: "默认值" }, &prose(value.trim()));
    fact(
        Both { en: "what runs out", zh: "耗尽什么" },
        &entry.runs_out.map_or_else(String::new, |b| prose(b.text(lang))),
    );
    fact(Both { en: "comes from", zh: "出处" }, &prose(entry.source));
    if !facts.is_empty() {
        out.push_str(&format!("\n{}\n", facts.join("\n")));
    }
    if !entry.type_this.is_empty() {
        out.push_str(&format!("\n```sh\n{}\n```\n", entry.type_this.trim()));
    }
    out
}

/// `net.ipv4.tcp_tw_reuse` as the name of a place on the page.
fn anchor(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    format!("w-{plain}")
}

/// Markdown that shows `text` as it is.
fn prose(text: &str) -> String {
    text.replace('<', "&lt;").replace('*', "\\*").replace('|', "\\|")
}

/// What people ask, with answers.
pub(super) fn questions(lang: Lang) -> String {
    let (title, intro, see) = match lang {
        Lang::En => (
            "Questions people ask",
            "`halfclose explain q7` prints one of them, `halfclose explain` with a question in your own words finds the nearest.",
            "See",
        ),
        Lang::Zh => (
            "人们常问的问题",
            "`halfclose explain q7` 打印其中一个；在 `halfclose explain` 后面用自己的话提问，会找到最接近的一个。",
            "参见",
        ),
    };
    let mut page = format!("# {title}\n\n{MADE}\n\n{intro}\n");
    for question in QUESTIONS {
        let words: Vec<String> = question.see.iter().map(|word| link(word)).collect();
        page.push_str(&format!(
            "\n## {}. {} {{#q{}}}\n\n{}\n",
            question.number,
            prose(question.text.text(lang)),
            question.number,
            prose(question.answer.text(lang)),
        ));
        if !words.is_empty() {
            page.push_str(&format!("\n{see}: {}.\n", words.join(", ")));
        }
    }
    page
}

/// A word of the glossary as a link to it.
fn link(word: &str) -> String {
    match entries().find(|entry| entry.name == word) {
        Some(entry) => format!("[{word}](../glossary.md#{})", anchor(entry.name)),
        None => panic!("{word} is not in the glossary"),
    }
}

/// The kernels of the book's tables: that of the outage, two long-term ones, and the one the lab ran on.
const KERNELS: [&str; 4] = ["5.10.213", "6.1.0", "6.12.0", "6.18.44"];
const RAM: u64 = 8 << 30;

/// Sysctls and variables with their defaults.
pub(super) fn settings(lang: Lang) -> String {
    let (title, intro, heads, sysctls, server) = match lang {
        Lang::En => (
            "Settings and their defaults",
            "What a scenario may set and what it is when nobody does. Names are the kernel's and MySQL's own: `net.ipv4.tcp_fin_timeout = 30`\n\
             under `[host.NAME.sysctl]`, `max_connections = 500` under `[process.mysqld]`.",
            ["name", "default", "what it is"],
            "What the model has for a host with 8 GiB of memory, by kernel version. A dash: that version does not have it.",
            "MySQL system variables",
        ),
        Lang::Zh => (
            "设置及其默认值",
            "场景可以设置什么，以及没有人设置时它是多少。名称就是内核和 MySQL 自己的名称：在 `[host.NAME.sysctl]` 下写\n\
             `net.ipv4.tcp_fin_timeout = 30`，在 `[process.mysqld]` 下写 `max_connections = 500`。",
            ["名称", "默认值", "含义"],
            "内存为 8 GiB 的主机上，模型在各内核版本中的取值。短横线表示该版本没有这个参数。",
            "MySQL 系统变量",
        ),
    };
    let mut page = format!("# {title}\n\n{MADE}\n\n{intro}\n\n## sysctl\n\n{sysctls}\n\n| {} |", heads[0]);
    for kernel in KERNELS {
        page.push_str(&format!(" {kernel} |"));
    }
    page.push_str(&format!("\n|{}\n", "---|".repeat(KERNELS.len() + 1)));
    let tables: Vec<Sysctls> =
        KERNELS.iter().map(|kernel| Sysctls::new(&KernelProfile::parse(kernel).expect("a release"), RAM)).collect();
    let mut names: Vec<&str> = tables.iter().flat_map(Sysctls::names).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let known = entries().find(|entry| entry.name == name);
        let shown = known
            .map_or_else(|| format!("`{name}`"), |entry| format!("[`{name}`](../glossary.md#{})", anchor(entry.name)));
        page.push_str(&format!("| {shown} |"));
        for table in &tables {
            let value = table.get(name).map_or_else(|| "–".to_owned(), |value| value.replace('\t', " "));
            page.push_str(&format!(" {value} |"));
        }
        page.push('\n');
    }
    for (kind, heading) in [
        (Kind::MysqlVariable, server),
        (Kind::Limit, Kind::Limit.name().text(lang)),
        (Kind::SocketOption, Kind::SocketOption.name().text(lang)),
    ] {
        page.push_str(&format!("\n## {heading}\n\n| {} |\n|---|---|---|\n", heads.join(" | ")));
        for entry in entries().filter(|entry| entry.kind == kind) {
            let unit = if entry.unit.is_empty() { String::new() } else { format!(" {}", entry.unit) };
            let meaning = cell(&entry.meaning.text(lang).replace('\n', " "));
            page.push_str(&format!(
                "| [`{}`](../glossary.md#{}) | {}{} | {meaning} |\n",
                entry.name,
                anchor(entry.name),
                cell(entry.default),
                cell(&unit)
            ));
        }
    }
    page
}
