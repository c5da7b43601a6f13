//! The module that runs scenarios.

mod act;
mod lab;
mod series;
mod tell;
mod timeline;
mod views;
mod watch;

pub use lab::Lab;
