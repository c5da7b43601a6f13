//! What changed in `__inet_hash_connect` between kernels.

/// How a kernel chooses the source port of a `connect()`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PortSearchGeneration {
    /// One hint for all destinations: Linux 4.2 to 5.11, 5.10 up to 5.10.118.
    Global,
    /// A table of 256 hints (RFC 6056 algorithm 4): 5.12 to 5.17, 5.10.119 to 5.10.124.
    /// Where the first candidate is free, one in 16 searches skips one port more
    /// (mainline c579bd1b4021).
    Table256,
    /// A table of 65 536 hints, random increments, fresh salt every 10 s: 5.18 to
    /// 6.7, 5.10.125 and later in 5.10.
    Hardened,
    /// The same, and sockets with IP_LOCAL_PORT_RANGE search in steps of one port
    /// without preferring a parity: 6.8 and later.
    HardenedStepOne,
}

impl PortSearchGeneration {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::Global, Self::Table256, Self::Hardened, Self::HardenedStepOne];

    /// Distance between candidates of one pass.
    pub(super) const fn step(self, socket_range: bool) -> u32 {
        match self {
            Self::Global | Self::Table256 | Self::Hardened => 2,
            Self::HardenedStepOne => {
                if socket_range {
                    1
                } else {
                    2
                }
            }
        }
    }
}
