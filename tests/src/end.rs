//! One end of the connection: the real machine, the real half-open and minisock
//! functions, and around them only what one port of a kernel has to do. For the
//! model checker and the fuzzer: cheap to copy, to compare and to hash.

use halfclose::errno::Errno;
use halfclose::kernel::request_sock::{ReqTimeout, ReqVerdict, RequestQueue, RequestSetup, RequestSock};
use halfclose::kernel::timewait::{TimeWaitSock, TwVerdict};
use halfclose::tcp::timers::JiffyClock;
use halfclose::tcp::{
    Actions, Cause, Fate, Reply, Tcb, TcpConfig, TcpContext, TcpInput, TcpSocketOption, TcpState, UserCall, graph,
    machine,
};
use halfclose::time::{Duration, Instant};
use halfclose::units::{Endpoint, FourTuple, Ipv4Addr};
use halfclose::wire::{Payload, Segment, SeqNum, reset_for};

/// What an application can do at any moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// `connect()`, once.
    Connect,
    /// `send()` of one byte.
    Send,
    /// `recv()` of all there is.
    Recv,
    /// `shutdown(SHUT_WR)`.
    Shutdown,
    /// `close()`, of the listening socket too.
    Close,
    /// SO_LINGER 0, then `close()`.
    Abort,
}

/// A rule that was broken: the state it is found in fails a property.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// A change of state that is no edge of the graph.
    Edge(TcpState, TcpState, Cause),
    /// A byte was delivered out of its place.
    Bytes,
    /// More was delivered than the peer had sent.
    Invented,
    /// An acknowledgment of something not received.
    FalseAck,
}

/// What the application knows.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Application {
    /// It has called `connect()`.
    pub connected: bool,
    /// Bytes the kernel took; the n-th has the value n.
    pub sent: u8,
    /// Bytes read.
    pub read: u8,
    /// It has shut down its sending side.
    pub shut: bool,
    /// It has closed all descriptors.
    pub closed: bool,
    /// It was told of an error, or reset the connection itself.
    pub failed: bool,
}

/// One end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct End {
    /// Its clock: it moves when a timer of this end fires, and not else.
    pub clock: Instant,
    /// The socket that listens.
    pub listener: Option<Box<Tcb>>,
    /// A half-open connection of the listener.
    pub request: Option<Box<RequestSock>>,
    /// The connection, or what is left of it while a descriptor refers to it.
    pub sock: Option<Box<Tcb>>,
    /// What is left in TIME_WAIT, or of an orphan in FIN_WAIT2.
    pub minisock: Option<TimeWaitSock>,
    /// The application.
    pub app: Application,
    /// Handshakes that this end's listener has begun.
    pub handshakes: u8,
    iss: SeqNum,
    local: bool,
}

/// What a step of an end leaves behind.
#[derive(Default, Debug)]
pub struct Output {
    /// Segments to send, in order.
    pub segments: Vec<Segment>,
    /// Edges taken, for the coverage.
    pub edges: Vec<(TcpState, TcpState, Cause)>,
    /// A rule was broken.
    pub fault: Option<Fault>,
    /// Somebody gave up: retries used up, or a wait for the peer's FIN over.
    pub gave_up: bool,
}

impl Output {
    fn edge(&mut self, from: TcpState, to: TcpState, cause: Cause) {
        if !graph::allows(from, to, cause) {
            self.fault = Some(Fault::Edge(from, to, cause));
        }
        self.gave_up |=
            matches!(cause, Cause::TimedOut) || (from == TcpState::FinWait2 && cause == Cause::TimerExpired);
        self.edges.push((from, to, cause));
    }
}

const CLOCK: JiffyClock = JiffyClock::new(250, 0, false);
/// Not zero: no stamp of the machine then looks like "never".
const START: Instant = Instant::from_nanos(1_000_000_000_000);

impl End {
    /// A closed end; `iss` is where its sequence numbers begin.
    #[must_use]
    pub fn new(local: bool, iss: SeqNum, config: &TcpConfig) -> Self {
        Self {
            clock: START,
            listener: None,
            request: None,
            sock: Some(Box::new(Tcb::new_closed(config))),
            minisock: None,
            app: Application::default(),
            handshakes: 0,
            iss,
            local,
        }
    }

