//! Programs that run on simulated hosts, and the interface they are written to.

pub mod api;
pub mod backoff;
pub mod bench;
pub mod dns;
mod flow;
pub mod mysql;
pub mod mysql_client;
pub mod pool;
mod pool_config;
pub mod reconnect;
mod resolver;
pub mod script;
mod spread;
pub mod sysbench;
pub mod task;
#[cfg(test)]
mod testkit;

pub use api::{
    App, AppContext, AppStatus, Call, CallName, CallResult, Control, ControlError, Domain, FileKind, Limits,
    PollEvents, PollFd, PollSet, Resume, Ret, ShutdownHow, SockType, SocketOption,
};
pub use resolver::ResolverConfig;
pub use spread::Spread;
