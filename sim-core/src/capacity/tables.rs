//! The same rules at other settings: what a planner looks up.

use super::demand::{Demand, Habit, seconds};
use super::limits::{Server, reuse_delay, rounding, usable_ports};
use crate::app::backoff::BackOff;
use crate::scenario::Run;
use crate::time::Duration;

/// Connections a second through TIME_WAIT, for one setting of `tcp_tw_reuse`
/// and one answer to who closes first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ReuseRow {
    /// The client closes first; else the server.
    pub client_closes_first: bool,
    /// `net.ipv4.tcp_tw_reuse`.
    pub tcp_tw_reuse: u8,
    /// Seconds a port of the client is away after its connection.
    pub away: f64,
    /// Most connections a second; infinite if nothing waits.
    pub rate: f64,
}

/// What one connect() costs when so many of the range's ports are taken.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CostRow {
    /// Ports taken, in percent of the range.
    pub percent: u8,
    /// Candidates a search inspects.
    pub candidates: f64,
    /// CPU time of a connect(), seconds.
    pub seconds: f64,
    /// connect() calls a second that keep one CPU busy.
    pub per_core: f64,
}

/// Slots held by clients that send nothing, and the share of clients refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlotRow {
    /// Connections a second.
    pub rate: f64,
    /// `R · T`: sessions that would be held without a limit.
    pub held: f64,
    /// Share refused with ERR 1040: `1 − max_connections / (R · T)`, not below 0.
    pub refused: f64,
}

/// Attempts that clients of one back-off policy make when the server is gone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BackOffRow {
    /// The policy.
    pub policy: BackOff,
    /// Who uses it; empty for the scenario's own.
    pub of: &'static str,
    /// Attempts of all clients in the first second.
    pub first_second: f64,
    /// Attempts of all clients in the first minute.
    pub first_minute: f64,
    /// Attempts of all clients a second in the long run.
    pub steady: f64,
}

/// The tables; empty where the scenario has nothing to put in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tables {
    /// By `tcp_tw_reuse` and by who closes first.
    pub reuse: Vec<ReuseRow>,
    /// By occupancy of the port range.
    pub cost: Vec<CostRow>,
    /// By connection rate.
    pub slots: Vec<SlotRow>,
    /// By policy, for as many clients as the scenario has.
    pub back_off: Vec<BackOffRow>,
    /// How many clients those are.
    pub clients: u32,
}

/// Policies people use, with who does.
const POLICIES: [(&str, BackOff); 5] = [
    ("sysbench", BackOff::Fixed(Duration::from_millis(1))),
    ("1 s", BackOff::Fixed(Duration::from_secs(1))),
    ("HikariCP, sqlx", doubling(10, 5_000)),
    ("bb8", doubling(400, 15_000)),
    ("full jitter", BackOff::Jittered { first: Duration::from_millis(100), growth: 2, cap: Duration::from_secs(30) }),
];

const fn doubling(first_ms: u64, cap_ms: u64) -> BackOff {
    BackOff::Exponential { first: Duration::from_millis(first_ms), growth: 2, cap: Duration::from_millis(cap_ms) }
}

impl Tables {
    pub(super) fn new(run: &Run, demands: &[Demand]) -> Self {
        let Some(first) = demands.first() else { return Self::default() };
        let kernel = run.world().kernel(run.host(first.host));
        let ports = usable_ports(kernel);
        let clients = demands.iter().map(clients).sum();
        let own = demands.iter().find_map(|demand| demand.back_off).map(|policy| ("", policy));
        Self {
            reuse: reuse(ports, 60.0 + rounding(kernel), reuse_delay(kernel), first.destination.addr.is_loopback()),
            cost: costs(first, ports),
            slots: first.destination.server.map_or_else(Vec::new, |server| slots(&Server::of(run, server))),
            back_off: own
                .into_iter()
                .chain(POLICIES)
                .map(|(of, policy)| arrivals(of, policy, clients, first.cycle.attempt))
                .collect(),
            clients,
        }
    }
}

fn clients(demand: &Demand) -> u32 {
    match demand.habit {
        Habit::Keeps(n) => n,
        Habit::Leak | Habit::ClosesFirst(_) | Habit::Resets(_) | Habit::ServerClosesFirst => demand.cycle.threads,
    }
}

