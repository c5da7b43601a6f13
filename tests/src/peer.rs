//! One simulated host and a peer made by hand: the test writes every segment
//! that arrives, and reads every segment the host answers with.

use halfclose::app::{Call, PollEvents, PollSet, Ret, ShutdownHow, SocketOption};
use halfclose::errno::Errno;
use halfclose::tcp::{TcpSocketOption, TcpState};
use halfclose::time::{Duration, Instant};
use halfclose::units::{Endpoint, Fd, FourTuple, HostId, Ipv4Addr};
use halfclose::wire::icmp::Quoted;
use halfclose::wire::{Body, Flags, IcmpMessage, Packet, Payload, Segment, SeqNum, UnreachableCode};

use crate::lab::{Lab, Proc, at, ms};

/// The host.
pub const HOST: [u8; 4] = [10, 0, 0, 1];
/// Where the peer sits; the world knows no such host.
pub const PEER: [u8; 4] = [10, 0, 0, 2];
/// The port the host listens on.
pub const PORT: u16 = 8080;
/// The peer's initial sequence number.
pub const IRS: SeqNum = SeqNum(5_000);
/// The peer's window.
pub const WINDOW: u16 = 60_000;

/// A host, a program on it, and a connection to a peer that only answers what
/// the test says.
pub struct Bench {
    /// The host.
    pub lab: Lab,
    /// Its program.
    pub app: Proc,
    /// The program's end of the connection, if it has one.
    pub fd: Option<Fd>,
    /// The listening descriptor, if there is one.
    pub listener: Option<Fd>,
    /// The connection, the host's end first.
    pub tuple: FourTuple,
    /// The next sequence number the peer will use.
    pub nxt: SeqNum,
    /// The host's initial sequence number, once it was seen.
    pub iss: SeqNum,
    /// One past the last sequence number the host used.
    pub host_nxt: SeqNum,
    taken: usize,
}

impl Bench {
    /// A host with these sysctls and a program that has done nothing yet.
    #[must_use]
    pub fn new(sysctls: &[(&str, &str)]) -> Self {
        Self::seeded(1, sysctls)
    }

    /// The same with another seed.
    #[must_use]
    pub fn seeded(seed: u64, sysctls: &[(&str, &str)]) -> Self {
        Self::of(Lab::with_addrs(seed, &[Ipv4Addr::from(HOST)], sysctls))
    }

    fn of(mut lab: Lab) -> Self {
        let app = lab.process();
        Self {
            lab,
            app,
            fd: None,
            listener: None,
            tuple: FourTuple { local: at(HOST, PORT), remote: at(PEER, 4_000) },
            nxt: IRS,
            iss: SeqNum(0),
            host_nxt: SeqNum(0),
            taken: 0,
        }
    }

    /// The same on another kernel than the measured one.
    #[must_use]
    pub fn on_kernel(release: &str, sysctls: &[(&str, &str)]) -> Self {
        Self::of(Lab::with_kernel(release, &[Ipv4Addr::from(HOST)], sysctls))
    }

    /// Begins a connect() to the peer's port 90 from a port of the program's
    /// choice, and returns that port.
    ///
    /// # Panics
    /// If the port cannot be bound, or connect() does not begin.
    pub fn bound_dial(&mut self) -> u16 {
        const FROM: u16 = 40_000;
        let fd = self.lab.open(self.app);
        self.lab.option(self.app, fd, SocketOption::ReuseAddr(true));
        assert_eq!(self.lab.bind(self.app, fd, at(HOST, FROM)), Ok(()));
        self.lab.nonblock(self.app, fd);
        assert_eq!(self.lab.connect(self.app, fd, at(PEER, 90)), Err(Errno::InProgress));
        self.fd = Some(fd);
        self.tuple = FourTuple { local: at(HOST, FROM), remote: at(PEER, 90) };
        FROM
    }

    /// A listener on [`PORT`].
    #[must_use]
    pub fn listening(sysctls: &[(&str, &str)]) -> Self {
        let mut bench = Self::new(sysctls);
        bench.listener = Some(bench.lab.listener(bench.app, at(HOST, PORT), 8));
        bench
    }

    /// A SYN of the host is out.
    #[must_use]
    pub fn dialled(sysctls: &[(&str, &str)]) -> Self {
        let mut bench = Self::new(sysctls);
        bench.dial();
        bench
    }

    /// Begins a connect() to the peer's port 90; its SYN is the first of [`Bench::sent`].
    pub fn dial(&mut self) {
        let fd = self.lab.dial(self.app, at(PEER, 90));
        self.fd = Some(fd);
        let local = self.lab.name(self.app, fd);
        self.tuple = FourTuple { local, remote: at(PEER, 90) };
    }

