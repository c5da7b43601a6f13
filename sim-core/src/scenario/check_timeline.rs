//! Checks of marks, rules, the timeline and expectations.

use super::check::{At, Cx, only};
use super::expect::{Bound, Expectation};
use super::expr::{self, BinaryOp, Expr};
use super::file::{
    ExpectFile, MomentText, NameText, NumberOrExpr, OpWord, RatioText, RejectWord, RuleFile, ScenarioFile, SeedsFile,
    SeedsWord, Setting, TimelineFile, VerdictWord, WithinFile,
};
use super::problem::ProblemKind;
use super::spec::{
    ActionKind, ActionSpec, BUILTIN_MARKS, CompareOp, FlagMatch, HostIx, MarkRef, MarkSpec, Moment, OverSeeds,
    ProcessIx, ProgramKind, RejectWith, RuleSpec, Signal, Verdict,
};
use super::value;
use crate::text::nearest;
use crate::time::{Duration, Instant};
use crate::units::{Port, Ratio};

/// Variables SET GLOBAL can change in the model.
const VARIABLES: &[&str] = &[
    "connect_timeout",
    "event_scheduler",
    "extra_max_connections",
    "host_cache_size",
    "interactive_timeout",
    "max_connect_errors",
    "max_connections",
    "max_user_connections",
    "mysqlx_max_connections",
    "net_read_timeout",
    "net_retry_count",
    "net_write_timeout",
    "table_open_cache",
    "thread_cache_size",
    "wait_timeout",
];

/// Checks marks, and makes all names of marks known.
pub(super) fn marks(cx: &mut Cx<'_>, at: &At<'_>, file: &ScenarioFile) -> Vec<MarkSpec> {
    let has_kill = file.timeline.iter().any(|t| matches!(t, TimelineFile::KillSession { .. }));
    for &(name, mark) in BUILTIN_MARKS {
        if mark != MarkRef::Kill || has_kill {
            cx.marks.push((name.to_owned(), mark));
        }
    }
    let mut specs = Vec::new();
    for (i, mark) in file.mark.iter().enumerate() {
        let at = at.item(i);
        let (Some(name), Some(when)) = (&mark.name, &mark.when) else { continue };
        let name_at = at.key("name");
        cx.name(&name_at, &name.0);
        let taken = cx.marks.iter().any(|(n, _)| *n == name.0) || BUILTIN_MARKS.iter().any(|(n, _)| *n == name.0);
        if taken {
            cx.report(&name_at, ProblemKind::DuplicateName { name: value::cut(&name.0) });
            continue;
        }
        cx.marks.push((name.0.clone(), MarkRef::Own(specs.len())));
        let (Some(metric), Some(op), Some(value)) = (&when.metric, when.op, when.value) else { continue };
        match cx.names.metric(&metric.0) {
            Ok(metric) => specs.push(MarkSpec { name: name.0.clone(), metric, op: compare(op), value }),
            Err((kind, near)) => cx.report_near(&at.key("when").key("metric"), kind, near),
        }
    }
    specs
}

const fn compare(op: OpWord) -> CompareOp {
    match op {
        OpWord::Eq => CompareOp::Eq,
        OpWord::Ne => CompareOp::Ne,
        OpWord::Lt => CompareOp::Lt,
        OpWord::Le => CompareOp::Le,
        OpWord::Gt => CompareOp::Gt,
        OpWord::Ge => CompareOp::Ge,
    }
}

/// Reads `30s`, `kill`, `kill+3s`, `end-1s` with the marks of `marks`.
pub(super) fn parse_moment(text: &str, marks: &[(String, MarkRef)]) -> Result<Moment, (ProblemKind, Option<String>)> {
    let bad = || (ProblemKind::BadMoment { text: value::cut(text) }, None);
    let trimmed = text.trim();
    if !trimmed.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return match value::duration(trimmed) {
            Ok(span) => Ok(Moment::At(Instant::ZERO + span)),
            Err(kind @ ProblemKind::DurationOverflow { .. }) => Err((kind, None)),
            Err(_not_a_duration) => Err(bad()),
        };
    }
    // Names may hold a `-`, so the longest mark that fits wins.
    let fits = |name: &str| {
        let rest = trimmed.strip_prefix(name)?.trim_start();
        (rest.is_empty() || rest.starts_with(['+', '-'])).then_some(rest)
    };
    let found = marks.iter().filter_map(|(name, mark)| Some((name.len(), *mark, fits(name)?))).max_by_key(|f| f.0);
    let Some((_, mark, rest)) = found else {
        let word = trimmed.split(|c: char| c == '+' || c.is_whitespace()).next().unwrap_or(trimmed);
        let word = if nearest(word, marks.iter().map(|m| m.0.as_str())).is_some() {
            word
        } else {
            word.split('-').next().unwrap_or(word)
        };
        let near = nearest(word, marks.iter().map(|m| m.0.as_str())).map(str::to_owned);
        return Err((ProblemKind::UnknownMark { name: value::cut(word) }, near));
    };
    let offset = rest.get(1..).unwrap_or("").trim();
    let offset = if rest.is_empty() { Duration::ZERO } else { value::duration(offset).map_err(|_bad| bad())? };
    Ok(Moment::Mark { mark, offset, before: rest.starts_with('-') })
}

