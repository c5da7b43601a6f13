//! "Did you mean …?": the known name nearest to a misspelt one.

/// Longest word that is looked for, in characters.
const LONGEST: usize = 80;

/// Edits between two words, case ignored and `-`, `_` and space alike: insertions,
/// deletions and substitutions count two, swaps of neighbours one (optimal
/// string alignment).
fn distance(a: &str, b: &str) -> usize {
    let fold = |word: &str| -> Vec<char> {
        word.chars().map(|c| if matches!(c, '-' | ' ') { '_' } else { c.to_ascii_lowercase() }).collect()
    };
    let (a, b) = (fold(a), fold(b));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).map(|j| 2 * j).collect();
    for i in 1..=a.len() {
        let mut row = vec![2 * i];
        for j in 1..=b.len() {
            let changed = if a[i - 1] == b[j - 1] { 0 } else { 2 };
            let mut cost = (above[j] + 2).min(row[j - 1] + 2).min(above[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = core::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// The candidate nearest to `word`, if it is near enough to be meant: at most
/// one edit for every three characters. The earlier candidate wins a tie.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_few(word, candidates, 1).into_iter().next()
}

/// Up to `count` candidates near enough to `word` to be meant, nearest first.
#[must_use]
pub fn nearest_few<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let letters = word.chars().count();
    // A longer word is no slip of the pen, and would make the table large.
    if letters > LONGEST {
        return Vec::new();
    }
    let allowed = 2 * (letters / 3).max(1);
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(edits, _)| edits <= allowed)
        .collect();
    found.sort_by_key(|&(edits, _)| edits);
    found.dedup_by_key(|&mut (_, candidate)| candidate);
    found.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("EADDRNOTAVIAL", "EADDRNOTAVAIL"), 1); // two neighbours swapped
        assert_eq!(distance("close-wait", "CLOSE_WAIT"), 0);
        assert_eq!(distance("", "abc"), 6);
        assert_eq!(distance("kitten", "sitting"), 6);
    }

    #[test]
    fn finds_the_nearest_or_none() {
        let names = ["max_connections", "connect_timeout", "back_log"];
        assert_eq!(nearest("max_conections", names), Some("max_connections"));
        assert_eq!(nearest("conect_timeout", names), Some("connect_timeout"));
        assert_eq!(nearest("zzzzzzzz", names), None);
        assert_eq!(nearest("backlog", names), Some("back_log"));
        assert_eq!(nearest("back log", names), Some("back_log"));
        assert_eq!(nearest(&"x".repeat(1000), names), None);
    }
}
