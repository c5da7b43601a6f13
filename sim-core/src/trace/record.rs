//! What is recorded: small, `Copy`, exhaustive.

use super::Digest;
use crate::errno::Errno;
use crate::tcp::{Cause, TcpState};
use crate::time::Instant;
use crate::units::{Fd, FourTuple, HostId, Pid, Port, TaskId};
use crate::wire::{Flags, SeqNum};

/// Why a packet was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "scenario", derive(serde::Serialize, schemars::JsonSchema), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum DropReason {
    /// The link lost it, or its queue was full.
    Loss,
    /// A partition is in force.
    Partition,
    /// A drop rule matched.
    Rule,
    /// A reject rule matched, and an ICMP error or a RST answers.
    Reject,
    /// No host has the destination address.
    NoRoute,
    /// The accept queue was full.
    AcceptQueueFull,
    /// The request queue was full.
    RequestQueueFull,
}

/// Something that happened on a host at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// When.
    pub at: Instant,
    /// Where.
    pub host: HostId,
    /// What.
    pub kind: RecordKind,
}

/// The kinds of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// A connection changed state.
    State {
        /// The connection, local end first.
        tuple: FourTuple,
        /// Left.
        from: TcpState,
        /// Entered.
        to: TcpState,
        /// Why.
        cause: Cause,
    },
    /// `connect()` chose a source port (or failed to).
    PortPick {
        /// Local address and the port taken, [`Port::NONE`] on failure; and the destination.
        tuple: FourTuple,
        /// Candidates inspected.
        inspected: u32,
    },
    /// A TCP segment left this host.
    Transmit {
        /// The connection, sender's end first.
        tuple: FourTuple,
        /// Sequence number.
        seq: SeqNum,
        /// Acknowledgment number.
        ack: SeqNum,
        /// Control bits.
        flags: Flags,
        /// Payload bytes.
        len: u32,
    },
    /// A TCP segment arrived at this host.
    Receive {
        /// The connection, receiver's end first.
        tuple: FourTuple,
        /// Sequence number.
        seq: SeqNum,
        /// Acknowledgment number.
        ack: SeqNum,
        /// Control bits.
        flags: Flags,
        /// Payload bytes.
        len: u32,
    },
    /// A packet was dropped.
    Drop {
        /// Sender's end first.
        tuple: FourTuple,
        /// Why.
        reason: DropReason,
    },
    /// A system call completed.
    Syscall {
        /// Process.
        pid: Pid,
        /// Thread.
        task: TaskId,
        /// Linux system-call name's index in [`crate::app::CallName`].
        name: u8,
        /// First descriptor argument, or the one returned.
        fd: Fd,
        /// When it was entered.
        entered: Instant,
        /// Value or error.
        result: Result<u32, Errno>,
    },
    /// A process ended.
    Exit {
        /// Process.
        pid: Pid,
        /// Exit status; 128 + signal when killed.
        status: u32,
    },
    /// A timeline action took effect: its index in the scenario.
    Action {
        /// Index in the timeline.
        index: u32,
    },
    /// A mark became true: its index among the scenario's marks.
    Mark {
        /// Index among the marks.
        index: u32,
    },
}

impl Record {
    /// Folds the record into a digest, fixed-width fields only: when and what,
    /// then the connection, then the rest.
    #[inline]
    pub fn digest(&self, digest: &mut Digest) {
        self.kind.digest(self.at, self.host, digest);
    }

    /// The local port the record speaks of, where it speaks of a connection.
    #[must_use]
    pub const fn port(&self) -> Option<Port> {
        match self.kind {
            RecordKind::State { tuple, .. }
            | RecordKind::PortPick { tuple, .. }
            | RecordKind::Transmit { tuple, .. }
            | RecordKind::Receive { tuple, .. }
            | RecordKind::Drop { tuple, .. } => Some(tuple.local.port()),
            RecordKind::Syscall { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => None,
        }
    }
}

impl RecordKind {
    /// True for those that statistics of processes are made of.
    #[inline]
    pub(crate) const fn is_counted(&self) -> bool {
        matches!(self, Self::PortPick { .. } | Self::State { to: TcpState::SynSent, .. })
    }

    /// [`Record::digest`] of this kind, there and then. Inlined, because whoever
    /// records knows the kind.
    #[inline(always)]
    pub(crate) fn digest(&self, at: Instant, host: HostId, digest: &mut Digest) {
        let tag = |n: u64, low: u64| n << 56 | u64::from(host.0) << 40 | low & 0xff_ffff_ffff;
        let head = |digest: &mut Digest, n: u64, low: u64| digest.pair(at.nanos(), tag(n, low));
        match *self {
            Self::State { tuple, from, to, cause } => {
                head(digest, 1, (from as u64) << 16 | (to as u64) << 8 | cause as u64);
                tuple_words(digest, tuple);
            }
            Self::PortPick { tuple, inspected } => {
                head(digest, 2, u64::from(inspected));
                tuple_words(digest, tuple);
            }
            Self::Transmit { tuple, seq, ack, flags, len } => {
                head(digest, 3, u64::from(flags.0) << 32 | u64::from(len));
                tuple_words(digest, tuple);
                digest.word(u64::from(seq.0) << 32 | u64::from(ack.0));
            }
            Self::Receive { tuple, seq, ack, flags, len } => {
                head(digest, 4, u64::from(flags.0) << 32 | u64::from(len));
                tuple_words(digest, tuple);
                digest.word(u64::from(seq.0) << 32 | u64::from(ack.0));
            }
            Self::Drop { tuple, reason } => {
                head(digest, 5, reason as u64);
                tuple_words(digest, tuple);
            }
            Self::Syscall { pid, task, name, fd, entered, result } => {
                head(digest, 6, u64::from(name) << 32 | u64::from(fd.0));
                digest.pair(u64::from(pid.0) << 32 | u64::from(task.0), entered.nanos());
                digest.word(match result {
                    Ok(value) => u64::from(value),
                    Err(errno) => 1 << 63 | u64::from(errno.number()),
                });
            }
            Self::Exit { pid, status } => head(digest, 7, u64::from(pid.0) << 8 | u64::from(status & 0xff)),
            Self::Action { index } => head(digest, 8, u64::from(index)),
            Self::Mark { index } => head(digest, 9, u64::from(index)),
        }
    }
}

#[inline(always)]
fn tuple_words(digest: &mut Digest, tuple: FourTuple) {
    digest.pair(tuple.local.bits(), tuple.remote.bits());
}
