use super::*;
use crate::text::Lang;

const NETSTAT: &str = include_str!("../golden/netstat.close-wait.txt");
const ESTAB: &str = include_str!("../golden/ss.estab.txt");
const LIMITS: &str = include_str!("../golden/limits.container.txt");
const ULIMIT: &str = include_str!("../golden/ulimit.shell.txt");
const RANGE: &str = "net.ipv4.ip_local_port_range = 1024 60999\n";

fn limit(diagnosis: &Diagnosis, id: LimitId) -> &Limit {
    diagnosis.limits.iter().find(|limit| limit.id == id).unwrap_or_else(|| panic!("{id:?} in {diagnosis:#?}"))
}

/// Every sentence in both languages, with its arguments filled in.
fn well_said(diagnosis: &Diagnosis) {
    let points = diagnosis.points.iter().map(|point| &point.what);
    let steps = diagnosis.next.iter().map(|step| &step.what);
    let limits = diagnosis.limits.iter().map(|limit| &limit.what);
    for said in points.chain(steps).chain(&diagnosis.assumed).chain(&diagnosis.unknown) {
        assert!(!said.zh.is_ascii(), "{said:?}");
        assert!(!said.en.contains("{0}") && !said.zh.contains("{0}"), "{said:?}");
    }
    assert!(limits.into_iter().all(|said| !said.en.is_empty()));
    for lang in Lang::ALL {
        assert!(diagnosis.text(lang).ends_with('\n'));
    }
}

#[test]
fn thirty_rows_name_the_client() {
    let diagnosis = diagnose(&[NETSTAT]);
    well_said(&diagnosis);
    let culprit = diagnosis.culprit.as_ref().expect("a culprit");
    assert_eq!((culprit.role, culprit.process.as_deref(), culprit.pid), (Role::Client, Some("sysbench"), Some(22_109)));
    assert_eq!((culprit.service.as_str(), culprit.sockets), ("172.31.47.174:3306", 30));
    assert_eq!(diagnosis.points[0].id, PointId::CloseWait);
    assert!(diagnosis.points[0].what.en.starts_with("sysbench (pid 22109) did not close: 30 of its sockets"));
    let text = diagnosis.text(Lang::En);
    assert!(text.contains("27 unread bytes and the FIN: MySQL's \"Too many connections\""), "{text}");
    assert!(text.contains("grep 'open files' /proc/22109/limits"), "{text}");
    assert!(diagnosis.assumed.iter().any(|said| said.en.contains("1024–60999")), "{:?}", diagnosis.assumed);
    assert_eq!(limit(&diagnosis, LimitId::Ports).used, 30);
    assert!(diagnosis.text(Lang::Zh).contains("没有关闭的是 sysbench（pid 22109）"));
}

#[test]
fn one_row_is_enough_to_name_it() {
    let row = "[root@reg mnt]# ss -tnapo | grep 44820\n\
        CLOSE-WAIT 28     0      172.31.55.230:44820 172.31.47.174:3306  users:((\"sysbench\",pid=26050,fd=257))\n";
    let culprit = diagnose(&[row]).culprit.expect("a culprit");
    assert_eq!((culprit.process.as_deref(), culprit.pid, culprit.sockets), (Some("sysbench"), Some(26_050), 1));
}

#[test]
fn unread_greetings_name_the_client_before_anything_is_closed() {
    let diagnosis = diagnose(&[ESTAB]);
    well_said(&diagnosis);
    let culprit = diagnosis.culprit.as_ref().expect("a culprit");
    assert_eq!((culprit.process.as_deref(), culprit.sockets), (Some("sysbench"), 12));
    assert_eq!(diagnosis.points[0].id, PointId::Unread);
    assert!(diagnosis.points[0].what.en.contains("hold the same 77 unread bytes"));
}

