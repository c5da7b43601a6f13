//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Output on its way to a file. It is written to a file beside and takes the
/// name in [`Output::finish`]; dropped before, it leaves nothing, and a file of
/// that name stays what it was. `-` is stdout. A device or a pipe is written to
/// as it is, and so is a file in a folder where nothing new may be made.
pub struct Output {
    out: BufWriter<Box<dyn Write>>,
    name: String,
    /// The file beside, and the name it is to have.
    beside: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens it.
    ///
    /// # Errors
    /// [`Failure::File`] if nothing can be written there.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let (out, beside) = open(path).map_err(|error| Failure::File(name.clone(), error))?;
        Ok(Self { out: BufWriter::new(out), name, beside })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Failure::File`] if the last bytes cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        let failed = |error| Failure::File(self.name.clone(), error);
        self.out.flush().map_err(failed)?;
        if let Some((part, target)) = &self.beside {
            fs::rename(part, target).map_err(failed)?;
        }
        self.beside = None;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.beside {
            // Nobody is left to be told.
            let _gone = fs::remove_file(part);
        }
    }
}

/// Writes a file in one go.
///
/// # Errors
/// [`Failure::File`] if it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut out = Output::create(path)?;
    out.write_all(bytes).map_err(|error| Failure::File(path.display().to_string(), error))?;
    out.finish()
}

type Opened = (Box<dyn Write>, Option<(PathBuf, PathBuf)>);

fn open(path: &Path) -> io::Result<Opened> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdout()), None));
    }
    // Behind a link lies the file that is meant.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let there = fs::metadata(&target).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return Ok((Box::new(File::options().write(true).open(&target)?), None));
    }
    let mut part = target.clone().into_os_string();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    match (File::create(&part), there) {
        (Ok(file), there) => {
            if let Some(there) = there {
                fs::set_permissions(&part, there.permissions())?;
            }
            Ok((Box::new(file), Some((part, target))))
        }
        (Err(_), Some(_)) => Ok((Box::new(File::create(&target)?), None)),
        (Err(error), None) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("halfclose-output-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a");
        let mut given_up = Output::create(&path).unwrap();
        given_up.write_all(b"half").unwrap();
        given_up.flush().unwrap();
        drop(given_up);
        assert_eq!(names(&folder), [""; 0]);
        write(&path, b"whole").unwrap();
        let mut given_up = Output::create(&path).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!((names(&folder), fs::read(&path).unwrap()), (vec!["a".to_owned()], b"whole".to_vec()));
        assert!(write(&folder, b"x").is_err(), "a folder");
        assert!(write(&folder.join("none/a"), b"x").is_err(), "no folder");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_permissions_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = std::env::temp_dir().join(format!("halfclose-output-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, b"old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        write(Path::new("/dev/null"), b"x").unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
