//! Every sentence a person reads, in English and 中文.
//!
//! A message is a typed id ([`messages!`](crate::messages) makes the enum), not a
//! string: leaving out one language, or naming an argument in one language
//! only, does not compile. Names of tools, sysctls, errnos and states are the
//! same in both and stay outside.

mod catalogue;
pub mod explain;
mod nearest;

pub use catalogue::Msg;
pub use nearest::{nearest, nearest_few};

use core::fmt;

/// A language of the program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// 中文 (simplified).
    Zh,
}

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The language a `LANG`, `LC_ALL` or `LC_MESSAGES` value asks for:
    /// `zh_CN.UTF-8` is 中文, an empty value says nothing, all others are English.
    #[must_use]
    pub fn from_env_value(value: &str) -> Option<Self> {
        let language = value.split(['_', '.', '@', '-']).next().unwrap_or("");
        match language {
            "" => None,
            "zh" | "ZH" | "Zh" => Some(Self::Zh),
            _other => Some(Self::En),
        }
    }

    /// The code `--lang` takes: `en`, `zh`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text in both languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Both {
    /// English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
}

impl Both {
    /// The text in `lang`.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }

    /// How many arguments the text takes: one more than its highest `{n}`.
    ///
    /// # Panics
    /// When the two languages do not name the same arguments, or one skips a
    /// number. [`messages!`](crate::messages) calls it at compile time, so it never happens at run time.
    #[must_use]
    pub const fn arity(self) -> usize {
        let en = placeholders(self.en);
        let zh = placeholders(self.zh);
        assert!(en == zh, "English and 中文 name different arguments");
        assert!(en & (en + 1) == 0, "argument numbers start at {{0}} and leave none out");
        en.trailing_ones() as usize
    }

