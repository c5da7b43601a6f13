use super::facts::{ClientFacts, Growth, HostFacts, PortFacts, Reached, RunFacts, ServerFacts, StateCounts};
use super::finding_id::FindingId;
use super::findings::{Finding, Severity, findings};
use crate::app::Limits;
use crate::tcp::TcpState;
use crate::text::Lang;
use crate::time::{Duration, Instant};
use crate::units::{Port, Ratio};

fn reached(secs: u64, connections: u64) -> Option<Reached> {
    Some(Reached { at: Instant::ZERO + Duration::from_secs(secs), connections, time_wait: 0 })
}

fn counts(of: &[(TcpState, u64)]) -> StateCounts {
    let mut all = StateCounts::default();
    for &(state, n) in of {
        all.add(state, n);
    }
    all
}

/// The second day of the write-up.
fn outage() -> RunFacts {
    RunFacts {
        client: ClientFacts {
            name: "sysbench".into(),
            nofile: Some(Limits { soft: 32_768, hard: 65_536 }),
            abandoned: 28_231,
            attempts_per_second: 590,
            fixed_retry: Some(Duration::from_millis(1)),
            ..ClientFacts::default()
        },
        server: ServerFacts {
            name: "mysqld".into(),
            max_connections: 151,
            connect_timeout: Duration::from_secs(10),
            first_refusal: reached(6, 152),
            refused: 27_000,
            unauthenticated_peak: 151,
            timed_out: 1_200,
            ..ServerFacts::default()
        },
        ports: PortFacts {
            destination: "172.31.47.174:3306".into(),
            low: Port(32_768),
            high: Port(60_999),
            unusable: 1,
            exhausted: reached(130, 28_231),
            exhausted_in_bind: false,
            other_parity: reached(30, 14_116),
            cost_before: Duration::from_micros(17),
            cost_after: Duration::from_micros(5_340),
            candidates_when_exhausted: 28_232,
            cpu_when_exhausted: Some(Ratio { num: 90, den: 100 }),
            cost_profile: "al2-5.10-4vcpu".into(),
            time_wait_quantum: Duration::from_millis(2_048),
        },
        host: HostFacts { name: "client".into(), file_max: 1_000_000, ..HostFacts::default() },
        growth: Some(Growth {
            since: Instant::ZERO + Duration::from_secs(5),
            span: Duration::from_secs(125),
            connections: 28_231,
        }),
        client_side: counts(&[(TcpState::CloseWait, 28_231)]),
        server_side: counts(&[(TcpState::FinWait2, 9_000)]),
    }
}

fn find(all: &[Finding], id: FindingId) -> &Finding {
    all.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("{id:?} in {all:#?}"))
}

/// The write-up's summary of calls: 5,936 + 2,915 - 5,914.
#[test]
fn the_leak_is_read_off_the_summary_of_calls() {
    let mut facts = outage();
    (facts.client.opened_sockets, facts.client.opened_files, facts.client.closed) = (5_936, 2_915, 5_914);
    let all = findings(&facts);
    let leak = find(&all, FindingId::DescriptorLeak);
    let why = leak.why.as_ref().expect("it says why").text(Lang::En);
    assert!(why.contains("socket 5,936 + openat 2,915 - close 5,914 = 2,937 descriptors"), "{why}");
    assert!(leak.evidence.contains(&("close", "5914".to_owned())), "{:?}", leak.evidence);
}

#[test]
fn the_outage_is_told_cause_first() {
    let ids: Vec<_> = findings(&outage()).iter().map(|finding| finding.id.name()).collect();
    assert_eq!(
        ids,
        [
            "descriptor-leak",
            "close-wait",
            "reconnect-storm",
            "first-limit",
            "limit-order",
            "ports-exhausted",
            "too-many-connections",
            "unauthenticated-slots",
            "connect-timeout",
            "other-parity",
            "search-cost",
            "time-wait-side"
        ]
    );
}

#[test]
fn who_failed_to_close_is_the_side_in_close_wait() {
    let all = findings(&outage());
    let finding = find(&all, FindingId::CloseWait);
    assert!(finding.what.en.contains("28,231") && finding.what.en.contains("sysbench"), "{finding:?}");
    let mirrored = RunFacts { client_side: StateCounts::default(), server_side: outage().client_side, ..outage() };
    let all = findings(&mirrored);
    assert!(find(&all, FindingId::CloseWait).what.en.contains("mysqld"));
}

#[test]
fn limits_are_ranked_by_time() {
    let all = findings(&outage());
    let finding = find(&all, FindingId::FirstLimit);
    assert_eq!(
        finding.what.en,
        "the first limit to bind was max_connections (ERR 1040), 6.000s after the start, at 152 connections"
    );
    assert_eq!(finding.why.as_ref().expect("a second limit").zh, "124.000s 之后轮到 源端口（EADDRNOTAVAIL）");
}

#[test]
fn limits_not_reached_are_ranked_by_when_they_would_have_been() {
    let all = findings(&outage());
    let finding = find(&all, FindingId::LimitOrder);
    assert_eq!(
        finding.what.en,
        "the limits in the order in which they bind: max_connections (ERR 1040) at 6.000s; source ports \
         (EADDRNOTAVAIL) at 130.000s; RLIMIT_NOFILE (EMFILE) would at about 150s (32,765 connections); the hard \
         RLIMIT_NOFILE (EMFILE) would at about 295s (65,533 connections); fs.file-max (ENFILE) would at about 4432s \
         (1,000,000 connections)"
    );
    let keys: Vec<_> = finding.evidence.iter().map(|(key, when)| format!("{key} {when}")).collect();
    assert_eq!(
        keys,
        ["max_connections 6.000s", "ports 130.000s", "nofile ~150s", "nofile_hard ~295s", "file_max ~4432s"]
    );
    assert!(finding.why.as_ref().is_some_and(|why| why.zh.contains("平均每秒 225 个")), "{finding:?}");
    let closed = RunFacts { growth: None, ..outage() };
    assert!(!findings(&closed).iter().any(|finding| finding.id == FindingId::LimitOrder));
}

