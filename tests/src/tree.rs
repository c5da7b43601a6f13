//! The files of this repository, for suites that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what is generated or fetched.
const GENERATED: &[&str] = &["target", "node_modules", "dist", "playwright-report", "test-results"];

/// The repository's root.
///
/// # Panics
/// Never: this crate is one of its folders.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository")
}

/// All files below `folder` (relative to the root) whose name ends in one of
/// `endings`, relative to the root and sorted. Generated files and those whose
/// folder starts with a dot (except the root's own) are left out.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(folder), endings, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|problem| panic!("{}: {problem}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder has readable entries").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target-") && !GENERATED.contains(&name) {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path.strip_prefix(root()).expect("below the root").to_owned());
        }
    }
}

/// The text of a file given relative to the root; bytes that are no UTF-8 (a
/// fuzz corpus has some) become replacement characters.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    let bytes = fs::read(root().join(path)).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A relative path with `/`, on every platform.
#[must_use]
pub fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Names of the folders at the root, without generated and hidden ones.
///
/// # Panics
/// When the root cannot be read.
#[must_use]
pub fn top_folders() -> Vec<String> {
    let entries = fs::read_dir(root()).expect("the root is readable");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a readable folder has readable entries"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !name.starts_with("target-") && !GENERATED.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}
