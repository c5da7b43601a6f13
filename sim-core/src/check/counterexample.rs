//! A failing case for people: its story, a scenario file, a link.

use core::fmt::{self, Write as _};

use super::case::{Case, Subject, Violation};
use super::plan::{Fault, Plan, SysctlChange, TimedFault, Topology};
use super::property::{Bound, Property};
use super::scenario_file;
use super::words::Words;
use crate::link;
use crate::say;
use crate::text::Lang;
use crate::time::Instant;

/// Longest link that a terminal and a browser take in comfort.
const LINK_PRINTED: usize = 4_000;

/// The smallest case found in which a property does not hold.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The property's name.
    pub property: String,
    /// Number of the case, from 0.
    pub case: u32,
    /// Events of all cases up to this one, it included; those of shrinking are not counted.
    pub events: u64,
    /// The case as it was found.
    pub first: Plan,
    /// The case after shrinking.
    pub plan: Plan,
    /// Where and why it fails.
    pub violation: Violation,
    /// Simpler cases tried.
    pub tried: u32,
    scenario: String,
    pub(super) saved: Saved,
}

/// What became of the scenario.
#[derive(Clone, Debug)]
pub(super) enum Saved {
    /// Nobody asked to save it.
    No,
    /// It is in this file.
    In(String),
    /// This file could not be written, and why.
    Failed(String, String),
}

impl Counterexample {
    pub(super) fn of(
        subject: &Subject,
        property: &Property,
        case: u32,
        first: Plan,
        plan: Plan,
        mut violation: Violation,
        tried: u32,
    ) -> Self {
        let exact = replay(subject, property, &plan, &mut violation);
        let scenario = scenario_file::write(subject, property, &plan, &violation, &exact);
        let (property, saved) = (property.name.clone(), Saved::No);
        Self { property, case, events: 0, first, plan, violation, tried, scenario, saved }
    }

    /// The case as a scenario file: the program under test as a script of the system
    /// calls it made, and the violated property as an expectation that fails, where a metric
    /// says it. Its first lines hold the plan, so that [`Check::regression_file`](super::Check::regression_file)
    /// runs the program itself again.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The link that `halfclose web` opens at the moment of the violation.
    #[must_use]
    pub fn link(&self) -> String {
        link::of_text(&self.scenario, Some(self.plan.seed), Some(self.violation.at))
    }

    /// What to type to run the scenario, to look at the violation on the page and to keep the case: a line each.
    /// `FILE` stands for the scenario's file, unless [`Check::save`](super::Check::save) has written it.
    #[must_use]
    pub fn commands(&self, lang: Lang) -> String {
        let (link, at) = (self.link(), self.violation.at.since(Instant::ZERO));
        let file = match &self.saved {
            Saved::In(file) => file,
            Saved::No | Saved::Failed(..) => "FILE",
        };
        let web = if link.len() <= LINK_PRINTED {
            say!(lang, Words::Web, link)
        } else {
            say!(lang, Words::WebFile, file, at)
        };
        [say!(lang, Words::Run, file), web, say!(lang, Words::Again, file)].join("\n")
    }

    /// What happens, in order of time.
    #[must_use]
    pub fn story(&self, lang: Lang) -> String {
        let plan = &self.plan;
        let ports = plan.ports.1 - plan.ports.0 + 1;
        let mut out = say!(lang, Words::Title, self.property, self.case, self.tried);
        let (nofile, most) = (plan.nofile, plan.max_connections);
        let (connect, wait) = (plan.connect_timeout, plan.wait_timeout);
        let (latency, loss) = (plan.latency_us, plan.loss);
        out += "\n  ";
        out += &say!(lang, Words::World, plan.seed, ports, nofile, most, connect, wait, latency, loss);
        if plan.topology == Topology::ThreeHosts {
            let _ = write!(out, "\n  {}", say!(lang, Words::ThreeHosts));
        }
        if plan.faults.is_empty() {
            let _ = write!(out, "\n  {}", say!(lang, Words::Nothing));
        }
        for fault in &plan.faults {
            let _ = write!(out, "\n  {:>9}  {}", fault.at.to_string(), fault.text(lang));
        }
        let why = match lang {
            Lang::En => &self.violation.why,
            Lang::Zh => &self.violation.why_zh,
        };
        let at = self.violation.at.since(Instant::ZERO).decimal(1_000_000_000, 3);
        let _ = write!(out, "\n  {:>9}  {why}", format!("{at}s"));
        out
    }
}

