//! Round trip: what our own views print, read back, says what the run's findings say.

use halfclose::observe::diagnose::{Diagnosis, LimitId, PointId, Role, diagnose};
use halfclose::observe::tools::{netstat, proc_net_tcp, ss};
use halfclose::observe::{FindingId, HostView, NetFamily, RunFacts, View, ViewOptions, findings};
use halfclose::scenario::Run;
use halfclose::tcp::TcpState;

/// Holds the diagnosis of each view of the client's host, and of the server's
/// process list, to the findings of the same run.
pub(crate) fn agrees(run: &Run) {
    let facts = RunFacts::of(run);
    let found: Vec<FindingId> = findings(&facts).iter().map(|finding| finding.id).collect();
    let has = |id| found.contains(&id);
    let hosts: Vec<HostView> =
        (0..run.scenario().hosts.len()).map(|host| HostView::of(run.world(), run.host(host))).collect();
    let client = hosts.iter().find(|host| host.name == facts.host.name).expect("the client's host");
    let view = |host: &HostView, view: View| view.render(host, &ViewOptions::default()).unwrap_or_default();
    let process = client.processes.iter().find(|process| process.name == facts.client.name);
    let (sysctl, limits) = (
        view(client, View::Sysctl),
        process.map_or(String::new(), |process| {
            View::Limits
                .render(client, &ViewOptions { pid: Some(process.pid), ..ViewOptions::default() })
                .expect("it runs")
        }),
    );

    let leaked = facts.client_side.get(TcpState::CloseWait);
    for (rows, with_owner) in
        [(ss(client), true), (netstat(client), true), (proc_net_tcp(client, NetFamily::V4), false)]
    {
        let diagnosis = diagnose(&[&rows, &sysctl, &limits]);
        if has(FindingId::CloseWait) {
            let culprit = diagnosis.culprit.as_ref().expect("somebody did not close");
            assert_eq!((culprit.role, culprit.sockets), (Role::Client, leaked), "{:#?}", diagnosis.points);
            assert_eq!(culprit.service, facts.ports.destination);
            if with_owner {
                assert_eq!(culprit.process.as_deref(), Some(facts.client.name.as_str()));
                assert_eq!(culprit.pid, process.map(|process| process.pid.0));
            }
        } else {
            assert_eq!(diagnosis.culprit, None);
        }
        let alive = process.is_some();
        if alive && has(FindingId::PortsExhausted) && !has(FindingId::FdsExhausted) {
            // Ports in TIME_WAIT come and go.
            first_is(&diagnosis, LimitId::Ports, if has(FindingId::TimeWaitLimit) { 1_500 } else { 8 });
        }
        if alive && has(FindingId::FdsExhausted) && !has(FindingId::PortsExhausted) {
            first_is(&diagnosis, LimitId::Descriptors, 8);
        }
        if has(FindingId::TimeWaitLimit) {
            assert!(diagnosis.has(PointId::TimeWait), "{:#?}", diagnosis.points);
        }
    }
    if has(FindingId::CloseWait) && leaked > 1_000 {
        let summary = diagnose(&[&view(client, View::SsS)]);
        assert!(summary.has(PointId::Pile) && summary.culprit.is_none(), "{:#?}", summary.points);
        assert!(diagnose(&[&view(client, View::Sockstat)]).has(PointId::Pile));
    }
    for host in hosts.iter().filter(|host| host.mysql().is_some()) {
        let list = view(host, View::Processlist);
        let silent = list.lines().filter(|line| line.contains("unauthenticated user")).count();
        let diagnosis = diagnose(&[&list, &view(host, View::Variables)]);
        assert_eq!(diagnosis.has(PointId::SilentClients), silent > 0, "{list}");
        let slots = diagnosis.limits.iter().find(|limit| limit.id == LimitId::Slots);
        if let Some(slots) = slots {
            assert_eq!((slots.capacity, slots.assumed), (facts.server.max_connections + 1, false));
        }
    }
}

fn first_is(diagnosis: &Diagnosis, id: LimitId, left: u64) {
    let first = diagnosis.first_limit().expect("a limit");
    assert_eq!(first.id, id, "{:#?}", diagnosis.limits);
    assert!(first.left() <= left, "{first:?}");
}
