//! What the module has when its tools are loaded: a shell, captures, the program's pictures.

use halfclose::observe::charts::{Watch, drive};
use halfclose::observe::shell::{BuiltIn, Shell};
use halfclose::observe::{Capture, CaptureConfig};
use halfclose::plot::Picture;
use halfclose::scenario::Run;
use halfclose::text::Lang;
use halfclose::time::START_UNIX;
use wasm_bindgen::prelude::*;

use super::lab::{Lab, instant, json};
use super::timeline::Outcome;
use crate::wire::{Done, Typed};

/// Bytes of a capture at most: it goes through the page's memory.
const MAX_CAPTURE: usize = 64 << 20;

#[wasm_bindgen]
impl Lab {
    /// Types a line into the shell of a host. What moves time is told and not
    /// done: the clock is the page's. What changes the world is done now.
    ///
    /// # Errors
    /// If the world cannot be copied.
    pub fn type_in(&mut self, line: usize, host: usize, text: &str) -> Result<String, String> {
        let lang = self.lang;
        let timeline = &mut self.lines[line];
        let shell = self.shells.entry(host).or_insert_with(|| new_shell(timeline.run(), host, lang));
        let mut filters = BuiltIn::new(lang);
        let (answer, outcome) = timeline.with_run(|run, memory| shell.execute(run, text, &mut filters, memory))?;
        let now = timeline.now();
        json_ok(&Typed {
            out: answer.out,
            err: answer.err,
            prompt: shell.prompt(timeline.run()),
            moved_ns: if let Outcome::Moved(at) = outcome { Some(at.nanos()) } else { None },
            changed_ns: (outcome == Outcome::Changed).then(|| now.nanos()),
        })
    }

    /// What stands before the next line on a host.
    pub fn prompt(&mut self, line: usize, host: usize) -> String {
        let lang = self.lang;
        let timeline = &self.lines[line];
        let shell = self.shells.entry(host).or_insert_with(|| new_shell(timeline.run(), host, lang));
        shell.prompt(timeline.run())
    }

    /// Words that may end a line half typed.
    pub fn complete(&mut self, line: usize, host: usize, text: &str) -> Vec<String> {
        let lang = self.lang;
        let timeline = &self.lines[line];
        let shell = self.shells.entry(host).or_insert_with(|| new_shell(timeline.run(), host, lang));
        shell.complete(timeline.run(), text)
    }

    /// What a host sends and receives between two moments, as pcapng.
    ///
    /// # Errors
    /// When a budget is exceeded, or the capture is too large for a page.
    pub fn pcapng(&mut self, line: usize, host: usize, from_ns: f64, to_ns: f64) -> Result<Vec<u8>, String> {
        let mut run = self.lines[line].copy_at(instant(from_ns))?;
        let id = run.host(host);
        let mut capture = Capture::new(CaptureConfig {
            host: id,
            name: run.scenario().hosts[host].name.clone(),
            addrs: run.world().kernel(id).config().addrs.clone(),
            hosts: run.scenario().hosts.iter().map(|host| host.name.clone()).collect(),
            start_unix: START_UNIX,
            port: None,
            lang: self.lang,
        });
        run.run_until(instant(to_ns), &mut capture).map_err(|error| error.to_string())?;
        capture.finish();
        let bytes = capture.take();
        if bytes.len() > MAX_CAPTURE {
            return Err(format!("{} MB of packets: take them with `halfclose export pcapng`", bytes.len() >> 20));
        }
        Ok(bytes)
    }

    /// A picture of the run up to a moment, as the program draws it: `sockets`,
    /// `ports`, `connect-cost`, …. The run is made again from its start.
    ///
    /// # Errors
    /// If there is no such picture, or nothing to show in it yet.
    pub fn picture(&self, line: usize, name: &str, until_ns: f64) -> Result<String, String> {
        let picture = Picture::parse(name).map_err(|_near| format!("no picture is called `{name}`"))?;
        let seen = self.lines[line].run();
        let mut run = Run::new(seen.scenario().clone(), seen.seed()).map_err(|error| error.to_string())?;
        let mut watch = Watch::new(&run);
        drive(&mut run, instant(until_ns), &mut watch).map_err(|error| error.text(self.lang))?;
        picture.draw(&watch, &run, None, self.lang).ok_or_else(|| "nothing to show there yet".to_owned())
    }

    /// Does again what a line once typed did.
    pub(super) fn typed_before(&mut self, line: usize, host: &str, text: &str) -> Result<String, String> {
        let host = host.parse::<usize>().ok().filter(|&host| host < self.lines[line].run().scenario().hosts.len());
        let host = host.ok_or_else(|| "no such host".to_owned())?;
        self.type_in(line, host, text)?;
        let at = self.lines[line].now();
        let name = &self.lines[line].run().scenario().hosts[host].name;
        json_ok(&Done { at_ns: at.nanos(), toml: format!("\n# At {}ns on {name}: {text}\n", at.nanos()) })
    }
}

fn new_shell(run: &Run, host: usize, lang: Lang) -> Shell {
    let mut shell = Shell::new(run, lang);
    shell.go_to(run, &run.scenario().hosts[host].name);
    shell
}

fn json_ok(value: &impl serde::Serialize) -> Result<String, String> {
    Ok(json(value))
}
