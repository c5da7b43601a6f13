//! The receive queue: nothing, one run of bytes, or several.

use std::collections::VecDeque;

use crate::wire::Payload;

/// Bytes received in order and not yet taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum RxQueue {
    /// None.
    #[default]
    Empty,
    /// One run: what nearly every leaked connection has.
    One(Payload),
    /// Several runs.
    #[expect(clippy::box_collection, reason = "a deque in place would make every control block larger")]
    Many(Box<VecDeque<Payload>>),
}

impl RxQueue {
    /// Appends a run; runs without content grow together.
    pub(crate) fn push(&mut self, payload: Payload) {
        if payload.is_empty() {
            return;
        }
        match self {
            Self::Empty => *self = Self::One(payload),
            Self::One(first) => {
                if first.bytes().is_none() && payload.bytes().is_none() {
                    *first = Payload::opaque(first.len().saturating_add(payload.len()));
                } else {
                    let first = core::mem::take(first);
                    *self = Self::Many(Box::new(VecDeque::from([first, payload])));
                }
            }
            Self::Many(runs) => runs.push_back(payload),
        }
    }

    /// The runs, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Payload> {
        let (one, many) = match self {
            Self::Empty => (None, None),
            Self::One(run) => (Some(run), None),
            Self::Many(runs) => (None, Some(runs.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Removes up to `max` bytes from the front. Runs are joined (copied) only
    /// when the read spans several and one has real bytes.
    pub(crate) fn take(&mut self, max: u32) -> Payload {
        match self {
            Self::Empty => Payload::EMPTY,
            Self::One(run) => {
                let front = run.take_front(max);
                if run.is_empty() {
                    *self = Self::Empty;
                }
                front
            }
            Self::Many(runs) => {
                let mut taken = Payload::EMPTY;
                while taken.len() < max
                    && let Some(run) = runs.front_mut()
                {
                    let part = run.take_front(max - taken.len());
                    if run.is_empty() {
                        runs.pop_front();
                    }
                    taken = join(&taken, &part);
                }
                if runs.is_empty() {
                    *self = Self::Empty;
                }
                taken
            }
        }
    }
}

/// The bytes of `a`, then those of `b`.
pub(crate) fn join(a: &Payload, b: &Payload) -> Payload {
    if a.is_empty() {
        return b.clone();
    }
    if b.is_empty() {
        return a.clone();
    }
    if a.bytes().is_none() && b.bytes().is_none() {
        return Payload::opaque(a.len().saturating_add(b.len()));
    }
    let mut bytes = a.to_vec();
    match b.bytes() {
        Some(real) => bytes.extend_from_slice(real),
        None => bytes.resize(bytes.len() + b.len() as usize, 0),
    }
    Payload::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_span_runs_and_leave_the_rest() {
        let mut queue = RxQueue::default();
        queue.push(Payload::from_bytes(b"greeting"));
        queue.push(Payload::from_bytes(b"error"));
        assert_eq!(queue.take(10).to_vec(), b"greetinger");
        assert_eq!(queue.iter().map(Payload::len).sum::<u32>(), 3);
        assert_eq!(queue.take(99).to_vec(), b"ror");
        assert!(matches!(queue, RxQueue::Empty));
    }

    #[test]
    fn runs_without_content_stay_one() {
        let mut queue = RxQueue::default();
        queue.push(Payload::opaque(5));
        queue.push(Payload::opaque(6));
        assert!(matches!(&queue, RxQueue::One(run) if run.len() == 11));
    }

    /// A run with bytes and one without never become one, and what a read spans is zero where nothing is known.
    #[test]
    fn runs_with_and_without_content_stay_apart() {
        for known_first in [true, false] {
            let mut runs = [Payload::from_bytes(b"ab"), Payload::opaque(2)];
            if !known_first {
                runs.reverse();
            }
            let mut queue = RxQueue::default();
            runs.iter().for_each(|run| queue.push(run.clone()));
            assert_eq!(queue.iter().count(), 2);
            assert_eq!(queue.take(4).to_vec(), if known_first { *b"ab\0\0" } else { *b"\0\0ab" });
        }
        let long = join(&Payload::from_bytes(b"abc"), &Payload::opaque(5));
        assert_eq!(long.to_vec(), b"abc\0\0\0\0\0");
    }
}
