//! Whole-reader tests: presets, a table of bad scenarios, random damage.

use proptest::prelude::*;

use super::*;
use crate::time::{Duration, Instant};
use crate::units::Port;

const GOOD: &str = r#"
format = 1
end = "10s"
[host.client]
addrs = ["10.1.0.1"]
[host.db]
addrs = ["10.1.0.2"]
[[process]]
name = "mysqld"
host = "db"
program = "mysqld"
[[process]]
name = "sysbench"
host = "client"
program = "sysbench"
[process.sysbench]
mysql-host = "10.1.0.2"
"#;

fn problems(text: &str) -> Vec<Problem> {
    match Scenario::parse(text) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems,
    }
}

/// Ids, places as text, and near names of a scenario's problems.
fn summary(text: &str) -> Vec<(&'static str, String, Option<String>)> {
    problems(text).into_iter().map(|p| (p.id(), text[p.span()].to_owned(), p.near)).collect()
}

#[test]
fn every_preset_is_a_scenario() {
    for preset in preset::ALL {
        if let Err(error) = Scenario::parse(preset.text) {
            panic!("{}.toml:\n{error}", preset.name);
        }
    }
}

#[test]
fn every_preset_says_what_it_asks_and_expects() {
    for preset in preset::ALL {
        let scenario = preset.scenario();
        assert!(preset.text.starts_with("# "), "{}: header comment", preset.name);
        assert!(scenario.question.ends_with('?'), "{}: question", preset.name);
        assert!(scenario.question_zh.ends_with('？'), "{}: question_zh", preset.name);
        assert!(!scenario.title.is_empty() && scenario.title_zh != scenario.title, "{}: title", preset.name);
        assert!(scenario.expectations.len() >= 3, "{}: expectations", preset.name);
        assert!(!scenario.processes.is_empty() && !scenario.hosts.is_empty());
    }
}

#[cfg(not(target_family = "wasm"))]
#[test]
fn the_folder_and_the_list_of_presets_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the scenarios folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    files.sort();
    let mut names: Vec<String> = preset::ALL.iter().map(|p| format!("{}.toml", p.name)).collect();
    names.sort();
    assert_eq!(files, names);
}

#[test]
fn extends_merges_tables_and_named_lists() {
    let nofile = preset::find("nofile").expect("a preset").scenario();
    let client = &nofile.hosts[0];
    assert_eq!((client.name.as_str(), client.unrelated.other, client.unrelated.tcp_ipv4), ("client", 223, 36));
    assert_eq!(client.bound_ports.iter().map(|e| e.port()).collect::<Vec<_>>(), [Port(6010), Port(9323), Port(38061)]);
    let sysctls: Vec<&str> = client.sysctls.iter().map(|s| s.0.as_str()).collect();
    assert_eq!(sysctls, ["fs.file-max", "net.ipv4.ip_local_port_range"]);
    let sysbench = nofile.processes.iter().find(|p| p.name == "sysbench").expect("inherited");
    assert_eq!((sysbench.nofile.soft, sysbench.nofile.hard), (65_535, 65_536));
    assert_eq!(sysbench.pid, Some(22_109));
    assert_eq!(nofile.timeline.len(), 1);
    let fixed = preset::find("fixed-client").expect("a preset").scenario();
    let sysbench = fixed.processes.iter().find(|p| p.name == "sysbench").expect("inherited");
    let ProgramSpec::Sysbench(settings) = &sysbench.program else { panic!("it is sysbench") };
    assert_eq!(settings.connector, crate::app::sysbench::Connector::ReconnectOk);
    assert_eq!(settings.mysql_host, ServerName::Addr(crate::units::Ipv4Addr::new(172, 31, 47, 174)));
}

