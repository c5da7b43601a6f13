//! A MySQL or MariaDB server and the client side of its protocol.
//!
//! Not modelled: TLS, the X Protocol (its port accepts and closes), prepared
//! statements, compression, and passwords, whose proofs have the right length
//! but are not checked. Tables do not exist: a `SELECT` returns rows of
//! plausible number and size after the configured service time.

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
#[cfg(all(feature = "scenario", feature = "observe"))]
pub(crate) use sql::{Statement, parse as parse_statement};
pub use status::{PROCESSLIST_QUERY, as_asked_by};
pub use vars::{SetError, Var, VarSpec, Vars};
