//! Where control blocks come from.

use super::{Bits, RxQueue, Tcb};
use crate::tcp::actions::Actions;
use crate::tcp::config::{TcpConfig, TcpContext};
use crate::tcp::state::{Cause, TcpState};
use crate::time::Instant;
use crate::wire::SeqNum;

/// `TCP_TIMEOUT_INIT` in µs.
pub(crate) const TIMEOUT_INIT_US: u32 = 1_000_000;
/// `TCP_INIT_CWND`.
const INIT_CWND: u16 = 10;

/// What a completed handshake hands to the socket made from it
/// (`tcp_v4_syn_recv_sock`, `tcp_create_openreq_child`).
#[derive(Clone, Copy, Debug)]
pub struct ChildInit {
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The peer's.
    pub irs: SeqNum,
    /// MSS we announced.
    pub advmss: u16,
    /// What path and peer allow.
    pub mss_clamp: u16,
    /// The window of our SYN-ACK, in bytes.
    pub rcv_wnd: u32,
    /// Shift of the windows we send, if scaling was agreed.
    pub rcv_wscale: u8,
    /// Shift of the windows we receive.
    pub snd_wscale: u8,
    /// Window scaling agreed.
    pub wscale_ok: bool,
    /// SACK agreed.
    pub sack_ok: bool,
    /// Timestamps agreed: the peer's latest.
    pub ts_recent: Option<u32>,
    /// Added to the millisecond clock in our timestamps.
    pub ts_offset: u32,
    /// When the SYN-ACK left, in µs modulo 2³²; `None` if it was repeated.
    pub synack_sent_us: Option<u32>,
}

impl Default for Tcb {
    /// A CLOSED block with no buffers; [`Tcb::new_closed`] gives them their size.
    fn default() -> Self {
        Self {
            xmit_at: Instant::MAX,
            delack_at: Instant::MAX,
            rx: RxQueue::Empty,
            cold: None,
            bits: Bits::default(),
            snd_una: SeqNum(0),
            snd_nxt: SeqNum(0),
            write_seq: SeqNum(0),
            snd_wnd: 0,
            max_window: 0,
            snd_wl1: SeqNum(0),
            rcv_nxt: SeqNum(0),
            rcv_wup: SeqNum(0),
            rcv_wnd: 0,
            copied_seq: SeqNum(0),
            rcv_ssthresh: 0,
            rcvbuf: 0,
            sndbuf: 0,
            ts_offset: 0,
            ts_recent: 0,
            ts_recent_stamp: 0,
            srtt: 0,
            mdev: TIMEOUT_INIT_US,
            mdev_max: 0,
            rttvar: TIMEOUT_INIT_US,
            ctl_sent: 0,
            lrcvtime: 0,
            advmss: 536,
            mss_clamp: 536,
            rcv_mss: 0,
            last_seg_size: 0,
            cwnd: INIT_CWND,
            ato: 0,
            bytes_acked: 0,
            error: None,
            state: TcpState::Closed,
            wscales: 0,
            quick: 0,
            backoff: 0,
        }
    }
}

impl Tcb {
    /// A fresh socket (`tcp_init_sock`).
    #[must_use]
    pub fn new_closed(config: &TcpConfig) -> Self {
        Self { rcvbuf: config.tcp_rmem_default, sndbuf: config.tcp_wmem_default, ..Self::default() }
    }

    /// A fresh socket that listens. For one that exists use [`Tcb::listen`].
    #[must_use]
    pub fn new_listen(config: &TcpConfig) -> Self {
        Self { state: TcpState::Listen, ..Self::new_closed(config) }
    }

    /// `listen()` on a CLOSED socket (RFC 9293 §3.10.1, passive open).
    pub fn listen(&mut self, out: &mut Actions) {
        if self.state == TcpState::Closed {
            self.clear(Bits::SHUTDOWN_MASK);
            self.enter(TcpState::Listen, Cause::PassiveOpen, out);
        }
    }

    /// Takes over what a reused TIME_WAIT minisock knew (`tcp_twsk_unique`), before [`super::super::UserCall::Open`].
    pub const fn inherit_timewait(&mut self, ts_recent: u32, ts_recent_stamp: u32) {
        self.ts_recent = ts_recent;
        self.ts_recent_stamp = ts_recent_stamp;
    }

    /// The socket of a completed handshake, in SYN-RECEIVED: the segment that
    /// completed it is then fed to the machine and makes it ESTABLISHED, with
    /// whatever data it carried. Options of the listener are inherited.
    #[must_use]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn from_request(init: &ChildInit, listener: &Self, cx: &TcpContext<'_>) -> Self {
        let mut tcb = Self {
            state: TcpState::SynReceived,
            snd_una: init.iss.add(1),
            snd_nxt: init.iss.add(1),
            write_seq: init.iss.add(1),
            rcv_nxt: init.irs.add(1),
            rcv_wup: init.irs.add(1),
            copied_seq: init.irs.add(1),
            rcv_wnd: init.rcv_wnd,
            rcv_ssthresh: init.rcv_wnd,
            advmss: init.advmss,
            mss_clamp: init.mss_clamp,
            ts_offset: init.ts_offset,
            rcvbuf: listener.rcvbuf,
            sndbuf: listener.sndbuf,
            bits: Bits::PASSIVE,
            ..Self::default()
        };
        tcb.set_wscales(init.snd_wscale, init.rcv_wscale);
        tcb.assign(Bits::WSCALE_OK, init.wscale_ok);
        tcb.assign(Bits::SACK_OK, init.sack_ok);
        tcb.assign(Bits::NODELAY, listener.is(Bits::NODELAY));
        tcb.assign(Bits::KEEPOPEN, listener.is(Bits::KEEPOPEN));
        tcb.assign(Bits::SNDBUF_LOCK, listener.is(Bits::SNDBUF_LOCK));
        tcb.cold = listener.cold.as_ref().and_then(|cold| cold.inherited(init.iss.add(1)));
        if let Some(ts_recent) = init.ts_recent {
            tcb.set(Bits::TS_OK);
            tcb.ts_recent = ts_recent;
            tcb.ts_recent_stamp = super::view::seconds(cx.now);
        }
        match init.synack_sent_us {
            Some(sent) => tcb.ctl_sent = sent,
            None => tcb.set(Bits::CTL_RETRANS),
        }
        tcb
    }

    /// The socket is finished without a transition of its own: a minisock took
    /// its place, or its listener's queues are gone.
    #[inline]
    pub(crate) fn retire(&mut self) {
        self.state = TcpState::Closed;
        self.xmit_at = Instant::MAX;
        self.delack_at = Instant::MAX;
        self.cold = None;
    }

    /// `TCP_MAXSEG`, if it was set.
    pub(crate) fn user_mss(&self) -> Option<u16> {
        self.cold.as_ref().and_then(|cold| cold.user_mss)
    }
}
