//! From evidence to a diagnosis.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Addr, End, Evidence, Owner, Socket};
use super::limits;
use super::messages::Judged;
use super::{Culprit, Diagnosis, Point, PointId, Role, Step};
use crate::observe::findings::{Said, Severity, said};
use crate::tcp::TcpState;
use crate::text::grouped as count;

/// First and last port of `ip_local_port_range` where nobody set it.
pub(super) const DEFAULT_RANGE: (u16, u16) = (32_768, 60_999);
/// From so many on, a pile is no accident.
const PILE: u64 = 10;
/// Sockets in use that are not established, which nobody needs explained.
const UNREMARKABLE: u64 = 200;

/// Connections with the same role towards the same service.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) states: BTreeMap<Option<TcpState>, u64>,
    pub(super) local_ports: BTreeSet<u16>,
    pub(super) peers: BTreeMap<Addr, u64>,
    pub(super) owners: BTreeMap<(String, Option<u32>), u64>,
    pub(super) close_wait_owners: BTreeMap<(String, Option<u32>), u64>,
    close_wait_recv_q: BTreeMap<u64, u64>,
    unread: BTreeMap<u64, u64>,
    pub(super) highest_fd: BTreeMap<(String, Option<u32>), u64>,
}

impl Group {
    pub(super) fn count(&self, state: TcpState) -> u64 {
        self.states.get(&Some(state)).copied().unwrap_or(0)
    }

    /// The process with most of its sockets, named.
    pub(super) fn owner(&self) -> Option<&(String, Option<u32>)> {
        most(&self.close_wait_owners).or_else(|| most(&self.owners))
    }
}

fn most<K: Ord>(counts: &BTreeMap<K, u64>) -> Option<&K> {
    counts.iter().max_by_key(|(_, count)| **count).map(|(key, _)| key)
}

/// The groups, by role and service: the end whose port is fixed.
pub(super) type Groups = BTreeMap<(Role, End), Group>;

/// Judges what was read.
pub(super) fn judge(evidence: Evidence) -> Diagnosis {
    let range = limits::range(&evidence);
    let groups = group(&evidence, range.unwrap_or(DEFAULT_RANGE));
    let mut diagnosis = Diagnosis { points: Vec::new(), ..Diagnosis::default() };
    who_did_not_close(&mut diagnosis, &evidence, &groups);
    time_wait(&mut diagnosis, &evidence, &groups);
    super::perf::judge(&mut diagnosis, &evidence);
    queues(&mut diagnosis, &evidence);
    errors(&mut diagnosis, &evidence);
    limits::rank(&mut diagnosis, &evidence, &groups);
    unknown(&mut diagnosis, &evidence, &groups);
    if diagnosis.points.is_empty() {
        let foreign = evidence.read.is_empty();
        let (id, said) = match foreign {
            true => (PointId::Foreign, said!(Judged::Foreign)),
            false => (PointId::NothingWrong, said!(Judged::NothingWrong)),
        };
        diagnosis.points.push(Point { id, severity: Severity::Note, what: said, evidence: Vec::new() });
    }
    diagnosis.evidence = evidence;
    diagnosis
}

