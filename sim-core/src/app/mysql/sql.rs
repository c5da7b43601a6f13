//! Just enough SQL: what administrators type during an outage, and the shape
//! of what a benchmark sends.

use core::ops::Range;

use crate::time::Duration;

/// A statement, understood as far as the model needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Statement {
    /// `SET GLOBAL name = value`, in any of its spellings.
    SetGlobal(String, String),
    /// `SET SESSION …`, `SET NAMES …`: accepted.
    SetSession,
    /// `SHOW VARIABLES [LIKE pattern]`.
    ShowVariables(Option<String>),
    /// `SHOW STATUS [LIKE pattern]`.
    ShowStatus(Option<String>),
    /// `SHOW [FULL] PROCESSLIST`.
    ShowProcesslist,
    /// `SHOW WARNINGS` and other lists that are empty here.
    ShowNothing,
    /// `KILL [CONNECTION] id`.
    Kill(u64),
    /// `KILL QUERY id`.
    KillQuery(u64),
    /// `FLUSH HOSTS`, `TRUNCATE TABLE performance_schema.host_cache`.
    FlushHosts,
    /// `SELECT @@name`.
    SelectVariable(String),
    /// `SELECT SLEEP(n)`.
    SelectSleep(Duration),
    /// Another `SELECT`: table, column, rows returned.
    Select(Select),
    /// `INSERT`, `UPDATE`, `DELETE`, `REPLACE`: rows changed.
    Write(u64),
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, `USE`, DDL: OK.
    Done,
    /// Not SQL: what the server quotes back.
    Syntax(String),
}

/// A `SELECT` the model answers with rows of plausible size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Select {
    /// First table named after `FROM`; empty without one.
    pub(crate) table: String,
    /// The select list, as the column's name.
    pub(crate) column: String,
    /// Rows returned.
    pub(crate) rows: u32,
    /// An aggregate: one short number.
    pub(crate) aggregate: bool,
}

/// Where the words are; punctuation stands alone; quoted text is one word.
fn words(sql: &str) -> Vec<Range<usize>> {
    let mut out = Vec::with_capacity(sql.len() / 4);
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let start = at;
        at += c.len_utf8();
        if c.is_whitespace() || c == ';' {
            continue;
        }
        if c == '\'' || c == '"' || c == '`' {
            let len = sql[at..].find(c).unwrap_or(sql.len() - at);
            out.push(at..at + len);
            at = (at + len + 1).min(sql.len());
        } else {
            if is_word(c) {
                at += sql[at..].find(|c| !is_word(c)).unwrap_or(sql.len() - at);
            }
            out.push(start..at);
        }
    }
    out
}

#[inline]
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '_' | '@' | '.' | '$' | '-' | '%')
        || (!c.is_ascii() && c.is_alphanumeric())
}

/// Reads one statement.
pub(crate) fn parse(sql: &str) -> Statement {
    let (places, in_lower_case) = (words(sql), sql.to_ascii_lowercase());
    let words: Vec<&str> = places.iter().map(|place| &sql[place.clone()]).collect();
    let lower: Vec<&str> = places.into_iter().map(|place| &in_lower_case[place]).collect();
    match lower.as_slice() {
        ["set", rest @ ..] => set(rest, &words[1..]),
        ["show", rest @ ..] => show(sql, rest, &words[1..]),
        ["kill", "query", id] => id.parse().map_or_else(|_| syntax(sql, id), Statement::KillQuery),
        ["kill", "connection", id] | ["kill", id] => id.parse().map_or_else(|_| syntax(sql, id), Statement::Kill),
        ["flush", "hosts", ..] | ["truncate", "table", "performance_schema.host_cache"] => Statement::FlushHosts,
        ["select", name] if name.starts_with("@@") => {
            let name = name.trim_start_matches("@@");
            let name = name.strip_prefix("global.").or_else(|| name.strip_prefix("session.")).unwrap_or(name);
            Statement::SelectVariable(name.to_owned())
        }
        ["select", "sleep", "(", seconds, ")", ..] => {
            seconds.parse().map_or_else(|_| syntax(sql, seconds), |s| Statement::SelectSleep(Duration::from_secs(s)))
        }
        ["select", rest @ ..] if !rest.is_empty() => Statement::Select(select(rest, &words[1..])),
        ["insert" | "update" | "delete" | "replace", ..] => Statement::Write(1),
        [first, ..] if DONE.contains(first) => Statement::Done,
        [first, ..] => syntax(sql, first),
        [] => syntax(sql, ""),
    }
}

