//! Statements of MySQL: through a session the scenario has, or one of our own.

use super::{Answer, Cx, Says};
use crate::app::AppStatus;
use crate::app::mysql::{self, Credentials, Flavour, Statement, Target, parse_statement};
use crate::app::mysql_client::{MysqlClient, MysqlClientConfig};
use crate::app::{Control, Limits};
use crate::kernel::ProcessConfig;
use crate::observe::tools::{MysqlStyle, names_and_values, one_value, processlist_in, seconds};
use crate::say;
use crate::scenario::ProgramKind;
use crate::sim::{Phase, SimError};
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, HostId, Ipv4Addr, ProcIx};

/// How long a statement is waited for.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A session of the `mysql` client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Session {
    host: HostId,
    process: ProcIx,
    /// `USE`.
    pub(super) database: Option<String>,
}

/// True if a command line is a statement rather than a command of the shell.
pub(super) fn is_statement(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split_whitespace();
    match words.next().unwrap_or("") {
        "show" | "select" | "flush" | "truncate" | "create" | "use" => true,
        "set" => words
            .next()
            .is_some_and(|next| matches!(next, "global" | "persist" | "session" | "names") || next.starts_with("@@")),
        _other => false,
    }
}

/// True if a semicolon ends it as SQL: a statement, or `kill 11`.
pub(super) fn ends_in_semicolon(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let kill = words.next().is_some_and(|word| word.eq_ignore_ascii_case("kill"));
    is_statement(text) || (kill && words.all(|word| !word.starts_with('-')))
}

/// A statement typed at the prompt, or directly into the shell.
pub(super) fn typed(cx: &mut Cx<'_>, text: &str) -> Result<Answer, SimError> {
    let style = if ends_vertical(text) { MysqlStyle::Vertical } else { MysqlStyle::Interactive };
    let session = match cx.shell.session.clone().filter(|session| is_alive(cx, session)) {
        Some(session) => session,
        None => match administrator(cx) {
            Some(session) => session,
            None => match open(cx, &Login::default())? {
                Ok(session) => session,
                Err(answer) => return Ok(answer),
            },
        },
    };
    cx.shell.session = Some(session.clone());
    let sql = bare(text);
    if let ["use", database] = sql.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().as_slice()
        && let Some(session) = &mut cx.shell.session
    {
        session.database = Some((*database).to_owned());
    }
    run(cx, &session, sql, style, true)
}

fn ends_vertical(text: &str) -> bool {
    text.trim().trim_end_matches(';').ends_with("\\G")
}

/// A statement without its end.
fn bare(text: &str) -> &str {
    let text = text.trim().trim_end_matches(';').trim();
    text.strip_suffix("\\G").or_else(|| text.strip_suffix("\\g")).unwrap_or(text).trim()
}

/// Where and as whom `mysql` connects.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Login {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    database: Option<String>,
}

/// `mysql [-h HOST] [-u USER] [-e SQL] …`.
pub(super) fn mysql_command(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut login = Login::default();
    let (mut execute, mut boxed, mut tabs, mut headings, mut vertical) = (None, false, false, true, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = |short: &str, long: &str| -> Option<String> {
            if let Some(rest) = arg.strip_prefix(long) {
                return rest.strip_prefix('=').map(str::to_owned).or_else(|| args.next().cloned());
            }
            let rest = arg.strip_prefix(short).filter(|_| !arg.starts_with("--"))?;
            if rest.is_empty() { args.next().cloned() } else { Some(rest.to_owned()) }
        };
        if let Some(text) = value("-e", "--execute") {
            execute = Some(text);
        } else if let Some(text) = value("-h", "--host") {
            login.host = Some(text);
        } else if let Some(text) = value("-P", "--port") {
            login.port = text.parse().ok();
        } else if let Some(text) = value("-u", "--user") {
            login.user = Some(text);
        } else if let Some(text) = value("-D", "--database") {
            login.database = Some(text);
        } else {
            match arg.as_str() {
                "-t" | "--table" => boxed = true,
                "-B" | "--batch" | "-s" | "--silent" => tabs = true,
                "-N" | "--skip-column-names" => headings = false,
                "-E" | "--vertical" => vertical = true,
                "-A" | "-f" | "-v" | "-C" | "--force" => {}
                password if password.starts_with("-p") || password.starts_with("--password") => {}
                tls if tls.starts_with("--ssl") || tls.starts_with("--protocol") || tls.starts_with("--connect") => {}
                other if other.starts_with('-') => {
                    return Ok(Answer::fails(2, format!("mysql: unknown option '{other}'\n")));
                }
                database => login.database = Some(database.to_owned()),
            }
        }
    }
    let session = match open(cx, &login)? {
        Ok(session) => session,
        Err(answer) => return Ok(answer),
    };
    let Some(text) = execute else {
        cx.shell.session = Some(session);
        cx.shell.at_mysql = true;
        return Ok(Answer::default());
    };
    let mut answer = Answer::default();
    for statement in statements(&text) {
        let style = match (vertical || ends_vertical(statement), boxed, tabs || cx.piped || !headings) {
            (true, _, _) => MysqlStyle::Vertical,
            (false, true, _) | (false, false, false) => MysqlStyle::Box,
            (false, false, true) => MysqlStyle::Tabs { headings },
        };
        let part = run(cx, &session, bare(statement), style, false)?;
        let failed = part.status != 0;
        answer.join(part);
        if failed {
            break;
        }
    }
    close(cx, &session)?;
    Ok(answer)
}

