//! What only a busy or unusual connection needs.

use std::collections::VecDeque;

use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::wire::{Payload, SackBlock, SeqNum};

/// Marks on one segment of the send queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct SkbFlags {
    /// `TCPHDR_PSH`: the last of a `send()`.
    pub(crate) psh: bool,
    /// Sent more than once.
    pub(crate) retrans: bool,
    /// Taken for lost and not sent again yet.
    pub(crate) lost: bool,
    /// Selectively acknowledged.
    pub(crate) sacked: bool,
}

/// One data segment of the send queue.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Skb {
    pub(crate) seq: SeqNum,
    /// When it was last sent, in µs modulo 2³².
    pub(crate) sent_us: u32,
    pub(crate) payload: Payload,
    pub(crate) flags: SkbFlags,
}

impl Skb {
    /// One past its last byte.
    pub(crate) const fn end(&self) -> SeqNum {
        self.seq.add(self.payload.len())
    }
}

/// A segment received ahead of its turn.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OfoSegment {
    pub(crate) seq: SeqNum,
    pub(crate) payload: Payload,
    pub(crate) fin: bool,
}

impl OfoSegment {
    /// One past its last byte or FIN.
    pub(crate) fn end(&self) -> SeqNum {
        self.seq.add(self.payload.len() + u32::from(self.fin))
    }
}

/// The cold part of a control block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Cold {
    /// Data segments: the first `sent` are in flight, the rest wait.
    pub(crate) tx: VecDeque<Skb>,
    pub(crate) sent: usize,
    /// Some segment in flight may be marked lost or selectively acknowledged.
    pub(crate) marked: bool,
    /// Sorted by sequence number, not overlapping.
    pub(crate) ofo: Vec<OfoSegment>,
    /// D-SACK for the next segment.
    pub(crate) dsack: Option<SackBlock>,
    /// `sk_timer`: keepalive, or an orphan in FIN_WAIT2; `MAX` is off.
    pub(crate) keepalive_at: Instant,
    /// When an ACK last arrived, in ms modulo 2³².
    pub(crate) rcv_tstamp: u32,
    /// When the first retransmission left (the SYN for a connect), in ms.
    pub(crate) retrans_stamp: Option<u32>,
    /// When zero-window probing began, in ms.
    pub(crate) probes_tstamp: Option<u32>,
    /// RTO expiries since the last progress.
    pub(crate) total_rto: u8,
    pub(crate) probes_out: u8,
    /// `icsk_retransmits`.
    pub(crate) retransmits: u8,
    /// When an out-of-window segment was last answered, in ms; 0 for never.
    pub(crate) last_oow_ack: u32,
    pub(crate) dup_acks: u8,
    /// SND.NXT when loss was found; recovery lasts until it is acknowledged.
    pub(crate) high_seq: Option<SeqNum>,
    /// SND.NXT at the outstanding tail loss probe.
    pub(crate) tlp_high_seq: Option<SeqNum>,
    /// `tlp_retrans`: the probe was a segment sent before.
    pub(crate) tlp_retrans: bool,
    /// One past the last small segment sent (Minshall's Nagle).
    pub(crate) snd_sml: SeqNum,
    pub(crate) rtt_seq: SeqNum,
    pub(crate) soft_error: Option<Errno>,
    pub(crate) linger: Option<Duration>,
    /// `TCP_LINGER2`: unset, a time, or negative.
    pub(crate) linger2: Linger2,
    pub(crate) user_timeout: Duration,
    pub(crate) keep_idle: Option<Duration>,
    pub(crate) keep_intvl: Option<Duration>,
    pub(crate) keep_cnt: Option<u8>,
    pub(crate) syn_cnt: Option<u8>,
    pub(crate) user_mss: Option<u16>,
}

/// `TCP_LINGER2`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) enum Linger2 {
    /// `tcp_fin_timeout` decides.
    #[default]
    Default,
    /// This long.
    For(Duration),
    /// Negative: reset instead.
    Reset,
}

impl Cold {
    pub(crate) fn new(una: SeqNum) -> Self {
        Self {
            tx: VecDeque::new(),
            sent: 0,
            marked: false,
            ofo: Vec::new(),
            dsack: None,
            keepalive_at: Instant::MAX,
            rcv_tstamp: 0,
            retrans_stamp: None,
            probes_tstamp: None,
            total_rto: 0,
            probes_out: 0,
            retransmits: 0,
            last_oow_ack: 0,
            dup_acks: 0,
            high_seq: None,
            tlp_high_seq: None,
            tlp_retrans: false,
            snd_sml: una,
            rtt_seq: una,
            soft_error: None,
            linger: None,
            linger2: Linger2::Default,
            user_timeout: Duration::ZERO,
            keep_idle: None,
            keep_intvl: None,
            keep_cnt: None,
            syn_cnt: None,
            user_mss: None,
        }
    }

