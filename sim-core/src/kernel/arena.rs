//! Slots by number, in chunks that are copied only when written after a fork.

use core::hint::cold_path;
use std::sync::Arc;

const CHUNK: usize = 256;

/// Values this arena owns, or shares with its forks.
#[derive(Debug)]
struct Chunk<T> {
    /// Empty while `shared` has them.
    own: Vec<Option<T>>,
    shared: Option<Arc<Vec<Option<T>>>>,
}

impl<T: Clone> Chunk<T> {
    #[inline]
    fn get(&self, ix: usize) -> Option<&T> {
        match self.own.get(ix) {
            Some(slot) => slot.as_ref(),
            None => {
                cold_path();
                self.get_shared(ix)
            }
        }
    }
    #[cold]
    #[inline(never)]
    fn get_shared(&self, ix: usize) -> Option<&T> {
        self.shared.as_ref()?.get(ix)?.as_ref()
    }
    /// The slots, to be written to where `ix` is.
    #[inline]
    fn slots(&mut self, ix: usize) -> &mut Vec<Option<T>> {
        if ix >= self.own.len() && self.shared.is_some() {
            cold_path();
            self.own();
        }
        &mut self.own
    }
    /// The first write after a fork.
    #[cold]
    #[inline(never)]
    fn own(&mut self) {
        if let Some(slots) = self.shared.take() {
            self.own = slots.to_vec();
        }
    }
}

/// An arena of `T`. The lowest free slot is not preferred: freed slots are
/// reused last-in first-out, which keeps them in cache.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Chunk<T>>,
    free: Vec<u32>,
    slots: u32,
    len: u32,
}

impl<T: Clone> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), slots: 0, len: 0 }
    }

    /// Number of values.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Stores a value and returns its slot.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            let (chunk, ix) = place(slot);
            self.chunks[chunk].slots(ix)[ix] = Some(value);
            return slot;
        }
        let slot = self.slots;
        self.slots += 1;
        let (chunk, ix) = place(slot);
        if ix == 0 {
            self.grow();
        }
        self.chunks[chunk].slots(ix).push(Some(value));
        slot
    }

    /// The first chunk grows, so that a small host stays small.
    #[cold]
    fn grow(&mut self) {
        let own = Vec::with_capacity(if self.chunks.is_empty() { 4 } else { CHUNK });
        self.chunks.push(Chunk { own, shared: None });
    }

    /// Removes and returns the value in `slot`.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let (chunk, ix) = place(slot);
        let value = self.chunks.get_mut(chunk)?.slots(ix).get_mut(ix)?.take()?;
        self.free.push(slot);
        self.len -= 1;
        Some(value)
    }

    /// Empties `slot`.
    pub(crate) fn free(&mut self, slot: u32) {
        let (chunk, ix) = place(slot);
        let place = self.chunks.get_mut(chunk).and_then(|chunk| chunk.slots(ix).get_mut(ix));
        if let Some(value) = place
            && value.is_some()
        {
            *value = None;
            self.free.push(slot);
            self.len -= 1;
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let (chunk, ix) = place(slot);
        self.chunks.get(chunk)?.get(ix)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let (chunk, ix) = place(slot);
        self.chunks.get_mut(chunk)?.slots(ix).get_mut(ix)?.as_mut()
    }

    /// All values with their slots, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.slots).filter_map(|slot| self.get(slot).map(|value| (slot, value)))
    }

    /// A copy that shares every chunk until one side writes to it.
    pub(crate) fn fork(&mut self) -> Self {
        let chunks = self
            .chunks
            .iter_mut()
            .map(|chunk| {
                let own = core::mem::take(&mut chunk.own);
                let shared = chunk.shared.get_or_insert_with(|| Arc::new(own));
                Chunk { own: Vec::new(), shared: Some(Arc::clone(shared)) }
            })
            .collect();
        Self { chunks, free: self.free.clone(), slots: self.slots, len: self.len }
    }
}

const fn place(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused_and_counted() {
        let mut arena = Arena::new();
        let slots: Vec<u32> = (0..1000).map(|n| arena.insert(n)).collect();
        assert_eq!(arena.remove(slots[300]), Some(300));
        assert_eq!(arena.remove(slots[300]), None);
        assert_eq!(arena.len(), 999);
        assert_eq!(arena.insert(7), slots[300]);
        assert_eq!(arena.get(slots[300]), Some(&7));
        assert_eq!(arena.iter().count(), 1000);
    }

    #[test]
    fn a_fork_does_not_see_later_writes() {
        let mut arena = Arena::new();
        for n in 0..600 {
            arena.insert(n);
        }
        let mut copy = arena.fork();
        *arena.get_mut(5).expect("filled") = 99;
        copy.remove(599);
        assert_eq!((arena.get(5), copy.get(5)), (Some(&99), Some(&5)));
        assert_eq!((arena.get(599), copy.get(599)), (Some(&599), None));
    }
}
