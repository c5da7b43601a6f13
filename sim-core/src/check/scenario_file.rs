//! A counterexample as a scenario file: the program under test becomes a script of
//! the system calls it made, each at the time at which it was made.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use super::case::{CLIENT_ADDR, Case, KERNEL, MYSQL, SERVER_ADDR, Subject, Violation};
use super::counterexample::{PLAN_LINE, metric_value};
use super::plan::{Fault, Plan};
use super::property::{Bound, Property};
use super::words::Words;
use crate::app::{Call, CallResult, Ret, ShutdownHow, SockType, SocketOption};
use crate::say;
use crate::tcp::TcpSocketOption;
use crate::text::Lang;
use crate::time::{Duration, Instant};
use crate::units::{Fd, ProcIx};

/// Calls a script holds at most; what comes later did not lead to the violation.
const CALLS_MAX: usize = 4_000;

/// A call of a program, when it was decided on, and what it returned.
pub(super) type Made = (Instant, Call, Option<CallResult>);

pub(super) fn write(subject: &Subject, property: &Property, plan: &Plan, seen: &Violation, case: &Case) -> String {
    let mut file = File { out: String::new() };
    let at = seen.at.since(Instant::ZERO);
    // In one line, whatever a property of the user's says.
    let on_one_line = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
    let question = on_one_line(&say!(Lang::En, Words::Question, property.name, seen.why));
    let question_zh = on_one_line(&say!(Lang::Zh, Words::Question, property.name, seen.why_zh));
    file.line(&format!("# {question}"));
    file.line("#");
    file.line(&format!("{PLAN_LINE}{}", plan.line()));
    file.line("format = 1");
    file.line(&format!("title = {}", quoted(&format!("{} does not hold", property.name))));
    file.line(&format!("title_zh = {}", quoted(&format!("{} 不成立", property.name))));
    file.line(&format!("question = {}", quoted(&question)));
    file.line(&format!("question_zh = {}", quoted(&question_zh)));
    file.line(&format!("seed = {}", plan.seed));
    file.line(&format!("end = {}", quoted(&(at + Duration::from_secs(1)).to_string())));
    file.host("client", &CLIENT_ADDR.to_string());
    file.line("[host.client.sysctl]");
    file.line(&format!("net.ipv4.ip_local_port_range = \"{} {}\"", plan.ports.0, plan.ports.1));
    file.host("db", &SERVER_ADDR.to_string());
    file.line("\n[[link]]\nbetween = [\"client\", \"db\"]");
    file.line(&format!("latency = \"{}us\"", plan.latency_us));
    if plan.loss > 0 {
        file.line(&format!("loss = \"{}/1000\"", plan.loss));
    }
    let server = file.peers(subject, plan, case);
    let host = if subject.listens() { "db" } else { "client" };
    let name = file.programs(host, plan, case);
    for (ix, _) in plan.faults.iter().enumerate() {
        file.fault(ix, plan, case);
    }
    file.expectation(property, seen, case, &format!("{host}.{name}"), &server);
    file.out
}

struct File {
    out: String,
}

/// A basic string of TOML: control characters, which it may not hold, become spaces.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " ");
    format!("\"{text}\"")
}

fn moment(at: Duration) -> String {
    quoted(&at.to_string())
}

impl File {
    fn line(&mut self, text: &str) {
        self.out += text;
        self.out.push('\n');
    }

    fn host(&mut self, name: &str, addr: &str) {
        let _ = write!(
            self.out,
            "\n[host.{name}]\naddrs = [\"{addr}\"]\nkernel = \"{KERNEL}\"\ncpus = 2\nram = \"8GiB\"\ncost_profile = \"kernel-truth-6.18\"\n"
        );
    }

    /// The other side of the program under test; the name of the MySQL server that runs last.
    fn peers(&mut self, subject: &Subject, plan: &Plan, case: &Case) -> String {
        if let Subject::Server(port, _) = subject {
            self.load("load", *port, 2, Duration::ZERO, Duration::from_secs(1), Duration::from_millis(100));
            for (ix, fault) in plan.faults.iter().enumerate() {
                if let Fault::Burst(n) = fault.fault {
                    self.load(&format!("burst{ix}"), *port, n, fault.lasts, Duration::from_millis(5), fault.at);
                }
            }
            return String::new();
        }
        let mut name = "mysqld".to_owned();
        self.mysqld(&name, plan, None);
        for ix in &case.started {
            name = format!("mysqld{ix}");
            self.mysqld(&name, plan, Some(plan.faults[*ix].end()));
        }
        name
    }

