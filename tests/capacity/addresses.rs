//! More source and destination addresses: what they give, and the trap of a plain `bind()`.

use halfclose::capacity::advise::{Advisor, Effect, Trouble};
use halfclose::capacity::{Capacity, GapCause, LimitId, Quantity, RemedyId, Variant, Walls, advance_to_demand};
use halfclose::scenario::{MarkRef, Run, Scenario, preset};
use halfclose::trace::NoObserver;

fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn small(more: &[(&str, &str)]) -> Variant {
    Variant::new(include_str!("addresses.toml").as_bytes().to_vec(), set(more))
}

fn preset(name: &str, more: &[(&str, &str)]) -> Variant {
    Variant::new(preset::find(name).expect("a preset").text.as_bytes().to_vec(), set(more))
}

fn ports(variant: &Variant, seed: u64) -> (String, f64) {
    let mut run = Run::new(variant.scenario().expect("valid"), seed).expect("it builds");
    advance_to_demand(&mut run).expect("within budgets");
    let capacity = Capacity::of(&run);
    let limit = capacity.limit(LimitId::Ports).expect("it has one");
    (limit.capacity.numbers.clone(), limit.capacity.value)
}

const SOURCES: (&str, &str) = ("process.leak.reconnect.bind_address", "[\"127.0.0.1\", \"127.0.0.3\"]");
const SOURCE: (&str, &str) = ("process.leak.reconnect.bind_address", "127.0.0.1");
const TARGETS: (&str, &str) = ("process.leak.reconnect.target", "[\"127.0.0.1:8080\", \"127.0.0.2:8080\"]");
const NO_PORT: (&str, &str) = ("process.leak.reconnect.IP_BIND_ADDRESS_NO_PORT", "true");

/// The same seven programs on Linux 6.18.44 in a namespace of their own made these
/// counts. The owned port is missing from each pair of addresses.
#[test]
fn pairs_of_addresses_have_the_range_each_unless_bind_chooses_the_port() {
    type Case = (&'static [(&'static str, &'static str)], u64, &'static str);
    let cases: [Case; 7] = [
        (&[SOURCES, NO_PORT], 2 * 99, "EADDRNOTAVAIL"),
        (&[SOURCES], 2 * 99, "EADDRINUSE"),
        (&[TARGETS], 2 * 99, "EADDRNOTAVAIL"),
        (&[SOURCES, TARGETS, NO_PORT], 4 * 99, "EADDRNOTAVAIL"),
        (&[SOURCE, TARGETS, NO_PORT], 2 * 99, "EADDRNOTAVAIL"),
        // The trap: a port that bind() chose serves one destination.
        (&[SOURCE, TARGETS], 99, "EADDRINUSE"),
        (&[SOURCES, TARGETS], 2 * 99, "EADDRINUSE"),
    ];
    for kernel in ["4.19.100", "5.4.100", "5.10.213", "6.1.0", "6.18.44"] {
        for (settings, connections, errno) in &cases {
            let variant = small(settings).with(&set(&[("host.host.kernel", kernel)]));
            let mut run = Run::new(variant.scenario().expect("valid"), 1).expect("it builds");
            let end = run.scenario().end;
            run.run_until(end, &mut NoObserver).expect("within budgets");
            let read = |name: &str| run.metric(&run.scenario().metric(name).expect("a metric")).expect("a value");
            let open = read("host.leak.connect.ok");
            assert_eq!(u64::try_from(open), Ok(*connections), "{kernel} {settings:?}");
            for other in ["EADDRNOTAVAIL", "EADDRINUSE"] {
                assert_eq!(read(&format!("host.leak.connect.{other}")) > 0, other == *errno, "{kernel} {settings:?}");
            }
            assert!(run.mark(MarkRef::Exhausted).is_some(), "{kernel} {settings:?}");
            let (numbers, formula) = ports(&variant, 1);
            assert_eq!(formula, f64::from(u32::try_from(*connections).expect("small")), "{numbers}");
        }
    }
}

