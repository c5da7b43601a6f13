//! Name resolution as glibc's `getaddrinfo` does it, call by call: `/etc/hosts`
//! first, then A and AAAA in one `sendmmsg` over UDP.
//!
//! After one of two answers got lost glibc asks one question at a time for the
//! rest of the process's life (`RES_SNGLKUP`), and as the changed options look
//! like an application's own, it stops looking at `/etc/resolv.conf`.

use super::api::{AppContext, Call, CallResult, Domain, FileKind, PollEvents, PollSet, SockType, SocketOption};
use super::dns::{self, QueryType};
use super::flow::{self, Flow};
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, Ipv4Addr};
use crate::wire::Payload;

/// `RES_TIMEOUT`: seconds one attempt waits for its answers.
const RES_TIMEOUT: Duration = Duration::from_secs(5);
/// `RES_DFLRETRY`: attempts before the name server is given up.
const RES_DFLRETRY: u8 = 2;

/// How a process resolves names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverConfig {
    /// The name server of `/etc/resolv.conf`.
    pub nameserver: Endpoint,
    /// Length of `/etc/hosts` in bytes.
    pub hosts_len: u32,
    /// What `/etc/hosts` says about the name, if anything.
    pub hosts_addr: Option<Ipv4Addr>,
}

impl ResolverConfig {
    /// A name server on port 53, and a hosts file as long as the write-up's.
    #[must_use]
    pub const fn new(nameserver: Ipv4Addr) -> Self {
        Self { nameserver: Endpoint::new(nameserver, dns::DNS_PORT), hosts_len: 605, hosts_addr: None }
    }
}

/// Why a name has no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResolveError {
    /// The name server says there is no such name (`EAI_NONAME`).
    NoName,
    /// No answer, or no socket to ask with (`EAI_AGAIN`); the last errno.
    Again(Errno),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Stat,
    OpenHosts,
    Fstat,
    Lseek,
    Read,
    ReadEnd,
    CloseHosts,
    Socket,
    RecvErr,
    Connect,
    PollOut,
    Send,
    PollIn,
    Fionread,
    Mprotect,
    Recv,
    CloseReopen,
    CloseEnd,
}

/// One process's resolver: its socket, its questions, what it learnt.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    config: ResolverConfig,
    name: Box<str>,
    at: At,
    fd: Option<Fd>,
    ids: [u16; 2],
    answered: [bool; 2],
    /// Asks one question at a time (`RES_SNGLKUP`).
    single: bool,
    /// Which question is out, in single mode.
    turn: u8,
    attempt: u8,
    deadline: Instant,
    addr: Option<Ipv4Addr>,
    outcome: Result<(), ResolveError>,
    /// The heap has to grow in this lookup: an `mprotect` before the last answer.
    grow: bool,
}

impl Resolver {
    pub(crate) fn new(config: ResolverConfig, name: &str) -> Self {
        Self {
            config,
            name: name.into(),
            at: At::Stat,
            fd: None,
            ids: [0; 2],
            answered: [false; 2],
            single: false,
            turn: 0,
            attempt: 0,
            deadline: Instant::ZERO,
            addr: None,
            outcome: Ok(()),
            grow: false,
        }
    }

    /// Another name from now on.
    pub(crate) fn look_for(&mut self, config: &ResolverConfig, name: &str) {
        (self.config, self.name) = (config.clone(), name.into());
    }

    /// The first call of a lookup.
    pub(crate) fn start(&mut self, grow: bool) -> Call {
        (self.attempt, self.addr, self.outcome, self.grow) = (0, None, Ok(()), grow);
        if self.single {
            return self.open_hosts();
        }
        self.at = At::Stat;
        Call::Stat { path: "/etc/resolv.conf" }
    }

    fn open_hosts(&mut self) -> Call {
        self.at = At::OpenHosts;
        Call::Open { file: FileKind::EtcHosts(self.config.hosts_len) }
    }

    fn fd(&self) -> Fd {
        self.fd.expect("the descriptor is open in this step")
    }