/// The scenario, unless it was saved; then the story, which so stands where a terminal ends; then [`Counterexample::commands`].
impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.saved {
            Saved::In(_) => {}
            Saved::No => writeln!(f, "{}\n{}", say!(Lang::En, Words::Unsaved), self.scenario)?,
            Saved::Failed(file, why) => {
                writeln!(f, "{}", say!(Lang::En, Words::NotSaved, file, why))?;
                writeln!(f, "{}\n{}", say!(Lang::En, Words::Unsaved), self.scenario)?;
            }
        }
        write!(f, "{}\n\n{}", self.story(Lang::En), self.commands(Lang::En))
    }
}

/// Runs the case to the moment before the violation was seen, then event by event
/// to the first after which the property does not hold.
fn replay(subject: &Subject, property: &Property, plan: &Plan, violation: &mut Violation) -> Case {
    let mut case = Case::new(plan, subject);
    let mut last = Instant::ZERO;
    for (at, what) in Case::moments(plan) {
        if at >= violation.at && what.is_none() {
            break;
        }
        // The same run went through before.
        if case.advance(at, what, None).is_err() {
            return case;
        }
        last = at;
    }
    while case.world.next_at() <= violation.at && case.world.next_at() < Instant::MAX {
        let at = case.world.next_at().max(last);
        if case.advance(at, None, None).is_err() {
            break;
        }
        let view = case.view();
        if let Err(why) = (property.holds)(&view, Lang::En) {
            let why_zh = (property.holds)(&view, Lang::Zh).err().unwrap_or_default();
            *violation = Violation { property: violation.property, at, why, why_zh };
            return case;
        }
    }
    // It is time alone that makes it false: the moment it was seen stands.
    let _ = case.advance(violation.at, None, None);
    case
}

/// Names of faults in the line that holds a plan.
const FAULTS: &[(&str, Fault)] = &[
    ("kill-session", Fault::KillSession),
    ("kill-all", Fault::KillAll),
    ("restart-server", Fault::RestartServer),
    ("power-loss", Fault::PowerLoss),
    ("pause-server", Fault::PauseServer),
    ("partition", Fault::Partition),
    ("loss-to-server", Fault::LossToServer),
    ("loss-to-client", Fault::LossToClient),
    ("dns-stall", Fault::DnsStall),
    ("refuse", Fault::Refuse),
    ("black-hole", Fault::BlackHole),
    ("kill-client", Fault::KillClient),
    ("few-ports", Fault::FewPorts(0)),
    ("few-fds", Fault::FewFds(0)),
    ("burst", Fault::Burst(0)),
];

/// The fault with another size, and the size it had; without one where it has none.
const fn resized(fault: Fault, n: u16) -> (Fault, Option<u16>) {
    match fault {
        Fault::FewPorts(old) => (Fault::FewPorts(n), Some(old)),
        Fault::FewFds(old) => (Fault::FewFds(n), Some(old)),
        Fault::Burst(old) => (Fault::Burst(n), Some(old)),
        other @ (Fault::KillSession
        | Fault::KillAll
        | Fault::RestartServer
        | Fault::PowerLoss
        | Fault::PauseServer
        | Fault::Partition
        | Fault::LossToServer
        | Fault::LossToClient
        | Fault::DnsStall
        | Fault::Refuse
        | Fault::BlackHole
        | Fault::KillClient
        | Fault::Sysctl(_)) => (other, None),
    }
}

const TOPOLOGIES: [Topology; 2] = [Topology::TwoHosts, Topology::ThreeHosts];

