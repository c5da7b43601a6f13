//! Checks of scripted processes: descriptor names become handles.

use super::check::{At, Cx};
use super::file::{DurationText, EndpointText};
use super::problem::ProblemKind;
use super::program_file::{HowWord, OnErrorWord, OpFile, OptionWord, ScriptFile};
use super::spec::{OptionSpec, ScriptOp, ScriptSpec, SendBytes};
use super::value;
use crate::app::ShutdownHow;
use crate::text::nearest;
use crate::time::Duration;
use crate::units::Endpoint;

/// Most operations of one script, loops counted once.
const MAX_OPS: usize = 10_000;

/// Names of descriptors, in order of their handles.
struct Handles(Vec<String>);

impl Handles {
    fn open(&mut self, cx: &mut Cx<'_>, at: &At<'_>, name: Option<&String>) -> Option<u32> {
        let name = name?;
        if !cx.name(at, name) {
            return None;
        }
        let index = self.0.iter().position(|n| n == name).unwrap_or_else(|| {
            self.0.push(name.clone());
            self.0.len() - 1
        });
        u32::try_from(index).ok()
    }

    fn get(&self, cx: &mut Cx<'_>, at: &At<'_>, name: Option<&String>) -> Option<u32> {
        let name = name?;
        let found = self.0.iter().position(|n| n == name);
        if found.is_none() {
            let near = nearest(name, self.0.iter().map(String::as_str)).map(str::to_owned);
            cx.report_near(at, ProblemKind::UnknownHandle { name: value::cut(name) }, near);
        }
        found.and_then(|i| u32::try_from(i).ok())
    }
}

pub(super) fn script(cx: &mut Cx<'_>, at: &At<'_>, file: &ScriptFile) -> ScriptSpec {
    let mut handles = Handles(Vec::new());
    let ops = file.run.as_deref().unwrap_or(&[]);
    let count = count(ops);
    let run = if cx.at_most(&at.key("run"), "run", count, MAX_OPS) {
        block(cx, &at.key("run"), ops, &mut handles)
    } else {
        Vec::new()
    };
    ScriptSpec {
        run,
        exit_on_error: matches!(file.on_error, Some(OnErrorWord::Exit)),
        handles: u32::try_from(handles.0.len()).expect("there are at most 10,000 operations"),
    }
}

fn count(ops: &[OpFile]) -> usize {
    ops.iter()
        .map(|op| match op {
            OpFile::Repeat { run: Some(run), .. } | OpFile::Spawn { run: Some(run) } => 1 + count(run),
            OpFile::Repeat { run: None, .. }
            | OpFile::Spawn { run: None }
            | OpFile::Socket { .. }
            | OpFile::Bind { .. }
            | OpFile::Listen { .. }
            | OpFile::Accept { .. }
            | OpFile::Connect { .. }
            | OpFile::Send { .. }
            | OpFile::Recv { .. }
            | OpFile::RecvUntilEof { .. }
            | OpFile::Shutdown { .. }
            | OpFile::Close { .. }
            | OpFile::Leak { .. }
            | OpFile::Setsockopt { .. }
            | OpFile::Sleep { .. }
            | OpFile::Compute { .. }
            | OpFile::Open { .. }
            | OpFile::Exit { .. } => 1,
        })
        .sum()
}

fn block(cx: &mut Cx<'_>, at: &At<'_>, ops: &[OpFile], handles: &mut Handles) -> Vec<ScriptOp> {
    ops.iter().enumerate().filter_map(|(i, file)| op(cx, &at.item(i), file, handles)).collect()
}

fn endpoint(cx: &mut Cx<'_>, at: &At<'_>, to: Option<&EndpointText>, zero_port: bool) -> Option<Endpoint> {
    cx.endpoint(&at.key("to"), &to?.0, zero_port)
}

fn span(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&DurationText>) -> Option<Duration> {
    cx.duration(&at.key("for"), text)
}

