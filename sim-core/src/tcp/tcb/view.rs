//! What others may see of a control block.

use super::{Bits, Tcb};
use crate::errno::Errno;
use crate::tcp::config::TcpConfig;
use crate::tcp::state::TcpState;
use crate::time::{Duration, Instant};
use crate::wire::{Payload, SeqNum};

/// The timer `ss -o` shows for a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerView {
    /// Which.
    pub kind: TimerKind,
    /// When it fires.
    pub expires: Instant,
    /// Retransmissions or probes so far.
    pub retries: u8,
}

/// Which timer runs (`idiag_timer` of `linux/inet_diag.h`), with the word of `ss`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerKind {
    /// 1: retransmission, or a request socket's SYN-ACK timer (`on`).
    Retransmit,
    /// 2: keepalive, or the FIN_WAIT2 timer of a full orphan (`keepalive`).
    KeepAlive,
    /// 3: TIME_WAIT or FIN_WAIT2 minisock (`timewait`).
    TimeWait,
    /// 4: zero-window probe (`persist`; netstat's `probe`).
    Persist,
}

/// `ktime_get_seconds`, but never 0, which means "no stamp".
pub(crate) fn seconds(now: Instant) -> u32 {
    // Virtual time starts at 0; a host has been up for a while by then.
    u32::try_from((now.nanos() / 1_000_000_000) & 0x7fff_ffff).expect("31 bits fit 32") + 1
}

