//! The graph as text for other tools: DOT, Mermaid, JSON.

use super::questions::step_text;
use super::{ELSEWHERE, EdgeKind, TRANSITIONS, Transition, Visits};
use crate::tcp::state::TcpState;
use crate::text::Lang;

impl EdgeKind {
    /// As JSON and DOT write it.
    const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Segment => "segment",
            Self::Kernel => "kernel",
        }
    }

    /// Line style and colour in DOT; the colours are told apart by colour-blind
    /// readers too (Okabe and Ito), and no two share a style.
    const fn dot_style(self) -> &'static str {
        match self {
            Self::Call => "color=\"#0072B2\", style=solid",
            Self::Segment => "color=\"#B34700\", style=dashed",
            Self::Kernel => "color=\"#555555\", style=dotted",
        }
    }
}

/// A state as an identifier: `FIN_WAIT_1`.
fn id(state: TcpState) -> String {
    state.rfc_name().replace('-', "_")
}

/// Graphviz. With counts, edges never taken are grey and the others tell how
/// often they were.
#[must_use]
pub fn dot(visits: Option<&Visits>, lang: Lang) -> String {
    let mut out = String::from("digraph tcp {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for state in TcpState::ALL {
        let label = match visits {
            Some(visits) => format!("{state}\\n{}", visits.now(state)),
            None => state.to_string(),
        };
        out.push_str(&format!("  {} [label=\"{label}\"];\n", id(state)));
    }
    for (row, edge) in TRANSITIONS.iter().enumerate() {
        let count = visits.map(|visits| visits.of(row));
        let text = escape(&label(edge, count, lang));
        let style = if count == Some(0) { "color=\"#BBBBBB\", fontcolor=\"#888888\"" } else { edge.kind().dot_style() };
        out.push_str(&format!("  {} -> {} [label=\"{text}\", {style}];\n", id(edge.from), id(edge.to)));
    }
    out.push_str("}\n");
    out
}

/// Mermaid's `stateDiagram-v2`. No text of the table holds what Mermaid would
/// take for the end of a statement or for HTML.
#[must_use]
pub fn mermaid(visits: Option<&Visits>, lang: Lang) -> String {
    let mut out = String::from("stateDiagram-v2\n");
    for state in TcpState::ALL {
        let now = visits.map(|visits| format!(" ({})", visits.now(state))).unwrap_or_default();
        out.push_str(&format!("  state \"{state}{now}\" as {}\n", id(state)));
    }
    for (row, edge) in TRANSITIONS.iter().enumerate() {
        let text = label(edge, visits.map(|visits| visits.of(row)), lang);
        out.push_str(&format!("  {} --> {}: {text}\n", id(edge.from), id(edge.to)));
    }
    out
}

fn label(edge: &Transition, count: Option<u64>, lang: Lang) -> String {
    let step = step_text(edge, lang);
    count.map_or_else(|| step.clone(), |count| format!("{step} [{count}]"))
}

/// One JSON object: `states`, `edges`, and `rfc_only` (what RFC 9293 draws and
/// Linux does otherwise). With counts, states have `now`, edges `count` and
/// `by_cause`. Texts are English in every language, as other keys are.
#[must_use]
pub fn json(visits: Option<&Visits>) -> String {
    let states: Vec<String> = TcpState::ALL.iter().map(|&state| json_state(state, visits)).collect();
    let edges: Vec<String> = TRANSITIONS.iter().enumerate().map(|(row, edge)| json_edge(row, edge, visits)).collect();
    let other: Vec<String> = ELSEWHERE
        .iter()
        .map(|other| {
            let via: Vec<String> = other.via.iter().map(|state| quoted(state.rfc_name())).collect();
            format!(
                "    {{\"from\": {}, \"to\": {}, \"event\": {}, \"source\": {}, \"linux\": {}, \"via\": [{}]}}",
                quoted(other.from.rfc_name()),
                quoted(other.to.rfc_name()),
                quoted(other.event.en),
                quoted(other.source),
                quoted(other.instead.en),
                via.join(", ")
            )
        })
        .collect();
    format!(
        "{{\n  \"states\": [\n{}\n  ],\n  \"edges\": [\n{}\n  ],\n  \"rfc_only\": [\n{}\n  ]\n}}\n",
        states.join(",\n"),
        edges.join(",\n"),
        other.join(",\n")
    )
}

