//! From a checked scenario to a world that runs.

use super::programs::program;
use super::spec::{FlagMatch, HostSpec, LinkSpec, ProcessSpec, RejectWith, RuleSpec, Scenario, Verdict};
use crate::kernel::{CostProfile, HostConfig, KernelProfile, ProcessConfig, Sysctls, UnrelatedSockets};
use crate::net::{self, Hook, HostMatch, Jitter, LinkConfig, LinkError, PortMatch, Protocol, Rule, RuleVerdict};
use crate::sim::{Budgets, World};
use crate::time::{Duration, Instant};
use crate::trace::DropReason;
use crate::units::{HostId, Port, ProcIx};
use crate::wire::Flags;

/// What a checked scenario can still ask for in vain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A kernel version the model does not speak for.
    #[error("host `{host}`: {error}")]
    Kernel {
        /// The host.
        host: String,
        /// Why not.
        error: crate::kernel::profile::ProfileError,
    },
    /// A cost profile nobody knows.
    #[error("host `{host}`: no cost profile is called `{name}`")]
    CostProfile {
        /// The host.
        host: String,
        /// What was asked for.
        name: String,
    },
    /// A sysctl the host's kernel refuses.
    #[error("host `{host}`: {error}")]
    Sysctl {
        /// The host.
        host: String,
        /// Why.
        error: crate::kernel::sysctl::SysctlError,
    },
    /// Addresses or links that cannot be.
    #[error("{0}")]
    Topology(#[from] net::TopologyError),
    /// A link with settings out of range.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// A program setting that cannot be.
    #[error("process `{process}`: {reason}")]
    Program {
        /// The process.
        process: String,
        /// Why.
        reason: String,
    },
}

/// A world and where the scenario's hosts and processes are in it.
#[derive(Debug)]
pub struct Built {
    /// The world at time 0.
    pub world: World,
    /// By index of the scenario's hosts.
    pub hosts: Vec<HostId>,
    /// By index of the scenario's processes.
    pub processes: Vec<(HostId, ProcIx)>,
}

/// Builds the world of a scenario under a seed.
///
/// # Errors
/// See [`BuildError`].
pub fn world(scenario: &Scenario, seed: u64) -> Result<Built, BuildError> {
    let budget = &scenario.budget;
    let budgets = Budgets {
        events: budget.events,
        same_instant: budget.same_instant,
        sockets: u32::try_from(budget.sockets).unwrap_or(u32::MAX),
        ..Budgets::default()
    };
    let mut world = World::new(seed, budgets);
    let mut hosts = Vec::with_capacity(scenario.hosts.len());
    for spec in &scenario.hosts {
        hosts.push(world.add_host(host(spec)?)?);
    }
    link_all(&mut world, scenario, &hosts)?;
    for rule_spec in &scenario.rules {
        let rule = rule(rule_spec, &hosts);
        world.network_mut().add_rule(rule);
    }
    let mut processes = Vec::with_capacity(scenario.processes.len());
    for spec in &scenario.processes {
        let host = hosts[spec.host];
        let process = add_process(&mut world, scenario, spec, host, spec.start.unwrap_or(Instant::MAX))?;
        processes.push((host, process));
    }
    Ok(Built { world, hosts, processes })
}

/// Starts the program of a process that has ended again, as a new process.
///
/// # Errors
/// As [`world`].
#[cfg_attr(target_family = "wasm", inline(never))]
pub(super) fn start_again(built: &mut Built, scenario: &Scenario, process: usize) -> Result<(), BuildError> {
    let (host, _ended) = built.processes[process];
    // Its old number is taken: a new process gets the next free one.
    let spec = ProcessSpec { pid: None, ..scenario.processes[process].clone() };
    let now = built.world.now();
    built.processes[process].1 = add_process(&mut built.world, scenario, &spec, host, now)?;
    Ok(())
}

fn add_process(
    world: &mut World,
    scenario: &Scenario,
    spec: &ProcessSpec,
    host: HostId,
    start: Instant,
) -> Result<ProcIx, BuildError> {
    let app = program(scenario, spec)?;
    let config = ProcessConfig {
        name: spec.name.clone(),
        pid: spec.pid,
        nofile: spec.nofile,
        cap_sys_admin: spec.cap_sys_admin,
        cap_sys_resource: spec.cap_sys_resource,
        extra_fds: spec.extra_fds,
    };
    Ok(world.add_process(host, &config, app, start))
}

