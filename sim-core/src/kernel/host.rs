//! One host's kernel: its tables and the entries into it.

use std::sync::Arc;

use super::arena::Arena;
use super::bind_table::{BindOwner, BindTable};
use super::config::{HostConfig, ProcessConfig};
use super::cpu::CpuSet;
use super::effects::Effects;
use super::established_table::{EstablishedHash, EstablishedTable, LocalPortHash};
use super::fd::SystemFiles;
use super::listen_table::ListenTable;
use super::ports::{PortAllocator, ReservedPorts, SearchPlan};
use super::process::Process;
use super::request_sock::RequestSock;
use super::route::Secrets;
use super::socket::{Socket, SocketFlags};
use super::sysctl::{SysctlError, Sysctls};
use super::timewait::TimeWaitSock;
use super::udp::UdpTable;
use crate::errno::Errno;
use crate::rng::SimRng;
use crate::tcp::timers::JiffyClock;
use crate::tcp::{Actions, TcpConfig, TcpState};
use crate::time::{Duration, Instant};
use crate::trace::Counters;
use crate::units::{HostId, Ipv4Addr, Pid, ProcIx, SocketId};

/// One host's network stack, processes and limits.
#[derive(Debug)]
pub struct Kernel {
    pub(crate) id: HostId,
    pub(crate) config: HostConfig,
    /// What the TCP machine reads, kept in step with `config.sysctls`.
    pub(crate) tcp_config: TcpConfig,
    pub(crate) clock: JiffyClock,
    pub(crate) sockets: Arena<Socket>,
    pub(crate) timewaits: Arena<Minisock>,
    pub(crate) requests: Arena<Request>,
    pub(crate) established: EstablishedTable,
    pub(crate) bind: BindTable,
    pub(crate) listeners: ListenTable,
    /// The kernel's own hash of connections: SO_REUSEPORT and the order of rows.
    pub(crate) ehash: EstablishedHash,
    pub(crate) ports: PortAllocator,
    pub(crate) udp: UdpTable,
    pub(crate) processes: Vec<Process>,
    pub(crate) files: SystemFiles,
    pub(crate) cpus: CpuSet,
    pub(crate) mib: Counters,
    /// Full sockets, requests and minisocks by state.
    pub(crate) state_counts: [u32; 11],
    pub(crate) gauges: Gauges,
    pub(crate) rng: SimRng,
    /// Keys of initial sequence numbers, timestamp offsets and SYN cookies.
    pub(crate) secrets: Secrets,
    /// `net.ipv4.ip_local_reserved_ports` as the search reads it.
    pub(crate) reserved: ReservedPorts,
    pub(crate) next_ino: u32,
    /// MTU of the device towards other hosts, in bytes of IPv4.
    pub(crate) mtu: u16,
    pub(crate) scratch: Actions,
    /// The search a `connect()` was priced by.
    pub(crate) planned: Option<(SocketId, SearchPlan)>,
}

/// A request socket and the listener it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) sock: RequestSock,
    pub(crate) listener: SocketId,
}

/// A TIME_WAIT minisock and what the kernel keeps beside it.
#[derive(Clone, Debug)]
pub(crate) struct Minisock {
    pub(crate) sock: TimeWaitSock,
    /// Its claim on the local port.
    pub(crate) bucket: Option<BindOwner>,
    pub(crate) inet6: bool,
}

/// Counts behind `/proc/net/sockstat` that no table's length gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// TCP sockets over IPv4 in a table.
    pub tcp_inuse: u32,
    /// TCP sockets over IPv6 in a table.
    pub tcp6_inuse: u32,
    /// TCP sockets allocated.
    pub tcp_alloc: u32,
    /// UDP sockets.
    pub udp_inuse: u32,
    /// Sockets closed by their process and still alive.
    pub orphans: u32,
}

