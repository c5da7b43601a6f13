//! A set of ports split by parity, so that the candidates of one pass of the
//! search are neighbouring bits: sorted while small, a paged bitmap above 64.

use core::fmt;

use crate::kernel::config::PortRange;
use crate::units::Port;

/// Largest size of the sorted form.
const SMALL_MAX: usize = 64;
/// A bitmap this empty becomes a sorted list again.
const SHRINK_AT: u32 = 32;
/// Ports of one parity a page covers.
const PAGE_SLOTS: usize = 4096;
/// 64-bit words in a page.
const PAGE_WORDS: usize = PAGE_SLOTS / 64;
/// Pages for all 65 536 ports.
const PAGES: usize = 65_536 / PAGE_SLOTS;

/// Where a port stands: even ports first, then odd ones. A step of two ports is
/// a step of one slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Slot(pub(super) u16);

impl Slot {
    pub(super) const fn of(port: Port) -> Self {
        Self((port.0 & 1) << 15 | port.0 >> 1)
    }
    pub(super) const fn port(self) -> Port {
        Port((self.0 & 0x7fff) << 1 | self.0 >> 15)
    }
    const fn page(self) -> usize {
        self.0 as usize / PAGE_SLOTS
    }
    const fn word_in_page(self) -> usize {
        self.0 as usize % PAGE_SLOTS / 64
    }
    pub(super) const fn word(self) -> usize {
        self.0 as usize / 64
    }
    const fn bit(self) -> u64 {
        1 << (self.0 % 64)
    }
}

/// A set of ports.
#[derive(Clone, Default)]
pub struct PortSet {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// Slots in order.
    Small(Vec<u16>),
    Paged(Box<Pages>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Small(Vec::new())
    }
}

#[derive(Clone, Debug, Default)]
struct Pages {
    pages: [Option<Box<Page>>; PAGES],
    len: u32,
}

#[derive(Clone, Debug)]
struct Page {
    words: [u64; PAGE_WORDS],
    /// Bit w: `words[w]` has no zero.
    full: u64,
    len: u32,
}

impl Page {
    const EMPTY: Self = Self { words: [0; PAGE_WORDS], full: 0, len: 0 };
}

impl PortSet {
    /// No ports.
    #[must_use]
    pub const fn new() -> Self {
        Self { form: Form::Small(Vec::new()) }
    }

