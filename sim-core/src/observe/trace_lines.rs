//! The trace of a run as JSON: every record an object with a sentence for people
//! and the cause.
//!
//! One object a line. The first says what follows (`kind` is `trace`); its
//! `schema_version` is raised when a field goes away or changes its meaning, not
//! when one is added. The book (`book/src/traces.md`) describes the fields.

use serde_json::{Map, Value, json};

use super::messages::cause_text;
use crate::app::CallName;
use crate::errno::Errno;
use crate::scenario::Scenario;
use crate::trace::{DropReason, Record, RecordKind};
use crate::units::{FourTuple, Port};
use crate::wire::Flags;

/// Version of the trace's objects.
pub const TRACE_SCHEMA_VERSION: u32 = 1;

/// Writes records as JSON objects.
#[derive(Clone, Debug, Default)]
pub struct TraceLines {
    title: String,
    seed: u64,
    hosts: Vec<String>,
    marks: Vec<String>,
    /// What the timeline does, as far as its entries can say.
    actions: Vec<String>,
}

impl TraceLines {
    /// Lines of a scenario's run under a seed.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            title: scenario.title.clone(),
            seed,
            hosts: scenario.hosts.iter().map(|host| host.name.clone()).collect(),
            marks: scenario.marks.iter().map(|mark| mark.name.clone()).collect(),
            actions: scenario.timeline.iter().map(|action| action.kind.to_string()).collect(),
        }
    }

    /// The first line: what this is a trace of.
    #[must_use]
    pub fn head(&self) -> Value {
        json!({
            "kind": "trace",
            "schema_version": TRACE_SCHEMA_VERSION,
            "text": format!("trace of `{}`, seed {}", self.title, self.seed),
            "scenario": self.title,
            "seed": self.seed,
            "hosts": self.hosts,
            "marks": self.marks,
            "timeline": self.actions,
        })
    }

    /// One record: `at_ns`, `host`, `kind`, `text`, `cause`, then what the kind has.
    #[must_use]
    pub fn line(&self, record: &Record) -> Value {
        object(record, self)
    }
}

/// What a record says: its kind, a sentence, the cause, and its own fields.
struct Line {
    kind: &'static str,
    text: String,
    cause: String,
    fields: Value,
}

fn object(record: &Record, names: &TraceLines) -> Value {
    let host = names.hosts.get(usize::from(record.host.0)).map_or("", String::as_str);
    let line = line(record, names);
    let mut object = Map::new();
    object.insert("at_ns".into(), record.at.nanos().into());
    object.insert("host".into(), host.into());
    object.insert("kind".into(), line.kind.into());
    object.insert("text".into(), format!("{} {host}: {}", record.at, line.text).into());
    object.insert("cause".into(), line.cause.into());
    if let Value::Object(fields) = line.fields {
        object.extend(fields);
    }
    Value::Object(object)
}

fn line(record: &Record, names: &TraceLines) -> Line {
    let named = |list: &[String], index: u32| {
        usize::try_from(index).ok().and_then(|index| list.get(index)).cloned().unwrap_or_default()
    };
    match record.kind {
        RecordKind::State { tuple, from, to, cause } => {
            let cause = cause_text(cause).texts().en;
            Line {
                kind: "state",
                text: format!("{} {} -> {}, {cause}", ends(tuple), from.rfc_name(), to.rfc_name()),
                cause: cause.to_owned(),
                fields: with_ends(tuple, json!({ "from": from.rfc_name(), "to": to.rfc_name() })),
            }
        }
        RecordKind::PortPick { tuple, inspected } => port_pick(tuple, inspected),
        RecordKind::Transmit { tuple, seq, ack, flags, len } => Line {
            kind: "transmit",
            text: format!("{} sends {}", ends(tuple), segment(flags, len)),
            cause: purpose(flags, len).to_owned(),
            fields: with_ends(tuple, numbers(seq.0, ack.0, flags, len)),
        },
        RecordKind::Receive { tuple, seq, ack, flags, len } => Line {
            kind: "receive",
            text: format!("{} receives {}", ends(tuple), segment(flags, len)),
            cause: purpose(flags, len).to_owned(),
            fields: with_ends(tuple, numbers(seq.0, ack.0, flags, len)),
        },
        RecordKind::Drop { tuple, reason } => Line {
            kind: "drop",
            text: format!("{} loses a packet, {}", ends(tuple), reason_phrase(reason)),
            cause: reason_phrase(reason).to_owned(),
            fields: with_ends(tuple, json!({ "reason": reason_name(reason) })),
        },
        RecordKind::Syscall { pid, task, name, fd, entered, result } => {
            let call = CallName::ALL.get(usize::from(name)).map_or("?", |call| call.name());
            let mut fields =
                json!({ "pid": pid.0, "task": task.0, "call": call, "fd": fd.0, "entered_ns": entered.nanos() });
            let (result, cause) = match result {
                Ok(value) => {
                    fields["value"] = value.into();
                    (value.to_string(), "completed")
                }
                Err(errno) => {
                    fields["errno"] = errno.name().into();
                    (format!("-1 {}", errno.name()), why_errno(errno))
                }
            };
            let took = record.at.since(entered).decimal(1_000_000, 3);
            let text = format!("{pid}/{} ({took} ms) {call}(fd {}) = {result}", task.0, fd.0);
            Line { kind: "syscall", text, cause: cause.to_owned(), fields }
        }
        RecordKind::Exit { pid, status } => Line {
            kind: "exit",
            text: format!("{pid} exits with status {status}"),
            cause: if status > 128 { format!("signal {}", status - 128) } else { "it ended by itself".to_owned() },
            fields: json!({ "pid": pid.0, "status": status }),
        },
        RecordKind::Action { index } => Line {
            kind: "action",
            text: named(&names.actions, index),
            cause: "the timeline says so".to_owned(),
            fields: json!({ "index": index }),
        },
        RecordKind::Mark { index } => Line {
            kind: "mark",
            text: format!("mark {}", named(&names.marks, index)),
            cause: "its condition became true".to_owned(),
            fields: json!({ "index": index }),
        },
    }
}

