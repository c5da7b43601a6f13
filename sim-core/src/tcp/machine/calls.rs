//! User calls (RFC 9293 §3.10.1–3.10.6 as Linux system calls).

use super::{Run, close, done, window};
use crate::errno::Errno;
use crate::tcp::actions::{Reply, SocketEvents, TcpSocketOption, UserCall};
use crate::tcp::state::{Cause, TcpState};
use crate::tcp::tcb::{Bits, Linger2, RxQueue, TIMEOUT_INIT_US, Tcb};
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::wire::{Payload, SeqNum};

/// Serves one call and leaves its reply.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) fn call(tcb: &mut Tcb, call: UserCall, run: &mut Run<'_, '_>) {
    match call {
        UserCall::Open { iss, ts_offset, mss } => open(tcb, iss, ts_offset, mss, run),
        UserCall::Send(data) => send(tcb, data, run),
        UserCall::Receive { max, peek } => receive(tcb, max, peek, run),
        UserCall::Shutdown { read, write } => shutdown(tcb, read, write, run),
        UserCall::Close => {
            close::close(tcb, run);
            run.reply(Ok(Reply::Done));
        }
        UserCall::Abort(cause) => {
            kill(tcb, cause, run);
            run.reply(Ok(Reply::Done));
        }
        UserCall::TakeError => {
            let error = tcb.error.take().or_else(|| tcb.cold.as_mut().and_then(|cold| cold.soft_error.take()));
            run.reply(Ok(Reply::Error(error)));
        }
        UserCall::SetOption(option) => set_option(tcb, option, run),
    }
}

/// `tcp_v4_connect`, `tcp_connect_init`, `tcp_connect`.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn open(tcb: &mut Tcb, iss: SeqNum, ts_offset: u32, mss: u16, run: &mut Run<'_, '_>) {
    match tcb.state() {
        TcpState::Closed | TcpState::TimeWait => {}
        TcpState::SynSent | TcpState::SynReceived => return run.reply(Err(Errno::Already)),
        TcpState::Listen
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => return run.reply(Err(Errno::IsConn)),
    }
    let config = run.cx.config;
    let mss = tcb.user_mss().map_or(mss, |user| user.min(mss));
    tcb.clear(Bits::SHUTDOWN_MASK.with(Bits::FIN_RCVD).with(Bits::FIN_QUEUED).with(Bits::FIN_MERGED));
    tcb.clear(Bits::TS_OK.with(Bits::SACK_OK).with(Bits::WSCALE_OK).with(Bits::CTL_RETRANS).with(Bits::CTL_LOST));
    tcb.clear(Bits::BUFFERS_SET);
    (tcb.srtt, tcb.mdev, tcb.rttvar, tcb.mdev_max) = (0, TIMEOUT_INIT_US, TIMEOUT_INIT_US, 0);
    (tcb.backoff, tcb.quick, tcb.ato) = (0, 0, 0);
    if let Some(cold) = &mut tcb.cold {
        (cold.retransmits, cold.total_rto, cold.retrans_stamp) = (0, 0, None);
        (cold.high_seq, cold.tlp_high_seq) = (None, None);
    }
    tcb.rx = RxQueue::Empty;
    tcb.error = None;
    tcb.snd_una = iss;
    tcb.snd_nxt = iss.add(1);
    tcb.write_seq = iss.add(1);
    (tcb.rcv_nxt, tcb.rcv_wup, tcb.copied_seq) = (SeqNum(0), SeqNum(0), SeqNum(0));
    (tcb.snd_wnd, tcb.max_window, tcb.bytes_acked) = (0, 0, 0);
    (tcb.ts_offset, tcb.advmss, tcb.mss_clamp) = (ts_offset, mss, mss);
    // What a segment carries if this tuple was known to use timestamps (tcp_connect_init).
    let carried = if tcb.ts_recent_stamp != 0 && config.tcp_timestamps { mss.saturating_sub(12) } else { mss };
    let (rcv_wnd, shift) = window::initial_window(config, tcb.rcvbuf, carried, config.tcp_window_scaling);
    tcb.rcv_wnd = rcv_wnd;
    tcb.set_wscales(0, shift);
    tcb.rcv_ssthresh = tcb.rcv_wnd;
    tcb.set(Bits::SYN_OUT);
    tcb.enter(TcpState::SynSent, Cause::ActiveOpen, run.out);
    run.count(Mib::ActiveOpens);
    tcb.send_syn(run);
    let rto = tcb.rto_now(run);
    tcb.arm_rto(rto, run);
    run.reply(Ok(Reply::Done));
}

