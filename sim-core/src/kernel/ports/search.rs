//! One search as arithmetic: passes, wrap, first free candidate, what was passed.

use super::set::{PortSet, Slot, word_mask};
use crate::kernel::config::PortRange;
use crate::units::Port;

/// Candidates a search looked at, by what it found there. A port is one kind only:
/// the first of the list that applies, as the kernel's loop asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inspected {
    /// All candidates, the one taken included.
    pub total: u32,
    /// Reserved by sysctl: no lock is taken.
    pub reserved: u32,
    /// Owned by a bound socket: bind-table bucket locked and left.
    pub bound: u32,
    /// The four-tuple is a socket's: the established table was walked.
    pub in_use: u32,
    /// The four-tuple is a minisock's that may not be reused: walked likewise.
    pub timewait: u32,
    /// 1 if the port taken had no bucket: a new one, no walk.
    pub no_bucket: u32,
    /// 1 if the port taken shares a connect-only bucket: walked, found unique (or
    /// a reusable minisock).
    pub unique: u32,
}

/// Why ports are not free.
#[derive(Clone, Copy)]
pub(super) struct Blockers<'a> {
    pub(super) used: &'a PortSet,
    /// Those of `used` whose holder is a minisock.
    pub(super) timewait: &'a PortSet,
    pub(super) bound: &'a PortSet,
    pub(super) reserved: &'a PortSet,
}

/// Neighbouring slots: candidates of one parity.
#[derive(Clone, Copy)]
struct Run {
    first: Slot,
    last: Slot,
}

/// `count` candidates from `first`, `step` apart, none beyond 65 535.
#[derive(Clone, Copy)]
struct Stretch {
    first: u32,
    count: u32,
    step: u32,
}

impl Stretch {
    /// The candidates below `end`.
    const fn below(self, end: u32) -> Self {
        let count = if end <= self.first { 0 } else { (end - self.first).div_ceil(self.step) };
        Self { count: if count < self.count { count } else { self.count }, ..self }
    }

    /// The same candidates, split by parity.
    fn runs(self) -> impl Iterator<Item = Run> {
        let parities = if self.step == 1 { 2 } else { 1 };
        (0..parities).filter_map(move |skip| {
            let last = self.first.checked_add(self.count * self.step)?.checked_sub(self.step)?;
            let first = self.first + skip;
            if self.count == 0 || first > last {
                return None;
            }
            let last = if (last - first).is_multiple_of(2) { last } else { last - 1 };
            Some(Run { first: slot(first), last: slot(last) })
        })
    }

    fn count_in(self, set: &PortSet) -> u32 {
        if set.is_empty() {
            return 0;
        }
        self.runs().map(|run| set.count(run.first, run.last)).sum()
    }

    /// Members of `set` that are in none of `others`.
    fn count_only_in(self, set: &PortSet, others: [&PortSet; 2]) -> u32 {
        if set.is_empty() {
            return 0;
        }
        if others.iter().all(|o| o.is_empty()) {
            return self.count_in(set);
        }
        let in_word = |w, run: Run| {
            let bits = set.word(w) & word_mask(w, run.first, run.last);
            if bits == 0 { 0 } else { (bits & !others[0].word(w) & !others[1].word(w)).count_ones() }
        };
        self.runs().flat_map(|run| (run.first.word()..=run.last.word()).map(move |w| in_word(w, run))).sum()
    }
}

fn slot(port: u32) -> Slot {
    Slot::of(Port(u16::try_from(port).expect("candidates lie in the range")))
}

impl Blockers<'_> {
    fn first_free_in(&self, run: Run) -> Option<Port> {
        let end = run.last.word() + 1;
        let mut word = self.used.next_open_word(run.first.word(), end);
        while word < end {
            let taken = self.used.word(word) | self.bound.word(word) | self.reserved.word(word);
            let free = !taken & word_mask(word, run.first, run.last);
            if free != 0 {
                let slot = word * 64 + free.trailing_zeros() as usize;
                return Some(Slot(u16::try_from(slot).expect("below 65 536")).port());
            }
            word = self.used.next_open_word(word + 1, end);
        }
        None
    }

    fn first_free(&self, stretch: Stretch) -> Option<Port> {
        stretch.runs().filter_map(|run| self.first_free_in(run)).min()
    }

    fn charge(&self, stretch: Stretch, inspected: &mut Inspected) {
        if stretch.count == 0 {
            return;
        }
        let none = PortSet::new();
        let reserved = stretch.count_in(self.reserved);
        let bound = stretch.count_only_in(self.bound, [self.reserved, &none]);
        let timewait = stretch.count_only_in(self.timewait, [self.reserved, self.bound]);
        inspected.total += stretch.count;
        inspected.reserved += reserved;
        inspected.bound += bound;
        inspected.timewait += timewait;
        inspected.in_use += stretch.count - reserved - bound - timewait;
    }
}

/// Where a search ended.
pub(super) struct Outcome {
    pub(super) port: Option<Port>,
    /// Ports skipped in the pass that found it: `i` of the kernel's loop.
    pub(super) skipped: u32,
    /// Kinds of candidates passed; the port found is in `total` only.
    pub(super) inspected: Inspected,
}