#[test]
fn advice_says_what_it_costs() {
    let mut facts = outage();
    facts.client.emfile = reached(1, 2);
    facts.server.accept_overflows = 5;
    let all = findings(&facts);
    for id in
        [FindingId::PortsExhausted, FindingId::FdsExhausted, FindingId::TooManyConnections, FindingId::AcceptQueue]
    {
        let costs = Lang::ALL.map(|lang| find(&all, id).costs_line(lang).expect("raising a limit costs something"));
        let [en, zh] = &costs;
        assert!(en.starts_with("costs: ") && zh.starts_with("代价："), "{costs:?}");
    }
    let paragraph = find(&all, FindingId::FdsExhausted).paragraph(Lang::En);
    assert!(paragraph.contains("kernel memory for each open file"), "{paragraph}");
}

#[test]
fn the_limit_that_bound_is_the_one_of_then() {
    let mut facts = outage();
    facts.client.emfile = reached(1, 9);
    facts.client.emfile_soft = Some(12);
    let all = findings(&facts);
    assert!(find(&all, FindingId::FdsExhausted).what.en.contains("soft RLIMIT_NOFILE of 12:"));
}

#[test]
fn the_soft_limit_is_named_when_descriptors_run_out() {
    let mut facts = outage();
    facts.ports.exhausted = None;
    facts.client.emfile = reached(150, 32_765);
    facts.client.shell_nofile = Some(65_535);
    facts.client.failing_call = "socket".into();
    let all = findings(&facts);
    let finding = find(&all, FindingId::FdsExhausted);
    assert_eq!(finding.what.en, "sysbench reached its soft RLIMIT_NOFILE of 32,768: socket() fails with EMFILE");
    assert!(finding.next.en.contains("65,535") && finding.next.en.contains("65,536"), "{}", finding.next.en);
    assert!(!all.iter().any(|finding| finding.id == FindingId::PortsExhausted));
}

#[test]
fn time_wait_on_the_clients_side_limits_the_rate() {
    let mut facts = outage();
    facts.client.abandoned = 0;
    facts.client_side = counts(&[(TcpState::TimeWait, 28_232)]);
    facts.server_side = StateCounts::default();
    facts.ports.unusable = 0;
    let held = |connections, time_wait| reached(60, connections).map(|reached| Reached { time_wait, ..reached });
    (facts.ports.exhausted, facts.ports.other_parity) = (held(2, 28_230), held(1, 14_115));
    facts.server.first_refusal = None;
    let all = findings(&facts);
    let said = |id| find(&all, id).what.en.clone();
    assert!(said(FindingId::FirstLimit).ends_with("at 2 connections and 28,230 sockets in TIME-WAIT"));
    let of = "of the 28,232 it may use, 28,230 were in TIME-WAIT and 2 in open connections";
    assert!(said(FindingId::PortsExhausted).contains(of), "{}", said(FindingId::PortsExhausted));
    assert!(said(FindingId::OtherParity).starts_with("with 14,115 ports in TIME-WAIT and 1 in open connections"));
    assert!(find(&all, FindingId::TimeWaitLimit).what.en.contains("463 connections/s"));
    let ports = find(&all, FindingId::PortsExhausted);
    assert!(ports.why.as_ref().is_some_and(|why| why.en.contains("TIME-WAIT")), "nothing leaks here: {ports:?}");
    assert!(find(&all, FindingId::TimeWaitSide).what.en.starts_with("sysbench closes first"));
    assert!(!all.iter().any(|finding| finding.id == FindingId::CloseWait));
}

#[test]
fn a_fixed_client_ran_out_of_nothing() {
    let mut facts =
        RunFacts { server: ServerFacts { name: "mysqld".into(), ..ServerFacts::default() }, ..RunFacts::default() };
    facts.client.name = "sysbench".into();
    facts.client.recovered = Some(Instant::ZERO + Duration::from_millis(5_002));
    let all = findings(&facts);
    let ids: Vec<_> = all.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, [FindingId::Recovered, FindingId::NothingRanOut]);
    assert!(all.iter().all(|finding| finding.severity == Severity::Note));
}

#[test]
fn every_finding_speaks_both_languages_and_fills_its_arguments() {
    let mut facts = outage();
    facts.client.emfile = reached(1, 2);
    facts.client.enfile = reached(2, 3);
    facts.client.recovered = Some(Instant::ZERO);
    facts.server.accept_overflows = 5;
    facts.server.blocked = Some(("172.31.55.230".into(), 100));
    facts.host.time_wait_overflows = 1;
    facts.host.orphans_reset = 1;
    for finding in findings(&facts) {
        let texts = [Some(&finding.what), finding.why.as_ref(), Some(&finding.next), finding.costs.as_ref()];
        for said in texts.into_iter().flatten() {
            assert!(!said.text(Lang::En).contains('{') && !said.text(Lang::Zh).contains('{'), "{finding:?}");
            assert!(!said.zh.is_ascii(), "{finding:?}");
        }
    }
}

#[test]
fn evidence_names_are_keys() {
    for finding in findings(&outage()) {
        let mut names: Vec<_> = finding.evidence.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{finding:?}");
    }
}

#[test]
fn names_are_distinct() {
    let mut names: Vec<_> = FindingId::ALL.iter().map(|id| id.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FindingId::ALL.len());
}
