//! The commands that simulate: exit codes, pipelines of the write-up, the JSON
//! object, the trace, bad scenarios.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_halfclose");

/// Four seconds, one session, one number.
const SMALL: &str = r#"
format = 1
title = "Small"
question = "Does it run?"
end = "4s"

[host.host]
addrs = ["10.0.0.1"]

[[process]]
name = "mysqld"
program = "mysqld"

[[process]]
name = "client"
program = "mysql"
start = "1s"
[process.mysql]
host = "10.0.0.1"
"#;

fn halfclose(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    // A program that reads no stdin closes it; that is not this test's business.
    let _closed = pipe.write_all(stdin.as_bytes());
    drop(pipe);
    child.wait_with_output().expect("the program ends")
}

fn code_and_stderr(arguments: &[&str], stdin: &str) -> (Option<i32>, String) {
    let output = halfclose(arguments, stdin);
    (output.status.code(), String::from_utf8(output.stderr).expect("stderr is UTF-8"))
}

fn stdout(arguments: &[&str], stdin: &str) -> String {
    let output = halfclose(arguments, stdin);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("stdout is UTF-8")
}

fn json(arguments: &[&str], stdin: &str) -> Value {
    let output = halfclose(arguments, stdin);
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// A line of shell that knows `halfclose`.
fn shell(line: &str) -> String {
    let script = format!("halfclose() {{ \"$PROGRAM\" \"$@\"; }}; {line}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PROGRAM", PROGRAM)
        .env("LC_ALL", "C")
        .output()
        .expect("sh starts");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaints.lines().all(|line| line.starts_with("# simulated: ")), "{line}: {complaints}");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

#[test]
fn pipelines_of_the_write_up_give_its_numbers() {
    let count = |line: &str| shell(line).trim().to_owned();
    assert_eq!(count("halfclose show ss two-hosts --at end | grep 172.31.47.174:3306 | wc -l"), "28231");
    assert_eq!(count("halfclose show ss wide-range --at end | grep 172.31.47.174:3306 | wc -l"), "32765");
    assert_eq!(count("halfclose show fd nofile --at exhausted+15s | grep socket | wc -l"), "59974");
    assert_eq!(count("halfclose show sysctl incident | grep file-max"), "fs.file-max = 1000000");
    let rows = shell("halfclose show netstat two-hosts --at end | grep 3306 | head -n 30");
    assert_eq!(rows.lines().count(), 30);
    for row in rows.lines() {
        let words: Vec<&str> = row.split_whitespace().collect();
        assert!(["28", "132"].contains(&words[1]), "{row}");
        assert_eq!(words[5..7], ["CLOSE_WAIT", "22109/sysbench"], "{row}");
    }
}

#[test]
fn the_published_ss_blocks_come_out() {
    let same = |arguments: &[&str], published: &str| {
        let printed = stdout(arguments, "");
        let lines: Vec<&str> = printed.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let wanted: Vec<&str> = published.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, wanted);
    };
    same(
        &["show", "ss-s", "two-hosts", "--at", "exhausted+15s"],
        "Total: 28544
TCP:   28311 (estab 28, closed 40, orphaned 0, timewait 0)

Transport Total     IP        IPv6
RAW\t  1         1         0
UDP\t  8         4         4
TCP\t  28271     28267     4
INET\t  28280     28272     8
FRAG\t  0         0         0
",
    );
    same(
        &["show", "ss-s", "nofile", "--at", "exhausted+15s"],
        "Total: 60285
TCP:   60053 (estab 28, closed 40, orphaned 0, timewait 0)

Transport Total     IP        IPv6
RAW\t  1         1         0
UDP\t  8         4         4
TCP\t  60013     60009     4
INET\t  60022     60014     8
FRAG\t  0         0         0
",
    );
}

#[test]
fn exit_codes() {
    let expecting = |threads: u32| {
        format!("{SMALL}\n[[expect]]\nmetric = \"host.mysqld.Threads_connected\"\nat = \"end\"\neq = {threads}\n")
    };
    let code = |arguments: &[&str], stdin: &str| code_and_stderr(arguments, stdin).0;
    assert_eq!(code(&["run", "-"], &expecting(1)), Some(0));
    assert_eq!(code(&["run", "-"], &expecting(2)), Some(1), "an expectation failed");
    assert_eq!(code(&["run", "no-such-preset"], ""), Some(2));
    assert_eq!(code(&["run", "/no/such/file.toml"], ""), Some(2));
    assert_eq!(code(&["run", "-", "--until", "never"], SMALL), Some(2));
    assert_eq!(code(&["show", "ss", "-", "--at", "kill"], SMALL), Some(2), "a mark that never comes");
    assert_eq!(code(&["show", "ss", "-", "--host", "db"], SMALL), Some(2));
    assert_eq!(code(&["show", "fd", "-", "--process", "nginx"], SMALL), Some(2));
    assert_eq!(code(&["run", "-"], "format = 2"), Some(3));
    assert_eq!(code(&["run", "-", "--set", "host.host.cpus=x"], SMALL), Some(3));
    assert_eq!(code(&["check", "-"], "format = 2"), Some(3));
    assert_eq!(code(&["check", "-"], SMALL), Some(0));
    assert_eq!(code(&["run", "-", "--set", "budget.events=5"], SMALL), Some(4));
}

