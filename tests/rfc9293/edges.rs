//! Every row of the state graph is taken, under each of its causes, and nothing
//! else is: the assertions in `Tcb::enter` and `Effects::changed` see to the
//! latter in every test, this one to the former.

use halfclose::app::{ShutdownHow, SocketOption};
use halfclose::kernel::{KernelProfile, Sysctls};
use halfclose::tcp::graph::Visits;
use halfclose::tcp::machine::step;
use halfclose::tcp::timers::JiffyClock;
use halfclose::tcp::{
    Actions, Cause, Tcb, TcpContext, TcpInput, TcpSocketOption,
    TcpState::{self, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, SynSent, TimeWait},
    UserCall,
};
use halfclose::time::{Duration, Instant};
use halfclose::wire::{Flags, SeqNum, UnreachableCode};
use halfclose_tests::lab::{MEASURED_KERNEL, ms, secs};
use halfclose_tests::peer::Bench;

const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
const DAY: Duration = Duration::from_secs(86_400);

fn taken(bench: Bench) -> Visits {
    bench.lab.recorder.visits
}

/// LISTEN: to CLOSED by both calls, and with a request under way.
fn listeners() -> Vec<Visits> {
    let mut closed = Bench::listening(&[]);
    let _ = closed.arrive(Bench::syn());
    let fd = closed.listener.expect("it listens");
    closed.lab.close(closed.app, fd);
    let mut shut = Bench::listening(&[]);
    shut.fd = shut.listener;
    assert_eq!(shut.shutdown(ShutdownHow::Read), Ok(()));
    let mut cookies = Bench::listening(&[("net.ipv4.tcp_syncookies", "2")]);
    cookies.handshake(&Bench::syn());
    assert_eq!(cookies.state(), Established);
    vec![taken(closed), taken(shut), taken(cookies)]
}

/// SYN-SENT to everywhere.
fn dialling() -> Vec<Visits> {
    let mut all = vec![taken(Bench::connected(&[]))];
    let mut end = |go: fn(&mut Bench)| {
        let mut bench = Bench::dialled(&[]);
        let _ = bench.sent();
        assert_eq!(bench.state(), SynSent);
        go(&mut bench);
        assert_eq!(bench.state(), TcpState::Closed);
        all.push(taken(bench));
    };
    end(Bench::close);
    end(|bench| assert_eq!(bench.shutdown(ShutdownHow::Both), Ok(())));
    end(|bench| drop(bench.arrive(bench.seg(Flags::RST.with(Flags::ACK)))));
    end(|bench| drop(bench.icmp(UnreachableCode::Port, bench.iss)));
    end(|bench| drop(bench.wait(secs(200))));
    all
}

/// A host whose SYN crossed the peer's.
fn crossed() -> Bench {
    let mut bench = Bench::dialled(&[]);
    let _ = bench.sent();
    let reply = bench.arrive(Bench::syn());
    assert_eq!((reply[0].flags, bench.state()), (SYN_ACK, SynReceived));
    bench
}

/// SYN-RECEIVED, as a request and after a crossed open.
fn half_open() -> Vec<Visits> {
    let mut all = Vec::new();
    let mut end = |mut bench: Bench, go: fn(&mut Bench), state: TcpState| {
        go(&mut bench);
        assert_eq!(bench.state(), state);
        all.push(taken(bench));
    };
    let request = |sysctls: &[(&str, &str)]| {
        let mut bench = Bench::listening(sysctls);
        assert_eq!(bench.arrive(Bench::syn())[0].flags, SYN_ACK);
        bench
    };
    end(request(&[]), |bench| drop(bench.arrive(bench.seg(Flags::RST))), TcpState::Closed);
    end(request(&[]), |bench| drop(bench.wait(secs(100))), TcpState::Closed);
    let in_window = |bench: &mut Bench| {
        let mut syn = bench.seg(Flags::SYN);
        syn.seq = syn.seq.add(100);
        let _ = bench.arrive(syn);
    };
    end(request(&[]), in_window, TcpState::Closed);
    end(crossed(), |bench| drop(bench.arrive(bench.seg(Flags::ACK))), Established);
    end(crossed(), Bench::close, FinWait1);
    end(crossed(), |bench| drop(bench.arrive(bench.seg(Flags::RST))), TcpState::Closed);
    end(crossed(), |bench| drop(bench.wait(secs(300))), TcpState::Closed);
    end(crossed(), |bench| drop(bench.icmp(UnreachableCode::Host, bench.iss)), TcpState::Closed);
    end(crossed(), Bench::abort, TcpState::Closed);
    all
}

