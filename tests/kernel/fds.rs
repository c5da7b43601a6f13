//! F1–F3: descriptors.

use halfclose::app::Call;
use halfclose::errno::Errno;
use halfclose::tcp::TcpState;
use halfclose::units::HostId;
use halfclose_tests::lab::{Lab, lo, secs};

fn sockets_until_emfile(soft: u64) -> u64 {
    let mut lab = Lab::loopback(&[]);
    let process = lab.process_on(HostId(0), soft);
    let mut opened = 0;
    loop {
        match lab.socket(process) {
            Ok(fd) => assert_eq!(u64::from(fd.0), 3 + opened, "the lowest free descriptor"),
            Err(errno) => {
                assert_eq!(errno, Errno::MFile);
                return opened;
            }
        }
        opened += 1;
    }
}

#[test]
fn f1_a_soft_limit_of_1024_gives_1021_sockets() {
    assert_eq!(sockets_until_emfile(1_024), 1_021);
    assert_eq!(sockets_until_emfile(64), 61);
}

#[test]
fn f2_a_soft_limit_of_20000_gives_19997_sockets() {
    assert_eq!(sockets_until_emfile(20_000), 19_997);
}

/// The measured server had 0–2, its listener and two more descriptors open.
#[test]
fn f3_a_server_without_descriptors_leaves_connections_in_its_queue() {
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process_on(HostId(0), 64), lab.process());
    let listener = lab.listener(server, lo(3306), 128);
    for _ in 0..2 {
        lab.open_file(server).expect("descriptors are left");
    }
    let clients: Vec<_> = (0..100).map(|_| lab.connected(client, lo(3306))).collect();
    let mut accepted = Vec::new();
    let failed = loop {
        match lab.call(server, Call::Accept { fd: listener, nonblock: false }) {
            Ok(halfclose::app::Ret::Accepted(fd, _)) => accepted.push(fd),
            other => break other,
        }
    };
    assert_eq!((accepted.len(), failed), (58, Err(Errno::MFile)));
    assert_eq!(lab.listen_row(3306).recv_q, 42);
    assert_eq!(lab.count_rows(TcpState::Established, 3306, true), 100);
    // The failed call took nothing from the queue.
    lab.close(server, accepted[0]);
    lab.accept(server, listener);
    assert_eq!(lab.listen_row(3306).recv_q, 41);
    // The server ends with 41 unaccepted and 58 accepted connections: every client but
    // the one already closed is reset only if something of it was never taken.
    lab.kill(server);
    lab.sleep(secs(1));
    let waiting = clients.iter().filter(|fd| lab.so_error(client, **fd) == Some(Errno::ConnReset)).count();
    assert!(waiting >= 41, "unaccepted connections are reset: {waiting}");
}