#[test]
fn a_counted_pipeline_shows_the_wall() {
    let ports = "~]$ ss -tna  | grep 172.31.47.174:3306 | wc -l\n28231\n";
    let diagnosis = diagnose(&[ports]);
    well_said(&diagnosis);
    let first = diagnosis.first_limit().expect("a limit");
    assert_eq!((first.id, first.used, first.capacity, first.assumed), (LimitId::Ports, 28_231, 28_232, true));
    assert!(diagnosis.has(PointId::FirstLimit));

    // The wider range: now the descriptors of the container bind, not those of the shell.
    let counted = "~]$ ss -tna  | grep 172.31.47.174:3306 | wc -l\n32765\n";
    let diagnosis = diagnose(&[counted, RANGE, LIMITS]);
    let first = diagnosis.first_limit().expect("a limit");
    assert_eq!((first.id, first.used, first.capacity), (LimitId::Descriptors, 32_768, 32_768));
    assert_eq!(limit(&diagnosis, LimitId::Ports).left(), 59_976 - 32_765);
    let diagnosis = diagnose(&[counted, RANGE, ULIMIT]);
    assert_eq!(limit(&diagnosis, LimitId::Descriptors).capacity, 65_535);
    assert!(diagnosis.assumed.iter().any(|said| said.en.contains("of a shell")), "{:?}", diagnosis.assumed);
}

#[test]
fn summaries_show_the_wall_without_names() {
    let diagnosis = diagnose(&[include_str!("../golden/ss-s.two-hosts.txt")]);
    well_said(&diagnosis);
    assert!(diagnosis.has(PointId::Pile) && diagnosis.culprit.is_none());
    assert_eq!(diagnosis.first_limit().map(|limit| (limit.id, limit.left())), Some((LimitId::Ports, 0)));
    assert!(diagnosis.unknown.iter().any(|said| said.en.contains("a summary has no rows")));
    let diagnosis = diagnose(&[include_str!("../golden/ss-s.nofile.txt"), RANGE]);
    assert_eq!(diagnosis.first_limit().map(|limit| (limit.id, limit.capacity)), Some((LimitId::Ports, 59_976)));
    let diagnosis = diagnose(&[include_str!("../golden/ss-s.day-one.txt")]);
    assert!(diagnosis.has(PointId::Pile) && diagnosis.has(PointId::TimeWait), "{diagnosis:#?}");
    // The older form of the summary.
    let old = "Total: 271 (kernel 293)\nTCP:   36551 (estab 331, closed 18115, orphaned 7, synrecv 0, timewait 18077/0), ports 0\n";
    assert_eq!(diagnose(&[old]).evidence.summaries[0].timewait, 18_077);
}

#[test]
fn a_process_list_shows_who_holds_the_slots() {
    let diagnosis = diagnose(&[include_str!("../golden/processlist.after.txt")]);
    well_said(&diagnosis);
    let point = diagnosis.points.iter().find(|point| point.id == PointId::SilentClients).expect("silent clients");
    assert_eq!(point.what.en.split(':').next(), Some("151 of 153 sessions are unauthenticated"));
    let slots = limit(&diagnosis, LimitId::Slots);
    assert_eq!((slots.used, slots.capacity, slots.assumed), (152, 152, true));
    let healthy =
        diagnose(&[include_str!("../golden/processlist.before.txt"), include_str!("../golden/variables.raised.txt")]);
    assert!(!healthy.has(PointId::SilentClients));
    assert_eq!(limit(&healthy, LimitId::Slots).capacity, 65_536);
    let vertical = "*************************** 1. row ***************************\n     Id: 15\n   User: unauthenticated user\n   Host: 10.0.0.7:48256\n     db: NULL\nCommand: Connect\n   Time: 3\n  State: Receiving from client\n   Info: NULL\n1 row in set (0.000 sec)\n";
    assert_eq!(diagnose(&[vertical]).evidence.sessions[0].host, "10.0.0.7");
    let tabs = "Id\tUser\tHost\tdb\tCommand\tTime\tState\tInfo\n15\tunauthenticated user\t10.0.0.7:48256\tNULL\tConnect\t3\tlogin\tNULL\n";
    assert!(diagnose(&[tabs]).has(PointId::SilentClients));
}