#[test]
fn a_budget_names_its_knob() {
    let (_, told) = code_and_stderr(&["run", "-", "--set", "budget.events=5"], SMALL);
    assert!(told.contains("stopped after 5 events") && told.contains("--set budget.events=N"), "{told}");
    let (_, told) = code_and_stderr(&["run", "-", "--set", "budget.events=5", "--lang", "zh"], SMALL);
    assert!(told.contains("个事件后停止"), "{told}");
}

/// Nothing of the timeline is lost silently: what was refused is a failure, and told.
#[test]
fn a_refused_action_fails_the_run() {
    let refused = format!(
        "{SMALL}\n[[timeline]]\nat = \"500ms\"\ndo = \"sql\"\nprocess = \"client\"\nstatement = \"select 1\"\n"
    );
    let output = halfclose(&["run", "-", "--quiet"], &refused);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("timeline entry 1, at 0.500 s: sql select 1"), "{told}");
    let object = json(&["run", "-", "--json"], &refused);
    assert_eq!(object["expectations"][0]["ok"], false, "{object}");
}

#[test]
fn the_json_object_has_its_keys_and_the_run_is_repeatable() {
    let first = json(&["run", "tiny", "--json"], "");
    let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = "schema_version scenario seed digest events virtual_ns metrics expectations findings";
    assert_eq!(keys.join(" "), wanted);
    assert_eq!(first["virtual_ns"], 30_000_000_000_u64);
    assert_eq!(first["metrics"]["host.sysbench.tcp.close_wait"], 16);
    let ids: Vec<&str> = first["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    for id in ["descriptor-leak", "close-wait", "ports-exhausted", "fds-exhausted", "too-many-connections"] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    assert_eq!(json(&["run", "tiny", "--json"], ""), first);
    let other = json(&["run", "tiny", "--json", "--seed", "7"], "");
    assert_eq!(other["seed"], 7);
    assert_ne!(other["digest"], first["digest"]);
}

#[test]
fn until_stops_early_or_runs_on() {
    let early = json(&["run", "tiny", "--json", "--until", "kill+1s"], "");
    assert_eq!(early["virtual_ns"], 6_000_000_000_u64);
    assert!(early["expectations"].as_array().unwrap().iter().all(|row| row["ok"] == true), "{early}");
    let late = json(&["run", "tiny", "--json", "--until", "exhausted+25s"], "");
    assert_eq!(late["expectations"], json(&["run", "tiny", "--json"], "")["expectations"], "all are read on the way");
    assert_eq!(json(&["run", "-", "--json", "--until", "9s"], SMALL)["virtual_ns"], 9_000_000_000_u64);
    assert_eq!(json(&["run", "-", "--json", "--until", "end+1s"], SMALL)["virtual_ns"], 5_000_000_000_u64);
}

#[test]
fn a_trace_has_a_sentence_and_a_cause_on_every_line() {
    let file = std::env::temp_dir().join(format!("halfclose-trace-{}.jsonl", std::process::id()));
    let path = file.display().to_string();
    let plain = json(&["run", "-", "--json"], SMALL);
    let traced = json(&["run", "-", "--json", "--trace", &path], SMALL);
    assert_eq!(traced["digest"], plain["digest"], "watching changes nothing");
    let text = std::fs::read_to_string(&file).expect("the trace was written");
    std::fs::remove_file(&file).expect("the trace can be removed");
    let mut lines = text.lines();
    let head: Value = serde_json::from_str(lines.next().expect("a first line")).expect("a JSON object");
    assert_eq!((head["kind"].as_str(), head["schema_version"].as_u64()), (Some("trace"), Some(1)), "{head}");
    assert!(head["hosts"].as_array().is_some_and(|hosts| !hosts.is_empty()) && head["seed"].is_u64(), "{head}");
    let mut before = 0;
    let mut kinds: Vec<String> = Vec::new();
    for line in lines {
        let record: Value = serde_json::from_str(line).expect("a JSON object a line");
        let at = record["at_ns"].as_u64().unwrap();
        assert!(at >= before, "{line}");
        before = at;
        assert!(
            ["text", "cause"].iter().all(|key| record[key].as_str().is_some_and(|text| !text.is_empty())),
            "{line}"
        );
        kinds.push(record["kind"].as_str().unwrap().to_owned());
    }
    for kind in ["state", "port_pick", "transmit", "receive", "syscall"] {
        assert!(kinds.iter().any(|one| one == kind), "no {kind} in the trace");
    }
}

/// A series has a column a metric and a row a step, ends included.
#[test]
fn a_series_is_csv() {
    let asked = ["export", "csv", "-", "--metric", "host.ss.timewait", "--metric", "1 + host.tcp.close_wait"];
    let text = stdout(&[&asked[..], &["--to", "2s", "--every", "500ms", "-o", "-"]].concat(), SMALL);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "time_s,host.ss.timewait,1 + host.tcp.close_wait");
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[1].starts_with("0.000000,0,1") && lines[5].starts_with("2.000000,"), "{text}");
    let all = stdout(&["export", "csv", "-", "--to", "1s", "-o", "-"], SMALL);
    let width = all.lines().next().expect("a header").split(',').count();
    assert!(width > 50 && all.lines().all(|line| line.split(',').count() == width), "{width}");
}