/// First words of what is answered by OK.
const DONE: &[&str] = &[
    "begin",
    "commit",
    "rollback",
    "start",
    "use",
    "create",
    "drop",
    "alter",
    "flush",
    "lock",
    "unlock",
    "analyze",
    "truncate",
    "grant",
    "revoke",
    "do",
    "savepoint",
    "release",
];

#[cfg_attr(target_family = "wasm", inline(never))]
fn show(sql: &str, lower: &[&str], words: &[&str]) -> Statement {
    let pattern = || {
        let at = lower.iter().position(|w| *w == "like")?;
        words.get(at + 1).map(|&word| word.to_owned())
    };
    match lower {
        ["variables", ..] | ["global" | "session", "variables", ..] => Statement::ShowVariables(pattern()),
        ["status", ..] | ["global" | "session", "status", ..] => Statement::ShowStatus(pattern()),
        ["processlist"] | ["full", "processlist"] => Statement::ShowProcesslist,
        [what, ..] if SHOWN_EMPTY.contains(what) => Statement::ShowNothing,
        [what, ..] => syntax(sql, what),
        [] => syntax(sql, ""),
    }
}

/// What else may follow `SHOW`: understood, and answered by an empty set, for
/// there are no tables behind it.
const SHOWN_EMPTY: &[&str] = &[
    "binary",
    "binlog",
    "character",
    "charset",
    "client_statistics",
    "collation",
    "columns",
    "count",
    "create",
    "databases",
    "engine",
    "engines",
    "errors",
    "events",
    "explain",
    "extended",
    "fields",
    "full",
    "function",
    "global",
    "grants",
    "index",
    "indexes",
    "index_statistics",
    "keys",
    "master",
    "open",
    "package",
    "parse_tree",
    "plugins",
    "privileges",
    "procedure",
    "profile",
    "profiles",
    "relaylog",
    "replica",
    "replicas",
    "schemas",
    "session",
    "slave",
    "storage",
    "table",
    "tables",
    "triggers",
    "user_statistics",
    "warnings",
];

#[cfg_attr(target_family = "wasm", inline(never))]
fn syntax(sql: &str, at: &str) -> Statement {
    let from = if at.is_empty() { sql.len() } else { sql.to_ascii_lowercase().find(at).unwrap_or(0) };
    Statement::Syntax(sql[from..].trim().to_owned())
}

#[cfg_attr(target_family = "wasm", inline(never))]
fn set(lower: &[&str], words: &[&str]) -> Statement {
    let (name, rest) = match lower {
        ["global" | "persist", name, rest @ ..] => (*name, rest),
        [name, rest @ ..] if name.starts_with("@@global.") || name.starts_with("@@persist.") => {
            (name.trim_start_matches("@@global.").trim_start_matches("@@persist."), rest)
        }
        _ => return Statement::SetSession,
    };
    let skip = match rest {
        [":", "=", _, ..] => 2,
        ["=", _, ..] => 1,
        _ => return Statement::Syntax(words.last().copied().unwrap_or_default().to_owned()),
    };
    let value = &words[words.len() - rest.len() + skip..];
    let value = if value[0] == "-" { value.concat() } else { value[0].to_owned() };
    Statement::SetGlobal(name.to_owned(), value)
}