/// `mysqladmin COMMAND`, for what an outage needs.
pub(super) fn mysqladmin(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let mut login = Login::default();
    let mut words = Vec::new();
    for arg in args {
        match arg.as_str() {
            host if host.starts_with("-h") && host.len() > 2 => login.host = Some(host[2..].to_owned()),
            option if option.starts_with('-') => {}
            word => words.push(word),
        }
    }
    let sql = match words.as_slice() {
        ["processlist" | "proc"] => "show processlist".to_owned(),
        ["variables"] => "show global variables".to_owned(),
        ["extended-status"] => "show global status".to_owned(),
        ["flush-hosts"] => "flush hosts".to_owned(),
        ["kill", id] => format!("kill {id}"),
        [other, ..] => return Ok(Answer::fails(1, format!("mysqladmin: Unknown command: '{other}'\n"))),
        [] => return Ok(Answer::fails(1, "Usage: mysqladmin [OPTIONS] command command....\n".to_owned())),
    };
    let session = match open(cx, &login)? {
        Ok(session) => session,
        Err(answer) => return Ok(answer),
    };
    let answer = run(cx, &session, &sql, MysqlStyle::Box, false)?;
    close(cx, &session)?;
    Ok(answer)
}

/// Statements of `-e`, cut at semicolons outside quotes.
fn statements(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut from, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"' | '`') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, ';') => {
                out.push(&text[from..at]);
                from = at + 1;
            }
            (None | Some(_), _) => {}
        }
    }
    out.push(&text[from..]);
    out.retain(|statement| !statement.trim().is_empty());
    out
}

fn is_alive(cx: &Cx<'_>, session: &Session) -> bool {
    let world = cx.run.world();
    world.phase(session.host, session.process) == Phase::Running
        && world.app(session.host, session.process).metric("session_id").is_some_and(|id| id > 0)
}

/// The session of the scenario's own administrator, if one is logged in.
fn administrator(cx: &Cx<'_>) -> Option<Session> {
    let processes = cx.run.scenario().processes.iter().enumerate();
    processes
        .filter(|(_, spec)| spec.program.kind() == ProgramKind::Mysql)
        .map(|(index, _)| cx.run.process(index))
        .map(|(host, process)| Session { host, process, database: None })
        .find(|session| is_alive(cx, session))
}

/// The first MySQL server of the scenario: its host and what it shows.
fn server(cx: &Cx<'_>) -> Option<(usize, HostId, ProcIx, AppStatus)> {
    let processes = cx.run.scenario().processes.iter().enumerate();
    processes.filter(|(_, spec)| spec.program.kind() == ProgramKind::Mysqld).find_map(|(index, spec)| {
        let (host, process) = cx.run.process(index);
        let world = cx.run.world();
        let runs = matches!(world.phase(host, process), Phase::Running | Phase::Stopped);
        runs.then(|| (spec.host, host, process, world.app(host, process).status(world.now())))
    })
}