#[test]
fn incident_reads_as_written() {
    let incident = preset::find("incident").expect("a preset").scenario();
    assert_eq!(incident.end, Instant::ZERO + Duration::from_secs(200));
    assert_eq!(incident.hosts[0].ram_bytes, 8 << 30);
    assert_eq!(incident.hosts[0].kernel_version, (5, 10, 213));
    let admin = incident.processes.iter().position(|p| p.name == "admin");
    let ActionKind::KillSession { id, by, .. } = incident.timeline[0].kind else { panic!("a KILL") };
    assert_eq!((id, by), (11, admin));
    assert_eq!(incident.marks[0].name, "tw");
    // The published block satisfies every identity at `tw`.
    let names = incident.names();
    let published = |metric: &Metric| {
        let value = match names.display(metric).as_str() {
            "host.ss.total" => 18_710,
            "host.ss.tcp" => 36_551,
            "host.ss.estab" => 331,
            "host.ss.closed" => 18_115,
            "host.ss.orphaned" => 7,
            "host.ss.timewait" => 18_077,
            "host.ss.tcp_total" => 18_436,
            "host.ss.tcp_ipv4" => 18_271,
            "host.ss.tcp_ipv6" => 165,
            "host.tcp.time_wait" | "host.tcp.unhashed" => 0,
            other => panic!("{other} is not in the block"),
        };
        Some(value)
    };
    let tw = Moment::Mark { mark: MarkRef::Own(0), offset: Duration::ZERO, before: false };
    let block: Vec<_> = incident.expectations.iter().filter(|e| e.at == tw).collect();
    assert_eq!(block.len(), 9);
    for expectation in block {
        let row = expectation.check(&published, None);
        assert!(row.ok, "{row:?}");
    }
}

#[test]
fn the_published_blocks_satisfy_two_hosts_and_nofile() {
    for (preset, block) in [
        ("two-hosts", [28_544, 28_311, 40, 28_271, 28_267, 28_231]),
        ("nofile", [60_285, 60_053, 40, 60_013, 60_009, 59_973]),
    ] {
        let scenario = preset::find(preset).expect("a preset").scenario();
        let names = scenario.names();
        let published = |metric: &Metric| match names.display(metric).as_str() {
            "client.ss.total" => Some(block[0]),
            "client.ss.tcp" => Some(block[1]),
            "client.ss.estab" => Some(28),
            "client.ss.closed" => Some(block[2]),
            "client.ss.orphaned" | "client.ss.timewait" => Some(0),
            "client.ss.tcp_total" => Some(block[3]),
            "client.ss.tcp_ipv4" => Some(block[4]),
            "client.ss.tcp_ipv6" => Some(4),
            "client.sysbench.tcp.close_wait" => Some(block[5]),
            "client.sysbench.fd.sockets" => Some(block[5] + 1),
            "client.tcp.unhashed" => Some(1),
            _other => None,
        };
        let rows: Vec<CheckRow> = scenario.expectations.iter().map(|e| e.check(&published, None)).collect();
        assert!(rows.iter().filter(|r| r.ok).count() >= 8, "{preset}: {rows:#?}");
        assert!(rows.iter().all(|r| r.ok || r.error.is_some()), "{preset}: {rows:#?}");
    }
}

#[test]
fn overrides_change_the_document_before_it_is_checked() {
    let set = |pairs: &[(&str, &str)]| Scenario::parse_with(preset::find("two-hosts").expect("a preset").text, pairs);
    let scenario = set(&[
        ("end", "90s"),
        ("seed", "7"),
        ("host.client.bound_ports", "[]"),
        ("host.client.sysctl.net.ipv4.ip_local_port_range", "1024 60999"),
        ("host.client.kernel", "6.18"),
        ("process.sysbench.sysbench.threads", "4"),
        ("process.mysqld.mysqld.version", "8.0.20"),
        ("timeline.0.at", "6s"),
        ("title", "42"),
    ])
    .expect("all overrides are good");
    assert_eq!((scenario.seed, scenario.end), (7, Instant::ZERO + Duration::from_secs(90)));
    assert!(scenario.hosts[0].bound_ports.is_empty());
    assert_eq!(scenario.hosts[0].sysctls[0].1, "1024 60999");
    assert_eq!(scenario.hosts[0].kernel_version, (6, 18, 0));
    assert_eq!(scenario.timeline[0].at, Moment::At(Instant::ZERO + Duration::from_secs(6)));
    assert_eq!(scenario.title, "42");
    for (key, value, id, near) in [
        ("process.sysbnch.sysbench.threads", "4", "no-such-element", Some("sysbench")),
        ("process.sysbench.sysbench.thread", "4", "unknown-key", Some("threads")),
        ("process.sysbench.sysbench.threads", "four", "wrong-type", None),
        ("seed.x", "1", "override-through-value", None),
        ("", "1", "bad-override-key", None),
        ("a..b", "1", "bad-override-key", None),
        ("host.client.sysctl.net.ipv4.tcp_tw_reus", "1", "unknown-sysctl", Some("net.ipv4.tcp_tw_reuse")),
        ("end", "ninety", "bad-duration", None),
    ] {
        let error = set(&[(key, value)]).expect_err(key);
        let found = &error.problems[0];
        assert_eq!((found.id(), found.near.as_deref()), (id, near), "{key}: {error}");
        assert_eq!(found.place.source, Source::Override(0), "{key}");
        assert!(found.place.end <= key.len() + 1 + value.len(), "{key}");
    }
}