/// Every view over a span: text under a line that says when, JSON a line for each step.
#[test]
fn views_over_a_span() {
    let span = ["--from", "1s", "--to", "2s", "--every", "500ms"];
    let text = stdout(&[&["show", "ss-s", "-"][..], &span].concat(), SMALL);
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(heads, ["# 1.000000", "# 1.500000", "# 2.000000"], "{text}");
    let lines = stdout(&[&["show", "tcpdump", "-", "--json"][..], &span].concat(), SMALL);
    let steps: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(steps.len(), 2, "{lines}");
    assert_eq!((steps[0]["from_ns"].as_u64(), steps[1]["to_ns"].as_u64()), (Some(1_000_000_000), Some(2_000_000_000)));
    let (_, said) = code_and_stderr(&["show", "sar", "-", "--at", "1s"], SMALL);
    assert!(said.contains("# model, not mechanism: "), "{said}");
    let (code, said) = code_and_stderr(&["show", "ss-s", "-", "--from", "0s", "--every", "soon"], SMALL);
    assert_eq!((code, said.contains("soon")), (Some(2), true), "{said}");
}

#[test]
fn bad_scenarios_are_drawn_with_all_their_problems() {
    let (code, drawn) =
        code_and_stderr(&["check", "-"], &SMALL.replace("end =", "edn =").replace("format = 1", "format = \"x\""));
    assert_eq!(code, Some(3));
    assert!(drawn.contains("<stdin>:5:1") && drawn.contains("^^^"), "{drawn}");
    assert!(drawn.contains("did you mean `end`?") && drawn.contains("<stdin>:2:10"), "{drawn}");
    let (_, drawn) = code_and_stderr(&["run", "-", "--set", "host.host.cpsu=2"], SMALL);
    assert!(drawn.contains("--set:1:1") && drawn.contains("did you mean"), "{drawn}");
    let (_, drawn) = code_and_stderr(&["check", "-", "--lang", "zh"], &SMALL.replace("end =", "edn ="));
    assert!(drawn.contains("没有键 `edn`"), "{drawn}");
    for bytes in ["", "\u{0}", "format = 1\nextends = \"nothing\"", "[[[", "end = 99999999999999999999"] {
        let (code, drawn) = code_and_stderr(&["check", "-"], bytes);
        assert_eq!(code, Some(3), "{bytes:?}: {drawn}");
        assert!(drawn.starts_with("error["), "{drawn}");
    }
}

#[test]
fn every_view_prints() {
    for view in [
        "ss-s",
        "ss",
        "netstat",
        "processlist",
        "variables",
        "status",
        "limits",
        "ulimit",
        "sysctl",
        "fd",
        "sockstat",
        "nstat",
    ] {
        assert!(!stdout(&["show", view, "-"], SMALL).is_empty(), "{view}");
    }
    let variables = stdout(&["show", "variables", "-", "--like", "%max_connections%"], SMALL);
    assert!(
        variables.contains("| mysqlx_max_connections | 100   |\n") && variables.contains("\n2 rows in set"),
        "{variables}"
    );
}

#[test]
fn the_administrator_sees_itself_asking() {
    let rows = stdout(&["show", "processlist", "incident", "--at", "kill-1s"], "");
    let admin = rows.lines().find(|line| line.starts_with("| 12 ")).expect("the administrator's row");
    assert!(admin.contains("| Query   |    0 | init ") && admin.contains("| show processlist "), "{rows}");
    assert!(rows.contains("\n3 rows in set, 1 warning"), "{rows}");
}

