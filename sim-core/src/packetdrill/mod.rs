//! packetdrill scripts against the simulated host, in exact virtual time.
//!
//! A script is the application and the network at once: it makes system calls,
//! injects segments, and says which segments must leave, when. [`run`] reads
//! one and says whether the host did as it says.
//!
//! The language is the part of packetdrill's that speaks of TCP's lifecycle,
//! with one addition: a packet may name its ports (`< 40001 > 8080 S 0:0(0)`),
//! so that a script can hold several connections. What the model lacks is
//! reported as unsupported, with its line, and never as passed.

mod assertion;
pub mod ast;
mod bench;
mod calls;
mod compare;
mod cursor;
mod parse;
mod parse_call;
mod parse_packet;
mod problem;
mod runner;
mod shell;
#[cfg(test)]
mod tests;
mod verdict;

pub use parse::{Definitions, parse};
pub use problem::{ProblemKind, ScriptProblem};
pub use verdict::{Failure, Run, Verdict};

use crate::kernel::{CostProfile, HostConfig, KernelProfile, Sysctls, UnrelatedSockets};
use crate::units::Ratio;
use ast::{EventKind, IpVersion, OptionList, Script};
use runner::{Runner, Settings};

/// packetdrill's own tolerance, in microseconds.
pub const TOLERANCE_USECS: u64 = 4_000;
/// RAM of the host, for the defaults that depend on it.
const RAM_BYTES: u64 = 8 << 30;
/// Names of branches that suites for several systems use.
const BRANCHES: [&str; 3] = ["STANDARD", "FreeBSD", "Linux"];

/// How strictly a script is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compare {
    /// As packetdrill does: every field the script gives.
    #[default]
    Exact,
    /// What a connection's life is made of: flags, sequence numbers, lengths,
    /// errnos, times. Windows, options (unless timestamps are echoed), buffer
    /// sizes and sysctls of other systems are left out. For scripts written for other stacks.
    Lifecycle,
}

/// What to run a script with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kernel whose behaviour is simulated.
    pub profile: KernelProfile,
    /// What is compared.
    pub compare: Compare,
    /// Tolerance in microseconds where the script names none; packetdrill's own
    /// for `None`. 0 goes for every script: nothing may be off, and kernel
    /// timers are exact instead of rounded to the timer wheel.
    pub tolerance_usecs: Option<u64>,
    /// `-D NAME=VALUE`.
    pub definitions: Definitions,
}

/// Reads and runs a script. One with `#ifdef`s for several systems passes when
/// one of its branches does, unless the definitions choose a branch.
#[must_use]
pub fn run(text: &str, options: &Options) -> Verdict {
    let branches = match parse(text, &options.definitions) {
        Ok(script) => script.branches,
        Err(problem) => return Verdict::NotRun(problem),
    };
    let chosen = branches.iter().any(|name| options.definitions.get(name).is_some());
    // Each branch on its own: the first that passes, else what became of the first that ran.
    let mut best = None;
    for name in BRANCHES.iter().filter(|name| !chosen && branches.iter().any(|asked| asked == *name)) {
        let mut definitions = options.definitions.clone();
        definitions.values.push(((*name).to_owned(), String::new()));
        match run_branch(text, options, &definitions) {
            Verdict::Pass(run) => return Verdict::Pass(Run { branch: Some((*name).to_owned()), ..run }),
            failed @ Verdict::Fail(_) => {
                best = Some(best.filter(|best| !matches!(best, Verdict::NotRun(_))).unwrap_or(failed))
            }
            not_run @ Verdict::NotRun(_) => best = Some(best.unwrap_or(not_run)),
        }
    }
    best.unwrap_or_else(|| run_branch(text, options, &options.definitions))
}

fn run_branch(text: &str, options: &Options, definitions: &Definitions) -> Verdict {
    let mut script = match parse(text, definitions) {
        Ok(script) => script,
        Err(problem) => return Verdict::NotRun(problem),
    };
    let lifecycle = options.compare == Compare::Lifecycle;
    if lifecycle {
        forget_what_stacks_choose(&mut script);
    }
    let strict = options.tolerance_usecs == Some(0);
    let own = script.options.tolerance_usecs;
    let tolerance_usecs = if strict { 0 } else { own.or(options.tolerance_usecs).unwrap_or(TOLERANCE_USECS) };
    let settings = Settings { tolerance_usecs, strict, lifecycle };
    // An IPv6 header is 20 bytes longer than the IPv4 header the model has.
    let longer = if script.options.ip_version == IpVersion::Ipv6 { 20 } else { 0 };
    let mtu = script.options.mtu.unwrap_or(1_500) - longer;
    Runner::new(&script, settings, host(options, !strict, lifecycle), mtu).run()
}

/// Leaves out of a script what says nothing about a connection's life.
fn forget_what_stacks_choose(script: &mut Script) {
    let echoes = script.events.iter().any(|event| match &event.kind {
        EventKind::TcpIn(spec) => compare::timestamp(spec).is_some_and(|(_, ecr)| ecr != 0),
        EventKind::TcpOut(_) | EventKind::IcmpIn(_) | EventKind::Call(_) | EventKind::Shell(_) | EventKind::Code(_) => {
            false
        }
    });
    for event in &mut script.events {
        if let EventKind::TcpOut(spec) = &mut event.kind {
            spec.win = None;
            if !echoes {
                spec.options = OptionList::Any;
            }
        }
    }
}

/// The host a script runs on.
fn host(options: &Options, timer_rounding: bool, lifecycle: bool) -> HostConfig {
    let mut sysctls = Sysctls::new(&options.profile, RAM_BYTES);
    if lifecycle {
        // So that the first window is 65535 bytes, as on FreeBSD.
        sysctls.set("net.ipv4.tcp_rmem", "4096 540000 15728640").expect("every kernel takes three numbers");
    }
    HostConfig {
        name: "packetdrill".to_owned(),
        addrs: vec![bench::LOCAL],
        profile: options.profile.clone(),
        cpus: 1,
        ram_bytes: RAM_BYTES,
        sysctls,
        cost: CostProfile::free(),
        steal: Ratio::ZERO,
        timer_rounding,
        unrelated: UnrelatedSockets::default(),
        bound_ports: Vec::new(),
    }
}
