//! One host's network stack.

mod arena;
pub mod bind_table;
pub mod config;
mod connect;
pub mod cost;
pub mod cpu;
mod effects;
pub mod established_table;
pub mod fd;
mod host;
mod input;
mod lifecycle;
mod listen;
pub mod jhash;
pub mod listen_table;
pub mod port_set;
pub mod ports;
mod process;
pub mod profile;
pub mod request_sock;
mod route;
pub mod siphash;
mod socket;
mod syscall;
pub mod sysctl;
pub mod timewait;
mod udp;

pub use config::{HostConfig, ProcessConfig, UnrelatedSockets};
pub use cost::CostProfile;
pub(crate) use effects::{Effects, KernelTimer};
pub use host::{Gauges, Kernel};
pub use port_set::PortSet;
pub use process::Process;
pub use profile::KernelProfile;
pub(crate) use syscall::{Caller, Outcome};
pub use sysctl::Sysctls;
