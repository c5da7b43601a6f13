//! Puts the page into the program where `HALFCLOSE_PAGE` names its file at build
//! time; a feature would make `--all-features` depend on a page built before.

#[expect(clippy::disallowed_methods, reason = "decides what is built in, not what a run does")]
fn main() {
    println!("cargo::rustc-check-cfg=cfg(page)");
    println!("cargo::rerun-if-env-changed=HALFCLOSE_PAGE");
    if let Ok(file) = std::env::var("HALFCLOSE_PAGE") {
        println!("cargo::rerun-if-changed={file}");
        println!("cargo::rustc-cfg=page");
    }
}
