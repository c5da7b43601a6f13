//! The simulated host against measurements on a real one: Linux 6.18.44,
//! x86-64, CONFIG_HZ=250, everything on a loopback. Each test is named by the
//! figure it restates; `coverage` knows all of them, and why some are not here.

mod backlog;
mod calls;
mod coverage;
mod fds;
mod ports;
mod ports_options;
mod recvq;
mod states;
mod timers;
mod timewait;
