//! The transmission control block (RFC 9293 §3.3.1): a small hot part that an
//! idle connection is made of, and a cold part that exists only while there is
//! something unacknowledged, out of order or unusual about it.

mod cold;
mod new;
mod options;
mod queue;
mod view;

pub(super) use cold::{Cold, Linger2, OfoSegment, Skb, SkbFlags};
pub(super) use queue::{RxQueue, join};
pub use view::{TimerKind, TimerView};

pub use new::ChildInit;
pub(crate) use new::TIMEOUT_INIT_US;
pub(crate) use view::seconds;

use super::actions::{Actions, Fate};
use super::graph;
use super::machine::ms32;
use super::state::{Cause, TcpState};
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::trace::Mib;
use crate::wire::SeqNum;

/// Yes-or-no properties of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Bits(u32);

impl Bits {
    /// `SOCK_DEAD`: no descriptor refers to it any more.
    pub(super) const ORPHAN: Self = Self(1);
    /// `RCV_SHUTDOWN`.
    pub(super) const RCV_SHUTDOWN: Self = Self(1 << 1);
    /// `SEND_SHUTDOWN`.
    pub(super) const SEND_SHUTDOWN: Self = Self(1 << 2);
    /// `SOCK_DONE`: the peer's FIN has been received.
    pub(super) const FIN_RCVD: Self = Self(1 << 3);
    /// `TCP_NODELAY`.
    pub(super) const NODELAY: Self = Self(1 << 4);
    /// Both ends offered timestamps.
    pub(super) const TS_OK: Self = Self(1 << 5);
    /// Both ends permit SACK.
    pub(super) const SACK_OK: Self = Self(1 << 6);
    /// Both ends offered window scaling.
    pub(super) const WSCALE_OK: Self = Self(1 << 7);
    /// Our FIN is part of `write_seq`.
    pub(super) const FIN_QUEUED: Self = Self(1 << 8);
    /// Our FIN rides on the last data segment.
    pub(super) const FIN_MERGED: Self = Self(1 << 9);
    /// Our SYN is sent and not acknowledged.
    pub(super) const SYN_OUT: Self = Self(1 << 10);
    /// Our SYN or bare FIN was retransmitted: no RTT sample from it (Karn).
    pub(super) const CTL_RETRANS: Self = Self(1 << 11);
    /// Our SYN or bare FIN counts as lost until it is sent again.
    pub(super) const CTL_LOST: Self = Self(1 << 12);
    /// `SOCK_SNDBUF_LOCK`: `SO_SNDBUF` was set.
    pub(super) const SNDBUF_LOCK: Self = Self(1 << 13);
    /// Interactive: delay ACKs (`inet_csk_in_pingpong_mode`).
    pub(super) const PINGPONG: Self = Self(1 << 14);
    /// `SO_KEEPALIVE`.
    pub(super) const KEEPOPEN: Self = Self(1 << 15);
    /// The pending transmit timer is a tail loss probe.
    pub(super) const XMIT_TLP: Self = Self(1 << 16);
    /// The pending transmit timer is a zero-window probe.
    pub(super) const XMIT_PROBE0: Self = Self(1 << 17);
    /// `ICSK_ACK_SCHED`.
    pub(super) const ACK_SCHED: Self = Self(1 << 18);
    /// `ICSK_ACK_TIMER`.
    pub(super) const ACK_TIMER: Self = Self(1 << 19);
    /// `ICSK_ACK_PUSHED`.
    pub(super) const ACK_PUSHED: Self = Self(1 << 20);
    /// `ICSK_ACK_PUSHED2`.
    pub(super) const ACK_PUSHED2: Self = Self(1 << 21);
    /// `ICSK_ACK_NOW`.
    pub(super) const ACK_NOW: Self = Self(1 << 22);
    /// Born of a request socket.
    pub(super) const PASSIVE: Self = Self(1 << 23);
    /// `window_clamp` is the buffer's: `tcp_init_buffer_space` has run.
    pub(super) const BUFFERS_SET: Self = Self(1 << 24);
    /// Either kind of transmit timer that is not a plain retransmission.
    pub(super) const XMIT_SPECIAL: Self = Self(Self::XMIT_TLP.0 | Self::XMIT_PROBE0.0);
    /// All of `icsk_ack.pending`.
    pub(super) const ACK_ANY: Self =
        Self(Self::ACK_SCHED.0 | Self::ACK_TIMER.0 | Self::ACK_PUSHED.0 | Self::ACK_PUSHED2.0 | Self::ACK_NOW.0);
    /// `SHUTDOWN_MASK`.
    pub(super) const SHUTDOWN_MASK: Self = Self(Self::RCV_SHUTDOWN.0 | Self::SEND_SHUTDOWN.0);

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One connection's control block. Equal blocks behave alike.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tcb {
    /// When the retransmission, loss-probe or window-probe timer fires; `MAX` is off.
    pub(super) xmit_at: Instant,
    /// When the delayed ACK is due; `MAX` is off.
    pub(super) delack_at: Instant,
    pub(super) rx: RxQueue,
    pub(super) cold: Option<Box<Cold>>,
    bits: Bits,
    /// SND.UNA.
    pub(super) snd_una: SeqNum,
    /// SND.NXT.
    pub(super) snd_nxt: SeqNum,
    /// One past the last byte (or FIN) the application has queued.
    pub(super) write_seq: SeqNum,
    /// SND.WND, scaled.
    pub(super) snd_wnd: u32,
    /// The largest window the peer has offered.
    pub(super) max_window: u32,
    /// SND.WL1.
    pub(super) snd_wl1: SeqNum,
    /// RCV.NXT.
    pub(super) rcv_nxt: SeqNum,
    /// RCV.NXT when the last window was sent.
    pub(super) rcv_wup: SeqNum,
    /// The window last sent, in bytes.
    pub(super) rcv_wnd: u32,
    /// The first byte the application has not taken.
    pub(super) copied_seq: SeqNum,
    /// The most the window may grow to for now.
    pub(super) rcv_ssthresh: u32,
    pub(super) rcvbuf: u32,
    pub(super) sndbuf: u32,
    pub(super) ts_offset: u32,
    pub(super) ts_recent: u32,
    /// Whole seconds when `ts_recent` was stored; 0 before the first.
    pub(super) ts_recent_stamp: u32,
    /// Smoothed RTT in µs, times eight.
    pub(super) srtt: u32,
    pub(super) mdev: u32,
    pub(super) mdev_max: u32,
    pub(super) rttvar: u32,
    /// When our SYN or bare FIN was sent, in µs modulo 2³².
    pub(super) ctl_sent: u32,
    /// When data last arrived, in ms modulo 2³².
    pub(super) lrcvtime: u32,
    pub(super) advmss: u16,
    /// What path and peer allow, without options.
    pub(super) mss_clamp: u16,
    pub(super) rcv_mss: u16,
    pub(super) last_seg_size: u16,
    pub(super) cwnd: u16,
    /// Delayed-ACK time-out in ms; 0 before the first data.
    pub(super) ato: u16,
    /// Bytes the peer has acknowledged; saturates, which then means plenty.
    pub(super) bytes_acked: u16,
    pub(super) error: Option<Errno>,
    state: TcpState,
    /// Window shifts: what we receive in the low half, what we send in the high one.
    wscales: u8,
    pub(super) quick: u8,
    pub(super) backoff: u8,
}

