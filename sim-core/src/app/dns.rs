//! DNS messages (RFC 1035) and a name server that answers A and AAAA questions.

use std::collections::VecDeque;

use super::api::{
    App, AppContext, AppStatus, Call, Control, ControlError, Domain, HostsEntry, PollEvents, PollSet, Resume, Ret,
    SockType,
};
use crate::errno::Errno;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Fd, Ipv4Addr, TaskId};
use crate::wire::Payload;

/// The port name servers listen on (RFC 1035 §4.2.1).
pub const DNS_PORT: u16 = 53;

const CLASS_IN: u16 = 1;
const HEADER_LEN: usize = 12;
/// A pointer to the name of the question, which starts after the header.
const NAME_POINTER: [u8; 2] = [0xc0, 12];

/// The record types a resolver asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueryType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
}

impl QueryType {
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// A question as read from a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Message id, copied into the answer.
    pub id: u16,
    /// The name asked for, lower case, without a final dot.
    pub name: String,
    /// The record type; `None` for one the simulator has no records of.
    pub qtype: Option<QueryType>,
    /// Length of the question section in bytes.
    len: usize,
}

/// `RCODE` of an answer (RFC 1035 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rcode {
    /// The name exists.
    NoError,
    /// The name does not exist.
    NxDomain,
}

/// An answer as the resolver reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Id of the question answered.
    pub id: u16,
    /// Whether the name exists.
    pub rcode: Rcode,
    /// The first A record, if there is one.
    pub addr: Option<Ipv4Addr>,
}

fn push_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|l| !l.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        out.push(u8::try_from(label.len()).expect("a label has at most 63 octets"));
        out.extend_from_slice(label);
    }
    out.push(0);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// A recursive query for one name and type, as glibc's `res_mkquery` builds it.
#[must_use]
pub fn query(id: u16, name: &str, qtype: QueryType) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + name.len() + 6);
    for word in [id, 0x0100, 1, 0, 0, 0] {
        push_u16(&mut out, word);
    }
    push_name(&mut out, name);
    push_u16(&mut out, qtype.number());
    push_u16(&mut out, CLASS_IN);
    out
}

/// Reads the question of a query; `None` for anything else.
#[must_use]
pub fn parse_query(message: &[u8]) -> Option<Question> {
    let is_response = u16_at(message, 2)? & 0x8000 != 0;
    if is_response || u16_at(message, 4)? != 1 {
        return None;
    }
    let mut name = String::new();
    let mut at = HEADER_LEN;
    loop {
        let len = usize::from(*message.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        let label = message.get(at..at + len)?;
        name.extend(label.iter().map(|b| char::from(b.to_ascii_lowercase())));
        at += len;
    }
    let qtype = u16_at(message, at)?;
    u16_at(message, at + 2)?;
    let qtype = [QueryType::A, QueryType::Aaaa].into_iter().find(|t| t.number() == qtype);
    Some(Question { id: u16_at(message, 0)?, name, qtype, len: at + 4 - HEADER_LEN })
}

/// Reads an answer; `None` for anything that is not one.
#[must_use]
pub fn parse_answer(message: &[u8]) -> Option<Answer> {
    let flags = u16_at(message, 2)?;
    if flags & 0x8000 == 0 {
        return None;
    }
    let rcode = if flags & 0xf == 3 { Rcode::NxDomain } else { Rcode::NoError };
    let answers = u16_at(message, 6)?;
    let mut at = HEADER_LEN;
    while *message.get(at)? != 0 {
        at += 1 + usize::from(message[at]);
    }
    at += 5;
    let mut addr = None;
    for _ in 0..answers {
        // Our server names every record by a pointer to the question.
        let (rtype, len) = (u16_at(message, at + 2)?, usize::from(u16_at(message, at + 10)?));
        let rdata = message.get(at + 12..at + 12 + len)?;
        if rtype == QueryType::A.number() && addr.is_none() {
            addr = <[u8; 4]>::try_from(rdata).ok().map(Ipv4Addr::from);
        }
        at += 12 + len;
    }
    Some(Answer { id: u16_at(message, 0)?, rcode, addr })
}

/// The start of authority a server names where it has no record (RFC 2308).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Soa {
    /// `MNAME`, the primary server.
    pub mname: String,
    /// `RNAME`, the mailbox of the person in charge.
    pub rname: String,
}

