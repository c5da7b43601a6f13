//! Commands that make time pass, and that look at the world as a whole.

use super::{Answer, Cx, Says};
use crate::observe::facts::RunFacts;
use crate::observe::finding_id::FindingId;
use crate::observe::findings::findings;
use crate::observe::tools::seconds;
use crate::say;
use crate::scenario::{Expr, Moment, Run, Scenario, ScenarioError, duration};
use crate::sim::SimError;
use crate::text::explain::{Found, explain};
use crate::text::{Lang, Msg, nearest};
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;

/// How long `until` looks where the scenario has ended already.
const PATIENCE: Duration = Duration::from_secs(3600);
/// What a shell says of a command that Ctrl-C ended: 128 and SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// `now`: time since the start and on the host's clock.
pub(super) fn now(cx: &Cx<'_>) -> Answer {
    let at = since_start(cx.run.world().now());
    Answer::out(format!("{}\n", say!(cx.shell.lang, Says::Now, at, super::system::date(&cx.view()))))
}

fn since_start(at: Instant) -> String {
    format!("{}s", at.since(Instant::ZERO).decimal(1_000_000_000, 6))
}

/// `advance 10s`, `advance kill+3s`.
pub(super) fn advance(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let usage = |cx: &Cx<'_>| Ok(Answer::fails(2, format!("{}\n", say!(cx.shell.lang, Says::AdvanceUsage))));
    let [text] = args else { return usage(cx) };
    let at = if let Ok(span) = duration(text.trim_start_matches('+')) {
        let Some(at) = cx.run.world().now().checked_add(span) else { return usage(cx) };
        at
    } else {
        let moment = match cx.run.scenario().moment(text) {
            Ok(moment) => moment,
            Err(error) => {
                let said = complaint(&error, cx.shell.lang);
                return Ok(Answer::fails(2, format!("{said}{}\n", say!(cx.shell.lang, Says::AdvanceUsage))));
            }
        };
        match time_of(cx, &moment)? {
            Some(at) if at < cx.run.world().now() => {
                return Ok(Answer::fails(1, format!("{}\n", say!(cx.shell.lang, Says::Past, text))));
            }
            Some(at) => at,
            None => {
                let end = cx.run.scenario().end.since(Instant::ZERO).decimal(1_000_000_000, 3);
                return Ok(Answer::fails(1, format!("{}\n", say!(cx.shell.lang, Msg::MarkNeverReached, text, end))));
            }
        }
    };
    cx.run.run_until(at, cx.observer)?;
    Ok(now_at(cx))
}

/// When a moment is. A mark that was not reached yet is run to; one that is to
/// be met before it is reached, by a second run. `None` if it is not reached by
/// the scenario's end.
fn time_of(cx: &mut Cx<'_>, moment: &Moment) -> Result<Option<Instant>, SimError> {
    if let Some(at) = cx.run.instant_of(moment) {
        return Ok(Some(at));
    }
    let Moment::Mark { mark, offset, before } = *moment else { return Ok(None) };
    let end = cx.run.scenario().end;
    let done = |run: &Run| run.mark(mark).is_some();
    if before {
        let mut scout = cx.run.scout();
        scout.run_until_true(&done, end, &mut NoObserver)?;
        return Ok(scout.mark(mark).map(|reached| reached.saturating_sub(offset)));
    }
    cx.run.run_until_true(&done, end, cx.observer)?;
    Ok(cx.run.mark(mark).and_then(|reached| reached.checked_add(offset)))
}

fn now_at(cx: &Cx<'_>) -> Answer {
    Answer::out(format!("{}\n", say!(cx.shell.lang, Says::Advanced, since_start(cx.run.world().now()))))
}

pub(super) fn interrupted_at(cx: &Cx<'_>) -> Answer {
    Answer { status: INTERRUPTED, ..now_at(cx) }
}

