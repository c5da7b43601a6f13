//! The port search of `connect()`, priced at its start and made at its end.

use super::bind_table::{BindFamily, BindOwner};
use super::config::PortRange;
use super::cost::CandidateCounts;
use super::host::Kernel;
use super::ports::{PortQuery, SearchPlan};
use super::socket::{Socket, SocketFlags};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, FourTuple, Port, ProcIx, SocketId};

/// SO_BINDTODEVICE is not modelled: every socket uses any device.
pub(crate) const ANY_DEVICE: u32 = 0;

impl Kernel {
    /// CPU time of a `connect()` by the state of the tables at its start. The
    /// plan is kept: if nothing relevant changes until the call takes effect,
    /// the search is not made again.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn connect_cost(&mut self, now: Instant, process: ProcIx, fd: Fd, addr: Endpoint) -> Duration {
        let cost = &self.config.cost;
        let other = Duration::from_nanos(u64::from(cost.call_ns(crate::app::CallName::Connect)));
        let base = cost.tcp_connect_ns(&CandidateCounts::default());
        let Ok(id) = self.fd_socket(process, fd) else { return other };
        let socket = self.socket(id);
        if socket.is_udp() || socket.state() != TcpState::Closed {
            return other;
        }
        if socket.local_port() != Port::NONE {
            return Duration::from_nanos(base);
        }
        let Ok(tuple) = self.connect_tuple(socket, addr) else { return other };
        let range = socket.local_port_range();
        let plan = self.plan_connect(now, id, tuple, range);
        let counts = CandidateCounts {
            reserved: plan.inspected.reserved,
            bound: plan.inspected.bound,
            taken: plan.inspected.in_use + plan.inspected.timewait,
            chosen: plan.inspected.unique,
        };
        self.planned = Some((id, plan));
        Duration::from_nanos(self.config.cost.tcp_connect_ns(&counts))
    }

    /// What the search does now for this socket, whose `IP_LOCAL_PORT_RANGE` is `socket_range`.
    pub(crate) fn plan_connect(
        &mut self,
        now: Instant,
        id: SocketId,
        tuple: FourTuple,
        socket_range: Option<PortRange>,
    ) -> SearchPlan {
        let kept = self.planned.take().filter(|(socket, _)| *socket == id);
        let query = PortQuery {
            device: ANY_DEVICE,
            source: tuple.local.addr(),
            destination: tuple.remote,
            range: self.config.sysctls.ip_local_port_range(),
            socket_range,
            reserved: &self.reserved,
            now,
        };
        if let Some((_, plan)) = kept
            && self.ports.is_current(&plan, &query, &self.bind)
        {
            return plan;
        }
        self.ports.plan(&query, &self.bind)
    }
}

impl Socket {
    /// `IP_LOCAL_PORT_RANGE`.
    pub(crate) fn local_port_range(&self) -> Option<PortRange> {
        self.rare.as_ref()?.local_port_range
    }

    /// What the bind table knows this socket as.
    pub(crate) fn bind_owner(&self) -> BindOwner {
        BindOwner {
            addr: self.tuple.local.addr(),
            family: match (self.is_inet6(), self.flags.has(SocketFlags::V6ONLY)) {
                (false, _) => BindFamily::Inet,
                (true, false) => BindFamily::Inet6,
                (true, true) => BindFamily::Inet6Only,
            },
            reuse_addr: self.flags.has(SocketFlags::REUSEADDR),
            reuse_port: self.flags.has(SocketFlags::REUSEPORT),
            listening: self.listen().is_some(),
            explicit: self.flags.has(SocketFlags::BOUND),
        }
    }
}
