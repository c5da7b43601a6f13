//! Segments that arrive outside SYN-SENT (RFC 9293 §3.10.7).

use core::hint::cold_path;

use super::ack::AckVerdict;
use super::output::send_reset;
use super::{Run, close, done};
use crate::errno::Errno;
use crate::tcp::actions::{Fate, SocketEvents};
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, Linger2, Tcb};
use crate::tcp::timers::TIMEWAIT_LEN;
use crate::trace::Mib;
use crate::wire::{Flags, Segment};

/// CLOSED (§3.10.7.1): everything but a reset is answered with one.
pub(super) fn closed(seg: &Segment, run: &mut Run<'_, '_>) {
    send_reset(seg, run);
}

/// LISTEN (§3.10.7.2). A SYN becomes a request socket, which the kernel makes;
/// a SYN with FIN is dropped (KERNEL-NOTES 9).
pub(super) fn listen(seg: &Segment, run: &mut Run<'_, '_>) {
    if !seg.flags.rst() && seg.flags.ack() {
        send_reset(seg, run);
    }
}

/// `tcp_sequence` (§3.10.7.4 first check): the right edge is inclusive
/// (KERNEL-NOTES 1); since 6.17 a segment may overhang it only while nothing
/// waits to be read, and a FIN always may.
fn in_sequence(tcb: &Tcb, seg: &Segment) -> bool {
    let right = tcb.rcv_nxt.add(tcb.rcv_wnd());
    if seg.end_seq().before(tcb.rcv_wup) || seg.seq.after(right) {
        return false;
    }
    let data_end = seg.seq.add(seg.payload.len());
    !data_end.after(right) || tcb.unread() == 0
}

/// `tcp_reset_check`: peers whose FIN has been counted reset one below (KERNEL-NOTES 2).
fn below_fin(tcb: &Tcb, seg: &Segment) -> bool {
    seg.seq == tcb.rcv_nxt.sub(1) && matches!(tcb.state(), TcpState::CloseWait | TcpState::LastAck | TcpState::Closing)
}

/// `tcp_disordered_ack`: a duplicate of a pure ACK that was overtaken is harmless,
/// up to what the peer's clock may count in one RTO (`tcp_tsval_replay`).
#[cold]
#[inline(never)]
fn disordered_ack(tcb: &Tcb, seg: &Segment, tsval: u32, run: &Run<'_, '_>) -> bool {
    let ticks = tcb.rto_now(run).as_millis() * u64::from(run.cx.config.peer_tsval_hz) / 1_000;
    let replay = i32::try_from(ticks).unwrap_or(i32::MAX);
    seg.flags.ack()
        && seg.seq_len() == 0
        && seg.seq == tcb.rcv_nxt
        && seg.ack == tcb.snd_una
        && !tcb.may_update_window(seg.ack, seg.seq, tcb.scaled_window(seg))
        && tcb.ts_recent.wrapping_sub(tsval).cast_signed() <= replay
}

/// `tcp_validate_incoming`: PAWS (RFC 7323 §5), sequence number, RST, SYN
/// (RFC 5961 §3–4). True if the segment goes on to the ACK check.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn validate(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) -> bool {
    let flags = seg.flags;
    let stamp = seg.options.timestamp.filter(|_| tcb.is(Bits::TS_OK));
    if let Some((tsval, _)) = stamp
        && !tcb.paws_ok(tsval, 1, run)
        && !disordered_ack(tcb, seg, tsval, run)
        && !flags.rst()
    {
        cold_path();
        let old_ack = flags.ack() && seg.seq_len() == 0 && seg.seq.before(tcb.rcv_nxt);
        if flags.syn() {
            cold_path();
            syn_challenge(tcb, run);
        } else if old_ack && run.cx.config.paws_drops_old_ack {
            run.count(Mib::PAWSOldAck);
        } else {
            run.count(Mib::PAWSEstab);
            tcb.answer_unacceptable(seg, Mib::TCPACKSkippedPAWS, run);
        }
        return false;
    }
    if !in_sequence(tcb, seg) {
        cold_path();
        if flags.rst() {
            cold_path();
            if below_fin(tcb, seg) {
                reset(tcb, run);
            }
        } else if flags.syn() {
            syn_challenge(tcb, run);
        } else {
            tcb.answer_unacceptable(seg, Mib::TCPACKSkippedSeq, run);
        }
        return false;
    }
    if flags.rst() {
        let sacked_to = tcb.cold.as_ref().and_then(|cold| cold.ofo.last().map(super::super::tcb::OfoSegment::end));
        let exact = seg.seq == tcb.rcv_nxt || (tcb.is(Bits::SACK_OK) && sacked_to == Some(seg.seq));
        if exact || below_fin(tcb, seg) {
            reset(tcb, run);
        } else {
            tcb.challenge_ack(run);
        }
        return false;
    }
    if flags.syn() {
        // The SYN-ACK of a simultaneous open or self-connect.
        let crossed = tcb.state() == TcpState::SynReceived
            && !tcb.is(Bits::PASSIVE)
            && flags.ack()
            && seg.seq.add(1) == seg.end_seq()
            && seg.seq.add(1) == tcb.rcv_nxt
            && seg.ack == tcb.snd_nxt;
        if !crossed {
            syn_challenge(tcb, run);
        }
        return crossed;
    }
    true
}

