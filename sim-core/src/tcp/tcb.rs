//! The transmission control block (RFC 9293 §3.3.1).

use super::state::TcpState;
use crate::time::Instant;

/// One connection's control block.
#[derive(Clone, Debug, Default)]
pub struct Tcb {
    state: TcpState,
}

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

/// Names as `ss` (and `netstat`) print them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerKind {
    /// Retransmission (`on`).
    Retransmit,
    /// Keepalive or orphan FIN_WAIT2 (`keepalive`).
    KeepAlive,
    /// TIME_WAIT minisock (`timewait`).
    TimeWait,
    /// Zero-window probe (`persist` / `probe`).
    Persist,
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
        0
    }
    /// Send-Q as `ss` shows it: `write_seq - snd_una`.
    #[must_use]
    pub fn send_q(&self) -> u32 {
        0
    }
    /// The earliest instant at which [`super::TcpInput::Timeout`] must be given.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }
    /// What `ss -o` and `netstat -o` show.
    #[must_use]
    pub fn timer_view(&self) -> Option<TimerView> {
        None
    }
}
