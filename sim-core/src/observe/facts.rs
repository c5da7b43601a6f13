//! What a run leaves behind for the findings: plain numbers.

use crate::app::Limits;
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::units::{Port, Ratio};

/// The numbers of a finished run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// The process that connects.
    pub client: ClientFacts,
    /// The process it connects to.
    pub server: ServerFacts,
    /// The client's port search.
    pub ports: PortFacts,
    /// Limits of the client's host.
    pub host: HostFacts,
    /// How fast the client's connections grew until the first limit of its own host; `None` if they did not.
    pub growth: Option<Growth>,
    /// Connection ends on the client's side at the end, by state.
    pub client_side: StateCounts,
    /// Connection ends on the server's side at the end, by state.
    pub server_side: StateCounts,
}

/// A limit was reached: when, and how many connections were open then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// First time.
    pub at: Instant,
    /// The client's connections just before.
    pub connections: u64,
    /// TIME_WAIT minisocks of its host then, each with a port; 0 for a server's limit.
    pub time_wait: u64,
}

/// Connections that pile up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// When it began: the KILL, or the start.
    pub since: Instant,
    /// How long it went on.
    pub span: Duration,
    /// Connections open after that.
    pub connections: u64,
}

/// The connecting process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// Its name.
    pub name: String,
    /// RLIMIT_NOFILE at the end.
    pub nofile: Option<Limits>,
    /// Soft RLIMIT_NOFILE of the operator's shell, what `ulimit -n` would show.
    pub shell_nofile: Option<u64>,
    /// Sockets it has open at the end and lost track of.
    pub abandoned: u64,
    /// Successful `socket()`, as a trace of its calls adds up.
    pub opened_sockets: u64,
    /// `openat()`.
    pub opened_files: u64,
    /// `close()`.
    pub closed: u64,
    /// Sockets it had lost track of, which its own end closed.
    pub released: u64,
    /// Attempts to connect a second, over the storm.
    pub attempts_per_second: u64,
    /// Wait after a failed attempt; `None` if it grows, or nothing failed.
    pub fixed_retry: Option<Duration>,
    /// When it was served again after the first failure.
    pub recovered: Option<Instant>,
    /// First `EMFILE` (soft RLIMIT_NOFILE).
    pub emfile: Option<Reached>,
    /// First `ENFILE` (`fs.file-max`).
    pub enfile: Option<Reached>,
    /// Soft RLIMIT_NOFILE when that happened.
    pub emfile_soft: Option<u64>,
    /// Descriptors it has open at the end.
    pub open_files: u64,
    /// The system call that got the first of those.
    pub failing_call: String,
}

/// The MySQL server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its name.
    pub name: String,
    /// `max_connections` at the end.
    pub max_connections: u64,
    /// `connect_timeout` at the end.
    pub connect_timeout: Duration,
    /// First ERR 1040.
    pub first_refusal: Option<Reached>,
    /// Connections refused with ERR 1040 (`Connection_errors_max_connections`).
    pub refused: u64,
    /// Most sessions at once that had not authenticated.
    pub unauthenticated_peak: u64,
    /// Sessions that ended by `connect_timeout`.
    pub timed_out: u64,
    /// `ListenOverflows`.
    pub accept_overflows: u64,
    /// What its accept queue holds: min(backlog, somaxconn) + 1.
    pub accept_capacity: u64,
    /// Clients refused with ERR 1129, and `max_connect_errors`.
    pub blocked: Option<(String, u64)>,
}

/// The client's search for source ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortFacts {
    /// Where to: `127.0.0.1:3306`.
    pub destination: String,
    /// First port of `net.ipv4.ip_local_port_range` at the end.
    pub low: Port,
    /// Last port of it.
    pub high: Port,
    /// Ports of the range owned by bound or listening sockets, or reserved.
    pub unusable: u64,
    /// First `EADDRNOTAVAIL`, or `EADDRINUSE` of a `bind()` that asked for any port.
    pub exhausted: Option<Reached>,
    /// It was a `bind()`.
    pub exhausted_in_bind: bool,
    /// When the search first took a port of the other parity.
    pub other_parity: Option<Reached>,
    /// Mean CPU time of a connect() before the other parity began.
    pub cost_before: Duration,
    /// Mean CPU time of a successful connect() after it.
    pub cost_after: Duration,
    /// Candidates one failing connect() inspects.
    pub candidates_when_exhausted: u64,
    /// Share of one CPU spent in connect() once exhausted.
    pub cpu_when_exhausted: Option<Ratio>,
    /// Name of the cost profile.
    pub cost_profile: String,
    /// Granularity of the 60-s timer (2.048 s at HZ 250).
    pub time_wait_quantum: Duration,
}

impl PortFacts {
    /// Ports in the range, both ends included; 0 for a range not given.
    #[must_use]
    pub fn range_size(&self) -> u64 {
        if self.high == Port::NONE { 0 } else { (u64::from(self.high.0) + 1).saturating_sub(u64::from(self.low.0)) }
    }

    /// Ports connect() may use.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.range_size().saturating_sub(self.unusable)
    }

    /// Connections a second the range sustains when each port waits 60 s in
    /// TIME_WAIT, plus half the timer's granularity on average.
    #[must_use]
    pub fn sustained_rate(&self) -> u64 {
        let wait = Duration::from_secs(60).as_millis() + self.time_wait_quantum.as_millis() / 2;
        (self.usable() * 1000 + wait / 2) / wait
    }
}

/// Limits of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Its name.
    pub name: String,
    /// `fs.file-max`.
    pub file_max: u64,
    /// Open files of all its processes at the end.
    pub open_files: u64,
    /// `net.ipv4.tcp_max_tw_buckets`.
    pub tcp_max_tw_buckets: u64,
    /// `TCPTimeWaitOverflow`.
    pub time_wait_overflows: u64,
    /// `net.ipv4.tcp_max_orphans`.
    pub tcp_max_orphans: u64,
    /// Connections reset because of it.
    pub orphans_reset: u64,
}

impl RunFacts {
    /// Ports in TIME_WAIT at the first `EADDRNOTAVAIL`, where they and no open
    /// connections hold the range; else 0.
    #[must_use]
    pub fn in_time_wait(&self) -> u64 {
        self.ports
            .exhausted
            .filter(|reached| reached.time_wait > reached.connections)
            .map_or(0, |reached| reached.time_wait)
    }
}

/// How many connection ends are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts(pub [u64; TcpState::ALL.len()]);

impl StateCounts {
    /// Ends in one state; FIN_WAIT2 includes its minisocks.
    #[must_use]
    pub const fn get(&self, state: TcpState) -> u64 {
        self.0[state as usize]
    }
    /// Counts one more.
    pub const fn add(&mut self, state: TcpState, n: u64) {
        self.0[state as usize] += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_range_sustains_463_a_second_at_hz_250() {
        let ports = PortFacts {
            low: Port(32_768),
            high: Port(60_999),
            time_wait_quantum: Duration::from_millis(2_048),
            ..PortFacts::default()
        };
        assert_eq!((ports.range_size(), ports.sustained_rate()), (28_232, 463));
        assert_eq!(PortFacts::default().usable(), 0);
    }
}
