//! Pictures as SVG text: no files, and no font metrics, so a picture has the
//! same bytes in the program, the page and the book.
//!
//! A picture is readable at 100 %, has a title and a description for those who
//! cannot see it, and no meaning that rests on colour alone. It brings its own
//! white background. Its words come in both languages; names of states, sysctls
//! and calls stay.

mod canvas;
mod chart;
mod pictures;
mod port_map;
mod report;
mod report_style;
mod sequence;
mod state_graph;
mod svg;
#[cfg(feature = "capacity")]
mod sweep;

pub use chart::chart;
pub use pictures::Picture;
pub use port_map::{PortMapPicture, PortMapWord, port_map};
pub use report::{Report, ReportWord, report};
pub use sequence::{SequencePicture, SequenceWord, sequence};
pub use state_graph::{CLOSED_BELOW, FIGURE, GraphWord, StateGraph, center, figure_lines, state_graph};
#[cfg(feature = "capacity")]
pub use sweep::sweep_figure;