const fn topology_word(topology: Topology) -> &'static str {
    match topology {
        Topology::TwoHosts => "two-hosts",
        Topology::ThreeHosts => "three-hosts",
    }
}

/// Before the plan in a scenario file.
pub(super) const PLAN_LINE: &str = "# plan: ";

impl Plan {
    /// The plan in one line, as [`Plan::from_scenario`] reads it: times in nanoseconds.
    #[must_use]
    pub fn line(&self) -> String {
        let mut out = format!(
            "seed={} topology={} ports={}-{} nofile={} max_connections={} connect_timeout={} wait_timeout={} latency_us={} loss={} settle={}",
            self.seed,
            topology_word(self.topology),
            self.ports.0,
            self.ports.1,
            self.nofile,
            self.max_connections,
            self.connect_timeout,
            self.wait_timeout,
            self.latency_us,
            self.loss,
            self.settle.nanos()
        );
        for TimedFault { at, lasts, fault } in &self.faults {
            if let Fault::Sysctl(change) = fault {
                let _ = write!(out, " {}={}+{}*{}", change.name(), at.nanos(), lasts.nanos(), change.value());
                continue;
            }
            let (nameless, n) = resized(*fault, 0);
            let name = FAULTS.iter().find(|(_, known)| *known == nameless).map_or("", |(name, _)| name);
            let _ = write!(out, " {name}={}+{}", at.nanos(), lasts.nanos());
            if let Some(n) = n {
                let _ = write!(out, "*{n}");
            }
        }
        out
    }

    /// The plan that a scenario file of a counterexample holds.
    #[must_use]
    pub fn from_scenario(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix(PLAN_LINE))?;
        let mut plan = Self::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=')?;
            match name {
                "seed" => plan.seed = value.parse().ok()?,
                "topology" => plan.topology = TOPOLOGIES.into_iter().find(|one| topology_word(*one) == value)?,
                "ports" => {
                    let (low, high) = value.split_once('-')?;
                    plan.ports = (low.parse().ok()?, high.parse().ok()?);
                    if plan.ports.0 > plan.ports.1 {
                        return None;
                    }
                }
                "nofile" => plan.nofile = value.parse().ok()?,
                "max_connections" => plan.max_connections = value.parse().ok()?,
                "connect_timeout" => plan.connect_timeout = value.parse().ok()?,
                "wait_timeout" => plan.wait_timeout = value.parse().ok()?,
                "latency_us" => plan.latency_us = value.parse().ok()?,
                "loss" => plan.loss = value.parse().ok()?,
                "settle" => plan.settle = crate::time::Duration::from_nanos(value.parse().ok()?),
                other => plan.faults.push(fault(other, value)?),
            }
        }
        Some(plan)
    }
}

fn fault(name: &str, value: &str) -> Option<TimedFault> {
    let (at, rest) = value.split_once('+')?;
    let (lasts, n) = rest.split_once('*').unwrap_or((rest, "0"));
    let nanos = |text: &str| text.parse().ok().map(crate::time::Duration::from_nanos);
    // Names of sysctls have dots, those of faults have none.
    let fault = if name.contains('.') {
        Fault::Sysctl(SysctlChange::new(name, n.parse().ok()?).ok()?)
    } else {
        let (_, kind) = FAULTS.iter().find(|(known, _)| *known == name)?;
        resized(*kind, n.parse().ok()?).0
    };
    Some(TimedFault { at: nanos(at)?, lasts: nanos(lasts)?, fault })
}

/// What the metric of a property was at the violation.
pub(super) fn metric_value(case: &Case, bound: Bound, metric: &str) -> Option<u64> {
    if bound == Bound::Grows {
        return None;
    }
    let view = case.view();
    match metric {
        "{subject}.fd.open" => Some(u64::from(view.fds())),
        "{host}.tcp.close_wait" => Some(view.sockets(crate::tcp::TcpState::CloseWait) as u64),
        "{subject}.connect.attempts" => Some(case.world.stats(case.process.0, case.process.1).tcp_connects),
        "{server}.processlist.unauthenticated" => Some(view.unauthenticated() as u64),
        _other => None,
    }
}
