//! R1–R6: Recv-Q counts the FIN, FIONREAD does not.

use halfclose::tcp::TcpState::{CloseWait, Established};
use halfclose_tests::lab::{Lab, lo, ms};

/// What a client sees when the server sends these segments, closes or not, and
/// the client reads so much: state, Recv-Q, FIONREAD.
fn seen(segments: &[u32], fin: bool, reads: &[u32]) -> (halfclose::tcp::TcpState, u32, u32) {
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    for bytes in segments {
        lab.send(server, pair.far, *bytes).expect("there is room");
        lab.sleep(ms(20));
    }
    if fin {
        lab.close(server, pair.far);
    }
    lab.sleep(ms(50));
    for bytes in reads {
        lab.recv(client, pair.near, *bytes).expect("bytes or the end");
    }
    let row = lab.row(pair.tuple).expect("the client's socket is there");
    assert_eq!(row.send_q, 0);
    (row.state, row.recv_q, lab.fionread(client, pair.near))
}

#[test]
fn r1_data_without_fin() {
    assert_eq!(seen(&[77], false, &[]), (Established, 77, 77));
}

#[test]
fn r2_data_and_fin() {
    assert_eq!(seen(&[77], true, &[]), (CloseWait, 78, 77));
    assert_eq!(seen(&[77], true, &[10]), (CloseWait, 68, 67));
    // Once the last byte is taken the FIN no longer counts.
    assert_eq!(seen(&[77], true, &[77]), (CloseWait, 0, 0));
    assert_eq!(seen(&[77], true, &[77, 1]), (CloseWait, 0, 0));
}

#[test]
fn r3_too_many_connections_and_fin() {
    assert_eq!(seen(&[27], true, &[]), (CloseWait, 28, 27));
}

#[test]
fn r4_greeting_timeout_packet_and_fin() {
    assert_eq!(seen(&[77, 54], true, &[]), (CloseWait, 132, 131));
}

#[test]
fn r5_a_longer_greeting_and_fin() {
    assert_eq!(seen(&[78], true, &[]), (CloseWait, 79, 78));
}

#[test]
fn r6_fin_alone() {
    assert_eq!(seen(&[], true, &[]), (CloseWait, 1, 0));
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process(), lab.process());
    let pair = lab.connection(server, client, 3306);
    lab.send(server, pair.far, 77).expect("there is room");
    lab.sleep(ms(50));
    assert_eq!(lab.recv(client, pair.near, 77), Ok(77));
    lab.sleep(ms(50));
    lab.close(server, pair.far);
    lab.sleep(ms(50));
    assert_eq!(lab.row(pair.tuple).map(|row| (row.state, row.recv_q)), Some((CloseWait, 1)));
    assert_eq!(lab.fionread(client, pair.near), 0);
    assert_eq!(lab.recv(client, pair.near, 1), Ok(0));
    assert_eq!(lab.row(pair.tuple).map(|row| row.recv_q), Some(0));
}

/// Beside the list: queues of a listener, and of a connection nobody accepted.
#[test]
fn r_listeners_and_unaccepted_connections() {
    let mut lab = Lab::loopback(&[]);
    let (server, client) = (lab.process(), lab.process());
    lab.listener(server, lo(3306), 64);
    let fd = lab.connected(client, lo(3306));
    lab.send(client, fd, 40).expect("there is room");
    lab.shutdown(client, fd).expect("it is connected");
    lab.sleep(ms(50));
    let listen = lab.listen_row(3306);
    assert_eq!((listen.recv_q, listen.send_q), (1, 64));
    let local = lo(lab.port(client, fd));
    let far = lab.row(halfclose::units::FourTuple { local: lo(3306), remote: local }).expect("it waits");
    assert_eq!((far.state, far.recv_q), (CloseWait, 41));
}
