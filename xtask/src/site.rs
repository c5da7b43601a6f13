//! The page: its modules, its files, what it weighs, and its tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::Context;
use crate::process::run;
use crate::report::Outcome;

const BROWSER: &str = "wasm32-unknown-unknown";
/// The page's modules: each is a feature of the bindings.
const MODULES: &[&str] = &[FIRST, "reader", "tools"];
/// What a first load waits for, halved after it is built.
const FIRST: &str = "sim";

/// Runs steps one after another until one does not pass.
fn all(steps: &[&dyn Fn() -> Outcome]) -> Outcome {
    let mut lines = Vec::new();
    for step in steps {
        match step() {
            Outcome::Passed(more) => lines.extend(more),
            outcome @ (Outcome::Failed(_) | Outcome::NotRun(_)) => return outcome,
        }
    }
    Outcome::Passed(lines)
}

/// `cargo xtask site`: the page and the book, for any plain file host, in `target/site`.
pub(crate) fn site(context: &Context) -> Outcome {
    all(&[&|| modules(context), &|| packages(context), &|| bundle(context), &|| weigh(context), &|| book(context)])
}

/// `cargo xtask serve`: the page from its sources, anew at every change.
pub(crate) fn serve(context: &Context) -> Outcome {
    all(&[&|| modules(context), &|| packages(context), &|| run(vite(context).args(["--host", "127.0.0.1"]))])
}

/// The check `page`: the site is built and a browser goes through all of it.
pub(crate) fn check(context: &Context) -> Outcome {
    all(&[
        &|| site(context),
        &|| match context.built("halfclose") {
            Ok(_) => Outcome::Passed(Vec::new()),
            Err(outcome) => outcome,
        },
        &|| run(npx(context, "playwright").args(["test"]).env("HALFCLOSE_SITE", folder(context))),
    ])
}

fn web(context: &Context) -> PathBuf {
    context.root.join("sim-web").join("web")
}

fn folder(context: &Context) -> PathBuf {
    context.target.join("site")
}

/// A program of the page's packages. What it needs is installed before, so it fetches nothing.
fn npx(context: &Context, program: &str) -> Command {
    let mut command = Command::new("npx");
    command.current_dir(web(context)).arg("--no-install").arg(program);
    command
}

fn vite(context: &Context) -> Command {
    npx(context, "vite")
}

/// The wasm modules, and what the page takes from the core at build time.
fn modules(context: &Context) -> Outcome {
    let generated = web(context).join("src").join("generated");
    let mut outcome = match context.built("pack-presets") {
        Ok(program) => run(Command::new(program).arg(&generated).current_dir(&context.root)),
        Err(outcome) => outcome,
    };
    for module in MODULES {
        if matches!(outcome, Outcome::Passed(_)) {
            outcome = build(context, module, &generated);
        }
    }
    outcome
}

fn build(context: &Context, module: &str, generated: &Path) -> Outcome {
    let built = context.target.join(BROWSER).join("web").join("halfclose_web.wasm");
    all(&[
        &|| {
            let arguments = ["rustc", "--quiet", "--package", "halfclose-web", "--lib", "--profile", "web"];
            let mut cargo = context.cargo();
            cargo.args(arguments).args(["--no-default-features", "--features", module, "--target", BROWSER]);
            cargo.env("CARGO_ENCODED_RUSTFLAGS", placeless());
            if module == FIRST {
                // What is halved must show which constants each function uses.
                cargo.args(["--", "-C", "link-arg=--emit-relocs"]);
            }
            run(&mut cargo)
        },
        &|| {
            let program = ["run", "--quiet", "--package", "xtask-bindgen", "--"];
            let mut cargo = context.cargo();
            cargo.args(program).arg(&built).arg(generated).arg(module);
            if module == FIRST {
                cargo.arg("names");
            }
            run(&mut cargo)
        },
        &|| {
            let mut node = Command::new("node");
            node.current_dir(web(context));
            run(match module {
                FIRST => node.arg("scripts/split.mjs").arg(&built).arg(generated),
                _ => node.arg("scripts/lighten.mjs").arg(generated.join(format!("{module}_bg.wasm"))),
            })
        },
    ])
}

/// Flags that keep from a module where this machine has its sources: it would weigh more for it, and elsewhere differ.
fn placeless() -> String {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot =
        sysroot.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let places = [Path::new(&sysroot).join("lib/rustlib/src/rust"), cargo.join("registry/src")];
    places.map(|place| format!("--remap-path-prefix={}=", place.display())).join("\x1f")
}

/// What package-lock.json says, unless it is there already.
fn packages(context: &Context) -> Outcome {
    let there = web(context).join("node_modules").join(".package-lock.json");
    let age = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    if age(&there).is_some() && age(&there) >= age(&web(context).join("package-lock.json")) {
        return Outcome::Passed(Vec::new());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(web(context)))
}

/// Both builds of the page: files, and one file.
fn bundle(context: &Context) -> Outcome {
    let (site, single) = (folder(context), context.target.join("site-single"));
    all(&[
        &|| run(npx(context, "tsc").arg("--noEmit")),
        &|| run(vite(context).args(["build", "--emptyOutDir", "--outDir"]).arg(&site)),
        &|| run(vite(context).args(["build", "--mode", "single", "--emptyOutDir", "--outDir"]).arg(&single)),
        &|| match std::fs::copy(single.join("index.html"), site.join("halfclose.html")) {
            Ok(_) => Outcome::Passed(Vec::new()),
            Err(error) => Outcome::Failed(vec![format!("halfclose.html: {error}")]),
        },
    ])
}

/// Holds the page to what it may weigh.
fn weigh(context: &Context) -> Outcome {
    run(Command::new("node").arg("scripts/weigh.mjs").arg(folder(context)).current_dir(web(context)))
}

/// The book beside the page: the page's header leads to it.
fn book(context: &Context) -> Outcome {
    crate::book::build(context, &folder(context).join("book"))
}
