//! The files a simulated host has: under `/proc`, and a few more.

use super::{Answer, Cx, Says};
use crate::observe::rlimits::Rlimits;
use crate::observe::tools::{limits, proc_net_tcp, sockstat};
use crate::observe::view::{FdTarget, HostView, NetFamily, ProcessView};
use crate::say;
use crate::units::Pid;

/// Something a path leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Node {
    /// A file with this text.
    File(String),
    /// A directory with these names.
    Dir(Vec<String>),
    /// `/proc/PID/fd`.
    Fds(Pid),
    /// The operator's own `/proc/self/fd`.
    OwnFds,
    /// Linux has it, the model does not.
    NotModelled,
    /// Nothing.
    Missing,
}

/// What a path leads to, from the shell's directory.
pub(super) fn find(cx: &Cx<'_>, path: &str) -> Node {
    let full = absolute(&cx.shell.cwd, path);
    let parts: Vec<&str> = full.split('/').filter(|part| !part.is_empty()).collect();
    let view = cx.view();
    match parts.as_slice() {
        [] => dir(&["etc", "proc"]),
        ["proc"] => {
            let mut names: Vec<String> = view.processes.iter().map(|process| process.pid.to_string()).collect();
            names.extend(["net", "self", "sys", "uptime", "version"].map(str::to_owned));
            Node::Dir(names)
        }
        ["proc", "uptime"] => {
            let centis = view.uptime.nanos() / 10_000_000;
            let up = format!("{}.{:02}", centis / 100, centis % 100);
            Node::File(format!("{up} {up}\n"))
        }
        ["proc", "version"] => Node::File(format!("Linux version {}\n", view.release)),
        ["proc", "loadavg" | "meminfo" | "cpuinfo" | "stat" | "slabinfo" | "interrupts" | "softirqs"] => {
            Node::NotModelled
        }
        ["proc", "net", rest @ ..] => net(&view, rest),
        ["proc", "sys", rest @ ..] => sys(cx, &view, rest),
        ["proc", "self" | "thread-self", rest @ ..] => own(&view, rest),
        ["proc", pid, rest @ ..] => match pid.parse().ok().and_then(|pid| view.process(Pid(pid))) {
            Some(process) => of_process(&view, process, rest),
            None => Node::Missing,
        },
        ["etc"] => dir(&["hostname", "hosts"]),
        ["etc", "hostname"] => Node::File(format!("{}\n", view.name)),
        ["etc", "hosts"] => {
            let spec = &cx.run.scenario().hosts[cx.shell.host];
            let lines = spec.etc_hosts.iter().map(|(name, addr)| format!("{addr} {name}\n"));
            Node::File(core::iter::once("127.0.0.1 localhost\n".to_owned()).chain(lines).collect())
        }
        _other => Node::Missing,
    }
}

fn dir(names: &[&str]) -> Node {
    Node::Dir(names.iter().map(|name| (*name).to_owned()).collect())
}

fn net(view: &HostView, rest: &[&str]) -> Node {
    // `/proc/net/sockstat` and `sockstat6` are two files; the view prints both.
    let both = || sockstat(&view.sockstat);
    let split = |text: &str| text.find("TCP6:").unwrap_or(text.len());
    match rest {
        [] => dir(&["sockstat", "sockstat6", "tcp", "tcp6"]),
        ["sockstat"] => {
            let text = both();
            Node::File(text[..split(&text)].to_owned())
        }
        ["sockstat6"] => {
            let text = both();
            Node::File(text[split(&text)..].to_owned())
        }
        ["tcp"] => Node::File(proc_net_tcp(view, NetFamily::V4)),
        ["tcp6"] => Node::File(proc_net_tcp(view, NetFamily::V6)),
        ["udp" | "udp6" | "netstat" | "snmp" | "snmp6" | "dev" | "route" | "unix" | "softnet_stat" | "raw"] => {
            Node::NotModelled
        }
        _other => Node::Missing,
    }
}

fn sys(cx: &Cx<'_>, view: &HostView, rest: &[&str]) -> Node {
    let name = rest.join(".");
    if let Some((_, value)) = view.sysctls.iter().find(|(known, _)| *known == name) {
        return Node::File(format!("{value}\n"));
    }
    if name == "fs.file-nr" {
        return Node::File(format!("{}\n", file_nr(cx)));
    }
    let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
    let mut names: Vec<String> = Vec::new();
    let known = view.sysctls.iter().map(|(known, _)| known.as_str()).chain(["fs.file-nr"]);
    for rest in known.filter_map(|known| known.strip_prefix(prefix.as_str())) {
        names.push(rest.split('.').next().unwrap_or(rest).to_owned());
    }
    names.sort();
    names.dedup();
    if names.is_empty() { Node::Missing } else { Node::Dir(names) }
}

/// `fs.file-nr`: open files, 0, `fs.file-max`.
pub(super) fn file_nr(cx: &Cx<'_>) -> String {
    let kernel = cx.kernel();
    format!("{}\t0\t{}", kernel.open_files(), kernel.sysctls().file_max())
}

/// The operator's shell, which is no process of the model.
fn own(view: &HostView, rest: &[&str]) -> Node {
    match rest {
        [] => dir(&["comm", "fd", "limits", "net"]),
        ["limits"] => Node::File(limits(&view.shell)),
        ["comm"] => Node::File("bash\n".to_owned()),
        ["fd"] => Node::OwnFds,
        ["net", rest @ ..] => net(view, rest),
        _other => Node::Missing,
    }
}