impl Tcb {
    /// The only writer of `state`. Records the transition and what follows from
    /// it at once (`tcp_set_state`): CurrEstab's resets and the end of timers.
    ///
    /// TIME-WAIT is recorded, but the block itself becomes CLOSED: the minisock
    /// of [`Fate::TimeWait`] is the connection from here on (`tcp_time_wait`
    /// ends in `tcp_done`), and a descriptor still open sees a closed socket.
    pub(super) fn enter(&mut self, next: TcpState, cause: Cause, out: &mut Actions) {
        let from = self.state;
        debug_assert!(graph::allows(from, next, cause), "{from} to {next} by {cause:?} is not in the table");
        out.transitions.push((from, next, cause));
        match next {
            TcpState::Closed => {
                if matches!(from, TcpState::Established | TcpState::CloseWait) {
                    out.counters.push(Mib::EstabResets);
                }
                if matches!(from, TcpState::SynSent | TcpState::SynReceived)
                    && matches!(cause, Cause::RstArrived | Cause::TimedOut | Cause::IcmpError)
                {
                    out.counters.push(Mib::AttemptFails);
                }
                self.silence();
                out.fate = Fate::Closed;
                self.state = TcpState::Closed;
            }
            TcpState::TimeWait => {
                self.silence();
                self.state = TcpState::Closed;
            }
            TcpState::Listen
            | TcpState::SynSent
            | TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck => self.state = next,
        }
    }