fn moment(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&MomentText>) -> Option<Moment> {
    match parse_moment(&text?.0, &cx.marks) {
        Ok(moment) => Some(moment),
        Err((kind, near)) => {
            cx.report_near(at, kind, near);
            None
        }
    }
}

/// A moment an action can wait for: not one known only later.
fn action_moment(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&MomentText>, is_kill: bool) -> Option<Moment> {
    let moment = moment(cx, at, text)?;
    if let Moment::Mark { mark, before, .. } = moment {
        let unknowable = before || mark == MarkRef::End || (is_kill && mark == MarkRef::Kill);
        if unknowable {
            let name = cx.marks.iter().find(|(_, m)| *m == mark).map_or("", |(n, _)| n.as_str()).to_owned();
            cx.report(at, ProblemKind::MarkLoop { name });
            return None;
        }
    }
    Some(moment)
}

const fn reject_with(word: Option<RejectWord>) -> RejectWith {
    match word {
        Some(RejectWord::TcpReset) => RejectWith::TcpReset,
        Some(RejectWord::PortUnreachable) | None => RejectWith::PortUnreachable,
        Some(RejectWord::HostUnreachable) => RejectWith::HostUnreachable,
        Some(RejectWord::NetUnreachable) => RejectWith::NetUnreachable,
        Some(RejectWord::AdminProhibited) => RejectWith::AdminProhibited,
    }
}

/// What rules and the timeline's `drop` and `reject` have in common.
struct Match<'f> {
    name: Option<&'f NameText>,
    from: Option<&'f NameText>,
    to: Option<&'f NameText>,
    sport: Option<i64>,
    dport: Option<i64>,
    tcp_flags: Option<&'f str>,
    probability: Option<&'f RatioText>,
    count: Option<i64>,
}

fn rule(cx: &mut Cx<'_>, at: &At<'_>, m: &Match<'_>, verdict: Verdict) -> RuleSpec {
    if let Some(name) = m.name {
        cx.name(&at.key("name"), &name.0);
        if !cx.rule_names.insert(name.0.clone()) {
            cx.report(&at.key("name"), ProblemKind::DuplicateName { name: value::cut(&name.0) });
        }
    }
    RuleSpec {
        name: m.name.map(|n| n.0.clone()),
        verdict,
        from: cx.host(&at.key("from"), m.from),
        to: cx.host(&at.key("to"), m.to),
        sport: cx.port(&at.key("sport"), m.sport).map(Port),
        dport: cx.port(&at.key("dport"), m.dport).map(Port),
        flags: m.tcp_flags.map_or_else(FlagMatch::default, |text| flags(cx, &at.key("tcp_flags"), text)),
        probability: cx.ratio_or(&at.key("probability"), m.probability, Ratio::ONE),
        count: cx.int(&at.key("count"), m.count, 1, u32::MAX.into()),
    }
}

fn flags(cx: &mut Cx<'_>, at: &At<'_>, text: &str) -> FlagMatch {
    let mut flags = FlagMatch::default();
    for word in text.split(',').map(str::trim) {
        match word {
            "SYN" => flags.syn = true,
            "ACK" => flags.ack = true,
            "FIN" => flags.fin = true,
            "RST" => flags.rst = true,
            "PSH" => flags.psh = true,
            other => {
                let allowed = "SYN, ACK, FIN, RST, PSH".to_owned();
                cx.report(at, ProblemKind::UnknownWord { word: value::cut(other), allowed });
            }
        }
    }
    flags
}

