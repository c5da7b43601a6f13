//! The same scenario in the model, observed as the real one was.

use std::collections::BTreeMap;

use halfclose::app::CallName;
use halfclose::kernel::fd::FdFile;
use halfclose::scenario::build::BuildError;
use halfclose::scenario::{Run, Scenario};
use halfclose::sim::{Phase, SimError};
use halfclose::time::Instant;
use halfclose::trace::{Mib, Observer, Record, RecordKind, Sight};
use halfclose::units::{HostId, Ipv4Addr, Port, ProcIx};
use halfclose::wire::{Body, Flags, Packet, SeqNum};

use crate::conductor::{SAMPLE_EVERY, SAMPLED_SOCKETS};
use crate::observation::{Checked, HostSeen, Observation, Pick, ProcessSeen, Row, Sampler, Sent, Summary};
use crate::wire::CallEvent;
use crate::{bounds, capture};

/// Why the model has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The world could not be built.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// A budget was exceeded.
    #[error("{0}")]
    Run(#[from] SimError),
}

/// Calls a process of the lab does not tell of: they are the lab's own way to wait.
const UNTOLD: [CallName; 4] = [CallName::FutexWait, CallName::Spawn, CallName::ExitTask, CallName::ExitProcess];

struct Watch {
    /// By host and process id: the process.
    owners: BTreeMap<(HostId, u32), usize>,
    calls: Vec<Vec<CallEvent>>,
    every_call: Vec<bool>,
    counts: Vec<BTreeMap<(u8, i64), u64>>,
    picks: Vec<Vec<Pick>>,
    packets: Vec<Sent>,
    /// Sent, and not yet arrived.
    under_way: Vec<(Ipv4Addr, Port, Ipv4Addr, Port, SeqNum, Flags)>,
    captures: bool,
}

