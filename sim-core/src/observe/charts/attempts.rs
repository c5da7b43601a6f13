//! What each search for a source port inspected, in bounded memory.

use std::collections::BTreeMap;

use crate::trace::{Observer, Record, RecordKind};
use crate::units::{Endpoint, HostId, Port};

/// Most buckets of one kind.
const MAX_BUCKETS: usize = 480;
/// Most destinations followed.
const MAX_DESTINATIONS: usize = 64;

/// Consecutive attempts taken together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// Number of its first attempt, from 1.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Candidates they inspected.
    pub sum: u64,
    /// Most by one of them.
    pub max: u64,
}

/// A row of buckets that grow as more comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Buckets {
    width: u64,
    buckets: Vec<Bucket>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { width: 1, buckets: Vec::new() }
    }
}

impl Buckets {
    /// In order.
    #[must_use]
    pub fn all(&self) -> &[Bucket] {
        &self.buckets
    }

    /// All together.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    fn push(&mut self, number: u64, value: u64) {
        if let Some(last) = self.buckets.last_mut()
            && last.count < self.width
        {
            last.count += 1;
            last.sum += value;
            last.max = last.max.max(value);
            return;
        }
        if self.buckets.len() == MAX_BUCKETS {
            self.width *= 2;
            let pairs = self.buckets.chunks(2).map(|pair| Bucket {
                first: pair[0].first,
                count: pair.iter().map(|one| one.count).sum(),
                sum: pair.iter().map(|one| one.sum).sum(),
                max: pair.iter().map(|one| one.max).max().unwrap_or(0),
            });
            self.buckets = pairs.collect();
        }
        self.buckets.push(Bucket { first: number, count: 1, sum: value, max: value });
    }
}

/// The searches of one host towards one destination.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Searched {
    /// Up to and including the first that found nothing.
    pub before: Buckets,
    /// After it.
    pub after: Buckets,
    /// Number of the first that found nothing.
    pub first_vain: Option<u64>,
    /// How many found nothing.
    pub vain: u64,
    /// How many there were.
    pub total: u64,
}

/// Every search of a run.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Attempts {
    towards: BTreeMap<(HostId, Endpoint), Searched>,
}

impl Attempts {
    /// The searches of a host towards a destination.
    #[must_use]
    pub fn towards(&self, host: HostId, destination: Endpoint) -> Option<&Searched> {
        self.towards.get(&(host, destination))
    }
}

impl Observer for Attempts {
    fn record(&mut self, record: &Record) {
        let RecordKind::PortPick { tuple, inspected } = record.kind else { return };
        let key = (record.host, tuple.remote);
        if self.towards.len() >= MAX_DESTINATIONS && !self.towards.contains_key(&key) {
            return;
        }
        let searched = self.towards.entry(key).or_default();
        searched.total += 1;
        let buckets = if searched.first_vain.is_some() { &mut searched.after } else { &mut searched.before };
        buckets.push(searched.total, inspected.into());
        if tuple.local.port() == Port::NONE {
            searched.vain += 1;
            searched.first_vain.get_or_insert(searched.total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_and_lose_nothing() {
        for n in [1, 479, 480, 481, 100_000_u64] {
            let mut buckets = Buckets::default();
            (1..=n).for_each(|number| buckets.push(number, number % 7));
            assert!(buckets.all().len() <= MAX_BUCKETS && buckets.all().len() as u64 >= n.min(240));
            assert_eq!(buckets.count(), n);
            assert_eq!(buckets.all().iter().map(|b| b.sum).sum::<u64>(), (1..=n).map(|number| number % 7).sum::<u64>());
            let mut next = 1;
            for bucket in buckets.all() {
                assert_eq!(bucket.first, next);
                next += bucket.count;
            }
        }
    }
}
