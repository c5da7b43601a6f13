//! Where connections begin and end: `socket`, `bind`, `listen`, `connect`, `accept`, `shutdown`, `close`.

use core::hint::cold_path;

use super::{Caller, Outcome};
use crate::app::{Domain, Ret, ShutdownHow, SockType};
use crate::errno::Errno;
use crate::kernel::bind_table::PortPrivilege;
use crate::kernel::config::PortRange;
use crate::kernel::connect::ANY_DEVICE;
use crate::kernel::effects::Effects;
use crate::kernel::established_table::EstablishedEntry;
use crate::kernel::fd::{FdFile, FdFlags};
use crate::kernel::host::Kernel;
use crate::kernel::lifecycle::apply;
use crate::kernel::listen_table::Listener;
use crate::kernel::ports::{OpenPortQuery, find_open_port};
use crate::kernel::socket::{ListenState, Owner, Socket, SocketFlags};
use crate::kernel::timewait::TwSuccessor;
use crate::tcp::{Cause, Tcb, TcpState, UserCall};
use crate::time::Instant;
use crate::trace::{Mib, RecordKind};
use crate::units::{Endpoint, Fd, FourTuple, Ipv4Addr, Port, ProcIx, SocketId, TwId};

impl Kernel {
    pub(super) fn sys_socket(
        &mut self,
        process: ProcIx,
        domain: Domain,
        ty: SockType,
        nonblock: bool,
    ) -> crate::app::CallResult {
        let dgram = ty == SockType::Dgram;
        // __sys_socket: the socket is made first, then get_unused_fd_flags, then the file.
        let fd = self.unused_fd(process)?;
        let ino = self.inode();
        let mut socket = Socket::new(Tcb::new_closed(&self.tcp_config), domain, dgram, ino);
        socket.owner = Some(Owner { process, fd });
        let id = SocketId(self.sockets.insert(socket));
        self.install(process, fd, id, nonblock);
        if !dgram {
            self.gauges.tcp_alloc += 1;
        }
        Ok(Ret::Fd(fd))
    }

    /// `alloc_empty_file`: one more of `fs.file-max`.
    pub(super) fn acquire_file(&mut self, process: ProcIx) -> Result<(), Errno> {
        let exempt = self.processes[process.index()].cap_sys_admin;
        self.files.acquire(self.config.sysctls.file_max(), exempt)
    }

    /// `get_unused_fd_flags`, and a file for it.
    fn unused_fd(&mut self, process: ProcIx) -> Result<Fd, Errno> {
        let fd = self.processes[process.index()].fds.next_free(self.config.sysctls.nr_open())?;
        self.acquire_file(process)?;
        Ok(fd)
    }

    fn install(&mut self, process: ProcIx, fd: Fd, id: SocketId, nonblock: bool) {
        let flags = FdFlags { nonblock, cloexec: false };
        self.processes[process.index()].fds.install_socket(fd, id, flags);
    }

    pub(super) fn sys_bind(&mut self, process: ProcIx, fd: Fd, addr: Endpoint) -> crate::app::CallResult {
        let id = self.fd_socket(process, fd)?;
        if self.socket(id).is_udp() {
            return self.udp_bind(id, addr).map(|()| Ret::Done);
        }
        let socket = self.socket(id);
        if socket.state() != TcpState::Closed || socket.local_port() != Port::NONE {
            return Err(Errno::Inval);
        }
        if !self.is_local(addr.addr()) {
            return Err(Errno::AddrNotAvail);
        }
        let no_port = socket.flags.has(SocketFlags::BIND_NO_PORT);
        let socket = self.socket_mut(id);
        socket.tuple.local = Endpoint::on(addr.addr(), socket.tuple.local.port());
        socket.flags.set(SocketFlags::BINDADDR_LOCK, !addr.addr().is_unspecified());
        if addr.port() == Port::NONE && no_port {
            return Ok(Ret::Done);
        }
        if let Err(errno) = self.get_port(process, id, addr.port()) {
            let socket = self.socket_mut(id);
            socket.tuple.local = Endpoint::ANY;
            socket.flags.set(SocketFlags::BINDADDR_LOCK, false);
            return Err(errno);
        }
        self.socket_mut(id).flags.set(SocketFlags::BINDPORT_LOCK, addr.port() != Port::NONE);
        Ok(Ret::Done)
    }