fn select(lower: &[&str], words: &[&str]) -> Select {
    let from = lower.iter().position(|w| *w == "from");
    let list = &words[..from.unwrap_or(words.len())];
    let distinct = usize::from(lower.first() == Some(&"distinct"));
    let column: String = list[distinct.min(list.len())..].iter().copied().collect();
    let table = from.and_then(|at| words.get(at + 1)).map(|t| t.strip_prefix("test.").unwrap_or(t).to_owned());
    let aggregate = column.contains('(');
    let between = lower.iter().position(|w| *w == "between").and_then(|at| {
        let low: u32 = lower.get(at + 1)?.parse().ok()?;
        let high: u32 = lower.get(at + 3)?.parse().ok()?;
        Some(high.saturating_sub(low).saturating_add(1))
    });
    let rows = if aggregate { 1 } else { between.unwrap_or(1).min(10_000) };
    Select { table: table.unwrap_or_default(), column, rows, aggregate }
}

/// SQL `LIKE`: `%` any text, `_` one character, case-insensitive.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'%', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            Some((b'_', rest)) => text.split_first().is_some_and(|(_, t)| matches(rest, t)),
            Some((c, rest)) => {
                text.split_first().is_some_and(|(t, after)| t.eq_ignore_ascii_case(c) && matches(rest, after))
            }
        }
    }
    matches(pattern.as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_of_the_write_up() {
        let set = |v: &str| Statement::SetGlobal("max_connections".into(), v.into());
        assert_eq!(parse("set global max_connections=65535;"), set("65535"));
        assert_eq!(parse("SET GLOBAL max_connections = 65535"), set("65535"));
        assert_eq!(parse("set @@global.max_connections := 7"), set("7"));
        assert_eq!(parse("set global max_connections = -1"), set("-1"));
        let variables = Statement::ShowVariables(Some("%max_connections%".into()));
        assert_eq!(parse("show variables like '%max_connections%';"), variables);
        assert_eq!(parse("show processlist"), Statement::ShowProcesslist);
        assert_eq!(parse("kill 11;"), Statement::Kill(11));
        assert_eq!(parse("KILL CONNECTION 12"), Statement::Kill(12));
        assert_eq!(parse("kill query 12"), Statement::KillQuery(12));
        assert_eq!(parse("show global status like 'Threads%'"), Statement::ShowStatus(Some("Threads%".into())));
        assert_eq!(parse("select @@connect_timeout"), Statement::SelectVariable("connect_timeout".into()));
        assert_eq!(parse("set names utf8mb4"), Statement::SetSession);
        assert_eq!(parse("show full tables"), Statement::ShowNothing);
        assert_eq!(parse("show nonsense from x"), Statement::Syntax("nonsense from x".into()));
        assert_eq!(parse("show"), Statement::Syntax(String::new()));
    }

    #[test]
    fn the_benchmark_s_selects_have_their_row_counts() {
        let rows = |sql| {
            let Statement::Select(s) = parse(sql) else { panic!("{sql} is a select") };
            (s.rows, s.aggregate, s.table)
        };
        assert_eq!(rows("SELECT c FROM sbtest9 WHERE id=5003"), (1, false, "sbtest9".into()));
        assert_eq!(rows("SELECT c FROM sbtest5 WHERE id BETWEEN 5036 AND 5040"), (5, false, "sbtest5".into()));
        assert_eq!(rows("SELECT SUM(k) FROM sbtest13 WHERE id BETWEEN 1 AND 5"), (1, true, "sbtest13".into()));
        let distinct = rows("SELECT DISTINCT c FROM sbtest5 WHERE id BETWEEN 1 AND 5 ORDER BY c");
        assert_eq!(distinct, (5, false, "sbtest5".into()));
        assert_eq!(rows("select 1"), (1, false, String::new()));
    }

    #[test]
    fn what_is_not_sql_is_quoted_back() {
        assert_eq!(parse("hello world"), Statement::Syntax("hello world".into()));
        assert_eq!(parse("kill all"), Statement::Syntax("all".into()));
        assert_eq!(parse("set global max_connections"), Statement::Syntax("max_connections".into()));
        assert_eq!(parse(""), Statement::Syntax(String::new()));
    }

    #[test]
    fn like_patterns() {
        assert!(like("%max_connections%", "mysqlx_max_connections"));
        assert!(like("threads\u{5f}connected", "Threads_connected"));
        assert!(!like("max%", "mysqlx_max_connections"));
        assert!(like("%", ""));
    }
}