    /// The text in `lang` with `{0}`, `{1}`, … replaced, and of `{0:is|are}` the
    /// word that goes with the argument: the first with `1`.
    #[must_use]
    pub fn format(self, lang: Lang, args: &[&dyn fmt::Display]) -> String {
        let mut out = String::new();
        let mut rest = self.text(lang);
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let tail = &rest[open + 1..];
            let argument = tail.split_once('}').and_then(|(inside, after)| {
                let (number, words) = inside.split_once(':').map_or((inside, None), |(n, words)| (n, Some(words)));
                let argument = args.get(number.parse::<usize>().ok()?)?.to_string();
                let Some(words) = words else { return Some((argument, after)) };
                let (one, many) = words.split_once('|')?;
                Some((if argument == "1" { one } else { many }.to_owned(), after))
            });
            match argument {
                Some((argument, after)) => {
                    out.push_str(&argument);
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = tail;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// The arguments a text names, as a bit set.
const fn placeholders(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut set = 0;
    let mut at = 0;
    while at + 2 < bytes.len() {
        if bytes[at] == b'{' && bytes[at + 1].is_ascii_digit() && matches!(bytes[at + 2], b'}' | b':') {
            set |= 1 << (bytes[at + 1] - b'0');
        }
        at += 1;
    }
    set
}

/// A number with its thousands separated, as both languages write it: `28,231`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A message id of some catalogue.
pub trait Message: Copy {
    /// Its two texts.
    fn both(self) -> Both;

    /// The message in `lang`. Prefer [`say!`](crate::say), which counts the arguments at compile time.
    fn format(self, lang: Lang, args: &[&dyn fmt::Display]) -> String {
        self.both().format(lang, args)
    }
}

/// Makes an enum of messages, each with English and 中文.
///
/// ```
/// halfclose::messages! {
///     /// What the example says.
///     pub enum Hint {
///         NoPort { en: "no port left of {0}", zh: "{0} 个端口已全部用完" }
///     }
/// }
/// use halfclose::text::Lang;
/// assert_eq!(halfclose::say!(Lang::Zh, Hint::NoPort, 28_232), "28232 个端口已全部用完");
/// ```
///
/// A missing language does not compile:
///
/// ```compile_fail
/// halfclose::messages! { enum Hint { NoPort { en: "no port left" } } }
/// ```
///
/// Nor do two languages that name different arguments:
///
/// ```compile_fail
/// halfclose::messages! { enum Hint { NoPort { en: "no port of {0}", zh: "没有端口" } } }
/// ```
#[macro_export]
macro_rules! messages {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($id:ident { en: $en:literal, zh: $zh:literal $(,)? })*
    }) => {
        $(#[$meta])*
        #[allow(rustdoc::broken_intra_doc_links, reason = "texts for people: their brackets are no links")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        $vis enum $name { $(#[doc = $en] $id,)* }

        impl $name {
            /// All of them, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];
            /// Both texts.
            #[must_use]
            pub const fn texts(self) -> $crate::text::Both {
                match self { $(Self::$id => $crate::text::Both { en: $en, zh: $zh },)* }
            }
        }

        impl $crate::text::Message for $name {
            fn both(self) -> $crate::text::Both { self.texts() }
        }

        $(const _: usize = $name::$id.texts().arity();)*
    };
}

/// A message in a language, its arguments counted at compile time:
/// `say!(lang, Msg::UnknownWord, word)`.
///
/// ```compile_fail
/// use halfclose::text::{Lang, Msg};
/// halfclose::say!(Lang::En, Msg::UnknownWord); // the word is missing
/// ```
#[macro_export]
macro_rules! say {
    ($lang:expr, $message:expr $(, $arg:expr)* $(,)?) => {{
        const ARGUMENTS: usize = <[&str]>::len(&[$(stringify!($arg)),*]);
        const { assert!($message.texts().arity() == ARGUMENTS, "wrong number of arguments for this message") };
        $message.texts().format($lang, &[$(&$arg as &dyn ::core::fmt::Display),*])
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale_values() {
        assert_eq!(Lang::from_env_value("zh_CN.UTF-8"), Some(Lang::Zh));
        assert_eq!(Lang::from_env_value("zh"), Some(Lang::Zh));
        assert_eq!(Lang::from_env_value("C.UTF-8"), Some(Lang::En));
        assert_eq!(Lang::from_env_value("de_DE"), Some(Lang::En));
        assert_eq!(Lang::from_env_value(""), None);
    }

    #[test]
    fn arguments_are_replaced_in_any_order_and_braces_survive() {
        let text = Both { en: "{1} of {0}", zh: "{0} 中的 {1}" };
        assert_eq!(text.format(Lang::En, &[&10, &3]), "3 of 10");
        assert_eq!(text.format(Lang::Zh, &[&10, &3]), "10 中的 3");
        let braces = Both { en: "{recvq} {", zh: "{recvq} {" };
        assert_eq!(braces.format(Lang::En, &[]), "{recvq} {");
    }

    #[test]
    fn a_word_goes_with_its_number() {
        let text = Both { en: "{0} socket{0:|s} {0:is|are} left", zh: "剩 {0} 个 socket" };
        assert_eq!(text.arity(), 1);
        assert_eq!(text.format(Lang::En, &[&1]), "1 socket is left");
        assert_eq!(text.format(Lang::En, &[&"1,000"]), "1,000 sockets are left");
        assert_eq!(text.format(Lang::Zh, &[&1]), "剩 1 个 socket");
    }

    #[test]
    fn an_argument_is_not_expanded_twice() {
        let text = Both { en: "{0} {1}", zh: "{0} {1}" };
        assert_eq!(text.format(Lang::En, &[&"{1}", &"x"]), "{1} x");
    }

    #[test]
    fn arity_counts_the_highest_argument() {
        assert_eq!(Both { en: "plain", zh: "无" }.arity(), 0);
        assert_eq!(Both { en: "{0} {1} {0}", zh: "{1}{0}" }.arity(), 2);
    }

    #[test]
    #[should_panic(expected = "different arguments")]
    fn languages_must_agree() {
        let _ = Both { en: "{0}", zh: "无" }.arity();
    }

    #[test]
    fn every_message_differs_between_the_languages() {
        for message in Msg::ALL {
            let both = message.texts();
            assert!(!both.en.trim().is_empty() && !both.zh.trim().is_empty(), "{message:?}");
            assert!(!both.zh.is_ascii(), "{message:?} has no Chinese in its 中文");
        }
    }
}
