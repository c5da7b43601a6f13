//! The module that runs scenarios.

mod act;
mod lab;
#[cfg(feature = "tools")]
mod measure;
mod series;
mod tell;
mod timeline;
#[cfg(feature = "tools")]
mod tools;
mod views;
mod watch;

pub use lab::Lab;
#[cfg(feature = "tools")]
pub use measure::{examine, measure};
