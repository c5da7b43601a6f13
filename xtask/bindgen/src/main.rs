//! Makes a wasm module loadable from JavaScript: `bindgen MODULE.wasm OUT_DIR NAME`.
//!
//! A program of its own, so that `xtask` builds in a moment.
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

use std::path::PathBuf;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = arguments.as_slice() else {
        eprintln!("usage: bindgen MODULE.wasm OUT_DIR NAME");
        return ExitCode::from(2);
    };
    match generate(&PathBuf::from(module), &PathBuf::from(folder), name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {module}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The page fetches the module itself, from where its bundler put it, so the
/// glue names no path. Function names are of no use to a reader of the page.
fn generate(module: &PathBuf, folder: &PathBuf, name: &str) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name);
    bindgen.web(true).map_err(|error| format!("{error:#}"))?;
    bindgen.typescript(true).omit_default_module_path(true).remove_name_section(true).remove_producers_section(true);
    bindgen.generate(folder).map_err(|error| format!("{error:#}"))
}
