//! `halfclose advise`: what cures, what merely moves the wall.

use halfclose::capacity::VariantError;
use halfclose::capacity::advise::{Advisor, Effect, Job, Trial, Tried, When};
use halfclose::say;
use halfclose::text::Lang;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::span;
use crate::args::Advise;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Planning as Say;
use crate::source::Source;
use crate::terminal::{self, BAD, COMMAND, GOOD, STRONG, WARN, styled};

/// Version of the JSON object `advise --json` prints.
const SCHEMA_VERSION: u32 = 1;
/// No more remedies are combined than this.
const MOST_TOGETHER: usize = 3;

/// `halfclose advise`.
pub fn advise(arguments: &Advise, lang: Lang) -> Result<Code, Failure> {
    let source = Source::find(&arguments.scenario.source, lang)?;
    let variant = engine::variant(&source, &arguments.scenario.overrides);
    let failed = |error| engine::variant_failure(&source, &arguments.scenario.overrides, error, lang);
    let scenario = variant.scenario().map_err(|error| failed(VariantError::Scenario(error)))?;
    let seed = arguments.scenario.seed.unwrap_or(scenario.seed);
    let advisor = Advisor::new(&variant, seed).map_err(failed)?;
    let all = |jobs: Vec<Job>| -> Result<Vec<Tried>, VariantError> {
        jobs.par_iter().map(|job| advisor.simulate(job)).collect()
    };
    let alone = all(advisor.alone()).map_err(failed)?;
    let mut together = Vec::new();
    for size in 2..=MOST_TOGETHER {
        let tried = all(advisor.together(&alone, size)).map_err(failed)?;
        together = tried.into_iter().filter(|tried| tried.effect == Effect::Cures).collect();
        if !together.is_empty() {
            break;
        }
    }
    let report =
        Report { name: &source.name, seed, baseline: advisor.baseline(), alone: &alone, together: &together, lang };
    terminal::print(&if arguments.json { report.json() } else { report.text() })?;
    Ok(Code::Ok)
}

struct Report<'a> {
    name: &'a str,
    seed: u64,
    baseline: &'a Trial,
    alone: &'a [Tried],
    together: &'a [Tried],
    lang: Lang,
}

