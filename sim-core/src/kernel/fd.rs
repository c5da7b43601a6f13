//! A process's descriptor table (fs/file.c) and the host's count of open files
//! (fs/file_table.c).
//!
//! A slot costs 8 bytes, whether open or not; the lowest free number is found
//! as the kernel finds it: a hint below which everything is taken, a bitmap of
//! open descriptors, and a bitmap of its full words.

use crate::app::{FileKind, Limits};
use crate::errno::Errno;
use crate::units::{Fd, SocketId};

/// Flags of an open descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FdFlags {
    /// `O_NONBLOCK` (of the open file; the model has no `dup`).
    pub nonblock: bool,
    /// `FD_CLOEXEC`.
    pub cloexec: bool,
}

/// What a descriptor refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FdFile {
    /// A socket.
    Socket(SocketId),
    /// Any other file: index into the table's files.
    File(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Tag {
    Free,
    Socket,
    File,
}

/// One slot of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FdEntry {
    index: u32,
    flags: FdFlags,
    tag: Tag,
}

impl FdEntry {
    const FREE: Self = Self { index: 0, flags: FdFlags { nonblock: false, cloexec: false }, tag: Tag::Free };

    fn new(file: FdFile, flags: FdFlags) -> Self {
        match file {
            FdFile::Socket(id) => Self { index: id.0, flags, tag: Tag::Socket },
            FdFile::File(index) => Self { index, flags, tag: Tag::File },
        }
    }

    /// What it refers to; `None` for a free slot.
    #[must_use]
    pub const fn file(self) -> Option<FdFile> {
        match self.tag {
            Tag::Free => None,
            Tag::Socket => Some(FdFile::Socket(SocketId(self.index))),
            Tag::File => Some(FdFile::File(self.index)),
        }
    }

    /// Its flags.
    #[must_use]
    pub const fn flags(self) -> FdFlags {
        self.flags
    }
}

/// An open file that is no socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFile {
    /// What was opened.
    pub kind: FileKind,
    /// Read position in bytes.
    pub offset: u32,
}

impl OpenFile {
    /// `read()`: bytes taken, 0 at the end. Only `/etc/hosts` has contents.
    pub fn read(&mut self, max: u32) -> u32 {
        let len = match self.kind {
            FileKind::EtcHosts(len) => len,
            FileKind::Path(_) => 0,
        };
        let taken = len.saturating_sub(self.offset).min(max);
        self.offset += taken;
        taken
    }

    /// `lseek(SEEK_SET)`.
    pub fn seek(&mut self, offset: u32) {
        self.offset = offset;
    }

    /// The path, as `ls -l /proc/PID/fd` shows it.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        match self.kind {
            FileKind::EtcHosts(_) => "/etc/hosts",
            FileKind::Path(path) => path,
        }
    }
}

/// A process's open descriptors and its RLIMIT_NOFILE.
#[derive(Clone, Debug)]
pub struct FdTable {
    entries: Vec<FdEntry>,
    /// Bit per descriptor: open (`open_fds`).
    open_bits: Vec<u64>,
    /// Bit per word of `open_bits`: all 64 open (`full_fds_bits`).
    full_bits: Vec<u64>,
    /// No descriptor below is free (`next_fd`).
    next_fd: u32,
    open: u32,
    sockets: u32,
    limits: Limits,
    files: Vec<OpenFile>,
    free_files: Vec<u32>,
}