    /// A connection the peer opened, accepted.
    #[must_use]
    pub fn accepted(sysctls: &[(&str, &str)]) -> Self {
        let mut bench = Self::listening(sysctls);
        bench.handshake(&Self::syn());
        bench
    }

    /// Lets a connection come about with this SYN, and accepts it. Its end of
    /// the connection is [`Bench::fd`].
    ///
    /// # Panics
    /// If the host does not answer the SYN.
    pub fn handshake(&mut self, syn: &Segment) {
        let reply = self.arrive(Segment { seq: self.nxt, ..syn.clone() });
        assert_eq!(reply.len(), 1, "a SYN is answered: {reply:?}");
        assert_eq!(self.arrive(self.seg(Flags::ACK)), []);
        let listener = self.listener.expect("the host listens");
        self.fd = Some(self.lab.accept(self.app, listener));
    }

    /// A connection the host opened.
    ///
    /// # Panics
    /// If the host does not answer the SYN,ACK.
    #[must_use]
    pub fn connected(sysctls: &[(&str, &str)]) -> Self {
        let mut bench = Self::dialled(sysctls);
        let _ = bench.sent();
        let mut syn_ack = bench.seg(Flags::SYN.with(Flags::ACK));
        syn_ack.options.mss = Some(1_460);
        let reply = bench.arrive(syn_ack);
        assert_eq!(reply.len(), 1, "{reply:?}");
        bench
    }

    /// The peer's SYN: no option but MSS 1460.
    #[must_use]
    pub fn syn() -> Segment {
        let mut syn = Segment { seq: IRS, flags: Flags::SYN, window: WINDOW, ..Segment::default() };
        syn.options.mss = Some(1_460);
        syn
    }

    /// A segment the peer would send now: its next number, everything of the
    /// host's acknowledged if `flags` has ACK.
    #[must_use]
    pub fn seg(&self, flags: Flags) -> Segment {
        let ack = if flags.ack() { self.host_nxt } else { SeqNum(0) };
        Segment { seq: self.nxt, ack, flags, window: WINDOW, ..Segment::default() }
    }

    /// A segment with ACK and so many bytes.
    #[must_use]
    pub fn data(&self, len: u32) -> Segment {
        Segment { payload: Payload::opaque(len), ..self.seg(Flags::ACK.with(Flags::PSH)) }
    }

