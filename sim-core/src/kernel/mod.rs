//! One host's network stack.

pub mod bind_table;
pub mod config;
pub mod cost;
pub mod cpu;
pub mod established_table;
pub mod fd;
pub mod jhash;
pub mod listen_table;
pub mod ports;
pub mod profile;
pub mod request_sock;
pub mod siphash;
pub mod sysctl;
pub mod timewait;

pub use config::{HostConfig, ProcessConfig, UnrelatedSockets};
pub use cost::CostProfile;
pub use profile::KernelProfile;
pub use sysctl::Sysctls;