#[test]
fn both_ends_on_one_host_are_told_apart() {
    let text = include_str!("../golden/ss.iproute2-6.1.txt");
    let diagnosis = diagnose(&[text]);
    well_said(&diagnosis);
    let culprit = diagnosis.culprit.as_ref().expect("a culprit");
    assert_eq!((culprit.role, culprit.process.as_deref()), (Role::Client, Some("python3")));
    assert!(diagnosis.has(PointId::AcceptQueue), "3 of 2 in the accept queue: {diagnosis:#?}");
}

#[test]
fn a_server_that_does_not_close() {
    let mut text = String::from(
        "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nLISTEN 0 128 0.0.0.0:8080 0.0.0.0:*\n",
    );
    for n in 0..40 {
        text.push_str(&format!(
            "CLOSE-WAIT 1 0 10.0.0.1:8080 10.0.0.{}:{} users:((\"java\",pid=77,fd={}))\n",
            n % 7 + 2,
            41_000 + n,
            50 + n
        ));
    }
    let diagnosis = diagnose(&[&text, LIMITS]);
    let culprit = diagnosis.culprit.as_ref().expect("a culprit");
    assert_eq!(
        (culprit.role, culprit.process.as_deref(), culprit.service.as_str()),
        (Role::Server, Some("java"), ":8080")
    );
    assert_eq!(limit(&diagnosis, LimitId::Descriptors).used, 90);
    // Seen from the other side: its sockets wait in FIN-WAIT-2.
    let other: String = (0..40).map(|n| format!("tcp 0 0 10.0.0.2:{} 10.0.0.1:8080 FIN_WAIT2\n", 41_000 + n)).collect();
    assert!(diagnose(&[&other]).has(PointId::PeerDidNotClose));
}

#[test]
fn short_connections_leave_time_wait() {
    let rows: String =
        (0..6_000).map(|n| format!("tcp 0 0 10.0.0.2:{} 10.0.0.1:6379 TIME_WAIT -\n", 32_768 + n)).collect();
    let diagnosis = diagnose(&[&rows, LIMITS]);
    assert!(!diagnosis.limits.iter().any(|limit| limit.id == LimitId::Descriptors), "minisocks have no descriptor");
    assert!(diagnosis.culprit.is_none());
    let point = diagnosis.points.iter().find(|point| point.id == PointId::TimeWait).expect("TIME-WAIT");
    assert!(point.what.en.contains("about 100 connections a second"), "{point:?}");
    assert_eq!(diagnosis.first_limit().map(|limit| limit.used), Some(6_000));
}

#[test]
fn prompts_prose_and_fences_do_not_disturb() {
    let whole = format!(
        "# 现象\n```shell\n[root@reg fd]# netstat -anop | grep 3306 | head -n 30\n{NETSTAT}```\n然后看限制:\n```\n~]$ cat ./limits\n{LIMITS}```\n  - net.ipv4.ip_local_port_range = 1024 60999\n"
    );
    let diagnosis = diagnose(&[&whole.replace('\n', "\r\n")]);
    assert_eq!(diagnosis.evidence.sockets.len(), 30);
    assert_eq!(diagnosis.evidence.limits, [(32_768, 65_536)]);
    assert_eq!(limits::range(&diagnosis.evidence), Some((1_024, 60_999)));
    let colours = "\u{1b}[1;31mCLOSE-WAIT\u{1b}[0m 28 0 10.0.0.1:40000 10.0.0.2:3306\n";
    assert_eq!(diagnose(&[colours]).evidence.sockets.len(), 1);
}