pub(super) fn rules(cx: &mut Cx<'_>, at: &At<'_>, files: &[RuleFile]) -> Vec<RuleSpec> {
    let mut specs = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let verdict = match file.verdict {
            Some(VerdictWord::Accept) => Verdict::Accept,
            Some(VerdictWord::Drop) => Verdict::Drop,
            Some(VerdictWord::Reject) => Verdict::Reject(reject_with(file.reject_with)),
            None => continue,
        };
        let found = Match {
            name: file.name.as_ref(),
            from: file.from.as_ref(),
            to: file.to.as_ref(),
            sport: file.sport,
            dport: file.dport,
            tcp_flags: file.tcp_flags.as_deref(),
            probability: file.probability.as_ref(),
            count: file.count,
        };
        specs.push(rule(cx, &at.item(i), &found, verdict));
    }
    specs
}

pub(super) fn timeline(cx: &mut Cx<'_>, at: &At<'_>, files: &[TimelineFile]) -> Vec<ActionSpec> {
    // Rules are named before the actions that heal them are read.
    let mut specs = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let at = at.item(i);
        let is_kill = matches!(file, TimelineFile::KillSession { .. });
        let when = action_moment(cx, &at.key("at"), file.at(), is_kill);
        let kind = action(cx, &at, file);
        if let (Some(at), Some(kind)) = (when, kind) {
            specs.push(ActionSpec { at, kind });
        }
    }
    specs
}

impl TimelineFile {
    const fn at(&self) -> Option<&MomentText> {
        match self {
            Self::KillSession { at, .. }
            | Self::SetGlobal { at, .. }
            | Self::Sql { at, .. }
            | Self::Sysctl { at, .. }
            | Self::Steal { at, .. }
            | Self::Prlimit { at, .. }
            | Self::Partition { at, .. }
            | Self::Heal { at, .. }
            | Self::Drop { at, .. }
            | Self::Reject { at, .. }
            | Self::StopProcess { at, .. }
            | Self::KillProcess { at, .. }
            | Self::StartProcess { at, .. }
            | Self::PauseProcess { at, .. }
            | Self::ResumeProcess { at, .. }
            | Self::Connect { at, .. } => at.as_ref(),
        }
    }
}

/// The process named, of one of `kinds`; or the only one of the first kind.
fn target(
    cx: &mut Cx<'_>,
    at: &At<'_>,
    name: Option<&NameText>,
    action: &'static str,
    kinds: &[ProgramKind],
) -> Option<ProcessIx> {
    if name.is_none() {
        let found = only(cx, kinds[0]);
        if found.is_none() {
            cx.report(at, ProblemKind::NoTarget { action, program: kinds[0].word() });
        }
        return found;
    }
    let process = cx.process(at, name)?;
    let program = cx.names.processes[process].2;
    if !kinds.contains(&program) {
        cx.report(at, ProblemKind::WrongTarget { action, program: program.word().to_owned() });
        return None;
    }
    Some(process)
}

fn signal(cx: &mut Cx<'_>, at: &At<'_>, name: Option<&NameText>, signal: Signal) -> Option<ActionKind> {
    Some(ActionKind::Signal { process: cx.process(&at.key("process"), name)?, signal })
}

