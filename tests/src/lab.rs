//! A laboratory bench: hosts built directly with [`World`], and processes whose
//! system calls a test makes one by one, as an experiment on a real machine
//! would from an interactive interpreter.

use std::sync::{Arc, Mutex};

use halfclose::app::{
    App, AppContext, Call, CallResult, Control, ControlError, Domain, FileKind, Limits, Resume, Ret, ShutdownHow,
    SockType, SocketOption,
};
use halfclose::errno::Errno;
use halfclose::kernel::{CostProfile, EntryView, HostConfig, Kernel, KernelProfile, ProcessConfig, Sysctls};
use halfclose::net::{FlagMatch, Hook, LinkConfig, PortMatch, Protocol, Rule, RuleVerdict};
use halfclose::rng::SimRng;
use halfclose::sim::{Budgets, Step, World};
use halfclose::tcp::graph::Visits;
use halfclose::tcp::{TcpSocketOption, TcpState};
use halfclose::time::{Duration, Instant};
use halfclose::trace::{DropReason, Mib, Observer, Record, RecordKind, Recorder, Sight};
use halfclose::units::{Endpoint, Fd, FourTuple, HostId, Ipv4Addr, Port, ProcIx, Ratio, TaskId};
use halfclose::wire::{Flags, Packet, Payload};

/// The kernel that was measured.
pub const MEASURED_KERNEL: &str = "6.18.44";
/// Longest virtual time a call may block before the test is told that it hangs.
const PATIENCE: Duration = Duration::from_secs(3_000);

/// What the test and the program share: at most one call under way.
#[derive(Debug, Default)]
struct Strings {
    next: Option<Call>,
    busy: bool,
    done: Option<(Instant, CallResult)>,
}

/// A program that makes the calls a test asks for.
struct Puppet(Arc<Mutex<Strings>>);

impl App for Puppet {
    fn resume(&mut self, _task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let mut strings = self.0.lock().expect("no test panics while it holds the strings");
        if let Resume::Done(result) = resume
            && strings.busy
        {
            strings.busy = false;
            strings.done = Some((cx.now, result));
        }
        match strings.next.take() {
            Some(call) => {
                strings.busy = true;
                call
            }
            None => Call::FutexWait { timeout: None },
        }
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        None
    }

    fn control(&mut self, _control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        cx.wake(TaskId(0));
        Ok(())
    }
}

/// A process on the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proc {
    /// Its host.
    pub host: HostId,
    /// Which process of the host.
    pub ix: ProcIx,
    slot: usize,
}

/// What a bench keeps of its run.
#[derive(Debug)]
pub struct Tape {
    recorder: Recorder,
    /// Every packet a host sent, as it was sent.
    pub packets: Vec<(Instant, HostId, Packet)>,
    /// Every change of state.
    pub visits: Visits,
}

impl Default for Tape {
    fn default() -> Self {
        Self { recorder: Recorder::new(usize::MAX, false), packets: Vec::new(), visits: Visits::default() }
    }
}

impl Tape {
    /// The records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.recorder.records()
    }
}

impl Observer for Tape {
    fn record(&mut self, record: &Record) {
        self.recorder.record(record);
        self.visits.record(record);
    }
    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        if sight == Sight::Sent {
            self.packets.push((at, host, packet.clone()));
        }
    }
    fn wants_packets(&self) -> bool {
        true
    }
}

/// The bench.
pub struct Lab {
    /// The world under test.
    pub world: World,
    /// Everything that was recorded.
    pub recorder: Tape,
    strings: Vec<Arc<Mutex<Strings>>>,
}

/// 127.0.0.1 with a port.
#[must_use]
pub const fn lo(port: u16) -> Endpoint {
    Endpoint::new(Ipv4Addr::LOCALHOST, port)
}

/// Any IPv4 address with a port.
#[must_use]
pub const fn at(addr: [u8; 4], port: u16) -> Endpoint {
    Endpoint::new(Ipv4Addr::new(addr[0], addr[1], addr[2], addr[3]), port)
}