/// Sorts connections by which of their ends is the service.
fn group(evidence: &Evidence, range: (u16, u16)) -> Groups {
    let mut listening: BTreeSet<u16> = BTreeSet::new();
    let (mut local_ports, mut peer_ports): (BTreeMap<u16, u64>, BTreeMap<u16, u64>) = Default::default();
    for ((local, peer), socket) in &evidence.sockets {
        if socket.state == Some(TcpState::Listen) {
            listening.insert(local.port);
        } else {
            *local_ports.entry(local.port).or_default() += 1;
            *peer_ports.entry(peer.port).or_default() += 1;
        }
    }
    let ephemeral = |port: u16| (range.0..=range.1).contains(&port);
    let role = |local: &End, peer: &End| {
        let serves = listening.contains(&local.port);
        let (here, there) = (local_ports.get(&local.port), peer_ports.get(&peer.port));
        match (serves, here.cmp(&there)) {
            (true, _) if !listening.contains(&peer.port) => Role::Server,
            // The port that many connections share is the service's.
            (_, core::cmp::Ordering::Less) => Role::Client,
            (_, core::cmp::Ordering::Greater) => Role::Server,
            (_, core::cmp::Ordering::Equal) => match (ephemeral(local.port), ephemeral(peer.port)) {
                (false, true) => Role::Server,
                (true, false) => Role::Client,
                (true, true) | (false, false) if local.port < peer.port => Role::Server,
                (true, true) | (false, false) => Role::Client,
            },
        }
    };
    let mut groups = Groups::new();
    for ((local, peer), socket) in &evidence.sockets {
        if matches!(socket.state, Some(TcpState::Listen | TcpState::Closed)) || peer.port == 0 {
            continue;
        }
        let key = match role(local, peer) {
            Role::Client => (Role::Client, peer.clone()),
            Role::Server => (Role::Server, End { addr: Addr::ANY, port: local.port }),
        };
        let group = groups.entry(key).or_default();
        add(group, local, peer, socket);
    }
    groups
}

fn add(group: &mut Group, local: &End, peer: &End, socket: &Socket) {
    *group.states.entry(socket.state).or_default() += 1;
    group.local_ports.insert(local.port);
    *group.peers.entry(peer.addr.clone()).or_default() += 1;
    if let Some(Owner { name, pid, fd }) = &socket.owner {
        let who = (name.clone(), *pid);
        *group.owners.entry(who.clone()).or_default() += 1;
        if socket.state == Some(TcpState::CloseWait) {
            *group.close_wait_owners.entry(who.clone()).or_default() += 1;
        }
        if let Some(fd) = fd {
            let highest = group.highest_fd.entry(who).or_default();
            *highest = (*highest).max(*fd);
        }
    }
    if socket.recv_q > 0 {
        match socket.state {
            Some(TcpState::CloseWait) => *group.close_wait_recv_q.entry(socket.recv_q).or_default() += 1,
            Some(TcpState::Established) => *group.unread.entry(socket.recv_q).or_default() += 1,
            Some(_) | None => {}
        }
    }
}

/// "sysbench (pid 26050)", or what can be said without a name.
pub(super) fn name_of(role: Role, group: &Group, service: &End) -> Said {
    match group.owner() {
        Some((name, Some(pid))) => Said { en: format!("{name} (pid {pid})"), zh: format!("{name}（pid {pid}）") },
        Some((name, None)) => Said { en: name.clone(), zh: name.clone() },
        None => match role {
            Role::Client => said!(Judged::SomeClient, service_name(service)),
            Role::Server => said!(Judged::SomeServer, service_name(service)),
        },
    }
}

pub(super) fn service_name(service: &End) -> String {
    if service.addr == Addr::ANY { format!(":{}", service.port) } else { service.to_string() }
}

/// A message whose first argument is itself in two languages.
macro_rules! about {
    ($message:expr, $who:expr $(, $arg:expr)*) => {{
        let who: &Said = &$who;
        Said {
            en: crate::say!(crate::text::Lang::En, $message, who.en $(, $arg)*),
            zh: crate::say!(crate::text::Lang::Zh, $message, who.zh $(, $arg)*),
        }
    }};
}
pub(super) use about;

pub(super) fn severity(n: u64) -> Severity {
    if n >= PILE { Severity::Error } else { Severity::Warning }
}

