//! `halfclose capacity`: the formulas, then the simulation, then the gap.

use comfy_table::{CellAlignment, Table};
use halfclose::app::backoff::BackOff;
use halfclose::capacity::{
    BackOffRow, Binds, Capacity, CapacityText, Compared, Formula, Limit, LimitId, Need, VariantError, Wall, Walls,
    advance_to_demand,
};
use halfclose::say;
use halfclose::scenario::{Run, Scenario};
use halfclose::text::Lang;
use halfclose::time::Duration;
use serde_json::{Value, json};

use super::span;
use crate::args::Capacity as Arguments;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Planning as Say;
use crate::source::Source;
use crate::terminal::{self, STRONG, styled};

/// Version of the JSON object `capacity --json` prints.
const SCHEMA_VERSION: u32 = 1;

/// `halfclose capacity`.
pub fn capacity(arguments: &Arguments, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let variant = engine::variant(&source, &arguments.scenario.overrides);
    let failed = |error| engine::variant_failure(&source, &arguments.scenario.overrides, error, lang);
    let scenario = variant.scenario().map_err(|error| failed(VariantError::Scenario(error)))?;
    let seed = arguments.scenario.seed.unwrap_or(scenario.seed);
    let capacity = formulas(scenario.clone(), seed).map_err(failed)?;
    let walls = match arguments.formula {
        true => Walls(Vec::new()),
        false => Walls::of(&variant, seed, arguments.walls).map_err(failed)?,
    };
    let report = Report { scenario: &scenario, name: &source.name, seed, capacity: &capacity, walls: &walls, lang };
    terminal::print(&if arguments.json { report.json() } else { report.text() })?;
    Ok(Code::Ok)
}

fn formulas(scenario: Scenario, seed: u64) -> Result<Capacity, VariantError> {
    let mut run = Run::new(scenario, seed)?;
    advance_to_demand(&mut run)?;
    Ok(Capacity::of(&run))
}

struct Report<'a> {
    scenario: &'a Scenario,
    name: &'a str,
    seed: u64,
    capacity: &'a Capacity,
    walls: &'a Walls,
    lang: Lang,
}