#[test]
fn counters_sockstat_and_errors() {
    let text = "TcpExtListenOverflows           12                 0.0\n    7 times the listen queue of a socket overflowed\nTCP: inuse 30000 orphan 0 tw 2 alloc 30010 mem 244\nERROR 2003 (HY000): Can't connect to MySQL server on '10.0.0.1' (99)\njava.net.SocketException: Too many open files\n";
    let diagnosis = diagnose(&[text]);
    well_said(&diagnosis);
    assert!(diagnosis.has(PointId::AcceptQueue) && diagnosis.has(PointId::Errors) && diagnosis.has(PointId::Pile));
    assert_eq!(diagnosis.evidence.errors.keys().copied().collect::<Vec<_>>(), ["EADDRNOTAVAIL", "EMFILE"]);
    assert_eq!(diagnosis.evidence.sockstat["TCP.alloc"], 30_010);
}

#[test]
fn foreign_text_gets_a_clear_answer() {
    for text in
        ["", "\0\u{1}\u{2}binary\u{ffff}", "Lorem ipsum dolor\nsit amet\n", "{\"json\": [1, 2, 3]}", "<html></html>"]
    {
        let diagnosis = diagnose(&[text]);
        assert_eq!(diagnosis.points[0].id, PointId::Foreign, "{text:?}");
        assert!(diagnosis.text(Lang::En).contains("no line of this text"));
        well_said(&diagnosis);
    }
    let quiet = diagnose(&["State Recv-Q Send-Q\nESTAB 0 0 10.0.0.1:22 10.0.0.2:50000\n"]);
    assert_eq!(quiet.points[0].id, PointId::NothingWrong);
}

proptest::proptest! {
    /// Cut anywhere, with anything in between, it still answers.
    #[test]
    fn damaged_output_is_no_panic(cuts in proptest::collection::vec((0_usize..4_000, "\\PC{0,12}"), 0..6), which in 0_usize..6) {
        let texts = [NETSTAT, ESTAB, LIMITS, include_str!("../golden/ss.iproute2-6.1.txt"),
            include_str!("../golden/processlist.after.txt"), include_str!("../golden/ss-s.day-one.txt")];
        let mut text = texts[which].to_owned();
        for (at, junk) in cuts {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(at, &junk);
        }
        well_said(&diagnose(&[&text]));
    }

    #[test]
    fn any_text_is_answered(text in "([ 0-9a-fA-F:.|\\t\\n*()\\[\\],=/+-]|tcp|ESTAB|LISTEN|users:\\(\\(\"|TCP: |inuse|Max open files|net.|\\PC){0,60}") {
        well_said(&diagnose(&[&text]));
    }
}

#[test]
fn a_count_says_by_itself_which_wall_it_stopped_at() {
    // More than the default range has ports, and three short of a usual limit.
    let diagnosis = diagnose(&["~]$ ss -tna  | grep 172.31.47.174:3306 | wc -l\n32765\n"]);
    well_said(&diagnosis);
    let first = diagnosis.first_limit().expect("a limit");
    assert_eq!((first.id, first.used, first.capacity, first.assumed), (LimitId::Descriptors, 32_768, 32_768, true));
    let ports = limit(&diagnosis, LimitId::Ports);
    assert_eq!((ports.used, ports.capacity), (32_765, 59_976));
    let assumed: Vec<&str> = diagnosis.assumed.iter().map(|said| said.en.as_str()).collect();
    assert!(assumed.iter().any(|said| said.starts_with("the port range is 1024–60999: 32,765 connections")));
    assert!(assumed.iter().any(|said| said.contains("0, 1 and 2 make 32,768")), "{assumed:?}");
    // A limit that is given counts for more than a round number.
    let diagnosis = diagnose(&["$ ss -tna | grep 172.31.47.174:3306 | wc -l\n32765\n", "open files (-n) 100000\n"]);
    assert_eq!(limit(&diagnosis, LimitId::Descriptors).capacity, 100_000);
    // A summary with twice as many sockets as the default range has ports.
    let diagnosis = diagnose(&[include_str!("../golden/ss-s.nofile.txt")]);
    assert_eq!(limit(&diagnosis, LimitId::Ports).capacity, 59_976);
    assert!(diagnosis.text(Lang::En).contains("59,976 / 59,976"));
}

