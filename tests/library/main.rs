//! The library as its users have it: clients with one fault each, found by ready
//! properties; real protocol crates and real pools on simulated sockets.

#![expect(clippy::print_stdout, reason = "what is found is worth reading in the log of a run")]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod clients;
mod faults;
mod lint;
mod own;
mod pools;
mod protocols;
mod session;
mod state_machine;
mod tutorial;