    /// What to do after a call's result.
    pub(crate) fn resume(
        &mut self,
        result: CallResult,
        cx: &mut AppContext<'_>,
    ) -> Flow<Result<Ipv4Addr, ResolveError>> {
        match self.at {
            At::Stat => Flow::Do(self.open_hosts()),
            At::OpenHosts | At::Fstat | At::Lseek | At::Read | At::ReadEnd | At::CloseHosts => self.hosts(result),
            At::Socket | At::RecvErr | At::Connect => self.set_up(result, cx),
            At::PollOut => Flow::Do(self.send(cx)),
            At::Send => match result {
                // Only a wait after an answer is what is left of the time.
                Ok(_) => Flow::Do(self.wait_in(RES_TIMEOUT)),
                Err(errno) => self.retry(errno, cx),
            },
            At::PollIn => match flow::ready(result) {
                Ok(0) => self.timed_out(cx),
                Ok(_) => {
                    self.at = At::Fionread;
                    Flow::Do(Call::IoctlFionread { fd: self.fd() })
                }
                Err(errno) => self.retry(errno, cx),
            },
            At::Fionread if self.grow && self.answered.contains(&true) => {
                (self.at, self.grow) = (At::Mprotect, false);
                Flow::Do(Call::Mprotect)
            }
            At::Fionread | At::Mprotect => {
                self.at = At::Recv;
                Flow::Do(Call::Recv { fd: self.fd(), max: 65_536, peek: false, dontwait: true })
            }
            At::Recv => match flow::data(result) {
                Ok(message) => self.answer(&message, cx),
                Err(errno) => self.retry(errno, cx),
            },
            At::CloseReopen => {
                self.fd = None;
                Flow::Do(self.open_socket())
            }
            At::CloseEnd => {
                self.fd = None;
                Flow::End(self.result())
            }
        }
    }

    fn result(&self) -> Result<Ipv4Addr, ResolveError> {
        self.outcome.and(self.addr.ok_or(ResolveError::NoName))
    }

    /// The `files` service of nsswitch: reads all of `/etc/hosts`.
    fn hosts(&mut self, result: CallResult) -> Flow<Result<Ipv4Addr, ResolveError>> {
        Flow::Do(match self.at {
            At::OpenHosts => match flow::fd(result) {
                Ok(fd) => {
                    (self.fd, self.at) = (Some(fd), At::Fstat);
                    Call::Fstat { fd }
                }
                // No file, no entry: nsswitch goes on to dns.
                Err(_) => self.open_socket(),
            },
            At::Fstat => {
                self.at = At::Lseek;
                Call::Lseek { fd: self.fd() }
            }
            At::Lseek => {
                self.at = At::Read;
                Call::Read { fd: self.fd(), max: 4_096 }
            }
            At::Read if flow::count(result).is_ok_and(|n| n >= 4_096) => Call::Read { fd: self.fd(), max: 4_096 },
            At::Read => {
                self.at = At::ReadEnd;
                Call::Read { fd: self.fd(), max: 4_096 }
            }
            At::ReadEnd => {
                self.at = At::CloseHosts;
                Call::Close { fd: self.fd() }
            }
            At::CloseHosts
            | At::Stat
            | At::Socket
            | At::RecvErr
            | At::Connect
            | At::PollOut
            | At::Send
            | At::PollIn
            | At::Fionread
            | At::Mprotect
            | At::Recv
            | At::CloseReopen
            | At::CloseEnd => {
                self.fd = None;
                if let Some(addr) = self.config.hosts_addr {
                    self.addr = Some(addr);
                    return Flow::End(self.result());
                }
                self.open_socket()
            }
        })
    }

    fn open_socket(&mut self) -> Call {
        self.at = At::Socket;
        Call::Socket { domain: Domain::Inet, ty: SockType::Dgram, nonblock: true }
    }

    fn set_up(&mut self, result: CallResult, cx: &mut AppContext<'_>) -> Flow<Result<Ipv4Addr, ResolveError>> {
        if self.at == At::Socket {
            return match flow::fd(result) {
                Ok(fd) => {
                    (self.fd, self.at) = (Some(fd), At::RecvErr);
                    Flow::Do(Call::SetSockOpt { fd, option: SocketOption::RecvErr(true) })
                }
                Err(errno) => {
                    self.outcome = Err(ResolveError::Again(errno));
                    Flow::End(self.result())
                }
            };
        }
        if self.at == At::RecvErr {
            self.at = At::Connect;
            return Flow::Do(Call::Connect { fd: self.fd(), addr: self.config.nameserver });
        }
        if let Err(errno) = result {
            self.outcome = Err(ResolveError::Again(errno));
            return self.close();
        }
        Flow::Do(self.ask(cx))
    }

    /// One attempt: fresh ids, and first of all is there room to send?
    fn ask(&mut self, cx: &mut AppContext<'_>) -> Call {
        // glibc's __res_mkquery adds a random number that is never 0, so no two
        // questions in a row have the same id and no answer fits both.
        let mut last = self.ids[1];
        self.ids = [(); 2].map(|()| {
            last = last.wrapping_add(1 + u16::try_from(cx.rng.below(0xffff)).expect("below 2^16"));
            last
        });
        self.answered = [false; 2];
        self.turn = 0;
        self.deadline = cx.now + RES_TIMEOUT;
        self.poll_out(Duration::ZERO)
    }