    /// `inet_csk_get_port`: an explicit port, or the `bind(0)` search.
    fn get_port(&mut self, process: ProcIx, id: SocketId, port: Port) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id.0).expect("caller holds the socket");
        socket.flags.set(SocketFlags::BOUND, true);
        let owner = socket.bind_owner();
        let sysctls = &self.config.sysctls;
        let taken = if port == Port::NONE {
            let query = OpenPortQuery {
                owner,
                range: sysctls.ip_local_port_range(),
                socket_range: socket.rare.as_ref().and_then(|rare| rare.local_port_range),
                reserved: &self.reserved,
                autobind_reuse: sysctls.ip_autobind_reuse() != 0,
            };
            let found = find_open_port(&query, &self.bind, &mut self.rng).port.ok_or(Errno::AddrInUse);
            found.inspect(|&port| self.bind.take_bound(port, owner))
        } else {
            let privilege = PortPrivilege {
                unprivileged_start: Port(u16::try_from(sysctls.ip_unprivileged_port_start()).unwrap_or(u16::MAX)),
                cap_net_bind_service: self.processes[process.index()].cap_sys_admin,
            };
            self.bind.bind(port, owner, privilege).map(|()| port)
        };
        let socket = self.sockets.get_mut(id.0).expect("caller holds the socket");
        match taken {
            Ok(port) => {
                socket.tuple.local = socket.tuple.local.with_port(port);
                socket.bucket = Some(owner);
                Ok(())
            }
            Err(errno) => {
                socket.flags.set(SocketFlags::BOUND, false);
                Err(errno)
            }
        }
    }

    pub(super) fn sys_listen(
        &mut self,
        caller: Caller,
        fd: Fd,
        backlog: u32,
        fx: &mut Effects,
    ) -> crate::app::CallResult {
        let process = caller.task.process;
        let id = self.fd_socket(process, fd)?;
        let backlog = backlog.min(self.config.sysctls.somaxconn().unsigned_abs());
        let socket = self.socket_mut(id);
        if socket.is_udp() {
            return Err(Errno::OpNotSupp);
        }
        if let Some(listen) = socket.listen_mut() {
            listen.backlog = backlog;
            return Ok(Ret::Done);
        }
        // inet_listen: SS_UNCONNECTED.
        if socket.state() != TcpState::Closed || socket.flags.has(SocketFlags::CONNECTED) {
            return Err(Errno::Inval);
        }
        if socket.local_port() == Port::NONE {
            self.get_port(process, id, Port::NONE)?;
        }
        let socket = self.sockets.get_mut(id.0).expect("a descriptor refers to it");
        let local = socket.tuple.local;
        if let Some(owner) = socket.bucket {
            socket.bucket = Some(self.bind.listen(local.port(), owner)?);
        }
        let socket = self.sockets.get_mut(id.0).expect("a descriptor refers to it");
        socket.tcb.listen(&mut self.scratch);
        socket.rare_mut().listen = Some(ListenState { backlog, ..ListenState::default() });
        apply(&mut self.scratch, id, socket, &mut self.mib, &mut self.state_counts, &mut self.processes, fx);
        let owner = self.socket(id).bind_owner();
        self.listeners.insert(Listener {
            socket: id,
            addr: local.addr(),
            port: local.port(),
            family: owner.family,
            reuse_port: owner.reuse_port,
        });
        let socket = self.sockets.get_mut(id.0).expect("a descriptor refers to it");
        socket.set_hashed(true, &mut self.gauges, &mut self.processes);
        Ok(Ret::Done)
    }

    pub(super) fn sys_connect(&mut self, caller: Caller, fd: Fd, addr: Endpoint, fx: &mut Effects) -> Outcome {
        let id = match self.fd_socket(caller.task.process, fd) {
            Ok(id) => id,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        let socket = self.socket(id);
        if socket.is_udp() {
            return self.udp_connect(id, addr).map(|()| Ret::Done).into();
        }
        let nonblock = self.processes[caller.task.process.index()].nonblock(fd);
        let begun = socket.flags.has(SocketFlags::CONNECTING);
        if caller.first && !begun {
            // inet_stream_connect: SS_UNCONNECTED with a fresh socket, or EISCONN.
            if socket.state() != TcpState::Closed || socket.flags.has(SocketFlags::CONNECTED) {
                return Outcome::Done(Err(Errno::IsConn));
            }
            if let Err(errno) = self.tcp_connect(caller.now, id, addr, fx) {
                return Outcome::Done(Err(errno));
            }
        }
        let socket = self.socket_mut(id);
        // The handshake is under way.
        if matches!(socket.state(), TcpState::SynSent | TcpState::SynReceived) {
            socket.flags.set(SocketFlags::CONNECTING, true);
            if caller.first && nonblock {
                return Outcome::Done(Err(if begun { Errno::Already } else { Errno::InProgress }));
            }
            let timeout = socket.rare.as_ref().and_then(|rare| rare.sndtimeo);
            return caller.block_on(socket, timeout);
        }
        socket.flags.set(SocketFlags::CONNECTING, false);
        if socket.state() == TcpState::Closed {
            cold_path();
            let error = self.take_error(caller.now, id, fx);
            return Outcome::Done(Err(error.unwrap_or(Errno::ConnAborted)));
        }
        socket.flags.set(SocketFlags::CONNECTED, true);
        Outcome::Done(Ok(Ret::Done))
    }

    /// `tcp_v4_connect`: source address, source port, tables, SYN.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn tcp_connect(&mut self, now: Instant, id: SocketId, addr: Endpoint, fx: &mut Effects) -> Result<(), Errno> {
        let socket = self.socket(id);
        let tuple = self.connect_tuple(socket, addr)?;
        let bound = tuple.local.port() != Port::NONE;
        let range = socket.local_port_range();
        let (local_port, inherited) = if bound {
            (tuple.local.port(), self.connect_bound(tuple, fx)?)
        } else {
            self.connect_search(now, id, tuple, range, fx)?
        };
        let tuple = FourTuple { local: tuple.local.with_port(local_port), ..tuple };
        let iss = inherited.map_or_else(|| self.initial_sequence(now, tuple), |old| old.iss);
        let (ts_offset, mss) = (self.timestamp_offset(tuple), self.route_mss(tuple.remote.addr()));
        let socket = self.sockets.get_mut(id.0).expect("a descriptor refers to it");
        socket.tuple = tuple;
        if let Some(old) = inherited {
            cold_path();
            socket.tcb.inherit_timewait(old.ts_recent, old.ts_recent_stamp);
        }
        let owner = socket.bind_owner();
        match socket.bucket.replace(owner) {
            Some(before) => {
                cold_path();
                self.bind.replace(local_port, before, owner);
            }
            None => self.bind.connect_take(local_port, owner),
        }
        self.established.insert(&tuple, EstablishedEntry::Full(id));
        if !owner.explicit {
            self.ports.note_used(ANY_DEVICE, &tuple);
        }
        socket.set_hashed(true, &mut self.gauges, &mut self.processes);
        let open = UserCall::Open { iss, ts_offset, mss };
        self.tcp_call(now, id, open, fx).map(|_| ())
    }

    /// Both ends but the source port: `ip_route_connect`.
    pub(crate) fn connect_tuple(&self, socket: &Socket, addr: Endpoint) -> Result<FourTuple, Errno> {
        let remote_addr = if addr.addr().is_unspecified() { Ipv4Addr::LOCALHOST } else { addr.addr() };
        // RFC 9293 §3.9.1.1; tcp_v4_connect: RTCF_MULTICAST | RTCF_BROADCAST.
        if remote_addr.is_multicast() || remote_addr.is_broadcast() {
            cold_path();
            return Err(Errno::NetUnreach);
        }
        let source = if socket.tuple.local.addr().is_unspecified() {
            self.source_for(remote_addr).ok_or(Errno::NetUnreach)?
        } else {
            socket.tuple.local.addr()
        };
        // __mkroute_output: a loopback source leaves by no other device.
        if source.is_loopback() && !self.is_local(remote_addr) {
            cold_path();
            return Err(Errno::Inval);
        }
        Ok(FourTuple {
            local: Endpoint::on(source, socket.local_port()),
            remote: Endpoint::on(remote_addr, addr.port()),
        })
    }

    /// A socket with a port of its own only needs a unique 4-tuple
    /// (`__inet_check_established`, explicit port: TIME_WAIT may be taken over,
    /// whose successor's initial sequence number is returned).
    #[cold]
    #[inline(never)]
    fn connect_bound(&mut self, tuple: FourTuple, fx: &mut Effects) -> Result<Option<TwSuccessor>, Errno> {
        match self.established.get(&tuple) {
            None => Ok(None),
            Some(EstablishedEntry::TimeWait(tw)) => {
                let sock = &self.timewaits.get(tw.0).expect("the table refers to a live minisock").sock;
                if !self.may_be_reused(sock) {
                    return Err(Errno::AddrNotAvail);
                }
                Ok(Some(self.steal(tw, fx)))
            }
            Some(EstablishedEntry::Full(_) | EstablishedEntry::Request(_)) => Err(Errno::AddrNotAvail),
        }
    }

    /// `__inet_hash_connect`: the ephemeral port search.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn connect_search(
        &mut self,
        now: Instant,
        id: SocketId,
        tuple: FourTuple,
        range: Option<PortRange>,
        fx: &mut Effects,
    ) -> Result<(Port, Option<TwSuccessor>), Errno> {
        let plan = self.plan_connect(now, id, tuple, range);
        fx.record(RecordKind::PortPick {
            tuple: FourTuple { local: tuple.local.with_port(plan.port.unwrap_or(Port::NONE)), ..tuple },
            inspected: plan.inspected.total,
        });
        let Some(port) = plan.port else { return Err(Errno::AddrNotAvail) };
        let taken = FourTuple { local: tuple.local.with_port(port), ..tuple };
        let inherited = match self.established.get(&taken) {
            Some(EstablishedEntry::TimeWait(tw)) => Some(self.steal(tw, fx)),
            Some(EstablishedEntry::Full(_) | EstablishedEntry::Request(_)) | None => None,
        };
        debug_assert_eq!(inherited.is_some(), plan.steals, "the port index and the table agree");
        self.ports.commit(&plan, &mut self.rng);
        Ok((port, inherited))
    }

    /// Takes a minisock's place (`tcp_twsk_unique`): returns where the new
    /// connection's sequence numbers begin.
    #[cold]
    #[inline(never)]
    fn steal(&mut self, tw: TwId, fx: &mut Effects) -> TwSuccessor {
        let sock = &self.timewaits.get(tw.0).expect("the search found a live minisock").sock;
        let inherited = sock.successor().expect("only minisocks with timestamps are taken over");
        self.mib.inc(Mib::TWRecycled);
        self.timewait_kill(tw, Cause::ActiveOpen, fx);
        inherited
    }

    pub(super) fn sys_accept(&mut self, caller: Caller, fd: Fd, nonblock: bool) -> Outcome {
        let process = caller.task.process;
        let id = match self.fd_socket(process, fd) {
            Ok(id) => id,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        let socket = self.sockets.get_mut(id.0).expect("a descriptor refers to it");
        let Some(listen) = socket.listen() else { return Outcome::Done(Err(Errno::Inval)) };
        let Some(&child) = listen.accept_queue.front() else {
            if self.processes[process.index()].nonblock(fd) {
                return Outcome::Done(Err(Errno::Again));
            }
            let timeout = socket.rare.as_ref().and_then(|rare| rare.rcvtimeo);
            return caller.block_on(socket, timeout);
        };
        // The descriptor comes first: without one the connection stays queued.
        let new_fd = match self.unused_fd(process) {
            Ok(new_fd) => new_fd,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        self.install(process, new_fd, child, nonblock);
        let listen = self.socket_mut(id).listen_mut().expect("looked at above");
        listen.accept_queue.pop_front();
        let ino = self.inode();
        let child = self.sockets.get_mut(child.0).expect("a listener's child lives");
        child.flags.set(SocketFlags::UNACCEPTED, false);
        child.flags.set(SocketFlags::CONNECTED, true);
        child.owner = Some(Owner { process, fd: new_fd });
        child.ino = ino;
        let tuple = child.tuple;
        if child.flags.has(SocketFlags::HASHED) {
            self.processes[process.index()].count_parity(tuple.local.port(), true);
        }
        Outcome::Done(Ok(Ret::Accepted(new_fd, tuple.remote)))
    }

    pub(super) fn sys_shutdown(
        &mut self,
        caller: Caller,
        fd: Fd,
        how: ShutdownHow,
        fx: &mut Effects,
    ) -> crate::app::CallResult {
        let id = self.fd_socket(caller.task.process, fd)?;
        let socket = self.socket(id);
        if socket.is_udp() {
            return Err(Errno::NotConn);
        }
        let (read, write) = match how {
            ShutdownHow::Read => (true, false),
            ShutdownHow::Write => (false, true),
            ShutdownHow::Both => (true, true),
        };
        if socket.listen().is_some() {
            if read {
                // inet_shutdown on a listener: stops listening, keeps the port.
                let owner = self.socket_mut(id).owner.take();
                if let Some(owner) = owner {
                    let port = self.socket(id).local_port();
                    self.processes[owner.process.index()].count_parity(port, false);
                }
                self.socket_mut(id).flags.set(SocketFlags::UNACCEPTED, true);
                self.listen_stop(caller.now, id, Cause::Shutdown, fx);
                let socket = self.socket_mut(id);
                socket.flags.set(SocketFlags::UNACCEPTED, false);
                socket.owner = owner;
            }
            return Ok(Ret::Done);
        }
        if matches!(socket.state(), TcpState::Closed) {
            return Err(Errno::NotConn);
        }
        self.tcp_call(caller.now, id, UserCall::Shutdown { read, write }, fx)?;
        if let Some(socket) = self.sockets.get_mut(id.0) {
            socket.waiters.drain_into(&mut fx.wakes);
        }
        Ok(Ret::Done)
    }

    /// `close()`: the descriptor goes at once, the socket when TCP is done with it.
    #[inline]
    pub(crate) fn close_fd(&mut self, now: Instant, process: ProcIx, fd: Fd, fx: &mut Effects) -> Result<(), Errno> {
        let file = self.processes[process.index()].fds.close(fd)?;
        self.files.release(1);
        if let FdFile::Socket(id) = file {
            let socket = self.socket_mut(id);
            socket.waiters.drain_into(&mut fx.wakes);
            if socket.is_udp() {
                self.udp_close(id);
            } else {
                self.tcp_close(now, id, fx);
            }
        }
        Ok(())
    }
}
