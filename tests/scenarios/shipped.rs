//! The fifteen files of `scenarios/`.

use halfclose::observe::{FindingId, RunFacts, findings};
use halfclose::scenario::{MarkRef, Scenario, preset};
use halfclose::time::Duration;

use crate::{assert_holds, diagnosed, metric, run};

macro_rules! every_seed {
    ($($test:ident = $name:literal over $seeds:expr;)*) => {
        $(#[test]
        fn $test() {
            let scenario = preset::find($name).expect("a preset").scenario();
            for seed in $seeds {
                let run = assert_holds(&scenario, seed);
                if seed == 1 {
                    diagnosed::agrees(&run);
                }
            }
        })*
        const TESTED: &[&str] = &[$($name),*];
    };
}

every_seed! {
    tiny = "tiny" over 1..=10;
    one_connection = "one-connection" over 1..=10;
    incident = "incident" over 1..=4;
    two_hosts = "two-hosts" over 1..=4;
    wide_range = "wide-range" over 1..=3;
    nofile = "nofile" over 1..=2;
    max_connections = "max-connections" over 1..=3;
    old_server = "old-server" over 1..=3;
    longer_timeout = "longer-timeout" over 1..=3;
    traced = "traced" over 1..=4;
    restart_client = "restart-client" over 1..=4;
    fixed_client = "fixed-client" over 1..=3;
    mariadb = "mariadb" over 1..=3;
    time_wait = "time-wait" over 1..=2;
    file_max = "file-max" over 1..=4;
}

#[test]
fn no_scenario_is_left_out() {
    let all: Vec<&str> = preset::ALL.iter().map(|p| p.name).collect();
    assert_eq!(TESTED, all);
}

/// The 28,232nd port is the one that another program's listener holds.
#[test]
fn without_the_listener_two_hosts_reach_28_232() {
    let two_hosts = preset::find("two-hosts").expect("a preset");
    let free = Scenario::parse_with(two_hosts.text, &[("host.client.bound_ports", "[]")]).expect("a good override");
    assert_eq!(metric(&run(free, 1), "client.sysbench.tcp.close_wait"), 28_232);
}

/// Below the rate at which ports come back, none is ever missing: a port is away
/// for at most 60 s and one batch, so 28,232 / 62.05 s = 455 a second are safe.
#[test]
fn below_the_rate_of_time_wait_no_connection_fails() {
    let time_wait = preset::find("time-wait").expect("a preset");
    let slower = [("process.churn.reconnect.pace", "2250us")];
    let run = run(Scenario::parse_with(time_wait.text, &slower).expect("a good override"), 1);
    assert_eq!(metric(&run, "client.churn.connect.EADDRNOTAVAIL"), 0);
    assert!(metric(&run, "client.churn.connect.ok") > 141_000, "444 a second for 319 s");
}

/// An expectation that does not hold is told so: the verdicts are not a formality.
#[test]
fn a_wrong_expectation_fails() {
    let tiny = preset::find("tiny").expect("a preset");
    let wider = [("host.host.sysctl.net.ipv4.ip_local_port_range", "40000 40017")];
    let run = run(Scenario::parse_with(tiny.text, &wider).expect("a good override"), 1);
    let failed = run.verdicts().iter().filter(|row| !row.ok).count();
    assert!(failed >= 2, "eighteen ports are not sixteen: {failed}");
}

/// The client that closes what it lost is served again, and the run says when.
#[test]
fn a_fixed_client_is_said_to_have_recovered() {
    let run = assert_holds(&preset::find("fixed-client").expect("a preset").scenario(), 1);
    let killed = run.mark(MarkRef::Kill).expect("the scenario kills a session");
    let facts = RunFacts::of(&run);
    let recovered = facts.client.recovered.expect("it reconnects");
    assert!(recovered >= killed && recovered < killed + Duration::from_secs(1), "{recovered:?} after {killed:?}");
    let found = findings(&facts);
    assert!(found.iter().any(|finding| finding.id == FindingId::Recovered));
}

/// It is not read under another seed, and the run goes past its moment.
#[test]
fn an_expectation_of_another_seed_does_not_hold_up_the_run() {
    let text = "format = 1\nextends = \"tiny\"\nend = \"6s\"\n[[expect]]\nmetric = \"host.sysbench.fd.open\"\nat = \"3s\"\neq = 4\n";
    let scenario = Scenario::parse(text).expect("a good scenario");
    assert_eq!(run(scenario.clone(), 1).verdicts().len(), 1);
    assert_eq!(run(scenario, 2).verdicts().len(), 0);
}
