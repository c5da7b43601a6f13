//! Checks of scripted processes: descriptors used are opened before.

use super::check::{At, Cx};
use super::file::{DurationText, EndpointText};
use super::problem::ProblemKind;
use super::program_file::{HowWord, OpFile, OptionWord, ScriptFile};
use super::spec::ScriptSpec;
use super::value;
use crate::app::ShutdownHow;
use crate::app::script::{Expect, OptionName, ScriptOp};
use crate::errno::Errno;
use crate::text::nearest;
use crate::time::Duration;
use crate::units::Endpoint;

/// Most steps of one script, loops counted once.
const MAX_OPS: usize = 10_000;

/// Names of descriptors opened so far.
struct Names(Vec<String>);

impl Names {
    fn open(&mut self, cx: &mut Cx<'_>, at: &At<'_>, name: Option<&String>) -> Option<String> {
        let name = name?;
        if !cx.name(at, name) {
            return None;
        }
        if !self.0.contains(name) {
            self.0.push(name.clone());
        }
        Some(name.clone())
    }

    fn used(&self, cx: &mut Cx<'_>, at: &At<'_>, name: Option<&String>) -> Option<String> {
        let name = name?;
        if self.0.contains(name) {
            return Some(name.clone());
        }
        let near = nearest(name, self.0.iter().map(String::as_str)).map(str::to_owned);
        cx.report_near(at, ProblemKind::UnknownHandle { name: value::cut(name) }, near);
        None
    }
}

pub(super) fn script(cx: &mut Cx<'_>, at: &At<'_>, file: &ScriptFile) -> ScriptSpec {
    let at = at.key("run");
    let ops = file.run.as_deref().unwrap_or(&[]);
    let small = cx.at_most(&at, "run", count(ops), MAX_OPS);
    ScriptSpec { run: if small { block(cx, &at, ops, &mut Names(Vec::new())) } else { Vec::new() } }
}

/// The steps inside a step.
fn body(op: &OpFile) -> Option<&[OpFile]> {
    match op {
        OpFile::Loop { body, .. } | OpFile::Forever { body } | OpFile::Spawn { body } => body.as_deref(),
        OpFile::Socket { .. }
        | OpFile::Bind { .. }
        | OpFile::Listen { .. }
        | OpFile::Accept { .. }
        | OpFile::Connect { .. }
        | OpFile::Send { .. }
        | OpFile::Recv { .. }
        | OpFile::RecvUntilEof { .. }
        | OpFile::Open { .. }
        | OpFile::Compute { .. }
        | OpFile::Shutdown { .. }
        | OpFile::Close { .. }
        | OpFile::Leak { .. }
        | OpFile::Sleep { .. }
        | OpFile::Poll { .. }
        | OpFile::Setsockopt { .. }
        | OpFile::Exit { .. } => None,
    }
}

fn count(ops: &[OpFile]) -> usize {
    ops.iter().map(|op| 1 + body(op).map_or(0, count)).sum()
}

/// True if the steps make a call, so that a loop of them lets time pass.
fn makes_calls(ops: &[OpFile]) -> bool {
    ops.iter().any(|op| match op {
        OpFile::Loop { body, .. } | OpFile::Forever { body } => body.as_deref().is_some_and(makes_calls),
        OpFile::Leak { .. } => false,
        OpFile::Spawn { .. }
        | OpFile::Socket { .. }
        | OpFile::Bind { .. }
        | OpFile::Listen { .. }
        | OpFile::Accept { .. }
        | OpFile::Connect { .. }
        | OpFile::Send { .. }
        | OpFile::Recv { .. }
        | OpFile::RecvUntilEof { .. }
        | OpFile::Open { .. }
        | OpFile::Compute { .. }
        | OpFile::Shutdown { .. }
        | OpFile::Close { .. }
        | OpFile::Sleep { .. }
        | OpFile::Poll { .. }
        | OpFile::Setsockopt { .. }
        | OpFile::Exit { .. } => true,
    })
}

fn block(cx: &mut Cx<'_>, at: &At<'_>, ops: &[OpFile], names: &mut Names) -> Vec<ScriptOp> {
    ops.iter().enumerate().filter_map(|(i, file)| op(cx, &at.item(i), file, names)).collect()
}

