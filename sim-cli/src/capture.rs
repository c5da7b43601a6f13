//! Captures: the library's observer with a file behind it.

use std::io::{self, Write};

use halfclose::observe::{Capture, CaptureConfig, HostView};
use halfclose::scenario::Run;
use halfclose::text::Lang;
use halfclose::time::Instant;
use halfclose::trace::{Observer, Record, Sight};
use halfclose::units::{HostId, Port};
use halfclose::wire::Packet;

/// What the host at `index` of the scenario captures.
pub fn config(run: &Run, index: usize, port: Option<u16>, lang: Lang) -> CaptureConfig {
    let host = run.host(index);
    let names = run.scenario().hosts.iter().map(|host| host.name.clone());
    CaptureConfig {
        host,
        name: run.scenario().hosts[index].name.clone(),
        addrs: run.world().kernel(host).config().addrs.clone(),
        hosts: names.collect(),
        start_unix: HostView::of(run.world(), host).start_unix,
        port: port.map(Port),
        lang,
    }
}

/// A capture that goes to a writer; the first error ends the writing and is
/// told at the end.
pub struct PcapWriter<'a> {
    capture: Capture,
    out: &'a mut dyn Write,
    failure: Option<io::Error>,
}

impl<'a> PcapWriter<'a> {
    /// Begins the file.
    pub fn new(config: CaptureConfig, out: &'a mut dyn Write) -> Self {
        let mut writer = Self { capture: Capture::new(config), out, failure: None };
        writer.drain();
        writer
    }

    /// Writes what is complete.
    fn drain(&mut self) {
        let bytes = self.capture.take();
        if self.failure.is_none() && !bytes.is_empty() {
            self.failure = self.out.write_all(&bytes).err();
        }
    }

    /// Ends the file; the number of packets in it.
    pub fn finish(mut self) -> io::Result<u64> {
        let packets = self.capture.finish();
        self.drain();
        self.failure.map_or_else(|| self.out.flush().map(|()| packets), Err)
    }
}

impl Observer for PcapWriter<'_> {
    fn record(&mut self, record: &Record) {
        self.capture.record(record);
    }
    fn wants_packets(&self) -> bool {
        true
    }
    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        self.capture.packet(at, host, sight, packet);
        self.drain();
    }
}

/// Several observers of one run.
pub struct Watchers<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Watchers<'_> {
    fn record(&mut self, record: &Record) {
        for one in &mut self.0 {
            one.record(record);
        }
    }
    fn wants_records(&self) -> bool {
        self.0.iter().any(|one| one.wants_records())
    }
    fn wants_syscalls(&self) -> bool {
        self.0.iter().any(|one| one.wants_syscalls())
    }
    fn wants_packets(&self) -> bool {
        self.0.iter().any(|one| one.wants_packets())
    }
    fn packet(&mut self, at: Instant, host: HostId, sight: Sight, packet: &Packet) {
        for one in &mut self.0 {
            one.packet(at, host, sight, packet);
        }
    }
}
