//! The checks, in the order in which they run: what fails fastest first.

use std::path::PathBuf;
use std::process::Command;

use crate::install::{BINARYEN, CARGO_DENY, CHROMIUM, CJK_FONT, MARIADB, MDBOOK, MDBOOK_I18N, Need, TCPDUMP, TSHARK};
use crate::process::{output_of, run, run_tests};
use crate::report::Outcome;

/// Where things are.
pub(crate) struct Context {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which also keeps the tools.
    pub(crate) target: PathBuf,
}

impl Context {
    pub(crate) fn new(root: PathBuf) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Self { root, target }
    }

    /// The cargo that started us, at the workspace's root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }

    /// A program of the workspace, built as the tests are: with other features
    /// each check would compile the model once more.
    ///
    /// # Errors
    /// How its build ended, if not well.
    pub(crate) fn built(&self, program: &str) -> Result<PathBuf, Outcome> {
        match run(self.cargo().args(["build", "--quiet"]).args(EVERYTHING).args(["--bin", program])) {
            Outcome::Passed(_) => {
                Ok(self.target.join("debug").join(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
            }
            outcome @ (Outcome::Failed(_) | Outcome::NotRun(_)) => Err(outcome),
        }
    }
}

/// One choice of features for all checks that run our own code.
const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];

/// One check.
pub(crate) struct Check {
    /// Name in the tables.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) what: &'static str,
    /// Belongs to `--only rust`.
    pub(crate) rust_only: bool,
    /// What must be there first.
    pub(crate) needs: &'static [Need],
    /// Runs it.
    pub(crate) run: fn(&Context) -> Outcome,
}

/// What the library's default build leaves out and needs no crate of another's runtime.
const VIEWS: &str = "scenario,observe,packetdrill,plot";
const WASI: &str = "wasm32-wasip1";
const BROWSER: &str = "wasm32-unknown-unknown";
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const APPLE: &str = "aarch64-apple-darwin";

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "fmt",
        what: "formatting",
        rust_only: true,
        needs: &[Need::Component("rustfmt")],
        run: |context| run(context.cargo().args(["fmt", "--all", "--check"])),
    },
    Check {
        name: "clippy",
        what: "lints, every target of every member",
        rust_only: true,
        needs: &[Need::Component("clippy")],
        run: |context| {
            run(context.cargo().arg("clippy").args(EVERYTHING).args(["--all-targets", "--", "-D", "warnings"]))
        },
    },
    Check { name: "tests", what: "unit and whole-system tests", rust_only: true, needs: &[], run: tests },
    Check {
        name: "lab",
        what: "the quick experiments on the real kernel: it and the model agree",
        rust_only: false,
        needs: &[Need::Debian(MARIADB)],
        run: lab,
    },
    Check {
        name: "doctests",
        what: "examples in the documentation",
        rust_only: true,
        needs: &[],
        run: |context| run_tests(context.cargo().arg("test").args(EVERYTHING).args(["--doc", "--no-fail-fast"])),
    },
    Check { name: "docs", what: "documentation without warnings", rust_only: true, needs: &[], run: docs },
    Check {
        name: "library",
        what: "the library's default build: few crates, no warnings; its package compiles",
        rust_only: true,
        needs: &[Need::Component("clippy")],
        run: library,
    },
    Check {
        name: "wasm",
        what: "the core's tests and digests under WASI, and the core for browsers",
        rust_only: false,
        needs: &[Need::Target(WASI), Need::Target(BROWSER), Need::Node(20)],
        run: wasm,
    },
    Check {
        name: "portability",
        what: "core and program compile for Windows and macOS",
        rust_only: false,
        needs: &[Need::Target(WINDOWS), Need::Target(APPLE)],
        run: |context| {
            let packages = ["--package", "halfclose", "--package", "halfclose-cli"];
            let targets = ["--target", WINDOWS, "--target", APPLE];
            run(context.cargo().arg("check").args(packages).args(targets))
        },
    },
    Check {
        name: "deny",
        what: "licences, sources and bans of the dependencies",
        rust_only: false,
        needs: &[Need::Tool(CARGO_DENY)],
        run: deny,
    },
    Check {
        name: "captures",
        what: "tshark and tcpdump read exported captures: checksums, dissection, our own view of them",
        rust_only: false,
        needs: &[Need::Debian(TSHARK), Need::Debian(TCPDUMP)],
        run: crate::capture::check,
    },
    Check {
        name: "page",
        what: "the page is built, weighed and gone through in a browser",
        rust_only: false,
        needs: &[
            Need::Target(BROWSER),
            Need::Node(20),
            Need::Tool(MDBOOK),
            Need::Tool(MDBOOK_I18N),
            Need::Debian(BINARYEN),
            Need::Debian(CHROMIUM),
            Need::Debian(CJK_FONT),
        ],
        run: crate::site::check,
    },
    Check {
        name: "book",
        what: "the book builds in both languages, nothing is untranslated, links lead somewhere",
        rust_only: false,
        needs: crate::book::NEEDS,
        run: crate::book::check,
    },
];

