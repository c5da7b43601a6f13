//! Links of the built book: each leads to a file, and to a place in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::files;

/// Every page below a folder.
pub(super) fn pages(folder: &Path) -> io::Result<Vec<PathBuf>> {
    files(folder, "html")
}

/// What the page beside the book brings, where there is one.
const BESIDE: &str = "embed.js";

/// Links that lead nowhere, as `page: link`. Links out of the book are not followed.
pub(super) fn broken(folder: &Path) -> io::Result<Vec<String>> {
    let mut places: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut links = Vec::new();
    for page in pages(folder)? {
        let text = fs::read_to_string(&page)?;
        places.insert(page.clone(), values(&text, &["id", "name"]));
        // All chapters on one page: the same links once more, and mdBook makes places of them.
        if page.file_name().is_none_or(|name| name != "print.html") {
            links.extend(values(&text, &["href", "src"]).into_iter().map(|link| (page.clone(), link)));
        }
    }
    let mut problems = Vec::new();
    for (page, link) in links {
        let (path, place) = link.split_once('#').map_or((link.as_str(), ""), |(path, place)| (path, place));
        if path.contains(':') || path.starts_with("//") || path.ends_with(BESIDE) {
            continue;
        }
        let target = if path.is_empty() { page.clone() } else { resolved(&page, path) };
        let found = if place.is_empty() || target.extension().is_none_or(|ending| ending != "html") {
            target.exists()
        } else {
            places.get(&target).is_some_and(|places| places.contains(&decoded(place)))
        };
        if !found {
            problems.push(format!("{}: {link} leads nowhere", page.strip_prefix(folder).unwrap_or(&page).display()));
        }
    }
    Ok(problems)
}

/// Where a link on `page` leads.
fn resolved(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(page).to_owned();
    let link = decoded(link.split('?').next().unwrap_or(link));
    for component in Path::new(&link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    if path.is_dir() { path.join("index.html") } else { path }
}

/// `%E4%B8%AD` as the letters it stands for; what is no escape stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            Some(_) | None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).replace("&amp;", "&").replace("&#39;", "'")
}

/// The values of attributes in the tags of a page.
fn values(text: &str, names: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or(tag);
        for name in names {
            for part in tag.split(&format!(" {name}=\"")).skip(1) {
                found.extend(part.split('"').next().map(str::to_owned));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_page_or_place_is_found() {
        let folder = std::env::temp_dir().join(format!("halfclose-links-{}", std::process::id()));
        fs::create_dir_all(folder.join("en")).unwrap();
        let good = r##"<h2 id="头">x</h2><a href="#%E5%A4%B4">a</a><a href="../en/b.html#there">b</a>"##;
        let bad =
            r#"<p id="there"><a href="a.html#gone">c</a><img src="none.svg"><a href="https://example.invalid">d</a>"#;
        fs::write(folder.join("en/a.html"), good).unwrap();
        fs::write(folder.join("en/b.html"), bad).unwrap();
        let broken = broken(&folder).unwrap();
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert!(broken[0].contains("a.html#gone") && broken[1].contains("none.svg"), "{broken:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
