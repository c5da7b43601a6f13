//! Which numbers are sampled over time.

use halfclose::observe::Series;
use halfclose::scenario::{Metric, MetricKind, ProcessMetric, ProgramKind, Run, Scenario};
use halfclose::tcp::TcpState;
use halfclose::time::{Duration, Instant};

/// A line of the time series.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// As metrics are named.
    pub(super) name: String,
    /// The chart it belongs to.
    pub(super) group: &'static str,
    metrics: Vec<Metric>,
}

impl Column {
    /// The sum of its metrics now.
    pub(super) fn read(&self, run: &Run) -> u64 {
        let values = self.metrics.iter().filter_map(|metric| run.metric(metric));
        values.map(|value| u64::try_from(value).unwrap_or(0)).sum()
    }
}

/// The lines of a scenario's charts.
pub(super) fn columns(scenario: &Scenario) -> Vec<Column> {
    let names = scenario.names();
    let mut columns = Vec::new();
    let mut add = |group, metrics: Vec<Metric>| {
        let mut name = String::new();
        for metric in &metrics {
            name += if name.is_empty() { "" } else { " + " };
            name += &names.display(metric);
        }
        columns.push(Column { name, group, metrics });
    };
    for host in 0..scenario.hosts.len() {
        let tcp = |state| Metric { host, kind: MetricKind::Tcp(state) };
        add("sockets", vec![tcp(TcpState::Established)]);
        add("sockets", vec![tcp(TcpState::CloseWait)]);
        add("sockets", vec![tcp(TcpState::FinWait2), tcp(TcpState::TimeWait)]);
        add("cpu", vec![Metric { host, kind: MetricKind::CpuBusy }]);
    }
    for (process, spec) in scenario.processes.iter().enumerate() {
        let of = |kind| Metric { host: spec.host, kind: MetricKind::Process { process, kind } };
        match spec.program.kind() {
            ProgramKind::Mysqld => {
                add("sessions", vec![of(ProcessMetric::Status("Threads_connected".to_owned()))]);
            }
            ProgramKind::Sysbench | ProgramKind::Reconnect | ProgramKind::Pool | ProgramKind::Script => {
                add("descriptors", vec![of(ProcessMetric::FdOpen)]);
            }
            ProgramKind::Mysql | ProgramKind::Dns => {}
        }
    }
    columns
}

/// The samples up to a moment.
pub(super) fn until(series: &Series, at: Instant) -> Series {
    let rows = series.rows().take_while(|(moment, _)| *moment <= at);
    let second = series.rows().nth(1).map_or(Duration::from_nanos(1), |(moment, _)| moment.since(Instant::ZERO));
    let mut cut = Series::new(series.names().to_vec(), second.max(Duration::from_nanos(1)), 2_000);
    for (moment, row) in rows {
        cut.push(moment, row);
    }
    cut
}
