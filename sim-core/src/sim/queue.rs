//! The one queue: ordered by `(Instant, EventSeq)` and by nothing else.
//!
//! Most delays of a run are a few constants, so events with delays of the same
//! magnitude (the same power of two) usually come due in the order in which
//! they were pushed: each magnitude has two FIFO lanes. An event earlier than
//! the tails of both goes to a binary heap instead. A run uses a handful of
//! lanes, which are kept in the order of their heads.
//!
//! What is due before everything else (a thread that goes on, a wake-up a few
//! microseconds ahead) is pushed and popped at once, so one place stands in
//! front of the lanes for it.

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

/// Places an event can wait in: two lanes for each magnitude of delay, and the heap last.
const PLACES: usize = 64;
/// The longest magnitude: a quarter of an hour and more.
const LONGEST: usize = 31;
/// Delays of up to half a microsecond, but for none at all, are of one magnitude:
/// so many powers of two hardly ever wait.
const SHORT: usize = 9;
/// The second lane of a magnitude: two hosts tick apart, so their timers of the
/// same length come due in two orders.
const SECOND: usize = 32;
/// In the place of one magnitude's second lane.
const HEAP: usize = PLACES - 1;
const NEVER: Key = (Instant::MAX, EventSeq::MAX);

/// A priority queue of events.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    /// Earlier than everything in lanes and heap.
    front: Option<Entry<E>>,
    /// When the next event of all is due.
    next_at: Instant,
    lanes: [VecDeque<Entry<E>>; PLACES],
    heap: BinaryHeap<Reverse<HeapEntry<E>>>,
    /// Keys of the first events of each place, where `filled` has its bit.
    heads: [Key; PLACES],
    /// The places that are filled, by their heads: the last holds the next event.
    order: [usize; PLACES],
    places: usize,
    /// Keys of the last events of the lanes, where `filled` has its bit.
    tails: [Key; PLACES],
    filled: u64,
    next_seq: EventSeq,
    len: usize,
}

impl<E: Copy> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            front: None,
            next_at: Instant::MAX,
            lanes: core::array::from_fn(|_| VecDeque::new()),
            heap: BinaryHeap::new(),
            heads: [NEVER; PLACES],
            order: [0; PLACES],
            places: 0,
            tails: [NEVER; PLACES],
            filled: 0,
            next_seq: 0,
            len: 0,
        }
    }

    /// Schedules `event`. `now` only chooses the lane.
    #[inline(always)]
    pub(crate) fn push(&mut self, now: Instant, at: Instant, event: impl Into<E>) {
        self.insert(now, at, event.into());
    }

    #[inline(never)]
    fn insert(&mut self, now: Instant, at: Instant, event: E) {
        let mut entry = Entry { at, seq: self.next_seq, event };
        self.next_seq += 1;
        self.len += 1;
        if at < self.next_at {
            self.next_at = at;
            let Some(overtaken) = self.front.replace(entry) else { return };
            entry = overtaken;
        }
        self.line_up(now, entry.at, entry.seq, entry.event);
    }

    /// Takes the parts of an entry: they stay in registers until it has its place.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn line_up(&mut self, now: Instant, at: Instant, seq: EventSeq, event: E) {
        let delay = at.since(now).nanos();
        let lane = ((u64::BITS - delay.leading_zeros()) as usize).saturating_sub(SHORT);
        let mut lane = if delay == 0 { 0 } else { lane.clamp(1, LONGEST) };
        if self.is_late(lane, (at, seq)) {
            lane |= SECOND;
            if lane == HEAP || self.is_late(lane, (at, seq)) {
                self.push_heap(Entry { at, seq, event });
                return;
            }
        }
        let bit = 1 << lane;
        if self.filled & bit == 0 {
            self.filled |= bit;
            self.set_head(lane, (at, seq));
        }
        self.tails[lane] = (at, seq);
        self.lanes[lane].push_back(Entry { at, seq, event });
    }

    /// True if the last event of a lane is later.
    #[inline]
    fn is_late(&self, lane: usize, key: Key) -> bool {
        self.filled & 1 << lane != 0 && self.tails[lane] > key
    }

    #[cold]
    fn push_heap(&mut self, entry: Entry<E>) {
        let key = (entry.at, entry.seq);
        self.heap.push(Reverse(HeapEntry(entry)));
        if self.filled & 1 << HEAP == 0 {
            self.filled |= 1 << HEAP;
        } else if self.heads[HEAP] < key {
            return;
        } else {
            let at = self.order[..self.places].iter().position(|&place| place == HEAP);
            let at = at.expect("a filled place is in the order");
            self.order.copy_within(at + 1..self.places, at);
            self.places -= 1;
        }
        self.set_head(HEAP, key);
    }

    /// Gives a place that is not in the order its head. Whatever is due soon
    /// finds its position at once, from the end.
    #[inline]
    fn set_head(&mut self, place: usize, key: Key) {
        let mut at = self.places;
        while at > 0 {
            let other = self.order[(at - 1) % PLACES];
            let head = self.heads[other % PLACES];
            if head.0 > key.0 || (head.0 == key.0 && head.1 > key.1) {
                break;
            }
            self.order[at % PLACES] = other;
            at -= 1;
        }
        self.order[at % PLACES] = place;
        self.heads[place] = key;
        self.places += 1;
        if self.front.is_none() {
            self.next_at = self.first_at();
        }
    }

    /// When the next event of lanes and heap is due.
    #[inline]
    const fn first_at(&self) -> Instant {
        if self.places == 0 {
            return Instant::MAX;
        }
        self.heads[self.order[(self.places - 1) % PLACES] % PLACES].0
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
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        if let Some(entry) = self.front.take() {
            self.len -= 1;
            self.next_at = self.first_at();
            return Some((entry.at, entry.event));
        }
        let last = self.places.checked_sub(1)?;
        self.places = last;
        let place = self.order[last % PLACES] % PLACES;
        let (entry, next) = if place == HEAP {
            self.pop_heap()?
        } else {
            let lane = &mut self.lanes[place];
            (lane.pop_front()?, lane.front().map(|next| (next.at, next.seq)))
        };
        self.len -= 1;
        match next {
            Some(key) => self.set_head(place, key),
            None => {
                self.filled &= !(1 << place);
                self.next_at = self.first_at();
            }
        }
        Some((entry.at, entry.event))
    }

    #[inline(never)]
    fn pop_heap(&mut self) -> Option<(Entry<E>, Option<Key>)> {
        let entry = self.heap.pop()?.0.0;
        Some((entry, self.heap.peek().map(|Reverse(next)| next.key())))
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

    /// An event pushed ahead of all others may itself be overtaken, and may meet
    /// an event of the same instant that was pushed before or after it.
    #[test]
    fn what_stands_in_front_keeps_its_place_in_the_order() {
        let at = Instant::from_nanos;
        let mut queue = Queue::new();
        queue.push(at(0), at(500), 'd');
        queue.push(at(0), at(400), 'b');
        queue.push(at(0), at(400), 'c');
        queue.push(at(0), at(300), 'a');
        queue.push(at(399), at(400), 'C');
        assert_eq!((queue.next_at(), queue.len()), (at(300), 5));
        let order: Vec<char> = core::iter::from_fn(|| queue.pop().map(|(_, e)| e)).collect();
        assert_eq!(order, ['a', 'b', 'c', 'C', 'd']);
        assert_eq!((queue.next_at(), queue.len()), (Instant::MAX, 0));
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
