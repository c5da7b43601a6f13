//! Pictures as SVG text: no dependency, no font metrics, no files.
//!
//! A picture is readable at 100 %, has a title and a description for those who
//! cannot see it, and no meaning that rests on colour alone. Its words come in
//! both languages; names of states, sysctls and calls stay.

mod state_graph;
mod svg;

pub use state_graph::{CLOSED_BELOW, FIGURE, GraphWord, StateGraph, center, figure_lines, state_graph};
