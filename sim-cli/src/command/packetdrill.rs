//! `halfclose packetdrill`.

use halfclose::packetdrill::{ProblemKind, Verdict};
use halfclose::say;
use halfclose::text::Lang;
use serde_json::{Value, json};

use crate::args::Packetdrill;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::source::Source;
use crate::terminal::{self, STRONG, styled};

/// A script and what became of it.
struct Judged {
    name: String,
    text: String,
    verdict: Verdict,
    /// It passes with tolerance 0 and exact kernel timers too; `None` where nothing passed, or that was asked for.
    strict: Option<bool>,
}

/// Runs the scripts.
pub fn packetdrill(arguments: &Packetdrill, lang: Lang) -> Result<Code, Failure> {
    let mut judged = Vec::new();
    for name in &arguments.files {
        let source = Source::file(name)?;
        let text = String::from_utf8_lossy(&source.bytes).into_owned();
        let options = engine::script_options(arguments, lang)?;
        let verdict = engine::run_script(&text, &options);
        let strict = (verdict.passed() && options.tolerance_usecs != Some(0)).then(|| {
            let strict = halfclose::packetdrill::Options { tolerance_usecs: Some(0), ..options };
            engine::run_script(&text, &strict).passed()
        });
        judged.push(Judged { name: source.name, text, verdict, strict });
    }
    let text = if arguments.json { as_json(&judged) } else { human(&judged, lang) };
    terminal::print(&text)?;
    Ok(code(&judged))
}

fn code(judged: &[Judged]) -> Code {
    let any = |wanted: fn(&Verdict) -> bool| judged.iter().any(|script| wanted(&script.verdict));
    if any(|verdict| matches!(verdict, Verdict::NotRun(_))) {
        Code::InvalidScenario
    } else if any(|verdict| matches!(verdict, Verdict::Fail(_))) {
        Code::ExpectationFailed
    } else {
        Code::Ok
    }
}

fn word(verdict: &Verdict, lang: Lang) -> String {
    match verdict {
        Verdict::Pass(_) => say!(lang, Say::ScriptPass),
        Verdict::Fail(_) => say!(lang, Say::ScriptFail),
        Verdict::NotRun(problem) => match problem.kind {
            ProblemKind::Invalid => say!(lang, Say::ScriptInvalid),
            ProblemKind::Unsupported => say!(lang, Say::ScriptUnsupported),
        },
    }
}

/// One line a script; below a failure what was expected and what happened.
fn human(judged: &[Judged], lang: Lang) -> String {
    let mut out = String::new();
    for script in judged {
        let mut line = format!("{}  {}", styled(STRONG, word(&script.verdict, lang)), script.name);
        if let Some(number) = script.verdict.line() {
            line.push_str(&format!(":{number}"));
        }
        if script.strict == Some(false) {
            line.push_str(&format!("  ({})", say!(lang, Say::ScriptNotStrict)));
        }
        out.push_str(&format!("{line}\n"));
        let source = |number: u32| {
            let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
            script.text.lines().nth(at).map_or("", str::trim)
        };
        match &script.verdict {
            Verdict::Pass(run) => {
                for segment in &run.left_over {
                    out.push_str(&format!("    {}\n", say!(lang, Say::ScriptLeftOver, segment)));
                }
            }
            Verdict::Fail(failure) => {
                out.push_str(&format!("    {}\n", source(failure.line)));
                out.push_str(&format!("    {}\n", say!(lang, Say::ScriptExpected, failure.expected)));
                out.push_str(&format!("    {}\n", say!(lang, Say::ScriptGot, failure.actual)));
            }
            Verdict::NotRun(problem) => {
                out.push_str(&format!("    {}\n", source(problem.line)));
                out.push_str(&format!("    {problem}\n"));
            }
        }
    }
    let passed = judged.iter().filter(|script| script.verdict.passed()).count();
    out.push_str(&format!("{}\n", say!(lang, Say::ScriptsPassed, passed, judged.len())));
    out
}

fn as_json(judged: &[Judged]) -> String {
    let scripts: Vec<Value> = judged.iter().map(script_json).collect();
    let passed = judged.iter().filter(|script| script.verdict.passed()).count();
    let whole = json!({ "scripts": scripts, "passed": passed, "total": judged.len() });
    format!("{whole:#}\n")
}

fn script_json(script: &Judged) -> Value {
    let mut value = json!({ "file": script.name, "verdict": script.verdict.word() });
    let more = match &script.verdict {
        Verdict::Pass(run) => json!({
            "events": run.events,
            "passes_with_tolerance_0": script.strict,
            "worst_lateness_usecs": run.worst_lateness_usecs,
            "left_over": run.left_over,
            "branch": run.branch,
        }),
        Verdict::Fail(failure) => {
            json!({ "line": failure.line, "expected": failure.expected, "actual": failure.actual })
        }
        Verdict::NotRun(problem) => {
            json!({ "line": problem.line, "column": problem.column, "reason": problem.reason })
        }
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}
