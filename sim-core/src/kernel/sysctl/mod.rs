//! A host's sysctls: defaults by kernel version and RAM, reading and writing
//! as `/proc/sys` does it.
//!
//! One network namespace a host: what Linux keeps per namespace and per host
//! is the same here. Values take effect when the code they govern next reads
//! them, as in Linux: a changed `tcp_fin_timeout` leaves running timers alone.

mod proc;
mod ram;
mod table;

use std::sync::Arc;

pub use ram::TableSizes;

use self::proc::{Number, Refused};
use self::table::{Default as DefaultFrom, IntSysctl, Kind};
use super::PortSet;
use super::config::PortRange;
use super::profile::{KernelProfile, KernelVersion};
use crate::errno::Errno;
use crate::tcp::TcpConfig;
use crate::text::nearest;
use crate::time::Duration;
use crate::units::Port;

/// All sysctls of the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Id {
    Int(IntSysctl),
    IpLocalPortRange,
    IpLocalReservedPorts,
    TcpRmem,
    TcpWmem,
    FileMax,
}

/// The ones that are not a single `int`.
const OTHERS: [Id; 5] = [Id::IpLocalPortRange, Id::IpLocalReservedPorts, Id::TcpRmem, Id::TcpWmem, Id::FileMax];

impl Id {
    fn all() -> impl Iterator<Item = Self> {
        IntSysctl::ALL.into_iter().map(Self::Int).chain(OTHERS)
    }

    fn find(name: &str) -> Option<Self> {
        Self::all().find(|id| id.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Int(int) => int.name(),
            Self::IpLocalPortRange => "net.ipv4.ip_local_port_range",
            Self::IpLocalReservedPorts => "net.ipv4.ip_local_reserved_ports",
            Self::TcpRmem => "net.ipv4.tcp_rmem",
            Self::TcpWmem => "net.ipv4.tcp_wmem",
            Self::FileMax => "fs.file-max",
        }
    }

    fn doc(self) -> &'static str {
        match self {
            Self::Int(int) => int.doc().trim(),
            Self::IpLocalPortRange => {
                "`net.ipv4.ip_local_port_range`: first and last port of connect() and bind(0), both included (ip-sysctl)."
            }
            Self::IpLocalReservedPorts => {
                "`net.ipv4.ip_local_reserved_ports`: ports connect() and bind(0) skip (ip-sysctl)."
            }
            Self::TcpRmem => "`net.ipv4.tcp_rmem`: least, initial and largest receive buffer in bytes (`tcp_init`).",
            Self::TcpWmem => "`net.ipv4.tcp_wmem`: least, initial and largest send buffer in bytes (`tcp_init`).",
            Self::FileMax => "`fs.file-max`: open files on the whole host before ENFILE (`alloc_empty_file`).",
        }
    }

    fn exists(self, version: KernelVersion) -> bool {
        match self {
            Self::Int(int) => int.exists(version),
            Self::IpLocalPortRange | Self::IpLocalReservedPorts | Self::TcpRmem | Self::TcpWmem | Self::FileMax => true,
        }
    }
}

/// Why a sysctl was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SysctlError {
    /// No such name (ENOENT), with the nearest that exists.
    #[error("no sysctl is called `{name}`{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name of this kernel, if one is near.
        nearest: Option<&'static str>,
    },
    /// A later kernel has it (ENOENT).
    #[error("`{name}` came with Linux {}.{}; this kernel is {version}", .since.0, .since.1)]
    NotInKernel {
        /// The sysctl.
        name: &'static str,
        /// First mainline release that has it.
        since: (u16, u16),
        /// This host's kernel.
        version: KernelVersion,
    },
    /// It cannot be written (EACCES).
    #[error("`{name}` is read only")]
    ReadOnly {
        /// The sysctl.
        name: &'static str,
    },
    /// The kernel refuses the value (EINVAL).
    #[error("`{name}` does not take `{value}`: it must be {rule}")]
    Invalid {
        /// The sysctl.
        name: &'static str,
        /// What was written.
        value: String,
        /// What it would take.
        rule: String,
    },
}

impl SysctlError {
    /// The errno `write()` or `open()` under `/proc/sys` gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Unknown { .. } | Self::NotInKernel { .. } => Errno::NoEnt,
            Self::ReadOnly { .. } => Errno::Acces,
            Self::Invalid { .. } => Errno::Inval,
        }
    }
}

/// `tcp_tw_reuse`: when connect() may take over a TIME_WAIT port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TwReuse {
    /// 0.
    Never,
    /// 1.
    Always,
    /// 2: only if either address is in 127.0.0.0/8 or the socket is bound to `lo`.
    Loopback,
}