/// Appended to [`GOOD`]: the one problem, its text, and its hint.
#[test]
fn bad_additions_are_placed_and_explained() {
    for (addition, id, place, near) in [
        ("[host.client2]\nkernl = \"6.1\"", "unknown-key", "kernl", Some("kernel")),
        ("[host.client2]\ncpus = \"four\"", "wrong-type", "\"four\"", None),
        ("[host.client2]\ncpus = 1.5", "wrong-type", "1.5", None),
        ("[host.client2]\ncpus = 0", "out-of-range", "0", None),
        ("[host.client2]\nkernel = \"new\"", "bad-kernel", "\"new\"", None),
        ("[host.client2]\nkernel = \"2.6.32\"", "kernel-too-old", "\"2.6.32\"", None),
        ("[host.client2]\nram = \"8 gigs\"", "bad-size", "\"8 gigs\"", None),
        ("[host.client2]\nhz = 128", "unknown-word", "128", None),
        ("[host.client2]\ncost_profile = \"al2-5.10\"", "unknown-cost-profile", "\"al2-5.10\"", None),
        ("[host.client2]\nsteal = \"150%\"", "bad-ratio", "\"150%\"", None),
        ("[host.client2]\naddrs = [\"10.1.0.2\"]", "duplicate-address", "\"10.1.0.2\"", None),
        ("[host.client2]\naddrs = [\"127.0.0.1\"]", "unusable-address", "\"127.0.0.1\"", None),
        ("[host.client2]\naddrs = [\"10.1.0\"]", "bad-address", "\"10.1.0\"", None),
        ("[host.client2]\nbound_ports = [0]", "port-zero", "0", None),
        ("[host.client2]\nbound_ports = [70000]", "out-of-range", "70000", None),
        ("[host.\"a.b\"]\ncpus = 1", "bad-name", "[host.\"a.b\"]", None),
        ("[host.c.sysctl]\nnet.ipv4.ip_local_port_range = \"60999 32768\"", "inverted-range", "\"60999 32768\"", None),
        ("[host.c.sysctl]\nnet.ipv4.ip_local_port_range = \"80 60999\"", "privileged-range", "\"80 60999\"", None),
        ("[host.c.sysctl]\nnet.ipv4.tcp_fin_timout = 1", "unknown-sysctl", "1", Some("net.ipv4.tcp_fin_timeout")),
        ("[host.c.sysctl]\n\"net.ipv4.tcp_tw_reuse\" = 3", "out-of-range", "3", None),
        ("[host.c.unrelated]\ntcp_established = 5", "out-of-range", "5", None),
        ("[[link]]\nbetween = [\"client\", \"dc\"]", "unknown-host", "\"dc\"", Some("db")),
        ("[[link]]\nbetween = [\"db\", \"db\"]", "link-to-self", "[\"db\", \"db\"]", None),
        ("[[link]]\nbetween = [\"db\"]", "wrong-type", "[\"db\"]", None),
        ("[[link]]\nbetween = [\"client\", \"db\"]\nlatency = \"fast\"", "bad-duration", "\"fast\"", None),
        (
            "[[link]]\nbetween = [\"client\", \"db\"]\nlatency = \"99999999999999999999s\"",
            "duration-overflow",
            "\"99999999999999999999s\"",
            None,
        ),
        ("[[link]]\nbetween = [\"client\", \"db\"]\nbandwidth = \"fast\"", "bad-bandwidth", "\"fast\"", None),
        ("[[process]]\nname = \"tcp\"\nhost = \"db\"\nprogram = \"mysqld\"", "reserved-name", "\"tcp\"", None),
        (
            "[[process]]\nname = \"sysbench\"\nhost = \"db\"\nprogram = \"mysqld\"",
            "duplicate-name",
            "\"sysbench\"",
            None,
        ),
        ("[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqd\"", "unknown-word", "\"mysqd\"", Some("mysqld")),
        ("[[process]]\nname = \"p\"\nhost = \"bd\"\nprogram = \"mysqld\"", "unknown-host", "\"bd\"", Some("db")),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqld\"\nRLIMIT_NOFILE = \"9:8\"",
            "soft-above-hard",
            "\"9:8\"",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqld\"\n[process.mysqld]\nmax_conections = 1",
            "unknown-key",
            "max_conections",
            Some("max_connections"),
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqld\"\n[process.mysqld]\nport = 0",
            "port-zero",
            "0",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqld\"\n[process.mysqld]\nversion = \"latest\"",
            "bad-server-version",
            "\"latest\"",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysql\"\n[process.mysql]\nhost = \"bd\"",
            "unknown-host",
            "\"bd\"",
            Some("db"),
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"dns\"\n[process.dns]\nstalls = [[\"2s\", \"1s\"]]",
            "inverted-range",
            "[\"2s\", \"1s\"]",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"script\"\n[process.script]\nrun = [{ op = \"close\", fd = \"s\" }]",
            "unknown-handle",
            "\"s\"",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"script\"\n[process.script]\nrun = [{ op = \"clse\", fd = \"s\" }]",
            "unknown-word",
            "\"clse\"",
            Some("close"),
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"script\"\n[process.script]\nrun = [{ op = \"socket\", fd = \"s\" }, { op = \"connect\", fd = \"s\", addr = \"db:0\" }]",
            "port-zero",
            "\"db:0\"",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"script\"\n[process.script]\nrun = [{ op = \"socket\", fd = \"s\" }, { op = \"forever\", body = [{ op = \"leak\", fd = \"s\" }] }]",
            "idle-loop",
            "{ op = \"forever\", body = [{ op = \"leak\", fd = \"s\" }] }",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"mysqld\"\n[process.mysqld]\nextra_port = 3307",
            "no-such-variable",
            "3307",
            None,
        ),
        (
            "[[process]]\nname = \"p\"\nhost = \"db\"\nprogram = \"reconnect\"\n[process.reconnect]\ntarget = \"db:1\"\ngrowth = 3",
            "conflicting-bounds",
            "3",
            None,
        ),
        ("[[rule]]\ndo = \"drop\"\ntcp_flags = \"SYM\"", "unknown-word", "\"SYM\"", None),
        ("[[timeline]]\nat = \"1s\"\ndo = \"set globl\"", "unknown-word", "\"set globl\"", Some("set global")),
        (
            "[[timeline]]\nat = \"1s\"\ndo = \"set global\"\nvariable = \"max_connection\"\nvalue = 1",
            "unknown-variable",
            "\"max_connection\"",
            Some("max_connections"),
        ),
        ("[[timeline]]\nat = \"1\"\ndo = \"stop process\"\nprocess = \"mysqld\"", "bad-moment", "\"1\"", None),
        (
            "[[timeline]]\nat = \"exausted+1s\"\ndo = \"stop process\"\nprocess = \"mysqld\"",
            "unknown-mark",
            "\"exausted+1s\"",
            Some("exhausted"),
        ),
        (
            "[[timeline]]\nat = \"exhausted-1s\"\ndo = \"stop process\"\nprocess = \"mysqld\"",
            "mark-loop",
            "\"exhausted-1s\"",
            None,
        ),
        ("[[timeline]]\nat = \"kill\"\ndo = \"kill session\"\nid = 1", "mark-loop", "\"kill\"", None),
        (
            "[[timeline]]\nat = \"1s\"\ndo = \"kill session\"\nid = 1\nby = \"sysbench\"",
            "wrong-target",
            "\"sysbench\"",
            None,
        ),
        (
            "[[timeline]]\nat = \"1s\"\ndo = \"kill process\"\nprocess = \"sysbench\"\nsignal = \"HUP\"",
            "unknown-signal",
            "\"HUP\"",
            None,
        ),
        (
            "[[timeline]]\nat = \"1s\"\ndo = \"stop process\"\nprocess = \"sysbemch\"",
            "unknown-process",
            "\"sysbemch\"",
            Some("sysbench"),
        ),
        (
            "[[timeline]]\nat = \"1s\"\ndo = \"sysctl -w\"\nhost = \"db\"\nname = \"net.core.somaxcon\"\nvalue = 1",
            "unknown-sysctl",
            "\"net.core.somaxcon\"",
            Some("net.core.somaxconn"),
        ),
        ("[[timeline]]\nat = \"1s\"\ndo = \"heal\"\nfrom = \"db\"", "missing-key", "{whole}", None),
        (
            "[[mark]]\nname = \"end\"\nwhen = { metric = \"db.ss.total\", op = \">\", value = 1 }",
            "duplicate-name",
            "\"end\"",
            None,
        ),
        (
            "[[mark]]\nname = \"m\"\nwhen = { metric = \"db.ss.totl\", op = \">\", value = 1 }",
            "unknown-metric",
            "\"db.ss.totl\"",
            Some("total"),
        ),
        (
            "[[mark]]\nname = \"m\"\nwhen = { metric = \"db.ss.total\", op = \"=>\", value = 1 }",
            "unknown-word",
            "\"=>\"",
            Some(">="),
        ),
        ("[[expect]]\nmetric = \"db.ss.total\"", "no-bound", "{whole}", None),
        ("[[expect]]\nmetric = \"db.ss.total\"\neq = 1\nmax = 2", "conflicting-bounds", "2", None),
        ("[[expect]]\nmetric = \"db.ss.total\"\nwithin = [2, 1]", "inverted-range", "[2, 1]", None),
        ("[[expect]]\nmetric = \"db.ss.total\"\neq = \"1 +\"", "bad-expression", "\"1 +\"", None),
        ("[[expect]]\nmetric = \"db.ss.total\"\neq = 1\nper = \"1s\"", "per-without-since", "\"1s\"", None),
        ("[[expect]]\nmetric = \"db.ss.total\"\neq = 1\nover_seeds = \"every\"", "unknown-word", "\"every\"", None),
        (
            "[[expect]]\nmetric = \"db.ss.total\"\neq = 99999999999999999999",
            "integer-too-large",
            "99999999999999999999",
            None,
        ),
        ("[budget]\nevents = 0", "out-of-range", "0", None),
    ] {
        let text = format!("{GOOD}{addition}\n");
        let found = summary(&text);
        assert_eq!(found.len(), 1, "{addition}: {found:?}");
        let (found_id, found_place, found_near) = &found[0];
        assert_eq!((*found_id, found_near.as_deref()), (id, near), "{addition}");
        if place == "{whole}" {
            assert!(addition.starts_with(found_place.trim_end()), "{addition}: at {found_place:?}");
        } else {
            assert_eq!(found_place, place, "{addition}");
        }
    }
}