fn who_did_not_close(diagnosis: &mut Diagnosis, evidence: &Evidence, groups: &Groups) {
    let mut piles: Vec<_> = groups.iter().filter(|(_, group)| group.count(TcpState::CloseWait) > 0).collect();
    piles.sort_by_key(|(_, group)| core::cmp::Reverse(group.count(TcpState::CloseWait)));
    for ((role, service), group) in piles.into_iter().take(3) {
        let n = group.count(TcpState::CloseWait);
        let who = name_of(*role, group, service);
        let what = match role {
            Role::Client => about!(Judged::CloseWait, who, count(n), service_name(service)),
            Role::Server => about!(Judged::CloseWaitServer, who, count(n), service.port),
        };
        let (process, pid) = group.owner().cloned().map_or((None, None), |(name, pid)| (Some(name), pid));
        if diagnosis.culprit.is_none() {
            diagnosis.culprit = Some(Culprit { role: *role, process, pid, service: service_name(service), sockets: n });
        }
        let evidence = vec![("close_wait", n.to_string()), ("service", service_name(service))];
        diagnosis.points.push(Point { id: PointId::CloseWait, severity: severity(n), what, evidence });
        for (recv_q, times) in group.close_wait_recv_q.iter().take(4) {
            unread_bytes(diagnosis, *recv_q, *times, service);
        }
        diagnosis.next.push(Step { what: about!(Judged::FixClose, who), command: None });
        diagnosis.next.push(Step { what: said!(Judged::RaiseOnlyDelays), command: None });
    }
    for ((role, service), group) in groups {
        if *role == Role::Client {
            unread(diagnosis, service, group);
        }
        // Both ends here: the other one is told about already.
        let told = groups.keys().any(|(other, end)| other != role && end.port == service.port);
        if !told {
            peer_did_not_close(diagnosis, service, group);
        }
    }
    silent_clients(diagnosis, evidence);
    pile_without_names(diagnosis, evidence);
}

/// Established sockets with the same unread bytes: who made them has lost them.
fn unread(diagnosis: &mut Diagnosis, service: &End, group: &Group) {
    let Some((&bytes, &n)) = group.unread.iter().max_by_key(|(_, n)| **n) else { return };
    if n < PILE {
        return;
    }
    let who = name_of(Role::Client, group, service);
    let what = about!(Judged::Unread, who, count(n), service_name(service), bytes);
    let (process, pid) = group.owner().cloned().map_or((None, None), |(name, pid)| (Some(name), pid));
    if diagnosis.culprit.is_none() {
        let service = service_name(service);
        diagnosis.culprit = Some(Culprit { role: Role::Client, process, pid, service, sockets: n });
    }
    let evidence = vec![("sockets", n.to_string()), ("unread", bytes.to_string())];
    diagnosis.points.push(Point { id: PointId::Unread, severity: Severity::Error, what, evidence });
}

fn peer_did_not_close(diagnosis: &mut Diagnosis, service: &End, group: &Group) {
    let waiting = group.count(TcpState::FinWait2);
    if waiting < PILE {
        return;
    }
    let peer = most(&group.peers).map_or_else(|| service_name(service), addr_name);
    let what = said!(Judged::PeerDidNotClose, count(waiting), peer);
    let evidence = vec![("fin_wait2", waiting.to_string())];
    diagnosis.points.push(Point { id: PointId::PeerDidNotClose, severity: Severity::Error, what, evidence });
    let command = Some("ss -tanp state close-wait".to_owned());
    diagnosis.next.push(Step { what: said!(Judged::SeePeer, peer), command });
}

fn addr_name(addr: &Addr) -> String {
    match addr {
        Addr::Ip(ip) => ip.to_string(),
        Addr::Name(name) => name.to_string(),
    }
}

/// What the bytes in front of a FIN mean, where the service is MySQL's.
fn unread_bytes(diagnosis: &mut Diagnosis, recv_q: u64, times: u64, service: &End) {
    let mysql = matches!(service.port, 3306 | 3307 | 33_062);
    let meaning = match recv_q {
        1 => said!(Judged::NothingSent),
        28 if mysql => said!(Judged::Err1040),
        120..=150 if mysql => said!(Judged::Err1159),
        _other => said!(Judged::JustUnread),
    };
    let say = |lang, meaning: &str| crate::say!(lang, Judged::UnreadMeans, recv_q, recv_q.saturating_sub(1), meaning);
    let what = Said { en: say(crate::text::Lang::En, &meaning.en), zh: say(crate::text::Lang::Zh, &meaning.zh) };
    let evidence = vec![("recv_q", recv_q.to_string()), ("sockets", times.to_string())];
    diagnosis.points.push(Point { id: PointId::RecvQ, severity: Severity::Note, what, evidence });
}

