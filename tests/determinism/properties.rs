//! What holds in every world: nothing panics, running counts are what the
//! tables hold, what is closed goes away, copies go the same way.

use halfclose::kernel::{Census, Kernel};
use halfclose::sim::World;
use halfclose::tcp::TcpState;
use halfclose::time::{Duration, Instant};
use halfclose::trace::NoObserver;
use halfclose::units::{HostId, ProcIx};
use proptest::prelude::*;

use crate::monkey::{Plan, plan};

/// When every process is killed: sockets have had time to meet all that can happen.
const KILL_ALL: u64 = 60_000;
/// FIN_WAIT1 with eight orphan retries (107 s), then FIN_WAIT2 or TIME_WAIT,
/// each up to 2 s late; a link that loses a quarter of everything.
const GRACE: u64 = 300_000;

fn at_ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

fn check(kernel: &Kernel, now: Instant) -> Result<(), TestCaseError> {
    let census = kernel.census();
    prop_assert_eq!(census.gauges, kernel.gauges(), "gauges at {}", now);
    for state in TcpState::ALL {
        prop_assert_eq!(census.states[state as usize], kernel.count(state), "{} at {}", state, now);
    }
    prop_assert_eq!(census.timewaits, kernel.timewait_len());
    let hashed = census.gauges.tcp_inuse + census.gauges.tcp6_inuse - census.listeners;
    prop_assert_eq!(census.established, hashed + census.timewaits + census.requests, "entries at {}", now);
    prop_assert!(census.gauges.orphans <= census.gauges.tcp_alloc);
    Ok(())
}

/// Runs the plan in steps, checking after each; `until` in ms.
fn advance(world: &mut World, plan: &Plan, processes: &[(HostId, ProcIx)], until: u64) -> Result<(), TestCaseError> {
    let hosts = (HostId(0), HostId(1));
    let (cut, heal, one_way) = plan.partition;
    let victim = processes[usize::from(plan.kill.0) % processes.len()];
    let mut moments: Vec<(u64, u8)> = (1..=until / 1_000).map(|s| (s * 1_000, 3)).collect();
    moments.extend([(cut, 0), (heal, 1), (plan.kill.1, 2)]);
    moments.sort_unstable();
    for (ms, what) in moments {
        let at = at_ms(ms);
        if at < world.now() {
            continue;
        }
        world.run_until(at, &mut NoObserver).map_err(|error| TestCaseError::fail(error.to_string()))?;
        match what {
            0 => world.network_mut().partition(hosts.0, hosts.1, one_way),
            1 => drop(world.network_mut().heal(None, None)),
            2 => world.exit_process(victim.0, victim.1, 137, &mut NoObserver).expect("within its budgets"),
            _ => {}
        }
        for kernel in world.hosts() {
            check(kernel, at)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_what_the_tables_hold_and_everything_ends(plan in plan()) {
        let (mut world, processes) = plan.build();
        advance(&mut world, &plan, &processes, KILL_ALL)?;
        for (host, process) in &processes {
            world.exit_process(*host, *process, 137, &mut NoObserver).expect("within its budgets");
        }
        for second in 0..GRACE / 5_000 {
            let at = at_ms(KILL_ALL + second * 5_000);
            world.run_until(at, &mut NoObserver).map_err(|error| TestCaseError::fail(error.to_string()))?;
            for kernel in world.hosts() {
                check(kernel, at)?;
            }
        }
        world.run_until(at_ms(KILL_ALL + GRACE), &mut NoObserver).expect("within its budgets");
        for kernel in world.hosts() {
            prop_assert_eq!(kernel.census(), Census::default(), "{}", kernel.name());
        }
    }

    #[test]
    fn copies_go_the_same_way(plan in plan(), fork_ms in 0..KILL_ALL) {
        let (mut world, processes) = plan.build();
        let (mut plain, _) = plan.build();
        let end = at_ms(KILL_ALL + 100_000);
        let kill = |world: &mut World| {
            let (host, process) = processes[usize::from(plan.kill.0) % processes.len()];
            world.exit_process(host, process, 137, &mut NoObserver).expect("within its budgets");
        };
        world.run_until(at_ms(fork_ms), &mut NoObserver).expect("within its budgets");
        let mut copy = world.try_fork().expect("a monkey can be copied");
        // What happens to the copy alone does not reach the original.
        let mut other = world.try_fork().expect("a monkey can be copied");
        kill(&mut other);
        other.run_until(end, &mut NoObserver).expect("within its budgets");
        for world in [&mut copy, &mut world, &mut plain] {
            world.run_until(end, &mut NoObserver).expect("within its budgets");
        }
        prop_assert_eq!(world.digest(), plain.digest());
        prop_assert_eq!(world.digest(), copy.digest());
        for (a, b) in world.hosts().zip(copy.hosts()) {
            prop_assert_eq!(a.census(), b.census());
            prop_assert_eq!(a.socket_rows(), b.socket_rows());
        }
    }
}