#[test]
fn whole_files_that_are_no_scenario() {
    let id = |bytes: &[u8]| Scenario::read(bytes, &[]).expect_err("not a scenario").problems[0].id();
    assert_eq!(id(b""), "empty");
    assert_eq!(id(b" \n\t\n"), "empty");
    assert_eq!(id(b"\xff\xfe"), "not-utf8");
    assert_eq!(id(b"format = 1\ntitle = \"\xc3\x28\""), "not-utf8");
    assert_eq!(id(&vec![b'#'; MAX_BYTES + 1]), "too-large");
    assert_eq!(id(b"format = "), "syntax");
    assert_eq!(id(b"format = 1\nformat = 1"), "syntax");
    assert_eq!(id(b"format = 2"), "unsupported-format");
    assert_eq!(id(b"format = 1"), "no-host");
    assert_eq!(id(b"seed = 1"), "missing-key");
    assert_eq!(id(b"format = 1\nextends = \"two-host\""), "unknown-preset");
    assert_eq!(id(b"format = 1\nextends = 3"), "wrong-type");
    assert_eq!(id(format!("x = {}", "[".repeat(100_000)).as_bytes()), "syntax");
    assert_eq!(id(format!("{}x = 1", "a.".repeat(10_000)).as_bytes()), "syntax");
    let near = Scenario::parse("format = 1\nextends = \"two-host\"").expect_err("a slip").problems[0].near.clone();
    assert_eq!(near.as_deref(), Some("two-hosts"));
}