fn hex_bytes(cx: &mut Cx<'_>, at: &At<'_>, hex: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = if hex.len().is_multiple_of(2) { hex.as_bytes().chunks(2).map(pair).collect() } else { None };
    if bytes.is_none() {
        let allowed = "0-9 a-f".to_owned();
        cx.report(&at.key("hex"), ProblemKind::UnknownWord { word: value::cut(hex), allowed });
    }
    bytes
}

fn looped(cx: &mut Cx<'_>, at: &At<'_>, ops: Option<&[OpFile]>, names: &mut Names) -> Option<Vec<ScriptOp>> {
    let ops = ops?;
    if !makes_calls(ops) {
        cx.report(at, ProblemKind::IdleLoop);
    }
    Some(block(cx, &at.key("body"), ops, names))
}

fn endpoint(cx: &mut Cx<'_>, at: &At<'_>, to: Option<&EndpointText>, zero_port: bool) -> Option<Endpoint> {
    cx.endpoint(&at.key("addr"), &to?.0, zero_port)
}

fn span(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&DurationText>) -> Option<Duration> {
    cx.duration(&at.key("for"), text)
}

fn expected(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&String>) -> Expect {
    let Some(text) = text else { return Expect::Any };
    if text == "ok" {
        return Expect::Ok;
    }
    if let Some(errno) = Errno::from_name(text) {
        return Expect::Err(errno);
    }
    let near = nearest(text, Errno::ALL.iter().map(|e| e.name()).chain(["ok"])).map(str::to_owned);
    let kind = ProblemKind::UnknownWord { word: value::cut(text), allowed: "ok, ECONNREFUSED, EMFILE, …".to_owned() };
    cx.report_near(&at.key("expect"), kind, near);
    Expect::Any
}

