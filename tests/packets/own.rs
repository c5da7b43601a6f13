//! Our own scripts: one behaviour a file, the first line saying why.

use halfclose::kernel::KernelProfile;
use halfclose::packetdrill::ast::EventKind;
use halfclose::packetdrill::{Compare, Definitions, Options, Verdict, parse, run};
use halfclose_tests::conformance::describe;
use halfclose_tests::tree::{files, read};

/// Words one of which names the source in a first line.
const SOURCES: [&str; 7] = ["RFC ", "tcp_", "inet_", "facts.csv", "reqsk", "KERNEL-NOTES", "poll(2)"];

fn exact() -> Options {
    let profile = KernelProfile::parse("6.18").expect("a release the model knows");
    Options { profile, compare: Compare::Exact, tolerance_usecs: None, definitions: Definitions::default() }
}

#[test]
fn each_of_our_scripts_passes_exactly_and_says_why_it_exists() {
    let scripts = files("tests/packets", &[".pkt"]);
    assert!(scripts.len() >= 40, "{} scripts", scripts.len());
    let mut problems = Vec::new();
    for path in scripts {
        let text = read(&path);
        let name = path.display();
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("// ") || !SOURCES.iter().any(|word| first.contains(word)) {
            problems.push(format!("{name}: the first line is a comment that says why, with a source"));
        }
        if !text.lines().nth(1).is_some_and(|second| second.starts_with("// Linux 6.18.44: ")) {
            problems.push(format!("{name}: the second line is a real kernel's verdict"));
        }
        match run(&text, &exact()) {
            Verdict::Pass(run) if run.left_over.is_empty() => {}
            Verdict::Pass(run) => problems.push(format!("{name}: left over: {}", run.left_over.join("; "))),
            failed @ (Verdict::Fail(_) | Verdict::NotRun(_)) => problems.push(format!("{name}: {}", describe(&failed))),
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A script that asserts nothing would pass too: each must break, at that
/// line, when any one of its expectations is turned into nonsense.
#[test]
fn each_expectation_of_our_scripts_can_fail() {
    for path in files("tests/packets", &[".pkt"]) {
        let text = read(&path);
        let script = parse(&text, &Definitions::default()).expect("it passes");
        let mut expectations = 0;
        for event in &script.events {
            let Some(nonsense) = nonsense(&event.kind) else { continue };
            expectations += 1;
            let at = usize::try_from(event.line).expect("a line") - 1;
            let broken: Vec<String> = text
                .lines()
                .enumerate()
                .map(|(number, line)| if number == at { nonsense(line) } else { line.to_owned() })
                .collect();
            let verdict = run(&broken.join("\n"), &exact());
            let caught = matches!(&verdict, Verdict::Fail(failure) if failure.line == event.line);
            assert!(caught, "{}:{}: `{}`: {}", path.display(), event.line, broken[at], describe(&verdict));
        }
        assert!(expectations > 0, "{} expects nothing", path.display());
    }
}

/// How to make an expectation one that cannot hold.
fn nonsense(kind: &EventKind) -> Option<fn(&str) -> String> {
    match kind {
        EventKind::TcpOut(_) => Some(|line| {
            let (time, _) = line.split_once(" > ").expect("an outbound packet");
            format!("{time} > SFR 77:77(0)")
        }),
        // A descriptor's number is the script's own choice.
        EventKind::Call(call) if !matches!(call.name.as_str(), "socket" | "accept") => Some(|line| {
            let (call, _) = line.rsplit_once(" = ").expect("a call");
            format!("{call} = 77")
        }),
        EventKind::Call(_) | EventKind::TcpIn(_) | EventKind::IcmpIn(_) | EventKind::Shell(_) | EventKind::Code(_) => {
            None
        }
    }
}
