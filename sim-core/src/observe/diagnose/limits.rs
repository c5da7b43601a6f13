//! How close each limit is, and which binds first.

use super::evidence::{Addr, End, Evidence};
use super::judge::{DEFAULT_RANGE, Group, Groups, about, name_of, service_name};
use super::messages::Judged;
use super::{Diagnosis, Limit, LimitId, Point, PointId, Role, Step};
use crate::observe::findings::{Said, Severity, said};
use crate::tcp::TcpState;
use crate::text::grouped as count;

/// Default of `max_connections`.
const MAX_CONNECTIONS: u64 = 151;
/// A limit with so few left is reached, if they are not a tenth of it: other programs hold some.
const FEW: u64 = 8;
/// Groups with fewer connections have no limit worth a line.
const NOTABLE: u64 = 50;

/// `ip_local_port_range`, if given.
pub(super) fn range(evidence: &Evidence) -> Option<(u16, u16)> {
    let value = evidence.sysctls.get("net.ipv4.ip_local_port_range")?;
    let mut ends = value.split_whitespace().map(str::parse);
    match (ends.next()?, ends.next()?) {
        (Ok(low), Ok(high)) if low <= high => Some((low, high)),
        (Ok(_) | Err(_), _) => None,
    }
}

/// Fills in the limits, nearest first, and says which binds.
pub(super) fn rank(diagnosis: &mut Diagnosis, evidence: &Evidence, groups: &Groups) {
    ports(diagnosis, evidence, groups);
    descriptors(diagnosis, evidence, groups);
    slots(diagnosis, evidence);
    queue(diagnosis, evidence);
    of_the_host(diagnosis, evidence);
    diagnosis.limits.sort_by_key(|limit| (limit.left(), limit.id));
    let is_reached = |limit: &Limit| limit.left() <= FEW.min(limit.capacity / 10);
    let notable = |limit: &&Limit| limit.used >= NOTABLE.min(limit.capacity.div_ceil(2)) || is_reached(limit);
    let Some(first) = diagnosis.limits.iter().find(notable) else { return };
    let (used, capacity, left) = (count(first.used), count(first.capacity), count(first.left()));
    let reached = is_reached(first);
    let what = match reached {
        true => about!(Judged::Reached, first.what, used, capacity),
        false => about!(Judged::Binds, first.what, used, capacity, left),
    };
    let evidence = vec![("used", first.used.to_string()), ("capacity", first.capacity.to_string())];
    let severity = if reached { Severity::Error } else { Severity::Note };
    let leaking = diagnosis.culprit.is_some();
    let pid = diagnosis.culprit.as_ref().and_then(|culprit| culprit.pid);
    let pid = pid.map_or_else(|| "PID".to_owned(), |pid| pid.to_string());
    let step = match first.id {
        LimitId::Ports => Step {
            what: said!(Judged::RaisePorts),
            command: Some("sysctl -w net.ipv4.ip_local_port_range='1024 60999'".to_owned()),
        },
        LimitId::Descriptors => {
            Step { what: said!(Judged::RaiseFds), command: Some(format!("prlimit --pid {pid} --nofile=65535:65536")) }
        }
        LimitId::Slots => {
            Step { what: said!(Judged::RaiseSlots), command: Some("SET GLOBAL connect_timeout = 3;".to_owned()) }
        }
        LimitId::AcceptQueue => {
            Step { what: said!(Judged::RaiseQueue), command: Some("sysctl net.core.somaxconn".to_owned()) }
        }
        LimitId::TimeWait => {
            Step { what: said!(Judged::ReuseTimeWait), command: Some("sysctl net.ipv4.tcp_max_tw_buckets".to_owned()) }
        }
        LimitId::Files => Step { what: said!(Judged::RaiseFds), command: Some("sysctl fs.file-nr".to_owned()) },
    };
    diagnosis.points.push(Point { id: PointId::FirstLimit, severity, what, evidence });
    // Far from a limit there is nothing to raise.
    if reached || (!leaking && first.used >= first.capacity / 2) {
        diagnosis.next.push(step);
    }
}

