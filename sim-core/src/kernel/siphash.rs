//! SipHash-2-4 over 32-bit words, as the kernel's `siphash_3u32` and
//! `siphash_4u32` (`lib/siphash.c`), and keys derived from a seed.

/// A 128-bit key: the kernel's `net_secret`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SipKey {
    k0: u64,
    k1: u64,
}

impl SipKey {
    /// A key from its two little-endian halves.
    #[must_use]
    pub const fn new(k0: u64, k1: u64) -> Self {
        Self { k0, k1 }
    }

    /// The key a host with this seed draws for `purpose`.
    #[must_use]
    pub const fn from_seed(seed: u64, purpose: u64) -> Self {
        let base = mix64(seed ^ mix64(purpose));
        Self { k0: mix64(base), k1: mix64(base ^ 0x5bd1_e995_9e37_79b9) }
    }
}

/// The finalizer of splitmix64: a bijection that spreads every input bit.
#[must_use]
pub const fn mix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

struct State([u64; 4]);

impl State {
    const fn new(key: SipKey) -> Self {
        Self([
            key.k0 ^ 0x736f_6d65_7073_6575,
            key.k1 ^ 0x646f_7261_6e64_6f6d,
            key.k0 ^ 0x6c79_6765_6e65_7261,
            key.k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.0;
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }

    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(mut self, tail: u64) -> u64 {
        self.absorb(tail);
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.0[0] ^ self.0[1] ^ self.0[2] ^ self.0[3]
    }
}

const fn pair(low: u32, high: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

/// `siphash_3u32`: SipHash-2-4 of the twelve bytes of three words.
#[must_use]
pub fn siphash_3u32(words: [u32; 3], key: SipKey) -> u64 {
    let mut state = State::new(key);
    state.absorb(pair(words[0], words[1]));
    state.finish(12 << 56 | u64::from(words[2]))
}

/// `siphash_4u32`: SipHash-2-4 of the sixteen bytes of four words.
#[must_use]
pub fn siphash_4u32(words: [u32; 4], key: SipKey) -> u64 {
    let mut state = State::new(key);
    state.absorb(pair(words[0], words[1]));
    state.absorb(pair(words[2], words[3]));
    state.finish(16 << 56)
}

/// The last hash of one kind, kept because the next one is often of the same
/// words: a client asks about one server, a server about one client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LastHash(Option<([u32; 4], u64)>);

impl LastHash {
    /// The hash of `words`, computed only if they are not the last ones.
    #[inline]
    pub(crate) fn of(&mut self, words: [u32; 4], hash: impl FnOnce() -> u64) -> u64 {
        match self.0 {
            Some((last, value)) if last == words => value,
            Some(_) | None => {
                let value = hash();
                self.0 = Some((words, value));
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key 00..0f and message 00, 01, 02, …: the vectors of the SipHash paper's
    /// reference implementation, entries 12 and 16.
    #[test]
    fn reference_vectors() {
        let key = SipKey::new(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let words = [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c];
        assert_eq!(siphash_4u32(words, key), 0x3f2a_cc7f_57c2_9bdb);
        assert_eq!(siphash_3u32([words[0], words[1], words[2]], key), 0x751e_8fbc_860e_e5fb);
    }

    #[test]
    fn keys_differ_by_seed_and_by_purpose() {
        assert_ne!(SipKey::from_seed(1, 1), SipKey::from_seed(1, 2));
        assert_ne!(SipKey::from_seed(1, 1), SipKey::from_seed(2, 1));
    }
}