/// `tcp_sendmsg`, without waiting.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn send(tcb: &mut Tcb, data: Payload, run: &mut Run<'_, '_>) {
    match tcb.state() {
        TcpState::Established | TcpState::CloseWait => {}
        // sk_stream_wait_connect
        TcpState::SynSent | TcpState::SynReceived => {
            let reply = tcb.error.take().map_or(Errno::Again, |error| error);
            return run.reply(Err(reply));
        }
        // sk_stream_error: who has sent a FIN has left the two states above.
        TcpState::Closed
        | TcpState::Listen
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::TimeWait => {
            let reply = tcb.error.take().unwrap_or(Errno::Pipe);
            return run.reply(Err(reply));
        }
    }
    let room = tcb.sndbuf.saturating_sub(tcb.send_q());
    if room == 0 && !data.is_empty() {
        return run.reply(Err(Errno::Again));
    }
    let taken = data.slice(0, room);
    let len = taken.len();
    if len > 0 {
        tcb.queue_data(taken);
        tcb.push_pending(false, run);
    }
    run.reply(Ok(Reply::Count(len)));
}

/// `tcp_recvmsg`, without waiting. A read that empties the queue takes a FIN
/// behind it along, as the FIN sits in the last buffer.
fn receive(tcb: &mut Tcb, max: u32, peek: bool, run: &mut Run<'_, '_>) {
    if tcb.state() == TcpState::Listen {
        return run.reply(Err(Errno::NotConn));
    }
    let unread = tcb.unread();
    if unread > 0 && max > 0 {
        let data = if peek { tcb.rx.clone().take(max) } else { tcb.rx.take(max) };
        if !peek {
            let len = data.len();
            tcb.copied_seq = tcb.copied_seq.add(len);
            if len == unread && tcb.is(Bits::FIN_RCVD) {
                tcb.copied_seq = tcb.rcv_nxt;
            }
            tcb.after_read(run);
        }
        return run.reply(Ok(Reply::Data(data)));
    }
    if tcb.is(Bits::FIN_RCVD) || max == 0 {
        if !peek && max > 0 {
            tcb.copied_seq = tcb.rcv_nxt;
        }
        return run.reply(Ok(Reply::Data(Payload::EMPTY)));
    }
    if let Some(error) = tcb.error.take() {
        return run.reply(Err(error));
    }
    if tcb.is(Bits::RCV_SHUTDOWN) {
        return run.reply(Ok(Reply::Data(Payload::EMPTY)));
    }
    if tcb.state() == TcpState::Closed {
        return run.reply(Err(Errno::NotConn));
    }
    run.reply(Err(Errno::Again));
}

impl Tcb {
    fn after_read(&mut self, run: &mut Run<'_, '_>) {
        match self.state() {
            TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck => self.cleanup_rbuf(run),
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived | TcpState::TimeWait => {}
        }
    }
}

/// `inet_shutdown`, `tcp_shutdown`.
fn shutdown(tcb: &mut Tcb, read: bool, write: bool, run: &mut Run<'_, '_>) {
    let mut mask = Bits::default();
    if read {
        mask = mask.with(Bits::RCV_SHUTDOWN);
    }
    if write {
        mask = mask.with(Bits::SEND_SHUTDOWN);
    }
    match tcb.state() {
        TcpState::Closed | TcpState::TimeWait => {
            tcb.set(mask);
            run.notify(SocketEvents::READABLE.with(SocketEvents::WRITABLE));
            return run.reply(Err(Errno::NotConn));
        }
        TcpState::Listen => {
            if read {
                close::disconnect(tcb, Cause::Shutdown, run);
            }
        }
        TcpState::SynSent => close::disconnect(tcb, Cause::Shutdown, run),
        // The FIN follows when the handshake is over (segment::opened).
        TcpState::SynReceived
        // tcp_close_state has nothing to send here.
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck => tcb.set(mask),
        TcpState::Established | TcpState::CloseWait => {
            tcb.set(mask);
            if write {
                close::send_fin_by(tcb, Cause::Shutdown, run);
            }
        }
    }
    run.notify(SocketEvents::READABLE.with(SocketEvents::WRITABLE));
    run.reply(Ok(Reply::Done));
}

