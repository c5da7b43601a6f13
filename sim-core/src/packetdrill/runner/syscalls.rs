//! System calls and their results.

use super::{Connection, Descriptor, Origin, PATIENCE_NS, Pending, Runner, Step, fail, problem, seconds};
use crate::app::api::{Call, CallResult, Ret};
use crate::errno::Errno;
use crate::packetdrill::ast::{CallSpec, Expr};
use crate::packetdrill::bench::{Bench, LOCAL, REMOTE};
use crate::packetdrill::calls::{self, Expect, FdUse, Plan, Surroundings};
use crate::packetdrill::compare::Numbers;
use crate::packetdrill::problem::ProblemKind;
use crate::units::Fd;

impl Runner<'_> {
    /// Makes a call; with `end`, in the second thread.
    pub(super) fn syscall(&mut self, line: u32, spec: &CallSpec, end: Option<u64>) -> Step {
        if spec.name.starts_with("epoll_") {
            return self.epoll(line, spec, end);
        }
        if spec.name == "close"
            && let Some(Expr::Int(script)) = spec.args.first()
            && matches!(self.fds.get(script), Some(Descriptor::Epoll(_)))
        {
            self.fds.remove(script);
            return self.check_result(line, spec, &Expect::Plain, Ok(Ret::Done));
        }
        let fds = &self.fds;
        let around = Surroundings {
            fd: &|script| match fds.get(&script)? {
                Descriptor::Socket { fd, .. } => Some(*fd),
                Descriptor::Epoll(_) => None,
            },
            local: LOCAL,
            remote: REMOTE,
            lenient: self.settings.lifecycle,
        };
        match calls::plan(spec, &around) {
            Plan::Refused(reason) => fail(line, show(spec), reason),
            Plan::Unsupported(reason) => problem(line, ProblemKind::Unsupported, reason),
            Plan::Known(result, expect) => self.check_result(line, spec, &expect, result),
            Plan::WithoutWaiting(fd, call, expect) => {
                let was = self.bench.call(0, Call::GetFl { fd });
                let blocking = matches!(was, Some(Ok(Ret::Count(flags))) if flags & 0o4000 == 0);
                if blocking {
                    self.bench.call(0, Call::SetNonblock { fd, on: true });
                }
                let result = self.bench.call(0, call);
                if blocking {
                    self.bench.call(0, Call::SetNonblock { fd, on: false });
                }
                let result = result.expect("a call on a non-blocking socket returns at once");
                self.check_result(line, spec, &expect, result)
            }
            Plan::Kernel(call, expect) => self.kernel_call(line, spec, call, expect, end),
        }
    }

    /// Makes a call of the kernel; with `end`, in the second thread.
    pub(super) fn kernel_call(
        &mut self,
        line: u32,
        spec: &CallSpec,
        call: Call,
        expect: Expect,
        end: Option<u64>,
    ) -> Step {
        if let Some(end) = end {
            return self.call_in_second_thread(line, spec, call, expect, end);
        }
        let result = self.call_and_wait(line, spec, call)?;
        self.check_result(line, spec, &expect, result)
    }

    fn call_in_second_thread(&mut self, line: u32, spec: &CallSpec, call: Call, expect: Expect, end: u64) -> Step {
        if self.bench.is_blocked(1) {
            self.await_idle(line)?;
        }
        self.before(spec);
        let result = self.bench.call(1, call);
        self.after_start(spec);
        let start = self.bench.elapsed();
        let pending = Pending { line, spec: spec.clone(), expect, start, end };
        match result {
            Some(result) => self.finished(pending, start, result),
            None => {
                self.pending = Some(pending);
                Ok(())
            }
        }
    }

    fn call_and_wait(&mut self, line: u32, spec: &CallSpec, call: Call) -> Step<CallResult> {
        self.before(spec);
        let result = self.bench.call(0, call);
        self.after_start(spec);
        if let Some(result) = result {
            return Ok(result);
        }
        let limit = Bench::instant(self.bench.elapsed() + PATIENCE_NS);
        while self.bench.next_at() <= limit && !self.bench.exhausted() {
            self.bench.step();
            self.second_thread()?;
            if let Some((_, result)) = self.bench.take_return(0) {
                return Ok(result);
            }
        }
        fail(line, show(spec), format!("it still blocks at {} s", seconds(self.bench.elapsed())))
    }

    /// The connection of the socket that the call's first argument names.
    fn subject(&self, spec: &CallSpec) -> Option<(usize, Fd)> {
        let Some(Expr::Int(script)) = spec.args.first() else { return None };
        match self.fds.get(script)? {
            Descriptor::Socket { fd, connection } => Some((*connection, *fd)),
            Descriptor::Epoll(_) => None,
        }
    }

    /// From a `connect()` on, packets belong to its connection.
    fn before(&mut self, spec: &CallSpec) {
        if spec.name == "connect"
            && let Some((at, _)) = self.subject(spec)
            && self.connections[at].origin == Origin::Fresh
        {
            self.connections[at].origin = Origin::Connecting;
        }
    }

    fn after_start(&mut self, spec: &CallSpec) {
        let Some((at, fd)) = self.subject(spec) else { return };
        match spec.name.as_str() {
            "connect" => {
                let tuple = self.bench.socket(fd).map(|id| self.bench.kernel.socket(id).tuple);
                let numbers = &mut self.connections[at].numbers;
                if numbers.tuple.is_none() {
                    numbers.tuple = tuple.filter(|tuple| tuple.remote.addr() == REMOTE);
                }
                if let Some(tuple) = numbers.tuple
                    && let Some(syn) =
                        self.bench.sent.iter().find(|sent| sent.tuple == tuple && sent.segment.flags.syn())
                {
                    numbers.local_isn = syn.segment.seq.0;
                }
            }
            "listen" => {
                let origin = &mut self.connections[at].origin;
                if *origin == Origin::Fresh {
                    *origin = Origin::Listening;
                }
            }
            "close" => {
                if let Some(Expr::Int(script)) = spec.args.first() {
                    self.fds.remove(script);
                    self.forget(*script);
                    self.connections[at].fd = None;
                }
            }
            _ => {}
        }
    }

    /// Compares what a call returned, and takes in a new descriptor.
    pub(super) fn check_result(&mut self, line: u32, spec: &CallSpec, expect: &Expect, result: CallResult) -> Step {
        let result = match result {
            Ok(Ret::Data(data)) if *expect == Expect::Nowhere && !data.is_empty() => Err(Errno::Fault),
            result => result,
        };
        let (number, written) = match &result {
            Err(errno) => {
                let actual = format!("-1 {} ({})", errno.name(), errno.text());
                let wanted = spec.errno.as_deref();
                let same = match (&spec.result, wanted) {
                    (Expr::Any, _) => true,
                    (Expr::Int(-1), Some(name)) => calls::errno(name) == Some(*errno),
                    (Expr::Int(-1), None) => true,
                    _ => false,
                };
                return if same { Ok(()) } else { fail(line, show(spec), actual) };
            }
            Ok(value) => returned(value, expect),
        };
        let script = spec.result.int();
        if script.is_none() && spec.result != Expr::Any {
            return problem(line, ProblemKind::Unsupported, format!("a result is a number, not {:?}", spec.result));
        }
        if let Expect::NewFd(which) = expect {
            let Some(script) = script else {
                return problem(line, ProblemKind::Unsupported, "a new descriptor needs the script's number for it");
            };
            if script < 0 {
                return fail(line, show(spec), "a new descriptor");
            }
            self.new_fd(script, *which, &result);
            return Ok(());
        }
        if script.is_some_and(|script| script != number) {
            return fail(line, show(spec), number.to_string());
        }
        match expect {
            Expect::Value(Some(value)) if written != Some(*value) => {
                let actual = written.map_or_else(|| "no value".to_owned(), |value| value.to_string());
                fail(line, format!("{} of value {value}", spec.name), format!("value {actual}"))
            }
            Expect::Poll(answers) => {
                let Ok(Ret::Ready(set)) = &result else { return Ok(()) };
                for (answer, entry) in answers.iter().zip(set.entries()) {
                    if answer.is_some_and(|bits| bits != entry.revents.0) {
                        return fail(
                            line,
                            format!("revents {:#x}", answer.unwrap_or(0)),
                            format!("revents {:#x}", entry.revents.0),
                        );
                    }
                }
                Ok(())
            }
            Expect::Epoll(answer) => {
                let Ok(Ret::Ready(set)) = &result else { return Ok(()) };
                self.check_epoll(line, answer, set)
            }
            Expect::Value(_) | Expect::Plain | Expect::NewFd(_) | Expect::Nowhere => Ok(()),
        }
    }

    fn new_fd(&mut self, script: i64, which: FdUse, result: &CallResult) {
        let (fd, connection) = match (which, result) {
            (FdUse::Socket, Ok(Ret::Fd(fd))) => {
                let connection = Connection { origin: Origin::Fresh, numbers: Numbers::default(), fd: Some(script) };
                self.connections.push(connection);
                self.under_test = Some(self.connections.len() - 1);
                (*fd, self.connections.len() - 1)
            }
            (FdUse::Accepted, Ok(Ret::Accepted(fd, peer))) => {
                let of = |c: &Connection| c.numbers.tuple.is_some_and(|tuple| tuple.remote == *peer);
                let Some(at) = self.connections.iter().rposition(of) else { return };
                self.connections[at].fd = Some(script);
                (*fd, at)
            }
            _ => return,
        };
        self.fds.insert(script, Descriptor::Socket { fd, connection });
    }
}

/// The number a successful call returns, and the value it wrote.
fn returned(value: &Ret, expect: &Expect) -> (i64, Option<i64>) {
    match value {
        // What an option holds is an `int`.
        Ret::Count(count) if matches!(expect, Expect::Value(_)) => (0, Some(i64::from(count.cast_signed()))),
        Ret::Count(count) => (i64::from(*count), None),
        Ret::Data(data) | Ret::Datagram(data, _) => (i64::from(data.len()), None),
        Ret::Ready(set) => {
            let ready = i64::try_from(set.ready()).unwrap_or(i64::MAX);
            (if let Expect::Epoll(answer) = expect { ready.min(answer.max) } else { ready }, None)
        }
        Ret::Fd(fd) | Ret::Accepted(fd, _) => (i64::from(fd.0), None),
        Ret::Done | Ret::Name(_) | Ret::Task(_) | Ret::Limits(_) => (0, None),
    }
}

/// What the script says of a call.
pub(super) fn show(spec: &CallSpec) -> String {
    let result = spec.result.int().map_or_else(|| "...".to_owned(), |value| value.to_string());
    let errno = spec.errno.as_ref().map_or_else(String::new, |errno| format!(" {errno}"));
    format!("{}() = {result}{errno}", spec.name)
}