    /// Number of ports in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        match &self.form {
            Form::Small(slots) => u32::try_from(slots.len()).expect("the sorted form holds at most 64 slots"),
            Form::Paged(pages) => pages.len,
        }
    }

    /// True if no port is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Small(slots) => slots.is_empty(),
            Form::Paged(pages) => pages.len == 0,
        }
    }

    /// True if `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        let slot = Slot::of(port);
        match &self.form {
            Form::Small(slots) => slots.binary_search(&slot.0).is_ok(),
            Form::Paged(pages) => pages.word(slot.word()) & slot.bit() != 0,
        }
    }

    /// Adds `port`; false if it was there.
    pub fn insert(&mut self, port: Port) -> bool {
        let slot = Slot::of(port);
        match &mut self.form {
            Form::Paged(pages) => pages.insert(slot),
            Form::Small(slots) => {
                let Err(at) = slots.binary_search(&slot.0) else { return false };
                if slots.len() < SMALL_MAX {
                    slots.insert(at, slot.0);
                    return true;
                }
                let mut pages = Box::<Pages>::default();
                for &s in slots.iter() {
                    pages.insert(Slot(s));
                }
                pages.insert(slot);
                self.form = Form::Paged(pages);
                true
            }
        }
    }

    /// Removes `port`; false if it was not there.
    pub fn remove(&mut self, port: Port) -> bool {
        let slot = Slot::of(port);
        match &mut self.form {
            Form::Small(slots) => {
                let Ok(at) = slots.binary_search(&slot.0) else { return false };
                slots.remove(at);
                true
            }
            Form::Paged(pages) => {
                let removed = pages.remove(slot);
                if removed && pages.len <= SHRINK_AT {
                    self.form = Form::Small(self.iter().map(|p| Slot::of(p).0).collect());
                }
                removed
            }
        }
    }

    /// The ports: even ones in order, then odd ones in order.
    pub fn iter(&self) -> impl Iterator<Item = Port> + '_ {
        (0..PAGES * PAGE_WORDS).flat_map(|w| {
            let mut word = self.word(w);
            core::iter::from_fn(move || {
                let bit = word.checked_ilog2().map(|_| word.trailing_zeros())?;
                word &= word - 1;
                let slot = w * 64 + bit as usize;
                Some(Slot(u16::try_from(slot).expect("1024 words of 64 slots")).port())
            })
        })
    }

    /// Number of even and of odd ports.
    #[must_use]
    pub fn count_by_parity(&self) -> [u32; 2] {
        let even = self.count(Slot::of(Port(0)), Slot::of(Port(u16::MAX - 1)));
        [even, self.len() - even]
    }

    /// Maximal runs of consecutive ports, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = PortRange> + '_ {
        let mut next = Some(0_u16);
        core::iter::from_fn(move || {
            if self.is_empty() {
                return None;
            }
            let low = (next?..=u16::MAX).find(|&p| self.contains(Port(p)))?;
            let high = (low..u16::MAX).find(|&p| !self.contains(Port(p + 1))).unwrap_or(u16::MAX);
            next = high.checked_add(1);
            Some(PortRange { low: Port(low), high: Port(high) })
        })
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Small(slots) => slots.capacity() * size_of::<u16>(),
            Form::Paged(pages) => size_of::<Pages>() + pages.pages.iter().flatten().count() * size_of::<Page>(),
        }
    }

    /// Bits of the 64 slots that start at `64 * word`.
    pub(super) fn word(&self, word: usize) -> u64 {
        match &self.form {
            Form::Paged(pages) => pages.word(word),
            Form::Small(slots) if slots.is_empty() => 0,
            Form::Small(slots) => small_word(slots, word),
        }
    }

    /// The first word from `from` on that may have a zero, or `end`. The sorted
    /// form skips nothing: it is searched only while it is nearly empty.
    pub(super) fn next_open_word(&self, from: usize, end: usize) -> usize {
        match &self.form {
            Form::Small(_) => from,
            Form::Paged(pages) => pages.next_open_word(from, end),
        }
    }

    /// Number of members in `first..=last`.
    pub(super) fn count(&self, first: Slot, last: Slot) -> u32 {
        match &self.form {
            Form::Small(slots) => {
                let below = slots.partition_point(|&s| s < first.0);
                let upto = slots.partition_point(|&s| s <= last.0);
                u32::try_from(upto - below).expect("the sorted form holds at most 64 slots")
            }
            Form::Paged(pages) => pages.count(first, last),
        }
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let mut set = Self::new();
        for range in ranges {
            for port in range.low.0..=range.high.0 {
                set.insert(Port(port));
            }
        }
        set
    }
}
/// By content: the form depends on how the set came to be.
impl PartialEq for PortSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}
impl Eq for PortSet {}

/// As `/proc/sys/net/ipv4/ip_local_reserved_ports` prints it: `8080,9000-9100`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, PortRange { low, high }) in self.ranges().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if low == high {
                write!(f, "{low}")?;
            } else {
                write!(f, "{low}-{high}")?;
            }
        }
        Ok(())
    }
}
impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[inline(never)]
fn small_word(slots: &[u16], word: usize) -> u64 {
    let first = slots.partition_point(|&s| Slot(s).word() < word);
    let here = slots[first..].iter().take_while(|&&s| Slot(s).word() == word);
    here.fold(0, |bits, &s| bits | Slot(s).bit())
}

impl Pages {
    fn word(&self, word: usize) -> u64 {
        match &self.pages[word / PAGE_WORDS] {
            Some(page) => page.words[word % PAGE_WORDS],
            None => 0,
        }
    }