    /// `tcp_done`: timers off, both directions shut. What the peer sent stays readable.
    fn silence(&mut self) {
        self.xmit_at = Instant::MAX;
        self.delack_at = Instant::MAX;
        self.clear(Bits::ACK_ANY.with(Bits::XMIT_SPECIAL).with(Bits::SYN_OUT));
        self.set(Bits::SHUTDOWN_MASK);
        if let Some(cold) = &mut self.cold {
            cold.keepalive_at = Instant::MAX;
            cold.tx.clear();
            cold.sent = 0;
        }
    }

    /// True if any of these is set.
    pub(super) const fn is(&self, bits: Bits) -> bool {
        self.bits.0 & bits.0 != 0
    }
    pub(super) const fn set(&mut self, bits: Bits) {
        self.bits.0 |= bits.0;
    }
    pub(super) const fn clear(&mut self, bits: Bits) {
        self.bits.0 &= !bits.0;
    }
    pub(super) const fn assign(&mut self, bits: Bits, on: bool) {
        if on { self.set(bits) } else { self.clear(bits) }
    }

    /// The cold part, made if need be.
    pub(super) fn cold(&mut self) -> &mut Cold {
        let una = self.snd_una;
        self.cold.get_or_insert_with(|| new_cold(una))
    }

    pub(super) const fn set_wscales(&mut self, snd: u8, rcv: u8) {
        self.wscales = (snd & 15) | (rcv << 4);
    }

    /// Frees the cold part when it holds nothing that a fresh one would not.
    #[inline]
    pub(super) fn settle(&mut self, now: Instant, ratelimit: Duration) {
        if self.backoff == 0
            && let Some(cold) = &self.cold
            && cold.is_idle(ms32(now), ratelimit.as_millis())
        {
            self.cold = None;
        }
    }
}

#[inline(never)]
fn new_cold(una: SeqNum) -> Box<Cold> {
    Box::new(Cold::new(una))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_has_a_bit_of_its_own() {
        let single = [
            Bits::ORPHAN,
            Bits::RCV_SHUTDOWN,
            Bits::SEND_SHUTDOWN,
            Bits::FIN_RCVD,
            Bits::NODELAY,
            Bits::TS_OK,
            Bits::SACK_OK,
            Bits::WSCALE_OK,
            Bits::FIN_QUEUED,
            Bits::FIN_MERGED,
            Bits::SYN_OUT,
            Bits::CTL_RETRANS,
            Bits::CTL_LOST,
            Bits::SNDBUF_LOCK,
            Bits::PINGPONG,
            Bits::KEEPOPEN,
            Bits::XMIT_TLP,
            Bits::XMIT_PROBE0,
            Bits::ACK_SCHED,
            Bits::ACK_TIMER,
            Bits::ACK_PUSHED,
            Bits::ACK_PUSHED2,
            Bits::ACK_NOW,
            Bits::PASSIVE,
            Bits::BUFFERS_SET,
        ];
        for (n, bits) in single.iter().enumerate() {
            assert_eq!(bits.0, 1 << n);
        }
    }

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Tcb>() <= 168, "{} bytes", size_of::<Tcb>());
    }
}