#[test]
fn too_much_of_anything_is_one_problem() {
    let mut hosts = String::from("format = 1\n");
    for i in 0..20_000 {
        hosts.push_str(&format!("host.h{i}.cpus = 1\n"));
    }
    assert_eq!(summary(&hosts).iter().map(|s| s.0).collect::<Vec<_>>(), ["too-many"]);
    let mut sysctls = format!("{GOOD}[host.c.sysctl]\n");
    for i in 0..30_000 {
        sysctls.push_str(&format!("a{i} = 1\n"));
    }
    assert_eq!(summary(&sysctls).iter().map(|s| s.0).collect::<Vec<_>>(), ["too-many"]);
    let marks = format!("{GOOD}{}", "[[expect]]\nmetric = \"db.ss.total\"\neq = 0\n".repeat(10_001));
    assert_eq!(summary(&marks).iter().map(|s| s.0).collect::<Vec<_>>(), ["too-many"]);
}

#[test]
fn all_problems_come_at_once_in_order() {
    let text = "format = 1\nsede = 1\nend = \"soon\"\n[host.h]\nkernl = \"x\"\ncpus = 0\n[[process]]\nname = \"p\"\n\
                program = \"mysqld\"\npid = \"one\"\n[[expect]]\nmetric = \"h.ss.totl\"\neq = 1\n";
    let ids: Vec<&str> = summary(text).iter().map(|s| s.0).collect();
    assert_eq!(ids, ["unknown-key", "bad-duration", "unknown-key", "out-of-range", "wrong-type", "unknown-metric"]);
    let error = Scenario::parse(text).expect_err("six problems");
    assert!(error.to_string().contains("did you mean `seed`?"), "{error}");
    for problem in &error.problems {
        assert!(!problem.kind.zh().is_empty() && problem.span().end <= text.len());
    }
}

