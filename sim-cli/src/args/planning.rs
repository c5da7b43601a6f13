//! Arguments of the planning commands.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Scenario;

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

    /// Only part I of N, from 0; N alone takes I from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX
    #[arg(long, value_name = "[I/]N")]
    pub shard: Option<String>,

    /// Check every point and say how many there are; run nothing
    #[arg(long)]
    pub dry_run: bool,
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
}