fn json_state(state: TcpState, visits: Option<&Visits>) -> String {
    let now = visits.map(|visits| format!(", \"now\": {}", visits.now(state))).unwrap_or_default();
    format!("    {{\"name\": {}, \"metric\": {}{now}}}", quoted(state.rfc_name()), quoted(state.metric_name()))
}

fn json_edge(row: usize, edge: &Transition, visits: Option<&Visits>) -> String {
    let causes: Vec<String> = edge.causes.iter().map(|cause| quoted(&format!("{cause:?}"))).collect();
    let counts = visits.map(|visits| {
        let by = |&cause| format!("\"{cause:?}\": {}", visits.by(edge.from, edge.to, cause));
        let by: Vec<String> = edge.causes.iter().map(by).collect();
        format!(", \"count\": {}, \"by_cause\": {{{}}}", visits.of(row), by.join(", "))
    });
    format!(
        "    {{\"from\": {}, \"to\": {}, \"event\": {}, \"action\": {}, \"kind\": {}, \"source\": {}, \"versions\": {}, \
         \"causes\": [{}]{}}}",
        quoted(edge.from.rfc_name()),
        quoted(edge.to.rfc_name()),
        quoted(edge.event.en),
        quoted(edge.action.en),
        quoted(edge.kind().name()),
        quoted(edge.source),
        quoted(edge.versions),
        causes.join(", "),
        counts.unwrap_or_default()
    )
}

/// A JSON string. Ours hold no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::state::Cause;

    fn some() -> Visits {
        let mut visits = Visits::default();
        visits.count(TcpState::Established, TcpState::CloseWait, Cause::FinArrived);
        visits.add_sockets(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0]);
        visits
    }

    #[test]
    fn dot_has_every_state_and_row_once() {
        for lang in Lang::ALL {
            let text = dot(None, lang);
            assert_eq!(text.matches(" -> ").count(), TRANSITIONS.len());
            assert_eq!(text.matches("];\n").count(), TRANSITIONS.len() + TcpState::ALL.len() + 2);
        }
        let counted = dot(Some(&some()), Lang::En);
        assert!(counted.contains("CLOSE_WAIT [label=\"CLOSE-WAIT\\n7\"]"), "{counted}");
        assert!(counted.contains("ESTABLISHED -> CLOSE_WAIT [label=\"FIN / send ACK [1]\", color=\"#B34700\""));
    }

    /// The grammar of the few forms we use: `state "…" as ID`, `ID --> ID: text`.
    #[test]
    fn mermaid_is_well_formed() {
        for (lang, visits) in [(Lang::En, None), (Lang::Zh, Some(some()))] {
            let text = mermaid(visits.as_ref(), lang);
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("stateDiagram-v2"));
            let is_id = |word: &str| TcpState::ALL.iter().any(|&state| id(state) == word);
            let (mut states, mut edges) = (0, 0);
            for line in lines {
                let line = line.strip_prefix("  ").unwrap();
                if let Some(rest) = line.strip_prefix("state \"") {
                    let (label, name) = rest.split_once("\" as ").unwrap();
                    assert!(!label.contains('"') && is_id(name), "{line}");
                    states += 1;
                } else {
                    let (ends, label) = line.split_once(": ").unwrap();
                    let (from, to) = ends.split_once(" --> ").unwrap();
                    assert!(is_id(from) && is_id(to), "{line}");
                    assert!(!label.is_empty() && !label.contains([';', '<', '>', '"', '\n']), "{line}");
                    edges += 1;
                }
            }
            assert_eq!((states, edges), (TcpState::ALL.len(), TRANSITIONS.len()));
        }
    }

    #[cfg(feature = "scenario")]
    #[test]
    fn json_is_json() {
        let plain: serde_json::Value = serde_json::from_str(&json(None)).unwrap();
        assert_eq!(plain["edges"].as_array().unwrap().len(), TRANSITIONS.len());
        assert!(plain["edges"][0].get("count").is_none());
        let kinds: std::collections::BTreeSet<&str> =
            plain["edges"].as_array().unwrap().iter().map(|edge| edge["kind"].as_str().unwrap()).collect();
        assert_eq!(Vec::from_iter(kinds), ["call", "kernel", "segment"]);
        let counted: serde_json::Value = serde_json::from_str(&json(Some(&some()))).unwrap();
        let taken: u64 = counted["edges"].as_array().unwrap().iter().map(|edge| edge["count"].as_u64().unwrap()).sum();
        assert_eq!(taken, 1);
        assert_eq!(counted["states"][7]["now"], 7);
        assert_eq!(counted["rfc_only"].as_array().unwrap().len(), ELSEWHERE.len());
    }
}
