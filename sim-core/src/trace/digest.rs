//! A fingerprint of everything that happened, the same on every machine.

use core::fmt;

/// Version of the fingerprint's input format: raised whenever a record's
/// encoding changes, so that digests of different formats never look comparable.
pub(super) const FORMAT: u64 = 2;

/// A running 128-bit fingerprint over fixed-width little-endian words.
///
/// Two multiply-rotate lanes; not cryptographic: it detects differences, it
/// does not resist an attacker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    a: u64,
    b: u64,
    pairs: u64,
}

impl Default for Digest {
    fn default() -> Self {
        let mut digest = Self { a: 0x9e37_79b9_7f4a_7c15, b: 0xc2b2_ae3d_27d4_eb4f, pairs: 0 };
        digest.word(FORMAT);
        digest
    }
}

impl Digest {
    /// Folds one word in.
    #[inline]
    pub fn word(&mut self, word: u64) {
        self.pair(word, 0);
    }

    /// Folds two words in, one into each lane; then the lanes meet.
    #[inline]
    pub fn pair(&mut self, first: u64, second: u64) {
        let a = (self.a ^ first).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
        let b = (self.b ^ second).wrapping_mul(0xc4ce_b9fe_1a85_ec53).rotate_left(31);
        self.a = a.wrapping_add(b);
        self.b = b ^ self.a;
        self.pairs += 1;
    }
}

/// `2-` (the format) and 32 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = *self;
        last.word(self.pairs);
        write!(f, "{FORMAT}-{:016x}{:016x}", last.a, last.b)
    }
}
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