    /// Lets a segment arrive; what the host sends at once. [`Bench::nxt`] moves
    /// over what of it is next in order.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn arrive(&mut self, segment: Segment) -> Vec<Segment> {
        self.arrive_on(self.tuple, segment)
    }

    /// The same for another connection, the host's end first.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn arrive_on(&mut self, tuple: FourTuple, segment: Segment) -> Vec<Segment> {
        let _ = self.sent();
        if tuple == self.tuple && segment.seq == self.nxt && !segment.flags.rst() {
            self.nxt = segment.end_seq();
        }
        self.inject(Packet::tcp(tuple.mirrored(), segment))
    }

    /// Lets any packet arrive; the segments the host sends at once.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn inject(&mut self, packet: Packet) -> Vec<Segment> {
        let _ = self.sent();
        self.lab.world.inject(HostId(0), packet).expect("no budget is exceeded");
        self.lab.sleep(Duration::from_nanos(1));
        self.sent()
    }

    /// Lets an ICMP error arrive that quotes a segment of the connection.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn icmp(&mut self, code: UnreachableCode, seq: SeqNum) -> Vec<Segment> {
        let message = IcmpMessage { code, quoted: Quoted::Tcp { tuple: self.tuple, seq } };
        self.inject(Packet { src: Ipv4Addr::from(PEER), dst: Ipv4Addr::from(HOST), body: Body::Icmp(message) })
    }

    /// Waits; what the host sends meanwhile.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn wait(&mut self, span: Duration) -> Vec<Segment> {
        self.lab.sleep(span);
        self.sent()
    }

    /// The segments sent since the last look.
    pub fn sent(&mut self) -> Vec<Segment> {
        self.sent_at().into_iter().map(|(_, segment)| segment).collect()
    }

    /// The same with their times.
    pub fn sent_at(&mut self) -> Vec<(Instant, Segment)> {
        let new = &self.lab.recorder.packets[self.taken..];
        self.taken = self.lab.recorder.packets.len();
        let segments = new.iter().filter_map(|(at, from, packet)| match &packet.body {
            Body::Tcp { segment, .. } if *from == HostId(0) => Some((*at, segment.clone())),
            Body::Tcp { .. } | Body::Udp(_) | Body::Icmp(_) => None,
        });
        let segments: Vec<(Instant, Segment)> = segments.collect();
        for (_, segment) in &segments {
            if segment.flags.syn() {
                self.iss = segment.seq;
                self.host_nxt = segment.end_seq();
            } else if !segment.flags.rst() && segment.end_seq().after(self.host_nxt) {
                self.host_nxt = segment.end_seq();
            }
        }
        segments
    }

    /// The connection's end on the host.
    ///
    /// # Panics
    /// If the program has none.
    #[must_use]
    pub fn end(&self) -> Fd {
        self.fd.expect("the program holds the connection")
    }

    /// State of the connection; CLOSED if the host knows nothing of it.
    #[must_use]
    pub fn state(&self) -> TcpState {
        self.lab.state(self.tuple).unwrap_or(TcpState::Closed)
    }

    /// `send()`.
    ///
    /// # Errors
    /// The call's.
    pub fn write(&mut self, bytes: u32) -> Result<u32, Errno> {
        self.lab.send(self.app, self.end(), bytes)
    }

    /// `recv(MSG_DONTWAIT)`: bytes, 0 at end of stream.
    ///
    /// # Errors
    /// The call's.
    pub fn read(&mut self) -> Result<u32, Errno> {
        self.lab.recv(self.app, self.end(), 1 << 20)
    }

    /// `close()`.
    ///
    /// # Panics
    /// If the program has no connection.
    pub fn close(&mut self) {
        let fd = self.fd.take().expect("the program holds the connection");
        self.lab.close(self.app, fd);
    }

    /// `shutdown()`.
    ///
    /// # Errors
    /// The call's.
    pub fn shutdown(&mut self, how: ShutdownHow) -> Result<(), Errno> {
        self.lab.call(self.app, Call::Shutdown { fd: self.end(), how }).map(drop)
    }

    /// `SO_LINGER` 0, then `close()`: RFC 9293's ABORT.
    pub fn abort(&mut self) {
        self.set(TcpSocketOption::Linger(Some(Duration::ZERO)));
        self.close();
    }

    /// `setsockopt()` of a TCP option.
    pub fn set(&mut self, option: TcpSocketOption) {
        self.lab.tcp_option(self.app, self.end(), option);
    }

    /// `SO_ERROR`.
    pub fn error(&mut self) -> Option<Errno> {
        self.lab.so_error(self.app, self.end())
    }

    /// `poll()` without waiting.
    ///
    /// # Panics
    /// If it returns anything else than a set.
    pub fn poll(&mut self, fd: Fd) -> PollEvents {
        let all = PollEvents::IN.with(PollEvents::OUT).with(PollEvents::RDHUP);
        let call = Call::Poll { set: PollSet::one(fd, all), timeout: Some(Duration::ZERO) };
        match self.lab.call(self.app, call) {
            Ok(Ret::Ready(set)) => set.revents(fd),
            other => panic!("poll() returned {other:?}"),
        }
    }

    /// Sets the TCP options before the connection exists: on the listener.
    ///
    /// # Panics
    /// If the host does not listen.
    pub fn set_listener(&mut self, option: TcpSocketOption) {
        let listener = self.listener.expect("the host listens");
        self.lab.tcp_option(self.app, listener, option);
    }

    /// The program's FIN is out and acknowledged by nobody: FIN-WAIT-1. An
    /// orphan's if the descriptor is closed too.
    ///
    /// # Panics
    /// If shutdown() fails.
    pub fn finish(&mut self, orphan: bool) {
        if orphan {
            self.close();
        } else {
            assert_eq!(self.shutdown(ShutdownHow::Write), Ok(()));
        }
        let _ = self.sent();
    }

    /// Brings an accepted connection into a state, from which nothing is under
    /// way; `orphan`: the program has closed its descriptor where it can.
    ///
    /// # Panics
    /// For states before ESTABLISHED, and if the host does not get there.
    pub fn lead_to(&mut self, state: TcpState, orphan: bool) {
        let fin = Flags::FIN.with(Flags::ACK);
        match state {
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived => {
                panic!("{state} comes before the connection")
            }
            TcpState::Established => {}
            TcpState::FinWait1 => self.finish(orphan),
            TcpState::FinWait2 | TcpState::TimeWait => {
                self.finish(orphan);
                let _ = self.arrive(self.seg(Flags::ACK));
                if state == TcpState::TimeWait {
                    let _ = self.arrive(self.seg(fin));
                }
            }
            TcpState::CloseWait | TcpState::LastAck => {
                let _ = self.arrive(self.seg(fin));
                let _ = self.wait(ms(100));
                if state == TcpState::LastAck {
                    if orphan {
                        assert_eq!(self.read(), Ok(0));
                    }
                    self.finish(orphan);
                }
            }
            TcpState::Closing => {
                self.finish(orphan);
                let crossed = Segment { ack: self.host_nxt.sub(1), ..self.seg(fin) };
                let _ = self.arrive(crossed);
            }
        }
        let _ = self.sent();
        assert_eq!(self.state(), state);
    }
}

/// An endpoint of the peer's.
#[must_use]
pub const fn peer(port: u16) -> Endpoint {
    at(PEER, port)
}
