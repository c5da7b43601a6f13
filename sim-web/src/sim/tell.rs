//! Records as the page gets them.

use halfclose::app::CallName;
use halfclose::observe::cause_text;
use halfclose::scenario::Scenario;
use halfclose::text::Lang;
use halfclose::trace::{DropReason, Record, RecordKind};
use halfclose::units::{FourTuple, Port};
use halfclose::wire::Flags;

use crate::wire::Entry;

/// A record, with its place among all.
pub(super) fn entry(scenario: &Scenario, seq: u64, record: &Record, lang: Lang) -> Entry {
    let mut entry = Entry { seq, at_ns: record.at.nanos(), host: u32::from(record.host.0), ..Entry::default() };
    let mut ends = |tuple: FourTuple| {
        entry.local =
            if tuple.local.port() == Port::NONE { tuple.local.addr().to_string() } else { tuple.local.to_string() };
        entry.remote = tuple.remote.to_string();
    };
    match record.kind {
        RecordKind::State { tuple, from, to, cause } => {
            ends(tuple);
            entry.kind = "state".to_owned();
            entry.change = Some([from as u32, to as u32]);
            entry.why = cause_text(cause).texts().text(lang).to_owned();
        }
        RecordKind::PortPick { tuple, inspected } => {
            ends(tuple);
            entry.kind = "pick".to_owned();
            entry.number = inspected;
            entry.why = if tuple.local.port() == Port::NONE { "EADDRNOTAVAIL".to_owned() } else { String::new() };
        }
        RecordKind::Transmit { tuple, seq, ack, flags, len } | RecordKind::Receive { tuple, seq, ack, flags, len } => {
            ends(tuple);
            let sent = matches!(record.kind, RecordKind::Transmit { .. });
            entry.kind = if sent { "send" } else { "receive" }.to_owned();
            entry.what = flag_names(flags);
            entry.number = len;
            entry.numbers = [seq.0, ack.0];
        }
        RecordKind::Drop { tuple, reason } => {
            ends(tuple);
            entry.kind = "drop".to_owned();
            entry.why = reason_name(reason).to_owned();
        }
        RecordKind::Syscall { pid, name, fd, entered, result, .. } => {
            entry.kind = "call".to_owned();
            entry.what = CallName::ALL.get(usize::from(name)).map_or("", |name| name.name()).to_owned();
            entry.number = fd.0;
            entry.pid = pid.0;
            entry.took_ns = record.at.since(entered).nanos();
            entry.why = result.err().map_or_else(String::new, |errno| errno.name().to_owned());
        }
        RecordKind::Exit { pid, status } => {
            entry.kind = "exit".to_owned();
            entry.pid = pid.0;
            entry.number = status;
        }
        RecordKind::Action { index } => {
            entry.kind = "action".to_owned();
            entry.why = scenario.timeline.get(index as usize).map_or_else(String::new, |one| one.kind.to_string());
        }
        RecordKind::Mark { index } => {
            entry.kind = "mark".to_owned();
            entry.why = scenario.marks.get(index as usize).map_or_else(String::new, |mark| mark.name.clone());
        }
    }
    entry
}

/// `SYN,ACK`, in the order in which they are usually said.
fn flag_names(flags: Flags) -> String {
    let known =
        [(Flags::SYN, "SYN"), (Flags::FIN, "FIN"), (Flags::RST, "RST"), (Flags::PSH, "PSH"), (Flags::ACK, "ACK")];
    let set: Vec<&str> = known.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| name).collect();
    set.join(",")
}

const fn reason_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => "loss",
        DropReason::Partition => "partition",
        DropReason::Rule => "rule",
        DropReason::Reject => "reject",
        DropReason::NoRoute => "no-route",
        DropReason::AcceptQueueFull => "accept-queue-full",
        DropReason::RequestQueueFull => "request-queue-full",
    }
}