/// The settings of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctls {
    ints: [i32; IntSysctl::COUNT],
    ip_local_port_range: PortRange,
    ip_local_reserved_ports: Arc<PortSet>,
    tcp_rmem: [i32; 3],
    tcp_wmem: [i32; 3],
    file_max: u64,
    sizes: TableSizes,
    version: KernelVersion,
    hz: u32,
}

impl Sysctls {
    /// The defaults of a kernel on a machine with `ram_bytes` of RAM.
    #[must_use]
    pub fn new(profile: &KernelProfile, ram_bytes: u64) -> Self {
        let sizes = TableSizes::for_ram(ram_bytes);
        let ints = IntSysctl::ALL.map(|int| match int.default() {
            DefaultFrom::Fixed(value) => value,
            DefaultFrom::Profile(value) => value(profile),
            DefaultFrom::Ram(value) => value(profile, &sizes),
        });
        Self {
            ints,
            ip_local_port_range: PortRange { low: Port(32_768), high: Port(60_999) },
            ip_local_reserved_ports: Arc::new(PortSet::new()),
            tcp_rmem: ram::tcp_rmem(profile, ram_bytes),
            tcp_wmem: ram::tcp_wmem(ram_bytes),
            file_max: ram::file_max(ram_bytes),
            sizes,
            version: profile.version,
            hz: profile.hz,
        }
    }

    /// The names this kernel has, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let version = self.version;
        let mut names: Vec<_> = Id::all().filter(|id| id.exists(version)).map(Id::name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Names and values as `sysctl -a` lists them, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        self.names().filter_map(|name| self.get(name).map(|value| (name, value)))
    }

