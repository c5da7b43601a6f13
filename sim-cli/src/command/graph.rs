//! `halfclose graph`.

use halfclose::plot::{StateGraph, state_graph};
use halfclose::say;
use halfclose::tcp::TcpState;
use halfclose::tcp::graph::{self, Visits};
use halfclose::text::{Lang, nearest};

use crate::args::{Graph, GraphFormat};
use crate::engine::{self, Request};
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::output;
use crate::progress::Progress;
use crate::source::Source;
use crate::terminal;

/// Prints the graph, or answers a question about it.
pub fn graph(arguments: &Graph, lang: Lang) -> Result<Code, Failure> {
    let text = if arguments.forever {
        graph::forever(lang)
    } else if let [from, to] = arguments.path.as_slice() {
        graph::path_text(state(from, lang)?, state(to, lang)?, lang)
    } else {
        let source = arguments.source.as_deref().map(|name| Source::find(name, lang)).transpose()?;
        let visits = source.as_ref().map(|source| visits(source, arguments, lang)).transpose()?;
        let scenario = source.as_ref().map_or("", |source| source.name.as_str());
        match visits.as_ref().filter(|_| arguments.never) {
            Some(visits) => graph::never(visits, lang),
            None => drawn(arguments.format, visits.as_ref(), scenario, lang),
        }
    };
    match &arguments.output {
        None => terminal::print(&text)?,
        Some(path) => output::write(path, text.as_bytes())?,
    }
    Ok(Code::Ok)
}

fn drawn(format: GraphFormat, visits: Option<&Visits>, scenario: &str, lang: Lang) -> String {
    match format {
        GraphFormat::Dot => graph::dot(visits, lang),
        GraphFormat::Mermaid => graph::mermaid(visits, lang),
        GraphFormat::Svg => state_graph(&StateGraph { visits, scenario, lang }),
        GraphFormat::Json => graph::json(visits),
    }
}

/// What a run of the scenario did.
fn visits(source: &Source, arguments: &Graph, lang: Lang) -> Result<Visits, Failure> {
    let mut progress = Progress::new(&source.name);
    let mut update = |now: u64, end: u64| progress.update(now, end);
    engine::visits(Request {
        source,
        overrides: &arguments.overrides,
        seed: arguments.seed,
        until: None,
        lang,
        probes: &[],
        trace: None,
        pcap: None,
        progress: &mut update,
    })
}

fn state(name: &str, lang: Lang) -> Result<TcpState, Failure> {
    graph::state_named(name).ok_or_else(|| {
        let names = TcpState::ALL.map(TcpState::rfc_name);
        let hint = match nearest(&name.to_uppercase(), names) {
            Some(near) => say!(lang, Say::DidYouMean, near),
            None => say!(lang, Say::ValidValues, names.join(", ")),
        };
        Failure::Usage(format!("{}\n{hint}", say!(lang, Say::NoSuchState, name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_none_gets_a_hint() {
        assert_eq!(state("close_wait", Lang::En).unwrap(), TcpState::CloseWait);
        let Err(Failure::Usage(told)) = state("CLOSE-WAT", Lang::En) else { panic!("there is no such state") };
        assert!(told.ends_with("did you mean CLOSE-WAIT?"), "{told}");
    }
}