#[test]
fn a_loop_of_extends_is_found() {
    // Presets do not loop (they are all read above), so the loop is made here.
    for preset in preset::ALL {
        let mut seen = vec![preset.name];
        let mut text = preset.text;
        while let Some(base) = text.lines().find_map(|l| l.strip_prefix("extends = ")) {
            let base = preset::find(base.trim_matches('"')).expect("presets extend presets");
            assert!(!seen.contains(&base.name), "{seen:?}");
            seen.push(base.name);
            text = base.text;
        }
        assert!(seen.len() <= MAX_EXTENDS);
    }
}

#[test]
fn places_lead_from_a_path_to_its_bytes() {
    let text = format!("{GOOD}[host.client.sysctl]\nnet.ipv4.tcp_tw_reuse = 0\n");
    let scenario = Scenario::parse(&text).expect("good");
    let place = scenario.places["host.client.sysctl.net.ipv4.tcp_tw_reuse"];
    assert_eq!(&text[place.span()], "0");
    let place = scenario.places["process.sysbench.sysbench.mysql-host"];
    assert_eq!((place.source, &text[place.span()]), (Source::File, "\"10.1.0.2\""));
    let kind = ProblemKind::Refused { what: "x".into(), why: "y".into() };
    let late = scenario.problem("process.sysbench.sysbench.threads", kind);
    assert!(text[late.span()].contains("sysbench"), "{late:?}");
}

#[test]
fn moments_and_metrics_of_the_command_line() {
    let scenario = preset::find("incident").expect("a preset").scenario();
    let tw = Moment::Mark { mark: MarkRef::Own(0), offset: Duration::from_secs(1), before: true };
    assert_eq!(scenario.moment("tw-1s"), Ok(tw));
    assert_eq!(scenario.mark_name(MarkRef::Own(0)), "tw");
    let error = scenario.moment("kil+3s").expect_err("a slip");
    assert_eq!(error.problems[0].near.as_deref(), Some("kill"));
    let metric = scenario.metric("host.ss.timewait").expect("a metric");
    assert!(scenario.metrics().contains(&metric));
    assert_eq!(scenario.metric("host.ss.timewai").expect_err("a slip").problems[0].near.as_deref(), Some("timewait"));
}