fn reuse(ports: f64, wait: f64, delay: f64, loopback: bool) -> Vec<ReuseRow> {
    let row = |client_closes_first, tcp_tw_reuse| {
        let reused = tcp_tw_reuse == 1 || tcp_tw_reuse == 2 && loopback;
        let away = match (client_closes_first, reused) {
            (false, _) => 0.0,
            (true, true) => delay,
            (true, false) => wait,
        };
        ReuseRow {
            client_closes_first,
            tcp_tw_reuse,
            away,
            rate: if away > 0.0 { ports / away } else { f64::INFINITY },
        }
    };
    vec![row(true, 0), row(true, 1), row(true, 2), row(false, 0)]
}

fn costs(demand: &Demand, ports: f64) -> Vec<CostRow> {
    let cycle = &demand.cycle;
    [0, 50, 99, 100]
        .into_iter()
        .map(|percent| {
            let taken = ports * f64::from(percent) / 100.0;
            let half = (ports / 2.0).ceil();
            // Below half the next candidate is nearly always free; above it the first
            // half is passed in vain, then one of the ports still free is met by chance.
            let candidates = match percent {
                0 => 1.0,
                100 => ports,
                _ => half + half / (ports - taken).max(1.0),
            };
            let seconds = cycle.connect + cycle.candidate * candidates;
            CostRow { percent, candidates, seconds, per_core: 1.0 / seconds.max(1e-12) }
        })
        .collect()
}

fn slots(server: &Server) -> Vec<SlotRow> {
    [10.0, 50.0, 100.0, 300.0, 600.0, 1000.0]
        .into_iter()
        .map(|rate| {
            let held = rate * server.connect_timeout;
            SlotRow { rate, held, refused: (1.0 - server.max_connections / held).max(0.0) }
        })
        .collect()
}

/// Expected attempts of `clients` that all lose their server at time 0 and try
/// at once; each is refused and takes `attempt` seconds.
fn arrivals(of: &'static str, policy: BackOff, clients: u32, attempt: f64) -> BackOffRow {
    let wait = |failures: u32| match policy {
        BackOff::Fixed(wait) => seconds(wait),
        BackOff::Exponential { first, growth, cap } => grown(first, growth, cap, failures),
        // Uniform from zero: half of it on average.
        BackOff::Jittered { first, growth, cap } => grown(first, growth, cap, failures) / 2.0,
    };
    let within = |span: f64| {
        let (mut at, mut attempts, mut failures) = (0.0, 0.0, 0);
        while at < span && attempts < 1e8 {
            attempts += 1.0;
            failures += 1;
            at += (wait(failures) + attempt).max(1e-6);
        }
        attempts * f64::from(clients)
    };
    BackOffRow {
        policy,
        of,
        first_second: within(1.0),
        first_minute: within(60.0),
        steady: f64::from(clients) / (wait(1_000) + attempt).max(1e-6),
    }
}

fn grown(first: Duration, growth: u32, cap: Duration, failures: u32) -> f64 {
    let factor = u64::from(growth).saturating_pow(failures.saturating_sub(1));
    seconds(first.saturating_mul(factor).min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_known_policies() {
        let row = |policy| arrivals("", policy, 10, 0.0);
        let fixed = row(BackOff::Fixed(Duration::from_secs(1)));
        assert_eq!((fixed.first_second, fixed.first_minute, fixed.steady), (10.0, 600.0, 10.0));
        // 0, 10, 30, 70, 150, 310, 630 ms; then 1.27 s and so on up to steps of 5 s.
        let hikari = row(doubling(10, 5_000));
        assert_eq!(hikari.first_second, 70.0);
        assert_eq!(hikari.steady, 2.0);
        let jitter =
            row(BackOff::Jittered { first: Duration::from_millis(100), growth: 2, cap: Duration::from_secs(30) });
        assert!((jitter.steady - 10.0 / 15.0).abs() < 1e-9);
    }

    /// FACTS E10 and the well-known 470/s; 463/s with the wheel's rounding at HZ 250.
    #[test]
    fn the_published_rates_through_time_wait() {
        let rows = reuse(28_232.0, 60.0, 1.0, false);
        assert!((rows[0].rate - 470.5).abs() < 0.1);
        assert!((rows[1].rate - 28_232.0).abs() < 0.1);
        assert_eq!((rows[2].rate, rows[3].rate), (rows[0].rate, f64::INFINITY));
        assert!((reuse(28_232.0, 61.024, 1.0, true)[2].rate - 28_232.0).abs() < 0.1, "2 serves loopback");
    }
}
