//! Bob Jenkins' lookup3 for one and three words, as the kernel's `jhash_1word` and
//! `jhash_3words` (`include/linux/jhash.h`).

const JHASH_INITVAL: u32 = 0xdead_beef;

/// `jhash_3words(a, b, c, initval)`.
#[must_use]
pub const fn jhash_3words(a: u32, b: u32, c: u32, initval: u32) -> u32 {
    let init = initval.wrapping_add(JHASH_INITVAL).wrapping_add(3 << 2);
    final_mix(a.wrapping_add(init), b.wrapping_add(init), c.wrapping_add(init))
}

/// `jhash_1word(a, initval)`.
#[must_use]
pub const fn jhash_1word(a: u32, initval: u32) -> u32 {
    let init = initval.wrapping_add(JHASH_INITVAL).wrapping_add(1 << 2);
    final_mix(a.wrapping_add(init), init, init)
}

const fn final_mix(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// lookup3 over bytes, with our `final_mix`, to reach the published vectors.
    fn hashlittle(bytes: &[u8], initval: u32) -> u32 {
        let len = u32::try_from(bytes.len()).unwrap();
        let start = JHASH_INITVAL.wrapping_add(len).wrapping_add(initval);
        let [mut a, mut b, mut c] = [start; 3];
        let mut rest = bytes;
        let word = |s: &[u8], i: usize| {
            (0..4).fold(0, |w, k| w | u32::from(s.get(i * 4 + k).copied().unwrap_or(0)) << (8 * k))
        };
        while rest.len() > 12 {
            a = a.wrapping_add(word(rest, 0));
            b = b.wrapping_add(word(rest, 1));
            c = c.wrapping_add(word(rest, 2));
            a = a.wrapping_sub(c) ^ c.rotate_left(4);
            c = c.wrapping_add(b);
            b = b.wrapping_sub(a) ^ a.rotate_left(6);
            a = a.wrapping_add(c);
            c = c.wrapping_sub(b) ^ b.rotate_left(8);
            b = b.wrapping_add(a);
            a = a.wrapping_sub(c) ^ c.rotate_left(16);
            c = c.wrapping_add(b);
            b = b.wrapping_sub(a) ^ a.rotate_left(19);
            a = a.wrapping_add(c);
            c = c.wrapping_sub(b) ^ b.rotate_left(4);
            b = b.wrapping_add(a);
            rest = &rest[12..];
        }
        if rest.is_empty() {
            return c;
        }
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 1));
        c = c.wrapping_add(word(rest, 2));
        final_mix(a, b, c)
    }

    #[test]
    fn published_lookup3_vectors() {
        let text = b"Four score and seven years ago";
        assert_eq!(hashlittle(text, 0), 0x1777_0551);
        assert_eq!(hashlittle(text, 1), 0xcd62_8161);
    }

    #[test]
    fn words_are_lookup3_of_their_bytes() {
        let bytes: Vec<u8> = [1_u32, 2, 3].iter().flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!(jhash_3words(1, 2, 3, 7), hashlittle(&bytes, 7));
        assert_eq!(jhash_1word(1, 7), hashlittle(&bytes[..4], 7));
    }
}
