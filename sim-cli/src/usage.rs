//! Command lines that cannot be understood, in the reader's language.
//!
//! clap says these things in English only; what is wrong comes from its error
//! as typed context, the sentences from here.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use halfclose::say;
use halfclose::text::Lang;

use crate::exit::Code;
use crate::message::Say;
use crate::terminal;

/// Prints help, version or the error; the exit code that follows.
pub fn report(error: &clap::Error, lang: Lang) -> Code {
    // A closed pipe is no reason to fail: the reader had enough help.
    let printed = |error: &clap::Error| drop(error.print());
    if !error.use_stderr() {
        printed(error);
        return Code::Ok;
    }
    match (lang, in_chinese(error)) {
        (Lang::Zh, Some(message)) => terminal::error(lang, &message),
        (Lang::Zh, None) | (Lang::En, _) => printed(error),
    }
    Code::Usage
}

/// The error in 中文; `None` for the kinds that only a mistake in this program can make.
fn in_chinese(error: &clap::Error) -> Option<String> {
    let lang = Lang::Zh;
    let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "clap may add kinds; what is not translated is printed as clap says it"
    )]
    let what = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => say!(lang, Say::ValueMissing, argument),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => say!(lang, Say::ValueInvalid, value, argument),
        ErrorKind::UnknownArgument => say!(lang, Say::ArgumentUnknown, argument),
        ErrorKind::InvalidSubcommand => {
            say!(lang, Say::CommandUnknown, context(error, ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingRequiredArgument => say!(lang, Say::ArgumentMissing, argument),
        ErrorKind::ArgumentConflict => {
            say!(lang, Say::ArgumentConflict, argument, context(error, ContextKind::PriorArg).unwrap_or_default())
        }
        _ => return None,
    };
    let mut out = what;
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand];
    if let Some(near) = suggested.into_iter().find_map(|kind| context(error, kind)) {
        out.push_str(&format!("\n{}", say!(lang, Say::DidYouMean, near)));
    }
    if let Some(valid) = context(error, ContextKind::ValidValue) {
        out.push_str(&format!("\n{}", say!(lang, Say::ValidValues, valid)));
    }
    out.push_str(&format!("\n{}", say!(lang, Say::SeeHelp)));
    Some(out)
}

/// What clap knows about one side of the error, as text.
fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let value = error.get(kind)?;
    if let ContextValue::Strings(texts) = value {
        return (!texts.is_empty()).then(|| texts.join(", "));
    }
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Arguments;

    fn chinese(line: &str) -> String {
        let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
        in_chinese(&error).unwrap_or_else(|| panic!("{:?} is not translated", error.kind()))
    }

    #[test]
    fn usual_mistakes_are_told_in_chinese() {
        assert!(chinese("halfclose fly").starts_with("没有名为 `fly` 的命令"));
        let view = chinese("halfclose show netsat");
        assert!(view.contains("netsat") && view.contains("是不是想写 netstat？"), "{view}");
        assert!(chinese("halfclose check").starts_with("缺少参数：<FILE>"), "{}", chinese("halfclose check"));
        assert!(chinese("halfclose run --sed 1").contains("--seed"));
        assert!(chinese("halfclose run --json --quiet").contains("不能与"));
        assert!(chinese("halfclose run --seed x").contains("--seed"));
        assert!(chinese("halfclose run --set a").contains("--set"));
    }
}