impl Default for Soa {
    /// Names as long as the write-up's zone has: its AAAA answer is 125 bytes.
    fn default() -> Self {
        Self { mname: "ns-0000.nameservers.example".to_owned(), rname: "dnsadmin.nameservers.example".to_owned() }
    }
}

/// Answers `question` (the original message) from the list of names.
#[must_use]
pub fn answer(message: &[u8], question: &Question, names: &[HostsEntry], soa: &Soa, ttl: u32) -> Vec<u8> {
    let known: Vec<Ipv4Addr> =
        names.iter().filter(|(n, _)| n.eq_ignore_ascii_case(&question.name)).map(|&(_, a)| a).collect();
    let addrs: &[Ipv4Addr] = if question.qtype == Some(QueryType::A) { &known } else { &[] };
    let flags = if known.is_empty() { 0x8183 } else { 0x8180 };
    let mut out = Vec::with_capacity(128);
    let count = u16::try_from(addrs.len()).unwrap_or(u16::MAX);
    for word in [question.id, flags, 1, count, u16::from(count == 0), 0] {
        push_u16(&mut out, word);
    }
    out.extend_from_slice(&message[HEADER_LEN..HEADER_LEN + question.len]);
    for addr in addrs.iter().take(usize::from(count)) {
        push_record(&mut out, QueryType::A.number(), ttl, &addr.octets());
    }
    if count == 0 {
        let mut rdata = Vec::with_capacity(80);
        push_name(&mut rdata, &soa.mname);
        push_name(&mut rdata, &soa.rname);
        for timer in [1_u32, 7_200, 900, 1_209_600, 86_400] {
            rdata.extend_from_slice(&timer.to_be_bytes());
        }
        push_record(&mut out, 6, ttl, &rdata);
    }
    out
}

fn push_record(out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    out.extend_from_slice(&NAME_POINTER);
    push_u16(out, rtype);
    push_u16(out, CLASS_IN);
    out.extend_from_slice(&ttl.to_be_bytes());
    push_u16(out, u16::try_from(rdata.len()).expect("the record data was built from short names"));
    out.extend_from_slice(rdata);
}

/// A name server as the scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// Where it listens.
    pub listen: Endpoint,
    /// The names it knows.
    pub names: Vec<HostsEntry>,
    /// From a question's arrival to its answer.
    pub delay: Duration,
    /// Ordinal numbers (from 1) of answers that are never sent.
    pub lose_replies: Vec<u64>,
    /// Spans of time in which questions are read and not answered.
    pub stalls: Vec<(Instant, Instant)>,
    /// Time to live in answers, in seconds.
    pub ttl: u32,
    /// Authority named in negative answers.
    pub soa: Soa,
}

impl DnsConfig {
    /// A server on port 53 of `addr` that answers 0.15 ms after the question.
    #[must_use]
    pub fn new(addr: Ipv4Addr, names: Vec<HostsEntry>) -> Self {
        Self {
            listen: Endpoint::new(addr, DNS_PORT),
            names,
            delay: Duration::from_micros(150),
            lose_replies: Vec::new(),
            stalls: Vec::new(),
            ttl: 60,
            soa: Soa::default(),
        }
    }
}

/// A datagram that waits for its time to be sent.
#[derive(Clone, Debug)]
struct Pending {
    due: Instant,
    to: Endpoint,
    message: Payload,
}

/// Where the server's only thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Start,
    Socket,
    Bind,
    Poll,
    Recv,
    Send,
    Exit,
}

/// A name server: one thread, one UDP socket, answers in order after a delay.
#[derive(Clone, Debug)]
pub struct DnsServer {
    config: DnsConfig,
    at: At,
    fd: Fd,
    pending: VecDeque<Pending>,
    queries: u64,
    replies: u64,
    lost: u64,
    stop: bool,
}