#[test]
fn a_trace_names_who_does_not_close() {
    let summary = "$ perf trace -s -p 13193 -- sleep 10\n\n Summary of events:\n\n\
        \x20sysbench (13194), 30 events, 0.0%\n\n\
        \x20  write                 10      0     0.167     0.014     0.017     0.018      2.91%\n\n\
        \x20sysbench (13195), 145906 events, 100.0%\n\n\
        \x20  openat              2915      0    64.979     0.006     0.022     8.424     18.04%\n\
        \x20  socket              5936      0    30.225     0.002     0.005     0.036      0.69%\n\
        \x20  close               5914      0    15.990     0.001     0.003     0.030      0.65%\n";
    let diagnosis = diagnose(&[summary]);
    well_said(&diagnosis);
    let point = diagnosis.points.iter().find(|point| point.id == PointId::TraceLeak).expect("a leak");
    assert_eq!(
        point.what.en,
        "sysbench did not close: it opened 8,851 descriptors while it was traced and closed 5,914, so 2,937 stayed open"
    );
    let culprit = diagnosis.culprit.as_ref().expect("a culprit");
    assert_eq!((culprit.role, culprit.process.as_deref(), culprit.sockets), (Role::Client, Some("sysbench"), 2_937));
    assert_eq!(diagnosis.evidence.read.get(&Kind::PerfTrace), Some(&6));
    let calm = summary.replace("5914", "8851");
    assert!(diagnose(&[&calm]).culprit.is_none());
}

#[test]
fn functions_that_burn_the_time_name_the_wall() {
    let top = "perf top -p `pgrep sysbench`\n  61.87%  [k] __inet_check_established\n   9.99%  [k] __inet_hash_connect\n\
        \x20  8.25%  [k] _raw_spin_lock\n   3.99%  [k] inet_ehashfn\n";
    let diagnosis = diagnose(&[top]);
    well_said(&diagnosis);
    let point = diagnosis.points.iter().find(|point| point.id == PointId::PortSearch).expect("the search");
    assert!(point.what.en.starts_with("75 % of the CPU time is connect() looking for a source port"));
    let with_object = "    61.87%  [kernel]  [k] __inet_check_established\n";
    assert!(diagnose(&[with_object]).has(PointId::PortSearch));
    assert!(!diagnose(&["    12.50%  [k] __inet_check_established\n"]).has(PointId::PortSearch));
    assert!(diagnose(&["99999999999999999999.99% [k] x\n 3.5% [k] y\n 100.01% [k] z\n"]).has(PointId::Foreign));
}

#[test]
fn a_small_limit_is_used_up_when_it_is() {
    let rows = |n: u64| {
        let row = "unauthenticated user\t10.0.0.7:48256\tNULL\tConnect\t3\tlogin\tNULL\n";
        let rows: String = (0..n).map(|id| format!("{id}\t{row}")).collect();
        format!("Id\tUser\tHost\tdb\tCommand\tTime\tState\tInfo\n{rows}Variable_name\tValue\nmax_connections\t10\n")
    };
    let first = |n| diagnose(&[&rows(n)]).points.into_iter().find(|point| point.id == PointId::FirstLimit);
    assert_eq!(first(5), None, "6 of 11 are left");
    assert_eq!(first(8).expect("it is near").severity, Severity::Note);
    assert_eq!(first(10).expect("one is left").severity, Severity::Error);
    // And nothing need be raised that is hardly used.
    let calm = diagnose(&["fs.file-nr = 677\t0\t2466170\n"]);
    assert!(calm.has(PointId::FirstLimit) && calm.next.is_empty(), "{:?}", calm.next);
}
