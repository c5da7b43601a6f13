//! The one queue: ordered by `(Instant, EventSeq)` and by nothing else.
//!
//! Most delays of a run are a few constants, so events with delays of the same
//! magnitude (the same power of two) usually come due in the order in which
//! they were pushed: each magnitude has a FIFO lane. An event earlier than its
//! lane's tail goes to a binary heap instead. Popping takes the least head; a
//! run uses a handful of lanes, so the heads are simply compared.

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
        (self.0.at, self.0.seq)
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

/// What orders events.
type Key = (Instant, EventSeq);

/// Places an event can wait in: lanes by magnitude of delay, and the heap last.
const PLACES: usize = 64;
const HEAP: usize = PLACES - 1;
const NEVER: Key = (Instant::MAX, EventSeq::MAX);

/// A priority queue of events.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    lanes: Vec<VecDeque<Entry<E>>>,
    heap: BinaryHeap<Reverse<HeapEntry<E>>>,
    /// Keys of the first events of each place, where `filled` has its bit.
    heads_at: [Instant; PLACES],
    heads_seq: [EventSeq; PLACES],
    filled: u64,
    /// The least of them and its place.
    first: Key,
    place: usize,
    next_seq: EventSeq,
    len: usize,
}

impl<E: Copy> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            lanes: (0..HEAP).map(|_| VecDeque::new()).collect(),
            heap: BinaryHeap::new(),
            heads_at: [Instant::MAX; PLACES],
            heads_seq: [EventSeq::MAX; PLACES],
            filled: 0,
            first: NEVER,
            place: HEAP,
            next_seq: 0,
            len: 0,
        }
    }

    /// Schedules `event`. `now` only chooses the lane.
    #[inline]
    pub(crate) fn push(&mut self, now: Instant, at: Instant, event: E) {
        let key = (at, self.next_seq);
        let entry = Entry { at, seq: self.next_seq, event };
        self.next_seq += 1;
        self.len += 1;
        let lane = ((u64::BITS - at.since(now).nanos().leading_zeros()) as usize).min(HEAP - 1);
        let fifo = &mut self.lanes[lane];
        let Some(tail) = fifo.back() else {
            fifo.push_back(entry);
            self.set_head(lane, key);
            return;
        };
        if tail.at > at {
            self.push_heap(entry);
        } else {
            fifo.push_back(entry);
        }
    }

    fn push_heap(&mut self, entry: Entry<E>) {
        self.heap.push(Reverse(HeapEntry(entry)));
        let head = self.heap.peek().map_or(NEVER, |Reverse(head)| head.key());
        self.set_head(HEAP, head);
    }

    #[inline]
    fn set_head(&mut self, place: usize, key: Key) {
        self.filled |= 1 << place;
        (self.heads_at[place], self.heads_seq[place]) = key;
        if key < self.first {
            (self.first, self.place) = (key, place);
        }
    }

    /// When the next event is due; [`Instant::MAX`] when there is none.
    #[inline]
    pub(crate) const fn next_at(&self) -> Instant {
        self.first.0
    }

    /// Events waiting.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Takes the next event.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        if self.filled == 0 {
            return None;
        }
        self.len -= 1;
        let (entry, next) = if self.place == HEAP {
            let entry = self.heap.pop().expect("the heap has a head").0.0;
            (entry, self.heap.peek().map(|Reverse(head)| head.key()))
        } else {
            let fifo = &mut self.lanes[self.place];
            let entry = fifo.pop_front().expect("the lane has a head");
            (entry, fifo.front().map(|head| (head.at, head.seq)))
        };
        if next.is_none() {
            self.filled &= !(1 << self.place);
        }
        (self.heads_at[self.place], self.heads_seq[self.place]) = next.unwrap_or(NEVER);
        self.find_first();
        Some((entry.at, entry.event))
    }

    #[inline]
    fn find_first(&mut self) {
        let (mut at, mut first) = (Instant::MAX, HEAP);
        let mut left = self.filled;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let head = self.heads_at[place];
            if head < at || (head == at && self.heads_seq[place] < self.heads_seq[first]) {
                (at, first) = (head, place);
            }
        }
        self.place = first;
        self.first = if self.filled == 0 { NEVER } else { (at, self.heads_seq[first]) };
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