/// From every state of an open connection, what ends it early: a reset, an
/// abort, silence.
fn ends() -> Vec<Visits> {
    let mut all = Vec::new();
    for (state, orphan) in [
        (Established, false),
        (FinWait1, false),
        (FinWait1, true),
        (FinWait2, false),
        (FinWait2, true),
        (CloseWait, false),
        (Closing, false),
        (Closing, true),
        (LastAck, false),
        (LastAck, true),
        (TimeWait, false),
    ] {
        let lead = |sysctls: &[(&str, &str)]| {
            let mut bench = Bench::accepted(sysctls);
            bench.lead_to(state, orphan);
            bench
        };
        let mut reset = lead(&[]);
        let _ = reset.arrive(reset.seg(Flags::RST));
        assert_eq!(reset.state(), TcpState::Closed, "{state}");
        all.push(taken(reset));

        if state != TimeWait {
            let mut silent = lead(&[]);
            if !orphan {
                silent.set(TcpSocketOption::KeepAlive(true));
            }
            if matches!(state, Established | CloseWait) {
                assert_eq!(silent.write(1), Ok(1));
            }
            let _ = silent.wait(DAY);
            assert_eq!(silent.state(), TcpState::Closed, "{state}");
            all.push(taken(silent));
        }
        if !orphan && state != TimeWait {
            let mut aborted = lead(&[]);
            aborted.abort();
            assert_eq!(aborted.state(), TcpState::Closed, "{state}");
            all.push(taken(aborted));
        }
    }
    all
}

/// The way through a close, by close() and by shutdown().
fn closes() -> Vec<Visits> {
    let mut all = Vec::new();
    for orphan in [false, true] {
        let mut active = Bench::accepted(&[]);
        active.lead_to(TimeWait, orphan);
        let _ = active.wait(secs(70));
        all.push(taken(active));
        let mut passive = Bench::accepted(&[]);
        passive.lead_to(LastAck, orphan);
        let _ = passive.arrive(passive.seg(Flags::ACK));
        assert_eq!(passive.state(), TcpState::Closed);
        all.push(taken(passive));
        let mut both = Bench::accepted(&[]);
        both.lead_to(Closing, orphan);
        let _ = both.arrive(both.seg(Flags::ACK));
        assert_eq!(both.state(), TimeWait);
        all.push(taken(both));
    }
    // Data for an application that closed.
    for state in [FinWait1, FinWait2] {
        let mut late = Bench::accepted(&[]);
        late.lead_to(state, true);
        let reply = late.arrive(late.data(10));
        assert!(reply[0].flags.rst(), "{state}");
        all.push(taken(late));
    }
    all
}

/// The kernel's limits on orphans and minisocks.
fn limits() -> Vec<Visits> {
    let mut all = Vec::new();
    for state in [FinWait1, Closing, LastAck, FinWait2] {
        // An orphan waits in FIN_WAIT2 as a full socket only past a minute.
        let mut bench = Bench::accepted(&[("net.ipv4.tcp_max_orphans", "0"), ("net.ipv4.tcp_fin_timeout", "90")]);
        if state == LastAck {
            bench.lead_to(CloseWait, false);
            assert_eq!(bench.read(), Ok(0));
        } else if state != FinWait1 {
            bench.lead_to(state, false);
        }
        bench.close();
        assert_eq!(bench.state(), TcpState::Closed, "{state}");
        all.push(taken(bench));
    }
    for (state, orphan) in [(FinWait2, true), (TimeWait, false)] {
        let mut bench = Bench::accepted(&[("net.ipv4.tcp_max_tw_buckets", "0")]);
        bench.finish(orphan);
        let _ = bench.arrive(bench.seg(Flags::ACK));
        let _ = bench.arrive(bench.seg(FIN_ACK));
        assert_eq!(bench.state(), TcpState::Closed, "{state}");
        all.push(taken(bench));
    }
    all
}