fn ports(diagnosis: &mut Diagnosis, evidence: &Evidence, groups: &Groups) {
    let given = range(evidence);
    let counted = counted_range(evidence);
    let (low, high) = given.or(counted).unwrap_or_else(|| seen_range(groups));
    let inside = |port: u16| (low..=high).contains(&port);
    let size = u64::from(high - low) + 1;
    let reserved = evidence.sysctls.get("net.ipv4.ip_local_reserved_ports").map_or(0, |list| reserved(list, low, high));
    // connect() takes no port that a listener has, whatever its address.
    let listeners = evidence.sockets.iter().filter(|(_, socket)| socket.state == Some(TcpState::Listen));
    let bound = listeners.filter(|((local, _), _)| inside(local.port)).count() as u64;
    let capacity = size.saturating_sub(reserved + bound);
    let mut found: Vec<(End, u64)> = Vec::new();
    for ((role, service), group) in groups {
        if *role == Role::Client {
            let used = group.local_ports.iter().filter(|port| inside(**port)).count() as u64;
            found.push((service.clone(), used));
        }
    }
    for (service, used) in &evidence.counted {
        match found.iter_mut().find(|(known, _)| known == service) {
            Some((_, known)) => *known = (*known).max(*used),
            None => found.push((service.clone(), *used)),
        }
    }
    found.sort_by_key(|(_, used)| core::cmp::Reverse(*used));
    found.retain(|(_, used)| *used > 0);
    // Besides the largest, only what is worth a line.
    let mut first = true;
    found.retain(|(_, used)| core::mem::take(&mut first) || *used >= NOTABLE);
    found.truncate(3);
    let by_summary = found.is_empty();
    if by_summary {
        // Without rows: where the number of sockets is about that of the ports, they are most likely these.
        let kernel = evidence.sockstat.get("TCP.inuse").copied();
        let used = evidence.summaries.iter().filter_map(|summary| summary.ipv4).chain(kernel).max().unwrap_or(0);
        if used * 10 < capacity * 9 {
            return;
        }
        diagnosis.assumed.push(said!(Judged::AssumedOneDestination, count(used)));
        found.push((End { addr: Addr::ANY, port: 0 }, used.min(capacity)));
    }
    for (service, used) in found {
        let what = match by_summary {
            true => said!(Judged::PortsToOne),
            false => said!(Judged::PortsTo, service_name(&service)),
        };
        diagnosis.limits.push(Limit { id: LimitId::Ports, what, used, capacity, assumed: given.is_none() });
    }
    if given.is_none() {
        diagnosis.assumed.push(if counted.is_some() {
            said!(Judged::AssumedByCount, low, high, count(most_counted(evidence).max(summed(evidence))))
        } else if (low, high) == DEFAULT_RANGE {
            said!(Judged::AssumedRange)
        } else {
            said!(Judged::AssumedWider, low, high)
        });
        let command = Some("sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeRange), command });
    }
}

/// Connections to one destination, as somebody counted them.
fn most_counted(evidence: &Evidence) -> u64 {
    evidence.counted.values().copied().max().unwrap_or(0)
}

/// IPv4 sockets of a summary, where there are no rows and no count.
fn summed(evidence: &Evidence) -> u64 {
    let of_summaries = evidence.summaries.iter().filter_map(|summary| summary.ipv4);
    let of_kernel = evidence.sockstat.get("TCP.inuse").copied();
    let alone = evidence.sockets.is_empty() && evidence.counted.is_empty();
    of_summaries.chain(of_kernel).max().filter(|_| alone).unwrap_or(0)
}

/// The range that could hold what was counted, if the default one could not. Of
/// a summary a tenth may be other things.
fn counted_range(evidence: &Evidence) -> Option<(u16, u16)> {
    let (low, high) = DEFAULT_RANGE;
    let holds = |low: u16| {
        let size = u64::from(high - low) + 1;
        most_counted(evidence) <= size && summed(evidence) <= size + size / 10
    };
    (!holds(low)).then_some(if holds(1_024) { (1_024, high) } else { (1_024, u16::MAX) })
}

/// The default range, or a wider one if several clients' ports lie outside it:
/// a single one may be bound by hand.
fn seen_range(groups: &Groups) -> (u16, u16) {
    let (low, high) = DEFAULT_RANGE;
    let clients = groups.iter().filter(|((role, _), _)| *role == Role::Client);
    let ports: Vec<u16> = clients.flat_map(|(_, group)| group.local_ports.iter().copied()).collect();
    let outside = ports.iter().filter(|port| !(low..=high).contains(*port)).count();
    if outside < 3 {
        return DEFAULT_RANGE;
    }
    let least = ports.iter().copied().min().unwrap_or(low).min(low);
    // Nobody begins anywhere but at the first port without privilege.
    let least = if (1_024..low).contains(&least) { 1_024 } else { least };
    (least, ports.iter().copied().max().unwrap_or(high).max(high))
}

/// How many ports of the range a list like `8080,9000-9100` reserves.
fn reserved(list: &str, low: u16, high: u16) -> u64 {
    let range = |part: &str| -> Option<(u16, u16)> {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
    };
    let mut ranges: Vec<(u16, u16)> = list.split(',').filter_map(range).collect();
    ranges.sort_unstable();
    let (mut sum, mut next) = (0, u32::from(low));
    for (from, to) in ranges {
        let (from, to) = (u32::from(from).max(next), u32::from(to.min(high)));
        if from <= to {
            sum += u64::from(to - from) + 1;
            next = to + 1;
        }
    }
    sum
}

fn descriptors(diagnosis: &mut Diagnosis, evidence: &Evidence, groups: &Groups) {
    let largest = groups.iter().max_by_key(|((role, _), group)| (*role == Role::Client, sockets(group)));
    let shell = evidence.limits.is_empty();
    let soft = evidence.limits.iter().map(|(soft, _)| *soft).min().or(evidence.ulimit);
    let round = round_limit(evidence).filter(|_| soft.is_none());
    let Some(capacity) = soft.or(round).filter(|soft| *soft < u64::MAX) else { return };
    let (what, used) = match largest {
        Some(((role, service), group)) if with_descriptor(group) > 0 || !group.owners.is_empty() => {
            // The highest descriptor tells how many there are at least; 0, 1 and 2 are nearly always taken.
            let highest = group.owner().and_then(|owner| group.highest_fd.get(owner)).map_or(0, |fd| fd + 1);
            let held = if group.owners.is_empty() { with_descriptor(group) + 3 } else { most_owned(group) + 3 };
            (name_of(*role, group, service), highest.max(held).max(evidence.fd_sockets.map_or(0, |n| n + 3)))
        }
        Some(_) | None => {
            let counted = evidence.fd_sockets.map(|n| n + 3);
            let connections = evidence.counted.values().max().map(|n| n + 3);
            let Some(used) = counted.max(connections) else { return };
            (said!(Judged::TheProcess), used)
        }
    };
    if let Some(round) = round {
        diagnosis.assumed.push(said!(Judged::AssumedRound, count(round - 3), count(round)));
        let command = Some("grep 'open files' /proc/PID/limits".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeLimits), command });
    } else if shell {
        diagnosis.assumed.push(said!(Judged::AssumedShell));
    } else {
        diagnosis.assumed.push(about!(Judged::AssumedProcess, what));
    }
    let used = used.min(capacity);
    diagnosis.limits.push(Limit {
        id: LimitId::Descriptors,
        what: about!(Judged::Descriptors, what),
        used,
        capacity,
        assumed: shell,
    });
}

