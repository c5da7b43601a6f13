//! A client's reading of what a server answers to a command.

use super::protocol::{AUTH_MORE_BYTE, EOF_BYTE, ERR_BYTE, HEADER_LEN, OK_BYTE};
use crate::wire::Payload;

/// Cuts a byte stream into packets.
#[derive(Clone, Debug, Default)]
pub struct PacketReader {
    buffer: Vec<u8>,
    start: usize,
}

impl PacketReader {
    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &Payload) {
        self.buffer.drain(..self.start);
        self.start = 0;
        match bytes.bytes() {
            Some(real) => self.buffer.extend_from_slice(real),
            None => self.buffer.resize(self.buffer.len() + bytes.len() as usize, 0),
        }
    }

    /// The next whole packet's sequence number and body.
    pub fn next_packet(&mut self) -> Option<(u8, &[u8])> {
        let header = self.buffer.get(self.start..self.start + HEADER_LEN as usize)?;
        let len = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        let seq = header[3];
        let from = self.start + HEADER_LEN as usize;
        if self.buffer.len() < from + len {
            return None;
        }
        self.start = from + len;
        Some((seq, &self.buffer[from..from + len]))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
    }
}

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// OK.
    Ok,
    /// A result set of this many rows.
    Rows(u64),
    /// An error packet.
    Err(u16, String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Expect {
    #[default]
    First,
    Columns(u32),
    ColumnsEof,
    Rows(u64),
}

/// Follows one answer to its end.
#[derive(Clone, Debug, Default)]
pub struct ResponseReader {
    packets: PacketReader,
    expect: Expect,
}

impl ResponseReader {
    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &Payload) {
        self.packets.feed(bytes);
    }

    /// The outcome, once all of the answer is there; the reader is then ready for the next.
    pub fn outcome(&mut self) -> Option<Outcome> {
        loop {
            let (_, body) = self.packets.next_packet()?;
            let first = body.first().copied().unwrap_or(OK_BYTE);
            if first == ERR_BYTE {
                let error = parse_err(body);
                self.expect = Expect::First;
                return Some(error);
            }
            // A row may begin with 0xfe only if it is longer than an EOF packet can be.
            let eof = first == EOF_BYTE && body.len() < 9;
            self.expect = match self.expect {
                Expect::First if first == OK_BYTE => return Some(Outcome::Ok),
                Expect::First => Expect::Columns(u32::from(first)),
                Expect::Columns(left) if left > 1 => Expect::Columns(left - 1),
                Expect::Columns(_) => Expect::ColumnsEof,
                Expect::ColumnsEof => Expect::Rows(0),
                Expect::Rows(rows) if eof => {
                    self.expect = Expect::First;
                    return Some(Outcome::Rows(rows));
                }
                Expect::Rows(rows) => Expect::Rows(rows + 1),
            };
        }
    }

    /// Forgets everything: a new connection.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn parse_err(body: &[u8]) -> Outcome {
    let code = u16::from_le_bytes([body.get(1).copied().unwrap_or(0), body.get(2).copied().unwrap_or(0)]);
    let mut text = body.get(3..).unwrap_or(&[]);
    if text.first() == Some(&b'#') {
        text = text.get(6..).unwrap_or(&[]);
    }
    Outcome::Err(code, String::from_utf8_lossy(text).into_owned())
}

/// A packet of the login dialogue after the client's login packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoginReply {
    /// Logged in.
    Ok,
    /// More data of the authentication plugin (fast authentication succeeded): read on.
    More,
    /// Use another plugin; not followed by the model's clients.
    Switch,
    /// Refused.
    Err(u16, String),
}

/// Reads such a packet's body.
#[must_use]
pub fn parse_login_reply(body: &[u8]) -> LoginReply {
    match body.first().copied() {
        Some(OK_BYTE) => LoginReply::Ok,
        Some(AUTH_MORE_BYTE) => LoginReply::More,
        Some(EOF_BYTE) => LoginReply::Switch,
        Some(_) | None => match parse_err(body) {
            Outcome::Err(code, text) => LoginReply::Err(code, text),
            Outcome::Ok | Outcome::Rows(_) => LoginReply::Switch,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{self, Column, ServerError};
    use super::*;

    #[test]
    fn answers_are_followed_to_their_end_in_any_fragmentation() {
        let rows: Vec<_> = (0..5).map(|i| vec![Some(i.to_string()), None]).collect();
        let columns = [Column::text("a"), Column::text("b")];
        let whole = protocol::result_set(&columns, &rows, 0, false);
        for cut in 1..whole.len() {
            let mut reader = ResponseReader::default();
            reader.feed(&whole.slice(0, cut));
            assert_eq!(reader.outcome(), None, "cut at {cut}");
            reader.feed(&whole.slice(cut, whole.len()));
            assert_eq!(reader.outcome(), Some(Outcome::Rows(5)), "cut at {cut}");
            assert_eq!(reader.outcome(), None);
        }
    }

    #[test]
    fn ok_and_err_end_an_answer() {
        let mut reader = ResponseReader::default();
        reader.feed(&protocol::ok(1, 0, 0));
        reader.feed(&protocol::err(1, &ServerError::unknown_thread(9), true));
        assert_eq!(reader.outcome(), Some(Outcome::Ok));
        assert_eq!(reader.outcome(), Some(Outcome::Err(1094, "Unknown thread id: 9".into())));
    }

    #[test]
    fn login_replies() {
        assert_eq!(parse_login_reply(&[0, 0, 0, 2, 0, 0, 0]), LoginReply::Ok);
        assert_eq!(parse_login_reply(&[1, 3]), LoginReply::More);
        let bytes = protocol::err(0, &ServerError::too_many_connections(), false).to_vec();
        assert_eq!(parse_login_reply(&bytes[4..]), LoginReply::Err(1040, "Too many connections".into()));
    }
}
