//! Random plans, and how they shrink: fewer faults first, then simpler times,
//! then a simpler world.

use core::ops::{Range, RangeInclusive};

use proptest::prelude::{Strategy, any};
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

use super::plan::{Fault, Plan, SysctlChange, TimedFault, Topology};
use crate::time::Duration;

/// A strategy for [`Plan`]s. Narrow or widen it field by field.
#[derive(Clone, Debug)]
pub struct Plans {
    /// Which topologies there are, each as likely as another.
    pub topologies: Vec<Topology>,
    /// Number of source ports.
    pub ports: RangeInclusive<u16>,
    /// RLIMIT_NOFILE.
    pub nofile: RangeInclusive<u16>,
    /// `max_connections`.
    pub max_connections: RangeInclusive<u16>,
    /// `connect_timeout` in seconds (2 is the least MySQL takes).
    pub connect_timeout: RangeInclusive<u16>,
    /// `wait_timeout` in seconds.
    pub wait_timeout: RangeInclusive<u16>,
    /// One-way delay in microseconds.
    pub latency_us: RangeInclusive<u32>,
    /// Packets lost of a thousand.
    pub loss: RangeInclusive<u16>,
    /// How many faults.
    pub faults: RangeInclusive<usize>,
    /// In which seconds they begin.
    pub begin: Range<u16>,
    /// How many milliseconds they last.
    pub lasts: RangeInclusive<u32>,
    /// Which there are, each as likely as another.
    pub kinds: Vec<Fault>,
    /// How long a case runs on after its last fault.
    pub settle: Duration,
}

impl Default for Plans {
    fn default() -> Self {
        let impatient = SysctlChange::new("net.ipv4.tcp_syn_retries", 1).expect("Linux takes 1 to 127");
        Self {
            topologies: vec![Topology::TwoHosts, Topology::ThreeHosts],
            ports: 200..=400,
            nofile: 128..=256,
            max_connections: 100..=151,
            connect_timeout: 2..=10,
            wait_timeout: 5..=60,
            latency_us: 50..=5_000,
            loss: 0..=0,
            faults: 1..=4,
            begin: 2..20,
            lasts: 100..=16_000,
            kinds: vec![
                Fault::KillSession,
                Fault::KillAll,
                Fault::RestartServer,
                Fault::PowerLoss,
                Fault::PauseServer,
                Fault::Partition,
                Fault::LossToServer,
                Fault::LossToClient,
                Fault::DnsStall,
                Fault::Refuse,
                Fault::BlackHole,
                Fault::KillClient,
                Fault::Sysctl(impatient),
                Fault::FewPorts(2),
                Fault::FewFds(6),
            ],
            settle: Duration::from_secs(40),
        }
    }
}

impl Plans {
    fn plain(&self) -> impl Strategy<Value = Plan> + use<> {
        let kinds = proptest::sample::select(self.kinds.clone());
        let fault = (kinds, self.begin.clone(), 0..10_u16, self.lasts.clone()).prop_map(|(fault, secs, tenths, ms)| {
            let at = Duration::from_millis(u64::from(secs) * 1_000 + u64::from(tenths) * 100);
            TimedFault { at, lasts: Duration::from_millis(u64::from(ms)), fault }
        });
        let faults = proptest::collection::vec(fault, self.faults.clone());
        let world = (
            (any::<u32>(), proptest::sample::select(self.topologies.clone())),
            self.ports.clone(),
            self.nofile.clone(),
            self.max_connections.clone(),
            self.connect_timeout.clone(),
            self.wait_timeout.clone(),
            self.latency_us.clone(),
            self.loss.clone(),
        );
        let settle = self.settle;
        (world, faults).prop_map(
            move |(
                ((seed, topology), ports, nofile, max_connections, connect_timeout, wait_timeout, latency_us, loss),
                mut faults,
            )| {
                faults.sort_by_key(|fault| fault.at);
                Plan {
                    seed: u64::from(seed),
                    topology,
                    ports: (40_000, 40_000 + ports.max(1) - 1),
                    nofile,
                    max_connections,
                    connect_timeout,
                    wait_timeout,
                    latency_us,
                    loss,
                    faults,
                    settle,
                }
            },
        )
    }
}