impl Report<'_> {
    fn text(&self) -> String {
        let mut out = format!("{}\n", styled(STRONG, say!(self.lang, Say::CapacityTitle, self.name)));
        if self.capacity.demands.is_empty() {
            out.push_str(&terminal::fill(&say!(self.lang, Say::NoDemand), usize::from(terminal::width())));
            return out;
        }
        out.push_str(&self.limits());
        out.push_str(&self.formulas());
        out.push_str(&self.tables());
        if !self.walls.0.is_empty() {
            out.push_str(&self.simulated());
        }
        out
    }

    fn what(&self, limit: &Limit) -> String {
        let scenario = self.scenario;
        let of = match (limit.id, limit.process) {
            (LimitId::Ports, _) => {
                let same = |demand: &&halfclose::capacity::Demand| demand.host == limit.host;
                self.capacity.demands.iter().find(same).map_or_else(String::new, |demand| {
                    let all = std::iter::once(&demand.destination).chain(&demand.more_destinations);
                    all.map(|to| format!("{}:{}", to.addr, to.port)).collect::<Vec<_>>().join(", ")
                })
            }
            (_, Some(process)) => scenario.processes[process].name.clone(),
            (_, None) => scenario.hosts[limit.host].name.clone(),
        };
        named(self.lang, limit.id.text(), &of)
    }

    /// The ranking.
    fn limits(&self) -> String {
        let heads = [Say::HeadRank, Say::HeadLimit, Say::HeadThereAre, Say::HeadTaken, Say::HeadBinds, Say::HeadSign];
        let mut table = table(self.lang, &heads);
        for (rank, limit) in self.capacity.limits.iter().enumerate() {
            let mark = if limit.id.approximate() { "≈ " } else { "" };
            table.add_row([
                (rank + 1).to_string(),
                self.what(limit),
                format!("{mark}{}", number(limit.capacity.value)),
                need(self.lang, limit.need),
                binds(self.lang, limit.binds),
                self.capacity.sign(limit.id).to_owned(),
            ]);
        }
        for column in [0, 2] {
            table.column_mut(column).expect("the table has six columns").set_cell_alignment(CellAlignment::Right);
        }
        format!("{}\n{table}\n", say!(self.lang, Say::RankedBy))
    }

    /// Each number with its formula.
    fn formulas(&self) -> String {
        let mut out = format!("\n{}\n", styled(STRONG, say!(self.lang, Say::Derivations)));
        for (rank, limit) in self.capacity.limits.iter().enumerate() {
            out.push_str(&format!("{:>3} {}\n", rank + 1, self.what(limit)));
            out.push_str(&derived(&limit.capacity));
            out.push_str(&limit.demand.as_ref().map_or_else(String::new, derived));
        }
        out
    }

    fn tables(&self) -> String {
        let tables = &self.capacity.tables;
        let mut out = String::new();
        if !tables.reuse.is_empty() {
            let mut table = table(self.lang, &[Say::HeadClosesFirst, Say::HeadReuse, Say::HeadAway, Say::HeadRate]);
            for row in &tables.reuse {
                table.add_row([
                    say_who(self.lang, row.client_closes_first),
                    if row.client_closes_first { row.tcp_tw_reuse.to_string() } else { "–".to_owned() },
                    span(row.away),
                    if row.rate.is_finite() { number(row.rate) } else { say!(self.lang, Say::NoLimitFromPorts) },
                ]);
            }
            out.push_str(&titled(&say!(self.lang, Say::ReuseTable), &table, &tables.formulas.reuse));
        }
        if !tables.cost.is_empty() {
            let mut table =
                table(self.lang, &[Say::HeadTakenPercent, Say::HeadCandidates, Say::HeadCost, Say::HeadPerCore]);
            for row in &tables.cost {
                table.add_row([
                    format!("{} %", row.percent),
                    number(row.candidates),
                    span(row.seconds),
                    number(row.per_core),
                ]);
            }
            out.push_str(&titled(&say!(self.lang, Say::CostTable), &table, &tables.formulas.cost));
        }
        if !tables.slots.is_empty() {
            let mut table = table(self.lang, &[Say::HeadRate, Say::HeadHeld, Say::HeadRefused]);
            for row in &tables.slots {
                table.add_row([number(row.rate), number(row.held), format!("{:.1} %", row.refused * 100.0)]);
            }
            out.push_str(&titled(&say!(self.lang, Say::SlotTable), &table, &tables.formulas.slots));
            out.push_str(&self.admin());
        }
        let mut table =
            table(self.lang, &[Say::HeadPolicy, Say::HeadFirstSecond, Say::HeadFirstMinute, Say::HeadSteady]);
        for row in &tables.back_off {
            table.add_row([
                policy(self.lang, row),
                number(row.first_second),
                number(row.first_minute),
                number(row.steady),
            ]);
        }
        let head = say!(self.lang, Say::BackOffTable, tables.clients);
        out.push_str(&titled(&head, &table, &tables.formulas.back_off));
        out
    }

    /// The way in that no limit of sessions closes.
    fn admin(&self) -> String {
        let Some(admin) = &self.capacity.tables.admin else { return String::new() };
        let said = match (&admin.address, admin.known) {
            (Some(address), _) => say!(self.lang, Say::AdminOpen, address),
            (None, true) => say!(self.lang, Say::AdminClosed),
            (None, false) => say!(self.lang, Say::AdminUnknown),
        };
        terminal::fill(&said, usize::from(terminal::width()))
    }

    fn simulated(&self) -> String {
        let mut out = format!("\n{}\n", styled(STRONG, say!(self.lang, Say::FromSimulation, self.seed)));
        for (number, wall) in self.walls.0.iter().enumerate() {
            out.push_str(&self.wall(number + 1, wall));
        }
        out
    }

    fn wall(&self, ordinal: usize, wall: &Wall) -> String {
        let lang = self.lang;
        let mut out = String::new();
        if let Some((key, value)) = wall.lifted.last() {
            out.push_str(&format!("  --set {key}=\"{value}\"\n"));
        }
        out.push_str(&match &wall.met {
            Some((limit, connections, seconds)) => {
                let (sign, after) = (self.capacity.sign(*limit), span(*seconds));
                let met = match wall.in_time_wait {
                    0 => say!(lang, Say::WallMet, ordinal, sign, connections, after),
                    waiting => say!(lang, Say::WallMetInTimeWait, ordinal, sign, connections, after, waiting),
                };
                format!("  {met}\n")
            }
            None => format!("  {}\n", say!(lang, Say::NoWall, ordinal, span(wall.simulated_seconds))),
        });
        if wall.compared.is_empty() {
            return out;
        }
        let mut table = table(lang, &[Say::HeadQuantity, Say::HeadFormula, Say::HeadSimulated, Say::HeadGap]);
        for row in &wall.compared {
            let Compared { quantity, formula, simulated, cause } = *row;
            table.add_row([
                say_plain(lang, quantity.text()),
                number(formula),
                number(simulated),
                say_plain(lang, cause.text()),
            ]);
        }
        out.push_str(&format!("{table}\n"));
        out
    }

    fn json(&self) -> String {
        let limits: Vec<Value> = self.capacity.limits.iter().map(|limit| self.limit_json(limit)).collect();
        let walls: Vec<Value> = self.walls.0.iter().map(|wall| wall_json(wall, self.capacity)).collect();
        let tables = &self.capacity.tables;
        let object = json!({
            "schema_version": SCHEMA_VERSION,
            "scenario": self.name,
            "seed": self.seed,
            "limits": limits,
            "tables": {
                "time_wait": tables.reuse.iter().map(|row| json!({
                    "closes_first": if row.client_closes_first { "client" } else { "server" },
                    "tcp_tw_reuse": row.tcp_tw_reuse,
                    "away_seconds": row.away,
                    "per_second": finite(row.rate),
                })).collect::<Vec<_>>(),
                "connect_cost": tables.cost.iter().map(|row| json!({
                    "percent": row.percent,
                    "candidates": row.candidates,
                    "seconds": row.seconds,
                    "per_core": row.per_core,
                })).collect::<Vec<_>>(),
                "slots": tables.slots.iter().map(|row| json!({
                    "per_second": row.rate,
                    "held": row.held,
                    "refused_share": row.refused,
                })).collect::<Vec<_>>(),
                "back_off": tables.back_off.iter().map(|row| json!({
                    "policy": policy(Lang::En, row),
                    "first_second": row.first_second,
                    "first_minute": row.first_minute,
                    "steady_per_second": row.steady,
                })).collect::<Vec<_>>(),
                "clients": tables.clients,
                "formulas": {
                    "time_wait": formulas_json(&tables.formulas.reuse),
                    "connect_cost": formulas_json(&tables.formulas.cost),
                    "slots": formulas_json(&tables.formulas.slots),
                    "back_off": formulas_json(&tables.formulas.back_off),
                },
                "admin_port": tables.admin.as_ref().map(|admin| json!({
                    "known": admin.known, "address": admin.address,
                })),
            },
            "walls": walls,
        });
        format!("{object}\n")
    }

    fn limit_json(&self, limit: &Limit) -> Value {
        let (kind, value) = match limit.binds {
            Binds::After(seconds) => ("after_seconds", Some(seconds)),
            Binds::AtLoad(times) => ("at_load", Some(times)),
            Binds::Never => ("never", None),
        };
        json!({
            "limit": limit.id.name(),
            "host": self.scenario.hosts[limit.host].name,
            "process": limit.process.map(|process| self.scenario.processes[process].name.clone()),
            "sign": self.capacity.sign(limit.id),
            "approximate": limit.id.approximate(),
            "capacity": formula_json(&limit.capacity),
            "demand": limit.demand.as_ref().map(formula_json),
            "held": finite(limit.need.held()),
            "binds": { "when": kind, "value": value },
        })
    }
}