/// Milliseconds.
#[must_use]
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Seconds.
#[must_use]
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A host with the measured kernel, its costs and these sysctls.
///
/// # Panics
/// If the kernel refuses a sysctl.
#[must_use]
pub fn measured_host(name: &str, addrs: &[Ipv4Addr], sysctls: &[(&str, &str)]) -> HostConfig {
    host_of(MEASURED_KERNEL, name, addrs, sysctls)
}

/// The same with another kernel's rules.
///
/// # Panics
/// If there is no such kernel, or it refuses a sysctl.
#[must_use]
pub fn host_of(release: &str, name: &str, addrs: &[Ipv4Addr], sysctls: &[(&str, &str)]) -> HostConfig {
    let profile = KernelProfile::parse(release).expect("a release the model knows");
    let ram_bytes = 8 << 30;
    let mut settings = Sysctls::new(&profile, ram_bytes);
    for (key, value) in sysctls {
        settings.set(key, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
    }
    HostConfig {
        name: name.to_owned(),
        addrs: addrs.to_vec(),
        profile,
        cpus: 2,
        ram_bytes,
        sysctls: settings,
        cost: CostProfile::kernel_truth(),
        steal: Ratio::ZERO,
        timer_rounding: true,
        unrelated: halfclose::kernel::UnrelatedSockets::default(),
        bound_ports: Vec::new(),
    }
}

impl Lab {
    /// One host; everything happens on its loopback.
    #[must_use]
    pub fn loopback(sysctls: &[(&str, &str)]) -> Self {
        Self::seeded(1, sysctls)
    }

    /// The same under another seed.
    #[must_use]
    pub fn seeded(seed: u64, sysctls: &[(&str, &str)]) -> Self {
        Self::with_addrs(seed, &[], sysctls)
    }

    /// One host with addresses outside 127.0.0.0/8 too.
    ///
    /// # Panics
    /// If an address is no host address.
    #[must_use]
    pub fn with_addrs(seed: u64, addrs: &[Ipv4Addr], sysctls: &[(&str, &str)]) -> Self {
        Self::with_host(seed, measured_host("host", addrs, sysctls))
    }

    /// The same with another kernel.
    #[must_use]
    pub fn with_kernel(release: &str, addrs: &[Ipv4Addr], sysctls: &[(&str, &str)]) -> Self {
        Self::with_host(1, host_of(release, "host", addrs, sysctls))
    }

    fn with_host(seed: u64, host: HostConfig) -> Self {
        let mut world = World::new(seed, Budgets::default());
        world.add_host(host).expect("the addresses are free");
        // Experiments never begin on a tick.
        let offset = SimRng::new(seed, halfclose::rng::Stream::App(u32::MAX)).between(1, 4_000_000);
        let mut lab = Self { world, recorder: Tape::default(), strings: Vec::new() };
        lab.sleep(Duration::from_nanos(offset));
        lab
    }

    /// Two hosts, 10.0.0.1 and 10.0.0.2, with this link between them.
    ///
    /// # Panics
    /// If the link's settings are out of range.
    #[must_use]
    pub fn pair(seed: u64, link: LinkConfig, sysctls: &[(&str, &str)]) -> Self {
        let mut world = World::new(seed, Budgets::default());
        let a = world.add_host(measured_host("a", &[Ipv4Addr::new(10, 0, 0, 1)], sysctls)).expect("free");
        let b = world.add_host(measured_host("b", &[Ipv4Addr::new(10, 0, 0, 2)], sysctls)).expect("free");
        world.network_mut().add_link(a, b, link).expect("not linked yet");
        Self { world, recorder: Tape::default(), strings: Vec::new() }
    }

    /// The first host's kernel.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        self.world.kernel(HostId(0))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// Nobody does anything for a while.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn sleep(&mut self, span: Duration) {
        let until = self.now() + span;
        self.world.run_until(until, &mut self.recorder).expect("no budget is exceeded");
    }

    /// `sysctl -w` on the first host.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn sysctl(&mut self, key: &str, value: &str) {
        self.world.kernel_mut(HostId(0)).sysctl_write(key, value).expect("the kernel takes the value");
    }

    /// A process on the first host with room for every descriptor it may want.
    pub fn process(&mut self) -> Proc {
        self.process_on(HostId(0), 1 << 20)
    }

    /// A process with this RLIMIT_NOFILE (soft and hard).
    pub fn process_on(&mut self, host: HostId, nofile: u64) -> Proc {
        let strings = Arc::new(Mutex::new(Strings::default()));
        let config = ProcessConfig {
            name: "puppet".to_owned(),
            pid: None,
            nofile: Limits { soft: nofile, hard: nofile },
            cap_sys_admin: false,
            cap_sys_resource: false,
            extra_fds: 0,
        };
        let now = self.now();
        let ix = self.world.add_process(host, &config, Box::new(Puppet(Arc::clone(&strings))), now);
        self.strings.push(strings);
        self.sleep(Duration::from_micros(1));
        Proc { host, ix, slot: self.strings.len() - 1 }
    }

    /// Lets a process begin a call without waiting for its result.
    ///
    /// # Panics
    /// If the process is inside another call, or has ended.
    pub fn begin(&mut self, process: Proc, call: Call) {
        {
            let mut strings = self.strings[process.slot].lock().expect("not poisoned");
            assert!(!strings.busy && strings.next.is_none(), "the process is inside a call");
            strings.done = None;
            strings.next = Some(call);
        }
        self.world.control(process.host, process.ix, &Control::Connect).expect("the process runs");
    }

    /// The result of the last call, and when it returned, if it has.
    ///
    /// # Panics
    /// Never while tests hold no lock.
    #[must_use]
    pub fn returned(&self, process: Proc) -> Option<(Instant, CallResult)> {
        self.strings[process.slot].lock().expect("not poisoned").done.clone()
    }

    /// Waits for the result of the last call.
    ///
    /// # Errors
    /// What the call fails with.
    ///
    /// # Panics
    /// If the call does not return.
    pub fn wait(&mut self, process: Proc) -> CallResult {
        let limit = self.now() + PATIENCE;
        loop {
            if let Some((_, result)) = self.returned(process) {
                return result;
            }
            let step = self.world.step(limit, &mut self.recorder).expect("no budget is exceeded");
            assert!(step != Step::Idle && self.now() < limit, "the call does not return");
        }
    }

    /// Makes a call and waits for its result.
    ///
    /// # Errors
    /// What the call fails with.
    pub fn call(&mut self, process: Proc, call: Call) -> CallResult {
        self.begin(process, call);
        self.wait(process)
    }

    /// `socket(AF_INET, SOCK_STREAM)`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    ///
    /// # Panics
    /// If the kernel answers with something else than a descriptor.
    pub fn socket(&mut self, process: Proc) -> Result<Fd, Errno> {
        let Ret::Fd(fd) =
            self.call(process, Call::Socket { domain: Domain::Inet, ty: SockType::Stream, nonblock: false })?
        else {
            panic!("socket() returned something else")
        };
        Ok(fd)
    }

    /// A socket, in a test that does not run out of descriptors.
    ///
    /// # Panics
    /// If it does.
    pub fn open(&mut self, process: Proc) -> Fd {
        self.socket(process).expect("descriptors are left")
    }

    /// `bind()`.
    ///
    /// # Errors
    /// The call's.
    pub fn bind(&mut self, process: Proc, fd: Fd, addr: Endpoint) -> Result<(), Errno> {
        self.call(process, Call::Bind { fd, addr }).map(drop)
    }

    /// `connect()`.
    ///
    /// # Errors
    /// The call's.
    pub fn connect(&mut self, process: Proc, fd: Fd, addr: Endpoint) -> Result<(), Errno> {
        self.call(process, Call::Connect { fd, addr }).map(drop)
    }

    /// Begins `connect()` on a non-blocking socket.
    ///
    /// # Panics
    /// Unless it answers `EINPROGRESS`.
    pub fn dial(&mut self, process: Proc, addr: Endpoint) -> Fd {
        let fd = self.open(process);
        self.nonblock(process, fd);
        assert_eq!(self.connect(process, fd, addr), Err(Errno::InProgress));
        fd
    }

    /// A socket connected to `addr`.
    ///
    /// # Panics
    /// If that fails.
    pub fn connected(&mut self, process: Proc, addr: Endpoint) -> Fd {
        let fd = self.open(process);
        assert_eq!(self.connect(process, fd, addr), Ok(()));
        fd
    }

    /// A socket that listens.
    ///
    /// # Panics
    /// If that fails.
    pub fn listener(&mut self, process: Proc, addr: Endpoint, backlog: u32) -> Fd {
        let fd = self.open(process);
        self.option(process, fd, SocketOption::ReuseAddr(true));
        assert_eq!(self.bind(process, fd, addr), Ok(()));
        assert_eq!(self.call(process, Call::Listen { fd, backlog }), Ok(Ret::Done));
        fd
    }

    /// `accept()`, in a test where a connection waits.
    ///
    /// # Panics
    /// If it fails.
    pub fn accept(&mut self, process: Proc, fd: Fd) -> Fd {
        match self.call(process, Call::Accept { fd, nonblock: false }) {
            Ok(Ret::Accepted(new, _)) => new,
            other => panic!("accept() returned {other:?}"),
        }
    }

    /// `setsockopt()`.
    ///
    /// # Panics
    /// If it fails.
    pub fn option(&mut self, process: Proc, fd: Fd, option: SocketOption) {
        assert_eq!(self.call(process, Call::SetSockOpt { fd, option }), Ok(Ret::Done), "{option:?}");
    }

    /// `setsockopt()` of an option of the TCP machine.
    pub fn tcp_option(&mut self, process: Proc, fd: Fd, option: TcpSocketOption) {
        self.option(process, fd, SocketOption::Tcp(option));
    }

    /// `O_NONBLOCK`.
    ///
    /// # Panics
    /// If it fails.
    pub fn nonblock(&mut self, process: Proc, fd: Fd) {
        assert_eq!(self.call(process, Call::SetNonblock { fd, on: true }), Ok(Ret::Done));
    }

    /// `getsockopt(SO_ERROR)`.
    ///
    /// # Panics
    /// If the call itself fails.
    pub fn so_error(&mut self, process: Proc, fd: Fd) -> Option<Errno> {
        match self.call(process, Call::GetSockOpt { fd, option: SocketOption::Error }) {
            Ok(Ret::Count(0)) => None,
            Ok(Ret::Count(number)) => {
                Some(*Errno::ALL.iter().find(|e| u32::from(e.number()) == number).expect("a Linux errno"))
            }
            other => panic!("getsockopt(SO_ERROR) returned {other:?}"),
        }
    }

    /// `send()` of so many bytes.
    ///
    /// # Errors
    /// The call's.
    ///
    /// # Panics
    /// If the kernel answers with something else than a count.
    pub fn send(&mut self, process: Proc, fd: Fd, bytes: u32) -> Result<u32, Errno> {
        let Ret::Count(n) = self.call(process, Call::Send { fd, data: Payload::opaque(bytes) })? else {
            panic!("send() returned something else")
        };
        Ok(n)
    }

    /// `recv(MSG_DONTWAIT)`: number of bytes, 0 at end of stream.
    ///
    /// # Errors
    /// The call's.
    ///
    /// # Panics
    /// If the kernel answers with something else than bytes.
    pub fn recv(&mut self, process: Proc, fd: Fd, max: u32) -> Result<u32, Errno> {
        let Ret::Data(data) = self.call(process, Call::Recv { fd, max, peek: false, dontwait: true })? else {
            panic!("recv() returned something else")
        };
        Ok(data.len())
    }

    /// `shutdown(SHUT_WR)`.
    ///
    /// # Errors
    /// The call's.
    pub fn shutdown(&mut self, process: Proc, fd: Fd) -> Result<(), Errno> {
        self.call(process, Call::Shutdown { fd, how: ShutdownHow::Write }).map(drop)
    }

    /// `close()`.
    ///
    /// # Panics
    /// If the descriptor is not open.
    pub fn close(&mut self, process: Proc, fd: Fd) {
        assert_eq!(self.call(process, Call::Close { fd }), Ok(Ret::Done));
    }

    /// `ioctl(FIONREAD)`.
    ///
    /// # Panics
    /// If it fails.
    pub fn fionread(&mut self, process: Proc, fd: Fd) -> u32 {
        match self.call(process, Call::IoctlFionread { fd }) {
            Ok(Ret::Count(n)) => n,
            other => panic!("ioctl() returned {other:?}"),
        }
    }

    /// `open("/dev/null")`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub fn open_file(&mut self, process: Proc) -> CallResult {
        self.call(process, Call::Open { file: FileKind::Path("/dev/null") })
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// If a budget is exceeded.
    pub fn kill(&mut self, process: Proc) {
        self.world.exit_process(process.host, process.ix, 137, &mut self.recorder).expect("no budget is exceeded");
    }

    /// Local end of a socket.
    ///
    /// # Panics
    /// If the descriptor is no socket.
    pub fn name(&mut self, process: Proc, fd: Fd) -> Endpoint {
        match self.call(process, Call::GetSockName { fd }) {
            Ok(Ret::Name(name)) => name,
            other => panic!("getsockname() returned {other:?}"),
        }
    }

    /// Local port of a socket.
    pub fn port(&mut self, process: Proc, fd: Fd) -> u16 {
        self.name(process, fd).port().0
    }

    /// A client connected to a new listener, and the server's end.
    pub fn connection(&mut self, server: Proc, client: Proc, port: u16) -> Connection {
        let listener = self.listener(server, lo(port), 16);
        let near = self.connected(client, lo(port));
        let far = self.accept(server, listener);
        let local = lo(self.port(client, near));
        Connection { listener, near, far, tuple: FourTuple { local, remote: lo(port) } }
    }

    /// What `ss` shows of the connection whose local end comes first.
    #[must_use]
    pub fn row(&self, tuple: FourTuple) -> Option<EntryView> {
        self.world.hosts().flat_map(Kernel::socket_rows).find(|row| row.tuple == tuple)
    }

    /// State of the connection whose local end comes first.
    #[must_use]
    pub fn state(&self, tuple: FourTuple) -> Option<TcpState> {
        self.row(tuple).map(|row| row.state)
    }

    /// The listening socket's row.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn listen_row(&self, port: u16) -> EntryView {
        let is = |row: &EntryView| row.state == TcpState::Listen && row.tuple.local.port() == Port(port);
        self.kernel().socket_rows().into_iter().find(is).expect("a listener on this port")
    }

    /// Rows in a state whose local port this is (`here`) or is not.
    #[must_use]
    pub fn count_rows(&self, state: TcpState, port: u16, here: bool) -> usize {
        let is = |row: &&EntryView| row.state == state && (row.tuple.local.port() == Port(port)) == here;
        self.kernel().socket_rows().iter().filter(is).count()
    }

    /// A counter of the first host.
    #[must_use]
    pub fn mib(&self, mib: Mib) -> u64 {
        self.kernel().mib().get(mib)
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.recorder.records()
    }

    /// Segments sent from a local port: when, which bits, how many bytes.
    #[must_use]
    pub fn sent_from(&self, port: u16) -> Vec<(Instant, Flags, u32)> {
        let sent = |record: &Record| {
            let RecordKind::Transmit { tuple, flags, len, .. } = record.kind else { return None };
            (tuple.local.port() == Port(port)).then_some((record.at, flags, len))
        };
        self.records().iter().filter_map(sent).collect()
    }

    /// When the connection whose local end comes first entered a state.
    ///
    /// # Panics
    /// If it never did.
    #[must_use]
    pub fn entered(&self, tuple: FourTuple, state: TcpState) -> Instant {
        let entered = |record: &Record| {
            let RecordKind::State { tuple: of, to, .. } = record.kind else { return None };
            (of == tuple && to == state).then_some(record.at)
        };
        self.records().iter().find_map(entered).unwrap_or_else(|| panic!("{tuple} never entered {state:?}"))
    }

    /// When its last change of state was.
    ///
    /// # Panics
    /// If there was none.
    #[must_use]
    pub fn last_change(&self, tuple: FourTuple) -> (Instant, TcpState) {
        let change = |record: &Record| {
            let RecordKind::State { tuple: of, to, .. } = record.kind else { return None };
            (of == tuple).then_some((record.at, to))
        };
        self.records().iter().rev().find_map(change).unwrap_or_else(|| panic!("{tuple} never changed its state"))
    }

    /// The connection's states in order.
    #[must_use]
    pub fn states(&self, tuple: FourTuple) -> Vec<TcpState> {
        let change = |record: &Record| {
            let RecordKind::State { tuple: of, to, .. } = record.kind else { return None };
            (of == tuple).then_some(to)
        };
        self.records().iter().filter_map(change).collect()
    }

    /// Drops what arrives for a port, `nft … tcp dport PORT drop`.
    pub fn drop_to(&mut self, port: u16) {
        self.drop_rule(Rule {
            protocol: Protocol::Tcp,
            dport: PortMatch::One(Port(port)),
            ..Rule::every(Hook::Input, RuleVerdict::Drop(DropReason::Rule))
        });
    }

    /// Drops what arrives with these control bits.
    pub fn drop_flags(&mut self, flags: FlagMatch) {
        self.drop_rule(Rule {
            protocol: Protocol::Tcp,
            flags: Some(flags),
            ..Rule::every(Hook::Input, RuleVerdict::Drop(DropReason::Rule))
        });
    }

    /// Adds a rule that [`Lab::undrop`] removes.
    pub fn drop_rule(&mut self, rule: Rule) {
        self.world.network_mut().add_rule_first(None, rule);
    }

    /// `nft flush ruleset`.
    pub fn undrop(&mut self) {
        self.world.network_mut().heal(None, None);
    }
}