    /// One line on what a sysctl does, with its unit and source.
    #[must_use]
    pub fn doc(name: &str) -> Option<&'static str> {
        Id::find(name).map(Id::doc)
    }

    /// The value as `/proc/sys` prints it, without the newline; `None` if this
    /// kernel has no such sysctl.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let id = Id::find(&dotted(name)).filter(|id| id.exists(self.version))?;
        Some(match id {
            Id::Int(int) => self.ints[int as usize].to_string(),
            Id::IpLocalPortRange => format!("{}\t{}", self.ip_local_port_range.low, self.ip_local_port_range.high),
            Id::IpLocalReservedPorts => self.ip_local_reserved_ports.to_string(),
            Id::TcpRmem => tabbed(self.tcp_rmem),
            Id::TcpWmem => tabbed(self.tcp_wmem),
            Id::FileMax => self.file_max.to_string(),
        })
    }

    /// `sysctl -w name=value`: writes `value` with the kernel's own checks.
    ///
    /// # Errors
    /// See [`SysctlError`]. A refused value changes nothing, except that
    /// `tcp_rmem` and `tcp_wmem` keep the numbers before the bad one, as in Linux.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        let dotted = dotted(name);
        let Some(id) = Id::find(&dotted) else {
            return Err(SysctlError::Unknown { nearest: self.nearest(&dotted), name: dotted });
        };
        if let Id::Int(int) = id
            && !int.exists(self.version)
        {
            return Err(SysctlError::NotInKernel { name: id.name(), since: int.since(), version: self.version });
        }
        if id == Id::Int(IntSysctl::TcpEhashEntries) {
            return Err(SysctlError::ReadOnly { name: id.name() });
        }
        self.write(id, value).map_err(|Refused| SysctlError::Invalid {
            name: id.name(),
            value: value.chars().take(80).collect(),
            rule: self.rule(id),
        })
    }

    fn write(&mut self, id: Id, value: &str) -> Result<(), Refused> {
        match id {
            Id::Int(int) => self.ints[int as usize] = self.checked_int(int, proc::first_number(value)?)?,
            Id::IpLocalPortRange => self.write_port_range(value)?,
            Id::IpLocalReservedPorts => {
                // An empty write never reaches the handler; `sysctl -w name=` writes a newline.
                self.ip_local_reserved_ports = Arc::new(proc::port_list(value)?);
            }
            Id::TcpRmem => proc::write_ints(value, &mut self.tcp_rmem, 1, i32::MAX)?,
            Id::TcpWmem => proc::write_ints(value, &mut self.tcp_wmem, 1, i32::MAX)?,
            Id::FileMax => self.write_file_max(value)?,
        }
        Ok(())
    }

    /// The value a number becomes under its sysctl's checks.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn checked_int(&self, int: IntSysctl, number: Number) -> Result<i32, Refused> {
        let value = match int.kind_in(self.version) {
            Kind::Int => number.int()?,
            Kind::IntIn(min, max) | Kind::ByteIn(min, max) => {
                let value = number.int()?;
                if !(min..=max).contains(&value) {
                    return Err(Refused);
                }
                value
            }
            Kind::Seconds if number.magnitude > u64::from(self.max_seconds()) => return Err(Refused),
            Kind::Seconds => number.int()?,
            Kind::Millis => self.whole_jiffies_ms(number.int()?)?,
            Kind::Byte | Kind::ReadOnly => return Err(Refused),
        };
        let low = i32::from(self.ip_local_port_range.low.0);
        if int == IntSysctl::IpUnprivilegedPortStart && value > low {
            return Err(Refused);
        }
        Ok(value)
    }

    /// `INT_MAX / HZ`.
    fn max_seconds(&self) -> u32 {
        i32::MAX.unsigned_abs() / self.hz
    }

    /// `msecs_to_jiffies` and back: up to the next tick.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn whole_jiffies_ms(&self, ms: i32) -> Result<i32, Refused> {
        let ms = u64::try_from(ms).map_err(|_| Refused)?;
        let jiffies = (ms * u64::from(self.hz)).div_ceil(1000);
        i32::try_from(jiffies * 1000 / u64::from(self.hz)).map_err(|_| Refused)
    }

    /// `ipv4_local_port_range`: both numbers or the first alone; all or nothing.
    fn write_port_range(&mut self, value: &str) -> Result<(), Refused> {
        let PortRange { low, high } = self.ip_local_port_range;
        let mut bounds = [i32::from(low.0), i32::from(high.0)];
        proc::write_ints(value, &mut bounds, 1, 65_535)?;
        let unprivileged =
            if IntSysctl::IpUnprivilegedPortStart.exists(self.version) { self.ip_unprivileged_port_start() } else { 0 };
        if bounds[1] < bounds[0] || bounds[0] < unprivileged {
            return Err(Refused);
        }
        let port = |bound: i32| u16::try_from(bound).map(Port).map_err(|_| Refused);
        self.ip_local_port_range = PortRange { low: port(bounds[0])?, high: port(bounds[1])? };
        Ok(())
    }

    /// `proc_doulongvec_minmax`: a negative number is ignored without an error.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn write_file_max(&mut self, value: &str) -> Result<(), Refused> {
        let number = proc::first_number(value)?;
        if number.negative {
            return Ok(());
        }
        if i64::try_from(number.magnitude).is_err() {
            return Err(Refused);
        }
        self.file_max = number.magnitude;
        Ok(())
    }

    /// What a sysctl takes, in words, for the error message.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn rule(&self, id: Id) -> String {
        match id {
            Id::Int(IntSysctl::IpUnprivilegedPortStart) => {
                format!("0 to 65535 and not above the first local port, {}", self.ip_local_port_range.low)
            }
            Id::Int(int) => match int.kind_in(self.version) {
                Kind::IntIn(min, max) | Kind::ByteIn(min, max) => format!("a whole number from {min} to {max}"),
                Kind::Seconds => format!("whole seconds up to {}", self.max_seconds()),
                Kind::Millis => "whole milliseconds from 0 to 2147483647".to_owned(),
                Kind::Int | Kind::Byte | Kind::ReadOnly => "a whole number of 32 bits".to_owned(),
            },
            Id::IpLocalPortRange => format!(
                "two ports up to 65535, the first at least {} and not above the second",
                self.ip_unprivileged_port_start().max(1)
            ),
            Id::IpLocalReservedPorts => "ports and ranges with commas and no spaces, `8080,9000-9100`".to_owned(),
            Id::TcpRmem | Id::TcpWmem => "up to three sizes in bytes, each 1 or more".to_owned(),
            Id::FileMax => "a whole number up to 9223372036854775807".to_owned(),
        }
    }

    /// The name of this kernel nearest to `wanted` by its last part: the folders
    /// are alike in most names.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn nearest(&self, wanted: &str) -> Option<&'static str> {
        fn leaf(name: &str) -> &str {
            name.rsplit('.').next().unwrap_or_default()
        }
        let near = nearest(leaf(wanted), self.names().map(leaf))?;
        self.names().find(|name| leaf(name) == near)
    }

    /// `net.ipv4.ip_local_port_range`, both ends included.
    #[must_use]
    pub const fn ip_local_port_range(&self) -> PortRange {
        self.ip_local_port_range
    }

    /// `net.ipv4.ip_local_reserved_ports`.
    #[must_use]
    pub const fn ip_local_reserved_ports(&self) -> &Arc<PortSet> {
        &self.ip_local_reserved_ports
    }

    /// `net.ipv4.tcp_rmem`: least, initial, largest, in bytes.
    #[must_use]
    pub const fn tcp_rmem(&self) -> [i32; 3] {
        self.tcp_rmem
    }

    /// `net.ipv4.tcp_wmem`: least, initial, largest, in bytes.
    #[must_use]
    pub const fn tcp_wmem(&self) -> [i32; 3] {
        self.tcp_wmem
    }

    /// `fs.file-max`.
    #[must_use]
    pub const fn file_max(&self) -> u64 {
        self.file_max
    }

    /// `net.ipv4.tcp_max_tw_buckets` as the limit it is: the comparison is
    /// unsigned, a negative value means no limit (measured on Linux 6.18).
    #[must_use]
    pub fn max_tw_buckets(&self) -> u32 {
        u32::try_from(self.tcp_max_tw_buckets()).unwrap_or(u32::MAX)
    }

    /// `net.ipv4.tcp_max_orphans` as the limit it is: negative allows none
    /// (`tcp_too_many_orphans` compares as `int`).
    #[must_use]
    pub fn max_orphans(&self) -> u32 {
        u32::try_from(self.tcp_max_orphans()).unwrap_or(0)
    }

    /// `fs.nr_open`.
    #[must_use]
    pub const fn nr_open(&self) -> u32 {
        self.nr_open_raw().unsigned_abs()
    }

    /// Buckets of the host's hash tables.
    #[must_use]
    pub const fn table_sizes(&self) -> TableSizes {
        self.sizes
    }

    /// `net.ipv4.tcp_tw_reuse` as what it means in this kernel.
    #[must_use]
    pub fn tw_reuse(&self) -> TwReuse {
        match self.tcp_tw_reuse() {
            0 => TwReuse::Never,
            2 if self.version.since(4, 19) => TwReuse::Loopback,
            _ => TwReuse::Always,
        }
    }

    /// What the TCP machine obeys. Values no byte holds (possible before Linux
    /// 5.13) count as 255, negative times as none.
    #[must_use]
    pub fn tcp_config(&self, profile: &KernelProfile) -> TcpConfig {
        TcpConfig {
            tcp_syn_retries: byte(self.tcp_syn_retries()),
            tcp_syn_linear_timeouts: if profile.syn_linear_timeouts { byte(self.tcp_syn_linear_timeouts()) } else { 0 },
            tcp_synack_retries: byte(self.tcp_synack_retries()),
            tcp_retries1: byte(self.tcp_retries1()),
            tcp_retries2: byte(self.tcp_retries2()),
            tcp_orphan_retries: byte(self.tcp_orphan_retries()),
            tcp_fin_timeout: Duration::from_secs(natural(self.tcp_fin_timeout())),
            tcp_rto_min: Duration::from_micros(natural(self.tcp_rto_min_us())),
            tcp_rto_max: Duration::from_millis(natural(self.tcp_rto_max_ms())),
            tcp_keepalive_time: Duration::from_secs(natural(self.tcp_keepalive_time())),
            tcp_keepalive_intvl: Duration::from_secs(natural(self.tcp_keepalive_intvl())),
            tcp_keepalive_probes: byte(self.tcp_keepalive_probes()),
            tcp_invalid_ratelimit: Duration::from_millis(natural(self.tcp_invalid_ratelimit())),
            tcp_timestamps: self.tcp_timestamps() != 0,
            tcp_sack: self.tcp_sack() != 0,
            tcp_window_scaling: self.tcp_window_scaling() != 0,
            tcp_rfc1337: self.tcp_rfc1337() != 0,
            tcp_abort_on_overflow: self.tcp_abort_on_overflow() != 0,
            tcp_rmem_default: self.tcp_rmem[1].unsigned_abs(),
            tcp_rmem_max: self.tcp_rmem[2].unsigned_abs(),
            tcp_wmem_default: self.tcp_wmem[1].unsigned_abs(),
            peer_tsval_hz: profile.peer_tsval_hz,
            paws_drops_old_ack: profile.paws_drops_old_ack,
        }
    }
}

/// `net/ipv4/tcp_sack` is another spelling of `net.ipv4.tcp_sack`.
fn dotted(name: &str) -> String {
    name.trim().replace('/', ".")
}

fn tabbed(values: [i32; 3]) -> String {
    format!("{}\t{}\t{}", values[0], values[1], values[2])
}

fn byte(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).expect("clamped to a byte")
}

fn natural(value: i32) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests;
