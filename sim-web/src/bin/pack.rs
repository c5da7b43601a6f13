//! Makes what the page needs of the core at build time: `pack-presets OUT_DIR`
//! writes each preset as it is loaded, a list of them, and the state graph.
#![expect(clippy::print_stderr, reason = "a program that reports on its terminal")]

use std::path::Path;
use std::process::ExitCode;

use halfclose::scenario::preset;
use serde_json::json;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: pack-presets OUT_DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", folder.to_string_lossy());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut list = Vec::new();
    for one in preset::ALL {
        let mut scenario = one.scenario();
        // The page gives no verdicts.
        scenario.expectations.clear();
        std::fs::write(folder.join(one.name).with_extension("scn"), scenario.pack())?;
        list.push(json!({
            "name": one.name,
            "title": [scenario.title, scenario.title_zh],
            "question": [scenario.question, scenario.question_zh],
            "seed": scenario.seed,
        }));
    }
    std::fs::write(folder.join("presets.json"), serde_json::to_string(&list)?)?;
    std::fs::write(folder.join("graph.json"), serde_json::to_string(&halfclose_web::figures::graph())?)
}
