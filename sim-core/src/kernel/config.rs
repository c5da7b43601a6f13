//! What a host and its processes are made of, before they run.

use super::{CostProfile, KernelProfile, Sysctls};
use crate::app::Limits;
use crate::units::{Endpoint, Ipv4Addr, Port, Ratio};

/// A host as the scenario describes it.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Name in metrics and `--host`: `host`, `client`, `db`.
    pub name: String,
    /// Addresses besides 127.0.0.0/8, the first is the default source.
    pub addrs: Vec<Ipv4Addr>,
    /// Kernel version and what follows from it.
    pub profile: KernelProfile,
    /// Number of CPUs.
    pub cpus: u32,
    /// RAM in bytes: decides table sizes and defaults.
    pub ram_bytes: u64,
    /// Settings at the start.
    pub sysctls: Sysctls,
    /// CPU costs.
    pub cost: CostProfile,
    /// CPU time the hypervisor takes.
    pub steal: Ratio,
    /// `timer_rounding = off` makes kernel timers exact.
    pub timer_rounding: bool,
    /// Sockets of programs that are not simulated.
    pub unrelated: UnrelatedSockets,
    /// Other machines' or containers' listeners and bound sockets in this
    /// host's port space: `(address or 0.0.0.0, port)`; counted in `unrelated`'s
    /// numbers only if listed there too.
    pub bound_ports: Vec<Endpoint>,
}

impl HostConfig {
    /// A host of two CPUs and 8 GiB with its kernel's defaults, and nothing else on it.
    #[must_use]
    pub fn new(name: &str, addr: Ipv4Addr, profile: KernelProfile) -> Self {
        let ram_bytes = 8 << 30;
        Self {
            name: name.to_owned(),
            addrs: vec![addr],
            sysctls: Sysctls::new(&profile, ram_bytes),
            profile,
            cpus: 2,
            ram_bytes,
            cost: CostProfile::kernel_truth(),
            steal: Ratio::ZERO,
            timer_rounding: true,
            unrelated: UnrelatedSockets::default(),
            bound_ports: Vec::new(),
        }
    }
}

/// Sockets of programs that are not simulated, as counts for `ss -s` and
/// `/proc/net/sockstat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnrelatedSockets {
    /// TCP sockets over IPv4 in the hash tables (established and listening).
    pub tcp_ipv4: u32,
    /// TCP sockets over IPv6, likewise.
    pub tcp_ipv6: u32,
    /// Of both, how many are ESTABLISHED.
    pub tcp_established: u32,
    /// TCP sockets allocated but in no table (CLOSED).
    pub tcp_unhashed: u32,
    /// UDP sockets over IPv4.
    pub udp_ipv4: u32,
    /// UDP sockets over IPv6.
    pub udp_ipv6: u32,
    /// RAW sockets over IPv4.
    pub raw_ipv4: u32,
    /// RAW sockets over IPv6.
    pub raw_ipv6: u32,
    /// Everything else `sockets: used` counts (unix, netlink, packet, …).
    pub other: u32,
}

impl UnrelatedSockets {
    /// All of them, each also an open file.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.tcp_ipv4
            + self.tcp_ipv6
            + self.tcp_unhashed
            + self.udp_ipv4
            + self.udp_ipv6
            + self.raw_ipv4
            + self.raw_ipv6
            + self.other
    }
}

/// A process as the scenario describes it.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// `comm` as `ss -p` prints it, and its name in metrics.
    pub name: String,
    /// Process id; `None` for the next free one.
    pub pid: Option<u32>,
    /// RLIMIT_NOFILE.
    pub nofile: Limits,
    /// CAP_SYS_ADMIN: exempt from `fs.file-max`.
    pub cap_sys_admin: bool,
    /// CAP_SYS_RESOURCE: may raise hard limits.
    pub cap_sys_resource: bool,
    /// Descriptors open at start besides 0, 1 and 2.
    pub extra_fds: u32,
}

impl ProcessConfig {
    /// An ordinary process: no capabilities, this soft limit of descriptors and a hard one of at least 1024.
    #[must_use]
    pub fn new(name: &str, nofile: u64) -> Self {
        Self {
            name: name.to_owned(),
            pid: None,
            nofile: Limits { soft: nofile, hard: nofile.max(1_024) },
            cap_sys_admin: false,
            cap_sys_resource: false,
            extra_fds: 0,
        }
    }
}

/// Port ranges written `low..=high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    /// First port.
    pub low: Port,
    /// Last port, inclusive.
    pub high: Port,
}