fn formula_json(formula: &Formula) -> Value {
    let Formula { symbols, numbers, value, source } = formula;
    json!({ "symbols": symbols, "numbers": numbers, "value": value, "source": source })
}

fn formulas_json(formulas: &[Formula]) -> Vec<Value> {
    formulas.iter().map(formula_json).collect()
}

fn wall_json(wall: &Wall, capacity: &Capacity) -> Value {
    json!({
        "lifted": wall.lifted.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
        "expected": wall.expected.map(LimitId::name),
        "met": wall.met.map(|(limit, connections, seconds)| json!({
            "limit": limit.name(), "sign": capacity.sign(limit), "connections": connections, "seconds": seconds,
            "in_time_wait": wall.in_time_wait,
        })),
        "compared": wall.compared.iter().map(|row| json!({
            "quantity": row.quantity.name(), "formula": finite(row.formula),
            "simulated": row.simulated, "cause": row.cause.name(),
        })).collect::<Vec<_>>(),
    })
}

/// A formula in symbols, with numbers, its value and where the rule stands.
fn derived(formula: &Formula) -> String {
    let Formula { symbols, numbers, value, source } = formula;
    format!("      {symbols} = {numbers} = {}\n      · {source}\n", number(*value))
}

/// A table under its head, and the formulas of its rows.
fn titled(head: &str, table: &Table, formulas: &[Formula]) -> String {
    let formulas: String = formulas.iter().map(derived).collect();
    format!("\n{}\n{table}\n{formulas}", styled(STRONG, head))
}

