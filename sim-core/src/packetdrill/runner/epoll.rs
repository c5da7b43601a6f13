//! `epoll_create`, `epoll_ctl`, `epoll_wait`: the sets are kept here, and waited for with `poll`.

use super::syscalls::show;
use super::{Descriptor, Runner, Step, fail, problem};
use crate::app::api::{Call, PollEvents, PollSet, Ret};
use crate::errno::Errno;
use crate::packetdrill::ast::{CallSpec, Expr};
use crate::packetdrill::calls::{self, EpollAnswer, Expect, Plan};
use crate::packetdrill::problem::ProblemKind;
use crate::tcp::TcpState;
use crate::units::Fd;
use crate::wire::SeqNum;

/// A descriptor in an epoll set.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// The script's number of it.
    script: i64,
    events: PollEvents,
    /// What `epoll_wait` gives back with it.
    data: i64,
    /// `EPOLLET`.
    edge: bool,
    /// `EPOLLONESHOT`.
    once: bool,
    /// `EPOLLONESHOT` has reported; `EPOLL_CTL_MOD` arms it again.
    spent: bool,
    /// What `EPOLLET` last reported.
    reported: Option<Moment>,
}

/// What a socket looks like to `EPOLLET`: bytes that arrive, a change of state
/// and room for data wake whoever waits (`sock_def_readable`,
/// `tcp_data_ready`, `sk_state_change`, `sk_write_space`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Moment {
    revents: PollEvents,
    received: SeqNum,
    state: TcpState,
}

impl Runner<'_> {
    pub(super) fn epoll(&mut self, line: u32, spec: &CallSpec, end: Option<u64>) -> Step {
        let int = |at: usize| spec.args.get(at).and_then(Expr::int);
        match spec.name.as_str() {
            "epoll_create" | "epoll_create1" => {
                let Some(script) = spec.result.int() else {
                    return problem(
                        line,
                        ProblemKind::Unsupported,
                        "a new descriptor needs the script's number for it",
                    );
                };
                if script < 0 {
                    return fail(line, show(spec), "a new descriptor");
                }
                self.fds.insert(script, Descriptor::Epoll(Vec::new()));
                Ok(())
            }
            "epoll_ctl" => {
                let (Some(set), Some(operation), Some(fd)) = (int(0), spec.args.get(1).and_then(Expr::name), int(2))
                else {
                    return fail(line, show(spec), "epoll_ctl(epfd, operation, fd, {events=, fd=})");
                };
                self.epoll_ctl(line, spec, set, operation, fd)
            }
            "epoll_wait" | "epoll_pwait" => {
                let (Some(set), Some(max), Some(timeout)) = (int(0), int(2), int(3)) else {
                    return fail(line, show(spec), "epoll_wait(epfd, {events=, fd=}, maxevents, timeout)");
                };
                self.epoll_wait(line, spec, [set, max, timeout], end)
            }
            other => problem(line, ProblemKind::Unsupported, format!("the system call {other}() is not in the model")),
        }
    }

    /// A closed descriptor leaves the sets it is in.
    pub(super) fn forget(&mut self, script: i64) {
        for descriptor in self.fds.values_mut() {
            if let Descriptor::Epoll(watched) = descriptor {
                watched.retain(|one| one.script != script);
            }
        }
    }

    fn epoll_ctl(&mut self, line: u32, spec: &CallSpec, set: i64, operation: &str, script: i64) -> Step {
        if !self.fds.contains_key(&script) {
            return fail(line, show(spec), format!("no descriptor of the script is called {script}"));
        }
        let Some(Descriptor::Epoll(watched)) = self.fds.get_mut(&set) else {
            return fail(line, show(spec), format!("no epoll set is called {set}"));
        };
        let known = watched.iter().position(|one| one.script == script);
        let outcome = match (operation, known) {
            ("EPOLL_CTL_ADD", None) | ("EPOLL_CTL_MOD" | "EPOLL_CTL_DEL", Some(_)) => Ok(Ret::Done),
            ("EPOLL_CTL_ADD", Some(_)) => Err(Errno::Exist),
            ("EPOLL_CTL_MOD" | "EPOLL_CTL_DEL", None) => Err(Errno::NoEnt),
            (other, _) => return fail(line, show(spec), format!("`{other}` is no operation of epoll_ctl()")),
        };
        if outcome.is_ok() {
            watched.retain(|one| one.script != script);
            if operation != "EPOLL_CTL_DEL" {
                match spec.args.get(3).map(|event| watch(event, script)) {
                    Some(Ok(one)) => watched.push(one),
                    Some(Err(reason)) => return problem(line, ProblemKind::Unsupported, reason),
                    None => return fail(line, show(spec), "epoll_ctl() needs an event"),
                }
            }
        }
        self.check_result(line, spec, &Expect::Plain, outcome)
    }

    fn epoll_wait(&mut self, line: u32, spec: &CallSpec, [set, max, timeout]: [i64; 3], end: Option<u64>) -> Step {
        let Some(Descriptor::Epoll(watched)) = self.fds.get(&set).cloned() else {
            return fail(line, show(spec), format!("no epoll set is called {set}"));
        };
        let first = match spec.args.get(1) {
            None | Some(Expr::Any) => Ok(None),
            Some(Expr::List(answers)) => answers.first().map(epoll_event).transpose(),
            Some(answer) => epoll_event(answer).map(Some),
        };
        let first = match first {
            Ok(first) => first.map(|event| (event.events.0, event.data)),
            Err(reason) => return problem(line, ProblemKind::Unsupported, reason),
        };
        let (mut fds, mut data) = (Vec::new(), Vec::new());
        for (at, one) in watched.iter().enumerate().filter(|(_, one)| !one.spent) {
            let Some(Descriptor::Socket { fd, .. }) = self.fds.get(&one.script) else { continue };
            let fd = *fd;
            if one.edge && one.reported.is_some() && one.reported == self.moment(fd, one.events) {
                if timeout != 0 && one.reported.is_some_and(|moment| moment.revents != PollEvents::NONE) {
                    let reason = "waiting for the next edge of a descriptor that is ready is not in the model";
                    return problem(line, ProblemKind::Unsupported, reason);
                }
                continue;
            }
            fds.push((fd, one.events));
            data.push((at, one.data));
        }
        let call = Call::Poll { set: PollSet::many(&fds), timeout: calls::poll_timeout(timeout) };
        self.kernel_call(line, spec, call, Expect::Epoll(EpollAnswer { set, max, data, first }), end)
    }

    /// What a socket looks like now.
    fn moment(&mut self, fd: Fd, events: PollEvents) -> Option<Moment> {
        let call = Call::Poll { set: PollSet::one(fd, events), timeout: Some(crate::time::Duration::ZERO) };
        // The second thread may be waiting: the first asks.
        let revents = match self.bench.call(0, call) {
            Some(Ok(Ret::Ready(set))) => set.entries().first().map_or(PollEvents::NONE, |entry| entry.revents),
            Some(_) | None => PollEvents::NONE,
        };
        let socket = self.bench.kernel.socket(self.bench.socket(fd)?);
        Some(Moment { revents, received: socket.tcb.rcv_nxt(), state: socket.state() })
    }

    /// Compares what `epoll_wait` gave, and remembers what edges were reported.
    pub(super) fn check_epoll(&mut self, line: u32, answer: &EpollAnswer, ready: &PollSet) -> Step {
        let mut room = answer.max;
        let mut first = None;
        for (entry, &(at, data)) in ready.entries().iter().zip(&answer.data) {
            if entry.revents == PollEvents::NONE || room <= 0 {
                continue;
            }
            room -= 1;
            first.get_or_insert((entry.revents.0, data));
            let moment = self.moment(entry.fd, entry.events);
            if let Some(Descriptor::Epoll(watched)) = self.fds.get_mut(&answer.set)
                && let Some(one) = watched.get_mut(at)
            {
                one.reported = moment.filter(|_| one.edge);
                one.spent = one.once;
            }
        }
        match (answer.first, first) {
            (Some((events, data)), Some((actual, of))) if events != actual || data.is_some_and(|data| data != of) => {
                let expected = format!("events {events:#x} of fd {}", data.unwrap_or(of));
                fail(line, expected, format!("events {actual:#x} of fd {of}"))
            }
            _ => Ok(()),
        }
    }
}

