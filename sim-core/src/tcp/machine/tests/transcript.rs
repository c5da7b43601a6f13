//! Lives drawn at random, kept to the byte and the nanosecond.
//!
//! The other tests say what is right. This one says that nothing else changed:
//! two ends write, read, wait, fall silent, set options and close in an order
//! drawn from a seed, over a wire that loses and swaps, and everything that
//! went over it is folded into one number. `UPDATE_GOLDEN=1` writes the file
//! anew after a change that was meant.

use super::lossy::{Dice, run_lossy};
use super::*;

const GOLDEN: &str = include_str!("transcript.txt");
/// Lives in a line of the file.
const LIVES: u64 = 8;
const LINES: u64 = 48;

/// FNV-1a, 64 bits.
struct Fold(u64);

impl Fold {
    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn configured(dice: &mut Dice) -> TcpConfig {
    TcpConfig {
        tcp_timestamps: dice.roll(4) != 0,
        tcp_sack: dice.roll(3) != 0,
        tcp_window_scaling: dice.roll(3) != 0,
        tcp_retries2: [3, 5, 15][dice.pick(3)],
        tcp_orphan_retries: [0, 1, 3][dice.pick(3)],
        tcp_fin_timeout: Duration::from_secs([60, 90, 5][dice.pick(3)]),
        tcp_rmem_default: [131_072, 131_072, 8_192, 2_304][dice.pick(4)],
        ..config()
    }
}

impl Dice {
    fn pick(&mut self, of: u64) -> usize {
        usize::try_from(self.roll(of)).expect("small")
    }
}

/// One thing an end or the wire does.
fn act(pair: &mut Pair, dice: &mut Dice) -> String {
    let side = dice.pick(2);
    let what = dice.roll(20);
    let answer = match what {
        0..=5 => {
            let len = [1, 10, 100, 1_000, 5_000, 40_000][dice.pick(6)];
            pair.call(side, UserCall::Send(Payload::opaque(len)))
        }
        6..=9 => {
            let max = [1, 100, 3_000, 100_000][dice.pick(4)];
            pair.call(side, UserCall::Receive { max, peek: dice.roll(6) == 0 })
        }
        10 => pair.call(side, UserCall::SetOption(TcpSocketOption::NoDelay(dice.roll(2) == 0))),
        11 => pair.call(side, UserCall::SetOption(TcpSocketOption::QuickAck(dice.roll(2) == 0))),
        12 => {
            let limit = Duration::from_millis([0, 700, 2_500, 40_000][dice.pick(4)]);
            pair.call(side, UserCall::SetOption(TcpSocketOption::UserTimeout(limit)))
        }
        13 => {
            with_keepalive(pair, side, dice.roll(4) + 1);
            Ok(Reply::Done)
        }
        14 => {
            pair.mute[side] = !pair.mute[side];
            Ok(Reply::Done)
        }
        15 if dice.roll(3) == 0 => pair.call(side, UserCall::Shutdown { read: false, write: true }),
        16 if dice.roll(4) == 0 => pair.call(side, UserCall::Close),
        17 => pair.call(side, UserCall::TakeError),
        _ => {
            pair.mute = [false; 2];
            Ok(Reply::Done)
        }
    };
    format!("{side} {what} {answer:?}\n")
}

fn with_keepalive(pair: &mut Pair, side: usize, idle: u64) {
    for option in [
        TcpSocketOption::KeepIdle(Duration::from_secs(idle)),
        TcpSocketOption::KeepIntvl(Duration::from_secs(1)),
        TcpSocketOption::KeepCnt(3),
        TcpSocketOption::KeepAlive(true),
    ] {
        // A closed socket refuses some of them.
        let _answer = pair.call(side, UserCall::SetOption(option));
    }
}

/// A life: what its two ends were told and what they sent, as text.
fn life(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut pair = Pair::with(configured(&mut dice));
    pair.mss = [536, 1_460, 1_460, 65_495][dice.pick(4)];
    pair.clock.rounding = dice.roll(4) != 0;
    let loss = [0, 0, 6, 15][dice.pick(4)];
    pair.open(0);
    pair.run(MS);
    let mut text = String::new();
    for _ in 0..60 {
        text += &act(&mut pair, &mut dice);
        let span = [0, 1, 7, 40, 45, 210, 900, 4_000, 90_000][dice.pick(9)];
        let until = pair.now + Duration::from_millis(span);
        run_lossy(&mut pair, until, &mut dice, loss);
    }
    for sent in &pair.wire {
        text += &format!("{} {} {:?}\n", sent.at.nanos(), sent.side, sent.segment);
    }
    format!("{text}{:?} {:?} {:?}\n", pair.fates, pair.counters, pair.transitions)
}

#[test]
fn lives_are_as_they_were() {
    let mut lines = String::new();
    for line in 0..LINES {
        let mut fold = Fold(0xcbf2_9ce4_8422_2325);
        for n in 0..LIVES {
            fold.add(&life(line * LIVES + n));
        }
        lines += &format!("{line} {:016x}\n", fold.0);
    }
    if update() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tcp/machine/tests/transcript.txt");
        std::fs::write(path, &lines).expect("the folder is writable");
        return;
    }
    let split = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(split(&lines), split(GOLDEN), "the machine changed; if that was meant: UPDATE_GOLDEN=1");
}

#[expect(clippy::disallowed_methods, reason = "only decides whether to compare or to write")]
fn update() -> bool {
    cfg!(not(target_family = "wasm")) && std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}