/// `tcp_abort` (`ss -K`, `tcp_max_orphans`): reset where a peer would wait.
#[cfg_attr(target_family = "wasm", inline(never))]
fn kill(tcb: &mut Tcb, cause: Cause, run: &mut Run<'_, '_>) {
    match tcb.state() {
        TcpState::Closed | TcpState::TimeWait => {}
        TcpState::Listen | TcpState::SynSent | TcpState::Closing | TcpState::LastAck => {
            done(tcb, cause, Some(Errno::ConnAborted), run);
        }
        TcpState::SynReceived
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait => {
            if cause == Cause::Overflow {
                run.count(Mib::TCPAbortOnMemory);
            }
            tcb.send_active_reset(run);
            done(tcb, cause, Some(Errno::ConnAborted), run);
        }
    }
}

/// `setsockopt` at the levels that reach the machine.
fn set_option(tcb: &mut Tcb, option: TcpSocketOption, run: &mut Run<'_, '_>) {
    match option {
        TcpSocketOption::Linger(time) => tcb.cold().linger = time,
        TcpSocketOption::KeepAlive(on) => set_keepalive(tcb, on, run),
        TcpSocketOption::KeepIdle(time) => set_keep_idle(tcb, time, run),
        TcpSocketOption::KeepIntvl(time) => tcb.cold().keep_intvl = Some(time),
        TcpSocketOption::KeepCnt(count) => tcb.cold().keep_cnt = Some(count),
        TcpSocketOption::UserTimeout(time) => tcb.cold().user_timeout = time,
        TcpSocketOption::NoDelay(on) => {
            tcb.assign(Bits::NODELAY, on);
            if on {
                tcb.push_pending(true, run);
            }
        }
        TcpSocketOption::QuickAck(on) => quickack(tcb, on, run),
        TcpSocketOption::Linger2(time) => {
            let most = Duration::from_secs(120);
            tcb.cold().linger2 = match time {
                None => Linger2::Reset,
                Some(Duration::ZERO) => Linger2::Default,
                Some(time) => Linger2::For(time.min(most)),
            };
        }
        TcpSocketOption::SynCnt(count) => tcb.cold().syn_cnt = Some(count),
        TcpSocketOption::MaxSeg(mss) => {
            // 0 takes the limit away; what is agreed stays.
            tcb.cold().user_mss = (mss != 0).then_some(mss);
            if mss != 0 {
                tcb.mss_clamp = tcb.mss_clamp.min(mss);
            }
        }
        TcpSocketOption::RcvBuf(bytes) => tcb.rcvbuf = bytes,
        TcpSocketOption::SndBuf(bytes) => {
            tcb.sndbuf = bytes;
            tcb.set(Bits::SNDBUF_LOCK);
        }
    }
    run.reply(Ok(Reply::Done));
}

/// `tcp_set_keepalive`.
fn set_keepalive(tcb: &mut Tcb, on: bool, run: &mut Run<'_, '_>) {
    let was = tcb.is(Bits::KEEPOPEN);
    tcb.assign(Bits::KEEPOPEN, on);
    match tcb.state() {
        // The timer starts when the connection opens.
        TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::TimeWait => {}
        TcpState::SynReceived
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => {
            if on && !was {
                tcb.start_keepalive(run);
            } else if !on && let Some(cold) = &mut tcb.cold {
                cold.keepalive_at = Instant::MAX;
            }
        }
    }
}

/// `tcp_sock_set_keepidle_locked`: a running timer is set anew.
#[cfg_attr(target_family = "wasm", inline(never))]
fn set_keep_idle(tcb: &mut Tcb, time: Duration, run: &mut Run<'_, '_>) {
    let (now, lrcvtime) = (run.ms(), tcb.lrcvtime);
    let cold = tcb.cold();
    cold.keep_idle = Some(time);
    if cold.keepalive_at != Instant::MAX {
        let quiet = now.wrapping_sub(cold.rcv_tstamp).min(now.wrapping_sub(lrcvtime));
        tcb.arm_keepalive(time - Duration::from_millis(u64::from(quiet)), run);
    }
}

/// `__tcp_sock_set_quickack`.
#[cfg_attr(target_family = "wasm", inline(never))]
fn quickack(tcb: &mut Tcb, on: bool, run: &mut Run<'_, '_>) {
    if !on {
        tcb.set(Bits::PINGPONG);
        return;
    }
    tcb.clear(Bits::PINGPONG);
    let open = matches!(tcb.state(), TcpState::Established | TcpState::CloseWait);
    if open && tcb.is(Bits::ACK_SCHED) {
        tcb.set(Bits::ACK_PUSHED);
        tcb.send_ack(run);
    }
}
