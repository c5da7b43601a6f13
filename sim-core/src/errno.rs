//! Linux error numbers: outcomes inside the simulated world.

use core::fmt;

macro_rules! errnos {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $text:literal;)*) => {
        /// A Linux `errno` (numbers of x86 and arm64, `asm-generic/errno*.h`).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        #[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
        pub enum Errno { $(#[doc = concat!("`", $name, "`: ", $text, ".")] $variant = $number,)* }

        impl Errno {
            /// Every errno the simulator knows, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The symbol, `EADDRNOTAVAIL`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// glibc's `strerror` text.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$variant => $text,)* } }
        }
    };
}

errnos! {
    Perm = 1, "EPERM", "Operation not permitted";
    NoEnt = 2, "ENOENT", "No such file or directory";
    Srch = 3, "ESRCH", "No such process";
    Intr = 4, "EINTR", "Interrupted system call";
    Io = 5, "EIO", "Input/output error";
    BadF = 9, "EBADF", "Bad file descriptor";
    Again = 11, "EAGAIN", "Resource temporarily unavailable";
    NoMem = 12, "ENOMEM", "Cannot allocate memory";
    Acces = 13, "EACCES", "Permission denied";
    Fault = 14, "EFAULT", "Bad address";
    Exist = 17, "EEXIST", "File exists";
    Inval = 22, "EINVAL", "Invalid argument";
    NFile = 23, "ENFILE", "Too many open files in system";
    MFile = 24, "EMFILE", "Too many open files";
    Pipe = 32, "EPIPE", "Broken pipe";
    Domain = 33, "EDOM", "Numerical argument out of domain";
    Range = 34, "ERANGE", "Numerical result out of range";
    NoNet = 64, "ENONET", "Machine is not on the network";
    Proto = 71, "EPROTO", "Protocol error";
    NotSock = 88, "ENOTSOCK", "Socket operation on non-socket";
    DestAddrReq = 89, "EDESTADDRREQ", "Destination address required";
    MsgSize = 90, "EMSGSIZE", "Message too long";
    ProtoType = 91, "EPROTOTYPE", "Protocol wrong type for socket";
    NoProtoOpt = 92, "ENOPROTOOPT", "Protocol not available";
    ProtoNoSupport = 93, "EPROTONOSUPPORT", "Protocol not supported";
    OpNotSupp = 95, "EOPNOTSUPP", "Operation not supported";
    AfNoSupport = 97, "EAFNOSUPPORT", "Address family not supported by protocol";
    AddrInUse = 98, "EADDRINUSE", "Address already in use";
    AddrNotAvail = 99, "EADDRNOTAVAIL", "Cannot assign requested address";
    NetDown = 100, "ENETDOWN", "Network is down";
    NetUnreach = 101, "ENETUNREACH", "Network is unreachable";
    ConnAborted = 103, "ECONNABORTED", "Software caused connection abort";
    ConnReset = 104, "ECONNRESET", "Connection reset by peer";
    NoBufs = 105, "ENOBUFS", "No buffer space available";
    IsConn = 106, "EISCONN", "Transport endpoint is already connected";
    NotConn = 107, "ENOTCONN", "Transport endpoint is not connected";
    TimedOut = 110, "ETIMEDOUT", "Connection timed out";
    ConnRefused = 111, "ECONNREFUSED", "Connection refused";
    HostDown = 112, "EHOSTDOWN", "Host is down";
    HostUnreach = 113, "EHOSTUNREACH", "No route to host";
    Already = 114, "EALREADY", "Operation already in progress";
    InProgress = 115, "EINPROGRESS", "Operation now in progress";
}

impl Errno {
    /// The number, positive: 99 for [`Errno::AddrNotAvail`].
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
    /// The errno with this symbol.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.name() == name)
    }
}
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_linux() {
        assert_eq!(Errno::AddrNotAvail.number(), 99);
        assert_eq!(Errno::MFile.number(), 24);
        assert_eq!(Errno::from_name("EINPROGRESS"), Some(Errno::InProgress));
        assert!(Errno::ALL.windows(2).all(|w| w[0].number() < w[1].number()));
    }
}
