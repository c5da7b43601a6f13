//! What `perf trace -s` and `perf top` show of a leak: reading and judging.

use super::evidence::{Evidence, Kind};
use super::judge::severity;
use super::messages::Judged;
use super::{Culprit, Diagnosis, Point, PointId, Role, Step};
use crate::observe::findings::{Severity, said};
use crate::text::grouped as count;

/// So many descriptors opened and not closed are no accident.
const KEPT: u64 = 10;
/// Functions of the search for a source port, `net/ipv4/inet_hashtables.c`.
const SEARCH: [&str; 3] = ["__inet_check_established", "__inet_hash_connect", "inet_ehashfn"];
/// From this share of CPU time on the search is what the program does, in 1/100 %.
const MUCH: u64 = 2_500;

/// The program of ` sysbench (13195), 145906 events, 100.0%`.
pub(super) fn program(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(" (")?;
    let (id, rest) = rest.split_once("), ")?;
    let counted = id.parse::<u32>().is_ok() && rest.ends_with('%') && rest.contains(" events, ");
    (counted && !name.is_empty()).then_some(name)
}

/// Takes a row of the summary: call, calls, errors, total, min, avg, max, stddev.
pub(super) fn row(evidence: &mut Evidence, program: &str, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, calls, errors, times @ .., deviation] = words.as_slice() else { return false };
    let (Ok(calls), Ok(errors)) = (calls.parse::<u64>(), errors.parse::<u64>()) else { return false };
    if times.len() != 4 || !deviation.ends_with('%') || !times.iter().all(|time| time.parse::<f64>().is_ok()) {
        return false;
    }
    let done = calls.saturating_sub(errors);
    let traced = evidence.traced.entry(program.to_owned()).or_default();
    let counted = match *name {
        "socket" => &mut traced.socket,
        "open" | "openat" => &mut traced.openat,
        "accept" | "accept4" => &mut traced.accept,
        "close" => &mut traced.close,
        _other => return true,
    };
    *counted = counted.saturating_add(done);
    true
}

/// Takes `61.87%  [k] __inet_check_established`, with or without the object in between.
pub(super) fn share(evidence: &mut Evidence, line: &str) -> Option<Kind> {
    let (percent, rest) = line.split_once('%')?;
    let (whole, part) = percent.split_once('.')?;
    let hundredths = whole.trim().parse::<u64>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)?;
    let (_, symbol) = rest.split_once("[k] ").or_else(|| rest.split_once("[.] "))?;
    let symbol = symbol.split_whitespace().next()?;
    if part.len() != 2 || hundredths > 10_000 {
        return None;
    }
    evidence.hot.insert(symbol.to_owned(), hundredths);
    Some(Kind::PerfTop)
}

/// Who opens more than it closes, and whether connect() is what burns the CPU.
pub(super) fn judge(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    let most = evidence.traced.iter().max_by_key(|(_, traced)| traced.kept());
    if let Some((program, traced)) = most.filter(|(_, traced)| traced.kept() >= KEPT) {
        let kept = traced.kept();
        let opened = traced.socket + traced.openat + traced.accept;
        let what = said!(Judged::TraceLeak, program, count(opened), count(traced.close), count(kept));
        let numbers = [("socket", traced.socket), ("openat", traced.openat), ("accept", traced.accept)];
        let numbers = numbers.into_iter().chain([("close", traced.close), ("kept", kept)]);
        let evidence = numbers.map(|(name, value)| (name, value.to_string())).collect();
        diagnosis.points.push(Point { id: PointId::TraceLeak, severity: severity(kept), what, evidence });
        if diagnosis.culprit.is_none() {
            let role = if traced.accept > traced.socket { Role::Server } else { Role::Client };
            let (process, service) = (Some(program.clone()), String::new());
            diagnosis.culprit = Some(Culprit { role, process, pid: None, service, sockets: kept });
            diagnosis.next.push(Step { what: said!(Judged::FixClose, program), command: None });
        }
        let command = Some(format!("ss -tanp state close-wait | grep {program}"));
        diagnosis.next.push(Step { what: said!(Judged::SeeRows), command });
    }
    let share: u64 = SEARCH.iter().filter_map(|name| evidence.hot.get(*name)).sum();
    if share >= MUCH {
        let what = said!(Judged::PortSearch, share / 100);
        let evidence = vec![("percent", (share / 100).to_string())];
        diagnosis.points.push(Point { id: PointId::PortSearch, severity: Severity::Error, what, evidence });
        let command = Some("ss -Htan | awk '{print $5}' | sort | uniq -c | sort -rn | head".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeDestinations), command });
        let command = Some("sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeRange), command });
    }
}
