//! The state machine: [`step`] feeds one input to a connection.
//!
//! The order of checks is RFC 9293 §3.10's; where Linux differs, Linux wins and
//! the place says so. Function names in comments are Linux 6.18's unless a
//! version is given.

mod ack;
mod calls;
mod close;
mod data;
mod output;
mod rtt;
mod segment;
mod synsent;
mod timeout;
mod window;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use window::initial_window;

use super::config::TcpContext;
use super::tcb::Tcb;
use super::{Actions, Fate, Reply, SocketEvents, TcpInput, TcpState};
use crate::errno::Errno;
use crate::time::Instant;
use crate::trace::Mib;

/// One step in progress: what it reads, and the list it adds to.
pub(crate) struct Run<'a, 'c> {
    cx: &'a TcpContext<'c>,
    out: &'a mut Actions,
}

impl Run<'_, '_> {
    #[cold]
    #[inline(never)]
    fn count(&mut self, mib: Mib) {
        self.out.counters.push(mib);
    }
    /// A segment is sent again.
    fn count_repeat(&mut self) {
        self.count(Mib::RetransSegs);
        self.out.repeated += 1;
    }
    fn notify(&mut self, events: SocketEvents) {
        self.out.notify(events);
    }
    #[inline(never)]
    fn reply(&mut self, reply: Result<Reply, Errno>) {
        self.out.reply = Some(reply);
    }
    const fn now(&self) -> Instant {
        self.cx.now
    }
    /// Milliseconds modulo 2³²: the clock of timestamps and of `tcp_jiffies32` comparisons.
    fn ms(&self) -> u32 {
        ms32(self.cx.now)
    }
    /// Microseconds modulo 2³²: the clock of RTT samples.
    fn us(&self) -> u32 {
        us32(self.cx.now)
    }
}

/// Milliseconds of `now` modulo 2³².
#[expect(clippy::cast_possible_truncation, reason = "the clock wraps")]
pub(crate) const fn ms32(now: Instant) -> u32 {
    (now.nanos() / 1_000_000) as u32
}
/// Microseconds of `now` modulo 2³².
#[expect(clippy::cast_possible_truncation, reason = "the clock wraps")]
pub(crate) const fn us32(now: Instant) -> u32 {
    (now.nanos() / 1_000) as u32
}

/// Feeds one input to a connection. Adds to `out` without clearing it first.
///
/// Segments in `out` are not counted: `OutSegs` and `InSegs` belong to whoever
/// transmits and receives; `out.repeated` of them are no `OutSegs`. `OutRsts` and
/// `RetransSegs` are counted here.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub fn step(tcb: &mut Tcb, input: TcpInput<'_>, cx: &TcpContext<'_>, out: &mut Actions) {
    use TcpInput::{Call, IcmpError, SegmentArrives, Timeout};
    use TcpState::{
        CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
    };
    let mut run = Run { cx, out };
    match (tcb.state(), input) {
        // RFC 9293 §3.10.1–3.10.6: each call looks at the state itself.
        (
            Closed | Listen | SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck
            | TimeWait,
            Call(call),
        ) => calls::call(tcb, call, &mut run),

        // §3.10.7.1. TIME-WAIT lives in a minisock (`Tcb::enter`): the block is CLOSED then.
        (Closed | TimeWait, SegmentArrives(seg)) => segment::closed(seg, &mut run),
        // §3.10.7.2.
        (Listen, SegmentArrives(seg)) => segment::listen(seg, &mut run),
        // §3.10.7.3, tcp_rcv_synsent_state_process.
        (SynSent, SegmentArrives(seg)) => synsent::arrives(tcb, seg, &mut run),
        // §3.10.7.4, tcp_rcv_established, tcp_rcv_state_process.
        (SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck, SegmentArrives(seg)) => {
            segment::synchronized(tcb, seg, &mut run);
        }

        // §3.10.8.
        (Closed | Listen | TimeWait, Timeout) => {}
        (SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck, Timeout) => {
            timeout::expired(tcb, &mut run)
        }

        // §3.9.2.2, tcp_v4_err.
        (Closed | Listen | TimeWait, IcmpError { .. }) => {}
        (SynSent | SynReceived, IcmpError { errno, seq, hard }) => {
            close::icmp_while_opening(tcb, errno, seq, hard, &mut run);
        }
        (Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck, IcmpError { errno, seq, hard: _ }) => {
            close::icmp_soft(tcb, errno, seq)
        }
    }
    tcb.settle(cx.now, cx.config.tcp_invalid_ratelimit);
}

/// Ends the connection (`tcp_done_with_error`): CLOSED, the error pending, everybody told.
#[cold]
#[inline(never)]
fn done(tcb: &mut Tcb, cause: super::Cause, error: Option<Errno>, run: &mut Run<'_, '_>) {
    if error.is_some() {
        tcb.error = error;
        run.notify(SocketEvents::ERROR);
    }
    tcb.enter(TcpState::Closed, cause, run.out);
    debug_assert_eq!(run.out.fate, Fate::Closed);
    run.notify(SocketEvents::READABLE.with(SocketEvents::WRITABLE).with(SocketEvents::HANGUP));
}
