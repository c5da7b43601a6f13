//! What the lab will do, and what it will not.

use halfclose::app::script::{OptionName, ScriptOp};
use halfclose::scenario::{ActionKind, LinkSpec, ProgramSpec, RuleSpec, Scenario};
use halfclose::time::Duration;
use halfclose::units::Ratio;

/// Longest experiment.
pub(crate) const LONGEST: Duration = Duration::from_secs(1_200);
/// Most sockets of an experiment, whatever `budget.sockets` allows.
const MOST_SOCKETS: u64 = 200_000;
/// Connections up to which packets are captured.
const CAPTURED: u64 = 500;

/// What of a scenario the lab cannot do for real, or will not; in the file's own words.
pub(crate) fn obstacles(scenario: &Scenario) -> Vec<String> {
    let mut found = Vec::new();
    if scenario.end.nanos() > LONGEST.nanos() {
        found.push(format!("end = {}s is more than {} s", scenario.end, LONGEST.as_secs()));
    }
    for link in &scenario.links {
        let LinkSpec { loss, duplicate, reorder, bandwidth, jitter, .. } = *link;
        let plain = [loss, duplicate, reorder].iter().all(|r| *r == Ratio::ZERO);
        if !plain || bandwidth.is_some() || jitter != Duration::ZERO {
            let (a, b) = (&scenario.hosts[link.first].name, &scenario.hosts[link.second].name);
            found.push(format!("link {a}-{b}: a veth pair has no loss, duplicate, reorder, jitter or bandwidth"));
        }
    }
    let later = scenario.timeline.iter().filter_map(|action| match &action.kind {
        ActionKind::Rule(rule) => Some(rule),
        ActionKind::KillSession { .. }
        | ActionKind::Sql { .. }
        | ActionKind::Sysctl { .. }
        | ActionKind::Steal { .. }
        | ActionKind::Prlimit { .. }
        | ActionKind::Partition { .. }
        | ActionKind::Heal { .. }
        | ActionKind::Signal { .. }
        | ActionKind::Start { .. }
        | ActionKind::Connect { .. } => None,
    });
    let exact = |rule: &RuleSpec| rule.probability == Ratio::ONE && rule.count.is_none();
    if !scenario.rules.iter().chain(later).all(exact) {
        found.push("a rule with `probability` or `count`: nf_tables would choose other packets".to_owned());
    }
    if scenario.timeline.iter().any(|action| matches!(action.kind, ActionKind::Steal { .. })) {
        found.push("`steal`: only a hypervisor takes CPU time away".to_owned());
    }
    found
}

/// How many sockets end an experiment.
pub(crate) fn most_sockets(scenario: &Scenario) -> usize {
    usize::try_from(scenario.budget.sockets.min(MOST_SOCKETS)).unwrap_or(usize::MAX)
}

/// True if nothing in the scenario opens connections without end: then packets
/// are captured and calls compared one by one.
pub(crate) fn is_small(scenario: &Scenario) -> bool {
    connections(scenario).is_some_and(|n| n <= CAPTURED)
}

/// How many connections a scenario's scripts open at most; `None` if that is not
/// for the scenario to say.
pub(crate) fn connections(scenario: &Scenario) -> Option<u64> {
    scenario
        .processes
        .iter()
        .map(|process| match &process.program {
            ProgramSpec::Script(script) => opened(&script.run),
            ProgramSpec::Mysqld(_) => Some(0),
            ProgramSpec::Reconnect(spec) => spec.connections.map(|n| n * u64::from(spec.threads)),
            ProgramSpec::Mysql(_) => Some(1),
            ProgramSpec::Sysbench(_) | ProgramSpec::Pool(_) | ProgramSpec::Dns(_) => None,
        })
        .sum()
}

/// True if a script sets IP_LOCAL_PORT_RANGE: the search then knows no parity (FACTS A.2).
pub(crate) fn sets_port_range(scenario: &Scenario) -> bool {
    scenario.processes.iter().any(|process| match &process.program {
        ProgramSpec::Script(script) => script.run.iter().any(step_sets_port_range),
        ProgramSpec::Mysqld(_)
        | ProgramSpec::Reconnect(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Sysbench(_)
        | ProgramSpec::Pool(_)
        | ProgramSpec::Dns(_) => false,
    })
}

fn step_sets_port_range(step: &ScriptOp) -> bool {
    match step {
        ScriptOp::Setsockopt { option, .. } => *option == OptionName::IpLocalPortRange,
        ScriptOp::Loop { body, .. } | ScriptOp::Forever { body } | ScriptOp::Spawn { body } => {
            body.iter().any(step_sets_port_range)
        }
        ScriptOp::Socket { .. }
        | ScriptOp::Bind { .. }
        | ScriptOp::Listen { .. }
        | ScriptOp::Accept { .. }
        | ScriptOp::Connect { .. }
        | ScriptOp::Send { .. }
        | ScriptOp::Recv { .. }
        | ScriptOp::RecvUntilEof { .. }
        | ScriptOp::Shutdown { .. }
        | ScriptOp::Close { .. }
        | ScriptOp::Leak { .. }
        | ScriptOp::Open { .. }
        | ScriptOp::Sleep(_)
        | ScriptOp::Compute(_)
        | ScriptOp::Poll { .. }
        | ScriptOp::Exit { .. } => false,
    }
}

fn opened(steps: &[ScriptOp]) -> Option<u64> {
    steps
        .iter()
        .map(|step| match step {
            ScriptOp::Connect { .. } => Some(1),
            ScriptOp::Loop { times, body } => opened(body)?.checked_mul(*times),
            ScriptOp::Forever { body } => opened(body).filter(|n| *n == 0),
            ScriptOp::Spawn { body } => opened(body),
            ScriptOp::Socket { .. }
            | ScriptOp::Bind { .. }
            | ScriptOp::Listen { .. }
            | ScriptOp::Accept { .. }
            | ScriptOp::Send { .. }
            | ScriptOp::Recv { .. }
            | ScriptOp::RecvUntilEof { .. }
            | ScriptOp::Shutdown { .. }
            | ScriptOp::Close { .. }
            | ScriptOp::Leak { .. }
            | ScriptOp::Open { .. }
            | ScriptOp::Sleep(_)
            | ScriptOp::Compute(_)
            | ScriptOp::Poll { .. }
            | ScriptOp::Setsockopt { .. }
            | ScriptOp::Exit { .. } => Some(0),
        })
        .sum()
}