fn of_process(view: &HostView, process: &ProcessView, rest: &[&str]) -> Node {
    let limits_of = |limit: &Rlimits| Node::File(limits(limit));
    match rest {
        [] => dir(&["cmdline", "comm", "fd", "limits", "net"]),
        ["limits"] => limits_of(&process.limits),
        ["comm"] => Node::File(format!("{}\n", process.name)),
        ["cmdline"] => Node::File(process.name.clone()),
        ["fd"] => Node::Fds(process.pid),
        ["net", rest @ ..] => net(view, rest),
        ["status" | "stat" | "stack" | "maps" | "smaps" | "io" | "fdinfo" | "task" | "environ" | "wchan"] => {
            Node::NotModelled
        }
        _other => Node::Missing,
    }
}

/// A path without `.` and `..`.
pub(super) fn absolute(cwd: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The text of a file for a command that reads it, or what that command says.
pub(super) fn read(cx: &Cx<'_>, command: &str, path: &str) -> Result<String, Answer> {
    let fails = |why: &str| Answer::fails(if command == "grep" { 2 } else { 1 }, format!("{command}: {path}: {why}\n"));
    match find(cx, path) {
        Node::File(text) => Ok(text),
        Node::Dir(_) | Node::Fds(_) | Node::OwnFds => Err(fails("Is a directory")),
        Node::Missing => Err(fails("No such file or directory")),
        Node::NotModelled => {
            let said = say!(cx.shell.lang, Says::NotModelled, path);
            Err(Answer::fails(1, format!("{command}: {path}: No such file or directory\n{said}\n")))
        }
    }
}

/// `cat FILE…`.
pub(super) fn cat(cx: &Cx<'_>, args: &[String]) -> Answer {
    let mut answer = Answer::default();
    for path in args.iter().filter(|arg| !arg.starts_with('-')) {
        match read(cx, "cat", path) {
            Ok(text) => answer.out.push_str(&text),
            Err(failed) => answer.join(failed),
        }
    }
    answer
}

/// `ls [-l] PATH…`, one name a line, as into a pipe.
pub(super) fn ls(cx: &Cx<'_>, args: &[String], always_long: bool) -> Answer {
    let mut long = always_long;
    let mut paths = Vec::new();
    for arg in args {
        match arg.strip_prefix('-') {
            Some(letters) => long |= letters.contains('l'),
            None => paths.push(arg.as_str()),
        }
    }
    if paths.is_empty() {
        paths.push(".");
    }
    let mut answer = Answer::default();
    for path in paths {
        let view = cx.view();
        let text = match find(cx, path) {
            Node::Fds(pid) => match view.process(pid) {
                Some(process) if long => crate::observe::tools::fd(&view, process),
                Some(process) => by_name(process.fds.iter().map(|fd| fd.fd.to_string()).collect()),
                None => String::new(),
            },
            Node::OwnFds => by_name(["0", "1", "2"].map(str::to_owned).into()),
            Node::Dir(names) => by_name(names),
            Node::File(_) | Node::NotModelled => format!("{path}\n"),
            Node::Missing => match descriptor(cx, path) {
                Some(target) if long => format!("lrwx------ 1 root root 64 {path} -> {target}\n"),
                Some(_) => format!("{path}\n"),
                None => {
                    answer.add_error(2, &format!("ls: cannot access '{path}': No such file or directory\n"));
                    continue;
                }
            },
        };
        answer.out.push_str(&text);
    }
    answer
}

fn by_name(mut names: Vec<String>) -> String {
    names.sort();
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// What `/proc/PID/fd/N` points to.
fn descriptor(cx: &Cx<'_>, path: &str) -> Option<String> {
    let full = absolute(&cx.shell.cwd, path);
    let (dir, number) = full.rsplit_once('/')?;
    let Node::Fds(pid) = find(cx, dir) else { return None };
    let view = cx.view();
    let fd = view.process(pid)?.fds.iter().find(|fd| fd.fd.to_string() == number)?;
    Some(match &fd.target {
        FdTarget::Socket(inode) => format!("socket:[{inode}]"),
        FdTarget::Pipe(inode) => format!("pipe:[{inode}]"),
        FdTarget::File(path) => path.clone(),
        FdTarget::Anon(name) => format!("anon_inode:[{name}]"),
    })
}

/// `readlink PATH`.
pub(super) fn readlink(cx: &Cx<'_>, args: &[String]) -> Answer {
    let target = args.iter().find(|arg| !arg.starts_with('-')).and_then(|path| descriptor(cx, path));
    target.map_or_else(|| Answer::fails(1, String::new()), |target| Answer::out(format!("{target}\n")))
}

/// `cd [DIR]`.
pub(super) fn cd(cx: &mut Cx<'_>, args: &[String]) -> Answer {
    let path = args.first().map_or("/", String::as_str);
    let path = if path == "~" { "/" } else { path };
    match find(cx, path) {
        Node::Dir(_) | Node::Fds(_) | Node::OwnFds => {
            cx.shell.cwd = absolute(&cx.shell.cwd, path);
            Answer::default()
        }
        Node::File(_) | Node::NotModelled => Answer::fails(1, format!("bash: cd: {path}: Not a directory\n")),
        Node::Missing => Answer::fails(1, format!("bash: cd: {path}: No such file or directory\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined() {
        assert_eq!(absolute("/proc/7", "fd"), "/proc/7/fd");
        assert_eq!(absolute("/proc/7/fd", "../limits"), "/proc/7/limits");
        assert_eq!(absolute("/", "/proc//net/./tcp"), "/proc/net/tcp");
        assert_eq!(absolute("/", "../../.."), "/");
    }
}
