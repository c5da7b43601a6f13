//! What the checks need besides a Rust toolchain, and getting it by consent.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::checks::{Check, Context};
use crate::process::output_of;
use crate::report::Outcome;

/// Something a check needs before it can run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// A component of the toolchain, by rustup's name.
    Component(&'static str),
    /// The standard library of another target, through rustup.
    Target(&'static str),
    /// A program from crates.io, compiled into the target folder.
    Tool(Tool),
    /// A program of Debian, through apt.
    Debian(Package),
    /// Node of at least this major version. Not installed from here.
    Node(u32),
}

/// A program that cargo can build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tool {
    /// The crate.
    pub(crate) name: &'static str,
    /// A program of it.
    pub(crate) program: &'static str,
    /// The version whose behaviour the checks were written against.
    pub(crate) version: &'static str,
    /// A feature that it is built with; empty for none.
    pub(crate) feature: &'static str,
}

/// A program that Debian packages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Package {
    /// The package.
    pub(crate) name: &'static str,
    /// The program in it; empty if it brings none.
    pub(crate) program: &'static str,
}

pub(crate) const CHROMIUM: Package = Package { name: "chromium", program: "chromium" };
/// `wasm-split`, which npm's package of the same tools does not have.
pub(crate) const BINARYEN: Package = Package { name: "binaryen", program: "wasm-split" };
pub(crate) const CJK_FONT: Package = Package { name: "fonts-noto-cjk", program: "" };
pub(crate) const TSHARK: Package = Package { name: "tshark", program: "tshark" };
pub(crate) const TCPDUMP: Package = Package { name: "tcpdump", program: "tcpdump" };
pub(crate) const MARIADB: Package = Package { name: "mariadb-server-core", program: "mariadbd" };
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", program: "cargo-deny", version: "0.20.2", feature: "" };
pub(crate) const MDBOOK: Tool = Tool { name: "mdbook", program: "mdbook", version: "0.5.4", feature: "search" };
/// Extracts the book's messages and puts their translations in; of the series of mdBook above.
pub(crate) const MDBOOK_I18N: Tool =
    Tool { name: "mdbook-i18n-helpers", program: "mdbook-gettext", version: "0.4.0", feature: "" };

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(name) => write!(f, "toolchain component {name}"),
            Self::Target(name) => write!(f, "standard library for {name}"),
            Self::Tool(tool) => write!(f, "{} {}", tool.name, tool.version),
            Self::Debian(package) => write!(f, "Debian package {}", package.name),
            Self::Node(major) => write!(f, "Node {major} or later"),
        }
    }
}

impl Tool {
    /// Where this workspace keeps its own copy. Version and feature are part of the path,
    /// so another one is another installation.
    fn folder(self, context: &Context) -> PathBuf {
        let feature = if self.feature.is_empty() { String::new() } else { format!("-{}", self.feature) };
        context.target.join("tools").join(format!("{}-{}{feature}", self.name, self.version))
    }

    fn own_copy(self, context: &Context) -> PathBuf {
        let program = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        self.folder(context).join("bin").join(program)
    }

    /// Our own copy, else one on PATH of the same series (`0.5.x`).
    pub(crate) fn find(self, context: &Context) -> Option<PathBuf> {
        let own = self.own_copy(context);
        if own.is_file() {
            return Some(own);
        }
        let said = output_of(Command::new(self.program).arg("--version").stdin(Stdio::null()))?;
        same_series(&said, self.version).then(|| PathBuf::from(self.program))
    }
}

