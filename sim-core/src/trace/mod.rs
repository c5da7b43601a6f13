//! Records of what happened, counters, and the digest of a run.

mod call;
mod counters;
mod digest;
mod observer;
mod record;

pub use call::{CallArgs, CallSeen};
pub use counters::{Counters, Mib};
pub use digest::Digest;
pub use observer::{NoObserver, Observer, Recorder, Sight};
pub use record::{DropReason, Record, RecordKind};
