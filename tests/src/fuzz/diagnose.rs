//! Any bytes are saved output of some tool.

use halfclose::observe::diagnose::diagnose;
use halfclose::text::Lang;

/// Diagnoses the bytes as one text and as two, cut in the middle; the number of
/// lines that said something.
///
/// # Panics
/// When a diagnosis has nothing to say, or a limit is used beyond its size without being told as reached.
#[must_use]
pub fn run(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (first, second) = text.split_at(middle);
    let mut understood = 0;
    for texts in [&[&*text][..], &[first, second]] {
        let diagnosis = diagnose(texts);
        assert!(!diagnosis.points.is_empty(), "there is always an answer");
        for lang in Lang::ALL {
            assert!(diagnosis.text(lang).ends_with('\n'));
        }
        let nearest = diagnosis.limits.windows(2).all(|pair| pair[0].left() <= pair[1].left());
        assert!(nearest, "limits are ranked: {:?}", diagnosis.limits);
        understood = diagnosis.evidence.read.values().sum();
    }
    understood
}