/// Whether `name v0.5.2 (…)` is of the series of `0.5.4`.
fn same_series(said: &str, wanted: &str) -> bool {
    let series = |version: &str| {
        let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    let found = said.split_whitespace().find_map(series);
    found.is_some() && found == series(wanted)
}

/// What the selected checks need and this machine lacks, each once.
pub(crate) fn missing(context: &Context, checks: &[&Check]) -> Vec<Need> {
    let needs: Vec<Need> = checks.iter().flat_map(|check| check.needs).copied().collect();
    missing_of(context, &needs)
}

/// Which of these this machine lacks, each once.
pub(crate) fn missing_of(context: &Context, needs: &[Need]) -> Vec<Need> {
    let mut missing = Vec::new();
    for need in needs {
        if !missing.contains(need) && !present(context, *need) {
            missing.push(*need);
        }
    }
    missing
}

fn present(context: &Context, need: Need) -> bool {
    match need {
        Need::Component(name) => {
            let subcommand = if name == "rustfmt" { "fmt" } else { name };
            output_of(context.cargo().args([subcommand, "--version"])).is_some()
        }
        Need::Target(name) => {
            let libdir = output_of(Command::new("rustc").args(["--print", "target-libdir", "--target", name]));
            libdir.is_some_and(|path| Path::new(path.trim()).is_dir())
        }
        Need::Tool(tool) => tool.find(context).is_some(),
        Need::Debian(package) if package.program.is_empty() => {
            output_of(Command::new("dpkg-query").args(["--show", package.name])).is_some()
        }
        Need::Debian(package) => output_of(Command::new(package.program).arg("--version")).is_some(),
        Need::Node(major) => node_major().is_some_and(|found| found >= major),
    }
}

/// The major version in `v20.20.2`.
fn node_major() -> Option<u32> {
    let said = output_of(Command::new("node").arg("--version"))?;
    said.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Installs what is missing, after asking where somebody can answer. Returns
/// what is still missing, and why.
pub(crate) fn provide(context: &Context, missing: &[Need], yes: bool) -> Vec<(Need, String)> {
    let mut unavailable = Vec::new();
    let (ours, theirs): (Vec<Need>, Vec<Need>) = missing.iter().partition(|need| !matches!(need, Need::Node(_)));
    for need in theirs {
        unavailable.push((need, "not found; install it from your system or from nodejs.org".to_owned()));
    }
    if ours.is_empty() {
        println!("to install: nothing");
        return unavailable;
    }
    println!("to install:");
    for need in &ours {
        println!("  {need} ({})", how(context, *need));
    }
    if !yes && somebody_can_answer() && !consent() {
        unavailable.extend(ours.iter().map(|need| (*need, "installing it was declined".to_owned())));
        return unavailable;
    }
    for need in ours {
        if let Some(why) = install(context, need) {
            println!("could not install {need}: {why}");
            unavailable.push((need, why));
        }
    }
    unavailable
}

fn how(context: &Context, need: Need) -> String {
    match need {
        Need::Component(_) | Need::Target(_) => "rustup, into the toolchain".to_owned(),
        Need::Tool(tool) => {
            let folder = tool.folder(context);
            let shown = folder.strip_prefix(&context.root).unwrap_or(&folder);
            format!("compiled once, about a minute, into {}", shown.display())
        }
        Need::Debian(_) => "apt-get, into the system".to_owned(),
        Need::Node(_) => "by you".to_owned(),
    }
}

/// A person sits at a terminal: both ends are one, and no CI service says otherwise.
fn somebody_can_answer() -> bool {
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
    !ci && io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn consent() -> bool {
    print!("Install these now? [Y/n] ");
    let _ = io::stdout().flush();
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(length) if length > 0 => matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"),
        Ok(_) | Err(_) => false,
    }
}

/// Returns why it failed, if it did.
fn install(context: &Context, need: Need) -> Option<String> {
    let outcome = match need {
        Need::Component(name) => crate::process::run(Command::new("rustup").args(["component", "add", name])),
        Need::Target(name) => crate::process::run(Command::new("rustup").args(["target", "add", name])),
        Need::Tool(tool) => install_tool(context, tool),
        Need::Debian(package) => install_package(package),
        Need::Node(_) => Outcome::NotRun("not installed from here".to_owned()),
    };
    match outcome {
        Outcome::Passed(_) if present(context, need) => None,
        Outcome::Passed(_) => Some("installed, yet not found".to_owned()),
        Outcome::Failed(_) => Some("the installation failed; its messages stand above".to_owned()),
        Outcome::NotRun(why) => Some(why),
    }
}

/// As root, or through a sudo that asks for no password.
fn install_package(package: Package) -> Outcome {
    let root = output_of(Command::new("id").arg("-u")).is_some_and(|uid| uid.trim() == "0");
    let mut command = if root { Command::new("env") } else { Command::new("sudo") };
    if !root {
        command.arg("--non-interactive").arg("env");
    }
    command.arg("DEBIAN_FRONTEND=noninteractive");
    command.args(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package.name]);
    crate::process::run(&mut command)
}

/// Unoptimised and without debug information: compiling is what takes the time,
/// and these programs then run for a second.
fn install_tool(context: &Context, tool: Tool) -> Outcome {
    let folder = tool.folder(context);
    let build = folder.join("build");
    let outcome = crate::process::run(
        context
            .cargo()
            .args(["install", tool.name, "--version", tool.version, "--locked", "--debug", "--no-default-features"])
            .args(["--features", tool.feature, "--quiet", "--root"])
            .arg(&folder)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_DEV_DEBUG", "0"),
    );
    // Only space is lost if this fails.
    let _ = std::fs::remove_dir_all(&build);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_of_the_same_series_serves() {
        assert!(same_series("mdbook v0.5.1", "0.5.4"));
        assert!(same_series("cargo-deny 0.20.9 (abc 2026-01-01)", "0.20.2"));
        assert!(!same_series("mdbook v0.4.52", "0.5.4"));
        assert!(!same_series("mdbook", "0.5.4"));
    }
}