#[cold]
#[inline(never)]
fn syn_challenge(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    if tcb.state() == TcpState::Established {
        // `syn_inerr`: tcp_rcv_established counts an error, tcp_rcv_state_process does not.
        run.count(Mib::InErrs);
    }
    run.count(Mib::TCPSYNChallenge);
    tcb.challenge_ack(run);
}

/// `tcp_reset`: an acceptable RST (§3.10.7.4 second check). What was received
/// before stays readable.
#[cold]
#[inline(never)]
pub(super) fn reset(tcb: &mut Tcb, run: &mut Run<'_, '_>) {
    fail_reset(tcb, Cause::RstArrived, run);
}

#[cold]
#[inline(never)]
fn fail_reset(tcb: &mut Tcb, cause: Cause, run: &mut Run<'_, '_>) {
    let error = match tcb.state() {
        TcpState::SynSent => Errno::ConnRefused,
        TcpState::CloseWait => Errno::Pipe,
        TcpState::SynReceived
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::Closed
        | TcpState::Listen
        | TcpState::TimeWait => Errno::ConnReset,
    };
    done(tcb, cause, Some(error), run);
}

/// A segment with none of ACK, RST and SYN is dropped.
const fn carries_a_flag(seg: &Segment) -> bool {
    seg.flags.0 & (Flags::ACK.0 | Flags::RST.0 | Flags::SYN.0) != 0
}

/// The synchronized states, and SYN-RECEIVED (`tcp_rcv_state_process`; `tcp_rcv_established`
/// takes the same steps).
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn synchronized(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) {
    if !carries_a_flag(seg) || !validate(tcb, seg, run) {
        return;
    }
    match tcb.ack(seg, run) {
        AckVerdict::Fine => {}
        AckVerdict::Old | AckVerdict::Bad if tcb.state() == TcpState::SynReceived => {
            cold_path();
            // §3.10.7.4 fifth check, SYN-RECEIVED: an unacceptable ACK draws a reset.
            send_reset(seg, run);
            return;
        }
        // An old ACK is no reason to drop what comes with it.
        AckVerdict::Old => {}
        AckVerdict::Bad => {
            cold_path();
            tcb.challenge_ack(run);
            return;
        }
    }
    if !ack_moves_state(tcb, seg, run) {
        return;
    }
    // §3.10.7.4 seventh check.
    let takes_data = match tcb.state() {
        // Nothing can follow the peer's FIN.
        TcpState::CloseWait | TcpState::Closing | TcpState::LastAck if !seg.seq.before(tcb.rcv_nxt) => false,
        TcpState::CloseWait | TcpState::Closing | TcpState::LastAck | TcpState::FinWait1 | TcpState::FinWait2 => {
            // RFC 1122 §4.2.2.13: data for a closed receiver draws a reset.
            if tcb.is(Bits::RCV_SHUTDOWN) && new_data(tcb, seg) {
                cold_path();
                run.count(Mib::TCPAbortOnData);
                fail_reset(tcb, Cause::Abort, run);
                send_reset(seg, run);
                return;
            }
            true
        }
        TcpState::Established => true,
        TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived | TcpState::TimeWait => false,
    };
    if takes_data {
        tcb.data_queue(seg, run);
    }
    tcb.answer(run);
}