    fn mysqld(&mut self, name: &str, plan: &Plan, start: Option<Duration>) {
        let start = start.map_or_else(String::new, |at| format!("start = {}\n", moment(at)));
        let _ = write!(
            self.out,
            "\n[[process]]\nname = \"{name}\"\nhost = \"db\"\nprogram = \"mysqld\"\nRLIMIT_NOFILE = \"10000:10000\"\n{start}\
             [process.mysqld]\nversion = \"{MYSQL}\"\nmax_connections = {}\nconnect_timeout = {}\nwait_timeout = {}\n\
             host_cache_size = 0\n",
            plan.max_connections, plan.connect_timeout, plan.wait_timeout
        );
    }

    fn load(&mut self, name: &str, port: u16, threads: u16, hold: Duration, pace: Duration, start: Duration) {
        let _ = write!(
            self.out,
            "\n[[process]]\nname = \"{name}\"\nhost = \"client\"\nprogram = \"reconnect\"\nRLIMIT_NOFILE = \"4096:4096\"\n\
             start = {}\n[process.reconnect]\ntarget = \"{SERVER_ADDR}:{port}\"\nthreads = {threads}\nafter = \"exchange\"\n\
             bytes = 16\nclose_first = \"client\"\nhold = {}\npace = {}\nbackoff = \"fixed\"\ndelay = \"500ms\"\n\
             connect_timeout = \"3s\"\n",
            moment(start),
            moment(hold),
            moment(pace)
        );
    }

    /// Each life of the program under test; the name of the last one.
    fn programs(&mut self, host: &str, plan: &Plan, case: &Case) -> String {
        let (id, last) = case.process;
        let mut name = "app".to_owned();
        let lives: Vec<ProcIx> = (0..=last.0)
            .map(ProcIx)
            .filter(|ix| case.world.kernel(id).processes()[ix.index()].name() == "app")
            .collect();
        for (life, ix) in lives.into_iter().enumerate() {
            if life > 0 {
                name = format!("app{life}");
            }
            let made = case.world.app(id, ix).made_calls();
            let Some(start) = made.first().map(|(at, ..)| *at) else { continue };
            let _ = write!(
                self.out,
                "\n# What the program did.\n[[process]]\nname = \"{name}\"\nhost = \"{host}\"\nprogram = \"script\"\n\
                 RLIMIT_NOFILE = \"{}:{}\"\nstart = {}\n[process.script]\nrun = [\n",
                plan.nofile,
                plan.nofile.max(1_024),
                moment(start.since(Instant::ZERO))
            );
            self.out += &script(&made, start);
            self.line("]");
        }
        name
    }