    fn insert(&mut self, slot: Slot) -> bool {
        let page = self.pages[slot.page()].get_or_insert_with(|| Box::new(Page::EMPTY));
        let word = &mut page.words[slot.word_in_page()];
        if *word & slot.bit() != 0 {
            return false;
        }
        *word |= slot.bit();
        if *word == u64::MAX {
            page.full |= 1 << slot.word_in_page();
        }
        page.len += 1;
        self.len += 1;
        true
    }

    fn remove(&mut self, slot: Slot) -> bool {
        let place = &mut self.pages[slot.page()];
        let Some(page) = place else { return false };
        let word = &mut page.words[slot.word_in_page()];
        if *word & slot.bit() == 0 {
            return false;
        }
        *word &= !slot.bit();
        page.full &= !(1 << slot.word_in_page());
        page.len -= 1;
        if page.len == 0 {
            *place = None;
        }
        self.len -= 1;
        true
    }

    fn next_open_word(&self, from: usize, end: usize) -> usize {
        let mut word = from;
        while word < end {
            let Some(page) = &self.pages[word / PAGE_WORDS] else { return word };
            let at = word % PAGE_WORDS;
            let open = !page.full >> at;
            if open != 0 {
                return (word + open.trailing_zeros() as usize).min(end);
            }
            word += PAGE_WORDS - at;
        }
        end
    }

    fn count(&self, first: Slot, last: Slot) -> u32 {
        let mut total = 0;
        let mut word = first.word();
        while word <= last.word() {
            let page = &self.pages[word / PAGE_WORDS];
            let inside = word.is_multiple_of(PAGE_WORDS)
                && usize::from(first.0) <= word * 64
                && word + PAGE_WORDS <= last.word();
            match page {
                Some(page) if inside => total += page.len,
                Some(page) => {
                    let bits = page.words[word % PAGE_WORDS] & word_mask(word, first, last);
                    total += bits.count_ones();
                }
                None => {}
            }
            word += if inside { PAGE_WORDS } else { 1 };
        }
        total
    }
}

