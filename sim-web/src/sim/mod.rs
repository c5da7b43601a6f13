//! The module that runs scenarios.

mod act;
mod lab;
mod series;
mod tell;
mod timeline;
#[cfg(feature = "tools")]
mod tools;
mod views;
mod watch;

pub use lab::Lab;