    fn fault(&mut self, ix: usize, plan: &Plan, case: &Case) {
        let fault = plan.faults[ix];
        let (begin, end) = (moment(fault.at), moment(fault.end()));
        let action = |at: &str, what: &str, more: &str| format!("\n[[timeline]]\nat = {at}\ndo = \"{what}\"\n{more}");
        let before = case.started.iter().filter(|earlier| plan.faults[**earlier].end() <= fault.at);
        let server =
            before.map(|earlier| format!("mysqld{earlier}")).next_back().unwrap_or_else(|| "mysqld".to_owned());
        let one_way = |from: &str, to: &str| {
            action(&begin, "drop", &format!("name = \"fault{ix}\"\nfrom = \"{from}\"\nto = \"{to}\"\n"))
                + &action(&end, "heal", &format!("rule = \"fault{ix}\"\n"))
        };
        let lives = plan.faults[..ix].iter().filter(|f| f.fault == Fault::KillClient && f.end() <= fault.at).count();
        let app = if lives == 0 { "app".to_owned() } else { format!("app{lives}") };
        let text = match fault.fault {
            Fault::KillSession | Fault::KillAll => case.killed.get(&ix).map_or_else(String::new, |ids| {
                let kill = |id: &u64| action(&begin, "kill session", &format!("process = \"{server}\"\nid = {id}\n"));
                ids.iter().map(kill).collect()
            }),
            Fault::RestartServer => action(&begin, "kill process", &format!("process = \"{server}\"\n")),
            Fault::PowerLoss => {
                let orphans = |n: u32| format!("host = \"db\"\nname = \"net.ipv4.tcp_max_orphans\"\nvalue = {n}\n");
                let between = "from = \"client\"\nto = \"db\"\n";
                action(&begin, "partition", between)
                    + &action(&begin, "sysctl -w", &orphans(0))
                    + &action(&begin, "kill process", &format!("process = \"{server}\"\n"))
                    + &action(&end, "heal", between)
                    + &action(&end, "sysctl -w", &orphans(super::case::ORPHANS))
            }
            Fault::PauseServer => {
                let process = format!("process = \"{server}\"\n");
                action(&begin, "pause process", &process) + &action(&end, "resume process", &process)
            }
            Fault::Partition => {
                let between = "from = \"client\"\nto = \"db\"\n";
                action(&begin, "partition", between) + &action(&end, "heal", between)
            }
            Fault::LossToServer => one_way("client", "db"),
            Fault::LossToClient => one_way("db", "client"),
            // The script connects to addresses; how long a lookup took is in its pauses.
            Fault::DnsStall => String::new(),
            Fault::Refuse | Fault::BlackHole => {
                let port = case.port();
                let what = if fault.fault == Fault::Refuse { "reject" } else { "drop" };
                let how = if fault.fault == Fault::Refuse { "reject_with = \"tcp-reset\"\n" } else { "" };
                let rule = format!("name = \"fault{ix}\"\n{how}to = \"db\"\ndport = {port}\ntcp_flags = \"SYN\"\n");
                action(&begin, what, &rule) + &action(&end, "heal", &format!("rule = \"fault{ix}\"\n"))
            }
            Fault::KillClient => action(&begin, "kill process", &format!("process = \"{app}\"\n")),
            Fault::Sysctl(change) => {
                let host = if case.listens() { "db" } else { "client" };
                let write = |value: &str| format!("host = \"{host}\"\nname = \"{}\"\nvalue = {value}\n", change.name());
                let back = case.before.get(&ix).map_or_else(String::new, |old| action(&end, "sysctl -w", &write(old)));
                action(&begin, "sysctl -w", &write(&change.value().to_string())) + &back
            }
            Fault::FewPorts(n) => {
                let (low, high) = plan.ports;
                let range = |high: u16| {
                    format!("host = \"client\"\nname = \"net.ipv4.ip_local_port_range\"\nvalue = \"{low} {high}\"\n")
                };
                action(&begin, "sysctl -w", &range(low.saturating_add(n.max(1) - 1)))
                    + &action(&end, "sysctl -w", &range(high))
            }
            Fault::FewFds(n) => {
                let limit = |n: u16| format!("process = \"{app}\"\nRLIMIT_NOFILE = \"{n}:{}\"\n", n.max(1_024));
                action(&begin, "prlimit", &limit(n)) + &action(&end, "prlimit", &limit(plan.nofile))
            }
            Fault::Burst(_) => action(&end, "kill process", &format!("process = \"burst{ix}\"\n")),
        };
        self.out += &text;
    }

    fn expectation(&mut self, property: &Property, seen: &Violation, case: &Case, subject: &str, server: &str) {
        let at = moment(seen.at.since(Instant::ZERO));
        let Some((metric, bound)) = property.metric else {
            self.line("\n# No metric says whether the property holds.");
            return;
        };
        let served = format!("db.{server}.Queries");
        let name = metric
            .replace("{subject}", subject)
            .replace("{host}", subject.split('.').next().unwrap_or(subject))
            .replace("{server}", &format!("db.{server}"))
            .replace("{served}", &served);
        if bound == Bound::Grows {
            if server.is_empty() {
                self.line("\n# No metric of a scenario says what the program served.");
                return;
            }
            let since = moment(seen.at.since(Instant::ZERO).saturating_sub(Duration::from_secs(10)));
            let min = (case.view().served_usually() / 4).max(1);
            self.line(&format!("\n[[expect]]\nmetric = \"{name}\"\nsince = {since}\nat = {at}\nmin = {min}"));
        } else if let Some(value) = metric_value(case, bound, metric) {
            let max = value.saturating_sub(1);
            self.line(&format!("\n[[expect]]\nmetric = \"{name}\"\nat = {at}\nmax = {max}"));
        }
    }
}