/// The bits of word `word` that lie in `first..=last`.
pub(super) const fn word_mask(word: usize, first: Slot, last: Slot) -> u64 {
    let mut mask = u64::MAX;
    if word == first.word() {
        mask &= u64::MAX << (first.0 % 64);
    }
    if word == last.word() {
        mask &= u64::MAX >> (63 - last.0 % 64);
    }
    mask
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_are_a_bijection_that_keeps_parities_together() {
        for n in 0..=u16::MAX {
            assert_eq!(Slot::of(Port(n)).port(), Port(n));
        }
        assert_eq!(Slot::of(Port(32_770)).0, Slot::of(Port(32_768)).0 + 1);
        assert_eq!(Slot::of(Port(32_771)).0, Slot::of(Port(32_769)).0 + 1);
    }

    fn holding(ports: impl IntoIterator<Item = u16>) -> PortSet {
        let mut set = PortSet::new();
        for port in ports {
            assert!(set.insert(Port(port)));
        }
        set
    }

    #[test]
    fn parities_are_counted_apart() {
        assert_eq!(holding([1, 2, 3, 65_534, 65_535, 40_001]).count_by_parity(), [2, 4]);
        assert_eq!(holding([7]).count_by_parity(), [0, 1]);
    }

    #[test]
    fn a_small_set_is_a_list_and_a_large_one_pages() {
        let small = holding(1..=4);
        assert!((8..=64).contains(&small.heap_bytes()), "{}", small.heap_bytes());
        // Even ports from 32,768 lie in one page, odd ones in another.
        let large = holding(32_768..33_000);
        assert_eq!(large.heap_bytes(), size_of::<Pages>() + 2 * size_of::<Page>());
    }

    #[test]
    fn the_default_range_takes_a_few_kibibytes() {
        let mut set = PortSet::new();
        for n in 32_768..=60_999 {
            assert!(set.insert(Port(n)));
        }
        assert_eq!(set.len(), 28_232);
        assert!(set.heap_bytes() < 5_000, "{}", set.heap_bytes());
    }

    #[test]
    fn counts_begin_inside_a_pages_first_word() {
        let mut set = PortSet::new();
        (0..32_768).for_each(|n| assert!(set.insert(Port(n * 2))));
        assert_eq!(set.count(Slot(4097), Slot(12_288)), 8192);
    }

    const fn range(low: u16, high: u16) -> PortRange {
        PortRange { low: Port(low), high: Port(high) }
    }

    #[test]
    fn prints_as_the_kernel_does() {
        assert_eq!(PortSet::new().to_string(), "");
        let set: PortSet =
            [range(9_000, 9_100), range(8_080, 8_080), range(0, 0), range(65_534, 65_535)].into_iter().collect();
        assert_eq!(set.to_string(), "0,8080,9000-9100,65534-65535");
    }

    #[test]
    fn equality_asks_for_content_alone() {
        let mut grown: PortSet = [range(1, 100)].into_iter().collect();
        (41..=100).for_each(|n| assert!(grown.remove(Port(n))));
        let small: PortSet = [range(1, 40)].into_iter().collect();
        assert!(matches!((&grown.form, &small.form), (Form::Paged(_), Form::Small(_))));
        assert_eq!(grown, small);
        assert_ne!(grown, [range(2, 41)].into_iter().collect());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_as_a_set(ops in proptest::collection::vec((any::<bool>(), 0_u16..600), 1..800)) {
            let mut set = PortSet::new();
            let mut model = BTreeSet::new();
            for (add, n) in ops {
                if add {
                    prop_assert_eq!(set.insert(Port(n)), model.insert(n));
                } else {
                    prop_assert_eq!(set.remove(Port(n)), model.remove(&n));
                }
            }
            prop_assert_eq!(set.len() as usize, model.len());
            let ports: BTreeSet<u16> = set.iter().map(|p| p.0).collect();
            prop_assert_eq!(&ports, &model);
            for n in 0..600 {
                prop_assert_eq!(set.contains(Port(n)), model.contains(&n));
            }
        }

        #[test]
        fn counts_and_open_words(
            dense in 0_u16..40_000,
            holes in proptest::collection::vec(0_u16..40_000, 0..20),
            (a, b) in (0_u16..32_768, 0_u16..32_768),
        ) {
            let mut set = PortSet::new();
            (0..dense).for_each(|n| { set.insert(Port(n)); });
            holes.iter().for_each(|&n| { set.remove(Port(n)); });
            let (first, last) = (Slot(a.min(b)), Slot(a.max(b)));
            let slow = set.iter().filter(|&p| (first..=last).contains(&Slot::of(p))).count();
            prop_assert_eq!(set.count(first, last) as usize, slow);
            let open = set.next_open_word(first.word(), last.word() + 1);
            prop_assert!((first.word()..open).all(|w| set.word(w) == u64::MAX));
            prop_assert!(open > last.word() || dense <= 64 || set.word(open) != u64::MAX);
        }
    }

    /// Pages are counted whole only where the stretch covers them whole.
    #[test]
    fn a_part_of_a_page_is_counted_bit_by_bit() {
        let mut set = PortSet::new();
        (0..32_768).for_each(|n| assert!(set.insert(Slot(n).port())));
        for (first, last) in
            [(5, 10), (5, 4_095), (5, 12_000), (63, 9_000), (64, 64), (4_100, 8_200), (0, 10), (0, 32_767)]
        {
            assert_eq!(set.count(Slot(first), Slot(last)), u32::from(last - first) + 1, "{first}..={last}");
        }
    }

    #[test]
    fn a_full_set_has_no_open_word() {
        let set: PortSet = [range(0, u16::MAX)].into_iter().collect();
        assert_eq!(set.next_open_word(0, 1_024), 1_024);
        assert_eq!(set.next_open_word(7, 9), 9);
        assert_eq!(format!("{set:?}"), "{0-65535}");
    }
}