impl FdTable {
    /// The table of a new process: descriptors 0, 1 and 2 are `stdio`.
    #[must_use]
    pub fn new(limits: Limits, stdio: &'static str) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            open_bits: Vec::new(),
            full_bits: Vec::new(),
            next_fd: 0,
            open: 0,
            sockets: 0,
            limits,
            files: Vec::new(),
            free_files: Vec::new(),
        };
        for _ in 0..3 {
            let file = table.add_file(FileKind::Path(stdio));
            table.install(table.lowest_free(), FdEntry::new(FdFile::File(file), FdFlags::default()));
        }
        table
    }

    /// RLIMIT_NOFILE.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Open descriptors.
    #[must_use]
    pub const fn open_count(&self) -> u32 {
        self.open
    }

    /// Open descriptors that are sockets.
    #[must_use]
    pub const fn socket_count(&self) -> u32 {
        self.sockets
    }

    /// The number the next descriptor gets (`alloc_fd`).
    ///
    /// # Errors
    /// `EMFILE` if it is not below the soft limit or not below `fs.nr_open`.
    /// `socket`, `accept4` and `openat` ask this before they count the file
    /// ([`SystemFiles::acquire`]), so EMFILE goes before ENFILE.
    pub fn next_free(&self, nr_open: u32) -> Result<Fd, Errno> {
        let fd = self.lowest_free();
        if u64::from(fd) < self.limits.soft && fd < nr_open { Ok(Fd(fd)) } else { Err(Errno::MFile) }
    }

    /// Gives a descriptor that [`FdTable::next_free`] has found to a socket.
    pub(crate) fn install_socket(&mut self, fd: Fd, socket: SocketId, flags: FdFlags) {
        self.install(fd.0, FdEntry::new(FdFile::Socket(socket), flags));
    }

    /// Opens a descriptor for a file.
    ///
    /// # Errors
    /// As [`FdTable::next_free`].
    pub fn open_file(&mut self, kind: FileKind, flags: FdFlags, nr_open: u32) -> Result<Fd, Errno> {
        let fd = self.next_free(nr_open)?;
        let file = self.add_file(kind);
        self.install(fd.0, FdEntry::new(FdFile::File(file), flags));
        Ok(fd)
    }

    /// Closes a descriptor and says what it was.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn close(&mut self, fd: Fd) -> Result<FdFile, Errno> {
        let file = self.get(fd)?;
        match file {
            FdFile::Socket(_) => self.sockets -= 1,
            FdFile::File(index) => self.free_files.push(index),
        }
        self.open -= 1;
        self.entries[fd.index()] = FdEntry::FREE;
        let word = fd.index() / 64;
        self.open_bits[word] &= !(1 << (fd.index() % 64));
        self.full_bits[word / 64] &= !(1 << (word % 64));
        self.next_fd = self.next_fd.min(fd.0);
        Ok(file)
    }

    /// What a descriptor refers to.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn get(&self, fd: Fd) -> Result<FdFile, Errno> {
        self.entry(fd)?.file().ok_or(Errno::BadF)
    }

    /// The socket behind a descriptor.
    ///
    /// # Errors
    /// `EBADF` if it is not open, `ENOTSOCK` if it is no socket.
    pub fn socket(&self, fd: Fd) -> Result<SocketId, Errno> {
        match self.get(fd)? {
            FdFile::Socket(id) => Ok(id),
            FdFile::File(_) => Err(Errno::NotSock),
        }
    }

    /// The open file behind a descriptor.
    ///
    /// # Errors
    /// `EBADF` if it is not open; `EINVAL` if it is a socket, whose bytes are not kept here.
    pub fn file_mut(&mut self, fd: Fd) -> Result<&mut OpenFile, Errno> {
        match self.get(fd)? {
            FdFile::Socket(_) => Err(Errno::Inval),
            FdFile::File(index) => Ok(&mut self.files[index as usize]),
        }
    }

    /// A descriptor's flags.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn flags(&self, fd: Fd) -> Result<FdFlags, Errno> {
        self.get(fd)?;
        Ok(self.entries[fd.index()].flags)
    }

    /// `fcntl(F_SETFL)`: `O_NONBLOCK` on or off.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn set_nonblock(&mut self, fd: Fd, on: bool) -> Result<(), Errno> {
        self.get(fd)?;
        self.entries[fd.index()].flags.nonblock = on;
        Ok(())
    }

    /// `setrlimit(RLIMIT_NOFILE)` (`do_prlimit`). Open descriptors above the
    /// new limit stay open.
    ///
    /// # Errors
    /// `EINVAL` if soft exceeds hard; `EPERM` if hard exceeds `fs.nr_open`, or
    /// rises without CAP_SYS_RESOURCE.
    pub fn set_limits(&mut self, new: Limits, nr_open: u32, cap_sys_resource: bool) -> Result<(), Errno> {
        if new.soft > new.hard {
            return Err(Errno::Inval);
        }
        if new.hard > u64::from(nr_open) || new.hard > self.limits.hard && !cap_sys_resource {
            return Err(Errno::Perm);
        }
        self.limits = new;
        Ok(())
    }

    /// Open descriptors in ascending order, as `/proc/PID/fd` lists them.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, FdFile)> + '_ {
        self.entries.iter().enumerate().filter_map(|(fd, entry)| {
            let fd = Fd(u32::try_from(fd).expect("descriptors are below fs.nr_open"));
            entry.file().map(|file| (fd, file))
        })
    }

    /// The open file an [`FdFile::File`] names.
    #[must_use]
    pub fn file(&self, index: u32) -> Option<&OpenFile> {
        self.files.get(index as usize)
    }

    /// Bytes of memory the table uses.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<FdEntry>()
            + (self.open_bits.capacity() + self.full_bits.capacity()) * 8
            + self.files.capacity() * size_of::<OpenFile>()
            + self.free_files.capacity() * 4
    }

    fn entry(&self, fd: Fd) -> Result<FdEntry, Errno> {
        self.entries.get(fd.index()).copied().ok_or(Errno::BadF)
    }

    #[inline(never)]
    fn make_room(&mut self, slot: usize) {
        self.entries.resize(slot + 1, FdEntry::FREE);
        let word = slot / 64;
        if word >= self.open_bits.len() {
            self.open_bits.resize(word + 1, 0);
            self.full_bits.resize(word / 64 + 1, 0);
        }
    }

    fn add_file(&mut self, kind: FileKind) -> u32 {
        let file = OpenFile { kind, offset: 0 };
        if let Some(index) = self.free_files.pop() {
            self.files[index as usize] = file;
            return index;
        }
        self.files.push(file);
        u32::try_from(self.files.len() - 1).expect("descriptors are below fs.nr_open")
    }

    /// `find_next_fd`: the first zero bit at or after the hint.
    #[inline]
    fn lowest_free(&self) -> u32 {
        let start = self.next_fd as usize;
        let Some(&word) = self.open_bits.get(start / 64) else { return self.next_fd };
        let here = !word & !0 << (start % 64);
        if here != 0 {
            return bit_number(start / 64, here);
        }
        let from = start / 64 + 1;
        let mut chunk = from / 64;
        let mut mask = !0_u64 << (from % 64);
        while let Some(&full) = self.full_bits.get(chunk) {
            let open = !full & mask;
            if open != 0 {
                let word = chunk * 64 + open.trailing_zeros() as usize;
                return match self.open_bits.get(word) {
                    Some(&bits) => bit_number(word, !bits),
                    None => bit_number(word, 1),
                };
            }
            chunk += 1;
            mask = !0;
        }
        bit_number(self.open_bits.len(), 1)
    }

    #[inline]
    fn install(&mut self, fd: u32, entry: FdEntry) {
        let (slot, word) = (fd as usize, fd as usize / 64);
        if slot >= self.entries.len() {
            self.make_room(slot);
        }
        self.open_bits[word] |= 1 << (slot % 64);
        if self.open_bits[word] == !0 {
            self.full_bits[word / 64] |= 1 << (word % 64);
        }
        self.sockets += u32::from(entry.tag == Tag::Socket);
        self.open += 1;
        self.next_fd = fd + 1;
        self.entries[slot] = entry;
    }
}