#[test]
fn every_preset_is_listed_with_its_question_and_can_be_printed() {
    let list = stdout(&["presets"], "");
    assert_eq!(list.lines().count(), 15);
    for name in list.lines().filter_map(|line| line.split(' ').next()) {
        let file = stdout(&["presets", name], "");
        assert_eq!(code_and_stderr(&["check", "-"], &file).0, Some(0), "{name}");
    }
}

/// Watching packets changes nothing, and both ways to a capture give the same file.
#[test]
fn captures_are_the_same_by_run_and_by_export() {
    let folder = std::env::temp_dir().join(format!("halfclose-capture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let file = folder.join("run.pcapng");
    let path = file.to_str().expect("a plain path");
    let watched: Value =
        serde_json::from_str(&stdout(&["run", "-", "--json", "--pcap", path], SMALL)).expect("one JSON object");
    let alone: Value = serde_json::from_str(&stdout(&["run", "-", "--json"], SMALL)).expect("one JSON object");
    assert_eq!(watched["digest"], alone["digest"]);
    let by_run = std::fs::read(&file).expect("the capture was written");
    let by_export = halfclose(&["export", "pcapng", "-", "-o", "-"], SMALL);
    assert!(by_export.status.success());
    assert_eq!(by_export.stdout, by_run);
    assert_eq!(by_run[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    let chinese = halfclose(&["export", "pcapng", "-", "-o", "-", "--lang", "zh"], SMALL).stdout;
    assert!(String::from_utf8_lossy(&chinese).contains("CLOSED → SYN-SENT: connect()"));
    assert!(String::from_utf8_lossy(&chinese).contains("SYN-SENT → ESTABLISHED: 收到 SYN,ACK"));
    let none = halfclose(&["export", "pcapng", "-", "-o", "-", "--port", "9"], SMALL).stdout;
    assert!(none.len() < by_run.len() && none[..4] == by_run[..4], "a file without packets");
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

/// What cannot be exported leaves no file, and a file of that name stays what it was.
#[test]
fn a_failed_export_leaves_nothing_behind() {
    let folder = std::env::temp_dir().join(format!("halfclose-failed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let (new, kept) = (folder.join("new"), folder.join("kept"));
    std::fs::write(&kept, "kept").expect("it can be written");
    let wrong: [&[&str]; 8] = [
        &["export", "pcapng", "-", "--host", "nowhere", "-o"],
        &["export", "pcapng", "-", "--from", "exhausted", "-o"],
        &["export", "pcapng", "-", "--to", "exhausted", "-o"],
        &["export", "pcapng", "-", "--from", "3s", "--to", "1s", "-o"],
        &["export", "csv", "-", "--metric", "host.nothing", "-o"],
        &["export", "csv", "-", "--from", "3s", "--to", "1s", "-o"],
        &["run", "-", "--until", "exhausted", "--trace"],
        &["run", "-", "--until", "soon", "--pcap"],
    ];
    for arguments in wrong {
        for file in [&new, &kept] {
            let path = file.to_str().expect("a plain path");
            let (code, told) = code_and_stderr(&[arguments, &[path]].concat(), SMALL);
            assert_eq!(code, Some(2), "{arguments:?}: {told}");
            let names: Vec<_> = std::fs::read_dir(&folder).expect("ours").map(|one| one.unwrap().file_name()).collect();
            assert_eq!(names, ["kept"], "{arguments:?}");
            assert_eq!(std::fs::read(&kept).expect("it is there"), b"kept", "{arguments:?}");
        }
    }
    // A run that was stopped is another matter: what it did until then is what one wants to see.
    let path = new.to_str().expect("a plain path");
    let stopped = ["run", "-", "--set", "budget.events=20", "--trace", path];
    assert_eq!(code_and_stderr(&stopped, SMALL).0, Some(4));
    assert!(std::fs::read_to_string(&new).expect("the way there").lines().count() > 1);
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

#[test]
fn captures_of_unknown_hosts_and_moments_are_usage_errors() {
    let (code, told) = code_and_stderr(&["export", "pcapng", "-", "-o", "-", "--host", "nowhere"], SMALL);
    assert_eq!(code, Some(2));
    assert!(told.contains("no host is called `nowhere`") && told.contains("host"), "{told}");
    let (code, told) = code_and_stderr(&["export", "pcapng", "-", "-o", "-", "--from", "exhausted"], SMALL);
    assert_eq!(code, Some(2));
    assert!(told.contains("exhausted"), "{told}");
    let (code, told) = code_and_stderr(&["export", "pcapng", "-", "-o", "/no/such/folder/x.pcapng"], SMALL);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("/no/such/folder/x.pcapng"), "{told}");
}
