//! RFC 9293, pure: no IO, no clock, no randomness. One call in, one list of
//! [`Actions`] out; the kernel applies them.
//!
//! The machine works on one [`Tcb`]. TIME_WAIT (and FIN_WAIT2 of orphans) and
//! half-open requests are smaller types with functions of their own in
//! [`crate::kernel::timewait`] and [`crate::kernel::request_sock`], as in Linux.

mod actions;
pub mod config;
pub mod graph;
pub mod machine;
pub mod state;
pub mod tcb;
pub mod timers;

pub use actions::{Actions, Fate, Reply, SocketEvents, TcpInput, TcpSocketOption, UserCall};
pub use config::{TcpConfig, TcpContext};
pub use state::{Cause, TcpState};
pub use tcb::Tcb;