/// JSON has no infinity: null is "no limit".
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn table(lang: Lang, heads: &[Say]) -> Table {
    let mut table = terminal::ruled_table(terminal::width());
    table.set_header(heads.iter().map(|&head| head.texts().text(lang)));
    table
}

fn say_plain(lang: Lang, text: CapacityText) -> String {
    text.texts().text(lang).to_owned()
}

/// A limit's name with the thing it belongs to; every one takes that argument.
fn named(lang: Lang, text: CapacityText, of: &str) -> String {
    halfclose::text::Message::format(text, lang, &[&of])
}

fn say_who(lang: Lang, client: bool) -> String {
    if client { say!(lang, Say::TheClient) } else { say!(lang, Say::TheServer) }
}

fn need(lang: Lang, need: Need) -> String {
    match need {
        Need::Nothing => say!(lang, CapacityText::NeedNothing),
        Need::Holds(n) => say!(lang, CapacityText::NeedHolds, number(n)),
        Need::Flow { rate, hold } => {
            say!(lang, CapacityText::NeedFlow, number(rate), span(hold), number(rate * hold))
        }
        Need::Grows { rate } => say!(lang, CapacityText::NeedGrows, number(rate)),
    }
}

fn binds(lang: Lang, binds: Binds) -> String {
    match binds {
        Binds::After(seconds) => say!(lang, CapacityText::After, span(seconds)),
        Binds::AtLoad(times) => say!(lang, CapacityText::AtLoad, number(times)),
        Binds::Never => say!(lang, CapacityText::Never),
    }
}

fn policy(lang: Lang, row: &BackOffRow) -> String {
    let wait = |duration: Duration| span(duration.nanos() as f64 / 1e9);
    let policy = match row.policy {
        BackOff::Fixed(every) => wait(every),
        BackOff::Exponential { first, growth, cap } => format!("{} ×{growth} ≤ {}", wait(first), wait(cap)),
        BackOff::Jittered { first, growth, cap } => format!("0…{} ×{growth} ≤ {}", wait(first), wait(cap)),
    };
    let of = if row.of.is_empty() { say!(lang, Say::ThisScenario) } else { row.of.to_owned() };
    format!("{policy} ({of})")
}

/// Whole numbers where they are large, enough digits where they are not.
fn number(value: f64) -> String {
    match value {
        v if !v.is_finite() => "∞".to_owned(),
        v if (v - v.round()).abs() < 1e-9 || v.abs() >= 1000.0 => format!("{v:.0}"),
        v if v.abs() >= 10.0 => format!("{v:.1}"),
        v if v.abs() >= 0.01 => format!("{v:.3}"),
        v => format!("{v:.2e}"),
    }
}
