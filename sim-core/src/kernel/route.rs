//! Source addresses, path MSS, initial sequence numbers.

use super::host::Kernel;
use super::request_sock::CookieJar;
use super::siphash::{LastHash, SipKey, siphash_3u32};
use crate::time::Instant;
use crate::units::{FourTuple, Ipv4Addr};
use crate::wire::SeqNum;

/// MTU of the loopback device.
const LOOPBACK_MTU: u16 = u16::MAX;
/// MTU of an Ethernet device.
pub(super) const ETHERNET_MTU: u16 = 1500;
/// IPv4 and TCP headers without options.
const HEADERS: u16 = 40;

impl Kernel {
    /// The source address for a destination: 127.0.0.1 for 127/8, the address
    /// itself for one of our own, else the host's first address
    /// (`ip_route_output_key_hash`, preferred source of the local table).
    pub(crate) fn source_for(&self, dst: Ipv4Addr) -> Option<Ipv4Addr> {
        if dst.is_loopback() || dst.is_unspecified() {
            Some(Ipv4Addr::LOCALHOST)
        } else if self.config.addrs.contains(&dst) {
            Some(dst)
        } else {
            self.config.addrs.first().copied()
        }
    }

    /// The MSS to announce towards a destination, without options.
    pub(crate) fn route_mss(&self, dst: Ipv4Addr) -> u16 {
        let mtu = if self.is_local(dst) { LOOPBACK_MTU } else { self.mtu };
        mtu - HEADERS
    }

    /// RFC 6528, Linux `secure_tcp_seq`: a keyed hash of the 4-tuple plus a
    /// clock that ticks every 64 ns.
    pub(crate) fn initial_sequence(&self, now: Instant, tuple: FourTuple) -> SeqNum {
        let words = [
            tuple.local.addr().to_bits(),
            tuple.remote.addr().to_bits(),
            u32::from(tuple.local.port().0) << 16 | u32::from(tuple.remote.port().0),
        ];
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are modulo 2^32")]
        let number = (siphash_3u32(words, self.secrets.sequence) as u32).wrapping_add((now.nanos() >> 6) as u32);
        SeqNum(number)
    }

    /// Linux `secure_tcp_ts_off`: per pair of addresses.
    pub(crate) fn timestamp_offset(&mut self, tuple: FourTuple) -> u32 {
        let [local, remote] = [tuple.local, tuple.remote].map(|end| end.addr().to_bits());
        let Secrets { timestamp, last_offset, .. } = &mut self.secrets;
        let hash = last_offset.of([local, remote, 0, 0], || siphash_3u32([local, remote, 0], *timestamp));
        #[expect(clippy::cast_possible_truncation, reason = "timestamps are modulo 2^32")]
        let offset = hash as u32;
        offset
    }
}

/// Keys of a host's hashes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    sequence: SipKey,
    timestamp: SipKey,
    last_offset: LastHash,
    /// SYN cookies.
    pub(crate) cookie: CookieJar,
    /// The established table's.
    pub(crate) ehash: u64,
}

impl Secrets {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self {
            sequence: SipKey::from_seed(seed, u64::from_be_bytes(*b"net_secr")),
            timestamp: SipKey::from_seed(seed, u64::from_be_bytes(*b"ts_secre")),
            last_offset: LastHash::default(),
            cookie: CookieJar {
                keys: [*b"cookie_0", *b"cookie_1"].map(|name| SipKey::from_seed(seed, u64::from_be_bytes(name))),
            },
            ehash: seed ^ u64::from_be_bytes(*b"ehashsec"),
        }
    }
}
