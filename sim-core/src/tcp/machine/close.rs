//! Ends of connections: `close()`, minisocks, ICMP.

use super::{Run, done};
use crate::errno::Errno;
use crate::tcp::actions::{Fate, SocketEvents};
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, Linger2, RxQueue, Tcb};
use crate::tcp::timers::TIMEWAIT_LEN;
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::wire::SeqNum;

/// `tcp_fin_time`: how long an orphan may stay in FIN_WAIT2.
pub(super) fn fin_time(tcb: &Tcb, run: &Run<'_, '_>) -> Duration {
    let linger2 = tcb.cold.as_ref().map(|cold| cold.linger2);
    let asked = match linger2 {
        Some(Linger2::For(time)) => time,
        Some(Linger2::Default | Linger2::Reset) | None => run.cx.config.tcp_fin_timeout,
    };
    asked.max(three_and_a_half_rto(tcb, run))
}

fn three_and_a_half_rto(tcb: &Tcb, run: &Run<'_, '_>) -> Duration {
    Duration::from_nanos(tcb.rto_now(run).nanos() * 7 / 2)
}

/// `tcp_time_wait`: hands the connection to a minisock of this substate.
pub(super) fn time_wait(tcb: &mut Tcb, substate: TcpState, wait: Duration, cause: Cause, run: &mut Run<'_, '_>) {
    let wait = if substate == TcpState::TimeWait { TIMEWAIT_LEN } else { wait.max(three_and_a_half_rto(tcb, run)) };
    if substate == TcpState::TimeWait {
        tcb.enter(TcpState::TimeWait, cause, run.out);
        run.notify(SocketEvents::READABLE.with(SocketEvents::WRITABLE).with(SocketEvents::HANGUP));
    } else {
        // An orphan's: nobody sees the control block any more.
        tcb.disarm_xmit();
        tcb.delack_at = Instant::MAX;
        if let Some(cold) = &mut tcb.cold {
            cold.keepalive_at = Instant::MAX;
        }
    }
    run.out.fate = Fate::TimeWait(substate, wait);
}

/// `tcp_close` and what `inet_csk_destroy_sock` follows it with (RFC 9293 §3.10.4).
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn close(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    // By what is held: a FIN beyond the peer's FIN moves RCV.NXT and is no data.
    let unread = !matches!(tcb.rx, RxQueue::Empty);
    tcb.set(Bits::SHUTDOWN_MASK);
    match tcb.state() {
        TcpState::Closed | TcpState::TimeWait => run.out.fate = Fate::Closed,
        TcpState::Listen | TcpState::SynSent => tcb.enter(TcpState::Closed, Cause::Close, run.out),
        TcpState::SynReceived
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => close_open(tcb, unread, run),
    }
    tcb.set(Bits::ORPHAN);
    tcb.rx = RxQueue::Empty;
    if tcb.state() == TcpState::FinWait2 {
        orphaned_fin_wait2(tcb, run);
    }
}

#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn close_open(tcb: &mut Tcb, unread: bool, run: &mut Run<'_, '_>) {
    let linger = tcb.cold.as_ref().and_then(|cold| cold.linger);
    if unread {
        // RFC 2525 §2.17: data was lost, the peer must know.
        run.count(Mib::TCPAbortOnClose);
        abort(tcb, Cause::Abort, run);
    } else if linger == Some(Duration::ZERO) {
        disconnect(tcb, Cause::Abort, run);
        run.count(Mib::TCPAbortOnData);
    } else {
        send_fin_by(tcb, Cause::Close, run);
    }
}

/// `tcp_close_state` and `tcp_send_fin`, where the state still has a FIN to send.
pub(super) fn send_fin_by(tcb: &mut Tcb, cause: Cause, run: &mut Run<'_, '_>) {
    match tcb.state() {
        TcpState::SynReceived | TcpState::Established => {
            tcb.enter(TcpState::FinWait1, cause, run.out);
            tcb.send_fin(run);
        }
        TcpState::CloseWait => {
            tcb.enter(TcpState::LastAck, cause, run.out);
            tcb.send_fin(run);
        }
        // Ours is sent already, or there is nobody to send it to.
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::Closed
        | TcpState::Listen
        | TcpState::SynSent
        | TcpState::TimeWait => {}
    }
}

/// Resets whatever the state, and goes to CLOSED.
pub(super) fn abort(tcb: &mut Tcb, cause: Cause, run: &mut Run<'_, '_>) {
    tcb.send_active_reset(run);
    tcb.enter(TcpState::Closed, cause, run.out);
}

/// `tcp_disconnect`: resets where the peer might wait for us (`tcp_need_reset`).
pub(super) fn disconnect(tcb: &mut Tcb, cause: Cause, run: &mut Run<'_, '_>) {
    match tcb.state() {
        TcpState::Established
        | TcpState::CloseWait
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::SynReceived => {
            tcb.error = Some(Errno::ConnReset);
            abort(tcb, cause, run);
        }
        TcpState::Closing | TcpState::LastAck if tcb.has_unsent() => {
            tcb.error = Some(Errno::ConnReset);
            abort(tcb, cause, run);
        }
        TcpState::SynSent => {
            tcb.error = Some(Errno::ConnReset);
            tcb.enter(TcpState::Closed, cause, run.out);
        }
        TcpState::Closing | TcpState::LastAck | TcpState::Listen => tcb.enter(TcpState::Closed, cause, run.out),
        TcpState::Closed | TcpState::TimeWait => {}
    }
}

/// What `tcp_close` does with a socket already in FIN_WAIT2.
#[cfg_attr(target_family = "wasm", inline(never))]
fn orphaned_fin_wait2(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    if tcb.cold.as_ref().is_some_and(|cold| cold.linger2 == Linger2::Reset) {
        run.count(Mib::TCPAbortOnLinger);
        abort(tcb, Cause::Abort, run);
        return;
    }
    let wait = fin_time(tcb, run);
    if wait > TIMEWAIT_LEN {
        tcb.arm_keepalive(wait - TIMEWAIT_LEN, run);
    } else {
        time_wait(tcb, TcpState::FinWait2, wait, Cause::Close, run);
    }
}

/// ICMP error while connecting (`tcp_v4_err`): ends the attempt if the quoted
/// segment is ours (KERNEL-NOTES 11).
pub(super) fn icmp_while_opening(tcb: &mut Tcb, errno: Errno, seq: SeqNum, hard: bool, run: &mut Run<'_, '_>) {
    if seq.before(tcb.snd_una) || seq.after(tcb.snd_nxt) {
        return;
    }
    if hard {
        done(tcb, Cause::IcmpError, Some(errno), run);
    } else {
        tcb.cold().soft_error = Some(errno);
    }
}

/// ICMP error on an open connection: remembered, and given instead of ETIMEDOUT.
pub(super) fn icmp_soft(tcb: &mut Tcb, errno: Errno, seq: SeqNum) {
    if !seq.before(tcb.snd_una) && !seq.after(tcb.snd_nxt) && errno != Errno::MsgSize {
        tcb.cold().soft_error = Some(errno);
    }
}
