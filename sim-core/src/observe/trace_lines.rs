//! The trace of a run as JSON: every record an object with a sentence for people
//! and the cause.
//!
//! One object a line. The first says what follows (`kind` is `trace`); its
//! `schema_version` is raised when a field goes away or changes its meaning, not
//! when one is added. [`trace_schema`] is their JSON Schema, and the book
//! (`book/src/traces.md`) has them as tables.

use schemars::JsonSchema;
use serde::Serialize;

use super::told::RecordNames;
use crate::app::CallName;
use crate::scenario::Scenario;
use crate::tcp::TcpState;
use crate::trace::{DropReason, Record, RecordKind};
use crate::units::{Fd, FourTuple};
use crate::wire::Flags;

/// Version of the trace's objects.
pub const TRACE_SCHEMA_VERSION: u32 = 1;

/// Writes records as JSON objects.
#[derive(Clone, Debug)]
pub struct TraceLines {
    head: TraceHead,
    names: RecordNames,
}

impl TraceLines {
    /// Lines of a scenario's run under a seed.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let head = TraceHead {
            kind: HeadKind::Trace,
            schema_version: TRACE_SCHEMA_VERSION,
            text: format!("trace of `{}`, seed {seed}", scenario.title),
            scenario: scenario.title.clone(),
            seed,
            hosts: scenario.hosts.iter().map(|host| host.name.clone()).collect(),
            marks: scenario.marks.iter().map(|mark| mark.name.clone()).collect(),
            timeline: scenario.timeline.iter().map(|action| action.kind.to_string()).collect(),
        };
        Self { head, names: RecordNames::of(scenario) }
    }

    /// The first line: what this is a trace of.
    #[must_use]
    pub const fn head(&self) -> &TraceHead {
        &self.head
    }

    /// The line of one record.
    #[must_use]
    pub fn line(&self, record: &Record) -> TraceRecord {
        let told = self.names.tell(record);
        let cause = if told.why.en.is_empty() { "the timeline says so".to_owned() } else { told.why.en };
        TraceRecord {
            at_ns: record.at.nanos(),
            what: what(&record.kind),
            text: format!("{} {}: {}, {cause}", record.at, told.host, told.what.en),
            host: told.host,
            cause,
        }
    }
}

/// The JSON Schema (draft 2020-12) of a trace's lines, pretty-printed.
#[must_use]
pub fn trace_schema() -> String {
    format!("{:#}\n", schemars::schema_for!(TraceLine).to_value())
}

/// A line of a trace: the first, or one of the others.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema's root; lines are written as what they are")]
enum TraceLine {
    Head(TraceHead),
    Record(TraceRecord),
}

/// The first line: what this is a trace of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct TraceHead {
    /// What tells it from the others.
    pub kind: HeadKind,
    /// Raised when a field goes away or changes its meaning, not when one is added.
    pub schema_version: u32,
    /// The line as a sentence.
    pub text: String,
    /// The scenario's title.
    pub scenario: String,
    /// The seed of the run.
    pub seed: u64,
    /// Names of the hosts.
    pub hosts: Vec<String>,
    /// Names of the scenario's own marks: what `index` of a `mark` counts in, from 0.
    pub marks: Vec<String>,
    /// Entries of the timeline: what `index` of an `action` counts in, from 0.
    pub timeline: Vec<String>,
}

/// The `kind` of the first line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// What this is a trace of.
    Trace,
}

/// Every other line: something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct TraceRecord {
    /// Nanoseconds since the start; lines are in order.
    pub at_ns: u64,
    /// Name of the host.
    pub host: String,
    /// What happened.
    #[serde(flatten)]
    pub what: TraceKind,
    /// The record as a sentence, with time (s) and host.
    pub text: String,
    /// Why it happened.
    pub cause: String,
}

/// What happened, by `kind`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TraceKind {
    /// A connection changed its state.
    State {
        /// The connection.
        #[serde(flatten)]
        ends: Ends,
        /// The state it left.
        #[schemars(extend("enum" = TcpState::ALL.map(TcpState::rfc_name)))]
        from: &'static str,
        /// The state it entered.
        #[schemars(extend("enum" = TcpState::ALL.map(TcpState::rfc_name)))]
        to: &'static str,
    },
    /// `connect()` chose a source port, or found none (`local` has port 0 then).
    PortPick {
        /// The connection.
        #[serde(flatten)]
        ends: Ends,
        /// Candidates inspected.
        inspected: u32,
    },
    /// A TCP segment left the host.
    Transmit {
        /// The connection.
        #[serde(flatten)]
        ends: Ends,
        /// What it says.
        #[serde(flatten)]
        segment: SegmentSeen,
    },
    /// A TCP segment arrived at the host.
    Receive {
        /// The connection.
        #[serde(flatten)]
        ends: Ends,
        /// What it says.
        #[serde(flatten)]
        segment: SegmentSeen,
    },
    /// A packet was not delivered: `host` sent it, or, where a queue was full, refused it.
    Drop {
        /// The connection.
        #[serde(flatten)]
        ends: Ends,
        /// Why not.
        reason: DropReason,
    },
    /// A system call completed.
    Syscall {
        /// Id of the process.
        pid: u32,
        /// The thread, counted from 0.
        task: u32,
        /// Its name; `(user)` is time the program spent outside the kernel.
        #[schemars(extend("enum" = CallName::ALL.iter().map(|call| call.name()).collect::<Vec<_>>()))]
        call: &'static str,
        /// The descriptor it was given, or the one it made; absent where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        fd: Option<u32>,
        /// When it was entered, ns since the start.
        entered_ns: u64,
        /// What it returned; absent if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<u32>,
        /// Name of the error; absent if it succeeded.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = "^E[A-Z0-9]+$"))]
        errno: Option<&'static str>,
    },
    /// A process ended.
    Exit {
        /// Id of the process.
        pid: u32,
        /// Exit status; 128 and the signal's number if one killed it.
        status: u32,
    },
    /// An entry of the timeline took effect.
    Action {
        /// Which entry of the first line's `timeline`, from 0.
        index: u32,
    },
    /// A mark of the scenario became true.
    Mark {
        /// Which of the first line's `marks`, from 0.
        index: u32,
    },
}