fn op(cx: &mut Cx<'_>, at: &At<'_>, file: &OpFile, handles: &mut Handles) -> Option<ScriptOp> {
    let fd_at = at.key("fd");
    Some(match file {
        OpFile::Socket { name, nonblock } => ScriptOp::Socket {
            handle: handles.open(cx, &at.key("as"), name.as_ref())?,
            nonblock: nonblock.unwrap_or(false),
        },
        OpFile::Bind { fd, to } => {
            let to = endpoint(cx, at, to.as_ref(), true);
            ScriptOp::Bind { handle: handles.get(cx, &fd_at, fd.as_ref())?, to: to? }
        }
        OpFile::Listen { fd, backlog } => {
            let backlog = cx.int(&at.key("backlog"), *backlog, 0, i64::from(u32::MAX)).unwrap_or(128);
            ScriptOp::Listen { handle: handles.get(cx, &fd_at, fd.as_ref())?, backlog }
        }
        OpFile::Accept { fd, name } => {
            let handle = handles.get(cx, &fd_at, fd.as_ref());
            ScriptOp::Accept { into: handles.open(cx, &at.key("as"), name.as_ref())?, handle: handle? }
        }
        OpFile::Connect { fd, to } => {
            let to = endpoint(cx, at, to.as_ref(), false);
            ScriptOp::Connect { handle: handles.get(cx, &fd_at, fd.as_ref())?, to: to? }
        }
        OpFile::Send { fd, text, bytes } => {
            let bytes = send_bytes(cx, at, text.as_deref(), *bytes);
            ScriptOp::Send { handle: handles.get(cx, &fd_at, fd.as_ref())?, bytes: bytes? }
        }
        OpFile::Recv { fd, max } => {
            let max = cx.int(&at.key("max"), *max, 1, 1 << 30).unwrap_or(65_536);
            ScriptOp::Recv { handle: handles.get(cx, &fd_at, fd.as_ref())?, max }
        }
        OpFile::RecvUntilEof { fd } => ScriptOp::RecvUntilEof { handle: handles.get(cx, &fd_at, fd.as_ref())? },
        OpFile::Shutdown { fd, how } => {
            let how = match how.as_ref()? {
                HowWord::Read => ShutdownHow::Read,
                HowWord::Write => ShutdownHow::Write,
                HowWord::Both => ShutdownHow::Both,
            };
            ScriptOp::Shutdown { handle: handles.get(cx, &fd_at, fd.as_ref())?, how }
        }
        OpFile::Close { fd } => ScriptOp::Close { handle: handles.get(cx, &fd_at, fd.as_ref())? },
        OpFile::Leak { fd } => ScriptOp::Leak { handle: handles.get(cx, &fd_at, fd.as_ref())? },
        OpFile::Setsockopt { fd, option, value } => {
            let option = socket_option(cx, &at.key("value"), (*option)?, (*value)?);
            ScriptOp::SetSockOpt { handle: handles.get(cx, &fd_at, fd.as_ref())?, option: option? }
        }
        OpFile::Sleep { duration } => ScriptOp::Sleep(span(cx, at, duration.as_ref())?),
        OpFile::Compute { duration } => ScriptOp::Compute(span(cx, at, duration.as_ref())?),
        OpFile::Open { name } => ScriptOp::Open { handle: handles.open(cx, &at.key("as"), name.as_ref())? },
        OpFile::Repeat { times, run } => ScriptOp::Repeat {
            times: cx.int(&at.key("times"), *times, 1, i64::MAX),
            run: block(cx, &at.key("run"), run.as_deref()?, handles),
        },
        OpFile::Spawn { run } => ScriptOp::Spawn { run: block(cx, &at.key("run"), run.as_deref()?, handles) },
        OpFile::Exit { status } => ScriptOp::Exit { status: cx.int(&at.key("status"), *status, 0, 255).unwrap_or(0) },
    })
}

fn send_bytes(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&str>, bytes: Option<i64>) -> Option<SendBytes> {
    match (text, bytes) {
        (Some(_), Some(_)) => {
            cx.report(at, ProblemKind::ConflictingBounds { first: "text", second: "bytes" });
            None
        }
        (Some(text), None) => Some(SendBytes::Text(text.as_bytes().to_vec())),
        (None, bytes) => cx.int(&at.key("bytes"), Some(bytes.unwrap_or(1)), 0, 1 << 30).map(SendBytes::Count),
    }
}

fn socket_option(cx: &mut Cx<'_>, at: &At<'_>, option: OptionWord, number: i64) -> Option<OptionSpec> {
    let flag = number != 0;
    let mut int = |min: i64, max: i64| cx.int::<u32>(at, Some(number), min, max);
    Some(match option {
        OptionWord::ReuseAddr => OptionSpec::ReuseAddr(flag),
        OptionWord::ReusePort => OptionSpec::ReusePort(flag),
        OptionWord::KeepAlive => OptionSpec::KeepAlive(flag),
        OptionWord::BindAddressNoPort => OptionSpec::BindAddressNoPort(flag),
        OptionWord::NoDelay => OptionSpec::NoDelay(flag),
        OptionWord::Linger if number == -1 => OptionSpec::Linger(None),
        OptionWord::Linger => OptionSpec::Linger(Some(int(0, 65_535)?)),
        OptionWord::UserTimeout => OptionSpec::UserTimeout(Duration::from_millis(int(0, i64::from(i32::MAX))?.into())),
        OptionWord::DeferAccept => OptionSpec::DeferAccept(int(0, 65_535)?),
        OptionWord::Linger2 => OptionSpec::Linger2(cx.int(at, Some(number), -1, 120)?),
    })
}
