//! `halfclose explain`.

use halfclose::observe::FindingId;
use halfclose::say;
use halfclose::text::Lang;
use halfclose::text::explain::{Found, Kind, QUESTIONS, entries, explain as look_up};

use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::terminal::{self, STRONG, print, styled};

/// Explains a word, answers a question, or lists what there is.
pub fn explain(word: &str, lang: Lang) -> Result<Code, Failure> {
    if word.trim().is_empty() {
        print(&list(lang))?;
        return Ok(Code::Ok);
    }
    let finding = FindingId::parse(word).map(|id| id.explained(lang));
    let texts: Vec<String> = match look_up(word) {
        Found::Entries(found) => found.iter().map(|entry| entry.render(lang)).chain(finding).collect(),
        Found::Question(question) => vec![finding.unwrap_or_else(|| question.render(lang))],
        Found::Nothing(near) => {
            vec![finding.ok_or_else(|| Failure::Usage(unknown(word, &near, lang)))?]
        }
    };
    print(&texts.iter().map(|text| heading(text)).collect::<Vec<_>>().join("\n"))?;
    Ok(Code::Ok)
}

/// The text with its first line in bold and its sentences in the width of the
/// terminal; indented lines are commands and stay whole.
fn heading(text: &str) -> String {
    let width = usize::from(terminal::width());
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        match number {
            0 => out.push_str(&format!("{}\n", styled(STRONG, line))),
            _ if line.starts_with(' ') => out.push_str(&format!("{line}\n")),
            _ => out.push_str(&terminal::fill(line, width)),
        }
    }
    out
}

fn unknown(word: &str, near: &[&str], lang: Lang) -> String {
    let hint = if near.is_empty() { say!(lang, Say::SeeExplain) } else { say!(lang, Say::DidYouMean, near.join(", ")) };
    format!("{}\n{hint}", say!(lang, Say::UnknownWord, word))
}

/// All names by kind, then the questions.
fn list(lang: Lang) -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let names: Vec<&str> = entries().filter(|entry| entry.kind == kind).map(|entry| entry.name).collect();
        out.push_str(&format!("{}\n", styled(STRONG, kind.name().text(lang))));
        for line in wrap(&names, 96) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out.push_str(&format!("{}\n", styled(STRONG, say!(lang, Say::FindingsByName))));
    for line in wrap(&FindingId::ALL.iter().map(|id| id.name()).collect::<Vec<_>>(), 96) {
        out.push_str(&format!("  {line}\n"));
    }
    out.push_str(&format!("\n{}\n", styled(STRONG, say!(lang, Say::Questions))));
    for question in QUESTIONS {
        out.push_str(&format!("  q{:<3} {}\n", question.number, question.text.text(lang)));
    }
    out.push_str(&format!("\n{}\n", say!(lang, Say::ExplainUsage)));
    out
}

/// Names separated by commas, in lines of at most `width` characters.
fn wrap(names: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= width => {
                line.push_str(", ");
                line.push_str(name);
            }
            Some(_) | None => lines.push((*name).to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use halfclose::tcp::TcpState;

    use super::*;

    #[test]
    fn every_state_is_explained_under_each_of_its_names() {
        for state in TcpState::ALL {
            for name in [state.rfc_name(), state.metric_name()] {
                let Found::Entries(found) = look_up(name) else { panic!("{name} is not explained") };
                assert!(found.iter().any(|entry| entry.name == state.rfc_name()), "{name}");
            }
        }
    }

    #[test]
    fn the_list_names_every_entry() {
        let list = list(Lang::En);
        assert!(entries().all(|entry| list.contains(entry.name)));
        assert!(FindingId::ALL.iter().all(|id| list.contains(id.name())));
        assert!(list.lines().all(|line| line.chars().count() <= 120));
    }

    #[test]
    fn unknown_words_get_a_suggestion_in_the_reader_s_language() {
        assert_eq!(
            unknown("EADDRNOTAVIAL", &["EADDRNOTAVAIL"], Lang::Zh),
            "没有关于 `EADDRNOTAVIAL` 的说明\n是不是想写 EADDRNOTAVAIL？"
        );
    }
}
