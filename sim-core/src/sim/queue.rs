//! The one queue: ordered by `(Instant, EventSeq)` and by nothing else.
//!
//! Most delays of a run are a few constants, so events with delays of the same
//! magnitude (the same power of two) usually come due in the order in which
//! they were pushed: each magnitude has a FIFO lane. An event earlier than its
//! lane's tail goes to a binary heap instead. Popping takes the least head.

use core::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::time::Instant;

/// Position in the order of pushes.
type EventSeq = u64;

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    at: Instant,
    seq: EventSeq,
    event: E,
}

/// Orders heap entries by time and sequence only; the payload has no order.
#[derive(Clone, Debug)]
struct HeapEntry<E>(Entry<E>);

impl<E> HeapEntry<E> {
    const fn key(&self) -> Key {
        key(self.0.at, self.0.seq)
    }
}
impl<E> PartialEq for HeapEntry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<E> Eq for HeapEntry<E> {}
impl<E> PartialOrd for HeapEntry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for HeapEntry<E> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

const LANES: usize = 64;
const HEAP: usize = LANES;
const NEVER: Key = Key::MAX;

/// Time above, position below: one number orders events.
type Key = u128;

const fn key(at: Instant, seq: EventSeq) -> Key {
    (at.nanos() as Key) << 64 | seq as Key
}

/// A priority queue of events.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    lanes: Vec<VecDeque<Entry<E>>>,
    /// Bit n: lane n is not empty.
    occupied: u64,
    /// Key of each lane's head.
    heads: [Key; LANES],
    heap: BinaryHeap<Reverse<HeapEntry<E>>>,
    next_seq: EventSeq,
    len: usize,
    /// The least key and where it is (a lane, or [`HEAP`]).
    least: (Key, usize),
    /// When that is.
    next_at: Instant,
}

impl<E: Copy> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            lanes: (0..LANES).map(|_| VecDeque::new()).collect(),
            occupied: 0,
            heads: [NEVER; LANES],
            heap: BinaryHeap::new(),
            next_seq: 0,
            len: 0,
            least: (NEVER, HEAP),
            next_at: Instant::MAX,
        }
    }

    /// Schedules `event`. `now` only chooses the lane.
    pub(crate) fn push(&mut self, now: Instant, at: Instant, event: E) {
        let key = key(at, self.next_seq);
        let entry = Entry { at, seq: self.next_seq, event };
        self.next_seq += 1;
        self.len += 1;
        let lane = (u64::BITS - at.since(now).nanos().leading_zeros()).min(63) as usize;
        let fifo = &mut self.lanes[lane];
        let place = if fifo.back().is_none_or(|tail| tail.at <= at) {
            if fifo.is_empty() {
                self.heads[lane] = key;
                self.occupied |= 1 << lane;
            }
            fifo.push_back(entry);
            lane
        } else {
            self.heap.push(Reverse(HeapEntry(entry)));
            HEAP
        };
        if key < self.least.0 {
            self.least = (key, place);
            self.next_at = at;
        }
    }

    /// When the next event is due; [`Instant::MAX`] when there is none.
    #[inline]
    pub(crate) const fn next_at(&self) -> Instant {
        self.next_at
    }

    /// The position in the order of pushes that the next push will get.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Takes the next event.
    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        let place = self.least.1;
        let entry = if place == HEAP {
            self.heap.pop().expect("the least key is the heap's head").0.0
        } else {
            let fifo = &mut self.lanes[place];
            let entry = fifo.pop_front().expect("the least key is this lane's head");
            match fifo.front() {
                Some(head) => self.heads[place] = key(head.at, head.seq),
                None => {
                    self.heads[place] = NEVER;
                    self.occupied &= !(1 << place);
                }
            }
            entry
        };
        self.find_least();
        Some((entry.at, entry.event))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the upper half of a key is the time")]
    fn find_least(&mut self) {
        let (mut least, mut place) = self.heap.peek().map_or((NEVER, HEAP), |Reverse(head)| (head.key(), HEAP));
        let mut lanes = self.occupied;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let head = self.heads[lane % LANES];
            place = if head < least { lane } else { place };
            least = least.min(head);
        }
        self.least = (least, place);
        self.next_at = Instant::from_nanos((least >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{SimRng, Stream};

    #[test]
    fn same_instant_is_first_in_first_out() {
        let mut queue = Queue::new();
        // Pushed with very different delays, hence in different lanes.
        queue.push(Instant::from_nanos(0), Instant::from_nanos(1_000_000), 'a');
        queue.push(Instant::from_nanos(999_999), Instant::from_nanos(1_000_000), 'b');
        queue.push(Instant::from_nanos(1_000_000), Instant::from_nanos(1_000_000), 'c');
        let order: Vec<char> = core::iter::from_fn(|| queue.pop().map(|(_, e)| e)).collect();
        assert_eq!(order, ['a', 'b', 'c']);
    }

    #[test]
    fn pops_in_order_of_time_then_push() {
        let mut rng = SimRng::new(3, Stream::Host(0));
        let mut queue = Queue::new();
        let mut expected = Vec::new();
        let mut now = Instant::ZERO;
        let mut popped = Vec::new();
        for n in 0..20_000_u32 {
            let delay = [0, 40_000_000, 200_000, u64::from(rng.below(3_000_000))][rng.below(4) as usize];
            let at = Instant::from_nanos(now.nanos() + delay);
            queue.push(now, at, n);
            expected.push((at, n));
            if rng.below(3) == 0 {
                let (at, n) = queue.pop().expect("just pushed");
                assert!(at >= now);
                now = at;
                popped.push((at, n));
            }
        }
        while let Some(next) = queue.pop() {
            popped.push(next);
        }
        expected.sort_unstable();
        assert_eq!(popped.len(), expected.len());
        assert!(popped.windows(2).all(|w| w[0] < w[1]), "order by time, then by push");
        popped.sort_unstable();
        assert_eq!(popped, expected);
    }
}