/// mysqlx_port is a listener in the range: it costs each pair of addresses a port, so twice 28,231.
#[test]
fn two_addresses_hold_twice_the_ports_of_the_outage() {
    let unlimited = ("process.sysbench.RLIMIT_NOFILE", "1048576:1048576");
    let sources = preset(
        "incident",
        &[
            unlimited,
            ("process.sysbench.sysbench.bind-address", "[\"127.0.0.1\", \"127.0.0.2\"]"),
            ("process.sysbench.sysbench.IP_BIND_ADDRESS_NO_PORT", "true"),
        ],
    );
    assert_eq!(ports(&sources, 4), ("2 · (60999 − 32768 + 1 − 1)".to_owned(), f64::from(2 * 28_231)));
    let targets = small(&[
        ("host.host.sysctl.net.ipv4.ip_local_port_range", "32768 60999"),
        ("process.leak.RLIMIT_NOFILE", "1048576:1048576"),
        TARGETS,
    ]);
    for (variant, seed) in [(sources, 4), (targets, 1)] {
        let wall = &Walls::of(&variant, seed, 1).expect("within budgets").0[0];
        assert!(matches!(wall.met, Some((LimitId::Ports, 56_462, _))), "{:?}", wall.met);
        for row in &wall.compared {
            assert_ne!(row.cause, GapCause::Other, "{row:?}");
            if row.quantity == Quantity::Connections {
                assert_eq!(row.formula, row.simulated);
            }
        }
    }
}

/// A second address on either side is enough for the churn of `time-wait`, and both together are tried too.
#[test]
fn advice_for_addresses_is_simulated() {
    let advisor = Advisor::new(&preset("time-wait", &[]), 1).expect("it runs");
    for id in [RemedyId::SourceAddresses, RemedyId::DestinationAddresses] {
        let job = advisor.alone().into_iter().find(|job| job.remedies()[0].id == id).expect("it is tried");
        assert_eq!(advisor.simulate(&job).expect("within budgets").effect, Effect::Cures, "{id:?}");
    }
    // On one host, over its own address, both remedies add to the same list.
    let own = small(&[("process.leak.reconnect.target", "10.0.0.1:8080")]);
    let advisor = Advisor::new(&own, 1).expect("it runs");
    let alone: Vec<_> = advisor.alone().iter().map(|job| advisor.simulate(job).expect("within budgets")).collect();
    let pair = [RemedyId::SourceAddresses, RemedyId::DestinationAddresses];
    let together = advisor.together(&alone, 2).into_iter();
    let both = together.into_iter().find(|job| job.remedies().iter().map(|remedy| remedy.id).eq(pair));
    let trial = advisor.simulate(&both.expect("pairs are tried")).expect("within budgets").trial;
    assert_eq!(trial.first.map(|(trouble, _)| trouble), Some(Trouble::Errno(halfclose::errno::Errno::AddrNotAvail)));
    assert_eq!(trial.connections, 4 * 99);
}

/// What a host has not, or cannot reach from, is an error with its place.
#[test]
fn addresses_are_checked() {
    let wrong = |text: &str, settings: &[(&str, &str)]| -> Vec<&'static str> {
        let error = Scenario::read(text.as_bytes(), settings).expect_err("it is wrong");
        error.problems.iter().map(|problem| problem.kind.id()).collect()
    };
    let text = include_str!("addresses.toml");
    let bind = "process.leak.reconnect.bind_address";
    assert_eq!(wrong(text, &[(bind, "10.0.0.2")]), ["not-own-address"]);
    assert_eq!(wrong(text, &[(bind, "::1")]), ["bad-address"]);
    assert_eq!(wrong(text, &[(bind, "[\"127.0.0.1\", \"127.0.0.1\"]")]), ["duplicate-name"]);
    assert_eq!(wrong(text, &[NO_PORT]), ["nothing-without"]);
    assert_eq!(wrong(text, &[("process.leak.reconnect.target", "[]")]), ["bad-endpoint"]);
    let churn = preset::find("time-wait").expect("a preset").text;
    assert_eq!(wrong(churn, &[("process.churn.reconnect.bind_address", "127.0.0.1")]), ["loopback-source"]);
}
