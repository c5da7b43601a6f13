//! What an operator sees: snapshots of a host, and the tools that print them.
//!
//! A [`HostView`] is plain data, taken from a running world by its owner; the
//! functions of [`tools`] turn it into the text the real tool prints, column
//! for column, so that the `grep`, `awk` and `wc -l` lines people type work on
//! it unchanged. [`View`] is the one table of the views there are.

mod calendar;
mod snapshot;

pub mod capture;
#[cfg(feature = "scenario")]
pub mod charts;
#[cfg(feature = "scenario")]
pub mod conversation;
pub mod diagnose;
#[cfg(feature = "scenario")]
pub mod diff;
pub mod facts;
mod finding_id;
pub mod findings;
mod findings_limits;
#[cfg(test)]
mod findings_tests;
#[cfg(feature = "scenario")]
mod gather;
mod messages;
mod prompt;
pub mod rlimits;
pub mod series;
#[cfg(feature = "scenario")]
pub mod shell;
pub mod span;
#[cfg(feature = "scenario")]
mod told;
pub mod tools;
#[cfg(feature = "scenario")]
mod trace_lines;
pub mod view;

pub use calendar::Civil;
pub use capture::{Capture, CaptureConfig};
#[cfg(feature = "scenario")]
pub use conversation::{Conversation, Conversations, Event, Happening, Side};
pub use facts::RunFacts;
pub use finding_id::{FindingId, OfFindings};
pub use findings::{Finding, Said, Severity, findings};
#[cfg(feature = "scenario")]
pub use gather::{roles, time_wait_quantum};
pub use messages::{Advice, CauseText, cause_text};
pub use rlimits::{Resource, Rlimits};
pub use series::Series;
pub use span::{SpanView, Watch};
#[cfg(feature = "scenario")]
pub use told::{Happened, RecordNames, Told};
pub use tools::{View, ViewError, ViewOptions, Watching};
#[cfg(feature = "scenario")]
pub use trace_lines::{
    Ends, HeadKind, SegmentSeen, TRACE_SCHEMA_VERSION, TraceHead, TraceKind, TraceLines, TraceRecord, trace_schema,
};
pub use view::{
    Access, FdTarget, FdView, HostView, NetFamily, ProcessView, SockStat, SocketOwner, SocketTimer, SocketView,
    Transport, UnreadView,
};
