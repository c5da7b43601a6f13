//! Files of the repository that are what the code makes.

/// Holds a file of the repository to what it should be; `UPDATE_GOLDEN=1`
/// writes it instead.
///
/// # Panics
/// With the first line that differs.
pub fn golden(file: &str, wanted: &str) {
    let path = crate::tree::root().join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, wanted).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let differs = found.lines().zip(wanted.lines()).position(|(ours, theirs)| ours != theirs);
    if found != wanted {
        let line = differs.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
        let (old, new) = (found.lines().nth(line).unwrap_or(""), wanted.lines().nth(line).unwrap_or(""));
        panic!("{file} differs from line {} on; if that was meant: UPDATE_GOLDEN=1\n- {old}\n+ {new}", line + 1);
    }
}