/// True if the segment brings bytes beyond RCV.NXT (a FIN is not a byte).
fn new_data(tcb: &Tcb, seg: &Segment) -> bool {
    seg.seq_len() > 0 && seg.end_seq().sub(u32::from(seg.flags.fin())).after(tcb.rcv_nxt)
}

/// What an acceptable ACK does to the state (§3.10.7.4 fifth check). False if
/// the connection is gone.
fn ack_moves_state(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) -> bool {
    match tcb.state() {
        TcpState::SynReceived => {
            opened(tcb, seg, run);
            true
        }
        TcpState::FinWait1 if tcb.our_fin_acked() => fin_acked(tcb, seg, run),
        TcpState::Closing if tcb.our_fin_acked() => {
            close::time_wait(tcb, TcpState::TimeWait, crate::time::Duration::ZERO, Cause::AckOfFin, run);
            false
        }
        TcpState::LastAck if tcb.our_fin_acked() => {
            done(tcb, Cause::AckOfFin, None, run);
            false
        }
        TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => true,
        TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::TimeWait => false,
    }
}

/// SYN-RECEIVED to ESTABLISHED (`tcp_rcv_state_process`, `tcp_init_transfer`).
fn opened(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) {
    if tcb.is(Bits::PASSIVE) {
        run.count(Mib::PassiveOpens);
    }
    if tcb.is(Bits::PASSIVE) && !tcb.is(Bits::CTL_RETRANS) && tcb.srtt == 0 {
        // tcp_synack_rtt_meas
        tcb.rtt_sample(run.us().wrapping_sub(tcb.ctl_sent), run);
    }
    tcb.init_metrics();
    tcb.clear(Bits::CTL_RETRANS);
    tcb.enter(TcpState::Established, Cause::AckOfSyn, run.out);
    tcb.snd_una = seg.ack;
    tcb.snd_wnd = tcb.scaled_window(seg);
    tcb.max_window = tcb.max_window.max(tcb.snd_wnd);
    tcb.snd_wl1 = seg.seq;
    if tcb.is(Bits::PASSIVE) {
        // tcp_create_openreq_child; the end of a simultaneous open has received nothing yet.
        tcb.lrcvtime = run.ms();
    }
    tcb.init_buffer_space();
    if tcb.is(Bits::TS_OK) {
        tcb.advmss = tcb.advmss.saturating_sub(12);
    }
    tcb.initialize_rcv_mss();
    tcb.start_keepalive(run);
    run.notify(SocketEvents::CONNECTED.with(SocketEvents::WRITABLE));
    if tcb.is(Bits::SEND_SHUTDOWN) {
        // shutdown() came before the handshake was over (Linux 6.9).
        tcb.enter(TcpState::FinWait1, Cause::Shutdown, run.out);
        tcb.send_fin(run);
    }
}

/// FIN-WAIT-1 to FIN-WAIT-2; an orphan's wait for the peer's FIN is limited
/// (`tcp_rcv_state_process`). False if the connection is gone.
fn fin_acked(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) -> bool {
    tcb.enter(TcpState::FinWait2, Cause::AckOfFin, run.out);
    if !tcb.is_orphan() {
        run.notify(SocketEvents::WRITABLE);
        return true;
    }
    if tcb.cold.as_ref().is_some_and(|cold| cold.linger2 == Linger2::Reset) || new_data(tcb, seg) {
        cold_path();
        run.count(Mib::TCPAbortOnData);
        done(tcb, Cause::Abort, None, run);
        send_reset(seg, run);
        return false;
    }
    let wait = close::fin_time(tcb, run);
    if wait > TIMEWAIT_LEN {
        cold_path();
        tcb.arm_keepalive(wait - TIMEWAIT_LEN, run);
        true
    } else if seg.flags.fin() {
        tcb.arm_keepalive(wait, run);
        true
    } else {
        close::time_wait(tcb, TcpState::FinWait2, wait, Cause::AckOfFin, run);
        debug_assert!(matches!(run.out.fate, Fate::TimeWait(..)));
        false
    }
}
