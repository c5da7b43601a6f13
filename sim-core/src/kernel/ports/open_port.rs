//! The search of `bind(0)` and of `listen()` without a port
//! (`inet_csk_find_open_port`).

use super::{Inspected, ReservedPorts, effective_range};
use crate::kernel::bind_table::{BindOwner, BindTable, Strictness};
use crate::kernel::config::PortRange;
use crate::rng::SimRng;
use crate::units::Port;

/// A socket that asks for any port.
#[derive(Clone, Copy, Debug)]
pub struct OpenPortQuery<'a> {
    /// What it would own the port as.
    pub owner: BindOwner,
    /// `net.ipv4.ip_local_port_range`.
    pub range: PortRange,
    /// IP_LOCAL_PORT_RANGE of the socket (Linux 6.3), if set.
    pub socket_range: Option<PortRange>,
    /// `net.ipv4.ip_local_reserved_ports`.
    pub reserved: &'a ReservedPorts,
    /// `net.ipv4.ip_autobind_reuse` (Linux 5.7).
    pub autobind_reuse: bool,
}

/// What the search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenPortSearch {
    /// The port; `None` is EADDRINUSE. Own it with [`BindTable::take_bound`].
    pub port: Option<Port>,
    /// The candidates looked at; those in conflict count as `bound`.
    pub inspected: Inspected,
}

/// Finds a port nobody objects to: from a random place, the parity that `connect()`
/// does not prefer first; with SO_REUSEADDR the lower half of the range first, and
/// with `ip_autobind_reuse` once more, sharing allowed.
pub fn find_open_port(query: &OpenPortQuery<'_>, bind: &BindTable, rng: &mut SimRng) -> OpenPortSearch {
    let range = effective_range(query.range, query.socket_range);
    let (low, end) = (u32::from(range.low.0), u32::from(range.high.0) + 1);
    let middle = low + ((end - low) >> 2 << 1);
    let halves: &[(u32, u32)] =
        if query.owner.reuse_addr && end - low >= 4 { &[(low, middle), (middle, end)] } else { &[(low, end)] };
    let rounds: &[Strictness] = if query.autobind_reuse {
        &[Strictness::Automatic, Strictness::AutomaticRelaxed]
    } else {
        &[Strictness::Automatic]
    };
    let mut inspected = Inspected::default();
    for &strictness in rounds {
        for &(low, end) in halves {
            let mut scan = HalfScan { query, bind, strictness, low, end, inspected: &mut inspected };
            if let Some(port) = scan.run(rng) {
                let shared = u32::from(bind.has_bucket(port));
                inspected.unique = shared;
                inspected.no_bucket = 1 - shared;
                return OpenPortSearch { port: Some(port), inspected };
            }
        }
    }
    OpenPortSearch { port: None, inspected }
}

struct HalfScan<'a> {
    query: &'a OpenPortQuery<'a>,
    bind: &'a BindTable,
    strictness: Strictness,
    low: u32,
    end: u32,
    inspected: &'a mut Inspected,
}

impl HalfScan<'_> {
    fn run(&mut self, rng: &mut SimRng) -> Option<Port> {
        let size = self.end - self.low;
        let remaining = if size > 1 { size & !1 } else { size };
        let odd = rng.below(remaining) | 1;
        self.pass(odd, remaining).or_else(|| self.pass(odd - 1, remaining))
    }

    fn pass(&mut self, offset: u32, remaining: u32) -> Option<Port> {
        let mut port = self.low + offset;
        for _ in 0..remaining.div_ceil(2) {
            if port >= self.end {
                port -= remaining;
            }
            let candidate = Port(u16::try_from(port).expect("candidates lie in the range"));
            self.inspected.total += 1;
            if self.query.reserved.contains(candidate) {
                self.inspected.reserved += 1;
            } else if self.bind.conflicts(candidate, self.query.owner, self.strictness) {
                self.inspected.bound += 1;
            } else {
                return Some(candidate);
            }
            port += 2;
        }
        None
    }
}
