//! The trace of a run: every record as one JSON object on a line of its own.

use std::io::{self, Write};

use halfclose::app::CallName;
use halfclose::trace::{DropReason, Observer, Record, RecordKind};
use halfclose::units::FourTuple;
use halfclose::wire::Flags;
use serde_json::{Map, Value, json};

/// Writes records as they happen. The first failure to write ends the
/// writing, not the run; [`JsonLines::finish`] reports it.
pub struct JsonLines<'a> {
    out: &'a mut dyn Write,
    hosts: Vec<String>,
    failure: Option<io::Error>,
}

impl<'a> JsonLines<'a> {
    /// A trace of these hosts, by their ids.
    pub fn new(out: &'a mut dyn Write, hosts: Vec<String>) -> Self {
        Self { out, hosts, failure: None }
    }

    /// Flushes.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn finish(self) -> io::Result<()> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.out.flush(),
        }
    }
}

impl Observer for JsonLines<'_> {
    fn record(&mut self, record: &Record) {
        if self.failure.is_some() {
            return;
        }
        let host = self.hosts.get(usize::from(record.host.0)).map_or("", String::as_str);
        if let Err(failure) = writeln!(self.out, "{}", object(record, host)) {
            self.failure = Some(failure);
        }
    }

    fn wants_syscalls(&self) -> bool {
        true
    }
}

/// `at_ns`, `host`, `kind`, then what the kind has.
fn object(record: &Record, host: &str) -> Value {
    let (kind, fields) = match record.kind {
        RecordKind::State { tuple, from, to, cause } => (
            "state",
            with_ends(tuple, json!({ "from": from.rfc_name(), "to": to.rfc_name(), "cause": cause.phrase() })),
        ),
        RecordKind::PortPick { tuple, inspected } => ("port_pick", with_ends(tuple, json!({ "inspected": inspected }))),
        RecordKind::Transmit { tuple, seq, ack, flags, len } => {
            ("transmit", with_ends(tuple, segment(seq.0, ack.0, flags, len)))
        }
        RecordKind::Receive { tuple, seq, ack, flags, len } => {
            ("receive", with_ends(tuple, segment(seq.0, ack.0, flags, len)))
        }
        RecordKind::Drop { tuple, reason } => ("drop", with_ends(tuple, json!({ "reason": reason_name(reason) }))),
        RecordKind::Syscall { pid, task, name, fd, entered, result } => {
            let call = CallName::ALL.get(usize::from(name)).map_or("?", |call| call.name());
            let mut fields =
                json!({ "pid": pid.0, "task": task.0, "call": call, "fd": fd.0, "entered_ns": entered.nanos() });
            match result {
                Ok(value) => fields["value"] = value.into(),
                Err(errno) => fields["errno"] = errno.name().into(),
            }
            ("syscall", fields)
        }
        RecordKind::Exit { pid, status } => ("exit", json!({ "pid": pid.0, "status": status })),
        RecordKind::Action { index } => ("action", json!({ "index": index })),
        RecordKind::Mark { index } => ("mark", json!({ "index": index })),
    };
    let mut object = Map::new();
    object.insert("at_ns".into(), record.at.nanos().into());
    object.insert("host".into(), host.into());
    object.insert("kind".into(), kind.into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

fn with_ends(tuple: FourTuple, mut fields: Value) -> Value {
    fields["local"] = tuple.local.to_string().into();
    fields["remote"] = tuple.remote.to_string().into();
    fields
}

fn segment(seq: u32, ack: u32, flags: Flags, len: u32) -> Value {
    let names = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
        (Flags::URG, "URG"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|&(flag, _)| flags.has(flag)).map(|(_, name)| name).collect();
    json!({ "flags": set.join(","), "seq": seq, "ack": ack, "len": len })
}

const fn reason_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => "loss",
        DropReason::Partition => "partition",
        DropReason::Rule => "rule",
        DropReason::Reject => "reject",
        DropReason::NoRoute => "no_route",
        DropReason::AcceptQueueFull => "accept_queue_full",
        DropReason::RequestQueueFull => "request_queue_full",
        DropReason::ReceiveBufferFull => "receive_buffer_full",
    }
}

#[cfg(test)]
mod tests {
    use halfclose::errno::Errno;
    use halfclose::tcp::{Cause, TcpState};
    use halfclose::time::Instant;
    use halfclose::units::{Endpoint, Fd, HostId, Ipv4Addr, Pid, TaskId};

    use super::*;

    fn tuple() -> FourTuple {
        let end = |last: u8, port: u16| Endpoint::new(Ipv4Addr::new(10, 0, 0, last), port);
        FourTuple { local: end(1, 40_000), remote: end(2, 3306) }
    }

    fn record(kind: RecordKind) -> Record {
        Record { at: Instant::from_nanos(5), host: HostId(1), kind }
    }

    fn lines(records: &[Record]) -> String {
        let mut out = Vec::new();
        let mut trace = JsonLines::new(&mut out, vec!["client".into(), "db".into()]);
        for one in records {
            trace.record(one);
        }
        trace.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_one_line_of_json() {
        let text = lines(&[
            record(RecordKind::State {
                tuple: tuple(),
                from: TcpState::Established,
                to: TcpState::CloseWait,
                cause: Cause::FinArrived,
            }),
            record(RecordKind::Syscall {
                pid: Pid(7),
                task: TaskId(1),
                name: CallName::Connect as u8,
                fd: Fd(3),
                entered: Instant::from_nanos(2),
                result: Err(Errno::AddrNotAvail),
            }),
        ]);
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(concat!(
                r#"{"at_ns":5,"host":"db","kind":"state","from":"ESTABLISHED","to":"CLOSE-WAIT","#,
                r#""cause":"FIN arrived","local":"10.0.0.1:40000","remote":"10.0.0.2:3306"}"#
            ))
        );
        assert_eq!(
            lines.next(),
            Some(concat!(
                r#"{"at_ns":5,"host":"db","kind":"syscall","pid":7,"task":1,"call":"connect","fd":3,"#,
                r#""entered_ns":2,"errno":"EADDRNOTAVAIL"}"#
            ))
        );
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_full_disk_is_reported_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut full = Full;
        let mut trace = JsonLines::new(&mut full, vec![]);
        trace.record(&record(RecordKind::Mark { index: 0 }));
        trace.record(&record(RecordKind::Mark { index: 1 }));
        assert_eq!(trace.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