fn action(cx: &mut Cx<'_>, at: &At<'_>, file: &TimelineFile) -> Option<ActionKind> {
    let process_at = at.key("process");
    match file {
        TimelineFile::KillSession { process, id, by, .. } => {
            let server = target(cx, &process_at, process.as_ref(), "kill session", &[ProgramKind::Mysqld]);
            let by = sender(cx, at, by.as_ref(), "kill session")?;
            let id = cx.int(&at.key("id"), *id, 1, i64::MAX)?;
            Some(ActionKind::KillSession { server: server?, id, by })
        }
        TimelineFile::SetGlobal { process, variable, value, by, .. } => {
            let server = target(cx, &process_at, process.as_ref(), "set global", &[ProgramKind::Mysqld]);
            let by = sender(cx, at, by.as_ref(), "set global")?;
            let statement = set_global(cx, at, variable.as_deref()?, value.as_ref()?)?;
            Some(ActionKind::Sql { process: by.or(server)?, statement })
        }
        TimelineFile::Sql { process, statement, .. } => {
            let kinds = [ProgramKind::Mysqld, ProgramKind::Mysql];
            let process = target(cx, &process_at, process.as_ref(), "sql", &kinds)?;
            Some(ActionKind::Sql { process, statement: statement.clone()? })
        }
        TimelineFile::Sysctl { host, name, value, .. } => {
            let host = cx.host_or_only(&at.key("host"), host.as_ref())?;
            let (name, start) = (name.clone()?, cx.unprivileged[host]);
            let which = if super::sysctl_names::names().any(|n| n == name) { "value" } else { "name" };
            let value = cx.sysctl(&at.key(which), &name, value.as_ref()?, start)?;
            Some(ActionKind::Sysctl { host, name, value })
        }
        TimelineFile::Steal { host, share, .. } => {
            let host = cx.host_or_only(&at.key("host"), host.as_ref())?;
            Some(ActionKind::Steal { host, share: cx.steal(&at.key("share"), share.as_ref())? })
        }
        TimelineFile::Prlimit { process, rlimit_nofile, .. } => {
            let nofile = cx.take(&at.key("RLIMIT_NOFILE"), value::limits(rlimit_nofile.as_deref()?));
            let process = cx.process(&process_at, process.as_ref())?;
            Some(ActionKind::Prlimit { process, nofile: nofile? })
        }
        TimelineFile::KillProcess { process, signal: name, .. } => {
            let word = name.as_deref().unwrap_or("KILL");
            let found = match word.strip_prefix("SIG").unwrap_or(word) {
                "KILL" => Some(Signal::Kill),
                "TERM" => Some(Signal::Term),
                "STOP" => Some(Signal::Stop),
                "CONT" => Some(Signal::Cont),
                _other => None,
            };
            let unknown = || ProblemKind::UnknownSignal { name: value::cut(word) };
            let found = cx.take(&at.key("signal"), found.ok_or_else(unknown));
            signal(cx, at, process.as_ref(), found?)
        }
        TimelineFile::StopProcess { process, .. } => signal(cx, at, process.as_ref(), Signal::Term),
        TimelineFile::PauseProcess { process, .. } => signal(cx, at, process.as_ref(), Signal::Stop),
        TimelineFile::ResumeProcess { process, .. } => signal(cx, at, process.as_ref(), Signal::Cont),
        TimelineFile::StartProcess { process, .. } => {
            Some(ActionKind::Start { process: cx.process(&process_at, process.as_ref())? })
        }
        TimelineFile::Connect { process, .. } => {
            Some(ActionKind::Connect { process: cx.process(&process_at, process.as_ref())? })
        }
        TimelineFile::Partition { .. }
        | TimelineFile::Heal { .. }
        | TimelineFile::Drop { .. }
        | TimelineFile::Reject { .. } => network_action(cx, at, file),
    }
}

fn network_action(cx: &mut Cx<'_>, at: &At<'_>, file: &TimelineFile) -> Option<ActionKind> {
    match file {
        TimelineFile::Partition { from, to, one_way, .. } => {
            let (from, to) = (cx.host(&at.key("from"), from.as_ref()), cx.host(&at.key("to"), to.as_ref()));
            Some(ActionKind::Partition { from: from?, to: to?, one_way: one_way.unwrap_or(false) })
        }
        TimelineFile::Heal { rule, from, to, .. } => heal(cx, at, rule.as_ref(), from.as_ref(), to.as_ref()),
        TimelineFile::Drop { name, from, to, sport, dport, tcp_flags, probability, count, .. } => {
            let found = Match {
                name: name.as_ref(),
                from: from.as_ref(),
                to: to.as_ref(),
                sport: *sport,
                dport: *dport,
                tcp_flags: tcp_flags.as_deref(),
                probability: probability.as_ref(),
                count: *count,
            };
            Some(ActionKind::Rule(rule(cx, at, &found, Verdict::Drop)))
        }
        TimelineFile::Reject {
            name, reject_with: with, from, to, sport, dport, tcp_flags, probability, count, ..
        } => {
            let found = Match {
                name: name.as_ref(),
                from: from.as_ref(),
                to: to.as_ref(),
                sport: *sport,
                dport: *dport,
                tcp_flags: tcp_flags.as_deref(),
                probability: probability.as_ref(),
                count: *count,
            };
            Some(ActionKind::Rule(rule(cx, at, &found, Verdict::Reject(reject_with(*with)))))
        }
        TimelineFile::KillSession { .. }
        | TimelineFile::SetGlobal { .. }
        | TimelineFile::Sql { .. }
        | TimelineFile::Sysctl { .. }
        | TimelineFile::Steal { .. }
        | TimelineFile::Prlimit { .. }
        | TimelineFile::StopProcess { .. }
        | TimelineFile::KillProcess { .. }
        | TimelineFile::StartProcess { .. }
        | TimelineFile::PauseProcess { .. }
        | TimelineFile::ResumeProcess { .. }
        | TimelineFile::Connect { .. } => None,
    }
}

