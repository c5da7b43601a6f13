//! A link between two hosts: latency, jitter, loss, duplication, reordering
//! and bandwidth, each direction with a queue of its own.
//!
//! The semantics follow Linux `netem` where both have the feature: as there,
//! jitter alone may reorder packets; [`LinkConfig::in_order`] keeps a
//! direction first in, first out. Not modelled: correlated loss, corruption,
//! fragmentation, link headers.

use std::sync::Arc;

use crate::rng::SimRng;
use crate::time::{Duration, Instant};
use crate::trace::DropReason;
use crate::units::Ratio;

/// How much a packet's latency varies around the link's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Jitter {
    /// Not at all: one constant delay, the cheapest to simulate.
    #[default]
    None,
    /// Uniformly, up to this much more or less (as netem's `delay TIME JITTER`).
    Uniform(Duration),
    /// Uniformly, up to this much more and never less.
    Added(Duration),
    /// By an inverse distribution function.
    Table {
        /// What [`JITTER_SCALE`] in the table stands for.
        scale: Duration,
        /// Deviations at equal steps of probability, ascending.
        table: Arc<[i16]>,
    },
}

/// Table value of one `scale` (as in netem, `NETEM_DIST_SCALE`).
pub const JITTER_SCALE: i16 = 8192;

impl Jitter {
    /// Normally distributed with standard deviation `sigma`, cut at 2.66 `sigma`.
    #[must_use]
    pub fn normal(sigma: Duration) -> Self {
        let negative = NORMAL_UPPER.iter().rev().map(|v| -v);
        Self::Table { scale: sigma, table: negative.chain(NORMAL_UPPER.iter().copied()).collect() }
    }

    /// `latency` varied, never below zero.
    fn apply(&self, latency: Duration, rng: &mut SimRng) -> Duration {
        let latency = latency.nanos();
        match self {
            Self::None => Duration::from_nanos(latency),
            Self::Uniform(most) => {
                let low = latency.saturating_sub(most.nanos());
                Duration::from_nanos(rng.between(low, latency.saturating_add(most.nanos())))
            }
            Self::Added(most) => Duration::from_nanos(rng.between(latency, latency.saturating_add(most.nanos()))),
            Self::Table { scale, table } => {
                let steps = u32::try_from(table.len()).expect("a table of jitter has fewer than 2^32 steps");
                let Some(&value) = table.get(rng.below(steps) as usize) else {
                    return Duration::from_nanos(latency);
                };
                let deviation = i128::from(scale.nanos()) * i128::from(value) / i128::from(JITTER_SCALE);
                let varied = (i128::from(latency) + deviation).max(0);
                Duration::from_nanos(u64::try_from(varied).unwrap_or(u64::MAX))
            }
        }
    }
}

/// Quantiles of the standard normal distribution at (i + 64.5) / 128, in units
/// of 1/8192: its upper half.
const NORMAL_UPPER: [i16; 64] = [
    80, 241, 401, 562, 723, 884, 1046, 1208, 1370, 1533, 1697, 1861, 2026, 2192, 2358, 2526, 2695, 2865, 3036, 3208,
    3382, 3558, 3735, 3914, 4095, 4277, 4462, 4650, 4839, 5032, 5227, 5425, 5627, 5831, 6040, 6253, 6469, 6691, 6917,
    7149, 7387, 7631, 7883, 8141, 8409, 8685, 8972, 9270, 9581, 9906, 10248, 10609, 10991, 11399, 11838, 12313, 12834,
    13413, 14068, 14827, 15740, 16904, 18565, 21791,
];

/// What a link does to packets; the same in both directions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkConfig {
    /// One-way propagation delay.
    pub latency: Duration,
    /// Its variation.
    pub jitter: Jitter,
    /// Probability that a packet is lost.
    pub loss: Ratio,
    /// Probability that a packet arrives twice.
    pub duplicate: Ratio,
    /// Probability that a packet is held back by `reorder_delay`.
    pub reorder: Ratio,
    /// What a reordered packet takes longer.
    pub reorder_delay: Duration,
    /// Bits a second; `None` for no limit.
    pub bandwidth: Option<u64>,
    /// Bytes that may wait for the wire in one direction; more are dropped at
    /// the tail. Without `bandwidth` nothing waits.
    pub queue_limit: Option<u64>,
    /// No packet overtakes another, whatever the jitter. Packets held back by
    /// `reorder` and second copies are still out of order.
    pub in_order: bool,
    /// Largest IPv4 packet in bytes; it decides the MSS (1500 gives 1460).
    pub mtu: u16,
}

