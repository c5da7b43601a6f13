//! When each limit bound, and when the others would have.

use super::facts::{Growth, RunFacts};
use super::finding_id::FindingId;
use super::findings::{Finding, Said, clock, leaking, limits_reached, said};
use super::messages::Advice;
use crate::text::{Lang, grouped as count};
use crate::time::{Duration, Instant};

/// Descriptors that are no connections: 0, 1 and 2.
const STANDARD_STREAMS: u64 = 3;

/// A limit that was not reached, in connections.
fn not_reached(facts: &RunFacts) -> Vec<(Advice, &'static str, u64)> {
    let reached = limits_reached(facts);
    let nofile = facts.client.nofile;
    let descriptors = |limit: u64| limit.saturating_sub(STANDARD_STREAMS);
    let elsewhere = facts.host.open_files.saturating_sub(facts.client.open_files);
    let all = [
        (Advice::LimitPorts, "ports", Some(facts.ports.usable())),
        (Advice::LimitNofile, "nofile", nofile.map(|limits| descriptors(limits.soft))),
        (Advice::LimitNofileHard, "nofile_hard", nofile.map(|limits| descriptors(limits.hard))),
        (Advice::LimitFileMax, "file_max", Some(facts.host.file_max.saturating_sub(elsewhere))),
    ];
    let open = |key: &str| !reached.iter().any(|(_, known, _)| *known == key);
    all.into_iter()
        .filter_map(|(limit, key, capacity)| Some((limit, key, capacity?)))
        .filter(|(_, key, capacity)| open(key) && *capacity > 0)
        .collect()
}

/// When a leak at this pace has so many connections.
fn projected(growth: Growth, connections: u64) -> Option<Instant> {
    let span = u128::from(growth.span.nanos()) * u128::from(connections) / u128::from(growth.connections);
    growth.since.checked_add(Duration::from_nanos(u64::try_from(span).ok()?))
}

/// The rule: only a leak goes on from limit to limit.
pub(super) fn limit_order(facts: &RunFacts) -> Option<Finding> {
    let growth = facts.growth?;
    if !leaking(facts) || growth.connections == 0 {
        return None;
    }
    let mut order: Vec<(Instant, Said, &'static str, String)> = Vec::new();
    for (limit, key, reached) in limits_reached(facts) {
        let say = |lang| crate::say!(lang, Advice::LimitBound, limit.texts().text(lang), clock(reached.at));
        order.push((reached.at, Said { en: say(Lang::En), zh: say(Lang::Zh) }, key, clock(reached.at)));
    }
    for (limit, key, capacity) in not_reached(facts) {
        let Some(at) = projected(growth, capacity) else { continue };
        // Further digits would not be true.
        let when = format!("{}s", at.since(Instant::ZERO).as_secs());
        let say = |lang| crate::say!(lang, Advice::LimitWould, limit.texts().text(lang), when, count(capacity));
        order.push((at, Said { en: say(Lang::En), zh: say(Lang::Zh) }, key, format!("~{when}")));
    }
    order.sort_by_key(|(at, ..)| *at);
    let joined =
        |lang: Lang, comma: &str| order.iter().map(|(_, said, ..)| said.text(lang)).collect::<Vec<_>>().join(comma);
    let say = |lang, comma| crate::say!(lang, Advice::LimitOrder, joined(lang, comma));
    let what = Said { en: say(Lang::En, "; "), zh: say(Lang::Zh, "；") };
    let pace = u128::from(growth.connections) * 1_000_000_000 / u128::from(growth.span.nanos().max(1));
    let why = said!(Advice::SamePace, count(growth.connections), pace);
    let mut finding = Finding::new(FindingId::LimitOrder, what, said!(Advice::FixTheCause)).why(why);
    for (_, _, key, when) in order {
        finding = finding.with(key, when);
    }
    Some(finding)
}
