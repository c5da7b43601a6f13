//! What goes along with a run and sees everything the pictures need.

use super::attempts::Attempts;
use super::sampler::Sampler;
use crate::kernel::PortMap;
use crate::observe::conversation::Conversations;
use crate::observe::gather::roles;
use crate::scenario::{ProcessIx, Run};
use crate::sim::SimError;
use crate::tcp::TcpState;
use crate::tcp::graph::Visits;
use crate::time::Instant;
use crate::trace::{Observer, Record, Sight};
use crate::units::HostId;
use crate::wire::Packet;

/// Watches a run for its pictures: hand it over as the observer, call
/// [`Watch::look`] when [`Watch::due`] says so and [`Watch::look_at_turn`] where
/// the run takes a turn; [`drive`] does all of it.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Numbers over time.
    pub sampler: Sampler,
    /// Every search for a source port.
    pub attempts: Attempts,
    /// Connections packet by packet.
    pub conversations: Conversations,
    /// How often each edge of the state graph was taken.
    visits: Visits,
    /// The ports when first a connect() found none.
    exhausted: Option<PortsSeen>,
}

/// The port range of a host at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortsSeen {
    /// When.
    pub at: Instant,
    /// The client's host.
    pub host: HostId,
    /// The range, towards the client's last destination.
    pub map: PortMap,
}

impl PortsSeen {
    /// The range of a process's host now, towards where it connected last.
    #[must_use]
    pub fn of(run: &Run, process: ProcessIx) -> Option<Self> {
        let (host, process) = run.process(process);
        let destination = run.world().stats(host, process).destination?;
        let at = run.world().now();
        let map = run.world().kernel(host).port_map(at, destination)?;
        Some(Self { at, host, map })
    }
}

impl Watch {
    /// For a run at its beginning.
    #[must_use]
    pub fn new(run: &Run) -> Self {
        Self {
            sampler: Sampler::new(run),
            attempts: Attempts::default(),
            conversations: Conversations::default(),
            visits: Visits::default(),
            exhausted: None,
        }
    }

    /// When to look at the run again.
    #[must_use]
    pub fn due(&self, run: &Run) -> Instant {
        self.sampler.due(run)
    }

    /// Looks at the run as it stands.
    pub fn look(&mut self, run: &Run) {
        self.sampler.look(run);
        self.look_at_ports(run);
    }

    /// Looks at the run where [`Run::run_to_turn`] stopped.
    pub fn look_at_turn(&mut self, run: &Run) {
        self.sampler.look_at_turn(run);
        self.look_at_ports(run);
    }

    fn look_at_ports(&mut self, run: &Run) {
        if self.exhausted.is_none() {
            let ran_out = |&process: &ProcessIx| {
                let (host, process) = run.process(process);
                run.world().stats(host, process).shortages[0].is_some()
            };
            let found = (0..run.scenario().processes.len()).find(ran_out);
            self.exhausted = found.and_then(|process| PortsSeen::of(run, process));
        }
    }

    /// The port range when first a connect() found no port; now, if that never happened.
    #[must_use]
    pub fn port_map(&self, run: &Run) -> Option<PortsSeen> {
        self.exhausted.clone().or_else(|| PortsSeen::of(run, roles(run).0?))
    }

    /// Edges taken so far, with the sockets there are now.
    #[must_use]
    pub fn visits(&self, run: &Run) -> Visits {
        let mut visits = self.visits.clone();
        for host in run.world().hosts() {
            visits.add_sockets(&TcpState::ALL.map(|state| host.count(state)));
        }
        visits
    }
}

impl Observer for Watch {
    fn record(&mut self, record: &Record) {
        self.attempts.record(record);
        self.conversations.record(record);
        self.visits.record(record);
    }
    fn wants_packets(&self) -> bool {
        self.conversations.wants_packets()
    }
    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        self.conversations.packet(at, host, sight, packet);
    }
}

/// Runs up to a moment, watching.
///
/// # Errors
/// When a budget is exceeded.
pub fn drive(run: &mut Run, until: Instant, watch: &mut Watch) -> Result<(), SimError> {
    watch.look(run);
    while run.world().now() < until {
        let next = watch.due(run).min(until);
        match run.run_to_turn(next, watch)? {
            true => watch.look_at_turn(run),
            false => watch.look(run),
        }
    }
    Ok(())
}
