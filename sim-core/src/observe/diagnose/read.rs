//! Recognises lines of tools among prompts, commands and prose.

use super::evidence::{Addr, End, Evidence, Kind, Owner, Session, Socket, Summary};
use super::{perf, rows};
use crate::observe::prompt::without_prompt;

/// Longest line that is looked at, in bytes.
const MAX_LINE: usize = 100_000;
/// Most lines read of all texts together.
const MAX_LINES: u64 = 4_000_000;

/// Reads texts one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) evidence: Evidence,
    /// The command typed last, as far as one was seen.
    command: String,
    table: Table,
    /// The program whose calls a summary of `perf trace` lists.
    traced: Option<String>,
    /// A record of `\G` under way.
    vertical: Vec<(String, String)>,
    lines: u64,
}

/// The table a row with bars or tabs belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Table {
    #[default]
    None,
    Processlist,
    Variables,
    Status,
}

impl Reader {
    /// Reads a text.
    pub(super) fn text(&mut self, text: &str) {
        (self.command, self.table, self.traced) = (String::new(), Table::None, None);
        for line in text.split('\n') {
            self.lines += 1;
            if self.lines > MAX_LINES || line.len() > MAX_LINE {
                self.evidence.cut = true;
                continue;
            }
            self.line(&plain(line));
        }
        self.end_of_record();
    }

    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with("```") {
            return;
        }
        match self.kind(line, trimmed) {
            Some(kind) => *self.evidence.read.entry(kind).or_default() += 1,
            None => {
                if let Some(command) = command(trimmed) {
                    self.command = command.to_owned();
                } else {
                    self.evidence.skipped += 1;
                }
            }
        }
    }

    /// Takes what the line says; `None` if it says nothing.
    fn kind(&mut self, line: &str, trimmed: &str) -> Option<Kind> {
        let state = state_of_command(&self.command);
        if let Some((pair, socket)) = rows::socket(trimmed, state) {
            let kind = if socket.from_ss { Kind::Ss } else { Kind::Netstat };
            self.socket(pair, socket);
            return Some(kind);
        }
        if let Some((pair, socket)) = rows::proc_net_tcp(trimmed) {
            self.socket(pair, socket);
            return Some(Kind::ProcNetTcp);
        }
        if self.summary(trimmed) {
            return Some(Kind::SsSummary);
        }
        if self.sockstat(trimmed) {
            return Some(Kind::Sockstat);
        }
        if let Some(kind) = self.mysql(line, trimmed) {
            return Some(kind);
        }
        if self.counter(trimmed) {
            return Some(Kind::Counters);
        }
        if self.sysctl(trimmed) {
            return Some(Kind::Sysctl);
        }
        if let Some(kind) = self.limit(trimmed) {
            return Some(kind);
        }
        if trimmed.contains("-> socket:[") || trimmed.contains("-> 'socket:[") {
            *self.evidence.fd_sockets.get_or_insert(0) += 1;
            return Some(Kind::Fd);
        }
        if let Some(kind) = self.number(trimmed) {
            return Some(kind);
        }
        if let Some(program) = perf::program(trimmed) {
            self.traced = Some(program.to_owned());
            return Some(Kind::PerfTrace);
        }
        if let Some(program) = &self.traced
            && perf::row(&mut self.evidence, program, trimmed)
        {
            return Some(Kind::PerfTrace);
        }
        if let Some(kind) = perf::share(&mut self.evidence, trimmed) {
            return Some(kind);
        }
        if let Some(error) = error(trimmed) {
            *self.evidence.errors.entry(error).or_default() += 1;
            return Some(Kind::Error);
        }
        None
    }

    fn socket(&mut self, pair: (End, End), socket: Socket) {
        if socket.state.is_none() {
            self.evidence.stateless += 1;
        }
        match self.evidence.sockets.get_mut(&pair) {
            None => {
                self.evidence.sockets.insert(pair, socket);
            }
            Some(known) => {
                // The same socket by another tool: what one does not say the other may.
                let owner = socket.owner.clone().or_else(|| known.owner.clone());
                let state = socket.state.or(known.state);
                if socket.from_ss || !known.from_ss {
                    *known = socket;
                }
                (known.owner, known.state) = (owner, state);
            }
        }
    }

    /// `Total: 18710`, `TCP:   36551 (estab 331, …)`, `TCP  18436  18271  165`.
    fn summary(&mut self, line: &str) -> bool {
        let numbers =
            |text: &str| -> Vec<u64> { text.split_whitespace().map_while(|word| word.parse().ok()).collect() };
        if let Some(rest) = line.strip_prefix("Total:") {
            let Some(&total) = numbers(rest).first() else { return false };
            self.evidence.summaries.push(Summary { total, ..Summary::default() });
            return true;
        }
        if let Some(rest) = line.strip_prefix("TCP:")
            && let Some((count, words)) = rest.split_once("(estab")
        {
            let after = |name: &str| {
                let (_, rest) = words.split_once(name)?;
                rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
            };
            let Ok(tcp) = count.trim().parse() else { return false };
            let estab = words.trim_start().split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
            let Some(estab) = estab else { return false };
            if self.evidence.summaries.last().is_none_or(|last| last.tcp > 0) {
                self.evidence.summaries.push(Summary::default());
            }
            if let Some(last) = self.evidence.summaries.last_mut() {
                last.tcp = tcp;
                last.estab = estab;
                last.closed = after("closed").unwrap_or(0);
                last.orphaned = after("orphaned").unwrap_or(0);
                last.timewait = after("timewait").unwrap_or(0);
            }
            return true;
        }
        if let Some(rest) = line.strip_prefix("TCP")
            && rest.starts_with([' ', '\t'])
            && let [_, ipv4, ipv6] = numbers(rest).as_slice()
            && let Some(last) = self.evidence.summaries.last_mut()
        {
            (last.ipv4, last.ipv6) = (Some(*ipv4), Some(*ipv6));
            return true;
        }
        let row = ["RAW", "UDP", "INET", "FRAG"].iter().find_map(|name| line.strip_prefix(name));
        row.is_some_and(|rest| rest.starts_with([' ', '\t']) && numbers(rest).len() == 3)
            || line.starts_with("Transport Total")
    }

    /// `TCP: inuse 13 orphan 0 tw 2 alloc 16 mem 244`, `sockets: used 17`.
    fn sockstat(&mut self, line: &str) -> bool {
        let Some((name, rest)) = line.split_once(':') else { return false };
        if !matches!(
            name,
            "TCP" | "TCP6" | "UDP" | "UDP6" | "UDPLITE" | "UDPLITE6" | "RAW" | "RAW6" | "FRAG" | "FRAG6" | "sockets"
        ) {
            return false;
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        let pairs: Vec<_> =
            words.chunks(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?.parse::<u64>().ok()?))).collect();
        if pairs.is_empty() || pairs.len() * 2 != words.len() {
            return false;
        }
        for (key, value) in pairs {
            self.evidence.sockstat.insert(format!("{name}.{key}"), value);
        }
        true
    }

    /// Tables in boxes, with tabs, or one column a line; footers and errors.
    fn mysql(&mut self, line: &str, trimmed: &str) -> Option<Kind> {
        if trimmed.starts_with("***") && trimmed.contains(". row ***") {
            self.end_of_record();
            self.vertical.push((String::new(), String::new()));
            return Some(Kind::Processlist);
        }
        if !self.vertical.is_empty()
            && let Some((name, value)) = trimmed.split_once(':')
            && !name.contains(' ')
        {
            self.vertical.push((name.to_owned(), value.trim().to_owned()));
            return Some(Kind::Processlist);
        }
        let mut words = trimmed.split_whitespace();
        if let (Some(count), Some("row" | "rows"), Some("in")) = (words.next(), words.next(), words.next())
            && let Ok(count) = count.parse::<u64>()
        {
            let (processes, table) = (!self.vertical.is_empty(), self.table);
            self.end_of_record();
            self.table = Table::None;
            if table == Table::Processlist || processes {
                self.evidence.session_count = self.evidence.session_count.max(Some(count));
            }
            return Some(Kind::Processlist);
        }
        let bars = trimmed.starts_with('|') && trimmed.ends_with('|') && trimmed.len() > 1;
        let cells: Vec<&str> = if bars {
            trimmed[1..trimmed.len() - 1].split('|').map(str::trim).collect()
        } else if line.contains('\t') {
            line.split('\t').map(str::trim).collect()
        } else {
            return (trimmed.starts_with("+--") && self.table != Table::None).then_some(Kind::Processlist);
        };
        let header: Vec<String> = cells.iter().take(5).map(|cell| cell.to_ascii_lowercase()).collect();
        match header.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["id", "user", "host", "db", "command"] => {
                // A later list takes the place of an earlier one.
                (self.evidence.sessions, self.evidence.session_count) = (Vec::new(), None);
                self.table = Table::Processlist;
                return Some(Kind::Processlist);
            }
            ["variable_name", "value"] => {
                let status = self.command.to_ascii_lowercase().contains("status");
                self.table = if status { Table::Status } else { Table::Variables };
                return Some(Kind::Variables);
            }
            _other => {}
        }
        match self.table {
            Table::Processlist => self.session(&cells).then_some(Kind::Processlist),
            Table::Variables | Table::Status if cells.len() == 2 => {
                self.variable(cells[0], cells[1]);
                Some(Kind::Variables)
            }
            Table::Variables | Table::Status | Table::None => None,
        }
    }

    fn variable(&mut self, name: &str, value: &str) {
        // Variables are written in lower case, counters with a capital.
        let counter = name.starts_with(|c: char| c.is_ascii_uppercase());
        let of = if counter || self.table == Table::Status {
            &mut self.evidence.status
        } else {
            &mut self.evidence.variables
        };
        of.insert(name.to_owned(), value.to_owned());
    }

    fn session(&mut self, cells: &[&str]) -> bool {
        let [id, user, host, _db, command, time, ..] = cells else { return false };
        let (Ok(_), Ok(time)) = (id.parse::<u64>(), time.parse()) else { return false };
        let host = host.rsplit_once(':').map_or(*host, |(host, _)| host);
        self.evidence.sessions.push(Session {
            user: (*user).to_owned(),
            host: host.to_owned(),
            command: (*command).to_owned(),
            time,
        });
        true
    }

    /// A record of `\G` is complete.
    fn end_of_record(&mut self) {
        let record = core::mem::take(&mut self.vertical);
        let cell = |name: &str| {
            record.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        if let (Some(name), Some(value)) = (cell("Variable_name"), cell("Value")) {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.variable(&name, &value);
        } else if let (Some(id), Some(user), Some(host), Some(command), Some(time)) =
            (cell("Id"), cell("User"), cell("Host"), cell("Command"), cell("Time"))
        {
            let cells = [id, user, host, "", command, time].map(str::to_owned);
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            self.session(&cells);
        }
    }

    /// `TcpExtListenOverflows   5   0.0`, and the sentences of `netstat -s`.
    fn counter(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [name, value, rate] = words.as_slice()
            && ["Ip", "Icmp", "Tcp", "Udp"].iter().any(|prefix| name.starts_with(prefix))
            && rate.parse::<f64>().is_ok()
            && let Ok(value) = value.parse()
        {
            self.evidence.counters.insert((*name).to_owned(), value);
            return true;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.starts_with("TCP")
            && !name.contains(' ')
            && let Ok(value) = value.trim().parse()
        {
            self.evidence.counters.insert(format!("TcpExt{name}"), value);
            return true;
        }
        let sentences = [
            ("times the listen queue of a socket overflowed", "TcpExtListenOverflows"),
            ("SYNs to LISTEN sockets dropped", "TcpExtListenDrops"),
            ("SYNs to LISTEN sockets ignored", "TcpExtListenDrops"),
            ("time wait sockets recycled by time stamp", "TcpExtTWRecycled"),
            ("TCP sockets finished time wait in fast timer", "TcpExtTW"),
        ];
        let found = sentences.iter().find(|(sentence, _)| line.contains(sentence));
        let value = words.first().and_then(|word| word.parse().ok());
        match (found, value) {
            (Some((_, name)), Some(value)) => {
                self.evidence.counters.insert((*name).to_owned(), value);
                true
            }
            (Some(_), None) | (None, _) => false,
        }
    }

    /// `net.ipv4.ip_local_port_range = 32768 60999`, also in a list of a text.
    fn sysctl(&mut self, line: &str) -> bool {
        let line = line.trim_start_matches(['-', '*', '•', ' ']);
        let Some((name, value)) = line.split_once('=') else { return false };
        let name = name.trim().replace('/', ".");
        let known = ["net.", "fs.", "kernel.", "vm."].iter().any(|prefix| name.starts_with(prefix));
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !known || !plain || value.len() > 1_000 {
            return false;
        }
        self.evidence.sysctls.insert(name, value.split_whitespace().collect::<Vec<_>>().join(" "));
        true
    }

    /// `Max open files  32768  65536  files`, `open files (-n) 65535`, `NOFILE …` of prlimit.
    fn limit(&mut self, line: &str) -> Option<Kind> {
        let number = |word: &str| if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() };
        if let Some(rest) = line.strip_prefix("Max open files").or_else(|| line.strip_prefix("NOFILE")) {
            let numbers: Vec<u64> = rest.split_whitespace().filter_map(number).collect();
            let [soft, hard] = numbers.as_slice() else { return None };
            self.evidence.limits.push((*soft, *hard));
            return Some(Kind::Limits);
        }
        if line.starts_with("open files") && line.contains("-n)") {
            self.evidence.ulimit = line.split_whitespace().next_back().and_then(number);
            return Some(Kind::Ulimit);
        }
        let other = [
            "core file size",
            "data seg size",
            "scheduling priority",
            "file size",
            "pending signals",
            "max locked memory",
            "max memory size",
            "pipe size",
            "POSIX message queues",
            "real-time priority",
            "stack size",
            "cpu time",
            "max user processes",
            "virtual memory",
            "file locks",
        ];
        if line.contains("(") && other.iter().any(|name| line.starts_with(name)) {
            return Some(Kind::Ulimit);
        }
        if line.starts_with("Max ") && line.split_whitespace().filter_map(number).count() == 2 {
            return Some(Kind::Limits);
        }
        None
    }

    /// A bare number after a command that counts, or that prints one.
    fn number(&mut self, line: &str) -> Option<Kind> {
        let command = self.command.clone();
        if let Some(path) = command.split_whitespace().find_map(|word| word.strip_prefix("/proc/sys/")) {
            let numeric = line.split_whitespace().all(|word| word.parse::<u64>().is_ok());
            if numeric {
                let value = line.split_whitespace().collect::<Vec<_>>().join(" ");
                self.evidence.sysctls.insert(path.replace('/', "."), value);
                return Some(Kind::Sysctl);
            }
        }
        let value: u64 = line.parse().ok()?;
        if command.starts_with("ulimit") && command.contains('n') && !command.contains('H') {
            self.evidence.ulimit = Some(value);
            return Some(Kind::Ulimit);
        }
        if !command.contains("wc -l") && !command.contains("grep -c") {
            return None;
        }
        if let Some(end) = command.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"')).find_map(counted_end)
            && (command.contains("ss ") || command.contains("netstat"))
        {
            let known = self.evidence.counted.entry(end).or_default();
            *known = (*known).max(value);
            return Some(Kind::Count);
        }
        if command.contains("socket") {
            self.evidence.fd_sockets = self.evidence.fd_sockets.max(Some(value));
            return Some(Kind::Count);
        }
        None
    }
}

