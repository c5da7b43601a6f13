//! What may stand behind `|`: the terminal has the user's own tools, the page a
//! small set built in.

mod awk;
mod grep;
mod text;

use super::{Answer, Says};
use crate::say;
use crate::text::Lang;

/// Commands that read a text and write one.
pub(super) const NAMES: &[&str] = &[
    "grep", "egrep", "fgrep", "awk", "gawk", "mawk", "wc", "sort", "uniq", "head", "tail", "cut", "tr", "cat", "tac",
    "sed", "column", "nl", "rev", "paste", "less", "more",
];

/// What is outside the shell: it runs the filters of a pipeline.
pub trait Filters {
    /// The commands behind the first `|`, each with its words, all of them
    /// filters; `input` is what the first command printed.
    fn run(&mut self, stages: &[Vec<String>], input: &str) -> Answer;
}

/// The built-in set: `grep -vciEFwxnoq`, `awk`, `wc -lwc`, `sort -nruk`,
/// `uniq -cdu`, `head`, `tail`, `cut -dfc`, `tr -ds`, `tac`, `cat`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn {
    lang: Lang,
}

impl BuiltIn {
    /// Filters that complain in this language.
    #[must_use]
    pub const fn new(lang: Lang) -> Self {
        Self { lang }
    }
}

impl Filters for BuiltIn {
    fn run(&mut self, stages: &[Vec<String>], input: &str) -> Answer {
        let mut answer = Answer::out(input.to_owned());
        for words in stages {
            let Some((name, args)) = words.split_first() else { continue };
            let next = filter(name, args, &answer.out, self.lang);
            answer = Answer { err: answer.err + &next.err, ..next };
        }
        answer
    }
}

fn filter(name: &str, args: &[String], input: &str, lang: Lang) -> Answer {
    let done = match name {
        "grep" | "egrep" | "fgrep" => grep::grep(name, args, input),
        "awk" | "gawk" | "mawk" => awk::awk(args, input),
        "wc" => text::wc(args, input),
        "sort" => text::sort(args, input),
        "uniq" => text::uniq(args, input),
        "head" => text::head(args, input),
        "tail" => text::tail(args, input),
        "cut" => text::cut(args, input),
        "tr" => text::tr(args, input),
        "tac" => Ok(input.split_inclusive('\n').rev().collect::<String>().into()),
        "cat" | "less" | "more" => Ok(input.to_owned().into()),
        other => {
            let known = "grep awk wc sort uniq head tail cut tr tac cat";
            return Answer::fails(127, format!("{}\n", say!(lang, Says::BuiltInFilter, other, known)));
        }
    };
    match done {
        Ok(Done { out, status }) => Answer { out, status, ..Answer::default() },
        Err(Wrong::Option(option)) => Answer::fails(2, format!("{}\n", say!(lang, Says::BuiltInOption, name, option))),
        Err(Wrong::Says(said)) => Answer::fails(2, format!("{name}: {said}\n")),
    }
}

/// What a filter wrote.
struct Done {
    out: String,
    status: u8,
}

impl From<String> for Done {
    fn from(out: String) -> Self {
        Self { out, status: 0 }
    }
}

/// Why it did not.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Wrong {
    /// Not in the built-in set.
    Option(String),
    /// As the real tool says it.
    Says(String),
}

type Filtered = Result<Done, Wrong>;

/// Splits short options that may be bunched; `with_value` take one. Long options
/// stay whole, what is no option comes last.
fn options<'a>(args: &'a [String], with_value: &str) -> (Vec<(String, &'a str)>, Vec<&'a str>) {
    let (mut found, mut words) = (Vec::new(), Vec::new());
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        if arg == "--" {
            words.extend(args.by_ref());
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').unwrap_or((long, ""));
            found.push((name.to_owned(), value));
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                if with_value.contains(letter) {
                    let value = if rest.is_empty() { args.next().unwrap_or("") } else { rest };
                    found.push((letter.to_string(), value));
                    break;
                }
                found.push((letter.to_string(), ""));
            }
        } else {
            words.push(arg);
        }
    }
    (found, words)
}