fn heal(
    cx: &mut Cx<'_>,
    at: &At<'_>,
    rule: Option<&NameText>,
    from: Option<&NameText>,
    to: Option<&NameText>,
) -> Option<ActionKind> {
    if let Some(name) = rule.filter(|name| !cx.rule_names.contains(&name.0)) {
        let near = nearest(&name.0, cx.rule_names.iter().map(String::as_str)).map(str::to_owned);
        let kind = ProblemKind::UnknownWord { word: value::cut(&name.0), allowed: "the rules named before".to_owned() };
        cx.report_near(&at.key("rule"), kind, near);
        return None;
    }
    let between: Option<(HostIx, HostIx)> = match (from, to) {
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            let key = if from.is_some() { "to" } else { "from" };
            cx.report(at, ProblemKind::Missing { key: key.to_owned(), table: "timeline".to_owned() });
            return None;
        }
        (from, to) => Some((cx.host(&at.key("from"), from)?, cx.host(&at.key("to"), to)?)),
    };
    Some(ActionKind::Heal { rule: rule.map(|n| n.0.clone()), between })
}

/// The client that types a statement: outer `None` if it is named wrongly.
#[expect(clippy::option_option, reason = "no client and a wrong client differ")]
fn sender(cx: &mut Cx<'_>, at: &At<'_>, by: Option<&NameText>, action: &'static str) -> Option<Option<ProcessIx>> {
    if by.is_none() {
        return Some(None);
    }
    target(cx, &at.key("by"), by, action, &[ProgramKind::Mysql]).map(Some)
}

fn set_global(cx: &mut Cx<'_>, at: &At<'_>, variable: &str, setting: &Setting) -> Option<String> {
    if !VARIABLES.contains(&variable) {
        let near = nearest(variable, VARIABLES.iter().copied()).map(str::to_owned);
        cx.report_near(&at.key("variable"), ProblemKind::UnknownVariable { name: value::cut(variable) }, near);
        return None;
    }
    let text = setting.text();
    let usable = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !usable {
        let kind = ProblemKind::BadSysctlValue { name: variable.to_owned(), value: value::cut(&text) };
        cx.report(&at.key("value"), kind);
        return None;
    }
    Some(format!("SET GLOBAL {variable} = {text}"))
}

fn number_or_expr(cx: &mut Cx<'_>, at: &At<'_>, value: &NumberOrExpr) -> Option<Expr> {
    match value {
        NumberOrExpr::Number(number) => Some(Expr::Number(*number)),
        NumberOrExpr::Expr(text) => expression(cx, at, text),
    }
}

fn expression(cx: &mut Cx<'_>, at: &At<'_>, text: &str) -> Option<Expr> {
    match expr::parse(text, &cx.names) {
        Ok(expr) => Some(expr),
        Err((kind, near)) => {
            cx.report_near(at, kind, near);
            None
        }
    }
}

pub(super) fn expectations(cx: &mut Cx<'_>, at: &At<'_>, files: &[ExpectFile]) -> Vec<Expectation> {
    files.iter().enumerate().filter_map(|(i, file)| expectation(cx, &at.item(i), file)).collect()
}

fn expectation(cx: &mut Cx<'_>, at: &At<'_>, file: &ExpectFile) -> Option<Expectation> {
    let end = Moment::Mark { mark: MarkRef::End, offset: Duration::ZERO, before: false };
    let when = if file.at.is_some() { moment(cx, &at.key("at"), file.at.as_ref()) } else { Some(end) };
    let since = moment(cx, &at.key("since"), file.since.as_ref());
    let per_at = at.key("per");
    let per = cx.duration(&per_at, file.per.as_ref());
    if file.per.is_some() && file.since.is_none() {
        cx.report(&per_at, ProblemKind::PerWithoutSince);
    }
    if per == Some(Duration::ZERO) {
        cx.report(&per_at, ProblemKind::OutOfRange { number: "0".to_owned(), min: 1, max: i64::MAX });
    }
    let bound = bound(cx, at, file);
    let over_seeds = match &file.over_seeds {
        None => OverSeeds::Own,
        Some(SeedsFile::Word(SeedsWord::All)) => OverSeeds::All,
        Some(SeedsFile::List(list)) => {
            let at = at.key("over_seeds");
            OverSeeds::List(list.iter().filter_map(|&seed| cx.int(&at, Some(seed), 0, i64::MAX)).collect())
        }
    };
    let metric = file.metric.as_ref()?;
    let quantity = expression(cx, &at.key("metric"), &metric.0);
    Some(Expectation {
        name: file.name.clone().unwrap_or_else(|| metric.0.clone()),
        quantity: quantity?,
        at: when?,
        since,
        per,
        bound: bound?,
        over_seeds,
    })
}

