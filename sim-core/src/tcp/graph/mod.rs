//! The state graph: one table of every transition, the single truth the machine
//! is checked against, questions are answered from and diagrams are drawn from.
//!
//! The check goes both ways. Every change of state, of a control block
//! (`Tcb::enter`) or of a minisock or request (`Effects::changed`), asserts that
//! it is a row; and `tests/rfc9293/` takes each row under each of its causes.

mod questions;
mod render;
mod table;
mod visits;

#[cfg(feature = "graph")]
use petgraph::graph::DiGraph;

use super::state::{Cause, TcpState};
use crate::text::Both;

pub use questions::{GraphMsg, WAITS, Wait, forever, never};
#[cfg(feature = "graph")]
pub use questions::{path, path_text};
pub use render::{dot, json, mermaid};
pub use table::{ELSEWHERE, TRANSITIONS};
pub use visits::Visits;

/// One edge of the state diagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state left.
    pub from: TcpState,
    /// What happens, in words.
    pub event: Both,
    /// What is sent or done, in words; empty for nothing.
    pub action: Both,
    /// The state entered.
    pub to: TcpState,
    /// RFC 9293 section, or Linux function.
    pub source: &'static str,
    /// Kernel versions where it differs; empty for none.
    pub versions: &'static str,
    /// The causes under which the machine takes it.
    pub causes: &'static [Cause],
}

impl Transition {
    /// Who brings it about.
    #[must_use]
    pub const fn kind(&self) -> EdgeKind {
        self.causes[0].kind()
    }
}

/// An edge of RFC 9293's figure that Linux does not have as such.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elsewhere {
    /// The state left.
    pub from: TcpState,
    /// What happens, in words.
    pub event: Both,
    /// The state RFC 9293 enters.
    pub to: TcpState,
    /// Where RFC 9293 says so.
    pub source: &'static str,
    /// What Linux does.
    pub instead: Both,
    /// Linux's states on the way, each step an edge of the table; empty if it
    /// stays where it is.
    pub via: &'static [TcpState],
}

/// Who brings a transition about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EdgeKind {
    /// A call of the application, or the end of its process.
    Call,
    /// A segment or an ICMP error.
    Segment,
    /// A timer, or a limit of the kernel.
    Kernel,
}

impl Cause {
    /// Who brings a transition of this cause about.
    #[must_use]
    pub const fn kind(self) -> EdgeKind {
        match self {
            Self::ActiveOpen | Self::PassiveOpen | Self::Close | Self::Shutdown | Self::Abort => EdgeKind::Call,
            Self::SynArrived
            | Self::SynAckArrived
            | Self::AckOfSyn
            | Self::FinArrived
            | Self::AckOfFin
            | Self::FinAckArrived
            | Self::RstArrived
            | Self::IcmpError => EdgeKind::Segment,
            Self::TimedOut | Self::TimerExpired | Self::Overflow => EdgeKind::Kernel,
        }
    }
}

/// The row of an edge, by its place in [`TRANSITIONS`].
#[must_use]
pub fn find(from: TcpState, to: TcpState, cause: Cause) -> Option<usize> {
    TRANSITIONS.iter().position(|edge| edge.from == from && edge.to == to && edge.causes.contains(&cause))
}

/// True if the table has this edge under this cause.
#[must_use]
pub fn allows(from: TcpState, to: TcpState, cause: Cause) -> bool {
    find(from, to, cause).is_some()
}

/// A state by its name, as RFC 9293, Linux tools or metrics write it.
#[must_use]
pub fn state_named(name: &str) -> Option<TcpState> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_uppercase()).collect()
    };
    let wanted = plain(name);
    // ss and netstat shorten these.
    let wanted = match wanted.as_str() {
        "ESTAB" => "ESTABLISHED",
        "SYNRECV" | "SYNRCVD" => "SYNRECEIVED",
        "UNCONN" | "CLOSE" => "CLOSED",
        other => other,
    };
    TcpState::ALL.into_iter().find(|state| plain(state.rfc_name()) == wanted)
}

/// The table as a graph: a node a state (index = discriminant), an edge a row.
#[cfg(feature = "graph")]
#[must_use]
pub fn graph() -> DiGraph<TcpState, &'static Transition> {
    let mut graph = DiGraph::with_capacity(TcpState::ALL.len(), TRANSITIONS.len());
    let nodes: Vec<_> = TcpState::ALL.iter().map(|&state| graph.add_node(state)).collect();
    for edge in TRANSITIONS {
        graph.add_edge(nodes[edge.from as usize], nodes[edge.to as usize], edge);
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "graph")]
    #[test]
    fn every_state_is_reachable_and_can_end() {
        use petgraph::algo::{has_path_connecting, kosaraju_scc};
        let graph = graph();
        let closed = graph.node_indices().next().expect("CLOSED is the first node");
        for node in graph.node_indices() {
            assert!(has_path_connecting(&graph, closed, node, None), "{} cannot be reached", graph[node]);
            assert!(has_path_connecting(&graph, node, closed, None), "{} cannot end", graph[node]);
        }
        assert_eq!(kosaraju_scc(&graph).len(), 1);
    }

    #[test]
    fn no_two_rows_share_ends_and_cause() {
        for (i, a) in TRANSITIONS.iter().enumerate() {
            for b in &TRANSITIONS[i + 1..] {
                let same = a.from == b.from && a.to == b.to && a.causes.iter().any(|cause| b.causes.contains(cause));
                assert!(!same, "{} to {} twice", a.from, a.to);
            }
            assert!(a.causes.iter().all(|cause| cause.kind() == a.kind()), "{} to {}", a.from, a.to);
        }
    }

    #[test]
    fn what_linux_does_otherwise_is_made_of_rows() {
        for other in ELSEWHERE {
            assert!(!TRANSITIONS.iter().any(|edge| edge.from == other.from && edge.to == other.to), "{other:?}");
            for step in other.via.windows(2) {
                let row = TRANSITIONS.iter().any(|edge| edge.from == step[0] && edge.to == step[1]);
                assert!(row, "{} to {}", step[0], step[1]);
            }
        }
    }

    #[test]
    fn close_wait_leaves_only_by_the_application_a_reset_or_a_timer() {
        let out: Vec<_> = TRANSITIONS.iter().filter(|edge| edge.from == TcpState::CloseWait).collect();
        assert!(out.iter().all(|edge| !edge.causes.contains(&Cause::TimerExpired)));
        assert!(out.iter().any(|edge| edge.to == TcpState::LastAck));
    }

    #[test]
    fn states_are_found_by_every_spelling() {
        for state in TcpState::ALL {
            assert_eq!(state_named(state.rfc_name()), Some(state));
            assert_eq!(state_named(state.metric_name()), Some(state));
        }
        assert_eq!(state_named("fin_wait_2"), Some(TcpState::FinWait2));
        assert_eq!(state_named("ESTAB"), Some(TcpState::Established));
        assert_eq!(state_named("half-closed"), None);
    }
}