/// An accepted connection on the loopback.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The server's listening descriptor.
    pub listener: Fd,
    /// The client's descriptor.
    pub near: Fd,
    /// The server's.
    pub far: Fd,
    /// Client's end first.
    pub tuple: FourTuple,
}

impl Connection {
    /// Server's end first.
    #[must_use]
    pub const fn server(&self) -> FourTuple {
        self.tuple.mirrored()
    }
}

/// How late the timer wheel may be for a timer of this length at HZ 250: the
/// granularity of its level (kernel/time/timer.c), and the tick under way.
#[must_use]
pub fn wheel(span: Duration) -> Duration {
    let granularity = match span.as_millis() {
        0..252 => 1,
        252..2_016 => 8,
        2_016..16_128 => 64,
        16_128..129_024 => 512,
        _ => 4_096,
    };
    ms(4 * (granularity + 2))
}

/// Holds times against measured ones: each interval is its nominal length
/// plus what the timer wheel adds, and the sum is the measured one within the
/// same uncertainty. All in milliseconds from the same start.
///
/// # Panics
/// If one is too early or too late.
pub fn assert_schedule(what: &str, got: &[u64], nominal: &[u64], measured: &[u64]) {
    assert_eq!(got.len(), measured.len(), "{what}: {got:?} against {measured:?}");
    let (mut earliest, mut slack) = (0, 0);
    for ((&got, &interval), &measured) in got.iter().zip(nominal).zip(measured) {
        earliest += interval;
        slack += if interval == 0 { 0 } else { wheel(ms(interval)).as_millis() };
        assert!(
            (earliest..=earliest + slack).contains(&got),
            "{what}: {got} ms is not within {earliest}..={} ms",
            earliest + slack
        );
        assert!(got.abs_diff(measured) <= slack + 10, "{what}: {got} ms, measured {measured} ms");
    }
}
