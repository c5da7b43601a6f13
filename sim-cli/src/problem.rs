//! Problems of a scenario, drawn with carets.

use core::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::source::Source;
use crate::terminal;

/// One problem; its texts are already in the reader's language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Stable name, such as `unknown-key`.
    pub id: String,
    /// What is wrong.
    pub message: String,
    /// Where: bytes of the source. `None` for the file as a whole, or for an override.
    pub span: Option<Range<usize>>,
    /// What to write instead.
    pub hint: Option<String>,
    /// Name and text the span is in, where that is not the source: a preset it
    /// extends, a `--set`.
    pub other: Option<(String, String)>,
}

/// All problems with their lines, one after the other.
pub fn render(source: &Source, problems: &[Problem]) -> String {
    let renderer = Renderer::styled().term_width(usize::from(terminal::width()));
    let mut out = String::new();
    for problem in problems {
        out.push_str(&render_one(&renderer, source, problem));
        out.push_str("\n\n");
    }
    out
}

fn render_one(renderer: &Renderer, source: &Source, problem: &Problem) -> String {
    let title = Level::ERROR.primary_title(&problem.message).id(&problem.id);
    let (name, text) = match &problem.other {
        Some((name, text)) => (name, Some(text.as_str())),
        None => (&source.name, core::str::from_utf8(&source.bytes).ok()),
    };
    let mut group = match (text, &problem.span) {
        (Some(text), Some(span)) if !text.is_empty() => {
            let span = on_characters(text, span);
            title.element(Snippet::source(text).path(name).annotation(AnnotationKind::Primary.span(span)))
        }
        (_, Some(_) | None) => title.element(annotate_snippets::Origin::path(name)),
    };
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint));
    }
    renderer.render(&[group])
}

/// The span, kept inside the text and on whole characters.
fn on_characters(text: &str, span: &Range<usize>) -> Range<usize> {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let start = (0..=span.start.min(text.len())).rev().find(boundary).unwrap_or(0);
    let end = (span.end.clamp(start, text.len())..=text.len()).find(boundary).unwrap_or(text.len());
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(source: &str, problem: &Problem) -> String {
        let source = Source { name: "my.toml".into(), bytes: source.as_bytes().to_vec() };
        render_one(&Renderer::plain(), &source, problem)
    }

    fn problem(span: Option<Range<usize>>) -> Problem {
        Problem {
            id: "unknown-key".into(),
            message: "unknown key `sed`".into(),
            span,
            hint: Some("did you mean `seed`?".into()),
            other: None,
        }
    }

    #[test]
    fn a_caret_points_at_the_place() {
        let drawn = plain("name = \"x\"\nsed = 7\n", &problem(Some(11..14)));
        assert!(drawn.starts_with("error[unknown-key]: unknown key `sed`"), "{drawn}");
        assert!(drawn.contains("my.toml:2:1") && drawn.contains("^^^"), "{drawn}");
        assert!(drawn.contains("did you mean `seed`?"), "{drawn}");
    }

    #[test]
    fn a_problem_without_place_names_the_file() {
        assert!(plain("", &problem(None)).contains("my.toml"));
    }

    #[test]
    fn a_problem_of_an_override_shows_the_override() {
        let set = Problem { other: Some(("--set".into(), "sed=7".into())), ..problem(Some(0..3)) };
        let drawn = plain("name = 1\n", &set);
        assert!(drawn.contains("--set:1:1") && drawn.contains("sed=7") && !drawn.contains("my.toml"), "{drawn}");
    }

    #[test]
    fn wild_spans_do_not_panic() {
        let _ = plain("中文 = 1", &problem(Some(1..999)));
        let _ = plain("中文 = 1", &problem(Some(50..51)));
    }
}