impl Strategy for Plans {
    type Tree = PlanTree;
    type Value = Plan;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(PlanTree::new(self.plain().new_tree(runner)?.current()))
    }
}

/// A plan and the simpler ones tried in its place.
#[derive(Clone, Debug)]
pub struct PlanTree {
    /// The simplest that is known to fail.
    best: Plan,
    current: Plan,
    candidates: std::vec::IntoIter<Plan>,
}

impl PlanTree {
    /// Begins with a plan that fails.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { current: plan.clone(), best: plan, candidates: Vec::new().into_iter() }
    }

    fn next(&mut self) -> bool {
        match self.candidates.next() {
            Some(plan) => {
                self.current = plan;
                true
            }
            None => {
                self.current = self.best.clone();
                false
            }
        }
    }
}

impl ValueTree for PlanTree {
    type Value = Plan;
    fn current(&self) -> Plan {
        self.current.clone()
    }
    /// The current plan fails: from it to a simpler one.
    fn simplify(&mut self) -> bool {
        self.best = self.current.clone();
        self.candidates = simpler(&self.best).into_iter();
        self.next()
    }
    /// The current plan does not fail: the next one instead.
    fn complicate(&mut self) -> bool {
        self.next()
    }
}

/// Plans simpler than this one, what simplifies most first.
fn simpler(plan: &Plan) -> Vec<Plan> {
    let mut list = Vec::new();
    let mut offer = |other: Plan| {
        if other != *plan && !list.contains(&other) {
            list.push(other);
        }
    };
    // Operations: half of the faults, then all but one.
    let n = plan.faults.len();
    if n > 2 {
        offer(Plan { faults: plan.faults[n / 2..].to_vec(), ..plan.clone() });
        offer(Plan { faults: plan.faults[..n / 2].to_vec(), ..plan.clone() });
    }
    for left_out in 0..n {
        let mut faults = plan.faults.clone();
        faults.remove(left_out);
        offer(Plan { faults, ..plan.clone() });
    }
    // Times: whole seconds, then earlier and shorter.
    for ix in 0..n {
        let TimedFault { at, lasts, fault } = plan.faults[ix];
        let with = |at: Duration, lasts: Duration| {
            let mut faults = plan.faults.clone();
            faults[ix] = TimedFault { at, lasts, fault };
            faults.sort_by_key(|fault| fault.at);
            Plan { faults, ..plan.clone() }
        };
        let whole = |span: Duration| Duration::from_secs(span.as_secs().max(1));
        for shorter in [Duration::from_secs(1), whole(Duration::from_nanos(lasts.nanos() / 2)), whole(lasts)] {
            if shorter < lasts {
                offer(with(at, shorter));
            }
        }
        for earlier in [Duration::from_secs(2), whole(Duration::from_nanos(at.nanos() / 2)), whole(at)] {
            if earlier < at {
                offer(with(earlier, lasts));
            }
        }
    }
    // Sizes: what a world in which nothing is special has.
    let usual = Plan::default();
    offer(Plan { seed: usual.seed, ..plan.clone() });
    offer(Plan { topology: usual.topology, ..plan.clone() });
    offer(Plan { loss: 0, ..plan.clone() });
    offer(Plan { latency_us: usual.latency_us, ..plan.clone() });
    offer(Plan { ports: usual.ports, ..plan.clone() });
    offer(Plan { nofile: usual.nofile, ..plan.clone() });
    offer(Plan { max_connections: usual.max_connections, ..plan.clone() });
    offer(Plan { connect_timeout: usual.connect_timeout, ..plan.clone() });
    offer(Plan { wait_timeout: usual.wait_timeout, ..plan.clone() });
    list
}

/// The simplest plan that still fails, and how many were tried.
pub(super) fn shrink(plan: Plan, mut fails: impl FnMut(&Plan) -> bool) -> (Plan, u32) {
    /// Enough for three faults ten times over.
    const MOST: u32 = 400;
    let mut tree = PlanTree::new(plan);
    let mut tried = 0;
    let mut more = tree.simplify();
    while more && tried < MOST {
        tried += 1;
        more = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
    }
    (tree.best, tried)
}
