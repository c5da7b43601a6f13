//! The thirty questions people ask, each asked in the shell; the answers are held to
//! what the model does.

use halfclose::observe::facts::PortFacts;
use halfclose::observe::shell::{BuiltIn, Shell};
use halfclose::observe::{FindingId, RunFacts, findings};
use halfclose::scenario::{Run, preset};
use halfclose::text::Lang;
use halfclose::text::explain::{QUESTIONS, Question};
use halfclose::time::Duration;
use halfclose::trace::NoObserver;
use halfclose::units::Port;

/// What an answer cannot do without, by question.
const SUBSTANCE: [(u32, &[&str]); 30] = [
    (1, &["ip_local_port_range", "reserved", "28,232"]),
    (2, &["listening or bound socket", "28,232"]),
    (3, &["64,512", "RLIMIT_NOFILE", "leak"]),
    (4, &["EADDRNOTAVAIL", "EMFILE", "ENFILE", "1040"]),
    (5, &["60 s", "470", "463"]),
    (6, &["first FIN", "FIN-WAIT-2"]),
    (7, &["No.", "60 s", "FIN-WAIT-2"]),
    (8, &["outgoing", "timestamps", "a second"]),
    (9, &["NAT", "4.12"]),
    (10, &["For ever", "no timeout"]),
    (11, &["Close the descriptors", "ss -K", "Keepalive"]),
    (12, &["One port", "one descriptor", "memory"]),
    (13, &["FIN", "1040 (27)", "1159 (54)", "77"]),
    (14, &["accept()", "min(backlog, somaxconn)"]),
    (15, &["minisocks", "CLOSE-WAIT", "2024"]),
    (16, &["14,116", "28,232"]),
    (17, &["parity", "bind(0)"]),
    (18, &["no port left", "owned by a local socket"]),
    (19, &["source address", "destination", "IP_BIND_ADDRESS_NO_PORT"]),
    (20, &["N · P", "open_files_limit", "RLIMIT_NOFILE"]),
    (21, &["before authentication", "admin_port", "extra_port"]),
    (22, &["connect_timeout", "fragment"]),
    (23, &["max_connections + 1", "R · connect_timeout", "1 − max_connections / (R · connect_timeout)"]),
    (24, &["R · connect_timeout", "6,000"]),
    (25, &["max_connect_errors (100)", "in a row", "FLUSH HOSTS"]),
    (26, &["min(backlog, somaxconn) + 1", "1, 3, 7 s", "1, 2, 3, 4 s"]),
    (27, &["backlog", "somaxconn", "EMFILE"]),
    (28, &["idle", "keeps 2"]),
    (29, &["cap and jitter", "1 ms", "10 ms", "200 ms"]),
    (30, &["RST", "FIN-WAIT-2", "free at once"]),
];

/// The findings of the small outage that answer a question by what happened.
const SEEN: [(u32, FindingId); 14] = [
    (4, FindingId::LimitOrder),
    (6, FindingId::TimeWaitSide),
    (10, FindingId::CloseWait),
    (11, FindingId::CloseWait),
    (12, FindingId::DescriptorLeak),
    (16, FindingId::SearchCost),
    (17, FindingId::OtherParity),
    (18, FindingId::PortsExhausted),
    (20, FindingId::TooManyConnections),
    (21, FindingId::UnauthenticatedSlots),
    (22, FindingId::ConnectTimeout),
    (23, FindingId::UnauthenticatedSlots),
    (24, FindingId::TooManyConnections),
    (29, FindingId::ReconnectStorm),
];

fn tiny() -> (Run, Shell) {
    let run = Run::new(preset::find("tiny").expect("a preset").scenario(), 1).expect("a world");
    let shell = Shell::new(&run, Lang::En);
    (run, shell)
}

#[test]
fn each_of_the_thirty_is_answered_with_substance() {
    let (mut run, mut shell) = tiny();
    assert_eq!(QUESTIONS.len(), SUBSTANCE.len());
    for (question, (number, needed)) in QUESTIONS.iter().zip(SUBSTANCE) {
        assert_eq!(question.number, number);
        let mut ask = |text: &str| {
            let quoted = format!("explain '{}'", text.replace('\'', r"'\''"));
            shell.execute(&mut run, &quoted, &mut BuiltIn::new(Lang::En), &mut NoObserver).out
        };
        let answer = ask(question.text.en);
        assert!(answer.starts_with(&format!("q{number}: ")), "{}: {answer}", question.text.en);
        for needed in needed {
            assert!(answer.contains(needed), "q{number} does not say `{needed}`: {answer}");
        }
        assert_eq!(ask(question.text.zh), answer, "the same question in 中文");
        same_figures(question);
    }
}

/// Whatever number one language names the other names too.
fn same_figures(question: &Question) {
    let figures = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_digit() && c != ',' && c != '.');
        let mut all: Vec<String> = words
            .map(|word| word.trim_matches([',', '.']).to_owned())
            .filter(|word| word.len() > 2 && word.bytes().any(|b| b.is_ascii_digit()))
            .collect();
        all.sort();
        all.dedup();
        all
    };
    let [en, zh] = Lang::ALL.map(|lang| figures(question.answer.text(lang)));
    assert_eq!(en, zh, "q{}", question.number);
}

/// The figures of the answers come out of the model's own functions.
#[test]
fn figures_of_the_answers_are_the_models() {
    let ports = |low, high| PortFacts {
        low: Port(low),
        high: Port(high),
        time_wait_quantum: Duration::from_millis(2_048),
        ..PortFacts::default()
    };
    let default = ports(32_768, 60_999);
    assert_eq!((default.usable(), default.usable() / 60, default.sustained_rate()), (28_232, 470, 463));
    assert_eq!(default.usable() / 2, 14_116);
    assert_eq!(ports(1_024, 65_535).usable(), 64_512);
    let answer = |number: usize| QUESTIONS[number - 1].answer.en;
    for (number, figure) in [(1, "28,232"), (3, "64,512"), (5, "470"), (5, "463"), (16, "14,116")] {
        assert!(answer(number).contains(figure), "q{number}");
    }
}

/// And the small outage shows them.
#[test]
fn findings_of_a_run_answer_too() {
    let (mut run, mut shell) = tiny();
    run.run_to_end(&mut NoObserver).expect("within its budgets");
    let found = findings(&RunFacts::of(&run));
    for (number, id) in SEEN {
        let finding = found.iter().find(|finding| finding.id == id);
        assert!(finding.is_some(), "q{number}: no {} in {found:#?}", id.name());
    }
    let mut out = |line: &str| shell.execute(&mut run, line, &mut BuiltIn::new(Lang::En), &mut NoObserver).out;
    // 13 and 15, by the views: a FIN counts one, minisocks are "timewait".
    let queues = out("ss -tanH state close-wait | awk '{print $1}' | sort -n | uniq -c | awk '{print $2}'");
    assert_eq!(queues, "28\n132\n");
    assert!(out("ss -s").contains("timewait "));
    // 14: the backlog of the listener.
    assert!(out("ss -tlnH sport = :3306 | awk '{print $2, $3}'").starts_with("0 "));
    // 30: the end of the leaking process frees everything at once.
    out("kill -9 $(pgrep sysbench)");
    assert_eq!(out("ss -tanH state close-wait | wc -l"), "0\n");
}