#[test]
fn a_process_that_was_killed_can_be_started_again() {
    let text = "format = 1\nextends = \"tiny\"\nend = \"4s\"\nexpect = []\n\
                [[timeline]]\nat = \"2s\"\ndo = \"kill process\"\nprocess = \"mysqld\"\n\
                [[timeline]]\nat = \"3s\"\ndo = \"start process\"\nprocess = \"mysqld\"\n\
                [[timeline]]\nat = \"3500ms\"\ndo = \"start process\"\nprocess = \"mysqld\"\n";
    let mut run = Run::new(Scenario::parse(text).unwrap(), 1).unwrap();
    let listening = |run: &Run| run.world().kernel(run.host(0)).count(crate::tcp::TcpState::Listen);
    let at = |ms| Instant::ZERO + Duration::from_millis(ms);
    run.run_until(at(1_900), &mut crate::trace::NoObserver).unwrap();
    let before = (listening(&run), run.process(0).1);
    run.run_until(at(2_900), &mut crate::trace::NoObserver).unwrap();
    assert_eq!(listening(&run), 0);
    run.run_until(at(4_000), &mut crate::trace::NoObserver).unwrap();
    assert_eq!(listening(&run), before.0);
    assert_ne!(run.process(0).1, before.1, "it is another process");
    assert_eq!(run.refusals().len(), 1, "what runs is not started: {:?}", run.refusals());
    let mut fork = run.try_fork().unwrap();
    fork.run_until(at(9_000), &mut crate::trace::NoObserver).unwrap();
    run.run_until(at(9_000), &mut crate::trace::NoObserver).unwrap();
    assert_eq!(fork.world().digest(), run.world().digest());
}

#[test]
fn the_schema_is_closed_and_described() {
    let text = schema();
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["title"], "halfclose scenario");
    assert_eq!(json["additionalProperties"], false);
    assert_eq!(json["required"], serde_json::json!(["format"]));
    let defs = json["$defs"].as_object().expect("definitions");
    for table in ["HostFile", "ProcessFile", "MysqldFile", "SysbenchFile", "ExpectFile"] {
        assert_eq!(defs[table]["additionalProperties"], false, "{table}");
    }
    for branch in defs["TimelineFile"]["oneOf"].as_array().expect("branches") {
        assert_eq!(branch["additionalProperties"], false, "{branch}");
    }
}

/// What must hold for any bytes; the fuzz target holds it for many more.
fn sound(bytes: &[u8]) {
    match Scenario::read(bytes, &[]) {
        Ok(scenario) => assert!(!scenario.hosts.is_empty()),
        Err(error) => {
            assert!(!error.problems.is_empty());
            for problem in &error.problems {
                let span = problem.span();
                assert!(span.start <= span.end);
                assert!(problem.place.source != Source::File || span.end <= bytes.len(), "{problem}");
                assert!(problem.id() != "structure", "{problem}");
                assert!(!problem.kind.en().is_empty() && !problem.kind.zh().is_empty());
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
#[test]
fn the_fuzz_corpus_replays() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/scenario");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        sound(&std::fs::read(&path).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 10, "{count} files in the corpus");
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let preset = (0..preset::ALL.len()).prop_map(|i| preset::ALL[i].text.as_bytes().to_vec());
    let edit = (any::<prop::sample::Index>(), 0_u8..5, any::<u8>(), any::<prop::sample::Index>());
    (preset, prop::collection::vec(edit, 1..8)).prop_map(|(mut bytes, edits)| {
        for (at, what, byte, other) in edits {
            let (at, other) = (at.index(bytes.len()), other.index(bytes.len()));
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at.max(1)),
                3 => drop(bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 40))),
                _copy => {
                    let piece = bytes[at.min(other)..at.max(other).min(at.min(other) + 200)].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(bytes in damaged()) {
        sound(&bytes);
    }

    #[test]
    fn any_override_is_handled(key in "[a-z.\"0-9]{0,20}", value in ".{0,20}") {
        let _outcome = Scenario::parse_with(GOOD, &[(&key, &value)]);
    }
}