fn silent_clients(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    let silent: Vec<_> = evidence.sessions.iter().filter(|session| session.is_unauthenticated()).collect();
    let shown = evidence.sessions.len() as u64;
    let all = evidence.session_count.unwrap_or(shown).max(shown);
    if silent.is_empty() {
        return;
    }
    // Rows a blog left out are like those it shows.
    let named = shown - silent.len() as u64;
    let n = all.saturating_sub(named);
    let mut hosts: BTreeMap<&str, u64> = BTreeMap::new();
    for session in &silent {
        *hosts.entry(session.host.as_str()).or_default() += 1;
    }
    let host = most(&hosts).copied().unwrap_or("");
    let what = said!(Judged::SilentClients, count(n), count(all), host);
    let evidence = vec![("unauthenticated", n.to_string()), ("sessions", all.to_string()), ("host", host.to_owned())];
    diagnosis.points.push(Point { id: PointId::SilentClients, severity: severity(n), what, evidence });
    let command = Some("ss -tanp '( dport = :3306 )'".to_owned());
    diagnosis.next.push(Step { what: said!(Judged::SeePeer, host), command });
    if diagnosis.culprit.is_none() {
        diagnosis.culprit =
            Some(Culprit { role: Role::Client, process: None, pid: None, service: host.to_owned(), sockets: n });
    }
}

/// A summary alone shows that something piles up, not what.
fn pile_without_names(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    if !evidence.sockets.is_empty() {
        return;
    }
    let kernel = |name: &str| evidence.sockstat.get(name).copied();
    let of_summary = evidence.summaries.iter().max_by_key(|summary| summary.tcp).map(|summary| {
        let used = summary.ipv4.zip(summary.ipv6).map(|(v4, v6)| v4 + v6);
        (used, Some(summary.estab), summary.timewait)
    });
    let of_kernel = kernel("TCP.inuse")
        .map(|v4| (Some(v4 + kernel("TCP6.inuse").unwrap_or(0)), None, kernel("TCP.tw").unwrap_or(0)));
    let Some((used, estab, minisocks)) = of_summary.or(of_kernel) else { return };
    let pile = used.map_or(0, |used| used.saturating_sub(estab.unwrap_or(0)));
    if pile > UNREMARKABLE {
        let what = said!(Judged::PileWithoutNames, count(pile));
        let evidence = vec![("not_established", pile.to_string())];
        diagnosis.points.push(Point { id: PointId::Pile, severity: Severity::Error, what, evidence });
        let command = Some("ss -tanp state close-wait".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeRows), command });
    }
    if minisocks > UNREMARKABLE {
        let what = said!(Judged::Minisocks, count(minisocks));
        let evidence = vec![("timewait", minisocks.to_string())];
        diagnosis.points.push(Point { id: PointId::TimeWait, severity: Severity::Note, what, evidence });
    }
}

fn time_wait(diagnosis: &mut Diagnosis, _evidence: &Evidence, groups: &Groups) {
    for ((role, service), group) in groups {
        let n = group.count(TcpState::TimeWait);
        if n < PILE {
            continue;
        }
        let what = match role {
            Role::Client => said!(Judged::TimeWaitClient, count(n), service_name(service), count(n.div_ceil(60))),
            Role::Server => said!(Judged::TimeWaitServer, count(n), service.port),
        };
        let evidence = vec![("time_wait", n.to_string()), ("service", service_name(service))];
        diagnosis.points.push(Point { id: PointId::TimeWait, severity: Severity::Note, what, evidence });
        if *role == Role::Client {
            let command = Some("sysctl net.ipv4.tcp_tw_reuse".to_owned());
            diagnosis.next.push(Step { what: said!(Judged::ReuseTimeWait), command });
        }
    }
}

