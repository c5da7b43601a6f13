//! Random schedules.

use proptest::prelude::*;

/// Something a program or the network does next; sockets are named by a number
/// modulo those open.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// The program of this host connects to the other's listener.
    Dial(usize),
    Accept(usize),
    Send(u8, u16),
    Recv(u8, u16),
    Peek(u8),
    /// 0 reading, 1 writing, 2 both.
    Shutdown(u8, u8),
    Close(u8),
    /// SO_LINGER 0, then close.
    Reset(u8),
    /// Which option, see `driver::option`.
    Option(u8, u8),
    /// Nothing passes from the first host to the second, or either way.
    Partition(bool),
    Heal,
}

/// A world and what happens in it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) latency_us: u64,
    /// Percent.
    pub(crate) loss: u32,
    pub(crate) duplicate: u32,
    pub(crate) reorder: u32,
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    /// SO_RCVBUF of the listeners, as asked for; 0: the default.
    pub(crate) rcvbuf: u32,
    /// What happens, and how many milliseconds later the next thing does.
    pub(crate) steps: Vec<(Op, u64)>,
}

fn op() -> impl Strategy<Value = Op> {
    let fd = any::<u8>;
    prop_oneof![
        4 => (0..2_usize).prop_map(Op::Dial),
        5 => (0..2_usize).prop_map(Op::Accept),
        6 => (fd(), prop_oneof![1..200_u16, 1..20_000_u16]).prop_map(|(fd, n)| Op::Send(fd, n)),
        6 => (fd(), prop_oneof![1..200_u16, Just(60_000_u16)]).prop_map(|(fd, n)| Op::Recv(fd, n)),
        1 => fd().prop_map(Op::Peek),
        2 => (fd(), 0..3_u8).prop_map(|(fd, how)| Op::Shutdown(fd, how)),
        3 => fd().prop_map(Op::Close),
        1 => fd().prop_map(Op::Reset),
        2 => (fd(), 0..8_u8).prop_map(|(fd, which)| Op::Option(fd, which)),
        1 => any::<bool>().prop_map(Op::Partition),
        1 => Just(Op::Heal),
    ]
}

fn settings() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let one = |name: &'static str, values: &'static [&'static str]| {
        proptest::sample::select(values).prop_map(move |value| (name, value))
    };
    (
        one("net.ipv4.tcp_fin_timeout", &["1", "60", "90"]),
        one("net.ipv4.tcp_timestamps", &["0", "1"]),
        one("net.ipv4.tcp_sack", &["0", "1"]),
        one("net.ipv4.tcp_window_scaling", &["0", "1"]),
        one("net.ipv4.tcp_tw_reuse", &["0", "1", "2"]),
        one("net.ipv4.tcp_max_tw_buckets", &["0", "1", "10000"]),
        one("net.ipv4.tcp_max_orphans", &["0", "10000"]),
        one("net.ipv4.tcp_retries2", &["3", "15"]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| vec![a, b, c, d, e, f, g, h])
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let pause = prop_oneof![4 => 0..3_u64, 4 => 0..200_u64, 2 => 0..5_000_u64, 1 => 0..90_000_u64];
    let link = (0..60_000_u64, 0..25_u32, 0..15_u32, 0..15_u32);
    let rcvbuf = prop_oneof![3 => Just(0_u32), 1 => 2_304..10_000_u32];
    let steps = proptest::collection::vec((op(), pause), 5..60);
    (any::<u64>(), link, settings(), rcvbuf, steps).prop_map(
        |(seed, (latency_us, loss, duplicate, reorder), settings, rcvbuf, steps)| Plan {
            seed,
            latency_us,
            loss,
            duplicate,
            reorder,
            settings,
            rcvbuf,
            steps,
        },
    )
}
