//! One workload run once, with its time and its memory (Linux):
//!
//! ```sh
//! cargo run --release -p halfclose --features scenario --example workload -- W 28232
//! ```
//!
//! Bytes for an open pair are the growth of the resident set from before the
//! run to just after the last connection was established, both ends together.

#![expect(clippy::print_stdout, reason = "a program that reports to a terminal")]

#[path = "../benches/workload/mod.rs"]
mod workload;

use workload::{Kind, Workload};

fn main() {
    let mut args = std::env::args().skip(1);
    let kind = match args.next().as_deref() {
        Some("C") => Kind::C,
        _ => Kind::W,
    };
    let n = args.next().map_or(28_232, |n| n.parse().expect("a number of connections"));
    let mut workload = Workload::new(kind, n);
    let before = resident();
    #[expect(clippy::disallowed_types, reason = "the wall clock is what this program measures")]
    let started = std::time::Instant::now();
    workload.open();
    let opened = resident();
    workload.run();
    let wall = started.elapsed();
    let world = &workload.world;
    let per_connection = wall.as_nanos() / u128::from(n);
    println!(
        "{kind:?}({n}): {wall:?}, {per_connection} ns a connection, {} events ({} ns each), digest {}",
        world.events(),
        wall.as_nanos() / u128::from(world.events()),
        world.digest()
    );
    let events = world.events();
    if let (Some(before), Some(opened), Some(cpu)) = (before, opened, cpu_us()) {
        let bytes = (opened - before) / u64::from(n);
        println!("resident before {before} B, all open {opened} B: {bytes} B a connection");
        println!("wall_us {} cpu_us {cpu} events {events} bytes {bytes}", wall.as_micros());
    }
}

/// CPU time of this process, which has one thread, in µs, where the system says so.
fn cpu_us() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(told.split_whitespace().next()?.parse::<u64>().ok()? / 1000)
}

/// Bytes of memory this process occupies, where the system says so.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
