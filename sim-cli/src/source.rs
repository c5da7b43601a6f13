//! Finding a scenario: a file, a preset, or stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use halfclose::say;
use halfclose::text::{Lang, nearest};

use crate::engine;
use crate::exit::Failure;
use crate::message::Say;

/// Where reading stops, whatever comes: the checker refuses far shorter texts,
/// and tells why; an endless one must not fill the memory first.
const READ_LIMIT: u64 = 16 << 20;

/// The same for saved output: a host with a million sockets lists them in a third of it.
const SAVED_LIMIT: u64 = 512 << 20;

/// A scenario as it was found, not yet understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// File or preset name, `<stdin>` for stdin.
    pub name: String,
    /// Its bytes: UTF-8 or not is for the checker to say.
    pub bytes: Vec<u8>,
}

impl Source {
    /// The scenario `name` stands for: `-`, an existing file, else a preset.
    ///
    /// # Errors
    /// When there is no such thing, with the nearest preset as a hint.
    pub fn find(name: &str, lang: Lang) -> Result<Self, Failure> {
        if name == "-" {
            return Self::read("<stdin>", io::stdin().lock());
        }
        let path = Path::new(name);
        if path.is_file() {
            let file = File::open(path).map_err(|error| Failure::File(name.to_string(), error))?;
            return Self::read(name, file);
        }
        if let Some(text) = engine::preset(name) {
            return Ok(Self { name: name.to_string(), bytes: text.as_bytes().to_vec() });
        }
        if path.extension().is_some() {
            let missing = File::open(path).err().unwrap_or_else(|| io::ErrorKind::NotFound.into());
            return Err(Failure::File(name.to_string(), missing));
        }
        Err(Failure::Usage(no_such(name, lang)))
    }

    /// The file `name`, or stdin for `-`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file(name: &str) -> Result<Self, Failure> {
        if name == "-" {
            return Self::read("<stdin>", io::stdin().lock());
        }
        let file = File::open(name).map_err(|error| Failure::File(name.to_string(), error))?;
        Self::read(name, file)
    }

    /// Saved output of tools, which may be far longer than a scenario; stdin for `-`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn saved(name: &str) -> Result<Self, Failure> {
        if name == "-" {
            return Self::read_to("<stdin>", io::stdin().lock(), SAVED_LIMIT);
        }
        let file = File::open(name).map_err(|error| Failure::File(name.to_string(), error))?;
        Self::read_to(name, file, SAVED_LIMIT)
    }

    fn read(name: &str, reader: impl Read) -> Result<Self, Failure> {
        Self::read_to(name, reader, READ_LIMIT)
    }

    fn read_to(name: &str, reader: impl Read, limit: u64) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        let limited = &mut reader.take(limit);
        limited.read_to_end(&mut bytes).map_err(|error| Failure::File(name.to_string(), error))?;
        Ok(Self { name: name.to_string(), bytes })
    }
}

/// "`two-host` is neither …; did you mean two-hosts?"
fn no_such(name: &str, lang: Lang) -> String {
    let hint = match nearest(name, engine::preset_names()) {
        Some(near) => say!(lang, Say::DidYouMean, near),
        None => say!(lang, Say::SeePresets),
    };
    format!("{}\n{hint}", say!(lang, Say::NoSuchSource, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_preset_gets_a_hint() {
        assert!(no_such("two-host", Lang::En).ends_with("did you mean two-hosts?"));
        assert!(no_such("zzzzzz", Lang::Zh).contains("halfclose presets"));
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let source = Source::read("endless", io::repeat(b'#')).unwrap();
        assert_eq!(source.bytes.len() as u64, READ_LIMIT);
    }
}
