//! Links to the page: `#v=1&s=PRESET&seed=7&t=12.4s`, and `x` for a text of one's own.
//!
//! Values are percent-encoded, but for commas; a text longer than 300 bytes is deflated and written in the
//! URL alphabet of base64 behind a `z`, a shorter one stands behind a `p`. The page has the other reader and
//! writer (`sim-web/web/src/doc.ts`): the links of `sim-web/web/tests/links.json` hold both to the same bytes.

use core::fmt::Write as _;

use crate::time::Instant;

/// Version of links.
pub const LINK_VERSION: u32 = 1;
/// Longer texts are deflated; bytes.
const PLAIN_MAX: usize = 300;
/// Level of deflate: the smallest output that still takes no time.
const LEVEL: u8 = 9;

/// A link to a scenario's text, shown at a moment.
#[must_use]
pub fn of_text(text: &str, seed: Option<u64>, at: Option<Instant>) -> String {
    let squeezed = if text.len() <= PLAIN_MAX {
        format!("p{text}")
    } else {
        format!("z{}", base64url(&miniz_oxide::deflate::compress_to_vec(text.as_bytes(), LEVEL)))
    };
    let mut out = of_preset("", seed, at);
    let _ = write!(out, "&x={}", percent(&squeezed));
    out
}

/// A link to a shipped scenario, shown at a moment.
#[must_use]
pub fn of_preset(preset: &str, seed: Option<u64>, at: Option<Instant>) -> String {
    let mut out = format!("#v={LINK_VERSION}&s={}", percent(preset));
    if let Some(seed) = seed {
        let _ = write!(out, "&seed={seed}");
    }
    if let Some(at) = at {
        let seconds = at.since(Instant::ZERO).decimal(1_000_000_000, 9);
        let short = seconds.trim_end_matches('0').trim_end_matches('.');
        let _ = write!(out, "&t={short}s");
    }
    out
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn unbase64url(text: &str) -> Vec<u8> {
        let value = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        let bits: Vec<u8> = text.bytes().flat_map(|c| (0..6).rev().map(move |n| value(c) >> n & 1)).collect();
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
    }

    #[test]
    fn short_texts_stand_as_they_are() {
        let at = Instant::ZERO + Duration::from_millis(12_400);
        assert_eq!(of_preset("tiny", Some(7), Some(at)), "#v=1&s=tiny&seed=7&t=12.4s");
        assert_eq!(of_text("end = \"1s\"", None, None), "#v=1&s=&x=pend+%3D+%221s%22");
    }

    #[test]
    fn long_texts_are_deflated() {
        let text = "a line of a scenario, over and over\n".repeat(40);
        let link = of_text(&text, None, None);
        assert!(link.len() < 200, "{}", link.len());
        let packed = link.split("x=z").nth(1).unwrap();
        let unpacked = miniz_oxide::inflate::decompress_to_vec(&unbase64url(packed)).unwrap();
        assert_eq!(unpacked, text.as_bytes());
        for n in 0..8 {
            let bytes: Vec<u8> = (0..n).map(|n: u8| n.wrapping_mul(37).wrapping_add(200)).collect();
            assert_eq!(unbase64url(&base64url(&bytes)), bytes);
        }
    }
}