impl Tcb {
    /// Current state.
    #[must_use]
    pub const fn state(&self) -> TcpState {
        self.state
    }
    /// Recv-Q as `ss` shows it: `rcv_nxt - copied_seq`, a received FIN counts 1.
    #[must_use]
    pub fn recv_q(&self) -> u32 {
        self.rcv_nxt.distance(self.copied_seq)
    }
    /// Bytes that can be read now (FIONREAD): Recv-Q without the FIN.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.recv_q() - u32::from(self.is(Bits::FIN_RCVD) && self.rcv_nxt != self.copied_seq)
    }
    /// Send-Q as `ss` shows it: `write_seq - snd_una`.
    #[must_use]
    pub fn send_q(&self) -> u32 {
        self.write_seq.distance(self.snd_una)
    }
    /// The unread runs of bytes, oldest first.
    pub fn unread_payloads(&self) -> impl Iterator<Item = &Payload> {
        self.rx.iter()
    }
    /// The earliest instant at which [`crate::tcp::TcpInput::Timeout`] must be given.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let at = self.deadline();
        (at != Instant::MAX).then_some(at)
    }
    /// [`Tcb::next_deadline`], [`Instant::MAX`] for none.
    #[inline]
    pub(crate) fn deadline(&self) -> Instant {
        let at = self.xmit_at.min(self.delack_at);
        match &self.cold {
            Some(cold) => at.min(cold.keepalive_at),
            None => at,
        }
    }
    /// What `ss -o` and `netstat -o` show (`inet_sk_diag_fill`, `get_tcp4_sock`).
    #[must_use]
    pub fn timer_view(&self) -> Option<TimerView> {
        if self.xmit_at != Instant::MAX {
            let persist = self.is(Bits::XMIT_PROBE0);
            let kind = if persist { TimerKind::Persist } else { TimerKind::Retransmit };
            let retries = if persist { self.probes_out() } else { self.retransmits() };
            return Some(TimerView { kind, expires: self.xmit_at, retries });
        }
        let expires = self.cold.as_ref()?.keepalive_at;
        (expires != Instant::MAX).then(|| TimerView { kind: TimerKind::KeepAlive, expires, retries: self.probes_out() })
    }
    /// EPOLLIN: a read would return at once.
    #[must_use]
    pub fn readable(&self) -> bool {
        self.unread() > 0 || self.is(Bits::RCV_SHUTDOWN) || self.error.is_some()
    }
    /// EPOLLOUT: a write would return at once (`sk_stream_is_writeable`).
    #[must_use]
    pub fn writable(&self) -> bool {
        if self.error.is_some() || self.is(Bits::SEND_SHUTDOWN) {
            return true;
        }
        let queued = self.send_q();
        !matches!(self.state, TcpState::SynSent | TcpState::SynReceived | TcpState::Listen)
            && self.sndbuf.saturating_sub(queued) >= queued / 2
            && queued < self.sndbuf
    }
    /// True when a read gives end of stream now.
    #[must_use]
    pub fn eof(&self) -> bool {
        self.unread() == 0 && self.is(Bits::RCV_SHUTDOWN.with(Bits::FIN_RCVD))
    }
    /// The peer has finished sending, or this end has stopped reading (EPOLLRDHUP).
    #[must_use]
    pub fn rcv_shutdown(&self) -> bool {
        self.is(Bits::RCV_SHUTDOWN)
    }
    /// This end has finished sending.
    #[must_use]
    pub fn send_shutdown(&self) -> bool {
        self.is(Bits::SEND_SHUTDOWN)
    }
    /// The pending error (`sk_err`), not cleared by looking.
    #[must_use]
    pub const fn error(&self) -> Option<Errno> {
        self.error
    }
    /// No descriptor refers to it (`SOCK_DEAD`).
    #[must_use]
    pub const fn is_orphan(&self) -> bool {
        self.is(Bits::ORPHAN)
    }
    /// SND.UNA.
    #[must_use]
    pub const fn snd_una(&self) -> SeqNum {
        self.snd_una
    }
    /// SND.NXT.
    #[must_use]
    pub const fn snd_nxt(&self) -> SeqNum {
        self.snd_nxt
    }
    /// SND.WND in bytes.
    #[must_use]
    pub const fn snd_wnd(&self) -> u32 {
        self.snd_wnd
    }
    /// RCV.NXT.
    #[must_use]
    pub const fn rcv_nxt(&self) -> SeqNum {
        self.rcv_nxt
    }
    /// What is left of the window last sent, in bytes (`tcp_receive_window`).
    #[must_use]
    pub const fn rcv_wnd(&self) -> u32 {
        let used = self.rcv_nxt.distance(self.rcv_wup);
        self.rcv_wnd.saturating_sub(used)
    }
    /// Shift of the windows we receive, then of those we send.
    #[must_use]
    pub const fn wscale(&self) -> (u8, u8) {
        (self.snd_wscale(), self.rcv_wscale())
    }
    pub(crate) const fn snd_wscale(&self) -> u8 {
        self.wscales & 15
    }
    pub(crate) const fn rcv_wscale(&self) -> u8 {
        self.wscales >> 4
    }
    /// Window scaling was agreed.
    #[must_use]
    pub const fn wscale_ok(&self) -> bool {
        self.is(Bits::WSCALE_OK)
    }
    /// Timestamps were agreed.
    #[must_use]
    pub const fn timestamps_ok(&self) -> bool {
        self.is(Bits::TS_OK)
    }
    /// SACK was agreed.
    #[must_use]
    pub const fn sack_ok(&self) -> bool {
        self.is(Bits::SACK_OK)
    }
    /// The retransmission time-out with its back-off, unrounded (`icsk_rto`).
    #[must_use]
    pub fn rto(&self, config: &TcpConfig) -> Duration {
        self.rto_unbacked(config).saturating_mul(1 << self.backoff.min(20)).min(config.tcp_rto_max)
    }
    /// The retransmission time-out without back-off (`__tcp_set_rto`).
    pub(crate) fn rto_unbacked(&self, config: &TcpConfig) -> Duration {
        Duration::from_micros(u64::from(self.srtt >> 3) + u64::from(self.rttvar)).min(config.tcp_rto_max)
    }
    /// Smoothed round-trip time; `None` before the first sample.
    #[must_use]
    pub fn srtt(&self) -> Option<Duration> {
        (self.srtt != 0).then(|| Duration::from_micros(u64::from(self.srtt >> 3)))
    }
    /// Mean deviation of the round-trip time (`tcpi_rttvar`).
    #[must_use]
    pub fn rttvar(&self) -> Duration {
        Duration::from_micros(u64::from(self.mdev >> 2))
    }
    /// Doublings of the retransmission or probe time-out in force.
    #[must_use]
    pub const fn backoff(&self) -> u8 {
        self.backoff
    }
    /// Retransmission time-outs since the last progress (`icsk_retransmits`).
    #[must_use]
    pub fn retransmits(&self) -> u8 {
        self.cold.as_ref().map_or(0, |cold| cold.retransmits)
    }
    /// True while the SYN of `connect()` itself is all that was sent.
    pub(crate) fn is_first_syn_out(&self) -> bool {
        self.state() == TcpState::SynSent && self.retransmits() == 0
    }
    /// Keepalive or zero-window probes unanswered (`tcpi_probes`).
    #[must_use]
    pub fn probes_out(&self) -> u8 {
        self.cold.as_ref().map_or(0, |cold| cold.probes_out)
    }
    /// MSS announced, less what options take (`tcpi_advmss`).
    #[must_use]
    pub const fn advmss(&self) -> u16 {
        self.advmss
    }
    /// The peer's largest segment so far, as the receiver estimates it (`tcpi_rcv_mss`).
    #[must_use]
    pub const fn rcv_mss(&self) -> u16 {
        self.rcv_mss
    }
    /// Bytes of data a segment may carry now (`mss_cache`, `tcp_sync_mss`).
    #[must_use]
    pub const fn snd_mss(&self) -> u32 {
        let options = if self.is(Bits::TS_OK) { 12 } else { 0 };
        let base = (self.mss_clamp as u32).saturating_sub(options);
        // tcp_bound_to_half_wnd: never more than half the peer's largest window.
        let cutoff = if self.max_window > 536 { self.max_window >> 1 } else { self.max_window };
        if cutoff != 0 && base > cutoff {
            if cutoff > 48 { cutoff } else { 48 }
        } else if base > 8 {
            base
        } else {
            8
        }
    }
    /// Congestion window in segments.
    #[must_use]
    pub const fn cwnd(&self) -> u16 {
        self.cwnd
    }
    /// The peer's latest timestamp, and the second it was stored (0: none).
    #[must_use]
    pub const fn ts_recent(&self) -> (u32, u32) {
        (self.ts_recent, self.ts_recent_stamp)
    }
    /// Added to the millisecond clock in our timestamps.
    #[must_use]
    pub const fn ts_offset(&self) -> u32 {
        self.ts_offset
    }
    /// Receive and send buffer sizes as `SO_RCVBUF` and `SO_SNDBUF` report them, in bytes.
    #[must_use]
    pub const fn buffers(&self) -> (u32, u32) {
        (self.rcvbuf, self.sndbuf)
    }
    /// `SO_KEEPALIVE` is on.
    #[must_use]
    pub const fn keepalive(&self) -> bool {
        self.is(Bits::KEEPOPEN)
    }
    /// Segments in flight (`packets_out`).
    #[must_use]
    pub fn packets_out(&self) -> u32 {
        let data = self.cold.as_ref().map_or(0, |cold| u32::try_from(cold.sent).unwrap_or(u32::MAX));
        data + u32::from(self.ctl_out())
    }
    /// Our SYN, or a FIN in a segment of its own, is in flight.
    pub(crate) fn ctl_out(&self) -> bool {
        self.is(Bits::SYN_OUT) || self.bare_fin_out()
    }
    /// A FIN in a segment of its own is in flight.
    pub(crate) fn bare_fin_out(&self) -> bool {
        self.is(Bits::FIN_QUEUED)
            && !self.is(Bits::FIN_MERGED)
            && self.snd_nxt == self.write_seq
            && self.snd_una != self.write_seq
    }
    /// Data or FIN queued and not yet sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.snd_nxt != self.write_seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tcp_bound_to_half_wnd`: half the largest window above 536 bytes, all of it below, never less than 48.
    #[test]
    fn a_segment_is_at_most_half_the_window() {
        let mss = |clamp, max_window| Tcb { mss_clamp: clamp, max_window, ..Tcb::default() }.snd_mss();
        let cases = [(0, 1_460), (536, 536), (537, 268), (2_000, 1_000), (2_920, 1_460), (65_535, 1_460), (60, 60)];
        for (window, expected) in cases {
            assert_eq!(mss(1_460, window), expected, "window {window}");
        }
        assert_eq!((mss(1_460, 48), mss(1_460, 20)), (48, 48));
        assert_eq!((mss(40, 40), mss(40, 39)), (40, 48));
        assert_eq!(mss(4, 65_535), 8);
    }

    #[test]
    fn unread_bytes_are_told_in_their_order() {
        let mut tcb = Tcb::default();
        for run in [&b"ab"[..], b"cde"] {
            tcb.rx.push(Payload::from_bytes(run));
        }
        assert_eq!(tcb.unread_payloads().map(Payload::to_vec).collect::<Vec<_>>(), [&b"ab"[..], b"cde"]);
    }

    #[test]
    fn scales_timers_and_flags_are_told() {
        let mut tcb = Tcb { cwnd: 7, backoff: 3, advmss: 1_448, rcv_mss: 536, mdev: 40_000, ..Tcb::default() };
        tcb.set_wscales(7, 10);
        assert_eq!((tcb.wscale(), tcb.cwnd(), tcb.backoff()), ((7, 10), 7, 3));
        assert_eq!((tcb.advmss(), tcb.rcv_mss(), tcb.rttvar()), (1_448, 536, Duration::from_millis(10)));
        assert!(!(tcb.keepalive() || tcb.wscale_ok() || tcb.sack_ok() || tcb.timestamps_ok()));
        tcb.set(Bits::KEEPOPEN.with(Bits::WSCALE_OK).with(Bits::SACK_OK).with(Bits::TS_OK));
        assert!(tcb.keepalive() && tcb.wscale_ok() && tcb.sack_ok() && tcb.timestamps_ok());
    }

    /// `__tcp_set_rto`, doubled with each back-off, at most `TCP_RTO_MAX`.
    #[test]
    fn the_time_out_doubles() {
        let config = crate::tcp::machine::tests::config();
        let rto = |backoff| Tcb { srtt: 8 * 50_000, rttvar: 200_000, backoff, ..Tcb::default() }.rto(&config);
        assert_eq!([0, 1, 3, 15].map(|n| rto(n).as_millis()), [250, 500, 2_000, 120_000]);
    }

    /// `ss -o`: the transmit timer if it runs, else keepalive's.
    #[test]
    fn the_timer_shown_is_the_one_that_runs() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut tcb = Tcb::default();
        assert_eq!(tcb.timer_view(), None);
        tcb.cold().probes_out = 2;
        assert_eq!(tcb.timer_view(), None);
        tcb.cold().keepalive_at = at(9);
        let keepalive = TimerView { kind: TimerKind::KeepAlive, expires: at(9), retries: 2 };
        assert_eq!(tcb.timer_view(), Some(keepalive));
        tcb.xmit_at = at(3);
        tcb.cold().retransmits = 1;
        assert_eq!(tcb.timer_view(), Some(TimerView { kind: TimerKind::Retransmit, expires: at(3), retries: 1 }));
        tcb.set(Bits::XMIT_PROBE0);
        assert_eq!(tcb.timer_view(), Some(TimerView { kind: TimerKind::Persist, expires: at(3), retries: 2 }));
    }

    /// `sk_stream_is_writeable`: a third of the buffer is free (what is free is at least half of what is queued).
    #[test]
    fn a_third_of_the_buffer_must_be_free() {
        let writable = |queued| {
            let mut tcb = Tcb { state: TcpState::Established, sndbuf: 3_000, ..Tcb::default() };
            tcb.write_seq = tcb.snd_una.add(queued);
            tcb.writable()
        };
        assert_eq!([0, 1_999, 2_000, 2_001, 2_999].map(writable), [true, true, true, false, false]);
        let mut tcb = Tcb { state: TcpState::SynSent, sndbuf: 3_000, ..Tcb::default() };
        assert!(!tcb.writable());
        tcb.error = Some(Errno::ConnRefused);
        assert!(tcb.writable(), "a write gives the error at once");
        let mut tcb = Tcb { state: TcpState::Established, sndbuf: 0, ..Tcb::default() };
        assert!(!tcb.writable());
        tcb.set(Bits::SEND_SHUTDOWN);
        assert!(tcb.writable(), "a write gives EPIPE at once");
    }
}