impl Report<'_> {
    fn text(&self) -> String {
        let lang = self.lang;
        let mut out = format!("{}\n", styled(STRONG, say!(lang, Say::AdviceTitle, self.name, self.seed)));
        out.push_str(&terminal::fill(&self.situation(), usize::from(terminal::width())));
        if self.baseline.healthy() {
            return out;
        }
        for (when, head) in
            [(When::Tonight, Say::Tonight), (When::Tomorrow, Say::Tomorrow), (When::DoesNotHelp, Say::DoesNotHelp)]
        {
            let tried: Vec<&Tried> =
                self.alone.iter().chain(self.together).filter(|tried| tried.when() == when).collect();
            out.push_str(&format!("\n{}\n", styled(STRONG, head.texts().text(lang))));
            if tried.is_empty() {
                out.push_str(&format!("  {}\n", say!(lang, Say::NothingKnown)));
            }
            for one in tried {
                out.push_str(&self.one(one));
            }
        }
        out.push_str(&format!("\n{}\n", terminal::fill(&self.verdict(), usize::from(terminal::width())).trim_end()));
        out
    }

    fn situation(&self) -> String {
        let Trial { first, connections, simulated, in_time_wait, .. } = *self.baseline;
        match first {
            Some((trouble, seconds)) if in_time_wait > 0 => {
                say!(self.lang, Say::AsItIsInTimeWait, trouble.sign(), span(seconds), connections, in_time_wait)
            }
            Some((trouble, seconds)) => say!(self.lang, Say::AsItIs, trouble.sign(), span(seconds), connections),
            None if self.baseline.healthy() => say!(self.lang, Say::NoTrouble, span(simulated)),
            None => say!(self.lang, Say::NoErrorYet, span(simulated), connections),
        }
    }

    fn one(&self, tried: &Tried) -> String {
        let lang = self.lang;
        let names: Vec<&str> = tried.remedies.iter().map(|remedy| remedy.id.text().texts().text(lang)).collect();
        let (mark, effect) = self.effect(tried);
        let mut out = format!("  {mark} {}: {effect}\n", styled(STRONG, names.join(" + ")));
        for remedy in &tried.remedies {
            for line in &remedy.lines {
                out.push_str(&format!("      {}\n", styled(COMMAND, line)));
            }
            let cost = say!(lang, Say::Cost, remedy.cost.texts().text(lang));
            for line in terminal::fill(&cost, usize::from(terminal::width()) - 6).lines() {
                out.push_str(&format!("      {line}\n"));
            }
        }
        out
    }

    fn effect(&self, tried: &Tried) -> (String, String) {
        let lang = self.lang;
        let before = self.baseline.first.map_or(0.0, |(_, seconds)| seconds);
        let trial = tried.trial;
        let sign = trial.first.map_or_else(String::new, |(trouble, _)| trouble.sign());
        match tried.effect {
            Effect::Cures => (styled(GOOD, "✓"), say!(lang, Say::EffectCures)),
            Effect::Clears => (styled(WARN, "↺"), say!(lang, Say::EffectClears)),
            Effect::StopsTheLeak => (styled(WARN, "!"), say!(lang, Say::EffectStops)),
            Effect::LetsAdminIn => (styled(GOOD, "✓"), say!(lang, Say::EffectAdmin)),
            Effect::Nothing => {
                let text = match trial.first {
                    Some((trouble, seconds)) => say!(lang, Say::EffectSame, trouble.sign(), span(seconds)),
                    None => say!(lang, Say::EffectNothing),
                };
                (styled(BAD, "✗"), text)
            }
            Effect::Moves(Some(after)) => {
                let text = say!(lang, Say::EffectMoves, sign, span(after), span(before), trial.connections);
                (styled(BAD, "✗"), text)
            }
            Effect::Moves(None) => {
                let (simulated, growth) = (span(trial.simulated), format!("{:.1}", trial.growth));
                let text = match tried.projected {
                    Some(wall) => say!(lang, Say::EffectProjected, simulated, growth, wall.sign, span(wall.seconds)),
                    None => say!(lang, Say::EffectLater, simulated, growth),
                };
                (styled(BAD, "✗"), text)
            }
        }
    }

    fn verdict(&self) -> String {
        let lang = self.lang;
        let cures: Vec<String> = self
            .alone
            .iter()
            .filter(|tried| tried.effect == Effect::Cures)
            .flat_map(|tried| &tried.remedies)
            .map(|remedy| remedy.id.text().texts().text(lang).to_owned())
            .collect();
        match (cures.as_slice(), self.together.is_empty()) {
            ([], true) => say!(lang, Say::VerdictNone),
            ([], false) => say!(lang, Say::VerdictTogether),
            ([only], _) => say!(lang, Say::VerdictOnly, only),
            (several, _) => say!(lang, Say::VerdictSeveral, several.join(if lang == Lang::Zh { "、" } else { ", " })),
        }
    }

    fn json(&self) -> String {
        let tried = |tried: &Tried| {
            json!({
                "remedies": tried.remedies.iter().map(|remedy| json!({
                    "id": remedy.id.name(), "lines": remedy.lines, "cost": remedy.cost.texts().en,
                })).collect::<Vec<_>>(),
                "when": match tried.when() {
                    When::Tonight => "tonight", When::Tomorrow => "tomorrow", When::DoesNotHelp => "does-not-help",
                },
                "effect": effect_word(tried.effect),
                "trial": trial_json(&tried.trial),
                "moved_to_seconds": match tried.effect {
                    Effect::Moves(seconds) => seconds,
                    Effect::Cures | Effect::Clears | Effect::StopsTheLeak | Effect::LetsAdminIn | Effect::Nothing => None,
                },
                "projected": tried.projected.map(|wall| json!({
                    "limit": wall.limit.name(), "sign": wall.sign, "seconds": wall.seconds,
                })),
            })
        };
        let object = json!({
            "schema_version": SCHEMA_VERSION,
            "scenario": self.name,
            "seed": self.seed,
            "baseline": trial_json(self.baseline),
            "alone": self.alone.iter().map(tried).collect::<Vec<_>>(),
            "together": self.together.iter().map(tried).collect::<Vec<_>>(),
            "verdict": self.verdict(),
        });
        format!("{object}\n")
    }
}

fn trial_json(trial: &Trial) -> Value {
    json!({
        "first_trouble": trial.first.map(|(trouble, seconds)| json!({ "sign": trouble.sign(), "seconds": seconds })),
        "connections": trial.connections,
        "in_time_wait": trial.in_time_wait,
        "failures_in_last_quarter": trial.failures,
        "descriptors_gained_per_second": trial.growth,
        "works": trial.works,
        "admin_got_in": trial.admin,
        "simulated_seconds": trial.simulated,
    })
}

const fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Cures => "cures",
        Effect::Clears => "clears-until-next-fault",
        Effect::StopsTheLeak => "stops-the-leak",
        Effect::Moves(_) => "moves-the-wall",
        Effect::LetsAdminIn => "lets-admin-in",
        Effect::Nothing => "nothing",
    }
}
