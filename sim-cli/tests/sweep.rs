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
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("max_conections=2") && said.contains("max_connections"), "{said}");
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
