//! A MySQL session over any stream: what a driver does, and no more.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use futures_io::{AsyncRead, AsyncWrite};
use halfclose::app::mysql::protocol::{self, COM_QUERY, ERR_BYTE, Login, OK_BYTE};

/// A logged-in session.
#[derive(Debug)]
pub(crate) struct Session<S> {
    pub(crate) stream: S,
}

async fn read_exact<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buf.len() {
        match poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf[done..])).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => done += n,
        }
    }
    Ok(())
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        done += poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, &bytes[done..])).await?;
    }
    Ok(())
}

/// A packet's sequence number and body.
pub(crate) async fn packet<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    read_exact(stream, &mut head).await?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    read_exact(stream, &mut body).await?;
    Ok((head[3], body))
}

fn refused(body: &[u8]) -> io::Error {
    io::Error::other(format!("the server says {}", String::from_utf8_lossy(&body[3..])))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Reads the greeting, logs in, waits for OK.
    pub(crate) async fn login(mut stream: S) -> io::Result<Self> {
        let (seq, body) = packet(&mut stream).await?;
        if body.first() == Some(&ERR_BYTE) {
            return Err(refused(&body));
        }
        let greeting = protocol::parse_greeting(&body).ok_or(io::ErrorKind::InvalidData)?;
        let capabilities = protocol::CLIENT_FLAGS & greeting.capabilities;
        let (user, plugin) = ("app".to_owned(), greeting.plugin.clone());
        let login = Login { capabilities, user, db: None, plugin, auth_len: 32 };
        write_all(&mut stream, &protocol::login(seq + 1, &login, &greeting.salt).to_vec()).await?;
        loop {
            let (_, body) = packet(&mut stream).await?;
            match body.first() {
                Some(&OK_BYTE) => return Ok(Self { stream }),
                Some(&ERR_BYTE) => return Err(refused(&body)),
                // The server found the password's hash in its cache; OK follows.
                _ => {}
            }
        }
    }

    /// A statement that returns no rows.
    pub(crate) async fn execute(&mut self, sql: &str) -> io::Result<()> {
        write_all(&mut self.stream, &protocol::command(COM_QUERY, sql).to_vec()).await?;
        let (_, body) = packet(&mut self.stream).await?;
        if body.first() == Some(&ERR_BYTE) { Err(refused(&body)) } else { Ok(()) }
    }
}
