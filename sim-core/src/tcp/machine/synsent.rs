//! Segments that arrive in SYN-SENT (RFC 9293 §3.10.7.3;
//! `tcp_rcv_synsent_state_process`).

use core::hint::cold_path;

use super::ack::AckVerdict;
use super::output::send_reset;
use super::{Run, segment};
use crate::tcp::actions::SocketEvents;
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, Tcb, seconds};
use crate::trace::Mib;
use crate::wire::Segment;

/// One segment in SYN-SENT. Data and FIN on a SYN are not taken (KERNEL-NOTES 8).
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn arrives(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) {
    let flags = seg.flags;
    if flags.ack() {
        if !seg.ack.after(tcb.snd_una) || seg.ack.after(tcb.snd_nxt) {
            cold_path();
            if tcb.retransmits() == 0 {
                // TCP_TIMEOUT_MIN: the SYN goes out again two jiffies later (KERNEL-NOTES 7).
                let soon = run.cx.clock.span(2);
                tcb.arm_rto(soon, run);
            }
            send_reset(seg, run);
            return;
        }
        if !echo_plausible(tcb, seg, run) {
            cold_path();
            run.count(Mib::PAWSActive);
            send_reset(seg, run);
            return;
        }
        if flags.rst() {
            cold_path();
            segment::reset(tcb, run);
        } else if flags.syn() {
            synack(tcb, seg, run);
        }
        // Neither SYN nor RST: dropped (fifth step).
        return;
    }
    if flags.rst() || !flags.syn() {
        return;
    }
    if let Some((tsval, _)) = seg.options.timestamp
        && tcb.ts_recent_stamp != 0
        && !tcb.paws_ok(tsval, 0, run)
    {
        return;
    }
    crossed_syn(tcb, seg, run);
}

/// An echoed timestamp must lie between our first SYN and now (RFC 7323 §5.8).
fn echo_plausible(tcb: &Tcb, seg: &Segment, run: &Run<'_, '_>) -> bool {
    let Some((_, ecr)) = seg.options.timestamp else { return true };
    if ecr == 0 || !run.cx.config.tcp_timestamps {
        return true;
    }
    let now = tcb.tsval(run.now());
    let first = tcb.cold.as_ref().and_then(|cold| cold.retrans_stamp);
    // Without a retransmission the SYN's own time is the first.
    let first = first.unwrap_or_else(|| tcb.ctl_sent_ms(run));
    now.wrapping_sub(ecr) <= run.ms().wrapping_sub(first)
}

/// Takes over what the peer's SYN says about options.
fn options(tcb: &mut Tcb, seg: &Segment, run: &Run<'_, '_>) {
    let (theirs, config) = (&seg.options, run.cx.config);
    tcb.assign(Bits::SACK_OK, theirs.sack_permitted && config.tcp_sack);
    match theirs.wscale {
        Some(shift) if config.tcp_window_scaling => {
            tcb.set(Bits::WSCALE_OK);
            tcb.set_wscales(shift.min(14), tcb.rcv_wscale());
        }
        Some(_) | None => {
            tcb.set_wscales(0, 0);
        }
    }
    // RFC 9293 §3.7.1: no option means 536.
    tcb.mss_clamp = tcb.mss_clamp.min(theirs.mss.unwrap_or(536));
    if let Some((tsval, _)) = theirs.timestamp
        && config.tcp_timestamps
    {
        tcb.set(Bits::TS_OK);
        tcb.ts_recent = tsval;
        tcb.ts_recent_stamp = seconds(run.now());
    }
}

/// SYN and an acceptable ACK: the connection is open.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn synack(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) {
    options(tcb, seg, run);
    tcb.snd_wl1 = seg.seq;
    tcb.rcv_nxt = seg.seq.add(1);
    tcb.rcv_wup = tcb.rcv_nxt;
    tcb.copied_seq = tcb.rcv_nxt;
    let verdict = tcb.ack(seg, run);
    debug_assert_eq!(verdict, AckVerdict::Fine);
    tcb.snd_wnd = u32::from(seg.window);
    if tcb.is(Bits::TS_OK) {
        tcb.advmss = tcb.advmss.saturating_sub(12);
    }
    tcb.initialize_rcv_mss();
    tcb.init_metrics();
    tcb.enter(TcpState::Established, Cause::SynAckArrived, run.out);
    tcb.lrcvtime = run.ms();
    tcb.init_buffer_space();
    tcb.start_keepalive(run);
    run.notify(SocketEvents::CONNECTED.with(SocketEvents::WRITABLE));
    if tcb.is(Bits::PINGPONG) {
        // TCP_QUICKACK 0 was set: data will carry the ACK.
        tcb.delay_first_ack(run);
    } else {
        tcb.send_ack(run);
    }
    tcb.push_pending(false, run);
}

/// SYN without ACK: simultaneous open, perhaps with ourselves (§3.5 figure 7).
#[cfg_attr(target_family = "wasm", inline(never))]
fn crossed_syn(tcb: &mut Tcb, seg: &Segment, run: &mut Run<'_, '_>) {
    tcb.enter(TcpState::SynReceived, Cause::SynArrived, run.out);
    options(tcb, seg, run);
    tcb.rcv_nxt = seg.seq.add(1);
    tcb.rcv_wup = tcb.rcv_nxt;
    tcb.copied_seq = tcb.rcv_nxt;
    tcb.snd_wnd = u32::from(seg.window);
    tcb.max_window = tcb.snd_wnd;
    tcb.snd_wl1 = seg.seq;
    tcb.initialize_rcv_mss();
    // Its SYN was sent before.
    run.out.repeated += 1;
    tcb.send_syn(run);
}