impl Default for LinkConfig {
    /// A perfect Ethernet link without delay.
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Jitter::None,
            loss: Ratio::ZERO,
            duplicate: Ratio::ZERO,
            reorder: Ratio::ZERO,
            reorder_delay: Duration::ZERO,
            bandwidth: None,
            queue_limit: None,
            in_order: false,
            mtu: 1500,
        }
    }
}

/// Why a link cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A probability above 1 or with denominator 0.
    #[error("{what} is {}/{}; a probability lies between 0 and 1", .ratio.num, .ratio.den)]
    Probability {
        /// The setting.
        what: &'static str,
        /// Its value.
        ratio: Ratio,
    },
    /// Nothing would ever arrive.
    #[error("a bandwidth of 0 delivers nothing; use loss = 1 or a partition")]
    NoBandwidth,
    /// Less than an IPv4 host must accept (RFC 791).
    #[error("an MTU is at least 68 bytes, not {0}")]
    Mtu(u16),
    /// A jitter table without entries.
    #[error("a jitter table needs at least one entry")]
    EmptyTable,
}

/// Which way a packet travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Direction {
    /// From the link's first host to its second.
    Forward,
    /// Back.
    Backward,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }
}

/// Why a link dropped a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkDrop {
    /// It was lost.
    Loss,
    /// The queue before the wire was full.
    QueueFull,
}

impl LinkDrop {
    /// As the trace names it: to both ends a full queue is loss.
    #[must_use]
    pub const fn reason(self) -> DropReason {
        match self {
            Self::Loss | Self::QueueFull => DropReason::Loss,
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// It arrives once.
    Once(Instant),
    /// It arrives twice; the instants are in no order.
    Twice(Instant, Instant),
    /// It does not arrive.
    Dropped(LinkDrop),
}

/// One direction's state and counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkStats {
    /// Packets given to the link.
    pub sent: u64,
    /// Packets lost.
    pub lost: u64,
    /// Packets dropped at the tail of the queue.
    pub queue_drops: u64,
    /// Packets that arrive twice.
    pub duplicated: u64,
    /// Packets held back.
    pub reordered: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// The wire is busy until then.
    wire_free: Instant,
    /// Latest arrival so far, for `in_order`.
    last_arrival: Instant,
    stats: LinkStats,
}

/// A link at work.
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    lanes: [Lane; 2],
    /// [`Link::constant_delay`], unless `in_order` has arrivals to remember.
    plain: Option<Duration>,
}

impl Link {
    /// A link with empty queues.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn new(config: LinkConfig) -> Result<Self, LinkError> {
        check(&config)?;
        let mut link = Self { config, lanes: [Lane::default(); 2], plain: None };
        link.plain = link.constant_delay().filter(|_| !link.config.in_order);
        Ok(link)
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Changes the settings from now on; packets under way arrive as decided.
    ///
    /// # Errors
    /// If a setting is out of its range; nothing is changed then.
    pub fn reconfigure(&mut self, config: LinkConfig) -> Result<(), LinkError> {
        check(&config)?;
        self.config = config;
        self.plain = self.constant_delay().filter(|_| !self.config.in_order);
        Ok(())
    }

    /// What one direction has carried.
    #[must_use]
    pub const fn stats(&self, direction: Direction) -> LinkStats {
        self.lanes[direction as usize].stats
    }

    /// The delay of every packet, if the link treats all alike: arrivals then
    /// come in the order of departures, one each, and nothing is drawn.
    #[must_use]
    pub fn constant_delay(&self) -> Option<Duration> {
        let c = &self.config;
        let plain = c.bandwidth.is_none()
            && c.jitter == Jitter::None
            && c.loss.num == 0
            && c.duplicate.num == 0
            && c.reorder.num == 0;
        plain.then_some(c.latency)
    }

