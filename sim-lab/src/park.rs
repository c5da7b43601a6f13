//! A helper that holds descriptors for a process whose limit is too low.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::fds::PER_MESSAGE;
use crate::worker;

/// Holds what arrives on stdin until its other end is closed.
///
/// # Errors
/// When the socket breaks.
pub(crate) fn main() -> io::Result<()> {
    worker::die_with_parent()?;
    worker::raise_soft_limit();
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.write_all(&worker::visible_pid()?.to_ne_bytes())?;
    let mut held: Vec<OwnedFd> = Vec::new();
    loop {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let got =
            rustix::net::recvmsg(&stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        if got.bytes == 0 {
            return Ok(());
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                held.extend(fds);
            }
        }
        stream.write_all(&[1])?;
    }
}
