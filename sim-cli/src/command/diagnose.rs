//! `halfclose diagnose`.

use halfclose::observe::diagnose::{Diagnosis, Kind, PointId, diagnose as judge};
use halfclose::observe::{Said, Severity};
use halfclose::text::Lang;
use serde_json::{Map, Value, json};

use crate::args::Diagnose;
use crate::exit::{Code, Failure};
use crate::source::Source;
use crate::terminal;

/// Version of the JSON.
const SCHEMA_VERSION: u32 = 1;

/// Reads the texts and says what they show.
pub fn diagnose(arguments: &Diagnose, lang: Lang) -> Result<Code, Failure> {
    let names = arguments.files.iter().chain(&arguments.sysctl).chain(&arguments.limits);
    let texts = names
        .map(|name| Ok(String::from_utf8_lossy(&Source::saved(name)?.bytes).into_owned()))
        .collect::<Result<Vec<String>, Failure>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let diagnosis = judge(&texts);
    if arguments.json {
        terminal::print(&format!("{:#}\n", as_json(&diagnosis, lang)))?;
    } else {
        let width = usize::from(terminal::width());
        let text = diagnosis.text(lang);
        terminal::print(&text.lines().map(|line| indented(line, width)).collect::<String>())?;
    }
    Ok(if diagnosis.has(PointId::Foreign) {
        Code::Usage
    } else if diagnosis.points.iter().any(|point| point.severity == Severity::Error) {
        Code::ExpectationFailed
    } else {
        Code::Ok
    })
}

/// Sentences in the width of the terminal, each line as deep as the first; headings in bold.
fn indented(line: &str, width: usize) -> String {
    let depth = line.len() - line.trim_start().len();
    // Commands stay whole.
    if depth == 0 && !line.is_empty() {
        return format!("{}\n", terminal::styled(terminal::STRONG, line));
    }
    if depth >= 6 || line.is_empty() {
        return format!("{line}\n");
    }
    let margin = " ".repeat(depth + 2);
    let filled = terminal::fill(line.trim_start(), width - depth - 2);
    filled
        .lines()
        .enumerate()
        .map(|(number, line)| format!("{}{line}\n", if number == 0 { &margin[2..] } else { &margin }))
        .collect()
}

fn as_json(diagnosis: &Diagnosis, lang: Lang) -> Value {
    let text = |said: &Said| Value::from(said.text(lang));
    let number = |value: &str| value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
    let read: Map<String, Value> = Kind::ALL
        .iter()
        .filter_map(|kind| Some((kind.name().to_owned(), Value::from(*diagnosis.evidence.read.get(kind)?))))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "culprit": diagnosis.culprit.as_ref().map(|culprit| json!({
            "role": culprit.role.name(),
            "process": culprit.process,
            "pid": culprit.pid,
            "service": culprit.service,
            "sockets": culprit.sockets,
        })),
        "points": diagnosis.points.iter().map(|point| json!({
            "id": point.id.name(),
            "severity": point.severity.name(),
            "what": text(&point.what),
            "evidence": point.evidence.iter().map(|(name, value)| ((*name).to_owned(), number(value))).collect::<Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "limits": diagnosis.limits.iter().map(|limit| json!({
            "id": limit.id.name(),
            "of": text(&limit.what),
            "used": limit.used,
            "capacity": limit.capacity,
            "left": limit.left(),
            "assumed": limit.assumed,
        })).collect::<Vec<_>>(),
        "assumed": diagnosis.assumed.iter().map(text).collect::<Vec<_>>(),
        "unknown": diagnosis.unknown.iter().map(text).collect::<Vec<_>>(),
        "next": diagnosis.next.iter().map(|step| json!({
            "what": text(&step.what),
            "command": step.command,
        })).collect::<Vec<_>>(),
        "read": read,
        "skipped": diagnosis.evidence.skipped,
    })
}