/// What building the page needs.
pub(crate) const PAGE_BUILD: &[Need] = &[Need::Target(BROWSER), Need::Node(20), Need::Debian(BINARYEN)];
/// What the site needs: the page, and the book beside it.
pub(crate) const SITE_BUILD: &[Need] =
    &[Need::Target(BROWSER), Need::Node(20), Need::Debian(BINARYEN), Need::Tool(MDBOOK), Need::Tool(MDBOOK_I18N)];

/// nextest where it is installed, because it stops a test that hangs; cargo's
/// own runner otherwise, which tests the same.
fn tests(context: &Context) -> Outcome {
    if output_of(context.cargo().args(["nextest", "--version"])).is_some() {
        return run_tests(context.cargo().args(["nextest", "run"]).args(EVERYTHING));
    }
    println!("cargo-nextest is not installed: the tests run under `cargo test`");
    let targets = ["--lib", "--bins", "--tests", "--no-fail-fast"];
    run_tests(context.cargo().arg("test").args(EVERYTHING).args(targets))
}

/// Apart from the other tests: it needs rights, a MariaDB, and the machine for itself.
fn lab(context: &Context) -> Outcome {
    run_tests(context.cargo().arg("test").args(EVERYTHING).args(["--test", "lab", "--", "--test-threads", "1"]))
}

/// Libraries only: the program has the library's name, and their pages would collide.
fn docs(context: &Context) -> Outcome {
    run(context.cargo().arg("doc").args(EVERYTHING).args(["--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Crates the library's users compile with it, itself included.
const LIBRARY_CRATES: usize = 19;

/// Features of other members do not reach this build, so it sees what a user sees.
fn library(context: &Context) -> Outcome {
    let tree = ["tree", "--package", "halfclose", "--edges", "normal", "--prefix", "none"];
    let Some(tree) = output_of(context.cargo().args(tree)) else {
        return Outcome::Failed(vec!["cargo tree does not answer".to_owned()]);
    };
    let mut crates: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    if crates.len() > LIBRARY_CRATES {
        return Outcome::Failed(vec![
            format!("{} crates instead of {LIBRARY_CRATES}", crates.len()),
            crates.join(", "),
        ]);
    }
    let lints = run(context.cargo().args(["clippy", "--package", "halfclose", "--lib", "--", "-D", "warnings"]));
    if lints != Outcome::Passed(Vec::new()) {
        return lints;
    }
    // Everything that the library reads must be inside the package. Uncommitted work is packed as it is.
    run(context.cargo().args(["package", "--package", "halfclose", "--allow-dirty"]))
}

/// Where a number depends on the width of `usize` or on the platform, a unit
/// test or a digest in `sim-core/tests` differs here from its native value.
fn wasm(context: &Context) -> Outcome {
    let browser =
        run(context.cargo().args(["check", "--package", "halfclose", "--features", VIEWS, "--target", BROWSER]));
    if browser != Outcome::Passed(Vec::new()) {
        return browser;
    }
    let runner = context.root.join("xtask").join("wasi").join("run.mjs");
    // As a list, because a path may hold spaces. Functions are compiled before the run: V8 of Node 20.20 crashes
    // when it compiles one of so large a module at its first call, after the last test.
    let node = "'node', '--no-warnings', '--no-wasm-lazy-compilation'";
    let runner = format!("target.{WASI}.runner = [{node}, '{}']", runner.display());
    run_tests(
        context
            .cargo()
            .args([
                "test",
                "--package",
                "halfclose",
                "--features",
                VIEWS,
                "--lib",
                "--tests",
                "--no-fail-fast",
                "--target",
                WASI,
                "--config",
            ])
            .arg(runner)
            .env("PROPTEST_CASES", "32"),
    )
}

fn deny(context: &Context) -> Outcome {
    let Some(tool) = CARGO_DENY.find(context) else {
        return Outcome::NotRun(format!("{} is gone", Need::Tool(CARGO_DENY)));
    };
    run(Command::new(tool).args(["check", "bans", "licenses", "sources"]).current_dir(&context.root))
}