    /// [`Link::transmit`] where every packet fares alike; `None` elsewhere.
    pub(super) fn pass(&mut self, direction: Direction, now: Instant) -> Option<Instant> {
        let delay = self.plain?;
        self.lanes[direction as usize].stats.sent += 1;
        Some(now + delay)
    }

    /// Sends a packet of `wire_len` bytes at `now`.
    ///
    /// Draws from `rng`, the link's own stream, in a fixed order (loss,
    /// reordering, jitter, duplication, the copy's jitter), each only if the
    /// feature is on.
    pub fn transmit(&mut self, direction: Direction, now: Instant, wire_len: u32, rng: &mut SimRng) -> Delivery {
        let config = &self.config;
        let lane = &mut self.lanes[direction as usize];
        lane.stats.sent += 1;
        // Lost before the queue, as netem drops on enqueue.
        if rng.chance(config.loss) {
            lane.stats.lost += 1;
            return Delivery::Dropped(LinkDrop::Loss);
        }
        let Some(departure) = lane.departure(config, now, wire_len) else {
            lane.stats.queue_drops += 1;
            return Delivery::Dropped(LinkDrop::QueueFull);
        };
        let held_back = rng.chance(config.reorder);
        let mut arrival = departure + config.jitter.apply(config.latency, rng);
        if held_back {
            lane.stats.reordered += 1;
            arrival += config.reorder_delay;
        } else if config.in_order {
            arrival = arrival.max(lane.last_arrival);
            lane.last_arrival = arrival;
        }
        if rng.chance(config.duplicate) {
            lane.stats.duplicated += 1;
            return Delivery::Twice(arrival, departure + config.jitter.apply(config.latency, rng));
        }
        Delivery::Once(arrival)
    }
}

impl Lane {
    /// When the last bit leaves, or `None` if the queue has no room.
    fn departure(&mut self, config: &LinkConfig, now: Instant, wire_len: u32) -> Option<Instant> {
        let Some(bandwidth) = config.bandwidth else { return Some(now) };
        let waiting_ns = u128::from(self.wire_free.since(now).nanos());
        if let Some(limit) = config.queue_limit
            && waiting_ns > 0
        {
            let waiting_bytes = waiting_ns * u128::from(bandwidth) / 8_000_000_000;
            if waiting_bytes + u128::from(wire_len) > u128::from(limit) {
                return None;
            }
        }
        let bits_ns = (u128::from(wire_len) * 8_000_000_000).div_ceil(u128::from(bandwidth));
        let start = self.wire_free.max(now);
        self.wire_free = start + Duration::from_nanos(u64::try_from(bits_ns).unwrap_or(u64::MAX));
        Some(self.wire_free)
    }
}