/// The two ends of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Ends {
    /// The end on `host`: `ADDRESS:PORT`.
    pub local: String,
    /// The other end: `ADDRESS:PORT`.
    pub remote: String,
}

/// The header of a TCP segment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SegmentSeen {
    /// Control bits that are set, of SYN, FIN, RST, PSH, ACK, URG in this order, with commas between.
    #[schemars(regex(pattern = "^((SYN|FIN|RST|PSH|ACK|URG)(,(FIN|RST|PSH|ACK|URG))*)?$"))]
    pub flags: String,
    /// Sequence number, as on the wire.
    pub seq: u32,
    /// Acknowledgment number, as on the wire.
    pub ack: u32,
    /// Bytes of payload.
    pub len: u32,
}

/// A record's kind with its own fields.
fn what(kind: &RecordKind) -> TraceKind {
    match *kind {
        RecordKind::State { tuple, from, to, .. } => {
            TraceKind::State { ends: ends(tuple), from: from.rfc_name(), to: to.rfc_name() }
        }
        RecordKind::PortPick { tuple, inspected } => TraceKind::PortPick { ends: ends(tuple), inspected },
        RecordKind::Transmit { tuple, seq, ack, flags, len } => TraceKind::Transmit {
            ends: ends(tuple),
            segment: SegmentSeen { flags: flag_names(flags), seq: seq.0, ack: ack.0, len },
        },
        RecordKind::Receive { tuple, seq, ack, flags, len } => TraceKind::Receive {
            ends: ends(tuple),
            segment: SegmentSeen { flags: flag_names(flags), seq: seq.0, ack: ack.0, len },
        },
        RecordKind::Drop { tuple, reason } => dropped(tuple, reason),
        RecordKind::Syscall { pid, task, name, fd, entered, result } => TraceKind::Syscall {
            pid: pid.0,
            task: task.0,
            call: CallName::ALL.get(usize::from(name)).map_or("?", |call| call.name()),
            fd: (fd != Fd(u32::MAX)).then_some(fd.0),
            entered_ns: entered.nanos(),
            value: result.ok(),
            errno: result.err().map(|errno| errno.name()),
        },
        RecordKind::Exit { pid, status } => TraceKind::Exit { pid: pid.0, status },
        RecordKind::Action { index } => TraceKind::Action { index },
        RecordKind::Mark { index } => TraceKind::Mark { index },
    }
}

fn ends(tuple: FourTuple) -> Ends {
    Ends { local: tuple.local.to_string(), remote: tuple.remote.to_string() }
}

/// The record has the sender's end first; a full queue is the receiver's.
fn dropped(sent: FourTuple, reason: DropReason) -> TraceKind {
    let near = match reason {
        DropReason::Loss | DropReason::Partition | DropReason::Rule | DropReason::Reject | DropReason::NoRoute => sent,
        DropReason::AcceptQueueFull | DropReason::RequestQueueFull => sent.mirrored(),
    };
    TraceKind::Drop { ends: ends(near), reason }
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
        let json = |record: &Record| serde_json::to_value(lines.line(record)).unwrap();
        let head = serde_json::to_value(lines.head()).unwrap();
        assert_eq!((head["kind"].as_str(), head["seed"].as_u64()), (Some("trace"), Some(7)), "{head}");
        assert_eq!((head["hosts"][1].as_str(), head["timeline"][0].as_str()), (Some("db"), Some("kill session 11")));
        let end = |last: u8, port: u16| Endpoint::new(Ipv4Addr::new(10, 0, 0, last), port);
        let tuple = FourTuple { local: end(1, 40_000), remote: end(2, 3306) };
        let record = |kind| Record { at: Instant::from_nanos(5), host: HostId(1), kind };
        let closed = record(RecordKind::State {
            tuple,
            from: TcpState::Established,
            to: TcpState::CloseWait,
            cause: Cause::FinArrived,
        });
        let line = json(&closed);
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
        let line = json(&failed);
        assert_eq!((line["call"].as_str(), line["errno"].as_str()), (Some("connect"), Some("EADDRNOTAVAIL")));
        assert_eq!((line["entered_ns"].as_u64(), line.get("value")), (Some(2), None));
        let lost = |reason| {
            let line = json(&record(RecordKind::Drop { tuple, reason }));
            (line["reason"].clone(), line["local"].clone())
        };
        assert_eq!(lost(DropReason::NoRoute), ("no_route".into(), "10.0.0.1:40000".into()));
        assert_eq!(lost(DropReason::AcceptQueueFull), ("accept_queue_full".into(), "10.0.0.2:3306".into()));
        let action = json(&record(RecordKind::Action { index: 0 }));
        assert!(action["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{action}");
    }
}
