//! The trace of a run as JSON: every record an object with a sentence for people
//! and the cause.
//!
//! One object a line. The first says what follows (`kind` is `trace`); its
//! `schema_version` is raised when a field goes away or changes its meaning, not
//! when one is added. The book (`book/src/traces.md`) describes the fields.

use serde_json::{Map, Value, json};

use super::told::RecordNames;
use crate::app::CallName;
use crate::scenario::Scenario;
use crate::trace::{DropReason, Record, RecordKind};
use crate::units::FourTuple;
use crate::wire::Flags;

/// Version of the trace's objects.
pub const TRACE_SCHEMA_VERSION: u32 = 1;

/// Writes records as JSON objects.
#[derive(Clone, Debug, Default)]
pub struct TraceLines {
    head: Value,
    names: RecordNames,
}

impl TraceLines {
    /// Lines of a scenario's run under a seed.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let head = json!({
            "kind": "trace",
            "schema_version": TRACE_SCHEMA_VERSION,
            "text": format!("trace of `{}`, seed {seed}", scenario.title),
            "scenario": scenario.title,
            "seed": seed,
            "hosts": scenario.hosts.iter().map(|host| &host.name).collect::<Vec<_>>(),
            "marks": scenario.marks.iter().map(|mark| &mark.name).collect::<Vec<_>>(),
            "timeline": scenario.timeline.iter().map(|action| action.kind.to_string()).collect::<Vec<_>>(),
        });
        Self { head, names: RecordNames::of(scenario) }
    }

    /// The first line: what this is a trace of.
    #[must_use]
    pub const fn head(&self) -> &Value {
        &self.head
    }

    /// One record: `at_ns`, `host`, `kind`, `text`, `cause`, then what the kind has.
    #[must_use]
    pub fn line(&self, record: &Record) -> Value {
        let told = self.names.tell(record);
        let (kind, fields) = fields(record);
        let cause = if told.why.en.is_empty() { "the timeline says so" } else { &told.why.en };
        let mut object = Map::new();
        object.insert("at_ns".into(), record.at.nanos().into());
        let text = format!("{} {}: {}, {cause}", record.at, told.host, told.what.en);
        object.insert("host".into(), told.host.into());
        object.insert("kind".into(), kind.into());
        object.insert("text".into(), text.into());
        object.insert("cause".into(), cause.into());
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        Value::Object(object)
    }
}

/// Name of the kind, and its own fields.
fn fields(record: &Record) -> (&'static str, Value) {
    match record.kind {
        RecordKind::State { tuple, from, to, .. } => {
            ("state", with_ends(tuple, json!({ "from": from.rfc_name(), "to": to.rfc_name() })))
        }
        RecordKind::PortPick { tuple, inspected } => ("port_pick", with_ends(tuple, json!({ "inspected": inspected }))),
        RecordKind::Transmit { tuple, seq, ack, flags, len } => {
            ("transmit", with_ends(tuple, numbers(seq.0, ack.0, flags, len)))
        }
        RecordKind::Receive { tuple, seq, ack, flags, len } => {
            ("receive", with_ends(tuple, numbers(seq.0, ack.0, flags, len)))
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
    }
}

fn with_ends(tuple: FourTuple, mut fields: Value) -> Value {
    fields["local"] = tuple.local.to_string().into();
    fields["remote"] = tuple.remote.to_string().into();
    fields
}

fn flag_names(flags: Flags) -> String {
    let names = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
        (Flags::URG, "URG"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|&(flag, _)| flags.has(flag)).map(|(_, name)| name).collect();
    set.join(",")
}

fn numbers(seq: u32, ack: u32, flags: Flags, len: u32) -> Value {
    json!({ "flags": flag_names(flags), "seq": seq, "ack": ack, "len": len })
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
    use super::*;
    use crate::errno::Errno;
    use crate::scenario::preset;
    use crate::tcp::{Cause, TcpState};
    use crate::time::Instant;
    use crate::units::{Endpoint, Fd, HostId, Ipv4Addr, Pid, TaskId};

    #[test]
    fn a_record_is_one_line_of_json() {
        let lines = TraceLines::new(&preset::find("two-hosts").unwrap().scenario(), 7);
        assert_eq!((lines.head()["seed"].as_u64(), lines.head()["hosts"][1].as_str()), (Some(7), Some("db")));
        let end = |last: u8, port: u16| Endpoint::new(Ipv4Addr::new(10, 0, 0, last), port);
        let tuple = FourTuple { local: end(1, 40_000), remote: end(2, 3306) };
        let record = |kind| Record { at: Instant::from_nanos(5), host: HostId(1), kind };
        let closed = record(RecordKind::State {
            tuple,
            from: TcpState::Established,
            to: TcpState::CloseWait,
            cause: Cause::FinArrived,
        });
        let line = lines.line(&closed);
        assert_eq!((line["kind"].as_str(), line["to"].as_str()), (Some("state"), Some("CLOSE-WAIT")));
        assert_eq!((line["local"].as_str(), line["cause"].as_str()), (Some("10.0.0.1:40000"), Some("FIN arrived")));
        let text = line["text"].as_str().unwrap();
        assert!(text.starts_with("0.000000 db: ") && text.ends_with(", FIN arrived"), "{text}");
        let failed = record(RecordKind::Syscall {
            pid: Pid(7),
            task: TaskId(1),
            name: CallName::Connect as u8,
            fd: Fd(3),
            entered: Instant::from_nanos(2),
            result: Err(Errno::AddrNotAvail),
        });
        let line = lines.line(&failed);
        assert_eq!((line["call"].as_str(), line["errno"].as_str()), (Some("connect"), Some("EADDRNOTAVAIL")));
        assert_eq!((line["entered_ns"].as_u64(), line.get("value")), (Some(2), None));
        let lost = lines.line(&record(RecordKind::Drop { tuple, reason: DropReason::NoRoute }));
        assert_eq!(lost["reason"].as_str(), Some("no_route"));
        let action = lines.line(&record(RecordKind::Action { index: 0 }));
        assert!(action["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{action}");
    }
}
