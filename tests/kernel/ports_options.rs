//! P12, P13, P15, P18–P21: ports chosen by bind(), and what socket options change.

use std::collections::BTreeSet;

use halfclose::app::SocketOption;
use halfclose::errno::Errno;
use halfclose_tests::lab::{Lab, Proc, at, lo};

use crate::ports::{Leak, SMALL, leak, leak_with};

/// A host with 100 ports and listeners on 3306 and 3307; its client.
fn bench(seed: u64) -> (Lab, Proc) {
    let mut lab = Lab::seeded(seed, SMALL);
    let (server, client) = (lab.process(), lab.process());
    for port in [3306, 3307] {
        lab.listener(server, at([0, 0, 0, 0], port), 4_096);
    }
    (lab, client)
}

/// `bind()` to port 0 of an address, then `connect()`, with an option set before.
fn leak_bound(lab: &mut Lab, client: Proc, addr: [u8; 4], dport: u16, option: Option<SocketOption>) -> Leak {
    leak_with(lab, client, lo(dport), |lab, fd| {
        if let Some(option) = option {
            lab.option(client, fd, option);
        }
        lab.bind(client, fd, at(addr, 0))
    })
}

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

#[test]
fn p12_another_source_address_has_the_same_ports_again() {
    let (mut lab, client) = bench(12);
    assert_eq!(leak(&mut lab, client, lo(3306)).ports.len(), 100);
    let no_port = Some(SocketOption::BindAddressNoPort(true));
    let second = leak_bound(&mut lab, client, [127, 0, 0, 2], 3306, no_port);
    assert_eq!((second.ports.len(), second.errno), (100, Errno::AddrNotAvail));
    // A third one with a plain bind() of port 0: connect() left its ports bindable on other addresses.
    let third = leak_bound(&mut lab, client, [127, 0, 0, 3], 3306, None);
    assert_eq!((third.ports.len(), third.errno), (100, Errno::AddrInUse));
}

#[test]
fn p13_bind0_exhaustion_is_eaddrinuse() {
    let (mut lab, client) = bench(13);
    let bound = leak_bound(&mut lab, client, LOOPBACK, 3306, None);
    assert_eq!((bound.ports.len(), bound.errno, bound.errno.number()), (100, Errno::AddrInUse, 98));
    let fd = lab.open(client);
    assert_eq!(lab.bind(client, fd, at(LOOPBACK, 0)), Err(Errno::AddrInUse), "bind() says it, not connect()");
}

#[test]
fn p13_bind_and_connect_share_the_ports() {
    for bind_first in [true, false] {
        let (mut lab, client) = bench(13);
        let mut ports = BTreeSet::new();
        for _ in 0..30 {
            let fd = lab.open(client);
            if bind_first {
                lab.bind(client, fd, at(LOOPBACK, 0)).expect("ports are left");
            }
            lab.connect(client, fd, lo(3306)).expect("ports are left");
            ports.insert(lab.port(client, fd));
        }
        let (rest, errno) = if bind_first {
            (leak(&mut lab, client, lo(3306)), Errno::AddrNotAvail)
        } else {
            (leak_bound(&mut lab, client, LOOPBACK, 3306, None), Errno::AddrInUse)
        };
        assert_eq!((rest.ports.len(), rest.errno), (70, errno));
        assert!(rest.ports.iter().all(|port| !ports.contains(port)));
    }
}

#[test]
fn p13_a_port_taken_by_connect_cannot_be_bound() {
    let (mut lab, client) = bench(13);
    leak(&mut lab, client, lo(3306));
    for reuse in [false, true] {
        let fd = lab.open(client);
        lab.option(client, fd, SocketOption::ReuseAddr(reuse));
        assert_eq!(lab.bind(client, fd, lo(40_000)), Err(Errno::AddrInUse), "SO_REUSEADDR {reuse}");
    }
}

