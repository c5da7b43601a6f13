//! Does a program decide by anything but the simulation? A case is run twice: the second time
//! slower by the wall clock, with other hash seeds and other addresses of memory. A program that
//! looks at none of them makes the same run.

use core::fmt;

use super::Check;
use super::case::Case;
use super::plan::Plan;
use super::words::Words;
use crate::app::CallName;
use crate::say;
use crate::sim::SimError;
use crate::text::Lang;
use crate::trace::{Record, RecordKind, Recorder};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Records compared at most; a difference after so many is seen in the digest alone.
const RECORDS: usize = 2_000_000;

/// Two runs of one case that should be the same and are not.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The case.
    pub plan: Plan,
    /// Number of the first event that differs, among the records of the run.
    pub event: usize,
    /// That event in the undisturbed run.
    pub first: Option<Record>,
    /// And in the other.
    pub second: Option<Record>,
    /// The task that acted there: who made the call; at the end of a wait, who was woken by it; at a segment
    /// or a change of state, who makes the next call. `a task that tokio runs` is one of tokio's own spawning, a
    /// pool's reaper for example. `None` where no call follows.
    pub task: Option<String>,
}

impl Difference {
    /// What was found, in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let at = self.first.or(self.second).map_or(crate::time::Instant::ZERO, |record| record.at);
        let told = |record: Option<Record>| record.map_or_else(|| say!(lang, Words::NoMore), |record| event(&record));
        let mut lines = vec![
            say!(lang, Words::Differs, self.event, at),
            say!(lang, Words::First, told(self.first)),
            say!(lang, Words::Second, told(self.second)),
        ];
        if let Some(task) = &self.task {
            lines.push(say!(lang, Words::Task, task));
        }
        lines.push(say!(lang, Words::Why));
        lines.join("\n")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl core::error::Error for Difference {}

/// An event in a line.
fn event(record: &Record) -> String {
    let Record { at, host, kind } = record;
    match kind {
        RecordKind::Syscall { pid, name, fd, result, .. } => {
            let call = CallName::ALL.get(usize::from(*name)).map_or("?", |name| name.name());
            let fd = if fd.0 == u32::MAX { String::new() } else { fd.to_string() };
            let result = result.map_or_else(|errno| errno.to_string(), |value| value.to_string());
            format!("{at} s, host {host}, pid {pid}: {call}({fd}) = {result}")
        }
        RecordKind::State { tuple, from, to, .. } => {
            format!("{at} s, host {host}: {tuple} {} -> {}", from.rfc_name(), to.rfc_name())
        }
        other @ (RecordKind::PortPick { .. }
        | RecordKind::Transmit { .. }
        | RecordKind::Receive { .. }
        | RecordKind::Drop { .. }
        | RecordKind::Exit { .. }
        | RecordKind::Action { .. }
        | RecordKind::Mark { .. }) => format!("{at} s, host {host}: {other:?}"),
    }
}

impl Check {
    /// Runs each of so many cases twice, and compares every event. `slow` is called every half second of
    /// virtual time of the second run; let it take real time: `|| std::thread::sleep(…)`.
    ///
    /// # Errors
    /// The first difference; the budgets of a world do not count as one.
    pub fn repeatable(&self, cases: u32, mut slow: impl FnMut()) -> Result<(), Box<Difference>> {
        let config = Config { rng_seed: RngSeed::Fixed(self.seed), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        for _ in 0..cases {
            let plan = self.plans.new_tree(&mut runner).expect("the strategy rejects nothing").current();
            let Ok((first, calm)) = self.record(&plan, &mut || {}) else { continue };
            let mut ballast: Vec<Vec<u8>> = Vec::new();
            let second = self.record(&plan, &mut || {
                slow();
                // Other addresses for what the program allocates from here on.
                ballast.push(vec![0; 24 + ballast.len() % 7 * 40]);
            });
            let Ok((second, disturbed)) = second else { continue };
            if calm.digest() == disturbed.digest() {
                continue;
            }
            let (first, second) = (first.records(), second.records());
            let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
            let (own, other) = (task_of(&calm, &first[same..]), task_of(&disturbed, &second[same..]));
            let (first, second) = (first.get(same).copied(), second.get(same).copied());
            // What one run does earlier than the other is what differs.
            let calm_is_first = second.is_none_or(|second| first.is_some_and(|first| first.at <= second.at));
            let task = if calm_is_first { own.or(other) } else { other.or(own) };
            return Err(Box::new(Difference { plan, event: same, first, second, task }));
        }
        Ok(())
    }

    fn record(&self, plan: &Plan, between: &mut dyn FnMut()) -> Result<(Recorder, Case), SimError> {
        let mut recorder = Recorder::new(RECORDS, true);
        let mut case = Case::new(plan, &self.subject);
        for (at, what) in Case::moments(plan) {
            case.advance(at, what, Some(&mut recorder))?;
            between();
        }
        Ok((recorder, case))
    }
}

/// The task whose call is the first of the program under test among these records.
fn task_of(case: &Case, records: &[Record]) -> Option<String> {
    let (own, process) = case.process;
    let program = case.world.app(own, process);
    let pid_of_program = case.world.kernel(own).processes()[process.index()].pid();
    records.iter().find_map(|record| match record {
        Record { host, kind: RecordKind::Syscall { pid, entered, .. }, .. }
            if *host == own && *pid == pid_of_program =>
        {
            program.acted_at(*entered)
        }
        _ => None,
    })
}