/// A minisock gives way to a listener's SYN, and to connect().
fn reuse() -> Vec<Visits> {
    let mut reopened = Bench::accepted(&[]);
    reopened.lead_to(TimeWait, true);
    let mut syn = Bench::syn();
    syn.seq = reopened.nxt.add(100_000);
    assert_eq!(reopened.arrive(syn)[0].flags, SYN_ACK);
    assert_eq!(reopened.state(), SynReceived);
    let mut all = vec![taken(reopened)];
    for (kernel, state) in [("6.18.44", TimeWait), ("5.10.100", FinWait2)] {
        all.push(taken_over(kernel, state));
    }
    all
}

/// A client's minisock in this state, taken over by its next connect().
fn taken_over(kernel: &str, state: TcpState) -> Visits {
    let mut bench = Bench::on_kernel(kernel, &[("net.ipv4.tcp_tw_reuse", "1")]);
    let port = bench.bound_dial();
    let first = bench.sent();
    let mut syn_ack = bench.seg(SYN_ACK);
    syn_ack.options.mss = Some(1_460);
    syn_ack.options.timestamp = first[0].options.timestamp.map(|(tsval, _)| (1_000, tsval));
    let stamp = syn_ack.options.timestamp;
    let _ = bench.arrive(syn_ack);
    bench.finish(true);
    let mut ack = bench.seg(if state == TimeWait { FIN_ACK } else { Flags::ACK });
    ack.options.timestamp = stamp;
    let _ = bench.arrive(ack);
    assert_eq!(bench.state(), state);
    let _ = bench.wait(secs(3));
    assert_eq!(bench.bound_dial(), port);
    assert_eq!(bench.state(), SynSent, "{kernel}");
    taken(bench)
}

/// `ss -K` has no system call in the model: the machine is asked.
fn killed() -> Visits {
    let profile = KernelProfile::parse(MEASURED_KERNEL).expect("a release the model knows");
    let config = Sysctls::new(&profile, 8 << 30).tcp_config(&profile);
    let clock = JiffyClock::new(250, 0, true);
    let cx = TcpContext { now: Instant::from_nanos(5_000_000_000), clock, config: &config };
    let mut out = Actions::default();
    let mut listening = Tcb::new_closed(&config);
    listening.listen(&mut out);
    let mut dialling = Tcb::new_closed(&config);
    let open = UserCall::Open { iss: SeqNum(1), ts_offset: 0, mss: 1_460 };
    step(&mut dialling, TcpInput::Call(open), &cx, &mut out);
    for mut tcb in [listening, dialling] {
        step(&mut tcb, TcpInput::Call(UserCall::Abort(Cause::Abort)), &cx, &mut out);
        assert_eq!(tcb.state(), TcpState::Closed);
    }
    let mut visits = Visits::default();
    for (from, to, cause) in out.transitions {
        visits.count(from, to, cause);
    }
    visits
}

#[test]
fn every_edge_is_taken() {
    let mut all = Visits::default();
    let drives = [listeners(), dialling(), half_open(), ends(), closes(), limits(), reuse(), vec![killed()]];
    for visits in drives.iter().flatten() {
        all.merge(visits);
    }
    let missing: Vec<String> = all.missing().map(|(from, to, cause)| format!("{from} to {to} by {cause:?}")).collect();
    assert!(missing.is_empty(), "never taken:\n  {}", missing.join("\n  "));
    assert_eq!(all.outside(), [], "not in the table");
}

/// The checks that see to the other direction do run here.
#[test]
#[should_panic(expected = "is not in the table")]
fn a_transition_outside_the_table_is_noticed() {
    // A listener is never closed for want of room.
    let profile = KernelProfile::parse(MEASURED_KERNEL).expect("a release the model knows");
    let config = Sysctls::new(&profile, 8 << 30).tcp_config(&profile);
    let clock = JiffyClock::new(250, 0, true);
    let cx = TcpContext { now: Instant::from_nanos(5_000_000_000), clock, config: &config };
    let mut tcb = Tcb::new_listen(&config);
    step(&mut tcb, TcpInput::Call(UserCall::Abort(Cause::Overflow)), &cx, &mut Actions::default());
}

/// A descriptor bound with SO_REUSEADDR does not hinder the next.
#[test]
fn the_bench_dials_the_same_port_twice() {
    let mut bench = Bench::new(&[]);
    let port = bench.bound_dial();
    bench.lab.option(bench.app, bench.end(), SocketOption::ReuseAddr(true));
    bench.close();
    let _ = bench.wait(ms(1));
    assert_eq!(bench.bound_dial(), port);
}
