//! Bytes in flight or in a queue, shared rather than copied.

use core::fmt;
use core::hash::{Hash, Hasher};
use std::sync::Arc;

/// A run of payload bytes. Either real bytes, a slice of a shared buffer, or
/// only a length, where the application did not care what it sent.
#[derive(Clone, Default)]
pub struct Payload {
    bytes: Option<Arc<[u8]>>,
    offset: u32,
    len: u32,
}

impl Payload {
    /// No bytes.
    pub const EMPTY: Self = Self { bytes: None, offset: 0, len: 0 };

    /// `len` bytes of no particular content (read as zeros).
    #[must_use]
    pub const fn opaque(len: u32) -> Self {
        Self { bytes: None, offset: 0, len }
    }

    /// Real bytes.
    ///
    /// # Panics
    /// If there are 4 GiB or more of them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::shared(Arc::from(bytes))
    }

    /// Real bytes already shared.
    ///
    /// # Panics
    /// If there are 4 GiB or more of them.
    #[must_use]
    pub fn shared(bytes: Arc<[u8]>) -> Self {
        let len = u32::try_from(bytes.len()).expect("a payload is shorter than 4 GiB");
        Self { bytes: Some(bytes), offset: 0, len }
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True without bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes, if they are real.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        let from = self.offset as usize;
        self.bytes.as_ref().map(|all| &all[from..from + self.len as usize])
    }

    /// The bytes, zeros where only the length is known.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes().map_or_else(|| vec![0; self.len as usize], <[u8]>::to_vec)
    }

    /// The part of at most `len` bytes that starts `skip` bytes in.
    #[must_use]
    pub fn slice(&self, skip: u32, len: u32) -> Self {
        let skip = skip.min(self.len);
        let len = len.min(self.len - skip);
        if len == 0 {
            return Self::EMPTY;
        }
        Self { bytes: self.bytes.clone(), offset: self.offset + skip, len }
    }

    /// Removes and returns the first `len` bytes (or fewer).
    pub fn take_front(&mut self, len: u32) -> Self {
        let front = self.slice(0, len);
        *self = self.slice(front.len, self.len - front.len);
        front
    }
}

/// Equal when they read the same: opaque bytes equal zeros.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.to_vec() == other.to_vec()
    }
}
impl Eq for Payload {}

/// By length and what is read, as equality is.
impl Hash for Payload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.bytes() {
            Some(bytes) => bytes.hash(state),
            None => self.to_vec().hash(state),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes() {
            Some(bytes) => write!(f, "{} B {:?}", self.len, bytes.escape_ascii().to_string()),
            None => write!(f, "{} B", self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_and_clip() {
        let mut p = Payload::from_bytes(b"Too many connections");
        assert_eq!(p.take_front(4).bytes(), Some(&b"Too "[..]));
        assert_eq!(p.bytes(), Some(&b"many connections"[..]));
        assert_eq!(p.slice(5, 99).len(), 11);
        assert_eq!(p.slice(99, 1), Payload::EMPTY);
    }
}
