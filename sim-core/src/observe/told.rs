//! A record of a run as a sentence in both languages, with its cause.

use super::findings::{Said, said};
use super::messages::cause_text;
use crate::app::CallName;
use crate::errno::Errno;
use crate::scenario::Scenario;
use crate::time::Duration;
use crate::trace::{DropReason, Record, RecordKind};
use crate::units::{FourTuple, Port};
use crate::wire::Flags;

crate::messages! {
    /// What records say.
    pub enum Happened {
        State { en: "{0}: {1} → {2}", zh: "{0}：{1} → {2}" }
        PickNone { en: "connect() to {0} finds no free port among {1}", zh: "connect() 到 {0}：查遍 {1} 个端口，无空闲" }
        Pick { en: "connect() to {0} takes port {1}, candidate {2}", zh: "connect() 到 {0}：取得端口 {1}，第 {2} 个候选" }
        PickFirst { en: "the first candidate is free", zh: "第一个候选端口就空闲" }
        PickLater { en: "all candidates before it are taken", zh: "之前的候选端口都被占用" }
        PickVain { en: "every candidate is taken, bound or reserved", zh: "所有候选端口都被占用、绑定或保留" }
        Sends { en: "{0} sends {1}", zh: "{0} 发出 {1}" }
        Receives { en: "{0} receives {1}", zh: "{0} 收到 {1}" }
        Loses { en: "{0}: a packet is dropped", zh: "{0}：一个报文被丢弃" }
        Call { en: "process {0}: {1}({2}) = {3}", zh: "进程 {0}：{1}({2}) = {3}" }
        Took { en: "after {0}", zh: "耗时 {0}" }
        NoPortLeft { en: "no source port is free towards this destination", zh: "到该目的地没有空闲的源端口" }
        AtNofile { en: "the process is at its soft RLIMIT_NOFILE", zh: "进程已达软限制 RLIMIT_NOFILE" }
        AtFileMax { en: "the system is at fs.file-max", zh: "系统已达 fs.file-max" }
        Exits { en: "process {0} exits with status {1}", zh: "进程 {0} 退出，状态 {1}" }
        Signal { en: "signal {0}", zh: "信号 {0}" }
        ByItself { en: "it ended by itself", zh: "自行结束" }
        Action { en: "timeline: {0}", zh: "时间线：{0}" }
        Mark { en: "mark {0}", zh: "标记 {0}" }
        BecameTrue { en: "its condition became true", zh: "条件成立" }
        Opening { en: "a connection is opened", zh: "建立连接" }
        Answering { en: "the answer to a SYN", zh: "对 SYN 的应答" }
        Ending { en: "the sender has no more to say", zh: "发送方没有更多数据" }
        Refusing { en: "the connection is refused or aborted", zh: "连接被拒绝或中止" }
        Data { en: "data of the application", zh: "应用数据" }
        Acknowledging { en: "an acknowledgment", zh: "确认" }
        LossLink { en: "the link lost it", zh: "链路丢包" }
        LossPartition { en: "a partition is in force", zh: "网络分区" }
        LossRule { en: "a drop rule matched", zh: "匹配丢弃规则" }
        LossReject { en: "a reject rule matched", zh: "匹配拒绝规则" }
        LossNoRoute { en: "no host has the destination address", zh: "没有主机拥有目的地址" }
        LossAccept { en: "the accept queue is full", zh: "全连接队列已满" }
        LossRequest { en: "the request queue is full", zh: "半连接队列已满" }
    }
}

/// What records name by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordNames {
    hosts: Vec<String>,
    marks: Vec<String>,
    actions: Vec<String>,
}

/// A record told: what happened, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// When, in ns since the start.
    pub at_ns: u64,
    /// On which host.
    pub host: String,
    /// What happened.
    pub what: Said,
    /// Why.
    pub why: Said,
}