impl DnsServer {
    /// A server not yet started.
    #[must_use]
    pub fn new(config: DnsConfig) -> Self {
        Self {
            config,
            at: At::Start,
            fd: Fd(0),
            pending: VecDeque::new(),
            queries: 0,
            replies: 0,
            lost: 0,
            stop: false,
        }
    }

    /// Takes a question and queues its answer.
    fn question(&mut self, message: &Payload, from: Endpoint, now: Instant) {
        let bytes = message.to_vec();
        let Some(question) = parse_query(&bytes) else { return };
        self.queries += 1;
        let stalled = self.config.stalls.iter().any(|&(from, to)| from <= now && now < to);
        if stalled || self.config.lose_replies.contains(&self.queries) {
            self.lost += 1;
            return;
        }
        let reply = answer(&bytes, &question, &self.config.names, &self.config.soa, self.config.ttl);
        let message = Payload::from_bytes(&reply);
        self.pending.push_back(Pending { due: now + self.config.delay, to: from, message });
    }

    /// Sends what is due, else waits for a question or the next due answer.
    fn next(&mut self, now: Instant) -> Call {
        if self.stop {
            self.at = At::Exit;
            return Call::ExitProcess { status: 0 };
        }
        if self.pending.front().is_some_and(|p| p.due <= now) {
            let Pending { to, message, .. } = self.pending.pop_front().expect("the queue has a front");
            self.at = At::Send;
            return Call::SendTo { fd: self.fd, addr: to, data: message };
        }
        self.at = At::Poll;
        let timeout = self.pending.front().map(|p| p.due.since(now));
        Call::Poll { set: PollSet::one(self.fd, PollEvents::IN), timeout }
    }
}

impl App for DnsServer {
    fn resume(&mut self, _task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        let result = match resume {
            Resume::Started(_) => Ok(Ret::Done),
            Resume::Done(result) => result,
        };
        match self.at {
            At::Start => {
                self.at = At::Socket;
                Call::Socket { domain: Domain::Inet, ty: SockType::Dgram, nonblock: true }
            }
            At::Socket => match super::flow::fd(result) {
                Ok(fd) => {
                    (self.fd, self.at) = (fd, At::Bind);
                    Call::Bind { fd, addr: self.config.listen }
                }
                Err(_) => Call::ExitProcess { status: 1 },
            },
            At::Bind if result.is_err() => Call::ExitProcess { status: 1 },
            At::Poll if super::flow::ready(result.clone()).is_ok_and(|n| n > 0) => {
                self.at = At::Recv;
                Call::Recv { fd: self.fd, max: 512, peek: false, dontwait: true }
            }
            At::Recv => {
                if let Ok(Ret::Datagram(message, from)) = result {
                    self.question(&message, from, cx.now);
                }
                self.next(cx.now)
            }
            At::Send => {
                match result {
                    Ok(_) => self.replies += 1,
                    Err(_) => self.lost += 1,
                }
                self.next(cx.now)
            }
            At::Bind | At::Poll => self.next(cx.now),
            At::Exit => Call::ExitTask,
        }
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        Some(Box::new(self.clone()))
    }

    /// `Stop`: no answer leaves any more; the process ends at its next wake-up.
    fn control(&mut self, control: &Control, _cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        match control {
            Control::Stop => {
                self.stop = true;
                self.pending.clear();
                Ok(())
            }
            Control::Sql(_) | Control::KillSession(_) | Control::Connect => {
                Err(ControlError::Unknown(control.to_string()))
            }
        }
    }

    fn status(&self, _now: Instant) -> AppStatus {
        let counters = ["queries", "replies", "lost"];
        let counters = counters.iter().filter_map(|&n| Some((n.to_owned(), self.metric(n)?))).collect();
        AppStatus { counters, ..AppStatus::default() }
    }

    fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "queries" => Some(self.queries),
            "replies" => Some(self.replies),
            "lost" => Some(self.lost),
            _ => None,
        }
    }
}

