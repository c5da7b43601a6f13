//! `awk`, as much of it as fits on a command line: patterns, fields, arithmetic,
//! arrays, `print` and `printf`, the usual functions (POSIX; no user functions,
//! no input or output of its own).

mod lex;
mod parse;
#[expect(
    clippy::float_arithmetic,
    reason = "awk calculates in double precision (POSIX); nothing of it reaches the model"
)]
mod run;
mod value;

use super::{Filtered, Wrong};

/// `awk [-F FS] [-v NAME=VALUE] PROGRAM`.
pub(super) fn awk(args: &[String], input: &str) -> Filtered {
    let mut separator = None;
    let mut assigned = Vec::new();
    let mut program = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value =
            |rest: &str| if rest.is_empty() { args.next().cloned().unwrap_or_default() } else { rest.to_owned() };
        match arg.strip_prefix('-') {
            Some(rest) if rest.starts_with('F') => separator = Some(value(&rest[1..])),
            Some(rest) if rest.starts_with('v') => {
                let text = value(&rest[1..]);
                let (name, value) = text.split_once('=').ok_or_else(|| Wrong::Option(format!("-v {text}")))?;
                assigned.push((name.to_owned(), value.to_owned()));
            }
            Some(rest) if !rest.is_empty() && program.is_none() => return Err(Wrong::Option(arg.clone())),
            Some(_) | None if program.is_none() => program = Some(arg.as_str()),
            Some(_) | None => return Err(Wrong::Option(arg.clone())),
        }
    }
    let program = program.ok_or_else(|| Wrong::Says("usage: awk [-F fs] [-v var=value] 'prog'".to_owned()))?;
    let rules = lex::tokens(program).and_then(parse::rules).map_err(Wrong::Says)?;
    run::Machine::new(separator.as_deref(), &assigned).run(&rules, input).map(Into::into).map_err(Wrong::Says)
}