    /// Is there room to send? At first without waiting.
    fn poll_out(&mut self, timeout: Duration) -> Call {
        self.at = At::PollOut;
        Call::Poll { set: PollSet::one(self.fd(), PollEvents::OUT), timeout: Some(timeout) }
    }

    fn question(&self, turn: usize) -> Payload {
        let qtype = [QueryType::A, QueryType::Aaaa][turn];
        Payload::from_bytes(&dns::query(self.ids[turn], &self.name, qtype))
    }

    fn send(&mut self, cx: &AppContext<'_>) -> Call {
        self.at = At::Send;
        self.deadline = cx.now + RES_TIMEOUT;
        if self.single {
            return Call::Send { fd: self.fd(), data: self.question(usize::from(self.turn)) };
        }
        Call::Sendmmsg { fd: self.fd(), datagrams: vec![self.question(0), self.question(1)] }
    }

    /// What is left of the attempt, in whole milliseconds as glibc counts.
    fn left(&self, now: Instant) -> Duration {
        Duration::from_millis(self.deadline.since(now).as_millis())
    }

    /// Waits for what is left of the attempt.
    fn poll_in(&mut self, now: Instant) -> Call {
        let left = self.left(now);
        self.wait_in(left)
    }

    fn wait_in(&mut self, timeout: Duration) -> Call {
        self.at = At::PollIn;
        Call::Poll { set: PollSet::one(self.fd(), PollEvents::IN), timeout: Some(timeout) }
    }

    fn answer(&mut self, message: &Payload, cx: &mut AppContext<'_>) -> Flow<Result<Ipv4Addr, ResolveError>> {
        let parsed = dns::parse_answer(&message.to_vec());
        let Some((which, answer)) = parsed.and_then(|a| Some((self.ids.iter().position(|&id| id == a.id)?, a))) else {
            // Not an answer to a question of ours: keep waiting.
            return Flow::Do(self.poll_in(cx.now));
        };
        self.answered[which] = true;
        if which == 0 {
            self.addr = answer.addr;
        }
        if self.answered == [true, true] {
            return self.close();
        }
        if self.single {
            self.turn = 1;
            let left = self.left(cx.now);
            return Flow::Do(self.poll_out(left));
        }
        Flow::Do(self.poll_in(cx.now))
    }

    /// glibc's `send_dg` after a silent five seconds: one answer of two means a
    /// name server that cannot take two questions at once.
    fn timed_out(&mut self, cx: &mut AppContext<'_>) -> Flow<Result<Ipv4Addr, ResolveError>> {
        if self.answered.contains(&true) && !self.single {
            self.single = true;
            return Flow::Do(self.ask(cx));
        }
        if self.answered[0] {
            // The A record is there; the AAAA answer is given up.
            return self.close();
        }
        self.attempt += 1;
        if self.attempt < RES_DFLRETRY {
            return Flow::Do(self.ask(cx));
        }
        self.outcome = Err(ResolveError::Again(Errno::TimedOut));
        self.close()
    }

    /// The socket failed: the next attempt takes a new one.
    fn retry(&mut self, errno: Errno, cx: &mut AppContext<'_>) -> Flow<Result<Ipv4Addr, ResolveError>> {
        if errno == Errno::Again {
            return Flow::Do(self.poll_in(cx.now));
        }
        self.attempt += 1;
        if self.attempt < RES_DFLRETRY && dns::is_refusal(errno) {
            self.at = At::CloseReopen;
            return Flow::Do(Call::Close { fd: self.fd() });
        }
        self.outcome = Err(ResolveError::Again(errno));
        self.close()
    }