/// Errors a resolver may get from its socket that mean "no server there".
pub(crate) const fn is_refusal(errno: Errno) -> bool {
    matches!(errno, Errno::ConnRefused | Errno::HostUnreach | Errno::NetUnreach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testkit::FakeCx;

    const ADDR: Ipv4Addr = Ipv4Addr::new(172, 31, 47, 174);

    fn names() -> Vec<HostsEntry> {
        vec![("reg.liarlee.site".to_owned(), ADDR)]
    }

    #[test]
    fn answers_have_the_lengths_of_the_trace() {
        for (qtype, len) in [(QueryType::A, 50), (QueryType::Aaaa, 125)] {
            let message = query(7, "reg.liarlee.site", qtype);
            let question = parse_query(&message).unwrap();
            assert_eq!((question.name.as_str(), question.qtype), ("reg.liarlee.site", Some(qtype)));
            assert_eq!(answer(&message, &question, &names(), &Soa::default(), 60).len(), len);
        }
    }

    #[test]
    fn answers_are_read_back() {
        let read = |name: &str, qtype| {
            let message = query(9, name, qtype);
            parse_answer(&answer(&message, &parse_query(&message).unwrap(), &names(), &Soa::default(), 60)).unwrap()
        };
        let a = read("REG.liarlee.site", QueryType::A);
        assert_eq!(a, Answer { id: 9, rcode: Rcode::NoError, addr: Some(ADDR) });
        assert_eq!(read("reg.liarlee.site", QueryType::Aaaa).addr, None);
        assert_eq!(read("nowhere.example", QueryType::A).rcode, Rcode::NxDomain);
        assert_eq!(parse_answer(&query(9, "x", QueryType::A)), None);
        assert_eq!(parse_query(&[0; 5]), None);
    }

    #[test]
    fn the_server_answers_after_its_delay_and_loses_what_it_is_told_to() {
        let mut config = DnsConfig::new(Ipv4Addr::LOCALHOST, names());
        config.lose_replies = vec![2];
        let mut app = DnsServer::new(config);
        let mut cx = FakeCx::new(1);
        let t = TaskId(0);
        assert!(matches!(app.resume(t, Resume::Started(0), &mut cx.at(0)), Call::Socket { .. }));
        assert!(matches!(app.resume(t, Resume::Done(Ok(Ret::Fd(Fd(3)))), &mut cx.at(0)), Call::Bind { .. }));
        let call = app.resume(t, Resume::Done(Ok(Ret::Done)), &mut cx.at(0));
        assert!(matches!(call, Call::Poll { timeout: None, .. }));
        let peer = Endpoint::new(Ipv4Addr::LOCALHOST, 40_000);
        let ask = |app: &mut DnsServer, cx: &mut FakeCx, at| {
            let mut set = PollSet::one(Fd(3), PollEvents::IN);
            set.entries_mut()[0].revents = PollEvents::IN;
            assert!(matches!(app.resume(t, Resume::Done(Ok(Ret::Ready(set))), &mut cx.at(at)), Call::Recv { .. }));
            let q = Payload::from_bytes(&query(1, "reg.liarlee.site", QueryType::A));
            app.resume(t, Resume::Done(Ok(Ret::Datagram(q, peer))), &mut cx.at(at))
        };
        let call = ask(&mut app, &mut cx, 0);
        assert!(matches!(call, Call::Poll { timeout: Some(d), .. } if d == Duration::from_micros(150)));
        let timed_out = Resume::Done(Ok(Ret::Ready(PollSet::one(Fd(3), PollEvents::IN))));
        assert!(matches!(app.resume(t, timed_out, &mut cx.at(150_000)), Call::SendTo { addr, .. } if addr == peer));
        assert!(matches!(app.resume(t, Resume::Done(Ok(Ret::Count(50))), &mut cx.at(150_000)), Call::Poll { .. }));
        assert!(matches!(ask(&mut app, &mut cx, 200_000), Call::Poll { timeout: None, .. }));
        assert_eq!((app.metric("queries"), app.metric("replies"), app.metric("lost")), (Some(2), Some(1), Some(1)));
    }
}