/// All problems of a word, a line each, with the nearest name.
fn complaint(error: &ScenarioError, lang: Lang) -> String {
    let lines = error.problems.iter().map(|problem| {
        let (what, hint) = match lang {
            Lang::En => (problem.kind.en(), problem.hint_en()),
            Lang::Zh => (problem.kind.zh(), problem.hint_zh()),
        };
        hint.map_or(format!("halfclose: {what}\n"), |hint| format!("halfclose: {what}; {hint}\n"))
    });
    lines.collect()
}

/// A comparison of two quantities.
#[derive(Clone, Debug)]
struct Condition {
    text: String,
    /// As it was understood.
    left_text: String,
    left: Expr,
    right: Expr,
    op: Op,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Greater,
    AtLeast,
    Less,
    AtMost,
    Equal,
    Unequal,
}

impl Op {
    /// Longer ones first.
    const ALL: [(&'static str, Self); 7] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        (">", Self::Greater),
        ("<", Self::Less),
        ("=", Self::Equal),
    ];

    const fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}

impl Condition {
    fn holds(&self, run: &Run) -> bool {
        run.value(&self.left).zip(run.value(&self.right)).is_some_and(|(left, right)| self.op.holds(left, right))
    }
}

/// `until "client.tcp.close_wait > 100" [within 1h]`.
pub(super) fn until(cx: &mut Cx<'_>, args: &[String]) -> Result<Answer, SimError> {
    let lang = cx.shell.lang;
    let usage = || Answer::fails(2, format!("{}\n", say!(lang, Says::UntilUsage)));
    let (words, limit) = match args {
        [words @ .., within, span] if within == "within" => match duration(span) {
            Ok(span) => (words, Some(span)),
            Err(_no_duration) => return Ok(usage()),
        },
        words => (words, None),
    };
    let condition = match condition(cx, &words.join(" ")) {
        Some(Ok(condition)) => condition,
        Some(Err(said)) => return Ok(Answer::fails(2, said)),
        None => return Ok(usage()),
    };
    let begun = cx.run.world().now();
    let limit = match limit {
        Some(span) => begun.checked_add(span).unwrap_or(Instant::MAX),
        None if begun < cx.run.scenario().end => cx.run.scenario().end,
        None => begun.checked_add(PATIENCE).unwrap_or(Instant::MAX),
    };
    let reached = cx.run.run_until_true(&|run| condition.holds(run), limit, cx.observer)?;
    let value = cx.run.value(&condition.left).unwrap_or(0);
    let at = since_start(cx.run.world().now());
    if reached {
        let took = seconds(cx.run.world().now().since(begun));
        return Ok(Answer::out(format!("{}\n", say!(lang, Says::Became, at, took, condition.left_text, value))));
    }
    Ok(Answer::fails(1, format!("{}\n", say!(lang, Says::Never, condition.text, at, condition.left_text, value))))
}

/// `None` if it is no comparison at all.
fn condition(cx: &Cx<'_>, text: &str) -> Option<Result<Condition, String>> {
    // `->` does not occur in names; `-` may.
    let (at, word, op) = Op::ALL
        .iter()
        .filter_map(|(word, op)| text.find(word).map(|at| (at, *word, *op)))
        .min_by_key(|(at, word, _)| (*at, usize::MAX - word.len()))?;
    let left_text = in_full(cx, text[..at].trim());
    let right_text = in_full(cx, text[at + word.len()..].trim());
    if left_text.is_empty() || right_text.is_empty() {
        return None;
    }
    let scenario: &Scenario = cx.run.scenario();
    let side = |text: &str| scenario.quantity(text).map_err(|error| complaint(&error, cx.shell.lang));
    Some(side(&left_text).and_then(|left| {
        Ok(Condition { text: text.to_owned(), left_text: left_text.clone(), left, right: side(&right_text)?, op })
    }))
}

/// Names as metrics have them: `client.close_wait` is `client.tcp.close_wait`,
/// and a bare `close_wait` is the current host's.
fn in_full(cx: &Cx<'_>, text: &str) -> String {
    let hosts = &cx.run.scenario().hosts;
    let state = |name: &str| crate::tcp::TcpState::ALL.iter().any(|state| state.metric_name() == name);
    let words = text.split(' ').map(|word| match word.split_once('.') {
        Some((host, name)) if state(name) && hosts.iter().any(|known| known.name == host) => {
            format!("{host}.tcp.{name}")
        }
        None if state(word) => format!("{}.tcp.{word}", hosts[cx.shell.host].name),
        Some(_) | None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `metrics [PATTERN]`: what `until` can ask for, with its value now.
pub(super) fn metrics(cx: &Cx<'_>, args: &[String]) -> Answer {
    let wanted = |name: &str| args.iter().all(|part| name.contains(part.trim_matches('*')));
    let all = cx.run.metrics();
    let lines = all.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| format!("{name} = {value}\n"));
    let out: String = lines.collect();
    Answer { status: u8::from(out.is_empty()), out, ..Answer::default() }
}

/// `hosts`: the simulated hosts; a star at the current one.
pub(super) fn hosts(cx: &Cx<'_>) -> Answer {
    let hosts = cx.run.scenario().hosts.iter().enumerate();
    let lines = hosts.map(|(ix, host)| {
        let mark = if ix == cx.shell.host { '*' } else { ' ' };
        let addrs: Vec<_> = host.addrs.iter().map(ToString::to_string).collect();
        let processes = cx.run.scenario().processes.iter().filter(|process| process.host == ix);
        let names: Vec<_> = processes.map(|process| process.name.as_str()).collect();
        format!("{mark} {:<12} {:<16} {:<28} {}\n", host.name, addrs.join(","), host.kernel, names.join(" "))
    });
    Answer::out(lines.collect())
}

/// `host NAME`: go to another host.
pub(super) fn host(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let hosts = &cx.run.scenario().hosts;
    let [name] = args else { return self::hosts(cx) };
    match hosts.iter().position(|host| host.name == *name) {
        Some(ix) => {
            cx.shell.host = ix;
            cx.shell.cwd = "/".to_owned();
            Answer::default()
        }
        None => {
            let names: Vec<_> = hosts.iter().map(|host| host.name.as_str()).collect();
            let mut said = format!("{}\n", say!(cx.shell.lang, Says::NoHost, name, names.join(", ")));
            if let Some(near) = nearest(name, names.iter().copied()) {
                said.push_str(&format!("{}\n", say!(cx.shell.lang, Says::DidYouMean, near)));
            }
            Answer::fails(1, said)
        }
    }
}

/// `findings`: what ran out so far, and why.
pub(super) fn findings_now(cx: &Cx<'_>) -> Answer {
    let lang = cx.shell.lang;
    let mut out = String::new();
    for finding in findings(&RunFacts::of(cx.run)) {
        out.push_str(&finding.paragraph(lang));
    }
    Answer::out(out)
}

/// `explain WORD`.
pub(super) fn explain_word(cx: &Cx<'_>, args: &[String]) -> Answer {
    let lang = cx.shell.lang;
    let word = args.join(" ");
    let finding = FindingId::parse(&word).map(|id| id.explained(lang));
    match (explain(&word), finding) {
        (Found::Entries(entries), finding) => {
            Answer::out(entries.iter().map(|entry| entry.render(lang)).chain(finding).collect::<Vec<_>>().join("\n"))
        }
        (_, Some(finding)) => Answer::out(finding),
        (Found::Question(question), None) => Answer::out(question.render(lang)),
        (Found::Nothing(near), None) => {
            let mut said = format!("{}\n", say!(lang, Says::NothingFound, word));
            if !near.is_empty() {
                said.push_str(&format!("{}\n", say!(lang, Says::DidYouMean, near.join(", "))));
            }
            Answer::fails(1, said)
        }
    }
}
