//! UDP, as far as a resolver needs it.

use std::collections::BTreeMap;

use super::effects::Effects;
use super::host::Kernel;
use super::packets::Ends;
use crate::app::Ret;
use crate::errno::Errno;
use crate::trace::Mib;
use crate::units::{Endpoint, Ipv4Addr, Port, SocketId};
use crate::wire::icmp::Quoted;
use crate::wire::{Body, Datagram, Packet, Payload};

/// UDP sockets by local port.
#[derive(Clone, Debug, Default)]
pub(crate) struct UdpTable {
    by_port: BTreeMap<Port, Vec<SocketId>>,
}

impl Kernel {
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn udp_bind(&mut self, id: SocketId, addr: Endpoint) -> Result<(), Errno> {
        if self.socket(id).local_port() != Port::NONE {
            return Err(Errno::Inval);
        }
        if !self.is_local(addr.addr()) {
            return Err(Errno::AddrNotAvail);
        }
        let port = if addr.port() == Port::NONE { self.udp_free_port()? } else { addr.port() };
        if self.udp.by_port.contains_key(&port) {
            return Err(Errno::AddrInUse);
        }
        self.udp.by_port.entry(port).or_default().push(id);
        self.socket_mut(id).tuple.local = Endpoint::on(addr.addr(), port);
        self.gauges.udp_inuse += 1;
        Ok(())
    }

    /// Linux `udp_lib_get_port`: a random start in the range, first free from there.
    fn udp_free_port(&mut self) -> Result<Port, Errno> {
        let range = self.config.sysctls.ip_local_port_range();
        let (low, high) = (range.low.0, range.high.0);
        let size = u32::from(high - low) + 1;
        let start = self.rng.below(size);
        (0..size)
            .map(|i| low + u16::try_from((start + i) % size).expect("below the size of a port range"))
            .map(Port)
            .find(|port| !self.udp.by_port.contains_key(port))
            .ok_or(Errno::AddrInUse)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn udp_connect(&mut self, id: SocketId, addr: Endpoint) -> Result<(), Errno> {
        let source = self.source_for(addr.addr()).ok_or(Errno::NetUnreach)?;
        self.udp_autobind(id)?;
        let socket = self.socket_mut(id);
        if socket.tuple.local.addr().is_unspecified() {
            socket.tuple.local = Endpoint::on(source, socket.tuple.local.port());
        }
        socket.tuple.remote = addr;
        Ok(())
    }

    fn udp_autobind(&mut self, id: SocketId) -> Result<(), Errno> {
        if self.socket(id).local_port() != Port::NONE {
            return Ok(());
        }
        let port = self.udp_free_port().map_err(|_| Errno::Again)?;
        self.udp.by_port.entry(port).or_default().push(id);
        let socket = self.socket_mut(id);
        socket.tuple.local = socket.tuple.local.with_port(port);
        self.gauges.udp_inuse += 1;
        Ok(())
    }

    pub(super) fn udp_send(
        &mut self,
        id: SocketId,
        to: Option<Endpoint>,
        data: Payload,
        fx: &mut Effects,
    ) -> Result<u32, Errno> {
        if let Some(errno) = self.socket_mut(id).udp_mut().and_then(|udp| udp.error.take()) {
            return Err(errno);
        }
        let connected = self.socket(id).tuple.remote;
        let remote = to.unwrap_or(connected);
        if remote.port() == Port::NONE {
            return Err(Errno::DestAddrReq);
        }
        let source = self.source_for(remote.addr()).ok_or(Errno::NetUnreach)?;
        self.udp_autobind(id)?;
        let local = self.socket(id).tuple.local;
        let src = if local.addr().is_unspecified() { source } else { local.addr() };
        self.mib.inc(Mib::UdpOutDatagrams);
        let len = data.len();
        let body = Body::Udp(Datagram { sport: local.port(), dport: remote.port(), payload: data });
        fx.send(Packet { src, dst: remote.addr(), body }, Ends::UNKNOWN);
        Ok(len)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn udp_recv(&mut self, id: SocketId, peek: bool) -> Result<Ret, Errno> {
        let udp = self.socket_mut(id).udp_mut().expect("a UDP socket has UDP state");
        if let Some(errno) = udp.error.take() {
            return Err(errno);
        }
        let (data, from) = if peek { udp.queue.front().cloned() } else { udp.queue.pop_front() }.ok_or(Errno::Again)?;
        Ok(Ret::Datagram(data, from))
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn udp_close(&mut self, id: SocketId) {
        let port = self.socket(id).local_port();
        if let Some(list) = self.udp.by_port.get_mut(&port) {
            list.retain(|&other| other != id);
            if list.is_empty() {
                self.udp.by_port.remove(&port);
            }
            self.gauges.udp_inuse -= 1;
        }
        self.sockets.remove(id.0);
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn on_datagram(&mut self, src: Ipv4Addr, dst: Ipv4Addr, datagram: Datagram, fx: &mut Effects) {
        let from = Endpoint::on(src, datagram.sport);
        let target = self.udp.by_port.get(&datagram.dport).and_then(|list| {
            list.iter().copied().find(|&id| {
                let tuple = self.socket(id).tuple;
                (tuple.local.addr().is_unspecified() || tuple.local.addr() == dst)
                    && (tuple.remote.port() == Port::NONE || tuple.remote == from)
            })
        });
        let Some(id) = target else {
            self.mib.inc(Mib::UdpNoPorts);
            let quoted = Quoted::Udp { sport: datagram.sport, dport: datagram.dport };
            self.unreachable(src, dst, quoted, fx);
            return;
        };
        self.mib.inc(Mib::UdpInDatagrams);
        let socket = self.socket_mut(id);
        socket.udp_mut().expect("a UDP socket has UDP state").queue.push_back((datagram.payload, from));
        socket.waiters.drain_into(&mut fx.wakes);
    }

    /// An ICMP error for a datagram we sent: only connected sockets hear of it.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn udp_error(&mut self, sport: Port, dport: Port, errno: Errno, fx: &mut Effects) {
        let Some(list) = self.udp.by_port.get(&sport) else { return };
        let Some(id) = list.iter().copied().find(|&id| self.socket(id).tuple.remote.port() == dport) else { return };
        let socket = self.socket_mut(id);
        socket.udp_mut().expect("a UDP socket has UDP state").error = Some(errno);
        socket.waiters.drain_into(&mut fx.wakes);
    }
}
