//! Packet scripts: our own, and those of other projects where they are present.

mod given;
mod own;