/// A client of our own, logged in; or what `mysql` says.
fn open(cx: &mut Cx<'_>, login: &Login) -> Result<Result<Session, Answer>, SimError> {
    let lang = cx.shell.lang;
    let Some((server_host, _, _, status)) = server(cx) else {
        return Ok(Err(Answer::fails(1, format!("{}\n", say!(lang, Says::NoServer)))));
    };
    let shown = status.variables.iter().find(|(name, _)| name == "port").and_then(|(_, port)| port.parse().ok());
    let hosts = &cx.run.scenario().hosts;
    let named = login.host.as_deref().filter(|host| *host != "localhost");
    let addr = match named {
        Some(text) => address(text).or_else(|| {
            let known = hosts.iter().find(|host| host.name == text).and_then(|host| host.addrs.first().copied());
            known.or_else(|| hosts[cx.shell.host].etc_hosts.iter().find(|(name, _)| name == text).map(|(_, a)| *a))
        }),
        None if server_host == cx.shell.host => Some(Ipv4Addr::LOCALHOST),
        None => hosts[server_host].addrs.first().copied(),
    };
    let Some(addr) = addr else {
        let name = named.unwrap_or("");
        return Ok(Err(Answer::fails(1, format!("ERROR 2005 (HY000): Unknown MySQL server host '{name}' (-2)\n"))));
    };
    let target = Target::Addr(Endpoint::new(addr, login.port.or(shown).unwrap_or(3306)));
    let user = login.user.clone().unwrap_or_else(|| "root".to_owned());
    let config = MysqlClientConfig {
        credentials: Credentials { user, db: login.database.clone(), interactive: true },
        ..MysqlClientConfig::new(target)
    };
    let host = cx.host_id();
    let nofile = cx.view().shell.get(crate::observe::rlimits::Resource::NoFile);
    let process = ProcessConfig {
        name: "mysql".to_owned(),
        pid: None,
        nofile: Limits { soft: nofile.soft, hard: nofile.hard },
        cap_sys_admin: true,
        cap_sys_resource: true,
        extra_fds: 0,
    };
    let now = cx.run.world().now();
    let process = cx.run.world_mut().add_process(host, &process, Box::new(MysqlClient::new(&config)), now);
    let session = Session { host, process, database: login.database.clone() };
    let answered = wait(cx, |cx| {
        let app = cx.world().app(host, process);
        let counted = |name: &str| app.metric(name).unwrap_or(0);
        counted("connect.ok") > 0 || counted("errors") > 0
    })?;
    if is_alive(cx, &session) {
        return Ok(Ok(session));
    }
    let said = if answered { error_of(cx, &session) } else { None };
    cx.run.world_mut().exit_process(host, process, 1, cx.observer)?;
    let said = said.unwrap_or_else(|| format!("{}\n", say!(lang, Says::NoAnswer, PATIENCE)));
    Ok(Err(Answer::fails(1, said)))
}

/// `127.0.0.1`, and `127.1` as `inet_aton` reads it.
fn address(text: &str) -> Option<Ipv4Addr> {
    if let Ok(addr) = text.parse() {
        return Some(addr);
    }
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    let last: u32 = last.parse().ok()?;
    let mut value: u32 = 0;
    for (part, shift) in first.iter().zip([24, 16, 8]) {
        value |= u32::from(part.parse::<u8>().ok()?) << shift;
    }
    let room = u32::MAX.checked_shr(8 * u32::try_from(first.len()).ok()?)?;
    (last <= room && first.len() < 4).then(|| Ipv4Addr::from(value | last))
}

/// Lets the client leave, and the world finish what that takes.
fn close(cx: &mut Cx<'_>, session: &Session) -> Result<(), SimError> {
    let Session { host, process, .. } = *session;
    if cx.run.world_mut().control(host, process, &Control::Stop).is_ok() {
        wait(cx, |run| matches!(run.world().phase(host, process), Phase::Exited(_)))?;
    }
    Ok(())
}

/// `exit` at the client's prompt.
pub(super) fn leave(cx: &mut Cx<'_>) -> Result<Answer, SimError> {
    cx.shell.at_mysql = false;
    if let Some(session) = cx.shell.session.take() {
        close(cx, &session)?;
    }
    Ok(Answer::out("Bye\n".to_owned()))
}

fn wait(cx: &mut Cx<'_>, done: impl Fn(&crate::scenario::Run) -> bool) -> Result<bool, SimError> {
    let limit = cx.run.world().now().checked_add(PATIENCE).unwrap_or(Instant::MAX);
    cx.run.run_until_true(&done, limit, cx.observer)
}

/// The last thing that went wrong for a client, as the program prints it.
fn error_of(cx: &Cx<'_>, session: &Session) -> Option<String> {
    let world = cx.run.world();
    let (code, text) = world.app(session.host, session.process).status(world.now()).last_error?;
    Some(format!("ERROR {code} ({}): {text}\n", sqlstate(code)))
}

/// The client's texts of the SQLSTATE; errors before the login carry none.
const fn sqlstate(code: u16) -> &'static str {
    match code {
        1045 => "28000",
        1064 | 1227 | 1231 | 1232 | 1305 => "42000",
        1317 => "70100",
        _other => "HY000",
    }
}

