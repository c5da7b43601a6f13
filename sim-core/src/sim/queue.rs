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
    heap: BinaryHeap<Reverse<HeapEntry<E>>>,
    /// Keys of the heads of what is not empty, least first, and where they are
    /// (a lane, or [`HEAP`]). A run uses a handful of lanes.
    heads: Vec<(Key, usize)>,
    next_seq: EventSeq,
    len: usize,
    /// When the first head is due.
    next_at: Instant,
}

impl<E: Copy> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            lanes: (0..LANES).map(|_| VecDeque::new()).collect(),
            heap: BinaryHeap::new(),
            heads: Vec::new(),
            next_seq: 0,
            len: 0,
            next_at: Instant::MAX,
        }
    }

    /// Schedules `event`. `now` only chooses the lane.
    pub(crate) fn push(&mut self, now: Instant, at: Instant, event: E) {
        let seq = self.next_seq;
        let entry = Entry { at, seq, event };
        self.next_seq += 1;
        self.len += 1;
        let lane = (u64::BITS - at.since(now).nanos().leading_zeros()).min(63) as usize;
        let fifo = &mut self.lanes[lane];
        match fifo.back() {
            Some(tail) if tail.at > at => self.push_heap(entry),
            Some(_) => fifo.push_back(entry),
            None => {
                fifo.push_back(entry);
                self.add_head(key(at, seq), lane);
            }
        }
    }

    fn push_heap(&mut self, entry: Entry<E>) {
        let key = key(entry.at, entry.seq);
        match self.heap.peek() {
            None => self.add_head(key, HEAP),
            Some(Reverse(head)) if key < head.key() => {
                let at = self.heads.iter().position(|head| head.1 == HEAP).expect("the heap is not empty");
                self.heads.remove(at);
                self.add_head(key, HEAP);
            }
            Some(_) => {}
        }
        self.heap.push(Reverse(HeapEntry(entry)));
    }

    /// The heads stay in order: far ones, of which there are many, do not move.
    fn add_head(&mut self, key: Key, place: usize) {
        let at = self.heads.iter().position(|head| key < head.0).unwrap_or(self.heads.len());
        self.heads.insert(at, (key, place));
        self.note_first();
    }

    fn note_first(&mut self) {
        let first = self.heads.first().map_or(NEVER, |head| head.0);
        self.next_at = Instant::from_nanos((first >> 64) as u64);
    }

    /// When the next event is due; [`Instant::MAX`] when there is none.
    #[inline]
    pub(crate) const fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Events waiting.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Takes the next event.
    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        let place = self.heads.first()?.1;
        self.len -= 1;
        let (entry, next) = if place == HEAP {
            let entry = self.heap.pop().expect("the heap has a head").0.0;
            (entry, self.heap.peek().map(|Reverse(head)| head.key()))
        } else {
            let fifo = &mut self.lanes[place];
            let entry = fifo.pop_front().expect("the lane has a head");
            (entry, fifo.front().map(|head| key(head.at, head.seq)))
        };
        self.replace_first(next, place);
        Some((entry.at, entry.event))
    }

    /// The first head was taken; `next` comes after it in the same place.
    fn replace_first(&mut self, next: Option<Key>, place: usize) {
        let Some(next) = next else {
            self.heads.remove(0);
            self.note_first();
            return;
        };
        let mut at = 0;
        while let Some(&later) = self.heads.get(at + 1)
            && later.0 < next
        {
            self.heads[at] = later;
            at += 1;
        }
        self.heads[at] = (next, place);
        self.note_first();
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
