//! Sweeps as a user runs them: killed, continued, in parts, put together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLAN: &str = "format = 1\ntitle = \"Tiny\"\nscenario = \"tiny\"\nseeds = { from = 1, to = 3 }\n\
    set = { end = \"7s\", \"process.sysbench.sysbench.query-pause\" = \"20ms\" }\n\
    [[vary]]\nkey = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 3]\n\
    [[measure]]\nname = \"exhausted_ms\"\ntime_of = \"exhausted\"\n\
    [[measure]]\nname = \"greeted\"\nmetric = \"host.sysbench.recvq[77]\"\nat = \"kill+1s\"\n";

/// A folder of its own for each test, with the plan in it.
fn folder(name: &str, plan: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _not_there = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is ours");
    fs::write(folder.join("plan.toml"), plan).expect("the target folder is ours");
    folder
}

fn halfclose(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfclose"));
    command.current_dir(folder).args(line.split(' ')).env("LANG", "C").output().expect("the program was built")
}

fn ok(folder: &Path, line: &str) -> String {
    let output = halfclose(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn parts_put_together_are_the_bytes_of_one_run() {
    let at = folder("parts", PLAN);
    ok(&at, "sweep plan.toml -o whole.jsonl --csv whole.csv");
    for index in 0..3 {
        ok(&at, &format!("sweep plan.toml -o part-{index}.jsonl --shard {index}/3"));
    }
    ok(&at, "merge plan.toml part-2.jsonl part-0.jsonl part-1.jsonl -o merged.jsonl --csv merged.csv");
    let read = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    assert_eq!(read("merged.jsonl"), read("whole.jsonl"));
    assert_eq!(read("merged.csv"), read("whole.csv"));
    let rows: Vec<String> = read("whole.csv").lines().map(str::to_owned).collect();
    assert_eq!(rows[0], "unit,seed,process.mysqld.mysqld.max_connections,exhausted_ms,greeted,digest");
    // max_connections + 1 are greeted.
    let greeted = |row: &str| row.split(',').nth(4).map(str::to_owned);
    assert_eq!((greeted(&rows[1]).as_deref(), greeted(&rows[4]).as_deref()), (Some("3"), Some("4")), "{rows:?}");
    let missing = halfclose(&at, "merge plan.toml part-0.jsonl part-1.jsonl -o never.jsonl");
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("2 of 6 units are missing: 2, 5"));
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let at = folder("killed", PLAN);
    ok(&at, "sweep plan.toml -o results.jsonl");
    let whole = fs::read_to_string(at.join("results.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    // The header, two points in another order, and half a line: what a kill leaves.
    let cut = format!("{}\n{}\n{}\n{}", lines[0], lines[5], lines[2], &lines[3][..40]);
    fs::write(at.join("results.jsonl"), cut).unwrap();
    assert!(ok(&at, "sweep plan.toml -o results.jsonl").contains("2 points are known"));
    assert_eq!(fs::read_to_string(at.join("results.jsonl")).unwrap(), whole);
}

/// Pictures come of finished results too, without another run; a part has none.
#[test]
fn pictures_are_drawn_of_finished_results() {
    let at = folder("pictures", PLAN);
    ok(&at, "sweep plan.toml -o whole.jsonl");
    ok(&at, "sweep plan.toml -o whole.jsonl --plot again");
    ok(&at, "merge plan.toml whole.jsonl -o merged.jsonl --plot merged");
    ok(&at, "--lang zh sweep plan.toml -o whole.jsonl --plot zh");
    let read = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    for picture in ["curve-exhausted_ms.svg", "curve-greeted.svg"] {
        let svg = read(&format!("again/{picture}"));
        assert!(svg.starts_with("<svg ") && svg == read(&format!("merged/{picture}")), "{picture}");
        assert!(read(&format!("zh/{picture}")).contains("种子"), "{picture}");
    }
    assert!(read("again/curve-greeted.svg").contains("3 at 2, 4 at 3."), "max_connections + 1 are greeted");
    let part = halfclose(&at, "sweep plan.toml -o part.jsonl --shard 0/3 --plot part");
    assert_eq!(part.status.code(), Some(2), "holes are no picture");
    let one = PLAN.replace("[2, 3]", "[2]");
    fs::write(at.join("plan.toml"), one).unwrap();
    assert!(ok(&at, "sweep plan.toml -o one.jsonl --plot none").contains("nothing to draw"));
}

/// The lines that hold points, by their keys; the file may end in half a line.
fn keys(file: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
    let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
    let key = |line: &str| Some(line.split_once("\"key\":\"")?.1.split_once('"')?.0.to_owned());
    whole.lines().filter_map(key).collect()
}

/// SIGKILL at several moments, once in the middle of a line: what was finished
/// stays, nothing is run again, and the end is the bytes of an undisturbed run.
#[test]
fn no_kill_loses_a_finished_point_or_computes_one_twice() {
    let plan = PLAN.replace("to = 3", "to = 150");
    let at = folder("sigkill", &plan);
    ok(&at, "sweep plan.toml -o whole.jsonl");
    let whole = fs::read(at.join("whole.jsonl")).unwrap();
    let file = at.join("results.jsonl");
    let (mut before, mut killed) = (Vec::new(), 0);
    for wait_for in [1, 20, 21, 80, 150, 220] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halfclose"));
        command.current_dir(&at).args(["sweep", "plan.toml", "-o", "results.jsonl"]).env("LANG", "C");
        let mut sweep = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // One more than before at least: until then it may not have said what it knows.
        let wanted = wait_for.max(before.len() + 1);
        while keys(&file).len() < wanted && sweep.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        sweep.kill().unwrap();
        let output = sweep.wait_with_output().unwrap();
        killed += usize::from(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(before.is_empty() || said.contains(&format!("{} points are known", before.len())), "{said}");
        let after = keys(&file);
        assert_eq!(after[..before.len()], before, "what was finished is still there");
        let mut once = after.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), after.len(), "no point was computed twice");
        before = after;
        if wait_for == 20 {
            // The kernel writes a line as a whole; a full disk or a crash of the machine need not.
            let mut torn = fs::read(&file).unwrap();
            torn.extend_from_slice(&whole[..whole.len() / 2][whole.len() / 2 - 60..]);
            while torn.ends_with(b"\n") {
                torn.pop();
            }
            fs::write(&file, torn).unwrap();
        }
    }
    assert!(killed >= 3, "the kills came too late: {killed}");
    ok(&at, "sweep plan.toml -o results.jsonl");
    assert!(fs::read(&file).unwrap() == whole, "the bytes of an undisturbed run");
    assert!(ok(&at, "sweep plan.toml -o results.jsonl").contains("nothing to run: all 300 points are known"));
}

/// A results file that a kill cut at any byte of its first lines is continued; a file that is
/// no sweep's is never touched.
#[test]
fn a_file_cut_anywhere_is_continued_and_a_foreign_one_is_left_alone() {
    let at = folder("cut", &PLAN.replace("Tiny", "Tiny 很小"));
    ok(&at, "sweep plan.toml -o whole.jsonl");
    let whole = fs::read(at.join("whole.jsonl")).unwrap();
    let header = whole.iter().position(|&byte| byte == b'\n').unwrap();
    let title = whole.windows(3).position(|window| window == "很".as_bytes()).unwrap();
    for end in [0, 1, title + 1, header, header + 1, header + 100] {
        fs::write(at.join("results.jsonl"), &whole[..end]).unwrap();
        ok(&at, "sweep plan.toml -o results.jsonl");
        assert!(fs::read(at.join("results.jsonl")).unwrap() == whole, "cut at {end}");
    }
    for foreign in [&b"notes"[..], b"notes\n", b"\xff\xfe\n", b"{}\n"] {
        fs::write(at.join("notes"), foreign).unwrap();
        let refused = halfclose(&at, "sweep plan.toml -o notes");
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("no results of a sweep"));
        assert_eq!(fs::read(at.join("notes")).unwrap(), foreign);
    }
}

/// Before anything else: how many runs, how long they take, measured on two that are kept.
#[test]
fn a_sweep_says_what_it_will_take_before_it_starts() {
    let at = folder("estimate", PLAN);
    let dry = ok(&at, "sweep plan.toml --dry-run -o none.jsonl");
    assert!(dry.contains("6 of 6 units of tiny") && dry.contains("6 runs to do, "), "{dry}");
    assert!(dry.contains("timed and thrown away:\n") && dry.contains("estimate: "), "{dry}");
    assert!(dry.contains(" for the rest (4 of 6 runs)"), "{dry}");
    assert!(!at.join("none.jsonl").exists(), "a dry run writes nothing");
    if cfg!(target_os = "linux") {
        assert!(dry.contains("memory: about "), "{dry}");
    }
    // The two that were timed are results: exactly four more are run.
    let real = ok(&at, "sweep plan.toml -o results.jsonl");
    assert!(real.contains("timed:\n") && real.contains(" for the rest (4 of 6 runs)"), "{real}");
    assert_eq!(keys(&at.join("results.jsonl")).len(), 6);
    let chinese = ok(&at, "--lang zh sweep plan.toml --dry-run -o none.jsonl");
    assert!(chinese.contains("要运行 6 次") && chinese.contains("（6 次运行中的 4 次）"), "{chinese}");
}

/// Exit code 4 before a sweep that is too long for its reader, and nothing is lost by it.
#[test]
fn a_budget_stops_a_sweep_with_exit_code_4() {
    let at = folder("budget", PLAN);
    let over = |line: &str| {
        let output = halfclose(&at, line);
        assert_eq!(output.status.code(), Some(4), "{line}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(over("sweep plan.toml -o r.jsonl --max-points 5").contains("6 runs are more than --max-points 5"));
    assert!(keys(&at.join("r.jsonl")).is_empty());
    assert!(over("sweep plan.toml -o r.jsonl --max-time 1ns").contains("more than --max-time 1ns"));
    assert_eq!(keys(&at.join("r.jsonl")).len(), 2, "what was timed is kept");
    let rest = ok(&at, "sweep plan.toml -o r.jsonl --max-points 4 --max-time 1h");
    assert!(rest.contains("going on: 2 points are known"), "{rest}");
    ok(&at, "sweep plan.toml -o whole.jsonl");
    assert_eq!(fs::read(at.join("r.jsonl")).unwrap(), fs::read(at.join("whole.jsonl")).unwrap());
    fs::write(at.join("plan.toml"), format!("{PLAN}[budget]\npoints = 5\n")).unwrap();
    let own = over("sweep plan.toml -o x.jsonl");
    assert!(own.contains("6 points are more than budget.points = 5") && own.contains("^"), "{own}");
    let bad = halfclose(&at, "sweep plan.toml -o x.jsonl --max-time soon");
    assert_eq!(bad.status.code(), Some(2));
}

/// All problems of a plan with line and caret, as `halfclose check` tells those of a scenario.
#[test]
fn every_problem_of_a_plan_is_told_with_its_place() {
    let plan = PLAN
        .replace("values = [2, 3]", "values = [2, \"many\"]")
        .replace("end = \"7s\"", "end = \"7x\"")
        .replace("query-pause", "qery-pause")
        .replace("recvq[77]", "recv[77]");
    let at = folder("carets", &plan);
    let output = halfclose(&at, "sweep plan.toml -o results.jsonl");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for (place, words) in [
        ("plan.toml:5:15", "`7x`"),
        ("plan.toml:5:21", "query-pause"),
        ("plan.toml:8:14", "many"),
        ("plan.toml:14:10", "recv"),
    ] {
        assert!(said.contains(place) && said.contains(words), "{place}: {said}");
    }
    assert!(said.contains("^^^") && said.contains("help: did you mean"), "{said}");
}

#[test]
fn a_threshold_is_found_and_survives_a_kill_and_parts() {
    let plan = "format = 1\nscenario = \"tiny\"\nseeds = [1]\nset = { end = \"5030ms\", \"process.sysbench.sysbench.query-pause\" = \"20ms\" }\n\
        [[vary]]\nkey = \"process.mysqld.mysqld.max_connections\"\nvalues = [2, 3]\n\
        [[measure]]\nname = \"refused\"\nmetric = \"host.sysbench.connect.EMFILE\"\nat = \"5029ms\"\n\
        [threshold]\nkey = \"process.sysbench.sysbench.reconnect-pause\"\nfrom = 1000\nto = 5000\nunit = \"us\"\n\
        measure = \"refused\"\nat_most = 0\nfind = \"smallest\"\n";
    let at = folder("threshold", plan);
    ok(&at, "sweep plan.toml -o whole.jsonl");
    let whole = fs::read_to_string(at.join("whole.jsonl")).unwrap();
    assert_eq!(whole.lines().filter(|line| line.contains("\"found\":\"at\"")).count(), 2, "{whole}");
    let half: Vec<&str> = whole.lines().take(8).collect();
    fs::write(at.join("half.jsonl"), half.join("\n") + "\n").unwrap();
    ok(&at, "sweep plan.toml -o half.jsonl");
    ok(&at, "sweep plan.toml -o part-0.jsonl --shard 0/2");
    ok(&at, "sweep plan.toml -o part-1.jsonl --shard 1/2");
    ok(&at, "merge plan.toml part-0.jsonl part-1.jsonl part-0.jsonl -o merged.jsonl");
    for name in ["half.jsonl", "merged.jsonl"] {
        assert_eq!(fs::read_to_string(at.join(name)).unwrap(), whole, "{name}");
    }
}

#[test]
fn what_cannot_be_run_is_said_before_anything_runs() {
    let at = folder("wrong", &PLAN.replace("max_connections\"", "max_conections\""));
    let output = halfclose(&at, "sweep plan.toml -o results.jsonl");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("plan.toml:7:7") && said.contains("max_conections"), "{said}");
    assert!(said.contains("did you mean `max_connections`?"), "{said}");
    assert!(!at.join("results.jsonl").exists());
    fs::write(at.join("plan.toml"), PLAN).unwrap();
    ok(&at, "sweep plan.toml -o results.jsonl");
    fs::write(at.join("plan.toml"), PLAN.replace("[2, 3]", "[2, 4]")).unwrap();
    let other = halfclose(&at, "sweep plan.toml -o results.jsonl");
    assert!(String::from_utf8_lossy(&other.stderr).contains("another plan"));
    assert!(ok(&at, "sweep plan.toml --dry-run -o none.jsonl").contains("6 of 6 units"));
}

/// The plans that come with the project are good plans.
#[test]
fn shipped_plans_are_valid() {
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/plans");
    let mut count = 0;
    for entry in fs::read_dir(plans).unwrap() {
        let path = entry.unwrap().path();
        // Scenarios of plans lie in a folder of their own.
        if path.is_dir() {
            continue;
        }
        let at = folder("shipped", PLAN);
        ok(&at, &format!("sweep {} --dry-run", path.display()));
        count += 1;
    }
    assert!(count >= 4);
}