/// One statement in a session.
fn run(cx: &mut Cx<'_>, session: &Session, sql: &str, style: MysqlStyle, prompt: bool) -> Result<Answer, SimError> {
    let Session { host, process, .. } = *session;
    let begun = cx.run.world().now();
    let ordered = cx.run.world_mut().control(host, process, &Control::Sql(sql.to_owned()));
    if let Err(error) = ordered {
        return Ok(Answer::fails(1, format!("halfclose: {error}\n")));
    }
    let id_before = cx.run.world().app(host, process).metric("session_id").unwrap_or(0);
    let answered = wait(cx, |run| run.world().app(host, process).metric("pending") == Some(0))?;
    if !answered {
        return Ok(Answer::fails(1, format!("{}\n", say!(cx.shell.lang, Says::NoAnswer, PATIENCE))));
    }
    let elapsed = cx.run.world().now().since(begun);
    let mut answer = Answer::default();
    let id = cx.run.world().app(host, process).metric("session_id").unwrap_or(0);
    if prompt && id != id_before {
        let database = session.database.as_deref().unwrap_or("*** NONE ***");
        answer.err.push_str("ERROR 2006 (HY000): Server has gone away\nNo connection. Trying to reconnect...\n");
        if id > 0 {
            answer.err.push_str(&format!("Connection id:    {id}\nCurrent database: {database}\n\n"));
        }
    }
    if let Some(said) = error_of(cx, session) {
        answer.add_error(1, &said);
        return Ok(answer);
    }
    let statement = parse_statement(sql);
    if matches!(statement, Statement::Kill(_)) {
        cx.run.note_kill();
    }
    let Some((_, _, _, mut status)) = server(cx) else { return Ok(answer) };
    let took = elapsed;
    let done = |rows: u64| match style {
        MysqlStyle::Interactive | MysqlStyle::Vertical => {
            let plural = if rows == 1 { "row" } else { "rows" };
            format!("Query OK, {rows} {plural} affected ({})\n\n", seconds(took))
        }
        MysqlStyle::Box | MysqlStyle::Tabs { .. } => String::new(),
    };
    let lang = cx.shell.lang;
    answer.out = match statement {
        Statement::ShowVariables(like) => names_and_values(&status.variables, like.as_deref(), took, style),
        Statement::ShowStatus(like) => names_and_values(&status.status, like.as_deref(), took, style),
        Statement::ShowProcesslist => {
            let version = status.variables.iter().find(|(name, _)| name == "version").map(|(_, value)| value.clone());
            mysql::as_asked_by(&mut status.processlist, id, Flavour::of(version.as_deref().unwrap_or("")));
            processlist_in(&status, took, style)
        }
        Statement::ShowNothing => names_and_values(&[], None, took, style),
        Statement::SelectVariable(name) => {
            let value = status.variables.iter().find(|(known, _)| *known == name);
            one_value(&format!("@@{name}"), value.map_or("NULL", |(_, value)| value), took, style)
        }
        Statement::SelectSleep(time) => one_value(&format!("sleep({})", time.as_secs()), "0", took, style),
        Statement::Select(select) => {
            answer.err.push_str(&format!("{}\n", say!(lang, Says::RowsNotSimulated, select.rows)));
            String::new()
        }
        Statement::Write(rows) => done(rows),
        Statement::Done if sql.to_ascii_lowercase().starts_with("use ") => "Database changed\n".to_owned(),
        Statement::Done if sql.to_ascii_lowercase().starts_with("create database") => done(1),
        Statement::SetGlobal(..)
        | Statement::SetSession
        | Statement::Kill(_)
        | Statement::KillQuery(_)
        | Statement::FlushHosts
        | Statement::Done => done(0),
        Statement::Syntax(near) => format!("halfclose: {near}\n"),
    };
    Ok(answer)
}

/// True if the server has a session of this number.
pub(super) fn has_session(cx: &Cx<'_>, id: &str) -> bool {
    let rows = server(cx).map(|(_, _, _, status)| status.processlist).unwrap_or_default();
    rows.iter().any(|row| row.id.to_string() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_inet_aton_reads_them() {
        assert_eq!(address("127.1"), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(address("10.1.2"), Some(Ipv4Addr::new(10, 1, 0, 2)));
        assert_eq!(address("192.0.2.7"), Some(Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(address("db"), None);
        assert_eq!(address("1.2.3.4.5"), None);
    }

    #[test]
    fn statements_end_at_semicolons_outside_quotes() {
        assert_eq!(statements("kill 3; show variables like 'a;b';"), ["kill 3", " show variables like 'a;b'"]);
        assert_eq!(bare("show processlist\\G;"), "show processlist");
        assert!(is_statement("SHOW full processlist") && is_statement("set @@global.a = 1") && !is_statement("set -x"));
    }
}
