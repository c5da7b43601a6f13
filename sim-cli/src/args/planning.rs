//! Arguments of the planning commands.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Scenario;

/// Help after the options of `sweep`.
pub const SWEEP_HELP: &str = "\
Examples:
  halfclose sweep plan.toml -o results.jsonl --csv results.csv
  halfclose sweep plan.toml --dry-run                      how many runs, how long, how much memory; is each point valid
  halfclose sweep plan.toml --max-time 10min               exit code 4 if it would take longer
  halfclose sweep plan.toml -o results.jsonl --plot pics   pictures too; also of results that are finished already
  halfclose sweep plan.toml -o part-3.jsonl --shard 3/8    the fourth of eight parts
  sbatch --array=0-7 --wrap 'halfclose sweep plan.toml -o part-$SLURM_ARRAY_TASK_ID.jsonl --shard 8'
  halfclose merge plan.toml part-*.jsonl -o results.jsonl --plot pics

A sweep that was killed goes on where it was: run the same command again. Points depend on plan and seed
alone, so parts computed anywhere are, put together, the bytes of one whole run.

Pictures by the plan: two keys make a heat map and curves, one key a curve, `one-at-a-time` a tornado, random
samples in `zip` points and rank correlations, a `[threshold]` its bisections.";

/// Arguments of `capacity`.
#[derive(Args, Debug)]
pub struct Capacity {
    #[command(flatten)]
    pub scenario: Scenario,

    /// Only the formulas: simulate nothing
    #[arg(long)]
    pub formula: bool,

    /// How many walls to simulate, each lifted to see the next
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = walls, conflicts_with = "formula")]
    pub walls: usize,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

fn walls(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=9) => Ok(number),
        Ok(_) | Err(_) => Err("1 to 9".to_string()),
    }
}

/// Arguments of `advise`.
#[derive(Args, Debug)]
pub struct Advise {
    #[command(flatten)]
    pub scenario: Scenario,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sweep`.
#[derive(Args, Debug)]
pub struct Sweep {
    /// The plan; scenario files named in it lie beside it
    #[arg(value_name = "PLAN.toml", value_hint = ValueHint::FilePath)]
    pub plan: PathBuf,

    /// Results, one JSON object a line; an unfinished file is continued
    #[arg(long, short, value_name = "FILE.jsonl", default_value = "sweep.jsonl", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// Also write a table for spreadsheets
    #[arg(long, value_name = "FILE.csv", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,

    #[command(flatten)]
    pub pictures: Pictures,

    /// Only part I of N, from 0; N alone takes I from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX
    #[arg(long, value_name = "[I/]N", conflicts_with = "plot")]
    pub shard: Option<String>,

    /// Check every point and estimate the sweep from two that are timed; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Run nothing if more runs than this are to be done (exit code 4)
    #[arg(long, value_name = "N")]
    pub max_points: Option<u64>,

    /// Stop before a sweep whose estimate is longer, and in one that becomes so (exit code 4): 90s, 10min, 2h
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<String>,
}

/// Pictures of finished results.
#[derive(Args, Debug)]
pub struct Pictures {
    /// Also draw heat maps, curves, bars of sensitivities and bisections into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub plot: Option<PathBuf>,

    /// Draw them as PNG instead of SVG, by a program built with `--features png`
    #[arg(long, requires = "plot")]
    pub png: bool,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub struct Merge {
    /// The plan of the parts
    #[arg(value_name = "PLAN.toml", value_hint = ValueHint::FilePath)]
    pub plan: PathBuf,

    /// Results of the parts
    #[arg(required = true, value_name = "PART.jsonl", value_hint = ValueHint::FilePath)]
    pub parts: Vec<PathBuf>,

    /// Where to write the whole
    #[arg(long, short, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// Also write a table for spreadsheets
    #[arg(long, value_name = "FILE.csv", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,

    #[command(flatten)]
    pub pictures: Pictures,
}
