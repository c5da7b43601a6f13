//! What is drawn, as data.

use halfclose::plot;
use halfclose::tcp::TcpState;
use halfclose::tcp::graph::{EdgeKind, TRANSITIONS};

use crate::wire::{Graph, GraphEdge};

/// The state graph: the model's own table, laid out as RFC 9293 lays it out.
#[must_use]
pub fn graph() -> Graph {
    let size = |length: i32| u32::try_from(length).unwrap_or(0);
    let edges = TRANSITIONS.iter().enumerate().map(|(row, edge)| GraphEdge {
        ends: [edge.from as u32, edge.to as u32],
        kind: match edge.kind() {
            EdgeKind::Call => "call",
            EdgeKind::Segment => "segment",
            EdgeKind::Kernel => "kernel",
        }
        .to_owned(),
        points: plot::figure_lines()
            .filter(|(of, _)| *of == row)
            .flat_map(|(_, points)| points.iter().map(|&(x, y)| [x, y]))
            .collect(),
        event: [edge.event.en.to_owned(), edge.event.zh.to_owned()],
        action: [edge.action.en.to_owned(), edge.action.zh.to_owned()],
        source: edge.source.to_owned(),
    });
    Graph {
        size: [size(plot::FIGURE.0), size(plot::FIGURE.1)],
        names: TcpState::ALL.iter().map(|state| state.rfc_name().to_owned()).collect(),
        boxes: TcpState::ALL.iter().map(|&state| plot::center(state)).map(|(x, y)| [x, y]).collect(),
        closed_below: [plot::CLOSED_BELOW.0, plot::CLOSED_BELOW.1],
        edges: edges.collect(),
    }
}
