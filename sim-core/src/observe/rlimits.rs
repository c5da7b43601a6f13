//! The sixteen resource limits of a process (`getrlimit(2)`).

use crate::app::Limits;

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident, $label:literal, $unit:expr;)*) => {
        /// A resource with a soft and a hard limit, in the order of `asm-generic/resource.h`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Resource { $($(#[$doc])* $variant,)* }

        impl Resource {
            /// All of them, as `/proc/PID/limits` lists them.
            pub const ALL: [Self; 16] = [$(Self::$variant,)*];
            /// The name in `/proc/PID/limits` (`fs/proc/base.c`, `lnames`).
            #[must_use]
            pub const fn label(self) -> &'static str { match self { $(Self::$variant => $label,)* } }
            /// The unit `/proc/PID/limits` prints, if it prints one.
            #[must_use]
            pub const fn unit(self) -> Option<&'static str> { match self { $(Self::$variant => $unit,)* } }
        }
    };
}

resources! {
    /// `RLIMIT_CPU`, seconds.
    Cpu, "Max cpu time", Some("seconds");
    /// `RLIMIT_FSIZE`, bytes.
    FileSize, "Max file size", Some("bytes");
    /// `RLIMIT_DATA`, bytes.
    Data, "Max data size", Some("bytes");
    /// `RLIMIT_STACK`, bytes.
    Stack, "Max stack size", Some("bytes");
    /// `RLIMIT_CORE`, bytes.
    Core, "Max core file size", Some("bytes");
    /// `RLIMIT_RSS`, bytes.
    Rss, "Max resident set", Some("bytes");
    /// `RLIMIT_NPROC`, processes.
    Processes, "Max processes", Some("processes");
    /// `RLIMIT_NOFILE`, one more than the highest descriptor.
    NoFile, "Max open files", Some("files");
    /// `RLIMIT_MEMLOCK`, bytes.
    MemLock, "Max locked memory", Some("bytes");
    /// `RLIMIT_AS`, bytes.
    AddressSpace, "Max address space", Some("bytes");
    /// `RLIMIT_LOCKS`, locks.
    Locks, "Max file locks", Some("locks");
    /// `RLIMIT_SIGPENDING`, signals.
    SigPending, "Max pending signals", Some("signals");
    /// `RLIMIT_MSGQUEUE`, bytes.
    MsgQueue, "Max msgqueue size", Some("bytes");
    /// `RLIMIT_NICE`.
    Nice, "Max nice priority", None;
    /// `RLIMIT_RTPRIO`.
    RealTimePriority, "Max realtime priority", None;
    /// `RLIMIT_RTTIME`, microseconds.
    RealTimeTimeout, "Max realtime timeout", Some("us");
}

/// `RLIM_INFINITY`: printed as `unlimited`.
pub const UNLIMITED: u64 = u64::MAX;

/// A process's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rlimits([Limits; 16]);

impl Rlimits {
    /// The kernel's own defaults (`asm-generic/resource.h`, `INIT_RLIMITS`):
    /// everything unlimited but stack, core, descriptors, locked memory,
    /// message queues and priorities; `pending` is half of `threads-max`.
    #[must_use]
    pub const fn kernel(pending: u64) -> Self {
        const fn both(n: u64) -> Limits {
            Limits { soft: n, hard: n }
        }
        const fn to_unlimited(soft: u64) -> Limits {
            Limits { soft, hard: UNLIMITED }
        }
        let mut limits = [both(UNLIMITED); 16];
        limits[Resource::Stack as usize] = to_unlimited(8 << 20);
        limits[Resource::Core as usize] = to_unlimited(0);
        limits[Resource::Processes as usize] = both(pending);
        limits[Resource::NoFile as usize] = Limits { soft: 1024, hard: 4096 };
        // 64 KiB before Linux 5.16, 8 MiB since.
        limits[Resource::MemLock as usize] = both(64 << 10);
        limits[Resource::SigPending as usize] = both(pending);
        limits[Resource::MsgQueue as usize] = both(819_200);
        limits[Resource::Nice as usize] = both(0);
        limits[Resource::RealTimePriority as usize] = both(0);
        Self(limits)
    }

    /// What the container runtime of Amazon Linux 2 gives a container, but for
    /// descriptors (32768:65536 by its own default).
    #[must_use]
    pub const fn container(pending: u64, nofile: Limits) -> Self {
        let mut limits = Self::kernel(pending);
        limits.0[Resource::Stack as usize] = Limits { soft: 10 << 20, hard: 10 << 20 };
        limits.0[Resource::Core as usize] = Limits { soft: UNLIMITED, hard: UNLIMITED };
        limits.0[Resource::Processes as usize] = Limits { soft: UNLIMITED, hard: UNLIMITED };
        limits.0[Resource::MemLock as usize] = Limits { soft: UNLIMITED, hard: UNLIMITED };
        limits.0[Resource::NoFile as usize] = nofile;
        limits
    }

    /// A root shell whose `limits.conf` lifts processes, locked memory and
    /// descriptors, as on the host of the write-up.
    #[must_use]
    pub const fn root_shell(pending: u64, nofile: Limits) -> Self {
        let mut limits = Self::kernel(pending);
        limits.0[Resource::Processes as usize] = Limits { soft: UNLIMITED, hard: UNLIMITED };
        limits.0[Resource::MemLock as usize] = Limits { soft: UNLIMITED, hard: UNLIMITED };
        limits.0[Resource::NoFile as usize] = nofile;
        limits
    }

    /// Half of `threads-max`, the default of `RLIMIT_SIGPENDING` and
    /// `RLIMIT_NPROC` (`kernel/fork.c`, `fork_init`): threads may fill an
    /// eighth of RAM with 16-KiB kernel stacks. `usable_ram` is what the kernel
    /// did not keep for itself, in bytes.
    #[must_use]
    pub const fn pending_for(usable_ram: u64) -> u64 {
        usable_ram / (8 * (16 << 10)) / 2
    }

    /// One pair.
    #[must_use]
    pub const fn get(&self, resource: Resource) -> Limits {
        self.0[resource as usize]
    }

    /// Replaces one pair.
    pub const fn set(&mut self, resource: Resource, limits: Limits) {
        self.0[resource as usize] = limits;
    }
}

impl Default for Rlimits {
    /// The kernel's defaults on the 8-GiB instance of the write-up.
    fn default() -> Self {
        Self::kernel(30_446)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_numbered_as_in_the_kernel() {
        assert_eq!(Resource::NoFile as usize, 7);
        assert_eq!(Resource::RealTimeTimeout as usize, 15);
        assert!(Resource::ALL.iter().enumerate().all(|(ix, &resource)| resource as usize == ix));
    }

    #[test]
    fn pending_signals_of_the_write_up_are_those_of_an_8_gib_instance() {
        let usable = 30_446 * 2 * 8 * (16 << 10);
        assert_eq!(Rlimits::pending_for(usable), 30_446);
        assert!(usable < 8 << 30 && usable > 7 << 30);
    }
}
