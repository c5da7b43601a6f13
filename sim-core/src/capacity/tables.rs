//! The same rules at other settings: what a planner looks up.

use super::Formula;
use super::demand::{Demand, Habit, seconds};
use super::limits::{Server, reuse_delay, rounding, usable_ports};
use crate::app::backoff::BackOff;
use crate::app::mysql::Flavour;
use crate::scenario::{ProcessIx, ProgramSpec, Run};
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
    /// How each table's rows come about, with numbers put in.
    pub formulas: TableFormulas,
    /// The way in that the slots do not count; `None` without a MySQL server.
    pub admin: Option<AdminPort>,
}

/// The formulas behind the tables.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TableFormulas {
    /// Of [`Tables::reuse`]: the published rule, with the timer wheel, with reuse.
    pub reuse: Vec<Formula>,
    /// Of [`Tables::cost`].
    pub cost: Vec<Formula>,
    /// Of [`Tables::slots`], at 600 connections a second.
    pub slots: Vec<Formula>,
    /// Of [`Tables::back_off`], for its first row.
    pub back_off: Vec<Formula>,
}

/// `admin_port`: sessions there are counted against no limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminPort {
    /// This version has one (MySQL 8.0.14).
    pub known: bool,
    /// Where it is open: `127.0.0.1:33062`.
    pub address: Option<String>,
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
        let ports = usable_ports(run, first);
        let all = ports * f64::from(first.cycle.pairs);
        let clients = demands.iter().map(clients).sum();
        let own = demands.iter().find_map(|demand| demand.back_off).map(|policy| ("", policy));
        let server = first.destination.server.map(|server| Server::of(run, server));
        let policies: Vec<(&str, BackOff)> = own.into_iter().chain(POLICIES).collect();
        let (late, delay) = (rounding(kernel), reuse_delay(kernel));
        Self {
            reuse: reuse(all, 60.0 + late, delay, first.destination.addr.is_loopback()),
            cost: costs(first, ports),
            slots: server.as_ref().map_or_else(Vec::new, slots),
            back_off: policies.iter().map(|&(of, policy)| arrivals(of, policy, clients, first.cycle.attempt)).collect(),
            clients,
            formulas: TableFormulas {
                reuse: reuse_formulas(all, late, delay, kernel.config().profile.hz),
                cost: vec![cost_formula(first, ports)],
                slots: server.as_ref().map_or_else(Vec::new, slot_formulas),
                back_off: vec![attempts_formula(policies[0].1, clients, first.cycle.attempt)],
            },
            admin: first.destination.server.map(|server| admin_port(run, server)),
        }
    }
}

/// Where an administrator gets in whatever the clients hold.
fn admin_port(run: &Run, server: ProcessIx) -> AdminPort {
    let ProgramSpec::Mysqld(spec) = &run.scenario().processes[server].program else {
        return AdminPort { known: false, address: None };
    };
    let known = match Flavour::of(&spec.version) {
        Flavour::Mysql80Early | Flavour::Mysql80 => true,
        Flavour::Mysql57 | Flavour::MariaDb => false,
    };
    let port = spec.vars.iter().find(|(name, _)| *name == "admin_port").map_or(ADMIN_PORT, |(_, port)| *port);
    AdminPort { known, address: spec.admin_address.map(|address| format!("{address}:{port}")) }
}

/// `admin_port` of MySQL where it is not set.
const ADMIN_PORT: u64 = 33_062;

fn reuse_formulas(ports: f64, late: f64, delay: f64, hz: u32) -> Vec<Formula> {
    vec![
        Formula {
            symbols: "ports / 60 s",
            numbers: format!("{ports:.0} / 60"),
            value: ports / 60.0,
            source: "TCP_TIMEWAIT_LEN; the published rule",
        },
        Formula {
            symbols: "ports / (60 s + lateness of the timer)",
            numbers: format!("{ports:.0} / (60 + {late:.2})"),
            value: ports / (60.0 + late),
            source: match hz {
                100 => "half a slot of the timer wheel on average, HZ 100; calc_wheel_index",
                250 => "half a slot of the timer wheel on average, HZ 250; calc_wheel_index",
                300 => "half a slot of the timer wheel on average, HZ 300; calc_wheel_index",
                _ => "half a slot of the timer wheel on average, HZ 1000; calc_wheel_index",
            },
        },
        Formula {
            symbols: "ports / reuse delay",
            numbers: format!("{ports:.0} / {delay:.2}"),
            value: ports / delay,
            source: "tcp_tw_reuse; twsk_unique",
        },
    ]
}

fn cost_formula(demand: &Demand, ports: f64) -> Formula {
    let (half, cycle) = ((ports / 2.0).ceil(), &demand.cycle);
    Formula {
        symbols: "(t₀ + c · half) in µs, once a half is taken",
        numbers: format!("{:.1} + {:.3} · {half:.0}", cycle.connect * 1e6, cycle.candidate * 1e6),
        value: (cycle.connect + cycle.candidate * half) * 1e6,
        source: "cost profile; __inet_check_established for each candidate",
    }
}

fn slot_formulas(server: &Server) -> Vec<Formula> {
    let rate = 600.0;
    let held = rate * server.connect_timeout;
    let most = server.max_connections;
    vec![
        Formula {
            symbols: "R · T",
            numbers: format!("{rate:.0} · {}", server.connect_timeout),
            value: held,
            source: "connect_timeout, per read",
        },
        Formula {
            symbols: "1 − max_connections / (R · T)",
            numbers: format!("1 − {most} / {held:.0}"),
            value: (1.0 - most / held).max(0.0),
            source: "what comes and finds no slot: ERR 1040",
        },
    ]
}

fn attempts_formula(policy: BackOff, clients: u32, attempt: f64) -> Formula {
    let wait = mean_wait(policy, LONG_RUN);
    Formula {
        symbols: "clients / (wait + one attempt)",
        numbers: format!("{clients} / ({wait:.4} + {attempt:.6})"),
        value: f64::from(clients) / (wait + attempt).max(1e-6),
        source: "the first row in the long run; a jitter waits half its span on average",
    }
}

/// Failures after which every policy waits its longest.
const LONG_RUN: u32 = 1_000;

/// Seconds of waiting after so many failures; uniform from zero is half of it on average.
fn mean_wait(policy: BackOff, failures: u32) -> f64 {
    match policy {
        BackOff::Fixed(wait) => seconds(wait),
        BackOff::Exponential { first, growth, cap } => grown(first, growth, cap, failures),
        BackOff::Jittered { first, growth, cap } => grown(first, growth, cap, failures) / 2.0,
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
    let wait = |failures: u32| mean_wait(policy, failures);
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
        steady: f64::from(clients) / (wait(LONG_RUN) + attempt).max(1e-6),
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