    /// An end that listens.
    #[must_use]
    pub fn listening(local: bool, iss: SeqNum, config: &TcpConfig) -> Self {
        let listener = Some(Box::new(Tcb::new_listen(config)));
        Self { listener, sock: None, ..Self::new(local, iss, config) }
    }

    fn tuple(&self) -> FourTuple {
        let (a, b) = (Endpoint::new(Ipv4Addr::LOCALHOST, 1), Endpoint::new(Ipv4Addr::LOCALHOST, 2));
        if self.local { FourTuple { local: a, remote: b } } else { FourTuple { local: b, remote: a } }
    }

    fn context<'a>(&self, config: &'a TcpConfig) -> TcpContext<'a> {
        TcpContext { now: self.clock, clock: CLOCK, config }
    }

    /// The state as RFC 9293 would name it: that of whatever stands for the connection.
    #[must_use]
    pub fn state(&self) -> TcpState {
        if let Some(minisock) = &self.minisock {
            return minisock.substate();
        }
        match &self.sock {
            Some(sock) if sock.state() != TcpState::Closed => sock.state(),
            Some(_) | None if self.request.is_some() => TcpState::SynReceived,
            Some(_) | None if self.listener.is_some() => TcpState::Listen,
            Some(_) | None => TcpState::Closed,
        }
    }

    /// Nothing of the connection is left.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.listener.is_none() && self.request.is_none() && self.sock.is_none() && self.minisock.is_none()
    }

    /// When its next timer is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let request = self.request.as_ref().map(|request| request.deadline);
        let sock = self.sock.as_ref().and_then(|sock| sock.next_deadline());
        let minisock = self.minisock.as_ref().map(|minisock| minisock.expires);
        [request, sock, minisock].into_iter().flatten().min()
    }

    /// The calls that its application can make now and that may do something.
    pub fn calls(&self, out: &mut Vec<Call>) {
        if self.app.closed {
            return;
        }
        if let Some(sock) = &self.sock {
            let fresh = sock.state() == TcpState::Closed && !self.app.connected && self.handshakes == 0;
            if fresh && self.minisock.is_none() {
                out.push(Call::Connect);
            }
            if matches!(sock.state(), TcpState::Established | TcpState::CloseWait) && !self.app.shut {
                out.extend([Call::Send, Call::Shutdown]);
            }
            if !fresh && (sock.unread() > 0 || sock.error().is_some()) {
                out.push(Call::Recv);
            }
            if sock.state() != TcpState::Closed {
                out.push(Call::Abort);
            }
        }
        out.push(Call::Close);
    }

    /// Makes a call.
    ///
    /// # Panics
    /// If the machine does, or there is no socket to call.
    pub fn call(&mut self, call: Call, config: &TcpConfig) -> Output {
        let mut out = Output::default();
        match call {
            Call::Connect => {
                self.app.connected = true;
                let open = UserCall::Open { iss: self.iss, ts_offset: 0, mss: 1_460 };
                self.step(TcpInput::Call(open), config, &mut out);
            }
            Call::Send => {
                let data = Payload::from_bytes(&[self.app.sent.wrapping_add(1)]);
                match self.step(TcpInput::Call(UserCall::Send(data)), config, &mut out) {
                    Some(Ok(Reply::Count(n))) => {
                        self.app.sent = self.app.sent.wrapping_add(u8::try_from(n).expect("one byte"))
                    }
                    Some(Err(_)) => self.app.failed = true,
                    Some(Ok(Reply::Done | Reply::Data(_) | Reply::Error(_))) | None => {}
                }
            }
            Call::Recv => self.receive(config, &mut out),
            Call::Shutdown => {
                self.app.shut = true;
                self.step(TcpInput::Call(UserCall::Shutdown { read: false, write: true }), config, &mut out);
            }
            Call::Close | Call::Abort => {
                if call == Call::Abort {
                    let linger = TcpSocketOption::Linger(Some(Duration::ZERO));
                    self.step(TcpInput::Call(UserCall::SetOption(linger)), config, &mut out);
                    self.app.failed = true;
                }
                self.close(config, &mut out);
            }
        }
        out
    }

    fn receive(&mut self, config: &TcpConfig, out: &mut Output) {
        match self.step(TcpInput::Call(UserCall::Receive { max: 100, peek: false }), config, out) {
            Some(Ok(Reply::Data(data))) => {
                for byte in data.to_vec() {
                    self.app.read = self.app.read.wrapping_add(1);
                    if byte != self.app.read {
                        out.fault = Some(Fault::Bytes);
                    }
                }
            }
            Some(Err(Errno::Again)) | None => {}
            Some(Err(_)) => self.app.failed = true,
            Some(Ok(Reply::Done | Reply::Count(_) | Reply::Error(_))) => {}
        }
    }

    /// `close()` of all descriptors: `inet_csk_listen_stop` lets requests vanish.
    fn close(&mut self, config: &TcpConfig, out: &mut Output) {
        self.app.closed = true;
        self.listener = None;
        self.request = None;
        if self.sock.is_some() {
            self.step(TcpInput::Call(UserCall::Close), config, out);
            self.bury();
        }
    }

    /// A closed block that no descriptor refers to is freed.
    fn bury(&mut self) {
        if self.app.closed && self.sock.as_ref().is_some_and(|sock| sock.state() == TcpState::Closed) {
            self.sock = None;
        }
    }

    /// One step of the full socket, and what a kernel does about its result.
    fn step(&mut self, input: TcpInput<'_>, config: &TcpConfig, out: &mut Output) -> Option<Result<Reply, Errno>> {
        let (context, tuple) = (self.context(config), self.tuple());
        let sock = self.sock.as_mut().expect("the caller looked");
        let mut actions = Actions::default();
        machine::step(sock, input, &context, &mut actions);
        for (from, to, cause) in actions.transitions {
            out.edge(from, to, cause);
        }
        out.segments.append(&mut actions.segments);
        if let Fate::TimeWait(substate, wait) = actions.fate {
            self.minisock = Some(TimeWaitSock::new(tuple, sock, substate, wait, &context));
            // The minisock has the connection now; what stays is a descriptor to a closed block.
            if self.app.closed {
                self.sock = None;
            }
        }
        self.bury();
        actions.reply
    }

    /// A segment arrives: minisock, connection, request, listener, in the order of `__inet_lookup`.
    ///
    /// # Panics
    /// If the machine does.
    pub fn arrives(&mut self, segment: &Segment, config: &TcpConfig) -> Output {
        let mut out = Output::default();
        if self.minisock.is_some() {
            self.minisock_arrives(segment, config, &mut out);
        } else if self.sock.as_ref().is_some_and(|sock| sock.state() != TcpState::Closed) {
            self.step(TcpInput::SegmentArrives(segment), config, &mut out);
        } else if self.request.is_some() {
            self.request_arrives(segment, config, &mut out);
        } else if self.listener.is_some() {
            self.listener_arrives(segment, config, &mut out);
        } else {
            out.segments.extend(reset_for(segment));
        }
        out
    }

    fn minisock_arrives(&mut self, segment: &Segment, config: &TcpConfig, out: &mut Output) {
        let context = self.context(config);
        let minisock = self.minisock.as_mut().expect("the caller looked");
        let from = minisock.substate();
        match minisock.process(segment, &context, &mut Vec::new()) {
            TwVerdict::Ignore { .. } => {}
            TwVerdict::Ack { segment, entered_time_wait, .. } => {
                if entered_time_wait {
                    out.edge(from, TcpState::TimeWait, Cause::FinArrived);
                }
                out.segments.push(segment);
            }
            TwVerdict::Kill => {
                self.minisock = None;
                out.edge(from, TcpState::Closed, Cause::RstArrived);
            }
            TwVerdict::Reset(reset) => {
                self.minisock = None;
                out.edge(from, TcpState::Closed, Cause::Abort);
                out.segments.push(reset);
            }
            TwVerdict::Reopen { iss, otherwise } => {
                if self.listener.is_some() {
                    self.minisock = None;
                    // The minisock goes early, and the listener takes the SYN (TCP_TW_SYN).
                    out.edge(from, TcpState::Closed, Cause::SynArrived);
                    out.edge(TcpState::Listen, TcpState::SynReceived, Cause::SynArrived);
                    self.begin(iss, segment, config, out);
                } else {
                    out.segments.push(otherwise);
                }
            }
        }
    }

    /// `tcp_conn_request`.
    fn begin(&mut self, iss: SeqNum, syn: &Segment, config: &TcpConfig, out: &mut Output) {
        let context = self.context(config);
        let setup = RequestSetup { tuple: self.tuple(), iss, ts_offset: 0, path_mss: 1_460 };
        let listener = self.listener.as_ref().expect("the caller looked");
        let mut request = RequestSock::new(setup, syn, listener, &context);
        out.segments.push(request.syn_ack(&context));
        self.request = Some(Box::new(request));
        self.handshakes += 1;
    }

    fn listener_arrives(&mut self, segment: &Segment, config: &TcpConfig, out: &mut Output) {
        let flags = segment.flags;
        if flags.rst() {
            return;
        }
        if flags.ack() {
            out.segments.extend(reset_for(segment));
        } else if flags.syn() && !flags.fin() {
            out.edge(TcpState::Listen, TcpState::SynReceived, Cause::SynArrived);
            // Each handshake has a number of its own, as the clock of RFC 9293 §3.4.1 gives it.
            let iss = self.iss.add(100_000 * u32::from(self.handshakes));
            self.begin(iss, segment, config, out);
        }
    }

    fn request_arrives(&mut self, segment: &Segment, config: &TcpConfig, out: &mut Output) {
        let context = self.context(config);
        let request = self.request.as_mut().expect("the caller looked");
        match request.process(segment, 0, &context, &mut Vec::new()) {
            ReqVerdict::Ignore => {}
            ReqVerdict::Reply(reply) => out.segments.push(reply),
            ReqVerdict::ListenerResets(reset) => out.segments.extend(reset),
            ReqVerdict::Drop(reset) => {
                let cause = if segment.flags.rst() { Cause::RstArrived } else { Cause::Abort };
                self.request = None;
                out.edge(TcpState::SynReceived, TcpState::Closed, cause);
                out.segments.extend(reset);
            }
            ReqVerdict::Complete => {
                let listener = self.listener.as_ref().expect("a request's listener lives");
                self.sock = Some(Box::new(request.child(listener, &context)));
                self.request = None;
                self.step(TcpInput::SegmentArrives(segment), config, out);
            }
        }
    }

    /// Any input for the full socket, as the model checker does not make them.
    ///
    /// # Panics
    /// If the machine does, or there is no full socket.
    pub fn feed(&mut self, input: TcpInput<'_>, config: &TcpConfig) -> Output {
        let mut out = Output::default();
        let _ = self.step(input, config, &mut out);
        out
    }

    /// Its earliest timer fires.
    ///
    /// # Panics
    /// If none is armed.
    pub fn timer(&mut self, config: &TcpConfig) -> Output {
        let mut out = Output::default();
        let at = self.deadline().expect("only armed timers fire");
        self.clock = self.clock.max(at);
        if self.minisock.as_ref().is_some_and(|minisock| minisock.expires <= at) {
            let minisock = self.minisock.take().expect("just seen");
            out.edge(minisock.substate(), TcpState::Closed, Cause::TimerExpired);
        } else if self.sock.as_ref().and_then(|sock| sock.next_deadline()).is_some_and(|due| due <= at) {
            self.step(TcpInput::Timeout, config, &mut out);
        } else if let Some(request) = &mut self.request {
            let queue = RequestQueue { len: 1, young: 1, backlog: 8, defer_accept: 0, syn_cnt: None };
            let context = TcpContext { now: self.clock, clock: CLOCK, config };
            match request.on_timeout(&queue, &context, &mut Vec::new()) {
                ReqTimeout::Resend(segment) => out.segments.push(segment),
                ReqTimeout::Wait => {}
                ReqTimeout::Expired => {
                    self.request = None;
                    out.edge(TcpState::SynReceived, TcpState::Closed, Cause::TimedOut);
                }
            }
        }
        out
    }
}
