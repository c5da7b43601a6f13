//! The host counted by walking its tables: what the running gauges must equal.

use super::established_table::EstablishedEntry;
use super::host::{Gauges, Kernel};
use super::socket::SocketFlags;
use crate::tcp::TcpState;
use crate::units::Port;

/// What is in the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// The gauges, counted again.
    pub gauges: Gauges,
    /// Full sockets, requests and minisocks by state ([`TcpState`] as index).
    pub states: [u32; 11],
    /// Full sockets of any kind.
    pub sockets: u32,
    /// Minisocks.
    pub timewaits: u32,
    /// Request sockets.
    pub requests: u32,
    /// Entries of the established table.
    pub established: u32,
    /// Listening sockets.
    pub listeners: u32,
    /// Ports with a bucket in the bind table.
    pub bind_buckets: u32,
    /// Descriptors of processes that live.
    pub descriptors: u32,
}

impl Kernel {
    /// Counts what is there, table by table; slow.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = Census {
            sockets: self.sockets.len(),
            timewaits: self.timewaits.len(),
            requests: self.requests.len(),
            established: self.established.len(),
            listeners: self.listeners.len(),
            bind_buckets: self.bind.len(),
            descriptors: self.processes.iter().filter(|p| p.is_alive()).map(|p| p.fds().open_count()).sum(),
            ..Census::default()
        };
        let mut count = |state: TcpState| {
            if state != TcpState::Closed {
                census.states[state as usize] += 1;
            }
        };
        self.timewaits.iter().for_each(|(_, tw)| count(tw.sock.substate()));
        self.requests.iter().for_each(|_| count(TcpState::SynReceived));
        for (_, socket) in self.sockets.iter().filter(|(_, socket)| !socket.is_udp()) {
            count(socket.state());
        }
        let gauges = &mut census.gauges;
        for (_, socket) in self.sockets.iter() {
            if socket.is_udp() {
                gauges.udp_inuse += u32::from(socket.local_port() != Port::NONE);
                continue;
            }
            gauges.tcp_alloc += 1;
            let unaccepted = socket.flags.has(SocketFlags::UNACCEPTED);
            gauges.orphans += u32::from(socket.owner.is_none() && !unaccepted && socket.state() != TcpState::Closed);
        }
        let full = self.established.iter().filter_map(|row| match row.entry {
            EstablishedEntry::Full(id) => Some(id),
            EstablishedEntry::Request(_) | EstablishedEntry::TimeWait(_) => None,
        });
        for id in full.chain(self.listeners.iter().map(|listener| listener.socket)) {
            if self.socket(id).is_inet6() {
                gauges.tcp6_inuse += 1;
            } else {
                gauges.tcp_inuse += 1;
            }
        }
        census
    }
}
