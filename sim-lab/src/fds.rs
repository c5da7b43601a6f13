//! A process's descriptors under the numbers its program knows them by.
//!
//! As a rule the number is the kernel's own. Where the machine's hard
//! RLIMIT_NOFILE is lower than the scenario's limit, numbers and limit are kept
//! here, and descriptors are handed to helper processes when the real limit
//! comes near: the sockets stay open and in every table of the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use halfclose::errno::Errno;
use halfclose::units::Fd;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use crate::stage;

/// Descriptors below the real limit that are kept free.
const RESERVE: usize = 200;
/// Descriptors in one message; `SCM_MAX_FD` is 253.
pub(crate) const PER_MESSAGE: usize = 200;
/// Descriptors handed over when room is needed.
const BATCHES: usize = 20;

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Udp,
    /// A file with so many bytes left to read.
    File {
        size: u32,
        left: u32,
    },
}

#[derive(Clone, Debug)]
struct Entry {
    /// `None` once a helper holds it.
    fd: Option<Arc<OwnedFd>>,
    kind: Kind,
    /// When it was last used, as a count of uses.
    used: u64,
}

/// Numbers and a limit of our own.
#[derive(Debug)]
struct Virtual {
    soft: u64,
    /// Most descriptors the machine allows.
    real: usize,
    helpers: Vec<(UnixStream, usize)>,
    parked: u32,
}

/// What handing descriptors over came to.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    /// All of them so far.
    pub(crate) total: u32,
    /// Process ids of new helpers, as the lab sees them.
    pub(crate) helpers: Vec<u32>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct FdTable {
    entries: BTreeMap<u32, Entry>,
    free: BTreeSet<u32>,
    uses: u64,
    mode: Option<Virtual>,
}

impl FdTable {
    /// A table whose numbers are the kernel's.
    pub(crate) const fn direct() -> Self {
        Self { entries: BTreeMap::new(), free: BTreeSet::new(), uses: 0, mode: None }
    }

    /// A table with numbers and a soft limit of its own, under a real limit.
    pub(crate) const fn parking(soft: u64, real: usize) -> Self {
        let mode = Virtual { soft, real, helpers: Vec::new(), parked: 0 };
        Self { entries: BTreeMap::new(), free: BTreeSet::new(), uses: 0, mode: Some(mode) }
    }

    /// A new soft limit, where it is kept here.
    pub(crate) fn limit(&mut self, soft: u64) -> bool {
        match &mut self.mode {
            Some(mode) => {
                mode.soft = soft;
                true
            }
            None => false,
        }
    }

    /// Number of descriptors, 0, 1 and 2 counted.
    pub(crate) fn open(&self) -> usize {
        self.entries.len() + 3
    }

    fn lowest_free(&self) -> u32 {
        let after = self.entries.last_key_value().map_or(3, |(last, _)| last + 1);
        self.free.first().copied().unwrap_or(after)
    }

    /// Before a call that makes a descriptor: EMFILE where the limit kept here
    /// is reached; else room under the real one.
    pub(crate) fn prepare(&mut self) -> Result<Option<Parked>, Errno> {
        let next = self.lowest_free();
        let Some(mode) = &self.mode else { return Ok(None) };
        if u64::from(next) >= mode.soft {
            return Err(Errno::MFile);
        }
        let held = self.entries.len() - mode.parked as usize;
        if held + mode.helpers.len() + RESERVE < mode.real { Ok(None) } else { self.park().map(Some) }
    }

    fn park(&mut self) -> Result<Parked, Errno> {
        let Self { entries, mode: Some(mode), .. } = self else { return Ok(Parked::default()) };
        let mut report = Parked::default();
        // Longest unused first, and only what no thread is inside a call with.
        let mut idle: Vec<(u64, u32)> = entries
            .iter()
            .filter(|(_, e)| e.kind == Kind::Tcp && e.fd.as_ref().is_some_and(|fd| Arc::strong_count(fd) == 1))
            .map(|(number, e)| (e.used, *number))
            .collect();
        idle.sort_unstable();
        idle.truncate(PER_MESSAGE * BATCHES);
        for batch in idle.chunks(PER_MESSAGE) {
            if mode.helpers.last().is_none_or(|(_, holds)| holds + PER_MESSAGE + RESERVE > mode.real) {
                let (stream, pid) = helper().map_err(|_no_process| Errno::NFile)?;
                mode.helpers.push((stream, 0));
                report.helpers.push(pid);
            }
            let (stream, holds) = mode.helpers.last_mut().expect("a helper was just made");
            let taken: Vec<Arc<OwnedFd>> =
                batch.iter().filter_map(|(_, number)| entries.get_mut(number).and_then(|e| e.fd.take())).collect();
            hand_over(stream, &taken).map_err(|_broken| Errno::NFile)?;
            *holds += taken.len();
            mode.parked += u32::try_from(taken.len()).expect("a batch is small");
        }
        report.total = mode.parked;
        Ok(report)
    }

