//! The simulator in a browser.
//!
//! Thin bindings over the core, in three modules that load one by one: what
//! runs scenarios ([`sim`], in a worker; with its tools when a terminal is
//! opened), what reads their language ([`reader`]), and what draws ([`figures`]). What passes between worker and
//! page is in [`wire`]; its TypeScript types are made from the Rust ones, and a
//! test holds the two together. The page itself is in `web/`.

#[cfg(feature = "figures")]
pub mod figures;
#[cfg(feature = "reader")]
pub mod reader;
#[cfg(feature = "sim")]
pub mod sim;
pub mod wire;
