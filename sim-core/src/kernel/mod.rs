//! One host's network stack.

pub mod bind_table;
pub mod config;
pub mod cost;
pub mod cpu;
pub mod established_table;
pub mod fd;
pub mod listen_table;
pub mod port_set;
pub mod ports;
pub mod profile;
pub mod request_sock;
pub mod sysctl;
pub mod timewait;

pub use config::{HostConfig, ProcessConfig, UnrelatedSockets};
pub use cost::CostProfile;
pub use port_set::PortSet;
pub use profile::{KernelProfile, KernelVersion, PortSearchGeneration, ProfileError};
pub use sysctl::{SysctlError, Sysctls, TableSizes, TwReuse};
