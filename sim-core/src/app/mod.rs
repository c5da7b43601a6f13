//! Programs that run on simulated hosts, and the interface they are written to.

pub mod api;

pub use api::{
    App, AppContext, AppStatus, Call, CallName, CallResult, Control, ControlError, Domain, FileKind, Limits, PollEvents,
    PollFd, PollSet, Resume, Ret, ShutdownHow, SockType, SocketOption,
};