fn host(spec: &HostSpec) -> Result<HostConfig, BuildError> {
    let name = || spec.name.clone();
    let profile = KernelProfile::parse(&spec.kernel)
        .and_then(|profile| profile.with_hz(spec.hz))
        .map_err(|error| BuildError::Kernel { host: name(), error })?;
    let cost = CostProfile::by_name(&spec.cost_profile)
        .ok_or_else(|| BuildError::CostProfile { host: name(), name: spec.cost_profile.clone() })?;
    let mut sysctls = Sysctls::new(&profile, spec.ram_bytes);
    for (sysctl, value) in &spec.sysctls {
        sysctls.set(sysctl, value).map_err(|error| BuildError::Sysctl { host: name(), error })?;
    }
    let other = &spec.unrelated;
    Ok(HostConfig {
        name: name(),
        addrs: spec.addrs.clone(),
        profile,
        cpus: spec.cpus,
        ram_bytes: spec.ram_bytes,
        sysctls,
        cost,
        steal: spec.steal,
        timer_rounding: spec.timer_rounding,
        unrelated: UnrelatedSockets {
            tcp_ipv4: other.tcp_ipv4,
            tcp_ipv6: other.tcp_ipv6,
            tcp_established: other.tcp_established,
            tcp_unhashed: other.tcp_unhashed,
            udp_ipv4: other.udp_ipv4,
            udp_ipv6: other.udp_ipv6,
            raw_ipv4: other.raw_ipv4,
            raw_ipv6: other.raw_ipv6,
            other: other.other,
        },
        bound_ports: spec.bound_ports.clone(),
    })
}

/// Links as given, and the default one between every other pair of hosts.
fn link_all(world: &mut World, scenario: &Scenario, hosts: &[HostId]) -> Result<(), BuildError> {
    for spec in &scenario.links {
        add_link(world, spec, hosts)?;
    }
    let linked = |a: usize, b: usize| {
        scenario.links.iter().any(|l| (l.first, l.second) == (a, b) || (l.first, l.second) == (b, a))
    };
    for a in 0..hosts.len() {
        for b in a + 1..hosts.len() {
            if !linked(a, b) {
                add_link(world, &LinkSpec::default_between(a, b), hosts)?;
            }
        }
    }
    Ok(())
}

fn add_link(world: &mut World, spec: &LinkSpec, hosts: &[HostId]) -> Result<(), BuildError> {
    let config = LinkConfig {
        // "Added to it, uniform between zero and this": half of it either way
        // around the middle.
        latency: spec.latency + Duration::from_nanos(spec.jitter.nanos() / 2),
        jitter: if spec.jitter == Duration::ZERO {
            Jitter::None
        } else {
            Jitter::Uniform(Duration::from_nanos(spec.jitter.nanos() / 2))
        },
        loss: spec.loss,
        duplicate: spec.duplicate,
        reorder: spec.reorder,
        // Long enough for the next packet of a burst to overtake.
        reorder_delay: spec.latency + spec.jitter,
        bandwidth: spec.bandwidth,
        ..LinkConfig::default()
    };
    net::Link::new(config.clone())?;
    world.network_mut().add_link(hosts[spec.first], hosts[spec.second], config)?;
    Ok(())
}

/// A packet rule of the file. It is asked where the packet arrives, so that it
/// also holds on a single host's loopback.
pub(super) fn rule(spec: &RuleSpec, hosts: &[HostId]) -> Rule {
    let host = |ix: Option<usize>| ix.map_or(HostMatch::Any, |ix| HostMatch::Host(hosts[ix]));
    let port = |port: Option<Port>| port.map_or(PortMatch::Any, PortMatch::One);
    let FlagMatch { syn, ack, fin, rst, psh } = spec.flags;
    let bits = [(syn, Flags::SYN), (ack, Flags::ACK), (fin, Flags::FIN), (rst, Flags::RST), (psh, Flags::PSH)];
    let wanted = bits.iter().filter(|(on, _)| *on).fold(Flags::NONE, |sum, (_, bit)| sum.with(*bit));
    let verdict = match spec.verdict {
        Verdict::Accept => RuleVerdict::Accept,
        Verdict::Drop => RuleVerdict::Drop(DropReason::Rule),
        Verdict::Reject(with) => RuleVerdict::Reject(match with {
            RejectWith::TcpReset => net::RejectWith::TcpReset,
            RejectWith::PortUnreachable => net::RejectWith::IcmpPortUnreachable,
            RejectWith::HostUnreachable => net::RejectWith::IcmpHostUnreachable,
            RejectWith::NetUnreachable => net::RejectWith::IcmpNetUnreachable,
            RejectWith::AdminProhibited => net::RejectWith::IcmpAdminProhibited,
        }),
    };
    Rule {
        src: host(spec.from),
        dst: host(spec.to),
        protocol: if wanted == Flags::NONE { Protocol::Any } else { Protocol::Tcp },
        sport: port(spec.sport),
        dport: port(spec.dport),
        flags: (wanted != Flags::NONE).then_some(net::FlagMatch { mask: wanted, set: wanted }),
        probability: spec.probability,
        limit: spec.count,
        ..Rule::every(Hook::Input, verdict)
    }
}
