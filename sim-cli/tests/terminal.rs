//! Pipes, colours, generated scripts: what cannot be said as expected text.

use std::process::{Command, Output, Stdio};

fn halfclose(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfclose"));
    command.args(arguments).env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn output(arguments: &[&str]) -> Output {
    halfclose(arguments).output().expect("the program starts")
}

fn stdout(arguments: &[&str]) -> String {
    let output = output(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for arguments in [&["explain"][..], &["presets"], &["completions", "bash"], &["man"], &["--help"]] {
        let mut child =
            halfclose(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?} complained");
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let coloured = |arguments: &[&str]| stdout(arguments).contains('\u{1b}');
    assert!(!coloured(&["explain", "EMFILE"]), "a pipe is no terminal");
    assert!(coloured(&["--color", "always", "explain", "EMFILE"]));
    assert!(!coloured(&["--color", "never", "explain", "EMFILE"]));
}

#[test]
fn the_language_comes_from_the_option_then_from_the_environment() {
    let say = |lc_all: &str, lang: &str, arguments: &[&str]| {
        let output = halfclose(arguments).env("LC_ALL", lc_all).env("LANG", lang).output().expect("the program starts");
        let text = [output.stdout, output.stderr].concat();
        !String::from_utf8(text).expect("output is UTF-8").is_ascii()
    };
    assert!(say("", "zh_CN.UTF-8", &["explain", "xylophone"]));
    assert!(!say("C", "zh_CN.UTF-8", &["explain", "xylophone"]), "LC_ALL goes before LANG");
    assert!(say("C", "C", &["--lang", "zh", "explain", "xylophone"]));
    assert!(!say("C", "zh_CN.UTF-8", &["explain", "xylophone", "--lang", "en"]));
    assert!(say("C", "C", &["--lang=zh", "fly"]), "even where the command line cannot be understood");
}

#[test]
fn completions_for_every_shell_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        for word in ["run", "show", "explain", "seed"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
        // The generators of the other shells leave the values of positional arguments out.
        if ["bash", "zsh"].contains(&shell) {
            assert!(script.contains("ss-s") && script.contains("processlist"), "{shell} does not complete views");
        }
    }
}

#[test]
fn manual_pages_are_roff_with_examples() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH halfclose 1"), "{page}");
    assert!(page.contains("Exit codes"));
    let run = stdout(&["man", "run"]);
    assert!(run.contains(".TH halfclose\\-run 1") || run.contains(".TH halfclose-run 1"), "{run}");
    assert!(run.contains("two\\-hosts"));
}

#[test]
fn every_explained_word_can_be_asked_for() {
    let list = stdout(&["explain"]);
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")).take_while(|line| !line.starts_with("q1 "));
    let mut asked = 0;
    for name in names.flat_map(|line| line.split(", ")).filter(|name| name.starts_with("net.") || name.starts_with('E'))
    {
        assert!(stdout(&["explain", name]).contains(name));
        asked += 1;
    }
    assert!(asked > 60, "only {asked} names listed");
}
