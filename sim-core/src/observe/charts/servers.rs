//! The server's places, and whom it turns away.

use super::make::{Seen, clock, is_mysqld, peak};
use super::messages::ChartText;
use super::sampler::ProcessColumn;
use super::{Chart, ChartName, Paint, Panel};
use crate::observe::findings::{Said, said};
use crate::text::grouped;
use crate::time::Instant;

pub(super) fn server(seen: &Seen<'_>) -> Option<Chart> {
    let processes = &seen.run.scenario().processes;
    let server = seen.server.filter(|&server| is_mysqld(&processes[server]))?;
    let column = |column| seen.of_process(server, column);
    let connected = column(ProcessColumn::Threads);
    let silent = column(ProcessColumn::Unauthenticated);
    let refused = column(ProcessColumn::Refused);
    let slots: Vec<(Instant, u64)> =
        column(ProcessColumn::MaxConnections).into_iter().map(|(at, most)| (at, most + 1)).collect();
    let line = |metric: &str, name, paint, values: &[_]| seen.line(&seen.key(server, metric), name, paint, values);
    let name = |text: ChartText| Said { en: text.texts().en.to_owned(), zh: text.texts().zh.to_owned() };
    let (_, most) = peak(&connected);
    let (_, most_silent) = peak(&silent);
    let places = slots.last().map_or(0, |&(_, places)| places);
    let mut lines = vec![line("Threads_connected", name(ChartText::Connected), Paint::Blue, &connected)];
    if most_silent > 0 {
        lines.push(line("processlist.unauthenticated", name(ChartText::Silent), Paint::Orange, &silent));
    }
    if most * 3 > places {
        lines.push(line("places", name(ChartText::Slots), Paint::Limit, &slots));
    }
    let (process, host) = (seen.name(server), seen.host_name(server));
    let title = said!(ChartText::ProcessOn, process, host);
    let mut panels = vec![Panel { title, y: said!(ChartText::YSessions), log: false, lines }];
    let mut caption = Vec::new();
    let full = connected.iter().zip(&slots).find(|(connected, slots)| connected.1 >= slots.1);
    caption.push(match full {
        Some((&(at, _), &(_, places))) => {
            let at = seen.facts.server.first_refusal.map_or(at, |refusal| refusal.at.min(at));
            said!(ChartText::ServerFull, clock(at), grouped(places))
        }
        None => said!(ChartText::ServerFree, grouped(most), grouped(places)),
    });
    for pair in slots.windows(2).filter(|pair| pair[0].1 != pair[1].1 && pair[0].1 > 1) {
        caption.push(said!(ChartText::ServerChanged, grouped(pair[1].1 - 1), clock(pair[1].0)));
    }
    if most_silent > 0 {
        caption.push(said!(ChartText::ServerSilent, grouped(most_silent)));
    }
    let turned_away = refused.last().map_or(0, |&(_, refused)| refused);
    if turned_away > 0 {
        let key = seen.key(server, "Connection_errors_max_connections");
        let first = seen.facts.server.first_refusal.map(|refusal| refusal.at);
        let lines = vec![seen.rate(&key, name(ChartText::Refused), Paint::Vermillion, &refused, first)];
        let title = said!(ChartText::RefusedBy, process);
        panels.push(Panel { title, y: said!(ChartText::YRate), log: false, lines });
        caption.push(said!(ChartText::ServerRefused, grouped(turned_away)));
    }
    Some(seen.over_time(ChartName::Server, panels, caption))
}
