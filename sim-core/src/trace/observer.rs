//! Who may watch a run. Watching never changes it.

use super::{CallSeen, Record};
use crate::time::Instant;
use crate::units::HostId;
use crate::wire::Packet;

/// Where a packet was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// By its sender's host, as it left.
    Sent,
    /// By its receiver's host, as it arrived.
    Received,
}

/// Receives every record of a run, in order.
pub trait Observer {
    /// Called once for each record, after its effect.
    fn record(&mut self, record: &Record);
    /// False if nothing is wanted, so that nothing need be handed over.
    fn wants_records(&self) -> bool {
        true
    }
    /// True if [`Observer::packet`] is to be called.
    fn wants_packets(&self) -> bool {
        false
    }
    /// Called for each packet at its sender, after the records of what sent it,
    /// and again at its receiver, before the records of what it does there.
    fn packet(&mut self, _at: Instant, _host: HostId, _sight: Sight, _packet: &Packet) {}
    /// True if system-call records are wanted (they are the bulk of all records).
    fn wants_syscalls(&self) -> bool {
        false
    }
    /// True if [`Observer::call`] is to be called.
    fn wants_calls(&self) -> bool {
        false
    }
    /// Called for each completed system call, where its record is made, with its arguments.
    fn call(&mut self, _call: &CallSeen) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn record(&mut self, _record: &Record) {}
    fn wants_records(&self) -> bool {
        false
    }
}

/// Keeps the first `limit` records and counts the rest.
#[derive(Clone, Debug)]
pub struct Recorder {
    records: Vec<Record>,
    limit: usize,
    dropped: u64,
    syscalls: bool,
}

impl Recorder {
    /// A recorder of at most `limit` records; `syscalls` to keep system calls too.
    #[must_use]
    pub const fn new(limit: usize, syscalls: bool) -> Self {
        Self { records: Vec::new(), limit, dropped: 0, syscalls }
    }
    /// What was kept.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }
    /// How many did not fit.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Observer for Recorder {
    fn record(&mut self, record: &Record) {
        if self.records.len() < self.limit {
            self.records.push(*record);
        } else {
            self.dropped += 1;
        }
    }
    fn wants_syscalls(&self) -> bool {
        self.syscalls
    }
}