impl RecordNames {
    /// The names of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            hosts: scenario.hosts.iter().map(|host| host.name.clone()).collect(),
            marks: scenario.marks.iter().map(|mark| mark.name.clone()).collect(),
            actions: scenario.timeline.iter().map(|action| action.kind.to_string()).collect(),
        }
    }

    /// A record in words.
    #[must_use]
    pub fn tell(&self, record: &Record) -> Told {
        let (what, why) = self.said(record);
        let host = self.hosts.get(record.host.index()).cloned().unwrap_or_default();
        Told { at_ns: record.at.nanos(), host, what, why }
    }

    fn said(&self, record: &Record) -> (Said, Said) {
        let named = |list: &[String], index: u32| {
            usize::try_from(index).ok().and_then(|index| list.get(index)).cloned().unwrap_or_default()
        };
        match record.kind {
            RecordKind::State { tuple, from, to, cause } => {
                (said!(Happened::State, tuple, from, to), plain(cause_text(cause).texts()))
            }
            RecordKind::PortPick { tuple, inspected } => pick(tuple, inspected),
            RecordKind::Transmit { tuple, flags, len, .. } => {
                (said!(Happened::Sends, tuple, segment(flags, len)), plain(purpose(flags, len).texts()))
            }
            RecordKind::Receive { tuple, flags, len, .. } => {
                (said!(Happened::Receives, tuple, segment(flags, len)), plain(purpose(flags, len).texts()))
            }
            RecordKind::Drop { tuple, reason } => (said!(Happened::Loses, tuple), plain(dropped(reason).texts())),
            RecordKind::Syscall { pid, name, fd, entered, result, .. } => {
                let call = CallName::ALL.get(usize::from(name)).map_or("?", |call| call.name());
                let took = spent(record.at.since(entered));
                let (returned, why) = match result {
                    Ok(value) => (value.to_string(), said!(Happened::Took, took)),
                    Err(errno) => (format!("-1 {}", errno.name()), why_errno(errno)),
                };
                let about = if fd.0 == u32::MAX { String::new() } else { format!("fd {fd}") };
                (said!(Happened::Call, pid, call, about, returned), why)
            }
            RecordKind::Exit { pid, status } => {
                let why = match status.checked_sub(128) {
                    Some(signal) if signal > 0 => said!(Happened::Signal, signal),
                    Some(_) | None => plain(Happened::ByItself.texts()),
                };
                (said!(Happened::Exits, pid, status), why)
            }
            RecordKind::Action { index } => (said!(Happened::Action, named(&self.actions, index)), Said::default()),
            RecordKind::Mark { index } => {
                (said!(Happened::Mark, named(&self.marks, index)), plain(Happened::BecameTrue.texts()))
            }
        }
    }
}

/// A span as a person reads it: in µs below a millisecond.
fn spent(span: Duration) -> String {
    match span < Duration::from_millis(1) {
        true => format!("{} µs", span.decimal(1_000, 3)),
        false => format!("{} ms", span.decimal(1_000_000, 3)),
    }
}

fn plain(both: crate::text::Both) -> Said {
    Said { en: both.en.to_owned(), zh: both.zh.to_owned() }
}

fn pick(tuple: FourTuple, inspected: u32) -> (Said, Said) {
    if tuple.local.port() == Port::NONE {
        return (said!(Happened::PickNone, tuple.remote, inspected), plain(Happened::PickVain.texts()));
    }
    let why = if inspected == 1 { Happened::PickFirst } else { Happened::PickLater };
    (said!(Happened::Pick, tuple.remote, tuple.local.port(), inspected), plain(why.texts()))
}

fn segment(flags: Flags, len: u32) -> String {
    if len == 0 { format!("[{flags}]") } else { format!("[{flags}] {len} B") }
}

const fn purpose(flags: Flags, len: u32) -> Happened {
    if flags.rst() {
        Happened::Refusing
    } else if flags.syn() && flags.ack() {
        Happened::Answering
    } else if flags.syn() {
        Happened::Opening
    } else if flags.fin() {
        Happened::Ending
    } else if len > 0 {
        Happened::Data
    } else {
        Happened::Acknowledging
    }
}

const fn dropped(reason: DropReason) -> Happened {
    match reason {
        DropReason::Loss => Happened::LossLink,
        DropReason::Partition => Happened::LossPartition,
        DropReason::Rule => Happened::LossRule,
        DropReason::Reject => Happened::LossReject,
        DropReason::NoRoute => Happened::LossNoRoute,
        DropReason::AcceptQueueFull => Happened::LossAccept,
        DropReason::RequestQueueFull => Happened::LossRequest,
    }
}

fn why_errno(errno: Errno) -> Said {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other errno says it by its own text")]
    match errno {
        Errno::AddrNotAvail => plain(Happened::NoPortLeft.texts()),
        Errno::MFile => plain(Happened::AtNofile.texts()),
        Errno::NFile => plain(Happened::AtFileMax.texts()),
        other => Said::same(other.text()),
    }
}