/// `172.31.47.174:3306` in a pattern.
fn counted_end(word: &str) -> Option<End> {
    rows::end(word).filter(|end| end.port > 0 && end.addr != Addr::ANY && matches!(end.addr, Addr::Ip(_)))
}

/// The state that `ss … state close-wait` chose, whose column it then hides.
fn state_of_command(command: &str) -> Option<crate::tcp::TcpState> {
    let (_, rest) = command.split_once(" state ")?;
    let name = rest.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"')).next()?;
    rows::state(&name.to_ascii_uppercase())
}

/// The line without escapes of a terminal and other control characters.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next_if(|c| !c.is_ascii_alphabetic()).is_some() {}
                chars.next();
            }
        } else if c == '\t' || !c.is_control() {
            out.push(c);
        }
    }
    out
}

/// The command of a line that has one: behind a prompt, or a known tool.
fn command(line: &str) -> Option<&str> {
    const TOOLS: [&str; 18] = [
        "ss", "netstat", "cat", "sysctl", "ulimit", "ls", "ll", "mysql", "nstat", "prlimit", "show", "grep", "ps",
        "lsof", "perf", "sudo", "kubectl", "docker",
    ];
    let bare = without_prompt(line);
    let tool = bare.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
    (bare.len() < line.len() || TOOLS.contains(&tool.as_str())).then_some(bare)
}

/// An error that names a limit.
fn error(line: &str) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 11] = [
        ("EADDRNOTAVAIL", "EADDRNOTAVAIL"),
        ("Cannot assign requested address", "EADDRNOTAVAIL"),
        ("annot assign requested address", "EADDRNOTAVAIL"),
        ("EMFILE", "EMFILE"),
        ("Too many open files in system", "ENFILE"),
        ("oo many open files", "EMFILE"),
        ("ENFILE", "ENFILE"),
        ("Too many connections", "ERR 1040"),
        ("ERROR 1040", "ERR 1040"),
        ("ERROR 1129", "ERR 1129"),
        ("is blocked because of many connection errors", "ERR 1129"),
    ];
    let library = line.contains("Can't connect to") && line.contains("(99)");
    if library {
        return Some("EADDRNOTAVAIL");
    }
    SIGNS.iter().find(|(sign, _)| line.contains(sign)).map(|(_, name)| *name)
}

/// The owner a tool named.
pub(super) fn owner(name: &str, pid: Option<u32>, fd: Option<u64>) -> Owner {
    Owner { name: name.to_owned(), pid, fd }
}
