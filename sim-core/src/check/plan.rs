//! What a case is: a small world and the faults that befall it.

use core::fmt;

use super::case;
use super::words::Words;
use crate::kernel::sysctl::SysctlError;
use crate::say;
use crate::text::Lang;
use crate::time::Duration;

/// What can go wrong. Each lasts for the time its [`TimedFault`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// MySQL `KILL` of the oldest session; over at once.
    KillSession,
    /// `KILL` of all sessions, as a failover does; over at once.
    KillAll,
    /// SIGKILL of the server; a new one starts at the end.
    RestartServer,
    /// The server's host loses power: its connections are gone and nobody is told. At the end it is up again.
    PowerLoss,
    /// SIGSTOP of the server, SIGCONT at the end: connections are made by its kernel and nobody answers.
    PauseServer,
    /// No packet passes.
    Partition,
    /// One-way loss, client to server.
    LossToServer,
    /// One-way loss, server to client.
    LossToClient,
    /// SIGSTOP of the name server. Matters to clients that connect by name.
    DnsStall,
    /// SYNs are answered with RST: `ECONNREFUSED`.
    Refuse,
    /// SYNs are dropped.
    BlackHole,
    /// SIGKILL of the program under test; it starts anew at the end.
    KillClient,
    /// `sysctl -w` on the host of the program under test; the old value again at the end.
    Sysctl(SysctlChange),
    /// `sysctl -w net.ipv4.ip_local_port_range`: so many ports.
    FewPorts(u16),
    /// `prlimit --nofile` of the program under test.
    FewFds(u16),
    /// So many clients more for a program under test that listens.
    Burst(u16),
}

/// A sysctl of one number and its new value, as [`Fault::Sysctl`] writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SysctlChange {
    name: &'static str,
    value: i32,
}

impl SysctlChange {
    /// `sysctl -w NAME=VALUE`.
    ///
    /// ```
    /// use halfclose::check::{Fault, SysctlChange};
    ///
    /// let fault = Fault::Sysctl(SysctlChange::new("net.ipv4.tcp_syn_retries", 1)?);
    /// assert!(SysctlChange::new("net.ipv4.tcp_syn_retries", 0).is_err());
    /// # Ok::<(), halfclose::kernel::sysctl::SysctlError>(())
    /// ```
    ///
    /// # Errors
    /// What the kernel would say: no such sysctl, or a value out of range.
    pub fn new(name: &str, value: i32) -> Result<Self, SysctlError> {
        let mut sysctls = case::sysctls();
        sysctls.set(name, &value.to_string())?;
        let name = sysctls.names().find(|known| *known == name).expect("what was set has a name");
        Ok(Self { name, value })
    }

    /// Its name, as `sysctl` spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The new value.
    #[must_use]
    pub const fn value(&self) -> i32 {
        self.value
    }
}

impl fmt::Display for SysctlChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Which hosts there are, and who can reach whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topology {
    /// `client` and `db`, with a link between them. The name server runs on `db`, so that who cuts off the
    /// one cuts off the other.
    TwoHosts,
    /// The name server is on a host of its own, `dns`, linked with the client's: names resolve while the
    /// server is out of reach.
    ThreeHosts,
}

/// A fault, when it begins and how long it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedFault {
    /// Since the start.
    pub at: Duration,
    /// How long.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
}

impl TimedFault {
    /// When it is over.
    #[must_use]
    pub fn end(&self) -> Duration {
        if matches!(self.fault, Fault::KillSession | Fault::KillAll) { self.at } else { self.at + self.lasts }
    }

    /// In words.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let lasts = self.lasts;
        match self.fault {
            Fault::KillSession => say!(lang, Words::KillSession),
            Fault::KillAll => say!(lang, Words::KillAll),
            Fault::RestartServer => say!(lang, Words::Restart, lasts),
            Fault::PowerLoss => say!(lang, Words::PowerLoss, lasts),
            Fault::PauseServer => say!(lang, Words::Pause, lasts),
            Fault::Partition => say!(lang, Words::Partition, lasts),
            Fault::LossToServer => say!(lang, Words::LossUp, lasts),
            Fault::LossToClient => say!(lang, Words::LossDown, lasts),
            Fault::DnsStall => say!(lang, Words::DnsStall, lasts),
            Fault::Refuse => say!(lang, Words::Refuse, lasts),
            Fault::BlackHole => say!(lang, Words::BlackHole, lasts),
            Fault::KillClient => say!(lang, Words::KillClient, lasts),
            Fault::Sysctl(change) => say!(lang, Words::Sysctl, lasts, change),
            Fault::FewPorts(n) => say!(lang, Words::FewPorts, lasts, n),
            Fault::FewFds(n) => say!(lang, Words::FewFds, lasts, n),
            Fault::Burst(_) => say!(lang, Words::Burst, lasts),
        }
    }
}

impl fmt::Display for TimedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text(Lang::En))
    }
}

/// One case: everything that decides it, together with the program under test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Seed of every random stream.
    pub seed: u64,
    /// Hosts and links.
    pub topology: Topology,
    /// Source ports of the client's host: `net.ipv4.ip_local_port_range`.
    pub ports: (u16, u16),
    /// RLIMIT_NOFILE of the program under test.
    pub nofile: u16,
    /// The server's `max_connections`.
    pub max_connections: u16,
    /// The server's `connect_timeout`, in seconds.
    pub connect_timeout: u16,
    /// The server's `wait_timeout`, in seconds.
    pub wait_timeout: u16,
    /// One-way delay in microseconds.
    pub latency_us: u32,
    /// Packets lost of a thousand, both ways, all the time.
    pub loss: u16,
    /// What happens, in order of time.
    pub faults: Vec<TimedFault>,
    /// How long the world runs on after the last fault.
    pub settle: Duration,
}

impl Default for Plan {
    /// A roomy world in which nothing happens.
    fn default() -> Self {
        Self {
            seed: 1,
            topology: Topology::TwoHosts,
            ports: (40_000, 40_199),
            nofile: 256,
            max_connections: 151,
            connect_timeout: 10,
            wait_timeout: 28_800,
            latency_us: 100,
            loss: 0,
            faults: Vec::new(),
            settle: Duration::from_secs(60),
        }
    }
}

impl Plan {
    /// When the last fault is over; the start if there is none.
    #[must_use]
    pub fn faults_over(&self) -> Duration {
        self.faults.iter().map(TimedFault::end).max().unwrap_or_default()
    }

    /// When the case ends.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.faults_over() + self.settle
    }
}
