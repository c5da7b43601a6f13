//! The state machine.

use super::{Actions, Tcb, TcpContext, TcpInput};

/// Feeds one input to a connection.
pub fn step(_tcb: &mut Tcb, _input: TcpInput<'_>, _cx: &TcpContext<'_>, _out: &mut Actions) {}