#[test]
fn p15_a_bound_port_serves_one_destination_only() {
    let (mut lab, client) = bench(15);
    assert_eq!(leak_bound(&mut lab, client, LOOPBACK, 3306, None).ports.len(), 100);
    let second = leak_bound(&mut lab, client, LOOPBACK, 3307, None);
    assert_eq!((second.ports.len(), second.errno), (0, Errno::AddrInUse));
}

#[test]
fn p18_bind0_takes_the_other_parity_first_from_a_random_start() {
    let mut starts = BTreeSet::new();
    for seed in 0..6 {
        let (mut lab, client) = bench(seed);
        let bound = leak_bound(&mut lab, client, LOOPBACK, 3306, None);
        assert!(bound.ports[..50].iter().all(|port| port % 2 == 1), "{:?}", bound.ports);
        assert!(bound.ports[50..].iter().all(|port| port % 2 == 0));
        let ascending = bound.ports[..10].windows(2).filter(|pair| (2..=16).contains(&(pair[1].wrapping_sub(pair[0]))));
        assert!(ascending.count() < 9, "a fresh random start each time: {:?}", bound.ports);
        starts.insert(bound.ports[0]);
    }
    assert!(starts.len() > 2, "{starts:?}");
}

#[test]
fn p18_bind0_with_so_reuseaddr_takes_the_lower_half_first() {
    let (mut lab, client) = bench(18);
    let bound = leak_bound(&mut lab, client, LOOPBACK, 3306, Some(SocketOption::ReuseAddr(true)));
    // Measured: the lower half with its odd ports first, then the rest; with
    // SO_REUSEADDR bind() lends ports again, so connect() is what fails.
    assert!(bound.ports[..25].iter().all(|port| *port < 40_050 && port % 2 == 1), "{:?}", bound.ports);
    assert!(bound.ports[25..50].iter().all(|port| *port < 40_050), "{:?}", bound.ports);
}

#[test]
fn p19_ip_local_port_range_steps_by_one() {
    let (mut lab, client) = bench(19);
    let leak = leak_range(&mut lab, client, 40_020, 40_039);
    assert_eq!((leak.ports.len(), leak.errno), (20, Errno::AddrNotAvail));
    assert_eq!(leak.ports.iter().copied().collect::<BTreeSet<_>>(), (40_020..=40_039).collect());
    let odd = leak.ports[..10].iter().filter(|port| **port % 2 == 1).count();
    assert!((1..=9).contains(&odd), "no parity first: {:?}", leak.ports);
}

#[test]
fn p20_ip_local_port_range_outside_is_ignored_but_for_the_step() {
    let (mut lab, client) = bench(20);
    let leak = leak_range(&mut lab, client, 50_000, 50_019);
    assert_eq!((leak.ports.len(), leak.errno), (100, Errno::AddrNotAvail));
    assert!(leak.ports.iter().all(|port| (40_000..=40_099).contains(port)));
    let odd = leak.ports[..50].iter().filter(|port| **port % 2 == 1).count();
    assert!((10..=40).contains(&odd), "no parity first: {:?}", leak.ports);
}

#[test]
fn p21_ip_local_port_range_partly_outside_is_clamped() {
    for (low, high, inside) in
        [(40_090, 40_150, 40_090..=40_099), (39_990, 40_010, 40_000..=40_010), (40_100, 40_200, 40_000..=40_099)]
    {
        let (mut lab, client) = bench(21);
        let leak = leak_range(&mut lab, client, low, high);
        assert_eq!(leak.ports.iter().copied().collect::<BTreeSet<u16>>(), inside.collect(), "{low}-{high}");
    }
}

fn leak_range(lab: &mut Lab, client: Proc, low: u16, high: u16) -> Leak {
    leak_with(lab, client, lo(3306), |lab, fd| {
        lab.option(client, fd, SocketOption::LocalPortRange(low, high));
        Ok(())
    })
}