fn port_pick(tuple: FourTuple, inspected: u32) -> Line {
    let (text, cause) = if tuple.local.port == Port::NONE {
        let text = format!("connect() to {} finds no free port among {inspected}", tuple.remote);
        (text, "every candidate is taken, bound or reserved")
    } else {
        let text = format!("connect() to {} takes port {}, candidate {inspected}", tuple.remote, tuple.local.port.0);
        (text, if inspected == 1 { "the first candidate is free" } else { "all candidates before it are taken" })
    };
    let fields = with_ends(tuple, json!({ "inspected": inspected }));
    Line { kind: "port_pick", text, cause: cause.to_owned(), fields }
}

fn ends(tuple: FourTuple) -> String {
    format!("{} {}", tuple.local, tuple.remote)
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

fn segment(flags: Flags, len: u32) -> String {
    match len {
        0 => flag_names(flags),
        len => format!("{} with {len} bytes", flag_names(flags)),
    }
}

fn numbers(seq: u32, ack: u32, flags: Flags, len: u32) -> Value {
    json!({ "flags": flag_names(flags), "seq": seq, "ack": ack, "len": len })
}

/// What a segment is for.
fn purpose(flags: Flags, len: u32) -> &'static str {
    if flags.has(Flags::RST) {
        "the connection is refused or aborted"
    } else if flags.has(Flags::SYN) && flags.has(Flags::ACK) {
        "the answer to a SYN"
    } else if flags.has(Flags::SYN) {
        "a connection is opened"
    } else if flags.has(Flags::FIN) {
        "the sender has no more to say"
    } else if len > 0 {
        "data of the application"
    } else {
        "an acknowledgment"
    }
}

/// Why a call failed, for the errors this program is about.
fn why_errno(errno: Errno) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other errno says it by its own text")]
    match errno {
        Errno::AddrNotAvail => "no source port is free towards this destination",
        Errno::MFile => "the process is at its soft RLIMIT_NOFILE",
        Errno::NFile => "the system is at fs.file-max",
        Errno::InProgress => "the handshake goes on in the background",
        Errno::Again => "nothing to do yet, and the descriptor does not block",
        other => other.text(),
    }
}

const fn reason_phrase(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => "the link lost it",
        DropReason::Partition => "a partition is in force",
        DropReason::Rule => "a drop rule matched",
        DropReason::Reject => "a reject rule matched",
        DropReason::NoRoute => "no host has the destination address",
        DropReason::AcceptQueueFull => "the accept queue is full",
        DropReason::RequestQueueFull => "the request queue is full",
        DropReason::ReceiveBufferFull => "the receive buffer is full",
    }
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
    use crate::tcp::{Cause, TcpState};
    use crate::time::Instant;
    use crate::units::{Endpoint, Fd, HostId, Ipv4Addr, Pid, TaskId};
    use crate::wire::SeqNum;

    use super::*;

    fn tuple() -> FourTuple {
        let end = |last: u8, port: u16| Endpoint::new(Ipv4Addr::new(10, 0, 0, last), port);
        FourTuple { local: end(1, 40_000), remote: end(2, 3306) }
    }

    fn record(kind: RecordKind) -> Record {
        Record { at: Instant::from_nanos(5), host: HostId(1), kind }
    }

    fn lines(records: &[Record]) -> String {
        let lines = TraceLines { hosts: vec!["client".into(), "db".into()], ..TraceLines::default() };
        records.iter().map(|record| format!("{}\n", lines.line(record))).collect()
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
                r#"{"at_ns":5,"host":"db","kind":"state","#,
                r#""text":"0.000000 db: 10.0.0.1:40000 10.0.0.2:3306 ESTABLISHED -> CLOSE-WAIT, FIN arrived","#,
                r#""cause":"FIN arrived","from":"ESTABLISHED","to":"CLOSE-WAIT","#,
                r#""local":"10.0.0.1:40000","remote":"10.0.0.2:3306"}"#
            ))
        );
        assert_eq!(
            lines.next(),
            Some(concat!(
                r#"{"at_ns":5,"host":"db","kind":"syscall","#,
                r#""text":"0.000000 db: 7/1 (0.000 ms) connect(fd 3) = -1 EADDRNOTAVAIL","#,
                r#""cause":"no source port is free towards this destination","pid":7,"task":1,"call":"connect","#,
                r#""fd":3,"entered_ns":2,"errno":"EADDRNOTAVAIL"}"#
            ))
        );
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn every_kind_has_a_sentence_and_a_cause() {
        let (seq, ack) = (SeqNum(1), SeqNum(2));
        let kinds = [
            RecordKind::PortPick { tuple: tuple(), inspected: 3 },
            RecordKind::Transmit { tuple: tuple(), seq, ack, flags: Flags::SYN, len: 0 },
            RecordKind::Receive { tuple: tuple(), seq, ack, flags: Flags::ACK.with(Flags::PSH), len: 77 },
            RecordKind::Drop { tuple: tuple(), reason: DropReason::Loss },
            RecordKind::Exit { pid: Pid(7), status: 137 },
            RecordKind::Mark { index: 0 },
            RecordKind::Action { index: 0 },
        ];
        for kind in kinds {
            let value: Value = serde_json::from_str(&lines(&[record(kind)])).unwrap();
            for key in ["text", "cause", "kind", "host"] {
                assert!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{kind:?} has no {key}");
            }
        }
    }
}
