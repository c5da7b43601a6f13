//! Which calls are the world's own: time, threads and ends, nothing of the
//! network stack.

use crate::app::Call;
use crate::time::Duration;

/// A call the world answers itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WorldCall {
    Sleep(Duration),
    FutexWait(Option<Duration>),
    Spawn(u64),
    Compute,
    ExitTask,
    ExitProcess(u32),
}

impl WorldCall {
    /// `None`: the call is the kernel's.
    pub(super) const fn of(call: &Call) -> Option<Self> {
        match call {
            Call::Nanosleep { duration } => Some(Self::Sleep(*duration)),
            Call::FutexWait { timeout } => Some(Self::FutexWait(*timeout)),
            Call::Spawn { token } => Some(Self::Spawn(*token)),
            Call::Compute { .. } => Some(Self::Compute),
            Call::ExitTask => Some(Self::ExitTask),
            Call::ExitProcess { status } => Some(Self::ExitProcess(*status)),
            Call::Socket { .. }
            | Call::Bind { .. }
            | Call::Listen { .. }
            | Call::Accept { .. }
            | Call::Connect { .. }
            | Call::Send { .. }
            | Call::Recv { .. }
            | Call::Sendmmsg { .. }
            | Call::SendTo { .. }
            | Call::Shutdown { .. }
            | Call::Close { .. }
            | Call::Poll { .. }
            | Call::SetNonblock { .. }
            | Call::GetFl { .. }
            | Call::SetSockOpt { .. }
            | Call::GetSockOpt { .. }
            | Call::GetSockName { .. }
            | Call::GetPeerName { .. }
            | Call::IoctlFionread { .. }
            | Call::Open { .. }
            | Call::Read { .. }
            | Call::Write { .. }
            | Call::Fstat { .. }
            | Call::Stat { .. }
            | Call::Lseek { .. }
            | Call::Mprotect
            | Call::Getpid
            | Call::GetRlimit
            | Call::SetRlimit { .. } => None,
        }
    }
}