fn check(config: &LinkConfig) -> Result<(), LinkError> {
    for (what, ratio) in [("loss", config.loss), ("duplicate", config.duplicate), ("reorder", config.reorder)] {
        if ratio.den == 0 || ratio.num > ratio.den {
            return Err(LinkError::Probability { what, ratio });
        }
    }
    if config.bandwidth == Some(0) {
        return Err(LinkError::NoBandwidth);
    }
    if config.mtu < 68 {
        return Err(LinkError::Mtu(config.mtu));
    }
    if let Jitter::Table { table, .. } = &config.jitter
        && table.is_empty()
    {
        return Err(LinkError::EmptyTable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use Direction::{Backward, Forward};

    fn at(us: u64) -> Instant {
        Instant::ZERO + us_(us)
    }
    fn us_(us: u64) -> Duration {
        Duration::from_micros(us)
    }
    fn rng() -> SimRng {
        SimRng::new(1, Stream::Link(0))
    }
    fn link(config: LinkConfig) -> Link {
        Link::new(config).unwrap()
    }
    fn base() -> LinkConfig {
        LinkConfig { latency: us_(100), ..LinkConfig::default() }
    }
    fn arrivals(link: &mut Link, n: u64, gap_us: u64) -> Vec<Delivery> {
        let mut rng = rng();
        (0..n).map(|i| link.transmit(Forward, at(i * gap_us), 100, &mut rng)).collect()
    }

    #[test]
    fn a_plain_link_only_delays_and_draws_nothing() {
        let mut link = link(base());
        let mut rng = rng();
        assert_eq!(link.transmit(Forward, at(5), 1500, &mut rng), Delivery::Once(at(105)));
        assert_eq!(link.transmit(Backward, at(5), 1500, &mut rng), Delivery::Once(at(105)));
        assert_eq!(link.constant_delay(), Some(us_(100)));
        assert_eq!(rng.next_u64(), self::rng().next_u64());
        assert_eq!((link.stats(Forward).sent, link.stats(Backward).sent), (1, 1));
    }

    #[test]
    fn the_same_stream_gives_the_same_arrivals() {
        let config = LinkConfig {
            jitter: Jitter::Uniform(us_(50)),
            loss: Ratio { num: 1, den: 10 },
            duplicate: Ratio { num: 1, den: 10 },
            reorder: Ratio { num: 1, den: 10 },
            reorder_delay: us_(300),
            bandwidth: Some(10_000_000),
            ..base()
        };
        assert_eq!(arrivals(&mut link(config.clone()), 500, 40), arrivals(&mut link(config.clone()), 500, 40));
        assert_eq!(link(config).constant_delay(), None);
    }

    #[test]
    fn loss_and_duplication_come_at_their_rates() {
        let mut link =
            link(LinkConfig { loss: Ratio { num: 1, den: 4 }, duplicate: Ratio { num: 1, den: 3 }, ..base() });
        let all = arrivals(&mut link, 12_000, 10);
        let stats = link.stats(Forward);
        assert!((2_800..3_200).contains(&stats.lost), "{stats:?}");
        assert!((2_800..3_200).contains(&stats.duplicated), "{stats:?}");
        let lost = all.iter().filter(|d| **d == Delivery::Dropped(LinkDrop::Loss)).count();
        assert_eq!(lost as u64, stats.lost);
        assert!(all.iter().any(|d| matches!(d, Delivery::Twice(a, b) if a == b)));
    }

    #[test]
    fn certain_loss_and_no_loss_are_certain() {
        let mut all = link(LinkConfig { loss: Ratio::ONE, ..base() });
        assert!(arrivals(&mut all, 100, 1).iter().all(|d| *d == Delivery::Dropped(LinkDrop::Loss)));
        assert_eq!(LinkDrop::QueueFull.reason(), DropReason::Loss);
    }

    #[test]
    fn bandwidth_serialises_each_direction_alone() {
        // 1500 bytes at 12 Mbit/s take 1 ms.
        let mut link = link(LinkConfig { bandwidth: Some(12_000_000), ..base() });
        let mut rng = rng();
        let mut send = |direction, now| link.transmit(direction, at(now), 1500, &mut rng);
        assert_eq!(send(Forward, 0), Delivery::Once(at(1_100)));
        assert_eq!(send(Forward, 0), Delivery::Once(at(2_100)));
        assert_eq!(send(Backward, 0), Delivery::Once(at(1_100)));
        assert_eq!(send(Forward, 5_000), Delivery::Once(at(6_100)), "idle again");
    }

    #[test]
    fn a_full_queue_drops_the_tail() {
        let mut link =
            link(LinkConfig { bandwidth: Some(12_000_000), queue_limit: Some(3_000), ..LinkConfig::default() });
        let mut rng = rng();
        let mut send = |now| link.transmit(Forward, at(now), 1500, &mut rng);
        assert_eq!(send(0), Delivery::Once(at(1_000)));
        assert_eq!(send(0), Delivery::Once(at(2_000)));
        assert_eq!(send(0), Delivery::Dropped(LinkDrop::QueueFull));
        assert_eq!(send(999), Delivery::Dropped(LinkDrop::QueueFull));
        assert_eq!(send(1_000), Delivery::Once(at(3_000)), "1500 bytes wait, 1500 more fit");
        assert_eq!(link.stats(Forward).queue_drops, 2);
    }

    #[test]
    fn a_packet_larger_than_the_queue_still_leaves_an_idle_link() {
        let mut link = link(LinkConfig { bandwidth: Some(8_000_000), queue_limit: Some(100), ..LinkConfig::default() });
        assert_eq!(link.transmit(Forward, at(0), 1_000, &mut rng()), Delivery::Once(at(1_000)));
    }

    #[test]
    fn uniform_jitter_stays_in_its_range_and_may_reorder() {
        let mut link = link(LinkConfig { jitter: Jitter::Uniform(us_(50)), ..base() });
        let times: Vec<_> = arrivals(&mut link, 2_000, 1)
            .iter()
            .map(|d| match d {
                Delivery::Once(t) => *t,
                Delivery::Twice(..) | Delivery::Dropped(_) => panic!("{d:?}"),
            })
            .collect();
        for (i, t) in times.iter().enumerate() {
            let late = t.since(at(i as u64));
            assert!((us_(50)..=us_(150)).contains(&late), "{late}");
        }
        assert!(times.windows(2).any(|w| w[1] < w[0]));
    }

    #[test]
    fn in_order_keeps_jittered_packets_in_line() {
        let mut link = link(LinkConfig { jitter: Jitter::Uniform(us_(50)), in_order: true, ..base() });
        let all = arrivals(&mut link, 2_000, 1);
        let times: Vec<_> = all
            .iter()
            .filter_map(|d| match d {
                Delivery::Once(t) => Some(*t),
                Delivery::Twice(..) | Delivery::Dropped(_) => None,
            })
            .collect();
        assert!(times.len() == 2_000 && times.is_sorted());
    }

    #[test]
    fn reordered_packets_are_held_back() {
        let mut link = link(LinkConfig { reorder: Ratio { num: 1, den: 2 }, reorder_delay: us_(70), ..base() });
        for (i, delivery) in arrivals(&mut link, 200, 10).into_iter().enumerate() {
            let sent = at(i as u64 * 10);
            assert!(
                delivery == Delivery::Once(sent + us_(100)) || delivery == Delivery::Once(sent + us_(170)),
                "{delivery:?}"
            );
        }
        assert!((70..130).contains(&link.stats(Forward).reordered));
    }

    #[test]
    fn added_jitter_only_adds() {
        let mut rng = rng();
        let added = Jitter::Added(us_(50));
        let delays: Vec<_> = (0..1_000).map(|_| added.apply(us_(100), &mut rng)).collect();
        assert!(delays.iter().all(|d| (us_(100)..=us_(150)).contains(d)));
        assert!(delays.iter().any(|d| *d > us_(145)) && delays.iter().any(|d| *d < us_(105)));
    }

    #[test]
    fn normal_jitter_has_its_mean_and_deviation_and_never_goes_below_zero() {
        let jitter = Jitter::normal(us_(100));
        let mut rng = rng();
        let mut sum = 0;
        let mut squares = 0_u128;
        for _ in 0..10_000 {
            let ns = jitter.apply(us_(1_000), &mut rng).nanos();
            sum += ns;
            squares += u128::from(ns.abs_diff(1_000_000)).pow(2);
        }
        assert!((995_000..1_005_000).contains(&(sum / 10_000)), "{}", sum / 10_000);
        let deviation = (squares / 10_000).isqrt();
        assert!((95_000..105_000).contains(&deviation), "{deviation}");
        assert!((0..1_000).all(|_| jitter.apply(us_(10), &mut rng) < us_(300)));
    }

    #[test]
    fn impossible_links_are_refused() {
        let refused = |config| Link::new(config).unwrap_err();
        assert!(matches!(
            refused(LinkConfig { loss: Ratio { num: 3, den: 2 }, ..base() }),
            LinkError::Probability { what: "loss", .. }
        ));
        assert!(matches!(
            refused(LinkConfig { reorder: Ratio { num: 0, den: 0 }, ..base() }),
            LinkError::Probability { what: "reorder", .. }
        ));
        assert_eq!(refused(LinkConfig { bandwidth: Some(0), ..base() }), LinkError::NoBandwidth);
        assert_eq!(refused(LinkConfig { mtu: 67, ..base() }), LinkError::Mtu(67));
        let empty = Jitter::Table { scale: us_(1), table: Arc::from([]) };
        assert_eq!(refused(LinkConfig { jitter: empty, ..base() }), LinkError::EmptyTable);
        let mut link = link(base());
        assert!(link.reconfigure(LinkConfig { mtu: 1, ..base() }).is_err());
        assert_eq!(link.config().mtu, 1500);
    }
}
