//! The three system calls that have no safe wrapper: `unshare`, `close_range`, and
//! `setsockopt` with options rustix does not know. Nothing else in this crate is `unsafe`.
#![expect(unsafe_code, reason = "these calls have no safe wrapper for what the lab needs")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::thread::UnshareFlags;

/// New namespaces for the calling thread (`CLONE_NEWNET`), or for the children
/// it will have (`CLONE_NEWPID`).
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN in the user namespace; `ENOSPC`, `EUSERS` at a limit.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    assert!(!flags.intersects(UnshareFlags::FILES | UnshareFlags::FS), "tables that other code shares stay shared");
    // SAFETY: the danger of unshare() is a thread with a descriptor table of its own (CLONE_FILES); excluded above.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// Marks every descriptor but 0, 1 and 2 to be closed when a program is executed:
/// whatever the lab was started with, its processes have those three.
pub(crate) fn close_others_on_exec() {
    let (first, last, flags) = (3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: nothing is closed now; descriptors that std opens have the flag already.
    // Without the call (before Linux 5.11) inherited descriptors stay.
    let _status = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
}

/// `setsockopt()` of an option whose value is one `int`.
///
/// # Errors
/// What the kernel says.
pub(crate) fn setsockopt_int(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of::<i32>()).expect("four bytes");
    // SAFETY: the pointer is to a live i32 and the length is its size; the kernel only reads it.
    let status =
        unsafe { libc::setsockopt(fd.as_fd().as_raw_fd(), level, name, std::ptr::from_ref(&value).cast(), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
