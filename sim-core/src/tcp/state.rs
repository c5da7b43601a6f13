//! The eleven states of RFC 9293 §3.3.2 and the causes of leaving one.

use core::fmt;

/// A connection state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum TcpState {
    /// No connection.
    #[default]
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// SYN sent, waiting for a matching one.
    SynSent,
    /// SYN received and sent, waiting for its acknowledgment.
    SynReceived,
    /// Open.
    Established,
    /// FIN sent, not yet acknowledged.
    FinWait1,
    /// Our FIN acknowledged, waiting for the peer's.
    FinWait2,
    /// The peer's FIN received, waiting for our application to close.
    CloseWait,
    /// Both FINs sent at once, ours not yet acknowledged.
    Closing,
    /// FIN sent after the peer's, not yet acknowledged.
    LastAck,
    /// Both closed, waiting for old segments to die out.
    TimeWait,
}

impl TcpState {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// As RFC 9293 writes it: `CLOSE-WAIT`.
    #[must_use]
    pub const fn rfc_name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// As metrics and scenario files write it: `close_wait`.
    #[must_use]
    pub const fn metric_name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Listen => "listen",
            Self::SynSent => "syn_sent",
            Self::SynReceived => "syn_recv",
            Self::Established => "established",
            Self::FinWait1 => "fin_wait1",
            Self::FinWait2 => "fin_wait2",
            Self::CloseWait => "close_wait",
            Self::Closing => "closing",
            Self::LastAck => "last_ack",
            Self::TimeWait => "time_wait",
        }
    }
}
impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rfc_name())
    }
}

/// Why a state was left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Cause {
    /// `connect()`.
    ActiveOpen,
    /// `listen()`.
    PassiveOpen,
    /// A SYN arrived.
    SynArrived,
    /// A SYN with the acknowledgment of ours arrived.
    SynAckArrived,
    /// The acknowledgment of our SYN arrived.
    AckOfSyn,
    /// `close()` or process exit.
    Close,
    /// `shutdown(SHUT_WR)`.
    Shutdown,
    /// The peer's FIN arrived.
    FinArrived,
    /// The acknowledgment of our FIN arrived.
    AckOfFin,
    /// The peer's FIN and the acknowledgment of ours arrived in one segment:
    /// RFC 9293's, never Linux's, which takes them in two steps.
    FinAckArrived,
    /// An acceptable RST arrived.
    RstArrived,
    /// We reset: unread data, SO_LINGER 0, or `tcp_max_orphans`.
    Abort,
    /// Retransmission, keepalive or user timeout gave up.
    TimedOut,
    /// An ICMP error ended the attempt.
    IcmpError,
    /// The 60 s of TIME_WAIT or FIN_WAIT2 are over.
    TimerExpired,
    /// Out of a resource: `tcp_max_tw_buckets`, `tcp_max_orphans`.
    Overflow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_rfcs_and_the_metrics() {
        let names = TcpState::ALL.map(|state| state.to_string());
        assert_eq!(names[2..5], ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]);
        for state in TcpState::ALL {
            let metric = state.rfc_name().to_lowercase().replace('-', "_");
            let short = metric.replace("received", "recv").replace("wait_1", "wait1").replace("wait_2", "wait2");
            assert_eq!(state.metric_name(), short);
        }
    }
}
