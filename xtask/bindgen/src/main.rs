//! Makes a wasm module loadable from JavaScript: `bindgen MODULE.wasm OUT_DIR NAME [names]`.
//!
//! A program of its own, so that `xtask` builds in a moment.
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

use std::path::PathBuf;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (module, folder, name, names) = match arguments.as_slice() {
        [module, folder, name] => (module, folder, name, false),
        [module, folder, name, names] if names == "names" => (module, folder, name, true),
        _ => {
            eprintln!("usage: bindgen MODULE.wasm OUT_DIR NAME [names]");
            return ExitCode::from(2);
        }
    };
    match generate(&PathBuf::from(module), &PathBuf::from(folder), name, names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {module}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The page fetches the module itself, from where its bundler put it, so the
/// glue names no path. Function names are of no use to a reader of the page;
/// with `names` they stay, as the linker wrote them, for what works on the module next.
fn generate(module: &PathBuf, folder: &PathBuf, name: &str, names: bool) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name);
    bindgen.web(true).map_err(|error| format!("{error:#}"))?;
    bindgen.typescript(true).omit_default_module_path(true).remove_name_section(!names).remove_producers_section(true);
    bindgen.demangle(!names);
    bindgen.generate(folder).map_err(|error| format!("{error:#}"))
}
