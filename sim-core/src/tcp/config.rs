//! What the machine reads besides the segment and the control block.

use super::timers::JiffyClock;
use crate::time::{Duration, Instant};

/// The sysctls and version rules of one host that the TCP machine obeys.
/// Names are the sysctls'; units as documented on each field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a Linux switch of its own")]
pub struct TcpConfig {
    /// `net.ipv4.tcp_syn_retries`.
    pub tcp_syn_retries: u8,
    /// `net.ipv4.tcp_syn_linear_timeouts` (Linux 6.5; 0 before).
    pub tcp_syn_linear_timeouts: u8,
    /// `net.ipv4.tcp_synack_retries`.
    pub tcp_synack_retries: u8,
    /// `net.ipv4.tcp_retries1`.
    pub tcp_retries1: u8,
    /// `net.ipv4.tcp_retries2`.
    pub tcp_retries2: u8,
    /// `net.ipv4.tcp_orphan_retries`; 0 means 8.
    pub tcp_orphan_retries: u8,
    /// `net.ipv4.tcp_fin_timeout`.
    pub tcp_fin_timeout: Duration,
    /// `net.ipv4.tcp_rto_min_us`.
    pub tcp_rto_min: Duration,
    /// `net.ipv4.tcp_rto_max_ms`.
    pub tcp_rto_max: Duration,
    /// `net.ipv4.tcp_keepalive_time`.
    pub tcp_keepalive_time: Duration,
    /// `net.ipv4.tcp_keepalive_intvl`.
    pub tcp_keepalive_intvl: Duration,
    /// `net.ipv4.tcp_keepalive_probes`.
    pub tcp_keepalive_probes: u8,
    /// `net.ipv4.tcp_invalid_ratelimit`.
    pub tcp_invalid_ratelimit: Duration,
    /// `net.ipv4.tcp_timestamps`.
    pub tcp_timestamps: bool,
    /// `net.ipv4.tcp_sack`.
    pub tcp_sack: bool,
    /// `net.ipv4.tcp_window_scaling`.
    pub tcp_window_scaling: bool,
    /// `net.ipv4.tcp_rfc1337`.
    pub tcp_rfc1337: bool,
    /// `net.ipv4.tcp_abort_on_overflow`.
    pub tcp_abort_on_overflow: bool,
    /// Second value of `net.ipv4.tcp_rmem`: the receive buffer's size in bytes.
    pub tcp_rmem_default: u32,
    /// Third value of `net.ipv4.tcp_rmem`, in bytes: it decides the window scale.
    pub tcp_rmem_max: u32,
    /// Second value of `net.ipv4.tcp_wmem`: the send buffer's size in bytes.
    pub tcp_wmem_default: u32,
    /// How often a peer's timestamp clock is taken to tick in a second.
    pub peer_tsval_hz: u16,
    /// A bare ACK below RCV.NXT that fails PAWS is dropped without an answer.
    pub paws_drops_old_ack: bool,
}

/// One step's surroundings.
#[derive(Clone, Copy, Debug)]
pub struct TcpContext<'a> {
    /// The time of the step.
    pub now: Instant,
    /// The host's jiffies and their rounding.
    pub clock: JiffyClock,
    /// The host's settings.
    pub config: &'a TcpConfig,
}
