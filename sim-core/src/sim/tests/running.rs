//! Processes, forks and budgets.

use super::*;
use crate::errno::Errno;
use crate::sim::{Phase, SimError};
use crate::tcp::TcpState;

/// A client that reads from a server that says nothing.
fn pair(lab: &mut Lab) -> [Program; 2] {
    let server = lab.program(1, 0, then(listener(B, 80, 5), &[accept(FD), recv(FD2)]));
    let client = lab.program(0, 1, vec![tcp(), connect(FD, B, 80), recv(FD)]);
    lab.run(100);
    [server, client]
}

#[test]
fn a_killed_process_closes_what_it_had() {
    let mut lab = Lab::new();
    let [server, client] = pair(&mut lab);
    lab.world.exit_process(client.host, client.process, 137, &mut NoObserver).unwrap();
    assert_eq!(lab.world.phase(client.host, client.process), Phase::Exited(137));
    lab.run(200);
    assert_eq!(server.last(), Some(Ok(Ret::Data(Payload::EMPTY))));
    assert_eq!(client.results().len(), 2, "its own wait never returns");
    assert_eq!(lab.world.kernel(server.host).count(TcpState::CloseWait), 1, "the server has not closed");
    assert_eq!(lab.world.kernel(client.host).count(TcpState::FinWait2), 1);
    lab.world.exit_process(server.host, server.process, 0, &mut NoObserver).unwrap();
    lab.run(400);
    let port = lab.world.kernel(server.host);
    assert_eq!(TcpState::ALL.map(|state| port.count(state)), [0; 11]);
    assert_eq!(lab.world.kernel(client.host).count(TcpState::TimeWait), 1);
    lab.run(70_000);
    assert_eq!(lab.world.kernel(client.host).count(TcpState::TimeWait), 0, "a minute later");
}

#[test]
fn a_stopped_process_does_nothing_until_it_continues() {
    let mut lab = Lab::new();
    let ticks = lab.start(0, 0, vec![sleep(10)], true);
    lab.run(55);
    lab.world.stop_process(ticks.host, ticks.process);
    let before = ticks.results().len();
    assert!((4..=5).contains(&before), "{before}");
    lab.run(500);
    assert_eq!(ticks.results().len(), before);
    lab.world.continue_process(ticks.host, ticks.process);
    lab.run(555);
    assert!(ticks.results().len() > before + 3);
}

#[test]
fn a_fork_and_its_original_do_not_meet() {
    let mut lab = Lab::new();
    let [server, client] = pair(&mut lab);
    let mut copy = lab.world.try_fork().unwrap();
    let mut same = lab.world.try_fork().unwrap();
    copy.exit_process(client.host, client.process, 137, &mut NoObserver).unwrap();
    copy.run_until(at(200), &mut NoObserver).unwrap();
    assert_eq!(copy.kernel(server.host).count(TcpState::CloseWait), 1);
    assert_eq!(copy.app(server.host, server.process).metric("results"), Some(5));
    lab.run(200);
    assert_eq!(lab.world.kernel(server.host).count(TcpState::Established), 1);
    assert_eq!(server.results().len(), 4, "nobody closed here");
    same.run_until(at(200), &mut NoObserver).unwrap();
    assert_eq!(same.digest(), lab.world.digest());
    assert_ne!(copy.digest(), lab.world.digest());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digest = || {
        let mut lab = Lab::new();
        pair(&mut lab);
        lab.world.digest()
    };
    assert_eq!(digest(), digest());
}

#[test]
fn budgets_end_what_runs_away() {
    let until = at(60_000);
    let endless = |budgets, cost, calls| {
        let mut lab = Lab::with(budgets, cost);
        lab.start(0, 0, calls, true);
        lab.world.run_until(until, &mut NoObserver).map(|_| ())
    };
    let few_events = Budgets { events: 100, ..Budgets::default() };
    let ticks = endless(few_events, CostProfile::kernel_truth(), vec![sleep(1)]);
    assert!(matches!(ticks, Err(SimError::Events { limit: 100, .. })), "{ticks:?}");

    let few_sockets = Budgets { sockets: 10, ..Budgets::default() };
    let ports = endless(few_sockets, CostProfile::kernel_truth(), vec![tcp_nonblock(), connect(FD, B, 80)]);
    assert!(matches!(ports, Err(SimError::Sockets { limit: 10, .. })), "{ports:?}");
}

#[test]
fn a_program_that_never_lets_time_pass_is_told() {
    let budgets = Budgets { same_instant: 1_000, ..Budgets::default() };
    let mut lab = Lab::with(budgets, CostProfile::free());
    lab.start(0, 0, vec![Call::Getpid], true);
    let end = lab.world.run_until(at(1_000), &mut NoObserver);
    assert!(matches!(end, Err(SimError::SameInstant { limit: 1_000, .. })), "{end:?}");
}

#[test]
fn a_call_of_a_process_that_has_ended_is_refused() {
    let mut lab = Lab::new();
    let program = lab.program(0, 0, vec![tcp(), close(FD), close(FD), Call::ExitProcess { status: 3 }, tcp()]);
    lab.run(10);
    assert_eq!(program.results(), [Ok(Ret::Fd(FD)), Ok(Ret::Done), Err(Errno::BadF)]);
    assert_eq!(lab.world.phase(program.host, program.process), Phase::Exited(3));
    assert!(!lab.world.start_process(program.host, program.process), "it ran already");
}
