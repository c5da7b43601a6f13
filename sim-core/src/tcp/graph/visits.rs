//! How often a run took each edge.

use super::{TRANSITIONS, find};
use crate::tcp::state::{Cause, TcpState};
use crate::trace::{Observer, Record, RecordKind};

/// Counts every transition of a run; hand it to the run as its observer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visits {
    /// By row, then by the row's causes.
    counts: Vec<Vec<u64>>,
    outside: Vec<(TcpState, TcpState, Cause)>,
    now: [u64; 11],
}

impl Default for Visits {
    fn default() -> Self {
        let counts = TRANSITIONS.iter().map(|edge| vec![0; edge.causes.len()]).collect();
        Self { counts, outside: Vec::new(), now: [0; 11] }
    }
}

impl Visits {
    /// Counts one transition.
    pub fn count(&mut self, from: TcpState, to: TcpState, cause: Cause) {
        let row = find(from, to, cause);
        let place = row.and_then(|row| Some((row, TRANSITIONS[row].causes.iter().position(|&of| of == cause)?)));
        match place {
            Some((row, cause)) => self.counts[row][cause] += 1,
            None => self.outside.push((from, to, cause)),
        }
    }

    /// Adds the sockets of a host at the end of the run, by state
    /// ([`TcpState`] as index).
    pub fn add_sockets(&mut self, states: &[u32; 11]) {
        for (total, &count) in self.now.iter_mut().zip(states) {
            *total += u64::from(count);
        }
    }

    /// How often a row of [`TRANSITIONS`] was taken.
    #[must_use]
    pub fn of(&self, row: usize) -> u64 {
        self.counts[row].iter().sum()
    }

    /// How often a transition was taken, whatever the cause.
    #[must_use]
    pub fn between(&self, from: TcpState, to: TcpState) -> u64 {
        let rows = TRANSITIONS.iter().enumerate().filter(|(_, edge)| edge.from == from && edge.to == to);
        rows.map(|(row, _)| self.of(row)).sum()
    }

    /// How often a transition was taken for this reason.
    #[must_use]
    pub fn by(&self, from: TcpState, to: TcpState, cause: Cause) -> u64 {
        let Some(row) = find(from, to, cause) else { return 0 };
        let place = TRANSITIONS[row].causes.iter().position(|&of| of == cause);
        place.map_or(0, |place| self.counts[row][place])
    }

    /// Sockets in a state when the run ended.
    #[must_use]
    pub const fn now(&self, state: TcpState) -> u64 {
        self.now[state as usize]
    }

    /// All transitions taken.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Transitions that are no row: none, unless the model is wrong.
    #[must_use]
    pub fn outside(&self) -> &[(TcpState, TcpState, Cause)] {
        &self.outside
    }

    /// Every row and cause that was never taken.
    pub fn missing(&self) -> impl Iterator<Item = (TcpState, TcpState, Cause)> {
        TRANSITIONS.iter().zip(&self.counts).flat_map(|(edge, counts)| {
            let never = edge.causes.iter().zip(counts).filter(|&(_, &count)| count == 0);
            never.map(|(&cause, _)| (edge.from, edge.to, cause))
        })
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *mine += theirs;
        }
        self.outside.extend(&other.outside);
        for (mine, theirs) in self.now.iter_mut().zip(other.now) {
            *mine += theirs;
        }
    }
}

impl Observer for Visits {
    fn record(&mut self, record: &Record) {
        if let RecordKind::State { from, to, cause, .. } = record.kind {
            self.count(from, to, cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_row_and_cause() {
        let mut visits = Visits::default();
        let all = visits.missing().count();
        visits.count(TcpState::Established, TcpState::FinWait1, Cause::Close);
        visits.count(TcpState::Established, TcpState::FinWait1, Cause::Shutdown);
        visits.count(TcpState::Established, TcpState::Listen, Cause::Close);
        assert_eq!(visits.between(TcpState::Established, TcpState::FinWait1), 2);
        assert_eq!(visits.by(TcpState::Established, TcpState::FinWait1, Cause::Close), 1);
        assert_eq!(visits.outside(), [(TcpState::Established, TcpState::Listen, Cause::Close)]);
        assert_eq!((visits.total(), visits.missing().count()), (2, all - 2));
        let mut twice = visits.clone();
        twice.merge(&visits);
        assert_eq!(twice.total(), 4);
    }

    #[test]
    fn counts_are_told_apart_by_both_ends_and_by_cause() {
        let (open, fin1, closing) = (TcpState::Established, TcpState::FinWait1, TcpState::CloseWait);
        let mut visits = Visits::default();
        visits.count(open, fin1, Cause::Shutdown);
        visits.count(open, closing, Cause::FinArrived);
        assert_eq!(visits.between(open, fin1), 1);
        assert_eq!([Cause::Close, Cause::Shutdown].map(|cause| visits.by(open, fin1, cause)), [0, 1]);
        assert_eq!(visits.by(open, TcpState::Listen, Cause::Close), 0, "it is no edge");
        let mut sum = visits.clone();
        sum.now[open as usize] = 3;
        let mut other = visits.clone();
        other.now[open as usize] = 4;
        sum.merge(&other);
        assert_eq!((sum.now(open), sum.now(fin1)), (7, 0));
    }
}
