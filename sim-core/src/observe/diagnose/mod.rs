//! What saved output of real tools says: `halfclose diagnose`.
//!
//! Texts in, a [`Diagnosis`] out: who failed to close, how close each limit is
//! and which binds first, what to look at next and what to type, and what could
//! not be known. The texts may hold the output of several tools in any order,
//! with prompts, commands and prose around it, cut off or foreign.

mod evidence;
mod judge;
mod limits;
mod messages;
mod perf;
mod read;
mod report;
mod rows;

#[cfg(test)]
mod tests;

pub use evidence::{Addr, End, Evidence, Kind, Owner, Session, Socket, Summary, Traced};
pub use messages::Judged;

use super::findings::{Said, Severity};

/// Reads texts and judges them together, as if pasted one after the other.
#[must_use]
pub fn diagnose(texts: &[&str]) -> Diagnosis {
    let mut reader = read::Reader::default();
    for text in texts {
        reader.text(text);
    }
    judge::judge(reader.evidence)
}

/// What the texts showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Who failed to close, if that can be told.
    pub culprit: Option<Culprit>,
    /// What was found, gravest cause first.
    pub points: Vec<Point>,
    /// How close each limit is, the nearest first.
    pub limits: Vec<Limit>,
    /// What was taken for granted.
    pub assumed: Vec<Said>,
    /// What could not be known.
    pub unknown: Vec<Said>,
    /// What to do and to type, in this order.
    pub next: Vec<Step>,
    /// What was read.
    pub evidence: Evidence,
}

impl Diagnosis {
    /// The limit that binds first.
    #[must_use]
    pub fn first_limit(&self) -> Option<&Limit> {
        self.limits.first()
    }

    /// True if a point with this id was found.
    #[must_use]
    pub fn has(&self, id: PointId) -> bool {
        self.points.iter().any(|point| point.id == id)
    }
}

/// Which end of its connections a process is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// It connects.
    Client,
    /// It accepts.
    Server,
}

impl Role {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Who failed to close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Culprit {
    /// Which end it is.
    pub role: Role,
    /// Its name, if a row had it.
    pub process: Option<String>,
    /// Its process id.
    pub pid: Option<u32>,
    /// The service its sockets belong to, or the host they come from.
    pub service: String,
    /// How many.
    pub sockets: u64,
}

macro_rules! point_ids {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What a point is about. Names are stable: JSON readers match on them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum PointId { $($(#[$doc])* $variant,)* }

        impl PointId {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
        }
    };
}

point_ids! {
    /// Sockets whose own application does not close them.
    CloseWait = "close-wait";
    /// Established sockets nobody reads.
    Unread = "unread";
    /// What the unread bytes are.
    RecvQ = "recv-q";
    /// This side closed, the other has not.
    PeerDidNotClose = "peer-did-not-close";
    /// Sessions that never logged in.
    SilentClients = "unauthenticated";
    /// A trace in which more descriptors are opened than closed.
    TraceLeak = "trace-leak";
    /// CPU time that goes into the search for a source port.
    PortSearch = "port-search";
    /// Sockets in use that a summary does not name.
    Pile = "pile";
    /// Who holds the TIME_WAIT.
    TimeWait = "time-wait-side";
    /// A full or overflowing accept queue.
    AcceptQueue = "accept-queue";
    /// Errors in the text.
    Errors = "errors";
    /// Which limit binds first.
    FirstLimit = "first-limit";
    /// None of the above.
    NothingWrong = "nothing-wrong";
    /// No line was understood.
    Foreign = "foreign";
}

/// Something found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// About what.
    pub id: PointId,
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub what: Said,
    /// The numbers it rests on.
    pub evidence: Vec<(&'static str, String)>,
}

/// A kind of limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LimitId {
    /// `EADDRNOTAVAIL`.
    Ports,
    /// `EMFILE`.
    Descriptors,
    /// ERR 1040.
    Slots,
    /// `ListenOverflows`.
    AcceptQueue,
    /// `tcp_max_tw_buckets`.
    TimeWait,
    /// `ENFILE`.
    Files,
}

impl LimitId {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Descriptors => "nofile",
            Self::Slots => "max_connections",
            Self::AcceptQueue => "accept-queue",
            Self::TimeWait => "tcp_max_tw_buckets",
            Self::Files => "file-max",
        }
    }
}

/// How close a limit is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Which kind.
    pub id: LimitId,
    /// Of what.
    pub what: Said,
    /// Taken.
    pub used: u64,
    /// How many there are.
    pub capacity: u64,
    /// The capacity is an assumption.
    pub assumed: bool,
}

impl Limit {
    /// How many are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

/// Something to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// In words.
    pub what: Said,
    /// What to type, if there is such a command.
    pub command: Option<String>,
}