impl Kernel {
    /// A freshly booted host.
    #[must_use]
    pub fn new(id: HostId, config: HostConfig, mut rng: SimRng) -> Self {
        let secret = rng.next_u64();
        // Linux starts jiffies five minutes before wrap-around; what matters
        // to the model is that hosts do not tick and re-salt in step.
        let boot_jiffies = u64::from(rng.below(1 << 30));
        let clock = JiffyClock::new(config.profile.hz, boot_jiffies, config.timer_rounding);
        let boot_age = Duration::from_nanos(clock.boot_jiffies.saturating_mul(clock.tick_ns()));
        let mut kernel = Self {
            id,
            tcp_config: config.sysctls.tcp_config(&config.profile),
            clock,
            sockets: Arena::new(),
            timewaits: Arena::new(),
            requests: Arena::new(),
            established: EstablishedTable::new(),
            bind: BindTable::new(config.profile.version.since(6, 18)),
            listeners: ListenTable::new(),
            ehash: EstablishedHash::new(
                secret,
                config.sysctls.table_sizes().ehash,
                if config.profile.ehash_adds_port_after { LocalPortHash::Added } else { LocalPortHash::Mixed },
            ),
            ports: PortAllocator::new(secret, config.profile.port_search, config.profile.hz, boot_age),
            reserved: ReservedPorts::new(),
            secrets: Secrets::from_seed(secret),
            udp: UdpTable::default(),
            processes: Vec::new(),
            files: SystemFiles::new(config.unrelated.total().into()),
            cpus: CpuSet::new(config.cpus, config.steal)
                .expect("a checked host has CPUs")
                .migrating(secret, Duration::from_nanos(config.cost.migration_ns.into())),
            mib: Counters::default(),
            state_counts: [0; 11],
            gauges: Gauges::default(),
            rng,
            next_ino: 20_000,
            mtu: super::route::ETHERNET_MTU,
            scratch: Actions::default(),
            planned: None,
            config,
        };
        kernel.read_sysctls();
        for endpoint in kernel.config.bound_ports.clone() {
            kernel.bind.take_bound(endpoint.port(), BindOwner::bound(endpoint.addr()));
        }
        kernel
    }

    /// Host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }
    /// What the host was made of; sysctls are current.
    #[must_use]
    pub const fn config(&self) -> &HostConfig {
        &self.config
    }
    /// Its processes, ended ones included, in order of creation.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }
    /// MIB counters since boot.
    #[must_use]
    pub const fn mib(&self) -> &Counters {
        &self.mib
    }
    /// Its jiffies.
    #[must_use]
    pub const fn clock(&self) -> JiffyClock {
        self.clock
    }
    /// Counts behind `/proc/net/sockstat`, of simulated programs only.
    #[must_use]
    pub const fn gauges(&self) -> Gauges {
        self.gauges
    }
    /// Sockets (full, request, minisock) in a state. TIME_WAIT and FIN_WAIT2
    /// include minisocks, SYN_RECV includes requests.
    #[must_use]
    pub const fn count(&self, state: TcpState) -> u32 {
        self.state_counts[state as usize]
    }
    /// Minisocks: what `timewait` means in `ss -s`.
    #[must_use]
    pub const fn timewait_len(&self) -> u32 {
        self.timewaits.len()
    }
    /// `CurrEstab`: by version with or without CLOSE_WAIT.
    #[must_use]
    pub fn curr_estab(&self) -> u32 {
        let close_wait =
            if self.config.profile.curr_estab_counts_close_wait { self.count(TcpState::CloseWait) } else { 0 };
        self.count(TcpState::Established) + close_wait
    }

    /// Adds a process without running it.
    pub(crate) fn spawn(&mut self, config: &ProcessConfig) -> ProcIx {
        let ix = ProcIx(u32::try_from(self.processes.len()).expect("fewer than 2^32 processes"));
        let pid = config.pid.unwrap_or_else(|| {
            let taken = |pid| self.processes.iter().any(|p| p.pid == Pid(pid));
            (1_000..u32::MAX).find(|&pid| !taken(pid)).expect("fewer than 2^32 processes")
        });
        let process = Process::new(Pid(pid), config);
        self.files.inherit(process.fds().open_count().into());
        self.processes.push(process);
        ix
    }

    /// True if the address belongs to this host.
    #[must_use]
    pub fn is_local(&self, addr: Ipv4Addr) -> bool {
        addr.is_loopback() || addr.is_unspecified() || self.config.addrs.contains(&addr)
    }

    /// Writes a sysctl as `sysctl -w` does.
    ///
    /// # Errors
    /// Linux's own refusal, see [`Sysctls::set`].
    pub fn sysctl_write(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.config.sysctls.set(name, value)?;
        self.read_sysctls();
        Ok(())
    }

