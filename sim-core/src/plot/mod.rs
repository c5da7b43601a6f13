//! Pictures as SVG text: no files, and no font metrics, so a picture has the
//! same bytes in the program, the page and the book.
//!
//! A picture is readable at 100 %, has a title and a description for those who
//! cannot see it, and no meaning that rests on colour alone. It brings its own
//! white background. Its words come in both languages; names of states, sysctls
//! and calls stay. [`chart`](fn@chart) needs the feature `plot`; the diagrams do not.

#[cfg(feature = "plot")]
mod canvas;
#[cfg(feature = "plot")]
mod chart;
#[cfg(feature = "plot")]
mod pictures;
mod port_map;
#[cfg(feature = "scenario")]
mod sequence;
mod state_graph;
mod svg;

#[cfg(feature = "plot")]
pub use chart::chart;
#[cfg(feature = "plot")]
pub use pictures::Picture;
pub use port_map::{PortMapPicture, PortMapWord, port_map};
#[cfg(feature = "scenario")]
pub use sequence::{SequencePicture, SequenceWord, sequence};
pub use state_graph::{GraphWord, StateGraph, state_graph};
