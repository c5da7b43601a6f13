//! `/proc/net/sockstat`: simulated sockets and the unrelated ones together.

use super::host::Kernel;

/// The counts that `ss -s` prints, unrelated sockets included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockStats {
    /// `sockets: used`.
    pub used: u32,
    /// `TCP: inuse`.
    pub tcp_inuse: u32,
    /// `TCP6: inuse`.
    pub tcp6_inuse: u32,
    /// `TCP: orphan`.
    pub orphan: u32,
    /// `TCP: tw`.
    pub tw: u32,
    /// `TCP: alloc`.
    pub alloc: u32,
    /// `UDP: inuse`.
    pub udp_inuse: u32,
    /// `UDP6: inuse`.
    pub udp6_inuse: u32,
    /// `RAW: inuse`.
    pub raw_inuse: u32,
    /// `RAW6: inuse`.
    pub raw6_inuse: u32,
    /// `Tcp: CurrEstab`.
    pub curr_estab: u32,
}

impl SockStats {
    /// `closed` of `ss -s`: `alloc + tw - inuse` (iproute2 `misc/ss.c`).
    #[must_use]
    pub const fn closed(&self) -> u32 {
        (self.alloc + self.tw).saturating_sub(self.tcp_inuse + self.tcp6_inuse)
    }
}

impl Kernel {
    /// Current counts of `/proc/net/sockstat`, `sockstat6` and CurrEstab.
    #[must_use]
    pub fn sockstats(&self) -> SockStats {
        let gauges = self.gauges;
        let other = &self.config.unrelated;
        SockStats {
            // sk_alloc and sk_clone count every full socket, with or without a file.
            used: self.sockets.len() + other.total(),
            tcp_inuse: gauges.tcp_inuse + other.tcp_ipv4,
            tcp6_inuse: gauges.tcp6_inuse + other.tcp_ipv6,
            orphan: gauges.orphans,
            tw: self.timewaits.len(),
            alloc: gauges.tcp_alloc + other.tcp_ipv4 + other.tcp_ipv6 + other.tcp_unhashed,
            udp_inuse: gauges.udp_inuse + other.udp_ipv4,
            udp6_inuse: other.udp_ipv6,
            raw_inuse: other.raw_ipv4,
            raw6_inuse: other.raw_ipv6,
            curr_estab: self.curr_estab() + other.tcp_established,
        }
    }
}