fn queues(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    for ((local, _), socket) in &evidence.sockets {
        if socket.state == Some(TcpState::Listen) && socket.from_ss && socket.recv_q > socket.send_q {
            let what = said!(Judged::AcceptQueue, local.port, socket.recv_q, socket.send_q);
            let evidence = vec![("queue", socket.recv_q.to_string()), ("backlog", socket.send_q.to_string())];
            diagnosis.points.push(Point { id: PointId::AcceptQueue, severity: Severity::Warning, what, evidence });
        }
    }
    let overflows = evidence.counters.get("TcpExtListenOverflows").copied().unwrap_or(0);
    if overflows > 0 {
        let what = said!(Judged::AcceptOverflows, count(overflows));
        let evidence = vec![("ListenOverflows", overflows.to_string())];
        diagnosis.points.push(Point { id: PointId::AcceptQueue, severity: Severity::Warning, what, evidence });
    }
    if diagnosis.points.iter().any(|point| point.id == PointId::AcceptQueue) {
        diagnosis.next.push(Step { what: said!(Judged::RaiseQueue), command: Some("ss -tln".to_owned()) });
    }
}

fn errors(diagnosis: &mut Diagnosis, evidence: &Evidence) {
    for (error, times) in &evidence.errors {
        let meaning = match *error {
            "EADDRNOTAVAIL" => said!(Judged::MeansPorts),
            "EMFILE" => said!(Judged::MeansFds),
            "ENFILE" => said!(Judged::MeansFiles),
            "ERR 1040" => said!(Judged::MeansSlots),
            _blocked => said!(Judged::MeansBlocked),
        };
        let say = |lang, meaning: &str| crate::say!(lang, Judged::Errors, error, times, meaning);
        let what = Said { en: say(crate::text::Lang::En, &meaning.en), zh: say(crate::text::Lang::Zh, &meaning.zh) };
        let evidence = vec![("times", times.to_string())];
        diagnosis.points.push(Point { id: PointId::Errors, severity: Severity::Warning, what, evidence });
    }
}

fn unknown(diagnosis: &mut Diagnosis, evidence: &Evidence, groups: &Groups) {
    let rows = !evidence.sockets.is_empty();
    let piled = |group: &Group| group.count(TcpState::CloseWait) > 0;
    if groups.values().any(|group| piled(group) && group.close_wait_owners.is_empty()) {
        diagnosis.unknown.push(said!(Judged::NoOwner));
        let command = Some("ss -tanp state close-wait".to_owned());
        diagnosis.next.push(Step { what: said!(Judged::SeeOwner), command });
    }
    if !rows && (!evidence.summaries.is_empty() || !evidence.sockstat.is_empty()) {
        diagnosis.unknown.push(said!(Judged::NoRows));
    }
    if evidence.stateless > 0 {
        diagnosis.unknown.push(said!(Judged::HiddenState, count(evidence.stateless)));
    }
    let pile = diagnosis.culprit.as_ref();
    if let Some(Culprit { role: Role::Client, service, .. }) = pile
        && rows
        && evidence.sessions.is_empty()
    {
        diagnosis.unknown.push(said!(Judged::NoOtherSide, service));
    }
    if rows || !evidence.summaries.is_empty() {
        diagnosis.unknown.push(said!(Judged::NoRate));
    }
    if pile.is_some_and(|pile| pile.role == Role::Client)
        && rows
        && evidence.limits.is_empty()
        && evidence.ulimit.is_none()
    {
        diagnosis.unknown.push(said!(Judged::NoLimit));
        let pid = pile.and_then(|pile| pile.pid).map_or("PID".to_owned(), |pid| pid.to_string());
        let command = Some(format!("grep 'open files' /proc/{pid}/limits"));
        diagnosis.next.push(Step { what: said!(Judged::SeeLimits), command });
    }
    if evidence.cut {
        diagnosis.unknown.push(said!(Judged::Cut));
    }
}
