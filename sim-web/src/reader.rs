//! The module that reads scenarios, loaded when the first text is edited.

use halfclose::scenario::{Problem, Scenario, Source, preset};
use wasm_bindgen::prelude::*;

use crate::wire::{ReadProblem, Reading};

/// `key=value` changes as `--set` takes them, one a line.
fn overrides(sets: &str) -> Vec<(&str, &str)> {
    sets.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.trim(), value.trim())).collect()
}

/// The scenario packed for the module that runs it.
///
/// # Errors
/// All problems of the text, as [`check`] gives them.
#[wasm_bindgen]
pub fn pack(text: &str, sets: &str) -> Result<Vec<u8>, String> {
    match Scenario::read(text.as_bytes(), &overrides(sets)) {
        Ok(mut scenario) => {
            // The page gives no verdicts.
            scenario.expectations.clear();
            Ok(scenario.pack())
        }
        Err(_problems) => Err(check(text, sets)),
    }
}

/// What is wrong with a scenario, with the places in its text.
#[wasm_bindgen]
#[must_use]
pub fn check(text: &str, sets: &str) -> String {
    let problems = match Scenario::read(text.as_bytes(), &overrides(sets)) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(|problem| told(text, problem)).collect(),
    };
    serde_json::to_string(&Reading { problems }).expect("messages are plain data")
}

/// The text of a preset; empty if there is none of that name.
#[wasm_bindgen]
#[must_use]
pub fn preset_text(name: &str) -> String {
    preset::find(name).map_or_else(String::new, |preset| preset.text.to_owned())
}

fn told(text: &str, problem: &Problem) -> ReadProblem {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let span = match problem.place.source {
        Source::File => problem.span(),
        // A problem of a change or of the preset below has no place in this text.
        Source::Override(_) | Source::Preset(_) => 0..0,
    };
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let hint = problem.hint_en().zip(problem.hint_zh()).map(|(en, zh)| [en, zh]);
    ReadProblem {
        // As JavaScript counts characters of a text.
        start: small(before.encode_utf16().count()),
        end: small(text.get(..span.end).unwrap_or(text).encode_utf16().count()),
        line: small(before.matches('\n').count() + 1),
        column: small(before[line_start..].chars().count() + 1),
        text: [problem.kind.en(), problem.kind.zh()],
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_at_its_place() {
        let text = "format = 1\nextends = \"tiny\"\ntitle = \"中文\"\nsede = 3\n";
        let reading = check(text, "");
        assert!(reading.contains("\"line\":4,\"column\":1"), "{reading}");
        assert!(reading.contains("seed"), "{reading}");
        assert!(pack(text, "").is_err());
        assert!(pack("format = 1\nextends = \"tiny\"\n", "seed = 4\nend=9s").is_ok());
        assert!(check("format = 1\nextends = \"tiny\"\n", "nothing=4").contains("nothing"));
    }
}