fn op(cx: &mut Cx<'_>, at: &At<'_>, file: &OpFile, names: &mut Names) -> Option<ScriptOp> {
    let fd_at = at.key("fd");
    Some(match file {
        OpFile::Socket { fd, udp, nonblock, expect } => ScriptOp::Socket {
            expect: expected(cx, at, expect.as_ref()),
            fd: names.open(cx, &fd_at, fd.as_ref())?,
            udp: udp.unwrap_or(false),
            nonblock: nonblock.unwrap_or(false),
        },
        OpFile::Bind { fd, addr, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            let addr = endpoint(cx, at, addr.as_ref(), true);
            ScriptOp::Bind { fd: names.used(cx, &fd_at, fd.as_ref())?, addr: addr?, expect }
        }
        OpFile::Listen { fd, backlog } => {
            let backlog = cx.int(&at.key("backlog"), *backlog, 0, i64::from(u32::MAX)).unwrap_or(128);
            ScriptOp::Listen { fd: names.used(cx, &fd_at, fd.as_ref())?, backlog }
        }
        OpFile::Accept { fd, into, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            let fd = names.used(cx, &fd_at, fd.as_ref());
            ScriptOp::Accept { into: names.open(cx, &at.key("into"), into.as_ref())?, fd: fd?, expect }
        }
        OpFile::Connect { fd, addr, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            let addr = endpoint(cx, at, addr.as_ref(), false);
            ScriptOp::Connect { fd: names.used(cx, &fd_at, fd.as_ref())?, addr: addr?, expect }
        }
        OpFile::Send { fd, text, hex, bytes, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            if text.is_some() && bytes.is_some() {
                cx.report(&at.key("bytes"), ProblemKind::ConflictingBounds { first: "text", second: "bytes" });
            }
            let bytes = cx.int(&at.key("bytes"), *bytes, 0, 1 << 30).unwrap_or(0);
            if text.is_some() && hex.is_some() {
                cx.report(&at.key("hex"), ProblemKind::ConflictingBounds { first: "text", second: "hex" });
            }
            let data = match hex {
                Some(hex) => Some(hex_bytes(cx, at, hex)?),
                None => text.clone().map(String::into_bytes),
            };
            ScriptOp::Send { fd: names.used(cx, &fd_at, fd.as_ref())?, bytes, data, expect }
        }
        OpFile::Recv { fd, max, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            let max = cx.int(&at.key("max"), *max, 1, 1 << 30).unwrap_or(65_536);
            ScriptOp::Recv { fd: names.used(cx, &fd_at, fd.as_ref())?, max, expect }
        }
        OpFile::RecvUntilEof { fd, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            ScriptOp::RecvUntilEof { fd: names.used(cx, &fd_at, fd.as_ref())?, expect }
        }
        OpFile::Shutdown { fd, how, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            let how = match how.as_ref()? {
                HowWord::Read => ShutdownHow::Read,
                HowWord::Write => ShutdownHow::Write,
                HowWord::Both => ShutdownHow::Both,
            };
            ScriptOp::Shutdown { fd: names.used(cx, &fd_at, fd.as_ref())?, how, expect }
        }
        OpFile::Close { fd } => ScriptOp::Close { fd: names.used(cx, &fd_at, fd.as_ref())? },
        OpFile::Leak { fd } => ScriptOp::Leak { fd: names.used(cx, &fd_at, fd.as_ref())? },
        OpFile::Open { fd, expect } => {
            let expect = expected(cx, at, expect.as_ref());
            ScriptOp::Open { fd: names.open(cx, &fd_at, fd.as_ref())?, expect }
        }
        OpFile::Compute { span: text } => ScriptOp::Compute(span(cx, at, text.as_ref())?),
        OpFile::Sleep { span: text } => ScriptOp::Sleep(span(cx, at, text.as_ref())?),
        OpFile::Poll { fd, out, timeout } => {
            let timeout = cx.duration(&at.key("timeout"), timeout.as_ref());
            ScriptOp::Poll { fd: names.used(cx, &fd_at, fd.as_ref())?, out: out.unwrap_or(false), timeout }
        }
        OpFile::Setsockopt { fd, option, value } => {
            let value = cx.int(&at.key("value"), *value, 0, i64::from(u32::MAX));
            ScriptOp::Setsockopt {
                fd: names.used(cx, &fd_at, fd.as_ref())?,
                option: socket_option((*option)?),
                value: value?,
            }
        }
        OpFile::Loop { times, body } => {
            let times = cx.int(&at.key("times"), *times, 1, i64::MAX);
            let body = looped(cx, at, body.as_deref(), names);
            ScriptOp::Loop { times: times?, body: body? }
        }
        OpFile::Forever { body } => ScriptOp::Forever { body: looped(cx, at, body.as_deref(), names)? },
        OpFile::Spawn { body } => ScriptOp::Spawn { body: block(cx, &at.key("body"), body.as_deref()?, names) },
        OpFile::Exit { status } => ScriptOp::Exit { status: cx.int(&at.key("status"), *status, 0, 255).unwrap_or(0) },
    })
}

const fn socket_option(word: OptionWord) -> OptionName {
    match word {
        OptionWord::SoReuseaddr => OptionName::SoReuseaddr,
        OptionWord::SoLinger => OptionName::SoLinger,
        OptionWord::SoKeepalive => OptionName::SoKeepalive,
        OptionWord::TcpKeepidle => OptionName::TcpKeepidle,
        OptionWord::TcpKeepintvl => OptionName::TcpKeepintvl,
        OptionWord::TcpKeepcnt => OptionName::TcpKeepcnt,
        OptionWord::TcpNodelay => OptionName::TcpNodelay,
        OptionWord::TcpQuickack => OptionName::TcpQuickack,
        OptionWord::TcpUserTimeout => OptionName::TcpUserTimeout,
        OptionWord::TcpLinger2 => OptionName::TcpLinger2,
        OptionWord::TcpDeferAccept => OptionName::TcpDeferAccept,
        OptionWord::IpBindAddressNoPort => OptionName::IpBindAddressNoPort,
        OptionWord::IpLocalPortRange => OptionName::IpLocalPortRange,
        OptionWord::SoRcvbuf => OptionName::SoRcvbuf,
        OptionWord::SoSndbuf => OptionName::SoSndbuf,
    }
}