/// A soft limit that programs usually have, if what was counted stops exactly
/// three short of it: 0, 1 and 2 are open too.
fn round_limit(evidence: &Evidence) -> Option<u64> {
    const USUAL: [u64; 10] = [1_024, 4_096, 8_192, 10_000, 16_384, 20_000, 32_768, 65_535, 65_536, 1_048_576];
    let counted = evidence.counted.values().max()? + 3;
    USUAL.into_iter().find(|usual| *usual == counted)
}

fn sockets(group: &Group) -> u64 {
    group.states.values().sum()
}

/// Sockets that surely have a descriptor: minisocks and orphans have none.
fn with_descriptor(group: &Group) -> u64 {
    [TcpState::SynSent, TcpState::Established, TcpState::CloseWait].map(|state| group.count(state)).iter().sum()
}

fn most_owned(group: &Group) -> u64 {
    group.owners.values().copied().max().unwrap_or(0)
}

fn slots(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    let given = evidence.variables.get("max_connections").and_then(|value| value.parse::<u64>().ok());
    let threads = evidence.status.get("Threads_connected").and_then(|value| value.parse().ok());
    // The event scheduler is in the list and takes no slot.
    let daemons = evidence.sessions.iter().filter(|session| session.command == "Daemon").count() as u64;
    let shown = (!evidence.sessions.is_empty()).then_some(evidence.sessions.len() as u64);
    let listed = evidence.session_count.max(shown).map(|all| all.saturating_sub(daemons));
    let Some(used) = listed.max(threads) else { return };
    let capacity = given.unwrap_or(MAX_CONNECTIONS) + 1;
    if given.is_none() {
        diagnosis.assumed.push(said!(Judged::AssumedSlots));
        let command = Some("SHOW GLOBAL VARIABLES LIKE '%connect%';".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeVariables), command });
    }
    let assumed = given.is_none();
    diagnosis.limits.push(Limit { id: LimitId::Slots, what: said!(Judged::Slots), used, capacity, assumed });
}

fn queue(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    for ((local, _), socket) in &evidence.sockets {
        if socket.state == Some(TcpState::Listen) && socket.from_ss && socket.recv_q > 0 {
            let what = said!(Judged::Queue, local.port);
            let (used, capacity) = (socket.recv_q, socket.send_q + 1);
            diagnosis.limits.push(Limit { id: LimitId::AcceptQueue, what, used, capacity, assumed: false });
        }
    }
}

fn of_the_host(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    let number = |name: &str| evidence.sysctls.get(name).and_then(|value| value.parse::<u64>().ok());
    let counted = evidence.summaries.iter().map(|summary| summary.timewait).max();
    let waiting = counted.or(evidence.sockstat.get("TCP.tw").copied());
    if let (Some(capacity), Some(used)) = (number("net.ipv4.tcp_max_tw_buckets"), waiting) {
        let what = said!(Judged::TimeWaits);
        diagnosis.limits.push(Limit { id: LimitId::TimeWait, what, used, capacity, assumed: false });
    }
    let open = evidence.sysctls.get("fs.file-nr").and_then(|value| {
        let mut numbers = value.split_whitespace().map(str::parse::<u64>);
        let (used, _, max) = (numbers.next()?.ok()?, numbers.next()?, numbers.next()?.ok()?);
        Some((used, max))
    });
    if let Some((used, capacity)) = open {
        let what = said!(Judged::Files);
        diagnosis.limits.push(Limit { id: LimitId::Files, what, used, capacity, assumed: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_of_the_range() {
        assert_eq!(reserved("", 32_768, 60_999), 0);
        assert_eq!(reserved("8080,40000,40000-40009,60990-65535", 32_768, 60_999), 20);
    }
}