/// The steps of a script that makes these calls.
fn script(made: &[Made], start: Instant) -> String {
    let mut out = String::new();
    let mut names: BTreeMap<Fd, String> = BTreeMap::new();
    let mut opened = 0;
    let mut clock = start;
    for (at, call, result) in made.iter().take(CALLS_MAX) {
        let Some(step) = step(call, result.as_ref(), &mut names, &mut opened) else { continue };
        // A sleep is some 50 us late by itself, so a shorter pause is none.
        let pause = at.since(clock);
        if pause > Duration::from_micros(100) {
            let pause = pause.saturating_sub(Duration::from_micros(60));
            let _ = writeln!(out, "  {{ op = \"sleep\", for = \"{pause}\" }},");
        }
        clock = *at;
        let _ = writeln!(out, "  {{ {step} }},");
    }
    out
}

fn step(
    call: &Call,
    result: Option<&CallResult>,
    names: &mut BTreeMap<Fd, String>,
    opened: &mut u32,
) -> Option<String> {
    let mut open = |names: &mut BTreeMap<Fd, String>, fd: Fd| {
        *opened += 1;
        let name = format!("s{opened}");
        names.insert(fd, name.clone());
        name
    };
    if let Call::Socket { ty: SockType::Stream, .. } = call {
        let name = match result {
            Some(Ok(Ret::Fd(fd))) => open(names, *fd),
            Some(_) | None => "none".to_owned(),
        };
        return Some(format!("op = \"socket\", fd = \"{name}\", nonblock = true"));
    }
    if let Call::Accept { fd, .. } = call {
        let listener = names.get(fd)?.clone();
        let Some(Ok(Ret::Accepted(new, _))) = result else { return None };
        let new = open(names, *new);
        return Some(format!("op = \"accept\", fd = \"{listener}\", into = \"{new}\""));
    }
    if let Call::Close { fd } = call {
        return names.remove(fd).map(|name| format!("op = \"close\", fd = \"{name}\""));
    }
    if let Call::Connect { fd, addr } = call {
        return names.get(fd).map(|name| format!("op = \"connect\", fd = \"{name}\", addr = \"{addr}\""));
    }
    if let Call::Bind { fd, addr } = call {
        return names.get(fd).map(|name| format!("op = \"bind\", fd = \"{name}\", addr = \"{addr}\""));
    }
    if let Call::Listen { fd, backlog } = call {
        return names.get(fd).map(|name| format!("op = \"listen\", fd = \"{name}\", backlog = {backlog}"));
    }
    if let Call::Send { fd, data } = call {
        let hex: String = data.to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
        return names.get(fd).map(|name| format!("op = \"send\", fd = \"{name}\", hex = \"{hex}\""));
    }
    if let Call::Recv { fd, max, peek: false, .. } = call {
        return names.get(fd).map(|name| format!("op = \"recv\", fd = \"{name}\", max = {max}"));
    }
    if let Call::Shutdown { fd, how } = call {
        let how = match how {
            ShutdownHow::Read => "SHUT_RD",
            ShutdownHow::Write => "SHUT_WR",
            ShutdownHow::Both => "SHUT_RDWR",
        };
        return names.get(fd).map(|name| format!("op = \"shutdown\", fd = \"{name}\", how = \"{how}\""));
    }
    if let Call::SetSockOpt { fd, option } = call {
        let name = names.get(fd)?;
        let (option, value) = option_word(*option)?;
        return Some(format!("op = \"setsockopt\", fd = \"{name}\", option = \"{option}\", value = {value}"));
    }
    None
}

/// Options that end or outlive a connection in another way; the rest changes nothing that shows here.
fn option_word(option: SocketOption) -> Option<(&'static str, u64)> {
    if let SocketOption::ReuseAddr(on) = option {
        return Some(("SO_REUSEADDR", u64::from(on)));
    }
    if let SocketOption::Tcp(TcpSocketOption::Linger(Some(time))) = option {
        return Some(("SO_LINGER", time.as_secs()));
    }
    if let SocketOption::Tcp(TcpSocketOption::KeepAlive(on)) = option {
        return Some(("SO_KEEPALIVE", u64::from(on)));
    }
    None
}
