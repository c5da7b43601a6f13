//! TCP sequence numbers: arithmetic modulo 2³² (RFC 9293 §3.4).
//!
//! There is no order on the circle, hence no `Ord`, and no subtraction that
//! could underflow: only [`before`](SeqNum::before), [`after`](SeqNum::after),
//! [`in_window`](SeqNum::in_window) and [`distance`](SeqNum::distance).

use core::fmt;

/// A sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// The number `n` further on.
    #[must_use]
    pub const fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
    /// The number `n` back.
    #[must_use]
    pub const fn sub(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }
    /// How far `self` lies past `earlier`, going forward round the circle.
    #[must_use]
    pub const fn distance(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
    /// `self < other` in the sense of Linux `before()`: less than half the circle back.
    #[must_use]
    pub const fn before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0)).cast_signed() < 0
    }
    /// `self > other` in the sense of Linux `after()`.
    #[must_use]
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }
    /// `start <= self < start + len`.
    #[must_use]
    pub const fn in_window(self, start: Self, len: u32) -> bool {
        self.distance(start) < len
    }
    /// The later of the two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }
}
impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_round_the_circle() {
        let near_end = SeqNum(u32::MAX - 1);
        let past = near_end.add(5);
        assert_eq!(past, SeqNum(3));
        assert!(near_end.before(past) && past.after(near_end));
        assert_eq!(past.distance(near_end), 5);
        assert!(past.in_window(near_end, 6) && !past.in_window(near_end, 5));
        assert_eq!(near_end.max(past), past);
    }
}