fn bound(cx: &mut Cx<'_>, at: &At<'_>, file: &ExpectFile) -> Option<Bound> {
    let given: Vec<&'static str> = [
        ("eq", file.eq.is_some()),
        ("within", file.within.is_some()),
        ("min", file.min.is_some()),
        ("max", file.max.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    match *given.as_slice() {
        [] => {
            cx.report(at, ProblemKind::NoBound);
            return None;
        }
        ["min", "max"] | [_] => {}
        [first, second, ..] => {
            cx.report(&at.key(second), ProblemKind::ConflictingBounds { first, second });
            return None;
        }
    }
    if let Some(eq) = &file.eq {
        return number_or_expr(cx, &at.key("eq"), eq).map(Bound::Eq);
    }
    if let Some(within) = &file.within {
        return self::within(cx, &at.key("within"), within);
    }
    let min = file.min.as_ref().map(|e| number_or_expr(cx, &at.key("min"), e));
    let max = file.max.as_ref().map(|e| number_or_expr(cx, &at.key("max"), e));
    range(cx, at, min.map_or(Some(None), |e| e.map(Some))?, max.map_or(Some(None), |e| e.map(Some))?)
}

fn within(cx: &mut Cx<'_>, at: &At<'_>, file: &WithinFile) -> Option<Bound> {
    match file {
        WithinFile::Range(ends) => {
            let [low, high] = ends.as_slice() else {
                let kind = ProblemKind::WrongType {
                    expected_en: "a list of 2 elements".to_owned(),
                    expected_zh: "2 个元素的列表".to_owned(),
                    found_en: "another number of elements",
                    found_zh: "元素个数不同",
                };
                cx.report(at, kind);
                return None;
            };
            let (low, high) = (number_or_expr(cx, &at.item(0), low), number_or_expr(cx, &at.item(1), high));
            range(cx, at, Some(low?), Some(high?))
        }
        WithinFile::Tolerance(file) => {
            let value = number_or_expr(cx, &at.key("value"), file.value.as_ref()?);
            let tolerance = number_or_expr(cx, &at.key("tolerance"), file.tolerance.as_ref()?);
            let (value, tolerance) = (value?, tolerance?);
            let low = value.clone().binary(BinaryOp::Sub, tolerance.clone());
            Some(Bound::Range { min: Some(low), max: Some(value.binary(BinaryOp::Add, tolerance)) })
        }
    }
}

fn range(cx: &mut Cx<'_>, at: &At<'_>, min: Option<Expr>, max: Option<Expr>) -> Option<Bound> {
    if let (Some(Expr::Number(low)), Some(Expr::Number(high))) = (&min, &max)
        && low > high
    {
        cx.report(at, ProblemKind::InvertedRange { low: *low, high: *high });
        return None;
    }
    Some(Bound::Range { min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let marks = vec![("kill".to_owned(), MarkRef::Kill), ("kill-2".to_owned(), MarkRef::Own(0))];
        let mark = |mark, offset, before| Ok(Moment::Mark { mark, offset, before });
        assert_eq!(parse_moment("30s", &marks), Ok(Moment::At(Instant::ZERO + Duration::from_secs(30))));
        assert_eq!(parse_moment("kill", &marks), mark(MarkRef::Kill, Duration::ZERO, false));
        assert_eq!(parse_moment("kill + 3s", &marks), mark(MarkRef::Kill, Duration::from_secs(3), false));
        assert_eq!(parse_moment("kill-250ms", &marks), mark(MarkRef::Kill, Duration::from_millis(250), true));
        assert_eq!(parse_moment("kill-2-1s", &marks), mark(MarkRef::Own(0), Duration::from_secs(1), true));
        for (text, id, near) in [
            ("kil+3s", "unknown-mark", Some("kill")),
            ("kill+", "bad-moment", None),
            ("kill+3", "bad-moment", None),
            ("30", "bad-moment", None),
            ("", "bad-moment", None),
            ("-3s", "bad-moment", None),
        ] {
            let (kind, hint) = parse_moment(text, &marks).expect_err(text);
            assert_eq!((kind.id(), hint.as_deref()), (id, near), "{text}");
        }
    }
}