impl Observer for Watch {
    fn record(&mut self, record: &Record) {
        let at = record.at.nanos();
        match record.kind {
            RecordKind::PortPick { tuple, .. } => {
                let to = (tuple.remote.addr().to_bits(), tuple.remote.port().0);
                let port = if tuple.local.port() == Port::NONE { 0 } else { tuple.local.port().0 };
                self.picks[record.host.index()].push(Pick { at, port, to });
            }
            RecordKind::Syscall { pid, task, name, fd, entered, result } => {
                let Some(&process) = self.owners.get(&(record.host, pid.0)) else { return };
                if UNTOLD.iter().any(|untold| *untold as u8 == name) {
                    return;
                }
                let result = match result {
                    Ok(value) => i64::from(value),
                    Err(errno) => -i64::from(errno.number()),
                };
                *self.counts[process].entry((name, result.min(0))).or_default() += 1;
                let event = CallEvent {
                    task: task.0,
                    call: name,
                    fd: fd.0,
                    entered: entered.nanos(),
                    done: at,
                    result,
                    ports: None,
                };
                let told = self.every_call[process] || event.errno().is_some() || event.is(CallName::Connect);
                if told {
                    self.calls[process].push(event);
                }
            }
            RecordKind::State { .. }
            | RecordKind::Transmit { .. }
            | RecordKind::Receive { .. }
            | RecordKind::Drop { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => {}
        }
    }
    fn wants_syscalls(&self) -> bool {
        true
    }
    fn wants_packets(&self) -> bool {
        self.captures
    }
    fn packet(&mut self, at: Instant, _host: HostId, sight: Sight, packet: &Packet) {
        let Body::Tcp { sport, dport, segment } = &packet.body else { return };
        // The real one is seen where it arrives, before any rule is asked; the wire loses none. What
        // a rule answers is sent by no host and only seen to arrive.
        let key = (packet.src, *sport, packet.dst, *dport, segment.seq, segment.flags);
        let expected = self.under_way.iter().position(|sent| *sent == key);
        match (sight, expected) {
            (Sight::Sent, _) => self.under_way.push(key),
            (Sight::Received, Some(at)) => {
                self.under_way.swap_remove(at);
                return;
            }
            (Sight::Received, None) => {}
        }
        if self.packets.len() >= capture::LIMIT {
            return;
        }
        let sent = Sent {
            at: at.nanos(),
            from: (packet.src.to_bits(), sport.0),
            to: (packet.dst.to_bits(), dport.0),
            flags: segment.flags.0,
            len: segment.payload.len(),
        };
        self.packets.push(sent);
    }
}

/// Runs the scenario in the model.
///
/// # Errors
/// See [`ModelError`].
pub(crate) fn observe(scenario: &Scenario, seed: u64) -> Result<Observation, ModelError> {
    let mut run = Run::new(scenario.clone(), seed)?;
    let owners = (0..scenario.processes.len()).map(|process| {
        let (host, ix) = run.process(process);
        ((host, run.world().kernel(host).processes()[ix.index()].pid().0), process)
    });
    let scripted = |p: &halfclose::scenario::ProcessSpec| p.program.kind() == halfclose::scenario::ProgramKind::Script;
    let mut watch = Watch {
        owners: owners.collect(),
        calls: vec![Vec::new(); scenario.processes.len()],
        every_call: scenario.processes.iter().map(scripted).collect(),
        counts: vec![BTreeMap::new(); scenario.processes.len()],
        picks: vec![Vec::new(); scenario.hosts.len()],
        packets: Vec::new(),
        under_way: Vec::new(),
        captures: bounds::is_small(scenario),
    };
    let mut samplers = vec![Sampler::default(); scenario.hosts.len()];
    let mut sampling = true;
    run.foresee()?;
    let mut at = 0;
    while at < scenario.end.nanos() && sampling {
        run.run_until(Instant::from_nanos(at), &mut watch)?;
        let mut sockets = 0;
        for (host, sampler) in samplers.iter_mut().enumerate() {
            let rows = run.world().kernel(run.host(host)).socket_rows();
            sockets += rows.len();
            let connections = rows.iter().filter(|row| !row.udp && row.tuple.remote.port() != Port::NONE);
            sampler.sample(at, connections.map(|row| (ends(row.tuple), row.state)));
        }
        if sockets > SAMPLED_SOCKETS {
            sampling = false;
            samplers = vec![Sampler::default(); scenario.hosts.len()];
        }
        at += SAMPLE_EVERY;
    }
    run.run_to_end(&mut watch)?;
    Ok(collect(&run, watch, samplers))
}

fn ends(tuple: halfclose::units::FourTuple) -> (u32, u16, u32, u16) {
    (tuple.local.addr().to_bits(), tuple.local.port().0, tuple.remote.addr().to_bits(), tuple.remote.port().0)
}

fn collect(run: &Run, watch: Watch, samplers: Vec<Sampler>) -> Observation {
    let scenario = run.scenario();
    let world = run.world();
    let mut picks = watch.picks.into_iter();
    let hosts = samplers.into_iter().enumerate().map(|(host, sampler)| {
        let id = run.host(host);
        let kernel = world.kernel(id);
        let stats = kernel.sockstats();
        let owner = |row: &halfclose::kernel::EntryView| {
            let (ix, _) = row.owner?;
            (0..scenario.processes.len()).find(|&p| run.process(p) == (id, ix))
        };
        let addrs = &scenario.hosts[host].addrs;
        let mine = |addr: u32| addrs.iter().any(|a| a.to_bits() == addr) || addr >> 24 == 127;
        HostSeen {
            sockets: kernel
                .socket_rows()
                .iter()
                .filter(|row| !row.udp)
                .map(|row| Row {
                    lport: row.tuple.local.port().0,
                    rport: row.tuple.remote.port().0,
                    state: row.state.metric_name().to_owned(),
                    recv_q: row.recv_q,
                    send_q: row.send_q,
                    process: owner(row),
                })
                .collect(),
            intervals: sampler.finish(),
            mib: Mib::ALL
                .iter()
                .filter(|mib| kernel.mib().get(**mib) > 0)
                .map(|mib| (format!("{}{}", mib.group(), mib.name()), kernel.mib().get(*mib)))
                .collect(),
            picks: picks.next().unwrap_or_default(),
            packets: watch.packets.iter().filter(|p| mine(p.to.0)).cloned().collect(),
            ss: Summary {
                alloc: i64::from(stats.alloc),
                inuse: i64::from(stats.tcp_inuse) + i64::from(stats.tcp6_inuse),
                tw: i64::from(stats.tw),
                orphaned: i64::from(stats.orphan),
                estab: i64::from(stats.curr_estab),
            },
        }
    });
    let hosts = hosts.collect();
    let processes = watch
        .calls
        .into_iter()
        .zip(watch.counts)
        .enumerate()
        .map(|(process, (calls, counts))| {
            let (host, ix) = run.process(process);
            ProcessSeen {
                calls,
                counts: counts.into_iter().map(count).collect(),
                fds: descriptors(run, host, ix),
                parked: 0,
                exit: match world.phase(host, ix) {
                    Phase::Exited(status) => Some(status),
                    Phase::Waiting | Phase::Running | Phase::Stopped => None,
                },
            }
        })
        .collect();
    Observation { hosts, processes, checks: checks(run), settings: Vec::new(), versions: Vec::new(), notes: notes(run) }
}

fn count(((call, result), n): ((u8, i64), u64)) -> (String, String, u64) {
    let sample = CallEvent { task: 0, call, fd: 0, entered: 0, done: 0, result, ports: None };
    (sample.name().to_owned(), sample.outcome().to_owned(), n)
}

fn descriptors(run: &Run, host: HostId, ix: ProcIx) -> Option<i64> {
    let process = &run.world().kernel(host).processes()[ix.index()];
    let open = process.fds().iter().filter(|(_, file)| matches!(file, FdFile::Socket(_) | FdFile::File(_))).count();
    process.is_alive().then(|| i64::try_from(open).unwrap_or(i64::MAX))
}

/// In the order of the scenario's expectations; those of other seeds have none.
fn checks(run: &Run) -> Vec<Option<Checked>> {
    let scenario = run.scenario();
    let mut rows = run.verdicts().into_iter();
    let applies = |e: &halfclose::scenario::Expectation| scenario.applies(&e.over_seeds, run.seed());
    scenario
        .expectations
        .iter()
        .map(|expectation| {
            let row = applies(expectation).then(|| rows.next()).flatten()?;
            Some(Checked { expected: row.expected, actual: row.actual, ok: row.ok })
        })
        .collect()
}

fn notes(run: &Run) -> Vec<String> {
    run.refusals().iter().map(|r| format!("{}: {}", run.scenario().timeline[r.action].kind, r.reason)).collect()
}
