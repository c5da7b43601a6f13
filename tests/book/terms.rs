//! Every term of the book is in the glossary.
//!
//! A term is a word whose own world defines it: an error number, a sysctl, a limit, a capability, a socket option, a state,
//! a control bit, a system call, a variable or error of MySQL's, a counter of the network stack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use halfclose::app::api::CallName;
use halfclose::errno::Errno;
use halfclose::kernel::profile::KernelProfile;
use halfclose::kernel::sysctl::Sysctls;
use halfclose::scenario::{ProgramKind, app_metrics};
use halfclose::tcp::TcpState;
use halfclose::text::explain::{Found, entries, explain};
use halfclose::trace::Mib;
use halfclose_tests::tree::{files, read};

/// What lists names without using them: the glossary itself, and the table of all metrics.
const LISTS: &[&str] = &["glossary.md", "reference/metrics.md"];

/// How an all-capital name begins that belongs to the socket interface or to limits.
const PREFIXES: &[&str] = &["SO_", "IP_", "TCP_", "MSG_", "RLIMIT_", "CAP_"];

/// Words of RFC 9293 and its kin.
const WORDS: &[&str] = &[
    "SYN",
    "FIN",
    "ACK",
    "RST",
    "SYN-ACK",
    "MSS",
    "MSL",
    "RTO",
    "ISN",
    "HZ",
    "MIB",
    "NAT",
    "minisock",
    "minisocks",
    "softirq",
    "orphan",
    "orphans",
    "backlog",
    "digest",
    "seed",
    "parity",
    "four-tuple",
    "half-close",
];

/// The names that the program's own tables know as terms, by the spelling the book uses.
fn names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = WORDS.iter().map(|&word| word.to_owned()).collect();
    for state in TcpState::ALL {
        names.insert(state.rfc_name().to_owned());
        names.insert(state.metric_name().to_uppercase());
    }
    names.extend(Errno::ALL.iter().map(|errno| errno.name().to_owned()));
    for kernel in ["4.14", "5.10", "6.1", "6.18"] {
        let sysctls = Sysctls::new(&KernelProfile::parse(kernel).expect("a release"), 8 << 30);
        for name in sysctls.names() {
            names.insert(name.to_owned());
            names.extend(name.rsplit('.').next().filter(|short| short.contains('_')).map(str::to_owned));
        }
    }
    names.extend(CallName::ALL.iter().map(|call| format!("{}()", call.name())));
    let server = app_metrics(ProgramKind::Mysqld).iter().filter(|name| name.contains('_'));
    names.extend(server.map(|&name| name.to_owned()));
    names.extend(Mib::ALL.iter().map(|mib| mib.name()).filter(|name| name.len() > 4).map(str::to_owned));
    names
}

/// The terms of a page, as one would look them up.
fn terms(text: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-()".contains(c);
    let mut found = BTreeSet::new();
    let mut before = "";
    for word in text.split(|c: char| !is_part(c)) {
        let word = word.trim_matches(['.', '-']);
        let bare = if word.ends_with("()") { word } else { word.trim_matches(['(', ')']) };
        let setting = ["net.ipv4.", "net.core.", "fs."].iter().any(|group| bare.starts_with(group));
        let capital = PREFIXES.iter().any(|prefix| bare.starts_with(prefix) && bare.len() > prefix.len())
            && bare.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        // `linux/fs.h` and `sysctl/fs.rst` are files.
        if names.contains(bare) || capital || (setting && !bare.ends_with(".h") && !bare.ends_with(".rst")) {
            found.insert(bare.to_owned());
        }
        if before == "ERR" && bare.chars().all(|c| c.is_ascii_digit()) {
            found.insert(bare.to_owned());
        }
        before = word;
    }
    found
}

#[test]
fn every_term_of_the_book_is_in_the_glossary() {
    let names = names();
    let mut unknown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for file in files("book/src", &[".md"]) {
        if LISTS.iter().any(|list| file == Path::new("book/src").join(list)) {
            continue;
        }
        let text = read(&file);
        for term in terms(&text, &names) {
            if !matches!(explain(&term), Found::Entries(_)) {
                unknown.entry(term.clone()).or_default().insert(file.display().to_string());
            }
            seen.insert(term);
        }
    }
    assert!(seen.len() > 120, "{}: the pages were not read", seen.len());
    assert!(unknown.is_empty(), "`halfclose explain` does not know: {unknown:#?}");
}

#[test]
fn a_term_that_nobody_explains_is_seen() {
    let page = "Set `net.ipv4.tcp_frobnicate` and `SO_NOSUCH`; TIME-WAIT, ERR 1040, close() and `tcp_sack` are known. See linux/fs.h.";
    let found: Vec<String> = terms(page, &names()).into_iter().collect();
    assert_eq!(found, ["1040", "SO_NOSUCH", "TIME-WAIT", "close()", "net.ipv4.tcp_frobnicate", "tcp_sack"]);
    let unknown: Vec<&String> = found.iter().filter(|term| !matches!(explain(term), Found::Entries(_))).collect();
    assert_eq!(unknown, ["SO_NOSUCH", "net.ipv4.tcp_frobnicate"]);
}

#[test]
fn the_settings_of_the_reference_are_all_explained() {
    let page = read("book/src/reference/settings.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert!(rows.len() > 60, "{}", rows.len());
    let bare: Vec<&&str> = rows.iter().filter(|row| !row.starts_with("| [`")).collect();
    assert!(bare.is_empty(), "settings without an entry in the glossary: {bare:#?}");
    assert!(entries().count() > 150);
}
