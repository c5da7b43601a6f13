//! The catalogue of translations: `book/po/zh.po`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use polib::catalog::Catalog;
use polib::message::Message;
use polib::metadata::CatalogMetadata;
use polib::po_file;

pub(super) fn path(root: &Path) -> PathBuf {
    root.join("book").join("po").join("zh.po")
}

fn read(path: &Path) -> io::Result<Catalog> {
    po_file::parse(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// Messages of the template without a translation, and translations without a message.
pub(super) fn problems(template: &Path, catalog: &Path) -> io::Result<Vec<String>> {
    let (template, catalog) = (read(template)?, read(catalog)?);
    let mut problems = Vec::new();
    for message in template.messages().filter(|message| has_words(message.msgid())) {
        let found = catalog.find_message(None, message.msgid(), None);
        let why = match found {
            None => "not in book/po/zh.po (`cargo xtask book --update` puts it there)",
            Some(found) if found.is_fuzzy() => "its translation is marked fuzzy",
            Some(found) if !found.is_translated() => "not translated",
            Some(found) if figures(message.msgid()) != figures(found.msgstr().unwrap_or_default()) => {
                "its translation has other figures"
            }
            Some(_) => continue,
        };
        problems.push(format!("{}: {why}: {:?}", message.source().replace('\n', " "), start(message.msgid())));
    }
    for message in catalog.messages() {
        if template.find_message(None, message.msgid(), None).is_none() {
            problems.push(format!("book/po/zh.po: no page says this any more: {:?}", start(message.msgid())));
        }
    }
    Ok(problems)
}

/// Puts new messages into the catalogue, untranslated, at their place, and takes
/// out those that no page has. Returns how many are untranslated, how many went.
pub(super) fn update(template: &Path, catalog: &Path) -> io::Result<(usize, usize)> {
    let template = read(template)?;
    let old = if catalog.exists() { read(catalog)? } else { Catalog::new(metadata()) };
    let mut new = Catalog::new(metadata());
    let (mut missing, mut kept) = (0, 0);
    for message in template.messages().filter(|message| has_words(message.msgid())) {
        let found = old.find_message(None, message.msgid(), None);
        let translation = found.and_then(|found| found.msgstr().ok()).unwrap_or_default();
        kept += usize::from(found.is_some());
        missing += usize::from(translation.is_empty());
        let message = Message::build_singular()
            .with_source(message.source().to_owned())
            .with_msgid(message.msgid().to_owned())
            .with_msgstr(translation.to_owned())
            .done();
        new.append_or_update(message);
    }
    po_file::write(&new, catalog)?;
    Ok((missing, old.count() - kept))
}

/// A SUMMARY.md with the translated title of each chapter.
pub(super) fn titles_translated(summary: &str, catalog: &Path) -> io::Result<String> {
    let catalog = read(catalog)?;
    let line = |line: &str| {
        let (before, rest) = line.split_once('[')?;
        let (title, after) = rest.split_once("](")?;
        let found = catalog.find_message(None, title, None)?.msgstr().ok().filter(|text| !text.is_empty())?;
        Some(format!("{before}[{found}]({after}"))
    };
    Ok(summary.lines().map(|text| line(text).unwrap_or_else(|| text.to_owned()) + "\n").collect())
}

fn metadata() -> CatalogMetadata {
    CatalogMetadata {
        project_id_version: "halfclose".to_owned(),
        language: "zh".to_owned(),
        mime_version: "1.0".to_owned(),
        content_type: "text/plain; charset=UTF-8".to_owned(),
        content_transfer_encoding: "8bit".to_owned(),
        ..CatalogMetadata::default()
    }
}

/// Whether there is anything to translate. There is not in a whole block of code
/// or output, nor where nothing but code, numbers and the targets of links is
/// left. A name on its own has a letter, and so a line in the catalogue, which may repeat it.
fn has_words(message: &str) -> bool {
    if message.starts_with("```") || message.starts_with("~~~") {
        return false;
    }
    let mut left = String::new();
    let mut rest = message;
    while let Some(at) = rest.find(['`', '<', ']']) {
        left.push_str(&rest[..at]);
        let tail = &rest[at..];
        let skipped = match tail.as_bytes()[0] {
            b'`' => {
                let ticks = tail.len() - tail.trim_start_matches('`').len();
                let fence = &tail[..ticks];
                tail[ticks..].find(fence).map_or(ticks, |end| ticks + end + ticks)
            }
            b'<' => tail.find('>').map_or(1, |end| end + 1),
            _ if tail.starts_with("](") => tail.find(')').map_or(1, |end| end + 1),
            _ => 1,
        };
        rest = &tail[skipped..];
    }
    left.push_str(rest);
    left.chars().any(|letter| letter.is_ascii_alphabetic())
}

/// The numbers of two digits and more in a message, each once, without what links lead to: a translation has the same.
/// The number of a month (`10 月`) is left out, because English has a word for it.
fn figures(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit() || c == ']') {
        let tail = &rest[at..];
        let length = if tail.starts_with("](") {
            tail.find(')').map_or(tail.len(), |end| end + 1)
        } else if tail.starts_with(']') {
            1
        } else {
            let end = tail.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.').unwrap_or(tail.len());
            let number = tail[..end].trim_end_matches([',', '.']).replace(',', "");
            if number.len() > 1 && !tail[end..].trim_start().starts_with('月') {
                found.insert(number);
            }
            end
        };
        rest = &tail[length..];
    }
    found
}

/// The first words of a message.
fn start(text: &str) -> String {
    let mut short: String = text.chars().take(70).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_a_reader_would_miss() {
        assert!(has_words("Scenarios"));
        assert!(has_words("`ss -s` and others"));
        assert!(has_words("[Planning](capacity.md)"));
        assert!(!has_words("`ss -s`, ``a ` b``"));
        assert!(!has_words("97.5 %"));
        assert!(!has_words("[`lab`](lab.md)"));
        assert!(!has_words("```text\nwords of a program\n```"));
    }

    #[test]
    fn a_translation_has_the_figures_of_its_original() {
        let english = "In October 2024 it was 28,231, or 1.5 of [it](how/9293.md), 7 times.";
        assert_eq!(figures(english), figures("2024 年 10 月是 28,231，即[它](how/9293.md)的 1.5 倍，七次。"));
        assert_ne!(figures(english), figures("2024 年 10 月是 28,232，即 1.5 倍，7 次。"));
    }

    #[test]
    fn an_untranslated_and_a_stale_message_are_found() {
        let folder = std::env::temp_dir().join(format!("halfclose-catalog-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (template, own) = (folder.join("messages.pot"), folder.join("zh.po"));
        let write = |path: &Path, messages: &[(&str, &str)]| {
            let mut catalog = Catalog::new(metadata());
            for (id, text) in messages {
                let message =
                    Message::build_singular().with_msgid((*id).to_owned()).with_msgstr((*text).to_owned()).done();
                catalog.append_or_update(message);
            }
            po_file::write(&catalog, path).unwrap();
        };
        write(&template, &[("Old page", ""), ("New page", ""), ("97 %", "")]);
        write(&own, &[("Old page", "旧页"), ("Gone page", "没有了")]);
        let problems = problems(&template, &own).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("New page") && problems[1].contains("Gone page"), "{problems:?}");
        assert_eq!(update(&template, &own).unwrap(), (1, 1));
        let after = super::problems(&template, &own).unwrap();
        assert!(after.len() == 1 && after[0].contains("not translated"), "{after:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
