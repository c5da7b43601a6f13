//! Both ways at once over a wire that loses and reorders: everything arrives,
//! once, in order, and both ends finish.

use super::*;

/// A small generator of its own, so that the pattern never changes.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Runs until `until` with the wire losing one segment in `loss` (none if 0) and swapping some.
pub(super) fn run_lossy(pair: &mut Pair, until: Instant, dice: &mut Dice, loss: u64) {
    for _ in 0..100_000 {
        let arrival = pair.flying.first().map(|sent| sent.at + LATENCY);
        let timer = pair.ends.iter().filter_map(Tcb::next_deadline).min();
        let Some(at) = arrival.into_iter().chain(timer).min().filter(|&at| at <= until) else {
            pair.now = until;
            return;
        };
        pair.now = pair.now.max(at);
        if arrival == Some(at) {
            let swap = pair.flying.len() > 1 && dice.roll(8) == 0;
            let sent = pair.flying.remove(usize::from(swap));
            if loss == 0 || dice.roll(loss) != 0 {
                pair.deliver(&sent);
            }
        } else {
            for side in 0..2 {
                if pair.ends[side].next_deadline().is_some_and(|due| due <= pair.now) {
                    pair.input(side, TcpInput::Timeout);
                }
            }
        }
    }
    panic!("the two ends never come to rest: {:?}", pair.states());
}

/// The bytes each side sends: different at every offset, so that order shows.
fn pattern(side: usize, from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|i| u8::try_from((i * 7 + i / 251 + side * 100) % 256).expect("a byte")).collect()
}

fn exchange(seed: u64, loss: u64, mss: u16, timestamps: bool, sack: bool) {
    const TOTAL: usize = 60_000;
    let config = TcpConfig {
        tcp_timestamps: timestamps,
        tcp_sack: sack,
        tcp_syn_retries: 30,
        tcp_orphan_retries: 200,
        ..config()
    };
    let mut pair = Pair::with(config);
    pair.mss = mss;
    let mut dice = Dice(seed);
    pair.open(0);
    while pair.states() != [TcpState::Established; 2] {
        let until = pair.now + Duration::from_secs(1);
        run_lossy(&mut pair, until, &mut dice, loss);
        // The harness has no request timer: repeat the SYN-ACK by hand.
        if let Some(request) = &mut pair.request {
            let config = pair.config[1].clone();
            let cx = TcpContext { now: pair.now, clock: pair.clock, config: &config };
            let segment = request.syn_ack(&cx);
            pair.flying.push(Sent { at: pair.now, side: 1, segment });
        }
        assert!(pair.now < Instant::from_nanos(400_000_000_000), "no handshake: {:?}", pair.states());
    }
    let mut sent = [0_usize; 2];
    let mut received = [Vec::new(), Vec::new()];
    for round in 0..40_000 {
        for side in 0..2 {
            let chunk = usize::try_from(1 + dice.roll(3_000)).expect("small").min(TOTAL - sent[side]);
            if chunk > 0 {
                let data = Payload::from_bytes(&pattern(side, sent[side], chunk));
                match pair.call(side, UserCall::Send(data)) {
                    Ok(Reply::Count(n)) => sent[side] += n as usize,
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => assert_eq!(error, Errno::Again),
                }
            }
            if let Ok(Reply::Data(data)) = pair.call(side, UserCall::Receive { max: 9_000, peek: false }) {
                received[side].extend(data.to_vec());
            }
        }
        let until = pair.now + Duration::from_millis(dice.roll(40));
        run_lossy(&mut pair, until, &mut dice, loss);
        if received.iter().all(|all| all.len() == TOTAL) {
            break;
        }
        assert!(round < 39_999, "seed {seed}: stuck at {:?} of {sent:?}", received.each_ref().map(Vec::len));
    }
    for (side, all) in received.iter().enumerate() {
        assert!(*all == pattern(1 - side, 0, TOTAL), "seed {seed}: side {side} got something else");
    }
    pair.close(0);
    let until = pair.now + Duration::from_secs(600);
    run_lossy(&mut pair, until, &mut dice, loss);
    assert_eq!(pair.recv(1, 9), Ok(0), "seed {seed}");
    pair.close(1);
    // The minisock of side 0 is not here to answer: only what reached it counts.
    assert!(pair.transitions[0].contains(&(TcpState::FinWait1, TcpState::FinWait2)), "seed {seed}");
    assert!(pair.transitions[1].contains(&(TcpState::CloseWait, TcpState::LastAck)));
}

#[test]
fn everything_arrives_whatever_is_lost() {
    for seed in 0..24 {
        let mss = [536, 1_460, 65_495][usize::try_from(seed % 3).expect("small")];
        exchange(seed, 5 + seed % 9, mss, seed % 2 == 0, seed % 4 < 2);
    }
}

/// All that was in flight is lost, the FIN too, which is too much to ride on a full segment.
#[test]
fn a_fin_lost_behind_full_segments_is_sent_again() {
    let mut pair = Pair::new();
    pair.mss = 1_460;
    pair.open(0);
    pair.run(MS);
    pair.mute[0] = true;
    let mss = pair.ends[0].snd_mss();
    pair.send(0, 3 * mss);
    pair.close(0);
    assert_eq!(pair.flying.len(), 0);
    pair.run(Duration::from_millis(1));
    pair.mute[0] = false;
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.states()[1], TcpState::CloseWait);
    assert_eq!(pair.recv(1, 9_000), Ok(3 * mss));
    assert!(pair.transitions[0].contains(&(TcpState::FinWait1, TcpState::FinWait2)));
}
