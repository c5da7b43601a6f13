//! A set of ports as a bitmap of 65,536 bits (8 KiB), as the kernel keeps
//! `ip_local_reserved_ports`.

use core::fmt;

use super::config::PortRange;
use crate::units::Port;

const WORDS: usize = 65_536 / 64;

/// A set of ports 0–65535.
#[derive(Clone, PartialEq, Eq)]
pub struct PortSet {
    words: Box<[u64]>,
    len: u32,
}

impl Default for PortSet {
    fn default() -> Self {
        Self::new()
    }
}

impl PortSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self { words: vec![0; WORDS].into_boxed_slice(), len: 0 }
    }

    /// Number of ports in the set.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True without a port.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        self.words[port.index() / 64] >> (port.index() % 64) & 1 != 0
    }

    /// Adds a port; false if it was there.
    pub fn insert(&mut self, port: Port) -> bool {
        let word = &mut self.words[port.index() / 64];
        let bit = 1 << (port.index() % 64);
        let new = *word & bit == 0;
        *word |= bit;
        self.len += u32::from(new);
        new
    }

    /// Takes a port out; false if it was not there.
    pub fn remove(&mut self, port: Port) -> bool {
        let word = &mut self.words[port.index() / 64];
        let bit = 1 << (port.index() % 64);
        let there = *word & bit != 0;
        *word &= !bit;
        self.len -= u32::from(there);
        there
    }

    /// Adds `low..=high`.
    pub fn insert_range(&mut self, range: PortRange) {
        for port in range.low.0..=range.high.0 {
            self.insert(Port(port));
        }
    }

    /// The bitmap, port `64·i + b` being bit `b` of word `i`: for counting
    /// candidates of a range without walking them.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many ports of `low..=high` are in the set.
    #[must_use]
    pub fn count_in(&self, range: PortRange) -> u32 {
        if range.low > range.high {
            return 0;
        }
        let (first, last) = (range.low.index() / 64, range.high.index() / 64);
        let head = !0_u64 << (range.low.index() % 64);
        let tail = !0_u64 >> (63 - range.high.index() % 64);
        (first..=last)
            .map(|i| {
                let mut word = self.words[i];
                if i == first {
                    word &= head;
                }
                if i == last {
                    word &= tail;
                }
                word.count_ones()
            })
            .sum()
    }

    /// The ports, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Port> + '_ {
        (0..=u16::MAX).map(Port).filter(|&port| self.contains(port))
    }

    /// Maximal runs of consecutive ports, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = PortRange> + '_ {
        let mut next = Some(0_u16);
        core::iter::from_fn(move || {
            let low = (next?..=u16::MAX).find(|&p| self.contains(Port(p)))?;
            let high = (low..u16::MAX).find(|&p| !self.contains(Port(p + 1))).unwrap_or(u16::MAX);
            next = high.checked_add(1);
            Some(PortRange { low: Port(low), high: Port(high) })
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(low: u16, high: u16) -> PortRange {
        PortRange { low: Port(low), high: Port(high) }
    }

    #[test]
    fn inserts_removes_and_counts() {
        let mut set = PortSet::new();
        assert!(set.insert(Port(0)) && set.insert(Port(65_535)) && !set.insert(Port(0)));
        set.insert_range(range(9_000, 9_100));
        assert_eq!(set.len(), 103);
        assert!(set.contains(Port(9_050)) && !set.contains(Port(8_999)));
        assert!(set.remove(Port(9_050)) && !set.remove(Port(9_050)));
        assert_eq!(set.len(), 102);
        assert_eq!(set.iter().count(), 102);
    }

    #[test]
    fn counts_agree_with_a_walk_at_every_edge() {
        let mut set = PortSet::new();
        for port in (0..=u16::MAX).step_by(3) {
            set.insert(Port(port));
        }
        for (low, high) in [(0, 0), (0, 63), (63, 64), (64, 127), (1, 65_535), (0, 65_535), (65_535, 65_535), (9, 8)] {
            let walked = (low..=high).filter(|&p| set.contains(Port(p))).count();
            assert_eq!(set.count_in(range(low, high)) as usize, walked, "{low}-{high}");
        }
    }

    #[test]
    fn prints_as_the_kernel_does() {
        let mut set = PortSet::new();
        assert_eq!(set.to_string(), "");
        set.insert_range(range(9_000, 9_100));
        set.insert(Port(8_080));
        set.insert(Port(0));
        set.insert_range(range(65_534, 65_535));
        assert_eq!(set.to_string(), "0,8080,9000-9100,65534-65535");
    }
}
