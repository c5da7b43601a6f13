//! Level 0: the world as the system under test of a reference state machine.
//!
//! The reference knows nothing of TCP. It knows when the last fault is over, and
//! says from when on the client must be served again.

use halfclose::app::task::Program;
use halfclose::check::{Fault, Live, Plan};
use halfclose::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::clients::{self, Flaw};

#[derive(Clone, Debug)]
enum Step {
    Strike(Fault, u64),
    Wait(u64),
}

/// Time now, and when the last fault is over; seconds.
#[derive(Clone, Debug, Default)]
struct Reference {
    now: u64,
    over: u64,
}

/// By when a correct client is back.
const RECOVERY: u64 = 30;

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let faults = vec![
            Fault::KillAll,
            Fault::RestartServer,
            Fault::PowerLoss,
            Fault::PauseServer,
            Fault::Partition,
            Fault::DnsStall,
            Fault::FewFds(6),
        ];
        prop_oneof![
            2 => (proptest::sample::select(faults), 1..10_u64).prop_map(|(fault, secs)| Step::Strike(fault, secs)),
            3 => (1..40_u64).prop_map(Step::Wait),
        ]
        .boxed()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        match step {
            Step::Strike(Fault::KillAll, _) => state.over = state.over.max(state.now),
            Step::Strike(_, secs) => state.over = state.over.max(state.now + secs),
            Step::Wait(secs) => state.now += secs,
        }
        state
    }
}

struct World;

impl StateMachineTest for World {
    type SystemUnderTest = Live;
    type Reference = Reference;

    fn init_test(_: &Reference) -> Live {
        Live::client(&Plan::default(), || Program::new(|net| clients::client(net, Flaw::None)))
    }

    fn apply(mut live: Live, _: &Reference, step: Step) -> Live {
        match step {
            Step::Strike(fault, secs) => live.strike(fault, Duration::from_secs(secs)).unwrap(),
            Step::Wait(secs) => live.wait(Duration::from_secs(secs)).unwrap(),
        }
        live
    }

    fn check_invariants(live: &Live, reference: &Reference) {
        let view = live.view();
        if reference.now >= reference.over + RECOVERY && reference.now > RECOVERY {
            assert!(view.served_lately() > 0, "not served again at {}", view.now());
            assert!(view.fds() <= 3 + clients::POOL + 2, "{} descriptors", view.fds());
        }
    }
}

prop_state_machine! {
    #![proptest_config(Config {
        cases: 40,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn a_correct_client_is_served_again(sequential 1..12 => World);
}
