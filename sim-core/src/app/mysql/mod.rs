//! A MySQL or MariaDB server and the client side of its protocol.

#[cfg(test)]
mod bridge;
pub(crate) mod connection;
pub mod protocol;
pub mod response;
mod server;
mod session;
mod sql;
mod status;
#[cfg(test)]
mod tests;
mod vars;

pub use connection::{Credentials, Target};
pub use server::{Flavour, MysqlServer, ServerConfig, Service};
pub use status::{PROCESSLIST_QUERY, as_asked_by};
pub use vars::{SetError, Var, VarSpec, Vars};
