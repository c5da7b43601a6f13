//! A client that forgets a socket after an error, and what a check says about it:
//! `cargo run --example reconnect --features proptest > found.toml`
//!
//! The story goes to stderr, the scenario to stdout: `halfclose run found.toml` replays it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration as Span;

use futures_io::AsyncRead;
use halfclose::app::task::{SimNet, SimTcpStream};
use halfclose::check::{Check, Failure, fds_return_to_baseline, no_old_close_wait};
use halfclose::text::Lang;
use halfclose::time::Duration;

/// Reads the server's greeting, or whatever else it says.
async fn read(stream: &mut SimTcpStream) -> std::io::Result<usize> {
    let mut bytes = [0; 512];
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut bytes)).await
}

async fn client(net: SimNet) {
    loop {
        match net.connect("db.example:3306").await {
            Ok(mut stream) => match net.timeout(Span::from_secs(2), read(&mut stream)).await {
                Ok(Ok(1..)) => drop(stream),
                // "Something is odd with it; do not touch it any more."
                Ok(_) | Err(_) => core::mem::forget(stream),
            },
            Err(error) => net.told(&error),
        }
        net.sleep(Span::from_millis(500 + net.random() % 1_000)).await;
    }
}

pub(crate) fn check() -> Check {
    Check::client(client)
        .property(no_old_close_wait(Duration::from_secs(20)))
        .property(fds_return_to_baseline(Duration::from_secs(20), 4))
        .cases(1_000)
}

fn main() {
    match check().try_run() {
        Ok(report) => eprintln!("nothing found in {} cases", report.cases),
        Err(Failure::Violated(found)) => {
            eprintln!("{}\n\n{}", found.story(Lang::En), found.commands(Lang::En));
            print!("{}", found.scenario());
        }
        Err(other) => eprintln!("{other}"),
    }
}