/// Candidates of one search that lie even steps apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProbedRun {
    /// The first.
    pub first: Port,
    /// How many.
    pub count: u32,
    /// From one to the next.
    pub step: u32,
}

impl ProbedRun {
    /// The last candidate.
    #[must_use]
    pub fn last(&self) -> Port {
        let last = u32::from(self.first.0) + (self.count.max(1) - 1) * self.step;
        Port(u16::try_from(last).expect("candidates lie in the range"))
    }
}

/// The first `total` candidates of the search that [`search`] makes.
pub(super) fn probed(range: PortRange, step: u32, start: u32, total: u32) -> Vec<ProbedRun> {
    let mut runs = Vec::new();
    let mut left = total;
    for stretch in passes(range, step, start).flatten() {
        let count = stretch.count.min(left);
        left -= count;
        if count > 0 {
            runs.push(ProbedRun { first: slot(stretch.first).port(), count, step });
        }
    }
    runs
}

/// Number of offsets a search can start from: `remaining` of the kernel's code.
pub(super) const fn remaining(range: PortRange, step: u32) -> u32 {
    let size = range.high.0 as u32 + 1 - range.low.0 as u32;
    if step == 2 && size > 1 { size & !1 } else { size }
}

/// `__inet_hash_connect` from a start value: passes over `low + start`, `+ step`, …
/// with a wrap by `remaining`, then (in steps of two) over the other parity.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn search(range: PortRange, step: u32, start: u32, blockers: &Blockers<'_>) -> Outcome {
    let mut inspected = Inspected::default();
    for stretches in passes(range, step, start) {
        let mut passed = 0;
        for stretch in stretches {
            if stretch.count == 0 {
                continue;
            }
            if let Some(port) = blockers.first_free(stretch) {
                let gone_by = stretch.below(u32::from(port.0));
                blockers.charge(gone_by, &mut inspected);
                inspected.total += 1;
                let skipped = (passed + gone_by.count) * step;
                return Outcome { port: Some(port), skipped, inspected };
            }
            blockers.charge(stretch, &mut inspected);
            passed += stretch.count;
        }
    }
    Outcome { port: None, skipped: 0, inspected }
}

/// The candidates of each pass in order: up to the range's end, and from its
/// beginning.
fn passes(range: PortRange, step: u32, start: u32) -> impl Iterator<Item = [Stretch; 2]> {
    let remaining = remaining(range, step);
    let low = u32::from(range.low.0);
    let high = u32::from(range.high.0);
    let start = start % remaining;
    let start = if step == 2 { start & !1 } else { start };
    let passes = if step == 2 && remaining > 1 { 2 } else { 1 };
    (0..passes).map(move |parity| {
        let first = low + start + parity;
        let candidates = remaining.div_ceil(step);
        let before_wrap = ((high - first) / step + 1).min(candidates);
        let after_wrap = candidates - before_wrap;
        let wrapped = first + before_wrap * step;
        [
            Stretch { first, count: before_wrap, step },
            Stretch { first: wrapped.saturating_sub(remaining), count: after_wrap, step },
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_one_run_of_each_parity() {
        let runs = |first, count, step| {
            let runs = Stretch { first, count, step }.runs();
            runs.map(|run| (run.first.port().0, run.last.port().0)).collect::<Vec<_>>()
        };
        assert_eq!(runs(10, 4, 1), [(10, 12), (11, 13)]);
        assert_eq!(runs(10, 3, 1), [(10, 12), (11, 11)]);
        assert_eq!(runs(10, 1, 1), [(10, 10)]);
        assert_eq!(runs(11, 4, 2), [(11, 17)]);
        assert_eq!(runs(10, 0, 2), []);
    }

    /// The search's own order, one candidate at a time: both passes, each wrapping within the range.
    #[test]
    fn what_was_probed_is_the_search_in_its_order() {
        let range = PortRange { low: Port(100), high: Port(109) };
        let ports = |step, start, total| {
            let runs = probed(range, step, start, total);
            let of =
                |run: &ProbedRun| (0..run.count).map(|n| run.first.0 + u16::try_from(n * run.step).unwrap()).collect();
            let listed: Vec<Vec<u16>> = runs.iter().map(of).collect();
            let lasts: Vec<u16> = listed.iter().map(|run| *run.last().unwrap()).collect();
            assert_eq!(runs.iter().map(|run| run.last().0).collect::<Vec<_>>(), lasts);
            listed.concat()
        };
        assert_eq!(ports(2, 6, 10), [106, 108, 100, 102, 104, 107, 109, 101, 103, 105]);
        assert_eq!(ports(2, 6, 7), [106, 108, 100, 102, 104, 107, 109]);
        assert_eq!(ports(2, 6, 2), [106, 108]);
        assert_eq!(ports(1, 8, 4), [108, 109, 100, 101]);
        assert_eq!(ports(1, 8, 0), [0; 0]);
    }
}