    /// Takes over what is kept in another form than the sysctls'.
    fn read_sysctls(&mut self) {
        self.tcp_config = self.config.sysctls.tcp_config(&self.config.profile);
        self.reserved.replace(Arc::clone(self.config.sysctls.ip_local_reserved_ports()));
    }

    /// Files open now, those of programs that are not simulated included: the
    /// first number of `fs.file-nr`.
    #[must_use]
    pub const fn files_open(&self) -> u64 {
        self.files.open()
    }

    /// Current sysctls.
    #[must_use]
    pub const fn sysctls(&self) -> &Sysctls {
        &self.config.sysctls
    }

    /// Ends a process: closes its descriptors in order (`exit_files`).
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn exit(&mut self, now: Instant, process: ProcIx, fx: &mut Effects) {
        self.processes[process.index()].alive = false;
        let fds: Vec<_> = self.processes[process.index()].fds.iter().map(|(fd, _)| fd).collect();
        for fd in fds {
            let closed = self.close_fd(now, process, fd, fx);
            debug_assert!(closed.is_ok(), "an open descriptor closes");
        }
    }

    pub(crate) fn socket(&self, id: SocketId) -> &Socket {
        self.sockets.get(id.0).expect("a descriptor or table refers to a live socket")
    }
    pub(crate) fn socket_mut(&mut self, id: SocketId) -> &mut Socket {
        self.sockets.get_mut(id.0).expect("a descriptor or table refers to a live socket")
    }
    /// `setrlimit(RLIMIT_NOFILE)` from outside (`prlimit`), with root's rights.
    ///
    /// # Errors
    /// `EINVAL` for soft above hard, `EPERM` above `fs.nr_open`.
    pub fn prlimit(&mut self, process: ProcIx, limits: crate::app::Limits) -> Result<(), Errno> {
        let nr_open = self.config.sysctls.nr_open();
        self.processes[process.index()].fds.set_limits(limits, nr_open, true)
    }

    /// Open files of the whole host, the first number of `fs.file-nr`.
    #[must_use]
    pub const fn open_files(&self) -> u64 {
        self.files.open()
    }

    /// A copy that shares memory until written.
    pub(crate) fn fork(&mut self) -> Self {
        Self {
            id: self.id,
            config: self.config.clone(),
            tcp_config: self.tcp_config.clone(),
            clock: self.clock,
            sockets: self.sockets.fork(),
            timewaits: self.timewaits.fork(),
            requests: self.requests.fork(),
            established: self.established.clone(),
            bind: self.bind.clone(),
            listeners: self.listeners.clone(),
            ehash: self.ehash,
            ports: self.ports.clone(),
            udp: self.udp.clone(),
            processes: self.processes.clone(),
            files: self.files,
            cpus: self.cpus.clone(),
            mib: self.mib.clone(),
            state_counts: self.state_counts,
            gauges: self.gauges,
            rng: self.rng.clone(),
            secrets: self.secrets,
            reserved: self.reserved.clone(),
            next_ino: self.next_ino,
            mtu: self.mtu,
            scratch: Actions::default(),
            planned: None,
        }
    }

    /// How late a sleep of a process returns.
    pub(crate) fn sleep_lateness(&mut self) -> Duration {
        self.config.cost.sleep_lateness(&mut self.rng)
    }

    /// Sockets, minisocks and requests.
    pub(crate) const fn socket_total(&self) -> u32 {
        self.sockets.len() + self.timewaits.len() + self.requests.len()
    }

    /// Uptime at virtual time 0.
    pub(crate) const fn boot_age(&self) -> Duration {
        Duration::from_nanos(self.clock.boot_jiffies.saturating_mul(self.clock.tick_ns()))
    }

    pub(crate) fn inode(&mut self) -> u32 {
        self.next_ino += 1;
        self.next_ino
    }
}

impl Socket {
    /// Marks it as being in (or out of) a lookup table: `inuse`.
    pub(crate) fn set_hashed(&mut self, on: bool, gauges: &mut Gauges, processes: &mut [Process]) {
        if self.flags.has(SocketFlags::HASHED) == on {
            return;
        }
        self.flags.set(SocketFlags::HASHED, on);
        let gauge = if self.is_inet6() { &mut gauges.tcp6_inuse } else { &mut gauges.tcp_inuse };
        *gauge = if on { *gauge + 1 } else { *gauge - 1 };
        if let Some(owner) = self.owner {
            processes[owner.process.index()].count_parity(self.local_port(), on);
        }
    }
}
