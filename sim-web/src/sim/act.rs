//! What a reader can do to a running world. Each is an entry that the
//! scenario's timeline could have, and is written as one for who takes the
//! scenario along.

use halfclose::app::Limits;
use halfclose::scenario::{ActionKind, ActionSpec, FlagMatch, Moment, RuleSpec, Scenario, Signal, Verdict};
use halfclose::time::Instant;
use halfclose::units::Ratio;

use crate::wire::ActionInfo;

/// The action that the page's words mean:
///
/// | what | first | second | third |
/// |---|---|---|---|
/// | `kill-session` | process | id | |
/// | `signal` | process | `KILL`, `TERM`, `STOP`, `CONT` | |
/// | `start` | process | | |
/// | `drop` | sending host, or empty | how many packets; empty for all | name of the rule |
/// | `partition` | host | host | |
/// | `heal` | | | |
/// | `sysctl` | host | name | value |
/// | `prlimit` | process | soft limit | hard limit |
/// | `set-global` | process | variable | value |
///
/// Hosts and processes are given by index.
pub(super) fn action(scenario: &Scenario, what: &str, [first, second, third]: [&str; 3]) -> Result<ActionKind, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("`{text}` is not a number"));
    let process = || index(first, scenario.processes.len());
    let host = |text: &str| index(text, scenario.hosts.len());
    Ok(match what {
        "kill-session" => ActionKind::KillSession { server: process()?, id: number(second)?, by: None },
        "signal" => {
            let signal = [Signal::Kill, Signal::Term, Signal::Stop, Signal::Cont].into_iter();
            let signal = signal.into_iter().find(|signal| signal.name() == second);
            ActionKind::Signal { process: process()?, signal: signal.ok_or_else(|| format!("no signal {second}"))? }
        }
        "start" => ActionKind::Start { process: process()? },
        "drop" => ActionKind::Rule(RuleSpec {
            name: Some(third.to_owned()).filter(|name| !name.is_empty()),
            verdict: Verdict::Drop,
            from: if first.is_empty() { None } else { Some(host(first)?) },
            to: None,
            sport: None,
            dport: None,
            flags: FlagMatch::default(),
            probability: Ratio::ONE,
            count: if second.is_empty() { None } else { Some(u32::try_from(number(second)?).unwrap_or(u32::MAX)) },
        }),
        "partition" => ActionKind::Partition { from: host(first)?, to: host(second)?, one_way: false },
        "heal" => ActionKind::Heal { rule: None, between: None },
        "sysctl" => ActionKind::Sysctl { host: host(first)?, name: second.to_owned(), value: third.trim().to_owned() },
        "prlimit" => {
            let (soft, hard) = (number(second)?, number(third)?);
            if soft > hard {
                return Err(format!("soft limit {soft} is above the hard limit {hard}"));
            }
            ActionKind::Prlimit { process: process()?, nofile: Limits { soft, hard } }
        }
        "set-global" => {
            ActionKind::Sql { process: process()?, statement: format!("set global {second} = {}", number(third)?) }
        }
        other => return Err(format!("nothing is called `{other}`")),
    })
}

fn index(text: &str, count: usize) -> Result<usize, String> {
    text.parse::<usize>().ok().filter(|&index| index < count).ok_or_else(|| format!("no number {text} of {count}"))
}

/// The entry without its time, in the scenario language.
pub(super) fn toml(scenario: &Scenario, kind: &ActionKind) -> String {
    let process = |ix: &usize| scenario.processes[*ix].name.as_str();
    let host = |ix: &usize| scenario.hosts[*ix].name.as_str();
    match kind {
        ActionKind::KillSession { server, id, by: _ } => {
            format!("do = \"kill session\"\nprocess = \"{}\"\nid = {id}\n", process(server))
        }
        ActionKind::Sql { process: ix, statement } => {
            format!("do = \"sql\"\nprocess = \"{}\"\nstatement = {}\n", process(ix), quoted(statement))
        }
        ActionKind::Sysctl { host: ix, name, value } => {
            format!("do = \"sysctl -w\"\nhost = \"{}\"\nname = {}\nvalue = {}\n", host(ix), quoted(name), quoted(value))
        }
        ActionKind::Steal { host: ix, share } => {
            format!("do = \"steal\"\nhost = \"{}\"\nshare = \"{}/{}\"\n", host(ix), share.num, share.den)
        }
        ActionKind::Prlimit { process: ix, nofile } => {
            let (soft, hard) = (nofile.soft, nofile.hard);
            format!("do = \"prlimit\"\nprocess = \"{}\"\nRLIMIT_NOFILE = \"{soft}:{hard}\"\n", process(ix))
        }
        ActionKind::Partition { from, to, one_way } => {
            let one_way = if *one_way { "one_way = true\n" } else { "" };
            format!("do = \"partition\"\nfrom = \"{}\"\nto = \"{}\"\n{one_way}", host(from), host(to))
        }
        ActionKind::Heal { .. } => "do = \"heal\"\n".to_owned(),
        ActionKind::Rule(rule) => {
            let name = rule.name.as_ref().map_or_else(String::new, |name| format!("name = {}\n", quoted(name)));
            let from = rule.from.as_ref().map_or_else(String::new, |ix| format!("from = \"{}\"\n", host(ix)));
            let count = rule.count.map_or_else(String::new, |count| format!("count = {count}\n"));
            format!("do = \"drop\"\n{name}{from}{count}")
        }
        ActionKind::Signal { process: ix, signal } => {
            format!("do = \"kill process\"\nprocess = \"{}\"\nsignal = \"{}\"\n", process(ix), signal.name())
        }
        ActionKind::Start { process: ix } => format!("do = \"start process\"\nprocess = \"{}\"\n", process(ix)),
        ActionKind::Connect { process: ix } => format!("do = \"connect\"\nprocess = \"{}\"\n", process(ix)),
    }
}

/// The whole entry.
pub(super) fn entry(at: Instant, toml: &str) -> String {
    format!("\n[[timeline]]\nat = \"{}ns\"\n{toml}", at.nanos())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What the page shows of an entry.
pub(super) fn info(action: &ActionSpec, injected: bool) -> ActionInfo {
    ActionInfo {
        at_ns: match action.at {
            Moment::At(at) => Some(at.nanos()),
            Moment::Mark { .. } => None,
        },
        text: action.kind.to_string(),
        kills: matches!(action.kind, ActionKind::KillSession { .. }),
        injected,
    }
}

/// An entry of the timeline in words.
pub(super) fn text(scenario: &Scenario, number: usize) -> String {
    scenario.timeline.get(number).map_or_else(String::new, |action| action.kind.to_string())
}
