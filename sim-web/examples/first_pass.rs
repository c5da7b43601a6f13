//! The page's first pass over a scenario, natively: what the browser benchmark
//! (`npm run bench`) compares its own with. Prints milliseconds, a line a run.
//!
//! ```sh
//! cargo run --release -p halfclose-web --example first_pass -- FILE.scn 7
//! ```

#![expect(clippy::print_stdout, reason = "a program that reports to a terminal")]

use halfclose_web::sim::Lab;

fn main() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("which packed scenario?")?;
    let runs = args.next().map_or(Ok(7), |runs| runs.parse::<u32>()).map_err(|error| error.to_string())?;
    let packed = std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
    for _ in 0..runs {
        let mut lab = Lab::new(&packed, None, false)?;
        #[expect(clippy::disallowed_types, reason = "the wall clock is what this program measures")]
        let began = std::time::Instant::now();
        while !lab.prepare(0)? {}
        println!("{:.1}", began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}