    /// True when dropping it loses nothing.
    pub(crate) fn is_idle(&self, now_ms: u32, ratelimit_ms: u64) -> bool {
        self.tx.is_empty()
            && self.ofo.is_empty()
            && self.dsack.is_none()
            && self.keepalive_at == Instant::MAX
            && self.retrans_stamp.is_none()
            && self.probes_tstamp.is_none()
            && self.probes_out == 0
            && self.high_seq.is_none()
            && self.tlp_high_seq.is_none()
            && self.soft_error.is_none()
            && self.retransmits == 0
            && (self.last_oow_ack == 0 || u64::from(now_ms.wrapping_sub(self.last_oow_ack)) >= ratelimit_ms)
            && !self.has_options()
    }

    const fn has_options(&self) -> bool {
        self.linger.is_some()
            || !matches!(self.linger2, Linger2::Default)
            || self.user_timeout.nanos() != 0
            || self.keep_idle.is_some()
            || self.keep_intvl.is_some()
            || self.keep_cnt.is_some()
            || self.syn_cnt.is_some()
            || self.user_mss.is_some()
    }

    /// A cold part with the options of this one and nothing else: what a child
    /// inherits from its listener.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn inherited(&self, una: SeqNum) -> Option<Box<Self>> {
        if !self.has_options() {
            return None;
        }
        let mut child = Self::new(una);
        child.linger = self.linger;
        child.linger2 = self.linger2;
        child.user_timeout = self.user_timeout;
        child.keep_idle = self.keep_idle;
        child.keep_intvl = self.keep_intvl;
        child.keep_cnt = self.keep_cnt;
        child.syn_cnt = self.syn_cnt;
        child.user_mss = self.user_mss;
        Some(Box::new(child))
    }

    /// Segments sent that are neither lost nor selectively acknowledged.
    #[cold]
    pub(crate) fn unmarked(&self) -> usize {
        self.tx.iter().take(self.sent).filter(|skb| !skb.flags.lost && !skb.flags.sacked).count()
    }

    /// Bytes waiting out of order.
    #[inline]
    pub(crate) fn ofo_bytes(&self) -> u32 {
        if self.ofo.is_empty() { 0 } else { self.count_ofo() }
    }

    #[cold]
    fn count_ofo(&self) -> u32 {
        self.ofo.iter().map(|segment| segment.payload.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNA: SeqNum = SeqNum(1);

    /// Each option alone makes a part of its own (`sk_clone_lock` copies them all).
    #[test]
    fn each_option_is_inherited_alone() {
        let set: [fn(&mut Cold); 9] = [
            |cold| cold.linger = Some(Duration::ZERO),
            |cold| cold.linger2 = Linger2::Reset,
            |cold| cold.linger2 = Linger2::For(Duration::from_secs(1)),
            |cold| cold.user_timeout = Duration::from_secs(1),
            |cold| cold.keep_idle = Some(Duration::from_secs(1)),
            |cold| cold.keep_intvl = Some(Duration::from_secs(1)),
            |cold| cold.keep_cnt = Some(1),
            |cold| cold.syn_cnt = Some(1),
            |cold| cold.user_mss = Some(1),
        ];
        for (n, set) in set.iter().enumerate() {
            let mut cold = Cold::new(UNA);
            set(&mut cold);
            assert_eq!(cold.inherited(UNA).as_deref(), Some(&cold), "option {n}");
            assert!(!cold.is_idle(0, 500), "option {n}");
        }
        assert_eq!(Cold::new(UNA).inherited(UNA), None);
    }

    /// The rate limit of answers to out-of-window segments is forgotten when it is over.
    #[test]
    fn a_part_is_idle_when_its_rate_limit_is_over() {
        let mut cold = Cold::new(UNA);
        assert!(cold.is_idle(0, 500));
        cold.last_oow_ack = 1_000;
        assert_eq!([1_499, 1_500, 1_501].map(|now| cold.is_idle(now, 500)), [false, true, true]);
    }

    #[test]
    fn bytes_out_of_order_are_counted() {
        let mut cold = Cold::new(UNA);
        assert_eq!(cold.ofo_bytes(), 0);
        for (seq, len) in [(10, 5), (20, 7)] {
            cold.ofo.push(OfoSegment { seq: SeqNum(seq), payload: Payload::opaque(len), fin: false });
        }
        assert_eq!(cold.ofo_bytes(), 12);
    }
}
