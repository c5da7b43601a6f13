//! Ctrl-C, and what is different on a terminal: under a pty, which `script` of util-linux makes.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_halfclose");
/// Whoever waits longer than this waits for ever.
const FOR_EVER: Duration = Duration::from_secs(120);

fn plain(command: &mut Command) -> &mut Command {
    command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE")
}

/// The program under a pty: what it writes arrives piece by piece, what is written is typed.
struct Terminal {
    script: Child,
    keys: ChildStdin,
    pieces: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    #[expect(clippy::disallowed_methods, reason = "a read that blocks beside a test that waits; no world is run here")]
    fn run(arguments: &str) -> Self {
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-f", "-c", &format!("'{PROGRAM}' {arguments}"), "/dev/null"]);
        let mut script = plain(&mut command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` of util-linux starts");
        let keys = script.stdin.take().expect("piped");
        let mut out = script.stdout.take().expect("piped");
        let (send, pieces) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut buffer) {
                if send.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { script, keys, pieces, shown: String::new() }
    }

    /// Waits until `text` is shown after all that was waited for before.
    fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let piece = self.pieces.recv_timeout(FOR_EVER);
            let piece = piece.unwrap_or_else(|_| panic!("no `{text}` in:\n{}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        let end = self.shown.find(text).expect("just seen") + text.len();
        self.shown.drain(..end);
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal is open");
        self.keys.flush().expect("the terminal is open");
    }

    /// Its status, and what it showed since the last wait.
    fn end(mut self) -> (ExitStatus, String) {
        while let Ok(piece) = self.pieces.recv_timeout(FOR_EVER) {
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        drop(self.keys);
        (self.script.wait().expect("it ends"), self.shown)
    }
}

/// Runs a command that would not end, and sends it SIGINT as soon as it listens.
fn interrupted(arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    let child = plain(command.args(arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the program starts");
    let listens = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask of signals");
        u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & (1 << 1) != 0
    };
    while !listens() {
        thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(killed.expect("sh starts").success());
    child.wait_with_output().expect("it ends")
}

#[test]
fn ctrl_c_ends_what_simulates() {
    let cases: [(&[&str], &str); 6] = [
        (&["show", "sar", "tiny", "--from", "0s", "--to", "1000h", "--every", "1h"], "Average:"),
        (&["show", "perf-trace-s", "tiny", "--from", "0s", "--to", "1000h"], "Summary of events"),
        (&["show", "strace", "tiny", "--from", "0s", "--to", "1000h"], ""),
        (&["show", "ss-s", "tiny", "--from", "0s", "--to", "100000h", "--every", "1s"], ""),
        (&["show", "ss-s", "tiny", "--at", "1000h"], ""),
        (&["run", "tiny", "--set", "end=700h"], ""),
    ];
    for (arguments, seen) in cases {
        let output = interrupted(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{arguments:?}: {told}");
        assert!(
            told.trim_end().lines().last().is_some_and(|line| line.starts_with("interrupted")),
            "{arguments:?}: {told}"
        );
        assert!(String::from_utf8_lossy(&output.stdout).contains(seen), "{arguments:?} shows what it has seen");
        assert!(
            !output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b),
            "{arguments:?}: a pipe is no terminal"
        );
    }
}

#[test]
fn the_shell_at_a_prompt() {
    let mut terminal = Terminal::run("sh tiny");
    terminal.wait_for("host ~]# ");
    terminal.press("\u{3}");
    terminal.wait_for("host ~]# ");
    terminal.press("now\r");
    terminal.wait_for("0.000000s");
    terminal.wait_for("host ~]# ");
    terminal.press("exit\r");
    let (status, _) = terminal.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn ctrl_c_within_advance() {
    let mut terminal = Terminal::run("sh tiny -c 'echo begun' -c 'advance 100000h' -c 'echo never'");
    terminal.wait_for("begun");
    terminal.press("\u{3}");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(130), "{shown}");
    assert!(!shown.contains("never"), "{shown}");
}

/// The bar appears on a terminal when a run takes long, and is gone when it ends.
#[test]
fn the_bar_of_a_long_run() {
    let mut terminal = Terminal::run("run tiny --set end=40h");
    terminal.wait_for(" % ");
    terminal.press("\u{3}");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(130), "{shown}");
    let last = shown.trim_end().rsplit(['\r', '\n', '\u{1b}']).next().unwrap_or_default();
    assert!(last.contains("interrupted at") && !last.contains(" % "), "{shown:?}");
}

#[test]
fn colour_on_a_terminal_unless_it_is_refused() {
    for (arguments, coloured) in
        [("explain EMFILE", true), ("--color never explain EMFILE", false), ("--color always explain EMFILE", true)]
    {
        let (status, shown) = Terminal::run(arguments).end();
        assert_eq!(status.code(), Some(0), "{shown}");
        assert_eq!(shown.contains('\u{1b}'), coloured, "{arguments}: {shown}");
    }
    let mut command = Command::new(PROGRAM);
    let piped = plain(command.args(["run", "tiny"])).output().expect("the program starts");
    assert!(piped.status.success() && !piped.stdout.contains(&0x1b) && !piped.stderr.contains(&0x1b));
}