fn bit_number(word: usize, bits: u64) -> u32 {
    u32::try_from(word * 64).expect("descriptors are below fs.nr_open") + bits.trailing_zeros()
}

/// The host's open files against `fs.file-max` (`alloc_empty_file`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SystemFiles {
    open: u64,
    old_max: u64,
    messages: u32,
}

impl SystemFiles {
    /// The count on a host where programs that are not simulated hold `open` files.
    #[must_use]
    pub const fn new(open: u64) -> Self {
        Self { open, old_max: 0, messages: 0 }
    }

    /// Files open, first number of `/proc/sys/fs/file-nr`.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.open
    }

    /// How often the kernel logged `VFS: file-max limit N reached`: once for
    /// each new height of the count.
    #[must_use]
    pub const fn messages(&self) -> u32 {
        self.messages
    }

    /// Counts one more open file.
    ///
    /// # Errors
    /// `ENFILE` at `fs.file-max`, unless the caller has CAP_SYS_ADMIN.
    pub fn acquire(&mut self, file_max: u64, cap_sys_admin: bool) -> Result<(), Errno> {
        if self.open >= file_max && !cap_sys_admin {
            if self.open > self.old_max {
                self.old_max = self.open;
                self.messages += 1;
            }
            return Err(Errno::NFile);
        }
        self.open += 1;
        Ok(())
    }

    /// Counts the `n` files a new process starts with: whoever starts it has
    /// opened them, so no limit is asked.
    pub fn inherit(&mut self, n: u64) {
        self.open += n;
    }

    /// Counts `n` files closed.
    ///
    /// # Panics
    /// If more are closed than were opened.
    pub fn release(&mut self, n: u64) {
        self.open = self.open.checked_sub(n).expect("a file is closed once");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{SimRng, Stream};
    use std::collections::BTreeSet;

    const NR_OPEN: u32 = 1_048_576;

    /// As `socket()` does.
    fn open_socket(table: &mut FdTable, socket: u32, flags: FdFlags, nr_open: u32) -> Result<Fd, Errno> {
        let fd = table.next_free(nr_open)?;
        table.install_socket(fd, SocketId(socket), flags);
        Ok(fd)
    }

    fn table(soft: u64) -> FdTable {
        FdTable::new(Limits { soft, hard: soft }, "/dev/pts/0")
    }
    fn open(table: &mut FdTable, socket: u32) -> Result<Fd, Errno> {
        open_socket(table, socket, FdFlags::default(), NR_OPEN)
    }

    #[test]
    fn a_slot_is_eight_bytes() {
        assert_eq!(size_of::<FdEntry>(), 8);
    }

    /// kernel-truth F1: soft limit 1024 leaves 1021 sockets.
    #[test]
    fn the_soft_limit_minus_three_sockets_fit() {
        let mut table = table(1024);
        for n in 0..1021 {
            assert_eq!(open(&mut table, n), Ok(Fd(n + 3)));
        }
        assert_eq!(open(&mut table, 0), Err(Errno::MFile));
        assert_eq!((table.open_count(), table.socket_count()), (1024, 1021));
        assert!(table.memory_bytes() < 20_000, "{}", table.memory_bytes());
    }

    #[test]
    fn nr_open_binds_below_the_soft_limit() {
        let mut table = table(1_000);
        assert_eq!(open_socket(&mut table, 0, FdFlags::default(), 4), Ok(Fd(3)));
        assert_eq!(open_socket(&mut table, 1, FdFlags::default(), 4), Err(Errno::MFile));
    }

    /// Against the set of free numbers itself, with holes in every place.
    #[test]
    fn always_the_lowest_free_number() {
        let mut rng = SimRng::new(5, Stream::Host(0));
        let mut table = table(20_000);
        let mut open_fds: BTreeSet<u32> = (0..3).collect();
        for round in 0..3_000_u32 {
            if rng.below(3) > 0 || open_fds.is_empty() {
                let lowest = (0..).find(|n| !open_fds.contains(n)).unwrap();
                assert_eq!(open(&mut table, round), Ok(Fd(lowest)));
                open_fds.insert(lowest);
            } else {
                let nth = rng.below(u32::try_from(open_fds.len()).unwrap());
                let fd = *open_fds.iter().nth(nth as usize).unwrap();
                table.close(Fd(fd)).unwrap();
                open_fds.remove(&fd);
            }
        }
        assert!(table.iter().map(|(fd, _)| fd.0).eq(open_fds.iter().copied()));
        assert_eq!(table.open_count() as usize, open_fds.len());
    }

    #[test]
    fn a_hole_far_below_is_filled_then_the_end_again() {
        let mut table = table(20_000);
        for n in 3..10_000 {
            open(&mut table, n).unwrap();
        }
        table.close(Fd(4_097)).unwrap();
        table.close(Fd(70)).unwrap();
        let next: Vec<_> = (0..3).map(|n| open(&mut table, n).unwrap().0).collect();
        assert_eq!(next, [70, 4_097, 10_000]);
    }

    #[test]
    fn the_hosts_file_is_read_to_its_end_and_its_descriptor_comes_back() {
        let mut table = table(32_768);
        let fd = table.open_file(FileKind::EtcHosts(605), FdFlags::default(), NR_OPEN).unwrap();
        let file = table.file_mut(fd).unwrap();
        assert_eq!([file.read(4096), file.read(4096)], [605, 0]);
        file.seek(600);
        assert_eq!(file.read(4096), 5);
        assert_eq!(table.socket(fd), Err(Errno::NotSock));
        let FdFile::File(index) = table.close(fd).unwrap() else { panic!("a file") };
        assert_eq!(open(&mut table, 9), Ok(fd));
        assert_eq!(table.file_mut(fd).err(), Some(Errno::Inval));
        assert_eq!(table.file(index).map(OpenFile::path), Some("/etc/hosts"), "freed files are only reused");
        assert_eq!(table.open_file(FileKind::Path("/dev/null"), FdFlags::default(), NR_OPEN), Ok(Fd(4)));
        assert_eq!(table.file(index).map(OpenFile::path), Some("/dev/null"));
    }

    #[test]
    fn closed_and_never_opened_numbers_are_bad() {
        let mut table = table(1024);
        assert_eq!(table.close(Fd(3)), Err(Errno::BadF));
        assert_eq!(table.socket(Fd(70_000)), Err(Errno::BadF));
        let fd = open(&mut table, 1).unwrap();
        table.close(fd).unwrap();
        assert_eq!(table.close(fd), Err(Errno::BadF));
        assert_eq!(table.flags(fd), Err(Errno::BadF));
        assert_eq!(table.set_nonblock(fd, true), Err(Errno::BadF));
    }

    #[test]
    fn flags_belong_to_the_descriptor() {
        let mut table = table(1024);
        let flags = FdFlags { nonblock: true, cloexec: true };
        let fd = open_socket(&mut table, 1, flags, NR_OPEN).unwrap();
        table.set_nonblock(fd, false).unwrap();
        assert_eq!(table.flags(fd), Ok(FdFlags { nonblock: false, cloexec: true }));
    }

    #[test]
    fn setrlimit_follows_do_prlimit() {
        let mut table = FdTable::new(Limits { soft: 1024, hard: 4096 }, "/dev/null");
        let mut set = |soft, hard, cap| table.set_limits(Limits { soft, hard }, NR_OPEN, cap);
        assert_eq!(set(5, 4, true), Err(Errno::Inval));
        assert_eq!(set(4096, 4096, false), Ok(()));
        assert_eq!(set(4096, 4097, false), Err(Errno::Perm));
        assert_eq!(set(65_535, 65_536, true), Ok(()));
        assert_eq!(set(0, u64::from(NR_OPEN) + 1, true), Err(Errno::Perm));
        assert_eq!(set(u64::MAX, u64::MAX, true), Err(Errno::Perm));
        assert_eq!(set(10, 20, false), Ok(()), "lowering needs no capability");
        assert_eq!(set(10, 21, false), Err(Errno::Perm), "and cannot be undone without one");
    }

    #[test]
    fn a_lowered_limit_keeps_what_is_open_and_refuses_more() {
        let mut table = table(1024);
        for n in 0..10 {
            open(&mut table, n).unwrap();
        }
        table.set_limits(Limits { soft: 5, hard: 1024 }, NR_OPEN, false).unwrap();
        assert_eq!(open(&mut table, 99), Err(Errno::MFile));
        table.close(Fd(4)).unwrap();
        assert_eq!(open(&mut table, 99), Ok(Fd(4)));
        assert_eq!(table.open_count(), 13);
    }

    #[test]
    fn file_max_spares_root_and_logs_once() {
        let mut files = SystemFiles::new(8);
        assert_eq!(files.acquire(10, false), Ok(()));
        assert_eq!(files.acquire(10, false), Ok(()));
        assert_eq!(files.acquire(10, false), Err(Errno::NFile));
        assert_eq!(files.acquire(10, false), Err(Errno::NFile));
        assert_eq!(files.messages(), 1);
        assert_eq!(files.acquire(10, true), Ok(()));
        assert_eq!((files.open(), files.acquire(10, false)), (11, Err(Errno::NFile)));
        assert_eq!(files.messages(), 2, "a new height is logged again");
        files.release(2);
        assert_eq!(files.acquire(10, false), Ok(()));
    }
}
