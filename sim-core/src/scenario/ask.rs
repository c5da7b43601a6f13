//! Questions from outside the file: an expression of metrics, and every metric
//! of a run at once.

use super::expr::{self, Expr};
use super::metric::{Metric, MetricKind, ProcessMetric, ProcesslistMetric, SsMetric, app_metrics};
use super::read;
use super::run::Run;
use super::spec::{ProgramKind, Scenario};
use super::{ScenarioError, argument_error};
use crate::errno::Errno;
use crate::tcp::TcpState;
use crate::trace::Mib;

/// What a call gets when something has run out, as metrics name it.
const EXHAUSTION: [Errno; 3] = [Errno::AddrNotAvail, Errno::MFile, Errno::NFile];

impl Scenario {
    /// Reads a metric, or an expression of metrics and numbers.
    ///
    /// # Errors
    /// What is wrong with the text, with the nearest name as a hint; its place is the text.
    pub fn quantity(&self, text: &str) -> Result<Expr, ScenarioError> {
        expr::parse(text, &self.names()).map_err(|(kind, near)| argument_error(text, "metric", kind, near))
    }
}

impl Run {
    /// The value of a quantity now; `None` where a metric has none.
    #[must_use]
    pub fn value(&self, quantity: &Expr) -> Option<i64> {
        quantity.eval(&|metric| self.metric(metric)).ok()
    }

    /// Every metric that has a value now and is not a distribution, by name.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, i64)> {
        let names = self.scenario().names();
        let mut found = Vec::new();
        let mut add = |metric: &Metric, value: Option<i64>| {
            if let Some(value) = value {
                found.push((names.display(metric), value));
            }
        };
        let mut push = |metric: Metric| add(&metric, self.metric(&metric));
        for host in 0..self.scenario().hosts.len() {
            for state in TcpState::ALL {
                push(Metric { host, kind: MetricKind::Tcp(state) });
            }
            push(Metric { host, kind: MetricKind::TcpUnhashed });
            for &word in SsMetric::ALL {
                push(Metric { host, kind: MetricKind::Ss(word) });
            }
            for &mib in Mib::ALL {
                push(Metric { host, kind: MetricKind::Mib(mib) });
            }
            push(Metric { host, kind: MetricKind::CpuBusy });
        }
        for (process, spec) in self.scenario().processes.iter().enumerate() {
            // One walk over the descriptors for all states together.
            let (host, ix) = self.process(process);
            let in_state = read::sockets_by_state(self.world().kernel(host), ix);
            for kind in kinds_of(spec.program.kind()) {
                let counted =
                    if let ProcessMetric::Tcp(state) = &kind { Some(in_state[*state as usize]) } else { None };
                let metric = Metric { host: spec.host, kind: MetricKind::Process { process, kind } };
                add(&metric, counted.or_else(|| self.metric(&metric)));
            }
        }
        found
    }
}

/// The metrics of a process that are single numbers.
fn kinds_of(program: ProgramKind) -> Vec<ProcessMetric> {
    let mut kinds =
        vec![ProcessMetric::Running, ProcessMetric::CpuBusy, ProcessMetric::FdOpen, ProcessMetric::FdSockets];
    kinds.extend(TcpState::ALL.map(ProcessMetric::Tcp));
    kinds.extend([ProcessMetric::ConnectAttempts, ProcessMetric::ConnectOk]);
    kinds.extend(EXHAUSTION.map(ProcessMetric::ConnectErrno));
    if program == ProgramKind::Mysqld {
        kinds.extend(ProcesslistMetric::ALL.iter().copied().map(ProcessMetric::Processlist));
    }
    kinds.extend(app_metrics(program).iter().map(|&name| ProcessMetric::Status(name.to_owned())));
    kinds
}
