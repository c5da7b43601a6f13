//! What happened and why, typed: for `--json`, the story and the page.
//!
//! Each rule reads [`RunFacts`] alone and yields at most one finding; their
//! order is that of a telling, cause before consequence.

use super::facts::{Reached, RunFacts};
use super::finding_id::FindingId;
use super::findings_limits::limit_order;
use super::messages::Advice;
use crate::say;
use crate::tcp::TcpState;
use crate::text::{Lang, Msg, grouped as count};
use crate::time::Instant;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It costs something, or will.
    Warning,
    /// The program cannot do its work.
    Error,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A text in both languages, its arguments filled in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "scenario", derive(serde::Serialize, serde::Deserialize))]
pub struct Said {
    /// English.
    pub en: String,
    /// 中文.
    pub zh: String,
}

impl Said {
    /// A name, the same in both languages.
    #[must_use]
    pub fn same(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { en: name.clone(), zh: name }
    }
    /// The text in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// A message in both languages: `said!(Msg::NothingRanOut)`.
macro_rules! said {
    ($message:expr $(, $arg:expr)* $(,)?) => {
        $crate::observe::Said {
            en: $crate::say!($crate::text::Lang::En, $message $(, $arg)*),
            zh: $crate::say!($crate::text::Lang::Zh, $message $(, $arg)*),
        }
    };
}
pub(crate) use said;

/// Something worth telling about a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which rule.
    pub id: FindingId,
    /// How bad.
    pub severity: Severity,
    /// What happened, one sentence.
    pub what: Said,
    /// Why, if `what` does not say it.
    pub why: Option<Said>,
    /// The numbers it rests on: metric-like name and value.
    pub evidence: Vec<(&'static str, String)>,
    /// What to do.
    pub next: Said,
    /// What doing it costs elsewhere, if it costs something.
    pub costs: Option<Said>,
    /// What to type on a real host to see it, if there is such a command.
    pub command: Option<String>,
}

impl Finding {
    pub(super) fn new(id: FindingId, what: Said, next: Said) -> Self {
        Self { id, severity: id.severity(), what, why: None, evidence: Vec::new(), next, costs: None, command: None }
    }
    /// The finding as a paragraph: what, why, what to do and what to type.
    #[must_use]
    pub fn paragraph(&self, lang: Lang) -> String {
        let mut out = format!("{}: {}\n", self.severity.name(), self.what.text(lang));
        if let Some(why) = &self.why {
            out.push_str(&format!("    {}\n", why.text(lang)));
        }
        out.push_str(&format!("    => {}\n", self.next.text(lang)));
        if let Some(costs) = self.costs_line(lang) {
            out.push_str(&format!("       {costs}\n"));
        }
        if let Some(command) = &self.command {
            out.push_str(&format!("    $ {command}\n"));
        }
        out
    }
    /// What doing it costs, introduced as such.
    #[must_use]
    pub fn costs_line(&self, lang: Lang) -> Option<String> {
        self.costs.as_ref().map(|costs| say!(lang, Advice::Costs, costs.text(lang)))
    }
    pub(super) fn why(mut self, why: Said) -> Self {
        self.why = Some(why);
        self
    }
    fn costs(mut self, costs: Said) -> Self {
        self.costs = Some(costs);
        self
    }
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.evidence.push((name, value.to_string()));
        self
    }
    fn type_this(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// All findings of a run, cause before consequence; never empty.
#[must_use]
pub fn findings(facts: &RunFacts) -> Vec<Finding> {
    let rules = [
        descriptor_leak,
        close_wait,
        reconnect_storm,
        first_limit,
        limit_order,
        ports_exhausted,
        fds_exhausted,
        files_exhausted,
        too_many_connections,
        unauthenticated_slots,
        connect_timeout,
        accept_queue,
        host_blocked,
        other_parity,
        search_cost,
        time_wait_side,
        time_wait_limit,
        time_wait_overflow,
        orphan_limit,
        recovered,
    ];
    let mut found: Vec<_> = rules.iter().filter_map(|rule| rule(facts)).collect();
    if !found.iter().any(|finding| finding.severity > Severity::Note) {
        found.push(Finding::new(FindingId::NothingRanOut, said!(Msg::NothingRanOut), said!(Advice::NothingToDo)));
    }
    found
}

pub(super) fn clock(at: Instant) -> String {
    format!("{}s", at.since(Instant::ZERO).decimal(1_000_000_000, 3))
}

fn descriptor_leak(facts: &RunFacts) -> Option<Finding> {
    let client = &facts.client;
    let opened = client.opened_sockets + client.opened_files;
    (client.abandoned > 0).then(|| {
        let found = Finding::new(
            FindingId::DescriptorLeak,
            said!(Msg::DescriptorLeak, client.name, count(client.abandoned)),
            said!(Advice::CloseOnFailure, client.name),
        )
        .with("sockets", client.abandoned)
        .costs(said!(Advice::CostOfRestart, client.name))
        .type_this("ls -l /proc/PID/fd | grep socket | wc -l");
        if opened <= client.closed {
            return found;
        }
        // As anyone can read it off the summary of a trace: perf trace -s.
        let kept = count(opened - client.closed);
        let (sockets, files) = (count(client.opened_sockets), count(client.opened_files));
        found
            .why(said!(Advice::OpenedNotClosed, sockets, files, count(client.closed), kept))
            .with("socket", client.opened_sockets)
            .with("openat", client.opened_files)
            .with("close", client.closed)
    })
}

fn close_wait(facts: &RunFacts) -> Option<Finding> {
    // The side whose application did not close is the one in CLOSE_WAIT.
    let sides = [(&facts.client_side, &facts.client.name), (&facts.server_side, &facts.server.name)];
    let (side, owner) = sides.into_iter().max_by_key(|(side, _)| side.get(TcpState::CloseWait))?;
    let sockets = side.get(TcpState::CloseWait);
    (sockets > 0).then(|| {
        Finding::new(
            FindingId::CloseWait,
            said!(Msg::CloseWaitPile, count(sockets), owner),
            said!(Advice::WhoHoldsThem),
        )
        .with("close_wait", sockets)
        .with("process", owner)
        .type_this("ss -tanp state close-wait")
    })
}

fn reconnect_storm(facts: &RunFacts) -> Option<Finding> {
    let client = &facts.client;
    let wait = client.fixed_retry?;
    // Below ten attempts a second a fixed wait is a choice, not a storm.
    (client.attempts_per_second >= 10).then(|| {
        Finding::new(
            FindingId::ReconnectStorm,
            said!(Msg::ReconnectStorm, client.name, count(client.attempts_per_second), wait),
            said!(Advice::BackOff, wait),
        )
        .with("attempts_per_second", client.attempts_per_second)
        .costs(said!(Advice::CostOfBackOff))
        .with("wait", wait)
    })
}

/// Connections pile up that the client will never close, or did until it ended.
pub(super) const fn leaking(facts: &RunFacts) -> bool {
    facts.client.abandoned > 0 || facts.client.released > 0 || facts.client_side.get(TcpState::CloseWait) > 0
}

/// Ports are away for a while, held by TIME_WAIT, and not leaked: what to count then.
fn in_time_wait(facts: &RunFacts, reached: Reached) -> bool {
    reached.time_wait > reached.connections && !leaking(facts)
}

/// The limits reached, in order of time, each with its key in the evidence.
pub(super) fn limits_reached(facts: &RunFacts) -> Vec<(Advice, &'static str, Reached)> {
    let all = [
        (Advice::LimitMaxConnections, "max_connections", facts.server.first_refusal),
        (Advice::LimitPorts, "ports", facts.ports.exhausted),
        (Advice::LimitNofile, "nofile", facts.client.emfile),
        (Advice::LimitFileMax, "file_max", facts.client.enfile),
    ];
    let mut reached: Vec<_> = all.into_iter().filter_map(|(limit, key, at)| Some((limit, key, at?))).collect();
    reached.sort_by_key(|(_, _, reached)| reached.at);
    reached
}

fn first_limit(facts: &RunFacts) -> Option<Finding> {
    let all = limits_reached(facts);
    let (first, _, at) = *all.first()?;
    let (when, open) = (clock(at.at), count(at.connections));
    let say = |lang| {
        let name = first.texts().text(lang);
        match in_time_wait(facts, at) {
            true => crate::say!(lang, Advice::FirstLimitInTimeWait, name, when, open, count(at.time_wait)),
            false => crate::say!(lang, Advice::FirstLimit, name, when, open),
        }
    };
    let next = if leaking(facts) { said!(Advice::FixTheCause) } else { said!(Advice::LookAtEach) };
    let mut finding = Finding::new(FindingId::FirstLimit, Said { en: say(Lang::En), zh: say(Lang::Zh) }, next);
    if let Some(&(second, _, later)) = all.get(1) {
        let gap = clock(Instant::ZERO + later.at.since(at.at));
        let say = |lang| crate::say!(lang, Advice::NextLimit, second.texts().text(lang), gap);
        finding = finding.why(Said { en: say(Lang::En), zh: say(Lang::Zh) });
    }
    for (_, key, reached) in all {
        finding = finding.with(key, clock(reached.at));
    }
    Some(finding)
}

fn ports_exhausted(facts: &RunFacts) -> Option<Finding> {
    let ports = &facts.ports;
    let reached = ports.exhausted?;
    let (size, unusable) = (count(ports.range_size()), count(ports.unusable));
    let (why, next) = if leaking(facts) {
        let next = match facts.client.nofile {
            Some(nofile) => said!(Advice::WiderRangeOnlyDelays, count(nofile.soft)),
            None => said!(Advice::FixTheCause),
        };
        (said!(Msg::PortsExhaustedWhy, ports.low, ports.high, size, unusable), next)
    } else {
        (said!(Advice::HeldByTimeWait, ports.low, ports.high, size, unusable), said!(Advice::ReuseTimeWait))
    };
    let (name, open) = (&facts.client.name, count(reached.connections));
    let (errno, call) = if ports.exhausted_in_bind { ("EADDRINUSE", "bind") } else { ("EADDRNOTAVAIL", "connect") };
    let what = match in_time_wait(facts, reached) {
        true => {
            let (usable, waiting) = (count(ports.usable()), count(reached.time_wait));
            said!(Msg::PortsInTimeWait, name, ports.destination, usable, waiting, open, errno, call)
        }
        false => said!(Msg::PortsExhausted, name, ports.destination, open, errno, call),
    };
    Some(
        Finding::new(FindingId::PortsExhausted, what, next)
            .why(why)
            .costs(if leaking(facts) { said!(Advice::CostOfRange) } else { said!(Advice::CostOfReuse) })
            .with("connections", reached.connections)
            .with("time_wait", reached.time_wait)
            .with("range", ports.range_size())
            .with("unusable", ports.unusable)
            .with("at", clock(reached.at))
            .type_this(format!("ss -tna | grep {} | wc -l", ports.destination)),
    )
}

fn fds_exhausted(facts: &RunFacts) -> Option<Finding> {
    let client = &facts.client;
    let reached = client.emfile?;
    let limits = client.nofile.unwrap_or(crate::app::Limits { soft: 0, hard: 0 });
    let shell = client.shell_nofile.unwrap_or(limits.hard);
    // It may have been raised since.
    let soft = client.emfile_soft.unwrap_or(limits.soft);
    Some(
        Finding::new(
            FindingId::FdsExhausted,
            said!(Msg::FdsExhausted, client.name, count(soft), format!("{}()", client.failing_call)),
            said!(Advice::RaiseSoftNofile, count(shell), count(limits.hard)),
        )
        .costs(said!(Advice::CostOfDescriptors))
        .with("connections", reached.connections)
        .with("soft", soft)
        .with("hard", limits.hard)
        .with("at", clock(reached.at))
        .type_this("grep 'open files' /proc/PID/limits"),
    )
}

fn files_exhausted(facts: &RunFacts) -> Option<Finding> {
    let reached = facts.client.enfile?;
    let call = format!("{}()", facts.client.failing_call);
    Some(
        Finding::new(
            FindingId::FilesExhausted,
            said!(Msg::FilesExhausted, facts.host.name, count(facts.host.file_max), call),
            said!(Advice::RaiseFileMax),
        )
        .costs(said!(Advice::CostOfDescriptors))
        .with("connections", reached.connections)
        .with("file_max", facts.host.file_max)
        .with("at", clock(reached.at))
        .type_this("sysctl fs.file-nr"),
    )
}

fn too_many_connections(facts: &RunFacts) -> Option<Finding> {
    let server = &facts.server;
    let reached = server.first_refusal?;
    let rate = facts.client.attempts_per_second;
    let slots = rate.saturating_mul(server.connect_timeout.as_secs());
    let next = if rate > 0 {
        said!(Advice::RaisingMaxConnections, count(rate), server.connect_timeout, count(slots))
    } else {
        said!(Advice::FixTheCause)
    };
    let (refused, silent) = (count(server.refused), count(server.unauthenticated_peak));
    let what = said!(Msg::TooManyConnections, server.name, refused, silent, count(server.max_connections + 1));
    Some(
        Finding::new(FindingId::TooManyConnections, what, next)
            .why(said!(Msg::ConnectTimeoutHolds, server.connect_timeout))
            .costs(said!(Advice::CostOfSlots))
            .with("refused", server.refused)
            .with("max_connections", server.max_connections)
            .with("unauthenticated_peak", server.unauthenticated_peak)
            .with("at", clock(reached.at))
            .type_this("SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections';"),
    )
}

fn unauthenticated_slots(facts: &RunFacts) -> Option<Finding> {
    let server = &facts.server;
    // One or two are logins under way.
    (server.unauthenticated_peak > 2).then(|| {
        let rate = facts.client.attempts_per_second;
        let wanted = rate.saturating_mul(server.connect_timeout.as_secs());
        let (held, all) = (count(server.unauthenticated_peak), count(server.max_connections + 1));
        Finding::new(
            FindingId::UnauthenticatedSlots,
            said!(Advice::UnauthenticatedSlots, held, all, server.name),
            said!(Advice::LowerConnectTimeout, count(rate), server.connect_timeout, count(wanted)),
        )
        .costs(said!(Advice::CostOfTimeout))
        .with("unauthenticated_peak", server.unauthenticated_peak)
        .with("slots", server.max_connections + 1)
        .type_this("SHOW PROCESSLIST;")
    })
}

fn connect_timeout(facts: &RunFacts) -> Option<Finding> {
    let server = &facts.server;
    (server.timed_out > 0).then(|| {
        Finding::new(
            FindingId::ConnectTimeout,
            said!(Advice::PeerOfTimeout, count(server.timed_out), server.connect_timeout),
            said!(Advice::CloseOnFailure, facts.client.name),
        )
        .with("timed_out", server.timed_out)
        .with("connect_timeout", server.connect_timeout)
    })
}

fn accept_queue(facts: &RunFacts) -> Option<Finding> {
    let server = &facts.server;
    (server.accept_overflows > 0).then(|| {
        let (times, holds) = (count(server.accept_overflows), count(server.accept_capacity));
        Finding::new(
            FindingId::AcceptQueue,
            said!(Msg::AcceptQueueOverflow, server.name, times, holds),
            said!(Advice::LongerQueue),
        )
        .with("ListenOverflows", server.accept_overflows)
        .costs(said!(Advice::CostOfQueue))
        .type_this("nstat -az TcpExtListenOverflows")
    })
}

fn host_blocked(facts: &RunFacts) -> Option<Finding> {
    let (blocked, errors) = facts.server.blocked.as_ref()?;
    let what = said!(Msg::HostBlocked, facts.server.name, blocked, count(*errors));
    let finding = Finding::new(FindingId::HostBlocked, what, said!(Advice::FlushHosts));
    Some(finding.costs(said!(Advice::CostOfFlush)).with("max_connect_errors", errors))
}

fn other_parity(facts: &RunFacts) -> Option<Finding> {
    let ports = &facts.ports;
    let reached = ports.other_parity?;
    // Each search first walks the half that is full.
    let half = ports.range_size().div_ceil(2);
    let (open, half) = (count(reached.connections), count(half));
    let what = match in_time_wait(facts, reached) {
        true => said!(Msg::OtherParityInTimeWait, count(reached.time_wait), open, half),
        false => said!(Msg::OtherParity, open, half),
    };
    Some(
        Finding::new(FindingId::OtherParity, what, said!(Advice::ParityIsNormal))
            .why(said!(Advice::SlowerSearch, rounded(ports.cost_before), rounded(ports.cost_after)))
            .with("connections", reached.connections)
            .with("time_wait", reached.time_wait)
            .with("at", clock(reached.at))
            .with("connect_before", rounded(ports.cost_before))
            .with("connect_after", rounded(ports.cost_after)),
    )
}

/// A mean duration with three digits of a readable unit.
fn rounded(mean: crate::time::Duration) -> String {
    if mean.as_millis() > 0 {
        format!("{}ms", mean.decimal(1_000_000, 2))
    } else {
        format!("{}us", mean.decimal(1_000, 1))
    }
}

fn search_cost(facts: &RunFacts) -> Option<Finding> {
    let ports = &facts.ports;
    let share = ports.cpu_when_exhausted?;
    let percent = u64::from(share.num) * 100 / u64::from(share.den);
    Some(
        Finding::new(
            FindingId::SearchCost,
            said!(
                Msg::SearchBurnsCpu,
                facts.client.name,
                percent,
                count(ports.candidates_when_exhausted),
                ports.cost_profile
            ),
            if leaking(facts) {
                said!(Advice::CloseOnFailure, facts.client.name)
            } else {
                said!(Advice::ReuseTimeWait)
            },
        )
        .with("cpu_percent", percent)
        .with("candidates", ports.candidates_when_exhausted)
        .type_this("perf top -p PID"),
    )
}

/// Minisocks of one side: TIME_WAIT in either substate.
const fn waiting(side: &super::facts::StateCounts) -> u64 {
    side.get(TcpState::FinWait2) + side.get(TcpState::TimeWait)
}

fn time_wait_side(facts: &RunFacts) -> Option<Finding> {
    let (client, server) = (waiting(&facts.client_side), waiting(&facts.server_side));
    if client == 0 && server == 0 {
        return None;
    }
    let finding = if server >= client {
        let what = said!(Advice::ServerClosesFirst, facts.server.name, count(server), facts.client.name);
        Finding::new(FindingId::TimeWaitSide, what, said!(Advice::WhoHoldsThem))
    } else {
        let what = said!(Advice::ClientClosesFirst, facts.client.name);
        Finding::new(FindingId::TimeWaitSide, what, said!(Advice::ReuseTimeWait))
    };
    Some(finding.with("client_side", client).with("server_side", server).type_this("ss -tan state time-wait"))
}

fn time_wait_limit(facts: &RunFacts) -> Option<Finding> {
    let sockets = facts.client_side.get(TcpState::TimeWait);
    if facts.ports.exhausted.is_none() || sockets == 0 || leaking(facts) {
        return None;
    }
    let rate = facts.ports.sustained_rate();
    Some(
        Finding::new(
            FindingId::TimeWaitLimit,
            said!(Msg::TimeWaitLimit, count(sockets), count(rate)),
            said!(Advice::ReuseTimeWait),
        )
        .costs(said!(Advice::CostOfReuse))
        .with("time_wait", sockets)
        .with("sustained_rate", rate),
    )
}

fn time_wait_overflow(facts: &RunFacts) -> Option<Finding> {
    let host = &facts.host;
    (host.time_wait_overflows > 0).then(|| {
        let what = said!(Msg::TimeWaitOverflow, count(host.tcp_max_tw_buckets), count(host.time_wait_overflows));
        Finding::new(FindingId::TimeWaitOverflow, what, said!(Advice::TooFewBuckets))
            .with("TCPTimeWaitOverflow", host.time_wait_overflows)
            .costs(said!(Advice::CostOfBuckets))
            .type_this("nstat -az TcpExtTCPTimeWaitOverflow")
    })
}

fn orphan_limit(facts: &RunFacts) -> Option<Finding> {
    let host = &facts.host;
    (host.orphans_reset > 0).then(|| {
        let what = said!(Msg::OrphanLimit, count(host.tcp_max_orphans), count(host.orphans_reset));
        Finding::new(FindingId::OrphanLimit, what, said!(Advice::TooManyOrphans))
            .with("reset", host.orphans_reset)
            .type_this("cat /proc/net/sockstat")
    })
}

fn recovered(facts: &RunFacts) -> Option<Finding> {
    let at = facts.client.recovered?;
    let what = said!(Msg::Recovered, facts.client.name, clock(at), facts.ports.destination);
    Some(Finding::new(FindingId::Recovered, what, said!(Advice::NothingToDo)).with("at", clock(at)))
}
