//! A run's outcome, for people and for programs.

use halfclose::say;
use halfclose::text::Lang;
use halfclose::time::Duration;
use serde_json::{Map, Value, json};

use crate::engine::{Expectation, Outcome};
use crate::exit::Code;
use crate::message::Say;
use crate::terminal::{self, BAD, COMMAND, GOOD, STRONG, WARN, styled};

/// Version of the JSON object `run --json` prints. Raised when a key changes
/// its meaning or goes away; new keys do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// 0, or 1 if an expectation failed.
pub fn exit_code(outcome: &Outcome) -> Code {
    if outcome.expectations.iter().all(|expectation| expectation.ok) { Code::Ok } else { Code::ExpectationFailed }
}

/// The JSON object, one line.
pub fn json(outcome: &Outcome) -> String {
    let metrics: Map<String, Value> =
        outcome.metrics.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect();
    let object = json!({
        "schema_version": SCHEMA_VERSION,
        "scenario": outcome.scenario,
        "seed": outcome.seed,
        "digest": outcome.digest,
        "events": outcome.events,
        "virtual_ns": outcome.virtual_ns,
        "metrics": metrics,
        "expectations": outcome.expectations,
        "findings": outcome.findings,
    });
    format!("{object}\n")
}

/// What a reader at a terminal gets.
pub fn human(outcome: &Outcome, lang: Lang) -> String {
    let seconds = Duration::from_nanos(outcome.virtual_ns).decimal(1_000_000_000, 3);
    let header = say!(lang, Say::RunHeader, outcome.scenario, outcome.seed, outcome.events, seconds);
    let mut out = format!("{}\n{}\n", styled(STRONG, header), say!(lang, Say::Digest, outcome.digest));
    out.push_str(&findings(outcome, lang));
    out.push_str(&expectations(outcome, lang, false));
    out
}

/// What `--quiet` leaves: the expectations that failed.
pub fn quiet(outcome: &Outcome, lang: Lang) -> String {
    match exit_code(outcome) {
        Code::Ok => String::new(),
        Code::ExpectationFailed
        | Code::Differ
        | Code::Usage
        | Code::InvalidScenario
        | Code::BudgetExceeded
        | Code::Interrupted
        | Code::Status(_) => expectations(outcome, lang, true),
    }
}

fn findings(outcome: &Outcome, lang: Lang) -> String {
    let mut out = format!("\n{}\n", styled(STRONG, say!(lang, Say::Findings)));
    if outcome.findings.is_empty() {
        out.push_str(&format!("  {}\n", say!(lang, Say::NoFindings)));
    }
    let mut advised: Vec<&str> = Vec::new();
    for finding in &outcome.findings {
        let mark = match finding.severity {
            "error" => styled(BAD, "✗"),
            "warning" => styled(WARN, "!"),
            _note => "·".to_owned(),
        };
        let width = usize::from(terminal::width()) - 4;
        for (number, line) in terminal::fill(&finding.what, width).lines().enumerate() {
            let lead = if number == 0 { mark.as_str() } else { " " };
            out.push_str(&format!("  {lead} {line}\n"));
        }
        // The same advice twice is once too often.
        let next = (!advised.contains(&finding.next.as_str())).then(|| match &finding.costs {
            Some(costs) => format!("→ {} ({costs})", finding.next),
            None => format!("→ {}", finding.next),
        });
        advised.push(&finding.next);
        let told = finding.why.clone().into_iter().chain(next);
        for line in told.flat_map(|text| terminal::fill(&text, width).lines().map(str::to_owned).collect::<Vec<_>>()) {
            out.push_str(&format!("    {line}\n"));
        }
        if let Some(command) = &finding.command {
            out.push_str(&format!("    {}: {}\n", say!(lang, Say::TypeThis), styled(COMMAND, command)));
        }
    }
    out
}

fn expectations(outcome: &Outcome, lang: Lang, only_failed: bool) -> String {
    if outcome.expectations.is_empty() {
        return String::new();
    }
    let held = outcome.expectations.iter().filter(|expectation| expectation.ok).count();
    let total = outcome.expectations.len();
    let summary = say!(lang, Say::ExpectationsHeld, held, total);
    let mut out = format!("\n{}: {summary}\n", styled(STRONG, say!(lang, Say::Expectations)));
    let width =
        outcome.expectations.iter().map(|one| console::measure_text_width(&one.name)).max().unwrap_or(0).min(60);
    for expectation in &outcome.expectations {
        if expectation.ok {
            if !only_failed {
                let Expectation { name, expected, actual, .. } = expectation;
                let padding = " ".repeat(width.saturating_sub(console::measure_text_width(name)));
                let bound = if expected == actual { String::new() } else { format!("  ({expected})") };
                out.push_str(&format!("  {} {name}{padding}  {actual}{bound}\n", styled(GOOD, "✓")));
            }
        } else {
            let detail = say!(lang, Say::Expected, expectation.expected, expectation.actual);
            out.push_str(&format!("  {} {}: {detail}\n", styled(BAD, "✗"), expectation.name));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Finding;

    fn outcome(ok: bool) -> Outcome {
        Outcome {
            scenario: "two-hosts".into(),
            seed: 1,
            digest: "00ff".into(),
            events: 12,
            virtual_ns: 1_500_000_000,
            metrics: vec![("client.tcp.close_wait".into(), 28_231), ("client.ss.orphaned".into(), 0)],
            expectations: vec![Expectation {
                name: "client.tcp.close_wait at exhausted".into(),
                expected: "= 28231".into(),
                actual: if ok { "28231" } else { "28230" }.into(),
                ok,
            }],
            findings: vec![Finding {
                id: "ports-exhausted",
                severity: "error",
                what: "no ports".into(),
                why: Some("used".into()),
                evidence: Map::new(),
                next: "close them".into(),
                costs: None,
                command: Some("sysctl net.ipv4.ip_local_port_range".into()),
            }],
            answers: vec![],
        }
    }

    #[test]
    fn json_has_the_keys_of_the_contract_in_order() {
        let value: Value = serde_json::from_str(&json(&outcome(true))).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted = "schema_version scenario seed digest events virtual_ns metrics expectations findings";
        assert_eq!(keys.join(" "), wanted);
        assert_eq!(value["metrics"]["client.tcp.close_wait"], 28_231);
        assert_eq!(value["expectations"][0]["ok"], true);
        assert_eq!(value["findings"][0]["id"], "ports-exhausted");
    }

    #[test]
    fn a_failed_expectation_is_exit_code_1_and_never_quiet() {
        assert_eq!(exit_code(&outcome(true)), Code::Ok);
        assert_eq!(exit_code(&outcome(false)), Code::ExpectationFailed);
        assert_eq!(quiet(&outcome(true), Lang::En), "");
        let told = quiet(&outcome(false), Lang::En);
        assert!(told.contains("expected = 28231, got 28230"), "{told}");
    }

    #[test]
    fn both_languages_tell_it() {
        let en = human(&outcome(true), Lang::En);
        assert!(en.contains("two-hosts: seed 1, 12 events, 1.500 s of virtual time") || en.contains("1.500 s"), "{en}");
        assert!(en.contains("28231  (= 28231)") && en.contains("→ close them"), "{en}");
        assert!(human(&outcome(true), Lang::Zh).contains("发生了什么"));
    }
}