    /// Gives a new descriptor its number.
    pub(crate) fn insert(&mut self, fd: OwnedFd, kind: Kind) -> Fd {
        let number = match self.mode {
            None => u32::try_from(fd.as_raw_fd()).expect("a descriptor is not negative"),
            Some(_) => self.lowest_free(),
        };
        self.free.remove(&number);
        self.uses += 1;
        self.entries.insert(number, Entry { fd: Some(Arc::new(fd)), kind, used: self.uses });
        Fd(number)
    }

    /// The descriptor of a number.
    pub(crate) fn get(&mut self, fd: Fd) -> Result<(Arc<OwnedFd>, Kind), Errno> {
        self.uses += 1;
        let entry = self.entries.get_mut(&fd.0).ok_or(Errno::BadF)?;
        entry.used = self.uses;
        // Handed over while idle and wanted again: the lab cannot give it back.
        let descriptor = entry.fd.clone().ok_or(Errno::NFile)?;
        Ok((descriptor, entry.kind))
    }

    /// Takes bytes of a file; how many there were.
    pub(crate) fn read_file(&mut self, fd: Fd, max: u32) -> Result<u32, Errno> {
        match &mut self.entries.get_mut(&fd.0).ok_or(Errno::BadF)?.kind {
            Kind::File { left, .. } => {
                let n = max.min(*left);
                *left -= n;
                Ok(n)
            }
            Kind::Tcp | Kind::Udp => Err(Errno::Inval),
        }
    }

    /// Back to the beginning of a file.
    pub(crate) fn rewind(&mut self, fd: Fd) -> Result<(), Errno> {
        match &mut self.entries.get_mut(&fd.0).ok_or(Errno::BadF)?.kind {
            Kind::File { size, left } => {
                *left = *size;
                Ok(())
            }
            Kind::Tcp | Kind::Udp => Err(Errno::Inval),
        }
    }

    /// Forgets a number; whoever gets the descriptor closes it by dropping it.
    pub(crate) fn remove(&mut self, fd: Fd) -> Result<Option<Arc<OwnedFd>>, Errno> {
        let entry = self.entries.remove(&fd.0).ok_or(Errno::BadF)?;
        if self.mode.is_some() {
            self.free.insert(fd.0);
            if entry.fd.is_none() {
                return Err(Errno::NFile);
            }
        }
        Ok(entry.fd)
    }
}

/// A process that holds descriptors until this end is closed.
fn helper() -> std::io::Result<(UnixStream, u32)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(stage::program()?);
    command.args(stage::arguments(stage::PARK)).stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    // The helper tells its process id as /proc shows it; the handle itself is not needed.
    drop(command.spawn()?);
    let mut stream = ours;
    let mut word = [0; 4];
    stream.read_exact(&mut word)?;
    Ok((stream, u32::from_ne_bytes(word)))
}

fn hand_over(stream: &mut UnixStream, fds: &[Arc<OwnedFd>]) -> std::io::Result<()> {
    let borrowed: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)), "the buffer was made for as many");
    rustix::net::sendmsg(&*stream, &[IoSlice::new(&[1])], &mut control, SendFlags::NOSIGNAL)?;
    // The answer bounds what is in flight, which counts against RLIMIT_NOFILE.
    stream.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn numbers_kept_here_are_the_lowest_free_and_end_at_the_limit() {
        let mut table = FdTable::parking(6, 1000);
        let file = Kind::File { size: 3, left: 3 };
        for number in 3..6 {
            assert!(table.prepare().unwrap().is_none());
            assert_eq!(table.insert(null(), file), Fd(number));
        }
        assert_eq!(table.prepare().unwrap_err(), Errno::MFile);
        assert_eq!((table.open(), table.read_file(Fd(4), 2), table.read_file(Fd(4), 2)), (6, Ok(2), Ok(1)));
        table.rewind(Fd(4)).unwrap();
        assert_eq!(table.read_file(Fd(4), 9), Ok(3));
        assert!(table.remove(Fd(4)).unwrap().is_some());
        assert_eq!(table.remove(Fd(4)).unwrap_err(), Errno::BadF);
        table.prepare().unwrap();
        assert_eq!(table.insert(null(), file), Fd(4));
        assert!(table.limit(5) && table.prepare().is_err());
    }

    #[test]
    fn numbers_of_the_kernel_are_taken_as_they_come() {
        let mut table = FdTable::direct();
        let fd = null();
        let raw = u32::try_from(fd.as_raw_fd()).unwrap();
        assert_eq!(table.insert(fd, Kind::Tcp), Fd(raw));
        assert!(table.get(Fd(raw)).is_ok() && !table.limit(5));
        assert_eq!(table.get(Fd(raw + 1)).unwrap_err(), Errno::BadF);
    }
}