    fn close(&mut self) -> Flow<Result<Ipv4Addr, ResolveError>> {
        self.at = At::CloseEnd;
        Flow::Do(Call::Close { fd: self.fd() })
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fake kernel answers most calls alike")]
mod tests {
    use super::*;
    use crate::app::api::Ret;
    use crate::app::testkit::FakeCx;

    const ADDR: Ipv4Addr = Ipv4Addr::new(172, 31, 47, 174);

    /// Answers the resolver's calls; `lose` says which answers to lose by number.
    struct Server {
        cx: FakeCx,
        now: u64,
        queue: Vec<Payload>,
        asked: u32,
        lose: Vec<u32>,
        names: Vec<&'static str>,
    }

    impl Server {
        fn take(&mut self, question: &Payload) {
            self.asked += 1;
            if self.lose.contains(&self.asked) {
                return;
            }
            let bytes = question.to_vec();
            let q = dns::parse_query(&bytes).unwrap();
            let names = [("reg.liarlee.site".to_owned(), ADDR)];
            self.queue.push(Payload::from_bytes(&dns::answer(&bytes, &q, &names, &dns::Soa::default(), 60)));
        }

        fn lookup(&mut self, resolver: &mut Resolver) -> Result<Ipv4Addr, ResolveError> {
            self.names.clear();
            let mut call = resolver.start(true);
            loop {
                self.names.push(call.name().name());
                let result = match &call {
                    Call::Socket { .. } | Call::Open { .. } => Ok(Ret::Fd(Fd(7))),
                    Call::Read { .. } if self.names.iter().filter(|n| **n == "read").count() == 1 => {
                        Ok(Ret::Count(605))
                    }
                    Call::Sendmmsg { datagrams, .. } => {
                        datagrams.iter().for_each(|d| self.take(d));
                        Ok(Ret::Count(2))
                    }
                    Call::Send { data, .. } => {
                        self.take(data);
                        Ok(Ret::Count(data.len()))
                    }
                    Call::Poll { set, timeout } => {
                        let mut set = set.clone();
                        let entry = &mut set.entries_mut()[0];
                        if entry.events == PollEvents::OUT || !self.queue.is_empty() {
                            entry.revents = entry.events;
                            self.now += 193_000;
                        } else {
                            self.now += timeout.unwrap().nanos();
                        }
                        Ok(Ret::Ready(set))
                    }
                    Call::Recv { .. } => Ok(Ret::Data(self.queue.remove(0))),
                    _ => Ok(Ret::Done),
                };
                match resolver.resume(result, &mut self.cx.at(self.now)) {
                    Flow::Do(next) => call = next,
                    Flow::End(result) => return result,
                }
            }
        }
    }

    fn server(lose: &[u32]) -> Server {
        Server { cx: FakeCx::new(1), now: 0, queue: Vec::new(), asked: 0, lose: lose.to_vec(), names: Vec::new() }
    }

    fn resolver() -> Resolver {
        Resolver::new(ResolverConfig::new(Ipv4Addr::LOCALHOST), "reg.liarlee.site")
    }

    const HOSTS: [&str; 8] = ["stat", "openat", "fstat", "lseek", "read", "read", "close", "socket"];

    #[test]
    fn a_lookup_is_the_trace_of_the_write_up() {
        let (mut server, mut resolver) = (server(&[]), resolver());
        assert_eq!(server.lookup(&mut resolver), Ok(ADDR));
        let dns = [
            "setsockopt",
            "connect",
            "poll",
            "sendmmsg",
            "poll",
            "ioctl",
            "recvfrom",
            "poll",
            "ioctl",
            "mprotect",
            "recvfrom",
            "close",
        ];
        assert_eq!(server.names, [&HOSTS[..], &dns[..]].concat());
    }

    #[test]
    fn one_lost_answer_costs_five_seconds_and_changes_the_mode_for_good() {
        let (mut server, mut resolver) = (server(&[2]), resolver());
        assert_eq!(server.lookup(&mut resolver), Ok(ADDR));
        assert!(server.now > 5_000_000_000 && server.now < 5_010_000_000, "{}", server.now);
        assert_eq!(server.names.iter().filter(|n| **n == "sendto").count(), 2);
        assert_eq!(server.lookup(&mut resolver), Ok(ADDR));
        let dns = [
            "setsockopt",
            "connect",
            "poll",
            "sendto",
            "poll",
            "ioctl",
            "recvfrom",
            "poll",
            "sendto",
            "poll",
            "ioctl",
            "mprotect",
            "recvfrom",
            "close",
        ];
        assert_eq!(server.names, [&HOSTS[1..], &dns[..]].concat());
    }

    /// Two questions with one id would each take the other's answer, for ever.
    #[test]
    fn no_two_questions_have_the_same_id() {
        let (mut server, mut resolver) = (server(&[]), resolver());
        resolver.fd = Some(Fd(7));
        for _ in 0..200_000 {
            let before = resolver.ids[1];
            resolver.ask(&mut server.cx.at(0));
            assert!(resolver.ids[0] != resolver.ids[1] && resolver.ids[0] != before);
        }
    }

    #[test]
    fn silence_is_given_up_after_two_attempts() {
        let (mut server, mut resolver) = (server(&[1, 2, 3, 4]), resolver());
        assert_eq!(server.lookup(&mut resolver), Err(ResolveError::Again(Errno::TimedOut)));
        assert_eq!(server.names.iter().filter(|n| **n == "sendmmsg").count(), 2);
        assert_eq!(server.names.last(), Some(&"close"));
        assert!(server.now >= 10_000_000_000);
    }

    #[test]
    fn the_hosts_file_answers_without_a_packet() {
        let mut config = ResolverConfig::new(Ipv4Addr::LOCALHOST);
        config.hosts_addr = Some(ADDR);
        let (mut server, mut resolver) = (server(&[]), Resolver::new(config, "db"));
        assert_eq!(server.lookup(&mut resolver), Ok(ADDR));
        assert_eq!(server.names, HOSTS[..7]);
    }
}
