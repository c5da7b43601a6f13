//! A MySQL or MariaDB server and the client side of its protocol.

pub mod connection;
pub mod protocol;
pub mod response;
mod server;
mod session;
mod sql;
mod status;
mod vars;

pub use server::{Flavour, MysqlServer, ServerConfig};
pub use status::{PROCESSLIST_QUERY, as_asked_by};
pub use vars::{SetError, Var, VarSpec, Vars};
