//! The library as its users have it: clients with one fault each, found by ready
//! properties; real protocol crates and real pools on simulated sockets.

mod clients;
mod faults;
mod pools;
mod protocols;
mod session;
mod state_machine;