/// An event as a script writes it.
struct EpollEvent {
    events: PollEvents,
    edge: bool,
    once: bool,
    data: Option<i64>,
}

/// `{events=EPOLLIN|EPOLLET, fd=4}`; `ptr=`, `u32=` and `u64=` carry a number too.
fn epoll_event(expr: &Expr) -> Result<EpollEvent, String> {
    let Some(fields) = expr.fields() else { return Err("an epoll event is {events=, fd=}".to_owned()) };
    let mut event = EpollEvent { events: PollEvents::NONE, edge: false, once: false, data: None };
    for (name, value) in fields {
        if name != "events" {
            event.data = value.int().or(event.data);
            continue;
        }
        for part in value.parts() {
            match part.name() {
                Some("EPOLLET") => event.edge = true,
                Some("EPOLLONESHOT") => event.once = true,
                Some(_) | None => {
                    let bits = calls::poll_bits(part, "EPOLL").map_err(|plan| match *plan {
                        Plan::Refused(reason) | Plan::Unsupported(reason) => reason,
                        Plan::Kernel(..) | Plan::WithoutWaiting(..) | Plan::Known(..) => "no event".to_owned(),
                    })?;
                    event.events.0 |= bits;
                }
            }
        }
    }
    Ok(event)
}

fn watch(expr: &Expr, script: i64) -> Result<Watched, String> {
    let EpollEvent { events, edge, once, data } = epoll_event(expr)?;
    Ok(Watched { script, events, data: data.unwrap_or(script), edge, once, spent: false, reported: None })
}
